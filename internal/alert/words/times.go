package words

import "time"

// instant is a time with its zone's offset: 2026-11-22 02:00 +08:00.
func instant(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04 -07:00")
}

// span is two times; what they share is written once, and a short one with its seconds.
func span(from, to time.Time, zone *time.Location) string {
	const short = 10 * time.Minute
	from, to = from.In(zone), to.In(zone)
	_, a := from.Zone()
	_, b := to.Zone()
	switch {
	case a != b:
		return instant(from, zone) + " – " + instant(to, zone)
	case from.Format(time.DateOnly) == to.Format(time.DateOnly) && to.Sub(from) < short:
		return from.Format("2006-01-02 15:04:05") + " – " + to.Format("15:04:05 -07:00")
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		return from.Format("2006-01-02 15:04") + " – " + to.Format("15:04 -07:00")
	}
	return from.Format("2006-01-02 15:04") + " – " + to.Format("2006-01-02 15:04 -07:00")
}

// length is a duration in its two greatest units.
type length struct {
	// units are 0 for days, then hours, minutes, seconds; a count of 0 is not said.
	first, second int
	unit          int
}

// measure splits a duration; what is smaller than its second unit is dropped, and seconds beside minutes are. Less than a second is 0.
func measure(d time.Duration) length {
	sizes := [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	for unit, size := range sizes[:3] {
		if d < size {
			continue
		}
		l := length{first: int(d / size), unit: unit}
		if unit < 2 {
			l.second = int(d % size / sizes[unit+1])
		}
		return l
	}
	return length{first: int(max(d, 0) / time.Second), unit: 3}
}

// roundUp makes a rest of time whole days where it is more than one day.
func roundUp(d time.Duration) time.Duration {
	const day = 24 * time.Hour
	if d <= day {
		return d
	}
	return (d + day - 1).Truncate(day)
}
