package main

import (
	"cmp"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/demo/truth"
	"ordersync/internal/mariadb"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/rest/resttest"
)

// scene is one shop and its source: commands run on it from the text of a configuration to the tables, as an operator would type
// them. Many scenes share one database, so each has a source of its own.
type scene struct {
	t      *testing.T
	folder string
	config string
	source string
	token  string
	base   string
	db     *sql.DB
	shop   *resttest.Server
	orders *resttest.Truth
	// ahead is how far the shop's clock is ahead of ours.
	ahead atomic.Int64
}

// sceneBase is what the scenes of one test share. The shops of all of them stay until it ends: an address that was used again for another
// shop would be taken for the old one under a new name.
type sceneBase struct {
	t     *testing.T
	dsn   string
	db    *sql.DB
	count atomic.Int64
}

func newSceneBase(t *testing.T, dsn string) *sceneBase {
	t.Helper()
	return &sceneBase{t: t, dsn: dsn, db: plainDB(t, dsn)}
}

func (b *sceneBase) scene(t *testing.T, shop resttest.Shop) *scene {
	t.Helper()
	s := &scene{t: t, folder: t.TempDir(), db: b.db, source: fmt.Sprintf("shop-%d", b.count.Add(1))}
	s.config = filepath.Join(s.folder, "ordersyncd.yaml")
	s.orders = resttest.NewTruth(s.now)
	s.token = "token-of-" + s.source // the pace is kept by credential: scenes that shared one would wait for each other
	shop.Token = s.token
	s.shop = resttest.New(s.orders, shop)
	base, stop, err := s.shop.Listen()
	if err != nil {
		t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = stop() })
	s.base = base
	s.file("token", s.token)
	s.file("dsn", b.dsn)
	s.file("ordersyncd.yaml", s.yaml())
	return s
}

