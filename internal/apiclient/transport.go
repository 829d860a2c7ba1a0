package apiclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"ordersync/internal/fault"
)

const (
	dialTimeout = 5 * time.Second
	tlsTimeout  = 10 * time.Second
	idleTimeout = 90 * time.Second
	idleConns   = 32
	// Of an answer that is none so much is read, and for so long, to keep the connection.
	drainLength = 64 << 10
	drainTime   = 2 * time.Second
)

// newTransport is the client's own transport: HTTP/1.1 over TLS 1.2 or newer. It is used without an http.Client, so that there
// are no cookies, no redirects and no url.Error, which would show the query.
func newTransport(o Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	t := &http.Transport{
		Protocols:              protocols,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxResponseHeaderBytes: o.MaxHeader,
		DisableCompression:     true, // we decompress ourselves, under the limit
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           idleConns,
		MaxIdleConnsPerHost:    idleConns,
	}
	if o.Proxy != nil { // nil ignores the environment's
		t.Proxy = http.ProxyURL(o.Proxy)
	}
	return t
}

// exchange is one request that was answered, whatever the status.
type exchange struct {
	status int
	header http.Header
	body   []byte // of an answer; empty where the status is none
	sent   time.Time
}

// exchange sends one request and reads what comes back, within all limits. Its failures are classified and hold nothing of the
// request or the answer; errEnded when ctx ended.
func (c *Client) exchange(ctx context.Context, trip *trip, request *http.Request, answers func(status int) bool) (*exchange, error) {
	w := watch(ctx, c.o.HeaderTimeout)
	defer w.end()
	request = request.WithContext(httptrace.WithClientTrace(w.ctx, w.hooks(trip)))
	c.dress(request)
	c.stats.attempts.Add(1)
	trace := traceOf(ctx)
	trace.sent()
	defer trace.done()
	sent := time.Now()
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, w.explain(ctx, err)
	}
	received := time.Now()
	defer response.Body.Close()
	e := &exchange{status: response.StatusCode, header: response.Header, sent: sent}
	if !answers(e.status) {
		w.next(waitingForBody, drainTime)
		n, _ := io.CopyN(io.Discard, response.Body, drainLength)
		c.stats.bytes.Add(n)
		return e, nil
	}
	if originOf(request.URL) == c.origin { // and not whoever hands out tokens
		c.clock.hear(response.Header, sent, received)
	}
	w.next(waitingForBody, c.o.BodyTimeout)
	if e.body, err = c.read(response, request.Method); err != nil {
		return nil, w.explain(ctx, err)
	}
	return e, nil
}

// dress adds the headers that Build left to us.
func (c *Client) dress(request *http.Request) {
	header := make(http.Header, len(request.Header)+2)
	maps.Copy(header, request.Header)
	request.Header = header
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", c.o.UserAgent)
	}
	header.Set("Accept-Encoding", "gzip")
}

// read returns the whole decompressed body, or an error: never a part of it.
func (c *Client) read(response *http.Response, method string) ([]byte, error) {
	wire := &counting{from: response.Body}
	defer func() { c.stats.bytes.Add(wire.n) }()
	body, err := c.decompressed(response, wire)
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > c.o.MaxBody:
		return nil, fault.Errorf(fault.Protocol, "%w: more than %d bytes", ErrBodyTooLarge, c.o.MaxBody)
	case response.ContentLength > wire.n && method != http.MethodHead && !response.Uncompressed:
		return nil, io.ErrUnexpectedEOF // a transport that does not check it itself
	}
	return body, nil
}

// decompressed reads at most one byte more than the limit.
func (c *Client) decompressed(response *http.Response, wire io.Reader) ([]byte, error) {
	encoding := strings.ToLower(strings.TrimSpace(response.Header.Get("Content-Encoding")))
	if response.Uncompressed {
		encoding = ""
	}
	var reader io.Reader
	switch encoding {
	case "", "identity":
		reader = wire
	case "gzip", "x-gzip":
		expanded, err := gzip.NewReader(wire)
		if errors.Is(err, io.EOF) { // an empty body needs no compression
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer expanded.Close()
		reader = expanded
	default:
		return nil, fault.Errorf(fault.Protocol, "the body has an encoding that was not asked for")
	}
	var body bytes.Buffer
	if length := response.ContentLength; length > 0 && length <= c.o.MaxBody {
		body.Grow(int(length) + bytes.MinRead)
	}
	_, err := body.ReadFrom(io.LimitReader(reader, c.o.MaxBody+1))
	return body.Bytes(), err
}

// counting counts what came over the wire.
type counting struct {
	from io.Reader
	n    int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// phase is how far an exchange has come.
type phase int

const (
	connecting phase = iota
	shakingHands
	waitingForHeaders
	readingHeaders
	waitingForBody
)

// missing is what did not come when the time of a phase ran out.
func (p phase) missing() string {
	switch p {
	case connecting:
		return "no connection"
	case shakingHands:
		return "no end of the TLS handshake"
	case waitingForBody:
		return "no end of the body"
	}
	return "no response headers"
}

// watching bounds the phases of one exchange in time and knows which one it is in.
type watching struct {
	ctx    context.Context //nolint:containedctx // it lives as long as its exchange, whose callbacks are given no context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	phase phase
	limit time.Duration
	timer *time.Timer
}

// watch starts with the time for everything up to the headers; it starts anew when a connection is there.
func watch(ctx context.Context, limit time.Duration) *watching {
	w := &watching{limit: limit, phase: waitingForHeaders}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit, w.expire)
	return w
}

func (w *watching) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancel(&TimeoutError{What: w.phase.missing(), After: w.limit})
}

// next enters a phase with a time of its own.
func (w *watching) next(p phase, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase, w.limit = p, limit
	w.timer.Reset(limit)
}

// enter enters a phase within the time that runs, if it comes from one of the given ones.
func (w *watching) enter(p phase, from ...phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(from, w.phase) {
		w.phase = p
	}
}

func (w *watching) now() phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase
}

func (w *watching) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.cancel(nil)
}

// hooks follow the transport. A transport that does not report, as in tests, is taken to wait for headers all the time.
func (w *watching) hooks(trip *trip) *httptrace.ClientTrace {
	headers := w.limit
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			trip.begin()
			w.enter(connecting, waitingForHeaders, readingHeaders)
		},
		// Another connection may have become free meanwhile: then this handshake is not what we wait for.
		TLSHandshakeStart: func() { w.enter(shakingHands, connecting) },
		GotConn: func(httptrace.GotConnInfo) {
			trip.end(true)
			w.next(waitingForHeaders, headers)
		},
		GotFirstResponseByte: func() { w.enter(readingHeaders, waitingForHeaders) },
	}
}

// explain classifies the failure of an exchange.
func (w *watching) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errEnded
	}
	if timeout, ok := errors.AsType[*TimeoutError](context.Cause(w.ctx)); ok {
		return fault.New(fault.Transient, unreachable{timeout})
	}
	if _, ok := errors.AsType[fault.Kind](err); ok {
		return err
	}
	return classify(err, w.now())
}
