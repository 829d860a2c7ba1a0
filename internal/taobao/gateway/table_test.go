package gateway_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

// row is one row of the platform's tables, and what comes of it.
type row struct {
	name string
	// reply is answered to every attempt; once: to the first alone, and a good answer to the next.
	reply reply
	once  bool
	open  bool // asked without a session

	kind     fault.Kind
	attempts int // that reached the platform
	is       []error
	wait     time.Duration // stated, with the failure
	told     string        // to the pace; a good answer is told as well
	text     string        // in the error
	remedy   string        // in the remedy
}

const (
	appRefused  = "refuse app key"
	shopRefused = "refuse hash of 6100c4n"
	parked1s    = "park app key 1s, park app key 1s, park app key 1s, park app key 1s"
	allGood     = "accept app key, accept hash of 6100c4n"
)

// transport are rows of 5.4, 1: no answer, another status than 200, nothing readable. All pass.
func transport() []row {
	rows := []row{
		{name: "no answer", reply: reply{drop: true}, text: "closed without an answer"},
		{name: "HTML with 200", reply: reply{kind: "text/html", body: "<html><body>busy</body></html>"}, text: "HTML or XML where JSON was asked for"},
		{name: "HTML with 502", reply: reply{status: 502, kind: "text/html", body: "<html>Bad Gateway</html>"}, text: "502 Bad Gateway"},
		{name: "an XML answer", reply: reply{kind: "text/xml;charset=UTF-8", body: `<?xml version="1.0" encoding="utf-8" ?><trades_sold_get_response>` +
			`<total_results>0</total_results></trades_sold_get_response><!--top010-->`}, text: "XML where JSON was asked for"},
		{name: "XML cut short", reply: reply{body: `<?xml version="1.0"?><error_response><code>2`}, text: "XML where JSON was asked for"},
		{name: "a body cut short", reply: reply{body: empty[:20], cut: true}, text: "cut short"},
		{name: "a body cut without a sign", reply: reply{body: empty[:20]}, text: "not whole, valid JSON"},
		{name: "an empty body", reply: reply{body: " \n"}, text: "the body is empty"},
		{name: "null", reply: reply{body: "null"}, text: "no trades_sold_get_response"},
		{name: "an empty object", reply: reply{body: "{}"}, text: "no trades_sold_get_response"},
		{name: "a list", reply: reply{body: "[" + empty + "]"}, text: "no trades_sold_get_response"},
		{name: "another method's root", reply: reply{body: `{"trade_fullinfo_get_response":{"trade":{}}}`}, text: "no trades_sold_get_response"},
		{name: "a root that is no object", reply: reply{body: `{"trades_sold_get_response":"busy"}`}, text: "no trades_sold_get_response"},
		{name: "the root twice", reply: reply{body: empty[:len(empty)-1] + "," + empty[1:]}, text: "no trades_sold_get_response"},
		{name: "an error that is no object", reply: reply{body: `{"error_response":"busy"}`}, text: "no trades_sold_get_response"},
	}
	for _, status := range []int{201, 204, 400, 401, 403, 404, 405, 408, 413, 500, 503, 504} {
		rows = append(rows, row{name: fmt.Sprint("status ", status), reply: reply{status: status}, text: fmt.Sprint(status, " ")})
	}
	for i := range rows {
		rows[i].kind, rows[i].attempts = fault.Transient, 4
	}
	return append(rows,
		row{name: "HTML once", once: true, reply: reply{body: "<html>"}, attempts: 2, told: allGood},
		row{name: "404 with an answer in it", reply: reply{status: 404, body: refusal(15, "isv.trade-not-exist", "").body},
			kind: fault.Rejected, attempts: 1, is: []error{gateway.ErrNoTrade}},
	)
}

