package gateway_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

func TestNewNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Options{Address: "gw", SignMethod: "sha1", SessionKey: func() string { return "" }})
	if fault.KindOf(err) != fault.Config {
		t.Fatalf("the kind of %v", err)
	}
	for _, part := range []string{"gateway:", "client:", "app_key:", "app_secret:", "session:", "sign_method"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	for _, address := range []string{gateway.Production, gateway.Overseas, gateway.Sandbox} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Path != "/router/rest" {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// What is sent, over a real server, with each signature: the platform of these tests checks form, parameters and signature by itself.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", gateway.MD5, gateway.HMAC, gateway.HMACSHA256} {
		t.Run("sign_method "+method, func(t *testing.T) {
			t.Parallel()
			p := &platform{t: t, script: always(reply{body: empty})}
			s := open(t, p, serve(t, p), newPace(), func(_ *apiclient.Options, o *gateway.Options) { o.SignMethod = method })
			params := gateway.Params{"buyer_nick": "商家+测试 & =%", "status": "", "": "x", "partner_id": "top"}
			answer, err := s.Call(t.Context(), "trades", traded, params)
			if err != nil {
				t.Fatal(err)
			}
			if string(answer.Body) != `{"total_results":0,"request_id":"x2"}` || answer.RequestID != "x2" {
				t.Errorf("the answer is %s, request %q", answer.Body, answer.RequestID)
			}
			form := p.made()[0].form
			stamp, err := time.ParseInLocation(time.DateTime, form.Get("timestamp"), time.FixedZone("", 8*3600))
			if err != nil || time.Since(stamp).Abs() > time.Minute {
				t.Errorf("the timestamp is %s", form.Get("timestamp"))
			}
			if method == "" {
				method = "hmac-sha256"
			}
			want := url.Values{
				"method": {traded}, "app_key": {appKey}, "session": {token}, "v": {"2.0"}, "format": {"json"}, "sign_method": {method},
				"buyer_nick": {"商家+测试 & =%"}, "partner_id": {"top"}, "timestamp": form["timestamp"], "sign": form["sign"],
			}
			if diff := cmp.Diff(want, form); diff != "" {
				t.Errorf("-want +sent:\n%s", diff)
			}
		})
	}
}

func TestCallOpenSendsNoSession(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, script: always(reply{body: `{"alibaba_x_y_response":{"z":1}}`})}
	s := open(t, p, serve(t, p), newPace(), func(_ *apiclient.Options, o *gateway.Options) { o.Session, o.SessionKey = nil, nil })
	answer, err := s.CallOpen(t.Context(), "y", "alibaba.x.y", nil)
	if err != nil || string(answer.Body) != `{"z":1}` || answer.RequestID != "" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if form := p.made()[0].form; form.Has("session") {
		t.Errorf("sent %v", form)
	}
	_, err = s.trades(t.Context())
	mustBe(t, err, fault.Config)
	if !strings.Contains(gateway.Remedy(err), "ordersyncd authorize") || len(p.made()) != 1 {
		t.Errorf("%v: %s", err, gateway.Remedy(err))
	}
}

