package value

import (
	"errors"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "2w": 336 * time.Hour, "1.5h": 90 * time.Minute,
		"500ms": 500 * time.Millisecond, "1d12h": 36 * time.Hour,
	} {
		if got, err := ParseDuration(text); err != nil || got.Std() != want {
			t.Errorf("%q = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"30": ErrUnit, "-5": ErrUnit, "1.5": ErrUnit, "": ErrFormat, "30 days": ErrFormat, "5x": ErrFormat, "-5m": ErrFormat, "m": ErrFormat, "1m5": ErrFormat,
		"99999999999d": ErrRange, "１０m": ErrFormat,
	} {
		if _, err := ParseDuration(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	if got := Duration(720*time.Hour).String() + Duration(90*time.Second).String() + Duration(0).String(); got != "30d1m30s0s" {
		t.Errorf("String = %s", got)
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"64MiB": 64 << 20, "10MB": 10e6, "1024": 1024, "1 KiB": 1024, "5B": 5} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1.5GB", "9999999999999GiB", "64 megabytes"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q = %v", text, got)
		}
	}
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	for layout, want := range map[string][2]bool{
		"rfc3339": {true, false}, "date": {true, true}, "unix": {true, false}, "2006-01-02": {true, true}, "02/01/2006 15:04": {true, false},
		"yyyy-mm-dd": {false, false}, "": {true, false}, "datetime": {true, false},
	} {
		if got := [2]bool{UsableLayout(layout), DayLayout(layout)}; got != want {
			t.Errorf("%q: %v, want %v", layout, got, want)
		}
	}
}
