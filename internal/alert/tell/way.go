package tell

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	// sendLimit bounds one sending.
	sendLimit = 30 * time.Second
	// firstAgain is the pause after the first passing failure; it doubles up to lastAgain, which is also that after a refusal.
	firstAgain = 30 * time.Second
	lastAgain  = 15 * time.Minute
	// longestStated is how long a pause may be that the other side states; a longer one is nonsense.
	longestStated = 24 * time.Hour

	// A channel takes at most 20 notices in any hour: 15 as they come, further ones only at this pace, together.
	freely = 15
	paced  = 12 * time.Minute
	capped = time.Hour

	// A channel fails when it failed twice in a row, or for so long.
	failsTwice = 2
	failsFor   = 2 * time.Minute

	// keepEnded is how long it is remembered how a delivery ended: longer than it is tried.
	keepEnded = 26 * time.Hour
)

// errSilent is the cause of the end of a sending that took too long.
var errSilent = fault.Errorf(fault.Transient, "no answer for %s: %w", sendLimit, context.DeadlineExceeded)

// way is what is known of a channel, whatever book its deliveries come from. It stays when the channel is replaced.
type way struct {
	name string
	// turn is held by who sends: there is room for one.
	turn chan struct{}

	mu      sync.Mutex
	channel Channel       // nil: it is not configured any more
	version int           // counts the channels
	changed chan struct{} // closed, and replaced, when waiting for the gate is to be thought over
	// known says that the channel was tried since it was configured; failures count those in a row since then, the first of which was at
	// since and the last of which was err.
	known    bool
	failures int
	since    time.Time
	err      error
	gate     time.Time            // nothing is sent before
	refused  map[string]time.Time // until when a notice is left alone, by its id
	sent     map[bool][]time.Time // by others in the last hour; those of the host's own book under true
	backlog  map[bool]int         // how many wait, likewise
	ended    map[string]ending    // how deliveries ended, by the notice's id
}

// ending is how a delivery ended, when it did by our clock, and whether its book knows that.
type ending struct {
	delivery alert.Delivery
	at       time.Time
	recorded bool
}

func newWay(name string) *way {
	return &way{
		name: name, turn: make(chan struct{}, 1), changed: make(chan struct{}), refused: map[string]time.Time{},
		sent: map[bool][]time.Time{}, backlog: map[bool]int{}, ended: map[string]ending{},
	}
}

// replace puts another channel behind the name. Nothing is known of that one.
func (w *way) replace(c Channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channel, w.known, w.failures, w.since, w.err, w.gate = c, false, 0, time.Time{}, nil, time.Time{}
	w.version++
	clear(w.refused)
	w.ringLocked()
}

// ring lets who waits for the gate look again.
func (w *way) ring() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ringLocked()
}

func (w *way) ringLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// change returns what is closed by the next ring.
func (w *way) change() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// open returns how long nothing may be sent, and whether so much was sent that what waits is to be told together.
func (w *way) open(now time.Time) (wait time.Duration, crowded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait = w.gate.Sub(now)
	lately, last := 0, time.Time{}
	count := func(at time.Time) {
		if now.Sub(at) < capped {
			lately++
			last = latest(last, at)
		}
	}
	for _, times := range w.sent {
		for _, at := range times {
			count(at)
		}
	}
	for _, e := range w.ended {
		if e.delivery.State == alert.Sent {
			count(e.at)
		}
	}
	if crowded = lately >= freely; crowded {
		wait = max(wait, last.Add(paced).Sub(now))
	}
	return max(wait, 0), crowded
}

// configured returns the channel, nil where it is not configured any more, and its version.
func (w *way) configured() (Channel, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.channel, w.version
}

// send hands a notice over.
func send(ctx context.Context, channel Channel, n alert.Notice) (err error) {
	limited, cancel := context.WithTimeoutCause(ctx, sendLimit, errSilent)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Internal, "panic: %v", r)
		}
	}()
	err = channel.Send(limited, n)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fault.New(fault.Transient, fmt.Errorf("%w: %w", context.Cause(limited), err))
	}
	return err
}

