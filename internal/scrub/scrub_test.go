package scrub_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordersync/internal/scrub"
)

// TestForms holds that a secret goes whichever way it is written.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"canary-0123456789", "can/ary+0123=&%4", "canary 0123 <\"'\\>", "金丝雀canary0123", "a@b:c/d?e#f", "S3CRETS3", strings.Repeat("canary", 40),
	} {
		s := scrub.New([]string{"another-secret", secret})
		for how, write := range map[string]func(string) string{
			"plain":            func(text string) string { return text },
			"query":            url.QueryEscape,
			"path":             url.PathEscape,
			"lower query":      func(text string) string { return lowerHex(url.QueryEscape(text)) },
			"query with %20":   func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") },
			"twice":            func(text string) string { return url.QueryEscape(url.QueryEscape(text)) },
			"json":             func(text string) string { return jsonText(text) },
			"json in json":     func(text string) string { return jsonText(jsonText(text)) },
			"json of PHP":      func(text string) string { return strings.ReplaceAll(jsonText(text), "/", `\/`) },
			"quoted":           strconv.Quote,
			"quoted in ASCII":  strconv.QuoteToASCII,
			"html":             html.EscapeString,
			"hex":              func(text string) string { return hex.EncodeToString([]byte(text)) },
			"capital hex":      func(text string) string { return strings.ToUpper(hex.EncodeToString([]byte(text))) },
			"base64":           func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) },
			"base64 of a pair": func(text string) string { return base64.StdEncoding.EncodeToString([]byte("user:" + text)) },
			"base64 at two":    func(text string) string { return base64.StdEncoding.EncodeToString([]byte("ab" + text + "c")) },
			"base64url":        func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte("abcd" + text + "{}")) },
			"base64 in query":  func(text string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(text))) },
			"in the middle":    func(text string) string { return "before" + text + "behind" },
			"several times":    func(text string) string { return text + text + " " + text },
		} {
			written := write(secret)
			got := s.Text("it said " + written + ", and then")
			trimmed := strings.TrimRight(written, "=")
			core := trimmed[min(8, len(trimmed)/4) : len(trimmed)-len(trimmed)/4]
			if strings.Contains(got, core) || !strings.Contains(got, "***") || !strings.HasPrefix(got, "it said ") || !strings.HasSuffix(got, ", and then") {
				t.Errorf("%s of %q: %s became %s", how, secret, written, got)
			}
		}
	}
}

func lowerHex(text string) string {
	var b strings.Builder
	for part := range strings.SplitAfterSeq(text, "%") {
		if b.Len() > 0 && len(part) >= 2 {
			part = strings.ToLower(part[:2]) + part[2:]
		}
		b.WriteString(part)
	}
	return b.String()
}

func jsonText(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can be marshalled
	}
	return string(encoded)
}

func TestShortSecrets(t *testing.T) {
	t.Parallel()
	s := scrub.New([]string{"", "abc", "test", "ordersync", "hunter2", "  padded-secret\n"})
	for text, want := range map[string]string{
		"abc":                                  "abc", // three letters cannot be looked for
		"a test of the testimony":              "a *** of the testimony",
		"password test, 'test', (test)":        "password ***, '***', (***)",
		"ordersyncd gap list on ordersync":     "ordersyncd gap list on ***",
		"hunter2 and hunter23 and 我的hunter2密码": "*** and hunter23 and 我的***密码",
		"xpadded-secretx":                      "x***x",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	overlapping := scrub.New([]string{"abcdefgh1234", "1234ijklmnop", "fgh12"})
	if got := overlapping.Text("<abcdefgh1234ijklmnop>"); got != "<***>" {
		t.Errorf("overlapping secrets leave %q", got)
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	s := scrub.New(nil)
	text := "old-secret-1 and new-secret-2"
	if got := s.Text(text); got != text {
		t.Errorf("knows without being told: %q", got)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s.Learn([]string{"old-secret-1", fmt.Sprintf("own-secret-%d", i)})
			s.Learn([]string{"new-secret-2"})
			_ = s.Text(text)
		})
	}
	all.Wait()
	if got := s.Text(text + " own-secret-7 own-secret-0"); got != "*** and *** *** ***" {
		t.Errorf("forgot something: %q", got)
	}
}

