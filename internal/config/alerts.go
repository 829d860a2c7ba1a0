package config

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordersync/internal/config/document"
)

// Alerts says who is told when something fails, and how soon. Without Email, Sentry and Webhooks nobody is.
type Alerts struct {
	// Email is nil where no mail is sent, Sentry where no events are.
	Email  *Email  `yaml:"email" doc:"Sends mails."`
	Sentry *Sentry `yaml:"sentry" doc:"Sends events and the check-ins of jobs to Sentry, or to what speaks its protocol."`
	// Webhooks stand in the file's order.
	Webhooks []*Webhook `yaml:"webhooks" named:"yes" validate:"omitempty,dive" doc:"Robots of chat groups, each under a name of your choice."`
	// After is how long a failure that may pass by itself goes on before it is told, unless a second run fails sooner.
	After Duration `yaml:"after" validate:"gt=0" doc:"How long a failure that may pass by itself must last until it is told, unless a second run fails before."`
	// GroupWait is how long further failures of the same sort are waited for, so that they share one message.
	GroupWait Duration `yaml:"group_wait" validate:"gt=0" doc:"How long to wait for further failures of the same sort, to tell them in one message."`
	// RemindEvery is how often it is said that a failure goes on.
	RemindEvery Duration `yaml:"remind_every" validate:"gt=0" doc:"How often you are reminded of a failure that goes on."`
	// Weekly is a cron line, checked by Options.CheckSchedule; empty: no message when all is well.
	Weekly string `yaml:"weekly" doc:"When a summary of the week is sent, also when all is well: a cron line such as \"0 9 * * MON\". Default: never."`
}

// Channels reports whether there is any way to tell somebody.
func (a *Alerts) Channels() bool { return a.Email != nil || a.Sentry != nil || len(a.Webhooks) > 0 }

// Email says how mails are sent. Every recipient gets a mail of their own.
type Email struct {
	SMTP SMTP `yaml:"smtp" doc:"The server that sends the mails."`
	// From and To are bare addresses, without names.
	From string `yaml:"from" validate:"required" doc:"The address that the mails come from; most servers want that of the account."`
	To   Texts  `yaml:"to" validate:"required,min=1" doc:"The addresses that the mails go to, such as [ops@example.com]."`
}

// How a connection to a mail server is encrypted.
const (
	TLSImplicit = "implicit"
	TLSStart    = "starttls"
	TLSNone     = "none"
)

// SMTP is a mail server.
type SMTP struct {
	Host string `yaml:"host" validate:"required" doc:"The name of the mail server, such as smtp.example.com."`
	// Port and TLS are filled in, each from the other.
	Port int    `yaml:"port" validate:"gte=0,lte=65535" doc:"Its port. Default: 465 with implicit, 587 with starttls, 25 with none."`
	TLS  string `yaml:"tls" validate:"omitempty,oneof=implicit starttls none" doc:"How the connection is encrypted: implicit from its first byte (465), starttls after a greeting (587), none only on this machine."`
	// Username is empty where the server asks for no account.
	Username string `yaml:"username" doc:"The account, mostly a mail address. Without it none is used."`
	Password Secret `yaml:"password" doc:"Its password, such as ${credential:smtp}. Many providers want an authorisation code (授权码) here."`
}

// Sentry says where events go.
type Sentry struct {
	DSN         Secret `yaml:"dsn" validate:"required" doc:"The address of the project (client key, DSN), such as ${credential:sentry-dsn}."`
	Environment string `yaml:"environment" validate:"required" doc:"The environment that events carry."`
}

// The kinds of webhook.
const (
	WebhookDingTalk = "dingtalk"
	WebhookWeCom    = "wecom"
	WebhookFeishu   = "feishu"
	WebhookSlack    = "slack"
	WebhookJSON     = "json"
)

// Webhook is the robot of a chat group, or any address that takes JSON.
type Webhook struct {
	// Name is the key under webhooks.
	Name string `yaml:"-" validate:"-"`
	Kind string `yaml:"kind" validate:"required,oneof=dingtalk wecom feishu slack json" doc:"Whose robot it is: dingtalk (钉钉), wecom (企业微信), feishu (飞书, Lark), slack; json is any other address."`
	URL  Secret `yaml:"url" validate:"required" doc:"The robot's whole address, such as ${credential:dingtalk-url}: whoever has it can write to the group."`
	// Secret signs what is sent; zero: it is not signed.
	Secret Secret `yaml:"secret" doc:"What signs the messages (dingtalk, feishu, json), where the robot is set up so."`
}

// Ping are the addresses of a monitor outside this machine, for one job; a zero one is not called. They are seldom secret, and are
// masked all the same: whoever has them can make a dead job look alive.
type Ping struct {
	Success Secret `yaml:"success,short" plain:"ok" doc:"Called after each good run."`
	Start   Secret `yaml:"start" plain:"ok" doc:"Called when a run starts."`
	Fail    Secret `yaml:"fail" plain:"ok" doc:"Called after each failed run."`
}

