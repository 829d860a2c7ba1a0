package token_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/seal"
	"ordersync/internal/token"
)

// scene is a shop, the platform that grants its tokens, and the database that keeps them.
type scene struct {
	t *testing.T
	p *platform
	// log is what happened to the token, in order: claim, the grant that was asked for, put.
	mu  sync.Mutex
	log []string
	// puts is how the next puts fail; nil: it is let through.
	puts []error

	store token.Store
	raw   *sql.DB
	seal  *seal.Box
}

func newScene(t *testing.T) *scene {
	t.Helper()
	o := mysqltest.Options(t)
	s := &scene{t: t, p: newPlatform(t), raw: mysqltest.SQL(t, o.DSN)}
	s.store = &watched{Store: mysqltest.OpenWith(t, o), scene: s}
	s.seal = newBox(t)
	s.p.before = func(form url.Values) { s.note(form.Get("grant_type")) }
	return s
}

func newBox(t *testing.T) *seal.Box {
	t.Helper()
	text, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.New(text)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// now is the clock of the platform and of all processes; pass lets time pass.
func (s *scene) now() time.Time { return s.p.now() }

func (s *scene) pass(d time.Duration) { s.p.passed.Add(int64(d)) }

func (s *scene) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

// happened returns what happened since it was asked last.
func (s *scene) happened() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

// watched is the database with a witness.
type watched struct {
	token.Store
	scene *scene
}

func (w *watched) PutToken(ctx context.Context, source string, row token.Row, over int64) (bool, error) {
	w.scene.mu.Lock()
	var fails error
	if len(w.scene.puts) > 0 {
		fails, w.scene.puts = w.scene.puts[0], w.scene.puts[1:]
	}
	w.scene.mu.Unlock()
	if fails != nil {
		w.scene.note("put fails")
		return false, fails
	}
	taken, err := w.Store.PutToken(ctx, source, row, over)
	w.scene.note("put")
	return taken, err
}

func (w *watched) ClaimToken(ctx context.Context, source string, revision int64, period time.Duration) (bool, error) {
	w.scene.note("claim")
	return w.Store.ClaimToken(ctx, source, revision, period)
}

// vault is the shop's authorisation as one process has it.
func (s *scene) vault(changes ...func(*token.Options)) *token.Vault {
	o := token.Options{Source: source, Store: s.store, Seal: s.seal, Endpoint: s.p.endpoint(), Now: s.now}
	for _, change := range changes {
		change(&o)
	}
	return token.New(o)
}

func configured(session string) func(*token.Options) {
	return func(o *token.Options) { o.Configured = token.NewSecret(session) }
}

func (s *scene) grant(v *token.Vault, code string) {
	s.t.Helper()
	if err := v.Grant(s.t.Context(), code); err != nil {
		s.t.Fatal(err)
	}
}

// sends checks which token a vault hands out.
func (s *scene) sends(v *token.Vault, want string) {
	s.t.Helper()
	if got, err := v.Session(s.t.Context()); err != nil || got != want {
		s.t.Errorf("the session is %q, %v; want %q", got, err, want)
	}
}

// refuses checks that a vault hands nothing out, and what it says and advises.
func (s *scene) refuses(v *token.Vault, kind fault.Kind, says, remedy string) {
	s.t.Helper()
	got, err := v.Session(s.t.Context())
	if got != "" || fault.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), says) {
		s.t.Errorf("the session is %q, %v (%v); want %v with %q", got, err, fault.KindOf(err), kind, says)
		return
	}
	told, _ := errors.AsType[*token.Error](err)
	if told == nil || !strings.Contains(told.Remedy(), remedy) {
		s.t.Errorf("the remedy of %v is %v, want one with %q", err, told, remedy)
	}
}

func (s *scene) exec(query string) {
	s.t.Helper()
	if _, err := s.raw.ExecContext(s.t.Context(), query); err != nil {
		s.t.Fatal(err)
	}
}

// renewable has the platform grant tokens for a day that can be renewed for so many days.
func (s *scene) renewable(days int) {
	s.p.change(func(p *platform) { p.life = map[string]any{"expires_in": 86400, "re_expires_in": days * 86400} })
}

