package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

// all maps every field there is, each under its column's name.
func all() Description {
	at := func(path string) Field { return Field{Paths: []string{path}} }
	return Description{
		Source: "us-store", Records: []string{"", "orders"}, By: ByModified, Zone: time.UTC,
		Total: Place{Paths: []string{"total"}, Headers: []string{"X-Total-Count"}}, Pages: Place{Paths: []string{"pages"}},
		Map: Map{
			ID: Field{Paths: []string{"id", "order_id"}}, Number: at("number"), Currency: Field{Paths: []string{"currency"}, Upper: true},
			Status: Status{Paths: []string{"status"}, Words: map[string]order.Status{"paid": order.StatusPaid, "on-hold": order.StatusPaid}},
			Total:  at("total"), Paid: at("paid"), Discount: at("discount"), ShippingFee: at("shipping_fee"), Tax: at("tax"),
			Refunded: at("refunded"),
			BuyerID:  Field{Paths: []string{"buyer_id", "customer.id"}}, BuyerName: at("customer.name"), BuyerEmail: at("customer.contact.email"),
			Receiver: at("receiver"), ReceiverCountry: at("receiver.country"), ReceiverProvince: at("receiver.province"),
			ReceiverCity: at("receiver.city"), BuyerNote: at("buyer_note"), SellerNote: at(`seller\.note`),
			OrderedAt: at("ordered_at"), PaidAt: at("paid_at"), ShippedAt: at("shipments.0.at"), CompletedAt: at("completed_at"),
			CancelledAt: at("cancelled_at"), ModifiedAt: at("modified_at"),
			Lines: Lines{
				Paths: []string{"lines"}, Where: &Condition{Path: "parent", Null: true}, ID: at("id"), SKU: at("sku"), ProductID: at("product"),
				VariantID: at("variant_id"), Title: at("title"), Variant: at("variant"), Quantity: at("quantity"), UnitPrice: at("price"),
				Discount: at("discount"), Total: at("total"), Status: at("status"), RefundStatus: at("refund_status"), ImageURL: at("image.url"),
			},
			Refunds: Refunds{
				Paths: []string{"refunds"}, ID: at("id"), LineID: at("line_id"), Amount: at("amount"), Status: at("status"), Reason: at("reason"),
				CreatedAt: at("created_at"), RefundedAt: at("refunded_at"),
			},
		},
	}
}

