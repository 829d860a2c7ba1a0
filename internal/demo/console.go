package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// columns is the widest line that is printed.
const columns = 100

// console is where the story is told. It is safe for concurrent use.
type console struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
	part   int
}

func newConsole(out io.Writer) *console {
	return &console{out: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	about, err := f.Stat()
	return err == nil && about.Mode()&os.ModeCharDevice != 0
}

// The colours, as a terminal wants them.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = ""
)

func (c *console) paint(colour, text string) string {
	if !c.colour || colour == plain || text == "" {
		return text
	}
	return colour + text + "\x1b[0m"
}

func (c *console) line(colour, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.out, c.paint(colour, text))
}

// heading begins a part of the story.
func (c *console) heading(title string) {
	c.part++
	c.line(plain, "")
	c.line(bold, fmt.Sprintf("%d. %s", c.part, title))
}

// say tells something in our own words, as many lines as that takes.
func (c *console) say(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), columns-3) {
		c.line(plain, "   "+line)
	}
}

// good tells that something held.
func (c *console) good(format string, args ...any) {
	for i, line := range wrap(fmt.Sprintf(format, args...), columns-6) {
		mark := "ok "
		if i > 0 {
			mark = "   "
		}
		c.line(plain, "   "+c.paint(green, mark)+line)
	}
}

// typed shows a command as somebody would type it.
func (c *console) typed(command string) { c.line(bold, "   $ "+command) }

// quote shows what a command or the daemon printed.
func (c *console) quote(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		c.line(dim, "   | "+cut(line, columns-5))
	}
}

// wrap breaks a text between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && widthOf(line)+1+widthOf(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// progress hands what takes long to the console.
type progress struct{ *console }

func (p progress) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (p progress) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	p.say("%s", text)
	return nil
}

func (p progress) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p progress) WithGroup(string) slog.Handler      { return p }
