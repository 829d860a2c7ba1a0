package rest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// TestSpan: what is asked for spans whole steps around the window, whichever bounds the remote includes.
func TestSpan(t *testing.T) {
	t.Parallel()
	days := Window{By: ByCreated, Since: "from", Until: "to", Layout: LayoutDate, Zone: time.UTC, Resolution: day}
	seconds := Window{By: ByModified, Since: "from", Until: "to", Layout: LayoutRFC3339, Zone: time.UTC, Resolution: time.Second}
	tests := []struct {
		name         string
		window       Window
		change       func(*Window)
		since, until string
		lo, hi       string
	}{
		{"days, inclusive", days, nil, "2026-11-02T10:00:00Z", "2026-11-04T09:00:00Z", "2026-11-02", "2026-11-04"},
		{"days, until midnight", days, nil, "2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z", "2026-11-02", "2026-11-03"},
		{"days, one microsecond", days, nil, "2026-11-02T00:00:00Z", "2026-11-02T00:00:00.000001Z", "2026-11-02", "2026-11-02"},
		{"days, end exclusive", days, func(w *Window) { w.UntilBound = Exclusive },
			"2026-11-02T10:00:00Z", "2026-11-04T09:00:00Z", "2026-11-02", "2026-11-05"},
		{"days, begin exclusive", days, func(w *Window) { w.SinceBound = Exclusive },
			"2026-11-02T10:00:00Z", "2026-11-04T09:00:00Z", "2026-11-01", "2026-11-04"},
		{"days in an unstated zone: one more at both ends", days, func(w *Window) { w.Zone = nil },
			"2026-11-02T10:00:00Z", "2026-11-04T09:00:00Z", "2026-11-01", "2026-11-05"},
		{"days in New York", days, func(w *Window) { w.Zone = zone("America/New_York") },
			"2026-11-02T03:00:00Z", "2026-11-04T04:59:59Z", "2026-11-01", "2026-11-03"},
		{"days in New York over the hour that comes twice", days, func(w *Window) { w.Zone = zone("America/New_York") },
			"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-01", "2026-11-01"},
		{"days in a zone that skips a midnight", days, func(w *Window) { w.Zone = zone("America/Sao_Paulo") },
			"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", "2018-11-04", "2018-11-04"},
		{"seconds", seconds, nil, "2026-11-02T10:00:00.5Z", "2026-11-02T11:00:00.5Z", "2026-11-02T10:00:00Z", "2026-11-02T11:00:01Z"},
		{"seconds, on the second", seconds, nil,
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z"},
		{"seconds, both exclusive, as WooCommerce", seconds, func(w *Window) { w.SinceBound, w.UntilBound = Exclusive, Exclusive },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "2026-11-02T09:59:59Z", "2026-11-02T11:00:00Z"},
		{"with an offset", seconds, func(w *Window) { w.Zone = zone("Asia/Shanghai") },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "2026-11-02T18:00:00+08:00", "2026-11-02T19:00:00+08:00"},
		{"milliseconds", seconds, func(w *Window) { w.Layout, w.Resolution = LayoutRFC3339ms, time.Millisecond },
			"2026-11-02T10:00:00.1234Z", "2026-11-02T11:00:00.1234Z", "2026-11-02T10:00:00.123Z", "2026-11-02T11:00:00.124Z"},
		{"unix seconds", seconds, func(w *Window) { w.Layout = LayoutUnix },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "1793613600", "1793617200"},
		{"unix milliseconds", seconds, func(w *Window) { w.Layout = LayoutUnixMS },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "1793613600000", "1793617200000"},
		{"RFC 2822, begin and end unlike", seconds, func(w *Window) { w.SinceLayout, w.UntilLayout = LayoutRFC1123Z, LayoutDatetime },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "Mon, 02 Nov 2026 10:00:00 +0000", "2026-11-02 11:00:00"},
		{"a layout of its own", seconds, func(w *Window) { w.Layout = "20060102150405" },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "20261102100000", "20261102110000"},
		{"hours in a zone of half an hour", seconds, func(w *Window) { w.Resolution, w.Zone = time.Hour, zone("Asia/Kolkata") },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "2026-11-02T15:00:00+05:30", "2026-11-02T17:00:00+05:30"},
		{"no end", seconds, func(w *Window) { w.Until = "" },
			"2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "2026-11-02T10:00:00Z", ""},
		{"no filter", seconds, func(w *Window) { w.By = ByNone }, "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := test.window
			if test.change != nil {
				test.change(&w)
			}
			if problems := checkWindow(w); len(problems) > 0 {
				t.Fatal(problems)
			}
			window := order.Window{Since: at(test.since), Until: at(test.until)}
			sp := newFilter(w).span(window, window.Until)
			if sp.lo != test.lo || sp.hi != test.hi {
				t.Errorf("asks for %q to %q, want %q to %q", sp.lo, sp.hi, test.lo, test.hi)
			}
			if sp.since.After(window.Since) || sp.until.Before(window.Until) {
				t.Errorf("expects %s to %s, which does not hold the window", sp.since, sp.until)
			}
		})
	}
}

// TestSpansMeet: in every zone, for every window, the days asked for hold every instant of it, and no more than a day besides.
func TestSpansMeet(t *testing.T) {
	t.Parallel()
	names := []string{"UTC", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "America/New_York", "Africa/Cairo", "Asia/Beirut"}
	rapid.Check(t, func(t *rapid.T) {
		z := zone(rapid.SampledFrom(names).Draw(t, "zone"))
		since := time.Unix(rapid.Int64Range(1.2e9, 1.8e9).Draw(t, "since"), 0)
		window := order.Window{Since: since, Until: since.Add(time.Duration(rapid.Int64Range(1, 4*86400).Draw(t, "length")) * time.Second)}
		f := newFilter(Window{By: ByCreated, Since: "a", Until: "b", Layout: LayoutDate, Zone: z, Resolution: day})
		sp := f.span(window, window.Until)
		instant := window.Since.Add(time.Duration(rapid.Int64Range(0, int64(window.Length())-1).Draw(t, "instant")))
		if today := instant.In(z).Format(time.DateOnly); today < sp.lo || today > sp.hi {
			t.Errorf("%s in %s lies outside %s", instant, z, sp)
		}
		if last := window.Until.Add(-1).In(z).Format(time.DateOnly); sp.hi != last {
			t.Errorf("the last day is %s, asked for up to %s", last, sp.hi)
		}
		if first := window.Since.In(z).Format(time.DateOnly); sp.lo != first {
			t.Errorf("the first day is %s, asked for from %s", first, sp.lo)
		}
	})
}

// TestJudge: what the filter let through is marked, or is an error that names the parameter.
func TestJudge(t *testing.T) {
	t.Parallel()
	days := Window{By: ByCreated, Since: "start_date", Until: "end_date", Layout: LayoutDate, Zone: time.UTC, Resolution: day}
	seconds := Window{By: ByModified, Since: "from", Until: "to", Layout: LayoutRFC3339, Zone: time.UTC, Resolution: time.Second}
	window := order.Window{Since: at("2026-11-02T10:00:00Z"), Until: at("2026-11-03T09:00:00Z")}
	unstated := days
	unstated.Zone = nil
	none := days
	none.By = ByNone
	tests := []struct {
		name   string
		window Window
		time   string
		beyond bool
		names  string // the parameter that is said to be ignored
	}{
		{"inside", days, "2026-11-02T11:00:00Z", false, ""},
		{"earlier on the first day", days, "2026-11-02T00:00:00Z", false, ""},
		{"at the window's end", days, "2026-11-03T09:00:00Z", true, ""},
		{"later on the last day", days, "2026-11-03T23:00:00Z", true, ""},
		{"a day too early, as in another zone", days, "2026-11-01T00:00:00Z", false, ""},
		{"more than a day too early", days, "2026-10-31T23:59:59Z", false, "start_date"},
		{"a day too late", days, "2026-11-05T00:00:00Z", true, ""},
		{"more than a day too late", days, "2026-11-05T00:00:01Z", true, "end_date"},
		{"two days too early in an unstated zone", unstated, "2026-10-31T00:00:00Z", false, ""},
		{"more than that", unstated, "2026-10-30T23:59:59Z", false, "start_date"},
		{"a second early", seconds, "2026-11-02T09:59:59Z", false, ""},
		{"two seconds early", seconds, "2026-11-02T09:59:58Z", false, "from"},
		{"at the end", seconds, "2026-11-03T09:00:00Z", true, ""},
		{"two seconds late", seconds, "2026-11-03T09:00:02Z", true, "to"},
		{"changed while it was asked for", seconds, "2026-11-03T10:00:00Z", true, ""},
		{"no filter, nothing is ignored", none, "2020-01-01T00:00:00Z", false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFilter(test.window)
			record := order.Record{Order: &order.Order{OrderedAt: order.Some(at(test.time)), ModifiedAt: at(test.time)}}
			err := f.judge(&record, f.span(window, at("2026-11-03T10:00:00Z")))
			if record.Beyond != test.beyond {
				t.Errorf("Beyond is %v", record.Beyond)
			}
			switch {
			case test.names == "" && err != nil:
				t.Error(err)
			case test.names != "" && (fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), `"`+test.names+`"`)):
				t.Errorf("got %v, want a protocol fault that names %q", err, test.names)
			}
		})
	}
}

