package document

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"ordersync/internal/config/words"
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
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
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

// Path is a place in the tree: the keys from its root.
type Path []string

// With is the path of something further inside.
func (p Path) With(more ...string) Path { return slices.Concat(p, more) }

func (p Path) String() string { return strings.Join(p, ".") }

// Report gathers what is wrong with one file.
type Report struct {
	file *File
	// root is the file's tree, into which presets are merged as they are read.
	root     *Node
	words    map[string]words.Words
	mistakes []finding
	warnings []finding
	// bad holds the paths that have a mistake: no second one is reported for them.
	bad map[string]bool
	// holds are the paths inside which there is such a one.
	holds map[string]bool
}

// NewReport begins a report on a file with the mistakes of its text.
func NewReport(file *File, mistakes []Mistake) *Report {
	r := &Report{file: file, root: file.Root, words: words.English(), bad: map[string]bool{}, holds: map[string]bool{}}
	for _, m := range mistakes {
		r.note(nil, place{line: m.Line, column: m.Column}, string(m.Code), m.Args...)
	}
	return r
}

// finding is a problem before its lines are quoted.
type finding struct {
	line, column int
	path         Path
	words        words.Words
}

// Mistake reports a mistake at a path.
func (r *Report) Mistake(at Path, code string, args ...string) {
	line, column := r.Position(at)
	r.note(at, place{line: line, column: column}, code, args...)
}

// MistakeAt reports a mistake at a node, or at its path if the node is a preset's.
func (r *Report) MistakeAt(n *Node, at Path, code string, args ...string) {
	if n == nil || n.File != r.file {
		r.Mistake(at, code, args...)
		return
	}
	r.note(at, place{line: n.Line, column: n.Column}, code, args...)
}

func (r *Report) note(at Path, where place, code string, args ...string) {
	r.Spoil(at)
	r.mistakes = append(r.mistakes, finding{line: where.line, column: where.column, path: at, words: r.words[code].Fill(args)})
}

// Check reports a mistake unless there is one at the path already, or inside it, or around it.
func (r *Report) Check(bad bool, at Path, code string, args ...string) {
	if bad && !r.Spoilt(at) {
		r.Mistake(at, code, args...)
	}
}

// Spoil marks a path as one of which nothing more is to be reported.
func (r *Report) Spoil(at Path) {
	r.bad[at.key()] = true
	for i := range at {
		r.holds[at[:i].key()] = true
	}
}

// Bad reports whether a mistake has been reported at this very path.
func (r *Report) Bad(at Path) bool { return r.bad[at.key()] }

// Warning reports what is allowed and probably not meant.
func (r *Report) Warning(at Path, code string, args ...string) {
	line, column := r.Position(at)
	r.warnings = append(r.warnings, finding{line: line, column: column, path: at, words: r.words[code].Fill(args)})
}

func (p Path) key() string { return strings.Join(p, "\x00") }

// Spoilt reports whether the value at a path, or something around it, or something in it has a mistake.
func (r *Report) Spoilt(at Path) bool {
	for i := range at {
		if r.bad[at[:i+1].key()] {
			return true
		}
	}
	return r.holds[at.key()]
}

// Node returns the value at a path, presets included, or nil.
func (r *Report) Node(at Path) *Node {
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

// Text is what stands at a path, if that is a scalar.
func (r *Report) Text(at Path) string {
	if n := r.Node(at); n != nil {
		return n.Text
	}
	return ""
}

// Own reports whether the operator's file itself has the value at a path.
func (r *Report) Own(at Path) bool {
	n := r.Node(at)
	return n != nil && n.File == r.file
}

// Position is where a path stands in the operator's file: its value if that is a scalar, else its key; where the file does not
// have it, the place of what is around it.
func (r *Report) Position(at Path) (line, column int) {
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
		if i == len(at)-1 && n.Kind == Scalar && n.File == r.file && !n.Null() {
			line, column = n.Line, n.Column
		}
	}
	return line, column
}

// Mistakes are the mistakes so far, in the file's order.
func (r *Report) Mistakes() []Problem { return r.problems(r.mistakes) }

// Warnings are the warnings so far, in the file's order.
func (r *Report) Warnings() []Problem { return r.problems(r.warnings) }

// Problem is a mistake that is found later, at a place of the file.
func (r *Report) Problem(at Path, message, remedy string) Problem {
	line, column := r.Position(at)
	return r.problem(finding{line: line, column: column, path: at, words: words.Words{Message: message, Remedy: remedy}})
}

// problems turns findings into what is shown.
func (r *Report) problems(findings []finding) []Problem {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.words.Message, b.words.Message))
	})
	findings = slices.CompactFunc(findings, func(a, b finding) bool { // one value that an anchor uses twice
		return a.line == b.line && a.column == b.column && a.words.Message == b.words.Message
	})
	var list []Problem
	for _, f := range findings {
		list = append(list, r.problem(f))
	}
	return list
}

func (r *Report) problem(f finding) Problem {
	return Problem{
		File: r.file.Name, Line: f.line, Column: f.column, Path: f.path.String(), Message: f.words.Message, Remedy: f.words.Remedy,
		Snippet: r.file.Excerpt(f.line, f.column),
	}
}
