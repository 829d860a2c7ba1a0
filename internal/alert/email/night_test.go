package email_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/email"
	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/words"
	"ordersync/internal/browser"
)

// TestNightInMails lets a source fail 300 runs from half past midnight on, one each minute, and counts and shows the mails that the
// operator finds in the morning: that it fails, one reminder, that it is over, all in one thread.
func TestNightInMails(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CST", 8*60*60)
	notices := night300(zone)
	s, err := smtptest.New(t.Context(), smtptest.Options{Security: smtptest.Plain})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	boxes, err := email.New(email.Options{
		Host: s.Host(), Port: s.Port(), TLS: "none", From: "alerts@example.com", To: []string{"ops@example.com"}, Language: words.Chinese, Zone: zone,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notices {
		if err := boxes[0].Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	mails := s.Mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails of a night of 300 failed runs, want 3", len(mails))
	}
	b, err := browser.Start(t.Context(), browser.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	root, keep := "", flag.Lookup("test.artifacts").Value.String() == "true"
	for i, mail := range mails {
		m, err := mail.Parse()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s  %s", notices[i].At.In(zone).Format(time.TimeOnly), m.Subject)
		if i == 0 {
			root = m.ID
		} else if len(m.References) != 1 || m.References[0] != root {
			t.Errorf("mail %d refers to %q, want the first one, %s", i+1, m.References, root)
		}
		view := browser.View{Width: 360, Phone: true, Scale: 2, Blind: !keep}
		sight, err := b.Look(t.Context(), m.HTML, view)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("night-%d.png", i+1)
		if keep {
			if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name), sight.PNG, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		seenWhole(t, name, sight, view, words.Of(notices[i], words.Chinese, zone))
	}
}

// night300 are the notices of a night in which a job that runs each minute fails 300 times.
func night300(zone *time.Location) []alert.Notice {
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, zone)
	first := midnight.Add(30 * time.Minute)
	var incidents []alert.Incident
	var notices []alert.Notice
	for now := midnight; now.Before(midnight.Add(8 * time.Hour)); now = now.Add(5 * time.Second) {
		d := alert.NewDesk(alert.Rules{Host: "vps-1"}, now, incidents)
		if now.Sub(midnight)%time.Minute == 0 {
			d.Observe(alert.Observation{At: now, Host: "vps-1", Run: minuteRun(now.Sub(first) >= 0 && now.Sub(first) < 300*time.Minute)})
		}
		made := d.Compose(alert.World{})
		incidents = merged(incidents, d.Changed())
		for _, n := range made {
			watermark, waiting := first.Add(-2*time.Minute), 7
			n.Items[0].Facts.Standing = &alert.Standing{Watermark: watermark, Behind: now.Sub(watermark), Waiting: &waiting}
			if n.Sort == alert.Relief {
				n.Items[0].Facts.Standing = &alert.Standing{Watermark: now.Add(-2 * time.Minute), Behind: 2 * time.Minute, Stored: 41}
			}
			notices = append(notices, n)
		}
	}
	return notices
}

func minuteRun(fails bool) *alert.RunEnded {
	run := &alert.RunEnded{Source: "us-store", Job: "us-orders"}
	if fails {
		run.Class, run.Kind = alert.HTTP, "transient"
		run.Error = "orders page 1 of 2026-11-22..2026-11-22: GET api.us-server.example.com/orders/list: 503 Service Unavailable (attempt 4 of 4)"
	}
	return run
}

// merged puts what changed in the place of what it was.
func merged(incidents, changed []alert.Incident) []alert.Incident {
	byID := map[string]alert.Incident{}
	for _, i := range append(incidents, changed...) {
		byID[i.ID] = i
	}
	all := make([]alert.Incident, 0, len(byID))
	for _, i := range byID {
		all = append(all, i)
	}
	return all
}
