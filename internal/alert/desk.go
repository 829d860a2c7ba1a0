package alert

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Rules are when and how often is told. Zero values are the defaults, see [Rules.WithDefaults].
type Rules struct {
	// GroupWait is how long a change waits for others of its class, so that they are told together: 30 s.
	GroupWait time.Duration
	// GroupInterval is the least time between two notices of one class and direction: 10 times GroupWait.
	GroupInterval time.Duration
	// RemindEvery is how long after it was last told an incident that goes on is told again: 4 h.
	RemindEvery time.Duration
	// After is how long a failure that may pass by itself may last before its incident opens, if no second failure opens it earlier: 4 min.
	After time.Duration
	// Host is the name of this machine.
	Host string
}

// WithDefaults fills in what is zero or less.
func (r Rules) WithDefaults() Rules {
	if r.GroupWait <= 0 {
		r.GroupWait = 30 * time.Second
	}
	if r.GroupInterval <= 0 {
		r.GroupInterval = 10 * r.GroupWait
	}
	if r.RemindEvery <= 0 {
		r.RemindEvery = 4 * time.Hour
	}
	if r.After <= 0 {
		r.After = 4 * time.Minute
	}
	return r
}

// World is what a desk must know beside the observations, by the book's clock; see [World.Shifted].
type World struct {
	// At is when it was read; zero: just now. What failed later is not yet compared with it.
	At time.Time
	// Sources are the configured ones by name; empty where that is not known.
	Sources map[string]SourceWorld
}

// SourceWorld is what a desk must know of one source.
type SourceWorld struct {
	// LastGood is the end of the last good run of any of its jobs; zero: there was none.
	LastGood time.Time
	// Jobs are its configured jobs, each with the end of its last good run (zero: there was none); nil where that is not known.
	// A good run that nobody noted as an observation counts because it stands here.
	Jobs   map[string]time.Time
	Paused bool
}

// Desk is where observations and conditions become incidents, and incidents notices. It is made anew for each step of a book: Observe,
// Look where there was a look, Compose, and write down what Changed together with the notices. It is for one goroutine.
//
// # What opens an incident
//
// A failed run of the classes network, http, rate and db begins an incident that is failing and not told. It opens with the second
// failed run of one job, where failures count until enough good runs in a row came: bad and good in turns opens too. It also opens when
// the job was not good for Rules.After since its first failure; that is by the clock, in Compose. A failure marked as urgent, and one
// of any other class, opens at once. In each case RunEnded.Patience may ask that the failure has lasted for a while.
//
// A failure of network, http or rate counts into the incident of another of these classes of the same source, where the job is part of
// one that is not over. A job that fails with another class than before is no longer part of an incident that has not opened: a blip
// does not open later by the clock.
//
// A condition opens when each look found it for Condition.Hold. It becomes worse when its level rises; the level falls only when it
// falls by two, so that a number that goes up and down a little is told once.
//
// The network of all sources opens at once when at least two of them began to fail with network after the last good run of any source.
//
// # What ends it
//
// An incident of runs is over when each of its jobs had the good runs in a row that it needs: two, or one of a schedule that is seldom.
// Of auth, network and db a good run of one job that failed in the incident counts for all of its jobs that last failed with that
// class, since it is one cause that they share; so does, for auth and network, a check by hand. A good run of a job that never failed
// says nothing about those that do. A condition is over when a look that could judge it does not find it. The network of all sources is
// over with the first good run of any.
//
// Jobs and sources that left the configuration leave their incidents, and that of the database, an hour after their last failure.
//
// What opens within [Calm] of its recovery is the same incident, open again: with the first failure, unless Patience or Hold ask for
// more. From then on its recovery needs also Calm without a failure.
//
// # What is told
//
// Changes of one class that go the same way, for the worse or for the better, are told in one notice, when the oldest of them has
// waited for Rules.GroupWait, and not sooner than Rules.GroupInterval after the last such notice. Reminders neither wait nor make
// others wait; those of a class that are due soon go together with one that is due.
//
// Changes that undo each other before they are told are not told: an incident that opened and was over within GroupWait stays in the
// history alone, and one that was over and came back was never away. One that was open for longer and is over before it was told is
// told as passed. The recovery is told of those alone whose opening was.
//
// An incident that is the consequence of another one is neither told as opened nor reminded: network of a source while that of
// all sources is open; stall and quiet while that is, or any incident of runs of the source. When the other one is over it is told only
// if it is seen failing after that, GroupInterval later, or if it goes on for more than an hour, and not while its source is paused.
// What is over by then is not told.
// That the database is away silences nothing here: what it stops cannot be read then; package tell keeps it in the other book.
//
// Where the clock of the book was put back, what happened later than it says now counts as having happened now.
//
// Reminders come each RemindEvery; of gap each week; never of deadletter, shortfall and credential, nor of a source that is paused.
// While an incident is muted its changes for the worse count as told; its recovery is told.
type Desk struct {
	rules Rules
	now   time.Time
	// given are the incidents as they were, by id.
	given map[string]Incident
	all   []*Incident
	keys  map[Key][]*Incident
	// waiting are the observations that were not worked yet: in order of their time, not of their coming.
	waiting []Observation
	// good is the last good run of each source that was observed.
	good map[string]time.Time
}

