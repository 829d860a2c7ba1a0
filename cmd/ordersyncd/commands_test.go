package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordersync/internal/rest/resttest"
	"ordersync/internal/status"
)

// The way of a newcomer: check, migrate, sync, status, order; each also again.
func TestCommandsGoodPath(t *testing.T) {
	t.Parallel()
	s := newStage(t, 45)
	db := s.db()
	s.exec(db, "DROP TABLE IF EXISTS goose_db_version, schema_versions")
	s.want(s.run("check"), 0, "is good: 1 source, 2 jobs, times in Asia/Shanghai", "reads what is newly made of us-store", "02:00:00 +08:00",
		"reads again the last 2d of us-store")
	s.want(s.run("check", "--online"), 1, "ordersyncd migrate up", "answers and accepts the credential")
	s.want(s.run("sync", "us-orders"), 78, "ordersyncd migrate up")
	s.want(s.run("status"), 1, "Not well", "ordersyncd migrate up")
	s.want(s.run("migrate", "status"), 1, "to be done")
	s.want(s.run("migrate", "up"), 0, "the tables are up to date")
	s.want(s.run("migrate", "up"), 0, "The tables are up to date")
	s.want(s.run("migrate", "status"), 0, "orders")
	s.want(s.run("check", "--online"), 0, "ok      database", "ok      schema", "ok      source us-store")

	s.want(s.run("status"), 1, "us-orders never ran", "systemctl status ordersyncd")
	s.want(s.run("sync", "us-orders", "--dry-run"), 0, "Nothing was written. Of 45 orders received, 45 would be new and 0 changed; 0 unchanged")
	if n := s.number(db, "SELECT (SELECT COUNT(*) FROM orders) + (SELECT COUNT(*) FROM checkpoints) + (SELECT COUNT(*) FROM runs)"); n != 0 {
		t.Errorf("a dry run left %d rows", n)
	}
	s.want(s.run("sync", "us-orders"), 0, "45 orders received: 45 new, 0 changed, 0 unchanged", "Everything made before", "+08:00 is stored")
	s.want(s.run("sync", "us-orders"), 0, "0 new, 0 changed")
	s.want(s.run("sync", "us-sweep"), 0, "45 unchanged", "was read again")
	if n := s.number(db, "SELECT COUNT(*) FROM orders"); n != 45 {
		t.Errorf("%d orders are stored, want 45", n)
	}
	s.truth.Modify("1003", func(o *resttest.Order) { o.Status = "shipped" })
	s.want(s.run("sync", "us-orders", "--dry-run"), 0, "0 would be new and 1 changed; 44 unchanged")

	s.want(s.run("status"), 0, "All is well.", "us-store", "good")
	var o status.Overview
	if err := json.Unmarshal([]byte(s.run("status", "--json").stdout), &o); err != nil {
		t.Fatal(err)
	}
	if !o.Healthy || len(o.Jobs) != 2 || o.Jobs[0].Name != "us-orders" || o.Jobs[0].Watermark == nil || o.Jobs[0].LastRun.Outcome != "good" ||
		o.Jobs[0].FilteredBy != "created" || len(o.Sources) != 1 || o.Sources[0].Name != "us-store" {
		t.Errorf("status --json: %+v", o)
	}

	s.want(s.run("order", "us-store", "1003"), 0, "Order 1003 of us-store", "12.50 USD", "shipped", "CUP-01", "6.25 USD", "+08:00",
		"Stored: it had changed.")
	s.want(s.run("order", "us-store", "1003"), 0, "Nothing had changed.")
	s.want(s.run("order", "us-store", "999"), 1, "nothing is stored under that id", "the shop's own id")
	s.truth.Delete("1004")
	s.want(s.run("order", "us-store", "1004"), 0, "This is what is stored", "Order 1004 of us-store")
	s.want(s.run("order", "us-stroe", "1004"), 2, `did you mean "us-store"?`)
	s.want(s.run("version"), 0, "ordersyncd ", "schema ")
}

