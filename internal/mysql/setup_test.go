package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
)

func TestMain(m *testing.M) { mysqltest.Main(m) }

const shop order.SourceID = "shop"

// epoch is when the tests play; at is a moment that many seconds later, with microseconds.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 123_456_000, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// text, amount and moment are fields with a value.
func text(v string) order.Field[string]          { return order.Some(v) }
func moment(seconds int) order.Field[time.Time]  { return order.Some(at(seconds)) }
func amount(v string) order.Field[order.Decimal] { return order.Some(decimal(v)) }
func some[T any](list ...T) order.Field[[]T]     { return order.Some(list) }
func raw(format string, args ...any) []byte      { return []byte(fmt.Sprintf(format, args...)) }
func record(o *order.Order) order.Record         { return order.Record{Order: o} }
func dead(d *order.DeadLetter) order.Record      { return order.Record{Dead: d} }
func page(records ...order.Record) order.Page    { return order.Page{Records: records} }
func version(modified, fetched int) order.Version {
	return order.Version{ModifiedAt: at(modified), FetchedAt: at(fetched)}
}

func decimal(v string) order.Decimal {
	d, _, err := order.ParseDecimal(v)
	if err != nil {
		panic(err)
	}
	return d
}

// whole is an order with every field filled, changed and fetched at the given seconds.
func whole(id string, modified, fetched int) *order.Order {
	o := &order.Order{
		Source: shop, ID: id, Number: text("N-" + id), Status: order.Some(order.StatusPaid), SourceStatus: text("PAID"), Currency: text("USD"),
		Total: amount("12.5"), Paid: amount("12.500001"), Discount: amount("0"), ShippingFee: amount("-1"), Tax: amount("99999999999999.999999"),
		Refunded: amount("0.000001"), BuyerID: text("b-1"), BuyerName: text("张三 😀"), BuyerEmail: text("a@example.com"),
		Receiver:        text(`{"city":"北京","name":"O'Brien \\ \"x\"","zip":["1",2.50,null]}`),
		ReceiverCountry: text("CN"), ReceiverProvince: text("北京市"), ReceiverCity: text("北京"), BuyerNote: text("line\nline\r\n\x00\x1a'\"\\"),
		SellerNote: text(""), OrderedAt: moment(-100), PaidAt: moment(-90), ShippedAt: moment(-80), CompletedAt: moment(-70),
		CancelledAt: order.Null[time.Time](), ModifiedAt: at(modified), FetchedAt: at(fetched),
		Items: some(line(id+"-1", "2"), line(id+"-2", "1")),
		Refunds: some(order.Refund{
			ID: id + "-r", LineID: text(id + "-1"), Amount: amount("1.5"), Status: text("done"), Reason: text("broken"),
			CreatedAt: moment(-60), RefundedAt: order.Null[time.Time](),
		}),
	}
	o.Raw = raw(`{"id":%q,"modified":%d,"bytes":"%s"}`, id, modified, "\\u0000\x00\xff'\"\n")
	return o
}

func line(id, quantity string) order.Item {
	return order.Item{
		LineID: id, SKU: text("SKU-1"), ProductID: text("p"), VariantID: order.Null[string](), Title: text("Tee 'L'"), Variant: text("red"),
		Quantity: amount(quantity), UnitPrice: amount("6.25"), Discount: amount("0"), Total: amount("12.5"),
		Status: text("paid"), RefundStatus: order.Null[string](), ImageURL: text("https://img.example.com/1?a=b&c=d"),
	}
}

// bad is a dead letter; modified below zero means that no time of change could be read.
func bad(id string, modified, fetched int, reason string) *order.DeadLetter {
	d := &order.DeadLetter{Source: shop, ID: id, Version: version(modified, fetched), Reason: reason, Payload: raw("{%q: %d, %s", id, modified, reason)}
	if modified < 0 {
		d.Version.ModifiedAt = time.Time{}
	}
	return d
}

// world is a store with what a test asks of it.
type world struct {
	t  testing.TB
	o  mysql.Options
	db *mysql.DB
	// raw looks at the tables from outside.
	raw *sql.DB
}

