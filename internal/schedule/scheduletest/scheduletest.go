// Package scheduletest holds the suite that every [schedule.Store] and [schedule.Leases] passes, and an in-memory one for
// tests under a fake clock.
//
// The suite runs on real clocks and asserts no durations: rights that must end are short and waited for, rights that must
// last are an hour long.
package scheduletest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/schedule"
)

// Store is what the suite tests.
type Store interface {
	schedule.Store
	schedule.Leases
}

const (
	lasting = time.Hour
	brief   = 50 * time.Millisecond
	patient = 20 * time.Second
)

// tick is an instant long ago with microseconds, some of which a careless store would lose.
var tick = time.Date(2026, 3, 29, 2, 30, 0, 999_999_000, time.UTC)

// Run tests a store. newStore returns an empty one.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"a tick is claimed once and in order":                ticks,
		"of many claimants of a tick one gets it":            race,
		"a held job is skipped, once":                        skips,
		"a repeat is due at its time, once":                  repeats,
		"a dead holder's job is taken over":                  takeOver,
		"a holder takes its own job back":                    ownJob,
		"a last tick in the future does not hold ticks back": future,
		"a job is renewed and finished by its holder only":   foreign,
		"a lease has one holder":                             lease,
		"a lease ends":                                       leaseEnds,
		"of many claimants of a lease one gets it":           leaseRace,
		"an ended context ends every call":                   cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

func ticks(t *testing.T, s Store) {
	ctx := t.Context()
	if states, err := s.States(ctx); err != nil || len(states) != 0 {
		t.Fatalf("an empty store has %v, %v", states, err)
	}
	claim(t, s, "a", tick, "one", lasting, true)
	st := state(t, s, "a")
	if left := st.HeldUntil.Sub(st.Now); left <= 0 || left > lasting {
		t.Errorf("held for %s of %s", left, lasting)
	}
	want := schedule.State{Job: "a", LastTick: tick, Attempt: 1, Holder: "one", HeldUntil: st.HeldUntil, Now: st.Now}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("after a claim (-want +got):\n%s", diff)
	}
	claim(t, s, "a", tick.Add(time.Minute), "two", lasting, false) // held
	finish(t, s, "a", "one", 0, time.Time{})
	want = schedule.State{Job: "a", LastTick: tick}
	if diff := cmp.Diff(want, quiet(t, s, "a")); diff != "" {
		t.Errorf("after a good run (-want +got):\n%s", diff)
	}
	claim(t, s, "a", tick, "two", lasting, false)                        // run already
	claim(t, s, "a", tick.Add(-time.Microsecond), "two", lasting, false) // older
	claim(t, s, "b", tick, "two", lasting, true)                         // another job
	claim(t, s, "a", tick.Add(time.Microsecond), "two", lasting, true)
}

func race(t *testing.T, s Store) {
	for round := range 5 { // the first makes the row, the others update it
		at := tick.Add(time.Duration(round) * time.Minute)
		won := contest(t, func(ctx context.Context, holder string) (bool, error) {
			return s.ClaimTick(ctx, "a", at, holder, lasting)
		})
		if won != 1 {
			t.Fatalf("round %d: %d claimants were told that they have the tick", round, won)
		}
		finish(t, s, "a", state(t, s, "a").Holder, 0, time.Time{})
	}
}

func skips(t *testing.T, s Store) {
	skip := func(at time.Time, want bool) {
		t.Helper()
		if got, err := s.SkipTick(t.Context(), "a", at); err != nil || got != want {
			t.Errorf("SkipTick(%s) = %v, %v, want %v", at, got, err, want)
		}
	}
	skip(tick, false) // no such job
	claim(t, s, "a", tick, "one", lasting, true)
	skip(tick, false) // is what runs
	next := tick.Add(time.Minute)
	if won := contest(t, func(ctx context.Context, _ string) (bool, error) { return s.SkipTick(ctx, "a", next) }); won != 1 {
		t.Errorf("%d daemons were told that they skipped the tick", won)
	}
	skip(next.Add(time.Minute), true)
	st := state(t, s, "a")
	want := schedule.State{
		Job: "a", LastTick: next.Add(time.Minute), Attempt: 1, Holder: "one", HeldUntil: st.HeldUntil, Skipped: 2, Now: st.Now,
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("after two skipped ticks (-want +got):\n%s", diff)
	}
	finish(t, s, "a", "one", 0, time.Time{})
	skip(next.Add(time.Hour), false) // nobody holds it
	claim(t, s, "a", next.Add(time.Hour), "one", lasting, true)
	if st := state(t, s, "a"); st.Skipped != 2 {
		t.Errorf("a claim left %d skipped ticks", st.Skipped)
	}
}

