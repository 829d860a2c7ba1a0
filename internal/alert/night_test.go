package alert_test

import (
	"fmt"
	"testing"
	"time"

	"ordersync/internal/alert"
)

// errand is a job in a simulated night: it runs at its ticks, and is repeated as the schedule does it.
type errand struct {
	source, name string
	every, first time.Duration
	// fails says how a run that ends at a time fails; "" is a good one.
	fails func(at time.Time) alert.Class

	tick, next time.Time
	attempt    int
	runs, bad  int
	lastGood   time.Time
}

// night is a book, jobs, and virtual time.
type night struct {
	*book
	jobs []*errand
}

func newNight(t *testing.T, jobs ...*errand) *night {
	t.Helper()
	n := &night{book: newBook(t), jobs: jobs}
	for _, j := range jobs {
		j.tick = midnight.Add(j.first)
		j.next, j.lastGood = j.tick, midnight.Add(-j.every)
	}
	n.read()
	return n
}

// read reads the world.
func (n *night) read() {
	n.world = alert.World{At: n.now, Sources: map[string]alert.SourceWorld{}}
	for _, j := range n.jobs {
		s, known := n.world.Sources[j.source]
		if !known {
			s.Jobs = map[string]time.Time{}
		}
		s.Jobs[j.name] = j.lastGood
		if j.lastGood.After(s.LastGood) {
			s.LastGood = j.lastGood
		}
		n.world.Sources[j.source] = s
	}
}

// pass lets time pass in steps of five seconds; the world is read each minute.
func (n *night) pass(until time.Time) {
	n.t.Helper()
	for n.now.Before(until) {
		n.now = n.now.Add(5 * time.Second)
		for _, j := range n.jobs {
			for !j.next.After(n.now) {
				n.run(j)
			}
		}
		if n.now.Second() == 0 {
			n.read()
		}
		n.work()
	}
}

func (n *night) run(j *errand) {
	o := good(j.next, j.source)
	if class := j.fails(j.next); class != "" {
		o = failed(j.next, j.source, class)
	}
	o.Run.Job, o.Run.Seldom = j.name, j.every > 15*time.Minute
	n.note(o)
	j.runs++
	for !j.tick.After(j.next) {
		j.tick = j.tick.Add(j.every)
	}
	ended := j.next
	j.next = j.tick
	if o.Run.Class == "" {
		j.attempt, j.lastGood = 0, ended
		return
	}
	j.bad++
	if o.Run.Class == alert.Auth {
		return // it is not repeated
	}
	delays := []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
	if repeat := ended.Add(delays[min(j.attempt, 3)]); repeat.Before(j.tick) {
		j.next = repeat
		j.attempt++
	} else {
		j.attempt = 0
	}
}

// during fails with a class in a span of the first day.
func during(t *testing.T, class alert.Class, since, until string) func(time.Time) alert.Class {
	return func(now time.Time) alert.Class {
		if now.Before(at(t, since)) || !now.Before(at(t, until)) {
			return ""
		}
		return class
	}
}

// report prints what a night was like.
func (n *night) report() {
	n.t.Helper()
	runs, bad := 0, 0
	for _, j := range n.jobs {
		runs += j.runs
		bad += j.bad
	}
	n.t.Logf("%d runs, %d failed: %s; %d rows written", runs, bad, n.sum(), n.changes)
	for _, line := range n.told() {
		n.t.Log("  " + line)
	}
}

func TestNight300Runs(t *testing.T) {
	t.Parallel()
	n := newNight(t, &errand{source: "us", name: "us-orders", every: time.Minute, fails: during(t, alert.HTTP, "00:30:00", "05:30:00")})
	n.pass(at(t, "08:00:00"))
	n.report()
	if n.jobs[0].bad != 300 {
		t.Errorf("%d runs failed, want 300", n.jobs[0].bad)
	}
	n.want("00:31:30 alarm http, opened source/us", "04:31:30 alarm http, reminded source/us", "05:31:30 relief http, recovered source/us")
}

// daily is a job of two at night.
func daily(fails func(time.Time) alert.Class) *errand {
	return &errand{source: "us", name: "us-orders", every: 24 * time.Hour, first: 2 * time.Hour, fails: fails}
}

// A daily job: of a passing failure is told 90 s after it began, of one that no repeat heals 30 s after.
func TestNightDaily(t *testing.T) {
	t.Parallel()
	for class, want := range map[alert.Class][]string{
		alert.Network: {
			"02:01:30 alarm network, opened source/us", "06:01:30 alarm network, reminded source/us", "09:21:30 relief network, recovered source/us",
		},
		alert.Auth: {
			"02:00:30 alarm auth, opened source/us", "06:00:30 alarm auth, reminded source/us", "10:00:30 alarm auth, reminded source/us",
			"14:00:30 alarm auth, reminded source/us", "18:00:30 alarm auth, reminded source/us", "22:00:30 alarm auth, reminded source/us",
		},
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			n := newNight(t, daily(during(t, class, "02:00:00", "08:30:00")))
			n.pass(at(t, "23:59:00"))
			n.report()
			n.want(want...)
		})
	}
}

