package alert

import "time"

// Rules are when and how often is told. Zero values are the defaults, see [Rules.WithDefaults].
type Rules struct {
	// GroupWait is how long a change waits for others of its class, so that they are told together: 30 s.
	GroupWait time.Duration
	// GroupInterval is the least time between two notices of one class and direction: 10 times GroupWait.
	GroupInterval time.Duration
	// RemindEvery is how long after it was last told an incident that goes on is told again: 4 h.
	RemindEvery time.Duration
	// After is how long a failure that may pass by itself may last before its incident opens, if no second failure opens it earlier: 4 min.
	After time.Duration
	// Host is the name of this machine.
	Host string
}

// WithDefaults fills in what is zero or less.
func (r Rules) WithDefaults() Rules {
	if r.GroupWait <= 0 {
		r.GroupWait = 30 * time.Second
	}
	if r.GroupInterval <= 0 {
		r.GroupInterval = 10 * r.GroupWait
	}
	if r.RemindEvery <= 0 {
		r.RemindEvery = 4 * time.Hour
	}
	if r.After <= 0 {
		r.After = 4 * time.Minute
	}
	return r
}

// World is what a desk must know beside the observations: by the book's clock, and for both books alike.
type World struct {
	// At is when it was read; zero: just now. What failed later is not yet judged by it.
	At time.Time
	// Sources are the configured ones by name; empty where that is not known.
	Sources map[string]SourceWorld
}

// SourceWorld is what a desk must know of one source.
type SourceWorld struct {
	// LastGood is the end of the last good run of any of its jobs; zero: there was none.
	LastGood time.Time
	// Jobs are its configured jobs, each with the end of its last good run (zero: there was none); nil where that is not known.
	// A good run that nobody noted as an observation counts because it stands here.
	Jobs   map[string]time.Time
	Paused bool
}

// Desk is where observations and conditions become incidents, and incidents notices. It is made anew for each step of a book: fill it,
// Look, Compose, and write down what Changed together with the notices. It is for one goroutine.
type Desk struct {
	rules Rules
	now   time.Time
}

// NewDesk lays out the incidents of a book at its clock's now.
func NewDesk(rules Rules, now time.Time, incidents []Incident) *Desk {
	return &Desk{rules: rules.WithDefaults(), now: now}
}

// Changed returns the incidents that differ from those that NewDesk was given.
func (d *Desk) Changed() []Incident { return nil }
