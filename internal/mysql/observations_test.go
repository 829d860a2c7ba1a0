package mysql_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ordersync/internal/alert"
	"ordersync/internal/mysql/mysqltest"
)

// failure and success are ends of runs.
func failure(source, run string, at time.Time) alert.Observation {
	o := success(source, run, at)
	o.Run.Class, o.Run.Kind, o.Run.Error = alert.HTTP, "transient", "503 \"busy\""
	return o
}

func success(source, run string, at time.Time) alert.Observation {
	return alert.Observation{At: at, Host: "vps-1", Run: &alert.RunEnded{Source: source, Job: source + "-orders", RunID: run, Seldom: true}}
}

func (w *world) noted(observations ...alert.Observation) {
	w.t.Helper()
	if err := w.db.Note(w.t.Context(), observations); err != nil {
		w.t.Fatal(err)
	}
}

// runs are the runs of the observations that wait.
func (b *teller) runs() string {
	b.t.Helper()
	var runs []string
	for _, n := range b.read().Observations {
		switch {
		case n.Run != nil:
			runs = append(runs, n.Run.RunID)
		case n.Mute != nil:
			runs = append(runs, "mute "+n.Mute.ID)
		}
	}
	return strings.Join(runs, " ")
}

// TestNote: what is noted comes back whole and in order, by the clock of the database.
func TestNote(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	local := time.FixedZone("", 8*3600)
	observed := []alert.Observation{
		failure("shop", "r3", time.Now().In(local)), failure("shop", "r1", time.Now().Add(-time.Hour)), failure("other", "r2", time.Now().Add(-time.Minute)),
		{At: time.Now().Add(time.Hour), Host: "vps-2", Mute: &alert.Mute{ID: "0123456789", Until: time.Now().UTC(), By: "wang"}}, // a clock that is ahead
	}
	observed[0].Run.Facts = alert.Facts{RetryAt: at(60), Remedy: "wait", Standing: &alert.Standing{Stored: 1}}
	b.noted(observed[:2]...)
	b.noted(observed[2], observed[3])
	for range 3 { // again, in any pieces
		b.noted(observed...)
		b.noted(observed[1])
	}
	got := b.read()
	want := []alert.Noted{{Observation: observed[1]}, {Observation: observed[2]}, {Observation: observed[0]}, {Observation: observed[3]}}
	if diff := cmp.Diff(want, got.Observations, cmpopts.IgnoreFields(alert.Noted{}, "Number", "At")); diff != "" {
		t.Errorf("observations (-want +got):\n%s", diff)
	}
	for i, age := range []time.Duration{time.Hour, time.Minute, 0, 0} {
		if off := got.Now.Sub(got.Observations[i].At) - age; off < 0 || off > time.Minute {
			t.Errorf("observation %d happened %s ago, want %s", i, off+age, age)
		}
	}
	b.write(alert.Step{Done: []int64{got.Observations[0].Number, got.Observations[3].Number}})
	b.noted(observed...) // those that were worked are not worked twice
	if runs := b.runs(); runs != "r2 r3" {
		t.Errorf("there wait %s", runs)
	}
}

// TestNoteOfAWrongClock: no time is so wrong that the observation would be lost.
func TestNoteOfAWrongClock(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	b.noted(failure("shop", "never", time.Time{}), failure("shop", "long ago", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)))
	got := b.read()
	if len(got.Observations) != 2 || got.Observations[0].Run.RunID != "long ago" || got.Now.Sub(got.Observations[0].At) > 32*24*time.Hour ||
		got.Now.Sub(got.Observations[1].At) > time.Minute {
		t.Errorf("got %+v", got.Observations)
	}
}

// TestNoteOfGoodRuns: a good run is written down only where it can end something.
func TestNoteOfGoodRuns(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	run := 0
	good := func(source string, want bool) {
		t.Helper()
		run++
		before := b.count("SELECT COUNT(*) FROM observations")
		b.noted(success(source, fmt.Sprint("good ", run), time.Now()))
		if got := b.count("SELECT COUNT(*) FROM observations") > before; got != want {
			t.Errorf("good run %d of %s is written down: %t, want %t", run, source, got, want)
		}
	}
	worked := func(incidents ...alert.Incident) {
		t.Helper()
		var done []int64
		for _, n := range b.read().Observations {
			done = append(done, n.Number)
		}
		b.write(alert.Step{Incidents: incidents, Done: done})
	}
	good("shop", false)
	b.noted(success("shop", "a", time.Now()), failure("shop", "b", time.Now()), success("shop", "c", time.Now()), success("other", "d", time.Now()))
	if runs := b.runs(); runs != "b c" {
		t.Errorf("of a good run, a failure and two good ones there wait %s", runs)
	}
	good("shop", true) // the failure waits
	good("other", false)
	incident := b.incident("shop", time.Minute)
	for _, phase := range []alert.Phase{alert.Failing, alert.Open, alert.Recovered} {
		incident.Phase = phase
		if phase == alert.Recovered {
			incident.RecoveredAt = b.now
		}
		worked(incident)
		good("shop", phase != alert.Recovered)
		good("other", false)
	}
	all := b.incident("", time.Minute)
	all.Scope, all.Source = alert.All, ""
	worked(all)
	good("shop", true)
	worked()
	good("other", true)
	all.Phase, all.RecoveredAt, all.Seq, all.ToldSeq = alert.Recovered, b.now, 3, 2 // over, and yet to be told
	worked(all)
	good("other", false)
}

// TestNoteAtOnce notes from several daemons at once what overlaps, and with deaths of connections: each is there once.
func TestNoteAtOnce(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	p, o := newProxy(t, b.o)
	var statements atomic.Int64
	p.at(func(statement string) verdict {
		if !strings.HasPrefix(statement, "INSERT INTO observations") && statement != "COMMIT" {
			return pass
		}
		switch n := statements.Add(1); {
		case n%71 == 0:
			return drop
		case n%43 == 0:
			return dropReply
		}
		return pass
	})
	var all []alert.Observation
	for i := range 60 {
		all = append(all, failure("shop", fmt.Sprint("run ", i), time.Now().Add(time.Duration(i-60)*time.Second)))
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		db := mysqltest.OpenWith(t, o)
		wg.Go(func() {
			for i := 0; i < len(all); i += 6 {
				from := (i + worker*15) % len(all)
				for { // as the spool does
					if err := db.Note(t.Context(), all[from:min(from+10, len(all))]); err == nil {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	got := b.read().Observations
	if len(got) != len(all) {
		t.Fatalf("%d observations, want %d", len(got), len(all))
	}
	for i, n := range got {
		if n.Run.RunID != all[i].Run.RunID {
			t.Errorf("place %d has %s, want %s", i, n.Run.RunID, all[i].Run.RunID)
		}
	}
}

// TestNoteOfLongNights: more than a thousand wait, and are read a thousand at a time.
func TestNoteOfLongNights(t *testing.T) {
	t.Parallel()
	b := newTeller(t, newWorld(t))
	var all []alert.Observation
	for i := range 1300 {
		all = append(all, failure("shop", fmt.Sprint(i), time.Now().Add(time.Duration(i-1300)*time.Second)))
	}
	b.noted(all...)
	for _, want := range []int{1000, 300, 0} {
		var done []int64
		for _, n := range b.read().Observations {
			done = append(done, n.Number)
		}
		if len(done) != want {
			t.Fatalf("%d are read, want %d", len(done), want)
		}
		b.write(alert.Step{Done: done})
	}
}
