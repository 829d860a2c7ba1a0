package tell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	roundEvery = 5 * time.Second
	// lookEvery is how often the sources are looked at; hostLookEvery how often the host is while nothing changes there.
	lookEvery     = time.Minute
	hostLookEvery = 30 * time.Second
	// rounds bounds how often a round begins anew because the book held more observations than it gives at once.
	rounds = 20
	// most is how many those are.
	most = 1000

	bookLimit = 15 * time.Second
	lookLimit = 30 * time.Second
	fillLimit = 10 * time.Second

	// tryFor is how long a delivery is tried.
	tryFor = 24 * time.Hour
	// weeklyLate is how late a weekly notice may be, because no daemon ran.
	weeklyLate = 24 * time.Hour
	week       = 7 * 24 * time.Hour
	// countAgain is how long after a failure the week is counted again, which is much work.
	countAgain = 5 * time.Minute
)

// stint is the time in which this daemon works a book: from the moment at which it may until it may not. What waits was read in this
// stint, and nothing of it is kept beyond: the next one to work the book may be another daemon.
type stint struct {
	book alert.Book
	own  bool
	stop <-chan struct{}
	// carriers are the goroutines that send, one for each channel for which something waits.
	carriers sync.WaitGroup
	trays    map[string]*tray

	lookAt time.Time
	// countAt is before when the week is not counted again, which failed.
	countAt time.Time
	named   []alert.Key // what the last look at the host found
	world   alert.World
}

func newStint(book alert.Book, own bool, stop <-chan struct{}) *stint {
	return &stint{book: book, own: own, stop: stop, trays: map[string]*tray{}}
}

// stopping reports whether the daemon stops.
func (s *stint) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// work works a book until ctx ends, which also ends what is being sent; or, after a last round, when the daemon stops and what can be
// told at once was told. The right to the book is needed until it returns.
func (t *Teller) work(ctx context.Context, s *stint) error {
	defer t.resign(s)
	for ctx.Err() == nil {
		last := s.stopping()
		err := t.safeRound(ctx, s)
		if !s.own && ctx.Err() == nil {
			t.host.shared.note(err)
		}
		if err != nil && ctx.Err() == nil {
			t.o.Log.LogAttrs(ctx, slog.LevelWarn, "alerts are late, because what is kept of them cannot be read or written: tried again",
				slog.Bool("host_book", s.own), slog.String("error", t.text(err)))
		}
		if last {
			s.carriers.Wait()
			return nil
		}
		t.rest(ctx, s)
	}
	return context.Cause(ctx)
}

// rest waits for the next round.
func (t *Teller) rest(ctx context.Context, s *stint) {
	var news <-chan struct{}
	if s.own {
		news = t.news
	}
	pause(ctx, roundEvery, s.stop, news)
}

// leave waits for the carriers, and forgets what waits in a book that others may work from now on.
func (s *stint) leave() {
	s.carriers.Wait()
	for _, tr := range s.trays {
		tr.way.leave(s.own)
	}
}

// resign notes that others look at the sources from now on, or nobody.
func (t *Teller) resign(s *stint) {
	s.leave()
	if !s.own {
		t.host.blind.set(nil)
	}
}

// safeRound is a round whose panic is an error: the other book must go on, and may tell it.
func (t *Teller) safeRound(ctx context.Context, s *stint) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Internal, "panic: %v", r)
		}
	}()
	for range rounds {
		more, err := t.round(ctx, s)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// round reads a book, lets the observations and conditions become incidents and these notices, writes all of it down in one step, and
// gives what waits to the carriers. more says that the book holds further observations.
func (t *Teller) round(ctx context.Context, s *stint) (more bool, err error) {
	c, err := bounded(ctx, bookLimit, "read the book of incidents", s.book.Read)
	if err != nil {
		return false, err
	}
	desk := alert.NewDesk(t.currentRules(), c.Now, c.Incidents)
	var step alert.Step
	for _, o := range c.Observations {
		desk.Observe(o.Observation)
		step.Done = append(step.Done, o.Number)
	}
	var notices []alert.Notice
	// Nothing is told while further observations wait, which may say that it is over.
	if more = len(c.Observations) >= most; !more {
		t.look(ctx, s, c, desk)
		notices = desk.Compose(s.world)
		t.fill(ctx, s, notices)
		notices = append(notices, t.weekly(ctx, s, c)...)
	}
	step.Incidents = desk.Changed()
	told := t.deliveries(c.Now, notices)
	ended := t.ended(s, c)
	step.Deliveries = slices.Concat(told, ended)
	if len(step.Incidents)+len(step.Done)+len(step.Deliveries) > 0 {
		_, err := bounded(ctx, bookLimit, "write the book of incidents", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.book.Write(ctx, step)
		})
		if err != nil {
			return false, err
		}
	}
	t.logNotices(ctx, notices, told)
	t.settle(ctx, ended)
	t.hand(ctx, s, c, told)
	return more, nil
}

