package main

import (
	"context"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/config"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/schedule"
)

const (
	// quietFrom is how long nothing must have come before it is asked whether that is usual.
	quietFrom = time.Hour
	// weeksBack is how many earlier weeks say what is usual.
	weeksBack = 4
)

// look says what is wrong now, of which keys it could judge, and how the sources stand: by what the tables say, as status does.
func (k *keeper) look(ctx context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) {
	k.mu.Lock()
	w, added := k.inForce, k.added
	k.mu.Unlock()
	f, err := w.gather(ctx)
	if err != nil {
		return nil, nil, alert.World{}, err
	}
	world := alert.World{At: f.now, Sources: map[string]alert.SourceWorld{}}
	for _, s := range w.cfg.Sources {
		_, paused := f.pauses[s.Name]
		world.Sources[s.Name] = alert.SourceWorld{Jobs: map[string]time.Time{}, Paused: paused}
	}
	var jobs []alert.JobFacts
	for _, job := range w.cfg.Jobs {
		facts, err := w.jobFacts(ctx, f, job)
		if err != nil {
			return nil, nil, alert.World{}, err
		}
		facts.Since = later(facts.Since, added[job.Name])
		jobs = append(jobs, facts)
		s := world.Sources[facts.Source]
		s.Jobs[facts.Name], s.LastGood = facts.LastGood, later(s.LastGood, facts.LastGood)
		world.Sources[facts.Source] = s
	}
	sources, err := w.sourceFacts(ctx, f, jobs)
	if err != nil {
		return nil, nil, alert.World{}, err
	}
	up := k.upSince(f.now)
	return alert.Watch(f.now, up, jobs, sources), alert.Judged(f.now, up, jobs, sources), world, nil
}

// upSince is since when this daemon and the database have been up together, by the database's clock.
func (k *keeper) upSince(now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.up.IsZero() {
		k.up = now
	}
	return k.up
}

// askDatabase asks whether the database is there.
func (k *keeper) askDatabase(ctx context.Context) error {
	_, err := k.db.Now(ctx)
	if err != nil && !stopped(err) {
		k.mu.Lock()
		k.up = time.Time{}
		k.mu.Unlock()
	}
	return err
}

// jobFacts are what is known of a job by those who look for silence.
func (w *works) jobFacts(ctx context.Context, f facts, job *config.Job) (alert.JobFacts, error) {
	j, _, err := w.jobStatus(f, job)
	if err != nil {
		return alert.JobFacts{}, err
	}
	a := w.accounts[j.Source]
	s, err := schedule.Parse(job.Schedule, w.cfg.Zone())
	if err != nil {
		return alert.JobFacts{}, err
	}
	good, err := w.lastGood(ctx, f, job.Name)
	_, paused := f.pauses[j.Source]
	facts := alert.JobFacts{
		Name: j.Name, Kind: alert.JobKind(j.Kind), Source: j.Source, Interval: schedule.Interval(s, f.now), Settle: a.shop.Orders.Limits.Settle,
		Since: f.resumed[order.SourceID(j.Source)], Running: j.Running, LastStep: j.reached(f), LastGood: good,
		LastFailed: j.LastRun != nil && j.LastRun.Outcome == mysql.OutcomeFailed, Watermark: value(j.Watermark), Paused: paused,
	}
	if job.Track != "" && j.Running {
		facts.LastStep = f.now // it writes no point reached down: that its lease is renewed must do
	}
	for _, l := range f.leases {
		if j.Running && l.Source == j.Source && l.Stream == j.Stream {
			facts.Started = l.Since
		}
	}
	return facts, err
}

// lastGood is the end of a job's last good run, zero where there was none.
func (w *works) lastGood(ctx context.Context, f facts, job string) (time.Time, error) {
	last, ran := f.runs[job]
	switch {
	case !ran:
		return time.Time{}, nil
	case last.Outcome == mysql.OutcomeGood:
		return last.EndedAt, nil
	}
	return w.db.LastGood(ctx, job)
}

// sourceFacts are what is known of the sources by those who look for silence.
func (w *works) sourceFacts(ctx context.Context, f facts, jobs []alert.JobFacts) ([]alert.SourceFacts, error) {
	newest, err := w.db.Newest(ctx)
	if err != nil {
		return nil, err
	}
	var all []alert.SourceFacts
	for _, s := range w.sourceStatuses(ctx, f) {
		if s.RemovedAt != nil {
			continue
		}
		facts := alert.SourceFacts{
			Source: s.Name, Paused: s.Paused != nil, DeadLetters: s.DeadLetters, Newest: newest[order.SourceID(s.Name)], Watermark: f.watermark(s.Name),
		}
		for _, job := range jobs {
			if job.Source == s.Name {
				facts.Shortfalls += f.runs[job.Name].Shortfall
			}
		}
		if a := s.Authorisation; a != nil {
			facts.CredentialEnds, facts.CredentialText = value(a.EndsAt), a.Warning
		}
		if c := w.cfg.Source(s.Name).Rest; c != nil {
			facts.Issued = c.Auth.Issued
		}
		for _, g := range f.gaps {
			if string(g.Source) == s.Name {
				facts.Gaps = append(facts.Gaps, alert.GapFacts{Since: g.Window.Since, Until: g.Window.Until, Reason: g.Reason})
			}
		}
		if !facts.Newest.IsZero() && facts.Watermark.Sub(facts.Newest) >= quietFrom {
			if facts.Usual, err = w.db.Usual(ctx, order.SourceID(s.Name), facts.Newest, facts.Watermark, weeksBack); err != nil {
				return nil, err
			}
		}
		all = append(all, facts)
	}
	return all, nil
}

// watermark is the point up to which every order of a source is stored; zero where nothing was loaded yet.
func (f facts) watermark(source string) time.Time {
	for _, c := range f.checkpoints {
		if string(c.Source) == source && c.Stream == intake.StreamOrders {
			return c.Watermark
		}
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
