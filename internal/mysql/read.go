package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ordersync/internal/order"
)

// CheckpointRow is a checkpoint with the time of its last commit.
type CheckpointRow struct {
	order.Checkpoint
	UpdatedAt time.Time
}

// StoredOrder is an order as it is stored, with its lines, refunds and raw text.
type StoredOrder struct {
	order.Order
	FirstSeenAt, SyncedAt time.Time
	// GoneAt is when the remote was found to no longer have it; zero: it has it.
	GoneAt time.Time
}

// ErrNotStored is what Order and DeadLetter answer when there is no such row. It is no fault.
var ErrNotStored = errors.New("it is not stored")

// Checkpoint returns the stored checkpoint; one with Revision 0, Source and Stream where there is none yet.
func (db *DB) Checkpoint(ctx context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	row := CheckpointRow{}
	found := false
	err := db.query(ctx, fmt.Sprintf("read the checkpoint %s/%s", source, stream), selectCheckpoint,
		func() { row, found = CheckpointRow{}, false },
		func(rows *sql.Rows) error { found = true; return row.scan(rows) }, string(source), stream)
	if err != nil {
		return order.Checkpoint{}, err
	}
	if !found {
		return order.Checkpoint{Source: source, Stream: stream}, nil
	}
	return row.Checkpoint, nil
}

// Checkpoints lists all checkpoints.
func (db *DB) Checkpoints(ctx context.Context) ([]CheckpointRow, error) {
	var all []CheckpointRow
	err := db.query(ctx, "list the checkpoints", selectCheckpoints, func() { all = nil }, func(rows *sql.Rows) error {
		var row CheckpointRow
		err := row.scan(rows)
		all = append(all, row)
		return err
	})
	return all, err
}

func (c *CheckpointRow) scan(rows *sql.Rows) error {
	var source, cursor string
	var slice, ceiling int64
	var poison []byte
	err := rows.Scan(&source, &c.Stream, moment{&c.Watermark}, moment{&c.Window.Since}, moment{&c.Window.Until}, &cursor, &slice, &ceiling, &poison,
		&c.Revision, &c.UpdatedAt)
	if err != nil {
		return err
	}
	c.Source, c.Cursor, c.Slice = order.SourceID(source), order.Cursor(cursor), time.Duration(slice)*time.Microsecond
	c.Ceiling = time.Duration(ceiling) * time.Microsecond
	if err := json.Unmarshal(poison, &c.Poison); err != nil {
		return fmt.Errorf("the column poison of %s/%s: %w", source, c.Stream, err)
	}
	if len(c.Poison) == 0 {
		c.Poison = nil
	}
	return nil
}

// Known returns the stored versions of those of the ids that are stored and not marked gone.
func (db *DB) Known(ctx context.Context, source order.SourceID, ids []string) (map[string]order.Version, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	versions := make(map[string]order.Version, len(ids))
	err := db.again(ctx, func(ctx context.Context) error {
		clear(versions)
		return byIDs(ctx, db.pool, db.statements.known, source, ids, func(rows *sql.Rows) error {
			var id string
			var v order.Version
			err := rows.Scan(&id, &v.ModifiedAt, &v.FetchedAt)
			versions[id] = v
			return err
		})
	})
	if err != nil {
		return nil, db.failed(ctx, "look up stored orders of "+string(source), err)
	}
	return versions, nil
}

// Order returns a stored order. It fails with ErrNotStored where there is none.
func (db *DB) Order(ctx context.Context, source order.SourceID, id string) (*StoredOrder, error) {
	op := fmt.Sprintf("read order %s %s", source, id)
	var found *StoredOrder
	err := db.query(ctx, op, selectStored, func() { found = nil }, func(rows *sql.Rows) error {
		o := &StoredOrder{Order: order.Order{Source: source}}
		err := rows.Scan(append(append([]any{&o.ID}, orderTargets(&o.Order)...), &o.FirstSeenAt, &o.SyncedAt, moment{&o.GoneAt}, &o.Raw)...)
		found = o
		return err
	}, string(source), id)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("%s: %w", op, ErrNotStored)
	}
	err = db.again(ctx, func(ctx context.Context) error {
		return children(ctx, db.pool, &db.statements, source, []string{id}, func(string) *order.Order { return &found.Order })
	})
	return found, db.failed(ctx, op, err)
}
