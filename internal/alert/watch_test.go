package alert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordersync/internal/alert"
)

// found are conditions in short: "stall old job/us-orders".
func found(conditions []alert.Condition) []string {
	short := []string{}
	for _, c := range conditions {
		line := string(c.Class)
		if c.Kind != "" {
			line += " " + c.Kind
		}
		line += " " + string(c.Scope)
		if c.Level > 0 {
			line += fmt.Sprintf(" %d", c.Level)
		}
		short = append(short, line)
	}
	return short
}

func TestWatchJobs(t *testing.T) {
	t.Parallel()
	now := at(t, "12:00:00")
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	well := alert.JobFacts{
		Name: "us-orders", Kind: alert.SyncJob, Source: "us", Interval: 5 * time.Minute, Settle: 2 * time.Minute,
		LastStep: ago(time.Minute), LastGood: ago(time.Minute), Watermark: ago(3 * time.Minute),
	}
	for name, test := range map[string]struct {
		change func(*alert.JobFacts)
		up     time.Duration
		want   string
		since  time.Duration
	}{
		"all is well":                   {change: func(*alert.JobFacts) {}},
		"at the end of what is allowed": {change: func(j *alert.JobFacts) { j.LastGood = ago(13 * time.Minute) }},
		"beyond it": {
			change: func(j *alert.JobFacts) { j.LastGood = ago(14 * time.Minute) }, want: "stall old job/us-orders", since: time.Minute,
		},
		"beyond it, and the last run failed": {
			change: func(j *alert.JobFacts) { j.LastGood, j.LastFailed = ago(14*time.Minute), true }, want: "stall old job/us-orders", since: time.Minute,
		},
		"beyond it, but paused": {change: func(j *alert.JobFacts) { j.LastGood, j.Paused = ago(14*time.Minute), true }},
		"beyond it, but just resumed": {change: func(j *alert.JobFacts) {
			j.LastGood, j.Watermark, j.Since = ago(14*time.Hour), ago(14*time.Hour), ago(time.Minute)
		}},
		"beyond it, but the daemon has just started": {
			change: func(j *alert.JobFacts) { j.LastGood = ago(14 * time.Hour) }, up: 4*time.Minute + 59*time.Second,
		},
		"beyond it, but a run goes on": {change: func(j *alert.JobFacts) { j.LastGood, j.Running, j.Started = ago(14*time.Hour), true, ago(time.Hour) }},
		"a run goes on that just began": {change: func(j *alert.JobFacts) {
			j.LastGood, j.LastStep, j.Running, j.Started = ago(14*time.Hour), ago(14*time.Hour), true, ago(time.Minute)
		}},
		"a run that writes nothing down": {
			change: func(j *alert.JobFacts) { j.Running, j.Started, j.LastStep = true, ago(time.Hour), ago(16*time.Minute) },
			want:   "stall stuck job/us-orders", since: time.Minute,
		},
		"a run of which nothing is known": {change: func(j *alert.JobFacts) { j.Running, j.Started, j.LastStep = true, time.Time{}, time.Time{} }},
		"the watermark stands still": {
			change: func(j *alert.JobFacts) { j.Watermark = ago(15 * time.Minute) }, want: "stall still job/us-orders", since: 2 * time.Minute,
		},
		"that of a job that fails does by itself": {change: func(j *alert.JobFacts) { j.Watermark, j.LastFailed = ago(15*time.Minute), true }},
		"that of a sweep is not looked at":        {change: func(j *alert.JobFacts) { j.Watermark, j.Kind = ago(15*time.Minute), alert.SweepJob }},
		"nothing was loaded yet":                  {change: func(j *alert.JobFacts) { j.Watermark = time.Time{} }},
		"it never ran": {
			change: func(j *alert.JobFacts) { j.LastGood = time.Time{} }, up: 6 * time.Minute, want: "stall never job/us-orders", since: time.Minute,
		},
		"it never ran, and was added just now": {change: func(j *alert.JobFacts) { j.LastGood, j.Since = time.Time{}, ago(time.Minute) }},
		"it never was good": {
			change: func(j *alert.JobFacts) { j.LastGood, j.LastFailed = time.Time{}, true }, up: 14 * time.Minute, want: "stall old job/us-orders",
			since: time.Minute,
		},
		"it never was good, for a while": {change: func(j *alert.JobFacts) { j.LastGood, j.LastFailed = time.Time{}, true }, up: 13 * time.Minute},
		"a daily job missed one day": {change: func(j *alert.JobFacts) {
			j.Interval, j.LastGood, j.Watermark = 24*time.Hour, ago(47*time.Hour), ago(47*time.Hour)
		}},
		"a daily job missed two days": {
			change: func(j *alert.JobFacts) { j.Interval, j.LastGood = 24*time.Hour, ago(49*time.Hour) }, want: "stall old job/us-orders",
			since: 57 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := well
			test.change(&job)
			up := ago(24 * time.Hour)
			if test.up > 0 {
				up = ago(test.up)
			}
			got := alert.Watch(now, up, []alert.JobFacts{job}, nil)
			if test.want == "" {
				if len(got) != 0 {
					t.Fatalf("found %q", found(got))
				}
				return
			}
			if short := found(got); !slices.Equal(short, []string{test.want}) {
				t.Fatalf("found %q, want %q", short, test.want)
			}
			if since := now.Sub(got[0].Since); since != test.since || got[0].Source != "us" || got[0].Hold <= 0 || got[0].Facts.Allowed <= 0 {
				t.Errorf("since %v, want %v: %+v", since, test.since, got[0])
			}
		})
	}
}

