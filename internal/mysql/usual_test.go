package mysql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

// ordered stores an order of a source that was ordered at a time; the zero time means that nobody knows when.
func (w *world) ordered(source order.SourceID, id string, when time.Time) {
	w.t.Helper()
	o := &order.Order{Source: source, ID: id, ModifiedAt: at(0), FetchedAt: at(0), Raw: raw("{}")}
	if !when.IsZero() {
		o.OrderedAt = order.Some(when)
	}
	if _, err := w.db.Put(w.t.Context(), []order.Record{record(o)}); err != nil {
		w.t.Fatal(err)
	}
}

func TestUsual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const week = 7 * 24 * time.Hour
	since, until := at(0), at(3600)
	for i, when := range []time.Time{
		since, since.Add(-week), until.Add(-week - time.Microsecond), until.Add(-week), since.Add(-3 * week), since.Add(-3*week - time.Microsecond),
		since.Add(-5 * week), {},
	} {
		w.ordered(shop, fmt.Sprint(i), when)
	}
	w.ordered("other", "1", since.Add(-week))
	if got, err := w.db.Usual(t.Context(), shop, since, until, 4); err != nil || cmp.Diff([]int{2, 0, 1, 0}, got) != "" {
		t.Errorf("four weeks: %v, %v", got, err)
	}
	if got, err := w.db.Usual(t.Context(), "none", since, until, 2); err != nil || cmp.Diff([]int{0, 0}, got) != "" {
		t.Errorf("a source without orders: %v, %v", got, err)
	}
	for _, weeks := range []int{0, -1} {
		if _, err := w.db.Usual(t.Context(), shop, since, until, weeks); fault.KindOf(err) != fault.Internal {
			t.Errorf("%d weeks: %v", weeks, err)
		}
	}
	if _, err := w.db.Usual(t.Context(), shop, time.Time{}, until, 1); fault.KindOf(err) != fault.Internal {
		t.Errorf("no span: %v", err)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var rows []mysql.SourceRow
	for _, name := range []order.SourceID{"a", "b", "c", "d"} {
		rows = append(rows, mysql.SourceRow{Name: name, Kind: "rest", Endpoint: string(name)})
	}
	if err := w.db.RememberSources(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		w.ordered("a", fmt.Sprint(i), at(i%17))
		w.ordered("b", fmt.Sprint(i), at(-i))
		w.ordered("c", fmt.Sprint(i), time.Time{})
	}
	w.ordered("a", "unknown", time.Time{})
	got, err := w.db.Newest(t.Context())
	if diff := cmp.Diff(map[order.SourceID]time.Time{"a": at(16), "b": at(0)}, got); diff != "" || err != nil {
		t.Errorf("newest, %v (-want +got):\n%s", err, diff)
	}
}

// TestPolledIsCheap: however much history there is, what is asked again and again reads a few entries of an index.
func TestPolledIsCheap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const history = " FROM seq_1_to_5000"
	for _, statement := range []string{
		"INSERT INTO sources (source, kind, endpoint, added_at) SELECT ELT(seq, 'a', 'b', 'c'), '', '', UTC_TIMESTAMP(6) FROM seq_1_to_3",
		"INSERT INTO orders (source, order_id, ordered_at, modified_at, fetched_at, content_hash, first_seen_at, synced_at) " +
			"SELECT ELT(1 + seq % 3, 'a', 'b', 'c'), seq, TIMESTAMPADD(SECOND, seq, '2026-01-01'), '2026-01-01', '2026-01-01', 'x', '2026-01-01', " +
			"TIMESTAMPADD(SECOND, seq, '2026-01-01')" + history,
		"INSERT INTO incidents (incident_id, scope, class, phase, source, since_at, recovered_at, last_at, failures, error, is_over, state) " +
			"SELECT seq, 'source/a', 'http', 'recovered', 'a', '2026-01-01', '2026-01-02', '2026-01-01', 1, '', 1, '{}'" + history,
		"INSERT INTO observations (identity, source, happened_at, worked_at, body) " +
			"SELECT UNHEX(SHA2(seq, 256)), 'a', '2026-01-01', '2026-01-01', '{}'" + history,
		"INSERT INTO notices (notice_id, channel, sort, class, state, made_at, ended_at, attempts, error, body) " +
			"SELECT seq, 'sentry', 'alarm', 'http', 'sent', '2026-01-01', '2026-01-01', 1, '', '{}'" + history,
		// Of a job that has failed for weeks.
		"INSERT INTO runs (run_id, job, source, stream, attempt, holder, outcome, kind, error, started_at, ended_at, windows, passes, pages, records, " +
			"orders_inserted, orders_updated, orders_unchanged, orders_stale, orders_dead, orders_released, rounded, repaired, shortfall, runs, last_run_id) " +
			"SELECT seq, '1000', 'a', 'orders', 1, '', 'failed', 'transient', '', '2026-01-01', TIMESTAMPADD(SECOND, seq, '2026-01-01'), " +
			"0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, ''" + history,
		"ANALYZE TABLE orders, sources, incidents, observations, notices, runs",
	} {
		w.exec(statement)
	}
	conn, err := w.raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	number := func(query string) (n int) {
		t.Helper()
		if err := conn.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const reads = "SELECT SUM(variable_value) FROM information_schema.session_status WHERE variable_name LIKE 'HANDLER_READ_%'"
	filled := strings.NewReplacer("source = ?", "source = 'a'", "job = ?", "job = '1000'", "ordered_at >= ?", "ordered_at >= '2026-01-01 01:00:00'",
		"ordered_at < ?", "ordered_at < '2026-01-01 01:00:30'", "?", "1000")
	for name, query := range mysql.Polled() {
		before := number(reads)
		if _, err := conn.ExecContext(t.Context(), filled.Replace(query)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := number(reads) - before; n > 100 {
			t.Errorf("%s reads %d rows", name, n)
		}
	}
}

func TestStoredSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ordered(shop, "before", at(0))
	since, err := w.db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.ordered(shop, "after", at(0))
	w.ordered("other", "1", at(0))
	if n, err := w.db.StoredSince(t.Context(), shop, since); n != 1 || err != nil {
		t.Errorf("%d orders, %v, want 1", n, err)
	}
}

