package spool

import (
	"slices"
	"sync"
	"time"
)

const (
	lifeFile = "alive.json"
	// recent is how far back starts are counted.
	recent = time.Hour
)

// Life is what the state directory knows of the daemon's starts and stops. It is safe for concurrent use.
type Life struct {
	dir     string
	started time.Time

	mu      sync.Mutex
	held    lifetime
	failure error
}

// lifetime is what stands in the file.
type lifetime struct {
	// Alive is when a daemon lived last; Stopped says that it was stopped after that.
	Alive   time.Time `json:"alive"`
	Stopped bool      `json:"stopped"`
	// Unclean are the starts that followed upon a daemon that died.
	Unclean []time.Time `json:"unclean,omitempty"`
}

// OpenLife notes that the daemon starts. Where the directory does not say how the last one ended, that one was stopped.
func OpenLife(dir string) *Life {
	l := &Life{dir: dir, started: clock()}
	if load(dir, lifeFile, &l.held) != nil {
		l.held = lifetime{}
	}
	if !l.held.Alive.IsZero() && !l.held.Stopped {
		l.held.Unclean = append(l.held.Unclean, clock())
	}
	l.held.Stopped = false
	if l.held.Alive.IsZero() {
		l.held.Alive = clock()
	}
	l.save()
	return l
}

// Started is when the daemon started.
func (l *Life) Started() time.Time { return l.started }

// Unclean is how many starts of the last hour followed upon a process that was not stopped but died.
func (l *Life) Unclean() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prune()
	return len(l.held.Unclean)
}

// Beat notes that the daemon lives, and returns when that was noted before: the first time, when the process before did. Now is when
// it noted it, by the time of day, which goes on while the host sleeps.
func (l *Life) Beat() (before, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, now = l.held.Alive, clock()
	l.held.Alive = now
	l.prune()
	l.save()
	return before, now
}

// Stop notes that the daemon was stopped.
func (l *Life) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.Alive, l.held.Stopped = clock(), true
	l.save()
}

// Failure tells why the disk does not hold what was noted last; nil: it does.
func (l *Life) Failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

func (l *Life) prune() {
	now := clock()
	l.held.Unclean = slices.DeleteFunc(l.held.Unclean, func(at time.Time) bool { return now.Sub(at) > recent || at.After(now) })
}

func (l *Life) save() { l.failure = save(l.dir, lifeFile, l.held) }
