package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"

	"ordersync/internal/config/decode"
	"ordersync/internal/config/document"
	"ordersync/internal/config/words"
)

const (
	credentialFolder = "/etc/ordersync/credentials"
	stateFolder      = "/var/lib/ordersync"
	longestFile      = 16 << 20
)

// Load reads the file at name and all that it refers to. The error is *[Problems] whatever is wrong with them.
func Load(name string, o Options) (*Config, error) {
	text, code := readConfig(name)
	if code != "" {
		w := words.English()[code].Fill([]string{name})
		return nil, &Problems{List: []Problem{{File: name, Message: w.Message, Remedy: w.Remedy}}}
	}
	return Parse(name, text, o)
}

// readConfig returns the file's text, or what is wrong with the file as such.
func readConfig(name string) (text []byte, code string) {
	file, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "config-missing"
	case errors.Is(err, fs.ErrPermission):
		return nil, "config-permission"
	case err != nil:
		return nil, "config-unreadable"
	}
	defer func() { _ = file.Close() }()
	text, err = io.ReadAll(io.LimitReader(file, longestFile+1))
	switch {
	case err != nil:
		return nil, "config-unreadable"
	case len(text) > longestFile:
		return nil, "config-long"
	}
	return text, ""
}

// Parse is Load for a text; name is what messages call it, and where relative paths begin.
func Parse(name string, text []byte, o Options) (*Config, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	shape := []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Rest](), reflect.TypeFor[Taobao](), reflect.TypeFor[Job]()}
	file, mistakes := document.Parse(name, text, decode.Showable(shape...))
	c := &Config{report: document.NewReport(file, mistakes)}
	if file.Root != nil {
		if err := c.read(file, o); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if wrong := c.report.Mistakes(); len(wrong) > 0 {
		return nil, &Problems{List: wrong, Warnings: c.report.Warnings()}
	}
	c.Warnings = c.report.Warnings()
	return c, nil
}

// read decodes and checks a file that is good YAML.
func (c *Config) read(file *document.File, o Options) error {
	c.zone = zoneOf(file.Root)
	dirs := o.CredentialDirs
	if dirs == nil {
		if dir := o.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
			dirs = append(dirs, dir)
		}
		dirs = append(dirs, credentialFolder)
	}
	p := presets{Report: c.report, files: o.Presets, trees: map[string]*document.Node{}}
	p.merge(file.Root.Field("sources"))
	d := decode.New(c.report, decode.Options{Zone: c.zone, Getenv: o.Getenv, Credentials: dirs, Base: filepath.Dir(file.Name)})
	d.Decode(file.Root, c)
	if file.Root.Kind != document.Mapping {
		return nil
	}
	if c.State == "" && c.report.Node(path{"state"}) == nil {
		if c.State = filepath.SplitList(o.Getenv("STATE_DIRECTORY") + ":")[0]; c.State == "" {
			c.State = stateFolder
		}
	}
	rules{Report: c.report}.check(c, o)
	return d.Validate(c)
}

// zoneOf reads the time zone ahead of everything else, because dates are read in it. A wrong one is reported later.
func zoneOf(root *document.Node) *time.Location {
	f := root.Field("timezone")
	if f == nil || f.Value.Kind != document.Scalar || f.Value.Text == "" || f.Value.Text == "Local" {
		return time.UTC
	}
	zone, err := time.LoadLocation(f.Value.Text)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Problem builds a problem at a place of the file, for checks that are made outside this room:
//
//	c.Problem("The database refuses the account.", "Check user and password.", "database", "user")
//
// Where the file does not have the place, it is that of what is around it.
func (c *Config) Problem(message, remedy string, at ...string) Problem {
	return c.report.Problem(at, message, remedy)
}

// Credential names the source's credential without revealing it, as a hexadecimal hash: sources with the same one share one
// pace. A source without credentials is named by its address.
func (r *Rest) Credential() string {
	a := &r.Auth
	form := a.Form()
	parts := []string{KindRest, form}
	switch form {
	case "bearer":
		parts = append(parts, a.Bearer.Reveal())
	case "header":
		parts = append(parts, a.Header.Name, a.Header.Value.Reveal())
	case "basic":
		parts = append(parts, a.Basic.User.Reveal(), a.Basic.Password.Reveal())
	case "query":
		for _, name := range slices.Sorted(maps.Keys(a.Query)) {
			parts = append(parts, name, a.Query[name].Reveal())
		}
	case "oauth2":
		parts = append(parts, a.OAuth2.TokenURL, a.OAuth2.ClientID.Reveal(), a.OAuth2.ClientSecret.Reveal())
	default:
		parts = append(parts, r.BaseURL)
	}
	return nameOf(parts)
}

// nameOf is a hash of all parts, told apart by their lengths.
func nameOf(parts []string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}