func TestWatchSources(t *testing.T) {
	t.Parallel()
	now := at(t, "12:00:00")
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	silent := alert.SourceFacts{Source: "us", Newest: ago(5 * time.Hour), Watermark: ago(3 * time.Minute), Usual: []int{31, 28, 40, 15}}
	for name, test := range map[string]struct {
		facts alert.SourceFacts
		up    time.Duration
		want  []string
	}{
		"nothing is known": {facts: alert.SourceFacts{Source: "us"}},
		"quiet":            {facts: silent, want: []string{"quiet source/us"}},
		"quiet, but paused": {facts: func() alert.SourceFacts {
			s := silent
			s.Paused = true
			return s
		}()},
		"quiet, but the daemon has just started": {facts: silent, up: time.Minute},
		"in one week few came":                   {facts: with(silent, 31, 14, 40, 15)},
		"in one week none came":                  {facts: with(silent, 31, 0, 40, 15)},
		"two weeks are known":                    {facts: with(silent, 31, 28, 0, 0), want: []string{"quiet source/us"}},
		"one week is known":                      {facts: with(silent, 31, 0, 0, 0)},
		"no week is known":                       {facts: with(silent)},
		"not for an hour": {facts: alert.SourceFacts{
			Source: "us", Newest: ago(time.Hour), Watermark: ago(3 * time.Minute), Usual: []int{90, 90, 90, 90},
		}},
		"the watermark stands before the newest": {facts: alert.SourceFacts{Source: "us", Newest: now, Watermark: ago(3 * time.Hour), Usual: []int{90, 90}}},

		"one dead letter":    {facts: alert.SourceFacts{Source: "us", DeadLetters: 1}, want: []string{"deadletter source/us 1"}},
		"three":              {facts: alert.SourceFacts{Source: "us", DeadLetters: 3}, want: []string{"deadletter source/us 2"}},
		"four":               {facts: alert.SourceFacts{Source: "us", DeadLetters: 4}, want: []string{"deadletter source/us 3"}},
		"four of a paused":   {facts: alert.SourceFacts{Source: "us", DeadLetters: 4, Paused: true}, want: []string{"deadletter source/us 3"}},
		"orders not listed":  {facts: alert.SourceFacts{Source: "us", Shortfalls: 9}, want: []string{"shortfall source/us 4"}},
		"less than no order": {facts: alert.SourceFacts{Source: "us", Shortfalls: -1}},
		"two gaps": {
			facts: alert.SourceFacts{Source: "us", Gaps: []alert.GapFacts{{Since: ago(day)}, {Since: ago(2 * day)}}},
			want:  []string{"gap source/us 2"},
		},

		"a key of 76 days": {facts: alert.SourceFacts{Source: "us", Issued: ago(76*day - time.Second)}},
		"of 76 and more":   {facts: alert.SourceFacts{Source: "us", Issued: ago(76 * day)}, want: []string{"credential source/us 1"}},
		"of 83":            {facts: alert.SourceFacts{Source: "us", Issued: ago(83 * day)}, want: []string{"credential source/us 2"}},
		"of 89":            {facts: alert.SourceFacts{Source: "us", Issued: ago(89 * day)}, want: []string{"credential source/us 3"}},
		"of 90":            {facts: alert.SourceFacts{Source: "us", Issued: ago(90 * day)}, want: []string{"credential source/us 4"}},
		"of 200":           {facts: alert.SourceFacts{Source: "us", Issued: ago(200 * day)}, want: []string{"credential source/us 4"}},
		"for 31 days":      {facts: alert.SourceFacts{Source: "us", CredentialEnds: now.Add(31 * day)}},
		"for 30":           {facts: alert.SourceFacts{Source: "us", CredentialEnds: now.Add(30 * day)}, want: []string{"credential source/us 1"}},
		"for 7":            {facts: alert.SourceFacts{Source: "us", CredentialEnds: now.Add(7 * day)}, want: []string{"credential source/us 2"}},
		"for 1":            {facts: alert.SourceFacts{Source: "us", CredentialEnds: now.Add(day)}, want: []string{"credential source/us 3"}},
		"ended":            {facts: alert.SourceFacts{Source: "us", CredentialEnds: now}, want: []string{"credential source/us 4"}},
		"the worse of both": {
			facts: alert.SourceFacts{Source: "us", CredentialEnds: now.Add(7 * day), Issued: ago(89 * day)}, want: []string{"credential source/us 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := ago(day)
			if test.up > 0 {
				up = ago(test.up)
			}
			if got := found(alert.Watch(now, up, nil, []alert.SourceFacts{test.facts})); !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func with(s alert.SourceFacts, usual ...int) alert.SourceFacts {
	s.Usual = usual
	return s
}

// The conditions say what a person wants to know.
func TestWatchFacts(t *testing.T) {
	t.Parallel()
	now := at(t, "12:00:00")
	newest, mark, ends := at(t, "07:00:00"), at(t, "11:58:00"), now.Add(48*time.Hour)
	got := alert.Watch(now, midnight, nil, []alert.SourceFacts{{
		Source: "us", Newest: newest, Watermark: mark, Usual: []int{20, 30}, DeadLetters: 6, CredentialEnds: ends, CredentialText: "It ends soon.",
		Gaps: []alert.GapFacts{
			{Since: at(t, "02:00:00"), Until: at(t, "03:00:00"), Reason: "too old"}, {Since: at(t, "01:00:00"), Until: at(t, "02:30:00"), Reason: "older"},
		},
	}})
	facts := map[alert.Class]alert.Facts{}
	for _, c := range got {
		facts[c.Class] = c.Facts
	}
	if f := facts[alert.Quiet]; !f.From.Equal(newest) || !f.To.Equal(mark) || !slices.Equal(f.Usual, []int{20, 30}) {
		t.Errorf("quiet: %+v", f)
	}
	if f := facts[alert.DeadLetter]; f.Count != 6 {
		t.Errorf("dead letters: %+v", f)
	}
	if f := facts[alert.Gap]; f.Count != 2 || !f.From.Equal(at(t, "01:00:00")) || !f.To.Equal(at(t, "03:00:00")) || f.Text != "older" {
		t.Errorf("gap: %+v", f)
	}
	if f := facts[alert.Credential]; !f.Ends.Equal(ends) || f.Text != "It ends soon." || f.Command != "ordersyncd authorize us" {
		t.Errorf("credential: %+v", f)
	}
}

// Every key that Watch names is one that it could judge, once; and what it cannot judge it does not name.
func TestWatchJudged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		now := midnight
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			if rapid.IntRange(0, 3).Draw(t, "zero") == 0 {
				return time.Time{}
			}
			return now.Add(-time.Duration(rapid.IntRange(-100, 10000).Draw(t, "ago")) * time.Minute)
		})
		up := now.Add(-time.Duration(rapid.IntRange(0, 10).Draw(rt, "up")) * time.Minute)
		job := alert.JobFacts{
			Name: "us-orders", Source: "us", Kind: rapid.SampledFrom([]alert.JobKind{alert.SyncJob, alert.SweepJob, alert.TrackJob}).Draw(rt, "kind"),
			Interval: time.Duration(rapid.IntRange(1, 1500).Draw(rt, "interval")) * time.Minute, Since: moment.Draw(rt, "since"),
			Running: rapid.Bool().Draw(rt, "running"), Started: moment.Draw(rt, "started"), LastStep: moment.Draw(rt, "step"),
			LastGood: moment.Draw(rt, "good"), LastFailed: rapid.Bool().Draw(rt, "failed"), Watermark: moment.Draw(rt, "mark"),
			Paused: rapid.Bool().Draw(rt, "paused"),
		}
		source := alert.SourceFacts{
			Source: "us", Paused: job.Paused, DeadLetters: rapid.IntRange(0, 9).Draw(rt, "dead"), Shortfalls: rapid.IntRange(0, 9).Draw(rt, "short"),
			Newest: moment.Draw(rt, "newest"), Watermark: job.Watermark, Usual: rapid.SliceOfN(rapid.IntRange(0, 40), 0, 4).Draw(rt, "usual"),
			CredentialEnds: moment.Draw(rt, "ends"), Issued: moment.Draw(rt, "issued"),
		}
		jobs, sources := []alert.JobFacts{job}, []alert.SourceFacts{source}
		judged, seen := alert.Judged(now, up, jobs, sources), map[alert.Key]bool{}
		for _, c := range alert.Watch(now, up, jobs, sources) {
			if !judged(c.Key) || seen[c.Key] || c.Since.After(now) || c.Source != "us" {
				rt.Fatalf("%+v", c)
			}
			seen[c.Key] = true
		}
		if judged(alert.Key{Scope: "source/us", Class: alert.Auth}) || judged(alert.Key{Scope: "host/vps-1", Class: alert.Disk}) {
			rt.Fatal("it judged what it does not look at")
		}
	})
}

