package email

import (
	_ "embed"
	"html/template"
	"regexp"
	"strings"

	"ordersync/internal/alert/words"
)

//go:embed mail.html
var pageText string

// page is written for mail programs: tables and styles in place, no picture, nothing that is loaded. Dark colours need the style sheet in
// its head; a program that drops that shows the light ones.
var page = template.Must(template.New("mail").Funcs(template.FuncMap{"parted": parted}).Parse(pageText))

// colours are those of a tone.
type colours struct{ Line, Text, Back template.CSS }

// tones have a line at the edge, a text, and a background behind that text.
var tones = map[words.Tone]colours{
	words.Grave: {"#d92d20", "#b42318", "#fee4e2"},
	words.Warn:  {"#f79009", "#93370d", "#fef0c7"},
	words.Good:  {"#12b76a", "#05603a", "#d1fadf"},
	words.Plain: {"#667085", "#344054", "#eaecf0"},
}

// view is what the page shows.
type view struct {
	words.Text
	Tones map[words.Tone]colours
}

// brackets are those at the end of a line.
var brackets = regexp.MustCompile(`[(（][^()（）]+[)）]$`)

// widest is how many columns unbroken brackets may take, so that they fit beside a label on a phone.
const widest = 28

// parted is a line whose brackets at the end are not to be broken: on a phone they then stand in a line of their own.
func parted(line string) [2]string {
	at := brackets.FindStringIndex(line)
	if at == nil || columns(line[at[0]:]) > widest {
		return [2]string{line, ""}
	}
	return [2]string{line[:at[0]], line[at[0]:]}
}

// columns is how wide a text is about: letters beyond the Western ones take two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x2E80 {
			n++
		}
	}
	return n
}

// HTML writes a text as a page of its own.
func HTML(t words.Text) (string, error) {
	var out strings.Builder
	err := page.Execute(&out, view{Text: t, Tones: tones})
	return out.String(), err
}
