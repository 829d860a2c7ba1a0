package taobaotest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sleep passes time in a bubble.
func sleep(d time.Duration) { time.Sleep(d) }

// TestBans: a ban lasts as long as it says, in its scope, and who calls during it is told apart from who could not know.
func TestBans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(NewTruth(nil), Rules{})
		s.AddApp(App{Key: "2", Secret: AppSecret})
		s.Fail(Limited(3, AppAPICount))
		const ours, other = "taobao.trades.sold.get", "taobao.trade.fullinfo.get"
		call := func(method string, pairs ...string) string {
			e := read(t, s, method, append([]string{"fields", "tid", "tid", "1"}, pairs...)...)
			if e.Error == nil {
				return ""
			}
			return strings.TrimSpace(e.problem() + " " + e.Error.SubMsg)
		}
		for _, step := range []struct {
			wait         time.Duration
			method, want string
		}{
			{0, ours, "7 " + AppAPICount + " This ban will last for 3 more seconds"},
			{0, ours, "7 " + AppAPICount + " This ban will last for 3 more seconds"},
			{1500 * time.Millisecond, ours, "7 " + AppAPICount + " This ban will last for 2 more seconds"},
			{0, other, "15 isv.trade-not-exist 交易订单不存在"},
			{1500 * time.Millisecond, ours, ""},
		} {
			sleep(step.wait)
			if got := call(step.method); got != step.want {
				t.Errorf("%s: got %q, want %q", step.method, got, step.want)
			}
		}
		if got := s.DefiantCalls(); len(got) != 1 || got[0].N != 3 {
			t.Errorf("defiant: %+v", got)
		}
		if got := slices.DeleteFunc(s.Calls(), func(r Request) bool { return !r.Banned }); len(got) != 2 {
			t.Errorf("banned: %+v", got)
		}
		s.Ban(time.Minute, AppCount, AppKey, ours)
		for _, test := range []struct{ key, method, want string }{
			{AppKey, other, "7 " + AppCount + " This ban will last for 60 more seconds"}, {"2", other, "27 invalid-sessionkey SessionKey非法"},
		} {
			if got := call(test.method, "app_key", test.key); got != test.want {
				t.Errorf("%s: got %q, want %q", test.key, got, test.want)
			}
		}
		s.Change(func(r *Rules) { r.SilentBans = true })
		s.Ban(2*time.Minute, APICount, AppKey, "taobao.time.get")
		if got := call("taobao.time.get", "app_key", "2"); got != "7 "+APICount+" This ban is in force" {
			t.Errorf("got %q", got)
		}
	})
}

// TestLimits: the limits of an app, and the counts by which a test sees them kept.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // bubbles begin at midnight UTC: 08:00 for the platform
		s := New(NewTruth(nil), Rules{PerSecond: 3, PerDay: 12})
		codes := ""
		for range 4 {
			for range 4 {
				codes += " " + read(t, s, "taobao.time.get").problem()
			}
			sleep(1100 * time.Millisecond)
		}
		one := " 7 " + AppAPICount
		day := " 7 " + AppCount
		if want := strings.Repeat(strings.Repeat(" ", 3)+one, 3) + day + day + day + day; codes != want {
			t.Errorf("got  %q\nwant %q", codes, want)
		}
		e := read(t, s, "taobao.time.get")
		if want := "This ban will last for " + strconv.Itoa(16*3600-4) + " more seconds"; e.Error == nil || e.Error.SubMsg != want {
			t.Errorf("got %+v, want %s", e.Error, want)
		}
		sleep(16 * time.Hour)
		if got := read(t, s, "taobao.time.get").problem(); got != "" {
			t.Errorf("after midnight: %q", got)
		}
		if got := s.Busiest(time.Second); got != 4 {
			t.Errorf("busiest second: %d", got)
		}
		if got := s.Busiest(1200 * time.Millisecond); got != 8 {
			t.Errorf("busiest 1.2 seconds: %d", got)
		}
		total := 0
		for _, n := range s.Seconds() {
			total += n
		}
		if got := s.Count()["taobao.time.get"]; got != 18 || total != 18 || len(s.Calls()) != 18 {
			t.Errorf("count %d, in seconds %d, in the log %d", got, total, len(s.Calls()))
		}
		s.Forget()
		if read(t, s, "taobao.time.get").Error != nil || s.Calls()[0].N != 19 || s.Count()["taobao.time.get"] != 1 {
			t.Errorf("after Forget: %+v", s.Calls())
		}
	})
}

