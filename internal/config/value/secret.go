package value

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// mask is what a secret prints as.
const mask = "***"

// Secret is a value that prints as *** in every way: fmt's verbs, slog, JSON, YAML and text. It is boxed behind a pointer, so
// that a printer that walks unexported fields meets an address and not the text. The zero value is no secret at all.
type Secret struct {
	box *string
}

// NewSecret boxes text; an empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{box: &text}
}

// Reveal returns the text. It is for the one place that sends it.
func (s Secret) Reveal() string {
	if s.box == nil {
		return ""
	}
	return *s.box
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.box == nil }

// Equal reports whether both hold the same text.
func (s Secret) Equal(t Secret) bool {
	return s.IsZero() == t.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// Format implements fmt.Formatter: whatever the verb, the mask.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// String implements fmt.Stringer.
func (s Secret) String() string { return mask }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return mask }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalYAML implements yaml.Marshaler.
func (s Secret) MarshalYAML() (any, error) { return mask, nil }
