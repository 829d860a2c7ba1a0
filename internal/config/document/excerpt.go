package document

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Excerpt quotes a line with its neighbours and a caret below the column. Scalars that are not marked Shown, and comments, are
// masked. Lines end with "\n".
func (f *File) Excerpt(line, column int) string {
	if line < 1 || line > len(f.lines) {
		return ""
	}
	first, last := max(line-excerptNeighbour, 1), min(line+excerptNeighbour, len(f.lines))
	for last > line && len(f.lines[last-1]) == 0 {
		last--
	}
	digits := max(len(fmt.Sprint(last)), 4)
	var b strings.Builder
	for n := first; n <= last; n++ {
		quoted := f.quote(n)
		text, caret := quoted.cut(column)
		fmt.Fprintf(&b, "%*d | %s\n", digits, n, text)
		if n == line {
			fmt.Fprintf(&b, "%*s | %s^\n", digits, "", strings.Repeat(" ", caret))
		}
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// quotation is a line as it is shown: runs of text, each with the column it stands for.
type quotation struct {
	runs []run
}

// run stands for the line's characters from column up to the next run. A masked run shows other text than the line.
type run struct {
	column int
	text   []rune
	masked bool
}

func (q *quotation) add(column int, text []rune, masked bool) {
	if len(text) == 0 {
		return
	}
	if masked {
		text = []rune(maskText)
	}
	q.runs = append(q.runs, run{column: column, text: text, masked: masked})
}

// cut returns the text, at most excerptWidth wide around column, and how many cells stand before column.
func (q *quotation) cut(column int) (string, int) {
	var cells []rune
	caret, end := -1, 1
	for _, r := range q.runs {
		if column >= r.column {
			within := column - r.column
			if r.masked || within > len(r.text) {
				within = 0
			}
			caret = len(cells) + within
		}
		cells = append(cells, r.text...)
		if end = r.column + len(r.text); r.masked {
			end = r.column + 1
		}
	}
	if caret < 0 || len(q.runs) > 0 && !q.runs[len(q.runs)-1].masked && column >= end {
		caret = len(cells)
	}
	from := 0
	if caret > excerptWidth*2/3 && textWidth(cells) > excerptWidth {
		from = caret - excerptWidth/2
	}
	before, after := "", ""
	if from > 0 {
		before = "…"
	}
	to := from
	for used := 0; to < len(cells) && used < excerptWidth; to++ {
		used += cellWidth(cells[to])
	}
	if to < len(cells) {
		after = "…"
	}
	spaces := textWidth([]rune(before)) + textWidth(cells[from:min(caret, len(cells))])
	return before + string(cells[from:to]) + after, spaces
}

func textWidth(text []rune) int {
	total := 0
	for _, r := range text {
		total += cellWidth(r)
	}
	return total
}

// cellWidth is how many cells of a terminal a character takes.
func cellWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// quote returns a line fit to be shown.
func (f *File) quote(line int) *quotation {
	text := f.lines[line-1]
	q := &quotation{}
	if f.Root == nil {
		f.quoteBlind(q, text)
	} else {
		f.quoteKnown(q, line, text)
	}
	for i := range q.runs {
		q.runs[i].text = printable(q.runs[i].text)
	}
	return q
}

// quoteKnown quotes by the tree: what is no shown scalar and no punctuation is masked.
func (f *File) quoteKnown(q *quotation, line int, text []rune) {
	nodes := slices.Clone(f.starts[line])
	slices.SortFunc(nodes, func(a, b *Node) int { return cmp.Compare(a.Column, b.Column) })
	at := 0
	for _, n := range nodes {
		from := n.Column - 1
		if from < at || from >= len(text) {
			continue
		}
		quoteGap(q, at, text[at:from])
		end, whole := n.end(text)
		at = end
		if span := text[from:at]; n.Shown && whole {
			redact(q, from, span)
		} else {
			q.add(from+1, span, true)
		}
	}
	quoteGap(q, at, text[at:])
}

// end is where n ends on the line it begins on, as an index, and whether that is the whole of it.
func (n *Node) end(text []rune) (int, bool) {
	from := n.Column - 1
	if n.quoted && (text[from] == '"' || text[from] == '\'') {
		end := closingQuote(text, from)
		return end, end > from+1 && text[end-1] == text[from]
	}
	to := from + len([]rune(n.Text))
	if n.quoted || to > len(text) || !n.Broken && string(text[from:to]) != n.Text {
		return len(text), false // it goes on below, or is written in a way that is not known here
	}
	return to, true
}

// closingQuote is the index after the quote that closes the one at from, or the line's end.
func closingQuote(text []rune, from int) int {
	sign := text[from]
	for i := from + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && sign == '"':
			i++
		case text[i] == sign && sign == '\'' && i+1 < len(text) && text[i+1] == sign:
			i++
		case text[i] == sign:
			return i + 1
		}
	}
	return len(text)
}

