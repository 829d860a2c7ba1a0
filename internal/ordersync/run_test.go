package ordersync_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"

	"github.com/google/go-cmp/cmp"
)

// scripted is a source that answers each reading by a function and records the windows it was asked for.
type scripted struct {
	now   time.Time
	pages func(ctx context.Context, window order.Window, yield func(order.Page, error) bool)
	asked []string
	// completed are the thin orders that were asked for whole.
	completed []string
	// complete is what comes of each of them; nil: the order itself.
	complete func(*order.Order) order.Record
}

func (s *scripted) Now(context.Context) (time.Time, error) { return s.now, nil }

func (s *scripted) Pages(ctx context.Context, window order.Window, _ order.Cursor) iter.Seq2[order.Page, error] {
	s.asked = append(s.asked, window.Since.Format("02 15:04:05")+" - "+window.Until.Format("02 15:04:05"))
	return func(yield func(order.Page, error) bool) { s.pages(ctx, window, yield) }
}

func (s *scripted) Complete(_ context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	var records []order.Record
	for _, o := range thin {
		s.completed = append(s.completed, o.ID+" "+o.ModifiedAt.Format("15:04"))
		record := order.Record{Order: o}
		if s.complete != nil {
			record = s.complete(o)
		}
		records = append(records, record)
		done()
	}
	return records, nil
}

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-"+text)
	if err != nil {
		panic(err)
	}
	return t
}

// quiet is a world in which nothing happens, as the ground for a memory store.
func quiet() *memory {
	w := newWorld(1, byCreatedDay)
	clear(w.orders)
	return newMemory(w)
}

func good(n int) order.Page {
	page := order.Page{Numbered: true, Total: order.Some(n)}
	for i := range n {
		page.Records = append(page.Records, order.Record{Order: &order.Order{Source: "shop", ID: fmt.Sprint("g", i), ModifiedAt: at("20 09:00:00")}})
	}
	return page
}

func bad(n int) order.Page {
	page := order.Page{Numbered: true, Total: order.Some(n)}
	for i := range n {
		page.Records = append(page.Records, order.Record{Dead: &order.DeadLetter{
			Source: "shop", ID: fmt.Sprint("b", i), Reason: "total: not an amount", Version: order.Version{FetchedAt: at("20 09:00:00")},
		}})
	}
	return page
}

func one(page order.Page) func(context.Context, order.Window, func(order.Page, error) bool) {
	return func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) { yield(page, nil) }
}

func TestWindows(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		limits ordersync.Limits
		cp     order.Checkpoint
		span   ordersync.Span
		now    time.Time
		want   []string
	}{
		{
			name: "first run: from the start, ever longer windows", now: at("20 12:00:30"), span: ordersync.Span{Start: at("20 08:00:00")},
			limits: ordersync.Limits{Settle: 30 * time.Second, Slice: time.Hour},
			want: []string{
				"20 08:00:00 - 20 08:30:00", "20 08:30:00 - 20 09:30:00", "20 09:30:00 - 20 10:30:00",
				"20 10:30:00 - 20 11:30:00", "20 11:30:00 - 20 12:00:00",
			},
		},
		{
			name: "following: the overlap before the watermark, the settle time before now", now: at("20 12:00:00"),
			cp: order.Checkpoint{Watermark: at("20 11:55:00"), Revision: 1}, span: ordersync.Span{Start: at("01 00:00:00")},
			limits: ordersync.Limits{Settle: time.Minute, Overlap: 10 * time.Minute},
			want:   []string{"20 11:45:00 - 20 11:59:00"},
		},
		{
			name: "nothing has passed", now: at("20 12:00:00"), cp: order.Checkpoint{Watermark: at("20 12:00:00"), Revision: 1},
		},
		{
			name: "whole days end at midnight in the filter's zone", now: at("20 12:00:00"), span: ordersync.Span{Start: at("18 05:00:00")},
			limits: ordersync.Limits{Step: 24 * time.Hour, Zone: berlin},
			want:   []string{"18 05:00:00 - 18 23:00:00", "18 23:00:00 - 20 12:00:00"},
		},
		{
			name: "a backfill ends where it was told", now: at("20 12:00:00"), cp: order.Checkpoint{Stream: "orders"},
			span: ordersync.Span{Start: at("01 00:00:00"), Until: at("01 00:20:00")},
			want: []string{"01 00:00:00 - 01 00:20:00"},
		},
		{
			name: "a sweep ignores its watermark", now: at("20 12:00:00"), cp: order.Checkpoint{Watermark: at("20 11:00:00"), Revision: 7},
			span: ordersync.Span{Back: 20 * time.Minute}, want: []string{"20 11:40:00 - 20 12:00:00"},
		},
		{
			name: "an interrupted sweep goes on", now: at("20 12:00:00"), span: ordersync.Span{Back: time.Hour},
			cp:   order.Checkpoint{Watermark: at("20 11:40:00"), Window: order.Window{Since: at("20 11:40:00"), Until: at("20 11:50:00")}, Revision: 7},
			want: []string{"20 11:40:00 - 20 12:00:00"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := quiet()
			c.cp.Source, c.cp.Stream = "shop", "s"
			m.checkpoints["s"] = c.cp
			page := good(1)
			source := &scripted{now: c.now, pages: one(page)}
			s := &ordersync.Stream{ID: "shop", Name: "s", Source: source, Store: m, Limits: c.limits}
			run, err := s.Run(t.Context(), c.span)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, source.asked); diff != "" {
				t.Errorf("windows (-want +got):\n%s", diff)
			}
			if run.Windows != len(c.want) || run.Passes != len(c.want) {
				t.Errorf("the run counts %d windows and %d passes, want %d of each", run.Windows, run.Passes, len(c.want))
			}
		})
	}
}

