package mysql

import (
	"context"
	"database/sql"
	"time"

	"ordersync/internal/schedule"
)

// States returns the state of every job.
func (db *DB) States(ctx context.Context) ([]schedule.State, error) {
	var all []schedule.State
	err := db.query(ctx, "read the state of the jobs", selectStates, func() { all = nil }, func(rows *sql.Rows) error {
		var s schedule.State
		err := rows.Scan(&s.Job, &s.LastTick, &s.Attempt, moment{&s.RepeatAt}, &s.Holder, moment{&s.HeldUntil}, &s.Skipped, &s.Now)
		all = append(all, s)
		return err
	})
	return all, err
}

// ClaimTick takes a job for its tick; see schedule.Store. Where its reply is lost the tick counts as claimed by a holder that died.
func (db *DB) ClaimTick(ctx context.Context, job string, tick time.Time, holder string, ttl time.Duration) (bool, error) {
	const op = "claim a tick"
	// Twice: the row may be made by another daemon between the two statements.
	for range 2 {
		found, err := db.exec(ctx, op, claimTick, instantArg(tick), holder, ttl.Microseconds(), job,
			instantArg(tick), schedule.FutureTick.Microseconds(), holder)
		if err != nil || found > 0 {
			return found > 0, err
		}
		_, err = db.exec(ctx, op, insertJob, job, instantArg(tick), holder, ttl.Microseconds())
		if err == nil {
			return true, nil
		}
		if numberOf(err) != duplicateKey {
			return false, err
		}
	}
	return false, nil
}

// ClaimRepeat takes a job for another attempt; see schedule.Store.
func (db *DB) ClaimRepeat(ctx context.Context, job string, attempt int, holder string, ttl time.Duration) (bool, error) {
	found, err := db.exec(ctx, "claim a repeat", claimRepeat, attempt+1, holder, ttl.Microseconds(), job, attempt, holder)
	return found > 0, err
}

// SkipTick notes a tick that came while the job was held; see schedule.Store.
func (db *DB) SkipTick(ctx context.Context, job string, tick time.Time) (bool, error) {
	found, err := db.exec(ctx, "skip a tick", skipTick, instantArg(tick), job, instantArg(tick), schedule.FutureTick.Microseconds())
	return found > 0, err
}

// RenewJob prolongs the right to run a job; see schedule.Store.
func (db *DB) RenewJob(ctx context.Context, job, holder string, ttl time.Duration) (bool, error) {
	found, err := db.exec(ctx, "renew the hold on a job", renewJob, ttl.Microseconds(), job, holder)
	return found > 0, err
}

// FinishJob gives a job back; see schedule.Store.
func (db *DB) FinishJob(ctx context.Context, job, holder string, attempt int, repeatAt time.Time) error {
	_, err := db.exec(ctx, "finish a job", finishJob, attempt, instantArg(repeatAt), job, holder)
	return err
}

// AcquireLease takes a lease; see schedule.Leases.
func (db *DB) AcquireLease(
	ctx context.Context, source, stream, holder string, ttl time.Duration,
) (schedule.Lease, bool, error) {
	var l schedule.Lease
	err := db.again(ctx, func(ctx context.Context) error {
		// The row is locked between the two: nobody takes or gives it back meanwhile.
		return db.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, takeLease, source, stream, holder, ttl.Microseconds()); err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, selectLease, source, stream).Scan(&l.Source, &l.Stream, &l.Holder, &l.Since, &l.Until, &l.Now)
		})
	})
	if err != nil {
		return schedule.Lease{}, false, db.failed(ctx, "acquire a lease", err)
	}
	return l, l.Holder == holder, nil
}

// RenewLease prolongs a lease; see schedule.Leases.
func (db *DB) RenewLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (bool, error) {
	found, err := db.exec(ctx, "renew a lease", renewLease, ttl.Microseconds(), source, stream, holder)
	return found > 0, err
}

// ReleaseLease ends a lease; see schedule.Leases.
func (db *DB) ReleaseLease(ctx context.Context, source, stream, holder string) error {
	_, err := db.exec(ctx, "release a lease", deleteLease, source, stream, holder)
	return err
}

// LeaseRows lists all leases, also those that are over.
func (db *DB) LeaseRows(ctx context.Context) ([]schedule.Lease, error) {
	var all []schedule.Lease
	err := db.query(ctx, "list the leases", selectLeases, func() { all = nil }, func(rows *sql.Rows) error {
		var l schedule.Lease
		err := rows.Scan(&l.Source, &l.Stream, &l.Holder, &l.Since, &l.Until, &l.Now)
		all = append(all, l)
		return err
	})
	return all, err
}
