package alert

import (
	"maps"
	"slices"
	"time"
)

const (
	// sameRun is how far the end of a run may differ between its observation and the world.
	sameRun = 30 * time.Second
	// leftFor is how long after its last failure a job or source that left the configuration leaves its incident too. Daemons whose
	// configurations differ do not take turns that way.
	leftFor = time.Hour
)

// compare takes account of what the world knows of the jobs of incidents: good runs that nobody observed, and jobs that are no longer there.
func (d *Desk) compare(world World) {
	if len(world.Sources) == 0 {
		return
	}
	ended, known := map[string]time.Time{}, true
	for _, source := range world.Sources {
		known = known && source.Jobs != nil
		for name, at := range source.Jobs {
			ended[name] = later(ended[name], at.UTC().Round(0))
		}
	}
	for _, inc := range d.all {
		if inc.Phase == Recovered || !inc.ofRuns() {
			continue
		}
		for _, name := range inc.jobNames() {
			job, at := inc.Jobs[name], ended[name]
			if job != nil && at.Sub(job.LastAt) > sameRun && !at.After(d.now) && inc.Phase != Recovered {
				d.relieve(inc, name, at)
			}
		}
		source, configured := world.Sources[inc.Source]
		switch {
		case inc.Source != "" && (!configured || source.Jobs != nil):
			d.leave(inc, source.Jobs)
		case inc.Source == "" && inc.Class == Database && known:
			d.leave(inc, ended)
		}
	}
}

// leave ends an incident whose source or jobs are no longer configured: jobs are those that are.
func (d *Desk) leave(inc *Incident, jobs map[string]time.Time) {
	if inc.Phase == Recovered {
		return
	}
	for _, name := range inc.jobNames() {
		if _, there := jobs[name]; there || d.now.Sub(inc.Jobs[name].LastAt) < leftFor {
			continue
		}
		switch {
		case len(inc.Jobs) > 1:
			delete(inc.Jobs, name)
		case inc.Phase == Failing:
			d.forget(inc, d.now)
		default:
			inc.Facts.Text = "It is no longer configured."
			d.recover(inc, d.now)
		}
	}
	if inc.Phase != Recovered {
		d.calm(inc, d.now)
	}
}

// Shifted is the world by a clock that is ahead by so much of the one that it was read by.
func (w World) Shifted(ahead time.Duration) World {
	shift := func(at time.Time) time.Time {
		if at.IsZero() {
			return at
		}
		return at.Add(ahead)
	}
	other := World{At: shift(w.At), Sources: make(map[string]SourceWorld, len(w.Sources))}
	for name, source := range w.Sources {
		source.LastGood = shift(source.LastGood)
		jobs := source.Jobs
		if source.Jobs = nil; jobs != nil {
			source.Jobs = make(map[string]time.Time, len(jobs))
		}
		for job, at := range jobs {
			source.Jobs[job] = shift(at)
		}
		other.Sources[name] = source
	}
	return other
}

func (inc *Incident) jobNames() []string { return slices.Sorted(maps.Keys(inc.Jobs)) }

func everyNetwork() Key { return Key{Scope: All, Class: Network} }

// lastGood is the end of the last good run of any source, as far as the world, the observations, or what they ended before tell.
func (d *Desk) lastGood(world World) time.Time {
	last := time.Time{}
	for _, source := range world.Sources {
		last = later(last, source.LastGood.UTC().Round(0))
	}
	for _, at := range d.good {
		last = later(last, at)
	}
	for _, past := range d.keys[everyNetwork()] {
		last = later(last, past.RecoveredAt)
	}
	if last.After(d.now) {
		return d.now
	}
	return last
}

