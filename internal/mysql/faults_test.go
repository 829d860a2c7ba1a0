package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/mariadb"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
)

// three are three orders that every fault below hits in mid-commit.
func three(modified int) []order.Record {
	return []order.Record{record(whole("a", modified, modified)), record(whole("b", modified, modified)), record(whole("c", modified, modified))}
}

// allAt checks that all three orders are stored in one version: never half a page.
func (w *world) allAt(modified int) {
	w.t.Helper()
	if n := w.count("SELECT COUNT(*) FROM orders WHERE modified_at = ?", at(modified)); n != 3 {
		w.t.Errorf("%d of 3 orders are at version %d", n, modified)
	}
	if n := w.count("SELECT COUNT(*) FROM order_items"); n != 6 {
		w.t.Errorf("%d lines, want 6", n)
	}
}

// through is a world whose store goes through a proxy.
func through(t *testing.T, adjust ...func(*mysql.Options)) (*world, *proxy) {
	t.Helper()
	w := newWorld(t)
	p, o := newProxy(t, w.o)
	for _, a := range adjust {
		a(&o)
	}
	w.db = mysqltest.OpenWith(t, o)
	return w, p
}

// once returns a judge that gives its verdict to the first statement that begins so.
func once(prefix string, v verdict) func(string) verdict {
	var done atomic.Bool
	return func(statement string) verdict {
		if strings.HasPrefix(statement, prefix) && done.CompareAndSwap(false, true) {
			return v
		}
		return pass
	}
}

// TestFault has a test for each row of the fault matrix that this package answers for, by its number.
func TestFault(t *testing.T) {
	t.Parallel()
	// One server whose settings may be changed serves several rows, one after the other.
	_, w := private(t, mariadb.Options{Relaxed: true, Args: []string{
		"--sql-mode=", "--default-time-zone=+05:30", "--character-set-server=latin1", "--collation-server=latin1_swedish_ci",
	}})
	w.commit(1, three(1)...)
	on := func(test func(t *testing.T, w *world)) func(t *testing.T) { return func(t *testing.T) { test(t, w) } }
	for _, row := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"F67", databaseAway},
		{"F68", serverCrash},
		{"F68 connection killed", connectionKilled},
		{"F69", func(t *testing.T) { lostConnections(t, drop) }},
		{"F69 taken over", lostCommitOfAnother},
		{"F70", func(t *testing.T) { lostConnections(t, dropReply) }},
		{"F70 first commit", lostFirstCommit},
		{"F71 deadlock", deadlock},
		{"F71 lock wait", lockWait},
		{"F71 lock wait for ever", lockWaitForEver},
		{"F75", full},
		{"F76", refusedRows},
		{"F78", func(t *testing.T) {
			t.Parallel()
			mysql.MigrationsAreSound(t, mysqltest.OpenWith(t, mysqltest.Empty(t)))
		}},
		{"F80", on(otherSettings)},
		{"F72", on(readOnly)},
		{"F73", on(tooMany)},
		{"F74", on(packets)},
		{"F79", on(lockedTable)},
		{"F77", on(missing)},
		{"F77 rights", on(rights)},
		{"F81", restored},
	} {
		t.Run(row.name, row.test)
	}
}

// lostConnections loses the connection at every statement of a commit: before it arrives, or after it was done.
func lostConnections(t *testing.T, v verdict) {
	t.Parallel()
	w, p := through(t)
	w.commit(1, three(1)...)
	for i, statement := range []string{
		"START TRANSACTION", "UPDATE checkpoints", "SELECT order_id, modified_at, fetched_at, gone_at", "SELECT order_id, modified_at",
		"SELECT o.order_id, o.number", "INSERT INTO orders", "INSERT INTO order_items", "INSERT INTO order_raw", "COMMIT",
	} {
		next := i + 2
		var lost atomic.Bool
		p.at(func(s string) verdict {
			if strings.HasPrefix(s, statement) && lost.CompareAndSwap(false, true) {
				return v
			}
			return pass
		})
		records := three(next)
		for _, r := range records { // a line differs each time, so that every table is written
			r.Order.Items = some(line(r.Order.ID+"-1", fmt.Sprint(next)), line(r.Order.ID+"-2", "1"))
		}
		if got := w.commit(next, records...); got != (order.Written{Updated: 3}) || !lost.Load() {
			t.Errorf("%s: written %+v, lost: %v", statement, got, lost.Load())
		}
		w.allAt(next)
		if cp := w.checkpoint(); cp.Revision != int64(next) || !cp.Watermark.Equal(at(next)) {
			t.Errorf("%s: checkpoint: %+v", statement, cp)
		}
	}
}

