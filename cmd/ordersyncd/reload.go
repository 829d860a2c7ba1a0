package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"ordersync/internal/config"
	"ordersync/internal/config/outline"
	"ordersync/internal/fault"
	"ordersync/internal/schedule"
)

const (
	logReloaded    = "the configuration takes effect"
	logSame        = "the configuration is as it was"
	logWrong       = "the configuration is wrong now; the running one stays"
	logTokenLost   = "the new token of a shop is lost"
	logRestart     = "this takes effect with a restart of ordersyncd only"
	logCredentials = "credentials are newer than the start: they take effect with a restart of ordersyncd only"
	logGivenOnce   = "credentials that systemd hands over are read at the start only: a new one needs its LoadCredential= line and a restart"

	statusReloading  = "reading the configuration again"
	remedyReloadDB   = "Reload again when the database answers."
	remedyReloadSpot = "Correct it and reload again; 'ordersyncd check --diff' shows what a reload would do."

	// credentialFolder is where systemd reads the credentials.
	credentialFolder = "/etc/ordersync/credentials"
)

// hearHangups reloads at each SIGHUP until ctx ends.
func (k *keeper) hearHangups(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		notify(reloading() + "\nSTATUS=" + statusReloading)
		k.reload(ctx)
		notify(daemon.SdNotifyReady + "\nSTATUS=" + k.status(time.Now()))
	}
}

// reload reads the configuration again and puts it in force, whole or not at all. Runs under way end under the one that they began
// with, and what they hold is given back then.
func (k *keeper) reload(ctx context.Context) {
	k.tellNewCredentials(ctx)
	cfg, err := k.program.read()
	if err != nil {
		k.refuse(ctx, err)
		return
	}
	was := k.works()
	was.clean.Learn(cfg.Secrets())
	k.warn(ctx, cfg)
	running, wanted := k.describe(was.cfg), k.describe(cfg)
	running.CredentialsAtStart = false // what differs now was read now
	changes := running.ChangesTo(wanted)
	fixed := k.tellFixed(ctx, was.cfg, cfg, changes)
	told := textsOf(changes, false)
	if len(told) == 0 && !fixed {
		k.log.LogAttrs(ctx, slog.LevelInfo, logSame)
	}
	if len(told) == 0 {
		k.noteReload(nil)
		return
	}
	next, schedules, jobs, err := k.replacement(was, cfg, running, wanted)
	var others ways
	if err == nil {
		others, err = openWays(cfg, was.clean, k.log)
	}
	if err == nil {
		err = k.rememberSources(ctx, next)
	}
	if err != nil {
		k.refuse(ctx, err)
		return
	}
	k.replace(ctx, next, schedules)
	k.scheduler.Replace(jobs)
	k.teller.SetRules(rulesOf(next.cfg))
	k.useWays(next.cfg, others)
	k.noteReload(nil)
	k.tellOthers(ctx, true)
	k.log.LogAttrs(ctx, slog.LevelInfo, logReloaded, slog.String("changes", strings.Join(told, "; ")),
		slog.Int("sources", len(next.cfg.Sources)), slog.Int("jobs", len(next.cfg.Jobs)))
}

// textsOf are the changes that need a restart, or the others.
func textsOf(changes []outline.Change, restart bool) []string {
	var texts []string
	for _, c := range changes {
		if c.Restart == restart {
			texts = append(texts, c.String())
		}
	}
	return texts
}

// replacement is what the new configuration makes of what is in force: the parts that need a restart stay as they are, and so do the
// accounts of sources that did not change, with their connections.
func (k *keeper) replacement(was *works, cfg *config.Config, running, wanted outline.Outline) (
	next *works, schedules map[string]schedule.Schedule, jobs []schedule.Job, err error,
) {
	effective := *cfg
	effective.State, effective.Database = was.cfg.State, was.cfg.Database
	next = &works{cfg: &effective, db: was.db, log: was.log, clean: was.clean, getenv: was.getenv, accounts: map[string]*account{}}
	around, err := next.surroundings(cfg)
	if err != nil {
		return nil, nil, nil, mistakeAt(cfg, err, "encryption", "key")
	}
	for _, source := range cfg.Sources {
		a := was.accounts[source.Name]
		if a == nil || len(outline.Differing(running.Sources[source.Name], wanted.Sources[source.Name])) > 0 {
			if a, err = openAccount(source, around); err != nil {
				return nil, nil, nil, mistakeAt(cfg, err, "sources", source.Name)
			}
		}
		next.accounts[source.Name] = a
	}
	schedules, jobs, err = k.jobs(next)
	return next, schedules, jobs, err
}

// mistakeAt gives an error its place in the file.
func mistakeAt(cfg *config.Config, err error, at ...string) error {
	return &config.Problems{List: []config.Problem{cfg.Problem(err.Error(), remedies[fault.Config].remedy, at...)}}
}

// replace puts next in force. Accounts that it lacks are closed now or, where a run is under way, with that run's end.
func (k *keeper) replace(ctx context.Context, next *works, schedules map[string]schedule.Schedule) {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.inForce
	k.added = added(k.added, k.schedules, schedules, time.Now())
	k.inForce, k.schedules = next, schedules
	for name, a := range was.accounts {
		if next.accounts[name] != a && k.busy[a] == 0 {
			k.giveUp(ctx, a)
		}
	}
}

// added are the times from which on jobs count that came with a reload, or whose schedule did.
func added(known map[string]time.Time, was, is map[string]schedule.Schedule, now time.Time) map[string]time.Time {
	times := map[string]time.Time{}
	for name, s := range is {
		switch old := was[name]; {
		case old == nil || old.String() != s.String():
			times[name] = now
		case !known[name].IsZero():
			times[name] = known[name]
		}
	}
	return times
}