// judgeNetwork opens and ends the incident of the network of all sources.
func (d *Desk) judgeNetwork(world World) {
	lastGood := d.lastGood(world)
	failing := d.withoutNetwork(world)
	all := d.current(everyNetwork())
	known := world.At
	if len(failing) == world.working() {
		known = time.Time{} // nobody is left whose good run an old world could lack
	}
	if began := beganAfter(failing, lastGood, known); len(began) >= 2 {
		if all == nil {
			d.open(d.begin(everyNetwork(), began[0]), began[1])
			all = d.current(everyNetwork())
		}
		all.describe(failing)
	}
	if all == nil {
		return
	}
	worked := lastGood.After(later(all.Since, all.ReopenedAt))
	gone := len(failing) == 0 && len(world.Sources) > 0
	switch {
	case worked && all.mayEnd(lastGood):
		d.recover(all, lastGood)
	case (worked || gone) && all.mayEnd(d.now):
		d.recover(all, d.now)
	}
}

// working is the number of sources that are not paused.
func (w World) working() int {
	n := 0
	for _, source := range w.Sources {
		if !source.Paused {
			n++
		}
	}
	return n
}

// withoutNetwork are the incidents of sources, as many as are configured and not paused, whose last run failed with network.
func (d *Desk) withoutNetwork(world World) []*Incident {
	var failing []*Incident
	for _, inc := range d.all {
		source, configured := world.Sources[inc.Source]
		if inc.Class == Network && inc.Phase != Recovered && configured && !source.Paused && !inc.cut().IsZero() {
			failing = append(failing, inc)
		}
	}
	slices.SortFunc(failing, func(a, b *Incident) int { return a.Key.Compare(b.Key) })
	return failing
}

// cut is since when a job of the incident fails with network; zero: none does.
func (inc *Incident) cut() time.Time {
	first := time.Time{}
	for _, job := range inc.Jobs {
		if job.Class == Network && job.Good == 0 && (first.IsZero() || job.BadSince.Before(first)) {
			first = job.BadSince
		}
	}
	return first
}

// beganAfter are the times, in order, at which incidents began to fail that began after a time and not after the other (zero: now).
func beganAfter(failing []*Incident, after, until time.Time) []time.Time {
	var began []time.Time
	for _, inc := range failing {
		if at := inc.cut(); at.After(after) && (until.IsZero() || !at.After(until)) {
			began = append(began, at)
		}
	}
	slices.SortFunc(began, time.Time.Compare)
	return began
}

// describe writes into the incident of the network of all sources what the failing ones say.
func (inc *Incident) describe(failing []*Incident) {
	failures := 0
	for _, one := range failing {
		failures += one.Failures
		if one.LastAt.After(inc.LastAt) || inc.Error == "" {
			inc.LastAt = later(inc.LastAt, one.LastAt)
			inc.Job, inc.RunID, inc.Kind, inc.Error, inc.Host = one.Job, one.RunID, one.Kind, one.Error, one.Host
		}
	}
	inc.Failures = max(inc.Failures, failures)
	inc.Facts.Count = max(inc.Facts.Count, len(failing))
}

// silence notes which incidents are only the consequence of another one, and which no longer are.
func (d *Desk) silence() {
	for _, inc := range d.all {
		if inc.Phase != Open || inc.Seq == inc.ToldSeq {
			continue
		}
		switch now := d.consequence(inc); {
		case now && !inc.Silenced:
			inc.Silenced, inc.FreedAt = true, time.Time{}
		case !now && inc.Silenced:
			inc.Silenced, inc.FreedAt = false, d.now
		}
	}
}

// consequence says that an incident is the consequence of another one that is open.
func (d *Desk) consequence(inc *Incident) bool {
	if inc.Source == "" {
		return false
	}
	if inc.Class != Network && inc.Class != Stall && inc.Class != Quiet {
		return false
	}
	if all := d.current(everyNetwork()); all != nil && all.Phase == Open {
		return true
	}
	if inc.Class == Network {
		return false
	}
	return slices.ContainsFunc(d.all, func(other *Incident) bool {
		return other.Phase == Open && other.ofRuns() && other.Scope == OfSource(inc.Source)
	})
}
