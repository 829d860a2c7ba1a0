package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/rest/resttest"
)

// The operator's mail account in these tests.
const (
	mailUser     = "alerts@example.com"
	mailPassword = "password-of-the-mailbox"
)

// patience is how long a story waits for what may take some rounds of the daemon, on a busy machine.
const patience = 3 * time.Minute

// office is a mail server and what a daemon must know of it.
type office struct {
	*smtptest.Server
	t      *testing.T
	folder string
}

// newOffice starts a mail server that wants STARTTLS and an account, with its CA and the password as files of the folder.
func newOffice(t *testing.T, folder string, o smtptest.Options) *office {
	t.Helper()
	o.Username, o.Password = mailUser, mailPassword
	s, err := smtptest.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, text := range map[string][]byte{"ca.pem": s.CAText(), "smtp": []byte(mailPassword)} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &office{Server: s, t: t, folder: folder}
}

// env is what the daemon's environment needs, so that it trusts the server.
func (o *office) env() []string {
	return []string{"SSL_CERT_FILE=" + filepath.Join(o.folder, "ca.pem")}
}

// yaml is the part of the configuration about alerts, in seconds instead of minutes; more lines of it may follow.
func (o *office) yaml(more ...string) string {
	return fmt.Sprintf(`alerts:
  email:
    smtp: {host: 127.0.0.1, port: %d, tls: starttls, username: %s, password: "${file:%s/smtp}"}
    from: alerts@example.com
    to: [ops@example.com]
  group_wait: 1s
%s`, o.Port(), mailUser, o.folder, strings.Join(more, ""))
}

// messages are the mails taken so far, as a mail program shows them.
func (o *office) messages() []smtptest.Message {
	o.t.Helper()
	list := []smtptest.Message{}
	for _, m := range o.Mails() {
		message, err := m.Parse()
		if err != nil {
			o.t.Fatal(err)
		}
		if m.User != mailUser || !m.TLS || m.From != "alerts@example.com" {
			o.t.Errorf("the envelope of %q: %+v", message.Subject, m.To)
		}
		list = append(list, message)
	}
	return list
}

// awaits waits until so many mails came.
func (o *office) awaits(n int) []smtptest.Message {
	o.t.Helper()
	eventuallyIn(o.t, patience, fmt.Sprintf("%d mails arrive", n), func() bool { return len(o.Mails()) >= n })
	return o.messages()
}

// subjects are for the text of a failure.
func subjects(list []smtptest.Message) string {
	all := []string{}
	for _, m := range list {
		all = append(all, fmt.Sprintf("%s %s (after %v)", m.ID, m.Subject, m.References))
	}
	return strings.Join(all, "\n")
}

// sink takes whatever is sent to it over HTTP, and keeps it: the address of a webhook or of a monitor outside.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	paths  []string
	bodies []string
	heads  []string
	answer func(http.ResponseWriter)
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.paths, s.bodies = append(s.paths, r.URL.Path), append(s.bodies, string(body))
		s.heads = append(s.heads, fmt.Sprint(r.Header))
		answer := s.answer
		s.mu.Unlock()
		if answer != nil {
			answer(w)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// got returns the bodies that came to paths that end so.
func (s *sink) got(path string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []string{}
	for i, p := range s.paths {
		if strings.HasSuffix(p, path) {
			list = append(list, s.bodies[i])
		}
	}
	return list
}

// failing lets every answer of the stage's shop be this one, or none.
func (s *stage) failing(f *resttest.Fault) {
	s.shop.Change(func(shop *resttest.Shop) {
		shop.Fault = nil
		if f != nil {
			shop.Fault = func(resttest.Request) *resttest.Fault { return f }
		}
	})
}

// everySecond is a configuration whose orders are looked for each second, also after failures.
func (s *stage) everySecond(more string) string {
	return s.yaml(`schedule: "0 2 * * *", start`, `schedule: "@every 1s", repeat: [1s], start`, "  us-sweep:", "  #") + more
}

func (s *stage) stops(c *child) {
	s.t.Helper()
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		s.t.Errorf("exit status %d", status)
	}
}

