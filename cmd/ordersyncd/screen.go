package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"ordersync/internal/config"
	"ordersync/internal/schedule"
)

// screen is where a command speaks to people: results on out, everything else on err. It colours only what is a terminal.
type screen struct {
	out, err io.Writer
	// live says that err is a terminal, on which a line can be drawn over.
	live bool
	// outPlain and errPlain say that nothing is coloured there.
	outPlain, errPlain bool
	// zone is the configuration's, once it is read.
	zone *time.Location
}

func newScreen(out, err io.Writer, getenv func(string) string) *screen {
	plain := getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
	return &screen{
		out: out, err: err, live: isTerminal(err) && getenv("TERM") != "dumb",
		outPlain: plain || !isTerminal(out), errPlain: plain || !isTerminal(err), zone: time.UTC,
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the number of columns of the terminal on err.
func (s *screen) width() int {
	if f, ok := s.err.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

// paint is a colour, or none.
type paint func(text string, plain bool) string

func paintOf(c text.Color) paint {
	return func(text string, plain bool) string {
		if plain {
			return text
		}
		return c.EscapeSeq() + text + "\x1b[0m"
	}
}

func (s *screen) red(t string, plain bool) string    { return paintOf(text.FgRed)(t, plain) }
func (s *screen) green(t string, plain bool) string  { return paintOf(text.FgGreen)(t, plain) }
func (s *screen) yellow(t string, plain bool) string { return paintOf(text.FgYellow)(t, plain) }
func (s *screen) bold(t string, plain bool) string   { return paintOf(text.Bold)(t, plain) }

// printf writes a result.
func (s *screen) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// complain tells a failure: what happened, and what to do.
func (s *screen) complain(what, remedy string) {
	fmt.Fprintf(s.err, "%s %s\n", s.red("ordersyncd:", s.errPlain), what)
	if remedy != "" {
		fmt.Fprintf(s.err, "            %s\n", remedy)
	}
}

// notice tells something that is no failure.
func (s *screen) notice(format string, args ...any) {
	fmt.Fprintf(s.err, format+"\n", args...)
}

// problems shows mistakes or warnings of the configuration; label stands in front of each.
func (s *screen) problems(list []config.Problem, colour paint, label string) {
	for _, p := range list {
		first, rest, _ := strings.Cut(p.Text(), "\n")
		fmt.Fprintf(s.err, "%s%s\n%s\n\n", label, colour(first, s.errPlain), rest)
	}
}

// busy is the sentence for a stream that somebody else works.
func (s *screen) busy(e *schedule.BusyError) string {
	l := e.Lease
	return fmt.Sprintf(textBusy, l.Stream, l.Source, l.Holder, s.at(l.Since), s.at(l.Until))
}

// at writes an instant in the zone of the configuration, with its offset.
func (s *screen) at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(s.zone).Format("2006-01-02 15:04:05 -07:00")
}

// table lays rows out under a head; nothing where there are none.
func (s *screen) table(title string, head table.Row, rows []table.Row) {
	if len(rows) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Name:    "ordersync",
		Box:     table.BoxStyle{PaddingRight: "  "},
		Options: table.Options{},
		Format:  table.FormatOptions{Header: text.FormatDefault},
	})
	t.AppendHeader(head)
	t.AppendRows(rows)
	s.printf("%s\n", s.bold(title, s.outPlain))
	for line := range strings.SplitSeq(t.Render(), "\n") {
		s.printf("  %s\n", strings.TrimRight(line, " "))
	}
	s.printf("\n")
}