// lostFirstCommit loses the answer to the commit that made the checkpoint, and one without records.
func lostFirstCommit(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	p.at(once("COMMIT", dropReply))
	if got := w.commit(1, three(1)...); got != (order.Written{Inserted: 3}) {
		t.Errorf("written: %+v", got)
	}
	p.at(once("UPDATE checkpoints", dropReply))
	w.commit(2)
	if cp := w.checkpoint(); cp.Revision != 2 || !cp.Watermark.Equal(at(2)) {
		t.Errorf("checkpoint: %+v", cp)
	}
}

// lostCommitOfAnother loses a COMMIT on the way, and another worker commits before it is tried again: the revision is what ours
// would have made it, but it is not ours.
func lostCommitOfAnother(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	w.commit(1, three(1)...)
	other := mysqltest.OpenWith(t, w.o)
	from := w.checkpoint()
	var otherErr error
	var lost, taken atomic.Bool
	p.at(func(statement string) verdict {
		switch {
		case statement == "COMMIT" && lost.CompareAndSwap(false, true):
			return drop
		case statement == "START TRANSACTION" && lost.Load() && taken.CompareAndSwap(false, true):
			to := from
			to.Watermark = at(7)
			_, otherErr = other.Commit(t.Context(), from, to, page(three(3)...))
		}
		return pass
	})
	_, err := w.db.Commit(t.Context(), from, from, page(three(2)...))
	if !errors.Is(err, order.ErrMoved) || otherErr != nil {
		t.Errorf("%v (the other: %v), want ErrMoved", err, otherErr)
	}
	w.allAt(3)
}

// connectionKilled kills the connection from the server's side in mid-transaction.
func connectionKilled(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	w.commit(1, three(1)...)
	var done atomic.Bool
	p.at(func(statement string) verdict {
		if strings.HasPrefix(statement, "INSERT INTO order_raw") && done.CompareAndSwap(false, true) {
			w.killOthers()
		}
		return pass
	})
	if got := w.commit(2, three(2)...); got != (order.Written{Updated: 3}) || !done.Load() {
		t.Errorf("written: %+v, killed: %v", got, done.Load())
	}
	w.allAt(2)
}

// killOthers kills every connection to the scratch database but those of w.raw.
func (w *world) killOthers() {
	rows, err := w.raw.Query("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
	if err != nil {
		w.t.Error(err)
		return
	}
	defer func() { _ = rows.Close() }()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			w.t.Error(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		w.t.Error(err)
	}
	for _, id := range ids {
		// One that has just ended by itself cannot be killed.
		_, _ = w.raw.Exec(fmt.Sprint("KILL ", id))
	}
}

// retries is a log that tells when a transaction is tried again.
func retries(told func()) *slog.Logger { return slog.New(&retryLog{told: told}) }

type retryLog struct{ told func() }

func (l *retryLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *retryLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *retryLog) WithGroup(string) slog.Handler            { return l }
func (l *retryLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "tried again") {
		l.told()
	}
	return nil
}

