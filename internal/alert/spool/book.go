package spool

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	bookFile = "incidents.json"
	// keepSent is how long the book knows what was sent, as alert.Contents wants it.
	keepSent = time.Hour
	// keepRemembered is longer than a delivery is tried.
	keepRemembered = 26 * time.Hour
	// keepIncidents is how long an incident is worked on that is over and that nobody wants to tell.
	keepIncidents = 24 * time.Hour
	// keepPast is how long one that is over can be looked at, mostPast how many such there are.
	keepPast = 30 * 24 * time.Hour
	mostPast = 50
	// mostOfChannel is how many deliveries of a channel are given out at once, mostObservations how many observations are kept: they are
	// worked at once.
	mostOfChannel    = 100
	mostObservations = 200
)

// Book is the host's own book of incidents. It implements alert.Book and never refuses: while the disk fails it holds in memory what
// it was given, see [Book.Failure]. Its clock is the host's. It is safe for concurrent use.
type Book struct {
	dir    string
	damage error

	mu      sync.Mutex
	held    holdings
	failure error
}

// holdings are what the book holds, as they stand in its file.
type holdings struct {
	Incidents    []alert.Incident       `json:"incidents,omitempty"`
	Number       int64                  `json:"number"`
	Observations []alert.Noted          `json:"observations,omitempty"`
	Waiting      []alert.Delivery       `json:"waiting,omitempty"`
	Sent         map[string][]time.Time `json:"sent,omitempty"`
	Remembered   []alert.Delivery       `json:"remembered,omitempty"`
}

// OpenBook reads the book of a state directory. What is damaged is put aside, and the book begins anew, see [Book.Damage].
func OpenBook(dir string) *Book {
	b := &Book{dir: dir}
	if b.damage = load(dir, bookFile, &b.held); b.damage != nil {
		b.held = holdings{}
	}
	return b
}

// Read returns all that is to be worked on.
func (b *Book) Read(context.Context) (alert.Contents, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.again()
	now := clock()
	b.held.prune(now)
	held, err := clone(b.held)
	return alert.Contents{
		Now: now, Incidents: slices.DeleteFunc(held.Incidents, func(i alert.Incident) bool { return isPast(i, now) }), Observations: held.Observations,
		Waiting: oldest(held.Waiting), Sent: held.Sent,
	}, err
}

// oldest leaves of each channel as many as are given out at once.
func oldest(waiting []alert.Delivery) []alert.Delivery {
	count := map[string]int{}
	return slices.DeleteFunc(waiting, func(d alert.Delivery) bool {
		count[d.Channel]++
		return count[d.Channel] > mostOfChannel
	})
}

// Write does all of a step.
func (b *Book) Write(_ context.Context, s alert.Step) error {
	s, err := clone(s)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held.apply(s)
	b.held.prune(clock())
	b.save()
	return nil
}

// Note writes down what happened. An observation without a time has just been made.
func (b *Book) Note(o alert.Observation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.At.IsZero() {
		o.At = clock()
	}
	b.held.Number++
	b.held.Observations = append(b.held.Observations, alert.Noted{Number: b.held.Number, Observation: o})
	b.held.Observations = slices.Delete(b.held.Observations, 0, max(0, len(b.held.Observations)-mostObservations))
	b.save()
}

// Wants reports whether a good run of a job says anything to the book: an incident that is not over has that job, or an observation
// of it waits.
func (b *Book) Wants(job string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.held.Incidents, func(i alert.Incident) bool { return i.Phase != alert.Recovered && i.Jobs[job] != nil }) ||
		slices.ContainsFunc(b.held.Observations, func(o alert.Noted) bool { return o.Run != nil && o.Run.Job == job })
}

// Remember keeps deliveries of another book that were sent, where that book could not be told: so that they are not sent again after a
// restart either. It forgets them after a day.
func (b *Book) Remember(sent ...alert.Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range sent {
		b.held.forget(d.Channel, d.Notice.ID)
		d.Notice = alert.Notice{ID: d.Notice.ID, Sort: d.Notice.Sort, At: d.Notice.At}
		b.held.Remembered = append(b.held.Remembered, d)
	}
	b.save()
}

