package apiclient

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	firstWait   = time.Second
	longestWait = 60 * time.Second

	// The budget holds 50 retries. One costs 1, a good answer earns 0.1; counted in tenths.
	budgetBurst = 500
	budgetRetry = 10
)

// budget bounds the retries of all calls of a client, so that an outage does not multiply its load.
type budget struct {
	mu     sync.Mutex
	tenths int
}

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+1, budgetBurst)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < budgetRetry {
		return false
	}
	b.tenths -= budgetRetry
	return true
}

// policy is the backoff.BackOff of one call: full jitter, uniform in [0, min(60 s, 1 s * 2^n)] before retry n (from 0), never
// shorter than what the remote stated. It is used by one goroutine.
type policy struct {
	retries int
	budget  *budget
	jitter  func(limit time.Duration) time.Duration
	stats   *stats

	made  int           // retries so far
	hint  time.Duration // what the remote stated with the last failure
	spent bool          // the budget, and not the number of retries, ended it
}

func (p *policy) NextBackOff() time.Duration {
	if p.made >= p.retries {
		return backoff.Stop
	}
	if !p.budget.spend() {
		p.spent = true
		return backoff.Stop
	}
	wait := max(p.jitter(waitLimit(p.made)), p.hint)
	p.made++
	p.stats.retries.Add(1)
	return wait
}

// Reset is called once before the first attempt; a policy serves one call only.
func (p *policy) Reset() {}

// waitLimit is the longest unstated wait before retry n, counted from 0.
func waitLimit(n int) time.Duration {
	return min(longestWait, firstWait<<min(n, 6))
}
