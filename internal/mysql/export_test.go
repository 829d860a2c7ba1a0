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

// NewestSQL and UsualSQL are texts whose cost is measured.
const NewestSQL = selectNewest

// UsualSQL is the text for that many weeks.
func UsualSQL(weeks int) string {
	all := newStatements()
	return all.countUsual.text(weeks)
}
