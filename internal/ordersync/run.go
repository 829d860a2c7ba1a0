package ordersync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const (
	defaultStep     = time.Second
	defaultSlice    = 30 * 24 * time.Hour
	defaultPatience = 5 * time.Minute
	// firstSlice is the first window of a stream of which nothing is known yet.
	firstSlice = 30 * time.Minute
	// A full-length window with fewer records than roomy doubles the next one, one with more than crowded halves it.
	roomy   = 1000
	crowded = 5000
	// longestRest is the longest pause that a run sits out where a remote wants a shorter window after it.
	longestRest = 10 * time.Minute
	// clockSlack is how far the remote's clock may fall behind the watermark before that is an error.
	clockSlack = 10 * time.Minute
)

// Run reads the span and returns what it did; after an error too. It may be called again at once: what was committed stays, what
// was not is read again. The error's kind (fault.KindOf) says who must act; a cancelled ctx ends the run between two commits
// with the context's cause.
func (s *Stream) Run(ctx context.Context, span Span) (Run, error) {
	w := &walk{
		Stream: s, span: span, run: Run{Source: s.ID, Stream: s.Name},
		step: cmp.Or(s.Limits.Step, defaultStep), slice: cmp.Or(s.Limits.Slice, defaultSlice),
	}
	ctx, patience := withPatience(ctx, cmp.Or(s.Patience, defaultPatience))
	defer patience.stop()
	w.patience = patience
	if s.Trace != nil {
		ctx = s.Trace(ctx, patience.extend)
	}
	err := w.walk(ctx)
	if err != nil && ctx.Err() != nil {
		// The cause says more than the error that the cancelled call happened to return.
		err = context.Cause(ctx)
	}
	w.run.Watermark = w.cp.Watermark
	return w.run, err
}

// walk is one execution of a stream.
type walk struct {
	*Stream
	span        Span
	step, slice time.Duration
	patience    *patience
	run         Run
	cp          order.Checkpoint
	// before is the number of pages when the current window was begun.
	before int
	// accepted is the longest window that went through in this run, refused the last one that the remote wanted to be asked for later.
	accepted time.Duration
	refused  order.Window
	// fullest is the largest page of the run: what one page can hold, as far as is known.
	fullest int
	asked   asked
}

func (w *walk) walk(ctx context.Context) error {
	var err error
	if w.cp, err = w.Store.Checkpoint(ctx, w.ID, w.Name); err != nil {
		return fmt.Errorf("read the checkpoint of %s/%s: %w", w.ID, w.Name, err)
	}
	now, err := w.Source.Now(ctx)
	if err != nil {
		return fmt.Errorf("ask %s for its time: %w", w.ID, err)
	}
	whole, err := w.plan(now)
	if err != nil {
		return err
	}
	w.run.Since, w.run.Until = whole.Since, whole.Until
	cursor := w.cp.Cursor
	for window := w.next(whole); !window.Empty(); window = w.next(order.Window{Since: window.Until, Until: whole.Until}) {
		for {
			w.run.Window, w.before = window, w.run.Pages
			err := w.read(ctx, window, cursor, whole.Until)
			cursor = ""
			half, tooWide := errors.AsType[*tooWideError](err)
			if !tooWide {
				if err != nil {
					return w.retreat(ctx, window, err)
				}
				break
			}
			if err := w.rest(ctx, window, half.err); err != nil {
				return err
			}
			if w.tooHeavy(window, half.err) {
				window.Until = half.until
				w.cp.Slice = window.Length()
			}
		}
	}
	return nil
}

