package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
)

// weekInShort is what the weekly notice is made of.
func (k *keeper) weekInShort(t *testing.T) string {
	t.Helper()
	now := time.Now()
	w, err := k.week(t.Context(), now.AddDate(0, 0, -7), now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("incidents %d, open %d", w.Incidents, w.Open)
	for _, s := range w.Sources {
		text += fmt.Sprintf("; %s: new %d, late %v, paused %v", s.Source, s.New, s.Late, s.Paused)
	}
	return text
}

// The weekly notice says that all is well where it is: not beside a failure of this machine, a source that is paused, or orders that are
// not up to date.
func TestWeeklyIsTrue(t *testing.T) {
	t.Parallel()
	s := newStage(t, 12)
	k := s.keeper()
	want := func(text string) {
		t.Helper()
		if got := k.weekInShort(t); got != text {
			t.Errorf("%s; want %s", got, text)
		}
	}
	want("incidents 0, open 0; us-store: new 0, late true, paused false") // nothing was read yet
	s.want(s.run("sync", "us-orders"), 0)
	want("incidents 0, open 0; us-store: new 12, late false, paused false")
	s.want(s.run("pause", "us-store"), 0)
	want("incidents 0, open 0; us-store: new 12, late false, paused true")
	s.want(s.run("resume", "us-store"), 0)
	s.exec(s.db(), "UPDATE checkpoints SET watermark = watermark - INTERVAL 3 DAY")
	want("incidents 0, open 0; us-store: new 12, late true, paused false")
	s.exec(s.db(), "UPDATE checkpoints SET watermark = watermark + INTERVAL 3 DAY")

	now := time.Now().UTC()
	key := alert.Key{Scope: alert.OfHost("vps-1"), Class: alert.Config}
	i := alert.Incident{ID: alert.ID(key, now), Key: key, Phase: alert.Open, Since: now, OpenedAt: now, Seq: 1, ToldSeq: 1}
	if err := spool.OpenBook(filepath.Join(s.folder, "state")).Write(t.Context(), alert.Step{Incidents: []alert.Incident{i}}); err != nil {
		t.Fatal(err)
	}
	want("incidents 1, open 1; us-store: new 12, late false, paused false")
}
