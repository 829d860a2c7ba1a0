package mysql

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	tidb "github.com/pingcap/tidb/pkg/parser"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"

	"ordersync/migrations"
)

// verb begins every SQL text.
var verb = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|SET|SHOW|DO|START|BEGIN|COMMIT|CALL|TRUNCATE)\b`)

// TestSQLOnTiDB shows every SQL text to TiDB's parser: the constants of sql.go, the statements of many rows, and the migrations.
func TestSQLOnTiDB(t *testing.T) {
	t.Parallel()
	texts := constants(t)
	if len(texts) < 40 {
		t.Errorf("found %d statements among the constants: the test no longer sees them", len(texts))
	}
	all := newStatements()
	for i := range reflect.TypeOf(all).NumField() {
		name, field := reflect.TypeOf(all).Field(i).Name, reflect.ValueOf(all).Field(i)
		m := multi{
			head: field.Field(0).String(), row: field.Field(1).String(), sep: field.Field(2).String(), tail: field.Field(3).String(),
		}
		if m.head == "" {
			t.Errorf("statement %s has no text", name)
		}
		for rows := 1; rows <= 3; rows++ {
			texts[name+" of "+strconv.Itoa(rows)] = m.text(rows)
		}
	}
	for name, text := range texts {
		// TiDB has no such variables; a server that does not know them refuses the statement, which is expected.
		if _, _, err := tidb.New().Parse(text, "", ""); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	entries, err := fs.ReadDir(migrations.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(migrations.Files, entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		statements, _, err := tidb.New().Parse(string(content), "", "")
		if err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
		if len(statements) != 1 {
			t.Errorf("%s holds %d statements, want one: each is committed by itself", entry.Name(), len(statements))
		}
	}
}

// constants returns the constants of sql.go that are statements, by name, with their values computed.
func constants(t *testing.T) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "sql.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil), IgnoreFuncBodies: true}
	pkg, err := config.Check("mysql", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Val().Kind() == constant.String {
			if text := constant.StringVal(c.Val()); verb.MatchString(text) {
				texts[name] = text
			}
		}
	}
	return texts
}

// TestSQLStandsInOnePlace finds SQL outside sql.go, where the test above would not see it.
func TestSQLStandsInOnePlace(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") || f.Name() == "sql.go" {
			continue
		}
		seen++
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && verb.MatchString(text) {
					t.Errorf("%s: SQL outside sql.go: %s", fset.Position(literal.Pos()), literal.Value)
				}
			}
			return true
		})
	}
	if seen < 5 {
		t.Errorf("looked at %d files only", seen)
	}
}
