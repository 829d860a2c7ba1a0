package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"ordersync/internal/alert/tell"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/schedule"
	"ordersync/internal/scrub"
)

const (
	textRunShort = "Runs the jobs on their schedules, in the foreground"
	textRunLong  = `Runs the jobs on their schedules until SIGTERM or Ctrl-C, in the foreground.
Under systemd it reports when it is ready and that it is alive. It logs to
standard error: as text on a terminal, as JSON elsewhere.

A database that is away is waited for. Several daemons may share one database;
each run is then done by exactly one of them. SIGHUP reads the configuration
again: a good one takes effect without dropping a run, a bad one changes
nothing and is told. What needs a restart is said.

Failures that do not pass by themselves are told by the ways that the
configuration names under alerts, and so is their end. 'ordersyncd check
--send-test-alert' tries them.

Exit status: 0 stopped by a signal, 1 failed, 78 wrong configuration or tables
that do not fit (systemd does not restart it then).`
	textVerboseFlag = "log also runs that found nothing new"

	textHolderRemedy = "Each daemon needs a state directory of its own (state: in the configuration); 'systemctl status ordersyncd' shows whether one runs here."

	// housekeeping is the daemon's own job; no job of the configuration can have a dot in its name.
	housekeeping         = "ordersync.housekeeping"
	housekeepingSchedule = "41 3 * * *"
	// keepRuns is how long the history of runs and of alerts is kept.
	keepRuns = 90 * 24 * time.Hour
	// keepDaemons is how long a daemon is remembered that ended without a word.
	keepDaemons = 7 * 24 * time.Hour
	// greeting is how long the database may take to answer what the daemon must know before it goes on.
	greeting = 10 * time.Second
	// databasePause is the time between two looks for a database that is away.
	databasePause = 2 * time.Second
	// drain is how long the runs may take to stop before the daemon ends without waiting any longer: with lastWords less than half a
	// minute, and that is less than systemd gives it.
	drain = 22 * time.Second
)

func (p *program) runCommand() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use: "run", Short: textRunShort, Long: textRunLong, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runDaemon(cmd.Context(), verbose) },
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, textVerboseFlag)
	return c
}

// keeper is the daemon.
type keeper struct {
	program   *program
	db        *mysql.DB
	log       *slog.Logger
	holder    string
	started   time.Time
	scheduler *schedule.Scheduler
	teller    *tell.Teller
	watchers  *watchers

	mu sync.Mutex
	// inForce is what the configuration made. A reload puts another one in its place and leaves this one as it is.
	inForce   *works
	schedules map[string]schedule.Schedule
	// busy counts the runs under way by the account that they work with.
	busy map[*account]int
	// reports are the runs that ended and whose outcome the scheduler has not told yet: at most one of each job.
	reports map[string]report
	// marks are the points up to which the sources are stored, failing the kinds of failure of the last runs by their jobs: for the
	// status line alone.
	marks   map[string]time.Time
	failing map[string]string
	// told says that the database has what is in force.
	told bool
	// up is since when the database has answered, zero after it did not. added are the times from which on the jobs count that a reload
	// brought or changed; it is replaced, never changed.
	up    time.Time
	added map[string]time.Time
}

