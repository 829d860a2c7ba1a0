package apiclient

import (
	"net/http"
	"strings"
	"time"
)

const (
	// longestStated is the longest wait that is believed: more counts as unstated.
	longestStated = 24 * time.Hour
	// longestInPlace is the longest wait that a call sits out; for more the credential is parked.
	longestInPlace = 60 * time.Second
)

// sensible returns a stated wait, or zero for one that cannot be meant.
func sensible(wait time.Duration) time.Duration {
	if wait <= 0 || wait > longestStated {
		return 0
	}
	return wait
}

// statedWait is what the headers of a 429 or 503 say, zero when they say nothing sensible. Of several the longest counts. A date
// is read against the remote's own one, now stands in where the remote gave none.
func statedWait(header http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	var wait time.Duration
	for _, value := range header.Values("Retry-After") {
		wait = max(wait, parseRetryAfter(value, now))
	}
	return wait
}

// parseRetryAfter reads seconds, whole or with decimals (some remotes send "2.0"), or an HTTP date. It returns a wait in
// (0, 24 h], or zero for anything else.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if wait, ok := parseSeconds(value); ok {
		return sensible(wait)
	}
	if date, err := http.ParseTime(value); err == nil {
		return sensible(date.Sub(now))
	}
	return 0
}

// parseSeconds reads digits with at most one dot among them; no sign, no exponent. What is finer than a nanosecond is rounded
// up, so that the wait is never shortened.
func parseSeconds(text string) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" || !digits(whole) || !digits(fraction) {
		return 0, false
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 6 { // more than 11 days: not believed anyway, and far from an overflow
		return longestStated + 1, true
	}
	var wait time.Duration
	for _, digit := range whole {
		wait = wait*10 + time.Duration(digit-'0')
	}
	wait *= time.Second //nolint:durationcheck // it counted whole seconds so far
	unit := time.Second / 10
	for i, digit := range fraction {
		if unit == 0 {
			if strings.Trim(fraction[i:], "0") != "" {
				wait++
			}
			break
		}
		wait += time.Duration(digit-'0') * unit
		unit /= 10
	}
	return wait, true
}

func digits(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
