package main

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuildOf(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	checkout := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "ordersync", Version: "v0.4.0"},
		Settings:  []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}, {Key: "vcs.revision", Value: commit}},
	}
	plain := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "ordersync", Version: "(devel)"}}
	for _, c := range []struct {
		name, stamp string
		recorded    *debug.BuildInfo
		want        build
	}{
		{"stamp", "1.2.3 " + commit, plain, build{Version: "1.2.3", Commit: commit, Go: "go1.26.8"}},
		{"stamp before record", "1.2.3 fedc", checkout, build{Version: "1.2.3", Commit: "fedc", Go: "go1.26.8"}},
		{"stamp without commit", "devel", plain, build{Version: "devel", Commit: "unknown", Go: "go1.26.8"}},
		{"go build in a checkout", "", checkout, build{Version: "0.4.0", Commit: commit, Go: "go1.26.8"}},
		{"go build anywhere", "", plain, build{Version: "devel", Commit: "unknown", Go: "go1.26.8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := buildOf(c.stamp, func() (*debug.BuildInfo, bool) { return c.recorded, true })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBuildLine(t *testing.T) {
	t.Parallel()
	b := build{Version: "1.2.3", Commit: "0123456789abcdef0123456789abcdef01234567", Go: "go1.26.8", Schema: 12}
	if got, want := b.String(), "ordersyncd 1.2.3 (commit 0123456789ab, go1.26.8, schema 12)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The recipe of `make build` itself, in two copies of the source that lie at different depths and know nothing of git: the same
// bytes, static, with the stamp inside.
func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	short, long := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "deeper", "than", "the other")
	first, second := makeBuild(t, short), makeBuild(t, long)
	if a, b := digest(t, first), digest(t, second); a != b {
		t.Errorf("two builds of one source differ: %s and %s", a, b)
	}

	binary, err := elf.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has a segment %s", p.Type)
		}
	}

	out, err := exec.CommandContext(t.Context(), first, "version").CombinedOutput()
	if err != nil {
		t.Fatalf("version: %v\n%s", err, out)
	}
	for _, want := range []string{"9.8.7", "0123456789ab"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("version printed %q, which lacks %q of the stamp", out, want)
		}
	}
}

// makeBuild copies the source to dir, builds it there and returns the binary's path.
func makeBuild(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, sourceOnly{root: os.DirFS(houseRoot)}); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "make", "--no-print-directory", "build", "STAMP=9.8.7 0123456789abcdef")
	run.Dir = dir
	run.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "BIN=")
	})
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("make build in %s: %v\n%s", dir, err, out)
	}
	return filepath.Join(dir, "bin", "ordersyncd")
}

// sourceOnly is the source without the history and without what was built.
type sourceOnly struct{ root fs.FS }

func (s sourceOnly) Open(name string) (fs.File, error) { return s.root.Open(name) }

func (s sourceOnly) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.root, name)
	if name == "." {
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
			return slices.Contains([]string{".git", "bin", ".cache", ".demo", ".idea", ".vscode"}, e.Name())
		})
	}
	return entries, err
}

func digest(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
