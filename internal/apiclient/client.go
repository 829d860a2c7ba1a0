package apiclient

import (
	"cmp"
	"context"
	"crypto/x509"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"ordersync/internal/fault"
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
	// Source is the account's name. It stands for the credential where that has no name.
	Source string
	// BaseURL is where the API is: calls may go to its scheme and host and nowhere else.
	BaseURL string
	// AllowHTTP permits http:// outside loopback. The operator has to ask for it.
	AllowHTTP bool
	// Credential names the credential to the Pace: a hash of it, never itself.
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
	// MaxBody bounds a body after decompression; zero: 32 MiB. MaxHeader bounds the headers that the client's own transport
	// takes; zero: 256 KiB.
	MaxBody, MaxHeader int64
	// UserAgent is sent where Build sets none; empty: "ordersync".
	UserAgent string
	// Jitter picks a wait in [0, limit] before a retry; nil: uniformly at random.
	Jitter func(limit time.Duration) time.Duration
}

// settling is how long the pace may take to note what a remote said of all calls.
const settling = 5 * time.Second

// Client is the door to one remote account. It is safe for many goroutines at once.
type Client struct {
	o         Options
	origin    string
	transport http.RoundTripper
	pacer     *pacer
	clock     *clock
	stats     *stats
	budget    budget
	approval  approval
}

// New checks the options; it makes no call. Failures are of kind fault.Config.
func New(o Options) (*Client, error) {
	base, err := checkedURL("the base address", o.BaseURL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	if !(o.PerSecond > 0) || math.IsInf(o.PerSecond, 0) {
		return nil, fault.Errorf(fault.Config, "the rate must be above zero calls per second, not %v", o.PerSecond)
	}
	if a, ok := o.Authorize.(*oauth); ok {
		if _, err := checkedURL("the address for tokens", a.o.TokenURL, o.AllowHTTP); err != nil {
			return nil, err
		}
	}
	o = withDefaults(o)
	c := &Client{
		o:         o,
		origin:    originOf(base),
		transport: o.Transport,
		clock:     newClock(),
		stats:     new(stats),
		budget:    budget{tenths: budgetBurst},
	}
	if c.transport == nil {
		c.transport = newTransport(o)
	}
	c.pacer = &pacer{
		pace:       o.Pace,
		credential: o.Credential,
		perSecond:  o.PerSecond,
		daily:      o.PerDay,
		zone:       o.Zone,
		stats:      c.stats,
		recent:     newRecent(o.PerSecond),
	}
	return c, nil
}

func withDefaults(o Options) Options {
	o.Credential = cmp.Or(o.Credential, "source "+o.Source)
	o.Retries = max(cmp.Or(o.Retries, DefaultRetries), 0)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, DefaultHeaderTimeout)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, DefaultBodyTimeout)
	o.MaxBody = cmp.Or(o.MaxBody, DefaultMaxBody)
	o.MaxHeader = cmp.Or(o.MaxHeader, DefaultMaxHeader)
	o.UserAgent = cmp.Or(o.UserAgent, "ordersync")
	if o.Pace == nil {
		o.Pace = Local()
	}
	if o.Jitter == nil {
		o.Jitter = func(limit time.Duration) time.Duration { return rand.N(limit + 1) }
	}
	return o
}

// Now is the remote's clock, in UTC: ours where the two differ by at most 2 s. Not known: nothing was heard from the remote yet,
// and t is ours.
func (c *Client) Now() (t time.Time, known bool) { return c.clock.use(time.Now()) }

// Skew is how far the remote's clock is ahead of ours, to about half a second.
func (c *Client) Skew() (ahead time.Duration, known bool) {
	ahead, known = c.clock.skew(time.Now())
	if !known {
		ahead = 0
	}
	return ahead, known
}

// Counters returns what the client did so far.
func (c *Client) Counters() Counters { return c.stats.counters() }

// Close gives idle connections back. The client may still be used.
func (c *Client) Close() {
	if closer, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// settle acts on a failure that the remote itself stated, before it is passed on: a refused credential is marked, a stated wait
// stops every call of the credential. Pace failures on the way are told with it, and change nothing else.
//
// It is told to the pace also where ctx has ended meanwhile: of several calls at once the first that hears of a pause ends the others,
// and it may be one of these that was told.
func (c *Client) settle(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), settling,
		fault.Errorf(fault.Database, "the pace did not take within %s what the remote said", settling))
	defer cancel()
	switch fault.KindOf(err) {
	case fault.Auth:
		c.approval.refused()
		return joined(err, c.o.Pace.Refuse(ctx, c.o.Credential))
	case fault.RateLimited:
		stated := fault.RetryAfter(err)
		wait := sensible(stated)
		if wait == 0 {
			if stated != 0 {
				return fault.Limited(0, worded{text: err.Error()}) // nobody above may see a nonsense wait
			}
			return err
		}
		c.pacer.hold(wait)
		return joined(err, c.o.Pace.Park(ctx, c.o.Credential, wait))
	}
	return err
}

// accepted notes a good answer to a request sent at our time sent, and tells the pace when the credential may be standing as
// refused there. It does not matter when that fails: the next good answer tells it again.
func (c *Client) accepted(ctx context.Context, sent time.Time) {
	c.budget.earn()
	if c.approval.due(sent) && c.o.Pace.Accept(ctx, c.o.Credential) != nil {
		c.approval.untold()
	}
}

// approval remembers when the pace was last told that the credential is good. It is told with the first good answer, with the
// first to a request that was sent after a refusal, and every half hour: another process may have seen a refusal that we did not.
type approval struct {
	mu      sync.Mutex
	told    time.Time
	refusal time.Time
}

func (a *approval) due(sent time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if sent.Before(a.refusal) || !a.told.IsZero() && now.Sub(a.told) < probeEvery/2 {
		return false
	}
	a.told = now
	return true
}

func (a *approval) untold() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = time.Time{}
}

func (a *approval) refused() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told, a.refusal = time.Time{}, time.Now()
}
