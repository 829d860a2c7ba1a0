package sentry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert/sentry"
	"ordersync/internal/alert/sentry/sentrytest"
)

const run = "0f0e0d0c0b0a0908070605040302010"

func monitor(t *testing.T, o sentry.Options) *sentry.Monitor {
	t.Helper()
	m, err := sentry.NewMonitor(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// during lets the monitor run while work does, and until it has stopped.
func during(t *testing.T, m *sentry.Monitor, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	work()
	stop()
	running.Wait()
}

func TestARunChecksInTwiceWithOneID(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	m := monitor(t, options(s.DSN))
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	often := sentry.Job{Name: "us-orders", Schedule: "*/5 * * * *", Zone: zone, Interval: 5 * time.Minute}
	daily := sentry.Job{Name: "eu-orders", Schedule: "0 2 * * *", Interval: 24 * time.Hour, Longest: 90 * time.Minute}
	during(t, m, func() {
		m.Begin(often, run+"1")
		m.End(often, run+"1", true, 1500*time.Millisecond)
		m.Begin(daily, "not a run id")
		m.End(daily, "not a run id", false, time.Minute)
	})
	got := map[string][]string{}
	configs := map[string]*sentrytest.Monitor{}
	ids := map[string]map[string]bool{}
	for _, c := range s.CheckIns() {
		got[c.Monitor] = append(got[c.Monitor], fmt.Sprintf("%s %.1f %s %s", c.Status, c.Duration, c.Environment, c.Release))
		configs[c.Monitor] = c.Config
		if ids[c.Monitor] == nil {
			ids[c.Monitor] = map[string]bool{}
		}
		ids[c.Monitor][c.ID] = true
	}
	want := map[string][]string{
		"us-orders": {"in_progress 0.0 test ordersync@1.2.3", "ok 1.5 test ordersync@1.2.3"},
		"eu-orders": {"in_progress 0.0 test ordersync@1.2.3", "error 60.0 test ordersync@1.2.3"},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(s.Refused()) > 0 {
		t.Errorf("-want +got:\n%s\nrefused: %q", diff, s.Refused())
	}
	if !ids["us-orders"][run+"1"] || len(ids["us-orders"]) != 1 || len(ids["eu-orders"]) != 1 {
		t.Errorf("ids: %v", ids)
	}
	wantConfigs := map[string]*sentrytest.Monitor{
		"us-orders": {Margin: 11, Longest: 1440, Zone: "Asia/Shanghai", Failures: 2, Recovered: 2},
		"eu-orders": {Margin: 121, Longest: 90, Failures: 1, Recovered: 1},
	}
	wantConfigs["us-orders"].Schedule.Type, wantConfigs["us-orders"].Schedule.Value = "crontab", "*/5 * * * *"
	wantConfigs["eu-orders"].Schedule.Type, wantConfigs["eu-orders"].Schedule.Value = "crontab", "0 2 * * *"
	wantConfigs["us-orders"].Schedule.Value = "0-59/5 * * * *"
	if diff := cmp.Diff(wantConfigs, configs); diff != "" {
		t.Errorf("monitors: -want +got:\n%s", diff)
	}
}

func TestTheShortestIntervalCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			var c struct {
				Monitor string             `json:"monitor_slug"`
				Config  sentrytest.Monitor `json:"monitor_config"`
			}
			if err := json.Unmarshal(bytes.Split(body, []byte("\n"))[2], &c); err != nil {
				return nil, err
			}
			got = append(got, fmt.Sprintf("%s %d %d", c.Monitor, c.Config.Margin, c.Config.Failures))
			return answering(200), nil
		})
		m := monitor(t, o)
		during(t, m, func() { // a job of the day's hours: before, during and after them
			for i, interval := range []time.Duration{16 * time.Hour, 5 * time.Minute, 16 * time.Hour} {
				m.Begin(sentry.Job{Name: "us", Schedule: "*/5 9-17 * * *", Interval: interval}, fmt.Sprint("run ", i))
				time.Sleep(time.Minute)
			}
			m.Begin(sentry.Job{Name: "eu", Schedule: "0 2 * * *", Interval: 24 * time.Hour}, "another")
		})
		if diff := cmp.Diff([]string{"us 121 1", "us 11 2", "us 11 2", "eu 121 1"}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// memory is a receiver without a socket, for virtual time: it notes when which status came, and answers what it is told to.
type memory struct {
	mu     sync.Mutex
	start  time.Time
	seen   []string
	answer func(nth int) *http.Response
}

func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var c struct {
		Monitor string `json:"monitor_slug"`
		Status  string `json:"status"`
	}
	if err := json.Unmarshal(bytes.Split(body, []byte("\n"))[2], &c); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, fmt.Sprintf("%s %s %s", time.Since(m.start), c.Monitor, c.Status))
	return m.answer(len(m.seen)), nil
}

func answering(status int, headers ...string) *http.Response {
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("{}"))}
}

func TestCheckInsOutliveAPauseAndAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		remote := &memory{start: time.Now(), answer: func(nth int) *http.Response {
			switch nth {
			case 1:
				return answering(429, "X-Sentry-Rate-Limits", "40:monitor:key")
			case 2, 3:
				return answering(502)
			}
			return answering(200)
		}}
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport = remote
		m := monitor(t, o)
		j := sentry.Job{Name: "us", Schedule: "* * * * *", Interval: time.Minute}
		during(t, m, func() {
			m.Begin(j, run+"1")
			time.Sleep(2 * time.Second)
			m.End(j, run+"1", true, 2*time.Second)
			time.Sleep(3 * time.Minute)
		})
		// The first waits 40 s, 10 s and 20 s; the second follows at once.
		want := []string{"0s us in_progress", "40s us in_progress", "50s us in_progress", "1m10s us in_progress", "1m10s us ok"}
		if diff := cmp.Diff(want, remote.seen); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestStaleCheckInsAreDroppedAndCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		remote := &memory{start: start, answer: func(int) *http.Response {
			if time.Since(start) < 20*time.Minute {
				return answering(503)
			}
			return answering(200)
		}}
		var log bytes.Buffer
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport, o.Log = remote, slog.New(slog.NewTextHandler(&log, nil))
		m := monitor(t, o)
		j := sentry.Job{Name: "us", Schedule: "* * * * *", Interval: time.Minute}
		during(t, m, func() {
			for i := range 30 {
				m.Begin(j, fmt.Sprint("run ", i))
				time.Sleep(time.Second)
				m.End(j, fmt.Sprint("run ", i), true, time.Second)
				time.Sleep(59 * time.Second)
			}
		})
		var good int
		for _, s := range remote.seen {
			var at time.Duration
			if text, _, _ := strings.Cut(s, " "); text != "" {
				at, _ = time.ParseDuration(text)
			}
			if at >= 20*time.Minute {
				good++
			}
		}
		// Ten runs are after the outage; of those before, what is younger than five minutes still arrives.
		if good < 20 || good > 30 {
			t.Errorf("%d check-ins arrived after the outage: %q", good, remote.seen)
		}
		text := log.String()
		if strings.Count(text, "did not reach") != 1 || strings.Count(text, "reach Sentry again") != 1 || strings.Contains(text, "0123456789abcdef") {
			t.Errorf("the log says:\n%s", text)
		}
	})
}

func TestAJobThatRunsAllTheTimeChecksInSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		remote := &memory{start: time.Now(), answer: func(int) *http.Response { return answering(200) }}
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport = remote
		m := monitor(t, o)
		j := sentry.Job{Name: "us", Schedule: "*/5 * * * * *", Interval: 5 * time.Second}
		during(t, m, func() {
			for i := range 24 {
				m.Begin(j, fmt.Sprint("run ", i))
				time.Sleep(time.Second)
				m.End(j, fmt.Sprint("run ", i), i%2 == 0, time.Second)
				time.Sleep(4 * time.Second)
			}
		})
		want := []string{
			"0s us in_progress", "1s us ok", "30s us in_progress", "31s us ok", "1m0s us in_progress", "1m1s us ok",
			"1m30s us in_progress", "1m31s us ok",
		}
		if diff := cmp.Diff(want, remote.seen); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestARunThatWasStoppedIsFollowedByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		remote := &memory{start: time.Now(), answer: func(int) *http.Response { return answering(200) }}
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport = remote
		m := monitor(t, o)
		j := sentry.Job{Name: "us", Schedule: "* * * * *", Interval: time.Minute}
		during(t, m, func() {
			m.Begin(j, "stopped")
			time.Sleep(time.Minute)
			m.Begin(j, "next")
			m.End(j, "stopped", true, time.Minute) // too late to count
			m.End(j, "next", true, time.Second)
			m.End(j, "next", false, time.Second)
		})
		if diff := cmp.Diff([]string{"0s us in_progress", "1m0s us in_progress", "1m0s us ok"}, remote.seen); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// A receiver that says nothing holds no run: the test ends although nothing is answered before Close.
func TestASilentReceiverHoldsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options("https://0123456789abcdef0123456789abcdef@sentry.example.com/42")
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		var log bytes.Buffer
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		m := monitor(t, o)
		var stopping time.Time
		during(t, m, func() {
			began := time.Now()
			for i := range 1000 {
				j := sentry.Job{Name: fmt.Sprint("job-", i%10), Schedule: "* * * * *", Interval: time.Minute}
				m.Begin(j, fmt.Sprint("run ", i))
				m.End(j, fmt.Sprint("run ", i), true, 0)
				if i%10 == 9 {
					time.Sleep(time.Minute)
				}
			}
			if took := time.Since(began); took != 100*time.Minute {
				t.Errorf("the runs took %v longer", took-100*time.Minute)
			}
			stopping = time.Now()
		})
		if took := time.Since(stopping); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if !strings.Contains(log.String(), "lost=2000") {
			t.Errorf("the log does not count what was lost:\n%s", log.String())
		}
	})
}
