package apiclient

import (
	"context"
	"net/http"
)

// Authorizer puts a source's credential on each of its requests; made by [Bearer], [Header], [Basic], [Query] and [OAuth2].
// Secrets are given as functions, so that no value that could be printed holds one.
type Authorizer interface {
	ready(ctx context.Context, c *Client) error
	sign(r *http.Request) (generation int, err error)
	stale(generation int) bool
}

// Bearer sends "Authorization: Bearer TOKEN".
func Bearer(token func() string) Authorizer { return nil }

// Header sends the header name with prefix and value.
func Header(name, prefix string, value func() string) Authorizer { return nil }

// Basic sends user and password as RFC 7617 says.
func Basic(user, password func() string) Authorizer { return nil }

// Query adds parameters to the address of each request.
func Query(parameters map[string]func() string) Authorizer { return nil }

// OAuth2Options describe how a token is got with client credentials (RFC 6749, 4.4).
type OAuth2Options struct {
	TokenURL     string
	ClientID     string
	ClientSecret func() string
	Scopes       []string
	// InHeader sends id and secret as Basic; else they are fields of the form.
	InHeader bool
	// Header and Prefix say where the token goes; empty: "Authorization" and "Bearer ".
	Header, Prefix string
}

// OAuth2 fetches a token through the client, keeps it in memory and renews it early; a 401 renews it once per call.
func OAuth2(o OAuth2Options) Authorizer { return nil }