func TestTheWatermarkStaysWhileTheOverlapIsRead(t *testing.T) {
	t.Parallel()
	m := quiet()
	mark := at("20 11:55:00")
	m.checkpoints["orders"] = order.Checkpoint{Source: "shop", Stream: "orders", Watermark: mark, Slice: time.Minute, Revision: 1}
	source := &scripted{now: at("20 12:00:00")}
	source.pages = func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) {
		if got := m.checkpoints["orders"].Watermark; got.Before(mark) {
			t.Errorf("the watermark went back to %v", got)
		}
		yield(good(1), nil)
	}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m, Limits: ordersync.Limits{Overlap: 20 * time.Minute}}
	run, err := s.Run(t.Context(), ordersync.Span{Start: at("01 00:00:00")})
	if err != nil {
		t.Fatal(err)
	}
	if !run.Watermark.Equal(at("20 12:00:00")) || len(m.broken) > 0 {
		t.Errorf("the watermark ended at %v; broken: %v", run.Watermark, m.broken)
	}
}

func TestAClockThatWentBack(t *testing.T) {
	t.Parallel()
	m := quiet()
	m.checkpoints["orders"] = order.Checkpoint{Source: "shop", Stream: "orders", Watermark: at("20 12:00:00"), Revision: 1}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: &scripted{now: at("20 11:00:00"), pages: one(good(1))}, Store: m}
	_, err := s.Run(t.Context(), ordersync.Span{})
	if fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), "went back") {
		t.Errorf("got %v", err)
	}
}

func TestTooWideWindowsAreHalved(t *testing.T) {
	t.Parallel()
	m := quiet()
	source := &scripted{now: at("20 09:00:00")}
	source.pages = func(_ context.Context, window order.Window, yield func(order.Page, error) bool) {
		if window.Length() > 10*time.Minute {
			yield(order.Page{}, fmt.Errorf("too many: %w", order.ErrTooWide))
			return
		}
		yield(good(1), nil)
	}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m, Limits: ordersync.Limits{Step: time.Minute, Slice: 30 * time.Minute}}
	if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:30:00")}); err != nil {
		t.Fatal(err)
	}
	last := source.asked[len(source.asked)-1]
	if !strings.HasSuffix(last, "20 09:00:00") || source.asked[1] != "20 08:30:00 - 20 08:45:00" || source.asked[2] != "20 08:30:00 - 20 08:37:00" {
		t.Errorf("windows: %q", source.asked)
	}

	source.pages = func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) {
		yield(order.Page{}, fault.New(fault.Protocol, fmt.Errorf("the parameter page is ignored: %w", order.ErrTooWide)))
	}
	source.now = at("20 10:00:00")
	_, err := s.Run(t.Context(), ordersync.Span{})
	if fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), "the parameter page is ignored") {
		t.Errorf("at the smallest step the source's own error must be told, got %v", err)
	}
}

