package mysql

import (
	"context"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/order"
)

// Usual counts the orders of a source that were ordered in the same span of earlier weeks: in [since, until) shifted back by one week,
// by two, and so on.
func (db *DB) Usual(ctx context.Context, source order.SourceID, since, until time.Time, weeks int) ([]int, error) {
	panic("not yet")
}

// Newest returns when the newest order of each source was ordered; sources without any such time are left out.
func (db *DB) Newest(ctx context.Context) (map[order.SourceID]time.Time, error) {
	panic("not yet")
}

// StoredSince counts the orders of a source that were stored, for the first time or anew, since a moment by the database's clock.
func (db *DB) StoredSince(ctx context.Context, source order.SourceID, since time.Time) (int, error) {
	panic("not yet")
}

// WeekOf tells of [since, until), by the history of runs and incidents: of each source in the configuration, by name. Dead letters,
// watermarks and open incidents are those of now. Of several empty runs that share a row, the share of that time is counted.
func (db *DB) WeekOf(ctx context.Context, since, until time.Time) (alert.Week, error) {
	panic("not yet")
}
