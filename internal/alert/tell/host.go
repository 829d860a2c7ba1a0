package tell

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	pingEvery = 10 * time.Second
	pingLimit = 5 * time.Second
	beatEvery = time.Minute
	// patience is how long the database may be away before that is told.
	patience = 30 * time.Second
	// pingJob is the job under which the host's book has the failures of pings.
	pingJob = "database"

	// restarts within an hour, after the daemon died, are told.
	restarts = 3
	// longPause is how long the host may do nothing before that is told, where nobody says.
	longPause = 15 * time.Minute
	// troubled is how long alerts may not be worked, though the database is there, before that is told.
	troubled = 3 * time.Minute
	// flicker is how long the disk must fail before that is told.
	flicker = 30 * time.Second
)

// host is what a daemon knows of itself and its machine.
type host struct {
	shared, inbox trouble // with the shared book
	blind         trouble // with looking at the sources, while this daemon has to

	mu   sync.Mutex
	away bool // the last ping failed
	// The host did nothing from slept to woke; good says that a run was good since then.
	slept, woke time.Time
	good        bool
	damage      error // of what was read at the start, until it was told
	lost        int   // observations, as far as the log knows
}

// trouble is a failure that lasts.
type trouble struct {
	mu    sync.Mutex
	since time.Time
	err   error
}

// note notes how it went. That another daemon has the lease is no trouble.
func (p *trouble) note(err error) {
	if kind := fault.KindOf(err); kind == fault.Transient || kind == 0 {
		err = nil
	}
	p.set(err)
}

// set notes how it went, whatever the kind of failure.
func (p *trouble) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil || p.err == nil {
		p.since = time.Now()
	}
	p.err = err
}

// lasting is the failure, once it has lasted for long.
func (p *trouble) lasting() (since time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil || time.Since(p.since) < troubled {
		return time.Time{}, nil
	}
	return p.since, p.err
}

// ping asks for the database. A good answer is noted where the host's book waits for it.
func (t *Teller) ping(ctx context.Context) {
	if t.o.Ping == nil {
		return
	}
	_, err := bounded(ctx, pingLimit, "ask for the database", func(ctx context.Context) (struct{}, error) { return struct{}{}, t.o.Ping(ctx) })
	if ctx.Err() != nil {
		return
	}
	t.host.mu.Lock()
	t.host.away = err != nil
	t.host.mu.Unlock()
	run := alert.RunEnded{Job: pingJob}
	if err != nil {
		run.Class, run.Kind, run.Error, run.Patience = alert.Database, fault.KindOf(err).String(), t.text(err), patience
	} else if !t.o.Own.Wants(pingJob) {
		return
	}
	t.NoteHere(alert.Observation{Run: &run})
}

// databaseAway reports whether the last ping failed.
func (t *Teller) databaseAway() bool {
	t.host.mu.Lock()
	defer t.host.mu.Unlock()
	return t.host.away
}

// beat notes that the daemon lives, and that it did not for a while.
func (t *Teller) beat(context.Context) {
	before, now := t.o.Life.Beat()
	allowed := longPause
	if t.o.Pause != nil {
		allowed = t.o.Pause()
	}
	if now.Sub(before) <= allowed {
		return
	}
	t.host.mu.Lock()
	defer t.host.mu.Unlock()
	t.host.slept, t.host.woke, t.host.good = before, now, false
}

// sawGood notes a good run.
func (t *Teller) sawGood() {
	t.host.mu.Lock()
	defer t.host.mu.Unlock()
	t.host.good = true
}

// hostConditions are what is wrong with this host, and of which keys that can be told.
func (t *Teller) hostConditions(c alert.Contents) ([]alert.Condition, func(alert.Key) bool) {
	now := time.Now()
	var all []alert.Condition
	for _, found := range []*alert.Condition{t.diskCondition(c), t.internalCondition(), t.stallCondition(c)} {
		if found != nil {
			all = append(all, *found)
		}
	}
	judged := map[alert.Scope]bool{}
	for _, w := range t.allWays() {
		s := w.state(now)
		if s.failing && s.configured {
			all = append(all, t.channelCondition(w.name, s))
		}
		judged[alert.OfChannel(w.name)] = s.failing || s.good || !s.configured
	}
	return all, func(k alert.Key) bool {
		switch k.Class {
		case alert.Disk, alert.Internal, alert.Stall:
			return k.Scope == alert.OfHost(t.o.Host)
		case alert.Channel:
			known, seen := judged[k.Scope]
			return known || !seen // a channel that is not configured any more does not fail
		default:
			return false
		}
	}
}

func (t *Teller) allWays() []*way {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.ways), func(a, b *way) int { return cmp.Compare(a.name, b.name) })
}

func (t *Teller) hostKey(class alert.Class) alert.Key {
	return alert.Key{Scope: alert.OfHost(t.o.Host), Class: class}
}

