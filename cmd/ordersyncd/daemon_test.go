package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"ordersync/internal/rest/resttest"
)

// The daemon runs what is due at its start, tells systemd, and ends well at SIGTERM.
func TestRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, 15)
	notices := newSystemd(t)
	c := s.start([]string{"NOTIFY_SOCKET=" + notices.path}, "run")
	c.awaits("run", 1)
	eventually(t, "both jobs have run", func() bool {
		return s.number(s.db(), "SELECT COUNT(DISTINCT job) FROM runs WHERE outcome = 'good'") == 2
	})
	if n := s.number(s.db(), "SELECT COUNT(*) FROM orders"); n != 15 {
		t.Errorf("%d orders are stored, want 15", n)
	}
	for _, line := range c.logged("run") {
		if line["outcome"] != "good" || line["job"] == nil || line["watermark"] == nil || line["tick"] == nil {
			t.Errorf("the line of a run: %v", line)
		}
	}
	s.want(s.run("status"), 0, "All is well.")
	eventually(t, "systemd knows the status", func() bool {
		return notices.heard("READY=1") && notices.heard("WATCHDOG=1") && notices.heard("STATUS=2 jobs of 1 source; behind: us-store 2m") &&
			notices.heard("; next: us-orders at 02:00:00 +08:00")
	})
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
	if len(c.logged("stopped")) != 1 || !notices.heard("STOPPING=1") {
		t.Error("the stop was not told")
	}
}

// SIGTERM in the middle of a run: what was committed stays, the rights are given back, and the next start goes on at once.
func TestRunStopsInMidRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, 40)
	db := s.db()
	stuck, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	var once sync.Once
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Before = func(resttest.Request) {
			if s.number(db, "SELECT COUNT(*) FROM orders") > 0 {
				first := false
				once.Do(func() { first = true; close(stuck) })
				if first {
					<-release
				}
			}
		}
	})
	c := s.start(nil, "run")
	<-stuck
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM leases WHERE held_until > UTC_TIMESTAMP(6)"); n != 0 {
		t.Errorf("%d leases were not given back", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM runs WHERE outcome = 'failed'"); n != 0 {
		t.Errorf("%d runs count as failed, and were only stopped", n)
	}
	again := s.start(nil, "run")
	eventually(t, "the next start goes on", func() bool { return s.number(db, "SELECT COUNT(*) FROM orders") == 40 })
	again.signal(syscall.SIGTERM)
	again.end()
}

// kill -9 leaves a lease and a claimed job behind; the same daemon takes both back at once, and another one would have to wait.
func TestRunAfterKill(t *testing.T) {
	t.Parallel()
	s := newStage(t, 40)
	s.write(s.yaml("  us-sweep:", "  #"))
	db := s.db()
	stuck, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Before = func(r resttest.Request) {
			if r.List == 3 {
				close(stuck)
				<-release
			}
		}
	})
	c := s.start(nil, "run")
	<-stuck
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.end()
	if n := s.number(db, "SELECT COUNT(*) FROM leases WHERE source <> '' AND held_until > UTC_TIMESTAMP(6)"); n != 1 {
		t.Fatalf("%d leases are held after the kill, want 1", n)
	}
	s.want(s.run("sync", "us-orders"), 1, "orders of us-store is being worked on by")
	again := s.start(nil, "run")
	if line := again.awaits("run", 1)[0]; line["outcome"] != "good" || line["attempt"] != float64(2) {
		t.Errorf("the first run after the kill: %v", line)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM orders"); n != 40 {
		t.Errorf("%d orders are stored, want 40", n)
	}
	other := s.startWith(s.config, nil, "run")
	if status := other.end(); status != 1 || !strings.Contains(other.said(), "another ordersyncd (process") {
		t.Errorf("a second daemon on the state directory: status %d, %s", status, other.said())
	}
	again.signal(syscall.SIGTERM)
	again.end()
}

