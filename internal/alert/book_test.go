package alert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordersync/internal/alert"
)

// midnight is where the nights begin.
var midnight = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// book is a book in memory and a clock, worked like the real ones: what changed goes through JSON, and what is over and told is not read again.
type book struct {
	t        *testing.T
	rules    alert.Rules
	now      time.Time
	rows     map[string]*alert.Incident
	waiting  []alert.Observation
	notices  []alert.Notice
	world    alert.World
	look     func(now time.Time) []alert.Condition
	judged   func(alert.Key) bool
	changes  int
	lostStep func() bool
	// everyLook looks at each step, not each minute.
	everyLook bool
	// stale leaves the world as it is; otherwise it knows of each good run.
	stale bool
}

func newBook(t *testing.T) *book {
	t.Helper()
	return &book{t: t, rules: alert.Rules{Host: "vps-1"}, now: midnight, rows: map[string]*alert.Incident{}}
}

// live are the incidents that a book returns.
func (b *book) live() []alert.Incident {
	var live []alert.Incident
	for _, inc := range b.rows {
		if inc.Phase != alert.Recovered || inc.ToldSeq < inc.Seq || b.now.Sub(inc.RecoveredAt) < alert.Calm {
			live = append(live, *inc)
		}
	}
	return live
}

// incidents are all of them, in some order.
func (b *book) incidents() []alert.Incident {
	var all []alert.Incident
	for _, inc := range b.rows {
		all = append(all, *inc)
	}
	return all
}

// the is the one incident of a key that opened.
func (b *book) the(class alert.Class, scope alert.Scope) alert.Incident {
	b.t.Helper()
	var found []alert.Incident
	for _, inc := range b.incidents() {
		if inc.Class == class && inc.Scope == scope && !inc.OpenedAt.IsZero() {
			found = append(found, inc)
		}
	}
	if len(found) != 1 {
		b.t.Fatalf("%d incidents %s of %s opened, want one", len(found), class, scope)
	}
	return found[0]
}

// note writes an observation down, a good run only where it is awaited.
func (b *book) note(o alert.Observation) {
	if o.Run != nil && o.Run.Class == "" {
		awaited := false
		for _, w := range b.waiting {
			awaited = awaited || w.Run != nil && w.Run.Source == o.Run.Source
		}
		for _, inc := range b.rows {
			awaited = awaited || inc.Phase != alert.Recovered && (inc.Source == o.Run.Source || inc.Scope == alert.All)
		}
		if !awaited {
			return
		}
	}
	b.waiting = append(b.waiting, o)
}

// work works the book once and returns what is told.
func (b *book) work() []alert.Notice {
	b.t.Helper()
	d := alert.NewDesk(b.rules, b.now, b.live())
	for _, o := range b.waiting {
		b.know(o)
		d.Observe(o)
	}
	if b.look != nil && (b.everyLook || b.now.Second() == 0) {
		d.Look(b.look(b.now), b.judged)
	}
	notices := d.Compose(b.world)
	changed := d.Changed()
	if b.lostStep != nil && b.lostStep() {
		return nil
	}
	for _, inc := range changed {
		body, err := json.Marshal(inc)
		if err != nil {
			b.t.Fatal(err)
		}
		var row alert.Incident
		if err := json.Unmarshal(body, &row); err != nil {
			b.t.Fatal(err)
		}
		b.rows[inc.ID] = &row
	}
	b.waiting = nil
	b.changes += len(changed)
	b.notices = append(b.notices, notices...)
	return notices
}

// know lets the world know of a good run.
func (b *book) know(o alert.Observation) {
	if b.stale || o.Run == nil || o.Run.Class != "" {
		return
	}
	if s, configured := b.world.Sources[o.Run.Source]; configured && o.At.After(s.LastGood) {
		s.LastGood = o.At
		b.world.Sources[o.Run.Source] = s
	}
}

// until works the book each five seconds until a time.
func (b *book) until(at time.Time) {
	b.t.Helper()
	for b.now.Before(at) {
		b.now = b.now.Add(5 * time.Second)
		b.work()
	}
}

// told are the notices in short: "00:01:30 alarm network, opened source/us", or how many.
func (b *book) told() []string {
	var told []string
	for _, n := range b.notices {
		line := n.At.Format("15:04:05") + " " + string(n.Sort) + " " + string(n.Class)
		if n.More > 0 {
			line += fmt.Sprintf(", %s %d", n.Items[0].Change, len(n.Items)+n.More)
			n.Items = nil
		}
		for _, item := range n.Items {
			line += fmt.Sprintf(", %s %s", item.Change, item.Scope)
		}
		told = append(told, line)
	}
	return told
}

// counts counts the notices by what the worst item of each says, and all of them.
func (b *book) counts() map[alert.Change]int {
	counts := map[alert.Change]int{}
	for _, n := range b.notices {
		counts[n.Items[0].Change]++
	}
	return counts
}

func (b *book) sum() string {
	counts := b.counts()
	return fmt.Sprintf("%d notices: %d opened, %d worse, %d reopened, %d reminded, %d recovered, %d passed", len(b.notices), counts[alert.Opened],
		counts[alert.Worse], counts[alert.Reopened], counts[alert.Reminded], counts[alert.Closed], counts[alert.Passed])
}

// want compares what was told with lines.
func (b *book) want(lines ...string) {
	b.t.Helper()
	if got, want := strings.Join(b.told(), "\n"), strings.Join(lines, "\n"); got != want {
		b.t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// at is a time of the first day: "02:00:30".
func at(t *testing.T, clock string) time.Time {
	t.Helper()
	parsed, err := time.Parse("15:04:05", clock)
	if err != nil {
		t.Fatal(err)
	}
	return midnight.Add(time.Duration(parsed.Hour())*time.Hour + time.Duration(parsed.Minute())*time.Minute + time.Duration(parsed.Second())*time.Second)
}

// failed and good are the ends of runs of the job SOURCE-orders of a schedule of a minute.
func failed(at time.Time, source string, class alert.Class) alert.Observation {
	return alert.Observation{At: at, Host: "vps-1", Run: &alert.RunEnded{
		Source: source, Job: source + "-orders", RunID: "r" + at.Format("150405"), Class: class, Kind: "transient", Error: "no answer",
	}}
}

func good(at time.Time, source string) alert.Observation {
	return alert.Observation{At: at, Host: "vps-1", Run: &alert.RunEnded{Source: source, Job: source + "-orders", RunID: "r" + at.Format("150405")}}
}

// seldom says that a run is of a schedule longer than 15 minutes.
func seldom(o alert.Observation) alert.Observation {
	o.Run.Seldom = true
	return o
}

// ofJob says that a run is of another job.
func ofJob(job string, o alert.Observation) alert.Observation {
	o.Run.Job = job
	return o
}
