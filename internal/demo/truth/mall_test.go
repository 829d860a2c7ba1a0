package truth_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/demo/truth"
	"ordersync/internal/mysql/mysqltest"
)

// The trades below are those of one shop: one with a value for every column, on its way; one that is finished; one that was never paid.
const (
	sent = `{"tid": 3141592653589793001, "status": "WAIT_BUYER_CONFIRM_GOODS", "type": "fixed", "payment": "110.50", "discount_fee": "2.00",
	"post_fee": "5.00", "order_tax_fee": "1.25", "buyer_open_uid": "AAF1", "buyer_nick": "买**", "buyer_email": "b@example.com",
	"receiver_name": "王**", "receiver_country": "中国", "receiver_state": "浙江省", "receiver_city": "杭州市", "receiver_address": "文**",
	"receiver_phone": "", "oaid": "1abc", "buyer_message": "快", "seller_memo": "慢", "created": "2026-11-20 00:30:00",
	"pay_time": "2026-11-20 07:59:59", "consign_time": "2026-11-20 08:00:00", "modified": "2026-11-21 10:00:00", "seller_flag": 3,
	"orders": {"order": [
		{"oid": 3141592653589793002, "outer_sku_id": "SKU-1", "outer_iid": "ITEM-1", "num_iid": 520000000001, "sku_id": "4000000000001",
		 "title": "茶", "sku_properties_name": "红", "num": 2, "price": "50.00", "discount_fee": "1.50", "total_fee": "98.50",
		 "status": "WAIT_BUYER_CONFIRM_GOODS", "refund_status": "SUCCESS", "refund_id": 88, "pic_path": "https://img.example/1.jpg"},
		{"oid": 3141592653589793003, "outer_iid": "ITEM-2", "num": 1, "price": "9.00", "total_fee": "9.00", "refund_status": "NO_REFUND"}]},
	"service_orders": {"service_order": [{"oid": 3141592653589793004, "service_id": 6555, "title": "安装", "num": 1, "price": "0.00", "total_fee": "0.00"}]}}`
	finished = `{"tid": 2, "status": "TRADE_FINISHED", "type": "cod", "payment": "10.00", "created": "2026-11-01 08:00:00",
	"modified": "2026-11-02 08:00:00", "end_time": "2026-11-02 08:00:00", "orders": {"order": [{"oid": 2, "num": 1, "price": "10.00"}]}}`
	unpaid = `{"tid": 3, "status": "TRADE_CLOSED_BY_TAOBAO", "type": "fixed", "payment": "7.00", "created": "2026-11-01 08:00:00",
	"modified": "2026-11-03 08:00:00", "end_time": "2026-11-03 08:00:00", "orders": {"order": [{"oid": 3}]}}`
)

