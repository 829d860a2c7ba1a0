package apiclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/fault"
)

// serve starts an API on loopback.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// raw starts a server that answers each request with bytes, and closes the connection; with reset it breaks it.
func raw(t *testing.T, reset bool, text ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer connection.Close()
				connection.Read(make([]byte, 4096)) //nolint:errcheck // whatever was asked
				for _, part := range text {
					if _, err := io.WriteString(connection, part); err != nil {
						return
					}
				}
				if reset {
					connection.(*net.TCPConn).SetLinger(0) //nolint:errcheck // a test
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		connections.Wait()
	})
	return "http://" + listener.Addr().String()
}

// realClient makes a client with its own transport, whose retries do not wait.
func realClient(t *testing.T, address string, change ...func(*Options)) *Client {
	t.Helper()
	return client(t, nil, append([]func(*Options){shortest, func(o *Options) { o.BaseURL, o.Transport = address, nil }}, change...)...)
}

func faultBrokenAnswers(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, test := range map[string]struct {
		parts []string
		reset bool
		text  string
		is    error
	}{
		"reset in mid-body": {parts: []string{head + "Content-Length: 999\r\n\r\n", `{"id": "CANARY`}, reset: true,
			text: "reading the body: connection reset by peer", is: syscall.ECONNRESET},
		"shorter than announced": {parts: []string{head + "Content-Length: 999\r\n\r\n{}"}, text: "the body was cut short", is: io.ErrUnexpectedEOF},
		"cut chunks": {parts: []string{head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"},
			text: "the body was cut short", is: io.ErrUnexpectedEOF},
		"malformed chunk":    {parts: []string{head + "Transfer-Encoding: chunked\r\n\r\nCANARY\r\n{}\r\n"}, text: "the body was cut short"},
		"cut without length": {parts: []string{head + "Connection: close\r\n\r\n", `{"orders": [{"id": "CANARY`}, text: "not whole, valid JSON"},
		"cut gzip": {parts: []string{head + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n", string(zipped(`{"a": 1}`)[:20])},
			text: "the body was cut short"},
		"damaged gzip": {parts: []string{head + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n", "CANARY, not compressed"},
			text: "the compressed body is damaged"},
		"nothing":  {text: "closed without an answer"},
		"not HTTP": {parts: []string{"SSH-2.0-CANARY\r\n\r\n"}, text: "the headers of the answer are malformed or too long"},
		"malformed header": {parts: []string{"HTTP/1.1 200 OK\r\nCANARY no colon\r\n\r\n{}"},
			text: "the headers of the answer are malformed or too long"},
		"headers of a mebibyte": {parts: []string{head + "X-Long: " + strings.Repeat("CANARY", 1<<18) + "\r\n\r\n{}"},
			text: "the headers of the answer are malformed or too long"},
		"more headers than one asks": {parts: []string{head + strings.Repeat("X-Many: CANARY\r\n", 1<<16) + "\r\n{}"},
			text: "the headers of the answer are malformed or too long"},
		"endless early hints": {parts: []string{strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: CANARY\r\n\r\n", 1<<15)},
			text: "the headers of the answer are malformed or too long"},
		"two lengths": {parts: []string{head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
			text: "the headers of the answer are malformed or too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := raw(t, test.reset, test.parts...)
			c := realClient(t, address)
			_, err := c.Do(t.Context(), orders(address))
			mustContain(t, err, "orders page 1: GET "+strings.TrimPrefix(address, "http://")+"/orders/list: ", test.text, "(attempt 4 of 4)")
			if fault.KindOf(err) != fault.Transient || c.Counters().Attempts != 4 {
				t.Errorf("kind %v, %+v", fault.KindOf(err), c.Counters())
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not in the chain", test.is)
			}
			noCanary(t, err)
		})
	}
}

// noCanary walks the whole chain: an error reporter prints every part of it.
func noCanary(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(fmt.Sprintf("%v|%+v|%#v", err, err, err), "CANARY") {
		t.Errorf("a secret shows in %#v", err)
	}
	{
		var e interface{ Unwrap() error }
		var e1 interface{ Unwrap() []error }
		switch {
		case errors.As(err, &e):
			if inner := e.Unwrap(); inner != nil {
				noCanary(t, inner)
			}
		case errors.As(err, &e1):
			for _, inner := range e1.Unwrap() {
				noCanary(t, inner)
			}
		}
	}
}

func zipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text) //nolint:errcheck // into memory
	w.Close()
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	t.Parallel()
	const text = `{"orders": [1, 2, 3]}`
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		if r.Method == http.MethodGet {
			w.Write(zipped(text)) //nolint:errcheck // a test
		}
	})
	c := realClient(t, server.URL)
	response, err := c.Do(t.Context(), orders(server.URL))
	if err != nil || string(response.Body) != text {
		t.Fatalf("%v, %v", response, err)
	}
	if got, want := c.Counters().Bytes, int64(len(zipped(text))); got != want {
		t.Errorf("%d bytes counted, %d came over the wire", got, want)
	}
	empty := orders(server.URL)
	empty.JSON = false
	empty.Build = func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("x"))
	}
	if response, err = c.Do(t.Context(), empty); err != nil || len(response.Body) != 0 {
		t.Errorf("an empty compressed body: %v, %v", response, err)
	}
}

