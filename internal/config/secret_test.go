package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// everySecret is a file with a secret in each place that takes one, from each origin.
const everySecret = `
database:
  address: db.example.com:3306
  name: ordersync
  user: ordersync
  password: plain-canary
  migrate: {user: ddl, password: "${credential:db-password}"}
encryption: {key: key-canary}
sources:
  taobao: {kind: taobao, app_key: 12345678, app_secret: "${credential:taobao-app-secret}", session: session-canary}
  bearer: {kind: rest, preset: us-server, base_url: https://a.example, auth: {bearer: "${credential:us-store}"}}
  header: {kind: rest, preset: us-server, base_url: https://b.example, auth: {header: {name: X-Key, value: "Token ${file:us-store}"}}}
  basic: {kind: rest, preset: us-server, base_url: https://c.example, auth: {basic: {user: user-canary, password: "${DSN}"}}}
  query: {kind: rest, preset: us-server, base_url: https://d.example, auth: {query: {key: "q${credential:us-store}"}}}
  oauth: {kind: rest, preset: us-server, base_url: https://e.example,
          auth: {oauth2: {token_url: https://f.example/t, client_id: id-canary, client_secret: secret-canary}}}
jobs:
  one: {sync: bearer, schedule: "@daily", start: 2024-01-01, ping: https://hc-ping.com/ping-canary}
  two: {sweep: bearer, schedule: "@daily",
        ping: {success: "${credential:ping}", start: https://hc-ping.com/start-canary, fail: https://hc-ping.com/fail-canary}}
alerts:
  email: {smtp: {host: smtp.example.com, username: user@example.com, password: "${credential:smtp}"}, from: a@example.com, to: b@example.com}
  sentry: {dsn: "${credential:sentry-dsn}"}
  webhooks:
    staff: {kind: dingtalk, url: "${credential:dingtalk-url}", secret: "${credential:dingtalk-secret}"}
`

func TestSecretsNeverPrint(t *testing.T) {
	t.Parallel()
	o := options(t)
	c, err := Parse(filepath.Join(o.CredentialDirs[1], "secret.yaml"), []byte(everySecret), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Source("header").Rest.Auth.Header.Value.Reveal(); got != "Token us-canary" {
		t.Fatalf("Reveal = %q", got)
	}
	values := map[string]any{
		"config": c, "config value": *c, "database": c.Database, "encryption": c.Encryption,
		"secret": c.Database.Password, "secret pointer": &c.Database.Password,
		"alerts": c.Alerts, "email": c.Alerts.Email, "smtp": c.Alerts.Email.SMTP, "sentry": *c.Alerts.Sentry, "webhooks": c.Alerts.Webhooks,
		"webhook": *c.Alerts.Webhooks[0], "job": *c.Jobs[0], "ping": c.Jobs[1].Ping,
	}
	for _, s := range c.Sources {
		values[s.Name] = s
		if s.Taobao != nil {
			values[s.Name+" taobao"] = *s.Taobao
			values[s.Name+" credential"] = s.Taobao.Credential()
			continue
		}
		values[s.Name+" rest"] = *s.Rest
		values[s.Name+" auth"] = s.Rest.Auth
		values[s.Name+" query"] = s.Rest.Auth.Query
		values[s.Name+" basic"] = s.Rest.Auth.Basic
		values[s.Name+" oauth2"] = s.Rest.Auth.OAuth2
		values[s.Name+" hidden"] = struct{ hidden Auth }{s.Rest.Auth} // fmt cannot call methods in there
	}
	for name, v := range values {
		for how, text := range printed(t, v) {
			if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s printed by %s reveals a secret: %s", name, how, text)
			}
		}
	}
	if got := fmt.Sprintf("%v %s %q %#v", c.Database.Password, c.Database.Password, c.Database.Password, Secret{}); got != "*** *** *** ***" {
		t.Errorf("a secret prints as %s", got)
	}
}

