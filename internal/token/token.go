// Package token keeps the authorisation of a shop: the token that its owner granted, until when it holds, and a new one in time where
// the app may have one.
//
// It promises:
//
//   - a renewed token is stored before anything else happens with it: it is handed out only once it lies in the store, and neither the
//     end of the caller's context nor a store that is away for a while makes it be forgotten. The old one is worthless from then on;
//   - of all processes that share a store, one at a time renews;
//   - tokens lie sealed in the store, each bound to its source and its column, and stand in no error and no log;
//   - a token that the owner granted later wins over the one in the configuration, and the other way round ([Vault.Session]);
//   - how long the authorisation holds is known weeks before its end, and told in time ([Warn]).
//
// An app for one's own shop cannot renew a token: its owner has to authorise it again. That is why the warnings matter.
package token

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Secret is a token as it is sent. It is a function, so that no value that could be printed holds one; nil is none.
type Secret func() string

// NewSecret boxes a text; an empty one gives nil.
func NewSecret(text string) Secret {
	if text == "" {
		return nil
	}
	return func() string { return text }
}

// Reveal returns the text, empty where there is none. It is for the place that sends or seals it.
func (s Secret) Reveal() string {
	if s == nil {
		return ""
	}
	return s()
}

// key names a secret without revealing it.
func (s Secret) key() string {
	if s.Reveal() == "" {
		return ""
	}
	hash := sha256.Sum256([]byte("session " + s.Reveal()))
	return hex.EncodeToString(hash[:16])
}

// Token is what the owner of a shop granted.
type Token struct {
	// Access is sent with each call, Refresh gets the next token; nil where there is none.
	Access, Refresh Secret
	// UserID and Nick say whose shop it is.
	UserID, Nick string
	Life
}

// Life says how long a token holds. Times that nobody told are zero.
type Life struct {
	// ObtainedAt is when it was granted, by the clock of who granted it.
	ObtainedAt time.Time
	// Ends is when it ends as a whole. RefreshEnds is until when it can be renewed; zero: never.
	Ends, RefreshEnds time.Time
	// R1Ends and R2Ends are when the right to read ends, common and sensitive matters; W1Ends and W2Ends that to write. A token can be
	// alive when one of them is over.
	R1Ends, R2Ends, W1Ends, W2Ends time.Time
	// Sliding says that the last renewal brought a later RefreshEnds.
	Sliding bool
}

// Row is a token as it lies in the store.
type Row struct {
	// Access and Refresh are sealed, for the source named SealedAs: a source that is renamed keeps its token. Refresh may be empty.
	Access, Refresh []byte
	SealedAs        string
	// Over names the session that the configuration held when the owner granted the token, empty where it held none.
	Over         string
	UserID, Nick string
	Life
	// Revision rises with each token of a source.
	Revision int64
}
