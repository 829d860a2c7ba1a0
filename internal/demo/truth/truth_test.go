package truth_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/demo/truth"
	"ordersync/internal/mysql/mysqltest"
)

func TestMain(m *testing.M) { mysqltest.Main(m) }

// full maps every column.
func full() truth.Reading {
	paths := map[string][]string{"gone_at": {"gone"}}
	for _, c := range []string{
		"paid", "discount", "shipping_fee", "tax", "refunded", "buyer_name", "buyer_email", "buyer_note", "seller_note",
		"paid_at", "shipped_at", "completed_at", "cancelled_at", "line product_id", "line variant_id", "line variant", "line discount",
		"line total", "line status", "line refund_status", "line image_url",
	} {
		paths[c] = []string{strings.TrimPrefix(c, "line ")}
	}
	paths["receiver"] = []string{"address"}
	for _, c := range []string{"country", "province", "city"} {
		paths["receiver_"+c] = []string{"address." + c}
	}
	return truth.USServer().With(paths)
}

// record is an order as a shop sends it, with a value for every column.
const record = `{"id": 9007199254740993, "number": "US-1", "status": "On-Hold", "currency": "usd", "total": "1234.5", "paid": 12.3456785,
	"discount": "0", "shipping_fee": "-0.5", "tax": "1e2", "refunded": "0.0000005", "user_id": 77, "buyer_name": "Customer 77",
	"buyer_email": "c77@example.com", "address": {"province": "OR", "city": "上海", "country": "US", "n": 1.50},
	"buyer_note": "", "seller_note": "🔔", "created_at": "2026-11-20T10:00:00+08:00", "updated_at": "2026-11-21 01:02:03.1234569",
	"paid_at": "2026-11-20", "shipped_at": "2026-11-20T03:00:00Z", "completed_at": "2026-11-20T04:00:00Z", "cancelled_at": "2026-11-20T05:00:00Z",
	"gone": "2026-11-22T00:00:00Z", "line_items": [
		{"id": 1, "sku": "A", "name": "Thing", "quantity": 2, "price": 0.1, "product_id": 5, "variant_id": "6", "variant": "red", "discount": "0.00",
		 "total": "0.2", "status": "open", "refund_status": "none", "image_url": "https://img.example/a.jpg"},
		{"sku": "B", "name": "No id", "quantity": "1", "price": "3"}, {"sku": "B", "name": "No id either", "quantity": "1", "price": "3"}]}`

// second is an order of which only what must be is sent.
const second = `{"order_id": "b", "order_status": "strange", "date_created": "2026-11-20T00:00:00Z"}`

func shop() truth.Shop {
	return truth.Shop{Source: "shop", Records: [][]byte{[]byte(record), []byte(second)}, Reading: full()}
}

