package alert

import "time"

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

// Allowed is how old the last good run of a job, and its watermark, may be.
func Allowed(interval, settle time.Duration) time.Duration { return 2*interval + settle + time.Minute }

// Watch returns what is wrong now. up is since when the daemon and the database have been up together: silence is judged only 5 minutes
// after that.
func Watch(now, up time.Time, jobs []JobFacts, sources []SourceFacts) []Condition { return nil }

// Judged says of which keys [Watch] could tell, given the same: not of the silence of what is paused, or has not been up for long.
func Judged(now, up time.Time, jobs []JobFacts, sources []SourceFacts) func(Key) bool {
	return func(Key) bool { return true }
}
