// Package document reads one YAML text into a tree that knows where each value stands, and quotes lines of it without
// revealing what nobody marked as fit to be shown.
//
// It knows nothing of the configuration's shape. It hides the YAML library, goes on after the commonest slips of the pen (so
// that one of them does not hide the mistakes after it), and names every mistake by a [Code] and a place: the words for people are
// the caller's.
package document

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind tells the three sorts of node apart.
type Kind int

// The kinds of node.
const (
	Scalar Kind = iota
	List
	Mapping
)

// Node is one value of the tree. Aliases and merge keys are resolved.
type Node struct {
	Kind Kind
	// Text is a scalar's text as it was typed, without quotes.
	Text string
	// Tag is what YAML takes an unquoted scalar for: str, int, float, bool, null, timestamp, merge. Quoted: str.
	Tag string
	// Fields are a mapping's, in the file's order; Items a list's.
	Fields []Field
	Items  []*Node
	// Line and Column begin at 1 and count characters. File is the file they count in.
	File         *File
	Line, Column int
	// Broken marks a scalar that was misspelt and has been reported: its text is not what was typed.
	Broken bool
	// Shown marks a scalar that may be quoted: it is known to hold no secret.
	Shown bool

	quoted bool
	// byKey finds the fields of a large mapping; nil: they are looked through.
	byKey map[string]int
}

// large is from how many fields on a mapping gets an index.
const large = 32

// Field is one entry of a mapping.
type Field struct {
	Key, Value *Node
}

// Null reports whether n is a scalar without a value.
func (n *Node) Null() bool { return n.Kind == Scalar && n.Tag == "null" && !n.quoted }

// Quoted reports whether n is a scalar in quotes, or a block of text.
func (n *Node) Quoted() bool { return n.quoted }

// Field returns the entry with that key, or nil.
func (n *Node) Field(key string) *Field {
	if n == nil || n.Kind != Mapping {
		return nil
	}
	if n.byKey != nil {
		if i, ok := n.byKey[key]; ok {
			return &n.Fields[i]
		}
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Key.Text == key {
			return &n.Fields[i]
		}
	}
	return nil
}

// add appends a field whose key n does not have yet.
func (n *Node) add(f Field) {
	n.Fields = append(n.Fields, f)
	if n.byKey == nil && len(n.Fields) < large {
		return
	}
	if n.byKey == nil {
		n.byKey = map[string]int{}
		for i, old := range n.Fields {
			n.byKey[old.Key.Text] = i
		}
	}
	n.byKey[f.Key.Text] = len(n.Fields) - 1
}

// Show marks n and everything below as fit to be shown.
func (n *Node) Show() {
	n.Shown = true
	for _, item := range n.Items {
		item.Show()
	}
	for _, f := range n.Fields {
		f.Value.Show()
	}
}

// Code names a mistake in the text itself.
type Code string

// The mistakes that Parse finds. What Args holds is said with each.
const (
	Empty           Code = "empty"
	UTF16           Code = "utf16"
	NotUTF8         Code = "not-utf8"
	Control         Code = "control-character"
	Tab             Code = "tab"
	Star            Code = "star"      // a value that begins with *
	Indicator       Code = "indicator" // Args: the character that the value begins with
	NoBlank         Code = "no-blank"  // Args: the key
	WideColon       Code = "wide-colon"
	ColonInValue    Code = "colon-in-value"
	Indentation     Code = "indentation"
	OpenQuote       Code = "open-quote"
	OpenBracket     Code = "open-bracket" // Args: the bracket
	Backslash       Code = "backslash"
	Syntax          Code = "syntax"
	SecondDocument  Code = "second-document"
	Duplicate       Code = "duplicate-key" // Args: the key, the line of the first
	DuplicateHidden Code = "duplicate-odd" // Args: the line of the first; a key that is not fit to be shown
	ComplexKey      Code = "complex-key"
	ForeignTag      Code = "foreign-tag"
	BadMerge        Code = "bad-merge"
	TooMuch         Code = "too-many-nodes"
)

const (
	maxNodes         = 20_000
	maxDepth         = 100
	maxRepairs       = 50
	longestKey       = 64
	byteOrderMark    = "\ufeff"
	wideColon        = '：'
	unprintable      = '\u00b7'
	tabSign          = '→'
	maskText         = "***"
	commentText      = "# ..."
	excerptWidth     = 110
	excerptNeighbour = 1
)

// Mistake is one mistake in the text.
type Mistake struct {
	Code         Code
	Line, Column int
	Args         []string
}

// File is one text, its lines and its tree.
type File struct {
	// Name is how messages call the file.
	Name string
	// Root is the tree; nil where the text could not be read as YAML.
	Root *Node

	lines     [][]rune
	starts    map[int][]*Node // scalars by the line they begin on; keys are marked Shown
	plausible func(key string) bool
}

// Lines is how many lines the text has.
func (f *File) Lines() int { return len(f.lines) }

// Parse reads a text. showable says, by key alone, whether a value may be shown while there is no tree: it is asked only when
// the text cannot be read. Parse returns the File also with mistakes, so that they can be quoted; Root is nil if nothing but
// the lines is known.
func Parse(name string, data []byte, showable func(key string) bool) (*File, []Mistake) {
	f := &File{Name: name, plausible: showable, starts: map[int][]*Node{}}
	text, mistake := decodeText(data)
	for line := range strings.SplitSeq(text, "\n") {
		f.lines = append(f.lines, []rune(line))
	}
	if mistake != nil {
		return f, []Mistake{*mistake}
	}
	p := parser{file: f, text: text, broken: map[place]bool{}, shifts: map[int]int{}}
	root, ok := p.parse()
	if !ok {
		return f, p.mistakes
	}
	tree := p.copyNode(root, 0)
	if p.full {
		return f, p.mistakes[:1+slices.IndexFunc(p.mistakes, func(m Mistake) bool { return m.Code == TooMuch })]
	}
	f.Root = tree
	f.index(tree)
	return f, p.mistakes
}

// place is a line and a column.
type place struct{ line, column int }

// decodeText checks the encoding and makes line ends alike.
func decodeText(data []byte) (string, *Mistake) {
	if len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff) {
		return "", &Mistake{Code: UTF16, Line: 1, Column: 1}
	}
	text := strings.TrimPrefix(string(data), byteOrderMark)
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	line, column := 1, 1
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			return strings.ToValidUTF8(text, string(utf8.RuneError)), &Mistake{Code: NotUTF8, Line: line, Column: column}
		case r == '\n':
			line, column = line+1, 1
			continue
		case r < ' ' && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff, r == '\u2028', r == '\u2029', r == 0xfeff:
			return text, &Mistake{Code: Control, Line: line, Column: column}
		}
		column++
	}
	return text, nil
}

// index notes where each scalar begins, for quoting.
func (f *File) index(n *Node) {
	if n == nil {
		return
	}
	if n.Kind == Scalar && n.File == f {
		f.starts[n.Line] = append(f.starts[n.Line], n)
	}
	for _, item := range n.Items {
		f.index(item)
	}
	for _, field := range n.Fields {
		f.index(field.Key)
		f.index(field.Value)
	}
}

// KeyShown reports whether a key looks like one and may be quoted: a value that slipped into a key's place does not.
func KeyShown(key string) bool {
	if key == "" || utf8.RuneCountInString(key) > longestKey {
		return false
	}
	return !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`:'"{}`, r) })
}