func (s *scene) file(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// The parts of the configuration that scenes replace.
const (
	sceneExtra = "    http: {retries: 0}\n"
	byModified = sceneExtra +
		"    window: {by: modified, layout: rfc3339, resolution: 1s, until_bound: exclusive, overlap: 2h, settle: 30s}\n" +
		"    resweep: {back: 30d, since: created_from, until: created_to}\n"
)

// sceneStart is the day on which a scene's job begins.
func sceneStart() string { return time.Now().UTC().AddDate(0, 0, -8).Format(time.DateOnly) }

func (s *scene) yaml(replacements ...string) string {
	return strings.NewReplacer(replacements...).Replace(fmt.Sprintf(`timezone: UTC
state: %[1]s
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  %[2]s:
    kind: rest
    preset: us-server
    base_url: %[3]s
    auth: {bearer: "${file:%[1]s/token}"}
    rate: {per_second: 1000}
    page: {size: {value: 10}}
%[4]sjobs:
  %[2]s: {sync: %[2]s, schedule: "@every 90s", start: %[5]s}
  %[2]s-sweep: {sweep: %[2]s, schedule: "@daily", back: 30d}
`, s.folder, s.source, s.base, sceneExtra, sceneStart()))
}

// now is the shop's clock.
func (s *scene) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// pass lets time pass at the shop.
func (s *scene) pass(d time.Duration) { s.ahead.Add(int64(d)) }

// fill makes so many orders, a minute apart, the last of them an hour ago.
func (s *scene) fill(n int) {
	first := s.now().Truncate(time.Second).Add(-time.Hour - time.Duration(n)*time.Minute)
	for i := range n {
		s.create(fmt.Sprint(1000+i), first.Add(time.Duration(i)*time.Minute))
	}
}

// create makes one ordinary order; changes make it another.
func (s *scene) create(id string, at time.Time, changes ...func(*resttest.Order)) {
	o := resttest.Order{
		ID: id, Status: "paid", Total: "12.50", Created: at, Modified: at, Note: "socks 🧦",
		Lines: []resttest.Line{
			{ID: "1", SKU: "CUP-01", Name: "Cup", Quantity: "2", Price: "6.25"}, {ID: "2", SKU: "TEA-02", Name: "Tee", Quantity: "1", Price: "0"},
		},
	}
	for _, change := range changes {
		change(&o)
	}
	s.orders.Create(o)
}

// do runs a command on the scene's configuration.
func (s *scene) do(args ...string) ran {
	s.t.Helper()
	return runProgram(s.t.Context(), append(args, "-c", s.config)...)
}

func (s *scene) sync(args ...string) ran {
	s.t.Helper()
	return s.do(append([]string{"sync", s.source}, args...)...)
}

// good runs the source's job and wants it to end well and to say the texts.
func (s *scene) good(texts ...string) {
	s.t.Helper()
	wantRan(s.t, s.sync(), 0, texts...)
}

// fails wants what a run did to be a failure of a kind, in the table as well, and to say the texts.
func (s *scene) fails(got ran, kind string, texts ...string) {
	s.t.Helper()
	wantRan(s.t, got, 1, texts...)
	var last, text string
	if err := s.db.QueryRowContext(s.t.Context(),
		"SELECT kind, error FROM runs WHERE source = ? ORDER BY started_at DESC LIMIT 1", s.source).Scan(&last, &text); err != nil {
		s.t.Fatal(err)
	}
	if last != kind {
		s.t.Errorf("the run failed as %q, want %q: %s", last, kind, text)
	}
}

// count counts the source's rows in a table.
func (s *scene) count(table string) int {
	s.t.Helper()
	return s.number("SELECT COUNT(*) FROM "+table+" WHERE source = ?", s.source)
}

func (s *scene) number(query string, args ...any) int {
	s.t.Helper()
	var n int
	if err := s.db.QueryRowContext(s.t.Context(), query, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// text is one value of an order, as the table has it; NULL where it is that.
func (s *scene) text(column, id string) string {
	s.t.Helper()
	var value sql.NullString
	query := "SELECT CAST(" + column + " AS CHAR) FROM orders WHERE source = ? AND order_id = ?"
	if err := s.db.QueryRowContext(s.t.Context(), query, s.source, id).Scan(&value); err != nil {
		s.t.Fatalf("order %s: %v", id, err)
	}
	if !value.Valid {
		return "NULL"
	}
	return value.String
}

// reason is why an order is a dead letter, empty where it is none.
func (s *scene) reason(id string) string {
	s.t.Helper()
	var reason sql.NullString
	query := "SELECT MAX(reason) FROM dead_letters WHERE source = ? AND order_id = ?"
	if err := s.db.QueryRowContext(s.t.Context(), query, s.source, id).Scan(&reason); err != nil {
		s.t.Fatal(err)
	}
	return reason.String
}

// compare holds every column of the tables against the shop. Orders that are named are not to be there.
func (s *scene) compare(except ...string) {
	s.t.Helper()
	s.compareBut(nil, except...)
}

// compareBut is compare, where some columns are looked at elsewhere.
func (s *scene) compareBut(columns map[string]bool, except ...string) {
	s.t.Helper()
	if strays := s.shop.Strays(); len(strays) > 0 {
		s.t.Errorf("requests that nobody meant: %q", strays)
	}
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "" })
	defer s.shop.Change(func(shop *resttest.Shop) { shop.Token = s.token })
	shop := truth.Shop{Source: s.source, Reading: truth.USServer(), Records: recordsOf(s.t, s.shop, except...)}
	differences, err := truth.Compare(s.t.Context(), s.db, shop)
	if err != nil {
		s.t.Fatal(err)
	}
	told := 0
	for _, d := range differences {
		if columns[d.Column] {
			continue
		}
		if told++; told <= 3 {
			s.t.Errorf("%.300s", d)
		}
	}
	if told > 3 {
		s.t.Errorf("and %d differences more", told-3)
	}
}

// TestEdge: what is at the edge of what a shop can hold, or of what can be asked. Each says what happened, what was stored and what
// was said.
func TestEdge(t *testing.T) {
	t.Parallel()
	b := newSceneBase(t, mysqltest.DSN(t))
	for _, edge := range []struct {
		name string
		test func(*testing.T, *sceneBase)
	}{
		{"an empty span", emptySpan},
		{"ten years", tenYears},
		{"the future", theFuture},
		{"since after until", sinceAfterUntil},
		{"a page size that the server clamps", clampedPages},
		{"the last page for ever", lastPageForEver},
		{"a parameter that the server ignores: page", ignoredPage},
		{"a parameter that the server ignores: dates", ignoredDates},
		{"a parameter that the server ignores: page_size", ignoredSize},
		{"a total that lies: too high", totalTooHigh},
		{"a total that lies: too low", totalTooLow},
		{"a total that lies: the count of the page", totalOfThePage},
		{"an order with 5,000 lines", manyLines},
		{"5,000 orders in one second on a border", oneSecond},
		{"a page of 100 MB", hugePage},
		{"nesting 10,000 deep", deepNesting},
		{"ids beyond 2^53", largeIDs},
		{"invalid UTF-8", invalidUTF8},
		{"money in every odd form", oddMoney},
		{"times in every odd form", oddTimes},
		{"a packet limit of 1 MB", smallPackets},
	} {
		t.Run(edge.name, func(t *testing.T) {
			t.Parallel()
			edge.test(t, b)
		})
	}
}

func emptySpan(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	wantRan(t, s.sync("--since", "2026-01-05", "--until", "2026-01-06"), 0, "0 orders received", "before 2026-01-06 00:00:00")
	s.good("0 orders received")
	s.compare()
	s.fill(3)
	s.good("3 new")
	s.compare()
}

func tenYears(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{Widest: 40 * 24 * time.Hour})
	s.file("ordersyncd.yaml", s.yaml(sceneStart(), "2016-01-01", sceneExtra, sceneExtra+"    slice: 30d\n"))
	var last time.Time
	for i := range 120 {
		last = time.Date(2016, time.January+time.Month(i), 3, 7, 0, i, 0, time.UTC)
		s.create(fmt.Sprint(i+1), last)
	}
	s.good("120 new", "Everything made before")
	s.compare()
	if n := len(s.shop.Requests()); n > 600 {
		t.Errorf("%d requests for ten years with an order a month", n)
	}
}