// A span is read again beside the stream: its own checkpoint, its own row, the watermark untouched.
func TestBackfill(t *testing.T) {
	t.Parallel()
	s := newStage(t, 30)
	db := s.db()
	s.want(s.run("sync", "us-orders"), 0)
	before := s.number(db, "SELECT revision FROM checkpoints WHERE stream = 'orders'")
	s.truth.Amend("1007", func(o *resttest.Order) { o.Total = "99.00" })
	since := time.Now().AddDate(0, 0, -2).Format(time.DateOnly)
	got := s.run("sync", "us-orders", "--since", since, "--until", time.Now().UTC().Format(time.RFC3339))
	s.want(got, 0, "us-orders (backfill): read", "0 new, 1 changed", "in this span is stored")
	if now := s.number(db, "SELECT revision FROM checkpoints WHERE stream = 'orders'"); now != before {
		t.Errorf("the backfill moved the stream from revision %d to %d", before, now)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'backfill' AND subject = 'us-orders'"); n != 1 {
		t.Errorf("%d entries in the audit log, want 1", n)
	}
	s.want(s.run("sync", "us-orders", "--since", since), 0, "30 unchanged")
	s.want(s.run("sync", "us-orders", "--since", since, "--until", "2099-01-01"), 0, "--until lies in the future; reading up to now.")
	s.want(s.run("sync", "us-orders", "--since", "2099-01-01"), 2, "lies in the future")
	s.want(s.run("sync", "us-orders", "--since", since, "--until", "2020-01-01"), 2, "is not before --until 2020-01-01 00:00:00")
	s.want(s.run("sync", "us-orders", "--since", "yesterday"), 2, "is no time: write 2026-03-01")
	s.want(s.run("sync", "us-sweep", "--until", since), 2, "--since is missing")
	s.want(s.run("status"), 1, "us-sweep never ran")
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := newStage(t, 25)
	s.want(s.run("deadletter", "list"), 0, "There are no dead letters.")
	s.truth.Amend("1002", func(o *resttest.Order) { o.Poison = resttest.BadMoney })
	s.truth.Amend("1005", func(o *resttest.Order) { o.Poison = resttest.NoID })
	s.want(s.run("sync", "us-orders"), 0, "23 new", "2 dead letters")
	s.want(s.run("deadletter", "list"), 0, "1002", "sha256:", "total")
	s.want(s.run("deadletter", "list", "--source", "other"), 0, "There are no dead letters.")
	s.want(s.run("deadletter", "show", "us-store", "1002"), 0, "Dead letter 1002 of us-store", "reason", `"id": 1002`)
	s.want(s.run("deadletter", "show", "us-store", "1"), 1, `there is no dead letter "1" of us-store`, "deadletter list")
	s.want(s.run("status"), 1, "dead letters", "us-sweep never ran")

	s.want(s.run("deadletter", "retry", "us-store", "1002"), 1, "us-store 1002: still dead:")
	s.truth.Amend("1002", func(o *resttest.Order) { o.Poison = "" })
	s.want(s.run("deadletter", "retry", "us-store", "1002"), 0, "us-store 1002: released. Stored as new.")
	s.want(s.run("deadletter", "retry", "--all"), 1, "still dead", "0 released, 1 still dead or not tried.")
	s.want(s.run("deadletter", "retry"), 2, "name a SOURCE and an ID, or give --all")
	s.want(s.run("deadletter", "retry", "--all", "us-store", "1"), 2, "either")
	s.want(s.run("deadletter", "retry", "us-stor", "1"), 2, `did you mean "us-store"?`)

	db := s.db()
	var id string
	if err := db.QueryRowContext(t.Context(), "SELECT order_id FROM dead_letters").Scan(&id); err != nil {
		t.Fatal(err)
	}
	s.want(s.run("deadletter", "discard", "us-store", id), 2, "--yes")
	s.want(s.run("deadletter", "discard", "us-store", id, "--yes"), 0, "Deleted the dead letter")
	s.want(s.run("deadletter", "retry", "--all"), 0, "There are no dead letters.")
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action LIKE 'deadletter %' AND actor <> '' AND host <> ''"); n != 4 {
		t.Errorf("%d entries in the audit log, want 4", n)
	}
}

