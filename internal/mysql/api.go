package mysql

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ordersync/internal/order"
	"ordersync/internal/schedule"
)

// Options say which database, and as whom. Either DSN, or Address, Name, User and Password.
type Options struct {
	// Address is host:port, a host, or the path of a socket.
	Address  string
	Name     string
	User     string
	Password string
	// DSN is a whole line in the form of go-sql-driver/mysql; what this package must rely on is set in it nevertheless.
	DSN string
	// TLS is how the connection is encrypted. Nil: not on a socket or to a loopback address, with the system's authorities
	// elsewhere.
	TLS *TLS
	// MigrateUser and MigratePassword are the account that changes the schema; empty: the one above.
	MigrateUser, MigratePassword string
	// Connections is the most that are open at once; zero means 4.
	Connections int
	// LockWait is how long a statement waits for another transaction; zero means 10 s.
	LockWait time.Duration
	// Log hears what the driver has to say; nil discards.
	Log *slog.Logger
}

// TLS says how the server's certificate is checked.
type TLS struct {
	// CA is the path of a file with the certificates (PEM) that may have signed the server's; empty: the system's authorities.
	CA string
	// ServerName is the name in the certificate; empty: the host of the address.
	ServerName string
}

// DB is the store. It is safe for concurrent use.
type DB struct{}

// Open prepares the store without any I/O. Its errors are of the kind fault.Config.
func Open(o Options) (*DB, error) { return nil, errUnwritten }

// Close ends all connections.
func (db *DB) Close() error { return nil }

// Check connects, reads the connection's settings back and returns what an operator should know about the server.
func (db *DB) Check(ctx context.Context) (warnings []string, err error) { return nil, errUnwritten }

// Now is the database's clock.
func (db *DB) Now(ctx context.Context) (time.Time, error) { return time.Time{}, errUnwritten }

var errUnwritten = errors.New("mysql: not in this build")

// Migration is one numbered step of the schema.
type Migration struct {
	Version int64
	Name    string
	// Oldest is the oldest schema whose programs may still run once this step is done.
	Oldest int64
	// AppliedAt is zero while the step is not done.
	AppliedAt time.Time
}

// Step is what Migrate tells after each migration.
type Step struct {
	Migration
	Took time.Duration
}

// SchemaError says that this program may not run on the database's schema. It is of the kind fault.Config and names the remedy.
type SchemaError struct {
	// Have is the schema of the database (0: none), Want that of this program.
	Have, Want int64
	// Oldest is the oldest schema whose programs may run on Have, where Have is newer than Want.
	Oldest int64
}

func (e *SchemaError) Error() string { return "" }

// Newer reports whether the database is newer than the program.
func (e *SchemaError) Newer() bool { return e.Have > e.Want }

// SchemaVersion is the schema that this program brings.
func SchemaVersion() int64 { return 0 }

// Migrate brings the schema up to date under the migrating account, step by step; concurrent calls wait for each other.
func (db *DB) Migrate(ctx context.Context, done func(Step)) error { return errUnwritten }

// Migrations lists all steps, those that the database has and those that it lacks.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) { return nil, errUnwritten }

// SchemaOK returns a *SchemaError unless this program may run on the database's schema.
func (db *DB) SchemaOK(ctx context.Context) error { return errUnwritten }

// Checkpoint returns the stored checkpoint; one with Revision 0, Source and Stream where there is none yet.
func (db *DB) Checkpoint(ctx context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	return order.Checkpoint{}, errUnwritten
}

// Known returns the stored versions of those of the ids that are stored and not marked gone.
func (db *DB) Known(ctx context.Context, source order.SourceID, ids []string) (map[string]order.Version, error) {
	return nil, errUnwritten
}

// Commit writes a page and moves the checkpoint in one transaction.
func (db *DB) Commit(ctx context.Context, from, to order.Checkpoint, page order.Page) (order.Written, error) {
	return order.Written{}, errUnwritten
}

// Put writes records of one source as Commit does, without a checkpoint.
func (db *DB) Put(ctx context.Context, records []order.Record) (order.Written, error) {
	return order.Written{}, errUnwritten
}