// quoteGap quotes what stands between scalars: punctuation as it is, comments as such, anything else masked.
func quoteGap(q *quotation, at int, text []rune) {
	body := text
	comment := -1
	for i, r := range text {
		if r == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			comment, body = i, text[:i]
			break
		}
	}
	odd := func(r rune) bool { return !strings.ContainsRune(" \t{}[],:：-?|><\u3000\u00a0", r) }
	first, last := slices.IndexFunc(body, odd), len(body)
	if first < 0 {
		q.add(at+1, body, false)
	} else {
		for !odd(body[last-1]) {
			last--
		}
		q.add(at+1, body[:first], false)
		q.add(at+first+1, body[first:last], true)
		q.add(at+last+1, body[last:], false)
	}
	if comment >= 0 {
		q.add(at+comment+1, []rune(commentText), false)
	}
}

// redact adds a shown text, without what addresses carry secrets in: user and password, and the query.
func redact(q *quotation, from int, text []rune) {
	s := string(text)
	before, _, ok := strings.Cut(s, "://")
	if !ok {
		q.add(from+1, text, false)
		return
	}
	start := len([]rune(before)) + 3
	end := len(text)
	for i := start; i < len(text); i++ {
		if text[i] == '/' || text[i] == '?' || text[i] == '#' {
			end = i
			break
		}
	}
	host := start
	for i := start; i < end; i++ {
		if text[i] == '@' {
			host = i
		}
	}
	query := slices.IndexFunc(text, func(r rune) bool { return r == '?' })
	if query < 0 {
		query = len(text)
	}
	q.add(from+1, text[:start], false)
	q.add(from+start+1, text[start:host], true)
	if query < host {
		query = len(text)
	}
	q.add(from+host+1, text[host:query], false)
	q.add(from+query+1, text[query:], true)
}

// printable replaces what a terminal would obey or hide.
func printable(text []rune) []rune {
	out := slices.Clone(text)
	for i, r := range out {
		switch {
		case r == '\t':
			out[i] = tabSign
		case unicode.In(r, unicode.Cf), !unicode.IsPrint(r) && !unicode.IsSpace(r):
			out[i] = unprintable
		}
	}
	return out
}

// pair finds one "key: value" of a text that could not be read, also where the blank is missing or the colon is a Chinese one.
var pair = regexp.MustCompile(`^(\s*(?:- +)*)([A-Za-z0-9_.-]+)(\s*[:：]\s*)(.*)$`)

// quoteBlind quotes a line of a text without a tree: keys, punctuation, and the values of keys that are known to hold no secret.
func (f *File) quoteBlind(q *quotation, text []rune) {
	s := string(text)
	trimmed := strings.TrimLeft(s, " \t")
	switch {
	case strings.HasPrefix(trimmed, "#"), strings.Trim(trimmed, "{}[],-") == "":
		quoteGap(q, 0, text)
		return
	}
	m := pair.FindStringSubmatch(s)
	if m == nil {
		indent := len(text) - len([]rune(trimmed))
		q.add(1, text[:indent], false)
		q.add(indent+1, text[indent:], true)
		return
	}
	head := []rune(m[1] + m[2] + m[3])
	q.add(1, head, false)
	f.quoteValue(q, len(head), m[2], []rune(m[4]))
}

// quoteValue quotes the value of key; at is how many characters stand before it.
func (f *File) quoteValue(q *quotation, at int, key string, value []rune) {
	if len(value) == 0 {
		return
	}
	if value[0] == '{' {
		q.add(at+1, value[:1], false)
		f.quoteFlow(q, at+1, value[1:])
		return
	}
	if f.plausible != nil && f.plausible(key) && !slices.Contains(value, '#') {
		redact(q, at, value)
		return
	}
	q.add(at+1, value, true)
}

// quoteFlow quotes the inside of braces: pieces between commas. Where quotes make it doubtful what a piece is, the rest is masked.
func (f *File) quoteFlow(q *quotation, at int, text []rune) {
	for len(text) > 0 {
		end := slices.IndexFunc(text, func(r rune) bool { return r == ',' || r == '}' })
		if end < 0 {
			end = len(text)
		}
		piece := string(text[:end])
		m := pair.FindStringSubmatch(piece)
		switch {
		case strings.ContainsAny(piece, `"'`) && (m == nil || !closedQuotes.MatchString(m[4])):
			q.add(at+1, text, true)
			return
		case m != nil:
			head := []rune(m[1] + m[2] + m[3])
			q.add(at+1, head, false)
			f.quoteValue(q, at+len(head), m[2], []rune(m[4]))
		case strings.TrimSpace(piece) == "":
			q.add(at+1, text[:end], false)
		default:
			q.add(at+1, text[:end], true)
		}
		if end < len(text) {
			q.add(at+end+1, text[end:end+1], false)
			end++
		}
		at, text = at+end, text[end:]
	}
}

// closedQuotes is a value that is one quoted text.
var closedQuotes = regexp.MustCompile(`^(?:"[^"\\]*"|'[^']*')\s*$`)