// limits are rows of 5.1, 5.3 and 5.4, 3.
func limits() []row {
	const ban = "This ban will last for 31062 more seconds"
	day := row{kind: fault.RateLimited, attempts: 1, wait: 31063 * time.Second, told: "park app key 8h37m43s", remedy: "It ends in 8h37m43s"}
	var rows []row
	add := func(r row, name string, code int, sub, msg string) {
		r.name, r.reply = name, refusal(code, sub, msg)
		rows = append(rows, r)
	}
	for _, sub := range []string{
		"accesscontrol.limited-by-app-access-count", "accesscontrol.limited-by-api-access-count",
		"accesscontrol.limited-by-app-api-access-count", "accesscontrol.limited-by-dynamic-access-count",
	} {
		add(day, sub, 7, sub, ban)
	}
	add(day, "the same under code 15", 15, "accesscontrol.limited-by-app-access-count", ban)
	for code := 4; code <= 8; code++ {
		add(day, fmt.Sprintf("code %d with a ban", code), code, "", ban)
		add(row{kind: fault.RateLimited, attempts: 4, wait: time.Second, told: parked1s, remedy: "rate.per_second"},
			fmt.Sprintf("code %d without one", code), code, "", "")
	}
	second := row{kind: fault.RateLimited, attempts: 4, wait: time.Second, told: parked1s}
	add(second, "a ban of no seconds", 7, "", "This ban will last for 0 more seconds")
	add(second, "a ban of ten days", 7, "", "This ban will last for 864000 more seconds")
	add(second, "a ban beyond numbers", 7, "", "This ban will last for 99999999999999999999 more seconds")
	add(second, "a negative ban", 7, "", "This ban will last for -5 more minutes")
	add(row{kind: fault.RateLimited, attempts: 1, wait: 24 * time.Hour, told: "park app key 24h0m0s"}, "a ban of a day", 7, "",
		"This ban will last for 86400 more seconds")
	add(row{once: true, attempts: 2, told: "park app key 2s, " + allGood}, "a ban of a second", 7,
		"accesscontrol.limited-by-api-access-count", "This ban will last for 1 more seconds")
	add(row{kind: fault.Transient, attempts: 1, wait: 3 * time.Minute, is: []error{gateway.ErrTooHeavy}, remedy: "half the span"},
		"too heavy", 15, "isv.trade-service-rejection", "")
	xml := day
	xml.name, xml.reply = "a ban in XML", reply{kind: "text/xml", body: `<?xml version="1.0" encoding="utf-8" ?><error_response><code>7</code>` +
		`<msg>App Call Limited</msg><sub_code>accesscontrol.limited-by-app-access-count</sub_code><sub_msg>` + ban +
		`</sub_msg></error_response><!--top010179-->`}
	return append(rows, xml)
}

// sessions are rows of 5.4, 4.
func sessions() []row {
	shop := row{kind: fault.Auth, attempts: 1, is: []error{gateway.ErrSession}, told: shopRefused, remedy: "ordersyncd authorize"}
	var rows []row
	add := func(code int, sub string) {
		r := shop
		r.name, r.reply = strings.TrimSpace(fmt.Sprintf("code %d %s", code, sub)), refusal(code, sub, "SessionKey "+token+" is not valid")
		rows = append(rows, r)
	}
	for _, code := range []int{26, 27, 53} {
		add(code, "")
	}
	for _, word := range []string{"session-expired", "invalid-sessionkey", "session-is-blank", "session-not-exist"} {
		for _, code := range []int{26, 27, 15, 50} {
			add(code, word)
		}
	}
	add(15, "isv.r2-security-authorize-invalid")
	return append(rows, row{name: "26 to a question without a session", open: true, reply: refusal(26, "", ""), kind: fault.Protocol, attempts: 1,
		text: "asked without a session"})
}

// faults are rows of 5.2 and 5.4, 5: the server's own.
func faults() []row {
	var rows []row
	for _, sub := range []string{
		"isp.remote-service-error", "isp.remote-service-timeout", "isp.remote-connection-error", "isp.top-remote-connection-timeout",
		"isp.top-remote-connection-error", "isp.top-remote-service-unavailable", "isp.top-remote-unknown-error", "isp.unknown-error",
		"isp.system-busy", "isp.call-limited", "isp.trade-service-unavailable", "isp.remote-service-timeout-tmall",
		"isp.trade-service-unavailable-tmall",
	} {
		rows = append(rows, row{name: sub, reply: refusal(15, sub, ""), kind: fault.Transient, attempts: 4, wait: time.Second,
			remedy: "promotion hours"})
	}
	rows = append(rows,
		row{name: "code 10", reply: refusal(10, "", ""), kind: fault.Transient, attempts: 4, wait: time.Second},
		row{name: "code 50 and a fault", reply: refusal(50, "isp.remote-service-timeout", ""), kind: fault.Transient, attempts: 4, wait: time.Second},
		row{name: "a code as text", reply: reply{body: `{"error_response":{"code":"10","msg":"x"}}`}, kind: fault.Transient, attempts: 4, wait: time.Second},
		row{name: "a fault once", reply: refusal(15, "isp.system-busy", ""), once: true, attempts: 2, told: allGood},
	)
	for _, sub := range []string{"isp.null-pointer-exception", "isp.top-parse-error", "isp.top-mapping-parse-error", "isp.invalid-parameters",
		"isp.something-new", "isp.top-parse-error-tmall"} {
		rows = append(rows, row{name: sub, reply: refusal(15, sub, ""), kind: fault.Protocol, attempts: 1})
	}
	return rows
}