// lookHere lets the desk see what is wrong with the host. An incident that goes on changes with each look, and so is looked at seldom.
func (t *Teller) lookHere(s *stint, c alert.Contents, desk *alert.Desk) {
	s.world = t.latestWorld()
	conditions, judged := t.hostConditions(c)
	var named []alert.Key
	for _, found := range conditions {
		named = append(named, found.Key)
	}
	if slices.Equal(named, s.named) && time.Now().Before(s.lookAt) {
		return
	}
	s.named, s.lookAt = named, time.Now().Add(hostLookEvery)
	desk.Look(conditions, judged)
}

// look lets the desk see what is wrong now.
func (t *Teller) look(ctx context.Context, s *stint, c alert.Contents, desk *alert.Desk) {
	if s.own {
		t.lookHere(s, c, desk)
		return
	}
	if t.o.Look == nil || time.Now().Before(s.lookAt) {
		return
	}
	s.lookAt = time.Now().Add(lookEvery)
	type sight struct {
		conditions []alert.Condition
		judged     func(alert.Key) bool
		world      alert.World
	}
	seen, err := bounded(ctx, lookLimit, "look at the sources", func(ctx context.Context) (v sight, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fault.Errorf(fault.Internal, "panic: %v", r)
			}
		}()
		v.conditions, v.judged, v.world, err = t.o.Look(ctx)
		return v, err
	})
	if ctx.Err() == nil {
		t.host.blind.set(err)
	}
	if err != nil {
		// What runs have reported is told all the same.
		t.o.Log.LogAttrs(ctx, slog.LevelWarn, "how the sources stand cannot be seen, so that silence is not noticed: tried again", slog.String("error", t.text(err)))
		return
	}
	for i := range seen.conditions {
		seen.conditions[i].Error = cut(seen.conditions[i].Error, mostError)
	}
	desk.Look(seen.conditions, seen.judged)
	s.world = seen.world
	t.mu.Lock()
	t.world = seen.world.Shifted(time.Now().Round(0).Sub(c.Now))
	t.mu.Unlock()
}

// fill writes into the notices of the shared book what they mean for the orders.
func (t *Teller) fill(ctx context.Context, s *stint, notices []alert.Notice) {
	if s.own || t.o.Fill == nil {
		return
	}
	for i := range notices {
		_, err := bounded(ctx, fillLimit, "fill in a notice", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, t.o.Fill(ctx, &notices[i])
		})
		if err != nil {
			t.o.Log.LogAttrs(ctx, slog.LevelWarn, "an alert goes out without saying how far behind the orders are",
				slog.String("notice", notices[i].ID), slog.String("error", t.text(err)))
		}
	}
}

// weekly returns the weekly notice where it is due.
func (t *Teller) weekly(ctx context.Context, s *stint, c alert.Contents) []alert.Notice {
	if s.own || t.o.Weekly == nil || t.o.Week == nil || len(t.channelNames()) == 0 {
		return nil
	}
	tick := t.o.Weekly(c.Now)
	if tick.IsZero() || tick.After(c.Now) || !tick.After(c.Weekly) || c.Now.Sub(tick) > weeklyLate || time.Now().Before(s.countAt) {
		return nil
	}
	counted, err := bounded(ctx, lookLimit, "count the week", func(ctx context.Context) (alert.Week, error) {
		return t.o.Week(ctx, tick.Add(-week), tick)
	})
	if err != nil {
		s.countAt = time.Now().Add(countAgain)
		t.o.Log.LogAttrs(ctx, slog.LevelWarn, "the weekly summary could not be counted: tried again", slog.String("error", t.text(err)))
		return nil
	}
	return []alert.Notice{alert.NewWeekly(tick, t.o.Host, counted)}
}

// deliveries are the ways that notices go: through every channel, but for an alarm about a channel, which goes through the others.
func (t *Teller) deliveries(now time.Time, notices []alert.Notice) []alert.Delivery {
	var all []alert.Delivery
	for i, n := range notices {
		for _, name := range t.channelNames() {
			// Where nothing else waits for a channel that failed, the alarm is what shows whether it still does.
			if n.Sort == alert.Alarm && names(n, name) && t.way(name).waits() {
				continue
			}
			// A microsecond apart: they are read back in this order.
			made := now.Add(time.Duration(i) * time.Microsecond)
			all = append(all, alert.Delivery{Channel: name, State: alert.Waiting, MadeAt: made, Notice: n})
		}
	}
	return all
}

