package apiclient

import (
	"context"
	"time"
)

// Trace is told what the calls of a context are doing, so that a caller can pause its deadlines while the pace waits. Any
// function may be nil; they are called from every goroutine that calls Do with the context, and must return quickly.
type Trace struct {
	// Wait is called before each wait (for the pace or before a retry) with its expected length.
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

// Counters is what a client did: plain figures for the line that a run writes.
type Counters struct {
	// Calls were asked, Attempts sent for them, Retries of these were repeats.
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
