package status

import (
	"time"

	"ordersync/internal/alert"
)

// Overview is what `status` knows. Its JSON keys are a contract: they only ever get more.
type Overview struct {
	Healthy bool `json:"healthy"`
	// Problem is the first reason why not, in a sentence; NextCommand what to type about it.
	Problem     string         `json:"problem,omitempty"`
	NextCommand string         `json:"next_command,omitempty"`
	At          time.Time      `json:"at"`
	Schema      Schema         `json:"schema"`
	Jobs        []JobStatus    `json:"jobs"`
	Sources     []SourceStatus `json:"sources"`
	Streams     []Stream       `json:"streams"`
	Leases      []Lease        `json:"leases"`
	// Incidents are those that are open; Channels the ways by which people are told, as far as any was used yet.
	Incidents []Incident `json:"incidents"`
	Channels  []Channel  `json:"channels"`
	// Gaps are the spans of which orders are missing for good and that nobody took notice of.
	Gaps []Gap `json:"gaps"`
}

// Schema says whether the tables fit this program.
type Schema struct {
	Healthy bool   `json:"healthy"`
	Version int64  `json:"version"`
	Problem string `json:"problem,omitempty"`
}

// JobStatus is one job of the configuration.
type JobStatus struct {
	Name     string        `json:"name"`
	Kind     alert.JobKind `json:"kind"`
	Source   string        `json:"source"`
	Stream   string        `json:"stream"`
	Schedule string        `json:"schedule"`
	Healthy  bool          `json:"healthy"`
	Problem  string        `json:"problem,omitempty"`

	// Watermark is the point up to which everything is stored; a sweep has none, since it reads the same span again and again.
	// FilteredBy says by which time the shop's filter works: with "created", changes of older orders come with the sweep.
	FilteredBy string     `json:"filtered_by"`
	Watermark  *time.Time `json:"watermark,omitempty"`
	// LoadedBefore is how far a first load has come that goes by the time of creation.
	LoadedBefore *time.Time `json:"loaded_before,omitempty"`
	// BehindSeconds is how far the watermark is behind now, AllowedSeconds how far it may be.
	BehindSeconds  int64 `json:"behind_seconds"`
	AllowedSeconds int64 `json:"allowed_seconds"`

	Running      bool       `json:"running"`
	Holder       string     `json:"holder,omitempty"`
	NextTick     *time.Time `json:"next_tick,omitempty"`
	RepeatAt     *time.Time `json:"repeat_at,omitempty"`
	SkippedTicks int64      `json:"skipped_ticks"`
	LastRun      *Run       `json:"last_run,omitempty"`
}

// Run is the last execution of a job, or the last row of several empty ones.
type Run struct {
	Outcome   string    `json:"outcome"`
	Kind      string    `json:"kind,omitempty"`
	Error     string    `json:"error,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	// Runs is more than one where several runs in a row found nothing new.
	Runs        int `json:"runs"`
	Records     int `json:"records"`
	Inserted    int `json:"inserted"`
	Updated     int `json:"updated"`
	Unchanged   int `json:"unchanged"`
	DeadLetters int `json:"dead_letters"`
	Shortfalls  int `json:"shortfalls"`
}

// SourceStatus is one source, of the configuration or remembered.
type SourceStatus struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind"`
	Endpoint    string     `json:"endpoint"`
	RemovedAt   *time.Time `json:"removed_at,omitempty"`
	DeadLetters int        `json:"dead_letters"`
	Pace        *Pace      `json:"pace,omitempty"`
	// Paused is set where its jobs do not run because a person said so.
	Paused *Pause `json:"paused,omitempty"`
	// Authorisation is what the shop's owner granted, where that ends by itself.
	Authorisation *Authorisation `json:"authorisation,omitempty"`
}

// Authorisation is the token by which a shop lets us in.
type Authorisation struct {
	// Origin says which token is in use: "configuration", "authorised" (the one in the database), or "" for none.
	Origin string `json:"origin"`
	Shop   string `json:"shop,omitempty"`
	// EndsAt is when the authorisation ends for good, left out where nobody said; Renewed says that it is renewed until then.
	EndsAt  *time.Time `json:"ends_at,omitempty"`
	Renewed bool       `json:"renewed"`
	// RefusedAt is since when the shop refuses the token.
	RefusedAt *time.Time `json:"refused_at,omitempty"`
	// Warning says that it ends soon or is over, and what to do.
	Warning string `json:"warning,omitempty"`
	// Urgent: it is a reason not to be well; Command is what to type about it.
	Urgent  bool   `json:"-"`
	Command string `json:"-"`
}

// Gap is a span of which orders are missing for good.
type Gap struct {
	Number  int64     `json:"number"`
	Source  string    `json:"source"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	FoundAt time.Time `json:"found_at"`
}

// Pace is the right to make calls, as far as it was used.
type Pace struct {
	AheadSeconds int64      `json:"ahead_seconds"`
	UsedToday    int64      `json:"used_today"`
	ParkedUntil  *time.Time `json:"parked_until,omitempty"`
	RefusedAt    *time.Time `json:"refused_at,omitempty"`
}

// Stream is one thing of a source that is followed.
type Stream struct {
	Source    string     `json:"source"`
	Stream    string     `json:"stream"`
	Watermark *time.Time `json:"watermark,omitempty"`
	// Open says that a window was begun and is not complete.
	Open      bool      `json:"open"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Lease is the right to work a stream.
type Lease struct {
	Source string    `json:"source"`
	Stream string    `json:"stream"`
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// Incident is one incident, as JSON tells it.
type Incident struct {
	ID    string `json:"id"`
	Class string `json:"class"`
	// Scope is what fails: source/NAME, job/NAME, host/NAME, channel/NAME or all.
	Scope      string     `json:"scope"`
	Source     string     `json:"source,omitempty"`
	Since      time.Time  `json:"since"`
	OpenedAt   time.Time  `json:"opened_at"`
	Failures   int        `json:"failures"`
	Kind       string     `json:"kind,omitempty"`
	Error      string     `json:"error,omitempty"`
	Host       string     `json:"host,omitempty"`
	MutedUntil *time.Time `json:"muted_until,omitempty"`
}

// Channel is one way by which people are told.
type Channel struct {
	Name    string `json:"name"`
	Healthy bool   `json:"healthy"`
	// Waiting is how many notices wait to be taken, OldestAt since when.
	Waiting  int        `json:"waiting"`
	OldestAt *time.Time `json:"oldest_at,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	Error    string     `json:"error,omitempty"`
	SentAt   *time.Time `json:"sent_at,omitempty"`
}

// Pause is an operator's wish that a source is left alone.
type Pause struct {
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"`
	By    string     `json:"by"`
}
