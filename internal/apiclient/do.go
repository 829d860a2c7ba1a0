package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"ordersync/internal/fault"
)

// mostRedirects is how many redirects within the host one attempt follows.
const mostRedirects = 3

// Call is one question to the remote.
type Call struct {
	// Name says what is asked, for errors: "orders page 3 of 2026-11-01..2026-11-02". It holds no secret.
	Name string
	// Build makes the request, anew for each attempt: with fresh timestamp and signature, after the pace has been paid.
	Build func(ctx context.Context) (*http.Request, error)
	// JSON demands that a 2xx answer with a body be valid JSON: HTML, an empty or a cut body is a Transient failure.
	JSON bool
	// Check judges what an answer carries (a vendor's error code inside a 200). The kind of its failure decides: Transient and
	// RateLimited are retried, with fault.RetryAfter as the remote's stated wait; Auth refuses the credential; others are final.
	Check func(*Response) error
	// Accept lists further statuses that are answers and not failures (204; 404 for one order).
	Accept []int
}

// Response is the answer to a call, read whole.
type Response struct {
	Status int
	Header http.Header
	// Body is decompressed; with Call.JSON it has no byte order mark.
	Body []byte
	// SentAt is the remote's clock when the request was sent that brought this answer. ClockKnown is false when the remote
	// never told its time; SentAt is then ours.
	SentAt     time.Time
	ClockKnown bool
}

// Do asks call, within the pace, until it is answered, fails for good, or the retries or their budget are used up.
//
// What a failure's kind means here: Transient and RateLimited outlived their retries (RateLimited with a fault.RetryAfter beyond
// 60 s: the credential is parked for so long); Auth: the credential is refused; Protocol: repeating does not help, a
// *[StatusError] in the chain tells a status, [ErrElsewhere], [ErrUntrusted] and [ErrBodyTooLarge] a reason; Database: the
// pace could not be asked. When ctx ends Do returns at once, with its cause and with what had failed before.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) {
	c.stats.calls.Add(1)
	d := &doing{
		client: c,
		call:   call,
		policy: &policy{retries: c.o.Retries, budget: &c.budget, jitter: c.o.Jitter, stats: c.stats},
	}
	// WithContext has to be outermost, else cancellation is noticed only after the wait.
	response, err := backoff.RetryNotifyWithData(
		func() (*Response, error) { return d.try(ctx) },
		backoff.WithContext(d.policy, ctx),
		func(err error, wait time.Duration) { d.waits(ctx, err, wait) })
	d.waited()
	switch {
	case err == nil:
		c.accepted(ctx, d.sent)
		return response, nil
	case d.final:
		return nil, d.last
	case ctx.Err() != nil:
		return nil, stopped(ctx, d.name(), d.last)
	case d.policy.spent:
		return nil, fmt.Errorf("%w; the budget of retries is used up", d.last)
	}
	return nil, d.last
}

// doing is one call being made.
type doing struct {
	client *Client
	call   Call
	policy *policy

	place    string // method, host and path of the request, once it was built
	attempts int
	waiting  time.Time // since when a retry is waited for
	renewed  bool      // the credential was renewed once
	sent     time.Time // when the last answered request was sent, by our clock
	last     error     // the last real failure, as it would be returned
	final    bool      // it is not worth a retry
}

// try makes one attempt and keeps its failure, which backoff drops when ctx ends.
func (d *doing) try(ctx context.Context) (*Response, error) {
	d.waited()
	d.attempts++
	response, err := d.attempt(ctx)
	if err == nil {
		return response, nil
	}
	if errors.Is(err, errEnded) {
		return nil, err // not a failure of the call: the one before stays the last
	}
	retry, hint := d.retryable(err)
	d.final = !retry
	d.last = d.describe(err)
	if d.final {
		return nil, backoff.Permanent(d.last)
	}
	d.policy.hint = hint
	return nil, d.last
}

// waits is told that a retry waits. A remote that asked for a pause without saying how long is left alone by all calls for
// as long as this one waits.
func (d *doing) waits(ctx context.Context, err error, wait time.Duration) {
	d.waiting = time.Now()
	traceOf(ctx).wait(wait)
	if errors.Is(err, fault.RateLimited) {
		d.client.pacer.hold(wait)
	}
}

// waited counts a wait for a retry that has ended.
func (d *doing) waited() {
	if !d.waiting.IsZero() {
		d.client.stats.wait(time.Since(d.waiting))
		d.waiting = time.Time{}
	}
}

