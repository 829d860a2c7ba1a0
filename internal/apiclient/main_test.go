package apiclient

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// remote is an API in memory.
type remote func(*http.Request) (*http.Response, error)

func (r remote) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// answering makes a response; headers are name, value, name, value.
func answering(status int, body string, headers ...string) *http.Response {
	header := make(http.Header)
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	return &http.Response{
		StatusCode:    status,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}

// always answers the same way.
func always(status int, body string, headers ...string) remote {
	return func(*http.Request) (*http.Response, error) { return answering(status, body, headers...), nil }
}

// inOrder answers with one after the other, the last one for ever.
func inOrder(remotes ...remote) remote {
	var asked atomic.Int64
	return func(request *http.Request) (*http.Response, error) {
		return remotes[min(int(asked.Add(1)), len(remotes))-1](request)
	}
}

// hanging answers only when the request is given up.
func hanging(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

const base = "https://shop.example"

// client makes a client for an API in memory, fast enough for the pace to be no matter.
func client(t *testing.T, transport http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{Source: "shop", BaseURL: base, PerSecond: 1000, Transport: transport}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// orders is the call that most tests make.
func orders(address string) Call {
	return Call{
		Name: "orders page 1",
		JSON: true,
		Build: func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, address+"/orders/list?since=2026-11-01", nil)
		},
	}
}

// sends wraps an API and notes when it was asked.
type sends struct {
	to    http.RoundTripper
	times []time.Time
}

func (s *sends) RoundTrip(request *http.Request) (*http.Response, error) {
	s.times = append(s.times, time.Now())
	return s.to.RoundTrip(request)
}

func (s *sends) gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(s.times); i++ {
		gaps = append(gaps, s.times[i].Sub(s.times[i-1]))
	}
	return gaps
}

func mustContain(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// slowly is a body that sends one byte each interval until the request ends.
type slowly struct {
	ctx   context.Context
	every time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	if err := sleepUntil(s.ctx, s.every, nil); err != nil {
		return 0, err
	}
	return copy(p, bytes.Repeat([]byte(" "), 1)), nil
}

func (s slowly) Close() error { return nil }
