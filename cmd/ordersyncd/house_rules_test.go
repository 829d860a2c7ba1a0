package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	maxColumns = 160
	tabWidth   = 4
	maxLines   = 900
	longText   = 80
)

// tallRooms are the rooms past maxLines lines of code: how far each may grow, and why it has no wall yet.
var tallRooms = map[string]struct {
	lines int
	why   string
}{
	"cmd/ordersyncd":             {5400, "a file for each of 23 commands, and the daemon; what they share is the wiring and the screen, which no other room may know"},
	"internal/alert":             {1350, "the nouns of incidents, and one state of an incident, on which runs, looks, the world and the telling act together"},
	"internal/alert/words":       {1900, "every sentence about an incident stands here twice, in two languages; what joins them is short"},
	"internal/alert/tell":        {1500, "two books, their deliveries and what is known of each channel: what was sent, what may have been, and who may send"},
	"internal/apiclient":         {1800, "pace, retries, limits and redaction act on one attempt together, behind one Do"},
	"internal/config":            {1600, "the shape of the file and the rules across its fields, one section after the other; the reading is behind walls already"},
	"internal/config/document":   {1000, "one text and what is said about its places; nothing else knows YAML"},
	"internal/demo":              {2150, "one story of two shops, a mailbox and their props, none of which anybody else may use"},
	"internal/mysql":             {4300, "all SQL is in one room, so that one test shows every statement to a second parser; parcels, gaps, tokens and the book of alerts came with their tables"},
	"internal/order":             {1000, "the nouns of the product and their rules: orders, parcels, pages, money; a wall between nouns would only make them import each other"},
	"internal/rest/resttest":     {1100, "one server; it grows with what servers are seen to do"},
	"internal/rest/wire":         {1500, "one conversion: bytes to orders"},
	"internal/schedule":          {1250, "claims, repeats and overlap are one state of a job"},
	"internal/taobao/taobaotest": {3100, "one platform: gateway, shop and tokens act on one call together; it grows with what the platform is seen to do"},
	"internal/taobao/trade":      {1300, "one conversion: what the gateway says about a trade to an order, its refunds and its parcels"},
}

// topLevel is what may lie in the module's root, apart from what .gitignore names.
var topLevel = []string{
	".ci", ".editorconfig", ".git", ".gitignore", ".golangci.yml", "CHANGELOG.md", "LICENSE", "Makefile", "README.md",
	"README.zh-CN.md", "cmd", "configs", "deploy", "go.mod", "go.sum", "internal", "migrations",
}

// notOurWords are words that name everything and so nothing.
var notOurWords = []string{
	"manager", "service", "helper", "helpers", "util", "utils", "common", "model", "models", "handler", "processor", "data", "info",
	"batch", "chunk", "bookmark",
}

// checkCode reads every file for what the compiler does not mind and we do.
func checkCode(t *testing.T, h *house) {
	for _, p := range h.packages {
		checkPackage(t, p)
		for _, f := range slices.Concat(p.code, p.test) {
			unbreakable := unbreakableLines(h.fset, f.tree)
			for i, line := range strings.Split(string(f.text), "\n") {
				if n := utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t"); n > maxColumns && !unbreakable[i+1] {
					t.Errorf("%s:%d: %d columns, more than %d", f.name, i+1, n, maxColumns)
				}
			}
		}
		vars := packageVars(p)
		for _, f := range p.code {
			for _, complaint := range complaints(p, f, vars) {
				t.Errorf("%s: %s", h.fset.Position(complaint.at), complaint.text)
			}
		}
	}
}

// unbreakableLines returns the lines that a struct's tag or a long text ends: the one cannot be broken, and the other is easier to
// find and to read in one piece.
func unbreakableLines(fset *token.FileSet, tree *ast.File) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				lines[fset.Position(n.Tag.Pos()).Line] = true
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && utf8.RuneCountInString(n.Value) > longText {
				lines[fset.Position(n.Pos()).Line] = true
			}
		}
		return true
	})
	return lines
}

