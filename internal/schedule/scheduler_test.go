package schedule_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/schedule"
	"ordersync/internal/schedule/scheduletest"
)

var (
	errAway = fault.New(fault.Database, errors.New("connection refused"))
	errStop = errors.New("SIGTERM")
)

// journal is what the jobs and the outcomes of a test say, in the order of their instants.
type journal struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func newJournal() *journal { return &journal{start: time.Now()} }

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%s ", time.Since(j.start).Round(time.Second))+fmt.Sprintf(format, args...))
}

// outcome notes an outcome; good first attempts are short.
func (j *journal) outcome(_ context.Context, o schedule.Outcome) {
	line := o.Job + " " + o.Tick.UTC().Format("15:04:05")
	if o.Skipped {
		line += " skipped"
	} else {
		line += fmt.Sprintf(" #%d", o.Attempt)
	}
	if o.Err != nil {
		line += fmt.Sprintf(" %s", fault.KindOf(o.Err))
	}
	if !o.NextRepeat.IsZero() {
		line += fmt.Sprintf(", again in %s", o.NextRepeat.Sub(o.Ended).Round(time.Second))
	}
	j.add("%s", line)
}

func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	byTime := func(a, b string) int {
		first, _ := time.ParseDuration(strings.Fields(a)[0]) // zero where a line has no time
		second, _ := time.ParseDuration(strings.Fields(b)[0])
		return cmp.Or(cmp.Compare(first, second), strings.Compare(a, b)) // what happens at one instant has no order
	}
	slices.SortFunc(want, byTime)
	slices.SortFunc(j.lines, byTime)
	if diff := gocmp.Diff(want, j.lines); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	j.lines = nil
}

// start runs a scheduler; stop stops it with errStop and waits for it.
func start(t *testing.T, o schedule.Options) (stop func()) {
	t.Helper()
	_, stop = startScheduler(t, o)
	return stop
}

func startScheduler(t *testing.T, o schedule.Options) (s *schedule.Scheduler, stop func()) {
	t.Helper()
	if o.Holder == "" {
		o.Holder = "host-1"
	}
	s = schedule.New(o)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return s, sync.OnceFunc(func() {
		cancel(errStop)
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func job(t *testing.T, name, spec string, run func(context.Context, schedule.Tick) error) schedule.Job {
	t.Helper()
	return schedule.Job{Name: name, Schedule: parse(t, spec, "UTC"), Run: run}
}

func good(context.Context, schedule.Tick) error { return nil }

// takes is a run that lasts.
func takes(d time.Duration) func(context.Context, schedule.Tick) error {
	return func(ctx context.Context, _ schedule.Tick) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
}

// after lets the time go on to an instant since the bubble's start, and settles.
func after(j *journal, d time.Duration) {
	time.Sleep(time.Until(j.start.Add(d)))
	synctest.Wait()
}

// bubble runs the test on the fake clock, which starts at midnight of 2000-01-01, UTC.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, test)
}

// TestFault are the rows of the fault matrix that this room answers for, alone or with others.
func TestFault(t *testing.T) {
	for row, test := range map[string]func(*testing.T){
		"F60": clocksChange, "F62": asleep, "F63": longRun, "F64": refused, "F82": drain, "F85": twoDaemons, "F86": frozen,
	} {
		t.Run(row, test)
	}
}

// asleep: a host that slept for six hours finds its ticks passed and its timers late, as cron does not; one run makes them good.
func asleep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{job(t, "a", "*/30 * * * *", good)}})
		after(j, 42*time.Minute)
		store.Put(schedule.State{Job: "a", LastTick: j.start.Add(-6 * time.Hour)})
		after(j, 59*time.Minute)
		stop()
		j.want(t, "30m0s a 00:30:00 #1", "42m5s a 00:30:00 #1")
	})
}

