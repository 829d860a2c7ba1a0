package webhook

import (
	"encoding/json"
	"strings"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

const (
	// mostSlack bounds the text of a message, mostSection that of one of its blocks, of which Slack takes 3,000 characters, and mostHeader
	// that of the line on top, of which it takes 150.
	mostSlack   = 11000
	mostSection = 2800
	mostHeader  = 150
)

// composeSlack makes blocks. The text beside them is what a telephone shows on its lock screen.
func composeSlack(m message) (courier.Errand, error) {
	lines := linesOf(m.text)
	blocks := []any{map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": cutRunes(lines[0].whole(), mostHeader)}}}
	for _, section := range sections(fit(lines[1:], slackLine, "\n", mostSlack)) {
		blocks = append(blocks, map[string]any{
			"type": "section", "text": map[string]any{"type": "mrkdwn", "text": section, "verbatim": true},
		})
	}
	body, err := json.Marshal(map[string]any{"text": slackEscape(m.text.Subject), "blocks": blocks})
	if err != nil {
		return courier.Errand{}, fault.Errorf(fault.Internal, "encode the message: %w", err)
	}
	return post(m.url, body), nil
}

// sections cuts a text at its blank lines, and long blocks between lines.
func sections(text string) []string {
	var found []string
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		current := ""
		for l := range strings.Lines(block) {
			l = cutBytes(l, mostSection)
			if len(current)+len(l) > mostSection {
				found = append(found, current)
				current = ""
			}
			current += l
		}
		if current = strings.TrimSpace(current); current != "" {
			found = append(found, current)
		}
	}
	return found
}

func slackLine(l line) string {
	text := slackEscape(l.text)
	switch l.style {
	case heading, entry:
		return "*" + text + "*"
	case row:
		return "*" + slackEscape(l.label) + strings.TrimSpace(l.colon) + "* " + text
	case under:
		return "    " + text
	case command:
		if l.label != "" {
			return "`" + text + "` — " + slackEscape(l.label)
		}
		return "`" + text + "`"
	case quoted:
		return "> `" + text + "`"
	case footer:
		return "_" + text + "_"
	case gap:
		return ""
	}
	return text
}

// slackEscape writes a text so that Slack shows it: its three signs are escaped, and what would end code is shown alike.
func slackEscape(text string) string { return slackMarks.Replace(text) }

var slackMarks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'", "\n", " ", "\r", " ")
