package demo_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"ordersync/internal/demo"
)

// build makes the binary that is shipped.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ordersyncd")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "ordersync/cmd/ordersyncd").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// TestTheStoryHolds plays the whole demo. That it ends without an error says that every part held and that every column of the tables
// equalled the shop's truth; the rest here is about how it is told and what it leaves behind.
func TestTheStoryHolds(t *testing.T) {
	program := build(t)
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var out strings.Builder
	err := demo.Run(t.Context(), demo.Options{Out: &out, Program: program})
	told := out.String()
	t.Log("\n" + told)
	if err != nil {
		t.Fatal(err)
	}
	rest := told
	for _, part := range []string{
		"\n1. ", "migrate up", "\n2. ", "of us-store", "415 trades of tmall-flagship", "\n3. ", "60 new orders and 60 changes", "30 new trades",
		"\n4. ", "503", "HTML", "Message-ID: ", "us-store", "level=error", "Not well", "Recovered", "References: ",
		"Two mails", "\n5. ", "No call came during the ban", "\n6. ", "All 20 came whole", "; 0 of the refunds are known",
		"\n7. ", "deadletter list", "tmall-flagship", "deadletter retry", "released", "\n8. ", "TMS_SIGN", "asked about no more",
		"\n9. ", "Killed with", "of the 200 orders of tmall-flagship", "\n10. ", "exit status 0", "\n11. ",
		"orders of us-store", "trades of tmall-flagship", "All of it held",
	} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is missing, or not where it belongs", part)
		}
		rest = after
	}
	for line := range strings.Lines(told) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(told, "\x1b") {
		t.Error("it is coloured, although this is no terminal")
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAProgramThatCannotBeStarted(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var out strings.Builder
	err := demo.Run(t.Context(), demo.Options{Out: &out, Program: filepath.Join(folder, "no-such-program")})
	if err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
