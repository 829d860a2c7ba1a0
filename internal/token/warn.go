package token

import (
	"fmt"
	"time"
)

// Level says how urgent a warning is. Levels rise.
type Level uint8

// The levels of warning.
const (
	// Fine: more than 30 days are left, or nobody knows the end.
	Fine Level = iota
	// Month, Week and Day: at most 30 days, 7 days and 1 day are left.
	Month
	Week
	Day
	// Ended: it is over.
	Ended
)

const aDay = 24 * time.Hour

// Warn says how urgent the end of an authorisation is, and what that means in words; empty where there is nothing to say. The end is
// written in the zone of ends.
func Warn(now, ends time.Time) (Level, string) {
	if ends.IsZero() {
		return Fine, ""
	}
	left := ends.Sub(now)
	var level Level
	switch {
	case left <= 0 && bareDay(ends) && now.Before(ends.AddDate(0, 0, 1)):
		return Day, fmt.Sprintf("the authorisation ends today, on %s: from then on no orders come in until the owner of the shop authorises again", dated(ends))
	case left <= 0:
		return Ended, fmt.Sprintf("the authorisation ended on %s: no orders come in until the owner of the shop authorises again", dated(ends))
	case left <= aDay:
		level = Day
	case left <= 7*aDay:
		level = Week
	case left <= 30*aDay:
		level = Month
	default:
		return Fine, ""
	}
	return level, fmt.Sprintf("the authorisation ends in %s, on %s: from then on no orders come in until the owner of the shop authorises again",
		remaining(left), dated(ends))
}

// bareDay reports whether an end is a midnight, as the day of a configuration is. Nobody knows when on that day it ends, so the days are
// counted to its begin.
func bareDay(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

// dated writes an end: a bare day where it is one.
func dated(t time.Time) string {
	if bareDay(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04 -07:00")
}

// remaining writes what is left in whole days, below two in whole hours.
func remaining(left time.Duration) string {
	switch {
	case left >= 2*aDay:
		return fmt.Sprintf("%d days", left/aDay)
	case left >= 2*time.Hour:
		return fmt.Sprintf("%d hours", left/time.Hour)
	case left >= time.Hour:
		return "an hour"
	}
	return "less than an hour"
}
