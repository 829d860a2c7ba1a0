package email_test

import (
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert"
	"ordersync/internal/alert/email"
	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/words"
	"ordersync/internal/alert/words/samples"
	"ordersync/internal/fault"
)

const (
	ops    = "ops@example.com"
	boss   = "boss@example.com"
	secret = "canary-password-7f3a"
)

func outage() alert.Notice { return samples.All()[0].Notice }

func serve(t *testing.T, o smtptest.Options) *smtptest.Server {
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

// options are those for a server with STARTTLS, where nobody need log in.
func options(s *smtptest.Server) email.Options {
	return email.Options{
		Host: s.Host(), Port: s.Port(), TLS: email.StartTLS, From: "alerts@shop.example.com", To: []string{ops}, Language: words.Chinese, Zone: shanghai(),
		RootCAs: s.CA(),
	}
}

// boxes are the ways to the recipients.
func boxes(t *testing.T, o email.Options) []*email.Mailbox {
	t.Helper()
	all, err := email.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parsed are the mails that a server took, as a mail program shows them.
func parsed(t *testing.T, s *smtptest.Server) []smtptest.Message {
	t.Helper()
	var all []smtptest.Message
	for _, m := range s.Mails() {
		message, err := m.Parse()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message)
	}
	return all
}

// TestSend goes through whole conversations with every way to protect them and to log in.
func TestSend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		server smtptest.Options
		tls    string
		login  bool
	}{
		{"STARTTLS", smtptest.Options{Security: smtptest.STARTTLS}, email.StartTLS, false},
		{"STARTTLS and PLAIN", smtptest.Options{Security: smtptest.STARTTLS, Mechanisms: []string{"PLAIN"}}, email.StartTLS, true},
		{"STARTTLS and LOGIN", smtptest.Options{Security: smtptest.STARTTLS, Mechanisms: []string{"LOGIN"}}, email.StartTLS, true},
		{"implicit TLS", smtptest.Options{Security: smtptest.Implicit}, email.Implicit, false},
		{"implicit TLS and PLAIN", smtptest.Options{Security: smtptest.Implicit, Mechanisms: []string{"PLAIN"}}, email.Implicit, true},
		{"implicit TLS and LOGIN", smtptest.Options{Security: smtptest.Implicit, Mechanisms: []string{"LOGIN"}}, email.Implicit, true},
		{"none, on this machine", smtptest.Options{Security: smtptest.Plain}, email.None, false},
		{"none, on this machine, and PLAIN", smtptest.Options{Security: smtptest.Plain, PlainAccounts: true}, email.None, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.login {
				c.server.Username, c.server.Password = "alerts", secret
			}
			s := serve(t, c.server)
			o := options(s)
			o.TLS = c.tls
			if c.login {
				o.Username, o.Password = "alerts", func() string { return secret }
			}
			box := boxes(t, o)[0]
			if err := box.Send(t.Context(), outage()); err != nil {
				t.Fatal(err)
			}
			mails := s.Mails()
			if len(mails) != 1 || mails[0].TLS != (c.tls != email.None) ||
				mails[0].From != "alerts@shop.example.com" || !slices.Equal(mails[0].To, []string{ops}) {
				t.Fatalf("the server took %+v", mails)
			}
			if c.login && mails[0].User != "alerts" {
				t.Errorf("%q logged in", mails[0].User)
			}
		})
	}
}

// TestMessage holds what stands in a mail.
func TestMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	n := outage()
	if err := boxes(t, options(s))[0].Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got, want := parsed(t, s)[0], words.Of(n, words.Chinese, shanghai())
	if got.Subject != want.Subject || got.Subject != "连不上店铺：us-store" {
		t.Errorf("the subject is %q", got.Subject)
	}
	if diff := cmp.Diff(want.Plain(), got.Text); diff != "" {
		t.Errorf("the text: -want +got:\n%s", diff)
	}
	html, err := email.HTML(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(html, got.HTML); diff != "" {
		t.Errorf("the page: -want +got:\n%s", diff)
	}
	for name, value := range map[string]string{
		"From": `"ordersync" <alerts@shop.example.com>`, "To": "<" + ops + ">", "Date": "Sat, 21 Nov 2026 18:01:35 +0000", "Auto-Submitted": "auto-generated",
		"Importance": "high", "In-Reply-To": "", "References": "", "User-Agent": "", "X-Mailer": "",
	} {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
		}
	}
}

