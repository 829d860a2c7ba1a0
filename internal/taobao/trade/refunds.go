package trade

import (
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// RefundsOf returns the ids of the refunds that the lines of a trade name, each once, in the order of the lines. A line without refund
// keeps none; one whose refund was closed does.
func (r *Reader) RefundsOf(trade []byte) (ids []string) {
	if depthOf(trade) > maxNesting || !gjson.ValidBytes(trade) {
		return nil
	}
	trade, _ = split(trade)
	d := r.decoder()
	d.quiet = true
	goods, services := d.lines(d.open("", gjson.ParseBytes(trade)))
	for _, l := range slices.Concat(goods, services) {
		if l.refundID != "" && l.RefundStatus.Value() != noRefund && !slices.Contains(ids, l.refundID) {
			ids = append(ids, l.refundID)
		}
	}
	return ids
}

// Refund reads a refund: a row of taobao.refunds.receive.get or the object of taobao.refund.get. modified is zero, and tid empty, where
// the answer lacks them. An error is of the kind fault.Rejected: the refund cannot be understood or stored.
//
// The gateway has no time of its own for the moment at which the money went back; it is the refund's time of change once it succeeded.
func (r *Reader) Refund(row []byte) (tid string, refund order.Refund, modified time.Time, err error) {
	if len(row) > maxRecord || depthOf(row) > maxDepth || !gjson.ValidBytes(row) {
		return "", order.Refund{}, time.Time{}, fault.Errorf(fault.Rejected, "refund: %w", errNotWhole)
	}
	d := r.decoder()
	root := d.open("refund ", gjson.ParseBytes(row))
	refund = d.refund(root)
	tid, modified = d.id(root, "tid", "tid_str"), d.moment(root, "modified").Value()
	if d.err == nil {
		probe := order.Order{ID: "1", ModifiedAt: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Refunds: order.Some([]order.Refund{refund})}
		d.err = probe.Validate()
	}
	if d.err != nil {
		return "", order.Refund{}, time.Time{}, fault.New(fault.Rejected, d.err)
	}
	return tid, refund, modified, nil
}

func (d *decoder) refund(root object) order.Refund {
	refund := order.Refund{
		ID: d.id(root, "refund_id"), Amount: d.amount(root, "refund_fee"), Status: d.text(root, "status"), Reason: d.text(root, "reason"),
		CreatedAt: d.moment(root, "created"),
	}
	if refund.ID == "" {
		d.fail(root, "refund_id", errMissing)
	}
	if line := d.id(root, "oid"); line != "" {
		refund.LineID = order.Some(line)
	}
	if refund.Status.Value() == refundSuccess {
		refund.RefundedAt = d.moment(root, "modified")
	}
	d.meet("refund status", refund.Status.Value())
	return refund
}

// keep writes what is stored of a refund under the gateway's names, so that [Reader.Refund] reads it back.
func keep(refund order.Refund) string {
	kept := map[string]string{"refund_id": refund.ID}
	for key, text := range map[string]order.Field[string]{"oid": refund.LineID, "status": refund.Status, "reason": refund.Reason} {
		if !text.Absent() {
			kept[key] = text.Value()
		}
	}
	if amount, ok := refund.Amount.Get(); ok {
		kept["refund_fee"] = amount.String()
	}
	for key, moment := range map[string]order.Field[time.Time]{"created": refund.CreatedAt, "modified": refund.RefundedAt} {
		if at, ok := moment.Get(); ok {
			kept[key] = at.In(gmt8()).Format(time.DateTime)
		}
	}
	text, _ := encode(kept) // texts always can be written
	return text
}

// keptRefunds reads the refunds of a stored payload.
func (r *Reader) keptRefunds(kept []byte) (refunds []order.Refund, err error) {
	gjson.ParseBytes(kept).ForEach(func(_, v gjson.Result) bool {
		var refund order.Refund
		_, refund, _, err = r.Refund([]byte(v.Raw))
		refunds = append(refunds, refund)
		return err == nil
	})
	return refunds, err
}

// names reports whether the refunds can be the whole list: the trade came with its lines, and none of them is under refund without
// saying which, unless one of these refunds is for it.
func (t *trade) names(refunds []order.Refund) bool {
	for _, l := range t.lines {
		word := l.RefundStatus.Value()
		if l.refundID != "" || word == "" || word == noRefund {
			continue
		}
		if !slices.ContainsFunc(refunds, func(r order.Refund) bool { return r.LineID.Value() == l.LineID }) {
			return false
		}
	}
	return len(t.lines) > 0
}

// anyRefunded reports whether money went back for anything.
func (t *trade) anyRefunded() bool {
	if t.refundsKnown && len(t.refunds) > 0 {
		return slices.ContainsFunc(t.refunds, func(r order.Refund) bool { return r.Status.Value() == refundSuccess })
	}
	return slices.ContainsFunc(t.lines, func(l line) bool { return l.RefundStatus.Value() == refundSuccess })
}

// allRefunded reports whether all that was paid went back.
func (t *trade) allRefunded() bool {
	sum, ok := t.refunded()
	paid := t.paid()
	return ok && !paid.Absent() && !paid.Value().Zero() && micros(sum).Cmp(micros(paid.Value())) >= 0
}

// refunded is the sum of the refunds that succeeded; ok is false where one is not known.
func (t *trade) refunded() (sum order.Decimal, ok bool) {
	if !t.refundsKnown {
		return order.Decimal{}, false
	}
	total := micros(order.Decimal{})
	for _, refund := range t.refunds {
		if refund.Status.Value() != refundSuccess {
			continue
		}
		amount, ok := refund.Amount.Get()
		if !ok {
			return order.Decimal{}, false
		}
		total.Add(total, micros(amount))
	}
	sum, _, err := order.ParseDecimal(decimalText(total))
	return sum, err == nil
}
