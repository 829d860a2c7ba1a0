package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
	"ordersync/internal/schedule"
	"ordersync/internal/schedule/scheduletest"
)

// TestSchedule is the suite that every store of jobs and leases passes.
func TestSchedule(t *testing.T) {
	t.Parallel()
	scheduletest.Run(t, func(t *testing.T) scheduletest.Store { return mysqltest.Open(t) })
}

func TestLeaseRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, stream := range []string{"orders", "sweep"} {
		if _, ok, err := w.db.AcquireLease(t.Context(), "shop", stream, "me", time.Minute); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	rows, err := w.db.LeaseRows(t.Context())
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v, %v", rows, err)
	}
	if l := rows[1]; l.Source != "shop" || l.Stream != "sweep" || l.Holder != "me" || l.Until.Sub(l.Since) != time.Minute {
		t.Errorf("got %+v", l)
	}
	var _ schedule.Leases = w.db
}

// TestLeaseContest lets several processes take and give back one lease: at no time two have it.
func TestLeaseContest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	holder, held := "", 0
	var wg sync.WaitGroup
	for i := range 4 {
		db, me := mysqltest.OpenWith(t, w.o), fmt.Sprint("holder ", i)
		wg.Go(func() {
			for range 25 {
				lease, ok, err := db.AcquireLease(t.Context(), "shop", "orders", me, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					if lease.Holder == me || lease.Holder == "" {
						t.Errorf("%s: busy, and held by %q", me, lease.Holder)
					}
					continue
				}
				mu.Lock()
				if holder != "" {
					t.Errorf("%s has the lease of %s", me, holder)
				}
				holder = me
				held++
				mu.Unlock()
				if ok, err := db.RenewLease(t.Context(), "shop", "orders", me, time.Minute); !ok || err != nil {
					t.Errorf("%s cannot renew its lease: %v", me, err)
				}
				mu.Lock()
				holder = ""
				mu.Unlock()
				if err := db.ReleaseLease(t.Context(), "shop", "orders", me); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if held < 4 {
		t.Errorf("the lease was had %d times", held)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	reserve := func(calls, daily int) (time.Duration, error) {
		return w.db.Reserve(ctx, "c", calls, time.Minute, daily, 8*time.Hour)
	}
	if wait, err := reserve(3, 0); wait != 0 || err != nil {
		t.Errorf("the first call waits %s, %v", wait, err)
	}
	if wait, err := reserve(1, 0); wait > 3*time.Minute || wait < 2*time.Minute || err != nil {
		t.Errorf("after three calls a minute apart the wait is %s, %v", wait, err)
	}
	// Another credential has a pace of its own.
	if wait, err := w.db.Reserve(ctx, "d", 1, time.Minute, 0, 0); wait != 0 || err != nil {
		t.Errorf("another credential waits %s, %v", wait, err)
	}
	rows, err := w.db.PaceRows(ctx)
	if err != nil || len(rows) != 2 || rows[0].Used != 4 || rows[0].Ahead > 4*time.Minute || rows[0].Ahead < 3*time.Minute ||
		!rows[0].Day.Equal(time.Now().UTC().Add(8*time.Hour).Truncate(24*time.Hour)) {
		t.Errorf("rows: %+v, %v", rows, err)
	}

	// A next call far ahead is what a wrong clock left behind.
	w.exec("UPDATE pace SET next_call = next_call + 86400000000 WHERE credential = 'd'")
	if wait, err := w.db.Reserve(ctx, "d", 1, time.Second, 0, 0); wait != 0 || err != nil {
		t.Errorf("after the clock went back the wait is %s, %v", wait, err)
	}
}

func TestPaceByDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const zone = -5 * time.Hour
	reserve := func(calls int) error {
		_, err := w.db.Reserve(t.Context(), "c", calls, time.Microsecond, 10, zone)
		return err
	}
	for _, calls := range []int{4, 6} {
		if err := reserve(calls); err != nil {
			t.Fatal(err)
		}
	}
	err := reserve(1)
	if fault.KindOf(err) != fault.RateLimited || !strings.Contains(err.Error(), "used up") {
		t.Fatalf("an eleventh call: %v", err)
	}
	midnight := time.Now().UTC().Add(zone).Truncate(24 * time.Hour).Add(24*time.Hour - zone)
	if got := time.Now().Add(fault.RetryAfter(err)); got.Sub(midnight).Abs() > time.Minute && got.Add(-24*time.Hour).Sub(midnight).Abs() > time.Minute {
		t.Errorf("the next day begins at %s, want %s", got, midnight)
	}
	w.exec("UPDATE pace SET used = used - 1000000000") // yesterday
	if err := reserve(10); err != nil {
		t.Errorf("on the next day: %v", err)
	}
	if err := reserve(1); fault.KindOf(err) != fault.RateLimited {
		t.Errorf("an eleventh call on the next day: %v", err)
	}
}

func TestParkAndRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	reserve := func() error {
		_, err := w.db.Reserve(ctx, "c", 1, time.Microsecond, 0, 0)
		return err
	}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(w.db.Park(ctx, "c", time.Hour)) // before any call
	try(w.db.Park(ctx, "c", time.Minute))
	err := reserve()
	if wait := fault.RetryAfter(err); fault.KindOf(err) != fault.RateLimited || wait > time.Hour || wait < 50*time.Minute {
		t.Errorf("parked for an hour, then for a minute: %v (%s)", err, wait)
	}
	try(w.db.Park(ctx, "c", 2*time.Hour))
	if wait := fault.RetryAfter(reserve()); wait < 110*time.Minute {
		t.Errorf("a longer park was not taken over: %s", wait)
	}
	w.exec("UPDATE pace SET parked_until = UTC_TIMESTAMP(6)")
	try(reserve())

	try(w.db.Refuse(ctx, "c"))
	if err := reserve(); fault.KindOf(err) != fault.Auth {
		t.Errorf("refused: %v", err)
	}
	first := w.count("SELECT FLOOR(UNIX_TIMESTAMP(refused_at)) FROM pace")
	w.exec("UPDATE pace SET refused_at = refused_at - INTERVAL 1 HOUR, probe_at = probe_at - INTERVAL 1 HOUR")
	try(reserve()) // the probe of this hour
	if err := reserve(); fault.KindOf(err) != fault.Auth {
		t.Errorf("a second probe in one hour: %v", err)
	}
	try(w.db.Refuse(ctx, "c"))
	if again := w.count("SELECT FLOOR(UNIX_TIMESTAMP(refused_at)) FROM pace"); first-again != 3600 {
		t.Errorf("a second refusal moved the time of the first by %d s", again-first+3600)
	}
	try(w.db.Accept(ctx, "c"))
	try(w.db.Accept(ctx, "unknown"))
	try(reserve())
}

// TestPaceOfSeveralProcesses reserves from several stores at once: all slots together are as far apart as the rate says.
func TestPaceOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const workers, rounds, calls, spacing = 4, 20, 3, time.Second
	var mu sync.Mutex
	var latest []time.Time // no slot that was reserved can come later than this, and none before it less the time of the call
	var took []time.Duration
	var wg sync.WaitGroup
	for range workers {
		db := mysqltest.OpenWith(t, w.o)
		wg.Go(func() {
			for range rounds {
				start := time.Now()
				wait, err := db.Reserve(t.Context(), "c", calls, spacing, 0, 0)
				if err != nil {
					t.Error(err)
					return
				}
				end := time.Now()
				mu.Lock()
				latest, took = append(latest, end.Add(wait)), append(took, end.Sub(start))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	rows, err := w.db.PaceRows(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Used != workers*rounds*calls {
		t.Fatalf("%+v, %v", rows, err)
	}
	slices.SortFunc(latest, time.Time.Compare)
	slack := slices.Max(took)
	for i := 1; i < len(latest); i++ {
		if gap := latest[i].Sub(latest[i-1]); gap < calls*spacing-slack {
			t.Errorf("reservation %d comes %s after the one before, want %s (less the %s that the slowest call took)", i, gap, calls*spacing, slack)
		}
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := func(id string, minute int, change func(*mysql.RunRow)) mysql.RunRow {
		r := mysql.RunRow{
			RunID: id, Job: "job", Source: shop, Stream: "orders", TickAt: at(60 * minute), Attempt: 1, Holder: "me", Outcome: mysql.OutcomeGood,
			StartedAt: at(60 * minute), EndedAt: at(60*minute + 1), Since: at(0), Until: at(60 * minute), Watermark: at(60 * minute),
			Windows: 1, Passes: 2, Pages: 3, Records: 4, Written: order.Written{Unchanged: 4}, Rounded: 1, Repaired: 1,
		}
		if change != nil {
			change(&r)
		}
		if err := w.db.RecordRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	last := func(want mysql.RunRow) {
		t.Helper()
		rows, err := w.db.LastRuns(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatalf("%+v, %v", rows, err)
		}
		if diff := cmp.Diff(want, rows[0]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	want := run("r1", 1, func(r *mysql.RunRow) {
		r.Written = order.Written{Inserted: 1, Updated: 2, Unchanged: 3, Stale: 4, Dead: 5, Released: 6}
		r.Shortfall = 7
	})
	want.Runs = 1
	last(want)
	run("r1", 1, nil) // again
	last(want)

	want = run("r2", 2, nil)
	want.Runs = 1
	last(want)
	want3 := run("r3", 3, nil)
	run("r3", 3, nil) // again
	want.Runs, want.TickAt, want.EndedAt, want.Until, want.Watermark = 2, want3.TickAt, want3.EndedAt, want3.Until, want3.Watermark
	want.Windows, want.Passes, want.Pages, want.Records, want.Unchanged, want.Rounded, want.Repaired = 2, 4, 6, 8, 8, 2, 2
	last(want)

	failed := run("r4", 4, func(r *mysql.RunRow) {
		r.Outcome, r.Kind, r.Error, r.TickAt, r.Watermark = mysql.OutcomeFailed, "transient", strings.Repeat("字", 3000), time.Time{}, time.Time{}
		r.Backlog, r.BacklogUntil = new(120), at(240)
	})
	failed.Runs, failed.Error = 1, strings.Repeat("字", 2048)
	last(failed)
	run("r5", 5, nil)
	counted, err := w.db.LastBacklog(t.Context(), shop)
	if err != nil || counted.RunID != "r4" || counted.Backlog == nil || *counted.Backlog != 120 || !counted.BacklogUntil.Equal(at(240)) {
		t.Errorf("the last backlog is %+v, %v", counted, err)
	}
	if ended, err := w.db.LastGood(t.Context(), "job"); err != nil || !ended.Equal(at(60*5+1)) {
		t.Errorf("the last good run ended at %v, %v", ended, err)
	}
	if ended, err := w.db.LastGood(t.Context(), "other"); err != nil || !ended.IsZero() {
		t.Errorf("a job without a good run: %v, %v", ended, err)
	}
	if none, err := w.db.LastBacklog(t.Context(), "other"); err != nil || none.RunID != "" {
		t.Errorf("a source that never failed: %+v, %v", none, err)
	}
	if n := w.count("SELECT COUNT(*) FROM runs"); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
	run("r1", 9, nil) // an old id again, long after
	if n := w.count("SELECT COUNT(*) FROM runs"); n != 4 {
		t.Errorf("%d rows after an old run was recorded again, want 4", n)
	}

	w.exec("UPDATE runs SET ended_at = UTC_TIMESTAMP(6) - INTERVAL 91 DAY WHERE run_id IN ('r1', 'r2')")
	w.exec("UPDATE runs SET ended_at = UTC_TIMESTAMP(6) - INTERVAL 89 DAY WHERE run_id IN ('r4', 'r5')")
	if n, err := w.db.PruneRuns(t.Context(), 90*24*time.Hour); n != 2 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
}

func TestRememberSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := mysql.SourceRow{Name: shop, Kind: "rest", Endpoint: "https://a.example.com"}
	b := mysql.SourceRow{Name: "b", Kind: "rest", Endpoint: "https://b.example.com"}
	renamed := a
	renamed.Name = "renamed"
	remember := func(rows ...mysql.SourceRow) {
		t.Helper()
		if err := w.db.RememberSources(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	listed := func(want ...string) {
		t.Helper()
		rows, err := w.db.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			state := "configured"
			if !r.RemovedAt.IsZero() {
				state = "removed"
			}
			got = append(got, fmt.Sprint(r.Name, " ", r.Kind, " ", r.Endpoint, " ", state))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	remember(a, b)
	remember(a, b)
	listed("b rest https://b.example.com configured", "shop rest https://a.example.com configured")
	w.put(order.Written{Inserted: 1}, record(whole("1", 1, 1)))
	if err := w.db.RememberSources(t.Context(), []mysql.SourceRow{renamed, b}); fault.KindOf(err) != fault.Config ||
		!strings.Contains(err.Error(), "ordersyncd source rename shop renamed") {
		t.Errorf("a renamed source: %v", err)
	}
	listed("b rest https://b.example.com configured", "shop rest https://a.example.com configured")
	remember(a, b, renamed) // two names for one account, both configured: the operator's will
	remember(b)
	listed("b rest https://b.example.com configured", "renamed rest https://a.example.com removed", "shop rest https://a.example.com removed")
	remember(a, b) // and back
	again := b
	again.Name, again.Endpoint = "fresh", b.Endpoint
	remember(a, again) // b had no rows
	moved := a
	moved.Endpoint = "https://c.example.com"
	remember(moved)
	listed("b rest https://b.example.com removed", "fresh rest https://b.example.com removed", "renamed rest https://a.example.com removed",
		"shop rest https://c.example.com configured")
}

func TestAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entry := mysql.AuditEntry{Actor: "root", Host: "h", Action: "deadletter discard", Subject: "shop 1", Detail: strings.Repeat("字", 20000)}
	for range 2 {
		if err := w.db.Audit(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.count("SELECT COUNT(*) FROM audit_log WHERE actor = 'root' AND host = 'h' AND action = 'deadletter discard' AND " +
		"subject = 'shop 1' AND ABS(TIMESTAMPDIFF(SECOND, at, UTC_TIMESTAMP(6))) < 60"); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}
