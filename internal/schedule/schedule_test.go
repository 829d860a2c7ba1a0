package schedule_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/schedule"
)

const stamp = "2006-01-02 15:04:05 -07:00"

func parse(t testing.TB, spec, zone string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec, location(t, zone))
	if err != nil {
		t.Fatalf("%q: %v", spec, err)
	}
	return s
}

// clocksChange is the schedule's half of the change of the clocks: the ticks of the days on which the clocks change, written out.
func clocksChange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone, spec, from, until string
		want                          []string
	}{
		{
			"skipped: at the next valid minute", "Europe/Berlin", "30 2 * * *", "2026-03-28 12:00", "2026-03-31 00:00",
			[]string{"2026-03-29 03:00:00 +02:00", "2026-03-30 02:30:00 +02:00"},
		},
		{
			"repeated: once, the first time", "Europe/Berlin", "30 2 * * *", "2026-10-24 12:00", "2026-10-27 00:00",
			[]string{"2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"},
		},
		{
			"several skipped are one", "Europe/Berlin", "*/10 2 * * *", "2026-03-29 00:00", "2026-03-30 00:00",
			[]string{"2026-03-29 03:00:00 +02:00"},
		},
		{
			"several skipped and the one that is there are one", "Europe/Berlin", "*/30 1-3 * * *", "2026-03-29 00:00", "2026-03-30 00:00",
			[]string{
				"2026-03-29 01:00:00 +01:00", "2026-03-29 01:30:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 03:30:00 +02:00",
			},
		},
		{
			"a list of hours", "Europe/Berlin", "0 2,3 * * *", "2026-10-25 00:00", "2026-10-26 00:00",
			[]string{"2026-10-25 02:00:00 +02:00", "2026-10-25 03:00:00 +01:00"},
		},
		{
			"a step of hours", "Europe/Berlin", "15 */2 * * *", "2026-03-29 00:00", "2026-03-29 05:00",
			[]string{"2026-03-29 00:15:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 04:15:00 +02:00"},
		},
		{
			"every hour: elapsed time", "Europe/Berlin", "30 * * * *", "2026-10-25 01:00", "2026-10-25 04:00",
			[]string{
				"2026-10-25 01:30:00 +02:00", "2026-10-25 02:30:00 +02:00", "2026-10-25 02:30:00 +01:00", "2026-10-25 03:30:00 +01:00",
			},
		},
		{
			"every hour in spring", "Europe/Berlin", "@hourly", "2026-03-29 00:30", "2026-03-29 04:30",
			[]string{"2026-03-29 01:00:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 04:00:00 +02:00"},
		},
		{
			"@every: elapsed time", "America/New_York", "@every 90m", "2026-11-01 00:00", "2026-11-01 03:00",
			[]string{"2026-11-01 00:30:00 -04:00", "2026-11-01 01:00:00 -05:00", "2026-11-01 02:30:00 -05:00"},
		},
		{
			"New York in spring, with seconds", "America/New_York", "15 59 2 * * *", "2026-03-08 00:00", "2026-03-10 00:00",
			[]string{"2026-03-08 03:00:00 -04:00", "2026-03-09 02:59:15 -04:00"},
		},
		{
			"New York in autumn", "America/New_York", "30 1 * * *", "2026-11-01 00:00", "2026-11-02 12:00",
			[]string{"2026-11-01 01:30:00 -04:00", "2026-11-02 01:30:00 -05:00"},
		},
		{
			"half an hour, forwards", "Australia/Lord_Howe", "15,45 2 * * *", "2026-10-04 00:00", "2026-10-05 00:00",
			[]string{"2026-10-04 02:30:00 +11:00", "2026-10-04 02:45:00 +11:00"},
		},
		{
			"half an hour, back", "Australia/Lord_Howe", "*/20 1 * * *", "2026-04-05 00:00", "2026-04-06 00:00",
			[]string{"2026-04-05 01:00:00 +11:00", "2026-04-05 01:20:00 +11:00", "2026-04-05 01:40:00 +11:00"},
		},
		{
			"half an hour back, every hour", "Australia/Lord_Howe", "*/20 * * * *", "2026-04-05 01:10", "2026-04-05 02:30",
			[]string{
				"2026-04-05 01:20:00 +11:00", "2026-04-05 01:40:00 +11:00", "2026-04-05 01:40:00 +10:30",
				"2026-04-05 02:00:00 +10:30", "2026-04-05 02:20:00 +10:30",
			},
		},
		{
			"no daylight saving", "Asia/Shanghai", "30 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00",
			[]string{"2026-03-29 02:30:00 +08:00", "2026-03-30 02:30:00 +08:00"},
		},
		{
			"a day that is skipped", "Pacific/Apia", "0 9,17 * * *", "2011-12-29 00:00", "2012-01-01 00:00",
			[]string{
				"2011-12-29 09:00:00 -10:00", "2011-12-29 17:00:00 -10:00", "2011-12-31 00:00:00 +14:00",
				"2011-12-31 09:00:00 +14:00", "2011-12-31 17:00:00 +14:00",
			},
		},
		{
			"midnight that is skipped", "America/Sao_Paulo", "@daily", "2018-11-03 12:00", "2018-11-05 12:00",
			[]string{"2018-11-04 01:00:00 -02:00", "2018-11-05 00:00:00 -02:00"},
		},
		{
			"midnight that is skipped, on the day of the week", "America/Sao_Paulo", "30 0 * * SUN", "2018-11-01 00:00", "2018-11-12 00:00",
			[]string{"2018-11-04 01:00:00 -02:00", "2018-11-11 00:30:00 -02:00"},
		},
		{
			"midnight that is repeated", "America/Sao_Paulo", "30 23 * * *", "2018-02-17 12:00", "2018-02-19 00:00",
			[]string{"2018-02-17 23:30:00 -02:00", "2018-02-18 23:30:00 -03:00"},
		},
		{
			"midnight in Beirut", "Asia/Beirut", "0 0 * * *", "2026-03-28 12:00", "2026-03-30 12:00",
			[]string{"2026-03-29 01:00:00 +03:00", "2026-03-30 00:00:00 +03:00"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, zone := parse(t, test.spec, test.zone), location(t, test.zone)
			var got []string
			for tick := s.Next(at(t, test.from, zone)); tick.Before(at(t, test.until, zone)); tick = s.Next(tick) {
				got = append(got, tick.Format(stamp))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s in %s (-want +got):\n%s", test.spec, test.zone, diff)
			}
		})
	}
}

