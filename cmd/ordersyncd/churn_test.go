package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ordersync/internal/demo/truth"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/ordersync"
	"ordersync/internal/rest/resttest"
)

var churnSeeds = flag.Int("churn-seeds", 200, "runs of TestChurn against a remote that changes while it is read")

// listings are the ways to list in TestChurn: what is written into the YAML, and how the server does it.
var listings = []struct {
	name    string
	yaml    string
	shop    resttest.Shop
	created bool
}{
	{
		name: "by modification, announced, ties shuffled at every request",
		yaml: "    window: {by: modified, layout: rfc3339, resolution: 1s, until_bound: exclusive, overlap: 0s, settle: 30s}\n",
		shop: resttest.Shop{ByModification: true, UntilExclusive: true, Sorting: resttest.ByModified},
	},
	{
		name: "by modification, announced in a header, both bounds exclusive, newest first",
		yaml: "    window: {by: modified, layout: rfc3339, resolution: 1s, since_bound: exclusive, until_bound: exclusive, overlap: 0s, settle: 30s}\n",
		shop: resttest.Shop{
			ByModification: true, SinceExclusive: true, UntilExclusive: true, Sorting: resttest.NewestFirst,
			Envelope: "root", TotalHeader: "X-Total-Count",
		},
	},
	{
		name: "by modification, nothing announced",
		yaml: "    window: {by: modified, layout: rfc3339, resolution: 1s, overlap: 0s, settle: 30s}\n",
		shop: resttest.Shop{ByModification: true, Sorting: resttest.ByID, TotalKey: "none", Envelope: "data"},
	},
	{name: "by days of creation, newest first", shop: resttest.Shop{Sorting: resttest.NewestFirst}, created: true},
	{name: "by days of creation, oldest first", shop: resttest.Shop{Sorting: resttest.OldestFirst, Envelope: "data.orders"}, created: true},
	{name: "by days of creation, nothing announced", shop: resttest.Shop{Envelope: "root", TotalKey: "none"}, created: true},
}

