package mysql

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// DaemonRow is a daemon as it tells the others of itself.
type DaemonRow struct {
	// Holder is the name under which it takes jobs and leases.
	Holder string
	// Configuration is what it works with, without any secret; its form is the daemon's.
	Configuration string
	// StartedAt and SeenAt are by the database's clock, as Now is, the clock when the row was read.
	StartedAt, SeenAt, Now time.Time
}

// NoteDaemon writes down what the daemon works with, and that it lives; running is how long it has been running.
func (db *DB) NoteDaemon(ctx context.Context, holder, configuration string, running time.Duration) error {
	_, err := db.exec(ctx, "note the daemon "+holder, upsertDaemon, holder, configuration, running.Microseconds())
	return err
}

// SeeDaemon writes down that the daemon lives, and reports whether its row is there.
func (db *DB) SeeDaemon(ctx context.Context, holder string) (bool, error) {
	found, err := db.exec(ctx, "note the daemon "+holder, seeDaemon, holder)
	return found > 0, err
}

// ForgetDaemon deletes the row of a daemon that stops.
func (db *DB) ForgetDaemon(ctx context.Context, holder string) error {
	_, err := db.exec(ctx, "forget the daemon "+holder, deleteDaemon, holder)
	return err
}

// PruneDaemons deletes the rows of daemons that have not been seen for so long: they ended without a chance to say so.
func (db *DB) PruneDaemons(ctx context.Context, keep time.Duration) error {
	_, err := db.exec(ctx, "prune the daemons", pruneDaemons, int64(keep/time.Second))
	return err
}

// Daemons lists the daemons by name, also those that ended without a chance to say so.
func (db *DB) Daemons(ctx context.Context) ([]DaemonRow, error) {
	var all []DaemonRow
	err := db.query(ctx, "list the daemons", selectDaemons, func() { all = nil }, func(rows *sql.Rows) error {
		var d DaemonRow
		err := rows.Scan(&d.Holder, &d.Configuration, &d.StartedAt, &d.SeenAt, &d.Now)
		all = append(all, d)
		return err
	})
	return all, err
}

// errUndone ends a transaction that was only tried.
var errUndone = errors.New("tried only")

// TrySources returns what [DB.RememberSources] would, and changes nothing.
func (db *DB) TrySources(ctx context.Context, configured []SourceRow) error {
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error {
			if err := remember(ctx, tx, configured); err != nil {
				return err
			}
			return errUndone
		})
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return db.failed(ctx, "compare the sources", err)
}
