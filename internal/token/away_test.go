package token_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/token"
)

// memory is a store that can be away.
type memory struct {
	row  *token.Row
	away bool
}

var errAway = fault.Errorf(fault.Database, "the database is away")

func (m *memory) Token(context.Context, string) (*token.Row, error) {
	if m.away {
		return nil, errAway
	}
	return m.row, nil
}

func (m *memory) PutToken(_ context.Context, _ string, row token.Row, over int64) (bool, error) {
	if m.away {
		return false, errAway
	}
	if over > 0 && (m.row == nil || m.row.Revision != over) {
		return false, nil
	}
	m.row = &row
	return true, nil
}

func (m *memory) ClaimToken(context.Context, string, int64, time.Duration) (bool, error) {
	return true, nil
}

// granting answers every question with the next token; then is called before. Bare tokens come without a refresh token.
type granting struct {
	count int
	then  func()
	bare  bool
	down  bool
}

func (g *granting) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	if g.down {
		return nil, errors.New("no route")
	}
	if g.then != nil {
		g.then()
	}
	g.count++
	body := fmt.Sprintf(`{"access_token":"6201access%d","expires_in":86400,"refresh_token":"6200refresh%d","re_expires_in":2592000}`, g.count, g.count)
	if g.bare {
		body = fmt.Sprintf(`{"access_token":"6201access%d","expires_in":86400}`, g.count)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

// awayScene is a vault whose store goes away while the platform answers.
func awayScene(t *testing.T) (v *token.Vault, store *memory, platform *granting) {
	t.Helper()
	store, platform = &memory{}, &granting{}
	client, err := apiclient.New(apiclient.Options{Source: "tokens", BaseURL: "https://oauth.example", PerSecond: 1000, Transport: platform})
	if err != nil {
		t.Fatal(err)
	}
	e, err := token.NewEndpoint(token.EndpointOptions{
		Source: source, Client: client, Address: "https://oauth.example", AppKey: appKey, AppSecret: func() string { return appSecret },
		RedirectURI: redirectURI,
	})
	if err != nil {
		t.Fatal(err)
	}
	return token.New(token.Options{Source: source, Store: store, Seal: newBox(t), Endpoint: e}), store, platform
}

// A renewed token that the store did not take for long is kept for it. When the vault is given up it is stored, before another one renews
// with a refresh token that is worthless already; where it cannot be, that is told.
func TestUnstoredAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store, platform := awayScene(t)
		if err := v.Grant(t.Context(), "code-1"); err != nil {
			t.Fatal(err)
		}
		if err := v.Close(); err != nil {
			t.Errorf("with nothing to store: %v", err)
		}
		time.Sleep(20 * time.Hour)
		platform.then = func() { store.away = true }
		if got, err := v.Session(t.Context()); err == nil || fault.KindOf(err) != fault.Database {
			t.Errorf("the session is %q, %v while the new one is not stored", got, err)
		}
		err := v.Close()
		told, _ := errors.AsType[*token.Error](err)
		if fault.KindOf(err) != fault.Database || told == nil || !strings.Contains(told.Remedy(), "ordersyncd authorize tmall-flagship") {
			t.Errorf("while the store is away: %v, %v", err, told)
		}
		store.away = false
		if err := v.Close(); err != nil || store.row.Revision != 2 {
			t.Errorf("revision %d is stored, %v", store.row.Revision, err)
		}
		if got, err := v.Session(t.Context()); err != nil || got != "6201access2" {
			t.Errorf("the session is %q, %v", got, err)
		}
	})
}

// A code works once: what was granted and could not be stored is lost with the process that asked, and the next command says so.
func TestGrantedAndNotStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store, platform := awayScene(t)
		platform.then = func() { store.away = true }
		err := v.Grant(t.Context(), "code-1")
		told, _ := errors.AsType[*token.Error](err)
		if fault.KindOf(err) != fault.Database || told == nil || !strings.Contains(told.Remedy(), "ordersyncd authorize tmall-flagship") {
			t.Errorf("got %v, %v", err, told)
		}
		if strings.Contains(err.Error(), "with the old one") {
			t.Errorf("nobody reads with an old one here: %v", err)
		}
	})
}

// A renewal that brings no refresh token leaves the one that there is (RFC 6749, section 6).
func TestRenewedWithoutARefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _, platform := awayScene(t)
		if err := v.Grant(t.Context(), "code-1"); err != nil {
			t.Fatal(err)
		}
		platform.bare = true
		for count := 2; count <= 4; count++ {
			time.Sleep(20 * time.Hour)
			if got, err := v.Session(t.Context()); err != nil || got != fmt.Sprintf("6201access%d", count) {
				t.Fatalf("the session is %q, %v; want number %d", got, err, count)
			}
		}
		if !v.State().Renewable {
			t.Error("it cannot be renewed any more")
		}
	})
}

// A token that has ended and could not be renewed is not sent: the platform would refuse it, and the refusal would hide what is wrong. The
// next attempt comes with its time.
func TestEndedIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, _, platform := awayScene(t)
		if err := v.Grant(t.Context(), "code-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		platform.down = true
		for asked := range 3 {
			if got, err := v.Session(t.Context()); fault.KindOf(err) != fault.Transient {
				t.Errorf("asked %d times: the session is %q, %v", asked+1, got, err)
			}
		}
		platform.down = false
		time.Sleep(6 * time.Minute)
		if got, err := v.Session(t.Context()); err != nil || got != "6201access2" {
			t.Errorf("the session is %q, %v", got, err)
		}
	})
}
