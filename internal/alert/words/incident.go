package words

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ordersync/internal/alert"
)

const (
	longestQuote = 600
	// longestQuoteOfMany is for a text with several incidents.
	longestQuoteOfMany = 160
	// mostNamed is how many names a subject holds, mostCommands how many lines are proposed.
	mostNamed = 2
	mostNames = 20
	// fewItems are described with two lines each, more of them with one.
	fewItems     = 5
	mostCommands = 3
)

// writer makes the text of one notice.
type writer struct {
	language
	notice alert.Notice
	zone   *time.Location
}

// incidents is the text of an alarm or a relief.
func (w *writer) incidents() Text {
	items := slices.Clone(w.notice.Items)
	slices.SortStableFunc(items, func(a, b alert.Item) int { return cmp.Compare(rank(a.Change), rank(b.Change)) })
	first, all := items[0], len(items)+max(w.notice.More, 0)
	k := kindOf(first.Incident, w.notice.At)
	over := isOver(first.Change)
	t := Text{Tone: natureOf(k).tone, Subject: w.subject(items, all)}
	if over {
		t.Tone = Good
	}
	t.Badge = w.badge(first.Change, t.Tone)
	switch {
	case all == 1 && over:
		t.Headline, t.Blocks = w.ended(first, k)
	case all == 1:
		t.Headline, t.Blocks = w.one(first.Incident, k)
	default:
		t.Headline, t.Blocks = w.several(items, all, k)
	}
	t.Footer = w.footer(items, all)
	return t
}

// rank puts what is new first.
func rank(c alert.Change) int {
	return slices.Index([]alert.Change{alert.Opened, alert.Worse, alert.Reopened, alert.Reminded, alert.Closed, alert.Passed}, c)
}

func isOver(c alert.Change) bool { return c == alert.Closed || c == alert.Passed }

func (w *writer) badge(c alert.Change, tone Tone) string {
	if c == alert.Opened && tone != Grave {
		return w.remark
	}
	return w.changes[c].badge
}

// subject says what happened to the items: "Cannot connect: us-store, eu-store and 3 more". The count of a subject is that of all items.
func (w *writer) subject(items []alert.Item, all int) string {
	first := items[0]
	if first.Scope == alert.All && all == 1 {
		return w.event(first.Change, w.values(first.Incident), w.phrasesOf(kindOf(first.Incident, w.notice.At)), true)
	}
	count := 0
	var few []string
	for _, i := range items {
		count += i.Facts.Count
		if len(few) < mostNamed {
			few = append(few, w.title(i.Incident))
		}
	}
	sort, _ := first.Scope.Split()
	values := append([]string{"count", w.number(count), "orders", w.orders(count), "n", w.number(all), "name", w.names(few, all, w.thing(sort, all))},
		w.values(first.Incident)...)
	p := w.phrasesOf(kindOf(first.Incident, w.notice.At))
	if all > 1 {
		p.over = p.allOver
	}
	return w.event(first.Change, values, p, false)
}

// event fills the form of a change; alone is for what needs no name.
func (w *writer) event(c alert.Change, values []string, p phrases, alone bool) string {
	form := w.changes[c].subject
	if alone {
		form = w.changes[c].alone
	}
	inner := []string{"what", w.fill(p.what, values...), "small", w.fill(small(p.what), values...), "over", w.fill(small(p.over), values...)}
	return w.fill(form, append(inner, values...)...)
}