func at(t testing.TB, text string, zone *time.Location) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// TestNever: the last leap day before 2100 does not end a schedule.
func TestNever(t *testing.T) {
	t.Parallel()
	s := parse(t, "0 0 29 2 *", "Europe/Berlin")
	if got := s.Next(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)).Format("2006-01-02"); got != "2104-02-29" {
		t.Errorf("after 2096 comes %s", got)
	}
	if got := schedule.Latest(s, time.Date(2104, 2, 28, 0, 0, 0, 0, time.UTC)).Format("2006-01-02"); got != "2096-02-29" {
		t.Errorf("before 2104 came %s", got)
	}
}

// zones are those of which something odd is known, and the year of it.
var zones = map[string]int{
	"Europe/Berlin": 2026, "America/New_York": 2026, "Australia/Lord_Howe": 2026, "Asia/Shanghai": 2026, "Pacific/Apia": 2011,
	"America/Sao_Paulo": 2018, "Asia/Beirut": 2026, "Africa/Casablanca": 2026, "Antarctica/Troll": 0, "Asia/Pyongyang": 0,
	"America/Caracas": 0, "Pacific/Kwajalein": 0, "America/Scoresbysund": 0, "Asia/Kathmandu": 0, "Europe/Dublin": 0, // not walked
}

// TestYears compares whole years of ticks with those found minute by minute.
func TestYears(t *testing.T) {
	t.Parallel()
	specs := []string{"30 2 * * *", "*/20 0-3 * * SUN", "*/17 * * * *", "45 */3 1,15,30,31 * *"}
	for name, year := range zones {
		if year == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone := location(t, name)
			from, until := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
			for i, want := range walk(t, specs, zone, from, until) {
				compare(t, parse(t, specs[i], name), want, from, until)
			}
		})
	}
}

// TestClocksChange compares random lines around random changes of the clocks with the ticks found minute by minute.
func TestClocksChange(t *testing.T) {
	t.Parallel()
	changes := make(map[string][]time.Time)
	for name := range zones {
		changes[name] = clockChanges(location(t, name))
	}
	names := make([]string, 0, len(changes))
	for name, found := range changes {
		if len(found) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(names).Draw(r, "zone")
		change := rapid.SampledFrom(changes[name]).Draw(r, "change")
		spec := drawSpec(r)
		s, err := schedule.Parse(spec, location(t, name))
		if err != nil {
			r.Skip(err) // a day that no month has
		}
		from, until := change.Add(-50*time.Hour).Truncate(time.Minute), change.Add(50*time.Hour).Truncate(time.Minute)
		compare(r, s, walk(r, []string{spec}, location(t, name), from, until)[0], from, until)
	})
}