func theFuture(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.fill(3)
	wantRan(t, s.sync("--since", time.Now().AddDate(0, 0, 3).UTC().Format(time.DateOnly)), 2, "lies in the future", "no orders to read yet")
	if n := len(s.shop.Requests()); n != 0 {
		t.Errorf("%d requests for a span that has not begun", n)
	}
	wantRan(t, s.sync("--since", time.Now().AddDate(0, 0, -5).UTC().Format(time.DateOnly), "--until", "2099-01-01"), 0,
		"--until lies in the future; reading up to now.", "3 new")
	s.compare()
	s.file("ordersyncd.yaml", s.yaml(sceneStart(), time.Now().AddDate(0, 0, 3).UTC().Format(time.DateOnly)))
	s.good("nothing to read yet")
	s.compare()
}

func sinceAfterUntil(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.fill(3)
	for _, until := range []string{"2026-02-01", "2026-01-31"} {
		wantRan(t, s.sync("--since", "2026-02-01", "--until", until), 2, "is not before --until "+until, "--help")
	}
	if n := len(s.shop.Requests()) + s.count("orders") + s.count("checkpoints"); n != 0 {
		t.Errorf("%d requests, orders and checkpoints for a span the wrong way round", n)
	}
}

func clampedPages(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{MaxSize: 7})
	s.fill(60)
	s.good("60 new")
	s.compare()
}

func lastPageForEver(t *testing.T, b *sceneBase) {
	for _, total := range []string{"", "none"} {
		s := b.scene(t, resttest.Shop{PastEnd: resttest.LastPageAgain, TotalKey: total})
		s.fill(60)
		s.good("60 new")
		s.compare()
		if n := len(s.shop.Requests()); n > 200 {
			t.Errorf("%d requests for sixty orders", n)
		}
	}
}

func ignoredPage(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{IgnorePage: true})
	s.fill(60)
	s.good("60 new")
	s.compare()
	// More than any size brings, in one day: that cannot be read, and is said.
	s = b.scene(t, resttest.Shop{IgnorePage: true, MaxSize: 20})
	noon := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour).Add(12 * time.Hour)
	for i := range 60 {
		s.create(fmt.Sprint(1000+i), noon.Add(time.Duration(i)*time.Minute))
	}
	s.fails(s.sync(), "protocol", `the remote ignores the parameter "page"`, `"page_size" asks for`, "Compare the source's settings with the shop's API")
	if n := s.number("SELECT COUNT(*) FROM checkpoints WHERE source = ? AND watermark > ?", s.source, noon); n != 0 {
		t.Error("the watermark passed orders that could not be read")
	}
}

func ignoredDates(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{IgnoreDates: true})
	s.create("1", time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC))
	s.fill(5)
	s.fails(s.sync(), "protocol", `the remote ignores the parameter "end_date"`, "it listed an order of 20",
		"Compare the source's settings with the shop's API")
	if n := s.count("orders"); n != 0 {
		t.Errorf("%d orders of a list that was not the one asked for are stored", n)
	}
	s.shop.Change(func(shop *resttest.Shop) { shop.IgnoreDates = false })
	s.good("5 new")
	s.compare("1") // from before the job's start
}

