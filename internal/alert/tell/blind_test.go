package tell_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
)

// Who cannot look at the sources would not notice that they are silent: it is told, and that it is over.
func TestLookFails(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func() error{
		"an error": func() error { return errors.New("SELECT command denied") },
		"a panic":  func() error { panic("oops") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				var fails atomic.Bool
				s.options = func(o *tell.Options) {
					o.Look = func(context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) {
						if fails.Load() {
							return nil, nil, alert.World{}, look()
						}
						return nil, nil, alert.World{}, nil
					}
				}
				email := &mailbox{name: "email"}
				d := s.start("a", stateDir(t), email)
				defer d.stop()
				after(5 * time.Minute)
				fails.Store(true)
				after(2 * time.Minute)
				wantLines(t, "after two looks", email)
				after(5 * time.Minute)
				wantLines(t, "after seven minutes", email, "alarm internal opened host/vps-1")
				fails.Store(false)
				after(6 * time.Minute)
				wantLines(t, "when it can look again", email, "alarm internal opened host/vps-1", "relief internal recovered host/vps-1")

				// Another daemon takes over: it is no trouble of this one any longer.
				fails.Store(true)
				after(2 * time.Minute)
				s.db.pass("another")
				after(time.Hour)
				wantLines(t, "in the hands of another", email, "alarm internal opened host/vps-1", "relief internal recovered host/vps-1")
			})
		})
	}
}

// A week that cannot be counted is not counted all the time, and told when it can be.
func TestWeekFails(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		var counted atomic.Int64
		broken := errors.New("no tables")
		s.options = func(o *tell.Options) {
			tick := s.db.now().Add(time.Minute)
			o.Weekly = func(now time.Time) time.Time {
				if now.Before(tick) {
					return time.Time{}
				}
				return tick
			}
			o.Week = func(_ context.Context, since, until time.Time) (alert.Week, error) {
				if counted.Add(1) < 4 {
					return alert.Week{}, broken
				}
				return alert.Week{Since: since, Until: until}, nil
			}
		}
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		after(10 * time.Minute)
		if n := counted.Load(); n != 2 {
			t.Errorf("counted %d times in 10 minutes, want 2", n)
		}
		after(20 * time.Minute)
		wantLines(t, "in the end", email, "weekly")
	})
}