// A dead letter whose order cannot be fetched alone is read from what was kept, with today's mapping.
func TestRetryFromWhatWasKept(t *testing.T) {
	t.Parallel()
	s := newStage(t, 12)
	s.shop.Change(func(shop *resttest.Shop) { shop.Detail = "none" })
	// The mapping looks for the total in the wrong place: a text that is no amount.
	s.write(s.yaml("    http: {retries: 0}\n", "    http: {retries: 0}\n    map: {total: status}\n"))
	s.truth.Amend("1000", func(o *resttest.Order) { o.Status = "12.50" })
	for n := 1001; n < 1012; n++ {
		s.truth.Amend(fmt.Sprint(n), func(o *resttest.Order) { o.Status = "1" })
	}
	s.truth.Amend("1003", func(o *resttest.Order) { o.Status = "paid" })
	s.want(s.run("sync", "us-orders"), 0, "11 new", "1 dead letter")
	s.write(s.yaml())
	s.want(s.run("deadletter", "retry", "--all", "--source", "us-store"), 0, "us-store 1003: released, from what was kept", "1 released, 0 still dead")
	s.want(s.run("order", "us-store", "1003"), 0, "12.50 USD", "paid")
}

// What people do wrong, and what they are told; the exit statuses are a contract.
func TestMistakes(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	for _, c := range []struct {
		name   string
		yaml   string
		args   []string
		status int
		texts  []string
	}{
		{name: "nothing", args: nil, status: 2, texts: []string{"a command is missing", "--help"}},
		{name: "a typo", args: []string{"snyc", "us-orders"}, status: 2, texts: []string{`did you mean "sync"?`}},
		{name: "a typo below", args: []string{"deadletter", "shwo"}, status: 2, texts: []string{`did you mean "show"?`}},
		{
			name: "an unknown flag", args: []string{"sync", "us-orders", "--sinc", "x"}, status: 2,
			texts: []string{"unknown flag: --sinc", "ordersyncd sync --help"},
		},
		{name: "no job", args: []string{"sync"}, status: 2, texts: []string{"the name of a JOB is missing"}},
		{name: "two jobs", args: []string{"sync", "us-orders", "us-sweep"}, status: 2, texts: []string{`"us-sweep" is one argument too many`}},
		{name: "an unknown job", args: []string{"sync", "us-ordres"}, status: 2, texts: []string{`there is no job "us-ordres": did you mean "us-orders"?`}},
		{name: "a job unlike any", args: []string{"sync", "everything"}, status: 2, texts: []string{"there are us-orders, us-sweep"}},
		{
			name: "mistakes in the file", args: []string{"check"}, status: 78,
			yaml:  s.yaml("preset: us-server", "preset: us-sever", "schedule: \"0 2", "shedule: \"0 2", "Asia/Shanghai", "Asia/Shangai"),
			texts: []string{"ordersyncd.yaml:1:", "us-server", "schedule", "3 mistakes in", "Nothing was started."},
		},
		{name: "a schedule", yaml: s.yaml("0 2 * * *", "0 25 * * *"), args: []string{"run"}, status: 78, texts: []string{"1 mistake in"}},
		{name: "no file", args: []string{"check", "-c", "/no/such/file.yaml"}, status: 78, texts: []string{"There is no such file."}},
		{name: "a secret that is missing", yaml: s.yaml("/token}", "/tokn}"), args: []string{"sync", "us-orders"}, status: 78, texts: []string{"tokn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.yaml
			if text == "" {
				text = s.yaml()
			}
			path := filepath.Join(t.TempDir(), "ordersyncd.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			wantRan(t, runProgram(t.Context(), append([]string{"-c", path}, c.args...)...), c.status, c.texts...)
		})
	}
}

// The other side fails: what it means, and what to do.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := newStage(t, 15)
	s.shop.Fail(resttest.HTML())
	s.want(s.run("sync", "us-orders"), 1, "HTML", "no order is lost", "ordersyncd status")
	s.shop.Fail(resttest.Status(500))
	s.want(s.run("sync", "us-orders"), 1, "500", "Try again, or let the daemon do so")
	s.shop.Fail(resttest.ErrorObject("E17", "no"))
	s.want(s.run("sync", "us-orders"), 1, "This")
	s.shop.Fail(resttest.TooMany("120"))
	s.want(s.run("sync", "us-orders"), 1, "The shop asks for a pause")
	s.want(s.run("status"), 1, "Not well: the last run of us-orders failed", "pause until")
	s.exec(s.db(), "DELETE FROM pace")

	s.want(s.run("sync", "us-orders"), 0, "15 new")
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
	s.want(s.run("sync", "us-orders"), 1, "The shop refuses the credential", "ordersyncd check --online")
	s.want(s.run("sync", "us-orders"), 1, "The shop refuses the credential")
	s.want(s.run("status"), 1, "us-store refuses its credential", "credential refused", "Type: ordersyncd check --online")
	s.want(s.run("check", "--online"), 1, "failed  source us-store", "Put a valid credential in its place")
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = shopToken })
	s.want(s.run("check", "--online"), 0, "ok      source us-store")
	s.want(s.run("sync", "us-orders"), 0, "15 unchanged")
	s.want(s.run("sync", "us-sweep"), 0)
	s.want(s.run("status"), 0, "All is well.")

	s.secret("dsn", "root:wrong@tcp(127.0.0.1:1)/nothing?timeout=2s")
	s.want(s.run("sync", "us-orders"), 1, "the orders wait at the shop", "ordersyncd check --online")
	s.want(s.run("check", "--online"), 1, "failed  database", "schema: not looked at", "ok      source us-store")
	s.want(s.run("status"), 1, "Nothing is stored while the database fails")
}