// TestNamed holds that what names itself goes, though nobody told of it.
func TestNamed(t *testing.T) {
	t.Parallel()
	s := scrub.New(nil)
	for _, c := range [][2]string{
		// Headers.
		{"Authorization: Bearer canary0123456789", "Authorization: Bearer ***"},
		{"authorization: Basic Y2FuYXJ5OmNhbmFyeQ==, next", "authorization: Basic ***, next"},
		{`{"Authorization":"Bearer canary0123"}`, `{"Authorization":"***"}`},
		{`{\"Authorization\":\"token canary0123\"}`, `{\"Authorization\":\"***\"}`},
		{"Proxy-Authorization=canary", "Proxy-Authorization=***"},
		{"used Bearer canary0123456 and failed", "used Bearer *** and failed"},
		{"header bearer%20canary0123456", "header bearer%20***"},
		{"X-Api-Key: canary0123", "X-Api-Key: ***"},
		{"Cookie: a=canary; b=canary", "Cookie: ***"},
		{"Set-Cookie: sid=canary; Path=/", "Set-Cookie: ***"},
		{fmt.Sprint(http.Header{"Authorization": {"Bearer canary0123"}, "X-Page": {"2"}}), "map[Authorization:[Bearer ***] X-Page:[2]]"},

		// Parameters and forms.
		{
			"https://gw.api.taobao.com/router/rest?sign=CANARY&session=6100canary&method=taobao.trades.sold.get&sign_method=md5",
			"https://gw.api.taobao.com/router/rest?sign=***&session=***&method=taobao.trades.sold.get&sign_method=md5",
		},
		{"https://oapi.dingtalk.com/robot/send?access_token=canary", "https://oapi.dingtalk.com/robot/send?access_token=***"},
		{"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123-canary-0123456", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***"},
		{"https://hooks.slack.com/services/T0/B0/canary failed", "https://hooks.slack.com/services/*** failed"},
		{"https://open.feishu.cn/open-apis/bot/v2/hook/canary", "https://open.feishu.cn/open-apis/bot/v2/hook/***"},
		{"https://ops:canary@shop.example.com/orders", "https://***@shop.example.com/orders"},
		{"https://canary@sentry.example.com/42", "https://***@sentry.example.com/42"},
		{"ordersync:canary@tcp(127.0.0.1:3306)/ordersync", "***@tcp(127.0.0.1:3306)/ordersync"},
		{"consumer_key=ck_canary&consumer_secret=cs_canary&page=2", "consumer_key=***&consumer_secret=***&page=2"},
		{"client_id=shop&client_secret=canary&grant_type=client_credentials", "client_id=shop&client_secret=***&grant_type=client_credentials"},
		{"refresh_token=canary", "refresh_token=***"},
		{"x=1%26access_token%3Dcanary", "x=1%26access_token%3D***"},
		{"redirect?code=0123456789canary0&state=ab", "redirect?code=***&state=ab"},
		{"app_secret=canary, app_key=12345678", "app_secret=***, app_key=12345678"},
		{"API_KEY = canary", "API_KEY = ***"},

		// Fields.
		{`{"session":"canary","access_token":"canary","page":2}`, `{"session":"***","access_token":"***","page":2}`},
		{`{"password": "can\"ary", "user": "ordersync"}`, `{"password": "***", "user": "ordersync"}`},
		{`body {\"app_secret\":\"canary\",\"page\":1}`, `body {\"app_secret\":\"***\",\"page\":1}`},
		{`{"refresh_token":"canary cut off he`, `{"refresh_token":"***`},
		{`{"sessionKey":123456789}`, `{"sessionKey":***}`},
		{`{Password:canary User:ordersync}`, `{Password:*** User:ordersync}`},
		{"password: canary0123", "password: ***"},
		{"<session>canary</session><page>2</page>", "<session>***</session><page>2</page>"},
		{
			`{"receiver_name":"王小明","receiver_address":"长安街1号","receiver_mobile":"139****1234","tid":"2026000000000000001"}`,
			`{"receiver_name":"***","receiver_address":"***","receiver_mobile":"***","tid":"2026000000000000001"}`,
		},
		{`first_name=Ada&last_name=Canary&status=paid`, `first_name=***&last_name=***&status=paid`},

		// What MySQL quotes.
		{
			"Error 1062 (23000): Duplicate entry 'us-store-canary' for key 'orders.PRIMARY'",
			"Error 1062 (23000): Duplicate entry '***' for key 'orders.PRIMARY'",
		},
		{"Duplicate entry 'O'Canary' for key 'x' for key 'orders.number'", "Duplicate entry '***' for key 'orders.number'"},
		{"Duplicate entry 'canary cut off he", "Duplicate entry '***'"},
		{
			"Error 1366 (22007): Incorrect string value: '\\xF0\\x9F\\x90\\xA6canary' for column `o`.`orders`.`note` at row 1",
			"Error 1366 (22007): Incorrect string value: '***' for column `o`.`orders`.`note` at row 1",
		},
		{"Incorrect datetime value: 'canary' for column 'paid_at' at row 3", "Incorrect datetime value: '***' for column 'paid_at' at row 3"},
		{
			"You have an error in your SQL syntax; check the manual for the right syntax to use near 'canary'' at line 1",
			"You have an error in your SQL syntax; check the manual for the right syntax to use near '***' at line 1",
		},
	} {
		check(t, s, c[0], c[1])
	}
}

func check(t *testing.T, s *scrub.Scrubber, text, want string) {
	t.Helper()
	got := s.Text(text)
	if got != want {
		t.Errorf("%q\nbecame %q\nwant   %q", text, got, want)
	}
	if again := s.Text(got); again != got {
		t.Errorf("%q is not done with: %q", got, again)
	}
}

// TestPeople holds that nobody can be called or written to.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := scrub.New(nil)
	for _, c := range [][2]string{
		// Mail addresses.
		{"550 no such user canary@example.com", "550 no such user [mail]"},
		{"<canary.of+shop@mail.example.co.uk>", "<[mail]>"},
		{"邮箱：canary@example.com。", "邮箱：[mail]。"},
		{"email canary%40example.com", "email [mail]"},
		{`"canary\u0040example.com"`, `"[mail]"`},
		{"王小明@例子.中国 wrote", "[mail] wrote"},
		{"ＱＱ：12345＠qq.com", "ＱＱ：[mail]"},
		{"canary@[192.0.2.1] and a@b.example", "[mail] and [mail]"},
		{"mailto:canary@example.com?subject=Order 7", "mailto:[mail]?subject=Order 7"},

		// Chinese mobile numbers.
		{"电话13900001234已", "电话[phone]已"},
		{"13900001234", "[phone]"},
		{"+8613900001234", "[phone]"},
		{"+86 139 0000 1234", "[phone]"},
		{"+86-139-0000-1234, order 7", "[phone], order 7"},
		{"(+86) 139 0000 1234", "[phone]"},
		{"(+86)13900001234", "[phone]"},
		{"008613900001234", "[phone]"},
		{"0086 139-0000-1234", "[phone]"},
		{"86 13900001234", "[phone]"},
		{"139-0000-1234/139 0000 1234", "[phone]/[phone]"},
		{"1390000 1234; 139 00001234; 139.0000.1234", "[phone]; [phone]; [phone]"},
		{"139 000 01234, 1390 000 1234, 13900 001234", "[phone], [phone], [phone]"},
		{"139\u00a00000\u00a01234 139–0000–1234", "[phone] [phone]"},
		{"１３９００００１２３４ and １３９－００００－１２３４", "[phone] and [phone]"},
		{"%2B8613900001234 or phone%3D13900001234", "[phone] or phone%3D***"},
		{"139+0000+1234 139%200000%201234", "[phone] [phone]"},
		{`note\n13900001234`, `note\n[phone]`},
		{"tel13900001234 Mobile13900001234", "tel[phone] Mobile[phone]"},
		{"us-store-13900001234 and call_13900001234", "us-store-[phone] and call_[phone]"},
		{"13900001234 13900001235,13900001236", "[phone] [phone],[phone]"},
		{"1391234-13900001234", "1391234-[phone]"},
		{"13900001234call", "[phone]call"},

		// International and other numbers.
		{"+1 (415) 555-0123", "[phone]"},
		{"+14155550123.", "[phone]."},
		{"+44 (0)20 7946 0958", "[phone]"},
		{"call +49-30-901820, order 7", "call [phone], order 7"},
		{"＋852 2345 6789", "[phone]"},
		{"phone=%2B14155550123", "phone=***"},
		{"at 02:00:00 +49 30 901820 1", "at 02:00:00 +49 30 901820 1"}, // looks like a zone, which must stay
		{"(415) 555-0123 415-555-0123", "[phone] [phone]"},
		{"010-12345678 (0755)12345678", "[phone] [phone]"},
	} {
		check(t, s, c[0], c[1])
	}
}

