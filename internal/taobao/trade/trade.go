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
	"strings"
	"sync"
	"sync/atomic"

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
	r := &Reader{source: source, known: map[string]bool{}, unmapped: map[string]int{}}
	for _, list := range [...]string{ListFields, DetailFields, RefundFields, insideFields} {
		for key := range strings.SplitSeq(list, ",") {
			r.known[key] = true
		}
	}
	return r
}

// Unmapped returns the words of status that have no meaning here, each with how often it was met; at most a hundred are kept.
func (r *Reader) Unmapped() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.unmapped)
}

// Differences is how many trades were met whose amounts do not add up by the identities that [Reader.Whole] checks.
func (r *Reader) Differences() int { return int(r.differences.Load()) }
