package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/configs"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/order"
	"ordersync/internal/schedule"
)

// keeperOf is a daemon with so many sources, each with a job, that has not run anything.
func keeperOf(t *testing.T, sources int) *keeper {
	t.Helper()
	text := "timezone: Asia/Shanghai\nstate: /nowhere\ndatabase: {dsn: \"a:b@tcp(127.0.0.1:1)/c\"}\nsources:\n"
	jobs := "jobs:\n  sweep: {sweep: shop-00, schedule: \"30 4 * * *\", back: 2d}\n"
	for i := range sources {
		text += fmt.Sprintf("  shop-%02[1]d: {kind: rest, preset: us-server, base_url: \"https://shop-%02[1]d.example.com\", auth: {none: {}}, rate: {per_second: 1}}\n", i)
		jobs += fmt.Sprintf("  job-%02[1]d: {sync: shop-%02[1]d, schedule: \"0 2 * * *\", start: 2026-01-01}\n", i)
	}
	cfg, err := config.Parse("test.yaml", []byte(text+jobs), config.Options{Presets: configs.Presets()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse("0 2 * * *", cfg.Zone())
	if err != nil {
		t.Fatal(err)
	}
	return &keeper{
		inForce: &works{cfg: cfg}, schedules: map[string]schedule.Schedule{"job-00": s},
		marks: map[string]time.Time{}, failing: map[string]string{},
	}
}

// The status line names the sources that are worst off, and stays short however many there are.
func TestStatusLine(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	k := keeperOf(t, 3)
	ran := func(job, stream string, behind time.Duration, err error) {
		e := errand{job: job, stream: stream, account: &account{name: order.SourceID("shop-" + job[len(job)-2:])}}
		if job == "sweep" {
			e.account.name = "shop-00"
		}
		r := newReport(e)
		r.err = err
		if behind > 0 {
			r.Watermark = now.Add(-behind)
		}
		k.noteRun(r)
	}
	for _, c := range []struct {
		do   func()
		want string
	}{
		{func() {}, "shop-00 unread, shop-01 unread, shop-02 unread"},
		{func() { ran("job-00", intake.StreamOrders, 2*time.Minute, nil) }, "shop-01 unread, shop-02 unread, shop-00 2m"},
		{func() { ran("job-01", intake.StreamOrders, 5*time.Hour, nil) }, "shop-02 unread, shop-01 5h, shop-00 2m"},
		{func() { ran("job-02", intake.StreamOrders, 90*time.Second, nil) }, "shop-01 5h, shop-00 2m, shop-02 1m 30s"},
		{func() { ran("job-02", intake.StreamOrders, 0, fault.Errorf(fault.Auth, "no")) }, "shop-02 1m 30s (auth), shop-01 5h, shop-00 2m"},
		{func() { ran("job-02", intake.StreamOrders, 0, context.Canceled) }, "shop-01 5h, shop-00 2m, shop-02 1m 30s"},
		{func() { ran("sweep", intake.StreamSweep, time.Second, fault.Errorf(fault.Transient, "no")) }, "shop-00 2m (transient), shop-01 5h, shop-02 1m 30s"},
	} {
		c.do()
		if got, want := k.status(now), "4 jobs of 3 sources; behind: "+c.want+"; next: job-00 at 02:00:00 +08:00"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	line := keeperOf(t, 99).status(now)
	if !strings.Contains(line, "shop-09 unread, 89 more; next: ") || len(line) > 1000 || strings.Contains(line, "\n") {
		t.Errorf("of 99 sources it says %s", line)
	}
}

// hungStore answers until it hangs, in a call that does not hear of its deadline.
type hungStore struct {
	schedule.Store
	hangs atomic.Bool
	hang  chan struct{}
}

func (s *hungStore) States(context.Context) ([]schedule.State, error) {
	if s.hangs.Load() {
		<-s.hang
	}
	return nil, nil
}

// The pings come from the loop that starts the runs: they go on while it turns, and end when it hangs, so that systemd acts.
func TestWatchdog(t *testing.T) {
	notices := newSystemd(t)
	t.Setenv("NOTIFY_SOCKET", notices.path)
	synctest.Test(t, func(t *testing.T) {
		k := keeperOf(t, 1)
		store := &hungStore{hang: make(chan struct{})}
		scheduler := schedule.New(schedule.Options{
			Jobs: []schedule.Job{{Name: "job-00", Schedule: k.schedules["job-00"]}}, Store: store, Holder: "test", Beat: k.beat,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- scheduler.Run(ctx) }()
		time.Sleep(time.Minute)
		store.hangs.Store(true)
		time.Sleep(time.Minute) // at the end of which it surely hangs
		synctest.Wait()
		notify("TEST=hangs")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		notify("TEST=over")
		store.hangs.Store(false)
		close(store.hang)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "all notices have come", func() bool { return notices.heard("TEST=over") })
	notices.mu.Lock()
	all := notices.all.String()
	notices.mu.Unlock()
	turning, hanging, _ := strings.Cut(all, "TEST=hangs")
	hanging, _, _ = strings.Cut(hanging, "TEST=over")
	const ping = "WATCHDOG=1\nSTATUS=2 jobs of 1 source; behind: "
	if n := strings.Count(turning, ping); n < 4 { // at least every 15 seconds
		t.Errorf("%d pings in the minute in which the loop turns:\n%s", n, all)
	}
	if n := strings.Count(hanging, "WATCHDOG=1"); n != 0 {
		t.Errorf("%d pings while the loop hangs", n)
	}
}
