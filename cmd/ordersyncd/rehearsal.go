package main

import (
	"context"
	"errors"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

// rehearsal is a store that reads and never writes: what a commit would do is worked out and counted. It remembers the ids that
// it has counted, since a page that is read twice would change nothing the second time.
type rehearsal struct {
	db      *mysql.DB
	counted map[string]order.Version
}

func newRehearsal(db *mysql.DB) *rehearsal {
	return &rehearsal{db: db, counted: map[string]order.Version{}}
}

// Checkpoint is the store's.
func (r *rehearsal) Checkpoint(ctx context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	return r.db.Checkpoint(ctx, source, stream)
}

// Known is the store's.
func (r *rehearsal) Known(ctx context.Context, source order.SourceID, ids []string) (map[string]order.Version, error) {
	return r.db.Known(ctx, source, ids)
}

// Streams is the store's.
func (r *rehearsal) Streams(ctx context.Context, source order.SourceID) ([]order.Checkpoint, error) {
	return r.db.Streams(ctx, source)
}

// NoteGap notes nothing: what would be noted is news.
func (r *rehearsal) NoteGap(context.Context, order.Gap) (bool, error) { return true, nil }

// Commit counts what the page would do.
func (r *rehearsal) Commit(ctx context.Context, from, _ order.Checkpoint, page order.Page) (order.Written, error) {
	var w order.Written
	var ids []string
	for _, o := range page.Orders() {
		ids = append(ids, o.ID)
	}
	known, err := r.db.Known(ctx, from.Source, ids)
	if err != nil {
		return w, err
	}
	for _, record := range page.Records {
		version, again := r.counted[record.Key()]
		switch {
		case record.Dead != nil && !again:
			w.Dead++
			r.counted[record.Key()] = record.Dead.Version
		case record.Dead != nil || again && !record.Order.ModifiedAt.After(version.ModifiedAt):
			w.Unchanged++
		default:
			if err := r.judge(ctx, record.Order, known, &w); err != nil {
				return w, err
			}
			r.counted[record.Key()] = record.Order.Version()
		}
	}
	return w, nil
}

// judge counts one order by comparing it with the stored one.
func (r *rehearsal) judge(ctx context.Context, o *order.Order, known map[string]order.Version, w *order.Written) error {
	version, ok := known[o.ID]
	if !ok {
		w.Inserted++
		return nil
	}
	if o.ModifiedAt.Before(version.ModifiedAt) {
		w.Stale++
		return nil
	}
	stored, err := r.db.Order(ctx, o.Source, o.ID)
	if errors.Is(err, mysql.ErrNotStored) {
		w.Inserted++
		return nil
	}
	if err != nil {
		return err
	}
	o.Merge(&stored.Order)
	o.Sort()
	stored.Sort()
	if o.Hash() == stored.Hash() {
		w.Unchanged++
	} else {
		w.Updated++
	}
	return nil
}
