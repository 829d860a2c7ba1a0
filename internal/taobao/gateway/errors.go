package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ordersync/internal/fault"
)

// Facts about failures that callers may ask for with errors.Is.
var (
	// ErrNoTrade: there is no such trade, it is another shop's, or it is older than three months. Its kind is fault.Rejected.
	ErrNoTrade = errors.New("the platform has no such trade")
	// ErrTooHeavy: the span holds more than the platform wants to look through: ask for half of it in three minutes. Its kind is
	// fault.Transient, so that nobody else waits.
	ErrTooHeavy = errors.New("the platform finds the span too heavy")
	// ErrSession: the platform refuses the shop's session, or there is none. Its kind is fault.Auth, for this shop alone.
	ErrSession = errors.New("the shop's session is refused")
)

const (
	invalidTimestamp = 31

	// heavyWait is how long the platform's guide asks to wait after isv.trade-service-rejection.
	heavyWait = 3 * time.Minute
	// unstatedWait is the shortest wait where a limit names none. It is also added to one that is named, in whole seconds: nobody says
	// whether the platform rounds up, and a call within a ban is worse than one a second late.
	unstatedWait = time.Second
	// quotaWait is how long a used up day is left alone where its end is not named.
	quotaWait = 15 * time.Minute
	// longestBan is the longest wait that the client believes.
	longestBan = 24 * time.Hour
	// passingWait keeps a call that failed at the server from being repeated at once: the platform asks for that in its busiest hours.
	passingWait = time.Second

	// mostOfText and mostOfID bound what is kept of a text of the gateway's, in characters.
	mostOfText = 200
	mostOfID   = 64
)

// Error is an error that the gateway answered. Its texts hold none of the values that were sent.
type Error struct {
	Code                            int
	Msg, SubCode, SubMsg, RequestID string

	ban time.Duration // the stated wait; zero: none
}

func (e *Error) Error() string {
	text := "the gateway answered error " + strconv.Itoa(e.Code)
	if e.SubCode != "" {
		text += " " + e.SubCode
	}
	if e.Msg != "" {
		text += ": " + e.Msg
	}
	if e.SubMsg != "" && e.SubMsg != e.Msg {
		text += ": " + e.SubMsg
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// class is what an error means, whatever its words.
type class int

const (
	ours        class = iota // the call was wrong: repeating it does not help
	limited                  // too many calls: left alone for a while
	tooHeavy                 // too much asked at once
	badSession               // the shop has to authorise again
	passes                   // the platform's own trouble
	noTrade                  // one order that cannot be had
	credential               // the app's key or secret
	unpermitted              // something that the app or the shop lacks
)

// class decides in the order of the platform's tables: limits, sessions, the platform's own trouble, and what is left.
func (e *Error) class() class {
	word := e.word()
	switch {
	case e.Code >= 4 && e.Code <= 8, strings.HasPrefix(word, "accesscontrol."):
		return limited
	case word == "isv.trade-service-rejection":
		return tooHeavy
	case e.Code == 26, e.Code == 27, e.Code == 53, isSessionWord(word):
		return badSession
	case e.Code == 10, isPassingWord(word):
		return passes
	case word == "isv.trade-not-exist":
		return noTrade
	case e.Code == 24, e.Code == 25, e.Code == 28, e.Code == 29:
		return credential
	case e.Code >= 11 && e.Code <= 13, e.Code == 42,
		strings.HasPrefix(word, "isv.permission-"), word == "isv.invalid-permission":
		return unpermitted
	}
	return ours
}

// word is the sub-code without what differs from call to call.
func (e *Error) word() string {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(e.SubCode)), ":")
	return strings.TrimSuffix(word, "-tmall")
}

// isSessionWord knows the words for a session that is no longer good. The last is that of a token that lives on while its right to read
// what is sensitive, as trades are, has run out.
func isSessionWord(word string) bool {
	switch strings.TrimPrefix(word, "isv.") {
	case "session-expired", "invalid-sessionkey", "session-is-blank", "session-not-exist", "r2-security-authorize-invalid":
		return true
	}
	return false
}

