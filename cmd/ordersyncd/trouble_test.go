package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/rest/resttest"
)

// TestTrouble: the network, the shop or the database fails in the middle of a list, and orders change meanwhile. Each says what the
// failure is called; after the next run that is let through, every column of the tables equals the truth.
func TestTrouble(t *testing.T) {
	t.Parallel()
	b := newSceneBase(t, mysqltest.DSN(t))
	for _, trouble := range []struct {
		name string
		test func(*testing.T, *sceneBase)
	}{
		{"one bad answer in the middle of a newest-first list", badAnswers},
		{"a quarter of all answers are 500", manyFailures},
		{"the network is cut", networkCut},
		{"the key expires", keyExpires},
		{"429 with every form of Retry-After", tooMany},
		{"stated waits are kept", statedWaits},
		{"a replica that lags, by modification", func(t *testing.T, b *sceneBase) {
			laggingReplica(t, b, byModified, resttest.Shop{ByModification: true, UntilExclusive: true, Sorting: resttest.ByModified})
		}},
		{"a replica that lags, by creation", func(t *testing.T, b *sceneBase) { laggingReplica(t, b, sceneExtra, resttest.Shop{}) }},
		{"the database is down at the start and in the middle", databaseDown},
		{"a commit is lost", func(t *testing.T, b *sceneBase) { lostCommits(t, b, cut) }},
		{"the reply to a commit is lost", func(t *testing.T, b *sceneBase) { lostCommits(t, b, cutReply) }},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			trouble.test(t, b)
		})
	}
}

// live changes orders as a shop's life does: one that is on the newest page, one on the oldest, and one that is new.
func (s *scene) live(newest, oldest string) {
	for _, id := range []string{newest, oldest} {
		s.orders.Modify(id, func(o *resttest.Order) { o.Status, o.Total, o.Lines = "shipped", "6.25", o.Lines[:1] })
	}
	s.create(fmt.Sprint(90_000+s.orders.Writes()), s.now().Truncate(time.Second))
}

// oneDay makes 25 orders of one day, the day before yesterday, so that they are three pages of one list.
func (s *scene) oneDay() {
	noon := time.Now().UTC().AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(12 * time.Hour)
	for i := range 25 {
		s.create(fmt.Sprint(1000+i), noon.Add(time.Duration(i)*time.Minute))
	}
}

// atPage2 does something once, when the second page of a list is asked for. Lists are read from the last page to the second, so that
// is in their middle: the other pages are stored. What it answers with is answered until the next run: a connection that breaks is
// tried once more by the client's own transport where it had been used before.
func (s *scene) atPage2(do func() *resttest.Fault) {
	var met sync.Once
	var answer *resttest.Fault
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Fault = func(r resttest.Request) *resttest.Fault {
			if r.Page != 2 {
				return nil
			}
			met.Do(func() { answer = do() })
			return answer
		}
	})
}

// heals ends what atPage2 began.
func (s *scene) heals() { s.shop.Change(func(shop *resttest.Shop) { shop.Fault = nil }) }

// recovers lets time pass, runs once more and holds the tables against the truth.
func (s *scene) recovers(texts ...string) {
	s.t.Helper()
	s.heals()
	s.pass(5 * time.Minute)
	s.good(texts...)
	s.compare()
}

func badAnswers(t *testing.T, b *sceneBase) {
	for _, bad := range []struct {
		name, kind, said string
		fault            resttest.Fault
	}{
		{"500", "transient", "500 Internal Server Error", resttest.Status(500)},
		{"503", "transient", "503 Service Unavailable", resttest.Status(503)},
		{"504 with HTML", "transient", "504 Gateway Timeout", resttest.Fault{Status: 504, Body: "<html>", ContentType: "text/html"}},
		{"HTML with 200", "transient", "HTML", resttest.HTML()},
		{"body cut in half", "transient", "orders page 2 of", resttest.Cut(1500, false)},
		{"body cut in half, quietly", "transient", "cut short", resttest.Cut(1500, true)},
		{"no body", "transient", "empty", resttest.Fault{Empty: true}},
		{"connection reset", "transient", "orders page 2 of", resttest.Fault{Reset: true}},
		{"an error inside a 200", "protocol", "(code 17)", resttest.ErrorObject("17", "no")},
	} {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			s := b.scene(t, resttest.Shop{Sorting: resttest.NewestFirst})
			s.oneDay()
			s.atPage2(func() *resttest.Fault {
				s.live("1024", "1000")
				return &bad.fault
			})
			remedy := "Try again, or let the daemon do so"
			if bad.kind == "protocol" {
				remedy = "Compare the source's settings with the shop's API"
			}
			s.fails(s.sync(), bad.kind, "orders page 2 of", bad.said, remedy)
			if n := s.count("orders"); n == 0 || n >= 25 {
				t.Errorf("%d orders are stored of a list that broke in its middle", n)
			}
			if n := s.number("SELECT COUNT(*) FROM checkpoints WHERE source = ? AND watermark > UTC_DATE() - INTERVAL 1 DAY", s.source); n != 0 {
				t.Error("the watermark passed a list that was not read whole")
			}
			s.recovers()
		})
	}
}

