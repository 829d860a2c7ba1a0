package demo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"ordersync/internal/demo/truth"
)

// logged is a line of the daemon's log, as far as the story reads it.
type logged struct {
	Level   string  `json:"level"`
	Message string  `json:"msg"`
	Job     string  `json:"job"`
	Outcome string  `json:"outcome"`
	Kind    string  `json:"kind"`
	Error   string  `json:"error"`
	Next    string  `json:"next_attempt"`
	Seconds float64 `json:"seconds"`
}

func parseLogged(line string) (logged, bool) {
	var l logged
	return l, json.Unmarshal([]byte(line), &l) == nil
}

// String is the line as a terminal would show it, shortened to what the story is about.
func (l logged) String() string {
	text := fmt.Sprintf("level=%s msg=%s job=%s outcome=%s", l.Level, l.Message, l.Job, l.Outcome)
	if l.Error == "" {
		return fmt.Sprintf("%s seconds=%.1f", text, l.Seconds)
	}
	text += fmt.Sprintf(" kind=%s error=%q", l.Kind, l.Error)
	if l.Next != "" {
		text += " next_attempt=" + l.Next
	}
	return text
}

// firstTicks is the output of `check` with the first tick of each job alone, and without blank lines.
func firstTicks(text string) string {
	var kept []string
	ticks := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, " ") {
			ticks++
		} else {
			ticks = 0
		}
		if strings.TrimSpace(line) != "" && ticks < 2 {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// number writes 1234567 as 1,234,567.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// onlyOf reports whether both orders differ and no other does.
func onlyOf(differences []truth.Difference, orders ...string) bool {
	met := map[string]bool{}
	for _, d := range differences {
		id, _, _ := strings.Cut(d.Key, " / ")
		met[id] = true
	}
	for _, id := range orders {
		if !met[id] {
			return false
		}
	}
	return len(met) == len(orders)
}
