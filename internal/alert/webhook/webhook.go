// Package webhook hands notices to chat robots and to whoever takes JSON over HTTP: DingTalk, WeCom, Feishu, Slack, and a generic kind.
//
// It promises: a failure that hides in an answer with the status 200 is a failure; messages keep the robot's limit of size; addresses,
// which are secrets, and signing secrets stand in no error; no redirect is followed.
package webhook

import (
	"context"
	"net/http"
	"time"

	"ordersync/internal/alert"
)

// The kinds of webhook.
const (
	DingTalk = "dingtalk"
	WeCom    = "wecom"
	Feishu   = "feishu"
	Slack    = "slack"
	JSON     = "json"
)

// Kinds are all of them.
func Kinds() []string { return []string{DingTalk, WeCom, Feishu, Slack, JSON} }

// Options are one robot.
type Options struct {
	// Name is what the configuration calls it.
	Name string
	// Kind is one of [Kinds].
	Kind string
	// URL is asked for each message: https, http only on this machine. It is a secret.
	URL func() string
	// Secret signs messages of the kinds dingtalk, feishu and json; nil or empty: they are not signed.
	Secret func() string
	// Language and Zone are those of the texts, see words.Of.
	Language string
	Zone     *time.Location
	// Transport carries the requests; nil: one of our own.
	Transport http.RoundTripper
}

// Hook is the channel to one robot. It is safe for many goroutines at once.
type Hook struct{ o Options }

// New checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the address.
func New(o Options) (*Hook, error) { return &Hook{o: o}, nil }

// Name is "webhook NAME".
func (h *Hook) Name() string { return "webhook " + h.o.Name }

// Send hands one message over; nil: the robot took it. Errors are of the kinds fault.Transient (also where the robot asks for a pause:
// fault.RetryAfter says how long), fault.Config (it does not know the address, or refuses the signature) and fault.Rejected (it does not
// want this message).
func (h *Hook) Send(ctx context.Context, n alert.Notice) error { panic("not yet") }
