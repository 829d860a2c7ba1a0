package taobaotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// errReset is what a broken connection looks like without a socket.
var errReset = errors.New("connection reset by peer")

// spoils reports whether the caller cannot see what the gateway answered.
func (f Fault) spoils() bool {
	return f.Status != 0 || f.Body != "" || f.Empty || f.Reset || f.Keep > 0
}

// spoil applies a fault to an answer.
func (r *reply) spoil(f Fault) {
	r.fault = f
	if f.Status != 0 {
		r.page(f.Status, strconv.Itoa(f.Status)+" "+http.StatusText(f.Status))
	}
	if f.Body != "" {
		r.body = f.Body
		r.status = cmp.Or(f.Status, http.StatusOK)
	}
	if f.ContentType != "" {
		r.header.Set("Content-Type", f.ContentType)
	}
	for name, value := range f.Header {
		r.header.Set(name, value)
	}
	if f.Empty {
		r.body = ""
	}
}

// kept is the part of the body that is sent, and whether the connection breaks after it.
func (r *reply) kept() (body string, breaks bool) {
	if r.fault.Keep > 0 && r.fault.Keep < len(r.body) {
		return r.body[:r.fault.Keep], !r.fault.Quietly
	}
	return r.body, false
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Transport carries requests to the platform without a socket, whatever their host. It works in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return transport{server: s} }

type transport struct{ server *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	out := t.server.answer(r)
	defer t.server.tell(out.ban)
	if err := pause(r.Context(), out.fault.Latency); err != nil {
		return nil, err
	}
	if out.fault.Reset {
		return nil, errReset
	}
	body, breaks := out.kept()
	length := int64(len(body))
	if breaks {
		length = int64(len(out.body))
	}
	if out.fault.Quietly {
		length = -1
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)), StatusCode: out.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, ContentLength: length, Request: r,
		Body: &stream{
			rest: body, breaks: breaks, drips: out.fault.Drip > 0,
			before: func() error { return pause(r.Context(), out.fault.Drip) },
		},
	}, nil
}

// stream is a body that may drip and break.
type stream struct {
	rest   string
	breaks bool
	before func() error // each read
	drips  bool
}

func (b *stream) Read(p []byte) (int, error) {
	if err := b.before(); err != nil {
		return 0, err
	}
	if b.rest == "" {
		if b.breaks {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, io.EOF
	}
	if b.drips && len(p) > 0 {
		p = p[:1]
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *stream) Close() error { return nil }

// ServeHTTP makes the server an http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := s.answer(r)
	defer s.tell(out.ban)
	if pause(r.Context(), out.fault.Latency) != nil || out.fault.Reset {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), out.header)
	if _, ok := out.header["Date"]; !ok {
		w.Header()["Date"] = nil
	}
	body, breaks := out.kept()
	if breaks {
		w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	flush := http.NewResponseController(w)
	for out.fault.Drip > 0 && body != "" && pause(r.Context(), out.fault.Drip) == nil {
		_, _ = io.WriteString(w, body[:1])
		_ = flush.Flush()
		body = body[1:]
	}
	_, _ = io.WriteString(w, body)
	if breaks {
		_ = flush.Flush()
		panic(http.ErrAbortHandler)
	}
}

// Start serves on a free port of loopback, and returns the address and what stops it; the gateway is baseURL + Router. Stop cuts off what is
// under way.
func (s *Server) Start() (baseURL string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop = func() error {
		closed := server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return closed
	}
	return "http://" + listener.Addr().String(), stop, nil
}
