package schedule

import (
	"context"
	"fmt"
	"time"

	"ordersync/internal/fault"
)

// BusyError says that somebody else works the stream. It is of the kind fault.Transient: the other one will be done.
type BusyError struct {
	// Lease is the lease as the other has it.
	Lease Lease
}

func (e *BusyError) Error() string {
	const clock = "2006-01-02 15:04:05"
	l := e.Lease
	return fmt.Sprintf("%s of %s is being worked by %s since %s UTC, until %s UTC unless it goes on",
		l.Stream, l.Source, l.Holder, l.Since.UTC().Format(clock), l.Until.UTC().Format(clock))
}

// Unwrap makes the kind visible.
func (e *BusyError) Unwrap() error { return fault.Transient }

// Hold takes the lease that is wanted (its Source, Stream and Holder), calls do, and gives the lease back; it is renewed
// meanwhile. It returns a *BusyError without calling do where another holder has it, else what do returned. The context of do
// ends with a cause when the lease is lost; that cause is then returned where do failed because of it. A holder gets its own
// lease back at once, so two that may work at the same time must have two names.
func Hold(ctx context.Context, leases Leases, wanted Lease, do func(ctx context.Context) error) error {
	since, busy, err := acquire(ctx, leases, wanted)
	if err != nil {
		return err
	}
	if busy != nil {
		return busy
	}
	return hold(ctx, leases, wanted, since, do)
}

// Wait is Hold for somebody who can wait: as long as another holder has the lease it asks again, at least every two seconds
// and as soon as the lease is over by the store's clock, until ctx ends. busy, if not nil, is told of each holder that is
// found there, once.
func Wait(ctx context.Context, leases Leases, wanted Lease, busy func(*BusyError), do func(ctx context.Context) error) error {
	var told string
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for %s of %s: %w", wanted.Stream, wanted.Source, context.Cause(ctx))
		}
		since, taken, err := acquire(ctx, leases, wanted)
		if err != nil {
			return err
		}
		if taken == nil {
			return hold(ctx, leases, wanted, since, do)
		}
		if busy != nil && taken.Lease.Holder != told {
			told = taken.Lease.Holder
			busy(taken)
		}
		sleep(ctx, min(max(taken.Lease.Until.Sub(taken.Lease.Now), 100*time.Millisecond), 2*time.Second))
	}
}

// acquire returns since when the lease is ours, by the local clock, or who has it.
func acquire(ctx context.Context, leases Leases, wanted Lease) (since time.Time, busy *BusyError, err error) {
	since = time.Now()
	var ok bool
	lease, err := bounded(ctx, "lease", storeCall, func(ctx context.Context) (l Lease, err error) {
		l, ok, err = leases.AcquireLease(ctx, wanted.Source, wanted.Stream, wanted.Holder, TTL)
		return l, err
	})
	if err != nil {
		return since, nil, fmt.Errorf("take the lease of %s of %s: %w", wanted.Stream, wanted.Source, err)
	}
	if !ok {
		return since, &BusyError{Lease: lease}, nil
	}
	return since, nil, nil
}

func hold(ctx context.Context, leases Leases, l Lease, since time.Time, do func(ctx context.Context) error) error {
	held, stop := keep(ctx, l.Stream+" of "+l.Source, since, func(ctx context.Context) (bool, error) {
		return leases.RenewLease(ctx, l.Source, l.Stream, l.Holder, TTL)
	})
	defer func() {
		stop()
		// A lease that cannot be given back ends by itself; the work it was for is done.
		_, _ = bounded(context.WithoutCancel(ctx), "release", storeCall, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, leases.ReleaseLease(ctx, l.Source, l.Stream, l.Holder)
		})
	}()
	err := do(held)
	if ctx.Err() != nil {
		return err
	}
	return verdict(ctx, held, err)
}
