package taobaotest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the clock of the tests that need no other: 2026-11-04 20:00:00 for the platform.
func noon() time.Time { return time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC) }

// hour is an hour of that day as the platform says it.
func hour(h int) time.Time { return time.Date(2026, 11, 4, h, 0, 0, 0, platformZone) }

// sign is the tests' own: what the documents say, for md5.
func sign(secret string, values url.Values) string {
	joined := secret
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values.Get(name) != "" {
			joined += name + values.Get(name)
		}
	}
	sum := md5.Sum([]byte(joined + secret))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// form is a good call with these parameters besides or instead; a value "-" leaves one out.
func form(at time.Time, method string, pairs ...string) url.Values {
	values := url.Values{
		"method": {method}, "app_key": {AppKey}, "session": {Session}, "timestamp": {at.In(platformZone).Format(layout)}, "v": {"2.0"},
		"sign_method": {"md5"}, "format": {"json"},
	}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "-" {
			values.Del(pairs[i])
		}
	}
	if !values.Has("sign") {
		values.Set("sign", sign(AppSecret, values))
	}
	return values
}

// post sends a form and returns the answer with what ended its body.
func post(ctx context.Context, carrier http.RoundTripper, address string, values url.Values) (response *http.Response, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	response, err = carrier.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// ask calls a method and returns the body.
func ask(t *testing.T, s *Server, method string, pairs ...string) string {
	t.Helper()
	_, body, err := post(t.Context(), s.Transport(), "https://gw.example"+Router, form(s.Truth.Now(), method, pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// envelope is any answer.
type envelope struct {
	Error *struct {
		Code    int
		Msg     string
		SubCode string `json:"sub_code"`
		SubMsg  string `json:"sub_msg"`
	} `json:"error_response"`
	Sold      *listed `json:"trades_sold_get_response"`
	Increment *listed `json:"trades_sold_increment_get_response"`
	Refunds   *listed `json:"refunds_receive_get_response"`
	Full      *struct {
		Trade map[string]any
	} `json:"trade_fullinfo_get_response"`
	Refund *struct {
		Refund map[string]any
	} `json:"refund_get_response"`
	Trace map[string]any `json:"logistics_trace_search_response"`
	Time  *struct{ Time string }
}

type listed struct {
	Total   *int  `json:"total_results"`
	HasNext *bool `json:"has_next"`
	Trades  struct {
		Trade []map[string]any
	}
	Refunds struct {
		Refund []map[string]any
	}
}

func (l *listed) ids(key string) []string {
	ids := []string{}
	for _, row := range append(l.Trades.Trade, l.Refunds.Refund...) {
		ids = append(ids, fmt.Sprint(row[key]))
	}
	return ids
}

// read asks and reads the answer.
func read(t *testing.T, s *Server, method string, pairs ...string) envelope {
	t.Helper()
	return parse(t, ask(t, s, method, pairs...))
}

func parse(t *testing.T, body string) envelope {
	t.Helper()
	var e envelope
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	return e
}

func (e envelope) problem() string {
	if e.Error == nil {
		return ""
	}
	return strings.TrimSpace(strconv.Itoa(e.Error.Code) + " " + e.Error.SubCode)
}

// span are the parameters of a list over hours of the day.
func span(kind string, from, to int, more ...string) []string {
	return append([]string{
		"fields", "tid", "start_" + kind, hour(from).Format(layout), "end_" + kind, hour(to).Format(layout),
	}, more...)
}

// TestSignatures: the vectors of the vendor's page and the recipes that are wrong.
func TestSignatures(t *testing.T) {
	t.Parallel()
	first := map[string]string{
		"method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "timestamp": "2016-01-01 12:00:00", "format": "json",
		"v": "2.0", "fields": "num_iid,title,nick,price,num", "num_iid": "11223344", "sign": "never signed", "empty": "",
	}
	second := map[string]string{
		"app_key": "12345678", "buyer_nick": "商家测试", "end_modified": "2024-02-29 23:59:59", "fields": "tid,status,orders", "format": "json",
		"method": "taobao.trades.sold.increment.get", "page_no": "1", "page_size": "50", "partner_id": "top-sdk", "session": "test-session",
		"start_modified": "2024-02-29 00:00:00", "timestamp": "2024-03-01 00:00:00", "use_has_next": "true", "v": "2.0",
	}
	for _, test := range []struct {
		values       map[string]string
		method, want string
	}{
		{first, "md5", "66987CB115214E59E6EC978214934FB8"},
		{first, "hmac", "D56D7858309C31B6251083A874D48273"},
		{first, "hmac-sha256", "04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"},
		{second, "md5", "5E947B3830ACA1367936CE91E639CB97"},
		{second, "hmac", "E2D4A8001016E0FC0BAF09B671FA2F4B"},
		{second, "hmac-sha256", "9D555B272DA37BAF1E5DE00BD31B359DB8D4C60DAB22199ACBAB9147881ACE49"},
		{first, "sha1", ""},
	} {
		test.values["sign_method"] = test.method
		if got := signature(test.method, "helloworld", test.values); got != test.want {
			t.Errorf("%s: got %s, want %s", test.method, got, test.want)
		}
	}
	wrong := map[string]func(joined string, pairs []string) string{
		"joined with = and &":  func(_ string, pairs []string) string { return AppSecret + strings.Join(pairs, "&") + AppSecret },
		"secret only behind":   func(joined string, _ []string) string { return joined + AppSecret },
		"secret only in front": func(joined string, _ []string) string { return AppSecret + joined },
	}
	s := New(NewTruth(noon), Rules{})
	for name, recipe := range wrong {
		values := form(noon(), "taobao.time.get")
		values.Del("sign")
		joined, pairs := "", []string{}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			joined += key + values.Get(key)
			pairs = append(pairs, key+"="+values.Get(key))
		}
		sum := md5.Sum([]byte(recipe(joined, pairs)))
		if got := read(t, s, "taobao.time.get", "sign", strings.ToUpper(hex.EncodeToString(sum[:]))).problem(); got != "25" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	lower := strings.ToLower(form(noon(), "taobao.time.get").Get("sign"))
	if got := read(t, s, "taobao.time.get", "sign", lower).problem(); got != "25" {
		t.Errorf("lower case: got %q", got)
	}
}

// TestChecks: what is refused, and that the earlier check wins.
func TestChecks(t *testing.T) {
	t.Parallel()
	const method = "taobao.trade.fullinfo.get"
	tests := []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no method", []string{"method", "-", "app_key", "-"}, "21"},
		{"another method", []string{"method", "taobao.trades.get", "app_key", "-"}, "22"},
		{"bytes that are no UTF-8", []string{"fields", "caf\xe9"}, "47"},
		{"no app key", []string{"app_key", "-", "timestamp", "-"}, "28"},
		{"another app key", []string{"app_key", "1", "timestamp", "-"}, "29 isv.appkey-not-exists"},
		{"no timestamp", []string{"timestamp", "-", "v", "-"}, "30"},
		{"Unix seconds", []string{"timestamp", "1793793600"}, "31"},
		{"UTC", []string{"timestamp", noon().Format(layout), "v", "-"}, "31"},
		{"eleven minutes off", []string{"timestamp", hour(20).Add(11 * time.Minute).Format(layout)}, "31"},
		{"no version", []string{"v", "-", "sign", "-"}, "32"},
		{"another version", []string{"v", "1.0"}, "33"},
		{"another format", []string{"format", "yaml"}, "23"},
		{"another signature", []string{"sign", "X", "session", "-"}, "25"},
		{"no session", []string{"session", "-"}, "26"},
		{"an unknown session", []string{"session", "other"}, "27 invalid-sessionkey"},
		{"no fields", []string{"tid", "1"}, "40 isv.missing-parameter:fields"},
		{"no tid", []string{"fields", "tid"}, "40 isv.missing-parameter:tid"},
		{"a tid that is no number", []string{"fields", "tid", "tid", "x1"}, "41 isv.invalid-parameter:tid"},
		{"a tid that is nowhere", []string{"fields", "tid", "tid", "1"}, "15 isv.trade-not-exist"},
		{"nine minutes off, in milliseconds", []string{
			"fields", "tid", "tid", "1", "timestamp", strconv.FormatInt(noon().Add(-9*time.Minute).UnixMilli(), 10),
		}, "15 isv.trade-not-exist"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := New(NewTruth(noon), Rules{})
			body := ask(t, s, method, test.pairs...)
			if test.name == "another format" {
				if !strings.Contains(body, "<code>23</code>") {
					t.Errorf("got %s", body)
				}
				return
			}
			if got := parse(t, body).problem(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if calls := s.Calls(); len(calls) != 1 || strconv.Itoa(calls[0].Code) != strings.Fields(test.want)[0] {
				t.Errorf("the log has %+v", calls)
			}
		})
	}
	s := New(NewTruth(noon), Rules{})
	values := form(noon(), "taobao.time.get")
	for verb, want := range map[string]string{"GET": `{"time_get_response":{"time":"2026-11-04 20:00:00"`, "PUT": `"code":9`, "get": `"code":9`} {
		r, err := http.NewRequestWithContext(t.Context(), verb, "https://gw.example"+Router+"?"+values.Encode(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %s, %v", verb, text, err)
		}
	}
	values.Del("sign")
	if _, body, err := post(t.Context(), s.Transport(), "https://gw.example"+Router, values); err != nil || parse(t, body).problem() != "24" {
		t.Errorf("no signature: got %s, %v", body, err)
	}
}

// TestMerge: parameters count wherever they are; what is empty or there twice is told.
func TestMerge(t *testing.T) {
	t.Parallel()
	s := New(NewTruth(noon), Rules{})
	values := form(noon(), "taobao.time.get", "fields", "x")
	query, body := url.Values{}, url.Values{"fields": {"x"}}
	for name := range values {
		if name != "fields" {
			query.Set(name, values.Get(name))
		}
	}
	if _, text, err := post(t.Context(), s.Transport(), "https://gw.example"+Router+"?"+query.Encode(), body); err != nil || parse(t, text).Error != nil {
		t.Errorf("got %s, %v", text, err)
	}
	if got := s.Strays(); len(got) > 0 {
		t.Errorf("strays: %q", got)
	}
	if got := read(t, s, "taobao.trade.fullinfo.get", "session", "").problem(); got != "26 session-is-blank" {
		t.Errorf("got %q", got)
	}
	_, _, err := post(t.Context(), s.Transport(), "https://gw.example/router?fields=a", url.Values{"fields": {"b"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = post(t.Context(), s.Transport(), "https://gw.example"+Router+"?v=1", url.Values{"v": {"2"}, "method": {"taobao.x.get"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"taobao.trade.fullinfo.get: session is sent without a value", "POST /router", "unknown method taobao.x.get",
		"taobao.x.get: v is sent twice",
	}
	if diff := cmp.Diff(want, s.Strays()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// shopOfSix has trades 1 to 6, created at 1 to 6 o'clock, changed at 11 to 16 o'clock.
func shopOfSix(rules Rules) *Server {
	truth := NewTruth(noon)
	for i, kind := range []string{"fixed", "step", "auction", "tmall_i18n", "cod", "fixed"} {
		o := Trade{TID: strconv.Itoa(i + 1), Type: kind, Created: hour(i + 1), Modified: hour(i + 11)}
		if i == 5 {
			o.Status = ClosedByTaobao
		}
		truth.Create(o)
	}
	return New(truth, rules)
}

// TestLists: which trades are listed for what is asked, and in which order.
func TestLists(t *testing.T) {
	t.Parallel()
	const sold, inc = "taobao.trades.sold.get", "taobao.trades.sold.increment.get"
	tests := []struct {
		name   string
		rules  Rules
		method string
		pairs  []string
		want   string
	}{
		{"all of the usual types, newest first", Rules{}, sold, []string{"fields", "tid"}, "6 5 3 2 1 of 5"},
		{"named types", Rules{}, sold, []string{"fields", "tid", "type", "tmall_i18n, fixed"}, "6 4 1 of 3"},
		{"the word for asking", Rules{}, sold, []string{"fields", "tid", "type", "guarantee_trade"}, "6 3 1 of 3"},
		{"created, both ends", Rules{}, sold, span("created", 2, 5), "5 3 2 of 3"},
		{"created, without the ends", Rules{SinceExclusive: true, UntilExclusive: true}, sold, span("created", 2, 5), "3 of 1"},
		{"a bare date", Rules{}, sold, []string{"fields", "tid", "start_created", "2026-11-05"}, "of 0"},
		{"modified, both ends", Rules{}, inc, span("modified", 12, 13), "3 2 of 2"},
		{"modified, without the end", Rules{UntilExclusive: true}, inc, span("modified", 12, 13), "2 of 1"},
		{"status", Rules{}, sold, []string{"fields", "tid", "status", "WAIT_BUYER_PAY"}, "5 3 2 1 of 4"},
		{"statuses of one word", Rules{}, sold, []string{"fields", "tid", "status", "ALL_CLOSED"}, "6 of 1"},
		{"second page", Rules{}, sold, []string{"fields", "tid", "page_no", "2", "page_size", "2"}, "3 2 of 5"},
		{"past the end", Rules{}, sold, []string{"fields", "tid", "page_no", "9", "page_size", "2"}, "of 5"},
		{"past the end, again", Rules{LastPageAgain: true}, sold, []string{"fields", "tid", "page_no", "9", "page_size", "2"}, "1 of 5"},
		{"without counting", Rules{}, sold, []string{"fields", "tid", "use_has_next", "true", "page_size", "3"}, "6 5 3 and more"},
		{"the end of it", Rules{}, sold, []string{"fields", "tid", "use_has_next", "true"}, "6 5 3 2 1 and no more"},
		{"the end of it, unsaid", Rules{NoHasNextAtEnd: true}, sold, []string{"fields", "tid", "use_has_next", "true"}, "6 5 3 2 1"},
		{"as in the sandbox", Rules{IgnoreHasNext: true}, sold, []string{"fields", "tid", "use_has_next", "true"}, "6 5 3 2 1 of 5"},
		{"both", Rules{BothTotals: true}, sold, []string{"fields", "tid", "use_has_next", "true"}, "6 5 3 2 1 of 5 and no more"},
		{"a lie", Rules{Lie: func(total, rows int) int { return total + rows }}, sold, []string{"fields", "tid"}, "6 5 3 2 1 of 10"},
		{"too many rows", Rules{}, sold, []string{"fields", "tid", "page_size", "101"}, "41 isv.invalid-parameter:page_size"},
		{"too many rows, clamped", Rules{ClampSize: true}, sold, []string{"fields", "tid", "page_size", "101"}, "6 5 3 2 1 of 5"},
		{"page 0", Rules{}, sold, []string{"fields", "tid", "page_no", "0"}, "41 isv.invalid-parameter:page_no"},
		{"a page too far", Rules{LastPage: 3}, sold, []string{"fields", "tid", "page_no", "4"}, "15 isv.invalid-parameter:page_no"},
		{"no bound", Rules{}, inc, []string{"fields", "tid", "start_modified", "2026-11-04 00:00:00"}, "40 isv.missing-parameter:end_modified"},
		{"an empty span", Rules{}, inc, span("modified", 3, 3), "41 isv.invalid-parameter:end_modified"},
		{"a day", Rules{}, inc, span("modified", 0, 24), "6 5 3 2 1 of 5"},
		{"more than a day", Rules{}, inc, span("modified", -1, 24), "41 isv.invalid-parameter:end_modified"},
		{"more than a day, the other code", Rules{SpanIs15: true}, inc, span("modified", -1, 24), "15 isv.invalid-parameter:end_modified"},
		{"a time that is none", Rules{}, sold, []string{"fields", "tid", "start_created", "2026-11-04T00:00:00Z"}, "41 isv.invalid-parameter:start_created"},
		{"too heavy", Rules{HeavyRows: 4}, sold, []string{"fields", "tid"}, "15 isv.trade-service-rejection"},
		{"too long", Rules{HeavySpan: time.Hour}, inc, span("modified", 12, 14), "15 isv.trade-service-rejection"},
		{"too old", Rules{Reach: 17 * time.Hour}, sold, []string{"fields", "tid"}, "6 5 3 of 3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := read(t, shopOfSix(test.rules), test.method, test.pairs...)
			got := e.problem()
			if l := cmpList(e); l != nil {
				got = strings.Join(l.ids("tid"), " ")
				if l.Total != nil {
					got += " of " + strconv.Itoa(*l.Total)
				}
				if l.HasNext != nil {
					got += map[bool]string{true: " and more", false: " and no more"}[*l.HasNext]
				}
			}
			if strings.TrimSpace(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func cmpList(e envelope) *listed {
	for _, l := range []*listed{e.Sold, e.Increment, e.Refunds} {
		if l != nil {
			return l
		}
	}
	return nil
}

// TestPaging: while trades change, reading forwards loses one and reading backwards none; a closed window shrinks.
func TestPaging(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pages []int
		lost  bool
	}{{[]int{1, 2, 3}, true}, {[]int{3, 2, 1}, false}} {
		now := hour(20)
		truth := NewTruth(func() time.Time { return now })
		for i := range 6 {
			truth.Create(Trade{TID: strconv.Itoa(i + 1), Created: hour(1), Modified: hour(2).Add(time.Duration(i) * time.Minute)})
		}
		changed := 0
		s := New(truth, Rules{Before: func(r Request) {
			if r.Nth > 1 {
				changed++
				now = now.Add(time.Second)
				truth.Modify(strconv.Itoa(7-changed), nil) // from page 1
			}
		}})
		seen := map[string]bool{}
		total := 0
		for _, page := range test.pages {
			l := read(t, s, "taobao.trades.sold.increment.get", span("modified", 2, 3, "page_size", "2", "page_no", strconv.Itoa(page))...).Increment
			for _, tid := range l.ids("tid") {
				seen[tid] = true
			}
			total = *l.Total
		}
		if total != 4 {
			t.Errorf("the last page says %d, want the 4 that did not change", total)
		}
		lost := !(seen["1"] && seen["2"] && seen["3"] && seen["4"])
		if lost != test.lost {
			t.Errorf("pages %v: saw %v", test.pages, seen)
		}
	}
}

// TestEnvelopes: how an answer is written.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	pairs := []string{"fields", "tid,title,seller_flag", "page_size", "1"}
	for want, test := range map[string]struct {
		rules Rules
		pairs []string
	}{
		`{"trades_sold_get_response":{"total_results":1,"trades":{"trade":[{"tid":3141592653589793001,"title":"测试旗舰店","seller_flag":0}]},"request_id":"x`: {}, // its beginning
		`{"trades_sold_get_response":{"total_results":"1","trades":{"trade":[{"tid":"3141592653589793001","title":"测试旗舰店","seller_flag":"0"}]}}}`: {
			rules: Rules{TextIDs: true, TextNumbers: true, NoRequestID: true},
		},
		`{"total_results":1,"trades":[{"tid":3141592653589793001,"title":"测试旗舰店","seller_flag":0}]}`: {
			rules: Rules{NoRequestID: true}, pairs: []string{"simplify", "true"},
		},
		`{"trades_sold_get_response":{"total_results":1,"trades":{"trade":[{"pic_path":"https:\/\/img.example\/520000000001.jpg"}]}}}`: {
			rules: Rules{NoRequestID: true, Slashes: true}, pairs: []string{"fields", "pic_path"},
		},
		`{"trades_sold_get_response":{"total_results":0}}`: {
			rules: Rules{NoRequestID: true}, pairs: []string{"status", "NOTHING"},
		},
		`{"error_response":{"code":"41","msg":"Invalid arguments:page_no","sub_code":"isv.invalid-parameter:page_no"}}`: {
			rules: Rules{NoRequestID: true, TextNumbers: true}, pairs: []string{"page_no", "0", "simplify", "true"},
		},
		`<?xml version="1.0" encoding="utf-8" ?><trades_sold_get_response><total_results>1</total_results><trades list="true"><trade>` +
			`<tid>3141592653589793001</tid></trade></trades></trades_sold_get_response><!--top010203.na61-->`: {
			rules: Rules{NoRequestID: true}, pairs: []string{"format", "-", "fields", "tid"},
		},
		`<?xml version="1.0" encoding="utf-8" ?><error_response><code>40</code><msg>Missing required arguments:fields</msg>` +
			`<sub_code>isv.missing-parameter:fields</sub_code></error_response><!--top010203.na61-->`: {
			rules: Rules{NoRequestID: true, AlwaysXML: true}, pairs: []string{"fields", "-"},
		},
	} {
		truth := NewTruth(noon)
		truth.Create(Trade{})
		got := ask(t, New(truth, test.rules), "taobao.trades.sold.get", append(slices.Clone(pairs), test.pairs...)...)
		if got != want && (test.rules.NoRequestID || !strings.HasPrefix(got, want)) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if strings.HasPrefix(got, "<") {
			if err := xml.Unmarshal([]byte(got), new(struct{ XMLName xml.Name })); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFields: only what was asked for, only what the method has, nothing null, and what is derived.
func TestFields(t *testing.T) {
	t.Parallel()
	truth := NewTruth(noon)
	one := truth.Create(Trade{Lines: []Line{{Price: 5000, Num: 2}}, Created: hour(1), BuyerMessage: "快", SellerMemo: "memo", OAID: "oaid-1", BuyerNick: "张三丰",
		Receiver: Receiver{Name: "王小明", Mobile: "13812345678", State: "浙江省"}})
	many := truth.Create(Trade{Lines: []Line{{Price: 100}, {Price: 200, SKUID: "7"}}, Created: hour(2), Timeout: hour(22)})
	s := New(truth, Rules{})
	full := func(tid, fields string) map[string]any {
		return read(t, s, "taobao.trade.fullinfo.get", "tid", tid, "fields", fields).Full.Trade
	}
	const needs = ",receiver_name, receiver_address,created,receiver_mobile,receiver_phone"
	for _, test := range []struct {
		got  map[string]any
		want string
	}{
		{full(one.TID, "tid,tid_str,num,price,orders.oid,orders.num,no_such_field"), fmt.Sprintf(
			`{"num":2,"orders":{"order":[{"num":2,"oid":%s}]},"price":"50.00","tid":%[1]s,"tid_str":"%[1]s"}`, one.TID)},
		{full(many.TID, "num,price,num_iid,orders.sku_id,timeout_action_time"),
			`{"orders":{"order":[{},{"sku_id":"7"}]},"timeout_action_time":"2026-11-04 22:00:00"}`},
		{full(one.TID, "buyer_nick,oaid,has_buyer_message,buyer_message,seller_memo,service_orders,promotion_details"),
			`{"buyer_message":"快","buyer_nick":"张**","seller_memo":"memo"}`},
		{full(one.TID, "oaid,receiver_state"+needs), `{"created":"2026-11-04 01:00:00","oaid":"oaid-1","receiver_mobile":"138****5678",` +
			`"receiver_name":"王**","receiver_phone":"","receiver_state":"浙江省"}`},
		{read(t, s, "taobao.trades.sold.get", "fields", "oaid,has_buyer_message,buyer_message,seller_memo,tid_str").Sold.Trades.Trade[1],
			`{"has_buyer_message":true,"oaid":"oaid-1"}`},
	} {
		got, err := json.Marshal(test.got)
		if err != nil || string(got) != test.want {
			t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
		}
	}
	for fields, want := range map[string]string{"oaid": "15 isv.oaid-field-miss", "oaid" + needs: ""} {
		if got := read(t, s, "taobao.trade.fullinfo.get", "tid", one.TID, "fields", fields, "include_oaid", "true").problem(); got != want {
			t.Errorf("%s: got %q, want %q", fields, got, want)
		}
	}
	s.Change(func(r *Rules) { r.Reach = 18 * time.Hour })
	if got := read(t, s, "taobao.trade.fullinfo.get", "tid", one.TID, "fields", "tid").problem(); got != "15 isv.trade-not-exist" {
		t.Errorf("too old: %q", got)
	}
}

// TestPromotion: what is missing in promotion hours, and that the lists lag.
func TestPromotion(t *testing.T) {
	t.Parallel()
	now := hour(10)
	truth := NewTruth(func() time.Time { return now })
	o := truth.Create(Trade{Created: hour(1), Timeout: hour(23), OAID: "oaid-1", Receiver: Receiver{Name: "王小明"}})
	now = hour(12)
	truth.Modify(o.TID, func(o *Trade) { o.Status = WaitSellerSendGoods })
	now = now.Add(30 * time.Second)
	s := New(truth, Rules{Promotion: func(at time.Time) bool { return at.Before(hour(13)) }})
	const fields = "tid,status,modified,orders,payment,oaid,commission_fee,available_confirm_fee,timeout_action_time,total_fee"
	full := []string{"tid", o.TID, "fields", fields + ",receiver_name,receiver_address,created,receiver_mobile,receiver_phone"}
	row := func() map[string]any {
		return read(t, s, "taobao.trades.sold.get", "fields", fields).Sold.Trades.Trade[0]
	}
	if got := row(); got["status"] != WaitBuyerPay || got["orders"] != nil || got["payment"] != nil || got["oaid"] != nil || got["total_fee"] == nil {
		t.Errorf("a list half a minute later has %v", got)
	}
	got := read(t, s, "taobao.trade.fullinfo.get", full...).Full.Trade
	if got["status"] != WaitSellerSendGoods || got["orders"] == nil || got["oaid"] == nil || got["commission_fee"] != nil ||
		got["available_confirm_fee"] != nil || got["timeout_action_time"] != nil {
		t.Errorf("fullinfo has %v", got)
	}
	s.Change(func(r *Rules) { r.Starve = true })
	if got := read(t, s, "taobao.trade.fullinfo.get", full...).Full.Trade; got["orders"] != nil || got["payment"] != nil || got["oaid"] != nil {
		t.Errorf("a starved fullinfo has %v", got)
	}
	now = hour(12).Add(11 * time.Minute)
	if got := row(); got["status"] != WaitSellerSendGoods {
		t.Errorf("eleven minutes later a list has %v", got)
	}
	now = hour(14)
	if got := row(); got["orders"] == nil || got["payment"] == nil || got["oaid"] == nil {
		t.Errorf("afterwards a list has %v", got)
	}
	got = read(t, s, "taobao.trade.fullinfo.get", full...).Full.Trade
	if got["commission_fee"] == nil || got["orders"] == nil || got["timeout_action_time"] == nil {
		t.Errorf("afterwards fullinfo has %v", got)
	}
}

// TestExtra: a trade can have keys that nobody thought of, and lack keys that it should have.
func TestExtra(t *testing.T) {
	t.Parallel()
	truth := NewTruth(noon)
	truth.Create(Trade{
		TID: "1", Omit: []string{"status"}, Extra: map[string]string{"payment": `"x\u0001"`, "new_key": "[]"}, SellerMemo: "a\n\"b\"\x01",
		Lines: []Line{{Extra: map[string]string{"num": "2.5", "other": "1"}}},
	})
	const fields = "tid,status,payment,new_key,seller_memo,orders.num"
	want := `{"tid":1,"seller_memo":"a\n\"b\"\u0001","payment":"x\u0001","orders":{"order":[{"num":2.5}]},"new_key":[]}`
	if got, ok := truth.FullinfoOf("1", fields); got != want || !ok {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := ask(t, New(truth, Rules{NoRequestID: true}), "taobao.trade.fullinfo.get", "tid", "1", "fields", fields); !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, ok := truth.FullinfoOf("2", fields); ok || truth.Modify("2", nil) || truth.Writes() != 1 {
		t.Errorf("trade 2 is there, after %d writes", truth.Writes())
	}
	if _, ok := truth.Trade("2"); ok {
		t.Error("trade 2 is there")
	}
}
