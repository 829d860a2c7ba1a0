package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

// The addresses below which /authorize and /token lie, of the platform and of its sandbox.
const (
	Production = "https://oauth.taobao.com"
	Sandbox    = "https://oauth.tbsandbox.com"
)

// EndpointOptions describe who grants tokens to an app.
type EndpointOptions struct {
	// Source is named in errors.
	Source string
	// Client is one for this host alone: what happens here must not stop the calls to the gateway.
	Client *apiclient.Client
	// Address is where /authorize and /token lie, such as [Production].
	Address   string
	AppKey    string
	AppSecret func() string
	// RedirectURI is the app's callback as it is registered; empty: tokens can be renewed and not be granted.
	RedirectURI string
}

// Endpoint grants and renews tokens, by the rules of OAuth 2.0 as the open platform speaks it. It is safe for many goroutines at once.
type Endpoint struct {
	o EndpointOptions
}

// NewEndpoint checks the options; it makes no call. Failures are of kind fault.Config.
func NewEndpoint(o EndpointOptions) (*Endpoint, error) {
	at, err := url.Parse(o.Address)
	switch {
	case err != nil || at.Host == "" || at.RawQuery != "" || at.Fragment != "":
		return nil, fault.Errorf(fault.Config, "the address for authorisations is not one like %s", Production)
	case o.Client == nil || o.AppSecret == nil || o.AppKey == "":
		return nil, fault.Errorf(fault.Config, "an app key, its secret and a client are needed for authorisations")
	}
	o.Address = strings.TrimRight(o.Address, "/")
	return &Endpoint{o: o}, nil
}

// Invitation is the address that the owner of the shop opens. What the page answers comes back with the same state.
func (e *Endpoint) Invitation(state string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {e.o.AppKey}, "redirect_uri": {e.o.RedirectURI}, "state": {state}, "view": {"web"},
	}
	return e.o.Address + "/authorize?" + query.Encode()
}

// Exchange turns the code of an answer into a token. A code works once.
func (e *Endpoint) Exchange(ctx context.Context, code string) (*Token, error) {
	return e.ask(ctx, "exchange the code", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {e.o.RedirectURI},
	})
}

// Renew turns a refresh token into the next token. The old one is worthless from then on, whether or not the answer arrives.
func (e *Endpoint) Renew(ctx context.Context, refresh Secret) (*Token, error) {
	return e.ask(ctx, "renew the token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}})
}

// ask judges outside the client, whose own judgement of a refusal would be remembered against the code that is typed next.
func (e *Endpoint) ask(ctx context.Context, what string, form url.Values) (*Token, error) {
	form.Set("client_id", e.o.AppKey)
	form.Set("client_secret", e.o.AppSecret())
	what += " of " + e.o.Source
	response, err := e.o.Client.Do(ctx, apiclient.Call{
		Name: what, JSON: true, Accept: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
		Build: func(ctx context.Context) (*http.Request, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.o.Address+"/token", strings.NewReader(form.Encode()))
			if err != nil {
				return nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			return r, nil
		},
	})
	if err != nil {
		return nil, err
	}
	token, err := parse(response.Body, response.SentAt)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		refusal.hide(form)
		return nil, fmt.Errorf("%s: %w", what, e.judge(form.Get("grant_type"), refusal))
	}
	if err != nil || response.Status != http.StatusOK {
		return nil, fault.Errorf(fault.Protocol, "%s: the answer (%d) holds no token", what, response.Status)
	}
	return token, nil
}

// Refusal is an error of OAuth in the platform's own words.
type Refusal struct {
	Word, Description string
}

func (r *Refusal) Error() string {
	if r.Description == "" {
		return "the platform refuses: " + r.Word
	}
	return fmt.Sprintf("the platform refuses: %s (%s)", r.Word, r.Description)
}

// longestWords bounds what is quoted of the platform's words.
const longestWords = 200

// hide takes out of the platform's words what was sent, and what breaks a line.
func (r *Refusal) hide(form url.Values) {
	for _, text := range []*string{&r.Word, &r.Description} {
		for _, name := range []string{"client_secret", "code", "refresh_token"} {
			if secret := form.Get(name); secret != "" {
				*text = strings.ReplaceAll(*text, secret, "***")
			}
		}
		*text = strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f {
				return ' '
			}
			return c
		}, strings.ToValidUTF8(*text, "\uFFFD"))
		if runes := []rune(*text); len(runes) > longestWords {
			*text = string(runes[:longestWords]) + "…"
		}
	}
}

// judge says who has to act on a refusal.
func (e *Endpoint) judge(grant string, r *Refusal) error {
	words := strings.ToLower(r.Word + " " + r.Description)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(words, part) })
	}
	switch {
	case has("server_error", "temporarily_unavailable"):
		return fault.New(fault.Transient, r)
	case has("redirect_uri"):
		return fault.New(fault.Config, &Error{Err: r, Fix: fmt.Sprintf(
			"Write the callback address that the open platform has for the app under redirect_uri of %s; host and path must be the same.", e.o.Source)})
	case grant == "refresh_token":
		return fault.New(fault.Auth, &Error{Err: r, Fix: fmt.Sprintf(
			"The owner of the shop has to authorise again: type 'ordersyncd authorize %s'.", e.o.Source)})
	case has("code", "invalid_grant"):
		return fault.New(fault.Auth, &Error{Err: r, Fix: fmt.Sprintf(
			"A code works once and for half an hour: type 'ordersyncd authorize %s' again, and take the code of the new page.", e.o.Source)})
	case has("invalid_client", "unauthorized_client", "secret", "client_id"):
		return fault.New(fault.Auth, &Error{Err: r, Fix: fmt.Sprintf(
			"See that app_key and app_secret of %s are those that the open platform shows, and that the app is released.", e.o.Source)})
	}
	return fault.New(fault.Auth, &Error{Err: r, Fix: fmt.Sprintf(
		"Type 'ordersyncd authorize %s' again; if it is refused again, ask the open platform with these words.", e.o.Source)})
}

// Error is a failure with what to do about it.
type Error struct {
	Err error
	Fix string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Remedy is one sentence for whoever has to act.
func (e *Error) Remedy() string { return e.Fix }
