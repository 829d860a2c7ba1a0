package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/rest/resttest"
	"ordersync/internal/taobao/taobaotest"
)

// street is a mall with a shop of another kind beside it, both of them read by one daemon, every second.
type street struct {
	*mall
	tables *sql.DB
	us     *resttest.Truth
}

// besides are the lines of the configuration that a street has more than a mall.
const besides = `  us-store:
    kind: rest
    preset: us-server
    base_url: %s
    auth: {bearer: "${file:%s/token}"}
    rate: {per_second: 1000}
    settle: 0s
jobs:
  us-orders: {sync: us-store, schedule: "* * * * * *", start: %s}
`

func newStreet(t *testing.T, trades int, replacements ...string) *street {
	t.Helper()
	m := newMall(t, trades)
	s := &street{mall: m, tables: m.db(), us: resttest.NewTruth(nil)}
	shop := resttest.New(s.us, resttest.Shop{Token: shopToken})
	base, stop, err := shop.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stop()
		if strays := shop.Strays(); len(strays) > 0 {
			t.Errorf("requests that nobody meant: %q", strays)
		}
	})
	m.secret("token", shopToken)
	m.write(m.yaml(60, append([]string{
		"*/5 * * * *", "* * * * * *", "  sweep:", "  # sweep:", "  parcels:", "  # parcels:",
		"jobs:\n", fmt.Sprintf(besides, base, m.folder, time.Now().AddDate(0, 0, -2).UTC().Format(time.DateOnly)),
	}, replacements...)...))
	key := runProgram(t.Context(), "keys", "new")
	wantRan(t, key, 0)
	m.secret("seal-key", key.stdout)
	m.rewrite("ORIGIN", strings.TrimSuffix(m.router, taobaotest.Router), "FOLDER", m.folder)
	m.did(0, "migrate up")
	return s
}

// rewrite replaces something in the configuration.
func (m *mall) rewrite(replacements ...string) {
	m.t.Helper()
	text, err := os.ReadFile(m.config)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(strings.NewReplacer(replacements...).Replace(string(text)))
}

// at does something once, before the n-th detail is answered.
func (m *mall) at(n int, do func()) {
	var once sync.Once
	m.platform.Change(func(r *taobaotest.Rules) {
		r.Before = func(r taobaotest.Request) {
			if r.Method == "taobao.trade.fullinfo.get" && r.Nth == n {
				once.Do(do)
			}
		}
	})
}

// others wants the other shop to go on: an order that is made there now is stored soon.
func (s *street) others() {
	s.t.Helper()
	now := time.Now().Add(-time.Second).Truncate(time.Second)
	id := fmt.Sprint(1000 + s.us.Len())
	s.us.Create(resttest.Order{ID: id, Status: "paid", Total: "1", Created: now, Modified: now})
	eventually(s.t, "an order of the other shop is stored", func() bool {
		return s.number(s.tables, "SELECT COUNT(*) FROM orders WHERE source = 'us-store' AND order_id = ?", id) == 1
	})
}

// whole wants every trade to be stored as the platform has it.
func (s *street) whole(limit time.Duration) {
	s.t.Helper()
	within(s.t, limit, "all trades are stored", func() bool {
		return s.number(s.tables, "SELECT COUNT(*) FROM orders WHERE source = 'tmall'") == s.truth.Len()
	})
	w := &weather{mall: s.mall, tables: s.tables}
	w.compare()
}

// refused waits for a run that failed for the shop's session, and returns its line.
func (s *street) refused(c *child) map[string]any {
	s.t.Helper()
	var line map[string]any
	eventually(s.t, "a run fails for the session", func() bool {
		for _, l := range c.logged("run") {
			if l["source"] == "tmall" && l["kind"] == "auth" {
				line = l
			}
		}
		return line != nil
	})
	return line
}

// TestTaobaoStandsStill: a shop is banned for half a minute, and the session of another one ends. Both tests are mostly waiting, and so
// they do it together.
func TestTaobaoStandsStill(t *testing.T) {
	t.Parallel()
	over := shortBan(t)
	sessionEnds(t)
	over()
}

