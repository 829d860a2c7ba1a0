package demo

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// changes is the ERP's query of the README: what changed since the moment that was reached, with a minute of overlap.
const changes = `SELECT synced_at, source, order_id, status, total, currency FROM orders
WHERE synced_at >= ? - INTERVAL 1 MINUTE ORDER BY synced_at, source, order_id LIMIT 4`

// tables shows what the ERP sees, and gives the verdict.
func (t *story) tables(ctx context.Context) error {
	var counts []string
	for _, table := range []string{"orders", "order_items", "order_raw", "refunds", "shipments", "shipment_events", "dead_letters", "runs"} {
		n, err := t.stage.count(ctx, table)
		if err != nil {
			return err
		}
		counts = append(counts, fmt.Sprintf("%s %s", number(n), table))
	}
	t.say("Rows: %s.", strings.Join(counts, ", "))
	for _, query := range []string{
		"SELECT source, order_id, status, total, refunded, currency FROM orders WHERE refunded > 0 ORDER BY modified_at DESC, order_id LIMIT 4",
		"SELECT order_id, line_id, sku, title, quantity, unit_price FROM order_items ORDER BY order_id DESC, line_id LIMIT 3",
		"SELECT order_id, refund_id, amount, status, reason FROM refunds ORDER BY created_at DESC, refund_id LIMIT 3",
	} {
		if err := t.show(ctx, query); err != nil {
			return err
		}
	}
	t.say("What an ERP asks for, to follow changes:")
	var reached sql.NullString
	if err := t.stage.db.QueryRowContext(ctx, "SELECT MAX(synced_at) FROM orders").Scan(&reached); err != nil {
		return err
	}
	if err := t.show(ctx, changes, reached.String); err != nil {
		return err
	}
	differences, err := t.compare(ctx, t.shop, t.mall)
	if err != nil {
		return err
	}
	if err := listed(differences); err != nil {
		return err
	}
	if strays := t.mall.platform.Strays(); len(strays) > 0 {
		return fmt.Errorf("the gateway got requests that nobody meant: %q", strays)
	}
	t.good("Every column of %s orders of %s and of their %s lines equals what the shop says now.",
		number(t.shop.size()), source, number(t.shop.lines()))
	t.good("Every column of %s trades of %s, of their lines, refunds, parcels and the parcels' steps equals what Taobao says now.",
		number(t.mall.size()), flagship)
	return nil
}

// show prints a query and its rows.
func (t *story) show(ctx context.Context, query string, args ...any) (err error) {
	prompt := "   > "
	for _, part := range wrap(fmt.Sprintf(strings.ReplaceAll(query, "?", "'%v'"), args...), columns-len(prompt)) {
		t.line(bold, prompt+part)
		prompt = "     "
	}
	rows, err := t.stage.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	grid := [][]string{names}
	values, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = "NULL"
			if v.Valid {
				texts[i] = v.String
			}
		}
		grid = append(grid, texts)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	t.quote(aligned(grid))
	return nil
}