// A stall of a source that is then paused is neither over nor reminded; one of a job that left is over.
func TestStallAndPause(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	job := alert.JobFacts{Name: "us-orders", Kind: alert.SyncJob, Source: "us", Interval: time.Minute, LastGood: midnight, Watermark: midnight}
	jobs := []alert.JobFacts{job}
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {}}}
	up := midnight.Add(-time.Hour)
	b.judged = func(key alert.Key) bool { return alert.Judged(b.now, up, jobs, nil)(key) }
	b.look = func(now time.Time) []alert.Condition { return alert.Watch(now, up, jobs, nil) }
	b.until(at(t, "01:00:00"))
	b.want("00:05:30 alarm stall, opened job/us-orders")
	jobs[0].Paused = true
	b.world.Sources["us"] = alert.SourceWorld{Paused: true}
	b.until(at(t, "12:00:00"))
	b.want("00:05:30 alarm stall, opened job/us-orders")
	jobs = nil
	b.until(at(t, "12:02:00"))
	b.want("00:05:30 alarm stall, opened job/us-orders", "12:01:30 relief stall, recovered job/us-orders")
}

// A shop whose orders come by chance, with days and nights and with good and bad days, is seldom called quiet; one that stops is.
func TestQuietByChance(t *testing.T) {
	t.Parallel()
	const weeks = 57
	for perDay, most := range map[float64]time.Duration{20: 48 * time.Hour, 100: 16 * time.Hour, 1000: 8 * time.Hour} {
		wrong, after := 0, time.Duration(0)
		orders := orderTimes(perDay, weeks*7)
		for i := 1; i < len(orders); i++ {
			if orders[i-1] > 5*7*24*time.Hour && quietAt(orders, orders[i-1], orders[i]) {
				wrong++
			}
		}
		last := orders[len(orders)-1]
		for after < 20*24*time.Hour && !quietAt(orders, last, last+after) {
			after += 5 * time.Minute
		}
		t.Logf("%4.0f orders a day: %d false alarms in a year; after the last order it takes %v", perDay, wrong, after)
		if wrong > 2 || after > most {
			t.Errorf("%v orders a day: %d false alarms, %v until a true one", perDay, wrong, after)
		}
	}
}

