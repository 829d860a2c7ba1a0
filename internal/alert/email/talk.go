package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// step is where a conversation is.
type step int

const (
	connecting step = iota
	securing
	greeting
	login
	sender
	recipient
	handover
)

// parting is how long the server may take to say goodbye to somebody who has what he wanted.
const parting = 2 * time.Second

var (
	errNoTLS   = errors.New("offers no STARTTLS")
	errNoLogin = errors.New("offers no way to log in that we know")
	errAbroad  = errors.New("is not this machine")
)

// talk is one conversation with the server.
type talk struct {
	*Mailbox
	step   step
	conn   net.Conn
	client *smtp.Client
	// unbind ends the connection's dependence on a context.
	unbind func() bool
}

// send goes through the whole conversation, up to the answer behind the mail.
func (t *talk) send(ctx context.Context, message []byte) error {
	for _, do := range []func(context.Context) error{t.connect, t.greet, t.secure, t.login, t.envelope} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	t.step = handover
	w, err := t.client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

// connect dials. From here on the connection ends with ctx, whatever is read or written.
func (t *talk) connect(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.address())
	if err != nil {
		return err
	}
	t.conn = conn
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	t.unbind = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	if t.o.TLS == Implicit {
		t.step = securing
		protected := tls.Client(conn, t.tls())
		t.conn = protected
		return protected.HandshakeContext(ctx)
	}
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); t.o.TLS == None && (!ok || !remote.IP.IsLoopback()) {
		return errAbroad
	}
	return nil
}

func (t *talk) address() string { return net.JoinHostPort(t.o.Host, strconv.Itoa(t.o.Port)) }

func (t *talk) tls() *tls.Config {
	return &tls.Config{ServerName: t.o.Host, RootCAs: t.o.RootCAs, MinVersion: tls.VersionTLS12}
}

func (t *talk) greet(context.Context) error {
	t.step = greeting
	client, err := smtp.NewClient(t.conn, t.o.Host)
	if err != nil {
		return err
	}
	t.client = client
	// Only an address beyond ASCII needs it, and a later server that lacks it would send the mail back.
	client.SkipSMTPUTF8(isASCII(t.from.Address + t.to))
	return client.Hello(t.name())
}

// name is how we greet: the name that was given, or the address of our end.
func (t *talk) name() string {
	if name := t.o.Name; name != "" && isHostName(name) {
		return name
	}
	local, ok := t.conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case local.IP.To4() != nil:
		return "[" + local.IP.String() + "]"
	}
	return "[IPv6:" + local.IP.String() + "]"
}

// secure turns the conversation to TLS, or ends it.
func (t *talk) secure(context.Context) error {
	if t.o.TLS != StartTLS {
		return nil
	}
	t.step = securing
	if offered, _ := t.client.Extension("STARTTLS"); !offered {
		return errNoTLS
	}
	return t.client.StartTLS(t.tls())
}

// login takes the simplest way that both know: what protects the password is TLS.
func (t *talk) login(context.Context) error {
	if t.o.Username == "" {
		return nil
	}
	t.step = login
	_, offered := t.client.Extension("AUTH")
	user, password := t.o.Username, t.o.Password()
	bare := t.o.TLS == None
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", user, password, t.o.Host, bare)},
		{"LOGIN", smtp.LoginAuth(user, password, t.o.Host, bare)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, password)},
	} {
		if slices.Contains(strings.Fields(strings.ToUpper(offered)), way.name) {
			return t.client.Auth(way.auth)
		}
	}
	return errNoLogin
}

func (t *talk) envelope(context.Context) error {
	t.step = sender
	if err := t.client.Mail("<" + t.from.Address + ">"); err != nil {
		return err
	}
	t.step = recipient
	return t.client.Rcpt("<" + t.to + ">")
}

// goodbye is only polite: the mail was taken.
func (t *talk) goodbye() {
	if err := t.conn.SetDeadline(time.Now().Add(parting)); err == nil {
		_ = t.client.Quit()
	}
}

func (t *talk) close() {
	if t.unbind != nil {
		t.unbind()
	}
	if t.conn != nil {
		_ = t.conn.Close()
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7E || r < 0x20 })
}

// isHostName reports whether a name consists of what names of hosts consist of.
func isHostName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
