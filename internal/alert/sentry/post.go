package sentry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	sdk "github.com/getsentry/sentry-go"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

// timeout bounds one exchange with the receiver.
const timeout = 15 * time.Second

// protocol is the version of the receiver's protocol.
const protocol = "7"

// post prepares events as sentry-go does, and carries them itself: the carriers of sentry-go tell nobody whether an event was taken.
type post struct {
	dsn     func() string
	courier *courier.Courier
	scrub   func(string) string

	mu     sync.Mutex
	client *sdk.Client
	shelf  *shelf
}

// newPost makes a client that takes nothing from its surroundings: no integrations, which add modules, machine and environment, and no
// client reports.
func newPost(o Options) (*post, error) {
	p := &post{dsn: o.DSN, courier: courier.New(o.Transport, timeout), scrub: o.Scrub, shelf: new(shelf)}
	client, err := sdk.NewClient(sdk.ClientOptions{
		Dsn: o.DSN(), Environment: o.Environment, Release: o.Release, ServerName: o.Host,
		Transport: p.shelf, DisableTelemetryBuffer: true, DisableClientReports: true, MaxBreadcrumbs: -1,
		Integrations: func([]sdk.Integration) []sdk.Integration { return nil },
		BeforeSend: func(e *sdk.Event, _ *sdk.EventHint) *sdk.Event {
			scrubEvent(e, o.Scrub)
			return e
		},
	})
	if err != nil {
		return nil, fault.Errorf(fault.Config, "the DSN cannot be used") // its own text may quote it
	}
	client.Close() // ends its two goroutines, for logs and for metrics; events and check-ins need neither
	p.client = client
	return p, nil
}

// shelf is where the client puts what it prepared.
type shelf struct{ event *sdk.Event }

func (s *shelf) SendEvent(e *sdk.Event)                { s.event = e }
func (s *shelf) Configure(sdk.ClientOptions)           {}
func (s *shelf) Flush(time.Duration) bool              { return true }
func (s *shelf) FlushWithContext(context.Context) bool { return true }
func (s *shelf) Close()                                {}

// prepare lets the client add what belongs on every event, and scrub it.
func (p *post) prepare(e *sdk.Event) *sdk.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shelf.event = nil
	p.client.CaptureEvent(e, nil, nil)
	return p.shelf.event
}

// send hands one event or check-in over; nil: the receiver took it.
func (p *post) send(ctx context.Context, e *sdk.Event) error {
	dsn, err := parseDSN(p.dsn())
	if err != nil {
		return err
	}
	prepared := p.prepare(e)
	if prepared == nil {
		return fault.Errorf(fault.Internal, "sentry-go dropped the event")
	}
	body, err := envelope(prepared)
	if err != nil {
		return fault.Errorf(fault.Internal, "encode the event: %w", err)
	}
	auth := fmt.Sprintf("Sentry sentry_version=%s, sentry_client=%s/%s, sentry_key=%s",
		protocol, prepared.Sdk.Name, prepared.Sdk.Version, dsn.GetPublicKey())
	if secret := dsn.GetSecretKey(); secret != "" {
		auth += ", sentry_secret=" + secret
	}
	answer, err := p.courier.Run(ctx, courier.Errand{
		Method: http.MethodPost, URL: dsn.GetAPIURL().String(), Body: body,
		Header: http.Header{"Content-Type": {"application/x-sentry-envelope"}, "X-Sentry-Auth": {auth}},
	})
	if err != nil {
		return err
	}
	return p.judge(answer, prepared, dsn)
}

// judge says whether an answer means that the event was taken. A 200 may carry limits for what comes next; those are met when they are.
func (p *post) judge(answer *courier.Answer, e *sdk.Event, dsn *sdk.Dsn) error {
	if answer.Status == http.StatusTooManyRequests {
		return courier.Transient(limit(answer, category(e)), "the receiver asks for a pause: 429 %s", http.StatusText(answer.Status))
	}
	var said struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(answer.Body, &said) // what is no JSON says nothing
	return answer.Failure(p.scrub(courier.Quote(said.Detail, dsn.GetPublicKey(), dsn.GetSecretKey(), p.dsn())))
}

func (p *post) rest() { p.courier.Rest() }

// envelope writes the event as the receiver's protocol wants it: a header, then a header and the payload of its one item, a line each.
func envelope(e *sdk.Event) ([]byte, error) {
	payload, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	sort := "event"
	if e.CheckIn != nil {
		sort = "check_in"
	}
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	for _, line := range []any{
		map[string]any{"event_id": e.EventID, "sent_at": time.Now().UTC(), "sdk": map[string]string{"name": e.Sdk.Name, "version": e.Sdk.Version}},
		map[string]any{"type": sort, "length": len(payload)},
	} {
		if err := lines.Encode(line); err != nil {
			return nil, err
		}
	}
	out.Write(payload)
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// category is what the receiver counts the event as.
func category(e *sdk.Event) string {
	if e.CheckIn != nil {
		return "monitor"
	}
	return "error"
}

// unstated is the pause where the receiver asks for one and does not say how long.
const unstated = time.Minute

// limit is the pause that a 429 asks for: that of the header X-Sentry-Rate-Limits for the category ("60:error;transaction:key, 2700::organization"),
// else that of Retry-After.
func limit(answer *courier.Answer, category string) time.Duration {
	var wait time.Duration
	for group := range strings.SplitSeq(strings.Join(answer.Header.Values("X-Sentry-Rate-Limits"), ","), ",") {
		fields := append(strings.Split(group, ":"), "")
		for name := range strings.SplitSeq(fields[1], ";") {
			if name = strings.TrimSpace(name); name == "" || strings.EqualFold(name, category) {
				wait = max(wait, courier.Seconds(fields[0]))
			}
		}
	}
	if wait == 0 {
		wait = answer.Wait()
	}
	if wait == 0 {
		wait = unstated
	}
	return wait
}

// parseDSN reads a DSN. Errors are of the kind fault.Config and do not quote it.
func parseDSN(text string) (*sdk.Dsn, error) {
	dsn, err := sdk.NewDsn(strings.TrimSpace(text))
	if err != nil { // its text may quote the DSN
		return nil, fault.Errorf(fault.Config, "the DSN is not one like https://KEY@HOST/PROJECT: copy it from the project's settings, Client Keys")
	}
	if err := courier.Check("the DSN", dsn.GetAPIURL().String()); err != nil {
		return nil, err
	}
	return dsn, nil
}

// environmentName reports whether Sentry takes a text as the name of an environment.
func environmentName(name string) bool {
	return len(name) <= 64 && name != "None" && !strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsSpace(r) })
}
