package main

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/sentry/sentrytest"
	"ordersync/internal/rest/resttest"
)

// The canaries: none of these may come out anywhere. What is personal may stand where orders are stored, and nowhere else.
const (
	canaryPhone = "13900001234"
	canaryName  = "Canaria Personova"
	canaryHan   = "金丝雀小姐"
	canaryMail  = "canary.person@example.net"
	canarySum   = "13900001234.canary"
	canaryRow   = "cnry5e11-row-0123456789"
)

// canaryCage is a stage whose every secret is a canary, and whose every input has people in it.
type canaryCage struct {
	*stage
	office  *office
	chat    *sink
	sentry  *sentrytest.Server
	db      *sql.DB
	link    *link
	nasty   *nasty
	bad     string            // where the shops are that fail
	secrets map[string]string // by the file that has it
	shown   strings.Builder   // what commands said
}

// people is a text as a remote might write it, in an error or a header.
func people() string {
	return fmt.Sprintf("customer %s (%s) tel %s or +86 139-0000-1234 mail %s", canaryName, canaryHan, canaryPhone, canaryMail)
}

// TestAlertCanaries lets a daemon fail in every way, with a secret in each place of the file that takes one and people in whatever remotes
// say, and then searches all that came out of it.
func TestAlertCanaries(t *testing.T) {
	t.Parallel()
	atOnce(t, 1, []story{{"a cage", func(t *testing.T) {
		c := newCanaryCage(t)
		c.fails()
		c.search()
	}}})
}

func newCanaryCage(t *testing.T) *canaryCage {
	t.Helper()
	c := &canaryCage{stage: newStage(t, 0), secrets: map[string]string{}}
	c.db = c.stage.db()
	for _, name := range []string{
		"token", "db", "ddl", "header", "basic", "query", "oauth", "granted", "app-secret", "session", "dingtalk-secret", "json-secret", "smtp",
		"dingtalk", "json", "sentry", "ping", "ping-start", "ping-fail",
	} {
		c.canary(name)
	}
	c.canary("user") // that of the database must be short
	c.office = newOffice(t, c.folder, smtptest.Options{})
	c.secret("smtp", mailPassword)
	c.secrets["smtp"] = mailPassword
	c.chat = newSink(t)
	var err error
	if c.sentry, err = sentrytest.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.sentry.Close)
	c.secrets["sentry"] = sentrytest.Key
	c.secret("sentry", c.sentry.DSN)
	c.secret("dingtalk", c.chat.URL+"/dingtalk?access_token="+c.secrets["dingtalk"])
	c.secret("json", c.chat.URL+"/json/"+c.secrets["json"])
	for _, name := range []string{"ping", "ping-start", "ping-fail"} {
		c.secret(name, c.chat.URL+"/"+c.secrets[name])
	}
	c.account()
	c.shopWithPeople()
	c.nasty = &nasty{c: c, answered: map[string]int{}}
	server := httptest.NewServer(c.nasty)
	t.Cleanup(server.Close)
	c.bad = server.URL
	c.secret("key", strings.TrimSpace(c.runKey()))
	c.write(c.yaml())
	return c
}

func (c *canaryCage) canary(name string) {
	c.t.Helper()
	c.secrets[name] = "cnry7f3a-" + name + "-0123456789"
	c.secret(name, c.secrets[name])
}

// runKey makes a key for what the database holds of secrets; it is one more canary.
func (c *canaryCage) runKey() string {
	c.t.Helper()
	got := runProgram(c.t.Context(), "keys", "new")
	if got.status != 0 {
		c.t.Fatal(got.stderr)
	}
	c.secrets["key"] = strings.TrimSpace(got.stdout)
	return got.stdout
}

