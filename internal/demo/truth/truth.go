// Package truth holds the tables against what a shop says, for the demo and for tests.
//
// It is a second opinion: it reads the shop's records and the tables with code of its own, shares none with the rooms that fill
// them, and knows their conversions only as the documentation states them. What it promises:
//
//   - every column of orders, order_items, refunds, shipments and shipment_events is compared, also one that is added tomorrow: a
//     column that it does not know is a difference. Left out are only the times at which we ourselves did something, what is
//     internal, and the hash;
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
	"strings"
)

// Remote is what the tables should hold of one source: a [Shop] with an API of its own, or a [Mall] on Taobao.
type Remote interface {
	// name is that under which its orders are stored.
	name() string
	// expect is what its records mean.
	expect() (expected, error)
	// kinds are those of a table's columns, as they are stored.
	kinds(table string) map[string]Kind
	// sameRaw reports whether a stored record says what the shop says.
	sameRaw(shop, stored string) bool
}

// expected are the rows that a source should have, by table and key.
type expected struct {
	tables map[string]map[string]row
	// spare are the parcels that need not be stored, each with the keys of its events, which then need not be either.
	spare map[string][]string
}

// Shop is what the tables should hold of a source of the kind rest.
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

// tables are all that hold something of a source, with the columns that make a row's key.
var tables = []struct {
	name string
	key  []string
}{
	{"orders", []string{"order_id"}},
	{"order_items", []string{"order_id", "line_id"}},
	{"order_raw", []string{"order_id"}},
	{"refunds", []string{"order_id", "refund_id"}},
	{"shipments", []string{"order_id", "carrier", "tracking_number"}},
	{"shipment_events", []string{"order_id", "carrier", "tracking_number", "position"}},
}

// ours are the columns, besides the key, that no shop knows: what we did and when, and what is internal. Of a raw record only the
// record itself is the shop's.
var ours = map[string][]string{
	"orders":    {"fetched_at", "content_hash", "read_hash", "first_seen_at", "synced_at"},
	"order_raw": {"payload_hash", "fetched_at"},
	"shipments": {"first_seen_at", "synced_at", "line_ids", "is_split", "moved_at", "asks", "asked_at", "next_at"},
}

// row is a row by column, in the common form.
type row map[string]string

// Compare returns every difference between the shop and the tables, by table and key. A value of the shop that no column can hold is
// one as well. An error means that no comparison was possible.
func Compare(ctx context.Context, db *sql.DB, remote Remote) ([]Difference, error) {
	want, err := remote.expect()
	if err != nil {
		return nil, err
	}
	var differences []Difference
	for _, table := range tables {
		have, err := read(ctx, db, table.name, table.key, remote)
		if err != nil {
			return nil, fmt.Errorf("read the table %s: %w", table.name, err)
		}
		if table.name == "shipments" {
			want.forgive(have)
		}
		differences = append(differences, diff(remote, table.name, want.tables[table.name], have)...)
	}
	return differences, nil
}

// forgive drops the parcels that are not stored and need not be.
func (e expected) forgive(stored map[string]row) {
	for parcel, events := range e.spare {
		if _, ok := stored[parcel]; ok {
			continue
		}
		delete(e.tables["shipments"], parcel)
		for _, event := range events {
			delete(e.tables["shipment_events"], event)
		}
	}
}

// diff compares rows by key. A column that only one side knows is different in each row.
func diff(remote Remote, table string, want, have map[string]row) []Difference {
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
			if d.Shop != d.Stored && (table != "order_raw" || !remote.sameRaw(d.Shop, d.Stored)) {
				list = append(list, d)
			}
		}
	}
	return list
}

// sameRaw reports whether two records differ in their layout alone.
func (s Shop) sameRaw(shop, stored string) bool {
	one, err := canonical([]byte(shop))
	other, bad := canonical([]byte(stored))
	return err == nil && bad == nil && one == other
}

func sortedKeys[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// read returns the rows of a table in the common form. It asks for all columns on purpose: a new one must not go unseen.
func read(ctx context.Context, db *sql.DB, table string, key []string, remote Remote) (_ map[string]row, err error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" WHERE source = ?", remote.name())
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
	left := slices.Concat(key, ours[table], []string{"source"})
	kinds, all := remote.kinds(table), map[string]row{}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		raw := make(map[string]any, len(columns))
		for i, column := range columns {
			raw[column] = values[i]
		}
		parts := make([]string, len(key))
		for i, column := range key {
			parts[i] = text(raw[column])
		}
		name, r := keyOf(parts...), row{}
		for column, value := range raw {
			if slices.Contains(left, column) {
				continue
			}
			if r[column], err = fromTable(kinds[column], value); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", name, column, err)
			}
		}
		all[name] = r
	}
	return all, nil
}

// keyOf writes the parts of a key as one text.
func keyOf(parts ...string) string { return strings.Join(parts, " / ") }

func (s Shop) name() string { return s.Source }

func (s Shop) kinds(table string) map[string]Kind {
	switch table {
	case "orders":
		return s.Reading.kinds(s.Reading.Order)
	case "order_items":
		return s.Reading.kinds(s.Reading.Line)
	}
	return nil
}

// kinds are those of the columns that fields fill, as they are stored.
func (r Reading) kinds(fields []Field) map[string]Kind {
	kinds := map[string]Kind{"gone_at": Instant}
	for _, f := range fields {
		kinds[f.Column] = f.Kind
		if f.Kind == Beijing {
			kinds[f.Column] = Instant
		}
	}
	return kinds
}