func checkPackage(t *testing.T, p *pkg) {
	for _, word := range notOurWords {
		if slices.Contains(strings.Split(p.path, "/"), word) || p.Name == word {
			t.Errorf("%s: %q is not a name for a room", p.path, word)
		}
	}
	want := "Package " + p.Name + " "
	if p.Name == "main" {
		want = "Command "
	}
	var docs []string
	for _, f := range p.code {
		if f.tree.Doc != nil && f.tree.Name.Name == p.Name {
			docs = append(docs, f.tree.Doc.Text())
		}
	}
	if len(docs) != 1 || !strings.HasPrefix(docs[0], want) {
		t.Errorf("%s: wants one package comment that begins with %q, has %d", p.path, want, len(docs))
	}
}

// packageVars returns the names of the package's variables.
func packageVars(p *pkg) map[string]bool {
	vars := map[string]bool{}
	for _, f := range p.code {
		for _, spec := range varSpecs(f.tree) {
			for _, name := range spec.Names {
				vars[name.Name] = name.Name != "_"
			}
		}
	}
	return vars
}

// varSpecs returns the file's variables at package level.
func varSpecs(tree *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, d := range tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				spec := s.(*ast.ValueSpec)
				if spec.Doc == nil {
					spec.Doc = g.Doc
				}
				specs = append(specs, spec)
			}
		}
	}
	return specs
}

type complaint struct {
	at   token.Pos
	text string
}

// complaints lists what is wrong with a file that is not a test.
func complaints(p *pkg, f source, vars map[string]bool) []complaint {
	var list []complaint
	complain := func(n ast.Node, format string, args ...any) {
		list = append(list, complaint{n.Pos(), fmt.Sprintf(format, args...)})
	}
	row, _ := rowOf(p.path)
	for _, spec := range varSpecs(f.tree) {
		if !row.test && !isAllowedVar(p, spec) {
			complain(spec, "package variable %s is neither an error, an embed, an assertion nor a table", spec.Names[0].Name)
		}
	}
	written := func(e ast.Expr, how string) {
		if name := root(e); name != nil && !row.test && vars[name.Name] && !isLocal(f.tree, name) {
			complain(e, "package variable %s is %s; nothing may change after start", name.Name, how)
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				complain(n, "a function init")
			}
		case *ast.TypeSpec:
			if word := notOurWord(n.Name.Name); word != "" {
				complain(n, "type %s: %q names everything and so nothing", n.Name.Name, word)
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				written(e, "assigned")
			}
		case *ast.IncDecStmt:
			written(n.X, "counted")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				written(n.X, "handed out by its address")
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "delete" || name.Name == "clear") && len(n.Args) > 0 {
				written(n.Args[0], "emptied")
			}
		case *ast.SelectorExpr:
			if banned := bannedCall(p, n); banned != "" {
				complain(n, "%s", banned)
			}
		}
		return true
	})
	return list
}

// bannedCall says why a room may not name what n names; "" when it may.
func bannedCall(p *pkg, n *ast.SelectorExpr) string {
	x, ok := n.X.(*ast.Ident)
	if !ok || x.Obj != nil {
		return ""
	}
	row, _ := rowOf(p.path)
	switch name := x.Name + "." + n.Sel.Name; name {
	case "context.Background", "context.TODO":
		if p.Name != "main" {
			return name + " below cmd: take the caller's ctx"
		}
	case "time.Now", "time.Since", "time.Until":
		if p.path == "internal/order" {
			return name + ": the nouns have no clock"
		}
	case "time.Sleep":
		if row.test {
			return ""
		}
		return name + " does not hear that we stop: select on a timer and ctx.Done()"
	case "http.DefaultClient", "http.DefaultTransport", "http.DefaultServeMux", "http.HandleFunc", "http.Handle", "slog.SetDefault":
		return name + " is state of the whole process"
	case "os.Exit", "log.Fatal":
		if p.Name != "main" && !row.test {
			return name + " below cmd: return an error"
		}
	}
	return ""
}

