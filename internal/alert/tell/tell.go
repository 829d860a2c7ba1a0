package tell

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
)

// Channel is one way out.
type Channel interface {
	// Name is its own, and stays the same: deliveries are kept under it.
	Name() string
	// Send hands the notice over and returns nil when the other side has taken it. It heeds its context: it returns soon after that has
	// ended. A failure of a passing kind (fault.Transient) is tried again soon, not before the wait that it states (fault.RetryAfter);
	// one of the kind fault.Rejected concerns this notice alone; any other is tried again seldom.
	Send(ctx context.Context, n alert.Notice) error
}

// Inbox takes observations for the shared book. Its failures are of the kind fault.Database.
type Inbox interface {
	// Note writes observations down, in their order. Repeating it changes nothing.
	Note(ctx context.Context, o []alert.Observation) error
}

// Options are what a Teller works with.
type Options struct {
	// Host names this machine in what is told.
	Host  string
	Rules alert.Rules
	Log   *slog.Logger
	// Shared calls work with the shared book while this daemon has the lease `alerts`; the context of work ends when the lease is lost.
	// It returns what work returned; where another holder has the lease it fails at once (fault.Transient), and where the database is
	// away too (fault.Database). Nil: there is no shared book.
	Shared func(ctx context.Context, work func(ctx context.Context, book alert.Book) error) error
	Inbox  Inbox
	Own    *spool.Book
	Spool  *spool.Spool
	Life   *spool.Life
	// Look says what is wrong now, of which keys it could judge, and how the sources stand. It is called each minute while the lease is
	// held. Nil: there is nothing to look at.
	Look func(ctx context.Context) (conditions []alert.Condition, judged func(alert.Key) bool, world alert.World, err error)
	// Fill writes the standing of the sources into a notice of the shared book. Nil: nobody knows it.
	Fill func(ctx context.Context, n *alert.Notice) error
	// Weekly returns the latest moment at or before now at which the weekly notice is due, zero where none is wanted. Week counts what
	// it says. Nil: none is wanted.
	Weekly func(now time.Time) (tick time.Time)
	Week   func(ctx context.Context, since, until time.Time) (alert.Week, error)
	// Ping asks the database whether it is there, each 10 s. Nil: nobody asks.
	Ping func(ctx context.Context) error
	// Pause is how long this host may do nothing before that is told; nil: 15 minutes. Where all jobs are seldom it may be longer.
	Pause func() time.Duration
	// Scrub takes secrets and personal data out of the text of an error. Nil: it stays as it is.
	Scrub func(string) string
}

// flushLimit is how long is told after the daemon was stopped; what was sent last is then recorded, see recordLate: in all 5 s.
const flushLimit = 4 * time.Second

// errStopped is the cause of the end of what was still being told then.
var errStopped = errors.New("the daemon stops")

// Teller tells. It is safe for concurrent use.
type Teller struct {
	o    Options
	news chan struct{} // the host's book has something new

	mu       sync.Mutex
	rules    alert.Rules
	channels []string        // the names of the configured ones, in order
	ways     map[string]*way // all that were ever configured
	world    alert.World     // the latest, by the clock of this host
	counts   Counts

	host host
}

// Counts are what became of deliveries since the start.
type Counts struct {
	Sent    int
	Failed  int // attempts, not deliveries
	Merged  int
	GivenUp int
}

// New returns a Teller without channels.
func New(o Options) *Teller {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Rules.Host = cmp.Or(o.Rules.Host, o.Host)
	t := &Teller{o: o, rules: o.Rules, ways: map[string]*way{}, news: make(chan struct{}, 1)}
	t.host.damage = errors.Join(o.Own.Damage(), o.Spool.Damage())
	return t
}