// others are rows of 5.1, 5.2 and 5.4, 6: fail this unit, and keep the request id.
func others() []row {
	var rows []row
	add := func(kind fault.Kind, told, remedy string, replies ...reply) {
		for _, r := range replies {
			rows = append(rows, row{name: strings.Fields(r.body)[0] + r.body[len(r.body)/2:], reply: r, kind: kind, attempts: 1, told: told,
				remedy: remedy, text: "(request x3)"})
		}
	}
	add(fault.Auth, appRefused, "app_secret", refusal(24, "", ""), refusal(25, "isv.invalid-signature", ""))
	add(fault.Auth, appRefused, "app_key", refusal(28, "", ""), refusal(29, "isv.appkey-not-exists", ""))
	add(fault.Config, "", "permission package", refusal(11, "isv.permission-api-package-empty", ""),
		refusal(11, "isv.permission-api-package-not-allowed", ""), refusal(11, "isv.permission-api-package-limit", ""),
		refusal(11, "", ""), refusal(15, "isv.invalid-permission", ""))
	add(fault.Config, "", "white list", refusal(11, "isv.permission-ip-whitelist-limit", ""))
	add(fault.Config, "", "main account", refusal(12, "", ""), refusal(42, "", ""))
	add(fault.Config, "", "partner account", refusal(13, "", ""))
	add(fault.Rejected, "", "no such order", refusal(15, "isv.trade-not-exist", "13800138000, jane@example.com"),
		refusal(50, "isv.trade-not-exist:1234567890123456789", ""), refusal(560, "isv.trade-not-exist", ""))
	add(fault.Protocol, "", "does not help", refusal(3, "", ""), refusal(15, "", ""), refusal(50, "isv.user-not-exist:invalid-nick", ""),
		refusal(15, "isv.item-get-service-error:ITEM_NOT_FOUND", ""), refusal(15, "isv.logistics-offline-service-error:B150", ""),
		refusal(501, "isv.parameters-mismatch:a-and-b", ""), refusal(88, "", ""), refusal(0, "", ""), refusal(23, "", ""),
		refusal(32, "", ""), refusal(33, "", ""), refusal(34, "", ""))
	add(fault.Protocol, "", "the proxy", refusal(9, "", ""))
	add(fault.Protocol, "", "no such method", refusal(21, "", ""), refusal(22, "", ""))
	add(fault.Protocol, "", "timedatectl", refusal(30, "", ""))
	add(fault.Protocol, "", "names it", refusal(40, "isv.missing-parameter:tid", "Missing required arguments:tid"),
		refusal(41, "isv.invalid-parameter:end_modified", ""), refusal(15, "isv.invalid-parameter:page_size", ""), refusal(43, "", ""))
	add(fault.Protocol, "", "receiver's number", refusal(15, "isv.oaid-field-miss", ""))
	add(fault.Protocol, "", "characters in app_key", refusal(47, "", ""))
	return rows
}

// TestRetryTable holds the decision order against a real server, a row for each line of the tables. What a row's waits come to is not
// measured here: a stated one is told to the pace, and the others are nothing or a second.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	tables := map[string][]row{
		"transport": transport(), "limits": limits(), "sessions": sessions(), "faults": faults(), "others": others(),
		"success": {
			{name: "lists are missing", reply: reply{body: `{"trades_sold_get_response":{}}`}, attempts: 1, told: allGood},
			{name: "an error inside the answer is none of the gateway's", attempts: 1, told: allGood,
				reply: reply{body: `{"trades_sold_get_response":{"error_response":{"code":7}}}`}},
			{name: "a byte order mark", reply: reply{body: "\xef\xbb\xbf" + empty}, attempts: 1, told: allGood},
		},
	}
	var waiting sync.WaitGroup
	for table, rows := range tables {
		for i, r := range rows {
			p, told := &platform{t: t}, newPace()
			p.script = func(n int, _ url.Values) reply {
				if r.once && n > 0 {
					return reply{body: empty}
				}
				return r.reply
			}
			s := open(t, p, serve(t, p), told)
			var err error
			waiting.Go(func() { // together: what most of them do is wait
				if r.open {
					_, err = s.CallOpen(t.Context(), "trades page 1", traded, nil)
				} else {
					_, err = s.trades(t.Context())
				}
			})
			t.Run(fmt.Sprintf("%s/%d %s", table, i, r.name), func(t *testing.T) {
				t.Parallel()
				r.hold(t, p, told, err)
			})
		}
	}
	waiting.Wait()
}

func (r row) hold(t *testing.T, p *platform, told *pace, err error) {
	mustBe(t, err, r.kind, r.is...)
	if n := len(p.made()); n != r.attempts {
		t.Errorf("%d attempts, want %d: %v", n, r.attempts, err)
	}
	if got := fault.RetryAfter(err); got != r.wait {
		t.Errorf("the wait is %s, want %s", got, r.wait)
	}
	if got := told.notes(); got != r.told {
		t.Errorf("the pace was told %q, want %q", got, r.told)
	}
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), r.text) || !strings.Contains(err.Error(), "trades page 1: POST 127.0.0.1:") {
		t.Errorf("the error %q does not say %q", err, r.text)
	}
	e, answered := errors.AsType[*gateway.Error](err)
	if !strings.Contains(gateway.Remedy(err), r.remedy) || answered && (e.Remedy() == "" || len(p.made()) == 0) {
		t.Errorf("the remedy %q does not say %q", gateway.Remedy(err), r.remedy)
	}
}
