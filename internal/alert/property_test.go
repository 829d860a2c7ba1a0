package alert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"ordersync/internal/alert"
)

// story draws what happens: a time of troubles in which anything does, and then a long one in which all is good.
type story struct {
	*book
	t     *rapid.T
	found map[alert.Key]int
}

var (
	anySource = rapid.SampledFrom([]string{"us", "eu", "de"})
	anyJob    = rapid.SampledFrom([]string{"orders", "sweep"})
	anyClass  = rapid.SampledFrom([]alert.Class{
		alert.Network, alert.Network, alert.HTTP, alert.Rate, alert.Auth, alert.Payload, alert.Security, alert.Internal, alert.Database,
	})
	anyKey = rapid.SampledFrom([]alert.Key{
		{Scope: "job/us-orders", Class: alert.Stall}, {Scope: "source/us", Class: alert.Quiet}, {Scope: "source/eu", Class: alert.DeadLetter},
		{Scope: "source/de", Class: alert.Gap}, {Scope: "channel/sentry", Class: alert.Channel},
	})
)

func run(at time.Time, source, job string, class alert.Class) alert.Observation {
	return alert.Observation{At: at, Host: "vps-1", Run: &alert.RunEnded{
		Source: source, Job: source + "-" + job, RunID: "r", Class: class, Error: "no answer", Seldom: job == "sweep",
	}}
}

// anyRun draws the end of a run.
func anyRun(t *rapid.T, at time.Time) alert.Observation {
	class := alert.Class("")
	if rapid.IntRange(0, 2).Draw(t, "good") > 0 {
		class = anyClass.Draw(t, "class")
	}
	o := run(at, anySource.Draw(t, "source"), anyJob.Draw(t, "job"), class)
	o.Run.Urgent = class != "" && rapid.IntRange(0, 9).Draw(t, "urgent") == 0
	if class == alert.Database {
		o.Run.Patience = 30 * time.Second
	}
	return o
}

// step lets something happen and some time pass.
func (s *story) step() {
	now := s.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(s.t, "pass")) * time.Second)
	switch rapid.IntRange(0, 12).Draw(s.t, "what") {
	case 0:
		key := anyKey.Draw(s.t, "key")
		s.found[key] = rapid.IntRange(0, 4).Draw(s.t, "level")
	case 1:
		for _, id := range s.ids() {
			s.waiting = append(s.waiting, alert.Observation{At: now, Mute: &alert.Mute{ID: id, Until: now.Add(time.Hour)}})
			break
		}
	case 2:
		now = now.Add(time.Duration(rapid.IntRange(1, 300).Draw(s.t, "away")) * time.Minute)
	default:
		s.waiting = append(s.waiting, anyRun(s.t, now.Add(-time.Duration(rapid.IntRange(0, 900).Draw(s.t, "late"))*time.Millisecond)))
	}
	s.now = now
	s.settleOnce(rapid.IntRange(0, 4).Draw(s.t, "lost") == 0)
}

func (s *story) ids() []string {
	var ids []string
	for _, inc := range s.incidents() {
		ids = append(ids, inc.ID)
	}
	slices.Sort(ids)
	return ids
}

// settleOnce works the book; lost, all that it made is lost as in a crash, and made again.
func (s *story) settleOnce(lost bool) {
	s.lostStep = func() bool { return lost }
	s.work()
	s.lostStep = nil
	if lost && rapid.Bool().Draw(s.t, "at once") {
		s.work()
	}
}

// heal lets everything be good for long enough.
func (s *story) heal() {
	clear(s.found)
	for range 40 {
		s.now = s.now.Add(time.Minute)
		for _, source := range []string{"us", "eu", "de"} {
			for _, job := range []string{"orders", "sweep"} {
				s.waiting = append(s.waiting, run(s.now, source, job, ""))
			}
		}
		s.work()
	}
	for range 20 {
		s.now = s.now.Add(time.Minute)
		s.work()
	}
}

