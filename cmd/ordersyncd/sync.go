package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ordersync/internal/config"
	"ordersync/internal/figures"
	"ordersync/internal/intake"
	"ordersync/internal/ordersync"
	"ordersync/internal/schedule"
)

const (
	textSyncShort = "Runs one job once, now"
	textSyncLong  = `Runs one job of the configuration once, now, as the daemon would, and shows how
it goes. It may be interrupted at any time and repeated: it goes on where it
stopped.

With --since or --until it reads that span again (a backfill). The point up to
which everything is stored is left alone, and the same command goes on after an
interruption. A time is a day (2026-03-01), a day and a time ("2026-03-01
14:30"), both in the time zone of the configuration, or an instant with its
offset (2026-03-01T14:30:00+08:00). --until is the first instant that is not
read any more: all of January is --since 2026-01-01 --until 2026-02-01.

Exit status: 0 done, 1 failed or somebody else works on the same stream, 2
wrong usage, 78 wrong configuration, 130 interrupted.`
	textSyncExample = `  ordersyncd sync us-orders
  ordersyncd sync us-orders --since 2026-01-01 --until 2026-02-01
  ordersyncd sync us-orders --dry-run`
	textSyncSince  = "read orders from `TIME` on"
	textSyncUntil  = "read orders up to `TIME`"
	textSyncDryRun = "only say what would be stored"
	textSyncWait   = "wait while somebody else works on the same stream"

	textBackfillJob  = "%s (backfill)"
	textBusyWaiting  = "%s Waiting for it."
	textUntilFuture  = "--until lies in the future; reading up to now."
	textRead         = "%s: read %s to %s: %s, %s, %s"
	textReadNothing  = "%s: nothing to read yet: the last run reached %s"
	textDidStore     = "%s received: %s new, %s changed, %s unchanged%s"
	textWouldStore   = "Nothing was written. Of %s received, %s would be new and %s changed; %s unchanged%s"
	textDead         = "; %s (see 'ordersyncd deadletter list')"
	textStale        = "; %s older than stored"
	textReached      = "Everything %s before %s is stored (%s behind now)"
	textReachedSpan  = "Everything %s before %s in this span is stored"
	textShortfall    = "The shop announced %s between %s and %s but listed %s, every time it was asked."
	textDifferences  = "The amounts of %s do not add up by the shop's own rules; they are stored as they came."
	textUnrefunded   = "%s came without refunds, because the app may not ask for them; `ordersyncd check --online` says what to do."
	textTracked      = "%s: asked about %s; %s new ones, %s have moved"
	textTrackDry     = "a track job has no --dry-run: it asks about parcels and stores what it learns"
	textTrackSpan    = "a track job has no --since and --until: it asks about the parcels whose turn has come"
	textUnreachable  = "%s lists the last %d days only: the earliest --since is %s"
	textChanged      = "changed"
	textMade         = "made"
	textSweepReached = "Every order made since %s was read again"
)

type syncFlags struct {
	since, until string
	dryRun, wait bool
}

func (p *program) syncCommand() *cobra.Command {
	var flags syncFlags
	c := &cobra.Command{
		Use: "sync JOB", Short: textSyncShort, Long: textSyncLong, Example: textSyncExample, Args: exactly("the name of a JOB"),
		ValidArgsFunction: p.completeJobs,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.sync(cmd, args[0], flags) },
	}
	c.Flags().StringVar(&flags.since, "since", "", textSyncSince)
	c.Flags().StringVar(&flags.until, "until", "", textSyncUntil)
	c.Flags().BoolVar(&flags.dryRun, "dry-run", false, textSyncDryRun)
	c.Flags().BoolVar(&flags.wait, "wait", false, textSyncWait)
	return c
}

// completeJobs offers the job names to the shell.
func (p *program) completeJobs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	cfg, err := p.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return jobNames(cfg), cobra.ShellCompDirectiveNoFileComp
}

func jobNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Jobs))
	for _, j := range cfg.Jobs {
		names = append(names, j.Name)
	}
	return names
}

func sourceNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Sources))
	for _, s := range cfg.Sources {
		names = append(names, s.Name)
	}
	return names
}

