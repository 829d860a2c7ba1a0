package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ordersync/internal/token"
)

const (
	taobaoSecret   = "taobao-app-secret-of-the-test"
	taobaoCallback = "https://shop.example.com/callback"
)

// consent is the platform's address for tokens, on loopback: it takes the code "good" once.
type consent struct {
	mu    sync.Mutex
	asked []url.Values
}

func (c *consent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ParseForm() != nil || r.Method != http.MethodPost || r.URL.Path != "/token" {
		http.NotFound(w, r)
		return
	}
	used := false
	for _, form := range c.asked {
		used = used || form.Get("code") == r.PostForm.Get("code")
	}
	c.asked = append(c.asked, r.PostForm)
	switch form := r.PostForm; {
	case form.Get("client_secret") != taobaoSecret:
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"client_secret is wrong"}`)
	case form.Get("redirect_uri") != taobaoCallback:
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"application callback can not match the redirect_uri"}`)
	case form.Get("code") != "good" || used:
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"authorize code is invalidate"}`)
	default:
		_, _ = io.WriteString(w, `{"access_token":"6201-the-access-token","refresh_token":"6200-the-refresh-token","expires_in":"31536000",`+
			`"re_expires_in":0,"r2_expires_in":86400,"taobao_user_id":"2054718218","taobao_user_nick":"%E6%97%97%E8%88%B0%E5%BA%97"}`)
	}
}

// taobaoStage is a stage with a shop on Taobao besides, which nobody has authorised yet.
func taobaoStage(t *testing.T) (*stage, *consent) {
	t.Helper()
	s := newStage(t, 0)
	c := &consent{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	key := runProgram(t.Context(), "keys", "new")
	wantRan(t, key, 0)
	s.secret("seal-key", key.stdout)
	s.secret("app-secret", taobaoSecret)
	s.write(s.yaml("jobs:\n", fmt.Sprintf(`  tmall:
    kind: taobao
    app_key: "12345678"
    app_secret: ${file:%[1]s/app-secret}
    redirect_uri: %[2]s
    oauth: %[3]s
    http: {retries: 0}