// Whatever happens, and wherever it is interrupted: each change is told once, each told opening is followed by one recovery (of one that
// was muted the recovery alone may be told), notices have ids of their own, and in the end nothing is open and nothing is left to be told.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	var stories, told, reliefs int
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{book: newBook(t), t: rt, found: map[alert.Key]int{}}
		s.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {}, "eu": {}, "de": {}}}
		s.look = func(time.Time) []alert.Condition {
			var found []alert.Condition
			for key, level := range s.found {
				if level > 0 {
					found = append(found, condition(key.Class, key.Scope, "us", level))
				}
			}
			return found
		}
		s.everyLook = true
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			s.step()
		}
		s.heal()
		s.check(rt)
		stories++
		told += len(s.notices)
		for _, n := range s.notices {
			if n.Sort == alert.Relief {
				reliefs++
			}
		}
	})
	t.Logf("%d stories, %d notices, %d of them reliefs", stories, told, reliefs)
}

// check says what must hold of all that was told.
func (s *story) check(t *rapid.T) {
	notices, changes, told, open := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]alert.Change{}
	for _, n := range s.notices {
		if notices[n.ID] {
			t.Fatalf("the notice %s was made twice", n.ID)
		}
		notices[n.ID] = true
		for _, item := range n.Items {
			change := fmt.Sprintf("%s %s %d %d", item.ID, item.Change, item.Seq, item.Reminders)
			if changes[change] {
				t.Fatalf("%s of %s was told twice", item.Change, item.Scope)
			}
			changes[change], told[item.ID] = true, true
			if problem := follows(open[item.ID], item.Change); problem != "" && item.MutedUntil.IsZero() {
				t.Fatalf("%s of %s at %v: %s", item.Change, item.Scope, n.At, problem)
			}
			if item.Change != alert.Reminded {
				open[item.ID] = item.Change
			}
		}
	}
	for _, inc := range s.incidents() {
		if inc.Phase != alert.Recovered || inc.Seq != inc.ToldSeq {
			t.Fatalf("in the end %s of %s is %s, change %d, told %d", inc.Class, inc.Scope, inc.Phase, inc.Seq, inc.ToldSeq)
		}
		mayBeSilenced := inc.Class == alert.Network || inc.Class == alert.Stall || inc.Class == alert.Quiet
		if lasted := inc.RecoveredAt.Sub(inc.OpenedAt); !inc.OpenedAt.IsZero() && inc.Reopened == 0 && lasted > 30*time.Second &&
			inc.MutedUntil.IsZero() && !mayBeSilenced && !told[inc.ID] {
			t.Fatalf("of %s of %s, open for %v, nothing was told", inc.Class, inc.Scope, lasted)
		}
	}
}

// follows says why a change cannot be told after another one, which is empty at first.
func follows(before, change alert.Change) string {
	over := before == "" || before == alert.Closed || before == alert.Passed
	switch {
	case change == alert.Opened && before != "":
		return "it was told before"
	case change == alert.Reopened && !over:
		return "it was not over"
	case over && (change == alert.Closed || change == alert.Worse || change == alert.Reminded):
		return "it was over"
	case change == alert.Passed && !over:
		return "its opening was told"
	}
	return ""
}

// In what order the observations of a read come makes no difference; the same makes the same, to the last id.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		for range rapid.IntRange(0, 20).Draw(rt, "before") {
			b.now = b.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "pass")) * time.Second)
			b.waiting = append(b.waiting, anyRun(rt, b.now))
			b.work()
		}
		var read []alert.Observation
		for range rapid.IntRange(2, 20).Draw(rt, "read") {
			read = append(read, anyRun(rt, b.now.Add(time.Duration(rapid.IntRange(-60, 600).Draw(rt, "at"))*time.Second)))
		}
		now, live := b.now.Add(10*time.Minute), b.live()
		outcome := func(read []alert.Observation, live []alert.Incident) ([]alert.Notice, []alert.Incident) {
			d := alert.NewDesk(b.rules, now, live)
			for _, o := range read {
				d.Observe(o)
			}
			notices := d.Compose(twoShops())
			return notices, d.Changed()
		}
		notices, changed := outcome(read, live)
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		dice.Shuffle(len(read), func(i, j int) { read[i], read[j] = read[j], read[i] })
		dice.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
		again, changedAgain := outcome(read, live)
		if diff := cmp.Diff(notices, again, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("the notices differ: %s", diff)
		}
		if diff := cmp.Diff(changed, changedAgain, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("the incidents differ: %s", diff)
		}
	})
}

