// Package seal keeps what must not lie readable in the database: it seals texts with a key that lies beside the database and not in it,
// and opens them again.
//
// It promises:
//
//   - what is sealed can be read by nobody without the keyset, and cannot be changed without being noticed;
//   - a sealed text belongs to its place: put under another source or into another column it does not open;
//   - a keyset that is none, and one that is not the one, are told apart and told plainly ([New], [ErrOtherKey]);
//   - no error shows a key or what was sealed.
//
// The keys are a keyset of Tink: several keys may stand in it, the primary one seals, and all of them open. So a key can be replaced
// without a moment in which stored texts cannot be read.
package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"ordersync/internal/fault"
)

// ErrOtherKey is in the chain where a sealed text does not open: it was sealed with a key that the keyset lacks, for another place, or
// it was damaged. Which of them it was cannot be told.
var ErrOtherKey = errors.New("sealed with another key, or damaged")

// Box seals and opens. It is safe for many goroutines at once.
type Box struct {
	aead tink.AEAD
}

// NewKeyset makes a keyset with one fresh key, as one line of text for a credential.
func NewKeyset() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fault.Errorf(fault.Internal, "make a key: %w", err)
	}
	var text bytes.Buffer
	// In clear: the credential is a file that only root may read, as every other credential is.
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return "", fault.Errorf(fault.Internal, "write a keyset: %w", err)
	}
	return base64.StdEncoding.EncodeToString(bytes.TrimSpace(text.Bytes())), nil
}

// New reads a keyset that [NewKeyset] made; also one that stands there as the JSON that it is. A text that is no keyset is refused with
// fault.Config. The errors of the parser quote what they read, so none is passed on.
func New(text string) (*Box, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fault.Errorf(fault.Config, "the keyset is empty: 'ordersyncd keys new' makes one")
	}
	json := []byte(text)
	if !strings.HasPrefix(text, "{") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, fault.Errorf(fault.Config, "this is no keyset, or not the whole of one: 'ordersyncd keys new' makes one")
		}
		json = decoded
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(json)))
	if err != nil {
		return nil, fault.Errorf(fault.Config, "this is no keyset, or not the whole of one: 'ordersyncd keys new' makes one")
	}
	box, err := aead.New(handle)
	if err != nil {
		return nil, fault.Errorf(fault.Config, "this keyset holds no key that seals: 'ordersyncd keys new' makes one that does")
	}
	return &Box{aead: box}, nil
}

// Seal seals plain for a column of a source.
func (b *Box) Seal(plain []byte, source, column string) ([]byte, error) {
	sealed, err := b.aead.Encrypt(plain, place(source, column))
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "seal %s of %s: %w", column, source, err)
	}
	return sealed, nil
}

// Open returns what was sealed for a column of a source. It fails with [ErrOtherKey] and fault.Config.
func (b *Box) Open(sealed []byte, source, column string) ([]byte, error) {
	plain, err := b.aead.Decrypt(sealed, place(source, column))
	if err != nil {
		return nil, fault.Errorf(fault.Config, "%s of %s: %w", column, source, ErrOtherKey)
	}
	return plain, nil
}

// place names where a sealed text belongs. It is the same for no two places: the lengths stand in front.
func place(source, column string) []byte {
	return fmt.Appendf(nil, "ordersync %d:%s %d:%s", len(source), source, len(column), column)
}
