package main

import (
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/demo/truth"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/rest/resttest"
)

var kills = flag.Int("kills", 50, "how often TestKill kills the daemon")

// TestKill kills the real daemon with SIGKILL at random moments of its first load, each time with a source of its own. After the kill
// no order is missing that the watermark covers; after a new start the tables equal the truth.
func TestKill(t *testing.T) {
	t.Parallel()
	dsn := mysqltest.DSN(t)
	db := plainDB(t, dsn)
	program := builtProgram(t)
	var next, inside atomic.Int64
	t.Run("kills", func(t *testing.T) {
		for worker := range 2 {
			t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1); n <= int64(*kills) && !t.Failed(); n = next.Add(1) {
					v := newVictim(t, program, dsn, db, n)
					if v.kill() {
						inside.Add(1)
					}
					v.checkWatermark()
					v.goOn()
					v.compare()
				}
			})
		}
	})
	t.Logf("%d kills, %d of them with the load half done", *kills, inside.Load())
	if !t.Failed() && inside.Load() < int64(*kills)/2 {
		t.Errorf("only %d of %d kills met a load half done: they prove too little", inside.Load(), *kills)
	}
}

// plainDB reads the tables past our own store.
func plainDB(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	c, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.ParseTime = true
	connector, err := driver.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// victim is one source whose daemon will be killed.
type victim struct {
	t       *testing.T
	program string
	config  string
	source  string
	db      *sql.DB
	server  *resttest.Server
	random  *rand.Rand
	// fatal is the request at which the daemon is killed; struck is closed when it comes.
	requests, fatal atomic.Int64
	struck          chan struct{}
}

const (
	victimOrders   = 300
	victimPage     = 10
	victimRequests = 34 // of an undisturbed load, about
)

func newVictim(t *testing.T, program, dsn string, db *sql.DB, n int64) *victim {
	t.Helper()
	v := &victim{
		t: t, program: program, source: fmt.Sprintf("victim-%d", n), db: db, struck: make(chan struct{}),
		random: rand.New(rand.NewPCG(uint64(n), 9)),
	}
	v.fatal.Store(1 + v.random.Int64N(victimRequests))
	orders := resttest.NewTruth(nil)
	orders.Churn(uint64(n)).Fill(victimOrders, time.Now().Add(-5*24*time.Hour), time.Now().Add(-time.Hour))
	v.server = resttest.New(orders, resttest.Shop{Token: "test-token", Before: func(resttest.Request) {
		if v.requests.Add(1) == v.fatal.Load() {
			close(v.struck)
		}
	}})
	base, stop, err := v.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	folder := t.TempDir()
	v.config = filepath.Join(folder, "ordersyncd.yaml")
	for path, text := range map[string]string{
		filepath.Join(folder, "dsn"):   dsn,
		filepath.Join(folder, "token"): "test-token",
		v.config: fmt.Sprintf(`timezone: UTC
state: %s/state
database: {dsn: "${file:%s/dsn}"}
sources:
  %s:
    kind: rest
    preset: us-server
    base_url: %s
    auth: {bearer: "${file:%s/token}"}
    rate: {per_second: 1000}
    page: {size: {value: %d}}
jobs:
  %s-orders: {sync: %s, schedule: "@every 1h", start: %s, repeat: [1s]}
`, folder, folder, v.source, base, folder, victimPage, v.source, v.source, time.Now().AddDate(0, 0, -6).UTC().Format(time.DateOnly)),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	return v
}

// daemon starts ordersyncd run; done is closed when it has ended.
func (v *victim) daemon() (command *exec.Cmd, output *bytes.Buffer, done chan struct{}) {
	v.t.Helper()
	output, done = new(bytes.Buffer), make(chan struct{})
	command = exec.CommandContext(v.t.Context(), v.program, "run", "-c", v.config)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		v.t.Fatal(err)
	}
	go func() {
		_ = command.Wait()
		close(done)
	}()
	return command, output, done
}

// kill lets the daemon run until the fatal request and some microseconds more, and kills it. It reports whether the load was under
// way: something was stored, and not everything.
func (v *victim) kill() bool {
	v.t.Helper()
	command, output, done := v.daemon()
	select {
	case <-v.struck:
	case <-done:
		v.t.Fatalf("%s: the daemon ended by itself:\n%s", v.source, output)
	case <-time.After(60 * time.Second):
		v.t.Fatalf("%s: the daemon made %d requests in a minute:\n%s", v.source, v.requests.Load(), output)
	}
	<-time.After(time.Duration(v.random.IntN(4000)) * time.Microsecond)
	if err := command.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	<-done
	stored := v.count("SELECT COUNT(*) FROM orders WHERE source = ?")
	return stored > 0 && stored < victimOrders
}

func (v *victim) count(query string) int {
	v.t.Helper()
	var n int
	if err := v.db.QueryRowContext(v.t.Context(), query, v.source).Scan(&n); err != nil {
		v.t.Fatal(err)
	}
	return n
}

// checkWatermark: every order that the shop created before the watermark is stored.
func (v *victim) checkWatermark() {
	v.t.Helper()
	var watermark sql.NullTime
	err := v.db.QueryRowContext(v.t.Context(), "SELECT MAX(watermark) FROM checkpoints WHERE source = ? AND stream = 'orders'", v.source).Scan(&watermark)
	if err != nil {
		v.t.Fatal(err)
	}
	covered := 0
	for _, o := range v.server.Truth.Orders() {
		if watermark.Valid && o.Created.Before(watermark.Time) {
			covered++
		}
	}
	stored := v.count("SELECT COUNT(*) FROM orders WHERE source = ? AND ordered_at < (SELECT MAX(watermark) FROM checkpoints c WHERE c.source = orders.source AND c.stream = 'orders')")
	if stored != covered {
		v.t.Errorf("%s: the watermark %v covers %d orders and %d of them are stored", v.source, watermark.Time, covered, stored)
	}
}

// goOn starts the daemon again, waits for its load to end, and stops it as systemd does.
func (v *victim) goOn() {
	v.t.Helper()
	command, output, done := v.daemon()
	deadline := time.After(60 * time.Second)
	for v.count("SELECT COUNT(*) FROM runs WHERE source = ? AND outcome = 'good'") == 0 {
		select {
		case <-done:
			v.t.Fatalf("%s: the daemon ended by itself:\n%s", v.source, output)
		case <-deadline:
			_ = command.Process.Kill()
			<-done
			v.t.Fatalf("%s: no good run within a minute of the new start:\n%s", v.source, output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		v.t.Fatal(err)
	}
	<-done
	if code := command.ProcessState.ExitCode(); code != 0 {
		v.t.Errorf("%s: after SIGTERM the daemon ended with %d:\n%s", v.source, code, output)
	}
}

func (v *victim) compare() {
	v.t.Helper()
	differences, err := truth.Compare(v.t.Context(), v.db, truth.Shop{Source: v.source, Reading: truth.USServer(), Records: recordsOf(v.t, v.server)})
	if err != nil {
		v.t.Fatal(err)
	}
	if len(differences) > 0 {
		v.t.Errorf("%s: %d differences, the first: %s", v.source, len(differences), differences[0])
	}
}
