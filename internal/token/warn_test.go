package token_test

import (
	"strings"
	"testing"
	"time"

	"ordersync/internal/token"
)

func TestWarn(t *testing.T) {
	t.Parallel()
	beijing := time.FixedZone("", 8*60*60)
	ends := time.Date(2027, 6, 30, 0, 0, 0, 0, beijing)
	const day = 24 * time.Hour
	for _, c := range []struct {
		left  time.Duration
		level token.Level
		says  string
	}{
		{left: 365 * day, level: token.Fine},
		{left: 30*day + time.Second, level: token.Fine},
		{left: 30 * day, level: token.Month, says: "ends in 30 days, on 2027-06-30: from then on no orders come in"},
		{left: 7*day + time.Second, level: token.Month, says: "in 7 days"},
		{left: 7 * day, level: token.Week, says: "in 7 days"},
		{left: 2 * day, level: token.Week, says: "in 2 days"},
		{left: 2*day - time.Second, level: token.Week, says: "in 47 hours"},
		{left: day + time.Second, level: token.Week, says: "in 24 hours"},
		{left: day, level: token.Day, says: "in 24 hours"},
		{left: 90 * time.Minute, level: token.Day, says: "in an hour"},
		{left: time.Second, level: token.Day, says: "in less than an hour"},
		{left: 0, level: token.Day, says: "ends today, on 2027-06-30: from then on no orders come in"},
		{left: -day + time.Second, level: token.Day, says: "ends today"},
		{left: -day, level: token.Ended, says: "ended on 2027-06-30: no orders come in until the owner of the shop authorises again"},
		{left: -400 * day, level: token.Ended, says: "ended on 2027-06-30"},
	} {
		level, text := token.Warn(ends.Add(-c.left), ends)
		if level != c.level || (text == "") != (c.says == "") || !strings.Contains(text, c.says) {
			t.Errorf("%s before the end: level %d, %q", c.left, level, text)
		}
	}
	if level, text := token.Warn(ends, time.Time{}); level != token.Fine || text != "" {
		t.Errorf("an end that nobody knows: level %d, %q", level, text)
	}
	if _, text := token.Warn(ends, ends.Add(90*time.Minute)); !strings.Contains(text, "on 2027-06-30 01:30 +08:00") {
		t.Errorf("an end within a day: %q", text)
	}
}
