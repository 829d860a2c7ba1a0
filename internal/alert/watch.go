package alert

import (
	"math/bits"
	"slices"
	"time"
)

// JobKind says what a job does.
type JobKind string

// The kinds of job.
const (
	SyncJob  JobKind = "sync"
	SweepJob JobKind = "sweep"
	TrackJob JobKind = "track"
)

// JobFacts are what is known of a job, by the database's clock.
type JobFacts struct {
	Name   string
	Kind   JobKind
	Source string
	// Interval is that of its schedule, Settle how far behind now its source's windows end.
	Interval, Settle time.Duration
	// Since is since when it is scheduled: when it was added, or its source resumed; zero: always.
	Since time.Time
	// Running says that a run is under way, Started when that began, LastStep when the job last wrote down how far it is.
	Running           bool
	Started, LastStep time.Time
	// LastGood is the end of the last good run, zero where there was none. LastFailed says that the last run failed.
	LastGood   time.Time
	LastFailed bool
	// Watermark is that of a sync job; zero: nothing was loaded yet, or the job has none.
	Watermark time.Time
	// Paused says that its source is paused.
	Paused bool
}

// SourceFacts are what is known of a source, by the database's clock.
type SourceFacts struct {
	Source string
	Paused bool
	// DeadLetters is how many orders wait that could not be accepted; Shortfalls how many orders the remote announced and did not list,
	// by the last runs of its jobs.
	DeadLetters, Shortfalls int
	// Newest is when the newest stored order was made, Watermark the point up to which every order is stored. Usual are the numbers of
	// orders that were made in [Newest, Watermark] shifted back by one week, by two, and so on.
	Newest, Watermark time.Time
	Usual             []int
	// Gaps are those that nobody took notice of.
	Gaps []GapFacts
	// CredentialEnds is when an authorisation ends for good, zero where it does not or nobody knows; CredentialText a sentence about that.
	CredentialEnds time.Time
	CredentialText string
	// Issued is when an API key was made, zero where nobody said.
	Issued time.Time
}

// GapFacts are a span whose orders can no longer be read.
type GapFacts struct {
	Since, Until time.Time
	Reason       string
}

// What a condition of the class stall has as its Kind.
const (
	StallNever = "never" // the job never ran
	StallOld   = "old"   // its last good run is too old
	StallStill = "still" // its runs are good and its watermark stands still
	StallStuck = "stuck" // a run goes on and gets nowhere
)

const (
	// settling is how long the daemon and the database must have been up before silence says anything.
	settling = 5 * time.Minute
	// stuckAfter is how long a run may take for one step.
	stuckAfter = 15 * time.Minute
	// stallHold lets a condition be seen by two looks.
	stallHold = 30 * time.Second
	// Nothing came, which is unusual: for at least quietFrom, where in each of at least quietWeeks weeks at least quietOrders came. With
	// five orders chance alone is quiet some dozen times a year, at any number of orders a day; with fifteen less than once.
	quietFrom   = time.Hour
	quietWeeks  = 2
	quietOrders = 15
	// keyLife is how long an API key should be used.
	keyLife = 90 * 24 * time.Hour
	day     = 24 * time.Hour
)

// Allowed is how old the last good run of a job, and its watermark, may be.
func Allowed(interval, settle time.Duration) time.Duration { return 2*interval + settle + time.Minute }

// Watch returns what is wrong now. up is since when the daemon and the database have been up together: silence is judged only 5 minutes
// after that.
//
// A job stalls (scope job/NAME, its Kind says how) when it never ran; when its last good run, or the watermark of a sync job whose runs
// are good, is older than [Allowed]; when a run goes on and wrote nothing down for 15 minutes. A run that gets somewhere is no stall.
// A source is quiet when nothing came for at least an hour, where in the same time of each earlier week at least 15 orders came; of at
// least two weeks, and of those alone since the first of which orders are known. Dead letters that wait, gaps that nobody took notice
// of, and orders that are announced and not listed are conditions as long as there are any; their level rises as their number doubles,
// that of gaps with each. A credential is near its end 30, 7 and 1 days before an authorisation ends; 14, 7 and 1 days before an API key
// is 90 days old. Of what is paused no silence is told.
func Watch(now, up time.Time, jobs []JobFacts, sources []SourceFacts) []Condition {
	var found []Condition
	awake := now.Sub(up) >= settling
	for _, job := range jobs {
		if c, stalls := job.stall(now, up); stalls && awake && !job.Paused {
			found = append(found, c)
		}
	}
	for _, s := range sources {
		if c, quiet := s.quiet(now); quiet && awake && !s.Paused {
			found = append(found, c)
		}
		found = append(found, s.counted()...)
		if c, ends := s.credential(now); ends {
			found = append(found, c)
		}
	}
	return found
}