func ignoredSize(t *testing.T, b *sceneBase) {
	for _, total := range []string{"", "none"} {
		s := b.scene(t, resttest.Shop{IgnoreSize: true, DefaultSize: 4, TotalKey: total})
		s.fill(30)
		s.good("30 new")
		s.compare()
	}
}

func totalTooHigh(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{Lie: func(total, _ int) int { return total + 2 }})
	s.fill(6)
	s.good("6 new", "The shop announced 8 orders", "but listed 6")
	s.compare()
	if n := s.number("SELECT COALESCE(SUM(shortfall), 0) FROM runs WHERE source = ?", s.source); n == 0 {
		t.Error("the table runs does not know of the shortfall")
	}
}

// A total that stops at some number is found out by the pages behind it: all is read, and nothing is to be told. One that only lacks
// orders of the last page announced cannot be told from orders that move, until the day has been read as often as any: that is told.
func totalTooLow(t *testing.T, b *sceneBase) {
	noon := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour).Add(12 * time.Hour)
	for announced, told := range map[int]int{0: 0, 1: 0, 9: 0, 10: 0, 11: 0, 37: 0, 50: 0, 51: 1, 59: 1} {
		s := b.scene(t, resttest.Shop{Lie: func(total, _ int) int { return min(total, announced) }})
		for i := range 60 {
			s.create(fmt.Sprint(1000+i), noon.Add(time.Duration(i)*time.Minute))
		}
		got := s.sync()
		wantRan(t, got, 0, "60 new", "Everything made before")
		s.compare()
		saying := strings.Count(got.stdout, fmt.Sprintf("The shop announced %d orders between", announced))
		if saying != told || strings.Count(got.stdout, "announced") != told {
			t.Errorf("%d announced: told %d times, want %d:\n%s", announced, saying, told, got.stdout)
		}
		if n := s.number("SELECT COALESCE(SUM(shortfall), 0) FROM runs WHERE source = ?", s.source); n != told {
			t.Errorf("%d announced: the table runs knows of %d windows with a difference, want %d", announced, n, told)
		}
		if n := s.number("SELECT COUNT(*) FROM checkpoints WHERE source = ? AND watermark > ?", s.source, noon.Add(time.Hour)); n != 1 {
			t.Errorf("%d announced: the watermark did not pass the orders", announced)
		}
	}
}

func totalOfThePage(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{TotalKey: "count", Lie: func(_, rows int) int { return rows }})
	s.fill(60)
	s.good("60 new")
	s.compare()
}

func manyLines(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	many := func(n int) func(*resttest.Order) {
		return func(o *resttest.Order) {
			o.Lines = nil
			for i := range n {
				o.Lines = append(o.Lines, resttest.Line{ID: fmt.Sprint(i + 1), SKU: fmt.Sprintf("S-%d", i), Name: "Sock", Quantity: "1", Price: "0.10"})
			}
		}
	}
	s.fill(3)
	s.create("5000", s.now().Add(-2*time.Hour), many(5000))
	s.good("4 new")
	s.compare()
	if n := s.count("order_items"); n != 5006 {
		t.Errorf("%d lines, want 5006", n)
	}
	s.orders.Modify("5000", many(4000))
	s.good("1 changed")
	s.compare()
}

func oneSecond(t *testing.T, b *sceneBase) {
	midnight := time.Now().UTC().AddDate(0, 0, -2).Truncate(24 * time.Hour)
	for _, listing := range []struct {
		extra string
		shop  resttest.Shop
	}{
		{sceneExtra, resttest.Shop{}},
		{byModified, resttest.Shop{ByModification: true, UntilExclusive: true, Sorting: resttest.OldestFirst}},
	} {
		s := b.scene(t, listing.shop)
		s.file("ordersyncd.yaml", s.yaml(sceneExtra, listing.extra, "value: 10", "value: 1000", sceneStart(), midnight.AddDate(0, 0, -3).Format(time.DateOnly)))
		for i := range 5000 {
			s.create(fmt.Sprint(10_000+i), midnight, func(o *resttest.Order) { o.Lines = o.Lines[:1] })
		}
		s.create("1", midnight.Add(-time.Second))
		s.create("2", midnight.Add(time.Second))
		for _, span := range [][]string{
			{"--since", midnight.AddDate(0, 0, -1).Format(time.DateOnly), "--until", midnight.Format(time.DateOnly)},
			{"--since", midnight.Format(time.DateOnly), "--until", midnight.AddDate(0, 0, 1).Format(time.DateOnly)},
		} {
			wantRan(t, s.sync(span...), 0)
		}
		s.compare()
		if n := s.count("orders"); n != 5002 {
			t.Errorf("%d orders, want 5002", n)
		}
	}
}

