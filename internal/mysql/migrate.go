package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"

	"ordersync/internal/fault"
	"ordersync/migrations"
)

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

// SchemaError says that this program may not run on the database's schema. It comes as fault.Config and names the remedy.
type SchemaError struct {
	// Have is the schema of the database (0: none), Want that of this program.
	Have, Want int64
	// Oldest is the oldest schema whose programs may run on the database, where that is newer than the program.
	Oldest int64
}

func (e *SchemaError) Error() string {
	switch {
	case e.Have == 0:
		return "the database has no tables yet; type: ordersyncd migrate up"
	case !e.Newer():
		return fmt.Sprintf("the database has schema %d and this program needs %d; type: ordersyncd migrate up", e.Have, e.Want)
	default:
		return fmt.Sprintf("the database has schema %d, on which programs from schema %d on may run, and this program brings %d; "+
			"install the newer ordersyncd again", e.Have, e.Oldest, e.Want)
	}
}

// Newer reports whether the database is newer than the program.
func (e *SchemaError) Newer() bool { return e.Have > e.Want }

// SchemaVersion is the schema that this program brings.
func SchemaVersion() int64 {
	steps, err := ownSteps(migrations.Files)
	if err != nil || len(steps) == 0 {
		return 0 // a test shows that this cannot be
	}
	return steps[len(steps)-1].Version
}

var (
	stepName   = regexp.MustCompile(`^([0-9]+)_([a-z0-9_]+)\.sql$`)
	oldestLine = regexp.MustCompile(`(?m)^-- oldest: ([0-9]+)$`)
)

// ownSteps reads the migrations that are built in, in the order of their numbers.
func ownSteps(files fs.FS) ([]Migration, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var steps []Migration
	for _, entry := range entries {
		name := stepName.FindStringSubmatch(path.Base(entry.Name()))
		if name == nil {
			return nil, fmt.Errorf("migration %s: its name is not NUMBER_words.sql", entry.Name())
		}
		content, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, err
		}
		oldest := oldestLine.FindSubmatch(content)
		if oldest == nil {
			return nil, fmt.Errorf("migration %s: it has no line '-- oldest: N'", entry.Name())
		}
		step := Migration{Name: name[2]}
		if step.Version, err = strconv.ParseInt(name[1], 10, 64); err != nil {
			return nil, err
		}
		if step.Oldest, err = strconv.ParseInt(string(oldest[1]), 10, 64); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	slices.SortFunc(steps, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return steps, nil
}

// migrateWait is how long a migration waits for another one to end.
const migrateWait = 10 * time.Minute

// migrateConnections: one holds the lock, the others work.
const migrateConnections = 3

// Migrate brings the schema up to date under the migrating account, and calls done after each step. Concurrent calls wait for
// each other. It can be repeated after any failure; a schema newer than this program is left alone.
func (db *DB) Migrate(ctx context.Context, done func(Step)) (err error) {
	return db.migrate(ctx, migrations.Files, done)
}

func (db *DB) migrate(ctx context.Context, files fs.FS, done func(Step)) (err error) {
	const op = "migrate the schema"
	steps, err := ownSteps(files)
	if err != nil {
		return fault.Errorf(fault.Internal, "%s: %w", op, err)
	}
	pool, err := db.migrator()
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	release, err := db.lockSchema(ctx, pool)
	if err != nil {
		return db.failed(ctx, op, err)
	}
	defer release()
	provider, err := goose.NewProvider(goose.DialectMySQL, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fault.Errorf(fault.Internal, "%s: %w", op, err)
	}
	for {
		result, err := provider.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			break
		}
		if err != nil {
			return db.failed(ctx, op, stepError(err))
		}
		i := slices.IndexFunc(steps, func(m Migration) bool { return m.Version == result.Source.Version })
		step := Step{Migration: steps[i], Took: result.Duration}
		if err := pool.QueryRowContext(ctx, selectNow).Scan(&step.AppliedAt); err != nil {
			return db.failed(ctx, op, err)
		}
		if done != nil {
			done(step)
		}
	}
	return db.failed(ctx, op, noteOldest(ctx, pool, steps))
}

// stepError says which step failed, without goose's own words around the server's.
func stepError(err error) error {
	partial, ok := errors.AsType[*goose.PartialError](err)
	if !ok || partial.Failed == nil || partial.Failed.Source == nil {
		return err
	}
	server := serverError(err)
	if server == nil {
		return err
	}
	return fault.Errorf(fault.Database, "%s: %w", path.Base(partial.Failed.Source.Path), server)
}

