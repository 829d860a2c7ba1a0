package ordersync_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// The simulated world: a remote on virtual time whose orders change, arrive and leave at every request, and a store that follows
// the promises written on ordersync.Store. Both misbehave on request. All state is under one lock; nothing sleeps.

var (
	errDropped = fault.Errorf(fault.Transient, "the call was dropped")
	errKilled  = errors.New("killed")
)

type listing uint8

const (
	byModified      listing = iota // closed windows of modification times, totals, ties in random order
	byModifiedThin                 // the same, ids and times only
	byModifiedOnce                 // the same, newest first, counted with the first page alone
	byModifiedBlind                // no totals, ties in the order of their ids
	byCursor                       // modification times, keyset cursor
	byCreatedDay                   // whole days of creation times, newest first, totals
)

func (l listing) String() string {
	return [...]string{"modified", "thin", "once", "blind", "cursor", "created"}[l]
}

type remoteOrder struct {
	id                string
	created, modified time.Time
	version           int
	poison            bool
	// shown is when the last change becomes visible, before what the remote shows until then.
	shown  time.Time
	before *remoteOrder
}

// at is the order as the remote shows it at an instant, nil while it does not show it at all.
func (o *remoteOrder) at(now time.Time) *remoteOrder {
	for o != nil && o.shown.After(now) {
		o = o.before
	}
	return o
}

type world struct {
	mu     sync.Mutex
	rng    *rand.Rand
	now    time.Time
	kind   listing
	size   int
	orders map[string]*remoteOrder
	next   int

	// churn is the chance that something changes at a request, trouble that a call fails, death that the worker is killed there.
	churn, trouble, death float64
	killed                bool
	// lag is the longest that a change stays invisible.
	lag time.Duration
	// lapse is the chance that a response pretends that there is nothing; never twice in a row.
	lapse  float64
	lapsed bool

	// Planted bugs.
	ahead      time.Duration // the clock of the remote is not asked: Now is ahead of it
	exclusive  bool          // the lower bound of a window is left out
	impatient  bool          // windows end at now
	unasked    bool          // a commit whose outcome is unknown is taken as done
	half       bool          // the checkpoint is written before the rows, in a transaction of its own
	unfenced   bool          // the checkpoint is not compared
	unguarded  bool          // older versions overwrite newer ones
	dropPoison bool          // dead letters are thrown away
	keepDead   bool          // good versions do not release dead letters
	// hook, where set, is called at every I/O point, without the lock.
	hook func()

	requests int
}

func newWorld(seed uint64, kind listing) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 77)), kind: kind, orders: map[string]*remoteOrder{},
		now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
	}
	w.size = 3 + w.rng.IntN(8)
	for range 60 + w.rng.IntN(60) {
		w.create(w.now.Add(-time.Duration(w.rng.IntN(20000)) * time.Second))
	}
	return w
}

func (w *world) create(at time.Time) {
	w.next++
	id := fmt.Sprintf("o%04d", w.next)
	at = at.Truncate(time.Second)
	w.orders[id] = &remoteOrder{id: id, created: at, modified: at, poison: w.rng.IntN(60) == 0, shown: w.visible(at)}
}

func (w *world) visible(at time.Time) time.Time {
	if w.lag == 0 {
		return at
	}
	return at.Add(time.Duration(w.rng.Int64N(int64(w.lag))))
}

func (w *world) pick() *remoteOrder {
	ids := slices.Sorted(maps.Keys(w.orders))
	return w.orders[ids[w.rng.IntN(len(ids))]]
}