func TestUnknownEncoding(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		io.WriteString(w, "CANARY") //nolint:errcheck // a test
	})
	_, err := realClient(t, server.URL).Do(t.Context(), orders(server.URL))
	mustContain(t, err, "an encoding that was not asked for")
	if fault.KindOf(err) != fault.Protocol {
		t.Errorf("kind %v", fault.KindOf(err))
	}
}

func faultBodyLimits(t *testing.T) { // not parallel: it measures memory
	blanks := make([]byte, 1<<20)
	for i := range blanks {
		blanks[i] = ' '
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 200 {
		w.Write(blanks) //nolint:errcheck // into memory
	}
	w.Close()
	var asked atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes()) //nolint:errcheck // a test
			return
		}
		for r.Context().Err() == nil { // endless
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	})
	c := realClient(t, server.URL, func(o *Options) { o.MaxBody = 4 << 20 })
	for _, path := range []string{"/bomb", "/endless"} {
		asked.Store(0)
		call := orders(server.URL)
		call.Build = func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.Do(t.Context(), call)
		runtime.ReadMemStats(&after)
		mustContain(t, err, "the body is too long: more than 4194304 bytes")
		if !errors.Is(err, ErrBodyTooLarge) || fault.KindOf(err) != fault.Protocol || asked.Load() != 1 {
			t.Errorf("%s: %d attempts, kind %v, %v", path, asked.Load(), fault.KindOf(err), err)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 64 {
			t.Errorf("%s: %d MiB were allocated", path, used)
		}
	}
	exact := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(blanks) }) //nolint:errcheck // a test
	call := orders(exact.URL)
	call.JSON = false
	response, err := realClient(t, exact.URL, func(o *Options) { o.MaxBody = 1 << 20 }).Do(t.Context(), call)
	if err != nil || len(response.Body) != 1<<20 {
		t.Errorf("a body of exactly the limit: %v", err)
	}
}

func faultDripFeed(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			io.WriteString(w, " ") //nolint:errcheck // ends with the request
			w.(http.Flusher).Flush()
			select {
			case <-ticker.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	c := realClient(t, server.URL, func(o *Options) { o.BodyTimeout, o.Retries = 50*time.Millisecond, 1 })
	_, err := c.Do(t.Context(), orders(server.URL))
	mustContain(t, err, "no end of the body within 50ms (attempt 2 of 2)")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("not a DeadlineExceeded")
	}
}

func faultSilentServer(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	short := func(o *Options) { o.HeaderTimeout, o.Retries = 50*time.Millisecond, NoRetries }
	_, err := realClient(t, server.URL, short).Do(t.Context(), orders(server.URL))
	mustContain(t, err, "no response headers within 50ms")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := "https://" + listener.Addr().String()
	_, err = realClient(t, address, short).Do(t.Context(), orders(address))
	mustContain(t, err, "no end of the TLS handshake within 50ms")
	if fault.KindOf(err) != fault.Transient {
		t.Errorf("kind %v", fault.KindOf(err))
	}
}

func faultNobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	listener.Close()
	_, err = realClient(t, address).Do(t.Context(), orders(address))
	mustContain(t, err, "orders page 1: GET "+listener.Addr().String()+"/orders/list: connecting: connection refused (attempt 4 of 4)")
	if fault.KindOf(err) != fault.Transient || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("kind %v", fault.KindOf(err))
	}
}

// What a dialler and a resolver report, without needing either.
func faultClassified(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		at   phase
		kind fault.Kind
		text string
		is   error
	}{
		"black hole": {err: &net.OpError{Op: "dial", Net: "tcp", Err: deadlineError{}}, at: connecting,
			kind: fault.Transient, text: "no connection within 5s", is: context.DeadlineExceeded},
		"stalled handshake": {err: deadlineError{}, at: shakingHands,
			kind: fault.Transient, text: "no end of the TLS handshake within 10s", is: context.DeadlineExceeded},
		"no such name": {err: &net.DNSError{Name: "CANARY", IsNotFound: true}, at: connecting,
			kind: fault.Transient, text: "the host name is not known to the resolver"},
		"silent resolver": {err: &net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}, at: connecting,
			kind: fault.Transient, text: "the resolver did not answer"},
		"failing resolver": {err: &net.DNSError{IsTemporary: true}, at: connecting,
			kind: fault.Transient, text: "the host name could not be resolved"},
		"kernel timeout": {err: &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}, at: waitingForHeaders,
			kind: fault.Transient, text: "connection timed out", is: syscall.ETIMEDOUT},
		"handshake cut": {err: io.EOF, at: shakingHands, kind: fault.Transient, text: "closed without an answer"},
		"alert": {err: &net.OpError{Op: "remote error", Err: tls.AlertError(70)}, at: shakingHands,
			kind: fault.Protocol, text: "TLS 1.2 or newer is needed", is: ErrUntrusted},
		"anything": {err: errors.New("CANARY"), at: waitingForHeaders, kind: fault.Transient, text: "the connection failed"},
		"damaged":  {err: gzip.ErrChecksum, at: waitingForBody, kind: fault.Transient, text: "the compressed body is damaged"},
		"odd headers": {err: errors.New("CANARY"), at: readingHeaders,
			kind: fault.Transient, text: "the headers of the answer are malformed or too long"},
	} {
		err := classify(test.err, test.at)
		answered := name == "damaged" || name == "odd headers" || name == "alert"
		if errors.Is(err, ErrUnreachable) == answered {
			t.Errorf("%s: unreachable: %v", name, !answered)
		}
		if fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: kind %v, %v", name, fault.KindOf(err), err)
		}
		if strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type deadlineError struct{}

func (deadlineError) Error() string   { return "i/o timeout" }
func (deadlineError) Timeout() bool   { return true }
func (deadlineError) Temporary() bool { return true }

func faultRedirects(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int64
	thief := serve(t, func(w http.ResponseWriter, r *http.Request) { stolen.Add(1) })
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Token") != "CANARY" {
			t.Errorf("%s came without its credential", r.URL.Path)
		}
		to := map[string]string{
			"/elsewhere": thief.URL + "/orders?key=CANARY",
			"/scheme":    "https://" + r.Host + "/target",
			"/strange":   "//evil.example:1/%43ANARY",
			"/nowhere":   "",
			"/malformed": "http://[CANARY",
			"/password":  "http://me:CANARY@" + r.Host + "/target",
			"/slash":     "/slash/",
			"/slash/":    "target?page=1",
			"/loop":      "/loop",
		}
		if r.URL.Path == "/slash/target" {
			io.WriteString(w, `{"page": "`+r.URL.Query().Get("page")+`"}`) //nolint:errcheck // a test
			return
		}
		if to := to[r.URL.Path]; to != "" {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(http.StatusFound)
	})
	c := realClient(t, server.URL, func(o *Options) { o.Authorize = Header("X-Auth-Token", "", secret("CANARY")) })
	at := func(method, path string) Call {
		return Call{Name: "orders", JSON: true, Build: func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, method, server.URL+path+"?key=CANARY", nil)
		}}
	}
	for path, text := range map[string]string{
		"/elsewhere": "302 Found: the redirect leads to another host, \"" + strings.TrimPrefix(thief.URL, "http://") + "\": it was not followed",
		"/scheme":    "leads to another host",
		"/strange":   `leads to another host, "evil.example:1"`,
		"/nowhere":   "302 Found without a usable address",
		"/malformed": "302 Found without a usable address",
		"/password":  "302 Found",
		"/loop":      "302 Found",
	} {
		before := c.Counters()
		_, err := c.Do(t.Context(), at(http.MethodGet, path))
		mustContain(t, err, text)
		if fault.KindOf(err) != fault.Protocol {
			t.Errorf("%s: kind %v", path, fault.KindOf(err))
		}
		if strings.Contains(text, "another host") != errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %v", path, err)
		}
		want := int64(1)
		if path == "/loop" {
			want = 1 + mostRedirects
		}
		if sent := c.Counters().Since(before).Attempts; sent != want {
			t.Errorf("%s: %d requests", path, sent)
		}
		noCanary(t, err)
	}
	_, err := c.Do(t.Context(), at(http.MethodPost, "/slash"))
	mustContain(t, err, "302 Found: a POST is not repeated elsewhere")
	if stolen.Load() != 0 {
		t.Errorf("%d requests went to another host", stolen.Load())
	}
	response, err := c.Do(t.Context(), at(http.MethodGet, "/slash"))
	if err != nil || string(response.Body) != `{"page": "1"}` {
		t.Errorf("a redirect within the host: %v, %v", response, err)
	}
}

