package tell_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
	"ordersync/internal/alert/tell"
	"ordersync/internal/fault"
)

var (
	errAway = fault.Errorf(fault.Database, "dial tcp 127.0.0.1:3306: connection refused")
	errDead = fault.Errorf(fault.Database, "this process is dead")
)

// database is the shared book with its lease and its inbox, for any number of daemons. Its clock is ahead of theirs.
type database struct {
	mu     sync.Mutex
	ahead  time.Duration
	away   bool
	hangs  bool // does not answer
	broken error
	holder string
	lose   context.CancelCauseFunc

	incidents  map[string]alert.Incident
	noted      []alert.Noted
	number     int64
	deliveries []alert.Delivery
	known      map[string]bool // observations
	writes     int
	// refuses, if not nil, tells why a delivery cannot be written.
	refuses func(alert.Delivery) error
}

func newDatabase() *database {
	return &database{ahead: 7 * time.Minute, incidents: map[string]alert.Incident{}, known: map[string]bool{}}
}

// call is one call of the database.
func (d *database) call(ctx context.Context, do func() error) error {
	d.mu.Lock()
	hangs := d.hangs
	d.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case d.away:
		return errAway
	case d.broken != nil:
		return d.broken
	}
	return do()
}

func (d *database) set(change func(*database)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// share gives a daemon of that name the lease where it is free or its own.
func (d *database) share(name string) func(context.Context, func(context.Context, alert.Book) error) error {
	return func(ctx context.Context, work func(context.Context, alert.Book) error) error {
		held, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		asking, enough := context.WithTimeout(ctx, 5*time.Second)
		defer enough()
		if err := d.call(asking, func() error {
			if d.holder != "" && d.holder != name {
				return fault.Errorf(fault.Transient, "%s has the lease", d.holder)
			}
			d.holder, d.lose = name, cancel
			return nil
		}); err != nil {
			return fault.New(cmp.Or(fault.KindOf(err), fault.Database), err)
		}
		defer d.set(func(d *database) {
			if d.holder == name {
				d.holder = ""
			}
		})
		return work(held, &sharedBook{d, name})
	}
}

// pass gives the lease to another daemon, as it happens to one that was frozen.
func (d *database) pass(to string) {
	d.set(func(d *database) {
		d.holder = to
		d.lose(fault.Errorf(fault.Transient, "the lease passed to %s", to))
	})
}

func (d *database) now() time.Time { return time.Now().UTC().Round(0).Add(d.ahead) }

// Note is the inbox.
func (d *database) Note(ctx context.Context, observations []alert.Observation) error {
	return d.call(ctx, func() error {
		for _, o := range observations {
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			if d.known[string(text)] {
				continue
			}
			d.known[string(text)] = true
			d.number++
			o.At = o.At.Add(d.ahead)
			d.noted = append(d.noted, alert.Noted{Number: d.number, Observation: o})
		}
		return nil
	})
}

// sharedBook is the shared book in the hands of one daemon.
type sharedBook struct {
	*database
	holding string
}

func (b *sharedBook) Read(ctx context.Context) (c alert.Contents, err error) {
	err = b.call(ctx, func() error {
		c = alert.Contents{Now: b.now(), Sent: map[string][]time.Time{}}
		for _, i := range b.incidents {
			if i.Phase != alert.Recovered || i.ToldSeq < i.Seq || c.Now.Sub(i.RecoveredAt) < alert.Calm {
				c.Incidents = append(c.Incidents, i) // which nobody changes
			}
		}
		c.Observations = slices.Clone(b.noted[:min(len(b.noted), 1000)])
		for _, d := range b.deliveries {
			switch {
			case d.State == alert.Waiting:
				c.Waiting = append(c.Waiting, d)
			case d.State == alert.Sent && c.Now.Sub(d.EndedAt) < time.Hour:
				c.Sent[d.Channel] = append(c.Sent[d.Channel], d.EndedAt)
			}
			if d.Notice.Sort == alert.Weekly && d.MadeAt.After(c.Weekly) {
				c.Weekly = d.MadeAt
			}
		}
		slices.SortStableFunc(c.Waiting, func(a, b alert.Delivery) int { return a.MadeAt.Compare(b.MadeAt) })
		return nil
	})
	return c, err
}

func (b *sharedBook) Write(ctx context.Context, s alert.Step) error {
	return b.call(ctx, func() error {
		if b.holder != b.holding {
			return fault.Errorf(fault.Database, "%s has the lease", b.holder)
		}
		for _, d := range s.Deliveries {
			if b.refuses == nil {
				break
			}
			if err := b.refuses(d); err != nil {
				return err
			}
		}
		b.writes++
		for _, i := range s.Incidents {
			b.incidents[i.ID] = copied(i)
		}
		b.noted = slices.DeleteFunc(b.noted, func(o alert.Noted) bool { return slices.Contains(s.Done, o.Number) })
		for _, d := range s.Deliveries {
			at := slices.IndexFunc(b.deliveries, func(old alert.Delivery) bool { return old.Channel == d.Channel && old.Notice.ID == d.Notice.ID })
			if at >= 0 {
				b.deliveries[at] = d
			} else {
				b.deliveries = append(b.deliveries, d)
			}
		}
		return nil
	})
}

func copied[T any](v T) (c T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		panic(err)
	}
	return c
}

