package courier_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "canary-5f0c8a1e93b7"

// remote is a server on loopback.
func remote(t *testing.T, serve http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	return s.URL
}

func run(t *testing.T, c *courier.Courier, address string) (*courier.Answer, error) {
	t.Helper()
	defer c.Rest()
	a, err := c.Run(t.Context(), courier.Errand{Method: http.MethodPost, URL: address, Body: []byte("{}"), Reads: true})
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the error quotes the address: %v", err)
	}
	return a, err
}

func TestAnExchange(t *testing.T) {
	t.Parallel()
	address := remote(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", r.Header.Get("User-Agent"), " ", string(body), " ", r.Header.Get("Accept-Encoding"))
	})
	a, err := run(t, courier.New(nil, time.Minute), address+"/"+secret)
	if err != nil || string(a.Body) != "POST /"+secret+" ordersync {} " || a.Failure("") != nil {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	asked := 0
	address := remote(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/"+secret, http.StatusTemporaryRedirect)
	})
	a, err := run(t, courier.New(nil, time.Minute), address)
	if err != nil || asked != 1 || fault.KindOf(a.Failure("")) != fault.Config || strings.Contains(a.Failure("").Error(), secret) {
		t.Errorf("%v after %d requests", err, asked)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	address := remote(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 10 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
				return
			}
		}
	})
	a, err := run(t, courier.New(nil, time.Minute), address)
	if err != nil || len(a.Body) != 64<<10 {
		t.Errorf("%v", err)
	}
	address = remote(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	if _, err = run(t, courier.New(nil, time.Minute), address+"/"+secret); fault.KindOf(err) != fault.Transient {
		t.Errorf("%v", err)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := run(t, courier.New(nil, time.Minute), s.URL+"/"+secret)
	if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "authority that is unknown") {
		t.Errorf("an unknown authority: %v", err)
	}
	plain := remote(t, func(http.ResponseWriter, *http.Request) {})
	_, err = run(t, courier.New(nil, time.Minute), strings.Replace(plain, "http:", "https:", 1)+"/"+secret)
	if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("no TLS: %v", err)
	}
	for address, good := range map[string]bool{
		"https://example.com/x": true, "http://127.0.0.1:8080/x": true, "http://[::1]/x": true, "http://localhost/x": true, "http://a.localhost/x": true,
		"http://example.com/" + secret: false, "http://localhost.example.com/" + secret: false, "http://127.0.0.1.example.com/" + secret: false,
		"": false, secret: false, "https:" + secret: false, "https:///" + secret: false, "https://u:" + secret + "@example.com": false,
		"http://0.0.0.0/" + secret: false, "ftp://localhost/" + secret: false, "https://%zz" + secret: false,
	} {
		err := courier.Check("the address", address)
		if good != (err == nil) || !good && (fault.KindOf(err) != fault.Config || strings.Contains(err.Error(), secret)) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestConnectionsThatFail(t *testing.T) {
	t.Parallel()
	closing := func(say string) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1))
				_, _ = io.WriteString(conn, say)
				_ = conn.Close()
			}
		}()
		return "http://" + listener.Addr().String()
	}
	for name, address := range map[string]string{
		"closed at once":   closing(""),
		"not HTTP":         closing(secret + "\r\n\r\n"),
		"cut in the body":  closing("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + secret),
		"cut in a header":  closing("HTTP/1.1 200 OK\r\nX-" + secret),
		"a dead interface": "http://127.0.0.1:1",
	} {
		if _, err := run(t, courier.New(nil, time.Minute), address+"/"+secret); fault.KindOf(err) != fault.Transient {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for text, cause := range map[string]*net.DNSError{
		"not known to the resolver": {Err: "no such host", Name: secret + ".example.com", IsNotFound: true},
		"could not be resolved":     {Err: "server misbehaving", Name: secret + ".example.com", Server: "192.0.2.1:53"},
	} {
		c := courier.New(roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: cause}
		}), time.Minute)
		if _, err := run(t, c, "https://"+secret+".example.com"); fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), text) {
			t.Errorf("%v", err)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, fmt.Errorf("%s: %w", r.URL, r.Context().Err())
		})
		c := courier.New(hanging, 15*time.Second)
		_, err := run(t, c, "https://example.com/"+secret)
		if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "no answer within 15s") {
			t.Errorf("our own limit: %v", err)
		}
		for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
			"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			"stop": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end(t.Context())
			_, err = c.Run(ctx, courier.Errand{Method: http.MethodGet, URL: "https://example.com/" + secret})
			want := fault.Transient
			if name == "stop" {
				want = 0
			}
			if err == nil || fault.KindOf(err) != want || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWaits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, " 2.0 ": 2 * time.Second, "-1": 0, "999999999": 0, "soon": 0, "1h": 0,
		"Wed, 04 Nov 2026 12:00:45 GMT": 45 * time.Second, "Wed, 04 Nov 2026 11:00:00 GMT": 0,
	} {
		a := &courier.Answer{Status: 429, Header: http.Header{"Retry-After": {value}}, At: at}
		if got := a.Wait(); got != want || fault.RetryAfter(a.Failure("")) != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	a := &courier.Answer{Status: 503, At: at, Header: http.Header{
		"Retry-After": {"Wed, 04 Nov 2026 13:00:05 GMT"}, "Date": {"Wed, 04 Nov 2026 13:00:00 GMT"}, // its clock is an hour ahead
	}}
	if got := a.Wait(); got != 5*time.Second {
		t.Errorf("by their clock: %v", got)
	}
}

func TestKindsOfStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Kind{
		200: 0, 204: 0, 301: fault.Config, 304: fault.Config, 400: fault.Rejected, 401: fault.Config, 403: fault.Config, 404: fault.Config,
		408: fault.Transient, 410: fault.Config, 413: fault.Rejected, 422: fault.Rejected, 425: fault.Transient, 429: fault.Transient,
		500: fault.Transient, 503: fault.Transient, 599: fault.Transient, 100: fault.Rejected,
	} {
		if got := fault.KindOf((&courier.Answer{Status: status, Header: http.Header{}}).Failure("said")); got != want {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("token "+secret+" is not known\r\nlevel=ERROR", "https://example.com/hook/"+secret+"?key=a%20b%2Fc"+secret)
	f.Add("\x1b[31m\u2028"+strings.Repeat("é", 500), "https://u:"+secret+"@example.com/")
	f.Fuzz(func(t *testing.T, text, address string) {
		got := courier.Quote(text, secret, address)
		if strings.Contains(got, secret) || strings.ContainsAny(got, "\n\r\x1b\x00\u2028\u0085") || len([]rune(got)) > 201 {
			t.Errorf("%q", got)
		}
	})
}
