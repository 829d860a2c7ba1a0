package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

	sent time.Time // as SentAt, by the client's clock
}

// Gateway is one shop behind the gateway. It is safe for many goroutines at once.
type Gateway struct {
	o       Options
	session session
	clock   clock
}

// New checks the options, all at once, and makes no call. Failures are of kind fault.Config.
func New(o Options) (*Gateway, error) {
	o.SignMethod = cmp.Or(o.SignMethod, HMACSHA256)
	if o.Pace == nil {
		o.Pace = apiclient.Local()
	}
	var problems []error
	need := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	address, err := url.Parse(o.Address)
	need(err == nil && address.Host != "" && address.RawQuery == "", "gateway: not an address like "+Production)
	need(o.Client != nil, "client: there is none")
	need(o.AppKey != "" && utf8.ValidString(o.AppKey), "app_key: there is none")
	need(o.AppSecret != nil, "app_secret: there is none")
	need((o.Session == nil) == (o.SessionKey == nil), "session: it has no name for the pace, or a name and no session")
	if _, err := Sign(o.SignMethod, "", nil); err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fault.New(fault.Config, err)
	}
	return &Gateway{o: o, session: session{pace: o.Pace}, clock: newClock(o.Client)}, nil
}

// Call asks a method with the shop's session. The name says what is asked, for errors; it holds no secret.
//
// What a failure's kind means here: Auth with [ErrSession]: this shop's session is refused, without it: the app's key or secret; Config:
// the app or the shop lacks a permission; RateLimited: a ban, the app key is parked; Transient: it outlived its retries, with
// [ErrTooHeavy] the span is to be halved; Rejected with [ErrNoTrade]: no such trade; Protocol: asking again does not help. An *[Error] in
// the chain is what the gateway answered, and knows the remedy.
func (g *Gateway) Call(ctx context.Context, name, method string, params Params) (*Answer, error) {
	if g.o.Session == nil {
		return nil, fault.Errorf(fault.Config, "%s: no call was made: %w", name, errNoSession)
	}
	return g.call(ctx, question{name: name, method: method, params: params, asShop: true})
}

// CallOpen asks a method that needs no session. Failures are those of Call; none is about a session.
func (g *Gateway) CallOpen(ctx context.Context, name, method string, params Params) (*Answer, error) {
	return g.call(ctx, question{name: name, method: method, params: params})
}

// question is a call as it was asked for.
type question struct {
	name, method string
	params       Params
	asShop       bool // with the shop's session
}

// call asks, and once more for each of two things that may have changed meanwhile: the clock, and the session.
func (g *Gateway) call(ctx context.Context, q question) (*Answer, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	for corrected, renewed := false, false; ; {
		heard := g.clock.corrections()
		used, answer, err := g.once(ctx, q)
		switch {
		case err == nil:
			return answer, nil
		case !corrected && wrongTime(err):
			corrected = true
			if failure := g.correct(ctx, heard); failure != nil {
				return nil, fmt.Errorf("%w (and then: %w)", err, failure)
			}
		case !renewed && errors.Is(err, ErrSession) && used != "" && g.o.SessionKey() != used:
			renewed = true // somebody stored a new token while the old one was on its way
		default:
			return nil, err
		}
	}
}

// once asks with the clock and the session as they are. It returns the key of the session that was used.
func (g *Gateway) once(ctx context.Context, q question) (used string, answer *Answer, err error) {
	e := &errand{question: q, gateway: g}
	if q.asShop {
		if _, err := g.admit(ctx, &e.permit); err != nil { // a refused session costs the app key not even a slot
			return "", nil, fmt.Errorf("%s: no call was made: %w", q.name, err)
		}
	}
	_, err = g.o.Client.Do(ctx, apiclient.Call{Name: q.name, Build: e.build, Check: e.check, Accept: accepted()})
	if !q.asShop {
		return "", e.answer, err
	}
	if refusal, ok := errors.AsType[*Error](err); ok && refusal.class() == badSession {
		return e.permit.key, nil, g.session.refuse(ctx, e.permit, refusal, err)
	}
	if err == nil {
		g.session.accept(ctx, e.permit)
	}
	return e.permit.key, e.answer, err
}

// check refuses what must not be sent. Values are not quoted.
func (q question) check() error {
	if q.method == "" {
		return fault.Errorf(fault.Internal, "%s: no method is named", q.name)
	}
	for name, value := range q.params {
		switch {
		case slices.Contains(publicNames(), name):
			return fault.Errorf(fault.Internal, "%s: %s is no parameter of a method", q.name, name)
		case !utf8.ValidString(name) || !utf8.ValidString(value):
			return fault.Errorf(fault.Rejected, "%s: the value of %s is not valid UTF-8", q.name, strings.ToValidUTF8(name, "?"))
		}
	}
	return nil
}
