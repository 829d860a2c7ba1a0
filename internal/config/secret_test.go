package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
