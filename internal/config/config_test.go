package config

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/config/words"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

// canary stands in every credential and secret of these tests; nothing may print it.
const canary = "canary"

// credentials makes a folder of credentials, good ones and bad ones.
func credentials(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"db-password": "db-canary\n", "us-store": "us-canary\r\n", "empty": "\n", "two-lines": "one-canary\ntwo\n", "chinese": "canary密码",
		"long": strings.Repeat("canary", 20_000), "open": "open-canary",
		"db-ddl-password": "ddl-canary", "eu-store": "eu-canary",
		"smtp": "smtp-canary", "sentry-dsn": "https://sentrycanary@sentry.example.com/42",
		"dingtalk-url": "https://oapi.dingtalk.com/robot/send?access_token=canary", "dingtalk-secret": "SEC-canary",
		"wecom-url":  "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary",
		"feishu-url": "https://open.feishu.cn/open-apis/bot/v2/hook/canary", "feishu-secret": "feishu-canary",
		"slack-url": "https://hooks.slack.com/services/T0/B0/canary", "ping": "https://hc-ping.com/canary", "own-hook": "http://127.0.0.1:9000/hook?own=canary",
		"taobao-app-secret": "app-canary", "taobao-session": "session-canary", "taobao-blank": "app canary", "seal-key": "seal-canary",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// presetFiles are the shipped presets and a broken one.
func presetFiles(t testing.TB) fs.FS {
	t.Helper()
	shipped, err := os.ReadFile("../../configs/presets/us-server.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"us-server.yaml": {Data: shipped}, "broken.yaml": {Data: []byte("a: [")}}
}

func options(t testing.TB) Options {
	t.Helper()
	dir := credentials(t)
	return Options{
		Presets:        presetFiles(t),
		CredentialDirs: []string{filepath.Join(dir, "nowhere"), dir},
		Getenv: func(name string) string {
			return map[string]string{"DSN": "ordersync:dsn-canary@tcp(127.0.0.1:3306)/ordersync", "SHOP": "us", "STATE_DIRECTORY": "/run/state:/other"}[name]
		},
		Now: func() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) },
		CheckSchedule: func(spec string, _ *time.Location) error {
			if !strings.HasPrefix(spec, "@") && len(strings.Fields(spec)) != 5 {
				return errors.New("it has not five fields")
			}
			return nil
		},
	}
}

// stable replaces what differs from run to run.
func stable(text string, o Options) string {
	for i, dir := range o.CredentialDirs {
		text = strings.ReplaceAll(text, dir, []string{"/run/credentials", "/etc/ordersync/credentials"}[i])
	}
	return strings.ReplaceAll(text, "testdata/", "")
}

// golden compares a text with a golden file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return list
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	o := options(t)
	for _, file := range files(t, "testdata/bad/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			c, err := Load(file, o)
			var problems *Problems
			if c != nil || !errors.As(err, &problems) {
				t.Fatalf("Load = %v, %v, want Problems", c, err)
			}
			text := stable(problems.Error(), o) + "\n"
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", text)
			if strings.Contains(text, canary) {
				t.Errorf("a secret is shown:\n%s", text)
			}
			for _, p := range problems.List {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Remedy == "" || strings.Contains(p.Message+p.Remedy, "{0}") {
					t.Errorf("incomplete problem %+v", p)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	o := options(t)
	for _, file := range files(t, "testdata/warn/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			c, err := Load(file, o)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, w := range c.Warnings {
				texts = append(texts, w.Text())
			}
			text := stable(strings.Join(texts, "\n\n"), o) + "\n"
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", text)
			if strings.Contains(text, canary) || len(texts) == 0 {
				t.Errorf("a secret is shown, or nothing is:\n%s", text)
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	t.Parallel()
	o := options(t)
	dir := o.CredentialDirs[1]
	for _, file := range files(t, "testdata/good/*.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(filepath.Join(dir, filepath.Base(file)), text, o) // ${file:…} is relative to the file
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		for _, w := range c.Warnings {
			t.Errorf("%s: unexpected warning:\n%s", file, w.Text())
		}
	}
}

// TestEverySentence holds that each text is shown by some bad file, so that each has been read by somebody.
func TestEverySentence(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, file := range slices.Concat(files(t, "testdata/bad/*.golden"), files(t, "testdata/warn/*.golden")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	elsewhere := []string{ // said by TestUnreadable, or where this account is not root
		"config-missing", "config-permission", "config-unreadable", "config-long", "file-permission",
		"rule", // a tag of the validator without words of its own: none is in use
	}
	argument := regexp.MustCompile(`\\\{\d\\\}`)
	for code, w := range words.English() {
		pattern := argument.ReplaceAllString(regexp.QuoteMeta(w.Message), `[^\n]*`)
		if !regexp.MustCompile(`: `+pattern+`\n`).MatchString(all.String()) && !slices.Contains(elsewhere, code) {
			t.Errorf("no golden file shows %q: %s", code, w.Message)
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(long, []byte(strings.Repeat("# long, long, long\n", 1_000_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "missing.yaml"): "There is no such file.", dir: "The file cannot be read.", long: "The file is larger than 16 MiB",
	} {
		_, err := Load(file, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), file+": ") {
			t.Errorf("Load(%s) = %v, want %q", file, err, want)
		}
	}
}

func load(t *testing.T, name string) *Config {
	t.Helper()
	o := options(t)
	text, err := os.ReadFile(filepath.Join("testdata/good", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(filepath.Join(o.CredentialDirs[1], name+".yaml"), text, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, "bare")
	r := c.Source("shop").Rest
	got := fmt.Sprintln(c.Timezone, c.Language, c.State, c.Zone(), r.Rate, r.HTTP, r.Overlap, r.Settle, r.Slice, r.Page.Size, r.Page.Number, c.Jobs[0].Repeat)
	want := "UTC en /run/state UTC {2 0 {}} {3 10s 1m0s 67108864} 10m0s 30s 1d {per_page 100 0} {page 1} [1m0s 5m0s 15m0s 1h0m0s]\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.Jobs[0].Source() != "shop" || c.Job("orders") != c.Jobs[0] || c.Source("nobody") != nil || c.Job("none") != nil {
		t.Error("names do not lead to their entries")
	}
}

func TestPresetIsOverridden(t *testing.T) {
	t.Parallel()
	c := load(t, "overrides")
	r := c.Source("us-store").Rest
	if diff := cmp.Diff(map[string]string{"expand": "lines"}, r.Request.Query); diff != "" {
		t.Errorf("null drops a parameter: %s", diff)
	}
	states := r.Map.Status.Map
	for _, check := range []struct{ what, got, want any }{
		{what: "path drops the preset's paths", got: r.Request.Path + fmt.Sprint(r.Request.Paths), want: "/v2/orders[]"},
		{what: "mappings are merged", got: r.Window.Zone + r.Window.SinceBound, want: "UTCinclusive"},
		{what: "scalars are replaced", got: r.Window.By + r.Window.Since.Name + r.Window.Resolution.String(), want: "modifiedupdated_from1s"},
		{what: "a short form keeps the rest of the group", got: r.Page.Size, want: PageSize{Name: "per_page", Value: 100, Max: 1000}},
		{what: "null drops a group's key", got: fmt.Sprint(r.Page.Total), want: "{[] [X-Count]}"},
		{what: "words are one whatever their capitals", got: states["Paid"] + states["paid"] + states["neu"], want: "completedpending_payment"},
		{what: "lists are replaced", got: fmt.Sprint(r.Map.Status.From, r.Map.Total.Path, r.Map.Tax.Path), want: "[state] [amount_due] [tax vat]"},
		{what: "the source's own keys win", got: fmt.Sprint(r.Overlap, r.Settle, r.Slice), want: "10m0s 0s 1h30m0s"},
		{what: "limits", got: fmt.Sprint(r.HTTP, r.Rate), want: "{0 500ms 2m0s 10000000} {0.5 10000 {}}"},
		{what: "a sweep takes its back from the source", got: c.Job("us-sweep").Back.String(), want: "14d"},
		{what: "what the preset says stays", got: fmt.Sprint(r.Map.ID.Path, r.Map.Lines.SKU.Path), want: "[id order_id] [sku]"},
	} {
		if !cmp.Equal(check.got, check.want) {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
}

func TestWindowsFile(t *testing.T) {
	t.Parallel()
	c, plain := load(t, "windows"), load(t, "preset")
	if got, want := c.Source("us-store").Rest.Auth.Bearer.Reveal(), "us-canary"; got != want {
		t.Errorf("credential = %q, want %q", got, want)
	}
	if got, want := fmt.Sprintf("%+v", *c.Jobs[0]), fmt.Sprintf("%+v", *plain.Jobs[0]); got != want {
		t.Errorf("a file with a byte order mark and CRLF differs:\n%s\n%s", got, want)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	c := load(t, "anchors")
	for _, check := range []struct{ got, want string }{
		{got: c.Database.DSN.Reveal(), want: "ordersync:dsn-canary@tcp(127.0.0.1:3306)/ordersync"},
		{got: c.Database.Migrate.Password.Reveal(), want: "db-canary"},
		{got: c.Source("one").Rest.Auth.Basic.Password.Reveal(), want: "us-canary"},
		{got: c.Source("four").Rest.Auth.Header.Value.Reveal(), want: "Token us-canary"},
		{got: c.Source("five").Rest.Auth.Query["key"].Reveal(), want: "us-canary"},
		{got: c.Source("two").Rest.Auth.Form() + c.Source("three").Rest.Auth.Form(), want: "oauth2none"},
		{got: c.Job("one").Start.UTC().String(), want: "2024-01-01 08:00:00 +0000 UTC"},
		{got: c.Job("four").Back.String() + c.Job("five").Back.String(), want: "14d36h0m0s"},
	} {
		if check.got != check.want {
			t.Errorf("got %q, want %q", check.got, check.want)
		}
	}
	o := options(t)
	text := strings.Replace(readFile(t, "testdata/good/preset.yaml"), "api.us-server", "$${x}.${SHOP}", 1)
	text = strings.Replace(text, "https", "http://127.0.0.1/$${x}/${SHOP} # https", 1)
	c, err := Parse("partial.yaml", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Source("us-store").Rest.BaseURL; got != "http://127.0.0.1/${x}/us" {
		t.Errorf("base_url = %q", got)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	c := load(t, "preset")
	if got, want := c.Jobs[0].Start.UTC(), time.Date(2023, 12, 31, 16, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("start = %v, want midnight in Shanghai, %v", got, want)
	}
}

func TestCredentialsAreTold(t *testing.T) {
	t.Parallel()
	c := load(t, "anchors")
	seen := map[string]string{}
	for _, s := range c.Sources {
		id := s.Rest.Credential()
		if len(id) != 32 || strings.Contains(id, canary) || seen[id] != "" {
			t.Errorf("credential of %s: %q (also %s)", s.Name, id, seen[id])
		}
		seen[id] = s.Name
	}
	if again := load(t, "anchors"); again.Sources[0].Rest.Credential() != c.Sources[0].Rest.Credential() {
		t.Error("the same credential has two names")
	}
}

func TestTaobao(t *testing.T) {
	t.Parallel()
	c := load(t, "taobao")
	flagship, second, practice, local := c.Source("tmall-flagship"), c.Source("tmall-second").Taobao, c.Source("practice").Taobao, c.Source("local").Taobao
	if flagship.Kind != KindTaobao || flagship.Rest != nil || flagship.Taobao.Kind != KindTaobao {
		t.Errorf("kind %s: rest %v, taobao %v", flagship.Kind, flagship.Rest, flagship.Taobao)
	}
	shop, job := flagship.Taobao, c.Job("tmall-parcels")
	for _, check := range []struct{ what, got, want any }{
		{what: "what the file says", got: fmt.Sprint(shop.SignMethod, shop.Rate, shop.HTTP, shop.Overlap, shop.Settle, shop.Slice),
			want: "hmac{10 100000 {}} {0 30s 2m0s 16777216} 30m0s 2m0s 1d"},
		{what: "secrets", got: shop.AppSecret.Reveal() + shop.Session.Reveal() + c.Encryption.Key.Reveal(), want: "app-canarysession-canaryseal-canary"},
		{what: "dates are read in the file's zone", got: shop.SessionExpires.UTC().String(), want: "2026-11-21 16:00:00 +0000 UTC"},
		{what: "defaults", got: fmt.Sprint(second.SignMethod, second.HTTP, second.Overlap, second.Settle, second.Slice),
			want: "hmac-sha256{3 10s 1m0s 67108864} 20m0s 1m0s 23h59m59s"},
		{what: "the usual pace", got: practice.Rate, want: Rate{PerSecond: 5}},
		{what: "an app key is a text", got: second.AppKey + practice.AppKey, want: "12345678test"},
		{what: "no session where one is asked for", got: second.Session.IsZero() && second.SessionExpires.IsZero(), want: true},
		{what: "platforms", got: shop.Gateway + " " + c.Source("overseas").Taobao.Gateway + " " + practice.Gateway, want: "production overseas sandbox"},
		{what: "where tokens come from", got: shop.OAuth + " " + practice.OAuth + " " + local.OAuth,
			want: "https://oauth.taobao.com https://oauth.tbsandbox.com http://taobao.internal/oauth"},
		{what: "jobs", got: job.Source() + c.Job("tmall-sweep").Source() + c.Job("second").Source(), want: "tmall-flagshiptmall-flagshiptmall-second"},
		{what: "shops of one app share a pace", got: shop.Credential(), want: second.Credential()},
	} {
		if !cmp.Equal(check.got, check.want) {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
	seen := map[string]bool{shop.Credential(): true}
	for what, change := range map[string]func(*Taobao){
		"app key": func(t *Taobao) { t.AppKey = "1" }, "secret": func(t *Taobao) { t.AppSecret = NewSecret("new") },
		"gateway": func(t *Taobao) { t.Gateway = GatewaySandbox },
	} {
		other := *shop
		change(&other)
		if id := other.Credential(); len(id) != 32 || seen[id] {
			t.Errorf("another %s is called %q, like another", what, id)
		}
		seen[other.Credential()] = true
	}
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	c, bare := load(t, "alerts"), load(t, "bare")
	a, usual := c.Alerts, bare.Alerts
	jobs := map[string]*Ping{}
	for _, j := range c.Jobs {
		jobs[j.Name] = j.Ping
	}
	var robots []string
	for _, w := range a.Webhooks {
		robots = append(robots, w.Name+" "+w.Kind+" "+w.URL.Reveal()+" "+w.Secret.Reveal())
	}
	for _, check := range []struct{ what, got, want any }{
		{what: "a mail server", got: fmt.Sprint(a.Email.SMTP.Host, a.Email.SMTP.Port, a.Email.SMTP.TLS, a.Email.SMTP.Username, a.Email.SMTP.Password.Reveal()),
			want: "smtp.example.com465implicitalerts@example.comsmtp-canary"},
		{what: "from and to", got: fmt.Sprint(a.Email.From, a.Email.To), want: "alerts@example.com[ops@example.com boss@example.com]"},
		{what: "one recipient", got: fmt.Sprint(usual.Email.To), want: "[ops@example.com]"},
		{what: "sentry", got: a.Sentry.DSN.Reveal() + " " + a.Sentry.Environment, want: "https://sentrycanary@sentry.example.com/42 production"},
		{what: "webhooks", got: robots, want: []string{
			"staff dingtalk https://oapi.dingtalk.com/robot/send?access_token=canary SEC-canary", "ops slack https://hooks.slack.com/services/T0/B0/canary ",
			"own json http://127.0.0.1:9000/hook?own=canary SEC-canary",
		}},
		{what: "times", got: fmt.Sprint(a.After, a.GroupWait, a.RemindEvery, " ", a.Weekly), want: "10m0s 1m0s 12h0m0s 0 9 * * MON"},
		{what: "usual times", got: fmt.Sprint(usual.After, usual.GroupWait, usual.RemindEvery, usual.Weekly), want: "4m0s 30s 4h0m0s"},
		{what: "a ping", got: jobs["us-orders"].Success.Reveal() + fmt.Sprint(jobs["us-orders"].Start.IsZero(), jobs["us-orders"].Fail.IsZero()),
			want: "https://hc-ping.com/0f5c-canarytrue true"},
		{what: "three pings", got: jobs["us-sweep"].Success.Reveal() + " " + jobs["us-sweep"].Start.Reveal() + " " + jobs["us-sweep"].Fail.Reveal(),
			want: "https://hc-ping.com/canary https://hc-ping.com/canary/start https://hc-ping.com/canary/fail"},
		{what: "no ping", got: bare.Jobs[0].Ping == nil, want: true},
		{what: "channels", got: a.Channels() && usual.Channels() && !new(Alerts).Channels(), want: true},
	} {
		if !cmp.Equal(check.got, check.want) {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
	text := readFile(t, "testdata/good/bare.yaml")
	for given, want := range map[string]string{
		"host: a.example": "465 implicit", "host: a.example, tls: starttls": "587 starttls", "host: localhost, tls: none": "25 none",
		"host: a.example, port: 587": "587 starttls", "host: a.example, port: 465": "465 implicit", "host: a.example, port: 25": "25 starttls",
		"host: a.example, port: 2525": "2525 starttls", "host: 127.0.0.1, port: 1025, tls: none": "1025 none", "host: '::1', tls: none": "25 none",
		"host: a.example, port: 1025, tls: implicit": "1025 implicit", "host: a.example, port: 25, tls: starttls": "25 starttls",
	} {
		c, err := Parse("smtp.yaml", []byte(strings.Replace(text, "host: smtp.example.com", given, 1)), options(t))
		if err != nil || len(c.Warnings) > 0 {
			t.Errorf("%s: %v, %v", given, err, c)
			continue
		}
		if got := fmt.Sprint(c.Alerts.Email.SMTP.Port, " ", c.Alerts.Email.SMTP.TLS); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
	c, err := Parse("none.yaml", []byte(text[:strings.Index(text, "alerts:")]), options(t))
	if err != nil || c.Alerts.Channels() || c.Alerts.After.Std() != 4*time.Minute || len(c.Warnings) != 1 || c.Warnings[0].Path != "jobs" {
		t.Errorf("without alerts: %v, %+v", err, c)
	}
}

func TestProblemOfAnotherRoom(t *testing.T) {
	t.Parallel()
	c := load(t, "preset")
	for _, check := range []struct{ at, want string }{
		{at: "database password", want: "preset.yaml:2:"}, {at: "sources us-store base_url", want: "preset.yaml:7:15: No."},
		{at: "sources us-store map id", want: "preset.yaml:4:3: No."}, {at: "jobs us-orders repeat", want: "preset.yaml:11:3: No."},
		{at: "", want: "preset.yaml:1:1: No."},
	} {
		p := c.Problem("No.", "Do.", strings.Fields(check.at)...)
		_, name, _ := strings.Cut(p.Error(), "preset.yaml")
		good := strings.HasPrefix("preset.yaml"+name, check.want) && strings.Contains(p.Text(), "^\n") && !strings.Contains(p.Text(), canary)
		if !good {
			t.Errorf("%s: %s", check.at, p.Text())
		}
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
