package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"

	"ordersync/internal/alert/courier"
	"ordersync/internal/alert/words"
	"ordersync/internal/fault"
)

const (
	// mostDingTalk keeps below what DingTalk takes (5,000 characters of markdown in some of its rules, 20,000 bytes in others), mostWeCom
	// below WeCom's 4,096 bytes.
	mostDingTalk = 4800
	mostWeCom    = 4000
)

// composeDingTalk makes a markdown message, signed in the query: base64(HMAC-SHA256(secret, "milliseconds\nsecret")).
func composeDingTalk(m message) (courier.Errand, error) {
	body, err := json.Marshal(map[string]any{
		"msgtype": "markdown",
		"markdown": map[string]string{
			"title": harmless(m.text.Subject),
			"text":  fit(linesOf(m.text), dingTalkLine, "  \n", mostDingTalk),
		},
	})
	if err != nil {
		return courier.Errand{}, fault.Errorf(fault.Internal, "encode the message: %w", err)
	}
	address := m.url
	if m.secret != "" {
		u, err := url.Parse(m.url)
		if err != nil { // its text quotes the address
			return courier.Errand{}, fault.Errorf(fault.Config, "the address cannot be used")
		}
		timestamp := strconv.FormatInt(m.at.UnixMilli(), 10)
		query := u.Query() // also where the address was copied with an old signature
		query.Set("timestamp", timestamp)
		query.Set("sign", mac(m.secret, timestamp+"\n"+m.secret))
		u.RawQuery = query.Encode()
		address = u.String()
	}
	return post(address, body), nil
}

// dingTalkLine: DingTalk knows headings, quotes, bold and lists, and no code.
func dingTalkLine(l line) string {
	text := harmless(l.text)
	switch l.style {
	case headline:
		return "### " + harmless(l.whole())
	case heading:
		return "**" + text + "**"
	case row:
		return "- " + harmless(l.label) + l.colon + text
	case entry:
		return "- **" + text + "**"
	case under:
		return "  " + text
	case command:
		return "> " + l.text + why(l)
	case quoted:
		return "> " + text
	case gap:
		return ""
	}
	return text
}

// why is what a command does.
func why(l line) string {
	if l.label == "" {
		return ""
	}
	return " — " + harmless(l.label)
}

// composeWeCom makes a markdown message.
func composeWeCom(m message) (courier.Errand, error) {
	write := func(l line) string { return weComLine(l, weComColours[m.text.Tone]) }
	body, err := json.Marshal(map[string]any{
		"msgtype":  "markdown",
		"markdown": map[string]string{"content": fit(linesOf(m.text), write, "\n", mostWeCom)},
	})
	if err != nil {
		return courier.Errand{}, fault.Errorf(fault.Internal, "encode the message: %w", err)
	}
	return post(m.url, body), nil
}

// weComColours are the three colours that WeCom knows: orange, green and grey.
var weComColours = map[words.Tone]string{words.Grave: "warning", words.Warn: "warning", words.Good: "info"}

// weComLine: WeCom knows headings, quotes, bold, code and colours, and no lists.
func weComLine(l line, colour string) string {
	text := harmless(l.text)
	switch l.style {
	case headline:
		if l.label != "" && colour != "" {
			return "### <font color=\"" + colour + "\">" + harmless(l.label) + "</font> " + text
		}
		return "### " + harmless(l.whole())
	case heading:
		return "**" + text + "**"
	case row:
		return harmless(l.label) + l.colon + text
	case entry:
		return "**" + text + "**"
	case under:
		return "> " + text
	case command:
		return "`" + l.text + "`" + why(l)
	case quoted:
		return "> `" + text + "`"
	case footer:
		return "<font color=\"comment\">" + text + "</font>"
	case gap:
		return ""
	}
	return text
}

// mac is base64(HMAC-SHA256(key, text)).
func mac(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
