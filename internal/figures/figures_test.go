package figures_test

import (
	"testing"
	"time"

	"ordersync/internal/figures"
)

// Numbers and lengths of time as people say them.
func TestFigures(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 12 * time.Second: "12s", 5 * time.Minute: "5m", 65 * time.Second: "1m 5s", time.Hour: "1h", 90 * time.Minute: "1h 30m",
		24 * time.Hour: "1d", 76 * time.Hour: "3d 4h", -time.Minute: "-1m",
	} {
		if got := figures.Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := figures.Number(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for got, want := range map[string]string{
		figures.Count(1, "pass"): "1 pass", figures.Count(2, "pass"): "2 passes", figures.Count(0, "order"): "0 orders",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