// TestShorterAndLater: a remote that wants a shorter window after a pause gets both, inside of the run. A length that went through
// before is tried once more after the pause; windows do not grow again to what was refused. A run ends only for a long pause, and the
// next one then begins with half.
func TestShorterAndLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quiet()
		source := &scripted{now: at("20 09:00:00")}
		pause, moment := 3*time.Minute, true
		source.pages = func(_ context.Context, window order.Window, yield func(order.Page, error) bool) {
			if window.Since.Equal(at("20 08:35:00")) && moment || window.Length() > 6*time.Minute {
				moment = moment && !window.Since.Equal(at("20 08:35:00"))
				yield(order.Page{}, &fault.Error{Kind: fault.Transient, RetryAfter: pause, Err: fmt.Errorf("too heavy: %w", order.ErrTooWide)})
				return
			}
			yield(good(1), nil)
		}
		s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m, Limits: ordersync.Limits{Step: time.Minute, Slice: 20 * time.Minute}}
		begun := time.Now()
		if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:30:00")}); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"20 08:30:00 - 20 08:50:00", "20 08:30:00 - 20 08:40:00", "20 08:30:00 - 20 08:35:00", "20 08:35:00 - 20 08:40:00",
			"20 08:35:00 - 20 08:40:00", "20 08:40:00 - 20 08:45:00", "20 08:45:00 - 20 08:50:00", "20 08:50:00 - 20 08:55:00",
			"20 08:55:00 - 20 09:00:00",
		}
		if diff := cmp.Diff(want, source.asked); diff != "" || time.Since(begun) != 3*pause {
			t.Errorf("after %v, windows (-want +got):\n%s", time.Since(begun), diff)
		}
		pause, source.now, source.asked = time.Hour, at("20 12:00:00"), nil
		if _, err := s.Run(t.Context(), ordersync.Span{}); fault.RetryAfter(err) != pause {
			t.Fatalf("the wait is lost: %v", err)
		}
		if diff := cmp.Diff([]string{"20 09:00:00 - 20 09:05:00", "20 09:05:00 - 20 09:15:00"}, source.asked); diff != "" {
			t.Errorf("windows (-want +got):\n%s", diff)
		}
		source.asked = nil
		if _, err := s.Run(t.Context(), ordersync.Span{}); err != nil || source.asked[0] != "20 09:05:00 - 20 09:10:00" {
			t.Errorf("%v, windows %q", err, source.asked)
		}
	})
}

// TestSeveralOfOneOrder: where refunds are listed and counted, two of one order are two, and the order is asked for once.
func TestSeveralOfOneOrder(t *testing.T) {
	t.Parallel()
	m := quiet()
	refund := func(id, of, modified string) order.Record {
		return order.Record{Counted: id, Order: &order.Order{Source: "shop", ID: of, ModifiedAt: at(modified), FetchedAt: at("20 08:59:00")}}
	}
	page := order.Page{Numbered: true, Thin: true, Total: order.Some(3), Records: []order.Record{
		refund("r1", "1", "20 08:31:00"), refund("r2", "2", "20 08:32:00"), refund("r3", "1", "20 08:33:00"),
	}}
	source := &scripted{now: at("20 09:00:00"), pages: one(page)}
	s := &ordersync.Stream{ID: "shop", Name: "refunds", Source: source, Store: m}
	run, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:30:00")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 08:33", "2 08:32"}, source.completed); diff != "" || run.Passes != 1 || len(run.Shortfalls) > 0 {
		t.Errorf("%d passes, %d shortfalls, completed (-want +got):\n%s", run.Passes, len(run.Shortfalls), diff)
	}
}

