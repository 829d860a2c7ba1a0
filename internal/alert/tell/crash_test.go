package tell_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
	"ordersync/internal/fault"
)

// mortal is a process that dies at a step: from then on nothing that it does reaches anybody.
type mortal struct {
	mu    sync.Mutex
	steps int // until it dies; negative: it lives on
	dead  bool
	at    string // where it died
	die   func()
}

// step reports whether the process still lives after one more step of that name.
func (m *mortal) step(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return false
	}
	if m.steps == 0 {
		m.dead, m.at = true, name
		m.die()
		return false
	}
	m.steps--
	return true
}

// mortalBook is a book in the hands of a mortal.
type mortalBook struct {
	alert.Book
	m *mortal
}

func (b *mortalBook) Read(ctx context.Context) (alert.Contents, error) {
	if b.m.dying() {
		return alert.Contents{}, errDead
	}
	return b.Book.Read(ctx)
}

func (b *mortalBook) Write(ctx context.Context, s alert.Step) error {
	what := "compose"
	if len(s.Incidents)+len(s.Done) == 0 {
		what = string(s.Deliveries[0].State)
	}
	if !b.m.step("before writing " + what) {
		return errDead
	}
	err := b.Book.Write(ctx, s)
	if !b.m.step("after writing " + what) {
		return errDead
	}
	return err
}

// mortalChannel hands a mortal's notices to a mailbox that outlives it.
type mortalChannel struct {
	*mailbox
	m *mortal
	// flaky is how many of ten notices are not taken.
	flaky int
}

func (c *mortalChannel) Send(ctx context.Context, n alert.Notice) error {
	if !c.m.step("before sending") {
		<-ctx.Done()
		return ctx.Err()
	}
	if rand.IntN(10) < c.flaky {
		return errGreylisted
	}
	if err := c.mailbox.Send(ctx, n); err != nil {
		return err
	}
	if !c.m.step("after sending") {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// crashes is what a story of crashes led to.
type crashes struct {
	deaths     map[string]int
	duplicates int
	notices    int
}

// kill -9 at any step, a hundred times in a row, between sending and recording and everywhere else, while incidents open and end, with
// channels that fail now and then: nothing is lost, nothing is told under two ids, and only what was being sent is sent twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, flaky := range []int{0, 5} {
		t.Run(fmt.Sprintf("flaky %d", flaky), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				email, sentry := &mailbox{name: "email"}, &mailbox{name: "sentry"}
				c := crashes{deaths: map[string]int{}}
				s.killing(t, &c, 100, flaky, email, sentry)
				for _, m := range []*mailbox{email, sentry} {
					s.judge(t, m, &c)
				}
				sending := c.deaths["after sending"]
				t.Logf("%d kills: %v; %d notices, %d of them came twice", 100, c.deaths, c.notices, c.duplicates)
				// A kill cuts off what each channel was sending.
				if most := 2 * 100; c.duplicates > most || flaky == 0 && sending > 0 && c.duplicates == 0 {
					t.Errorf("%d duplicates of %d kills after sending", c.duplicates, sending)
				}
			})
		})
	}
}

// killing lets daemons live and die while runs fail and are good.
func (s *scene) killing(t *testing.T, c *crashes, kills, flaky int, boxes ...*mailbox) {
	t.Helper()
	dir := stateDir(t)
	for life := 0; life <= kills; life++ {
		m := &mortal{steps: -1}
		died := make(chan string, 1)
		if life < kills {
			m.steps = rand.IntN(20)
			m.die = func() { died <- copyOf(t, dir) } // what it writes from now on is lost
		}
		s.options = func(o *tell.Options) {
			share := o.Shared
			o.Rules = alert.Rules{GroupWait: 5 * time.Second, GroupInterval: 10 * time.Second}
			o.Shared = func(ctx context.Context, work func(context.Context, alert.Book) error) error {
				return share(ctx, func(ctx context.Context, book alert.Book) error { return work(ctx, &mortalBook{book, m}) })
			}
			o.Pause = func() time.Duration { return 24 * time.Hour }
		}
		var channels []tell.Channel
		for _, box := range boxes {
			channels = append(channels, &mortalChannel{mailbox: box, m: m, flaky: flaky})
		}
		d := s.start("a", dir, channels...)
		go func() { // what happens in this life
			for i := range 4 {
				if m.dying() {
					return
				}
				if i < 3 {
					d.Note(t.Context(), seldom(fmt.Sprintf("store-%d-%d", life, i), alert.Auth))
				}
				if i > 0 {
					d.Note(t.Context(), seldom(fmt.Sprintf("store-%d-%d", life, i-1), ""))
				}
				time.Sleep(time.Duration(rand.IntN(60)) * time.Second)
			}
		}()
		if life == kills {
			after(2 * time.Hour)
			d.stop()
			return
		}
		timer := time.NewTimer(5 * time.Minute)
		select {
		case dir = <-died:
			c.deaths[m.at]++
		case <-timer.C:
			m.kill()
			dir = <-died
			c.deaths["idle"]++
		}
		d.stop()
		synctest.Wait()
	}
}