func (s *scene) wantLog(want ...string) {
	s.t.Helper()
	if got := s.happened(); !slices.Equal(got, want) {
		s.t.Errorf("what happened is %q, want %q", got, want)
	}
}

// Whichever came later counts: what the owner granted, or the session in the configuration.
func TestWhichCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	bare := s.vault()
	s.refuses(bare, fault.Auth, "has not authorised tmall-flagship yet", "Type 'ordersyncd authorize tmall-flagship'.")
	if bare.Key() != "" || !bare.Ends().IsZero() || bare.State().Origin != "" {
		t.Errorf("without any token: key %q, ends %s, %+v", bare.Key(), bare.Ends(), bare.State())
	}
	ends := s.now().Add(time.Hour)
	in := s.vault(configured("session-1"), func(o *token.Options) { o.ConfiguredEnds = ends })
	before := in.Key()
	s.sends(in, "session-1")
	if in.State().Origin != token.FromConfiguration || !in.Ends().Equal(ends) || in.Key() != before || before == "" {
		t.Errorf("the session of the configuration: %+v, key %q", in.State(), in.Key())
	}
	if strings.Contains(before, "session-1") {
		t.Errorf("the key shows the session: %s", before)
	}

	// The owner authorises from another process: ours takes it up half a minute later.
	s.grant(s.vault(configured("session-1")), "code-1")
	s.sends(in, "session-1")
	s.pass(31 * time.Second)
	s.sends(in, "6201access1")
	if in.State().Origin != token.FromOwner || in.State().Nick != "旗舰店 #1" || in.Key() == before || in.Ends().Before(s.now().AddDate(0, 11, 0)) {
		t.Errorf("what the owner granted: %+v, key %q", in.State(), in.Key())
	}
	// A session that is written into the configuration afterwards counts; one that is taken out does not bring the old state back.
	s.sends(s.vault(configured("session-2")), "session-2")
	s.sends(s.vault(), "6201access1")
	// Granted anew by a process that has that session.
	s.grant(s.vault(configured("session-2")), "code-2")
	s.sends(s.vault(configured("session-2")), "6201access2")
	s.sends(s.vault(configured("session-1")), "session-1")
}

// Nothing of what was granted lies readable anywhere in the table, and what lies there opens in its place only.
func TestSealedAtRest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.vault()
	s.grant(v, "code-1")
	rows, err := s.raw.QueryContext(t.Context(), "SELECT * FROM tokens")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatalf("no row: %v", err)
	}
	values, targets := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		t.Fatal(err)
	}
	for i, value := range values {
		for _, secret := range []string{"6201access1", "6200refresh1", "code-1", appSecret} {
			if strings.Contains(string(value), secret) {
				t.Errorf("the column %s shows %s", columns[i], secret)
			}
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Error(err)
	}
	s.sends(s.vault(), "6201access1")

	s.exec("UPDATE tokens SET access_sealed = refresh_sealed")
	s.refuses(s.vault(), fault.Config, "does not open", "authorize")
	s.exec("UPDATE tokens SET sealed_as = 'another'")
	s.refuses(s.vault(), fault.Config, "does not open", "authorize")
}

// A key that is wrong or missing is told, with what to do; the other source of the token still works where it counts.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.grant(s.vault(), "code-1")
	other := newBox(t)
	wrong := s.vault(func(o *token.Options) { o.Seal = other })
	s.refuses(wrong, fault.Config, "the stored token of tmall-flagship does not open with encryption.key", "Put the keyset back")
	if err := wrong.Load(t.Context()); !errors.Is(err, seal.ErrOtherKey) || wrong.Key() != "" {
		t.Errorf("looking at it: %v, key %q", err, wrong.Key())
	}
	if _, err := s.store.Token(t.Context(), source); err != nil {
		t.Errorf("what is stored is not touched: %v", err)
	}
	none := s.vault(func(o *token.Options) { o.Seal = nil })
	s.refuses(none, fault.Config, "no encryption.key to open it", "keys new")
	s.sends(s.vault(configured("session-1"), func(o *token.Options) { o.Seal = other }), "session-1")

	// Authorised again under the new key, it is good again.
	s.grant(wrong, "code-2")
	s.sends(wrong, "6201access2")
	s.refuses(s.vault(), fault.Config, "does not open", "")
}