func TestWeekOf(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	const day = 24 * time.Hour
	until := b.now.Truncate(time.Hour)
	since := until.Add(-7 * day)
	week := func() alert.Week {
		t.Helper()
		got, err := b.db.WeekOf(t.Context(), since, until)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if diff := cmp.Diff(alert.Week{Since: since, Until: until}, week()); diff != "" {
		t.Errorf("an empty database (-want +got):\n%s", diff)
	}
	var rows []mysql.SourceRow
	for _, name := range []order.SourceID{"removed", "shop", "idle"} {
		rows = append(rows, mysql.SourceRow{Name: name, Kind: "rest", Endpoint: string(name)})
	}
	for _, configured := range [][]mysql.SourceRow{rows, rows[1:]} {
		if err := b.db.RememberSources(t.Context(), configured); err != nil {
			t.Fatal(err)
		}
	}
	b.put(order.Written{Dead: 2}, dead(bad("1", 1, 1, "broken")), dead(bad("2", 1, 1, "broken")))
	b.commit(60)
	for i, r := range []struct {
		source  order.SourceID
		outcome string
		ended   time.Time
		written order.Written
	}{
		{shop, mysql.OutcomeGood, since.Add(-time.Second), order.Written{Inserted: 1000, Updated: 1000}},
		{shop, mysql.OutcomeGood, since, order.Written{Inserted: 3, Updated: 1}},
		{shop, mysql.OutcomeGood, until.Add(-time.Second), order.Written{Inserted: 4, Updated: 2}},
		{shop, mysql.OutcomeFailed, until.Add(-time.Minute), order.Written{Inserted: 5}}, // of its first pages
		{shop, mysql.OutcomeStopped, until.Add(-time.Minute), order.Written{}},
		{"removed", mysql.OutcomeFailed, since.Add(day), order.Written{Inserted: 100}},
		{shop, mysql.OutcomeGood, until, order.Written{Inserted: 1000}},
	} {
		if err := b.db.RecordRun(t.Context(), mysql.RunRow{
			RunID: fmt.Sprint("r", i), Job: fmt.Sprint("job ", i), Source: r.source, Outcome: r.outcome, Written: r.written,
			StartedAt: r.ended.Add(-time.Minute), EndedAt: r.ended,
		}); err != nil {
			t.Fatal(err)
		}
	}
	open, old := b.incident("shop", day), b.incident("shop", 30*day)
	old.Phase, old.RecoveredAt = alert.Recovered, b.ago(29*day)
	long, brief := b.incident("idle", 30*day), b.incident("idle", 2*day)
	brief.Phase, brief.RecoveredAt = alert.Recovered, b.ago(day)
	b.write(alert.Step{Incidents: []alert.Incident{open, old, long, brief}})
	want := alert.Week{
		Since: since, Until: until, Runs: 5, Failed: 2, Incidents: 2, Open: 2,
		Sources: []alert.SourceWeek{{Source: "idle"}, {Source: "shop", New: 12, Changed: 3, DeadLetters: 2, Watermark: order.Instant(at(60))}},
	}
	if diff := cmp.Diff(want, week()); diff != "" {
		t.Errorf("the week (-want +got):\n%s", diff)
	}

	// Empty runs share rows: one began before the week, one ends after it, one stands over all of it.
	for i, span := range [][2]time.Duration{{-8 * day, -6 * day}, {-day, day}, {-14 * day, 7 * day}} {
		run := mysql.RunRow{
			RunID: fmt.Sprint("empty ", i), Job: fmt.Sprint("empty job ", i), Source: "idle", Outcome: mysql.OutcomeGood,
			StartedAt: until.Add(span[0]), EndedAt: until.Add(span[1]),
		}
		if err := b.db.RecordRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	b.exec("UPDATE runs SET runs = 2000 WHERE run_id IN ('empty 0', 'empty 1')")
	b.exec("UPDATE runs SET runs = 300000 WHERE run_id = 'empty 2'")
	want.Runs += 1000 + 1000 + 100000
	if diff := cmp.Diff(want, week()); diff != "" {
		t.Errorf("with empty runs (-want +got):\n%s", diff)
	}
}
