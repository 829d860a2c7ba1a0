package outline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/config/outline"
	"ordersync/internal/config/value"
)

func TestFlatten(t *testing.T) {
	t.Parallel()
	type part struct {
		Timeout value.Duration `yaml:"timeout"`
		Own     int            `yaml:"-"`
	}
	got := map[string]string{}
	outline.Flatten(got, "http", struct {
		Kind   string            `yaml:"kind,short"`
		Key    value.Secret      `yaml:"key"`
		Empty  value.Secret      `yaml:"empty"`
		Part   *part             `yaml:"part"`
		Day    time.Time         `yaml:"day"`
		Words  []string          `yaml:"words"`
		Query  map[string]string `yaml:"query"`
		Number int               `yaml:"number"`
	}{
		Kind: "rest", Key: value.NewSecret("hush"), Part: &part{Timeout: value.Duration(5 * time.Second), Own: 1},
		Day: time.Date(2026, 3, 1, 8, 0, 0, 0, time.FixedZone("", 8*3600)), Words: []string{"hush", "b"}, Query: map[string]string{"a": "hush"}, Number: 3,
	})
	want := map[string]string{
		"http.kind": outline.Hash("rest"), "http.key": "given", "http.part.timeout": "5s", "http.day": "2026-03-01T00:00:00Z",
		"http.words": outline.Hash("hush, b"), "http.query.a": outline.Hash("hush"), "http.number": "3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A credential that was handed over at the start differs with a restart only, any other at once.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, atStart := range []bool{true, false} {
		for _, name := range []string{outline.Credential, outline.Session, outline.SealKey} {
			was := outline.Outline{CredentialsAtStart: atStart, Sources: map[string]map[string]string{"shop": {name: "#1"}}}
			changes := was.ChangesTo(outline.Outline{Sources: map[string]map[string]string{"shop": {name: "#2"}}})
			if len(changes) != 1 || changes[0].Restart != atStart || changes[0].String() != "source shop: "+name+" differs" {
				t.Errorf("%s, handed over at the start %t: %v", name, atStart, changes)
			}
		}
	}
}