// mailbox is a channel that keeps what it took.
type mailbox struct {
	name string

	mu    sync.Mutex
	asked int
	got   []receipt
	// act, if not nil, decides what becomes of a notice; it was taken where took.
	act func(ctx context.Context, n alert.Notice) (took bool, err error)
}

type receipt struct {
	at     time.Time
	notice alert.Notice
}

func (m *mailbox) Name() string { return m.name }

func (m *mailbox) Send(ctx context.Context, n alert.Notice) error {
	m.mu.Lock()
	m.asked++
	act := m.act
	m.mu.Unlock()
	took, err := true, error(nil)
	if act != nil {
		took, err = act(ctx, n)
	}
	if took {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.got = append(m.got, receipt{time.Now(), copied(n)})
	}
	return err
}

// does replaces what the other side does.
func (m *mailbox) does(act func(ctx context.Context, n alert.Notice) (bool, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.act = act
}

// fails lets the other side fail with err; nil: it works again.
func (m *mailbox) fails(err error) {
	if err == nil {
		m.does(nil)
		return
	}
	m.does(func(context.Context, alert.Notice) (bool, error) { return false, err })
}

func (m *mailbox) attempts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *mailbox) receipts() []receipt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

// lines are what was taken, short: "alarm http opened source/us-store".
func (m *mailbox) lines() (lines []string) {
	for _, r := range m.receipts() {
		lines = append(lines, line(r.notice))
	}
	return lines
}

func line(n alert.Notice) string {
	words := []string{string(n.Sort)}
	if n.Class != "" {
		words = append(words, string(n.Class))
	}
	for _, i := range n.Items {
		words = append(words, string(i.Change), string(i.Scope))
	}
	for _, p := range n.Parts {
		words = append(words, "("+line(p)+")")
	}
	if n.More > 0 {
		words = append(words, fmt.Sprintf("and %d more", n.More))
	}
	return strings.Join(words, " ")
}

// daemon is one process.
type daemon struct {
	*tell.Teller
	dir  string
	stop func() time.Duration // how long it took
}

// scene is one database and one host.
type scene struct {
	t  *testing.T
	db *database
	// options are changed by who wants other ones.
	options func(*tell.Options)
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{t: t, db: newDatabase()}
}

const host = "vps-1"

// start starts a daemon on a state directory, with channels.
func (s *scene) start(name, dir string, channels ...tell.Channel) *daemon {
	s.t.Helper()
	o := tell.Options{
		Host: host, Shared: s.db.share(name), Inbox: s.db, Own: spool.OpenBook(dir), Spool: spool.OpenSpool(dir), Life: spool.OpenLife(dir),
		Ping: func(ctx context.Context) error { return s.db.call(ctx, func() error { return nil }) },
	}
	if name != "a" {
		o.Host = "vps-" + name
	}
	if s.options != nil {
		s.options(&o)
	}
	d := &daemon{Teller: tell.New(o), dir: dir}
	d.SetChannels(channels)
	ctx, cancel := context.WithCancel(s.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := d.Run(ctx); err != nil {
			s.t.Errorf("Run = %v", err)
		}
	}()
	d.stop = func() time.Duration {
		began := time.Now()
		cancel()
		<-over
		return time.Since(began)
	}
	return d
}

// failed and good note the end of a run.
func (d *daemon) failed(t *testing.T, source string, class alert.Class) {
	d.Note(t.Context(), run(source, class))
}

func (d *daemon) good(t *testing.T, source string) { d.Note(t.Context(), run(source, "")) }

func run(source string, class alert.Class) alert.Observation {
	o := alert.Observation{Run: &alert.RunEnded{Source: source, Job: source + "-orders", RunID: time.Now().String(), Class: class}}
	if class != "" {
		o.Run.Error = "it failed"
	}
	return o
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newScene(t)) })
}

// stateDir is a state directory that no disk holds up.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tell") //nolint:usetesting // that is the point
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// copyOf is the state directory as a crash at this moment leaves it. Each file is replaced in one step, so it is whole.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	other := stateDir(t)
	for _, name := range []string{"alive.json", "incidents.json", "observations.log"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(other, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return other
}

// after lets virtual time pass, and everything that is due happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
