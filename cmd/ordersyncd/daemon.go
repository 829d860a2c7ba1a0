package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/schedule"
)

const (
	textRunShort = "Runs the jobs on their schedules, in the foreground"
	textRunLong  = `Runs the jobs on their schedules until SIGTERM or Ctrl-C, in the foreground.
Under systemd it reports when it is ready and that it is alive. It logs to
standard error: as text on a terminal, as JSON elsewhere.

A database that is away is waited for. Several daemons may share one database;
each run is then done by exactly one of them. SIGHUP reads the configuration
again and says what differs; it takes effect with a restart.

Exit status: 0 stopped by a signal, 1 failed, 78 wrong configuration or tables
that do not fit (systemd does not restart it then).`
	textVerboseFlag = "log also runs that found nothing new"

	textHolderRemedy = "Each daemon needs a state directory of its own (state: in the configuration); 'systemctl status ordersyncd' shows whether one runs here."

	statusWaiting = "waiting for the database"
	statusRunning = "%s of %s, next: %s"

	// housekeeping is the daemon's own job; no job of the configuration can have a dot in its name.
	housekeeping         = "ordersync.housekeeping"
	housekeepingSchedule = "41 3 * * *"
	// keepRuns is how long the history of runs is kept.
	keepRuns = 90 * 24 * time.Hour
	// databasePause is the time between two looks for a database that is away.
	databasePause = 2 * time.Second
	// drain is how long a stop may take before the daemon ends without waiting any longer: less than systemd gives it.
	drain = 28 * time.Second
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
	*works
	program   *program
	scheduler *schedule.Scheduler
	schedules map[string]schedule.Schedule

	mu sync.Mutex
	// reports are the runs that ended and whose outcome the scheduler has not told yet: at most one of each job.
	reports map[string]report
}

// runDaemon is `run` from top to bottom.
func (p *program) runDaemon(ctx context.Context, verbose bool) (err error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // from the first moment on, since its default is to kill
	defer signal.Stop(hangups)

	log := p.logger(verbose)
	w, err := p.open(log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for _, warning := range w.cfg.Warnings {
		log.LogAttrs(ctx, slog.LevelWarn, "configuration", slog.String("at", warning.Place()), slog.String("path", warning.Path),
			slog.String("warning", warning.Message), slog.String("remedy", warning.Remedy))
	}
	if len(w.cfg.Jobs) == 0 {
		log.LogAttrs(ctx, slog.LevelWarn, "the configuration names no jobs: nothing will be read")
	}
	holder, release, err := schedule.Holder(w.cfg.State)
	if err != nil {
		return &remedyError{err: err, remedy: textHolderRemedy}
	}
	defer func() { err = errors.Join(err, release()) }()
	k := &keeper{works: w, program: p, reports: map[string]report{}, schedules: map[string]schedule.Schedule{}}
	jobs, err := k.jobs()
	if err != nil {
		return err
	}

	notify(daemon.SdNotifyReady)
	log.LogAttrs(ctx, slog.LevelInfo, "started", slog.String("version", thisBuild(0).Version), slog.String("holder", holder),
		slog.Int("sources", len(w.cfg.Sources)), slog.Int("jobs", len(w.cfg.Jobs)), slog.String("timezone", w.cfg.Timezone))
	if err := k.awaitDatabase(ctx); err != nil {
		return k.stopped(ctx, err)
	}
	k.scheduler = schedule.New(schedule.Options{
		Jobs: jobs, Store: w.db, Holder: holder, Location: w.cfg.Zone(), Log: log, Outcome: k.outcome, Beat: k.beat,
	})
	var others sync.WaitGroup
	others.Go(func() { k.hearHangups(ctx, hangups) })
	err = k.runScheduler(ctx)
	if err == nil {
		others.Wait()
	}
	return k.stopped(ctx, err)
}

// logger logs as text to a terminal and as JSON to everything else.
func (p *program) logger(verbose bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		o.Level = slog.LevelDebug
	}
	if isTerminal(p.stderr) {
		return slog.New(slog.NewTextHandler(p.stderr, o))
	}
	return slog.New(slog.NewJSONHandler(p.stderr, o))
}

// jobs makes the scheduler's jobs: those of the configuration and our own.
func (k *keeper) jobs() ([]schedule.Job, error) {
	var jobs []schedule.Job
	for _, job := range k.cfg.Jobs {
		e, err := k.errandOf(job.Name)
		if err != nil {
			return nil, err
		}
		s, err := schedule.Parse(job.Schedule, k.cfg.Zone())
		if err != nil {
			return nil, fmt.Errorf("jobs.%s.schedule: %w", job.Name, err)
		}
		k.schedules[job.Name] = s
		repeat := make([]time.Duration, 0, len(job.Repeat))
		for _, pause := range job.Repeat {
			repeat = append(repeat, pause.Std())
		}
		jobs = append(jobs, schedule.Job{
			Name: job.Name, Schedule: s, DueAtStart: true, Repeat: repeat,
			Run: func(ctx context.Context, tick schedule.Tick) error { return k.runJob(ctx, e, tick) },
		})
	}
	s, err := schedule.Parse(housekeepingSchedule, k.cfg.Zone())
	if err != nil {
		return nil, err
	}
	return append(jobs, schedule.Job{Name: housekeeping, Schedule: s, Run: k.keepHouse}), nil
}

