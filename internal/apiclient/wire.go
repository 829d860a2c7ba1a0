package apiclient

import (
	"math"
	"sync"
	"time"
)

// recent are the latest calls of a client by when they came to the wire, which on a new connection may be long after their slots: as
// many as the rate allows in a period, which is a second where the rate is a whole number. They hold back the calls that follow.
type recent struct {
	calls  int
	period time.Duration

	mu    sync.Mutex
	wired []time.Time
	// connecting is how many calls are on their way: each may come to the wire at any moment.
	connecting int
}

func newRecent(perSecond float64) *recent {
	calls := math.Ceil(perSecond)
	return &recent{calls: int(calls), period: time.Duration(calls / perSecond * float64(time.Second))}
}

// full is how long to wait until one call more is not one too many; a little while where nobody knows.
func (r *recent) full() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := r.calls - r.connecting
	switch {
	case free <= 0:
		return mostLate
	case free > len(r.wired):
		return 0
	}
	return time.Until(r.wired[len(r.wired)-free].Add(r.period))
}

// trip is one call's way to the wire.
type trip struct {
	*recent
	begun bool
}

func (t *trip) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		t.begun = true
		t.connecting++
	}
}

// end is called when the call has come to the wire, and when it will not any more.
func (t *trip) end(wired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun {
		t.begun = false
		t.connecting--
	}
	if wired {
		t.wired = append(t.wired[max(len(t.wired)-t.calls+1, 0):], time.Now())
	}
}
