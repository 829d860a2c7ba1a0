package sentry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/getsentry/sentry-go"
	"pgregory.net/rapid"

	"ordersync/internal/schedule"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	cron := sdk.CrontabSchedule
	for line, want := range map[string]sdk.MonitorSchedule{
		"0 2 * * *":           cron("0 2 * * *"),
		" 0  2 * * MON-FRI ":  cron("0 2 * * mon-fri"),
		"*/15 * * * *":        cron("0-59/15 * * * *"),
		"*/1 * * * *":         cron("* * * * *"),
		"5/20 * * * *":        cron("5-59/20 * * * *"),
		"0 0 */2 * 1":         cron("0 0 1-31/2 * 1"),
		"0 0 ? * 1":           cron("0 0 * * 1"),
		"0,30 8-18/2 * jan *": cron("0,30 8-18/2 * jan *"),
		"30 0 2 * * *":        cron("0 2 * * *"),
		"*/10 * * * * *":      cron("* * * * *"),
		"@hourly":             cron("0 * * * *"),
		"@Midnight":           cron("0 0 * * *"),
		"@weekly":             cron("0 0 * * 0"),
		"@every 90s":          sdk.IntervalSchedule(2, sdk.MonitorScheduleUnitMinute),
		"@every 10s":          sdk.IntervalSchedule(1, sdk.MonitorScheduleUnitMinute),
		"@every 1m":           sdk.IntervalSchedule(1, sdk.MonitorScheduleUnitMinute),
		"@every 1h30m":        sdk.IntervalSchedule(90, sdk.MonitorScheduleUnitMinute),
		"@every 6h":           sdk.IntervalSchedule(6, sdk.MonitorScheduleUnitHour),
		"@every 59m1s":        sdk.IntervalSchedule(1, sdk.MonitorScheduleUnitHour),
	} {
		if got := scheduleOf(line); got != want {
			t.Errorf("%q becomes %v, want %v", line, got, want)
		}
	}
}

// What Sentry is told ticks in the same minutes as we do.
func TestTranslatedLinesTickInTheSameMinutes(t *testing.T) {
	t.Parallel()
	field := func(span string, low, high int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			var items []string
			for range rapid.IntRange(1, 2).Draw(t, "items of "+span) {
				from := rapid.IntRange(low, high).Draw(t, "from")
				to := rapid.IntRange(from, high).Draw(t, "to")
				step := rapid.IntRange(1, high-low+1).Draw(t, "step")
				items = append(items, rapid.SampledFrom([]string{
					"*", "*", "?", fmt.Sprint(from), fmt.Sprintf("%d-%d", from, to), fmt.Sprintf("*/%d", step), fmt.Sprintf("%d/%d", from, step),
					fmt.Sprintf("%d-%d/%d", from, to, step),
				}).Draw(t, "item"))
			}
			return strings.Join(items, ",")
		})
	}
	minute, hour, day, month, weekday := field("minute", 0, 59), field("hour", 0, 23), field("day", 1, 31), field("month", 1, 12), field("weekday", 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join([]string{minute.Draw(t, "minute"), hour.Draw(t, "hour"), day.Draw(t, "day"), month.Draw(t, "month"),
			weekday.Draw(t, "weekday")}, " ")
		ours, err := schedule.Parse(line, nil)
		if err != nil {
			t.Skip(err) // such as the 30th of February
		}
		told := fmt.Sprintf("%v", scheduleOf(line))
		told = strings.TrimSuffix(strings.TrimPrefix(told, "{crontab "), "}")
		if strings.Contains(told, "?") || strings.Contains(told, "*/") {
			t.Fatalf("%q becomes %q, which Sentry reads in its own way", line, told)
		}
		theirs, err := schedule.Parse(told, nil)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", line, told, err)
		}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 50 {
			next := ours.Next(at)
			if other := theirs.Next(at); !next.Equal(other) {
				t.Fatalf("%q ticks at %v, %q at %v", line, next, told, other)
			}
			at = next
		}
	})
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{
		"us-orders", "us_orders", "US-orders", "Us-orders", "订单", "订货", "42", "43", "", "a b", "a-b", "a.b", strings.Repeat("x", 50),
		strings.Repeat("x", 51), strings.Repeat("x", 52), "job-42-00000000",
	} {
		got := slug(name)
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(got) > longestSlug || len(got) == 0 {
			t.Errorf("%q becomes %q", name, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %q both become %q", name, other, got)
		}
		seen[got] = name
	}
	for _, name := range []string{"us-orders", "us_orders", strings.Repeat("x", 50)} {
		if slug(name) != name {
			t.Errorf("%q becomes %q", name, slug(name))
		}
	}
}

func TestMargins(t *testing.T) {
	t.Parallel()
	for interval, want := range map[time.Duration]int64{
		5 * time.Second: 2, time.Minute: 3, 90 * time.Second: 4, 5 * time.Minute: 11, time.Hour: 121, 24 * time.Hour: 121,
	} {
		if got := (Job{Schedule: "* * * * *", Interval: interval}).config().CheckInMargin; got != want {
			t.Errorf("%v: %d minutes, want %d", interval, got, want)
		}
	}
	if c := (Job{Schedule: "* * * * *", Zone: time.Local, Longest: 1e6 * time.Minute}).config(); c.Timezone != "" || c.MaxRuntime != mostMinutes {
		t.Errorf("%+v", c)
	}
}
