package trade

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/order"
)

var update = flag.Bool("update", false, "write the golden files anew")

func fetched() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 123456789, time.UTC) }

// dump writes what a record became, a column a line; columns that the remote left out do not appear, emptied ones as "(empty)".
func dump(record order.Record) string {
	var b strings.Builder
	if d := record.Dead; d != nil {
		fmt.Fprintf(&b, "dead %s: %s\n", d.ID, d.Reason)
		return b.String()
	}
	o := record.Order
	fmt.Fprintf(&b, "order %s, changed %s", o.ID, o.ModifiedAt.Format(time.RFC3339))
	if o.FetchedAt.Equal(o.ModifiedAt) {
		b.WriteString(", short of something")
	}
	b.WriteByte('\n')
	text := func(name string, f order.Field[string]) { put(&b, name, f, f.Value()) }
	amount := func(name string, f order.Field[order.Decimal]) { put(&b, name, f, short(f.Value())) }
	moment := func(name string, f order.Field[time.Time]) { put(&b, name, f, f.Value().Format(time.RFC3339)) }
	text("number", o.Number)
	put(&b, "status", o.Status, string(o.Status.Value()))
	text("source_status", o.SourceStatus)
	text("currency", o.Currency)
	amount("total", o.Total)
	amount("paid", o.Paid)
	amount("discount", o.Discount)
	amount("shipping_fee", o.ShippingFee)
	amount("tax", o.Tax)
	amount("refunded", o.Refunded)
	text("buyer_id", o.BuyerID)
	text("buyer_name", o.BuyerName)
	text("buyer_email", o.BuyerEmail)
	text("receiver", o.Receiver)
	text("receiver_country", o.ReceiverCountry)
	text("receiver_province", o.ReceiverProvince)
	text("receiver_city", o.ReceiverCity)
	text("buyer_note", o.BuyerNote)
	text("seller_note", o.SellerNote)
	moment("ordered_at", o.OrderedAt)
	moment("paid_at", o.PaidAt)
	moment("shipped_at", o.ShippedAt)
	moment("completed_at", o.CompletedAt)
	moment("cancelled_at", o.CancelledAt)
	for _, i := range o.Items.Value() {
		fmt.Fprintf(&b, "line %s\n", i.LineID)
		text("  sku", i.SKU)
		text("  product_id", i.ProductID)
		text("  variant_id", i.VariantID)
		text("  title", i.Title)
		text("  variant", i.Variant)
		amount("  quantity", i.Quantity)
		amount("  unit_price", i.UnitPrice)
		amount("  discount", i.Discount)
		amount("  total", i.Total)
		text("  status", i.Status)
		text("  refund_status", i.RefundStatus)
		text("  image_url", i.ImageURL)
	}
	if refunds, ok := o.Refunds.Get(); ok {
		fmt.Fprintf(&b, "refunds %d\n", len(refunds))
	}
	for _, r := range o.Refunds.Value() {
		fmt.Fprintf(&b, "refund %s\n", r.ID)
		text("  line_id", r.LineID)
		amount("  amount", r.Amount)
		text("  status", r.Status)
		text("  reason", r.Reason)
		moment("  created_at", r.CreatedAt)
		moment("  refunded_at", r.RefundedAt)
	}
	if o.Rounded+o.Repaired > 0 {
		fmt.Fprintf(&b, "rounded %d, repaired %d\n", o.Rounded, o.Repaired)
	}
	return b.String()
}

func put[T any](b *strings.Builder, name string, f order.Field[T], value string) {
	if _, ok := f.Get(); ok {
		fmt.Fprintf(b, "%s: %s\n", name, value)
	} else if !f.Absent() {
		fmt.Fprintf(b, "%s: (empty)\n", name)
	}
}

func short(d order.Decimal) string {
	return strings.TrimSuffix(strings.TrimRight(d.String(), "0"), ".")
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := New("tmall")
			got := dump(r.Decode(payload, fetched()))
			if n := r.Differences(); n > 0 {
				got += fmt.Sprintf("differences %d\n", n)
			}
			for _, p := range r.Parcels(payload) {
				got += fmt.Sprintf("parcel %s of %s by %s, lines %v, split %v, shipped %s\n", p.TrackingNumber, p.OrderID, p.Carrier, p.LineIDs, p.Split,
					p.ShippedAt.Format(time.RFC3339))
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
