package status

import (
	"strings"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/mysql"
)

// What is wrong with a job, and what to type about it.
func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return new(now.Add(-d)) }
	run := func(outcome, kind string, ended time.Duration) *Run {
		return &Run{Outcome: outcome, Kind: kind, Error: "it broke.", EndedAt: now.Add(-ended)}
	}
	for _, c := range []struct {
		name    string
		job     JobStatus
		goesOn  bool
		problem string
		command string
	}{
		{name: "never ran", problem: "shop never ran", command: "systemctl status ordersyncd"},
		{name: "runs for the first time", job: JobStatus{Running: true}},
		{name: "good", job: JobStatus{LastRun: run("good", "", time.Hour), Watermark: ago(time.Hour)}},
		{name: "stopped", job: JobStatus{LastRun: run("stopped", "", time.Hour), Watermark: ago(time.Hour)}},
		{
			name: "failed", job: JobStatus{LastRun: run("failed", "transient", time.Hour), Watermark: ago(time.Hour)},
			problem: "the last run of shop failed: it broke", command: "ordersyncd sync shop",
		},
		{name: "failed for its credential", job: JobStatus{LastRun: run("failed", "auth", 0)}, problem: "failed", command: "ordersyncd check --online"},
		{name: "failed, and runs again", job: JobStatus{LastRun: run("failed", "transient", 0), Watermark: ago(time.Hour), Running: true}},
		{
			name: "behind", job: JobStatus{LastRun: run("good", "", 0), Watermark: ago(49 * time.Hour)},
			problem: "up to 2d 1h ago", command: "systemctl status ordersyncd",
		},
		{name: "behind, but on its way", job: JobStatus{LastRun: run("good", "", 0), Watermark: ago(49 * time.Hour), Running: true}, goesOn: true},
		{name: "behind, and stuck", job: JobStatus{LastRun: run("good", "", 0), Watermark: ago(49 * time.Hour), Running: true}, problem: "up to 2d 1h ago"},
		{name: "a sweep need not reach now", job: JobStatus{Kind: "sweep", LastRun: run("good", "", time.Hour), Watermark: ago(49 * time.Hour)}},
		{name: "a sweep that stopped coming", job: JobStatus{Kind: "sweep", LastRun: run("good", "", 49*time.Hour)}, problem: "ended 2d 1h ago"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.job.Name = "shop"
			if c.job.Kind == "" {
				c.job.Kind = "sync"
			}
			problem, command := c.job.judge(now, 48*time.Hour, c.goesOn)
			if c.problem == "" && problem != "" || !strings.Contains(problem, c.problem) || c.command != "" && command != c.command {
				t.Errorf("%q, type %q; want %q, type %q", problem, command, c.problem, c.command)
			}
		})
	}
}

// How many orders wait is estimated from weeks that are stored whole, and from no others.
func TestUsualOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	counts := []int{10, 20, 30, 41}
	for name, c := range map[string]struct {
		start, from time.Time
		want        int
		known       bool
	}{
		"four weeks":             {ago(10 * aWeek), ago(time.Hour), 25, true},
		"loaded for two weeks":   {ago(2*aWeek + 2*time.Hour), ago(time.Hour), 15, true},
		"loaded since yesterday": {ago(24 * time.Hour), ago(time.Hour), 0, false},
		"away for ten days":      {ago(10 * aWeek), ago(10 * 24 * time.Hour), 30, true},
		"away for five weeks":    {ago(10 * aWeek), ago(5 * aWeek), 0, false},
	} {
		if got, known := usualOf(counts, c.start, c.from, c.from, now); got != c.want || known != c.known {
			t.Errorf("%s: %d, %v, want %d, %v", name, got, known, c.want, c.known)
		}
	}
}

// An incident of any class is told in a sentence that is true of it: a key that is about to end does not fail.
func TestOpenIncidentIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	i := alert.Incident{ID: "05d128ffdc", Key: alert.Key{Scope: alert.OfSource("us-store"), Class: alert.Credential}, Since: now.Add(-65 * time.Second)}
	if got, want := openText(i, now), "incident 05d128ffdc is open for 1m 5s: credential of us-store"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Which open incidents are a reason to be called at night.
func TestPresses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	of := func(class alert.Class, change func(*alert.Incident)) alert.Incident {
		i := alert.Incident{Key: alert.Key{Scope: alert.OfSource("shop"), Class: class}, Phase: alert.Open}
		if change != nil {
			change(&i)
		}
		return i
	}
	for name, c := range map[string]struct {
		incident alert.Incident
		want     bool
	}{
		"network":            {of(alert.Network, nil), true},
		"quiet":              {of(alert.Quiet, nil), true},
		"gap":                {of(alert.Gap, nil), true},
		"muted":              {of(alert.Network, func(i *alert.Incident) { i.MutedUntil = now.Add(time.Minute) }), false},
		"no longer muted":    {of(alert.Network, func(i *alert.Incident) { i.MutedUntil = now }), true},
		"dead letters":       {of(alert.DeadLetter, nil), false},
		"shortfall":          {of(alert.Shortfall, nil), false},
		"a key of two weeks": {of(alert.Credential, func(i *alert.Incident) { i.Facts.Ends = now.AddDate(0, 0, 14) }), false},
		"a key of a day":     {of(alert.Credential, func(i *alert.Incident) { i.Facts.Ends = now.AddDate(0, 0, 1) }), true},
		"a key that ended":   {of(alert.Credential, func(i *alert.Incident) { i.Facts.Ends = now.AddDate(0, 0, -1) }), true},
	} {
		if got := presses(c.incident, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Only runs fail; what is only seen again and again is not counted.
func TestFailuresAreOfRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		jobs map[string]*alert.Job
		run  string
		want int
	}{
		"a job's runs": {map[string]*alert.Job{"us-orders": {}}, "r1", 7},
		"a condition":  {nil, "", 0},
		"all sources":  {nil, "r1", 7},
	} {
		if got := Failures(alert.Incident{Failures: 7, Jobs: c.jobs, RunID: c.run}); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// A way that needs correcting is tried again after a quarter of an hour: it fails long before that.
func TestChannelFails(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		row  mysql.ChannelRow
		want bool
	}{
		"nothing waits":                {mysql.ChannelRow{}, false},
		"waits for its turn":           {mysql.ChannelRow{Waiting: 3, Oldest: now.Add(-10 * time.Minute)}, false},
		"failed once, just now":        {mysql.ChannelRow{Waiting: 1, Oldest: now.Add(-time.Minute), Attempts: 1, Error: "busy"}, false},
		"failed once, and still waits": {mysql.ChannelRow{Waiting: 1, Oldest: now.Add(-3 * time.Minute), Attempts: 1, Error: "wrong password"}, true},
		"failed twice":                 {mysql.ChannelRow{Waiting: 1, Oldest: now.Add(-time.Minute), Attempts: 2, Error: "busy"}, true},
		"failed before, nothing waits": {mysql.ChannelRow{Attempts: 2, Error: "busy"}, false},
	} {
		if got := channelFails(c.row, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
