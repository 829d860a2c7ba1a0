// Package words says to people what a notice tells: in English and in Simplified Chinese, for somebody who is no programmer and was
// woken by it. It is the one place with texts about incidents; mails, chats and events only choose how they look.
//
// It promises that a text can be shown as it is: its lines hold no line break and no control character, it says what happened first,
// what it means for the orders next, and then what to type; times are in the zone that was asked for, with its offset, durations are in
// words, and what nobody knows is said to be unknown. It looks nothing up and has no clock.
package words

import (
	"time"

	"ordersync/internal/alert"
)

// The languages.
const (
	English = "en"
	Chinese = "zh-CN"
)

// Text is what one notice says.
type Text struct {
	// Language is the one it is in.
	Language string
	Tone     Tone
	// Subject is the line for a list of mails: short, the event first. Preview is the sentence that such a list shows behind it.
	Subject, Preview string
	// Badge is a word or two over the headline: "Action needed". Headline is one sentence without a full stop.
	Badge, Headline string
	Blocks          []Block
	// Footer are the small lines at the end.
	Footer []string
}

// Tone is how grave a text is.
type Tone string

// The tones.
const (
	Grave Tone = "grave" // orders do not come in, or the alerts themselves fail
	Warn  Tone = "warn"  // something wants to be looked at
	Good  Tone = "good"  // something is over, or all is well
	Plain Tone = "plain"
)

// Block is one part of a text. Its parts stand in the order of its fields; those that are empty are left out.
type Block struct {
	// Title is a word or two, or empty.
	Title string
	// Paragraphs are whole sentences.
	Paragraphs []string
	// Rows are facts.
	Rows []Row
	// Entries are several incidents or several earlier notices, one each.
	Entries []Entry
	// Table is set of a block with figures in columns.
	Table *Table
	// Commands are what to type, in this order.
	Commands []Command
	// Quote is what a machine said, in English.
	Quote string
}

// Row is one fact.
type Row struct{ Label, Value string }

// Command is a line to type, and what it does.
type Command struct{ Line, Why string }

// Entry is one incident among several.
type Entry struct {
	Tone  Tone
	Title string
	// Lines are at most three.
	Lines []string
	// Quote is what a machine said.
	Quote string
}

// Table is figures in columns; the first column is text, the others are numbers or times.
type Table struct {
	Head  []string
	Lines [][]string
}

// Of says what a notice tells, with the times in zone. A language that is not known is English; a zone that is nil is UTC.
func Of(n alert.Notice, language string, zone *time.Location) Text {
	if zone == nil {
		zone = time.UTC
	}
	w := &writer{language: languageOf(language), notice: n, zone: zone}
	var t Text
	switch {
	case n.Sort == alert.Digest:
		t = w.digested()
	case n.Sort == alert.Weekly:
		t = w.week()
	case len(n.Items) > 0:
		t = w.incidents()
	default:
		t = w.test()
	}
	t.Language = w.code
	if t.Preview == "" && len(t.Blocks) > 0 && len(t.Blocks[0].Paragraphs) > 0 {
		t.Preview = t.Blocks[0].Paragraphs[0]
	}
	return cleaned(t)
}