// TestAlerts are the stories of what an operator is told, each with a daemon of its own.
func TestAlerts(t *testing.T) {
	t.Parallel()
	atOnce(t, 4, []story{
		{"an outage of the shop", alertOfAnOutage}, {"an expired key", alertOfAnExpiredKey}, {"a database that is away", alertOfADatabaseAway},
		{"a channel that fails", alertOfAChannelThatFails},
	})
}

// story is a test that mostly waits.
type story struct {
	name string
	test func(*testing.T)
}

// atOnce runs stories beside each other, so many at a time. They take the room of one parallel test: what they wait for needs no processor.
func atOnce(t *testing.T, limit int, stories []story) {
	t.Helper()
	var running sync.WaitGroup
	places := make(chan struct{}, limit)
	for _, s := range stories {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			t.Run(s.name, s.test)
		})
	}
	running.Wait()
}

// An outage of the shop is told once, however long it lasts; its end is told in the same thread.
func alertOfAnOutage(t *testing.T) {
	s := newStage(t, 12)
	o := newOffice(t, s.folder, smtptest.Options{})
	s.write(s.everySecond(o.yaml()))
	c := s.start(o.env(), "run", "-v")
	eventually(t, "the orders are stored", func() bool { return s.number(s.db(), "SELECT COUNT(*) FROM orders") == 12 })
	broken := resttest.Status(500)
	s.failing(&broken)
	alarm := o.awaits(1)[0]
	for _, text := range []string{"us-store", "us-orders", "500", "ordersyncd "} {
		if !strings.Contains(alarm.Text, text) || !strings.Contains(alarm.HTML, text) {
			t.Errorf("the alarm lacks %q:\n%s", text, alarm.Text)
		}
	}
	if !strings.Contains(alarm.Subject, "us-store") || len(alarm.References) > 0 {
		t.Errorf("the alarm is %q, after %v", alarm.Subject, alarm.References)
	}
	s.want(s.run("status"), 1, "us-store")
	s.want(s.run("incident", "list"), 0, "us-store")
	// Each further failed run says nothing new.
	failed := len(c.logged("run"))
	eventually(t, "ten further runs fail", func() bool { return len(c.logged("run")) >= failed+10 })
	if list := o.messages(); len(list) != 1 {
		t.Fatalf("an outage makes more than one mail:\n%s", subjects(list))
	}
	s.create(3)
	s.failing(nil)
	list := o.awaits(2)
	relief := list[1]
	if !slices.Contains(relief.References, alarm.ID) || relief.ID == alarm.ID {
		t.Errorf("the recovery is in no thread with the alarm:\n%s", subjects(list))
	}
	if !strings.Contains(relief.Subject, "us-store") || !strings.Contains(relief.Text, "3") {
		t.Errorf("the recovery is %q:\n%s", relief.Subject, relief.Text)
	}
	s.want(s.run("status"), 0, "All is well.")
	good := len(c.logged("run"))
	eventually(t, "it goes on", func() bool { return len(c.logged("run")) >= good })
	s.stops(c)
	if list := o.messages(); len(list) != 2 {
		t.Errorf("the outage made %d mails:\n%s", len(list), subjects(list))
	}
	s.want(s.run("incident", "list", "--all"), 0, "us-store")
}

// create lets the shop get new orders now.
func (s *stage) create(n int) {
	now := time.Now()
	for range n {
		s.truth.Create(resttest.Order{
			ID: fmt.Sprint(50_000 + s.truth.Writes()), Status: "paid", Total: "12.50", Created: now, Modified: now,
			Lines: []resttest.Line{{ID: "1", SKU: "CUP-01", Name: "Cup", Quantity: "2", Price: "6.25"}},
		})
	}
}

