package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mall is what the tables should hold of a shop on Taobao.
type Mall struct {
	// Source is the name under which its orders are stored.
	Source string
	Trades []Trade
}

// Trade is one trade as the platform has it now.
type Trade struct {
	// Record is what taobao.trade.fullinfo.get says of it when everything is asked for.
	Record  []byte
	Refunds []Refund
	Parcels []Parcel
}

// Refund is a refund of a line, as taobao.refund.get says.
type Refund struct {
	ID, LineID, Status, Amount, Reason string
	Created, Modified                  time.Time
}

// Parcel is a parcel with its way, as taobao.logistics.trace.search says.
type Parcel struct {
	Carrier, Number, Status string
	Shipped                 time.Time
	Steps                   []Step
}

// Step is one step of a parcel's way, oldest first.
type Step struct {
	At           time.Time
	Text, Action string
}

// trades is how a trade is read. What is told by more than one key is added by [Mall.expectOne].
func trades() Reading {
	return Reading{
		Order: []Field{
			{"number", Text, []string{"tid"}},
			{"source_status", Text, []string{"status"}},
			{"total", Amount, []string{"payment"}},
			{"discount", Amount, []string{"discount_fee"}},
			{"shipping_fee", Amount, []string{"post_fee"}},
			{"tax", Amount, []string{"order_tax_fee"}},
			{"buyer_id", Text, []string{"buyer_open_uid"}},
			{"buyer_name", Text, []string{"buyer_nick"}},
			{"buyer_email", Text, []string{"buyer_email"}},
			{"receiver_country", Text, []string{"receiver_country"}},
			{"receiver_province", Text, []string{"receiver_state"}},
			{"receiver_city", Text, []string{"receiver_city"}},
			{"buyer_note", Text, []string{"buyer_message"}},
			{"seller_note", Text, []string{"seller_memo"}},
			{"ordered_at", Beijing, []string{"created"}},
			{"paid_at", Beijing, []string{"pay_time"}},
			{"shipped_at", Beijing, []string{"consign_time"}},
			{"modified_at", Beijing, []string{"modified"}},
			{"gone_at", Instant, nil},
		},
		Line: []Field{
			{"sku", Text, []string{"outer_sku_id", "outer_iid"}},
			{"product_id", Text, []string{"num_iid"}},
			{"variant_id", Text, []string{"sku_id"}},
			{"title", Text, []string{"title"}},
			{"variant", Text, []string{"sku_properties_name"}},
			{"quantity", Amount, []string{"num"}},
			{"unit_price", Amount, []string{"price"}},
			{"discount", Amount, []string{"discount_fee"}},
			{"total", Amount, []string{"total_fee"}},
			{"status", Text, []string{"status"}},
			{"refund_status", Text, []string{"refund_status"}},
			{"image_url", Text, []string{"pic_path"}},
		},
		Words: map[string]string{
			"TRADE_NO_CREATE_PAY": "pending_payment", "WAIT_BUYER_PAY": "pending_payment", "PAY_PENDING": "pending_payment",
			"WAIT_SELLER_SEND_GOODS": "paid", "SELLER_CONSIGNED_PART": "partially_shipped",
			"WAIT_BUYER_CONFIRM_GOODS": "shipped", "TRADE_BUYER_SIGNED": "shipped", "TRADE_FINISHED": "completed",
			"TRADE_CLOSED": "refunded", "TRADE_CLOSED_BY_TAOBAO": "cancelled",
		},
	}
}

func (m Mall) name() string { return m.Source }

func (m Mall) kinds(table string) map[string]Kind {
	switch table {
	case "orders":
		kinds := trades().kinds(trades().Order)
		maps.Copy(kinds, map[string]Kind{"paid": Amount, "refunded": Amount, "receiver": Document, "completed_at": Instant, "cancelled_at": Instant})
		return kinds
	case "order_items":
		return trades().kinds(trades().Line)
	case "refunds":
		return map[string]Kind{"amount": Amount, "created_at": Instant, "refunded_at": Instant}
	case "shipments":
		return map[string]Kind{"shipped_at": Instant, "delivered_at": Instant}
	case "shipment_events":
		return map[string]Kind{"happened_at": Instant}
	}
	return nil
}

