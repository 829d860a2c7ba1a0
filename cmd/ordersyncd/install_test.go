package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// makeInstall runs `make install` into a folder of its own and returns what it said.
func makeInstall(t *testing.T, folder, prefix string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "install",
		"BIN="+builtProgram(t), "PREFIX="+prefix, "DESTDIR="+folder)
	command.Dir = houseRoot
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	return string(out)
}

// treeOf lists the files below a folder with their modes.
func treeOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		about, err := e.Info()
		if err == nil && (!e.IsDir() || e.Name() == "credentials") {
			tree[strings.TrimPrefix(path, folder)] = about.Mode().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// `make install` lays everything where systemd and the editor look for it, twice the same, and never touches what an operator wrote.
func TestInstall(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if said := makeInstall(t, folder, "/usr/local"); !strings.Contains(said, "installed /etc/ordersync/ordersyncd.yaml") {
		t.Errorf("the first time it says:\n%s", said)
	}
	want := map[string]string{
		"/etc/ordersync/credentials":                       "drwx------",
		"/etc/ordersync/ordersyncd.schema.json":            "-rw-r--r--",
		"/etc/ordersync/ordersyncd.yaml":                   "-rw-r--r--",
		"/usr/local/bin/ordersyncd":                        "-rwxr-xr-x",
		"/usr/local/lib/systemd/system/ordersyncd.service": "-rw-r--r--",
		"/usr/local/lib/sysusers.d/ordersync.conf":         "-rw-r--r--",
		"/usr/local/share/doc/ordersync/accounts.sql":      "-rw-r--r--",
		"/usr/local/share/doc/ordersync/en/alerts.md":      "-rw-r--r--",
		"/usr/local/share/doc/ordersync/en/service.md":     "-rw-r--r--",
		"/usr/local/share/doc/ordersync/en/taobao.md":      "-rw-r--r--",
		"/usr/local/share/doc/ordersync/zh-CN/alerts.md":   "-rw-r--r--",
		"/usr/local/share/doc/ordersync/zh-CN/service.md":  "-rw-r--r--",
		"/usr/local/share/doc/ordersync/zh-CN/taobao.md":   "-rw-r--r--",
	}
	if diff := cmp.Diff(want, treeOf(t, folder)); diff != "" {
		t.Errorf("installed, -want +got:\n%s", diff)
	}
	if said := makeInstall(t, folder, "/usr/local"); !strings.Contains(said, "example already") {
		t.Errorf("the second time it says:\n%s", said)
	}
	if diff := cmp.Diff(want, treeOf(t, folder)); diff != "" {
		t.Errorf("installed twice, -want +got:\n%s", diff)
	}
	unit := readFile(t, filepath.Join(folder, "/usr/local/lib/systemd/system/ordersyncd.service"))
	for _, line := range []string{"ExecStart=/usr/local/bin/ordersyncd run", "ExecPaths=/usr/local/bin/ordersyncd"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}

	config := filepath.Join(folder, "/etc/ordersync/ordersyncd.yaml")
	schema, _, _ := strings.Cut(readFile(t, config), "\n")
	_, name, _ := strings.Cut(schema, "$schema=")
	if _, err := os.Stat(filepath.Join(filepath.Dir(config), name)); err != nil {
		t.Errorf("the file's first line, %q, names a schema that is not there: %v", schema, err)
	}
	if err := os.WriteFile(config, []byte("timezone: UTC\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if said := makeInstall(t, folder, "/usr/local"); !strings.Contains(said, "kept your /etc/ordersync/ordersyncd.yaml") {
		t.Errorf("over an operator's file it says:\n%s", said)
	}
	if text := readFile(t, config); text != "timezone: UTC\n" {
		t.Errorf("the operator's file holds %q", text)
	}
	if diff := cmp.Diff(readFile(t, filepath.Join(houseRoot, "configs/ordersyncd.example.yaml")), readFile(t, config+".new")); diff != "" {
		t.Errorf("the example beside it: -want +got:\n%s", diff)
	}
}

// A prefix of one's own: the unit lies where systemd looks, and leaves the folder of the binary open.
func TestInstallElsewhere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	makeInstall(t, folder, "/opt/ordersync")
	unit := readFile(t, filepath.Join(folder, "/etc/systemd/system/ordersyncd.service"))
	for _, line := range []string{"ExecStart=/opt/ordersync/bin/ordersyncd run", "InaccessiblePaths=-/boot -/media -/mnt -/srv"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}
	if tree := treeOf(t, folder); tree["/opt/ordersync/bin/ordersyncd"] == "" || tree["/etc/sysusers.d/ordersync.conf"] == "" {
		t.Errorf("installed %v", tree)
	}
}

func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ bin, prefix, want string }{
		"nothing built":      {filepath.Join(t.TempDir(), "none"), "/usr", "make build"},
		"a relative prefix":  {builtProgram(t), "usr", "PREFIX must be"},
		"a prefix of tricks": {builtProgram(t), "/usr;x", "PREFIX must be"},
		"a home":             {builtProgram(t), "/home/me", "PREFIX must not lie"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			script := exec.CommandContext(t.Context(), filepath.Join(houseRoot, "deploy", "install"))
			script.Env = append(os.Environ(), "BIN="+c.bin, "PREFIX="+c.prefix, "DESTDIR="+folder)
			out, err := script.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("it says %q, and ends with %v; want %q", out, err, c.want)
			}
			if tree := treeOf(t, folder); len(tree) > 0 {
				t.Errorf("it installed %v", tree)
			}
		})
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exposure is the last line of systemd-analyze's rating.
var exposure = regexp.MustCompile(`Overall exposure level for ordersyncd\.service: ([0-9.]+)`)

// The unit as it is installed is one that systemd understands to the last word, and as closed as it claims to be.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here (package systemd): nobody checked the unit")
	}
	folder := t.TempDir()
	makeInstall(t, folder, "/usr/local")
	installed := filepath.Join(folder, "/usr/local/lib/systemd/system/ordersyncd.service")
	// verify wants to see the programs that a unit starts.
	text := strings.ReplaceAll(readFile(t, installed), "/usr/local/bin/ordersyncd", filepath.Join(folder, "/usr/local/bin/ordersyncd"))
	unit := filepath.Join(t.TempDir(), "ordersyncd.service")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// A word that systemd does not know is only a line that it writes.
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", "--threshold=12", installed).CombinedOutput()
	found := exposure.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	t.Logf("the exposure is %s", found[1])
	if said := "rates this unit " + string(found[1]); !strings.Contains(text, said) {
		t.Errorf("the unit's comment does not say %q", said)
	}
}
