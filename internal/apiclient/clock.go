package apiclient

import (
	"net/http"
	"sync"
	"time"
)

// ignoredSkew is how far the two clocks may be apart before ours is no longer used for the remote's.
const ignoredSkew = 2 * time.Second

// clock knows the remote's time from the Date headers of its answers.
//
// A Date is cut to the second and was written between sending and receiving, so each answer bounds the remote's time from both
// sides; the bounds of many answers are intersected, and start again where they contradict each other (somebody set a clock).
// Our side is the monotonic clock: when the host's wall clock jumps, the remote's time does not jump along.
type clock struct {
	start time.Time // of the monotonic clock

	mu       sync.Mutex
	heard    bool
	from, to time.Time // what the remote's clock showed at start lies between
}

func newClock() *clock { return &clock{start: time.Now()} }

// hear takes the Date of an answer that was sent and received at our times. Answers out of a cache tell nothing.
func (c *clock) hear(header http.Header, sent, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if age := header.Get("Age"); err != nil || age != "" && age != "0" {
		return
	}
	from := date.Add(-received.Sub(c.start))
	to := date.Add(time.Second - sent.Sub(c.start))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heard && from.Before(c.to) && c.from.Before(to) {
		if from.Before(c.from) {
			from = c.from
		}
		if to.After(c.to) {
			to = c.to
		}
	}
	c.heard, c.from, c.to = true, from, to
}

// at is the remote's clock, not rounded to ours, at our time local.
func (c *clock) at(local time.Time) (remote time.Time, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard {
		return local.UTC(), false
	}
	middle := c.from.Add(c.to.Sub(c.from) / 2)
	return middle.Add(local.Sub(c.start)).UTC(), true
}

// skew is how far the remote's clock is ahead of our wall clock.
func (c *clock) skew(local time.Time) (ahead time.Duration, known bool) {
	remote, known := c.at(local)
	return remote.Sub(local.Round(0)), known
}

// use is the time to work with: the remote's where it is known and differs visibly, else ours.
func (c *clock) use(local time.Time) (t time.Time, known bool) {
	ahead, known := c.skew(local)
	local = local.Round(0).UTC()
	if ahead.Abs() > ignoredSkew {
		local = local.Add(ahead)
	}
	return local, known
}
