// Package intake runs one job of one shop: it knows which streams of the engine a job takes, in which order, and says of which time
// orders are missing for good.
//
// Most shops list everything by one filter, and a job that follows one is a single stream. A shop that keeps up by the time of change
// and lists only so far back wants two: its history by the time of creation, once, and from then on what changes. The hand-over
// between them leaves nothing out:
//
//	start ........ T0 - overlap ...... T0 ............................ now
//	history, by creation, before T0 ---|
//	               |------------------- changes, by modification ------->
//
// T0 lies before the first call of the history, and is kept in the name of its stream, so that a load that takes days and many
// restarts hands over at the same instant. An order made before T0 is read by the history; whatever happened to it until then is in
// what was read, and what happens later is a change after T0. An order made after T0 is a change after T0. The overlap stands for
// what the shop's lists show late.
//
// What lies farther back than the shop lists is noted as a gap ([Store].NoteGap): once, with the span and the reason.
package intake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ordersync/internal/order"
	"ordersync/internal/ordersync"
)

// The streams of a shop that jobs follow. A first load's is named by its span, and so is a backfill's.
const (
	StreamOrders  = "orders"
	StreamSweep   = "sweep"
	StreamRefunds = "refunds"
	streamHistory = "history"
)

const (
	reasonHistory = "the shop lists the orders of the last %s only: those made earlier were not read"
	reasonPaused  = "nothing was read for longer than the %s that the shop lists: what changed in this time and not since was not read"
	reasonLoad    = "the first load stood still for longer than the %s that the shop lists: orders made in this time were not read"
)

// Store is the database as this room sees it.
type Store interface {
	ordersync.Store

	// Streams lists the checkpoints of a source.
	Streams(ctx context.Context, source order.SourceID) ([]order.Checkpoint, error)

	// NoteGap keeps a gap and reports whether it is news: not known yet, or shorter when it was noted before.
	NoteGap(ctx context.Context, gap order.Gap) (bool, error)
}

// Listing is one way in which a shop lists its orders.
type Listing struct {
	Source ordersync.Source
	Limits ordersync.Limits
}

// Sweep is a listing that is read again and again, whatever was read before.
type Sweep struct {
	Stream string
	Listing
}

// Shop is one account with its listings.
type Shop struct {
	ID order.SourceID
	// Orders keeps up with the shop.
	Orders Listing
	// History lists by the time of creation, and makes the first load; nil: Orders makes it.
	History *Listing
	// Sweeps are what a sweep reads, one after the other; none: the shop cannot be swept.
	Sweeps []Sweep
	// Reach is how far back the shop lists anything; zero: without end.
	Reach time.Duration
}

// Edge is the earliest instant that can still be listed at now, with an hour or two for the listing itself; zero where there is none.
// It moves by whole hours, so that a gap which ends there does not grow with each attempt.
func (s *Shop) Edge(now time.Time) time.Time {
	if s.Reach == 0 {
		return time.Time{}
	}
	return now.UTC().Add(-s.Reach).Truncate(time.Hour).Add(2 * time.Hour)
}

// Task is a shop's job, ready to be run. Its fields must not change while it runs.
type Task struct {
	Shop  Shop
	Store Store
	// Trace and Progress are those of [ordersync.Stream].
	Trace    func(ctx context.Context, wait func(time.Duration)) context.Context
	Progress func(ordersync.Run)
}

// Result is what a task did: the counts of all its streams since the earliest beginning, and end, window and watermark of the one that
// it ended in. It is meaningful also beside an error.
type Result struct {
	ordersync.Run
	// Gaps are those that were news.
	Gaps []order.Gap
}

// Follow brings the shop's orders up to date: the history since start, where it was not read yet, then what has changed.
func (t *Task) Follow(ctx context.Context, start time.Time) (Result, error) {
	w := t.begin(StreamOrders)
	if t.Shop.History == nil {
		err := w.read(ctx, StreamOrders, t.Shop.Orders, ordersync.Span{Start: start})
		return w.result, err
	}
	start, err := w.load(ctx, start.UTC())
	if err == nil {
		err = w.read(ctx, StreamOrders, t.Shop.Orders, ordersync.Span{Start: start})
	}
	return w.result, err
}

