package apiclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"ordersync/internal/fault"
)

// Authorizer puts a source's credential on each of its requests; made by [Bearer], [Header], [Basic], [Query] and [OAuth2].
// Secrets are given as functions, asked for each request, so that no value that could be printed holds one.
type Authorizer interface {
	// ready makes sure that the credential is at hand.
	ready(ctx context.Context, c *Client) error
	// sign puts it on a request, and returns which generation of it that is.
	sign(r *http.Request) (generation int, err error)
	// stale is told that the remote did not know a generation. It reports whether a new one may be had.
	stale(generation int) bool
}

// Bearer sends "Authorization: Bearer TOKEN".
func Bearer(token func() string) Authorizer { return Header("Authorization", "Bearer ", token) }

// Header sends the header name with prefix and value.
func Header(name, prefix string, value func() string) Authorizer {
	return static(func(r *http.Request) error { return setHeader(r, name, prefix, value()) })
}

// Basic sends user and password as RFC 7617 says.
func Basic(user, password func() string) Authorizer {
	return static(func(r *http.Request) error {
		r.SetBasicAuth(user(), password())
		return nil
	})
}

// Query adds parameters to the address of each request. They appear in no error; the remote's own logs are another matter.
func Query(parameters map[string]func() string) Authorizer {
	return static(func(r *http.Request) error {
		query := r.URL.Query()
		for name, value := range parameters {
			query.Set(name, value())
		}
		r.URL.RawQuery = query.Encode()
		return nil
	})
}

// static is a credential that is always at hand and has one generation.
type static func(r *http.Request) error

func (s static) ready(context.Context, *Client) error             { return nil }
func (s static) sign(r *http.Request) (generation int, err error) { return 0, s(r) }
func (s static) stale(int) bool                                   { return false }

// setHeader refuses what would break the header; net/http would quote its name only, but after the pace was paid.
func setHeader(r *http.Request, name, prefix, value string) error {
	if value == "" || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return fault.Errorf(fault.Config, "the credential for the header %s is empty or holds a line break or another control character", name)
	}
	r.Header.Set(name, prefix+value)
	return nil
}

// OAuth2Options describe how a token is got with client credentials (RFC 6749, 4.4).
type OAuth2Options struct {
	TokenURL     string
	ClientID     string
	ClientSecret func() string
	Scopes       []string
	// InHeader sends id and secret as Basic; else they are fields of the form.
	InHeader bool
	// Header and Prefix say where the token goes; an empty Header: "Authorization" with "Bearer ".
	Header, Prefix string
}

// OAuth2 fetches a token through the client, paying the pace, keeps it in memory and renews it early: five minutes before its
// end, or after three quarters of a shorter life. All calls wait for one renewal. A 401 drops the token and renews it once per
// call. An authorizer serves one client.
func OAuth2(o OAuth2Options) Authorizer {
	if o.Header == "" {
		o.Header, o.Prefix = "Authorization", cmp.Or(o.Prefix, "Bearer ")
	}
	return &oauth{o: o}
}

const earlyRenewal = 5 * time.Minute

type oauth struct {
	o    OAuth2Options
	line line // whoever has the turn fetches

	mu         sync.Mutex
	token      func() string // boxed, so that printing us does not show it; nil before the first
	dropped    bool          // the remote does not know the token any more
	until      time.Time     // zero: for ever
	generation int
}

func (a *oauth) ready(ctx context.Context, c *Client) error {
	if a.fresh() {
		return nil
	}
	if err := a.line.join(ctx, func(int) {}); err != nil {
		return errEnded
	}
	defer a.line.leave()
	if a.fresh() {
		return nil
	}
	token, err := a.fetch(ctx, c)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token, a.dropped, a.until = func() string { return token.AccessToken }, false, time.Time{}
	a.generation++
	if !token.Expiry.IsZero() {
		a.until = token.Expiry.Add(-min(earlyRenewal, time.Until(token.Expiry)/4))
	}
	return nil
}

func (a *oauth) fresh() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token != nil && !a.dropped && (a.until.IsZero() || time.Now().Before(a.until))
}

func (a *oauth) sign(r *http.Request) (generation int, err error) {
	a.mu.Lock()
	token, generation := a.token, a.generation
	a.mu.Unlock()
	return generation, setHeader(r, a.o.Header, a.o.Prefix, token())
}

func (a *oauth) stale(generation int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if generation == a.generation { // else another call has renewed it already
		a.dropped = true
	}
	return true
}

// fetch asks for a token once. Errors of x/oauth2 quote the answer, so none is passed on.
func (a *oauth) fetch(ctx context.Context, c *Client) (*oauth2.Token, error) {
	trip, err := c.pay(ctx)
	if err != nil {
		return nil, err
	}
	defer trip.end(false)
	asking := &tokenTransport{client: c, trip: trip}
	config := &clientcredentials.Config{
		ClientID:     a.o.ClientID,
		ClientSecret: a.o.ClientSecret(),
		TokenURL:     a.o.TokenURL,
		Scopes:       a.o.Scopes,
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	if a.o.InHeader {
		config.AuthStyle = oauth2.AuthStyleInHeader
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     asking,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return nil, errEnded
	case asking.failure != nil:
		err = asking.failure
	default:
		err = fault.Errorf(fault.Protocol, "the answer holds no token")
	}
	return nil, fmt.Errorf("token from %s: %w", asking.place, c.settle(ctx, err))
}

// tokenTransport carries x/oauth2's request through the client's limits and keeps what went wrong.
type tokenTransport struct {
	client  *Client
	trip    *trip
	place   string
	failure error
}

func (t *tokenTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.place = request.Method + " " + request.URL.Host + request.URL.EscapedPath()
	answer, err := t.client.exchange(request.Context(), t.trip, request, func(status int) bool { return status == http.StatusOK })
	if err == nil && answer.status != http.StatusOK {
		err = t.client.statusFailure(answer)
		if answer.status == http.StatusBadRequest { // RFC 6749, 5.2: the credential, or what it may do, is refused
			err = fault.New(fault.Auth, &StatusError{Status: answer.status})
		}
	}
	if err != nil {
		t.failure = err
		return nil, errors.New("no token")
	}
	return &http.Response{
		StatusCode:    answer.status,
		Header:        answer.header,
		Body:          io.NopCloser(bytes.NewReader(answer.body)),
		ContentLength: int64(len(answer.body)),
		Request:       request,
	}, nil
}
