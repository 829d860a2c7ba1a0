package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/ordersync"
	"ordersync/internal/schedule"
)

// errand is one run of one job, whoever asked for it: the schedule or a person.
type errand struct {
	job     string
	account *account
	// stream is the one whose lease is taken.
	stream string
	// schedule is the job's.
	schedule schedule.Schedule
	// work is what is done, over whichever store the task has.
	work func(ctx context.Context, t *intake.Task) (intake.Result, error)
	// runID is the run's name in the table runs and for those who are told of it; empty until the run begins.
	runID string
	// holder is the name under which the stream's lease is taken.
	holder string
	// wait, where set, makes the errand wait for a busy stream, and is told who has it.
	wait func(*schedule.BusyError)
	// progress, where set, is told after each commit.
	progress func(ordersync.Run)

	// tick and attempt are those of the schedule; zero for a typed run.
	tick    time.Time
	attempt int
}

// report is what became of an errand.
type report struct {
	errand
	intake.Result
	started, ended time.Time
	// calls are those that the source's client made meanwhile, and differences the orders whose amounts do not add up: for this and
	// whatever else was done with the source.
	calls       apiclient.Counters
	differences int
	// unrefunded are the orders that were stored without their refunds, because the app may not ask for them.
	unrefunded int
	err        error
	// paused says that nothing was done, because the source is paused.
	paused bool
	// repeat is when it is tried again; zero: not before the next tick.
	repeat time.Time
}

// errandOf is what a scheduled run of a job does.
func (w *works) errandOf(name string) (errand, error) {
	job := w.cfg.Job(name)
	a := w.accounts[job.Source()]
	s, err := schedule.Parse(job.Schedule, w.cfg.Zone())
	if err != nil {
		return errand{}, fmt.Errorf("jobs.%s.schedule: %w", name, err)
	}
	e := errand{job: name, account: a, schedule: s}
	switch {
	case job.Track != "":
		e.stream = streamParcels
		e.work = func(ctx context.Context, t *intake.Task) (intake.Result, error) {
			run, err := w.trackDue(ctx, a, t.Progress)
			return intake.Result{Run: run}, err
		}
		return e, a.tracks()
	case job.Sweep != "":
		e.stream = intake.StreamSweep
		e.work = func(ctx context.Context, t *intake.Task) (intake.Result, error) { return t.Sweep(ctx, job.Back.Std()) }
		return e, a.sweeps(job)
	}
	e.stream = intake.StreamOrders
	e.work = func(ctx context.Context, t *intake.Task) (intake.Result, error) { return t.Follow(ctx, job.Start) }
	return e, nil
}

// newReport is the report of an errand that is about to begin.
func newReport(e errand) report {
	e.runID = cmp.Or(e.runID, newRunID())
	return report{errand: e, started: time.Now(), Result: intake.Result{Run: ordersync.Run{Source: e.account.name, Stream: e.stream}}}
}

// perform takes the stream's lease, does the work and gives the lease back.
func (w *works) perform(ctx context.Context, e errand) report {
	r := newReport(e)
	before, differences, unrefunded := e.account.client.Counters(), e.account.differences(), e.account.unrefunded()
	work := func(ctx context.Context) (err error) {
		r.Result, err = e.work(ctx, e.task(w.db))
		return err
	}
	wanted := schedule.Lease{Source: string(e.account.name), Stream: e.stream, Holder: e.holder}
	if e.wait != nil {
		r.err = schedule.Wait(ctx, w.db, wanted, e.wait, work)
	} else {
		r.err = schedule.Hold(ctx, w.db, wanted, work)
	}
	r.ended, r.calls = time.Now(), e.account.client.Counters().Since(before)
	r.differences, r.unrefunded = e.account.differences()-differences, e.account.unrefunded()-unrefunded
	return r
}

// task is the errand's shop over a store.
func (e errand) task(store intake.Store) *intake.Task {
	return &intake.Task{
		Shop: e.account.shop, Store: store, Progress: e.progress,
		Trace: func(ctx context.Context, wait func(time.Duration)) context.Context {
			return apiclient.WithTrace(ctx, &apiclient.Trace{Wait: wait})
		},
	}
}

// row is the run as the table runs keeps it.
func (r report) row() mysql.RunRow {
	row := mysql.RunRow{
		RunID: r.runID, Job: r.job, Source: r.account.name, Stream: r.Run.Stream, TickAt: r.tick, Attempt: r.attempt, Holder: r.holder,
		Outcome: r.outcome(), StartedAt: r.started, EndedAt: r.ended,
		Since: r.Run.Since, Until: r.Run.Until, Watermark: r.Run.Watermark,
		Windows: r.Run.Windows, Passes: r.Run.Passes, Pages: r.Run.Pages, Records: r.Run.Records, Written: r.Run.Written,
		Rounded: r.Run.Rounded, Repaired: r.Run.Repaired, Shortfall: len(r.Run.Shortfalls),
	}
	if row.Outcome == mysql.OutcomeFailed {
		row.Kind, row.Error = fault.KindOf(r.err).String(), r.err.Error()
	}
	if row.Outcome == mysql.OutcomeFailed && r.Run.Backlog != nil {
		row.Backlog, row.BacklogUntil = r.Run.Backlog, r.Run.Window.Until
	}
	return row
}

