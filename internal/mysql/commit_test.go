package mysql_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
)

func TestEveryColumnComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := whole("1", 1, 2)
	w.put(order.Written{Inserted: 1}, record(o))
	w.holds(o)
	stored := w.order("1")
	if !stored.FirstSeenAt.Equal(stored.SyncedAt) || stored.FirstSeenAt.IsZero() || !stored.GoneAt.IsZero() {
		t.Errorf("first seen %s, synced %s, gone %s", stored.FirstSeenAt, stored.SyncedAt, stored.GoneAt)
	}
	// What is stored, read back and merged into an order that says nothing, hashes like the original.
	merged := &order.Order{Source: shop, ID: "1", ModifiedAt: o.ModifiedAt, FetchedAt: o.FetchedAt}
	merged.Merge(&stored.Order)
	merged.Sort()
	if merged.Hash() != o.Hash() {
		t.Error("the order that was read back hashes unlike the one that was written")
	}
	if _, err := w.db.Order(t.Context(), shop, "2"); !errors.Is(err, mysql.ErrNotStored) {
		t.Errorf("an unknown order: %v", err)
	}
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if diff := cmp.Diff(order.Checkpoint{Source: shop, Stream: "orders"}, w.checkpoint()); diff != "" {
		t.Errorf("where none is stored (-want +got):\n%s", diff)
	}
	from := w.checkpoint()
	to := order.Checkpoint{
		Source: shop, Stream: "orders", Watermark: at(5), Window: order.Window{Since: at(5), Until: at(65)}, Cursor: "next?a='b'",
		Slice: 90 * time.Second, Ceiling: 3 * time.Minute, Poison: []string{"sha256:00", "张"}, Revision: 77,
	}
	if _, err := w.db.Commit(t.Context(), from, to, order.Page{}); err != nil {
		t.Fatal(err)
	}
	to.Revision = 1
	if diff := cmp.Diff(to, w.checkpoint()); diff != "" {
		t.Errorf("after the first commit (-want +got):\n%s", diff)
	}
	from, to = to, order.Checkpoint{Source: shop, Stream: "orders", Watermark: at(65)}
	if _, err := w.db.Commit(t.Context(), from, to, page(record(whole("1", 1, 1)))); err != nil {
		t.Fatal(err)
	}
	to.Revision = 2
	if diff := cmp.Diff(to, w.checkpoint()); diff != "" {
		t.Errorf("after the second commit (-want +got):\n%s", diff)
	}
	rows, err := w.db.Checkpoints(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Revision != 2 || rows[0].UpdatedAt.IsZero() {
		t.Errorf("Checkpoints: %+v, %v", rows, err)
	}
}

func TestFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.checkpoint()
	w.commit(1, record(whole("1", 1, 1)))
	second := w.checkpoint()
	w.commit(2)
	gone := second
	gone.Stream = "gone"
	for name, from := range map[string]order.Checkpoint{"before the first": first, "one behind": second, "of a row that is gone": gone} {
		for _, records := range [][]order.Record{nil, {record(whole("2", 1, 1))}} {
			_, err := w.db.Commit(t.Context(), from, from, page(records...))
			if !errors.Is(err, order.ErrMoved) {
				t.Errorf("a checkpoint %s with %d records: %v, want ErrMoved", name, len(records), err)
			}
		}
	}
	if n := w.count("SELECT COUNT(*) FROM orders"); n != 1 {
		t.Errorf("%d orders are stored, want 1: the fence let something through", n)
	}
	if got := w.checkpoint(); got.Revision != 2 || !got.Watermark.Equal(at(2)) {
		t.Errorf("the checkpoint moved: %+v", got)
	}
}

func TestUnchangedIsNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(order.Written{Inserted: 1}, record(whole("1", 1, 1)))
	before := w.order("1")

	w.put(order.Written{Unchanged: 1}, record(whole("1", 1, 9))) // fetched again
	same := whole("1", 1, 10)                                    // the same said in other words
	same.Raw = raw("other words")
	w.put(order.Written{Unchanged: 1}, record(same))
	after := w.order("1")
	if !after.SyncedAt.Equal(before.SyncedAt) || !after.FetchedAt.Equal(before.FetchedAt) {
		t.Errorf("synced at %s, fetched at %s; want %s, %s", after.SyncedAt, after.FetchedAt, before.SyncedAt, before.FetchedAt)
	}
	if string(after.Raw) != "other words" {
		t.Errorf("the raw text is %q", after.Raw)
	}

	// The same text read with another field map is a change.
	remapped := whole("1", 1, 11)
	remapped.Raw = same.Raw
	remapped.BuyerNote = text("was not mapped before")
	w.put(order.Written{Updated: 1}, record(remapped))
	w.holds(remapped)
	if !w.order("1").SyncedAt.After(before.SyncedAt) {
		t.Error("a change did not move synced_at")
	}
	if !w.order("1").FirstSeenAt.Equal(before.FirstSeenAt) {
		t.Error("a change moved first_seen_at")
	}
}

