package alert

import (
	"cmp"
	"slices"
	"time"
)

// Observe takes the end of a run, or a mute. The order in which observations come does not matter, their times do. A run that ended
// before what is known of its job already adds to the number of failures and changes nothing else.
func (d *Desk) Observe(o Observation) { d.waiting = append(d.waiting, o) }

// settle works the observations in the order of their times.
func (d *Desk) settle() {
	for i := range d.waiting {
		o := &d.waiting[i]
		if o.At = o.At.UTC().Round(0); o.At.IsZero() || o.At.After(d.now) {
			o.At = d.now
		}
	}
	slices.SortStableFunc(d.waiting, inOrder)
	for _, o := range d.waiting {
		switch {
		case o.Run != nil && o.Run.Class == "":
			d.observeGood(o)
		case o.Run != nil:
			d.observeFailure(o)
		case o.Mute != nil:
			d.mute(*o.Mute)
		}
	}
	d.waiting = nil
}

// inOrder orders observations by time, and those of one moment in some way that does not depend on how they came.
func inOrder(a, b Observation) int {
	if byTime := a.At.Compare(b.At); byTime != 0 {
		return byTime
	}
	var runA, runB RunEnded
	if a.Run != nil {
		runA = *a.Run
	}
	if b.Run != nil {
		runB = *b.Run
	}
	var muteA, muteB Mute
	if a.Mute != nil {
		muteA = *a.Mute
	}
	if b.Mute != nil {
		muteB = *b.Mute
	}
	return cmp.Or(cmp.Compare(runA.Source, runB.Source), cmp.Compare(runA.Job, runB.Job), cmp.Compare(runA.Class, runB.Class),
		cmp.Compare(a.Host, b.Host), cmp.Compare(runA.RunID, runB.RunID), cmp.Compare(runA.Error, runB.Error),
		cmp.Compare(muteA.ID, muteB.ID), muteA.Until.Compare(muteB.Until), cmp.Compare(muteA.By, muteB.By))
}

// passing says that failures of a class may pass by themselves.
func passing(c Class) bool { return c == Network || c == HTTP || c == Rate || c == Database }

// siblings are the classes whose failures of a job count together.
func siblings() []Class { return []Class{Network, HTTP, Rate} }

// scopeOf is what a run of a class concerns.
func (d *Desk) scopeOf(host string, run *RunEnded) Scope {
	if run.Class == Database || run.Source == "" {
		return OfHost(cmp.Or(host, d.rules.Host))
	}
	return OfSource(run.Source)
}

func (d *Desk) observeFailure(o Observation) {
	run := o.Run
	key := Key{Scope: d.scopeOf(o.Host, run), Class: run.Class}
	d.leaveOthers(key, run.Job, o.At)
	inc := d.home(key, run.Job)
	if inc == nil {
		if past := d.knewBetter(key, run.Job, o.At); past != nil {
			past.Failures++
			return
		}
		inc = d.begin(key, o.At)
	}
	if key.Scope == OfSource(run.Source) {
		inc.Source = run.Source
	}
	inc.count(o)
	if inc.Phase == Failing && d.ripe(inc, o.At) {
		d.open(inc, o.At)
	}
}

// home is the incident that is not over into which a failure of a job counts, or nil.
func (d *Desk) home(key Key, job string) *Incident {
	current := d.current(key)
	if !slices.Contains(siblings(), key.Class) || current != nil && current.Jobs[job] != nil {
		return current
	}
	for _, class := range siblings() {
		if other := d.current(Key{Scope: key.Scope, Class: class}); other != nil && other.Jobs[job] != nil {
			return other
		}
	}
	return current
}

// knewBetter is the incident that ended after a failure that came to be known only now, or nil.
func (d *Desk) knewBetter(key Key, job string, at time.Time) *Incident {
	for _, inc := range d.keys[key] {
		if known := inc.Jobs[job]; inc.Phase == Recovered && !inc.passed() && known != nil && !at.After(known.LastAt) {
			return inc
		}
	}
	return nil
}

