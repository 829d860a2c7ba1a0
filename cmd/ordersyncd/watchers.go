package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ordersync/internal/alert/ping"
	"ordersync/internal/alert/sentry"
	"ordersync/internal/config"
	"ordersync/internal/schedule"
)

// watchers are those outside this machine who are told that a scheduled run began and how it ended, and who speak up when nothing is
// told: the cron monitors of Sentry, and whoever is pinged. No run waits for them.
type watchers struct {
	pinger *ping.Pinger
	// turn wakes run after the monitor was replaced.
	turn chan struct{}

	mu      sync.Mutex
	monitor *sentry.Monitor // nil: there is no Sentry
	project *config.Sentry  // what monitor was made of
}

func newWatchers(log *slog.Logger) *watchers {
	return &watchers{pinger: ping.New(ping.Options{Log: log}), turn: make(chan struct{}, 1)}
}

// replace puts the monitor of a project in the place of the one before, which sends what it still has. One of the same project stays: it
// knows the runs that are under way.
func (o *watchers) replace(project *config.Sentry, m *sentry.Monitor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if was := o.project; was != nil && project != nil && was.DSN.Equal(project.DSN) && was.Environment == project.Environment {
		return
	}
	o.project, o.monitor = project, m
	select {
	case o.turn <- struct{}{}:
	default: // it is about to look anyway
	}
}

func (o *watchers) current() *sentry.Monitor {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.monitor
}

// run sends what is queued until ctx ends, then what is still there; it waits for all that it started.
func (o *watchers) run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { _ = o.pinger.Run(ctx) })
	for ctx.Err() == nil {
		m := o.current()
		inForce, replaced := context.WithCancel(ctx)
		if m != nil {
			sending.Go(func() { _ = m.Run(inForce) })
		}
		for o.current() == m && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-o.turn:
			}
		}
		replaced()
	}
	return nil
}

// begin tells that a run begins.
func (o *watchers) begin(w *works, e errand) {
	job := w.cfg.Job(e.job)
	if m := o.current(); m != nil {
		m.Begin(monitored(w, e), e.runID)
	}
	if job.Ping != nil {
		o.pinger.Start(target(job))
	}
}

// end tells how a run ended. One that was stopped, or whose work somebody else does, neither was good nor failed.
func (o *watchers) end(w *works, r report) {
	job := w.cfg.Job(r.job)
	if job == nil || r.err != nil && classOf(r.err) == "" {
		return
	}
	if m := o.current(); m != nil {
		m.End(monitored(w, r.errand), r.runID, r.err == nil, r.ended.Sub(r.started))
	}
	switch {
	case job.Ping == nil:
	case r.err == nil:
		o.pinger.Success(target(job))
	default:
		o.pinger.Fail(target(job))
	}
}

// monitored is a job as a cron monitor knows it.
func monitored(w *works, e errand) sentry.Job {
	return sentry.Job{
		Name: e.job, Schedule: e.schedule.String(), Zone: w.cfg.Zone(), Interval: schedule.Interval(e.schedule, time.Now()),
	}
}

func target(job *config.Job) ping.Target {
	return ping.Target{Job: job.Name, Start: job.Ping.Start.Reveal, Success: job.Ping.Success.Reveal, Fail: job.Ping.Fail.Reveal}
}
