package main

import (
	"path/filepath"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
)

// What a mail about a database that is away says to type works while it is away.
func TestIncidentsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := newStage(t, 0)
	now := time.Now().UTC()
	key := alert.Key{Scope: alert.OfHost("vps-1"), Class: alert.Database}
	away := alert.Incident{
		ID: alert.ID(key, now), Key: key, Phase: alert.Open, Since: now, OpenedAt: now, ToldAt: now, Seq: 1, ToldSeq: 1, Failures: 4,
		Jobs: map[string]*alert.Job{"database": {Since: now, Failures: 4}}, Kind: "database", Error: "connection refused", Host: "vps-1",
	}
	if err := spool.OpenBook(filepath.Join(s.folder, "state")).Write(t.Context(), alert.Step{Incidents: []alert.Incident{away}}); err != nil {
		t.Fatal(err)
	}
	s.want(s.run("incident", "show", away.ID), 0, "Incident "+away.ID+": db of host vps-1", "connection refused", "grep "+away.ID)
	s.secret("dsn", "ordersync:pw@unix("+filepath.Join(s.folder, "nowhere.sock")+")/ordersync")
	s.want(s.run("incident", "list"), 1, away.ID, "connection refused", "nowhere.sock", "See that the database server runs")
	show := s.run("incident", "show", away.ID[:4])
	s.want(show, 0, "Incident "+away.ID+": db of host vps-1", "told", "connection refused", "grep "+away.ID)
	s.want(s.run("incident", "show", "ffff0"), 1, "nowhere.sock", "See that the database server runs")
	s.want(s.run("incident", "mute", away.ID), 1, "concerns this machine alone")
}

// What is seen and not run is not counted: a key that ends does not fail each minute.
func TestConditionsHaveNoFailures(t *testing.T) {
	t.Parallel()
	if got := failuresText(0); got != "-" {
		t.Errorf("%q", got)
	}
	if got := failuresText(1200); got != "1,200" {
		t.Errorf("%q", got)
	}
}
