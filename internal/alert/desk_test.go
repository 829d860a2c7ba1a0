package alert_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ordersync/internal/alert"
)

// urgent and patient mark a failure.
func urgent(o alert.Observation) alert.Observation {
	o.Run.Urgent = true
	return o
}

func patient(o alert.Observation) alert.Observation {
	o.Run.Patience = 30 * time.Second
	return o
}

// ping is a question to the database.
func ping(at time.Time, class alert.Class) alert.Observation {
	return patient(alert.Observation{At: at, Host: "vps-1", Run: &alert.RunEnded{Job: "database", Class: class}})
}

// What a series of runs makes of it: each line of the rules about opening, recovering and coming back.
func TestRuns(t *testing.T) {
	t.Parallel()
	const us = "source/us"
	bad := func(clock string, class alert.Class) alert.Observation { return failed(at(t, clock), "us", class) }
	well := func(clock string) alert.Observation { return good(at(t, clock), "us") }
	for name, test := range map[string]struct {
		runs  []alert.Observation
		until string
		want  []string
	}{
		"one blip is nothing": {
			runs:  []alert.Observation{bad("01:00:00", alert.HTTP), well("01:01:00"), well("01:02:00")},
			until: "02:00:00",
		},
		"one blip of which one good run is known is nothing by the clock either": {
			runs:  []alert.Observation{bad("01:00:00", alert.Rate), well("01:01:00")},
			until: "02:00:00",
		},
		"the second failed run of a job opens": {
			runs:  []alert.Observation{bad("01:00:00", alert.HTTP), bad("01:01:00", alert.HTTP)},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us},
		},
		"two jobs that fail once each open nothing at first": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), ofJob("us-parcels", bad("01:00:30", alert.HTTP)), well("01:01:00"), ofJob("us-parcels", well("01:01:30")),
				well("01:02:00"), ofJob("us-parcels", well("01:02:30")),
			},
			until: "02:00:00",
		},
		"time opens by the clock": {
			runs:  []alert.Observation{bad("01:00:00", alert.HTTP)},
			until: "02:00:00",
			want:  []string{"01:04:30 alarm http, opened " + us},
		},
		"bad and good in turns opens, and is not over": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), well("01:01:00"), bad("01:02:00", alert.HTTP), well("01:03:00"), bad("01:04:00", alert.HTTP), well("01:05:00"),
			},
			until: "02:00:00",
			want:  []string{"01:02:30 alarm http, opened " + us},
		},
		"two good runs in a row begin anew": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), well("01:01:00"), well("01:02:00"), bad("01:03:00", alert.HTTP), well("01:04:00"), well("01:05:00"),
			},
			until: "02:00:00",
		},
		"of a seldom job one good run ends it": {
			runs:  []alert.Observation{seldom(bad("01:00:00", alert.HTTP)), seldom(bad("01:01:00", alert.HTTP)), seldom(well("01:06:00"))},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us, "01:06:30 relief http, recovered " + us},
		},
		"otherwise two in a row do": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), bad("01:01:00", alert.HTTP), well("01:06:00"), bad("01:07:00", alert.HTTP), well("01:08:00"), well("01:09:00"),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us, "01:09:30 relief http, recovered " + us},
		},
		"each job must be good again": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), ofJob("us-sweep", seldom(bad("01:00:10", alert.HTTP))), bad("01:01:00", alert.HTTP), well("01:06:00"),
				well("01:07:00"), ofJob("us-sweep", seldom(well("01:30:00"))),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us, "01:30:30 relief http, recovered " + us},
		},
		"a job that shared a failure of auth speaks for the others": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Auth), ofJob("us-sweep", seldom(bad("01:00:10", alert.Auth))), well("01:20:00"), well("01:21:00"),
			},
			until: "02:00:00",
			want:  []string{"01:00:30 alarm auth, opened " + us, "01:21:30 relief auth, recovered " + us},
		},
		"a job that never failed does not": {
			runs:  []alert.Observation{ofJob("us-sweep", bad("01:00:10", alert.Auth)), well("01:20:00"), well("01:21:00")},
			until: "02:00:00",
			want:  []string{"01:00:40 alarm auth, opened " + us},
		},
		"a check by hand does": {
			runs:  []alert.Observation{ofJob("us-sweep", seldom(bad("01:00:10", alert.Auth))), ofJob("", well("01:20:00"))},
			until: "02:00:00",
			want:  []string{"01:00:40 alarm auth, opened " + us, "01:20:30 relief auth, recovered " + us},
		},
		"a job speaks for those alone that last failed as the incident says": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Network), ofJob("us-sweep", seldom(bad("01:00:10", alert.Network))), bad("01:01:00", alert.Network),
				ofJob("us-sweep", seldom(bad("01:01:10", alert.HTTP))), well("01:20:00"), well("01:21:00"), ofJob("us-sweep", seldom(well("01:40:00"))),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm network, opened " + us, "01:40:30 relief network, recovered " + us},
		},
		"a job that is good again begins anew while another one keeps the incident": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), ofJob("us-parcels", bad("01:00:10", alert.HTTP)), ofJob("us-parcels", well("01:00:40")), well("01:01:00"),
				well("01:02:00"), bad("01:03:00", alert.HTTP), ofJob("us-parcels", well("01:03:30")), well("01:04:00"), well("01:05:00"),
			},
			until: "02:00:00",
		},
		"but says nothing of answers that fail": {
			runs:  []alert.Observation{urgent(seldom(bad("01:00:10", alert.HTTP))), ofJob("", well("01:20:00"))},
			until: "02:00:00",
			want:  []string{"01:00:40 alarm http, opened " + us},
		},
		"what is urgent opens at once": {
			runs:  []alert.Observation{urgent(bad("01:00:00", alert.Rate))},
			until: "02:00:00",
			want:  []string{"01:00:30 alarm rate, opened " + us},
		},
		"two ways to fail are one incident": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Network), bad("01:01:00", alert.HTTP), bad("01:02:00", alert.Rate), well("01:03:00"), well("01:04:00"),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm network, opened " + us, "01:04:30 relief network, recovered " + us},
		},
		"a blip, then another sort of failure: the blip is not told": {
			runs:  []alert.Observation{bad("01:00:00", alert.Network), bad("01:01:00", alert.Auth)},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm auth, opened " + us},
		},
		"opened and over within the wait: never": {
			runs:  []alert.Observation{seldom(bad("01:00:00", alert.Payload)), seldom(well("01:00:20"))},
			until: "02:00:00",
		},
		"it comes back within ten minutes: the same, and it must be good for ten": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), bad("01:01:00", alert.HTTP), well("01:02:00"), well("01:03:00"), bad("01:12:00", alert.HTTP),
				well("01:13:00"), well("01:14:00"),
			},
			until: "02:00:00",
			want: []string{
				"01:01:30 alarm http, opened " + us, "01:03:30 relief http, recovered " + us, "01:12:30 alarm http, reopened " + us,
				"01:22:30 relief http, recovered " + us,
			},
		},
		"it comes back later: another one, that must fail twice": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), bad("01:01:00", alert.HTTP), well("01:02:00"), well("01:03:00"), bad("01:13:00", alert.HTTP),
				well("01:14:00"), well("01:15:00"),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us, "01:03:30 relief http, recovered " + us},
		},
		"over and back before that was told: it was never away": {
			runs: []alert.Observation{
				bad("01:00:00", alert.HTTP), bad("01:01:00", alert.HTTP), well("01:02:00"), well("01:03:00"), bad("01:03:20", alert.HTTP),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm http, opened " + us},
		},
		"a second notice of a class waits five minutes": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Auth), failed(at(t, "01:01:00"), "eu", alert.Auth), failed(at(t, "01:01:10"), "eu", alert.Payload),
				failed(at(t, "01:02:00"), "de", alert.Auth),
			},
			until: "02:00:00",
			want: []string{
				"01:00:30 alarm auth, opened " + us, "01:01:40 alarm payload, opened source/eu",
				"01:05:30 alarm auth, opened source/eu, opened source/de",
			},
		},
		"opened while another was just told, and over before its turn: passed": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Auth), seldom(failed(at(t, "01:01:00"), "eu", alert.Auth)), seldom(good(at(t, "01:03:00"), "eu")),
			},
			until: "02:00:00",
			want:  []string{"01:00:30 alarm auth, opened " + us, "01:03:30 relief auth, passed source/eu"},
		},
		"reminders": {
			runs:  []alert.Observation{bad("01:00:00", alert.Auth)},
			until: "12:00:00",
			want: []string{
				"01:00:30 alarm auth, opened " + us, "05:00:30 alarm auth, reminded " + us, "09:00:30 alarm auth, reminded " + us,
			},
		},
		"reminders of a class come together": {
			runs:  []alert.Observation{bad("01:00:00", alert.Auth), failed(at(t, "02:00:00"), "eu", alert.Auth)},
			until: "10:00:00",
			want: []string{
				"01:00:30 alarm auth, opened " + us, "02:00:30 alarm auth, opened source/eu",
				"05:00:30 alarm auth, reminded source/us, reminded source/eu", "09:00:30 alarm auth, reminded source/us, reminded source/eu",
			},
		},
		"a reminder goes with what is new": {
			runs:  []alert.Observation{bad("01:00:00", alert.Auth), failed(at(t, "05:00:00"), "eu", alert.Auth)},
			until: "06:00:00",
			want:  []string{"01:00:30 alarm auth, opened " + us, "05:00:30 alarm auth, opened source/eu, reminded source/us"},
		},
		"the database is asked each ten seconds: half a minute is nothing": {
			runs: []alert.Observation{
				ping(at(t, "01:00:00"), alert.Database), ping(at(t, "01:00:10"), alert.Database), ping(at(t, "01:00:20"), alert.Database),
				ping(at(t, "01:00:30"), ""), ping(at(t, "01:00:40"), ""),
			},
			until: "02:00:00",
		},
		"more than that opens, and two answers end it": {
			runs: []alert.Observation{
				ping(at(t, "01:00:00"), alert.Database), ping(at(t, "01:00:10"), alert.Database), ping(at(t, "01:00:20"), alert.Database),
				ping(at(t, "01:00:30"), alert.Database), ping(at(t, "01:20:00"), ""), ping(at(t, "01:20:10"), ""),
			},
			until: "02:00:00",
			want:  []string{"01:01:00 alarm db, opened host/vps-1", "01:20:40 relief db, recovered host/vps-1"},
		},
		"a blip of the database soon after is not yet the same": {
			runs: []alert.Observation{
				ping(at(t, "01:00:00"), alert.Database), ping(at(t, "01:00:30"), alert.Database), ping(at(t, "01:05:00"), ""), ping(at(t, "01:05:10"), ""),
				ping(at(t, "01:08:00"), alert.Database), ping(at(t, "01:08:10"), ""), ping(at(t, "01:08:20"), ""),
			},
			until: "02:00:00",
			want:  []string{"01:01:00 alarm db, opened host/vps-1", "01:05:40 relief db, recovered host/vps-1"},
		},
		"half a minute of it is": {
			runs: []alert.Observation{
				ping(at(t, "01:00:00"), alert.Database), ping(at(t, "01:00:30"), alert.Database), ping(at(t, "01:05:00"), ""), ping(at(t, "01:05:10"), ""),
				ping(at(t, "01:08:00"), alert.Database),
			},
			until: "02:00:00",
			want: []string{
				"01:01:00 alarm db, opened host/vps-1", "01:05:40 relief db, recovered host/vps-1", "01:09:00 alarm db, reopened host/vps-1",
			},
		},
		"the database answers again: that speaks for the runs that it stopped": {
			runs: []alert.Observation{
				ping(at(t, "01:00:00"), alert.Database), bad("01:00:10", alert.Database), bad("01:00:40", alert.Database),
				ping(at(t, "01:20:00"), ""), ping(at(t, "01:20:10"), ""),
			},
			until: "02:00:00",
			want:  []string{"01:01:10 alarm db, opened host/vps-1", "01:20:40 relief db, recovered host/vps-1"},
		},
		"it always answered and refuses the runs: only they can end it": {
			runs: []alert.Observation{
				bad("01:00:00", alert.Database), ping(at(t, "01:00:10"), ""), ping(at(t, "01:00:20"), ""), bad("01:01:00", alert.Database),
				ping(at(t, "01:20:00"), ""), ping(at(t, "01:20:10"), ""),
			},
			until: "02:00:00",
			want:  []string{"01:01:30 alarm db, opened host/vps-1"},
		},
		"a refused configuration is that of the machine": {
			runs: []alert.Observation{
				{At: at(t, "01:00:00"), Host: "vps-1", Run: &alert.RunEnded{Job: "reload", Class: alert.Config, Seldom: true}},
				{At: at(t, "01:30:00"), Host: "vps-1", Run: &alert.RunEnded{Job: "reload", Seldom: true}},
			},
			until: "02:00:00",
			want:  []string{"01:00:30 alarm config, opened host/vps-1", "01:30:30 relief config, recovered host/vps-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.play(test.runs, at(t, test.until))
			b.want(test.want...)
		})
	}
}

