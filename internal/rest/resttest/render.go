package resttest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts can be written
	}
	return string(b)
}

// object writes a JSON object key by key.
type object struct {
	b     strings.Builder
	begun bool
}

func (o *object) add(key, raw string) {
	if o.begun {
		o.b.WriteByte(',')
	}
	o.begun = true
	o.b.WriteString(quote(key) + ":" + raw)
}

func (o *object) addAll(extra map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		o.add(key, extra[key])
	}
}

func (o *object) String() string { return "{" + o.b.String() + "}" }

// render writes an order as this shop does.
func (s Shop) render(o Order) string {
	poison := o.Poison
	if s.Mass != "" {
		poison = s.Mass
	}
	if poison == NotAnObject {
		return "42"
	}
	w := &object{}
	add := func(key, raw string) {
		if slices.Contains(o.Omit, key) {
			return
		}
		if slices.Contains(o.Null, key) {
			raw = "null"
		}
		name := key
		if renamed, ok := s.Keys[key]; ok {
			name = renamed
		}
		outer, inner, nested := strings.Cut(name, ".")
		if nested {
			name, raw = outer, "{"+quote(inner)+":"+raw+"}"
		}
		w.add(name, raw)
	}
	switch poison {
	case NoID:
	case NullID:
		add("id", "null")
	case BadUTF8:
		add("id", "\"caf\xe9-"+o.ID+`"`)
	default:
		add("id", s.id(o.ID))
	}
	add("number", quote(o.Number))
	add("status", quote(o.Status))
	add("currency", quote(o.Currency))
	add("total", s.total(o, poison))
	add("customer_id", s.id(o.CustomerID))
	add("created_at", s.time(o.Created, poison))
	add("updated_at", s.time(o.Modified, poison))
	note := quote(o.Note)
	if poison == HugeNote {
		note = `"` + strings.Repeat("x", 2<<20) + `"`
	}
	add("note", note)
	add("line_items", s.lines(o, poison))
	w.addAll(o.Extra)
	switch poison {
	case TwiceKey:
		add("status", quote("refunded"))
	case FoldedKey:
		w.add("Status", quote("refunded"))
	case DeepNesting:
		w.add("meta", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))
	}
	return w.String()
}

func (s Shop) total(o Order, poison Poison) string {
	if poison == BadMoney {
		return quote("1,234.50 dollars")
	}
	return s.number(o.Total)
}

func (s Shop) lines(o Order, poison Poison) string {
	lines := make([]string, 0, len(o.Lines))
	for _, line := range o.Lines {
		l := &object{}
		if line.ID != "" {
			l.add("id", s.id(line.ID))
		}
		l.add("sku", quote(line.SKU))
		l.add("name", quote(line.Name))
		quantity := s.number(line.Quantity)
		if poison == BadQuantity {
			quantity = "[1]"
		}
		l.add("quantity", quantity)
		l.add("price", s.number(line.Price))
		l.addAll(line.Extra)
		lines = append(lines, l.String())
	}
	return "[" + strings.Join(lines, ",") + "]"
}

func (s Shop) id(id string) string {
	if _, err := strconv.ParseUint(id, 10, 64); err != nil || s.TextIDs || len(id) > 1 && id[0] == '0' {
		return quote(id)
	}
	return id
}

func (s Shop) number(text string) string {
	if s.NumberAmounts && text != "" {
		return text
	}
	return quote(text)
}

func (s Shop) time(t time.Time, poison Poison) string {
	if poison == BadTime {
		return quote("9999-12-31T23:59:59Z")
	}
	layout := s.Layout
	if layout == "" {
		layout = time.RFC3339
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	return quote(t.In(zone).Format(layout))
}
