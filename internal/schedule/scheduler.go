package schedule

import (
	"context"
	"log/slog"
	"time"
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
	// Holder is the name for leases that this run takes: it tells apart the jobs of one process, and stays the same after a restart.
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

// Options are what a Scheduler is made of.
type Options struct {
	Jobs  []Job
	Store Store
	// Holder names this process in the store, see [Holder].
	Holder string
	// Location is the time zone of log lines; nil is UTC. Schedules bring their own.
	Location *time.Location
	// Log is where trouble with the store is told; nil discards.
	Log *slog.Logger
	// Outcome hears of every attempt and every skipped tick, from the goroutine of its job: it may take its time, but must be
	// safe for concurrent use. Its ctx outlives the stop of the daemon by a few seconds.
	Outcome func(ctx context.Context, o Outcome)
	// Beat is called by the loop that starts the runs, at least every 20 seconds.
	Beat func()
}

// Scheduler runs jobs.
type Scheduler struct{}

// New makes a scheduler; nothing happens before Run.
func New(o Options) *Scheduler { return nil }

// Run runs the jobs until ctx ends, and returns after all of their runs have ended.
func (s *Scheduler) Run(ctx context.Context) error { return nil }

// Replace puts other jobs in the place of the present ones.
func (s *Scheduler) Replace(jobs []Job) {}
