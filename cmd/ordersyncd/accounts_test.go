package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
	"ordersync/internal/rest/resttest"
	"ordersync/internal/schedule"
)

// accounts are those of deploy/mysql/accounts.sql, under names that no other test has.
type accounts struct {
	database, daemon, migration string
	config                      *mysql.Config
}

// newAccounts runs accounts.sql as an administrator would, on an empty database.
func newAccounts(t *testing.T) accounts {
	t.Helper()
	config, err := mysql.ParseDSN(mysqltest.Empty(t).DSN)
	if err != nil {
		t.Fatal(err)
	}
	name := config.DBName
	a := accounts{database: name, config: config, daemon: strings.TrimPrefix(name, "ordersync_")}
	a.migration = a.daemon + "_ddl"
	host := "'localhost'"
	if config.Net != "unix" {
		host = "'%'"
	}
	text := strings.NewReplacer(
		"'127.0.0.1'", host, "'ordersync'", "'"+a.daemon+"'", "'ordersync_ddl'", "'"+a.migration+"'",
		"EXISTS ordersync ", "EXISTS "+name+" ", "ON ordersync.*", "ON `"+strings.ReplaceAll(name, "_", `\_`)+"`.*",
	).Replace(readFile(t, filepath.Join(houseRoot, "deploy", "mysql", "accounts.sql")))
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, "--") })
	statements := strings.Split(strings.TrimSpace(strings.Join(lines, "\n")), ";")
	statements = statements[:len(statements)-1]
	if len(statements) != 5 {
		t.Fatalf("accounts.sql has %d statements, want 5: the test no longer understands it", len(statements))
	}
	mysqltest.Exec(t, config.FormatDSN(), statements...)
	mysqltest.Exec(t, config.FormatDSN(), statements...) // which changes nothing
	root := mysqltest.SQL(t, config.FormatDSN())
	t.Cleanup(func() {
		for _, user := range []string{a.daemon, a.migration} {
			if _, err := root.Exec("DROP USER '" + user + "'@" + host); err != nil {
				t.Error(err)
			}
		}
	})
	return a
}

// yaml is the section database.
func (a accounts) yaml() string {
	return fmt.Sprintf("database:\n  address: %s\n  name: %s\n  user: %s\n  password: DAEMON-PASSWORD\n  migrate: {user: %s, password: MIGRATION-PASSWORD}\n",
		a.config.Addr, a.database, a.daemon, a.migration)
}

func (a accounts) open(t *testing.T, user, password string) *sql.DB {
	t.Helper()
	config := a.config.Clone()
	config.User, config.Passwd = user, password
	return mysqltest.SQL(t, config.FormatDSN())
}

// The two accounts are enough: the one migrates, the other does everything else.
func TestAccountsAreEnough(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	s := newStage(t, 25)
	s.dsn = a.config.FormatDSN() // where the test itself looks
	database := `database: {dsn: "${file:` + s.folder + `/dsn}"}` + "\n"
	s.write(s.yaml(database, a.yaml()))
	s.want(s.run("migrate", "status"), 1, "to be done")
	s.want(s.run("migrate", "up"), 0, "the tables are up to date")
	s.want(s.run("migrate", "up"), 0, "The tables are up to date")
	s.want(s.run("migrate", "status"), 0)
	s.want(s.run("check", "--online"), 0, "ok      database", "ok      schema")

	s.truth.Amend("1002", func(o *resttest.Order) { o.Poison = resttest.BadMoney })
	s.truth.Amend("1003", func(o *resttest.Order) { o.Poison = resttest.BadMoney })
	c := s.start(nil, "run", "-v")
	c.awaits("run", 2)
	eventually(t, "it tells the others", func() bool { return s.number(s.db(), "SELECT COUNT(*) FROM daemons") == 1 })
	s.write(s.yaml(database, a.yaml(), "30 4 * * *", "30 5 * * *"))
	s.want(s.run("check", "--diff"), 0, "job us-sweep: schedule from")
	c.reload(logReloaded)
	s.want(s.run("status"), 0, "All is well.")
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	for _, line := range c.logged("run") {
		if line["outcome"] == "failed" {
			t.Errorf("a run failed: %v", line)
		}
	}

	s.want(s.run("sync", "us-orders"), 0, "orders received")
	s.want(s.run("sync", "us-orders", "--dry-run"), 0, "Nothing was written")
	s.want(s.run("sync", "us-orders", "--since", "2026-01-01", "--until", "2026-01-03"), 0)
	s.want(s.run("order", "us-store", "1001"), 0, "1001")
	s.want(s.run("deadletter", "list"), 0, "1002")
	s.want(s.run("deadletter", "show", "us-store", "1002"), 0, "Dead letter 1002")
	s.truth.Amend("1002", func(o *resttest.Order) { o.Poison = "" })
	s.want(s.run("deadletter", "retry", "us-store", "1002"), 0, "released")
	s.want(s.run("deadletter", "discard", "us-store", "1003", "--yes"), 0, "Deleted the dead letter")
	w, err := (&program{config: s.config, getenv: func(string) string { return "" }, screen: newScreen(nil, nil, func(string) string { return "" })}).open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.close() }()
	if err := (&keeper{db: w.db, log: w.log}).keepHouse(t.Context(), schedule.Tick{}); err != nil {
		t.Errorf("housekeeping: %v", err)
	}
	s.exec(s.db(), "UPDATE orders SET status = 'shipped', completed_at = NULL, synced_at = UTC_TIMESTAMP(6)")
	tracked := &account{name: "us-store", parcels: everywhere{}}
	if r, err := w.trackDue(t.Context(), tracked, nil); err != nil || r.Updated == 0 || r.Updated != r.Inserted {
		t.Errorf("parcels: %+v, %v", r, err)
	}
}