// names reports whether a notice tells of a channel.
func names(n alert.Notice, channel string) bool {
	return slices.ContainsFunc(n.Items, func(i alert.Item) bool { return i.Scope == alert.OfChannel(channel) })
}

// ended returns the deliveries that wait by the book and do not: they were sent and the book could not be told, they
// waited too long, or nobody can read them.
func (t *Teller) ended(s *stint, c alert.Contents) []alert.Delivery {
	var all []alert.Delivery
	for _, d := range c.Waiting {
		end, over := t.way(d.Channel).ending(d.Notice.ID)
		switch {
		case over && end.recorded: // since the book was read
			continue
		case over:
			d.State, d.EndedAt, d.Attempts, d.NextAt, d.Error = end.delivery.State, end.delivery.EndedAt, end.delivery.Attempts, time.Time{}, ""
		case c.Now.Sub(d.MadeAt) > tryFor && !s.inFlight(d):
			d.State, d.EndedAt = alert.GivenUp, c.Now
		default:
			continue
		}
		all = append(all, d)
	}
	return all
}

// settle notes that the book knows how deliveries ended.
func (t *Teller) settle(ctx context.Context, ended []alert.Delivery) {
	for _, d := range ended {
		w := t.way(d.Channel)
		if d.State == alert.GivenUp {
			w.end(d, time.Now())
			t.count(func(c *Counts) { c.GivenUp++ })
			t.o.Log.LogAttrs(ctx, slog.LevelError, "alert given up", slog.String("channel", d.Channel), slog.String("notice", d.Notice.ID),
				slog.Int("attempts", d.Attempts), slog.String("error", d.Error))
		}
		w.recorded(d.Notice.ID)
		t.o.Own.Forget(d.Channel, d.Notice.ID)
	}
}

// hand gives the carriers what waits.
func (t *Teller) hand(ctx context.Context, s *stint, c alert.Contents, told []alert.Delivery) {
	waiting := map[string][]alert.Delivery{}
	for _, d := range slices.Concat(c.Waiting, told) {
		if _, over := t.way(d.Channel).ending(d.Notice.ID); !over {
			waiting[d.Channel] = append(waiting[d.Channel], d)
		}
	}
	for name := range waiting {
		if s.trays[name] == nil {
			s.trays[name] = &tray{way: t.way(name), book: s.book, own: s.own, stop: s.stop}
		}
	}
	ahead := c.Now.Sub(time.Now().Round(0))
	for _, name := range t.channelNames() {
		t.way(name).heard(s.own, c.Sent[name], ahead, len(waiting[name]))
	}
	for name, tr := range s.trays {
		if tr.fill(waiting[name], ahead) {
			s.carriers.Go(func() { t.carry(ctx, tr) })
		}
	}
}

// inFlight reports whether a delivery is being sent right now.
func (s *stint) inFlight(d alert.Delivery) bool {
	tr := s.trays[d.Channel]
	return tr != nil && tr.sending(d.Notice.ID)
}

// logNotices says in the log what is told, and through what: also where there is no channel at all.
func (t *Teller) logNotices(ctx context.Context, notices []alert.Notice, told []alert.Delivery) {
	for _, n := range notices {
		level := slog.LevelInfo
		if n.Sort == alert.Alarm {
			level = slog.LevelWarn
		}
		var items, ways []string
		for _, i := range n.Items {
			items = append(items, fmt.Sprintf("%s %s %s", i.ID, i.Scope, i.Change))
		}
		for _, d := range told {
			if d.Notice.ID == n.ID {
				ways = append(ways, d.Channel)
			}
		}
		t.o.Log.LogAttrs(ctx, level, "alert", slog.String("notice", n.ID), slog.String("sort", string(n.Sort)), slog.String("class", string(n.Class)),
			slog.String("incidents", strings.Join(items, ", ")), slog.Int("more", n.More), slog.String("channels", strings.Join(ways, ", ")))
	}
}

func (t *Teller) currentRules() alert.Rules {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rules
}

func (t *Teller) latestWorld() alert.World {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.world
}

// channelNames are those of the configured channels.
func (t *Teller) channelNames() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.channels)
}

func (t *Teller) count(add func(*Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add(&t.counts)
}

// bounded makes one call with a deadline that says whose it was. What it waits for is the database.
func bounded[T any](ctx context.Context, limit time.Duration, what string, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fault.Errorf(fault.Database, "%s: no answer for %s: %w", what, limit, context.DeadlineExceeded))
	defer cancel()
	result, err := call(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if err != nil {
		return result, fmt.Errorf("%s: %w", what, err)
	}
	return result, nil
}
