package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/status"
)

const (
	textIncidentShort = "Shows what fails and what was told of it"
	textIncidentLong  = `An incident is one failing condition from its first failure to its recovery. It
is told once when it opens, seldom while it goes on, and once when it is over. An
id may be shortened to its first digits.`
	textIncidentListShort = "Lists the incidents that are not over"
	textIncidentAll       = "also those that are over"
	textIncidentShowShort = "Shows one incident, and what was told of it by which way"
	textIncidentMuteShort = "Silences one incident"
	textIncidentMuteLong  = `Silences one incident: until then neither its reminders nor its worsening are
told; its recovery is. Without --until it is silent for a day.

A time is a day (2026-03-01), a day and a time ("2026-03-01 14:30"), both in the
time zone of the configuration, or an instant with its offset.`
	textIncidentMuteExample = `  ordersyncd incident mute 3f9a12c4d7
  ordersyncd incident mute 3f9a --until "2026-03-01 14:30"`
	textIncidentUntil = "be silent until `TIME`"

	textIncidentHead   = "Incidents"
	textIncidentNone   = "There is no incident that is not over."
	textIncidentNever  = "There has been no incident."
	textIncidentGone   = "there is no incident whose id begins with %q"
	textIncidentSee    = "'ordersyncd incident list --all' shows all; what concerns another machine alone is shown there."
	textIncidentTitle  = "Incident %s: %s of %s"
	textNoticesHead    = "What was told"
	textNoticesNone    = "Nothing was told of it yet.\n"
	textIncidentLog    = "It concerns this machine alone. The log says by which ways it was told: journalctl -u ordersyncd | grep %s\n"
	textIncidentMuted  = "Silent%s: %s of %s. Its recovery is told.\n"
	textIncidentIsOver = "the incident %s is over since %s"
	textIncidentOwn    = "the incident %s concerns this machine alone and cannot be silenced"
	textIncidentOwnSee = "It is over as soon as its cause is; 'ordersyncd incident show' names that."
	textMutedBy        = "until %s, by %s"

	// muteFor is how long an incident is silent where nobody says until when.
	muteFor = 24 * time.Hour
	// errorWidth is how many characters of an error stand in a table.
	errorWidth = 80
)

