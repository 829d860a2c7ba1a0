package order

import (
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Places is the number of decimal places that is stored.
const Places = 6

// wholeDigits is what DECIMAL(20,6) leaves before the point.
const wholeDigits = 14

// maxDecimalText bounds what is parsed at all: no honest amount is longer.
const maxDecimalText = 128

// Decimal is an exact decimal number with six places, as DECIMAL(20,6) holds it: an amount of money (in the order's currency)
// or a quantity. The zero value is 0. Decimals are equal exactly if == says so.
type Decimal struct {
	// text is canonical: optional minus, no leading zeros, a point, six places; empty for zero.
	text string
}

// Money is an amount with its currency, for people to read.
type Money struct {
	Amount   Decimal
	Currency string
}

// String prints at least two places: "12.50 USD".
func (m Money) String() string {
	text := m.Amount.String()
	if trimmed := strings.TrimRight(text, "0"); len(trimmed) < len(text)-Places+2 {
		text = text[:len(text)-Places+2]
	} else {
		text = trimmed
	}
	if m.Currency == "" {
		return text
	}
	return text + " " + m.Currency
}

// String returns the number with all six places: what goes into the database.
func (d Decimal) String() string {
	if d.text == "" {
		return "0.000000"
	}
	return d.text
}

// Zero reports whether the number is 0.
func (d Decimal) Zero() bool { return d.text == "" }

// Plus is the exact sum. It fails where the sum is too large for a column.
func (d Decimal) Plus(other Decimal) (Decimal, error) {
	a, errA := decimal.NewFromString(d.String())
	b, errB := decimal.NewFromString(other.String())
	if err := errors.Join(errA, errB); err != nil {
		return Decimal{}, fmt.Errorf("%w: %w", ErrDecimal, err)
	}
	sum, _, err := ParseDecimal(a.Add(b).StringFixed(Places))
	return sum, err
}

// ErrDecimal is what every refusal of [ParseDecimal] wraps.
var ErrDecimal = errors.New("not an amount")

// ParseDecimal reads a number from the remote's own text, with or without exponent. More than six places are rounded half-even,
// and rounded says so. Thousands separators, blanks, currency signs and anything above 10^14 are refused: guessing at money
// is not ours to do.
func ParseDecimal(text string) (d Decimal, rounded bool, err error) {
	if d, ok := parsePlain(text); ok {
		return d, false, nil
	}
	if text == "" || len(text) > maxDecimalText {
		return Decimal{}, false, fmt.Errorf("%w: a text of %d characters", ErrDecimal, len(text))
	}
	if strings.ContainsFunc(text, notNumeric) {
		return Decimal{}, false, fmt.Errorf("%w: only digits, a point and an exponent can be read", ErrDecimal)
	}
	value, err := decimal.NewFromString(text)
	if err != nil {
		return Decimal{}, false, fmt.Errorf("%w: it does not parse", ErrDecimal)
	}
	if value.Exponent() > wholeDigits+maxDecimalText || value.Exponent() < -4*maxDecimalText {
		return Decimal{}, false, fmt.Errorf("%w: its exponent is out of range", ErrDecimal)
	}
	fixed := value.RoundBank(Places)
	if fixed.Abs().Cmp(decimal.New(1, wholeDigits)) >= 0 {
		return Decimal{}, false, fmt.Errorf("%w: more than %d digits before the point", ErrDecimal, wholeDigits)
	}
	if fixed.IsZero() {
		return Decimal{}, !value.IsZero(), nil
	}
	return Decimal{text: fixed.StringFixed(Places)}, !fixed.Equal(value), nil
}

func notNumeric(r rune) bool {
	return (r < '0' || r > '9') && r != '.' && r != '-' && r != '+' && r != 'e' && r != 'E'
}

// parsePlain reads the common form, at most 14 digits, a point and at most six places, without the cost of big numbers.
func parsePlain(text string) (Decimal, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > wholeDigits || len(fraction) > Places || !allDigits(whole) || !allDigits(fraction) {
		return Decimal{}, false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" && strings.Trim(fraction, "0") == "" {
		return Decimal{}, true
	}
	var b strings.Builder
	b.Grow(len(whole) + Places + 3)
	if negative {
		b.WriteByte('-')
	}
	if whole == "" {
		b.WriteByte('0')
	}
	b.WriteString(whole)
	b.WriteByte('.')
	b.WriteString(fraction)
	b.WriteString("000000"[len(fraction):])
	return Decimal{text: b.String()}, true
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
