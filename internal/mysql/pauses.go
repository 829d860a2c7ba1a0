package mysql

import (
	"context"
	"time"

	"ordersync/internal/order"
)

// Pause is an operator's wish that a source is not worked.
type Pause struct {
	Source order.SourceID
	// Since is when it began, Until when it ends (zero: when somebody ends it), Now the clock when it was read: the database's.
	Since, Until, Now time.Time
	// By is who paused it.
	By string
}

// PauseSource pauses a source for a period (zero: until it is resumed), and reports whether there is such a source. One that is paused
// keeps its begin and takes the new end.
func (db *DB) PauseSource(ctx context.Context, source order.SourceID, period time.Duration, by string) (bool, error) {
	panic("not yet")
}

// ResumeSource ends the pause of a source, and reports whether it was paused.
func (db *DB) ResumeSource(ctx context.Context, source order.SourceID) (bool, error) {
	panic("not yet")
}

// Pauses lists the sources that are paused now, by name, also those that left the configuration.
func (db *DB) Pauses(ctx context.Context) ([]Pause, error) {
	panic("not yet")
}