// giveUp closes an account that is out of force.
func (k *keeper) giveUp(ctx context.Context, a *account) {
	if err := a.close(); err != nil {
		_, remedy := explain(err)
		k.log.LogAttrs(ctx, slog.LevelError, logTokenLost, slog.String("source", string(a.name)), slog.String("error", err.Error()),
			slog.String("remedy", remedy))
	}
}

// rememberSources notes the new sources; where it refuses, nothing may change.
func (k *keeper) rememberSources(ctx context.Context, next *works) error {
	ctx, cancel := withGreeting(ctx)
	defer cancel()
	err := next.greet(ctx)
	if err != nil && fault.KindOf(err) != fault.Config {
		return &remedyError{err: err, remedy: remedyReloadDB}
	}
	return err
}

// refuse tells why the running configuration stays.
func (k *keeper) refuse(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	k.noteReload(err)
	problems, ok := errors.AsType[*config.Problems](err)
	if !ok {
		_, remedy := explain(err)
		if remedy == "" || fault.KindOf(err) == fault.Config {
			remedy = remedyReloadSpot
		}
		k.log.LogAttrs(ctx, slog.LevelError, logWrong, slog.String("at", k.program.config), slog.String("error", err.Error()), slog.String("remedy", remedy))
		return
	}
	for _, problem := range problems.List {
		k.log.LogAttrs(ctx, slog.LevelError, logWrong,
			slog.String("at", problem.Place()), slog.String("error", problem.Message), slog.String("remedy", problem.Remedy))
	}
	if k.givenFolder() != "" {
		k.log.LogAttrs(ctx, slog.LevelInfo, logGivenOnce)
	}
}

// tellFixed tells what differs and is read at the start only, and reports whether anything does.
func (k *keeper) tellFixed(ctx context.Context, was, is *config.Config, changes []outline.Change) bool {
	texts := textsOf(changes, true)
	if !was.Database.Password.Equal(is.Database.Password) || !was.Database.DSN.Equal(is.Database.DSN) {
		texts = append(texts, "the password or dsn of the database differs")
	}
	if len(texts) > 0 {
		k.log.LogAttrs(ctx, slog.LevelWarn, logRestart, slog.String("changes", strings.Join(texts, "; ")))
	}
	return len(texts) > 0
}

// givenFolder is where systemd has put the credentials that it handed over at the start; empty where it did not.
func (k *keeper) givenFolder() string { return k.program.getenv("CREDENTIALS_DIRECTORY") }

// tellNewCredentials tells which files are newer than what systemd made of them at the start. The daemon may see the folder alone, and
// not into it; then it is the folder's own time that tells that a file came or was replaced.
func (k *keeper) tellNewCredentials(ctx context.Context) {
	given := k.givenFolder()
	if given == "" {
		return // the files themselves are read, also at a reload
	}
	entries, err := os.ReadDir(given)
	if err != nil {
		k.log.LogAttrs(ctx, slog.LevelWarn, "the credentials cannot be compared", slog.String("error", err.Error()))
		return
	}
	var newer []string
	for _, folder := range k.program.credentialFolders() {
		seen := false
		for _, entry := range entries {
			copied, err := entry.Info()
			file, fileErr := os.Stat(filepath.Join(folder, entry.Name()))
			if err != nil || fileErr != nil {
				continue
			}
			seen = true
			if file.ModTime().After(copied.ModTime()) {
				newer = append(newer, filepath.Join(folder, entry.Name()))
			}
		}
		if about, err := os.Stat(folder); err == nil && !seen && about.ModTime().After(k.started) {
			newer = append(newer, folder)
		}
	}
	if len(newer) > 0 {
		k.log.LogAttrs(ctx, slog.LevelWarn, logCredentials, slog.String("credentials", strings.Join(newer, ", ")))
	}
}

// credentialFolders are where credentials lie before systemd hands them over: beside the file, and in the usual place.
func (p *program) credentialFolders() []string {
	return slices.Compact([]string{filepath.Join(filepath.Dir(p.config), "credentials"), credentialFolder})
}

// describe is what a daemon with this configuration tells of itself.
func (k *keeper) describe(cfg *config.Config) outline.Outline {
	e := effectiveOf(cfg)
	e.Host, e.File, e.CredentialsAtStart = hostName(), k.program.file(), k.givenFolder() != ""
	return e
}

// file is the configuration's path, which means the same from everywhere.
func (p *program) file() string {
	path, err := filepath.Abs(p.config)
	if err != nil {
		return p.config
	}
	return path
}

// hostName is this machine's name.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// tellOthers keeps the daemon's row in the database: what it works with where that is new, else only that it lives.
func (k *keeper) tellOthers(ctx context.Context, anew bool) {
	ctx, cancel := withGreeting(ctx)
	defer cancel()
	k.mu.Lock()
	e, anew := k.describe(k.inForce.cfg), anew || !k.told
	k.mu.Unlock()
	var err error
	if !anew {
		var seen bool
		seen, err = k.db.SeeDaemon(ctx, k.holder)
		anew = err == nil && !seen
	}
	if anew {
		var text []byte
		if text, err = json.Marshal(e); err == nil {
			err = k.db.NoteDaemon(ctx, k.holder, string(text), time.Since(k.started))
		}
		k.mu.Lock()
		k.told = err == nil
		k.mu.Unlock()
	}
	k.troubled(ctx, "what this daemon works with is not told to the others", err)
}
