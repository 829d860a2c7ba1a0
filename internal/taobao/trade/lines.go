package trade

import (
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

// line is an order inside a trade, or a service that was sold with one.
type line struct {
	order.Item
	service bool
	// adjust is what the seller changed the price by, payment what the line says was paid for it.
	adjust, payment order.Field[order.Decimal]
	shippedAt       order.Field[time.Time]
	// carrier and number are those of its parcel.
	carrier, number string
	// refundID is the newest refund that it names, empty where it names none.
	refundID string
}

// lines reads the orders of a trade and its services. Without orders there are no lines to tell of, and the stored ones stay: in
// promotion hours they are left out. The trade's own num, price, num_iid and pic_path, which it carries where it has one order, only
// fill what that order lacks; they are no line of their own, because its oid would have to be guessed: it is the tid, but not where a service was sold too.
// An answer with orders and without services has no services: nothing tells one that was left out from one that was never sold.
func (d *decoder) lines(root object) (goods, services []line) {
	entries := d.list(root, "orders", "order")
	for _, entry := range entries {
		goods = append(goods, d.line(entry))
	}
	if len(goods) == 1 {
		d.fillOnly(&goods[0], root)
	}
	if len(goods) == 0 {
		return nil, nil
	}
	for _, entry := range d.list(root, "service_orders", "service_order") {
		services = append(services, d.service(entry))
	}
	return goods, services
}

func (d *decoder) line(v gjson.Result) line {
	o := d.open("line ", v)
	l := line{
		Item: order.Item{
			LineID: d.id(o, "oid", "oid_str"),
			SKU:    either(d.text(o, "outer_sku_id"), d.text(o, "outer_iid")), ProductID: d.text(o, "num_iid"), VariantID: d.text(o, "sku_id"),
			Title: d.text(o, "title"), Variant: d.text(o, "sku_properties_name"),
			Quantity: d.amount(o, "num"), UnitPrice: d.amount(o, "price"), Discount: d.amount(o, "discount_fee"), Total: d.amount(o, "total_fee"),
			Status: d.text(o, "status"), RefundStatus: d.text(o, "refund_status"), ImageURL: d.text(o, "pic_path"),
		},
		service: d.word(o, "is_service_order") == "true",
		adjust:  d.amount(o, "adjust_fee"), payment: d.amount(o, "payment"),
		shippedAt: d.moment(o, "consign_time"),
		carrier:   d.word(o, "logistics_company"), number: d.word(o, "invoice_no"),
		refundID: d.id(o, "refund_id"),
	}
	d.meet("refund status", l.RefundStatus.Value())
	return l
}

// fillOnly completes the only order of a trade by what the trade itself says.
func (d *decoder) fillOnly(l *line, root object) {
	l.ProductID = l.ProductID.Or(d.text(root, "num_iid"))
	l.Quantity = l.Quantity.Or(d.amount(root, "num"))
	l.UnitPrice = l.UnitPrice.Or(d.amount(root, "price"))
	l.ImageURL = l.ImageURL.Or(d.text(root, "pic_path"))
}

func (d *decoder) service(v gjson.Result) line {
	o := d.open("service ", v)
	return line{
		Item: order.Item{
			LineID: d.id(o, "oid", "oid_str"), ProductID: d.text(o, "service_id"), Title: d.text(o, "title"),
			Quantity: d.amount(o, "num"), UnitPrice: d.amount(o, "price"), Total: d.amount(o, "total_fee"), ImageURL: d.text(o, "pic_path"),
		},
		service: true, payment: d.amount(o, "payment"), refundID: d.id(o, "refund_id"),
	}
}

// items are the stored lines: the goods, then the services under their own oid. A service that stands among the orders too is that line;
// one whose oid is that of goods is told apart by a prefix.
func (t *trade) items() []order.Item {
	items := make([]order.Item, 0, len(t.lines)+len(t.services))
	met := make(map[string]*line, len(t.lines))
	for i := range t.lines {
		met[t.lines[i].LineID] = &t.lines[i]
		items = append(items, t.lines[i].Item)
	}
	for _, s := range t.services {
		if goods := met[s.LineID]; goods != nil && s.LineID != "" {
			if goods.service {
				continue
			}
			s.LineID = "service:" + s.LineID
		}
		items = append(items, s.Item)
	}
	return items
}