// play notes each observation at its time and works the book until a time.
func (b *book) play(runs []alert.Observation, until time.Time) {
	b.t.Helper()
	for _, o := range runs {
		b.until(o.At.Add(-time.Millisecond))
		b.waiting = append(b.waiting, o)
	}
	b.until(until)
}

// What is not of the passing sort opens at its first failure; the others do not.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	for class, want := range map[alert.Class]bool{
		alert.Network: false, alert.HTTP: false, alert.Rate: false, alert.Database: false,
		alert.Auth: true, alert.Payload: true, alert.Security: true, alert.Config: true, alert.Internal: true,
	} {
		d := alert.NewDesk(alert.Rules{}, midnight, nil)
		d.Observe(failed(midnight, "us", class))
		got := d.Changed()
		if len(got) != 1 || (got[0].Phase == alert.Open) != want {
			t.Errorf("%s: %v", class, got)
		}
	}
}

// Rules that are not given have their defaults.
func TestWithDefaults(t *testing.T) {
	t.Parallel()
	got := alert.Rules{}.WithDefaults()
	if want := (alert.Rules{GroupWait: 30 * time.Second, GroupInterval: 5 * time.Minute, RemindEvery: 4 * time.Hour, After: 4 * time.Minute}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	given := alert.Rules{GroupWait: time.Second, GroupInterval: 2 * time.Second, RemindEvery: time.Minute, After: 3 * time.Second, Host: "a"}
	if got := given.WithDefaults(); got != given {
		t.Errorf("%+v, want %+v", got, given)
	}
	if got := (alert.Rules{GroupWait: 2 * time.Second}).WithDefaults().GroupInterval; got != 20*time.Second {
		t.Errorf("the interval is %v, want ten times the wait", got)
	}
}

// An incident says when it began, when it was told, and what failed last; its notices are one thread.
func TestStory(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	first := failed(at(t, "01:00:00"), "us", alert.Network)
	second := failed(at(t, "01:01:00"), "us", alert.HTTP)
	second.Run.Error = "503"
	b.play([]alert.Observation{first, second}, at(t, "06:00:00"))
	b.play([]alert.Observation{good(at(t, "06:01:00"), "us"), good(at(t, "06:02:00"), "us"), failed(at(t, "06:05:00"), "us", alert.Network)}, at(t, "06:10:00"))
	b.want("01:01:30 alarm network, opened source/us", "05:01:30 alarm network, reminded source/us", "06:02:30 relief network, recovered source/us",
		"06:05:30 alarm network, reopened source/us")
	for _, n := range b.notices[1:] {
		if !slices.Equal(n.References, []string{b.notices[0].ID}) {
			t.Errorf("the notice of %v refers to %v", n.At, n.References)
		}
	}
	opened := b.notices[0].Items[0]
	if opened.Error != "503" || opened.Failures != 2 || !opened.Since.Equal(first.At) || !opened.OpenedAt.Equal(second.At) || opened.Source != "us" {
		t.Errorf("it was told as %+v", opened.Incident)
	}
	inc := b.the(alert.Network, "source/us")
	if inc.Seq != 3 || inc.ToldSeq != 3 || inc.Reopened != 1 || inc.Reminders != 1 || inc.Failures != 3 || inc.Root != b.notices[0].ID ||
		!inc.Since.Equal(first.At) || !inc.OpenedAt.Equal(second.At) || !inc.ReopenedAt.Equal(at(t, "06:05:00")) || !inc.RecoveredAt.IsZero() {
		t.Errorf("it is %+v", inc)
	}
	if inc.ID != alert.ID(inc.Key, first.At) || len(inc.ID) != 10 || len(inc.Root) != 16 {
		t.Errorf("ids %q, %q", inc.ID, inc.Root)
	}
}

// What came to be known late, through the spool, is history where something newer is known.
func TestLate(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.HTTP), failed(at(t, "01:01:00"), "us", alert.HTTP), good(at(t, "01:02:00"), "us"), good(at(t, "01:03:00"), "us"),
	}, at(t, "01:05:00"))
	b.waiting = append(b.waiting, failed(at(t, "00:59:00"), "us", alert.HTTP))
	b.until(at(t, "02:00:00"))
	b.want("01:01:30 alarm http, opened source/us", "01:03:30 relief http, recovered source/us")
	if inc := b.the(alert.HTTP, "source/us"); inc.Failures != 3 {
		t.Errorf("%d failures, want 3", inc.Failures)
	}
}

