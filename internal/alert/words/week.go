package words

import (
	"ordersync/internal/alert"
)

// mostSources is how many sources a weekly notice lists.
const mostSources = 40

// week is the text of a weekly notice.
func (w *writer) week() Text {
	l, week := w.language.weekly, alert.Week{}
	if w.notice.Week != nil {
		week = *w.notice.Week
	}
	var sum alert.SourceWeek
	for _, s := range week.Sources {
		sum.New, sum.Changed, sum.DeadLetters = sum.New+s.New, sum.Changed+s.Changed, sum.DeadLetters+s.DeadLetters
	}
	values := []string{
		"n", w.number(week.Open), "orders", w.orders(sum.New), "sources", w.number(len(week.Sources)) + " " + w.thing("source", len(week.Sources)),
	}
	t := Text{
		Tone: Good, Badge: l.badge, Subject: w.fill(l.subject, values...), Headline: w.fill(l.headline, values...), Footer: []string{w.made()},
	}
	first := Block{Paragraphs: []string{w.fill(l.meaning, values...)}}
	if week.Open > 0 {
		t.Tone, t.Subject, t.Headline = Warn, w.fill(l.subjectOpen, values...), w.fill(l.headlineOpen, values...)
		first.Paragraphs = []string{w.fill(l.meaningOpen, values...)}
		first.Commands = w.explain([]string{"ordersyncd incident list"})
	}
	incidents := l.incidentsOf
	if week.Open == 0 {
		incidents = l.incidentsNone
	}
	first.Rows = []Row{
		{l.span, span(week.Since, week.Until, w.zone)},
		{l.runs, w.fill(l.runsOf, "n", w.number(week.Runs), "failed", w.number(week.Failed))},
		{l.incidents, w.fill(incidents, "n", w.number(week.Incidents), "open", w.number(week.Open))},
	}
	t.Blocks = []Block{first}
	if len(week.Sources) > 0 {
		t.Blocks = append(t.Blocks, Block{Table: w.weekTable(week, sum)})
	}
	return t
}

// weekTable lists the sources, then their sum where there are several.
func (w *writer) weekTable(week alert.Week, sum alert.SourceWeek) *Table {
	l := w.language.weekly
	table := Table{Head: l.head}
	last := len(table.Head) - 1
	table.Head[last] = w.fill(table.Head[last], "offset", week.Until.In(w.zone).Format("-07:00"))
	line := func(s alert.SourceWeek, upTo string) {
		table.Lines = append(table.Lines, []string{s.Source, w.number(s.New), w.number(s.Changed), w.number(s.DeadLetters), upTo})
	}
	for _, s := range week.Sources[:min(len(week.Sources), mostSources)] {
		upTo := "–"
		if !s.Watermark.IsZero() {
			upTo = s.Watermark.In(w.zone).Format("01-02 15:04")
		}
		line(s, upTo)
	}
	if more := len(week.Sources) - mostSources; more > 0 {
		table.Lines = append(table.Lines, []string{w.fill(l.more, "n", w.number(more)), "", "", "", ""})
	}
	if len(week.Sources) > 1 {
		sum.Source = l.total
		line(sum, "")
	}
	return &table
}

// test is the text of a trial.
func (w *writer) test() Text {
	l := w.language.trial
	return Text{
		Tone: Plain, Badge: l.badge, Subject: w.fill(l.subject, "host", w.notice.Host), Headline: w.fill(l.headline, "host", w.notice.Host),
		Blocks: []Block{{Paragraphs: []string{w.fill(l.meaning, "host", w.notice.Host)}}}, Footer: []string{w.made()},
	}
}
