package trade

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordersync/internal/order"
)

// checkRecord holds what is promised for any record, whatever was sent.
func checkRecord(t *testing.T, record order.Record) {
	t.Helper()
	if (record.Order == nil) == (record.Dead == nil) {
		t.Fatalf("a record is one of two: %+v", record)
	}
	if d := record.Dead; d != nil {
		if d.ID == "" || d.Reason == "" || len(d.Reason) > 300 || d.Version.FetchedAt.IsZero() || len(d.Payload) > maxRecord {
			t.Errorf("a dead letter with id %q, reason %q, version %v, %d bytes", d.ID, d.Reason, d.Version, len(d.Payload))
		}
		if strings.HasPrefix(d.Reason, "ordersync itself") {
			t.Error(d.Reason)
		}
		return
	}
	if err := record.Order.Validate(); err != nil {
		t.Errorf("an order that cannot be stored: %v", err)
	}
}

func FuzzTrade(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, seed := range []string{
		`42`, `{"trade":{"tid":1},"refunds":[7]}`, `{"trade":{},"tid":1}`, `{"tid":1,"tid":2}`, `{"orders":{"order":[{}]},"service_orders":[[]]}`,
		`{"tid":1,"modified":"2026-11-03 10:00:00","orders":{"order":[{"oid":1,"price":"1e9","num":"1e9","total_fee":-0,"adjust_fee":1e-9,"discount_fee":0}]}}`,
		`{"trace_list":{"transit_step_info":[{"status_time":""},{"action":"_SIGN"}]},"out_sid":1,"status":"对方已签收"}`,
		"{\"tid\":1,\"modified\":\"2026-11-03 10:00:00\",\"oaid\":\"\xff\",\"receiver_name\":\"\\ud800\",\"receiver_address\":\"\\u0000\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		r := New("tmall")
		for _, by := range []By{ByModified, ByCreated, ByRefund} {
			record, at := r.Thin(text, by, fetched())
			checkRecord(t, record)
			if record.Order != nil && at.IsZero() {
				t.Error("an order of no time")
			}
		}
		r.RefundsOf(text)
		for _, p := range r.Parcels(text) {
			if err := p.Validate(); err != nil {
				t.Errorf("a parcel without key: %v", err)
			}
		}
		var refunds []order.Refund
		if _, refund, _, err := r.Refund(text); err == nil {
			refunds = append(refunds, refund)
		}
		if s, err := r.Trace(text, order.Parcel{OrderID: "1", TrackingNumber: "2"}); err == nil {
			if again := s; again.Tidy() != nil || !again.Same(&s) {
				t.Errorf("a shipment that is not tidy: %+v", s)
			}
		}
		for _, record := range []order.Record{r.Decode(text, fetched()), r.Whole(text, refunds, true, fetched()), r.Whole(text, nil, false, fetched())} {
			checkRecord(t, record)
			if o := record.Order; o != nil {
				again := r.Decode(o.Raw, fetched())
				if again.Order == nil && isWhole(text) {
					t.Errorf("its own bytes read again: %s", dump(again))
				}
			}
		}
		if !bytes.Equal(before, text) {
			t.Error("the payload was changed")
		}
	})
}

// drawn is a trade as the gateway may write it, with what must be read from it.
type drawn struct {
	keys map[string]string // each with its JSON
	want order.Order
}