// session is a transaction of somebody else.
func (w *world) session() *sql.Tx {
	w.t.Helper()
	tx, err := w.raw.BeginTx(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func must(t *testing.T, tx *sql.Tx, query string, args ...any) {
	t.Helper()
	if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// deadlock makes the server choose our transaction as the victim of a deadlock (1213).
func deadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(1, three(1)...)
	var again atomic.Int32
	o := w.o
	o.Log = retries(func() { again.Add(1) })
	w.db = mysqltest.OpenWith(t, o)

	s := w.session()
	// The victim is whoever changed less.
	must(t, s, "INSERT INTO audit_log (at, actor, host, action, subject, detail) VALUES (NOW(), '', '', '', '', '')")
	for range 8 {
		must(t, s, "INSERT INTO audit_log (at, actor, host, action, subject, detail) SELECT at, actor, host, action, subject, detail FROM audit_log")
	}
	must(t, s, "UPDATE orders SET buyer_note = 'theirs' WHERE source = 'shop' AND order_id = 'c'")
	var got order.Written
	var wg sync.WaitGroup
	wg.Go(func() { got = w.commit(2, three(2)...) })
	eventually(t.Context(), t, "our transaction waits", func() bool { return w.waiting() == 1 })
	must(t, s, "UPDATE orders SET buyer_note = 'theirs' WHERE source = 'shop' AND order_id = 'a'")
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if got != (order.Written{Updated: 3}) || again.Load() != 1 {
		t.Errorf("written %+v after %d repeats, want one repeat", got, again.Load())
	}
	w.allAt(2)
}

// waiting counts the transactions on the scratch database that wait for a lock.
func (w *world) waiting() int {
	return w.count("SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p " +
		"ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()")
}

// lockWait lets our transaction wait too long in its middle (1205): after that the server would still commit its first half.
func lockWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(1, three(1)...)
	s := w.session()
	// The raw text of the last order is written after everything else.
	must(t, s, "UPDATE order_raw SET payload = 'theirs' WHERE source = 'shop' AND order_id = 'c'")
	var once sync.Once
	o := w.o
	o.LockWait = time.Second
	o.Log = retries(func() {
		once.Do(func() {
			if n := w.count("SELECT COUNT(*) FROM orders WHERE modified_at = ?", at(2)); n != 0 {
				w.t.Errorf("%d orders of a failed transaction are stored", n)
			}
			if err := s.Commit(); err != nil {
				w.t.Error(err)
			}
		})
	})
	w.db = mysqltest.OpenWith(t, o)
	if got := w.commit(2, three(2)...); got != (order.Written{Updated: 3}) {
		t.Errorf("written: %+v", got)
	}
	w.allAt(2)
}

// lockWaitForEver gives up after its attempts, as a failure that passes.
func lockWaitForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(1, three(1)...)
	s := w.session()
	must(t, s, "UPDATE orders SET buyer_note = 'theirs' WHERE source = 'shop' AND order_id = 'a'")
	var again atomic.Int32
	o := w.o
	o.LockWait, o.Log = time.Second, retries(func() { again.Add(1) })
	db := mysqltest.OpenWith(t, o)
	_, err := db.Commit(t.Context(), w.checkpoint(), w.checkpoint(), page(three(2)...))
	if number := numberOf(err); number != 1205 || fault.KindOf(err) != fault.Database || again.Load() != 3 {
		t.Errorf("%v (kind %v) after %d repeats", err, fault.KindOf(err), again.Load())
	}
}

func numberOf(err error) uint16 {
	if e, ok := errors.AsType[*mysql.Error](err); ok {
		return e.Number
	}
	return 0
}