func TestTicks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "a", "*/20 * * * *", func(_ context.Context, tick schedule.Tick) error {
				if tick.Job != "a" || tick.Attempt != 1 || !tick.At.Equal(time.Now()) || tick.Holder != "host-1/a" {
					t.Errorf("tick %+v at %s", tick, time.Now())
				}
				return nil
			}),
			job(t, "b", "@every 25m", takes(time.Minute)),
		}})
		after(j, time.Hour)
		stop()
		j.want(t, "20m0s a 00:20:00 #1", "21m0s b 00:20:00 #1", "40m0s a 00:40:00 #1", "46m0s b 00:45:00 #1", "1h0m0s a 01:00:00 #1")
		want := schedule.State{Job: "a", LastTick: j.start.Add(time.Hour)}
		if diff := gocmp.Diff(want, store.State("a")); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
}

// TestStart: what is due at start, spread over three seconds.
func TestStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		midnight := j.start
		yesterday := midnight.Add(-24 * time.Hour)
		store.Put(schedule.State{Job: "missed", LastTick: yesterday.Add(-24 * time.Hour)})
		store.Put(schedule.State{Job: "missed-report", LastTick: yesterday.Add(-24 * time.Hour)})
		store.Put(schedule.State{Job: "done", LastTick: midnight.Add(-time.Hour)})
		store.Put(schedule.State{Job: "pending", LastTick: midnight.Add(-time.Hour), Attempt: 3, RepeatAt: midnight.Add(-time.Minute)})
		store.Put(schedule.State{Job: "later", LastTick: midnight.Add(-time.Hour), Attempt: 3, RepeatAt: midnight.Add(90 * time.Second)})
		store.Put(schedule.State{
			Job: "died", LastTick: midnight.Add(-time.Hour), Attempt: 1, Holder: "host-2", HeldUntil: midnight.Add(-time.Second),
		})
		store.Put(schedule.State{
			Job: "dying", LastTick: midnight.Add(-time.Hour), Attempt: 1, Holder: "host-2", HeldUntil: midnight.Add(12 * time.Second),
		})
		store.Put(schedule.State{
			Job: "own", LastTick: midnight.Add(-time.Hour), Attempt: 1, Holder: "host-1", HeldUntil: midnight.Add(25 * time.Second),
		})
		store.Put(schedule.State{Job: "stranger", LastTick: yesterday, Attempt: 1, RepeatAt: yesterday})
		var jobs []schedule.Job
		for _, name := range []string{"new", "new-report", "missed", "missed-report", "done", "pending", "later", "died", "dying", "own"} {
			one := job(t, name, "0 23 * * *", good)
			one.DueAtStart = !strings.HasSuffix(name, "report")
			jobs = append(jobs, one)
		}
		stop := start(t, schedule.Options{Store: store, Jobs: jobs, Outcome: func(_ context.Context, o schedule.Outcome) {
			since := time.Since(j.start)
			if since < 3*time.Second {
				since = 0 // the spread
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			j.lines = append(j.lines, fmt.Sprintf("%s %s %s #%d", since, o.Job, o.Tick.Format("02 15"), o.Attempt))
			slices.Sort(j.lines)
		}})
		after(j, time.Hour)
		stop()
		j.want(t, "0s died 31 23 #2", "0s missed 31 23 #1", "0s missed-report 31 23 #1", "0s new 31 23 #1", "0s own 31 23 #2",
			"0s pending 31 23 #4", "12s dying 31 23 #2", "1m30s later 31 23 #4")
	})
}

// TestThunder: many jobs that are due at start do not begin together, and each always at its place.
func TestThunder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begins := func() []time.Duration {
			from := time.Now()
			var mu sync.Mutex
			var at []time.Duration
			var jobs []schedule.Job
			for i := range 100 {
				one := job(t, fmt.Sprintf("job-%02d", i), "@daily", func(context.Context, schedule.Tick) error {
					mu.Lock()
					defer mu.Unlock()
					at = append(at, time.Since(from))
					return nil
				})
				one.DueAtStart = true
				jobs = append(jobs, one)
			}
			stop := start(t, schedule.Options{Store: new(scheduletest.Memory), Jobs: jobs})
			time.Sleep(5 * time.Second)
			stop()
			return at
		}
		first := begins()
		if len(first) != 100 || slices.Max(first) > 3*time.Second || len(slices.Compact(slices.Clone(first))) < 90 {
			t.Errorf("%d jobs began at %v", len(first), first)
		}
		if diff := gocmp.Diff(first, begins()); diff != "" {
			t.Errorf("the second start differs:\n%s", diff)
		}
	})
}

