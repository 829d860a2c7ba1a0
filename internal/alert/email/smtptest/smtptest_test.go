package smtptest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"ordersync/internal/alert/email/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const message = "From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?B?6K6i5Y2V?= stopped\r\nMessage-ID: <1.x@example.com>\r\n" +
	"References: <0.x@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=xx\r\n\r\n" +
	"--xx\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E8=AE=A2 text\r\n" +
	"--xx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+aHRtbDwvcD4=\r\n--xx--\r\n"

func start(t *testing.T, o smtptest.Options) *smtptest.Server {
	t.Helper()
	s, err := smtptest.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send has one conversation, by the client that the server's library brings along, with little patience.
func send(s *smtptest.Server, security smtptest.Security, to ...string) error {
	settings := &tls.Config{RootCAs: s.CA()}
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// The library has patience of its own before it can be told of ours.
	defer time.AfterFunc(time.Second, func() { _ = conn.Close() }).Stop()
	var c *smtp.Client
	switch security {
	case smtptest.STARTTLS:
		settings.ServerName = "localhost"
		if c, err = smtp.NewClientStartTLS(conn, settings); err != nil {
			return err
		}
	case smtptest.Implicit:
		settings.ServerName = "127.0.0.1"
		c = smtp.NewClient(tls.Client(conn, settings))
	case smtptest.Plain:
		c = smtp.NewClient(conn)
	}
	c.CommandTimeout, c.SubmissionTimeout = 200*time.Millisecond, 200*time.Millisecond
	if ok, _ := c.Extension("AUTH"); ok {
		if err := c.Auth(sasl.NewPlainClient("", "user", "password")); err != nil {
			return err
		}
	}
	if err := c.SendMail("a@example.com", to, strings.NewReader(message)); err != nil {
		return err
	}
	return c.Quit()
}

func TestTakesMailsInEverySecurity(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]smtptest.Options{
		"starttls": {Username: "user", Password: "password"},
		"implicit": {Security: smtptest.Implicit, Username: "user", Password: "password"},
		"plain":    {Security: smtptest.Plain},
		"plain with account": {
			Security: smtptest.Plain, Username: "user", Password: "password", PlainAccounts: true, Mechanisms: []string{sasl.Plain},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var order []string
			o.Begun = func(from string) { order = append(order, "begun "+from) }
			o.Taken = func(smtptest.Mail) { order = append(order, "taken") }
			replied := make(chan struct{})
			o.Replied = func(smtptest.Mail) { order = append(order, "replied"); close(replied) }
			s := start(t, o)
			if err := send(s, o.Security, "b@example.com", "c@example.com"); err != nil {
				t.Fatal(err)
			}
			mails, err := s.Await(t.Context(), func(m []smtptest.Mail) bool { return len(m) == 1 })
			if err != nil {
				t.Fatal(err)
			}
			m := mails[0]
			if m.From != "a@example.com" || len(m.To) != 2 || m.User != o.Username || m.TLS != (o.Security != smtptest.Plain) {
				t.Errorf("got %+v", m)
			}
			<-replied
			if strings.Join(order, " ") != "begun a@example.com taken replied" {
				t.Errorf("hooks: %v", order)
			}
			read, err := m.Parse()
			if err != nil {
				t.Fatal(err)
			}
			if read.Subject != "订单 stopped" || read.Text != "订 text" || read.HTML != "<p>html</p>" || read.ID != "<1.x@example.com>" ||
				len(read.References) != 1 {
				t.Errorf("got %+v", read)
			}
			if logins := s.Logins(); o.Username != "" && (len(logins) != 1 || !logins[0].Accepted || logins[0].TLS != m.TLS) {
				t.Errorf("logins: %+v", logins)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault smtptest.Fault
		code  int // of the answer; 0: none came
		kept  int
	}{
		"refused recipient":   {smtptest.Refused("b@example.com"), 550, 0},
		"other recipient":     {smtptest.Refused("x@example.com"), 250, 1},
		"greylisted":          {smtptest.Greylisted("b@example.com", 1), 450, 0},
		"greeting refused":    {smtptest.Fault{Step: smtptest.Greeting, Code: 554, Text: "go away"}, 554, 0},
		"greeting silent":     {smtptest.Fault{Step: smtptest.Greeting, Silent: true}, 0, 0},
		"greeting hung up":    {smtptest.Fault{Step: smtptest.Greeting}, 0, 0},
		"sender refused":      {smtptest.Fault{Step: smtptest.Sender, Code: 451}, 451, 0},
		"account not now":     {smtptest.Fault{Step: smtptest.Account, Code: 454, Text: "4.7.0 later"}, 454, 0},
		"silent in between":   {smtptest.Fault{Step: smtptest.Middle, Silent: true}, 0, 0},
		"hung up in between":  {smtptest.Fault{Step: smtptest.Middle}, 0, 0},
		"refused at the end":  {smtptest.Fault{Step: smtptest.Reply, Code: 552}, 552, 0},
		"no reply at the end": {smtptest.Fault{Step: smtptest.Reply, Silent: true}, 0, 1},
		"hung up at the end":  {smtptest.Fault{Step: smtptest.Reply}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, smtptest.Options{Username: "user", Password: "password"})
			test.fault.Times = 1
			s.Fail(test.fault)
			err := send(s, smtptest.STARTTLS, "b@example.com")
			answer, _ := errors.AsType[*smtp.SMTPError](err)
			switch {
			case test.code == 250 && err != nil, test.code != 250 && err == nil:
				t.Errorf("got %v", err)
			case test.code == 0 && answer != nil, test.code != 0 && test.code != 250 && (answer == nil || answer.Code != test.code):
				t.Errorf("got %v, want code %d", err, test.code)
			}
			if got := len(s.Mails()); got != test.kept {
				t.Errorf("%d mails were kept, want %d", got, test.kept)
			}
			s.Heal()
			if err := send(s, smtptest.STARTTLS, "b@example.com"); err != nil {
				t.Errorf("after it passed: %v", err)
			}
			if got := s.Connections(); got != 2 {
				t.Errorf("%d connections, want 2", got)
			}
		})
	}
}

func TestWrongPasswordAndNoAccount(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{Username: "user", Password: "other"})
	answer, _ := errors.AsType[*smtp.SMTPError](send(s, smtptest.STARTTLS, "b@example.com"))
	if answer == nil || answer.Code != 535 {
		t.Errorf("got %v, want 535", answer)
	}
	if logins := s.Logins(); len(logins) != 1 || logins[0].Accepted || logins[0].Password != "password" {
		t.Errorf("logins: %+v", logins)
	}
	// Without TLS no account is offered, and without account no mail is taken.
	answer, _ = errors.AsType[*smtp.SMTPError](send(s, smtptest.Plain, "b@example.com"))
	if answer == nil || answer.Code != 530 {
		t.Errorf("got %v, want 530", answer)
	}
	if n := len(s.Mails()); n != 0 {
		t.Errorf("%d mails were taken", n)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := s.Await(ctx, func(m []smtptest.Mail) bool { return len(m) > 0 }); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if err := s.AwaitFailed(ctx, 1); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestCertificateOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{Security: smtptest.Implicit, NoAddress: true})
	if err := send(s, smtptest.Implicit, "b@example.com"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
