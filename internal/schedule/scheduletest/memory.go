package scheduletest

import (
	"context"
	"sync"
	"time"

	"ordersync/internal/schedule"
)

// Memory is a store in memory, for tests under a fake clock; it passes the suite that the real one passes. The zero value is
// an empty one, which several schedulers may share as daemons share a database.
type Memory struct {
	// Skew is how far its clock is ahead of the local one.
	Skew time.Duration
	// Before, if set, is called before each step with the method's name. An error makes the step fail without an effect.
	Before func(ctx context.Context, method string) error
	// After, if set, is called after each step: an error is an answer that got lost on its way back.
	After func(method string) error

	mu     sync.Mutex
	jobs   map[string]schedule.State
	leases map[[2]string]schedule.Lease
}

var _ Store = (*Memory)(nil)

// Now is the store's clock.
func (m *Memory) Now() time.Time {
	return time.Now().Add(m.Skew).UTC().Truncate(time.Microsecond)
}

// Put stores a job's state as it is given.
func (m *Memory) Put(st schedule.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(st)
}

func (m *Memory) put(st schedule.State) {
	if m.jobs == nil {
		m.jobs = make(map[string]schedule.State)
	}
	m.jobs[st.Job] = st
}

// State returns a job's state, a zero one where there is none.
func (m *Memory) State(job string) schedule.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.jobs[job]
}

// States is schedule.Store's.
func (m *Memory) States(ctx context.Context) (states []schedule.State, err error) {
	err = m.step(ctx, "States", func(now time.Time) {
		for _, st := range m.jobs {
			st.Now = now
			states = append(states, st)
		}
	})
	return states, err
}

// ClaimTick is schedule.Store's.
func (m *Memory) ClaimTick(ctx context.Context, job string, tick time.Time, holder string, ttl time.Duration) (ok bool, err error) {
	err = m.step(ctx, "ClaimTick", func(now time.Time) {
		st := m.jobs[job]
		if ok = newTick(st, tick, now) && (!held(st, now) || st.Holder == holder); ok {
			m.put(schedule.State{
				Job: job, LastTick: micro(tick), Attempt: 1, Holder: holder, HeldUntil: micro(now.Add(ttl)), Skipped: st.Skipped,
			})
		}
	})
	return ok, err
}

// ClaimRepeat is schedule.Store's.
func (m *Memory) ClaimRepeat(ctx context.Context, job string, attempt int, holder string, ttl time.Duration) (ok bool, err error) {
	err = m.step(ctx, "ClaimRepeat", func(now time.Time) {
		st, found := m.jobs[job]
		due := !st.RepeatAt.IsZero() && !st.RepeatAt.After(now)
		if st.Holder != "" {
			due = st.Holder == holder || !held(st, now)
		}
		if ok = found && st.Attempt == attempt && due; ok {
			st.Attempt, st.RepeatAt, st.Holder, st.HeldUntil = attempt+1, time.Time{}, holder, micro(now.Add(ttl))
			m.put(st)
		}
	})
	return ok, err
}

// SkipTick is schedule.Store's.
func (m *Memory) SkipTick(ctx context.Context, job string, tick time.Time) (ok bool, err error) {
	err = m.step(ctx, "SkipTick", func(now time.Time) {
		st := m.jobs[job]
		if ok = newTick(st, tick, now) && held(st, now); ok {
			st.LastTick = micro(tick)
			st.Skipped++
			m.put(st)
		}
	})
	return ok, err
}

// RenewJob is schedule.Store's.
func (m *Memory) RenewJob(ctx context.Context, job, holder string, ttl time.Duration) (ok bool, err error) {
	err = m.step(ctx, "RenewJob", func(now time.Time) {
		st := m.jobs[job]
		if ok = holder != "" && st.Holder == holder; ok {
			st.HeldUntil = micro(now.Add(ttl))
			m.put(st)
		}
	})
	return ok, err
}

// FinishJob is schedule.Store's.
func (m *Memory) FinishJob(ctx context.Context, job, holder string, attempt int, repeatAt time.Time) error {
	return m.step(ctx, "FinishJob", func(time.Time) {
		if st := m.jobs[job]; holder != "" && st.Holder == holder {
			st.Holder, st.HeldUntil, st.Attempt, st.RepeatAt = "", time.Time{}, attempt, micro(repeatAt)
			m.put(st)
		}
	})
}

// AcquireLease is schedule.Leases'.
func (m *Memory) AcquireLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (l schedule.Lease, ok bool, err error) {
	err = m.step(ctx, "AcquireLease", func(now time.Time) {
		key := [2]string{source, stream}
		l = m.leases[key]
		if ok = l.Holder == holder || !l.Until.After(now); ok {
			since := l.Since
			if l.Holder != holder {
				since = now
			}
			l = schedule.Lease{Source: source, Stream: stream, Holder: holder, Since: since, Until: micro(now.Add(ttl))}
			if m.leases == nil {
				m.leases = make(map[[2]string]schedule.Lease)
			}
			m.leases[key] = l
		}
		l.Now = now
	})
	return l, ok, err
}

// RenewLease is schedule.Leases'.
func (m *Memory) RenewLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (ok bool, err error) {
	err = m.step(ctx, "RenewLease", func(now time.Time) {
		key := [2]string{source, stream}
		l := m.leases[key]
		if ok = holder != "" && l.Holder == holder; ok {
			l.Until = micro(now.Add(ttl))
			m.leases[key] = l
		}
	})
	return ok, err
}

// ReleaseLease is schedule.Leases'.
func (m *Memory) ReleaseLease(ctx context.Context, source, stream, holder string) error {
	return m.step(ctx, "ReleaseLease", func(time.Time) {
		if key := [2]string{source, stream}; m.leases[key].Holder == holder {
			delete(m.leases, key)
		}
	})
}

// step makes one atomic step between the two hooks.
func (m *Memory) step(ctx context.Context, method string, do func(now time.Time)) error {
	if m.Before != nil {
		if err := m.Before(ctx, method); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	do(m.Now())
	m.mu.Unlock()
	if m.After != nil {
		return m.After(method)
	}
	return nil
}

// held reports whether somebody has the job and lives.
func held(st schedule.State, now time.Time) bool { return st.Holder != "" && st.HeldUntil.After(now) }

// newTick reports whether the tick comes after the last one, or the last one is the leftover of a wrong clock.
func newTick(st schedule.State, tick, now time.Time) bool {
	return st.LastTick.Before(micro(tick)) || st.LastTick.After(now.Add(schedule.FutureTick))
}

// micro is a time as the store keeps it.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
