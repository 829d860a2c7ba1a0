package apiclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
)

// ledger notes when requests of several clients went out.
type ledger struct {
	mu    sync.Mutex
	times []time.Time
}

func (l *ledger) RoundTrip(*http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, time.Now())
	return answering(200, "{}"), nil
}

// most is the largest number of calls in any half-open second.
func (l *ledger) most() int {
	slices.SortFunc(l.times, time.Time.Compare)
	most, first := 0, 0
	for i, at := range l.times {
		for at.Sub(l.times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// saturate keeps every client busy with callers goroutines for as long as it is told.
func saturate(t *testing.T, callers int, length time.Duration, clients ...*Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var callersDone sync.WaitGroup
	for _, c := range clients {
		for range callers {
			callersDone.Go(func() {
				for {
					if _, err := c.Do(ctx, orders(base)); err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
				}
			})
		}
	}
	callersDone.Wait()
}

func TestRateIsNeverExceededAndUsed(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.5, 1, 5, 50, 500} {
		for clients := 1; clients <= 2; clients++ {
			t.Run(fmt.Sprintf("%v per second, %d clients", rate, clients), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var sent ledger
					pace, length := Local(), 30*time.Second
					if rate < 5 {
						length = 10 * time.Minute
					}
					var all []*Client
					for range clients {
						all = append(all, client(t, &sent, func(o *Options) { o.PerSecond, o.Pace, o.Credential = rate, pace, "k" }))
					}
					saturate(t, 3, length, all...)
					if most := sent.most(); float64(most) > max(rate, 1) {
						t.Errorf("%d calls in one second", most)
					}
					if used := float64(len(sent.times)) / (rate * length.Seconds()); used < 0.98 || used > 1.01 {
						t.Errorf("%d calls: %.4f of the rate used", len(sent.times), used)
					}
				})
			})
		}
	}
}

// distant is a pace that needs a while to be reached and to answer.
type distant struct {
	Pace
	way func() time.Duration
}

func (d distant) Reserve(
	ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (time.Duration, error) {
	time.Sleep(d.way())
	wait, err := d.Pace.Reserve(ctx, credential, calls, spacing, daily, zone)
	time.Sleep(d.way())
	return wait, err
}

func TestRateHoldsWithAPaceThatAnswersLate(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{5, 50, 500} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent ledger
				pace := distant{Pace: Local(), way: func() time.Duration { return rand.N(4 * time.Millisecond) }}
				var all []*Client
				for range 2 {
					all = append(all, client(t, &sent, func(o *Options) { o.PerSecond, o.Pace, o.Credential = rate, pace, "k" }))
				}
				saturate(t, 2, 30*time.Second, all...)
				if most := sent.most(); float64(most) > rate {
					t.Errorf("%d calls in one second", most)
				}
				if used := float64(len(sent.times)) / (rate * 30); used < 0.95 {
					t.Errorf("%.4f of the rate used", used)
				}
			})
		})
	}
}

// A pace that mostly answers at once and now and then very late, as a database whose disk is busy, breaks no rate: neither of the
// client that waited nor of another one that did not. One that is always slow still lets calls through.
func TestRateHoldsWithAPaceThatStalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every int
		stall time.Duration
		used  float64
	}{
		{10, 15 * time.Millisecond, 0.8}, {10, 120 * time.Millisecond, 0.7}, {10, 1500 * time.Millisecond, 0.4},
		{1, 30 * time.Millisecond, 0.75}, {1, 600 * time.Millisecond, 0.2},
	} {
		for _, rate := range []float64{1, 5, 50, 500} {
			for clients := 1; clients <= 2; clients++ {
				t.Run(fmt.Sprintf("%v one time in %d, %v per second, %d clients", c.stall, c.every, rate, clients), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var sent ledger
						pace := distant{Pace: Local(), way: func() time.Duration {
							if rand.IntN(c.every) == 0 {
								return rand.N(c.stall)
							}
							return rand.N(time.Millisecond)
						}}
						var all []*Client
						for range clients {
							all = append(all, client(t, &sent, func(o *Options) { o.PerSecond, o.Pace, o.Credential = rate, pace, "k" }))
						}
						length := min(time.Minute, time.Duration(10_000/rate)*time.Second)
						saturate(t, 2, length, all...)
						if most := sent.most(); float64(most) > rate {
							t.Errorf("%d calls in one second", most)
						}
						if used := float64(len(sent.times)) / (rate * length.Seconds()); used < c.used {
							t.Errorf("%.4f of the rate used", used)
						}
					})
				})
			}
		}
	}
}

// dialing needs a while to connect, now and then, after which the request goes out.
type dialing struct {
	ledger
	way func() time.Duration
}

func (d *dialing) RoundTrip(request *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(request.Context())
	trace.GetConn("")
	time.Sleep(d.way())
	trace.GotConn(httptrace.GotConnInfo{})
	return d.ledger.RoundTrip(request)
}