// sessionEnds: the owner's session ends in the middle of the first load. That shop alone stops, without a call more; the log and status
// say what its owner must do. A new session in the configuration lets it go on where it stopped; and after that has ended, too, so does
// what the owner authorises, without a reload.
func sessionEnds(t *testing.T) {
	t.Helper()
	s := newStreet(t, 150, "    gateway:", "    redirect_uri: "+taobaotest.RedirectURI+"\n    oauth: ORIGIN\n    gateway:",
		"timezone:", "encryption: {key: \"${file:FOLDER/seal-key}\"}\ntimezone:")
	s.at(60, func() { s.platform.Expire(taobaotest.Session) })
	c := s.start(nil, "run")
	line := s.refused(c)
	if text := fmt.Sprint(line["error"], line["remedy"]); line["level"] != "ERROR" || !strings.Contains(text, "ordersyncd authorize") {
		t.Errorf("the log says %v", line)
	}
	s.stands(c)
	stored := s.number(s.tables, "SELECT COUNT(*) FROM orders WHERE source = 'tmall'")
	made := s.platform.Count()["taobao.trade.fullinfo.get"]

	fresh := s.platform.Grant(taobaotest.Token{Access: "6100the-second-session"})
	s.secret("session", fresh.Access)
	c.reload(logReloaded)
	s.whole(30 * time.Second)
	if again := s.platform.Count()["taobao.trade.fullinfo.get"] - made - (s.truth.Len() - stored); again > 20 {
		t.Errorf("%d details were asked for again", again)
	}

	s.truth.Modify(s.truth.Trades()[0].TID, func(o *taobaotest.Trade) { o.SellerMemo = "after the second session" })
	s.platform.Expire(fresh.Access)
	s.stands(c)
	code := s.platform.Authorize(taobaotest.AppKey, taobaotest.SellerNick)
	s.want(runWith(t.Context(), code+"\n", "authorize", "tmall", "-c", s.config), 0, "Granted and stored")
	within(t, time.Minute, "the change is stored", func() bool {
		return s.number(s.tables, "SELECT COUNT(*) FROM orders WHERE source = 'tmall' AND seller_note = 'after the second session'") == 1
	})
	s.whole(30 * time.Second)
	s.others()
	eventually(t, "all is well", func() bool { return s.run("status").status == 0 })
	s.did(0, "status", "tmall uses the token of the authorised")
	for _, secret := range []string{taobaotest.Session, fresh.Access, taobaotest.AppSecret, shopToken} {
		if c.mu.Lock(); strings.Contains(c.output.String(), secret) {
			t.Errorf("the log shows %s", secret)
		}
		c.mu.Unlock()
	}
}

// stands wants the shop to stand still without a call, the other one to go on, and status to say what is to be done.
func (s *street) stands(c *child) {
	s.t.Helper()
	eventually(s.t, "status knows", func() bool { return strings.Contains(s.run("status").stdout, "refuses its credential") })
	s.did(1, "status", "Not well: tmall refuses its credential.", "Type: ordersyncd authorize tmall", "refused since")
	before, runs := s.platform.Count(), len(c.logged("run"))
	s.others()
	eventually(s.t, "a few more runs were made", func() bool { return len(c.logged("run")) >= runs+6 })
	if n := sum(s.platform.Count()) - sum(before); n > 1 { // one an hour looks whether the session is good again
		s.t.Errorf("%d calls with a session that was refused", n)
	}
}

// shortBan: a ban of the app that can be sat out holds its runs back, to the second, and no other source. What it returns waits for its
// end.
func shortBan(t *testing.T) (over func()) {
	t.Helper()
	s := newStreet(t, 120, "    http: {retries: 0}\n", "")
	s.platform.Change(func(r *taobaotest.Rules) { r.Grace = 500 * time.Millisecond })
	var banned atomic.Bool
	s.at(40, func() {
		s.platform.FailMethod("taobao.trade.fullinfo.get", taobaotest.Limited(31, taobaotest.DynamicCount))
		banned.Store(true)
	})
	c := s.start(nil, "run")
	eventually(t, "the ban has come", func() bool {
		return banned.Load() && s.number(s.tables, "SELECT COUNT(*) FROM pace WHERE parked_until > UTC_TIMESTAMP(6) + INTERVAL 5 SECOND") == 1
	})
	for range 3 {
		s.others()
	}
	if n := s.number(s.tables, "SELECT COUNT(*) FROM pace WHERE parked_until > UTC_TIMESTAMP(6) + INTERVAL 5 SECOND"); n == 0 {
		t.Error("the ban was over before the other shop had been read: that proves nothing")
	}
	return func() {
		s.whole(2 * time.Minute)
		if calls := s.platform.DefiantCalls(); len(calls) > 0 {
			t.Errorf("%d calls during the ban, the first %+v", len(calls), calls[0])
		}
		c.signal(syscall.SIGTERM)
		c.end()
		if n := s.number(s.tables, "SELECT COUNT(*) FROM runs WHERE job = 'orders' AND outcome = 'failed'"); n != 0 {
			t.Errorf("%d runs failed for a ban that could be sat out", n)
		}
	}
}

// TestTaobaoLongBan: a longer ban ends the run and parks the app for all processes, and no other source.
func TestTaobaoLongBan(t *testing.T) {
	t.Parallel()
	s := newStreet(t, 60)
	s.at(20, func() {
		s.platform.FailMethod("taobao.trade.fullinfo.get", taobaotest.Limited(600, taobaotest.AppCount))
	})
	s.did(1, "sync orders", "No order is lost")
	if n := s.number(s.tables, "SELECT COUNT(*) FROM pace WHERE parked_until > UTC_TIMESTAMP(6) + INTERVAL 9 MINUTE"); n != 1 {
		t.Error("the app is not parked for as long as the ban lasts")
	}
	s.platform.Forget()
	s.did(1, "sync orders", "no call was made")
	s.did(1, "status", "pause until")
	s.did(0, "sync us-orders")
	if n := sum(s.platform.Count()); n != 0 {
		t.Errorf("%d calls during a ban", n)
	}
	s.pass(11 * time.Minute)
	s.exec(s.tables, "UPDATE pace SET parked_until = NULL")
	s.did(0, "sync orders")
	s.whole(time.Second)
}

