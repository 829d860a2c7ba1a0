package apiclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"ordersync/internal/fault"
)

// classify gives a transport's failure its kind and a text of ours. Causes are kept only where their text is known to quote
// nothing of an answer: net/http's parser quotes malformed lines, and those hold whatever the remote put there.
func classify(err error, at phase) error {
	if text := untrusted(err, at); text != "" {
		return fault.Errorf(fault.Protocol, "%w: %s", ErrUntrusted, text)
	}
	if text := malformed(err, at); text != "" {
		return fault.New(fault.Transient, errors.New(text))
	}
	return fault.New(fault.Transient, unreachable{passing(err, at)})
}

// malformed says what is wrong with an answer that came, "" where none came whole.
func malformed(err error, at phase) string {
	_, number := errors.AsType[syscall.Errno](err)
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case number, ok && timeout.Timeout():
		return ""
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, new(flate.CorruptInputError)):
		return "the compressed body is damaged"
	case at == readingHeaders && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return "the headers of the answer are malformed or too long"
	}
	return ""
}

// passing words a failure of the way there that may be over with the next attempt.
func passing(err error, at phase) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return worded{text: unresolved(dns), cause: dns}
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return worded{text: during(at) + number.Error(), cause: number}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && limitOf(at) > 0 {
		return &TimeoutError{What: at.missing(), After: limitOf(at)}
	}
	switch {
	case at == waitingForBody:
		return worded{text: "the body was cut short", cause: io.ErrUnexpectedEOF}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return worded{text: "the connection was closed without an answer", cause: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("%sthe connection failed", during(at))
}

func during(at phase) string {
	switch at {
	case connecting:
		return "connecting: "
	case shakingHands:
		return "TLS handshake: "
	case waitingForBody:
		return "reading the body: "
	}
	return ""
}

// limitOf is the time that the transport itself gives a phase.
func limitOf(at phase) time.Duration {
	return map[phase]time.Duration{connecting: dialTimeout, shakingHands: tlsTimeout}[at]
}

func unresolved(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "the host name is not known to the resolver"
	case err.IsTimeout:
		return "the resolver did not answer"
	}
	return "the host name could not be resolved"
}

// untrusted words a failure of TLS that no repetition cures; empty for another failure.
func untrusted(err error, at phase) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason != x509.Expired {
			return "its certificate is not valid for a server"
		}
		if now := time.Now(); invalid.Cert != nil && now.Before(invalid.Cert.NotBefore) {
			return "its certificate is valid only from " + invalid.Cert.NotBefore.UTC().Format(time.DateTime) +
				" UTC, or this machine's clock is wrong"
		}
		if invalid.Cert == nil {
			return "its certificate has expired"
		}
		return "its certificate expired at " + invalid.Cert.NotAfter.UTC().Format(time.DateTime) + " UTC"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "its certificate is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its certificate is signed by an authority that is unknown here"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate could not be verified"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS on this port"
	}
	if at == shakingHands && !broken(err) {
		return "no TLS handshake: TLS 1.2 or newer is needed"
	}
	return ""
}

// broken reports whether the connection, and not what was said on it, failed.
func broken(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return true
	}
	_, ok = errors.AsType[syscall.Errno](err)
	return ok
}

// statusFailure classifies a status that is no answer.
func (c *Client) statusFailure(e *exchange) error {
	err := &StatusError{Status: e.status}
	switch {
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return fault.New(fault.Auth, err)
	case e.status == http.StatusTooManyRequests:
		return fault.Limited(c.stated(e), err)
	case e.status == http.StatusServiceUnavailable:
		if wait := c.stated(e); wait > 0 {
			return fault.Limited(wait, err)
		}
		return fault.New(fault.Transient, err)
	case e.status >= 500, e.status == http.StatusRequestTimeout, e.status == http.StatusTooEarly:
		return fault.New(fault.Transient, err)
	}
	return fault.New(fault.Protocol, err)
}

func (c *Client) stated(e *exchange) time.Duration {
	now, _ := c.clock.at(time.Now())
	return statedWait(e.header, now)
}

// checkJSON refuses a body that is not one whole JSON text, and returns it without a byte order mark. The body decides and not its
// Content-Type: some servers send their JSON as text/html.
func checkJSON(e *exchange) ([]byte, error) {
	body := bytes.TrimPrefix(e.body, []byte("\xef\xbb\xbf"))
	text := bytes.TrimSpace(body)
	kind, _, _ := mime.ParseMediaType(e.header.Get("Content-Type"))
	switch {
	case len(text) == 0:
		return nil, fault.Errorf(fault.Transient, "the body is empty")
	case json.Valid(text):
		return body, nil
	case strings.Contains(kind, "html"), text[0] == '<':
		return nil, fault.Errorf(fault.Transient, "the body is HTML or XML where JSON was expected (%d bytes)", len(e.body))
	}
	return nil, fault.Errorf(fault.Transient, "the body is not whole, valid JSON (%d bytes)", len(e.body))
}