// Two daemons on one database: each tick is run once, by either.
func TestTwoDaemons(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	s.write(s.yaml(`schedule: "0 2 * * *"`, `schedule: "@every 1s"`, "  us-sweep:", "  #"))
	second := filepath.Join(s.folder, "second.yaml")
	if err := os.Mkdir(filepath.Join(s.folder, "second"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := s.yaml(`schedule: "0 2 * * *"`, `schedule: "@every 1s"`, "  us-sweep:", "  #", s.folder+"/state", s.folder+"/second")
	if err := os.WriteFile(second, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemons := []*child{s.start(nil, "run", "-v"), s.startWith(second, nil, "run", "-v")}
	for _, c := range daemons {
		c.awaits("started", 1)
	}
	eventually(t, "six ticks have run", func() bool { return len(daemons[0].logged("run"))+len(daemons[1].logged("run")) >= 6 })
	seen := map[any]bool{}
	for _, c := range daemons {
		c.signal(syscall.SIGTERM)
		if status := c.end(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		for _, line := range c.logged("run") {
			if line["outcome"] == "stopped" {
				continue // its tick is gone on with by whoever comes first
			}
			if seen[line["tick"]] || line["outcome"] != "good" {
				t.Errorf("a tick was run twice, or badly: %v", line)
			}
			seen[line["tick"]] = true
		}
	}
}

// A database that is away at the start is waited for, and told of once; the daemon goes on as soon as it answers.
func TestRunWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	server := newForwarder(t, s.dsn)
	s.secret("dsn", server.dsn)
	c := s.start(nil, "run")
	lines := c.awaits("waiting for the database", 1)
	if lines[0]["kind"] != "database" || lines[0]["remedy"] == nil {
		t.Errorf("the line about the database: %v", lines[0])
	}
	server.open()
	c.awaits("the database answers", 1)
	c.awaits("run", 1)
	if n := len(c.logged("waiting for the database")); n != 1 {
		t.Errorf("the outage was told %d times, want once", n)
	}
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

// What keeps the daemon from starting is told with status 78, so that systemd does not try again.
func TestRunRefuses(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.want(s.run("sync", "us-orders"), 0)
	db := s.db()
	s.exec(db, "DELETE FROM sources")
	s.exec(db, "INSERT INTO sources (source, kind, endpoint, added_at) VALUES ('old-store', 'rest', ?, UTC_TIMESTAMP(6))", s.base)
	s.exec(db, "UPDATE orders SET source = 'old-store'")
	c := s.start(nil, "run")
	if status := c.end(); status != 78 || !strings.Contains(c.said(), "ordersyncd source rename old-store us-store") {
		t.Errorf("a new name for an old source: status %d: %s", status, c.said())
	}
	s.exec(db, "DELETE FROM sources")
	s.exec(db, "DROP TABLE IF EXISTS goose_db_version, schema_versions")
	c = s.start(nil, "run")
	if status := c.end(); status != 78 || !strings.Contains(c.said(), "ordersyncd migrate up") {
		t.Errorf("a schema that is not there: status %d: %s", status, c.said())
	}
	s.write(s.yaml("/state", "/nowhere"))
	c = s.start(nil, "run")
	if status := c.end(); status != 78 || !strings.Contains(c.said(), "the state directory") {
		t.Errorf("a state directory that is not there: status %d: %s", status, c.said())
	}
}

// The second Ctrl-C does not wait for anything.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	stuck := make(chan struct{})
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Before = func(r resttest.Request) {
			if r.List == 1 {
				close(stuck)
				<-t.Context().Done()
			}
		}
	})
	db := s.db()
	locked, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locked.Close() }()
	if _, err := locked.ExecContext(t.Context(), "LOCK TABLES leases WRITE, runs WRITE"); err != nil {
		t.Fatal(err)
	}
	c := s.start(nil, "sync", "us-orders")
	eventually(t, "the program waits for the table", func() bool {
		return s.number(db, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE 'Waiting for table%'") > 0
	})
	c.signal(os.Interrupt)
	c.signal(os.Interrupt)
	if status := c.end(); status != 130 {
		t.Errorf("exit status %d, want 130", status)
	}
}

func (c *child) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.String()
}

// systemd is the other end of NOTIFY_SOCKET.
type systemd struct {
	path string
	mu   sync.Mutex
	all  strings.Builder
}

func newSystemd(t *testing.T) *systemd {
	t.Helper()
	s := &systemd{path: filepath.Join(t.TempDir(), "notify")}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			fmt.Fprintln(&s.all, string(buffer[:n]))
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		reading.Wait()
	})
	return s
}

func (s *systemd) heard(notice string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.all.String(), notice)
}

// forwarder is a database server that is not there until it is opened.
type forwarder struct {
	t               *testing.T
	dsn, at         string
	network, target string
}

func newForwarder(t *testing.T, dsn string) *forwarder {
	t.Helper()
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{t: t, at: free.Addr().String(), network: config.Net, target: config.Addr}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	config.Net, config.Addr = "tcp", f.at
	f.dsn = config.FormatDSN()
	return f
}

func (f *forwarder) open() {
	f.t.Helper()
	var d net.ListenConfig
	listener, err := d.Listen(f.t.Context(), "tcp", f.at)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.carry(ctx, client) })
		}
	})
	f.t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		serving.Wait()
	})
}

func (f *forwarder) carry(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	var d net.Dialer
	server, err := d.DialContext(ctx, f.network, f.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), server.Close()) })
	defer stop()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
}
