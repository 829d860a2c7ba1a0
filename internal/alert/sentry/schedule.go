package sentry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	sdk "github.com/getsentry/sentry-go"
)

const (
	// mostMinutes is the most that Sentry takes as a margin or a longest run time: 28 days.
	mostMinutes = 28 * 24 * 60
	// longestSlug is how long the name of a monitor may be.
	longestSlug = 50
	// longestMargin bounds how long after the tick a run may begin. Up to an hour between ticks it is two of them: one run that takes
	// longer than its interval makes one tick come to nothing, which is no failure. For rarer jobs that does not happen, and somebody who
	// waits for a daily job wants to know the same night.
	longestMargin = 2 * time.Hour
	// seldom is the border above which a single failed or missed run is told, as for incidents.
	seldom = 15 * time.Minute
	// longestRun is how long a run may take where the job does not say: a first load takes many hours.
	longestRun = 24 * time.Hour
)

// config is the monitor of a job, which Sentry creates and keeps up to date by itself.
func (j Job) config() *sdk.MonitorConfig {
	longest := j.Longest
	if longest <= 0 {
		longest = longestRun
	}
	c := &sdk.MonitorConfig{
		Schedule:      scheduleOf(j.Schedule),
		CheckInMargin: minutes(min(2*j.Interval, longestMargin)) + 1,
		MaxRuntime:    minutes(longest),
		// A single blip of a job that runs all the time is no issue, as it is no incident.
		FailureIssueThreshold: 2,
		RecoveryThreshold:     2,
	}
	if j.Interval > seldom {
		c.FailureIssueThreshold, c.RecoveryThreshold = 1, 1
	}
	if j.Zone != nil && j.Zone != time.Local { // "Local" is no name that Sentry knows
		c.Timezone = j.Zone.String()
	}
	return c
}

// minutes rounds up, to at least one minute and at most 28 days.
func minutes(d time.Duration) int64 {
	return max(1, min(int64((d+time.Minute-1)/time.Minute), mostMinutes))
}

// words of robfig/cron that stand for a line; not all of them are known to Sentry.
var descriptors = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *",
	"@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// scheduleOf translates a schedule that package schedule takes, see [Job].
func scheduleOf(line string) sdk.MonitorSchedule {
	line = strings.ToLower(strings.Join(strings.Fields(line), " "))
	if every, ok := strings.CutPrefix(line, "@every"); ok {
		d, _ := time.ParseDuration(strings.TrimSpace(every)) // a line that cannot be read was refused long before
		count := minutes(d)
		if count%60 == 0 {
			return sdk.IntervalSchedule(count/60, sdk.MonitorScheduleUnitHour)
		}
		return sdk.IntervalSchedule(count, sdk.MonitorScheduleUnitMinute)
	}
	if known, ok := descriptors[line]; ok {
		return sdk.CrontabSchedule(known)
	}
	fields := strings.Fields(line)
	if len(fields) == 6 {
		fields = fields[1:]
	}
	for i := range fields {
		fields[i] = plainField(fields[i], i)
	}
	return sdk.CrontabSchedule(strings.Join(fields, " "))
}

// spans are what the five fields hold.
var spans = [5]string{"0-59", "0-23", "1-31", "1-12", "0-6"}

// plainField writes a field so that Sentry reads it as we do. We know ? for *, which Sentry does not; N/S means from N on; and a step makes
// the day of the month or of the week a restriction, while there */S counts as no restriction.
func plainField(field string, place int) string {
	if place >= len(spans) {
		return field
	}
	items := strings.Split(field, ",")
	for i, item := range items {
		span, step, stepped := strings.Cut(item, "/")
		if span == "?" {
			span = "*"
		}
		if !stepped || step == "1" && span == "*" {
			items[i] = span
			continue
		}
		if span == "*" {
			span = spans[place]
		} else if !strings.Contains(span, "-") {
			_, last, _ := strings.Cut(spans[place], "-")
			span += "-" + last
		}
		items[i] = span + "/" + step
	}
	return strings.Join(items, ",")
}

// slug is a job's name as Sentry takes it: small letters, digits, - and _, at most 50, and not digits alone. A name that must be changed
// gets a part of its hash, so that no two jobs share a monitor.
func slug(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
	if _, err := strconv.ParseUint(plain, 10, 64); plain == name && err != nil && len(plain) <= longestSlug && plain != "" {
		return plain
	}
	sum := sha256.Sum256([]byte(name))
	mark := hex.EncodeToString(sum[:4])
	if keep := longestSlug - len("job-") - len(mark) - 1; len(plain) > keep {
		plain = plain[:keep]
	}
	return fmt.Sprintf("job-%s-%s", plain, mark)
}
