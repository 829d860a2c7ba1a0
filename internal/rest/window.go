package rest

import (
	"fmt"
	"strconv"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest/wire"
)

const day = 24 * time.Hour

// span is what one pass asks for: whole steps of the filter around a window.
type span struct {
	window order.Window
	// since and until bound what the remote lists when it does what it is asked, up to a step.
	since, until time.Time
	// lo and hi are the parameters' values, empty where they are not sent.
	lo, hi string
	// asked is the remote's clock when the pass began: what changed after it may show times after until.
	asked time.Time
}

// String names the span in errors.
func (sp span) String() string {
	if sp.lo != "" || sp.hi != "" {
		return sp.lo + ".." + sp.hi
	}
	return sp.window.Since.UTC().Format(time.RFC3339) + ".." + sp.window.Until.UTC().Format(time.RFC3339)
}

// filter turns windows into what is asked, and judges what comes back.
type filter struct {
	Window
	zone *time.Location
	// byDay: the filter sees days. unstated: it sees them in a zone that nobody told us.
	byDay, unstated bool
}

func newFilter(w Window) filter {
	f := filter{Window: w, zone: w.Zone, byDay: w.Resolution == day}
	if f.zone == nil {
		f.zone, f.unstated = time.UTC, f.byDay
	}
	return f
}

// span translates a window. The lower end is asked one step earlier where the remote excludes it. At the upper end a remote that
// includes it is asked for the last day (days), or for the end itself: a record exactly there comes along and is Beyond.
func (f filter) span(window order.Window, asked time.Time) span {
	sp := span{window: window, since: f.floor(window.Since), asked: asked}
	sp.until = f.floor(window.Until)
	if sp.until.Before(window.Until) {
		sp.until = f.step(sp.until, 1)
	}
	if f.unstated {
		sp.since, sp.until = f.step(sp.since, -1), f.step(sp.until, 1)
	}
	if f.By == ByNone {
		return sp
	}
	lo, hi := sp.since, sp.until
	if f.SinceBound == Exclusive {
		lo = f.step(lo, -1)
	}
	if f.UntilBound != Exclusive && f.byDay {
		hi = f.step(hi, -1)
	}
	if f.Since != "" {
		sp.lo = f.write(lo, f.SinceLayout)
	}
	if f.Until != "" {
		sp.hi = f.write(hi, f.UntilLayout)
	}
	return sp
}

// floor is the beginning of the step that holds t.
func (f filter) floor(t time.Time) time.Time {
	local := t.In(f.zone)
	if f.byDay {
		y, m, d := local.Date()
		return dayStart(y, m, d, f.zone)
	}
	_, offset := local.Zone()
	shift := time.Duration(offset) * time.Second
	return local.Add(shift).Truncate(f.Resolution).Add(-shift)
}

// step moves the beginning of a step by n steps; days may be 23 or 25 hours long.
func (f filter) step(t time.Time, n int) time.Time {
	if f.byDay {
		y, m, d := t.In(f.zone).Date()
		return dayStart(y, m, d+n, f.zone)
	}
	return t.Add(time.Duration(n) * f.Resolution)
}

// dayStart is the first instant of a day. In some zones clocks skip midnight on some days, and package time may then answer with an
// instant of the day before.
func dayStart(y int, m time.Month, d int, zone *time.Location) time.Time {
	start := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if wanted := time.Date(y, m, d, 12, 0, 0, 0, zone).Day(); start.Day() != wanted {
		start = start.Add(time.Hour)
	}
	return start
}

// write formats a bound.
func (f filter) write(t time.Time, layout string) string {
	if layout == "" {
		layout = f.Layout
	}
	switch layout {
	case wire.LayoutUnix:
		return strconv.FormatInt(t.Unix(), 10)
	case wire.LayoutUnixMS:
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.In(f.zone).Format(wire.GoLayout(layout))
}

// judge marks a record at or after the window's end, and refuses one that the filter should have kept out: a remote that ignores a
// parameter lists everything, or the wrong time.
func (f filter) judge(record *order.Record, sp span) error {
	at, known := f.judged(record)
	if !known {
		return nil
	}
	record.Beyond = !at.Before(sp.window.Until)
	if record.Dead != nil || f.By == ByNone {
		return nil
	}
	switch {
	case f.Since != "" && at.Before(f.step(sp.since, -1)):
		return f.ignored(f.Since, sp, at)
	case f.Until == "" || !at.After(f.step(sp.until, 1)):
		return nil
	case f.By == ByModified && !at.Before(sp.asked.Add(-slackChanging)):
		return nil // changed while it was asked for: the list was cut by its index, the record is newer
	}
	return f.ignored(f.Until, sp, at)
}

// slackChanging is how much earlier than our request a change may seem to be that came after it.
const slackChanging = 5 * time.Second

func (f filter) ignored(parameter string, sp span, at time.Time) error {
	return fault.Errorf(fault.Protocol,
		"the remote ignores the parameter %q, or filters by another time than the one mapped as %s, or writes it in another zone: "+
			"asked for %s, it listed an order of %s", parameter, f.By, sp, at.UTC().Format(time.RFC3339))
}

// judged is the time of a record that the filter looks at.
func (f filter) judged(record *order.Record) (time.Time, bool) {
	switch {
	case record.Dead != nil:
		at := record.Dead.Version.ModifiedAt
		return at, f.By == ByModified && !at.IsZero()
	case f.By == ByCreated:
		return record.Order.OrderedAt.Get()
	default:
		return record.Order.ModifiedAt, true
	}
}

// checkWindow names what cannot work, for [New].
func checkWindow(w Window) []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf("window: "+format, args...)) }
	switch w.By {
	case ByNone:
		return nil
	case ByCreated, ByModified:
	default:
		add("by: %q is none of modified, created, none", w.By)
	}
	if w.Since == "" {
		add("since: the parameter for the begin is missing")
	}
	if w.Resolution <= 0 || w.Resolution > day || day%w.Resolution != 0 {
		add("resolution: %s does not divide a day", w.Resolution)
	}
	for _, bound := range []Bound{w.SinceBound, w.UntilBound} {
		if bound != "" && bound != Inclusive && bound != Exclusive {
			add("bound: %q is neither inclusive nor exclusive", bound)
		}
	}
	for _, layout := range []string{w.Layout, w.SinceLayout, w.UntilLayout} {
		if !wire.Usable(layout) {
			add("layout: %q writes no time", layout)
		}
	}
	return problems
}
