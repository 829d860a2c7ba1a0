package tell_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
	"ordersync/internal/fault"
)

var (
	errGreylisted = fault.Errorf(fault.Transient, "450 come back later")
	errPassword   = fault.Errorf(fault.Config, "535 the server refuses the password")
	errMailbox    = fault.Errorf(fault.Rejected, "550 no such mailbox")
)

func wantLines(t *testing.T, what string, m *mailbox, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, m.lines(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s got (-want +got):\n%s", what, m.name, diff)
	}
}

// Two failed runs and two good ones: one alarm, one relief, through each channel, on time, filled in; and both on the books.
func TestToldOnceAndOver(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) {
			o.Fill = func(_ context.Context, n *alert.Notice) error {
				for i := range n.Items {
					n.Items[i].Facts.Standing = &alert.Standing{Behind: time.Hour}
				}
				return nil
			}
		}
		email, sentry := &mailbox{name: "email"}, &mailbox{name: "sentry"}
		d := s.start("a", stateDir(t), email, sentry)
		defer d.stop()
		after(time.Minute)
		d.failed(t, "us-store", alert.HTTP)
		after(time.Minute)
		d.failed(t, "us-store", alert.HTTP)
		opened := time.Now()
		after(40 * time.Second)
		for _, m := range []*mailbox{email, sentry} {
			wantLines(t, "after two failures", m, "alarm http opened source/us-store")
			r := m.receipts()[0]
			if waited := r.at.Sub(opened); waited < 30*time.Second || waited > 35*time.Second || r.notice.Items[0].Facts.Standing.Behind != time.Hour {
				t.Errorf("told after %s: %+v", waited, r.notice)
			}
		}
		for range 300 {
			after(time.Minute)
			d.failed(t, "us-store", alert.HTTP)
		}
		for range 3 {
			after(time.Minute)
			d.good(t, "us-store")
		}
		after(10 * time.Minute)
		wantLines(t, "in the end", email, "alarm http opened source/us-store", "alarm http reminded source/us-store", "relief http recovered source/us-store")
		if got := d.Counts(); got != (tell.Counts{Sent: 6}) {
			t.Errorf("%+v", got)
		}
		for _, delivery := range s.db.deliveries {
			if delivery.State != alert.Sent || delivery.Attempts != 1 || delivery.EndedAt.Before(delivery.MadeAt) {
				t.Errorf("%+v", delivery)
			}
		}
	})
}

// 500 sources fail at once: one notice. The network of all of them comes back: one more.
func TestManyFailAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		for range 2 {
			after(time.Minute)
			for i := range 1200 { // more than are read at once
				d.failed(t, fmt.Sprintf("store-%04d", i), alert.Payload)
			}
		}
		after(5 * time.Minute)
		got := email.receipts()
		if len(got) != 1 || len(got[0].notice.Items) != alert.MaxItems || got[0].notice.More != 1200-alert.MaxItems {
			t.Fatalf("%d notices: %q", len(got), email.lines())
		}
	})
}

