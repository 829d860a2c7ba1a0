package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/ordersync"
	"ordersync/internal/schedule"
	"ordersync/internal/taobao/gateway"
)

// Each failure of a run belongs to one class, decided by what the rooms say about it and never by its text.
func TestClassOf(t *testing.T) {
	t.Parallel()
	status := func(kind fault.Kind, code int) error {
		return fmt.Errorf("us-store: %w", fault.New(kind, &apiclient.StatusError{Status: code}))
	}
	for name, c := range map[string]struct {
		err  error
		want alert.Class
	}{
		"none":                    {nil, ""},
		"stopped":                 {fmt.Errorf("stopped: %w", context.Canceled), ""},
		"somebody else's":         {&schedule.BusyError{}, ""},
		"passed to another":       {fault.Errorf(fault.Transient, "job: %w", schedule.ErrLost), ""},
		"unreachable":             {fault.Errorf(fault.Transient, "connecting: %w", apiclient.ErrUnreachable), alert.Network},
		"no JSON":                 {fault.Errorf(fault.Transient, "the body is HTML"), alert.HTTP},
		"too heavy":               {fault.New(fault.Transient, gateway.ErrTooHeavy), alert.HTTP},
		"no end":                  {fault.New(fault.Transient, context.DeadlineExceeded), alert.Network},
		"an error, then silence":  {fmt.Errorf("%w (and then: %w)", status(fault.Transient, 500), apiclient.ErrUnreachable), alert.HTTP},
		"late":                    {fault.New(fault.Transient, &apiclient.TimeoutError{What: "no headers", After: time.Second}), alert.Network},
		"server error":            {status(fault.Transient, 502), alert.HTTP},
		"gateway's error":         {fault.New(fault.Transient, &gateway.Error{Code: 15, SubCode: "isp.top-remote-connection-timeout"}), alert.HTTP},
		"too many calls":          {fault.Limited(time.Minute, &apiclient.StatusError{Status: 429}), alert.Rate},
		"refused":                 {status(fault.Auth, 401), alert.Auth},
		"unknown path":            {status(fault.Protocol, 404), alert.Payload},
		"shape":                   {fault.Errorf(fault.Protocol, "the list is no list"), alert.Payload},
		"a record":                {fault.Errorf(fault.Rejected, "no id"), alert.Payload},
		"untrusted":               {fault.Errorf(fault.Protocol, "%w: expired", apiclient.ErrUntrusted), alert.Security},
		"elsewhere":               {fault.Errorf(fault.Protocol, "next link %w", apiclient.ErrElsewhere), alert.Security},
		"certificate":             {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, alert.Security},
		"unknown authority":       {fault.New(fault.Transient, x509.UnknownAuthorityError{}), alert.Security},
		"configuration":           {fault.Errorf(fault.Config, "no such zone"), alert.Config},
		"bug":                     {errors.New("index out of range"), alert.Internal},
		"database":                {fault.Errorf(fault.Database, "gone away"), alert.Database},
		"database's certificate":  {fault.New(fault.Database, x509.UnknownAuthorityError{}), alert.Database},
		"database during a crawl": {fmt.Errorf("%w (before that: %w)", fault.Errorf(fault.Database, "gone"), status(fault.Transient, 500)), alert.Database},
	} {
		if got := classOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What a run teaches holds all that a notice says of it, scrubbed, and nothing where there is nothing to learn.
func TestLearned(t *testing.T) {
	t.Parallel()
	const canary = "13900001234"
	clean := func(text string) string { return strings.ReplaceAll(text, canary, "…") }
	daily, err := schedule.Parse("0 2 * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	often, err := schedule.Parse("*/5 * * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	ended := time.Date(2026, 3, 1, 2, 0, 7, 0, time.UTC)
	ran := func(s schedule.Schedule, err error) report {
		return report{
			errand: errand{job: "us-orders", account: &account{name: "us-store"}, schedule: s, runID: "r1"},
			Result: intake.Result{Run: ordersync.Run{Source: "us-store"}}, ended: ended, err: err, repeat: ended.Add(time.Minute),
		}
	}
	base := alert.RunEnded{Source: "us-store", Job: "us-orders", RunID: "r1"}
	facts := alert.Facts{RetryAt: ended.Add(time.Minute), NextTick: time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)}
	soon := facts
	soon.NextTick = time.Date(2026, 3, 1, 2, 5, 0, 0, time.UTC)
	later, muchLater := facts, facts
	later.RetryAt, muchLater.RetryAt = ended.Add(time.Hour), ended.Add(time.Hour+time.Second)
	refused := facts
	refused.NextTick = time.Time{} // it is asked once an hour
	advised := facts
	advised.Remedy = "Ask … for it."
	with := func(change func(*alert.RunEnded)) *alert.RunEnded {
		r := base
		change(&r)
		return &r
	}
	paused := ran(daily, nil)
	paused.paused = true
	for name, c := range map[string]struct {
		report report
		want   *alert.RunEnded
	}{
		"good, daily": {ran(daily, nil), with(func(r *alert.RunEnded) { r.Seldom = true })},
		"good, often": {ran(often, nil), with(func(*alert.RunEnded) {})},
		"paused":      {paused, nil},
		"stopped":     {ran(daily, context.Canceled), nil},
		"busy":        {ran(daily, &schedule.BusyError{}), nil},
		"an answer with a number in its text": {ran(often, fault.Errorf(fault.Transient, "no JSON for %s", canary)), with(func(r *alert.RunEnded) {
			r.Class, r.Kind, r.Error, r.Facts = alert.HTTP, "transient", "no JSON for …", soon
		})},
		"a short pause": {ran(daily, fault.Limited(time.Hour, errors.New("slow down"))), with(func(r *alert.RunEnded) {
			r.Class, r.Kind, r.Error, r.Facts, r.Seldom = alert.Rate, "rate limited", "slow down", later, true
		})},
		"a long pause": {ran(daily, fault.Limited(time.Hour+time.Second, errors.New("come back tomorrow"))), with(func(r *alert.RunEnded) {
			r.Class, r.Kind, r.Error, r.Facts, r.Seldom, r.Urgent = alert.Rate, "rate limited", "come back tomorrow", muchLater, true, true
		})},
		"refused, often": {ran(often, fault.Errorf(fault.Auth, "401")), with(func(r *alert.RunEnded) {
			r.Class, r.Kind, r.Error, r.Facts = alert.Auth, "auth", "401", refused
		})},
		"a certificate that expired": { // whose advice is that of its class, in both languages
			ran(daily, fault.Errorf(fault.Protocol, "%w: expired", apiclient.ErrUntrusted)), with(func(r *alert.RunEnded) {
				r.Class, r.Kind, r.Error, r.Facts, r.Seldom = alert.Security, "protocol", "the server cannot be trusted: expired", facts, true
			}),
		},
		"with advice of its own": {
			ran(daily, &remedyError{err: fault.Errorf(fault.Auth, "401"), remedy: "Ask " + canary + " for it."}),
			with(func(r *alert.RunEnded) {
				r.Class, r.Kind, r.Error, r.Facts, r.Seldom = alert.Auth, "auth", "401", advised, true
			}),
		},
	} {
		got, ok := c.report.learned(clean)
		if ok != (c.want != nil) {
			t.Errorf("%s: something is learned: %v", name, ok)
			continue
		}
		if diff := cmp.Diff(c.want, got.Run); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if ok && (!got.At.Equal(ended) || got.Host != hostName()) {
			t.Errorf("%s: at %v on %q", name, got.At, got.Host)
		}
	}
}

// The book of alerts as the commands show it: list, show with its notices, mute, and what status makes of it.
func TestIncidentCommands(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	s.want(s.run("sync", "us-orders"), 0)
	s.want(s.run("sync", "us-sweep"), 0)
	s.want(s.run("incident", "list"), 0, "There is no incident that is not over.")
	s.want(s.run("incident", "list", "--all"), 0, "There has been no incident.")
	s.want(s.run("incident", "show", "abc"), 1, `there is no incident whose id begins with "abc"`, "incident list --all")
	open, over := s.writeIncidents()
	s.want(s.run("incident", "list"), 0, open.ID, "source/us-store", "open", "401 Unauthorized")
	s.want(s.run("incident", "list", "--all"), 0, open.ID, over.ID, "recovered")
	s.want(s.run("incident", "show", open.ID[:6]), 0, "Incident "+open.ID+": auth of us-store", "us-orders", "401 Unauthorized.", "What was told",
		"opened", "email ops@example.com", "sent", "sentry", "waiting", "no route to host", "0123456789abcdef")
	s.want(s.run("incident", "show", over.ID), 0, "recovered", "Nothing was told of it yet.")
	s.want(s.run("incident", "show", ""), 1, "an incident has an id")
	s.want(s.run("status"), 1, "Open incidents", open.ID, "Not well: incident "+open.ID+" is open for 1h: auth of us-store.",
		"ordersyncd incident show "+open.ID, "Ways by which alerts do not get through", "sentry")
	s.want(s.run("incident", "mute", over.ID), 1, "is over since")
	s.want(s.run("incident", "mute", open.ID, "--until", "2020-01-01"), 2, "is over already")
	s.want(s.run("incident", "mute", open.ID[:7], "--until", "2099-01-01"), 0, "Silent until 2099-01-01 00:00:00 +08:00: auth of us-store.")
	s.want(s.run("incident", "mute", open.ID), 0, "Silent until 20")
	db := s.db()
	if n := s.number(db, "SELECT COUNT(*) FROM observations WHERE body LIKE ?", `%"mute":{"id":"`+open.ID+`"%`); n != 2 {
		t.Errorf("%d wishes for silence are noted, want 2", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'incident mute'"); n != 2 {
		t.Errorf("%d entries in the audit log, want 2", n)
	}
}

// writeIncidents writes down one incident that is open, with a notice that one channel took and another did not, and one that is over.
func (s *stage) writeIncidents() (open, over alert.Incident) {
	s.t.Helper()
	ctx := s.t.Context()
	db, err := mysql.Open(mysql.Options{DSN: s.dsn})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now, err := db.Now(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	since := now.Add(-time.Hour)
	made := func(class alert.Class, phase alert.Phase) alert.Incident {
		key := alert.Key{Scope: alert.OfSource("us-store"), Class: class}
		return alert.Incident{
			ID: alert.ID(key, since), Key: key, Phase: phase, Since: since, FoundAt: since, OpenedAt: since, LastAt: since.Add(time.Minute), Seq: 1,
			Source: "us-store", Jobs: map[string]*alert.Job{"us-orders": {Since: since, Failures: 2}}, Failures: 2, Job: "us-orders", RunID: "r1",
			Kind: "auth", Error: "401 Unauthorized", Host: "vps-1", ToldSeq: 1, Root: "0123456789abcdef",
		}
	}
	open, over = made(alert.Auth, alert.Open), made(alert.Network, alert.Recovered)
	over.RecoveredAt, over.Root = since.Add(time.Minute), ""
	notice := alert.Notice{
		ID: open.Root, Sort: alert.Alarm, Class: alert.Auth, At: since, Host: "vps-1", Items: []alert.Item{{Change: alert.Opened, Incident: open}},
	}
	err = schedule.Hold(ctx, db, schedule.Lease{Stream: mysql.AlertsStream, Holder: "me"}, func(ctx context.Context) error {
		return db.Alerts("me").Write(ctx, alert.Step{Incidents: []alert.Incident{open, over}, Deliveries: []alert.Delivery{
			{Channel: "email ops@example.com", State: alert.Sent, MadeAt: since, EndedAt: since.Add(time.Second), Attempts: 1, Notice: notice},
			{Channel: "sentry", State: alert.Waiting, MadeAt: since, Attempts: 4, NextAt: now, Error: "no route to host", Notice: notice},
		}})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return open, over
}

// A connection that cannot be trusted is not explained as answers that do not fit.
func TestUntrustedIsExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a certificate":                 {fault.Errorf(fault.Protocol, "%w: expired", apiclient.ErrUntrusted), "certificate"},
		"an answer":                     {fault.Errorf(fault.Protocol, "the list is no list"), "Compare the source's settings"},
		"the certificate of a database": {fault.New(fault.Database, x509.UnknownAuthorityError{}), "database server runs"},
	} {
		if meaning, remedy := explain(c.err); !strings.Contains(remedy, c.want) || meaning == "" {
			t.Errorf("%s:%s %s", name, meaning, remedy)
		}
	}
}
