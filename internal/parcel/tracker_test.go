package parcel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop order.SourceID = "shop"

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// world is a store in memory and a remote, both with a clock that the test moves.
type world struct {
	now   time.Time
	news  []order.Parcel
	rows  []Tracked
	fails error // of the store

	mu    sync.Mutex
	asked []string
	// trace answers for a parcel.
	trace func(order.Parcel) ([]order.Shipment, error)
}

func (w *world) tracker() *Tracker { return &Tracker{ID: shop, Source: w, Store: w} }

func (w *world) Parcels(payload []byte) []order.Parcel {
	if string(payload) != "payload" {
		panic("another text")
	}
	return w.news
}

func (w *world) Trace(_ context.Context, p order.Parcel) ([]order.Shipment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, p.TrackingNumber)
	return w.trace(p)
}

func (w *world) NoteParcels(_ context.Context, scope Scope, read func([]byte) []order.Parcel) (int, error) {
	n := 0
	for _, p := range read([]byte("payload")) {
		known := slices.ContainsFunc(w.rows, func(t Tracked) bool { return t.TrackingNumber == p.TrackingNumber })
		if known || scope.OrderID != "" && scope.OrderID != p.OrderID {
			continue
		}
		n++
		w.rows = append(w.rows, Tracked{
			Shipment: order.Shipment{OrderID: p.OrderID, Carrier: p.Carrier, TrackingNumber: p.TrackingNumber, Status: order.ShipmentCreated},
			LineIDs:  p.LineIDs, Split: p.Split, MovedAt: cmp.Or(p.ShippedAt, w.now), NextAt: w.now, Unfinished: true,
		})
	}
	return n, w.fails
}

func (w *world) ListParcels(_ context.Context, scope Scope, limit int) ([]Tracked, error) {
	var list []Tracked
	for _, t := range w.rows {
		t.Now = w.now
		due := !t.NextAt.IsZero() && !t.NextAt.After(w.now)
		if scope.OrderID == t.OrderID || scope.OrderID == "" && due {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b Tracked) int { return a.NextAt.Compare(b.NextAt) })
	return list[:min(limit, len(list))], nil
}

func (w *world) StoreAsked(_ context.Context, _ order.SourceID, a Asked) error {
	for i := range w.rows {
		t := &w.rows[i]
		if t.TrackingNumber != a.Before.TrackingNumber || t.Asks != a.Before.Asks {
			continue
		}
		t.Shipment, t.MovedAt, t.AskedAt, t.NextAt = a.After, a.MovedAt, w.now, time.Time{}
		t.Asks++
		if a.Next > 0 {
			t.NextAt = w.now.Add(a.Next)
		}
	}
	for _, s := range a.Others {
		w.news = append(w.news, order.Parcel{OrderID: s.OrderID, TrackingNumber: s.TrackingNumber})
	}
	return nil
}

func (w *world) row(number string) *Tracked {
	return &w.rows[slices.IndexFunc(w.rows, func(t Tracked) bool { return t.TrackingNumber == number })]
}

func named(id string, numbers ...string) []order.Parcel {
	var list []order.Parcel
	for _, n := range numbers {
		list = append(list, order.Parcel{OrderID: id, Carrier: "YTO", TrackingNumber: n, LineIDs: []string{n + "-1"}, Split: len(numbers) > 1})
	}
	return list
}

func events(at ...time.Time) []order.ShipmentEvent {
	var list []order.ShipmentEvent
	for _, t := range at {
		list = append(list, order.ShipmentEvent{At: t, Text: "on its way"})
	}
	return list
}

