package words

import (
	"maps"
	"slices"
	"strings"
	"time"

	"ordersync/internal/alert"
)

// values are what the texts about an incident can name, as pairs. Of two of the same name the first counts.
func (w *writer) values(i alert.Incident) []string {
	_, name := i.Scope.Split()
	f := i.Facts
	return []string{
		"name", name, "source", sourceOf(i), "count", w.number(f.Count), "orders", w.orders(f.Count), "id", i.ID,
		"ends", w.moment(f.Ends), "left", w.duration(roundUp(f.Ends.Sub(w.notice.At))),
		"span", w.duration(f.To.Sub(f.From)), "for", w.duration(w.lasted(i)),
	}
}

// sourceOf and jobOf are the names of the source and of the job concerned, where there is one.
func sourceOf(i alert.Incident) string {
	if sort, name := i.Scope.Split(); sort == "source" && i.Source == "" {
		return name
	}
	return i.Source
}

func jobOf(i alert.Incident) string {
	if sort, name := i.Scope.Split(); sort == "job" {
		return name
	}
	return i.Job
}

// lasted is how long an incident lasted, or has lasted so far.
func (w *writer) lasted(i alert.Incident) time.Duration { return w.end(i).Sub(i.Since) }

func (w *writer) end(i alert.Incident) time.Time {
	if i.Phase == alert.Recovered && !i.RecoveredAt.IsZero() {
		return i.RecoveredAt
	}
	return w.notice.At
}

func (w *writer) moment(t time.Time) string {
	if t.IsZero() {
		return w.labels.unknown
	}
	return instant(t, w.zone)
}

// table collects facts; those that are empty are left out.
type table []Row

func (t *table) add(label, value string) {
	if value != "" {
		*t = append(*t, Row{label, value})
	}
}

// rows are the facts about an incident that goes on.
func (w *writer) rows(i alert.Incident, k kind) []Row {
	var t table
	l, f := w.labels, i.Facts
	switch {
	case i.Class == alert.Gap:
		t.add(l.span, w.span(f.From, f.To))
	case i.Class == alert.Quiet:
		t.add(l.none, w.span(f.From, f.To))
		t.add(l.usual, w.usual(f.Usual))
	case k == keyEnded || k == grantEnded:
		t.add(l.ended, w.ends(f.Ends))
	case i.Class == alert.Credential:
		t.add(l.ends, w.ends(f.Ends))
	case k == away:
		t.add(l.span, w.span(f.From, f.To))
	case i.Class == alert.Stall:
		t = append(t, w.stalled(i, k)...)
	default:
		t.add(l.since, w.fill(l.lasting, "t", instant(i.Since, w.zone), "for", w.duration(w.lasted(i))))
	}
	t.add(l.failed, w.failed(i))
	if natureOf(k).waits {
		t.add(l.upTo, w.storedUpTo(f.Standing))
		t.add(l.waiting, w.waiting(f.Standing))
	}
	t.add(l.next, w.next(f))
	t.add(l.note, cut(f.Text, longestQuote))
	return t
}

// isStanding reports whether incidents of a class harm no more the longer they last.
func isStanding(c alert.Class) bool {
	return c == alert.Gap || c == alert.Credential || c == alert.DeadLetter || c == alert.Shortfall
}

// pastRows are the facts about one that is over. Orders are caught up where they waited.
func (w *writer) pastRows(i alert.Incident, k kind) []Row {
	var t table
	l := w.labels
	if !isStanding(i.Class) {
		t.add(l.lasted, w.duration(w.lasted(i)))
	}
	t.add(l.span, span(i.Since, w.end(i), w.zone))
	t.add(l.failed, w.failed(i))
	if s := i.Facts.Standing; s != nil && natureOf(k).waits {
		t.add(l.stored, w.orders(s.Stored))
		t.add(l.upTo, w.storedUpTo(s))
		if s.Waiting != nil && *s.Waiting > 0 {
			t.add(l.waiting, w.waiting(s))
		}
	}
	return t
}

// lines are the facts about one of several that go on.
func (w *writer) lines(i alert.Incident, k kind) []string {
	l, f := w.labels, i.Facts
	var first string
	switch {
	case i.Class == alert.Gap || k == away:
		first = w.span(f.From, f.To)
	case i.Class == alert.Quiet:
		first = w.fill(l.quietShort, "t", w.span(f.From, f.To), "usual", w.usual(f.Usual))
	case i.Class == alert.Credential:
		first = w.ends(f.Ends)
	default:
		first = w.fill(l.sinceShort, "t", instant(i.Since, w.zone), "for", w.duration(w.lasted(i)))
	}
	lines := []string{first}
	if natureOf(k).waits && f.Standing != nil {
		lines = append(lines, w.fill(l.upToShort, "t", w.storedUpTo(f.Standing)), w.fill(l.waitingShort, "waiting", w.waiting(f.Standing)))
	}
	return lines
}

// line is what matters most about one of very many.
func (w *writer) line(i alert.Incident, k kind) string {
	s := i.Facts.Standing
	if !natureOf(k).waits || s == nil || s.Watermark.IsZero() {
		return w.lines(i, k)[0]
	}
	return w.fill(w.labels.standing, "for", w.duration(w.behind(s)), "waiting", w.waiting(s))
}

