package mysql_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
	"ordersync/internal/parcel"
)

// parcelsIn reads the parcels that sentOrder wrote into an order's text.
func parcelsIn(payload []byte) []order.Parcel {
	var text struct {
		Parcels []order.Parcel `json:"parcels"`
	}
	if json.Unmarshal(payload, &text) != nil {
		return nil
	}
	return text.Parcels
}

// sentOrder is a shipped order that names parcels in its text.
func sentOrder(t *testing.T, id string, modified int, parcels ...order.Parcel) *order.Order {
	t.Helper()
	o := whole(id, modified, modified)
	o.Status, o.CompletedAt = order.Some(order.StatusShipped), order.Null[time.Time]()
	text, err := json.Marshal(map[string]any{"id": id, "parcels": parcels})
	if err != nil {
		t.Fatal(err)
	}
	o.Raw = text
	return o
}

// pack is a parcel of carrier YTO with one line.
func pack(number string) order.Parcel {
	return order.Parcel{Carrier: "圆通速递", TrackingNumber: number, LineIDs: []string{number + "-1"}, ShippedAt: at(-3600)}
}

var shipments = parcel.Scope{Source: shop}

func of(id string) parcel.Scope { return parcel.Scope{Source: shop, OrderID: id} }

// store writes orders, new or changed.
func (w *world) store(orders ...*order.Order) {
	w.t.Helper()
	var records []order.Record
	for _, o := range orders {
		records = append(records, record(o))
	}
	if _, err := w.db.Put(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
}

// note looks for parcels and checks how many are new.
func (w *world) note(scope parcel.Scope, want int) {
	w.t.Helper()
	got, err := w.db.NoteParcels(w.t.Context(), scope, parcelsIn)
	if err != nil || got != want {
		w.t.Fatalf("%d new parcels, %v; want %d", got, err, want)
	}
}

func (w *world) parcels(scope parcel.Scope) []parcel.Tracked {
	w.t.Helper()
	list, err := w.db.ListParcels(w.t.Context(), scope, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// brief is a parcel in one line.
func brief(list []parcel.Tracked) []string {
	var lines []string
	for _, p := range list {
		line := fmt.Sprintf("%s/%s/%s %s", p.OrderID, p.Carrier, p.TrackingNumber, p.Status)
		if len(p.Events) > 0 {
			line += fmt.Sprintf(", %d events", len(p.Events))
		}
		if p.NextAt.IsZero() {
			line += ", done"
		}
		lines = append(lines, line)
	}
	return lines
}

func (w *world) wants(scope parcel.Scope, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, brief(w.parcels(scope))); diff != "" {
		w.t.Errorf("parcels (-want +got):\n%s", diff)
	}
}

// stamps are the synced_at of all parcels, by number.
func (w *world) stamps() map[string]time.Time {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), "SELECT tracking_number, synced_at FROM shipments")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	stamps := map[string]time.Time{}
	for rows.Next() {
		var number string
		var at time.Time
		if err := rows.Scan(&number, &at); err != nil {
			w.t.Fatal(err)
		}
		stamps[number] = at
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return stamps
}

// Orders that are on their way bring their parcels, once, whatever else lies beside them.
func TestNoteParcels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.note(shipments, 0)
	paid := sentOrder(t, "paid", 1, pack("P"))
	paid.Status = order.Some(order.StatusPaid)
	done := sentOrder(t, "done", 1, pack("D"))
	done.Status, done.CompletedAt = order.Some(order.StatusCompleted), moment(1)
	closed := sentOrder(t, "closed", 1, pack("C"))
	closed.Status, closed.CancelledAt = order.Some(order.StatusPartiallyRefunded), moment(1)
	plain := whole("plain", 1, 1)
	plain.Status, plain.CompletedAt = order.Some(order.StatusShipped), order.Null[time.Time]()
	bad := sentOrder(t, "bad", 1, order.Parcel{}, order.Parcel{TrackingNumber: strings.Repeat("x", 192)}, pack("OK"), pack("OK"))
	future := sentOrder(t, "future", 1, order.Parcel{TrackingNumber: "F", ShippedAt: time.Now().AddDate(1, 0, 0)})
	w.store(paid, done, closed, plain, bad, future, sentOrder(t, "1", 1, pack("A"), pack("B")))
	w.note(shipments, 4)
	w.note(shipments, 0) // nothing changed
	list := w.parcels(shipments)
	want := []string{"1/圆通速递/A created", "1/圆通速递/B created", "bad/圆通速递/OK created", "future//F created"}
	if diff := cmp.Diff(want, brief(list)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if a := list[0]; !a.ShippedAt.Value().Equal(at(-3600)) || !a.MovedAt.Equal(at(-3600)) || !a.Unfinished || a.Asks != 0 || !a.AskedAt.IsZero() ||
		a.NextAt.After(a.Now) || a.Now.IsZero() || len(a.LineIDs) != 1 || a.LineIDs[0] != "A-1" {
		t.Errorf("%+v", a)
	}
	if f := list[3]; !f.ShippedAt.Value().IsZero() || f.Now.Sub(f.MovedAt) > time.Hour {
		t.Errorf("a parcel that will be sent next year: %+v", f)
	}
	w.wants(of("1"), "1/圆通速递/A created", "1/圆通速递/B created")

	stamps := w.stamps()
	changed := sentOrder(t, "1", 2, pack("A"), pack("B"), pack("N"))
	w.store(changed)
	w.note(shipments, 1)
	w.exec("UPDATE checkpoints SET watermark = '2020-01-01'") // everything is looked at again
	w.note(shipments, 0)
	for number, at := range stamps {
		if now := w.stamps()[number]; !now.Equal(at) {
			t.Errorf("synced_at of %s moved, and nothing of it changed", number)
		}
	}
	w.store(sentOrder(t, "2", 3, pack("Z")))
	w.note(of("2"), 1)
	w.note(of("2"), 0)
	w.note(of("nowhere"), 0)
	if other, err := w.db.ListParcels(t.Context(), parcel.Scope{Source: "other"}, 10); err != nil || len(other) != 0 {
		t.Errorf("parcels of another source: %v, %v", other, err)
	}
}

// More orders than are read at a time, also with one synced_at for all of them.
func TestNoteParcelsInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var orders []*order.Order
	for i := range 350 {
		orders = append(orders, sentOrder(t, fmt.Sprintf("%04d", i), 1, pack(fmt.Sprintf("A%d", i)), pack(fmt.Sprintf("B%d", i))))
	}
	w.store(orders...)
	w.exec("UPDATE orders SET synced_at = '2026-03-01 00:00:00.000001'")
	w.note(shipments, 700)
	w.note(shipments, 0)
	if n := w.count("SELECT COUNT(*) FROM shipments WHERE is_split = 0 AND next_at <= UTC_TIMESTAMP(6)"); n != 700 {
		t.Errorf("%d parcels, want 700", n)
	}
	if list, err := w.db.ListParcels(t.Context(), shipments, 7); err != nil || len(list) != 7 {
		t.Errorf("%d parcels listed of 7 that were wanted, %v", len(list), err)
	}
}

