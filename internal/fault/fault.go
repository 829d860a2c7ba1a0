// Package fault names the kinds of failure, once, for every room.
//
// A failure is classified where the evidence is (an HTTP status, a vendor's code, a database error number) and nowhere else.
// Above that edge nobody reads error text: policy asks [KindOf]. The outermost kind wins, so a room may re-judge what it
// received; the cause always survives for errors.Is and errors.As.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says who acts on a failure. A Kind is itself an error, so errors.Is(err, fault.Auth) works through any wrapping.
type Kind uint8

// The kinds. Their order has no meaning; zero is no kind.
const (
	_ Kind = iota
	// Transient passes by itself: a timeout, a 5xx, a reset. The run is repeated after 1, 5, 15, 60 minutes.
	Transient
	// RateLimited means that the remote asked for a pause; [RetryAfter] tells how long, when it said so.
	RateLimited
	// Auth means that the remote refuses the credential. No more calls until a person or a new token changes it.
	Auth
	// Rejected means that one record cannot be understood or stored. It becomes a dead letter; its page goes on.
	Rejected
	// Protocol means that the remote broke the shape or the paging rules that completeness rests on. The watermark stays.
	Protocol
	// Database means that the database is away, full, or refuses us. Orders wait at the remote; the run is repeated.
	Database
	// Config means that what the operator wrote cannot work. Nothing is tried again until it changes.
	Config
	// Internal is everything unclassified: a bug of ours until shown otherwise.
	Internal
)

var names = [...]string{
	Transient: "transient", RateLimited: "rate limited", Auth: "auth", Rejected: "rejected",
	Protocol: "protocol", Database: "database", Config: "config", Internal: "internal",
}

// String returns the kind's name, as it stands in logs and in the table runs.
func (k Kind) String() string {
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return "none"
}

func (k Kind) Error() string { return k.String() }

// Passing reports whether a failure of this kind is expected to end by itself, so that a run is worth repeating before its
// next tick.
func (k Kind) Passing() bool { return k == Transient || k == RateLimited || k == Database }

// Error is a classified failure.
type Error struct {
	Kind Kind
	// RetryAfter is the pause that the remote stated, zero when it stated none.
	RetryAfter time.Duration
	// Err is the cause; its text is the text of the Error. It holds no secret and no personal data.
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

// New classifies err. A nil err stays nil.
func New(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Err: err}
}

// Errorf is New of fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// Limited is a RateLimited failure with the pause that the remote stated; zero means unstated.
func Limited(wait time.Duration, err error) error {
	return &Error{Kind: RateLimited, RetryAfter: wait, Err: err}
}

// KindOf returns the outermost kind in err's chain, Internal for an error without one and zero for nil and for an error that
// only says that we are stopping (context.Canceled without a kind).
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	if kind, ok := errors.AsType[Kind](err); ok {
		return kind
	}
	if errors.Is(err, context.Canceled) {
		return 0
	}
	return Internal
}

// RetryAfter returns the pause that the remote stated in err's chain, zero when it stated none.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.RetryAfter > 0 {
			return e.RetryAfter
		}
		return RetryAfter(e.Err)
	}
	return 0
}
