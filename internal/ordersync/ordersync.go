// Package ordersync is the engine: it walks one stream of one source, window by window and page by page, into a store.
//
// A run claims nothing and schedules nothing; it reads the stream's checkpoint, cuts the time since then into closed windows,
// reads each until its completeness is shown, and commits every page together with the checkpoint that it earned:
//
//	checkpoint -> windows -> passes -> pages -> commit each -> watermark
//
// It promises:
//
//   - Complete. The watermark moves only in the last transaction of a window whose distinct records account for what the remote
//     announced ([tally] states the rule and why it is sound). Shifting pages, ties in the sort key, totals that rise or lie and
//     listings that announce nothing are read again, halved, or reported; never believed.
//   - Nothing blocks. A record that cannot be understood is a dead letter in the same commit as its page. When most of a window
//     is such, the remote changed its shape: the run stops before committing that page.
//   - Crash-only. There is no state in memory that a restart needs; start is the same path as going on.
//   - Bounded. At most two pages are in memory, and the keys (not the records) of one window.
//
// The engine knows neither HTTP nor SQL: a remote is a [Source], a database a [Store]. Its only goroutine reads one page ahead of
// the commit and ends before Run returns.
package ordersync

import (
	"context"
	"iter"
	"time"

	"ordersync/internal/order"
)

// Source is one remote account as the engine sees it.
type Source interface {
	// Now is the remote's clock.
	Now(ctx context.Context) (time.Time, error)

	// Pages reads the window once, lazily; one such reading is a pass. It yields at least one page, an error at most once and
	// last, and owns no goroutine. An empty cursor means the window's beginning; a listing by page numbers ignores the cursor.
	// order.ErrTooWide in the error's chain asks for half the window.
	Pages(ctx context.Context, window order.Window, cursor order.Cursor) iter.Seq2[order.Page, error]

	// Complete turns the orders of a thin page into whole ones, or into dead letters where a detail cannot be had. It makes its
	// calls several at once under the pace, waits for all of them, and calls done after each. Beside an error it may return what
	// it completed, of which the orders are stored.
	Complete(ctx context.Context, thin []*order.Order, done func()) ([]order.Record, error)
}

// Store is the database as the engine sees it.
type Store interface {
	// Checkpoint returns the stream's checkpoint; one with Revision 0 and no watermark where there is none yet.
	Checkpoint(ctx context.Context, source order.SourceID, stream string) (order.Checkpoint, error)

	// Known returns the stored versions of those of the ids that are stored.
	Known(ctx context.Context, source order.SourceID, ids []string) (map[string]order.Version, error)

	// Commit writes the page and moves the checkpoint in one transaction, and can safely be repeated. It fails with
	// order.ErrMoved, having written nothing, where the stored revision is not that of from. Where the page brings nothing new and
	// to says what from says, it may leave the revision as it is, and answers Still.
	Commit(ctx context.Context, from, to order.Checkpoint, page order.Page) (order.Written, error)
}

// Limits say how a source may be asked. The zero Limits are usable.
type Limits struct {
	// Step is the smallest span that the remote's filter can tell apart; zero means one second.
	Step time.Duration
	// Zone is where steps of a day begin; nil means UTC.
	Zone *time.Location
	// Slice is the longest window; zero means 30 days.
	Slice time.Duration
	// Overlap is asked for again before the watermark at every run.
	Overlap time.Duration
	// Settle is how far behind the remote's clock a window must end.
	Settle time.Duration
}

// Span says what a run shall read.
type Span struct {
	// Start is the earliest instant that is ever read.
	Start time.Time
	// Until is where a backfill ends; zero means up to now, less Limits.Settle.
	Until time.Time
	// Back makes the run read again the time since Back before now, whatever its watermark says; a run that was interrupted goes
	// on. Zero means to follow the watermark.
	Back time.Duration
}

// Stream is one thing that is followed, ready to be run. Its fields must not change while Run runs.
type Stream struct {
	ID     order.SourceID
	Name   string
	Source Source
	Store  Store
	Limits Limits

	// Patience is how long a run may go without a committed page or a completed detail, not counting the time that the pace made
	// it wait; zero means five minutes.
	Patience time.Duration
	// Trace, where set, returns a context that reports the waits of the pace and of back-off to wait, before they begin.
	Trace func(ctx context.Context, wait func(time.Duration)) context.Context
	// Progress, where set, is told after each commit, on the goroutine of Run.
	Progress func(Run)
}

// Run is what one execution did. It is meaningful also beside an error.
type Run struct {
	Source order.SourceID
	Stream string
	// Since and Until bound what the run set out to read; Window is where it is or ended.
	Since, Until time.Time
	Window       order.Window
	Watermark    time.Time

	// Windows were completed; Passes is the number of readings they took, so that Passes - Windows were repeats.
	Windows, Passes int
	Pages           int
	// Records were received, repeats included; of them, the counts of Written say what became of them.
	Records int
	order.Written
	// Rounded amounts had more than six places; Repaired texts held bytes that are not UTF-8.
	Rounded, Repaired int
	// Shortfalls are windows in which the remote kept announcing more records than it listed.
	Shortfalls []Shortfall
	// Backlog is how many records of Window the remote announced and the run did not store before it failed; nil where nothing was
	// announced, and in a good run.
	Backlog *int
}

// Shortfall is a total that lies: every reading of the window brought the same records, fewer than announced.
type Shortfall struct {
	Window            order.Window
	Announced, Listed int
}

// Behind is how far the watermark lies behind now; zero where the remote's clock, which it follows, is ahead of that.
func (r Run) Behind(now time.Time) time.Duration {
	if r.Watermark.IsZero() {
		return 0
	}
	return max(0, now.Sub(r.Watermark))
}
