package apiclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
)

// longest makes every unstated wait as long as it may be.
func longest(o *Options) { o.Jitter = func(limit time.Duration) time.Duration { return limit } }

// shortest makes every unstated wait as short as it may be.
func shortest(o *Options) { o.Jitter = func(time.Duration) time.Duration { return 0 } }

func faultStatuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status, attempts int
		kind             fault.Kind
	}{
		{status: 200, attempts: 1},
		{status: 201, attempts: 1, kind: fault.Protocol},
		{status: 204, attempts: 1, kind: fault.Protocol},
		{status: 206, attempts: 1, kind: fault.Protocol},
		{status: 304, attempts: 1, kind: fault.Protocol},
		{status: 400, attempts: 1, kind: fault.Protocol},
		{status: 401, attempts: 1, kind: fault.Auth},
		{status: 402, attempts: 1, kind: fault.Protocol},
		{status: 403, attempts: 1, kind: fault.Auth},
		{status: 404, attempts: 1, kind: fault.Protocol},
		{status: 408, attempts: 4, kind: fault.Transient},
		{status: 410, attempts: 1, kind: fault.Protocol},
		{status: 413, attempts: 1, kind: fault.Protocol},
		{status: 414, attempts: 1, kind: fault.Protocol},
		{status: 418, attempts: 1, kind: fault.Protocol},
		{status: 425, attempts: 4, kind: fault.Transient},
		{status: 429, attempts: 4, kind: fault.RateLimited},
		{status: 500, attempts: 4, kind: fault.Transient},
		{status: 502, attempts: 4, kind: fault.Transient},
		{status: 503, attempts: 4, kind: fault.Transient},
		{status: 504, attempts: 4, kind: fault.Transient},
		{status: 599, attempts: 4, kind: fault.Transient},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := &sends{to: always(test.status, "{}")}
				_, err := client(t, sent).Do(t.Context(), orders(base))
				if fault.KindOf(err) != test.kind || len(sent.times) != test.attempts {
					t.Errorf("%d attempts, kind %v, error %v", len(sent.times), fault.KindOf(err), err)
				}
				if err == nil {
					return
				}
				if status, ok := errors.AsType[*StatusError](err); !ok || status.Status != test.status {
					t.Errorf("the status is not in the chain of %v", err)
				}
				mustContain(t, err, "orders page 1: GET shop.example/orders/list: "+fmt.Sprint(test.status))
			})
		})
	}
}

func TestAcceptedStatuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := orders(base)
		call.Accept = []int{204, 404}
		for _, status := range call.Accept {
			response, err := client(t, always(status, "")).Do(t.Context(), call)
			if err != nil || response.Status != status {
				t.Errorf("status %d: %+v, %v", status, response, err)
			}
		}
	})
}

