package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordersync/internal/fault"
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

// Sealer seals and opens texts for a column of a source.
type Sealer interface {
	Seal(plain []byte, source, column string) ([]byte, error)
	Open(sealed []byte, source, column string) ([]byte, error)
}

// The columns for which tokens are sealed.
const (
	columnAccess  = "tokens.access"
	columnRefresh = "tokens.refresh"
)

const (
	// rereadAfter is how old what Session returns may be: a token that was granted elsewhere is taken up by then.
	rereadAfter = 30 * time.Second
	// retryAfter lies between two attempts to renew while the old token still holds.
	retryAfter = 5 * time.Minute
	// longestMargin is how long before its end a token is renewed at most; a short one at a quarter of its life.
	longestMargin = 7 * aDay

	// Renewing and storing take their time whatever becomes of the caller; together they end before the claim does.
	renewWithin = 75 * time.Second
	storeWithin = 75 * time.Second
	claimFor    = 3 * time.Minute
	// closeWithin bounds the last attempt to store.
	closeWithin = 3 * time.Second
)

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
	// Endpoint grants and renews; nil: nothing is renewed.
	Endpoint *Endpoint
	// Now is the clock; nil: this machine's.
	Now func() time.Time
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
	// turn is held by whoever reads the store or renews; the others wait for it.
	turn chan struct{}

	mu  sync.Mutex
	now holding

	// received is a new token that is not stored yet. It belongs to whoever has the turn.
	received *receipt
}

// holding is the token in use and what is known of it.
type holding struct {
	read     time.Time // when the store was read last; zero: never
	origin   string
	token    Token
	row      Row   // where origin is FromOwner
	unusable error // why what is stored cannot be used
	trouble  error // why it could not be renewed
	retry    time.Time
	spent    bool // its refresh token was refused
}

// receipt is a new token on its way into the store.
type receipt struct {
	// put stores it in one attempt, whatever became of who asked for it.
	put func(within time.Duration) error
}

// New returns a vault. It reads nothing yet.
func New(o Options) *Vault {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &Vault{o: o, turn: make(chan struct{}, 1)}
	v.now = v.configured()
	return v
}

// Session returns the token to send: at most half a minute old as the store has it, and renewed when its time has come.
//
// What the owner granted counts as long as the configuration holds the session that it held then, or none; a session that was written
// there since is newer and counts. Session fails with fault.Auth where there is no token, or where one that has ended could not be
// renewed; with fault.Config where the stored one does not open; with fault.Database where the store could not be read at all.
func (v *Vault) Session(ctx context.Context) (string, error) {
	if text, ok := v.fresh(); ok {
		return text, nil
	}
	if err := v.take(ctx); err != nil {
		return "", err
	}
	defer v.leave()
	if text, ok := v.fresh(); ok {
		return text, nil
	}
	if err := v.reread(ctx); err != nil && !v.carriesOn() {
		return "", err
	}
	if v.due(v.o.Now()) {
		if err := v.renew(ctx); err != nil && (errors.Is(err, errUnstored) || v.ended(v.o.Now())) {
			return "", err
		}
	}
	if err := v.over(v.o.Now()); err != nil {
		return "", err
	}
	return v.text()
}

// Load reads what the store has and renews nothing; Key, Ends, State and Warn then tell of it.
func (v *Vault) Load(ctx context.Context) error {
	if err := v.take(ctx); err != nil {
		return err
	}
	defer v.leave()
	if err := v.reread(ctx); err != nil {
		return err
	}
	return v.held().unusable
}

// Key names the token that Session returned last, or would return where it was never asked, without revealing it. Another token has
// another key; none has an empty one.
func (v *Vault) Key() string { return v.held().token.Access.key() }

// Ends is when the authorisation ends for good, with all renewals that it allows; zero where nobody said.
func (v *Vault) Ends() time.Time {
	h := v.held()
	if v.renewable(h, v.o.Now()) && h.token.RefreshEnds.After(h.token.Ends) {
		return h.token.RefreshEnds
	}
	return h.token.Ends
}

// State is what is known of the token that Session returned last.
func (v *Vault) State() State {
	h := v.held()
	return State{
		Origin: h.origin, Nick: h.token.Nick, Life: h.token.Life, Renewable: v.renewable(h, v.o.Now()), Trouble: h.trouble,
	}
}