// TestReadAgainIsNotAskedAgain: where a window is read again, orders of which nothing better came are not asked for again, unless they
// may have changed since in the second that the list tells of.
func TestReadAgainIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	m := quiet()
	thin := func(id, modified string) order.Record {
		return order.Record{Order: &order.Order{Source: "shop", ID: id, ModifiedAt: at(modified), FetchedAt: at("20 08:59:30")}}
	}
	rows := []order.Record{thin("1", "20 08:31:00"), thin("2", "20 08:32:00"), thin("dead", "20 08:33:00"), thin("3", "20 08:58:45")}
	source := &scripted{now: at("20 09:00:00")}
	source.pages = func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) {
		page := order.Page{Numbered: true, Thin: true, Total: order.Some(len(rows)), Records: rows}
		switch len(source.asked) {
		case 1: // one is not shown
			page.Records = rows[1:]
		case 2: // one has left meanwhile, and one has changed again
			rows[1] = thin("2", "20 08:34:00")
			page.Total = order.Some(len(rows) + 1)
		}
		yield(page, nil)
	}
	source.complete = func(o *order.Order) order.Record {
		short := *o // what came is as old as the list says, however late it came
		short.FetchedAt = o.ModifiedAt
		if o.ID == "dead" {
			return order.Record{Dead: &order.DeadLetter{Source: "shop", ID: o.ID, Reason: "no", Version: short.Version()}}
		}
		return order.Record{Order: &short}
	}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m, Limits: ordersync.Limits{Settle: time.Minute}}
	run, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:30:00")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2 08:32", "dead 08:33", "3 08:58", "1 08:31", "2 08:34", "3 08:58", "3 08:58"}
	if diff := cmp.Diff(want, source.completed); diff != "" || run.Passes != 3 {
		t.Errorf("%d passes, completed (-want +got):\n%s", run.Passes, diff)
	}
	if run.Unchanged != 1+3 || run.Dead != 1 || len(run.Shortfalls) > 0 {
		t.Errorf("%d unchanged, %d dead, %d shortfalls", run.Unchanged, run.Dead, len(run.Shortfalls))
	}
}

// TestHalvedIsNotAskedAgain: where a window is halved because its readings differ, what was asked for it is not asked for again. Where the
// remote breaks a reading off because the window is too wide, the last page was not stored, and is asked for again.
func TestHalvedIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	early, late := at("20 08:31:00"), at("20 08:59:00")
	thin := func(id string, modified time.Time) order.Record {
		return order.Record{Order: &order.Order{Source: "shop", ID: id, ModifiedAt: modified, FetchedAt: at("20 09:30:00")}}
	}
	for name, c := range map[string]struct {
		broken bool
		want   []string
	}{
		"readings differ": {false, []string{"1 08:31", "2 08:59"}},
		"too wide":        {true, []string{"1 08:31", "2 08:59", "1 08:31", "2 08:59"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := quiet()
			source := &scripted{now: at("20 09:00:00")}
			source.pages = func(_ context.Context, window order.Window, yield func(order.Page, error) bool) {
				var rows []order.Record
				for _, r := range []order.Record{thin("1", early), thin("2", late)} {
					if at := r.Order.ModifiedAt; !at.Before(window.Since) && at.Before(window.Until) {
						rows = append(rows, r)
					}
				}
				page := order.Page{Numbered: true, Thin: true, Total: order.Some(len(rows)), Records: rows}
				if len(rows) < 2 {
					yield(page, nil)
					return
				}
				page.Total = order.Some(3 + len(source.asked)%2)
				if !yield(page, nil) {
					return
				}
				if c.broken {
					yield(order.Page{}, fault.New(fault.Protocol, order.ErrTooWide))
					return
				}
				yield(page, nil)
			}
			source.complete = func(o *order.Order) order.Record {
				short := *o
				short.FetchedAt = o.ModifiedAt
				return order.Record{Order: &short}
			}
			s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m}
			if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:30:00")}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, source.completed); diff != "" {
				t.Errorf("completed (-want +got):\n%s", diff)
			}
			if len(m.orders) != 2 {
				t.Errorf("%d orders are stored, want 2", len(m.orders))
			}
		})
	}
}

func TestALieIsAcceptedAndTold(t *testing.T) {
	t.Parallel()
	m := quiet()
	page := good(2)
	page.Total = order.Some(5)
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: &scripted{now: at("20 09:00:00"), pages: one(page)}, Store: m}
	run, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:40:00")})
	if err != nil {
		t.Fatal(err)
	}
	want := []ordersync.Shortfall{{Window: order.Window{Since: at("20 08:40:00"), Until: at("20 09:00:00")}, Announced: 5, Listed: 2}}
	if diff := cmp.Diff(want, run.Shortfalls); diff != "" || run.Passes != 6 {
		t.Errorf("%d passes, shortfalls (-want +got):\n%s", run.Passes, diff)
	}
}

// gone is a source that answers with other records than were asked for.
type gone struct {
	*scripted
	records []order.Record
}

func (g gone) Complete(context.Context, []*order.Order, func()) ([]order.Record, error) {
	return g.records, nil
}

