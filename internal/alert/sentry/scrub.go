package sentry

import (
	"slices"

	sdk "github.com/getsentry/sentry-go"
)

// idTags are the tags whose values are ids of ours.
var idTags = []string{tagIncident, tagNotice, tagRun}

// scrubEvent passes every text of an event through the scrubber, and takes away what we never set. As they are stay its id, the tags that are
// ids of ours, the release, and the environment, which was scrubbed before.
func scrubEvent(e *sdk.Event, scrub func(string) string) {
	e.User, e.Request, e.Breadcrumbs, e.Modules, e.Threads, e.Attachments = sdk.User{}, nil, nil, nil, nil, nil
	e.DebugMeta, e.Spans = nil, nil
	for _, text := range []*string{&e.Message, &e.Transaction, &e.Logger, &e.ServerName, &e.Dist} {
		*text = scrub(*text)
	}
	for i := range e.Fingerprint {
		e.Fingerprint[i] = scrub(e.Fingerprint[i])
	}
	for name, value := range e.Tags {
		if !slices.Contains(idTags, name) || !isID(value) {
			e.Tags[name] = scrub(value)
		}
	}
	for i := range e.Exception {
		x := &e.Exception[i]
		x.Type, x.Value, x.Module, x.Stacktrace = scrub(x.Type), scrub(x.Value), scrub(x.Module), nil
	}
	for _, context := range e.Contexts {
		for name, value := range context {
			context[name] = scrubValue(value, scrub)
		}
	}
}

func scrubValue(value any, scrub func(string) string) any {
	switch v := value.(type) {
	case string:
		return scrub(v)
	case []string:
		texts := make([]string, len(v))
		for i, text := range v {
			texts[i] = scrub(text)
		}
		return texts
	}
	return value
}

// isID reports whether a text can only be an id: that of an incident (10 digits), a notice (16) or a run (32), all hexadecimal and with a
// letter among them, which no number of a person has.
func isID(text string) bool {
	if n := len(text); n != 10 && n != 16 && n != 32 {
		return false
	}
	letters := false
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'f':
			letters = true
		default:
			return false
		}
	}
	return letters
}
