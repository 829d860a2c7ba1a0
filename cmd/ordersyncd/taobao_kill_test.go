package main

import (
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/taobao/taobaotest"
)

var taobaoKills = flag.Int("taobao-kills", 6, "how often TestTaobaoKill kills the daemon")

// TestTaobaoKill kills the real daemon with SIGKILL while it reads the history of a shop, while it hands over to its changes, and while
// it follows them, all of it with trades that change between any two calls. After each kill everything is stored that the watermarks cover;
// after the last start every column equals the platform, without a sweep. That the job begins before what the shop lists is one gap,
// however often the load is begun.
func TestTaobaoKill(t *testing.T) {
	t.Parallel()
	for n := range (*taobaoKills + 2) / 3 {
		t.Run(fmt.Sprint("shop ", n), func(t *testing.T) {
			t.Parallel()
			p := newPrey(t, uint64(n)+1)
			p.dies("in the history", p.inHistory())
			p.covered("history %")
			p.dies("at the hand-over", p.atHandOver())
			p.covered("history %")
			p.covered("orders")
			p.dies("among the changes", p.amongChanges())
			p.covered("orders")
			p.survives()
			p.compare()
		})
	}
}

const preyTrades = 200

// prey is a shop whose daemon is killed.
type prey struct {
	*weather
	// fatal says at which call it is killed; struck is closed then.
	fatal  func(taobaotest.Request) bool
	struck chan struct{}
	dying  sync.Mutex
}

func newPrey(t *testing.T, seed uint64) *prey {
	t.Helper()
	m := newMall(t, preyTrades)
	p := &prey{weather: &weather{mall: m, tables: m.db(), churn: m.truth.Churn(seed), random: rand.New(rand.NewPCG(seed, 5))}}
	m.platform.Change(func(r *taobaotest.Rules) {
		r.UntilExclusive, r.ShuffleTies, r.Seed = seed%2 == 0, true, seed
		r.Before = p.live
	})
	m.write(m.yaml(400, "*/5 * * * *", "* * * * * *", "  sweep:", "  # sweep:", "  parcels:", "  # parcels:",
		"    settle: 1s\n", "    settle: 1s\n    overlap: 10s\n    slice: 23h\n"))
	m.did(0, "migrate up")
	return p
}

// live changes the shop before a call is answered, and strikes when the fatal one comes.
func (p *prey) live(r taobaotest.Request) {
	p.dying.Lock()
	defer p.dying.Unlock()
	if p.random.IntN(6) == 0 {
		p.churn.Step()
	}
	if p.fatal != nil && p.fatal(r) {
		p.fatal = nil
		close(p.struck)
	}
}

// inHistory is at some detail of the first load.
func (p *prey) inHistory() func(taobaotest.Request) bool {
	n := 1 + p.random.IntN(preyTrades*9/10)
	return func(r taobaotest.Request) bool { return r.Method == "taobao.trade.fullinfo.get" && r.Nth >= n }
}

// atHandOver is at one of the first calls for changes.
func (p *prey) atHandOver() func(taobaotest.Request) bool {
	left, begun := p.random.IntN(8), false
	return func(r taobaotest.Request) bool {
		begun = begun || r.Method == "taobao.trades.sold.increment.get"
		if begun {
			left--
		}
		return begun && left < 0
	}
}

// amongChanges is some calls after some pages of changes.
func (p *prey) amongChanges() func(taobaotest.Request) bool {
	pages, left := 3+p.random.IntN(4), p.random.IntN(20)
	return func(r taobaotest.Request) bool {
		if r.Method == "taobao.trades.sold.increment.get" {
			pages--
		}
		if pages <= 0 {
			left--
		}
		return left < 0
	}
}

// dies starts the daemon, and kills it at the fatal call and some microseconds more.
func (p *prey) dies(where string, fatal func(taobaotest.Request) bool) {
	p.t.Helper()
	p.dying.Lock()
	struck := make(chan struct{})
	p.fatal, p.struck = fatal, struck
	late := time.Duration(p.random.IntN(4000)) * time.Microsecond
	p.dying.Unlock()
	c := p.start(nil, "run")
	select {
	case <-struck:
	case <-c.ended:
		p.t.Fatalf("%s: the daemon ended by itself", where)
	case <-time.After(60 * time.Second):
		p.t.Fatalf("%s: the fatal call did not come within a minute", where)
	}
	<-time.After(late)
	c.signal(syscall.SIGKILL)
	c.end()
	p.t.Logf("killed %s: %d of %d trades are stored", where, p.stock(), p.truth.Len())
}

// watermark is how far a stream came; false where it did not come anywhere.
func (p *prey) watermark(stream string) (time.Time, bool) {
	p.t.Helper()
	var at sql.NullString
	if err := p.tables.QueryRowContext(p.t.Context(), "SELECT MAX(watermark) FROM checkpoints WHERE stream LIKE ?", stream).Scan(&at); err != nil {
		p.t.Fatal(err)
	}
	if !at.Valid {
		return time.Time{}, false
	}
	t, err := time.Parse("2006-01-02 15:04:05.000000", at.String)
	if err != nil {
		p.t.Fatal(err)
	}
	return t, true
}

// covered holds a watermark against what is stored: all that was made, or changed, before it.
func (p *prey) covered(stream string) {
	p.t.Helper()
	mark, ok := p.watermark(stream)
	if !ok {
		return
	}
	is, err := found(p.t.Context(), p.tables, "tmall")
	if err != nil {
		p.t.Fatal(err)
	}
	wrong, all := 0, 0
	for _, o := range p.truth.Trades() {
		row := is["orders"][o.TID]
		switch {
		case stream == "orders" && o.Modified.Before(mark):
			all++
			if row["modified_at"] != second(o.Modified) {
				wrong++
			}
		case stream != "orders" && o.Created.Before(mark):
			all++
			if row == nil {
				wrong++
			}
		}
	}
	if wrong > 0 {
		p.t.Errorf("the watermark %s of %s covers %d trades, and %d of them are missing or old", mark, stream, all, wrong)
	}
}

// survives starts the daemon once more, lets the shop rest, and stops it when everything is stored.
func (p *prey) survives() {
	p.t.Helper()
	c := p.start(nil, "run")
	p.platform.Change(func(r *taobaotest.Rules) { r.Before = nil })
	last := p.truth.Now()
	within(p.t, time.Minute, "everything is stored", func() bool {
		mark, ok := p.watermark("orders")
		return ok && mark.After(last.Add(time.Second))
	})
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		p.t.Errorf("exit status %d after SIGTERM, want 0", status)
	}
}

// compare holds every column against the platform, and wants the one gap.
func (p *prey) compare() {
	p.t.Helper()
	p.matches()
	if n := p.number(p.tables, "SELECT COUNT(*) FROM gaps"); n != 1 {
		p.t.Errorf("%d gaps are noted, want 1", n)
	}
	if n := p.number(p.tables, "SELECT COUNT(*) FROM checkpoints WHERE stream LIKE 'history %'"); n != 1 {
		p.t.Errorf("%d first loads were begun, want one that goes on", n)
	}
}

// within waits until a condition holds, at most so long.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	late := time.NewTimer(limit)
	defer late.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-late.C:
			t.Fatalf("it did not come within %s that %s", limit, what)
		}
	}
}
