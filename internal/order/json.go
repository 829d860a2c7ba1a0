package order

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// CanonicalJSON returns a JSON text without blanks and with sorted keys, numbers as they were written. The same content gives
// the same text, whatever the remote or the database did to its layout.
func CanonicalJSON(text []byte) (string, error) {
	if canonical, ok := canonicalFlat(string(text)); ok {
		return canonical, nil
	}
	return canonicalAny(string(text))
}

// canonicalAny takes every JSON text.
func canonicalAny(text string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "", err
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// mostMembers is how many members canonicalFlat takes.
const mostMembers = 32

// member is a key and its value as they stand in the text, quotes included.
type member struct{ key, value string }

// canonicalFlat is canonicalAny for what an address nearly always is: one object of texts and numbers, in which nothing is escaped and
// nothing stands twice. It refuses all else.
func canonicalFlat(text string) (canonical string, ok bool) {
	if !utf8.ValidString(text) || strings.Contains(text, "\u2028") || strings.Contains(text, "\u2029") {
		return "", false // the encoder would write these in another way
	}
	var all [mostMembers]member
	members, ok := readMembers(all[:0], text)
	if !ok {
		return "", false
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(unquoted(a.key), unquoted(b.key)) })
	var b strings.Builder
	b.Grow(len(text))
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			if m.key == members[i-1].key {
				return "", false
			}
			b.WriteByte(',')
		}
		b.WriteString(m.key)
		b.WriteByte(':')
		b.WriteString(m.value)
	}
	b.WriteByte('}')
	return b.String(), true
}

func unquoted(text string) string { return text[1 : len(text)-1] }

// readMembers takes an object apart.
func readMembers(members []member, text string) ([]member, bool) {
	rest, ok := strings.CutPrefix(trimBlanks(text), "{")
	if !ok {
		return nil, false
	}
	if rest = trimBlanks(rest); rest != "" && rest[0] == '}' {
		return members, trimBlanks(rest[1:]) == ""
	}
	for len(members) < cap(members) {
		var m member
		if m.key, rest, ok = cutText(rest); !ok {
			return nil, false
		}
		if rest, ok = strings.CutPrefix(trimBlanks(rest), ":"); !ok {
			return nil, false
		}
		if m.value, rest, ok = cutValue(trimBlanks(rest)); !ok {
			return nil, false
		}
		members = append(members, m)
		rest = trimBlanks(rest)
		switch {
		case strings.HasPrefix(rest, ","):
			rest = trimBlanks(rest[1:])
		case strings.HasPrefix(rest, "}"):
			return members, trimBlanks(rest[1:]) == ""
		default:
			return nil, false
		}
	}
	return nil, false
}

func trimBlanks(text string) string { return strings.TrimLeft(text, " \t\r\n") }

// cutValue cuts a text, a plain number or a word off.
func cutValue(text string) (value, rest string, ok bool) {
	for _, word := range [...]string{"null", "true", "false"} {
		if strings.HasPrefix(text, word) {
			return word, text[len(word):], true
		}
	}
	if strings.HasPrefix(text, `"`) {
		return cutText(text)
	}
	return cutNumber(text)
}

// cutText cuts a text without escapes off.
func cutText(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return text[:i+1], text[i+1:], true
		case c == '\\' || c < ' ':
			return "", "", false
		}
	}
	return "", "", false
}

// cutNumber cuts a number without exponent off.
func cutNumber(text string) (value, rest string, ok bool) {
	at := 0
	digits := func() int {
		from := at
		for at < len(text) && '0' <= text[at] && text[at] <= '9' {
			at++
		}
		return at - from
	}
	if strings.HasPrefix(text, "-") {
		at++
	}
	first := at
	if n := digits(); n == 0 || n > 1 && text[first] == '0' {
		return "", "", false
	}
	if at < len(text) && text[at] == '.' {
		at++
		if digits() == 0 {
			return "", "", false
		}
	}
	if at < len(text) && (text[at] == 'e' || text[at] == 'E') {
		return "", "", false
	}
	return text[:at], text[at:], true
}