// What keeps a token from being granted is told before anybody opens a page, and a refused code changes nothing.
func TestCanGrant(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, c := range map[string]struct {
		change func(*token.Options)
		says   string
	}{
		"no endpoint": {func(o *token.Options) { o.Endpoint = nil }, "redirect_uri"},
		"no key":      {func(o *token.Options) { o.Seal = nil }, "encryption.key"},
	} {
		v := s.vault(c.change)
		if err := v.CanGrant(); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Grant(t.Context(), "code-1"); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: granted with %v", name, err)
		}
	}
	v := s.vault()
	s.wantLog()
	s.grant(v, "code-1")
	if err := v.Grant(t.Context(), "code-1"); fault.KindOf(err) != fault.Auth || !strings.Contains(err.Error(), "invalidate") {
		t.Errorf("the same code again: %v", err)
	} else {
		wantNoSecret(t, err, "code-1")
	}
	s.wantLog("authorization_code", "put", "authorization_code")
	s.sends(v, "6201access1")
}

// A token is renewed when its time has come, by a claim, and is stored before it is handed out.
func TestRenewal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.wantLog("authorization_code", "put")
	if state := v.State(); !state.Renewable || v.Ends().Sub(s.now()) < 29*24*time.Hour {
		t.Errorf("a token that can be renewed: %+v, ends %s", state, v.Ends())
	}
	if level, text := v.Warn(s.now()); level != token.Month || !strings.Contains(text, "type 'ordersyncd authorize tmall-flagship'") {
		t.Errorf("30 days before it can no longer be renewed: %d, %q", level, text)
	}
	s.pass(17 * time.Hour)
	s.sends(v, "6201access1")
	s.wantLog()
	s.pass(2 * time.Hour) // a quarter of its life is left
	s.sends(v, "6201access2")
	s.wantLog("claim", "refresh_token", "put")
	s.sends(v, "6201access2")
	s.sends(s.vault(), "6201access2")
	s.wantLog()
	asked := s.p.requests()
	if got := asked[len(asked)-1].Get("refresh_token"); got != "6200refresh1" {
		t.Errorf("renewed with %s", got)
	}
	if err := v.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	s.sends(v, "6201access3")
	s.wantLog("claim", "refresh_token", "put")
	if n := len(s.p.requests()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// Renewals that bring a later end each time leave nothing to warn of; one that does not is what the 30 days are counted to.
func TestWarnsOfTheLastRenewal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(2)
	v := s.vault()
	s.grant(v, "code-1")
	if level, _ := v.Warn(s.now()); level != token.Week {
		t.Errorf("before the first renewal: level %d", level)
	}
	until := s.now().Add(72 * time.Hour).UnixMilli() // until the subscription ends
	s.p.change(func(p *platform) { p.life["refresh_token_valid_time"], p.life["re_expires_in"] = until, 90*86400 })
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if level, text := v.Warn(s.now()); level != token.Fine || text != "" {
		t.Errorf("after a renewal that brought a later end: level %d, %q", level, text)
	}
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if level, text := v.Warn(s.now()); level != token.Week || !strings.Contains(text, "in 2 days") && !strings.Contains(text, "in 3 days") {
		t.Errorf("after a renewal that brought none: level %d, %q", level, text)
	}
}