// What did not change is not written again, and what NewDesk was given stays as it was.
func TestChanged(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Auth), failed(at(t, "01:00:00"), "eu", alert.HTTP)}, at(t, "01:02:00"))
	live := b.live()
	if len(live) != 2 {
		t.Fatalf("%d incidents are live", len(live))
	}
	d := alert.NewDesk(b.rules, b.now, live)
	if got := d.Compose(alert.World{}); len(got) != 0 {
		t.Errorf("told %v", got)
	}
	if got := d.Changed(); len(got) != 0 {
		t.Errorf("changed %v", got)
	}
	before := fmt.Sprint(live[0].Jobs["us-orders"], live[0].Jobs["eu-orders"], live[1].Jobs["us-orders"], live[1].Jobs["eu-orders"])
	d.Observe(good(b.now, "us"))
	d.Observe(failed(b.now, "eu", alert.HTTP))
	if got := d.Changed(); len(got) != 2 {
		t.Errorf("changed %v", got)
	}
	if after := fmt.Sprint(live[0].Jobs["us-orders"], live[0].Jobs["eu-orders"], live[1].Jobs["us-orders"], live[1].Jobs["eu-orders"]); after != before {
		t.Errorf("what was given became %s from %s", after, before)
	}
}

// A failure that passed unopened is written as over where the book has it, and not at all where it does not.
func TestPassedUnopened(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	blip := []alert.Observation{seldom(failed(at(t, "01:00:00"), "us", alert.HTTP)), seldom(good(at(t, "01:00:10"), "us"))}
	d := alert.NewDesk(b.rules, at(t, "01:00:30"), nil)
	for _, o := range blip {
		d.Observe(o)
	}
	if got := d.Changed(); len(got) != 0 {
		t.Errorf("changed %v", got)
	}
	b.play(blip, at(t, "01:05:00"))
	all := b.incidents()
	if len(all) != 1 || all[0].Phase != alert.Recovered || !all[0].OpenedAt.IsZero() || all[0].RecoveredAt.IsZero() {
		t.Errorf("the book has %+v", all)
	}
}

// A digest has the parts of the digests in it, an id of theirs, and refers to the threads of all.
func TestDigest(t *testing.T) {
	t.Parallel()
	parts := []alert.Notice{{ID: "a", Sort: alert.Alarm}, {ID: "b", Sort: alert.Relief, References: []string{"r", "s"}}}
	first := alert.NewDigest(midnight, "vps-1", parts)
	again := alert.NewDigest(midnight.Add(time.Hour), "vps-2", parts)
	if first.ID != again.ID || len(first.ID) != 16 || first.Sort != alert.Digest {
		t.Errorf("%+v and %+v", first, again)
	}
	more := alert.NewDigest(midnight, "vps-1", []alert.Notice{first, {ID: "c", Sort: alert.Alarm}})
	if len(more.Parts) != 3 || more.ID == first.ID || !slices.Equal(more.References, []string{"a", "r", "c"}) {
		t.Errorf("%+v", more)
	}
}

func TestTrialAndWeekly(t *testing.T) {
	t.Parallel()
	trial, other := alert.NewTrial(midnight, "vps-1"), alert.NewTrial(midnight.Add(time.Second), "vps-1")
	if trial.ID == other.ID || trial.Sort != alert.Trial || trial.Host != "vps-1" {
		t.Errorf("%+v and %+v", trial, other)
	}
	week, elsewhere := alert.Week{Runs: 7, Sources: []alert.SourceWeek{{Source: "b"}, {Source: "a"}}}, alert.Week{Runs: 7}
	one, same := alert.NewWeekly(midnight, "vps-1", week), alert.NewWeekly(midnight, "vps-2", week)
	next := alert.NewWeekly(midnight.AddDate(0, 0, 7), "vps-1", week)
	if one.ID != same.ID || one.ID == next.ID || one.ID == alert.NewWeekly(midnight, "vps-1", elsewhere).ID ||
		one.Sort != alert.Weekly || one.Week.Runs != 7 {
		t.Errorf("%+v, %+v and %+v", one, same, next)
	}
}