func hugePage(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.fill(3)
	s.file("ordersyncd.yaml", s.yaml("http: {retries: 0}", "http: {retries: 0, max_body: 8MiB}", "@every 90s", "@every 1h"))
	huge := resttest.Answer(`{"total":1,"orders":[{"id":1,"note":"` + strings.Repeat("x", 100<<20) + `"}]}`)
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Fault = func(r resttest.Request) *resttest.Fault {
			if r.List == 1 { // by which the shop's clock is learned
				return nil
			}
			return &huge
		}
	})
	s.fails(s.sync(), "protocol", "more than 8388608 bytes", "orders page 1 of", "Compare the source's settings with the shop's API")
	if n := s.count("orders") + s.count("dead_letters"); n != 0 {
		t.Errorf("%d rows were stored of a page that was not read", n)
	}
	daemon := (&stage{t: t, config: s.config}).start(nil, "run")
	daemon.awaits("run", 1)
	if peak := peakMemory(t, daemon.cmd.Process.Pid); peak > 80<<10 && !watchesRaces() {
		t.Errorf("the daemon took %d KiB for pages of 100 MB under a limit of 8 MiB", peak)
	}
	daemon.signal(syscall.SIGTERM)
	daemon.end()
	s.shop.Change(func(shop *resttest.Shop) { shop.Fault = nil })
	s.good("3 new")
	s.compare()
}

// peakMemory is the most KiB that a process ever had in memory; zero where the system does not tell.
func peakMemory(t *testing.T, pid int) (peak int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak); err == nil {
			t.Logf("at most %d KiB in memory", peak)
		}
	}
	return peak
}

func deepNesting(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.fill(12)
	s.create("77", s.now().Add(-3*time.Hour), func(o *resttest.Order) { o.Poison = resttest.DeepNesting })
	s.good("12 new", "1 dead letter", "ordersyncd deadletter list")
	s.compare("77")
	if got := s.reason("77"); got != "it is nested more than 64 levels deep" {
		t.Errorf("the reason is %q", got)
	}
}

// Ids beyond 2^53 keep every digit, in one shop where they come as numbers and in one where they come as texts.
func largeIDs(t *testing.T, b *sceneBase) {
	ids := []string{
		"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994", "9223372036854775807", "9223372036854775808",
		"18446744073709551615",
	}
	const larger = "123456789012345678901234567890"
	for raw, shop := range map[string]resttest.Shop{larger: {}, strconv.Quote(larger): {TextIDs: true}} {
		s := b.scene(t, shop)
		for i, id := range ids {
			s.create(id, s.now().Add(-time.Duration(i+1)*time.Hour), func(o *resttest.Order) { o.Lines[0].ID, o.CustomerID = id, id })
		}
		s.create("text", s.now().Add(-time.Hour), func(o *resttest.Order) {
			o.Omit, o.Extra = []string{"id"}, map[string]string{"id": raw}
		})
		s.good("8 new")
		for _, id := range append(ids, larger) {
			if n := s.number("SELECT COUNT(*) FROM orders WHERE source = ? AND order_id = ?", s.source, id); n != 1 {
				t.Errorf("%d orders with the id %s", n, id)
			}
		}
		s.compare()
	}
}