// TestStopping shows that a context that ends leaves nothing behind and is no fault.
func TestStopping(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	w.commit(1, three(1)...)
	stop := errors.New("the daemon stops")
	for _, statement := range []string{"START TRANSACTION", "UPDATE checkpoints", "INSERT INTO orders", "INSERT INTO order_raw"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		p.at(func(s string) verdict {
			if strings.HasPrefix(s, statement) {
				cancel(stop)
			}
			return pass
		})
		_, err := w.db.Commit(ctx, w.checkpoint(), w.checkpoint(), page(three(2)...))
		if !errors.Is(err, stop) || !errors.Is(err, context.Canceled) || fault.KindOf(err) != 0 {
			t.Errorf("stopped at %s: %v (kind %v)", statement, err, fault.KindOf(err))
		}
		p.at(func(string) verdict { return pass })
	}
	w.allAt(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := w.db.Known(ctx, shop, []string{"a"}); fault.KindOf(err) != fault.Database {
		t.Errorf("out of time: %v (kind %v)", err, fault.KindOf(err))
	}
}

func databaseAway(t *testing.T) {
	t.Parallel()
	db, err := mysql.Open(mysql.Options{Address: "127.0.0.1:1", Name: "ordersync", User: "u", Password: "canary-secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.Commit(t.Context(), order.Checkpoint{Source: shop}, order.Checkpoint{Source: shop}, page(three(1)...))
	if fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), "is the database server running") ||
		strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	if _, err := db.Check(t.Context()); fault.KindOf(err) != fault.Database {
		t.Errorf("Check: %v", err)
	}
}

// private is a server of the test's own, whose settings it may change, and a world on it.
func private(t *testing.T, o mariadb.Options) (*mariadb.Server, *world) {
	t.Helper()
	server, err := mariadb.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	mysqltest.Exec(t, server.DSN(""), "CREATE DATABASE ordersync", "CREATE USER plain@localhost IDENTIFIED BY 'canary-secret'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ordersync.* TO plain@localhost")
	options := mysql.Options{
		Address: server.Socket(), Name: "ordersync", User: "plain", Password: "canary-secret", MigrateUser: "root",
	}
	db := mysqltest.OpenWith(t, options)
	if err := db.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return server, &world{t: t, o: options, db: db, raw: mysqltest.SQL(t, server.DSN("ordersync"))}
}

// serverCrash kills the server in mid-transaction and starts it again: what was committed is there, the rest is not.
func serverCrash(t *testing.T) {
	t.Parallel()
	server, w := private(t, mariadb.Options{})
	w.commit(1, three(1)...)
	tx, err := w.raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	must(t, tx, "UPDATE orders SET modified_at = ?", at(9))
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = tx.Rollback()
	cp := order.Checkpoint{Source: shop, Stream: "orders", Revision: 1}
	if _, err := w.db.Commit(t.Context(), cp, cp, page(three(2)...)); fault.KindOf(err) != fault.Database {
		t.Errorf("while the server is down: %v", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t.Context(), t, "the plain pool has left its old connections", func() bool { return w.raw.PingContext(t.Context()) == nil })
	w.allAt(1)
	w.commit(2, three(2)...)
	w.allAt(2)
}

// otherSettings: the server's own settings are as bad as they come, and those of the session win.
func otherSettings(t *testing.T, w *world) {
	if got := w.order("a"); time.Since(got.SyncedAt).Abs() > time.Hour {
		t.Errorf("synced_at is %s in a server of another zone", got.SyncedAt)
	}
	w.holds(whole("a", 1, 1))
	long := whole("long", 1, 1)
	long.Number = text(strings.Repeat("x", 1000))
	w.put(order.Written{Dead: 1}, record(long)) // it would have been cut
	if _, err := w.db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// full fills the server's only file.
func full(t *testing.T) {
	t.Parallel()
	_, w := private(t, mariadb.Options{
		Relaxed: true, Args: []string{"--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M"},
	})
	w.commit(1, three(1)...)
	var again atomic.Int32
	o := w.o
	o.Log = retries(func() { again.Add(1) })
	w.db = mysqltest.OpenWith(t, o)
	for i := range 100 {
		cp := w.checkpoint()
		big := whole(fmt.Sprint("big", i), 1, 1)
		big.Raw = []byte(strings.Repeat("x", 1<<20))
		again.Store(0)
		_, err := w.db.Commit(t.Context(), cp, cp, page(record(whole(fmt.Sprint("small", i), 1, 1)), record(big)))
		if err == nil {
			continue
		}
		if numberOf(err) != 1114 || fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), "disk") || again.Load() != 3 {
			t.Errorf("%v (kind %v) after %d repeats", err, fault.KindOf(err), again.Load())
		}
		if got := w.checkpoint(); got.Revision != cp.Revision || w.count("SELECT COUNT(*) FROM orders") != 3+2*i {
			t.Error("half of a page is stored")
		}
		return
	}
	t.Error("the file never filled")
}

// restored goes back to an older state under a worker that knows a newer one.
func restored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(1, three(1)...)
	dump := w.checkpoint()
	w.commit(2, three(2)...)
	newest := w.checkpoint()
	w.exec("UPDATE checkpoints SET revision = ?, watermark = ?", dump.Revision, at(1))
	w.exec("DELETE FROM orders WHERE order_id = 'c'") // its lines and raw text are still there: worse than any dump
	w.exec("UPDATE orders SET modified_at = ?, content_hash = 'x'", at(1))
	if _, err := w.db.Commit(t.Context(), newest, newest, page(three(2)...)); !errors.Is(err, order.ErrMoved) {
		t.Errorf("a worker from before: %v", err)
	}
	if got := w.checkpoint(); got.Revision != 1 || !got.Watermark.Equal(at(1)) {
		t.Errorf("checkpoint: %+v", got)
	}
	w.commit(3, three(3)...)
	w.allAt(3)
}

func readOnly(t *testing.T, w *world) {
	w.exec("SET GLOBAL read_only = 1")
	defer w.exec("SET GLOBAL read_only = 0")
	cp := w.checkpoint()
	_, err := w.db.Commit(t.Context(), cp, cp, page(three(2)...))
	if fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("got %v", err)
	}
	if warnings, err := w.db.Check(t.Context()); err != nil || !strings.Contains(strings.Join(warnings, "\n"), "read-only") {
		t.Errorf("Check: %v, %v", warnings, err)
	}
	w.allAt(1)
	w.exec("SET GLOBAL read_only = 0")
	w.commit(2, three(2)...)
	w.allAt(2)
}

