package webhook

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"ordersync/internal/alert/words"
)

// Whatever is said, a message keeps the limit, begins with what happened, and says so where it was cut.
func TestMessagesKeepTheirLimit(t *testing.T) {
	t.Parallel()
	text := rapid.StringOfN(rapid.RuneFrom([]rune("a b订单*<`[](中#é")), 0, 400, -1)
	rapid.Check(t, func(t *rapid.T) {
		said := words.Text{
			Badge: text.Draw(t, "badge"), Headline: "H" + text.Draw(t, "headline"), Footer: rapid.SliceOfN(text, 0, 3).Draw(t, "footer"),
			Language: rapid.SampledFrom([]string{words.English, words.Chinese}).Draw(t, "language"),
		}
		for range rapid.IntRange(0, 6).Draw(t, "blocks") {
			b := words.Block{Title: text.Draw(t, "title"), Paragraphs: rapid.SliceOfN(text, 0, 4).Draw(t, "paragraphs"), Quote: text.Draw(t, "quote")}
			for range rapid.IntRange(0, 5).Draw(t, "rows") {
				b.Rows = append(b.Rows, words.Row{Label: text.Draw(t, "label"), Value: text.Draw(t, "value")})
			}
			said.Blocks = append(said.Blocks, b)
		}
		lines := linesOf(said)
		most := rapid.IntRange(200, 6000).Draw(t, "most")
		for name, write := range map[string]markup{
			"dingtalk": dingTalkLine, "wecom": func(l line) string { return weComLine(l, "warning") }, "feishu": feishuLine, "slack": slackLine,
		} {
			whole := fit(lines, write, "\n", 1<<20)
			got := fit(lines, write, "\n", most)
			if len(got) > most || !utf8.ValidString(got) {
				t.Fatalf("%s: %d bytes of %d, valid %t", name, len(got), most, utf8.ValidString(got))
			}
			if cut := got != whole; cut && !strings.Contains(got, "…") || !strings.Contains(got, keyword) || !strings.Contains(got, "H") {
				t.Fatalf("%s: %q of %q", name, got, whole)
			}
			if len(whole)+1 <= most && len(write(lines[0])) < most/2 && got != whole {
				t.Fatalf("%s was cut without need: %d of %d bytes", name, len(whole), most)
			}
		}
		for _, section := range sections(fit(lines, slackLine, "\n", mostSlack)) {
			if section == "" || len(section) > mostSection {
				t.Fatalf("a section of %d bytes", len(section))
			}
		}
	})
}