func november(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

func mall() truth.Mall {
	return truth.Mall{Source: "shop", Trades: []truth.Trade{
		{
			Record: []byte(sent),
			Refunds: []truth.Refund{
				{
					ID: "88", LineID: "3141592653589793002", Status: "SUCCESS", Amount: "20.00", Reason: "少件",
					Created: november(20, 1), Modified: november(21, 2),
				},
				{ID: "89", LineID: "3141592653589793003", Status: "CLOSED", Amount: "9.00", Created: november(20, 1), Modified: november(21, 1)},
			},
			Parcels: []truth.Parcel{{
				Carrier: "中通快递", Number: "ZT1", Status: "对方已签收", Shipped: november(20, 0),
				Steps: []truth.Step{
					{At: november(20, 0), Text: "已发货", Action: "CONSIGN"}, {At: november(21, 0), Text: "已签收", Action: "TMS_SIGN"},
				},
			}},
		},
		{
			Record: []byte(finished),
			Parcels: []truth.Parcel{{
				Carrier: "中通快递", Number: "ZT2", Status: "物流公司已接单", Shipped: november(1, 1),
				Steps: []truth.Step{{At: november(1, 1), Text: "已发货", Action: "CONSIGN"}},
			}},
		},
		{Record: []byte(unpaid)},
	}}
}

// storedMall opens a scratch database that holds exactly what the shop says, written by hand. The parcel of the finished trade was never asked
// about.
func storedMall(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", mysqltest.Options(t).DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	const hash = "UNHEX(REPEAT('00', 32))"
	for _, statement := range []string{
		`INSERT INTO orders VALUES ('shop', '3141592653589793001', '3141592653589793001', 'partially_refunded', 'WAIT_BUYER_CONFIRM_GOODS', 'CNY',
			110.5, 110.5, 2, 5, 1.25, 20, 'AAF1', '买**', 'b@example.com',
			'{"oaid":"1abc","receiver_address":"文**","receiver_city":"杭州市","receiver_country":"中国","receiver_name":"王**",
				"receiver_phone":"","receiver_state":"浙江省"}',
			'中国', '浙江省', '杭州市', '快', '慢', '2026-11-19 16:30:00', '2026-11-19 23:59:59', '2026-11-20', NULL, NULL, '2026-11-21 02:00:00',
			NOW(6), ` + hash + `, NULL, NOW(6), NOW(6), NULL)`,
		`INSERT INTO orders (source, order_id, number, status, source_status, currency, total, paid, refunded, ordered_at, completed_at, cancelled_at,
			modified_at, fetched_at, content_hash, first_seen_at, synced_at) VALUES
			('shop', '2', '2', 'completed', 'TRADE_FINISHED', 'CNY', 10, 10, 0, '2026-11-01', '2026-11-02', NULL,
				'2026-11-02', NOW(6), ` + hash + `, NOW(6), NOW(6)),
			('shop', '3', '3', 'cancelled', 'TRADE_CLOSED_BY_TAOBAO', 'CNY', 7, 0, 0, '2026-11-01', NULL, '2026-11-03',
				'2026-11-03', NOW(6), ` + hash + `, NOW(6), NOW(6))`,
		`INSERT INTO order_items VALUES ('shop', '3141592653589793001', '3141592653589793002', 'SKU-1', '520000000001', '4000000000001', '茶', '红', 2, 50,
			1.5, 98.5, 'WAIT_BUYER_CONFIRM_GOODS', 'SUCCESS', 'https://img.example/1.jpg')`,
		`INSERT INTO order_items (source, order_id, line_id, sku, product_id, title, quantity, unit_price, total, refund_status) VALUES
			('shop', '3141592653589793001', '3141592653589793003', 'ITEM-2', NULL, NULL, 1, 9, 9, 'NO_REFUND'),
			('shop', '3141592653589793001', '3141592653589793004', NULL, '6555', '安装', 1, 0, 0, NULL),
			('shop', '2', '2', NULL, NULL, NULL, 1, 10, NULL, NULL), ('shop', '3', '3', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
		`INSERT INTO refunds VALUES
			('shop', '88', '3141592653589793001', '3141592653589793002', 20, 'SUCCESS', '少件', '2026-11-20 01:00:00', '2026-11-21 02:00:00'),
			('shop', '89', '3141592653589793001', '3141592653589793003', 9, 'CLOSED', NULL, '2026-11-20 01:00:00', NULL)`,
		`INSERT INTO shipments VALUES ('shop', '3141592653589793001', '中通快递', 'ZT1', 'delivered', '对方已签收', '2026-11-20', '2026-11-21', NOW(6), NOW(6),
			'[]', 0, NOW(6), 1, NOW(6), NULL)`,
		`INSERT INTO shipment_events VALUES ('shop', '3141592653589793001', '中通快递', 'ZT1', 0, '2026-11-20', '已发货', 'CONSIGN'),
			('shop', '3141592653589793001', '中通快递', 'ZT1', 1, '2026-11-21', '已签收', 'TMS_SIGN')`,
	} {
		exec(t, db, statement)
	}
	for id, payload := range map[string]string{
		// As it comes: what nobody asked for is left out, and the refunds stand beside it.
		"3141592653589793001": `{"trade":` + strings.Replace(sent, `, "seller_flag": 3`, "", 1) + `,"refunds":[{"refund_id":"88"}]}`,
		"2":                   finished, "3": unpaid,
	} {
		exec(t, db, "INSERT INTO order_raw VALUES ('shop', ?, ?, "+hash+", NOW(6))", id, payload)
	}
	return db
}

func TestEqualTablesOfAMall(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{}, compare(t, storedMall(t), mall())); diff != "" {
		t.Error(diff)
	}
}

func TestEveryColumnOfAMallIsCompared(t *testing.T) {
	t.Parallel()
	n := spoil(t, storedMall(t), mall(), "3141592653589793001", "orders", "order_items", "refunds", "shipments", "shipment_events")
	if n < 38+6+4+3 {
		t.Errorf("only %d columns were spoilt", n)
	}
}

func TestRowsOfAMallAreCompared(t *testing.T) {
	t.Parallel()
	const tid = "3141592653589793001"
	for _, c := range []struct {
		name, statement string
		want            []string
	}{
		{"a service missing", "DELETE FROM order_items WHERE product_id = '6555'",
			[]string{"order_items " + tid + " / 3141592653589793004: the shop has a row, the table no row"}},
		{"a refund missing", "DELETE FROM refunds WHERE refund_id = '89'", []string{"refunds " + tid + " / 89: the shop has a row, the table no row"}},
		{"a refund of another order", "UPDATE refunds SET order_id = '2' WHERE refund_id = '89'", []string{
			"refunds 2 / 89: the shop has no row, the table a row", "refunds " + tid + " / 89: the shop has a row, the table no row",
		}},
		{"a parcel missing", "DELETE FROM shipments", []string{"shipments " + tid + " / 中通快递 / ZT1: the shop has a row, the table no row"}},
		{"a step missing", "DELETE FROM shipment_events WHERE position = 1",
			[]string{"shipment_events " + tid + " / 中通快递 / ZT1 / 1: the shop has a row, the table no row"}},
		{"a parcel that need not be there is wrong, and has no steps", `INSERT INTO shipments VALUES ('shop', '2', '中通快递', 'ZT2', 'delivered', '物流公司已接单',
			'2026-11-01 01:00:00', NULL, NOW(6), NOW(6), '[]', 0, NOW(6), 1, NOW(6), NULL)`, []string{
			"shipments 2 / 中通快递 / ZT2, status: the shop says created, the table delivered",
			"shipment_events 2 / 中通快递 / ZT2 / 0: the shop has a row, the table no row",
		}},
		{"a raw trade of another content", `UPDATE order_raw SET payload = REPLACE(payload, '"7.00"', '"8.00"') WHERE order_id = '3'`, []string{
			"order_raw 3, payload: the shop says " + unpaid + ", the table " + strings.Replace(unpaid, "7.00", "8.00", 1),
		}},
		{"a raw trade without its lines", `UPDATE order_raw SET payload = REPLACE(payload, '"orders"', '"nothing"') WHERE order_id = '3'`, []string{
			"order_raw 3, payload: the shop says " + unpaid + ", the table " + strings.Replace(unpaid, `"orders"`, `"nothing"`, 1),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := storedMall(t)
			exec(t, db, c.statement)
			if diff := cmp.Diff(c.want, compare(t, db, mall())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestStatusOfATrade changes what the finished trade says, and wants exactly these columns told.
func TestStatusOfATrade(t *testing.T) {
	t.Parallel()
	db := storedMall(t)
	const ended = `"end_time": "2026-11-02 08:00:00", `
	back := func(amount string) []truth.Refund {
		return []truth.Refund{{ID: "90", LineID: "2", Status: "SUCCESS", Amount: amount, Created: november(1, 0), Modified: november(2, 0)}}
	}
	for _, c := range []struct {
		name    string
		old     string
		new     string
		refunds []truth.Refund
		want    []string // column and what the shop says
	}{
		{"cash on delivery, under way", `"TRADE_FINISHED"`, `"WAIT_BUYER_CONFIRM_GOODS"`, nil,
			[]string{"completed_at NULL", "paid 0.000000", "source_status WAIT_BUYER_CONFIRM_GOODS", "status shipped"}},
		{"cash on delivery, signed for", `"TRADE_FINISHED"`, `"TRADE_BUYER_SIGNED"`, nil,
			[]string{"completed_at NULL", "source_status TRADE_BUYER_SIGNED", "status shipped"}},
		{"cash on delivery, refused", `"TRADE_FINISHED"`, `"TRADE_CLOSED"`, nil,
			[]string{"cancelled_at 2026-11-02 00:00:00.000000", "completed_at NULL", "paid 0.000000", "source_status TRADE_CLOSED", "status cancelled"}},
		{"a deposit", `"TRADE_FINISHED"`, `"WAIT_BUYER_PAY", "step_trade_status": "FRONT_PAID_FINAL_NOPAID", "step_paid_fee": "1.00"`, nil,
			[]string{"completed_at NULL", "paid 1.000000", "source_status WAIT_BUYER_PAY", "status pending_payment"}},
		{"no deposit", `"TRADE_FINISHED"`, `"WAIT_BUYER_PAY", "step_trade_status": "FRONT_NOPAID_FINAL_NOPAID"`, nil,
			[]string{"completed_at NULL", "paid 0.000000", "source_status WAIT_BUYER_PAY", "status pending_payment"}},
		{"some back", ended, ended, back("4.00"), []string{"refunded 4.000000", "status partially_refunded"}},
		{"all back", ended, ended, back("10.00"), []string{"refunded 10.000000", "status refunded"}},
		{"closed, all back", `"TRADE_FINISHED"`, `"TRADE_CLOSED"`, back("10.00"), []string{
			"cancelled_at 2026-11-02 00:00:00.000000", "completed_at NULL", "paid 0.000000", "refunded 10.000000", "source_status TRADE_CLOSED",
			"status refunded",
		}},
		{"a new word", `"TRADE_FINISHED"`, `"TRADE_ON_THE_MOON", "pay_time": "2026-11-01 08:00:00"`, nil,
			[]string{"completed_at NULL", "paid_at 2026-11-01 00:00:00.000000", "source_status TRADE_ON_THE_MOON", "status unknown"}},
		{"no amount", `"payment": "10.00"`, `"payment": "10,00"`, nil, []string{"paid 0.000000", "total (no number)"}},
	} {
		m := mall()
		m.Trades[1].Record = []byte(strings.Replace(finished, c.old, c.new, 1))
		m.Trades[1].Refunds = c.refunds
		differences, err := truth.Compare(t.Context(), db, m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range differences {
			if d.Table == "orders" {
				got = append(got, d.Column+" "+d.Shop)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}

func TestTradesThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	for name, records := range map[string][]string{"no tid": {`{"status": "x"}`}, "no JSON": {`{`}, "two of one tid": {finished, finished}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := truth.Mall{Source: "shop"}
			for _, record := range records {
				m.Trades = append(m.Trades, truth.Trade{Record: []byte(record)})
			}
			if _, err := truth.Compare(t.Context(), nil, m); err == nil {
				t.Error("no error")
			}
		})
	}
}
