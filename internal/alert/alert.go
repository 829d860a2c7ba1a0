package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Class says what sort of failure an incident is. The words are part of the table incidents and of what people script against.
type Class string

// The classes. Those in the first group come from runs and need a second failure, or time, before they are told, unless the failure
// was marked as urgent; those in the second are told at once; the others are conditions, which are looked for.
const (
	Network Class = "network" // the remote cannot be reached
	HTTP    Class = "http"    // it answers with errors
	Rate    Class = "rate"    // it asks for a pause

	Auth     Class = "auth"     // it refuses the credential
	Payload  Class = "payload"  // its answers break the rules that completeness rests on
	Security Class = "security" // it cannot be trusted
	Config   Class = "config"   // what the operator wrote cannot work
	Internal Class = "internal" // a fault of ours

	Database   Class = "db"         // our database is away, full, or refuses us
	Disk       Class = "disk"       // the state directory cannot be written
	Channel    Class = "channel"    // alerts do not get through one of their ways
	DeadLetter Class = "deadletter" // orders that could not be accepted wait
	Gap        Class = "gap"        // orders of a time can no longer be read
	Shortfall  Class = "shortfall"  // the remote announces more orders than it lists
	Stall      Class = "stall"      // nothing happens where something should
	Quiet      Class = "quiet"      // runs are good and bring nothing where they used to bring orders
	Credential Class = "credential" // a key or an authorisation is near its end
)

// Scope is what fails: "source/us-store", "job/us-orders", "host/vps-1", "channel/sentry", or "all" for every source at once.
type Scope string

// All is the scope of a failure that every source shares.
const All Scope = "all"

// OfSource is the scope of one source.
func OfSource(name string) Scope { return Scope("source/" + name) }

// OfJob is the scope of one job.
func OfJob(name string) Scope { return Scope("job/" + name) }

// OfHost is the scope of one machine.
func OfHost(name string) Scope { return Scope("host/" + name) }

// OfChannel is the scope of one channel.
func OfChannel(name string) Scope { return Scope("channel/" + name) }

// Split returns the sort of thing and its name.
func (s Scope) Split() (sort, name string) {
	sort, name, _ = strings.Cut(string(s), "/")
	return sort, name
}

// Key is what one incident is about. At any time at most one incident of a key is not over.
type Key struct {
	Scope Scope `json:"scope"`
	Class Class `json:"class"`
}

// Compare orders keys by class, then scope.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Class, other.Class), cmp.Compare(k.Scope, other.Scope))
}

// Phase is where an incident is.
type Phase string

// The phases. A failing incident is not told and is forgotten when it passes; a recovered one is kept for history, and becomes open
// again when the same fails within [Calm].
const (
	Failing   Phase = "failing"
	Open      Phase = "open"
	Recovered Phase = "recovered"
)

