package alert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
)

const (
	// maxReferences is how many earlier notices one refers to, maxScopes how many further names it lists.
	maxReferences = 10
	maxScopes     = 100
	// remindGapEvery is how often is told of a gap that nobody took notice of.
	remindGapEvery = 7 * 24 * time.Hour
	// freedFor is how long what was the consequence of another incident may take to be tried again: the longest wait before a failed run
	// is repeated, and a little.
	freedFor = 65 * time.Minute
)

// Compose returns what is to be told now, the worst classes first, and marks it as told.
func (d *Desk) Compose(world World) []Notice {
	d.settle()
	d.compare(world)
	for _, inc := range d.all {
		if inc.Phase == Failing && inc.ofRuns() && d.ripe(inc, d.now) {
			d.open(inc, d.now)
		} else if inc.Phase == Open && inc.ofRuns() {
			d.calm(inc, d.now)
		}
	}
	d.judgeNetwork(world)
	d.silence()
	return d.tell(world)
}

// telling is one incident of which something is to be told.
type telling struct {
	inc    *Incident
	change Change
}

// group is what may share a notice.
type group struct {
	class Class
	sort  Sort
}

func (d *Desk) tell(world World) []Notice {
	waiting := map[group][]telling{}
	for _, inc := range d.all {
		change := d.change(inc)
		switch {
		case inc.Seq == inc.ToldSeq:
		case change == "":
			inc.ToldSeq = inc.Seq
		case isRelief(change):
			waiting[group{inc.Class, Relief}] = append(waiting[group{inc.Class, Relief}], telling{inc, change})
		case d.now.Before(inc.MutedUntil):
			d.mark(inc, change, "")
		case !d.held(inc, world):
			waiting[group{inc.Class, Alarm}] = append(waiting[group{inc.Class, Alarm}], telling{inc, change})
		}
	}
	for g, changes := range waiting {
		if !d.due(g, changes) {
			delete(waiting, g)
		}
	}
	for class, reminders := range d.reminders(world) {
		g := group{class, Alarm}
		waiting[g] = append(waiting[g], reminders...)
	}
	var notices []Notice
	for _, g := range slices.SortedFunc(maps.Keys(waiting), worstFirst) {
		notices = append(notices, d.notice(g, waiting[g]))
	}
	return notices
}

// change is what is to be told of an incident, "" where that is nothing.
func (d *Desk) change(inc *Incident) Change {
	toldOpen := inc.Told == Opened || inc.Told == Worse || inc.Told == Reopened
	switch {
	case inc.Phase == Open && inc.Told == "":
		return Opened
	case inc.Phase == Open && !toldOpen:
		return Reopened
	case inc.Phase == Open && inc.Level > inc.ToldLevel:
		return Worse
	case inc.Phase == Recovered && toldOpen:
		return Closed
	case inc.Phase == Recovered && !inc.passed() && !inc.Silenced && inc.FreedAt.IsZero() && !d.now.Before(inc.MutedUntil) &&
		inc.RecoveredAt.Sub(inc.OpenedAt) > d.rules.GroupWait:
		return Passed
	}
	return ""
}

// held says that an alarm is not to be told yet because it is, or was until a moment ago, the consequence of another one.
func (d *Desk) held(inc *Incident, world World) bool {
	if inc.Silenced || inc.FreedAt.IsZero() {
		return inc.Silenced
	}
	if world.Sources[inc.Source].Paused {
		return true // it is not tried
	}
	again := inc.LastAt.After(inc.FreedAt) && d.now.Sub(inc.FreedAt) >= d.rules.GroupInterval
	if !again && d.now.Sub(inc.FreedAt) < freedFor {
		return true
	}
	if inc.ChangedAt.Before(inc.FreedAt) {
		inc.ChangedAt = d.now // from now on it waits for others, as if it had just opened
	}
	return false
}

// due says that changes have waited for long enough.
func (d *Desk) due(g group, changes []telling) bool {
	oldest := d.now
	for _, t := range changes {
		if t.inc.ChangedAt.Before(oldest) {
			oldest = t.inc.ChangedAt
		}
	}
	if d.now.Sub(oldest) < d.rules.GroupWait {
		return false
	}
	for _, inc := range d.all {
		last := inc.AlarmAt
		if g.sort == Relief {
			last = inc.ReliefAt
		}
		if inc.Class == g.class && !last.IsZero() && d.now.Sub(last) < d.rules.GroupInterval {
			return false
		}
	}
	return true
}

// reminders are the incidents by class of which it is to be said that they go on.
func (d *Desk) reminders(world World) map[Class][]telling {
	due, soon := map[Class]bool{}, map[Class][]telling{}
	for _, inc := range d.all {
		every := d.remindEvery(inc.Class)
		if every == 0 || inc.Phase != Open || inc.Seq != inc.ToldSeq || d.now.Before(inc.MutedUntil) ||
			d.consequence(inc) || world.Sources[inc.Source].Paused {
			continue
		}
		if told := d.now.Sub(inc.ToldAt); told >= every/2 {
			soon[inc.Class] = append(soon[inc.Class], telling{inc, Reminded})
			due[inc.Class] = due[inc.Class] || told >= every
		}
	}
	maps.DeleteFunc(soon, func(class Class, _ []telling) bool { return !due[class] })
	return soon
}

