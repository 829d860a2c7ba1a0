package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"ordersync/internal/fault"
)

// Parse reads a cron line of five fields, six with seconds in front, a descriptor such as @hourly, or @every with a
// duration, in the given time zone (nil is UTC).
//
// Daylight saving: a schedule that names hours, also as a list, a range or a step, runs a tick that the clocks skip at the
// moment they land on, several such ticks as one, and a tick that the clocks repeat once, the first time. With * as the hour
// the ticks are all instants at which the clocks show a minute that matches. @every counts whole multiples since 1970-01-01
// UTC, so that all daemons agree.
//
// Errors are of the kind fault.Config: one sentence for somebody who knows cron lines. Refused is also what robfig/cron would
// take in silence: a schedule that never fires, an @every that it would round, a step longer than its field.
func Parse(spec string, zone *time.Location) (Schedule, error) {
	if zone == nil {
		zone = time.UTC
	}
	text := strings.Join(strings.Fields(spec), " ")
	s, err := parse(text, zone)
	if err != nil {
		return nil, fault.New(fault.Config, err)
	}
	return s, nil
}

func parse(text string, zone *time.Location) (Schedule, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "@every"); ok {
		return parseEvery(text, strings.TrimPrefix(rest, " "), zone)
	}
	if strings.HasPrefix(text, "@") {
		text = strings.ToLower(text)
		if !strings.Contains(descriptors, text+" ") {
			return nil, fmt.Errorf("%q is not known: the words are %sand @every with a duration, as in @every 90s", text, descriptors)
		}
	} else if err := checkFields(strings.Fields(text)); err != nil {
		return nil, err
	}
	wall, err := readLine(text)
	if err != nil {
		return nil, err
	}
	// Every calendar date comes in some year from 2000 on, whose February has 29 days.
	if wall.Next(time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%q never comes: none of its months has such a day", text)
	}
	return &line{text: text, zone: zone, wall: wall, elapsed: wall.Hour&starBit != 0}, nil
}

// checkText refuses what is no cron line at all.
func checkText(text string) error {
	if text == "" {
		return fmt.Errorf(`the schedule is empty: write five fields, as in "0 2 * * *" for every day at 02:00`)
	}
	for _, r := range text {
		if r > '~' || r < ' ' {
			return fmt.Errorf("the schedule has the character %q: type digits and the signs * / - , in half width", r)
		}
	}
	first, _, _ := strings.Cut(text, " ")
	if name, value, ok := strings.Cut(first, "="); ok && (strings.EqualFold(name, "TZ") || strings.EqualFold(name, "CRON_TZ")) {
		return fmt.Errorf("a schedule has no time zone of its own: take %s away, and write timezone: %s at the top of the file", first, value)
	}
	return nil
}

// descriptors are the words that stand for a line; each is followed by a blank.
const descriptors = "@hourly @daily @midnight @weekly @monthly @yearly @annually "

// starBit is how robfig/cron marks a field that was written as *.
const starBit = 1 << 63

// readLine lets robfig/cron read the line, as a schedule of clock readings: a reading is written as the UTC time that looks
// the same, where no hour is skipped or repeated.
func readLine(text string) (s *cron.SpecSchedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("%q cannot be read: %v", text, r)
		}
	}()
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be read: %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q cannot be read as a cron line", text)
	}
	spec.Location = time.UTC
	return spec, nil
}

// longest is the longest @every; it keeps every schedule inside what [Latest] looks back over.
const longest = 366 * 24 * time.Hour

func parseEvery(text, rest string, zone *time.Location) (Schedule, error) {
	rest = strings.TrimSpace(rest)
	d, err := time.ParseDuration(rest)
	switch {
	case rest == "":
		return nil, fmt.Errorf("@every needs a duration, as in @every 90s or @every 1h30m")
	case err != nil:
		return nil, fmt.Errorf("@every %s: a duration is written with h, m and s, as in 90s, 15m or 1h30m (a day is 24h)", rest)
	case d < time.Second:
		return nil, fmt.Errorf("@every %s: the shortest is 1s", rest)
	case d%time.Second != 0:
		return nil, fmt.Errorf("@every %s: write whole seconds, as in %s", rest, d.Truncate(time.Second))
	case d > longest:
		return nil, fmt.Errorf("@every %s: the longest is %s", rest, longest)
	}
	return every{text: text, zone: zone, seconds: int64(d / time.Second)}, nil
}

// field is what one place of a cron line may hold.
type field struct {
	name      string
	low, high int
	// names are the words for low, low+1, ...
	names []string
}

// checkFields says what is wrong with the fields in words that name the field, which robfig/cron does not.
func checkFields(texts []string) error {
	fields := []field{
		{name: "second", high: 59},
		{name: "minute", high: 59},
		{name: "hour", high: 23},
		{name: "day of month", low: 1, high: 31},
		{name: "month", low: 1, high: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")},
		{name: "day of week", high: 6, names: strings.Fields("SUN MON TUE WED THU FRI SAT")},
	}
	switch len(texts) {
	case 5:
		fields = fields[1:]
	case 6:
	default:
		return fmt.Errorf("a schedule has five fields (minute, hour, day of month, month, day of week) and may have "+
			"the second in front of them; %q has %d", strings.Join(texts, " "), len(texts))
	}
	for i, f := range fields {
		if err := f.check(texts[i]); err != nil {
			return fmt.Errorf("%s %q: %w", f.name, texts[i], err)
		}
	}
	return nil
}

func (f field) check(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(item, "/")
		if item == "" {
			return fmt.Errorf("a value is missing beside a comma")
		}
		if stepped {
			if err := f.checkStep(step); err != nil {
				return err
			}
		}
		if span == "*" || span == "?" {
			continue
		}
		from, to, ranged := strings.Cut(span, "-")
		first, err := f.value(from)
		if err != nil || !ranged {
			if err != nil {
				return err
			}
			continue
		}
		if f.names != nil && f.low == 0 && to == "7" {
			return fmt.Errorf("Sunday is 0 or SUN here, not 7: write %s-6,0", from)
		}
		last, err := f.value(to)
		if err != nil {
			return err
		}
		if first > last {
			return fmt.Errorf("the range runs backwards: write %s-%d,%d-%s", from, f.high, f.low, to)
		}
	}
	return nil
}

func (f field) checkStep(text string) error {
	step, err := strconv.Atoi(text)
	switch {
	case err != nil || step < 1:
		return fmt.Errorf("the step %q is not a number from 1 on", text)
	case step > f.high-f.low+1:
		remedy := ""
		if unit := map[string]string{"second": "s", "minute": "m", "hour": "h"}[f.name]; unit != "" {
			remedy = fmt.Sprintf(": write @every %d%s", step, unit)
		}
		return fmt.Errorf("the step %d is longer than the field, which has %d values%s", step, f.high-f.low+1, remedy)
	}
	return nil
}

// value reads a number or a name.
func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil && f.names != nil:
		return 0, fmt.Errorf("%q is neither a number from %d to %d nor one of %s", text, f.low, f.high, strings.Join(f.names, " "))
	case err != nil:
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, f.low, f.high)
	case n == 7 && f.high == 6:
		return 0, fmt.Errorf("Sunday is 0 or SUN here, not 7")
	case n < f.low || n > f.high:
		return 0, fmt.Errorf("%s is not among %d to %d", text, f.low, f.high)
	}
	return n, nil
}
