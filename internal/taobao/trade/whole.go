package trade

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

// currency is what every amount of the gateway is in.
const currency = "CNY"

// Whole reads the trade object of taobao.trade.fullinfo.get, with the refunds that were asked for by [Reader.RefundsOf]. refundsKnown is
// false where they could not be had: the stored ones then stay. They stay also where the trade came without its lines, or where a line
// is under refund and does not name it, as in promotion hours: nobody can know then that the list is whole.
//
// Raw is the trade byte for byte; where it has refunds, {"trade":...,"refunds":[...]}, with the trade byte for byte and of each
// refund what is stored, under the gateway's names. [Reader.Decode] and [Reader.Parcels] read both.
//
// How the columns are filled: total is `payment`, what the buyer pays in all. discount is the trade's own discount_fee; that of a line
// is in its total, so that total = lines + shipping_fee - discount. paid is `payment` once it was paid, the deposit of a presale until
// then, and with cash on delivery nothing before the parcel is signed for. A refund leaves all three as they are. The buyer is
// buyer_open_uid, which stays the same for one app key. The receiver is only taken whole: name and address, and where these are masked
// with the oaid, because a receiver without it would clear the stored one.
//
// An answer that lacks its lines, its payment or its refunds counts as fetched when the trade last changed, not when it came: no better
// answer is kept out by it, and whoever lists the trade again finds that what is stored may be short of something, and asks again.
func (r *Reader) Whole(trade []byte, refunds []order.Refund, refundsKnown bool, fetchedAt time.Time) order.Record {
	raw := trade
	if refundsKnown && len(refunds) > 0 && depthOf(trade) <= maxNesting && gjson.ValidBytes(trade) {
		raw = join(trade, refunds)
	}
	return r.whole(trade, raw, refunds, refundsKnown, fetchedAt)
}

func (r *Reader) whole(text, raw []byte, refunds []order.Refund, refundsKnown bool, fetchedAt time.Time) order.Record {
	var differs, short bool
	rec := r.record(text, raw, fetchedAt, func(d *decoder, o *order.Order, root object) {
		t := d.trade(root)
		if refundsKnown && t.names(refunds) {
			t.refunds, t.refundsKnown = newest(refunds), true
		}
		d.fill(o, t)
		differs = !t.addsUp()
		short = len(t.lines) == 0 || t.payment.Absent() || !t.refundsKnown
	})
	if o := rec.Order; o != nil {
		if differs {
			r.differences.Add(1)
		}
		if short && o.ModifiedAt.Before(o.FetchedAt) {
			o.FetchedAt = o.ModifiedAt
		}
	}
	return rec
}

// trade is what one trade says, as far as more than one column hangs on it.
type trade struct {
	root object
	// word, step, kind and cod are status, step_trade_status, type and cod_status; empty where they are missing.
	word, step, kind, cod string
	payment, deposit      order.Field[order.Decimal]
	postage, discount     order.Field[order.Decimal]
	goodsFee              order.Field[order.Decimal] // total_fee
	paidAt, endedAt       order.Field[time.Time]
	lines, services       []line
	refunds               []order.Refund
	refundsKnown          bool
}

func (d *decoder) trade(root object) *trade {
	t := &trade{
		root: root,
		word: d.word(root, "status"), step: d.word(root, "step_trade_status"), kind: d.word(root, "type"), cod: d.word(root, "cod_status"),
		payment: d.amount(root, "payment"), deposit: d.amount(root, "step_paid_fee"),
		postage: d.amount(root, "post_fee"), discount: d.amount(root, "discount_fee"), goodsFee: d.amount(root, "total_fee"),
		paidAt: d.moment(root, "pay_time"), endedAt: d.moment(root, "end_time"),
	}
	t.lines, t.services = d.lines(root)
	d.meet("step_trade_status", t.step)
	d.meet("cod_status", t.cod)
	return t
}

// fill fills the order's columns.
func (d *decoder) fill(o *order.Order, t *trade) {
	o.Number, o.Currency = order.Some(o.ID), order.Some(currency)
	if t.word != "" {
		status, known := t.status()
		if !known {
			d.r.count(t.word)
		}
		o.Status, o.SourceStatus = order.Some(status), order.Some(t.word)
	}
	o.Total, o.Paid, o.Discount, o.ShippingFee = t.payment, t.paid(), t.discount, t.postage
	o.Tax = d.amount(t.root, "order_tax_fee")
	o.BuyerID, o.BuyerName = d.text(t.root, "buyer_open_uid"), d.text(t.root, "buyer_nick")
	o.BuyerEmail = d.text(t.root, "buyer_email")
	o.BuyerNote, o.SellerNote = d.text(t.root, "buyer_message"), d.text(t.root, "seller_memo")
	d.fillReceiver(o, t.root)
	o.OrderedAt, o.PaidAt, o.ShippedAt = d.moment(t.root, "created"), t.paidAt, d.shippedAt(t)
	switch t.word {
	case finished:
		o.CompletedAt = t.endedAt
	case closedAfterPayment, closedBeforePayment:
		o.CancelledAt = t.endedAt
	}
	if len(t.lines) > 0 {
		o.Items = order.Some(t.items())
	}
	if t.refundsKnown {
		// A line names its newest refund alone: one before it, which may have been paid, must not vanish.
		o.Refunds, o.MoreRefunds = order.Some(t.refunds), true
		if sum, ok := t.refunded(); ok {
			o.Refunded = order.Some(sum)
		}
	}
}

