package token

import "time"

// Level says how urgent a warning is. They rise.
type Level uint8

// The levels of warning.
const (
	// Fine: more than 30 days are left, or nobody knows.
	Fine Level = iota
	// Month, Week and Day: at most 30, 7 days and 1 day are left.
	Month
	Week
	Day
	// Ended: it is over.
	Ended
)

// Warn says how urgent the end of an authorisation is, and that in words; empty where there is nothing to say.
func Warn(now, ends time.Time) (Level, string) {
	if ends.IsZero() || ends.Sub(now) > 30*24*time.Hour {
		return Fine, ""
	}
	return Month, "ends"
}
