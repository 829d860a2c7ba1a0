package apiclient

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"ordersync/internal/fault"
)

// checkedURL parses a configured address. It is never quoted in an error: a password may stand in it.
func checkedURL(what, address string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, fault.Errorf(fault.Config, "%s is not an address like https://api.example.com", what)
	case u.User != nil:
		return nil, fault.Errorf(fault.Config, "%s holds a user or password: they belong into auth", what)
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, fault.Errorf(fault.Config, "%s must begin with https://", what)
	case !allowHTTP && !Loopback(u.Hostname()):
		return nil, fault.Errorf(fault.Config, "%s on %s must begin with https://: http:// would show the credential to the network",
			what, u.Host)
	}
	return u, nil
}

// Loopback reports whether a host name can only mean this machine: what is not encrypted goes nowhere else.
func Loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// originOf is scheme, host and port of an address, written in one way.
func originOf(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port)
}

// checkTarget refuses a request that would leave the configured host.
func (c *Client) checkTarget(request *http.Request) error {
	if request.URL == nil || request.URL.User != nil {
		return fault.Errorf(fault.Internal, "a request without an address, or with a password in it")
	}
	return c.checkOrigin("the request", request.URL)
}

func (c *Client) checkOrigin(what string, u *url.URL) error {
	if originOf(u) == c.origin {
		return nil
	}
	host := u.Host
	if len(host) > 255 {
		host = host[:255]
	}
	return fault.Errorf(fault.Protocol, "%s %w, %s: it was not followed", what, ErrElsewhere, strconv.Quote(host))
}

// redirect returns the request that a 3xx answer asks for: only within the configured host, and only where nothing was to be
// changed. The answer's Location is quoted nowhere but for its host.
func (c *Client) redirect(request *http.Request, answer *exchange) (*http.Request, error) {
	status := &StatusError{Status: answer.status}
	location, err := url.Parse(answer.header.Get("Location"))
	if err != nil || answer.header.Get("Location") == "" {
		return nil, fault.Errorf(fault.Protocol, "%w without a usable address", status)
	}
	target := request.URL.ResolveReference(location)
	if err := c.checkOrigin(status.Error()+": the redirect", target); err != nil {
		return nil, err
	}
	if target.User != nil || request.Method != http.MethodGet && request.Method != http.MethodHead {
		return nil, fault.Errorf(fault.Protocol, "%w: a %s is not repeated elsewhere", status, request.Method)
	}
	next := request.Clone(request.Context())
	next.URL, next.Host, next.Body, next.GetBody, next.ContentLength = target, "", nil, nil, 0
	return next, nil
}

// redirected reports whether a status asks to go elsewhere.
func redirected(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
