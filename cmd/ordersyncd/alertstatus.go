package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"ordersync/internal/alert"
	"ordersync/internal/mysql"
)

const (
	textIncidentOpen   = "%s of %s has been failing since %s ago"
	textChannelFails   = "alerts do not get through by %s: %s"
	textHeadIncidents  = "Open incidents"
	textHeadChannels   = "Ways by which alerts do not get through"
	textPauseLine      = "%s is paused since %s, by %s%s."
	textMutedUntil     = "until %s"
	commandIncident    = "ordersyncd incident show %s"
	commandTestAlert   = "ordersyncd check --online --send-test-alert"
	textIncidentAbsent = "-"

	// channelFailures is how often a notice must have failed to get through for its channel to count as failing.
	channelFailures = 2
)

// incidentStatus is one incident, as JSON tells it.
type incidentStatus struct {
	ID    string `json:"id"`
	Class string `json:"class"`
	// Scope is what fails: source/NAME, job/NAME, host/NAME, channel/NAME or all.
	Scope      string     `json:"scope"`
	Source     string     `json:"source,omitempty"`
	Since      time.Time  `json:"since"`
	OpenedAt   time.Time  `json:"opened_at"`
	Failures   int        `json:"failures"`
	Kind       string     `json:"kind,omitempty"`
	Error      string     `json:"error,omitempty"`
	Host       string     `json:"host,omitempty"`
	MutedUntil *time.Time `json:"muted_until,omitempty"`
}

// channelStatus is one way by which people are told.
type channelStatus struct {
	Name    string `json:"name"`
	Healthy bool   `json:"healthy"`
	// Waiting is how many notices wait to be taken, OldestAt since when.
	Waiting  int        `json:"waiting"`
	OldestAt *time.Time `json:"oldest_at,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	Error    string     `json:"error,omitempty"`
	SentAt   *time.Time `json:"sent_at,omitempty"`
}

// pauseStatus is an operator's wish that a source is left alone.
type pauseStatus struct {
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"`
	By    string     `json:"by"`
}

// addAlerts notes the open incidents and the channels that fail, which are reasons not to be well.
func (o *overview) addAlerts(f facts) {
	for _, i := range f.incidents {
		if i.Phase != alert.Open {
			continue
		}
		s := incidentStatus{
			ID: i.ID, Class: string(i.Class), Scope: string(i.Scope), Source: i.Source, Since: i.Since.UTC(), OpenedAt: i.OpenedAt.UTC(),
			Failures: i.Failures, Kind: i.Kind, Error: i.Error, Host: i.Host,
		}
		if i.MutedUntil.After(f.now) {
			s.MutedUntil = maybe(i.MutedUntil)
		}
		o.Incidents = append(o.Incidents, s)
		o.complain(fmt.Sprintf(textIncidentOpen, i.Class, subject(i), span(f.now.Sub(i.Since))), fmt.Sprintf(commandIncident, i.ID))
	}
	for _, c := range f.channels {
		s := channelStatus{
			Name: c.Name, Healthy: c.Waiting == 0 || c.Attempts < channelFailures, Waiting: c.Waiting, OldestAt: maybe(c.Oldest), Attempts: c.Attempts,
			Error: c.Error, SentAt: maybe(c.SentAt),
		}
		o.Channels = append(o.Channels, s)
		if !s.Healthy {
			o.complain(fmt.Sprintf(textChannelFails, c.Name, c.Error), commandTestAlert)
		}
	}
}

// subject is what an incident is about, in a word or two.
func subject(i alert.Incident) string {
	sort, name := i.Scope.Split()
	switch {
	case i.Scope == alert.All:
		return "all sources"
	case sort == "source":
		return name
	}
	return sort + " " + name
}

// pauseStatusOf is a pause as JSON tells it; nil where there is none.
func pauseStatusOf(pauses map[string]mysql.Pause, source string) *pauseStatus {
	pause, ok := pauses[source]
	if !ok {
		return nil
	}
	return &pauseStatus{Since: pause.Since.UTC(), Until: maybe(pause.Until), By: pause.By}
}

// showAlerts prints the pauses, the open incidents and the channels that fail.
func (p *program) showAlerts(o *overview) {
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
		incidents = append(incidents, table.Row{i.ID, i.Class, i.Scope, s.at(i.Since), number(i.Failures), muted})
	}
	s.table(textHeadIncidents, table.Row{"id", "class", "what", "since", "failures", "muted"}, incidents)
	failing := slices.DeleteFunc(slices.Clone(o.Channels), func(c channelStatus) bool { return c.Healthy })
	for _, c := range failing {
		channels = append(channels, table.Row{c.Name, number(c.Waiting), s.at(value(c.OldestAt)), c.Error})
	}
	s.table(textHeadChannels, table.Row{"channel", "waiting", "since", "error"}, channels)
}
