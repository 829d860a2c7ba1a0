package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
	"ordersync/internal/alert/tell"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/schedule"
)

const (
	// lastWords is how long a stop may take once the runs have ended: what can be told at once is told then.
	lastWords = 6 * time.Second
	// shortestSleep is the shortest time without a sign of life that is worth being told.
	shortestSleep = 15 * time.Minute

	// reloading is what incidents call the reading of the configuration, in the place of a job.
	reloadJob = "configuration"

	textMoreMistakes = "%s: %s (and %s more)"
	textOneMistake   = "%s: %s"
	commandCheck     = "ordersyncd check"
	logTellingLong   = "what was to be told at the stop took too long; it is told after the next start"
)

// tellerOptions are what this daemon tells with: both books, the lease, and what it can look at.
func (k *keeper) tellerOptions(w *works) tell.Options {
	state := w.cfg.State
	return tell.Options{
		Host: hostName(), Rules: rulesOf(w.cfg), Log: k.log, Scrub: w.clean.Text,
		Shared: k.shareBook, Inbox: w.db, Own: spool.OpenBook(state), Spool: spool.OpenSpool(state), Life: spool.OpenLife(state),
		Look: k.look, Fill: k.fill, Weekly: k.weekly, Week: k.week, Pause: k.longestSleep,
		Ping: k.askDatabase,
	}
}

// rulesOf are the rules by which the configuration wants to be told.
func rulesOf(cfg *config.Config) alert.Rules {
	c := cfg.Alerts
	return alert.Rules{Host: hostName(), GroupWait: c.GroupWait.Std(), RemindEvery: c.RemindEvery.Std(), After: c.After.Std()}
}

// shareBook calls work with the book that all daemons share, while this one has the right to it.
func (k *keeper) shareBook(ctx context.Context, work func(ctx context.Context, book alert.Book) error) error {
	holder := k.holder + "/" + mysql.AlertsStream
	return schedule.Hold(ctx, k.db, schedule.Lease{Stream: mysql.AlertsStream, Holder: holder}, func(ctx context.Context) error {
		return work(ctx, k.db.Alerts(holder))
	})
}

// startTelling lets those run who tell of failures and of runs, also while the database is away. What it returns stops them after the
// last run, and waits for them, but not for ever.
func (k *keeper) startTelling(ctx context.Context, w *works) (stop func(), err error) {
	told, err := openWays(w.cfg, w.clean, k.log)
	if err != nil {
		return nil, err
	}
	k.teller, k.watchers = tell.New(k.tellerOptions(w)), newWatchers(k.log)
	k.useWays(w.cfg, told)
	k.noteReload(nil)                                             // the one that was refused before this start was mended
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // they outlive the runs
	var telling sync.WaitGroup
	for _, run := range []func(context.Context) error{k.teller.Run, k.watchers.run} {
		telling.Go(func() { _ = run(ctx) }) // which return nil
	}
	return func() {
		cancel()
		over := make(chan struct{})
		go func() { // ends with the process, at the latest
			telling.Wait()
			close(over)
		}()
		patience := time.NewTimer(lastWords)
		defer patience.Stop()
		select {
		case <-over:
		case <-patience.C:
			k.log.LogAttrs(ctx, slog.LevelWarn, logTellingLong)
		}
	}, nil
}

// useWays puts others in the place of those who are told.
func (k *keeper) useWays(cfg *config.Config, w ways) {
	k.teller.SetChannels(w.channels)
	k.watchers.replace(cfg.Alerts.Sentry, w.monitor)
}

// weekly is the latest moment at which the weekly notice was due; zero where none is wanted.
func (k *keeper) weekly(now time.Time) time.Time {
	cfg := k.works().cfg
	if cfg.Alerts.Weekly == "" {
		return time.Time{}
	}
	s, err := schedule.Parse(cfg.Alerts.Weekly, cfg.Zone())
	if err != nil {
		return time.Time{} // the configuration was checked
	}
	return schedule.Latest(s, now)
}

// longestSleep is how long this daemon may do nothing before somebody has missed it.
func (k *keeper) longestSleep() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	var least time.Duration
	for name, s := range k.schedules {
		if name == housekeeping {
			continue
		}
		if interval := schedule.Interval(s, time.Now()); least == 0 || interval < least {
			least = interval
		}
	}
	return max(shortestSleep, 2*least)
}

// works is what is in force.
func (k *keeper) works() *works {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.inForce
}

// noteReload notes that a configuration was refused, or with nil that the one in the file is good.
func (k *keeper) noteReload(err error) {
	run := &alert.RunEnded{Job: reloadJob, Seldom: true}
	if err != nil {
		clean := k.works().clean
		run.Class, run.Kind, run.Error = alert.Config, fault.Config.String(), clean.Text(refusal(err))
		run.Facts = alert.Facts{Command: commandCheck, Remedy: clean.Text(advice(err))}
	}
	k.teller.NoteHere(alert.Observation{At: time.Now(), Host: hostName(), Run: run})
}

// refusal is why a configuration was refused, in one sentence.
func refusal(err error) string {
	problems, ok := errors.AsType[*config.Problems](err)
	if !ok || len(problems.List) == 0 {
		return err.Error()
	}
	first := problems.List[0]
	if more := len(problems.List) - 1; more > 0 {
		return fmt.Sprintf(textMoreMistakes, first.Place(), first.Message, figures.Number(more))
	}
	return fmt.Sprintf(textOneMistake, first.Place(), first.Message)
}