func TestPoison(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, m *memory, page order.Page) error {
		t.Helper()
		s := &ordersync.Stream{ID: "shop", Name: "orders", Source: &scripted{now: at("20 09:00:00"), pages: one(page)}, Store: m}
		_, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:40:00")})
		return err
	}
	mixed := func(good, bad order.Page, every int) order.Page {
		page := order.Page{Numbered: true, Total: order.Some(len(good.Records) + len(bad.Records))}
		for i, r := range good.Records {
			page.Records = append(page.Records, r)
			if i%every == 0 && i/every < len(bad.Records) {
				page.Records = append(page.Records, bad.Records[i/every])
			}
		}
		page.Total = order.Some(len(page.Records))
		return page
	}
	t.Run("a few are set aside", func(t *testing.T) {
		t.Parallel()
		m := quiet()
		if err := run(t, m, mixed(good(30), bad(3), 5)); err != nil {
			t.Fatal(err)
		}
		if len(m.orders) != 30 || len(m.dead) != 3 {
			t.Errorf("%d orders and %d dead letters", len(m.orders), len(m.dead))
		}
	})
	t.Run("more than a fifth of a window stops it before the page is committed", func(t *testing.T) {
		t.Parallel()
		m := quiet()
		err := run(t, m, mixed(good(30), bad(11), 2))
		if fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), "11 of the last 41 orders") {
			t.Errorf("got %v", err)
		}
		if len(m.orders) != 0 || len(m.dead) != 0 || !m.checkpoints["orders"].Watermark.IsZero() {
			t.Errorf("something was committed: %d orders, %d dead letters", len(m.orders), len(m.dead))
		}
	})
	t.Run("ten in a row", func(t *testing.T) {
		t.Parallel()
		if err := run(t, quiet(), bad(10)); fault.KindOf(err) != fault.Protocol {
			t.Errorf("got %v", err)
		}
	})
	t.Run("those of which the remote has only parts left say nothing", func(t *testing.T) {
		t.Parallel()
		m := quiet()
		page := bad(30)
		for i := range page.Records {
			page.Records[i].Dead.Gone = true
		}
		source := gone{scripted: &scripted{now: at("20 09:00:00")}, records: page.Records}
		source.pages = func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) {
			page := good(30)
			page.Thin = true
			yield(page, nil)
		}
		s := &ordersync.Stream{ID: "shop", Name: "refunds", Source: source, Store: m}
		if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:40:00")}); err != nil || len(m.dead) != 30 {
			t.Errorf("%d dead letters, %v", len(m.dead), err)
		}
	})
	t.Run("nine in a row, and then the same ones again at every run", func(t *testing.T) {
		t.Parallel()
		m := quiet()
		s := &ordersync.Stream{ID: "shop", Name: "orders", Source: &scripted{now: at("20 09:00:00"), pages: one(bad(9))}, Store: m}
		for range 3 {
			if _, err := s.Run(t.Context(), ordersync.Span{Back: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(m.checkpoints["orders"].Poison); got != 9 {
			t.Errorf("%d remembered in a row, want 9", got)
		}
	})
}

func TestPatienceEndsARunThatStandsStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quiet()
		source := &scripted{now: at("20 09:00:00")}
		source.pages = func(ctx context.Context, _ order.Window, yield func(order.Page, error) bool) {
			<-ctx.Done()
			yield(order.Page{}, ctx.Err())
		}
		s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m}
		s.Trace = func(ctx context.Context, wait func(time.Duration)) context.Context {
			time.AfterFunc(time.Minute, func() { wait(3 * time.Minute) })
			return ctx
		}
		begin := time.Now()
		_, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:40:00")})
		if fault.KindOf(err) != fault.Transient || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begin); took != 8*time.Minute {
			t.Errorf("it took %v: five minutes of patience and three that the pace asked for", took)
		}
	})
}

func TestStoppingLeavesTheCauseAndNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errStop := errors.New("we are stopping")
		ctx, cancel := context.WithCancelCause(t.Context())
		m := quiet()
		source := &scripted{now: at("20 09:00:00")}
		source.pages = func(ctx context.Context, _ order.Window, yield func(order.Page, error) bool) {
			cancel(errStop)
			<-ctx.Done()
			yield(order.Page{}, ctx.Err())
		}
		s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m}
		if _, err := s.Run(ctx, ordersync.Span{Start: at("20 08:40:00")}); !errors.Is(err, errStop) {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

func TestAPanicOfTheSourceFailsTheRun(t *testing.T) {
	t.Parallel()
	source := &scripted{now: at("20 09:00:00"), pages: func(context.Context, order.Window, func(order.Page, error) bool) { panic("boom") }}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: quiet()}
	if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:40:00")}); fault.KindOf(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
}