// The time to the next question grows with the time that a parcel stands still, and ends.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     order.ShipmentStatus
		unfinished bool
		still      time.Duration
		want       time.Duration
	}{
		{order.ShipmentCreated, true, 0, 2 * time.Hour},
		{order.ShipmentInTransit, true, 4 * time.Hour, 2 * time.Hour},
		{order.ShipmentInTransit, true, 10 * time.Hour, 5 * time.Hour},
		{order.ShipmentFailed, true, 3 * 24 * time.Hour, 24 * time.Hour},
		{order.ShipmentUnknown, true, 60*24*time.Hour - 1, 24 * time.Hour},
		{order.ShipmentUnknown, true, 60 * 24 * time.Hour, 0},
		{order.ShipmentDelivered, true, 0, 0},
		{order.ShipmentReturned, true, 0, 0},
		{order.ShipmentInTransit, false, 0, 0},
	} {
		if got := next(c.status, c.unfinished, c.still); got != c.want {
			t.Errorf("%s, unfinished %v, still for %s: %s, want %s", c.status, c.unfinished, c.still, got, c.want)
		}
	}
}

// A parcel from its first day to its door: how often it is asked about, and that it ends.
func TestLifeOfAParcel(t *testing.T) {
	t.Parallel()
	way := []time.Duration{3 * time.Hour, 9 * time.Hour, 20 * time.Hour, 44 * time.Hour, 50 * time.Hour}
	w := &world{now: epoch, news: named("1", "A")}
	w.trace = func(order.Parcel) ([]order.Shipment, error) {
		s := order.Shipment{Status: order.ShipmentInTransit}
		for _, d := range way {
			if at := epoch.Add(d); !at.After(w.now) {
				s.Events = append(s.Events, events(at)...)
			}
		}
		if len(s.Events) == len(way) {
			s.Status, s.DeliveredAt = order.ShipmentDelivered, order.Some(epoch.Add(50*time.Hour))
		}
		return []order.Shipment{s}, nil
	}
	var total Run
	for range 4 * 24 * 2 { // a tick each half an hour, for four days
		r, err := w.tracker().Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total.Noted, total.Asked, total.Moved = total.Noted+r.Noted, total.Asked+r.Asked, total.Moved+r.Moved
		total.Delivered += r.Delivered
		w.now = w.now.Add(30 * time.Minute)
	}
	a := w.row("A")
	if a.Status != order.ShipmentDelivered || len(a.Events) != 5 || !a.NextAt.IsZero() || total.Noted != 1 || total.Delivered != 1 || total.Moved < 4 {
		t.Errorf("%+v, %+v", total, a)
	}
	t.Logf("%d questions for a way of 50 hours with 5 steps", total.Asked)
	if total.Asked > 20 {
		t.Errorf("%d questions for a way of 50 hours with 5 steps", total.Asked)
	}
}

// A parcel of which nothing is ever heard is asked about rarely, and given up after 60 days.
func TestHopeless(t *testing.T) {
	t.Parallel()
	w := &world{now: epoch, news: named("1", "A")}
	w.news[0].ShippedAt = epoch.Add(-50 * 24 * time.Hour)
	w.trace = func(order.Parcel) ([]order.Shipment, error) { return nil, nil }
	asked, given := 0, 0
	for range 20 * 48 {
		r, err := w.tracker().Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked, given = asked+r.Asked, given+r.Hopeless
		w.now = w.now.Add(30 * time.Minute)
	}
	if asked != 11 || given != 1 {
		t.Errorf("asked %d times and given up %d times in 20 days, want 11 and 1", asked, given)
	}
}

// The order is finished: one question more, so that the end of the way is known, and no further one.
func TestFinishedOrder(t *testing.T) {
	t.Parallel()
	w := &world{now: epoch, news: named("1", "A")}
	w.trace = func(order.Parcel) ([]order.Shipment, error) {
		return []order.Shipment{{TrackingNumber: "A", Status: order.ShipmentInTransit, Events: events(w.now.Add(-time.Hour))}}, nil
	}
	if _, err := w.tracker().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.row("A").Unfinished = false
	w.now = w.now.Add(24 * time.Hour)
	r, err := w.tracker().Run(t.Context())
	if err != nil || r.Asked != 1 || r.Finished != 1 || len(w.row("A").Events) != 2 || !w.row("A").NextAt.IsZero() {
		t.Errorf("%+v, %v, %+v", r, err, w.row("A"))
	}
}