// A late failure takes nothing from the good runs that came after it, and is not what is told as the last one; a late good run is no news.
func TestLateWhileOpen(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.HTTP), failed(at(t, "01:05:00"), "us", alert.HTTP), good(at(t, "01:10:00"), "us"),
	}, at(t, "01:10:30"))
	late := failed(at(t, "01:04:00"), "us", alert.HTTP)
	late.Run.Error = "late"
	b.waiting = append(b.waiting, good(at(t, "01:03:30"), "us"), late)
	b.until(at(t, "01:11:00"))
	if inc := b.the(alert.HTTP, "source/us"); inc.Error != "no answer" || !inc.LastAt.Equal(at(t, "01:05:00")) || inc.Failures != 3 || inc.Phase != alert.Open {
		t.Errorf("%+v", inc)
	}
	b.play([]alert.Observation{good(at(t, "01:11:30"), "us")}, at(t, "01:20:00"))
	b.want("01:04:30 alarm http, opened source/us", "01:12:00 relief http, recovered source/us")
}

// What comes of a clock that is fast counts as now.
func TestFuture(t *testing.T) {
	t.Parallel()
	for _, when := range []time.Time{midnight.Add(time.Hour), {}} {
		d := alert.NewDesk(alert.Rules{}, midnight, nil)
		d.Observe(failed(when, "us", alert.Auth))
		if got := d.Changed(); len(got) != 1 || !got[0].Since.Equal(midnight) || !got[0].OpenedAt.Equal(midnight) {
			t.Errorf("%v", got)
		}
	}
}

