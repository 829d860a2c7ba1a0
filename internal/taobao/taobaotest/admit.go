package taobaotest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// params are the parameters of a call, from address and body together.
type params struct {
	values       map[string]string
	empty, twice []string
}

// largestBody is how much of a call is read.
const largestBody = 10 << 20

// readParams reads address and body. The request itself is left as it is: it belongs to the client.
func readParams(r *http.Request) params {
	p := params{values: map[string]string{}}
	own := r.Clone(r.Context())
	if own.Body != nil {
		own.Body = http.MaxBytesReader(nil, own.Body, largestBody)
	}
	if strings.HasPrefix(own.Header.Get("Content-Type"), "multipart/form-data") {
		_ = own.ParseMultipartForm(largestBody) // what cannot be read is missing
	} else {
		_ = own.ParseForm()
	}
	for name, values := range own.Form {
		p.values[name] = values[0]
		if values[0] == "" {
			p.empty = append(p.empty, name)
		}
		if len(values) > 1 {
			p.twice = append(p.twice, name)
		}
	}
	slices.Sort(p.empty)
	slices.Sort(p.twice)
	return p
}

func (p params) value(name string) string { return p.values[name] }

func (p params) has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// shown are the parameters for the log.
func (p params) shown() map[string]string {
	shown := maps.Clone(p.values)
	for _, secret := range []string{"sign", "client_secret", "refresh_token", "code"} {
		delete(shown, secret)
	}
	return shown
}

// admit holds a call against all that must be so before its method is asked, in the gateway's order.
func (s *Server) admit(c *call) *failure {
	for _, check := range []func(*call) *failure{
		s.checkMethod, s.checkApp, s.checkClock, s.checkSign, s.checkSession, s.checkLimits,
	} {
		if problem := check(c); problem != nil {
			return problem
		}
	}
	return nil
}

func (s *Server) checkMethod(c *call) *failure {
	method, asked := methods()[c.Method]
	switch {
	case c.request.Method != http.MethodGet && c.request.Method != http.MethodPost:
		return &failure{code: 9, msg: "Http Action Not Allowed"}
	case slices.ContainsFunc(slices.Collect(maps.Values(c.params.values)), func(v string) bool { return !utf8.ValidString(v) }):
		return &failure{code: 47, msg: "Invalid Encoding"}
	case c.Method == "":
		return &failure{code: 21, msg: "Missing Method"}
	case !asked || method.answer == nil:
		return &failure{code: 22, msg: "Invalid Method"}
	}
	return nil
}

func (s *Server) checkApp(c *call) *failure {
	_, known := s.app(c.AppKey)
	switch {
	case c.AppKey == "":
		return &failure{code: 28, msg: "Missing App Key"}
	case !known:
		return &failure{code: 29, msg: "Invalid App Key", subCode: "isv.appkey-not-exists"}
	}
	return nil
}

func (s *Server) app(key string) (App, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, ok := s.apps[key]
	return app, ok
}

func (s *Server) checkClock(c *call) *failure {
	stamp := c.params.value("timestamp")
	if stamp == "" {
		return &failure{code: 30, msg: "Missing Timestamp"}
	}
	at, err := time.ParseInLocation(layout, stamp, platformZone)
	if millis, number := strconv.ParseInt(stamp, 10, 64); number == nil && len(stamp) == 13 {
		at, err = time.UnixMilli(millis), nil
	}
	if err != nil || s.clock(c).Sub(at).Abs() > 10*time.Minute {
		return &failure{code: 31, msg: "Invalid Timestamp"}
	}
	switch version := c.params.value("v"); version {
	case "2.0":
	case "":
		return &failure{code: 32, msg: "Missing Version"}
	default:
		return &failure{code: 33, msg: "Invalid Version"}
	}
	if !slices.Contains([]string{"", "xml", "json", "xml2", "json2"}, c.params.value("format")) {
		return &failure{code: 23, msg: "Invalid Format"}
	}
	return nil
}

func (s *Server) checkSign(c *call) *failure {
	sign := c.params.value("sign")
	if sign == "" {
		return &failure{code: 24, msg: "Missing Signature"}
	}
	app, _ := s.app(c.AppKey)
	if want := signature(c.params.value("sign_method"), app.Secret, c.params.values); want == "" || !hmac.Equal([]byte(want), []byte(sign)) {
		return &failure{code: 25, msg: "Invalid signature"}
	}
	return nil
}

// signature is the one that the gateway expects, "" for an unknown method of signing: name and value of each pair that has both, by name, without
// anything between; for md5 with the secret on both sides, else keyed with it; in upper-case hex.
func signature(method, secret string, values map[string]string) string {
	joined := ""
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "" && name != "sign" && values[name] != "" {
			joined += name + values[name]
		}
	}
	var h hash.Hash
	switch method {
	case "md5":
		h, joined = md5.New(), secret+joined+secret
	case "hmac":
		h = hmac.New(md5.New, []byte(secret))
	case "hmac-sha256":
		h = hmac.New(sha256.New, []byte(secret))
	default:
		return ""
	}
	h.Write([]byte(joined))
	return strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
}

func (s *Server) checkSession(c *call) *failure {
	access := c.params.value("session")
	switch {
	case !methods()[c.Method].session:
		return nil
	case !c.params.has("session"):
		return &failure{code: 26, msg: "Missing Session"}
	case access == "":
		return &failure{code: 26, msg: "Missing Session", subCode: "session-is-blank", subMsg: "SessionKey is blank"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.tokens, func(t *Token) bool { return t.Access == access && t.AppKey == c.AppKey })
	if i < 0 {
		return &failure{code: 27, msg: "Invalid Session", subCode: "invalid-sessionkey", subMsg: "SessionKey非法"}
	}
	c.token = s.tokens[i]
	c.truth = s.shops[c.token.Nick]
	switch now := s.Truth.Now(); {
	case !c.token.Ends.IsZero() && !now.Before(c.token.Ends):
		return &failure{code: 27, msg: "Invalid Session", subCode: "session-expired", subMsg: "SessionKey expired"}
	case c.truth == nil:
		return &failure{code: 27, msg: "Invalid Session", subCode: "session-not-exist", subMsg: "the seller is not here"}
	case !c.token.SensitiveEnds.IsZero() && !now.Before(c.token.SensitiveEnds):
		return &failure{code: 53, msg: "Insufficient security level", subCode: "isv.r2-security-authorize-invalid", subMsg: "r2 expired"}
	}
	return nil
}

func (s *Server) checkLimits(c *call) *failure {
	if c.ban != nil {
		c.told = c.ban
		return c.ban.refusal(c.At)
	}
	if subCode := c.rules.Forbidden[c.Method]; subCode != "" {
		return &failure{code: 11, msg: "Insufficient isv permissions", subCode: subCode, subMsg: "scope ids do not hold the API"}
	}
	return nil
}
