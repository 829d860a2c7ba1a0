package schedule

import (
	"context"
	"time"
)

// How long a right lasts without a renewal, and how it is kept. Every duration here counts by the store's clock, except
// margin and the pauses, which are ours.
const (
	// TTL is the life of a claimed job and of a lease from its last renewal.
	TTL = 30 * time.Second
	// Renewal is the pause between two renewals.
	Renewal = 10 * time.Second
	// FutureTick is how far past the store's clock a stored last tick may lie before it counts as the leftover of a clock
	// that was wrong, and no longer holds ticks back.
	FutureTick = time.Hour
)

// State is what the store knows of one job: one row of the table job_state. Jobs that never ran have none.
type State struct {
	Job string
	// LastTick is the latest tick that was claimed or skipped, by any daemon.
	LastTick time.Time
	// Attempt is the number of the attempt that runs or that failed last, from 1; zero when the last run is over for good.
	Attempt int
	// RepeatAt is when the failed run is due again, zero when no repeat is pending.
	RepeatAt time.Time
	// Holder is who runs the job, empty when nobody does. A holder whose HeldUntil has passed is dead.
	Holder    string
	HeldUntil time.Time
	// Skipped counts the ticks that came while the job ran, since the row exists.
	Skipped int64
	// Now is the store's clock when the row was read.
	Now time.Time
}

// Store keeps the state of the jobs for all daemons. All of its times are by the store's own clock, cut to microseconds.
// Each method is one atomic step; its failures are of the kind fault.Database. A job is *held* while its holder is not empty
// and held_until lies after the store's clock.
//
// Package scheduletest holds the suite that every implementation passes.
type Store interface {
	// States returns every stored job, in any order, also such that no configuration names any more.
	States(ctx context.Context) ([]State, error)

	// ClaimTick takes the job for its tick and reports whether it did. It does so where no row exists (which it creates),
	// or where the row's last_tick lies before tick (or more than [FutureTick] after the store's clock: a clock was wrong
	// once) and the job is not held by another holder. Then last_tick = tick, attempt = 1, repeat_at is cleared, and holder
	// holds the job for ttl. Of any number of callers with the same tick exactly one is told true.
	ClaimTick(ctx context.Context, job string, tick time.Time, holder string, ttl time.Duration) (bool, error)

	// ClaimRepeat takes the job for another attempt of the run whose attempt is stored, and reports whether it did: where
	// the row's attempt equals attempt, and either nobody is holder and repeat_at has come, or the holder is dead, or the
	// holder is this one (which asks only for what it does not run: it was restarted). Then attempt grows by one, repeat_at
	// is cleared, and holder holds the job for ttl; last_tick stays. Exactly one caller is told true.
	ClaimRepeat(ctx context.Context, job string, attempt int, holder string, ttl time.Duration) (bool, error)

	// SkipTick notes that a tick came while the job is held, by whomever: where last_tick lies before tick (or more than
	// [FutureTick] after the clock), last_tick = tick and skipped grows by one. Nothing else changes. It reports whether it
	// did; exactly one caller is told true. False for a job that is not held or has no row.
	SkipTick(ctx context.Context, job string, tick time.Time) (bool, error)

	// RenewJob lets holder hold the job for ttl from now and reports whether it could: true while it is still the row's
	// holder, also when held_until had passed and nobody took the job meanwhile.
	RenewJob(ctx context.Context, job, holder string, ttl time.Duration) (bool, error)

	// FinishJob gives the job back: holder becomes empty, attempt and repeat_at become what is given. Attempt 0 with the
	// zero time: the run is over for good. Where holder is no longer the row's holder nothing changes and no error is
	// returned, so that it may be repeated.
	FinishJob(ctx context.Context, job, holder string, attempt int, repeatAt time.Time) error
}

// Lease is the right to work one stream of one source until a time.
type Lease struct {
	Source string
	Stream string
	// Holder is who has it: the process and, where a process works several jobs, the job ([Tick.Holder]).
	Holder string
	// Since is when this holder got it first, Until when it ends unless renewed, Now when the store said so; all three by the
	// store's clock, and of no meaning in a lease that is only wanted.
	Since, Until, Now time.Time
}

// Leases keeps the leases for all processes: one row each of the table leases. Its failures are of the kind fault.Database.
type Leases interface {
	// AcquireLease takes the lease for ttl where it is free, over, or already this holder's (Since then stays), and returns
	// it with true; else it returns the lease as the other holder has it, with false.
	AcquireLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (Lease, bool, error)
	// RenewLease lets the lease last for ttl from now, and reports whether holder still has it (also when it was over and
	// nobody took it meanwhile).
	RenewLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (bool, error)
	// ReleaseLease ends the lease; nothing happens where holder does not have it.
	ReleaseLease(ctx context.Context, source, stream, holder string) error
}