// seldom is the end of a run of which one good one ends an incident.
func seldom(source string, class alert.Class) alert.Observation {
	o := run(source, class)
	o.Run.Seldom = true
	return o
}

func (m *mortal) dying() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dead {
		m.dead, m.at = true, "idle"
		m.die()
	}
}

// judge compares what a mailbox got with what the books say was told.
func (s *scene) judge(t *testing.T, m *mailbox, c *crashes) {
	t.Helper()
	type change struct {
		incident string
		seq      int
	}
	under, times, beyond := map[change][]string{}, map[string]int{}, map[alert.Scope]bool{}
	for _, r := range m.receipts() {
		times[r.notice.ID]++
		for _, n := range append(slices.Clone(r.notice.Parts), r.notice) {
			for _, scope := range n.MoreScopes {
				beyond[scope] = true
			}
			for _, item := range n.Items {
				if item.Change == alert.Reminded || item.Class == alert.Channel {
					continue
				}
				key := change{item.ID, item.Seq}
				if !slices.Contains(under[key], r.notice.ID) {
					under[key] = append(under[key], r.notice.ID)
				}
			}
		}
	}
	for _, n := range times {
		c.notices++
		c.duplicates += n - 1
	}
	for key, ids := range under {
		if len(ids) > 1 {
			t.Errorf("%s: change %d of incident %s was told in %q", m.name, key.seq, key.incident, ids)
		}
	}
	for _, i := range s.db.incidents {
		if i.Phase == alert.Failing || i.OpenedAt.IsZero() {
			continue
		}
		if i.ToldSeq != i.Seq {
			t.Errorf("incident %s of %s: %d of %d changes were told", i.ID, i.Scope, i.ToldSeq, i.Seq)
		}
		if i.Told != "" && len(under[change{i.ID, i.ToldSeq}]) == 0 && !beyond[i.Scope] {
			t.Errorf("%s: %s of %s was lost", m.name, i.Told, i.Scope)
		}
	}
	for _, d := range s.db.deliveries {
		if d.Channel == m.name && (d.State == alert.Waiting || d.State == alert.GivenUp || d.State == alert.Sent && times[d.Notice.ID] == 0) {
			t.Errorf("%s: notice %s is %s and came %d times", m.name, d.Notice.ID, d.State, times[d.Notice.ID])
		}
	}
}

// While the book does not know what was sent, nothing more is: who works it next can only guess one notice that may have been.
func TestNothingMoreBeforeTheRecord(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		email.does(func(context.Context, alert.Notice) (bool, error) {
			s.db.set(func(db *database) { db.away = true })
			return true, nil
		})
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		d.failed(t, "us-store", alert.Payload)
		after(50 * time.Second)
		wantLines(t, "while it is not recorded", email, "alarm auth opened source/us-store")
		email.fails(nil)
		s.db.set(func(db *database) { db.away = false })
		after(20 * time.Second)
		wantLines(t, "then", email, "alarm auth opened source/us-store", "alarm payload opened source/us-store")
	})
}

// Two daemons, between which the lease goes to and fro, also in the middle of a send, and a database that comes and goes.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) { storm(t, s, rand.New(rand.NewPCG(seed, 5))) })
		})
	}
}

func storm(t *testing.T, s *scene, random *rand.Rand) {
	t.Helper()
	s.options = func(o *tell.Options) {
		o.Rules = alert.Rules{GroupWait: 5 * time.Second, GroupInterval: 10 * time.Second}
	}
	email := &mailbox{name: "email"}
	var luck sync.Mutex
	draw := func(n int) int {
		luck.Lock()
		defer luck.Unlock()
		return random.IntN(n)
	}
	email.does(func(ctx context.Context, _ alert.Notice) (bool, error) {
		wait, taken, told := draw(40), draw(4) > 0, draw(8) > 0
		timer := time.NewTimer(time.Duration(wait) * time.Second)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return taken, ctx.Err() // it may have it all the same
		case <-timer.C:
		}
		if !taken {
			return false, errGreylisted
		}
		if !told {
			return true, fault.Errorf(fault.Transient, "the connection was closed")
		}
		return true, nil
	})
	a, b := s.start("a", stateDir(t), email), s.start("b", stateDir(t), email)
	for i := range 50 {
		d, other := a, "b"
		if draw(2) == 0 {
			d, other = b, "a"
		}
		source := fmt.Sprintf("store-%d", i)
		d.Note(t.Context(), seldom(source, alert.Auth))
		after(time.Duration(draw(120)) * time.Second)
		switch draw(4) {
		case 0:
			s.db.set(func(db *database) { db.away = !db.away })
		case 1:
			s.db.set(func(db *database) { db.hangs = !db.hangs })
		case 2:
			s.db.pass(other)
		}
		d.Note(t.Context(), seldom(source, ""))
	}
	s.db.set(func(db *database) { db.away, db.hangs = false, false })
	s.db.pass("")
	email.fails(nil)
	after(2 * time.Hour)
	a.stop()
	b.stop()
	c := crashes{}
	s.judge(t, email, &c)
	t.Logf("%d notices, %d came more than once", c.notices, c.duplicates)
	if c.notices < 10 {
		t.Errorf("only %d notices", c.notices)
	}
}
