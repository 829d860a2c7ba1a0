package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
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

var (
	errUnit   = errors.New("a unit is missing")
	errFormat = errors.New("not readable")
	errRange  = errors.New("too large")

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

// parseDuration reads a Duration; 0 needs no unit.
func parseDuration(text string) (Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if bareNumber.MatchString(text) {
		return 0, errUnit
	}
	if !durationText.MatchString(text) {
		return 0, errFormat
	}
	total := 0.0
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		number, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, errRange
		}
		total += number * float64(durationUnits[part[2]])
	}
	if total > math.MaxInt64/2 {
		return 0, errRange
	}
	return Duration(math.Round(total)), nil
}

func parseSize(text string) (Size, error) {
	m := sizeText.FindStringSubmatch(text)
	if m == nil {
		return 0, errFormat
	}
	number, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || number > math.MaxInt64/sizeUnits[m[2]] {
		return 0, errRange
	}
	return Size(number * sizeUnits[m[2]]), nil
}

// parseDate reads a day, or an instant; without an offset it is one of zone.
func parseDate(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errFormat
}

// fold makes words of a status alike that the shop's own spelling may tell apart.
func fold(word string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(word, func(r rune) bool { return r == ' ' || r == '-' || r == '_' }), "_"))
}
