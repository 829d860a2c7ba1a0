// Package taobao reads the orders, refunds and parcels of one Taobao or Tmall shop through the TOP gateway.
//
// Behind it stand two rooms: gateway speaks the protocol (signatures, envelopes, errors, limits), trade turns its JSON into orders.
// This one knows which method lists what, in which order its pages must be read, and which details belong to an order. It promises:
//
//   - A window is asked for with both its ends, and what lies outside is told apart, so that it does not matter whether the gateway
//     counts its ends in. Nobody could confirm which it does.
//   - Lists by time of change are read from the last page to the first, as the page of taobao.trades.sold.increment.get demands: in a
//     closed window rows then only move into pages still to be read.
//   - The first page of a reading is asked for with the total; only further ones may come without (use_has_next), and a gateway
//     that counts all the same is understood.
//   - Lists only tell which orders there are and when they changed; what is stored comes from taobao.trade.fullinfo.get, because lists
//     leave out much in promotion hours.
//   - A detail that lacks its orders, its payment or the id of a refund, as in promotion hours, is stored and asked for again whenever
//     the order is listed.
//   - A list that the gateway calls too heavy is asked for in halves, three minutes later.
package taobao

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/trade"
)

// Reach is how far back the lists go: taobao.trades.sold.get tells of the last three months.
const Reach = 90 * 24 * time.Hour

// Longest is the longest span that taobao.trades.sold.increment.get takes.
const Longest = 24 * time.Hour

// ErrNoDetail is what Order wraps where the gateway knows no such trade (any more).
var ErrNoDetail = errors.New("the gateway has no such trade, or it is older than three months")

// Options describe one shop.
type Options struct {
	// Source is the name under which its orders are stored.
	Source order.SourceID
	// Gateway knows the app key and the shop's session.
	Gateway *gateway.Gateway
	// Details is how many details are asked for at once, under the pace; zero: 8.
	Details int
	// PageSize is the number of rows of a page: at most 100, which is what zero means.
	PageSize int
	// Counted makes every page be asked for with the total, not only the first: for gateways that know no use_has_next.
	Counted bool
}

// mostRows is the largest page that the lists take.
const mostRows = 100

// Shop is one shop. It is safe for many goroutines at once, and keeps nothing that a restart needs.
type Shop struct {
	o      Options
	reader *trade.Reader
	// strikes are of both listings: the same details are asked for.
	strikes strikes
	// unrefunded counts the orders that came without refunds because the app may not ask for these.
	unrefunded atomic.Int64
}

// New checks the options and makes no call. Failures are of kind fault.Config.
func New(o Options) (*Shop, error) {
	o.Details, o.PageSize = cmp.Or(o.Details, 8), cmp.Or(o.PageSize, mostRows)
	var problems []error
	if o.Source == "" {
		problems = append(problems, errors.New("source: it has no name"))
	}
	if o.Gateway == nil {
		problems = append(problems, errors.New("gateway: there is none"))
	}
	if o.Details < 0 || o.PageSize < 0 || o.PageSize > mostRows {
		problems = append(problems, fmt.Errorf("details and page size: %d and %d mean nothing here", o.Details, o.PageSize))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fault.New(fault.Config, err)
	}
	return &Shop{o: o, reader: trade.New(o.Source)}, nil
}

// Now is the gateway's clock.
func (s *Shop) Now(ctx context.Context) (time.Time, error) {
	return s.o.Gateway.Now(ctx)
}

// Order asks for one order, with its refunds. It wraps [ErrNoDetail] where the gateway has none.
func (s *Shop) Order(ctx context.Context, id string) (order.Record, error) {
	if err := checkID(id); err != nil {
		return order.Record{}, fault.Errorf(fault.Rejected, "order %q: %w", id, err)
	}
	record, err := s.detail(ctx, id)
	if errors.Is(err, gateway.ErrNoTrade) {
		return order.Record{}, fmt.Errorf("order %s: %w: %w", id, ErrNoDetail, err)
	}
	return record, err
}

// checkID refuses what cannot be the id of a trade, which is a number: the gateway would answer with an error of another kind.
func checkID(id string) error {
	if id == "" || len(id) > 32 {
		return errors.New("an order's id here is a number of up to 19 digits")
	}
	for _, c := range id {
		if c < '0' || c > '9' {
			return errors.New("an order's id here is a number of up to 19 digits")
		}
	}
	return nil
}

// detail asks for an order and for its refunds.
func (s *Shop) detail(ctx context.Context, id string) (order.Record, error) {
	name := "trade " + id
	answer, err := s.o.Gateway.Call(ctx, name, "taobao.trade.fullinfo.get", gateway.Params{"tid": id, "fields": trade.DetailFields})
	if err != nil {
		return order.Record{}, err
	}
	text := inside(answer.Body, "trade")
	refunds, known, err := s.refunds(ctx, name, s.reader.RefundsOf(text))
	if err != nil {
		return order.Record{}, err
	}
	record := s.reader.Whole(text, refunds, known, answer.SentAt)
	if record.Order != nil && record.Order.ID != id {
		record = order.Record{Dead: &order.DeadLetter{
			Source: s.o.Source, Version: order.Version{FetchedAt: answer.SentAt}, Payload: text,
			Reason: "asked for this order, the gateway answered with another one",
		}}
	}
	if record.Dead != nil { // whatever its text says: this is the order that was asked for
		record.Dead.ID = id
	}
	return record, nil
}
