package mysql

import (
	"context"
	"database/sql"
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
	us := period.Microseconds()
	found, err := db.exec(ctx, "pause the source "+string(source), pauseSource, us, us, cut(by, 191), string(source))
	return found > 0, err
}

// ResumeSource ends the pause of a source, and reports whether it was paused.
func (db *DB) ResumeSource(ctx context.Context, source order.SourceID) (bool, error) {
	found, err := db.exec(ctx, "resume the source "+string(source), resumeSource, string(source))
	return found > 0, err
}

// Pauses lists the sources that are paused now, by name, also those that left the configuration.
func (db *DB) Pauses(ctx context.Context) ([]Pause, error) {
	var all []Pause
	err := db.query(ctx, "list the paused sources", selectPauses, func() { all = nil }, func(rows *sql.Rows) error {
		var p Pause
		err := rows.Scan((*string)(&p.Source), &p.Since, moment{&p.Until}, &p.By, &p.Now)
		all = append(all, p)
		return err
	})
	return all, err
}

// Resumed returns when the last pause of each source ended that was paused and is not now.
func (db *DB) Resumed(ctx context.Context) (map[order.SourceID]time.Time, error) {
	ends := map[order.SourceID]time.Time{}
	err := db.query(ctx, "list the sources that were paused", selectResumed, func() { clear(ends) }, func(rows *sql.Rows) error {
		var source string
		var at time.Time
		err := rows.Scan(&source, &at)
		ends[order.SourceID(source)] = at
		return err
	})
	return ends, err
}