func repeats(t *testing.T, s Store) {
	repeat(t, s, "a", 1, "one", lasting, false) // no such job
	claim(t, s, "a", tick, "one", lasting, true)
	now := state(t, s, "a").Now
	later := now.Add(lasting).Truncate(time.Microsecond)
	finish(t, s, "a", "one", 1, later)
	want := schedule.State{Job: "a", LastTick: tick, Attempt: 1, RepeatAt: later}
	if diff := cmp.Diff(want, quiet(t, s, "a")); diff != "" {
		t.Errorf("after a failed run (-want +got):\n%s", diff)
	}
	repeat(t, s, "a", 1, "two", lasting, false) // not yet
	claim(t, s, "a", tick.Add(time.Minute), "one", lasting, true)
	if st := state(t, s, "a"); !st.RepeatAt.IsZero() || st.Attempt != 1 {
		t.Errorf("the next tick left the repeat: %+v", st)
	}
	finish(t, s, "a", "one", 1, now.Add(-time.Second))
	repeat(t, s, "a", 2, "two", lasting, false) // another attempt
	won := contest(t, func(ctx context.Context, holder string) (bool, error) {
		return s.ClaimRepeat(ctx, "a", 1, holder, lasting)
	})
	if won != 1 {
		t.Errorf("%d claimants were told that they have the repeat", won)
	}
	if st := state(t, s, "a"); st.Attempt != 2 || !st.RepeatAt.IsZero() || !st.LastTick.Equal(tick.Add(time.Minute)) || st.Holder == "" {
		t.Errorf("the repeat runs as %+v", st)
	}
	finish(t, s, "a", state(t, s, "a").Holder, 0, time.Time{})
	repeat(t, s, "a", 0, "two", lasting, false) // over for good
}

func takeOver(t *testing.T, s Store) {
	claim(t, s, "a", tick, "one", brief, true)
	wait(t, "the repeat of a dead holder's run", func() bool {
		ok, err := s.ClaimRepeat(t.Context(), "a", 1, "two", lasting)
		return ok && err == nil
	})
	if st := state(t, s, "a"); st.Attempt != 2 || st.Holder != "two" {
		t.Errorf("taken over as %+v", st)
	}
	claim(t, s, "b", tick, "one", brief, true)
	wait(t, "the next tick of a dead holder's job", func() bool {
		ok, err := s.ClaimTick(t.Context(), "b", tick.Add(time.Minute), "two", lasting)
		return ok && err == nil
	})
	claim(t, s, "c", tick, "one", brief, true)
	wait(t, "the end of the right", func() bool { st := state(t, s, "c"); return st.Now.After(st.HeldUntil) })
	if ok, err := s.SkipTick(t.Context(), "c", tick.Add(time.Minute)); ok || err != nil {
		t.Errorf("a dead holder's tick was skipped: %v, %v", ok, err)
	}
	if ok, err := s.RenewJob(t.Context(), "c", "one", lasting); !ok || err != nil {
		t.Errorf("a late renewal of what nobody took = %v, %v", ok, err)
	}
	repeat(t, s, "c", 1, "two", lasting, false) // held again
}

func ownJob(t *testing.T, s Store) {
	claim(t, s, "a", tick, "one", lasting, true)
	claim(t, s, "a", tick, "one", lasting, false)
	repeat(t, s, "a", 1, "two", lasting, false)
	repeat(t, s, "a", 1, "one", lasting, true)
	repeat(t, s, "a", 1, "one", lasting, false)
	claim(t, s, "a", tick.Add(time.Minute), "one", lasting, true)
	if st := state(t, s, "a"); st.Attempt != 1 || st.Holder != "one" {
		t.Errorf("taken back as %+v", st)
	}
}

func future(t *testing.T, s Store) {
	claim(t, s, "a", tick, "one", lasting, true)
	now := state(t, s, "a").Now.Truncate(time.Second)
	finish(t, s, "a", "one", 0, time.Time{})
	claim(t, s, "a", now.Add(schedule.FutureTick/2), "one", lasting, true)
	finish(t, s, "a", "one", 0, time.Time{})
	claim(t, s, "a", now, "one", lasting, false) // a clock may be a little ahead
	claim(t, s, "a", now.Add(48*time.Hour), "one", lasting, true)
	if ok, err := s.SkipTick(t.Context(), "a", now); !ok || err != nil {
		t.Errorf("SkipTick below a last tick of the day after tomorrow = %v, %v", ok, err)
	}
	claim(t, s, "a", now.Add(48*time.Hour), "one", lasting, true)
	finish(t, s, "a", "one", 0, time.Time{})
	claim(t, s, "a", now, "two", lasting, true)
	claim(t, s, "a", now, "two", lasting, false)
}

