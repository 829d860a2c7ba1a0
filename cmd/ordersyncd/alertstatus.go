package main

import (
	"fmt"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"ordersync/internal/figures"
	"ordersync/internal/status"
)

const (
	textHeadIncidents  = "Open incidents"
	textHeadChannels   = "Ways by which alerts do not get through"
	textPauseLine      = "%s is paused since %s, by %s%s."
	textMutedUntil     = "until %s"
	textIncidentAbsent = "-"
)

// showAlerts prints the pauses, the open incidents and the channels that fail.
func (p *program) showAlerts(o *status.Overview) {
	s := p.screen
	paused := false
	for _, source := range o.Sources {
		if pause := source.Paused; pause != nil {
			paused = true
			s.printf("  %s\n", s.yellow(fmt.Sprintf(textPauseLine, source.Name, s.at(pause.Since), pause.By, p.untilText(value(pause.Until))), s.outPlain))
		}
	}
	if paused {
		s.printf("\n")
	}
	var incidents, channels []table.Row
	for _, i := range o.Incidents {
		muted := textIncidentAbsent
		if i.MutedUntil != nil {
			muted = fmt.Sprintf(textMutedUntil, s.at(*i.MutedUntil))
		}
		incidents = append(incidents, table.Row{i.ID, i.Class, i.Scope, s.at(i.Since), failuresText(i.Failures), muted})
	}
	s.table(textHeadIncidents, table.Row{"id", "class", "what", "since", "failures", "muted"}, incidents)
	failing := slices.DeleteFunc(slices.Clone(o.Channels), func(c status.Channel) bool { return c.Healthy })
	for _, c := range failing {
		channels = append(channels, table.Row{c.Name, figures.Number(c.Waiting), s.at(value(c.OldestAt)), shortened(c.Error)})
	}
	s.table(textHeadChannels, table.Row{"channel", "waiting", "since", "error"}, channels)
}