// An incident that recovered ten minutes ago does not come back, also where the book still has it because it was not told.
func TestCalmIsOver(t *testing.T) {
	t.Parallel()
	past := alert.Incident{
		ID: "past", Key: alert.Key{Scope: "source/us", Class: alert.HTTP}, Phase: alert.Recovered, Since: midnight, OpenedAt: midnight, Seq: 2,
		Told: alert.Opened, ToldSeq: 1, RecoveredAt: midnight.Add(time.Hour),
	}
	for after, want := range map[time.Duration]alert.Phase{alert.Calm - time.Second: alert.Open, alert.Calm: alert.Failing} {
		now := past.RecoveredAt.Add(after)
		d := alert.NewDesk(alert.Rules{}, now, []alert.Incident{past})
		d.Observe(failed(now, "us", alert.HTTP))
		got := d.Changed()
		if len(got) != 1 || got[0].Phase != want || (got[0].ID == "past") != (want == alert.Open) {
			t.Errorf("%v after its recovery: %+v", after, got)
		}
	}
}

// Of what was muted before it opened, and is over already, nothing is told.
func TestMutedAndPassed(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{seldom(failed(at(t, "01:00:00"), "us", alert.HTTP))}, at(t, "01:00:30"))
	for id := range b.rows {
		b.waiting = append(b.waiting, alert.Observation{At: at(t, "01:00:30"), Mute: &alert.Mute{ID: id, Until: at(t, "03:00:00")}})
	}
	b.waiting = append(b.waiting, seldom(failed(at(t, "01:01:00"), "us", alert.HTTP)), seldom(good(at(t, "02:00:00"), "us")))
	b.now = at(t, "02:01:00")
	b.until(at(t, "04:00:00"))
	b.want()
	if inc := b.the(alert.HTTP, "source/us"); inc.Phase != alert.Recovered || inc.ToldSeq != inc.Seq {
		t.Errorf("%+v", inc)
	}
}

