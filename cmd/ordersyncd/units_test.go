package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/schedule"
)

func quiet(string) string { return "" }

// Every kind of failure has its exit status, and words for whoever has to act; none of them is the program's own jargon.
func TestConclude(t *testing.T) {
	t.Parallel()
	stopped, cancel := context.WithCancelCause(t.Context())
	cancel(&signalError{signal: os.Interrupt})
	busy := &schedule.BusyError{Lease: schedule.Lease{Source: "shop", Stream: "orders", Holder: "host-1"}}
	for _, c := range []struct {
		name   string
		ctx    context.Context
		err    error
		status int
		text   string
	}{
		{name: "done", status: 0},
		{name: "done although a signal came", ctx: stopped, status: 0},
		{name: "transient", err: fault.Errorf(fault.Transient, "it broke"), status: 1, text: "it broke. This usually passes"},
		{name: "rate limited", err: fault.Limited(time.Hour, errors.New("slow down")), status: 1, text: "slow down. The shop asks for a pause."},
		{name: "auth", err: fmt.Errorf("read: %w", fault.Errorf(fault.Auth, "401")), status: 1, text: "The shop refuses the credential"},
		{name: "rejected", err: fault.Errorf(fault.Rejected, "no total"), status: 1, text: "dead letter"},
		{name: "protocol", err: fault.Errorf(fault.Protocol, "no list"), status: 1, text: "Nothing was skipped"},
		{name: "database", err: fault.Errorf(fault.Database, "away"), status: 1, text: "the orders wait at the shop"},
		{name: "internal", err: errors.New("what?"), status: 1, text: "what? This is a fault of ordersyncd itself"},
		{name: "config", err: fault.Errorf(fault.Config, "wrong"), status: 78, text: "'ordersyncd check'"},
		{name: "mistakes", err: &config.Problems{List: []config.Problem{{File: "a.yaml", Message: "Bad."}}}, status: 78, text: "1 mistake in"},
		{name: "schema", err: fault.New(fault.Config, &mysql.SchemaError{Want: 3}), status: 78, text: "ordersyncd migrate up"},
		{name: "usage", err: &usageError{command: "ordersyncd sync", err: errors.New("no")}, status: 2, text: "'ordersyncd sync --help'"},
		{name: "told", err: &toldError{status: 1}, status: 1},
		{name: "busy", err: busy, status: 1, text: "orders of shop is being worked on by host-1"},
		{name: "interrupted", ctx: stopped, err: context.Cause(stopped), status: 130, text: "Interrupted"},
		{name: "interrupted in a call", ctx: stopped, err: fault.Errorf(fault.Database, "cancelled"), status: 130, text: "Interrupted"},
		{name: "interrupted, and a bad file", ctx: stopped, err: fault.Errorf(fault.Config, "wrong"), status: 78, text: "wrong."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			p := &program{screen: newScreen(&stdout, &stderr, quiet)}
			ctx := c.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			if status := p.conclude(ctx, c.err); status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			if said := stderr.String(); !strings.Contains(said, c.text) || c.text == "" && said != "" || stdout.Len() > 0 {
				t.Errorf("said %q, want %q on stderr", said, c.text)
			}
		})
	}
	for kind := fault.Transient; kind <= fault.Internal; kind++ {
		if remedies[kind].remedy == "" {
			t.Errorf("nobody is told what to do about %s", kind)
		}
	}
}

func TestPanicIsNoUsage(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	p := &program{args: []string{"version"}, stdout: &stdout, stderr: &stderr, getenv: quiet}
	p.screen = newScreen(&stdout, &stderr, quiet)
	root := p.root()
	root.SetArgs([]string{"version"})
	version, _, err := root.Find([]string{"version"})
	if err != nil {
		t.Fatal(err)
	}
	version.RunE = func(*cobra.Command, []string) error { panic("boom") }
	if got := fault.KindOf(p.execute(t.Context(), root)); got != fault.Internal {
		t.Errorf("a panic is of the kind %s, want internal", got)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	names := []string{"us-orders", "us-sweep", "tmall-orders", "status", "sync"}
	for word, want := range map[string]string{
		"us-ordres": `"us-orders"`, "stauts": `"status"`, "snyc": `"sync"`, "US-ORDERS": `"us-orders"`, "us-": `"us-sweep"`, "tmall": `"tmall-orders"`,
		"nothing-like-it": "", "": "",
	} {
		if got := didYouMean(word, names); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q in it", word, got, want)
		}
	}
}

