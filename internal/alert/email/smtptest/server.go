package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Security is how a server protects its conversations.
type Security int

// The securities.
const (
	// STARTTLS is offered and, where accounts are asked for, needed.
	STARTTLS Security = iota
	// Implicit speaks TLS from the first byte on.
	Implicit
	// Plain offers no TLS at all.
	Plain
)

// Options say what kind of server. The zero ones are usable.
type Options struct {
	Security Security
	// Username and Password are the only account; empty: nobody is asked who he is.
	Username, Password string
	// PlainAccounts offers the account without TLS, too.
	PlainAccounts bool
	// Mechanisms are the offered ways to log in, of PLAIN and LOGIN; nil: both.
	Mechanisms []string
	// Names are the names of the certificate, beside the server's addresses on loopback; NoAddress leaves those out, so that the
	// certificate is somebody else's.
	Names     []string
	NoAddress bool

	// Begun is called with the sender when a mail is announced; Taken with a mail that was received whole, before the reply is sent; Replied
	// after that reply left. The conversation waits for them; they may not call Close.
	Begun          func(from string)
	Taken, Replied func(Mail)
}

// Mail is a mail as it was taken.
type Mail struct {
	// From and To are the envelope.
	From string
	To   []string
	// User is who logged in; empty: nobody.
	User string
	// TLS says that the conversation was protected.
	TLS bool
	At  time.Time
	// Raw is the message with its header, lines ending in CRLF. See [Mail.Parse].
	Raw []byte
}

// Login is an attempt to log in.
type Login struct {
	Mechanism, User, Password string
	TLS, Accepted             bool
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	options  Options
	identity identity
	listener net.Listener
	smtp     *smtp.Server
	shutdown func() error // waits for the conversations
	served   sync.WaitGroup
	closing  chan struct{}

	mu          sync.Mutex
	closed      bool
	mails       []Mail
	logins      []Login
	faults      []*Fault
	failed      int
	connections int
	open        map[*line]struct{}
	changed     chan struct{} // closed and made anew when anything above changes
}

// New starts a server on a free port of loopback. It ends with Close; ctx bounds the start alone.
func New(ctx context.Context, o Options) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	s := &Server{
		options: o, listener: listener, closing: make(chan struct{}), changed: make(chan struct{}), open: map[*line]struct{}{},
	}
	if s.identity, err = newIdentity(o.Names, !o.NoAddress); err != nil {
		return nil, errors.Join(fmt.Errorf("mail server: %w", err), listener.Close())
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	s.smtp.Domain = "mail.example.com"
	s.smtp.MaxMessageBytes = 4 << 20
	s.smtp.AllowInsecureAuth = o.PlainAccounts
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	s.shutdown = func() error { return s.smtp.Shutdown(context.WithoutCancel(ctx)) }
	settings := &tls.Config{Certificates: []tls.Certificate{s.identity.certificate}, MinVersion: tls.VersionTLS12}
	accept := net.Listener(&door{Listener: listener, server: s})
	switch o.Security {
	case STARTTLS:
		s.smtp.TLSConfig = settings
	case Implicit:
		accept = tls.NewListener(accept, settings)
	case Plain:
	}
	s.served.Go(func() { _ = s.smtp.Serve(accept) }) // which ends with the listener, and tells nothing else
	return s, nil
}

// Host is where the server listens.
func (s *Server) Host() string { return "127.0.0.1" }

// Port is the port of Host.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Address is both.
func (s *Server) Address() string { return s.listener.Addr().String() }

// CA holds the certificate that signed the server's.
func (s *Server) CA() *x509.CertPool { return s.identity.pool }

// CAText is the same in PEM, for a file.
func (s *Server) CAText() []byte { return slices.Clone(s.identity.text) }

// Close ends all conversations and waits for their end. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	lines := s.open
	s.open = nil
	s.mu.Unlock()
	err := s.listener.Close()
	for l := range lines {
		_ = l.Close() // it may be over by now
	}
	s.served.Wait()
	// The server's own Close would reach into conversations that are just turning to TLS.
	if shut := s.shutdown(); !errors.Is(shut, net.ErrClosed) {
		err = errors.Join(err, shut)
	}
	return err
}

// Mails returns what was taken so far, in order; a mail whose reply was withheld is among them.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Forget drops the mails and logins kept so far.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails, s.logins = nil, nil
}

// Logins returns the attempts to log in, in order.
func (s *Server) Logins() []Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// Connections is how many conversations were begun so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Await waits until holds is true of the mails taken so far, and returns them; with ctx's end, its cause and what there is.
func (s *Server) Await(ctx context.Context, holds func([]Mail) bool) ([]Mail, error) {
	var mails []Mail
	err := s.await(ctx, func() bool { mails = slices.Clone(s.mails); return holds(mails) })
	return mails, err
}

// AwaitFailed waits until n steps were answered by faults.
func (s *Server) AwaitFailed(ctx context.Context, n int) error {
	return s.await(ctx, func() bool { return s.failed >= n })
}

// await waits until holds, which is called with s.mu held.
func (s *Server) await(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := holds(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// change does something to what s.mu guards, and tells those who wait.
func (s *Server) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}
