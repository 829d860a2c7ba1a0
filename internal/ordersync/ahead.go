package ordersync

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// ahead yields what pages yields, reading one page ahead of its consumer on a goroutine that has ended when the loop ends. The
// context that pages is given ends with the loop, so that leaving early does not wait for a call that nobody needs.
func ahead(ctx context.Context, pages func(context.Context) iter.Seq2[order.Page, error]) iter.Seq2[order.Page, error] {
	type result struct {
		page order.Page
		err  error
	}
	return func(yield func(order.Page, error) bool) {
		reading, cancel := context.WithCancel(ctx)
		ready := make(chan result)
		send := func(page order.Page, err error) bool {
			select {
			case ready <- result{page: page, err: err}:
				return err == nil
			case <-reading.Done():
				return false
			}
		}
		var reader sync.WaitGroup
		defer reader.Wait()
		defer cancel()
		reader.Go(func() {
			defer close(ready)
			defer func() {
				if v := recover(); v != nil {
					send(order.Page{}, fault.Errorf(fault.Internal, "the source panicked: %v\n%s", v, debug.Stack()))
				}
			}()
			for page, err := range pages(reading) {
				if !send(page, err) {
					return
				}
			}
		})
		for r := range ready {
			if !yield(r.page, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(order.Page{}, err)
		}
	}
}

// patience cancels a run that has made no progress for too long.
type patience struct {
	mu       sync.Mutex
	limit    time.Duration
	deadline time.Time
	timer    *time.Timer
	cancel   context.CancelCauseFunc
}

func withPatience(ctx context.Context, limit time.Duration) (context.Context, *patience) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{limit: limit, deadline: time.Now().Add(limit), cancel: cancel}
	p.timer = time.AfterFunc(limit, func() {
		cancel(fault.New(fault.Transient, fmt.Errorf("no page was stored for %v: %w", limit, context.DeadlineExceeded)))
	})
	return ctx, p
}

// beat says that there was progress.
func (p *patience) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = time.Now().Add(p.limit)
	p.timer.Reset(p.limit)
}

// extend says that the pace makes the run wait for d, which is not its fault.
func (p *patience) extend(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = p.deadline.Add(d)
	p.timer.Reset(time.Until(p.deadline))
}

func (p *patience) stop() {
	p.timer.Stop()
	p.cancel(nil)
}