// What must not be sent is not: no call is made at all.
func TestNothingMalformedIsSent(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, script: always(reply{body: empty})}
	address := serve(t, p)
	for name, test := range map[string]struct {
		change func(*apiclient.Options, *gateway.Options)
		method string
		params gateway.Params
		kind   fault.Kind
		is     []error
	}{
		"a value that is no UTF-8": {params: gateway.Params{"buyer_nick": "\xc9\xcc"}, kind: fault.Rejected},
		"a name that is no UTF-8":  {params: gateway.Params{"\xc9": "x"}, kind: fault.Rejected},
		"a public parameter":       {params: gateway.Params{"session": "another"}, kind: fault.Internal},
		"a simplified answer":      {params: gateway.Params{"simplify": "true"}, kind: fault.Internal},
		"no method":                {method: "none", kind: fault.Internal},
		"no secret": {kind: fault.Config,
			change: func(_ *apiclient.Options, o *gateway.Options) { o.AppSecret = func() string { return "" } }},
		"an empty session": {kind: fault.Auth, is: []error{gateway.ErrSession}, change: func(_ *apiclient.Options, o *gateway.Options) {
			o.Session = func(context.Context) (string, error) { return "", nil }
		}},
		"a session without a name": {kind: fault.Internal, change: func(_ *apiclient.Options, o *gateway.Options) {
			o.SessionKey = func() string { return "" }
		}},
		"a session that cannot be had": {kind: fault.Database, change: func(_ *apiclient.Options, o *gateway.Options) {
			o.Session = func(context.Context) (string, error) { return "", fault.Errorf(fault.Database, "away") }
		}},
		"a pace that is away": {kind: fault.Database, change: func(_ *apiclient.Options, o *gateway.Options) { o.Pace = away{o.Pace} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = func(*apiclient.Options, *gateway.Options) {}
			}
			s := open(t, p, address, newPace(), test.change)
			method := traded
			if test.method != "" {
				method = ""
			}
			_, err := s.Call(t.Context(), "trades", method, test.params)
			mustBe(t, err, test.kind, test.is...)
			if len(p.made()) != 0 || strings.Contains(err.Error(), "another") {
				t.Errorf("%d calls, %v", len(p.made()), err)
			}
		})
	}
}

// away is a pace whose store is away.
type away struct{ apiclient.Pace }

func (away) Reserve(context.Context, string, int, time.Duration, int, time.Duration) (time.Duration, error) {
	return 0, fault.Errorf(fault.Database, "the database is away")
}

// Each attempt is built anew: its own timestamp, signature and session.
func TestEveryAttemptIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t}
		var s *shop
		p.script = func(n int, _ url.Values) reply {
			if n == 1 {
				s.renew("the next session of the shop")
			}
			return []reply{{status: 502}, {drop: false, status: 502}, refusal(15, "isp.system-busy", ""), {body: empty}}[n]
		}
		s = open(t, p, "", newPace(), func(o *apiclient.Options, _ *gateway.Options) {
			o.Jitter = func(limit time.Duration) time.Duration { return limit }
		})
		answer, err := s.trades(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		calls := p.made()
		if len(calls) != 4 {
			t.Fatalf("%d attempts", len(calls))
		}
		signatures := map[string]bool{}
		for i, c := range calls {
			signatures[c.form.Get("sign")] = true
			if got, want := c.form.Get("timestamp"), gateway.Stamp(c.at); got != want {
				t.Errorf("attempt %d at %s is stamped %s", i+1, want, got)
			}
			want := token
			if i > 1 {
				want = "the next session of the shop"
			}
			if c.form.Get("session") != want {
				t.Errorf("attempt %d has the session %q", i+1, c.form.Get("session"))
			}
		}
		if len(signatures) != 4 {
			t.Errorf("%d signatures for 4 attempts", len(signatures))
		}
		if !answer.SentAt.Equal(calls[3].at) {
			t.Errorf("sent at %s, not %s", answer.SentAt, calls[3].at)
		}
	})
}

