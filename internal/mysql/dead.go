package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"ordersync/internal/order"
)

// StoredDeadLetter is a dead letter as it is stored.
type StoredDeadLetter struct {
	order.DeadLetter
	// FirstDeadAt is when the record was first refused, DeadAt when last with another content or reason, by the database's clock.
	FirstDeadAt, DeadAt time.Time
}

// DeadLetterFilter selects dead letters. The zero one selects all of them.
type DeadLetterFilter struct {
	Source order.SourceID
	// Limit is the most that are returned; zero means 1000.
	Limit int
}

// DeadLetters lists dead letters, latest first, without their payloads.
func (db *DB) DeadLetters(ctx context.Context, filter DeadLetterFilter) ([]StoredDeadLetter, error) {
	var all []StoredDeadLetter
	err := db.query(ctx, "list dead letters", selectDeadLetters, func() { all = nil }, func(rows *sql.Rows) error {
		var d StoredDeadLetter
		err := d.scan(rows)
		all = append(all, d)
		return err
	}, string(filter.Source), string(filter.Source), cmp.Or(filter.Limit, 1000))
	return all, err
}

// DeadLetter returns one dead letter with its payload. It fails with ErrNotStored where there is none.
func (db *DB) DeadLetter(ctx context.Context, source order.SourceID, id string) (*StoredDeadLetter, error) {
	op := fmt.Sprintf("read dead letter %s %s", source, id)
	var found *StoredDeadLetter
	err := db.query(ctx, op, selectDeadLetter, func() { found = nil }, func(rows *sql.Rows) error {
		found = new(StoredDeadLetter)
		return found.scan(rows, &found.Payload)
	}, string(source), id)
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", op, ErrNotStored)
	}
	return found, err
}

func (d *StoredDeadLetter) scan(rows *sql.Rows, more ...any) error {
	return rows.Scan(append([]any{
		(*string)(&d.Source), &d.ID, moment{&d.Version.ModifiedAt}, &d.Version.FetchedAt, &d.Reason, &d.FirstDeadAt, &d.DeadAt,
	}, more...)...)
}

// DiscardDeadLetter deletes a dead letter and reports whether there was one.
func (db *DB) DiscardDeadLetter(ctx context.Context, source order.SourceID, id string) (bool, error) {
	found, err := db.exec(ctx, fmt.Sprintf("discard dead letter %s %s", source, id), deleteDeadLetter, string(source), id)
	return found > 0, err
}

// CountDeadLetters returns how many dead letters each source has; sources without any are left out.
func (db *DB) CountDeadLetters(ctx context.Context) (map[order.SourceID]int, error) {
	counts := map[order.SourceID]int{}
	err := db.query(ctx, "count dead letters", countDeadLetters, func() { clear(counts) }, func(rows *sql.Rows) error {
		var source string
		var n int
		err := rows.Scan(&source, &n)
		counts[order.SourceID(source)] = n
		return err
	})
	return counts, err
}
