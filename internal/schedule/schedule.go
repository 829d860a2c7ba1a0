package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule names the instants at which a job is due. Implementations are immutable and safe for concurrent use; their ticks
// fall on whole seconds.
type Schedule interface {
	// Next returns the first tick after t, the zero time when there is none.
	Next(t time.Time) time.Time
	// String is the schedule as it was written.
	String() string
}

// NextN returns the first n ticks after t, fewer when the schedule ends.
func NextN(s Schedule, t time.Time, n int) []time.Time {
	var ticks []time.Time
	for range n {
		if t = s.Next(t); t.IsZero() {
			break
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// lookBack is how far back [Latest] looks; the rarest cron line, a leap day, comes every four years (once every eight).
const lookBack = 10 * 366 * 24 * time.Hour

// Latest returns the last tick at or before t, the zero time when there was none in the ten years before. Its cost does not
// depend on how dense the schedule is.
func Latest(s Schedule, t time.Time) time.Time {
	until := func(from time.Time) (time.Time, bool) {
		tick := s.Next(from)
		return tick, !tick.IsZero() && !tick.After(t)
	}
	before, span := t, time.Minute
	var latest time.Time
	for {
		from := t.Add(-span)
		tick, ok := until(from)
		if ok {
			latest = tick
			break
		}
		if before = from; span >= lookBack {
			return time.Time{}
		}
		span = min(4*span, lookBack)
	}
	// The last tick lies at or after latest, and no tick lies in (before, t].
	for before.Sub(latest) >= time.Second {
		middle := latest.Add(before.Sub(latest) / 2)
		if tick, ok := until(middle); ok {
			latest = tick
			continue
		}
		before = middle
	}
	return latest
}

// Interval returns the time between the tick at or before t and the one after it: how long nothing is due around t.
func Interval(s Schedule, t time.Time) time.Duration {
	last, next := Latest(s, t), s.Next(t)
	if last.IsZero() {
		last, next = next, s.Next(next)
	}
	if next.IsZero() {
		return 0
	}
	return next.Sub(last)
}

// every is an @every schedule.
type every struct {
	text    string
	zone    *time.Location
	seconds int64
}

func (e every) String() string { return e.text }

func (e every) Next(t time.Time) time.Time {
	now := t.Unix()
	past := now % e.seconds
	if past < 0 {
		past += e.seconds
	}
	return time.Unix(now-past+e.seconds, 0).In(e.zone)
}

// line is a cron line. A *reading* is what the clocks of its zone show, written as the UTC time that looks the same; there
// robfig/cron counts without any daylight saving. The rest of this file leads from instants to readings and back.
type line struct {
	text string
	zone *time.Location
	wall *cron.SpecSchedule
	// elapsed marks a line with * as the hour: its ticks are all instants with a reading that matches. Otherwise they are
	// the instants at which the clocks first reach or pass one.
	elapsed bool
}

func (l *line) String() string { return l.text }

func (l *line) Next(t time.Time) time.Time {
	if l.elapsed {
		return l.nextShown(t)
	}
	reading := l.nextReading(l.reached(t))
	if reading.IsZero() {
		return time.Time{}
	}
	return l.firstReached(reading)
}

// nextReading returns the first matching reading after the given one. robfig/cron looks five years ahead; around 2100 the
// leap days are eight apart.
func (l *line) nextReading(after time.Time) time.Time {
	next := l.wall.Next(after)
	if next.IsZero() {
		next = l.wall.Next(after.AddDate(4, 0, 0))
	}
	return next
}

// nextShown returns the first instant after t at which the clocks show a matching reading: span of constant offset by span.
func (l *line) nextShown(t time.Time) time.Time {
	within := t
	for {
		offset, _, end := l.offset(within)
		reading := l.nextReading(t.UTC().Add(offset))
		if reading.IsZero() {
			return time.Time{}
		}
		if at := reading.Add(-offset); end.IsZero() || at.Before(end) {
			return at.In(l.zone)
		}
		t, within = end.Add(-1), end
	}
}

// farthest is more than clocks are ever set by at once; whole days have been skipped and repeated.
const farthest = 36 * time.Hour

// reached returns the highest reading that the clocks have shown up to t: where they were set back, more than they show at t.
func (l *line) reached(t time.Time) time.Time {
	offset, start, _ := l.offset(t)
	highest := t.UTC().Add(offset)
	for !start.IsZero() && t.Sub(start) < farthest {
		before := start.Add(-1)
		offset, start, _ = l.offset(before)
		if r := before.UTC().Add(offset); r.After(highest) {
			highest = r
		}
	}
	return highest
}

// firstReached returns the first instant at which the clocks show the reading or a later one: the instant at which they land
// when they skip it, the first of two when they repeat it.
func (l *line) firstReached(reading time.Time) time.Time {
	within := reading.Add(-farthest)
	for {
		offset, start, end := l.offset(within)
		if end.IsZero() || reading.Before(end.UTC().Add(offset)) {
			at := reading.Add(-offset)
			if at.Before(start) {
				at = start
			}
			return at.In(l.zone)
		}
		within = end
	}
}

// offset returns the zone's offset from UTC at t, and since and until when it holds; zero times where it always did or will.
func (l *line) offset(t time.Time) (offset time.Duration, start, end time.Time) {
	local := t.In(l.zone)
	_, seconds := local.Zone()
	start, end = local.ZoneBounds()
	return time.Duration(seconds) * time.Second, start, end
}
