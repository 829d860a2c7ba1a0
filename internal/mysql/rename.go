package mysql

import (
	"context"
	"database/sql"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// RenameSource gives everything that is stored under a source's name to another name, in one transaction. It refuses (fault.Config)
// a name of which nothing is known, one that has orders of its own, and a source that is being worked.
func (db *DB) RenameSource(ctx context.Context, from, to order.SourceID) error {
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error { return rename(ctx, tx, from, to) })
	})
	return db.failed(ctx, "rename the source "+string(from), err)
}

func rename(ctx context.Context, tx *sql.Tx, from, to order.SourceID) error {
	remembered, err := listSources(ctx, tx, lockSources)
	if err != nil {
		return err
	}
	known := false
	for _, s := range remembered {
		known = known || s.Name == from
	}
	if !known {
		return fault.Errorf(fault.Config, "no source %q is known: 'ordersyncd status' lists them", from)
	}
	var taken, busy bool
	if err := tx.QueryRowContext(ctx, selectSourceHas, string(to), string(to)).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return fault.Errorf(fault.Config, "%q has orders of its own: two sources cannot become one", to)
	}
	if err := tx.QueryRowContext(ctx, selectSourceBusy, string(from)).Scan(&busy); err != nil {
		return err
	}
	if busy {
		return fault.Errorf(fault.Config, "%q is being worked at the moment: stop the daemon first, then type the same command again", from)
	}
	for _, statement := range []string{forgetSource, forgetCheckpoints, forgetLeases} {
		if _, err := tx.ExecContext(ctx, statement, string(to)); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		renameSource, renameCheckpoints, renameLeases, renameOrders, renameItems, renameRefunds, renameRaw, renameDead, renameRuns, renameGaps,
		renameShipments, renameEvents,
	} {
		if _, err := tx.ExecContext(ctx, statement, string(to), string(from)); err != nil {
			return err
		}
	}
	return renameTokens(ctx, tx, from, to)
}
