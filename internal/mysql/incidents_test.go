package mysql_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
)

// teller is a world with the shared book in the hands of "me", who holds the lease.
type teller struct {
	*world
	book alert.Book
	now  time.Time
}

func newTeller(t *testing.T, w *world) *teller {
	t.Helper()
	w.tells("me")
	b := &teller{world: w, book: w.db.Alerts("me")}
	b.now = b.read().Now
	return b
}

// tells gives a holder the lease.
func (w *world) tells(holder string) {
	w.t.Helper()
	if _, ok, err := w.db.AcquireLease(w.t.Context(), "", mysql.AlertsStream, holder, time.Minute); !ok || err != nil {
		w.t.Fatalf("the lease for %s: %t, %v", holder, ok, err)
	}
}

func (b *teller) read() alert.Contents {
	b.t.Helper()
	c, err := b.book.Read(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *teller) write(s alert.Step) {
	b.t.Helper()
	if err := b.book.Write(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
}

// ago is a moment before the test began, by the database's clock.
func (b *teller) ago(d time.Duration) time.Time { return b.now.Add(-d) }

// incident is an open one of a source, with everything filled in.
func (b *teller) incident(source string, since time.Duration) alert.Incident {
	key := alert.Key{Scope: alert.OfSource(source), Class: alert.HTTP}
	at := b.ago(since)
	waiting := 7
	return alert.Incident{
		ID: alert.ID(key, at), Key: key, Phase: alert.Open, Since: at, OpenedAt: at.Add(time.Minute), LastAt: at.Add(2 * time.Minute),
		Seq: 2, Reopened: 1, Level: 3, Source: source, Failures: 12, Job: source + "-orders", RunID: "r1", Kind: "transient",
		Jobs:  map[string]*alert.Job{source + "-orders": {Since: at, Failures: 12, Good: 1, Needed: 2}},
		Error: "503 Service Unavailable 服务不可用 \xff'\"\\ 😀" + strings.Repeat("x", 3000),
		Facts: alert.Facts{
			Count: 1, From: at, To: at.Add(time.Hour), Allowed: time.Minute, Usual: []int{3, 4}, Remedy: "wait",
			Standing: &alert.Standing{Watermark: at, Behind: time.Hour, Waiting: &waiting, Stored: 5},
		},
		Host: "vps-1", MutedUntil: at.Add(time.Hour), MutedBy: "wang", ToldSeq: 2, ToldAt: at, Reminders: 1, Root: "00112233445566aa",
	}
}

// stored is an incident as it comes back: JSON has no invalid text.
func stored(i alert.Incident) alert.Incident {
	i.Error = strings.ToValidUTF8(i.Error, "\uFFFD")
	return i
}

// delivery is a waiting one.
func (b *teller) delivery(id, channel string, made time.Duration, items ...alert.Incident) alert.Delivery {
	n := alert.Notice{ID: id, Sort: alert.Alarm, Class: alert.HTTP, At: b.ago(made), Host: "vps-1", References: []string{"00112233445566aa"}}
	for _, i := range items {
		n.Items = append(n.Items, alert.Item{Change: alert.Opened, Incident: stored(i)})
	}
	return alert.Delivery{Channel: channel, State: alert.Waiting, MadeAt: b.ago(made), Notice: n}
}

// ended is a delivery that is over.
func (b *teller) ended(d alert.Delivery, state alert.DeliveryState, ended time.Duration) alert.Delivery {
	d.State, d.EndedAt = state, b.ago(ended)
	return d
}

// TestBook: what is written comes back whole, and only what is not over and done with.
func TestBook(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	recovered := func(source string, ago time.Duration, told int) alert.Incident {
		i := b.incident(source, ago+time.Hour)
		i.Phase, i.RecoveredAt, i.Seq, i.ToldSeq = alert.Recovered, b.ago(ago), 2, told
		return i
	}
	open, failing := b.incident("open", time.Hour), b.incident("failing", 2*time.Hour)
	failing.Phase, failing.OpenedAt, failing.MutedUntil = alert.Failing, time.Time{}, time.Time{}
	lately, untold := recovered("lately", alert.Calm-time.Minute, 2), recovered("untold", 100*time.Hour, 1)
	first := b.delivery("1111111111111111", "email b@example.com", time.Minute, open)
	first.Attempts, first.NextAt, first.Error = 3, b.ago(-time.Minute), "421 try again later\xfe"
	weekly := b.ended(b.delivery("2222222222222222", "sentry", 30*time.Hour), alert.Sent, 29*time.Hour)
	weekly.Notice.Sort = alert.Weekly
	older := weekly
	older.Notice.ID, older.MadeAt = "2222222222222223", b.ago(200*time.Hour)
	step := alert.Step{
		Incidents: []alert.Incident{open, failing, lately, untold, recovered("over", alert.Calm+time.Minute, 2)},
		Deliveries: []alert.Delivery{
			b.delivery("aaaaaaaaaaaaaaaa", "sentry", time.Minute), first, b.delivery("0000000000000000", "sentry", time.Minute), weekly, older,
			b.ended(b.delivery("3333333333333333", "sentry", 2*time.Hour), alert.Sent, 50*time.Minute),
			b.ended(b.delivery("4444444444444444", "sentry", 2*time.Hour), alert.Sent, 70*time.Minute),
			b.ended(b.delivery("5555555555555555", "sentry", 2*time.Hour), alert.Merged, time.Minute),
			b.ended(b.delivery("6666666666666666", "slack", 2*time.Hour), alert.GivenUp, time.Minute),
		},
	}
	want := alert.Contents{
		Incidents: []alert.Incident{stored(untold), stored(failing), stored(lately), stored(open)},
		Waiting:   []alert.Delivery{step.Deliveries[0], first, step.Deliveries[2]},
		Sent:      map[string][]time.Time{"sentry": {b.ago(50 * time.Minute)}},
		Weekly:    b.ago(30 * time.Hour),
	}
	want.Waiting[1].Error = "421 try again later\uFFFD"
	for range 3 { // repeating it changes nothing
		b.write(step)
		got := b.read()
		if age := got.Now.Sub(b.now); age < 0 || age > time.Minute || got.Now.Location() != time.UTC {
			t.Errorf("the book's clock is %s, %s after the beginning", got.Now, age)
		}
		got.Now = time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("contents (-want +got):\n%s", diff)
		}
	}
	if n := b.count("SELECT COUNT(*) FROM incidents WHERE scope = 'source/open' AND class = 'http' AND phase = 'open' AND source = 'open' " +
		"AND since_at < opened_at AND opened_at < last_at AND muted_until > last_at AND failures = 12 AND LENGTH(error) > 2048"); n != 1 {
		t.Error("the columns for people are wrong")
	}

	// What is over is replaced, as everything is.
	open.Phase, open.RecoveredAt, open.Seq, open.ToldSeq = alert.Recovered, b.ago(alert.Calm+time.Second), 3, 3
	b.write(alert.Step{Incidents: []alert.Incident{open}, Deliveries: []alert.Delivery{b.ended(first, alert.Sent, 0)}})
	got := b.read()
	if diff := cmp.Diff(want.Incidents[:3], got.Incidents); diff != "" || len(got.Waiting) != 2 || len(got.Sent["email b@example.com"]) != 1 {
		t.Errorf("%d wait, sent %v, incidents (-want +got):\n%s", len(got.Waiting), got.Sent, diff)
	}
}

// TestBookOfAnother: who does not hold the lease, or no longer, changes nothing.
func TestBookOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := func(id string) alert.Step {
		return alert.Step{Incidents: []alert.Incident{{ID: id, Key: alert.Key{Scope: alert.All, Class: alert.Network}, Since: at(0), LastAt: at(0)}}}
	}
	refused := func(when, holder string) {
		t.Helper()
		err := w.db.Alerts(holder).Write(t.Context(), step(holder))
		if fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), "no longer ours") {
			t.Errorf("%s: %v", when, err)
		}
		if n := w.count("SELECT COUNT(*) FROM incidents WHERE incident_id = ?", holder); n != 0 {
			t.Errorf("%s: it was written", when)
		}
	}
	refused("nobody holds the lease", "late")
	w.tells("me")
	refused("another holds it", "late")
	if err := w.db.Alerts("me").Write(t.Context(), step("me")); err != nil {
		t.Errorf("the holder: %v", err)
	}
	w.exec("DELETE FROM incidents")
	w.exec("UPDATE leases SET held_until = UTC_TIMESTAMP(6)")
	refused("it is over", "me")
	w.tells("late")
	refused("another has taken it", "me")
	if _, ok, err := w.db.AcquireLease(t.Context(), "shop", mysql.AlertsStream, "me", time.Minute); !ok || err != nil {
		t.Fatal(ok, err)
	}
	refused("a lease of a source", "me")
}