// stored opens a scratch database that holds exactly what the shop says, written by hand.
func stored(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", mysqltest.Options(t).DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const hash = "UNHEX(REPEAT('00', 32))"
	for _, statement := range []string{
		`INSERT INTO orders VALUES ('shop', '9007199254740993', 'US-1', 'pending_payment', 'On-Hold', 'USD', 1234.5, 12.345678, 0, -0.5, 100, 0,
			'77', 'Customer 77', 'c77@example.com', '{"city":"上海","country":"US","n":1.50,"province":"OR"}', 'US', 'OR', '上海', '', '🔔',
			'2026-11-20 02:00:00', '2026-11-20', '2026-11-20 03:00:00', '2026-11-20 04:00:00', '2026-11-20 05:00:00',
			'2026-11-21 01:02:03.123456', NOW(6), ` + hash + `, NULL, NOW(6), NOW(6), '2026-11-22')`,
		`INSERT INTO orders (source, order_id, status, source_status, ordered_at, modified_at, fetched_at, content_hash, first_seen_at, synced_at)
			VALUES ('shop', 'b', 'unknown', 'strange', '2026-11-20', '2026-11-20', NOW(6), ` + hash + `, NOW(6), NOW(6))`,
		`INSERT INTO order_items VALUES ('shop', '9007199254740993', '1', 'A', '5', '6', 'Thing', 'red', 2, 0.1, 0, 0.2, 'open', 'none',
			'https://img.example/a.jpg')`,
		`INSERT INTO order_items (source, order_id, line_id, sku, title, quantity, unit_price) VALUES
			('shop', '9007199254740993', 'B#1', 'B', 'No id', 1, 3), ('shop', '9007199254740993', 'B#2', 'B', 'No id either', 1, 3)`,
		`INSERT INTO orders SELECT 'another', order_id, number, status, source_status, currency, total, paid, discount, shipping_fee, tax, refunded,
			buyer_id, buyer_name, buyer_email, receiver, receiver_country, receiver_province, receiver_city, buyer_note, seller_note, ordered_at,
			paid_at, shipped_at, completed_at, cancelled_at, modified_at, fetched_at, content_hash, read_hash, first_seen_at, synced_at, gone_at
			FROM orders WHERE order_id = 'b'`,
	} {
		exec(t, db, statement)
	}
	for id, payload := range map[string]string{"9007199254740993": record, "b": " " + second} {
		exec(t, db, "INSERT INTO order_raw VALUES ('shop', ?, ?, "+hash+", NOW(6))", id, payload)
	}
	return db
}

func exec(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%v\n%s", err, statement)
	}
}

func compare(t *testing.T, db *sql.DB, remote truth.Remote) []string {
	t.Helper()
	differences, err := truth.Compare(t.Context(), db, remote)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, 0, len(differences))
	for _, d := range differences {
		list = append(list, d.String())
	}
	return list
}

func TestEqualTablesHaveNoDifference(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{}, compare(t, stored(t), shop())); diff != "" {
		t.Error(diff)
	}
}

func TestEveryColumnIsCompared(t *testing.T) {
	t.Parallel()
	if n := spoil(t, stored(t), shop(), "9007199254740993", "orders", "order_items"); n < 38 {
		t.Errorf("only %d columns were spoilt", n)
	}
}

// spoil spoils each column of the tables in turn, in a row of that order, and wants exactly that one told. It returns how many there are.
func spoil(t *testing.T, db *sql.DB, remote truth.Remote, id string, tables ...string) (spoilt int) {
	t.Helper()
	ours := []string{
		"source", "order_id", "fetched_at", "content_hash", "read_hash", "first_seen_at", "synced_at", "refund_id", "carrier",
		"tracking_number", "position", "line_ids", "is_split", "moved_at", "asks", "asked_at", "next_at",
	}
	values := map[string]string{"decimal": "999.000001", "datetime": "2001-01-01 00:00:00.000001", "json": `{"city":"x"}`, "longtext": `{"city":"x"}`}
	for _, c := range columnsOf(t, db, tables) {
		if slices.Contains(ours, c.name) || c.table == "order_items" && c.name == "line_id" {
			continue
		}
		spoilt++
		value, ok := values[c.kind]
		if !ok {
			value = "x"
		}
		where := " WHERE source = 'shop' AND order_id = '" + id + "'"
		var empty bool
		if err := db.QueryRowContext(t.Context(), "SELECT "+c.name+" IS NULL FROM "+c.table+where+" LIMIT 1").Scan(&empty); err != nil {
			t.Fatal(err)
		}
		wrong := []any{value}
		if c.nullable && !empty {
			wrong = append(wrong, nil)
		}
		for _, v := range wrong {
			exec(t, db, "CREATE TABLE kept AS SELECT * FROM "+c.table)
			exec(t, db, fmt.Sprintf("UPDATE %s SET %s = ?%s LIMIT 1", c.table, c.name, where), v)
			got := compare(t, db, remote)
			if len(got) != 1 || !strings.HasPrefix(got[0], c.table+" "+id) || !strings.Contains(got[0], ", "+c.name+": ") {
				t.Errorf("%s.%s set to %v: told %q", c.table, c.name, v, got)
			}
			exec(t, db, "DELETE FROM "+c.table)
			exec(t, db, "INSERT INTO "+c.table+" SELECT * FROM kept")
			exec(t, db, "DROP TABLE kept")
		}
	}
	return spoilt
}

