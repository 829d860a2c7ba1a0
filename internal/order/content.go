package order

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The lists below name every stored column, once, in the order in which they are hashed. Merging, hashing and the question
// whether anything was left out walk the same lists, so a new column cannot be forgotten in one of them.

// mostColumns is the space for the columns of one row.
const mostColumns = 32

// column is a *Field of any type.
type column interface {
	Absent() bool
	fill(stored column)
	encode(b []byte) []byte
}

// columns appends the order's columns; so do those of lines and refunds. Whoever walks many of them brings the space.
func (o *Order) columns(to []column) []column {
	return append(to,
		&o.Number, &o.Status, &o.SourceStatus, &o.Currency,
		&o.Total, &o.Paid, &o.Discount, &o.ShippingFee, &o.Tax, &o.Refunded,
		&o.BuyerID, &o.BuyerName, &o.BuyerEmail,
		&o.Receiver, &o.ReceiverCountry, &o.ReceiverProvince, &o.ReceiverCity, &o.BuyerNote, &o.SellerNote,
		&o.OrderedAt, &o.PaidAt, &o.ShippedAt, &o.CompletedAt, &o.CancelledAt,
	)
}

func (i *Item) columns(to []column) []column {
	return append(to,
		&i.SKU, &i.ProductID, &i.VariantID, &i.Title, &i.Variant, &i.Quantity, &i.UnitPrice, &i.Discount, &i.Total,
		&i.Status, &i.RefundStatus, &i.ImageURL,
	)
}

func (r *Refund) columns(to []column) []column {
	return append(to, &r.LineID, &r.Amount, &r.Status, &r.Reason, &r.CreatedAt, &r.RefundedAt)
}

func (f *Field[T]) fill(stored column) {
	if other, ok := stored.(*Field[T]); ok {
		*f = f.Or(*other)
	}
}

func (f *Field[T]) encode(b []byte) []byte {
	if f.state != stateValue {
		return append(b, 0)
	}
	switch v := any(&f.value).(type) { // by its address, which costs no copy
	case *string:
		return appendText(append(b, 1), *v)
	case *Status:
		return appendText(append(b, 1), string(*v))
	case *Decimal:
		return appendText(append(b, 1), v.text)
	case *time.Time:
		return binary.BigEndian.AppendUint64(append(b, 1), uint64(v.UnixMicro()))
	default:
		// A column of a new type must be given its encoding here; silence would make different orders equal.
		panic(fmt.Sprintf("order: no encoding for a column of type %T", f.value))
	}
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Partial reports whether the remote left out anything, so that the stored row is needed to know what the order will be.
func (o *Order) Partial() bool {
	var space [mostColumns]column
	if o.MoreRefunds || anyAbsent(o.columns(space[:0])) || o.Items.Absent() || o.Refunds.Absent() {
		return true
	}
	for i := range o.Items.value {
		if anyAbsent(o.Items.value[i].columns(space[:0])) {
			return true
		}
	}
	for i := range o.Refunds.value {
		if anyAbsent(o.Refunds.value[i].columns(space[:0])) {
			return true
		}
	}
	return false
}

func anyAbsent(columns []column) bool {
	for _, c := range columns {
		if c.Absent() {
			return true
		}
	}
	return false
}

// Merge fills what the remote left out with what is stored: absence never clears. Lines and refunds that both know are merged
// field by field; a line that the remote dropped from a list it did send stays dropped, and so does a refund unless MoreRefunds is set.
func (o *Order) Merge(stored *Order) {
	fillAll(o.columns(nil), stored.columns(nil))
	o.Items = o.Items.Or(stored.Items)
	o.Refunds = o.Refunds.Or(stored.Refunds)
	lines := make(map[string]*Item, len(stored.Items.value))
	for i := range stored.Items.value {
		lines[stored.Items.value[i].LineID] = &stored.Items.value[i]
	}
	for i := range o.Items.value {
		if line := lines[o.Items.value[i].LineID]; line != nil {
			fillAll(o.Items.value[i].columns(nil), line.columns(nil))
		}
	}
	refunds := make(map[string]*Refund, len(stored.Refunds.value))
	for i := range stored.Refunds.value {
		refunds[stored.Refunds.value[i].ID] = &stored.Refunds.value[i]
	}
	for i := range o.Refunds.value {
		if refund := refunds[o.Refunds.value[i].ID]; refund != nil {
			fillAll(o.Refunds.value[i].columns(nil), refund.columns(nil))
			delete(refunds, refund.ID)
		}
	}
	if o.MoreRefunds && len(refunds) > 0 {
		o.addRefunds(refunds)
	}
}

// addRefunds keeps stored refunds beside those that came, in their stored order, and sums up anew what was paid back, which also decides
// between the status of an order that goes on and that of one of which something was paid back.
func (o *Order) addRefunds(stored map[string]*Refund) {
	sum := Some(Decimal{})
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		o.Refunds.value = append(o.Refunds.value, *stored[id])
	}
	for _, refund := range o.Refunds.value {
		if _, paid := refund.RefundedAt.Get(); !paid {
			continue
		}
		total, err := sum.Value().Plus(refund.Amount.Value())
		if err != nil || refund.Amount.Absent() {
			return // what came stays: a sum that is not whole would be wrong
		}
		sum = Some(total)
	}
	o.Refunded = sum
	switch o.Status.Value() {
	case StatusPaid, StatusPartiallyShipped, StatusShipped, StatusCompleted, StatusPartiallyRefunded:
		switch {
		case sum.Value().Zero():
		case sum.Value() == o.Paid.Value():
			o.Status = Some(StatusRefunded)
		default:
			o.Status = Some(StatusPartiallyRefunded)
		}
	}
}

func fillAll(columns, stored []column) {
	for i, c := range columns {
		c.fill(stored[i])
	}
}

// Hash is the order's content as it will be stored: every column with ModifiedAt, lines and refunds. What was left out counts
// as empty, so a partial order must be merged with its stored row first. FetchedAt is not content. Call [Order.Sort] first.
func (o *Order) Hash() [sha256.Size]byte {
	var space [mostColumns]column
	b := make([]byte, 0, 2048)
	b = append(b, 1) // the version of this encoding
	b = binary.BigEndian.AppendUint64(b, uint64(o.ModifiedAt.UnixMicro()))
	for _, c := range o.columns(space[:0]) {
		b = c.encode(b)
	}
	b = binary.AppendUvarint(b, uint64(len(o.Items.value)))
	for i := range o.Items.value {
		b = appendText(b, o.Items.value[i].LineID)
		for _, c := range o.Items.value[i].columns(space[:0]) {
			b = c.encode(b)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(o.Refunds.value)))
	for i := range o.Refunds.value {
		b = appendText(b, o.Refunds.value[i].ID)
		for _, c := range o.Refunds.value[i].columns(space[:0]) {
			b = c.encode(b)
		}
	}
	return sha256.Sum256(b)
}
