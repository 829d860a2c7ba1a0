package demo

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"ordersync/internal/mariadb"
	"ordersync/internal/taobao/taobaotest"
)

// The names in the demo's world, as its configuration and its commands use them.
const (
	configName = "ordersyncd.yaml"
	source     = "us-store"
	flagship   = "tmall-flagship"
	appSecret  = "taobao-app-secret"
	session    = "taobao-session"
	projectKey = "sentry-dsn"
	database   = "ordersync"
	account    = "ordersync"
	owner      = "ordersync_ddl"
)

// stage is everything that the story plays on. It is cleared with close.
type stage struct {
	folder string
	server *mariadb.Server
	db     *sql.DB
	// secrets are what the files in the folder credentials hold, by name.
	secrets map[string]string
}

// build starts the database server and makes the folder, inside the server's: what removes that one after a kill -9 then removes ours.
func build(ctx context.Context, c *console) (*stage, error) {
	server, err := mariadb.Start(ctx, mariadb.Options{Relaxed: true, Log: slog.New(progress{c})})
	if err != nil {
		return nil, err
	}
	s := &stage{server: server, folder: filepath.Join(filepath.Dir(server.Socket()), "demo"), secrets: map[string]string{}}
	if err := s.furnish(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) furnish(ctx context.Context) error {
	for _, name := range []string{"db-password", "db-ddl-password", source, appSecret, session} {
		var random [16]byte
		rand.Read(random[:])
		s.secrets[name] = hex.EncodeToString(random[:])
	}
	if err := os.MkdirAll(filepath.Join(s.folder, "credentials"), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(s.folder, "state"), 0o700); err != nil {
		return err
	}
	for name, secret := range s.secrets {
		if err := os.WriteFile(filepath.Join(s.folder, "credentials", name), []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
	}
	prepare, err := open(s.server.DSN(""))
	if err != nil {
		return err
	}
	defer func() { _ = prepare.Close() }()
	// The two accounts of the README: one that reads and writes rows, one that may change tables.
	for _, statement := range []string{
		"CREATE DATABASE ordersync CHARACTER SET utf8mb4",
		"CREATE USER ordersync@localhost IDENTIFIED BY '" + s.secrets["db-password"] + "'",
		"CREATE USER ordersync_ddl@localhost IDENTIFIED BY '" + s.secrets["db-ddl-password"] + "'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ordersync.* TO ordersync@localhost",
		"GRANT ALL ON ordersync.* TO ordersync_ddl@localhost",
	} {
		if _, err := prepare.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("prepare the private database: %w", err)
		}
	}
	s.db, err = open(s.server.DSN(database))
	return err
}

// open connects as the server's root, with a clock in UTC.
func open(dsn string) (*sql.DB, error) {
	o, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	o.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(o)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(2)
	return db, nil
}

// count is the number of a table's rows.
func (s *stage) count(ctx context.Context, table string) (int, error) {
	return s.number(ctx, "SELECT COUNT(*) FROM "+table)
}

// number is what a query counts.
func (s *stage) number(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.db.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// close stops the server, which takes the folder with it.
func (s *stage) close() error {
	var closed error
	if s.db != nil {
		closed = s.db.Close()
	}
	return errors.Join(closed, s.server.Stop())
}

// pageSize makes many pages of a shop's worth of orders.
const pageSize = 25

// configure writes the configuration, with everything in seconds that usually is in minutes and days.
func (s *stage) configure(baseURL, router string, p *post, now time.Time) error {
	text := s.configuration(baseURL, router, now) + s.alerts(p)
	if err := os.WriteFile(filepath.Join(s.folder, "credentials", projectKey), []byte(p.events.DSN+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.folder, configName), []byte(text), 0o600)
}

func (s *stage) configuration(baseURL, router string, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, `timezone: UTC
state: %[1]s/state

database:
  address: %[2]s
  name: %[3]s
  user: %[4]s
  password: ${file:%[1]s/credentials/db-password}
  migrate: {user: %[5]s, password: "${file:%[1]s/credentials/db-ddl-password}"}

sources:
  %[6]s:
    kind: rest
    preset: us-server
    base_url: %[7]s
    auth: {bearer: "${file:%[1]s/credentials/%[6]s}"}
    rate: {per_second: 60}
    page: {size: {value: %[8]d}}
    overlap: 1h
    settle: 1s
    slice: 30d
    http: {retries: 1, header_timeout: 3s, body_timeout: 5s}
    map:                       # what this shop sends beyond what the preset reads
`, s.folder, s.server.Socket(), database, account, owner, source, baseURL, pageSize)
	lines := ""
	for _, column := range slices.Sorted(maps.Keys(mapping)) {
		if inLine, ok := strings.CutPrefix(column, "line "); ok {
			lines += fmt.Sprintf("        %s: %s\n", inLine, mapping[column][0])
			continue
		}
		fmt.Fprintf(&b, "      %s: %s\n", column, mapping[column][0])
	}
	fmt.Fprintf(&b, "      lines:\n%s", lines)
	fmt.Fprintf(&b, `
  %[2]s:
    kind: taobao
    app_key: "%[3]s"
    app_secret: ${file:%[1]s/credentials/%[4]s}
    session: ${file:%[1]s/credentials/%[5]s}
    session_expires: %[7]s
    gateway: %[6]s
    rate: {per_second: 250}
    overlap: 10s
    settle: 1s
    http: {retries: 1, header_timeout: 3s, body_timeout: 5s}
`, s.folder, flagship, taobaotest.AppKey, appSecret, session, router, now.AddDate(1, 0, 0).Format(time.DateOnly))
	fmt.Fprintf(&b, `
jobs:
  us-orders: {sync: %[1]s, schedule: "*/2 * * * * *", start: %[2]s, repeat: [1s, 2s]}
  us-sweep:  {sweep: %[1]s, schedule: "@every 5s", back: %[3]dd, repeat: [1s, 2s]}
  tmall-orders:  {sync: %[4]s, schedule: "*/2 * * * * *", start: %[5]s, repeat: [1s, 2s]}
  tmall-sweep:   {sweep: %[4]s, schedule: "@every 5s", back: 3d, repeat: [1s, 2s]}
  tmall-parcels: {track: %[4]s, schedule: "@every 1s", repeat: [1s, 2s]}
`, source, now.AddDate(0, 0, -historyDays-1).Format(time.DateOnly), historyDays+2,
		flagship, now.AddDate(0, 0, -mallDays-1).Format(time.DateOnly))
	return b.String()
}

// alerts is who is told about failures.
func (s *stage) alerts(p *post) string {
	return fmt.Sprintf(`
alerts:
  email:
    smtp: {host: %s, port: %d, tls: none}
    from: %s
    to: [%s]
  sentry: {dsn: "${file:%s/credentials/%s}", environment: demo}
  group_wait: 1s
`, p.mails.Host(), p.mails.Port(), sender, reader, s.folder, projectKey)
}