// TestReadable holds that what an operator needs stays as it is.
func TestReadable(t *testing.T) {
	t.Parallel()
	s := scrub.New([]string{"canary-0123456789"})
	for _, text := range []string{
		"", "the shop answered 503 Service Unavailable", "ordersyncd sync us-orders --since 2026-10-01 --until 2026-10-17",
		"ordersyncd check --online --send-test-alert", "sudo systemctl reload ordersyncd", "journalctl -u ordersyncd --since -1h",
		// Ids.
		"order 1234567, order_id=98765432109, number #10027", "tid 2026101700000000001", "SO13900001234", "id 0123456789abcdef",
		"incident 1390000123", "notice 13900001234abcde", "run 018f3c6e-7b1a-7c3e-9f00-139000012340", "sku ABC-139-XL", "20261017-139000",
		"ids 13900001234567, 213900001234", "commit a13900001234f", "source us-store, job us-orders, window 2026-10-17",
		// Times.
		"2026-10-17 02:00:00.123456789 +0800 CST", "2026-10-17T02:00:00Z", "2026-10-17T02:00:00.139000012+08:00", "10:00:00 +1030 +1030",
		"1760000000", "1760000000123", "1760000000123456", "took 13.9000012s after 1m30s", "13900001234ns", "watermark 2026-10-17T01:59:30+08:00",
		// Counts and amounts.
		"read 300 orders, 12 changed, 0 failed", "total 12345.67 CNY, 1,390,000,123.40", "13900001234.50", "15032385536B free", "3/4 pages",
		"counts 13 20 31 14 100", "+3 orders", "1.5e+20",
		// Addresses of machines.
		"dial tcp 127.0.0.1:3306: connect: connection refused", "lookup api.us-server.example.com: no such host", "[2001:db8::1]:443",
		"Get \"https://api.example.com/orders?page=2&per_page=100\": EOF", "https://api.example.com/orders/13900001234567",
		"Access denied for user 'ordersync'@'10.0.0.1' (using password: YES)", "root@localhost", "user@1000.service",
		"/root/go/pkg/mod/github.com/cenkalti/backoff/v4@v4.3.0/retry.go:61", "internal/token/renew.go:139", "config.yaml:12:34: a mistake",
		// Words that are also names.
		"the token: unexpected end of JSON input", "session: expired", "the session has ended; type: ordersyncd authorize tmall",
		"password: wrong", "bearer authentication failed", "basic authentication", "authorization: refused", "sign_method=md5 format=json",
		"key=us-orders", "code=isv.session-expired sub_code=isp.remote-service-timeout", "design=5, signed=true", "next token",
		"Duplicate column name", "Lock wait timeout exceeded; try restarting transaction", "mail: 550 mailbox unavailable",
		"Invalid Session: SessionKey expired", `password: "${credential:db-password}"`, "smtp: {password: ${credential:smtp}, port: 465}",
		"LoadCredential=taobao-app-secret:/etc/ordersync/credentials/taobao-app-secret",
		"internal/token:12", "secret:8080", `"token":null`, "app_key=12345678", "it's 5 o'clock",
		"Deadlock found when trying to get lock; Data too long for column 'title' at row 1",
	} {
		check(t, s, text, text)
	}
}

