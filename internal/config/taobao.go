package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"ordersync/internal/config/words"
)

// The platforms that Taobao.Gateway may name instead of an address.
const (
	GatewayProduction = "production"
	GatewayOverseas   = "overseas"
	GatewaySandbox    = "sandbox"
)

// Where the platforms hand out tokens.
const (
	oauthProduction = "https://oauth.taobao.com"
	oauthSandbox    = "https://oauth.tbsandbox.com"
)

const (
	// taobaoSpan is the longest span that the list of changed orders takes (taobao.trades.sold.increment.get).
	taobaoSpan = 24 * time.Hour
	// taobaoReach is how far back the lists go (taobao.trades.sold.get: three months).
	taobaoReach = 90 * 24 * time.Hour
)

// Taobao describes a shop on Taobao or Tmall. Its defaults are filled in.
type Taobao struct {
	Kind      string `yaml:"kind" validate:"-" doc:"What kind of shop this is: taobao is a shop on Taobao or Tmall."`
	AppKey    string `yaml:"app_key" validate:"required" doc:"The number of your app on the open platform."`
	AppSecret Secret `yaml:"app_secret" validate:"required" doc:"The app's secret, such as ${credential:taobao-app-secret}."`
	// Session is the shop's token; zero: the one that 'ordersyncd authorize' stored.
	Session Secret `yaml:"session" doc:"The shop's token, such as ${credential:taobao-session}. With redirect_uri, 'ordersyncd authorize' gets it instead."`
	// SessionExpires is when Session ends; zero: not said.
	SessionExpires time.Time `yaml:"session_expires" doc:"The day on which the session ends. You are warned 30, 7 and 1 days before."`
	SignMethod     string    `yaml:"sign_method" validate:"oneof=md5 hmac hmac-sha256" doc:"How calls are signed."`
	// Gateway is one of the Gateway words, or the address of the platform's router.
	Gateway string `yaml:"gateway" doc:"Which platform: production, overseas, sandbox, or the whole address of its router."`
	// OAuth is the address below which /authorize and /token lie, without a slash at its end; filled in from Gateway, empty where that
	// is an address and no token is asked for.
	OAuth string `yaml:"oauth" doc:"The address below which /authorize and /token lie. Default: that of the platform."`
	// RedirectURI is empty where the token is not got by 'ordersyncd authorize'.
	RedirectURI string `yaml:"redirect_uri" doc:"The app's callback address, as it is registered on the open platform. Needed for 'ordersyncd authorize'."`
	AllowHTTP   bool   `yaml:"allow_http" doc:"Allows http:// to another machine: secrets then travel readable by anybody on the way."`
	Rate        Rate   `yaml:"rate" doc:"How often the platform may be called. Sources with the same app key share it."`
	HTTP        HTTP   `yaml:"http" doc:"Limits of one call."`
	// Overlap is read again on every run before the watermark.
	Overlap Duration `yaml:"overlap" validate:"gte=0" doc:"How much is read again at each run, before the point reached."`
	// Settle is how far behind now a window must end.
	Settle Duration `yaml:"settle" validate:"gte=0" doc:"How old a change must be before it is read."`
	// Slice is the longest window of one pass, a day at most.
	Slice Duration `yaml:"slice" validate:"gt=0" doc:"The longest span of time that is asked for at once, 24h at most."`
}

// Defaults implements decode.Filled. The slice keeps a second away from the day that the platform allows.
func (t *Taobao) Defaults() {
	t.SignMethod, t.Gateway = "hmac-sha256", GatewayProduction
	t.Rate.PerSecond = 5
	t.HTTP = usualHTTP()
	t.Overlap, t.Settle, t.Slice = seconds(20*60), seconds(60), seconds(24*60*60-1)
}

// Credential names the app without revealing its secret, as a hexadecimal hash: shops of one app share one pace. A new secret gives
// a new name, so that an app that was refused is tried again.
func (t *Taobao) Credential() string {
	return nameOf([]string{KindTaobao, t.Gateway, t.AppKey, t.AppSecret.Reveal()})
}

// taobao checks a shop on Taobao or Tmall.
func (r rules) taobao(c *Config, s *Source, now time.Time) {
	t, at := s.Taobao, path{"sources", s.Name}
	for key, empty := range map[string]bool{
		"session": t.Session.IsZero(), "gateway": t.Gateway == "", "oauth": t.OAuth == "", "redirect_uri": t.RedirectURI == "",
	} {
		r.Check(empty && r.Node(at.With(key)) != nil, at.With(key), "no-value", key)
	}
	r.gateway(t, at)
	r.oauth(t, s.Name)
	r.appKey(t, at)
	r.session(c, s, now)
	slice := at.With("slice")
	r.Check(t.Slice.Std() < time.Second, slice, "slice", "1s")
	r.Check(t.Slice.Std() > taobaoSpan, slice, "slice-day")
}