// clockChanges lists the changes between 1990 and 2035.
func clockChanges(zone *time.Location) []time.Time {
	var found []time.Time
	for t := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC); t.Year() < 2035; {
		_, end := t.In(zone).ZoneBounds()
		if end.IsZero() {
			break
		}
		t = end.UTC()
		found = append(found, t)
	}
	return found
}

// drawSpec draws a line of five fields; hours near those at which clocks change are likelier.
func drawSpec(r *rapid.T) string {
	value := func(name string, low, high int) string {
		number := rapid.IntRange(low, high)
		item := rapid.Custom(func(r *rapid.T) string {
			a, b := number.Draw(r, "a"), number.Draw(r, "b")
			switch rapid.IntRange(0, 5).Draw(r, "form") {
			case 0:
				return fmt.Sprintf("%d-%d", min(a, b), max(a, b))
			case 1:
				return fmt.Sprintf("*/%d", max(2, rapid.IntRange(2, high-low+1).Draw(r, "step")))
			case 2:
				return fmt.Sprintf("%d-%d/%d", min(a, b), max(a, b), rapid.IntRange(1, 4).Draw(r, "step"))
			}
			return strconv.Itoa(a)
		})
		return strings.Join(rapid.SliceOfN(item, 1, 3).Draw(r, name), ",")
	}
	star := func(name string, low, high, percent int) string {
		if rapid.IntRange(0, 99).Draw(r, name+" is a star") < percent {
			return "*"
		}
		return value(name, low, high)
	}
	hour := star("hour", 0, 23, 30)
	if rapid.Bool().Draw(r, "night") {
		hour = value("night", 0, 4)
	}
	return strings.Join([]string{
		star("minute", 0, 59, 20), hour, star("day", 1, 31, 70), star("month", 1, 12, 90), star("weekday", 0, 6, 70),
	}, " ")
}

// compare checks the ticks in [from, until) against the ones that must come, forwards by Next and backwards by Latest.
func compare(t rapid.TB, s schedule.Schedule, want []time.Time, from, until time.Time) {
	t.Helper()
	var got []time.Time
	for tick := s.Next(from.Add(-1)); !tick.IsZero() && tick.Before(until); tick = s.Next(tick) {
		got = append(got, tick.UTC())
	}
	if !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Fatalf("%s from %s: %d ticks, want %d: %s", s, from, len(got), len(want), cmp.Diff(want, got))
	}
	// From anywhere, not only from tick to tick: a daemon may start in the hour that the clocks repeat.
	stride := max(until.Sub(from)/200, 13*time.Minute)
	for moment, i := from, 0; ; moment = moment.Add(stride) {
		for i < len(want) && !want[i].After(moment) {
			i++
		}
		if i == len(want) {
			break
		}
		if next := s.Next(moment); !next.Equal(want[i]) {
			t.Fatalf("%s: after %s comes %s, want %s", s, moment, next, want[i])
		}
	}
	step := max(1, len(want)/50)
	for i := 0; i < len(want); i += step {
		next := until
		if i+1 < len(want) {
			next = want[i+1]
		}
		for _, moment := range []time.Time{want[i], want[i].Add(1), next.Add(-1), want[i].Add(next.Sub(want[i]) / 2)} {
			if latest := schedule.Latest(s, moment); !latest.Equal(want[i]) {
				t.Fatalf("%s: the latest at %s is %s, want %s", s, moment, latest, want[i])
			}
		}
	}
}

