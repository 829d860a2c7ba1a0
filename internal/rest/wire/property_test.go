package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/order"
)

// drawn is a generated order: how a remote may write it, and what must be read from it.
type drawn struct {
	keys []string // "key":value
	want order.Order
}

// draw makes an order field by field: left out, null or there, texts and numbers written either way, keys in any order.
func draw(t *rapid.T) drawn {
	d := drawn{want: order.Order{Source: "us-store", FetchedAt: order.Instant(fetched())}}
	id := rapid.StringMatching(`[1-9][0-9]{0,25}`).Draw(t, "id")
	d.want.ID = id
	d.put("id", either(t, id))
	at := time.Unix(0, 0).UTC().Add(time.Duration(rapid.Int64Range(1.6e15, 1.79e15).Draw(t, "modified")) * time.Microsecond)
	d.want.ModifiedAt = at
	d.put("modified_at", writeTime(t, at))

	text := func(key string, to *order.Field[string]) { drawField(t, &d, key, to, drawText) }
	amount := func(key string, to *order.Field[order.Decimal]) { drawField(t, &d, key, to, drawAmount) }
	moment := func(key string, to *order.Field[time.Time]) {
		drawField(t, &d, key, to, func(t *rapid.T, key string) (string, time.Time) {
			at := time.Unix(rapid.Int64Range(1e9, 1.79e9).Draw(t, key), 0).UTC()
			return writeTime(t, at), at
		})
	}
	text("number", &d.want.Number)
	text("buyer_note", &d.want.BuyerNote)
	amount("total", &d.want.Total)
	amount("paid", &d.want.Paid)
	amount("tax", &d.want.Tax)
	moment("ordered_at", &d.want.OrderedAt)
	moment("completed_at", &d.want.CompletedAt)
	d.drawLines(t)
	for i := range rapid.IntRange(0, 3).Draw(t, "extras") {
		d.put(fmt.Sprintf("extra_%d", i), rapid.SampledFrom([]string{`{"id":[1,{"id":2}]}`, `"]}"`, `null`, `-1e-9`, `[[],{}]`}).Draw(t, "extra"))
	}
	return d
}

func (d *drawn) put(key, json string) { d.keys = append(d.keys, fmt.Sprintf("%q:%s", key, json)) }

// drawField leaves the field out, sends null, or sends a value.
func drawField[T any](t *rapid.T, d *drawn, key string, to *order.Field[T], value func(*rapid.T, string) (string, T)) {
	switch rapid.IntRange(0, 4).Draw(t, key+" is") {
	case 0:
	case 1:
		*to = order.Null[T]()
		d.put(key, "null")
	default:
		json, v := value(t, key)
		*to = order.Some(v)
		d.put(key, json)
	}
}

// either writes digits as a number or as a text.
func either(t *rapid.T, digits string) string {
	if rapid.Bool().Draw(t, "quoted") {
		return `"` + digits + `"`
	}
	return digits
}

func drawText(t *rapid.T, key string) (string, string) {
	text := strings.ToValidUTF8(rapid.StringN(0, 40, 160).Draw(t, key), "")
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted), text
}

func drawAmount(t *rapid.T, key string) (string, order.Decimal) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,6})?`).Draw(t, key)
	d, rounded, err := order.ParseDecimal(text)
	if err != nil || rounded {
		t.Fatalf("%s: %v", text, err)
	}
	return either(t, text), d
}

func writeTime(t *rapid.T, at time.Time) string {
	zone := time.FixedZone("", rapid.IntRange(-12*4, 14*4).Draw(t, "offset")*15*60)
	layouts := []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700"}
	return `"` + at.In(zone).Format(rapid.SampledFrom(layouts).Draw(t, "layout")) + `"`
}

func (d *drawn) drawLines(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "lines are") == 0 {
		return
	}
	items, lines := []order.Item{}, []string{}
	for i := range rapid.IntRange(0, 5).Draw(t, "lines") {
		line := drawn{}
		item := order.Item{LineID: fmt.Sprint(1000 + i)}
		line.put("id", either(t, item.LineID))
		drawField(t, &line, "sku", &item.SKU, drawText)
		drawField(t, &line, "quantity", &item.Quantity, drawAmount)
		drawField(t, &line, "price", &item.UnitPrice, drawAmount)
		items = append(items, item)
		lines = append(lines, line.write(t))
	}
	d.want.Items = order.Some(items)
	d.put("lines", "["+strings.Join(lines, ",")+"]")
}

func (d *drawn) write(t *rapid.T) string {
	blank := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "blank")
	return "{" + blank + strings.Join(rapid.Permutation(d.keys).Draw(t, "keys"), blank+","+blank) + blank + "}"
}

// TestMapsBack: whatever is written is read back as it was.
func TestMapsBack(t *testing.T) {
	t.Parallel()
	r := reader(t, all())
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		text := d.write(t)
		l, err := r.Listing(Response{Body: []byte("[" + text + "]"), SentAt: fetched()})
		if err != nil || len(l.Records) != 1 || l.Records[0].Order == nil {
			t.Fatalf("%s: %+v, %v", text, l, err)
		}
		got := l.Records[0].Order
		if string(got.Raw) != text || got.Rounded != 0 || got.Repaired != 0 {
			t.Errorf("raw %q, rounded %d, repaired %d", got.Raw, got.Rounded, got.Repaired)
		}
		if got.Hash() != d.want.Hash() {
			t.Error("the content differs")
		}
		got.Raw = nil
		if diff := cmp.Diff(d.want, *got, cmp.AllowUnexported(
			order.Field[string]{}, order.Field[order.Status]{}, order.Field[order.Decimal]{}, order.Field[time.Time]{},
			order.Field[[]order.Item]{}, order.Field[[]order.Refund]{}, order.Decimal{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	})
}