// Failures of hours ago, of a job that was good since, open nothing: what the world knows counts although nobody noted it.
func TestLateAndGoodSince(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.until(at(t, "03:00:00"))
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {
		LastGood: at(t, "02:30:00"), Jobs: map[string]time.Time{"us-orders": at(t, "02:30:00")},
	}}}
	b.waiting = append(b.waiting, seldom(failed(at(t, "01:00:00"), "us", alert.HTTP)), failed(at(t, "01:00:00"), "us", alert.Database))
	b.until(at(t, "04:00:00"))
	b.want()
	for _, inc := range b.incidents() {
		if inc.Phase == alert.Open {
			t.Errorf("open: %+v", inc)
		}
	}
}

// A run that was good and could not be noted ends the incident when the world knows of it; the same run does not count twice.
func TestGoodUnnoted(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	jobs := map[string]time.Time{"us-orders": {}}
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {Jobs: jobs}}}
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.HTTP), failed(at(t, "01:01:00"), "us", alert.HTTP), good(at(t, "01:02:00"), "us"),
	}, at(t, "01:02:30"))
	jobs["us-orders"] = at(t, "01:02:00").Add(40 * time.Millisecond)
	b.until(at(t, "01:10:00"))
	b.want("01:01:30 alarm http, opened source/us")
	jobs["us-orders"] = at(t, "01:10:00")
	b.until(at(t, "01:11:00"))
	b.want("01:01:30 alarm http, opened source/us", "01:10:30 relief http, recovered source/us")
}

