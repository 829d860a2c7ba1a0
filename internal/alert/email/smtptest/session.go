package smtptest

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one conversation after its greeting.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	from   string
	to     []string
}

var _ smtp.AuthSession = (*session)(nil)

func (c *session) line() *line { return lineOf(c.conn.Conn()) }

// AuthMechanisms is empty where nobody is asked who he is.
func (c *session) AuthMechanisms() []string {
	if c.server.options.Username == "" {
		return nil
	}
	if m := c.server.options.Mechanisms; m != nil {
		return m
	}
	return []string{sasl.Plain, sasl.Login}
}

func (c *session) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(c.AuthMechanisms(), mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	if mechanism == sasl.Login {
		return &login{check: func(user, password string) error { return c.check(mechanism, user, password) }}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return c.check(mechanism, user, password) }), nil
}

func (c *session) check(mechanism, user, password string) error {
	_, protected := c.conn.TLSConnectionState()
	o := c.server.options
	err := c.server.meet(Account, user, c.line())
	if err == nil && (user != o.Username || password != o.Password) {
		err = smtp.ErrAuthFailed
	}
	c.server.change(func() {
		c.server.logins = append(c.server.logins, Login{
			Mechanism: mechanism, User: user, Password: password, TLS: protected, Accepted: err == nil,
		})
	})
	if err == nil {
		c.user = user
	}
	return err
}

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.options.Username != "" && c.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	c.from, c.to = from, nil
	if c.server.options.Begun != nil {
		c.server.options.Begun(from)
	}
	return c.server.meet(Sender, from, c.line())
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.server.meet(Recipient, to, c.line()); err != nil {
		return err
	}
	c.to = append(c.to, to)
	return nil
}

func (c *session) Data(r io.Reader) error {
	first := make([]byte, 64)
	n, err := io.ReadFull(r, first)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if err := c.server.meet(Middle, "", c.line()); err != nil {
		return err
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return c.take(append(first[:n], rest...))
}

// take keeps a mail, unless it is refused.
func (c *session) take(raw []byte) error {
	_, protected := c.conn.TLSConnectionState()
	mail := Mail{From: c.from, To: slices.Clone(c.to), User: c.user, TLS: protected, At: time.Now(), Raw: raw}
	s := c.server
	f, faulty := s.due(Reply, "")
	if faulty && f.Code != 0 {
		return f.reply()
	}
	s.change(func() { s.mails = append(s.mails, mail) })
	if s.options.Taken != nil {
		s.options.Taken(mail)
	}
	if faulty {
		return s.happen(f, c.line())
	}
	if s.options.Replied != nil {
		c.line().after(func() { s.options.Replied(mail) })
	}
	return nil
}

func (c *session) Reset()        { c.from, c.to = "", nil }
func (c *session) Logout() error { return nil }

// login is the server's side of AUTH LOGIN, which go-sasl has for clients alone.
type login struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && response == nil:
		return []byte("Username:"), false, nil
	case l.user == "":
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}
