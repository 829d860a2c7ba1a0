package ordersync

import (
	"fmt"
	"testing"

	"ordersync/internal/order"
)

// rows is a page of the given ids and announced total (-1: none); an id that begins with "+" lies beyond the window.
func rows(total int, ids ...string) order.Page {
	page := order.Page{Numbered: true}
	if total >= 0 {
		page.Total = order.Some(total)
	}
	for _, id := range ids {
		beyond := id[0] == '+'
		page.Records = append(page.Records, order.Record{Order: &order.Order{ID: id}, Beyond: beyond})
	}
	return page
}

func TestTallyJudges(t *testing.T) {
	t.Parallel()
	type pass []order.Page
	for _, c := range []struct {
		name      string
		passes    []pass
		divisible bool
		want      verdict
	}{
		{"one page, all there", []pass{{rows(2, "a", "b")}}, true, complete},
		{"empty is asked twice", []pass{{rows(0)}}, true, again},
		{"empty twice is believed", []pass{{rows(0)}, {rows(0)}}, true, complete},
		{"two pages, all there", []pass{{rows(3, "a", "b"), rows(3, "c")}}, true, complete},
		{"rows equal the total, but one id came twice (ties)", []pass{{rows(4, "a", "b"), rows(4, "b", "c")}}, true, again},
		{"the next reading brings the hidden one", []pass{{rows(4, "a", "b"), rows(4, "b", "c")}, {rows(4, "a", "d"), rows(4, "b", "a")}}, true, complete},
		{"one left before it was read: the page after it proves the rest", []pass{{rows(4, "a", "b"), rows(3, "c"), rows(3, "a", "b")}}, true, complete},
		{"one left after it was read, another stays hidden: the smallest total would have believed it",
			[]pass{{rows(4, "a", "b"), rows(4, "b", "c"), rows(3, "a", "b")}}, true, again},
		{"a total that rises", []pass{{rows(2, "a", "b"), rows(3, "a", "b")}}, true, again},
		{"a rise that records beyond the window explain", []pass{{rows(2, "a", "b"), rows(3, "+c", "a")}}, true, complete},
		{"records beyond the window are subtracted", []pass{{rows(3, "+c", "a"), rows(3, "b")}}, true, complete},
		{"a response that pretends there is nothing", []pass{{rows(3, "a", "b"), rows(0)}}, true, again},
		{"two equal short readings are halved", []pass{{rows(4, "a", "b"), rows(4, "c")}, {rows(4, "a", "b"), rows(4, "c")}}, true, halve},
		{"a lie at the smallest step needs six equal readings", repeat(5, pass{rows(4, "a", "b"), rows(4, "c")}), false, again},
		{"a lie at the smallest step", repeat(6, pass{rows(4, "a", "b"), rows(4, "c")}), false, lies},
		{"a lie in one response is not halved", repeat(6, pass{rows(4, "a", "b")}), true, lies},
		{"readings that differ at the smallest step",
			append(repeat(5, pass{rows(5, "a", "b"), rows(5, "c")}), pass{rows(6, "a", "b"), rows(6, "c", "d")}), false, differ},
		{"more records than announced", []pass{{rows(1, "a", "b")}}, true, again},
		{"no total, several pages", []pass{{rows(-1, "a", "b"), rows(-1, "c"), rows(-1)}}, true, halve},
		{"no total, several pages, indivisible", []pass{{rows(-1, "a", "b"), rows(-1, "c"), rows(-1)}}, false, again},
		{"no total, nothing new", repeat(2, pass{rows(-1, "a", "b"), rows(-1, "c"), rows(-1)}), false, complete},
		{"no total, rows change places: one reading without news is not enough",
			repeat(2, pass{rows(-1, "a", "b"), rows(-1, "b", "c"), rows(-1)}), false, again},
		{"no total, rows change places: three are", repeat(4, pass{rows(-1, "a", "b"), rows(-1, "b", "c"), rows(-1)}), false, complete},
		{"no total, the second reading is empty", []pass{{rows(-1, "a", "b"), rows(-1, "c"), rows(-1)}, {rows(-1)}}, false, again},
		{"no total, one page that may be full", []pass{{rows(-1, "a", "b"), rows(-1)}}, true, again},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tally := newTally()
			var got verdict
			for _, pass := range c.passes {
				for _, page := range pass {
					tally.fullest = max(tally.fullest, len(page.Records))
					tally.add(page)
				}
				got = tally.judge(c.divisible)
			}
			if got != c.want {
				t.Errorf("the verdict is %d, want %d", got, c.want)
			}
		})
	}
}

func repeat[T any](n int, v T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}

func TestTallyTrustsACursor(t *testing.T) {
	t.Parallel()
	tally := newTally()
	for i := range 3 {
		page := rows(-1, fmt.Sprint(i))
		page.Numbered = false
		tally.add(page)
	}
	if got := tally.judge(true); got != complete {
		t.Errorf("three pages by cursor: the verdict is %d, want complete", got)
	}
}