func foreign(t *testing.T, s Store) {
	renew := func(holder string, want bool) {
		t.Helper()
		if ok, err := s.RenewJob(t.Context(), "a", holder, lasting); ok != want || err != nil {
			t.Errorf("RenewJob by %q = %v, %v, want %v", holder, ok, err, want)
		}
	}
	renew("one", false) // no such job
	finish(t, s, "a", "one", 1, tick)
	claim(t, s, "a", tick, "one", brief, true)
	before := state(t, s, "a")
	renew("two", false)
	renew("one", true)
	if st := state(t, s, "a"); !st.HeldUntil.After(before.HeldUntil) {
		t.Errorf("renewed from %s to %s", before.HeldUntil, st.HeldUntil)
	}
	held := quiet(t, s, "a")
	finish(t, s, "a", "two", 7, tick)
	if diff := cmp.Diff(held, quiet(t, s, "a")); diff != "" {
		t.Errorf("another holder finished the job (-before +after):\n%s", diff)
	}
	finish(t, s, "a", "one", 0, time.Time{})
	finish(t, s, "a", "one", 3, tick) // a second time, too late
	renew("one", false)
	renew("", false)
	if st := quiet(t, s, "a"); st.Attempt != 0 || st.Holder != "" {
		t.Errorf("finished as %+v", st)
	}
}

func lease(t *testing.T, s Store) {
	ctx := t.Context()
	first, ok, err := s.AcquireLease(ctx, "shop", "orders", "one", lasting)
	if !ok || err != nil || first.Until.Sub(first.Now) > lasting || !first.Until.After(first.Now) {
		t.Fatalf("AcquireLease = %+v, %v, %v", first, ok, err)
	}
	want := schedule.Lease{Source: "shop", Stream: "orders", Holder: "one", Since: first.Since, Until: first.Until, Now: first.Now}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("the new lease (-want +got):\n%s", diff)
	}
	other, ok, err := s.AcquireLease(ctx, "shop", "orders", "two", lasting)
	other.Now = first.Now
	if diff := cmp.Diff(first, other); ok || err != nil || diff != "" {
		t.Errorf("a busy lease = %v, %v (-want +got):\n%s", ok, err, diff)
	}
	if _, ok, err := s.AcquireLease(ctx, "shop", "parcels", "two", lasting); !ok || err != nil {
		t.Errorf("another stream = %v, %v", ok, err)
	}
	again, ok, err := s.AcquireLease(ctx, "shop", "orders", "one", lasting)
	if !ok || err != nil || !again.Since.Equal(first.Since) || again.Until.Before(first.Until) {
		t.Errorf("the own lease = %+v, %v, %v after %+v", again, ok, err, first)
	}
	if ok, err := s.RenewLease(ctx, "shop", "orders", "two", lasting); ok || err != nil {
		t.Errorf("another one's renewal = %v, %v", ok, err)
	}
	if ok, err := s.RenewLease(ctx, "shop", "orders", "one", lasting); !ok || err != nil {
		t.Errorf("the own renewal = %v, %v", ok, err)
	}
	release := func(holder string) {
		t.Helper()
		if err := s.ReleaseLease(ctx, "shop", "orders", holder); err != nil {
			t.Errorf("ReleaseLease by %s: %v", holder, err)
		}
	}
	release("two") // who does not have it
	if _, ok, err := s.AcquireLease(ctx, "shop", "orders", "two", lasting); ok || err != nil {
		t.Errorf("after another one's release: %v, %v", ok, err)
	}
	release("one")
	release("one")
	if _, ok, err := s.AcquireLease(ctx, "shop", "orders", "two", lasting); !ok || err != nil {
		t.Errorf("after the release: %v, %v", ok, err)
	}
}