// TestClock: a skewed gateway refuses our clock and says its own.
func TestClock(t *testing.T) {
	t.Parallel()
	s := New(NewTruth(noon), Rules{Skew: 11 * time.Minute})
	if got := read(t, s, "taobao.time.get").problem(); got != "31" {
		t.Errorf("got %q", got)
	}
	response, body, err := post(t.Context(), s.Transport(), "https://gw.example"+Router, form(noon().Add(11*time.Minute), "taobao.time.get", "session", "-"))
	if err != nil || !strings.Contains(body, `"time":"2026-11-04 20:11:00"`) || response.Header.Get("Date") != "Wed, 04 Nov 2026 12:11:00 GMT" {
		t.Errorf("got %s %v, %v", body, response, err)
	}
	s.Change(func(r *Rules) { r.NoDate = true })
	for name, carrier := range carriers(t, s) {
		response, _, err := post(t.Context(), carrier.RoundTripper, carrier.address, form(noon().Add(11*time.Minute), "taobao.time.get"))
		if err != nil || response.Header.Get("Date") != "" {
			t.Errorf("%s: %v, %v", name, response, err)
		}
	}
}

type carrier struct {
	http.RoundTripper
	address string
}

// carriers are the two ways to a server.
func carriers(t *testing.T, s *Server) map[string]carrier {
	t.Helper()
	address, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	wire := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(func() {
		wire.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return map[string]carrier{"in memory": {s.Transport(), "https://gw.example" + Router}, "over loopback": {wire, address + Router}}
}

// TestFaults: what each fault looks like, in memory and over a socket.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := New(NewTruth(noon), Rules{})
	for name, carrier := range carriers(t, s) {
		for _, test := range []struct {
			name   string
			fault  Fault
			status int
			body   string // its beginning
			breaks bool
			code   int
		}{
			{"none", Fault{}, 200, `{"time_get_response"`, false, 0},
			{"502", BadGateway(), 502, "<html><head><title>502", false, -1},
			{"any status", Fault{Status: 503}, 503, "<!doctype html>", false, -1},
			{"HTML", HTML(), 200, "<!doctype html>", false, -1},
			{"another body", Answer(`{"x":`), 200, `{"x":`, false, -1},
			{"empty", Fault{Empty: true}, 200, "", false, -1},
			{"cut", Cut(10, false), 200, `{"time_get`, true, -1},
			{"cut quietly", Cut(10, true), 200, `{"time_get`, false, -1},
			{"dripping", Fault{Drip: time.Microsecond}, 200, `{"time_get_response"`, false, 0},
			{"isp", Isp("isp.remote-service-timeout"), 200, `{"error_response":{"code":15,`, false, 15},
			{"too heavy", TooHeavy(), 200, `{"error_response":{"code":15,"msg":"Remote service error","sub_code":"isv.trade-service-rejection"`, false, 15},
			{"expired", SessionExpired(), 200, `{"error_response":{"code":27,"msg":"Invalid Session","sub_code":"session-expired"`, false, 27},
			{"slow", Slow(time.Millisecond), 200, `{"time_get_response"`, false, 0},
		} {
			s.Fail(test.fault)
			response, body, err := post(t.Context(), carrier.RoundTripper, carrier.address, form(noon(), "taobao.time.get"))
			if response == nil || response.StatusCode != test.status || !strings.HasPrefix(body, test.body) || (err != nil) != test.breaks {
				t.Errorf("%s, %s: got %v %q, %v", name, test.name, response, body, err)
			}
			if test.breaks && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, %s: broke with %v", name, test.name, err)
			}
			if calls := s.Calls(); calls[len(calls)-1].Code != test.code {
				t.Errorf("%s, %s: the log has %+v", name, test.name, calls[len(calls)-1])
			}
		}
		s.FailMethod("taobao.time.get", Reset())
		if response, _, err := post(t.Context(), carrier.RoundTripper, carrier.address, form(noon(), "taobao.time.get")); err == nil {
			t.Errorf("%s: reset: got %v", name, response)
		}
	}
}