func invalidUTF8(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.fill(10)
	bad := func(o *resttest.Order) {
		o.Omit, o.Extra = []string{"number"}, map[string]string{"number": "\"caf\xe9 \xf0\x9f\""}
	}
	s.create("2000", s.now().Add(-3*time.Hour), bad)
	s.create("2001", s.now().Add(-4*time.Hour), func(o *resttest.Order) { o.Poison = resttest.BadUTF8 })
	s.good("11 new", "1 dead letter")
	if got := s.text("number", "2000"); got != "caf\ufffd \ufffd" {
		t.Errorf("stored %q", got)
	}
	if n := s.number("SELECT SUM(repaired) FROM runs WHERE source = ?", s.source); n == 0 {
		t.Error("the table runs does not know that a text was repaired")
	}
	var payload []byte
	if err := s.db.QueryRowContext(t.Context(), "SELECT payload FROM order_raw WHERE source = ? AND order_id = '2000'", s.source).Scan(&payload); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(payload), "caf\xe9 \xf0\x9f") {
		t.Errorf("the raw record is not what the shop sent: %q", payload)
	}
	if n := s.number("SELECT COUNT(*) FROM dead_letters WHERE source = ? AND order_id LIKE 'sha256:%' AND reason LIKE '%UTF-8%'", s.source); n != 1 {
		t.Error("the order whose id is no text is no dead letter")
	}
	s.compareBut(map[string]bool{"number": true}, "2001")
}