// Judged says of which keys [Watch] could tell, given the same: not of the silence of what is paused, or has not been up for long.
func Judged(now, up time.Time, jobs []JobFacts, sources []SourceFacts) func(Key) bool {
	awake := now.Sub(up) >= settling
	paused := map[Scope]bool{}
	for _, job := range jobs {
		paused[OfJob(job.Name)] = job.Paused
	}
	for _, s := range sources {
		paused[OfSource(s.Source)] = s.Paused
	}
	return func(key Key) bool {
		switch key.Class {
		case Stall, Quiet:
			return awake && !paused[key.Scope]
		case DeadLetter, Gap, Shortfall, Credential:
			return true
		default:
			return false
		}
	}
}

// stall says how a job stalls, if it does.
func (j JobFacts) stall(now, up time.Time) (Condition, bool) {
	allowed := Allowed(j.Interval, j.Settle)
	c := Condition{Key: Key{Scope: OfJob(j.Name), Class: Stall}, Source: j.Source, Hold: stallHold, Facts: Facts{Allowed: allowed}}
	by := func(kind string, from, since time.Time) (Condition, bool) {
		c.Kind, c.Facts.From, c.Since = kind, from, since
		return c, now.After(since)
	}
	scheduled := later(up, j.Since)
	switch {
	case j.Running:
		step := later(j.Started, j.LastStep)
		c.Facts.Allowed = stuckAfter
		stuck, stalls := by(StallStuck, step, step.Add(stuckAfter))
		return stuck, stalls && !step.IsZero()
	case j.LastGood.IsZero() && !j.LastFailed:
		return by(StallNever, time.Time{}, scheduled.Add(settling))
	case j.LastGood.IsZero():
		return by(StallOld, time.Time{}, scheduled.Add(allowed))
	}
	if old, stalls := by(StallOld, j.LastGood, later(j.LastGood, j.Since).Add(allowed)); stalls {
		return old, true
	}
	if j.Kind != SyncJob || j.LastFailed || j.Watermark.IsZero() {
		return c, false
	}
	return by(StallStill, j.Watermark, later(j.Watermark, j.Since).Add(allowed))
}

// quiet says whether nothing comes where something should.
func (s SourceFacts) quiet(now time.Time) (Condition, bool) {
	c := Condition{Key: Key{Scope: OfSource(s.Source), Class: Quiet}, Source: s.Source, Since: s.Newest}
	c.Facts = Facts{From: s.Newest, To: s.Watermark, Usual: s.Usual}
	known := len(s.Usual)
	for known > 0 && s.Usual[known-1] == 0 {
		known-- // before the first order
	}
	if s.Newest.IsZero() || s.Newest.After(now) || s.Watermark.Sub(s.Newest) < quietFrom || known < quietWeeks {
		return c, false
	}
	return c, slices.Min(s.Usual[:known]) >= quietOrders
}

// counted are the conditions of what is counted.
func (s SourceFacts) counted() []Condition {
	var found []Condition
	add := func(class Class, level int, facts Facts) {
		if facts.Count > 0 {
			found = append(found, Condition{Key: Key{Scope: OfSource(s.Source), Class: class}, Source: s.Source, Level: level, Facts: facts})
		}
	}
	add(DeadLetter, bits.Len(uint(max(s.DeadLetters, 0))), Facts{Count: s.DeadLetters})
	add(Shortfall, bits.Len(uint(max(s.Shortfalls, 0))), Facts{Count: s.Shortfalls})
	gaps := Facts{Count: len(s.Gaps)}
	for _, g := range s.Gaps {
		if gaps.From.IsZero() || g.Since.Before(gaps.From) {
			gaps.From = g.Since
		}
		gaps.To, gaps.Text = later(gaps.To, g.Until), g.Reason
	}
	add(Gap, len(s.Gaps), gaps)
	return found
}

// credential says whether the end of a credential is near: of two, the worse.
func (s SourceFacts) credential(now time.Time) (Condition, bool) {
	c := Condition{Key: Key{Scope: OfSource(s.Source), Class: Credential}, Source: s.Source}
	if !s.CredentialEnds.IsZero() {
		c.Level = nearness(s.CredentialEnds.Sub(now), 30*day)
		c.Facts = Facts{Ends: s.CredentialEnds, Text: s.CredentialText, Command: "ordersyncd authorize " + s.Source}
	}
	if !s.Issued.IsZero() {
		ends := s.Issued.Add(keyLife)
		if level := nearness(ends.Sub(now), 14*day); level > c.Level {
			c.Level, c.Facts = level, Facts{Ends: ends}
		}
	}
	return c, c.Level > 0
}

// nearness is how near an end is: 0 not near, 1 within the first span, 2 within a week, 3 within a day, 4 over.
func nearness(left, first time.Duration) int {
	switch {
	case left <= 0:
		return 4
	case left <= day:
		return 3
	case left <= 7*day:
		return 2
	case left <= first:
		return 1
	}
	return 0
}
