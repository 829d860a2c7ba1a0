package mysql

import (
	"context"

	"ordersync/internal/order"
)

// Upsert executes the guarded upsert of one order and nothing else.
func Upsert(ctx context.Context, db *DB, o *order.Order, hash string) error {
	_, err := db.pool.ExecContext(ctx, db.statements.upsertOrders.text(1), orderArgs(nil, o, []byte(hash), nil)...)
	return err
}

// Polled are the texts that a daemon asks again and again, by their names.
func Polled() map[string]string {
	all := newStatements()
	return map[string]string{
		"newest": selectNewest, "usual": all.countUsual.text(3), "live": selectLive, "observations": selectObservations, "waiting": selectWaiting,
		"sent": selectSentLately, "news": selectNews, "awaited": selectAwaited,
		"last runs": selectLastRuns, "last good": selectLastGood, "backlog": selectLastBacklog,
	}
}
