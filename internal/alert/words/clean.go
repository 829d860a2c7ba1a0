package words

import (
	"strings"
	"unicode"
)

// longestSubject is what a list of mails shows at most, and more.
const longestSubject = 120

// clean makes a text one line: what would break it, move the cursor or turn the direction of writing becomes a blank.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens a text to so many letters.
func cut(s string, letters int) string {
	runes := []rune(s)
	if len(runes) <= letters {
		return s
	}
	return strings.TrimRight(string(runes[:letters-1]), " ") + "…"
}

// cleaned makes every line of a text one line.
func cleaned(t Text) Text {
	t.Subject = cut(clean(t.Subject), longestSubject)
	for _, s := range []*string{&t.Preview, &t.Badge, &t.Headline} {
		*s = clean(*s)
	}
	cleanAll(t.Footer)
	for i := range t.Blocks {
		b := &t.Blocks[i]
		b.Title, b.Quote = clean(b.Title), clean(b.Quote)
		cleanAll(b.Paragraphs)
		for j, r := range b.Rows {
			b.Rows[j] = Row{clean(r.Label), clean(r.Value)}
		}
		for j, c := range b.Commands {
			b.Commands[j] = Command{clean(c.Line), clean(c.Why)}
		}
		for j := range b.Entries {
			e := &b.Entries[j]
			e.Title, e.Quote = clean(e.Title), clean(e.Quote)
			cleanAll(e.Lines)
		}
		if b.Table != nil {
			cleanAll(b.Table.Head)
			for _, line := range b.Table.Lines {
				cleanAll(line)
			}
		}
	}
	return t
}

// cleanAll makes each of the lines one line, in place.
func cleanAll(lines []string) {
	for i, s := range lines {
		lines[i] = clean(s)
	}
}
