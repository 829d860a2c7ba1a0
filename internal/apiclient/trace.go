package apiclient

import (
	"context"
	"sync/atomic"
	"time"
)

// Trace is told what the calls of a context are doing, so that a caller can pause its deadlines while the pace waits. Any
// function may be nil; they are called from every goroutine that calls Do with the context, and must return quickly.
type Trace struct {
	// Wait is called before each wait (for the pace or before a retry) with its expected length. A call that waits behind
	// others says so first with an estimate, and again when its turn has come.
	Wait func(time.Duration)
	// Sent is called when a request goes out, Done when its answer was read or it failed.
	Sent func()
	Done func()
}

type traceKey struct{}

// WithTrace returns a context whose calls report to t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// traceOf returns the context's trace, nil when it has none; the methods below take a nil one.
func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

func (t *Trace) wait(length time.Duration) {
	if t != nil && t.Wait != nil {
		t.Wait(length)
	}
}

func (t *Trace) sent() {
	if t != nil && t.Sent != nil {
		t.Sent()
	}
}

func (t *Trace) done() {
	if t != nil && t.Done != nil {
		t.Done()
	}
}

// Counters is what a client did: plain figures for the line that a run writes.
type Counters struct {
	// Calls were asked. Attempts are the requests that went out for them (with redirects and tokens), Retries the repeats.
	Calls, Attempts, Retries int64
	// Waits were made for the pace or before a retry; Waited is their sum over all goroutines.
	Waits  int64
	Waited time.Duration
	// Bytes were received as bodies, as they came over the wire.
	Bytes int64
}

// Since returns what happened between earlier and c.
func (c Counters) Since(earlier Counters) Counters {
	return Counters{
		Calls:    c.Calls - earlier.Calls,
		Attempts: c.Attempts - earlier.Attempts,
		Retries:  c.Retries - earlier.Retries,
		Waits:    c.Waits - earlier.Waits,
		Waited:   c.Waited - earlier.Waited,
		Bytes:    c.Bytes - earlier.Bytes,
	}
}

// stats are the Counters while they count.
type stats struct {
	calls, attempts, retries, waits, waited, bytes atomic.Int64
}

func (s *stats) wait(length time.Duration) {
	s.waits.Add(1)
	s.waited.Add(int64(length))
}

func (s *stats) counters() Counters {
	return Counters{
		Calls:    s.calls.Load(),
		Attempts: s.attempts.Load(),
		Retries:  s.retries.Load(),
		Waits:    s.waits.Load(),
		Waited:   time.Duration(s.waited.Load()),
		Bytes:    s.bytes.Load(),
	}
}
