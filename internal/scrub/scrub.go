// Package scrub takes secrets and personal data out of texts before anybody gets to read them: logs, errors, incidents, mails, events.
//
// It promises:
//
//   - no secret that it was told of stays in a text, neither as it is nor as it is written in addresses, JSON, base64, hexadecimal digits
//     or HTML, also in the middle of something longer. A secret of fewer than eight bytes, and one of few small letters alone, goes
//     only where it stands as a word of its own; one of fewer than four bytes is not looked for;
//   - what names itself goes, whether it was told of or not: credentials behind Authorization, Bearer or in an address, the values of
//     parameters and fields such as sign, session, access_token or app_secret, what MySQL quotes of a row;
//   - mail addresses and telephone numbers go: Chinese mobile numbers, however they are grouped, and those that begin with a plus;
//   - what an operator needs stays: ids, times, counts, amounts, commands, file names, versions. An id of eleven digits that could be a
//     mobile number is the exception; ids inside Go's own number types are never touched;
//   - doing it twice changes nothing more. The time grows with the length of the text alone.
//
// Names and street addresses of people have no form by which they could be told: they go only where a field says what they are.
package scrub

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// What stands in the place of what was taken out.
const (
	maskSecret = "***"
	maskMail   = "[mail]"
	maskPhone  = "[phone]"
)

// Scrubber takes out of texts what it was told of and what it recognises. It may be used by many goroutines at once.
type Scrubber struct {
	known atomic.Pointer[known]
	// learning is held while secrets are added.
	learning sync.Mutex
}

// New returns a scrubber that knows these secrets.
func New(secrets []string) *Scrubber {
	s := &Scrubber{}
	s.known.Store(new(known).with(secrets))
	return s
}

// Learn adds secrets, after a reload or when a token was renewed. None is ever forgotten: texts that quote an old one may come late.
func (s *Scrubber) Learn(secrets []string) {
	s.learning.Lock()
	defer s.learning.Unlock()
	if was := s.known.Load(); was.lacks(secrets) {
		s.known.Store(was.with(secrets))
	}
}

// Text returns a text without what must not be read.
func (s *Scrubber) Text(text string) string {
	known := s.known.Load()
	for range passes {
		clean := pass(known, text)
		if clean == text {
			break
		}
		text = clean
	}
	return text
}

// passes bounds how often a text is gone through: what was taken out may have hidden the edge of something else.
const passes = 8

func pass(known *known, text string) string {
	text = known.replace(text)
	text = scrubAddresses(text)
	text = scrubHeaders(text)
	text = scrubNamed(text)
	text = scrubQuotes(text)
	text = scrubMails(text)
	return scrubPhones(text)
}

// Handler returns a handler that scrubs the message and the attributes of every record before next gets them.
func (s *Scrubber) Handler(next slog.Handler) slog.Handler { return logs{scrubber: s, next: next} }
