package taobao

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
)

const (
	// inARow is how many details that fail one after the other mean that the gateway fails, and not these orders.
	inARow = 10
	// longPause is the shortest pause that concerns other details: a client sits shorter ones out itself, between its attempts.
	longPause = time.Minute

	// An order at which the gateway failed in so many calls of Complete, over so long, is taken for one at which it always fails, where
	// it is one of few, and the gateway tells of another one: longer than the platform's busiest hours last.
	stubbornCalls, stubbornFor, mostStubborn = 6, 4 * time.Hour, 3
	// mostStrikes bounds the orders of which it is remembered that the gateway failed at them.
	mostStrikes = 1000
)

// Complete asks for the details of thin orders, several at once, and waits for all that it began. One that fails for a passing reason
// does not keep the others back, unless ten do in a row; any other failure ends it. Beside an error it returns what was fetched.
//
// A listed order that the gateway will never tell of becomes a dead letter, because nothing may vanish in silence: one of which it
// knows nothing when asked, one at which it fails for a reason that comes again, and one at which it failed for hours, for whatever
// reason, while it told of the others. It is asked for again whenever it is listed.
func (s *Shop) Complete(ctx context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &completion{thin: thin, records: make([]order.Record, len(thin)), strikes: &s.strikes, done: done, end: cancel}
	work := make(chan int)
	var workers sync.WaitGroup
	for range min(s.o.Details, len(thin)) {
		workers.Go(func() {
			for i := range work {
				record, err := s.complete(ctx, thin[i])
				c.take(ctx, i, record, err)
			}
		})
	}
	hand(ctx, work, len(thin))
	workers.Wait()
	switch {
	case ctx.Err() != nil:
		return c.fetched(), context.Cause(ctx)
	case c.failure != nil && c.failed <= mostStubborn && c.failed == len(c.stubborn) && s.tells(ctx):
		for i, reason := range c.stubborn {
			c.records[i] = s.untold(thin[i], "for hours, the gateway failed at it and told of others: "+reason.Error())
		}
		return c.records, nil
	case c.failure != nil:
		return c.fetched(), fmt.Errorf("%d details could not be had: %w", c.failed, c.failure)
	}
	return c.records, nil
}

// tells reports whether details can be had: it asks for one that could be had before. Where there was none since the start nobody knows.
func (s *Shop) tells(ctx context.Context) bool {
	id := s.strikes.lastGood()
	if id == "" {
		return false
	}
	_, err := s.detail(ctx, id)
	return err == nil
}

// completion is what came of several details.
type completion struct {
	end     context.CancelCauseFunc
	thin    []*order.Order
	strikes *strikes

	mu      sync.Mutex // done is not told to be safe for several goroutines
	done    func()
	records []order.Record
	// failed details were passed over, failure is the first one's, row how many failed since the last good one.
	failed, row int
	failure     error
	// stubborn are those of the failed that have failed for long.
	stubborn map[int]error
}

// take notes what came of the detail i.
func (c *completion) take(ctx context.Context, i int, record order.Record, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.records[i], c.row = record, 0
		c.strikes.forget(c.thin[i].ID)
		c.done()
	case ctx.Err() != nil: // it ended with the others
	case fault.KindOf(err) != fault.Transient || fault.RetryAfter(err) >= longPause:
		c.end(err)
	default:
		c.failed++
		c.failure = cmp.Or(c.failure, err)
		if c.strikes.add(c.thin[i].ID) {
			if c.stubborn == nil {
				c.stubborn = map[int]error{}
			}
			c.stubborn[i] = err
		}
		if c.row++; c.row >= inARow {
			c.end(fmt.Errorf("%d details in a row could not be had: %w", c.row, err))
		}
	}
}

// fetched are the records that came.
func (c *completion) fetched() []order.Record {
	var records []order.Record
	for _, r := range c.records {
		if r.Order != nil || r.Dead != nil {
			records = append(records, r)
		}
	}
	return records
}

// hand gives out 0 to n-1 until ctx ends.
func hand(ctx context.Context, work chan<- int, n int) {
	defer close(work)
	for i := range n {
		select {
		case work <- i:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Shop) complete(ctx context.Context, thin *order.Order) (order.Record, error) {
	record, err := s.detail(ctx, thin.ID)
	err = aboutOrder(err)
	var reason string
	switch {
	case errors.Is(err, gateway.ErrNoTrade):
		reason = "the gateway lists this order, and when asked for it says that there is none"
	case fault.KindOf(err) == fault.Rejected:
		reason = err.Error()
	default:
		return record, err
	}
	record = s.untold(thin, reason)
	// Refunds go on after the three months in which their trades can be asked for.
	record.Dead.Gone = ofRefund(thin) && errors.Is(err, gateway.ErrNoTrade)
	return record, nil
}

// untold is a listed order of which the gateway does not tell.
func (s *Shop) untold(thin *order.Order, reason string) order.Record {
	version := thin.Version()
	if ofRefund(thin) {
		version.ModifiedAt = time.Time{} // it is the refund's: as the order's it would keep good versions of it out
	}
	return order.Record{Dead: &order.DeadLetter{Source: s.o.Source, ID: thin.ID, Version: version, Reason: reason, Payload: thin.Raw}}
}

// ofRefund reports whether a thin order was listed as a refund.
func ofRefund(thin *order.Order) bool { return !thin.Refunds.Absent() }

// aboutOrder re-judges a failure that asking again does not mend, where the call is one of many that differ in their order alone: that
// order must not keep the others back. If it is not the order after all, the next ones fail like it, and the engine stops at ten dead
// letters in a row.
func aboutOrder(err error) error {
	if comesAgain(err) {
		return fault.New(fault.Rejected, err)
	}
	return err
}

// comesAgain reports whether the gateway failed at what it was asked for (isv), or itself on the way to it (isp), and will again. A
// parameter that is missing is missing in every call.
func comesAgain(err error) bool {
	e, ok := errors.AsType[*gateway.Error](err)
	return ok && fault.KindOf(err) == fault.Protocol && !strings.HasPrefix(e.SubCode, "isv.missing-parameter") &&
		(strings.HasPrefix(e.SubCode, "isv.") || strings.HasPrefix(e.SubCode, "isp."))
}

// strikes remembers the orders at which the gateway failed last time. A restart forgets them, and they have to fail for as long again.
type strikes struct {
	mu sync.Mutex
	of map[string]strike
	// good is the last order that came.
	good string
}

type strike struct {
	calls int
	since time.Time
}

// add counts a failure and reports whether the order is stubborn.
func (s *strikes) add(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, known := s.of[id]
	if !known {
		now.since = time.Now()
		if s.of == nil || len(s.of) >= mostStrikes {
			s.of = map[string]strike{}
		}
	}
	now.calls++
	s.of[id] = now
	return now.calls >= stubbornCalls && time.Since(now.since) >= stubbornFor
}

// forget is told of an order that came.
func (s *strikes) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, id)
	s.good = id
}

func (s *strikes) lastGood() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.good
}
