package trade

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

const (
	// maxRecord is the longest record that is taken; of a longer one that much is kept as a dead letter.
	maxRecord = 1 << 20
	// maxDepth is how deep a record may be nested; maxNesting is how deep one is parsed at all, for its id.
	maxDepth, maxNesting = 64, 20_000
	// maxEntries bounds the lines of one order: in memory they are much larger than on the wire.
	maxEntries = 10_000
)

// The errors below say what stood there and never quote it.
var (
	errNotText   = errors.New("an object or a list where a text is expected")
	errNotList   = errors.New("something else where a list is expected")
	errNotObject = errors.New("something else where an object is expected")
	errNotID     = errors.New("neither a whole number in digits nor a text of digits")
	errNotAmount = errors.New("neither a number nor a text with one")
	errNotTime   = errors.New("no time written as year-month-day hour:minute:second")
	errMissing   = errors.New("it is missing or empty")
	errTwo       = errors.New("its number and its text twin differ")
	errNotWhole  = errors.New("it is not whole JSON")
	errTooDeep   = fmt.Errorf("it is nested more than %d levels deep", maxDepth)
)

// gmt8 is the zone of every time that the gateway says.
func gmt8() *time.Location { return time.FixedZone("GMT+8", 8*3600) }

// object is a JSON object by those of its keys that matter and are not null.
type object struct {
	// prefix stands before the names of its keys in a reason: "line ".
	prefix string
	keys   map[string]gjson.Result
}

// decoder reads one record. It keeps the first thing that it could not understand and goes on, so that whatever can be read is.
type decoder struct {
	r    *Reader
	zone *time.Location
	// quiet: what is read has been or will be read in full, so that its unknown words are not counted here.
	quiet             bool
	rounded, repaired int
	err               error
}

func (r *Reader) decoder() *decoder { return &decoder{r: r, zone: gmt8()} }

func (d *decoder) fail(o object, key string, err error) {
	if d.err == nil && err != nil {
		d.err = fmt.Errorf("%s%s: %w", o.prefix, key, err)
	}
}

// open takes an object apart. A key that matters and stands there twice, also in other capitals, says nothing that could be believed.
func (d *decoder) open(prefix string, v gjson.Result) object {
	o := object{prefix: prefix, keys: map[string]gjson.Result{}}
	if !v.IsObject() {
		if d.err == nil {
			d.err = fmt.Errorf("%s%w", subject(prefix), errNotObject)
		}
		return o
	}
	met := map[string]string{} // keys as they were spelt
	v.ForEach(func(name, value gjson.Result) bool {
		key := strings.ToLower(name.Str)
		if !d.r.known[key] {
			return true
		}
		before, twice := met[key]
		met[key] = name.Str
		switch {
		case twice && (before == key || name.Str == key):
			delete(o.keys, key)
			met[key] = key
			if d.err == nil {
				d.err = fmt.Errorf("%sthe key %q stands there twice", subject(prefix), key)
			}
		case name.Str == key && value.Type != gjson.Null:
			o.keys[key] = value
		}
		return true
	})
	return o
}

// subject is a prefix as the beginning of a sentence about the whole object.
func subject(prefix string) string {
	if prefix == "" {
		return ""
	}
	return strings.TrimRight(prefix, ": ") + ": "
}

// list returns the objects of a list, which the gateway wraps: "orders":{"order":[...]}. One without entries counts as absent: the
// gateway leaves the outer key of an empty list out, and what it leaves out never clears.
func (d *decoder) list(o object, outer, inner string) (entries []gjson.Result) {
	v, ok := o.keys[outer]
	if !ok {
		return nil
	}
	if v.IsObject() {
		v = d.open(o.prefix+outer+": ", v).keys[inner]
	}
	switch {
	case v.Raw == "":
		return nil
	case v.IsObject():
		return []gjson.Result{v} // as whoever translates from XML writes a list of one
	case !v.IsArray():
		d.fail(o, outer, errNotList)
		return nil
	}
	v.ForEach(func(_, entry gjson.Result) bool {
		if len(entries) == maxEntries {
			d.fail(o, outer, fmt.Errorf("more than %d entries", maxEntries))
			return false
		}
		entries = append(entries, entry)
		return true
	})
	return entries
}

