package courier

import (
	"context"
	"sync"
	"time"
)

// Flush is how long what still waits may take when [Lanes] stop.
const Flush = 5 * time.Second

// Lanes do tasks in the background: those of one lane one after the other, in the order in which they were put, and several lanes at
// once. Putting a task never blocks.
type Lanes struct {
	wide, deep int
	// dropped is told of each task that is not done.
	dropped func(lane string)

	mu    sync.Mutex
	ready *sync.Cond
	lanes map[string]*lane
	// turn are the lanes that have a task and nobody who does one, in order.
	turn     []string
	stopped  bool
	stopping chan struct{}
}

type lane struct {
	tasks []func(ctx context.Context)
	busy  bool
}

// NewLanes makes lanes of which so many are worked on at once and in each of which so many tasks may wait: the oldest makes room. Dropped
// is called for each task that is not done, also from Put; it must not block.
func NewLanes(wide, deep int, dropped func(lane string)) *Lanes {
	l := &Lanes{wide: wide, deep: deep, dropped: dropped, lanes: map[string]*lane{}, stopping: make(chan struct{})}
	l.ready = sync.NewCond(&l.mu)
	return l
}

// Put adds a task to a lane. Its ctx ends when there is no more time.
func (l *Lanes) Put(name string, task func(ctx context.Context)) {
	if lost := l.put(name, task); lost {
		l.dropped(name)
	}
}

func (l *Lanes) put(name string, task func(ctx context.Context)) (lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return true
	}
	at := l.lanes[name]
	if at == nil {
		at = new(lane)
		l.lanes[name] = at
	}
	if len(at.tasks) >= l.deep {
		at.tasks = at.tasks[1:]
		lost = true
	} else if len(at.tasks) == 0 && !at.busy {
		l.turn = append(l.turn, name)
		l.ready.Signal()
	}
	at.tasks = append(at.tasks, task)
	return lost
}

// Run does the tasks until ctx ends, and then for at most [Flush] those that wait. Afterwards nothing is taken any more.
func (l *Lanes) Run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var workers sync.WaitGroup
	for range l.wide {
		workers.Go(func() { l.work(work) })
	}
	<-ctx.Done()
	l.stop()
	limit := time.AfterFunc(Flush, cancel)
	defer limit.Stop()
	workers.Wait()
	for name, at := range l.lanes { // nobody else is left
		for range at.tasks {
			l.dropped(name)
		}
		at.tasks = nil
	}
}

func (l *Lanes) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	close(l.stopping)
	l.ready.Broadcast()
}

func (l *Lanes) work(ctx context.Context) {
	for ctx.Err() == nil {
		name, task := l.take()
		if task == nil {
			return
		}
		task(ctx)
		l.done(name)
	}
}

// take waits for a task; nil: there will be none.
func (l *Lanes) take() (string, func(ctx context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.turn) == 0 {
		if l.stopped {
			return "", nil
		}
		l.ready.Wait()
	}
	name := l.turn[0]
	l.turn = l.turn[1:]
	at := l.lanes[name]
	task := at.tasks[0]
	at.tasks, at.busy = at.tasks[1:], true
	return name, task
}

func (l *Lanes) done(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[name]
	at.busy = false
	if len(at.tasks) == 0 {
		delete(l.lanes, name)
		return
	}
	l.turn = append(l.turn, name)
	l.ready.Signal()
}

// Pause waits, for a task that wants to try again; false: there is no time for that, the lanes stop.
func (l *Lanes) Pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stopping:
	case <-ctx.Done():
	}
	return false
}