// TestJudgeDead: a dead letter is judged by its version where that is what the filter looks at, and never refused.
func TestJudgeDead(t *testing.T) {
	t.Parallel()
	f := newFilter(Window{By: ByModified, Since: "from", Until: "to", Layout: LayoutRFC3339, Resolution: time.Second})
	window := order.Window{Since: at("2026-11-02T10:00:00Z"), Until: at("2026-11-03T09:00:00Z")}
	for text, beyond := range map[string]bool{"2026-11-02T11:00:00Z": false, "2026-11-03T09:00:00Z": true, "2020-01-01T00:00:00Z": false} {
		record := order.Record{Dead: &order.DeadLetter{Version: order.Version{ModifiedAt: at(text)}}}
		if err := f.judge(&record, f.span(window, window.Until)); err != nil || record.Beyond != beyond {
			t.Errorf("%s: Beyond %v, %v", text, record.Beyond, err)
		}
	}
	record := order.Record{Dead: &order.DeadLetter{}}
	if err := f.judge(&record, f.span(window, window.Until)); err != nil || record.Beyond {
		t.Errorf("without a version: Beyond %v, %v", record.Beyond, err)
	}
}

// TestCheckWindow: what cannot work is told by New.
func TestCheckWindow(t *testing.T) {
	t.Parallel()
	good := Window{By: ByCreated, Since: "from", Until: "to", Layout: LayoutDate, Resolution: day}
	for want, change := range map[string]func(*Window){
		`"sometimes" is none of`:                    func(w *Window) { w.By = "sometimes" },
		"the parameter for the begin is missing":    func(w *Window) { w.Since = "" },
		"7h0m0s does not divide a day":              func(w *Window) { w.Resolution = 7 * time.Hour },
		"48h0m0s does not divide a day":             func(w *Window) { w.Resolution = 48 * time.Hour },
		`"maybe" is neither inclusive nor`:          func(w *Window) { w.UntilBound = "maybe" },
		`layout: "tomorrow" writes no time`:         func(w *Window) { w.Layout = "tomorrow" },
		`layout: "yyyy-mm-dd" writes no time`:       func(w *Window) { w.SinceLayout = "yyyy-mm-dd" },
		"resolution: 0s does not divide a day":      func(w *Window) { w.Resolution = 0 },
		"resolution: -1h0m0s does not divide a day": func(w *Window) { w.Resolution = -time.Hour },
	} {
		w := good
		change(&w)
		if err := errors.Join(checkWindow(w)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if problems := checkWindow(good); len(problems) > 0 {
		t.Errorf("a good window: %v", problems)
	}
}