// Warn is [Warn] for this authorisation, with what to do. While each renewal brings a later end there is nothing to warn of.
func (v *Vault) Warn(now time.Time) (Level, string) {
	h := v.held()
	ends := v.Ends()
	if h.trouble != nil {
		ends = h.token.Ends
	} else if h.token.Sliding && v.renewable(h, now) {
		return Fine, ""
	}
	level, text := Warn(now, ends)
	if level == Fine {
		return Fine, ""
	}
	if h.trouble != nil {
		text += fmt.Sprintf("; it could not be renewed: %v", h.trouble)
	}
	return level, text + "; " + v.fix()
}

// fix says how a new token comes.
func (v *Vault) fix() string {
	if v.CanGrant() == nil {
		return fmt.Sprintf("type 'ordersyncd authorize %s'", v.o.Source)
	}
	return fmt.Sprintf("put a new session of %s into the configuration", v.o.Source)
}

// Refresh renews the token now, whether or not its time has come.
func (v *Vault) Refresh(ctx context.Context) error {
	if err := v.take(ctx); err != nil {
		return err
	}
	defer v.leave()
	if err := v.reread(ctx); err != nil {
		return err
	}
	h := v.held()
	if h.unusable != nil {
		return h.unusable
	}
	if !v.renewable(h, v.o.Now()) {
		return fault.New(fault.Auth, &Error{
			Err: fmt.Errorf("the token of %s cannot be renewed: this app has to be authorised anew by the owner of the shop", v.o.Source), Fix: v.fix(),
		})
	}
	return v.renew(ctx)
}

// CanGrant says why nothing can be granted and stored, before anybody opens a page for it; nil where it can. Failures are of kind
// fault.Config.
func (v *Vault) CanGrant() error {
	switch {
	case v.o.Endpoint == nil || v.o.Endpoint.o.RedirectURI == "":
		return fault.New(fault.Config, &Error{
			Err: fmt.Errorf("%s has no redirect_uri, and without one nobody can authorise", v.o.Source),
			Fix: "Write the callback address that the open platform has for the app under redirect_uri of the source.",
		})
	case v.o.Seal == nil:
		return fault.New(fault.Config, &Error{
			Err: fmt.Errorf("there is no encryption.key, and a token is not stored readable"),
			Fix: "Make one with 'ordersyncd keys new', put it into the credentials folder, and name it: encryption: {key: \"${credential:seal-key}\"}.",
		})
	}
	return nil
}

// Invitation is the address that the owner of the shop opens; its answer brings back the state.
func (v *Vault) Invitation(state string) string { return v.o.Endpoint.Invitation(state) }

// Close gives idle connections back. A new token that the store did not take yet is offered to it once more: another vault would renew
// with a refresh token that is worthless already. Where it is lost, that is the error.
func (v *Vault) Close() error {
	if v.o.Endpoint != nil {
		v.o.Endpoint.o.Client.Close()
	}
	select {
	case v.turn <- struct{}{}:
		defer v.leave()
	default:
		return nil // whoever has the turn stores what he received
	}
	if v.received == nil {
		return nil
	}
	if err := v.received.put(closeWithin); err != nil {
		return v.lost(err)
	}
	v.received = nil
	return nil
}

// lost says that a token that was received is stored nowhere.
func (v *Vault) lost(err error) error {
	return fault.New(fault.Database, &Error{
		Err: fmt.Errorf("the new token of %s could not be stored and is lost: %w", v.o.Source, err),
		Fix: fmt.Sprintf("See that the database runs ('ordersyncd check --online'), then type 'ordersyncd authorize %s'.", v.o.Source),
	})
}

// Grant exchanges a code and stores the token, which wins over all that was before.
func (v *Vault) Grant(ctx context.Context, code string) error {
	if err := v.CanGrant(); err != nil {
		return err
	}
	if err := v.take(ctx); err != nil {
		return err
	}
	defer v.leave()
	// The code works once, so nothing stops this but its own limits either.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewWithin)
	defer cancel()
	granted, err := v.o.Endpoint.Exchange(asking, code)
	if err != nil {
		return err
	}
	return v.receive(ctx, granted, 0)
}

