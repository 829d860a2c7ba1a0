package trade

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

// record reads one record into an order by read, which is given the record's own object. It never fails: what cannot be understood is
// a dead letter. raw is what is kept of it.
func (r *Reader) record(text, raw []byte, fetchedAt time.Time, read func(d *decoder, o *order.Order, root object)) (rec order.Record) {
	o := &order.Order{Source: r.source, FetchedAt: order.Instant(fetchedAt), Raw: raw}
	defer func() {
		if p := recover(); p != nil {
			rec = r.dead(o, fmt.Errorf("ordersync itself failed on it: %s", describe(p)))
		}
	}()
	depth := depthOf(text)
	if depth > maxNesting {
		return r.dead(o, errTooDeep)
	}
	if !gjson.ValidBytes(text) {
		return r.dead(o, errNotWhole)
	}
	d := r.decoder()
	root := d.open("", gjson.ParseBytes(text))
	d.readKey(o, root)
	switch {
	case len(raw) > maxRecord:
		d.err = fmt.Errorf("it is %d bytes long, at most %d are taken; its beginning is kept", len(raw), maxRecord)
	case depth > maxDepth:
		d.err = errTooDeep
	default:
		read(d, o, root)
	}
	if d.err == nil {
		o.Sort()
		d.err = o.Validate()
	}
	if d.err != nil {
		return r.dead(o, d.err)
	}
	o.Rounded, o.Repaired = d.rounded, d.repaired
	return order.Record{Order: o}
}

// readKey reads id and version, so that also a dead letter has them.
func (d *decoder) readKey(o *order.Order, root object) {
	o.ID = d.id(root, "tid", "tid_str")
	if o.ID == "" {
		d.fail(root, "tid", errMissing)
	}
	at, ok := d.moment(root, "modified").Get()
	if !ok {
		d.fail(root, "modified", errMissing)
	}
	o.ModifiedAt = at
}

// dead makes a dead letter, with as much of its key and version as could be read. A time that cannot be is no version: it would keep
// every later good record out.
func (r *Reader) dead(o *order.Order, reason error) order.Record {
	letter := &order.DeadLetter{Source: r.source, ID: o.ID, Reason: reason.Error(), Payload: o.Raw}
	if letter.ID == "" || order.ValidateID("tid", letter.ID) != nil {
		letter.ID = order.PayloadID(o.Raw)
	}
	if len(o.Raw) > maxRecord {
		letter.Payload = o.Raw[:maxRecord:maxRecord]
	}
	letter.Version.FetchedAt = o.FetchedAt
	if believable(o.ModifiedAt, o.FetchedAt) {
		letter.Version.ModifiedAt = o.ModifiedAt
	}
	return order.Record{Dead: letter}
}

// describe names a panic without its text, which may quote the record.
func describe(p any) string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, "/taobao/trade.") || !more {
			return fmt.Sprintf("%T in %s, line %d", p, frame.Function[strings.LastIndexByte(frame.Function, '/')+1:], frame.Line)
		}
	}
}

// Thin reads one row of a list: an order with only its id and version, and the time by which the list was filtered, which is zero where
// it could not be read. A row that cannot be understood is a dead letter.
//
// A row of a refund ([ByRefund]) stands for the trade that it belongs to; its version is the refund's time of change, and Refunds holds
// the refund alone. Two refunds of one trade are two rows of one order: whoever counts rows against a total must know it.
func (r *Reader) Thin(row []byte, by By, fetchedAt time.Time) (rec order.Record, at time.Time) {
	rec = r.record(row, row, fetchedAt, func(d *decoder, o *order.Order, root object) {
		switch by {
		case ByModified:
			at = o.ModifiedAt
		case ByCreated:
			created, ok := d.moment(root, "created").Get()
			if !ok {
				d.fail(root, "created", errMissing)
			}
			if ok && !believable(created, fetchedAt) {
				d.fail(root, "created", fmt.Errorf("a time that cannot be (year %d)", created.Year()))
			}
			at = created
		case ByRefund:
			at = o.ModifiedAt
			o.Refunds = order.Some([]order.Refund{d.refund(root)})
		}
	})
	if !believable(at, fetchedAt) {
		at = time.Time{}
	}
	return rec, at
}

// believable reports whether a time can be one of an order that was fetched then.
func believable(at, fetchedAt time.Time) bool {
	probe := order.Order{ID: "1", ModifiedAt: at, FetchedAt: fetchedAt}
	return probe.Validate() == nil
}

// errRowOnly is the reason for which a row of a list is not taken for a whole order.
var errRowOnly = errors.New("only the row of a list is kept of it, because its detail could not be had: " +
	"it is stored whole as soon as `ordersyncd order SOURCE TID` gets it, or with its next change")

// Decode reads a stored payload again, as it came at fetchedAt: what Whole left in the Raw of an order or the Payload of a dead letter.
// A row of a list stays a dead letter, because an order without its detail would pass for a known one and never be completed.
func (r *Reader) Decode(payload []byte, fetchedAt time.Time) order.Record {
	if len(payload) > maxRecord || depthOf(payload) > maxNesting || !gjson.ValidBytes(payload) {
		return r.Whole(payload, nil, false, fetchedAt)
	}
	text, kept := split(payload)
	if refunds, err := r.keptRefunds(kept); err != nil || len(refunds) > 0 {
		if err != nil {
			refunds = nil
		}
		return r.whole(text, payload, refunds, err == nil, fetchedAt)
	}
	if !isWhole(text) {
		return r.record(text, payload, fetchedAt, func(d *decoder, _ *order.Order, root object) {
			if d.err == nil {
				d.err = errRowOnly
			}
		})
	}
	return r.whole(text, payload, nil, len(r.RefundsOf(text)) == 0, fetchedAt)
}

// isWhole tells a trade of fullinfo from a row of a list: a row has none of these keys, but for a refund's, which has a refund_id.
func isWhole(text []byte) bool {
	v := gjson.ParseBytes(text)
	if v.Get("refund_id").Exists() {
		return false
	}
	for _, key := range [...]string{"orders", "payment", "type", "total_fee", "buyer_open_uid", "buyer_nick", "seller_nick"} {
		if v.Get(key).Exists() {
			return true
		}
	}
	return false
}
