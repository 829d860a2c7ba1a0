package mysql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

// letters returns the dead letters that are stored: id -> reason.
func (w *world) letters() map[string]string {
	w.t.Helper()
	all, err := w.db.DeadLetters(w.t.Context(), mysql.DeadLetterFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, d := range all {
		reasons[d.ID] = d.Reason
	}
	return reasons
}

func TestDeadLetterGuardAndRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(order.Written{Dead: 1}, dead(bad("1", 5, 5, "newest")))
	w.put(order.Written{Stale: 1}, dead(bad("1", 4, 9, "older")))
	w.put(order.Written{Stale: 1}, dead(bad("1", 5, 4, "fetched earlier")))
	w.put(order.Written{}, dead(bad("1", 5, 6, "newest"))) // the same, fetched again: not counted, but it is the version that counts
	if diff := cmp.Diff(map[string]string{"1": "newest"}, w.letters()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// An older good version is stored and releases nothing; one as new does.
	w.put(order.Written{Inserted: 1}, record(whole("1", 4, 9)))
	if len(w.letters()) != 1 {
		t.Error("an older version released the dead letter")
	}
	w.put(order.Written{Updated: 1}, record(whole("1", 5, 5)))
	if len(w.letters()) != 1 {
		t.Error("an order that was fetched earlier released the dead letter")
	}
	w.put(order.Written{Unchanged: 1, Released: 1}, record(whole("1", 5, 6)))
	if diff := cmp.Diff(map[string]string{}, w.letters()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// What is older than the stored order does not come back; what is newer does.
	w.put(order.Written{Stale: 1}, dead(bad("1", 5, 5, "as old")))
	w.put(order.Written{Dead: 1}, dead(bad("1", 5, 7, "newer")))
	// An order that is unchanged releases it as well, when it was fetched later.
	w.put(order.Written{Unchanged: 1, Released: 1}, record(whole("1", 5, 7)))
}

func TestDeadLetterOnOnePageWithItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(order.Written{Inserted: 1, Stale: 1}, record(whole("1", 2, 1)), dead(bad("1", 1, 1, "older")))
	w.put(order.Written{Dead: 1, Inserted: 1}, dead(bad("2", 2, 1, "newer")), record(whole("2", 1, 1)))
	w.put(order.Written{Dead: 1, Stale: 1}, dead(bad("3", 2, 1, "newer")), dead(bad("3", 1, 1, "older")))
	if diff := cmp.Diff(map[string]string{"2": "newer", "3": "newer"}, w.letters()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDeadLetterWithoutATimeOfChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(order.Written{Dead: 1}, dead(bad("1", -1, 5, "no time")))
	w.put(order.Written{Inserted: 1}, record(whole("1", 9, 4))) // fetched earlier: what it says may be what could not be read
	w.put(order.Written{Updated: 1, Released: 1}, record(whole("1", 10, 6)))
	w.put(order.Written{Stale: 1}, dead(bad("1", -1, 6, "as old")))
	w.put(order.Written{Dead: 1}, dead(bad("1", -1, 7, "no time")))
}

func TestDeadLetterWithoutAnID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []string{"", " 1", strings.Repeat("x", 192), "a\x00b", "\xff"}
	for i, id := range ids {
		d := bad(id, 1, 1, "x")
		d.Payload = raw("payload %d", i)
		w.put(order.Written{Dead: 1}, dead(d))
		if got, err := w.db.DeadLetter(t.Context(), shop, order.PayloadID(d.Payload)); err != nil || string(got.Payload) != string(d.Payload) {
			t.Errorf("id %q: %v, %v", id, got, err)
		}
	}
}

func TestDeadLetterCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := bad("1", 1, 2, strings.Repeat("字", 2000))
	d.Payload = []byte("\x00\xff'\"")
	other := bad("1", 1, 2, "x")
	other.Source = "other"
	w.put(order.Written{Dead: 1}, dead(d))
	w.put(order.Written{Dead: 1}, dead(other))
	got, err := w.db.DeadLetter(t.Context(), shop, "1")
	if err != nil {
		t.Fatal(err)
	}
	want := *d
	want.Reason = strings.Repeat("字", 1024)
	if diff := cmp.Diff(want, got.DeadLetter); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.DeadAt.IsZero() || !got.DeadAt.Equal(got.FirstDeadAt) {
		t.Errorf("dead at %s, first at %s", got.DeadAt, got.FirstDeadAt)
	}
	list, err := w.db.DeadLetters(t.Context(), mysql.DeadLetterFilter{Source: shop})
	if err != nil || len(list) != 1 || list[0].Source != shop || list[0].Payload != nil {
		t.Errorf("list of one source: %+v, %v", list, err)
	}
	if list, err = w.db.DeadLetters(t.Context(), mysql.DeadLetterFilter{Limit: 1}); err != nil || len(list) != 1 {
		t.Errorf("list of one: %d, %v", len(list), err)
	}
	counts, err := w.db.CountDeadLetters(t.Context())
	if diff := cmp.Diff(map[order.SourceID]int{shop: 1, "other": 1}, counts); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, want := range []bool{true, false} {
		if found, err := w.db.DiscardDeadLetter(t.Context(), shop, "1"); found != want || err != nil {
			t.Errorf("discard: %v, %v, want %v", found, err, want)
		}
	}
	if _, err := w.db.DeadLetter(t.Context(), shop, "1"); !errors.Is(err, mysql.ErrNotStored) {
		t.Errorf("after it was discarded: %v", err)
	}
}

