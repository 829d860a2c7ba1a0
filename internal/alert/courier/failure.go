package courier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"ordersync/internal/fault"
)

// classify gives a transport's failure its kind and a text of ours: those of net and net/http quote addresses and answers.
func classify(err error) error {
	if text := untrusted(err); text != "" {
		return fault.Errorf(fault.Config, "it cannot be trusted: %s", text)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return fault.Errorf(fault.Transient, "the host name is not known to the resolver")
		}
		return fault.Errorf(fault.Transient, "the host name could not be resolved")
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return fault.Errorf(fault.Transient, "the connection failed: %w", number)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fault.Errorf(fault.Transient, "no connection in time")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Errorf(fault.Transient, "the connection was closed without an answer")
	}
	return fault.Errorf(fault.Transient, "the connection failed")
}

// untrusted words a failure of TLS that no repetition cures; empty for another failure.
func untrusted(err error) string {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "its certificate has expired, or this machine's clock is wrong"
		}
		return "its certificate is not valid for a server"
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
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "no TLS handshake: TLS 1.2 or newer is needed"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS on this port"
	}
	return ""
}

// Failure judges an answer by its status alone: nil for 2xx. Said is what the answer says for itself, if anything, made safe with
// [Quote]. A redirect is a failure: it is not followed.
func (a *Answer) Failure(said string) error {
	status := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if said != "" {
		status += ": " + said
	}
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status >= 300 && a.Status < 400:
		return fault.Errorf(fault.Config, "%s: it leads elsewhere, which is not followed; write the final address", status)
	case a.Status == http.StatusTooManyRequests, a.Status >= 500, a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly:
		return Transient(a.Wait(), "%s", status)
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden, a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		return fault.Errorf(fault.Config, "%s", status)
	}
	return fault.Errorf(fault.Rejected, "%s", status)
}

// longestWait is the longest pause that is believed.
const longestWait = 24 * time.Hour

// Wait is the pause that the header Retry-After asks for, in seconds or as a date; zero: none that makes sense.
func (a *Answer) Wait() time.Duration {
	value := strings.TrimSpace(a.Header.Get("Retry-After"))
	if wait := Seconds(value); wait > 0 {
		return wait
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now := a.At
	if theirs, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		now = theirs
	}
	return sensible(date.Sub(now))
}

// Seconds reads a pause of whole seconds or of seconds with a fraction; zero: none that makes sense.
func Seconds(text string) time.Duration {
	wait, err := time.ParseDuration(strings.TrimSpace(text) + "s")
	if err != nil {
		return 0
	}
	return sensible(wait)
}

func sensible(wait time.Duration) time.Duration {
	if wait <= 0 || wait > longestWait {
		return 0
	}
	return wait
}

// longestQuote is how much of somebody else's words is quoted, in characters.
const longestQuote = 200

// shortestSecret is how long a part of an address must be to be taken for a secret.
const shortestSecret = 6

// Quote makes somebody else's words safe to quote: one line, not long, and without what is secret: the given texts, and of addresses
// among them the parts.
func Quote(text string, secrets ...string) string {
	for _, secret := range secrets {
		for _, part := range append([]string{secret}, parts(secret)...) {
			if len(part) >= shortestSecret {
				text = strings.ReplaceAll(text, part, "***")
			}
		}
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r >= 0x80 && r <= 0xa0 || r == '\u2028' || r == '\u2029'
	}), " ")
	if runes := []rune(text); len(runes) > longestQuote {
		text = string(runes[:longestQuote]) + "…"
	}
	return text
}

// parts are what may be secret in an address: the pieces of its path and the values of its query, as written and as meant.
func parts(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil
	}
	found := append(strings.Split(u.EscapedPath(), "/"), strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		found = append(found, values...)
		for _, value := range values {
			found = append(found, url.QueryEscape(value))
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		found = append(found, u.User.Username(), password)
	}
	return append(found, u.EscapedPath(), u.RawQuery)
}
