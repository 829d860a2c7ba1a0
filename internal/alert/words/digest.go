package words

import (
	"cmp"
	"slices"

	"ordersync/internal/alert"
)

// mostOver is how many incidents that are over a digest lists; of those that go on it lists alert.MaxItems.
const mostOver = 10

// standings are how things stand after all the parts of a digest.
type standings struct {
	open, over []alert.Item
	// unnamed incidents were in the parts without being described there.
	unnamed int
	other   []alert.Notice
}

// stand reads the parts in order; what was said last of an incident counts.
func stand(parts []alert.Notice) standings {
	var s standings
	var ids []string
	last := map[string]alert.Item{}
	for _, p := range parts {
		if len(p.Items) == 0 {
			s.other = append(s.other, p)
			continue
		}
		s.unnamed += max(p.More, 0)
		for _, i := range p.Items {
			if _, known := last[i.ID]; !known {
				ids = append(ids, i.ID)
			}
			last[i.ID] = i
		}
	}
	for _, id := range ids {
		if item := last[id]; isOver(item.Change) {
			s.over = append(s.over, item)
		} else {
			s.open = append(s.open, item)
		}
	}
	return s
}

// digest is the text of several notices in one.
func (w *writer) digested() Text {
	s := stand(w.notice.Parts)
	slices.SortStableFunc(s.open, func(a, b alert.Item) int {
		return cmp.Compare(gravity(kindOf(a.Incident, w.notice.At)), gravity(kindOf(b.Incident, w.notice.At)))
	})
	n := w.number(len(w.notice.Parts))
	t := Text{
		Badge: w.language.digest.badge, Tone: Plain, Headline: w.fill(w.language.digest.headline, "n", n),
		Blocks: []Block{{Paragraphs: []string{w.fill(w.language.digest.meaning, "n", n)}}}, Footer: []string{w.made()},
	}
	all := len(s.open) + len(s.over) + s.unnamed + len(s.other)
	switch {
	case len(s.open) > 0:
		t.Tone = natureOf(kindOf(s.open[0].Incident, w.notice.At)).tone
		t.Subject = w.subject(s.open[:1], 1)
	case len(s.over) > 0:
		t.Tone = Good
		t.Subject = w.subject(s.over[:1], 1)
	default:
		t.Subject = t.Headline
	}
	if all > 1 {
		t.Subject = w.fill(w.language.digest.subject, "what", t.Subject, "n", w.number(all-1))
	}
	t.Blocks = append(t.Blocks, w.standing(s)...)
	return t
}

// gravity orders kinds, the gravest first.
func gravity(k kind) int { return slices.Index([]Tone{Grave, Warn, Good, Plain}, natureOf(k).tone) }

// standing lists what goes on, what is over, and what else was said.
func (w *writer) standing(s standings) []Block {
	var blocks []Block
	if len(s.open) > 0 {
		b := Block{Title: w.language.digest.open}
		b.Entries = w.listed(s.open, alert.MaxItems, s.unnamed)
		b.Commands = w.explain([]string{"ordersyncd incident list", status})
		blocks = append(blocks, b)
	}
	if len(s.over) > 0 {
		unnamed := s.unnamed
		if len(s.open) > 0 {
			unnamed = 0 // said above
		}
		blocks = append(blocks, Block{Title: w.language.digest.over, Entries: w.listed(s.over, mostOver, unnamed)})
	}
	if len(s.other) > 0 {
		b := Block{Title: w.language.digest.other}
		for _, n := range s.other[:min(len(s.other), mostOver)] {
			inner := Of(n, w.code, w.zone)
			b.Entries = append(b.Entries, Entry{Tone: inner.Tone, Title: inner.Subject, Lines: []string{instant(n.At, w.zone)}})
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// listed are entries whose titles say what happened; at most so many, and how many there are besides.
func (w *writer) listed(items []alert.Item, most, unnamed int) []Entry {
	var entries []Entry
	for _, i := range items[:min(len(items), most)] {
		e := w.entry(i, false)
		e.Title = w.subject([]alert.Item{i}, 1)
		entries = append(entries, e)
	}
	if more := max(len(items)-most, 0) + unnamed; more > 0 {
		entries = append(entries, w.unlisted(more, nil))
	}
	return entries
}