// A channel that fails costs the others nothing, is told through them, and gets what it missed, in order: the notice that it may have
// had already, then the others as one.
func TestChannelFails(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]func(ctx context.Context, n alert.Notice) (bool, error){
		"greylisted": func(context.Context, alert.Notice) (bool, error) { return false, errGreylisted },
		"says nothing": func(ctx context.Context, _ alert.Notice) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		},
		"panics": func(context.Context, alert.Notice) (bool, error) { panic("oops") },
		"refuses the password": func(context.Context, alert.Notice) (bool, error) {
			return false, errPassword
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				email, sentry := &mailbox{name: "email", act: failure}, &mailbox{name: "sentry"}
				d := s.start("a", stateDir(t), email, sentry)
				defer d.stop()
				var want []string
				for i := range 5 {
					source := fmt.Sprintf("store-%d", i)
					d.failed(t, source, alert.Auth)
					want = append(want, "alarm auth opened source/"+source)
					after(6 * time.Minute)
				}
				for i, r := range sentry.receipts() {
					if r.notice.Class == alert.Auth && r.at.Sub(r.notice.At.Add(-s.db.ahead)) > time.Second {
						t.Errorf("notice %d waited for %s", i, r.at.Sub(r.notice.At))
					}
				}
				told := sentry.lines()
				channel := slices.Index(told, "alarm channel opened channel/email")
				if channel < 0 || sentry.receipts()[channel].notice.Items[0].Error == "" {
					t.Fatalf("the channel's failure is not told: %q", told)
				}
				if diff := cmp.Diff(want, slices.Delete(slices.Clone(told), channel, channel+1)); diff != "" {
					t.Errorf("sentry got (-want +got):\n%s", diff)
				}
				wantLines(t, "while it fails", email)
				email.fails(nil)
				after(30 * time.Minute)
				digest := "digest"
				for _, line := range want[1:] {
					digest += " (" + line + ")"
				}
				wantLines(t, "when it works again", email, want[0], digest, "relief channel recovered channel/email")
				if told := sentry.lines(); told[len(told)-1] != "relief channel recovered channel/email" {
					t.Errorf("sentry got %q", told)
				}
				if c := d.Counts(); c.Merged != 4 || c.GivenUp != 0 || c.Failed == 0 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// A passing failure is tried again after 30 s, then doubling up to 15 minutes, never before the wait that was stated; after a day the
// notice is given up.
func TestAttempts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		var mu sync.Mutex
		var all []time.Duration
		var began time.Time
		asks := func(stated time.Duration) {
			email.does(func(context.Context, alert.Notice) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				if began.IsZero() {
					began = time.Now()
				}
				all = append(all, time.Since(began))
				return false, &fault.Error{Kind: fault.Transient, RetryAfter: stated, Err: errGreylisted}
			})
		}
		attempts := func() []time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		asks(0)
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(65 * time.Minute)
		at := attempts()
		want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second, 930 * time.Second}
		if diff := cmp.Diff(want, at[:6]); diff != "" || at[7]-at[6] != 15*time.Minute {
			t.Errorf("attempts (-want +got):\n%s%v", diff, at)
		}
		asks(3 * time.Hour)
		after(15 * time.Minute)
		before := len(attempts())
		after(2*time.Hour + 30*time.Minute)
		if got := len(attempts()); got != before {
			t.Errorf("%d attempts while it had asked for a pause", got-before)
		}
		asks(0)
		after(22 * time.Hour)
		s.db.set(func(db *database) {
			if got := db.deliveries[0]; got.State != alert.GivenUp || got.Attempts < 50 || got.Error == "" || got.EndedAt.Sub(got.MadeAt) < 24*time.Hour {
				t.Errorf("after a day: %s after %d attempts", got.State, got.Attempts)
			}
		})
		if c := d.Counts(); c.GivenUp == 0 {
			t.Errorf("%+v", c)
		}
	})
}

// What is refused for itself does not hold up the others.
func TestRefusedNotice(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		email.does(func(_ context.Context, n alert.Notice) (bool, error) {
			if n.Class == alert.Auth {
				return false, errMailbox
			}
			return true, nil
		})
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(time.Minute)
		d.failed(t, "us-store", alert.Payload)
		after(time.Minute)
		wantLines(t, "after a refusal", email, "alarm payload opened source/us-store")
		if email.attempts() != 2 {
			t.Errorf("%d attempts", email.attempts())
		}
		email.fails(nil)
		after(20 * time.Minute)
		wantLines(t, "later", email, "alarm payload opened source/us-store", "alarm auth opened source/us-store")
	})
}

