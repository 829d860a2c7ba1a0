package sentry

import (
	"context"
	"time"
)

// Job is a scheduled job as a cron monitor.
type Job struct {
	// Name is the job's, which becomes the monitor's slug.
	Name string
	// Schedule is the line of the configuration: five fields, six, a descriptor or @every.
	Schedule string
	// Zone is that of the schedule; nil: UTC.
	Zone *time.Location
	// Interval is the time between two ticks; Longest is how long a run may take (zero: an hour).
	Interval, Longest time.Duration
}

// Monitor sends the check-ins of runs. Begin and End never block: what does not fit into the queue is dropped and counted in the log.
type Monitor struct{ o Options }

// NewMonitor checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the DSN.
func NewMonitor(o Options) (*Monitor, error) { return &Monitor{o: o}, nil }

// Run sends what is queued until ctx ends, then for at most 5 s what is still there. Let ctx end after the last run did. It returns nil.
func (m *Monitor) Run(ctx context.Context) error { panic("not yet") }

// Begin says that a run began.
func (m *Monitor) Begin(j Job, runID string) { panic("not yet") }

// End says how a run ended and how long it took.
func (m *Monitor) End(j Job, runID string, good bool, took time.Duration) { panic("not yet") }