func manyFailures(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{Sorting: resttest.NewestFirst})
	s.fill(35)
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Fault = func(r resttest.Request) *resttest.Fault {
			if rand.New(rand.NewPCG(uint64(r.N), 7)).IntN(4) > 0 {
				return nil
			}
			f := resttest.Status(500)
			return &f
		}
	})
	// No call is repeated within a run. Each run gets as far as it gets, and none loses ground.
	runs := 1
	for got := s.sync(); got.status != 0; got = s.sync() {
		s.fails(got, "transient", "500 Internal Server Error")
		if runs++; runs > 60 {
			t.Fatal("sixty runs did not get through a shop of whose answers three quarters are good")
		}
	}
	if runs < 3 {
		t.Errorf("%d runs: that proves nothing", runs)
	}
	s.heals()
	s.compare()
	s.live("1034", "1000")
	s.recovers()
}

func networkCut(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.oneDay()
	l := newLink(t, "tcp", strings.TrimPrefix(s.base, "http://"))
	s.base = "http://" + l.address()
	s.file("ordersyncd.yaml", s.yaml())
	for _, f := range []fate{cut, cutReply} {
		s.live("1024", "1000")
		l.at(func(sent []byte) fate {
			if bytes.Contains(sent, []byte("GET /orders/list")) && bytes.Contains(sent, []byte("page=2&")) {
				return f
			}
			return carry
		})
		s.fails(s.sync("--since", s.now().AddDate(0, 0, -2).UTC().Format(time.DateOnly)), "transient", "orders page 2 of",
			"Try again, or let the daemon do so")
	}
	l.at(func([]byte) fate { return carry })
	l.down(true)
	s.fails(s.sync(), "transient", l.address(), "no order is lost")
	l.down(false)
	s.recovers()
}

func keyExpires(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.oneDay()
	s.atPage2(func() *resttest.Fault {
		s.live("1024", "1000")
		s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
		f := resttest.Status(401)
		return &f
	})
	s.fails(s.sync(), "auth", "The shop refuses the credential", "401", "ordersyncd check --online")
	before := len(s.shop.Requests())
	for _, job := range []string{s.source, s.source + "-sweep"} {
		s.fails(s.do("sync", job), "auth", "The shop refuses the credential", "no call was made", "ordersyncd check --online")
	}
	if n := len(s.shop.Requests()) - before; n > 1 { // one an hour looks whether the key is good again
		t.Errorf("%d calls with a key that was refused", n)
	}
	wantRan(t, s.do("check", "--online"), 1, "failed  source "+s.source, "Put a valid credential in its place")
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = s.token })
	wantRan(t, s.do("check", "--online"), 0, "ok      source "+s.source)
	s.recovers()
}

