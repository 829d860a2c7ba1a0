package mysql

import (
	"fmt"
	"time"

	"ordersync/internal/order"
)

// This file is the second of the two conversions that data goes through: from order's types to SQL arguments, and back for merging.
// The order of the columns is that of storedColumns, lineColumns and refundColumns.

func textArg(f order.Field[string]) any {
	if v, ok := f.Get(); ok {
		return v
	}
	return nil
}

func decimalArg(f order.Field[order.Decimal]) any {
	if v, ok := f.Get(); ok {
		return v.String()
	}
	return nil
}

func timeArg(f order.Field[time.Time]) any {
	if v, ok := f.Get(); ok {
		return instantArg(v)
	}
	return nil
}

// instantArg cuts to the microseconds that the database holds (MySQL would round) and makes the zero time NULL.
func instantArg(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return order.Instant(t)
}

// orderArgs appends the arguments of one row of orders.
func orderArgs(args []any, o *order.Order, content, read []byte) []any {
	var status any
	if v, ok := o.Status.Get(); ok {
		status = string(v)
	}
	return append(args,
		string(o.Source), o.ID, textArg(o.Number), status, textArg(o.SourceStatus), textArg(o.Currency),
		decimalArg(o.Total), decimalArg(o.Paid), decimalArg(o.Discount), decimalArg(o.ShippingFee), decimalArg(o.Tax), decimalArg(o.Refunded),
		textArg(o.BuyerID), textArg(o.BuyerName), textArg(o.BuyerEmail),
		textArg(o.Receiver), textArg(o.ReceiverCountry), textArg(o.ReceiverProvince), textArg(o.ReceiverCity),
		textArg(o.BuyerNote), textArg(o.SellerNote),
		timeArg(o.OrderedAt), timeArg(o.PaidAt), timeArg(o.ShippedAt), timeArg(o.CompletedAt), timeArg(o.CancelledAt),
		instantArg(o.ModifiedAt), instantArg(o.FetchedAt), content, read)
}

// orderTargets are where a row of storedColumns is scanned to.
func orderTargets(o *order.Order) []any {
	return []any{
		text{&o.Number}, status{&o.Status}, text{&o.SourceStatus}, text{&o.Currency},
		decimal{&o.Total}, decimal{&o.Paid}, decimal{&o.Discount}, decimal{&o.ShippingFee}, decimal{&o.Tax}, decimal{&o.Refunded},
		text{&o.BuyerID}, text{&o.BuyerName}, text{&o.BuyerEmail},
		document{&o.Receiver}, text{&o.ReceiverCountry}, text{&o.ReceiverProvince}, text{&o.ReceiverCity},
		text{&o.BuyerNote}, text{&o.SellerNote},
		instant{&o.OrderedAt}, instant{&o.PaidAt}, instant{&o.ShippedAt}, instant{&o.CompletedAt}, instant{&o.CancelledAt},
		&o.ModifiedAt, &o.FetchedAt,
	}
}

// lineArgs appends the arguments of one row of order_items.
func lineArgs(args []any, o *order.Order, i *order.Item) []any {
	return append(args,
		string(o.Source), o.ID, i.LineID, textArg(i.SKU), textArg(i.ProductID), textArg(i.VariantID), textArg(i.Title), textArg(i.Variant),
		decimalArg(i.Quantity), decimalArg(i.UnitPrice), decimalArg(i.Discount), decimalArg(i.Total),
		textArg(i.Status), textArg(i.RefundStatus), textArg(i.ImageURL))
}

func lineTargets(i *order.Item) []any {
	return []any{
		&i.LineID, text{&i.SKU}, text{&i.ProductID}, text{&i.VariantID}, text{&i.Title}, text{&i.Variant},
		decimal{&i.Quantity}, decimal{&i.UnitPrice}, decimal{&i.Discount}, decimal{&i.Total},
		text{&i.Status}, text{&i.RefundStatus}, text{&i.ImageURL},
	}
}

// refundArgs appends the arguments of one row of refunds.
func refundArgs(args []any, o *order.Order, r *order.Refund) []any {
	return append(args,
		string(o.Source), r.ID, o.ID, textArg(r.LineID), decimalArg(r.Amount), textArg(r.Status), textArg(r.Reason),
		timeArg(r.CreatedAt), timeArg(r.RefundedAt))
}

func refundTargets(r *order.Refund) []any {
	return []any{
		&r.ID, text{&r.LineID}, decimal{&r.Amount}, text{&r.Status}, text{&r.Reason}, instant{&r.CreatedAt}, instant{&r.RefundedAt},
	}
}

// The types below scan a column into a Field: NULL becomes order.Null, because what is stored is never absent.

type text struct{ to *order.Field[string] }

func (t text) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.to = order.Null[string]()
	case []byte:
		*t.to = order.Some(string(v))
	case string:
		*t.to = order.Some(v)
	default:
		return fmt.Errorf("a text column holds a %T", v)
	}
	return nil
}

// document is JSON, which some servers lay out in their own way.
type document struct{ to *order.Field[string] }

func (d document) Scan(v any) error {
	if err := text(d).Scan(v); err != nil {
		return err
	}
	stored, ok := d.to.Get()
	if !ok {
		return nil
	}
	canonical, err := order.CanonicalJSON([]byte(stored))
	if err != nil {
		return fmt.Errorf("a stored JSON text does not parse")
	}
	*d.to = order.Some(canonical)
	return nil
}

type status struct{ to *order.Field[order.Status] }

func (s status) Scan(v any) error {
	var f order.Field[string]
	if err := (text{&f}).Scan(v); err != nil {
		return err
	}
	if word, ok := f.Get(); ok {
		*s.to = order.Some(order.Status(word))
	} else {
		*s.to = order.Null[order.Status]()
	}
	return nil
}

type decimal struct{ to *order.Field[order.Decimal] }

func (d decimal) Scan(v any) error {
	var f order.Field[string]
	if err := (text{&f}).Scan(v); err != nil {
		return err
	}
	number, ok := f.Get()
	if !ok {
		*d.to = order.Null[order.Decimal]()
		return nil
	}
	amount, _, err := order.ParseDecimal(number)
	if err != nil {
		return fmt.Errorf("a stored amount does not parse: %w", err)
	}
	*d.to = order.Some(amount)
	return nil
}

type instant struct{ to *order.Field[time.Time] }

func (i instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i.to = order.Null[time.Time]()
	case time.Time:
		*i.to = order.Some(v)
	default:
		return fmt.Errorf("a time column holds a %T", v)
	}
	return nil
}

// moment scans a time that may be NULL, which is the zero time.
type moment struct{ to *time.Time }

func (m moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m.to = time.Time{}
	case time.Time:
		*m.to = v
	default:
		return fmt.Errorf("a time column holds a %T", v)
	}
	return nil
}

// digest scans a BINARY(32) that may be NULL, which is the zero hash: no content has it.
type digest struct{ to *[32]byte }

func (d digest) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*d.to = [32]byte{}
	case []byte:
		if copy(d.to[:], v) != len(d.to) {
			return fmt.Errorf("a hash of %d bytes", len(v))
		}
	default:
		return fmt.Errorf("a hash column holds a %T", v)
	}
	return nil
}

// flag scans a condition.
type flag struct{ to *bool }

func (f flag) Scan(v any) error {
	switch v := v.(type) {
	case int64:
		*f.to = v != 0
	case []byte:
		*f.to = string(v) != "0"
	default:
		return fmt.Errorf("a condition holds a %T", v)
	}
	return nil
}
