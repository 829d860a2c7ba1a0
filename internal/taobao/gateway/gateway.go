package gateway

import (
	"context"
	"errors"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

// The gateway's addresses. One path serves every method.
const (
	Production = "https://gw.api.taobao.com/router/rest"
	Overseas   = "https://api.taobao.com/router/rest"
	Sandbox    = "https://gw.api.tbsandbox.com/router/rest"
)

// Options describe one shop behind the gateway.
type Options struct {
	// Client is the door to the gateway: its BaseURL is the gateway's origin, it authorizes nothing by itself, and its Credential names
	// the app key, so that all shops of an app share one pace.
	Client *apiclient.Client
	// Address is the whole address of the router.
	Address string
	// AppKey and AppSecret are the app's; the secret is asked for at each attempt.
	AppKey    string
	AppSecret func() string
	// SignMethod is one of [MD5], [HMAC] and [HMACSHA256]; empty: the last.
	SignMethod string
	// Session returns the shop's current token; it is asked at each attempt. SessionKey names that token to the Pace, by a hash and
	// never by itself; it changes when a new token is there. Both may be nil where nothing but CallOpen is used.
	Session    func(ctx context.Context) (string, error)
	SessionKey func() string
	// Pace is where a refused session is noted and asked for; nil: [apiclient.Local].
	Pace apiclient.Pace
}

// Params are the parameters of a method. Empty ones are neither sent nor signed.
type Params map[string]string

// Answer is a good answer.
type Answer struct {
	// Body is the JSON below the method's root name, as it came. It may hold invalid UTF-8.
	Body []byte
	// SentAt is the platform's clock when the request was sent.
	SentAt time.Time
	// RequestID is the platform's name for the call; older answers have none.
	RequestID string
}

// Gateway is one shop behind the gateway. It is safe for many goroutines at once.
type Gateway struct {
	o Options
}

// New checks the options, all at once, and makes no call. Failures are of kind fault.Config.
func New(o Options) (*Gateway, error) {
	return &Gateway{o: o}, nil
}

// Call asks a method with the shop's session. The name says what is asked, for errors; it holds no secret.
func (g *Gateway) Call(ctx context.Context, name, method string, params Params) (*Answer, error) {
	return nil, fault.New(fault.Internal, errors.New("not built"))
}

// CallOpen asks a method that needs no session.
func (g *Gateway) CallOpen(ctx context.Context, name, method string, params Params) (*Answer, error) {
	return nil, fault.New(fault.Internal, errors.New("not built"))
}

// Now is the platform's clock, in UTC. The first time it costs a call of taobao.time.get; later it is read off the answers.
func (g *Gateway) Now(ctx context.Context) (time.Time, error) {
	return time.Time{}, fault.New(fault.Internal, errors.New("not built"))
}

// Zone is where the platform's times are at home: GMT+8, the whole year.
func Zone() *time.Location { return time.FixedZone("GMT+8", 8*60*60) }

// Stamp writes a time the way every parameter of type Date wants it, cut to the second.
func Stamp(t time.Time) string { return t.In(Zone()).Format(time.DateTime) }
