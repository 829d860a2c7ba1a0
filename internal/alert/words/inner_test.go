package words

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ordersync/internal/alert"
)

// TestBothLanguagesSayEverything holds that nothing is left out in one language.
func TestBothLanguagesSayEverything(t *testing.T) {
	t.Parallel()
	for _, l := range []language{english(), chinese()} {
		for k, n := range natures {
			p, ok := l.kinds[k]
			if !ok {
				t.Errorf("%s says nothing of %s", l.code, k)
				continue
			}
			for field, s := range map[string]string{
				"what": p.what, "one": p.one, "several": p.several, "meaning": p.meaning, "over": p.over, "allOver": p.allOver,
			} {
				if s == "" {
					t.Errorf("%s: %s has no %s", l.code, k, field)
				}
			}
			for _, c := range n.commands {
				if l.why(c) == "" {
					t.Errorf("%s does not say what %q does", l.code, c)
				}
			}
		}
		if len(l.kinds) != len(natures) {
			t.Errorf("%s has texts of %d kinds, there are %d", l.code, len(l.kinds), len(natures))
		}
		for _, c := range []alert.Change{alert.Opened, alert.Worse, alert.Reopened, alert.Reminded, alert.Closed, alert.Passed} {
			if l.changes[c].badge == "" || l.changes[c].subject == "" || l.changes[c].alone == "" {
				t.Errorf("%s: the change %s is not said", l.code, c)
			}
		}
		for _, part := range []any{l.labels, l.weekly, l.trial, l.digest} {
			v := reflect.ValueOf(part)
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("%s: %s.%s is empty", l.code, v.Type().Name(), v.Type().Field(i).Name)
				}
			}
		}
	}
}

// TestWhysAreReached holds that no beginning hides behind a shorter one.
func TestWhysAreReached(t *testing.T) {
	t.Parallel()
	for _, l := range []language{english(), chinese()} {
		for i, w := range l.whys {
			if slices.ContainsFunc(l.whys[:i], func(before Command) bool { return strings.HasPrefix(w.Line, before.Line) }) {
				t.Errorf("%s: %q is never found", l.code, w.Line)
			}
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d        time.Duration
		en, zhCN string
	}{
		{-time.Second, "0 seconds", "0 秒"},
		{0, "0 seconds", "0 秒"},
		{time.Second, "1 second", "1 秒"},
		{59*time.Second + 900*time.Millisecond, "59 seconds", "59 秒"},
		{90 * time.Second, "1 minute", "1 分钟"},
		{time.Hour, "1 hour", "1 小时"},
		{3*time.Hour + 12*time.Minute + 59*time.Second, "3 hours 12 minutes", "3 小时 12 分钟"},
		{24*time.Hour + 59*time.Minute, "1 day", "1 天"},
		{50 * time.Hour, "2 days 2 hours", "2 天 2 小时"},
		{1000 * 24 * time.Hour, "1,000 days", "1,000 天"},
	} {
		if got := englishDuration(c.d); got != c.en {
			t.Errorf("%v: %q, want %q", c.d, got, c.en)
		}
		if got := chineseDuration(c.d); got != c.zhCN {
			t.Errorf("%v: %q, want %q", c.d, got, c.zhCN)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ from, to, want string }{
		{"2026-07-01T10:00:00Z", "2026-07-01T12:30:00Z", "2026-07-01 12:00 – 14:30 +02:00"},
		{"2026-07-01T10:00:00Z", "2026-07-02T12:30:00Z", "2026-07-01 12:00 – 2026-07-02 14:30 +02:00"},
		{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25 02:30 +02:00 – 2026-10-25 02:30 +01:00"},
	} {
		if got := span(at(c.from), at(c.to), berlin); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"unbreakable-word next", []string{"unbreakable-word", "next"}},
		{"订单留在店铺那边，不会丢", []string{"订单留在店", "铺那边，不", "会丢"}},
		{"店铺，us-store 连不上", []string{"店铺，", "us-store", "连不上"}},
	} {
		if got := fold(c.s, 10); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.s, got, c.want)
		}
	}
}

func TestRoundUp(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]time.Duration{
		6*day + time.Hour: 7 * day, 7 * day: 7 * day, day: day, 20 * time.Hour: 20 * time.Hour, -day: -day,
	} {
		if got := roundUp(d); got != want {
			t.Errorf("%v: %v, want %v", d, got, want)
		}
	}
}
