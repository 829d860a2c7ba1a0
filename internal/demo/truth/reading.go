package truth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Reading says which column is read from where. Every column of the tables that is not ours must be named; one without paths is
// NULL, because the source's description does not map it.
type Reading struct {
	Order, Line []Field
	// Lines and LineID are the candidate paths of the list of lines, and of a line's id.
	Lines, LineID []string
	// Words maps the shop's words for a status, in small letters and with underscores, to ours.
	Words map[string]string
}

// Field is one column.
type Field struct {
	Column string
	Kind   Kind
	// Paths are dotted; the first counts that is there and not null.
	Paths []string
}

// Kind is what a column holds.
type Kind int

// The kinds. Upper is text in capitals, Word a status in our words, Document JSON, Beijing an instant that is written in GMT+8.
const (
	Text Kind = iota
	Upper
	Word
	Amount
	Instant
	Document
	Beijing
)

// USServer is how the preset us-server reads a record. The columns that it leaves out stay NULL.
func USServer() Reading {
	return Reading{
		Order: []Field{
			{"number", Text, []string{"number", "order_number", "order_no", "name"}},
			{"status", Word, []string{"status", "order_status"}},
			{"source_status", Text, []string{"status", "order_status"}},
			{"currency", Upper, []string{"currency", "currency_code"}},
			{"total", Amount, []string{"total", "total_price", "total_amount", "amount"}},
			{"paid", Amount, nil}, {"discount", Amount, nil}, {"shipping_fee", Amount, nil}, {"tax", Amount, nil}, {"refunded", Amount, nil},
			{"buyer_id", Text, []string{"user_id", "customer_id", "customer.id"}},
			{"buyer_name", Text, nil}, {"buyer_email", Text, nil},
			{"receiver", Document, nil}, {"receiver_country", Text, nil}, {"receiver_province", Text, nil}, {"receiver_city", Text, nil},
			{"buyer_note", Text, nil}, {"seller_note", Text, nil},
			{"ordered_at", Instant, []string{"created_at", "date_created", "order_date"}},
			{"paid_at", Instant, nil}, {"shipped_at", Instant, nil}, {"completed_at", Instant, nil}, {"cancelled_at", Instant, nil},
			{"modified_at", Instant, []string{"updated_at", "modified_at", "date_modified", "created_at", "date_created", "order_date"}},
			{"gone_at", Instant, nil},
		},
		Line: []Field{
			{"sku", Text, []string{"sku"}},
			{"product_id", Text, nil}, {"variant_id", Text, nil},
			{"title", Text, []string{"name", "title"}},
			{"variant", Text, nil},
			{"quantity", Amount, []string{"quantity", "qty"}},
			{"unit_price", Amount, []string{"price", "unit_price"}},
			{"discount", Amount, nil}, {"total", Amount, nil}, {"status", Text, nil}, {"refund_status", Text, nil}, {"image_url", Text, nil},
		},
		Lines:  []string{"line_items", "items", "lines", "products"},
		LineID: []string{"id", "line_id", "line_no"},
		Words: map[string]string{
			"pending": "pending_payment", "pending_payment": "pending_payment", "awaiting_payment": "pending_payment",
			"unpaid": "pending_payment", "on_hold": "pending_payment",
			"paid": "paid", "processing": "paid", "awaiting_fulfillment": "paid", "awaiting_shipment": "paid",
			"partially_shipped": "partially_shipped", "partially_fulfilled": "partially_shipped",
			"shipped": "shipped", "fulfilled": "shipped", "dispatched": "shipped",
			"delivered": "completed", "completed": "completed", "complete": "completed",
			"cancelled": "cancelled", "canceled": "cancelled", "voided": "cancelled", "failed": "cancelled",
			"partially_refunded": "partially_refunded", "refunded": "refunded",
		},
	}
}

// With returns the reading with further columns mapped: what a configuration adds to its preset. A column is written as in the table;
// those of lines begin with "line ".
func (r Reading) With(paths map[string][]string) Reading {
	add := func(fields []Field, prefix string) []Field {
		changed := make([]Field, len(fields))
		for i, f := range fields {
			if p, ok := paths[prefix+f.Column]; ok {
				f.Paths = p
			}
			changed[i] = f
		}
		return changed
	}
	r.Order, r.Line = add(r.Order, ""), add(r.Line, "line ")
	return r
}

// expect reads what the tables should hold. A shop of this kind has no refunds and parcels there.
func (s Shop) expect() (expected, error) {
	want := map[string]map[string]row{"orders": {}, "order_items": {}, "order_raw": {}}
	for _, text := range s.Records {
		record, err := decode(text)
		if err != nil {
			return expected{}, fmt.Errorf("a record of the shop: %w", err)
		}
		id, err := s.expectOne(record, want)
		if err != nil {
			return expected{}, fmt.Errorf("the shop's order %s: %w", id, err)
		}
		if want["order_raw"][id] != nil {
			return expected{}, fmt.Errorf("the shop has two orders %s", id)
		}
		want["order_raw"][id] = row{"payload": string(text)}
	}
	return expected{tables: want}, nil
}

// expectOne adds what one record means.
func (s Shop) expectOne(record any, want map[string]map[string]row) (id string, err error) {
	if id = plain(first(record, []string{"id", "order_id"})); id == "" {
		return "?", errors.New("it has no id")
	}
	want["orders"][id] = s.Reading.row(s.Reading.Order, record)
	lines, ok := first(record, s.Reading.Lines).([]any)
	if !ok {
		return id, nil
	}
	unnamed := map[string]int{}
	for _, line := range lines {
		lineID := plain(first(line, s.Reading.LineID))
		if lineID == "" {
			// A line without an id is called by its SKU and its place among those of that SKU.
			sku := plain(first(line, []string{"sku"}))
			unnamed[sku]++
			lineID = fmt.Sprintf("%s#%d", sku, unnamed[sku])
		}
		want["order_items"][keyOf(id, lineID)] = s.Reading.row(s.Reading.Line, line)
	}
	return id, nil
}

func (r Reading) row(fields []Field, record any) row {
	result := row{}
	for _, f := range fields {
		value, err := r.fromShop(f.Kind, first(record, f.Paths))
		if err != nil {
			value = "(" + err.Error() + ")" // no table can hold it
		}
		result[f.Column] = value
	}
	return result
}

// decode reads JSON, numbers as they are written.
func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

// first returns what stands at the first path that is there and not null.
func first(record any, paths []string) any {
	for _, path := range paths {
		v := record
		for key := range strings.SplitSeq(path, ".") {
			object, _ := v.(map[string]any)
			v = object[key]
		}
		if v != nil {
			return v
		}
	}
	return nil
}
