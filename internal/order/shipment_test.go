package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/order"
)

// step is an event at that many minutes after an hour; below zero it has no time.
func step(minute int, text, action string) order.ShipmentEvent {
	e := order.ShipmentEvent{Text: text, Action: action}
	if minute >= 0 {
		e.At = time.Date(2026, 3, 1, 8, minute, 0, 0, time.UTC)
	}
	return e
}

func sent(events ...order.ShipmentEvent) order.Shipment {
	return order.Shipment{
		OrderID: "1", Carrier: "圆通速递", TrackingNumber: "YT1", Status: order.ShipmentInTransit, SourceStatus: order.Some("物流公司揽收成功"),
		ShippedAt: order.Some(time.Date(2026, 3, 1, 7, 0, 0, 0, time.UTC)), Events: events,
	}
}

func TestShipmentMerge(t *testing.T) {
	t.Parallel()
	a, b, c := step(1, "taken", "GOT"), step(2, "on its way", "MOVE"), step(3, "signed", "SIGN")
	other, x, y := step(1, "taken by 1****", "GOT"), step(-1, "x", ""), step(-1, "y", "")
	for _, x := range []struct {
		name                string
		stored, fresh, want []order.ShipmentEvent
	}{
		{"nothing was left out", []order.ShipmentEvent{a}, []order.ShipmentEvent{a, b}, []order.ShipmentEvent{a, b}},
		{"nothing is listed", []order.ShipmentEvent{a, b}, nil, []order.ShipmentEvent{a, b}},
		{"the first was forgotten", []order.ShipmentEvent{a, b}, []order.ShipmentEvent{b, c}, []order.ShipmentEvent{a, b, c}},
		{"as many, but others", []order.ShipmentEvent{a, c}, []order.ShipmentEvent{a, b}, []order.ShipmentEvent{a, b, c}},
		{"in other words", []order.ShipmentEvent{a}, []order.ShipmentEvent{other}, []order.ShipmentEvent{other}},
		{"twice at one time", []order.ShipmentEvent{a, a}, []order.ShipmentEvent{a}, []order.ShipmentEvent{a, a}},
		{"without a time", []order.ShipmentEvent{x}, []order.ShipmentEvent{y, a}, []order.ShipmentEvent{x, y, a}},
	} {
		stored, fresh := sent(x.stored...), sent(x.fresh...)
		fresh.Merge(&stored)
		if diff := cmp.Diff(x.want, fresh.Events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", x.name, diff)
		}
	}

	stored := sent(a)
	silent := order.Shipment{OrderID: "1", TrackingNumber: "YT1"}
	silent.Merge(&stored)
	if !silent.Same(&stored) {
		t.Errorf("an answer that says nothing clears: %+v", silent)
	}
	silent = order.Shipment{OrderID: "1", TrackingNumber: "YT1", Status: order.ShipmentUnknown, SourceStatus: order.Some("新词")}
	silent.Merge(&stored)
	if silent.Status != order.ShipmentUnknown || silent.Same(&stored) {
		t.Errorf("an unknown word is taken for silence: %+v", silent)
	}
}

// Merging never loses a step, never shortens the list, and comes to rest at once.
func TestShipmentMergeProperty(t *testing.T) {
	t.Parallel()
	events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.ShipmentEvent {
		return step(rapid.IntRange(-1, 4).Draw(t, "minute"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text"),
			rapid.SampledFrom([]string{"", "A"}).Draw(t, "action"))
	}), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		stored, fresh := sent(events.Draw(t, "stored")...), sent(events.Draw(t, "fresh")...)
		again := sent(append([]order.ShipmentEvent(nil), fresh.Events...)...)
		fresh.Merge(&stored)
		if len(fresh.Events) < max(len(stored.Events), len(again.Events)) {
			t.Fatalf("%d and %d steps became %d", len(stored.Events), len(again.Events), len(fresh.Events))
		}
		again.Merge(&fresh)
		if len(again.Events) != len(fresh.Events) {
			t.Fatalf("the same answer once more made %d steps of %d", len(again.Events), len(fresh.Events))
		}
	})
}

func TestShipmentTidy(t *testing.T) {
	t.Parallel()
	s := sent(
		step(5, strings.Repeat("字", 2000), strings.Repeat("x", 100)), step(4, "a\xffb", ""),
		order.ShipmentEvent{At: time.Date(12, 1, 1, 0, 0, 0, 0, time.UTC), Text: "?"},
	)
	s.Carrier = " 圆通速递 "
	s.DeliveredAt = order.Some(time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC))
	s.SourceStatus = order.Some(strings.Repeat("字", 300))
	s.ShippedAt = order.Some(time.Date(2026, 3, 1, 15, 0, 0, 123_456_789, time.FixedZone("", 8*3600)))
	if err := s.Tidy(); err != nil {
		t.Fatal(err)
	}
	want := order.Shipment{
		OrderID: "1", Carrier: "圆通速递", TrackingNumber: "YT1", Status: order.ShipmentInTransit, SourceStatus: order.Some(strings.Repeat("字", 191)),
		ShippedAt: order.Some(time.Date(2026, 3, 1, 7, 0, 0, 123_456_000, time.UTC)),
		Events: []order.ShipmentEvent{
			step(5, strings.Repeat("字", 1024), strings.Repeat("x", 64)), step(4, "a\ufffdb", ""), {Text: "?"},
		},
	}
	if diff := cmp.Diff(want, s, cmp.Comparer(func(a, b order.Field[string]) bool { return a == b }),
		cmp.Comparer(func(a, b order.Field[time.Time]) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, x := range []struct {
		name, want string
		change     func(*order.Shipment)
	}{
		{"no order", "order id: it is missing", func(s *order.Shipment) { s.OrderID = "" }},
		{"no number", "tracking number: it is missing", func(s *order.Shipment) { s.TrackingNumber = " " }},
		{"a long carrier", "carrier: 129 characters", func(s *order.Shipment) { s.Carrier = strings.Repeat("字", 129) }},
		{"a bad carrier", "carrier: it holds bytes", func(s *order.Shipment) { s.Carrier = "a\xff" }},
	} {
		s := sent()
		x.change(&s)
		if err := s.Tidy(); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
	}
	p := order.Parcel{OrderID: "1"}
	if err := p.Validate(); err == nil {
		t.Error("a parcel without a number has a key")
	}
	p.TrackingNumber = "YT1"
	if err := p.Validate(); err != nil {
		t.Errorf("a parcel without a carrier: %v", err)
	}
}
