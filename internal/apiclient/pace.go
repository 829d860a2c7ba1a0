package apiclient

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"ordersync/internal/fault"
)

// Pace is the shared right to make calls. One credential has one pace, whoever uses it: the store keeps it on a table so that
// several processes and a restart share it, [Local] keeps it in memory.
type Pace interface {
	// Reserve takes calls consecutive call slots, spacing apart, and returns how long from now until the first of them, by the
	// clock of the store. With daily above zero it bounds the calls per day, whose border is cut at zone from UTC.
	// Failures: fault.RateLimited with a RetryAfter while parked or while the day's quota is used up; fault.Auth while refused
	// (one probe an hour is let through); fault.Database when the store is away.
	Reserve(ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration) (time.Duration, error)
	// Park stops all calls until wait has passed. It never shortens a longer park.
	Park(ctx context.Context, credential string, wait time.Duration) error
	// Refuse notes that the remote refused the credential: no calls but the probes.
	Refuse(ctx context.Context, credential string) error
	// Accept notes that the remote accepted the credential: it is no longer refused.
	Accept(ctx context.Context, credential string) error
}

const (
	// stretch makes a second's worth of slots last longer than a second. Calls may go out after their slots by as much without more
	// of them than the rate in any one second: mostLate before they are let go, the rest on the way to the wire.
	stretch  = 10 * time.Millisecond
	mostLate = 8 * time.Millisecond
	// leastLate keeps a fast rate from forfeiting slots to the timer's own slack.
	leastLate = 2 * time.Millisecond
	// parkedTurns is how many short parks in a row one call sits out.
	parkedTurns = 3
)

// pacer hands out the slots of one client in the order of asking. At most about a second of slots is reserved ahead, so that a
// client that stops leaves no hole and others get their share.
//
// Why no second holds more calls than the rate: slots are (1 s + stretch)/rate apart, and each is used within stretch after its
// instant. That instant is known to the time that the pace took to answer, and is taken to be the latest that it can be. Slots that
// are all late by the same do no harm among themselves, only to those that follow, which may be another process's. So time to spare is
// reserved with them where the pace is slow as a rule, and where it took longer than that, the last of them are not used. What a
// new connection takes, or a new token that a request waits for, comes after the slot: the calls that follow are held back by when those
// before them came to the wire, and by those that are on their way there.
type pacer struct {
	pace       Pace
	credential string
	perSecond  float64
	daily      int
	zone       time.Duration
	stats      *stats

	line   line
	recent *recent

	// What follows belongs to whoever has the turn.
	next      time.Time     // the next slot in hand
	left      int           // how many are in hand
	late      time.Duration // how late each may be used
	size      int           // how many were reserved together
	forfeited int           // how many of these came too late to be used
	answers   answers

	mu   sync.Mutex
	held time.Time // no slot is used before
}

// take waits for the next slot. It returns when the call may be sent, at once when ctx ends. The call's way to the wire begins before
// the next one in line is let on; whoever has it ends it.
func (p *pacer) take(ctx context.Context) (*trip, error) {
	start, waited := time.Now(), false
	waits := func(wait time.Duration) {
		waited = true
		traceOf(ctx).wait(wait)
	}
	defer func() {
		if waited {
			p.stats.wait(time.Since(start))
		}
	}()
	if err := p.line.join(ctx, func(ahead int) { waits(time.Duration(ahead) * p.spacing()) }); err != nil {
		return nil, err
	}
	defer p.line.leave()
	for slept, parked := 0, 0; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		wait, ended := p.recent.full()
		var err error
		if wait <= 0 {
			wait, err = p.step(ctx, slept)
			slept++
		}
		if err != nil {
			if wait = p.parked(err); wait == 0 || parked == parkedTurns {
				return nil, err
			}
			parked++
		} else if wait == 0 {
			return p.recent.depart(), nil
		}
		waits(wait)
		if err := sleepUntil(ctx, wait, ended); err != nil {
			return nil, err
		}
	}
}

// step makes one move towards a slot: it returns zero when a slot has been taken, and else how long to wait before the next
// step. Slept counts the waits of this call so far.
func (p *pacer) step(ctx context.Context, slept int) (time.Duration, error) {
	if wait := p.holding(); wait > longestInPlace {
		return 0, fault.Limited(wait, fmt.Errorf("the remote asked for a pause, %s of it are left", roundUp(wait)))
	} else if wait > 0 {
		p.left = 0
		return wait, nil
	}
	now, missed := time.Now(), false
	for p.left > 0 && now.Sub(p.next) > p.late {
		p.use()
		p.forfeited++
		missed = true
	}
	if p.left == 0 {
		if err := p.reserve(ctx, slept); err != nil {
			return 0, err
		}
		now, missed = time.Now(), false
	}
	// Too late for one slot and early for the next, both ours: whoever gives up the first may use the second early, because no
	// second then holds more calls than with the second used in time.
	if wait := p.next.Sub(now); wait > 0 && !missed {
		return wait, nil
	}
	p.use()
	return 0, nil
}

