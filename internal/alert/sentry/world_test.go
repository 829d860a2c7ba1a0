package sentry_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordersync/internal/alert"
	"ordersync/internal/alert/sentry"
	"ordersync/internal/alert/sentry/sentrytest"
	"ordersync/internal/alert/words"
	"ordersync/internal/fault"
	"ordersync/internal/scrub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver starts a receiver of Sentry's.
func receiver(t *testing.T) *sentrytest.Server {
	t.Helper()
	s, err := sentrytest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func options(dsn string) sentry.Options {
	return sentry.Options{
		DSN: func() string { return dsn }, Environment: "test", Release: "ordersync@1.2.3", Host: "vps-1", Language: words.English,
		Scrub: scrub.New([]string{dsn, sentrytest.Key}).Text,
	}
}

func reporter(t *testing.T, o sentry.Options) *sentry.Reporter {
	t.Helper()
	r, err := sentry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var since = time.Date(2026, 11, 4, 2, 0, 0, 0, time.UTC)

// incident is one of a source whose orders do not come in.
func incident(source string) alert.Incident {
	key := alert.Key{Scope: alert.OfSource(source), Class: alert.Network}
	waiting := 120
	return alert.Incident{
		ID: alert.ID(key, since), Key: key, Phase: alert.Open, Since: since, OpenedAt: since.Add(time.Minute), LastAt: since.Add(time.Minute),
		Seq: 1, Source: source, Failures: 2, Job: source + "-orders", RunID: "0f0e0d0c0b0a09080706050403020100", Kind: "transient",
		Error: "GET /orders/list: connection reset", Host: "vps-2",
		Facts: alert.Facts{Standing: &alert.Standing{
			Watermark: since.Add(-2 * time.Hour), Behind: 2 * time.Hour, LastGood: since.Add(-2 * time.Hour), Waiting: &waiting,
		}},
	}
}

func notice(id string, change alert.Change, incidents ...alert.Incident) alert.Notice {
	n := alert.Notice{ID: id, Sort: alert.Alarm, Class: alert.Network, At: since.Add(90 * time.Second), Host: "vps-1"}
	if change == alert.Closed || change == alert.Passed {
		n.Sort = alert.Relief
	}
	for _, i := range incidents {
		n.Items = append(n.Items, alert.Item{Change: change, Incident: i})
	}
	return n
}

// refusal is an error of the kind, that quotes nothing of the DSN.
func refusal(t *testing.T, err error, kind fault.Kind, dsn string) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("%v is of the kind %v, want %v", err, fault.KindOf(err), kind)
	}
	if err != nil && (strings.Contains(err.Error(), sentrytest.Key) || dsn != "" && strings.Contains(err.Error(), dsn)) {
		t.Errorf("the error quotes the DSN: %v", err)
	}
}

// transport answers in memory.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
