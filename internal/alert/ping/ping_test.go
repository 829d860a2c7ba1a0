package ping_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ordersync/internal/alert/courier"
	"ordersync/internal/alert/ping"
	"ordersync/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "canary-5f0c8a1e93b7"

// target is that of a job, below the address.
func target(job, address string) ping.Target {
	at := func(event string) func() string {
		return func() string { return address + "/" + secret + "/" + job + event }
	}
	return ping.Target{Job: job, Start: at("/start"), Success: at(""), Fail: at("/fail")}
}

// during lets the pinger run while work does, and until it has stopped.
func during(t *testing.T, p *ping.Pinger, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	work()
	stop()
	running.Wait()
}

func TestPings(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Method+" "+r.URL.Path)
	}))
	t.Cleanup(s.Close)
	p := ping.New(ping.Options{})
	during(t, p, func() {
		us := target("us", s.URL)
		p.Start(us)
		p.Fail(us)
		p.Start(us)
		p.Success(us)
		alone := ping.Target{Job: "eu", Success: target("eu", s.URL).Success, Fail: func() string { return "" }}
		p.Start(alone)
		p.Fail(alone)
		p.Success(alone)
	})
	base := "GET /" + secret
	var us []string
	for _, line := range got {
		if strings.Contains(line, "/us") {
			us = append(us, line)
		}
	}
	want := []string{base + "/us/start", base + "/us/fail", base + "/us/start", base + "/us"}
	if diff := cmp.Diff(want, us); diff != "" || len(got) != 5 || !slices.Contains(got, base+"/eu") {
		t.Errorf("%q: -want +got:\n%s", got, diff)
	}
}

// monitor answers in memory, in virtual time.
type monitor struct {
	mu    sync.Mutex
	start time.Time
	seen  []string
	serve func(r *http.Request, nth int) (*http.Response, error)
}

func (m *monitor) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.seen = append(m.seen, time.Since(m.start).String()+" "+strings.TrimPrefix(r.URL.Path, "/"+secret+"/"))
	nth := len(m.seen)
	m.mu.Unlock()
	return m.serve(r, nth)
}

func answer(status int) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(secret))}, nil
}

func TestAPingIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status []int
		want   []string
		log    int
	}{
		"at once":   {[]int{200}, []string{"0s us"}, 0},
		"a blip":    {[]int{502, 200}, []string{"0s us", "5s us"}, 0},
		"an outage": {[]int{502, 502, 502}, []string{"0s us", "5s us", "25s us"}, 1},
		"unknown":   {[]int{404}, []string{"0s us"}, 1},
		"elsewhere": {[]int{301}, []string{"0s us"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &monitor{start: time.Now(), serve: func(_ *http.Request, nth int) (*http.Response, error) { return answer(c.status[nth-1]) }}
				var log bytes.Buffer
				p := ping.New(ping.Options{Transport: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
				during(t, p, func() {
					p.Success(target("us", "https://example.com"))
					time.Sleep(time.Minute)
				})
				if diff := cmp.Diff(c.want, m.seen); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				text := log.String()
				if strings.Count(text, "\n") != c.log || strings.Contains(text, secret) || strings.Contains(text, "example.com") {
					t.Errorf("the log says:\n%s", text)
				}
			})
		})
	}
}

func TestADeadMonitorHoldsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		m := &monitor{start: began, serve: func(r *http.Request, _ int) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "dead") && time.Since(began) < time.Hour {
				<-r.Context().Done()
				return nil, fmt.Errorf("GET %s: %w", r.URL, r.Context().Err())
			}
			return answer(200)
		}}
		var log bytes.Buffer
		p := ping.New(ping.Options{Transport: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
		during(t, p, func() {
			for range 70 {
				for _, job := range []string{"dead", "good"} {
					p.Start(target(job, "https://example.com"))
					p.Success(target(job, "https://example.com"))
				}
				time.Sleep(time.Minute)
			}
			if took := time.Since(began); took != 70*time.Minute {
				t.Errorf("the runs took %v", took)
			}
		})
		good := 0
		for _, line := range m.seen {
			if strings.HasSuffix(line, " good") || strings.HasSuffix(line, " good/start") {
				good++
			}
		}
		text := log.String()
		if good != 140 || strings.Count(text, "did not reach") != 1 || strings.Count(text, "again") != 1 || strings.Contains(text, secret) {
			t.Errorf("%d good pings; the log says:\n%s", good, text)
		}
	})
}

func TestStoppingTakesFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &monitor{start: time.Now(), serve: func(r *http.Request, _ int) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		p := ping.New(ping.Options{Transport: m})
		var stopping time.Time
		during(t, p, func() {
			for i := range 100 {
				p.Success(target(fmt.Sprint(i), "https://example.com"))
			}
			stopping = time.Now()
		})
		if took := time.Since(stopping); took != 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	if err := courier.Check("the address of the ping", "https://hc-ping.com/"+secret); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"", "http://hc-ping.com/" + secret, secret, "https://u:" + secret + "@example.com/"} {
		if err := courier.Check("the address of the ping", address); fault.KindOf(err) != fault.Config || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", address, err)
		}
	}
	var log bytes.Buffer
	p := ping.New(ping.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	during(t, p, func() { p.Success(target("us", "http://example.com")) })
	if text := log.String(); strings.Contains(text, secret) || !strings.Contains(text, "https://") {
		t.Errorf("the log says:\n%s", text)
	}
}