// longRun: a run longer than its interval.
func longRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "slow", "*/5 * * * *", takes(12*time.Minute)),
			job(t, "quick", "*/10 * * * *", good), // which the slow one does not delay
		}})
		after(j, 23*time.Minute)
		j.want(t, "10m0s quick 00:10:00 #1", "10m0s slow 00:10:00 skipped", "15m0s slow 00:15:00 skipped", "17m0s slow 00:05:00 #1",
			"20m0s quick 00:20:00 #1")
		if st := store.State("slow"); st.Skipped != 2 || st.Holder != "host-1" {
			t.Errorf("state %+v", st)
		}
		stop()
	})
}

// TestSkipsAreCounted: each tick of a dense schedule, whether the job runs here or elsewhere.
func TestSkipsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		store.Put(schedule.State{
			Job: "elsewhere", LastTick: j.start, Attempt: 1, Holder: "host-2", HeldUntil: j.start.Add(time.Hour),
		})
		stop := start(t, schedule.Options{Store: store, Jobs: []schedule.Job{
			job(t, "here", "@every 1s", takes(time.Hour)), job(t, "elsewhere", "@every 1s", good),
		}})
		after(j, time.Minute+500*time.Millisecond)
		if here, elsewhere := store.State("here").Skipped, store.State("elsewhere").Skipped; here != 59 || elsewhere != 60 {
			t.Errorf("in a minute, %d ticks were skipped here and %d elsewhere", here, elsewhere)
		}
		stop()
	})
}

// TestRepeats: 1, 5, 15 and then every 60 minutes after the end of the attempt before, until success.
func TestRepeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		left := 6
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "a", "0 2 * * *", func(_ context.Context, tick schedule.Tick) error {
				time.Sleep(10 * time.Second)
				if left--; left >= 0 {
					return fmt.Errorf("wrapped: %w", fault.Errorf([]fault.Kind{fault.Transient, fault.RateLimited, fault.Database}[left%3], "no luck"))
				}
				return nil
			}),
		}})
		after(j, 25*time.Hour)
		stop()
		j.want(t,
			"2h0m10s a 02:00:00 #1 database, again in 1m0s",
			"2h1m20s a 02:00:00 #2 rate limited, again in 5m0s",
			"2h6m30s a 02:00:00 #3 transient, again in 15m0s",
			"2h21m40s a 02:00:00 #4 database, again in 1h0m0s",
			"3h21m50s a 02:00:00 #5 rate limited, again in 1h0m0s",
			"4h22m0s a 02:00:00 #6 transient, again in 1h0m0s",
			"5h22m10s a 02:00:00 #7")
		if st := store.State("a"); st.Attempt != 0 || !st.RepeatAt.IsZero() {
			t.Errorf("state %+v", st)
		}
	})
}

