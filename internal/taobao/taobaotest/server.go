package taobaotest

import (
	"net/http"
	"time"
)

// What a server from New knows: one app, and one session of it for the truth's shop, which never ends.
const (
	AppKey      = "12345678"
	AppSecret   = "helloworld"
	Session     = "6100test-session"
	SellerNick  = "sandbox_测试旗舰店"
	RedirectURI = "https://shop.example/callback"
)

// Server is the platform: the gateway and the authorisation endpoints, for its apps and shops. It is safe for many requests at once.
type Server struct {
	// Truth is that of the first shop.
	Truth *Truth
}

// App is an application of the platform.
type App struct {
	Key, Secret string
	// Redirect is the registered callback; the host must match. Empty: RedirectURI.
	Redirect string
	// Life is how long a token lasts; zero: a year. Refreshes says whether the app may refresh it (only service-market apps may): tokens then
	// come with re_expires_in and a refresh token that works once.
	Life      time.Duration
	Refreshes bool
	// Sensitive is how long r2 and w2 last; zero: as long as the token. Afterwards calls with the session answer code 53.
	Sensitive time.Duration
	// Quoted sends the numbers of a token as texts.
	Quoted bool
}

// Token is a session of a shop.
type Token struct {
	Access, Refresh, AppKey, Nick string
	Issued, Ends, SensitiveEnds   time.Time // zero: never
}

// New returns a platform with one app and one shop: see AppKey. Further ones come by AddApp, AddShop and Grant.
func New(truth *Truth, rules Rules) *Server { return &Server{Truth: truth} }

// Change changes how the platform behaves, from the next call on.
func (s *Server) Change(change func(*Rules)) {}

// AddApp registers an app, or changes one.
func (s *Server) AddApp(app App) {}

// AddShop adds the shop of a seller. Its times come from its own truth, those of the platform from the first.
func (s *Server) AddShop(nick string, truth *Truth) {}

// Grant gives an app a session of a shop, as if its owner had authorised it now. A Token with some fields set keeps them.
func (s *Server) Grant(t Token) Token { return t }

// Revoke lets a session be unknown from now on; Expire lets it be expired.
func (s *Server) Revoke(access string) {}

// Expire ends a session now: calls with it answer code 27 and session-expired.
func (s *Server) Expire(access string) {}

// Authorize is what a seller does in the browser: it returns a code, which works once and for 30 minutes.
func (s *Server) Authorize(appKey, nick string) (code string) { return "" }

// Tokens returns the sessions granted so far, oldest first.
func (s *Server) Tokens() []Token { return nil }

// Fail spoils the next answers of any method, one fault each; FailMethod those of one method.
func (s *Server) Fail(faults ...Fault) {}

// FailMethod spoils the next answers of one method (or path), one fault each.
func (s *Server) FailMethod(method string, faults ...Fault) {}

// Ban refuses calls from now on for so long with code 7; subCode says which, for appKey and method where it concerns them.
func (s *Server) Ban(lasts time.Duration, subCode, appKey, method string) {}

// Calls returns the log: every call so far, in the order in which they came.
func (s *Server) Calls() []Request { return nil }

// Count returns how many calls each method got.
func (s *Server) Count() map[string]int { return nil }

// Seconds returns how many calls came in each second that had any.
func (s *Server) Seconds() map[int64]int { return nil }

// Busiest is the greatest number of calls that came within a span of that length (half-open, beginning at any call).
func (s *Server) Busiest(span time.Duration) int { return 0 }

// DefiantCalls are the calls sent during a ban that had been told before. A test wants none.
func (s *Server) DefiantCalls() []Request { return nil }

// Strays returns the requests that nobody meant. A test wants none.
func (s *Server) Strays() []string { return nil }

// Forget empties the log and its counts.
func (s *Server) Forget() {}

// Transport carries requests to the platform without a socket, whatever their host. It works in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return nil }

// Start serves on a free port of loopback; the gateway is baseURL + "/router/rest". Stop ends what is under way.
func (s *Server) Start() (baseURL string, stop func() error, err error) { return "", nil, nil }

// ServeHTTP makes the platform an http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
