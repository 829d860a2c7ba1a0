package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/scrub"
	"ordersync/internal/status"
	"ordersync/internal/taobao/taobaotest"
)

// mall is an operator's machine with a shop on a platform on loopback.
type mall struct {
	*stage
	platform *taobaotest.Server
	truth    *taobaotest.Truth
	router   string
	// ahead is how far the platform's clock is ahead of ours: so that no test waits for what has just changed to be old enough.
	ahead atomic.Int64
}

const mallSecrets = taobaotest.AppSecret + " " + taobaotest.Session

// newMall sets one up, with trades of the last 40 days.
func newMall(t *testing.T, trades int) *mall {
	t.Helper()
	m := &mall{stage: &stage{t: t, folder: t.TempDir(), dsn: mysqltest.DSN(t)}}
	m.truth = taobaotest.NewTruth(func() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) })
	m.config = filepath.Join(m.folder, "ordersyncd.yaml")
	now := time.Now().Truncate(time.Second)
	m.truth.Churn(7).Fill(trades, now.Add(-40*24*time.Hour), now.Add(-3*time.Minute))
	m.platform = taobaotest.New(m.truth, taobaotest.Rules{})
	base, stop, err := m.platform.Start()
	if err != nil {
		t.Fatal(err)
	}
	m.router = base + taobaotest.Router
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if strays := m.platform.Strays(); len(strays) > 0 {
			t.Errorf("requests that nobody meant: %q", strays)
		}
	})
	m.secret("app-secret", taobaotest.AppSecret)
	m.secret("session", taobaotest.Session)
	m.secret("dsn", m.dsn)
	if err := os.Mkdir(filepath.Join(m.folder, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write(m.yaml(60))
	return m
}

// yaml is the configuration; the first load begins so many days ago.
func (m *mall) yaml(days int, replacements ...string) string {
	text := fmt.Sprintf(`timezone: Asia/Shanghai
state: %[1]s/state
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  tmall:
    kind: taobao
    app_key: "%[4]s"
    app_secret: "${file:%[1]s/app-secret}"
    session: "${file:%[1]s/session}"
    gateway: %[2]s
    rate: {per_second: 1000}
    http: {retries: 0}
    settle: 1s
jobs:
  orders: {sync: tmall, schedule: "*/5 * * * *", start: %[3]s}
  sweep: {sweep: tmall, schedule: "30 4 * * *", back: 50d}
  parcels: {track: tmall, schedule: "*/30 * * * *"}
`, m.folder, m.router, time.Now().AddDate(0, 0, -days).UTC().Format(time.DateOnly), taobaotest.AppKey)
	return strings.NewReplacer(replacements...).Replace(text)
}

// did runs a command and holds it against its status and texts; it must show no secret.
func (m *mall) did(status int, command string, texts ...string) ran {
	m.t.Helper()
	got := m.run(strings.Fields(command)...)
	wantRan(m.t, got, status, texts...)
	for secret := range strings.FieldsSeq(mallSecrets) {
		if strings.Contains(got.stdout+got.stderr, secret) {
			m.t.Errorf("%s shows a secret:\n%s\n%s", command, got.stdout, got.stderr)
		}
	}
	return got
}

// stored compares the rows with the shop: every trade in its present version.
func (m *mall) stored(db *sql.DB) {
	m.t.Helper()
	wrong := 0
	for _, o := range m.truth.Trades() {
		n := m.number(db, "SELECT COUNT(*) FROM orders WHERE source = 'tmall' AND order_id = ? AND modified_at = ? AND source_status = ?",
			o.TID, o.Modified.UTC(), o.Status)
		if n != 1 {
			wrong++
			m.t.Logf("trade %s, %s, modified %s, is not stored so", o.TID, o.Status, o.Modified)
		}
	}
	if n := m.number(db, "SELECT COUNT(*) FROM orders"); n != m.truth.Len() || wrong > 0 {
		m.t.Errorf("%d orders are stored of %d, %d wrong", n, m.truth.Len(), wrong)
	}
}

// calls counts what a command asked of the platform.
func (m *mall) calls(command string, texts ...string) map[string]int {
	m.t.Helper()
	m.platform.Forget()
	m.did(0, command, texts...)
	return m.platform.Count()
}

// A merchant's way: the first load, what changes, an idle run, a sweep, parcels, one order, and what status says of it all.
func TestTaobaoFromFirstLoadToParcels(t *testing.T) {
	t.Parallel()
	m := newMall(t, 150)
	db := m.db()
	m.did(0, "check", "reads what is new and changed of tmall", "asks where the parcels are of tmall", "app 12345678 at http://127.0.0.1")
	m.did(0, "migrate up")
	m.did(0, "check --online", "source tmall: answers and accepts the credential; its clock is right")
	m.did(0, "sync orders --dry-run", "150 would be new")
	if n := m.number(db, "SELECT COUNT(*) FROM orders"); n != 0 {
		t.Errorf("a rehearsal stored %d orders", n)
	}
	m.did(0, "sync orders", "150 new", "Everything changed before")
	m.stored(db)
	history := m.number(db, "SELECT COUNT(*) FROM checkpoints WHERE stream LIKE 'history %' AND window_since IS NULL AND watermark IS NOT NULL")
	if n := m.number(db, "SELECT COUNT(*) FROM checkpoints WHERE stream = 'orders' AND watermark IS NOT NULL"); n != 1 || history != 1 {
		t.Errorf("%d first loads are done, %d streams of orders are followed", history, n)
	}

	tid := m.truth.Trades()[0].TID
	m.truth.Modify(tid, func(o *taobaotest.Trade) { o.SellerMemo, o.Off = "call first", 100 })
	created := m.truth.Create(taobaotest.Trade{Lines: []taobaotest.Line{{Title: "Cup", Num: 1, Price: 1250}}})
	m.ahead.Add(int64(3 * time.Second))
	m.did(0, "sync orders", "1 new, 1 changed", "The amounts of 1 order do not add up")
	m.stored(db)
	if idle := m.calls("sync orders", "0 new, 0 changed"); sum(idle) > 3 || idle["taobao.trades.sold.get"] > 0 {
		t.Errorf("an idle run asked %v", idle)
	}
	m.did(0, "sync sweep", "Every order made since", "0 new")
	for _, stream := range []string{"sweep", "refunds"} {
		if n := m.number(db, "SELECT COUNT(*) FROM checkpoints WHERE stream = ? AND watermark IS NOT NULL", stream); n != 1 {
			t.Errorf("the stream %s was not read to its end", stream)
		}
	}
	m.did(0, "sync parcels", "asked about")
	m.did(0, "order tmall "+created.TID, "Order "+created.TID, "Nothing had changed")
	if parcel := m.parcel(db); parcel != "" {
		m.did(0, "order tmall "+parcel, "Parcels", "Lines")
	}
	m.did(1, "order tmall 1234", "has no order")
	m.did(2, "sync orders --since 2020-01-01", "lists the last 90 days only")
	m.did(2, "sync parcels --since 2020-01-01", "a track job has no --since")
	m.did(2, "sync parcels --dry-run", "has no --dry-run")
	m.did(0, "sync orders --since "+time.Now().AddDate(0, 0, -20).Format(time.DateOnly), "is stored")
	m.did(0, "status", "All is well", "tmall uses the token of the configuration; nobody said when it ends", "app 12345678")
}

// An idle shop costs the daemon two calls per tick, because a zero is asked twice: none for the clock, none for the session.
func TestTaobaoIdleTick(t *testing.T) {
	t.Parallel()
	m := newMall(t, 10)
	m.did(0, "migrate up")
	m.did(0, "sync orders", "10 new")
	m.ahead.Add(int64(time.Hour)) // past the overlap, so that nothing is listed again
	p := &program{config: m.config, getenv: func(string) string { return "" }, screen: &screen{}}
	w, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	for tick := range 4 {
		e, err := w.errandOf("orders")
		if err != nil {
			t.Fatal(err)
		}
		e.holder = "test"
		m.platform.Forget()
		if r := w.perform(t.Context(), e); r.err != nil {
			t.Fatal(r.err)
		}
		counts := m.platform.Count()
		if n := counts["taobao.trades.sold.increment.get"]; tick >= 2 && (n > 2 || sum(counts) != n) {
			t.Errorf("tick %d asked %v", tick, counts)
		}
		m.ahead.Add(int64(5 * time.Minute))
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// parcel is an order that has a parcel with steps.
func (m *mall) parcel(db *sql.DB) string {
	m.t.Helper()
	var id sql.NullString
	if err := db.QueryRowContext(m.t.Context(), "SELECT MAX(order_id) FROM shipments").Scan(&id); err != nil {
		m.t.Fatal(err)
	}
	if id.String == "" {
		m.t.Error("no parcel was found: the test tests nothing")
	}
	return id.String
}

// A start before what the shop lists is a gap: told in the log and by status until somebody took notice of it, which the audit log keeps.
func TestTaobaoGap(t *testing.T) {
	t.Parallel()
	m := newMall(t, 20)
	db := m.db()
	m.write(m.yaml(400))
	m.did(0, "migrate up")
	m.did(0, "gap list", "There are no gaps")
	m.did(0, "sync orders", "20 new", "A gap: tmall from", "the last 90 days only")
	m.did(0, "sync sweep")
	m.did(0, "sync parcels")
	m.did(1, "status", "orders of 1 span of time are missing for good", "Type: ordersyncd gap list", "Gaps: ")
	m.did(0, "gap list", "90 days", "gap ack")
	m.did(1, "gap ack 99", "there is no gap 99")
	m.did(2, "gap ack x", "is not the number of a gap")
	var o status.Overview
	if err := json.Unmarshal([]byte(m.did(1, "status --json").stdout), &o); err != nil || len(o.Gaps) != 1 {
		t.Fatalf("%v, gaps %v", err, o.Gaps)
	}
	m.did(0, fmt.Sprintf("gap ack %d", o.Gaps[0].Number), "Noted")
	m.did(1, fmt.Sprintf("gap ack %d", o.Gaps[0].Number), "there is no gap")
	m.did(0, "gap list", "no gaps that nobody took notice of")
	m.did(0, "gap list --all", "the last 90 days only")
	if n := m.number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'gap ack' AND subject LIKE 'tmall history%'"); n != 1 {
		t.Errorf("%d entries in the audit log, want 1", n)
	}
	if got := m.did(0, "sync orders"); strings.Contains(got.stdout+got.stderr, "A gap") {
		t.Errorf("the gap is told again:\n%s", got.stderr)
	}
	m.did(0, "status", "All is well")
}

// What goes wrong often is said with its remedy, and stops no more than it must.
func TestTaobaoTroubleIsExplained(t *testing.T) {
	t.Parallel()
	m := newMall(t, 5)
	m.did(0, "migrate up")
	for name, c := range map[string]struct {
		fault taobaotest.Fault
		texts []string
	}{
		"signature":  {taobaotest.Error(25, "Invalid signature", "", ""), []string{"app_secret"}},
		"permission": {taobaotest.Error(11, "Insufficient isv permissions", "isv.permission-api-package-empty", ""), []string{"permission"}},
		"parse":      {taobaotest.HTML(), []string{"no order is lost"}},
	} {
		m.platform.FailMethod("taobao.trades.sold.increment.get", c.fault)
		got := m.run("check", "--online")
		both := strings.ToLower(got.stdout + got.stderr)
		if got.status != 1 || !strings.Contains(both, "failed  source tmall") {
			t.Errorf("%s: exit status %d\n%s%s", name, got.status, got.stdout, got.stderr)
		}
		for _, text := range c.texts {
			if !strings.Contains(both, text) {
				t.Errorf("%s: the output lacks %q:\n%s", name, text, got.stdout)
			}
		}
		m.did(0, "check --online", "answers and accepts") // which lifts what the failure stopped
	}

	m.platform.FailMethod("taobao.refunds.receive.get", taobaotest.Error(11, "Insufficient isv permissions", "isv.permission-api-package-empty", ""))
	m.did(0, "check --online", "answers and accepts", "orders come in without their refunds", "permission")

	m.platform.Expire(taobaotest.Session)
	m.did(1, "sync orders", "ordersyncd authorize")
	m.platform.Forget()
	m.did(1, "sync orders", "no call was made")
	if n := m.platform.Count()["taobao.trades.sold.get"]; n > 0 {
		t.Errorf("%d calls with a session that was refused", n)
	}
	m.did(1, "status", "tmall refuses its credential", "refused since")
	m.platform.Renew(taobaotest.Session)
	m.did(0, "check --online", "answers and accepts")
	m.did(0, "sync orders", "5 new")
}

// An end that is near is told before it comes.
func TestTaobaoAuthorisationEnds(t *testing.T) {
	t.Parallel()
	m := newMall(t, 1)
	m.did(0, "migrate up")
	for days, c := range map[int]struct {
		status int
		texts  []string
	}{
		60: {1, []string{"uses the token of the configuration, until"}},
		20: {1, []string{"the authorisation ends in"}},
		0:  {1, []string{"Not well: tmall: the authorisation"}},
	} {
		ends := time.Now().AddDate(0, 0, days).Format(time.DateOnly)
		m.write(m.yaml(30, "    gateway:", "    session_expires: "+ends+"\n    gateway:"))
		m.did(c.status, "status", c.texts...)
	}
}

// The daemon's log tells it as it starts, and again only when it has become more urgent.
func TestTaobaoReminders(t *testing.T) {
	t.Parallel()
	m := newMall(t, 1)
	m.did(0, "migrate up")
	remind := func(days int, said reminders) string {
		ends := time.Now().AddDate(0, 0, days).Format(time.DateOnly)
		m.write(m.yaml(30, "    gateway:", "    session_expires: "+ends+"\n    gateway:"))
		var lines bytes.Buffer
		log := slog.New(slog.NewTextHandler(&lines, nil))
		p := &program{config: m.config, getenv: func(string) string { return "" }, screen: &screen{}}
		cfg, err := p.load()
		if err != nil {
			t.Fatal(err)
		}
		w, err := p.join(cfg, scrub.New(cfg.Secrets()), log)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := w.close(); err != nil {
				t.Error(err)
			}
		}()
		k := &keeper{inForce: w, log: log}
		k.remind(t.Context(), said)
		k.remind(t.Context(), said)
		return lines.String()
	}
	said := reminders{}
	for _, c := range []struct {
		days int
		want string // "" for silence
	}{
		{60, ""}, {20, "level=WARN"}, {19, ""}, {5, "level=WARN"}, {1, "level=ERROR"}, {-3, "level=ERROR"}, {-4, ""}, {60, ""}, {20, "level=WARN"},
	} {
		got := remind(c.days, said)
		if lines := strings.Count(got, "\n"); lines > 1 || (c.want == "") != (lines == 0) || !strings.Contains(got, c.want) {
			t.Errorf("%d days: %q, want one line with %q or none", c.days, got, c.want)
		}
		if strings.Contains(got, taobaotest.Session) {
			t.Errorf("the log shows the session: %s", got)
		}
	}
}

// Two shops of one app: the session of the one ends, and the other goes on under the same pace.
func TestTaobaoOtherShopGoesOn(t *testing.T) {
	t.Parallel()
	m := newMall(t, 5)
	other := taobaotest.NewTruth(m.truth.Now)
	now := time.Now()
	other.Churn(8).Fill(4, now.Add(-10*24*time.Hour), now.Add(-time.Hour))
	m.platform.AddShop("other_shop", other)
	granted := m.platform.Grant(taobaotest.Token{Access: "6100other-session", AppKey: taobaotest.AppKey, Nick: "other_shop"})
	m.secret("other", granted.Access)
	m.write(m.yaml(60, "jobs:\n", fmt.Sprintf(`  other:
    kind: taobao
    app_key: "%s"
    app_secret: "${file:%s/app-secret}"
    session: "${file:%s/other}"
    gateway: %s
    rate: {per_second: 1000}
    settle: 1s
jobs:
  other-orders: {sync: other, schedule: "*/5 * * * *", start: %s}
`, taobaotest.AppKey, m.folder, m.folder, m.router, now.AddDate(0, 0, -30).UTC().Format(time.DateOnly))))
	m.did(0, "migrate up")
	m.platform.Expire(taobaotest.Session)
	m.did(1, "sync orders", "authorize")
	m.did(0, "sync other-orders", "4 new")
	m.did(1, "check --online", "failed  source tmall", "ok      source other")
	m.did(1, "status", "tmall refuses its credential")
}