func tooMany(t *testing.T, b *sceneBase) {
	for _, form := range []struct {
		name, header string
		parked       bool
	}{
		{"none", "", false},
		{"seconds", "1", false},
		{"a decimal", "1.5", false},
		{"two minutes", "120", true},
		{"a day", "86400", true},
		{"more than a day", "864000", false},
		{"zero", "0", false},
		{"negative", "-5", false},
		{"words", "soon", false},
		{"a date", "+2s", false},
		{"a date in ten minutes", "+10m", true},
		{"a date that is over", "-10m", false},
		{"a date in a month", "+720h", false},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			s := b.scene(t, resttest.Shop{})
			s.oneDay()
			s.atPage2(func() *resttest.Fault {
				s.live("1024", "1000")
				header := form.header
				if d, err := time.ParseDuration(header); err == nil && d != 0 {
					header = s.now().Add(d).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
				}
				f := resttest.TooMany(header)
				return &f
			})
			s.fails(s.sync(), "rate limited", "orders page 2 of", "429", "The shop asks for a pause")
			before := len(s.shop.Requests())
			credential := "SELECT COUNT(*) FROM pace WHERE parked_until > UTC_TIMESTAMP(6) + INTERVAL 50 SECOND AND credential = ?"
			parked := s.number(credential, s.credential()) > 0
			if parked != form.parked {
				t.Errorf("parked: %v, want %v", parked, form.parked)
			}
			if parked {
				s.fails(s.sync(), "rate limited", "The shop asks for a pause")
				if n := len(s.shop.Requests()) - before; n != 0 {
					t.Errorf("%d calls while the shop wants none", n)
				}
				if _, err := s.db.ExecContext(t.Context(), "UPDATE pace SET parked_until = NULL WHERE credential = ?", s.credential()); err != nil {
					t.Fatal(err)
				}
			}
			s.recovers()
		})
	}
}

// credential is the name of the source's credential in the table pace.
func (s *scene) credential() string {
	s.t.Helper()
	p := &program{config: s.config, getenv: func(string) string { return "" }, screen: &screen{}}
	cfg, err := p.load()
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg.Sources[0].Rest.Credential()
}

func statedWaits(t *testing.T, b *sceneBase) {
	for _, form := range []struct {
		name, header string
		least        time.Duration
	}{
		{"seconds", "1", time.Second},
		{"a decimal", "1.2", 1200 * time.Millisecond},
		{"a date", "date", time.Second},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			s := b.scene(t, resttest.Shop{})
			s.file("ordersyncd.yaml", s.yaml("http: {retries: 0}", "http: {retries: 1}"))
			s.oneDay()
			limited := 0
			s.atPage2(func() *resttest.Fault {
				s.heals()
				limited = len(s.shop.Requests())
				header := form.header
				if header == "date" {
					header = s.now().Add(2 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
				}
				f := resttest.TooMany(header)
				return &f
			})
			s.good("25 new")
			requests := s.shop.Requests()
			if waited := requests[limited].At.Sub(requests[limited-1].At); waited < form.least {
				t.Errorf("the next call came after %s, and the shop had asked for %s", waited, form.least)
			}
			s.compare()
		})
	}
}

func laggingReplica(t *testing.T, b *sceneBase, extra string, shop resttest.Shop) {
	s := b.scene(t, shop)
	s.file("ordersyncd.yaml", s.yaml(sceneExtra, extra))
	s.fill(25)
	s.good("25 new")
	s.pass(15 * time.Minute)
	s.live("1024", "1000")
	s.pass(5 * time.Minute)
	s.good("1 new", "2 changed")
	s.compare()
	// From here on every second answer, and then every answer, is ten minutes old.
	for _, every := range []int{2, 1} {
		s.shop.Change(func(shop *resttest.Shop) {
			shop.Lag = func(r resttest.Request) time.Duration {
				if r.N%every != 0 {
					return 0
				}
				return 10 * time.Minute
			}
		})
		got := s.sync()
		if every == 1 {
			wantRan(t, got, 0, "older than stored")
		}
		if strings.Contains(got.stdout, "(-") {
			t.Errorf("ahead of its own clock: %s", got.stdout)
		}
		s.compare()
	}
	// What the replica hid when the watermark passed is found as soon as it catches up.
	s.live("1023", "1001")
	s.pass(2 * time.Minute)
	wantRan(t, s.sync(), 0, "0 changed")
	s.shop.Change(func(shop *resttest.Shop) { shop.Lag = nil })
	s.recovers("2 changed")
}

// fate is what becomes of what a client sends through a link.
type fate int

const (
	carry fate = iota
	// cut: it is lost, and the connection with it.
	cut
	// cutReply: it arrives, and the connection breaks before the answer.
	cutReply
)

// link is a network between a client and a server that can be cut.
type link struct {
	network, target string
	listener        net.Listener
	serving         sync.WaitGroup

	mu    sync.Mutex
	judge func(sent []byte) fate
	away  bool
	open  map[net.Conn]bool
}

