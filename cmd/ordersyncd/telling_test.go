package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/alert/sentry/sentrytest"
	"ordersync/internal/alert/webhook/hooktest"
	"ordersync/internal/rest/resttest"
	"ordersync/internal/scrub"
)

// robot is a receiver of alerts, and what a configuration must say of it.
type robot struct {
	*hooktest.Server
	t    *testing.T
	yaml string
}

func (s *stage) robot() *robot {
	s.t.Helper()
	r := &robot{t: s.t}
	var err error
	if r.Server, err = hooktest.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		r.Close()
		if refused := r.Refused(); len(refused) > 0 {
			s.t.Errorf("messages that no robot takes: %q", refused)
		}
	})
	s.secret("robot", r.URL("json"))
	s.secret("sign", r.Secret("json"))
	r.yaml = fmt.Sprintf("alerts: {webhooks: {ops: {kind: json, url: \"${file:%[1]s/robot}\", secret: \"${file:%[1]s/sign}\"}}, group_wait: 1s}\n", s.folder)
	return r
}

// told is what the robot was told, a line for each incident of each message.
func (r *robot) told() []string {
	r.t.Helper()
	var lines []string
	for _, m := range r.Messages() {
		var body struct {
			Sort      string
			Incidents []struct{ Change, Class, Scope, Job string }
		}
		if err := json.Unmarshal(m.Body, &body); err != nil {
			r.t.Fatal(err)
		}
		if len(body.Incidents) == 0 {
			lines = append(lines, body.Sort)
		}
		for _, i := range body.Incidents {
			lines = append(lines, strings.Join([]string{body.Sort, i.Change, i.Class, i.Scope}, " "))
		}
	}
	return lines
}

// awaits waits until the robot was told just this.
func (r *robot) awaits(want ...string) {
	r.t.Helper()
	eventuallyIn(r.t, 90*time.Second, fmt.Sprintf("the robot was told %q", want), func() bool { return len(r.told()) >= len(want) })
	if diff := cmp.Diff(want, r.told()); diff != "" {
		r.t.Errorf("told (-want +got):\n%s", diff)
	}
}