encryption: {key: "${file:%[1]s/seal-key}"}
jobs:
`, s.folder, taobaoCallback, server.URL)))
	return s, c
}

// authorize runs the command and pastes what paste makes of the state in the printed address.
func (s *stage) authorize(ctx context.Context, paste func(state string) string) ran {
	s.t.Helper()
	in, keyboard := io.Pipe()
	defer func() { _ = keyboard.Close() }()
	out := &typist{paste: func(state string) { // the program reads on while it writes
		go func() {
			_, _ = io.WriteString(keyboard, paste(state))
			_ = keyboard.Close()
		}()
	}}
	var stderr bytes.Buffer
	p := &program{
		args: []string{"authorize", "tmall", "-c", s.config}, stdin: in, stdout: out, stderr: &stderr, getenv: func(string) string { return "" },
	}
	status := p.run(ctx)
	return ran{status: status, stdout: out.text.String(), stderr: stderr.String()}
}

// typist reads the screen, and pastes once it has seen the address.
type typist struct {
	text  bytes.Buffer
	paste func(state string)
	done  bool
}

func (w *typist) Write(text []byte) (int, error) {
	w.text.Write(text)
	if found := invitation.FindStringSubmatch(w.text.String()); found != nil && !w.done {
		w.done = true
		w.paste(found[1])
	}
	return len(text), nil
}

var invitation = regexp.MustCompile(`/authorize\?client_id=12345678&redirect_uri=https%3A%2F%2Fshop\.example\.com%2Fcallback&response_type=code&state=([A-Z0-9]{20,})&view=web\n`)

// vault opens the shop's authorisation as a daemon does.
func (s *stage) vault(name string) *token.Vault {
	s.t.Helper()
	p := &program{config: s.config, screen: newScreen(io.Discard, io.Discard, os.Getenv), getenv: func(string) string { return "" }}
	cfg, err := p.load()
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := openDatabase(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	sealer, err := openSealer(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	source := *cfg.Source("tmall")
	source.Name = name
	vault, err := openVault(&source, sealer, db)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := vault.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return vault
}

// The owner of the shop authorises: what is printed, what is stored, and what a daemon then sends.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	s, c := taobaoStage(t)
	db := s.db()
	daemon := s.vault("tmall")
	if got, err := daemon.Session(t.Context()); err == nil {
		t.Errorf("before anybody authorised the session is %q", got)
	}
	s.want(s.run("status"), 1, "Not well: tmall: the owner of the shop has not authorised the app yet", "Type: ordersyncd authorize tmall\n")
	got := s.authorize(t.Context(), func(state string) string { return taobaoCallback + "?code=good&state=" + state + "\n" })
	s.want(got, 0, "1. Open this address", taobaoCallback+" and holds a code", "Granted and stored: ordersync may read the orders of 旗舰店 until 20",
		"+08:00", "It cannot be renewed by itself", "sensitive matters can be read until")
	if session, err := daemon.Session(t.Context()); err != nil || session != "6201-the-access-token" {
		t.Errorf("the session of a daemon that was running already is %q, %v", session, err)
	}
	for _, secret := range []string{"6201-the-access-token", "6200-the-refresh-token", taobaoSecret, "code=good"} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			t.Errorf("the output shows %s", secret)
		}
		if n := s.number(db, "SELECT COUNT(*) FROM tokens WHERE INSTR(access_sealed, ?) > 0 OR INSTR(refresh_sealed, ?) > 0 OR "+
			"INSTR(CONCAT_WS('|', source, sealed_as, over_session, user_id, user_nick), ?) > 0", secret, secret, secret); n != 0 {
			t.Errorf("the table shows %s", secret)
		}
	}
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'authorize' AND subject = 'tmall' AND detail = 'granted by 旗舰店'"); n != 1 {
		t.Errorf("%d entries in the audit log, want 1", n)
	}
	if len(c.asked) != 1 {
		t.Errorf("the code was sent %d times", len(c.asked))
	}
	// A session that the shop refuses is granted anew.
	s.exec(db, "INSERT INTO pace (credential, next_call, used, refused_at, probe_at) VALUES (?, 0, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))", daemon.Key())
	s.want(s.run("status"), 1, "Not well: tmall refuses its credential", "Type: ordersyncd authorize tmall\n")
	// A source that is renamed keeps what was granted.
	s.exec(db, "UPDATE tokens SET source = 'renamed'")
	if session, err := s.vault("renamed").Session(t.Context()); err != nil || session != "6201-the-access-token" {
		t.Errorf("the session of the renamed source is %q, %v", session, err)
	}
}

// What goes wrong on the way, and that nothing is stored then.
func TestAuthorizeMistakes(t *testing.T) {
	t.Parallel()
	s, _ := taobaoStage(t)
	for name, c := range map[string]struct {
		pasted string
		status int
		texts  []string
	}{
		"no":              {taobaoCallback + "?error=access_denied\n", 1, []string{"the owner of the shop said no", "Nothing was granted"}},
		"another attempt": {taobaoCallback + "?code=good&state=OLD\n", 1, []string{"belongs to another attempt", "Nothing was granted"}},
		"an old code":     {"old\n", 1, []string{"authorize code is invalidate", "A code works once", "ordersyncd authorize tmall"}},
		"nothing":         {"", 1, []string{"nothing was pasted", "Nothing was granted"}},
		"an empty line":   {"\n", 1, []string{"nothing was pasted"}},
	} {
		got := s.authorize(t.Context(), func(string) string { return c.pasted })
		s.want(got, c.status, c.texts...)
		if strings.Contains(got.stdout+got.stderr, "no orders come in") {
			t.Errorf("%s: a refused code is told as if the shop were lost:\n%s", name, got.stderr)
		}
	}
	good, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, to string
		status   int
		texts    []string
	}{
		"another callback": {"/callback", "/other", 78, []string{"can not match the redirect_uri", "under redirect_uri of tmall"}},
		"another secret":   {"/app-secret}", "/dsn}", 1, []string{"client_secret is wrong", "app_key and app_secret of tmall"}},
		"no keyset":        {"/seal-key}", "/app-secret}", 78, []string{"encryption.key", "ordersyncd keys new"}},
	} {
		s.write(strings.Replace(string(good), c.from, c.to, 1))
		got := runWith(t.Context(), "good\n", "authorize", "tmall", "-c", s.config)
		s.want(got, c.status, c.texts...)
		if strings.Contains(got.stdout+got.stderr, taobaoSecret) {
			t.Errorf("%s: the output shows the app's secret", name)
		}
	}
	s.write(strings.Replace(string(good), "redirect_uri: "+taobaoCallback, `session: "typed"`, 1))
	s.want(s.run("authorize", "tmall"), 78, "tmall has no redirect_uri", "callback address")
	s.write(string(good))
	s.want(s.run("authorize", "us-store"), 1, "us-store is no shop on Taobao", "under auth")
	s.want(s.run("authorize", "tmal"), 2, `did you mean "tmall"?`)
	s.want(s.run("authorize"), 2, "the name of a SOURCE is missing")
	if n := s.number(s.db(), "SELECT COUNT(*) FROM tokens"); n != 0 {
		t.Errorf("%d tokens are stored after nothing but mistakes", n)
	}
	s.exec(s.db(), "DROP TABLE goose_db_version, schema_versions")
	s.want(s.run("authorize", "tmall"), 78, "ordersyncd migrate up")
}

// runWith is runProgram with something typed.
func runWith(ctx context.Context, typed string, args ...string) ran {
	var stdout, stderr bytes.Buffer
	p := &program{args: args, stdin: strings.NewReader(typed), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	status := p.run(ctx)
	return ran{status: status, stdout: stdout.String(), stderr: stderr.String()}
}

// A key that is not the one with which a token was sealed is told, and authorising again mends it.
func TestWrongSealKey(t *testing.T) {
	t.Parallel()
	s, c := taobaoStage(t)
	s.want(runWith(t.Context(), "good\n", "authorize", "tmall", "-c", s.config), 0)
	s.secret("seal-key", runProgram(t.Context(), "keys", "new").stdout)
	_, err := s.vault("tmall").Session(t.Context())
	_, remedy := explain(err)
	if err == nil || !strings.Contains(err.Error(), "the stored token of tmall does not open with encryption.key") ||
		!strings.Contains(remedy, "type 'ordersyncd authorize tmall'") {
		t.Errorf("under another key: %v; %s", err, remedy)
	}
	c.mu.Lock()
	c.asked = nil
	c.mu.Unlock()
	s.want(runWith(t.Context(), "good\n", "authorize", "tmall", "-c", s.config), 0)
	if session, err := s.vault("tmall").Session(t.Context()); err != nil || session != "6201-the-access-token" {
		t.Errorf("authorised again under the new key: %q, %v", session, err)
	}
}

// Ctrl-C while nobody has pasted anything ends the command.
func TestAuthorizeInterrupted(t *testing.T) {
	t.Parallel()
	s, _ := taobaoStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	in, keyboard := io.Pipe()
	defer func() { _ = keyboard.Close() }()
	var stderr bytes.Buffer
	out := &typist{paste: func(string) { cancel(&signalError{signal: os.Interrupt}) }}
	p := &program{
		args: []string{"authorize", "tmall", "-c", s.config}, stdin: in, stdout: out, stderr: &stderr, getenv: func(string) string { return "" },
	}
	ended := make(chan int, 1)
	go func() { ended <- p.run(ctx) }()
	select {
	case status := <-ended:
		if status != exitInterrupted {
			t.Errorf("exit status %d, want %d:\n%s", status, exitInterrupted, stderr.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the command does not end")
	}
}

func TestKeysNew(t *testing.T) {
	t.Parallel()
	first, second := runProgram(t.Context(), "keys", "new"), runProgram(t.Context(), "keys", "new")
	wantRan(t, first, 0)
	if first.stdout == second.stdout || strings.Count(first.stdout, "\n") != 1 || len(first.stdout) < 100 || first.stderr != "" {
		t.Errorf("a key is %d letters in %d lines, and %q is said", len(first.stdout), strings.Count(first.stdout, "\n"), first.stderr)
	}
	wantRan(t, runProgram(t.Context(), "keys"), 2, "one of new")
	wantRan(t, runProgram(t.Context(), "keys", "nwe"), 2, `did you mean "new"?`)
	for _, args := range [][]string{{"authorize", "--help"}, {"keys", "--help"}, {"keys", "new", "--help"}} {
		got := runProgram(t.Context(), args...)
		wantRan(t, got, 0, "Usage:")
		for line := range strings.SplitSeq(got.stdout, "\n") {
			if len(line) > 110 {
				t.Errorf("%q: a line of %d columns: %s", args, len(line), line)
			}
		}
	}
}
