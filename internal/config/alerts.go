package config

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
	To   Texts  `yaml:"to" validate:"min=1" doc:"The addresses that the mails go to, such as [ops@example.com]."`
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
