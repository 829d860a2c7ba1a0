package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func showable(key string) bool { return key == "name" || key == "schedule" }

// TestExcerptOfUnreadable holds what is quoted of a text that cannot be read: keys, and the values of keys known to be harmless.
func TestExcerptOfUnreadable(t *testing.T) {
	t.Parallel()
	for _, check := range []struct{ line, want string }{
		{line: "name: shop", want: "name: shop"},
		{line: "password: canary", want: "password: ***"},
		{line: "password:canary", want: "password:***"},
		{line: "password：canary", want: "password：***"},
		{line: "  - canary", want: "  ***"},
		{line: "canary", want: "***"},
		{line: "a: {name: shop, password: canary, schedule: x}", want: "a: {name: shop, password: ***, schedule: x}"},
		{line: `a: {password: "canary, name: canary", name: b}`, want: "a: {***"},
		{line: `a: {name: it's, password: canary}`, want: "a: {***"},
		{line: `a: {name: "b", password: c}`, want: `a: {name: "b", password: ***}`},
		{line: "# password: canary", want: "# ..."},
		{line: "name: x # canary", want: "name: ***"},
		{line: "name: https://user:canary@host/path?key=canary", want: "name: https://***@host/path***"},
		{line: "name: x\ty", want: "name: x→y"},
		{line: "name: \u202ex", want: "name: ·x"},
	} {
		f, mistakes := Parse("x.yaml", []byte("[\n"+check.line), showable)
		if f.Root != nil || len(mistakes) == 0 {
			t.Fatalf("%q was read", check.line)
		}
		_, got, _ := strings.Cut(strings.Split(f.Excerpt(2, 1), "\n")[1], "|")
		if got = strings.TrimPrefix(got, " "); got != check.want {
			t.Errorf("%q is shown as %q, want %q", check.line, got, check.want)
		}
	}
}

// TestExcerptOfTree holds what is quoted of a text that was read: what its reader marked, and nothing else.
func TestExcerptOfTree(t *testing.T) {
	t.Parallel()
	f, mistakes := Parse("x.yaml", []byte(strings.Join([]string{
		`单号: {a: "值", b: canary} # canary`, `c: |`, `  canary: canary`, `d: "canary`, `  canary"`, `e: canary`, `  canary`, "f: &canary x", "g: ''",
	}, "\n")), nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	f.Root.Field("单号").Value.Field("a").Value.Show()
	f.Root.Field("e").Value.Show() // it goes on below: not known where it ends
	var all strings.Builder
	for line := 2; line < f.Lines(); line += 3 {
		all.WriteString(f.Excerpt(line, 1))
	}
	want := strings.Join([]string{
		`   1 | 单号: {a: "值", b: ***} # ...`, `   2 | c: ***`, `     | ^`, `   3 |   ***`,
		`   4 | d: ***`, `   5 |   ***`, `     | ^`, `   6 | e: ***`,
		`   7 |   ***`, `   8 | f: ***`, `     | ^`, `   9 | g: ***`, ``,
	}, "\n")
	if diff := cmp.Diff(want, all.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCaret holds that the caret stands below its character, in cells of a terminal.
func TestCaret(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("长", 200)
	f, _ := Parse("x.yaml", []byte("订单: {é: 1, 密码: 2}\n"+long+": {b: 1}\n"), nil)
	for _, n := range []string{"é", "密码"} {
		f.Root.Field("订单").Value.Field(n).Value.Show()
	}
	for _, check := range []struct {
		line, column int
		below        string
	}{
		{line: 1, column: 1, below: "订"}, {line: 1, column: 5, below: "{"}, {line: 1, column: 9, below: "1"}, {line: 1, column: 12, below: "密"},
		{line: 1, column: 16, below: "2"}, {line: 1, column: 99, below: ""}, {line: 2, column: 1, below: ""}, {line: 2, column: 204, below: ""},
	} {
		lines := strings.Split(f.Excerpt(check.line, check.column), "\n")
		i := 0
		for !strings.HasSuffix(lines[i+1], "^") {
			i++
		}
		cells := strings.Index(lines[i+1], "^")
		before := 0
		var under string
		for _, r := range lines[i] {
			if before == cells {
				under = string(r)
			}
			before += cellWidth(r)
		}
		if check.below != "" && under != check.below || before > excerptWidth+20 {
			t.Errorf("%d:%d: caret below %q, want %q:\n%s\n%s", check.line, check.column, under, check.below, lines[i], lines[i+1])
		}
	}
	if got := f.Excerpt(99, 1) + f.Excerpt(0, 1); got != "" {
		t.Errorf("lines that are not there are quoted: %q", got)
	}
}

// TestMending holds that one slip does not hide the mistakes after it, and that columns stay those of the file.
func TestMending(t *testing.T) {
	t.Parallel()
	f, mistakes := Parse("x.yaml", []byte("a:1\nb：2\nc: *x\nd: @y\nd: 5\n"), nil)
	if f.Root == nil {
		t.Fatal("not read")
	}
	var got []string
	for _, m := range mistakes {
		got = append(got, fmt.Sprint(m.Code, " ", m.Line, ":", m.Column))
	}
	want := []string{"wide-colon 2:2", "no-blank 1:2", "star 3:4", "indicator 4:4", "duplicate-key 5:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for key, place := range map[string]string{"a": "1:3", "b": "2:3", "c": "3:4"} {
		if v := f.Root.Field(key).Value; fmt.Sprintf("%d:%d", v.Line, v.Column) != place {
			t.Errorf("%s stands at %d:%d, want %s", key, v.Line, v.Column, place)
		}
	}
	if !f.Root.Field("c").Value.Broken || f.Root.Field("a").Value.Broken {
		t.Error("what was mended is not marked, or something else is")
	}
}
