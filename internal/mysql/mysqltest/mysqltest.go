// Package mysqltest gives each test a scratch database on a real server: the one of ORDERSYNC_TEST_DSN, else a private MariaDB
// that is started once for the test binary and ends with it. Where neither can be had the test fails; it is never skipped.
package mysqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/mariadb"
	"ordersync/internal/mysql"
)

// Variable names the server that tests use, as a line of go-sql-driver/mysql: an account that may create databases.
const Variable = "ORDERSYNC_TEST_DSN"

// prefix begins the names of scratch databases.
const prefix = "ordersync_test_"

// server is the one private server of a test binary; it is started by the first test that needs it. It is the process's by nature,
// as its end is.
var server = &shared{}

type shared struct {
	once    sync.Once
	running *mariadb.Server
	dsn     string
	err     error
}

// Main runs the tests of a package and stops the server, if one was started, before the process exits. Using it is optional: a server
// also ends with its process.
func Main(m *testing.M) {
	m.Run() // whose status the process exits with, after TestMain
	if server.running != nil {
		if err := server.running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the test server:", err)
		}
	}
}

// Server is the way to the server as an account that may do everything, without a database.
func Server(t testing.TB) string {
	t.Helper()
	server.once.Do(func() { server.start(t) })
	if server.err != nil {
		t.Fatalf("no database server for the tests (or set %s): %v", Variable, server.err)
	}
	return server.dsn
}

func (s *shared) start(t testing.TB) {
	t.Helper()
	if s.dsn = os.Getenv(Variable); s.dsn != "" {
		return
	}
	// The first test's context ends with it; the server serves the others, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	s.running, s.err = mariadb.Start(ctx, mariadb.Options{Relaxed: true, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if s.err == nil {
		s.dsn = s.running.DSN("")
	}
}

// Options returns the way to a scratch database with the whole schema, for tests that open it themselves or hand it to a process. The
// database ends with the test.
func Options(t testing.TB) mysql.Options {
	t.Helper()
	o := Empty(t)
	db := open(t, o)
	defer func() { _ = db.Close() }()
	if err := db.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// Empty returns the way to a scratch database without any table. Its default character set is the worst that a server may come with.
func Empty(t testing.TB) mysql.Options {
	t.Helper()
	config := parse(t, Server(t))
	token := make([]byte, 6)
	if _, err := rand.Read(token); err != nil {
		t.Fatal(err)
	}
	name := prefix + hex.EncodeToString(token)
	Exec(t, Server(t), "CREATE DATABASE "+name+" CHARACTER SET latin1 COLLATE latin1_swedish_ci")
	t.Cleanup(func() { exec(context.WithoutCancel(t.Context()), t, Server(t), "DROP DATABASE IF EXISTS "+name) })
	config.DBName = name
	return mysql.Options{DSN: config.FormatDSN()}
}

// Open returns a store on a scratch database with the whole schema; both end with the test.
func Open(t testing.TB) *mysql.DB {
	t.Helper()
	return OpenWith(t, Options(t))
}

// OpenWith opens one more store, which is closed when the test ends.
func OpenWith(t testing.TB, o mysql.Options) *mysql.DB {
	t.Helper()
	db := open(t, o)
	t.Cleanup(func() {
		if err := db.Close(); err != nil && !errors.Is(err, driver.ErrInvalidConn) && !strings.Contains(err.Error(), "bad connection") {
			t.Error(err)
		}
	})
	return db
}

func open(t testing.TB, o mysql.Options) *mysql.DB {
	t.Helper()
	db, err := mysql.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// DSN is Options as one line.
func DSN(t testing.TB) string {
	t.Helper()
	return Options(t).DSN
}

// SQL opens a plain pool, to look at what a store has written from outside, in UTC.
func SQL(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	config := parse(t, dsn)
	config.ParseTime = true
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["time_zone"] = "'+00:00'"
	if err := config.Apply(driver.Charset("utf8mb4", "")); err != nil {
		t.Fatal(err)
	}
	connector, err := driver.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Exec executes statements one after the other on a connection of their own.
func Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	exec(t.Context(), t, dsn, statements...)
}

func exec(ctx context.Context, t testing.TB, dsn string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func parse(t testing.TB, dsn string) *driver.Config {
	t.Helper()
	config, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	return config
}