// account makes an account of the database whose password is a canary, and a link to the server that can be cut.
func (c *canaryCage) account() {
	c.t.Helper()
	config, err := driver.ParseDSN(c.dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	db := c.db
	user := fmt.Sprintf("canary%d", time.Now().UnixNano()%1e9)
	for _, q := range []string{
		fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s'", user, c.secrets["db"]),
		fmt.Sprintf("GRANT ALL ON `%s`.* TO '%s'@'%%'", config.DBName, user),
	} {
		c.exec(db, q)
	}
	c.t.Cleanup(func() {
		db, err := sql.Open("mysql", c.dsn)
		if err == nil {
			_, _ = db.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", user))
			_ = db.Close()
		}
	})
	c.link = newLink(c.t, config.Net, config.Addr)
	c.secrets["user"] = user
}

// shopWithPeople fills the shop that works with orders full of people.
func (c *canaryCage) shopWithPeople() {
	c.shop.Change(func(shop *resttest.Shop) { shop.Token = c.secrets["token"] })
	created := time.Now().Add(-3 * time.Hour)
	for n := range 5 {
		c.truth.Create(resttest.Order{
			ID: fmt.Sprint(7000 + n), Number: fmt.Sprint("N", n), Status: "paid", Total: "12.50", Created: created, Modified: created,
			CustomerID: canaryMail, Note: people(), Lines: []resttest.Line{{ID: "1", SKU: "CUP-01", Name: canaryName, Quantity: "2", Price: "6.25"}},
			Extra: map[string]string{"phone": `"` + canaryPhone + `"`, "email": `"` + canaryMail + `"`, "name": `"` + canaryHan + `"`},
		})
	}
}

// nasty are shops that fail: each answers each time with something else, and always with what it was sent and who its customers are.
type nasty struct {
	c  *canaryCage
	mu sync.Mutex
	// answered counts the answers of each shop, by the first element of the path.
	answered map[string]int
	heard    strings.Builder // what they were sent
}

// tried reports whether each shop has given all its answers.
func (n *nasty) tried() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, shop := range []string{"header", "basic", "query", "oauth", "router"} {
		if n.answered[shop] <= lastAnswer {
			return false
		}
	}
	return n.answered["grant"] > lastAnswer/2
}

func (n *nasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read is not echoed
	shop, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	n.mu.Lock()
	turn := n.answered[shop]
	n.answered[shop]++
	sent := fmt.Sprintf("%s %s %v %v", r.Method, r.URL, r.Header, r.Form)
	n.heard.WriteString(sent)
	n.mu.Unlock()
	c := n.c
	echo := fmt.Sprintf("%s; you sent %s; the token was %s", people(), sent, c.secrets["granted"])
	head := w.Header()
	head.Set("X-Request-Id", echo[:min(len(echo), 200)])
	head.Set("WWW-Authenticate", `Bearer realm="`+people()+`", token="`+c.secrets["header"]+`"`)
	head.Set("Set-Cookie", "session="+c.secrets["session"])
	head.Set("Content-Type", "application/json; owner="+canaryMail)
	// Who hands out tokens does so each second time, and in the end always.
	if shop == "grant" && (turn%2 == 1 || turn >= lastAnswer) {
		fmt.Fprintf(w, `{"access_token": %q, "expires_in": 1, "owner": %q}`, c.secrets["granted"], people())
		return
	}
	c.answer(w, min(turn, lastAnswer), echo)
}

// lastAnswer is what the shops repeat in the end: that the credential is refused, after which they are asked no more.
const lastAnswer = 10

