package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mysql "github.com/go-sql-driver/mysql"

	"ordersync/internal/fault"
)

// DB is the store. It is safe for concurrent use.
type DB struct {
	options    Options
	config     *mysql.Config
	pool       *sql.DB
	statements statements
	// packet is the largest statement that the server takes, as the latest connection heard it.
	packet *atomic.Int64
	// quiet: the latest page was stored already, so that the next may be, too.
	quiet atomic.Bool
	// first: nothing of the latest page was stored before, so that the next may be as new.
	first atomic.Bool
	// unread are the rows of which was said that they cannot be read.
	unread sync.Map
	// pause waits before a transaction is tried again.
	pause func(ctx context.Context, attempt int) error
	log   *slog.Logger
}

// Open prepares the store without any I/O. Its errors are of the kind fault.Config.
func Open(o Options) (*DB, error) {
	log := cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	config, err := o.config(log)
	if err != nil {
		return nil, err
	}
	db := &DB{options: o, config: config, statements: newStatements(), packet: new(atomic.Int64), pause: pause, log: log}
	if db.pool, err = db.open(config, setLimits); err != nil {
		return nil, err
	}
	return db, nil
}

// open makes a pool of connections, each of which begins with the statement greeting (which may be unknown to a server).
func (db *DB) open(config *mysql.Config, greeting string) (*sql.DB, error) {
	inner, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fault.Errorf(fault.Config, "database: the connection's settings contradict each other")
	}
	pool := sql.OpenDB(connector{Connector: inner, greeting: greeting, packet: db.packet, often: db.statements.often})
	pool.SetMaxOpenConns(db.connections())
	pool.SetMaxIdleConns(db.connections())
	pool.SetConnMaxLifetime(connLife)
	pool.SetConnMaxIdleTime(connIdle)
	return pool, nil
}

func (db *DB) connections() int { return cmp.Or(db.options.Connections, connections) }

// Close ends all connections.
func (db *DB) Close() error { return db.pool.Close() }

// dropIdle ends the connections that nobody uses: after a failover each of them leads to the wrong server.
func (db *DB) dropIdle() {
	db.pool.SetMaxIdleConns(-1)
	db.pool.SetMaxIdleConns(db.connections())
}

// pause waits 50, 200 and 800 ms, each between half and the whole of it, so that two workers do not meet again.
func pause(ctx context.Context, attempt int) error {
	longest := 50 * time.Millisecond << (2 * attempt)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// connector finishes what the driver's connector begins.
type connector struct {
	driver.Connector
	greeting string
	packet   *atomic.Int64
	// often tells which statements are worth being kept ready.
	often func(query string) bool
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.greet(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &session{driverConn: conn.(driverConn), often: c.often, ready: map[string]driver.Stmt{}}, nil
}

func (c connector) greet(ctx context.Context, conn driver.Conn) error {
	if c.greeting != "" {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, c.greeting, nil); err != nil && numberOf(err) != unknownVariable {
			return err
		}
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, setIsolation, nil); err != nil {
		return err
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, selectPacket, nil)
	if err != nil {
		return err
	}
	value := make([]driver.Value, 1)
	if err := rows.Next(value); err != nil && !errors.Is(err, io.EOF) {
		_ = rows.Close()
		return err
	}
	size, err := strconv.ParseInt(string(textOf(value[0])), 10, 64)
	if err != nil {
		_ = rows.Close()
		return fmt.Errorf("max_allowed_packet is not a number")
	}
	c.packet.Store(size)
	return rows.Close()
}

// textOf is a number as the server sends it: as text in one protocol, as a number in the other.
func textOf(v driver.Value) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	case int64:
		return strconv.AppendInt(nil, v, 10)
	case uint64:
		return strconv.AppendUint(nil, v, 10)
	default:
		return nil
	}
}

// Now is the database's clock.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := db.pool.QueryRowContext(ctx, selectNow).Scan(&now)
	return now, db.failed(ctx, "read the database's clock", err)
}

// Check connects, reads the settings of the connection back, and returns what an operator should know about the server.
func (db *DB) Check(ctx context.Context) (warnings []string, err error) {
	var zone, mode, charset string
	if err := db.pool.QueryRowContext(ctx, selectSession).Scan(&zone, &mode, &charset); err != nil {
		return nil, db.failed(ctx, "check the database", err)
	}
	for _, s := range []struct{ name, got, want string }{
		{"time_zone", zone, "+00:00"}, {"character_set_connection", charset, "utf8mb4"},
	} {
		if s.got != s.want {
			return nil, fault.Errorf(fault.Database, "check the database: the server keeps %s at %q where it was asked for %q", s.name, s.got, s.want)
		}
	}
	if !strings.Contains(mode, "STRICT_ALL_TABLES") {
		return nil, fault.Errorf(fault.Database, "check the database: the server does not keep the strict sql_mode that it was asked for")
	}
	settings, err := db.settings(ctx)
	if err != nil {
		return nil, err
	}
	return db.warnings(settings), nil
}

func (db *DB) settings(ctx context.Context) (map[string]string, error) {
	rows, err := db.pool.QueryContext(ctx, showSettings)
	if err != nil {
		return nil, db.failed(ctx, "check the database", err)
	}
	defer func() { _ = rows.Close() }()
	settings := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, db.failed(ctx, "check the database", err)
		}
		settings[name] = value
	}
	return settings, db.failed(ctx, "check the database", rows.Err())
}

// leastPacket is the max_allowed_packet below which ordinary records do not fit.
const leastPacket = 4 << 20

func (db *DB) warnings(settings map[string]string) []string {
	var warnings []string
	if v, ok := settings["innodb_flush_log_at_trx_commit"]; ok && v != "1" {
		warnings = append(warnings, "the database has innodb_flush_log_at_trx_commit="+v+
			": a crash of its host loses orders that were stored; set it to 1")
	}
	if v, ok := settings["sync_binlog"]; ok && v != "1" && settings["log_bin"] == "ON" {
		warnings = append(warnings, "the database has sync_binlog="+v+
			": a crash of its host may leave its replicas without orders that were stored; set it to 1")
	}
	if v := settings["read_only"]; v == "ON" || v == "1" {
		warnings = append(warnings, "the database is read-only (a replica?): orders cannot be stored")
	}
	if size := db.packet.Load(); size < leastPacket {
		warnings = append(warnings, fmt.Sprintf(
			"the database has max_allowed_packet=%d: larger records become dead letters; set it to 16M or more", size))
	}
	if db.config.TLS == nil && !local(db.config) {
		warnings = append(warnings, "the connection to the database is not encrypted (tls=false in the dsn)")
	}
	return warnings
}