// runDaemon is `run` from top to bottom.
func (p *program) runDaemon(ctx context.Context, verbose bool) (err error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from the first moment on, since its default is to kill
	defer signal.Stop(hangups)

	cfg, err := p.load()
	if err != nil {
		return err
	}
	clean := scrub.New(cfg.Secrets())
	log := p.logger(verbose, clean)
	w, err := p.join(cfg, clean, log)
	if err != nil {
		return err
	}
	k := &keeper{
		program: p, db: w.db, log: log, started: time.Now(), inForce: w,
		busy: map[*account]int{}, reports: map[string]report{}, marks: map[string]time.Time{}, failing: map[string]string{},
	}
	defer func() { err = errors.Join(err, k.works().close()) }()
	k.warn(ctx, w.cfg)
	var release func() error
	if k.holder, release, err = schedule.Holder(w.cfg.State); err != nil {
		if fault.KindOf(err) == fault.Transient { // another daemon has it
			err = &remedyError{err: err, remedy: textHolderRemedy}
		}
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	schedules, jobs, err := k.jobs(w)
	if err != nil {
		return err
	}
	k.schedules = schedules
	stopTelling, err := k.startTelling(ctx, w)
	if err != nil {
		return err
	}
	notify(daemon.SdNotifyReady)
	log.LogAttrs(ctx, slog.LevelInfo, "started", slog.String("version", thisBuild(0).Version), slog.String("holder", k.holder),
		slog.Int("sources", len(w.cfg.Sources)), slog.Int("jobs", len(w.cfg.Jobs)), slog.String("timezone", w.cfg.Timezone))
	err = k.serve(ctx, jobs, hangups)
	stopTelling()
	return k.stopped(ctx, err)
}

// serve waits for the database and runs the jobs until ctx ends.
func (k *keeper) serve(ctx context.Context, jobs []schedule.Job, hangups <-chan os.Signal) error {
	if err := k.awaitDatabase(ctx); err != nil {
		return err
	}
	k.scheduler = schedule.New(schedule.Options{
		Jobs: jobs, Store: k.db, Holder: k.holder, Location: k.works().cfg.Zone(), Log: k.log, Outcome: k.outcome, Beat: k.beat,
	})
	var others sync.WaitGroup
	others.Go(func() { k.hearHangups(ctx, hangups) })
	others.Go(func() { k.lookAbout(ctx) })
	err := k.runScheduler(ctx)
	if err == nil {
		others.Wait()
	}
	return err
}

// warn logs what the configuration allows and probably does not mean.
func (k *keeper) warn(ctx context.Context, cfg *config.Config) {
	for _, warning := range cfg.Warnings {
		k.log.LogAttrs(ctx, slog.LevelWarn, "configuration", slog.String("at", warning.Place()), slog.String("path", warning.Path),
			slog.String("warning", warning.Message), slog.String("remedy", warning.Remedy))
	}
	if len(cfg.Jobs) == 0 {
		k.log.LogAttrs(ctx, slog.LevelWarn, "the configuration names no jobs: nothing will be read")
	}
}

// logger logs as text to a terminal and as JSON to everything else, without what clean takes out.
func (p *program) logger(verbose bool, clean *scrub.Scrubber) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		o.Level = slog.LevelDebug
	}
	if isTerminal(p.stderr) {
		return slog.New(clean.Handler(slog.NewTextHandler(p.stderr, o)))
	}
	return slog.New(clean.Handler(slog.NewJSONHandler(p.stderr, o)))
}

// jobs makes the scheduler's jobs and their schedules: those of the configuration and our own. Each job keeps what it was made of.
func (k *keeper) jobs(w *works) (map[string]schedule.Schedule, []schedule.Job, error) {
	schedules := map[string]schedule.Schedule{}
	var jobs []schedule.Job
	for _, job := range w.cfg.Jobs {
		e, err := w.errandOf(job.Name)
		if err != nil {
			return nil, nil, mistakeAt(w.cfg, err, "jobs", job.Name)
		}
		s, err := schedule.Parse(job.Schedule, w.cfg.Zone())
		if err != nil {
			return nil, nil, mistakeAt(w.cfg, err, "jobs", job.Name, "schedule")
		}
		schedules[job.Name] = s
		repeat := make([]time.Duration, 0, len(job.Repeat))
		for _, pause := range job.Repeat {
			repeat = append(repeat, pause.Std())
		}
		jobs = append(jobs, schedule.Job{
			Name: job.Name, Schedule: s, DueAtStart: true, Repeat: repeat,
			Run: func(ctx context.Context, tick schedule.Tick) error { return k.runJob(ctx, w, e, tick) },
		})
	}
	s, err := schedule.Parse(housekeepingSchedule, w.cfg.Zone())
	if err != nil {
		return nil, nil, err
	}
	return schedules, append(jobs, schedule.Job{Name: housekeeping, Schedule: s, Run: k.keepHouse}), nil
}

func (k *keeper) runJob(ctx context.Context, w *works, e errand, tick schedule.Tick) error {
	e.holder, e.tick, e.attempt = tick.Holder, tick.At, tick.Attempt
	k.begin(e)
	r := newReport(e)
	r.err = fault.Errorf(fault.Internal, "the run broke off") // should it panic
	defer func() { k.end(ctx, r) }()
	_, paused, err := w.pauseOf(ctx, e.account.name)
	if err != nil || paused {
		r.err, r.paused, r.ended = err, paused, time.Now()
		return err
	}
	k.watchers.begin(w, r.errand)
	r = w.perform(ctx, r.errand)
	return r.err
}

