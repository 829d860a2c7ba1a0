package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

// The readers below turn one JSON value, which is there and not null, into one of ours. Their errors describe what stood there
// and never quote it.

var (
	errNotText    = errors.New("an object or a list where a text is expected")
	errNotList    = errors.New("something else where a list is expected")
	errNotObject  = errors.New("something else where an object is expected")
	errNotID      = errors.New("neither a text nor a whole number in digits")
	errNotAmount  = errors.New("neither a number nor a text with one")
	errNotTime    = errors.New("no time in a layout that is known here")
	errNotWritten = errors.New("missing, though windows are read by it")
)

// text reads a text, or the very digits of a number.
func (d *decoder) text(v gjson.Result) (string, error) {
	switch v.Type {
	case gjson.String:
		return d.clean(v.Str), nil
	case gjson.Number, gjson.True, gjson.False:
		return v.Raw, nil
	default:
		return "", errNotText
	}
}

// clean replaces bytes that are not UTF-8 and counts the text as repaired.
func (d *decoder) clean(text string) string {
	if !d.dirty || utf8.ValidString(text) {
		return text
	}
	d.repaired++
	return strings.ToValidUTF8(text, string(utf8.RuneError))
}

// readID reads an id exactly: a text, or a whole number as its digits stand there. 1e3 and 1.0 may mean the same number and are two
// ids.
func (d *decoder) readID(v gjson.Result) (string, error) {
	switch v.Type {
	case gjson.String:
		return d.clean(v.Str), nil
	case gjson.Number:
		if strings.Trim(strings.TrimPrefix(v.Raw, "-"), "0123456789") == "" {
			return v.Raw, nil
		}
	}
	return "", errNotID
}

// amount reads a number from its own text. An empty text is a field that the remote left empty.
func (d *decoder) amount(v gjson.Result) (order.Field[order.Decimal], error) {
	text := v.Raw
	switch v.Type {
	case gjson.Number:
	case gjson.String:
		if text = v.Str; text == "" {
			return order.Null[order.Decimal](), nil
		}
	default:
		return order.Field[order.Decimal]{}, errNotAmount
	}
	value, rounded, err := order.ParseDecimal(text)
	if err != nil {
		return order.Field[order.Decimal]{}, err
	}
	if rounded {
		d.rounded++
	}
	return order.Some(value), nil
}

// clock reads times.
type clock struct {
	layouts []string // of package time, or LayoutUnix, LayoutUnixMS
	zone    *time.Location
}

// usual are the ways in which remotes write times, the commonest first. Layouts whose day and month could be mistaken for each other
// are not among them.
func usual() []string {
	return []string{
		time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
		"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
		"2006/01/02 15:04:05", "2006/01/02", time.RFC1123Z, "Mon, 02 Jan 2006 15:04:05 GMT", "02 Jan 2006 15:04:05 -0700",
		"Mon Jan _2 15:04:05 -0700 2006", LayoutUnix,
	}
}

func newClock(f Field, zone *time.Location) clock {
	c := clock{zone: zone}
	if f.Zone != nil {
		c.zone = f.Zone
	}
	if c.zone == nil {
		c.zone = time.UTC
	}
	for _, layout := range f.Layouts {
		if layout != LayoutUnix && layout != LayoutUnixMS {
			layout = GoLayout(layout)
		}
		c.layouts = append(c.layouts, layout)
	}
	if len(c.layouts) == 0 {
		c.layouts = usual()
	}
	return c
}

// read reads a time. An empty text and MySQL's zero date are fields that the remote left empty.
func (c clock) read(v gjson.Result) (order.Field[time.Time], error) {
	text := v.Raw
	switch v.Type {
	case gjson.Number:
	case gjson.String:
		if text = v.Str; text == "" || strings.HasPrefix(text, "0000-00-00") {
			return order.Null[time.Time](), nil
		}
	default:
		return order.Field[time.Time]{}, errNotTime
	}
	if len(text) > 64 {
		return order.Field[time.Time]{}, errNotTime
	}
	for _, layout := range c.layouts {
		at, ok := c.parse(text, layout)
		if ok {
			return order.Some(order.Instant(at)), nil
		}
	}
	return order.Field[time.Time]{}, fmt.Errorf("%w (%d characters)", errNotTime, len(text))
}

func (c clock) parse(text, layout string) (time.Time, bool) {
	if layout == LayoutUnix || layout == LayoutUnixMS {
		return sinceEpoch(text, layout == LayoutUnixMS)
	}
	at, err := time.ParseInLocation(layout, text, c.zone)
	if err == nil && (strings.HasSuffix(layout, " GMT") || strings.HasSuffix(layout, " UTC")) {
		y, m, d := at.Date() // these words stand in the layout as plain letters
		at = time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	}
	return at, err == nil
}

// sinceEpoch reads seconds since 1970, with decimals where there are any, or milliseconds. Without a layout that says so, twelve
// digits and more are milliseconds: as seconds they would lie after the year 5000.
func sinceEpoch(text string, milliseconds bool) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) == 0 || len(whole) > 14 || strings.Trim(whole+fraction, "0123456789") != "" {
		return time.Time{}, false
	}
	var n int64
	for _, digit := range whole {
		n = n*10 + int64(digit-'0')
	}
	if milliseconds || len(whole) >= 12 {
		return time.UnixMilli(n), true
	}
	var nanos int64
	for i := range 9 {
		nanos *= 10
		if i < len(fraction) {
			nanos += int64(fraction[i] - '0')
		}
	}
	return time.Unix(n, nanos), len(whole) >= 9
}

// receiver reads an address as canonical JSON; one that is a text stays one.
func (d *decoder) receiver(v gjson.Result) (order.Field[string], error) {
	raw := v.Raw
	if v.IsArray() && len(v.Array()) == 0 || v.Type == gjson.String && v.Str == "" {
		return order.Null[string](), nil // PHP's empty object
	}
	canonical, err := order.CanonicalJSON([]byte(d.clean(raw)))
	if err != nil {
		return order.Field[string]{}, errNotObject
	}
	return order.Some(canonical), nil
}

// fold writes a status word in the one way in which words are compared.
func foldWord(word string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToLower(strings.TrimSpace(word)))
}

// GoLayout translates a layout's name.
func GoLayout(layout string) string {
	switch layout {
	case "", LayoutRFC3339:
		return time.RFC3339
	case LayoutRFC3339ms:
		return "2006-01-02T15:04:05.000Z07:00"
	case LayoutRFC1123Z:
		return time.RFC1123Z
	case LayoutDate:
		return time.DateOnly
	case LayoutDatetime:
		return time.DateTime
	}
	return layout
}

// Usable reports whether a layout tells times apart.
func Usable(layout string) bool {
	if layout == LayoutUnix || layout == LayoutUnixMS {
		return true
	}
	one, other := time.Date(2001, 2, 3, 4, 5, 6, 7e6, time.UTC), time.Date(2012, 11, 10, 19, 28, 37, 46e6, time.UTC)
	return one.Format(GoLayout(layout)) != other.Format(GoLayout(layout))
}
