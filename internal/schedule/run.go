package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"ordersync/internal/fault"
)

// trigger is what cron calls at a tick of the schedule.
func (s *Scheduler) trigger(ctx context.Context, e *entry, schedule Schedule) {
	tick := Latest(schedule, time.Now())
	s.mu.Lock()
	if ctx.Err() != nil || e.removed || tick.IsZero() {
		s.mu.Unlock()
		return
	}
	job, was, ahead := e.job, e.phase, tick.Sub(s.clock.now())
	wait := ahead > fastClock
	tell := wait && !s.fast
	s.fast = wait
	if !wait && was == idle {
		e.phase = claiming
	}
	s.mu.Unlock()
	switch {
	case tell:
		s.log.WarnContext(ctx, "the clock of this host is ahead of the database's: ticks wait for the database's clock",
			slog.Duration("ahead", ahead.Round(time.Second)))
	case wait:
	case was == idle:
		s.work(ctx, e, job, duty{what: claimTick, tick: tick}, 0)
	case was == running:
		s.skip(ctx, job, tick)
	}
}

// work claims what is due and runs it. The entry is claiming when it is called, and idle afterwards.
func (s *Scheduler) work(ctx context.Context, e *entry, job Job, d duty, delay time.Duration) {
	defer s.enter(e, idle)
	if delay > 0 {
		if !sleep(ctx, delay) {
			return
		}
		if latest := Latest(job.Schedule, time.Now()); d.what == claimTick && latest.After(d.tick) {
			d.tick = latest
		}
	}
	asked := time.Now()
	claimed, err := bounded(ctx, "job "+job.Name+": claim", storeCall, func(ctx context.Context) (bool, error) {
		if d.what == claimRepeat {
			return s.store.ClaimRepeat(ctx, job.Name, d.attempt, s.holder, TTL)
		}
		return s.store.ClaimTick(ctx, job.Name, d.tick, s.holder, TTL)
	})
	if err != nil {
		// The tick stays owed: the next look finds it, also when the claim was made and only the answer was lost.
		s.storeFailed(ctx, err)
		return
	}
	if !claimed && d.what == claimTick {
		s.skip(ctx, job, d.tick) // which says no where another daemon has just claimed this very tick
	}
	if !claimed {
		return
	}
	s.enter(e, running)
	s.attempt(ctx, e, job, asked, Tick{Job: job.Name, At: d.tick, Attempt: d.attempt + 1, Holder: s.holder + "/" + job.Name})
}

// attempt makes one attempt of a claimed job, tells its outcome and gives the job back.
func (s *Scheduler) attempt(ctx context.Context, e *entry, job Job, claimed time.Time, tick Tick) {
	held, release := keep(ctx, "job "+job.Name, claimed, func(ctx context.Context) (bool, error) {
		return s.store.RenewJob(ctx, job.Name, s.holder, TTL)
	})
	defer release()
	o := Outcome{Job: job.Name, Tick: tick.At, Attempt: tick.Attempt, Started: time.Now()}
	o.Err = verdict(ctx, held, s.guarded(ctx, "run", job.Name, func() error { return job.Run(held, tick) }))
	o.Ended = time.Now()
	s.enter(e, finishing)

	s.mu.Lock()
	now := s.clock.now()
	s.mu.Unlock()
	lost := errors.Is(o.Err, ErrLost)
	stopped := o.Err != nil && fault.KindOf(o.Err) == 0
	var again time.Time
	switch {
	case lost:
	case stopped:
		again = now // whoever comes first goes on: we after the restart, or another daemon
	default:
		o.NextRepeat = job.repeatAt(tick.Attempt, o.Err, now)
		again = o.NextRepeat
	}
	s.tell(ctx, o)
	if lost {
		return
	}
	failed := 0
	if !again.IsZero() {
		failed = tick.Attempt
	}
	s.finish(ctx, job.Name, failed, again)
	if again.Sub(now) < lookPause && failed > 0 {
		s.lookNow() // which sees when the repeat is due
	}
}

