package main

import (
	"cmp"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/taobao/taobaotest"
)

var (
	taobaoTrades = flag.Int("taobao-trades", 1000, "trades in the shop of TestTaobaoStorm at the beginning")
	taobaoSeed   = flag.Uint64("taobao-seed", 1, "what happens in TestTaobaoStorm")
	taobaoFaults = flag.Int("taobao-faults", 1, "how many of a hundred calls TestTaobaoStorm spoils")
)

// stampedDoor is a platform behind a listener that knows when each call reached it, by the system's own stamp: neither a busy platform
// nor a late reader moves it, so that a rate can be held against it.
type stampedDoor struct {
	net.Listener
	mu    sync.Mutex
	calls []time.Time
}

// openDoor serves the platform once more.
func openDoor(t *testing.T, platform http.Handler) (d *stampedDoor, router string) {
	t.Helper()
	listener, err := (&net.ListenConfig{Control: stampArrivals}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d = &stampedDoor{Listener: listener}
	server := &http.Server{Handler: platform, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(d) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return d, "http://" + listener.Addr().String() + taobaotest.Router
}

func (d *stampedDoor) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &stampedConn{Conn: conn, from: stamped{conn: raw}, door: d}, nil
}

// most is the largest number of calls in any half-open second.
func (d *stampedDoor) most() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortFunc(d.calls, time.Time.Compare)
	return manners{parts: [][]time.Time{d.calls}}.most()
}

func (d *stampedDoor) called() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.calls)
}

// stampedConn notes when the first bytes of each call came.
type stampedConn struct {
	net.Conn
	door *stampedDoor

	reading sync.Mutex
	from    stamped
	asked   atomic.Bool // a call is being read or answered
}

func (c *stampedConn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.from.at = time.Time{}
	n, err := c.from.Read(p)
	if n > 0 && !c.asked.Swap(true) {
		at := c.from.at
		if at.IsZero() {
			at = time.Now()
		}
		c.door.mu.Lock()
		c.door.calls = append(c.door.calls, at)
		c.door.mu.Unlock()
	}
	return n, err
}

func (c *stampedConn) Write(p []byte) (int, error) {
	c.asked.Store(false)
	return c.Conn.Write(p)
}

// TestTaobaoStorm: a shop whose trades change between any two calls, in a storm of everything that passes, through promotion hours in
// which lists lag and answers lack what matters, with one trade poisoned in each of the ten ways. Once the changes end, a quiet run and a
// quiet sweep leave every column of every table equal to the platform; the poisoned trades alone are dead letters; no call was made
// during a ban that had been told, and no second held more calls than the rate. What the platform wants three minutes for is left to the
// storms on virtual time.
func TestTaobaoStorm(t *testing.T) {
	t.Parallel()
	const rate = 400
	m := newMall(t, *taobaoTrades)
	w := &weather{mall: m, tables: m.db(), churn: m.truth.Churn(*taobaoSeed), random: rand.New(rand.NewPCG(*taobaoSeed, 3))}
	w.churn.Quiet = true
	w.door, m.router = openDoor(t, m.platform)
	m.write(m.yaml(60, "per_second: 1000", fmt.Sprint("per_second: ", rate), "    http: {retries: 0}\n    settle: 1s\n", ""))
	m.did(0, "migrate up")
	w.begin()

	w.load()
	w.promotion.Store(false)
	w.tick()
	w.promotion.Store(true)
	for range 3 {
		w.tick()
	}
	w.promotion.Store(false)
	w.tick()
	w.quiet()
	m.pass(30 * time.Minute) // past the overlap, and what lists may lag
	m.did(0, "sync orders")
	m.did(0, "sync sweep", "Every order made since")
	w.compare()

	w.steady()
	if most := w.door.most(); most > rate {
		t.Errorf("%d calls in one second, and the rate is %d", most, rate)
	}
	if calls := m.platform.DefiantCalls(); len(calls) > 0 {
		t.Errorf("%d calls during a ban that had been told, the first %+v", len(calls), calls[0])
	}
	if made, seen := w.door.called(), len(m.platform.Calls()); made != seen {
		t.Errorf("%d calls reached the door, and %d the platform", made, seen)
	}
	t.Logf("%d calls in all, %d at most in a second of a rate of %d", w.door.called(), w.door.most(), rate)
}

