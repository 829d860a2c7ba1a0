package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/config/outline"
	"ordersync/internal/rest/resttest"
)

// reload sends SIGHUP and waits for one more line with that message.
func (c *child) reload(message string) map[string]any {
	c.t.Helper()
	before := len(c.logged(message))
	c.signal(syscall.SIGHUP)
	return c.awaits(message, before+1)[before]
}

// effectiveNow is what the daemon tells the others.
func (s *stage) effectiveNow(db *sql.DB) (e outline.Outline, text string) {
	s.t.Helper()
	if err := db.QueryRowContext(s.t.Context(), "SELECT configuration FROM daemons").Scan(&text); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		s.t.Fatal(err)
	}
	return e, text
}

// A reload adds, removes and changes sources and jobs, and systemd hears of it.
func TestReload(t *testing.T) {
	t.Parallel()
	s, other := newStage(t, 12), newStage(t, 7)
	db := s.db()
	notices := newSystemd(t)
	c := s.start([]string{"NOTIFY_SOCKET=" + notices.path}, "run", "-v")
	c.awaits("run", 2)
	c.reload(logSame)
	if !notices.heard("RELOADING=1\nMONOTONIC_USEC=") {
		t.Error("systemd did not hear of the reload")
	}

	// The one source with another rate; the one job with another schedule; a second source and its job, which has never run.
	second := `  eu-store:
    kind: rest
    preset: us-server
    base_url: ` + other.base + `
    auth: {bearer: "${file:` + s.folder + `/token}"}
    rate: {per_second: 900}
jobs:
  eu-orders: {sync: eu-store, schedule: "15 2 * * *", start: 2026-11-01}
`
	s.write(s.yaml("per_second: 1000", "per_second: 900", "30 4 * * *", "30 5 * * *", "jobs:\n", second))
	line := c.reload(logReloaded)
	want := "source eu-store: added; source us-store: rate.per_second from 1000 to 900; job eu-orders: added; job us-sweep: schedule from 30 4 * * * to 30 5 * * *"
	if line["changes"] != want || line["jobs"] != float64(3) {
		t.Errorf("the changes: %v of %v jobs\nwant:        %s", line["changes"], line["jobs"], want)
	}
	eventually(t, "the new job has run", func() bool {
		return s.number(db, "SELECT COUNT(*) FROM runs WHERE job = 'eu-orders' AND outcome = 'good'") == 1
	})
	if n := s.number(db, "SELECT COUNT(*) FROM orders WHERE source = 'eu-store'"); n != 7 {
		t.Errorf("%d orders of the new source, want 7", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM runs WHERE job = 'us-orders'"); n != 1 {
		t.Errorf("%d runs of a job that did not change, want no more than the one", n)
	}
	eventually(t, "systemd knows both sources", func() bool { return notices.heard("STATUS=3 jobs of 2 sources; behind: ") })
	if e, _ := s.effectiveNow(db); e.Sources["us-store"]["rate.per_second"] != "900" || len(e.Jobs) != 3 {
		t.Errorf("it tells the others %+v", e)
	}

	// And away again, under another time zone.
	s.write(s.yaml("Asia/Shanghai", "Europe/Berlin"))
	line = c.reload(logReloaded)
	for _, part := range []string{"timezone from Asia/Shanghai to Europe/Berlin", "source eu-store: removed (its orders stay)", "job eu-orders: removed"} {
		if !strings.Contains(fmt.Sprint(line["changes"]), part) {
			t.Errorf("the changes lack %q: %v", part, line["changes"])
		}
	}
	if n := s.number(db, "SELECT COUNT(*) FROM sources WHERE source = 'eu-store' AND removed_at IS NOT NULL"); n != 1 {
		t.Error("the removed source is not known as such")
	}
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM daemons"); n != 0 {
		t.Error("a daemon that stopped stands among those that run")
	}
}

// What is wrong, refused, or read at the start only leaves everything as it is, and is told.
func TestReloadRefuses(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	db := s.db()
	c := s.start(nil, "run", "-v")
	c.awaits("run", 2)
	eventually(t, "it tells the others", func() bool { return s.number(db, "SELECT COUNT(*) FROM daemons") == 1 })
	_, before := s.effectiveNow(db)

	s.write(s.yaml("sweep: us", "swep: us"))
	line := c.reload(logWrong)
	if at := fmt.Sprint(line["at"]); !strings.HasPrefix(at, s.config+":15:14") {
		t.Errorf("a misspelt key is told at %s", at)
	}
	if err := os.Remove(s.config); err != nil {
		t.Fatal(err)
	}
	if line := c.reload(logWrong); !strings.Contains(fmt.Sprint(line["at"]), s.config) {
		t.Errorf("a file that is gone: %v", line)
	}
	s.write(s.yaml("us-store:", "new-store:", ": us-store,", ": new-store,"))
	if line := c.reload(logWrong); !strings.Contains(fmt.Sprint(line["error"]), "source rename us-store new-store") {
		t.Errorf("a new name for a shop with orders: %v", line)
	}
	s.write(s.yaml("${file:"+s.folder+"/token}", "${file:"+s.folder+"/nowhere}"))
	c.reload(logWrong)
	s.write(s.yaml("/state", "/elsewhere"))
	if line := c.reload(logRestart); line["changes"] != "state from "+s.folder+"/state to "+s.folder+"/elsewhere" {
		t.Errorf("another state directory: %v", line["changes"])
	}
	s.secret("dsn", s.dsn+"&timeout=7s")
	s.write(s.yaml())
	if line := c.reload(logRestart); line["changes"] != "the password or dsn of the database differs" {
		t.Errorf("another database: %v", line["changes"])
	}
	s.secret("dsn", s.dsn)
	if _, after := s.effectiveNow(db); after != before {
		t.Errorf("what is in force changed from\n%s to\n%s", before, after)
	}
	if n := len(c.logged(logReloaded)); n != 0 {
		t.Errorf("%d of them took effect", n)
	}
	// The sentinel: what is good takes effect after all of that, also a new token.
	s.secret("token", shopToken+"-2")
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = shopToken + "-2" })
	if line := c.reload(logReloaded); line["changes"] != "source us-store: credential differs" {
		t.Errorf("another token: %v", line["changes"])
	}
	c.signal(syscall.SIGTERM)
	c.end()
}

