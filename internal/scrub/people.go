package scrub

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// gap is what stands between the groups of a telephone number, or nothing.
const gap = `(?:[ \x{a0}\x{3000}\x{2010}-\x{2015}－.-]|%20|\+)?`

var (
	mail = regexp.MustCompile(`[\p{L}\p{N}._%+-]+(?:@|%40|＠|\\u0040)(?:[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+|\[[0-9A-Fa-f:.]+\])`)
	// otherMail is what has an @ and is no mail address: versions of modules, units of systemd.
	otherMail = regexp.MustCompile(`(?:@|%40)(?:v[0-9]+\.[0-9]+\.[0-9]+.*|[^@]*\.(?:service|socket|timer|target|mount))$`)

	// mobile is a Chinese mobile number in the usual groups: 3-4-4, 3-3-5, 4-3-4, 5-6. Digits may be those of a Chinese keyboard.
	mobile = regexp.MustCompile(strings.ReplaceAll(`^(?:\(?(?:\+|＋|%2[Bb]|00)?[8８][6６]\)?`+gap+gap+`|\+|＋|%2[Bb])?`+
		`[1１][3-9３-９](?:D`+gap+`D{4}`+gap+`D{4}|D`+gap+`D{3}`+gap+`D{5}|DD`+gap+`D{3}`+gap+`D{4}|DDD`+gap+`D{6})`, "D", "[0-9０-９]"))
	// local are numbers with an area code, Chinese and American.
	local = regexp.MustCompile(`^(?:\((?:0[0-9]{2,3}\) ?[0-9]{7,8}|[0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4})` +
		`|0[0-9]{2,3}-[0-9]{7,8}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})`)
	// plus begins an international number.
	plus = regexp.MustCompile(`^(?:\+|＋|%2[Bb]) ?\(?[1-9１-９]`)

	// clock is a time of day; a zone may follow it, such as +1030. unit is what may follow a number that is no telephone number.
	clock = regexp.MustCompile(`[0-9]:[0-9]{2}(?:\.[0-9]+)? ?$`)
	unit  = regexp.MustCompile(`^(?:[a-fA-F0-9]+|[nuµm]?s|[kKMGT]i?B|[A-Za-z]*[0-9][A-Za-z0-9]*)(?:[^A-Za-z0-9]|$)`)
	// called are words that may stand before a number without a blank.
	called = regexp.MustCompile(`(?i)(?:tel|phone|mobile|cell|mob|fax)$`)
	// escape is a character that is written by others.
	escape = regexp.MustCompile(`(?:%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[nrt])$`)
)

// An international number has this many digits, its country's among them.
const (
	leastDigits = 8
	mostDigits  = 15
)

func scrubMails(text string) string {
	if !strings.ContainsAny(text, "@＠") && !strings.Contains(text, "%40") && !strings.Contains(text, `\u0040`) {
		return text
	}
	return mail.ReplaceAllStringFunc(text, func(address string) string {
		if otherMail.MatchString(address) {
			return address
		}
		return maskMail
	})
}

// longestPhone bounds what is looked at, in bytes.
const longestPhone = 80

func scrubPhones(text string) string {
	if !strings.ContainsAny(text, "0123456789０１２３４５６７８９") {
		return text
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); {
		next := nextNumber(text, i)
		to := phoneAt(text, next)
		if to == 0 {
			i = next + 1
			continue
		}
		out.WriteString(text[done:next])
		out.WriteString(maskPhone)
		done, i = to, to
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// nextNumber is the first place from i on where a telephone number may begin: a sign before digits, or the first of several digits.
// Digits that escape a character are not counted as such.
func nextNumber(text string, i int) int {
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '+', c == '(', c == '%' && i+2 < len(text) && text[i+1] == '2' && (text[i+2] == 'B' || text[i+2] == 'b'):
			return i
		case c >= '0' && c <= '9':
			if i == 0 || text[i-1] < '0' || text[i-1] > '9' || i >= 3 && text[i-3] == '%' || i >= 6 && text[i-6] == '\\' {
				return i
			}
		case c == "０"[0] && utf8.RuneStart(c): // a wide digit or plus
			if r, _ := utf8.DecodeRuneInString(text[i:]); isDigit(r) || r == '＋' {
				return i
			}
		}
	}
	return len(text)
}

