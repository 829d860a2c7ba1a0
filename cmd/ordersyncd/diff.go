package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ordersync/internal/config/outline"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
)

const (
	textDiffFlag   = "say what a reload of the running daemon would change"
	textDiffOf     = "Compared with the daemon %s, which has been running for %s"
	textDiffFile   = " with %s"
	textDiffNone   = "  A reload would change nothing.\n"
	textDiffReload = "  A reload (systemctl reload ordersyncd) would change:\n"
	textDiffStart  = "  With a restart only (systemctl restart ordersyncd):\n"
	textDiffOlder  = "the program itself: the daemon is %s, this is %s"
	textDiffLater  = "the credential %s, which is newer than the daemon's start"
	textDiffRefuse = "  A reload would be refused: %s\n"
	textNoDaemon   = "no daemon that runs on this database has told what it works with"

	remedyNoDaemon = "Where it runs on the database of the file as it was before: a change of the database needs a restart."

	// silence is how long after its last word a daemon counts as running: it says that it lives every minute.
	silence = 3 * time.Minute
)

// sibling is a daemon that runs and what it said of itself.
type sibling struct {
	mysql.DaemonRow
	outline.Outline
}

// diff says what a reload would do to the daemons that run with this file, or to all where none does.
func (p *program) diff(ctx context.Context, w *works) error {
	if err := w.db.SchemaOK(ctx); err != nil {
		return err
	}
	running, err := p.runningDaemons(ctx, w)
	if err != nil {
		return err
	}
	wanted := effectiveOf(w.cfg)
	refused := w.db.TrySources(ctx, w.sourceRows())
	if refused != nil && fault.KindOf(refused) != fault.Config {
		return refused
	}
	for _, d := range running {
		title := fmt.Sprintf(textDiffOf, d.Holder, figures.Span(d.Now.Sub(d.StartedAt)))
		if d.File != p.file() {
			title += fmt.Sprintf(textDiffFile, d.File)
		}
		p.screen.printf("%s\n", p.screen.bold(title+":", p.screen.outPlain))
		changes := d.ChangesTo(wanted)
		reload, restart := textsOf(changes, false), textsOf(changes, true)
		if d.Version != wanted.Version {
			restart = append(restart, fmt.Sprintf(textDiffOlder, d.Version, wanted.Version))
		}
		for _, name := range p.credentialsSince(d) {
			restart = append(restart, fmt.Sprintf(textDiffLater, name))
		}
		switch {
		case len(reload) == 0:
			p.screen.printf(textDiffNone)
		case refused != nil:
			p.screen.printf(textDiffRefuse, refused)
		}
		p.listChanges(textDiffReload, reload)
		p.listChanges(textDiffStart, restart)
	}
	return nil
}

func (p *program) listChanges(head string, changes []string) {
	if len(changes) > 0 {
		p.screen.printf("%s", head)
	}
	for _, c := range changes {
		p.screen.printf("    %s\n", c)
	}
}

// runningDaemons are those of this machine with this file; where there are none, all.
func (p *program) runningDaemons(ctx context.Context, w *works) ([]sibling, error) {
	rows, err := w.db.Daemons(ctx)
	if err != nil {
		return nil, err
	}
	var all, own []sibling
	for _, row := range rows {
		d := sibling{DaemonRow: row}
		if row.Now.Sub(row.SeenAt) > silence {
			continue
		}
		if err := json.Unmarshal([]byte(row.Configuration), &d.Outline); err != nil {
			return nil, fault.Errorf(fault.Internal, "what the daemon %s said of itself cannot be read: %w", row.Holder, err)
		}
		all = append(all, d)
		if d.Host == hostName() && d.File == p.file() {
			own = append(own, d)
		}
	}
	if len(all) == 0 {
		return nil, &remedyError{err: errors.New(textNoDaemon), remedy: remedyNoDaemon}
	}
	if len(own) > 0 {
		return own, nil
	}
	return all, nil
}

// credentialsSince are the files that systemd has not handed over to the daemon yet, as far as this account may see them.
func (p *program) credentialsSince(d sibling) []string {
	if !d.CredentialsAtStart || d.Host != hostName() {
		return nil
	}
	var newer []string
	for _, folder := range p.credentialFolders() {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // there may be none, or this account may not look
		}
		for _, entry := range entries {
			if about, err := entry.Info(); err == nil && about.Mode().IsRegular() && about.ModTime().After(d.StartedAt) {
				newer = append(newer, filepath.Join(folder, entry.Name()))
			}
		}
	}
	slices.SortFunc(newer, cmp.Compare)
	return newer
}
