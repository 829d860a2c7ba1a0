package schedule

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"ordersync/internal/fault"
)

const (
	// lookPause is the time between two looks at the store: how late a missed tick, a repeat or a dead holder that another
	// daemon left behind is noticed at most, and how soon an unanswered claim is tried again.
	lookPause = 5 * time.Second
	// lookCall bounds the reading of all states.
	lookCall = 10 * time.Second
	// spread is the span over which the runs that are due at start begin.
	spread = 3 * time.Second
	// fastClock is how far the local clock may be ahead of the store's for a tick to be claimed on its word.
	fastClock = time.Minute
	// outcomeCall bounds the telling of an outcome.
	outcomeCall = 10 * time.Second
)

// Options are what a Scheduler is made of.
type Options struct {
	Jobs  []Job
	Store Store
	// Holder names this process in the store, see [Holder].
	Holder string
	// Location is the time zone of robfig/cron's log lines; nil is UTC. Schedules bring their own.
	Location *time.Location
	// Log is where trouble with the store is told; nil discards.
	Log *slog.Logger
	// Outcome hears of every attempt and every skipped tick, from a goroutine of its job, so it must be safe for concurrent
	// use. It has ten seconds; its ctx does not end with the daemon's stop.
	Outcome func(ctx context.Context, o Outcome)
	// Beat is called by the loop that starts the runs, at least every 15 seconds, also while the store is away.
	Beat func()
}

// Scheduler runs jobs. Three things start a run: robfig/cron at each tick; the loop, which looks at the store every few
// seconds, for all that cron cannot know (missed ticks, repeats, dead holders, ticks whose claim was not answered); and
// nothing else. Whatever starts it, the store decides.
type Scheduler struct {
	store    Store
	holder   string
	location *time.Location
	log      *slog.Logger
	outcome  func(context.Context, Outcome)
	beat     func()

	wake chan struct{}  // the loop should look now
	runs sync.WaitGroup // all goroutines that the loop started

	mu      sync.Mutex
	started bool
	wanted  []Job
	changed bool // wanted is not yet applied
	entries map[string]*entry
	clock   clock
	trouble trouble
	fast    bool // the local clock is too far ahead; told
}

// New makes a scheduler; nothing happens before Run.
func New(o Options) *Scheduler {
	s := &Scheduler{
		store: o.Store, holder: o.Holder, location: o.Location, log: o.Log, outcome: o.Outcome, beat: o.Beat,
		wake: make(chan struct{}, 1), wanted: slices.Clone(o.Jobs), changed: true, entries: make(map[string]*entry),
	}
	if s.location == nil {
		s.location = time.UTC
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.outcome == nil {
		s.outcome = func(context.Context, Outcome) {}
	}
	if s.beat == nil {
		s.beat = func() {}
	}
	return s
}

// Run runs the jobs until ctx ends, and returns after all of their runs have ended; their contexts end with ctx's cause. A
// store that is away, also at the start, is waited for. The only error is a second call.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	again := s.started
	s.started = true
	s.mu.Unlock()
	if again {
		return fault.Errorf(fault.Internal, "the scheduler was started twice")
	}
	logger := cronLog{log: s.log}
	c := cron.New(cron.WithLocation(s.location), cron.WithLogger(logger), cron.WithChain(cron.Recover(logger)))
	s.apply(ctx, c)
	c.Start()
	s.loop(ctx, c)
	<-c.Stop().Done()
	s.runs.Wait()
	return nil
}

// Replace puts other jobs in the place of the present ones, by name: one that runs finishes as it is, and has its new
// schedule and work from the next tick on. It returns at once.
func (s *Scheduler) Replace(jobs []Job) {
	s.mu.Lock()
	s.wanted, s.changed = slices.Clone(jobs), true
	s.mu.Unlock()
	s.lookNow()
}

func (s *Scheduler) lookNow() {
	select {
	case s.wake <- struct{}{}:
	default: // the loop is about to look anyway
	}
}

// loop looks until ctx ends.
func (s *Scheduler) loop(ctx context.Context, c *cron.Cron) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	starting := true
	for {
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		s.apply(ctx, c)
		pause, answered := s.look(ctx, starting)
		starting = starting && !answered
		s.beat()
		timer.Reset(pause)
	}
}

// apply makes the entries, here and in cron, what is wanted. A tick that falls between the removal and the new entry in cron
// is found by the look that follows.
func (s *Scheduler) apply(ctx context.Context, c *cron.Cron) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.changed {
		return
	}
	s.changed = false
	for name, e := range s.entries {
		c.Remove(e.cron)
		e.removed = true
		if e.phase == idle && !slices.ContainsFunc(s.wanted, func(j Job) bool { return j.Name == name }) {
			delete(s.entries, name)
		}
	}
	for _, job := range s.wanted {
		e := s.entries[job.Name]
		if e == nil {
			e = &entry{since: time.Now()}
			s.entries[job.Name] = e
		}
		e.job, e.removed = job, false
		e.cron = c.Schedule(job.Schedule, cron.FuncJob(func() { s.trigger(ctx, e, job.Schedule) }))
	}
}

// look reads what the store knows and starts what is due. It returns when to look again, and whether the store answered.
func (s *Scheduler) look(ctx context.Context, starting bool) (pause time.Duration, answered bool) {
	states, err := bounded(ctx, "job states", lookCall, s.store.States)
	if err != nil {
		s.storeFailed(ctx, err)
		return lookPause, false
	}
	s.storeAnswered(ctx)
	known := make(map[string]*State, len(states))
	pause = lookPause

	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range states {
		known[states[i].Job] = &states[i]
	}
	if len(states) > 0 {
		s.clock = clock{store: states[0].Now, local: time.Now()}
	}
	now := s.clock.now()
	for name, e := range s.entries {
		if e.removed {
			continue
		}
		st := known[name]
		if wait := nextMoment(st, now); wait > 0 {
			pause = min(pause, wait)
		}
		s.start(ctx, e, decide(e, st, s.holder, now), starting)
	}
	return pause, true
}

// start sets a goroutine to a duty. The caller holds s.mu.
func (s *Scheduler) start(ctx context.Context, e *entry, d duty, starting bool) {
	job := e.job
	switch d.what {
	case nothing:
	case skipTick:
		s.runs.Go(func() { s.skip(ctx, job, d.tick) })
	case claimTick, claimRepeat:
		e.phase = claiming
		var delay time.Duration
		if starting {
			delay = jitter(job.Name)
		}
		s.runs.Go(func() { s.work(ctx, e, job, d, delay) })
	}
}

// jitter spreads the runs that are due at start, each job always at the same place.
func jitter(name string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return time.Duration(h.Sum64() % uint64(spread))
}