// Remembered returns what [Book.Remember] kept: of the notices only what names them.
func (b *Book) Remembered() []alert.Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held.prune(clock())
	return slices.Clone(b.held.Remembered)
}

// Forget drops what was remembered of a notice and a channel: the other book knows now.
func (b *Book) Forget(channel, notice string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.forget(channel, notice) {
		b.save()
	}
}

// Failure tries once more to write what the disk lacks, and tells why it still lacks it; nil: it holds what the book holds.
func (b *Book) Failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.again()
	return b.failure
}

// Damage tells what was lost when the book was opened; nil: nothing.
func (b *Book) Damage() error { return b.damage }

func (b *Book) save() { b.failure = save(b.dir, bookFile, b.held) }

func (b *Book) again() {
	if b.failure != nil {
		b.save()
	}
}

// apply does a step.
func (h *holdings) apply(s alert.Step) {
	for _, i := range s.Incidents {
		h.Incidents = slices.DeleteFunc(h.Incidents, func(old alert.Incident) bool { return old.ID == i.ID })
		h.Incidents = append(h.Incidents, i)
	}
	h.Observations = slices.DeleteFunc(h.Observations, func(o alert.Noted) bool { return slices.Contains(s.Done, o.Number) })
	for _, d := range s.Deliveries {
		h.deliver(d)
	}
}

// deliver keeps what waits in its place, and of what was sent the time.
func (h *holdings) deliver(d alert.Delivery) {
	at := slices.IndexFunc(h.Waiting, func(old alert.Delivery) bool { return old.Channel == d.Channel && old.Notice.ID == d.Notice.ID })
	switch {
	case d.State == alert.Waiting && at >= 0:
		h.Waiting[at] = d
		return
	case d.State == alert.Waiting:
		h.Waiting = append(h.Waiting, d)
		return
	case at >= 0:
		h.Waiting = slices.Delete(h.Waiting, at, at+1)
	}
	if d.State == alert.Sent && !slices.ContainsFunc(h.Sent[d.Channel], d.EndedAt.Equal) {
		if h.Sent == nil {
			h.Sent = map[string][]time.Time{}
		}
		h.Sent[d.Channel] = append(h.Sent[d.Channel], d.EndedAt)
	}
}

// isPast says that an incident is over and done with: it can only be looked at.
func isPast(i alert.Incident, now time.Time) bool {
	age := now.Sub(i.RecoveredAt)
	return i.Phase == alert.Recovered && age > alert.Calm && (i.ToldSeq >= i.Seq || age > keepIncidents)
}

// prune drops what nobody will look at any more.
func (h *holdings) prune(now time.Time) {
	past := 0
	for _, i := range h.Incidents {
		if isPast(i, now) {
			past++
		}
	}
	h.Incidents = slices.DeleteFunc(h.Incidents, func(i alert.Incident) bool {
		if !isPast(i, now) {
			return false
		}
		past-- // those that changed last stand last
		return past >= mostPast || now.Sub(i.RecoveredAt) > keepPast || i.OpenedAt.IsZero()
	})
	for channel, times := range h.Sent {
		times = slices.DeleteFunc(times, func(at time.Time) bool { return now.Sub(at) > keepSent })
		if h.Sent[channel] = times; len(times) == 0 {
			delete(h.Sent, channel)
		}
	}
	h.Remembered = slices.DeleteFunc(h.Remembered, func(d alert.Delivery) bool { return now.Sub(d.EndedAt) > keepRemembered })
}

func (h *holdings) forget(channel, notice string) bool {
	before := len(h.Remembered)
	h.Remembered = slices.DeleteFunc(h.Remembered, func(d alert.Delivery) bool { return d.Channel == channel && d.Notice.ID == notice })
	return len(h.Remembered) < before
}

// clone copies what has pointers in it: what is given out may be changed, and what was taken in may be changed by who gave it.
func clone[T any](v T) (T, error) {
	var c T
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	return c, fault.New(fault.Internal, err)
}

// clock is the time of day, which unlike the process's own goes on while the host sleeps.
func clock() time.Time { return time.Now().UTC().Round(0) }
