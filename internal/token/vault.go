package token

import (
	"context"
	"time"
)

// Store keeps the tokens of all sources. Failures are of kind fault.Database.
type Store interface {
	// Token returns the token of a source, nil where there is none.
	Token(ctx context.Context, source string) (*Row, error)
	// PutToken stores a token. With over zero it replaces whatever is there; else it replaces the revision over alone, and reports
	// false where that is no longer the stored one. It may be repeated with the same row: the outcome is the same.
	PutToken(ctx context.Context, source string, row Row, over int64) (bool, error)
	// ClaimToken takes the right to renew a revision for so long. It reports false where another process has it, or where the
	// revision is no longer the stored one.
	ClaimToken(ctx context.Context, source string, revision int64, period time.Duration) (bool, error)
}

// Sealer seals and opens texts for a place.
type Sealer interface {
	Seal(plain []byte, source, column string) ([]byte, error)
	Open(sealed []byte, source, column string) ([]byte, error)
}

// Options describe the authorisation of one source.
type Options struct {
	Source string
	// Configured is the session that the configuration holds, nil where it holds none; ConfiguredEnds is when it ends, zero where
	// nobody said.
	Configured     Secret
	ConfiguredEnds time.Time
	// Store keeps what the owner granted; Seal seals it. A nil Seal: the configuration holds no key for it.
	Store Store
	Seal  Sealer
	// Endpoint grants and renews; nil where the configuration names none.
	Endpoint *Endpoint
}

// Origins of the token in use.
const (
	FromConfiguration = "configuration" // the session in the configuration
	FromOwner         = "authorised"    // what the owner granted, from the store
)

// State is what is known of the token in use.
type State struct {
	// Origin is FromConfiguration or FromOwner; empty: there is no token.
	Origin string
	// Nick is the shop's name, where it is known.
	Nick string
	Life
	// Renewable says that the app renews the token by itself.
	Renewable bool
	// Trouble is why the last attempt to renew failed; nil: it did not.
	Trouble error
}

// Vault is the authorisation of one source. It is safe for many goroutines at once.
type Vault struct {
	o Options
}

// New returns a vault. It does nothing yet.
func New(o Options) *Vault { return &Vault{o: o} }

// Session returns the token to send: at most half a minute old as the store has it, and renewed when its time has come.
func (v *Vault) Session(ctx context.Context) (string, error) {
	_, err := v.o.Store.Token(ctx, v.o.Source)
	return v.o.Configured.Reveal(), err
}

// Load reads what the store has and renews nothing; State and Warn then tell of it.
func (v *Vault) Load(ctx context.Context) error {
	_, err := v.o.Store.Token(ctx, v.o.Source)
	return err
}

// Key names the token that Session returned last, without revealing it; empty before the first. Another token has another key.
func (v *Vault) Key() string { return v.o.Configured.key() }

// Ends is when the authorisation ends for good; zero where nobody said.
func (v *Vault) Ends() time.Time { return v.o.ConfiguredEnds }

// State is what is known of the token that Session returned last.
func (v *Vault) State() State { return State{} }

// Warn is [Warn] for this authorisation, with what to do.
func (v *Vault) Warn(now time.Time) (Level, string) { return Warn(now, v.Ends()) }

// Refresh renews the token now, whether or not its time has come.
func (v *Vault) Refresh(ctx context.Context) error { return v.Load(ctx) }

// Grant stores what the owner granted just now. It wins over all that was before.
func (v *Vault) Grant(ctx context.Context, _ *Token) error { return v.Load(ctx) }