// text reads a text, or the very digits of a number. An empty one is a text that was emptied.
func (d *decoder) text(o object, key string) order.Field[string] {
	v, ok := o.keys[key]
	if !ok {
		return order.Field[string]{}
	}
	switch v.Type {
	case gjson.String:
		if v.Str == "" {
			return order.Null[string]()
		}
		return order.Some(d.clean(v.Str))
	case gjson.Number, gjson.True, gjson.False:
		return order.Some(v.Raw)
	}
	d.fail(o, key, errNotText)
	return order.Field[string]{}
}

// either is the first of two texts that has a value.
func either(first, second order.Field[string]) order.Field[string] {
	if _, ok := first.Get(); ok || second.Absent() {
		return first
	}
	return second
}

// clean replaces bytes that are not UTF-8 and counts the text as repaired.
func (d *decoder) clean(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	d.repaired++
	return strings.ToValidUTF8(text, string(utf8.RuneError))
}

// word reads a text that is empty where there is none.
func (d *decoder) word(o object, key string) string { return d.text(o, key).Value() }

// id reads an id exactly from its number or its text, or from the twin that some answers carry beside it. Zero and an empty text are
// none. Two that differ name two orders, and nobody knows which.
func (d *decoder) id(o object, keys ...string) string {
	found := ""
	for _, key := range keys {
		v, ok := o.keys[key]
		if !ok {
			continue
		}
		text := v.Raw
		if v.Type == gjson.String {
			text = v.Str
		}
		switch {
		case v.Type != gjson.String && v.Type != gjson.Number || strings.Trim(text, "0123456789") != "":
			d.fail(o, key, errNotID)
		case strings.Trim(text, "0") == "":
		case len(text) > order.MaxID:
			d.fail(o, key, order.ValidateID("id", text))
		case found != "" && found != text:
			d.fail(o, key, errTwo)
			return ""
		default:
			found = text
		}
	}
	return found
}

// amount reads a number from its own text. An empty one says nothing.
func (d *decoder) amount(o object, key string) order.Field[order.Decimal] {
	v, ok := o.keys[key]
	if !ok {
		return order.Field[order.Decimal]{}
	}
	text := v.Raw
	switch v.Type {
	case gjson.Number:
	case gjson.String:
		if text = v.Str; text == "" {
			return order.Field[order.Decimal]{}
		}
	default:
		d.fail(o, key, errNotAmount)
		return order.Field[order.Decimal]{}
	}
	value, rounded, err := order.ParseDecimal(text)
	if err != nil {
		d.fail(o, key, err)
		return order.Field[order.Decimal]{}
	}
	if rounded {
		d.rounded++
	}
	return order.Some(value)
}

// moment reads a time in GMT+8. An empty one and a zero date say nothing.
func (d *decoder) moment(o object, key string) order.Field[time.Time] {
	v, ok := o.keys[key]
	if !ok {
		return order.Field[time.Time]{}
	}
	if v.Type != gjson.String {
		d.fail(o, key, errNotTime)
		return order.Field[time.Time]{}
	}
	if v.Str == "" || strings.HasPrefix(v.Str, "0000-00-00") {
		return order.Field[time.Time]{}
	}
	at, err := time.ParseInLocation(time.DateTime, v.Str, d.zone)
	if err != nil {
		d.fail(o, key, fmt.Errorf("%w (%d characters)", errNotTime, len(v.Str)))
		return order.Field[time.Time]{}
	}
	return order.Some(order.Instant(at))
}

// depthOf is how deep objects and lists are nested in a text, which need not be valid. It needs no stack, unlike those who come after it.
func depthOf(text []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