func faultRetryDelays(t *testing.T) {
	t.Parallel()
	network := remote(func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET })
	s := time.Second
	for name, test := range map[string]struct {
		api    remote
		change func(*Options)
		want   []time.Duration
	}{
		"longest": {api: always(500, ""), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"network": {api: network, change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"empty":   {api: always(200, ""), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"limited": {api: always(429, ""), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"stated":  {api: always(429, "", "Retry-After", "5"), change: shortest, want: []time.Duration{5 * s, 5 * s, 5 * s}},
		"decimals": {api: always(429, "", "Retry-After", "2.5"), change: longest,
			want: []time.Duration{2500 * time.Millisecond, 2500 * time.Millisecond, 4 * s}},
		"stated by 503": {api: always(503, "", "Retry-After", "60"), change: shortest, want: []time.Duration{60 * s, 60 * s, 60 * s}},
		"not by 500":    {api: always(500, "", "Retry-After", "60"), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"negative":      {api: always(429, "", "Retry-After", "-5"), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"ten days":      {api: always(429, "", "Retry-After", "864000"), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"garbage":       {api: always(503, "", "Retry-After", "soon"), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
		"seven retries": {api: always(500, ""), change: func(o *Options) { longest(o); o.Retries = 8 },
			want: []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}},
		"no retries":     {api: always(500, ""), change: func(o *Options) { o.Retries = NoRetries }},
		"date":           {api: dateLimited(7 * s), change: shortest, want: []time.Duration{7 * s, 7 * s, 7 * s}},
		"date in a skew": {api: dateLimited(7*s, -9*time.Hour), change: shortest, want: []time.Duration{7 * s, 7 * s, 7 * s}},
		"date gone by":   {api: dateLimited(-7 * s), change: longest, want: []time.Duration{s, 2 * s, 4 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := &sends{to: test.api}
				c := client(t, sent, test.change)
				_, err := c.Do(t.Context(), orders(base))
				if err == nil {
					t.Fatal("no error")
				}
				got := sent.gaps()
				if len(got) != len(test.want) {
					t.Fatalf("gaps %v, want %v", got, test.want)
				}
				for i, gap := range got { // a slot of the pace (1 ms) may come on top, never off
					if gap < test.want[i] || gap > test.want[i]+2*time.Millisecond {
						t.Errorf("gaps %v, want %v", got, test.want)
					}
				}
				counted := c.Counters()
				if counted.Attempts != int64(len(got)+1) || counted.Retries != int64(len(got)) || counted.Calls != 1 {
					t.Errorf("counters %+v", counted)
				}
			})
		})
	}
}

// dateLimited answers 429 with a date after its own clock, which may be set wrong.
func dateLimited(after time.Duration, skew ...time.Duration) remote {
	return func(*http.Request) (*http.Response, error) {
		now := time.Now().UTC()
		for _, s := range skew {
			now = now.Add(s)
		}
		now = now.Truncate(time.Second)
		return answering(429, "", "Date", now.Format(http.TimeFormat), "Retry-After", now.Add(after).Format(http.TimeFormat)), nil
	}
}

func TestJitterIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sum, shortest, longest [3]time.Duration
		const rounds = 600
		for range rounds {
			sent := &sends{to: always(500, "")}
			client(t, sent).Do(t.Context(), orders(base)) //nolint:errcheck // it fails
			for i, gap := range sent.gaps() {
				sum[i] += gap
				longest[i] = max(longest[i], gap)
				if shortest[i] == 0 || gap < shortest[i] {
					shortest[i] = gap
				}
			}
		}
		for i := range sum {
			limit := waitLimit(i)
			mean := sum[i] / rounds
			if longest[i] > limit+2*time.Millisecond || longest[i] < limit*9/10 || shortest[i] > limit/10 ||
				mean < limit*4/10 || mean > limit*6/10 {
				t.Errorf("retry %d: waits from %v to %v, %v on average", i, shortest[i], longest[i], mean)
			}
		}
	})
}

func faultLongStatedWaitParks(t *testing.T) {
	t.Parallel()
	vendor := errors.New("app call limited")
	checked := orders(base)
	checked.Check = func(*Response) error { return fault.Limited(2*time.Minute, vendor) }
	for name, test := range map[string]struct {
		api  remote
		call Call
	}{
		"header": {api: always(429, "", "Retry-After", "120"), call: orders(base)},
		"503":    {api: always(503, "", "Retry-After", "120"), call: orders(base)},
		"vendor": {api: always(200, "{}"), call: checked},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := &sends{to: test.api}
				pace := &telling{Pace: Local()}
				share := func(o *Options) { o.Pace, o.Credential = pace, "k" }
				start := time.Now()
				_, err := client(t, sent, share).Do(t.Context(), test.call)
				if fault.KindOf(err) != fault.RateLimited || fault.RetryAfter(err) != 2*time.Minute {
					t.Errorf("error %v, retry after %v", err, fault.RetryAfter(err))
				}
				if time.Since(start) != 0 || len(sent.times) != 1 || !slices.Equal(pace.parks, []time.Duration{2 * time.Minute}) {
					t.Errorf("waited %v, %d calls, parks %v", time.Since(start), len(sent.times), pace.parks)
				}
				again := client(t, sent, share)
				again.pacer.hold(time.Minute + time.Second)
				if _, err := again.Do(t.Context(), orders(base)); fault.RetryAfter(err) != time.Minute+time.Second {
					t.Errorf("a call of a client that heard of the wait itself: %v", err)
				}
				// Another client of the credential makes no call; after a minute it waits the rest in place.
				other := client(t, always(200, "{}"), share)
				_, err = other.Do(t.Context(), orders(base))
				if fault.RetryAfter(err) != 2*time.Minute {
					t.Errorf("the other client: %v", err)
				}
				time.Sleep(time.Minute)
				ask(t, other)
				if waited := time.Since(start); waited < 2*time.Minute || waited > 2*time.Minute+time.Second {
					t.Errorf("the other client waited %v", waited)
				}
			})
		})
	}
}

