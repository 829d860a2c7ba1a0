package email_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert/email"
	"ordersync/internal/alert/words"
	"ordersync/internal/alert/words/samples"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shanghai is the zone of the samples.
func shanghai() *time.Location { return time.FixedZone("CST", 8*60*60) }

// TestPages holds a page of every shape against the one that somebody has looked at.
func TestPages(t *testing.T) {
	t.Parallel()
	chosen := map[string]string{
		"outage": words.Chinese, "outage-over": words.English, "two-sources": words.English, "digest": words.Chinese, "weekly": words.English,
	}
	for _, s := range samples.All() {
		language, ok := chosen[s.Name]
		if !ok {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			got, err := email.HTML(words.Of(s.Notice, language, shanghai()))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", s.Name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-read +now:\n%s", diff)
			}
		})
	}
}
