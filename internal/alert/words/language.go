package words

import (
	"strconv"
	"strings"
	"time"

	"ordersync/internal/alert"
)

// language is all that is said, in one language. In its texts {name} stands for what fails or for several such things, {source} for the
// source, {n} for how many things there are, {count} and {orders} for the incident's own number, {t} and {ends} for times, {for}, {left}
// and {span} for durations, {what} for the event and {small} for the same within a line, {over} for its end.
type language struct {
	code    string
	kinds   map[kind]phrases
	changes map[alert.Change]change
	// remark is the badge of an opening that is not grave.
	remark string
	// everything names the scope of all sources, those stands for several names in the texts of a kind.
	everything string
	those      map[string]string
	labels     labels
	weekly     weekly
	trial      trial
	digest     digest
	// whys say what commands do, by their beginning; the first that fits counts.
	whys []Command

	// thing is what n things of a scope's sort are called.
	thing    func(sort string, n int) string
	orders   func(n int) string
	duration func(d time.Duration) string
	// names joins the first few names of n things.
	names func(few []string, n int, thing string) string
	// tidy mends what filling in leaves behind.
	tidy func(s string) string
}

// phrases are what is said of one kind of incident.
type phrases struct {
	// what is the event, short, for a subject; one and several are headlines.
	what, one, several string
	// meaning is what it means for the orders, cause what the cause likely is, advice what to do besides typing.
	meaning, cause, advice string
	// over and allOver are headlines of a recovery.
	over, allOver string
}

// change is how a change of an incident is said.
type change struct {
	// badge stands over a headline, tag behind a name among others.
	badge, tag string
	// subject is the form of a subject, alone that of one without a name.
	subject, alone string
}

// labels are what stands in front of facts, the titles of blocks, and the forms of values.
type labels struct {
	// In front of facts.
	source, since, span, none, usual, ends, ended, allowed, lastGood, noStep, failed, upTo, waiting, next, lasted, stored, note string
	// Titles.
	cause, todo, said string
	// Forms of values.
	lasting, lastedFor, behind, inTime, ago, about, noneYet, failedRuns, failedAll  string
	sinceShort, storedShort, quietShort, upToShort, waitingShort, standing, advised string
	// comma stands between names, sep between facts.
	comma, sep, colon string
	// Values.
	unknown, nothing, never, nothingLeft, caughtUp, tooLate string
	// Small lines.
	made, incident, run, show, mute, more, moreIn string
}

// weekly is what a weekly notice says; the forms with Open are for a week at whose end something is open, those with Late for one at whose
// end nothing is, but {late} are not up to date.
type weekly struct {
	subjectLate, headlineLate, meaningLate, paused string

	badge, subject, subjectOpen, headline, headlineOpen, meaning, meaningOpen string
	span, runs, runsOf, incidents, incidentsOf, incidentsNone                 string
	head                                                                      []string
	total, more                                                               string
}

// trial is what a test says.
type trial struct{ badge, subject, headline, meaning string }

// digest is what several notices in one say.
type digest struct{ badge, subject, headline, meaning, open, over, other string }

func languageOf(name string) language {
	if name == Chinese {
		return chinese()
	}
	return english()
}

// fill puts values into a text; pairs are names and values.
func (l *language) fill(text string, pairs ...string) string {
	with := make([]string, len(pairs))
	for i, s := range pairs {
		if i%2 == 0 {
			s = "{" + s + "}"
		}
		with[i] = s
	}
	return l.tidy(strings.NewReplacer(with...).Replace(text))
}

// why says what a command does; empty where nobody knows.
func (l *language) why(command string) string {
	for _, w := range l.whys {
		if strings.HasPrefix(command, w.Line) {
			return w.Why
		}
	}
	return ""
}

// phrasesOf knows something of a class that is not in the table, too.
func (l *language) phrasesOf(k kind) phrases {
	if p, ok := l.kinds[k]; ok {
		return p
	}
	return l.kinds[kind(alert.Internal)]
}

// number writes 1234567 as 1,234,567.
func (l *language) number(n int) string {
	if n < 0 {
		return "-" + l.number(-n)
	}
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