// StoredOrder is an order as it is stored.
type StoredOrder struct {
	order.Order
	FirstSeenAt, SyncedAt time.Time
	// GoneAt is when the remote was found to no longer have it; zero: it has it.
	GoneAt time.Time
}

// ErrNotStored is what Order and DeadLetter answer when there is no such row.
var ErrNotStored = errors.New("it is not stored")

// Order returns a stored order with its lines, refunds and raw text.
func (db *DB) Order(ctx context.Context, source order.SourceID, id string) (*StoredOrder, error) {
	return nil, errUnwritten
}

// StoredDeadLetter is a dead letter as it is stored.
type StoredDeadLetter struct {
	order.DeadLetter
	// FirstDeadAt is when the record was first refused, DeadAt when last, by the database's clock.
	FirstDeadAt, DeadAt time.Time
	// Times counts the versions that were refused.
	Times int
}

// DeadLetterFilter selects dead letters. The zero one selects all of them.
type DeadLetterFilter struct {
	Source order.SourceID
	// Limit is the most that are returned, latest first; zero means 1000.
	Limit int
}

// DeadLetters lists dead letters, latest first, without their payloads.
func (db *DB) DeadLetters(ctx context.Context, filter DeadLetterFilter) ([]StoredDeadLetter, error) {
	return nil, errUnwritten
}

// DeadLetter returns one dead letter with its payload.
func (db *DB) DeadLetter(ctx context.Context, source order.SourceID, id string) (*StoredDeadLetter, error) {
	return nil, errUnwritten
}

// DiscardDeadLetter deletes a dead letter and reports whether there was one.
func (db *DB) DiscardDeadLetter(ctx context.Context, source order.SourceID, id string) (bool, error) {
	return false, errUnwritten
}

// CountDeadLetters returns how many dead letters each source has; sources without any are left out.
func (db *DB) CountDeadLetters(ctx context.Context) (map[order.SourceID]int, error) {
	return nil, errUnwritten
}

// Outcomes of a run.
const (
	OutcomeGood    = "good"
	OutcomeFailed  = "failed"
	OutcomeStopped = "stopped"
)

// RunRow is one execution of a job, or several empty ones in a row.
type RunRow struct {
	RunID  string
	Job    string
	Source order.SourceID
	Stream string
	// TickAt is zero for typed runs.
	TickAt  time.Time
	Attempt int
	Holder  string
	// Outcome is one of the Outcome constants; Kind and Error say why a run failed, without personal data.
	Outcome, Kind, Error string
	// StartedAt and EndedAt are by the clock of the process; of a row of several runs, of the first and of the last.
	StartedAt, EndedAt time.Time

	Since, Until, Watermark time.Time

	Windows, Passes, Pages, Records int
	order.Written
	Rounded, Repaired int
	// Shortfall counts the windows in which the remote announced more records than it listed.
	Shortfall int

	// Runs is how many runs the row stands for; RecordRun ignores it.
	Runs int
}

// Empty reports whether the run was good and changed nothing.
func (r RunRow) Empty() bool {
	return r.Outcome == OutcomeGood && r.Inserted+r.Updated+r.Dead+r.Released+r.Shortfall == 0
}

// RecordRun notes a run. Consecutive empty runs of a job share one row. Repeating it with the same RunID changes nothing.
func (db *DB) RecordRun(ctx context.Context, run RunRow) error { return errUnwritten }

// LastRuns returns the latest row of each job.
func (db *DB) LastRuns(ctx context.Context) ([]RunRow, error) { return nil, errUnwritten }

// PruneRuns deletes runs that ended longer ago than keep, and returns how many rows.
func (db *DB) PruneRuns(ctx context.Context, keep time.Duration) (int64, error) { return 0, errUnwritten }

// SourceRow is what the database remembers of a source.
type SourceRow struct {
	Name order.SourceID
	Kind string
	// Endpoint is the address or the app key that tells accounts apart.
	Endpoint string
	// RemovedAt is when the source left the configuration; zero: it is in it.
	RemovedAt time.Time
}

