package courier_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/alert/courier"
)

// drive runs the lanes while work does, and until they have stopped.
func drive(ctx context.Context, l *courier.Lanes, work func()) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	work()
	stop()
	running.Wait()
}

func TestLanesKeepTheirOrderAndWidth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		var at, most atomic.Int64
		l := courier.NewLanes(2, 10, func(lane string) { t.Error("dropped from", lane) })
		drive(t.Context(), l, func() {
			for i := range 3 {
				for _, name := range []string{"a", "b", "c"} {
					l.Put(name, func(context.Context) {
						now := at.Add(1)
						most.Store(max(most.Load(), now))
						time.Sleep(time.Second)
						at.Add(-1)
						mu.Lock()
						defer mu.Unlock()
						seen = append(seen, name+strconv.Itoa(i))
					})
				}
			}
			time.Sleep(time.Minute)
		})
		if most.Load() != 2 || len(seen) != 9 {
			t.Errorf("%d at once, %q", most.Load(), seen)
		}
		for _, name := range []string{"a", "b", "c"} {
			if !(slices.Index(seen, name+"0") < slices.Index(seen, name+"1") && slices.Index(seen, name+"1") < slices.Index(seen, name+"2")) {
				t.Errorf("%s is out of order: %q", name, seen)
			}
		}
	})
}

func TestLanesDropTheOldest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		var lost int
		l := courier.NewLanes(1, 2, func(string) { lost++ })
		release := make(chan struct{})
		drive(t.Context(), l, func() {
			l.Put("a", func(context.Context) { <-release })
			synctest.Wait() // it is under way, and waits no more
			for i := range 5 {
				l.Put("a", func(context.Context) { seen = append(seen, i) })
			}
			close(release)
			synctest.Wait()
		})
		if diff := cmp.Diff([]int{3, 4}, seen); diff != "" || lost != 3 {
			t.Errorf("%d lost: %s", lost, diff)
		}
		l.Put("a", func(context.Context) { t.Error("done after the end") })
		if lost != 4 {
			t.Errorf("%d lost after the end", lost)
		}
	})
}

func TestLanesFlushForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var done, lost int
		l := courier.NewLanes(1, 100, func(string) { lost++ })
		var stopping time.Time
		drive(t.Context(), l, func() {
			for range 10 {
				l.Put("a", func(ctx context.Context) {
					timer := time.NewTimer(time.Second)
					defer timer.Stop()
					select {
					case <-timer.C:
						done++
					case <-ctx.Done():
						lost++
					}
				})
			}
			stopping = time.Now()
		})
		if took := time.Since(stopping); took != courier.Flush || done+lost != 10 || done < 4 {
			t.Errorf("it took %v; %d done, %d lost", took, done, lost)
		}
	})
}

func TestLanesDoNotPauseWhenTheyStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second bool
		l := courier.NewLanes(1, 1, func(string) {})
		began := time.Now()
		drive(t.Context(), l, func() {
			l.Put("a", func(ctx context.Context) {
				first = l.Pause(ctx, time.Minute)
				second = l.Pause(ctx, time.Hour)
			})
			time.Sleep(2 * time.Minute)
		})
		if !first || second || time.Since(began) != 2*time.Minute {
			t.Errorf("%t, %t after %v", first, second, time.Since(began))
		}
	})
}

// Whatever is put when, each task is done or dropped exactly once, and those of a lane in order.
func TestLanesLoseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		wide, deep := rapid.IntRange(1, 4).Draw(r, "wide"), rapid.IntRange(1, 4).Draw(r, "deep")
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "wait"}), 0, 60).Draw(r, "steps")
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			done, lost, put := map[string][]int{}, map[string]int{}, map[string]int{}
			l := courier.NewLanes(wide, deep, func(lane string) {
				mu.Lock()
				defer mu.Unlock()
				lost[lane]++
			})
			drive(t.Context(), l, func() {
				for _, name := range steps {
					if name == "wait" {
						time.Sleep(1500 * time.Millisecond)
						continue
					}
					n := put[name]
					put[name]++
					l.Put(name, func(context.Context) {
						time.Sleep(time.Second)
						mu.Lock()
						defer mu.Unlock()
						done[name] = append(done[name], n)
					})
				}
			})
			for _, name := range slices.Sorted(maps.Keys(put)) {
				if len(done[name])+lost[name] != put[name] || !slices.IsSorted(done[name]) {
					t.Errorf("%s: %v done, %d lost of %d", name, done[name], lost[name], put[name])
				}
			}
		})
	})
}