// TestRepeatUntilTick: the next tick takes the place of the repeats; what will not pass is not repeated; a stated wait holds.
func TestRepeatUntilTick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		fails := func(err error) func(context.Context, schedule.Tick) error {
			return func(context.Context, schedule.Tick) error { return err }
		}
		own := job(t, "own", "0 1 * * *", fails(fault.Errorf(fault.Transient, "no luck")))
		own.Repeat = []time.Duration{2 * time.Second, 22 * time.Hour}
		none := job(t, "never", "0 1 * * *", fails(fault.Errorf(fault.Transient, "no luck")))
		none.Repeat = []time.Duration{}
		stop := start(t, schedule.Options{Store: new(scheduletest.Memory), Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "often", "0,10 1 * * *", fails(fault.Errorf(fault.Transient, "no luck"))),
			job(t, "protocol", "1 1 * * *", fails(fault.Errorf(fault.Protocol, "no luck"))),
			job(t, "auth", "2 1 * * *", fails(fault.Errorf(fault.Auth, "no luck"))),
			job(t, "bug", "3 1 * * *", fails(errors.New("no luck"))),
			job(t, "limited", "4 1 * * *", fails(fault.Limited(2*time.Hour, errors.New("no luck")))),
			job(t, "nonsense", "5 1 * * *", fails(fault.Limited(48*time.Hour, errors.New("no luck")))),
			own, none,
		}})
		after(j, 70*time.Minute)
		stop()
		j.want(t,
			"1h0m0s never 01:00:00 #1 transient",
			"1h0m0s often 01:00:00 #1 transient, again in 1m0s",
			"1h0m0s own 01:00:00 #1 transient, again in 2s",
			"1h0m2s own 01:00:00 #2 transient, again in 22h0m0s",
			"1h10m0s often 01:10:00 #1 transient, again in 1m0s",
			"1h1m0s often 01:00:00 #2 transient, again in 5m0s",
			"1h1m0s protocol 01:01:00 #1 protocol",
			"1h2m0s auth 01:02:00 #1 auth",
			"1h3m0s bug 01:03:00 #1 internal",
			"1h4m0s limited 01:04:00 #1 rate limited, again in 2h0m0s",
			"1h5m0s nonsense 01:05:00 #1 rate limited, again in 1m0s",
			"1h6m0s nonsense 01:05:00 #2 rate limited, again in 5m0s",
			"1h6m0s often 01:00:00 #3 transient")
	})
}

func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, log := newJournal(), new(bytes.Buffer)
		secret := errors.New("buyer Zhang San")
		values := []any{secret, "index of a page", nil}
		stop := start(t, schedule.Options{
			Store: new(scheduletest.Memory), Log: slog.New(slog.NewJSONHandler(log, nil)),
			Outcome: func(ctx context.Context, o schedule.Outcome) {
				j.outcome(ctx, o)
				j.add("%v", o.Err)
				panic("in the outcome, too")
			},
			Jobs: []schedule.Job{job(t, "a", "*/10 * * * *", func(context.Context, schedule.Tick) error {
				value := values[0]
				values = values[1:]
				if value == nil {
					return fmt.Errorf("%d", values[len(values)]) // a panic of the runtime's own
				}
				panic(value)
			})},
		})
		after(j, 30*time.Minute)
		stop()
		j.want(t, "10m0s a 00:10:00 #1 internal", "10m0s panic: *errors.errorString",
			"20m0s a 00:20:00 #1 internal", "20m0s panic: index of a page",
			"30m0s a 00:30:00 #1 internal", "30m0s panic: runtime error: index out of range [0] with length 0")
		if text := log.String(); strings.Count(text, `"stack":`) != 6 || strings.Contains(text, "Zhang") {
			t.Errorf("log:\n%s", text)
		}
	})
}

// twoDaemons: two daemons share the work: each tick is run by one, each repeat by one, whatever their clocks say.
func twoDaemons(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), &scheduletest.Memory{Skew: 700 * time.Millisecond}
		var mu sync.Mutex
		attempts, at := make(map[string]int), make(map[string]int)
		var stops []func()
		for _, holder := range []string{"host-1", "host-2", "host-3"} {
			stops = append(stops, start(t, schedule.Options{Store: store, Holder: holder, Jobs: []schedule.Job{
				job(t, "a", "*/5 * * * *", func(_ context.Context, tick schedule.Tick) error {
					mu.Lock()
					attempts[fmt.Sprintf("%s #%d", tick.At.Format("02 15:04"), tick.Attempt)]++
					at[holder]++
					mu.Unlock()
					if tick.Attempt == 1 {
						return fault.Errorf(fault.Transient, "no luck")
					}
					return nil
				}),
			}}))
		}
		after(j, 4*time.Hour+2*time.Minute)
		for _, stop := range stops {
			stop()
		}
		for attempt, runs := range attempts {
			if runs != 1 {
				t.Errorf("%s was made %d times", attempt, runs)
			}
		}
		if len(attempts) != 2*4*12 {
			t.Errorf("%d attempts in four hours, by %v", len(attempts), at)
		}
	})
}

