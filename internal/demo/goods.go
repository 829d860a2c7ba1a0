package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"ordersync/internal/rest/resttest"
)

// The people, places and things below do not exist.

// mapping is what the demo's configuration adds to the preset, because this shop sends more: column (as in the table) to path in a
// record. Lines begin with "line ".
var mapping = map[string][]string{
	"paid": {"amount_paid"}, "discount": {"discount"}, "shipping_fee": {"shipping"}, "tax": {"tax"}, "refunded": {"amount_refunded"},
	"buyer_name": {"customer.name"}, "buyer_email": {"customer.email"},
	"receiver": {"shipping_address"}, "receiver_country": {"shipping_address.country"},
	"receiver_province": {"shipping_address.state"}, "receiver_city": {"shipping_address.city"},
	"buyer_note": {"note"}, "seller_note": {"internal_note"},
	"paid_at": {"paid_at"}, "shipped_at": {"shipped_at"}, "completed_at": {"delivered_at"}, "cancelled_at": {"cancelled_at"},
	"line product_id": {"product_id"}, "line variant_id": {"variant_id"}, "line variant": {"option"}, "line discount": {"discount"},
	"line total": {"total"}, "line status": {"fulfillment_status"}, "line refund_status": {"refund_status"}, "line image_url": {"image"},
}

// product is something that the shop sells, with its price in cents.
type product struct {
	sku, name, option string
	cents             int
}

var products = [...]product{
	{"MUG-350-WHT", "Stoneware mug, 350 ml", "white", 1450}, {"TEA-OOL-100", "Oolong tea, 100 g", "tin", 1890},
	{"TEA-JAS-250", "Jasmine tea, 250 g", "bag", 2675}, {"POT-CAST-08", "Cast iron teapot, 0.8 l", "black", 6400},
	{"TRY-BAM-40", "Bamboo tray, 40 cm", "natural", 3225}, {"LMP-DSK-01", "Desk lamp “Lúna”", "brass", 8999},
	{"BLK-WOOL-2", "Wool blanket, 130 × 180 cm", "grey", 11900}, {"CSH-LIN-50", "Linen cushion, 50 cm", "sand", 2795},
	{"KNF-SAN-18", "Santoku knife “Ōka”", "18 cm", 7450}, {"NTB-DOT-A5", "Notebook A5", "dotted", 995},
	{"PEN-GEL-05", "Gel pen 0.5, pack of 5", "blue", 640}, {"BAG-CAN-20", "Canvas bag, 20 l", "olive", 3880},
}

// place is where an order goes.
type place struct{ city, state, country string }

var places = [...]place{
	{"Springfield", "OR", "US"}, {"Fairview", "NJ", "US"}, {"Riverside", "CA", "US"}, {"Greenville", "SC", "US"},
	{"Oakville", "ON", "CA"}, {"Hamburg", "HH", "DE"}, {"上海", "上海市", "CN"}, {"Québec", "QC", "CA"},
}

// till writes the shop's orders, the same ones from the same seed.
type till struct{ random *rand.Rand }

func newTill(seed uint64) *till { return &till{random: rand.New(rand.NewPCG(seed, 350))} }

// order makes an order of that moment; the older it is, the further it has come.
func (t *till) order(created, now time.Time) resttest.Order {
	buyer := 1000 + t.random.IntN(400)
	to := places[t.random.IntN(len(places))]
	name := fmt.Sprintf("Customer %d", buyer)
	o := resttest.Order{
		CustomerID: strconv.Itoa(buyer), Created: created,
		Extra: map[string]string{
			"customer": raw(map[string]string{"name": name, "email": fmt.Sprintf("customer%d@example.com", buyer)}),
			"shipping_address": raw(map[string]string{
				"name": name, "street": fmt.Sprintf("%d Sample Street", 1+t.random.IntN(180)), "city": to.city, "state": to.state, "country": to.country,
			}),
			"internal_note": "null", "paid_at": "null", "shipped_at": "null", "delivered_at": "null", "cancelled_at": "null",
		},
	}
	if t.random.IntN(9) == 0 {
		o.Note = "Please ring twice 🔔, and leave it with the neighbour if nobody opens."
	}
	if t.random.IntN(15) == 0 {
		o.Extra["internal_note"] = raw("Gift wrap; price tags off.")
	}
	t.fill(&o)
	move(&o, "pending", created)
	for _, step := range []struct {
		status string
		after  time.Duration
	}{{"processing", time.Hour}, {"shipped", 30 * time.Hour}, {"delivered", 120 * time.Hour}} {
		if at := created.Add(step.after + time.Duration(t.random.IntN(1800))*time.Second); at.Before(now.Add(-72 * time.Hour)) {
			move(&o, step.status, at)
		}
	}
	if now.Sub(created) > 300*time.Hour && t.random.IntN(12) == 0 {
		move(&o, []string{"refunded", "cancelled", "partially_refunded"}[t.random.IntN(3)], created.Add(200*time.Hour))
	}
	return o
}

