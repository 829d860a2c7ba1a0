package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/alert"
	"ordersync/internal/figures"
	"ordersync/internal/intake"
	"ordersync/internal/status"
)

const (
	textStatusShort = "Shows how far everything is, and whether all is well"
	textStatusLong  = `Shows the jobs with the point up to which everything is stored, their last and
next runs, the sources, who works on what, and says in one sentence whether all
is well, and if not what to type.

All is well when the tables fit this program, no shop refuses its credential, no
shop's authorisation or key ends within a day, no gap is waiting to be taken
notice of, no other incident is open that nobody muted, alerts get through, and
every job's last run was good (or one is under way), ended not longer ago than
its schedule allows, and, for a job that reads what is new, reached a point not
further back than that: twice the time between two runs, and the source's
settle, and a minute. A first load, or a long one after an outage, is well while
it moves, and so is a source that is paused. Dead letters and totals that do not
add up are shown, but are no reason to be called at night.

Exit status: 0 all is well, 1 it is not or cannot be known, 2 wrong usage, 78
wrong configuration.`
	textStatusJSON = "as JSON, with keys that stay"

	textWell        = "All is well."
	textNotWell     = "Not well: %s"
	textType        = "Type: %s"
	textHeadJobs    = "Jobs"
	textHeadSources = "Sources"
	textHeadNow     = "Being worked on"
	textHeadRest    = "Spans that were asked for and are not done"
	textFailure     = "%s (%s): %s"
	textNever       = "never ran"
	textRunning     = "running"
	textRepeats     = ", again at %s"
	textSkipped     = ", %s skipped"
	textShort       = ", %s with a wrong total"
	textRefused     = "credential refused"
	textParked      = "pause until %s"
	textAhead       = "booked %s ahead"
	textFree        = "free"
	textRemoved     = "%s (removed)"
	textNoMark      = "nothing yet"
	textByCreation  = ", by creation"
	textLoading     = "first load: made before %s"
	textAuthNone    = "%s has no token"
	textAuthOpen    = "%s uses the token of the %s; nobody said when it ends"
	textAuthEnds    = "%s uses the token of the %s, until %s"
	textAuthRenewed = ", renewed until then"
	textAuthRefused = "refused since %s"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: textStatusShort, Long: textStatusLong, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.status(cmd.Context(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, textStatusJSON)
	return c
}

func (p *program) status(ctx context.Context, asJSON bool) (err error) {
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	v, err := w.view()
	if err != nil {
		return err
	}
	o, err := v.Overview(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		text, err := json.MarshalIndent(o, "", "  ")
		if err != nil {
			return err
		}
		p.screen.printf("%s\n", text)
	} else {
		p.showOverview(o)
	}
	if !o.Healthy {
		return &toldError{status: exitFailed}
	}
	return nil
}

func (p *program) showOverview(o *status.Overview) {
	s := p.screen
	var jobs, sources, works, spans []table.Row
	var failures, authorisations []string
	for _, j := range o.Jobs {
		jobs = append(jobs, table.Row{j.Name, j.Source, p.markText(j), p.lastText(j), s.at(value(j.NextTick))})
		if j.LastRun != nil && j.LastRun.Error != "" {
			failures = append(failures, fmt.Sprintf(textFailure, j.Name, j.LastRun.Kind, sentence(j.LastRun.Error)))
		}
	}
	for _, source := range o.Sources {
		name := source.Name
		if source.RemovedAt != nil {
			name = fmt.Sprintf(textRemoved, name)
		}
		dead := figures.Number(source.DeadLetters)
		if source.DeadLetters > 0 {
			dead = s.yellow(dead, s.outPlain)
		}
		if text := p.authorisationText(source); text != "" {
			authorisations = append(authorisations, text)
		}
		sources = append(sources, table.Row{name, source.Kind, source.Endpoint, dead, p.paceText(source.Pace)})
	}
	for _, l := range o.Leases {
		works = append(works, table.Row{cmp.Or(l.Source, "-"), l.Stream, l.Holder, s.at(l.Since), s.at(l.Until)})
	}
	for _, stream := range o.Streams {
		if stream.Open && !followed(stream.Stream) {
			spans = append(spans, table.Row{stream.Source, stream.Stream, s.at(value(stream.Watermark)), s.at(stream.UpdatedAt)})
		}
	}
	s.table(textHeadJobs, table.Row{"job", "source", "stored before", "last run", "next run"}, jobs)
	for _, failure := range failures {
		s.printf("  %s\n", failure)
	}
	if len(failures) > 0 {
		s.printf("\n")
	}
	s.table(textHeadSources, table.Row{"source", "kind", "endpoint", "dead letters", "pace"}, sources)
	for _, text := range authorisations {
		s.printf("  %s\n", text)
	}
	if len(authorisations) > 0 {
		s.printf("\n")
	}
	p.showAlerts(o)
	p.showGaps(o.Gaps)
	s.table(textHeadNow, table.Row{"source", "stream", "by", "since", "until"}, works)
	s.table(textHeadRest, table.Row{"source", "stream", "read before", "last step"}, spans)
	if o.Healthy {
		s.printf("%s\n", s.green(textWell, s.outPlain))
		return
	}
	s.printf("%s\n", s.red(fmt.Sprintf(textNotWell, sentence(o.Problem)), s.outPlain))
	if o.NextCommand != "" {
		s.printf(textType+"\n", s.bold(o.NextCommand, s.outPlain))
	}
}

// authorisationText says until when a shop may be read, and what is to be done about it.
func (p *program) authorisationText(source status.SourceStatus) string {
	a, s := source.Authorisation, p.screen
	if a == nil {
		return ""
	}
	text := fmt.Sprintf(textAuthNone, source.Name)
	switch {
	case a.Origin != "" && a.EndsAt == nil:
		text = fmt.Sprintf(textAuthOpen, source.Name, a.Origin)
	case a.Origin != "":
		text = fmt.Sprintf(textAuthEnds, source.Name, a.Origin, s.at(*a.EndsAt))
	}
	if a.Renewed {
		text += textAuthRenewed
	}
	if a.RefusedAt != nil {
		text += "; " + s.red(fmt.Sprintf(textAuthRefused, s.at(*a.RefusedAt)), s.outPlain)
	}
	if a.Warning != "" {
		colour := s.yellow
		if a.Urgent {
			colour = s.red
		}
		text += "; " + colour(a.Warning, s.outPlain)
	}
	return sentence(text)
}

func (p *program) showGaps(gaps []status.Gap) {
	var rows []table.Row
	for _, g := range gaps {
		rows = append(rows, table.Row{g.Number, g.Source, p.screen.at(g.Since), p.screen.at(g.Until), g.Reason})
	}
	p.screen.table(textGapHead, table.Row{"number", "source", "from", "to", "reason"}, rows)
}

// markText is how far a job has come.
func (p *program) markText(j status.JobStatus) string {
	switch {
	case j.Kind != alert.SyncJob:
		return "-"
	case j.LoadedBefore != nil:
		return fmt.Sprintf(textLoading, p.screen.at(*j.LoadedBefore))
	case j.Watermark == nil:
		return textNoMark
	}
	text := fmt.Sprintf("%s (%s)", p.screen.at(*j.Watermark), figures.Span(time.Duration(j.BehindSeconds)*time.Second))
	if j.FilteredBy == "created" {
		text += textByCreation
	}
	return text
}

// lastText is what became of a job's last run.
func (p *program) lastText(j status.JobStatus) string {
	s := p.screen
	text := textNever
	if r := j.LastRun; r != nil {
		colour := s.green
		if r.Outcome == "failed" {
			colour = s.red
		}
		text = fmt.Sprintf("%s %s", colour(r.Outcome, s.outPlain), s.at(r.EndedAt))
		if r.Shortfalls > 0 {
			text += fmt.Sprintf(textShort, figures.Count(r.Shortfalls, "window"))
		}
	}
	if j.Running {
		text = s.green(textRunning, s.outPlain) + ", before: " + text
	}
	if j.RepeatAt != nil {
		text += fmt.Sprintf(textRepeats, s.at(*j.RepeatAt))
	}
	if j.SkippedTicks > 0 {
		text += fmt.Sprintf(textSkipped, figures.Number(int(j.SkippedTicks)))
	}
	return text
}

func (p *program) paceText(pace *status.Pace) string {
	s := p.screen
	switch {
	case pace == nil:
		return textFree
	case pace.RefusedAt != nil:
		return s.red(textRefused, s.outPlain)
	case pace.ParkedUntil != nil:
		return s.yellow(fmt.Sprintf(textParked, s.at(*pace.ParkedUntil)), s.outPlain)
	case pace.AheadSeconds >= 1:
		return fmt.Sprintf(textAhead, figures.Span(time.Duration(pace.AheadSeconds)*time.Second))
	}
	return textFree
}

// followed reports whether a stream is one that jobs follow by themselves.
func followed(stream string) bool {
	return slices.Contains([]string{intake.StreamOrders, intake.StreamSweep, intake.StreamRefunds, streamParcels}, stream) || intake.IsHistory(stream)
}

// value is what a pointer points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