// pass lets time pass at the platform.
func (m *mall) pass(d time.Duration) { m.ahead.Add(int64(d)) }

// weather is what happens to a shop.
type weather struct {
	*mall
	tables    *sql.DB
	door      *stampedDoor
	churn     *taobaotest.Churn
	promotion atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	// victims are the trades that will be poisoned, details how many details were asked for.
	victims []string
	details int
	// steps is how much may still happen before the next tick: in promotion hours an order is asked for at each run while it is listed, so
	// that a shop in which each call made changes would never come to rest.
	steps  int
	failed int
}

// begin lets the weather come.
func (w *weather) begin() {
	w.steps = *taobaoTrades
	for _, o := range w.truth.Trades() {
		if len(o.Lines) > 1 {
			w.victims = append(w.victims, o.TID)
		}
	}
	w.random.Shuffle(len(w.victims), func(i, j int) { w.victims[i], w.victims[j] = w.victims[j], w.victims[i] })
	w.victims = w.victims[:len(taobaotest.Poisons())]
	storm := taobaotest.Storm(*taobaoSeed, *taobaoFaults)
	w.platform.Change(func(r *taobaotest.Rules) {
		r.UntilExclusive, r.LastPageAgain, r.NoHasNextAtEnd = w.random.IntN(2) == 0, w.random.IntN(2) == 0, w.random.IntN(2) == 0
		r.IgnoreHasNext, r.ShuffleTies, r.Starve, r.Seed = w.random.IntN(3) == 0, true, w.random.IntN(2) == 0, *taobaoSeed
		r.Grace = 500 * time.Millisecond
		r.Promotion = func(time.Time) bool { return w.promotion.Load() }
		r.Before = w.live
		r.Fault = func(r taobaotest.Request) *taobaotest.Fault {
			f := storm(r)
			if f != nil && f.SubCode == taobaotest.TooHeavy().SubCode {
				return nil
			}
			if f != nil {
				f.Latency /= 5
			}
			return f
		}
	})
}

// live changes the shop before a call is answered.
func (w *weather) live(r taobaotest.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.steps > 0 && w.random.IntN(8) == 0 {
		w.steps--
		w.churn.Step()
	}
	if r.Method != "taobao.trade.fullinfo.get" {
		return
	}
	w.details++
	w.promotion.CompareAndSwap(false, w.details == *taobaoTrades/2) // which the first load does not get out of
	apart := max(*taobaoTrades/len(taobaotest.Poisons()), 1)
	if n := w.details / apart; w.details%apart == 0 && n <= len(w.victims) {
		w.truth.Modify(w.victims[n-1], func(o *taobaotest.Trade) { o.Poison = taobaotest.Poisons()[n-1] })
	}
}

// quiet ends the weather.
func (w *weather) quiet() {
	w.platform.Change(func(r *taobaotest.Rules) { r.Before, r.Fault, r.Promotion = nil, nil, nil })
}

// brings repeats the job of orders until it went through, as the schedule does: only what passes may end it.
func (w *weather) brings() {
	w.t.Helper()
	for range 40 {
		got := w.run("sync", "orders")
		if got.status == 0 {
			return
		}
		w.failed++
		var kind, text string
		err := w.tables.QueryRowContext(w.t.Context(), "SELECT kind, error FROM runs ORDER BY started_at DESC LIMIT 1").Scan(&kind, &text)
		if err != nil {
			w.t.Fatal(err)
		}
		if kind != "transient" && kind != "rate limited" && !strings.Contains(text, "differently") {
			w.t.Fatalf("%s (%s)\n%s", text, kind, got.stderr)
		}
		w.pass(time.Minute)
	}
	w.t.Fatal("forty runs did not get through")
}