// shippedAt is when the first parcel left.
func (d *decoder) shippedAt(t *trade) order.Field[time.Time] {
	if at := d.moment(t.root, "consign_time"); !at.Absent() {
		return at
	}
	var first order.Field[time.Time]
	for _, l := range t.lines {
		if at, ok := l.shippedAt.Get(); ok && (first.Absent() || at.Before(first.Value())) {
			first = l.shippedAt
		}
	}
	return first
}

// unpaid reports whether nothing of the payment has come: by the trade's own word, or because it comes with the parcel.
func (t *trade) unpaid() bool {
	if t.word == closedBeforePayment || statuses[t.word] == order.StatusPendingPayment {
		return true
	}
	return t.cashOnDelivery() && t.paidAt.Absent() && t.word != buyerSigned && t.word != finished
}

// cashOnDelivery: by its type, or where that is missing by a word that only such trades carry. NEW_CREATED stands on others too.
func (t *trade) cashOnDelivery() bool {
	return cashOnDelivery[t.kind] || t.kind == "" && t.cod != "" && t.cod != "NEW_CREATED"
}

// paid is what the buyer has paid so far; absent where that cannot be told.
func (t *trade) paid() order.Field[order.Decimal] {
	_, known := statuses[t.word]
	switch {
	case t.word == "":
		return order.Field[order.Decimal]{}
	case t.step == depositPaid || t.step == depositForfeited:
		return t.deposit
	case t.step == depositUnpaid || t.unpaid():
		return order.Some(order.Decimal{})
	case known || !t.paidAt.Absent():
		return t.payment
	}
	return order.Field[order.Decimal]{}
}

// status translates the trade's word; known is false where it has no translation. A trade that goes on after money went back is
// partially_refunded, or refunded where all of it did. One that closed after payment is refunded, unless nothing went back: a parcel
// with cash on delivery that was never paid for, and a presale whose deposit is forfeited, are cancelled.
func (t *trade) status() (status order.Status, known bool) {
	status, known = statuses[t.word]
	switch status {
	case "":
		return order.StatusUnknown, false
	case order.StatusRefunded:
		if t.step == depositForfeited || !t.anyRefunded() && t.unpaid() {
			status = order.StatusCancelled
		}
	case order.StatusPaid, order.StatusPartiallyShipped, order.StatusShipped, order.StatusCompleted:
		switch {
		case t.allRefunded():
			status = order.StatusRefunded
		case t.anyRefunded():
			status = order.StatusPartiallyRefunded
		}
	}
	return status, known
}

// fillReceiver takes the address as it comes. Its places have columns of their own, which are filled one by one.
func (d *decoder) fillReceiver(o *order.Order, root object) {
	address, masked := map[string]string{}, false
	for _, key := range [...]string{
		"receiver_name", "receiver_country", "receiver_state", "receiver_city", "receiver_district", "receiver_town", "receiver_address",
		"receiver_zip", "receiver_mobile", "receiver_phone", "oaid",
	} {
		text := d.text(root, key)
		switch key {
		case "receiver_country":
			o.ReceiverCountry = text
		case "receiver_state":
			o.ReceiverProvince = text
		case "receiver_city":
			o.ReceiverCity = text
		}
		if !text.Absent() {
			address[key] = text.Value()
			masked = masked || strings.Contains(text.Value(), "*")
		}
	}
	if address["receiver_name"] == "" || address["receiver_address"] == "" || masked && address["oaid"] == "" {
		return
	}
	text, err := encode(address)
	if err == nil {
		text, err = order.CanonicalJSON([]byte(text))
	}
	if err != nil {
		d.fail(root, "receiver", err)
		return
	}
	o.Receiver = order.Some(text)
}

// encode writes JSON without the escapes that only web pages need.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// join is a trade with its refunds, for [split] to take apart.
func join(trade []byte, refunds []order.Refund) []byte {
	b := bytes.NewBufferString(`{"trade":`)
	b.Write(trade)
	b.WriteString(`,"refunds":[`)
	for i, refund := range refunds {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(keep(refund))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// split takes a stored payload apart. kept is empty where it holds no refunds.
func split(payload []byte) (trade, kept []byte) {
	if !gjson.ValidBytes(payload) {
		return payload, nil
	}
	whole := gjson.ParseBytes(payload)
	inner := whole.Get("trade")
	if !inner.IsObject() || whole.Get("tid").Exists() {
		return payload, nil
	}
	return []byte(inner.Raw), []byte(whole.Get("refunds").Raw)
}

// newest keeps the last of refunds with the same id.
func newest(refunds []order.Refund) []order.Refund {
	list := make([]order.Refund, 0, len(refunds))
	for _, refund := range refunds {
		if i := slices.IndexFunc(list, func(r order.Refund) bool { return r.ID == refund.ID }); i >= 0 {
			list[i] = refund
			continue
		}
		list = append(list, refund)
	}
	return list
}