// TestTrace: a parcel's trace, those of a split trade only with its lines.
func TestTrace(t *testing.T) {
	t.Parallel()
	truth := NewTruth(noon)
	truth.Create(Trade{TID: "1", Lines: []Line{{OID: "11"}, {OID: "12"}, {OID: "13"}}})
	s := New(truth, Rules{NoRequestID: true})
	const method = "taobao.logistics.trace.search"
	if got := read(t, s, method, "tid", "1").problem(); got != "15 isv.logistics-order-not-exist:tid" {
		t.Errorf("not sent: %q", got)
	}
	truth.Amend("1", func(o *Trade) {
		o.Parcels = []Parcel{{Number: "ZT1", Company: "中通快递", OIDs: []string{"11", "12"}, Status: Collected, Steps: []Step{
			{At: hour(9), Text: "已揽收", Action: "TMS_COLLECT"}, {Text: "在途"},
		}}}
	})
	want := `{"logistics_trace_search_response":{"out_sid":"ZT1","company_name":"中通快递","tid":1,"status":"物流公司揽收成功","trace_list":{"transit_step_info":[` +
		`{"status_time":"2026-11-04 09:00:00","status_desc":"已揽收","action":"TMS_COLLECT"},{"status_time":"","status_desc":"在途"}]}}}`
	if got := ask(t, s, method, "tid", "1"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	truth.Amend("1", func(o *Trade) {
		o.Parcels = append(o.Parcels, Parcel{Number: "ZT2", Company: "中通快递", OIDs: []string{"13"}, Status: Accepted})
	})
	for _, test := range []struct {
		pairs []string
		want  string
	}{
		{nil, "15 isv.logistics-trace-service-error:SPLIT"},
		{[]string{"is_split", "1"}, "40 isv.missing-parameter:sub_tid"},
		{[]string{"is_split", "1", "sub_tid", "12,11"}, "ZT1"},
		{[]string{"is_split", "1", "sub_tid", "13"}, "ZT2"},
		{[]string{"is_split", "1", "sub_tid", "14"}, "15 isv.logistics-order-not-exist:sub_tid"},
	} {
		e := read(t, s, method, append([]string{"tid", "1"}, test.pairs...)...)
		got := e.problem()
		if e.Trace != nil {
			got, _ = e.Trace["out_sid"].(string)
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.pairs, got, test.want)
		}
	}
	if got := truth.Parcels("1"); len(got) != 2 || got[0].Number != "ZT1" {
		t.Errorf("the truth has %+v", got)
	}
	if o, _ := truth.Trade("1"); !o.Modified.Equal(noon()) {
		t.Errorf("a trace moved the trade to %v", o.Modified)
	}
}

