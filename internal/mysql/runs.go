package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"ordersync/internal/order"
)

// Outcomes of a run.
const (
	OutcomeGood    = "good"
	OutcomeFailed  = "failed"
	OutcomeStopped = "stopped"
)

// RunRow is one execution of a job, or several empty ones in a row.
type RunRow struct {
	RunID  string
	Job    string
	Source order.SourceID
	Stream string
	// TickAt is zero for typed runs.
	TickAt  time.Time
	Attempt int
	Holder  string
	// Outcome is one of the Outcome constants; Kind and Error say why a run failed, without personal data.
	Outcome, Kind, Error string
	// StartedAt and EndedAt are by the clock of the process; of a row of several runs, of the first and of the last.
	StartedAt, EndedAt time.Time

	Since, Until, Watermark time.Time

	Windows, Passes, Pages, Records int
	order.Written
	Rounded, Repaired int
	// Shortfall counts the windows in which the remote announced more records than it listed.
	Shortfall int
	// Backlog is how many orders of times before BacklogUntil the remote had announced that a failed run did not store; nil: not counted.
	Backlog      *int
	BacklogUntil time.Time

	// Runs is how many runs the row stands for; RecordRun ignores it.
	Runs int
}

// Empty reports whether the run was good and changed nothing.
func (r RunRow) Empty() bool {
	return r.Outcome == OutcomeGood && r.Inserted+r.Updated+r.Dead+r.Released+r.Shortfall == 0
}

const maxRunError = 2048

// RecordRun notes a run. Consecutive empty runs of a job share one row, which then has the id of the first. Repeating it with the same
// RunID changes nothing.
func (db *DB) RecordRun(ctx context.Context, run RunRow) error {
	run.Error = cut(run.Error, maxRunError)
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error { return run.record(ctx, tx) })
	})
	return db.failed(ctx, "record the run of "+run.Job, err)
}

func (r RunRow) record(ctx context.Context, tx *sql.Tx) error {
	var latest RunRow
	var lastID string
	found := false
	err := each(ctx, tx, selectLatestRun, []any{r.Job}, func(rows *sql.Rows) error {
		found = true
		return scanRun(rows, &latest, &lastID)
	})
	if err != nil || found && (latest.RunID == r.RunID || lastID == r.RunID) {
		return err
	}
	if found && latest.Empty() && r.Empty() && latest.Source == r.Source && latest.Stream == r.Stream {
		_, err := tx.ExecContext(ctx, joinRun, r.RunID, instantArg(r.TickAt), r.Attempt, r.Holder, instantArg(r.EndedAt),
			instantArg(r.Until), instantArg(r.Watermark), r.Windows, r.Passes, r.Pages, r.Records,
			r.Unchanged, r.Stale, r.Rounded, r.Repaired, latest.RunID)
		return err
	}
	_, err = tx.ExecContext(ctx, insertRun, r.RunID, r.Job, string(r.Source), r.Stream, instantArg(r.TickAt), r.Attempt, r.Holder,
		r.Outcome, r.Kind, r.Error, instantArg(r.StartedAt), instantArg(r.EndedAt), instantArg(r.Since), instantArg(r.Until), instantArg(r.Watermark),
		r.Windows, r.Passes, r.Pages, r.Records, r.Inserted, r.Updated, r.Unchanged, r.Stale, r.Dead, r.Released,
		r.Rounded, r.Repaired, r.Shortfall, r.Backlog, instantArg(r.BacklogUntil), 1, r.RunID)
	if numberOf(err) == duplicateKey {
		return nil // an older row has it: it was recorded before
	}
	return err
}

func scanRun(rows *sql.Rows, r *RunRow, lastID *string) error {
	return rows.Scan(&r.RunID, &r.Job, (*string)(&r.Source), &r.Stream, moment{&r.TickAt}, &r.Attempt, &r.Holder, &r.Outcome, &r.Kind, &r.Error,
		&r.StartedAt, &r.EndedAt, moment{&r.Since}, moment{&r.Until}, moment{&r.Watermark},
		&r.Windows, &r.Passes, &r.Pages, &r.Records, &r.Inserted, &r.Updated, &r.Unchanged, &r.Stale, &r.Dead, &r.Released,
		&r.Rounded, &r.Repaired, &r.Shortfall, &r.Backlog, moment{&r.BacklogUntil}, &r.Runs, lastID)
}

// LastRuns returns the latest row of each job, by the name of the job.
func (db *DB) LastRuns(ctx context.Context) ([]RunRow, error) {
	var all []RunRow
	err := db.query(ctx, "list the last runs", selectLastRuns, func() { all = nil }, func(rows *sql.Rows) error {
		var r RunRow
		err := scanRun(rows, &r, new(string))
		all = append(all, r)
		return err
	})
	// Two that ended in the same microsecond are both listed; the ids of runs rise.
	slices.Reverse(all)
	all = slices.CompactFunc(all, func(a, b RunRow) bool { return a.Job == b.Job })
	slices.Reverse(all)
	return all, err
}

// LastBacklog returns the last run of a source that failed where the remote had counted what it lists; the zero row where there is none.
func (db *DB) LastBacklog(ctx context.Context, source order.SourceID) (RunRow, error) {
	var found RunRow
	err := db.query(ctx, "find the last backlog of "+string(source), selectLastBacklog, func() { found = RunRow{} }, func(rows *sql.Rows) error {
		return scanRun(rows, &found, new(string))
	}, string(source))
	return found, err
}

// LastGood returns when the last good run of a job ended; zero where there was none.
func (db *DB) LastGood(ctx context.Context, job string) (time.Time, error) {
	var ended time.Time
	err := db.query(ctx, "find the last good run of "+job, selectLastGood, func() { ended = time.Time{} }, func(rows *sql.Rows) error {
		return rows.Scan(&ended)
	}, job)
	return ended, err
}

// PruneRuns deletes runs that ended longer ago than keep, and returns how many rows.
func (db *DB) PruneRuns(ctx context.Context, keep time.Duration) (int64, error) {
	var deleted int64
	for {
		n, err := db.exec(ctx, "prune the runs", pruneRuns, int64(keep/time.Second))
		deleted += n
		if err != nil || n == 0 {
			return deleted, err
		}
	}
}
