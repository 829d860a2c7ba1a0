package email_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"ordersync/internal/alert/email"
	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/words"
	"ordersync/internal/alert/words/samples"
	"ordersync/internal/browser"
)

const (
	// leastContrast is what WCAG 2 asks of ordinary text (AA), leastSize what can be read on a phone at night.
	leastContrast = 4.5
	leastSize     = 11
)

// TestPictures shows every sort of mail, as it arrives, in a real browser: on a phone and on a desk, by day and by night, in both
// languages. Nothing scrolls sideways, every word is there and can be seen, nothing leads or reaches anywhere. With -artifacts the
// pictures are kept, and else not taken.
func TestPictures(t *testing.T) {
	t.Parallel()
	b, err := browser.Start(t.Context(), browser.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	folder, keep := t.ArtifactDir(), flag.Lookup("test.artifacts").Value.String() == "true"
	for _, language := range []string{words.English, words.Chinese} {
		t.Run(language, func(t *testing.T) {
			mails := posted(t, language, zone)
			for i, sample := range samples.All() {
				t.Run(sample.Name, func(t *testing.T) {
					want := words.Of(sample.Notice, language, zone)
					for _, v := range []browser.View{
						{Width: 360, Phone: true, Scale: 2}, {Width: 360, Phone: true, Dark: true, Scale: 2}, {Width: 800}, {Width: 800, Dark: true},
					} {
						name := fmt.Sprintf("%s.%s.%d.light.png", sample.Name, language, v.Width)
						if v.Dark {
							name = strings.Replace(name, ".light.", ".dark.", 1)
						}
						v.Blind = !keep
						sight, err := b.Look(t.Context(), mails[i].HTML, v)
						if err != nil {
							t.Fatal(err)
						}
						if keep {
							if err := os.WriteFile(filepath.Join(folder, name), sight.PNG, 0o600); err != nil {
								t.Fatal(err)
							}
						}
						seenWhole(t, name, sight, v, want)
					}
				})
			}
		})
	}
}

// posted sends every sample through a real conversation and returns them as they arrived.
func posted(t *testing.T, language string, zone *time.Location) []smtptest.Message {
	t.Helper()
	s, err := smtptest.New(t.Context(), smtptest.Options{Security: smtptest.Plain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	boxes, err := email.New(email.Options{
		Host: s.Host(), Port: s.Port(), TLS: "none", From: "alerts@example.com", To: []string{"ops@example.com"}, Language: language, Zone: zone,
	})
	if err != nil || len(boxes) != 1 {
		t.Fatal(boxes, err)
	}
	messages := []smtptest.Message{}
	for _, sample := range samples.All() {
		if err := boxes[0].Send(t.Context(), sample.Notice); err != nil {
			t.Fatalf("%s: %v", sample.Name, err)
		}
		mails := s.Mails()
		message, err := mails[len(mails)-1].Parse()
		if err != nil || len(mails) != len(messages)+1 {
			t.Fatalf("%s: %d mails, %v", sample.Name, len(mails), err)
		}
		messages = append(messages, message)
	}
	return messages
}

func seenWhole(t *testing.T, name string, s browser.Sight, v browser.View, want words.Text) {
	t.Helper()
	if s.Window != v.Width || s.Width > v.Width {
		t.Errorf("%s: the page is %d wide in a window of %d", name, s.Width, s.Window)
	}
	if len(s.Links) > 0 || len(s.Remote) > 0 {
		t.Errorf("%s: leads to %q, loads %q", name, s.Links, s.Remote)
	}
	var seen strings.Builder
	for _, text := range s.Texts {
		if text.Visible {
			seen.WriteString(text.Text)
			if text.Contrast < leastContrast || text.Size < leastSize {
				t.Errorf("%s: hard to read, contrast %.1f, size %.0f: %q", name, text.Contrast, text.Size, text.Text)
			}
		} else if !strings.Contains(squeezed(text.Text), squeezed(want.Preview)) {
			t.Errorf("%s: cannot be seen: %+v", name, text)
		}
	}
	page := squeezed(seen.String())
	for _, text := range samples.Body(want) {
		if !strings.Contains(page, squeezed(text)) {
			t.Errorf("%s: lacks %q", name, text)
		}
	}
}

// squeezed is a text without what a browser draws differently: blanks and the marks that let a line break.
func squeezed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == '\u034f' {
			return -1
		}
		return r
	}, text)
}