// io is an I/O point: time passes, rows change, and the call may fail or its worker die.
func (w *world) io() error {
	if w.hook != nil {
		w.hook()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	if w.killed {
		return errKilled
	}
	w.now = w.now.Add(time.Duration(w.rng.IntN(1500)) * time.Millisecond)
	for w.rng.Float64() < w.churn {
		switch w.rng.IntN(6) {
		case 0:
			w.create(w.now)
		case 1: // a bulk edit: many rows leave their windows at once and tie
			for range 2 + w.rng.IntN(6) {
				w.touch(w.pick())
			}
		default:
			w.touch(w.pick())
		}
	}
	if w.rng.Float64() < w.death {
		w.killed = true
		return errKilled
	}
	if w.rng.Float64() < w.trouble {
		return errDropped
	}
	return nil
}

func (w *world) touch(o *remoteOrder) {
	before := *o
	if before.before = o.at(w.now); before.before == o {
		before.before = nil
	}
	o.before = &before
	o.version++
	o.modified = w.now.Truncate(time.Second)
	o.shown = w.visible(w.now)
	if o.poison && w.rng.IntN(3) == 0 {
		o.poison = false
	} else if w.rng.IntN(60) == 0 {
		o.poison = true
	}
}

// remote is the world as an ordersync.Source.
type remote struct{ *world }

func (r remote) Now(context.Context) (time.Time, error) {
	if err := r.io(); err != nil {
		return time.Time{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Add(r.ahead), nil
}

// match returns the rows of a window as the listing shows them now.
func (r remote) match(window order.Window) []*remoteOrder {
	var rows []*remoteOrder
	day := 24 * time.Hour
	for _, o := range r.orders {
		if o = o.at(r.now); o == nil {
			continue
		}
		at, since, until := o.modified, window.Since, window.Until
		if r.kind == byCreatedDay {
			at, since = o.created, window.Since.Truncate(day)
			until = window.Until.Add(day - 1).Truncate(day)
		}
		if !at.Before(since) && at.Before(until) && (!r.exclusive || !at.Equal(since)) {
			rows = append(rows, o)
		}
	}
	slices.SortFunc(rows, func(a, b *remoteOrder) int {
		if r.kind == byCreatedDay {
			return cmpOr(b.created.Compare(a.created), cmpText(a.id, b.id))
		}
		if r.kind == byModifiedOnce {
			return cmpOr(b.modified.Compare(a.modified), cmpText(a.id, b.id))
		}
		return cmpOr(a.modified.Compare(b.modified), cmpText(a.id, b.id))
	})
	if r.kind <= byModifiedOnce {
		for i := 0; i < len(rows); { // ties come in another order at every request
			j := i + 1
			for j < len(rows) && rows[j].modified.Equal(rows[i].modified) {
				j++
			}
			tied := rows[i:j]
			r.rng.Shuffle(len(tied), func(a, b int) { tied[a], tied[b] = tied[b], tied[a] })
			i = j
		}
	}
	return rows
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r remote) record(o *remoteOrder, window order.Window) order.Record {
	at := o.modified
	if r.kind == byCreatedDay {
		at = o.created
	}
	beyond := !at.Before(window.Until)
	if o.poison {
		return order.Record{Beyond: beyond, Dead: &order.DeadLetter{
			Source: "shop", ID: o.id, Version: order.Version{ModifiedAt: o.modified, FetchedAt: r.now}, Reason: "total: not an amount",
		}}
	}
	return order.Record{Beyond: beyond, Order: &order.Order{
		Source: "shop", ID: o.id, ModifiedAt: o.modified, FetchedAt: r.now, SourceStatus: order.Some(fmt.Sprint(o.version)),
	}}
}

func (r remote) page(window order.Window, number int) (order.Page, int, error) {
	if err := r.io(); err != nil {
		return order.Page{}, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rows := r.match(window)
	if r.lapsed = !r.lapsed && r.rng.Float64() < r.lapse; r.lapsed {
		rows = nil
	}
	page := order.Page{Numbered: true, Thin: r.kind == byModifiedThin || r.kind == byModifiedOnce}
	if r.kind != byModifiedBlind && (r.kind != byModifiedOnce || number == 1) {
		page.Total = order.Some(len(rows))
	}
	for i := (number - 1) * r.size; i < min(number*r.size, len(rows)); i++ {
		page.Records = append(page.Records, r.record(rows[i], window))
	}
	return page, len(rows), nil
}

func (r remote) Pages(_ context.Context, window order.Window, cursor order.Cursor) iter.Seq2[order.Page, error] {
	switch r.kind {
	case byCursor:
		return r.cursorPages(window, cursor)
	case byModifiedBlind:
		return r.blindPages(window)
	}
	return func(yield func(order.Page, error) bool) {
		first, total, err := r.page(window, 1)
		if !yield(first, err) || err != nil {
			return
		}
		changed := false
		for number := (total + r.size - 1) / r.size; number > 1; number-- {
			page, now, err := r.page(window, number)
			if !yield(page, err) || err != nil {
				return
			}
			changed = changed || now != total
		}
		if changed && r.kind != byModifiedOnce {
			page, _, err := r.page(window, 1)
			yield(page, err)
		}
	}
}

func (r remote) blindPages(window order.Window) iter.Seq2[order.Page, error] {
	return func(yield func(order.Page, error) bool) {
		for number, empty := 1, 0; empty < 2; {
			page, _, err := r.page(window, number)
			if !yield(page, err) || err != nil {
				return
			}
			if len(page.Records) == 0 {
				empty++
				if number == 1 {
					return
				}
				continue
			}
			empty = 0
			number++
		}
	}
}

func (r remote) cursorPages(window order.Window, cursor order.Cursor) iter.Seq2[order.Page, error] {
	key := func(o *remoteOrder) string { return o.modified.Format(time.RFC3339) + " " + o.id }
	return func(yield func(order.Page, error) bool) {
		for {
			if err := r.io(); err != nil {
				yield(order.Page{}, err)
				return
			}
			r.mu.Lock()
			var page order.Page
			more := false
			for _, o := range r.match(window) {
				if key(o) <= string(cursor) {
					continue
				}
				if len(page.Records) == r.size {
					more = true
					break
				}
				page.Records = append(page.Records, r.record(o, window))
				page.Cursor = order.Cursor(key(o))
			}
			cursor = page.Cursor
			r.mu.Unlock()
			if !yield(page, nil) || !more {
				return
			}
		}
	}
}

func (r remote) Complete(_ context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	records := make([]order.Record, 0, len(thin))
	for _, o := range thin {
		if err := r.io(); err != nil {
			return records, err
		}
		r.mu.Lock()
		records = append(records, r.record(r.orders[o.ID].at(r.now), order.Window{Until: r.now.Add(time.Hour)}))
		r.mu.Unlock()
		done()
	}
	return records, nil
}

// memory is a store that keeps the promises of ordersync.Store.
type memory struct {
	w           *world
	checkpoints map[string]order.Checkpoint
	orders      map[string]*order.Order
	dead        map[string]order.Version
	// broken are the promises that a commit broke.
	broken []string
}

func newMemory(w *world) *memory {
	return &memory{w: w, checkpoints: map[string]order.Checkpoint{}, orders: map[string]*order.Order{}, dead: map[string]order.Version{}}
}

func (m *memory) Checkpoint(_ context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	if err := m.w.io(); err != nil {
		return order.Checkpoint{}, err
	}
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	cp, ok := m.checkpoints[stream]
	if !ok {
		cp = order.Checkpoint{Source: source, Stream: stream}
	}
	return cp, nil
}

func (m *memory) Known(_ context.Context, _ order.SourceID, ids []string) (map[string]order.Version, error) {
	if err := m.w.io(); err != nil {
		return nil, err
	}
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	known := map[string]order.Version{}
	for _, id := range ids {
		if o := m.orders[id]; o != nil {
			known[id] = o.Version()
		}
	}
	return known, nil
}

func (m *memory) Commit(_ context.Context, from, to order.Checkpoint, page order.Page) (order.Written, error) {
	if err := m.w.io(); err != nil { // the commit never arrived
		if m.w.unasked && errors.Is(err, errDropped) {
			err = nil
		}
		return order.Written{}, err
	}
	written, err := m.apply(from, to, page)
	if err != nil {
		return written, err
	}
	return written, m.w.io() // or its answer was lost
}

func (m *memory) apply(from, to order.Checkpoint, page order.Page) (order.Written, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	var written order.Written
	stored := m.checkpoints[from.Stream]
	if !m.w.unfenced && stored.Revision != from.Revision {
		return written, fmt.Errorf("commit: %w", order.ErrMoved)
	}
	if to.Stream == "orders" && to.Watermark.Before(stored.Watermark) {
		m.broken = append(m.broken, "the watermark went back")
	}
	to.Revision = stored.Revision + 1
	m.checkpoints[from.Stream] = to
	if m.w.half && m.w.rng.IntN(10) == 0 {
		m.w.killed = true
		return written, errKilled
	}
	for _, r := range page.Records {
		m.put(r, &written)
	}
	if m.w.kind != byCreatedDay && to.Stream == "orders" {
		m.checkWatermark(to.Watermark)
	}
	return written, nil
}

func (m *memory) put(r order.Record, written *order.Written) {
	id := r.Key()
	stored := m.orders[id]
	if r.Dead != nil {
		if m.w.dropPoison || stored != nil && stored.Version().Compare(r.Dead.Version) >= 0 {
			return
		}
		if r.Dead.Version.Compare(m.dead[id]) > 0 {
			m.dead[id] = r.Dead.Version
			written.Dead++
		}
		return
	}
	dead, isDead := m.dead[id]
	older := stored != nil && r.Order.Version().Compare(stored.Version()) < 0
	if isDead && !m.w.keepDead && r.Order.Version().Compare(dead) >= 0 {
		delete(m.dead, id)
		written.Released++
	}
	switch {
	case older && !m.w.unguarded:
		written.Stale++
		return
	case older && r.Order.ModifiedAt.Before(stored.ModifiedAt):
		m.broken = append(m.broken, id+" went back to an older version")
	case stored == nil:
		written.Inserted++
	default:
		written.Updated++
	}
	m.orders[id] = r.Order
}

// checkWatermark is promise P1: every version older than the watermark is stored, or is a dead letter, at that version or later.
func (m *memory) checkWatermark(watermark time.Time) {
	for id, o := range m.w.orders {
		if o = o.at(m.w.now); o != nil && o.modified.Before(watermark) && !m.holds(o) {
			m.broken = append(m.broken, fmt.Sprintf("%s modified %s, watermark %s", id, o.modified.Format(time.TimeOnly), watermark.Format(time.TimeOnly)))
		}
	}
}

func (m *memory) holds(o *remoteOrder) bool {
	if dead, ok := m.dead[o.id]; ok && !dead.ModifiedAt.Before(o.modified) {
		return true
	}
	stored := m.orders[o.id]
	return stored != nil && !stored.ModifiedAt.Before(o.modified)
}

// differences compares the store with the truth, order by order.
func (m *memory) differences() []string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(m.w.orders)) {
		o := m.w.orders[id]
		_, dead := m.dead[id]
		stored := m.orders[id]
		switch {
		case dead != o.poison:
			all = append(all, fmt.Sprintf("%s: dead letter %t, poison %t", id, dead, o.poison))
		case o.poison:
		case stored == nil:
			all = append(all, id+": missing")
		case stored.SourceStatus.Value() != fmt.Sprint(o.version):
			all = append(all, fmt.Sprintf("%s: version %s, the truth is %d", id, stored.SourceStatus.Value(), o.version))
		}
	}
	for id := range m.orders {
		if m.w.orders[id] == nil {
			all = append(all, id+": not in the truth")
		}
	}
	return all
}