// The caller's end and a store that is away for a moment do not lose the token that was received.
func TestReceivedIsStored(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.pass(20 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.p.change(func(p *platform) {
		p.before = func(form url.Values) { // the process is told to stop while the platform answers
			s.note(form.Get("grant_type"))
			cancel()
		}
	})
	s.mu.Lock()
	s.log, s.puts = nil, []error{fault.Errorf(fault.Database, "the database is away")}
	s.mu.Unlock()
	got, err := v.Session(ctx)
	s.wantLog("claim", "refresh_token", "put fails", "put")
	if err != nil || got != "6201access2" {
		t.Errorf("the session is %q, %v", got, err)
	}
	s.sends(s.vault(), "6201access2")
}

// What is not stored is not handed out: a process that dies in between has used nothing that nobody has.
func TestUnstoredIsNotHandedOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.pass(20 * time.Hour)
	s.happened()
	held, let := make(chan struct{}), make(chan struct{})
	dying := s.vault(func(o *token.Options) { o.Store = &slow{Store: s.store, held: held, let: let} })
	type outcome struct {
		session string
		err     error
	}
	done := make(chan outcome, 1)
	go func() {
		session, err := dying.Session(t.Context())
		done <- outcome{session: session, err: err}
	}()
	<-held // received, and not yet stored
	select {
	case got := <-done:
		t.Errorf("handed out %q before it was stored (%v)", got.session, got.err)
	default:
	}
	if dying.Key() != "" && dying.Key() != v.Key() {
		t.Error("the new token is named before it is stored")
	}
	// Another process does not renew with the refresh token that is under way; the old token still holds, and it goes on with it.
	s.sends(v, "6201access1")
	close(let)
	if got := <-done; got.err != nil || got.session != "6201access2" {
		t.Errorf("the session is %q, %v", got.session, got.err)
	}
	s.wantLog("claim", "refresh_token", "claim", "put")
	s.pass(31 * time.Second)
	s.sends(v, "6201access2")
	if v.State().Trouble != nil {
		t.Errorf("the other's renewal was this one's trouble: %v", v.State().Trouble)
	}
}

// slow is a store that holds a put until it is let.
type slow struct {
	token.Store
	held, let chan struct{}
}

func (s *slow) PutToken(ctx context.Context, source string, row token.Row, over int64) (bool, error) {
	close(s.held)
	<-s.let
	return s.Store.PutToken(ctx, source, row, over)
}

// A process that died with the refresh token spent: the claim runs out, the platform refuses, the old token is used while it holds and
// the owner is asked in time.
func TestLostRenewal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.p.change(func(p *platform) { p.refs = map[string]bool{} }) // it was used, and the answer went nowhere
	ends := v.State().Ends
	s.pass(20 * time.Hour)
	s.happened()
	s.sends(v, "6201access1")
	s.wantLog("claim", "refresh_token")
	s.pass(time.Hour)
	s.sends(v, "6201access1")
	s.wantLog() // a refused refresh token is not sent again
	level, text := v.Warn(s.now())
	if level != token.Day || !strings.Contains(text, "could not be renewed") || !strings.Contains(text, "refresh times limit exceed") ||
		!strings.Contains(text, "type 'ordersyncd authorize tmall-flagship'") {
		t.Errorf("the warning is %d, %q", level, text)
	}
	if !v.Ends().Equal(ends) || v.State().Renewable || fault.KindOf(v.State().Trouble) != fault.Auth {
		t.Errorf("it ends %s, want %s: %+v", v.Ends(), ends, v.State())
	}
	if err := v.Refresh(t.Context()); fault.KindOf(err) != fault.Auth {
		t.Errorf("renewed by hand: %v", err)
	}
	s.grant(s.vault(), "code-2")
	s.pass(31 * time.Second)
	s.happened()
	if got, err := v.Session(t.Context()); err != nil || !strings.HasPrefix(got, "6201access") || got == "6201access1" || v.State().Trouble != nil {
		t.Errorf("after the owner authorised again: %q, %v, %+v", got, err, v.State())
	}
}

// A platform that is away is asked again five minutes later, and in the end it is told.
func TestRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	away := func(p *platform) { p.answers = []answer{{502, "<html>"}} }
	s.pass(20 * time.Hour)
	s.happened()
	s.p.change(away)
	s.sends(v, "6201access1")
	s.pass(time.Minute)
	s.sends(v, "6201access1")
	s.wantLog("claim", "refresh_token")
	// The claim is by the clock of the database, which the test cannot turn.
	s.exec("UPDATE tokens SET renewing_until = NULL")
	s.p.change(away)
	s.pass(5 * time.Minute)
	s.sends(v, "6201access1")
	s.wantLog("claim", "refresh_token")
	s.exec("UPDATE tokens SET renewing_until = NULL")
	s.p.change(away)
	s.pass(5 * time.Hour) // the old one has ended
	if got, err := v.Session(t.Context()); got != "" || fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "502") {
		t.Errorf("the session is %q, %v", got, err)
	}
	s.exec("UPDATE tokens SET renewing_until = NULL")
	s.pass(5 * time.Minute)
	s.sends(v, "6201access2")
}

