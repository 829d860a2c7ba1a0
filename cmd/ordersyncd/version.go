package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// stamp is "version commit", set by the linker and by nothing else (see `make build`); empty where the binary was built by hand.
var stamp string

// build says what this binary is.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Schema  int64  `json:"schema"`
}

// thisBuild describes the running binary; schema is the newest migration that it carries.
func thisBuild(schema int64) build {
	b := buildOf(stamp, debug.ReadBuildInfo)
	b.Schema = schema
	return b
}

// buildOf believes the stamp first, and fills what it lacks from what the Go toolchain recorded.
func buildOf(stamp string, recorded func() (*debug.BuildInfo, bool)) build {
	b := build{Go: runtime.Version()}
	b.Version, b.Commit, _ = strings.Cut(stamp, " ")
	if record, ok := recorded(); ok {
		b.Go = record.GoVersion
		if stamp == "" {
			b.Version, b.Commit = recordedVersion(record)
		}
	}
	b.Version = cmp.Or(b.Version, "devel")
	b.Commit = cmp.Or(b.Commit, "unknown")
	return b
}

// recordedVersion returns what `go build` alone knows: nothing, unless it was left to look at the checkout.
func recordedVersion(record *debug.BuildInfo) (version, commit string) {
	version = strings.TrimPrefix(record.Main.Version, "v")
	if version == "(devel)" {
		version = ""
	}
	for _, s := range record.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return version, commit
}

// String is the one line that `version` prints.
func (b build) String() string {
	commit := b.Commit
	if len(commit) == 40 {
		commit = commit[:12]
	}
	return fmt.Sprintf("ordersyncd %s (commit %s, %s, schema %d)", b.Version, commit, b.Go, b.Schema)
}
