package tell

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"ordersync/internal/alert"
)

// mostError is how much of the text of an error is told.
const mostError = 2000

// brief is a notice as a part of a digest: with the worst of its incidents alone, and the beginnings of their errors. The others are named.
func brief(n alert.Notice) alert.Notice {
	rest := n.Items[min(len(n.Items), briefItems):]
	n.Items = slices.Clone(n.Items[:len(n.Items)-len(rest)])
	for i := range n.Items {
		n.Items[i].Error = cut(n.Items[i].Error, briefError)
	}
	n.More += len(rest)
	n.MoreScopes = slices.Clone(n.MoreScopes)
	for _, item := range rest {
		n.MoreScopes = append(n.MoreScopes, item.Scope)
	}
	return n
}

// measure returns how many notices a notice is in a digest, and how long.
func measure(n alert.Notice) (parts, bytes int) {
	if n.Sort != alert.Digest {
		n = brief(n)
	}
	text, err := json.Marshal(n)
	if err != nil {
		return mostParts, mostBytes
	}
	return max(1, len(n.Parts)), len(text)
}

// cut is the beginning of a text, of at most so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most]
	for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if last, size := utf8.DecodeLastRuneInString(text); last == utf8.RuneError && size == 1 {
		text = text[:len(text)-1] // the beginning of a letter
	}
	return strings.TrimSpace(text) + " ..."
}