func faultStatedWaitStopsAllCallsOfTheCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		limited := false
		sent := &sends{to: remote(func(*http.Request) (*http.Response, error) {
			if !limited {
				limited = true
				return answering(429, "", "Retry-After", "30"), nil
			}
			return answering(200, "{}"), nil
		})}
		pace := Local()
		share := func(o *Options) { o.Pace, o.Credential, o.PerSecond = pace, "k", 50 }
		clients := []*Client{client(t, sent, share), client(t, sent, share)}
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				if _, err := clients[i%2].Do(t.Context(), orders(base)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		callers.Wait()
		early := 0
		for _, at := range sent.times[1:] {
			if at.Sub(start) < 30*time.Second {
				early++
			}
		}
		if early > 1 { // a slot of the other client that was reserved before
			t.Errorf("%d calls within the stated wait", early)
		}
	})
}

func TestNonsenseWaitOfAVendorIsUnstated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := orders(base)
		call.Check = func(*Response) error { return fault.Limited(240*time.Hour, errors.New("try again in ten days")) }
		sent := &sends{to: always(200, "{}")}
		pace := &telling{Pace: Local()}
		_, err := client(t, sent, longest, func(o *Options) { o.Pace = pace }).Do(t.Context(), call)
		if len(sent.times) != 4 || len(pace.parks) != 0 || fault.RetryAfter(err) != 0 || fault.KindOf(err) != fault.RateLimited {
			t.Errorf("%d attempts, parks %v, retry after %v, error %v", len(sent.times), pace.parks, fault.RetryAfter(err), err)
		}
	})
}

func faultCheckDecidesByKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]int{
		fault.Transient: 4, fault.RateLimited: 4, fault.Auth: 1, fault.Protocol: 1, fault.Rejected: 1, fault.Internal: 1, fault.Config: 1,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vendor := errors.New("code 15")
				call := orders(base)
				call.Check = func(*Response) error { return fault.New(kind, vendor) }
				sent, pace := &sends{to: always(200, "{}")}, &telling{Pace: Local()}
				_, err := client(t, sent, func(o *Options) { o.Pace = pace }).Do(t.Context(), call)
				if len(sent.times) != want || fault.KindOf(err) != kind || !errors.Is(err, vendor) {
					t.Errorf("%d attempts, kind %v, %v", len(sent.times), fault.KindOf(err), err)
				}
				if refused := pace.refuses == 1; refused != (kind == fault.Auth) || pace.accepts != 0 {
					t.Errorf("%d times refused, %d accepted", pace.refuses, pace.accepts)
				}
			})
		})
	}
}

func TestUnclassifiedCheckIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := orders(base)
		call.Check = func(*Response) error { return errors.New("a bug") }
		sent := &sends{to: always(200, "{}")}
		_, err := client(t, sent).Do(t.Context(), call)
		if len(sent.times) != 1 || fault.KindOf(err) != fault.Internal {
			t.Errorf("%d attempts, kind %v", len(sent.times), fault.KindOf(err))
		}
	})
}

func TestBuildIsAskedForEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stamps []string
		c := client(t, remote(func(r *http.Request) (*http.Response, error) {
			stamps = append(stamps, r.Header.Get("Timestamp"))
			return answering(500, ""), nil
		}), longest)
		call := orders(base)
		call.Build = func(ctx context.Context) (*http.Request, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
			r.Header.Set("Timestamp", time.Now().Format("05"))
			return r, err
		}
		if _, err := c.Do(t.Context(), call); err == nil {
			t.Error("no error")
		}
		if want := []string{"00", "01", "03", "07"}; !slices.Equal(stamps, want) {
			t.Errorf("stamps %q, want %q", stamps, want)
		}
	})
}

func TestBuildFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, always(200, "{}"))
		call := orders(base)
		call.Build = func(ctx context.Context) (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, "https://shop.example/\x7f?key=CANARY", nil)
		}
		_, err := c.Do(t.Context(), call)
		mustContain(t, err, "orders page 1: building the request")
		if strings.Contains(err.Error(), "CANARY") || fault.KindOf(err) != fault.Internal {
			t.Errorf("kind %v, %v", fault.KindOf(err), err)
		}
		call.Build = func(context.Context) (*http.Request, error) {
			return nil, fault.New(fault.Config, errors.New("no session"))
		}
		if _, err = c.Do(t.Context(), call); fault.KindOf(err) != fault.Config {
			t.Errorf("kind %v, %v", fault.KindOf(err), err)
		}
	})
}

func faultNamedTimeouts(t *testing.T) {
	t.Parallel()
	drip := remote(func(r *http.Request) (*http.Response, error) {
		response := answering(200, "")
		response.ContentLength, response.Body = -1, slowly{ctx: r.Context(), every: time.Second}
		return response, nil
	})
	for name, test := range map[string]struct {
		api   remote
		text  string
		after time.Duration
	}{
		"headers": {api: hanging, text: "no response headers within 10s", after: 10 * time.Second},
		"body":    {api: drip, text: "no end of the body within 1m0s", after: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := client(t, test.api, func(o *Options) { o.Retries = NoRetries }).Do(t.Context(), orders(base))
				mustContain(t, err, "orders page 1: GET shop.example/orders/list: ", test.text)
				timeout, ok := errors.AsType[*TimeoutError](err)
				if !errors.Is(err, context.DeadlineExceeded) || fault.KindOf(err) != fault.Transient || !ok || timeout.After != test.after {
					t.Errorf("kind %v, %v", fault.KindOf(err), err)
				}
				if took := time.Since(start); took != test.after {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

func TestTimeoutsStartAnewWithEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := &sends{to: inOrder(hanging, hanging, always(200, "{}"))}
		ask(t, client(t, sent, shortest))
		if gaps := sent.gaps(); len(gaps) != 2 || gaps[0] < 10*time.Second || gaps[1] < 10*time.Second {
			t.Errorf("gaps %v", gaps)
		}
	})
}

func TestCancellationLeavesAtOnceAndKeepsTheLastFailure(t *testing.T) {
	t.Parallel()
	stop := errors.New("the daemon stops")
	for name, test := range map[string]struct {
		api   remote
		after time.Duration
		last  bool
	}{
		"before a retry":    {api: always(502, ""), after: 500 * time.Millisecond, last: true},
		"in a stated wait":  {api: always(429, "", "Retry-After", "30"), after: 10 * time.Second, last: true},
		"in the second try": {api: inOrder(always(502, ""), hanging), after: 5 * time.Second, last: true},
		"in the first try":  {api: hanging, after: 5 * time.Second},
		"while reading a body": {api: func(r *http.Request) (*http.Response, error) {
			response := answering(200, "")
			response.ContentLength, response.Body = -1, slowly{ctx: r.Context(), every: time.Hour}
			return response, nil
		}, after: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				start := time.Now()
				time.AfterFunc(test.after, func() { cancel(stop) })
				_, err := client(t, test.api, longest).Do(ctx, orders(base))
				if took := time.Since(start); took != test.after {
					t.Errorf("left after %v", took)
				}
				if !errors.Is(err, context.Canceled) || !errors.Is(err, stop) || fault.KindOf(err) != 0 {
					t.Errorf("kind %v, %v", fault.KindOf(err), err)
				}
				mustContain(t, err, "orders page 1: stopped: the daemon stops")
				status, ok := errors.AsType[*StatusError](err)
				if ok != test.last || ok && status.Status < 400 {
					t.Errorf("the last failure in %v: %v", err, status)
				}
			})
		})
	}
}

func TestCancellationWhileWaitingForThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := &sends{to: always(200, "{}")}
		c := client(t, sent, func(o *Options) { o.PerSecond = 0.01 })
		ask(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var callers sync.WaitGroup
		for range 3 { // one waits for its slot, two behind it
			callers.Go(func() {
				_, err := c.Do(ctx, orders(base))
				if !errors.Is(err, context.DeadlineExceeded) || fault.KindOf(err) != fault.Transient {
					t.Errorf("kind %v, %v", fault.KindOf(err), err)
				}
			})
		}
		start := time.Now()
		callers.Wait()
		if took := time.Since(start); took != 3*time.Second || len(sent.times) != 1 {
			t.Errorf("left after %v, %d calls", took, len(sent.times))
		}
		if waits := c.Counters(); waits.Waits != 3 || waits.Waited != 9*time.Second {
			t.Errorf("counters %+v", waits)
		}
	})
}

func TestEndedContextMakesNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := &sends{to: always(200, "{}")}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client(t, sent).Do(ctx, Call{Build: orders(base).Build})
		if err == nil || err.Error() != "call: stopped: context canceled" || fault.KindOf(err) != 0 || len(sent.times) != 0 {
			t.Errorf("%d calls, %v", len(sent.times), err)
		}
	})
}

func TestAcceptIsToldAgainWhenItFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := &telling{Pace: Local(), away: fault.Errorf(fault.Database, "connection lost")}
		c := client(t, always(200, "{}"), func(o *Options) { o.Pace = pace })
		ask(t, c) // a good answer stays one
		ask(t, c)
		pace.away = nil
		ask(t, c)
		ask(t, c)
		if pace.accepts != 3 {
			t.Errorf("told %d times", pace.accepts)
		}
	})
}

// An answer to a request that was sent before the refusal says nothing about the credential now.
func TestLateGoodAnswerDoesNotLiftARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := &telling{Pace: Local()}
		slow := remote(func(*http.Request) (*http.Response, error) {
			time.Sleep(5 * time.Second)
			return answering(200, "{}"), nil
		})
		c := client(t, inOrder(slow, always(401, "")), func(o *Options) { o.Pace = pace })
		var caller sync.WaitGroup
		caller.Go(func() { ask(t, c) })
		time.Sleep(time.Second)
		if _, err := c.Do(t.Context(), orders(base)); fault.KindOf(err) != fault.Auth {
			t.Error(err)
		}
		caller.Wait()
		if pace.accepts != 0 || pace.refuses != 1 {
			t.Errorf("%d times accepted, %d refused", pace.accepts, pace.refuses)
		}
	})
}

func TestPaceAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := &sends{to: always(200, "{}")}
		c := client(t, sent, func(o *Options) { o.Pace = away{Pace: Local()} })
		start := time.Now()
		_, err := c.Do(t.Context(), orders(base))
		mustContain(t, err, "orders page 1", "no call was made", "connection refused")
		if fault.KindOf(err) != fault.Database || time.Since(start) != 0 || len(sent.times) != 0 {
			t.Errorf("kind %v after %v, %d calls: %v", fault.KindOf(err), time.Since(start), len(sent.times), err)
		}
	})
}

type away struct{ Pace }

func (away) Reserve(context.Context, string, int, time.Duration, int, time.Duration) (time.Duration, error) {
	return 0, fault.Errorf(fault.Database, "connection refused")
}

func TestFailureToNoteARefusalIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := &telling{Pace: Local(), away: fault.Errorf(fault.Database, "connection lost")}
		_, err := client(t, always(401, ""), func(o *Options) { o.Pace = pace }).Do(t.Context(), orders(base))
		mustContain(t, err, "401 Unauthorized", "connection lost")
		if fault.KindOf(err) != fault.Auth || pace.refuses != 1 {
			t.Errorf("kind %v, %d refusals", fault.KindOf(err), pace.refuses)
		}
	})
}

