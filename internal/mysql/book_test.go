package mysql_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
)

// TestIdle: while nothing is wrong the book is read with one statement, and a good run costs one.
func TestIdle(t *testing.T) {
	t.Parallel()
	w, p := through(t)
	b := newTeller(t, w)
	var statements atomic.Int64
	p.at(func(string) verdict {
		statements.Add(1)
		return pass
	})
	cost := func(what string, want int64, do func()) {
		t.Helper()
		statements.Store(0)
		do()
		if got := statements.Load(); got > want {
			t.Errorf("%s takes %d statements, want %d", what, got, want)
		}
	}
	cost("to read the book", 1, func() {
		if got := b.read(); len(got.Incidents)+len(got.Waiting)+len(got.Observations) > 0 || got.Now.IsZero() {
			t.Errorf("%+v", got)
		}
	})
	cost("to note a good run", 1, func() { b.noted(success("shop", "r", time.Now())) })
	if n := b.count("SELECT COUNT(*) FROM observations"); n != 0 {
		t.Errorf("%d observations", n)
	}
}

// TestWorkedIsSmall: of the end of a run that was worked its identity is kept, so that it is known again; of a wish for silence all.
func TestWorkedIsSmall(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	mute := alert.Observation{At: time.Now(), Mute: &alert.Mute{ID: "0123456789", Until: time.Now().UTC(), By: "wang"}}
	b.noted(failure("shop", "r", time.Now()), mute)
	var done []int64
	for _, n := range b.read().Observations {
		done = append(done, n.Number)
	}
	b.write(alert.Step{Done: done})
	if small, whole := b.count("SELECT COUNT(*) FROM observations WHERE source = 'shop' AND body = ''"),
		b.count("SELECT COUNT(*) FROM observations WHERE body LIKE '%0123456789%'"); small != 1 || whole != 1 {
		t.Errorf("%d runs without text, %d wishes with it", small, whole)
	}
}

// TestBookShares: what waits for one channel leaves room for what waits for the others.
func TestBookShares(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	var waiting []alert.Delivery
	for i := range 1100 {
		waiting = append(waiting, b.delivery(fmt.Sprintf("%016d", i), "broken", 2*time.Hour-time.Duration(i)*time.Second))
	}
	sound := b.delivery("ffffffffffffffff", "sound", time.Minute)
	b.write(alert.Step{Deliveries: append(waiting, sound)})
	count, of := map[string]int{}, b.read().Waiting
	for _, d := range of {
		count[d.Channel]++
	}
	if diff := cmp.Diff(map[string]int{"broken": 100, "sound": 1}, count); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	if of[0].Notice.ID != waiting[0].Notice.ID || of[99].Notice.ID != waiting[99].Notice.ID {
		t.Error("not the oldest, in order")
	}
}

// TestBookUnreadable: what another version wrote, and this one cannot read, keeps nothing else from being told.
func TestBookUnreadable(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	strange, known := b.incident("strange", time.Hour), b.incident("known", time.Hour)
	b.noted(failure("shop", "r1", time.Now().Add(-time.Minute)), failure("shop", "r2", time.Now()))
	lost, sound := b.delivery("0000000000000000", "sentry", time.Hour), b.delivery("1111111111111111", "sentry", time.Minute)
	b.write(alert.Step{Incidents: []alert.Incident{strange, known}, Deliveries: []alert.Delivery{lost, sound}})
	b.exec(`UPDATE incidents SET state = '{"seq": "many"}' WHERE source = 'strange'`)
	b.exec(`UPDATE observations SET body = '{"run": 7}' WHERE body LIKE '%"r1"%'`)
	b.exec(`UPDATE notices SET body = '[' WHERE notice_id = '0000000000000000'`)
	got := b.read()
	if len(got.Incidents) != 1 || got.Incidents[0].ID != known.ID {
		t.Errorf("incidents: %+v", got.Incidents)
	}
	// The observation and the delivery are there, so that they can be put away.
	if len(got.Observations) != 2 || got.Observations[0].Run != nil || got.Observations[0].Number == 0 || got.Observations[1].Run.RunID != "r2" {
		t.Errorf("observations: %+v", got.Observations)
	}
	lost.Notice = alert.Notice{ID: lost.Notice.ID}
	if diff := cmp.Diff([]alert.Delivery{lost, sound}, got.Waiting); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	if all, err := b.db.Incidents(t.Context(), true); err != nil || len(all) != 1 {
		t.Errorf("%d are listed, %v", len(all), err)
	}
}