// However much there is to tell, a channel takes at most 20 notices in any hour, and gets everything.
func TestCap(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) { o.Rules = alert.Rules{GroupWait: time.Second, GroupInterval: time.Second} }
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		const sources = 100
		for i := range sources {
			d.failed(t, fmt.Sprintf("store-%d", i), alert.Auth)
			after(30 * time.Second)
		}
		after(2 * time.Hour)
		got := email.receipts()
		told, longest := map[alert.Scope]int{}, time.Duration(0)
		for i, r := range got {
			if i >= 20 && r.at.Sub(got[i-20].at) < time.Hour {
				t.Errorf("notices %d to %d came within %s", i-20, i, r.at.Sub(got[i-20].at))
			}
			for _, n := range append(r.notice.Parts, r.notice) {
				for _, item := range n.Items {
					if item.Change == alert.Opened {
						told[item.Scope]++
						longest = max(longest, r.at.Sub(n.At.Add(-s.db.ahead)))
					}
				}
			}
		}
		if len(told) != sources || longest > 12*time.Minute {
			t.Errorf("%d of %d were told, the last after %s", len(told), sources, longest)
		}
		for scope, n := range told {
			if n != 1 {
				t.Errorf("%s was told %d times", scope, n)
			}
		}
		t.Logf("%d sources in %s: %d notices, the longest wait %s", sources, time.Duration(sources)*30*time.Second, len(got), longest)
	})
}

// While the database is away its host tells so, once; runs go to the spool and are told when it is back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*database, bool){
		"refuses":       func(d *database, away bool) { d.away = away },
		"never answers": func(d *database, away bool) { d.hangs = away },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				email := &mailbox{name: "email"}
				d := s.start("a", stateDir(t), email)
				defer d.stop()
				after(time.Minute)
				s.db.set(func(db *database) { away(db, true) })
				began := time.Now()
				d.failed(t, "us-store", alert.Auth)
				if time.Since(began) > 6*time.Second {
					t.Errorf("a run waited for %s", time.Since(began))
				}
				d.failed(t, "eu-store", alert.Database)
				after(10 * time.Minute)
				wantLines(t, "while it is away", email, "alarm db opened host/vps-1")
				if waited := email.receipts()[0].at.Sub(began); waited > 90*time.Second {
					t.Errorf("told after %s", waited)
				}
				after(5 * time.Hour)
				s.db.set(func(db *database) { away(db, false) })
				d.good(t, "eu-store")
				after(10 * time.Minute)
				wantLines(t, "when it is back", email, "alarm db opened host/vps-1", "alarm db reminded host/vps-1",
					"alarm auth opened source/us-store", "relief db recovered host/vps-1")
			})
		})
	}
}

// A flicker of the database is not told.
func TestDatabaseFlickers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		for range 5 {
			after(20 * time.Minute)
			s.db.set(func(db *database) { db.away = true })
			after(15 * time.Second)
			s.db.set(func(db *database) { db.away = false })
		}
		after(10 * time.Minute)
		wantLines(t, "after flickers", email)
	})
}

// The database goes away between sending and recording: the notice is not sent again, by this process or the next, and is recorded when
// the database is back.
func TestSentAndNotRecorded(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		dir := stateDir(t)
		email := &mailbox{name: "email"}
		email.does(func(_ context.Context, n alert.Notice) (bool, error) {
			if n.Class == alert.Auth {
				s.db.set(func(db *database) { db.away = true })
			}
			return true, nil
		})
		d := s.start("a", dir, email)
		d.failed(t, "us-store", alert.Auth)
		after(35 * time.Second)
		wantLines(t, "sent", email, "alarm auth opened source/us-store")
		s.db.set(func(db *database) {
			if db.deliveries[0].State != alert.Waiting {
				t.Error("recorded though the database was away")
			}
			db.away = false
		})
		after(20 * time.Second)
		s.db.set(func(db *database) {
			if got := db.deliveries[0]; got.State != alert.Sent || got.Attempts != 1 || got.EndedAt.IsZero() {
				t.Errorf("not recorded when it was back: %+v", got)
			}
			db.deliveries[0].State = alert.Waiting // as if it had been away all the time
		})
		after(time.Minute)
		wantLines(t, "in the same process", email, "alarm auth opened source/us-store")
		s.db.set(func(db *database) { db.deliveries = nil })
		after(time.Hour)
		d.failed(t, "eu-store", alert.Auth)
		after(40 * time.Second)
		took := d.stop()
		s.db.set(func(db *database) { db.away = false })
		d = s.start("a", dir, email)
		defer d.stop()
		after(time.Hour)
		wantLines(t, "after a restart", email, "alarm auth opened source/us-store", "alarm auth opened source/eu-store")
		s.db.set(func(db *database) {
			if db.deliveries[0].State != alert.Sent {
				t.Errorf("%+v", db.deliveries[0])
			}
		})
		if took > 5*time.Second {
			t.Errorf("the stop took %s", took)
		}
	})
}

