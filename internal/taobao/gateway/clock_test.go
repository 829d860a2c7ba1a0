package gateway_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

// The zone is written down and not the machine's, which may have none or another.
func TestStampIsInTheirZone(t *testing.T) {
	t.Parallel()
	moment := time.Date(2024, 2, 29, 16, 0, 0, 999_999_999, time.UTC)
	for _, zone := range []*time.Location{time.UTC, time.Local, time.FixedZone("west", -11*3600), gateway.Zone()} {
		if got := gateway.Stamp(moment.In(zone)); got != "2024-03-01 00:00:00" {
			t.Errorf("%s in %s", got, zone)
		}
	}
	for _, month := range []time.Month{time.January, time.July} { // China had summer time once
		if _, offset := time.Date(1988, month, 1, 0, 0, 0, 0, gateway.Zone()).Zone(); offset != 8*3600 {
			t.Errorf("%s is %d s from UTC", month, offset)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	refused := refusal(31, "isv.invalid-timestamp", "")
	for name, test := range map[string]struct {
		platform *platform
		within   time.Duration // how far Now may be behind the platform's clock; ahead of it at most half a second, as a Date tells it
		times    int           // calls of taobao.time.get, for Now and two questions
		calls    int           // others
		kind     fault.Kind
		now      bool // Now alone fails as well
	}{
		"all agree":                        {platform: &platform{}, times: 1, calls: 2},
		"ours is behind":                   {platform: &platform{ahead: hour, dated: hour, late: true}, within: time.Second, times: 2, calls: 2},
		"ours is ahead":                    {platform: &platform{ahead: -hour, dated: -hour, late: true}, within: time.Second, times: 2, calls: 2},
		"ours is behind, no limit":         {platform: &platform{ahead: hour, dated: hour}, within: time.Second, times: 1, calls: 2},
		"the Date is not the platform's":   {platform: &platform{dated: hour, late: true}, within: 3 * time.Second, times: 1, calls: 2},
		"there is no Date":                 {platform: &platform{dateless: true, late: true}, times: 1, calls: 2},
		"there is no Date, ours is behind": {platform: &platform{ahead: hour, dateless: true}, within: time.Second, times: 1, calls: 2},
		"there is no Date and no cure":     {platform: &platform{ahead: hour, dateless: true, late: true}, times: 4, calls: 1, kind: fault.Protocol, now: true},
		"the time is not told": {platform: &platform{told: func(int) reply { return refusal(11, "isv.permission-api-package-empty", "") }},
			times: 1, calls: 2},
		"the time is not told, no Date": {platform: &platform{dateless: true, told: func(int) reply { return refusal(22, "", "") }},
			times: 1, calls: 2, now: true, kind: fault.Protocol},
		"no time in the answer": {platform: &platform{told: func(int) reply { return reply{body: `{"time_get_response":{}}`} }},
			times: 1, calls: 2, now: true, kind: fault.Protocol},
		"a fault, then the time": {platform: &platform{told: func(n int) reply {
			if n == 0 {
				return refusal(15, "isp.system-busy", "")
			}
			return reply{body: `{"time_get_response":{"time":"` + gateway.Stamp(time.Now()) + `"}}`}
		}}, times: 2, calls: 2},
		"refused once": {platform: &platform{script: inOrder(refused, reply{body: empty})}, times: 2, calls: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := test.platform
				p.t = t
				if p.script == nil {
					p.script = always(reply{body: empty})
				}
				s := open(t, p, "", newPace())
				now, err := s.Now(t.Context())
				if (err != nil) != test.now || err != nil && fault.KindOf(err) != test.kind {
					t.Errorf("Now fails with %v", err)
				}
				platform := time.Now().Add(p.ahead)
				if behind := platform.Sub(now); err == nil && (behind < -600*time.Millisecond || behind > test.within || now.Location() != time.UTC) {
					t.Errorf("Now is %s, the platform's is %s", now, platform.UTC())
				}
				for range 2 {
					answer, err := s.trades(t.Context())
					if err != nil {
						mustBe(t, err, test.kind)
						break
					}
					if behind := time.Now().Add(p.ahead).Sub(answer.SentAt); behind < -600*time.Millisecond || behind > test.within {
						t.Errorf("sent at %s, %s ago", answer.SentAt, behind)
					}
				}
				if p.times() != test.times || len(p.made()) != test.calls {
					t.Errorf("asked %d times for the time and made %d calls, want %d and %d", p.times(), len(p.made()), test.times, test.calls)
				}
			})
		})
	}
}

// One refusal is one question for the time and one repetition: no loop, and no question for each call under way.
func TestWrongTimeIsCuredOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, script: always(refusal(31, "isv.invalid-timestamp", ""))}
		s := open(t, p, "", newPace())
		_, err := s.trades(t.Context())
		mustBe(t, err, fault.Protocol)
		if p.times() != 1 || len(p.made()) != 2 || !strings.Contains(gateway.Remedy(err), "timedatectl") {
			t.Errorf("asked %d times for the time, made %d calls: %v", p.times(), len(p.made()), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		first := 0
		p := &platform{t: t}
		p.script = func(int, url.Values) reply {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			if first++; first <= 8 {
				return refusal(31, "", "")
			}
			return reply{body: empty}
		}
		p.told = func(int) reply {
			time.Sleep(5 * time.Second)
			return reply{body: `{"time_get_response":{"time":"` + gateway.Stamp(time.Now()) + `"}}`}
		}
		s := open(t, p, "", newPace())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := s.trades(t.Context())
				mustBe(t, err, 0)
			})
		}
		all.Wait()
		if p.times() != 1 || len(p.made()) != 16 {
			t.Errorf("asked %d times for the time, made %d calls", p.times(), len(p.made()))
		}
	})
}

// After a correction the clock goes with the answers' Date, so that it does not age.
func TestCorrectionFollowsTheDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, ahead: 5 * time.Minute, dated: 50 * time.Minute, late: true, script: always(reply{body: empty})}
		s := open(t, p, "", newPace())
		if _, err := s.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.ahead += 5 * time.Second // both clocks are set
		p.dated += 5 * time.Second
		for range 3 {
			time.Sleep(time.Minute)
			if _, err := s.trades(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		now, err := s.Now(t.Context())
		if behind := time.Now().Add(p.ahead).Sub(now); err != nil || behind < -600*time.Millisecond || behind > 3*time.Second || p.times() != 1 {
			t.Errorf("%s behind, asked %d times, %v", behind, p.times(), err)
		}
	})
}

// A correction of our own clock is none of the clock that answers tell, once they do.
func TestCorrectionEndsWithTheFirstDate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{t: t, ahead: time.Hour, dated: time.Hour, dateless: true, script: always(reply{body: empty})}
		s := open(t, p, "", newPace())
		for range 2 {
			now, err := s.Now(t.Context())
			if behind := time.Now().Add(p.ahead).Sub(now); err != nil || behind.Abs() > time.Second {
				t.Errorf("%s behind, %v", behind, err)
			}
			p.dateless = false
			if _, err := s.trades(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
