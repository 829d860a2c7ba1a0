package intake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
)

func TestMain(m *testing.M) { mysqltest.Main(m) }

const (
	shopID  order.SourceID = "shop"
	day                    = 24 * time.Hour
	reach                  = 90 * day
	lag                    = 3 * time.Minute
	rows                   = 4
	overlap                = 20 * time.Minute
	settle                 = time.Minute
)

var epoch = time.Date(2026, 3, 1, 10, 20, 30, 0, time.UTC)

// remote is a shop whose lists show everything late and whose orders change while they are read. Its clock is its own.
type remote struct {
	mu     sync.Mutex
	now    time.Time
	random *rand.Rand
	// restless says that orders come and change with every call.
	restless bool
	// changes are the instants of each order's changes, the first one when it was made.
	changes map[string][]time.Time
	// asked are the windows that were asked for.
	asked []order.Window
}

func newRemote(seed uint64) *remote {
	return &remote{now: epoch, random: rand.New(rand.NewPCG(seed, 1)), changes: map[string][]time.Time{}}
}

// some is a part of a length of time.
func (r *remote) some(most time.Duration) time.Duration {
	return time.Duration(r.random.Int64N(int64(most)))
}

// add makes an order that came about so long ago, changed so often since.
func (r *remote) add(ago time.Duration, changes int) string {
	id := fmt.Sprintf("%d", 1000+len(r.changes))
	at := r.now.Add(-ago).Truncate(time.Second)
	list := []time.Time{at}
	for range changes {
		at = at.Add(r.some(r.now.Sub(at)/2 + 1)).Truncate(time.Second)
		list = append(list, at)
	}
	r.changes[id] = list
	return id
}

// step lets time pass, and the shop live.
func (r *remote) step() {
	r.now = r.now.Add(time.Second)
	if !r.restless {
		return
	}
	if len(r.changes) < 100 && r.random.IntN(8) == 0 {
		r.add(0, 0)
	}
	ids := r.ids()
	if id := ids[r.random.IntN(len(ids))]; r.random.IntN(5) == 0 {
		r.changes[id] = append(r.changes[id], r.now)
	}
}

func (r *remote) ids() []string {
	ids := make([]string, 0, len(r.changes))
	for id := range r.changes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// listing is one of the remote's lists.
type listing struct {
	*remote
	created bool
}

func (l listing) Now(context.Context) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now, nil
}

// visible are the orders of a window as the lists show them now, newest first.
func (l listing) visible(window order.Window) []*order.Order {
	var found []*order.Order
	for _, id := range l.ids() {
		var last time.Time
		for _, at := range l.changes[id] {
			if !at.After(l.now.Add(-lag)) {
				last = at
			}
		}
		at := last
		if l.created {
			at = l.changes[id][0]
		}
		if last.IsZero() || at.Before(window.Since) || !at.Before(window.Until) || l.now.Sub(at) > reach {
			continue
		}
		found = append(found, &order.Order{Source: shopID, ID: id, ModifiedAt: last, FetchedAt: l.now})
	}
	slices.SortStableFunc(found, func(a, b *order.Order) int { return b.ModifiedAt.Compare(a.ModifiedAt) })
	return found
}

func (l listing) Pages(_ context.Context, window order.Window, _ order.Cursor) iter.Seq2[order.Page, error] {
	return func(yield func(order.Page, error) bool) {
		l.mu.Lock()
		l.asked = append(l.asked, window)
		number := max(1, (len(l.visible(window))+rows-1)/rows)
		l.mu.Unlock()
		for ; number > 0; number-- {
			if !yield(l.page(window, number), nil) {
				return
			}
		}
	}
}

func (l listing) page(window order.Window, number int) order.Page {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.visible(window)
	page := order.Page{Total: order.Some(len(all)), Numbered: true, Thin: true}
	for _, o := range all[min(len(all), (number-1)*rows):min(len(all), number*rows)] {
		page.Records = append(page.Records, order.Record{Order: o})
	}
	l.step()
	return page
}

func (l listing) Complete(_ context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := make([]order.Record, 0, len(thin))
	for _, o := range thin {
		l.step()
		done()
		list := l.changes[o.ID]
		number := order.Some(fmt.Sprint(len(list)))
		records = append(records, order.Record{Order: &order.Order{
			Source: shopID, ID: o.ID, Number: number, ModifiedAt: list[len(list)-1], FetchedAt: l.now, Raw: []byte("{}"),
		}})
	}
	return records, nil
}

// shaky is a store that fails now and then, before or after what it was asked for is done.
type shaky struct {
	*mysql.DB
	random *rand.Rand
	// often is one in how many commits fails; zero: none.
	often int
	// gaps are what was noted.
	gaps []order.Gap
}

var errShaken = fault.Errorf(fault.Database, "shaken")

func (s *shaky) Commit(ctx context.Context, from, to order.Checkpoint, page order.Page) (order.Written, error) {
	if s.often > 0 && s.random.IntN(s.often) == 0 {
		return order.Written{}, errShaken
	}
	written, err := s.DB.Commit(ctx, from, to, page)
	if err == nil && s.often > 0 && s.random.IntN(s.often) == 0 {
		err = errShaken
	}
	return written, err
}