// take waits for the turn.
func (v *Vault) take(ctx context.Context) error {
	select {
	case v.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *Vault) leave() { <-v.turn }

func (v *Vault) held() holding {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *Vault) hold(h holding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = h
}

// fresh returns the token where nothing has to be done for it.
func (v *Vault) fresh() (string, bool) {
	h, now := v.held(), v.o.Now()
	if h.read.IsZero() || now.Sub(h.read) >= rereadAfter || h.unusable != nil || h.token.Access == nil || v.dueOf(h, now) || v.over(now) != nil {
		return "", false
	}
	return h.token.Access.Reveal(), true
}

// text returns the token, or why there is none.
func (v *Vault) text() (string, error) {
	h := v.held()
	switch {
	case h.unusable != nil:
		return "", h.unusable
	case h.token.Access == nil:
		return "", fault.New(fault.Auth, &Error{
			Err: fmt.Errorf("the owner of the shop has not authorised %s yet", v.o.Source), Fix: capital(v.fix()) + ".",
		})
	}
	return h.token.Access.Reveal(), nil
}

// carriesOn reports whether there is a token to go on with although the store could not be read.
func (v *Vault) carriesOn() bool {
	h := v.held()
	return v.received == nil && !h.read.IsZero() && h.unusable == nil && h.token.Access != nil
}

// configured is the session of the configuration, or nothing.
func (v *Vault) configured() holding {
	if v.o.Configured == nil {
		return holding{}
	}
	return holding{origin: FromConfiguration, token: Token{Access: v.o.Configured, Life: Life{Ends: v.o.ConfiguredEnds}}}
}

// reread reads the store and decides what counts. A token that is not stored yet is stored first.
func (v *Vault) reread(ctx context.Context) error {
	if v.received != nil {
		if err := v.store(ctx); err != nil {
			return v.unstored(err)
		}
	}
	row, err := v.o.Store.Token(ctx, v.o.Source)
	if err != nil {
		if h := v.held(); !h.read.IsZero() { // the next to ask waits as long again
			h.read = v.o.Now()
			v.hold(h)
		}
		return err
	}
	v.adopt(row)
	return nil
}

// adopt decides what counts.
func (v *Vault) adopt(row *Row) {
	old := v.held()
	h := v.configured()
	if row != nil && (v.o.Configured == nil || row.Over == v.o.Configured.key()) {
		h = holding{origin: FromOwner, row: *row}
		h.token, h.unusable = v.open(row)
		if old.origin == FromOwner && old.row.Revision == row.Revision {
			h.trouble, h.retry, h.spent = old.trouble, old.retry, old.spent
		}
	}
	h.read = v.o.Now()
	v.hold(h)
}

// open opens a stored token.
func (v *Vault) open(row *Row) (Token, error) {
	t := Token{UserID: row.UserID, Nick: row.Nick, Life: row.Life}
	if v.o.Seal == nil {
		return t, fault.New(fault.Config, &Error{
			Err: fmt.Errorf("the token of %s is stored sealed, and the configuration has no encryption.key to open it", v.o.Source),
			Fix: "Put the keyset back under encryption.key that was there when the owner of the shop authorised; where it is lost, " +
				"make another with 'ordersyncd keys new' and type 'ordersyncd authorize " + v.o.Source + "'.",
		})
	}
	access, err := v.o.Seal.Open(row.Access, row.SealedAs, columnAccess)
	if err == nil && len(row.Refresh) > 0 {
		var refresh []byte
		refresh, err = v.o.Seal.Open(row.Refresh, row.SealedAs, columnRefresh)
		t.Refresh = NewSecret(string(refresh))
	}
	if err != nil {
		return t, fault.New(fault.Config, &Error{
			Err: fmt.Errorf("the stored token of %s does not open with encryption.key: %w", v.o.Source, err),
			Fix: "Put the keyset back that was there when the owner of the shop authorised; where it is lost, " + v.fix() + ".",
		})
	}
	t.Access = NewSecret(string(access))
	return t, nil
}

func (v *Vault) renewable(h holding, now time.Time) bool {
	return v.o.Endpoint != nil && v.o.Seal != nil && h.origin == FromOwner && h.unusable == nil && !h.spent &&
		h.token.Refresh != nil && h.token.RefreshEnds.After(now)
}

func (v *Vault) due(now time.Time) bool { return v.dueOf(v.held(), now) }

// dueOf reports whether it is time to renew.
func (v *Vault) dueOf(h holding, now time.Time) bool {
	if !v.renewable(h, now) || h.token.Ends.IsZero() || now.Before(h.retry) {
		return false
	}
	margin := min(longestMargin, h.token.Ends.Sub(h.token.ObtainedAt)/4)
	return !now.Before(h.token.Ends.Add(-margin))
}

// over says why a token that has ended is not sent: it could not be renewed, or somebody is about to. The platform's refusal would hide
// that. One that nobody tried to renew is sent: who knows whose clock is right.
func (v *Vault) over(now time.Time) error {
	h := v.held()
	switch {
	case !v.ended(now) || h.origin != FromOwner:
		return nil
	case h.trouble == nil && now.Before(h.retry):
		return fault.Errorf(fault.Transient, "the token of %s has ended, and another process renews it", v.o.Source)
	}
	return h.trouble
}

func (v *Vault) ended(now time.Time) bool {
	ends := v.held().token.Ends
	return !ends.IsZero() && !now.Before(ends)
}

// renew gets the next token. From the claim until it is stored nothing stops it but its own limits: the refresh token works once, and
// what is lost then can be granted by nobody but the owner of the shop.
func (v *Vault) renew(ctx context.Context) error {
	h := v.held()
	claimed, err := v.o.Store.ClaimToken(ctx, v.o.Source, h.row.Revision, claimFor)
	if err == nil && !claimed {
		err = fault.Errorf(fault.Transient, "another process renews the token of %s", v.o.Source)
	}
	if err != nil { // no trouble of the token's: it is seen again at the next reading
		h.retry = v.o.Now().Add(rereadAfter)
		v.hold(h)
		return err
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewWithin)
	defer cancel()
	next, err := v.o.Endpoint.Renew(asking, h.token.Refresh)
	if err != nil {
		return v.failed(err)
	}
	// Some answers leave out whose token it is.
	if next.UserID == "" {
		next.UserID, next.Nick = h.token.UserID, h.token.Nick
	}
	if next.Refresh == nil { // RFC 6749, section 6: then the old one goes on
		next.Refresh, next.RefreshEnds = h.token.Refresh, h.token.RefreshEnds
	}
	next.Sliding = next.RefreshEnds.Sub(h.token.RefreshEnds) > time.Minute
	return v.receive(ctx, next, h.row.Revision)
}

// failed notes that the token could not be renewed. A refused refresh token is never sent again.
func (v *Vault) failed(err error) error {
	h := v.held()
	h.trouble, h.retry = err, v.o.Now().Add(retryAfter)
	h.spent = fault.KindOf(err) == fault.Auth
	v.hold(h)
	return err
}

// receive stores a new token, in place of a revision or, over zero, of whatever there is.
func (v *Vault) receive(ctx context.Context, t *Token, over int64) error {
	row := Row{SealedAs: v.o.Source, UserID: t.UserID, Nick: t.Nick, Life: t.Life, Revision: over + 1}
	if over > 0 {
		row.Over = v.held().row.Over
	} else {
		row.Over = v.o.Configured.key()
	}
	var err error
	if row.Access, err = v.o.Seal.Seal([]byte(t.Access.Reveal()), v.o.Source, columnAccess); err != nil {
		return err
	}
	if t.Refresh != nil {
		if row.Refresh, err = v.o.Seal.Seal([]byte(t.Refresh.Reveal()), v.o.Source, columnRefresh); err != nil {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx)
	v.received = &receipt{put: func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		_, err := v.o.Store.PutToken(ctx, v.o.Source, row, over)
		return err
	}}
	if err := v.store(ctx); err != nil && over == 0 {
		v.received = nil // the process that asked ends now
		return v.lost(err)
	} else if err != nil {
		return v.unstored(err)
	}
	// What is stored counts, read back: where the owner granted another one meanwhile, that one.
	return v.reread(ctx)
}

// errUnstored is in the chain while a new token waits for the store.
var errUnstored = errors.New("the new token is not stored yet")

// store puts what was received into the store, and keeps at it for a while.
func (v *Vault) store(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	end, _ := ctx.Deadline()
	for wait := time.Second; ; wait *= 2 {
		err := v.received.put(time.Until(end))
		if err == nil {
			v.received = nil
			return nil
		}
		if !pause(ctx, wait) {
			return err
		}
	}
}

func (v *Vault) unstored(err error) error {
	return fault.Errorf(fault.Database, "%w, and %s is not read with the old one: %w", errUnstored, v.o.Source, err)
}

// pause waits, and reports whether it waited to the end.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func capital(text string) string { return string(text[0]-'a'+'A') + text[1:] }
