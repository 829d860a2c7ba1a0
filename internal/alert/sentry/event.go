package sentry

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"strings"
	"time"

	sdk "github.com/getsentry/sentry-go"

	"ordersync/internal/alert"
	"ordersync/internal/alert/words"
)

// The tags of an event. Those of an incident can be searched for and alerted on: transition is what happened to it.
const (
	tagTransition = "transition"
	tagClass      = "class"
	tagScope      = "scope"
	tagSource     = "source"
	tagJob        = "job"
	tagRun        = "run"
	tagKind       = "kind"
	tagIncident   = "incident"
	tagNotice     = "notice"
	tagHost       = "host"
	tagLevel      = "severity"
)

const (
	// longestTag and longestMessage are Sentry's limits, in characters; longer texts would be cut there without a sign.
	longestTag     = 200
	longestMessage = 8000
	// longestTitle keeps the line under an issue's title readable.
	longestTitle = 500
)

// telling is one incident, or a notice without any, on its way to become an event.
type telling struct {
	notice alert.Notice // with this item alone, or without items
	item   *alert.Item
	// rest is how many further incidents the notice does not describe; then there is no item.
	rest int
}

// events are those of a notice, in order.
func events(n alert.Notice, language string, zone *time.Location) []*sdk.Event {
	var made []*sdk.Event
	for _, t := range latest(tellings(n)) {
		made = append(made, t.event(words.Of(t.notice, language, zone)))
	}
	return made
}

// tellings takes a notice apart; the parts of a digest are notices again.
func tellings(n alert.Notice) []telling {
	var found []telling
	for _, part := range n.Parts {
		found = append(found, tellings(part)...)
	}
	for _, item := range n.Items {
		one := n
		one.Items, one.More, one.Parts = []alert.Item{item}, 0, nil
		found = append(found, telling{notice: one, item: &item})
	}
	if n.More > 0 {
		found = append(found, telling{notice: n, rest: n.More})
	}
	if len(n.Items) == 0 && len(n.Parts) == 0 {
		found = append(found, telling{notice: n})
	}
	return found
}

// latest keeps of each incident what is told last, in order: in Sentry an incident is one issue.
func latest(all []telling) []telling {
	last := map[string]int{}
	for i, t := range all {
		last[t.subject()] = i
	}
	var kept []telling
	for i, t := range all {
		if last[t.subject()] == i {
			kept = append(kept, t)
		}
	}
	return kept
}

// subject is the same for all that is told of one incident.
func (t telling) subject() string {
	if t.item != nil {
		return t.item.ID
	}
	return string(t.notice.Sort) + " " + string(t.notice.Class)
}

// event makes the event. Its id is made of those of the notice and the incident; the fingerprint of class and scope, so that all events of
// what fails in one way are one issue.
func (t telling) event(text words.Text) *sdk.Event {
	e := sdk.NewEvent()
	e.EventID = id(t.notice.ID, t.subject())
	e.Timestamp = t.notice.At
	e.Level = levels[text.Tone]
	if e.Level == "" {
		e.Level = sdk.LevelInfo
	}
	e.Logger = "ordersync"
	e.Message = cut(text.Plain(), longestMessage)
	e.Tags = map[string]string{tagTransition: string(t.notice.Sort), tagNotice: t.notice.ID, tagHost: t.notice.Host}
	sort := string(t.notice.Sort)
	switch {
	case t.item != nil:
		sort = string(t.item.Class)
		e.Fingerprint = []string{"ordersync", string(t.item.Class), string(t.item.Scope)}
		t.describe(e)
	case t.rest > 0:
		sort = string(t.notice.Class)
		e.Fingerprint = []string{"ordersync", sort, "further"}
		e.Tags[tagClass] = sort
		e.Contexts["further"] = sdk.Context{"incidents": t.rest}
	default:
		e.Fingerprint = []string{"ordersync", sort}
	}
	e.Exception = []sdk.Exception{{Type: sort, Value: cut(title(text, t.item), longestTitle)}}
	for name, value := range e.Tags {
		if value = cut(oneLine(value), longestTag); value == "" {
			delete(e.Tags, name)
			continue
		}
		e.Tags[name] = value
	}
	return e
}

// levels are those of Sentry for our tones.
var levels = map[words.Tone]sdk.Level{
	words.Grave: sdk.LevelError, words.Warn: sdk.LevelWarning, words.Good: sdk.LevelInfo, words.Plain: sdk.LevelInfo,
}

// title is the line under the title: what happened and, of something that fails, what the machine said.
func title(text words.Text, item *alert.Item) string {
	if item == nil || item.Error == "" || item.Change == alert.Closed || item.Change == alert.Passed {
		return text.Headline
	}
	return text.Headline + ": " + oneLine(item.Error)
}

// describe adds what is known of the incident.
func (t telling) describe(e *sdk.Event) {
	i := t.item
	maps.Copy(e.Tags, map[string]string{
		tagTransition: string(i.Change), tagClass: string(i.Class), tagScope: string(i.Scope), tagSource: i.Source, tagJob: i.Job,
		tagRun: i.RunID, tagKind: i.Kind, tagIncident: i.ID,
	})
	if i.Level > 0 {
		e.Tags[tagLevel] = strconv.Itoa(i.Level)
	}
	if i.Host != "" {
		e.Tags[tagHost] = i.Host
	}
	failure := sdk.Context{"failures": i.Failures, "error": i.Error}
	setTime(failure, "since", i.Since)
	setTime(failure, "opened_at", i.OpenedAt)
	setTime(failure, "recovered_at", i.RecoveredAt)
	setTime(failure, "last_at", i.LastAt)
	if i.Reopened > 0 {
		failure["reopened"] = i.Reopened
	}
	if i.Facts.Count > 0 {
		failure["count"] = i.Facts.Count
	}
	e.Contexts["failure"] = failure
	if s := i.Facts.Standing; s != nil {
		orders := sdk.Context{"waiting": "unknown", "behind_seconds": int(s.Behind.Seconds())}
		if s.Waiting != nil {
			orders["waiting"] = *s.Waiting
		}
		if s.Stored > 0 {
			orders["stored"] = s.Stored
		}
		setTime(orders, "watermark", s.Watermark)
		setTime(orders, "last_good", s.LastGood)
		e.Contexts["orders"] = orders
	}
}

func setTime(c sdk.Context, name string, at time.Time) {
	if !at.IsZero() {
		c[name] = at.UTC().Format(time.RFC3339)
	}
}

// id makes the id of an event: 32 hexadecimal digits.
func id(parts ...string) sdk.EventID {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return sdk.EventID(hex.EncodeToString(sum[:16]))
}

// oneLine takes line breaks and control characters away.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}

// cut shortens a text to so many characters.
func cut(text string, longest int) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
