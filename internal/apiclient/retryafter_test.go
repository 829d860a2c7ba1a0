package apiclient

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"5":                              5 * time.Second,
		" 120 ":                          2 * time.Minute,
		"2.0":                            2 * time.Second,
		"0.25":                           250 * time.Millisecond,
		"7.":                             7 * time.Second,
		"0.0000000001":                   1, // never shortened
		"1.9999999999":                   2 * time.Second,
		"86400":                          24 * time.Hour,
		"0000000000000000000000005":      5 * time.Second,
		"86400.5":                        0,
		"864000":                         0,
		"99999999999999999999999999999":  0,
		"0":                              0,
		"0.000":                          0,
		"-5":                             0,
		"+5":                             0,
		"1e3":                            0,
		"0x10":                           0,
		"NaN":                            0,
		"Inf":                            0,
		".5":                             0,
		"":                               0,
		"5 s":                            0,
		"soon":                           0,
		"1.2.3":                          0,
		"５":                              0,
		"Sun, 22 Nov 2026 12:02:00 GMT":  2 * time.Minute,
		"Sunday, 22-Nov-26 12:00:30 GMT": 30 * time.Second,
		"Sun Nov 22 12:00:10 2026":       10 * time.Second,
		"Sun, 22 Nov 2026 11:59:00 GMT":  0,
		"Wed, 02 Dec 2026 12:00:00 GMT":  0,
	} {
		if got := parseRetryAfter(value, noon); got != want {
			t.Errorf("parseRetryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestStatedWaitReadsDatesAgainstTheRemotesOwn(t *testing.T) {
	t.Parallel()
	header := http.Header{
		"Date":        {"Sun, 22 Nov 2026 09:00:00 GMT"},
		"Retry-After": {"garbage", "Sun, 22 Nov 2026 09:00:40 GMT", "7"},
	}
	if got := statedWait(header, noon); got != 40*time.Second {
		t.Errorf("stated wait %v, want 40s", got)
	}
	header.Del("Date")
	if got := statedWait(header, noon); got != 7*time.Second {
		t.Errorf("stated wait without a Date %v, want 7s", got)
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"5", "2.0", "120", "-5", "864000", "1e9", "", "0.0000000001", "999999999999999999999", "Sun, 22 Nov 2026 12:02:00 GMT",
		"Sunday, 22-Nov-26 12:00:30 GMT", "Sun Nov 22 12:00:10 2026", "Sun, 22 Nov 9999 12:02:00 GMT", "1.2.3", "\x00", "5,6",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wait := parseRetryAfter(value, noon)
		if wait < 0 || wait > longestStated {
			t.Fatalf("%q is a wait of %v", value, wait)
		}
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || wait == 0 {
			return
		}
		if exact := seconds * float64(time.Second); float64(wait) < math.Floor(exact*(1-1e-12)) || float64(wait) > exact*(1+1e-12)+1 {
			t.Fatalf("%q is a wait of %v", value, wait)
		}
	})
}