// small begins a form with a small letter, to stand within a line; the name that it may begin with stays as it is.
func small(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// title is the name of what fails; that of a job with its source in front.
func (w *writer) title(i alert.Incident) string {
	sort, name := i.Scope.Split()
	switch {
	case i.Scope == alert.All:
		return w.everything
	case sort == "job" && i.Source != "" && i.Source != name:
		return i.Source + " (" + name + ")"
	}
	return name
}

// one tells of one incident that goes on.
func (w *writer) one(i alert.Incident, k kind) (headline string, blocks []Block) {
	p, values := w.phrasesOf(k), w.values(i)
	blocks = append(blocks, Block{Paragraphs: []string{w.fill(p.meaning, values...)}, Rows: w.rows(i, k)})
	if p.cause != "" {
		blocks = append(blocks, Block{Title: w.labels.cause, Paragraphs: []string{w.fill(p.cause, values...)}})
	}
	blocks = append(blocks, w.todo(i, k))
	if i.Error != "" {
		blocks = append(blocks, Block{Title: w.labels.said, Quote: cut(i.Error, longestQuote)})
	}
	return w.fill(p.one, values...), blocks
}

// ended tells of one incident that is over.
func (w *writer) ended(i alert.Item, k kind) (headline string, blocks []Block) {
	return w.fill(w.phrasesOf(k).over, w.values(i.Incident)...), []Block{{Paragraphs: w.relieved(i.Change, k), Rows: w.pastRows(i.Incident, k)}}
}

// relieved says what the end of an incident means.
func (w *writer) relieved(c alert.Change, k kind) []string {
	end := w.labels.nothingLeft
	if natureOf(k).waits {
		end = w.labels.caughtUp
	}
	if c == alert.Passed {
		return []string{w.labels.tooLate, end}
	}
	return []string{end}
}

// todo says what to do and to type. What the room that failed advises is English; there it stands for the advice of the kind, which knows
// less.
func (w *writer) todo(i alert.Incident, k kind) Block {
	b := Block{Title: w.labels.todo, Commands: w.commands(i, k)}
	if remedy := i.Facts.Remedy; remedy != "" {
		b.Paragraphs = append(b.Paragraphs, w.fill(w.labels.advised, "text", cut(remedy, longestQuote)))
		if w.code == English {
			return b
		}
	}
	if advice := w.phrasesOf(k).advice; advice != "" {
		b.Paragraphs = append(b.Paragraphs, w.fill(advice, w.values(i)...))
	}
	return b
}

// commands are what to type: what the incident says first, then what its kind says.
func (w *writer) commands(i alert.Incident, k kind) []Command {
	var lines []string
	if i.Facts.Command != "" {
		lines = append(lines, i.Facts.Command)
	}
	job, source := jobOf(i), sourceOf(i)
	for _, form := range natureOf(k).commands {
		isUnknown := job == "" && strings.Contains(form, "{job}") || source == "" && strings.Contains(form, "{source}")
		if line := strings.NewReplacer("{job}", job, "{source}", source).Replace(form); !isUnknown && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return w.explain(lines[:min(len(lines), mostCommands)])
}

// explain says of each line what it does.
func (w *writer) explain(lines []string) []Command {
	var commands []Command
	for _, line := range lines {
		commands = append(commands, Command{Line: line, Why: w.why(line)})
	}
	return commands
}

// several tells of many incidents of one class.
func (w *writer) several(items []alert.Item, all int, k kind) (headline string, blocks []Block) {
	first := items[0]
	p := w.phrasesOf(k)
	sort, _ := first.Scope.Split()
	count := 0
	for _, i := range items {
		count += i.Facts.Count
	}
	values := append([]string{"n", w.number(all), "count", w.number(count), "orders", w.orders(count), "name", w.those[sort], "source", w.those["source"]},
		w.values(first.Incident)...)
	shared := sharedError(items)
	listed := Block{Entries: w.entries(items, shared == "")}
	if more := all - len(items); more > 0 {
		listed.Entries = append(listed.Entries, w.unlisted(more, w.notice.MoreScopes))
	}
	if isOver(first.Change) {
		listed.Paragraphs = w.relieved(first.Change, k)
		return w.fill(p.allOver, values...), []Block{listed}
	}
	meaning := Block{Paragraphs: []string{w.fill(p.meaning, values...)}}
	if len(items) > fewItems {
		meaning.Rows = w.beginning(items)
	}
	blocks = []Block{meaning, listed}
	if p.cause != "" {
		blocks = append(blocks, Block{Title: w.labels.cause, Paragraphs: []string{w.fill(p.cause, values...)}})
	}
	todo := w.todo(first.Incident, k)
	todo.Commands = w.commandsOfMany(items, k)
	blocks = append(blocks, todo)
	if shared != "" {
		blocks = append(blocks, Block{Title: w.labels.said, Quote: cut(shared, longestQuote)})
	}
	return w.fill(p.several, values...), blocks
}

// beginning says when the first of many began.
func (w *writer) beginning(items []alert.Item) []Row {
	first := slices.MinFunc(items, func(a, b alert.Item) int { return a.Since.Compare(b.Since) })
	return []Row{{w.labels.since, w.fill(w.labels.lasting, "t", instant(first.Since, w.zone), "for", w.duration(w.lasted(first.Incident)))}}
}

// commandsOfMany leaves out what concerns only one of many: the list of incidents leads there.
func (w *writer) commandsOfMany(items []alert.Item, k kind) []Command {
	var lines []string
	for _, i := range items {
		if command := i.Facts.Command; command != "" && !slices.Contains(lines, command) {
			lines = append(lines, command)
		}
	}
	for _, form := range append(slices.Clone(natureOf(k).commands), status, "ordersyncd incident list") {
		if !strings.Contains(form, "{") && !slices.Contains(lines, form) {
			lines = append(lines, form)
		}
	}
	return w.explain(lines[:min(len(lines), mostCommands)])
}

// unlisted says how many incidents are not described, and names some of them.
func (w *writer) unlisted(more int, scopes []alert.Scope) Entry {
	e := Entry{Tone: Plain, Title: w.fill(w.labels.more, "n", w.number(more))}
	var named []string
	for _, s := range scopes[:min(len(scopes), mostNames)] {
		_, name := s.Split()
		named = append(named, name)
	}
	if len(named) > 0 {
		line := strings.Join(named, w.labels.comma)
		if more > len(named) {
			line += w.labels.comma + "…"
		}
		e.Lines = append(e.Lines, line)
	}
	e.Lines = append(e.Lines, w.labels.moreIn)
	return e
}

// sharedError is the error of all the items where it is the same.
func sharedError(items []alert.Item) string {
	for _, i := range items[1:] {
		if i.Error != items[0].Error {
			return ""
		}
	}
	return items[0].Error
}

// entries are the items, one each; what changed otherwise than the first one says so.
func (w *writer) entries(items []alert.Item, quoted bool) []Entry {
	var entries []Entry
	for _, i := range items {
		e := w.entry(i, len(items) > fewItems)
		if n := i.Facts.Count; n > 0 && !isOver(i.Change) && (i.Class == alert.DeadLetter || i.Class == alert.Shortfall) {
			e.Title += w.labels.colon + w.orders(n)
		}
		if i.Change != items[0].Change {
			e.Title += w.fill(w.changes[i.Change].tag)
		}
		if quoted && !isOver(i.Change) {
			e.Quote = cut(i.Error, longestQuoteOfMany)
		}
		entries = append(entries, e)
	}
	return entries
}

// entry is one incident among several; a short one has a line of its own at most.
func (w *writer) entry(item alert.Item, short bool) Entry {
	k := kindOf(item.Incident, w.notice.At)
	e := Entry{Tone: natureOf(k).tone, Title: w.title(item.Incident)}
	if isOver(item.Change) {
		e.Tone = Good
		e.Lines = w.pastLines(item.Incident, k)
		return e
	}
	if e.Lines = w.lines(item.Incident, k); short {
		e.Lines = []string{w.line(item.Incident, k)}
	}
	return e
}