// Two who look for parcels at the same time bring each once; one of them may have to look again.
func TestNoteParcelsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var orders []*order.Order
	for i := range 120 {
		orders = append(orders, sentOrder(t, fmt.Sprintf("%04d", i), 1, pack(fmt.Sprintf("A%d", i))))
	}
	w.store(orders...)
	var wg sync.WaitGroup
	for range 3 {
		db := mysqltest.OpenWith(t, w.o)
		wg.Go(func() {
			if _, err := db.NoteParcels(t.Context(), shipments, parcelsIn); err != nil && !strings.Contains(err.Error(), order.ErrMoved.Error()) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.count("SELECT COUNT(*) FROM shipments"); n != 120 {
		t.Errorf("%d parcels, want 120", n)
	}
}

// An order that names its parcels in another way: a corrected number, a carrier, lines.
func TestOrderNamesOtherParcels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nameless := pack("B")
	nameless.Carrier = ""
	w.store(sentOrder(t, "1", 1, pack("A"), nameless, pack("C")))
	w.note(shipments, 3)
	for _, p := range w.parcels(of("1")) {
		if p.TrackingNumber != "A" {
			w.asked(p, func(a *parcel.Asked) {
				a.After.Status, a.After.Events, a.Next = order.ShipmentInTransit, []order.ShipmentEvent{{Text: "x"}}, time.Hour
			})
		}
	}
	split := pack("B")
	split.Split, split.LineIDs, split.Carrier = true, []string{"7", "8"}, "中通"
	again := pack("C")
	again.Carrier = "another name of it"
	w.store(sentOrder(t, "1", 2, split, again, pack("D")))
	w.note(shipments, 1)
	w.wants(of("1"), "1/中通/B in_transit, 1 events", "1/圆通速递/A withdrawn, done", "1/圆通速递/C in_transit, 1 events", "1/圆通速递/D created")
	if b := w.parcels(of("1"))[0]; !b.Split || len(b.LineIDs) != 2 {
		t.Errorf("%+v", b)
	}
	w.store(sentOrder(t, "1", 3)) // names none: absence never clears
	w.note(shipments, 0)
	w.store(sentOrder(t, "1", 4, pack("A"), pack("C")))
	w.note(shipments, 0)
	w.wants(of("1"), "1/中通/B in_transit, 1 events", "1/圆通速递/A created", "1/圆通速递/C in_transit, 1 events", "1/圆通速递/D withdrawn, done")
}

// asked stores an answer about a parcel.
func (w *world) asked(p parcel.Tracked, change func(*parcel.Asked)) {
	w.t.Helper()
	a := parcel.Asked{Before: p, After: p.Shipment, MovedAt: p.MovedAt, Next: time.Hour}
	if change != nil {
		change(&a)
	}
	if err := w.db.StoreAsked(w.t.Context(), shop, a); err != nil {
		w.t.Fatal(err)
	}
}

func TestStoreAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nameless := pack("A")
	nameless.Carrier = ""
	w.store(sentOrder(t, "1", 1, nameless))
	w.note(shipments, 1)
	p := w.parcels(shipments)[0]
	stamp := w.stamps()["A"]

	w.asked(p, nil) // nothing new
	if now := w.stamps()["A"]; !now.Equal(stamp) {
		t.Error("synced_at moved, and nothing changed")
	}
	w.wants(shipments)
	p = w.parcels(of("1"))[0]
	if p.Asks != 1 || p.AskedAt.IsZero() || p.NextAt.Sub(p.AskedAt) != time.Hour {
		t.Errorf("%+v", p)
	}

	after := p.Shipment
	after.Carrier, after.Status, after.SourceStatus = "圆通速递", order.ShipmentInTransit, text("物流公司揽收成功 😀")
	after.Events = []order.ShipmentEvent{{At: at(1), Text: "收件 'x' \\ \x00", Action: "GOT"}, {Text: "no time"}}
	w.asked(p, func(a *parcel.Asked) { a.After, a.MovedAt = after, at(1) })
	stale := p // somebody asked meanwhile: this answer is older
	p = w.parcels(of("1"))[0]
	if !p.Same(&after) || p.Asks != 2 || !p.MovedAt.Equal(at(1)) || !w.stamps()["A"].After(stamp) {
		t.Errorf("%+v\nwant %+v", p, after)
	}
	w.asked(stale, func(a *parcel.Asked) { a.After.Status, a.Next = order.ShipmentFailed, 0 })
	if now := w.parcels(of("1"))[0]; !now.Same(&after) || now.Asks != 2 {
		t.Errorf("an answer from before another one was stored: %+v", now)
	}

	after.Status, after.DeliveredAt = order.ShipmentDelivered, moment(9)
	after.Events = append([]order.ShipmentEvent{{At: at(0), Text: "earlier"}}, after.Events...)
	w.asked(p, func(a *parcel.Asked) {
		a.After, a.Next = after, 0
		a.Others = []order.Shipment{
			{OrderID: "1", Carrier: "中通", TrackingNumber: "B"}, {OrderID: "1", TrackingNumber: "A"}, {OrderID: "1", TrackingNumber: "B"},
		}
	})
	p = w.parcels(of("1"))[1]
	if !p.Same(&after) || !p.NextAt.IsZero() {
		t.Errorf("%+v\nwant %+v", p, after)
	}
	w.wants(shipments, "1/中通/B created")
	w.wants(of("1"), "1/中通/B created", "1/圆通速递/A delivered, 3 events, done")
	w.asked(parcel.Tracked{Shipment: order.Shipment{OrderID: "1", TrackingNumber: "gone"}}, nil) // whose row is no more
	if n := w.count("SELECT COUNT(*) FROM shipments"); n != 2 {
		t.Errorf("%d parcels, want 2", n)
	}
}