// TestUnchangedPartial shows that the shortcut by the raw text also serves orders that leave something out, and not when the field map
// has changed.
func TestUnchangedPartial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	partial := func(fetched int, note order.Field[string]) *order.Order {
		return &order.Order{Source: shop, ID: "1", Number: text("N"), BuyerNote: note, ModifiedAt: at(1), FetchedAt: at(fetched), Raw: raw("text")}
	}
	w.put(order.Written{Inserted: 1}, record(partial(1, order.Field[string]{})))
	w.put(order.Written{Unchanged: 1}, record(partial(2, order.Field[string]{})))
	w.put(order.Written{Updated: 1}, record(partial(3, text("mapped now"))))
	w.put(order.Written{Unchanged: 1}, record(partial(4, text("mapped now"))))
	if got := w.order("1").BuyerNote.Value(); got != "mapped now" {
		t.Errorf("the note is %q", got)
	}
}

func TestNewestWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	newest := whole("1", 5, 5)
	w.put(order.Written{Inserted: 1}, record(newest))
	older := whole("1", 4, 9)
	older.Status = order.Some(order.StatusCancelled)
	older.Items = some(line("other", "1"))
	w.put(order.Written{Stale: 1}, record(older))
	w.holds(newest)

	earlier := whole("1", 5, 4) // the same time of change, fetched before
	earlier.Status = order.Some(order.StatusCancelled)
	earlier.Raw = raw("earlier")
	w.put(order.Written{Stale: 1}, record(earlier))
	w.holds(newest)

	later := whole("1", 5, 6)
	later.Status = order.Some(order.StatusShipped)
	later.Raw = raw("later")
	w.put(order.Written{Updated: 1}, record(later))
	w.holds(later)

	// Both on one page: the newer counts, the other is stale, whichever comes first.
	a, b := whole("2", 1, 1), whole("2", 2, 1)
	w.put(order.Written{Inserted: 1, Stale: 1}, record(b), record(a))
	w.holds(b)
	c, d := whole("2", 3, 1), whole("2", 4, 1)
	w.put(order.Written{Updated: 1, Stale: 1}, record(c), record(d))
	w.holds(d)
}

func TestAbsentNeverClears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := whole("1", 1, 1)
	w.put(order.Written{Inserted: 1}, record(full))

	thin := &order.Order{Source: shop, ID: "1", Status: order.Some(order.StatusShipped), ModifiedAt: at(2), FetchedAt: at(2), Raw: raw("thin")}
	w.put(order.Written{Updated: 1}, record(thin))
	want := *full
	want.Status, want.ModifiedAt, want.FetchedAt, want.Raw = thin.Status, thin.ModifiedAt, thin.FetchedAt, thin.Raw
	w.holds(&want)
	if !thin.Number.Absent() || !thin.Items.Absent() {
		t.Error("the caller's order was changed")
	}

	// A list that was sent is taken over; what its lines left out stays.
	bare := order.Item{LineID: "1-2", Quantity: amount("7")}
	some1 := &order.Order{Source: shop, ID: "1", Items: some(bare), Refunds: some[order.Refund](), ModifiedAt: at(3), FetchedAt: at(3), Raw: raw("some")}
	w.put(order.Written{Updated: 1}, record(some1))
	kept := line("1-2", "7")
	want.Items, want.Refunds = some(kept), some[order.Refund]()
	want.ModifiedAt, want.FetchedAt, want.Raw = at(3), at(3), raw("some")
	w.holds(&want)
	if items, _ := some1.Items.Get(); !items[0].SKU.Absent() {
		t.Error("the caller's lines were changed")
	}

	// An empty value clears.
	cleared := &order.Order{
		Source: shop, ID: "1", BuyerNote: order.Null[string](), Items: some[order.Item](), ModifiedAt: at(4), FetchedAt: at(4), Raw: raw("cleared"),
	}
	w.put(order.Written{Updated: 1}, record(cleared))
	want.BuyerNote, want.Items = order.Null[string](), some[order.Item]()
	want.ModifiedAt, want.FetchedAt, want.Raw = at(4), at(4), raw("cleared")
	w.holds(&want)
}

