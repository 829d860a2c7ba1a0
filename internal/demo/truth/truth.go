// Package truth holds the tables against what a shop says, for the demo and for tests.
//
// It is a second opinion: it reads the shop's records and the tables with code of its own, shares none with the rooms that fill
// them, and knows their conversions only as the documentation states them. What it promises:
//
//   - every column of orders and order_items is compared, also one that is added tomorrow: a column that it does not know is a
//     difference. Left out are only the times at which we ourselves did something, and the hash;
//   - orders that the shop does not have, and lines that it dropped, are differences too;
//   - so is a raw record that does not say what the shop says.
package truth

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
)

// Shop is what the tables should hold of one source.
type Shop struct {
	// Source is the name under which its orders are stored.
	Source string
	// Records are all its orders, each as its API sends it now.
	Records [][]byte
	// Reading says which column comes from where in a record.
	Reading Reading
}

// Difference is one value that is not what the shop says.
type Difference struct {
	// Table and Key (the order's id, and the line's) say where, Column which; Column is empty where a whole row is missing or too
	// many.
	Table, Key, Column string
	// Shop and Stored are the two values in one common form, NULL where there is none.
	Shop, Stored string
}

// String is the difference in one line.
func (d Difference) String() string {
	if d.Column == "" {
		return fmt.Sprintf("%s %s: the shop has %s, the table %s", d.Table, d.Key, d.Shop, d.Stored)
	}
	return fmt.Sprintf("%s %s, %s: the shop says %s, the table %s", d.Table, d.Key, d.Column, d.Shop, d.Stored)
}

// The forms of a difference where a row is missing.
const (
	null   = "NULL"
	noRow  = "no row"
	oneRow = "a row"
)

// ours are the columns that no shop knows: keys, and what we did and when.
var ours = map[string][]string{
	"orders":      {"source", "order_id", "fetched_at", "content_hash", "read_hash", "first_seen_at", "synced_at"},
	"order_items": {"source", "order_id", "line_id"},
}

// row is a row by column, in the common form.
type row map[string]string

// Compare returns every difference between the shop and the tables, by table and key. A value of the shop that no column can hold is
// one as well. An error means that no comparison was possible.
func Compare(ctx context.Context, db *sql.DB, shop Shop) ([]Difference, error) {
	want, err := shop.expect()
	if err != nil {
		return nil, err
	}
	var differences []Difference
	for _, table := range []string{"orders", "order_items", "order_raw"} {
		have, err := read(ctx, db, table, shop)
		if err != nil {
			return nil, fmt.Errorf("read the table %s: %w", table, err)
		}
		differences = append(differences, diff(table, want[table], have)...)
	}
	return differences, nil
}

// diff compares rows by key. A column that only one side knows is different in each row.
func diff(table string, want, have map[string]row) []Difference {
	var list []Difference
	for _, key := range sortedKeys(want, have) {
		w, wanted := want[key]
		h, stored := have[key]
		switch {
		case !stored:
			list = append(list, Difference{Table: table, Key: key, Shop: oneRow, Stored: noRow})
			continue
		case !wanted:
			list = append(list, Difference{Table: table, Key: key, Shop: noRow, Stored: oneRow})
			continue
		}
		for _, column := range sortedKeys(w, h) {
			d := Difference{Table: table, Key: key, Column: column, Shop: "no such column", Stored: "no such column"}
			if v, ok := w[column]; ok {
				d.Shop = v
			}
			if v, ok := h[column]; ok {
				d.Stored = v
			}
			if d.Shop != d.Stored && !sameJSON(table, d) {
				list = append(list, d)
			}
		}
	}
	return list
}

// sameJSON reports whether two raw records differ in their layout alone.
func sameJSON(table string, d Difference) bool {
	if table != "order_raw" {
		return false
	}
	shop, err := canonical([]byte(d.Shop))
	stored, bad := canonical([]byte(d.Stored))
	return err == nil && bad == nil && shop == stored
}

func sortedKeys[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// read returns the rows of a table in the common form. It asks for all columns on purpose: a new one must not go unseen.
func read(ctx context.Context, db *sql.DB, table string, shop Shop) (_ map[string]row, err error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" WHERE source = ?", shop.Source)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, rows.Err()) }()
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	all := map[string]row{}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		raw := make(map[string]any, len(columns))
		for i, column := range columns {
			raw[column] = values[i]
		}
		key, r, err := shop.stored(table, raw)
		if err != nil {
			return nil, err
		}
		all[key] = r
	}
	return all, nil
}

// stored brings one row of a table into the common form.
func (s Shop) stored(table string, raw map[string]any) (key string, r row, err error) {
	key = text(raw["order_id"])
	if table == "order_raw" {
		return key, row{"payload": text(raw["payload"])}, nil
	}
	fields := s.Reading.Order
	if table == "order_items" {
		key += " / " + text(raw["line_id"])
		fields = s.Reading.Line
	}
	kinds := map[string]Kind{"gone_at": Instant}
	for _, f := range fields {
		kinds[f.Column] = f.Kind
	}
	r = row{}
	for column, value := range raw {
		if slices.Contains(ours[table], column) {
			continue
		}
		if r[column], err = fromTable(kinds[column], value); err != nil {
			return "", nil, fmt.Errorf("%s %s, %s: %w", table, key, column, err)
		}
	}
	return key, r, nil
}
