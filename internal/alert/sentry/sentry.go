// Package sentry tells Sentry of incidents and of runs.
//
// A [Reporter] is the channel for notices: each incident of a notice becomes one event, and Send says whether the receiver took it. A
// [Monitor] says of each run that it began and how it ended, as check-ins of Sentry's cron monitors, so that somebody is told also when
// nothing runs any more.
//
// It promises: no text of anybody else's leaves that did not pass the scrubber; the same notice makes events of the same ids however often it is sent, of
// which Sentry keeps one; no error quotes the DSN; a run never waits for Sentry. It takes nothing from the environment of the process and
// sends nothing about it: no modules, no stack traces, no breadcrumbs, no user.
package sentry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	sdk "github.com/getsentry/sentry-go"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

// Options are a project of Sentry and how to speak to it.
type Options struct {
	// DSN is asked for each conversation: https://KEY@HOST/PROJECT; http only on this machine. It is a secret.
	DSN func() string
	// Environment, Release and Host stand on every event: "production" (also where it is empty), "ordersync@1.2.0", the machine's name. The
	// release is the build's own word, and the one text that is not scrubbed: it looks like a mail address.
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

// check fills in what may be left out.
func (o Options) check() (Options, error) {
	if o.DSN == nil || o.Scrub == nil {
		return o, fault.Errorf(fault.Config, "Sentry needs a DSN and a scrubber")
	}
	o.Environment = o.Scrub(cmp.Or(o.Environment, "production")) // check-ins carry it past the place where events are scrubbed
	o.Release = cmp.Or(o.Release, "ordersync")
	o.Host = cmp.Or(o.Host, "unknown")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !environmentName(o.Environment) {
		return o, fault.Errorf(fault.Config, "Sentry takes no environment %q: at most 64 characters, no blank and no slash, not None", o.Environment)
	}
	_, err := parseDSN(o.DSN())
	return o, err
}

// Reporter is the channel "sentry". It is safe for many goroutines at once.
type Reporter struct {
	o    Options
	post *post

	mu sync.Mutex
	// taken are the events of the notice that is being sent, which the receiver took already.
	notice string
	taken  map[sdk.EventID]bool
}

// New checks the options and speaks to nobody. Errors are of the kind fault.Config and do not quote the DSN.
func New(o Options) (*Reporter, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	p, err := newPost(o)
	if err != nil {
		return nil, err
	}
	return &Reporter{o: o, post: p}, nil
}

// Name is "sentry".
func (r *Reporter) Name() string { return "sentry" }

// Send hands over one event for each incident of the notice, one after the other; nil: the receiver took all. Of a digest it sends what
// is told last of each incident. What was taken before an error is not sent again by this Reporter; another one sends it with the same
// event ids. Errors are of the kinds fault.Transient (also where the receiver asks for a pause: fault.RetryAfter says how long),
// fault.Config (it does not know the project or the key) and fault.Rejected (it does not want this event).
func (r *Reporter) Send(ctx context.Context, n alert.Notice) error {
	defer r.post.rest()
	for _, event := range events(n, r.o.Language, r.o.Zone) {
		if r.wasTaken(n.ID, event.EventID) {
			continue
		}
		if err := r.post.send(ctx, event); err != nil {
			return fmt.Errorf("sentry: %w", err)
		}
		r.take(event.EventID)
	}
	return nil
}

// wasTaken also forgets the events of the notice before.
func (r *Reporter) wasTaken(notice string, id sdk.EventID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.notice != notice {
		r.notice, r.taken = notice, map[sdk.EventID]bool{}
	}
	return r.taken[id]
}

func (r *Reporter) take(id sdk.EventID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[id] = true
}