// Somebody else works on the stream: who, until when, and how to wait.
func TestBusyStream(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	db := s.db()
	s.exec(db, `INSERT INTO leases (source, stream, holder, held_since, held_until)
		VALUES ('us-store', 'orders', 'elsewhere-1', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 3 SECOND)`)
	s.want(s.run("sync", "us-orders"), 1, "orders of us-store is being worked on by elsewhere-1 since", "--wait")
	s.want(s.run("sync", "us-orders", "--wait"), 0, "elsewhere-1", "Waiting for it.", "5 new")
}

// Ctrl-C in the middle of a sync: 130, nothing is lost, and the same command goes on.
func TestInterruptedSync(t *testing.T) {
	t.Parallel()
	s := newStage(t, 60)
	db := s.db()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Before = func(resttest.Request) {
			if ctx.Err() == nil && s.number(db, "SELECT COUNT(*) FROM orders") > 0 {
				cancel(&signalError{signal: os.Interrupt})
			}
		}
	})
	s.want(s.runIn(ctx, "sync", "us-orders"), 130, `Interrupted (stopped by the signal "interrupt")`)
	if n := s.number(db, "SELECT COUNT(*) FROM orders"); n == 0 || n == 60 {
		t.Errorf("%d orders are stored after the interruption, want some and not all", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM runs WHERE outcome = 'stopped'"); n != 1 {
		t.Errorf("%d stopped runs, want 1", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM leases WHERE held_until > UTC_TIMESTAMP(6)"); n != 0 {
		t.Errorf("%d leases were not given back", n)
	}
	s.want(s.run("sync", "us-orders"), 0)
	if n := s.number(db, "SELECT COUNT(*) FROM orders"); n != 60 {
		t.Errorf("%d orders are stored, want 60", n)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--help"}, {"run", "--help"}, {"sync", "--help"}, {"check", "--help"}, {"status", "--help"}, {"order", "--help"},
		{"deadletter", "--help"}, {"deadletter", "retry", "--help"}, {"migrate", "--help"}, {"demo", "--help"}, {"version", "--help"}, {"help", "sync"},
	} {
		got := runProgram(t.Context(), args...)
		wantRan(t, got, 0, "Usage:")
		for line := range strings.SplitSeq(got.stdout, "\n") {
			if len(line) > 110 {
				t.Errorf("%q: a line of %d columns: %s", args, len(line), line)
			}
		}
	}
}
