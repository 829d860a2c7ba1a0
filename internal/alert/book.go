package alert

import (
	"context"
	"time"
)

// Book is where incidents, observations and what is to be delivered are written down. Only one may work a book at a time; whoever writes
// without that right is refused. Failures of the shared book are of the kind fault.Database, of the host's own fault.Internal.
type Book interface {
	// Read returns all that is to be worked on.
	Read(ctx context.Context) (Contents, error)
	// Write does all of a step or nothing of it. Repeating it changes nothing.
	Write(ctx context.Context, s Step) error
}

// Contents are what a book holds that is not over and done with.
type Contents struct {
	// Now is the book's clock.
	Now time.Time
	// Incidents are those that are failing or open, and those that recovered less than [Calm] ago or are not wholly told.
	Incidents []Incident
	// Observations are those that were not worked yet, in order; at most a thousand. One without anything in it could not be read.
	Observations []Noted
	// Waiting are the deliveries that wait, in the order in which they were made; of each channel at most a hundred, the oldest. One whose
	// notice has nothing but its id cannot be read any more.
	Waiting []Delivery
	// Sent are the times of the deliveries of the last hour, by channel.
	Sent map[string][]time.Time
	// Weekly is when the last weekly notice was made.
	Weekly time.Time
}

// Noted is an observation with the number under which the book has it.
type Noted struct {
	Number int64 `json:"number"`
	Observation
}

// Step is what working a book changed.
type Step struct {
	// Incidents replace those of the same id.
	Incidents []Incident
	// Done are the numbers of the observations that were worked.
	Done []int64
	// Deliveries replace those of the same notice and channel.
	Deliveries []Delivery
}

// Delivery is one notice on its way through one channel.
type Delivery struct {
	Channel string        `json:"channel"`
	State   DeliveryState `json:"state"`
	MadeAt  time.Time     `json:"made_at"`
	// Attempts were made so far; NextAt is when the next one is due; Error what the last one said, scrubbed.
	Attempts int       `json:"attempts,omitempty"`
	NextAt   time.Time `json:"next_at,omitzero"`
	Error    string    `json:"error,omitempty"`
	// EndedAt is when it was sent, merged or given up.
	EndedAt time.Time `json:"ended_at,omitzero"`
	Notice  Notice    `json:"notice"`
}

// DeliveryState is where a delivery is.
type DeliveryState string

// The states of a delivery. A merged one went into a digest; one that was given up waited for more than a day.
const (
	Waiting DeliveryState = "waiting"
	Sent    DeliveryState = "sent"
	Merged  DeliveryState = "merged"
	GivenUp DeliveryState = "given up"
)
