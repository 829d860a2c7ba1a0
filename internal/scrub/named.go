package scrub

import (
	"regexp"
	"slices"
	"strings"
)

// schemes are the words that stand before the credentials in a header.
const schemes = `bearer|basic|token|digest|apikey|hmac|signature`

// edge is how a word may begin in a text: at its own edge, or behind an escaped character.
const edge = `(?:\b|\\[nrt]|%[0-9a-f]{2}|\\u[0-9a-f]{4})`

var (
	// userOfAddress is what stands before the @ of an address; accountOfLine that of a connection line of the MySQL driver.
	userOfAddress = regexp.MustCompile(`://[^\s/?#"'<>]+@`)
	accountOfLine = regexp.MustCompile(`[^\s:@/"'(]+:[^\s]*@((?:tcp|unix|tcp6)\()`)
	// robotPath is the end of the addresses of robots, which is their key.
	robotPath = regexp.MustCompile(`(hooks\.slack\.com/(?:services|triggers|workflows)/|/open-apis/bot/(?:v2/)?hook/)[^\s"'?&<>]+`)

	// authorization is the header that carries credentials; cookies are the headers that hold one or more of them.
	authorization = regexp.MustCompile(`(?i)(` + edge + `(?:proxy-)?authorization["'\\\]]*[ \t]*)([:=])([ \t]*["'\\\[]*)` +
		`((?:` + schemes + `)(?:[ \t]|%20|\+)+)?([^\s"'\\\[\],;]+)`)
	cookies = regexp.MustCompile(`(?i)(` + edge + `(?:set-)?cookie["'\\\]]*[ \t]*[:=][ \t]*["'\\\[]*)[^"'\\\[\]\r\n]*=[^"'\\\[\]\r\n]*`)
	scheme  = regexp.MustCompile(`(?i)(` + edge + `(?:` + schemes + `)(?:[ \t]|%20|\+)+)([A-Za-z0-9._~+/=%-]{6,})`)
	// element is a field of XML.
	element = regexp.MustCompile(`<([A-Za-z0-9_.-]{1,64})>([^<]+)`)

	// rowValue is what MySQL quotes of a row or of a statement: it ends where the sentence goes on, or with the text.
	rowValue = regexp.MustCompile(`(?is)(duplicate entry |incorrect [a-z0-9() ]{1,40} value: |for the right syntax to use near )` +
		`'(?:.*'( for key| for column| for function| at line)|.*$)`)
)

// scrubAddresses takes users, passwords and keys out of addresses.
func scrubAddresses(text string) string {
	if strings.Contains(text, "@") {
		text = userOfAddress.ReplaceAllString(text, "://"+maskSecret+"@")
		text = accountOfLine.ReplaceAllString(text, maskSecret+"@$1")
	}
	if strings.Contains(text, "hooks.slack.com/") || strings.Contains(text, "/open-apis/bot/") {
		text = robotPath.ReplaceAllString(text, "${1}"+maskSecret)
	}
	return text
}

// scrubHeaders takes out what stands behind Authorization, Bearer and the like, and cookies.
func scrubHeaders(text string) string {
	small := strings.ToLower(text)
	if strings.Contains(small, "authorization") {
		text = each(authorization, text, func(groups []string) (string, bool) {
			before, sign, after, kind, value := groups[1], groups[2], groups[3], groups[4], groups[5]
			return before + sign + after + kind + maskSecret, (kind != "" || sign == "=") && !masked(value) || secretive(value)
		})
	}
	if strings.Contains(small, "cookie") {
		text = cookies.ReplaceAllString(text, "${1}"+maskSecret)
	}
	if slices.ContainsFunc(strings.Split(schemes, "|"), func(word string) bool { return strings.Contains(small, word) }) {
		text = each(scheme, text, func(groups []string) (string, bool) { return groups[1] + maskSecret, secretive(groups[2]) })
	}
	return text
}