// TestBookKeepsTheLease: nobody takes the lease between the look at it and the end of the transaction, however long that lasts.
func TestBookKeepsTheLease(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	b := newTeller(t, w)
	var looked atomic.Int64
	p.at(func(statement string) verdict {
		if strings.HasPrefix(statement, "INSERT INTO incidents") || statement == "COMMIT" {
			var holder string
			err := w.raw.QueryRowContext(t.Context(), "SELECT holder FROM leases WHERE stream = 'alerts' FOR UPDATE SKIP LOCKED").Scan(&holder)
			if looked.Add(1); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("at %.20s the lease of %q is free to be taken, %v", statement, holder, err)
			}
		}
		return pass
	})
	b.write(alert.Step{Incidents: []alert.Incident{b.incident("shop", time.Hour)}})
	if looked.Load() != 2 {
		t.Errorf("looked %d times, want 2", looked.Load())
	}
}

// TestBookContest lets several daemons take the lease from each other and go on writing without looking: each write that succeeded was
// made by the holder, on top of all earlier ones.
func TestBookContest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var written, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 4 {
		db, me := mysqltest.OpenWith(t, w.o), fmt.Sprint("daemon ", i)
		wg.Go(func() {
			book := db.Alerts(me)
			for range 15 {
				if _, _, err := db.AcquireLease(t.Context(), "", mysql.AlertsStream, me, time.Minute); err != nil {
					t.Error(err)
					return
				}
				for range 2 { // the second time without the lease, as who was frozen would
					contents, err := book.Read(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					i := alert.Incident{ID: "0123456789", Phase: alert.Open, Since: at(0), LastAt: at(0)}
					if len(contents.Incidents) > 0 {
						i = contents.Incidents[0]
					}
					i.Failures++
					switch err := book.Write(t.Context(), alert.Step{Incidents: []alert.Incident{i}}); {
					case err == nil:
						written.Add(1)
					case strings.Contains(err.Error(), "no longer ours"):
						refused.Add(1)
					default:
						t.Error(err)
					}
					if err := db.ReleaseLease(t.Context(), "", mysql.AlertsStream, me); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := int64(w.count("SELECT failures FROM incidents")); n != written.Load() || n < 4 || refused.Load() < 60 {
		t.Errorf("%d writes are in, %d succeeded and %d were refused", n, written.Load(), refused.Load())
	}
}

// TestBookOfManySources: 500 incidents, a thousand observations and their notices go in at once, in statements that the server takes.
func TestBookOfManySources(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	var noted []alert.Observation
	for i := range 1000 {
		noted = append(noted, failure(fmt.Sprint("shop-", i%500), fmt.Sprint("run ", i), time.Now()))
	}
	b.noted(noted...)
	step := alert.Step{}
	for _, n := range b.read().Observations {
		step.Done = append(step.Done, n.Number)
	}
	for i := range 500 {
		step.Incidents = append(step.Incidents, b.incident(fmt.Sprint("shop-", i), time.Minute))
	}
	told := step.Incidents[:alert.MaxItems]
	for i := range 40 {
		step.Deliveries = append(step.Deliveries, b.delivery("0123456789abcdef", fmt.Sprintf("email %d@example.com", i), 0, told...))
	}
	b.write(step)
	b.write(step)
	got := b.read()
	if len(step.Done) != 1000 || len(got.Incidents) != 500 || len(got.Observations) != 0 || len(got.Waiting) != 40 ||
		len(got.Waiting[39].Notice.Items) != alert.MaxItems {
		t.Errorf("worked %d observations; %d incidents, %d observations and %d deliveries are left", len(step.Done), len(got.Incidents),
			len(got.Observations), len(got.Waiting))
	}
	for i, d := range got.Waiting {
		if d.Channel != fmt.Sprintf("email %d@example.com", i) {
			t.Fatalf("delivery %d goes through %s: they are not in order", i, d.Channel)
		}
	}
}

// TestBookLosesConnections loses the connection at every statement of a step, before it arrives or after it was done: in the end all
// of the step is in, once. Where the process dies there, too, nothing of it is in, or all, and the next process does it again.
func TestBookLosesConnections(t *testing.T) {
	t.Parallel()
	for _, statement := range []string{
		"START TRANSACTION", "SELECT stream FROM leases", "INSERT INTO incidents", "UPDATE observations", "INSERT INTO notices", "COMMIT",
	} {
		for v, name := range map[verdict]string{drop: "the statement", dropReply: "the answer"} {
			t.Run(statement+" loses "+name, func(t *testing.T) {
				t.Parallel()
				loseStep(t, statement, v, false)
			})
			t.Run(statement+" loses "+name+" and dies", func(t *testing.T) {
				t.Parallel()
				loseStep(t, statement, v, true)
			})
		}
	}
}

func loseStep(t *testing.T, statement string, v verdict, dies bool) {
	w, p := through(t)
	b := newTeller(t, w)
	w.noted(failure("shop", "run", time.Now()))
	incident := b.incident("shop", time.Hour)
	step := alert.Step{
		Incidents: []alert.Incident{incident}, Done: []int64{b.read().Observations[0].Number},
		Deliveries: []alert.Delivery{b.delivery("0123456789abcdef", "sentry", 0, incident)},
	}
	rows := func() string {
		return fmt.Sprint(w.count("SELECT COUNT(*) FROM incidents"), w.count("SELECT COUNT(*) FROM observations WHERE worked_at IS NOT NULL"),
			w.count("SELECT COUNT(*) FROM notices"))
	}
	var lost atomic.Bool
	p.at(func(s string) verdict {
		switch {
		case strings.HasPrefix(s, statement) && lost.CompareAndSwap(false, true):
			return v
		case dies && lost.Load():
			return drop
		}
		return pass
	})
	err := b.book.Write(t.Context(), step)
	if !lost.Load() || (err != nil) != dies || dies && fault.KindOf(err) != fault.Database {
		t.Fatalf("lost: %t, %v", lost.Load(), err)
	}
	want := "1 1 1"
	if dies && (statement != "COMMIT" || v == drop) {
		want = "0 0 0"
	}
	eventually(t.Context(), t, "the server gave up the transaction", func() bool {
		return w.count("SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p "+
			"ON p.id = t.trx_mysql_thread_id WHERE p.db = DATABASE()") == 0
	})
	if got := rows(); got != want {
		t.Errorf("rows: %s, want %s", got, want)
	}
	next := &teller{world: w, book: mysqltest.OpenWith(t, w.o).Alerts("me")}
	if dies {
		next.write(step)
	}
	got := next.read()
	if diff := cmp.Diff([]alert.Incident{stored(incident)}, got.Incidents); diff != "" || len(got.Observations) != 0 || rows() != "1 1 1" {
		t.Errorf("%d observations wait, rows %s; incidents (-want +got):\n%s", len(got.Observations), rows(), diff)
	}
	if diff := cmp.Diff(step.Deliveries, got.Waiting); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	one, two, passed := b.incident("one", 3*time.Hour), b.incident("two", 2*time.Hour), b.incident("passed", time.Hour)
	one.Phase, one.RecoveredAt = alert.Recovered, b.ago(time.Hour)
	passed.Phase, passed.RecoveredAt, passed.OpenedAt, passed.Seq, passed.ToldSeq = alert.Recovered, b.ago(time.Hour), time.Time{}, 0, 0
	one.ID, two.ID, passed.ID = "0123456789", "0123aaaaaa", "ffffffffff"
	whole := b.delivery("1111111111111111", "sentry", time.Minute, two)
	digest := b.ended(b.delivery("2222222222222222", "sentry", 0), alert.Sent, 0)
	digest.Notice.Sort, digest.Notice.Parts = alert.Digest, []alert.Notice{whole.Notice}
	beyond := b.delivery("00112233445566aa", "slack", 2*time.Minute) // told first among those that were not described
	other := b.delivery("3333333333333333", "slack", time.Minute, one)
	b.write(alert.Step{Incidents: []alert.Incident{one, two, passed}, Deliveries: []alert.Delivery{whole, digest, beyond, other}})

	ids := func(list []alert.Incident, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, i := range list {
			ids = append(ids, i.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := ids(b.db.Incidents(t.Context(), false)); got != "0123aaaaaa" {
		t.Errorf("those that are not over: %s", got)
	}
	if got := ids(b.db.Incidents(t.Context(), true)); got != "0123aaaaaa 0123456789" {
		t.Errorf("all: %s", got)
	}
	for prefix, want := range map[string]string{"01234": one.ID, "0123456789": one.ID, "0123a": two.ID, "f": passed.ID} {
		if got, err := b.db.Incident(t.Context(), prefix); err != nil || got.ID != want {
			t.Errorf("incident %s: %+v, %v", prefix, got, err)
		}
	}
	for prefix, want := range map[string]error{"0123": fault.Config, "": fault.Config, "012345678": nil, "9": mysql.ErrNotStored, "%": mysql.ErrNotStored} {
		if _, err := b.db.Incident(t.Context(), prefix); !errors.Is(err, want) {
			t.Errorf("incident %q: %v, want %v", prefix, err, want)
		}
	}
	deliveries, err := b.db.Deliveries(t.Context(), two)
	if diff := cmp.Diff([]alert.Delivery{beyond, whole, digest}, deliveries); diff != "" || err != nil {
		t.Errorf("deliveries, %v (-want +got):\n%s", err, diff)
	}
	if none, err := b.db.Deliveries(t.Context(), alert.Incident{ID: "9999999999"}); err != nil || len(none) != 0 {
		t.Errorf("deliveries of an incident that was never told: %v, %v", none, err)
	}
}

func TestChannels(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	tried, once := b.delivery("1111111111111111", "slack", time.Hour), b.delivery("2222222222222222", "slack", time.Minute)
	tried.Attempts, tried.Error, once.Attempts, once.Error = 5, "500", 1, "timeout"
	b.write(alert.Step{Deliveries: []alert.Delivery{
		tried, once, b.ended(b.delivery("3333333333333333", "slack", 2*time.Hour), alert.Sent, 2*time.Hour),
		b.ended(b.delivery("4444444444444444", "slack", 2*time.Hour), alert.GivenUp, time.Hour),
		b.ended(b.delivery("4444444444444444", "sentry", 2*time.Hour), alert.Merged, time.Hour), b.delivery("1111111111111111", "email", time.Hour),
	}})
	got, err := b.db.Channels(t.Context())
	if diff := cmp.Diff([]mysql.ChannelRow{
		{Name: "email", Waiting: 1, Oldest: b.ago(time.Hour)}, {Name: "sentry"},
		{Name: "slack", Waiting: 2, Oldest: b.ago(time.Hour), Attempts: 5, Error: "500", SentAt: b.ago(2 * time.Hour)},
	}, got); diff != "" || err != nil {
		t.Errorf("channels, %v (-want +got):\n%s", err, diff)
	}
}

func TestPruneAlerts(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	const day = 24 * time.Hour
	b.noted(failure("shop", "1", time.Now().Add(-3*day)), failure("shop", "2", time.Now().Add(-3*day)), failure("shop", "3", time.Now()))
	recovered := func(source string, ago time.Duration) alert.Incident {
		i := b.incident(source, ago+day)
		i.Phase, i.RecoveredAt = alert.Recovered, b.ago(ago)
		return i
	}
	step := alert.Step{Done: []int64{b.read().Observations[0].Number}, Incidents: []alert.Incident{
		recovered("old", 31*day), recovered("new", 29*day), b.incident("open", 100*day),
	}, Deliveries: []alert.Delivery{
		b.ended(b.delivery("1111111111111111", "sentry", 31*day), alert.Sent, 31*day),
		b.ended(b.delivery("2222222222222222", "sentry", 31*day), alert.GivenUp, 31*day),
		b.ended(b.delivery("3333333333333333", "sentry", 31*day), alert.Sent, 29*day), b.delivery("4444444444444444", "sentry", 100*day),
	}}
	b.write(step)
	b.exec("UPDATE observations SET worked_at = worked_at - INTERVAL 3 DAY WHERE worked_at IS NOT NULL")
	for _, want := range []int64{4, 0} {
		if n, err := b.db.PruneAlerts(t.Context(), 30*day); n != want || err != nil {
			t.Errorf("pruned %d rows, %v, want %d", n, err, want)
		}
	}
	got := b.read()
	if all, err := b.db.Incidents(t.Context(), true); len(all) != 2 || err != nil || len(got.Observations) != 2 || len(got.Waiting) != 1 {
		t.Errorf("left are %d incidents (%v), %d observations, %d waiting deliveries", len(all), err, len(got.Observations), len(got.Waiting))
	}
}
