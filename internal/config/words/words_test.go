package words

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"timezone", "language", "state", "database", "sources", "jobs"}
	for word, want := range map[string]string{
		"tiemzone": "timezone", "Timezone": "timezone", "langauge": "language", "source": "sources", "job": "jobs", "colour": "", "x": "",
		"databse": "database", strings.Repeat("long", 100): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	for a, b := range map[string]string{"ab": "ba", "abc": "abd", "": "a"} {
		if got := edits(a, b); got != 1 {
			t.Errorf("edits(%q, %q) = %d, want 1", a, b, got)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"baseUrl": "base_url", "base-url": "base_url", "Base URL": "base_url", "baseURL": "base_url",
		"time zone": "time_zone",
	} {
		if got := Plain(word); got != want {
			t.Errorf("Plain(%q) = %q, want %q", word, got, want)
		}
	}
	if got := strings.Join(Synonyms("cron"), "") + Zone("Beijing") + Zone("?") + Fold("On-Hold now"); got != "scheduleAsia/ShanghaiAsia/Shanghaion_hold_now" {
		t.Error(got)
	}
}

// TestEnglish holds that each mistake says something and what to do, as sentences.
func TestEnglish(t *testing.T) {
	t.Parallel()
	for code, w := range English() {
		if !strings.HasSuffix(w.Message, ".") && !strings.HasSuffix(w.Message, "?") && !strings.HasSuffix(w.Message, "}") || w.Remedy == "" {
			t.Errorf("%s: %q / %q", code, w.Message, w.Remedy)
		}
	}
	got := Words{Message: "{0} and {1}", Remedy: "{1}"}.Fill([]string{"{1}", "b"})
	if got.Message != "{1} and b" || got.Remedy != "b" {
		t.Errorf("Fill = %+v", got)
	}
}