// scrubNamed takes out the values of what is said to be a secret or somebody's, in parameters, JSON, Go's and people's own forms.
func scrubNamed(text string) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); {
		sign := signAt(text, i)
		if sign == "" {
			i++
			continue
		}
		name, quoted := nameBefore(text, done, i)
		after := i + len(sign)
		v := valueAt(text, after, strings.HasPrefix(sign, "%"))
		i = after
		if !v.isSecret(name, sign, quoted) {
			continue
		}
		out.WriteString(text[done:v.from])
		out.WriteString(maskSecret)
		done, i = v.to, v.to
	}
	if done > 0 {
		text = out.String() + text[done:]
	}
	if !strings.Contains(text, "</") {
		return text
	}
	return each(element, text, func(groups []string) (string, bool) {
		return "<" + groups[1] + ">" + maskSecret, namesSecret(groups[1]) && !masked(groups[2])
	})
}

// signAt is what stands between a name and its value at i, or "".
func signAt(text string, i int) string {
	switch text[i] {
	case ':':
		return ":"
	case '=':
		if strings.HasPrefix(text[i:], "=>") {
			return "=>"
		}
		return "="
	case '%':
		if i+2 < len(text) && text[i+1] == '3' && strings.IndexByte("dDaA", text[i+2]) >= 0 {
			return text[i : i+3]
		}
	}
	return ""
}

// longestName bounds how far a name is looked for.
const longestName = 64

// nameBefore is the name that ends before i and begins behind from; quoted says that it stands in quotes.
func nameBefore(text string, from, i int) (name string, quoted bool) {
	from = max(from, i-longestName)
	before := strings.TrimRight(text[from:i], " \t")
	bare := strings.TrimRight(strings.TrimSuffix(before, "%22"), "\"'\\")
	quoted = bare != before
	start := len(bare)
	for start > 0 && isNameByte(bare[start-1]) {
		start--
	}
	name = bare[start:]
	switch { // what escapes a character is no part of the name
	case start == 0:
	case bare[start-1] == '%' && len(name) > 2:
		name = name[2:]
	case bare[start-1] == '\\' && strings.HasPrefix(name, "u") && len(name) > 5:
		name = name[5:]
	case bare[start-1] == '\\' && len(name) > 1:
		name = name[1:]
	}
	return name, quoted
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.'
}

// named is a value behind a name.
type named struct {
	text string
	// from and to bound it without its quotes, in the whole text; blanks is how many stand before it.
	from, to, blanks int
	quoted           bool
}

// valueAt reads the value that begins at i; escaped says that it stands in an escaped query.
func valueAt(text string, i int, escaped bool) named {
	v := named{from: i}
	for v.from < len(text) && (text[v.from] == ' ' || text[v.from] == '\t') {
		v.from++
	}
	v.blanks = v.from - i
	rest := text[v.from:]
	for _, quote := range []string{`\"`, `"`, `'`, "%22"} {
		if strings.HasPrefix(rest, quote) {
			v.quoted = true
			v.from += len(quote)
			v.to = v.from + closing(text[v.from:], quote)
			v.text = text[v.from:v.to]
			return v
		}
	}
	end := strings.IndexAny(rest, " \t\r\n&\"'<>,;(){}[]\\|")
	if next := strings.Index(rest, "%26"); escaped && next >= 0 && (end < 0 || next < end) {
		end = next
	}
	if end < 0 {
		end = len(rest)
	}
	v.to = v.from + end
	v.text = text[v.from:v.to]
	return v
}

