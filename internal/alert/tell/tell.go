package tell

import (
	"context"
	"log/slog"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
)

// Channel is one way out.
type Channel interface {
	// Name is its own, and stays the same: deliveries are kept under it.
	Name() string
	// Send hands the notice over and returns nil when the other side has taken it. It heeds its context: it returns soon after that has
	// ended. A failure of a passing kind (fault.Transient) is tried again soon, not before the wait that it states (fault.RetryAfter);
	// one of the kind fault.Rejected concerns this notice alone; any other is tried again seldom.
	Send(ctx context.Context, n alert.Notice) error
}

// Inbox takes observations for the shared book. Its failures are of the kind fault.Database.
type Inbox interface {
	Note(ctx context.Context, o []alert.Observation) error
}

// Options are what a Teller works with.
type Options struct {
	// Host names this machine in what is told.
	Host  string
	Rules alert.Rules
	Log   *slog.Logger
	// Shared calls work with the shared book while this daemon has the lease `alerts`; the context of work ends when the lease is lost.
	// It returns what work returned, and an error at once where another holder has the lease or the database is away.
	Shared func(ctx context.Context, work func(ctx context.Context, book alert.Book) error) error
	Inbox  Inbox
	Own    *spool.Book
	Spool  *spool.Spool
	Life   *spool.Life
	// Look says what is wrong now, of which keys it could judge, and how the sources stand. It is called each minute while the lease is
	// held. Nil: there is nothing to look at.
	Look func(ctx context.Context) (conditions []alert.Condition, judged func(alert.Key) bool, world alert.World, err error)
	// Fill writes the standing of the sources into a notice of the shared book. Nil: nobody knows it.
	Fill func(ctx context.Context, n *alert.Notice) error
	// Weekly returns the latest moment at or before now at which the weekly notice is due, zero where none is wanted. Week counts what
	// it says. Nil: none is wanted.
	Weekly func(now time.Time) (tick time.Time)
	Week   func(ctx context.Context, since, until time.Time) (alert.Week, error)
	// Ping asks the database whether it is there. Nil: nobody asks.
	Ping func(ctx context.Context) error
	// Pause is how long this host may do nothing before that is told; nil: 15 minutes. A daemon whose jobs are all seldom may sleep longer.
	Pause func() time.Duration
	// Scrub takes secrets and personal data out of the text of an error. Nil: it stays as it is.
	Scrub func(string) string
}

// Teller tells. It is safe for concurrent use.
type Teller struct{}

// New returns a Teller without channels.
func New(o Options) *Teller { panic(o.Host) }

// SetChannels replaces the channels. What waits for one that stays, by name, goes through the new one at once.
func (t *Teller) SetChannels(channels []Channel) { panic(channels) }

// SetRules replaces the rules.
func (t *Teller) SetRules(r alert.Rules) { panic(r) }

// Run tells until ctx ends, and then for at most 5 s what can be told at once. It waits for all that it started. It returns nil.
func (t *Teller) Run(ctx context.Context) error { panic(ctx) }

// Note writes down the end of a run, for the shared book or, while that is away, for the spool. It takes at most a few seconds, also
// after ctx has ended. Failures of the class db go to the host's book, and so do good runs that it waits for.
func (t *Teller) Note(ctx context.Context, o alert.Observation) { panic(ctx) }

// NoteHere writes an observation down in the host's own book: a configuration that was refused, and that it is good again.
func (t *Teller) NoteHere(o alert.Observation) { panic(o) }
