package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// houseRoot is the module's root, as seen from this package's tests.
const houseRoot = "../.."

const module = "ordersync"

// room is one row of the table of who may import whom. What it does not name is forbidden.
type room struct {
	// path is the package, below the module.
	path string
	// test marks a room for tests and the demo alone.
	test bool
	// imports are the rooms that its code may import.
	imports []string
	// tests are the rooms that its tests may import besides: they always may import order, fault, every test room and their own.
	tests []string
	// outside are the modules that its code may import, and those of the guarded packages of the standard library.
	outside []string
}

// rooms is the table. Data walks one way: remote -> rest -> ordersync -> mysql. Adapters do not know each other; cmd joins them.
var rooms = []room{
	{
		path: "cmd/ordersyncd",
		imports: []string{
			"configs", "internal/alert", "internal/alert/email", "internal/alert/ping", "internal/alert/sentry", "internal/alert/spool",
			"internal/alert/tell", "internal/alert/webhook", "internal/apiclient", "internal/config", "internal/config/outline",
			"internal/demo", "internal/fault", "internal/figures", "internal/intake", "internal/mysql", "internal/order", "internal/ordersync",
			"internal/parcel", "internal/rest", "internal/schedule", "internal/scrub", "internal/seal", "internal/status", "internal/taobao",
			"internal/taobao/gateway", "internal/token", "migrations",
		},
		outside: []string{
			"github.com/coreos/go-systemd/v22", "github.com/jedib0t/go-pretty/v6", "github.com/spf13/cobra", "github.com/spf13/pflag",
			"golang.org/x/sys", "golang.org/x/term", "net/http", "os", "syscall",
		},
	},
	{path: "internal/order", outside: []string{"github.com/shopspring/decimal"}},
	{path: "internal/fault"},
	{
		path: "internal/apiclient", imports: []string{"internal/fault"},
		outside: []string{"github.com/cenkalti/backoff/v4", "golang.org/x/oauth2", "net/http", "syscall"},
	},
	{
		path: "internal/rest", imports: []string{"internal/order", "internal/fault", "internal/apiclient", "internal/rest/wire"},
		outside: []string{"github.com/tidwall/gjson", "net/http"},
	},
	{
		path: "internal/rest/wire", imports: []string{"internal/order", "internal/fault"},
		outside: []string{"github.com/tidwall/gjson"},
	},
	// The fake shares no code with the client that it tests, not even the nouns.
	{path: "internal/rest/resttest", test: true, outside: []string{"net/http"}},
	{
		path:    "internal/taobao",
		imports: []string{"internal/order", "internal/fault", "internal/taobao/gateway", "internal/taobao/trade"},
		tests:   []string{"internal/apiclient", "internal/ordersync"},
		outside: []string{"github.com/tidwall/gjson"},
	},
	{path: "internal/taobao/taobaotest", test: true, outside: []string{"net/http"}},
	{
		path: "internal/taobao/gateway", imports: []string{"internal/fault", "internal/apiclient"},
		outside: []string{"github.com/tidwall/gjson", "net/http"},
	},
	{
		path: "internal/taobao/trade", imports: []string{"internal/order", "internal/fault"},
		outside: []string{"github.com/tidwall/gjson"},
	},
	{path: "internal/ordersync", imports: []string{"internal/order", "internal/fault"}},
	{
		path: "internal/intake", imports: []string{"internal/order", "internal/fault", "internal/ordersync"}, tests: []string{"internal/mysql"},
	},
	{path: "internal/parcel", imports: []string{"internal/order", "internal/fault"}},
	{path: "internal/seal", imports: []string{"internal/fault"}, outside: []string{"github.com/tink-crypto/tink-go/v2"}},
	{
		path: "internal/token", imports: []string{"internal/fault", "internal/apiclient"}, tests: []string{"internal/seal"},
		outside: []string{"net/http"},
	},
	{
		path: "internal/mysql", imports: []string{
			"internal/alert", "internal/order", "internal/fault", "internal/parcel", "internal/schedule", "internal/token", "migrations",
		},
		outside: []string{"database/sql", "github.com/go-sql-driver/mysql", "github.com/pressly/goose/v3", "os"},
	},
	{
		path: "internal/mysql/mysqltest", test: true, imports: []string{"internal/mysql", "internal/mariadb", "migrations"},
		outside: []string{"database/sql", "github.com/go-sql-driver/mysql", "os", "testing"},
	},
	{
		path: "internal/mariadb", test: true, imports: []string{"internal/apt"},
		outside: []string{"database/sql", "github.com/go-sql-driver/mysql", "os", "os/exec", "syscall"},
	},
	{path: "internal/apt", test: true, outside: []string{"os", "os/exec", "syscall"}},
	{
		path: "internal/browser", test: true, imports: []string{"internal/apt"},
		outside: []string{"github.com/chromedp/cdproto", "github.com/chromedp/chromedp", "os", "os/exec", "syscall"},
	},
	// The commands behind `make test`.
	{path: "internal/browser/provide", test: true, imports: []string{"internal/browser"}, outside: []string{"os", "syscall"}},
	{
		path: "internal/mariadb/withserver", test: true, imports: []string{"internal/mariadb"},
		outside: []string{"os", "os/exec", "syscall"},
	},
	{
		path: "internal/schedule", imports: []string{"internal/fault"},
		outside: []string{"github.com/robfig/cron/v3", "os", "syscall"}, // the daemon's name lies in a locked file
	},
	{
		path: "internal/schedule/scheduletest", test: true, imports: []string{"internal/schedule"},
		outside: []string{"github.com/google/go-cmp", "testing"},
	},
	{
		path: "internal/config",
		imports: []string{
			"internal/config/decode", "internal/config/document", "internal/config/value", "internal/config/words",
		},
		outside: []string{"os"},
	},
	{
		path: "internal/config/decode", imports: []string{"internal/config/document", "internal/config/value", "internal/config/words"},
		outside: []string{"github.com/go-playground/validator/v10", "os"},
	},
	{
		path: "internal/config/document", imports: []string{"internal/config/words"},
		outside: []string{"go.yaml.in/yaml/v4", "golang.org/x/text"},
	},
	{path: "internal/figures"},
	// What the tables say, judged once: for people who ask, and for the alerts.
	{
		path: "internal/status",
		imports: []string{
			"internal/alert", "internal/fault", "internal/figures", "internal/intake", "internal/mysql", "internal/order", "internal/schedule",
			"internal/token",
		},
	},
	{path: "internal/config/outline", imports: []string{"internal/config/value"}},
	{path: "internal/config/value"},
	{path: "internal/config/words"},
	{path: "internal/scrub"},
	{
		path: "internal/demo", imports: []string{
			"internal/alert/email/smtptest", "internal/alert/sentry/sentrytest", "internal/demo/truth", "internal/mariadb", "internal/rest/resttest",
			"internal/taobao/taobaotest",
		},
		outside: []string{
			"database/sql", "github.com/go-sql-driver/mysql", "github.com/jedib0t/go-pretty/v6", "go.yaml.in/yaml/v4", "net/http", "os",
			"os/exec", "syscall",
		},
	},
	// A second opinion on the tables: it shares no code with the rooms that fill them.
	{path: "internal/demo/truth", test: true, outside: []string{"database/sql"}},
	{path: "internal/alert"},
	// What the ways out over HTTP share: one request, its limits and its errors.
	{path: "internal/alert/words", imports: []string{"internal/alert"}},
	{path: "internal/alert/words/samples", test: true, imports: []string{"internal/alert", "internal/alert/words"}},
	{
		path: "internal/alert/email", imports: []string{"internal/alert", "internal/alert/words", "internal/fault"},
		outside: []string{"github.com/wneessen/go-mail"},
	},
	{
		path: "internal/alert/email/smtptest", test: true,
		outside: []string{"github.com/emersion/go-sasl", "github.com/emersion/go-smtp", "log"}, // which the library wants to write to
	},
	{path: "internal/alert/courier", imports: []string{"internal/apiclient", "internal/fault"}, outside: []string{"net/http", "syscall"}},
	{
		path: "internal/alert/sentry", imports: []string{"internal/alert", "internal/alert/courier", "internal/alert/words", "internal/fault"},
		tests:   []string{"internal/schedule", "internal/scrub"},
		outside: []string{"github.com/getsentry/sentry-go", "net/http"},
	},
	// The fakes share no code with the rooms that they test.
	{path: "internal/alert/sentry/sentrytest", test: true, outside: []string{"net/http"}},
	{
		path: "internal/alert/webhook", imports: []string{"internal/alert", "internal/alert/courier", "internal/alert/words", "internal/fault"},
		outside: []string{"net/http"},
	},
	{path: "internal/alert/webhook/hooktest", test: true, outside: []string{"net/http"}},
	{path: "internal/alert/ping", imports: []string{"internal/alert/courier", "internal/fault"}, outside: []string{"net/http"}},
	{path: "internal/alert/spool", imports: []string{"internal/alert", "internal/fault"}, outside: []string{"os"}},
	{path: "internal/alert/tell", imports: []string{"internal/alert", "internal/alert/spool", "internal/fault"}},
	{path: "configs", tests: []string{"internal/config"}},
	{path: "migrations"},
}

