package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordersync/internal/fault"
)

// ErrLost is the cause of a run's end when its right passed to another process, which happens to one that was frozen.
var ErrLost = errors.New("the right to this work passed to another process")

const (
	// margin is how long before its end a right is no longer trusted.
	margin = 5 * time.Second
	// renewalAgain is the pause after a renewal that failed.
	renewalAgain = 2 * time.Second
	// storeCall bounds one small call of the store.
	storeCall = 5 * time.Second
)

// keep renews a right that was taken at since, until stop is called, which waits for the goroutine that does it. The context
// it returns ends with a cause when the right is lost: ErrLost (Transient), or fault.Database when it ran out because the
// store did not answer. Renewal goes on after ctx has ended, so that work that winds down keeps its right.
func keep(ctx context.Context, what string, since time.Time, renew func(context.Context) (bool, error)) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	calls, quit := context.WithCancel(context.WithoutCancel(ctx))
	var renewal sync.WaitGroup
	renewal.Go(func() {
		trusted := since.Add(TTL - margin)
		pause := time.NewTimer(time.Until(since.Add(Renewal)))
		defer pause.Stop()
		for {
			select {
			case <-calls.Done():
				return
			case <-pause.C:
			}
			asked := time.Now()
			ok, err := bounded(calls, what+": renewal", storeCall, renew)
			switch {
			case err == nil && ok:
				trusted = asked.Add(TTL - margin)
				pause.Reset(time.Until(asked.Add(Renewal)))
			case err == nil:
				cancel(fault.Errorf(fault.Transient, "%s: %w", what, ErrLost))
				return
			case !time.Now().Before(trusted):
				cancel(fault.Errorf(fault.Database, "%s: stopped, because the right to it could not be renewed in time: %w", what, err))
				return
			default:
				pause.Reset(min(renewalAgain, time.Until(trusted)))
			}
		}
	})
	return held, func() {
		quit()
		renewal.Wait()
		cancel(nil)
	}
}

// bounded makes one call of the store with a deadline that says whose it was.
func bounded[T any](ctx context.Context, what string, limit time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fault.Errorf(fault.Database, "%s: the database did not answer for %s: %w", what, limit, context.DeadlineExceeded))
	defer cancel()
	result, err := call(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	return result, err
}

// verdict says what the end of a run means. outer is the context that ends when we stop, held the one that ends when the
// right is lost too.
func verdict(outer, held context.Context, err error) error {
	if err == nil || held.Err() == nil {
		return err
	}
	if !errors.Is(err, context.Canceled) && !fault.KindOf(err).Passing() {
		return err // what went wrong has nothing to do with the cancellation
	}
	if outer.Err() != nil {
		return fmt.Errorf("stopped (%w): %w", context.Cause(outer), context.Canceled)
	}
	return context.Cause(held)
}
