package webhook

import (
	"encoding/json"
	"strconv"
	"strings"

	"ordersync/internal/alert/courier"
	"ordersync/internal/alert/words"
	"ordersync/internal/fault"
)

// mostFeishu keeps the whole request below Feishu's 20 KB: JSON may double the text.
const mostFeishu = 8000

// composeFeishu makes a card of plain text, in which nothing is markup. It is signed in the body: base64(HMAC-SHA256("seconds\nsecret", "")),
// with the text as the key and nothing to sign.
func composeFeishu(m message) (courier.Errand, error) {
	lines := linesOf(m.text)
	request := map[string]any{
		"msg_type": "interactive",
		"card": map[string]any{
			"config": map[string]any{"wide_screen_mode": true},
			"header": map[string]any{
				"template": feishuColours[m.text.Tone],
				"title":    plainText(cutRunes(lines[0].whole(), 200)),
			},
			"elements": feishuElements(fit(lines[1:], feishuLine, "\n", mostFeishu)),
		},
	}
	if m.secret != "" {
		timestamp := strconv.FormatInt(m.at.Unix(), 10)
		request["timestamp"] = timestamp
		request["sign"] = mac(timestamp+"\n"+m.secret, "")
	}
	body, err := json.Marshal(request)
	if err != nil {
		return courier.Errand{}, fault.Errorf(fault.Internal, "encode the message: %w", err)
	}
	return post(m.url, body), nil
}

var feishuColours = map[words.Tone]string{words.Grave: "red", words.Warn: "orange", words.Good: "green", words.Plain: "blue"}

func plainText(text string) map[string]string {
	return map[string]string{"tag": "plain_text", "content": text}
}

// feishuElements are the blocks of a text, one below the other; the last one is small.
func feishuElements(text string) []any {
	var elements []any
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, block := range blocks {
		if block = strings.TrimSpace(block); block == "" {
			continue
		}
		if i == len(blocks)-1 && i > 0 {
			elements = append(elements, map[string]any{"tag": "note", "elements": []any{plainText(block)}})
			continue
		}
		elements = append(elements, map[string]any{"tag": "div", "text": plainText(block)})
	}
	return elements
}

func feishuLine(l line) string {
	switch l.style {
	case row:
		return l.label + l.colon + l.text
	case heading:
		return "【" + l.text + "】"
	case entry:
		return "• " + l.text
	case under:
		return "   " + l.text
	case command:
		if l.label != "" {
			return "$ " + l.text + " — " + l.label
		}
		return "$ " + l.text
	case quoted:
		return "“" + l.text + "”"
	case gap:
		return ""
	}
	return l.text
}

// cutRunes shortens a text to so many characters.
func cutRunes(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