// sameRaw reports whether what is stored of a trade, which may have its refunds beside it, is a part of what the platform says: only
// some fields are asked for. Those that every order needs must be there.
func (m Mall) sameRaw(shop, stored string) bool {
	said, err := decode([]byte(shop))
	kept, bad := decode([]byte(stored))
	if err != nil || bad != nil {
		return false
	}
	if object, ok := kept.(map[string]any); ok && object["trade"] != nil {
		kept = object["trade"]
	}
	for _, key := range []string{"tid", "status", "created", "modified", "payment", "orders"} {
		if first(kept, []string{key}) == nil {
			return false
		}
	}
	return partOf(said, kept)
}

// partOf reports whether part says nothing that whole does not say.
func partOf(whole, part any) bool {
	switch part := part.(type) {
	case map[string]any:
		object, ok := whole.(map[string]any)
		for key, value := range part {
			if said, known := object[key]; !known || !partOf(said, value) {
				return false
			}
		}
		return ok
	case []any:
		list, ok := whole.([]any)
		return ok && slices.EqualFunc(list, part, partOf)
	}
	return whole == part
}

// expect reads what the tables should hold.
func (m Mall) expect() (expected, error) {
	want := expected{tables: map[string]map[string]row{}, spare: map[string][]string{}}
	for _, table := range tables {
		want.tables[table.name] = map[string]row{}
	}
	for _, t := range m.Trades {
		record, err := decode(t.Record)
		if err != nil {
			return want, fmt.Errorf("a trade of the platform: %w", err)
		}
		id := plain(first(record, []string{"tid"}))
		if id == "" || want.tables["orders"][id] != nil {
			return want, errors.New("a trade of the platform has no tid, or that of another one")
		}
		(&deal{Trade: t, id: id, record: record}).expect(want)
	}
	return want, nil
}

// deal is a trade being read.
type deal struct {
	Trade
	id     string
	record any
}

func (d *deal) word(key string) string { return plain(first(d.record, []string{key})) }

// expect adds the rows that one trade means.
func (d *deal) expect(want expected) {
	r := trades()
	o := blank(r.row(r.Order, d.record))
	o["currency"], o["status"] = "CNY", d.status()
	o["paid"], o["refunded"] = amount(d.paid()), amount(d.refunded())
	o["receiver"] = d.receiver()
	o["completed_at"], o["cancelled_at"] = null, null
	switch ended := blank(r.row([]Field{{"at", Beijing, []string{"end_time"}}}, d.record))["at"]; d.word("status") {
	case "TRADE_FINISHED":
		o["completed_at"] = ended
	case "TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO":
		o["cancelled_at"] = ended
	}
	want.tables["orders"][d.id] = o
	want.tables["order_raw"][d.id] = row{"payload": string(d.Record)}

	services := r.Line
	services[slices.IndexFunc(services, func(f Field) bool { return f.Column == "product_id" })].Paths = []string{"service_id"}
	for path, fields := range map[string][]Field{"orders.order": trades().Line, "service_orders.service_order": services} {
		lines, _ := first(d.record, []string{path}).([]any)
		for _, line := range lines {
			want.tables["order_items"][keyOf(d.id, plain(first(line, []string{"oid"})))] = blank(r.row(fields, line))
		}
	}
	d.expectRefunds(want)
	travelling := o["completed_at"] == null && o["cancelled_at"] == null &&
		slices.Contains([]string{"partially_shipped", "shipped", "partially_refunded"}, o["status"])
	for _, p := range d.Parcels {
		p.expect(want, keyOf(d.id, p.Carrier, p.Number), !travelling)
	}
}

func (d *deal) expectRefunds(want expected) {
	for _, f := range d.Refunds {
		r := row{
			"line_id": f.LineID, "status": f.Status, "reason": f.Reason, "amount": amount(number(f.Amount)),
			"created_at": moment(f.Created), "refunded_at": null,
		}
		if f.Status == "SUCCESS" {
			r["refunded_at"] = moment(f.Modified)
		}
		want.tables["refunds"][keyOf(d.id, f.ID)] = blank(r)
	}
}

