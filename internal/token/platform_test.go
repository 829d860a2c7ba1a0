package token_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/token"
)

func TestMain(m *testing.M) { mysqltest.Main(m) }

const (
	appKey      = "12345678"
	appSecret   = "0123456789abcdef-app-secret"
	redirectURI = "https://shop.example.com/callback?from=taobao"
	source      = "tmall-flagship"
)

// platform grants and renews tokens on loopback, as the open platform's page describes it: a code works once, and so does a refresh
// token.
type platform struct {
	t      *testing.T
	server *httptest.Server

	// passed is how far the platform's clock is ahead of ours, in nanoseconds.
	passed atomic.Int64

	mu sync.Mutex
	// answers is what the next requests are answered with, whatever they ask; then the platform answers by itself.
	answers []answer
	// life is laid over each token that the platform grants.
	life map[string]any
	// before is called with each request, before it is answered.
	before func(form url.Values)
	codes  map[string]bool // true while a code is good
	refs   map[string]bool // true while a refresh token is good
	asked  []url.Values
	count  int
}

type answer struct {
	status int
	body   string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{t: t, codes: map[string]bool{"code-1": true, "code-2": true}, refs: map[string]bool{}, life: map[string]any{}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	return p
}

func (p *platform) now() time.Time { return time.Now().Add(time.Duration(p.passed.Load())) }

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.Path != "/token" || r.URL.RawQuery != "" {
		p.t.Errorf("a request that nobody meant: %s %s (%v)", r.Method, r.URL, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.PostForm)
	if p.before != nil {
		p.before(r.PostForm)
	}
	var given answer
	if len(p.answers) > 0 {
		given, p.answers = p.answers[0], p.answers[1:]
	} else {
		given = p.judge(r.PostForm)
	}
	w.Header().Set("Date", p.now().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "text/html;charset=UTF-8") // as seen
	w.WriteHeader(given.status)
	_, _ = w.Write([]byte(given.body))
}

// judge answers by the rules.
func (p *platform) judge(form url.Values) answer {
	refuse := func(word, text string) answer {
		body, err := json.Marshal(map[string]string{"error": word, "error_description": text})
		if err != nil {
			p.t.Error(err)
		}
		return answer{status: http.StatusOK, body: string(body)}
	}
	if form.Get("client_id") != appKey || form.Get("client_secret") != appSecret {
		return refuse("invalid_client", "client_secret is wrong: "+form.Get("client_secret"))
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		if form.Get("redirect_uri") != redirectURI {
			return refuse("invalid_client", "application callback can not match the redirect_uri")
		}
		if !p.codes[form.Get("code")] {
			return refuse("invalid_client", "authorize code "+form.Get("code")+" is invalidate")
		}
		p.codes[form.Get("code")] = false
	case "refresh_token":
		if !p.refs[form.Get("refresh_token")] {
			return refuse("invalid_grant", "refresh times limit exceed")
		}
		p.refs[form.Get("refresh_token")] = false
	default:
		return refuse("unsupported_grant_type", form.Get("grant_type"))
	}
	return answer{status: http.StatusOK, body: p.grant()}
}

// grant makes a token that holds for a year and cannot be renewed, unless life says otherwise.
func (p *platform) grant() string {
	p.count++
	refresh := fmt.Sprintf("6200refresh%d", p.count)
	p.refs[refresh] = true
	fields := map[string]any{
		"access_token": fmt.Sprintf("6201access%d", p.count), "token_type": "Bearer", "expires_in": 31536000, "refresh_token": refresh,
		"re_expires_in": 0, "r1_expires_in": 31536000, "r2_expires_in": "86400", "w1_expires_in": 31536000, "w2_expires_in": 300,
		"taobao_user_id": "2054718218", "taobao_user_nick": "%E6%97%97%E8%88%B0%E5%BA%97+%231", "taobao_open_uid": "AAHx",
	}
	maps.Copy(fields, p.life)
	body, err := json.Marshal(fields)
	if err != nil {
		p.t.Error(err)
	}
	return string(body)
}

// requests is what was asked so far.
func (p *platform) requests() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// change changes the platform between two requests.
func (p *platform) change(how func(*platform)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how(p)
}

// endpoint is a new client of the platform.
func (p *platform) endpoint() *token.Endpoint {
	p.t.Helper()
	client, err := apiclient.New(apiclient.Options{Source: "tokens", BaseURL: p.server.URL, PerSecond: 1000, Retries: apiclient.NoRetries})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(client.Close)
	e, err := token.NewEndpoint(token.EndpointOptions{
		Source: source, Client: client, Address: p.server.URL + "/", AppKey: appKey, AppSecret: func() string { return appSecret }, RedirectURI: redirectURI,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// wantNoSecret fails where an error shows one of the secrets.
func wantNoSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range append(secrets, appSecret) {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}