// TestRefunds: their list has its own time and its own usual types; fullinfo and the amounts stay.
func TestRefunds(t *testing.T) {
	t.Parallel()
	now := hour(10)
	truth := NewTruth(func() time.Time { return now })
	truth.Create(Trade{TID: "1", Paid: hour(9), Created: hour(8), Modified: hour(8), Lines: []Line{{OID: "11", Price: 500}, {OID: "12", Price: 700}}})
	truth.Create(Trade{TID: "2", Type: "step", Created: hour(8), Lines: []Line{{Price: 900}}})
	now = hour(11)
	truth.Amend("1", func(o *Trade) { o.Refunds = []Refund{{ID: "881", OID: "12", Status: WaitSellerAgree, Fee: 650}} })
	now = hour(12)
	truth.Modify("2", func(o *Trade) { o.Refunds = []Refund{{ID: "882", OID: "2", Status: RefundSuccess, Fee: 900}} })
	s := New(truth, Rules{})
	const method = "taobao.refunds.receive.get"
	for _, test := range []struct {
		pairs []string
		want  string
	}{
		{[]string{"fields", "refund_id"}, "881"},
		{[]string{"fields", "refund_id", "type", "fixed,step"}, "882 881"},
		{[]string{"fields", "refund_id", "type", "fixed,step", "status", "SUCCESS"}, "882"},
		{append(span("modified", 11, 11), "fields", "refund_id", "type", "fixed,step"), "881"},
	} {
		if got := strings.Join(read(t, s, method, test.pairs...).Refunds.ids("refund_id"), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.pairs, got, test.want)
		}
	}
	got := read(t, s, "taobao.refund.get", "refund_id", "881", "fields", "refund_id,tid,oid,refund_fee,total_fee,payment,status,created,modified,order_status").Refund.Refund
	want := map[string]any{
		"refund_id": "881", "tid": json.Number("1"), "oid": json.Number("12"), "refund_fee": "6.50", "total_fee": "12.00", "payment": "5.50",
		"status": "WAIT_SELLER_AGREE", "created": "2026-11-04 11:00:00", "modified": "2026-11-04 11:00:00", "order_status": "WAIT_BUYER_PAY",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := read(t, s, "taobao.refund.get", "refund_id", "9", "fields", "tid").problem(); got != "15 isv.refund-not-exist:refund_id" {
		t.Errorf("got %q", got)
	}
	now = hour(13)
	truth.Amend("1", func(o *Trade) { o.Refunds[0].Status = RefundSuccess })
	full := read(t, s, "taobao.trade.fullinfo.get", "tid", "1", "fields", "modified,payment,orders.refund_status,orders.refund_id").Full.Trade
	text, err := json.Marshal(full)
	if want := `{"modified":"2026-11-04 08:00:00","orders":{"order":[{"refund_status":"NO_REFUND"},{"refund_id":881,"refund_status":"SUCCESS"}]},"payment":"12.00"}`; err != nil || string(text) != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
	if got := truth.Refunds("1"); len(got) != 1 || !got[0].Modified.Equal(hour(13)) || len(truth.Refunds("")) != 2 {
		t.Errorf("the truth has %+v", got)
	}
}

// TestSessions: each shop sees its own trades, and a session ends for its shop alone.
func TestSessions(t *testing.T) {
	t.Parallel()
	now := noon()
	clock := func() time.Time { return now }
	first, second := NewTruth(clock), NewTruth(clock)
	first.Create(Trade{TID: "1"})
	second.Create(Trade{TID: "2"})
	s := New(first, Rules{})
	s.AddShop("another shop", second)
	s.AddApp(App{Key: AppKey, Secret: AppSecret, Sensitive: time.Hour})
	other := s.Grant(Token{Nick: "another shop", Access: "other"})
	see := func(session string) string {
		e := read(t, s, "taobao.trades.sold.get", "fields", "tid", "session", session)
		if e.Sold != nil {
			return strings.Join(e.Sold.ids("tid"), " ")
		}
		return e.problem()
	}
	for _, step := range []struct {
		do              func()
		session, expect string
	}{
		{func() {}, Session, "1"},
		{func() {}, other.Access, "2"},
		{func() { s.Expire(Session) }, Session, "27 session-expired"},
		{func() {}, other.Access, "2"},
		{func() { s.Renew(Session) }, Session, "1"},
		{func() { now = now.Add(time.Hour) }, other.Access, "53 isv.r2-security-authorize-invalid"},
		{func() { now = now.Add(366 * 24 * time.Hour) }, other.Access, "27 session-expired"},
		{func() { s.Revoke(other.Access) }, other.Access, "27 invalid-sessionkey"},
	} {
		step.do()
		if got := see(step.session); got != step.expect {
			t.Errorf("%s: got %q, want %q", step.session, got, step.expect)
		}
	}
	if got := read(t, s, "taobao.trade.fullinfo.get", "fields", "tid", "tid", "2").problem(); got != "15 isv.trade-not-exist" {
		t.Errorf("the other shop's trade: %q", got)
	}
	s.Change(func(r *Rules) {
		r.Forbidden = map[string]string{"taobao.trade.fullinfo.get": "isv.permission-api-package-empty"}
	})
	if got := read(t, s, "taobao.trade.fullinfo.get", "fields", "tid", "tid", "2").problem(); got != "11 isv.permission-api-package-empty" {
		t.Errorf("forbidden: %q", got)
	}
}

