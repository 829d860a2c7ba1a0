package sentry_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/alert/sentry"
	"ordersync/internal/alert/sentry/sentrytest"
	"ordersync/internal/fault"
	"ordersync/internal/scrub"
)

func TestAnIncidentBecomesAnEvent(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	r := reporter(t, options(s.DSN))
	if err := r.Send(soon(t), notice("00000000000000a1", alert.Opened, incident("us-store"))); err != nil {
		t.Fatal(err)
	}
	events := s.Events()
	if len(events) != 1 || len(s.Refused()) > 0 {
		t.Fatalf("%d events, refused %q", len(events), s.Refused())
	}
	e := events[0]
	want := map[string]string{
		"transition": "opened", "class": "network", "scope": "source/us-store", "source": "us-store", "job": "us-store-orders",
		"run": "0f0e0d0c0b0a09080706050403020100", "kind": "transient", "incident": incident("us-store").ID,
		"notice": "00000000000000a1", "host": "vps-2",
	}
	if diff := cmp.Diff(want, e.Tags); diff != "" {
		t.Errorf("tags: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ordersync", "network", "source/us-store"}, e.Fingerprint); diff != "" {
		t.Errorf("fingerprint: -want +got:\n%s", diff)
	}
	got := []string{e.Environment, e.Release, e.Server, e.Exception[0].Type, e.Timestamp.UTC().Format(time.TimeOnly)}
	if diff := cmp.Diff([]string{"test", "ordersync@1.2.3", "vps-1", "network", "02:01:30"}, got); diff != "" {
		t.Errorf("event: -want +got:\n%s", diff)
	}
	if !strings.HasSuffix(e.Exception[0].Value, ": GET /orders/list: connection reset") || e.Message == "" {
		t.Errorf("the event says %q and %q", e.Exception[0].Value, e.Message)
	}
	wantContexts := map[string]map[string]any{
		"failure": {
			"failures": 2.0, "error": "GET /orders/list: connection reset", "since": "2026-11-04T02:00:00Z",
			"opened_at": "2026-11-04T02:01:00Z", "last_at": "2026-11-04T02:01:00Z",
		},
		"orders": {"waiting": 120.0, "behind_seconds": 7200.0, "watermark": "2026-11-04T00:00:00Z", "last_good": "2026-11-04T00:00:00Z"},
	}
	if diff := cmp.Diff(wantContexts, e.Contexts); diff != "" {
		t.Errorf("contexts: -want +got:\n%s", diff)
	}
	for _, word := range []string{`"user":{"`, `"modules"`, `"threads"`, `"breadcrumbs"`, `"request"`, `"stacktrace"`} {
		if bytes.Contains(e.Raw, []byte(word)) {
			t.Errorf("the event has %s: %s", word, e.Raw)
		}
	}
}

func TestARepeatedNoticeIsOneEvent(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	n := notice("00000000000000a2", alert.Opened, incident("us-store"))
	for range 2 { // as after a crash: another process knows nothing of the first
		if err := reporter(t, options(s.DSN)).Send(soon(t), n); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Events()) != 1 || s.Again() != 1 {
		t.Errorf("%d events, %d again", len(s.Events()), s.Again())
	}
	over := notice("00000000000000a3", alert.Closed, incident("us-store"))
	if err := reporter(t, options(s.DSN)).Send(soon(t), over); err != nil {
		t.Fatal(err)
	}
	events := s.Events()
	if len(events) != 2 || events[1].Tags["transition"] != "recovered" || !slices.Equal(events[0].Fingerprint, events[1].Fingerprint) {
		t.Errorf("the recovery is %+v", events[len(events)-1].Tags)
	}
}

func TestWhatWasTakenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	r := reporter(t, options(s.DSN))
	n := notice("00000000000000a4", alert.Opened, incident("a"), incident("b"), incident("c"))
	limits := http.Header{"X-Sentry-Rate-Limits": {"7:transaction:key, 90:error;default:organization:quota_exceeded"}, "Retry-After": {"5"}}
	if err := r.Send(soon(t), notice("00000000000000a5", alert.Opened, incident("z"))); err != nil {
		t.Fatal(err)
	}
	s.Next(sentrytest.Answer{Status: 429, Header: limits})
	err := r.Send(soon(t), n)
	refusal(t, err, fault.Transient, s.DSN)
	if fault.RetryAfter(err) != 90*time.Second {
		t.Errorf("the pause is %v", fault.RetryAfter(err))
	}
	before := s.Requests()
	if err := r.Send(soon(t), n); err != nil || s.Requests() != before+3 {
		t.Errorf("%v after %d requests", err, s.Requests()-before)
	}
	if err := r.Send(soon(t), n); err != nil || s.Requests() != before+3 {
		t.Errorf("sent again: %v after %d requests", err, s.Requests()-before)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, header ...string) sentrytest.Answer {
		a := sentrytest.Answer{Status: status, Body: body, Header: http.Header{}}
		for i := 0; i < len(header); i += 2 {
			a.Header.Set(header[i], header[i+1])
		}
		return a
	}
	const limits = "X-Sentry-Rate-Limits"
	for name, c := range map[string]struct {
		answer sentrytest.Answer
		kind   fault.Kind
		wait   time.Duration
		says   string
	}{
		"a limit for everything":  {answer(429, "", limits, "30::organization"), fault.Transient, 30 * time.Second, "429"},
		"a limit for others":      {answer(429, "", limits, "30:session:key", "Retry-After", "12"), fault.Transient, 12 * time.Second, "429"},
		"a limit without a time":  {answer(429, ""), fault.Transient, time.Minute, "429"},
		"a limit out of bounds":   {answer(429, "", limits, "x:error,-5:error,1e9:error"), fault.Transient, time.Minute, "429"},
		"down":                    {answer(503, "", "Retry-After", "20"), fault.Transient, 20 * time.Second, "503"},
		"broken":                  {answer(500, ""), fault.Transient, 0, "500"},
		"the wrong project":       {answer(403, `{"detail":"rejected with_reason: ProjectId"}`), fault.Config, 0, "ProjectId"},
		"the wrong key":           {answer(401, `{"detail":"bad key `+sentrytest.Key+`"}`), fault.Config, 0, "bad key ***"},
		"elsewhere":               {answer(302, "", "Location", "http://127.0.0.1:1/"), fault.Config, 0, "elsewhere"},
		"too large":               {answer(413, ""), fault.Rejected, 0, "413"},
		"not understood":          {answer(400, "<html>"), fault.Rejected, 0, "400"},
		"a detail of two lines":   {answer(400, `{"detail":"a\nlevel=ERROR b"}`), fault.Rejected, 0, "a level=ERROR b"},
		"a detail without an end": {answer(400, `{"detail":"`+strings.Repeat("x", 9999)+`"}`), fault.Rejected, 0, "x…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := receiver(t)
			s.Next(c.answer)
			err := reporter(t, options(s.DSN)).Send(soon(t), notice("00000000000000a6", alert.Opened, incident("a")))
			refusal(t, err, c.kind, s.DSN)
			if err == nil || fault.RetryAfter(err) != c.wait || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 400 {
				t.Errorf("%v, after %v", err, fault.RetryAfter(err))
			}
			if s.Requests() != 1 || len(s.Events()) != 0 {
				t.Errorf("%d requests, %d events", s.Requests(), len(s.Events()))
			}
		})
	}
}

func TestAReceiverThatIsAway(t *testing.T) {
	t.Parallel()
	n := notice("00000000000000a7", alert.Opened, incident("a"))
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		dsn := "http://" + sentrytest.Key + "@" + listener.Addr().String() + "/42"
		_ = listener.Close()
		refusal(t, reporter(t, options(dsn)).Send(soon(t), n), fault.Transient, dsn)
	})
	t.Run("it says nothing", func(t *testing.T) {
		t.Parallel()
		s := receiver(t)
		s.Silence()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		refusal(t, reporter(t, options(s.DSN)).Send(ctx, n), fault.Transient, s.DSN)
	})
	t.Run("we stop", func(t *testing.T) {
		t.Parallel()
		s := receiver(t)
		s.Silence()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		r := reporter(t, options(s.DSN))
		go func() { done <- r.Send(ctx, n) }()
		s.Await(func(_ []sentrytest.Event, _ []sentrytest.CheckIn, requests int) bool { return requests > 0 })
		cancel()
		refusal(t, <-done, 0, s.DSN)
	})
	t.Run("the DSN becomes another", func(t *testing.T) {
		t.Parallel()
		first, second := receiver(t), receiver(t)
		dsn := first.DSN
		o := options("")
		o.DSN = func() string { return dsn }
		r := reporter(t, o)
		dsn = second.DSN
		if err := r.Send(soon(t), n); err != nil || len(second.Events()) != 1 || first.Requests() != 0 {
			t.Errorf("%v; %d, %d", err, first.Requests(), second.Requests())
		}
		dsn = "nothing"
		refusal(t, r.Send(soon(t), notice("00000000000000a8", alert.Opened, incident("a"))), fault.Config, "nothing")
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"", "nonsense-0123456789", "https://sentry.example.com/42", "https://0123456789abcdef0123456789abcdef@sentry.example.com",
		"http://0123456789abcdef0123456789abcdef@sentry.example.com/42", "ftp://0123456789abcdef0123456789abcdef@sentry.example.com/42",
		"https://0123456789abcdef0123456789abcdef@sentry.example.com:port/42", "https://0123456789abcdef0123456789abcdef@/42%zz",
	} {
		_, err := sentry.New(options(dsn))
		refusal(t, err, fault.Config, dsn)
		_, err = sentry.NewMonitor(options(dsn))
		refusal(t, err, fault.Config, dsn)
	}
	good := options("https://0123456789abcdef0123456789abcdef@o1.ingest.example.com/42")
	if _, err := sentry.New(good); err != nil {
		t.Errorf("a good DSN: %v", err)
	}
	for _, environment := range []string{"pro duction", "a/b", "None", strings.Repeat("x", 65)} {
		bad := good
		bad.Environment = environment
		_, err := sentry.New(bad)
		refusal(t, err, fault.Config, "")
	}
	good.Scrub = nil
	_, err := sentry.New(good)
	refusal(t, err, fault.Config, "")
}

