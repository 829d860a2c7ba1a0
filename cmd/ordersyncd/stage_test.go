package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/rest/resttest"
)

// asProgram, in its environment, makes this test binary the program itself.
const asProgram = "ORDERSYNCD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run())
	}
	if config := os.Getenv(asReader); config != "" {
		if err := readOnly(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	mysqltest.Main(m)
}

// shopToken is the credential that the shop of a stage takes.
const shopToken = "token-of-the-shop"

// stage is an operator's machine: a configuration, a database, and a shop on loopback.
type stage struct {
	t      *testing.T
	folder string
	config string
	dsn    string
	base   string
	truth  *resttest.Truth
	shop   *resttest.Server
}

// newStage sets one up, with orders in the shop from the last day.
func newStage(t *testing.T, orders int) *stage {
	t.Helper()
	s := &stage{t: t, folder: t.TempDir(), dsn: mysqltest.DSN(t), truth: resttest.NewTruth(nil)}
	s.config = filepath.Join(s.folder, "ordersyncd.yaml")
	now := time.Now()
	for n := range orders {
		created := now.Add(-20*time.Hour + time.Duration(n)*time.Minute)
		s.truth.Create(resttest.Order{
			ID: fmt.Sprint(1000 + n), Status: "paid", Total: "12.50", Created: created, Modified: created,
			Lines: []resttest.Line{{ID: "1", SKU: "CUP-01", Name: "Cup", Quantity: "2", Price: "6.25"}},
		})
	}
	s.shop = resttest.New(s.truth, resttest.Shop{Token: shopToken})
	base, stop, err := s.shop.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.base = base
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if strays := s.shop.Strays(); len(strays) > 0 {
			t.Errorf("requests that nobody meant: %q", strays)
		}
	})
	s.secret("token", shopToken)
	s.secret("dsn", s.dsn)
	if err := os.Mkdir(filepath.Join(s.folder, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(s.yaml())
	return s
}

func (s *stage) secret(name, value string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(value), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// yaml is the configuration; replacements are pairs of what stands in it and what stands there instead.
func (s *stage) yaml(replacements ...string) string {
	text := fmt.Sprintf(`timezone: Asia/Shanghai
state: %[1]s/state
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  us-store:
    kind: rest
    preset: us-server
    base_url: %[2]s
    auth: {bearer: "${file:%[1]s/token}"}
    rate: {per_second: 1000}
    page: {size: {value: 10}}
    http: {retries: 0}
jobs:
  us-orders: {sync: us-store, schedule: "0 2 * * *", start: %[3]s}
  us-sweep: {sweep: us-store, schedule: "30 4 * * *", back: 2d}
`, s.folder, s.base, time.Now().AddDate(0, 0, -2).UTC().Format(time.DateOnly))
	return strings.NewReplacer(replacements...).Replace(text)
}

func (s *stage) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// ran is what a command did.
type ran struct {
	status         int
	stdout, stderr string
}

// run runs a command inside the test's process.
func (s *stage) run(args ...string) ran {
	s.t.Helper()
	return s.runIn(s.t.Context(), args...)
}

func (s *stage) runIn(ctx context.Context, args ...string) ran {
	s.t.Helper()
	return runProgram(ctx, append(args, "-c", s.config)...)
}

func runProgram(ctx context.Context, args ...string) ran {
	var stdout, stderr bytes.Buffer
	p := &program{args: args, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	status := p.run(ctx)
	return ran{status: status, stdout: stdout.String(), stderr: stderr.String()}
}

// want holds what a command did against its status and texts that must be in one of its outputs.
func (s *stage) want(got ran, status int, texts ...string) {
	s.t.Helper()
	wantRan(s.t, got, status, texts...)
	for _, secret := range []string{shopToken, s.dsn} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			s.t.Errorf("the output shows a secret:\n%s\n%s", got.stdout, got.stderr)
		}
	}
}

func wantRan(t *testing.T, got ran, status int, texts ...string) {
	t.Helper()
	if got.status != status {
		t.Errorf("exit status %d, want %d", got.status, status)
	}
	both := got.stdout + "\n" + got.stderr
	for _, text := range texts {
		if !strings.Contains(both, text) {
			t.Errorf("the output lacks %q", text)
		}
	}
	if strings.Contains(both, "\x1b[") {
		t.Error("the output is coloured, and no terminal")
	}
	for _, jargon := range []string{"goroutine", "panic", "%!", "<nil>", "nil pointer"} {
		if strings.Contains(both, jargon) {
			t.Errorf("the output holds %q", jargon)
		}
	}
	if t.Failed() {
		t.Fatalf("stdout:\n%s\nstderr:\n%s", got.stdout, got.stderr)
	}
}

// db is a plain connection to the stage's database.
func (s *stage) db() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("mysql", s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// number asks the database for one number.
func (s *stage) number(db *sql.DB, query string, args ...any) int {
	s.t.Helper()
	var n int
	if err := db.QueryRowContext(s.t.Context(), query, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) exec(db *sql.DB, query string, args ...any) {
	s.t.Helper()
	if _, err := db.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits until a condition holds; it gives up after half a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventuallyIn(t, 30*time.Second, what, holds)
}

// eventuallyIn waits until a condition holds; it gives up after a time of its own.
func eventuallyIn(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-limit.C:
			t.Fatalf("it did not come that %s", what)
		}
	}
}

// builtProgram is the path of a program that is this very code, in a process of its own: a script that the test binary takes the
// place of. Building it once more would take longer than most tests.
func builtProgram(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ordersyncd")
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, self)
	// A process that is forked while the file is being written has it open until its own program begins, and nobody may run it then.
	syscall.ForkLock.RLock()
	err = os.WriteFile(path, []byte(script), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// child is a real process of the program.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	ended  chan struct{}
	mu     sync.Mutex
	output bytes.Buffer
	lines  []map[string]any
}

// start starts the program as a child, with further variables in its environment.
func (s *stage) start(env []string, args ...string) *child {
	s.t.Helper()
	return s.startWith(s.config, env, args...)
}

func (s *stage) startWith(config string, env []string, args ...string) *child {
	s.t.Helper()
	c := &child{t: s.t, ended: make(chan struct{})}
	c.cmd = exec.Command(builtProgram(s.t), append(args, "-c", config)...)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	read, write := io.Pipe()
	c.cmd.Stdout, c.cmd.Stderr = write, write
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { c.read(read) })
	go func() {
		_ = c.cmd.Wait()
		_ = write.Close()
		reading.Wait()
		close(c.ended)
	}()
	s.t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
		if s.t.Failed() {
			c.mu.Lock()
			defer c.mu.Unlock()
			s.t.Logf("%v said:\n%s", args, c.output.String())
		}
	})
	return c
}

// read keeps what the child says, and its log lines as what they mean.
func (c *child) read(r io.Reader) {
	decoder := bytes.NewBuffer(nil)
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		c.mu.Lock()
		c.output.Write(buffer[:n])
		decoder.Write(buffer[:n])
		for bytes.ContainsRune(decoder.Bytes(), '\n') {
			line, _ := decoder.ReadBytes('\n')
			var fields map[string]any
			if json.Unmarshal(line, &fields) == nil {
				c.lines = append(c.lines, fields)
			}
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// logged returns the lines with that message.
func (c *child) logged(message string) []map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []map[string]any
	for _, line := range c.lines {
		if line["msg"] == message {
			list = append(list, line)
		}
	}
	return list
}

// awaits waits until the child has logged a message so many times.
func (c *child) awaits(message string, times int) []map[string]any {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%q is logged %d times", message, times), func() bool {
		select {
		case <-c.ended:
			c.t.Fatalf("the program ended before it logged %q", message)
		default:
		}
		return len(c.logged(message)) >= times
	})
	return c.logged(message)
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// end waits for the child's end and returns its exit status.
func (c *child) end() int {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(40 * time.Second):
		c.t.Fatal("the program does not end")
	}
	return c.cmd.ProcessState.ExitCode()
}