// TestThread holds that an incident is one thread for each recipient, and that a mail that is sent again is the same mail.
func TestThread(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	o := options(s)
	o.To = []string{ops, "Boss <" + boss + ">", "OPS@example.com"}
	all := boxes(t, o)
	if len(all) != 2 || all[0].Name() != "email "+ops || all[1].Name() != "email "+boss {
		t.Fatalf("%d ways", len(all))
	}
	first, second, third := outage(), outage(), outage()
	second.ID, second.References = "aaaaaaaaaaaaaaaa", []string{first.ID}
	third.ID, third.References = "bbbbbbbbbbbbbbbb", []string{first.ID, second.ID}
	for _, box := range all {
		for _, n := range []alert.Notice{first, second, third, first} {
			if err := box.Send(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	mails, got := s.Mails(), parsed(t, s)
	for i := 0; i < len(got); i += 4 {
		one, two, three, again := got[i], got[i+1], got[i+2], got[i+3]
		if !slices.Equal(two.References, []string{one.ID}) || two.Header.Get("In-Reply-To") != one.ID {
			t.Errorf("the second refers to %q, the first is %q", two.References, one.ID)
		}
		if !slices.Equal(three.References, []string{one.ID, two.ID}) || three.Header.Get("In-Reply-To") != two.ID {
			t.Errorf("the third refers to %q", three.References)
		}
		if again.ID != one.ID || string(mails[i].Raw) != string(mails[i+3].Raw) {
			t.Errorf("the same notice is another mail: %q, %q", one.ID, again.ID)
		}
		if !strings.HasSuffix(one.ID, "@shop.example.com>") || !strings.HasPrefix(one.ID, "<"+first.ID+".") {
			t.Errorf("the Message-ID is %q", one.ID)
		}
	}
	if got[0].ID == got[4].ID {
		t.Error("two recipients get mails with one Message-ID")
	}
}

// TestNothingGetsIntoTheHeader holds that a notice can add neither a field nor a recipient.
func TestNothingGetsIntoTheHeader(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	const evil = "x\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script>"
	n := outage()
	n.ID, n.Host, n.References = "id>\r\nBcc: thief@example.com", evil, []string{"r\r\nBcc: thief@example.com"}
	for i := range n.Items {
		n.Items[i].Scope, n.Items[i].Source, n.Items[i].Error, n.Items[i].Facts.Command = alert.OfSource(evil), evil, evil, evil
	}
	if err := boxes(t, options(s))[0].Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	mail, got := s.Mails()[0], parsed(t, s)[0]
	names := slices.Sorted(maps.Keys(got.Header))
	want := []string{
		"Auto-Submitted", "Content-Type", "Date", "From", "Importance", "In-Reply-To", "Message-Id", "Mime-Version", "Priority", "References", "Subject", "To",
		"X-Auto-Response-Suppress", "X-Msmail-Priority", "X-Priority",
	}
	if diff := cmp.Diff(want, names); diff != "" || !slices.Equal(mail.To, []string{ops}) {
		t.Errorf("sent to %q, header -want +got:\n%s", mail.To, diff)
	}
	for name, values := range got.Header {
		if len(values) != 1 || strings.ContainsAny(values[0], "\r\n") {
			t.Errorf("%s: %q", name, values)
		}
	}
	if strings.Contains(got.HTML, "<script>") {
		t.Error("the page holds what the notice wrote as it is")
	}
}

// TestOneRefusedRecipient holds that the others get their mail.
func TestOneRefusedRecipient(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	s.Fail(smtptest.Refused(ops))
	o := options(s)
	o.To = []string{ops, boss}
	all := boxes(t, o)
	if err := all[0].Send(t.Context(), outage()); fault.KindOf(err) != fault.Rejected || !strings.Contains(err.Error(), "refuses the recipient "+ops) {
		t.Errorf("%v: %v", fault.KindOf(err), err)
	}
	if err := all[1].Send(t.Context(), outage()); err != nil {
		t.Error(err)
	}
	if mails := s.Mails(); len(mails) != 1 || !slices.Equal(mails[0].To, []string{boss}) {
		t.Errorf("the server took %+v", mails)
	}
}

// TestGreylisted holds that a server which wants to be asked again is.
func TestGreylisted(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	s.Fail(smtptest.Greylisted(ops, 1))
	box := boxes(t, options(s))[0]
	if err := box.Send(t.Context(), outage()); fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "450") {
		t.Errorf("%v: %v", fault.KindOf(err), err)
	}
	if err := box.Send(t.Context(), outage()); err != nil || len(s.Mails()) != 1 {
		t.Errorf("%v, %d mails", err, len(s.Mails()))
	}
}

// TestFailures goes through the faults of servers: what they are, who acts, and that nothing secret is said of them.
func TestFailures(t *testing.T) {
	t.Parallel()
	account := smtptest.Options{Username: "alerts", Password: secret}
	type change = func(*email.Options, *smtptest.Server)
	wrong := func(o *email.Options, _ *smtptest.Server) { o.Password = func() string { return secret + "-wrong" } }
	for _, c := range []struct {
		name   string
		server smtptest.Options
		fault  *smtptest.Fault
		change change
		kind   fault.Kind
		says   string
	}{
		{"wrong password", account, nil, wrong, fault.Config, "授权码"},
		{"login put off", account, &smtptest.Fault{Step: smtptest.Account, Code: 454}, nil, fault.Transient, "lets nobody log in for now"},
		{"no login offered", smtptest.Options{}, nil, nil, fault.Config, "no way to log in"},
		{"busy", account, &smtptest.Fault{Step: smtptest.Greeting, Code: 421}, nil, fault.Transient, "421"},
		{"closed to us", account, &smtptest.Fault{Step: smtptest.Greeting, Code: 554}, nil, fault.Rejected, "554"},
		{"sender refused", account, &smtptest.Fault{Step: smtptest.Sender, Code: 550}, nil, fault.Config, "refuses the sender alerts@shop.example.com"},
		{"sender put off", account, &smtptest.Fault{Step: smtptest.Sender, Code: 451}, nil, fault.Transient, "451"},
		{
			"mail refused", account, &smtptest.Fault{Step: smtptest.Reply, Code: 554, Text: "5.7.1 looks\x1b[31m like spam"}, nil,
			fault.Rejected, "554 5.7.1 looks [31m like spam",
		},
		{"mail put off", account, &smtptest.Fault{Step: smtptest.Reply, Code: 452}, nil, fault.Transient, "452"},
		{"hangs up at the greeting", account, &smtptest.Fault{Step: smtptest.Greeting}, nil, fault.Transient, "hung up"},
		{"hangs up at the login", account, &smtptest.Fault{Step: smtptest.Account}, nil, fault.Transient, "hung up"},
		{"hangs up at the sender", account, &smtptest.Fault{Step: smtptest.Sender}, nil, fault.Transient, "hung up"},
		{"hangs up at the recipient", account, &smtptest.Fault{Step: smtptest.Recipient}, nil, fault.Transient, "hung up"},
		{"hangs up in the middle", account, &smtptest.Fault{Step: smtptest.Middle}, nil, fault.Transient, "hung up"},
		{
			"no STARTTLS", smtptest.Options{Security: smtptest.Plain, Username: "alerts", Password: secret, PlainAccounts: true}, nil, nil,
			fault.Config, "set tls: implicit",
		},
		{
			"implicit TLS at a port of STARTTLS", account, nil, func(o *email.Options, _ *smtptest.Server) { o.TLS = email.Implicit },
			fault.Config, "set tls: starttls",
		},
		{"certificate of somebody else", smtptest.Options{NoAddress: true, Names: []string{"mail.example.com"}}, nil, nil, fault.Config, "certificate"},
		{
			"certificate of an unknown authority", account, nil, func(o *email.Options, _ *smtptest.Server) { o.RootCAs = x509.NewCertPool() },
			fault.Config, "certificate",
		},
		{"nobody there", account, nil, func(_ *email.Options, s *smtptest.Server) { _ = s.Close() }, fault.Transient, "cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.server)
			if c.fault != nil {
				s.Fail(*c.fault)
			}
			o := options(s)
			o.Username, o.Password = "alerts", func() string { return secret }
			if c.change != nil {
				c.change(&o, s)
			}
			err := boxes(t, o)[0].Send(t.Context(), outage())
			if fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: %v, want %v and %q", fault.KindOf(err), err, c.kind, c.says)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the password: %v", err)
			}
			if n := len(s.Mails()); n != 0 && c.fault == nil {
				t.Errorf("the server took %d mails", n)
			}
			for _, l := range s.Logins() {
				if !l.TLS {
					t.Errorf("the password went over a connection that is not protected: %s", l.Mechanism)
				}
			}
		})
	}
}

