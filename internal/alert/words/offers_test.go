package words_test

import (
	"strings"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/words"
)

// TestOffersNoMuteThatIsRefused holds that nobody is told to type what the command then refuses: what a machine watches by itself stands
// in its own book, and cannot be silenced.
func TestOffersNoMuteThatIsRefused(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	for scope, want := range map[alert.Scope]bool{
		alert.OfSource("us-store"): true, alert.OfJob("us-orders"): true, alert.All: true,
		alert.OfHost("vps"): false, alert.OfChannel("email ops@example.com"): false,
	} {
		for _, language := range languages() {
			i := alert.Incident{ID: "c08c76711a", Phase: alert.Open, Since: at.Add(-time.Minute), Key: alert.Key{Scope: scope, Class: alert.Database}}
			n := alert.Notice{ID: "1", Sort: alert.Alarm, At: at, Host: "vps", Items: []alert.Item{{Change: alert.Opened, Incident: i}}}
			footer := strings.Join(words.Of(n, language, nil).Footer, "\n")
			if got := strings.Contains(footer, "incident mute"); got != want {
				t.Errorf("%s, %s: offered %v, want %v:\n%s", language, scope, got, want, footer)
			}
			if !strings.Contains(footer, "incident show c08c76711a") {
				t.Errorf("%s, %s: no details:\n%s", language, scope, footer)
			}
		}
	}
}

// TestCaughtUpIsSaidOfWhatWaited holds that orders count as caught up only where orders had to wait: while a key is about to end, or one
// order is set aside, all the others come in as ever.
func TestCaughtUpIsSaidOfWhatWaited(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	for class, want := range map[alert.Class]bool{
		alert.Network: true, alert.Auth: true, alert.Credential: false, alert.DeadLetter: false, alert.Gap: false,
	} {
		item := func(source string) alert.Item {
			return alert.Item{Change: alert.Closed, Incident: alert.Incident{
				ID: "05d128ffdc", Phase: alert.Recovered, Since: at.Add(-8 * 24 * time.Hour), RecoveredAt: at,
				Key: alert.Key{Scope: alert.OfSource(source), Class: class}, Source: source,
				Facts: alert.Facts{Ends: at.Add(time.Hour), Standing: &alert.Standing{Watermark: at, Stored: 4812}},
			}}
		}
		for _, items := range [][]alert.Item{{item("us-store")}, {item("us-store"), item("eu-store")}} {
			text := words.Of(alert.Notice{ID: "1", Sort: alert.Relief, At: at, Host: "vps", Items: items}, words.English, nil).Plain()
			if got := strings.Contains(text, "4,812 orders"); got != want {
				t.Errorf("%s, %d at once: said %v, want %v:\n%s", class, len(items), got, want, text)
			}
		}
	}
}

// TestFailuresOfAll holds that the runs of all sources are not said to be those of the job whose error is shown.
func TestFailuresOfAll(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	i := alert.Incident{
		ID: "ebcfea379c", Phase: alert.Open, Since: at.Add(-time.Minute), Key: alert.Key{Scope: alert.All, Class: alert.Network},
		Failures: 12, Job: "us-orders", RunID: "r1",
	}
	n := alert.Notice{ID: "1", Sort: alert.Alarm, At: at, Host: "vps", Items: []alert.Item{{Change: alert.Opened, Incident: i}}}
	for language, want := range map[string]string{words.English: "12", words.Chinese: "12 次"} {
		found := false
		for _, row := range words.Of(n, language, nil).Blocks[0].Rows {
			found = found || row.Value == want
			if strings.Contains(row.Value, "us-orders") {
				t.Errorf("%s: %s %q", language, row.Label, row.Value)
			}
		}
		if !found {
			t.Errorf("%s: nobody says %q", language, want)
		}
	}
}