// expect adds the rows of a parcel. Those of a trade that is not on its way are only stored where they were before.
func (p Parcel) expect(want expected, key string, spare bool) {
	r := row{"status": "created", "source_status": p.Status, "shipped_at": moment(p.Shipped), "delivered_at": null}
	events := []string{}
	for i, step := range p.Steps {
		event := keyOf(key, strconv.Itoa(i))
		events = append(events, event)
		want.tables["shipment_events"][event] = row{"happened_at": moment(step.At), "description": step.Text, "action": step.Action}
		switch {
		case step.Action == "SIGN" || strings.HasSuffix(step.Action, "_SIGN"):
			r["status"], r["delivered_at"] = "delivered", moment(step.At)
		case r["status"] == "created" && step.Action != "CREATE" && step.Action != "CONSIGN":
			r["status"] = "in_transit"
		}
	}
	switch p.Status {
	case "物流公司揽收成功":
		if r["status"] == "created" {
			r["status"] = "in_transit"
		}
	case "对方拒绝签收":
		r["status"], r["delivered_at"] = "returned", null
	}
	want.tables["shipments"][key] = blank(r)
	if spare {
		want.spare[key] = events
	}
}

// status is our word for the trade's state, in which refunds count.
func (d *deal) status() string {
	status, known := trades().Words[d.word("status")]
	paid, back := d.paid(), d.refunded()
	switch {
	case !known:
		return "unknown"
	case status == "refunded" && back.Sign() == 0 && d.unpaid():
		return "cancelled"
	case status == "pending_payment" || status == "cancelled" || status == "refunded" || back.Sign() == 0:
		return status
	case back.Cmp(paid) >= 0:
		return "refunded"
	}
	return "partially_refunded"
}

// unpaid: nothing of the payment has come, by the trade's own word, or because it comes with the parcel.
func (d *deal) unpaid() bool {
	status := trades().Words[d.word("status")]
	arrived := slices.Contains([]string{"TRADE_BUYER_SIGNED", "TRADE_FINISHED"}, d.word("status"))
	return status == "pending_payment" || status == "cancelled" || d.word("type") == "cod" && d.word("pay_time") == "" && !arrived
}

// paid is what the buyer has paid so far: the deposit of a pre-sale until the rest came.
func (d *deal) paid() *big.Rat {
	switch step := d.word("step_trade_status"); {
	case step == "FRONT_PAID_FINAL_NOPAID":
		return number(d.word("step_paid_fee"))
	case step == "FRONT_NOPAID_FINAL_NOPAID" || d.unpaid():
		return new(big.Rat)
	}
	return number(d.word("payment"))
}

// refunded is what went back.
func (d *deal) refunded() *big.Rat {
	sum := new(big.Rat)
	for _, f := range d.Refunds {
		if f.Status == "SUCCESS" {
			sum.Add(sum, number(f.Amount))
		}
	}
	return sum
}

// receiver is the address as it comes, masked, under the platform's keys.
func (d *deal) receiver() string {
	address := map[string]string{}
	object, _ := d.record.(map[string]any)
	for key, value := range object {
		if strings.HasPrefix(key, "receiver_") || key == "oaid" {
			address[key] = plain(value)
		}
	}
	text, err := json.Marshal(address)
	if err != nil || address["receiver_name"] == "" {
		return null
	}
	document, err := canonical(text)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return document
}

// blank turns empty texts into NULL.
func blank(r row) row {
	for column, value := range r {
		if value == "" {
			r[column] = null
		}
	}
	return r
}

// number reads an amount; what is none counts as zero, and differs where it matters.
func number(text string) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return n
}

func amount(n *big.Rat) string { return n.FloatString(6) }

func moment(at time.Time) string {
	if at.IsZero() {
		return null
	}
	return at.UTC().Format(instant)
}