// rest waits where a remote wants a shorter window and a pause first. The run goes on afterwards: one that ended would begin again
// before its watermark, and a remote that refuses now and then would never let it through.
func (w *walk) rest(ctx context.Context, window order.Window, refusal error) error {
	pause := fault.RetryAfter(refusal)
	if pause == 0 {
		return nil
	}
	if pause > longestRest {
		w.cp.Ceiling = w.half(window).Sub(window.Since)
		return w.remember(ctx, w.cp.Ceiling, refusal)
	}
	w.patience.extend(pause)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// tooHeavy reports whether the window's length was what the remote refused, rather than the moment: a length that went through before
// in this run is tried once more. A refused length with a pause is remembered, so that windows do not grow to it again at once.
func (w *walk) tooHeavy(window order.Window, refusal error) bool {
	if fault.RetryAfter(refusal) == 0 {
		return true
	}
	again := w.refused == window
	w.refused = window
	if !again && window.Length() <= w.accepted {
		return false
	}
	w.cp.Ceiling = w.half(window).Sub(window.Since)
	return true
}

// plan returns the span that this run sets out to read.
func (w *walk) plan(now time.Time) (order.Window, error) {
	until := now.Add(-w.Limits.Settle).UTC().Truncate(time.Second)
	if !w.span.Until.IsZero() && w.span.Until.Before(until) {
		until = w.span.Until.UTC()
	}
	switch {
	case !w.cp.Window.Empty() && (w.cp.Cursor != "" || w.bounded()):
		return order.Window{Since: w.cp.Window.Since, Until: until}, nil
	case w.span.Back > 0:
		return order.Window{Since: now.Add(-w.span.Back).UTC(), Until: until}, nil
	case w.bounded() || w.cp.Watermark.IsZero():
		return order.Window{Since: w.span.Start.UTC(), Until: until}, nil
	}
	if behind := w.cp.Watermark.Sub(until); behind > clockSlack {
		return order.Window{}, fault.Errorf(fault.Protocol,
			"the clock of %s went back: it now says %s, but everything before %s is already stored; wait, or correct the server's clock",
			w.ID, now.UTC().Format(time.RFC3339), w.cp.Watermark.UTC().Format(time.RFC3339))
	}
	since := w.cp.Watermark.Add(-w.Limits.Overlap)
	if since.Before(w.span.Start) {
		since = w.span.Start
	}
	return order.Window{Since: since.UTC(), Until: until}, nil
}

// bounded reports whether the stream reads a span of its own, which it remembers by its open window, rather than following.
func (w *walk) bounded() bool { return w.span.Back > 0 || !w.span.Until.IsZero() }

// next cuts the next window off rest: as long as the last ones were found to need, ending where a step of the filter ends, so that
// no step is asked for twice.
func (w *walk) next(rest order.Window) order.Window {
	if rest.Empty() {
		return order.Window{}
	}
	if w.cp.Cursor != "" && w.cp.Window.Since.Equal(rest.Since) && !w.cp.Window.Until.After(rest.Until) {
		return w.cp.Window
	}
	length := min(max(cmp.Or(w.cp.Slice, firstSlice), w.step), w.longest())
	until := w.align(rest.Since.Add(length))
	if !until.After(rest.Since) {
		until = w.align(rest.Since.Add(length + w.step))
	}
	if !until.Before(rest.Until) {
		until = rest.Until
	}
	return order.Window{Since: rest.Since, Until: until}
}

// longest is the longest window for now.
func (w *walk) longest() time.Duration {
	longest := w.slice
	if w.cp.Ceiling > 0 {
		longest = min(longest, w.cp.Ceiling)
	}
	return max(longest, w.step)
}

// align moves t back to where a step begins: for steps of a day and more, to midnight in the filter's zone.
func (w *walk) align(t time.Time) time.Time {
	if w.step < 24*time.Hour {
		return t.Truncate(w.step)
	}
	zone := cmp.Or(w.Limits.Zone, time.UTC)
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone).UTC()
}

// divisible reports whether the window can be halved: both halves hold a whole step.
func (w *walk) divisible(window order.Window) bool {
	until := w.half(window)
	return until.After(window.Since) && until.Before(window.Until)
}

func (w *walk) half(window order.Window) time.Time {
	return w.align(window.Since.Add(window.Length() / 2))
}

// tooWideError asks for the window's first half.
type tooWideError struct {
	until time.Time
	err   error
}

func (e *tooWideError) Error() string { return "the window must be halved: " + e.err.Error() }
func (e *tooWideError) Unwrap() error { return e.err }

// read brings one window in whole, in as many passes as it takes, or answers with a *tooWideError.
func (w *walk) read(ctx context.Context, window order.Window, cursor order.Cursor, until time.Time) error {
	tally := newTally()
	w.asked.enter(window)
	for {
		w.run.Passes++
		decided, err := w.pass(ctx, window, cursor, until, tally)
		cursor = ""
		switch {
		case errors.Is(err, order.ErrTooWide) && w.divisible(window):
			w.asked.forget()
			return &tooWideError{until: w.half(window), err: err}
		case err != nil:
			w.run.Backlog = tally.backlog()
			return err
		}
		switch decided {
		case complete:
			return nil
		case lies:
			w.run.Shortfalls = append(w.run.Shortfalls, Shortfall{Window: window, Announced: tally.lastTotal(), Listed: tally.listed()})
			return nil
		case halve:
			return &tooWideError{until: w.half(window), err: fault.New(fault.Protocol, order.ErrTooWide)}
		case differ:
			return fault.Errorf(fault.Protocol,
				"%s listed %s differently each of %d times (announced %d, listed %d): the orders of this time are not proved complete; "+
					"what was listed is stored, and the next run reads it again",
				w.ID, windowText(window), len(tally.earlier), tally.lastTotal(), tally.listed())
		case again:
		}
	}
}

