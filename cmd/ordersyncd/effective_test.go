package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/configs"
	"ordersync/internal/config"
	"ordersync/internal/config/outline"
)

// effectiveText is a description of a configuration, with pairs of what stands in it and what stands there instead.
func effectiveText(t *testing.T, replacements ...string) outline.Outline {
	t.Helper()
	text := strings.NewReplacer(replacements...).Replace(`timezone: UTC
state: /state
database:
  address: 127.0.0.1:3306
  name: orders
  user: ordersync
  password: hush-of-the-database
  migrate: {user: ddl, password: hush-of-the-migration}
sources:
  one: {kind: rest, preset: us-server, base_url: "https://one.example.com", auth: {bearer: hush-one}, rate: {per_second: 5}}
  two: {kind: rest, preset: us-server, base_url: "https://two.example.com", auth: {query: {key: hush-two}}, rate: {per_second: 5}}
  three:
    {kind: rest, preset: us-server, base_url: "https://three.example.com", auth: {basic: {user: hush-user, password: hush-three}},
     rate: {per_second: 5}, request: {query: {shop: hush-by-mistake}}}
  four: {kind: rest, preset: us-server, base_url: "https://four.example.com", rate: {per_second: 5},
     auth: {oauth2: {token_url: "https://four.example.com/hush-path", client_id: hush-id, client_secret: hush-four}}}
  mall:
    {kind: taobao, app_key: "12345678", app_secret: hush-app, session: hush-session, session_expires: 2027-06-30, redirect_uri: "https://hush.example.com/"}
encryption: {key: hush-seal-key}
jobs:
  mall-parcels: {track: mall, schedule: "@hourly"}
  one-orders: {sync: one, schedule: "0 2 * * *", start: 2026-01-01}
  one-sweep: {sweep: one, schedule: "0 3 * * *", back: 30d, repeat: [1m, 2h]}
`)
	cfg, err := config.Parse("test.yaml", []byte(text), config.Options{Presets: configs.Presets()})
	if err != nil {
		t.Fatal(err)
	}
	return effectiveOf(cfg)
}

// What a daemon tells of itself holds no secret, not even one in a wrong place, and is the same each time.
func TestEffectiveIsDiscreet(t *testing.T) {
	t.Parallel()
	first, err := json.Marshal(effectiveText(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(first), "hush") {
		t.Errorf("it shows a secret:\n%s", first)
	}
	second, err := json.Marshal(effectiveText(t))
	if err != nil || string(first) != string(second) {
		t.Errorf("twice the same file, and once it is\n%s\nand once\n%s", first, second)
	}
	if len(first) > 5*1800 {
		t.Errorf("it takes %d bytes for five sources", len(first))
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replacements  []string
		load, restart []string
	}{
		"nothing":      {nil, nil, nil},
		"another form": {[]string{"per_second: 5", "per_second: 5.0", "back: 30d", "back: 720h"}, nil, nil},
		"a rate": {
			[]string{"hush-one}, rate: {per_second: 5}", "hush-one}, rate: {per_second: 0.5}"},
			[]string{"source one: rate.per_second from 5 to 0.5"}, nil,
		},
		"a limit": {
			[]string{"hush-one},", "hush-one}, http: {body_timeout: 5s},"},
			[]string{"source one: http.body_timeout from 1m0s to 5s"}, nil,
		},
		"an address": {
			[]string{"one.example.com", "1.example.com"},
			[]string{"source one: base_url from https://one.example.com to https://1.example.com"}, nil,
		},
		"a mapping":   {[]string{"hush-one},", "hush-one}, map: {number: no},"}, []string{"source one: map differs"}, nil},
		"a parameter": {[]string{"hush-by-mistake", "another"}, []string{"source three: request.query.shop differs"}, nil},
		"a filter":    {[]string{"hush-one},", "hush-one}, filter_status: paid,"}, []string{"source one: filter_status differs"}, nil},
		"a schedule":  {[]string{"0 2 * * *", "*/5 * * * *"}, []string{"job one-orders: schedule from 0 2 * * * to */5 * * * *"}, nil},
		"a start": {
			[]string{"2026-01-01", "2026-02-01"},
			[]string{"job one-orders: start from 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z"}, nil,
		},
		"a job's repeats": {[]string{"[1m, 2h]", "[1m]"}, []string{"job one-sweep: repeat from 1m0s, 2h0m0s to 1m0s"}, nil},
		"a job away":      {[]string{"  one-sweep:", "  #"}, []string{"job one-sweep: removed (a run under way ends first)"}, nil},
		"a job more": {
			[]string{"jobs:\n", "jobs:\n  two: {sync: two, schedule: \"@daily\", start: 2026-01-01}\n"},
			[]string{"job two: added"}, nil,
		},
		"the database": {
			[]string{"127.0.0.1:3306", "db.example.com:3306"}, nil,
			[]string{"database.address from 127.0.0.1:3306 to db.example.com:3306"},
		},
		"the migration alone": {[]string{"user: ddl", "user: other"}, nil, nil},
		"an app": {
			[]string{"12345678", "87654321"},
			[]string{"source mall: app_key from 12345678 to 87654321"}, []string{"source mall: credential differs"},
		},
		"an app's secret": {[]string{"hush-app", "hush-2"}, nil, []string{"source mall: credential differs"}},
		"a session":       {[]string{"hush-session", "hush-2"}, nil, []string{"source mall: session differs"}},
		"an end": {
			[]string{"2027-06-30", "2028-06-30"},
			[]string{"source mall: session_expires from 2027-06-30T00:00:00Z to 2028-06-30T00:00:00Z"}, nil,
		},
		"the key of the seal": {[]string{"hush-seal-key", "hush-2"}, nil, []string{"source mall: encryption.key differs"}},
		"a tracked shop": {
			[]string{"{track: mall", "{back: 30d, sweep: mall"},
			[]string{"job mall-parcels: back is 30d now, sweep is mall now, track is no longer mall"}, nil,
		},
		"a credential": {[]string{"hush-two", "hush-2"}, nil, []string{"source two: credential differs"}},
		"both": {
			[]string{"hush-two}}, rate: {per_second: 5}", "hush-2}}, rate: {per_second: 6}", "timezone: UTC", "timezone: Europe/London", "/state", "/s"},
			[]string{
				"timezone from UTC to Europe/London", "source mall: session_expires from 2027-06-30T00:00:00Z to 2027-06-29T23:00:00Z",
				"source two: rate.per_second from 5 to 6",
			},
			[]string{"source two: credential differs", "state from /state to /s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			was := effectiveText(t)
			was.CredentialsAtStart = true
			changes := was.ChangesTo(effectiveText(t, c.replacements...))
			if diff := cmp.Diff(c.load, textsOf(changes, false)); diff != "" {
				t.Errorf("by a reload, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.restart, textsOf(changes, true)); diff != "" {
				t.Errorf("by a restart, -want +got:\n%s", diff)
			}
		})
	}
}