// Incident is a failing condition from its first failure to its recovery.
type Incident struct {
	// ID is stable: it is made of the key and of FoundAt.
	ID string `json:"id"`
	Key
	Phase Phase `json:"phase"`

	// Since is the first failure; OpenedAt when it was clear that it does not pass by itself; RecoveredAt when it was over. A reopened
	// incident keeps Since and OpenedAt.
	Since       time.Time `json:"since"`
	OpenedAt    time.Time `json:"opened_at,omitzero"`
	RecoveredAt time.Time `json:"recovered_at,omitzero"`
	// LastAt is when it was last seen failing.
	LastAt time.Time `json:"last_at"`
	// Seq counts the changes that are told: opening, worsening, recovery, reopening. Reopened counts the last alone.
	Seq      int `json:"seq"`
	Reopened int `json:"reopened,omitempty"`
	// Level says how bad a condition is; a rise is a change that is told. Zero where there is but one.
	Level int `json:"level,omitempty"`

	// Source is the source concerned, where there is one. Jobs are those whose runs fail, by name; nil of a condition.
	Source string          `json:"source,omitempty"`
	Jobs   map[string]*Job `json:"jobs,omitempty"`
	// Failures is the number of failed runs, or of looks that found the condition.
	Failures int `json:"failures"`
	// Job and RunID name the last failed run; Kind is its kind of failure and Error its text: scrubbed, in English.
	Job   string `json:"job,omitempty"`
	RunID string `json:"run_id,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"`
	// Facts are what else is known, see there.
	Facts Facts `json:"facts"`
	// Host is the daemon's machine that saw it last.
	Host string `json:"host,omitempty"`

	// FoundAt is when it was first noticed, which is later than Since where a condition was found late. ReopenedAt is when it last became
	// open again, ChangedAt when Seq last grew.
	FoundAt    time.Time `json:"found_at"`
	ReopenedAt time.Time `json:"reopened_at,omitzero"`
	ChangedAt  time.Time `json:"changed_at,omitzero"`
	// Silenced says that it is the consequence of another incident and not told because of that; FreedAt since when it no longer is.
	Silenced bool      `json:"silenced,omitempty"`
	FreedAt  time.Time `json:"freed_at,omitzero"`

	// MutedUntil is until when nothing but the recovery is told; MutedBy who said so.
	MutedUntil time.Time `json:"muted_until,omitzero"`
	MutedBy    string    `json:"muted_by,omitempty"`

	// ToldSeq is the last change that was handed over to be told, ToldAt when anything of this incident was; Reminders how often it was
	// only said that it goes on. Root is the id of the notice in which it was told first.
	ToldSeq   int       `json:"told_seq"`
	ToldAt    time.Time `json:"told_at,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
	Root      string    `json:"root,omitempty"`
	// Told is the last change that was handed over (never Reminded), ToldLevel the level that was; AlarmAt and ReliefAt are when a change
	// for the worse and one for the better last were.
	Told      Change    `json:"told,omitempty"`
	ToldLevel int       `json:"told_level,omitempty"`
	AlarmAt   time.Time `json:"alarm_at,omitzero"`
	ReliefAt  time.Time `json:"relief_at,omitzero"`
}

// Job is what an incident knows of one of its failing jobs.
type Job struct {
	// Since is its first failure, BadSince the first one after its last good run; Class is that of its last failure.
	Since    time.Time `json:"since"`
	BadSince time.Time `json:"bad_since"`
	Class    Class     `json:"class"`
	Failures int       `json:"failures"`
	// Good is the number of good runs in a row since the last failure, its own and those that speak for it; Needed how many end it.
	Good   int `json:"good,omitempty"`
	Needed int `json:"needed"`
	// LastAt is the end of the last run that counted. Urgent and Patience are those of the failed runs, see [RunEnded].
	LastAt   time.Time     `json:"last_at"`
	Urgent   bool          `json:"urgent,omitempty"`
	Patience time.Duration `json:"patience,omitempty"`
}

// Facts are what an incident or a notice can say beside the failure. All are optional.
type Facts struct {
	// Count is a number of things: dead letters that wait, orders that are missing, clean starts that failed.
	Count int `json:"count,omitempty"`
	// From and To bound a span: that of a gap, or the time in which nothing came.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Ends is when a credential ends.
	Ends time.Time `json:"ends,omitzero"`
	// Allowed is how old the last success may be.
	Allowed time.Duration `json:"allowed,omitempty"`
	// Usual are the numbers of orders of earlier weeks in the span in which none came, the latest week first.
	Usual []int `json:"usual,omitempty"`
	// RetryAt is when the failed run is repeated; zero: with the next tick, which is NextTick.
	RetryAt  time.Time `json:"retry_at,omitzero"`
	NextTick time.Time `json:"next_tick,omitzero"`
	// Command is what to type next, where that depends on more than the class: "ordersyncd gap list".
	Command string `json:"command,omitempty"`
	// Remedy is what the room that failed advises (English), where the class does not say enough; Text a further sentence of its own.
	Remedy string `json:"remedy,omitempty"`
	Text   string `json:"text,omitempty"`

	// What it means for the orders of the source; filled in when a notice is made, see [Standing].
	Standing *Standing `json:"standing,omitempty"`
}

// Standing is how a source stands.
type Standing struct {
	// Watermark is the point up to which every order is stored; zero: nothing was loaded yet.
	Watermark time.Time `json:"watermark,omitzero"`
	// Behind is how far that is behind now.
	Behind time.Duration `json:"behind,omitempty"`
	// LastGood is the end of the last good run.
	LastGood time.Time `json:"last_good,omitzero"`
	// Waiting is how many orders wait at the remote: nil where nobody knows. It is an estimate.
	Waiting *int `json:"waiting,omitempty"`
	// Stored is how many orders were stored since the incident began; for a recovery.
	Stored int `json:"stored,omitempty"`
}

// ID makes the id of an incident that was found at a time: ten hexadecimal digits.
func ID(key Key, found time.Time) string {
	sum := sha256.Sum256([]byte(string(key.Scope) + "\n" + string(key.Class) + "\n" + strconv.FormatInt(found.UTC().UnixMicro(), 10)))
	return hex.EncodeToString(sum[:5])
}

// Observation is one thing that happened, as it is written down for whoever tells: exactly one of its parts is set.
type Observation struct {
	// At is when it happened, by the clock of the book that it is in.
	At time.Time `json:"at"`
	// Host is the machine that saw it.
	Host string `json:"host"`

	Run  *RunEnded `json:"run,omitempty"`
	Mute *Mute     `json:"mute,omitempty"`
}

// IsGood reports whether it is the end of a good run.
func (o Observation) IsGood() bool { return o.Run != nil && o.Run.Class == "" }

// RunEnded is the end of a run, good or failed. Stopped runs are no observations.
type RunEnded struct {
	// Source is empty of what concerns the machine alone: the database that does not answer, a configuration that was refused. A good run
	// without a Job is a check of the source by hand.
	Source string `json:"source"`
	Job    string `json:"job"`
	RunID  string `json:"run_id"`
	// Class is empty for a good run. Kind and Error are as in an Incident.
	Class Class  `json:"class,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Error string `json:"error,omitempty"`
	// Urgent says that no second failure need be waited for, whatever the class.
	Urgent bool `json:"urgent,omitempty"`
	// Patience is how long the failure must have lasted before its incident opens, whatever else would open it. Zero: it need not.
	Patience time.Duration `json:"patience,omitempty"`
	// Seldom says that the schedule is longer than 15 minutes: one good run then ends an incident, otherwise two in a row.
	Seldom bool  `json:"seldom,omitempty"`
	Facts  Facts `json:"facts"`
}

// Mute is an operator's wish for silence.
type Mute struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"`
	By    string    `json:"by"`
}

// Condition is something that is wrong now and that a look found: not an event, so it is named by each look as long as it lasts.
type Condition struct {
	Key
	Source string
	// Since is since when it has been wrong; zero: since the first look that found it.
	Since time.Time
	// Hold is how long it must be seen before it opens.
	Hold  time.Duration
	Level int
	Kind  string
	Error string
	Facts Facts
}
