// Package courier carries single requests to the services that alerts go to, at once or in the background.
//
// It promises: TLS 1.2 or newer outside this machine; no redirect followed, no cookie, no proxy of the environment; every exchange ends
// within its time; answers are read up to a bound; no error quotes an address, which may be a secret.
package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

const (
	dialTimeout = 5 * time.Second
	tlsTimeout  = 10 * time.Second
	idleTimeout = 30 * time.Second
	maxHeader   = 64 << 10
	// maxBody is how much of an answer is read; robots answer with a line.
	maxBody = 64 << 10
)

// userAgent is how we introduce ourselves.
const userAgent = "ordersync"

// Courier carries requests. It is safe for many goroutines at once.
type Courier struct {
	transport http.RoundTripper
	timeout   time.Duration
}

// New makes a courier whose exchanges end within the timeout, from the dial to the end of the answer. A nil transport is one of its own.
func New(transport http.RoundTripper, timeout time.Duration) *Courier {
	if transport == nil {
		transport = newTransport()
	}
	return &Courier{transport: transport, timeout: timeout}
}

// newTransport is used without an http.Client, so that there are no cookies, no redirects and no url.Error, which would show the address.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:              protocols,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // so that the bound on the body is one on memory
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    2,
	}
}

// Rest closes the connections that nobody uses.
func (c *Courier) Rest() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Errand is one request.
type Errand struct {
	Method string
	// URL is a secret.
	URL    string
	Header http.Header
	Body   []byte
	// Reads says that the body of the answer matters: without it the errand failed.
	Reads bool
}

// Answer is what came back, whatever the status.
type Answer struct {
	Status int
	Header http.Header
	// Body is the first 64 KiB of it.
	Body []byte
	// At is when it came.
	At time.Time
}

// Run does the errand. Its failures are of the kinds fault.Transient and fault.Config (an address or a certificate that cannot work), and
// without a kind when ctx was ended on purpose; an answer is none, whatever its status: see [Answer.Failure].
func (c *Courier) Run(ctx context.Context, e Errand) (*Answer, error) {
	if err := Check("the address", e.URL); err != nil {
		return nil, err
	}
	late := &lateError{after: c.timeout}
	timed, cancel := context.WithTimeoutCause(ctx, c.timeout, late)
	defer cancel()
	request, err := http.NewRequestWithContext(timed, e.Method, e.URL, bytes.NewReader(e.Body))
	if err != nil { // its text quotes the address
		return nil, fault.Errorf(fault.Config, "the address cannot be used")
	}
	maps.Copy(request.Header, e.Header)
	request.Header.Set("User-Agent", userAgent)
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, explain(ctx, timed, err)
	}
	defer response.Body.Close()
	answer := &Answer{Status: response.StatusCode, Header: response.Header, At: time.Now()}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil && e.Reads {
		if timed.Err() != nil {
			return nil, explain(ctx, timed, err)
		}
		return nil, fault.Errorf(fault.Transient, "the answer was cut short")
	}
	return answer, nil
}

// lateError says that an exchange took too long.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string        { return fmt.Sprintf("no answer within %s", e.after) }
func (e *lateError) Timeout() bool        { return true }
func (e *lateError) Is(target error) bool { return target == context.DeadlineExceeded }

// Check says what is wrong with an address that requests shall go to; what names it: "the address of the webhook ops". Errors are of the
// kind fault.Config and do not quote it.
func Check(what, address string) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return fault.Errorf(fault.Config, "%s is empty", what)
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return fault.Errorf(fault.Config, "%s is not one like https://example.com/path", what)
	case u.User != nil:
		return fault.Errorf(fault.Config, "%s holds a user or password: such are not sent", what)
	case u.Scheme == "https":
	case u.Scheme != "http":
		return fault.Errorf(fault.Config, "%s must begin with https://", what)
	case !apiclient.Loopback(u.Hostname()):
		return fault.Errorf(fault.Config, "%s must begin with https://: http:// would show it to the network", what)
	}
	return nil
}

// Transient is a failure that passes, with the pause that was asked for; zero: none.
func Transient(wait time.Duration, format string, args ...any) error {
	return &fault.Error{Kind: fault.Transient, RetryAfter: wait, Err: fmt.Errorf(format, args...)}
}

// explain words the failure of an exchange; ctx is the caller's, timed the one with our own limit.
func explain(ctx, timed context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return fault.Errorf(fault.Transient, "no answer in time: %w", context.DeadlineExceeded)
	case ctx.Err() != nil:
		return fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	if late, ok := errors.AsType[*lateError](context.Cause(timed)); ok {
		return fault.New(fault.Transient, late)
	}
	return classify(err)
}
