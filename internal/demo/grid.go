package demo

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// widthOf is how many columns a text takes on a screen: a Chinese character is as wide as two others.
func widthOf(s string) int { return text.StringWidthWithoutEscSequences(s) }

// cut shortens a line that is too long.
func cut(line string, width int) string {
	line = strings.TrimRight(line, " \t\r")
	if widthOf(line) <= width {
		return line
	}
	return text.Snip(line, width, "…")
}

// aligned writes rows with their columns below each other.
func aligned(grid [][]string) string {
	widths := make([]int, len(grid[0]))
	for _, line := range grid {
		for i, value := range line {
			widths[i] = max(widths[i], widthOf(value)+2)
		}
	}
	var b strings.Builder
	for _, line := range grid {
		for i, value := range line {
			b.WriteString(text.Pad(value, widths[i], ' '))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
