package parcel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const (
	// shortest and longest bound the time after which a parcel is asked about again.
	shortest = 2 * time.Hour
	longest  = 24 * time.Hour
	// hopeless is how long a parcel may stand still before it is given up.
	hopeless = 60 * 24 * time.Hour

	// pageSize is how many due parcels are listed at a time, and defaultAtOnce how many of them are asked about at once.
	pageSize      = 100
	defaultAtOnce = 4
	// inARow is how many failures in a row mean that the remote fails, and not the parcel.
	inARow = 10
	// longPause is the shortest pause that concerns other parcels: a client sits shorter ones out itself, between its attempts.
	longPause = time.Minute
	// mostOfOne bounds the parcels of one order.
	mostOfOne = 1000
)

// Tracker follows the parcels of one source.
type Tracker struct {
	ID     order.SourceID
	Source Source
	Store  Store
	// AtOnce is how many questions are under way at a time, under the pace of the source's own client; zero means 4.
	AtOnce int
	// Progress, where set, is told after each answer that was stored, on the goroutine of Run.
	Progress func(Run)
}

// Run asks about every parcel whose turn has come. What it stored stays, also where it fails: it may be called again at once. The
// error's kind (fault.KindOf) says who must act; a cancelled ctx ends the run with the context's cause.
func (t *Tracker) Run(ctx context.Context) (Run, error) {
	w := &walk{Tracker: t}
	err := w.due(ctx)
	return w.run, w.judge(ctx, err)
}

// One asks about all parcels of one order, whether it is their turn or not, and returns what is stored of them then. Parcels that could
// not be told of are counted as refused.
func (t *Tracker) One(ctx context.Context, id string) ([]Tracked, Run, error) {
	w := &walk{Tracker: t}
	scope := Scope{Source: t.ID, OrderID: id}
	err := w.one(ctx, scope)
	if err = w.judge(ctx, err); err != nil {
		return nil, w.run, err
	}
	list, err := t.Store.ListParcels(ctx, scope, mostOfOne)
	return list, w.run, err
}

// walk is one execution of a Tracker.
type walk struct {
	*Tracker
	run Run
	// failed counts the failures in a row; failure is the first one of the run.
	failed  int
	failure error
}

func (w *walk) due(ctx context.Context) error {
	scope := Scope{Source: w.ID}
	var err error
	if w.run.Noted, err = w.Store.NoteParcels(ctx, scope, w.Source.Parcels); err != nil {
		return fmt.Errorf("look for the parcels of %s: %w", w.ID, err)
	}
	for {
		due, err := w.Store.ListParcels(ctx, scope, pageSize)
		if err != nil {
			return fmt.Errorf("list the parcels of %s that are due: %w", w.ID, err)
		}
		if len(due) == 0 {
			return nil
		}
		if err := w.ask(ctx, due); err != nil {
			return err
		}
	}
}

func (w *walk) one(ctx context.Context, scope Scope) error {
	var err error
	if w.run.Noted, err = w.Store.NoteParcels(ctx, scope, w.Source.Parcels); err != nil {
		return fmt.Errorf("look for the parcels of order %s of %s: %w", scope.OrderID, w.ID, err)
	}
	all, err := w.Store.ListParcels(ctx, scope, mostOfOne)
	if err != nil {
		return fmt.Errorf("list the parcels of order %s of %s: %w", scope.OrderID, w.ID, err)
	}
	named := make([]Tracked, 0, len(all))
	for _, p := range all {
		if p.Status != order.ShipmentWithdrawn {
			named = append(named, p)
		}
	}
	return w.ask(ctx, named)
}

// answer is what came of one question.
type answer struct {
	shipments []order.Shipment
	err       error
}

// ask asks about the parcels, a few at once, and stores what comes.
func (w *walk) ask(ctx context.Context, parcels []Tracked) error {
	atOnce := w.AtOnce
	if atOnce < 1 {
		atOnce = defaultAtOnce
	}
	for len(parcels) > 0 {
		some := parcels[:min(atOnce, len(parcels))]
		parcels = parcels[len(some):]
		answers := make([]answer, len(some))
		var asking sync.WaitGroup
		for i := range some {
			asking.Go(func() { answers[i].shipments, answers[i].err = w.Source.Trace(ctx, some[i].question()) })
		}
		asking.Wait()
		// All that came is stored, also where one of them ends the run.
		var end error
		for i := range some {
			if err := w.take(ctx, some[i], answers[i]); err != nil && end == nil {
				end = err
			}
		}
		if end != nil {
			return end
		}
	}
	return nil
}

