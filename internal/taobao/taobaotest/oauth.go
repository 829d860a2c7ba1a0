package taobaotest

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// codeLife is how long a code works.
const codeLife = 30 * time.Minute

// App is an application of the platform.
type App struct {
	Key, Secret string
	// Redirect is the registered callback; the host must match. Empty: RedirectURI.
	Redirect string
	// Life is how long a token lasts; zero: a year. Refreshes says whether the app may refresh it (only service-market apps may): tokens then
	// come with a re_expires_in above zero and a refresh token that works once.
	Life      time.Duration
	Refreshes bool
	// EndsOld ends the old session at once when it is refreshed.
	EndsOld bool
	// Sensitive is how long r2 and w2 last; zero: as long as the token. Afterwards calls with the session answer code 53.
	Sensitive time.Duration
	// Quoted sends the numbers of a token as texts.
	Quoted bool
	// Sellers are the nicks that may authorise the app; nil: all. Others see the page error 1001.
	Sellers []string
}

// Token is a session of a shop.
type Token struct {
	Access, Refresh, AppKey, Nick string
	// A zero end is never.
	Issued, Ends, SensitiveEnds time.Time
}

// code is what a seller brings home from the browser.
type code struct {
	appKey, nick string
	until        time.Time
}

// AddApp registers an app, or changes one.
func (s *Server) AddApp(app App) {
	app.Redirect, app.Life = cmp.Or(app.Redirect, RedirectURI), cmp.Or(app.Life, 365*24*time.Hour)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[app.Key] = app
}

// Grant gives an app a session of a shop, as if its owner had authorised it now. What is empty is filled in; AppKey and the first shop are the
// defaults.
func (s *Server) Grant(t Token) Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant(t)
}

func (s *Server) grant(t Token) Token {
	t.AppKey, t.Nick = cmp.Or(t.AppKey, AppKey), cmp.Or(t.Nick, s.Truth.Nick())
	app, now, n := s.apps[t.AppKey], s.Truth.Now(), strconv.Itoa(len(s.tokens))
	t.Access, t.Refresh = cmp.Or(t.Access, "6200access-"+n), cmp.Or(t.Refresh, "6201refresh-"+n)
	if t.Issued.IsZero() {
		t.Issued = now
	}
	if t.Ends.IsZero() {
		t.Ends = now.Add(app.Life)
	}
	if t.SensitiveEnds.IsZero() && app.Sensitive > 0 {
		t.SensitiveEnds = now.Add(app.Sensitive)
	}
	s.tokens = append(s.tokens, &t)
	return t
}

// Revoke lets a session be unknown from now on.
func (s *Server) Revoke(access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.DeleteFunc(s.tokens, func(t *Token) bool { return t.Access == access })
}

// Expire ends a session now: calls with it answer code 27 and session-expired.
func (s *Server) Expire(access string) { s.end(access, s.Truth.Now()) }

// Renew lets an expired session work again, as when the platform erred.
func (s *Server) Renew(access string) { s.end(access, time.Time{}) }

func (s *Server) end(access string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.Access == access {
			t.Ends = at
		}
	}
}

// Tokens returns the sessions granted so far, oldest first.
func (s *Server) Tokens() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := make([]Token, len(s.tokens))
	for i, t := range s.tokens {
		tokens[i] = *t
	}
	return tokens
}

// Authorize is what a seller does in the browser: it returns a code, which works once and for 30 minutes.
func (s *Server) Authorize(appKey, nick string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "code-" + strconv.Itoa(len(s.codes)+1)
	s.codes[name] = code{appKey: appKey, nick: cmp.Or(nick, s.Truth.Nick()), until: s.Truth.Now().Add(codeLife)}
	return name
}

func (r *reply) page(status int, words string) {
	r.status, r.body = status, "<!doctype html><html><body><p>"+words+"</p></body></html>"
	r.header.Set("Content-Type", "text/html; charset=utf-8")
}

// authorize is the page in which a seller says yes or no (GET shows it, POST sends it), and goes back to the app with a code.
func (s *Server) authorize(c *call, out *reply) {
	app, known := s.app(c.AppKey)
	redirect, err := url.Parse(c.params.value("redirect_uri"))
	switch {
	case !known:
		out.page(http.StatusBadRequest, "invalid client_id")
		return
	case c.params.value("response_type") != "code":
		out.page(http.StatusBadRequest, "unsupported_response_type")
		return
	case err != nil || !sameHost(app.Redirect, c.params.value("redirect_uri")):
		out.page(http.StatusBadRequest, "invalid_client: application callback can not match the redirect_uri")
		return
	case c.request.Method != http.MethodPost:
		out.page(http.StatusOK, s.form(c))
		return
	}
	nick := cmp.Or(c.params.value("nick"), s.Truth.Nick())
	if app.Sellers != nil && !slices.Contains(app.Sellers, nick) {
		out.page(http.StatusOK, "error 1001: the seller is not on the app's list")
		return
	}
	back := redirect.Query()
	if state := c.params.value("state"); state != "" {
		back.Set("state", state)
	}
	if c.params.value("action") == "deny" {
		back.Set("error", "access_denied")
		back.Set("error_description", "authorize reject")
	} else {
		back.Set("code", s.Authorize(c.AppKey, nick))
	}
	redirect.RawQuery = back.Encode()
	out.page(http.StatusFound, "back to the app")
	out.header.Set("Location", redirect.String())
}

func (s *Server) form(c *call) string {
	form := `<form method="post" action="/authorize">`
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "state", "view"} {
		form += `<input type="hidden" name="` + name + `" value="` + html.EscapeString(c.params.value(name)) + `">`
	}
	return form + `<input name="nick"><button name="action" value="allow">授权</button><button name="action" value="deny">取消</button></form>`
}