// outcome says how it ended: a run that was stopped on purpose did not fail.
func (r report) outcome() string {
	switch {
	case r.err == nil:
		return mysql.OutcomeGood
	case fault.KindOf(r.err) == 0:
		return mysql.OutcomeStopped
	}
	return mysql.OutcomeFailed
}

// record writes the run's row. Its failure is only told in the log: history must not decide about runs.
func (w *works) record(ctx context.Context, r report) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 5*time.Second,
		fault.Errorf(fault.Database, "the database did not take the run's row within 5s"))
	defer cancel()
	row := r.row()
	row.Error = w.clean.Text(row.Error)
	if err := w.db.RecordRun(ctx, row); err != nil {
		w.log.LogAttrs(ctx, slog.LevelWarn, "the run is missing in the table runs",
			slog.String("job", r.job), slog.String("error", err.Error()))
	}
}

// tell writes the one wide line of a run.
func (w *works) tell(ctx context.Context, r report) {
	row := r.row()
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("job", r.job), slog.String("source", string(row.Source)), slog.String("stream", row.Stream),
		slog.String("outcome", row.Outcome), slog.Float64("seconds", seconds(r.ended.Sub(r.started))),
	}
	if !r.tick.IsZero() {
		attrs = append(attrs, slog.Time("tick", r.tick.UTC()), slog.Int("attempt", r.attempt))
	}
	attrs = append(attrs,
		slog.Int("windows", row.Windows), slog.Int("passes", row.Passes), slog.Int("pages", row.Pages), slog.Int("records", row.Records),
		slog.Int("inserted", row.Inserted), slog.Int("updated", row.Updated), slog.Int("unchanged", row.Unchanged),
		slog.Int("stale", row.Stale), slog.Int("dead", row.Dead), slog.Int("released", row.Released),
		slog.Int("rounded", row.Rounded), slog.Int("repaired", row.Repaired), slog.Int("shortfall", row.Shortfall),
		slog.Int64("calls", r.calls.Attempts), slog.Int64("retries", r.calls.Retries),
		slog.Float64("waited_seconds", seconds(r.calls.Waited)), slog.Int64("bytes", r.calls.Bytes))
	if !row.Watermark.IsZero() {
		attrs = append(attrs, slog.Time("watermark", row.Watermark.UTC()),
			slog.Float64("behind_seconds", seconds(r.Run.Behind(r.ended))))
	}
	if row.Empty() {
		level = slog.LevelDebug
	}
	if words := r.account.unmapped(); row.Inserted+row.Updated > 0 && words > 0 {
		attrs = append(attrs, slog.Int("unknown_status_words", words))
	}
	if r.differences > 0 {
		attrs = append(attrs, slog.Int("amounts_do_not_add_up", r.differences))
	}
	if r.unrefunded > 0 {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Int("refunds_not_permitted", r.unrefunded),
			slog.String("remedy_for_refunds", "type: ordersyncd check --online"))
	}
	if row.Shortfall > 0 {
		level = slog.LevelWarn
		s := r.Run.Shortfalls[0]
		attrs = append(attrs, slog.Int("announced", s.Announced), slog.Int("listed", s.Listed))
	}
	if row.Outcome == mysql.OutcomeFailed {
		level = cmp.Or(levels[fault.KindOf(r.err)], slog.LevelWarn)
		meaning, remedy := explain(r.err)
		attrs = append(attrs, slog.String("kind", row.Kind), slog.String("error", row.Error),
			slog.String("remedy", sentence(sentence(meaning)+" "+remedy)))
		if !r.repeat.IsZero() {
			attrs = append(attrs, slog.Time("next_attempt", r.repeat.UTC()))
		}
	}
	w.log.LogAttrs(ctx, level, "run", attrs...)
	for _, gap := range r.Gaps {
		w.log.LogAttrs(ctx, slog.LevelError, logGap, slog.String("job", r.job), slog.String("source", string(gap.Source)),
			slog.Time("since", gap.Window.Since), slog.Time("until", gap.Window.Until), slog.String("reason", gap.Reason),
			slog.String("remedy", textGapRemedy))
	}
}

// seconds is a length of time for the log, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// levels are those of failures that do not pass by themselves; all others are warnings.
var levels = map[fault.Kind]slog.Level{
	fault.Auth: slog.LevelError, fault.Protocol: slog.LevelError, fault.Config: slog.LevelError, fault.Internal: slog.LevelError,
}

func newRunID() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

// stopped reports whether err says no more than that we are stopping.
func stopped(err error) bool { return err != nil && fault.KindOf(err) == 0 }