// maybe writes a key in most cases, as a number or a text where numeric.
func (d *drawn) maybe(t *rapid.T, key, value string, numeric bool) bool {
	if rapid.IntRange(0, 3).Draw(t, key+" there") == 0 {
		return false
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if numeric && rapid.Bool().Draw(t, key+" bare") {
		text = []byte(value)
	}
	d.keys[key] = strings.ReplaceAll(string(text), "/", `\/`)
	return true
}

func drawAmount(t *rapid.T, key string) (string, order.Decimal) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,7})\.[0-9]{2}`).Draw(t, key)
	d, rounded, err := order.ParseDecimal(text)
	if err != nil || rounded {
		t.Fatalf("%s: %v", text, err)
	}
	return text, d
}

func drawTime(t *rapid.T, key string) (string, time.Time) {
	at := time.Unix(rapid.Int64Range(1.2e9, 1.79e9).Draw(t, key), 0).UTC()
	return at.In(gmt8()).Format(time.DateTime), at
}

func drawID(t *rapid.T, key string) string {
	return rapid.StringMatching(`[1-9][0-9]{0,18}`).Draw(t, key)
}

func drawTrade(t *rapid.T) *drawn {
	id := drawID(t, "tid")
	d := &drawn{keys: map[string]string{}, want: order.Order{Source: "tmall", ID: id, Number: order.Some(id), Currency: order.Some("CNY")}}
	d.keys["tid"] = rapid.SampledFrom([]string{id, `"` + id + `"`}).Draw(t, "tid as")
	modified, at := drawTime(t, "modified")
	d.keys["modified"], d.want.ModifiedAt = `"`+modified+`"`, at
	for key, to := range map[string]*order.Field[order.Decimal]{
		"payment": &d.want.Total, "discount_fee": &d.want.Discount, "post_fee": &d.want.ShippingFee, "order_tax_fee": &d.want.Tax,
	} {
		if text, value := drawAmount(t, key); d.maybe(t, key, text, true) {
			*to = order.Some(value)
		}
	}
	for key, to := range map[string]*order.Field[time.Time]{
		"created": &d.want.OrderedAt, "pay_time": &d.want.PaidAt, "consign_time": &d.want.ShippedAt,
	} {
		if text, value := drawTime(t, key); d.maybe(t, key, text, false) {
			*to = order.Some(value)
		}
	}
	for key, to := range map[string]*order.Field[string]{
		"buyer_open_uid": &d.want.BuyerID, "seller_memo": &d.want.SellerNote, "buyer_message": &d.want.BuyerNote, "receiver_city": &d.want.ReceiverCity,
	} {
		text := strings.ToValidUTF8(rapid.StringN(0, 20, 80).Draw(t, key), "")
		if !d.maybe(t, key, text, false) {
			continue
		}
		if *to = order.Some(text); text == "" {
			*to = order.Null[string]()
		}
	}
	d.drawLines(t)
	return d
}

func (d *drawn) drawLines(t *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(t, "lines")
	if n == 0 {
		return
	}
	var items []order.Item
	var lines []string
	for i := range n {
		item := order.Item{LineID: fmt.Sprint(int64(9_007_199_254_740_993) + int64(i))}
		line := &drawn{keys: map[string]string{"oid": item.LineID}}
		if text, value := drawAmount(t, "price"); line.maybe(t, "price", text, true) {
			item.UnitPrice = order.Some(value)
		}
		if text, value := drawAmount(t, "num"); line.maybe(t, "num", text, true) {
			item.Quantity = order.Some(value)
		}
		if line.maybe(t, "outer_iid", "A/1", false) {
			item.SKU = order.Some("A/1")
		}
		items, lines = append(items, item), append(lines, line.write(t))
	}
	d.want.Items, d.want.Refunds, d.want.Refunded = order.Some(items), order.Some([]order.Refund{}), order.Some(order.Decimal{})
	d.keys["orders"] = `{"order":[` + strings.Join(lines, ",") + `]}`
}

func (d *drawn) write(t *rapid.T) string {
	var keys []string
	for key, value := range d.keys {
		keys = append(keys, fmt.Sprintf("%q:%s", key, value))
	}
	keys = append(keys, `"extra":{"tid":[1,null]}`, `"empty":null`)
	return "{" + strings.Join(rapid.Permutation(keys).Draw(t, "keys"), ", ") + "}"
}

// TestReadsBack: whatever the gateway may write is read as it was meant, from the answer and from what is kept of it.
func TestReadsBack(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	rapid.Check(t, func(t *rapid.T) {
		d := drawTrade(t)
		text := d.write(t)
		record := r.Whole([]byte(text), nil, true, fetched())
		if record.Order == nil {
			t.Fatalf("%s: %s", text, record.Dead.Reason)
		}
		if got := record.Order; got.Hash() != d.want.Hash() || string(got.Raw) != text {
			t.Errorf("%s\nbecame %s\nand not %s", text, dump(record), dump(order.Record{Order: &d.want}))
		}
		if isWhole([]byte(text)) {
			if again := r.Decode(record.Order.Raw, fetched()); again.Order == nil || again.Order.Hash() != d.want.Hash() {
				t.Errorf("again: %s", dump(again))
			}
		}
	})
}

// TestSpoilt: a trade with one byte changed or its end cut off becomes an order or a dead letter, and a dead one keeps what was sent.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("testdata/parcels-and-refunds.json")
	if err != nil {
		t.Fatal(err)
	}
	r := New("tmall")
	dead := 0
	for i := range good {
		spoilt := bytes.Clone(good)
		spoilt[i] = "\x00\xff\"{7"[i%5]
		for _, text := range [][]byte{spoilt, good[:i]} {
			record := r.Decode(text, fetched())
			if d := record.Dead; d != nil {
				dead++
				if !bytes.Equal(d.Payload, text) || d.ID == "" || strings.HasPrefix(d.Reason, "ordersync itself") {
					t.Errorf("dead letter %s: %s", d.ID, d.Reason)
				}
			}
			r.Parcels(text)
			r.RefundsOf(text)
		}
	}
	if dead < len(good) {
		t.Errorf("%d of %d died", dead, 2*len(good))
	}
}