// The lease passes to another daemon in the middle of a send: that ends, the other one sends the same notice, and the first one leaves it
// alone.
func TestLeasePassesInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, took := range map[string]bool{"not taken": false, "taken": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				first, second := &mailbox{name: "email"}, &mailbox{name: "email"}
				slow := true
				first.does(func(ctx context.Context, _ alert.Notice) (bool, error) {
					if slow {
						<-ctx.Done()
						return took, ctx.Err()
					}
					return true, nil
				})
				a := s.start("a", stateDir(t), first)
				defer a.stop()
				after(10 * time.Second)
				b := s.start("b", stateDir(t), second)
				defer b.stop()
				a.failed(t, "us-store", alert.Auth)
				after(50 * time.Second)
				if first.attempts() != 1 {
					t.Fatalf("%d attempts", first.attempts())
				}
				s.db.pass("b")
				slow = false
				after(10 * time.Minute)
				wantLines(t, "the second", second, "alarm auth opened source/us-store")
				if got := first.receipts(); took && (len(got) != 1 || got[0].notice.ID != second.receipts()[0].notice.ID) || !took && len(got) != 0 {
					t.Errorf("the first: %+v", got)
				}
				if c := a.Counts(); c.Failed != 0 {
					t.Errorf("the end of the lease counts as a failure of the channel: %+v", c)
				}
				b.stop()
				a.failed(t, "eu-store", alert.Auth)
				after(time.Minute)
				if lines := first.lines(); lines[len(lines)-1] != "alarm auth opened source/eu-store" {
					t.Errorf("when it has the lease again: %q", lines)
				}
			})
		})
	}
}

// A stop lets what can be sent at once be sent, and waits for nothing longer than 5 s.
func TestStop(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context, _ alert.Notice) (bool, error) {
		<-ctx.Done()
		return false, ctx.Err()
	}
	slowly := func(wait time.Duration) func(ctx context.Context, _ alert.Notice) (bool, error) {
		return func(ctx context.Context, _ alert.Notice) (bool, error) {
			select {
			case <-ctx.Done():
				return false, ctx.Err()
			case <-time.After(wait):
				return true, nil
			}
		}
	}
	for _, c := range []struct {
		name  string
		act   func(ctx context.Context, _ alert.Notice) (bool, error)
		hangs bool
		most  time.Duration
		sent  int
	}{
		{name: "a quick channel", most: time.Second, sent: 2},
		{name: "a slow one", act: slowly(time.Second), most: 3 * time.Second, sent: 2},
		{name: "one that is too slow", act: slowly(3 * time.Second), most: 5 * time.Second, sent: 1},
		{name: "a silent one", act: silent, most: 5 * time.Second},
		{name: "one that failed", act: func(context.Context, alert.Notice) (bool, error) { return false, errGreylisted }, most: time.Second},
		{name: "a database that does not answer", act: slowly(time.Second), hangs: true, most: 5 * time.Second, sent: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *scene) {
				email := &mailbox{name: "email"}
				d := s.start("a", stateDir(t), email)
				after(time.Second)
				began := time.Now()
				email.does(func(ctx context.Context, n alert.Notice) (bool, error) {
					if time.Since(began) < 36*time.Second {
						<-ctx.Done() // until the lease is lost
						return false, ctx.Err()
					}
					if c.act == nil {
						return true, nil
					}
					return c.act(ctx, n)
				})
				d.failed(t, "us-store", alert.Auth)
				d.failed(t, "us-store", alert.Payload)
				after(time.Until(began.Add(35500 * time.Millisecond)))
				s.db.pass("")
				after(5 * time.Second) // the lease is taken again, and it is sent anew
				s.db.set(func(db *database) { db.hangs = c.hangs })
				took := d.stop()
				if got := len(email.receipts()); took > c.most || got < c.sent {
					t.Errorf("the stop took %s, %d were sent", took, got)
				}
				s.db.set(func(db *database) {
					db.hangs = false
					if db.holder != "" {
						t.Errorf("%s kept the lease", db.holder)
					}
				})
				email.fails(nil)
				d = s.start("a", d.dir, email)
				defer d.stop()
				after(20 * time.Minute)
				told := map[string]int{}
				for _, r := range email.receipts() {
					told[r.notice.ID]++
				}
				if len(told) != 2 {
					t.Errorf("in the end %q", email.lines())
				}
			})
		})
	}
}