func windowText(window order.Window) string {
	return window.Since.UTC().Format(time.RFC3339) + ".." + window.Until.UTC().Format(time.RFC3339)
}

// pass reads the window once and commits its pages. The last page is committed after the judgement, because it carries the
// watermark when the window is proved.
func (w *walk) pass(ctx context.Context, window order.Window, cursor order.Cursor, until time.Time, tally *tally) (verdict, error) {
	var last *order.Page
	pages := func(ctx context.Context) iter.Seq2[order.Page, error] { return w.Source.Pages(ctx, window, cursor) }
	for page, err := range ahead(ctx, pages) {
		if err != nil {
			return again, fmt.Errorf("read %s of %s: %w", windowText(window), w.ID, err)
		}
		if last != nil {
			if err := w.commit(ctx, w.within(window, *last), *last); err != nil {
				return again, err
			}
			tally.stored = tally.listed()
		}
		if err := w.receive(ctx, &page, tally); err != nil {
			return again, err
		}
		last = &page
		if tally.pass.total < 0 && tally.pass.numbered && tally.pass.filled > 1 && w.divisible(window) {
			break // no total to prove several pages by: the halves will do, and further pages of this one need not be read
		}
	}
	if last == nil {
		return again, fault.Errorf(fault.Internal, "read %s of %s: the source brought no page and no error", windowText(window), w.ID)
	}
	tally.fullest = w.fullest
	decided := tally.judge(w.divisible(window))
	switch {
	case decided == complete || decided == lies:
		return decided, w.commit(ctx, w.close(window, until, tally), *last)
	case len(last.Records) == 0:
		return decided, nil
	}
	return decided, w.commit(ctx, w.within(window, *last), *last)
}

// receive makes a page whole and counts it.
func (w *walk) receive(ctx context.Context, page *order.Page, tally *tally) error {
	tally.add(*page)
	w.fullest = max(w.fullest, len(page.Records))
	w.run.Pages++
	w.run.Records += len(page.Records)
	if page.Thin {
		if err := w.completeThin(ctx, page, tally); err != nil {
			return err
		}
	}
	for _, o := range page.Orders() {
		w.run.Rounded += o.Rounded
		w.run.Repaired += o.Repaired
	}
	return w.refusePoison(page, tally)
}

// completeThin replaces the page's thin orders by whole ones, where the store does not hold their version already, and where they were
// not asked for in an earlier reading of the window.
func (w *walk) completeThin(ctx context.Context, page *order.Page, tally *tally) error {
	thin := newestOf(page.Orders())
	ids := make([]string, len(thin))
	for i, o := range thin {
		ids[i] = o.ID
	}
	known, err := w.Store.Known(ctx, w.ID, ids)
	if err != nil {
		return fmt.Errorf("look up the orders of a page of %s: %w", w.ID, err)
	}
	wanted, understood := make([]*order.Order, 0, len(thin)), false
	for _, o := range thin {
		version, ok := known[o.ID]
		before, asked := w.asked.before(o)
		switch {
		case ok && w.settled(version, o.ModifiedAt):
			understood = true
		case asked && w.settled(before.Version, o.ModifiedAt):
			understood = understood || before.good
			tally.again(o, before)
		default:
			wanted = append(wanted, o)
		}
	}
	w.run.Unchanged += len(thin) - len(wanted)
	if understood {
		w.cp.Poison = nil
	}
	records := make([]order.Record, 0, len(page.Records))
	for _, r := range page.Records {
		if r.Dead != nil {
			records = append(records, r)
		}
	}
	if len(wanted) > 0 {
		completed, err := w.Source.Complete(ctx, wanted, w.patience.beat)
		if err != nil {
			return w.keep(ctx, completed, fmt.Errorf("complete %d orders of %s: %w", len(wanted), w.ID, err))
		}
		records = append(records, completed...)
		tally.addDead(completed)
		w.asked.add(wanted, completed)
	}
	page.Records, page.Thin = records, false
	return nil
}

// keep stores the orders that were completed before a failure, which it returns, without moving the checkpoint: a remote that fails at
// some details all the time is got through all the same, run by run. Dead letters are left for a page that came whole.
func (w *walk) keep(ctx context.Context, completed []order.Record, failure error) error {
	var page order.Page
	for _, r := range completed {
		if r.Order != nil {
			page.Records = append(page.Records, r)
			w.run.Rounded += r.Order.Rounded
			w.run.Repaired += r.Order.Repaired
		}
	}
	if len(page.Records) == 0 || ctx.Err() != nil {
		return failure
	}
	if err := w.commit(ctx, w.cp, page); err != nil {
		return fmt.Errorf("%w (and then: %w)", failure, err)
	}
	return failure
}

