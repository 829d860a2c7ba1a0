// Package webhook hands notices to chat robots and to whoever takes JSON over HTTP: DingTalk, WeCom, Feishu (and Lark), Slack, and a
// generic kind.
//
// It promises: a failure that hides in an answer with the status 200 is a failure, and an answer that is not the robot's is none; messages
// keep the robot's limit of size, and end with an ellipsis where they had to be cut; nothing that a notice says becomes a picture, a
// link with another text, or a call for people (@all); addresses, which are secrets, and signing secrets stand in no error; no redirect is followed.
package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/courier"
	"ordersync/internal/alert/words"
	"ordersync/internal/fault"
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

// timeout bounds one exchange with a robot.
const timeout = 15 * time.Second

// Options are one robot.
type Options struct {
	// Name is what the configuration calls it.
	Name string
	// Kind is one of [Kinds].
	Kind string
	// URL is asked for each message: https, http only on this machine. It is a secret.
	URL func() string
	// Secret signs messages of the kinds dingtalk, feishu and json; nil or empty: they are not signed. The others have no signatures.
	Secret func() string
	// Language and Zone are those of the texts, see words.Of.
	Language string
	Zone     *time.Location
	// Transport carries the requests; nil: one of our own.
	Transport http.RoundTripper
}

// Hook is the channel to one robot. It is safe for many goroutines at once.
type Hook struct {
	o       Options
	robot   robot
	courier *courier.Courier
}

// New checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the address.
func New(o Options) (*Hook, error) {
	if !slices.Contains(Kinds(), o.Kind) {
		return nil, fault.Errorf(fault.Config, "the webhook %s has the kind %q: the kinds are %s", o.Name, o.Kind, strings.Join(Kinds(), ", "))
	}
	if o.URL == nil {
		return nil, fault.Errorf(fault.Config, "the webhook %s has no address", o.Name)
	}
	if err := courier.Check("the address of the webhook "+o.Name, o.URL()); err != nil {
		return nil, err
	}
	if o.Secret == nil {
		o.Secret = func() string { return "" }
	}
	h := &Hook{o: o, robot: robots[o.Kind], courier: courier.New(o.Transport, timeout)}
	if !h.robot.signs && o.Secret() != "" {
		return nil, fault.Errorf(fault.Config, "the webhook %s has a secret, and %s has no signatures: the address alone is the key", o.Name, o.Kind)
	}
	return h, nil
}

// Name is "webhook NAME".
func (h *Hook) Name() string { return "webhook " + h.o.Name }

// Send hands one message over; nil: the robot took it. Errors are of the kinds fault.Transient (also where the robot asks for a pause:
// fault.RetryAfter says how long), fault.Config (it does not know the address, or refuses the signature) and fault.Rejected (it does not
// want this message).
func (h *Hook) Send(ctx context.Context, n alert.Notice) error {
	defer h.courier.Rest()
	m := message{
		notice: n, text: words.Of(n, h.o.Language, h.o.Zone), url: h.o.URL(), secret: h.o.Secret(), at: time.Now(),
	}
	errand, err := h.robot.compose(m)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name(), err)
	}
	answer, err := h.courier.Run(ctx, errand)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name(), err)
	}
	quote := func(text string) string { return courier.Quote(text, m.secret, m.url, errand.URL) }
	if err := h.robot.judge(answer, quote); err != nil {
		return fmt.Errorf("%s: %w", h.Name(), err)
	}
	return nil
}

// message is what a robot is told.
type message struct {
	notice      alert.Notice
	text        words.Text
	url, secret string
	// at is when it is sent: signatures hold it.
	at time.Time
}

// robot is how one kind is spoken to.
type robot struct {
	// signs says that messages can be signed.
	signs bool
	// compose makes the request.
	compose func(message) (courier.Errand, error)
	// judge says whether the answer means that the message was taken; quote makes the robot's words safe.
	judge func(answer *courier.Answer, quote func(string) string) error
}

// robots are all kinds.
var robots = map[string]robot{
	DingTalk: {signs: true, compose: composeDingTalk, judge: judgeCode("errcode", "errmsg", dingTalkCodes)},
	WeCom:    {compose: composeWeCom, judge: judgeCode("errcode", "errmsg", weComCodes)},
	Feishu:   {signs: true, compose: composeFeishu, judge: judgeCode("code", "msg", feishuCodes)},
	Slack:    {compose: composeSlack, judge: judgeSlack},
	JSON:     {signs: true, compose: composeJSON, judge: judgeStatus},
}

// post makes a request with a body of JSON.
func post(address string, body []byte) courier.Errand {
	return courier.Errand{
		Method: http.MethodPost, URL: address, Body: body, Reads: true, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
	}
}