// One failure of a daily job that its first repeat heals is not told.
func TestNightDailyBlip(t *testing.T) {
	t.Parallel()
	n := newNight(t, daily(during(t, alert.Network, "02:00:00", "02:00:30")))
	n.pass(at(t, "12:00:00"))
	n.report()
	n.want()
}

// many are sources with a job of a minute each, spread over a span.
func many(count int, spread time.Duration, fails func(time.Time) alert.Class) []*errand {
	var jobs []*errand
	for i := range count {
		name := fmt.Sprintf("shop-%03d", i)
		first := spread * time.Duration(i) / time.Duration(count)
		jobs = append(jobs, &errand{source: name, name: name + "-orders", every: time.Minute, first: first, fails: fails})
	}
	return jobs
}

// 500 sources fail at once. That the network is gone is told once; answers that fail make one mail where they begin within half a minute,
// and a second one five minutes later of those that came after that.
func TestNight500(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		class  alert.Class
		spread time.Duration
		want   []string
	}{
		"network": {alert.Network, 55 * time.Second, []string{"00:02:55 alarm network, opened all", "00:10:30 relief network, recovered all"}},
		"http": {alert.HTTP, 25 * time.Second, []string{
			"00:03:30 alarm http, opened 500", "00:11:30 relief http, recovered 500",
		}},
		"http, over a minute": {alert.HTTP, 55 * time.Second, []string{
			"00:03:30 alarm http, opened 273", "00:08:30 alarm http, opened 227", "00:11:30 relief http, recovered 273", "00:16:30 relief http, recovered 227",
		}},
		"auth": {alert.Auth, 25 * time.Second, []string{"00:02:30 alarm auth, opened 500", "00:11:30 relief auth, recovered 500"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t, many(500, test.spread, during(t, test.class, "00:02:00", "00:10:00"))...)
			n.pass(at(t, "00:22:00"))
			n.report()
			n.want(test.want...)
			for _, inc := range n.incidents() {
				if inc.Phase != alert.Recovered || inc.ToldSeq != inc.Seq {
					t.Errorf("%s of %s is %s", inc.Class, inc.Scope, inc.Phase)
				}
			}
		})
	}
}

// A source that flaps is one incident, whatever the beat: one alarm, at most one relief that was too early, and reminders.
func TestNightFlapping(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		beat time.Duration
		want []string
	}{
		"each minute": {time.Minute, []string{
			"00:02:30 alarm http, opened source/us", "04:02:30 alarm http, reminded source/us", "06:00:30 relief http, recovered source/us",
		}},
		"every 7 minutes": {7 * time.Minute, []string{
			"00:01:30 alarm http, opened source/us", "00:08:30 relief http, recovered source/us", "00:14:30 alarm http, reopened source/us",
			"04:14:30 alarm http, reminded source/us", "06:06:30 relief http, recovered source/us",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t, &errand{source: "us", name: "us-orders", every: time.Minute, fails: func(now time.Time) alert.Class {
				if since := now.Sub(midnight); since < 6*time.Hour && int(since/test.beat)%2 == 0 {
					return alert.HTTP
				}
				return ""
			}})
			n.pass(at(t, "08:00:00"))
			n.report()
			n.want(test.want...)
			n.the(alert.HTTP, "source/us")
		})
	}
}

// That the database is away silences nothing in the book that says so: what it stops stands in the other book.
func TestNightDatabase(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	for i := range 30 {
		b.play([]alert.Observation{ping(at(t, "01:00:00").Add(time.Duration(i)*10*time.Second), alert.Database)}, at(t, "01:00:00"))
	}
	b.play([]alert.Observation{urgent(failed(at(t, "01:10:00"), "us", alert.HTTP))}, at(t, "02:00:00"))
	t.Log(b.sum())
	b.want("01:01:00 alarm db, opened host/vps-1", "01:10:30 alarm http, opened source/us")
}

// What was observed while the book was away is told when it is back: what goes on as opened, what is over as passed, a blip not at all.
func TestNightAway(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.until(at(t, "01:00:00"))
	b.now = at(t, "03:00:00")
	b.waiting = []alert.Observation{
		good(at(t, "02:01:00"), "eu"), failed(at(t, "01:30:00"), "eu", alert.HTTP), good(at(t, "02:00:00"), "eu"), failed(at(t, "01:31:00"), "eu", alert.HTTP),
		failed(at(t, "02:50:00"), "us", alert.HTTP), failed(at(t, "02:51:00"), "us", alert.HTTP),
		failed(at(t, "02:10:00"), "de", alert.HTTP), good(at(t, "02:11:00"), "de"), good(at(t, "02:12:00"), "de"),
	}
	b.until(at(t, "04:00:00"))
	b.want("03:00:05 alarm http, opened source/us", "03:00:05 relief http, passed source/eu")
}
