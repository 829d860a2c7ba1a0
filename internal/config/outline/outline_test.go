package outline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/config/outline"
	"ordersync/internal/config/value"
)

func TestFlatten(t *testing.T) {
	t.Parallel()
	type part struct {
		Timeout value.Duration `yaml:"timeout"`
		Own     int            `yaml:"-"`
	}
	got := map[string]string{}
	outline.Flatten(got, "http", struct {
		Kind   string            `yaml:"kind,short"`
		Key    value.Secret      `yaml:"key"`
		Empty  value.Secret      `yaml:"empty"`
		Part   *part             `yaml:"part"`
		Day    time.Time         `yaml:"day"`
		Words  []string          `yaml:"words"`
		Query  map[string]string `yaml:"query"`
		Number int               `yaml:"number"`
	}{
		Kind: "rest", Key: value.NewSecret("hush"), Part: &part{Timeout: value.Duration(5 * time.Second), Own: 1},
		Day: time.Date(2026, 3, 1, 8, 0, 0, 0, time.FixedZone("", 8*3600)), Words: []string{"hush", "b"}, Query: map[string]string{"a": "hush"}, Number: 3,
	})
	want := map[string]string{
		"http.kind": outline.Hash("rest"), "http.key": "given", "http.part.timeout": "5s", "http.day": "2026-03-01T00:00:00Z",
		"http.words": outline.Hash("hush, b"), "http.query.a": outline.Hash("hush"), "http.number": "3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a reload changes about who is told, and that no secret stands in an outline.
func TestAlerts(t *testing.T) {
	t.Parallel()
	type smtp struct {
		Host     string       `yaml:"host"`
		Port     int          `yaml:"port"`
		Username string       `yaml:"username"`
		Password value.Secret `yaml:"password"`
	}
	type email struct {
		SMTP smtp        `yaml:"smtp"`
		To   value.Texts `yaml:"to"`
	}
	type webhook struct {
		Name string       `yaml:"-"`
		Kind string       `yaml:"kind"`
		URL  value.Secret `yaml:"url"`
	}
	type alerts struct {
		Email    *email         `yaml:"email"`
		Webhooks []*webhook     `yaml:"webhooks"`
		After    value.Duration `yaml:"after"`
		Weekly   string         `yaml:"weekly"`
	}
	of := func(a alerts) outline.Outline {
		o := outline.Outline{Settings: map[string]string{}, CredentialsAtStart: true}
		outline.Flatten(o.Settings, outline.Alerts, a)
		return o
	}
	mail := func(password string, to ...string) *email {
		return &email{SMTP: smtp{Host: "smtp.example.com", Port: 465, Username: "hush@example.com", Password: value.NewSecret(password)}, To: to}
	}
	staff := func(url string) []*webhook {
		return []*webhook{{Name: "shop.staff", Kind: "slack", URL: value.NewSecret(url)}}
	}
	got := of(alerts{Email: mail("hush", "hush@example.com"), Webhooks: staff("hush"), After: value.Duration(time.Minute), Weekly: "0 9 * * MON"})
	want := map[string]string{
		"alerts.email.smtp.host": "smtp.example.com", "alerts.email.smtp.port": "465", "alerts.email.smtp.username": outline.Hash("hush@example.com"),
		"alerts.email.smtp.password":      outline.Hash("alerts.email.smtp.password hush")[:5],
		"alerts.email.to":                 outline.Hash("hush@example.com"),
		"alerts.webhooks.shop.staff.kind": "slack", "alerts.webhooks.shop.staff.url": outline.Hash("alerts.webhooks.shop.staff.url hush"),
		"alerts.after": "1m0s", "alerts.weekly": "0 9 * * MON",
	}
	if diff := cmp.Diff(want, got.Settings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, test := range map[string]struct {
		from, to alerts
		want     []string // those that need a restart begin with !
	}{
		"nothing":  {from: alerts{Email: mail("a")}, to: alerts{Email: mail("a")}},
		"added":    {to: alerts{Email: mail("a", "b"), Webhooks: staff("c")}, want: []string{"alerts.email is added, alerts.webhooks.shop.staff is added"}},
		"removed":  {from: alerts{Webhooks: staff("c"), After: 1}, to: alerts{After: 1}, want: []string{"alerts.webhooks.shop.staff is removed"}},
		"to":       {from: alerts{Email: mail("a", "b")}, to: alerts{Email: mail("a", "b", "c")}, want: []string{"alerts.email.to differs"}},
		"password": {from: alerts{Email: mail("a")}, to: alerts{Email: mail("b")}, want: []string{"!alerts.email.smtp.password differs"}},
		"url":      {from: alerts{Webhooks: staff("a")}, to: alerts{Webhooks: staff("b")}, want: []string{"!alerts.webhooks.shop.staff.url differs"}},
		"times": {from: alerts{After: value.Duration(time.Minute)}, to: alerts{After: value.Duration(time.Hour), Weekly: "@weekly"},
			want: []string{"alerts.after from 1m0s to 1h0m0s, alerts.weekly is @weekly now"}},
	} {
		var texts []string
		for _, c := range of(test.from).ChangesTo(of(test.to)) {
			texts = append(texts, map[bool]string{true: "!"}[c.Restart]+c.String())
		}
		if diff := cmp.Diff(test.want, texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	was, is := map[string]string{}, map[string]string{}
	outline.Flatten(was, "", struct {
		Ping *webhook `yaml:"ping"`
	}{Ping: staff("hush")[0]})
	outline.Flatten(is, "", struct {
		Ping *webhook `yaml:"ping"`
	}{Ping: staff("other")[0]})
	if was["ping.url"] == is["ping.url"] || was["ping.url"][:1] != "#" {
		t.Errorf("pings: %v, %v", was, is)
	}
}

// A credential that was handed over at the start differs with a restart only, any other at once.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, atStart := range []bool{true, false} {
		for _, name := range []string{outline.Credential, outline.Session, outline.SealKey} {
			was := outline.Outline{CredentialsAtStart: atStart, Sources: map[string]map[string]string{"shop": {name: "#1"}}}
			changes := was.ChangesTo(outline.Outline{Sources: map[string]map[string]string{"shop": {name: "#2"}}})
			if len(changes) != 1 || changes[0].Restart != atStart || changes[0].String() != "source shop: "+name+" differs" {
				t.Errorf("%s, handed over at the start %t: %v", name, atStart, changes)
			}
		}
	}
}
