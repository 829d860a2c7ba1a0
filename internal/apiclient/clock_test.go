package apiclient

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// dated answers as a remote whose clock is ahead of ours, after a random way of up to a second.
func dated(ahead time.Duration, headers ...string) remote {
	return func(*http.Request) (*http.Response, error) {
		time.Sleep(rand.N(500 * time.Millisecond))
		date := time.Now().Add(ahead).UTC().Format(http.TimeFormat)
		time.Sleep(rand.N(500 * time.Millisecond))
		return answering(200, "{}", append([]string{"Date", date}, headers...)...), nil
	}
}

func ask(t *testing.T, c *Client) *Response {
	t.Helper()
	response, err := c.Do(t.Context(), orders(base))
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func faultRemoteNow(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{
		"same": 0, "hour ahead": time.Hour, "minutes behind": -7 * time.Minute, "below a second": 700 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, dated(ahead))
				if now, known := c.Now(); known || !now.Equal(time.Now()) {
					t.Errorf("Now before anything was heard: %v, %v", now, known)
				}
				if skew, known := c.Skew(); known || skew != 0 {
					t.Errorf("Skew before anything was heard: %v, %v", skew, known)
				}
				for range 40 {
					response := ask(t, c)
					if !response.ClockKnown || response.SentAt.Location() != time.UTC {
						t.Fatalf("SentAt %v, known %v", response.SentAt, response.ClockKnown)
					}
					time.Sleep(1370 * time.Millisecond)
				}
				skew, known := c.Skew()
				if off := (skew - ahead).Abs(); !known || off > 250*time.Millisecond {
					t.Errorf("skew %v (known %v), want %v", skew, known, ahead)
				}
				want := time.Now()
				if ahead.Abs() > ignoredSkew {
					want = want.Add(ahead)
				}
				now, known := c.Now()
				if off := now.Sub(want).Abs(); !known || off > 250*time.Millisecond {
					t.Errorf("Now %v, want %v", now, want)
				}
				if ahead.Abs() <= ignoredSkew && !now.Equal(want) {
					t.Errorf("a skew of %v is not ignored: off by %v", ahead, now.Sub(want))
				}
			})
		})
	}
}

func TestNowFollowsACorrectedClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, inOrder(dated(0), dated(0), dated(time.Hour)))
		for range 3 {
			ask(t, c)
		}
		if skew, _ := c.Skew(); (skew - time.Hour).Abs() > time.Second {
			t.Errorf("skew %v after the remote's clock was set an hour ahead", skew)
		}
	})
}

func TestClockIgnoresCachesAndErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, inOrder(dated(time.Hour, "Age", "3600"), always(200, "{}", "Date", "yesterday"),
			always(404, "", "Date", "Sun, 22 Nov 2026 12:00:00 GMT")))
		ask(t, c)
		ask(t, c)
		if _, err := c.Do(t.Context(), orders(base)); err == nil {
			t.Error("a 404 is no answer here")
		}
		if skew, known := c.Skew(); known {
			t.Errorf("a skew of %v was believed", skew)
		}
	})
}

// The host's wall clock may be set while we run; the remote's time must not move with it.
func TestClockRestsOnTheMonotonicClock(t *testing.T) {
	t.Parallel()
	c := newClock()
	sent := time.Now()
	c.hear(http.Header{"Date": {noon.Format(http.TimeFormat)}}, sent, sent)
	remote, known := c.at(sent.Add(90 * time.Second))
	if want := noon.Add(90*time.Second + 500*time.Millisecond); !known || !remote.Equal(want) {
		t.Errorf("the remote's clock is at %v, want %v", remote, want)
	}
}
