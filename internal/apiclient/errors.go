package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Facts about failures that callers may ask for with errors.Is, whatever the kind.
var (
	// ErrElsewhere: a redirect or a next link leads to another host. It was not followed.
	ErrElsewhere = errors.New("leads to another host")
	// ErrUntrusted: the server's certificate or its TLS is not good enough.
	ErrUntrusted = errors.New("the server cannot be trusted")
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
	return fmt.Sprintf("status %d", e.Status)
}

// TimeoutError says which time ran out and how long it was. It is a context.DeadlineExceeded to errors.Is.
type TimeoutError struct {
	What  string
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("%s within %s", e.What, e.After) }

// Timeout marks the error as one for net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes the error a context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
