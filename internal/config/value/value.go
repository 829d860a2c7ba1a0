// Package value holds the values that a configuration is made of and Go's own types do not say: secrets that cannot be printed,
// lengths of time and sizes with their units, lists that may be written as one text.
package value

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Duration is a length of time that must be written with its unit: 90s, 10m, 1h30m, 30d, 2w.
type Duration time.Duration

// Std is the duration in the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration as the file would: 30d, 1h30m0s.
func (d Duration) String() string {
	if day := Duration(24 * time.Hour); d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return time.Duration(d).String()
}

// Size is a number of bytes, written plain or with a unit: 64MiB, 10MB.
type Size int64

// Texts is a list of texts that may be written as one text.
type Texts []string

// Why a text is no value.
var (
	ErrUnit   = errors.New("a unit is missing")
	ErrFormat = errors.New("not readable")
	ErrRange  = errors.New("too large")
)

var (
	durationText = regexp.MustCompile(`^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+$`)
	durationPart = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)`)
	sizeText     = regexp.MustCompile(`^([0-9]+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$`)
	bareNumber   = regexp.MustCompile(`^[+-]?[0-9]+(?:\.[0-9]+)?$`)
)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

var sizeUnits = map[string]int64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// ParseDuration reads a Duration; 0 needs no unit.
func ParseDuration(text string) (Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if bareNumber.MatchString(text) {
		return 0, ErrUnit
	}
	if !durationText.MatchString(text) {
		return 0, ErrFormat
	}
	total := 0.0
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		number, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, ErrRange
		}
		total += number * float64(durationUnits[part[2]])
	}
	if total > math.MaxInt64/2 {
		return 0, ErrRange
	}
	return Duration(math.Round(total)), nil
}

// ParseSize reads a Size.
func ParseSize(text string) (Size, error) {
	m := sizeText.FindStringSubmatch(text)
	if m == nil {
		return 0, ErrFormat
	}
	number, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || number > math.MaxInt64/sizeUnits[m[2]] {
		return 0, ErrRange
	}
	return Size(number * sizeUnits[m[2]]), nil
}

// ParseDate reads a day, or an instant; without an offset it is one of zone.
func ParseDate(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, ErrFormat
}
