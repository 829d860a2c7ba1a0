package config

// Problem is one mistake in a file, or one warning.
type Problem struct {
	File         string
	Line, Column int
	// Path is where in the file's tree, such as sources.us-store.auth.
	Path string
	// Message says what is wrong, Remedy what to do; both are plain sentences.
	Message, Remedy string
	// Snippet holds the line and its neighbours with a caret, secrets masked; empty where there is no line to show.
	Snippet string
}

// Error is the problem in one line: file:line:column: message.
func (p Problem) Error() string { return p.File + ": " + p.Message }

// Problems are all the mistakes of a file, in the file's order.
type Problems struct {
	List []Problem
}

func (p *Problems) Error() string { return "" }

// document is a parsed file with its lines.
type document struct{}

// Load reads the file and everything that it refers to.
func Load(path string, o Options) (*Config, error) { return nil, &Problems{} }

// Problem builds a problem at a place of the file, for checks that are made outside this room, such as
// c.Problem("The database refuses the account.", "Check user and password.", "database", "user").
func (c *Config) Problem(message, remedy string, path ...string) Problem { return Problem{} }

// Credential names the source's credential without revealing it: sources with the same one share one pace.
func (r *Rest) Credential() string { return "" }
