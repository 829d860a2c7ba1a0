package document

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parser reads one text, and reads it again after each slip that it can mend.
type parser struct {
	file     *File
	text     string
	mistakes []Mistake
	// broken holds the places of scalars that were mended: their text is not what was typed.
	broken map[place]bool
	// shifts holds, for a line into which a blank was put, the column where it now stands.
	shifts map[int]int
	// nodes counts the tree's; full: there were too many, and the tree is of no use.
	nodes int
	full  bool
}

// parse returns the root node of the text, or false when it cannot be read.
func (p *parser) parse() (*yaml.Node, bool) {
	for range maxRepairs {
		root, err := p.load()
		if err == nil {
			return root, root != nil
		}
		if !p.mend(err) {
			return nil, false
		}
	}
	return nil, false
}

// load reads the text once. A nil node without an error means that a mistake has been noted.
func (p *parser) load() (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader([]byte(p.text)))
	if err != nil {
		return nil, err
	}
	var first yaml.Node
	if err := loader.Load(&first); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var second yaml.Node
	err = loader.Load(&second)
	switch {
	case err == nil:
		p.note(SecondDocument, max(second.Line, 1), 1)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(first.Content) == 0 || first.Content[0].ShortTag() == "!!null" {
		if len(p.mistakes) == 0 {
			p.note(Empty, 1, 1)
		}
		return nil, nil
	}
	return first.Content[0], nil
}

func (p *parser) note(code Code, line, column int, args ...string) {
	if at, ok := p.shifts[line]; ok && column > at {
		column--
	}
	p.mistakes = append(p.mistakes, Mistake{Code: code, Line: line, Column: column, Args: args})
}

var (
	// valueStart finds where a value begins: after "key: ", "- ", "[", "{" or ",".
	valueStart = regexp.MustCompile("(?:^\\s*|[:\\-]\\s+|[\\[{,]\\s*)([*@`%])")
	// glued finds "key:value".
	glued = regexp.MustCompile(`^(\s*(?:- +)*)([A-Za-z_][A-Za-z0-9_.-]*):([^\s:].*)$`)
	// twice finds "key: one: two".
	twice = regexp.MustCompile(`^\s*(?:- +)*[^\s:'"{\[][^:]*:\s+[^'"{\[#|>].*:\s`)
)

// mend notes the mistake behind err, and repairs the text where that is possible without guessing; columns stay what they are.
func (p *parser) mend(err error) bool {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		p.note(Syntax, 1, 1)
		return false
	}
	lines := strings.Split(p.text, "\n")
	at := place{line: min(max(load.Mark.Line, 1), len(lines)), column: max(load.Mark.Column, 1)}
	context := place{line: min(max(load.ContextMark.Line, 1), len(lines)), column: max(load.ContextMark.Column, 1)}
	if p.mendTab(lines, at) {
		return false
	}
	odd := strings.Contains(load.ContextMsg, "alias") || strings.Contains(load.Message, "anchor") || strings.Contains(load.Message, "start any token")
	mended := odd && p.mendIndicator(lines, at.line)
	for line := at.line; line >= max(at.line-1, 1) && !mended; line-- {
		mended = p.mendGlued(lines, line) || p.mendWide(lines, line)
	}
	if mended {
		p.text = strings.Join(lines, "\n")
		return true
	}
	p.name(load, lines, at, context)
	return false
}

// mendTab notes tabs where blanks belong. What the operator meant by them cannot be guessed.
func (p *parser) mendTab(lines []string, at place) bool {
	line := lines[at.line-1]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	column := strings.IndexByte(indent, '\t') + 1
	if runes := []rune(line); column == 0 && at.column <= len(runes) && runes[at.column-1] == '\t' {
		column = at.column
	}
	if column == 0 {
		return false
	}
	p.note(Tab, at.line, column)
	return true
}

// mendIndicator replaces a character that means something to YAML at the begin of a value, by one that does not.
func (p *parser) mendIndicator(lines []string, line int) bool {
	text := lines[line-1]
	m := valueStart.FindStringSubmatchIndex(text)
	if m == nil || strings.HasPrefix(strings.TrimSpace(text), "#") {
		return false
	}
	sign := text[m[2]:m[3]]
	column := len([]rune(text[:m[2]])) + 1
	if sign == "*" {
		p.note(Star, line, column)
	} else {
		p.note(Indicator, line, column, sign)
	}
	lines[line-1] = text[:m[2]] + "x" + text[m[3]:]
	p.broken[place{line: line, column: column}] = true
	return true
}

// mendGlued puts the blank into "key:value".
func (p *parser) mendGlued(lines []string, line int) bool {
	m := glued.FindStringSubmatch(lines[line-1])
	if m == nil {
		return false
	}
	if _, ok := p.shifts[line]; ok {
		return false
	}
	column := len([]rune(m[1]+m[2])) + 2
	p.note(NoBlank, line, column-1, m[2])
	p.shifts[line] = column
	lines[line-1] = m[1] + m[2] + ": " + m[3]
	return true
}

// mendWide replaces the Chinese colon.
func (p *parser) mendWide(lines []string, line int) bool {
	before, after, ok := strings.Cut(lines[line-1], string(wideColon))
	if !ok || !KeyShown(strings.TrimLeft(strings.TrimLeft(before, " "), "- ")) {
		return false
	}
	if _, ok := p.shifts[line]; ok {
		return false
	}
	column := len([]rune(before)) + 1
	p.note(WideColon, line, column)
	if after != "" && !strings.HasPrefix(after, " ") {
		p.shifts[line] = column + 1
		after = " " + after
	}
	lines[line-1] = before + ":" + after
	return true
}

