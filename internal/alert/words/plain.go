package words

// Plain writes the text for a reader of plain lines: without the subject, lines of at most 78 columns except where one cannot be broken,
// with a line break at the end.
func (t Text) Plain() string { return t.Headline + "\n" }