// guarded are the packages of the standard library that a row must name: those by which a room reaches the world.
var guarded = []string{"database/sql", "log", "net/http", "os", "os/exec", "syscall", "testing"}

// toolsOfTests may be imported by any test.
var toolsOfTests = []string{
	"github.com/google/go-cmp", "github.com/invopop/jsonschema", "github.com/pingcap/tidb/pkg/parser",
	"github.com/santhosh-tekuri/jsonschema/v6", "go.uber.org/goleak", "pgregory.net/rapid",
}

// pkg is what `go list` says about a package, with its files read.
type pkg struct {
	ImportPath, Dir, Name              string
	Imports, TestImports, XTestImports []string
	Deps                               []string
	GoFiles, IgnoredGoFiles            []string
	TestGoFiles, XTestGoFiles          []string

	path string
	code []source
	test []source
}

// source is one Go file.
type source struct {
	name string
	text []byte
	tree *ast.File
}

// house is the whole module, read once.
type house struct {
	packages []*pkg
	fset     *token.FileSet
}

func openHouse(t *testing.T) *house {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Name,Imports,TestImports,XTestImports,Deps,"+
		"GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	list.Dir = houseRoot
	out, err := list.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	h := &house{fset: token.NewFileSet()}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.path = ours(p.ImportPath)
		p.code = h.read(t, p, p.GoFiles, p.IgnoredGoFiles)
		p.test = h.read(t, p, p.TestGoFiles, p.XTestGoFiles)
		h.packages = append(h.packages, p)
	}
	return h
}

