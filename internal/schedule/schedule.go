package schedule

import "time"

// Schedule names the instants at which a job is due. Implementations are immutable and safe for concurrent use.
type Schedule interface {
	// Next returns the first tick after t, the zero time when there is none.
	Next(t time.Time) time.Time
	// String is the schedule as it was written.
	String() string
}

// Parse reads a cron line of five fields, six with seconds in front, a descriptor such as @hourly, or @every with a
// duration, in the given time zone.
func Parse(spec string, zone *time.Location) (Schedule, error) { return nil, nil }

// NextN returns the first n ticks after t, fewer when the schedule ends.
func NextN(s Schedule, t time.Time, n int) []time.Time { return nil }

// Latest returns the last tick at or before t, the zero time when there was none in the ten years before.
func Latest(s Schedule, t time.Time) time.Time { return time.Time{} }

// Interval returns the time between the tick at or before t and the one after it: how long nothing is due at t.
func Interval(s Schedule, t time.Time) time.Duration { return 0 }