func sameHost(a, b string) bool {
	first, err := url.Parse(a)
	second, errs := url.Parse(b)
	return err == nil && errs == nil && first.Host != "" && first.Host == second.Host
}

// token is the token endpoint.
func (s *Server) token(c *call, out *reply) {
	if c.fault != nil && c.fault.Code != 0 {
		s.oauthError(c, out, cmp.Or(c.fault.SubCode, "server_error"), cmp.Or(c.fault.SubMsg, c.fault.Msg))
		return
	}
	app, known := s.app(c.AppKey)
	switch {
	case c.request.Method != http.MethodPost:
		s.oauthError(c, out, "invalid_request", "use POST")
		return
	case !known || app.Secret != c.params.value("client_secret"):
		s.oauthError(c, out, "invalid_client", "client_id or client_secret is wrong")
		return
	}
	var token Token
	var problem string
	switch c.params.value("grant_type") {
	case "authorization_code":
		if !sameHost(app.Redirect, c.params.value("redirect_uri")) {
			s.oauthError(c, out, "invalid_client", "application callback can not match the redirect_uri")
			return
		}
		token, problem = s.exchange(c.AppKey, c.params.value("code"))
	case "refresh_token":
		token, problem = s.refresh(app, c.params.value("refresh_token"))
	default:
		s.oauthError(c, out, "unsupported_grant_type", "grant_type is wrong")
		return
	}
	if problem != "" {
		s.oauthError(c, out, "invalid_client", problem)
		return
	}
	out.header.Set("Content-Type", "application/json;charset=UTF-8")
	out.body = s.tokenJSON(app, token)
}

func (s *Server) oauthError(c *call, out *reply, name, description string) {
	c.Code, c.SubCode = -1, name
	n := object()
	n.add("error", text(name))
	n.add("error_description", text(description))
	out.status, out.body = cmp.Or(c.rules.OAuthStatus, http.StatusBadRequest), format{}.json(n)
	out.header.Set("Content-Type", "application/json;charset=UTF-8")
}

// exchange takes a code, which thereby is used up.
func (s *Server) exchange(appKey, name string) (token Token, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.codes[name]
	if found.appKey != appKey || appKey == "" || !s.Truth.Now().Before(found.until) {
		return Token{}, "authorize code " + strconv.Quote(name) + " is invalidate"
	}
	s.codes[name] = code{}
	return s.grant(Token{AppKey: appKey, Nick: found.nick}), ""
}

// refresh takes a refresh token, which thereby is used up.
func (s *Server) refresh(app App, name string) (token Token, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.tokens, func(t *Token) bool { return t.Refresh == name && name != "" && t.AppKey == app.Key })
	switch {
	case i < 0:
		return Token{}, "refresh token is invalid"
	case !app.Refreshes:
		return Token{}, "refresh times limit exceed"
	}
	old := s.tokens[i]
	old.Refresh = ""
	if app.EndsOld {
		old.Ends = s.Truth.Now()
	}
	return s.grant(Token{AppKey: app.Key, Nick: old.Nick}), ""
}

// tokenJSON is what tells of a token.
func (s *Server) tokenJSON(app App, t Token) string {
	now := s.Truth.Now()
	life, sensitive := int64(t.Ends.Sub(now)/time.Second), int64(t.Ends.Sub(now)/time.Second)
	if !t.SensitiveEnds.IsZero() {
		sensitive = int64(t.SensitiveEnds.Sub(now) / time.Second)
	}
	again := int64(0)
	if app.Refreshes {
		again = life
	}
	n := object()
	n.add("access_token", text(t.Access))
	n.add("token_type", text("Bearer"))
	n.add("expires_in", number(life))
	n.add("refresh_token", text(t.Refresh))
	n.add("re_expires_in", number(again))
	for _, right := range []string{"r1", "w1", "r2", "w2"} {
		seconds := life
		if right[1] == '2' {
			seconds = sensitive
		}
		n.add(right+"_expires_in", number(seconds))
		n.add(right+"_valid", number(now.Add(time.Duration(seconds)*time.Second).UnixMilli()))
	}
	n.add("expire_time", number(t.Ends.UnixMilli()))
	n.add("refresh_token_valid_time", number(now.Add(time.Duration(again)*time.Second).UnixMilli()))
	n.add("taobao_user_id", text("2200000001"))
	n.add("taobao_user_nick", text(url.QueryEscape(t.Nick)))
	n.add("taobao_open_uid", text("AAFopen"))
	return format{textNumbers: app.Quoted}.json(n)
}

// tokenCreate and tokenRefresh are the token endpoint as methods: the answer holds a JSON document inside a JSON text.
func (s *Server) tokenCreate(c *call) (*node, *failure) {
	if c.params.value("code") == "" {
		return nil, missing("code")
	}
	app, _ := s.app(c.AppKey)
	token, problem := s.exchange(c.AppKey, c.params.value("code"))
	return s.tokenResult(app, token, problem)
}

func (s *Server) tokenRefresh(c *call) (*node, *failure) {
	if c.params.value("refresh_token") == "" {
		return nil, missing("refresh_token")
	}
	app, _ := s.app(c.AppKey)
	token, problem := s.refresh(app, c.params.value("refresh_token"))
	return s.tokenResult(app, token, problem)
}

func (s *Server) tokenResult(app App, token Token, problem string) (*node, *failure) {
	if problem != "" {
		return nil, remote("isv.invalid-parameter:token", problem)
	}
	n := object()
	n.add("token_result", text(s.tokenJSON(app, token)))
	return n, nil
}
