package schedule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/schedule"
	"ordersync/internal/schedule/scheduletest"
)

var orders = schedule.Lease{Source: "us-store", Stream: "orders", Holder: "host-1/us-orders"}

// holds reports who has the lease of orders.
func holds(t *testing.T, store *scheduletest.Memory) string {
	t.Helper()
	l, ok, err := store.AcquireLease(t.Context(), orders.Source, orders.Stream, "visitor", time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		return ""
	}
	return l.Holder
}

func TestHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(scheduletest.Memory)
		failure := errors.New("no luck")
		err := schedule.Hold(t.Context(), store, orders, func(ctx context.Context) error {
			for range 20 { // longer than a lease lasts
				time.Sleep(17 * time.Second)
				if got := holds(t, store); got != orders.Holder || ctx.Err() != nil {
					t.Fatalf("%s has the lease, %v", got, ctx.Err())
				}
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("Hold = %v", err)
		}
		if got := holds(t, store); got != "" {
			t.Errorf("%s has the lease afterwards", got)
		}
		func() {
			defer func() {
				if r := recover(); r != "oops" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = schedule.Hold(t.Context(), store, orders, func(context.Context) error { panic("oops") })
		}()
		if got := holds(t, store); got != "" {
			t.Errorf("%s has the lease after a panic", got)
		}
	})
}

func TestHoldBusy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(scheduletest.Memory)
		if _, ok, err := store.AcquireLease(t.Context(), "us-store", "orders", "vps-1a2b3c4d/us-orders", schedule.TTL); !ok || err != nil {
			t.Fatal(ok, err)
		}
		err := schedule.Hold(t.Context(), store, orders, func(context.Context) error {
			t.Error("called while another one has the lease")
			return nil
		})
		busy, ok := errors.AsType[*schedule.BusyError](err)
		if !ok || busy.Lease.Holder != "vps-1a2b3c4d/us-orders" || fault.KindOf(err) != fault.Transient {
			t.Fatalf("Hold = %v", err)
		}
		want := "orders of us-store is being worked by vps-1a2b3c4d/us-orders since 2000-01-01 00:00:00 UTC, " +
			"until 2000-01-01 00:00:30 UTC unless it goes on"
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := holds(t, store); got != "vps-1a2b3c4d/us-orders" {
			t.Errorf("%s has the lease afterwards", got)
		}
	})
}

// TestHoldOwn: a restart takes its own lease back at once.
func TestHoldOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(scheduletest.Memory)
		if _, ok, err := store.AcquireLease(t.Context(), orders.Source, orders.Stream, orders.Holder, schedule.TTL); !ok || err != nil {
			t.Fatal(ok, err)
		}
		called := false
		if err := schedule.Hold(t.Context(), store, orders, func(context.Context) error { called = true; return nil }); err != nil || !called {
			t.Errorf("Hold = %v, called %v", err, called)
		}
	})
}

func TestHoldLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(scheduletest.Memory)
		err := schedule.Hold(t.Context(), store, orders, func(ctx context.Context) error {
			if err := store.ReleaseLease(ctx, orders.Source, orders.Stream, orders.Holder); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := store.AcquireLease(ctx, orders.Source, orders.Stream, "host-2/us-orders", schedule.TTL); !ok || err != nil {
				t.Fatal(ok, err)
			}
			<-ctx.Done()
			return fault.New(fault.Database, ctx.Err())
		})
		if !errors.Is(err, schedule.ErrLost) || fault.KindOf(err) != fault.Transient {
			t.Errorf("Hold = %v", err)
		}
		if got := holds(t, store); got != "host-2/us-orders" {
			t.Errorf("%s has the lease afterwards", got)
		}
	})
}

func TestHoldStoreAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		began := time.Now()
		store := &scheduletest.Memory{Before: func(ctx context.Context, method string) error {
			if time.Since(began) < 15*time.Second {
				return nil
			}
			<-ctx.Done() // no answer
			return context.Cause(ctx)
		}}
		var ended time.Duration
		err := schedule.Hold(t.Context(), store, orders, func(ctx context.Context) error {
			<-ctx.Done()
			ended = time.Since(began)
			return ctx.Err()
		})
		if fault.KindOf(err) != fault.Database || ended < 35*time.Second || ended >= 40*time.Second {
			t.Errorf("Hold = %v after %s", err, ended) // renewed for 30 s at 10 s
		}
		if err := schedule.Hold(t.Context(), store, orders, nil); fault.KindOf(err) != fault.Database {
			t.Errorf("Hold without a store = %v", err)
		}
	})
}

// TestHoldStopped: the stop is not a failure of the lease, which is held until the work has ended and then given back.
func TestHoldStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := new(scheduletest.Memory)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errStop) })
		err := schedule.Hold(ctx, store, orders, func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), errStop) {
				t.Errorf("stopped by %v", context.Cause(ctx))
			}
			time.Sleep(45 * time.Second)
			if got := holds(t, store); got != orders.Holder {
				t.Errorf("%s has the lease while the work winds down", got)
			}
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || fault.KindOf(err) != 0 {
			t.Errorf("Hold = %v", err)
		}
		if got := holds(t, store); got != "" {
			t.Errorf("%s has the lease afterwards", got)
		}
	})
}

func TestWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &scheduletest.Memory{Skew: -time.Hour}
		began := time.Now()
		go func() {
			_ = schedule.Hold(t.Context(), store, schedule.Lease{Source: "us-store", Stream: "orders", Holder: "one"}, func(context.Context) error {
				time.Sleep(55 * time.Second)
				return nil
			})
			// One more that dies with the lease in hand.
			_, _, _ = store.AcquireLease(t.Context(), "us-store", "orders", "two", schedule.TTL)
		}()
		synctest.Wait()
		var found []string
		err := schedule.Wait(t.Context(), store, orders,
			func(busy *schedule.BusyError) { found = append(found, busy.Lease.Holder) },
			func(context.Context) error { return nil })
		if err != nil {
			t.Errorf("Wait = %v", err)
		}
		if diff := cmp.Diff([]string{"one", "two"}, found); diff != "" {
			t.Errorf("holders that were found (-want +got):\n%s", diff)
		}
		if waited := time.Since(began); waited != 85*time.Second {
			t.Errorf("waited for %s", waited)
		}

		if _, ok, err := store.AcquireLease(t.Context(), "us-store", "orders", "three", time.Hour); !ok || err != nil {
			t.Fatal(ok, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errStop) })
		if err := schedule.Wait(ctx, store, orders, nil, nil); !errors.Is(err, errStop) || !strings.Contains(err.Error(), "orders of us-store") {
			t.Errorf("Wait = %v", err)
		}
	})
}