func TestVanishedLinesDisappear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := whole("1", 1, 1)
	o.Items = some(line("a", "1"), line("A", "2"), line("b", "3"), line("c", "4"))
	r := o.Refunds.Value()[0]
	second := r
	second.ID = "second"
	o.Refunds = some(r, second)
	w.put(order.Written{Inserted: 2}, record(o), record(whole("2", 1, 1)))

	next := whole("1", 2, 2)
	next.Items = some(line("A", "2"), line("d", "5"), line("c", "44"))
	next.Refunds = some(second)
	w.put(order.Written{Updated: 1}, record(next))
	w.holds(next)
	w.holds(whole("2", 1, 1)) // its neighbour is left alone
}

func TestGoneOrderComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := whole("1", 1, 1)
	w.put(order.Written{Inserted: 1}, record(o))
	before := w.order("1")
	w.exec("UPDATE orders SET gone_at = UTC_TIMESTAMP(6)")
	if known, err := w.db.Known(t.Context(), shop, []string{"1"}); err != nil || len(known) != 0 {
		t.Errorf("Known of an order that is gone: %v, %v", known, err)
	}
	w.put(order.Written{Updated: 1}, record(whole("1", 1, 2)))
	after := w.order("1")
	if !after.GoneAt.IsZero() || !after.SyncedAt.After(before.SyncedAt) {
		t.Errorf("gone at %s, synced at %s (before: %s)", after.GoneAt, after.SyncedAt, before.SyncedAt)
	}
	w.exec("UPDATE orders SET gone_at = UTC_TIMESTAMP(6)")
	w.put(order.Written{Stale: 1}, record(whole("1", 0, 1))) // an older version does not bring it back
	if w.order("1").GoneAt.IsZero() {
		t.Error("an older version brought an order back that is gone")
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var records []order.Record
	var ids []string
	want := map[string]order.Version{}
	for i := range 1200 {
		o := &order.Order{Source: shop, ID: fmt.Sprint("id-", i), ModifiedAt: at(i), FetchedAt: at(i + 1)}
		records, want[o.ID], ids = append(records, record(o)), o.Version(), append(ids, o.ID, fmt.Sprint("none-", i), o.ID)
	}
	w.put(order.Written{Inserted: 1200}, records...)
	got, err := w.db.Known(t.Context(), shop, ids)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, ids := range map[string][]string{"no ids": nil, "ids of another shop": {"id-1"}} {
		if got, err := w.db.Known(t.Context(), "other", ids); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestIDsAreComparedByteForByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []string{"A", "a", "ä", "Ä", "ss", "ß", "😀", "0", "00", "1e1", "10", strings.Repeat("字", 191)}
	var records []order.Record
	for _, id := range ids {
		o := whole(id, 1, 1)
		o.Number, o.Items, o.Refunds = text(id), some(line(id, "1")), order.Field[[]order.Refund]{}
		records = append(records, record(o))
	}
	w.put(order.Written{Inserted: len(ids)}, records...)
	for _, id := range ids {
		if got := w.order(id); got.ID != id || len(got.Items.Value()) != 1 || got.Items.Value()[0].LineID != id {
			t.Errorf("id %q came back as %q with lines %v", id, got.ID, got.Items)
		}
	}
	if n := w.count("SELECT COUNT(*) FROM order_items"); n != len(ids) {
		t.Errorf("%d lines, want %d", n, len(ids))
	}
}

func TestMicrosecondsAreCutNotRounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := whole("1", 1, 1)
	edge := time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", 8*3600))
	o.ModifiedAt, o.FetchedAt, o.OrderedAt = edge, edge, order.Some(edge)
	w.put(order.Written{Inserted: 1}, record(o))
	var modified, fetched, ordered string
	if err := w.raw.QueryRowContext(t.Context(), "SELECT CAST(modified_at AS CHAR), CAST(fetched_at AS CHAR), CAST(ordered_at AS CHAR) FROM orders").
		Scan(&modified, &fetched, &ordered); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{modified, fetched, ordered} {
		if got != "2026-12-31 15:59:59.999999" {
			t.Errorf("stored as %s", got)
		}
	}
	again := whole("1", 1, 1)
	again.ModifiedAt, again.FetchedAt, again.OrderedAt = edge, edge, order.Some(edge)
	w.put(order.Written{Unchanged: 1}, record(again))
}

func TestRecordsOfTheWrongKindAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alien, timeless := whole("1", 1, 1), whole("1", 1, 1)
	alien.Source = "other"
	timeless.FetchedAt = time.Time{}
	for name, r := range map[string]order.Record{
		"of another source": record(alien), "without a time of fetching": record(timeless), "empty": {},
		"both": {Order: whole("1", 1, 1), Dead: bad("1", 1, 1, "x")},
	} {
		_, err := w.db.Commit(t.Context(), w.checkpoint(), w.checkpoint(), page(r))
		if fault.KindOf(err) != fault.Internal {
			t.Errorf("a record %s: %v", name, err)
		}
	}
	other := w.checkpoint()
	other.Stream = "other"
	if _, err := w.db.Commit(t.Context(), w.checkpoint(), other, order.Page{}); fault.KindOf(err) != fault.Internal {
		t.Errorf("a checkpoint of another stream: %v", err)
	}
	if n := w.count("SELECT (SELECT COUNT(*) FROM orders) + (SELECT COUNT(*) FROM checkpoints)"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// TestTwoStoresAtOnce lets several stores, as of several daemons, write the same orders in different versions at the same time.
func TestTwoStoresAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const workers, rounds, ids = 4, 6, 20
	var wg sync.WaitGroup
	for worker := range workers {
		db := mysqltest.OpenWith(t, w.o)
		wg.Go(func() {
			cp := order.Checkpoint{Source: shop, Stream: fmt.Sprint("stream ", worker)}
			for round := range rounds {
				var records []order.Record
				for i := range ids {
					// Each worker brings the versions in an order of its own; half of them are partial.
					o := whole(fmt.Sprint(i), (round*(worker+1))%rounds, (round*(worker+1))%rounds)
					if i%2 == 0 {
						o.Items, o.BuyerNote, o.Receiver = order.Field[[]order.Item]{}, order.Field[string]{}, order.Field[string]{}
					}
					o.Number = text(fmt.Sprint("N", (round*(worker+1))%rounds))
					records = append(records, record(o))
				}
				if _, err := db.Commit(t.Context(), cp, cp, page(records...)); err != nil {
					t.Errorf("worker %d, round %d: %v", worker, round, err)
					return
				}
				cp.Revision++
			}
		})
	}
	wg.Wait()
	for i := range ids {
		o := w.order(fmt.Sprint(i))
		if want := version(rounds-1, rounds-1); o.Version() != want || o.Number.Value() != fmt.Sprint("N", rounds-1) {
			t.Errorf("order %d: version %v, number %s", i, o.Version(), o.Number.Value())
		}
	}
	if n := w.count("SELECT COUNT(*) FROM orders o LEFT JOIN order_raw r USING (source, order_id) WHERE r.source IS NULL"); n != 0 {
		t.Errorf("%d orders have no raw text", n)
	}
}

// TestSamePageTwiceAtOnce commits one page from two stores through one checkpoint: one wins, the other is told, nothing is doubled.
func TestSamePageTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := mysqltest.OpenWith(t, w.o)
	for round := range 8 {
		from := w.checkpoint()
		records := func() order.Page {
			return page(record(whole("1", round, round)), record(whole(fmt.Sprint("new ", round), 1, 1)))
		}
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i, db := range []*mysql.DB{w.db, other} {
			wg.Go(func() { _, errs[i] = db.Commit(t.Context(), from, from, records()) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), order.ErrMoved) {
			t.Fatalf("round %d: %v, %v; want one success and one ErrMoved", round, errs[0], errs[1])
		}
		if got := w.checkpoint().Revision; got != int64(round)+1 {
			t.Fatalf("round %d: revision %d", round, got)
		}
	}
	if n := w.count("SELECT COUNT(*) FROM orders"); n != 9 {
		t.Errorf("%d orders, want 9", n)
	}
}

func TestFatOrderIsSplit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := whole("1", 1, 1)
	var lines []order.Item
	for i := range 5000 {
		lines = append(lines, line(fmt.Sprintf("%05d", i), "1"))
	}
	o.Items = order.Some(lines)
	w.put(order.Written{Inserted: 1}, record(o))
	w.holds(o)
	fewer := whole("1", 2, 2)
	fewer.Items = order.Some(lines[:1])
	w.put(order.Written{Updated: 1}, record(fewer))
	w.holds(fewer)
}