// remindEvery is how often is told that an incident goes on, zero for never.
func (d *Desk) remindEvery(class Class) time.Duration {
	switch class {
	case DeadLetter, Shortfall, Credential:
		return 0
	case Gap:
		return remindGapEvery
	default:
		return d.rules.RemindEvery
	}
}

// mark notes that a change is told in a notice, "" where it only counts as told.
func (d *Desk) mark(inc *Incident, change Change, notice string) {
	inc.ToldAt = d.now
	inc.Root = cmp.Or(inc.Root, notice)
	if change == Reminded {
		inc.Reminders++
		return
	}
	inc.ToldSeq, inc.Told, inc.ToldLevel = inc.Seq, change, inc.Level
	inc.Silenced, inc.FreedAt = false, time.Time{}
	switch {
	case notice == "":
	case isRelief(change):
		inc.ReliefAt = d.now
	default:
		inc.AlarmAt = d.now
	}
}

// notice makes the notice of a group and marks what it tells.
func (d *Desk) notice(g group, tellings []telling) Notice {
	slices.SortFunc(tellings, compareTellings)
	n := Notice{Sort: g.sort, Class: g.class, At: d.now, Host: d.rules.Host}
	var ids []string
	for _, t := range tellings {
		number := t.inc.Seq
		if t.change == Reminded {
			number = t.inc.Reminders + 1
		}
		ids = append(ids, t.inc.ID+" "+string(t.change)+" "+strconv.Itoa(number))
		if root := t.inc.Root; root != "" && len(n.References) < maxReferences && !slices.Contains(n.References, root) {
			n.References = append(n.References, root)
		}
	}
	n.ID = noticeID(string(g.sort), ids...)
	for i, t := range tellings {
		d.mark(t.inc, t.change, n.ID)
		if i < MaxItems {
			n.Items = append(n.Items, Item{Change: t.change, Incident: t.inc.clone()})
			continue
		}
		n.More++
		if len(n.MoreScopes) < maxScopes {
			n.MoreScopes = append(n.MoreScopes, t.inc.Scope)
		}
	}
	return n
}

func isRelief(c Change) bool { return c == Closed || c == Passed }

// compareTellings puts the worst first.
func compareTellings(a, b telling) int {
	rank := func(c Change) int {
		return slices.Index([]Change{Opened, Worse, Reopened, Reminded, Closed, Passed}, c)
	}
	return cmp.Or(cmp.Compare(rank(a.change), rank(b.change)), cmp.Compare(b.inc.Level, a.inc.Level), a.inc.Since.Compare(b.inc.Since),
		a.inc.Key.Compare(b.inc.Key), cmp.Compare(a.inc.ID, b.inc.ID))
}

// worstFirst puts what hinders the most first, and alarms before reliefs.
func worstFirst(a, b group) int {
	rank := func(c Class) int {
		order := []Class{
			Database, Disk, Internal, Security, Config, Auth, Payload, Network, HTTP, Rate, Stall, Quiet, Gap, Shortfall, DeadLetter, Credential, Channel,
		}
		return slices.Index(order, c)
	}
	return cmp.Or(cmp.Compare(a.sort, b.sort), cmp.Compare(rank(a.class), rank(b.class)), cmp.Compare(a.class, b.class))
}

// NewDigest makes one notice of several that could not be told one by one; its id is made of theirs. Of digests among them it takes the
// parts. It refers to what they refer to, or to themselves, so that what comes later stands beside it in a mailbox.
func NewDigest(now time.Time, host string, parts []Notice) Notice {
	n := Notice{Sort: Digest, At: now, Host: host}
	for _, p := range parts {
		if p.Sort == Digest {
			n.Parts = append(n.Parts, p.Parts...)
		} else {
			n.Parts = append(n.Parts, p)
		}
	}
	var ids []string
	for _, p := range n.Parts {
		ids = append(ids, p.ID)
		for _, id := range append(slices.Clone(p.References), p.ID) {
			if len(n.References) < maxReferences && !slices.Contains(n.References, id) {
				n.References = append(n.References, id)
				break
			}
		}
	}
	n.ID = noticeID(string(Digest), ids...)
	return n
}

// NewTrial makes the notice with which somebody tries the channels.
func NewTrial(now time.Time, host string) Notice {
	return Notice{ID: noticeID(string(Trial), host, strconv.FormatInt(now.UnixMicro(), 10)), Sort: Trial, At: now, Host: host}
}

// NewWeekly makes the weekly notice of a tick; its id is made of the tick and of the sources, so that all hosts of one database make the
// same, and those of two databases do not.
func NewWeekly(tick time.Time, host string, week Week) Notice {
	made := []string{strconv.FormatInt(tick.UnixMicro(), 10)}
	for _, s := range week.Sources {
		made = append(made, s.Source)
	}
	slices.Sort(made[1:])
	return Notice{ID: noticeID(string(Weekly), made...), Sort: Weekly, At: tick, Host: host, Week: &week}
}

// noticeID makes the id of a notice: sixteen hexadecimal digits.
func noticeID(sort string, parts ...string) string {
	sum := sha256.New()
	for _, p := range append([]string{sort}, parts...) {
		sum.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
