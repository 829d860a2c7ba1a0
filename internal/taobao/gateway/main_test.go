package gateway_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appKey    = "12345678"
	appSecret = "c4nary-secret-of-the-app"
	token     = "6100c4nary0session0of0the0shop"
	traded    = "taobao.trades.sold.get"
	empty     = `{"trades_sold_get_response":{"total_results":0,"request_id":"x2"}}`
)

// platform is a small gateway. It checks the protocol of each request with code of its own and answers as its script says.
type platform struct {
	t      *testing.T
	script func(n int, form url.Values) reply // n counts the calls but those of taobao.time.get
	told   func(n int) reply                  // answers taobao.time.get; nil: with the clock
	// ahead is how far its clock is ahead, dated how far the Date of its answers is; late refuses timestamps as the real one does.
	ahead, dated time.Duration
	dateless     bool
	late         bool

	mu    sync.Mutex
	calls []call
	asked int // for the time
}

type call struct {
	at   time.Time
	form url.Values
}

// reply is what comes back; the zero status is 200.
type reply struct {
	status int
	kind   string
	body   string
	cut    bool // the body is longer than what comes
	drop   bool // no answer at all
}

func refusal(code int, subCode, subMsg string) reply {
	return reply{body: fmt.Sprintf(`{"error_response":{"code":%d,"msg":"Some words","sub_code":%q,"sub_msg":%q,"request_id":"x3"}}`,
		code, subCode, subMsg)}
}

func always(r reply) func(int, url.Values) reply { return func(int, url.Values) reply { return r } }

// inOrder answers with one after the other, the last one for ever.
func inOrder(replies ...reply) func(int, url.Values) reply {
	return func(n int, _ url.Values) reply { return replies[min(n, len(replies)-1)] }
}

func (p *platform) answer(r *http.Request) reply {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Errorf("the request's body: %v", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		p.t.Errorf("the form: %v", err)
	}
	p.protocol(r, form)
	clock := time.Now().Add(p.ahead)
	n := p.count(form)
	stamp, err := time.ParseInLocation("2006-01-02 15:04:05", form.Get("timestamp"), time.FixedZone("", 28800))
	if err != nil {
		p.t.Errorf("the timestamp: %v", err)
	}
	if p.late && clock.Sub(stamp).Abs() > 10*time.Minute {
		return refusal(31, "isv.invalid-timestamp", "")
	}
	switch {
	case form.Get("method") != "taobao.time.get":
		return p.script(n, form)
	case p.told != nil:
		return p.told(n)
	}
	return reply{body: `{"time_get_response":{"time":"` + clock.In(time.FixedZone("", 28800)).Format("2006-01-02 15:04:05") + `"}}`}
}

// count notes a call and says how many of its sort came before.
func (p *platform) count(form url.Values) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if form.Get("method") == "taobao.time.get" {
		p.asked++
		return p.asked - 1
	}
	p.calls = append(p.calls, call{at: time.Now(), form: form})
	return len(p.calls) - 1
}

// protocol checks what holds for every request.
func (p *platform) protocol(r *http.Request, form url.Values) {
	if r.Method != "POST" || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded; charset=utf-8" {
		p.t.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	for name, values := range form {
		if len(values) != 1 || values[0] == "" || name == "" {
			p.t.Errorf("parameter %q is %q", name, values)
		}
	}
	if form.Get("v") != "2.0" || form.Get("format") != "json" || form.Get("app_key") != appKey {
		p.t.Errorf("the public parameters are %v", form)
	}
	if want := signature(form, appSecret); form.Get("sign") != want {
		p.t.Errorf("the signature is %s, not %s", form.Get("sign"), want)
	}
}