// oauth sends a form to an authorisation endpoint.
func oauth(t *testing.T, s *Server, path string, pairs ...string) (response *http.Response, body string) {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	response, body, err := post(t.Context(), s.Transport(), "https://oauth.example"+path, values)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// TestAuthorize: from the page to a code, once.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	now := noon()
	s := New(NewTruth(func() time.Time { return now }), Rules{})
	s.AddApp(App{Key: AppKey, Secret: AppSecret, Sensitive: 30 * time.Minute, Sellers: []string{SellerNick}})
	page := []string{"response_type", "code", "client_id", AppKey, "redirect_uri", RedirectURI + "?a=1", "state", "s&1"}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://oauth.example/authorize?response_type=code&client_id="+AppKey+
		"&state=s%261&redirect_uri="+url.QueryEscape(RedirectURI), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || !strings.Contains(string(text), `name="state" value="s&amp;1"`) {
		t.Errorf("the page: %d %s, %v", response.StatusCode, text, err)
	}
	for _, test := range []struct {
		more   []string
		status int
		want   string // in the body or the address
	}{
		{[]string{"action", "allow"}, 302, RedirectURI + "?a=1&code=code-1&state=s%261"},
		{[]string{"action", "deny"}, 302, RedirectURI + "?a=1&error=access_denied&error_description=authorize+reject&state=s%261"},
		{[]string{"nick", "stranger"}, 200, "1001"},
		{[]string{"client_id", "1"}, 400, "invalid client_id"},
		{[]string{"redirect_uri", "https://evil.example/"}, 400, "callback can not match"},
		{[]string{"response_type", "token"}, 400, "unsupported_response_type"},
	} {
		response, body := oauth(t, s, "/authorize", append(slices.Clone(page), test.more...)...)
		if response.StatusCode != test.status || !strings.Contains(body+response.Header.Get("Location"), test.want) {
			t.Errorf("%q: got %d %s %s", test.more, response.StatusCode, body, response.Header.Get("Location"))
		}
	}
	grant := []string{"grant_type", "authorization_code", "code", "code-1", "client_id", AppKey, "client_secret", AppSecret, "redirect_uri", RedirectURI}
	response, body := oauth(t, s, "/token", grant...)
	var token map[string]any
	if err := json.Unmarshal([]byte(body), &token); err != nil || response.StatusCode != 200 {
		t.Fatalf("got %d %s, %v", response.StatusCode, body, err)
	}
	nick, err := url.QueryUnescape(token["taobao_user_nick"].(string))
	if err != nil || nick != SellerNick || token["re_expires_in"] != 0.0 || token["w2_expires_in"] != 1800.0 || token["expires_in"] != 31536000.0 ||
		token["expire_time"] != float64(noon().Add(365*24*time.Hour).UnixMilli()) {
		t.Errorf("got %s", body)
	}
	if got := read(t, s, "taobao.trades.sold.get", "fields", "tid", "session", token["access_token"].(string)).problem(); got != "" {
		t.Errorf("the new session: %q", got)
	}
	old := s.Authorize(AppKey, "")
	now = now.Add(30 * time.Minute)
	for name, test := range map[string]struct {
		pairs []string
		want  string
	}{
		"a code twice":          {nil, `"error":"invalid_client","error_description":"authorize code \"code-1\" is invalidate"`},
		"an old code":           {[]string{"code", old}, "is invalidate"},
		"another secret":        {[]string{"client_secret", "x"}, "client_secret is wrong"},
		"another callback":      {[]string{"redirect_uri", "https://evil.example/callback"}, "application callback can not match the redirect_uri"},
		"another grant":         {[]string{"grant_type", "password"}, "unsupported_grant_type"},
		"a refresh that is not": {[]string{"grant_type", "refresh_token", "refresh_token", token["refresh_token"].(string)}, "refresh times limit exceed"},
	} {
		response, body := oauth(t, s, "/token", append(slices.Clone(grant), test.pairs...)...)
		if response.StatusCode != 400 || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s", name, response.StatusCode, body)
		}
	}
	for _, call := range s.Calls() {
		if call.Params["client_secret"]+call.Params["code"]+call.Params["refresh_token"] != "" {
			t.Errorf("the log keeps secrets: %+v", call)
		}
	}
}