func (t *Teller) channelCondition(name string, s state) alert.Condition {
	return alert.Condition{
		Key: alert.Key{Scope: alert.OfChannel(name), Class: alert.Channel}, Since: s.since.Round(0).UTC(),
		Kind: fault.KindOf(s.err).String(), Error: t.text(s.err), Facts: alert.Facts{RetryAt: s.again.Round(0).UTC()},
	}
}

// diskCondition: the state directory cannot be written, or what stood in it was damaged; the latter is over as soon as it was told.
func (t *Teller) diskCondition(c alert.Contents) *alert.Condition {
	key := t.hostKey(alert.Disk)
	for _, err := range []error{t.o.Own.Failure(), t.o.Spool.Failure(), t.o.Life.Failure()} {
		if err != nil {
			return &alert.Condition{Key: key, Hold: flicker, Kind: fault.KindOf(err).String(), Error: t.text(err)}
		}
	}
	t.host.mu.Lock()
	defer t.host.mu.Unlock()
	if t.host.damage == nil || told(c, key, t.o.Life.Started()) {
		t.host.damage = nil
		return nil
	}
	return &alert.Condition{Key: key, Kind: fault.KindOf(t.host.damage).String(), Error: t.text(t.host.damage)}
}

// internalCondition: the daemon died again and again, or alerts are not worked though the database is there.
func (t *Teller) internalCondition() *alert.Condition {
	key := t.hostKey(alert.Internal)
	if n := t.o.Life.Unclean(); n >= restarts {
		return &alert.Condition{
			Key: key, Kind: fault.Internal.String(), Facts: alert.Facts{Count: n},
			Error: fmt.Sprintf("the daemon was started %d times within an hour after it had died without being stopped", n),
		}
	}
	if t.databaseAway() {
		return nil
	}
	for _, lasts := range []struct {
		trouble *trouble
		what    string
	}{
		{&t.host.shared, "the shared book of incidents cannot be worked: "},
		{&t.host.inbox, "observations cannot be noted in the shared book of incidents: "},
		{&t.host.blind, "it cannot be looked whether jobs and sources are silent: "},
	} {
		if since, err := lasts.trouble.lasting(); err != nil {
			kind := cmp.Or(fault.KindOf(err), fault.Internal)
			return &alert.Condition{Key: key, Since: since.Round(0).UTC(), Kind: kind.String(), Error: lasts.what + t.text(err)}
		}
	}
	return nil
}

// stallCondition: this host slept, or nobody started the daemon. It is named until it was told and a run was good again, which may be
// after yet another start.
func (t *Teller) stallCondition(c alert.Contents) *alert.Condition {
	key := t.hostKey(alert.Stall)
	t.host.mu.Lock()
	from, to, good := t.host.slept, t.host.woke, t.host.good
	t.host.mu.Unlock()
	if at := live(c, key); from.IsZero() && at >= 0 {
		from, to = c.Incidents[at].Facts.From, c.Incidents[at].Facts.To
	}
	if from.IsZero() {
		return nil
	}
	for _, source := range t.latestWorld().Sources {
		good = good || source.LastGood.After(to)
	}
	if good && told(c, key, to) {
		t.host.mu.Lock()
		defer t.host.mu.Unlock()
		if t.host.woke.Equal(to) {
			t.host.slept, t.host.woke = time.Time{}, time.Time{}
		}
		return nil
	}
	return &alert.Condition{Key: key, Facts: alert.Facts{From: from, To: to}}
}

// live returns the place of the incident of a key that is not over; -1 where there is none.
func live(c alert.Contents, key alert.Key) int {
	return slices.IndexFunc(c.Incidents, func(i alert.Incident) bool { return i.Key == key && i.Phase != alert.Recovered })
}

// told reports whether an incident of a key that lasts or has lasted after a time was told.
func told(c alert.Contents, key alert.Key, since time.Time) bool {
	return slices.ContainsFunc(c.Incidents, func(i alert.Incident) bool { return i.Key == key && i.ToldAt.After(since) })
}

// drain gives the shared book what waits in the spool.
func (t *Teller) drain(ctx context.Context) {
	t.complainOfLoss(ctx)
	for t.o.Inbox != nil && !t.databaseAway() && ctx.Err() == nil {
		waiting := t.o.Spool.Peek(drainAtOnce)
		if len(waiting) == 0 {
			return
		}
		if err := t.give(ctx, waiting); err != nil {
			t.host.inbox.note(err)
			return
		}
		t.host.inbox.note(nil)
		t.o.Spool.Drop(waiting[len(waiting)-1].Number)
	}
}

// complainOfLoss says in the log that observations went because there were too many.
func (t *Teller) complainOfLoss(ctx context.Context) {
	lost := t.o.Spool.Lost()
	t.host.mu.Lock()
	before := t.host.lost
	t.host.lost = lost
	t.host.mu.Unlock()
	if lost > before {
		t.o.Log.LogAttrs(ctx, slog.LevelError, "what runs showed is lost, because too much of it waited for the database", slog.Int("count", lost-before))
	}
}
