package schedule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/schedule"
	"ordersync/internal/schedule/scheduletest"
)

// TestSimulation lets three daemons work for five hours of crashes, outages, lost answers and failing runs, and then two
// quiet ones. No job ever runs twice at once, no tick has two first attempts, and in the end every tick is run, once.
func TestSimulation(t *testing.T) {
	t.Parallel()
	seeds := 12
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { newWorld(t, uint64(seed)).play() })
		})
	}
}

const (
	stormy = 5 * time.Hour
	calm   = 2 * time.Hour
)

// world is a store and what the daemons do with it.
type world struct {
	t     *testing.T
	store *scheduletest.Memory
	began time.Time

	mu     sync.Mutex
	rand   *rand.Rand
	active map[string]int
	first  map[string]int // first attempts of a tick
	good   map[string]int // good runs of a tick
	total  int
}

func newWorld(t *testing.T, seed uint64) *world {
	return &world{
		t: t, store: &scheduletest.Memory{Skew: time.Duration(seed%7) * 300 * time.Millisecond}, began: time.Now(),
		rand: rand.New(rand.NewPCG(seed, 1)), active: make(map[string]int), first: make(map[string]int), good: make(map[string]int),
	}
}

func (w *world) chance(oneIn int) bool { return w.upTo(int64(oneIn)) == 0 }

func (w *world) upTo(n int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.Int64N(n)
}

func (w *world) quiet() bool { return time.Since(w.began) > stormy }

func (w *world) play() {
	var hosts sync.WaitGroup
	for i := range 3 {
		hosts.Go(func() { w.host(fmt.Sprintf("host-%d", i)) })
	}
	hosts.Wait()
	synctest.Wait()
	from := w.began.Add(stormy + 70*time.Minute) // when the last repeat of the storm is over
	for _, name := range []string{"often", "seldom"} {
		s := w.jobs("")[map[string]int{"often": 0, "seldom": 1}[name]].Schedule
		for tick := s.Next(from); tick.Before(w.began.Add(stormy + calm)); tick = s.Next(tick) {
			if runs := w.good[name+tick.Format(stamp)]; runs != 1 {
				w.t.Errorf("%s: the tick of %s was run %d times", name, tick, runs)
			}
		}
	}
	for tick, attempts := range w.first {
		if attempts != 1 {
			w.t.Errorf("%s: %d first attempts", tick, attempts)
		}
	}
	if w.total < 60 {
		w.t.Errorf("only %d attempts", w.total)
	}
}

// host is a machine on which the daemon lives, dies and is started again, until the end.
func (w *world) host(name string) {
	for end := w.began.Add(stormy + calm); time.Now().Before(end); {
		life := time.Until(end)
		if !w.quiet() {
			life = min(life, time.Duration(w.upTo(int64(2*time.Hour))))
		}
		view := &view{Memory: w.store, world: w}
		s := schedule.New(schedule.Options{Store: view, Holder: name, Jobs: w.jobs(name)})
		ctx, cancel := context.WithCancelCause(w.t.Context())
		var daemon sync.WaitGroup
		daemon.Go(func() {
			if err := s.Run(ctx); err != nil {
				w.t.Error(err)
			}
		})
		time.Sleep(life)
		if w.chance(2) {
			view.mu.Lock()
			view.dead = true // kill -9: nothing that it does from here on reaches the store
			view.mu.Unlock()
		}
		cancel(errStop)
		daemon.Wait()
		time.Sleep(time.Duration(w.upTo(int64(10 * time.Minute))))
	}
}

func (w *world) jobs(string) []schedule.Job {
	often, seldom := job(w.t, "often", "*/5 * * * *", w.work), job(w.t, "seldom", "17 * * * *", w.work)
	often.DueAtStart = true
	return []schedule.Job{often, seldom}
}

// work is a run of some minutes (seconds when it is quiet) that may fail.
func (w *world) work(ctx context.Context, tick schedule.Tick) error {
	key := tick.Job + tick.At.UTC().Format(stamp)
	w.mu.Lock()
	w.total++
	if tick.Attempt == 1 {
		w.first[key]++
	}
	if w.active[tick.Job]++; w.active[tick.Job] > 1 {
		w.t.Errorf("%s after %s: %d runs at once", tick.Job, time.Since(w.began), w.active[tick.Job])
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.active[tick.Job]--
	}()
	lasts := time.Duration(w.upTo(int64(20 * time.Second)))
	if !w.quiet() {
		lasts *= 20
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lasts):
	}
	if !w.quiet() && w.chance(4) {
		return fault.Errorf(fault.Transient, "no luck")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.good[key]++
	return nil
}

// view is the store as one daemon sees it: answers get lost, calls fail for a while, and the daemon may be dead.
type view struct {
	*scheduletest.Memory
	world *world

	mu   sync.Mutex
	away time.Time // calls fail until then
	dead bool
}

// fails decides the fate of a call: before it takes effect, or after.
func (v *view) fails() (before, after bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.dead:
		return true, false
	case v.world.quiet():
		return false, false
	case time.Now().Before(v.away):
		return true, false
	case v.world.chance(300):
		v.away = time.Now().Add(time.Duration(v.world.upTo(int64(4 * time.Minute))))
		return v.world.chance(2), true
	}
	return false, v.world.chance(100)
}

func through[T any](v *view, call func() (T, error)) (T, error) {
	var none T
	before, after := v.fails()
	if before {
		return none, errAway
	}
	result, err := call()
	if after {
		return none, errAway
	}
	return result, err
}

func (v *view) States(ctx context.Context) ([]schedule.State, error) {
	return through(v, func() ([]schedule.State, error) { return v.Memory.States(ctx) })
}

func (v *view) ClaimTick(ctx context.Context, job string, tick time.Time, holder string, ttl time.Duration) (bool, error) {
	return through(v, func() (bool, error) { return v.Memory.ClaimTick(ctx, job, tick, holder, ttl) })
}

func (v *view) ClaimRepeat(ctx context.Context, job string, attempt int, holder string, ttl time.Duration) (bool, error) {
	return through(v, func() (bool, error) { return v.Memory.ClaimRepeat(ctx, job, attempt, holder, ttl) })
}

func (v *view) SkipTick(ctx context.Context, job string, tick time.Time) (bool, error) {
	return through(v, func() (bool, error) { return v.Memory.SkipTick(ctx, job, tick) })
}

func (v *view) RenewJob(ctx context.Context, job, holder string, ttl time.Duration) (bool, error) {
	return through(v, func() (bool, error) { return v.Memory.RenewJob(ctx, job, holder, ttl) })
}

func (v *view) FinishJob(ctx context.Context, job, holder string, attempt int, repeatAt time.Time) error {
	_, err := through(v, func() (struct{}, error) { return struct{}{}, v.Memory.FinishJob(ctx, job, holder, attempt, repeatAt) })
	return err
}