// TestTakeOver: when a daemon stops or dies, another one goes on with what it ran.
func TestTakeOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		daemon := func(holder string, run func(context.Context, schedule.Tick) error) func() {
			return start(t, schedule.Options{Store: store, Holder: holder, Jobs: []schedule.Job{job(t, "a", "0 1 * * *", run)},
				Outcome: func(ctx context.Context, o schedule.Outcome) { j.add("%s", holder); j.outcome(ctx, o) }})
		}
		stop1 := daemon("host-1", takes(time.Hour))
		after(j, 70*time.Minute)
		stop2 := daemon("host-2", takes(5*time.Minute))
		after(j, 80*time.Minute)
		j.want(t) // host-1 renews, host-2 waits
		stop1()
		if st := store.State("a"); st.Holder != "" || st.Attempt != 1 || st.RepeatAt.IsZero() {
			t.Errorf("after the stop: %+v", st)
		}
		after(j, 90*time.Minute)
		j.want(t, "1h20m0s host-1", "1h20m0s a 01:00:00 #1 none", "1h25m5s host-2", "1h25m5s a 01:00:00 #2")
		stop2()
	})
}

// drain: the cause reaches the run, Run waits for it, and a run that ends well in spite of it has ended well.
func drain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		winding := func(err error) func(context.Context, schedule.Tick) error {
			return func(ctx context.Context, _ schedule.Tick) error {
				<-ctx.Done()
				if cause := context.Cause(ctx); !errors.Is(cause, errStop) {
					t.Errorf("stopped by %v", cause)
				}
				time.Sleep(50 * time.Second) // longer than a right lasts
				return err
			}
		}
		stop := start(t, schedule.Options{Store: store, Outcome: func(ctx context.Context, o schedule.Outcome) {
			if ctx.Err() != nil {
				t.Errorf("%s: the outcome's context has ended", o.Job)
			}
			j.outcome(ctx, o)
		}, Jobs: []schedule.Job{
			job(t, "cancelled", "0 1 * * *", winding(fmt.Errorf("page 3: %w", context.Canceled))),
			job(t, "misjudged", "0 1 * * *", winding(fault.New(fault.Database, context.Canceled))),
			job(t, "reset", "0 1 * * *", winding(fault.Errorf(fault.Transient, "connection reset"))),
			job(t, "auth", "0 1 * * *", winding(fault.Errorf(fault.Auth, "refused"))),
			job(t, "good", "0 1 * * *", winding(nil)),
		}})
		after(j, 61*time.Minute)
		stop()
		if got := time.Since(j.start); got != 61*time.Minute+50*time.Second {
			t.Errorf("stopped after %s", got)
		}
		j.want(t, "1h1m50s auth 01:00:00 #1 auth", "1h1m50s cancelled 01:00:00 #1 none", "1h1m50s good 01:00:00 #1",
			"1h1m50s misjudged 01:00:00 #1 none", "1h1m50s reset 01:00:00 #1 none")
		for name, again := range map[string]bool{"cancelled": true, "misjudged": true, "reset": true, "auth": false, "good": false} {
			if st := store.State(name); st.Holder != "" || st.RepeatAt.IsZero() == again {
				t.Errorf("%s: %+v", name, st)
			}
		}
	})
}

func TestStopIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stop := start(t, schedule.Options{Store: new(scheduletest.Memory), Jobs: []schedule.Job{job(t, "a", "@daily", good)}})
		time.Sleep(time.Minute)
		before := time.Now()
		stop()
		if took := time.Since(before); took != 0 {
			t.Errorf("an idle scheduler stopped in %s", took)
		}
	})
}

func TestRunTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, stop := startScheduler(t, schedule.Options{Store: new(scheduletest.Memory)})
		synctest.Wait()
		if err := s.Run(t.Context()); fault.KindOf(err) != fault.Internal {
			t.Errorf("a second Run: %v", err)
		}
		stop()
	})
}

// outage makes a store fail from an instant to another.
func outage(j *journal, from, until time.Duration) func(context.Context, string) error {
	return func(ctx context.Context, _ string) error {
		if since := time.Since(j.start); since < from || since >= until {
			return nil
		}
		return errAway
	}
}

// TestStoreAwayAtStart: Run goes on, beats, and makes good what became due when the store is back; it says so once.
func TestStoreAwayAtStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, log := newJournal(), new(bytes.Buffer)
		store := &scheduletest.Memory{Before: outage(j, 0, 32*time.Minute)}
		store.Put(schedule.State{Job: "missed", LastTick: j.start.Add(-48 * time.Hour)})
		fresh := job(t, "fresh", "@daily", good)
		fresh.DueAtStart = true
		var beats atomic.Int32
		stop := start(t, schedule.Options{
			Store: store, Outcome: j.outcome, Log: slog.New(slog.NewJSONHandler(log, nil)), Beat: func() { beats.Add(1) },
			Jobs: []schedule.Job{fresh, job(t, "report", "*/15 * * * *", good), job(t, "missed", "@daily", good)},
		})
		after(j, 31*time.Minute)
		if n := beats.Load(); n < 31*4 {
			t.Errorf("%d beats in half an hour", n)
		}
		j.want(t)
		after(j, 40*time.Minute)
		stop()
		for i, line := range j.lines {
			_, j.lines[i], _ = strings.Cut(line, " ")
		}
		j.want(t, "fresh 00:00:00 #1", "missed 00:00:00 #1", "report 00:30:00 #1")
		if text := log.String(); strings.Count(text, "the database fails") != 1 || strings.Count(text, "the database answers again") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// TestStoreHangs: calls that are never answered end, the loop beats on.
func TestStoreHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		log := new(bytes.Buffer)
		store := &scheduletest.Memory{Before: func(ctx context.Context, _ string) error {
			if time.Since(j.start) > 14*time.Minute {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		var longest time.Duration
		last := time.Now()
		stop := start(t, schedule.Options{
			Store: store, Outcome: j.outcome, Log: slog.New(slog.NewJSONHandler(log, nil)),
			Beat: func() { longest, last = max(longest, time.Since(last)), time.Now() },
			Jobs: []schedule.Job{job(t, "a", "*/10 * * * *", good)},
		})
		after(j, 20*time.Minute)
		stop()
		j.want(t, "14m18s a 00:10:00 #1", "20m0s a 00:20:00 #1")
		if longest > 15*time.Second {
			t.Errorf("%s without a beat", longest)
		}
		if text := log.String(); !strings.Contains(text, "did not answer for 10s") {
			t.Errorf("log:\n%s", text)
		}
	})
}

// TestClaimFails: a tick whose claim fails is tried again until the next one comes; a claim whose answer is lost is run too.
func TestClaimFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		store := new(scheduletest.Memory)
		claims := 0
		store.Before = func(_ context.Context, method string) error {
			since := time.Since(j.start)
			if method == "ClaimTick" && (since >= 10*time.Minute && since < 11*time.Minute || since >= 20*time.Minute && since < 31*time.Minute) {
				claims++
				return errAway
			}
			return nil
		}
		store.After = func(method string) error {
			if method == "ClaimTick" && time.Since(j.start) == 40*time.Minute {
				return errAway
			}
			return nil
		}
		log := new(bytes.Buffer)
		stop := start(t, schedule.Options{
			Store: store, Outcome: j.outcome, Log: slog.New(slog.NewJSONHandler(log, nil)),
			Jobs: []schedule.Job{job(t, "a", "*/10 * * * *", good)},
		})
		after(j, 45*time.Minute)
		stop()
		if len(j.lines) == 3 {
			_, j.lines[2], _ = strings.Cut(j.lines[2], " ") // at once or five seconds later: the look and the tick coincide
		}
		j.want(t, "11m0s a 00:10:00 #1", "31m0s a 00:30:00 #1", "a 00:40:00 #2")
		if claims < 100 {
			t.Errorf("%d claims in twelve minutes of trouble", claims)
		}
		if text := log.String(); strings.Count(text, "the database fails") != 3 || strings.Count(text, "the database answers again") != 3 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// TestFinishFails: a good run is not made again because the store was away when it ended, and a tick that came meanwhile is