// name finds the words for a mistake that cannot be mended.
func (p *parser) name(load *yaml.LoadError, lines []string, at, context place) {
	if line, column, sign := openBefore(lines, at.line); sign != "" {
		p.note(OpenBracket, line, column, sign)
		return
	}
	contextLine := []rune(lines[context.line-1])
	opener := ""
	if context.column <= len(contextLine) {
		opener = string(contextLine[context.column-1])
	}
	switch {
	case strings.Contains(load.Message, "escape"):
		p.note(Backslash, at.line, at.column)
	case strings.Contains(load.ContextMsg, "quoted scalar"):
		p.note(OpenQuote, context.line, context.column)
	case strings.Contains(load.ContextMsg, "flow") && (opener == "{" || opener == "["):
		p.note(OpenBracket, context.line, context.column, opener)
	case strings.Contains(load.Message, "mapping values") && twice.MatchString(lines[at.line-1]):
		p.note(ColonInValue, at.line, at.column)
	case strings.Contains(load.Message, "mapping values"), strings.Contains(load.Message, "document start"),
		strings.Contains(load.ContextMsg, "block mapping"), strings.Contains(load.ContextMsg, "block collection"):
		p.note(Indentation, at.line, at.column)
	default:
		p.note(Syntax, at.line, at.column)
	}
}

// openBefore finds a bracket that the line before the one at fault leaves open.
func openBefore(lines []string, line int) (found, column int, sign string) {
	if line < 2 || strings.ContainsAny(lines[line-2], "\"'#") {
		return 0, 0, ""
	}
	var open []int
	text := []rune(lines[line-2])
	for i, r := range text {
		switch {
		case r == '{' || r == '[':
			open = append(open, i)
		case (r == '}' || r == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return 0, 0, ""
	}
	return line - 1, open[0] + 1, string(text[open[0]])
}

// copyNode copies the library's tree into ours, with aliases and merge keys resolved.
func (p *parser) copyNode(n *yaml.Node, depth int) *Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	out := p.place(n)
	if !p.room(out, depth) {
		return out
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out.Kind = List
		for _, item := range n.Content {
			out.Items = append(out.Items, p.copyNode(item, depth+1))
		}
	case yaml.MappingNode:
		out.Kind = Mapping
		p.copyFields(n, out, depth)
	default:
		out.Text, out.Tag = n.Value, strings.TrimPrefix(n.ShortTag(), "!!")
		out.quoted = n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		out.Broken = p.broken[place{line: n.Line, column: n.Column}]
	}
	if n.Style&yaml.TaggedStyle != 0 {
		p.note(ForeignTag, out.Line, out.Column)
		out.Broken = true
	}
	return out
}

// room counts a node; it notes the first one that is too many, and refuses all from there on. Without anchors no text has more
// nodes than characters.
func (p *parser) room(at *Node, depth int) bool {
	if p.nodes++; p.nodes <= maxNodes+len(p.text) && depth <= maxDepth && !p.full {
		return true
	}
	if !p.full {
		p.note(TooMuch, at.Line, at.Column)
	}
	p.full = true
	return false
}

// place begins a copy of n at its place in the text as it was typed.
func (p *parser) place(n *yaml.Node) *Node {
	out := &Node{File: p.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
	if at, ok := p.shifts[out.Line]; ok && out.Column > at {
		out.Column--
	}
	return out
}

// copyFields copies a mapping's entries; those of merge keys come last and never win.
func (p *parser) copyFields(n *yaml.Node, out *Node, depth int) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			at := p.place(key)
			p.note(ComplexKey, at.Line, at.Column)
			continue
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		copied := p.copyNode(key, depth+1)
		copied.Shown = KeyShown(copied.Text)
		if first := out.Field(copied.Text); first != nil {
			p.noteDuplicate(first.Key, copied)
			p.file.index(copied)
			p.file.index(p.copyNode(value, depth+1))
			continue
		}
		out.add(Field{Key: copied, Value: p.copyNode(value, depth+1)})
	}
	for _, value := range merged {
		p.mergeFields(value, out, depth)
	}
}

func (p *parser) noteDuplicate(first, second *Node) {
	line := strconv.Itoa(first.Line)
	if !second.Shown {
		p.mistakes = append(p.mistakes, Mistake{Code: DuplicateHidden, Line: second.Line, Column: second.Column, Args: []string{line}})
		return
	}
	p.mistakes = append(p.mistakes, Mistake{Code: Duplicate, Line: second.Line, Column: second.Column, Args: []string{second.Text, line}})
}

// mergeFields copies what a merge key brings.
func (p *parser) mergeFields(value *yaml.Node, out *Node, depth int) {
	for value.Kind == yaml.AliasNode && value.Alias != nil {
		value = value.Alias
	}
	switch value.Kind {
	case yaml.MappingNode:
		from := p.copyNode(value, depth+1)
		for _, f := range from.Fields {
			if out.Field(f.Key.Text) == nil {
				out.add(f)
			}
		}
	case yaml.SequenceNode:
		if !p.room(p.place(value), depth) {
			return
		}
		for _, item := range slices.All(value.Content) {
			p.mergeFields(item, out, depth+1)
		}
	default:
		at := p.place(value)
		p.note(BadMerge, at.Line, at.Column)
	}
}