// What an answer may look like, and what is made of it.
func TestWeigh(t *testing.T) {
	t.Parallel()
	stored := Tracked{
		Shipment: order.Shipment{OrderID: "1", Carrier: "YTO", TrackingNumber: "A", Status: order.ShipmentInTransit, Events: events(epoch)},
		MovedAt:  epoch, Unfinished: true, Now: epoch.Add(10 * time.Hour),
	}
	for _, c := range []struct {
		name      string
		shipments []order.Shipment
		err       error
		carrier   string // of the stored parcel
		want      func(*Asked)
		refused   string
	}{
		{name: "nothing", want: func(*Asked) {}},
		{name: "the same", shipments: []order.Shipment{{Events: events(epoch)}}, want: func(*Asked) {}},
		{
			name: "a step", shipments: []order.Shipment{{OrderID: "1", TrackingNumber: "A", Carrier: "圆通", Events: events(epoch, epoch.Add(9*time.Hour))}},
			want: func(a *Asked) {
				a.After.Events, a.MovedAt, a.Next = events(epoch, epoch.Add(9*time.Hour)), epoch.Add(9*time.Hour), 2*time.Hour
			},
		},
		{
			name: "a step from a clock ahead", shipments: []order.Shipment{{Events: events(epoch, epoch.Add(30*time.Hour))}},
			want: func(a *Asked) {
				a.After.Events, a.MovedAt, a.Next = events(epoch, epoch.Add(30*time.Hour)), epoch.Add(10*time.Hour), 2*time.Hour
			},
		},
		{
			name: "delivered", shipments: []order.Shipment{{Status: order.ShipmentDelivered}},
			want: func(a *Asked) { a.After.Status, a.Next = order.ShipmentDelivered, 0 },
		},
		{
			name: "another parcel", shipments: []order.Shipment{{TrackingNumber: "B"}},
			want: func(a *Asked) { a.Others = []order.Shipment{{OrderID: "1", TrackingNumber: "B"}} },
		},
		{name: "another order", shipments: []order.Shipment{{OrderID: "2", TrackingNumber: "A", Status: order.ShipmentDelivered}}, want: func(*Asked) {}},
		{
			name: "a number that is none", shipments: []order.Shipment{{TrackingNumber: "\x01"}}, want: func(*Asked) {},
			refused: "tracking number: it holds control characters",
		},
		{name: "an error", err: fault.Errorf(fault.Rejected, "no such trade"), want: func(*Asked) {}, refused: "no such trade"},
	} {
		want := Asked{Before: stored, After: stored.Shipment, MovedAt: epoch, Next: 5 * time.Hour}
		c.want(&want)
		got, err := weigh(stored, answer{shipments: c.shipments, err: c.err})
		if diff := gocmp.Diff(want, got, gocmp.Comparer(func(a, b order.Shipment) bool { return a.Same(&b) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.refused)
		}
	}
	stored.Carrier = ""
	if got, err := weigh(stored, answer{shipments: []order.Shipment{{Carrier: "圆通"}}}); err != nil || got.After.Carrier != "圆通" {
		t.Errorf("a carrier that the order did not name: %+v, %v", got.After, err)
	}
}

// Which failures end a run, and which only cost a parcel its turn.
func TestFailures(t *testing.T) {
	t.Parallel()
	many := func(n int) []string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("P%02d", i))
		}
		return list
	}
	for _, c := range []struct {
		name  string
		fails func(number string) error
		kind  fault.Kind // of the run's error
		want  Run
	}{
		{name: "none", fails: func(string) error { return nil }, want: Run{Noted: 30, Asked: 30, Moved: 30}},
		{
			name: "rejected, all of them", fails: func(string) error { return fault.Errorf(fault.Rejected, "no such trade") },
			want: Run{Noted: 30, Asked: 30, Refused: 30},
		},
		{
			name: "one that always fails",
			fails: func(n string) error {
				if n == "P00" {
					return fault.Errorf(fault.Transient, "isp")
				}
				return nil
			},
			want: Run{Noted: 30, Asked: 30, Moved: 29, Refused: 1},
		},
		{
			name: "one that always fails, with the short pause that its client made between its attempts",
			fails: func(n string) error {
				if n == "P00" {
					return &fault.Error{Kind: fault.Transient, RetryAfter: time.Second, Err: errors.New("isp")}
				}
				return nil
			},
			want: Run{Noted: 30, Asked: 30, Moved: 29, Refused: 1},
		},
		{
			name: "ten in a row", fails: func(string) error { return fault.Errorf(fault.Transient, "502") }, kind: fault.Transient,
			want: Run{Noted: 30, Asked: 10, Refused: 10},
		},
		{
			name: "ten in a row that are not understood", fails: func(string) error { return fault.Errorf(fault.Protocol, "XML") }, kind: fault.Protocol,
			want: Run{Noted: 30, Asked: 10, Refused: 10},
		},
		{
			name: "a pause that is asked for",
			fails: func(n string) error {
				if n == "P04" {
					return &fault.Error{Kind: fault.Transient, RetryAfter: time.Minute, Err: errors.New("too heavy")}
				}
				return nil
			},
			kind: fault.Transient, want: Run{Noted: 30, Asked: 5, Moved: 4},
		},
		{
			name: "a ban", fails: func(string) error { return fault.Limited(time.Minute, errors.New("ban")) }, kind: fault.RateLimited,
			want: Run{Noted: 30, Asked: 1},
		},
		{name: "a session", fails: func(string) error { return fault.Errorf(fault.Auth, "27") }, kind: fault.Auth, want: Run{Noted: 30, Asked: 1}},
		{name: "a right", fails: func(string) error { return fault.Errorf(fault.Config, "11") }, kind: fault.Config, want: Run{Noted: 30, Asked: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{now: epoch, news: named("1", many(30)...)}
			w.trace = func(p order.Parcel) ([]order.Shipment, error) {
				return []order.Shipment{{Status: order.ShipmentInTransit}}, c.fails(p.TrackingNumber)
			}
			for i := range w.news { // one after the other
				w.news[i].OrderID = fmt.Sprint(i)
			}
			tracker := w.tracker()
			tracker.AtOnce = 1
			told := 0
			tracker.Progress = func(Run) { told++ }
			got, err := tracker.Run(t.Context())
			if fault.KindOf(err) != c.kind {
				t.Errorf("the run's error is %v, want one of the kind %s", err, c.kind)
			}
			if got.Refused > 0 && got.Refusal == nil || told < got.Moved+got.Refused {
				t.Errorf("refusal %v, told %d times", got.Refusal, told)
			}
			got.Refusal = nil
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, row := range w.rows { // who was asked waits; who was not is due
				if due := !row.NextAt.After(w.now); due != (row.Asks == 0) {
					t.Errorf("%s was asked %d times, and is due: %v", row.TrackingNumber, row.Asks, due)
				}
			}
		})
	}
}