func reader(t testing.TB, d Description) *Reader {
	t.Helper()
	r, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fetched() time.Time { return time.Date(2026, 11, 4, 12, 0, 0, 123456789, time.UTC) }

// say prints what a record became, compactly: fields with a value, then "-" before those that are null.
func say(record order.Record) string {
	if record.Dead != nil {
		return "dead: " + record.Dead.Reason
	}
	o := record.Order
	var b strings.Builder
	text := func(name string, f order.Field[string]) { sayField(&b, name, f, f.Value()) }
	amount := func(name string, f order.Field[order.Decimal]) {
		sayField(&b, name, f, strings.TrimSuffix(strings.TrimRight(f.Value().String(), "0"), "."))
	}
	moment := func(name string, f order.Field[time.Time]) { sayField(&b, name, f, f.Value().Format(time.RFC3339Nano)) }
	text("number", o.Number)
	sayField(&b, "status", o.Status, string(o.Status.Value()))
	text("word", o.SourceStatus)
	text("currency", o.Currency)
	amount("total", o.Total)
	amount("paid", o.Paid)
	text("buyer", o.BuyerID)
	text("name", o.BuyerName)
	text("email", o.BuyerEmail)
	text("receiver", o.Receiver)
	text("city", o.ReceiverCity)
	text("note", o.BuyerNote)
	text("seller", o.SellerNote)
	moment("ordered", o.OrderedAt)
	moment("shipped", o.ShippedAt)
	if items, ok := o.Items.Get(); ok {
		b.WriteString("lines[")
		for _, item := range items {
			fmt.Fprintf(&b, "(%s %s %s %s)", item.LineID, item.SKU.Value(), item.Quantity.Value(), item.Title.Value())
		}
		b.WriteString("] ")
	}
	if refunds, ok := o.Refunds.Get(); ok {
		fmt.Fprintf(&b, "refunds[%d] ", len(refunds))
	}
	if o.Rounded > 0 || o.Repaired > 0 {
		fmt.Fprintf(&b, "rounded %d repaired %d", o.Rounded, o.Repaired)
	}
	return strings.TrimSpace(o.ID + ": " + b.String())
}

func sayField[T any](b *strings.Builder, name string, f order.Field[T], value string) {
	if _, ok := f.Get(); ok {
		fmt.Fprintf(b, "%s=%s ", name, value)
	} else if !f.Absent() {
		fmt.Fprintf(b, "-%s ", name)
	}
}

// TestRecord: one record each, as remotes send them. The rows F32 to F43 and F103 of the fault matrix are among them.
func TestRecord(t *testing.T) {
	t.Parallel()
	const when = `"modified_at":"2026-11-02T10:00:00Z"`
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct{ name, record, want string }{
		{"the least", `{"id":"1",` + when + `}`, "1:"},
		{"F32: no id", `{` + when + `}`, "dead: id: it is missing or empty"},
		{"F32: an empty id", `{"id":"",` + when + `}`, "dead: id: it is missing or empty"},
		{"F34: null as id", `{"id":null,` + when + `}`, "dead: id: it is missing or empty"},
		{"the second name of the id", `{"id":null,"order_id":7,` + when + `}`, "7:"},
		{"F35: an id above 2^53", `{"id":9007199254740993,` + when + `}`, "9007199254740993:"},
		{"F35: an id of 26 digits", `{"id":12345678901234567890123456,` + when + `}`, "12345678901234567890123456:"},
		{"an id with zeros in front", `{"id":"007",` + when + `}`, "007:"},
		{"F34: an id with an exponent", `{"id":1e3,` + when + `}`, "dead: id: neither a text nor a whole number in digits"},
		{"F34: an id with a point", `{"id":1.0,` + when + `}`, "dead: id: neither a text nor a whole number in digits"},
		{"an id that is an object", `{"id":{"a":1},` + when + `}`, "dead: id: neither a text nor a whole number in digits"},
		{"an id that is true", `{"id":true,` + when + `}`, "dead: id: neither a text nor a whole number in digits"},
		{"an id with a blank", `{"id":"1 ",` + when + `}`, "dead: id: it has blanks around it, which the database would not tell apart"},
		{"an id with a NUL", `{"id":"1\u0000",` + when + `}`, "dead: id: it holds control characters"},
		{"an id with half a character", `{"id":"1\ud800",` + when + `}`, "dead: id: it holds bytes that are not UTF-8"},
		{"an id that is too long", `{"id":"` + strings.Repeat("x", 192) + `",` + when + `}`, "dead: id: 192 characters, at most 191 can be stored"},

		{"F36: a key twice", `{"id":1,"total":"1","total":"2",` + when + `}`, `dead: the key "total" stands there twice`},
		{"F36: a key in two spellings", `{"id":1,"total":"1","TOTAL":"2",` + when + `}`, `dead: the key "total" stands there twice`},
		{"F36: the other spelling first", `{"id":1,"TOTAL":"1","total":"2",` + when + `}`, `dead: the key "total" stands there twice`},
		{"F36: the same key, escaped", `{"id":1,"total":"1","tot\u0061l":"2",` + when + `}`, `dead: the key "total" stands there twice`},
		{"F36: in an object that matters", `{"id":1,"customer":{"id":1,"ID":2},` + when + `}`, `dead: the key "id" stands there twice`},
		{"F36: in a line", `{"id":1,"lines":[{"id":1,"sku":"A","sku":"B"}],` + when + `}`, `dead: the key "sku" stands there twice`},
		{"F36: the key before an index", `{"id":1,"shipments":[],"shipments":[{"at":1}],` + when + `}`,
			`dead: the key "shipments" stands there twice`},
		{"keys twice that nobody asks for", `{"id":1,"x":1,"x":2,"Y":1,"y":2,` + when + `}`, "1:"},
		{"another spelling alone is another key", `{"id":1,"TOTAL":"2",` + when + `}`, "1:"},

		{"F37: bad bytes in a text", `{"id":1,"buyer_note":"caf` + "\xe9" + `!",` + when + `}`, "1: note=caf\ufffd! rounded 0 repaired 1"},
		{"F37: bad bytes in an id", `{"id":"caf` + "\xe9" + `",` + when + `}`, "dead: id: it holds bytes that are not UTF-8"},
		{"F37: bad bytes in an address", `{"id":1,"receiver":{"city":"K` + "\xf6" + `ln"},` + when + `}`,
			"1: receiver={\"city\":\"K\ufffdln\"} city=K\ufffdln rounded 0 repaired 2"},
		{"F37: bad bytes in what nobody asks for", `{"id":1,"x":"` + "\xff" + `",` + when + `}`, "1:"},
		{"F37: emoji, marks and a NUL", `{"id":1,"buyer_note":"🧦\u202eabc\u0000",` + when + `}`, "1: note=🧦\u202eabc\u0000"},
		{"F37: a note too long", `{"id":1,"buyer_note":"` + strings.Repeat("x", 70_000) + `",` + when + `}`,
			"dead: buyer_note: 70000 bytes, at most 65535 can be stored"},
		{"F37: a record over a MiB", `{"id":1,"x":"` + strings.Repeat("x", 1<<20) + `",` + when + `}`,
			"dead: it is 1048628 bytes long, at most 1048576 are taken; its beginning is kept"},
		{"F41: nested 64 levels deep", `{"id":1,"x":` + deep(63) + `,` + when + `}`, "1:"},
		{"F41: nested 65 levels deep", `{"id":1,"x":` + deep(64) + `,` + when + `}`, "dead: it is nested more than 64 levels deep"},
		{"F41: nested 10,000 levels deep", `{"id":1,"x":` + deep(9999) + `,` + when + `}`, "dead: it is nested more than 64 levels deep"},
		{"brackets in a text are no nesting", `{"id":1,"x":"` + strings.Repeat(`[{\"`, 100) + `",` + when + `}`, "1:"},

		{"F38: as text and as number", `{"id":1,"total":12.345,"paid":"12.345",` + when + `}`, "1: total=12.345 paid=12.345"},
		{"F38: digits beyond a float", `{"id":1,"total":12345678901234.123456,` + when + `}`, "1: total=12345678901234.123456"},
		{"F38: rounded to even", `{"id":1,"total":1.0000005,"paid":"1.0000015",` + when + `}`, "1: total=1 paid=1.000002 rounded 2 repaired 0"},
		{"F38: 1e3 and -0", `{"id":1,"total":1e3,"paid":-0,` + when + `}`, "1: total=1000 paid=0"},
		{"F38: a comma", `{"id":1,"total":"1,234.50",` + when + `}`,
			"dead: total: not an amount: only digits, a point and an exponent can be read"},
		{"F38: a sign of a currency", `{"id":1,"total":"$5",` + when + `}`,
			"dead: total: not an amount: only digits, a point and an exponent can be read"},
		{"F38: too large", `{"id":1,"total":1000000000000000,` + when + `}`, "dead: total: not an amount: more than 14 digits before the point"},
		{"F38: an absurd exponent", `{"id":1,"total":1e999999999,` + when + `}`, "dead: total: not an amount: it does not parse"},
		{"F38: an object", `{"id":1,"total":{"amount":1},` + when + `}`, "dead: total: neither a number nor a text with one"},
		{"F38: true", `{"id":1,"total":true,` + when + `}`, "dead: total: neither a number nor a text with one"},
		{"an empty amount is an emptied one", `{"id":1,"total":"",` + when + `}`, "1: -total"},

		{"F34: numbers as texts", `{"id":1,"number":1001,"buyer_id":17.50,` + when + `}`, "1: number=1001 buyer=17.50"},
		{"F34: an object as a text", `{"id":1,"number":{"x":1},` + when + `}`, "dead: number: an object or a list where a text is expected"},
		{"in capitals", `{"id":1,"currency":"usd",` + when + `}`, "1: currency=USD"},
		{"F33: a status that is known, unknown, null", `{"id":1,"status":"ON HOLD",` + when + `}`, "1: status=paid word=ON HOLD"},
		{"F33: unknown", `{"id":1,"status":"in the oven","currency":"XYZ",` + when + `}`, "1: status=unknown word=in the oven currency=XYZ"},
		{"F33: null", `{"id":1,"status":null,` + when + `}`, "1: -status -word"},

		{"F39: no time at all", `{"id":1}`, "dead: modified_at: missing, though windows are read by it"},
		{"F39: null as the time of change", `{"id":1,"modified_at":null,"ordered_at":"2026-11-01T00:00:00Z"}`,
			"dead: modified_at: missing, though windows are read by it"},
		{"F39: year 9999", `{"id":1,"modified_at":"9999-12-31T00:00:00Z"}`,
			"dead: modified_at: a time that cannot be (year 9999); the remote may send other units or another layout"},
		{"F39: MySQL's zero date", `{"id":1,"modified_at":"0000-00-00 00:00:00"}`, "dead: modified_at: missing, though windows are read by it"},
		{"F39: tomorrow and an hour", `{"id":1,"modified_at":"2026-11-05T13:00:01Z"}`,
			"dead: modified_at: a time that cannot be (year 2026); the remote may send other units or another layout"},
		{"F39: words", `{"id":1,"modified_at":"yesterday"}`, "dead: modified_at: no time in a layout that is known here (9 characters)"},
		{"F39: an object", `{"id":1,"modified_at":{}}`, "dead: modified_at: no time in a layout that is known here"},
		{"F39: cut to microseconds", `{"id":1,` + when + `,"ordered_at":"2026-11-01T00:00:00.9999999Z"}`, "1: ordered=2026-11-01T00:00:00.999999Z"},
		{"F39: another time that cannot be read", `{"id":1,` + when + `,"paid_at":"soon"}`,
			"dead: paid_at: no time in a layout that is known here (4 characters)"},
		{"F39: another time that cannot be", `{"id":1,` + when + `,"paid_at":"1066-10-14T09:00:00Z"}`,
			"dead: paid_at: a time that cannot be (year 1066)"},
		{"a path with an index", `{"id":1,` + when + `,"shipments":[{"at":"2026-11-01T00:00:00Z"},{"at":"x"}]}`, "1: shipped=2026-11-01T00:00:00Z"},
		{"a key with a dot", `{"id":1,` + when + `,"seller.note":"call first"}`, "1: seller=call first"},

		{"F103: left out, null, and there", `{"id":1,"number":null,"customer":{"name":"A"},` + when + `}`, "1: -number name=A"},
		{"F103: a null around them all", `{"id":1,"customer":null,` + when + `}`, "1: -buyer -name -email"},
		{"F103: something else around them", `{"id":1,"customer":"x",` + when + `}`, "1:"},
		{"nested twice", `{"id":1,"customer":{"contact":{"email":"a@example.com"},"id":5},` + when + `}`, "1: buyer=5 email=a@example.com"},
		{"an address", `{"id":1,"receiver":{"zip":"1","city":"Köln"},` + when + `}`, `1: receiver={"city":"Köln","zip":"1"} city=Köln`},
		{"an address in a text", `{"id":1,"receiver":"Main St 1",` + when + `}`, `1: receiver="Main St 1"`},
		{"PHP's empty address", `{"id":1,"receiver":[],` + when + `}`, "1: -receiver"},

		{"F103: no lines", `{"id":1,"lines":[],` + when + `}`, "1: lines[]"},
		{"F103: null for lines", `{"id":1,"lines":null,"refunds":null,` + when + `}`, "1: lines[] refunds[0]"},
		{"lines in the order of their ids", `{"id":1,"lines":[{"id":2,"sku":"B","quantity":"1.5","title":"b"},` +
			`{"id":1,"sku":"A","quantity":2,"title":"a"}],` + when + `}`,
			"1: lines[(1 A 2.000000 a)(2 B 1.500000 b)]"},
		{"lines without ids", `{"id":1,"lines":[{"sku":"A"},{"sku":"B"},{"sku":"A"},{}],` + when + `}`,
			"1: lines[(#1  0.000000 )(A#1 A 0.000000 )(A#2 A 0.000000 )(B#1 B 0.000000 )]"},
		{"lines with a SKU that is no key", `{"id":1,"lines":[{"sku":" A "},{"sku":"` + strings.Repeat("x", 190) + `"}],` + when + `}`,
			"1: lines[(#1 " + strings.Repeat("x", 190) + " 0.000000 )(A#1  A  0.000000 )]"},
		{"lines that a condition leaves out", `{"id":1,"lines":[{"id":1,"parent":null},{"id":2,"parent":1},{"id":3}],` + when + `}`,
			"1: lines[(1  0.000000 )(3  0.000000 )]"},
		{"two lines with one id", `{"id":1,"lines":[{"id":1},{"id":1}],` + when + `}`, "dead: line id: two lines of the order carry the same id"},
		{"a line that is no object", `{"id":1,"lines":[7],` + when + `}`, "dead: lines: something else where an object is expected"},
		{"lines that are no list", `{"id":1,"lines":{"0":{}},` + when + `}`, "dead: lines: something else where a list is expected"},
		{"a quantity that is none", `{"id":1,"lines":[{"id":1,"quantity":[1]}],` + when + `}`,
			"dead: line quantity: neither a number nor a text with one"},
		{"a line id with an exponent", `{"id":1,"lines":[{"id":1e3}],` + when + `}`,
			"dead: line id: neither a text nor a whole number in digits"},
		{"F40: more lines than an order has", `{"id":1,"lines":[{}` + strings.Repeat(",{}", 10_000) + `],` + when + `}`,
			"dead: lines: more than 10000 entries"},
		{"refunds", `{"id":1,"refunds":[{"id":"r2","amount":"1"},{"id":"r1"}],` + when + `}`, "1: refunds[2]"},
		{"a refund without an id", `{"id":1,"refunds":[{}],` + when + `}`, "dead: refund id: it is missing or empty"},
		{"F48: texts are only texts", `{"id":"1'; DROP TABLE orders; --","buyer_note":"{{x}}\r\n<script>",` + when + `}`,
			"1'; DROP TABLE orders; --: note={{x}}\r\n<script>"},

		{"no object", `42`, "dead: something else where an object is expected"},
		{"null", `null`, "dead: something else where an object is expected"},
		{"not JSON", `{"id":1,`, "dead: it is not whole JSON"},
	}
	r := reader(t, all())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record := r.Record([]byte(test.record), fetched())
			if diff := cmp.Diff(test.want, say(record)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			at := order.Instant(fetched())
			if o := record.Order; o != nil && (o.Source != "us-store" || string(o.Raw) != test.record || !o.FetchedAt.Equal(at)) {
				t.Errorf("source %q, fetched %s, raw %.80q", o.Source, o.FetchedAt, o.Raw)
			}
			if d := record.Dead; d != nil && (d.Source != "us-store" || d.ID == "" || !d.Version.FetchedAt.Equal(at)) {
				t.Errorf("source %q, id %q, fetched %s", d.Source, d.ID, d.Version.FetchedAt)
			}
		})
	}
}

