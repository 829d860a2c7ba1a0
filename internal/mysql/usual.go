package mysql

import (
	"context"
	"database/sql"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const week = 7 * 24 * time.Hour

// Usual counts the orders of a source that were ordered in the same span of earlier weeks: in [since, until) shifted back by one week,
// by two, and so on.
func (db *DB) Usual(ctx context.Context, source order.SourceID, since, until time.Time, weeks int) ([]int, error) {
	const op = "count the orders of earlier weeks of "
	if weeks < 1 || since.IsZero() || until.IsZero() {
		return nil, fault.Errorf(fault.Internal, op+"%s: no span of time, or no week, is given", source)
	}
	var args []any
	counts := make([]int, weeks)
	targets := make([]any, weeks)
	for i := range weeks {
		back := time.Duration(i+1) * week
		args = append(args, string(source), instantArg(since.Add(-back)), instantArg(until.Add(-back)))
		targets[i] = &counts[i]
	}
	err := db.query(ctx, op+string(source), db.statements.countUsual.text(weeks), func() {}, func(rows *sql.Rows) error {
		return rows.Scan(targets...)
	}, args...)
	return counts, err
}

// Newest returns when the newest order of each source was ordered; sources without any such time are left out.
func (db *DB) Newest(ctx context.Context) (map[order.SourceID]time.Time, error) {
	newest := map[order.SourceID]time.Time{}
	err := db.query(ctx, "find the newest orders", selectNewest, func() { clear(newest) }, func(rows *sql.Rows) error {
		var source string
		var at time.Time
		err := rows.Scan(&source, moment{&at})
		if !at.IsZero() {
			newest[order.SourceID(source)] = at
		}
		return err
	})
	return newest, err
}

// StoredSince counts the orders of a source that were stored, for the first time or anew, since a moment by the database's clock.
func (db *DB) StoredSince(ctx context.Context, source order.SourceID, since time.Time) (int, error) {
	var n int
	err := db.query(ctx, "count the stored orders of "+string(source), countStored, func() { n = 0 }, func(rows *sql.Rows) error {
		return rows.Scan(&n)
	}, string(source), instantArg(since))
	return n, err
}

// WeekOf tells of [since, until), by the history of runs and incidents: of each source in the configuration, by name. Dead letters,
// watermarks and open incidents are those of now. Of several empty runs that share a row, the share of that time is counted.
func (db *DB) WeekOf(ctx context.Context, since, until time.Time) (alert.Week, error) {
	w := alert.Week{Since: since, Until: until}
	sources, err := db.Sources(ctx)
	if err != nil {
		return alert.Week{}, err
	}
	places := map[string]int{}
	for _, s := range sources {
		if s.RemovedAt.IsZero() {
			places[string(s.Name)] = len(w.Sources)
			w.Sources = append(w.Sources, alert.SourceWeek{Source: string(s.Name)})
		}
	}
	of := func(source string) *alert.SourceWeek {
		if i, ok := places[source]; ok {
			return &w.Sources[i]
		}
		return new(alert.SourceWeek)
	}
	if err := db.runsOf(ctx, &w, of); err != nil {
		return alert.Week{}, err
	}
	dead, err := db.CountDeadLetters(ctx)
	if err != nil {
		return alert.Week{}, err
	}
	for source, n := range dead {
		of(string(source)).DeadLetters = n
	}
	err = db.query(ctx, "read the watermarks", selectWeekMarks, func() {}, func(rows *sql.Rows) error {
		var source string
		var mark time.Time
		err := rows.Scan(&source, moment{&mark})
		of(source).Watermark = mark
		return err
	})
	if err != nil {
		return alert.Week{}, err
	}
	err = db.query(ctx, "count the incidents", countWeeksIncidents, func() {}, func(rows *sql.Rows) error {
		return rows.Scan(&w.Incidents, &w.Open)
	}, instantArg(since), instantArg(until))
	return w, err
}

// runsOf fills in what the runs of a week did.
func (db *DB) runsOf(ctx context.Context, w *alert.Week, of func(source string) *alert.SourceWeek) error {
	since, until := instantArg(w.Since), instantArg(w.Until)
	return db.query(ctx, "count the runs", selectWeekRuns, func() { w.Runs, w.Failed = 0, 0 }, func(rows *sql.Rows) error {
		var source string
		var runs, failed, inserted, updated int
		err := rows.Scan(&source, &runs, &failed, &inserted, &updated)
		w.Runs += runs
		w.Failed += failed
		s := of(source)
		s.New, s.Changed = inserted, updated
		return err
	}, until, since, until, until, until, until, since, until)
}