// fill puts things into the order and adds up what they cost, in cents.
func (t *till) fill(o *resttest.Order) {
	sum, off := 0, 0
	for i := range 1 + t.random.IntN(3) {
		p := products[t.random.IntN(len(products))]
		quantity, discount := 1+t.random.IntN(4), 0
		if t.random.IntN(6) == 0 {
			discount = p.cents / 10
		}
		o.Lines = append(o.Lines, resttest.Line{
			ID: strconv.Itoa(i + 1), SKU: p.sku, Name: p.name, Quantity: strconv.Itoa(quantity), Price: cents(p.cents),
			Extra: map[string]string{
				"product_id": strconv.Itoa(500 + p.cents%97), "variant_id": strconv.Itoa(7000 + p.cents%89), "option": raw(p.option),
				"discount": raw(cents(discount)), "total": raw(cents(p.cents*quantity - discount)),
				"fulfillment_status": raw("open"), "refund_status": raw("none"), "image": raw("https://img.shop.example/" + p.sku + ".jpg"),
			},
		})
		sum, off = sum+p.cents*quantity, off+discount
	}
	shipping := 0
	if sum < 5000 {
		shipping = 595
	}
	tax := (sum - off) * 7 / 100
	o.Total = cents(sum - off + shipping + tax)
	o.Extra["discount"], o.Extra["shipping"], o.Extra["tax"] = raw(cents(off)), raw(cents(shipping)), raw(cents(tax))
	o.Extra["amount_paid"], o.Extra["amount_refunded"] = raw(cents(0)), raw(cents(0))
}

// move moves an order on in its life.
func move(o *resttest.Order, status string, at time.Time) {
	o.Status, o.Modified = status, at.UTC().Truncate(time.Second)
	moment := raw(o.Modified.Format(time.RFC3339))
	switch status {
	case "processing":
		o.Extra["paid_at"], o.Extra["amount_paid"] = moment, raw(o.Total)
	case "shipped":
		o.Extra["shipped_at"] = moment
		for i := range o.Lines {
			o.Lines[i].Extra["fulfillment_status"] = raw("fulfilled")
		}
	case "delivered":
		o.Extra["delivered_at"] = moment
	case "cancelled":
		o.Extra["cancelled_at"] = moment
	case "refunded", "partially_refunded":
		o.Extra["amount_refunded"] = o.Extra["amount_paid"]
		if status == "partially_refunded" {
			o.Extra["amount_refunded"] = raw(o.Lines[0].Price)
		}
		o.Lines[0].Extra["refund_status"] = raw("refunded")
	}
}

// advance moves an order to what comes next in its life. One that has come to its end loses a line where it has several, so that
// lines vanish too.
func advance(o *resttest.Order, at time.Time) {
	next := map[string]string{"pending": "processing", "processing": "shipped", "shipped": "delivered", "delivered": "partially_refunded"}
	if status, ok := next[o.Status]; ok {
		move(o, status, at)
		return
	}
	o.Note = "Changed at " + at.Format(time.TimeOnly) + "."
	if len(o.Lines) > 1 {
		o.Lines = o.Lines[1:]
	}
}

// cents writes an amount.
func cents(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

// raw writes a value as JSON.
func raw(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and maps of texts can be written
	}
	return string(text)
}
