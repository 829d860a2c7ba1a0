package status

import (
	"context"
	"slices"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/intake"
	"ordersync/internal/order"
)

const aWeek = 7 * 24 * time.Hour

// Fill writes into a notice what it means for the orders of each source that it names.
func (v *View) Fill(ctx context.Context, n *alert.Notice) error {
	var f facts
	var err error
	if f.checkpoints, err = v.DB.Checkpoints(ctx); err != nil {
		return err
	}
	for i := range n.Items {
		item := &n.Items[i]
		if !slices.ContainsFunc(v.Sources, func(s Source) bool { return s.Name == item.Source }) {
			continue
		}
		s, err := v.standing(ctx, item.Source, f.watermark(item.Source), n.At)
		if err == nil && (item.Change == alert.Closed || item.Change == alert.Passed) {
			s.Stored, err = v.DB.StoredSince(ctx, order.SourceID(item.Source), item.Since)
		}
		if err != nil {
			return err
		}
		item.Facts.Standing = s
	}
	return nil
}

// standing is how a source stands, whose orders are stored up to mark.
func (v *View) standing(ctx context.Context, source string, mark, now time.Time) (*alert.Standing, error) {
	s := &alert.Standing{Watermark: mark}
	if !mark.IsZero() {
		s.Behind = max(now.Sub(mark), 0)
	}
	var start time.Time
	for _, job := range v.Jobs {
		if job.Source != source {
			continue
		}
		good, err := v.DB.LastGood(ctx, job.Name)
		if err != nil {
			return nil, err
		}
		s.LastGood, start = later(s.LastGood, good), later(start, job.Start)
	}
	var err error
	s.Waiting, err = v.waiting(ctx, order.SourceID(source), start, mark, now)
	return s, err
}

// waiting estimates how many orders of a source wait at the remote: those that it announced and that the last failed run did not store,
// and for the time since then what is usual. Nil where nobody knows. Orders are known from start on, and whole before mark.
func (v *View) waiting(ctx context.Context, source order.SourceID, start, mark, now time.Time) (*int, error) {
	if mark.IsZero() || start.IsZero() {
		return nil, nil
	}
	counted, err := v.DB.LastBacklog(ctx, source)
	if err != nil {
		return nil, err
	}
	left, from := 0, mark
	if counted.Backlog != nil && counted.Stream == intake.StreamOrders && counted.BacklogUntil.After(mark) {
		left, from = *counted.Backlog, counted.BacklogUntil
	}
	if !from.Before(now) {
		return &left, nil
	}
	counts, err := v.DB.Usual(ctx, source, from, now, weeksBack)
	if err != nil {
		return nil, err
	}
	usual, known := usualOf(counts, start, from, mark, now)
	if !known && left == 0 {
		return nil, nil
	}
	left += usual
	return &left, nil
}

// usualOf is the mean of the weeks that are stored whole: those in which [from, now) lies, shifted, after start and before mark.
func usualOf(counts []int, start, from, mark, now time.Time) (mean int, known bool) {
	sum, weeks := 0, 0
	for i, n := range counts {
		back := time.Duration(i+1) * aWeek
		if from.Add(-back).Before(start) || now.Add(-back).After(mark) {
			continue
		}
		sum, weeks = sum+n, weeks+1
	}
	if weeks == 0 {
		return 0, false
	}
	return (sum + weeks/2) / weeks, true
}