// closing is where a quoted text ends: before its quote, or with its line where that is missing.
func closing(text, quote string) int {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\n', quote != "%22" && text[i] == quote[len(quote)-1] && quote != `\"`, quote == "%22" && strings.HasPrefix(text[i:], quote):
			return i
		case text[i] == '"' && quote == `\"`:
			return i // the text around ends
		case text[i] != '\\' || quote == "'" || quote == "%22":
		case quote == `\"` && strings.HasPrefix(text[i:], quote):
			return i
		case quote == `\"` && strings.HasPrefix(text[i:], `\\`):
			i += min(3, len(text)-i) - 1 // an escaped character inside an escaped text has two backslashes before its own
		default:
			i++
		}
	}
	return len(text)
}

// isSecret reports whether the value must go: behind a colon stands prose as often as a value.
func (v named) isSecret(name, sign string, quotedName bool) bool {
	small := strings.ToLower(name)
	if v.text == "" || masked(v.text) || v.text == "null" || v.text == "true" || v.text == "false" {
		return false
	}
	if small == "key" || small == "code" || small == "ticket" { // often something else
		return sign != ":" && len(v.text) >= 16 && strings.ContainsAny(v.text, "0123456789") && !strings.Contains(v.text, ".")
	}
	if !namesSecret(small) {
		return false
	}
	switch prose := !quotedName && !v.quoted && sign == ":"; {
	case prose && v.blanks > 0:
		return secretive(v.text)
	case prose && len(v.text) <= 5 && strings.Trim(v.text, "0123456789:") == "":
		return false // a line, a port, a count
	}
	return true
}

// namesSecret reports whether what is called so is secret, or tells who somebody is.
func namesSecret(name string) bool {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(parts) == 0 {
		return false
	}
	whole, last := strings.Join(parts, ""), parts[len(parts)-1]
	two := strings.Join(parts[max(0, len(parts)-2):], "")
	for _, end := range []string{
		"token", "secret", "password", "passwd", "pwd", "signature", "apikey", "consumerkey", "privatekey", "sessionkey", "passphrase",
	} {
		if strings.HasSuffix(whole, end) {
			return true
		}
	}
	switch last {
	case "sign", "session", "sid", "authorization", "dsn", "oaid", "mobile", "phone", "telephone", "tel", "fax", "mail", "email":
		return true
	}
	switch two {
	case "authcode", "firstname", "lastname", "fullname", "address1", "address2", "idcard":
		return true
	}
	return personal.MatchString(two)
}

// personal are the fields of people in orders.
var personal = regexp.MustCompile(
	`^(?:receiver|buyer|customer|consignee|recipient|shipping|billing)(?:name|nick|address|state|city|district|town|zip)$`)

// masked reports whether a value has been taken out already, or only says where it lies.
func masked(value string) bool {
	switch {
	case strings.Trim(value, "*") == "", value == maskMail, value == maskPhone:
		return true
	}
	return slices.ContainsFunc([]string{"${", "/etc/ordersync/credentials/", "/run/credentials/"}, func(p string) bool {
		return strings.HasPrefix(value, p)
	})
}

// secretive reports whether a word looks as if a machine had made it.
func secretive(word string) bool {
	made := strings.ContainsAny(word, "0123456789=") && len(word) >= 6
	return !masked(word) && (made || len(word) >= 20 && !strings.ContainsAny(word, ".-_"))
}

// scrubQuotes takes out what MySQL quotes of a row.
func scrubQuotes(text string) string {
	if !strings.Contains(text, " '") {
		return text
	}
	return each(rowValue, text, func(groups []string) (string, bool) {
		return groups[1] + "'" + maskSecret + "'" + groups[2], true
	})
}

// each replaces what a pattern finds by what of makes of its groups, unless that answers false.
func each(pattern *regexp.Regexp, text string, of func(groups []string) (string, bool)) string {
	var out strings.Builder
	done := 0
	for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
		groups := make([]string, len(at)/2)
		for i := range groups {
			if at[2*i] >= 0 {
				groups[i] = text[at[2*i]:at[2*i+1]]
			}
		}
		if mask, ok := of(groups); ok {
			out.WriteString(text[done:at[0]])
			out.WriteString(mask)
			done = at[1]
		}
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}