// A shop that refuses the credential is told at once; a good run that somebody types is its end.
func TestRefusedCredentialIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	r := s.robot()
	s.write(s.yaml() + r.yaml)
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
	c := s.start(nil, "run")
	r.awaits("alarm opened auth source/us-store")
	s.want(s.run("status"), 1, "Open incidents", "source/us-store")
	list := s.run("incident", "list")
	s.want(list, 0, "auth", "source/us-store", "open")
	id := strings.Fields(strings.Split(list.stdout, "\n")[2])[0]
	s.want(s.run("incident", "show", id), 0, "us-orders", "us-sweep", "opened", "webhook ops", "sent")
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = shopToken })
	s.want(s.run("check", "--online"), 0)
	s.want(s.run("sync", "us-orders"), 0)
	r.awaits("alarm opened auth source/us-store", "relief recovered auth source/us-store")
	s.want(s.run("incident", "show", id), 0, "recovered", "webhook ops")
	s.want(s.run("sync", "us-sweep"), 0)
	s.want(s.run("status"), 0, "All is well.")
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// A database that is away when the daemon starts is told all the same, and that it came.
func TestMissingDatabaseIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	r := s.robot()
	s.write(s.yaml() + r.yaml)
	server := newForwarder(t, s.dsn)
	s.secret("dsn", server.dsn)
	c := s.start(nil, "run", "-v")
	r.awaits("alarm opened db host/" + hostName())
	if n := len(c.logged("run")); n > 0 {
		t.Errorf("%d runs without a database", n)
	}
	server.open()
	c.awaits("run", 2)
	r.awaits("alarm opened db host/"+hostName(), "relief recovered db host/"+hostName())
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// A configuration that a reload refuses is told through what was in force before, and is over with the next one that is good, also with
// the one that was there before.
func TestRefusedReloadIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	r := s.robot()
	c := s.start(nil, "run", "-v")
	c.awaits("run", 2)
	s.write(s.yaml() + r.yaml)
	c.signal(syscall.SIGHUP)
	c.awaits(logReloaded, 1)
	for n := range 2 {
		s.write(s.yaml("schedule:", "shedule:") + r.yaml)
		c.signal(syscall.SIGHUP)
		c.awaits(logWrong, 2*n+2)
	}
	r.awaits("alarm opened config host/" + hostName())
	if body := string(r.Messages()[0].Body); !strings.Contains(body, "shedule") || strings.Contains(body, shopToken) {
		t.Errorf("the message about a mistake: %s", body)
	}
	s.write(s.yaml() + r.yaml)
	s.want(s.run("status"), 1, "Open incidents", "host/"+hostName(), "Not well: incident ", ": config of host "+hostName()+".")
	list := s.run("incident", "list")
	s.want(list, 0, "config", "host/"+hostName(), "open")
	id := strings.Fields(strings.Split(list.stdout, "\n")[2])[0]
	s.want(s.run("incident", "show", id), 0, "Incident "+id+": config of host "+hostName(), "shedule", "ordersyncd check")
	s.want(s.run("incident", "mute", id), 1, "concerns this machine alone")
	c.signal(syscall.SIGHUP)
	c.awaits(logSame, 1)
	r.awaits("alarm opened config host/"+hostName(), "relief recovered config host/"+hostName())
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// It is over, too, with a start on a configuration that is good.
func TestRefusedReloadEndsWithAStart(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	r := s.robot()
	s.write(s.yaml() + r.yaml)
	c := s.start(nil, "run", "-v")
	c.awaits("run", 1)
	s.write(s.yaml("schedule:", "shedule:") + r.yaml)
	c.signal(syscall.SIGHUP)
	r.awaits("alarm opened config host/" + hostName())
	s.write(s.yaml() + r.yaml)
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	c = s.start(nil, "run", "-v")
	r.awaits("alarm opened config host/"+hostName(), "relief recovered config host/"+hostName())
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// pings is a monitor outside the machine; it hears the last element of each path.
type pings struct {
	mu    sync.Mutex
	heard []string
	base  string
}

func newPings(t *testing.T) *pings {
	t.Helper()
	p := &pings{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.heard = append(p.heard, strings.TrimPrefix(r.URL.Path, "/"))
		_, _ = io.WriteString(w, "OK")
	}))
	t.Cleanup(server.Close)
	p.base = server.URL
	return p
}

func (p *pings) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// Those outside who wait for a sign of each run get it: that it began and how it ended, with one id; and no run waits for them.
func TestRunsAreWatched(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	outside := newPings(t)
	receiver, err := sentrytest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(receiver.Close)
	s.secret("sentry", receiver.DSN)
	configuration := func(line, environment string) {
		ping := fmt.Sprintf("ping: {start: %[1]s/start, success: %[1]s/good, fail: %[1]s/fail}, start:", outside.base)
		s.write(s.yaml(`"0 2 * * *"`, `"`+line+`"`, "start:", ping, "  us-sweep:", "  #") +
			fmt.Sprintf("alerts: {sentry: {dsn: \"${file:%s/sentry}\", environment: %s}}\n", s.folder, environment))
	}
	configuration("0 2 * * *", "first")
	c := s.start(nil, "run", "-v")
	c.awaits("run", 1)
	eventually(t, "both were told", func() bool { return len(receiver.CheckIns()) == 2 && len(outside.all()) == 2 })
	checks := receiver.CheckIns()
	if checks[0].Status != "in_progress" || checks[1].Status != "ok" || checks[0].ID != checks[1].ID || checks[0].Monitor != "us-orders" ||
		checks[0].Config == nil || checks[0].Config.Zone != "Asia/Shanghai" {
		t.Errorf("the check-ins of a good run: %+v", checks)
	}
	if diff := cmp.Diff([]string{"start", "good"}, outside.all()); diff != "" {
		t.Errorf("pings (-want +got):\n%s", diff)
	}

	// Another schedule and another monitor by a reload, and a shop that fails. A monitor is not told of each run where they come so often.
	s.shop.Change(func(shop *resttest.Shop) { shop.Token = "another" })
	configuration("@every 2s", "second")
	c.signal(syscall.SIGHUP)
	c.awaits(logReloaded, 1)
	c.awaits("run", 3)
	eventually(t, "two failures were told", func() bool { return len(receiver.CheckIns()) >= 4 && len(outside.all()) >= 6 })
	checks = slices.Concat(checks, receiver.CheckIns()[2:4])
	if checks[2].Status != "in_progress" || checks[3].Status != "error" || checks[2].ID != checks[3].ID || checks[1].ID == checks[3].ID ||
		checks[3].Environment != "second" {
		t.Errorf("the check-ins of a failed run: %+v", checks[2:])
	}
	if diff := cmp.Diff([]string{"start", "fail", "start", "fail"}, outside.all()[2:6]); diff != "" {
		t.Errorf("pings (-want +got):\n%s", diff)
	}

	// A receiver that says nothing keeps neither a run nor, for long, the stop waiting.
	receiver.Silence()
	runs := len(c.logged("run"))
	c.awaits("run", runs+3)
	c.signal(syscall.SIGTERM)
	if status := c.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	receiver.Speak()
	if refused := receiver.Refused(); len(refused) > 0 {
		t.Errorf("envelopes that Sentry does not take: %q", refused)
	}
}

