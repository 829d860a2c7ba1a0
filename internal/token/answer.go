package token

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ordersync/internal/fault"
)

// parse reads the answer of the token address. sent is the platform's clock when it was asked. It fails with *Refusal where it holds one.
//
// Numbers come as numbers or as texts; lengths of time in seconds, moments in milliseconds since 1970.
func parse(body []byte, sent time.Time) (*Token, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, errors.New("no JSON object") // whose own error would quote the answer
	}
	a := answer(raw)
	if word := a.text("error"); word != "" {
		return nil, &Refusal{Word: word, Description: a.text("error_description")}
	}
	t := &Token{
		Access: NewSecret(a.text("access_token")), Refresh: NewSecret(a.text("refresh_token")),
		UserID: a.text("taobao_user_id"), Nick: unescaped(a.text("taobao_user_nick")),
		Life: Life{
			ObtainedAt: sent,
			Ends:       a.ends(sent, "expires_in", "expire_time"),
			R1Ends:     a.ends(sent, "r1_expires_in", "r1_valid"),
			R2Ends:     a.ends(sent, "r2_expires_in", "r2_valid"),
			W1Ends:     a.ends(sent, "w1_expires_in", "w1_valid"),
			W2Ends:     a.ends(sent, "w2_expires_in", "w2_valid"),
		},
	}
	if t.Access == nil {
		return nil, errors.New("no token")
	}
	// An app that may not renew is told so by 0 here, and gets a refresh token all the same.
	if t.Refresh != nil && a.number("re_expires_in") > 0 {
		t.RefreshEnds = a.ends(sent, "re_expires_in", "refresh_token_valid_time")
	}
	return t, nil
}

// answer is a JSON object whose values are texts or numbers.
type answer map[string]json.RawMessage

// text returns a value as text, empty where there is none.
func (a answer) text(name string) string {
	raw := a[name]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return ""
}

// number returns a value as a whole number, zero where there is none.
func (a answer) number(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(a.text(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// longestLife is what nobody grants; more is nonsense and counts as not told.
const longestLife = 100 * 365 * 24 * time.Hour

// ends is the earlier of the two ways in which an end is told, zero where neither tells one that lies ahead.
func (a answer) ends(sent time.Time, seconds, moment string) time.Time {
	var ends time.Time
	if n := a.number(seconds); n > 0 && n < int64(longestLife/time.Second) {
		ends = sent.Add(time.Duration(n) * time.Second)
	}
	if n := a.number(moment); n > sent.UnixMilli() && n < sent.Add(longestLife).UnixMilli() {
		if at := time.UnixMilli(n).UTC(); ends.IsZero() || at.Before(ends) {
			ends = at
		}
	}
	return ends
}

// unescaped undoes the escaping of names; a name that is not escaped stays.
func unescaped(name string) string {
	plain, err := url.QueryUnescape(name)
	if err != nil {
		plain = name
	}
	return strings.ToValidUTF8(plain, "\uFFFD")
}

// longestCode bounds what is taken for a code.
const longestCode = 512

// ReadCode finds the code in what a person pasted: the code alone, or the whole address to which the page went. An address that brings
// back another state than it was asked with belongs to another attempt.
func ReadCode(pasted, state string) (string, error) {
	pasted = strings.Trim(strings.TrimSpace(pasted), `"'<>`)
	if pasted == "" {
		return "", fault.Errorf(fault.Rejected, "nothing was pasted")
	}
	if strings.ContainsAny(pasted, "?&=/#") {
		return codeOf(pasted, state)
	}
	if len(pasted) > longestCode || strings.ContainsFunc(pasted, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' && c != '~'
	}) {
		return "", fault.Errorf(fault.Rejected, "this is neither a code nor an address with one")
	}
	return pasted, nil
}

// codeOf reads the address to which the page went; also only the part of it behind the question mark.
func codeOf(pasted, state string) (string, error) {
	query := pasted
	if _, after, found := strings.Cut(pasted, "?"); found {
		query = after
	}
	query, _, _ = strings.Cut(query, "#")
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", fault.Errorf(fault.Rejected, "this address is damaged: paste the whole of it")
	}
	switch {
	case values.Get("error") == "access_denied":
		return "", fault.Errorf(fault.Rejected, "the owner of the shop said no")
	case values.Get("error") != "":
		refusal := &Refusal{Word: values.Get("error"), Description: values.Get("error_description")}
		refusal.hide(nil)
		return "", fault.New(fault.Rejected, refusal)
	case values.Get("state") != "" && values.Get("state") != state:
		return "", fault.Errorf(fault.Rejected, "this address belongs to another attempt: open the one above and paste what it leads to")
	case values.Get("code") == "":
		return "", fault.Errorf(fault.Rejected, "this address has no code: paste the one to which the page leads after the owner has agreed")
	}
	return values.Get("code"), nil
}
