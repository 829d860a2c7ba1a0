package ordersync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
)

var (
	seeds    = flag.Int("seeds", 500, "simulated runs of each kind of listing")
	oneSeed  = flag.Uint64("seed", 0, "simulate this seed alone")
	kindSeed = flag.String("kind", "", "simulate this kind of listing alone")
)

const settle = 3 * time.Second

func stream(w *world, m *memory, name string) *ordersync.Stream {
	s := &ordersync.Stream{
		ID: "shop", Name: name, Source: remote{w}, Store: m,
		Limits: ordersync.Limits{Step: time.Second, Settle: settle, Slice: 6 * time.Hour},
	}
	if w.impatient {
		s.Limits.Settle = 0
	}
	if w.kind == byCreatedDay {
		s.Limits.Step = 24 * time.Hour
	}
	return s
}

// simulate runs the engine against a world in trouble, then lets the world rest, and returns what is wrong in the end.
func simulate(t *testing.T, seed uint64, kind listing, plant func(*world, *memory)) []string {
	t.Helper()
	w := newWorld(seed, kind)
	m := newMemory(w)
	w.churn, w.trouble, w.death, w.lag = 0.3, 0.02, 0.01, settle-time.Second
	if kind != byCursor {
		w.lapse = 0.01
	}
	if plant != nil {
		plant(w, m)
	}
	s := stream(w, m, "orders")
	span := ordersync.Span{Start: w.now.Add(-24 * time.Hour)}
	for range 12 {
		w.mu.Lock()
		w.killed = false
		w.now = w.now.Add(time.Duration(w.rng.IntN(120)) * time.Second)
		w.mu.Unlock()
		if _, err := s.Run(t.Context(), span); err != nil && !expected(err) {
			return []string{fmt.Sprintf("seed %d: %v", seed, err)}
		}
	}
	w.churn, w.trouble, w.death, w.lapse, w.half, w.hook = 0, 0, 0, 0, false, nil
	w.killed = false
	w.now = w.now.Add(time.Minute)
	if run, err := s.Run(t.Context(), span); err != nil {
		return []string{fmt.Sprintf("seed %d: the quiet run failed: %v (%+v)", seed, err, run)}
	}
	if kind == byCreatedDay {
		sweep := stream(w, m, "sweep")
		if _, err := sweep.Run(t.Context(), ordersync.Span{Back: 48 * time.Hour}); err != nil {
			return []string{fmt.Sprintf("seed %d: the quiet sweep failed: %v", seed, err)}
		}
	}
	return append(m.broken, m.differences()...)
}

// expected errors are those that the world makes itself, and a remote so busy that six readings differ.
func expected(err error) bool {
	return errors.Is(err, errDropped) || errors.Is(err, errKilled) || errors.Is(err, order.ErrMoved) || fault.KindOf(err) == fault.Protocol
}

// TestSimulation: whatever changes, fails or dies while pages are read, the watermark is never ahead of the rows, and one quiet run
// later (for listings by creation date: one quiet sync and one quiet sweep) the store equals the truth.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for kind := byModified; kind <= byCreatedDay; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			if *kindSeed != "" && *kindSeed != kind.String() {
				t.SkipNow()
			}
			for seed := uint64(1); seed <= uint64(*seeds); seed++ {
				if *oneSeed != 0 {
					seed = *oneSeed
				}
				if wrong := simulate(t, seed, kind, nil); len(wrong) > 0 {
					t.Fatalf("-seed=%d -kind=%s: %d differences, the first: %s", seed, kind, len(wrong), wrong[0])
				}
				if *oneSeed != 0 {
					break
				}
			}
		})
	}
}

// TestSimulationTwoWorkers: a worker that is frozen in mid-run while another goes on corrupts nothing when it wakes up.
func TestSimulationTwoWorkers(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= uint64(*seeds); seed++ {
		wrong := simulate(t, seed, byModified, freeze(t))
		if len(wrong) > 0 {
			t.Fatalf("seed %d: %d differences, the first: %s", seed, len(wrong), wrong[0])
		}
	}
}

// freeze lets a second worker run whole now and then, while the first stands at an I/O point.
func freeze(t *testing.T) func(*world, *memory) {
	return func(w *world, m *memory) {
		busy := make(chan struct{}, 1)
		second := stream(w, m, "orders")
		w.death = 0
		w.hook = func() {
			w.mu.Lock()
			due := w.rng.IntN(20) == 0
			w.mu.Unlock()
			if !due {
				return
			}
			select {
			case busy <- struct{}{}:
				defer func() { <-busy }()
				_, _ = second.Run(context.WithoutCancel(t.Context()), ordersync.Span{Start: w.now.Add(-24 * time.Hour)})
			default:
			}
		}
	}
}

// TestPlantedBugs: the simulation is worth something only if it finds what it is for. Each bug must be found within 500 seeds.
func TestPlantedBugs(t *testing.T) {
	t.Parallel()
	alone := func(set func(*world)) func(*testing.T) func(*world, *memory) {
		return func(*testing.T) func(*world, *memory) { return func(w *world, _ *memory) { set(w) } }
	}
	frozen := func(set func(*world)) func(*testing.T) func(*world, *memory) {
		return func(t *testing.T) func(*world, *memory) {
			return func(w *world, m *memory) { freeze(t)(w, m); set(w) }
		}
	}
	for name, plant := range map[string]func(*testing.T) func(*world, *memory){
		"no fence":                     frozen(func(w *world) { w.unfenced = true }),
		"no version guard, no fence":   frozen(func(w *world) { w.unguarded, w.unfenced = true, true }),
		"no settle time":               alone(func(w *world) { w.impatient = true }),
		"upper bound by another clock": alone(func(w *world) { w.ahead = time.Minute }),
		"exclusive lower bound":        alone(func(w *world) { w.exclusive = true }),
		"unknown commit taken as done": alone(func(w *world) { w.unasked, w.unfenced = true, true }),
		"checkpoint before rows":       alone(func(w *world) { w.half = true }),
		"poison dropped":               alone(func(w *world) { w.dropPoison = true }),
		"poison never released":        alone(func(w *world) { w.keepDead = true }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 500; seed++ {
				if wrong := simulate(t, seed, byModified, plant(t)); len(wrong) > 0 {
					t.Logf("found at seed %d: %s", seed, wrong[0])
					return
				}
			}
			t.Error("500 seeds did not find it")
		})
	}
}