func (p *pacer) use() {
	p.next = p.next.Add(p.spacing())
	p.left--
}

// reserve takes more slots from the pace: one for a caller slower than the rate, twice as many as before for one that used the
// last ones promptly, up to a second's worth. On a machine that wakes callers too late for the slot that they slept for, it
// takes twice as many with each wait, so that the call finds one in the end. A pace that took so long to answer that no slot can be
// used is asked again: a rate that is kept comes before calls that are made.
func (p *pacer) reserve(ctx context.Context, slept int) error {
	second := int(p.perSecond)
	size := 1 << min(slept, 6)
	if p.size > 0 && p.forfeited*8 <= p.size && time.Since(p.next) <= p.late {
		size = max(size, min(2*p.size, second))
	}
	for {
		switch lost, err := p.ask(ctx, size); {
		case size > 1 && errors.Is(err, fault.RateLimited): // the rest of a day's quota may be smaller than size
			size = 1
		case err != nil:
			p.size, p.left = 0, 0
			return err
		case lost < size:
			p.left, p.size, p.forfeited = size-lost, size, 0
			return nil
		default:
			size = min(lost+1, max(second, 2))
		}
	}
}

// ask reserves size slots and returns how many of them, the last ones, must not be used.
func (p *pacer) ask(ctx context.Context, size int) (lost int, err error) {
	spacing := p.spacing()
	spare := p.answers.spare(spacing)
	asked := time.Now()
	wait, err := p.pace.Reserve(ctx, p.credential, size, spacing+microseconds(float64(spare)/float64(size)), p.daily, p.zone)
	if err != nil {
		return 0, err
	}
	// The pace counted wait from some moment between asked and now: a slot may be that much later than it thinks already.
	now := time.Now()
	took := now.Sub(asked)
	p.answers.add(took)
	lost = lostSlots(took-spare, spacing)
	p.next = now.Add(wait)
	p.late = max(min(spacing/2, mostLate-max(took-spare-time.Duration(lost)*spacing, 0)), leastLate)
	return lost, nil
}

// lostSlots is how many slots cannot be used when all may be late by so much, beyond what stretch leaves room for.
func lostSlots(late, spacing time.Duration) int {
	return int(math.Ceil(float64(max(late-(mostLate-leastLate), 0)) / float64(spacing)))
}

// spacing is the time between two slots.
func (p *pacer) spacing() time.Duration {
	return microseconds(float64(time.Second+stretch) / p.perSecond)
}

// microseconds rounds nanoseconds up to what a store counts in: it would cut off the rest.
func microseconds(nanoseconds float64) time.Duration {
	return time.Duration(math.Ceil(nanoseconds/float64(time.Microsecond))) * time.Microsecond
}

// answers are how long a pace took to answer the last few times.
type answers struct {
	took [16]time.Duration
	n    int
}

func (a *answers) add(took time.Duration) {
	a.took[a.n%len(a.took)] = took
	a.n++
}

// spare is how much time it would have been best to spare in these reservations: it is lost in every one, and without it slots are
// lost in some.
func (a *answers) spare(spacing time.Duration) (best time.Duration) {
	known := a.took[:min(a.n, len(a.took))]
	cost := func(spare time.Duration) time.Duration {
		sum := time.Duration(len(known)) * spare
		for _, took := range known {
			sum += time.Duration(lostSlots(took-spare, spacing)) * spacing
		}
		return sum
	}
	for _, took := range known {
		if spare := max(took-(mostLate-leastLate), 0); cost(spare) < cost(best) {
			best = spare
		}
	}
	return best
}

// parked is how long a failure of the pace asks to wait in place, zero when it does not.
func (p *pacer) parked(err error) time.Duration {
	if wait := fault.RetryAfter(err); wait <= longestInPlace && errors.Is(err, fault.RateLimited) {
		return wait
	}
	return 0
}

// hold lets no slot be used before wait has passed. It never shortens a longer hold.
func (p *pacer) hold(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(wait); until.After(p.held) {
		p.held = until
	}
}

func (p *pacer) holding() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.held)
}

// sleepUntil waits, at most until woken is closed or ctx ends.
func sleepUntil(ctx context.Context, wait time.Duration, woken <-chan struct{}) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// line gives one turn at a time, first come first served.
type line struct {
	mu      sync.Mutex
	busy    bool
	waiting list.List // of chan struct{}, closed when the turn comes
}

// join waits for the turn. It reports how many are ahead, when any are.
func (l *line) join(ctx context.Context, behind func(ahead int)) error {
	l.mu.Lock()
	if !l.busy {
		l.busy = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	place := l.waiting.PushBack(turn)
	ahead := l.waiting.Len()
	l.mu.Unlock()
	behind(ahead)
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	select {
	case <-turn: // it came at the same moment: pass it on
		l.mu.Unlock()
		l.leave()
	default:
		l.waiting.Remove(place)
		l.mu.Unlock()
	}
	return context.Cause(ctx)
}

// leave ends the turn.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.waiting.Front()
	if first == nil {
		l.busy = false
		return
	}
	close(l.waiting.Remove(first).(chan struct{}))
}