// pastLines are the facts about one of several that are over.
func (w *writer) pastLines(i alert.Incident, k kind) []string {
	lines := []string{w.fill(w.labels.lastedFor, "t", span(i.Since, w.end(i), w.zone), "for", w.duration(w.lasted(i)))}
	if s := i.Facts.Standing; s != nil && s.Stored > 0 && natureOf(k).waits {
		lines = append(lines, w.fill(w.labels.storedShort, "orders", w.orders(s.Stored)))
	}
	return lines
}

// span is a stretch of time, of which an end may be unknown.
func (w *writer) span(from, to time.Time) string {
	switch {
	case from.IsZero() && to.IsZero():
		return ""
	case from.IsZero() || to.IsZero():
		return w.moment(from) + " – " + w.moment(to)
	}
	return span(from, to, w.zone)
}

// usual are the numbers of earlier weeks, the latest first.
func (w *writer) usual(weeks []int) string {
	var numbers []string
	for _, n := range weeks {
		numbers = append(numbers, w.number(n))
	}
	return strings.Join(numbers, w.labels.comma)
}

// ends is when a credential ends, and how long that is from now.
func (w *writer) ends(t time.Time) string {
	if t.IsZero() {
		return w.labels.unknown
	}
	if rest := t.Sub(w.notice.At); rest > 0 {
		return w.fill(w.labels.inTime, "t", instant(t, w.zone), "for", w.duration(roundUp(rest)))
	}
	return w.ago(t)
}

// stalled are the facts about a job that makes no progress.
func (w *writer) stalled(i alert.Incident, k kind) []Row {
	var t table
	l, f := w.labels, i.Facts
	t.add(l.source, i.Source)
	good := f.From
	if s := f.Standing; i.Kind == "" && s != nil {
		good = s.LastGood
	}
	switch k {
	case stuck:
		t.add(l.noStep, w.ago(f.From))
	case still:
		if f.Standing == nil {
			t.add(l.upTo, w.ago(f.From))
		}
	default:
		t.add(l.lastGood, w.ago(good))
	}
	if f.Allowed > 0 {
		t.add(l.allowed, w.duration(f.Allowed))
	}
	return t
}

// ago is a time that is over, if it ever was.
func (w *writer) ago(t time.Time) string {
	if t.IsZero() {
		return w.labels.never
	}
	return w.fill(w.labels.ago, "t", instant(t, w.zone), "for", w.duration(w.notice.At.Sub(t)))
}

// failed is how many runs failed, and of which jobs; what a machine watches by itself is no job.
func (w *writer) failed(i alert.Incident) string {
	if sort, _ := i.Scope.Split(); sort == "host" {
		return ""
	}
	if i.Scope == alert.All && i.Failures > 0 { // the job of the error is one of many
		return w.fill(w.labels.failedAll, "n", w.number(i.Failures))
	}
	jobs := slices.Sorted(maps.Keys(i.Jobs))
	if len(jobs) == 0 && i.RunID != "" && i.Job != "" {
		jobs = []string{i.Job}
	}
	if len(jobs) == 0 {
		return ""
	}
	const mostJobs = 3
	named := strings.Join(jobs[:min(len(jobs), mostJobs)], w.labels.comma)
	if len(jobs) > mostJobs {
		named = w.names(jobs[:mostJobs], len(jobs), w.thing("job", len(jobs)))
	}
	return w.fill(w.labels.failedRuns, "n", w.number(i.Failures), "jobs", named)
}

// storedUpTo is the watermark, and how far that is behind.
func (w *writer) storedUpTo(s *alert.Standing) string {
	switch {
	case s == nil:
		return ""
	case s.Watermark.IsZero():
		return w.labels.nothing
	}
	return w.fill(w.labels.behind, "t", instant(s.Watermark, w.zone), "for", w.duration(w.behind(s)))
}

// behind is how far a watermark is behind.
func (w *writer) behind(s *alert.Standing) time.Duration {
	if s.Behind > 0 {
		return s.Behind
	}
	return w.notice.At.Sub(s.Watermark)
}

// waiting is how many orders wait, as far as anybody knows.
func (w *writer) waiting(s *alert.Standing) string {
	if s == nil || s.Waiting == nil {
		return w.labels.unknown
	}
	if *s.Waiting == 0 {
		return w.labels.noneYet
	}
	return w.fill(w.labels.about, "n", w.number(*s.Waiting))
}

// next is when it is tried again.
func (w *writer) next(f alert.Facts) string {
	for _, t := range []time.Time{f.RetryAt, f.NextTick} {
		if t.After(w.notice.At) {
			return instant(t, w.zone)
		}
	}
	return ""
}

// footer are the small lines.
func (w *writer) footer(items []alert.Item, all int) []string {
	l, first := w.labels, items[0]
	lines := []string{w.made()}
	if all > 1 {
		return lines
	}
	about := w.fill(l.incident, "id", first.ID)
	if first.RunID != "" && !isOver(first.Change) {
		about += l.sep + w.fill(l.run, "id", first.RunID)
	}
	lines = append(lines, about, w.fill(l.show, "id", first.ID))
	if !isOver(first.Change) && !isOwn(first.Scope) {
		lines = append(lines, w.fill(l.mute, "id", first.ID))
	}
	return lines
}

// isOwn reports whether what fails concerns one machine alone: that stands in its own book, and cannot be silenced.
func isOwn(s alert.Scope) bool {
	sort, _ := s.Split()
	return sort == "host" || sort == "channel"
}

// made says which machine made the notice, and when.
func (w *writer) made() string {
	return w.fill(w.labels.made, "host", w.notice.Host, "t", instant(w.notice.At, w.zone))
}