// A single failing parcel is a failing remote where there is no other one.
func TestOnlyFailures(t *testing.T) {
	t.Parallel()
	w := &world{now: epoch, news: named("1", "A")}
	w.trace = func(order.Parcel) ([]order.Shipment, error) { return nil, fault.Errorf(fault.Transient, "502") }
	if _, err := w.tracker().Run(t.Context()); fault.KindOf(err) != fault.Transient {
		t.Errorf("the run ends with %v", err)
	}
}

func TestOne(t *testing.T) {
	t.Parallel()
	w := &world{now: epoch, news: slices.Concat(named("1", "A", "B", "C"), named("2", "D"))}
	w.trace = func(p order.Parcel) ([]order.Shipment, error) {
		if p.TrackingNumber == "B" {
			return nil, fault.Errorf(fault.Rejected, "no")
		}
		if !p.Split || p.LineIDs[0] != p.TrackingNumber+"-1" || p.Carrier != "YTO" {
			t.Errorf("asked about %+v", p)
		}
		return []order.Shipment{{Status: order.ShipmentDelivered}}, nil
	}
	for range 2 { // also when nothing is due any more
		list, r, err := w.tracker().One(t.Context(), "1")
		if err != nil || len(list) != 3 || r.Asked != 3 || r.Refused != 1 || list[0].Status != order.ShipmentDelivered {
			t.Fatalf("%+v, %+v, %v", list, r, err)
		}
	}
	w.row("C").Status = order.ShipmentWithdrawn
	w.asked = nil
	if _, _, err := w.tracker().One(t.Context(), "1"); err != nil || len(w.asked) != 2 {
		t.Errorf("asked about %q, %v", w.asked, err)
	}
	list, _, err := w.tracker().One(t.Context(), "9")
	if err != nil || len(list) != 0 {
		t.Errorf("an order without parcels: %v, %v", list, err)
	}
	w.fails = fault.Errorf(fault.Database, "away")
	if _, _, err := w.tracker().One(t.Context(), "1"); fault.KindOf(err) != fault.Database {
		t.Errorf("without a database: %v", err)
	}
	if _, err := w.tracker().Run(t.Context()); fault.KindOf(err) != fault.Database {
		t.Errorf("a run without a database: %v", err)
	}
}