// run, not skipped.
func TestFinishFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		store := &scheduletest.Memory{Before: outage(j, 60*time.Minute+5*time.Second, 80*time.Minute)}
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "single", "0 1 * * *", takes(10*time.Second)), job(t, "double", "0,10 1 * * *", takes(10*time.Second)),
		}})
		after(j, 3*time.Hour)
		stop()
		slices.Sort(j.lines)
		if len(j.lines) == 3 {
			_, j.lines[2], _ = strings.Cut(j.lines[2], " ") // some seconds after the store is back
		}
		j.want(t, "1h0m10s double 01:00:00 #1", "1h0m10s single 01:00:00 #1", "double 01:10:00 #1")
	})
}

// frozen: a daemon that was frozen finds its job taken: its run ends with the cause and changes nothing.
func frozen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{
			job(t, "a", "0 1 * * *", func(ctx context.Context, _ schedule.Tick) error {
				<-ctx.Done()
				j.add("%v", context.Cause(ctx))
				if !errors.Is(context.Cause(ctx), schedule.ErrLost) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				return ctx.Err()
			}),
		}})
		after(j, 62*time.Minute+3*time.Second)
		taken := schedule.State{
			Job: "a", LastTick: j.start.Add(time.Hour), Attempt: 2, Holder: "host-2", HeldUntil: j.start.Add(3 * time.Hour),
		}
		store.Put(taken)
		after(j, 2*time.Hour)
		stop()
		j.want(t, "1h2m10s job a: the right to this work passed to another process", "1h2m10s a 01:00:00 #1 transient")
		if diff := gocmp.Diff(taken, store.State("a")); diff != "" {
			t.Errorf("the state changed (-before +after):\n%s", diff)
		}
	})
}

// TestRightRunsOut: a run whose right cannot be renewed ends before the right does.
func TestRightRunsOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		store := &scheduletest.Memory{Before: outage(j, time.Hour+15*time.Second, time.Hour+10*time.Minute)}
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{job(t, "a", "0 1 * * *", takes(2*time.Hour))}})
		after(j, 2*time.Hour)
		stop()
		if len(j.lines) != 2 || !strings.HasPrefix(j.lines[1], "2h0m0s a 01:00:00 #2 none") {
			t.Errorf("journal %q", j.lines)
		}
		j.lines = j.lines[:1]
		j.want(t, "1h0m35s a 01:00:00 #1 database, again in 1m0s") // renewed at :10, to be trusted for 25 s
	})
}

// TestShortOutage: a store that is away for less than a right's life costs nothing.
func TestShortOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		store := &scheduletest.Memory{Before: outage(j, time.Hour+15*time.Second, time.Hour+34*time.Second)}
		stop := start(t, schedule.Options{Store: store, Outcome: j.outcome, Jobs: []schedule.Job{job(t, "a", "0 1 * * *", takes(2*time.Minute))}})
		after(j, 2*time.Hour)
		stop()
		j.want(t, "1h2m0s a 01:00:00 #1")
	})
}