// Sweep reads the time since back before now again.
func (t *Task) Sweep(ctx context.Context, back time.Duration) (Result, error) {
	if reach := t.Shop.Reach - time.Hour; t.Shop.Reach > 0 {
		back = min(back, reach)
	}
	return t.sweeps(ctx, "", ordersync.Span{Back: back})
}

// Backfill reads a span again, in streams that name begins or, for those of a sweep, ends, and leaves the watermark alone.
func (t *Task) Backfill(ctx context.Context, name string, sweep bool, span ordersync.Span) (Result, error) {
	if sweep {
		return t.sweeps(ctx, " "+name, span)
	}
	w := t.begin(name)
	err := w.read(ctx, name, t.Shop.Orders, span)
	return w.result, err
}

func (t *Task) sweeps(ctx context.Context, suffix string, span ordersync.Span) (Result, error) {
	w := t.begin(StreamSweep + suffix)
	var first ordersync.Run
	for i, s := range t.Shop.Sweeps {
		if err := w.read(ctx, s.Stream+suffix, s.Listing, span); err != nil {
			return w.result, err
		}
		if i == 0 {
			first = w.result.Run
		}
	}
	// What was asked for is the sweep; the rest came along.
	w.result.Stream, w.result.Since, w.result.Until, w.result.Watermark = first.Stream, first.Since, first.Until, first.Watermark
	return w.result, nil
}

// work is one execution of a task.
type work struct {
	*Task
	result Result
}

func (t *Task) begin(stream string) *work {
	return &work{Task: t, result: Result{Run: ordersync.Run{Source: t.Shop.ID, Stream: stream}}}
}

// read runs one stream and adds it to the result.
func (w *work) read(ctx context.Context, stream string, l Listing, span ordersync.Span) error {
	before := w.result.Run
	s := &ordersync.Stream{ID: w.Shop.ID, Name: stream, Source: l.Source, Store: w.Store, Limits: l.Limits, Trace: w.Trace}
	if w.Progress != nil {
		s.Progress = func(run ordersync.Run) { w.Progress(sum(before, run)) }
	}
	run, err := s.Run(ctx, span)
	w.result.Run = sum(before, run)
	return err
}

// sum is what two streams did, the second one last; together they began where the earlier one did.
func sum(before, last ordersync.Run) ordersync.Run {
	last.Windows += before.Windows
	last.Passes += before.Passes
	last.Pages += before.Pages
	last.Records += before.Records
	last.Rounded += before.Rounded
	last.Repaired += before.Repaired
	last.Written.Add(before.Written)
	if !before.Since.IsZero() && before.Since.Before(last.Since) {
		last.Since = before.Since
	}
	last.Shortfalls = append(slices.Clip(before.Shortfalls), last.Shortfalls...)
	return last
}

// load reads the history where the shop's changes were never followed yet, notes what can no longer be listed, and returns the
// earliest instant from which changes are to be followed.
func (w *work) load(ctx context.Context, start time.Time) (time.Time, error) {
	orders := w.Shop.Orders
	cp, err := w.Store.Checkpoint(ctx, w.Shop.ID, StreamOrders)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the checkpoint of %s/%s: %w", w.Shop.ID, StreamOrders, err)
	}
	now, err := orders.Source.Now(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask %s for its time: %w", w.Shop.ID, err)
	}
	edge := w.Shop.Edge(now)
	stored := cp.Watermark
	if stored.IsZero() {
		h, err := w.history(ctx, start, now)
		if err != nil {
			return time.Time{}, err
		}
		if err := w.readHistory(ctx, h, start, edge); err != nil {
			return time.Time{}, err
		}
		stored, start = h.until, later(start, h.until.Add(-orders.Limits.Overlap))
	}
	if stored.Before(edge) && start.Before(edge) {
		err = w.gap(ctx, StreamOrders, order.Window{Since: later(stored, start), Until: edge}, reasonPaused)
	}
	return later(start, edge), err
}