// A stop while nothing is told, or the lease is another's, or the database does not answer, is quick.
func TestStopIdle(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		a := s.start("a", stateDir(t))
		after(time.Second)
		b := s.start("b", stateDir(t))
		after(time.Minute)
		if took := b.stop(); took > time.Second {
			t.Errorf("without the lease it took %s", took)
		}
		if took := a.stop(); took > time.Second {
			t.Errorf("with the lease it took %s", took)
		}
		s.db.hangs = true
		c := s.start("c", stateDir(t))
		after(time.Minute)
		if took := c.stop(); took > time.Second {
			t.Errorf("without a database it took %s", took)
		}
	})
}

// Reloading puts other channels in the place of those that fail, at once, and takes away and brings back.
func TestReload(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		wrong, right, sentry := &mailbox{name: "email"}, &mailbox{name: "email"}, &mailbox{name: "sentry"}
		wrong.fails(errPassword)
		d := s.start("a", stateDir(t), wrong, sentry)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(5 * time.Minute)
		d.SetChannels([]tell.Channel{right, sentry})
		after(10 * time.Second)
		wantLines(t, "the right one, at once", right, "alarm auth opened source/us-store")
		after(10 * time.Minute)
		wantLines(t, "the right one", right, "alarm auth opened source/us-store", "relief channel recovered channel/email")

		d.SetChannels([]tell.Channel{sentry})
		d.failed(t, "eu-store", alert.Payload)
		after(5 * time.Minute)
		d.SetChannels([]tell.Channel{right, sentry})
		d.failed(t, "uk-store", alert.Security)
		after(5 * time.Minute)
		wantLines(t, "back again", right, "alarm auth opened source/us-store", "relief channel recovered channel/email",
			"alarm security opened source/uk-store")
		wantLines(t, "the one that stayed", sentry, "alarm auth opened source/us-store", "alarm channel opened channel/email",
			"relief channel recovered channel/email", "alarm payload opened source/eu-store", "alarm security opened source/uk-store")

		// It is taken away while it fails: its incident is over, and what waits for it waits for its return.
		right.fails(errGreylisted)
		d.failed(t, "fr-store", alert.Config)
		after(5 * time.Minute)
		d.SetChannels([]tell.Channel{sentry})
		after(20 * time.Minute)
		right.fails(nil)
		d.SetChannels([]tell.Channel{right, sentry})
		after(time.Minute)
		if lines := right.lines(); lines[len(lines)-1] != "alarm config opened source/fr-store" {
			t.Errorf("%q", lines)
		}
		if lines := sentry.lines(); lines[len(lines)-1] != "relief channel recovered channel/email" {
			t.Errorf("%q", lines)
		}
	})
}

