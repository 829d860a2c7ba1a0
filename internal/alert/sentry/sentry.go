// Package sentry tells Sentry of incidents and of runs.
//
// A [Reporter] is the channel for notices: each incident of a notice becomes one event, and Send says whether the receiver took it. A
// [Monitor] says of each run that it began and how it ended, as check-ins of Sentry's cron monitors, so that somebody is told also when
// nothing runs any more.
//
// It promises: nothing leaves that did not pass the scrubber; the same notice makes events of the same ids however often it is sent; no
// error quotes the DSN; a run never waits for Sentry.
package sentry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"ordersync/internal/alert"
)

// Options are a project of Sentry and how to speak to it.
type Options struct {
	// DSN is asked for each conversation: https://KEY@HOST/PROJECT; http only on this machine. It is a secret.
	DSN func() string
	// Environment, Release and Host stand on every event: "production", "ordersync@1.2.0", the machine's name.
	Environment, Release, Host string
	// Language and Zone are those of the texts, see words.Of.
	Language string
	Zone     *time.Location
	// Scrub takes secrets and personal data out of a text. It is needed.
	Scrub func(string) string
	// Transport carries the requests; nil: one of our own.
	Transport http.RoundTripper
	// Log is where check-ins that were lost are told; nil: nowhere. A Reporter logs nothing.
	Log *slog.Logger
}

// Reporter is the channel "sentry". It is safe for many goroutines at once.
type Reporter struct{ o Options }

// New checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the DSN.
func New(o Options) (*Reporter, error) { return &Reporter{o: o}, nil }

// Name is "sentry".
func (r *Reporter) Name() string { return "sentry" }

// Send hands over one event for each incident of the notice, one after the other; nil: the receiver took all. What was taken before an
// error is sent again with the same event ids. Errors are of the kinds fault.Transient (also where the receiver asks for a pause:
// fault.RetryAfter says how long), fault.Config (it does not know the project or the key) and fault.Rejected (it does not want this event).
func (r *Reporter) Send(ctx context.Context, n alert.Notice) error { panic("not yet") }
