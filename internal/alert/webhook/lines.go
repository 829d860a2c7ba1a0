package webhook

import (
	"strings"

	"ordersync/internal/alert/words"
)

// style is what a line of a message is.
type style int

const (
	headline style = iota
	heading
	plain
	row
	entry
	under   // belongs to the entry above
	command // to be typed
	quoted  // what a machine said
	footer
	gap // between blocks
)

// line is one line of a message, without any markup.
type line struct {
	style style
	// label stands before the text of a headline or a row, with a colon, and behind that of a command.
	label, text string
	// colon stands between a row's label and its text.
	colon string
}

// whole is the headline with its badge, which says of the same words whether they are new, still so, or over.
func (l line) whole() string {
	if l.label == "" {
		return l.text
	}
	return l.label + " · " + l.text
}

// linesOf writes a text as lines.
func linesOf(t words.Text) []line {
	lines := []line{{style: headline, label: t.Badge, text: t.Headline}}
	for _, b := range t.Blocks {
		lines = append(lines, line{style: gap})
		if b.Title != "" {
			lines = append(lines, line{style: heading, text: b.Title})
		}
		lines = append(lines, linesOfBlock(b, colons[t.Language])...)
	}
	if len(t.Footer) > 0 {
		lines = append(lines, line{style: gap})
	}
	for _, text := range t.Footer {
		lines = append(lines, line{style: footer, text: text})
	}
	return tagged(lines)
}

// colons are what stands behind a label.
var colons = map[string]string{words.English: ": ", words.Chinese: "："}

func linesOfBlock(b words.Block, colon string) []line {
	var lines []line
	for _, text := range b.Paragraphs {
		lines = append(lines, line{style: plain, text: text})
	}
	for _, r := range b.Rows {
		lines = append(lines, line{style: row, label: r.Label, text: r.Value, colon: colon})
	}
	for _, e := range b.Entries {
		lines = append(lines, line{style: entry, text: e.Title})
		for _, text := range e.Lines {
			lines = append(lines, line{style: under, text: text})
		}
		if e.Quote != "" {
			lines = append(lines, line{style: quoted, text: e.Quote})
		}
	}
	if b.Table != nil {
		for _, cells := range append([][]string{b.Table.Head}, b.Table.Lines...) {
			lines = append(lines, line{style: under, text: strings.Join(cells, " | ")})
		}
	}
	for _, c := range b.Commands {
		lines = append(lines, line{style: command, label: c.Why, text: c.Line})
	}
	if b.Quote != "" {
		lines = append(lines, line{style: quoted, text: b.Quote})
	}
	return lines
}

// keyword is in every message, for robots that want one.
const keyword = "ordersync"

// tagged adds the keyword where it is missing.
func tagged(lines []line) []line {
	for _, l := range lines {
		if l.style == footer && strings.Contains(l.text, keyword) {
			return lines
		}
	}
	return append(lines, line{style: footer, text: keyword})
}

// markup writes one line as a robot shows it, without a line break at its end; text in it is made harmless.
type markup func(line) string

// fit writes the lines, one below the other, in at most so many bytes. What does not fit is left out from the end on, which then is an
// ellipsis and the keyword; the headline always stands.
func fit(lines []line, write markup, end string, most int) string {
	closing := "…" + end + write(line{style: footer, text: keyword})
	var out strings.Builder
	for i, l := range lines {
		text := write(l) + end
		if i == 0 && len(text) > most/2 {
			text = cutBytes(text, most/2) + "…" + end
		}
		room := most - out.Len()
		if rest := sizeOf(lines[i:], write, end); rest > room && len(text)+len(closing) > room {
			return out.String() + closing
		}
		out.WriteString(text)
	}
	return strings.TrimRight(out.String(), "\n ")
}

// sizeOf is how long the lines are.
func sizeOf(lines []line, write markup, end string) int {
	n := 0
	for _, l := range lines {
		n += len(write(l)) + len(end)
	}
	return n
}

// cutBytes shortens a text to so many bytes, between two characters.
func cutBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 {
		most--
	}
	return text[:most]
}

// harmless takes out of a text what markdown robots would take for a call, a picture, a link with another text, or a tag: what a machine
// said may hold anything.
func harmless(text string) string {
	if rest, ok := strings.CutPrefix(text, "#"); ok {
		text = "＃" + rest
	}
	return marks.Replace(text)
}

// marks are shown alike and mean nothing.
var marks = strings.NewReplacer("<", "‹", ">", "›", "](", "] (", "`", "'", "*", "∗", "\n", " ", "\r", " ")
