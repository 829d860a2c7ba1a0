package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/mysql/mysqltest"
	"ordersync/internal/order"
)

// TestMigrateUnderItsOwnAccount gives the daemon's account no right to change the schema.
func TestMigrateUnderItsOwnAccount(t *testing.T) {
	t.Parallel()
	empty := mysqltest.Empty(t)
	pool := mysqltest.SQL(t, empty.DSN)
	var name string
	if err := pool.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	user := strings.TrimPrefix(name, "ordersync_")
	accounts := map[string]string{user: "SELECT, INSERT, UPDATE, DELETE", user + "_ddl": "ALL PRIVILEGES"}
	for account, rights := range accounts {
		mysqltest.Exec(t, empty.DSN, fmt.Sprintf("CREATE USER %s@localhost IDENTIFIED BY 'x'", account),
			fmt.Sprintf("GRANT %s ON %s.* TO %s@localhost", rights, name, account))
		t.Cleanup(func() {
			if _, err := pool.Exec(fmt.Sprintf("DROP USER %s@localhost", account)); err != nil {
				t.Error(err)
			}
		})
	}
	o := mysql.Options{DSN: strings.Replace(empty.DSN, "root@", user+":x@", 1)}
	err := mysqltest.OpenWith(t, o).Migrate(t.Context(), nil)
	if fault.KindOf(err) != fault.Database || !strings.Contains(err.Error(), "lacks a right") {
		t.Errorf("under the daemon's account: %v", err)
	}
	o.MigrateUser, o.MigratePassword, o.Connections = user+"_ddl", "x", 1
	db := mysqltest.OpenWith(t, o)
	if err := db.Migrate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := db.SchemaOK(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := db.Put(t.Context(), three(1)); err != nil {
		t.Error(err)
	}
	if _, err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestColumns compares what the migrations made with the design and with the limits that package order checks.
func TestColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows, err := w.raw.QueryContext(t.Context(), "SELECT table_name, column_name, column_type, COALESCE(character_set_name, ''), "+
		"COALESCE(collation_name, ''), COALESCE(character_maximum_length, 0), is_nullable FROM information_schema.columns "+
		"WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	widths := map[string]int{}
	for rows.Next() {
		var table, column, kind, charset, collation, nullable string
		var width int
		if err := rows.Scan(&table, &column, &kind, &charset, &collation, &width, &nullable); err != nil {
			t.Fatal(err)
		}
		name := table + "." + column
		widths[name] = width
		want := ""
		switch {
		case charset == "":
		case column == "receiver": // JSON has a collation of its own
		case keyColumns[column] || strings.HasPrefix(column, "run_id"), column == "last_run_id", name == "sources.endpoint",
			name == "refunds.line_id":
			want = "utf8mb4_bin"
		default:
			want = "utf8mb4_unicode_ci"
		}
		if charset != "" && charset != "utf8mb4" || want != "" && collation != want {
			t.Errorf("%s is %s %s, want %s", name, charset, collation, want)
		}
		switch {
		case strings.HasPrefix(kind, "datetime") && kind != "datetime(6)", strings.HasPrefix(kind, "timestamp"),
			strings.HasPrefix(kind, "decimal") && kind != "decimal(20,6)", strings.HasPrefix(kind, "double"), strings.HasPrefix(kind, "float"):
			t.Errorf("%s is a %s", name, kind)
		}
		if column == "source" && width != 64 || strings.HasSuffix(column, "_id") && column != "run_id" && column != "last_run_id" &&
			charset != "" && width != 191 {
			t.Errorf("%s holds %d characters", name, width)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name, set := range limited() {
		width := widths[name]
		fits, over := whole("1", 1, 1), whole("1", 1, 1)
		set(fits, strings.Repeat("字", width))
		set(over, strings.Repeat("字", width+1))
		if name == "orders.buyer_note" || name == "orders.seller_note" { // in bytes
			set(fits, strings.Repeat("x", width))
			set(over, strings.Repeat("x", width+1))
		}
		if width == 0 || fits.Validate() != nil || over.Validate() == nil {
			t.Errorf("%s holds %d characters; package order says of as many: %v, and of one more: %v", name, width, fits.Validate(), over.Validate())
		}
		fits.ID = name
		if got, err := w.db.Put(t.Context(), []order.Record{record(fits)}); err != nil || got.Inserted != 1 {
			t.Errorf("%s filled to its end: %+v, %v", name, got, err)
		}
	}
}

var keyColumns = map[string]bool{
	"source": true, "order_id": true, "line_id": true, "refund_id": true, "stream": true, "job": true, "holder": true, "credential": true,
	"carrier": true, "tracking_number": true, "incident_id": true, "notice_id": true, "scope": true, "channel": true,
}

// limited are the columns whose width package order knows, and how to fill them.
func limited() map[string]func(*order.Order, string) {
	item := func(set func(*order.Item, order.Field[string])) func(*order.Order, string) {
		return func(o *order.Order, v string) {
			items, _ := o.Items.Get()
			set(&items[0], text(v))
		}
	}
	refund := func(set func(*order.Refund, order.Field[string])) func(*order.Order, string) {
		return func(o *order.Order, v string) {
			refunds, _ := o.Refunds.Get()
			set(&refunds[0], text(v))
		}
	}
	return map[string]func(*order.Order, string){
		"orders.number":             func(o *order.Order, v string) { o.Number = text(v) },
		"orders.source_status":      func(o *order.Order, v string) { o.SourceStatus = text(v) },
		"orders.currency":           func(o *order.Order, v string) { o.Currency = text(v) },
		"orders.buyer_id":           func(o *order.Order, v string) { o.BuyerID = text(v) },
		"orders.buyer_name":         func(o *order.Order, v string) { o.BuyerName = text(v) },
		"orders.buyer_email":        func(o *order.Order, v string) { o.BuyerEmail = text(v) },
		"orders.receiver_country":   func(o *order.Order, v string) { o.ReceiverCountry = text(v) },
		"orders.receiver_province":  func(o *order.Order, v string) { o.ReceiverProvince = text(v) },
		"orders.receiver_city":      func(o *order.Order, v string) { o.ReceiverCity = text(v) },
		"orders.buyer_note":         func(o *order.Order, v string) { o.BuyerNote = text(v) },
		"orders.seller_note":        func(o *order.Order, v string) { o.SellerNote = text(v) },
		"order_items.sku":           item(func(i *order.Item, v order.Field[string]) { i.SKU = v }),
		"order_items.product_id":    item(func(i *order.Item, v order.Field[string]) { i.ProductID = v }),
		"order_items.variant_id":    item(func(i *order.Item, v order.Field[string]) { i.VariantID = v }),
		"order_items.title":         item(func(i *order.Item, v order.Field[string]) { i.Title = v }),
		"order_items.variant":       item(func(i *order.Item, v order.Field[string]) { i.Variant = v }),
		"order_items.status":        item(func(i *order.Item, v order.Field[string]) { i.Status = v }),
		"order_items.refund_status": item(func(i *order.Item, v order.Field[string]) { i.RefundStatus = v }),
		"order_items.image_url":     item(func(i *order.Item, v order.Field[string]) { i.ImageURL = v }),
		"order_items.line_id":       item(func(i *order.Item, v order.Field[string]) { i.LineID = v.Value() }),
		"refunds.line_id":           refund(func(r *order.Refund, v order.Field[string]) { r.LineID = v }),
		"refunds.status":            refund(func(r *order.Refund, v order.Field[string]) { r.Status = v }),
		"refunds.reason":            refund(func(r *order.Refund, v order.Field[string]) { r.Reason = v }),
	}
}

func TestIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows, err := w.raw.QueryContext(t.Context(), "SELECT table_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM "+
		"information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	got := map[string]bool{}
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			t.Fatal(err)
		}
		got[table+": "+columns] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"orders: source,order_id", "orders: synced_at,source,order_id", "orders: status", "orders: modified_at", "orders: ordered_at", "orders: number",
		"order_items: source,order_id,line_id", "order_items: sku", "refunds: source,refund_id", "refunds: source,order_id",
		"order_raw: source,order_id", "dead_letters: source,order_id", "checkpoints: source,stream", "leases: source,stream", "job_state: job",
		"pace: credential", "daemons: holder", "sources: source", "runs: run_id", "tokens: source", "orders: source,ordered_at",
		"incidents: incident_id", "incidents: is_over,recovered_at", "observations: identity", "observations: worked_at,happened_at",
		"notices: notice_id,channel", "notices: state,ended_at", "notices: sort,made_at",
	} {
		if !got[want] {
			t.Errorf("no index %s; there are %v", want, got)
		}
	}
}

// TestGuard executes the upsert of orders as a second net alone, without the decisions that come before it.
func TestGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name              string
		modified, fetched int
		hash              string
		gone              bool
		taken             bool
	}{
		{"newer", 6, 1, "new", false, true},
		{"newer with the same hash", 6, 1, "old", false, false},
		{"as new, fetched later", 5, 6, "new", false, true},
		{"as new, fetched at once", 5, 5, "new", false, true},
		{"as new, fetched earlier", 5, 4, "new", false, false},
		{"older", 4, 9, "new", false, false},
		{"older and gone", 4, 9, "new", true, false},
		{"the same, gone", 5, 6, "old", true, true},
		{"newer, gone", 6, 6, "new", true, true},
	} {
		w.exec("DELETE FROM orders")
		gone := "NULL"
		if c.gone {
			gone = "'2026-01-01'"
		}
		w.exec("INSERT INTO orders (source, order_id, number, modified_at, fetched_at, content_hash, first_seen_at, synced_at, gone_at) "+
			"VALUES ('shop', '1', 'old', ?, ?, 'old', '2020-01-01', '2020-01-01', "+gone+")", at(5), at(5))
		if err := mysql.Upsert(t.Context(), w.db, &order.Order{
			Source: shop, ID: "1", Number: text("new"), ModifiedAt: at(c.modified), FetchedAt: at(c.fetched),
		}, c.hash); err != nil {
			t.Fatal(err)
		}
		got := w.order("1")
		want := version(5, 5)
		number, hash, moved := "old", "old", false
		if c.taken {
			want, number, hash, moved = version(c.modified, c.fetched), "new", c.hash, true
		}
		if diff := cmp.Diff(want, got.Version()); diff != "" || got.Number.Value() != number || got.SyncedAt.Year() != 2020 != moved ||
			got.FirstSeenAt.Year() != 2020 || got.GoneAt.IsZero() != (!c.gone || c.taken) {
			t.Errorf("%s: number %s, synced %s, gone %s (-want +got):\n%s", c.name, got.Number.Value(), got.SyncedAt, got.GoneAt, diff)
		}
		if n := w.count("SELECT COUNT(*) FROM orders WHERE content_hash LIKE ?", hash+"%"); n != 1 {
			t.Errorf("%s: the hash is wrong", c.name)
		}
	}
}