func (h *house) read(t *testing.T, p *pkg, lists ...[]string) []source {
	t.Helper()
	var files []source
	for _, name := range slices.Concat(lists...) {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		name = p.path + "/" + name
		tree, err := parser.ParseFile(h.fset, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{name: name, text: text, tree: tree})
	}
	return files
}

// ours returns the path below the module, or "" for a package of somebody else.
func ours(importPath string) string {
	path, _ := strings.CutPrefix(importPath, module+"/")
	if path == importPath {
		return ""
	}
	return path
}

// TestHouse holds the module against the rules that keep it one house; each failure names the place and the rule.
func TestHouse(t *testing.T) {
	t.Parallel()
	h := openHouse(t)
	for name, rule := range map[string]func(*testing.T, *house){
		"every package is a room of the table": checkRooms,
		"rooms import what the table allows":   checkImports,
		"tests import what the table allows":   checkTestImports,
		"the binary links no testing":          checkBinary,
		"the linter knows the table":           checkLinter,
		"the code keeps the house rules":       checkCode,
		"no room outgrew its walls":            checkSizes,
		"the top level holds its entries":      checkTop,
		"documents name no machine":            checkDocuments,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, h)
		})
	}
}

func rowOf(path string) (room, bool) {
	i := slices.IndexFunc(rooms, func(r room) bool { return r.path == path })
	if i < 0 {
		return room{}, false
	}
	return rooms[i], true
}

