package status

import (
	"context"
	"fmt"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/schedule"
	"ordersync/internal/token"
)

// View is what is looked at: the tables, and what the configuration says of them. It may be used by many goroutines at once.
type View struct {
	DB *mysql.DB
	// Sources and Jobs stand in the file's order.
	Sources []Source
	Jobs    []Job
	// Own returns the incidents that concern this machine alone and are not over; nil: there are none.
	Own func() []alert.Incident
}

// Source is a source as the configuration has it.
type Source struct {
	Name, Kind, Endpoint string
	// Credential is its name for the pace.
	Credential string
	// Issued is when an API key was made, zero where nobody said.
	Issued time.Time
	// Vault is the authorisation of the shop's owner; nil where the credential does not end by itself. Grants says that the owner can be
	// asked for another one.
	Vault  *token.Vault
	Grants bool
}

// Job is a job as the configuration has it.
type Job struct {
	Name     string
	Kind     alert.JobKind
	Source   string
	Stream   string
	Schedule schedule.Schedule
	// Start is from when on orders are read, zero of a job that is no sync.
	Start time.Time
	// Settle is how far behind now its source's windows end; FilteredBy is the time that the source's filter looks at.
	Settle     time.Duration
	FilteredBy string
}

// allowed is how old the last good run of the job may be.
func (j Job) allowed(now time.Time) time.Duration {
	return alert.Allowed(schedule.Interval(j.Schedule, now), j.Settle)
}

// facts are what the database says, all of it by its own clock.
type facts struct {
	now         time.Time
	checkpoints []mysql.CheckpointRow
	leases      []schedule.Lease
	states      map[string]schedule.State
	runs        map[string]mysql.RunRow
	dead        map[order.SourceID]int
	paces       map[string]mysql.PaceRow
	sources     []mysql.SourceRow
	gaps        []mysql.GapRow
	pauses      map[string]mysql.Pause
	resumed     map[order.SourceID]time.Time
}

func (v *View) gather(ctx context.Context) (f facts, err error) {
	f.states, f.runs, f.paces, f.pauses = map[string]schedule.State{}, map[string]mysql.RunRow{}, map[string]mysql.PaceRow{}, map[string]mysql.Pause{}
	read := reading(&err)
	read("the database's clock", func() (err error) { f.now, err = v.DB.Now(ctx); return err })
	read("the checkpoints", func() (err error) { f.checkpoints, err = v.DB.Checkpoints(ctx); return err })
	read("the leases", func() (err error) { f.leases, err = v.DB.LeaseRows(ctx); return err })
	read("the dead letters", func() (err error) { f.dead, err = v.DB.CountDeadLetters(ctx); return err })
	read("the sources", func() (err error) { f.sources, err = v.DB.Sources(ctx); return err })
	read("the gaps", func() (err error) { f.gaps, err = v.DB.Gaps(ctx, false); return err })
	read("the ends of pauses", func() (err error) { f.resumed, err = v.DB.Resumed(ctx); return err })
	read("the pauses", func() error {
		pauses, err := v.DB.Pauses(ctx)
		for _, p := range pauses {
			f.pauses[string(p.Source)] = p
		}
		return err
	})
	read("the jobs", func() error {
		states, err := v.DB.States(ctx)
		for _, s := range states {
			f.states[s.Job] = s
		}
		return err
	})
	read("the last runs", func() error {
		runs, err := v.DB.LastRuns(ctx)
		for _, r := range runs {
			f.runs[r.Job] = r
		}
		return err
	})
	read("the pace", func() error {
		paces, err := v.DB.PaceRows(ctx)
		for _, p := range paces {
			f.paces[p.Credential] = p
		}
		return err
	})
	return f, err
}

// reading returns what reads one thing, unless another one failed before; err names what failed.
func reading(err *error) func(what string, do func() error) {
	return func(what string, do func() error) {
		if *err == nil {
			if *err = do(); *err != nil {
				*err = fmt.Errorf("read %s: %w", what, *err)
			}
		}
	}
}

// watermark is the point up to which every order of a source is stored; zero where nothing was loaded yet.
func (f facts) watermark(source string) time.Time {
	for _, c := range f.checkpoints {
		if string(c.Source) == source && c.Stream == intake.StreamOrders {
			return c.Watermark
		}
	}
	return time.Time{}
}

// maybe is a time for JSON, left out where it is zero.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