// watchesRaces reports whether this is a test with -race, which needs several times the memory.
func watchesRaces() bool {
	build, _ := debug.ReadBuildInfo()
	return build != nil && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// odd is a form of a value, and what it becomes: a column's text, or the reason of a dead letter.
type odd struct{ raw, stored, reason string }

func oddID(i int) string { return fmt.Sprint(10_009 + 10*i) }

// oddForms makes an order of each form, with ordinary ones between them so that no format seems to have changed.
func (s *scene) oddForms(key, column string, forms []odd) (dead []string) {
	s.t.Helper()
	at := s.now().Truncate(time.Second).Add(-24 * time.Hour)
	for i, form := range forms {
		s.create(oddID(i), at, func(o *resttest.Order) {
			o.Omit, o.Extra = []string{key}, map[string]string{key: form.raw}
		})
		for j := range 6 {
			s.create(fmt.Sprint(10_000+10*i+j), at)
		}
		if form.reason != "" {
			dead = append(dead, oddID(i))
		}
	}
	s.good(fmt.Sprintf("%d new", 7*len(forms)-len(dead)), fmt.Sprintf("%d dead letters", len(dead)))
	for i, form := range forms {
		id := oddID(i)
		got := s.reason(id)
		if got == "" {
			got = s.text(column, id)
		}
		if want := cmp.Or(form.reason, form.stored); got != want {
			s.t.Errorf("%.60s became %q, want %q", form.raw, got, want)
		}
	}
	return dead
}

func oddMoney(t *testing.T, b *sceneBase) {
	const unreadable = "total: not an amount: only digits, a point and an exponent can be read"
	s := b.scene(t, resttest.Shop{Sorting: resttest.ByID})
	dead := s.oddForms("total", "total", []odd{
		{raw: `12.5`, stored: "12.500000"},
		{raw: `"12.50"`, stored: "12.500000"},
		{raw: `"007.10"`, stored: "7.100000"},
		{raw: `-0`, stored: "0.000000"},
		{raw: `"-12.345678"`, stored: "-12.345678"},
		{raw: `"+3"`, stored: "3.000000"},
		{raw: `".5"`, stored: "0.500000"},
		{raw: `"5."`, stored: "5.000000"},
		{raw: `1e3`, stored: "1000.000000"},
		{raw: `1.5E-3`, stored: "0.001500"},
		{raw: `1.0000005`, stored: "1.000000"},
		{raw: `1.0000015`, stored: "1.000002"},
		{raw: `0.1`, stored: "0.100000"},
		{raw: `9007199254740993.0`, reason: "total: not an amount: more than 14 digits before the point"},
		{raw: `99999999999999.999999`, stored: "99999999999999.999999"},
		{raw: `"99999999999999.9999999"`, reason: "total: not an amount: more than 14 digits before the point"},
		{raw: `""`, stored: "NULL"},
		{raw: `null`, stored: "NULL"},
		{raw: `"1,234.50"`, reason: unreadable},
		{raw: `"12,50"`, reason: unreadable},
		{raw: `"$5"`, reason: unreadable},
		{raw: `"5 USD"`, reason: unreadable},
		{raw: `" 5"`, reason: unreadable},
		{raw: `"NaN"`, reason: unreadable},
		{raw: `"Infinity"`, reason: unreadable},
		{raw: `"0x10"`, reason: unreadable},
		{raw: `"１２"`, reason: unreadable},
		{raw: `"1.2.3"`, reason: "total: not an amount: it does not parse"},
		{raw: `"-"`, reason: "total: not an amount: it does not parse"},
		{raw: `1e999999999`, reason: "total: not an amount: it does not parse"},
		{raw: `{"amount":"5"}`, reason: "total: neither a number nor a text with one"},
		{raw: `[5]`, reason: "total: neither a number nor a text with one"},
		{raw: `true`, reason: "total: neither a number nor a text with one"},
	})
	s.compare(dead...)
}

func oddTimes(t *testing.T, b *sceneBase) {
	const unreadable = "modified_at: no time in a layout that is known here"
	const impossible = "modified_at: a time that cannot be (year %d)"
	s := b.scene(t, resttest.Shop{Sorting: resttest.ByID})
	const noon = "2026-03-04 12:00:00.000000"
	dead := s.oddForms("updated_at", "modified_at", []odd{
		{raw: `"2026-03-04T12:00:00Z"`, stored: noon},
		{raw: `"2026-03-04T20:00:00+08:00"`, stored: noon},
		{raw: `"2026-03-04T20:00:00+0800"`, stored: noon},
		{raw: `"2026-03-04 20:00:00 +0800"`, stored: noon},
		{raw: `"2026-03-04 20:00:00+08:00"`, stored: noon},
		{raw: `"2026-03-04T12:00:00"`, stored: noon},
		{raw: `"2026-03-04 12:00:00"`, stored: noon},
		{raw: `"2026-03-04 12:00"`, stored: noon},
		{raw: `"2026-03-04"`, stored: "2026-03-04 00:00:00.000000"},
		{raw: `"2026/03/04 12:00:00"`, stored: noon},
		{raw: `"2026-03-04 12:00:00 UTC"`, stored: noon},
		{raw: `"Wed, 04 Mar 2026 12:00:00 GMT"`, stored: noon},
		{raw: `"Wed, 04 Mar 2026 20:00:00 +0800"`, stored: noon},
		{raw: `1772625600`, stored: noon},
		{raw: `"1772625600"`, stored: noon},
		{raw: `1772625600.25`, stored: "2026-03-04 12:00:00.250000"},
		{raw: `1772625600123`, stored: "2026-03-04 12:00:00.123000"},
		{raw: `"2026-03-04T12:00:00.9999999Z"`, stored: "2026-03-04 12:00:00.999999"},
		{raw: `"2026-02-30T12:00:00Z"`, reason: unreadable + " (20 characters)"},
		{raw: `"2026-03-04T24:00:00Z"`, reason: unreadable + " (20 characters)"},
		{raw: `"2026-06-30T23:59:60Z"`, reason: unreadable + " (20 characters)"},
		{raw: `"03/04/2026"`, reason: unreadable + " (10 characters)"},
		{raw: `"yesterday"`, reason: unreadable + " (9 characters)"},
		{raw: `true`, reason: unreadable},
		{raw: `{"date":"2026-03-04"}`, reason: unreadable},
		{raw: `"9999-12-31T23:59:59Z"`, reason: fmt.Sprintf(impossible, 9999) + "; the remote may send other units or another layout"},
		{raw: `"1066-10-14T09:00:00Z"`, reason: fmt.Sprintf(impossible, 1066) + "; the remote may send other units or another layout"},
	})
	s.compareBut(map[string]bool{"modified_at": true}, dead...)
}

func smallPackets(t *testing.T, _ *sceneBase) {
	server, err := mariadb.Start(t.Context(), mariadb.Options{Relaxed: true, Args: []string{"--max-allowed-packet=1M"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	mysqltest.Exec(t, server.DSN(""), "CREATE DATABASE ordersync")
	s := newSceneBase(t, server.DSN("ordersync")).scene(t, resttest.Shop{})
	wantRan(t, s.do("migrate", "up"), 0)
	wantRan(t, s.do("check", "--online"), 0, "max_allowed_packet")
	// A page of 3 MB goes in by several statements; one record that fills a packet by itself is a dead letter with its beginning.
	s.fill(20)
	for i := range 20 {
		s.orders.Amend(fmt.Sprint(1000+i), func(o *resttest.Order) { o.Note = strings.Repeat("é", 80_000) })
	}
	s.create("9000", s.now().Add(-2*time.Hour), func(o *resttest.Order) { o.Note = strings.Repeat("x", 1<<20-700) })
	s.good("20 new", "1 dead letter", "ordersyncd deadletter list")
	s.compare("9000")
	if got := s.reason("9000"); !strings.Contains(got, "max_allowed_packet") {
		t.Errorf("the reason is %q", got)
	}
}
