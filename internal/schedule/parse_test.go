package schedule_test

import (
	"strings"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/schedule"
)

// refused: each line that cannot work, with its sentence.
func refused(t *testing.T) {
	t.Parallel()
	const (
		fiveFields = "a schedule has five fields (minute, hour, day of month, month, day of week) and may have the second in front of them; "
		noZone     = "a schedule has no time zone of its own: "
		words      = ": the words are @hourly @daily @midnight @weekly @monthly @yearly @annually and @every with a duration, as in @every 90s"
	)
	for spec, want := range map[string]string{
		"":                             `the schedule is empty: write five fields, as in "0 2 * * *" for every day at 02:00`,
		"  ":                           `the schedule is empty: write five fields, as in "0 2 * * *" for every day at 02:00`,
		"0 2 * *":                      fiveFields + `"0 2 * *" has 4`,
		"0 0 2 * * * 2027":             fiveFields + `"0 0 2 * * * 2027" has 7`,
		"61 * * * *":                   `minute "61": 61 is not among 0 to 59`,
		"*/61 * * * *":                 `minute "*/61": the step 61 is longer than the field, which has 60 values: write @every 61m`,
		"0 0-23/25 * * *":              `hour "0-23/25": the step 25 is longer than the field, which has 24 values: write @every 25h`,
		"0 0 */32 * *":                 `day of month "*/32": the step 32 is longer than the field, which has 31 values`,
		"*/0 * * * *":                  `minute "*/0": the step "0" is not a number from 1 on`,
		"*/ * * * *":                   `minute "*/": the step "" is not a number from 1 on`,
		"*/5/2 * * * *":                `minute "*/5/2": the step "5/2" is not a number from 1 on`,
		"75 0 2 * * *":                 `second "75": 75 is not among 0 to 59`,
		"0 24 * * *":                   `hour "24": 24 is not among 0 to 23`,
		"0 22-2 * * *":                 `hour "22-2": the range runs backwards: write 22-23,0-2`,
		"0 2,, * * *":                  `hour "2,,": a value is missing beside a comma`,
		", * * * *":                    `minute ",": a value is missing beside a comma`,
		"-5 * * * *":                   `minute "-5": "" is not a number from 0 to 59`,
		"1-2-3 * * * *":                `minute "1-2-3": "2-3" is not a number from 0 to 59`,
		"*-5 * * * *":                  `minute "*-5": "*" is not a number from 0 to 59`,
		"0 2am * * *":                  `hour "2am": "2am" is not a number from 0 to 23`,
		"0 0 0 * *":                    `day of month "0": 0 is not among 1 to 31`,
		"0 0 L * *":                    `day of month "L": "L" is not a number from 1 to 31`,
		"0 0 * 13 *":                   `month "13": 13 is not among 1 to 12`,
		"0 9 * * monday":               `day of week "monday": "monday" is neither a number from 0 to 6 nor one of SUN MON TUE WED THU FRI SAT`,
		"0 9 * * 7":                    `day of week "7": Sunday is 0 or SUN here, not 7`,
		"0 9 * * 6,7":                  `day of week "6,7": Sunday is 0 or SUN here, not 7`,
		"0 9 * * 5-7":                  `day of week "5-7": Sunday is 0 or SUN here, not 7: write 5-6,0`,
		"0 9 * * 8":                    `day of week "8": 8 is not among 0 to 6`,
		"0 9 * * FRI-MON":              `day of week "FRI-MON": the range runs backwards: write FRI-6,0-MON`,
		"0 0 31 2 *":                   `"0 0 31 2 *" never comes: none of its months has such a day`,
		"0 0 31 4,6,9,11 *":            `"0 0 31 4,6,9,11 *" never comes: none of its months has such a day`,
		"0 0 30 FEB ?":                 `"0 0 30 FEB ?" never comes: none of its months has such a day`,
		"TZ=0":                         noZone + `take TZ=0 away, and write timezone: 0 at the top of the file`,
		"CRON_TZ=Asia/Tokyo 0 2 * * *": noZone + `take CRON_TZ=Asia/Tokyo away, and write timezone: Asia/Tokyo at the top of the file`,
		"tz=UTC @daily":                noZone + `take tz=UTC away, and write timezone: UTC at the top of the file`,
		"＊/5 * * * *":                  `the schedule has the character '＊': type digits and the signs * / - , in half width`,
		"@dayly":                       `"@dayly" is not known` + words,
		"@reboot":                      `"@reboot" is not known` + words,
		"@":                            `"@" is not known` + words,
		"@daily @hourly":               `"@daily @hourly" is not known` + words,
		"@every":                       `@every needs a duration, as in @every 90s or @every 1h30m`,
		"@every 0s":                    `@every 0s: the shortest is 1s`,
		"@every -5m":                   `@every -5m: the shortest is 1s`,
		"@every 500ms":                 `@every 500ms: the shortest is 1s`,
		"@every 1500ms":                `@every 1500ms: write whole seconds, as in 1s`,
		"@every 90":                    `@every 90: a duration is written with h, m and s, as in 90s, 15m or 1h30m (a day is 24h)`,
		"@every 1d":                    `@every 1d: a duration is written with h, m and s, as in 90s, 15m or 1h30m (a day is 24h)`,
		"@every 9000h":                 `@every 9000h: the longest is 8784h0m0s`,
	} {
		s, err := schedule.Parse(spec, time.UTC)
		if err == nil {
			t.Errorf("%q is taken as %v", spec, s)
			continue
		}
		if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", spec, err, want)
		}
		if kind := fault.KindOf(err); kind != fault.Config {
			t.Errorf("%q: kind %s", spec, kind)
		}
	}
}