func faultRequestsStayOnTheHost(t *testing.T) {
	t.Parallel()
	c := client(t, always(200, "{}"))
	for address, ok := range map[string]bool{
		base + "/x?page=2":                true,
		"https://shop.example:443/x":      true,
		"https://SHOP.example./x":         true,
		"http://shop.example/x":           false,
		"https://shop.example:8443/x":     false,
		"https://shop.example.evil/x":     false,
		"https://evil.example/?k=CANARY":  false,
		"https://me:CANARY@shop.example/": false,
	} {
		call := orders(base)
		call.Build = func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		}
		before := c.Counters()
		_, err := c.Do(t.Context(), call)
		if sent := c.Counters().Since(before).Attempts; ok != (err == nil) || ok != (sent == 1) {
			t.Errorf("%s: %d requests, %v", address, sent, err)
		}
		if err != nil && !strings.Contains(address, "@") && !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %v", address, err)
		}
		noCanary(t, err)
	}
}

func TestEnvironmentProxyIsIgnored(t *testing.T) { // not parallel: it sets the environment
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	transport := newTransport(Options{})
	if transport.Proxy != nil {
		t.Error("the environment's proxy would be asked")
	}
}

func TestConfiguredProxyIsUsed(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		io.WriteString(w, "{}") //nolint:errcheck // a test
	})
	address, _ := http.NewRequest(http.MethodGet, proxy.URL, nil)
	c := realClient(t, "http://shop.example", func(o *Options) { o.AllowHTTP, o.Proxy = true, address.URL })
	if _, err := c.Do(t.Context(), orders("http://shop.example")); err != nil {
		t.Fatal(err)
	}
	if got, _ := asked.Load().(string); got != "http://shop.example/orders/list?since=2026-11-01" {
		t.Errorf("the proxy was asked for %q", got)
	}
}

func TestCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Errorf("cookies %v", r.Cookies())
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		io.WriteString(w, "{}") //nolint:errcheck // a test
	})
	c := realClient(t, server.URL)
	for range 3 {
		if _, err := c.Do(t.Context(), orders(server.URL)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectionIsKeptAfterFailures(t *testing.T) {
	t.Parallel()
	var connections, asked atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 4 {
			http.Error(w, "CANARY", http.StatusBadGateway)
			return
		}
		io.WriteString(w, "{}") //nolint:errcheck // a test
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	if _, err := realClient(t, server.URL).Do(t.Context(), orders(server.URL)); err != nil {
		t.Fatal(err)
	}
	if connections.Load() != 1 || asked.Load() != 4 {
		t.Errorf("%d connections for %d requests", connections.Load(), asked.Load())
	}
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour * 48), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &authority{certificate: certificate, key: key, pool: pool}
}

// sign makes a certificate for 127.0.0.1 that change may spoil.
func (a *authority) sign(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "shop"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func faultBadTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	for name, test := range map[string]struct {
		certificate tls.Certificate
		version     uint16
		text        string
	}{
		"good":              {certificate: ours.sign(t, nil)},
		"TLS 1.2":           {certificate: ours.sign(t, nil), version: tls.VersionTLS12},
		"TLS 1.1":           {certificate: ours.sign(t, nil), version: tls.VersionTLS11, text: "TLS 1.2 or newer is needed"},
		"unknown authority": {certificate: theirs.sign(t, nil), text: "its certificate is signed by an authority that is unknown here"},
		"expired": {text: "its certificate expired at 20",
			certificate: ours.sign(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })},
		"not yet valid": {text: "its certificate is valid only from 20",
			certificate: ours.sign(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })},
		"wrong name": {text: "its certificate is for another name",
			certificate: ours.sign(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"CANARY.example"} })},
		"not for servers": {text: "its certificate is not valid for a server",
			certificate: ours.sign(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "{}") //nolint:errcheck // a test
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{test.certificate}, MinVersion: tls.VersionTLS10, MaxVersion: test.version}
			server.StartTLS()
			t.Cleanup(server.Close)
			c := realClient(t, server.URL, func(o *Options) { o.RootCAs = ours.pool })
			_, err := c.Do(t.Context(), orders(server.URL))
			if test.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mustContain(t, err, "orders page 1: GET ", "/orders/list: the server cannot be trusted: ", test.text)
			if fault.KindOf(err) != fault.Protocol || !errors.Is(err, ErrUntrusted) || c.Counters().Attempts != 1 {
				t.Errorf("%d attempts, kind %v, %v", c.Counters().Attempts, fault.KindOf(err), err)
			}
			noCanary(t, err)
		})
	}
}

func TestPlainServerBehindHTTPS(t *testing.T) {
	t.Parallel()
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	address := strings.Replace(server.URL, "http://", "https://", 1)
	_, err := realClient(t, address).Do(t.Context(), orders(address))
	mustContain(t, err, "it does not speak TLS on this port")
	if !errors.Is(err, ErrUntrusted) {
		t.Error(err)
	}
}

// F97, F98: whatever goes wrong, no secret is in the error, wherever the secret stood.
func faultNoSecretInAnyError(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"400": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.URL.String()+r.Header.Get("Authorization"), 400)
		},
		"401": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "CANARY is unknown", 401) },
		"500": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "CANARY", 500) },
		"HTML": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.URL.RawQuery)
			io.WriteString(w, "<html>CANARY") //nolint:errcheck // a test
		},
		"cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"buyer": "CANARY`) //nolint:errcheck // a test
		},
		"wait": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "CANARY")
			w.WriteHeader(429)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/CANARY?CANARY", 302)
		},
		"hang up": func(w http.ResponseWriter, r *http.Request) {
			connection, _, _ := w.(http.Hijacker).Hijack()
			connection.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, handler)
			for _, authorizer := range []Authorizer{
				Bearer(secret("CANARY")),
				Basic(secret("CANARY"), secret("CANARY")),
				Query(map[string]func() string{"consumer_key": secret("CANARY")}),
			} {
				call := orders(server.URL)
				call.Build = func(ctx context.Context) (*http.Request, error) {
					return http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/orders?token=CANARY", strings.NewReader("CANARY"))
				}
				c := realClient(t, server.URL, func(o *Options) { o.Authorize = authorizer })
				_, err := c.Do(t.Context(), call)
				mustContain(t, err, "orders page 1: POST ", "/orders: ")
				noCanary(t, err)
				if text := fmt.Sprintf("%+v %#v", authorizer, c.o); strings.Contains(text, "CANARY") {
					t.Errorf("a secret shows in %s", text)
				}
			}
		})
	}
}

func TestManyCallersOfARealServer(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, `{"orders": []}`) //nolint:errcheck // a test
	})
	c := realClient(t, server.URL, func(o *Options) { o.PerSecond, o.Retries = 2000, 20 })
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for range 20 {
				if _, err := c.Do(t.Context(), orders(server.URL)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if got := c.Counters(); got.Calls != 400 || got.Attempts != asked.Load() || got.Attempts != 400+got.Retries {
		t.Errorf("counters %+v, %d requests arrived", got, asked.Load())
	}
}