func (p *program) sync(cmd *cobra.Command, name string, flags syncFlags) (err error) {
	ctx := cmd.Context()
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	job := w.cfg.Job(name)
	if job == nil {
		return unknownName(cmd, "job", name, jobNames(w.cfg))
	}
	asked, err := flags.read(w.cfg.Zone(), job, time.Now())
	if err != nil {
		return &usageError{command: cmd.CommandPath(), err: err}
	}
	e, err := w.errandOf(name)
	if err != nil {
		return err
	}
	if flags.dryRun {
		err = w.db.SchemaOK(ctx)
	} else {
		err = w.greet(ctx)
	}
	if err == nil {
		err = p.unpaused(ctx, w, e.account.name)
	}
	if err != nil {
		return err
	}
	e.holder = schedule.Guest()
	if asked.future {
		p.screen.notice(textUntilFuture)
	}
	if asked.stream != "" {
		e.job, e.stream, e.work = fmt.Sprintf(textBackfillJob, name), asked.stream, asked.work(job)
		err = asked.reachable(e.account, time.Now(), w.cfg.Zone())
	}
	if err == nil && job.Track != "" && flags.dryRun {
		err = errors.New(textTrackDry)
	}
	if err != nil {
		return &usageError{command: cmd.CommandPath(), err: err}
	}
	if flags.wait {
		e.wait = func(b *schedule.BusyError) { p.screen.notice(textBusyWaiting, p.screen.busy(b)) }
	}
	if flags.dryRun {
		return p.rehearse(ctx, w, e)
	}
	if asked.stream != "" {
		if err := w.audit(ctx, "backfill", name, asked.stream); err != nil {
			return err
		}
	}
	return p.syncNow(ctx, w, e)
}

// syncNow runs the errand with its progress on the screen.
func (p *program) syncNow(ctx context.Context, w *works, e errand) error {
	line := newProgress(p.screen, e.job)
	e.progress = line.update
	r := w.perform(ctx, e)
	line.end()
	if _, busy := errors.AsType[*schedule.BusyError](r.err); !busy { // a stream that another one works did not fail
		w.record(ctx, r)
		w.noteGood(ctx, r)
	}
	if r.err != nil && r.Pages == 0 && len(r.Gaps) == 0 {
		return r.err
	}
	p.summarise(r, textDidStore)
	return r.err
}

// rehearse runs the errand against a store that keeps nothing.
func (p *program) rehearse(ctx context.Context, w *works, e errand) error {
	line := newProgress(p.screen, e.job)
	e.progress = line.update
	r := newReport(e)
	r.Result, r.err = e.work(ctx, e.task(newRehearsal(w.db)))
	r.ended = time.Now()
	line.end()
	if r.err != nil && r.Pages == 0 {
		return r.err
	}
	p.summarise(r, textWouldStore)
	return r.err
}

// summarise prints what a run did, stored or only rehearsed.
func (p *program) summarise(r report, stored string) {
	s, run := p.screen, r.Run
	for _, gap := range r.Gaps {
		s.notice(textGapFound, s.yellow(sentence(gapText(s, gap)), s.errPlain))
	}
	if r.stream == streamParcels {
		s.printf(textTracked+"\n", r.job, figures.Count(run.Records, "parcel"), figures.Number(run.Inserted), figures.Number(run.Updated))
		return
	}
	if run.Pages == 0 {
		s.printf(textReadNothing+"\n", r.job, s.at(run.Watermark))
		return
	}
	s.printf(textRead+"\n", r.job, s.at(run.Since), s.at(run.Until),
		figures.Count(run.Windows, "window"), figures.Count(run.Passes, "pass"), figures.Count(run.Pages, "page"))
	var more string
	if run.Dead > 0 {
		more += fmt.Sprintf(textDead, s.yellow(figures.Count(run.Dead, "dead letter"), s.outPlain))
	}
	if run.Stale > 0 {
		more += fmt.Sprintf(textStale, figures.Number(run.Stale))
	}
	s.printf(stored+"\n", figures.Count(run.Records, "order"), figures.Number(run.Inserted), figures.Number(run.Updated), figures.Number(run.Unchanged), more)
	for _, short := range run.Shortfalls {
		s.printf(textShortfall+"\n", figures.Count(short.Announced, "order"), s.at(short.Window.Since), s.at(short.Window.Until), figures.Number(short.Listed))
	}
	if r.unrefunded > 0 {
		s.printf(textUnrefunded+"\n", figures.Count(r.unrefunded, "order"))
	}
	if r.differences > 0 {
		s.printf(textDifferences+"\n", figures.Count(r.differences, "order"))
	}
	if stored == textWouldStore || run.Watermark.IsZero() {
		return
	}
	what := textChanged
	if r.account.by != filtersChanges || intake.IsHistory(run.Stream) {
		what = textMade
	}
	switch run.Stream {
	case intake.StreamOrders:
		s.printf(textReached+"\n", what, s.at(run.Watermark), figures.Span(run.Behind(r.ended)))
	case intake.StreamSweep:
		if r.err == nil {
			s.printf(textSweepReached+"\n", s.at(run.Since))
		}
	default:
		s.printf(textReachedSpan+"\n", what, s.at(run.Watermark))
	}
}