// Defaults implements decode.Filled. What SMTP leaves out is filled in when it is checked.
func (a *Alerts) Defaults() {
	a.After, a.GroupWait, a.RemindEvery = seconds(4*60), seconds(30), seconds(4*60*60)
}

// Defaults implements decode.Filled.
func (s *Sentry) Defaults() { s.Environment = "production" }

// alerts checks who is told.
func (r rules) alerts(c *Config, o Options) {
	a, at := &c.Alerts, path{"alerts"}
	for _, wait := range []struct {
		key         string
		long, limit time.Duration
		written     string
	}{
		{key: "after", long: a.After.Std(), limit: 24 * time.Hour, written: "1d"},
		{key: "group_wait", long: a.GroupWait.Std(), limit: time.Hour, written: "1h"},
	} {
		r.Check(wait.long > wait.limit, at.With(wait.key), "told-late", wait.key, wait.written)
	}
	r.Check(a.Weekly == "" && r.Node(at.With("weekly")) != nil, at.With("weekly"), "no-value", "weekly")
	r.schedule(a.Weekly, at.With("weekly"), c, o)
	if a.Email != nil {
		r.email(a.Email, at.With("email"))
	}
	if a.Sentry != nil {
		r.sentry(a.Sentry, at.With("sentry"))
	}
	r.webhooks(a.Webhooks, at.With("webhooks"))
	if a.Channels() || r.Spoilt(at) {
		return
	}
	r.Check(a.Weekly != "", at.With("weekly"), "no-channel-weekly")
	place := at
	if r.Node(at) == nil {
		place = path{"jobs"}
	}
	if len(c.Jobs) > 0 {
		r.Warning(place, "no-channel")
	}
}

func (r rules) email(e *Email, at path) {
	smtp := at.With("smtp")
	r.Check(r.Node(smtp) == nil, smtp, "missing", "smtp", at.String())
	r.smtp(&e.SMTP, smtp)
	r.Check(e.From != "" && !bareAddress(e.From), at.With("from"), "mail-address", "from")
	here := at.With("to")
	if r.Spoilt(here) {
		return
	}
	list := r.Node(here)
	seen := map[string]bool{}
	for i, to := range e.To {
		n := list
		if list.Kind == document.List {
			n = list.Items[i]
		}
		switch folded := strings.ToLower(to); {
		case !bareAddress(to):
			r.MistakeAt(n, here, "mail-address", "to")
		case seen[folded]:
			r.MistakeAt(n, here, "mail-twice", to)
		default:
			seen[folded] = true
		}
	}
}

// bareAddress reports whether a text is a mail address, without a name and without quotes.
func bareAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text && a.Name == "" && headerValue(text) && !strings.ContainsAny(text, " \"")
}