func newLink(t *testing.T, network, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{network: network, target: target, listener: listener, open: map[net.Conn]bool{}}
	l.at(func([]byte) fate { return carry })
	l.serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			l.serving.Go(func() { l.join(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.down(true)
		l.serving.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// at sets what judges all that is sent from now on.
func (l *link) at(judge func(sent []byte) fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judge = judge
}

// down breaks all connections and lets no new one live, or ends that.
func (l *link) down(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
	if away {
		for c := range l.open {
			_ = c.Close()
		}
		clear(l.open)
	}
}

// keep notes a connection; it reports false, and closes it, where the link is down.
func (l *link) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		if l.away {
			_ = c.Close()
		} else {
			l.open[c] = true
		}
	}
	return !l.away
}

func (l *link) join(client net.Conn) {
	server, err := net.Dial(l.network, l.target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !l.keep(client, server) {
		return
	}
	var mute atomic.Bool
	var back sync.WaitGroup
	back.Go(func() {
		pipe(server, func(answer []byte) bool {
			if mute.Load() {
				return false
			}
			_, err := client.Write(answer)
			return err == nil
		})
		_ = client.Close()
	})
	pipe(client, func(sent []byte) bool {
		l.mu.Lock()
		f := l.judge(sent)
		l.mu.Unlock()
		if f == cut {
			return false
		}
		mute.Store(f == cutReply)
		_, err := server.Write(sent)
		if f == cutReply {
			back.Wait()
		}
		return err == nil && f == carry
	})
	_ = server.Close()
	back.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, client)
	delete(l.open, server)
}

// pipe hands on what comes until that fails or nothing more comes.
func pipe(from net.Conn, on func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !on(buffer[:n]) || err != nil {
			return
		}
	}
}

// behind puts a link between the scene and its database.
func (s *scene) behind(dsn string) *link {
	s.t.Helper()
	c, err := driver.ParseDSN(dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	l := newLink(s.t, c.Net, c.Addr)
	c.Net, c.Addr = "tcp", l.address()
	s.file("dsn", c.FormatDSN())
	return l
}

func databaseDown(t *testing.T, b *sceneBase) {
	s := b.scene(t, resttest.Shop{})
	s.oneDay()
	l := s.behind(b.dsn)
	l.down(true)
	wantRan(t, s.sync(), 1, "the orders wait at the shop", "ordersyncd check --online")
	if n := len(s.shop.Requests()); n != 0 {
		t.Errorf("%d calls for orders that cannot be stored", n)
	}
	l.down(false)
	s.atPage2(func() *resttest.Fault {
		s.live("1024", "1000")
		l.down(true)
		return nil
	})
	wantRan(t, s.sync(), 1, "the orders wait at the shop", "See that the database server runs")
	if n := s.count("orders"); n == 25 {
		t.Error("everything was stored before the database went down: that proves nothing")
	}
	l.down(false)
	// The run could not give its lease back. It ends after half a minute, for which nobody here wants to wait.
	if _, err := s.db.ExecContext(t.Context(), "UPDATE leases SET held_until = UTC_TIMESTAMP(6) WHERE source = ?", s.source); err != nil {
		t.Fatal(err)
	}
	s.recovers()
}

// lostCommits loses every third commit.
func lostCommits(t *testing.T, b *sceneBase, f fate) {
	s := b.scene(t, resttest.Shop{})
	s.oneDay()
	l := s.behind(b.dsn)
	commits, lost := 0, 0
	l.at(func(sent []byte) fate {
		if len(sent) > 5 && sent[4] == 3 && string(sent[5:]) == "COMMIT" {
			if commits++; commits%3 == 0 {
				lost++
				return f
			}
		}
		return carry
	})
	s.good("25 new", "0 changed")
	s.compare()
	for range 2 {
		s.live("1024", "1000")
		s.recovers()
	}
	l.down(true)
	if lost < 5 {
		t.Errorf("%d of %d commits were lost: that proves too little", lost, commits)
	}
	if n := s.number("SELECT COUNT(*) FROM runs WHERE source = ? AND outcome = 'failed'", s.source); n != 0 {
		t.Errorf("%d runs failed for a commit that could be made again", n)
	}
}
