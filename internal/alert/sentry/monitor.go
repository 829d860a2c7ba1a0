package sentry

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	sdk "github.com/getsentry/sentry-go"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

// Job is a scheduled job as a cron monitor, which Sentry creates with the first check-in and keeps as the configuration has it.
//
// Sentry counts in whole minutes and knows crontabs of five fields and intervals. So a schedule becomes:
//
//   - five fields: the same crontab in the same time zone. What the two read differently is written out: ? as *, */2 as 1-31/2;
//   - six fields: the crontab without its seconds. One that ticks several times in a minute is expected once in each such minute;
//   - @hourly, @daily and so on: the crontab that they stand for;
//   - @every: an interval, rounded up to whole minutes: @every 90s becomes 2 minutes, @every 30s becomes 1 minute, @every 6h becomes 6
//     hours. Sentry counts it from check-in to check-in and we from 1970 on, which the margin covers.
//
// Of a job that runs more often than every 30 seconds only the first run in 30 seconds is told, for Sentry takes six check-ins of a monitor
// a minute and drops the others. A run counts as missed two intervals, at most two hours, and a minute after its tick. One failed or missed
// run makes an issue in Sentry where the interval is longer than 15 minutes, two in a row where it is shorter; and as many good ones end it.
type Job struct {
	// Name is the job's, which becomes the monitor's slug. A name longer than 50 characters or with others than a-z, 0-9, - and _ gets a
	// slug that is made of it.
	Name string
	// Schedule is the line of the configuration: five fields, six, a descriptor or @every.
	Schedule string
	// Zone is that of the schedule; nil: UTC. It must have a name of the tz database.
	Zone *time.Location
	// Interval is the time between two ticks. Where it varies, as for a job of the day's hours alone, the shortest that was told counts.
	Interval time.Duration
	// Longest is how long a run may take before Sentry counts it as failed; zero: a day.
	Longest time.Duration
}

const (
	// wide is how many jobs are told of at once, deep how many check-ins of one may wait.
	wide, deep = 4, 16
	// stale is how long a check-in is worth sending. Sentry dates it by its arrival: a later one would stand for another run.
	stale = 5 * time.Minute
	// often is how close together runs of one job are told.
	often = 30 * time.Second
)

// Monitor sends the check-ins of runs. Begin and End never block: what does not fit into the queue is dropped and counted in the log. A
// check-in that cannot be sent is tried again for five minutes.
type Monitor struct {
	o     Options
	post  *post
	lanes *courier.Lanes

	mu sync.Mutex
	// began is when the last run began that is told of, by job; told is which one, until it ends. A run that is stopped ends untold: Sentry
	// then waits for the next one.
	began map[string]time.Time
	told  map[string]string
	// shortest is the shortest interval of each job.
	shortest map[string]time.Duration
	// lost are the check-ins that did not arrive since the log said so; trouble is what it said.
	lost    int
	trouble string
}

// NewMonitor checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the DSN.
func NewMonitor(o Options) (*Monitor, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	p, err := newPost(o)
	if err != nil {
		return nil, err
	}
	m := &Monitor{o: o, post: p, began: map[string]time.Time{}, told: map[string]string{}, shortest: map[string]time.Duration{}}
	m.lanes = courier.NewLanes(wide, deep, func(string) { m.lose() })
	return m, nil
}

// Run sends what is queued until ctx ends, then for at most 5 s what is still there. Let ctx end after the last run did. It returns nil.
func (m *Monitor) Run(ctx context.Context) error {
	m.lanes.Run(ctx)
	m.post.rest()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost > 0 {
		m.o.Log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "check-ins did not reach Sentry", slog.Int("lost", m.lost))
	}
	return nil
}

// Begin says that a run began.
func (m *Monitor) Begin(j Job, runID string) {
	if !m.tell(j, runID) {
		return
	}
	m.put(j, runID, sdk.CheckInStatusInProgress, 0)
}

// End says how a run ended and how long it took. It follows Begin, with the same job and run; of a run that was stopped nothing is said.
func (m *Monitor) End(j Job, runID string, good bool, took time.Duration) {
	if !m.ended(j, runID) {
		return
	}
	status := sdk.CheckInStatusError
	if good {
		status = sdk.CheckInStatusOK
	}
	m.put(j, runID, status, took)
}

// tell decides whether a run is told of.
func (m *Monitor) tell(j Job, runID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if last, ok := m.began[j.Name]; ok && now.Sub(last) < often {
		return false
	}
	m.began[j.Name], m.told[j.Name] = now, runID
	return true
}

func (m *Monitor) ended(j Job, runID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if told, ok := m.told[j.Name]; !ok || told != runID {
		return false
	}
	delete(m.told, j.Name)
	return true
}

// interval is the shortest one of a job so far, so that its monitor does not change with the time of day.
func (m *Monitor) interval(j Job) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.shortest[j.Name]; !ok || j.Interval < known {
		m.shortest[j.Name] = j.Interval
	}
	return m.shortest[j.Name]
}

// put queues one check-in. Both of a run carry the monitor's configuration, so that the second one counts also where the first was lost.
func (m *Monitor) put(j Job, runID string, status sdk.CheckInStatus, took time.Duration) {
	made := time.Now()
	j.Interval = m.interval(j)
	m.lanes.Put(j.Name, func(ctx context.Context) {
		m.hand(ctx, made, func() *sdk.Event {
			return m.post.client.EventFromCheckIn(
				&sdk.CheckIn{ID: checkInID(runID), MonitorSlug: slug(j.Name), Status: status, Duration: took}, j.config())
		})
	})
}

// hand sends one check-in, again and again until it is stale, the lanes stop, or the receiver does not want it.
func (m *Monitor) hand(ctx context.Context, made time.Time, checkIn func() *sdk.Event) {
	wait := 5 * time.Second
	for {
		if time.Since(made) > stale {
			m.lose()
			return
		}
		err := m.post.send(ctx, checkIn())
		if err == nil {
			m.arrived(ctx)
			return
		}
		pause := max(wait, fault.RetryAfter(err))
		if fault.KindOf(err) != fault.Transient || time.Since(made)+pause > stale || !m.lanes.Pause(ctx, pause) {
			m.failed(ctx, err)
			return
		}
		wait *= 2
	}
}

// lose counts a check-in that was not even tried: what goes wrong is in the log already, and the number follows.
func (m *Monitor) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost++
}

// failed counts a check-in that did not arrive, and says so once for each reason.
func (m *Monitor) failed(ctx context.Context, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost++
	if m.trouble == err.Error() {
		return
	}
	m.trouble = err.Error()
	m.o.Log.LogAttrs(ctx, slog.LevelWarn, "a check-in did not reach Sentry", slog.String("error", err.Error()), slog.Int("lost", m.lost))
}

func (m *Monitor) arrived(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.trouble == "" && m.lost == 0 {
		return
	}
	m.o.Log.LogAttrs(ctx, slog.LevelInfo, "check-ins reach Sentry again", slog.Int("lost", m.lost))
	m.trouble, m.lost = "", 0
}

// checkInID is the id that all check-ins of a run share: the run's own, where that has the right form.
func checkInID(runID string) sdk.EventID {
	if raw, err := hex.DecodeString(runID); err == nil && len(raw) == 16 {
		return sdk.EventID(runID)
	}
	return id("run", runID)
}