func (k *keeper) runJob(ctx context.Context, e errand, tick schedule.Tick) error {
	e.holder, e.tick, e.attempt = tick.Holder, tick.At, tick.Attempt
	r := k.perform(ctx, e)
	k.mu.Lock()
	k.reports[e.job] = r
	k.mu.Unlock()
	return r.err
}

func (k *keeper) keepHouse(ctx context.Context, _ schedule.Tick) error {
	rows, err := k.db.PruneRuns(ctx, keepRuns)
	if err == nil && rows > 0 {
		k.log.LogAttrs(ctx, slog.LevelInfo, "old runs deleted", slog.Int64("rows", rows))
	}
	return err
}

// outcome tells what became of a tick: the run's row, its line, the status for systemd.
func (k *keeper) outcome(ctx context.Context, o schedule.Outcome) {
	k.mu.Lock()
	r, ran := k.reports[o.Job]
	delete(k.reports, o.Job)
	k.mu.Unlock()
	switch {
	case o.Skipped:
		k.log.LogAttrs(ctx, slog.LevelInfo, "skipped, because the run before still goes on", slog.String("job", o.Job), slog.Time("tick", o.Tick.UTC()))
		return
	case o.Job == housekeeping:
		if o.Err != nil && !stopped(o.Err) {
			k.log.LogAttrs(ctx, slog.LevelWarn, "housekeeping failed", slog.String("error", o.Err.Error()))
		}
		return
	case !ran: // it panicked
		e, err := k.errandOf(o.Job)
		r = report{errand: e, started: o.Started, ended: o.Ended, err: errors.Join(o.Err, err)}
		r.run.Source, r.run.Stream = e.account.name, e.stream
		r.tick, r.attempt = o.Tick, o.Attempt
	}
	r.err, r.repeat = o.Err, o.NextRepeat
	k.tell(ctx, r)
	k.record(ctx, r)
}

// beat is called by the loop that starts the runs: what makes it stop must make systemd's watchdog bark.
func (k *keeper) beat() {
	notify(daemon.SdNotifyWatchdog + "\nSTATUS=" + k.status(time.Now()))
}

// status is the line that `systemctl status` shows.
func (k *keeper) status(now time.Time) string {
	next, at := "none", time.Time{}
	for name, s := range k.schedules {
		if tick := s.Next(now); !tick.IsZero() && (at.IsZero() || tick.Before(at)) {
			next, at = name+" at "+tick.In(k.cfg.Zone()).Format("15:04:05 -07:00"), tick
		}
	}
	return fmt.Sprintf(statusRunning, count(len(k.cfg.Jobs), "job"), count(len(k.cfg.Sources), "source"), next)
}

// notify tells systemd, where it asked to be told. Nothing can be done about a notice that it does not take.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

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
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, fault.Errorf(fault.Database, "the database did not answer within 10s"))
	defer cancel()
	return k.greet(ctx)
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

// hearHangups reads the configuration again at each SIGHUP and says what differs. Nothing takes effect yet but by a restart.
func (k *keeper) hearHangups(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		cfg, err := k.program.read()
		if problems, ok := errors.AsType[*config.Problems](err); ok {
			for _, problem := range problems.List {
				k.log.LogAttrs(ctx, slog.LevelError, "the configuration is wrong now; the running one stays",
					slog.String("at", problem.Place()), slog.String("error", problem.Message), slog.String("remedy", problem.Remedy))
			}
			continue
		}
		if err != nil {
			k.log.LogAttrs(ctx, slog.LevelError, "the configuration cannot be read; the running one stays", slog.String("error", err.Error()))
			continue
		}
		changes := differences(k.cfg, cfg)
		if len(changes) == 0 {
			k.log.LogAttrs(ctx, slog.LevelInfo, "the configuration is as it was")
			continue
		}
		k.log.LogAttrs(ctx, slog.LevelWarn, "the configuration has changed and is good: it takes effect with a restart of ordersyncd",
			slog.String("changes", strings.Join(changes, ", ")))
	}
}

// differences names what differs between two configurations.
func differences(was, is *config.Config) []string {
	var list []string
	compare := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			list = append(list, name)
		}
	}
	compare("timezone", was.Timezone, is.Timezone)
	compare("language", was.Language, is.Language)
	compare("state", was.State, is.State)
	compare("database", was.Database, is.Database)
	for _, s := range was.Sources {
		compare("sources."+s.Name, s, is.Source(s.Name))
	}
	for _, j := range was.Jobs {
		compare("jobs."+j.Name, j, is.Job(j.Name))
	}
	for _, s := range is.Sources {
		if was.Source(s.Name) == nil {
			list = append(list, "sources."+s.Name)
		}
	}
	for _, j := range is.Jobs {
		if was.Job(j.Name) == nil {
			list = append(list, "jobs."+j.Name)
		}
	}
	return list
}
