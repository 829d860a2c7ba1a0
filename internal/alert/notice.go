package alert

import "time"

// Change is what a notice says about one incident.
type Change string

// The changes.
const (
	Opened   Change = "opened"
	Worse    Change = "worse"
	Reopened Change = "reopened"
	Reminded Change = "reminded"
	Closed   Change = "recovered"
	// Passed: it opened and was over before anything of it was told, because no way to tell it was open.
	Passed Change = "passed"
)

// Sort is what a notice is.
type Sort string

// The sorts of notice.
const (
	// Alarm tells of incidents of one class that are open; Relief of such that are over.
	Alarm  Sort = "alarm"
	Relief Sort = "relief"
	// Digest holds several notices that could not be told one by one.
	Digest Sort = "digest"
	Weekly Sort = "weekly"
	Trial  Sort = "test"
)

// Notice is one message, as every channel gets it. It is complete: to render it nothing need be looked up. It holds no secret and
// nothing personal.
type Notice struct {
	// ID is the same however often the notice is sent, and no other notice's: 16 hexadecimal digits.
	ID   string `json:"id"`
	Sort Sort   `json:"sort"`
	// Class is that of all its items; empty of a digest and of those without items.
	Class Class `json:"class,omitempty"`
	// At is when it was made; Host the machine that made it.
	At   time.Time `json:"at"`
	Host string    `json:"host"`
	// References are the ids of earlier notices about the same incidents, the first ones first; at most ten.
	References []string `json:"references,omitempty"`
	// Items are what is told, the worst first, at most [MaxItems]; More is how many further ones there are, MoreScopes up to a hundred of
	// their names.
	Items      []Item  `json:"items,omitempty"`
	More       int     `json:"more,omitempty"`
	MoreScopes []Scope `json:"more_scopes,omitempty"`
	// Parts are the notices of a digest, in order; each holds no parts itself.
	Parts []Notice `json:"parts,omitempty"`
	// Week is set of a weekly notice.
	Week *Week `json:"week,omitempty"`
}

// MaxItems is how many incidents one notice describes.
const MaxItems = 20

// Item is one incident in a notice, as it was when the notice was made.
type Item struct {
	Change Change `json:"change"`
	Incident
}

// Week is what a weekly notice says.
type Week struct {
	Since   time.Time    `json:"since"`
	Until   time.Time    `json:"until"`
	Sources []SourceWeek `json:"sources"`
	// Runs and Failed count the runs of the week; Incidents those that opened in it; Open those that are not over.
	Runs      int `json:"runs"`
	Failed    int `json:"failed"`
	Incidents int `json:"incidents"`
	Open      int `json:"open"`
}

// SourceWeek is one source's week.
type SourceWeek struct {
	Source string `json:"source"`
	// New orders were stored for the first time, Changed ones were stored anew.
	New         int       `json:"new"`
	Changed     int       `json:"changed"`
	DeadLetters int       `json:"dead_letters"`
	Watermark   time.Time `json:"watermark,omitzero"`
	// At the end of the week: Late says that its orders are not stored up to where its schedule allows for, Paused that somebody paused it.
	Late   bool `json:"late,omitempty"`
	Paused bool `json:"paused,omitempty"`
}
