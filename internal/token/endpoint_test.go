package token_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/token"
)

// plain is a token that can be compared and printed.
type plain struct {
	Access, Refresh, UserID, Nick string
	// Ends, RefreshEnds, R1, R2, W1, W2 are in seconds after the token was obtained; zero: not known.
	Ends, RefreshEnds, R1, R2, W1, W2 int
}

func flatten(t *token.Token) plain {
	after := func(at time.Time) int {
		if at.IsZero() {
			return 0
		}
		return int(at.Sub(t.ObtainedAt).Round(time.Second) / time.Second)
	}
	return plain{
		Access: t.Access.Reveal(), Refresh: t.Refresh.Reveal(), UserID: t.UserID, Nick: t.Nick, Ends: after(t.Ends),
		RefreshEnds: after(t.RefreshEnds), R1: after(t.R1Ends), R2: after(t.R2Ends), W1: after(t.W1Ends), W2: after(t.W2Ends),
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	got, err := p.endpoint().Exchange(t.Context(), "code-1")
	if err != nil {
		t.Fatal(err)
	}
	want := plain{
		Access: "6201access1", Refresh: "6200refresh1", UserID: "2054718218", Nick: "旗舰店 #1",
		Ends: 31536000, R1: 31536000, R2: 86400, W1: 31536000, W2: 300,
	}
	if diff := cmp.Diff(want, flatten(got)); diff != "" {
		t.Errorf("the token (-want +got):\n%s", diff)
	}
	if since := time.Since(got.ObtainedAt); since < -time.Minute || since > time.Minute {
		t.Errorf("obtained %s ago", since)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"code-1"}, "redirect_uri": {redirectURI}, "client_id": {appKey}, "client_secret": {appSecret},
	}
	if diff := cmp.Diff([]url.Values{form}, p.requests()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if printed := fmt.Sprintf("%v %+v %#v", *got, got, *got); strings.Contains(printed, "6201access1") || strings.Contains(printed, "6200refresh1") {
		t.Errorf("a printed token shows itself: %s", printed)
	}
}

// What answers say in how many ways, and what is nonsense in them.
func TestAnswers(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	e := p.endpoint()
	in := func(d time.Duration) int64 { return time.Now().Add(d).UnixMilli() }
	for _, c := range []struct {
		name, body string
		want       plain
	}{
		{"the least", `{"access_token":"a"}`, plain{Access: "a"}},
		{"numbers as texts", `{"access_token":"a","expires_in":"100","taobao_user_id":2054718218000000001}`,
			plain{Access: "a", Ends: 100, UserID: "2054718218000000001"}},
		{"the earlier of two ends", fmt.Sprintf(`{"access_token":"a","expires_in":7200,"expire_time":%d}`, in(time.Hour)), plain{Access: "a", Ends: 3600}},
		{"the other way round", fmt.Sprintf(`{"access_token":"a","expires_in":60,"expire_time":"%d"}`, in(time.Hour)), plain{Access: "a", Ends: 60}},
		{"a moment alone", fmt.Sprintf(`{"access_token":"a","r1_valid":%d,"w2_valid":"%d"}`, in(time.Hour), in(time.Hour)),
			plain{Access: "a", R1: 3600, W2: 3600}},
		{"may be renewed", fmt.Sprintf(`{"access_token":"a","refresh_token":"r","re_expires_in":7200,"refresh_token_valid_time":%d}`, in(time.Hour)),
			plain{Access: "a", Refresh: "r", RefreshEnds: 3600}},
		{"may not be renewed", fmt.Sprintf(`{"access_token":"a","refresh_token":"r","re_expires_in":0,"refresh_token_valid_time":%d}`, in(time.Hour)),
			plain{Access: "a", Refresh: "r"}},
		{"nothing to renew with", `{"access_token":"a","re_expires_in":7200}`, plain{Access: "a"}},
		{"nonsense", `{"access_token":"a","expires_in":-1,"expire_time":"soon","r1_expires_in":99999999999999,"r2_valid":1,"w1_expires_in":{},"w2_valid":1e30}`,
			plain{Access: "a"}},
		{"a name that is not escaped", `{"access_token":"a","taobao_user_nick":"100% wool"}`, plain{Access: "a", Nick: "100% wool"}},
		{"null", `{"access_token":"a","expires_in":null,"refresh_token":null}`, plain{Access: "a"}},
	} {
		p.change(func(p *platform) { p.answers = []answer{{200, c.body}} })
		got, err := e.Renew(t.Context(), token.NewSecret("r0"))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, flatten(got), cmp.Comparer(func(a, b int) bool { return max(a, b)-min(a, b) <= 3 })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Who has to act when the platform refuses, and that no refusal keeps the next call from being made.
func TestRefusals(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	e := p.endpoint()
	for _, c := range []struct {
		name    string
		renew   bool
		answer  answer
		kind    fault.Kind
		says    string
		remedy  string
		refusal string
	}{
		{name: "a code that was used", answer: answer{200, `{"error":"invalid_client","error_description":"authorize code is invalidate"}`},
			kind: fault.Auth, says: "authorize code is invalidate", remedy: "A code works once", refusal: "invalid_client"},
		{name: "another callback", answer: answer{400, `{"error":"invalid_client","error_description":"application callback can not match the redirect_uri"}`},
			kind: fault.Config, says: "redirect_uri", remedy: "under redirect_uri of tmall-flagship", refusal: "invalid_client"},
		{name: "a wrong secret", answer: answer{401, `{"error":"invalid_client","error_description":"secret ` + appSecret + ` is wrong"}`},
			kind: fault.Auth, says: "secret *** is wrong", remedy: "app_key and app_secret", refusal: "invalid_client"},
		{name: "no more renewals", renew: true, answer: answer{200, `{"error":"invalid_grant","error_description":"refresh times limit exceed"}`},
			kind: fault.Auth, says: "refresh times limit exceed", remedy: "type 'ordersyncd authorize tmall-flagship'", refusal: "invalid_grant"},
		{name: "a quoted token", renew: true, answer: answer{403, `{"error":"r-secret","error_description":"r-secret\nis over"}`},
			kind: fault.Auth, says: "refuses: *** (*** is over)", remedy: "authorise again", refusal: "***"},
		{name: "a quoted code", answer: answer{200, `{"error":"x","error_description":"c-secret"}`}, kind: fault.Auth,
			says: "x (***)", remedy: "again", refusal: "x"},
		{name: "unknown words", answer: answer{200, `{"error":1000}`}, kind: fault.Auth,
			says: "refuses: 1000", remedy: "ask the open platform", refusal: "1000"},
		{name: "trouble of theirs", renew: true, answer: answer{200, `{"error":"server_error"}`}, kind: fault.Transient,
			says: "server_error", refusal: "server_error"},
		{name: "a page", answer: answer{502, "<html>bad gateway</html>"}, kind: fault.Transient, says: "502"},
		{name: "a page that says 200", answer: answer{200, "<html>login</html>"}, kind: fault.Transient, says: "HTML"},
		{name: "a page that says 403", answer: answer{403, "<html>no</html>"}, kind: fault.Protocol, says: "(403) holds no token"},
		{name: "a cut body", renew: true, answer: answer{200, `{"access_token":"6201acc`}, kind: fault.Transient, says: "where JSON was expected"},
		{name: "no token", answer: answer{200, `{"access_token":""}`}, kind: fault.Protocol, says: "holds no token"},
		{name: "a list", answer: answer{200, `[]`}, kind: fault.Protocol, says: "holds no token"},
		{name: "gone", answer: answer{404, ``}, kind: fault.Protocol, says: "404"},
	} {
		p.change(func(p *platform) { p.answers = []answer{c.answer} })
		before := len(p.requests())
		var got *token.Token
		var err error
		if c.renew {
			got, err = e.Renew(t.Context(), token.NewSecret("r-secret"))
		} else {
			got, err = e.Exchange(t.Context(), "c-secret")
		}
		if got != nil || fault.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), source) {
			t.Errorf("%s: %v (%v)", c.name, err, fault.KindOf(err))
			continue
		}
		if n := len(p.requests()) - before; n != 1 {
			t.Errorf("%s: %d requests, want 1", c.name, n)
		}
		wantNoSecret(t, err, "r-secret", "c-secret", "6201acc")
		refusal, _ := errors.AsType[*token.Refusal](err)
		if (refusal != nil) != (c.refusal != "") || refusal != nil && refusal.Word != c.refusal {
			t.Errorf("%s: the refusal is %v", c.name, refusal)
		}
		told, _ := errors.AsType[*token.Error](err)
		if (told != nil) != (c.remedy != "") || told != nil && !strings.Contains(told.Remedy(), c.remedy) {
			t.Errorf("%s: the remedy is %v", c.name, told)
		}
	}
	if _, err := e.Exchange(t.Context(), "code-1"); err != nil {
		t.Errorf("after all these refusals: %v", err)
	}
}

func TestNewEndpoint(t *testing.T) {
	t.Parallel()
	client, err := apiclient.New(apiclient.Options{BaseURL: token.Production, PerSecond: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := token.EndpointOptions{Source: source, Client: client, Address: token.Sandbox, AppKey: appKey, AppSecret: func() string { return "" }}
	for name, change := range map[string]func(*token.EndpointOptions){
		"no address": func(o *token.EndpointOptions) { o.Address = "" }, "no host": func(o *token.EndpointOptions) { o.Address = "/oauth" },
		"a query": func(o *token.EndpointOptions) { o.Address += "?a=b" }, "no client": func(o *token.EndpointOptions) { o.Client = nil },
		"no key": func(o *token.EndpointOptions) { o.AppKey = "" }, "no secret": func(o *token.EndpointOptions) { o.AppSecret = nil },
	} {
		bad := o
		change(&bad)
		if _, err := token.NewEndpoint(bad); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.RedirectURI = redirectURI
	e, err := token.NewEndpoint(o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(e.Invitation("state-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"response_type": {"code"}, "client_id": {appKey}, "redirect_uri": {redirectURI}, "state": {"state-1"}, "view": {"web"}}
	if diff := cmp.Diff(want, at.Query()); diff != "" || at.Scheme+"://"+at.Host+at.Path != "https://oauth.tbsandbox.com/authorize" {
		t.Errorf("the invitation is %s\n%s", at, diff)
	}
}

func TestReadCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pasted, code, says string }{
		{pasted: "TOP-Az09_~.x", code: "TOP-Az09_~.x"},
		{pasted: "  'abc'\r\n", code: "abc"},
		{pasted: "https://shop.example.com/callback?code=abc&state=mine", code: "abc"},
		{pasted: "https://shop.example.com/callback?from=taobao&state=mine&code=a%2Fb#top", code: "a/b"},
		{pasted: "<https://shop.example.com/callback?code=abc>", code: "abc"},
		{pasted: "code=abc&state=mine", code: "abc"},
		{pasted: " \n", says: "nothing was pasted"},
		{pasted: "https://shop.example.com/callback?code=abc&state=another", says: "another attempt"},
		{pasted: "https://shop.example.com/callback?error=access_denied&state=mine", says: "said no"},
		{pasted: "https://shop.example.com/callback?error=1001&error_description=not%20on%0Athe%20list", says: "1001 (not on the list)"},
		{pasted: "https://oauth.taobao.com/authorize?response_type=code&client_id=1", says: "no code"},
		{pasted: "https://shop.example.com/callback?code=%zz", says: "damaged"},
		{pasted: "two words", says: "neither a code nor an address"},
		{pasted: strings.Repeat("x", 600), says: "neither a code nor an address"},
	} {
		code, err := token.ReadCode(c.pasted, "mine")
		if code != c.code || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: code %q, %v", c.pasted, code, err)
		}
		if err != nil && fault.KindOf(err) != fault.Rejected {
			t.Errorf("%q: kind %v", c.pasted, fault.KindOf(err))
		}
	}
}