// signature is a second writing of the rule.
func signature(form url.Values, secret string) string {
	var names []string
	for name := range form {
		if name != "sign" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	joined := ""
	for _, name := range names {
		joined += name + form.Get(name)
	}
	var h hash.Hash
	switch form.Get("sign_method") {
	case "md5":
		return fmt.Sprintf("%X", md5.Sum([]byte(secret+joined+secret)))
	case "hmac":
		h = hmac.New(md5.New, []byte(secret))
	case "hmac-sha256":
		h = hmac.New(sha256.New, []byte(secret))
	default:
		return "unknown"
	}
	_, _ = io.WriteString(h, joined)
	return fmt.Sprintf("%X", h.Sum(nil))
}

// ServeHTTP makes the platform a real server.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := p.answer(r)
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	if p.dateless {
		w.Header()["Date"] = nil
	} else {
		w.Header().Set("Date", time.Now().Add(p.dated).UTC().Format(http.TimeFormat))
	}
	if a.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+100))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

// RoundTrip makes it a transport without sockets, for virtual time.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func (p *platform) made() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]call(nil), p.calls...)
}

func (p *platform) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// pace is a pace that remembers what it was told.
type pace struct {
	apiclient.Pace
	mu   sync.Mutex
	told []string
}

func newPace() *pace { return &pace{Pace: apiclient.Local()} }

func (p *pace) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, fmt.Sprintf(format, args...))
}

func (p *pace) notes() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.told, ", ")
}

func (p *pace) Park(ctx context.Context, credential string, wait time.Duration) error {
	p.note("park %s %s", credential, wait)
	return p.Pace.Park(ctx, credential, wait)
}

func (p *pace) Refuse(ctx context.Context, credential string) error {
	p.note("refuse %s", credential)
	return p.Pace.Refuse(ctx, credential)
}

func (p *pace) Accept(ctx context.Context, credential string) error {
	p.note("accept %s", credential)
	return p.Pace.Accept(ctx, credential)
}

// shop is one shop of the app.
type shop struct {
	*gateway.Gateway
	client *apiclient.Client
	mu     sync.Mutex
	token  string
	asks   int
}

func (s *shop) session(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	return s.token, nil
}

func (s *shop) key() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "hash of " + s.token[:7]
}

func (s *shop) renew(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// open makes a shop on the platform: over virtual wires where address is empty, else over sockets.
func open(t *testing.T, p *platform, address string, shared apiclient.Pace, change ...func(*apiclient.Options, *gateway.Options)) *shop {
	t.Helper()
	s := &shop{token: token}
	o := apiclient.Options{
		Source: "shop", BaseURL: "https://gw.example", Credential: "app key", PerSecond: 1000, Pace: shared,
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
	if address == "" {
		o.Transport = p
	} else {
		o.BaseURL = address
	}
	g := gateway.Options{
		Address: o.BaseURL + "/router/rest", AppKey: appKey, AppSecret: func() string { return appSecret },
		Session: s.session, SessionKey: s.key, Pace: shared,
	}
	for _, c := range change {
		c(&o, &g)
	}
	client, err := apiclient.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	g.Client, s.client = client, client
	if s.Gateway, err = gateway.New(g); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts the platform on loopback and returns its address.
func serve(t *testing.T, p *platform) string {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.URL
}

func (s *shop) trades(ctx context.Context) (*gateway.Answer, error) {
	return s.Call(ctx, "trades page 1", traded, gateway.Params{"fields": "tid,modified", "page_no": "1", "tid": "1234567890123456789"})
}

// mustKeepQuiet fails where an error quotes what nobody may read.
func mustKeepQuiet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error() + gateway.Remedy(err)
	if e, ok := errors.AsType[*gateway.Error](err); ok {
		text += fmt.Sprintf("%+v", *e)
	}
	for _, secret := range []string{appSecret, token, "1234567890123456789", "13800138000", "jane@example.com", appKey} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is quoted in %q", secret, text)
		}
	}
}

func mustBe(t *testing.T, err error, kind fault.Kind, targets ...error) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("the kind is %v, want %v: %v", fault.KindOf(err), kind, err)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v is not in the chain of %v", target, err)
		}
	}
	mustKeepQuiet(t, err)
}