// A channel is replaced while it sends: the old one ends what it began, and its failure is not the new one's.
func TestReloadWhileSending(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		old, next := &mailbox{name: "email"}, &mailbox{name: "email"}
		old.does(func(ctx context.Context, _ alert.Notice) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		d := s.start("a", stateDir(t), old)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(45 * time.Second)
		d.SetChannels([]tell.Channel{next})
		after(30 * time.Second)
		wantLines(t, "the next one", next, "alarm auth opened source/us-store")
	})
}

// The disk of the state directory fails: told, and over; everything else goes on, also without a database.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		dir := filepath.Join(stateDir(t), "state")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		email := &mailbox{name: "email"}
		d := s.start("a", dir, email)
		defer d.stop()
		after(time.Minute)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		d.failed(t, "us-store", alert.Auth)
		after(3 * time.Minute)
		s.db.set(func(db *database) { db.away = true })
		d.failed(t, "eu-store", alert.Payload) // kept in memory
		after(5 * time.Minute)
		s.db.set(func(db *database) { db.away = false })
		after(5 * time.Minute)
		want := []string{
			"alarm auth opened source/us-store", "alarm disk opened host/vps-1", "alarm db opened host/vps-1",
			"alarm payload opened source/eu-store", "relief db recovered host/vps-1",
		}
		if diff := cmp.Diff(want, email.lines(), cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Minute)
		if lines := email.lines(); lines[len(lines)-1] != "relief disk recovered host/vps-1" {
			t.Errorf("%q", lines)
		}
		for _, name := range []string{"incidents.json", "alive.json"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	})
}

// A state that was damaged is told once.
func TestDamagedState(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		dir := stateDir(t)
		if err := os.WriteFile(filepath.Join(dir, "incidents.json"), []byte(`12345678 {"inc`), 0o600); err != nil {
			t.Fatal(err)
		}
		email := &mailbox{name: "email"}
		d := s.start("a", dir, email)
		defer d.stop()
		after(time.Hour)
		wantLines(t, "of the damage", email, "alarm disk opened host/vps-1", "relief disk recovered host/vps-1")
	})
}

// The shared book cannot be worked though the database is there: the host tells it.
func TestSharedBookBroken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) {
			o.Ping = func(context.Context) error { return nil }
			o.Scrub = func(string) string { return "scrubbed" }
		}
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		after(time.Minute)
		s.db.set(func(db *database) { db.broken = fault.Errorf(fault.Database, "SELECT command denied to user") })
		after(6 * time.Minute)
		s.db.set(func(db *database) { db.broken = nil })
		after(6 * time.Minute)
		wantLines(t, "of a broken book", email, "alarm internal opened host/vps-1", "relief internal recovered host/vps-1")
		if got := email.receipts()[0].notice.Items[0].Error; got != "the shared book of incidents cannot be worked: scrubbed" {
			t.Errorf("it says %q", got)
		}
	})
}

// A look that panics keeps nothing else from being told.
func TestLookPanics(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) {
			o.Look = func(context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) { panic("oops") }
		}
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(5 * time.Minute)
		if !slices.Contains(email.lines(), "alarm auth opened source/us-store") {
			t.Errorf("%q", email.lines())
		}
	})
}

// The daemon dies again and again: told once.
func TestUncleanStarts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		dir := stateDir(t)
		for range 3 {
			d := s.start("a", dir, email)
			after(2 * time.Minute)
			dir = copyOf(t, dir)
			d.stop()
		}
		wantLines(t, "before the third", email)
		d := s.start("a", dir, email)
		defer d.stop()
		after(2 * time.Hour)
		wantLines(t, "after it", email, "alarm internal opened host/vps-1", "relief internal recovered host/vps-1")
		if got := email.receipts()[0].notice.Items[0].Facts.Count; got != 3 {
			t.Errorf("%d starts", got)
		}
	})
}