func TestParseTakes(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 2, 27, 12, 34, 56, 789, time.UTC) // a Friday
	for spec, want := range map[string]string{
		"0 2 * * *":               "02-28 02:00:00",
		"*/5 * * * *":             "02-27 12:35:00",
		"*/60 * * * *":            "02-27 13:00:00",
		"0 */24 * * *":            "02-28 00:00:00",
		"10/15 * * * *":           "02-27 12:40:00",
		"5,35 8-18/2 * * MON-FRI": "02-27 12:35:00",
		"0 9 * * sun":             "03-01 09:00:00",
		"0 9 1 jan-mar ?":         "03-01 09:00:00",
		"0 0 29 2 *":              "02-29 00:00:00",
		"0 0 13 * 5":              "03-06 00:00:00", // a day of the month or of the week, as cron has it
		"30 0 2 * * *":            "02-28 02:00:30",
		"*/20 * * * * *":          "02-27 12:35:00",
		"@hourly":                 "02-27 13:00:00",
		"@Daily":                  "02-28 00:00:00",
		"@midnight":               "02-28 00:00:00",
		"@weekly":                 "03-01 00:00:00",
		"@monthly":                "03-01 00:00:00",
		"@yearly":                 "01-01 00:00:00",
		"@every 90s":              "02-27 12:36:00",
		"@every 7s":               "02-27 12:34:58",
		"@every  1h30m":           "02-27 13:30:00",
		"  0\t2  * * *  ":         "02-28 02:00:00",
	} {
		s, err := schedule.Parse(spec, nil)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if got := s.Next(from).Format("01-02 15:04:05"); got != want {
			t.Errorf("%q: next is %s, want %s", spec, got, want)
		}
		if got, want := s.String(), strings.Join(strings.Fields(spec), " "); !strings.EqualFold(got, want) {
			t.Errorf("%q prints as %q", spec, got)
		}
	}
}

// FuzzParse: whatever is written is refused with one sentence or is a schedule that goes on for ever, forwards.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"0 2 * * *", "*/5 * * * *", "30 0 2 * * 1-5", "@every 90s", "@hourly", "TZ=0", "TZ=", "CRON_TZ= * * * * *", "0 0 29 2 *",
		"*/99999999999999999999 * * * *", "0-59/59 0 31 12 SUN", "@every 9223372036854775807ns", "? ? ? ? ?", "1/2,3-4/5 * * * *",
	} {
		f.Add(seed)
	}
	zone := location(f, "Australia/Lord_Howe")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := schedule.Parse(spec, zone)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") || fault.KindOf(err) != fault.Config {
				t.Fatalf("%q: %v", spec, err)
			}
			return
		}
		again, err := schedule.Parse(s.String(), zone)
		if err != nil {
			t.Fatalf("%q prints as %q, which is refused: %v", spec, s, err)
		}
		last := time.Date(2026, 4, 4, 12, 0, 0, 1, zone)
		for range 5 {
			tick := s.Next(last)
			if !tick.After(last) || !tick.Equal(again.Next(last)) || !schedule.Latest(s, tick).Equal(tick) {
				t.Fatalf("%q: after %s comes %s", spec, last, tick)
			}
			last = tick
		}
	})
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