func (c *canaryCage) answer(w http.ResponseWriter, turn int, echo string) {
	quoted, err := json.Marshal(echo)
	if err != nil {
		c.t.Error(err)
	}
	head := w.Header()
	switch turn {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"error": %s}`, quoted)
	case 1:
		head.Set("Retry-After", "soon "+people())
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, echo)
	case 2:
		head.Set("Location", "https://"+canaryPhone+".example.net/next?token="+c.secrets["query"]+"&mail="+canaryMail)
		w.WriteHeader(http.StatusFound)
	case 3:
		head.Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><title>%s</title>%s</html>", people(), echo)
	case 4:
		fmt.Fprintf(w, `{"orders": [{"id": %q, "note": %s`, canaryPhone, quoted)
	case 5:
		fmt.Fprintf(w, `{"code": %q, "message": %s, "success": false}`, canaryMail, quoted)
	case 6:
		head.Set("X-Total-Count", canaryPhone+" "+canaryMail)
		fmt.Fprintf(w, `{"total": %q, "orders": [{"id": {"name": %s}}, 42, %q]}`, canarySum, quoted, canaryMail)
	case 7:
		fmt.Fprint(w, echo)
	case 8:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"detail": %s}`, quoted)
	case 9:
		c.refusal(w, 15, "isp.remote-service-error")
	default:
		w.WriteHeader(http.StatusUnauthorized)
		c.refusal(w, 27, "isv.invalid-sessionkey:"+canaryPhone)
	}
}

// refusal is an error of Taobao's gateway. Its own words are quoted, without numbers, addresses and what was sent; it names no people.
func (c *canaryCage) refusal(w http.ResponseWriter, code int, word string) {
	words := fmt.Sprintf("wrong call for %s %s +86 139-0000-1234 session %s", canaryPhone, canaryMail, c.secrets["session"])
	fmt.Fprintf(w, `{"error_response": {"code": %d, "msg": %q, "sub_code": %q, "sub_msg": %q, "request_id": %q}}`, code, words, word, words, canaryMail)
}

func (c *canaryCage) yaml() string {
	config, err := driver.ParseDSN(c.dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	day := time.Now().AddDate(0, 0, -2).UTC().Format(time.DateOnly)
	source := func(name, auth string) string {
		return fmt.Sprintf("  %s: {kind: rest, preset: us-server, base_url: %s/%s, auth: {%s}, rate: {per_second: 1000}, http: {retries: 1}}\n",
			name, c.bad, name, strings.ReplaceAll(auth, "DIR", c.folder))
	}
	job := func(name string) string {
		return fmt.Sprintf("  %s-orders: {sync: %s, schedule: \"@every 1s\", start: %s, repeat: [1s]}\n", name, name, day)
	}
	text := fmt.Sprintf(`timezone: Asia/Shanghai
state: %[1]s/state
database: {address: "%[2]s", name: %[3]s, user: %[4]s, password: "${file:%[1]s/db}", migrate: {user: %[4]s, password: "${file:%[1]s/db}"}}
encryption: {key: "${file:%[1]s/key}"}
sources:
  us-store: {kind: rest, preset: us-server, base_url: %[5]s, auth: {bearer: "${file:%[1]s/token}"}, rate: {per_second: 1000}, http: {retries: 0}, settle: 1s}
`, c.folder, c.link.address(), config.DBName, c.secrets["user"], c.base)
	text += source("header", `header: {name: X-Api-Key, value: "Token ${file:DIR/header}"}`)
	text += source("basic", `basic: {user: shop, password: "${file:DIR/basic}"}`)
	text += source("query", `query: {api_key: "${file:DIR/query}"}`)
	text += source("oauth", `oauth2: {token_url: `+c.bad+`/grant, client_id: shop, client_secret: "${file:DIR/oauth}"}`)
	text += fmt.Sprintf("  tmall: {kind: taobao, app_key: \"12345678\", app_secret: \"${file:%[1]s/app-secret}\", session: \"${file:%[1]s/session}\", "+
		"gateway: %[2]s/router/rest, rate: {per_second: 1000}, http: {retries: 1}}\njobs:\n", c.folder, c.bad)
	text += strings.Replace(job("us-store"), "}", fmt.Sprintf(`, ping: {success: "${file:%[1]s/ping}", start: "${file:%[1]s/ping-start}", fail: "${file:%[1]s/ping-fail}"}}`, c.folder), 1)
	for _, name := range []string{"header", "basic", "query", "oauth", "tmall"} {
		text += job(name)
	}
	return text + c.office.yaml("  remind_every: 5s\n", fmt.Sprintf(`  sentry: {dsn: "${file:%[1]s/sentry}"}
  webhooks:
    group: {kind: dingtalk, url: "${file:%[1]s/dingtalk}", secret: "${file:%[1]s/dingtalk-secret}"}
    own: {kind: json, url: "${file:%[1]s/json}", secret: "${file:%[1]s/json-secret}"}
`, c.folder))
}

// fails is the daemon's life.
func (c *canaryCage) fails() {
	c.t.Helper()
	// No way of telling works at first, and each says why.
	words := "4.2.0 no " + canaryMail + " tel " + canaryPhone + " password " + mailPassword
	c.office.Fail(smtptest.Fault{Step: smtptest.Recipient, Times: 1, Code: 450, Text: words})
	c.sentry.Next(sentrytest.Answer{Status: 400, Body: people() + " " + c.secrets["session"]})
	var refusals atomic.Int64
	c.chat.answer = func(w http.ResponseWriter) {
		if refusals.Add(1) <= 4 {
			fmt.Fprintf(w, `{"errcode": 310000, "errmsg": %q}`, people()+" "+c.secrets["dingtalk"])
			return
		}
		fmt.Fprint(w, `{"errcode": 0, "errmsg": "ok"}`)
	}
	d := c.start(c.office.env(), "run", "-v")
	eventuallyIn(c.t, patience, "orders are stored", func() bool {
		return c.number(c.db, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'orders' AND table_schema = DATABASE()") > 0 &&
			c.number(c.db, "SELECT COUNT(*) FROM orders") == 5
	})
	eventuallyIn(c.t, patience, "every shop fails in every way", c.nasty.tried)
	c.poison()
	c.refusedByTheDatabase()
	c.refusedReload(d)
	c.link.down(true)
	eventuallyIn(c.t, patience, "the database that is away is told", func() bool { return c.told("database") })
	c.link.down(false)
	eventuallyIn(c.t, patience, "it goes on", func() bool {
		return c.number(c.db, "SELECT COUNT(*) FROM runs WHERE outcome = 'good' AND ended_at > UTC_TIMESTAMP(6) - INTERVAL 3 SECOND") > 0
	})
	c.process(d)
	for _, args := range [][]string{
		{"status"}, {"status", "--json"}, {"incident", "list", "--all"}, {"deadletter", "list"}, {"check"}, {"check", "--online"},
		{"source", "list"}, {"gap", "list"}, {"sync", "header-orders"}, {"sync", "query-orders"}, {"sync", "oauth-orders"},
	} {
		got := c.run(args...)
		fmt.Fprintf(&c.shown, "%v\n%s\n%s\n", args, got.stdout, got.stderr)
	}
	for _, id := range c.column("SELECT incident_id FROM incidents") {
		got := c.run("incident", "show", id)
		c.shown.WriteString(got.stdout + got.stderr)
	}
	d.signal(syscall.SIGTERM)
	if status := d.end(); status != 0 {
		c.t.Errorf("exit status %d", status)
	}
	c.shown.WriteString(d.said())
}

// told reports whether a mail has a word in its subject.
func (c *canaryCage) told(word string) bool {
	return slices.ContainsFunc(c.office.messages(), func(m smtptest.Message) bool { return strings.Contains(strings.ToLower(m.Subject), word) })
}

// poison brings orders that cannot be accepted.
func (c *canaryCage) poison() {
	c.t.Helper()
	now := time.Now().Add(-time.Minute)
	for n, poison := range []resttest.Poison{resttest.BadMoney, resttest.NoID, resttest.BadTime, resttest.BadQuantity, resttest.TwiceKey} {
		c.truth.Create(resttest.Order{
			ID: fmt.Sprint(8000 + n), Status: canaryName, Total: canarySum, Created: now, Modified: now, CustomerID: canaryMail, Note: people(), Poison: poison,
			Lines: []resttest.Line{{ID: canaryPhone, SKU: canaryMail, Name: people(), Quantity: canaryPhone, Price: canarySum}},
		})
	}
	eventuallyIn(c.t, patience, "dead letters lie there", func() bool { return c.number(c.db, "SELECT COUNT(*) FROM dead_letters") >= 4 })
}

// refusedByTheDatabase lets the database quote what it was to store.
func (c *canaryCage) refusedByTheDatabase() {
	c.t.Helper()
	db := c.db
	failed := func() int {
		return c.number(db, "SELECT COUNT(*) FROM runs WHERE source = 'us-store' AND outcome = 'failed'")
	}
	before := failed()
	c.exec(db, "CREATE TRIGGER canary BEFORE INSERT ON order_items FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '"+
		strings.ReplaceAll(people(), canaryHan, "")+" "+canaryRow+"'")
	c.order("9001", canaryPhone)
	eventuallyIn(c.t, patience, "a trigger refuses an order", func() bool { return failed() > before })
	c.exec(db, "DROP TRIGGER canary")
	eventuallyIn(c.t, patience, "the order is stored", func() bool { return c.number(db, "SELECT COUNT(*) FROM orders WHERE order_id = '9001'") == 1 })
	before = failed()
	c.exec(db, "ALTER TABLE orders ADD UNIQUE KEY canary (source, number)")
	c.order("9002", canaryPhone)
	eventuallyIn(c.t, patience, "a unique key refuses an order", func() bool { return failed() > before })
	c.exec(db, "ALTER TABLE orders DROP KEY canary")
	eventuallyIn(c.t, patience, "the order is stored", func() bool { return c.number(db, "SELECT COUNT(*) FROM orders WHERE order_id = '9002'") == 1 })
}

func (c *canaryCage) order(id, number string) {
	now := time.Now().Add(-5 * time.Second)
	c.truth.Create(resttest.Order{
		ID: id, Number: number, Status: "paid", Total: "1.00", Created: now, Modified: now, CustomerID: canaryMail,
		Lines: []resttest.Line{{ID: "1", SKU: "CUP-01", Name: canaryName, Quantity: "1", Price: "1.00"}},
	})
}

// refusedReload gives the daemon a file that cannot work, with a secret in it as it should not stand there.
func (c *canaryCage) refusedReload(d *child) {
	c.t.Helper()
	c.secrets["plain"] = "cnry7f3a-plain-0123456789"
	good := c.yaml()
	c.write(strings.Replace(good, `auth: {basic:`, `auth: {bearer: [`+c.secrets["plain"]+`], basic:`, 1))
	d.signal(syscall.SIGHUP)
	eventuallyIn(c.t, patience, "the refused file is told", func() bool { return c.told("config") })
	c.write(good)
	d.signal(syscall.SIGHUP)
}

// process keeps what the daemon's process shows to everybody on the machine.
func (c *canaryCage) process(d *child) {
	c.t.Helper()
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.cmd.Process.Pid, name))
		if err != nil || len(text) == 0 {
			c.t.Errorf("%s of the process: %v", name, err)
		}
		c.shown.Write(text)
	}
}