// TestDeadLetter: a dead letter has the id and the version that could be read, and no version that cannot be.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	r := reader(t, all())
	const when = `"modified_at":"2026-11-02T10:00:00Z"`
	tests := []struct {
		record   string
		id       string // empty: the payload's hash
		modified bool
	}{
		{`{"id":7,"total":"x",` + when + `}`, "7", true},
		{`{"total":"x",` + when + `}`, "", true},
		{`{"id":"7 ",` + when + `}`, "", true},
		{`{"id":7,"id":8,` + when + `}`, "", true},
		{`{"id":7,"number":"1","number":"2",` + when + `}`, "7", true},
		{`{"id":7,"x":"` + strings.Repeat("x", 1<<20) + `",` + when + `}`, "7", true},
		{`{"id":7,"modified_at":"9999-01-01T00:00:00Z"}`, "7", false},
		{`{"id":7,"modified_at":"0001-01-01T00:00:00Z"}`, "7", false},
		{`{"id":7,"modified_at":"soon"}`, "7", false},
		{`7`, "", false},
	}
	for _, test := range tests {
		d := r.Record([]byte(test.record), fetched()).Dead
		if d == nil {
			t.Errorf("%.60s: it is no dead letter", test.record)
			continue
		}
		want := test.id
		if want == "" {
			want = order.PayloadID([]byte(test.record))
		}
		if d.ID != want || d.Version.ModifiedAt.IsZero() == test.modified {
			t.Errorf("%.60s: id %q and version %v, want %q", test.record, d.ID, d.Version, want)
		}
		if !strings.HasPrefix(test.record, string(d.Payload)) || len(d.Payload) != min(len(test.record), 1<<20) {
			t.Errorf("%.60s: its payload is %.60q (%d bytes)", test.record, d.Payload, len(d.Payload))
		}
	}
}