// newestOf returns each order once, in its newest version: where refunds are listed, several may lead to one order.
func newestOf(thin []*order.Order) []*order.Order {
	at := make(map[string]int, len(thin))
	once := thin[:0:0]
	for _, o := range thin {
		i, ok := at[o.ID]
		switch {
		case !ok:
			at[o.ID] = len(once)
			once = append(once, o)
		case once[i].Version().Compare(o.Version()) < 0:
			once[i] = o
		}
	}
	return once
}

// settled reports whether a stored version holds everything that the remote changed at modified. A detail is fresher than the list
// that led to it: one fetched before that step of the remote's clock was over, and shown, may lack a second change of the same time.
func (w *walk) settled(stored order.Version, modified time.Time) bool {
	if stored.ModifiedAt.Equal(modified) {
		return !stored.FetchedAt.Before(modified.Add(w.step + w.Limits.Settle))
	}
	return stored.ModifiedAt.After(modified)
}

// within is the checkpoint while the window is open.
func (w *walk) within(window order.Window, page order.Page) order.Checkpoint {
	to := w.cp
	to.Window, to.Cursor = window, page.Cursor
	return to
}

// close is the checkpoint after the window: the watermark at its end and, for a span of its own, what remains of it.
func (w *walk) close(window order.Window, until time.Time, tally *tally) order.Checkpoint {
	to := w.cp
	to.Watermark, to.Window, to.Cursor = window.Until, order.Window{}, ""
	if !w.bounded() && window.Until.Before(w.cp.Watermark) {
		to.Watermark = w.cp.Watermark // still inside the overlap
	}
	if w.bounded() && window.Until.Before(until) {
		to.Window = order.Window{Since: window.Until, Until: until}
	}
	to.Slice = w.resize(window, tally)
	if to.Ceiling > 0 && !window.Until.Before(until) { // the run got through: the next one may try longer windows again
		if to.Ceiling *= 2; to.Ceiling >= w.slice {
			to.Ceiling = 0
		}
	}
	w.run.Windows++
	w.accepted = max(w.accepted, window.Length())
	return to
}

// resize finds the length for the next windows.
func (w *walk) resize(window order.Window, tally *tally) time.Duration {
	slice := cmp.Or(w.cp.Slice, max(firstSlice, w.step))
	room := roomy
	if !tally.announces() && tally.earlier[len(tally.earlier)-1].numbered {
		room = w.fullest / 3 // towards one page, which alone cannot drift
	}
	switch n := tally.records(); {
	case n > crowded:
		return max(min(slice, window.Length()/2), w.step)
	case (n == 0 || n < room) && window.Length() >= slice-w.step:
		return min(2*slice, w.longest())
	}
	return slice
}

// commit writes the page and moves the checkpoint.
func (w *walk) commit(ctx context.Context, to order.Checkpoint, page order.Page) error {
	written, err := w.Store.Commit(ctx, w.cp, to, page)
	if errors.Is(err, order.ErrMoved) {
		return fault.Errorf(fault.Transient, "commit a page of %s/%s: %w; it goes on with the stream, nothing is lost", w.ID, w.Name, err)
	}
	if err != nil {
		return fmt.Errorf("commit a page of %s/%s: %w", w.ID, w.Name, err)
	}
	to.Revision = w.cp.Revision
	if !written.Still {
		to.Revision++
	}
	w.cp = to
	w.run.Written.Add(written)
	w.run.Watermark = to.Watermark
	w.patience.beat()
	if w.Progress != nil {
		w.Progress(w.run)
	}
	return nil
}

// retreat makes the next run's windows shorter after a passing failure inside a long one, so that a remote that fails every few
// calls is still got through, window by window. It returns the failure that led to it.
func (w *walk) retreat(ctx context.Context, window order.Window, failure error) error {
	if !fault.KindOf(failure).Passing() || ctx.Err() != nil || !w.divisible(window) || window.Length() <= firstSlice {
		return failure
	}
	if errors.Is(failure, order.ErrMoved) || w.run.Pages == w.before {
		return failure // not even its first page could be read: its length was not what failed
	}
	return w.remember(ctx, max(window.Length()/2, w.step), failure)
}

// remember leaves a shorter length for the windows of the next run, which the failure led to and which it returns. They do not grow
// beyond it until a run got through: a run that follows changes begins before its watermark, and windows that grew there and failed
// again would never pass it.
func (w *walk) remember(ctx context.Context, slice time.Duration, failure error) error {
	to := w.cp
	to.Slice, to.Ceiling = slice, slice
	if _, err := w.Store.Commit(ctx, w.cp, to, order.Page{}); err != nil && !errors.Is(err, order.ErrMoved) {
		return errors.Join(failure, fmt.Errorf("remember a shorter window for %s/%s: %w", w.ID, w.Name, err))
	}
	return failure
}
