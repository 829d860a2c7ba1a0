package apiclient

import (
	"math"
	"sync"
	"time"
)

// recent are the latest calls of a client by when they came to the wire, which on a new connection, or where a new token is waited for,
// may be long after their slots: as many as the rate allows in a period, which is a second where the rate is a whole number. They hold
// back the calls that follow.
type recent struct {
	calls  int
	period time.Duration

	mu    sync.Mutex
	wired []time.Time
	// under is how many calls are on their way: each may come to the wire at any moment.
	under int
	// ended is closed when one of these has come to the wire, or will not any more; nil: nobody waits for it.
	ended chan struct{}
}

func newRecent(perSecond float64) *recent {
	calls := math.Ceil(perSecond)
	return &recent{calls: int(calls), period: time.Duration(calls / perSecond * float64(time.Second))}
}

// full is how long to wait until one call more is not one too many; a little while where nobody knows, or until ended is closed.
func (r *recent) full() (wait time.Duration, ended <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := r.calls - r.under
	switch {
	case free <= 0:
		if r.ended == nil {
			r.ended = make(chan struct{})
		}
		return mostLate, r.ended
	case free > len(r.wired):
		return 0, nil
	}
	return time.Until(r.wired[len(r.wired)-free].Add(r.period)), nil
}

// trip is one call's way to the wire, from its slot on.
type trip struct {
	*recent
	begun bool
}

// depart begins the way of a call that has its slot. Whoever has the trip ends it.
func (r *recent) depart() *trip {
	t := &trip{recent: r}
	t.begin()
	return t
}

func (t *trip) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		t.begun = true
		t.under++
	}
}

// end is called when the call has come to the wire, and when it will not any more.
func (t *trip) end(wired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun {
		t.begun = false
		t.under--
		if t.ended != nil {
			close(t.ended)
			t.ended = nil
		}
	}
	if wired {
		t.wired = append(t.wired[max(len(t.wired)-t.calls+1, 0):], time.Now())
	}
}
