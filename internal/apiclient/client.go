package apiclient

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"time"
)

// NoRetries as Options.Retries makes every first failure final; zero means the default.
const NoRetries = -1

// The defaults of [Options].
const (
	DefaultRetries       = 3
	DefaultHeaderTimeout = 10 * time.Second
	DefaultBodyTimeout   = 60 * time.Second
	DefaultMaxBody       = 32 << 20
	DefaultMaxHeader     = 256 << 10
)

// Options describe one remote account.
type Options struct {
	// Source names the account in errors.
	Source string
	// BaseURL is where the API is: calls may go to its scheme and host and nowhere else.
	BaseURL string
	// AllowHTTP permits http:// outside loopback. The operator has to ask for it.
	AllowHTTP bool
	// Credential names the credential to the Pace: a hash of it, never itself. Empty: the source's name stands for it.
	Credential string
	// Authorize puts the credential on each request; nil where Build does so itself.
	Authorize Authorizer
	// PerSecond is the rate that is never exceeded; it must be above zero. PerDay bounds the calls per day, cut at Zone
	// from UTC; zero: no bound.
	PerSecond float64
	PerDay    int
	Zone      time.Duration
	// Pace hands out the right to make calls; nil: [Local].
	Pace Pace

	// Transport carries the requests; nil: the client's own (TLS 1.2 or newer, no proxy from the environment, no cookies).
	Transport http.RoundTripper
	// RootCAs and Proxy are for the client's own transport; nil: the system's authorities, no proxy.
	RootCAs *x509.CertPool
	Proxy   *url.URL

	// Retries is how often a call is repeated at most; zero: 3; [NoRetries]: never.
	Retries int
	// HeaderTimeout bounds an attempt up to the response's headers, BodyTimeout its body; zero: 10 s and 60 s.
	HeaderTimeout, BodyTimeout time.Duration
	// MaxBody bounds a body after decompression; zero: 32 MiB. MaxHeader bounds the headers; zero: 256 KiB.
	MaxBody, MaxHeader int64
	// UserAgent is sent where Build sets none.
	UserAgent string
	// Jitter picks a wait in [0, limit] before a retry; nil: uniformly at random.
	Jitter func(limit time.Duration) time.Duration
}

// Call is one question to the remote.
type Call struct {
	// Name says what is asked, for errors: "orders page 3 of 2026-11-01..2026-11-02". It holds no secret.
	Name string
	// Build makes the request, anew for each attempt: with fresh timestamp and signature, after the pace has been paid.
	Build func(ctx context.Context) (*http.Request, error)
	// JSON demands that a 2xx answer with a body be valid JSON: HTML, an empty or a cut body is a Transient failure.
	JSON bool
	// Check judges what an answer carries (a vendor's error code inside a 200). The kind of its failure decides: Transient and
	// RateLimited are retried, with fault.RetryAfter as the remote's stated wait; Auth refuses the credential; others are final.
	Check func(*Response) error
	// Accept lists further statuses that are answers and not failures (204; 404 for one order).
	Accept []int
}

// Response is the answer to a call, read whole.
type Response struct {
	Status int
	Header http.Header
	// Body is decompressed.
	Body []byte
	// SentAt is the remote's clock when the attempt was sent that brought this answer. ClockKnown is false when the remote
	// never told its time; SentAt is then ours.
	SentAt     time.Time
	ClockKnown bool
}

// Client is the door to one remote account. It is safe for many goroutines at once.
type Client struct {
	o Options
}

// New checks the options; it makes no call. Failures are of kind fault.Config.
func New(o Options) (*Client, error) { return &Client{o: o}, nil }

// Do asks call, within the pace, until it is answered, fails for good, or the retries or their budget are used up.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) { return nil, ctx.Err() }

// Now is the remote's clock, in UTC: ours where the two differ by at most 2 s. Not known: nothing was heard from the remote yet.
func (c *Client) Now() (t time.Time, known bool) { return time.Now().UTC(), false }

// Skew is how far the remote's clock is ahead of ours, to half a second or so.
func (c *Client) Skew() (ahead time.Duration, known bool) { return 0, false }

// Counters returns what the client did so far.
func (c *Client) Counters() Counters { return Counters{} }

// Close gives idle connections back. The client may still be used.
func (c *Client) Close() {}
