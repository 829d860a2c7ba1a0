package mysql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// SourceRow is what the database remembers of a source.
type SourceRow struct {
	Name order.SourceID
	Kind string
	// Endpoint is the address or the app key that tells accounts apart.
	Endpoint string
	// RemovedAt is when the source left the configuration; zero: it is in it.
	RemovedAt time.Time
}

// RememberSources notes the configured sources, and that the others left the configuration. It refuses (fault.Config, with the line to
// type) a new name for an endpoint whose old name has rows and is no longer configured: the orders would be stored twice.
func (db *DB) RememberSources(ctx context.Context, configured []SourceRow) error {
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error { return remember(ctx, tx, configured) })
	})
	return db.failed(ctx, "remember the sources", err)
}

func remember(ctx context.Context, tx *sql.Tx, configured []SourceRow) error {
	remembered, err := listSources(ctx, tx, lockSources)
	if err != nil {
		return err
	}
	named := func(rows []SourceRow, name order.SourceID) int {
		return slices.IndexFunc(rows, func(s SourceRow) bool { return s.Name == name })
	}
	for _, s := range configured {
		if named(remembered, s.Name) >= 0 {
			continue
		}
		for _, old := range remembered {
			if old.Kind != s.Kind || old.Endpoint != s.Endpoint || named(configured, old.Name) >= 0 {
				continue
			}
			var hasRows bool
			if err := tx.QueryRowContext(ctx, selectSourceHas, string(old.Name), string(old.Name)).Scan(&hasRows); err != nil {
				return err
			}
			if hasRows {
				return fault.Errorf(fault.Config,
					"source %q is new, but its endpoint belongs to %q, which has orders and is no longer in the configuration; "+
						"if it was renamed, type: ordersyncd source rename %s %s", s.Name, old.Name, old.Name, s.Name)
			}
		}
	}
	for _, s := range configured {
		i := named(remembered, s.Name)
		if i >= 0 && remembered[i].Kind == s.Kind && remembered[i].Endpoint == s.Endpoint && remembered[i].RemovedAt.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx, upsertSource, string(s.Name), s.Kind, s.Endpoint); err != nil {
			return err
		}
	}
	for _, old := range remembered {
		if named(configured, old.Name) >= 0 || !old.RemovedAt.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx, removeSource, string(old.Name)); err != nil {
			return err
		}
	}
	return nil
}

// Sources lists the remembered sources, configured or removed.
func (db *DB) Sources(ctx context.Context) ([]SourceRow, error) {
	var all []SourceRow
	err := db.again(ctx, func(ctx context.Context) (err error) {
		all, err = listSources(ctx, db.pool, selectSources)
		return err
	})
	return all, db.failed(ctx, "list the sources", err)
}

func listSources(ctx context.Context, q querier, query string) ([]SourceRow, error) {
	var all []SourceRow
	err := each(ctx, q, query, nil, func(rows *sql.Rows) error {
		var s SourceRow
		err := rows.Scan((*string)(&s.Name), &s.Kind, &s.Endpoint, moment{&s.RemovedAt})
		all = append(all, s)
		return err
	})
	return all, err
}

// AuditEntry is one act of a person.
type AuditEntry struct {
	// Actor is who did it (the name of the operating system's account), Host where.
	Actor, Host string
	// Action is the command, Subject what it was done to, Detail the rest, without personal data.
	Action, Subject, Detail string
}

// Audit writes an entry to the audit log, with the database's time. Where an outcome is lost it is written twice rather than never.
func (db *DB) Audit(ctx context.Context, entry AuditEntry) error {
	_, err := db.exec(ctx, "write the audit log", insertAudit,
		cut(entry.Actor, 191), cut(entry.Host, 255), cut(entry.Action, 191), cut(entry.Subject, 512), cut(entry.Detail, 10000))
	return err
}