func (p *program) incidentCommand() *cobra.Command {
	group := &cobra.Command{Use: "incident", Short: textIncidentShort, Long: textIncidentLong, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	var all bool
	list := &cobra.Command{
		Use: "list", Short: textIncidentListShort, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listIncidents(cmd, all) },
	}
	list.Flags().BoolVar(&all, "all", false, textIncidentAll)
	var until string
	mute := &cobra.Command{
		Use: "mute ID", Short: textIncidentMuteShort, Long: textIncidentMuteLong, Example: textIncidentMuteExample,
		Args: exactly("the ID of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.muteIncident(cmd, args[0], until) },
	}
	mute.Flags().StringVar(&until, "until", "", textIncidentUntil)
	group.AddCommand(list, mute, &cobra.Command{
		Use: "show ID", Short: textIncidentShowShort, Args: exactly("the ID of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.showIncident(cmd, args[0]) },
	})
	return group
}

// listIncidents lists also without the database, as far as it can: what its absence means stands in this machine's own book.
func (p *program) listIncidents(cmd *cobra.Command, all bool) (err error) {
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	v, err := w.view()
	if err != nil {
		return err
	}
	var incidents []alert.Incident
	away := w.db.SchemaOK(cmd.Context())
	if away == nil {
		incidents, away = v.Incidents(cmd.Context(), all)
	} else {
		incidents = v.OwnIncidents(all)
	}
	s := p.screen
	var rows []table.Row
	for _, i := range incidents {
		end := "-"
		if i.Phase == alert.Recovered {
			end = s.at(i.RecoveredAt)
		}
		rows = append(rows, table.Row{i.ID, i.Class, i.Scope, i.Phase, s.at(i.Since), end, failuresText(status.Failures(i)), shortened(i.Error)})
	}
	s.table(textIncidentHead, table.Row{"id", "class", "what", "phase", "since", "over", "failures", "last error"}, rows)
	switch {
	case len(rows) > 0 || away != nil:
	case all:
		s.notice(textIncidentNever)
	default:
		s.notice(textIncidentNone)
	}
	return away
}

// failuresText is how many runs failed; nothing of what is not about runs.
func failuresText(n int) string {
	if n == 0 {
		return "-"
	}
	return figures.Number(n)
}

// shortened is the begin of a text that a table has no room for.
func shortened(text string) string {
	if runes := []rune(text); len(runes) > errorWidth {
		return string(runes[:errorWidth-1]) + "…"
	}
	return text
}

// incident finds the incident whose id begins so; own says that it concerns this machine alone.
func (w *works) incident(ctx context.Context, prefix string) (found *alert.Incident, own bool, err error) {
	prefix = strings.ToLower(prefix)
	for _, i := range w.ownIncidents() {
		if prefix != "" && strings.HasPrefix(i.ID, prefix) {
			return &i, true, nil
		}
	}
	if err := w.db.SchemaOK(ctx); err != nil {
		return nil, false, err
	}
	i, err := w.db.Incident(ctx, prefix)
	if errors.Is(err, mysql.ErrNotStored) {
		return nil, false, &remedyError{err: fmt.Errorf(textIncidentGone, prefix), remedy: textIncidentSee}
	}
	if fault.KindOf(err) == fault.Config { // what was typed is at fault, and not the file
		return nil, false, &remedyError{err: errors.New(err.Error()), remedy: textIncidentSee}
	}
	return i, false, err
}

func (p *program) showIncident(cmd *cobra.Command, prefix string) (err error) {
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	i, own, err := w.incident(cmd.Context(), prefix)
	if err != nil {
		return err
	}
	if own { // what was told of it, and by which way, only its daemon's log knows
		p.printIncident(i)
		p.screen.printf(textIncidentLog, i.ID)
		return nil
	}
	deliveries, err := w.db.Deliveries(cmd.Context(), *i)
	if err != nil {
		return err
	}
	p.printIncident(i)
	p.printDeliveries(i, deliveries)
	return nil
}

func (p *program) printIncident(i *alert.Incident) {
	s := p.screen
	row := func(name, value string) {
		if value != "" && value != "-" {
			s.printf("  %-12s %s\n", name, value)
		}
	}
	s.printf("%s\n", s.bold(fmt.Sprintf(textIncidentTitle, i.ID, i.Class, status.Subject(*i)), s.outPlain))
	row("phase", string(i.Phase))
	row("since", s.at(i.Since))
	row("opened", s.at(i.OpenedAt))
	row("last seen", s.at(i.LastAt))
	row("over", s.at(i.RecoveredAt))
	row("told", s.at(i.ToldAt))
	if i.Reopened > 0 {
		row("came back", figures.Count(i.Reopened, "time"))
	}
	row("failures", failuresText(status.Failures(*i)))
	row("jobs", strings.Join(slices.Sorted(maps.Keys(i.Jobs)), ", "))
	row("last run", i.RunID)
	row("kind", i.Kind)
	row("error", sentence(i.Error))
	row("advice", i.Facts.Remedy)
	row("type", i.Facts.Command)
	row("host", i.Host)
	if !i.MutedUntil.IsZero() {
		row("muted", fmt.Sprintf(textMutedBy, s.at(i.MutedUntil), i.MutedBy))
	}
	s.printf("\n")
}

// printDeliveries prints what was told of an incident, by which way, and what became of it.
func (p *program) printDeliveries(i *alert.Incident, deliveries []alert.Delivery) {
	s := p.screen
	var rows []table.Row
	for _, d := range deliveries {
		at := d.EndedAt
		if d.State == alert.Waiting {
			at = d.NextAt
		}
		rows = append(rows, table.Row{s.at(d.Notice.At), told(d.Notice, i.ID), d.Channel, d.State, s.at(at), figures.Number(d.Attempts), d.Error, d.Notice.ID})
	}
	s.table(textNoticesHead, table.Row{"made", "what", "by", "state", "sent, or next try", "attempts", "error", "notice"}, rows)
	if len(rows) == 0 {
		s.printf(textNoticesNone)
	}
}

// told is what a notice says of an incident: opened, recovered.
func told(n alert.Notice, id string) string {
	for _, item := range n.Items {
		if item.ID == id {
			return string(item.Change)
		}
	}
	return string(n.Sort)
}

func (p *program) muteIncident(cmd *cobra.Command, prefix, until string) (err error) {
	ctx := cmd.Context()
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	i, own, err := w.incident(ctx, prefix)
	if err != nil {
		return err
	}
	if own {
		return &remedyError{err: fmt.Errorf(textIncidentOwn, i.ID), remedy: textIncidentOwnSee}
	}
	if i.Phase == alert.Recovered {
		return &remedyError{err: fmt.Errorf(textIncidentIsOver, i.ID, p.screen.at(i.RecoveredAt)), remedy: textIncidentSee}
	}
	end, _, err := w.periodUntil(cmd, until)
	if err != nil {
		return err
	}
	if end.IsZero() {
		end = time.Now().Add(muteFor).Truncate(time.Second)
	}
	if err := w.audit(ctx, "incident mute", i.ID+" "+string(i.Class)+" "+string(i.Scope), stamp3339(end)); err != nil {
		return err
	}
	mute := &alert.Mute{ID: i.ID, Until: end, By: actor(w.getenv)}
	if err := w.db.Note(ctx, []alert.Observation{{At: time.Now(), Host: hostName(), Mute: mute}}); err != nil {
		return err
	}
	p.screen.printf(textIncidentMuted, p.untilText(end), i.Class, status.Subject(*i))
	return nil
}