// TestMixtures holds for what is put together of pieces that mean something to the scrubber: a secret that it was told of never
// survives, and twice is once.
func TestMixtures(t *testing.T) {
	t.Parallel()
	const secret = "k9-Canary/0123+Z="
	s := scrub.New([]string{secret})
	pieces := []string{
		"session", "sign", "access_token", "Authorization", "Bearer", "cookie", "key",
		"code", "=", ":", ": ", " = ", "=>", "%3D", "%26", "&", "?", "\"", "'", "\\\"", "%22",
		"{", "}", "[", "]", ",", ";", " ", "\n", "\\n", "\\u003d", "<session>",
		"</session>", "https://", "@", "%40", "a.example", "/", "Duplicate entry '",
		"' for key 'a'", "13900001234", "+86", "139", "0000", "1234", "-", "(", ")",
		"+1 415", "2026-10-17 02:00:00", "***", "[mail]", "[phone]", "abc123", "word",
		secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), "张三", "１", "\xff",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 12).Draw(t, "pieces"), "")
		once := s.Text(text)
		if strings.Contains(once, secret) || strings.Contains(once, url.QueryEscape(secret)) {
			t.Errorf("%q leaves %q", text, once)
		}
		if again := s.Text(once); again != once {
			t.Errorf("%q becomes %q, then %q", text, once, again)
		}
	})
}