// isPassingWord knows the server's faults that are worth repeating. Those not named here come again for the same call.
func isPassingWord(word string) bool {
	switch word {
	case "isp.remote-service-error", "isp.remote-service-timeout", "isp.remote-connection-error", "isp.top-remote-connection-timeout",
		"isp.top-remote-connection-error", "isp.top-remote-service-unavailable", "isp.top-remote-unknown-error", "isp.unknown-error",
		"isp.system-busy", "isp.call-limited":
		return true
	}
	return strings.HasPrefix(word, "isp.") && strings.HasSuffix(word, "-service-unavailable")
}

// judge gives the error its kind; now is the platform's clock. A refused session is final here and no more: what it means is said where
// the client cannot take it for a refused app key.
func (e *Error) judge(now time.Time, asShop bool) error {
	switch e.class() {
	case limited:
		return fault.Limited(e.wait(now), e)
	case tooHeavy:
		return &fault.Error{Kind: fault.Transient, RetryAfter: heavyWait, Err: fmt.Errorf("%w: %w", ErrTooHeavy, e)}
	case passes:
		return &fault.Error{Kind: fault.Transient, RetryAfter: passingWait, Err: e}
	case noTrade:
		return fault.Errorf(fault.Rejected, "%w: %w", ErrNoTrade, e)
	case credential:
		return fault.New(fault.Auth, e)
	case unpermitted:
		return fault.New(fault.Config, e)
	case badSession:
		if !asShop {
			return fault.Errorf(fault.Protocol, "a method that was asked without a session: %w", e)
		}
	}
	return fault.New(fault.Protocol, e)
}

// wait is how long a limit wants to be left alone.
func (e *Error) wait(now time.Time) time.Duration {
	switch {
	case e.ban > 0:
		return e.ban
	case e.word() == "accesscontrol.limited-by-app-access-count": // by the day, which ends at midnight
		year, month, day := now.In(Zone()).Date()
		midnight := time.Date(year, month, day+1, 0, 0, 0, 0, Zone())
		return max(min(midnight.Sub(now), quotaWait), unstatedWait)
	}
	return unstatedWait
}

// seconds is how a ban's end is told: "This ban will last for 31062 more seconds".
var seconds = regexp.MustCompile(`(?i)\b([0-9]+)\s+(?:more\s+)?seconds?\b`)

// banOf reads the stated wait. One that cannot be meant is none.
func banOf(e *Error) time.Duration {
	for _, text := range []string{e.SubMsg, e.Msg} {
		found := seconds.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		n, err := strconv.Atoi(found[1])
		if err != nil || n > int(longestBan/time.Second) {
			return 0
		}
		return min(time.Duration(n)*time.Second+unstatedWait, longestBan)
	}
	return 0
}

// Texts of the gateway's may quote what was asked, and what it found.
var (
	longNumber = regexp.MustCompile(`[0-9](?:[ -]?[0-9]){6,}`)
	mailbox    = regexp.MustCompile(`\S+@\S+`)
)

// hidden stands where something was taken out of a text.
const hidden = "***"

// scrub takes out of all texts what was sent, and what looks like a person's. Of the sub-code only what follows its word may be such.
func (e *Error) scrub(sent []string) {
	slices.SortFunc(sent, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	clean := func(text string) string {
		text = plain(text, len(text))
		for _, value := range sent {
			if value != "" {
				text = strings.ReplaceAll(text, value, hidden)
			}
		}
		text = mailbox.ReplaceAllString(text, hidden)
		return plain(longNumber.ReplaceAllString(text, hidden), mostOfText)
	}
	word, rest, found := strings.Cut(plain(e.SubCode, mostOfText), ":")
	if e.SubCode = word; found {
		e.SubCode += ":" + clean(rest)
	}
	e.Msg, e.SubMsg, e.RequestID = clean(e.Msg), clean(e.SubMsg), plain(mailbox.ReplaceAllString(e.RequestID, hidden), mostOfID)
}

// secretsOf are the values that no text may quote: all but those of the protocol, and those too short to be told from other words.
func secretsOf(sent map[string]string) []string {
	const shortest = 4
	var values []string
	for name, value := range sent {
		switch name {
		case "method", "v", "format", "sign_method", "timestamp", "fields":
			continue
		case "session", "sign":
		default:
			if utf8.RuneCountInString(value) < shortest && len(value) < shortest {
				continue
			}
		}
		values = append(values, value)
	}
	return values
}

// plain makes a text fit for one line of a log.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
