package gateway_test

import (
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

// closed is a platform that refuses all sessions but these.
func closed(t *testing.T, good ...string) *platform {
	p := &platform{t: t}
	p.script = func(_ int, form url.Values) reply {
		for _, session := range good {
			if form.Get("session") == session {
				return reply{body: empty}
			}
		}
		return refusal(27, "invalid-sessionkey", "SessionKey "+form.Get("session")+" is not valid")
	}
	return p
}

// A refused session stops its shop and no other one of the app: not a call is made with it but a probe an hour, also not after a
// restart, and a new session is used at once.
func TestRefusedSessionStopsItsShopAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, shared := closed(t, "the good session of another shop", "the new session of the shop"), newPace()
		s, other := open(t, p, "", shared), open(t, p, "", shared)
		other.renew("the good session of another shop")
		with := func(session string) (n int) {
			for _, c := range p.made() {
				if c.form.Get("session") == session {
					n++
				}
			}
			return n
		}
		for range 5 {
			_, err := s.trades(t.Context())
			mustBe(t, err, fault.Auth, gateway.ErrSession)
			if e, ok := errors.AsType[*gateway.Error](err); !ok || e.Code != 27 {
				t.Errorf("the reason is not in %v", err)
			}
			_, err = other.trades(t.Context())
			mustBe(t, err, 0)
		}
		if with(token) != 1 {
			t.Errorf("%d calls with a refused session", with(token))
		}

		restarted := open(t, p, "", shared)
		_, err := restarted.trades(t.Context())
		mustBe(t, err, fault.Auth, gateway.ErrSession)
		if with(token) != 1 || !strings.Contains(err.Error(), "no call was made") || !strings.Contains(gateway.Remedy(err), "authorize") {
			t.Errorf("%d calls after a restart: %v", with(token), err)
		}

		time.Sleep(time.Hour)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := s.trades(t.Context())
				mustBe(t, err, fault.Auth, gateway.ErrSession)
			})
		}
		all.Wait()
		if with(token) != 2 {
			t.Errorf("%d calls after an hour, want the one and a probe", with(token))
		}

		for _, shop := range []*shop{s, restarted} {
			shop.renew("the new session of the shop")
			_, err := shop.trades(t.Context())
			mustBe(t, err, 0)
		}
		if strings.Contains(shared.notes(), "refuse app key") {
			t.Errorf("the pace was told %s", shared.notes())
		}
	})
}

// A session that was good for long is stopped by its first refusal all the same.
func TestSessionThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, script: inOrder(reply{body: empty}, reply{body: empty}, refusal(27, "session-expired", ""))}
		s := open(t, p, "", newPace())
		for i := range 6 {
			_, err := s.trades(t.Context())
			if i < 2 {
				mustBe(t, err, 0)
			} else {
				mustBe(t, err, fault.Auth, gateway.ErrSession)
			}
		}
		if n := len(p.made()); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

// A session that the platform takes again, without a new one, is noticed by the probe.
func TestProbeFindsASessionGoodAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, shared := &platform{t: t}, newPace()
		p.script = inOrder(refusal(27, "session-expired", ""), reply{status: 502}, reply{body: empty})
		s := open(t, p, "", shared)
		_, err := s.trades(t.Context())
		mustBe(t, err, fault.Auth, gateway.ErrSession)
		time.Sleep(time.Hour + time.Second)
		for range 3 { // the probe is repeated like any call, then all go through
			_, err = s.trades(t.Context())
			mustBe(t, err, 0)
		}
		if got, want := shared.notes(), "refuse hash of 6100c4n, accept app key, accept hash of 6100c4n"; got != want {
			t.Errorf("the pace was told %q, want %q", got, want)
		}
		if n := len(p.made()); n != 5 {
			t.Errorf("%d calls", n)
		}
	})
}

// Calls that are waiting when the session is refused are not made; one whose answer comes after the refusal does not lift it.
func TestRefusalReachesCallsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t}
		p.script = func(n int, _ url.Values) reply {
			if n == 0 { // sent first, answered last
				time.Sleep(2 * time.Second)
				return reply{body: empty}
			}
			return refusal(27, "", "")
		}
		shared := newPace()
		s := open(t, p, "", shared, func(o *apiclient.Options, _ *gateway.Options) { o.PerSecond = 2 })
		var all sync.WaitGroup
		var mu sync.Mutex
		kinds := map[fault.Kind]int{}
		for range 6 {
			all.Go(func() {
				_, err := s.trades(t.Context())
				mu.Lock()
				defer mu.Unlock()
				kinds[fault.KindOf(err)]++
			})
		}
		all.Wait()
		if n := len(p.made()); n != 2 || kinds[fault.Auth] != 5 || kinds[0] != 1 {
			t.Errorf("%d calls, %v", n, kinds)
		}
		_, err := s.trades(t.Context())
		mustBe(t, err, fault.Auth, gateway.ErrSession)
		if strings.Contains(shared.notes(), "accept hash") {
			t.Errorf("the pace was told %s", shared.notes())
		}
	})
}

// A token that was replaced while a call with the old one was on its way costs one more call and no failure.
func TestSessionReplacedUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := closed(t, "the new session of the shop")
		judge := p.script
		var s *shop
		p.script = func(n int, form url.Values) reply {
			s.renew("the new session of the shop")
			return judge(n, form)
		}
		s = open(t, p, "", newPace())
		_, err := s.trades(t.Context())
		mustBe(t, err, 0)
		if calls := p.made(); len(calls) != 2 || calls[1].form.Get("session") != "the new session of the shop" {
			t.Errorf("%d calls", len(calls))
		}
	})
}
