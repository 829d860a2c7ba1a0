// Package ping tells a monitor outside the host that jobs run: a GET of an address that only this job has, when a run starts, and when it
// was good or failed. Such a monitor speaks up when the pings stay away, so it notices also a host that is dead.
//
// It promises: a run never waits for a ping; pings of one job arrive in order; no error and no log line quotes an address, which is a
// secret. A ping is tried three times within half a minute, then given up: the next run pings anew.
package ping

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

const (
	// timeout bounds one ping.
	timeout = 10 * time.Second
	// wide is how many jobs are pinged for at once, deep how many pings of one may wait.
	wide, deep = 16, 6
	// tries is how often a ping is tried.
	tries = 3
)

// waits are what is waited before the second and the third try.
func waits(try int) time.Duration { return time.Duration(try*try) * 5 * time.Second }

// Target is where the pings of a job go. A nil func or an empty address: that event is not told.
type Target struct {
	// Job is named in the log.
	Job string
	// Start, Success and Fail are asked for each ping.
	Start, Success, Fail func() string
}

// Options are how to ping.
type Options struct {
	// Log is where pings that did not arrive are told; nil: nowhere.
	Log *slog.Logger
	// Transport carries the requests; nil: one of our own.
	Transport http.RoundTripper
}

// Pinger sends pings. Start, Success and Fail never block: where six of a job wait, the oldest makes room and is counted in the log.
type Pinger struct {
	log     *slog.Logger
	courier *courier.Courier
	lanes   *courier.Lanes

	mu sync.Mutex
	// jobs are those whose pings do not arrive.
	jobs map[string]*trouble
}

// trouble is what goes wrong with the pings of a job: how many were lost, and what the log said last.
type trouble struct {
	lost  int
	error string
}

// New makes a Pinger, which does nothing before Run.
func New(o Options) *Pinger {
	p := &Pinger{log: o.Log, courier: courier.New(o.Transport, timeout), jobs: map[string]*trouble{}}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.lanes = courier.NewLanes(wide, deep, p.lose)
	return p
}

// Run sends what is queued until ctx ends, then for at most 5 s what is still there. Let ctx end after the last run did. It returns nil.
func (p *Pinger) Run(ctx context.Context) error {
	p.lanes.Run(ctx)
	p.courier.Rest()
	return nil
}

// Start queues the ping for a run that begins.
func (p *Pinger) Start(t Target) { p.put(t.Job, t.Start) }

// Success queues the ping for a good run.
func (p *Pinger) Success(t Target) { p.put(t.Job, t.Success) }

// Fail queues the ping for a failed run.
func (p *Pinger) Fail(t Target) { p.put(t.Job, t.Fail) }

func (p *Pinger) put(job string, address func() string) {
	if address == nil || address() == "" {
		return
	}
	p.lanes.Put(job, func(ctx context.Context) {
		if err := p.ping(ctx, address()); err != nil {
			p.failed(ctx, job, err)
			return
		}
		p.arrived(ctx, job)
	})
}

// ping tries until the monitor has it, does not want it, or it is enough.
func (p *Pinger) ping(ctx context.Context, address string) error {
	for try := 1; ; try++ {
		err := p.once(ctx, address)
		if err == nil || try == tries || fault.KindOf(err) != fault.Transient || !p.lanes.Pause(ctx, max(waits(try), min(fault.RetryAfter(err), timeout))) {
			return err
		}
	}
}

func (p *Pinger) once(ctx context.Context, address string) error {
	answer, err := p.courier.Run(ctx, courier.Errand{Method: http.MethodGet, URL: address})
	if err != nil {
		return err
	}
	return answer.Failure("")
}

func (p *Pinger) lose(job string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(job).lost++
}

// failed counts a ping that did not arrive, and says so once for each job and reason.
func (p *Pinger) failed(ctx context.Context, job string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.of(job)
	t.lost++
	if t.error == err.Error() {
		return
	}
	t.error = err.Error()
	p.log.LogAttrs(ctx, slog.LevelWarn, "a ping did not reach the monitor outside", slog.String("job", job), slog.String("error", t.error),
		slog.Int("lost", t.lost))
}

// arrived says that the pings of a job arrive again.
func (p *Pinger) arrived(ctx context.Context, job string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.jobs[job]
	if t == nil {
		return
	}
	delete(p.jobs, job)
	p.log.LogAttrs(ctx, slog.LevelInfo, "pings reach the monitor outside again", slog.String("job", job), slog.Int("lost", t.lost))
}

// of is the trouble of a job; the caller holds the lock.
func (p *Pinger) of(job string) *trouble {
	t := p.jobs[job]
	if t == nil {
		t = new(trouble)
		p.jobs[job] = t
	}
	return t
}