// The host was off, or slept, for long: told once with from and to, also where runs are good before it could be told, and over with a
// good run. What it missed is told as one.
func TestHostWasOff(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		email.fails(errGreylisted)
		d := s.start("a", stateDir(t), email)
		for i := range 7 {
			d.failed(t, fmt.Sprintf("store-%d", i), alert.Auth)
			after(6 * time.Minute)
		}
		from := time.Now()
		dir := copyOf(t, d.dir)
		d.stop()
		email.fails(nil)
		after(3 * time.Hour)
		d = s.start("a", dir, email)
		defer d.stop()
		after(time.Second)
		d.good(t, "eu-store")
		to := time.Now()
		after(10 * time.Minute)
		lines := email.lines()
		at := slices.Index(lines, "alarm stall opened host/vps-1")
		if at < 0 || !slices.Contains(lines, "relief stall recovered host/vps-1") {
			t.Fatalf("%q", lines)
		}
		facts := email.receipts()[at].notice.Items[0].Facts
		if from.Sub(facts.From) > time.Minute || facts.To.Sub(to).Abs() > 2*time.Second {
			t.Errorf("from %s to %s, not %s to %s", facts.From, facts.To, from, to)
		}
		// The first two may have been handed over by the process that died.
		want := []string{"alarm auth opened source/store-0", "alarm auth opened source/store-1", "digest", "relief channel recovered channel/email"}
		for i := range 5 {
			want[2] += fmt.Sprintf(" (alarm auth opened source/store-%d)", i+2)
		}
		missed := slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, " stall ") })
		if diff := cmp.Diff(want, missed); diff != "" {
			t.Errorf("what was missed (-want +got):\n%s", diff)
		}
	})
}

// A configuration that was refused is told by the host, and that it is good again.
func TestNoteHere(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		s.db.set(func(db *database) { db.away = false })
		d.NoteHere(alert.Observation{Run: &alert.RunEnded{Job: "configuration", Class: alert.Config, Seldom: true}})
		after(time.Minute)
		d.NoteHere(alert.Observation{Run: &alert.RunEnded{Job: "configuration", Seldom: true}})
		after(time.Minute)
		wantLines(t, "a reload", email, "alarm config opened host/vps-1", "relief config recovered host/vps-1")
	})
}

func TestWeekly(t *testing.T) {
	t.Parallel()
	const every = 3 * time.Hour // as weeks go in virtual time
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) {
			o.Weekly = func(now time.Time) time.Time { return now.Truncate(every) }
			o.Week = func(_ context.Context, since, until time.Time) (alert.Week, error) {
				return alert.Week{Since: since, Until: until, Runs: 7}, nil
			}
		}
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		first := s.db.now().Truncate(every)
		after(every + every/7)
		d.stop()
		d = s.start("a", d.dir, email)
		after(every + every/7)
		d.stop()
		var weeks []time.Time
		for _, r := range email.receipts() {
			if r.notice.Sort == alert.Weekly {
				weeks = append(weeks, r.notice.Week.Until)
				if r.notice.Week.Until.Sub(r.notice.Week.Since) != 7*24*time.Hour {
					t.Errorf("a week of %s", r.notice.Week.Until.Sub(r.notice.Week.Since))
				}
			}
		}
		if s.db.now().Sub(first) < 0 || len(weeks) < 2 || len(weeks) > 3 || weeks[len(weeks)-1].Sub(weeks[len(weeks)-2]) != every {
			t.Errorf("%v", weeks)
		}
	})
}

// A daemon without channels, or without anything to look at or to fill in, tells its log.
func TestAlone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) {
			o.Look = func(context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) {
				return nil, nil, alert.World{}, errors.New("no tables")
			}
			o.Fill = func(context.Context, *alert.Notice) error { return errors.New("no tables") }
		}
		d := s.start("a", stateDir(t))
		defer d.stop()
		d.failed(t, "us-store", alert.Auth)
		after(5 * time.Minute)
		s.db.set(func(db *database) {
			if len(db.deliveries) != 0 || len(db.incidents) != 1 {
				t.Errorf("%+v", db.deliveries)
			}
			for _, i := range db.incidents {
				if i.ToldSeq != 1 {
					t.Errorf("%+v", i)
				}
			}
		})
	})
}
