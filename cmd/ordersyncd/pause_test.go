package main

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/status"
)

// A source that is paused is left alone by whoever asks, until the pause is over.
func TestPause(t *testing.T) {
	t.Parallel()
	s := newStage(t, 15)
	db := s.db()
	s.want(s.run("sync", "us-orders"), 0)
	s.want(s.run("sync", "us-sweep"), 0)
	s.want(s.run("pause", "us-stor"), 2, `did you mean "us-store"?`)
	s.want(s.run("pause", "us-store", "--until", "2020-01-01"), 2, "--until 2020-01-01 00:00:00 is over already")
	s.want(s.run("pause", "us-store", "--until", "soon"), 2, "is no time")
	s.want(s.run("pause", "us-store"), 0, "us-store is paused.")
	for _, args := range [][]string{
		{"sync", "us-orders"}, {"sync", "us-orders", "--dry-run"}, {"sync", "us-sweep", "--since", "2026-01-01"}, {"order", "us-store", "1003"},
	} {
		s.want(s.run(args...), 1, "us-store is paused since 20", "ordersyncd resume us-store")
	}
	s.exec(db, "UPDATE runs SET ended_at = ended_at - INTERVAL 30 DAY")
	s.exec(db, "UPDATE checkpoints SET watermark = watermark - INTERVAL 30 DAY")
	s.want(s.run("status"), 0, "us-store is paused since 20", "All is well.")
	var o status.Overview
	if err := json.Unmarshal([]byte(s.run("status", "--json").stdout), &o); err != nil {
		t.Fatal(err)
	}
	if p := o.Sources[0].Paused; p == nil || p.Until != nil || p.By == "" || time.Since(p.Since) > time.Hour {
		t.Errorf("the pause in JSON: %+v", p)
	}
	s.want(s.run("resume", "us-store"), 0, "us-store is worked again")
	s.want(s.run("resume", "us-store"), 0, "us-store is not paused.")
	s.want(s.run("status"), 1, "the orders of us-orders are stored up to 30d")
	s.want(s.run("pause", "us-store", "--until", "2099-01-01"), 0, "us-store is paused until 2099-01-01 00:00:00 +08:00.")
	s.want(s.run("status"), 0, "until 2099-01-01 00:00:00 +08:00.")
	s.exec(db, "UPDATE sources SET paused_until = UTC_TIMESTAMP(6)")
	s.want(s.run("sync", "us-orders"), 0)
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action IN ('pause', 'resume') AND subject = 'us-store' AND actor <> ''"); n != 3 {
		t.Errorf("%d entries in the audit log, want 3", n)
	}
}

// The jobs of a paused source do not run and leave no row; those of others do, and its own go on when it is resumed.
func TestPausedJobs(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	s.write(s.yaml(`schedule: "0 2 * * *"`, `schedule: "@every 1s"`))
	db := s.db()
	s.want(s.run("pause", "us-store"), 0)
	c := s.start(nil, "run", "-v")
	c.awaits(logPaused, 3)
	if n := s.number(db, "SELECT COUNT(*) FROM runs") + s.number(db, "SELECT COUNT(*) FROM orders"); n != 0 || len(c.logged("run")) > 0 {
		t.Errorf("a paused source was read: %d rows, %v", n, c.logged("run"))
	}
	s.want(s.run("resume", "us-store"), 0)
	if line := c.awaits("run", 1)[0]; line["outcome"] != "good" {
		t.Errorf("the run after the pause: %v", line)
	}
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
