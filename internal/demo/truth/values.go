package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// The common form of a value is a text: NULL, an amount with six places, an instant in UTC with microseconds, JSON without blanks, or
// the text itself.

const instant = "2006-01-02 15:04:05.000000"

// plain is a text or the digits of a number; "" for anything else.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// fromShop brings a value of the API into the common form.
func (r Reading) fromShop(kind Kind, v any) (string, error) {
	if v == nil {
		return null, nil
	}
	if kind == Document {
		text, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		return canonical(text)
	}
	text := plain(v)
	if _, isText := v.(string); text == "" && !isText {
		return "", fmt.Errorf("a %T is no value of a column", v)
	}
	switch kind {
	case Upper:
		return strings.ToUpper(text), nil
	case Word:
		word := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(text)))
		if ours, ok := r.Words[word]; ok {
			return ours, nil
		}
		return "unknown", nil
	case Amount, Instant, Beijing:
		if text == "" {
			return null, nil
		}
	}
	return common(kind, text)
}

// fromTable brings a value of the database into the common form.
func fromTable(kind Kind, v any) (string, error) {
	if v == nil {
		return null, nil
	}
	if at, ok := v.(time.Time); ok {
		return at.UTC().Format(instant), nil
	}
	return common(kind, text(v))
}

// text is a value of the driver as text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

func common(kind Kind, text string) (string, error) {
	switch kind {
	case Amount:
		return sixPlaces(text)
	case Instant:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC().Truncate(time.Microsecond).Format(instant), nil
			}
		}
		return "", errors.New("no time")
	case Beijing:
		at, err := time.Parse(time.DateTime, text)
		if err != nil {
			return "", errors.New("no time")
		}
		return at.Add(-8 * time.Hour).Format(instant), nil
	case Document:
		return canonical([]byte(text))
	}
	return text, nil
}

// sixPlaces writes a number with six places, further ones rounded half to even.
func sixPlaces(text string) (string, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) <= 6 && digits(whole) && (fraction == "" || digits(fraction)) && (whole == "0" || whole[0] != '0') {
		return whole + "." + fraction + "000000"[len(fraction):], nil
	}
	return rounded(text)
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

func rounded(text string) (string, error) {
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", errors.New("no number")
	}
	millionths := new(big.Rat).Mul(number, big.NewRat(1_000_000, 1))
	whole, rest := new(big.Int).QuoRem(millionths.Num(), millionths.Denom(), new(big.Int))
	twice := rest.Abs(rest).Lsh(rest, 1)
	if c := twice.Cmp(millionths.Denom()); c > 0 || c == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(int64(number.Sign())))
	}
	return new(big.Rat).SetFrac(whole, big.NewInt(1_000_000)).FloatString(6), nil
}

// canonical writes JSON without blanks and with sorted keys, numbers as they stand there.
func canonical(text []byte) (string, error) {
	v, err := decode(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