func (p *Tracked) question() order.Parcel {
	return order.Parcel{
		OrderID: p.OrderID, Carrier: p.Carrier, TrackingNumber: p.TrackingNumber, LineIDs: p.LineIDs, Split: p.Split, ShippedAt: p.ShippedAt.Value(),
	}
}

// take judges an answer and stores what it says. An error ends the run.
func (w *walk) take(ctx context.Context, p Tracked, a answer) error {
	w.run.Asked++
	asked, err := weigh(p, a)
	switch kind := fault.KindOf(err); {
	case err == nil:
		w.failed = 0
	case ctx.Err() != nil || kind != fault.Rejected && kind != fault.Protocol && kind != fault.Transient || fault.RetryAfter(err) >= longPause:
		// Nobody else of this source would fare better now; the parcel keeps its turn.
		return fmt.Errorf("ask %s about a parcel of order %s: %w", w.ID, p.OrderID, err)
	default:
		w.refuse(p, kind, err)
	}
	if err := w.Store.StoreAsked(ctx, w.ID, asked); err != nil {
		return fmt.Errorf("store a parcel of order %s of %s: %w", p.OrderID, w.ID, err)
	}
	w.count(&asked, err != nil)
	if w.Progress != nil {
		w.Progress(w.run)
	}
	if w.failed >= inARow {
		return fmt.Errorf("%s failed %d times in a row: %w", w.ID, w.failed, w.failure)
	}
	return nil
}

// refuse notes a parcel of which nothing could be told.
func (w *walk) refuse(p Tracked, kind fault.Kind, err error) {
	err = fmt.Errorf("ask %s about a parcel of order %s: %w", w.ID, p.OrderID, err)
	if w.run.Refusal == nil {
		w.run.Refusal = err
	}
	if kind == fault.Rejected {
		w.failed = 0
		return
	}
	if w.failed++; w.failure == nil {
		w.failure = err
	}
}

func (w *walk) count(a *Asked, refused bool) {
	moved := !a.After.Same(&a.Before.Shipment)
	switch {
	case refused:
		w.run.Refused++
	case moved:
		w.run.Moved++
	default:
		w.run.Unmoved++
	}
	switch {
	case a.Next > 0 || a.Before.NextAt.IsZero():
	case a.After.Status.Final():
		w.run.Delivered++
	case !a.Before.Unfinished:
		w.run.Finished++
	default:
		w.run.Hopeless++
	}
}

// judge is the end of a run. Where parcels were refused and not one could be told of, it is the remote that failed.
func (w *walk) judge(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil && w.failure != nil && w.run.Moved+w.run.Unmoved == 0 {
		return w.failure
	}
	return err
}

// weigh makes of a parcel and an answer what shall be stored. Beside an error it is the parcel as it was, with its next turn.
func weigh(p Tracked, a answer) (Asked, error) {
	asked := Asked{Before: p, After: p.Shipment, MovedAt: p.MovedAt}
	err := a.err
	for i := range a.shipments {
		s := &a.shipments[i]
		if s.OrderID == "" {
			s.OrderID = p.OrderID
		}
		if s.TrackingNumber == "" {
			s.TrackingNumber = p.TrackingNumber
		}
		if tidy := s.Tidy(); tidy != nil {
			if err == nil {
				err = fault.New(fault.Rejected, tidy)
			}
			continue
		}
		switch {
		case s.OrderID != p.OrderID:
		case s.TrackingNumber != p.TrackingNumber:
			asked.Others = append(asked.Others, *s)
		default:
			if p.Carrier != "" {
				s.Carrier = p.Carrier // the key is what the order says
			}
			s.Merge(&p.Shipment)
			asked.After = *s
		}
	}
	if !asked.After.Same(&p.Shipment) {
		asked.MovedAt = movedAt(&asked.After, p.Now)
	}
	asked.Next = next(asked.After.Status, p.Unfinished, p.Now.Sub(asked.MovedAt))
	return asked, err
}

// movedAt is when a parcel of which there is something new moved last: its latest step, where that has a time that can be.
func movedAt(s *order.Shipment, now time.Time) time.Time {
	if last := s.LastEvent(); !last.IsZero() && last.Before(now) {
		return last
	}
	return now
}

// next is after how long a parcel is asked about again that has stood still for so long; zero: never.
func next(status order.ShipmentStatus, unfinished bool, still time.Duration) time.Duration {
	if status.Final() || !unfinished || still >= hopeless {
		return 0
	}
	return min(max(still/2, shortest), longest)
}