// refusedRows plants orders that the database refuses in a page: they become dead letters, the rest goes in, and the
// checkpoint moves.
func refusedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stored := whole("stored", 1, 1)
	w.put(order.Written{Inserted: 1}, record(stored))
	var records []order.Record
	for i := range 40 {
		records = append(records, record(whole(fmt.Sprintf("%02d", i), 1, 1)))
	}
	long := whole("long", 1, 1)
	long.Number = text(strings.Repeat("secret", 100)) // error 1406
	lines := whole("lines", 1, 1)
	lines.Items = some(line("1", "1"), line(strings.Repeat("secret", 100), "1"))
	broken := whole("broken", 1, 1)
	broken.Receiver = text(`{"secret":`) // a check that fails
	bytes := whole("bytes", 1, 1)
	bytes.BuyerName = text("secret\xf0") // error 1366
	update := whole("stored", 2, 2)
	update.SellerNote = text(strings.Repeat("secret", 20000))
	refund := whole("refund", 1, 1)
	refund.Refunds = some(order.Refund{ID: "r", Reason: text(strings.Repeat("secret", 100))})
	culprits := map[string]*order.Order{"long": long, "lines": lines, "broken": broken, "bytes": bytes, "stored": update, "refund": refund}
	for _, o := range culprits {
		records = append(records, record(o))
	}
	if got := w.commit(9, records...); got != (order.Written{Inserted: 40, Dead: 6}) {
		t.Errorf("written: %+v", got)
	}
	if got := w.checkpoint(); got.Revision != 1 || !got.Watermark.Equal(at(9)) {
		t.Errorf("the checkpoint: %+v", got)
	}
	w.holds(stored)
	letters := w.letters()
	for id, o := range culprits {
		if !strings.HasPrefix(letters[id], "the database refuses it: error ") || strings.Contains(letters[id], "secret") {
			t.Errorf("reason of %s: %q", id, letters[id])
		}
		if d, err := w.db.DeadLetter(t.Context(), shop, id); err != nil || string(d.Payload) != string(o.Raw) || d.Version != o.Version() {
			t.Errorf("dead letter %s: %+v, %v", id, d, err)
		}
	}
	if !strings.Contains(letters["long"], "column number") {
		t.Errorf("reason of long: %q, want it to name the column", letters["long"])
	}
	if n := w.count("SELECT COUNT(*) FROM order_items WHERE order_id NOT IN (SELECT order_id FROM orders)"); n != 0 {
		t.Errorf("%d lines without their order", n)
	}
	// When they are mended they are released by themselves.
	w.put(order.Written{Inserted: 1, Released: 1}, record(whole("long", 1, 2)))
}