// TestTaobaoOnePace: two shops of one app share its rate, also between two processes, and both are read. A process that the machine stops
// between its slot and the wire brings a call of one second into the next, which nobody can know: what is held here is that the two do
// not add up. BenchmarkPoliteness holds the rate to the call.
func TestTaobaoOnePace(t *testing.T) {
	t.Parallel()
	const rate, trades = 40, 120
	m := newMall(t, trades)
	tables := m.db()
	other := taobaotest.NewTruth(m.truth.Now)
	other.Churn(8).Fill(trades, time.Now().Add(-10*24*time.Hour), time.Now().Add(-time.Hour))
	m.platform.AddShop("other_shop", other)
	granted := m.platform.Grant(taobaotest.Token{Access: "6100other-session", AppKey: taobaotest.AppKey, Nick: "other_shop"})
	m.secret("other", granted.Access)
	var door *stampedDoor
	door, m.router = openDoor(t, m.platform)
	first := m.yaml(60, "per_second: 1000", fmt.Sprint("per_second: ", rate), "  sweep:", "  # sweep:", "  parcels:", "  # parcels:")
	m.write(first)
	m.did(0, "migrate up")
	second := *m.stage
	if err := os.Mkdir(filepath.Join(m.folder, "state-of-the-second"), 0o700); err != nil {
		t.Fatal(err)
	}
	second.config = m.folder + "/second.yaml"
	second.write(strings.NewReplacer("tmall", "other", "/session}", "/other}", "/state", "/state-of-the-second", "orders:", "other-orders:").Replace(first))
	daemons := []*child{m.start(nil, "run"), second.start(nil, "run")}
	for source, n := range map[string]int{"tmall": m.truth.Len(), "other": other.Len()} {
		within(t, time.Minute, source+" is stored", func() bool {
			return m.number(tables, "SELECT COUNT(*) FROM orders WHERE source = ?", source) == n
		})
	}
	for _, c := range daemons {
		c.signal(syscall.SIGTERM)
		c.end()
	}
	shares := map[string]int{}
	for _, r := range m.platform.Calls()[:rate*4] {
		shares[r.Params["session"]]++
	}
	if shares[taobaotest.Session] == 0 || shares[granted.Access] == 0 {
		t.Errorf("of the first calls each shop made %v", shares)
	}
	if most := door.most(); most > rate*11/10 {
		t.Errorf("%d calls in one second, and the rate of the app is %d", most, rate)
	}
	t.Logf("%d calls of two daemons, at most %d in a second of a rate of %d; of the first %d calls one made %d", door.called(), door.most(), rate,
		rate*4, shares[taobaotest.Session])
}

// TestTaobaoDailyQuota: a day's calls are never exceeded. The run that uses them up ends, and goes on from there when the next day begins.
func TestTaobaoDailyQuota(t *testing.T) {
	t.Parallel()
	const trades, perDay = 1000, 450
	s := newStreet(t, trades, "rate: {per_second: 1000}\n    http: {retries: 0}\n    settle: 1s",
		fmt.Sprintf("rate: {per_second: 250, per_day: %d}\n    http: {retries: 0}\n    settle: 1s", perDay))
	s.platform.Change(func(r *taobaotest.Rules) { r.PerDay = perDay })
	days := 1
	for ; ; days++ {
		got := s.run("sync", "orders")
		if got.status == 0 {
			break
		}
		wantRan(t, got, 1, "the calls of this day are used up; the next day begins in")
		if days == 30 {
			t.Fatal("thirty days do not suffice")
		}
		before := len(s.platform.Calls())
		s.did(1, "sync orders", "no call was made")
		s.did(0, "sync us-orders")
		if n := len(s.platform.Calls()) - before; n != 0 {
			t.Errorf("%d calls more on a day that was used up", n)
		}
		// The next day, for the database and for the platform.
		s.exec(s.tables, "UPDATE pace SET used = used - 1000000000")
		s.pass(24 * time.Hour)
	}
	s.whole(time.Second)
	byDay := map[int64]int{}
	for _, r := range s.platform.Calls() {
		if r.Code != 0 && r.Code != 31 { // what a process learns that comes to another day
			t.Errorf("the platform answered %d %s", r.Code, r.SubCode)
		}
		byDay[(r.At.Unix()+8*3600)/86400]++
	}
	for day, n := range byDay {
		if n > perDay {
			t.Errorf("%d calls on day %d", n, day)
		}
	}
	if n := len(s.platform.Calls()); days < 3 || n > trades*14/10 {
		t.Errorf("%d calls for %d trades in %d days", n, trades, days)
	}
	t.Logf("%d trades in %d days of at most %d calls: %v", trades, days, perDay, byDay)
}
