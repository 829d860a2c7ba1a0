package spool_test

import (
	"fmt"
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

// What is over can be looked at for a month, and is worked on no more.
func TestPastIncidents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now().UTC()
	over := func(id string, ago time.Duration) alert.Incident {
		return alert.Incident{
			ID: id, Key: alert.Key{Scope: alert.OfHost("vps-1"), Class: alert.Database}, Phase: alert.Recovered, Since: now.Add(-ago - time.Minute),
			OpenedAt: now.Add(-ago - time.Minute), RecoveredAt: now.Add(-ago), Seq: 2, ToldSeq: 2,
		}
	}
	blip := over("blip", time.Hour)
	blip.OpenedAt = time.Time{}
	step := alert.Step{Incidents: []alert.Incident{over("ancient", 31*24*time.Hour), blip, over("calm", time.Hour), over("fresh", time.Minute)}}
	book := spool.OpenBook(dir)
	if err := book.Write(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	worked, err := book.Read(t.Context())
	if err != nil || len(worked.Incidents) != 1 || worked.Incidents[0].ID != "fresh" {
		t.Errorf("worked on: %+v, %v", worked.Incidents, err)
	}
	if seen, err := spool.Look(dir); err != nil || len(seen) != 2 || seen[0].ID != "calm" || seen[1].ID != "fresh" {
		t.Errorf("to be seen: %+v, %v", seen, err)
	}
	var many alert.Step
	for n := range 70 {
		many.Incidents = append(many.Incidents, over(fmt.Sprint("n", n), time.Duration(100-n)*time.Hour))
	}
	if err := book.Write(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	seen, err := spool.Look(dir)
	if err != nil || len(seen) != 51 || seen[len(seen)-1].ID != "n69" || seen[0].ID != "fresh" {
		t.Errorf("%d to be seen, %v", len(seen), err)
	}
}