// TestSilence holds that a server which says nothing, at whatever step, ends with the deadline.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]smtptest.Step{
		"greeting": smtptest.Greeting, "login": smtptest.Account, "sender": smtptest.Sender, "recipient": smtptest.Recipient, "middle": smtptest.Middle,
		"reply": smtptest.Reply,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, smtptest.Options{Username: "alerts", Password: secret})
			s.Fail(smtptest.Fault{Step: step, Silent: true})
			o := options(s)
			o.Timeout, o.Username, o.Password = 500*time.Millisecond, "alerts", func() string { return secret }
			err := boxes(t, o)[0].Send(t.Context(), outage())
			if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "says nothing") || !strings.Contains(err.Error(), "500ms") {
				t.Errorf("%v: %v", fault.KindOf(err), err)
			}
		})
	}
	t.Run("TLS that never begins", func(t *testing.T) {
		t.Parallel()
		s := serve(t, smtptest.Options{Security: smtptest.Implicit})
		o := options(s)
		o.Timeout = 500 * time.Millisecond
		if err := boxes(t, o)[0].Send(t.Context(), outage()); fault.KindOf(err) != fault.Transient || len(s.Mails()) != 0 {
			t.Errorf("%v: %v", fault.KindOf(err), err)
		}
	})
}

// TestStop holds that a silent server keeps nobody from stopping, and that stopping is no failure.
func TestStop(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	s.Fail(smtptest.Fault{Step: smtptest.Sender, Silent: true})
	ctx, stop := context.WithCancelCause(t.Context())
	over := errors.New("the daemon stops")
	done, box := make(chan error, 1), boxes(t, options(s))[0]
	go func() { done <- box.Send(ctx, outage()) }()
	if err := s.AwaitFailed(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	stop(over)
	if err := <-done; !errors.Is(err, over) {
		t.Errorf("%v: %v", fault.KindOf(err), err)
	}
}

// TestUnknownEnd holds that a mail whose end was not acknowledged is sent again as the same mail.
func TestUnknownEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	s.Fail(smtptest.Fault{Step: smtptest.Reply, Times: 1})
	box := boxes(t, options(s))[0]
	if err := box.Send(t.Context(), outage()); fault.KindOf(err) != fault.Transient {
		t.Errorf("%v: %v", fault.KindOf(err), err)
	}
	if err := box.Send(t.Context(), outage()); err != nil {
		t.Fatal(err)
	}
	got := parsed(t, s)
	if len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("%d mails, %+v", len(got), got)
	}
}