// noteOldest writes down which programs may run on each step, for programs that do not know the step.
func noteOldest(ctx context.Context, pool *sql.DB, steps []Migration) error {
	for _, step := range steps {
		if _, err := pool.ExecContext(ctx, upsertOldest, step.Version, step.Oldest); err != nil {
			return err
		}
	}
	return nil
}

// migrator opens connections of the migrating account. A large table takes long to alter: reading has no deadline here, only
// waiting for locks has.
func (db *DB) migrator() (*sql.DB, error) {
	config := db.config.Clone()
	config.ReadTimeout = 0
	if db.options.MigrateUser != "" {
		config.User, config.Passwd = db.options.MigrateUser, db.options.MigratePassword
	}
	pool, err := db.open(config, "")
	if err == nil {
		pool.SetMaxOpenConns(migrateConnections)
	}
	return pool, err
}

// lockSchema keeps other migrations away as long as its connection lives. DDL commits by itself, so that no transaction can.
func (db *DB) lockSchema(ctx context.Context, pool *sql.DB) (release func(), err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullBool
	if err := conn.QueryRowContext(ctx, selectLock, int64(migrateWait/time.Second)).Scan(&got); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !got.Bool {
		_ = conn.Close()
		return nil, fault.Errorf(fault.Database, "another migration has been running for %s", migrateWait)
	}
	return func() {
		// Closing the pool ends the connection, and with it the lock, where this fails.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), releaseLock)
		_ = conn.Close()
	}, nil
}

// Migrations lists the steps that this program knows and those that the database has besides, by number.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) {
	steps, err := ownSteps(migrations.Files)
	if err != nil {
		return nil, fault.New(fault.Internal, err)
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range applied {
		i := slices.IndexFunc(steps, func(m Migration) bool { return m.Version == a.Version })
		if i < 0 {
			a.Name = "of a newer program"
			steps = append(steps, a)
			continue
		}
		steps[i].AppliedAt = a.AppliedAt
	}
	return steps, nil
}

// applied lists what the database has: version, oldest and the time, none of them where it has no schema.
func (db *DB) applied(ctx context.Context) ([]Migration, error) {
	const op = "read the version of the schema"
	var steps []Migration
	err := db.query(ctx, op, selectApplied, func() { steps = nil }, func(rows *sql.Rows) error {
		var m Migration
		err := rows.Scan(&m.Version, moment{&m.AppliedAt})
		steps = append(steps, m)
		return err
	})
	if numberOf(err) == noSuchTable {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = db.query(ctx, op, selectOldest, func() {}, func(rows *sql.Rows) error {
		var m Migration
		err := rows.Scan(&m.Version, &m.Oldest, &m.AppliedAt)
		if i := slices.IndexFunc(steps, func(s Migration) bool { return s.Version == m.Version }); i >= 0 {
			steps[i].Oldest = m.Oldest
		}
		return err
	})
	if numberOf(err) == noSuchTable {
		return steps, nil
	}
	return steps, err
}

// SchemaOK returns a *SchemaError unless this program may run on the database's schema: it has every step that the program knows, and
// every step besides says that this program may still run.
func (db *DB) SchemaOK(ctx context.Context) error {
	return db.schemaOK(ctx, migrations.Files)
}

func (db *DB) schemaOK(ctx context.Context, files fs.FS) error {
	own, err := ownSteps(files)
	if err != nil {
		return fault.New(fault.Internal, err)
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return err
	}
	e := &SchemaError{}
	for _, step := range own {
		e.Want = max(e.Want, step.Version)
	}
	unknown := false
	for _, step := range applied {
		e.Have = max(e.Have, step.Version)
		if step.Version > e.Want {
			e.Oldest = max(e.Oldest, step.Oldest)
			unknown = unknown || step.Oldest == 0
		}
	}
	for _, step := range own {
		if !slices.ContainsFunc(applied, func(m Migration) bool { return m.Version == step.Version }) {
			e.Have = min(e.Have, step.Version-1)
			return fault.New(fault.Config, e)
		}
	}
	if unknown {
		// The step was done, and its program had no time to say who may run on it.
		e.Oldest = e.Have
	}
	if e.Oldest > e.Want {
		return fault.New(fault.Config, e)
	}
	return nil
}