// guarded calls what is not ours; a panic is logged and becomes an error, of the kind fault.Internal. Of its value only texts
// are shown, which a programmer wrote.
func (s *Scheduler) guarded(ctx context.Context, what, job string, call func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		value := fmt.Sprintf("%T", r)
		if e, ok := r.(runtime.Error); ok {
			value = e.Error()
		} else if text, ok := r.(string); ok {
			value = text
		}
		s.log.ErrorContext(ctx, "panic", slog.String("in", what), slog.String("job", job), slog.String("panic", value),
			slog.String("stack", string(debug.Stack())))
		err = fault.Errorf(fault.Internal, "panic: %s", value)
	}()
	return call()
}

// finish gives the job back. While the store is away it tries again, since a good run that the store does not know of would
// be run again; after the stop once more.
func (s *Scheduler) finish(ctx context.Context, job string, attempt int, again time.Time) {
	for stopping := ctx.Err() != nil; ; {
		_, err := bounded(context.WithoutCancel(ctx), "job "+job+": end", storeCall, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.store.FinishJob(ctx, job, s.holder, attempt, again)
		})
		if err == nil || stopping {
			return
		}
		s.storeFailed(ctx, err)
		stopping = !sleep(ctx, lookPause)
	}
}

// skip notes a tick that came while the job runs, here or elsewhere.
func (s *Scheduler) skip(ctx context.Context, job Job, tick time.Time) {
	skipped, err := bounded(ctx, "job "+job.Name+": skip", storeCall, func(ctx context.Context) (bool, error) {
		return s.store.SkipTick(ctx, job.Name, tick)
	})
	if err != nil {
		s.storeFailed(ctx, err)
		return
	}
	if skipped {
		now := time.Now()
		s.tell(ctx, Outcome{Job: job.Name, Tick: tick, Started: now, Ended: now, Skipped: true})
	}
}

func (s *Scheduler) tell(ctx context.Context, o Outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeCall)
	defer cancel()
	_ = s.guarded(ctx, "outcome", o.Job, func() error { // a panic is logged, and must not keep the job from being given back
		s.outcome(ctx, o)
		return nil
	})
}

// enter moves an entry to a phase, and forgets a removed one that is idle.
func (s *Scheduler) enter(e *entry, p phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.phase = p
	if p == idle && e.removed && s.entries[e.job.Name] == e {
		delete(s.entries, e.job.Name)
	}
}

// sleep waits, and reports whether it waited to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// clock is the store's clock as it was read at a local instant.
type clock struct {
	store, local time.Time
}

// now estimates the store's clock, late by at most what the reading took; the local clock where it was never read.
func (c clock) now() time.Time {
	if c.store.IsZero() {
		return time.Now()
	}
	return c.store.Add(time.Since(c.local))
}

// trouble is a time during which the store fails.
type trouble struct {
	since time.Time
	// recent says that something failed after the last look.
	recent bool
}

// storeFailed notes a failure of the store, and tells the first of a row of them. What was asked is asked again.
func (s *Scheduler) storeFailed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the stop cancelled the call
	}
	s.mu.Lock()
	first := s.trouble.since.IsZero()
	if first {
		s.trouble.since = time.Now()
	}
	s.trouble.recent = true
	s.mu.Unlock()
	if first {
		s.log.ErrorContext(ctx, "the database fails: no run can start; trying again every few seconds",
			slog.String("kind", fault.KindOf(err).String()), slog.Any("error", err))
	}
}

// storeAnswered notes a look that the store answered, and tells the end of a trouble when nothing failed since the look before.
func (s *Scheduler) storeAnswered(ctx context.Context) {
	s.mu.Lock()
	since, over := s.trouble.since, !s.trouble.recent
	s.trouble.recent = false
	if over {
		s.trouble = trouble{}
	}
	s.mu.Unlock()
	if over && !since.IsZero() {
		s.log.InfoContext(ctx, "the database answers again", slog.Duration("after", time.Since(since).Round(time.Second)))
	}
}

// cronLog writes what robfig/cron says: its routine for whoever debugs, its errors (a panic of ours in a trigger) as such.
type cronLog struct{ log *slog.Logger }

func (l cronLog) Info(msg string, keysAndValues ...any) {
	l.log.Debug("cron: "+msg, keysAndValues...) //nolint:sloglint // robfig/cron chooses the words
}

func (l cronLog) Error(err error, msg string, keysAndValues ...any) {
	l.log.Error("cron: "+msg, append([]any{slog.Any("error", err)}, keysAndValues...)...) //nolint:sloglint // as above
}