func (s *shaky) NoteGap(ctx context.Context, gap order.Gap) (bool, error) {
	news, err := s.DB.NoteGap(ctx, gap)
	if news {
		s.gaps = append(s.gaps, gap)
	}
	return news, err
}

func task(r *remote, store intake.Store) *intake.Task {
	limits := ordersync.Limits{Slice: day, Overlap: overlap, Settle: settle}
	history := intake.Listing{Source: listing{remote: r, created: true}, Limits: limits}
	return &intake.Task{
		Shop: intake.Shop{
			ID: shopID, Orders: intake.Listing{Source: listing{remote: r}, Limits: limits}, History: &history, Reach: reach,
			Sweeps: []intake.Sweep{
				{Stream: intake.StreamSweep, Listing: history},
				{Stream: intake.StreamRefunds, Listing: intake.Listing{Source: listing{remote: r}, Limits: limits}},
			},
		},
		Store: store,
	}
}

// missing compares what is stored with the shop.
func missing(t *testing.T, r *remote, db *mysql.DB) []string {
	t.Helper()
	var wrong []string
	known, err := db.Known(t.Context(), shopID, r.ids())
	if err != nil {
		t.Fatal(err)
	}
	for id, list := range r.changes {
		if got := known[id].ModifiedAt; !got.Equal(list[len(list)-1]) {
			wrong = append(wrong, fmt.Sprintf("%s made %s is stored as of %s", id, list[0], got))
		}
	}
	return wrong
}

// Whatever changes while the history is read, and wherever the load breaks off, the increments take over without leaving anything out.
func TestHandOver(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := newRemote(seed)
			for range 40 {
				r.add(r.some(9*day), r.random.IntN(3))
			}
			r.restless = true
			store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(seed, 2)), often: 5}
			start := epoch.Add(-10 * day)
			failed, loaded := 0, false
			for !loaded {
				result, err := task(r, store).Follow(t.Context(), start)
				switch {
				case err == nil:
					loaded = true
				case !errors.Is(err, errShaken) || failed > 200:
					t.Fatalf("run %d: %v, after %d pages", failed, err, result.Pages)
				}
				failed++
				store.often++ // so that it comes to an end
				r.now = r.now.Add(5 * time.Minute)
			}
			if failed < 2 {
				t.Error("nothing failed: the test tests nothing")
			}
			r.restless, store.often = false, 0
			r.now = r.now.Add(settle + lag)
			result, err := task(r, store).Follow(t.Context(), start)
			if err != nil || result.Stream != intake.StreamOrders {
				t.Fatal(err, result.Stream)
			}
			if wrong := missing(t, r, store.DB); len(wrong) > 0 {
				t.Errorf("%d of %d orders are wrong:\n%s", len(wrong), len(r.changes), strings.Join(wrong, "\n"))
			}
			if len(store.gaps) > 0 {
				t.Errorf("gaps where there are none: %v", store.gaps)
			}
			histories := 0
			streams, err := store.Streams(t.Context(), shopID)
			if err != nil {
				t.Fatal(err)
			}
			for _, cp := range streams {
				if intake.IsHistory(cp.Stream) {
					histories++
				}
			}
			if histories != 1 {
				t.Errorf("%d first loads were begun, want one that goes on: %v", histories, streams)
			}
		})
	}
}

// What the shop no longer lists is a gap: noted once with its span, told once, and everything else is read.
func TestGaps(t *testing.T) {
	t.Parallel()
	r := newRemote(1)
	lost := r.add(100*day, 0)
	r.add(80*day, 1)
	r.add(day, 0)
	store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(7, 7))}
	follow := func(start time.Time, want ...order.Gap) {
		t.Helper()
		result, err := task(r, store).Follow(t.Context(), start)
		if err != nil {
			t.Fatal(err)
		}
		for i := range result.Gaps {
			if !strings.Contains(result.Gaps[i].Reason, "90 days") {
				t.Errorf("the reason is %q", result.Gaps[i].Reason)
			}
			result.Gaps[i].Reason = ""
		}
		if diff := cmp.Diff(want, result.Gaps); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
	}
	gap := func(stream string, since, until time.Time) order.Gap {
		return order.Gap{Source: shopID, Stream: stream, Window: order.Window{Since: since, Until: until}}
	}
	start := epoch.Add(-200 * day)
	edge := task(r, store).Shop.Edge(epoch)
	if ahead := edge.Sub(epoch.Add(-reach)); ahead < time.Hour || ahead > 2*time.Hour {
		t.Errorf("the edge lies %s inside what the shop lists", ahead)
	}
	follow(start, gap("history", start, edge))
	if r.asked[0].Since.Before(edge) {
		t.Errorf("asked for %v, before %v", r.asked[0], edge)
	}
	delete(r.changes, lost)
	if wrong := missing(t, r, store.DB); len(wrong) > 0 {
		t.Errorf("%v", wrong)
	}
	r.now = r.now.Add(time.Hour)
	follow(start)

	// The daemon was away for longer than the shop lists.
	cp, err := store.Checkpoint(t.Context(), shopID, intake.StreamOrders)
	if err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(120 * day)
	r.add(5*day, 0)
	r.asked = nil
	away := task(r, store).Shop.Edge(r.now)
	follow(start, gap(intake.StreamOrders, cp.Watermark, away))
	if r.asked[0].Since.Before(away) {
		t.Errorf("asked for %v, before %v", r.asked[0], away)
	}
	follow(start)
}