// NewDesk lays out the incidents of a book at its clock's now.
func NewDesk(rules Rules, now time.Time, incidents []Incident) *Desk {
	d := &Desk{
		rules: rules.WithDefaults(), now: now.UTC().Round(0),
		given: map[string]Incident{}, keys: map[Key][]*Incident{}, good: map[string]time.Time{},
	}
	for _, given := range incidents {
		d.given[given.ID] = given.clone()
		own := given.clone()
		own.notAfter(d.now)
		d.lay(&own)
	}
	return d
}

// Changed returns the incidents that differ from those that NewDesk was given, by class and scope. A failure that passed before it
// opened is recovered and has no OpenedAt.
func (d *Desk) Changed() []Incident {
	d.settle()
	var changed []Incident
	for _, inc := range d.all {
		before, known := d.given[inc.ID]
		if !known && inc.passed() || known && reflect.DeepEqual(before, *inc) {
			continue
		}
		changed = append(changed, inc.clone())
	}
	slices.SortFunc(changed, func(a, b Incident) int {
		return cmp.Or(a.Key.Compare(b.Key), a.FoundAt.Compare(b.FoundAt), cmp.Compare(a.ID, b.ID))
	})
	return changed
}

func (d *Desk) lay(inc *Incident) {
	d.all = append(d.all, inc)
	d.keys[inc.Key] = append(d.keys[inc.Key], inc)
}

// current is the incident of a key that is not over, or nil.
func (d *Desk) current(key Key) *Incident {
	for _, inc := range d.keys[key] {
		if inc.Phase != Recovered {
			return inc
		}
	}
	return nil
}

// lately is the incident of a key that recovered less than Calm before at, or nil.
func (d *Desk) lately(key Key, at time.Time) *Incident {
	var last *Incident
	for _, inc := range d.keys[key] {
		if inc.Phase == Recovered && !inc.passed() && at.After(inc.RecoveredAt) && at.Before(inc.RecoveredAt.Add(Calm)) &&
			(last == nil || inc.RecoveredAt.After(last.RecoveredAt)) {
			last = inc
		}
	}
	return last
}

// begin lays out a new failing incident, found at a time.
func (d *Desk) begin(key Key, found time.Time) *Incident {
	inc := &Incident{ID: ID(key, found), Key: key, Phase: Failing, Since: found, FoundAt: found, LastAt: found}
	d.lay(inc)
	return inc
}

// open opens a failing incident, or the one that recovered shortly before it was found, in its place.
func (d *Desk) open(inc *Incident, at time.Time) {
	past := d.lately(inc.Key, inc.FoundAt)
	if past == nil {
		inc.Phase, inc.OpenedAt, inc.ChangedAt = Open, at, at
		inc.Seq++
		return
	}
	d.forget(inc, at)
	past.Phase, past.RecoveredAt, past.ReopenedAt, past.ChangedAt = Open, time.Time{}, at, at
	past.Seq++
	past.Reopened++
	past.Failures += inc.Failures
	past.Level, past.Jobs, past.LastAt, past.Host = inc.Level, inc.Jobs, inc.LastAt, inc.Host
	past.Job, past.RunID, past.Kind, past.Error, past.Facts = inc.Job, inc.RunID, inc.Kind, inc.Error, inc.Facts
	past.Silenced, past.FreedAt = false, time.Time{}
}

// recover ends an open incident.
func (d *Desk) recover(inc *Incident, at time.Time) {
	inc.Phase, inc.RecoveredAt, inc.ChangedAt = Recovered, at, at
	inc.Seq++
}

// forget ends an incident that never opened.
func (d *Desk) forget(inc *Incident, at time.Time) {
	inc.Phase, inc.RecoveredAt = Recovered, at
}

// passed says that it was over before it opened.
func (inc *Incident) passed() bool { return inc.Phase == Recovered && inc.OpenedAt.IsZero() }

// ofRuns says that runs opened it, and end it; others are conditions.
func (inc *Incident) ofRuns() bool { return len(inc.Jobs) > 0 }

// mayEnd says that it was without a failure for long enough.
func (inc *Incident) mayEnd(at time.Time) bool {
	return inc.Reopened == 0 || at.Sub(inc.LastAt) >= Calm
}

func (inc *Incident) clone() Incident {
	other := *inc
	other.Jobs = maps.Clone(inc.Jobs)
	for name, job := range other.Jobs {
		own := *job
		other.Jobs[name] = &own
	}
	return other
}

// notAfter moves the times at which something happened to now where they are later: the clock was put back. What counts from such a time
// would otherwise wait until the clock is there again, which can be years.
func (inc *Incident) notAfter(now time.Time) {
	times := []*time.Time{
		&inc.Since, &inc.OpenedAt, &inc.RecoveredAt, &inc.LastAt, &inc.FoundAt, &inc.ReopenedAt, &inc.ChangedAt, &inc.FreedAt, &inc.ToldAt,
	}
	for _, job := range inc.Jobs {
		times = append(times, &job.Since, &job.BadSince, &job.LastAt)
	}
	for _, at := range times {
		if at.After(now) {
			*at = now
		}
	}
	for _, at := range []*time.Time{&inc.AlarmAt, &inc.ReliefAt} {
		if at.After(now) {
			*at = time.Time{} // nobody waits because of it
		}
	}
}

// later returns the later one.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
