package mysql

import (
	"context"
	"time"

	"ordersync/internal/alert"
)

// AlertsStream is the stream of the lease under which alerts are told; its source is empty.
const AlertsStream = "alerts"

// Alerts is the book that all daemons of the database share, for the one that holds the lease of [AlertsStream]: where holder no longer
// has it, Write changes nothing and fails (fault.Database).
func (db *DB) Alerts(holder string) alert.Book { return &book{db: db, holder: holder} }

// book is the shared book in the hands of one daemon.
type book struct {
	db     *DB
	holder string
}

// Read returns all that is to be worked on; see alert.Book.
func (b *book) Read(ctx context.Context) (alert.Contents, error) {
	panic("not yet")
}

// Write does all of a step or nothing of it; see alert.Book.
func (b *book) Write(ctx context.Context, s alert.Step) error {
	panic("not yet")
}

// Incidents lists the incidents that are failing or open, or also those that were opened and are over, the latest first.
func (db *DB) Incidents(ctx context.Context, all bool) ([]alert.Incident, error) {
	panic("not yet")
}

// Incident returns the incident whose id begins so. It fails with ErrNotStored where there is none, and where there are several
// (fault.Config).
func (db *DB) Incident(ctx context.Context, prefix string) (*alert.Incident, error) {
	panic("not yet")
}

// Deliveries lists the deliveries of the notices that tell of an incident, in the order in which they were made.
func (db *DB) Deliveries(ctx context.Context, incident alert.Incident) ([]alert.Delivery, error) {
	panic("not yet")
}

// ChannelRow is how a channel stands, by the deliveries of the shared book.
type ChannelRow struct {
	// Name is the channel's.
	Name string
	// Waiting is how many deliveries wait, Oldest since when the first of them does.
	Waiting int
	Oldest  time.Time
	// Attempts and Error are those of the waiting delivery that was tried most often.
	Attempts int
	Error    string
	// SentAt is when it took a notice last; zero: never, as far as is known.
	SentAt time.Time
}

// Channels lists the channels through which a notice was or is to be delivered, by name.
func (db *DB) Channels(ctx context.Context) ([]ChannelRow, error) {
	panic("not yet")
}

// PruneAlerts deletes the incidents that were over, and the deliveries that had ended, longer ago than keep, and returns how many rows.
// Observations that were worked go after two days at the latest.
func (db *DB) PruneAlerts(ctx context.Context, keep time.Duration) (int64, error) {
	panic("not yet")
}
