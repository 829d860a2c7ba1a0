// Package figures writes numbers and lengths of time as people say them: 1,234 orders, 3d 4h.
package figures

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span writes a length of time as people say it: 3d 4h, 5m, 12s.
func Span(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	d = d.Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d >= day && d%day >= time.Hour:
		return fmt.Sprintf("%s%dd %dh", sign, d/day, d%day/time.Hour)
	case d >= day:
		return fmt.Sprintf("%s%dd", sign, d/day)
	case d >= time.Hour && d%time.Hour >= time.Minute:
		return fmt.Sprintf("%s%dh %dm", sign, d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Hour:
		return fmt.Sprintf("%s%dh", sign, d/time.Hour)
	case d >= time.Minute && d%time.Minute >= time.Second:
		return fmt.Sprintf("%s%dm %ds", sign, d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Minute:
		return fmt.Sprintf("%s%dm", sign, d/time.Minute)
	}
	return fmt.Sprintf("%s%ds", sign, d/time.Second)
}

// Number writes 1234567 as 1,234,567.
func Number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Count writes 1 order, 2 orders.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		return Number(n) + " " + noun + "es"
	}
	return Number(n) + " " + noun + "s"
}