// TestPanic, row F43: a record on which we fail ourselves is a dead letter that tells where, and nothing of what it holds.
func TestPanic(t *testing.T) {
	t.Parallel()
	r := reader(t, all())
	r.mapping.fields = append(r.mapping.fields, step[order.Order]{
		name: "hook", slots: []int{r.mapping.orders.slot("number")},
		set: func(*decoder, *order.Order, gjson.Result) error { panic("Jane Doe, Main St 1") },
	})
	body := []byte(`[{"id":1,"number":"x","modified_at":"2026-11-02T10:00:00Z"},{"id":2,"modified_at":"2026-11-02T10:00:00Z"}]`)
	l, err := r.Listing(Response{Body: body, SentAt: fetched()})
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Records[0].Dead
	if dead == nil || dead.ID != "1" || strings.Contains(dead.Reason, "Jane") || !strings.Contains(dead.Reason, "string in wire.TestPanic") {
		t.Errorf("got %+v", dead)
	}
	if l.Records[1].Order == nil {
		t.Errorf("its neighbour: %+v", l.Records[1])
	}
}

// TestTimes: the layouts that are recognised, and those that are told.
func TestTimes(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*3600)
	tests := []struct {
		json    string
		layouts []string
		zone    *time.Location
		want    string // empty: refused
	}{
		{`"2026-11-02T10:00:00Z"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`"2026-11-02T10:00:00.123456789Z"`, nil, nil, "2026-11-02T10:00:00.123456Z"},
		{`"2026-11-02T18:00:00+08:00"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"2026-11-02T18:00:00+0800"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"2026-11-02T18:00:00"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`"2026-11-02T18:00"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`"2026-11-02 18:00:00"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`"2026-11-02 18:00:00.5"`, nil, shanghai, "2026-11-02T10:00:00.5Z"},
		{`"2026-11-02 18:00:00+08:00"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"2026-11-02 18:00:00 +0800"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"2026-11-02 10:00:00 UTC"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`"2026-11-02"`, nil, nil, "2026-11-02T00:00:00Z"},
		{`"2026/11/02 10:00:00"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"Mon, 02 Nov 2026 10:00:00 +0000"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`"Mon, 02 Nov 2026 10:00:00 GMT"`, nil, shanghai, "2026-11-02T10:00:00Z"},
		{`1793613600`, nil, nil, "2026-11-02T10:00:00Z"},
		{`1793613600.25`, nil, nil, "2026-11-02T10:00:00.25Z"},
		{`"1793613600"`, nil, nil, "2026-11-02T10:00:00Z"},
		{`1793613600123`, nil, nil, "2026-11-02T10:00:00.123Z"},
		{`1793613600`, []string{LayoutUnixMS}, nil, "1970-01-21T18:13:33.6Z"},
		{`1793613600`, []string{LayoutUnix}, nil, "2026-11-02T10:00:00Z"},
		{`"02.11.2026"`, []string{"02.01.2006"}, nil, "2026-11-02T00:00:00Z"},
		{`"11/02/2026 10:00"`, []string{"2006-01-02", "01/02/2006 15:04"}, nil, "2026-11-02T10:00:00Z"},
		{`"2026-11-02T10:00:00Z"`, []string{LayoutDate}, nil, ""},
		{`"11/02/2026"`, nil, nil, ""}, // nobody knows which is the month
		{`"2026-02-30"`, nil, nil, ""},
		{`20261102`, nil, nil, ""},
		{`-1793613600`, nil, nil, ""},
		{`1e9`, nil, nil, ""},
		{`17936136001231234`, nil, nil, ""},
		{`true`, nil, nil, ""},
	}
	for _, test := range tests {
		got, err := newClock(Field{Layouts: test.layouts, Zone: test.zone}, nil).read(gjson.Parse(test.json))
		text := ""
		if at, ok := got.Get(); ok {
			text = at.Format(time.RFC3339Nano)
		}
		if text != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s with %q: %q, %v; want %q", test.json, test.layouts, text, err, test.want)
		}
	}
}