// walk is the reference: it goes through [from, until) minute by minute with the clocks of the zone in view and notes for each
// line the minutes at which it is due. It shares nothing with the code it checks.
func walk(t rapid.TB, specs []string, zone *time.Location, from, until time.Time) [][]time.Time {
	t.Helper()
	rules := make([]rule, len(specs))
	for i, spec := range specs {
		rules[i] = newRule(t, spec)
	}
	ticks := make([][]time.Time, len(specs))
	// What the clocks show, written as a time of UTC.
	shown := func(at time.Time) time.Time {
		l := at.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	start := from.Add(-48 * time.Hour)
	for at, highest := start, shown(start); at.Before(until); at = at.Add(time.Minute) {
		now := shown(at)
		var passed []time.Time // minutes that the clocks have reached or passed for the first time
		for highest.Before(now) {
			highest = highest.Add(time.Minute)
			passed = append(passed, highest)
		}
		for i, r := range rules {
			due := r.star && r.match(now) || !r.star && slices.ContainsFunc(passed, r.match)
			if due && !at.Before(from) {
				ticks[i] = append(ticks[i], at)
			}
		}
	}
	return ticks
}

// set is the values of a field; nil is *.
type set []bool

func (s set) has(n int) bool { return s == nil || s[n] }

// rule is a line as the reference reads it.
type rule struct {
	star                              bool
	minute, hour, day, month, weekday set
}

func newRule(t rapid.TB, spec string) rule {
	f := strings.Fields(spec)
	if len(f) != 5 {
		t.Fatalf("the reference reads five fields, not %q", spec)
	}
	days := strings.NewReplacer("SUN", "0", "MON", "1").Replace(f[4])
	return rule{
		star: f[1] == "*", minute: numbers(t, f[0], 0, 59), hour: numbers(t, f[1], 0, 23), day: numbers(t, f[2], 1, 31),
		month: numbers(t, f[3], 1, 12), weekday: numbers(t, days, 0, 6),
	}
}

func numbers(t rapid.TB, text string, low, high int) set {
	if text == "*" {
		return nil
	}
	values := make(set, 60)
	for item := range strings.SplitSeq(text, ",") {
		span, stepText, _ := strings.Cut(item+"/1", "/")
		step, err := strconv.Atoi(strings.TrimSuffix(stepText, "/1"))
		if err != nil {
			t.Fatal(err)
		}
		a, b := low, high
		if span != "*" {
			if _, err := fmt.Sscanf(span+"-"+span, "%d-%d", &a, &b); err != nil {
				t.Fatal(err)
			}
		}
		for ; a <= b; a += step {
			values[a] = true
		}
	}
	return values
}

func (r rule) match(t time.Time) bool {
	if !r.minute.has(t.Minute()) || !r.hour.has(t.Hour()) || !r.month.has(int(t.Month())) {
		return false
	}
	day, weekday := r.day.has(t.Day()), r.weekday.has(int(t.Weekday()))
	if r.day != nil && r.weekday != nil {
		return day || weekday
	}
	return day && weekday
}

// TestEvery: daemons that start at different times agree, and so do zones.
func TestEvery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		seconds := rapid.Int64Range(1, 400_000).Draw(r, "seconds")
		from := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(r, "from"), rapid.Int64Range(0, 999_999_999).Draw(r, "ns"))
		s := parse(t, fmt.Sprintf("@every %ds", seconds), "Europe/Berlin")
		next := s.Next(from)
		if next.Unix()%seconds != 0 || next.Nanosecond() != 0 || !next.After(from) || next.Sub(from) > time.Duration(seconds)*time.Second {
			r.Fatalf("after %s comes %s", from, next)
		}
		if latest := schedule.Latest(s, from); latest.After(from) || next.Sub(latest) != time.Duration(seconds)*time.Second {
			r.Fatalf("at %s the latest is %s, the next %s", from, latest, next)
		}
	})
}

func TestNextN(t *testing.T) {
	t.Parallel()
	s := parse(t, "0 2 * * *", "Asia/Shanghai")
	var got []string
	for _, tick := range schedule.NextN(s, time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), 3) {
		got = append(got, tick.Format(stamp))
	}
	want := []string{"2026-11-02 02:00:00 +08:00", "2026-11-03 02:00:00 +08:00", "2026-11-04 02:00:00 +08:00"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rest := schedule.NextN(never{}, time.Unix(0, 0), 3); len(rest) != 0 {
		t.Errorf("a schedule that ended has the ticks %v", rest)
	}
}

func TestInterval(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC) // a Wednesday
	for spec, want := range map[string]time.Duration{
		"*/5 * * * *":     5 * time.Minute,
		"0 2 * * *":       24 * time.Hour,
		"0 9 * * MON":     7 * 24 * time.Hour,
		"*/5 13-17 * * *": 19*time.Hour + 5*time.Minute,
		"@every 90s":      90 * time.Second,
		"*/10 * * * * *":  10 * time.Second,
	} {
		if got := schedule.Interval(parse(t, spec, "UTC"), noon); got != want {
			t.Errorf("%q: %s, want %s", spec, got, want)
		}
	}
	if got := schedule.Interval(never{}, noon); got != 0 {
		t.Errorf("a schedule without ticks has the interval %s", got)
	}
	if got := schedule.Latest(never{}, noon); !got.IsZero() {
		t.Errorf("a schedule without ticks had one at %s", got)
	}
}

// never is a schedule without ticks.
type never struct{}

func (never) Next(time.Time) time.Time { return time.Time{} }
func (never) String() string           { return "never" }