// TestRetreat: after a passing failure deep in a long window the next run tries a shorter one.
func TestRetreat(t *testing.T) {
	t.Parallel()
	m := quiet()
	m.checkpoints["orders"] = order.Checkpoint{Source: "shop", Stream: "orders", Slice: 8 * time.Hour, Revision: 1}
	source := &scripted{now: at("20 09:00:00")}
	source.pages = func(_ context.Context, window order.Window, yield func(order.Page, error) bool) {
		page := good(2)
		page.Total = order.Some(4)
		if yield(page, nil) && window.Length() > 2*time.Hour {
			yield(order.Page{}, fault.Errorf(fault.Transient, "502"))
			return
		}
		rest := good(4)
		rest.Records = rest.Records[2:]
		yield(rest, nil)
	}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: m}
	for range 10 {
		_, err := s.Run(t.Context(), ordersync.Span{Start: at("20 01:00:00")})
		if err == nil {
			break
		}
		if fault.KindOf(err) != fault.Transient {
			t.Fatal(err)
		}
	}
	if mark := m.checkpoints["orders"].Watermark; !mark.Equal(at("20 09:00:00")) {
		t.Errorf("the watermark is %v", mark)
	}
}

// TestBacklog: a run that fails in the middle of a list that was counted says how much of it is not stored.
func TestBacklog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pages int
		total order.Field[int]
		want  string
	}{
		{name: "nothing was counted", total: order.Some(10), want: "unknown"},
		{name: "the first page is not stored before the second comes", pages: 1, total: order.Some(10), want: "10"},
		{name: "two pages, one of them stored", pages: 2, total: order.Some(10), want: "8"},
		{name: "nothing is announced", pages: 2, want: "unknown"},
		{name: "more came than was announced", pages: 3, total: order.Some(1), want: "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := &scripted{now: at("20 09:00:00")}
			source.pages = func(_ context.Context, _ order.Window, yield func(order.Page, error) bool) {
				for n := range c.pages {
					page := good(2 * (n + 1))
					page.Records, page.Total = page.Records[2*n:], c.total
					page.Numbered = false
					if !yield(page, nil) {
						return
					}
				}
				yield(order.Page{}, fault.Errorf(fault.Transient, "502"))
			}
			s := &ordersync.Stream{ID: "shop", Name: "orders", Source: source, Store: quiet()}
			run, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:50:00")})
			got := "unknown"
			if run.Backlog != nil {
				got = fmt.Sprint(*run.Backlog)
			}
			if fault.KindOf(err) != fault.Transient || got != c.want {
				t.Errorf("%s, want %s; %v", got, c.want, err)
			}
		})
	}
}

// half is a source that fails after the first of several details, and adds a dead letter to what it completed.
type half struct{ *scripted }

func (h half) Complete(ctx context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	if len(thin) == 1 {
		return h.scripted.Complete(ctx, thin, done)
	}
	records, err := h.scripted.Complete(ctx, thin[:1], done)
	return append(records, bad(1).Records...), errors.Join(err, fault.Errorf(fault.Transient, "502"))
}

// TestCompletedOrdersAreKept: a failure in the middle of a page's details costs the orders that came before it nothing, and moves nothing.
func TestCompletedOrdersAreKept(t *testing.T) {
	t.Parallel()
	m := quiet()
	page := good(4)
	page.Thin = true
	for _, r := range page.Records {
		r.Order.FetchedAt = at("20 09:05:00")
	}
	s := &ordersync.Stream{ID: "shop", Name: "orders", Source: half{&scripted{now: at("20 09:10:00"), pages: one(page)}}, Store: m}
	for n := 1; n <= 3; n++ {
		run, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:50:00")})
		if fault.KindOf(err) != fault.Transient || len(m.orders) != n || len(m.dead) > 0 || run.Inserted != 1 {
			t.Fatalf("run %d: %d orders, %d dead letters, %d new, %v", n, len(m.orders), len(m.dead), run.Inserted, err)
		}
		if cp := m.checkpoints["orders"]; !cp.Watermark.IsZero() || !cp.Window.Empty() {
			t.Errorf("run %d: the checkpoint is %+v", n, cp)
		}
	}
	if _, err := s.Run(t.Context(), ordersync.Span{Start: at("20 08:50:00")}); err != nil || len(m.orders) != 4 {
		t.Errorf("%d orders, %v", len(m.orders), err)
	}
}