// FuzzText holds, for any text around them: no canary survives in a form that the scrubber knows, nothing panics, twice is once, and what
// has nothing of all that stays.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"", "dial tcp: refused", `{"a":"`, "https://", "&", "=", "sign=", "Duplicate entry '", "' for key", "+86 ", "1", "@", "%", "\\", "\"", "***", "*",
		"Bearer ", "a.b@c.d", "Y2Fu", "\x00\xff", "１", "<session>", "139", "-", "cana", "tel", "x",
	} {
		f.Add(text, "")
		f.Add("", text)
		f.Add(text+" ", " "+text)
	}
	const secret = "k9-Canary/0123+Z=" // in everything that is written down below
	s := scrub.New([]string{secret, "another/secret?0"})
	forms := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), jsonText(secret), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte("u:" + secret)),
	}
	// What recognises by form needs an edge: blanks stand around.
	named := []string{
		"Authorization: Bearer canary0123456", `"session":"canary0123456"`, "?access_token=canary0123456&", "&sign=canary0123456",
		"app_secret=canary0123456", "canary0123456@example.com", "Duplicate entry 'canary0123456' for key 'a'",
	}
	phones := []string{"13900001234", "+8613900001234", "+86 139 0000 1234", "139-0000-1234", "+1 415 555 0123"}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, form := range forms {
			got := s.Text(before + form + after)
			core := strings.Trim(form, `"`)[2 : len(form)-4]
			if strings.Contains(got, core) && !strings.Contains(before+after, core) {
				t.Errorf("%q survives in %q", form, got)
			}
		}
		for _, canary := range named {
			got := s.Text(before + "\n " + canary + " \n" + after)
			if strings.Contains(got, "canary0123456") && !strings.Contains(before+after, "canary0") {
				t.Errorf("%q survives in %q", canary, got)
			}
		}
		for _, phone := range phones {
			got := s.Text(before + "\n \n" + phone + "\n \n" + after)
			if strings.Contains(got, "\n"+phone+"\n") && !strings.Contains(before+after, phone) {
				t.Errorf("%q survives in %q", phone, got)
			}
		}
		once := s.Text(before + after)
		if again := s.Text(once); again != once {
			t.Errorf("%q becomes %q, then %q", before+after, once, again)
		}
	})
}

// TestHostile holds that texts made to be slow are not: a pass that looked back and forth over them would not end within the time of the
// whole run.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := scrub.New([]string{"aaaaaaaa1", "1391391391391"})
	for _, part := range []string{
		"a", "1", "139", "+1", "token", "a.", "a@", "'", "\"", "\\", "139-",
		"duplicate entry '",
		"bearer ", "session:", "session=\"", "%40", "(1", "<a>", "://",
	} {
		text := strings.Repeat(part, 1<<16/len(part))
		if got := s.Text(text); got == "" {
			t.Errorf("%q times many became nothing", part)
		}
	}
}

func BenchmarkText(b *testing.B) {
	var secrets []string
	for i := range 3000 {
		secrets = append(secrets, fmt.Sprintf("%032x", time.Duration(i)*time.Second))
	}
	s := scrub.New(secrets)
	text := strings.Repeat("run 42 of us-orders failed: Get \"https://api.example.com/orders?page=2&sign=0123456789\": dial tcp 10.0.0.1:443: refused; ", 3)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = s.Text(text)
	}
}