// SetChannels replaces the channels. What waits for one that stays, by name, goes through the new one at once; what waits for one that is
// gone waits for its return, for a day.
func (t *Teller) SetChannels(channels []Channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.channels = nil
	for _, w := range t.ways {
		if !slices.ContainsFunc(channels, func(c Channel) bool { return c.Name() == w.name }) {
			w.replace(nil)
		}
	}
	for _, c := range channels {
		if slices.Contains(t.channels, c.Name()) {
			continue
		}
		t.channels = append(t.channels, c.Name())
		t.wayLocked(c.Name()).replace(c)
	}
}

// SetRules replaces the rules.
func (t *Teller) SetRules(r alert.Rules) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Host = cmp.Or(r.Host, t.o.Host)
	t.rules = r
}

// Counts returns what became of deliveries since the start.
func (t *Teller) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

// Run tells until ctx ends, notes that the daemon was stopped, and tells for at most 5 s what can be told at once. It waits for all that
// it started and returns nil. It may be called once.
func (t *Teller) Run(ctx context.Context) error {
	late, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	var all sync.WaitGroup
	all.Go(func() { t.tellOwn(ctx, late) })
	all.Go(func() { t.tellShared(ctx, late) })
	all.Go(func() { t.every(ctx, drainEvery, t.drain) })
	all.Go(func() { t.every(ctx, pingEvery, t.ping) })
	all.Go(func() { t.every(ctx, beatEvery, t.beat) })
	<-ctx.Done()
	t.o.Life.Stop() // whatever becomes of the rest, nobody died
	flush := time.AfterFunc(flushLimit, func() { end(errStopped) })
	defer flush.Stop()
	all.Wait()
	return nil
}

// tellOwn works the host's own book.
func (t *Teller) tellOwn(ctx, late context.Context) {
	_ = t.work(late, newStint(t.o.Own, true, ctx.Done())) // it says only why late ended
}

// tellShared works the shared book whenever this daemon has the lease.
func (t *Teller) tellShared(ctx, late context.Context) {
	if t.o.Shared == nil {
		return
	}
	for ctx.Err() == nil {
		err := t.share(ctx, late)
		if ctx.Err() != nil {
			return
		}
		t.host.shared.note(err)
		if err != nil {
			t.o.Log.LogAttrs(ctx, slog.LevelDebug, "another daemon tells of failures, or the database is away", slog.String("error", t.text(err)))
		}
		pause(ctx, roundEvery, nil, nil)
	}
}

// share works the shared book once, for as long as the lease lasts. The lease outlasts ctx until what can be told at once was told; a stop
// that comes before the work has begun ends the waiting for it.
func (t *Teller) share(ctx, late context.Context) error {
	var working atomic.Bool
	waiting, giveUp := context.WithCancelCause(late)
	defer giveUp(nil)
	defer context.AfterFunc(ctx, func() {
		if !working.Load() { // what begins from now on sees the stop
			giveUp(errStopped)
		}
	})()
	return t.o.Shared(waiting, func(held context.Context, book alert.Book) error {
		working.Store(true)
		select {
		case <-ctx.Done():
			return nil
		default:
		}
		return t.work(held, newStint(book, false, ctx.Done()))
	})
}

// every calls do at once and then at each interval, until ctx ends.
func (t *Teller) every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	for ctx.Err() == nil {
		do(ctx)
		pause(ctx, interval, nil, nil)
	}
}

// pause waits for a time, the end of ctx, or either of two signals.
func pause(ctx context.Context, wait time.Duration, stop, wake <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-stop:
	case <-wake:
	}
}

// text is the text of an error as it may be shown.
func (t *Teller) text(err error) string {
	text := err.Error()
	if t.o.Scrub != nil {
		text = t.o.Scrub(text)
	}
	return cut(text, mostError)
}

// wayLocked returns the way of that name.
func (t *Teller) wayLocked(name string) *way {
	w := t.ways[name]
	if w == nil {
		w = newWay(name)
		for _, d := range t.o.Own.Remembered() {
			if d.Channel == name {
				w.ended[d.Notice.ID] = ending{delivery: d, at: d.EndedAt}
			}
		}
		t.ways[name] = w
	}
	return w
}

func (t *Teller) way(name string) *way {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wayLocked(name)
}
