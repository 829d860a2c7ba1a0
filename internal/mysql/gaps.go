package mysql

import (
	"context"
	"database/sql"
	"time"

	"ordersync/internal/order"
)

// GapRow is a gap as it is stored.
type GapRow struct {
	ID int64
	order.Gap
	// FoundAt is when it was first noted, AckedAt when a person took notice of it, by the database's clock; zero: nobody did.
	FoundAt, AckedAt time.Time
	// AckedBy is who took notice.
	AckedBy string
}

// Streams lists the checkpoints of one source.
func (db *DB) Streams(ctx context.Context, source order.SourceID) ([]order.Checkpoint, error) {
	var all []order.Checkpoint
	err := db.query(ctx, "list the checkpoints of "+string(source), selectStreams, func() { all = nil }, func(rows *sql.Rows) error {
		var row CheckpointRow
		err := row.scan(rows)
		all = append(all, row.Checkpoint)
		return err
	}, string(source))
	return all, err
}

// NoteGap notes a gap and reports whether that was news. A gap is known by source, stream and begin: one that is noted again and ends
// later has grown, which is news and wants to be taken notice of again.
func (db *DB) NoteGap(ctx context.Context, gap order.Gap) (bool, error) {
	since, until := order.Instant(gap.Window.Since), order.Instant(gap.Window.Until)
	found, err := db.exec(ctx, "note a gap of "+string(gap.Source), growGap, instantArg(until), cut(gap.Reason, 1024),
		string(gap.Source), gap.Stream, instantArg(since), instantArg(until))
	if err != nil || found > 0 {
		return found > 0, err
	}
	_, err = db.exec(ctx, "note a gap of "+string(gap.Source), insertGap, string(gap.Source), gap.Stream,
		instantArg(since), instantArg(until), cut(gap.Reason, 1024))
	if numberOf(err) == duplicateKey {
		return false, nil // it is known, at this length
	}
	return err == nil, err
}

// Gaps lists the gaps that nobody took notice of yet, or all, by source and begin.
func (db *DB) Gaps(ctx context.Context, all bool) ([]GapRow, error) {
	var gaps []GapRow
	err := db.query(ctx, "list the gaps", selectGaps, func() { gaps = nil }, func(rows *sql.Rows) error {
		var g GapRow
		err := rows.Scan(&g.ID, (*string)(&g.Source), &g.Stream, &g.Window.Since, &g.Window.Until, &g.Reason, &g.FoundAt,
			moment{&g.AckedAt}, &g.AckedBy)
		gaps = append(gaps, g)
		return err
	}, all)
	return gaps, err
}

// AckGap notes that a person took notice of a gap, and reports whether there was one that nobody had.
func (db *DB) AckGap(ctx context.Context, id int64, by string) (bool, error) {
	found, err := db.exec(ctx, "acknowledge a gap", ackGap, cut(by, 191), id)
	return found > 0, err
}