// What counts is when a request comes to the wire, also where connections take longer than slots are apart: now and then, or each
// time because the remote keeps none open.
func TestRateHoldsWhileConnecting(t *testing.T) {
	t.Parallel()
	for _, every := range []int{1, 10} {
		for _, rate := range []float64{1, 5, 50, 500} {
			for callers := 1; callers <= 5; callers += 2 {
				t.Run(fmt.Sprintf("one time in %d, %v per second, %d callers", every, rate, callers), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						sent := dialing{way: func() time.Duration {
							if rand.IntN(every) == 0 {
								return rand.N(300 * time.Millisecond)
							}
							return rand.N(time.Millisecond)
						}}
						saturate(t, callers, 30*time.Second, client(t, &sent, func(o *Options) { o.PerSecond = rate }))
						if most := sent.most(); float64(most) > rate {
							t.Errorf("%d calls in one second", most)
						}
						if used := float64(len(sent.times)) / (rate * 30); used < 0.6 && rate <= 5 {
							t.Errorf("%.4f of the rate used", used)
						}
					})
				})
			}
		}
	}
}

func TestSlotsGoOutInTheOrderOfAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []int
		c := client(t, remote(func(r *http.Request) (*http.Response, error) {
			got = append(got, int(r.ContentLength))
			return answering(200, "{}"), nil
		}), func(o *Options) { o.PerSecond = 5 })
		var want []int
		var callers sync.WaitGroup
		for i := range 20 {
			want = append(want, i)
			callers.Go(func() {
				call := orders(base)
				call.Build = func(ctx context.Context) (*http.Request, error) {
					r, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
					r.ContentLength = int64(i)
					return r, err
				}
				if _, err := c.Do(t.Context(), call); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		callers.Wait()
		if !slices.Equal(got, want) {
			t.Errorf("sent in the order %v", got)
		}
	})
}

func TestSlowCallerIsNotHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent ledger
		c := client(t, &sent, func(o *Options) { o.PerSecond = 5 })
		for range 50 {
			before := time.Now()
			ask(t, c)
			if waited := time.Since(before); waited != 0 {
				t.Fatalf("a caller slower than the rate waited %v", waited)
			}
			time.Sleep(333 * time.Millisecond)
		}
		if c.Counters().Waits != 0 {
			t.Errorf("%d waits were counted", c.Counters().Waits)
		}
	})
}

func TestSlowCallerBesideABusyOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent ledger
		pace := Local()
		shared := func(o *Options) { o.PerSecond, o.Pace, o.Credential = 50, pace, "k" }
		busy, slow := client(t, &sent, shared), client(t, &sent, shared)
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			for ctx.Err() == nil {
				busy.Do(ctx, orders(base)) //nolint:errcheck // ended by the test
			}
		})
		for range 30 {
			before := time.Now()
			ask(t, slow)
			if waited := time.Since(before); waited > 1100*time.Millisecond {
				t.Errorf("waited %v for one slot", waited)
			}
			time.Sleep(700 * time.Millisecond)
		}
		cancel()
		callers.Wait()
		if most := sent.most(); most > 50 {
			t.Errorf("%d calls in one second", most)
		}
	})
}

func TestRateHoldsAcrossRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent ledger
		pace := Local()
		for range 40 {
			c := client(t, &sent, func(o *Options) { o.PerSecond, o.Pace, o.Credential = 5, pace, "k" })
			for range 1 + rand.IntN(4) {
				ask(t, c)
			}
		}
		if most := sent.most(); most > 5 {
			t.Errorf("%d calls in one second", most)
		}
	})
}

// A machine that wakes us late must neither break the rate nor starve the call.
func TestLateWaking(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{3 * time.Millisecond, 15 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pacer{pace: Local(), perSecond: 50, stats: new(stats)}
				var sent ledger
				for range 200 {
					for slept := 0; ; slept++ {
						wait, err := p.step(t.Context(), slept)
						if err != nil {
							t.Fatal(err)
						}
						if wait == 0 {
							break
						}
						if slept == 12 {
							t.Fatal("no slot after 12 waits")
						}
						time.Sleep(wait + rand.N(late))
					}
					sent.times = append(sent.times, time.Now())
				}
				if most := sent.most(); most > 50 {
					t.Errorf("%d calls in one second", most)
				}
			})
		})
	}
}

func faultDailyQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // starts at midnight UTC
		var sent ledger
		c := client(t, &sent, func(o *Options) { o.PerSecond, o.PerDay, o.Zone = 50, 70, 8*time.Hour })
		for range 70 {
			ask(t, c)
		}
		_, err := c.Do(t.Context(), orders(base))
		mustContain(t, err, "orders page 1", "no call was made", "calls of the day are used up")
		wait := fault.RetryAfter(err)
		if fault.KindOf(err) != fault.RateLimited || wait > 16*time.Hour || wait < 16*time.Hour-time.Minute {
			t.Fatalf("kind %v, wait %v: want the time to midnight eight hours east of UTC", fault.KindOf(err), wait)
		}
		time.Sleep(wait)
		ask(t, c)
		if len(sent.times) != 71 {
			t.Errorf("%d calls", len(sent.times))
		}
	})
}

func faultRefusedCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace, good := Local(), false
		sent := &sends{to: remote(func(*http.Request) (*http.Response, error) {
			if good {
				return answering(200, "{}"), nil
			}
			return answering(401, ""), nil
		})}
		c := client(t, sent, func(o *Options) { o.Pace, o.Credential = pace, "k" })
		refused := func(calls int) {
			t.Helper()
			_, err := c.Do(t.Context(), orders(base))
			if fault.KindOf(err) != fault.Auth || len(sent.times) != calls {
				t.Fatalf("%d calls, error %v", len(sent.times), err)
			}
		}
		refused(1)
		refused(1) // no call
		time.Sleep(probeEvery)
		refused(2) // the probe
		refused(2)
		good = true
		refused(2)
		time.Sleep(probeEvery)
		ask(t, c)
		ask(t, c) // accepted again
		if _, err := pace.Reserve(t.Context(), "k", 1, time.Second, 0, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestAcceptIsToldSparingly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := &telling{Pace: Local()}
		c := client(t, always(200, "{}"), func(o *Options) { o.Pace = pace })
		for range 120 {
			ask(t, c)
			time.Sleep(time.Minute)
		}
		if pace.accepts != 4 {
			t.Errorf("told %d times in two hours", pace.accepts)
		}
	})
}

// telling counts what the pace is told, and can be away.
type telling struct {
	Pace
	accepts, refuses int
	parks            []time.Duration
	away             error
}

func (p *telling) Accept(ctx context.Context, credential string) error {
	p.accepts++
	return errors.Join(p.away, p.Pace.Accept(ctx, credential))
}

func (p *telling) Refuse(ctx context.Context, credential string) error {
	p.refuses++
	return errors.Join(p.away, p.Pace.Refuse(ctx, credential))
}

func (p *telling) Park(ctx context.Context, credential string, wait time.Duration) error {
	p.parks = append(p.parks, wait)
	return errors.Join(p.away, p.Pace.Park(ctx, credential, wait))
}

func TestLocalPark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := Local()
		for _, wait := range []time.Duration{time.Hour, time.Minute} { // the second must not shorten the first
			if err := pace.Park(t.Context(), "k", wait); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pace.Reserve(t.Context(), "other", 1, time.Second, 0, 0); err != nil {
			t.Errorf("another credential: %v", err)
		}
		_, err := pace.Reserve(t.Context(), "k", 1, time.Second, 0, 0)
		if fault.KindOf(err) != fault.RateLimited || fault.RetryAfter(err) != time.Hour {
			t.Errorf("%v, retry after %v", err, fault.RetryAfter(err))
		}
		time.Sleep(time.Hour)
		if wait, err := pace.Reserve(t.Context(), "k", 3, time.Second, 0, 0); err != nil || wait != 0 {
			t.Errorf("wait %v, %v", wait, err)
		}
		if wait, err := pace.Reserve(t.Context(), "k", 1, time.Second, 0, 0); err != nil || wait != 3*time.Second {
			t.Errorf("wait %v, %v", wait, err)
		}
	})
}

func TestLineIsLeftByThoseWhoGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l line
		if err := l.join(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		cause := errors.New("no longer needed")
		ctx, cancel := context.WithCancelCause(t.Context())
		var got []string
		var callers sync.WaitGroup
		wait := func(ctx context.Context, name string) {
			callers.Go(func() {
				if err := l.join(ctx, func(int) {}); err != nil {
					name += ": " + err.Error()
				} else {
					defer l.leave()
				}
				got = append(got, name)
			})
			synctest.Wait()
		}
		wait(ctx, "first")
		wait(t.Context(), "second")
		cancel(cause)
		synctest.Wait()
		l.leave()
		callers.Wait()
		if want := []string{"first: no longer needed", "second"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// A request that is long in the making, as where a new token is waited for, holds its slot all the while: those that waited with it must
// not go out together on top of those before and after.
func TestRateHoldsWhileRequestsAreMade(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{1, 5, 50} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := dialing{way: func() time.Duration { return rand.N(time.Millisecond) }}
				c := client(t, &sent, func(o *Options) { o.PerSecond = rate })
				begun := time.Now()
				call := orders(base)
				build := call.Build
				call.Build = func(ctx context.Context) (*http.Request, error) {
					if d := time.Since(begun) % (10 * time.Second); d < 3*time.Second { // all that ask now wait for the same moment
						time.Sleep(3*time.Second - d)
					}
					return build(ctx)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				var callers sync.WaitGroup
				for range 4 * int(rate) {
					callers.Go(func() {
						for ctx.Err() == nil {
							if _, err := c.Do(ctx, call); err != nil && ctx.Err() == nil {
								t.Error(err)
							}
						}
					})
				}
				callers.Wait()
				if most := sent.most(); float64(most) > rate {
					t.Errorf("%d calls in one second", most)
				}
			})
		})
	}
}