// mailHost is the name of a machine, or its number.
var mailHost = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)$`)

const highestPort = 65535

// tlsOf is how servers encrypt the connections to their usual ports.
func tlsOf(port int) string {
	return map[int]string{465: TLSImplicit, 587: TLSStart, 25: TLSStart, 2525: TLSStart}[port]
}

// smtp checks a mail server and fills in port and encryption.
func (r rules) smtp(s *SMTP, at path) {
	host, tls := at.With("host"), at.With("tls")
	r.Check(s.Host != "" && !mailHost.MatchString(s.Host), host, "smtp-host")
	r.Check(s.TLS == "" && r.Node(tls) != nil, tls, "no-value", "tls")
	port := r.Node(at.With("port")) != nil
	r.Check(port && s.Port == 0, at.With("port"), "greater", "port", "more than 0")
	usual := tlsOf(s.Port)
	switch {
	case s.TLS == "" && !port:
		s.TLS, s.Port = TLSImplicit, 465
	case s.TLS == "":
		r.Check(usual == "" && s.Port > 0 && s.Port <= highestPort && !r.Spoilt(at.With("port")), tls, "smtp-tls-missing", at.String(), strconv.Itoa(s.Port))
		s.TLS = usual
	case !port:
		s.Port = map[string]int{TLSImplicit: 465, TLSStart: 587, TLSNone: 25}[s.TLS]
	case usual != "" && s.TLS != usual && s.TLS != TLSNone && !r.Spoilt(tls):
		r.Warning(tls, "smtp-port", usual, strconv.Itoa(s.Port), s.TLS)
	}
	r.Check(s.TLS == TLSNone && !loopback(s.Host) && !r.Spoilt(host), tls, "smtp-plain")
	r.Check(s.Username == "" && r.Node(at.With("username")) != nil, at.With("username"), "no-value", "username")
	r.Check(s.Password.IsZero() && r.Node(at.With("password")) != nil, at.With("password"), "no-value", "password")
	r.Check(s.Username != "" && s.Password.IsZero(), at.With("password"), "smtp-password")
	r.Check(s.Username == "" && !s.Password.IsZero(), at.With("username"), "smtp-username")
}

var (
	sentryProject     = regexp.MustCompile(`/[0-9]+$`)
	sentryEnvironment = regexp.MustCompile(`^[^\s/]{1,64}$`)
)

func (r rules) sentry(s *Sentry, at path) {
	here := at.With("dsn")
	text := s.DSN.Reveal()
	if u, err := url.Parse(text); text != "" {
		bad := err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User.Username() == "" ||
			!sentryProject.MatchString(u.Path) || !headerValue(text)
		r.Check(bad, here, "sentry-dsn")
		r.Check(!bad && u.Scheme == "http" && !loopback(u.Hostname()), here, "target-http", "dsn")
	}
	bad := s.Environment != "" && !sentryEnvironment.MatchString(s.Environment) || s.Environment == "None"
	r.Check(bad, at.With("environment"), "sentry-environment")
}

// robotOf is the kind of the robots that listen at a host, or "".
func robotOf(host string) string {
	return map[string]string{
		"oapi.dingtalk.com": WebhookDingTalk, "qyapi.weixin.qq.com": WebhookWeCom, "open.feishu.cn": WebhookFeishu, "open.larksuite.com": WebhookFeishu,
		"hooks.slack.com": WebhookSlack,
	}[strings.ToLower(host)]
}

// wholeRobot reports whether an address names a robot, at the host of its kind.
func wholeRobot(kind string, u *url.URL) bool {
	switch kind {
	case WebhookDingTalk:
		return u.Query().Get("access_token") != ""
	case WebhookWeCom:
		return u.Query().Get("key") != ""
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	return len(segments) >= 3 // services/T…/…, open-apis/bot/v2/hook/…
}

func (r rules) webhooks(list []*Webhook, at path) {
	first := map[string]string{}
	for _, w := range list {
		here := at.With(w.Name)
		r.Check(w.Name == "email" || w.Name == "sentry", here, "webhook-name", w.Name)
		r.Check(w.Secret.IsZero() && r.Node(here.With("secret")) != nil, here.With("secret"), "no-value", "secret")
		unsigned := w.Kind == WebhookWeCom || w.Kind == WebhookSlack
		r.Check(unsigned && !w.Secret.IsZero(), here.With("secret"), "webhook-secret", w.Kind)
		u := r.target(w.URL, here.With("url"), "https://chat.example.com/hook")
		if u == nil {
			continue
		}
		r.Check(u.Scheme == "http" && !loopback(u.Hostname()), here.With("url"), "target-http", "url")
		kind := robotOf(u.Hostname())
		known := slices.Contains([]string{WebhookDingTalk, WebhookWeCom, WebhookFeishu, WebhookSlack, WebhookJSON}, w.Kind)
		r.Check(known && kind != "" && kind != w.Kind, here.With("url"), "webhook-kind", kind, w.Kind)
		r.Check(kind != "" && !wholeRobot(kind, u), here.With("url"), "webhook-url", kind)
		text := w.URL.Reveal()
		r.Check(first[text] != "", here.With("url"), "webhook-twice", first[text], w.Name)
		first[text] = w.Name
	}
}

// target takes an address apart that may hold a secret; nil: there is none, or it is of no use.
func (r rules) target(secret Secret, at path, example string) *url.URL {
	text, key := secret.Reveal(), at[len(at)-1]
	if text == "" || r.Spoilt(at) {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case !headerValue(text) || strings.Contains(text, " "):
		r.Mistake(at, "secret-letters", key)
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		r.Mistake(at, "address", key, example)
	case u.User != nil:
		r.Mistake(at, "address-user", key)
	default:
		return u
	}
	return nil
}

// pings checks the addresses of the monitors outside this machine.
func (r rules) pings(c *Config) {
	first := map[string]string{}
	for _, j := range c.Jobs {
		if j.Ping == nil {
			continue
		}
		here := r.ping(j.Ping, path{"jobs", j.Name, "ping"})
		text := j.Ping.Success.Reveal()
		if other := first[text]; other != "" && !r.Spoilt(here) {
			r.Warning(here, "ping-shared", other, j.Name)
		} else if text != "" {
			first[text] = j.Name
		}
	}
}

// ping checks the addresses of one job, and returns where that for success stands.
func (r rules) ping(p *Ping, at path) (success path) {
	success = at.With("success")
	if n := r.Node(at); n != nil && n.Kind == document.Scalar {
		success = at
	}
	r.Check(p.Success.IsZero() && r.Node(success) == nil, success, "missing", "success", at.String())
	known := map[string]string{}
	for _, target := range []struct {
		name   string
		at     path
		secret Secret
	}{
		{name: "success", at: success, secret: p.Success}, {name: "start", at: at.With("start"), secret: p.Start},
		{name: "fail", at: at.With("fail"), secret: p.Fail},
	} {
		key := target.at[len(target.at)-1]
		r.Check(target.secret.IsZero() && r.Node(target.at) != nil, target.at, "no-value", key)
		u := r.target(target.secret, target.at, "https://hc-ping.com/…")
		if u == nil {
			continue
		}
		r.Check(u.Scheme == "http" && !loopback(u.Hostname()), target.at, "ping-http", key)
		text := target.secret.Reveal()
		r.Check(known[text] != "", target.at, "ping-same", known[text], target.name)
		known[text] = target.name
	}
	return success
}