// took notes that a delivery was sent, at that time by our clock.
func (w *way) took(d alert.Delivery, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.failures, w.since, w.err, w.gate = true, 0, time.Time{}, nil, time.Time{}
	w.endLocked(d, at)
}

// refuse notes that a version of the channel did not take a notice, and returns when that is tried again. A channel that was replaced
// meanwhile may do better.
func (w *way) refuse(d alert.Delivery, version int, err error, now time.Time) (again time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if version != w.version {
		return now
	}
	w.known, w.err = true, err
	if w.failures++; w.failures == 1 {
		w.since = now
	}
	kind := fault.KindOf(err)
	wait := lastAgain
	if kind.Passing() {
		wait = min(firstAgain<<min(w.failures-1, 10), lastAgain)
	}
	if stated := fault.RetryAfter(err); stated <= longestStated {
		wait = max(wait, stated)
	}
	again = now.Add(wait)
	if kind == fault.Rejected {
		w.refused[d.Notice.ID] = again
	} else {
		w.gate = again
	}
	return again
}

// pick returns the place of the first delivery that is not left alone, because it was refused; -1 where all are, for that long.
func (w *way) pick(queue []alert.Delivery, now time.Time) (place int, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait = lastAgain
	for i, d := range queue {
		left := w.refused[d.Notice.ID].Sub(now)
		if left <= 0 {
			return i, 0
		}
		wait = min(wait, left)
	}
	return -1, wait
}

// end notes how a delivery ended; its book does not know yet.
func (w *way) end(d alert.Delivery, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked(d, now)
}

func (w *way) endLocked(d alert.Delivery, now time.Time) {
	for id, e := range w.ended {
		if now.Sub(e.delivery.EndedAt) > keepEnded {
			delete(w.ended, id)
		}
	}
	delete(w.refused, d.Notice.ID)
	d.Notice = alert.Notice{ID: d.Notice.ID} // of more than a day nobody needs all that was told
	w.ended[d.Notice.ID] = ending{delivery: d, at: now}
}

// recorded notes that the book knows how a delivery ended.
func (w *way) recorded(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, ok := w.ended[id]; ok {
		e.recorded = true
		w.ended[id] = e
	}
}

// ending returns how a delivery ended, if it did.
func (w *way) ending(id string) (ending, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.ended[id]
	return e, ok
}

// state is how a channel stands, for the incident that it may be.
type state struct {
	configured bool
	// failing says that it fails, good that it took the last notice; neither: it is not known.
	failing, good bool
	since, again  time.Time
	err           error
}

func (w *way) state(now time.Time) state {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := state{configured: w.channel != nil, since: w.since, again: w.gate, err: w.err}
	s.good = w.known && w.failures == 0
	s.failing = w.failures >= failsTwice || w.failures > 0 && now.Sub(w.since) >= failsFor
	for _, until := range w.refused {
		s.again = latest(s.again, until)
	}
	return s
}

// heard notes what a book, whose clock is ahead of ours, says was sent, and how much waits there.
func (w *way) heard(own bool, sent []time.Time, ahead time.Duration, waiting int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.backlog[own] = waiting
	w.sent[own] = nil
	for _, at := range sent {
		if !w.oursLocked(at) {
			w.sent[own] = append(w.sent[own], at.Add(-ahead))
		}
	}
}

// oursLocked reports whether what was sent at that time by a book's clock was sent by this process, which knows that itself: the book may
// have been read before it was told. Books do not keep the last digits of a time.
func (w *way) oursLocked(at time.Time) bool {
	for _, e := range w.ended {
		if e.delivery.EndedAt.Sub(at).Abs() < time.Millisecond {
			return true
		}
	}
	return false
}

// leave notes that a book is no longer worked here.
func (w *way) leave(own bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.backlog, own)
}

// waits reports whether anything waits for the channel, in any book.
func (w *way) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.backlog[true]+w.backlog[false] > 0
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
