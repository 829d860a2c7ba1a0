package mysql_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/order"
)

// TestStill: a page that is stored already, below a checkpoint that stays, writes nothing and keeps the revision. All else is written
// as ever: another checkpoint, another page, a dead letter that a good version ends, an order that was marked gone.
func TestStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commit := func(from, to order.Checkpoint, want order.Written, revision int64, records ...order.Record) {
		t.Helper()
		got, err := w.db.Commit(t.Context(), from, to, page(records...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		if stored := w.checkpoint().Revision; stored != revision {
			t.Errorf("revision %d, want %d", stored, revision)
		}
	}
	w.put(order.Written{Inserted: 1}, record(whole("0", 1, 1)))
	w.put(order.Written{Unchanged: 1}, record(whole("0", 1, 1)))
	commit(order.Checkpoint{Source: shop, Stream: "another"}, order.Checkpoint{Source: shop, Stream: "another", Watermark: at(1)},
		order.Written{Unchanged: 1}, 0, record(whole("0", 1, 1))) // a stream's first page, stored by another one
	first, second, newer := whole("1", 1, 1), whole("2", 1, 1), whole("2", 2, 3)
	w.commit(1, record(first), record(second))
	at1 := w.checkpoint()
	commit(at1, at1, order.Written{Unchanged: 2}, 2, record(first), record(second)) // the one before it was new: no look is worth it
	at2 := w.checkpoint()
	commit(at2, at2, order.Written{Unchanged: 2, Still: true}, 2, record(first), record(second))
	commit(at2, at2, order.Written{Unchanged: 1, Still: true}, 2, record(first))
	moved := at2
	moved.Watermark = at(2)
	commit(at2, moved, order.Written{Unchanged: 2}, 3, record(first), record(second))
	if _, err := w.db.Commit(t.Context(), at2, at2, page(record(first))); !errors.Is(err, order.ErrMoved) {
		t.Errorf("from a checkpoint that moved: %v", err)
	}
	at3 := w.checkpoint()
	commit(at3, at3, order.Written{Unchanged: 1, Updated: 1}, 4, record(first), record(newer))
	w.holds(newer)
	at4 := w.checkpoint()
	commit(at4, at4, order.Written{Unchanged: 1}, 5, record(first))
	w.exec("UPDATE orders SET gone_at = UTC_TIMESTAMP(6) WHERE order_id = '1'")
	at5 := w.checkpoint()
	commit(at5, at5, order.Written{Updated: 1}, 6, record(first))
	at6 := w.checkpoint()
	commit(at6, at6, order.Written{Unchanged: 1}, 7, record(first))
	w.put(order.Written{Dead: 1}, dead(bad("1", 1, 2, "broken")))
	again := whole("1", 1, 5)
	at7 := w.checkpoint()
	commit(at7, at7, order.Written{Unchanged: 1, Released: 1}, 8, record(again))
	if n := w.count("SELECT COUNT(*) FROM dead_letters"); n != 0 {
		t.Errorf("%d dead letters are left", n)
	}
}

// TestNewAgain: after a page on which all was new the next is taken for new, too, without a look. Where it is not, nothing is lost by
// that: what is stored is merged, kept or taken over, and dead letters are released, as ever.
func TestNewAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want    order.Written
		records []order.Record
		check   func(w *world)
	}{
		"new": {order.Written{Inserted: 2}, []order.Record{record(whole("5", 1, 1)), record(whole("6", 1, 1))}, func(w *world) {
			w.holds(whole("5", 1, 1))
			w.holds(whole("6", 1, 1))
		}},
		"one of each": {
			order.Written{Inserted: 1, Updated: 1, Unchanged: 1, Stale: 1},
			[]order.Record{record(whole("5", 1, 1)), record(whole("1", 2, 2)), record(whole("2", 1, 1)), record(whole("3", 0, 2))},
			func(w *world) {
				w.holds(whole("5", 1, 1))
				w.holds(whole("1", 2, 2))
				w.holds(whole("2", 1, 1))
				w.holds(whole("3", 1, 1))
			},
		},
		"what was left out": {
			order.Written{Updated: 1},
			[]order.Record{record(&order.Order{Source: shop, ID: "4", Number: text("other"), ModifiedAt: at(2), FetchedAt: at(2), Raw: raw("{}")})},
			func(w *world) {
				want := whole("4", 2, 2)
				want.Number, want.Raw = text("other"), raw("{}")
				w.holds(want)
			},
		},
		"a good version of a dead letter": {order.Written{Inserted: 1, Released: 1}, []order.Record{record(whole("9", 1, 9))}, func(w *world) {
			w.holds(whole("9", 1, 9))
		}},
		"a dead letter": {order.Written{Dead: 1}, []order.Record{dead(bad("1", 3, 3, "broken"))}, func(w *world) {
			w.holds(whole("1", 1, 1))
		}},
		"a dead letter that is older than what is stored": {order.Written{Stale: 1}, []order.Record{dead(bad("1", 0, 3, "broken"))}, func(w *world) {
			w.holds(whole("1", 1, 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put(order.Written{Dead: 1}, dead(bad("9", 1, 2, "broken")))
			w.put(order.Written{Inserted: 4}, record(whole("1", 1, 1)), record(whole("2", 1, 1)), record(whole("3", 1, 1)), record(whole("4", 1, 1)))
			w.put(c.want, c.records...)
			c.check(w)
		})
	}
}