// A first load that stood still for longer than the shop lists goes on, and says what it lost.
func TestGapOfALoad(t *testing.T) {
	t.Parallel()
	r := newRemote(2)
	r.add(70*day, 0)
	r.add(2*day, 0)
	store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(7, 7)), often: 3}
	start := epoch.Add(-80 * day)
	for range 100 { // until it came some way
		if result, err := task(r, store).Follow(t.Context(), start); err == nil || result.Pages > 3 {
			break
		}
	}
	store.often = 0
	streams, err := store.Streams(t.Context(), shopID)
	if err != nil || len(streams) != 1 || streams[0].Window.Empty() {
		t.Fatalf("%v, %v", streams, err)
	}
	at := streams[0].Window.Since
	r.now = r.now.Add(60 * day)
	result, err := task(r, store).Follow(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	edge := task(r, store).Shop.Edge(epoch.Add(60 * day))
	// The load was cut off at its own beginning, too: what it had read by then was no more than that.
	last := result.Gaps[len(result.Gaps)-1]
	if last.Stream != streams[0].Stream || !last.Window.Since.Equal(at) || last.Window.Until.Sub(edge).Abs() > time.Hour {
		t.Errorf("gaps %v, want one of %s from %s to %s", result.Gaps, streams[0].Stream, at, edge)
	}
}

// A start that is moved back under way makes no gap: what it names can still be listed, by a backfill.
func TestStartMovedBack(t *testing.T) {
	t.Parallel()
	r := newRemote(3)
	r.add(day, 0)
	store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(7, 7)), often: 2}
	for range 100 {
		if result, err := task(r, store).Follow(t.Context(), epoch.Add(-10*day)); err == nil || result.Pages > 3 {
			break
		}
	}
	store.often = 0
	result, err := task(r, store).Follow(t.Context(), epoch.Add(-20*day))
	if err != nil || len(result.Gaps) > 0 {
		t.Errorf("%v, gaps %v", err, result.Gaps)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	r := newRemote(4)
	for range 10 {
		r.add(r.some(20*day), 2)
	}
	store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(7, 7))}
	w := task(r, store)
	told := 0
	w.Progress = func(run ordersync.Run) { told = run.Pages }
	result, err := w.Sweep(t.Context(), 400*day)
	if err != nil {
		t.Fatal(err)
	}
	if want := epoch.Add(time.Hour - reach); result.Since.Before(want) || result.Stream != intake.StreamSweep || told != result.Pages {
		t.Errorf("since %s, want no earlier than %s; stream %s; told of %d of %d pages", result.Since, want, result.Stream, told, result.Pages)
	}
	if result.Inserted != 10 || len(missing(t, r, store.DB)) > 0 {
		t.Errorf("%+v, wrong: %v", result.Written, missing(t, r, store.DB))
	}
	if result, err = w.Backfill(t.Context(), "backfill x", true, ordersync.Span{Start: epoch.Add(-day), Until: epoch}); err != nil {
		t.Fatal(err)
	}
	streams, err := store.Streams(t.Context(), shopID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, cp := range streams {
		names = append(names, cp.Stream)
	}
	if diff := cmp.Diff([]string{"refunds", "refunds backfill x", "sweep", "sweep backfill x"}, names); diff != "" || result.Stream != "sweep backfill x" {
		t.Errorf("ended in %s, streams (-want +got):\n%s", result.Stream, diff)
	}
}

// A shop with one list is one stream, without gaps and first loads.
func TestPlainShop(t *testing.T) {
	t.Parallel()
	r := newRemote(5)
	for range 10 {
		r.add(r.some(20*day), 2)
	}
	store := &shaky{DB: mysqltest.Open(t), random: rand.New(rand.NewPCG(7, 7))}
	w := task(r, store)
	w.Shop.History, w.Shop.Reach = nil, 0
	result, err := w.Follow(t.Context(), epoch.Add(-400*day))
	if err != nil || result.Stream != intake.StreamOrders || len(result.Gaps) > 0 || len(missing(t, r, store.DB)) > 0 {
		t.Errorf("%v, %+v", err, result)
	}
	result, err = w.Backfill(t.Context(), "backfill y", false, ordersync.Span{Start: epoch.Add(-day), Until: epoch})
	if err != nil || result.Stream != "backfill y" {
		t.Errorf("%v, %+v", err, result)
	}
}