func TestADigestSaysTheLastOfEachIncident(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	a, b := incident("a"), incident("b")
	digest := alert.Notice{ID: "00000000000000b0", Sort: alert.Digest, At: since.Add(time.Hour), Host: "vps-1", Parts: []alert.Notice{
		notice("00000000000000b1", alert.Opened, a, b), notice("00000000000000b2", alert.Reminded, b), notice("00000000000000b3", alert.Closed, a),
	}}
	if err := reporter(t, options(s.DSN)).Send(soon(t), digest); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range s.Events() {
		got = append(got, e.Tags["source"]+" "+e.Tags["transition"]+" "+e.Tags["notice"])
	}
	if diff := cmp.Diff([]string{"b reminded 00000000000000b2", "a recovered 00000000000000b3"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNoticesWithoutIncidentsAndWithTooMany(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	r := reporter(t, options(s.DSN))
	many := notice("00000000000000c1", alert.Opened)
	for i := range alert.MaxItems {
		many.Items = append(many.Items, alert.Item{Change: alert.Opened, Incident: incident(fmt.Sprintf("shop-%03d", i))})
	}
	many.More = 480
	for _, n := range []alert.Notice{
		many,
		{ID: "00000000000000c2", Sort: alert.Trial, At: since, Host: "vps-1"},
		{ID: "00000000000000c3", Sort: alert.Weekly, At: since, Host: "vps-1", Week: &alert.Week{Since: since, Until: since.AddDate(0, 0, 7)}},
	} {
		if err := r.Send(soon(t), n); err != nil {
			t.Fatal(err)
		}
	}
	events := s.Events()
	if len(events) != alert.MaxItems+3 {
		t.Fatalf("%d events", len(events))
	}
	var got []string
	for _, e := range events[alert.MaxItems:] {
		got = append(got, strings.Join(e.Fingerprint, " ")+": "+e.Exception[0].Type+" "+e.Tags["transition"])
	}
	want := []string{"ordersync network further: network alarm", "ordersync test: test test", "ordersync weekly: weekly weekly"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := events[alert.MaxItems].Contexts["further"]["incidents"]; n != 480.0 {
		t.Errorf("further: %v", n)
	}
}

// canaries stand in for what must never leave.
var canaries = []string{"canary-secret-5d41402abc4b2a76", "13900001234", "canary.person@example.com", "5d41402abc4b2a76b9719d911017c592"}

func TestNoCanaryLeaves(t *testing.T) {
	t.Parallel()
	s := receiver(t)
	o := options(s.DSN)
	all := strings.Join(canaries, " ")
	o.Scrub = scrub.New([]string{canaries[0], canaries[3]}).Text // the others are known by their form
	o.Environment, o.Host = canaries[0], all
	i := incident("us-store")
	i.Source, i.Job, i.RunID, i.Kind, i.Error, i.Host, i.Scope, i.Class = all, all, canaries[0], all, all, all, alert.Scope(all), alert.Class(canaries[0])
	i.Facts.Text, i.Facts.Remedy, i.Facts.Command = all, all, all
	n := notice("00000000000000d1", alert.Opened, i)
	n.Host, n.Class = all, alert.Class(canaries[0])
	if err := reporter(t, o).Send(soon(t), n); err != nil {
		t.Fatal(err)
	}
	m := monitor(t, o)
	during(t, m, func() { m.Begin(sentry.Job{Name: "us", Schedule: "@hourly", Interval: time.Hour}, all) })
	if len(s.Bodies()) != 2 || len(s.Refused()) > 0 {
		t.Errorf("%d envelopes, refused %q", len(s.Bodies()), s.Refused())
	}
	for i, body := range s.Bodies() {
		for _, canary := range canaries {
			if bytes.Contains(body, []byte(canary)) {
				t.Errorf("%q left in %s", canary, body)
			}
		}
		for _, mask := range []string{"***", "[phone]", "[mail]"}[:3-2*i] { // a check-in has no more than the environment
			if !bytes.Contains(body, []byte(mask)) {
				t.Errorf("%s is not in %s", mask, body)
			}
		}
	}
}