// B11: attempts per first attempt while half of all requests fail, after the burst is spent.
func faultRetryBudget(t *testing.T) {
	t.Parallel()
	for _, failing := range []float64{0.5, 0.9, 1} {
		t.Run(fmt.Sprint(failing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, 2))
				attempts := 0
				c := client(t, remote(func(*http.Request) (*http.Response, error) {
					attempts++
					if random.Float64() < failing {
						return answering(502, ""), nil
					}
					return answering(200, "{}"), nil
				}), shortest)
				told := false
				for range 200 { // spends the burst
					_, err := c.Do(t.Context(), orders(base))
					told = told || err != nil && strings.Contains(err.Error(), "budget of retries is used up")
				}
				attempts = 0
				const calls = 3000
				for range calls {
					c.Do(t.Context(), orders(base)) //nolint:errcheck // half of them fail
				}
				if ratio := float64(attempts) / calls; ratio > 1.1 {
					t.Errorf("%.3f attempts per call", ratio)
				}
				if !told {
					t.Error("no error says that the budget is used up")
				}
			})
		})
	}
}

func TestBudgetIsRefilledByGoodAnswers(t *testing.T) {
	t.Parallel()
	b := budget{tenths: budgetBurst}
	for b.spend() {
	}
	for range 9 {
		b.earn()
	}
	if b.spend() {
		t.Error("nine good answers paid for a retry")
	}
	b.earn()
	if !b.spend() {
		t.Error("ten good answers did not pay for a retry")
	}
	for range 10_000 {
		b.earn()
	}
	spent := 0
	for b.spend() {
		spent++
	}
	if spent != 50 {
		t.Errorf("a full budget holds %d retries", spent)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		start := time.Now()
		say := func(text string) {
			told = append(told, fmt.Sprintf("%v %s", time.Since(start).Round(time.Millisecond), text))
		}
		ctx := WithTrace(t.Context(), &Trace{
			Wait: func(d time.Duration) { say("wait " + d.String()) },
			Sent: func() { say("sent") },
			Done: func() { say("done") },
		})
		slow := remote(func(*http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return answering(200, "{}"), nil
		})
		c := client(t, inOrder(always(503, "", "Retry-After", "5"), slow), func(o *Options) { o.PerSecond = 5 })
		for range 2 {
			if _, err := c.Do(ctx, orders(base)); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"0s sent", "0s done", "0s wait 5s", "5s sent", "5.1s done", "5.1s wait 102ms", "5.202s sent", "5.302s done"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		if got, want := c.Counters(), (Counters{Calls: 2, Attempts: 3, Retries: 1, Waits: 2, Waited: 5102 * time.Millisecond, Bytes: 4}); got != want {
			t.Errorf("counters %+v, want %+v", got, want)
		}
		if _, err := c.Do(WithTrace(t.Context(), &Trace{}), orders(base)); err != nil {
			t.Error(err)
		}
		if got := c.Counters().Since(Counters{Calls: 2, Attempts: 3, Retries: 1}); got.Calls != 1 || got.Attempts != 1 || got.Retries != 0 {
			t.Errorf("the third call: %+v", got)
		}
	})
}

func faultBadJSON(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		api  remote
		text string
	}{
		"whole":             {api: always(200, ` {"orders": []} `, "Content-Type", "text/html; charset=utf-8")},
		"byte order mark":   {api: always(200, "\ufeff[]")},
		"empty":             {api: always(200, ""), text: "the body is empty"},
		"blank":             {api: always(200, " \r\n"), text: "the body is empty"},
		"page":              {api: always(200, "<!doctype html><p>CANARY"), text: "HTML or XML where JSON was expected (24 bytes)"},
		"page without mark": {api: always(200, "CANARY maintenance", "Content-Type", "text/html"), text: "HTML or XML where JSON was expected"},
		"cut":               {api: always(200, `{"orders": [{"id": "CANARY`), text: "not whole, valid JSON"},
		"two":               {api: always(200, `{}{}`), text: "not whole, valid JSON"},
		"plain":             {api: always(200, `CANARY`), text: "not whole, valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := &sends{to: test.api}
				response, err := client(t, sent).Do(t.Context(), orders(base))
				if test.text == "" {
					if err != nil || strings.HasPrefix(string(response.Body), "\ufeff") {
						t.Errorf("%v, %v", response, err)
					}
					return
				}
				mustContain(t, err, test.text)
				if fault.KindOf(err) != fault.Transient || len(sent.times) != 4 || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%d attempts, kind %v, %v", len(sent.times), fault.KindOf(err), err)
				}
				call := orders(base)
				call.JSON = false
				if _, err := client(t, test.api).Do(t.Context(), call); err != nil {
					t.Errorf("where no JSON was expected: %v", err)
				}
			})
		})
	}
}

func TestShortBodyOfATransportThatDoesNotCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := client(t, remote(func(*http.Request) (*http.Response, error) {
			response := answering(200, `{}`)
			response.ContentLength = 99
			return response, nil
		})).Do(t.Context(), orders(base))
		mustContain(t, err, "the body was cut short")
	})
}

func TestHeadersLeftToUs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got http.Header
		c := client(t, remote(func(r *http.Request) (*http.Response, error) {
			got = r.Header
			return answering(200, "{}", "Set-Cookie", "session=1"), nil
		}), func(o *Options) { o.UserAgent = "ordersync/1" })
		ask(t, c)
		ask(t, c)
		if got.Get("User-Agent") != "ordersync/1" || got.Get("Accept") != "application/json" || got.Get("Cookie") != "" {
			t.Errorf("headers %v", got)
		}
		call := orders(base)
		built := http.Header{"User-Agent": {"mine"}, "Accept": {"text/plain"}}
		call.Build = func(ctx context.Context) (*http.Request, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
			r.Header = built
			return r, err
		}
		if _, err := c.Do(t.Context(), call); err != nil || got.Get("User-Agent") != "mine" || got.Get("Accept") != "text/plain" {
			t.Errorf("headers %v, %v", got, err)
		}
		if len(built) != 2 {
			t.Errorf("the caller's headers were changed: %v", built)
		}
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Options)
		text   string
	}{
		"no address":  {change: func(o *Options) { o.BaseURL = "" }, text: "is not an address"},
		"no host":     {change: func(o *Options) { o.BaseURL = "https:///orders" }, text: "is not an address"},
		"malformed":   {change: func(o *Options) { o.BaseURL = "https://a b/CANARY" }, text: "is not an address"},
		"http":        {change: func(o *Options) { o.BaseURL = "http://shop.example" }, text: "must begin with https://"},
		"looks local": {change: func(o *Options) { o.BaseURL = "http://127.0.0.1.shop.example" }, text: "must begin with https://"},
		"ftp":         {change: func(o *Options) { o.BaseURL = "ftp://shop.example" }, text: "must begin with https://"},
		"password":    {change: func(o *Options) { o.BaseURL = "https://me:CANARY@shop.example" }, text: "holds a user or password"},
		"no rate":     {change: func(o *Options) { o.PerSecond = 0 }, text: "above zero"},
		"tokens": {change: func(o *Options) { o.Authorize = OAuth2(OAuth2Options{TokenURL: "http://shop.example/token"}) },
			text: "address for tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Source: "shop", BaseURL: base, PerSecond: 1}
			test.change(&o)
			_, err := New(o)
			mustContain(t, err, test.text)
			if fault.KindOf(err) != fault.Config || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("kind %v, %v", fault.KindOf(err), err)
			}
		})
	}
	for _, address := range []string{"http://127.0.0.1:80", "http://[::1]:8080/v1", "http://localhost", "http://api.localhost"} {
		if _, err := New(Options{Source: "shop", BaseURL: address, PerSecond: 1}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := New(Options{Source: "shop", BaseURL: "http://shop.example", PerSecond: 1, AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

// hearing is a pace that, as a database does, takes nothing in under a context that has ended.
type hearing struct {
	Pace
	parked time.Duration
}

func (h *hearing) Park(ctx context.Context, credential string, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.parked = wait
	return h.Pace.Park(ctx, credential, wait)
}

// TestAStatedWaitIsKeptThoughTheCallEnds: the first of several calls that hears of a pause ends the others, and one of these may have
// been told of it.
func TestAStatedWaitIsKeptThoughTheCallEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		call := orders(base)
		call.Check = func(*Response) error {
			cancel()
			return fault.Limited(10*time.Minute, errors.New("banned"))
		}
		pace := &hearing{Pace: Local()}
		if _, err := client(t, always(200, "{}"), func(o *Options) { o.Pace = pace }).Do(ctx, call); err == nil || pace.parked != 10*time.Minute {
			t.Errorf("parked for %v, error %v", pace.parked, err)
		}
	})
}
