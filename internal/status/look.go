package status

import (
	"context"
	"time"

	"ordersync/internal/alert"
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

// Sight is what a look saw: what those need who tell of silence.
type Sight struct {
	// Now is the database's clock.
	Now     time.Time
	Jobs    []alert.JobFacts
	Sources []alert.SourceFacts
	World   alert.World
}

// Look gathers what is known of jobs and sources. added are the times from which on jobs count that are new, or whose schedule is.
func (v *View) Look(ctx context.Context, added map[string]time.Time) (Sight, error) {
	f, err := v.gather(ctx)
	if err != nil {
		return Sight{}, err
	}
	s := Sight{Now: f.now, World: alert.World{At: f.now, Sources: map[string]alert.SourceWorld{}}}
	for _, source := range v.Sources {
		_, paused := f.pauses[source.Name]
		s.World.Sources[source.Name] = alert.SourceWorld{Jobs: map[string]time.Time{}, Paused: paused}
	}
	for _, job := range v.Jobs {
		j, err := v.jobFacts(ctx, f, job)
		if err != nil {
			return Sight{}, err
		}
		j.Since = later(j.Since, added[job.Name])
		s.Jobs = append(s.Jobs, j)
		world := s.World.Sources[j.Source]
		world.Jobs[j.Name], world.LastGood = j.LastGood, later(world.LastGood, j.LastGood)
		s.World.Sources[j.Source] = world
	}
	s.Sources, err = v.sourceFacts(ctx, f)
	return s, err
}

// jobFacts are what is known of a job.
func (v *View) jobFacts(ctx context.Context, f facts, job Job) (alert.JobFacts, error) {
	j, _ := job.status(f)
	good, err := v.lastGood(ctx, f, job.Name)
	_, paused := f.pauses[j.Source]
	facts := alert.JobFacts{
		Name: j.Name, Kind: job.Kind, Source: j.Source, Interval: schedule.Interval(job.Schedule, f.now), Settle: job.Settle,
		Since: f.resumed[order.SourceID(j.Source)], Running: j.Running, LastStep: j.reached(f), LastGood: good,
		LastFailed: j.LastRun != nil && j.LastRun.Outcome == mysql.OutcomeFailed, Paused: paused,
	}
	if j.Watermark != nil {
		facts.Watermark = *j.Watermark
	}
	if job.Kind == alert.TrackJob && j.Running {
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
func (v *View) lastGood(ctx context.Context, f facts, job string) (time.Time, error) {
	last, ran := f.runs[job]
	switch {
	case !ran:
		return time.Time{}, nil
	case last.Outcome == mysql.OutcomeGood:
		return last.EndedAt, nil
	}
	return v.DB.LastGood(ctx, job)
}

// sourceFacts are what is known of the sources.
func (v *View) sourceFacts(ctx context.Context, f facts) ([]alert.SourceFacts, error) {
	newest, err := v.DB.Newest(ctx)
	if err != nil {
		return nil, err
	}
	var all []alert.SourceFacts
	for i, s := range v.sourceStatuses(ctx, f)[:len(v.Sources)] {
		facts := alert.SourceFacts{
			Source: s.Name, Paused: s.Paused != nil, DeadLetters: s.DeadLetters, Newest: newest[order.SourceID(s.Name)], Watermark: f.watermark(s.Name),
			Issued: v.Sources[i].Issued,
		}
		for _, job := range v.Jobs {
			if job.Source == s.Name {
				facts.Shortfalls += f.runs[job.Name].Shortfall
			}
		}
		if a := s.Authorisation; a != nil && a.EndsAt != nil {
			facts.CredentialEnds, facts.CredentialText = *a.EndsAt, a.Warning
		}
		for _, g := range f.gaps {
			if string(g.Source) == s.Name {
				facts.Gaps = append(facts.Gaps, alert.GapFacts{Since: g.Window.Since, Until: g.Window.Until, Reason: g.Reason})
			}
		}
		if !facts.Newest.IsZero() && facts.Watermark.Sub(facts.Newest) >= quietFrom {
			if facts.Usual, err = v.DB.Usual(ctx, order.SourceID(s.Name), facts.Newest, facts.Watermark, weeksBack); err != nil {
				return nil, err
			}
		}
		all = append(all, facts)
	}
	return all, nil
}