func leaseEnds(t *testing.T, s Store) {
	ctx := t.Context()
	first, ok, err := s.AcquireLease(ctx, "shop", "orders", "one", brief)
	if !ok || err != nil {
		t.Fatalf("AcquireLease = %v, %v", ok, err)
	}
	var next schedule.Lease
	wait(t, "a lease that is over", func() bool {
		next, ok, err = s.AcquireLease(ctx, "shop", "orders", "two", lasting)
		return ok && err == nil
	})
	if next.Holder != "two" || next.Since.Before(first.Until) {
		t.Errorf("the next lease %+v after %+v", next, first)
	}
	if ok, err := s.RenewLease(ctx, "shop", "orders", "one", lasting); ok || err != nil {
		t.Errorf("the first holder's renewal = %v, %v", ok, err)
	}
	if _, ok, err := s.AcquireLease(ctx, "shop", "parcels", "one", brief); !ok || err != nil {
		t.Fatalf("AcquireLease = %v, %v", ok, err)
	}
	if ok, err := s.RenewLease(ctx, "shop", "parcels", "one", lasting); !ok || err != nil {
		t.Errorf("a renewal = %v, %v", ok, err)
	}
}

func leaseRace(t *testing.T, s Store) {
	for round := range 3 {
		var last atomic.Pointer[string]
		won := contest(t, func(ctx context.Context, holder string) (bool, error) {
			_, ok, err := s.AcquireLease(ctx, "shop", "orders", holder, lasting)
			if ok {
				last.Store(&holder)
			}
			return ok, err
		})
		if won != 1 {
			t.Fatalf("round %d: %d claimants were told that they have the lease", round, won)
		}
		if err := s.ReleaseLease(t.Context(), "shop", "orders", *last.Load()); err != nil {
			t.Fatal(err)
		}
	}
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"States":       func() error { _, err := s.States(ctx); return err },
		"ClaimTick":    func() error { _, err := s.ClaimTick(ctx, "a", tick, "one", lasting); return err },
		"ClaimRepeat":  func() error { _, err := s.ClaimRepeat(ctx, "a", 1, "one", lasting); return err },
		"SkipTick":     func() error { _, err := s.SkipTick(ctx, "a", tick); return err },
		"RenewJob":     func() error { _, err := s.RenewJob(ctx, "a", "one", lasting); return err },
		"FinishJob":    func() error { return s.FinishJob(ctx, "a", "one", 0, time.Time{}) },
		"AcquireLease": func() error { _, _, err := s.AcquireLease(ctx, "shop", "orders", "one", lasting); return err },
		"RenewLease":   func() error { _, err := s.RenewLease(ctx, "shop", "orders", "one", lasting); return err },
		"ReleaseLease": func() error { return s.ReleaseLease(ctx, "shop", "orders", "one") },
	}
	for name, call := range calls {
		if err := call(); err == nil {
			t.Errorf("%s went on after the end of its context", name)
		}
	}
}

// contest lets eight claimants try at once and counts those who were told true.
func contest(t *testing.T, claim func(ctx context.Context, holder string) (bool, error)) int {
	t.Helper()
	var won atomic.Int32
	var claimants sync.WaitGroup
	for _, holder := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		claimants.Go(func() {
			ok, err := claim(t.Context(), holder)
			if err != nil {
				t.Errorf("claimant %s: %v", holder, err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	claimants.Wait()
	return int(won.Load())
}

func claim(t *testing.T, s Store, job string, at time.Time, holder string, ttl time.Duration, want bool) {
	t.Helper()
	if ok, err := s.ClaimTick(t.Context(), job, at, holder, ttl); ok != want || err != nil {
		t.Errorf("ClaimTick(%s, %s) by %s = %v, %v, want %v", job, at, holder, ok, err, want)
	}
}

func repeat(t *testing.T, s Store, job string, attempt int, holder string, ttl time.Duration, want bool) {
	t.Helper()
	if ok, err := s.ClaimRepeat(t.Context(), job, attempt, holder, ttl); ok != want || err != nil {
		t.Errorf("ClaimRepeat(%s, %d) by %s = %v, %v, want %v", job, attempt, holder, ok, err, want)
	}
}

func finish(t *testing.T, s Store, job, holder string, attempt int, repeatAt time.Time) {
	t.Helper()
	if err := s.FinishJob(t.Context(), job, holder, attempt, repeatAt); err != nil {
		t.Errorf("FinishJob(%s) by %s: %v", job, holder, err)
	}
}

// state returns a job's state, which must be there; its times are UTC.
func state(t *testing.T, s Store, job string) schedule.State {
	t.Helper()
	states, err := s.States(t.Context())
	if err != nil {
		t.Fatalf("States: %v", err)
	}
	for _, st := range states {
		if st.Job == job {
			return st
		}
	}
	t.Fatalf("no state of job %s among %d", job, len(states))
	return schedule.State{}
}

// quiet is state without the clock.
func quiet(t *testing.T, s Store, job string) schedule.State {
	t.Helper()
	st := state(t, s, job)
	st.Now = time.Time{}
	return st
}

// wait asks until the condition holds.
func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}