type column struct {
	table, name, kind string
	nullable          bool
}

func columnsOf(t *testing.T, db *sql.DB, tables []string) []column {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT table_name, column_name, LOWER(data_type), is_nullable = 'YES' FROM information_schema.columns
		WHERE table_schema = DATABASE() AND FIND_IN_SET(table_name, ?) ORDER BY table_name, ordinal_position`, strings.Join(tables, ","))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var columns []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.table, &c.name, &c.kind, &c.nullable); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return columns
}

func TestRowsAreCompared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, statement string
		want            []string
	}{
		{"an order too many", "INSERT INTO order_raw SELECT 'shop', 'c', payload, payload_hash, fetched_at FROM order_raw WHERE order_id = 'b'",
			[]string{"order_raw c: the shop has no row, the table a row"}},
		{"an order missing", "DELETE FROM orders WHERE order_id = 'b' AND source = 'shop'", []string{"orders b: the shop has a row, the table no row"}},
		{"a line missing", "DELETE FROM order_items WHERE line_id = 'B#2'",
			[]string{"order_items 9007199254740993 / B#2: the shop has a row, the table no row"}},
		{"a line that the shop dropped", "INSERT INTO order_items (source, order_id, line_id) VALUES ('shop', 'b', '1')",
			[]string{"order_items b / 1: the shop has no row, the table a row"}},
		{"another raw record", `UPDATE order_raw SET payload = '{"order_id":"b"}' WHERE order_id = 'b'`,
			[]string{"order_raw b, payload: the shop says " + second + `, the table {"order_id":"b"}`}},
		{"a refund that the shop does not have", "INSERT INTO refunds (source, refund_id, order_id) VALUES ('shop', '7', 'b')",
			[]string{"refunds b / 7: the shop has no row, the table a row"}},
		{"a column of tomorrow", "ALTER TABLE order_items ADD COLUMN colour INT", []string{
			"order_items 9007199254740993 / 1, colour: the shop says no such column, the table NULL",
			"order_items 9007199254740993 / B#1, colour: the shop says no such column, the table NULL",
			"order_items 9007199254740993 / B#2, colour: the shop says no such column, the table NULL",
		}},
		{"the case of an id", "UPDATE orders SET order_id = 'B' WHERE order_id = 'b' AND source = 'shop'", []string{
			"orders B: the shop has no row, the table a row", "orders b: the shop has a row, the table no row",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := stored(t)
			exec(t, db, c.statement)
			if diff := cmp.Diff(c.want, compare(t, db, shop())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatNoColumnCanHoldIsADifference(t *testing.T) {
	t.Parallel()
	db := stored(t)
	s := shop()
	s.Records[1] = []byte(strings.Replace(second, `"order_status"`, `"total": "12,50", "order_status"`, 1))
	differences, err := truth.Compare(t.Context(), db, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(differences) != 2 || differences[0].Column != "total" || differences[0].Shop != "(no number)" || differences[1].Table != "order_raw" {
		t.Errorf("got %v", differences)
	}
}

func TestRecordsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	for name, records := range map[string][][]byte{
		"no id": {[]byte(`{"number": "1"}`)}, "no JSON": {[]byte(`{`)}, "two of one id": {[]byte(second), []byte(second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := truth.Compare(t.Context(), nil, truth.Shop{Source: "shop", Records: records, Reading: full()}); err == nil {
				t.Error("no error")
			}
		})
	}
}