// A key that the shop refuses heals by no repeat: it is told with the first run that met it, also of a job that runs once a day.
func alertOfAnExpiredKey(t *testing.T) {
	s := newStage(t, 3)
	o := newOffice(t, s.folder, smtptest.Options{})
	s.write(s.yaml("  us-sweep:", "  #") + o.yaml())
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
	c := s.start(o.env(), "run")
	alarm := o.awaits(1)[0]
	if n := s.number(s.db(), "SELECT COUNT(*) FROM runs WHERE outcome = 'failed'"); n != 1 {
		t.Errorf("it was told after %d failed runs, want 1", n)
	}
	if !strings.Contains(alarm.Text, "ordersyncd check --online") {
		t.Errorf("the alarm does not say what to type:\n%s", alarm.Text)
	}
	for _, secret := range []string{shopToken, mailPassword} {
		if strings.Contains(alarm.Text+alarm.HTML, secret) {
			t.Error("the alarm shows a secret")
		}
	}
	s.stops(c)
	if list := o.messages(); len(list) != 1 {
		t.Errorf("it was told %d times:\n%s", len(list), subjects(list))
	}
}

// While the database is away, from the start on, the host tells so itself; and when it is back, that.
func alertOfADatabaseAway(t *testing.T) {
	s := newStage(t, 3)
	o := newOffice(t, s.folder, smtptest.Options{})
	server := newForwarder(t, s.dsn)
	s.secret("dsn", server.dsn)
	s.write(s.everySecond(o.yaml()))
	c := s.start(o.env(), "run", "-v")
	alarm := o.awaits(1)[0]
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(alarm.Text, host) || !strings.Contains(strings.ToLower(alarm.Subject), "database") {
		t.Errorf("the alarm %q:\n%s", alarm.Subject, alarm.Text)
	}
	server.open()
	c.awaits("run", 2)
	list := o.awaits(2)
	if !slices.Contains(list[1].References, alarm.ID) {
		t.Errorf("the end of it is in no thread with the alarm:\n%s", subjects(list))
	}
	s.stops(c)
	if list := o.messages(); len(list) != 2 {
		t.Errorf("%d mails:\n%s", len(list), subjects(list))
	}
}

// A way of telling that fails is told through the others, and what waited for it arrives when it works again.
func alertOfAChannelThatFails(t *testing.T) {
	s := newStage(t, 3)
	o := newOffice(t, s.folder, smtptest.Options{})
	chat := newSink(t)
	s.secret("hook", chat.URL+"/hook")
	s.write(s.yaml("  us-sweep:", "  #") + o.yaml(fmt.Sprintf("  webhooks:\n    staff: {kind: json, url: \"${file:%s/hook}\"}\n", s.folder)))
	o.Fail(smtptest.Greylisted("ops@example.com", 2))
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
	c := s.start(o.env(), "run")
	eventually(t, "the chat learns of the key", func() bool { return len(chat.got("/hook")) >= 1 })
	if text := chat.got("/hook")[0]; !strings.Contains(text, "us-store") || strings.Contains(text, "ops@example.com") {
		t.Errorf("the first message of the chat: %s", text)
	}
	eventuallyIn(t, patience, "the chat learns of the mails", func() bool {
		return slices.ContainsFunc(chat.got("/hook"), func(text string) bool { return strings.Contains(text, "ops@example.com") })
	})
	if n := len(o.Mails()); n != 0 {
		t.Errorf("%d mails came from a server that took none", n)
	}
	// The third attempt is taken: what waited comes, and then that the channel works again.
	list := o.awaits(2)
	if !strings.Contains(list[0].Text, "us-store") || !strings.Contains(list[1].Text, "ops@example.com") {
		t.Errorf("what came when it worked again:\n%s", subjects(list))
	}
	eventually(t, "the chat learns that the mails work again", func() bool { return len(chat.got("/hook")) >= 3 })
	s.stops(c)
	if n := len(chat.got("/hook")); n != 3 {
		t.Errorf("the chat got %d messages: %q", n, chat.got("/hook"))
	}
}