// TestChurn reads a remote that changes at every request: rows leave the window and enter the list between any two pages, many share
// one time, and a page holds few of them. After the next quiet run (where the remote filters by creation: a quiet sync and a quiet
// sweep) every column of the tables equals the truth, as code of another room reads both.
func TestChurn(t *testing.T) {
	t.Parallel()
	dsn := mysqltest.DSN(t)
	db, err := mysql.Open(mysql.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	plain := plainDB(t, dsn)
	for i, listing := range listings {
		t.Run(listing.name, func(t *testing.T) {
			t.Parallel()
			for seed := i; seed < *churnSeeds; seed += len(listings) {
				c := &churned{t: t, db: db, seed: uint64(seed) + 1, source: fmt.Sprintf("shop-%d", seed)}
				c.start(listing.yaml, listing.shop, listing.created)
				c.disturb()
				c.settle(listing.created)
				c.compare(plain)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// churned is one seeded run.
type churned struct {
	t      *testing.T
	db     *mysql.DB
	seed   uint64
	source string
	yaml   string
	server *resttest.Server
	random *rand.Rand

	mu    sync.Mutex
	clock time.Time
	busy  bool
}

func (c *churned) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock
}

func (c *churned) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock = c.clock.Add(d)
}

func (c *churned) start(yaml string, shop resttest.Shop, created bool) {
	c.random = rand.New(rand.NewPCG(c.seed, 1))
	c.clock = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	all := resttest.NewTruth(c.now)
	churn := all.Churn(c.seed)
	churn.Fill(40+c.random.IntN(40), c.clock.Add(-36*time.Hour), c.clock)
	size := 3 + c.random.IntN(7)
	shop.Token, shop.Seed = "test-token", c.seed
	var mu sync.Mutex
	shop.Before = func(resttest.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !c.busy {
			return
		}
		c.pass(time.Duration(c.random.IntN(1500)) * time.Millisecond)
		for c.random.IntN(3) == 0 {
			churn.Step()
		}
	}
	c.server = resttest.New(all, shop)
	base, stop, err := c.server.Listen()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = stop() })
	c.yaml = filepath.Join(c.t.TempDir(), c.source+".yaml")
	text := fmt.Sprintf(`timezone: UTC
database: {address: 127.0.0.1:1, name: none, user: nobody, password: "${file:%s}"}
sources:
  %s:
    kind: rest
    preset: us-server
    base_url: %s
    auth: {bearer: "${file:%s}"}
    rate: {per_second: 1000}
    page: {size: {value: %d}}
%sjobs:
  orders: {sync: %s, schedule: "@every 90s", start: 2026-11-17}
`, c.secret("password", "none"), c.source, base, c.secret("token", "test-token"), size, yaml, c.source)
	if created {
		text += fmt.Sprintf("  sweep: {sweep: %s, schedule: \"@daily\", back: 30d}\n", c.source)
	}
	if err := os.WriteFile(c.yaml, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *churned) secret(name, value string) string {
	path := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// works is what a new process would have.
func (c *churned) works() *works {
	p := &program{config: c.yaml, getenv: os.Getenv, screen: &screen{}}
	cfg, err := p.load()
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := openAccount(cfg.Sources[0], surroundings{pace: c.db, tokens: c.db})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = a.close() })
	return &works{cfg: cfg, db: c.db, log: slog.New(slog.DiscardHandler), getenv: os.Getenv, accounts: map[string]*account{c.source: a}}
}

func (c *churned) run(job string) (ordersync.Run, error) {
	w := c.works()
	e, err := w.errandOf(job)
	if err != nil {
		c.t.Fatal(err)
	}
	e.holder = "test"
	r := w.perform(c.t.Context(), e)
	return r.Run, r.err
}

// disturb reads while the remote changes. A remote that is too busy may be told so, and nothing else may go wrong.
func (c *churned) disturb() {
	c.busy = true
	for range 2 + c.random.IntN(2) {
		c.pass(time.Duration(c.random.IntN(300)) * time.Second)
		if _, err := c.run("orders"); err != nil && fault.KindOf(err) != fault.Protocol {
			c.t.Fatalf("seed %d: %v", c.seed, err)
		}
	}
	c.busy = false
}

// settle lets the remote rest and reads once more.
func (c *churned) settle(created bool) {
	c.pass(5 * time.Minute)
	if run, err := c.run("orders"); err != nil {
		c.t.Fatalf("seed %d: the quiet run: %v\n%+v", c.seed, err, run)
	}
	if created {
		if run, err := c.run("sweep"); err != nil {
			c.t.Fatalf("seed %d: the quiet sweep: %v\n%+v", c.seed, err, run)
		}
	}
}

// compare holds the tables against the shop's own records.
func (c *churned) compare(plain *sql.DB) {
	c.t.Helper()
	if strays := c.server.Strays(); len(strays) > 0 {
		c.t.Errorf("seed %d: requests that nobody meant: %q", c.seed, strays)
	}
	shop := truth.Shop{Source: c.source, Reading: truth.USServer(), Records: recordsOf(c.t, c.server)}
	differences, err := truth.Compare(context.WithoutCancel(c.t.Context()), plain, shop)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, d := range differences {
		if i == 3 {
			c.t.Errorf("seed %d: and %d more", c.seed, len(differences)-3)
			break
		}
		c.t.Errorf("seed %d: %s", c.seed, d)
	}
}

// recordsOf asks a server for each of its orders, except those that are named.
func recordsOf(t *testing.T, server *resttest.Server, except ...string) [][]byte {
	t.Helper()
	var records [][]byte
	for _, o := range server.Truth.Orders() {
		if slices.Contains(except, o.ID) {
			continue
		}
		for _, path := range []string{"/orders/list/", "/orders/"} {
			request := httptest.NewRequestWithContext(t.Context(), "GET", path+o.ID, nil)
			request.Header.Set("Authorization", "Bearer test-token")
			answer := httptest.NewRecorder()
			server.ServeHTTP(answer, request)
			if answer.Code != 200 {
				continue
			}
			record := answer.Body.Bytes()
			var wrapped map[string]json.RawMessage
			if err := json.Unmarshal(record, &wrapped); err == nil && len(wrapped) == 1 {
				for _, inner := range wrapped {
					record = inner
				}
			}
			records = append(records, record)
			break
		}
	}
	if wanted := server.Truth.Len() - len(except); len(records) != wanted {
		t.Fatalf("the server answers for %d of its %d orders", len(records), wanted)
	}
	return records
}
