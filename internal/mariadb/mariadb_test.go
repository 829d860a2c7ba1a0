package mariadb_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"ordersync/internal/mariadb"
)

// ownerVariable makes the test binary a process that owns a server in that folder, for the tests that kill it.
const ownerVariable = "ORDERSYNC_TEST_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		os.Exit(own(dir))
	}
	os.Exit(m.Run())
}

// own starts a server, prints its socket and waits for the end of its input.
func own(dir string) int {
	s, err := mariadb.Start(context.Background(), mariadb.Options{Dir: dir, Relaxed: true, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pid, err := os.ReadFile(filepath.Join(filepath.Dir(s.Socket()), "pid"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Socket(), strings.TrimSpace(string(pid)))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func start(t *testing.T, o mariadb.Options) *mariadb.Server {
	t.Helper()
	s, err := mariadb.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t *testing.T, s *mariadb.Server) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", s.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // which tells of connections that a crash has ended, too
	return db
}

// shortDir is a folder whose path leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "os-") //nolint:usetesting // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestServerKeepsDataOverACrash(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	s := start(t, mariadb.Options{Dir: dir})
	db := open(t, s)
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (a VARCHAR(10)) ENGINE=InnoDB", "INSERT INTO d.t VALUES ('kept')"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Dir(s.Socket())); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the server's folder: %v %v, want mode 0700", info, err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(t.Context()); err == nil {
		t.Fatal("the server answers after Kill")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	var a, charset string
	if err := db.QueryRowContext(t.Context(), "SELECT a, @@character_set_server FROM d.t").Scan(&a, &charset); err != nil {
		t.Fatal(err)
	}
	if a != "kept" || charset != "utf8mb4" {
		t.Errorf("got %q, %q", a, charset)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if left := listing(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := s.Restart(t.Context()); err == nil {
		t.Error("a server that was stopped for good starts again")
	}
}

func TestStartTellsWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	_, err := mariadb.Start(t.Context(), mariadb.Options{Dir: dir, Args: []string{"--no-such-option=1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("got %v, want the server's own words", err)
	}
	if left := listing(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestNothingOutlivesItsOwner kills the owner of a server in the ways that leave it no time to clean up.
func TestNothingOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(t *testing.T, owner *exec.Cmd, server int)
	}{
		{"stop", func(t *testing.T, _ *exec.Cmd, _ int) {}}, // the end of its input alone
		{"kill", func(t *testing.T, owner *exec.Cmd, _ int) { signal(t, owner.Process.Pid, syscall.SIGKILL) }},
		{"kill the group", func(t *testing.T, owner *exec.Cmd, _ int) { signal(t, -owner.Process.Pid, syscall.SIGKILL) }},
		{"server first", func(t *testing.T, owner *exec.Cmd, server int) {
			signal(t, server, syscall.SIGKILL)
			signal(t, owner.Process.Pid, syscall.SIGKILL)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			owner, input, server := startOwner(t, dir)
			test.end(t, owner, server)
			if err := input.Close(); err != nil {
				t.Error(err)
			}
			_ = owner.Wait()
			eventually(t, "the server ends", func() bool { return !alive(server) })
			eventually(t, "its folder goes", func() bool { return len(listing(t, dir)) == 0 })
		})
	}
}

// TestStartSweepsUp shows that what even the guard could not remove goes at the next start, and that the living stay.
func TestStartSweepsUp(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	dead := filepath.Join(dir, "ordersync-db-123")
	if err := os.MkdirAll(filepath.Join(dead, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dead+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	living := start(t, mariadb.Options{Dir: dir, Relaxed: true})
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a dead owner stayed")
	}
	start(t, mariadb.Options{Dir: dir, Relaxed: true})
	if err := open(t, living).PingContext(t.Context()); err != nil {
		t.Errorf("a second start harmed the first server: %v", err)
	}
}

func TestWithServer(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "withserver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./withserver").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := shortDir(t)
	cmd := exec.CommandContext(t.Context(), bin, "sh", "-c", "echo $ORDERSYNC_TEST_DSN; exit 7")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "ORDERSYNC_TEST_DSN=")
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit status: %v", err)
	}
	if !strings.HasPrefix(string(out), "root@unix("+dir) {
		t.Errorf("ORDERSYNC_TEST_DSN was %q", out)
	}
	if left := listing(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func startOwner(t *testing.T, dir string) (cmd *exec.Cmd, input io.Closer, server int) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerVariable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the owner did not start its server: %v", err)
	}
	_, pid, _ := strings.Cut(strings.TrimSpace(line), " ")
	server, err = strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, in, server
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// alive reports whether a process runs. One that nobody has waited for yet has no command line any more.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err != nil || len(line) > 0
}

func listing(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// eventually polls another process's doing, for which there is nothing to wait on.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Errorf("waited in vain: %s", what)
}
