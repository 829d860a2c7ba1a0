package alert_test

import (
	"testing"
	"time"

	"ordersync/internal/alert"
)

// The clock of the book was wrong, and is put back by years: what was noted meanwhile is told, reminded of and ended all the same.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]time.Duration{"an hour": time.Hour, "years": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			fast := b.now.Add(back)
			b.now = fast
			b.play([]alert.Observation{seldom(failed(fast, "us", alert.Auth))}, fast.Add(10*time.Second)) // opened, and waits for others
			b.now = b.now.Add(-back)
			right := b.now
			b.until(right.Add(2 * time.Hour))
			b.play([]alert.Observation{seldom(failed(b.now, "eu", alert.Auth))}, right.Add(5*time.Hour)) // does not wait for what was told
			b.play([]alert.Observation{seldom(good(b.now, "us"))}, b.now.Add(time.Hour))
			b.want("00:00:45 alarm auth, opened source/us", "02:00:40 alarm auth, opened source/eu",
				"04:00:45 alarm auth, reminded source/us, reminded source/eu", "05:00:40 relief auth, recovered source/us")
		})
	}
}
