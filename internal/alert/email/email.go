// Package email hands notices to a mail server, one message for each recipient.
//
// It promises: one refused recipient costs the others nothing; no conversation outlasts its deadline, however silent the server is; no
// mail and no password goes over a connection that is not encrypted, except to the machine itself where the configuration says so; the
// same notice is the same message however often it is sent, and refers to the earlier notices of its incidents, so that a mail program
// shows an incident as one thread; nothing that a notice says can add a header or a recipient. A mail whose end the server did not
// acknowledge counts as not sent.
package email

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

// The ways to protect a conversation.
const (
	Implicit = "implicit" // TLS from the first byte on: usual on port 465
	StartTLS = "starttls" // TLS before anything that matters: usual on ports 587 and 25
	None     = "none"     // none at all: for a server on this machine
)

// patience is how long a conversation may take where nobody says.
const patience = 30 * time.Second

// Options are a mail server and who gets mail through it.
type Options struct {
	// Host and Port are the server's.
	Host string
	Port int
	// TLS is [Implicit], [StartTLS], or [None], which only a server on the loopback may have.
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
	// Name is how we greet the server; empty, or no name of a host: our end's address.
	Name string
	// Timeout bounds a whole conversation, from the dial to the answer behind the mail; zero: 30 s.
	Timeout time.Duration
}

// Mailbox is the way to one recipient. It is safe for many goroutines at once.
type Mailbox struct {
	o    Options
	from netmail.Address
	to   string
}

// New makes a way to each recipient, once where one is named twice; it speaks to nobody. Errors are of the kind fault.Config and name
// every mistake.
func New(o Options) ([]*Mailbox, error) {
	o.Timeout = cmp.Or(o.Timeout, patience)
	mistakes := o.check()
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		mistakes = append(mistakes, errors.New("the sender is no mail address"))
		from = new(netmail.Address)
	}
	from.Name = cmp.Or(from.Name, "ordersync")
	var boxes []*Mailbox
	known := map[string]bool{}
	for _, to := range o.To {
		address, err := netmail.ParseAddress(to)
		if err != nil {
			mistakes = append(mistakes, errors.New("recipient "+strconv.Quote(to)+" is no mail address"))
			continue
		}
		if key := strings.ToLower(address.Address); !known[key] {
			known[key] = true
			boxes = append(boxes, &Mailbox{o: o, from: *from, to: address.Address})
		}
	}
	if len(o.To) == 0 {
		mistakes = append(mistakes, errors.New("there is no recipient"))
	}
	if len(mistakes) > 0 {
		return nil, fault.Errorf(fault.Config, "email: %w", errors.Join(mistakes...))
	}
	return boxes, nil
}

// check lists what is wrong with the server's part of the options.
func (o Options) check() []error {
	var mistakes []error
	add := func(wrong bool, text string) {
		if wrong {
			mistakes = append(mistakes, errors.New(text))
		}
	}
	add(o.Host == "", "the mail server has no host")
	add(o.Port < 1 || o.Port > 65535, "the mail server's port is not between 1 and 65535")
	add(o.TLS != Implicit && o.TLS != StartTLS && o.TLS != None, "tls is none of implicit, starttls and none")
	add(o.TLS == None && !isLoopback(o.Host), "tls: none is only for a mail server on this machine; use implicit (port 465) or starttls (port 587)")
	add(o.Username != "" && o.Password == nil, "there is a user name and no password")
	return mistakes
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name is "email ADDRESS".
func (m *Mailbox) Name() string { return "email " + m.to }

// Send hands the notice over in a conversation of its own; nil: the server took it. Errors are of the kinds fault.Transient (try again),
// fault.Rejected (the server does not want this mail or this recipient) and fault.Config (what the configuration says cannot work); where
// ctx was cancelled they have none.
func (m *Mailbox) Send(ctx context.Context, n alert.Notice) error {
	message, err := m.message(n)
	if err != nil {
		return fault.Errorf(fault.Internal, "write the mail about notice %s: %w", n.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, m.o.Timeout)
	defer cancel()
	t := &talk{Mailbox: m}
	defer t.close()
	if err := t.send(ctx, message); err != nil {
		return t.explain(ctx, err)
	}
	t.goodbye()
	return nil
}