// column asks the database for texts.
func (c *canaryCage) column(query string, args ...any) []string {
	c.t.Helper()
	rows, err := c.db.QueryContext(c.t.Context(), query, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			c.t.Fatal(err)
		}
		list = append(list, text.String)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return list
}

// orderTables are where orders are meant to be stored, with their people.
var orderTables = []string{"orders", "order_items", "order_raw", "refunds", "shipments", "shipment_events", "dead_letters"}

// search looks for every canary in all that came out.
func (c *canaryCage) search() {
	c.t.Helper()
	secrets, persons := map[string]string{}, map[string]string{
		"phone": canaryPhone, "name": canaryName, "Chinese name": canaryHan, "mail": canaryMail, "sum": canarySum, "row": canaryRow,
		"phone with blanks": "139-0000-1234",
	}
	for name, secret := range c.secrets {
		if name != "user" {
			secrets[name] = secret
		}
	}
	both := map[string]string{}
	for name, text := range secrets {
		both["secret "+name] = text
	}
	for name, text := range persons {
		both["person's "+name] = text
	}
	places := 0
	look := func(place, text string, canaries map[string]string) {
		places++
		for name, canary := range canaries {
			for how, form := range forms(canary) {
				if at := strings.Index(text, form); at >= 0 {
					c.t.Errorf("%s shows the %s (%s): …%s…", place, name, how, text[max(0, at-120):min(len(text), at+len(form)+40)])
					break
				}
			}
		}
	}
	look("what it printed", c.shown.String(), both)
	for _, m := range c.office.Mails() {
		look("a mail", string(m.Raw), both)
	}
	for _, m := range c.office.messages() {
		look("a mail", m.Subject+"\n"+m.Text+"\n"+m.HTML, both)
	}
	mine := maps.Clone(both) // the key that Sentry gave out opens every envelope
	delete(mine, "secret sentry")
	for _, body := range c.sentry.Bodies() {
		look("an envelope for Sentry", string(body), mine)
	}
	c.chat.mu.Lock()
	for i, body := range c.chat.bodies {
		look("a message or a ping", body+"\n"+c.chat.heads[i], both)
	}
	c.chat.mu.Unlock()
	c.searchDisk(look, both)
	people := c.searchTables(look, secrets, both)
	c.checkBirds()
	t := c.t
	t.Logf("%d places were searched for %d canaries; %d mails, %d envelopes, %d messages and pings",
		places, len(both), len(c.office.Mails()), len(c.sentry.Bodies()), len(c.chat.bodies))
	if people == 0 || len(c.office.Mails()) < 5 || len(c.sentry.Events()) < 5 || len(c.chat.got("/dingtalk")) < 5 {
		t.Errorf("too little came out to prove anything: %d people stored, %d mails, %d events, %d messages",
			people, len(c.office.Mails()), len(c.sentry.Events()), len(c.chat.got("/dingtalk")))
	}
}