// Every channel is proved by a message of its own, and one that fails is named, with what to do.
func TestSendTestAlert(t *testing.T) {
	t.Parallel()
	s := newStage(t, 5)
	s.want(s.run("check"), 0, "alerts: nobody is told\n")
	s.want(s.run("check", "--send-test-alert"), 1, "ok      source us-store", "failed  alerts: the configuration names no way", "alerts.webhooks")
	r := s.robot()
	receiver, err := sentrytest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(receiver.Close)
	s.secret("sentry", receiver.DSN)
	s.secret("dingtalk", r.URL("dingtalk"))
	s.secret("keyword", r.Secret("dingtalk"))
	text := strings.ReplaceAll(`alerts:
  sentry: {dsn: "${file:FOLDER/sentry}"}
  webhooks:
    team: {kind: dingtalk, url: "${file:FOLDER/dingtalk}", secret: "${file:FOLDER/keyword}"}
    ops: {kind: json, url: "${file:FOLDER/robot}", secret: "${file:FOLDER/sign}"}
`, "FOLDER", s.folder)
	s.write(s.yaml() + text)
	s.want(s.run("check"), 0, "alerts: sentry, webhook team, webhook ops\n")
	s.want(s.run("check", "--online", "--send-test-alert"), 0,
		"ok      sentry: took the test message", "ok      webhook team: took", "ok      webhook ops: took")
	if kinds := []int{len(receiver.Events()), len(r.Messages())}; !slices.Equal(kinds, []int{1, 2}) {
		t.Errorf("%v messages arrived, want 1 and 2", kinds)
	}
	receiver.Down(&sentrytest.Answer{Status: http.StatusInternalServerError})
	got := s.run("check", "--online", "--send-test-alert")
	s.want(got, 1, "failed  sentry:", "tried again for a day", "ok      webhook team", "ok      webhook ops")
	if strings.Contains(got.stdout+got.stderr, hooktest.Token) || strings.Contains(got.stdout+got.stderr, sentrytest.Key) {
		t.Errorf("the output shows a secret:\n%s", got.stdout)
	}
}

// What the daemon logs holds no secret, wherever it comes from.
func TestLogIsScrubbed(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	p := &program{stderr: file}
	const secret, phone = "hush-canary-8d1f", "13900001234"
	log := p.logger(true, scrub.New([]string{secret}))
	log.LogAttrs(t.Context(), slog.LevelDebug, "asked with "+secret, slog.String("error", "of "+secret), slog.Any("of", fmt.Errorf("call %s", phone)))
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || strings.Contains(string(text), phone) || !strings.Contains(string(text), "asked with") {
		t.Errorf("logged: %s", text)
	}
}
