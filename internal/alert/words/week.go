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
	late, commands := w.late(week)
	if len(late) > 0 {
		values = append(values, "late", w.some(late, mostNamed))
		t.Tone, t.Subject, t.Headline = Warn, w.fill(l.subjectLate, values...), w.fill(l.headlineLate, values...)
		first.Paragraphs = []string{w.fill(l.meaningLate, "late", w.some(w.marked(week, late), mostNames))}
	}
	if week.Open > 0 {
		t.Tone, t.Subject, t.Headline = Warn, w.fill(l.subjectOpen, values...), w.fill(l.headlineOpen, values...)
		first.Paragraphs = append([]string{w.fill(l.meaningOpen, values...)}, first.Paragraphs[:min(len(late), 1)]...)
		commands = append([]string{"ordersyncd incident list"}, commands...)
	}
	first.Commands = w.explain(commands)
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

// late are the sources that are not up to date or paused, and what to type about them.
func (w *writer) late(week alert.Week) (names, commands []string) {
	resume := ""
	for _, s := range week.Sources {
		if s.Late || s.Paused {
			names = append(names, s.Source)
		}
		if s.Paused && resume == "" {
			resume = "ordersyncd resume " + s.Source
		}
	}
	if len(names) > 0 {
		commands = append(commands, status)
	}
	if resume != "" {
		commands = append(commands, resume)
	}
	return names, commands
}

// marked are the names of sources, with what says that one is paused.
func (w *writer) marked(week alert.Week, names []string) []string {
	paused := map[string]bool{}
	for _, s := range week.Sources {
		paused[s.Source] = s.Paused
	}
	marked := make([]string, 0, len(names))
	for _, name := range names {
		if paused[name] {
			name = w.fill(w.language.weekly.paused, "name", name)
		}
		marked = append(marked, name)
	}
	return marked
}

// some joins the first names of sources, so many at most.
func (w *writer) some(names []string, most int) string {
	return w.names(names[:min(len(names), most)], len(names), w.thing("source", len(names)))
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