// RememberSources notes the configured sources. It refuses (fault.Config, with the line to type) a new name for an endpoint whose
// old name has rows and is no longer configured.
func (db *DB) RememberSources(ctx context.Context, configured []SourceRow) error { return errUnwritten }

// Sources lists the remembered sources, configured or removed.
func (db *DB) Sources(ctx context.Context) ([]SourceRow, error) { return nil, errUnwritten }

// AuditEntry is one act of a person.
type AuditEntry struct {
	// Actor is who did it (the name of the operating system's account), Host where.
	Actor, Host string
	// Action is the command, Subject what it was done to, Detail the rest, without personal data.
	Action, Subject, Detail string
}

// Audit writes an entry to the audit log, with the database's time.
func (db *DB) Audit(ctx context.Context, entry AuditEntry) error { return errUnwritten }

// CheckpointRow is a checkpoint with the time of its last commit.
type CheckpointRow struct {
	order.Checkpoint
	UpdatedAt time.Time
}

// Checkpoints lists all checkpoints.
func (db *DB) Checkpoints(ctx context.Context) ([]CheckpointRow, error) { return nil, errUnwritten }

// LeaseRows lists all leases, also those that are over.
func (db *DB) LeaseRows(ctx context.Context) ([]schedule.Lease, error) { return nil, errUnwritten }

// PaceRow is the pace of one credential.
type PaceRow struct {
	Credential string
	// Ahead is how far the reserved calls reach past now.
	Ahead time.Duration
	// Day is the day (in the zone of the quota) of the last call, Used the calls of that day.
	Day  time.Time
	Used int64
	// ParkedUntil, RefusedAt and ProbeAt are zero where they do not apply.
	ParkedUntil, RefusedAt, ProbeAt time.Time
}

// PaceRows lists the pace of every credential.
func (db *DB) PaceRows(ctx context.Context) ([]PaceRow, error) { return nil, errUnwritten }

// Reserve takes calls consecutive slots, spacing apart, for a credential.
func (db *DB) Reserve(
	ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (wait time.Duration, err error) {
	return 0, errUnwritten
}

// Park lets no call through until wait has passed; it never shortens a longer park.
func (db *DB) Park(ctx context.Context, credential string, wait time.Duration) error {
	return errUnwritten
}

// Refuse notes that the remote refused the credential.
func (db *DB) Refuse(ctx context.Context, credential string) error { return errUnwritten }

// Accept notes that the remote accepted the credential again.
func (db *DB) Accept(ctx context.Context, credential string) error { return errUnwritten }

// States returns the state of every job.
func (db *DB) States(ctx context.Context) ([]schedule.State, error) { return nil, errUnwritten }

// ClaimTick takes a job for its tick.
func (db *DB) ClaimTick(ctx context.Context, job string, tick time.Time, holder string, ttl time.Duration) (bool, error) {
	return false, errUnwritten
}

// ClaimRepeat takes a job for another attempt.
func (db *DB) ClaimRepeat(ctx context.Context, job string, attempt int, holder string, ttl time.Duration) (bool, error) {
	return false, errUnwritten
}

// SkipTick notes a tick that came while the job was held.
func (db *DB) SkipTick(ctx context.Context, job string, tick time.Time) (bool, error) {
	return false, errUnwritten
}

// RenewJob prolongs the right to run a job.
func (db *DB) RenewJob(ctx context.Context, job, holder string, ttl time.Duration) (bool, error) {
	return false, errUnwritten
}

// FinishJob gives a job back.
func (db *DB) FinishJob(ctx context.Context, job, holder string, attempt int, repeatAt time.Time) error {
	return errUnwritten
}

// AcquireLease takes a lease.
func (db *DB) AcquireLease(
	ctx context.Context, source, stream, holder string, ttl time.Duration,
) (schedule.Lease, bool, error) {
	return schedule.Lease{}, false, errUnwritten
}

// RenewLease prolongs a lease.
func (db *DB) RenewLease(ctx context.Context, source, stream, holder string, ttl time.Duration) (bool, error) {
	return false, errUnwritten
}

// ReleaseLease ends a lease.
func (db *DB) ReleaseLease(ctx context.Context, source, stream, holder string) error {
	return errUnwritten
}