// allowedCalls make values that nobody changes: errors, and things compiled once from text that cannot be wrong.
var allowedCalls = regexp.MustCompile(`^(errors\.New|fmt\.Errorf|fault\.(New|Errorf)|\w+\.Must\w*|must\w*|strings\.NewReplacer|time\.Date)$`)

func isAllowedVar(p *pkg, spec *ast.ValueSpec) bool {
	if spec.Names[0].Name == "_" || spec.Doc != nil && slices.ContainsFunc(spec.Doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	}) {
		return true
	}
	if p.path == "cmd/ordersyncd" && spec.Names[0].Name == "stamp" {
		return true // written by the linker
	}
	return len(spec.Values) == len(spec.Names) && !slices.ContainsFunc(spec.Values, func(v ast.Expr) bool { return !isTable(v) })
}

// isTable reports whether a value is written out in place, or compiled from a text that is.
func isTable(v ast.Expr) bool {
	switch v := v.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		return v.Op == token.AND && isTable(v.X)
	case *ast.CallExpr:
		switch f := v.Fun.(type) {
		case *ast.Ident:
			return allowedCalls.MatchString(f.Name)
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok {
				return allowedCalls.MatchString(x.Name + "." + f.Sel.Name)
			}
		case *ast.ArrayType:
			return true
		}
	}
	return false
}

// root returns the variable that an expression such as a.b[c] reaches into.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isLocal reports whether name is declared inside a function of the file. The parser resolves those names; the ones of the package
// it leaves open or binds to the file's own declarations.
func isLocal(tree *ast.File, name *ast.Ident) bool {
	return name.Obj != nil && tree.Scope.Lookup(name.Name) != name.Obj
}

// notOurWord returns the forbidden word in a name written LikeThis.
func notOurWord(name string) string {
	start := 0
	for i, r := range name + "X" {
		if i > start && unicode.IsUpper(r) {
			if word := strings.ToLower(name[start:i]); slices.Contains(notOurWords, word) {
				return word
			}
			start = i
		}
	}
	return ""
}

func checkSizes(t *testing.T, h *house) {
	for _, p := range h.packages {
		lines := 0
		for _, f := range p.code {
			lines += linesOfCode(f.text)
		}
		t.Logf("%5d lines of code in %s", lines, p.path)
		switch tall, ok := tallRooms[p.path]; {
		case !ok && lines > maxLines:
			t.Errorf("%s has %d lines of code, more than %d: it wants a wall, or a reason in tallRooms", p.path, lines, maxLines)
		case ok && lines > tall.lines:
			t.Errorf("%s has %d lines of code, more than the %d it was allowed (%s)", p.path, lines, tall.lines, tall.why)
		case ok && lines <= maxLines:
			t.Errorf("%s has %d lines of code and needs no excuse (%s)", p.path, lines, tall.why)
		}
	}
}

// linesOfCode counts the lines that hold more than blanks and comments.
func linesOfCode(text []byte) int {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, text, nil, 0)
	lines := map[int]bool{}
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		first := file.Line(pos)
		for i := range 1 + strings.Count(literal, "\n") {
			lines[first+i] = true
		}
	}
}