// load makes the first load and says what it took.
func (w *weather) load() {
	w.t.Helper()
	begun := time.Now()
	w.brings()
	counts := w.platform.Count()
	w.t.Logf("first load, in the storm: %.1f s, %d trades, %d calls (%s), %.3f calls an order, %d runs failed on the way",
		time.Since(begun).Seconds(), w.stock(), sum(counts), inWords(counts), float64(sum(counts))/float64(w.stock()), w.failed)
}

// stock is how many orders are stored.
func (w *weather) stock() int { return w.number(w.tables, "SELECT COUNT(*) FROM orders") }

// inWords are the calls of each method.
func inWords(counts map[string]int) string {
	var words []string
	for _, method := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%s %d", strings.TrimPrefix(method, "taobao."), counts[method]))
	}
	return strings.Join(words, ", ")
}

// tick is five minutes later.
func (w *weather) tick() {
	w.t.Helper()
	w.pass(5 * time.Minute)
	w.mu.Lock()
	w.steps = 40
	w.mu.Unlock()
	begun, before, failed := time.Now(), w.platform.Count(), w.failed
	w.brings()
	counts := w.platform.Count()
	for method, n := range before {
		counts[method] -= n
	}
	w.t.Logf("a tick in the storm: %.1f s, %d calls (%s), %d runs failed", time.Since(begun).Seconds(), sum(counts), inWords(counts), w.failed-failed)
}

// steady measures what runs take that follow a shop in good weather.
func (w *weather) steady() {
	w.t.Helper()
	w.churn.Quiet = false
	calls, orders := map[string]int{}, 0
	mark := "SELECT COALESCE(SUM(orders_inserted + orders_updated), 0) FROM runs WHERE job = 'orders'"
	for range 4 {
		for range 40 {
			w.pass(7 * time.Second)
			w.churn.Step()
		}
		w.pass(2 * time.Minute)
		made, before := w.platform.Count(), w.number(w.tables, mark)
		w.did(0, "sync orders")
		for method, n := range w.platform.Count() {
			calls[method] += n - made[method]
		}
		orders += w.number(w.tables, mark) - before
	}
	if orders == 0 {
		w.t.Error("nothing changed: that proves nothing")
	}
	w.t.Logf("four ticks in good weather: %d orders, %d calls (%s), %.3f calls an order", orders, sum(calls), inWords(calls),
		float64(sum(calls))/float64(max(orders, 1)))
	w.compare()
}

// compare is matches, without a gap.
func (w *weather) compare() {
	w.t.Helper()
	w.matches()
	if n := w.number(w.tables, "SELECT COUNT(*) FROM gaps"); n != 0 {
		w.t.Errorf("%d gaps", n)
	}
}

// matches holds every column of the tables, and the dead letters, against the platform.
func (w *weather) matches() {
	w.t.Helper()
	fields := ""
	for _, r := range w.platform.Calls() {
		if r.Method == "taobao.trade.fullinfo.get" {
			fields = cmp.Or(r.Params["fields"], fields)
		}
	}
	is, err := found(w.t.Context(), w.tables, "tmall")
	if err != nil {
		w.t.Fatal(err)
	}
	should, poisoned := shelved(w.truth, fields), w.truth.Poisoned()
	list := should.differences(is, poisoned)
	for _, d := range list[:min(len(list), 5)] {
		w.t.Errorf("%.400s", d)
	}
	if len(list) > 5 {
		w.t.Errorf("and %d differences more", len(list)-5)
	}
	var dead []string
	err = eachRow(w.t.Context(), w.tables, "SELECT order_id FROM dead_letters WHERE source = ?", "tmall", func(row map[string]string) error {
		dead = append(dead, row["order_id"])
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(dead)
	if slices.Sort(poisoned); !slices.Equal(dead, poisoned) {
		w.t.Errorf("dead letters %v, poisoned %v", dead, poisoned)
	}
	w.t.Logf("compared %d orders, %d lines, %d refunds and %d texts, column by column; %d dead letters",
		len(should["orders"]), len(should["order_items"]), len(should["refunds"]), len(should["order_raw"]), len(dead))
}
