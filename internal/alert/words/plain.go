package words

import (
	"strings"
	"unicode/utf8"
)

const (
	columns = 78
	// widestLabel is how far values stand from the margin at most.
	widestLabel = 18
)

// Plain writes the text for a reader of plain lines: without the subject, in lines of at most 78 columns except where a word or a command
// is longer, with a line break at the end. A Chinese letter takes two columns.
func (t Text) Plain() string {
	var b strings.Builder
	wrap(&b, "", t.Headline)
	for _, block := range t.Blocks {
		b.WriteString("\n")
		block.plain(&b)
	}
	if len(t.Footer) > 0 {
		b.WriteString("\n" + strings.Repeat("-", 8) + "\n")
	}
	for _, line := range t.Footer {
		wrap(&b, "", line)
	}
	return b.String()
}

// plain writes one block; its parts are set apart by empty lines.
func (block Block) plain(b *strings.Builder) {
	if block.Title != "" {
		wrap(b, "", "# "+block.Title)
	}
	apart := false
	part := func() {
		if apart {
			b.WriteString("\n")
		}
		apart = true
	}
	for _, p := range block.Paragraphs {
		part()
		wrap(b, "", p)
	}
	if len(block.Rows) > 0 {
		part()
		plainRows(b, block.Rows)
	}
	for _, e := range block.Entries {
		part()
		wrap(b, "* ", e.Title)
		for _, line := range e.Lines {
			wrap(b, "  ", line)
		}
		if e.Quote != "" {
			wrap(b, "  > ", e.Quote)
		}
	}
	if block.Table != nil {
		part()
		block.Table.plain(b)
	}
	for _, c := range block.Commands {
		part()
		b.WriteString("    " + c.Line + "\n")
		if c.Why != "" {
			wrap(b, "        ", c.Why)
		}
	}
	if block.Quote != "" {
		part()
		wrap(b, "> ", block.Quote)
	}
}

func plainRows(b *strings.Builder, rows []Row) {
	widest := 0
	for _, r := range rows {
		widest = max(widest, width(r.Label))
	}
	widest = min(widest, widestLabel)
	for _, r := range rows {
		pad := strings.Repeat(" ", max(widest-width(r.Label), 0)+2)
		lines := fold(r.Value, columns-widest-2)
		b.WriteString(r.Label + pad + lines[0] + "\n")
		for _, line := range lines[1:] {
			b.WriteString(strings.Repeat(" ", widest+2) + line + "\n")
		}
	}
}

// plain writes the columns of a table: the first to the left, the others to the right.
func (t *Table) plain(b *strings.Builder) {
	all := append([][]string{t.Head}, t.Lines...)
	widest := make([]int, len(t.Head))
	for _, line := range all {
		for i, cell := range line {
			widest[i] = max(widest[i], width(cell))
		}
	}
	for _, line := range all {
		var row strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widest[i]-width(cell))
			if i == 0 {
				row.WriteString(cell + pad)
			} else {
				row.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
}

// wrap writes a paragraph whose every line begins with the margin; only the first does where the margin is a mark.
func wrap(b *strings.Builder, margin, s string) {
	for i, line := range fold(s, columns-width(margin)) {
		if i > 0 && margin == "* " {
			margin = "  "
		}
		b.WriteString(margin + line + "\n")
	}
}

// fold breaks a line at blanks, and between Chinese letters, so that no piece is wider than so many columns where that can be.
func fold(s string, columns int) []string {
	var lines []string
	for width(s) > columns {
		at, col, good := 0, 0, 0
		for at < len(s) {
			r, size := utf8.DecodeRuneInString(s[at:])
			if col += widthOf(r); col > columns && good > 0 {
				break
			}
			if next, _ := utf8.DecodeRuneInString(s[at+size:]); at+size < len(s) && mayBreak(r, next) {
				good = at + size
			}
			at += size
		}
		if good == 0 || at >= len(s) && good == 0 {
			break
		}
		lines = append(lines, strings.TrimRight(s[:good], " "))
		s = strings.TrimLeft(s[good:], " ")
	}
	return append(lines, s)
}

// mayBreak reports whether a line may end between two letters: after a blank, or beside a wide letter, but with no mark at the
// beginning of a line that ends something, and none at its end that begins something.
func mayBreak(r, next rune) bool {
	if r == ' ' {
		return true
	}
	if strings.ContainsRune("，。；：！？、）》”…", next) || strings.ContainsRune("（《“", r) || next == ' ' {
		return false
	}
	return widthOf(r) == 2 || widthOf(next) == 2
}

func width(s string) int {
	n := 0
	for _, r := range s {
		n += widthOf(r)
	}
	return n
}

// widthOf is how many columns a letter takes: those of East Asia take two.
func widthOf(r rune) int {
	switch {
	case r >= 0x1100 && r <= 0x115F, r >= 0x2E80 && r <= 0xA4CF, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF00 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6, r >= 0x20000 && r <= 0x3FFFD:
		return 2
	}
	return 1
}