// A parcel knows whether its order is done with.
func TestParcelOfAFinishedOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := sentOrder(t, "1", 1, pack("A"))
	w.store(o)
	w.note(shipments, 1)
	for i, c := range []struct {
		name       string
		change     func(*order.Order)
		unfinished bool
	}{
		{"partly shipped", func(o *order.Order) { o.Status = order.Some(order.StatusPartiallyShipped) }, true},
		{"partly refunded", func(o *order.Order) { o.Status = order.Some(order.StatusPartiallyRefunded) }, true},
		{"a word that nobody knows", func(o *order.Order) { o.Status = order.Some(order.StatusUnknown) }, true},
		{"completed", func(o *order.Order) { o.Status = order.Some(order.StatusCompleted) }, false},
		{"completed, by its time", func(o *order.Order) { o.CompletedAt = moment(5) }, false},
		{"cancelled", func(o *order.Order) { o.CancelledAt = moment(5) }, false},
	} {
		o := sentOrder(t, "1", 2+i, pack("A"))
		o.CancelledAt = order.Null[time.Time]()
		c.change(o)
		w.store(o)
		if p := w.parcels(shipments)[0]; p.Unfinished != c.unfinished {
			t.Errorf("%s: unfinished %v, want %v", c.name, p.Unfinished, c.unfinished)
		}
	}
	w.exec("DELETE FROM orders")
	if p := w.parcels(shipments)[0]; p.Unfinished {
		t.Error("an order that is not there is not finished")
	}
}

// A renamed source keeps its parcels, their events and the point up to which they were looked for.
func TestRenamedParcels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store(sentOrder(t, "1", 1, pack("A")))
	w.note(shipments, 1)
	w.asked(w.parcels(shipments)[0], func(a *parcel.Asked) { a.After.Events = []order.ShipmentEvent{{Text: "x"}} })
	w.exec("INSERT INTO sources (source, kind, endpoint, added_at) VALUES ('shop', 'taobao', '1', UTC_TIMESTAMP(6))")
	if err := w.db.RenameSource(t.Context(), shop, "renamed"); err != nil {
		t.Fatal(err)
	}
	list, err := w.db.ListParcels(t.Context(), parcel.Scope{Source: "renamed", OrderID: "1"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1/圆通速递/A created, 1 events"}, brief(list)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n, err := w.db.NoteParcels(t.Context(), parcel.Scope{Source: "renamed"}, parcelsIn); n != 0 || err != nil {
		t.Errorf("%d new parcels after the renaming, %v", n, err)
	}
}
