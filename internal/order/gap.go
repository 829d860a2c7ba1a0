package order

// Gap is a span of time of which orders may be missing for good: the remote no longer lists them.
type Gap struct {
	Source SourceID
	// Stream is what would have read it.
	Stream string
	Window Window
	// Reason says in a sentence why it cannot be read.
	Reason string
}