// The same over sockets, where time passes by itself: no attempt repeats a signature.
func TestEveryAttemptIsFreshOverSockets(t *testing.T) {
	t.Parallel()
	p := &platform{t: t, script: inOrder(refusal(15, "isp.system-busy", ""), refusal(10, "", ""), reply{body: empty})}
	s := open(t, p, serve(t, p), newPace())
	if _, err := s.trades(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls := p.made()
	for i := 1; i < len(calls); i++ { // a second at least lies between them
		before, after := calls[i-1].form, calls[i].form
		if before.Get("timestamp") >= after.Get("timestamp") || before.Get("sign") == after.Get("sign") {
			t.Errorf("attempt %d has the timestamp %s after %s", i+1, after.Get("timestamp"), before.Get("timestamp"))
		}
	}
	if len(calls) != 3 {
		t.Errorf("%d attempts", len(calls))
	}
}

func TestAnswersComeAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, inside := range map[string]string{
		"slashes and 19 digits": `{"trades":{"trade":[{"tid":1234567890123456789,"pic_path":"http:\/\/x\/y","price":"1.10"}]}}`,
		"blanks":                "{ \"a\" :\n [ 1.10 , 1e3 ] }",
		"a key twice":           `{"a":1,"a":2}`,
		"invalid UTF-8":         "{\"receiver_name\":\"\xc9\xcc\xbc\xd2\",\"tid\":1}",
		"half an emoji":         `{"title":"\ud83d"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &platform{t: t, script: always(reply{body: ` {"trades_sold_get_response":` + inside + `, "later":1}`})}
			answer, err := open(t, p, serve(t, p), newPace()).trades(t.Context())
			if err != nil || string(answer.Body) != inside {
				t.Errorf("%v, %v", answer, err)
			}
		})
	}
}

// The texts of an error are fit for a log, whatever the gateway says.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	const said = "SessionKey " + token + " of " + appKey + ": buyer jane@example.com 13800138000 or +86 139-0000-1234 wants 1234567890123456789 of 商家测试"
	p := &platform{t: t, script: always(reply{body: `{"error_response":{"code":41,"msg":"` + said + "\u2028\x7f" + `","sub_code":"isv.invalid-parameter:` +
		said + `","sub_msg":"` + said + "\xff\xfe" + strings.Repeat("长", 1000) + `","request_id":"jane@example.com ` + strings.Repeat("r", 1000) + `"}}`})}
	s := open(t, p, serve(t, p), newPace())
	_, err := s.Call(t.Context(), "trades", traded, gateway.Params{"buyer_nick": "商家测试", "tid": "1234567890123456789"})
	mustBe(t, err, fault.Protocol)
	e, ok := errors.AsType[*gateway.Error](err)
	if !ok || !strings.HasPrefix(e.SubCode, "isv.invalid-parameter:SessionKey *** of ***") || e.Code != 41 {
		t.Fatalf("%+v", e)
	}
	for _, part := range []string{token, appKey, "商家测试", "jane@", "13800138000", "139-0000-1234", "1234567890123456789"} {
		if strings.Contains(err.Error(), part) {
			t.Errorf("%q quotes %q", err, part)
		}
	}
	if !utf8.ValidString(err.Error()) || len(err.Error()) > 1500 {
		t.Errorf("%q", err)
	}
	if strings.ContainsAny(err.Error(), "\n\u2028\x7f") {
		t.Errorf("%q is more than a line", err)
	}
	for _, part := range []string{"the gateway answered error 41 isv.invalid-parameter:", "(request *** rrr"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// A ban is obeyed to the second by every call of the app key, whichever shop makes it; another app key's go on.
func TestBans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seconds string
		places  bool // waited for in place
		length  time.Duration
	}{
		"in place":    {seconds: "3", places: true, length: 3 * time.Second},
		"parked":      {seconds: "90", length: 90 * time.Second},
		"a whole day": {seconds: "31062", length: 31062 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var until time.Time
				during := 0
				p := &platform{t: t}
				p.script = func(n int, _ url.Values) reply {
					switch {
					case n == 0:
						until = time.Now().Add(test.length)
						return refusal(7, "accesscontrol.limited-by-app-access-count", "This ban will last for "+test.seconds+" more seconds")
					case time.Now().Before(until):
						during++
					}
					return reply{body: empty}
				}
				shared, begun := newPace(), time.Now()
				first, second := open(t, p, "", shared), open(t, p, "", shared)
				second.renew("the session of another shop")
				_, err := first.trades(t.Context())
				if test.places {
					mustBe(t, err, 0)
				} else {
					mustBe(t, err, fault.RateLimited)
					if got := fault.RetryAfter(err); got != test.length+time.Second || time.Since(begun) > time.Second {
						t.Errorf("the wait is %s, told after %s", got, time.Since(begun))
					}
					_, err = second.trades(t.Context())
					mustBe(t, err, fault.RateLimited)
				}
				other := &platform{t: t, script: always(reply{body: empty})}
				_, err = open(t, other, "", shared, func(o *apiclient.Options, _ *gateway.Options) { o.Credential = "another" }).trades(t.Context())
				mustBe(t, err, 0)
				time.Sleep(time.Until(until.Add(1100 * time.Millisecond)))
				for _, s := range []*shop{first, second} {
					_, err := s.trades(t.Context())
					mustBe(t, err, 0)
				}
				if during != 0 {
					t.Errorf("%d calls during the ban", during)
				}
			})
		})
	}
}