// everywhere is a source that knows of one parcel in each order, and where it is.
type everywhere struct{}

func (everywhere) Parcels([]byte) []order.Parcel { return []order.Parcel{{TrackingNumber: "A"}} }

func (everywhere) Trace(context.Context, order.Parcel) ([]order.Shipment, error) {
	return []order.Shipment{{Carrier: "YTO", Status: order.ShipmentInTransit, Events: []order.ShipmentEvent{{Text: "on its way"}}}}, nil
}

// And they are no more than enough: nothing of the server beyond rows, or tables, of the one database.
func TestAccountsAreNoMore(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	other, err := mysql.ParseDSN(mysqltest.Empty(t).DSN)
	if err != nil {
		t.Fatal(err)
	}
	mysqltest.Exec(t, other.FormatDSN(), "CREATE TABLE theirs (id INT PRIMARY KEY)")
	mysqltest.Exec(t, a.config.FormatDSN(), "CREATE TABLE orders (id INT PRIMARY KEY)")
	nobody := []string{
		"SELECT * FROM " + other.DBName + ".theirs", "INSERT INTO " + other.DBName + ".theirs VALUES (1)", "DROP DATABASE " + other.DBName,
		"SELECT * FROM mysql.user", "CREATE DATABASE ordersync_more", "CREATE USER 'more'@'localhost'",
		"GRANT SELECT ON " + a.database + ".* TO '" + a.daemon + "'@'localhost'", "SET GLOBAL read_only = 1",
		"SELECT * FROM orders INTO OUTFILE 'orders.txt'", "LOAD DATA INFILE 'orders.txt' INTO TABLE orders",
		"CREATE PROCEDURE p() SELECT 1", "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.id = 1", "CREATE VIEW v AS SELECT * FROM orders",
	}
	for _, c := range []struct {
		user, password string
		may, mayNot    []string
	}{
		{
			user: a.daemon, password: "DAEMON-PASSWORD",
			may: []string{"INSERT INTO orders VALUES (1)", "UPDATE orders SET id = 2", "SELECT * FROM orders", "DELETE FROM orders"},
			mayNot: []string{
				"CREATE TABLE more (id INT)", "CREATE TEMPORARY TABLE more (id INT)", "ALTER TABLE orders ADD COLUMN more INT", "DROP TABLE orders",
				"TRUNCATE TABLE orders", "CREATE INDEX more ON orders (id)", "LOCK TABLES orders WRITE", "DROP DATABASE " + a.database,
			},
		},
		{
			user: a.migration, password: "MIGRATION-PASSWORD",
			may: []string{"CREATE TABLE more (id INT)", "ALTER TABLE more ADD COLUMN x INT", "CREATE INDEX x ON more (x)", "DROP TABLE more"},
		},
	} {
		db := a.open(t, c.user, c.password)
		for _, statement := range c.may {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Errorf("%s may not: %s: %v", c.user, statement, err)
			}
		}
		for _, statement := range slices.Concat(c.mayNot, nobody) {
			_, err := db.ExecContext(t.Context(), statement)
			if refused, ok := errors.AsType[*mysql.MySQLError](err); !ok || !slices.Contains(refusals, refused.Number) {
				t.Errorf("%s is not refused for lack of a right: %s: %v", c.user, statement, err)
			}
		}
	}
}

// refusals are the server's numbers for a right that is missing: on a database, a table, a user or a procedure, or on the server.
var refusals = []uint16{1044, 1045, 1142, 1227, 1370, 1410, 1419}