// TestSecretsAreListed holds that whoever scrubs texts learns of every secret of a file, and of no word that is none.
func TestSecretsAreListed(t *testing.T) {
	t.Parallel()
	o := options(t)
	text := strings.NewReplacer("https://hc-ping.com/ping-canary", "https://hc-ping.com/0123-ping-canary", "user-canary", "ck_0123456789-user-canary",
		"id-canary", "shop").Replace(everySecret)
	c, err := Parse(filepath.Join(o.CredentialDirs[1], "secret.yaml"), []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"plain-canary", "db-canary", "key-canary", // the database
		"app-canary", "session-canary", "us-canary", "Token us-canary", "ck_0123456789-user-canary", // the sources
		"ordersync:dsn-canary@tcp(127.0.0.1:3306)/ordersync", "dsn-canary", "qus-canary", "secret-canary",
		"0123-ping-canary", "smtp-canary", // jobs and alerts
		"https://sentrycanary@sentry.example.com/42", "https://oapi.dingtalk.com/robot/send?access_token=canary", "SEC-canary",
	}
	if diff := cmp.Diff(want, c.Secrets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string][]string{
		"Bearer abc": {"abc"}, "a:b@c@tcp(localhost)/d": {"b@c"}, "a:b@/d": {"b"}, "abc": nil, "a b c": nil,
		"https://0123456789abcdef@sentry.example.com/42":             {"0123456789abcdef"},
		"https://u:word@shop.example.com/orders?per_page=100":        {"word"},
		"https://hooks.slack.com/services/T0000/B0000/abc123def456":  {"abc123def456"},
		"https://a.example/robot/send?access_token=0123456789abcdef": {"0123456789abcdef"},
	} {
		if diff := cmp.Diff(want, slices.DeleteFunc(secretParts(text), func(part string) bool { return part == "" })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// printed prints a value in every way that logs, errors and dumps are made.
func printed(t *testing.T, v any) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%10.3s", "% x"} {
		texts[verb] = fmt.Sprintf(verb, v)
	}
	texts["error"] = fmt.Errorf("wrapped: %v", v).Error()
	if text, err := json.Marshal(v); err == nil {
		texts["json"] = string(text)
	} else {
		texts["json"] = err.Error()
	}
	if text, err := yaml.Marshal(v); err == nil {
		texts["yaml"] = string(text)
	} else {
		texts["yaml"] = err.Error()
	}
	if text, err := xml.Marshal(v); err == nil {
		texts["xml"] = string(text)
	} else {
		texts["xml"] = err.Error()
	}
	var b bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(handler).Info("told", "value", v, slog.Group("group", "value", v))
	}
	texts["slog"] = b.String()
	return texts
}

func TestSecretEquality(t *testing.T) {
	t.Parallel()
	a, b := NewSecret("canary"), NewSecret("canary")
	if !a.Equal(b) || a.Equal(NewSecret("other")) || a.Equal(Secret{}) || !NewSecret("").IsZero() || a.IsZero() {
		t.Error("secrets compare wrongly")
	}
}

// FuzzParse holds, for any file: no panic; either a Config or at least one complete Problem; and no secret in what is said, neither
// from a credential nor from a password in the file itself.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.yaml", "../../configs/*.yaml"} {
		for _, file := range files(f, pattern) {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	o := options(f)
	dir := o.CredentialDirs[1]
	for _, text := range []string{
		"a: &a {b: *a}", "a: &a [*a]", "<<: {a: b}", "jobs: {a: {<<: [{sync: b}, 3]}}", "? \n: \n", "a: !!binary aGk=", "- - - -", "{", "\"", "'", "|", ">",
		"a: |\n b\n  c\n", "\t", "a:\n- b\n -c", "${", "database: {password: ${credential:us-store}", strings.Repeat("[", 200), "sources: {a.b: {kind: rest}}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		hold(t, filepath.Join(dir, "fuzz.yaml"), text, o)
		hold(t, filepath.Join(dir, "fuzz.yaml"), append([]byte("database:\n  password: canary-in-the-file\n"), text...), o)
	})
}

func hold(t *testing.T, name string, text []byte, o Options) {
	t.Helper()
	c, err := Parse(name, text, o)
	var said strings.Builder
	switch problems, ok := err.(*Problems); { //nolint:errorlint // nothing may wrap it here
	case err == nil:
		fmt.Fprintf(&said, "%+v", c)
		for _, w := range c.Warnings {
			said.WriteString(w.Text())
		}
	case !ok || c != nil || len(problems.List) == 0:
		t.Fatalf("Parse = %v, %v", c, err)
	default:
		said.WriteString(problems.Error())
		for _, p := range problems.List {
			if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Remedy == "" {
				t.Errorf("incomplete problem %+v", p)
			}
		}
	}
	own := strings.ReplaceAll(string(text), "password: canary-in-the-file\n", "")
	if strings.Contains(said.String(), canary) && !strings.Contains(own, canary) {
		t.Errorf("a secret is shown:\n%s", said.String())
	}
}
