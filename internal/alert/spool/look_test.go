package spool_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
)

// A command beside the daemon reads its book, and leaves it as it is, also where it is damaged.
func TestLookIntoABook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if found, err := spool.Look(dir); err != nil || len(found) > 0 {
		t.Errorf("without a book: %v, %v", found, err)
	}
	inc := alert.Incident{ID: "0123456789", Key: alert.Key{Scope: alert.OfHost("vps-1"), Class: alert.Config}, Phase: alert.Open, LastAt: time.Now()}
	if err := spool.OpenBook(dir).Write(t.Context(), alert.Step{Incidents: []alert.Incident{inc}}); err != nil {
		t.Fatal(err)
	}
	if found, err := spool.Look(dir); err != nil || len(found) != 1 || found[0].Key != inc.Key {
		t.Errorf("one incident: %+v, %v", found, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("cut in ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := spool.Look(dir); err == nil {
		t.Errorf("a damaged book: %v", found)
	}
	if text, err := os.ReadFile(files[0]); err != nil || string(text) != "cut in ha" {
		t.Errorf("it was changed: %q, %v", text, err)
	}
}
