package webhook_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ordersync/internal/alert"
	"ordersync/internal/alert/webhook"
	"ordersync/internal/alert/webhook/hooktest"
	"ordersync/internal/alert/words"
	"ordersync/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func robots(t *testing.T) *hooktest.Server {
	t.Helper()
	s, err := hooktest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func options(s *hooktest.Server, kind, language string) webhook.Options {
	return webhook.Options{
		Name: "ops", Kind: kind, URL: func() string { return s.URL(kind) }, Secret: func() string { return s.Secret(kind) }, Language: language,
		Zone: time.FixedZone("CST", 8*60*60),
	}
}

func hook(t *testing.T, o webhook.Options) *webhook.Hook {
	t.Helper()
	h, err := webhook.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var since = time.Date(2026, 11, 4, 2, 0, 0, 0, time.UTC)

func incident(source string, class alert.Class, text string) alert.Incident {
	key := alert.Key{Scope: alert.OfSource(source), Class: class}
	waiting := 120
	return alert.Incident{
		ID: alert.ID(key, since), Key: key, Phase: alert.Open, Since: since, OpenedAt: since.Add(time.Minute), LastAt: since.Add(time.Minute),
		Seq: 1, Source: source, Failures: 2, Job: source + "-orders", RunID: "0f0e0d0c0b0a09080706050403020100", Kind: "transient",
		Error: text, Host: "vps-1",
		Facts: alert.Facts{Standing: &alert.Standing{Watermark: since.Add(-2 * time.Hour), Behind: 2 * time.Hour, Waiting: &waiting}},
	}
}

func notice(id string, change alert.Change, incidents ...alert.Incident) alert.Notice {
	n := alert.Notice{ID: id, Sort: alert.Alarm, At: since.Add(90 * time.Second), Host: "vps-1"}
	if change == alert.Closed || change == alert.Passed {
		n.Sort = alert.Relief
	}
	for _, i := range incidents {
		n.Class = i.Class
		if n.Sort == alert.Relief {
			i.Phase, i.RecoveredAt = alert.Recovered, since.Add(time.Hour)
		}
		n.Items = append(n.Items, alert.Item{Change: change, Incident: i})
	}
	return n
}

// notices are one of each sort.
func notices() []alert.Notice {
	one := incident("us-store", alert.Network, "GET /orders/list: connection reset")
	opened := notice("00000000000000a1", alert.Opened, one)
	closed := notice("00000000000000a2", alert.Closed, one)
	many := notice("00000000000000a3", alert.Opened, one, incident("eu-store", alert.Network, "connection reset"))
	many.More = 498
	return []alert.Notice{
		opened, closed, many, notice("00000000000000a4", alert.Reminded, one), notice("00000000000000a5", alert.Opened, incident("tmall", alert.Auth, "401")),
		{ID: "00000000000000a6", Sort: alert.Digest, At: since.Add(time.Hour), Host: "vps-1", Parts: []alert.Notice{opened, closed}},
		{ID: "00000000000000a7", Sort: alert.Trial, At: since, Host: "vps-1"},
		{ID: "00000000000000a8", Sort: alert.Weekly, At: since, Host: "vps-1", Week: &alert.Week{
			Since: since.AddDate(0, 0, -7), Until: since, Runs: 2016, Failed: 3, Incidents: 1,
			Sources: []alert.SourceWeek{{Source: "us-store", New: 812, Changed: 1404, Watermark: since}},
		}},
	}
}

func TestEveryRobotTakesEveryNotice(t *testing.T) {
	t.Parallel()
	for _, kind := range webhook.Kinds() {
		for _, language := range []string{words.English, words.Chinese} {
			t.Run(kind+" "+language, func(t *testing.T) {
				t.Parallel()
				s := robots(t)
				s.Want("ordersync")
				h := hook(t, options(s, kind, language))
				if h.Name() != "webhook ops" {
					t.Errorf("its name is %q", h.Name())
				}
				for i, n := range notices() {
					if err := h.Send(soon(t), n); err != nil {
						t.Fatalf("%s: %v", n.Sort, err)
					}
					text := words.Of(n, language, options(s, kind, language).Zone)
					m := s.Messages()[i]
					if !strings.Contains(m.Text, strings.SplitN(text.Headline, "*", 2)[0]) || m.Title == "" {
						t.Errorf("%s: %q is not in\n%s", n.Sort, text.Headline, m.Text)
					}
					t.Logf("%s\n%s", m.Title, m.Text)
				}
			})
		}
	}
}

func TestRobotsWithoutSignatures(t *testing.T) {
	t.Parallel()
	for _, kind := range webhook.Kinds() {
		s := robots(t)
		s.Unsigned()
		o := options(s, kind, words.English)
		o.Secret = nil
		if err := hook(t, o).Send(soon(t), notices()[0]); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// refusal is an error of the kind that quotes no address and no secret.
func refusal(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("%v is of the kind %v, want %v", err, fault.KindOf(err), kind)
	}
	for _, secret := range []string{hooktest.Token, hooktest.DingTalkSecret, hooktest.FeishuSecret, hooktest.JSONSecret, "access_token=", "127.0.0.1"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes %q: %v", secret, err)
		}
	}
}

func TestWrongSecretsAndAddresses(t *testing.T) {
	t.Parallel()
	s := robots(t)
	for _, kind := range webhook.Kinds() {
		if s.Secret(kind) != "" {
			o := options(s, kind, words.English)
			o.Secret = func() string { return "another secret" }
			refusal(t, hook(t, o).Send(soon(t), notices()[0]), fault.Config)
			o.Secret = nil
			refusal(t, hook(t, o).Send(soon(t), notices()[0]), fault.Config)
		}
		o := options(s, kind, words.English)
		o.URL = func() string { return strings.ReplaceAll(s.URL(kind), hooktest.Token, "wrong-"+hooktest.Token) }
		err := hook(t, o).Send(soon(t), notices()[0])
		refusal(t, err, fault.Config)
		if err == nil || !strings.HasPrefix(err.Error(), "webhook ops: ") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(s.Messages()) != 0 {
		t.Errorf("%d messages were taken", len(s.Messages()))
	}
}

func TestAKeywordThatIsNotOurs(t *testing.T) {
	t.Parallel()
	s := robots(t)
	s.Want("监控报警")
	for _, kind := range []string{webhook.DingTalk, webhook.Feishu} {
		err := hook(t, options(s, kind, words.Chinese)).Send(soon(t), notices()[0])
		refusal(t, err, fault.Config)
		if err == nil || !strings.Contains(err.Error(), "keyword (ordersync is in every message)") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestTooManyMessages(t *testing.T) {
	t.Parallel()
	for kind, wait := range map[string]time.Duration{
		webhook.DingTalk: 10 * time.Minute, webhook.WeCom: time.Minute, webhook.Feishu: time.Minute, webhook.Slack: 30 * time.Second,
	} {
		s := robots(t)
		s.Limit(1)
		h := hook(t, options(s, kind, words.English))
		if err := h.Send(soon(t), notices()[0]); err != nil {
			t.Fatal(err)
		}
		err := h.Send(soon(t), notices()[1])
		refusal(t, err, fault.Transient)
		if fault.RetryAfter(err) != wait {
			t.Errorf("%s: the pause is %v, want %v", kind, fault.RetryAfter(err), wait)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, header ...string) hooktest.Answer {
		a := hooktest.Answer{Status: status, Body: body, Header: http.Header{}}
		for i := 0; i < len(header); i += 2 {
			a.Header.Set(header[i], header[i+1])
		}
		return a
	}
	echo := "the address /robot/send?access_token=" + hooktest.Token + " and " + hooktest.DingTalkSecret + hooktest.FeishuSecret + hooktest.JSONSecret
	for _, c := range []struct {
		kinds  string
		answer hooktest.Answer
		kind   fault.Kind
		wait   time.Duration
	}{
		{"dingtalk wecom", answer(200, `{"errcode":-1,"errmsg":"system busy"}`), fault.Transient, time.Minute},
		{"dingtalk wecom", answer(200, `{"errcode":40035,"errmsg":"no"}`), fault.Rejected, 0},
		{"dingtalk", answer(200, `{"status":1111,"wait":5,"errcode":130101,"errmsg":"send too fast"}`), fault.Transient, 10 * time.Minute},
		{"dingtalk", answer(200, `{"errcode":400102,"errmsg":"robot stopped"}`), fault.Config, 0},
		{"wecom", answer(200, `{"errcode":93008,"errmsg":"not in chat"}`), fault.Config, 0},
		{"feishu", answer(200, `{"code":9499,"msg":"Bad Request"}`), fault.Rejected, 0},
		{"feishu", answer(400, `{"code":99991400,"msg":"frequency limit"}`, "x-ogw-ratelimit-reset", "52"), fault.Transient, 52 * time.Second},
		{"dingtalk wecom feishu", answer(200, `<html>log in to the hotel's network</html>`), fault.Transient, 0},
		{"dingtalk wecom feishu", answer(200, `{}`), fault.Transient, 0},
		{"dingtalk wecom feishu", answer(200, `{"errcode":null,"code":null}`), fault.Transient, 0},
		{"dingtalk wecom feishu", answer(200, `[]`), fault.Transient, 0},
		{"dingtalk wecom feishu slack", answer(200, ``), fault.Transient, 0},
		{"dingtalk wecom feishu", answer(503, `{"errcode":0,"code":0}`), fault.Transient, 0},
		{"dingtalk", answer(502, `{"errcode":77,"errmsg":"x"}`), fault.Transient, 0},
		{"dingtalk", answer(200, `{"errcode":77,"errmsg":"`+echo+`"}`), fault.Rejected, 0},
		{"wecom", answer(200, `{"errcode":77,"errmsg":"`+echo+`"}`), fault.Rejected, 0},
		{"feishu", answer(200, `{"code":77,"msg":"`+echo+`"}`), fault.Rejected, 0},
		{"slack", answer(200, `invalid_payload`), fault.Transient, 0},
		{"slack", answer(200, `{"ok":false,"error":"invalid_workflow_input"}`), fault.Rejected, 0},
		{"slack", answer(400, `invalid_blocks`), fault.Rejected, 0},
		{"slack", answer(404, `no_service`), fault.Config, 0},
		{"slack", answer(410, `channel_is_archived`), fault.Config, 0},
		{"slack json", answer(500, `rollup_error`), fault.Transient, 0},
		{"json", answer(429, `slow down`, "Retry-After", "3"), fault.Transient, 3 * time.Second},
		{"json", answer(422, echo), fault.Rejected, 0},
		{"dingtalk wecom feishu slack json", answer(307, ``, "Location", "http://127.0.0.1:1/elsewhere"), fault.Config, 0},
		{"dingtalk wecom feishu slack json", answer(429, `<html>`), fault.Transient, 0},
		{"dingtalk wecom feishu slack json", answer(403, strings.Repeat("<p>no</p>", 30000)), fault.Config, 0},
	} {
		for kind := range strings.FieldsSeq(c.kinds) {
			s := robots(t)
			s.Next(c.answer)
			o := options(s, kind, words.English)
			if kind == webhook.DingTalk || kind == webhook.Feishu || kind == webhook.JSON {
				o.Secret = func() string { return s.Secret(kind) }
			}
			err := hook(t, o).Send(soon(t), notices()[0])
			if fault.RetryAfter(err) != c.wait || err == nil || len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %d %s: %v, after %v", kind, c.answer.Status, cut(c.answer.Body), err, fault.RetryAfter(err))
			}
			if fault.KindOf(err) != c.kind {
				t.Errorf("%s, %d %s: %v is %v, want %v", kind, c.answer.Status, cut(c.answer.Body), err, fault.KindOf(err), c.kind)
			}
			for _, secret := range []string{hooktest.Token, s.Secret(kind)} {
				if err != nil && secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("%s: the error quotes a secret: %v", kind, err)
				}
			}
			if s.Requests() != 1 {
				t.Errorf("%s: %d requests", kind, s.Requests())
			}
		}
	}
	s := robots(t)
	s.Next(answer(200, `{"ok":true}`))
	if err := hook(t, options(s, webhook.Slack, words.English)).Send(soon(t), notices()[0]); err != nil {
		t.Errorf("a workflow's answer: %v", err)
	}
}

func cut(text string) string { return text[:min(len(text), 60)] }

func TestARobotThatIsAway(t *testing.T) {
	t.Parallel()
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := "http://" + listener.Addr().String() + "/robot/send?access_token=" + hooktest.Token
		_ = listener.Close()
		h := hook(t, webhook.Options{Name: "ops", Kind: webhook.DingTalk, URL: func() string { return address }})
		refusal(t, h.Send(soon(t), notices()[0]), fault.Transient)
	})
	t.Run("it says nothing", func(t *testing.T) {
		t.Parallel()
		s := robots(t)
		s.Silence()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		refusal(t, hook(t, options(s, webhook.WeCom, words.English)).Send(ctx, notices()[0]), fault.Transient)
	})
	t.Run("we stop", func(t *testing.T) {
		t.Parallel()
		s := robots(t)
		s.Silence()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		h := hook(t, options(s, webhook.WeCom, words.English))
		go func() { done <- h.Send(ctx, notices()[0]) }()
		s.Await(1)
		cancel()
		refusal(t, <-done, 0)
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	const secret = "canary-5f0c8a1e93b7"
	for name, o := range map[string]webhook.Options{
		"no kind":           {Kind: "teams", URL: func() string { return "https://example.com/" + secret }},
		"no address":        {Kind: webhook.Slack},
		"an empty address":  {Kind: webhook.Slack, URL: func() string { return "" }},
		"plain HTTP":        {Kind: webhook.Slack, URL: func() string { return "http://hooks.example.com/" + secret }},
		"no URL":            {Kind: webhook.Slack, URL: func() string { return "hooks.example.com/" + secret }},
		"a broken URL":      {Kind: webhook.Slack, URL: func() string { return "https://example.com/%zz" + secret }},
		"a password":        {Kind: webhook.JSON, URL: func() string { return "https://me:" + secret + "@example.com/" }},
		"a useless secret":  {Kind: webhook.WeCom, URL: func() string { return "https://example.com/" }, Secret: func() string { return secret }},
		"a file":            {Kind: webhook.JSON, URL: func() string { return "file:///etc/" + secret }},
		"another loopback?": {Kind: webhook.JSON, URL: func() string { return "http://localhost.example.com/" + secret }},
	} {
		o.Name = "ops"
		_, err := webhook.New(o)
		if fault.KindOf(err) != fault.Config || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const hostile = "# big <at id=all></at> <@all> <!channel> ![x](http://evil.example/x.png) [here](http://evil.example) `code` *bold* " +
		"<font color=\"info\">ok</font>"
	for kind, marks := range map[string][]string{
		webhook.DingTalk: {"<", "](", "*bold*", "`"},
		webhook.WeCom:    {"<at", "<@", "<!", "](", "*bold*", "`code", "<font color=\"info\">ok"},
		webhook.Slack:    {"<", "`code"},
	} {
		s := robots(t)
		n := notice("00000000000000a1", alert.Opened, incident("us-store", alert.Network, hostile))
		n.Items[0].Facts.Text, n.Items[0].Facts.Remedy = hostile, hostile
		if err := hook(t, options(s, kind, words.English)).Send(soon(t), n); err != nil {
			t.Fatal(err)
		}
		m := s.Messages()[0]
		if !strings.Contains(m.Text, "evil.example") {
			t.Errorf("%s: the text says nothing of it:\n%s", kind, m.Text)
		}
		for _, mark := range marks {
			if strings.Contains(m.Text, mark) {
				t.Errorf("%s: %q is in\n%s", kind, mark, m.Text)
			}
		}
	}
	// Feishu's cards hold plain text alone, which its robot checks; JSON is no markup.
}

func TestJSONForMachines(t *testing.T) {
	t.Parallel()
	s := robots(t)
	h := hook(t, options(s, webhook.JSON, words.English))
	n := notices()[5] // a digest
	for range 2 {
		if err := h.Send(soon(t), n); err != nil {
			t.Fatal(err)
		}
	}
	first, second := s.Messages()[0], s.Messages()[1]
	if first.Header.Get("X-Ordersync-Notice") != n.ID || string(first.Body) != string(second.Body) {
		t.Errorf("a repeated notice is another message:\n%s\n%s", first.Body, second.Body)
	}
	var body webhook.Body
	if err := json.Unmarshal(first.Body, &body); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range body.Incidents {
		got = append(got, i.Change+" "+i.Class+" "+i.Scope+" "+i.Error)
	}
	want := []string{
		"opened network source/us-store GET /orders/list: connection reset", "recovered network source/us-store GET /orders/list: connection reset",
	}
	if diff := cmp.Diff(want, got); diff != "" || body.Sort != "digest" || !body.At.Equal(n.At) {
		t.Errorf("%+v: -want +got:\n%s", body, diff)
	}
}