// What the owner grants while a process renews wins.
func TestGrantedWhileRenewed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.pass(20 * time.Hour)
	held, let := make(chan struct{}), make(chan struct{})
	renewing := s.vault(func(o *token.Options) { o.Store = &slow{Store: s.store, held: held, let: let} })
	done := make(chan string, 1)
	go func() {
		session, err := renewing.Session(t.Context())
		done <- fmt.Sprint(session, err)
	}()
	<-held
	s.grant(s.vault(), "code-2")
	close(let)
	if got := <-done; got != "6201access3<nil>" {
		t.Errorf("the session is %s", got)
	}
}

// An app that may not renew never tries: neither with 0 in re_expires_in, nor for a session of the configuration.
func TestNotRenewable(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.vault()
	s.grant(v, "code-1")
	s.happened()
	s.pass(v.State().Ends.Sub(s.now()) - time.Hour)
	s.sends(v, "6201access1")
	s.pass(2 * time.Hour)
	s.sends(v, "6201access1") // whether it has ended is the platform's to say
	if level, text := v.Warn(s.now()); level != token.Ended || !strings.Contains(text, "ended") {
		t.Errorf("the warning is %d, %q", level, text)
	}
	if err := v.Refresh(t.Context()); fault.KindOf(err) != fault.Auth || !strings.Contains(err.Error(), "authorised anew") {
		t.Errorf("renewed by hand: %v", err)
	}
	in := s.vault(configured("session-9"), func(o *token.Options) { o.ConfiguredEnds, o.Endpoint = s.now().Add(time.Hour), nil })
	s.sends(in, "session-9")
	if err := in.Refresh(t.Context()); fault.KindOf(err) != fault.Auth {
		t.Errorf("a session of the configuration: %v", err)
	}
	if level, text := in.Warn(s.now()); level != token.Day || !strings.Contains(text, "put a new session of tmall-flagship into the configuration") {
		t.Errorf("the warning is %d, %q", level, text)
	}
	s.wantLog()
}

// A database that is away stops nothing that is known already.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.grant(s.vault(), "code-1")
	gone := &away{Store: s.store}
	v := s.vault(func(o *token.Options) { o.Store = gone })
	gone.err = fault.Errorf(fault.Database, "the database is away")
	if got, err := v.Session(t.Context()); got != "" || fault.KindOf(err) != fault.Database {
		t.Errorf("before anything was read: %q, %v", got, err)
	}
	gone.err = nil
	s.sends(v, "6201access1")
	gone.err = fault.Errorf(fault.Database, "the database is away")
	s.pass(time.Minute)
	s.sends(v, "6201access1")
	if err := v.Load(t.Context()); fault.KindOf(err) != fault.Database {
		t.Errorf("looking at it: %v", err)
	}
	stopped, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("we stop"))
	held := s.vault(func(o *token.Options) { o.Store = gone })
	if got, err := held.Session(stopped); got != "" || err == nil {
		t.Errorf("after the end: %q, %v", got, err)
	}
}

type away struct {
	token.Store
	err error
}

func (a *away) Token(ctx context.Context, source string) (*token.Row, error) {
	if a.err != nil {
		return nil, a.err
	}
	return a.Store.Token(ctx, source)
}

// Many calls at once ask for one renewal.
func TestOneRenewal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.renewable(30)
	v := s.vault()
	s.grant(v, "code-1")
	s.pass(20 * time.Hour)
	s.happened()
	var calls sync.WaitGroup
	sessions := make([]string, 20)
	for i := range sessions {
		calls.Go(func() {
			session, err := v.Session(t.Context())
			if err != nil {
				t.Error(err)
			}
			sessions[i] = session
		})
	}
	calls.Wait()
	if diff := cmp.Diff(slices.Repeat([]string{"6201access2"}, len(sessions)), sessions); diff != "" {
		t.Errorf("the sessions (-want +got):\n%s", diff)
	}
	s.wantLog("claim", "refresh_token", "put")
}