func newWorld(t testing.TB) *world {
	t.Helper()
	o := mysqltest.Options(t)
	return &world{t: t, o: o, db: mysqltest.OpenWith(t, o), raw: mysqltest.SQL(t, o.DSN)}
}

// put writes records and checks what is said about them.
func (w *world) put(want order.Written, records ...order.Record) {
	w.t.Helper()
	got, err := w.db.Put(w.t.Context(), records)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("written (-want +got):\n%s", diff)
	}
}

func (w *world) order(id string) *mysql.StoredOrder {
	w.t.Helper()
	o, err := w.db.Order(w.t.Context(), shop, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// holds checks that what is stored is this order, with nothing left out.
func (w *world) holds(want *order.Order) {
	w.t.Helper()
	if diff := diffOrders(want, &w.order(want.ID).Order); diff != "" {
		w.t.Errorf("order %s as stored (-want +got):\n%s", want.ID, diff)
	}
}

// plain is an order in which what was left out and what is empty are the same, as they are in the database.
type plain struct {
	Order, Raw            string
	Items, Refunds        []string
	ModifiedAt, FetchedAt time.Time
}

func diffOrders(want, got *order.Order) string { return cmp.Diff(flatten(want), flatten(got)) }

func flatten(o *order.Order) plain {
	o.Sort()
	p := plain{ModifiedAt: order.Instant(o.ModifiedAt), FetchedAt: order.Instant(o.FetchedAt), Raw: string(o.Raw)}
	p.Order = strings.Join([]string{
		show(o.Number), show(o.Status), show(o.SourceStatus), show(o.Currency), show(o.Total), show(o.Paid), show(o.Discount),
		show(o.ShippingFee), show(o.Tax), show(o.Refunded), show(o.BuyerID), show(o.BuyerName), show(o.BuyerEmail), show(o.Receiver),
		show(o.ReceiverCountry), show(o.ReceiverProvince), show(o.ReceiverCity), show(o.BuyerNote), show(o.SellerNote), show(o.OrderedAt),
		show(o.PaidAt), show(o.ShippedAt), show(o.CompletedAt), show(o.CancelledAt),
	}, " | ")
	for _, i := range o.Items.Value() {
		p.Items = append(p.Items, strings.Join([]string{
			i.LineID, show(i.SKU), show(i.ProductID), show(i.VariantID), show(i.Title), show(i.Variant), show(i.Quantity), show(i.UnitPrice),
			show(i.Discount), show(i.Total), show(i.Status), show(i.RefundStatus), show(i.ImageURL),
		}, " | "))
	}
	for _, r := range o.Refunds.Value() {
		p.Refunds = append(p.Refunds, strings.Join([]string{
			r.ID, show(r.LineID), show(r.Amount), show(r.Status), show(r.Reason), show(r.CreatedAt), show(r.RefundedAt),
		}, " | "))
	}
	return p
}

func show[T any](f order.Field[T]) string {
	v, ok := f.Get()
	if !ok {
		return "-"
	}
	if t, ok := any(v).(time.Time); ok {
		return order.Instant(t).Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}

// count asks a number of the tables.
func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.raw.QueryRowContext(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.raw.ExecContext(w.t.Context(), query, args...); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

// checkpoint reads the checkpoint of the stream "orders".
func (w *world) checkpoint() order.Checkpoint {
	w.t.Helper()
	c, err := w.db.Checkpoint(w.t.Context(), shop, "orders")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// commit commits records on top of the stored checkpoint, moving its watermark to at(watermark).
func (w *world) commit(watermark int, records ...order.Record) order.Written {
	w.t.Helper()
	from := w.checkpoint()
	to := from
	to.Watermark = at(watermark)
	written, err := w.db.Commit(w.t.Context(), from, to, page(records...))
	if err != nil {
		w.t.Fatal(err)
	}
	return written
}

// eventually polls what happens inside the server, for which there is nothing to wait on.
func eventually(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	// The server refreshes its list of transactions only for who has not looked for a tenth of a second.
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		if holds() {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %v", what, context.Cause(ctx))
		}
	}
	t.Fatalf("waited in vain until %s", what)
}