// Jobs and sources that left the configuration leave their incidents an hour later.
func TestLeft(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	jobs := map[string]time.Time{"us-orders": {}, "us-sweep": {}, "eu-orders": {}}
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {Jobs: jobs}, "eu": {Jobs: jobs}}}
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.Auth), ofJob("us-sweep", failed(at(t, "01:00:00"), "us", alert.Auth)),
		failed(at(t, "01:00:00"), "eu", alert.Auth),
	}, at(t, "01:10:00"))
	delete(jobs, "us-sweep")
	delete(b.world.Sources, "eu")
	b.until(at(t, "01:59:00"))
	if n := len(b.the(alert.Auth, "source/us").Jobs); n != 2 {
		t.Errorf("%d jobs before the hour is over", n)
	}
	b.until(at(t, "02:10:00"))
	if inc := b.the(alert.Auth, "source/us"); len(inc.Jobs) != 1 || inc.Phase != alert.Open {
		t.Errorf("of us remains %+v", inc)
	}
	b.want("01:00:30 alarm auth, opened source/eu, opened source/us", "02:00:30 relief auth, recovered source/eu")
	delete(jobs, "us-orders")
	b.until(at(t, "02:20:00"))
	if inc := b.the(alert.Auth, "source/us"); inc.Phase != alert.Recovered || inc.Facts.Text == "" {
		t.Errorf("of us remains %+v", inc)
	}
}

