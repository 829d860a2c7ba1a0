package gateway

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

// publicNames are the parameters that belong to the protocol. simplify is never used: it drops the root by which an answer is known.
func publicNames() []string {
	return []string{"method", "app_key", "session", "timestamp", "v", "sign_method", "sign", "format", "simplify"}
}

// accepted are the statuses besides 200 whose bodies are looked into: the platform answers its errors with 200, and something before it
// that answers another status is to be tried again, not to be taken for a refused credential.
func accepted() []int {
	var statuses []int
	for status := 201; status < 300; status++ {
		statuses = append(statuses, status)
	}
	for status := 400; status < 500; status++ {
		if status != http.StatusTooManyRequests { // may state a wait in a header
			statuses = append(statuses, status)
		}
	}
	return statuses
}

// errand is one question on its way, attempt by attempt. It is used by one goroutine.
type errand struct {
	question
	gateway *Gateway
	permit  permit
	sent    map[string]string // what the last attempt sent
	answer  *Answer
}

// build makes the request of one attempt.
func (e *errand) build(ctx context.Context) (*http.Request, error) {
	g := e.gateway
	secret := g.o.AppSecret()
	if secret == "" || !utf8.ValidString(secret) {
		return nil, fault.Errorf(fault.Config, "the app secret is empty or not text")
	}
	all := map[string]string{
		"method": e.method, "app_key": g.o.AppKey, "v": "2.0", "format": "json", "sign_method": g.o.SignMethod,
	}
	if e.asShop {
		token, err := g.admit(ctx, &e.permit)
		if err != nil {
			return nil, err
		}
		all["session"] = token
	}
	for name, value := range e.params {
		if name != "" && value != "" {
			all[name] = value
		}
	}
	all["timestamp"] = Stamp(g.clock.now()) // last: a session may have had to be waited for
	signature, err := Sign(g.o.SignMethod, secret, all)
	if err != nil {
		return nil, err
	}
	all["sign"] = signature
	e.sent = all
	form := make(url.Values, len(all))
	for name, value := range all {
		form.Set(name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.o.Address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// check judges an answer: first that it is one, then the error in it, else it keeps what stands below the root.
func (e *errand) check(r *apiclient.Response) error {
	body := bytes.TrimSpace(bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf")))
	if len(body) > 0 && body[0] == '<' {
		if refusal, ok := xmlError(body); ok {
			return e.refused(r, refusal)
		}
	}
	switch valid, err := wellFormed(body); {
	case err != nil:
		return err
	case valid:
		if refusal, ok := jsonError(body); ok {
			return e.refused(r, refusal)
		}
	}
	if r.Status != http.StatusOK {
		return fault.Errorf(fault.Transient, "%w, and no answer of the gateway", &apiclient.StatusError{Status: r.Status})
	}
	if err := readable(r, body); err != nil {
		return err
	}
	root := rootOf(e.method)
	found, ok := below(body, root)
	if !ok {
		return fault.Errorf(fault.Transient, "the answer has no %s, and no error_response either (%d bytes)", root, len(r.Body))
	}
	e.answer = &Answer{
		Body: []byte(found.Raw), SentAt: e.gateway.clock.corrected(r.SentAt, r.ClockKnown),
		RequestID: plain(found.Get("request_id").String(), mostOfID), sent: r.SentAt,
	}
	return nil
}

// refused judges an error of the gateway's, with nothing in it that was sent.
func (e *errand) refused(r *apiclient.Response, refusal *Error) error {
	refusal.ban = banOf(refusal)
	refusal.scrub(append(secretsOf(e.sent), e.gateway.o.AppSecret()))
	return refusal.judge(e.gateway.clock.corrected(r.SentAt, r.ClockKnown), e.asShop)
}

// readable says what a body is that is no JSON. Nothing of it is quoted.
func readable(r *apiclient.Response, body []byte) error {
	kind := strings.ToLower(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
		return fault.Errorf(fault.Transient, "the body is empty")
	case gjson.ValidBytes(body):
		return nil
	case bytes.HasPrefix(body, []byte("<?xml")) || body[0] == '<' && strings.Contains(kind, "xml"):
		return fault.Errorf(fault.Transient, "the body is XML where JSON was asked for (%d bytes)", len(r.Body))
	case body[0] == '<' || strings.Contains(kind, "html"):
		return fault.Errorf(fault.Transient, "the body is HTML or XML where JSON was asked for: a page of something before the gateway (%d bytes)",
			len(r.Body))
	}
	return fault.Errorf(fault.Transient, "the body is not whole, valid JSON (%d bytes)", len(r.Body))
}

// mostNesting is how deep an answer may be nested before nobody can read it: reading it takes a stack as deep.
const mostNesting = 100_000

// wellFormed reports whether a body is whole JSON. Depth alone does not spoil it here: whoever reads the answer has limits of its own,
// and one record that exceeds them must not look like a connection that was cut, which is tried again for ever.
func wellFormed(body []byte) (bool, error) {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	if deepest > mostNesting {
		return false, fault.Errorf(fault.Rejected, "the answer is nested more than %d levels deep", mostNesting)
	}
	return gjson.ValidBytes(body), nil
}

// rootOf is the name below which a method's answer stands: the method without its platform, where that is taobao.
func rootOf(method string) string {
	return strings.ReplaceAll(strings.TrimPrefix(method, "taobao."), ".", "_") + "_response"
}

// below finds an object by its key at the top. A key that is there twice is no answer.
func below(body []byte, key string) (found gjson.Result, ok bool) {
	times := 0
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		if name.String() == key {
			found = value
			times++
		}
		return true
	})
	return found, times == 1 && found.IsObject()
}

func jsonError(body []byte) (*Error, bool) {
	found, ok := below(body, "error_response")
	if !ok {
		return nil, false
	}
	return &Error{
		Code: number(found.Get("code").String()), Msg: found.Get("msg").String(), SubCode: found.Get("sub_code").String(),
		SubMsg: found.Get("sub_msg").String(), RequestID: found.Get("request_id").String(),
	}, true
}

// xmlError reads an error that came as XML all the same: a ban in it is a ban.
func xmlError(body []byte) (*Error, bool) {
	var found struct {
		XMLName   xml.Name `xml:"error_response"`
		Code      string   `xml:"code"`
		Msg       string   `xml:"msg"`
		SubCode   string   `xml:"sub_code"`
		SubMsg    string   `xml:"sub_msg"`
		RequestID string   `xml:"request_id"`
	}
	is := xml.Unmarshal(body, &found) == nil
	return &Error{
		Code: number(found.Code), Msg: found.Msg, SubCode: found.SubCode, SubMsg: found.SubMsg, RequestID: found.RequestID,
	}, is
}

// number reads a code, which comes as a number or as text; zero for anything else.
func number(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return n
}

// errNoSession is what Call says of a gateway that was made without one.
var errNoSession = errors.New("no session is configured for this source")