// retryable decides by the kind alone, and says how long the remote wants to be left alone.
func (d *doing) retryable(err error) (retry bool, hint time.Duration) {
	if _, ok := errors.AsType[*paceError](err); ok {
		return false, 0
	}
	hint = sensible(fault.RetryAfter(err))
	switch fault.KindOf(err) {
	case fault.Transient, fault.RateLimited:
		return hint <= longestInPlace, hint
	}
	return false, 0
}

func (d *doing) name() string {
	if d.call.Name == "" {
		return "call"
	}
	return d.call.Name
}

// describe says which call failed, where, and how often it was tried. It keeps the kind.
func (d *doing) describe(err error) error {
	text := d.name()
	if d.place != "" {
		text += ": " + d.place
	}
	switch {
	case d.attempts == 1:
		return fmt.Errorf("%s: %w", text, err)
	default:
		return fmt.Errorf("%s: %w (attempt %d of %d)", text, err, d.attempts, d.policy.retries+1)
	}
}

// attempt asks once; a redirect within the host and a renewed token ask again at once, each paying the pace.
func (d *doing) attempt(ctx context.Context) (*Response, error) {
	var request *http.Request
	for redirects := 0; ; {
		sent, answer, generation, err := d.send(ctx, request)
		if err != nil {
			return nil, err
		}
		switch {
		case d.answers(answer.status):
			return d.judge(ctx, answer)
		case redirected(answer.status) && redirects < mostRedirects:
			redirects++
			if request, err = d.client.redirect(sent, answer); err != nil {
				return nil, err
			}
		case answer.status == http.StatusUnauthorized && d.renews(generation):
			request = nil
		default:
			return nil, d.client.settle(ctx, d.client.statusFailure(answer))
		}
	}
}

// renews reports whether a refused token can be replaced: once per call.
func (d *doing) renews(generation int) bool {
	if d.renewed || d.client.o.Authorize == nil || !d.client.o.Authorize.stale(generation) {
		return false
	}
	d.renewed = true
	return true
}

// send pays the pace, builds the request (or takes the one given, a redirect's), signs it and sends it.
func (d *doing) send(ctx context.Context, request *http.Request) (sent *http.Request, answer *exchange, generation int, err error) {
	c := d.client
	if c.o.Authorize != nil {
		if err := c.o.Authorize.ready(ctx, c); err != nil {
			return nil, nil, 0, err
		}
	}
	trip, err := c.pay(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	defer trip.end(false)
	if request == nil {
		if request, err = d.call.Build(ctx); err != nil {
			return nil, nil, 0, unbuilt(ctx, err)
		}
		if request.URL != nil {
			d.place = request.Method + " " + request.URL.Host + request.URL.EscapedPath()
		}
	}
	if err := c.checkTarget(request); err != nil {
		return nil, nil, 0, err
	}
	signed := request.Clone(ctx)
	if c.o.Authorize != nil {
		if generation, err = c.o.Authorize.sign(signed); err != nil {
			return nil, nil, 0, err
		}
	}
	if d.call.JSON && signed.Header.Get("Accept") == "" {
		signed.Header.Set("Accept", "application/json")
	}
	answer, err = c.exchange(ctx, trip, signed, d.answers)
	return request, answer, generation, err
}

// unbuilt is a failure of Build. A url.Error quotes the query.
func unbuilt(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errEnded
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		err = fault.Errorf(fault.Internal, "the address is malformed")
	}
	return fmt.Errorf("building the request: %w", err)
}

// pay waits for a slot. Whoever has the trip that begins with it ends it.
func (c *Client) pay(ctx context.Context) (*trip, error) {
	trip, err := c.pacer.take(ctx)
	switch {
	case err == nil:
		return trip, nil
	case ctx.Err() != nil:
		return nil, errEnded
	case errors.Is(err, fault.Auth):
		c.approval.refused()
	}
	return nil, &paceError{err: fmt.Errorf("no call was made: %w", err)}
}

// answers reports whether a status is an answer to this call.
func (d *doing) answers(status int) bool {
	return status == http.StatusOK || slices.Contains(d.call.Accept, status)
}

// judge looks into an answer.
func (d *doing) judge(ctx context.Context, e *exchange) (*Response, error) {
	c := d.client
	d.sent = e.sent
	if d.call.JSON && e.status < 300 && e.status != http.StatusNoContent && e.status != http.StatusResetContent {
		body, err := checkJSON(e)
		if err != nil {
			return nil, err
		}
		e.body = body
	}
	response := &Response{Status: e.status, Header: e.header, Body: e.body}
	response.SentAt, response.ClockKnown = c.clock.use(e.sent)
	if d.call.Check != nil {
		if err := d.call.Check(response); err != nil {
			return nil, c.settle(ctx, err)
		}
	}
	return response, nil
}