// phoneAt is where the telephone number ends that begins at i; 0: there is none.
func phoneAt(text string, i int) int {
	rest := text[i:min(len(text), i+longestPhone)]
	if len(rest) < leastDigits {
		return 0
	}
	if strings.IndexByte("(+%018\xef", rest[0]) >= 0 {
		if m := mobile.FindString(rest); m != "" && startsFree(text, i) && endsFree(text, i+len(m)) {
			return i + len(m)
		}
	}
	if strings.IndexByte("+%\xef", rest[0]) >= 0 && plus.MatchString(rest) {
		before := text[max(0, i-20):i]
		last, _ := utf8.DecodeLastRuneInString(before)
		if wordRune(last) && !escape.MatchString(before) || clock.MatchString(before) {
			return 0
		}
		return endOfNumber(text, i)
	}
	if rest[0] == '(' || rest[0] == '0' || rest[3] == '-' || rest[3] == '.' {
		if m := local.FindString(rest); m != "" && startsFree(text, i) && endsFree(text, i+len(m)) && !partOfMore(text, i, i+len(m)) {
			return i + len(m)
		}
	}
	return 0
}

// startsFree reports whether a number that begins at i is not the end of a longer number, an id or a fraction.
func startsFree(text string, i int) bool {
	before := text[max(0, i-20):i]
	last, _ := utf8.DecodeLastRuneInString(before)
	switch {
	case before == "" || escape.MatchString(before):
		return true
	case isDigit(last):
		return false
	case last == '.':
		earlier, _ := utf8.DecodeLastRuneInString(before[:len(before)-1])
		return !isDigit(earlier)
	}
	return last == '_' || !wordRune(last) || called.MatchString(before)
}

// endsFree reports whether a number that ends before i is not the beginning of a longer number, an id or a measure.
func endsFree(text string, i int) bool {
	after := text[i:min(len(text), i+40)]
	first, size := utf8.DecodeRuneInString(after)
	switch {
	case after == "":
		return true
	case isDigit(first):
		return false
	case first == '.':
		later, _ := utf8.DecodeRuneInString(after[size:])
		return !isDigit(later)
	}
	return !unit.MatchString(after)
}

// partOfMore reports whether the groups of a number go on before or behind it.
func partOfMore(text string, from, to int) bool {
	joined := func(joint, beyond string) bool { return joint == "-" && beyond >= "0" && beyond <= "9" }
	return from >= 2 && joined(text[from-1:from], text[from-2:from-1]) || to+2 <= len(text) && joined(text[to:to+1], text[to+1:to+2])
}

// endOfNumber is where the international number ends whose plus stands at i; 0: there is none. Where the groups of further numbers
// follow it is the end of the last group that could belong to it.
func endOfNumber(text string, i int) int {
	count, gaps, end := 0, 0, 0
	i += len(plus.FindString(text[i:min(len(text), i+longestPhone)])) - 1
	for !utf8.RuneStart(text[i]) {
		i--
	}
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		next, _ := utf8.DecodeRuneInString(text[i+size:])
		switch {
		case isDigit(r):
			count, gaps = count+1, 0
			if count > mostDigits {
				return end
			}
			if count >= leastDigits && !isDigit(next) {
				end = i + size
			}
		case gaps == 3 || r == '.' && !isDigit(next) || !isGap(r):
			return end
		default:
			gaps++
		}
		i += size
	}
	return end
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' || r >= '０' && r <= '９' }

func isGap(r rune) bool {
	return strings.ContainsRune(" -.()\u00a0\u3000－", r) || r >= '\u2010' && r <= '\u2015'
}