// TestNew holds that every mistake is named at once, and that nothing unprotected leaves the machine.
func TestNew(t *testing.T) {
	t.Parallel()
	_, err := email.New(email.Options{Port: 70000, TLS: "ssl", Username: "alerts", From: "nobody", To: []string{"x", ops}})
	for _, want := range []string{"no host", "port", "tls", "password", "sender", `"x"`} {
		if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q: %v", want, err)
		}
	}
	good := email.Options{Host: "mail.example.com", Port: 25, TLS: email.None, From: "alerts@example.com", To: []string{ops}}
	if _, err := email.New(good); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "tls: none") {
		t.Errorf("mail without TLS beyond this machine: %v", err)
	}
	good.To = nil
	if _, err := email.New(good); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "no recipient") {
		t.Errorf("nobody: %v", err)
	}
}

// TestSize holds that the longest notices make mails of at most 64 KiB.
func TestSize(t *testing.T) {
	t.Parallel()
	s := serve(t, smtptest.Options{})
	box := boxes(t, options(s))[0]
	long := samples.Storm(500)
	for i := range long.Items {
		long.Items[i].Error = strings.Repeat("错误", i+500)
		long.Items[i].Facts.Text, long.Items[i].Facts.Remedy = strings.Repeat("长", 2000), strings.Repeat("长", 2000)
	}
	digest := alert.Notice{ID: "cccccccccccccccc", Sort: alert.Digest, At: samples.Night(), Host: "vps-1"}
	for range 60 {
		digest.Parts = append(digest.Parts, long)
	}
	all := []alert.Notice{long, digest}
	for _, sample := range samples.All() {
		all = append(all, sample.Notice)
	}
	for i, n := range all {
		if err := box.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if size := len(s.Mails()[i].Raw); size > 64<<10 {
			t.Errorf("the mail about %s %s has %d bytes", n.Sort, n.Class, size)
		}
	}
}