// quietAt asks Watch about a source whose newest order is at one time and whose watermark at another.
func quietAt(orders []time.Duration, newest, mark time.Duration) bool {
	if mark-newest < time.Hour {
		return false
	}
	var usual []int
	for week := range 4 {
		back := time.Duration(week+1) * 7 * 24 * time.Hour
		first := sort.Search(len(orders), func(i int) bool { return orders[i] >= newest-back })
		end := sort.Search(len(orders), func(i int) bool { return orders[i] > mark-back })
		usual = append(usual, end-first)
	}
	now := midnight.Add(mark)
	return len(alert.Watch(now, midnight.Add(-time.Hour), nil, []alert.SourceFacts{{
		Source: "us", Newest: midnight.Add(newest), Watermark: now, Usual: usual,
	}})) > 0
}

// orderTimes draws when orders are made: few at night, and some days are better than others.
func orderTimes(perDay float64, days int) []time.Duration {
	dice := rand.New(rand.NewPCG(7, uint64(perDay)))
	var orders []time.Duration
	for day := range days {
		best := perDay / 24 * 2 * math.Exp(dice.NormFloat64()*0.3-0.045)
		for hour := dice.ExpFloat64() / best; hour < 24; hour += dice.ExpFloat64() / best {
			if dice.Float64() < (1+math.Cos((hour-15)/24*2*math.Pi))/2 {
				orders = append(orders, time.Duration((float64(day)*24+hour)*float64(time.Hour)))
			}
		}
	}
	return orders
}
