package taobao_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/taobao"
	"ordersync/internal/taobao/taobaotest"
)

var (
	seeds   = flag.Int("seeds", 3, "simulated shops of TestStorm")
	oneSeed = flag.Uint64("seed", 0, "simulate this shop alone")
	trades  = flag.Int("trades", 600, "trades of each shop at the beginning")
)

const (
	settle  = time.Minute
	overlap = 20 * time.Minute
	// perSecond is the rate of the shop's app in this test.
	perSecond = 50
)

// TestStorm: hundreds of trades (or -trades 2000), live changes between any two calls, bans, pages for people, cut bodies, isp errors,
// windows that are too heavy, promotion hours in which lists lag and answers lack what matters, and ten poisoned trades, on virtual
// time. After the changes end every trade is stored as the platform has it, the poisoned ones are dead letters, no call was made during
// a ban that had been told, and no second held more calls than the rate.
func TestStorm(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), uint64(*seeds)
	if *oneSeed != 0 {
		first, last = *oneSeed, *oneSeed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

// life is one shop in trouble, and what is stored of it.
type life struct {
	*stage
	*memory
	t     *testing.T
	rng   *rand.Rand
	churn *taobaotest.Churn
	// handover is when the history was begun.
	handover time.Time
}

func storm(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	l := &life{t: t, rng: rng, memory: &memory{checkpoints: map[string]order.Checkpoint{}, orders: map[string]*order.Order{}, dead: map[string]order.Version{}}}
	spoil := taobaotest.Storm(seed, 4)
	rules := taobaotest.Rules{
		UntilExclusive: rng.IntN(2) == 0, IgnoreHasNext: rng.IntN(3) == 0, NoHasNextAtEnd: rng.IntN(2) == 0, LastPageAgain: rng.IntN(2) == 0,
		ShuffleTies: true, TextIDs: rng.IntN(2) == 0, Slashes: rng.IntN(2) == 0, Starve: rng.IntN(2) == 0, HeavyRows: *trades / 3, Seed: seed,
		Promotion: func(at time.Time) bool {
			return at.After(clock.Add(40*time.Minute)) && at.Before(clock.Add(100*time.Minute))
		},
		Fault: spoil,
	}
	l.stage = open(t, rules, func(o *taobao.Options) { o.PageSize = 40 + rng.IntN(61) })
	l.churn = l.truth.Churn(seed)
	l.churn.Quiet = true
	l.churn.Fill(*trades, clock.Add(-10*24*time.Hour), clock)
	l.churn.Poison(10)
	var mu sync.Mutex
	l.server.Change(func(r *taobaotest.Rules) {
		r.Before = func(taobaotest.Request) {
			mu.Lock()
			defer mu.Unlock()
			if rng.IntN(8) == 0 {
				l.churn.Step()
			}
		}
	})
	for end := clock.Add(3 * time.Hour); time.Now().Before(end); time.Sleep(5 * time.Minute) {
		l.tick()
	}
	l.server.Change(func(r *taobaotest.Rules) { r.Before, r.Fault, r.Promotion = nil, nil, nil })
	time.Sleep(overlap)
	l.tick()
	l.sweep()
	l.check()
}

// tick is what a job does: the history first, from where it stood, then the changes since it was begun.
func (l *life) tick() {
	const history = "history"
	if cp := l.checkpoints[history]; cp.Watermark.IsZero() || !cp.Window.Empty() {
		if l.handover.IsZero() {
			l.handover = time.Now().Add(-settle).Truncate(time.Second)
		}
		span := ordersync.Span{Start: clock.Add(-11 * 24 * time.Hour), Until: l.handover}
		if !l.run(history, l.History(), 24*time.Hour, span) {
			return
		}
	}
	l.run("orders", l.Orders(), taobao.Longest-time.Second, ordersync.Span{Start: l.handover.Add(-overlap)})
}

// sweep reads everything again by creation, and the refunds by their own time: for what the list of changes does not tell.
func (l *life) sweep() {
	span := ordersync.Span{Back: 12 * 24 * time.Hour}
	if !l.run("sweep", l.History(), 24*time.Hour, span) || !l.run("refunds", l.Refunds(), taobao.Longest-time.Second, span) {
		l.t.Fatal("the quiet sweep failed")
	}
}

// run repeats a run while it fails for a passing reason, waiting as the schedule does, ten times at most.
func (l *life) run(name string, source ordersync.Source, slice time.Duration, span ordersync.Span) bool {
	s := &ordersync.Stream{
		ID: "tmall", Name: name, Source: source, Store: l.memory,
		Limits: ordersync.Limits{Step: time.Second, Slice: slice, Overlap: overlap, Settle: settle},
	}
	var err error
	for range 10 {
		_, err = s.Run(l.t.Context(), span)
		if err == nil {
			return true
		}
		if kind := fault.KindOf(err); !kind.Passing() && kind != fault.Protocol {
			l.t.Fatalf("%s: %v (%v)", name, err, kind)
		}
		time.Sleep(max(time.Minute, fault.RetryAfter(err)))
	}
	l.t.Logf("%s at %s: %v", name, time.Now().Format(time.TimeOnly), err)
	return false
}

// check compares what is stored with the platform's truth, in the platform's own nouns.
func (l *life) check() {
	l.t.Helper()
	wrong := 0
	complain := func(format string, args ...any) {
		if wrong++; wrong < 10 {
			l.t.Errorf(format, args...)
		}
	}
	poisoned := l.truth.Poisoned()
	for _, want := range l.truth.Trades() {
		if _, bad := slices.BinarySearch(poisoned, want.TID); bad {
			continue
		}
		got := l.orders[want.TID]
		if got == nil {
			complain("%s is missing", want.TID)
			continue
		}
		if a, b := text(want), stored(got); a != b {
			complain("%s\nthe platform: %s\nstored:       %s", want.TID, a, b)
		}
	}
	if dead := slices.Sorted(maps.Keys(l.dead)); !slices.Equal(dead, poisoned) {
		complain("dead letters %v, poisoned %v", dead, poisoned)
	}
	if ghosts := len(l.orders) + len(poisoned) - l.truth.Len(); ghosts > len(poisoned) {
		complain("%d orders that the platform does not have", ghosts)
	}
	if calls := l.server.DefiantCalls(); len(calls) > 0 {
		complain("%d calls during a ban, the first %+v", len(calls), calls[0])
	}
	if most := l.server.Busiest(time.Second); most > perSecond {
		complain("%d calls in one second", most)
	}
	if strays := l.server.Strays(); len(strays) > 0 {
		complain("calls that nobody meant: %v", strays)
	}
}

// text is a trade as the platform has it, stored the same as we store it.
func text(o taobaotest.Trade) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s paid %s refunded %s post %s;", o.Status, o.Modified.UTC().Format(time.DateTime), o.Payment(), o.Refunded(), o.PostFee)
	lines := map[string]string{}
	for _, line := range o.Lines {
		lines[line.OID] = fmt.Sprintf(" %s %d x %s %s;", line.OID, line.Num, line.Price, line.Status)
	}
	for _, service := range o.AddOns {
		lines[service.OID] = fmt.Sprintf(" %s %d x %s;", service.OID, service.Num, service.Price)
	}
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(lines[id])
	}
	return b.String()
}

