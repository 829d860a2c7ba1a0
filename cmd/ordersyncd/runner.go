package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/ordersync"
	"ordersync/internal/rest"
	"ordersync/internal/schedule"
)

// errand is one run of one stream, whoever asked for it: the schedule or a person.
type errand struct {
	job     string
	account *account
	source  *rest.Source
	stream  string
	span    ordersync.Span
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
	run            ordersync.Run
	started, ended time.Time
	// calls are those that the source's client made meanwhile, for this and whatever else it did.
	calls apiclient.Counters
	err   error
	// repeat is when it is tried again; zero: not before the next tick.
	repeat time.Time
}

// errandOf is what a scheduled run of a job does.
func (w *works) errandOf(name string) (errand, error) {
	job := w.cfg.Job(name)
	account := w.accounts[job.Source()]
	source, stream, err := account.reader(job)
	return errand{job: name, account: account, source: source, stream: stream, span: spanOf(job)}, err
}

// perform takes the stream's lease, runs the stream and gives the lease back.
func (w *works) perform(ctx context.Context, e errand) report {
	r := report{errand: e, started: time.Now(), run: ordersync.Run{Source: e.account.name, Stream: e.stream}}
	before := e.account.client.Counters()
	work := func(ctx context.Context) (err error) {
		r.run, err = e.streamOn(w.db).Run(ctx, e.span)
		return err
	}
	wanted := schedule.Lease{Source: string(e.account.name), Stream: e.stream, Holder: e.holder}
	if e.wait != nil {
		r.err = schedule.Wait(ctx, w.db, wanted, e.wait, work)
	} else {
		r.err = schedule.Hold(ctx, w.db, wanted, work)
	}
	r.ended, r.calls = time.Now(), e.account.client.Counters().Since(before)
	return r
}

// streamOn is the errand's stream over a store.
func (e errand) streamOn(store ordersync.Store) *ordersync.Stream {
	limits := e.account.limits
	if e.source == e.account.sweep {
		limits = e.account.sweepLimits
	}
	return &ordersync.Stream{
		ID: e.account.name, Name: e.stream, Source: e.source, Store: store, Limits: limits, Progress: e.progress,
		Trace: func(ctx context.Context, wait func(time.Duration)) context.Context {
			return apiclient.WithTrace(ctx, &apiclient.Trace{Wait: wait})
		},
	}
}

// row is the run as the table runs keeps it.
func (r report) row() mysql.RunRow {
	row := mysql.RunRow{
		RunID: newRunID(), Job: r.job, Source: r.account.name, Stream: r.stream, TickAt: r.tick, Attempt: r.attempt, Holder: r.holder,
		Outcome: r.outcome(), StartedAt: r.started, EndedAt: r.ended,
		Since: r.run.Since, Until: r.run.Until, Watermark: r.run.Watermark,
		Windows: r.run.Windows, Passes: r.run.Passes, Pages: r.run.Pages, Records: r.run.Records, Written: r.run.Written,
		Rounded: r.run.Rounded, Repaired: r.run.Repaired, Shortfall: len(r.run.Shortfalls),
	}
	if row.Outcome == mysql.OutcomeFailed {
		row.Kind, row.Error = fault.KindOf(r.err).String(), r.err.Error()
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
	if err := w.db.RecordRun(ctx, r.row()); err != nil {
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
			slog.Float64("behind_seconds", seconds(r.run.Behind(r.ended))))
	}
	if row.Empty() {
		level = slog.LevelDebug
	}
	if words := r.unmapped(); row.Inserted+row.Updated > 0 && words > 0 {
		attrs = append(attrs, slog.Int("unknown_status_words", words))
	}
	if row.Shortfall > 0 {
		level = slog.LevelWarn
		s := r.run.Shortfalls[0]
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
}

// seconds is a length of time for the log, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// unmapped is how many of the shop's words for a status have no meaning yet.
func (r report) unmapped() int {
	if r.source == nil {
		return 0
	}
	return len(r.source.Unmapped())
}

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