// TestByCreated: where windows are read by the time of creation, that one has to be there and the time of change need not.
func TestByCreated(t *testing.T) {
	t.Parallel()
	d := all()
	d.By = ByCreated
	r := reader(t, d)
	o := r.Record([]byte(`{"id":1,"ordered_at":"2026-11-01T00:00:00Z","modified_at":null}`), fetched()).Order
	if o == nil || !o.ModifiedAt.Equal(o.OrderedAt.Value()) {
		t.Errorf("without a time of change: %+v", o)
	}
	want := "dead: ordered_at: missing, though windows are read by it"
	if got := say(r.Record([]byte(`{"id":1,"modified_at":"2026-11-01T00:00:00Z"}`), fetched())); got != want {
		t.Errorf("without a time of creation: %s", got)
	}
}

// TestFat, row F40: an order with 5,000 lines is an order.
func TestFat(t *testing.T) {
	t.Parallel()
	lines := make([]string, 5000)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"id":%d,"sku":"A","quantity":1}`, i)
	}
	o := reader(t, all()).Record([]byte(`{"id":1,"modified_at":"2026-11-02T10:00:00Z","lines":[`+strings.Join(lines, ",")+`]}`), fetched()).Order
	if o == nil || len(o.Items.Value()) != 5000 {
		t.Errorf("got %+v", o)
	}
}

// TestConditions: which lines are kept.
func TestConditions(t *testing.T) {
	t.Parallel()
	const record = `{"id":1,"modified_at":"2026-11-02T10:00:00Z","lines":[{"id":1,"kind":"a"},{"id":2,"kind":7},{"id":3,"kind":null},{"id":4}]}`
	for want, where := range map[string]Condition{
		"1":   {Path: "kind", Equals: "a"},
		"2":   {Path: "kind", Equals: "7"},
		"34":  {Path: "kind", Null: true},
		"12":  {Path: "kind", Null: true, Not: true},
		"234": {Path: "kind", Equals: "a", Not: true},
	} {
		d := all()
		d.Map.Lines.Where = &where
		var got strings.Builder
		for _, item := range reader(t, d).Record([]byte(record), fetched()).Order.Items.Value() {
			got.WriteString(item.LineID)
		}
		if got.String() != want {
			t.Errorf("%+v keeps %q, want %q", where, got.String(), want)
		}
	}
}

// TestAlone: what a record says does not depend on its neighbours, and its bytes are the remote's.
func TestAlone(t *testing.T) {
	t.Parallel()
	r := reader(t, all())
	records := []string{
		`{"id":1,"number":"A","lines":[{"id":1,"sku":"S"}],"modified_at":"2026-11-02T10:00:00Z"}`,
		"{ \"id\" : 2 ,\n \"modified_at\":\"2026-11-02T10:00:00Z\" }",
		`{"id":3,"customer":{"name":"` + "\xff" + `"},"modified_at":"2026-11-02T10:00:00Z"}`,
		`7`,
		`{"id":4,"modified_at":"2026-11-02T10:00:00Z"}`,
	}
	body := "\xef\xbb\xbf [ " + strings.Join(records, " ,\n ") + " ] "
	l, err := r.Listing(Response{Body: []byte(body), SentAt: fetched()})
	if err != nil || len(l.Records) != len(records) {
		t.Fatalf("%d records, %v", len(l.Records), err)
	}
	for i, text := range records {
		alone := r.Record([]byte(text), fetched())
		if diff := cmp.Diff(say(alone), say(l.Records[i])); diff != "" {
			t.Errorf("record %d (-alone +in the list):\n%s", i, diff)
		}
		if o := l.Records[i].Order; o != nil && !bytes.Equal(o.Raw, []byte(text)) {
			t.Errorf("record %d: its bytes are %q", i, o.Raw)
		}
	}
}