// A muted incident is told when it is over, and again when the silence is and it goes on.
func TestMute(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Auth), failed(at(t, "01:00:00"), "eu", alert.Auth)}, at(t, "02:00:00"))
	for _, source := range []string{"us", "eu"} {
		inc := b.the(alert.Auth, alert.OfSource(source))
		b.waiting = append(b.waiting, alert.Observation{At: b.now, Mute: &alert.Mute{ID: inc.ID, Until: at(t, "09:00:00"), By: "ops"}})
	}
	b.play([]alert.Observation{good(at(t, "03:00:00"), "eu"), good(at(t, "03:01:00"), "eu"), failed(at(t, "03:05:00"), "eu", alert.Auth)}, at(t, "09:30:00"))
	b.want("01:00:30 alarm auth, opened source/eu, opened source/us", "03:01:30 relief auth, recovered source/eu",
		"09:00:00 alarm auth, reminded source/eu, reminded source/us")
	if inc := b.the(alert.Auth, "source/us"); inc.MutedBy != "ops" || !inc.MutedUntil.Equal(at(t, "09:00:00")) {
		t.Errorf("muted by %q until %v", inc.MutedBy, inc.MutedUntil)
	}
}

// A mute that is taken back ends.
func TestUnmute(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Auth)}, at(t, "01:30:00"))
	id := b.the(alert.Auth, "source/us").ID
	b.play([]alert.Observation{
		{At: at(t, "02:00:00"), Mute: &alert.Mute{ID: id, Until: at(t, "23:00:00")}}, {At: at(t, "06:00:00"), Mute: &alert.Mute{ID: id}},
	}, at(t, "07:00:00"))
	b.want("01:00:30 alarm auth, opened source/us", "06:00:05 alarm auth, reminded source/us")
}

// Of a source that is paused nothing is reminded; the opening and the recovery are told.
func TestPaused(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {Paused: true}}}
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Auth)}, at(t, "12:00:00"))
	b.want("01:00:30 alarm auth, opened source/us")
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {}}}
	b.play([]alert.Observation{good(at(t, "12:01:00"), "us"), good(at(t, "12:02:00"), "us")}, at(t, "12:30:00"))
	b.want("01:00:30 alarm auth, opened source/us", "12:00:05 alarm auth, reminded source/us", "12:02:30 relief auth, recovered source/us")
}

// A notice describes twenty incidents, the worst first, names a hundred more and counts them all; it is the same whichever host makes it.
func TestManyItems(t *testing.T) {
	t.Parallel()
	noticeOf := func(host string) alert.Notice {
		d := alert.NewDesk(alert.Rules{Host: host}, at(t, "01:00:30"), nil)
		for i := range 150 {
			d.Observe(failed(at(t, "01:00:00").Add(time.Duration(i)*time.Millisecond), fmt.Sprintf("shop-%03d", i), alert.Auth))
		}
		notices := d.Compose(alert.World{})
		if len(notices) != 1 {
			t.Fatalf("%d notices", len(notices))
		}
		return notices[0]
	}
	n := noticeOf("vps-1")
	if len(n.Items) != alert.MaxItems || n.More != 130 || len(n.MoreScopes) != 100 ||
		n.Items[0].Scope != "source/shop-000" || n.MoreScopes[0] != "source/shop-020" {
		t.Errorf("%d items and %d more, %d of them named: %s", len(n.Items), n.More, len(n.MoreScopes), n.Items[0].Scope)
	}
	if other := noticeOf("vps-2"); other.ID != n.ID || other.Host != "vps-2" {
		t.Errorf("ids %s and %s", n.ID, other.ID)
	}
}