// backfill is the span that was asked for; without a stream there was none.
type backfill struct {
	// name says which span, stream which lease is taken for it.
	name, stream string
	span         ordersync.Span
	// future says that the end lies ahead and now was taken instead.
	future bool
}

// read understands --since and --until. The stream is named by what was typed, so that the same line goes on where it stopped.
func (f syncFlags) read(zone *time.Location, job *config.Job, now time.Time) (backfill, error) {
	if f.since == "" && f.until == "" {
		return backfill{}, nil
	}
	if job.Track != "" {
		return backfill{}, errors.New(textTrackSpan)
	}
	since, until := job.Start, now
	var err error
	if f.since != "" {
		if since, err = parseInstant("--since", f.since, zone); err != nil {
			return backfill{}, err
		}
	}
	if since.IsZero() {
		return backfill{}, errors.New("--since is missing, and the job has no start of its own")
	}
	open := ""
	if f.until != "" {
		if until, err = parseInstant("--until", f.until, zone); err != nil {
			return backfill{}, err
		}
		open = until.UTC().Format(streamStamp)
	}
	switch {
	case since.After(now):
		return backfill{}, fmt.Errorf("--since %s lies in the future: there are no orders to read yet", since.In(zone).Format(time.DateTime))
	case !since.Before(until):
		return backfill{}, fmt.Errorf("--since %s is not before --until %s", since.In(zone).Format(time.DateTime), until.In(zone).Format(time.DateTime))
	}
	b := backfill{name: "backfill " + since.UTC().Format(streamStamp) + ".." + open, future: until.After(now)}
	b.stream = b.name
	if job.Sweep != "" {
		b.stream = intake.StreamSweep + " " + b.name
	}
	if b.future {
		until = now
	}
	b.span = ordersync.Span{Start: since, Until: until}
	return b, nil
}

// work reads the span by the job's own listing.
func (b backfill) work(job *config.Job) func(context.Context, *intake.Task) (intake.Result, error) {
	return func(ctx context.Context, t *intake.Task) (intake.Result, error) {
		return t.Backfill(ctx, b.name, job.Sweep != "", b.span)
	}
}

// reachable says what is wrong with a span that begins before what the shop lists.
func (b backfill) reachable(a *account, now time.Time, zone *time.Location) error {
	if edge := a.shop.Edge(now); b.span.Start.Before(edge) {
		return fmt.Errorf(textUnreachable, a.name, a.shop.Reach/(24*time.Hour), edge.In(zone).Format("2006-01-02 15:04"))
	}
	return nil
}

const streamStamp = "2006-01-02T15:04:05Z"

// parseInstant reads a time that a person typed.
func parseInstant(flag, text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{
		time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05 -07:00",
	} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%s %q is no time: write 2026-03-01, "2026-03-01 14:30" or 2026-03-01T14:30:00+08:00`, flag, text)
}

// unknownName is the usage error for a name that the configuration lacks.
func unknownName(cmd *cobra.Command, what, name string, names []string) error {
	if len(names) == 0 {
		return usagef(cmd, "there is no %s %q: the configuration names none", what, name)
	}
	hint := didYouMean(name, names)
	if hint == "" {
		names = slices.Sorted(slices.Values(names))
		hint = ": there are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return usagef(cmd, "there is no %s %q%s", what, name, hint)
}
