package mysql

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	"ordersync/internal/order"
	"ordersync/internal/token"
)

// Token returns what the owner of a source granted, nil where there is nothing. It is sealed, and stays so here.
func (db *DB) Token(ctx context.Context, source string) (*token.Row, error) {
	var found *token.Row
	err := db.query(ctx, "read the token of "+source, selectShopToken, func() { found = nil }, func(rows *sql.Rows) error {
		r := new(token.Row)
		found = r
		return rows.Scan(&r.Access, &r.Refresh, &r.SealedAs, &r.Over, &r.UserID, &r.Nick, &r.ObtainedAt, moment{&r.Ends}, moment{&r.RefreshEnds},
			moment{&r.R1Ends}, moment{&r.R2Ends}, moment{&r.W1Ends}, moment{&r.W2Ends}, flag{&r.Sliding}, &r.Revision)
	}, source)
	return found, err
}

// PutToken stores a token: with over zero whatever is there is replaced, else the revision over alone; it reports false where that is
// no longer the stored one.
func (db *DB) PutToken(ctx context.Context, source string, row token.Row, over int64) (bool, error) {
	op := "store the token of " + source
	args := []any{
		row.Access, row.Refresh, row.SealedAs, row.Over, cut(row.UserID, 191), cut(row.Nick, 255), instantArg(row.ObtainedAt),
		instantArg(row.Ends), instantArg(row.RefreshEnds), instantArg(row.R1Ends), instantArg(row.R2Ends), instantArg(row.W1Ends),
		instantArg(row.W2Ends), row.Sliding,
	}
	if over == 0 {
		_, err := db.exec(ctx, op, grantToken, append(args, source)...)
		return err == nil, err
	}
	found, err := db.exec(ctx, op, renewToken, append(args, over+1, source, over)...)
	if err != nil || found > 0 {
		return found > 0, err
	}
	// Nothing else seals to the same bytes: where they are there, an outcome of ours was lost on the way.
	stored, err := db.Token(ctx, source)
	return err == nil && stored != nil && bytes.Equal(stored.Access, row.Access), err
}

// ClaimToken takes the right to renew a revision of a token for so long by the database's clock. It reports false where somebody has
// it, or where the revision is no longer the stored one.
func (db *DB) ClaimToken(ctx context.Context, source string, revision int64, period time.Duration) (bool, error) {
	found, err := db.exec(ctx, "claim the token of "+source, claimToken, period.Microseconds(), source, revision)
	return found > 0, err
}

// renameTokens gives the token of a source to its new name, unless that has one of its own: it was granted later.
func renameTokens(ctx context.Context, tx *sql.Tx, from, to order.SourceID) error {
	var has bool
	if err := tx.QueryRowContext(ctx, selectTokenHas, string(to)).Scan(&has); err != nil {
		return err
	}
	if has {
		_, err := tx.ExecContext(ctx, forgetToken, string(from))
		return err
	}
	_, err := tx.ExecContext(ctx, renameToken, string(to), string(from))
	return err
}