func TestReplace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j, store := newJournal(), new(scheduletest.Memory)
		named := func(text string, d time.Duration) func(context.Context, schedule.Tick) error {
			return func(ctx context.Context, tick schedule.Tick) error {
				err := takes(d)(ctx, tick)
				j.add("%s", text)
				return err
			}
		}
		s, stop := startScheduler(t, schedule.Options{Store: store, Jobs: []schedule.Job{
			job(t, "kept", "*/10 * * * *", named("kept, as it was", 0)),
			job(t, "slow", "*/10 * * * *", named("slow, as it was", 15*time.Minute)),
			job(t, "gone", "*/10 * * * *", named("gone", 15*time.Minute)),
		}})
		after(j, 12*time.Minute)
		fresh := job(t, "fresh", "@daily", named("fresh", 0))
		fresh.DueAtStart = true
		s.Replace([]schedule.Job{
			job(t, "kept", "*/7 * * * *", named("kept, as it is", 0)), job(t, "slow", "*/30 * * * *", named("slow, as it is", 0)), fresh,
		})
		after(j, 31*time.Minute)
		s.Replace(nil)
		after(j, 2*time.Hour)
		stop()
		j.want(t, "10m0s kept, as it was", "12m0s fresh", "14m0s kept, as it is", "21m0s kept, as it is", "25m0s gone", "25m0s slow, as it was",
			"28m0s kept, as it is", "30m0s slow, as it is")
		if st := store.State("gone"); st.Holder != "" || st.Skipped != 0 {
			t.Errorf("gone: %+v", st)
		}
	})
}

// TestReplaceBack: a job that is taken out and put back while it runs is still one job.
func TestReplaceBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := newJournal()
		jobs := []schedule.Job{job(t, "a", "*/10 * * * *", takes(15*time.Minute))}
		s, stop := startScheduler(t, schedule.Options{Store: new(scheduletest.Memory), Outcome: j.outcome, Jobs: jobs})
		after(j, 12*time.Minute)
		s.Replace(nil)
		after(j, 15*time.Minute)
		s.Replace(jobs)
		after(j, 46*time.Minute)
		stop()
		j.want(t, "20m0s a 00:20:00 skipped", "25m0s a 00:10:00 #1", "40m0s a 00:40:00 skipped", "45m0s a 00:30:00 #1")
	})
}

// TestClocks: the store's clock counts, and a host whose clock is far ahead claims nothing before its time.
func TestClocks(t *testing.T) {
	for name, test := range map[string]struct {
		skew time.Duration
		last time.Duration // of the stored last tick, from the start
		want []string
		warn int
	}{
		"a little behind":          {skew: 3 * time.Second, want: []string{"10m0s a 00:10:00 #1", "20m0s a 00:20:00 #1"}},
		"a little ahead":           {skew: -40 * time.Second, want: []string{"10m0s a 00:10:00 #1", "20m0s a 00:20:00 #1"}},
		"far behind":               {skew: 3 * time.Hour, want: []string{"10m0s a 00:10:00 #1", "20m0s a 00:20:00 #1"}},
		"far ahead":                {skew: -4 * time.Minute, want: []string{"14m0s a 00:10:00 #1", "24m0s a 00:20:00 #1"}, warn: 1},
		"a last tick far too late": {last: 240 * time.Hour, want: []string{"3s a 00:00:00 #1", "10m0s a 00:10:00 #1", "20m0s a 00:20:00 #1"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				j, log := newJournal(), new(bytes.Buffer)
				store := &scheduletest.Memory{Skew: test.skew}
				store.Put(schedule.State{Job: "a", LastTick: j.start.Add(test.last)})
				stop := start(t, schedule.Options{
					Store: store, Outcome: j.outcome, Log: slog.New(slog.NewTextHandler(log, nil)),
					Jobs: []schedule.Job{job(t, "a", "*/10 * * * *", good)},
				})
				after(j, 25*time.Minute)
				stop()
				if warned := strings.Count(log.String(), "ahead of the database's"); warned != test.warn {
					t.Errorf("log:\n%s", log)
				}
				j.want(t, test.want...)
			})
		})
	}
}