// TestRefresh: a refresh token works once, and a call of which the answer is lost uses it up.
func TestRefresh(t *testing.T) {
	t.Parallel()
	s := New(NewTruth(noon), Rules{OAuthStatus: 200})
	s.AddApp(App{Key: AppKey, Secret: AppSecret, Refreshes: true, Quoted: true, EndsOld: true})
	first := s.Grant(Token{})
	refresh := func(name string) (string, error) {
		_, body, err := post(t.Context(), s.Transport(), "https://oauth.example/token", url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {name}, "client_id": {AppKey}, "client_secret": {AppSecret},
		})
		return body, err
	}
	body, err := refresh(first.Refresh)
	second := s.Tokens()[2]
	if err != nil || !strings.Contains(body, second.Refresh) || !strings.Contains(body, `"re_expires_in":"31536000"`) {
		t.Errorf("got %s, %v", body, err)
	}
	if body, err := refresh(first.Refresh); err != nil || !strings.Contains(body, "invalid_client") {
		t.Errorf("twice: got %s, %v", body, err)
	}
	if got := read(t, s, "taobao.trades.sold.get", "fields", "tid", "session", first.Access).problem(); got != "27 session-expired" {
		t.Errorf("the old session: %q", got)
	}
	s.FailMethod("/token", Reset(), Fault{Reset: true, After: true})
	if body, err := refresh(second.Refresh); err == nil {
		t.Errorf("got %s", body)
	}
	if got := len(s.Tokens()); got != 3 {
		t.Errorf("a call that never arrived made a token: %d", got)
	}
	if body, err := refresh(second.Refresh); err == nil {
		t.Errorf("got %s", body)
	}
	if body, err := refresh(second.Refresh); err != nil || !strings.Contains(body, "invalid_client") || len(s.Tokens()) != 4 {
		t.Errorf("after a lost answer: got %s, %v", body, err)
	}
	var answer struct {
		Create struct {
			Result string `json:"token_result"`
		} `json:"top_auth_token_create_response"`
		Refresh struct {
			Result string `json:"token_result"`
		} `json:"top_auth_token_refresh_response"`
	}
	var token struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	for _, call := range []struct {
		method string
		pair   func() []string
		result *string
	}{
		{"taobao.top.auth.token.create", func() []string { return []string{"code", s.Authorize(AppKey, "")} }, &answer.Create.Result},
		{"taobao.top.auth.token.refresh", func() []string { return []string{"refresh_token", token.Refresh} }, &answer.Refresh.Result},
	} {
		if err := json.Unmarshal([]byte(ask(t, s, call.method, append(call.pair(), "session", "-")...)), &answer); err != nil {
			t.Fatal(err)
		}
		before := token.Access
		if err := json.Unmarshal([]byte(*call.result), &token); err != nil || token.Access == before || token.Refresh == "" {
			t.Errorf("%s: got %q, %v", call.method, *call.result, err)
		}
	}
}

// TestConcurrency: many callers while the shop lives and the rules change; run with the race detector.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	truth := NewTruth(nil)
	churn := truth.Churn(1)
	churn.Fill(60, truth.Now().Add(-20*time.Hour), truth.Now().Add(-time.Hour))
	s := New(truth, Rules{Before: func(Request) { churn.Step() }})
	for name, carrier := range carriers(t, s) {
		var callers sync.WaitGroup
		for i := range 4 {
			callers.Go(func() {
				for j := range 20 {
					tid := churn.tidAt(i*20 + j)
					values := form(truth.Now(), "taobao.trade.fullinfo.get", "tid", tid, "fields", "tid,orders")
					_, body, err := post(t.Context(), carrier.RoundTripper, carrier.address, values)
					if err != nil || !strings.Contains(body, `"tid":`+tid) {
						t.Errorf("%s: %.200s, %v", name, body, err)
					}
					_, body, err = post(t.Context(), carrier.RoundTripper, carrier.address, form(truth.Now(), "taobao.trades.sold.get", "fields", "tid,orders"))
					if err != nil || !strings.Contains(body, `"total_results":`) {
						t.Errorf("%s: %.200s, %v", name, body, err)
					}
					s.Change(func(r *Rules) { r.BothTotals = !r.BothTotals })
				}
				truth.Fullinfos()
			})
		}
		callers.Wait()
	}
	if got := len(s.Calls()); got != 320 || s.Busiest(time.Hour) != 320 {
		t.Errorf("%d calls", got)
	}
}

func (c *Churn) tidAt(i int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tids[i%len(c.tids)]
}
