package alert

import (
	"cmp"
	"slices"
)

// Look takes all conditions that a look found; judged says of which keys it could tell at all (nil: of all). Of several conditions of one
// key the worst counts. Where runs opened an incident of the key, the runs end it.
func (d *Desk) Look(conditions []Condition, judged func(Key) bool) {
	d.settle()
	found := map[Key]bool{}
	conditions = slices.Clone(conditions)
	slices.SortStableFunc(conditions, func(a, b Condition) int { return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(b.Level, a.Level)) })
	for _, c := range conditions {
		if !found[c.Key] {
			found[c.Key] = true
			d.find(c)
		}
	}
	for _, inc := range d.all {
		if inc.Phase == Recovered || inc.ofRuns() || inc.Key == everyNetwork() || found[inc.Key] || judged != nil && !judged(inc.Key) {
			continue
		}
		switch {
		case inc.Phase == Failing:
			d.forget(inc, d.now)
		case inc.mayEnd(d.now):
			d.recover(inc, d.now)
		}
	}
}

// find notes that a condition is there.
func (d *Desk) find(c Condition) {
	inc := d.current(c.Key)
	if inc == nil {
		inc = d.begin(c.Key, d.now)
		inc.Since = d.now
		if since := c.Since.UTC().Round(0); !c.Since.IsZero() && since.Before(d.now) {
			inc.Since = since
		}
	}
	if inc.ofRuns() {
		return
	}
	inc.LastAt, inc.Host, inc.Source = d.now, d.rules.Host, c.Source
	inc.Failures++
	inc.Kind, inc.Error, inc.Facts = c.Kind, c.Error, c.Facts
	d.weigh(inc, c.Level)
	if inc.Phase == Failing && d.now.Sub(inc.FoundAt) >= c.Hold {
		d.open(inc, d.now)
	}
}

// weigh notes how bad a condition is now.
func (d *Desk) weigh(inc *Incident, level int) {
	switch {
	case inc.Phase == Failing || level <= inc.Level-2:
		inc.Level, inc.ToldLevel = level, min(inc.ToldLevel, level)
	case level > inc.Level:
		inc.Level = level
		if inc.Seq == inc.ToldSeq {
			inc.ChangedAt = d.now // else it goes with what waits already
		}
		inc.Seq++
	}
}
