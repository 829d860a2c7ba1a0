package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ordersync/internal/fault"
)

// farAhead is beyond what anybody can have reserved: a next call farther ahead is what a wrong clock left behind, and is forgotten.
// Slow rates are given as much more as a thousand calls take.
const farAhead = 15 * time.Minute

// dayUnit is what a day's number is multiplied with in the column used.
const dayUnit = 1_000_000_000

// Reserve takes calls consecutive slots, spacing apart, for a credential, and returns how long from now until the first one by the
// database's clock. daily above zero bounds the calls of a day, which begins at midnight of zone (an offset from UTC).
//
// It fails with fault.RateLimited and the time to wait while the credential is parked or its day is used up, with fault.Auth while it
// is refused (one reservation an hour is let through as a probe), and with fault.Database when the database is away.
func (db *DB) Reserve(
	ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (wait time.Duration, err error) {
	const op = "reserve calls"
	limit := (farAhead + 1000*spacing).Microseconds()
	for range attempts {
		var found, micros int64
		err := db.again(ctx, func(ctx context.Context) error {
			result, err := db.pool.ExecContext(ctx, reserve,
				limit, int64(calls)*spacing.Microseconds(), zone.Microseconds(), calls, credential,
				daily, zone.Microseconds(), calls, zone.Microseconds(), daily)
			if err != nil {
				return err
			}
			if found, err = result.RowsAffected(); err != nil {
				return err
			}
			micros, err = result.LastInsertId()
			return err
		})
		if err != nil {
			return 0, db.failed(ctx, op, err)
		}
		if found > 0 {
			return time.Duration(micros) * time.Microsecond, nil
		}
		refusal, err := db.whyNot(ctx, credential, calls, daily, zone)
		if err != nil {
			return 0, db.failed(ctx, op, err)
		}
		if refusal != nil {
			return 0, refusal
		}
		// The row was made just now, or what stood in the way has ended: once more.
	}
	return 0, fault.Errorf(fault.Database, "%s: the pace of the credential changes faster than it can be read", op)
}

// whyNot finds out why nothing could be reserved, and makes the credential's row where there is none. No refusal and no error: try
// again.
func (db *DB) whyNot(ctx context.Context, credential string, calls, daily int, zone time.Duration) (refusal, err error) {
	var parked, probe, used, now int64
	var refused, found bool
	err = db.again(ctx, func(ctx context.Context) error {
		found = true
		err := db.pool.QueryRowContext(ctx, selectPace, credential).Scan(&parked, flag{&refused}, &probe, &used, &now)
		if errors.Is(err, sql.ErrNoRows) {
			found = false
			if _, err = db.pool.ExecContext(ctx, insertPace, credential); numberOf(err) == duplicateKey {
				return nil
			}
		}
		return err
	})
	switch {
	case err != nil || !found:
		return nil, err
	case refused && probe > 0:
		next := (time.Duration(probe) * time.Microsecond).Round(time.Minute)
		return fault.Errorf(fault.Auth, "the remote refused this credential; the next probe is in %s", next), nil
	case refused:
		return nil, nil
	case parked > 0:
		wait := time.Duration(parked) * time.Microsecond
		return fault.Limited(wait, fmt.Errorf("the remote asked for a pause that lasts another %s", wait.Round(time.Second))), nil
	case daily > 0:
		return usedUp(used, now+zone.Microseconds(), calls, daily), nil
	default:
		return nil, nil
	}
}

// usedUp returns the refusal where a day's calls do not suffice; now is in the quota's zone.
func usedUp(used, now int64, calls, daily int) error {
	day := 24 * time.Hour.Microseconds()
	if begun := now / day * dayUnit; max(used, begun)+int64(calls) <= begun+int64(daily) {
		return nil
	}
	wait := time.Duration(day-now%day) * time.Microsecond
	return fault.Limited(wait, fmt.Errorf("the calls of this day are used up; the next day begins in %s", wait.Round(time.Second)))
}

// Park lets no call through until wait has passed; it never shortens a longer park.
func (db *DB) Park(ctx context.Context, credential string, wait time.Duration) error {
	_, err := db.exec(ctx, "park a credential", parkPace, credential, wait.Microseconds())
	return err
}

// Refuse notes that the remote refused the credential: nothing but one probe an hour is let through, the first in an hour.
func (db *DB) Refuse(ctx context.Context, credential string) error {
	_, err := db.exec(ctx, "note a refused credential", refusePace, credential)
	return err
}

// Accept notes that the remote accepted the credential again.
func (db *DB) Accept(ctx context.Context, credential string) error {
	_, err := db.exec(ctx, "note an accepted credential", acceptPace, credential)
	return err
}

// PaceRow is the pace of one credential.
type PaceRow struct {
	Credential string
	// Ahead is how far the reserved calls reach past now.
	Ahead time.Duration
	// Day is the day (in the zone of the quota, as midnight UTC) of the last call, Used the calls of that day.
	Day  time.Time
	Used int64
	// ParkedUntil, RefusedAt and ProbeAt are zero where they do not apply.
	ParkedUntil, RefusedAt, ProbeAt time.Time
}

// PaceRows lists the pace of every credential.
func (db *DB) PaceRows(ctx context.Context) ([]PaceRow, error) {
	var all []PaceRow
	err := db.query(ctx, "list the paces", selectPaces, func() { all = nil }, func(rows *sql.Rows) error {
		var p PaceRow
		var ahead, used int64
		err := rows.Scan(&p.Credential, &ahead, &used, moment{&p.ParkedUntil}, moment{&p.RefusedAt}, moment{&p.ProbeAt})
		p.Ahead, p.Used = time.Duration(ahead)*time.Microsecond, used%dayUnit
		p.Day = time.Unix(0, 0).UTC().AddDate(0, 0, int(used/dayUnit))
		all = append(all, p)
		return err
	})
	return all, err
}