func (r rules) gateway(t *Taobao, at path) {
	platforms := []string{GatewayProduction, GatewayOverseas, GatewaySandbox}
	here := at.With("gateway")
	guess := words.Nearest(t.Gateway, platforms)
	switch {
	case slices.Contains(platforms, t.Gateway) || r.Spoilt(here):
	case strings.ContainsAny(t.Gateway, ":/."):
		r.address(t.Gateway, t.AllowHTTP, here, "https://gw.api.taobao.com/router/rest")
	case guess != "":
		r.Mistake(here, "oneof-misspelt", "gateway", guess)
	default:
		r.Mistake(here, "gateway")
	}
}

// oauth checks the addresses that a token is got by, and fills in where the platform hands it out.
func (r rules) oauth(t *Taobao, name string) {
	at := path{"sources", name}
	here := at.With("oauth")
	r.address(t.OAuth, t.AllowHTTP, here, oauthProduction)
	t.OAuth = strings.TrimRight(t.OAuth, "/")
	for _, end := range []string{"/authorize", "/token"} {
		r.Check(strings.HasSuffix(t.OAuth, end), here, "oauth-path", end)
	}
	if t.OAuth == "" {
		t.OAuth = map[string]string{
			GatewayProduction: oauthProduction, GatewayOverseas: oauthProduction, GatewaySandbox: oauthSandbox,
		}[t.Gateway]
	}
	unknown := t.OAuth == "" && t.RedirectURI != "" && !r.Spoilt(at.With("gateway"))
	r.Check(unknown, here, "oauth-missing", name)
	// Whatever the app has registered goes, an address on the operator's own machine included.
	u, err := url.Parse(t.RedirectURI)
	bad := err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != ""
	r.Check(t.RedirectURI != "" && bad, at.With("redirect_uri"), "address", "redirect_uri", "https://shop.example.com/callback")
}

// What an app key looks like: a number, but for the sandbox's.
var (
	appKey     = regexp.MustCompile(`^[0-9]{1,32}$`)
	testAppKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
)

// appKey checks what the app is known by. A wrong key is not quoted: it may be the secret that stands in the wrong line.
func (r rules) appKey(t *Taobao, at path) {
	form := testAppKey
	if t.Gateway == GatewayProduction || t.Gateway == GatewayOverseas {
		form = appKey
	}
	if here := at.With("app_key"); t.AppKey != "" && !form.MatchString(t.AppKey) && !r.Spoilt(here) {
		r.Node(here).Shown = false
		r.Mistake(here, "app-key")
	}
	for key, secret := range map[string]Secret{"app_secret": t.AppSecret, "session": t.Session} {
		text := secret.Reveal()
		r.Check(strings.Contains(text, " ") || !headerValue(text), at.With(key), "secret-letters", key)
	}
}

// session checks that a token is given, or can be got and kept; and warns of its end.
func (r rules) session(c *Config, s *Source, now time.Time) {
	t, at := s.Taobao, path{"sources", s.Name}
	here, ends, redirect := at.With("session"), at.With("session_expires"), at.With("redirect_uri")
	given := !t.Session.IsZero() || r.Spoilt(here)
	asked := t.RedirectURI != "" || r.Spoilt(redirect)
	r.Check(!given && !asked, here, "session-missing", s.Name)
	sealed := !c.Encryption.Key.IsZero() || r.Node(path{"encryption"}) != nil // a key that is wrong is reported there
	r.Check(asked && !sealed, redirect, "encryption-missing", s.Name)
	r.Check(!given && !t.SessionExpires.IsZero(), ends, "session-end-alone")
	switch end := lastInstant(t.SessionExpires); {
	case t.Session.IsZero() || r.Spoilt(ends):
	case t.SessionExpires.IsZero() && !asked:
		r.Warning(here, "session-end-missing", s.Name)
	case !t.SessionExpires.IsZero() && !now.Before(end):
		r.Warning(ends, "session-ended", s.Name, r.Text(ends))
	}
}

// lastInstant is the end of the day that a date names; a date with a time of day means that.
func lastInstant(date time.Time) time.Time {
	if date.Hour() == 0 && date.Minute() == 0 && date.Second() == 0 {
		return date.AddDate(0, 0, 1)
	}
	return date
}

// apps checks what two shops of one app have in common.
func (r rules) apps(c *Config) {
	first := map[string][]*Source{}
	for _, s := range c.Sources {
		at := path{"sources", s.Name}
		if s.Taobao == nil || s.Taobao.AppKey == "" || r.Spoilt(at.With("app_key")) || r.Spoilt(at.With("gateway")) {
			continue
		}
		t := s.Taobao
		id := t.Gateway + " " + t.AppKey
		for i, other := range first[id] {
			o := other.Taobao
			secrets := !t.AppSecret.IsZero() && !o.AppSecret.IsZero() && !t.AppSecret.Equal(o.AppSecret)
			r.Check(i == 0 && secrets, at.With("app_secret"), "app-secrets", s.Name, other.Name)
			r.Check(i == 0 && t.Rate != o.Rate, at.With("rate"), "rates", s.Name, other.Name, "app key")
			r.Check(!t.Session.IsZero() && t.Session.Equal(o.Session), at, "same-shop", s.Name, other.Name)
		}
		first[id] = append(first[id], s)
	}
}
