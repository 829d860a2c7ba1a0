package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/sentry/sentrytest"
)

// The merchant's addresses.
const (
	sender = "ordersync@example.com"
	reader = "ops@example.com"
)

// post is where arrives what the daemon tells: the merchant's mail server, and a receiver of Sentry's events.
type post struct {
	mails  *smtptest.Server
	events *sentrytest.Server
}

func openPost(ctx context.Context) (*post, error) {
	mails, err := smtptest.New(ctx, smtptest.Options{Security: smtptest.Plain})
	if err != nil {
		return nil, err
	}
	events, err := sentrytest.Start()
	if err != nil {
		return nil, errors.Join(err, mails.Close())
	}
	return &post{mails: mails, events: events}, nil
}

func (p *post) close() error {
	p.events.Close()
	return p.mails.Close()
}

// arrived reads the mails from the given one on.
func (p *post) arrived(from int) ([]smtptest.Message, error) {
	var read []smtptest.Message
	for _, mail := range p.mails.Mails()[from:] {
		m, err := mail.Parse()
		if err != nil {
			return nil, fmt.Errorf("read a mail: %w", err)
		}
		read = append(read, m)
	}
	return read, nil
}

// mail waits for a mail that is wanted, and shows it.
func (t *story) mail(ctx context.Context, from int, what string, wanted func(smtptest.Message) bool) (found smtptest.Message, err error) {
	err = t.until(ctx, what, func() (bool, error) {
		mails, err := t.post.arrived(from)
		at := slices.IndexFunc(mails, wanted)
		if at >= 0 {
			found = mails[at]
		}
		return at >= 0, err
	})
	if err != nil {
		return found, err
	}
	t.quote("To: " + found.Header.Get("To"))
	t.quote("Subject: " + found.Subject)
	t.quote("Message-ID: " + found.ID)
	if len(found.References) > 0 {
		t.quote("References: " + strings.Join(found.References, " "))
	}
	t.quote("\n" + strings.TrimSpace(found.Text))
	return found, nil
}

// subjects are what mails are about.
func subjects(mails []smtptest.Message) []string {
	var all []string
	for _, m := range mails {
		all = append(all, m.Subject)
	}
	return all
}

// about reports whether a mail is the first of a thread about a source.
func about(name string) func(smtptest.Message) bool {
	return func(m smtptest.Message) bool { return len(m.References) == 0 && strings.Contains(m.Subject, name) }
}

// answers reports whether a mail stands in the thread of another one.
func answers(first smtptest.Message) func(smtptest.Message) bool {
	return func(m smtptest.Message) bool { return slices.Contains(m.References, first.ID) }
}

// event waits for a Sentry event of a source, and shows what it is about.
func (t *story) event(ctx context.Context, from int, name string) error {
	var found sentrytest.Event
	err := t.until(ctx, "Sentry gets an event of "+name, func() (bool, error) {
		events := t.post.events.Events()[from:]
		at := slices.IndexFunc(events, func(e sentrytest.Event) bool { return e.Tags["source"] == name })
		if at >= 0 {
			found = events[at]
		}
		return at >= 0, nil
	})
	if err != nil {
		return err
	}
	headline, _, _ := strings.Cut(found.Message, "\n")
	t.quote(fmt.Sprintf("level=%s message=%q fingerprint=%v", found.Level, headline, found.Fingerprint))
	var tags []string
	for _, key := range []string{"source", "job", "class", "transition"} {
		tags = append(tags, key+"="+found.Tags[key])
	}
	t.quote("tags: " + strings.Join(tags, " "))
	return nil
}