// A used up day without a stated end is asked for again after a quarter of an hour, and at midnight in China.
func TestQuotaWithoutAnEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ after, want time.Duration }{
		"in the morning":    {0, 15 * time.Minute}, // virtual time begins at 8 o'clock in China
		"near midnight":     {16*time.Hour - 4*time.Minute, 4 * time.Minute},
		"after midnight":    {16 * time.Hour, 15 * time.Minute},
		"a blink before it": {16*time.Hour - time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &platform{t: t, script: always(refusal(7, "accesscontrol.limited-by-app-access-count", ""))}
				time.Sleep(test.after)
				s := open(t, p, "", newPace(), func(o *apiclient.Options, _ *gateway.Options) { o.Retries = apiclient.NoRetries })
				_, err := s.trades(t.Context())
				mustBe(t, err, fault.RateLimited)
				if got := fault.RetryAfter(err); got != test.want {
					t.Errorf("the wait is %s, want %s", got, test.want)
				}
			})
		})
	}
}

// Eight at once, as details are read.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, script: func(_ int, form url.Values) reply {
			return reply{body: `{"trade_fullinfo_get_response":{"trade":{"tid":` + form.Get("tid") + `}}}`}
		}}
		s := open(t, p, "", newPace())
		var all sync.WaitGroup
		for _, tid := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
			all.Go(func() {
				answer, err := s.Call(t.Context(), "trade "+tid, "taobao.trade.fullinfo.get", gateway.Params{"tid": tid})
				if err != nil || string(answer.Body) != `{"trade":{"tid":`+tid+`}}` {
					t.Errorf("trade %s: %+v, %v", tid, answer, err)
				}
			})
		}
		all.Wait()
	})
}

// A stop is no fault.
func TestStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		p := &platform{t: t, script: func(int, url.Values) reply {
			cancel(errors.New("stopping"))
			return reply{status: 502}
		}}
		_, err := open(t, p, "", newPace()).trades(ctx)
		if err == nil || fault.KindOf(err) != 0 || !strings.Contains(err.Error(), "stopping") {
			t.Errorf("%v: %v", fault.KindOf(err), err)
		}
	})
}

// Whatever comes back, it is an answer with what stood below the root, or an error with a kind.
func FuzzAnswer(f *testing.F) {
	for _, rows := range [][]row{transport(), limits(), sessions(), faults(), others()} {
		for _, r := range rows {
			f.Add(r.reply.body)
		}
	}
	f.Add(empty)
	f.Fuzz(func(t *testing.T, body string) {
		p := &platform{t: t, script: always(reply{body: body})}
		s := open(t, p, "", newPace(), func(o *apiclient.Options, _ *gateway.Options) { o.Retries = apiclient.NoRetries })
		answer, err := s.trades(t.Context())
		switch kind := fault.KindOf(err); {
		case err == nil && (len(answer.Body) == 0 || answer.Body[0] != '{' || !strings.Contains(body, string(answer.Body))):
			t.Errorf("%q brought %q", body, answer.Body)
		case err != nil && (kind == 0 || kind == fault.Internal || !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\r\n")):
			t.Errorf("%q brought %v: %q", body, kind, err)
		}
	})
}
