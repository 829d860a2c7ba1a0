package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	// notedAtOnce bounds a transaction of observations.
	notedAtOnce = 200
	// mostAge is how old an observation can be: what is older comes of a wrong clock.
	mostAge = 31 * 24 * time.Hour
)

// Note writes observations down for whoever tells, in their order. Their time becomes that of the database's clock, less their age by
// the clock of this process. A good run is left out where nothing is wrong: no incident of its source or of all sources is failing or
// open, and no observation of its source waits. Repeating it changes nothing, also when they were worked meanwhile, for two days.
func (db *DB) Note(ctx context.Context, observations []alert.Observation) error {
	if len(observations) == 1 && observations[0].IsGood() {
		if awaited, err := db.awaited(ctx, observations[0].Run.Source); err != nil || !awaited {
			return err // as it is nearly always
		}
	}
	for piece := range slices.Chunk(observations, notedAtOnce) {
		err := db.again(ctx, func(ctx context.Context) error {
			return db.inTx(ctx, func(tx *sql.Tx) error { return note(ctx, tx, piece) })
		})
		if err != nil {
			return db.failed(ctx, "note what happened", err)
		}
	}
	return nil
}

// awaited reports whether a good run of a source can matter.
func (db *DB) awaited(ctx context.Context, source string) (awaited bool, err error) {
	err = db.query(ctx, "note what happened", selectAwaited, func() {}, func(rows *sql.Rows) error { return rows.Scan(&awaited) }, source, source)
	return awaited, err
}

// note writes down what may matter. The clocks are compared once for all, so that what happened in order stays in order.
func note(ctx context.Context, tx *sql.Tx, observations []alert.Observation) error {
	var now time.Time
	if err := tx.QueryRowContext(ctx, selectNow).Scan(&now); err != nil {
		return err
	}
	here := time.Now()
	for _, o := range observations {
		source := ""
		if o.Run != nil {
			source = o.Run.Source
		}
		if o.IsGood() {
			var awaited bool
			if err := tx.QueryRowContext(ctx, selectAwaited, source, source).Scan(&awaited); err != nil {
				return err
			}
			if !awaited {
				continue
			}
		}
		happened := now
		if !o.At.IsZero() {
			happened = now.Add(-min(max(here.Sub(o.At), 0), mostAge))
		}
		o.At = o.At.UTC()
		body, err := json.Marshal(o)
		if err != nil {
			return fault.Errorf(fault.Internal, "an observation: %w", err)
		}
		identity := sha256.Sum256(body)
		if _, err := tx.ExecContext(ctx, insertObservation, identity[:], source, instantArg(happened), string(body)); err != nil {
			return err
		}
	}
	return nil
}

// observations lists those that wait to be worked. One that another version wrote and this one cannot read says nothing.
func (db *DB) observations(ctx context.Context) ([]alert.Noted, error) {
	var all []alert.Noted
	err := db.query(ctx, "list what happened", selectObservations, func() { all = nil }, func(rows *sql.Rows) error {
		var n alert.Noted
		var at time.Time
		var body []byte
		if err := rows.Scan(&n.Number, &at, &body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &n.Observation); err != nil {
			db.unreadable(ctx, fmt.Sprint("observation ", n.Number), err)
			n.Observation = alert.Observation{}
		}
		n.At = at
		all = append(all, n)
		return nil
	}, mostRead)
	return all, err
}
