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