// packets makes statements and single records too large for the server.
func packets(t *testing.T, w *world) {
	defer w.exec("SET GLOBAL max_allowed_packet = 16777216")
	var records []order.Record
	for i := range 40 {
		o := whole(fmt.Sprint("p", i), 1, 1)
		o.Raw = []byte(strings.Repeat(`"\`, 10<<10))
		records = append(records, record(o))
	}
	huge := whole("huge", 1, 1)
	huge.Raw = []byte(strings.Repeat("x", 300<<10))
	w.exec("SET GLOBAL max_allowed_packet = 131072")
	narrow := mysqltest.OpenWith(t, w.o)
	if got, err := narrow.Put(t.Context(), append(records, record(huge))); err != nil || got != (order.Written{Inserted: 40, Dead: 1}) {
		t.Errorf("written: %+v, %v", got, err)
	}
	d, err := w.db.DeadLetter(t.Context(), shop, "huge")
	if err != nil || !strings.Contains(d.Reason, "max_allowed_packet") || !strings.Contains(d.Reason, "is cut") || len(d.Payload) == 0 {
		t.Errorf("dead letter: %v", err)
	}
	if warnings, err := narrow.Check(t.Context()); err != nil || !strings.Contains(strings.Join(warnings, "\n"), "max_allowed_packet=131072") {
		t.Errorf("Check: %v, %v", warnings, err)
	}
	w.exec("SET GLOBAL max_allowed_packet = 16777216")
	huge.FetchedAt = at(2)
	wide := mysqltest.OpenWith(t, w.o)
	if got, err := wide.Put(t.Context(), []order.Record{record(huge)}); err != nil || got != (order.Written{Inserted: 1, Released: 1}) {
		t.Errorf("with a larger packet: %+v, %v", got, err)
	}
}

func tooMany(t *testing.T, w *world) {
	w.exec("ALTER USER plain@localhost WITH MAX_USER_CONNECTIONS 1")
	if _, err := mysqltest.OpenWith(t, w.o).Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := mysqltest.OpenWith(t, w.o)
	_, err := next.DeadLetters(t.Context(), mysql.DeadLetterFilter{})
	if fault.KindOf(err) != fault.Database || numberOf(err) != 1226 || !strings.Contains(err.Error(), "no connection left") {
		t.Errorf("got %v", err)
	}
	w.exec("ALTER USER plain@localhost WITH MAX_USER_CONNECTIONS 0")
	if _, err := next.DeadLetters(t.Context(), mysql.DeadLetterFilter{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func lockedTable(t *testing.T, w *world) {
	conn, err := w.raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), "LOCK TABLES orders WRITE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, fault.Errorf(fault.Database, "the run took too long"))
	defer cancel()
	cp := order.Checkpoint{Source: shop, Stream: "locked"}
	if _, err := w.db.Commit(ctx, cp, cp, page(three(3)...)); fault.KindOf(err) != fault.Database {
		t.Errorf("got %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	w.commit(4, three(4)...)
	w.count("SELECT COUNT(*) FROM orders")
}

func missing(t *testing.T, w *world) {
	w.exec("ALTER TABLE orders RENAME COLUMN tax TO taxes")
	cp := w.checkpoint()
	_, err := w.db.Commit(t.Context(), cp, cp, page(three(5)...))
	if numberOf(err) != 1054 || !strings.Contains(err.Error(), "tax") || !strings.Contains(err.Error(), "ordersyncd migrate up") {
		t.Errorf("a column is missing: %v", err)
	}
	w.exec("ALTER TABLE orders RENAME COLUMN taxes TO tax")
	w.exec("RENAME TABLE order_raw TO order_raws")
	_, err = w.db.Commit(t.Context(), cp, cp, page(three(5)...))
	if numberOf(err) != 1146 || !strings.Contains(err.Error(), "order_raw") || !strings.Contains(err.Error(), "ordersyncd migrate up") {
		t.Errorf("a table is missing: %v", err)
	}
	w.exec("RENAME TABLE order_raws TO order_raw")
	if got := w.checkpoint().Revision; got != cp.Revision {
		t.Errorf("the checkpoint moved to revision %d", got)
	}
}

func rights(t *testing.T, w *world) {
	w.exec("REVOKE DELETE, UPDATE ON ordersync.* FROM plain@localhost")
	cp := w.checkpoint()
	fresh := mysqltest.OpenWith(t, w.o)
	if _, err := fresh.Commit(t.Context(), cp, cp, order.Page{}); numberOf(err) != 1142 || !strings.Contains(err.Error(), "lacks a right") {
		t.Errorf("got %v", err)
	}
	for name, change := range map[string]func(*mysql.Options){
		"check database.user": func(o *mysql.Options) { o.Password = "canary-wrong" },
		"lacks a right":       func(o *mysql.Options) { o.Name = "mysql" },
	} {
		o := w.o
		change(&o)
		_, err := mysqltest.OpenWith(t, o).Now(t.Context())
		if fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v", err)
		}
	}
	o := w.o
	o.User, o.Password, o.Name = "root", "", "nowhere"
	if _, err := mysqltest.OpenWith(t, o).Now(t.Context()); numberOf(err) != 1049 || !strings.Contains(err.Error(), "create it") {
		t.Errorf("no such database: %v", err)
	}
}
