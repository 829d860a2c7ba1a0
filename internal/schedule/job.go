package schedule

import (
	"context"
	"time"

	"github.com/robfig/cron/v3"

	"ordersync/internal/fault"
)

// Job is something that runs on a schedule.
type Job struct {
	// Name is the key of its state, for all daemons.
	Name     string
	Schedule Schedule
	// DueAtStart lets a job that never ran run at once instead of waiting for its first tick.
	DueAtStart bool
	// Repeat is how long after the end of a failed attempt the next one starts; the last value holds for all further ones.
	// Nil means 1, 5, 15 and 60 minutes, an empty list that the run is never repeated before its next tick.
	Repeat []time.Duration
	// Run does the work. It returns soon after ctx ends. A panic becomes an error of the kind fault.Internal.
	Run func(ctx context.Context, tick Tick) error
}

// Tick is the occasion of one attempt.
type Tick struct {
	Job string
	// At is the tick that is run, or that a repeat stands for.
	At time.Time
	// Attempt is 1 for the first attempt of a tick; more say that it is a repeat.
	Attempt int
	// Holder is the name for leases that this run takes: it tells apart the jobs of one process, and stays the same after a
	// restart.
	Holder string
}

// Outcome is what became of one attempt, or of a tick that was skipped.
type Outcome struct {
	Job     string
	Tick    time.Time
	Attempt int
	// Started and Ended are by the local clock.
	Started, Ended time.Time
	// Err is nil for a good run. It has no kind (fault.KindOf is zero) when the run ended because the daemon stops.
	Err error
	// NextRepeat is when the run is repeated, by the store's clock; zero when it is not.
	NextRepeat time.Time
	// Skipped says that the tick came while the job ran here or elsewhere: nothing was run, and Attempt is zero.
	Skipped bool
}

// repeatAt returns when an attempt that ended now with err is made again; zero when it is not, because the failure will not
// pass or because the next tick comes first.
func (j Job) repeatAt(attempt int, err error, now time.Time) time.Time {
	repeat := j.Repeat
	if repeat == nil {
		repeat = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
	}
	if len(repeat) == 0 || !fault.KindOf(err).Passing() {
		return time.Time{}
	}
	wait := repeat[min(max(attempt, 1), len(repeat))-1]
	if stated := fault.RetryAfter(err); stated <= 24*time.Hour {
		wait = max(wait, stated)
	}
	at := now.Add(wait)
	if next := j.Schedule.Next(now); !next.IsZero() && !next.After(at) {
		return time.Time{}
	}
	return at
}

// phase is what an entry is busy with in this process.
type phase uint8

const (
	idle      phase = iota
	claiming        // asking the store for the job, or about to
	running         // a tick that comes now is skipped
	finishing       // the run is over and the store does not know yet; a tick that comes now is owed
)

// entry is one job of a Scheduler. Its fields are guarded by the scheduler's mutex.
type entry struct {
	job  Job
	cron cron.EntryID
	// since is when this process heard of the job: a job without a state that is not due at start is due from there on.
	since time.Time
	phase phase
	// removed marks a job that is configured no more and whose run still goes on.
	removed bool
}

// duty is what a look found to be done for one job.
type duty struct {
	what    action
	tick    time.Time
	attempt int // the stored one
}

type action uint8

const (
	nothing action = iota
	claimTick
	claimRepeat
	skipTick
)

// decide says what is to be done for a job of which the store knows st (nil: nothing) at now by the store's clock. A stale st
// does no harm: the store judges each step again.
func decide(e *entry, st *State, holder string, now time.Time) duty {
	if e.phase == claiming || e.phase == finishing {
		return duty{}
	}
	latest, owed := owedTick(e, st, now)
	elsewhere := st != nil && st.Holder != holder && st.Holder != "" && st.HeldUntil.After(now)
	switch {
	case owed && (e.phase == running || elsewhere):
		return duty{what: skipTick, tick: latest}
	case owed:
		return duty{what: claimTick, tick: latest}
	case st == nil || e.phase == running || elsewhere || st.Attempt == 0:
		return duty{}
	}
	died := st.Holder != "" // of a former life of this process, too: what it runs now is not idle
	repeat := !st.RepeatAt.IsZero() && !st.RepeatAt.After(now)
	if died || repeat {
		return duty{what: claimRepeat, tick: st.LastTick, attempt: st.Attempt}
	}
	return duty{}
}

// owedTick returns the last tick and whether it is still to be run. It trusts the slower of the two clocks, since a tick that
// is claimed before its time would keep all daemons from the ticks until then.
func owedTick(e *entry, st *State, now time.Time) (time.Time, bool) {
	if local := time.Now(); local.Before(now) {
		now = local
	}
	var last time.Time // the tick that is done with, or the time from which on ticks count
	switch {
	case st == nil && e.job.DueAtStart:
		if latest := Latest(e.job.Schedule, now); !latest.IsZero() {
			return latest, true
		}
		return now.Truncate(time.Second), true
	case st == nil:
		last = e.since
	case !st.LastTick.After(now.Add(FutureTick)):
		last = st.LastTick
	}
	if next := e.job.Schedule.Next(last); next.IsZero() || next.After(now) {
		return time.Time{}, false // by far the most frequent case, so it is not Latest that decides
	}
	return Latest(e.job.Schedule, now), true
}

// nextMoment returns how long after now the clock alone makes something due in st: a repeat, or a holder's end.
func nextMoment(st *State, now time.Time) time.Duration {
	switch {
	case st == nil:
		return 0
	case st.Holder != "":
		return st.HeldUntil.Sub(now)
	case !st.RepeatAt.IsZero():
		return st.RepeatAt.Sub(now)
	}
	return 0
}