func checkTop(t *testing.T, _ *house) {
	text, err := os.ReadFile(filepath.Join(houseRoot, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	ignored := strings.Fields(string(text))
	entries, err := os.ReadDir(houseRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		isIgnored := slices.ContainsFunc(ignored, func(pattern string) bool {
			ok, _ := filepath.Match(strings.Trim(pattern, "/"), e.Name())
			return ok
		})
		if !isIgnored && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s lies at the top level, which is not its place", e.Name())
		}
	}
}

// machinePath is a place that exists on one machine alone.
var machinePath = regexp.MustCompile(`(^|[\s"'(=:` + "`" + `])(/work/|/root/|/home/\w|/Users/|/tmp/\w)`)

func checkDocuments(t *testing.T, _ *house) {
	err := fs.WalkDir(os.DirFS(houseRoot), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains([]string{".git", "bin", ".cache", ".demo", "testdata", "node_modules"}, e.Name()):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(name) != ".md" && name != "Makefile" && filepath.Ext(name) != ".yml":
			return nil
		}
		text, err := os.ReadFile(filepath.Join(houseRoot, name))
		for i, line := range strings.Split(string(text), "\n") {
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d names a path of one machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The rules themselves: what each must see, and what it must let pass.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	const clean = "package x\n\nimport (\"context\"; \"errors\"; \"regexp\"; \"os\"; \"time\"; \"embed\")\n"
	for _, c := range []struct {
		name, code string
		want       string
	}{
		{"tables", `var ErrGone = errors.New("gone"); var names = [...]string{"a"}; var form = regexp.MustCompile("x")`, ""},
		{"embed", "//go:embed *.sql\nvar files embed.FS", ""},
		{"assertion", `var _ error = (*failure)(nil)`, ""},
		{"state", `var count int`, "package variable count is neither"},
		{"state by call", `var id = os.Getpid()`, "package variable id is neither"},
		{"table assigned", `var names = []string{"a"}; func f() { names = nil }`, "names is assigned"},
		{"entry assigned", `var names = map[string]int{}; func f() { names["a"] = 1 }`, "names is assigned"},
		{"entry counted", `var names = map[string]int{}; func f() { names["a"]++ }`, "names is counted"},
		{"table emptied", `var names = map[string]int{}; func f() { delete(names, "a") }`, "names is emptied"},
		{"address", `var names = [2]int{}; func f() *int { return &names[1] }`, "names is handed out"},
		{"local of the same name", `var names = []string{"a"}; func f() { names := 1; names++; _ = names }`, ""},
		{"init", `func init() {}`, "a function init"},
		{"a method named init", `type T struct{}; func (T) init() {}`, ""},
		{"background", `func f() { g(context.Background()) }`, "context.Background below cmd"},
		{"todo", `func f() { g(context.TODO()) }`, "context.TODO below cmd"},
		{"a local named context", `func f(context server) { context.Background() }`, ""},
		{"sleep", `func f() { time.Sleep(1) }`, "time.Sleep does not hear"},
		{"exit", `func f() { os.Exit(1) }`, "os.Exit below cmd"},
		{"clock", `func f() { time.Now() }`, "the nouns have no clock"},
		{"word", `type orderManager struct{}`, `"manager" names everything`},
		{"word alone", `type Info struct{}`, `"info" names everything`},
		{"part of a word", `type Information struct{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree, err := parser.ParseFile(token.NewFileSet(), "x.go", clean+c.code, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			f := source{name: "x.go", tree: tree}
			p := &pkg{path: "internal/order", Name: "x", code: []source{f}}
			var got []string
			for _, complaint := range complaints(p, f, packageVars(p)) {
				got = append(got, complaint.text)
			}
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("complains about %q", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("complains about %q, want one with %q", got, c.want)
			}
		})
	}
}

func TestMayImport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		room, path string
		want       bool
	}{
		{"internal/rest", "ordersync/internal/apiclient", true},
		{"internal/rest", "ordersync/internal/mysql", false},
		{"internal/rest", "ordersync/internal/rest/resttest", false},
		{"internal/rest", "ordersync/cmd/ordersyncd", false},
		{"internal/rest", "net/http", true},
		{"internal/rest", "database/sql", false},
		{"internal/rest", "github.com/tidwall/gjson", true},
		{"internal/rest", "github.com/tidwall/gjsonx", false},
		{"internal/rest/resttest", "ordersync/internal/rest", false},
		{"internal/rest/resttest", "ordersync/internal/apiclient", false},
		{"internal/order", "os", false},
		{"internal/order", "strings", true},
		{"cmd/ordersyncd", "ordersync/internal/mariadb", false},
		{"cmd/ordersyncd", "ordersync/internal/mysql", true},
	} {
		row, ok := rowOf(c.room)
		if !ok {
			t.Fatalf("no row for %s", c.room)
		}
		if got := row.mayImport(c.path); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.room, c.path, got, c.want)
		}
	}
}
