package mysql

import (
	"context"
	"database/sql"
)

// attempts is how often a transaction is begun at most.
const attempts = 4

// again calls do until it succeeds, up to four times in all, as long as its failure is one that may pass: do must be safe to repeat
// also where its outcome was lost. The failure that it returns is the last one, as the driver gave it.
func (db *DB) again(ctx context.Context, do func(ctx context.Context) error) error {
	for attempt := range attempts {
		err := do(ctx)
		if err == nil {
			return nil
		}
		again := classOf(err)
		if ctx.Err() != nil || attempt == attempts-1 || again != classAgain && again != classReconnect {
			return err
		}
		if again == classReconnect {
			db.dropIdle()
		}
		db.log.DebugContext(ctx, "a database transaction is tried again", "attempt", attempt+1, "number", numberOf(err))
		if pauseErr := db.pause(ctx, attempt); pauseErr != nil {
			return err
		}
	}
	return nil
}

// inTx runs do in a transaction, READ COMMITTED as its connection is. Any failure rolls back: after 1205 half of the transaction would still be open, and
// after 1213 what follows would commit by itself.
func (db *DB) inTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// A connection on which the rollback fails is closed, and the server rolls back.
	defer func() { _ = tx.Rollback() }()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// exec runs a single statement that may be repeated, and returns how many rows it found or deleted.
func (db *DB) exec(ctx context.Context, op, query string, args ...any) (found int64, err error) {
	err = db.again(ctx, func(ctx context.Context) error {
		result, err := db.pool.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		found, err = result.RowsAffected()
		return err
	})
	return found, db.failed(ctx, op, err)
}

// query reads all rows of a statement; scan is called for each, reset before the first and again where the statement is repeated.
func (db *DB) query(ctx context.Context, op, query string, reset func(), scan func(rows *sql.Rows) error, args ...any) error {
	err := db.again(ctx, func(ctx context.Context) error {
		reset()
		return each(ctx, db.pool, query, args, scan)
	})
	return db.failed(ctx, op, err)
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// each calls scan for each row.
func each(ctx context.Context, q querier, query string, args []any, scan func(rows *sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