// checkBirds: the canaries were where they should be, so that they could have come out.
func (c *canaryCage) checkBirds() {
	c.t.Helper()
	c.nasty.mu.Lock()
	defer c.nasty.mu.Unlock()
	for _, name := range []string{"header", "basic", "query", "oauth", "granted", "session"} {
		written := slices.Collect(maps.Values(forms(c.secrets[name])))
		if heard := c.nasty.heard.String(); !slices.ContainsFunc(written, func(form string) bool { return strings.Contains(heard, form) }) {
			c.t.Errorf("no shop was sent the secret %s", name)
		}
	}
	for _, path := range []string{"ping", "ping-start", "ping-fail", "json"} {
		if len(c.chat.got(c.secrets[path])) == 0 {
			c.t.Errorf("nothing came to the address %s", path)
		}
	}
	for _, part := range []string{"error 1644", "the same orders"} { // the trigger's, and that of the unique key
		if len(c.column("SELECT error FROM runs WHERE source = 'us-store' AND error LIKE ?", "%"+part+"%")) == 0 {
			c.t.Errorf("no run failed with %q of the database", part)
		}
	}
}

func (c *canaryCage) searchDisk(look func(place, text string, canaries map[string]string), both map[string]string) {
	c.t.Helper()
	files := 0
	state := filepath.Join(c.folder, "state")
	err := filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		look("the file "+d.Name(), string(text), both)
		return err
	})
	if err != nil || files < 2 {
		c.t.Errorf("the state directory has %d files: %v", files, err)
	}
}

