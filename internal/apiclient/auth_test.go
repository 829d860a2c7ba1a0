package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
)

func secret(text string) func() string { return func() string { return text } }

func TestStaticAuthorizers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		authorizer   Authorizer
		header, want string
	}{
		"bearer": {authorizer: Bearer(secret("abc")), header: "Authorization", want: "Bearer abc"},
		"header": {authorizer: Header("X-Auth-Token", "", secret("abc")), header: "X-Auth-Token", want: "abc"},
		"basic":  {authorizer: Basic(secret("key"), secret("")), header: "Authorization", want: "Basic a2V5Og=="},
		"query":  {authorizer: Query(map[string]func() string{"key": secret("a b+c")})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got *http.Request
				c := client(t, remote(func(r *http.Request) (*http.Response, error) {
					got = r
					return answering(200, "{}"), nil
				}), func(o *Options) { o.Authorize = test.authorizer })
				ask(t, c)
				if test.header != "" && got.Header.Get(test.header) != test.want {
					t.Errorf("%s is %q", test.header, got.Header.Get(test.header))
				}
				if query := got.URL.Query(); query.Get("since") != "2026-11-01" || test.header == "" && query.Get("key") != "a b+c" {
					t.Errorf("query %v", query)
				}
			})
		})
	}
}

func TestUnusableCredentialIsNotSent(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "CANARY\n", "CANARY\r\nX-Admin: 1", "\x00CANARY"} {
		synctest.Test(t, func(t *testing.T) {
			sent := &sends{to: always(200, "{}")}
			_, err := client(t, sent, func(o *Options) { o.Authorize = Bearer(secret(value)) }).Do(t.Context(), orders(base))
			mustContain(t, err, "credential for the header Authorization")
			if fault.KindOf(err) != fault.Config || len(sent.times) != 0 || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%d calls, kind %v, %v", len(sent.times), fault.KindOf(err), err)
			}
		})
	}
}

// shop is an API in memory with tokens.
type shop struct {
	mu             sync.Mutex
	fetches, calls int
	lifetime       int // of a token, in seconds
	revoked        int // tokens up to this number
	token          *http.Response
	forms          []string
}

func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/token" {
		s.fetches++
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		user, _, _ := r.BasicAuth()
		s.forms = append(s.forms, user+" "+r.PostForm.Encode())
		if s.token != nil {
			return s.token, nil
		}
		body := fmt.Sprintf(`{"access_token": "CANARY-%d", "token_type": "bearer", "expires_in": %d}`, s.fetches, s.lifetime)
		return answering(200, body, "Content-Type", "application/json", "Date", "Mon, 01 Jan 2001 00:00:00 GMT"), nil
	}
	s.calls++
	for n := s.revoked + 1; n <= s.fetches; n++ {
		if r.Header.Get("X-Token") == fmt.Sprintf("t CANARY-%d", n) {
			return answering(200, "{}"), nil
		}
	}
	return answering(401, "CANARY is no token"), nil
}

func tokenClient(t *testing.T, s *shop, change ...func(*Options)) *Client {
	authorizer := OAuth2(OAuth2Options{
		TokenURL: "https://login.example/token", ClientID: "me", ClientSecret: secret("CANARY secret"),
		Scopes: []string{"read_orders"}, Header: "X-Token", Prefix: "t ",
	})
	return client(t, s, append(change, func(o *Options) { o.Authorize = authorizer })...)
}

func TestOAuth2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{lifetime: 3600}
		c := tokenClient(t, s)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { ask(t, c) })
		}
		callers.Wait()
		if s.fetches != 1 || s.calls != 20 || c.Counters().Attempts != 21 {
			t.Fatalf("%d tokens for %d calls, %+v", s.fetches, s.calls, c.Counters())
		}
		if want := " client_id=me&client_secret=CANARY+secret&grant_type=client_credentials&scope=read_orders"; s.forms[0] != want {
			t.Errorf("form %q", s.forms[0])
		}
		if text := fmt.Sprintf("%+v %#v %+v", c.o.Authorize, c.o.Authorize, c.o); strings.Contains(text, "CANARY") {
			t.Errorf("a secret shows in %s", text)
		}
		if skew, known := c.Skew(); known {
			t.Errorf("the clock of another host was believed: %v", skew)
		}
		time.Sleep(54 * time.Minute)
		ask(t, c)
		if s.fetches != 1 {
			t.Errorf("renewed after 54 of 60 minutes")
		}
		time.Sleep(time.Minute + time.Second)
		ask(t, c)
		if s.fetches != 2 {
			t.Errorf("not renewed after 55 of 60 minutes")
		}
	})
}

