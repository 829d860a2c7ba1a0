package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/taobaotest"
)

// visit makes a shop of the faithful platform.
func visit(t *testing.T, address string, transport http.RoundTripper, method string) *gateway.Gateway {
	t.Helper()
	shared := apiclient.Local()
	client, err := apiclient.New(apiclient.Options{Source: "shop", BaseURL: address, Transport: transport, PerSecond: 20, Pace: shared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	g, err := gateway.New(gateway.Options{
		Client: client, Address: address + taobaotest.Router, AppKey: taobaotest.AppKey, SignMethod: method, Pace: shared,
		AppSecret: func() string { return taobaotest.AppSecret }, SessionKey: func() string { return "a session" },
		Session: func(context.Context) (string, error) { return taobaotest.Session, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestFaithfulPlatform(t *testing.T) {
	t.Parallel()
	server := taobaotest.New(taobaotest.NewTruth(nil), taobaotest.Rules{})
	address, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{gateway.MD5, gateway.HMAC, gateway.HMACSHA256} {
		g := visit(t, address, nil, method)
		now, err := g.Now(t.Context())
		if err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("%s: the time is %s, %v", method, now, err)
		}
		_, err = g.Call(t.Context(), "trades", traded, gateway.Params{"fields": "tid", "buyer_nick": "商家 + 测试"})
		mustBe(t, err, 0)
		_, err = g.Call(t.Context(), "trade 1", "taobao.trade.fullinfo.get", gateway.Params{"fields": "tid", "tid": "1"})
		mustBe(t, err, fault.Rejected, gateway.ErrNoTrade)
	}
	server.Revoke(taobaotest.Session)
	_, err = visit(t, address, nil, "").Call(t.Context(), "trades", traded, gateway.Params{"fields": "tid"})
	mustBe(t, err, fault.Auth, gateway.ErrSession)
	if strays := server.Strays(); len(strays) > 0 {
		t.Errorf("nobody meant %q", strays)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// In a storm of everything that passes, each call ends well or with a failure that says to come back, and none is made during a ban.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			server := taobaotest.New(taobaotest.NewTruth(nil), taobaotest.Rules{Fault: taobaotest.Storm(seed, 30), Grace: time.Millisecond})
			g := visit(t, "https://gw.example", server.Transport(), "")
			var all sync.WaitGroup
			var mu sync.Mutex
			good := 0
			for range 4 {
				all.Go(func() {
					for range 50 {
						_, err := g.Call(t.Context(), "trades", traded, gateway.Params{"fields": "tid"})
						if err != nil && !fault.KindOf(err).Passing() {
							t.Errorf("seed %d: %v", seed, err)
						}
						if err != nil && errors.Is(err, gateway.ErrTooHeavy) != (fault.RetryAfter(err) == 3*time.Minute) {
							t.Errorf("seed %d: %s to wait, %v", seed, fault.RetryAfter(err), err)
						}
						if err == nil {
							mu.Lock()
							good++
							mu.Unlock()
						}
					}
				})
			}
			all.Wait()
			if good < 100 {
				t.Errorf("seed %d: %d of 200 calls went well", seed, good)
			}
			if defiant := server.DefiantCalls(); len(defiant) > 0 {
				t.Errorf("seed %d: %d calls during a ban, the first %+v", seed, len(defiant), defiant[0])
			}
			if strays := server.Strays(); len(strays) > 0 {
				t.Errorf("seed %d: nobody meant %q", seed, strays)
			}
		})
	}
}