// history is the first load by the time of creation.
type history struct {
	stream       string
	since, until time.Time
	// at is how far it came; done says that it is over.
	at   time.Time
	done bool
}

// history finds the first load that was begun, or begins one that ends now.
func (w *work) history(ctx context.Context, start, now time.Time) (history, error) {
	streams, err := w.Store.Streams(ctx, w.Shop.ID)
	if err != nil {
		return history{}, fmt.Errorf("look for the first load of %s: %w", w.Shop.ID, err)
	}
	var found history
	for _, cp := range streams {
		if h, ok := parseHistory(cp); ok && h.until.After(found.until) {
			found = h
		}
	}
	if found.stream != "" {
		return found, nil
	}
	h := history{
		since: later(start, w.Shop.Edge(now)).Truncate(time.Second),
		until: now.UTC().Add(-w.Shop.Orders.Limits.Settle).Truncate(time.Second),
	}
	h.at, h.done = h.since, !h.since.Before(h.until)
	h.stream = nameHistory(h.since, h.until)
	return h, nil
}

const (
	historyStamp     = "2006-01-02T15:04:05Z"
	historySeparator = ".."
)

func nameHistory(since, until time.Time) string {
	return streamHistory + " " + since.UTC().Format(historyStamp) + historySeparator + until.UTC().Format(historyStamp)
}

// parseHistory reads a first load's span from the name of its stream, and how far it came from its checkpoint.
func parseHistory(cp order.Checkpoint) (history, bool) {
	text, ok := strings.CutPrefix(cp.Stream, streamHistory+" ")
	begin, end, both := strings.Cut(text, historySeparator)
	since, err := time.Parse(historyStamp, begin)
	until, err2 := time.Parse(historyStamp, end)
	if !ok || !both || cmp.Or(err, err2) != nil {
		return history{}, false
	}
	h := history{stream: cp.Stream, since: since, until: until, at: since}
	switch {
	case !cp.Window.Empty():
		h.at = cp.Window.Since
	case !cp.Watermark.IsZero():
		h.at, h.done = cp.Watermark, !cp.Watermark.Before(until)
	}
	return h, true
}

// IsHistory reports whether a stream is a first load.
func IsHistory(stream string) bool { return strings.HasPrefix(stream, streamHistory+" ") }

// readHistory reads what is left of the first load.
func (w *work) readHistory(ctx context.Context, h history, start, edge time.Time) error {
	// A load that begins after the edge was not cut short by it: then the job's start was moved since.
	if start.Before(h.since) && !h.since.After(edge) {
		if err := w.gap(ctx, streamHistory, order.Window{Since: start, Until: h.since}, reasonHistory); err != nil {
			return err
		}
	}
	if h.done {
		return nil
	}
	if h.at.Before(edge) {
		if err := w.gap(ctx, h.stream, order.Window{Since: h.at, Until: edge}, reasonLoad); err != nil {
			return err
		}
	}
	return w.read(ctx, h.stream, *w.Shop.History, ordersync.Span{Start: h.since, Until: h.until})
}

// gap notes a span that is lost, and keeps it in the result where that is news.
func (w *work) gap(ctx context.Context, stream string, window order.Window, reason string) error {
	days := fmt.Sprintf("%d days", w.Shop.Reach/(24*time.Hour))
	gap := order.Gap{Source: w.Shop.ID, Stream: stream, Window: window, Reason: fmt.Sprintf(reason, days)}
	news, err := w.Store.NoteGap(ctx, gap)
	if err != nil {
		return fmt.Errorf("note that orders of %s cannot be listed any more: %w", w.Shop.ID, err)
	}
	if news {
		w.result.Gaps = append(w.result.Gaps, gap)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
