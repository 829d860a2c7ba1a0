package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/rest/resttest"
	"ordersync/internal/schedule"
)

// keeper is a daemon of the stage's configuration that has been up for an hour, and runs nothing.
func (s *stage) keeper() *keeper {
	s.t.Helper()
	p := &program{config: s.config, getenv: func(string) string { return "" }, screen: &screen{}}
	w, err := p.open()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := w.close(); err != nil {
			s.t.Error(err)
		}
	})
	if err := w.greet(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return &keeper{program: p, db: w.db, inForce: w, log: w.log, up: time.Now().Add(-time.Hour)}
}

// wrong are the conditions that a look of the daemon finds.
func (k *keeper) wrong(t *testing.T) []string {
	t.Helper()
	conditions, _, _, err := k.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, c := range conditions {
		found[strings.TrimSpace(fmt.Sprint(c.Class, " ", c.Scope, " ", c.Kind))] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// A look finds in the tables what no run tells: silence, orders that wait, spans that are lost, keys that grow old.
func TestLook(t *testing.T) {
	t.Parallel()
	s := newStage(t, 12)
	db, k := s.db(), s.keeper()
	want := func(texts ...string) {
		t.Helper()
		if diff := cmp.Diff(texts, k.wrong(t)); diff != "" {
			t.Errorf("what is wrong (-want +got):\n%s", diff)
		}
	}
	want("stall job/us-orders never", "stall job/us-sweep never")
	s.want(s.run("sync", "us-orders"), 0)
	s.want(s.run("sync", "us-sweep"), 0)
	want()
	_, judged, world, err := k.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shop := world.Sources["us-store"]
	if time.Since(shop.LastGood) > time.Minute || len(shop.Jobs) != 2 || !shop.LastGood.Equal(shop.Jobs["us-sweep"]) || shop.Paused || world.At.IsZero() {
		t.Errorf("how the source stands: %+v", world)
	}
	if !judged(alert.Key{Scope: alert.OfJob("us-orders"), Class: alert.Stall}) || judged(alert.Key{Scope: alert.OfSource("us-store"), Class: alert.Auth}) {
		t.Error("a look judges silence, and no run")
	}

	s.exec(db, "UPDATE runs SET ended_at = ended_at - INTERVAL 3 DAY")
	want("stall job/us-orders old", "stall job/us-sweep old")
	s.exec(db, `INSERT INTO runs SELECT 'x', job, source, stream, tick_at, attempt, holder, 'failed', 'transient', 'gone', started_at,
		UTC_TIMESTAMP(6), since_at, until_at, watermark, windows, passes, pages, records, orders_inserted, orders_updated, orders_unchanged,
		orders_stale, orders_dead, orders_released, rounded, repaired, shortfall, backlog, backlog_until, runs, 'x' FROM runs WHERE job = 'us-orders'`)
	want("stall job/us-orders old", "stall job/us-sweep old") // its last good run is as old as before

	s.want(s.run("pause", "us-store"), 0)
	want()
	if _, judged, world, err = k.look(t.Context()); err != nil || judged(alert.Key{Scope: alert.OfJob("us-orders"), Class: alert.Stall}) ||
		!world.Sources["us-store"].Paused {
		t.Errorf("the silence of a paused source is judged: %+v, %v", world, err)
	}
	s.want(s.run("resume", "us-store"), 0)
	want() // its jobs have not had their turn yet
	s.exec(db, "UPDATE sources SET paused_until = paused_until - INTERVAL 3 DAY")
	want("stall job/us-orders old", "stall job/us-sweep old")
	k.up = time.Time{}
	want() // nobody can have run before the daemon and the database were up

	s.truth.Amend("1002", func(o *resttest.Order) { o.Poison = resttest.BadMoney })
	s.want(s.run("sync", "us-orders"), 0, "1 dead letter")
	s.exec(db, `INSERT INTO gaps (source, stream, since_at, until_at, reason, found_at, acked_by)
		VALUES ('us-store', 'orders', '2026-01-01', '2026-01-02', 'away', UTC_TIMESTAMP(6), '')`)
	want("deadletter source/us-store", "gap source/us-store")
	s.write(s.yaml("auth: {bearer:", "auth: {issued: 2020-01-01, bearer:"))
	k = s.keeper()
	want("credential source/us-store", "deadletter source/us-store", "gap source/us-store", "stall job/us-sweep old")
}

// A job that a reload brings, or whose schedule it changes, has its time to run before its silence says anything.
func TestLookAfterReload(t *testing.T) {
	t.Parallel()
	parse := func(line string) schedule.Schedule {
		parsed, err := schedule.Parse(line, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	daily, hourly := parse("0 2 * * *"), parse("@hourly")
	first, then := time.Unix(1000, 0), time.Unix(2000, 0)
	known := added(nil, map[string]schedule.Schedule{"a": daily, "b": daily}, map[string]schedule.Schedule{"a": daily, "b": hourly, "c": daily}, first)
	if diff := cmp.Diff(map[string]time.Time{"b": first, "c": first}, known); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := added(known, map[string]schedule.Schedule{"b": hourly, "c": daily}, map[string]schedule.Schedule{"b": hourly, "c": hourly}, then)
	if diff := cmp.Diff(map[string]time.Time{"b": first, "c": then}, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A notice says how far behind a source is and how many orders wait: what was counted, and what is usual for the time since then.
func TestFill(t *testing.T) {
	t.Parallel()
	s := newStage(t, 12)
	now := time.Now()
	for week := range 4 {
		for n := range 10 * (week + 1) { // in the same two hours: 10, 20, 30 and 40 orders
			made := now.AddDate(0, 0, -7*(week+1)).Add(-time.Hour - time.Duration(n)*time.Second)
			s.truth.Create(resttest.Order{ID: fmt.Sprint("w", week, "-", n), Status: "paid", Total: "1.00", Created: made, Modified: made})
		}
	}
	s.write(s.yaml(now.AddDate(0, 0, -2).UTC().Format(time.DateOnly), now.AddDate(0, 0, -60).UTC().Format(time.DateOnly)))
	s.want(s.run("sync", "us-orders"), 0)
	db, k := s.db(), s.keeper()
	filled := func(change alert.Change) *alert.Standing {
		t.Helper()
		n := alert.Notice{At: now, Items: []alert.Item{
			{Change: change, Incident: alert.Incident{Source: "us-store", Since: now.Add(-time.Hour)}},
			{Change: change, Incident: alert.Incident{Source: "gone-store"}}, {Change: change},
		}}
		if err := k.fill(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		if n.Items[1].Facts.Standing != nil || n.Items[2].Facts.Standing != nil {
			t.Errorf("how unknown sources stand: %+v", n.Items)
		}
		return n.Items[0].Facts.Standing
	}
	if got := filled(alert.Closed); got.Stored != 112 || got.Behind > 10*time.Minute || time.Since(got.LastGood) > time.Minute {
		t.Errorf("a source that is well: %+v", got)
	}
	s.exec(db, "UPDATE checkpoints SET watermark = ? WHERE stream = 'orders'", now.Add(-3*time.Hour).UTC())
	got := filled(alert.Opened)
	if got.Stored != 0 || got.Behind.Round(time.Minute) != 3*time.Hour || got.Waiting == nil || *got.Waiting != 25 {
		t.Errorf("three hours behind: %+v, waiting %v", got, value(got.Waiting))
	}
	s.exec(db, "UPDATE runs SET outcome = 'failed', backlog = 7, backlog_until = ? WHERE job = 'us-orders'", now.Add(-10*time.Minute).UTC())
	if got = filled(alert.Opened); got.Waiting == nil || *got.Waiting != 7 || !got.LastGood.IsZero() {
		t.Errorf("with a backlog of seven and a time that is usually quiet: %+v, waiting %v", got, value(got.Waiting))
	}
	s.exec(db, "UPDATE runs SET backlog = NULL")
	s.exec(db, "UPDATE checkpoints SET watermark = ? WHERE stream = 'orders'", now.AddDate(0, 0, -59).UTC())
	if got = filled(alert.Opened); got.Waiting != nil {
		t.Errorf("nobody knows how many wait: %d", *got.Waiting)
	}
	s.exec(db, "UPDATE checkpoints SET watermark = NULL WHERE stream = 'orders'")
	if got = filled(alert.Opened); got.Waiting != nil || !got.Watermark.IsZero() || got.Behind != 0 {
		t.Errorf("nothing was loaded yet: %+v", got)
	}
}

// When the weekly notice is due, and how long this daemon may sleep unnoticed, follow the configuration in force.
func TestScheduleOfTelling(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	k := s.keeper()
	monday := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if at := k.weekly(monday); !at.IsZero() {
		t.Errorf("a weekly notice that nobody wants is due at %s", at)
	}
	var err error
	if k.schedules, _, err = k.jobs(k.inForce); err != nil {
		t.Fatal(err)
	}
	if sleep := k.longestSleep(); sleep != 48*time.Hour {
		t.Errorf("with a daily job it may sleep for %s, want two days", sleep)
	}
	s.write(s.yaml(`"30 4 * * *"`, `"*/5 * * * *"`) + "alerts: {weekly: \"0 9 * * MON\", webhooks: {ops: {kind: json, url: \"http://127.0.0.1:1/\"}}}\n")
	k = s.keeper()
	if at := k.weekly(monday); !at.Equal(time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)) { // nine o'clock in Shanghai
		t.Errorf("the weekly notice is due at %s", at)
	}
	if k.schedules, _, err = k.jobs(k.inForce); err != nil {
		t.Fatal(err)
	}
	if sleep := k.longestSleep(); sleep != shortestSleep {
		t.Errorf("with a job every five minutes it may sleep for %s, want %s", sleep, shortestSleep)
	}
}