// leaveOthers takes a job that now fails in another way out of the incidents that have not opened.
func (d *Desk) leaveOthers(key Key, name string, at time.Time) {
	if slices.Contains(siblings(), key.Class) || key.Class == Database {
		return
	}
	for _, class := range siblings() {
		inc := d.current(Key{Scope: key.Scope, Class: class})
		if inc == nil || inc.Phase != Failing {
			continue
		}
		if job := inc.Jobs[name]; job != nil && !at.Before(job.LastAt) {
			d.take(inc, name, at)
		}
	}
}

// take takes a job out of a failing incident, which is forgotten with its last one.
func (d *Desk) take(inc *Incident, name string, at time.Time) {
	if len(inc.Jobs) == 1 {
		d.forget(inc, at)
		return
	}
	delete(inc.Jobs, name)
}

// count adds a failed run.
func (inc *Incident) count(o Observation) {
	run := o.Run
	if inc.Jobs == nil {
		inc.Jobs = map[string]*Job{}
	}
	job := inc.Jobs[run.Job]
	if job == nil {
		job = &Job{Since: o.At, BadSince: o.At}
		inc.Jobs[run.Job] = job
	}
	inc.Failures++
	job.Failures++
	if o.At.Before(job.Since) {
		job.Since = o.At
	}
	if o.At.Before(inc.Since) {
		inc.Since = o.At
	}
	if !o.At.Before(job.LastAt) {
		if job.Good > 0 {
			job.BadSince = o.At
		}
		job.Good, job.LastAt, job.Class, job.Patience = 0, o.At, run.Class, run.Patience
		job.Urgent = job.Urgent || run.Urgent
		job.Needed = 2
		if run.Seldom {
			job.Needed = 1
		}
	}
	if !o.At.Before(inc.LastAt) {
		inc.LastAt, inc.Host = o.At, o.Host
		inc.Job, inc.RunID, inc.Kind, inc.Error, inc.Facts = run.Job, run.RunID, run.Kind, run.Error, run.Facts
	}
}

// ripe says that a failing incident of runs should open.
func (d *Desk) ripe(inc *Incident, at time.Time) bool {
	again := d.lately(inc.Key, inc.FoundAt) != nil
	for _, job := range inc.Jobs {
		lasts := at.Sub(job.Since)
		if job.Good > 0 || lasts < job.Patience {
			continue
		}
		if again || job.Urgent || !passing(inc.Class) || job.Failures >= 2 || lasts >= d.rules.After {
			return true
		}
	}
	return false
}

func (d *Desk) observeGood(o Observation) {
	run := o.Run
	if run.Source != "" {
		d.good[run.Source] = later(d.good[run.Source], o.At)
	}
	host := OfHost(cmp.Or(o.Host, d.rules.Host))
	for _, inc := range d.all {
		if inc.Phase != Recovered && inc.ofRuns() && (inc.Scope == host || run.Source != "" && inc.Scope == OfSource(run.Source)) {
			d.relieve(inc, run.Job, o.At)
		}
	}
}

// relieve counts a good run of a job, "" of a check by hand, for an incident.
func (d *Desk) relieve(inc *Incident, name string, at time.Time) {
	shared := inc.Class == Auth || inc.Class == Network
	for _, other := range inc.jobNames() {
		job := inc.Jobs[other]
		speaks := job.Class == inc.Class && (shared && name == "" || (shared || inc.Class == Database) && inc.Jobs[name] != nil)
		if (other == name || speaks) && at.After(job.LastAt) {
			job.Good++
			job.LastAt = at
		}
	}
	d.calm(inc, at)
}

// calm ends an incident of runs where all its jobs are good again.
func (d *Desk) calm(inc *Incident, at time.Time) {
	bad := 0
	for _, name := range inc.jobNames() {
		job := inc.Jobs[name]
		switch {
		case job.Good < job.Needed:
			bad++
		case inc.Phase == Failing:
			d.take(inc, name, at)
		}
	}
	if inc.Phase == Open && bad == 0 && inc.mayEnd(at) {
		d.recover(inc, at)
	}
}

func (d *Desk) mute(m Mute) {
	for _, inc := range d.all {
		if inc.ID == m.ID {
			inc.MutedUntil, inc.MutedBy = m.Until.UTC().Round(0), m.By
		}
	}
}