// searchTables returns how many orders have the canaries, which is where they belong.
func (c *canaryCage) searchTables(look func(place, text string, canaries map[string]string), secrets, both map[string]string) int {
	c.t.Helper()
	tables := c.column("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	for _, need := range append([]string{"runs", "incidents", "observations", "notices", "audit_log", "job_state", "daemons"}, orderTables...) {
		if !slices.Contains(tables, need) {
			c.t.Errorf("there is no table %s", need)
		}
	}
	for _, table := range tables {
		columns := c.column("SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?", table)
		quoted := []string{}
		for _, name := range columns {
			quoted = append(quoted, "COALESCE(CONVERT(`"+name+"` USING utf8mb4), '')")
		}
		canaries := both
		if slices.Contains(orderTables, table) {
			canaries = secrets
		}
		for _, row := range c.column("SELECT CONCAT_WS('|', " + strings.Join(quoted, ", ") + ") FROM `" + table + "`") {
			look("the table "+table, row, canaries)
		}
	}
	return c.number(c.db, "SELECT COUNT(*) FROM order_items WHERE title LIKE ?", "%"+canaryName+"%")
}

// forms are the ways in which a text may be written.
func forms(text string) map[string]string {
	all := map[string]string{
		"plain": text, "escaped in an address": url.QueryEscape(text), "escaped in a path": url.PathEscape(text),
		"hexadecimal": hex.EncodeToString([]byte(text)),
	}
	if quoted := fmt.Sprintf("%+q", text); quoted[1:len(quoted)-1] != text {
		all["escaped"] = quoted[1 : len(quoted)-1]
	}
	for shift := range 3 {
		if len(text) < 9 {
			break
		}
		// In the middle of a longer text, but for what its neighbours decide.
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
		encoded = strings.TrimRight(encoded, "=")
		all[fmt.Sprint("base64 ", shift)] = encoded[(shift*8+5)/6 : len(encoded)-2]
	}
	return all
}
