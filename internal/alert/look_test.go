package alert_test

import (
	"testing"
	"time"

	"ordersync/internal/alert"
)

func condition(class alert.Class, scope alert.Scope, source string, level int) alert.Condition {
	return alert.Condition{Key: alert.Key{Class: class, Scope: scope}, Source: source, Level: level, Facts: alert.Facts{Count: level}}
}

// between finds a condition at the looks of a span, each minute, both ends among them.
func between(t *testing.T, c alert.Condition, spans ...string) func(time.Time) []alert.Condition {
	return func(now time.Time) []alert.Condition {
		for i := 0; i < len(spans); i += 2 {
			if !now.Before(at(t, spans[i])) && !now.After(at(t, spans[i+1])) {
				return []alert.Condition{c}
			}
		}
		return nil
	}
}

// What a series of looks makes of it.
func TestLook(t *testing.T) {
	t.Parallel()
	held := condition(alert.Disk, "host/vps-1", "", 0)
	held.Hold = 2 * time.Minute
	disk := condition(alert.Disk, "host/vps-1", "", 0)
	for name, test := range map[string]struct {
		look  func(time.Time) []alert.Condition
		until string
		want  []string
	}{
		"a condition is told and is over": {
			look: between(t, disk, "01:00:00", "01:30:00"), until: "02:00:00",
			want: []string{"01:00:30 alarm disk, opened host/vps-1", "01:31:30 relief disk, recovered host/vps-1"},
		},
		"one that must be seen for two minutes and is seen for one": {
			look: between(t, held, "01:00:00", "01:01:00", "01:05:00", "01:06:00"), until: "02:00:00",
		},
		"and for two": {
			look: between(t, held, "01:00:00", "01:02:00"), until: "02:00:00",
			want: []string{"01:02:30 alarm disk, opened host/vps-1", "01:03:30 relief disk, recovered host/vps-1"},
		},
		"it is reminded": {
			look: between(t, disk, "01:00:00", "09:00:00"), until: "10:00:00",
			want: []string{
				"01:00:30 alarm disk, opened host/vps-1", "05:00:30 alarm disk, reminded host/vps-1", "09:00:30 alarm disk, reminded host/vps-1",
				"09:01:30 relief disk, recovered host/vps-1",
			},
		},
		"it comes back: the same, and it must be away for ten minutes": {
			look: between(t, disk, "01:00:00", "01:10:00", "01:15:00", "01:16:00", "01:20:00", "01:20:00"), until: "02:00:00",
			want: []string{
				"01:00:30 alarm disk, opened host/vps-1", "01:11:30 relief disk, recovered host/vps-1", "01:15:30 alarm disk, reopened host/vps-1",
				"01:30:30 relief disk, recovered host/vps-1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.look = test.look
			b.until(at(t, test.until))
			b.want(test.want...)
		})
	}
}

// A rise of the level is told, a fall is not; a number that goes up and down by one level is told once. Dead letters are not reminded.
func TestWorse(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	levels := []int{2, 2, 3, 2, 3, 2, 3, 4, 4, 2, 3, 0}
	b.look = func(now time.Time) []alert.Condition {
		hour := int(now.Sub(midnight) / time.Hour)
		if hour < 1 || hour > len(levels) || levels[hour-1] == 0 {
			return nil
		}
		return []alert.Condition{condition(alert.DeadLetter, "source/us", "us", levels[hour-1])}
	}
	b.until(at(t, "14:00:00"))
	b.want("01:00:30 alarm deadletter, opened source/us", "03:00:30 alarm deadletter, worse source/us", "08:00:30 alarm deadletter, worse source/us",
		"11:00:30 alarm deadletter, worse source/us", "12:00:30 relief deadletter, recovered source/us")
}

// What rises with each look, faster than changes wait for others, is told when the first of it has waited.
func TestWorseEachLook(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.rules.GroupWait = 3 * time.Minute
	b.look = func(now time.Time) []alert.Condition {
		return []alert.Condition{condition(alert.DeadLetter, "source/us", "us", 1+int(now.Sub(midnight)/time.Minute))}
	}
	b.until(at(t, "00:20:00"))
	b.want("00:04:00 alarm deadletter, opened source/us")
}

// Reminders of what stays until somebody does something.
func TestRemindSeldom(t *testing.T) {
	t.Parallel()
	for class, want := range map[alert.Class]int{
		alert.DeadLetter: 0, alert.Shortfall: 0, alert.Credential: 0, alert.Gap: 2,
		alert.Stall: 6 * 16, alert.Quiet: 6 * 16, alert.Disk: 6 * 16, alert.Channel: 6 * 16,
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			reminded := 0
			var incidents []alert.Incident
			for now := midnight; now.Before(midnight.Add(16 * 24 * time.Hour)); now = now.Add(5 * time.Minute) {
				d := alert.NewDesk(alert.Rules{}, now, incidents)
				d.Look([]alert.Condition{condition(class, "source/us", "us", 1)}, nil)
				for _, n := range d.Compose(alert.World{}) {
					if n.Items[0].Change == alert.Reminded {
						reminded++
					}
				}
				incidents = d.Changed()
			}
			if reminded < want-1 || reminded > want {
				t.Errorf("%d reminders in 16 days, want %d", reminded, want)
			}
		})
	}
}

// A look that could not judge a key ends nothing; one that could does.
func TestJudgedNot(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.look = between(t, condition(alert.Disk, "host/vps-1", "", 0), "01:00:00", "01:10:00")
	able := false
	b.judged = func(alert.Key) bool { return able }
	b.until(at(t, "02:00:00"))
	b.want("01:00:30 alarm disk, opened host/vps-1")
	able = true
	b.until(at(t, "02:02:00"))
	b.want("01:00:30 alarm disk, opened host/vps-1", "02:01:30 relief disk, recovered host/vps-1")
}

// Incidents of runs are not for looks to end, nor that of the network of all.
func TestLookLeavesRuns(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.look = func(time.Time) []alert.Condition { return nil }
	b.world = twoShops()
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.Network), failed(at(t, "01:00:01"), "eu", alert.Network),
		ofJob("us-sweep", failed(at(t, "01:00:02"), "us", alert.Payload)),
	}, at(t, "01:10:00"))
	b.want("01:00:35 alarm payload, opened source/us", "01:00:35 alarm network, opened all")
	for _, inc := range b.incidents() {
		if inc.Phase == alert.Recovered {
			t.Errorf("%s of %s is over", inc.Class, inc.Scope)
		}
	}
}

// Since is what the condition says, the id is of when it was found: the same silence found again is another incident.
func TestConditionSince(t *testing.T) {
	t.Parallel()
	c := condition(alert.Quiet, "source/us", "us", 0)
	c.Since = midnight.Add(-time.Hour)
	b := newBook(t)
	b.look = between(t, c, "01:00:00", "01:10:00", "03:00:00", "03:10:00")
	b.until(at(t, "04:00:00"))
	ids := map[string]bool{}
	for _, inc := range b.incidents() {
		ids[inc.ID] = true
		if !inc.Since.Equal(c.Since) {
			t.Errorf("since %v, want %v", inc.Since, c.Since)
		}
	}
	notices := map[string]bool{}
	for _, n := range b.notices {
		notices[n.ID] = true
	}
	if len(ids) != 2 || len(notices) != 4 {
		t.Errorf("%d incidents and %d notices: %q", len(ids), len(notices), b.told())
	}
}

func twoShops() alert.World {
	return alert.World{Sources: map[string]alert.SourceWorld{"us": {}, "eu": {}}}
}