// A run that is under way when its source and its job leave ends as it began, and is told.
func TestReloadDropsNoRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, 35)
	db := s.db()
	stuck, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	t.Cleanup(letGo)
	s.write(s.yaml("  us-sweep:", "  #"))
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Before = func(r resttest.Request) {
			if r.List == 3 {
				close(stuck)
				<-release
			}
		}
	})
	c := s.start(nil, "run")
	<-stuck
	s.write(s.yaml("us-store:", "new-store:", ": us-store,", ": new-store,", s.base, s.base+"/", "  us-sweep:", "  #", "us-orders:", "new-orders:"))
	c.reload(logReloaded)
	letGo()
	eventually(t, "the run ended", func() bool { return s.number(db, "SELECT COUNT(*) FROM runs WHERE job = 'us-orders'") == 1 })
	if n := s.number(db, "SELECT COUNT(*) FROM orders WHERE source = 'us-store'"); n != 35 {
		t.Errorf("%d orders, want the 35 of the run that was under way", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM runs WHERE job = 'us-orders' AND outcome = 'good' AND source = 'us-store'"); n != 1 {
		t.Error("the run did not end well")
	}
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
}

// systemd hands credentials over at the start only: newer files are told to need a restart, and nothing else changes.
func TestReloadCredentials(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	given, kept := filepath.Join(s.folder, "given"), filepath.Join(s.folder, "credentials")
	for _, folder := range []string{given, kept} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.secret("given/shop", shopToken+"\n")
	s.secret("credentials/shop", shopToken+"\n")
	s.age("credentials/shop", -time.Hour)
	s.write(s.yaml("${file:"+s.folder+"/token}", "${credential:shop}"))
	c := s.start([]string{"CREDENTIALS_DIRECTORY=" + given}, "run", "-v")
	c.awaits("run", 2)
	c.reload(logSame)
	if lines := c.logged(logCredentials); len(lines) != 0 {
		t.Errorf("told without a reason: %v", lines)
	}
	s.secret("credentials/shop", shopToken+"-2\n")
	s.age("credentials/shop", time.Hour)
	if line := c.reload(logCredentials); line["credentials"] != filepath.Join(kept, "shop") {
		t.Errorf("told of %v", line["credentials"])
	}
	c.awaits(logSame, 2) // it has read the file
	s.write(s.yaml("${file:"+s.folder+"/token}", "${credential:shop-2}"))
	c.reload(logGivenOnce)
	if lines := c.logged(logWrong); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "shop-2") {
		t.Errorf("a credential that was not handed over: %v", lines)
	}
	c.signal(syscall.SIGTERM)
	c.end()
}

// age moves the time of a file.
func (s *stage) age(name string, by time.Duration) {
	s.t.Helper()
	at := time.Now().Add(by)
	if err := os.Chtimes(filepath.Join(s.folder, name), at, at); err != nil {
		s.t.Fatal(err)
	}
}

// `check --diff` says before a reload what the reload then does.
func TestDiff(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	s.want(s.run("check", "--diff"), 1, "no daemon that runs on this database")
	c := s.start(nil, "run", "-v")
	c.awaits("run", 2)
	eventually(t, "it tells the others", func() bool { return s.number(s.db(), "SELECT COUNT(*) FROM daemons") == 1 })
	s.want(s.run("check", "--diff"), 0, "Compared with the daemon ", "A reload would change nothing.")

	s.write(s.yaml("30 4 * * *", "30 5 * * *", "us-orders:", "all-orders:", "per_second: 1000", "per_second: 999", "/state", "/elsewhere"))
	got := s.run("check", "--diff")
	s.want(got, 0, "  A reload (systemctl reload ordersyncd) would change:\n",
		"    source us-store: rate.per_second from 1000 to 999\n", "    job all-orders: added\n",
		"    job us-orders: removed (a run under way ends first)\n", "    job us-sweep: schedule from 30 4 * * * to 30 5 * * *\n",
		"  With a restart only (systemctl restart ordersyncd):\n    state from "+s.folder+"/state to "+s.folder+"/elsewhere\n")
	told := fmt.Sprint(c.reload(logReloaded)["changes"])
	for part := range strings.SplitSeq(told, "; ") {
		if !strings.Contains(got.stdout, "    "+part+"\n") {
			t.Errorf("the reload did %q, of which --diff said nothing", part)
		}
	}
	s.write(s.yaml("us-store:", "new-store:", ": us-store,", ": new-store,"))
	s.want(s.run("check", "--diff"), 0, "A reload would be refused: ", "source rename us-store new-store")
	s.write(s.yaml("sweep: us", "swep: us"))
	s.want(s.run("check", "--diff"), 78, "swep")
	c.signal(syscall.SIGTERM)
	c.end()
	s.write(s.yaml())
	s.want(s.run("check", "--diff"), 1, "no daemon that runs on this database")
}
