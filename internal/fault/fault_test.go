package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"ordersync/internal/fault"
)

func TestKindAndCauseBothSurviveWrapping(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("page 3: %w", fault.New(fault.Transient, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)))
	if !errors.Is(err, fault.Transient) || !errors.Is(err, io.ErrUnexpectedEOF) || fault.KindOf(err) != fault.Transient {
		t.Errorf("lost something of %v", err)
	}
	if got := err.Error(); got != "page 3: read: unexpected EOF" {
		t.Errorf("the text is %q", got)
	}
}

func TestTheOutermostKindWins(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Protocol, fmt.Errorf("six readings: %w", fault.Limited(time.Minute, io.EOF)))
	if fault.KindOf(err) != fault.Protocol || fault.RetryAfter(err) != time.Minute {
		t.Errorf("%v, %v", fault.KindOf(err), fault.RetryAfter(err))
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{nil, 0},
		{io.EOF, fault.Internal},
		{fmt.Errorf("x: %w", context.Canceled), 0},
		{fault.New(fault.Transient, context.Canceled), fault.Transient},
		{fault.Auth, fault.Auth},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
	if fault.New(fault.Auth, nil) != nil {
		t.Error("no error must stay no error")
	}
}

func TestPassing(t *testing.T) {
	t.Parallel()
	for kind := fault.Transient; kind <= fault.Internal; kind++ {
		want := kind == fault.Transient || kind == fault.RateLimited || kind == fault.Database
		if kind.Passing() != want || kind.String() == "none" {
			t.Errorf("%v: passing %t", kind, kind.Passing())
		}
	}
}
