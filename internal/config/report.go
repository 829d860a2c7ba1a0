package config

import (
	"cmp"
	"slices"
	"strings"

	"ordersync/internal/config/document"
)

// Problem is one mistake in a file, or one warning.
type Problem struct {
	// File, Line and Column are the place; Line is zero where the file as a whole is meant.
	File         string
	Line, Column int
	// Path is where in the file's tree, such as sources.us-store.auth.
	Path string
	// Message says what is wrong, Remedy what to do; both are plain sentences.
	Message, Remedy string
	// Snippet holds the line and its neighbours with a caret, secrets masked; empty where there is no line to show.
	Snippet string
}

// Error is the problem in one line: file:line:column: message.
func (p Problem) Error() string { return p.Place() + ": " + p.Message }

// Place is file:line:column.
func (p Problem) Place() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + itoa(p.Line) + ":" + itoa(p.Column)
}

// Text is the problem as it is shown to the operator: the place and what is wrong, the lines, what to do. It has no line end.
func (p Problem) Text() string {
	return p.Error() + "\n" + p.Snippet + "       " + p.Remedy
}

// Problems are all the mistakes of a file, in the file's order.
type Problems struct {
	List []Problem
	// Warnings are what Config.Warnings would have been.
	Warnings []Problem
}

// Error is the whole report, several lines for each mistake.
func (p *Problems) Error() string {
	texts := make([]string, 0, len(p.List))
	for _, problem := range p.List {
		texts = append(texts, problem.Text())
	}
	return strings.Join(texts, "\n\n")
}

// Unwrap returns the mistakes one by one.
func (p *Problems) Unwrap() []error {
	errs := make([]error, 0, len(p.List))
	for _, problem := range p.List {
		errs = append(errs, problem)
	}
	return errs
}

// path is a place in the tree: the keys from its root.
type path []string

func (p path) with(more ...string) path { return slices.Concat(p, more) }

func (p path) String() string { return strings.Join(p, ".") }

// report gathers what is wrong with one file.
type report struct {
	file *document.File
	// root is the file's tree, into which presets are merged as they are read.
	root     *document.Node
	words    map[string]words
	mistakes []finding
	warnings []finding
	// bad holds the paths that have a mistake: no second one is reported for them.
	bad map[string]bool
}

// finding is a problem before its lines are quoted.
type finding struct {
	line, column int
	path         path
	words        words
}

// mistake reports a mistake at a path.
func (r *report) mistake(at path, code string, args ...string) {
	line, column := r.position(at)
	r.note(at, line, column, code, args...)
}

// mistakeAt reports a mistake at a node, or at its path if the node is a preset's.
func (r *report) mistakeAt(n *document.Node, at path, code string, args ...string) {
	if n == nil || n.File != r.file {
		r.mistake(at, code, args...)
		return
	}
	r.note(at, n.Line, n.Column, code, args...)
}

func (r *report) note(at path, line, column int, code string, args ...string) {
	r.bad[at.key()] = true
	r.mistakes = append(r.mistakes, finding{line: line, column: column, path: at, words: r.words[code].fill(args)})
}

// warning reports what is allowed and probably not meant.
func (r *report) warning(at path, code string, args ...string) {
	line, column := r.position(at)
	r.warnings = append(r.warnings, finding{line: line, column: column, path: at, words: r.words[code].fill(args)})
}

func (p path) key() string { return strings.Join(p, "\x00") }

// spoilt reports whether the value at a path, or something around it, or something in it has a mistake.
func (r *report) spoilt(at path) bool {
	for i := range len(at) + 1 {
		if i > 0 && r.bad[at[:i].key()] {
			return true
		}
	}
	prefix := at.key() + "\x00"
	for bad := range r.bad {
		if strings.HasPrefix(bad, prefix) {
			return true
		}
	}
	return false
}

// node returns the value at a path, presets included, or nil.
func (r *report) node(at path) *document.Node {
	n := r.root
	for _, name := range at {
		f := n.Field(name)
		if f == nil {
			return nil
		}
		n = f.Value
	}
	return n
}

// own reports whether the operator's file itself has the value at a path.
func (r *report) own(at path) bool {
	n := r.node(at)
	return n != nil && n.File == r.file
}

// position is where a path stands in the operator's file: its value if that is a scalar, else its key; where the file does not
// have it, the place of what is around it.
func (r *report) position(at path) (line, column int) {
	line, column = 1, 1
	n := r.root
	for i, name := range at {
		f := n.Field(name)
		if f == nil {
			break
		}
		if f.Key.File != r.file {
			break
		}
		line, column = f.Key.Line, f.Key.Column
		n = f.Value
		if i == len(at)-1 && n.Kind == document.Scalar && n.File == r.file && !n.Null() {
			line, column = n.Line, n.Column
		}
	}
	return line, column
}

// problems turns findings into what is shown, in the file's order.
func (r *report) problems(findings []finding) []Problem {
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.words.message, b.words.message))
	})
	var list []Problem
	for _, f := range findings {
		p := Problem{File: r.file.Name, Line: f.line, Column: f.column, Path: f.path.String(), Message: f.words.message, Remedy: f.words.remedy}
		if n := len(list); n > 0 && list[n-1].Line == p.Line && list[n-1].Column == p.Column && list[n-1].Message == p.Message {
			continue // one value that is used twice by an anchor
		}
		p.Snippet = r.file.Excerpt(f.line, f.column)
		list = append(list, p)
	}
	return list
}
