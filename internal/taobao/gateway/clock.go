package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

// ignoredSkew is how far taobao.time.get and the Date of answers may be apart before the former counts.
const ignoredSkew = 2 * time.Second

// askTime is the method that tells the platform's time.
const askTime = "taobao.time.get"

// Zone is where the platform's times are at home: GMT+8, the whole year.
func Zone() *time.Location { return time.FixedZone("GMT+8", 8*60*60) }

// Stamp writes a time the way every parameter of type Date wants it, cut to the second.
func Stamp(t time.Time) string { return t.In(Zone()).Format(time.DateTime) }

// clock is the platform's: the client's, which reads the Date of answers, and what taobao.time.get said beyond that.
type clock struct {
	client *apiclient.Client
	// turn is held by whoever asks for the time; the others wait and use what was found.
	turn chan struct{}

	mu    sync.Mutex
	asked int // how often the platform was asked to an end
	// ahead is how far the platform is ahead of the client's clock. It was measured with a client that had heard a Date, or had not,
	// and holds for that one alone.
	ahead time.Duration
	known bool
}

func newClock(client *apiclient.Client) clock {
	return clock{client: client, turn: make(chan struct{}, 1)}
}

func (c *clock) now() time.Time { return c.corrected(c.client.Now()) }

// corrected is the platform's time at t, which is the client's.
func (c *clock) corrected(t time.Time, known bool) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known != c.known {
		return t
	}
	return t.Add(c.ahead)
}

// corrections counts what taobao.time.get was asked for so far.
func (c *clock) corrections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// learn takes the platform's time, cut to the second, from an answer to a request that was sent at our time sent. Of what it may mean the
// earliest counts: a clock that is ahead would close windows that are still open.
func (c *clock) learn(platform, sent time.Time) {
	received, known := c.client.Now()
	least, most := platform.Sub(received), platform.Add(time.Second).Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.ahead, c.known = 0, known
	if least > ignoredSkew || most < -ignoredSkew {
		c.ahead = least
	}
}

// forget goes back to the client's clock, and counts that as so many corrections.
func (c *clock) forget(corrections int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked += corrections
	c.ahead = 0
}

// Now is the platform's clock, in UTC. The first time it costs a call of taobao.time.get; later it is read off the answers.
func (g *Gateway) Now(ctx context.Context) (time.Time, error) {
	if g.clock.corrections() == 0 {
		if err := g.correct(ctx, 0); err != nil {
			return time.Time{}, err
		}
	}
	return g.clock.now(), nil
}

// correct asks for the platform's time, unless somebody did since it had been asked for so often.
func (g *Gateway) correct(ctx context.Context, heard int) error {
	c := &g.clock
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s: stopped: %w", askTime, context.Cause(ctx))
	}
	defer func() { <-c.turn }()
	if c.corrections() != heard {
		return nil
	}
	q := question{name: "the platform's time", method: askTime}
	_, answer, err := g.once(ctx, q)
	if wrongTime(err) { // its Date was heard with the refusal
		c.forget(0)
		_, answer, err = g.once(ctx, q)
	}
	if err != nil {
		if _, known := c.client.Now(); known && unasked(err) {
			c.forget(1)
			return nil
		}
		return err
	}
	platform, err := time.ParseInLocation(time.DateTime, gjson.GetBytes(answer.Body, "time").String(), Zone())
	if err != nil {
		return fault.Errorf(fault.Protocol, "%s: the answer of %s holds no time", q.name, askTime)
	}
	c.learn(platform, answer.sent)
	return nil
}

// unasked reports whether the platform will not tell its time to this app, whatever the timestamp: the Date of its answers is left.
func unasked(err error) bool {
	kind := fault.KindOf(err)
	return (kind == fault.Config || kind == fault.Protocol) && !wrongTime(err)
}

// wrongTime reports whether the gateway refused the timestamp.
func wrongTime(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == invalidTimestamp
}