func checkRooms(t *testing.T, h *house) {
	found := map[string]bool{}
	for _, p := range h.packages {
		found[p.path] = true
		if _, ok := rowOf(p.path); !ok {
			t.Errorf("%s is in no row of the table of rooms (house_test.go): say what it may import", p.ImportPath)
		}
	}
	for _, r := range rooms {
		if !found[r.path] {
			t.Errorf("the table has a row for %s, which does not exist", r.path)
		}
		for _, other := range slices.Concat(r.imports, r.tests) {
			if _, ok := rowOf(other); !ok {
				t.Errorf("the row of %s names %s, which is no room", r.path, other)
			}
		}
		for _, leaf := range []string{"internal/order", "internal/fault", "internal/config", "configs", "migrations"} {
			if r.path == leaf && slices.ContainsFunc(r.imports, func(other string) bool { return !strings.HasPrefix(other, leaf+"/") }) {
				t.Errorf("%s is a leaf and imports none of ours", leaf)
			}
		}
	}
}

func checkImports(t *testing.T, h *house) {
	for _, p := range h.packages {
		row, _ := rowOf(p.path)
		for _, path := range p.Imports {
			if !row.mayImport(path) {
				t.Errorf("%s imports %s, which its row does not name", p.path, path)
			}
		}
	}
}

func (r room) mayImport(path string) bool {
	other := ours(path)
	switch {
	case other == "":
		return isPlain(path) || belongsTo(path, r.outside)
	case strings.HasPrefix(other, "cmd/"):
		return false
	}
	target, _ := rowOf(other)
	if target.test && !r.test && r.path != "internal/demo" {
		return false
	}
	return slices.Contains(r.imports, other)
}

// isPlain reports whether path is a package of the standard library that everybody may use.
func isPlain(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !slices.Contains(guarded, path)
}

// belongsTo reports whether path is one of the modules or a package of one.
func belongsTo(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

func checkTestImports(t *testing.T, h *house) {
	var anybody []string
	for _, r := range rooms {
		anybody = append(anybody, r.outside...)
	}
	for _, p := range h.packages {
		row, _ := rowOf(p.path)
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			other := ours(path)
			target, _ := rowOf(other)
			var ok bool
			switch {
			case other == "":
				ok = isPlain(path) || path == "log" || belongsTo(path, toolsOfTests) || belongsTo(path, anybody)
			case target.test || other == p.path || other == "internal/order" || other == "internal/fault":
				ok = true
			default:
				ok = row.mayImport(path) || slices.Contains(row.tests, other)
			}
			if !ok {
				t.Errorf("a test of %s imports %s, which its row does not name", p.path, path)
			}
		}
	}
}

func checkBinary(t *testing.T, h *house) {
	for _, p := range h.packages {
		if p.path == "cmd/ordersyncd" && slices.Contains(p.Deps, "testing") {
			t.Error("the shipped binary links the package testing: some room outside the tests imports it")
		}
	}
}

// checkLinter holds the table against its mirror in the linter's configuration, which tells an editor at once.
func checkLinter(t *testing.T, _ *house) {
	text, err := os.ReadFile(filepath.Join(houseRoot, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Mode  string   `yaml:"list-mode"`
		Files []string `yaml:"files"`
		Allow []string `yaml:"allow"`
	}
	var file struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]rule `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Load(text, &file); err != nil {
		t.Fatal(err)
	}
	got := file.Linters.Settings.Depguard.Rules
	for _, r := range got {
		slices.Sort(r.Allow)
	}
	delete(got, "everywhere")
	want := map[string]rule{}
	for _, r := range rooms {
		allow := []string{"$gostd"}
		for _, other := range r.imports {
			allow = append(allow, module+"/"+other+"$")
		}
		for _, m := range r.outside {
			if strings.Contains(m, ".") {
				allow = append(allow, m)
			}
		}
		slices.Sort(allow)
		want[r.path] = rule{Mode: "strict", Files: []string{"**/" + r.path + "/*.go", "!$test"}, Allow: allow}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf(".golangci.yml, depguard: -table +linter:\n%s", diff)
	}
}