// A run that is stopped ends with the cause; who was not asked stays due.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := fmt.Errorf("stopped: %w", context.Canceled)
	w := &world{now: epoch, news: slices.Concat(named("1", "A", "B"), named("2", "C", "D", "E"))}
	w.trace = func(p order.Parcel) ([]order.Shipment, error) {
		if len(w.asked) == 3 {
			cancel(cause)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, nil
	}
	tracker := w.tracker()
	tracker.AtOnce = 2
	r, err := tracker.Run(ctx)
	if !errors.Is(err, cause) || fault.KindOf(err) != 0 || r.Unmoved != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	due, _ := w.ListParcels(t.Context(), Scope{Source: shop}, 10)
	if len(due) != 3 {
		t.Errorf("%d parcels are due, want 3", len(due))
	}
}

// Whatever a remote answers, a run ends, nothing that was heard is lost, and each parcel is asked about once a turn.
func TestRunProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{now: epoch, news: named("1", "A", "B", "C", "D", "E", "F")}
		heard := map[string]int{}
		w.trace = func(p order.Parcel) ([]order.Shipment, error) {
			switch rapid.IntRange(0, 5).Draw(rt, "answer") {
			case 0:
				return nil, fault.Errorf(fault.Transient, "502")
			case 1:
				return nil, fault.Errorf(fault.Rejected, "no")
			case 2:
				return nil, nil
			case 3:
				return []order.Shipment{{TrackingNumber: "X" + p.TrackingNumber}}, nil
			}
			n := rapid.IntRange(0, 5).Draw(rt, "steps")
			var at []time.Time
			for i := range n {
				at = append(at, epoch.Add(time.Duration(i)*time.Hour))
			}
			heard[p.TrackingNumber] = max(heard[p.TrackingNumber], n)
			return []order.Shipment{{Status: order.ShipmentInTransit, Events: events(at...)}}, nil
		}
		tracker := w.tracker()
		tracker.AtOnce = rapid.IntRange(1, 5).Draw(rt, "at once")
		for range 8 {
			w.asked = nil
			_, _ = tracker.Run(t.Context()) // whose failure is the remote's
			if once := slices.Compact(slices.Sorted(slices.Values(w.asked))); len(once) != len(w.asked) {
				rt.Fatalf("asked twice in one run: %q", w.asked)
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 72).Draw(rt, "hours")) * time.Hour)
		}
		for _, row := range w.rows {
			if len(row.Events) != heard[row.TrackingNumber] {
				rt.Fatalf("%s has %d steps of %d that were heard", row.TrackingNumber, len(row.Events), heard[row.TrackingNumber])
			}
		}
	})
}