func TestOAuth2ShortAndEndlessTokens(t *testing.T) {
	t.Parallel()
	for lifetime, want := range map[int]int{60: 4, 0: 1} {
		synctest.Test(t, func(t *testing.T) {
			s := &shop{lifetime: lifetime}
			c := tokenClient(t, s)
			for range 20 {
				ask(t, c)
				time.Sleep(10 * time.Second)
			}
			if s.fetches != want {
				t.Errorf("%d tokens of %d s in 200 s", s.fetches, lifetime)
			}
		})
	}
}

func faultOauth2RenewsOnceOn401(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, pace := &shop{lifetime: 3600}, &telling{Pace: Local()}
		c := tokenClient(t, s, func(o *Options) { o.Pace = pace })
		ask(t, c)
		s.revoked = 1
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() { ask(t, c) })
		}
		callers.Wait()
		if s.fetches != 2 || pace.refuses != 0 {
			t.Errorf("%d tokens, %d refusals", s.fetches, pace.refuses)
		}
		s.revoked, s.calls = 99, 0
		_, err := c.Do(t.Context(), orders(base))
		mustContain(t, err, "orders page 1: GET shop.example/orders/list: 401 Unauthorized")
		if fault.KindOf(err) != fault.Auth || s.fetches != 3 || s.calls != 2 || pace.refuses != 1 {
			t.Errorf("%d tokens, %d calls, %d refusals, %v", s.fetches, s.calls, pace.refuses, err)
		}
	})
}

func TestOAuth2Failures(t *testing.T) {
	t.Parallel()
	body := `{"error": "invalid_client", "error_description": "CANARY"}`
	for name, test := range map[string]struct {
		token   *http.Response
		kind    fault.Kind
		text    string
		fetches int
	}{
		"400":      {token: answering(400, body), kind: fault.Auth, text: "400 Bad Request", fetches: 1},
		"401":      {token: answering(401, body), kind: fault.Auth, text: "401 Unauthorized", fetches: 1},
		"404":      {token: answering(404, body), kind: fault.Protocol, text: "404 Not Found", fetches: 1},
		"302":      {token: answering(302, "", "Location", "https://evil.example/?CANARY"), kind: fault.Protocol, text: "302 Found", fetches: 1},
		"503":      {token: answering(503, body), kind: fault.Transient, text: "503 Service Unavailable", fetches: 4},
		"no token": {token: answering(200, body, "Content-Type", "application/json"), kind: fault.Protocol, text: "holds no token", fetches: 1},
		"no JSON":  {token: answering(200, "<p>CANARY"), kind: fault.Protocol, text: "holds no token", fetches: 1},
		"limited":  {token: answering(429, "", "Retry-After", "90"), kind: fault.RateLimited, text: "429", fetches: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, pace := &shop{token: test.token}, &telling{Pace: Local()}
				_, err := tokenClient(t, s, func(o *Options) { o.Pace = pace }).Do(t.Context(), orders(base))
				mustContain(t, err, "orders page 1: token from POST login.example/token: ", test.text)
				if fault.KindOf(err) != test.kind || s.fetches != test.fetches || s.calls != 0 {
					t.Errorf("%d token requests, %d calls, kind %v, %v", s.fetches, s.calls, fault.KindOf(err), err)
				}
				if refused := pace.refuses == 1; refused != (test.kind == fault.Auth) {
					t.Errorf("%d refusals", pace.refuses)
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), "CANARY") {
						t.Errorf("a secret shows in %#v", e)
					}
				}
			})
		})
	}
}

func TestOAuth2InHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		c := client(t, s, func(o *Options) {
			o.Authorize = OAuth2(OAuth2Options{TokenURL: base + "/token",
				ClientID: "me", ClientSecret: secret("x"), InHeader: true, Header: "X-Token", Prefix: "t "})
		})
		ask(t, c)
		if want := "me grant_type=client_credentials"; s.forms[0] != want {
			t.Errorf("form %q", s.forms[0])
		}
	})
}

func TestCancellationWhileATokenIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("the daemon stops")
		ctx, cancel := context.WithCancelCause(t.Context())
		authorizer := OAuth2(OAuth2Options{TokenURL: base + "/token", ClientID: "me", ClientSecret: secret("x")})
		c := client(t, remote(hanging), func(o *Options) { o.Authorize = authorizer })
		time.AfterFunc(3*time.Second, func() { cancel(stop) })
		var callers sync.WaitGroup
		for range 2 { // one fetches, one waits for it
			callers.Go(func() {
				if _, err := c.Do(ctx, orders(base)); !errors.Is(err, stop) || fault.KindOf(err) != 0 {
					t.Errorf("kind %v, %v", fault.KindOf(err), err)
				}
			})
		}
		callers.Wait()
	})
}