func TestBackfillSpan(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, shanghai) }
	orders := &config.Job{Name: "orders", Sync: "shop", Start: day(2025, 1, 1)}
	for _, c := range []struct {
		name         string
		job          *config.Job
		since, until string
		want         backfill
		err          string
	}{
		{name: "none", job: orders},
		{
			name: "days of the configured zone", job: orders, since: "2026-01-01", until: "2026-02-01",
			want: backfill{
				stream: "backfill 2025-12-31T16:00:00Z..2026-01-31T16:00:00Z",
				span:   ordersync.Span{Start: day(2026, 1, 1), Until: day(2026, 2, 1)},
			},
		},
		{
			name: "an instant, up to now", job: orders, since: "2026-11-22T12:30:00+08:00",
			want: backfill{stream: "backfill 2026-11-22T04:30:00Z..", span: ordersync.Span{Start: now.Add(-30 * time.Minute), Until: now}},
		},
		{
			name: "from the job's start", job: orders, until: "2025-01-02 12:00",
			want: backfill{
				stream: "backfill 2024-12-31T16:00:00Z..2025-01-02T04:00:00Z",
				span:   ordersync.Span{Start: day(2025, 1, 1), Until: day(2025, 1, 2).Add(12 * time.Hour)},
			},
		},
		{
			name: "an end that lies ahead", job: orders, since: "2026-11-22", until: "2027-01-01",
			want: backfill{
				stream: "backfill 2026-11-21T16:00:00Z..2026-12-31T16:00:00Z", future: true,
				span: ordersync.Span{Start: day(2026, 11, 22), Until: now},
			},
		},
		{
			name: "by creation", job: &config.Job{Name: "sweep", Sweep: "shop"}, since: "2026-11-01", until: "2026-11-02",
			want: backfill{
				stream: "sweep backfill 2026-10-31T16:00:00Z..2026-11-01T16:00:00Z",
				span:   ordersync.Span{Start: day(2026, 11, 1), Until: day(2026, 11, 2)},
			},
		},
		{name: "a begin that lies ahead", job: orders, since: "2026-11-23", err: "lies in the future"},
		{name: "the wrong way round", job: orders, since: "2026-11-20", until: "2026-11-20", err: "is not before"},
		{name: "no begin", job: &config.Job{Name: "sweep", Sweep: "shop"}, until: "2026-11-02", err: "--since is missing"},
		{name: "no time", job: orders, since: "20.11.2026", err: "is no time"},
		{name: "no such day", job: orders, since: "2026-02-30", err: "is no time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := syncFlags{since: c.since, until: c.until}.read(shanghai, c.job, now)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.stream != c.want.stream || got.future != c.want.future ||
				!got.span.Start.Equal(c.want.span.Start) || !got.span.Until.Equal(c.want.span.Until) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	run := ordersync.Run{
		Since: day, Until: day.Add(40 * time.Hour), Window: order.Window{Since: day.Add(10 * time.Hour), Until: day.Add(20 * time.Hour)}, Records: 1234,
	}
	run.Inserted = 1000
	var out, err bytes.Buffer
	s := newScreen(&out, &err, quiet)
	s.live = true
	p := newProgress(s, "us-orders")
	p.update(run)
	p.update(run) // too soon to be drawn again
	p.end()
	want := "\r\x1b[K" + strings.Repeat("━", 3) + strings.Repeat("─", 10) + " us-orders:  25 % (2026-11-01), 1,234 orders: 1,000 new, 0 changed\r\x1b[K"
	if got := err.String(); got != want || out.Len() > 0 {
		t.Errorf("drew %q, want %q", got, want)
	}

	if got := p.line(0.5, "us-orders", 30); got != strings.Repeat("━", 9)+strings.Repeat("─", 10)+" us-orders" {
		t.Errorf("in 30 columns: %q", got)
	}
	if got := p.line(0.5, "us-orders", 8); got != "us-orde" {
		t.Errorf("in 8 columns: %q", got)
	}

	err.Reset()
	s.live = false
	p = newProgress(s, "us-orders")
	p.update(run)
	p.last = p.last.Add(-plainPause)
	p.update(run)
	p.end()
	if got := err.String(); got != "us-orders:  25 % (2026-11-01), 1,234 orders: 1,000 new, 0 changed\n" {
		t.Errorf("wrote %q", got)
	}
	if got := shareOf(ordersync.Run{}); got != 0 {
		t.Errorf("a run without a span has %v behind it", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		sentence("a "): "a.", sentence("a?"): "a?", sentence(""): "",
		endpoint(&config.Source{Rest: &config.Rest{BaseURL: "https://user:pw@shop.example.com/api?key=1"}}):  "https://shop.example.com/api",
		endpoint(&config.Source{Taobao: &config.Taobao{AppKey: "12345678", Gateway: config.GatewaySandbox}}): "app 12345678 at sandbox",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	s := &screen{}
	if got := s.red("no", false); !strings.HasPrefix(got, "\x1b[") || !strings.HasSuffix(got, "no\x1b[0m") {
		t.Errorf("red is %q", got)
	}
	if got := s.red("no", true); got != "no" {
		t.Errorf("red without colours is %q", got)
	}
	terminal := newScreen(os.Stdout, os.Stderr, func(name string) string {
		return map[string]string{"NO_COLOR": "1"}[name]
	})
	if !terminal.outPlain || !terminal.errPlain {
		t.Error("NO_COLOR is not respected")
	}
}
