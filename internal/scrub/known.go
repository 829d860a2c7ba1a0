package scrub

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// shortest is how long a secret must be to be looked for, in bytes.
	shortest = 4
	// free is how long a secret must be to be taken out of the middle of a word.
	free = 8
	// long is how long it must be for that if it consists of small letters alone, like a word.
	long = 16
)

// known are secrets in all forms in which texts may hold them. It does not change.
type known struct {
	secrets map[string]bool
	// heads marks the first two bytes of all forms; forms holds them by their first four, the longest first.
	heads [1 << 16 / 64]uint64
	forms map[string][]form
}

// form is one way in which a secret is written.
type form struct {
	text string
	// word says that it counts only as a word of its own.
	word bool
}

// with returns what is known when these are known, too.
func (k *known) with(secrets []string) *known {
	more := &known{secrets: map[string]bool{}, forms: map[string][]form{}}
	for _, secret := range slices.Concat(slices.Collect(maps.Keys(k.secrets)), secrets) {
		for _, text := range []string{secret, strings.TrimSpace(secret)} {
			if len(text) >= shortest {
				more.secrets[text] = true
			}
		}
	}
	seen := map[string]bool{}
	for secret := range more.secrets {
		for _, f := range formsOf(secret) {
			if len(f.text) < shortest || seen[f.text] {
				continue
			}
			seen[f.text] = true
			more.forms[f.text[:shortest]] = append(more.forms[f.text[:shortest]], f)
			head := headOf(f.text)
			more.heads[head/64] |= 1 << (head % 64)
		}
	}
	for _, list := range more.forms {
		slices.SortFunc(list, func(a, b form) int { return len(b.text) - len(a.text) })
	}
	return more
}

func headOf(text string) int { return int(text[0])<<8 | int(text[1]) }

// lacks reports whether one of the secrets is new.
func (k *known) lacks(secrets []string) bool {
	return slices.ContainsFunc(secrets, func(secret string) bool { return len(secret) >= shortest && !k.secrets[secret] })
}

// formsOf are the ways in which a secret may stand in a text.
func formsOf(secret string) []form {
	word := len(secret) < free || len(secret) < long && !strings.ContainsFunc(secret, func(r rune) bool { return r < 'a' || r > 'z' })
	list := []form{{text: secret, word: word}}
	add := func(text string) { list = append(list, form{text: text, word: word}) }
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	for _, escaped := range []string{query, path, strings.ReplaceAll(query, "+", "%20")} {
		add(escaped)
		add(lowerEscapes(escaped))
		add(url.QueryEscape(escaped))
	}
	for _, quoted := range []string{strconv.Quote(secret), strconv.QuoteToASCII(secret), jsonOf(secret)} {
		inner := quoted[1 : len(quoted)-1]
		add(inner)
		add(strings.ReplaceAll(inner, "/", `\/`))
		again := strconv.Quote(inner) // JSON inside JSON
		add(again[1 : len(again)-1])
	}
	add(html.EscapeString(secret))
	if len(secret) < free {
		return list
	}
	list = append(list, form{text: hex.EncodeToString([]byte(secret))}, form{text: strings.ToUpper(hex.EncodeToString([]byte(secret)))})
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			if core := base64Core(alphabet, secret, before); len(core) >= free {
				list = append(list, form{text: core}, form{text: url.QueryEscape(core)})
			}
		}
	}
	return list
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(escaped string) string {
	text := []byte(escaped)
	for i := 0; i+2 < len(text); i++ {
		if text[i] == '%' {
			copy(text[i+1:i+3], strings.ToLower(escaped[i+1:i+3]))
		}
	}
	return string(text)
}

// jsonOf is a text as encoding/json writes it, with <, > and & escaped.
func jsonOf(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		return strconv.Quote(text) // a string can always be marshalled
	}
	return string(encoded)
}

// base64Core are the characters that stand for a secret alone in the base64 of a longer text, in which before (modulo three) bytes
// stand before the secret.
func base64Core(alphabet *base64.Encoding, secret string, before int) string {
	encoded := alphabet.EncodeToString([]byte("\x00\x00"[:before] + secret))
	first := []int{0, 2, 3}[before]
	last := len(encoded)
	if (before+len(secret))%3 != 0 {
		last-- // its last bits are those of what follows
	}
	if first >= last {
		return ""
	}
	return encoded[first:last]
}

// replace masks every form of every secret, also where they overlap.
func (k *known) replace(text string) string {
	if len(k.forms) == 0 {
		return text
	}
	var out strings.Builder
	end := 0 // text[:end] is written or masked
	for i := 0; i+shortest <= len(text); i++ {
		n := k.match(text, i)
		switch {
		case n == 0:
		case i <= end && end > 0:
			end = max(end, i+n)
		default:
			out.WriteString(text[end:i])
			out.WriteString(maskSecret)
			end = i + n
		}
	}
	if end == 0 {
		return text
	}
	out.WriteString(text[end:])
	return out.String()
}

// match is the length of the longest form of a secret at i, or 0.
func (k *known) match(text string, i int) int {
	head := headOf(text[i:])
	if k.heads[head/64]&(1<<(head%64)) == 0 {
		return 0
	}
	for _, f := range k.forms[text[i:i+shortest]] {
		if strings.HasPrefix(text[i:], f.text) && (!f.word || isWord(text, i, i+len(f.text))) {
			return len(f.text)
		}
	}
	return 0
}

// isWord reports whether text[from:to] stands alone.
func isWord(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return (from == 0 || !wordRune(before)) && (to == len(text) || !wordRune(after))
}

func wordRune(r rune) bool {
	return r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
