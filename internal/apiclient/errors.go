package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ordersync/internal/fault"
)

// Facts about failures that callers may ask for with errors.Is, whatever the kind.
var (
	// ErrElsewhere: a redirect or a next link leads to another host. It was not followed.
	ErrElsewhere = errors.New("leads to another host")
	// ErrUntrusted: the server's certificate or its TLS is not good enough.
	ErrUntrusted = errors.New("the server cannot be trusted")
	// ErrUnreachable: the remote was not reached, or the connection to it broke or fell silent. What it answers is another matter.
	ErrUnreachable = errors.New("cannot be reached")
	// ErrBodyTooLarge: the body is longer than Options.MaxBody.
	ErrBodyTooLarge = errors.New("the body is too long")
)

// StatusError is an HTTP status that was no answer. What a 400, 413 or 414 means for a window is the caller's decision.
type StatusError struct {
	Status int
}

func (e *StatusError) Error() string {
	if text := http.StatusText(e.Status); text != "" {
		return fmt.Sprintf("%d %s", e.Status, text)
	}
	return fmt.Sprintf("%d (no known status)", e.Status)
}

// TimeoutError says what did not come and how long it was waited for. It is a context.DeadlineExceeded to errors.Is.
type TimeoutError struct {
	What  string
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("%s within %s", e.What, e.After) }

// Timeout marks the error as one for net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes the error a context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// errEnded stands for the end of the caller's context, until stopped says what that means.
var errEnded = errors.New("the context ended")

// worded gives an error a text of ours and keeps its cause, where that holds nothing secret, for errors.Is and errors.As.
type worded struct {
	text  string
	cause error
}

func (e worded) Error() string { return e.text }
func (e worded) Unwrap() error { return e.cause }

// unreachable marks a failure of the way to the remote.
type unreachable struct{ err error }

func (e unreachable) Error() string   { return e.err.Error() }
func (e unreachable) Unwrap() []error { return []error{ErrUnreachable, e.err} }

// paceError is a failure of the pace: the remote was not asked, and asking again is the run's business.
type paceError struct{ err error }

func (e *paceError) Error() string { return e.err.Error() }
func (e *paceError) Unwrap() error { return e.err }

// joined adds a second failure to the text and chain of the first, which alone decides the kind.
func joined(first, second error) error {
	if second == nil {
		return first
	}
	return fmt.Errorf("%w (and then: %w)", first, second)
}

// stopped is the failure of a call whose context ended: its cause, and what had gone wrong before. A stop on purpose has no kind,
// whatever went before, so that it is never taken for a fault; a deadline of the caller's without a kind is Transient.
func stopped(ctx context.Context, name string, last error) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if errors.Is(err, context.DeadlineExceeded) && fault.KindOf(err) == fault.Internal {
		err = fault.New(fault.Transient, err)
	}
	if last == nil {
		return fmt.Errorf("%s: stopped: %w", name, err)
	}
	return fmt.Errorf("%s: stopped: %w (before that: %w)", name, err, unclassified(last))
}

// unclassified takes the kind off an error and keeps its text, and its cause where that has no kind of its own.
func unclassified(err error) error {
	var cause error
	if f, ok := errors.AsType[*fault.Error](err); ok {
		cause = f.Err
	}
	if _, ok := errors.AsType[fault.Kind](cause); ok {
		cause = nil
	}
	return worded{text: err.Error(), cause: cause}
}