// begin notes that a run works with an account.
func (k *keeper) begin(e errand) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy[e.account]++
}

// end notes the report of a run. The last run of an account that a reload took out of force closes it.
func (k *keeper) end(ctx context.Context, r report) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reports[r.job] = r
	a := r.account
	if k.busy[a]--; k.busy[a] > 0 {
		return
	}
	delete(k.busy, a)
	if k.inForce.accounts[string(a.name)] != a {
		k.giveUp(ctx, a)
	}
}

func (k *keeper) keepHouse(ctx context.Context, _ schedule.Tick) error {
	rows, err := k.db.PruneRuns(ctx, keepRuns)
	if err == nil && rows > 0 {
		k.log.LogAttrs(ctx, slog.LevelInfo, "old runs deleted", slog.Int64("rows", rows))
	}
	_, alertsErr := k.db.PruneAlerts(ctx, keepRuns)
	return errors.Join(err, alertsErr, k.db.PruneDaemons(ctx, keepDaemons))
}

// outcome tells what became of a tick: the run's row, its line, the status for systemd.
func (k *keeper) outcome(ctx context.Context, o schedule.Outcome) {
	if o.Skipped {
		k.log.LogAttrs(ctx, slog.LevelInfo, "skipped, because the run before still goes on", slog.String("job", o.Job), slog.Time("tick", o.Tick.UTC()))
		return
	}
	k.mu.Lock()
	w, r := k.inForce, k.reports[o.Job]
	delete(k.reports, o.Job)
	k.mu.Unlock()
	switch {
	case o.Job == housekeeping:
		if o.Err != nil && !stopped(o.Err) {
			k.log.LogAttrs(ctx, slog.LevelWarn, "housekeeping failed", slog.String("error", o.Err.Error()))
		}
		return
	case r.paused:
		k.log.LogAttrs(ctx, slog.LevelDebug, logPaused, slog.String("job", o.Job), slog.Time("tick", o.Tick.UTC()))
		return
	case r.ended.IsZero(): // it panicked
		r.ended = o.Ended
	}
	r.err, r.repeat = o.Err, o.NextRepeat
	k.noteRun(r)
	w.tell(ctx, r)
	k.watchers.end(w, r)
	w.record(ctx, r)
	if o, ok := r.learned(w.clean.Text); ok {
		k.teller.Note(ctx, o)
	}
}

// awaitDatabase waits for the database, checks its tables, and notes the sources. Only what a person must change ends it.
func (k *keeper) awaitDatabase(ctx context.Context) error {
	told := ""
	for since := time.Now(); ; {
		err := k.greetDatabase(ctx)
		switch {
		case err == nil && told != "":
			k.log.LogAttrs(ctx, slog.LevelInfo, "the database answers", slog.Float64("after_seconds", seconds(time.Since(since))))
			return nil
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case fault.KindOf(err) == fault.Config:
			return err
		case err.Error() != told:
			told = err.Error()
			meaning, _ := explain(err)
			k.log.LogAttrs(ctx, slog.LevelError, "waiting for the database", slog.String("error", told),
				slog.String("kind", fault.KindOf(err).String()), slog.String("remedy", strings.TrimSpace(meaning)))
		}
		notify(daemon.SdNotifyWatchdog + "\nSTATUS=" + statusWaiting)
		pause := time.NewTimer(databasePause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		case <-pause.C:
		}
	}
}

func (k *keeper) greetDatabase(ctx context.Context) error {
	ctx, cancel := withGreeting(ctx)
	defer cancel()
	return k.inForce.greet(ctx)
}

func withGreeting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, greeting, fault.Errorf(fault.Database, "the database did not answer within %s", greeting))
}

// runScheduler runs the jobs until ctx ends and all of them have wound down, but not for ever.
func (k *keeper) runScheduler(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- k.scheduler.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	notify(daemon.SdNotifyStopping)
	k.log.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.String("cause", context.Cause(ctx).Error()))
	patience := time.NewTimer(drain)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fault.Errorf(fault.Internal, "the runs did not stop within %s; what they had not committed is read again", drain)
	}
}

// stopped turns the end by a signal into a good end: that is how a daemon ends.
func (k *keeper) stopped(ctx context.Context, err error) error {
	if err != nil && !(ctx.Err() != nil && stopped(err)) {
		return err
	}
	notify(daemon.SdNotifyStopping)
	k.log.LogAttrs(ctx, slog.LevelInfo, "stopped")
	return nil
}
