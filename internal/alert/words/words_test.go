package words_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/alert"
	"ordersync/internal/alert/words"
	"ordersync/internal/alert/words/samples"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shanghai is the zone of the samples.
func shanghai() *time.Location { return time.FixedZone("CST", 8*60*60) }

func languages() []string { return []string{words.English, words.Chinese} }

// TestSamples holds every sample, in both languages, against the text that somebody has read.
func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples.All() {
		for _, language := range languages() {
			t.Run(language+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				text := words.Of(s.Notice, language, shanghai())
				got := "Subject: " + text.Subject + "\nPreview: " + text.Preview + "\n[" + string(text.Tone) + "] " + text.Badge + "\n\n" + text.Plain()
				golden(t, filepath.Join("testdata", language, s.Name+".txt"), got)
				checkLines(t, text)
			})
		}
	}
}

// golden compares a text with a golden file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -read +now:\n%s", file, diff)
	}
}

// lines are all the lines of a text.
func lines(text words.Text) []string {
	return append([]string{text.Subject, text.Preview}, samples.Body(text)...)
}

// checkLines holds what is promised of every text.
func checkLines(t rapid.TB, text words.Text) {
	t.Helper()
	for _, line := range lines(text) {
		if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }) {
			t.Errorf("a line holds a control character: %q", line)
		}
		if !utf8.ValidString(line) {
			t.Errorf("a line is not UTF-8: %q", line)
		}
	}
	if text.Subject == "" || text.Headline == "" || text.Badge == "" || text.Preview == "" || text.Tone == "" {
		t.Errorf("something is missing: %q, %q, %q, %q, %q", text.Subject, text.Headline, text.Badge, text.Preview, text.Tone)
	}
	if n := utf8.RuneCountInString(text.Subject); n > 120 {
		t.Errorf("the subject has %d letters", n)
	}
}

// TestEverythingIsFilledIn finds what a text was to name and does not.
func TestEverythingIsFilledIn(t *testing.T) {
	t.Parallel()
	for _, s := range samples.All() {
		for _, language := range languages() {
			for _, line := range lines(words.Of(s.Notice, language, shanghai())) {
				if strings.ContainsAny(line, "{}") || strings.Contains(line, "  ") {
					t.Errorf("%s, %s: %q", language, s.Name, line)
				}
			}
		}
	}
}

// TestWhatIsNamed holds that whoever is woken learns what failed, since when, how far behind it is, and what to type.
func TestWhatIsNamed(t *testing.T) {
	t.Parallel()
	outage := samples.All()[0].Notice
	for language, wants := range map[string][]string{
		words.English: {"2026-11-21 01:58 +08:00 (1 day behind)", "about 120 (estimate)"},
		words.Chinese: {"2026-11-21 01:58 +08:00（落后 1 天）", "约 120 笔（估算）"},
	} {
		wants = append(wants, "us-store", "2026-11-22 02:00 +08:00", "ordersyncd check --online", "connection refused")
		text := words.Of(outage, language, shanghai())
		for _, want := range wants {
			if !strings.Contains(text.Plain(), want) {
				t.Errorf("%s does not say %q:\n%s", language, want, text.Plain())
			}
		}
		if !strings.Contains(text.Subject, "us-store") {
			t.Errorf("the subject does not name the source: %q", text.Subject)
		}
	}
	if got := words.Of(outage, "tlh", nil); got.Language != words.English || !strings.Contains(got.Plain(), "2026-11-21 18:00 +00:00") {
		t.Errorf("an unknown language and no zone: %q\n%s", got.Language, got.Plain())
	}
}

// TestUnknownClass holds that a class of a later version is told, too.
func TestUnknownClass(t *testing.T) {
	t.Parallel()
	n := samples.All()[0].Notice
	n.Items[0].Class = "weather"
	checkLines(t, words.Of(n, words.Chinese, shanghai()))
	checkLines(t, words.Of(alert.Notice{Sort: alert.Weekly}, words.English, nil))
	checkLines(t, words.Of(alert.Notice{Sort: alert.Digest}, words.English, nil))
	checkLines(t, words.Of(alert.Notice{Sort: alert.Alarm, Host: "vps-1"}, words.English, nil))
}

// TestNothingBreaksALine puts any text into everything that a notice can hold.
func TestNothingBreaksALine(t *testing.T) {
	t.Parallel()
	changes := []alert.Change{alert.Opened, alert.Worse, alert.Reopened, alert.Reminded, alert.Closed, alert.Passed}
	rapid.Check(t, func(t *rapid.T) {
		all := samples.All()
		n := all[rapid.IntRange(0, len(all)-1).Draw(t, "sample")].Notice
		nasty := func(label string) string {
			return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
				"a\r\nBcc: x@example.com", "\x1b[31mred", "\u202eabc", "\xff\xfe", "{name}{n}", "{{.}}", "<script>", "订单\u2028", strings.Repeat("长", 400),
			})).Draw(t, label)
		}
		n.Host = nasty("host")
		for i := range n.Items {
			item := &n.Items[i]
			sort, _ := item.Scope.Split()
			item.Scope, item.Source, item.Error = alert.Scope(sort+"/"+nasty("name")), nasty("source"), nasty("error")
			item.Job, item.RunID, item.Facts.Text, item.Facts.Remedy = nasty("job"), nasty("run"), nasty("text"), nasty("remedy")
			item.Facts.Command = nasty("command")
			item.Change = rapid.SampledFrom(changes).Draw(t, "change")
		}
		text := words.Of(n, rapid.SampledFrom(languages()).Draw(t, "language"), shanghai())
		checkLines(t, text)
		for line := range strings.Lines(text.Plain()) {
			if strings.TrimSuffix(line, "\n") != strings.TrimRight(line, "\r\n") {
				t.Errorf("a carriage return in %q", line)
			}
		}
	})
}