func stored(o *order.Order) string {
	var b strings.Builder
	money := func(d order.Field[order.Decimal]) string {
		v, ok := d.Get()
		if !ok {
			return "0.00"
		}
		return strings.TrimSuffix(v.String(), "0000")
	}
	fmt.Fprintf(&b, "%s %s paid %s refunded %s post %s;", o.SourceStatus.Value(), o.ModifiedAt.UTC().Format(time.DateTime), money(o.Total),
		money(o.Refunded), money(o.ShippingFee))
	for _, line := range o.Items.Value() {
		fmt.Fprintf(&b, " %s %s x %s", line.LineID, strings.TrimSuffix(line.Quantity.Value().String(), ".000000"), money(line.UnitPrice))
		if status, ok := line.Status.Get(); ok {
			b.WriteString(" " + status)
		}
		b.WriteString(";")
	}
	return b.String()
}

// memory is a store that keeps the promises of ordersync.Store.
type memory struct {
	mu          sync.Mutex
	checkpoints map[string]order.Checkpoint
	orders      map[string]*order.Order
	dead        map[string]order.Version
}

func (m *memory) Checkpoint(_ context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cp := m.checkpoints[stream]
	cp.Source, cp.Stream = source, stream
	return cp, nil
}

func (m *memory) Known(_ context.Context, _ order.SourceID, ids []string) (map[string]order.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := map[string]order.Version{}
	for _, id := range ids {
		if o := m.orders[id]; o != nil {
			known[id] = o.Version()
		}
	}
	return known, nil
}

func (m *memory) Commit(_ context.Context, from, to order.Checkpoint, page order.Page) (written order.Written, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.checkpoints[from.Stream].Revision != from.Revision {
		return written, order.ErrMoved
	}
	to.Revision = from.Revision + 1
	m.checkpoints[from.Stream] = to
	for _, r := range page.Records {
		if r.Dead != nil {
			if old := m.orders[r.Dead.ID]; old == nil || old.Version().Compare(r.Dead.Version) < 0 {
				m.dead[r.Dead.ID] = r.Dead.Version
				written.Dead++
			}
			continue
		}
		old := m.orders[r.Order.ID]
		if old != nil && r.Order.Version().Compare(old.Version()) < 0 {
			written.Stale++
			continue
		}
		merged := new(*r.Order)
		if old != nil {
			merged.Merge(old)
		}
		merged.Sort()
		m.orders[r.Order.ID] = merged
		if dead, ok := m.dead[r.Order.ID]; ok && r.Order.Version().Compare(dead) >= 0 {
			delete(m.dead, r.Order.ID)
		}
		written.Updated++
	}
	return written, nil
}
