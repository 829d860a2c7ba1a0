package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ordersync/internal/taobao/taobaotest"
)

// shelf is what the tables hold or should hold of one shop on Taobao: rows by table and key, values by column, as the database writes
// them. It is made from the platform's own nouns, and shares nothing with what reads the platform's answers.
type shelf map[string]map[string]map[string]string

const nothing = "NULL"

// shelved is what the tables should hold of a shop: of every trade that can be understood. fields are those that details are asked for by.
func shelved(truth *taobaotest.Truth, fields string) shelf {
	s := shelf{"orders": {}, "order_items": {}, "refunds": {}, "order_raw": {}}
	poisoned := truth.Poisoned()
	for _, o := range truth.Trades() {
		if slices.Contains(poisoned, o.TID) {
			continue
		}
		s["orders"][o.TID] = tradeRow(o)
		for _, l := range o.Lines {
			s["order_items"][o.TID+" "+l.OID] = lineRow(o, l)
		}
		for _, a := range o.AddOns {
			s["order_items"][o.TID+" "+a.OID] = addOnRow(a)
		}
		for _, r := range o.Refunds {
			s["refunds"][r.ID] = refundRow(o, r)
		}
		raw, _ := truth.FullinfoOf(o.TID, fields)
		s["order_raw"][o.TID] = map[string]string{"payload": raw}
	}
	return s
}

// tradeRow is a row of orders.
func tradeRow(o taobaotest.Trade) map[string]string {
	ended := func(statuses ...string) string {
		if slices.Contains(statuses, o.Status) {
			return second(o.Ended)
		}
		return nothing
	}
	return map[string]string{
		"number": o.TID, "status": ourWord(o), "source_status": o.Status, "currency": "CNY",
		"total": yuan(o.Payment()), "paid": yuan(paidOf(o)), "discount": yuan(o.Discount), "shipping_fee": yuan(o.PostFee), "tax": nothing,
		"refunded": yuan(o.Refunded()),
		"buyer_id": filled(o.BuyerOpenUID), "buyer_name": filled(starred(o.BuyerNick)), "buyer_email": nothing,
		"receiver": receiverOf(o), "receiver_country": nothing, "receiver_province": filled(o.Receiver.State), "receiver_city": filled(o.Receiver.City),
		"buyer_note": filled(o.BuyerMessage), "seller_note": filled(o.SellerMemo),
		"ordered_at": second(o.Created), "paid_at": second(o.Paid), "shipped_at": second(o.Consigned),
		"completed_at": ended(taobaotest.Finished), "cancelled_at": ended(taobaotest.Closed, taobaotest.ClosedByTaobao),
		"modified_at": second(o.Modified), "gone_at": nothing,
	}
}

// owed reports whether a parcel has still to be paid for at the door.
func owed(o taobaotest.Trade) bool {
	return o.Type == "cod" && o.Paid.IsZero() && o.Status != taobaotest.BuyerSigned && o.Status != taobaotest.Finished
}

func paidOf(o taobaotest.Trade) taobaotest.Fen {
	switch {
	case o.StepStatus == taobaotest.FrontPaid:
		return o.StepPaid
	case o.StepStatus == taobaotest.FrontUnpaid || o.Status == taobaotest.WaitBuyerPay || o.Status == taobaotest.NoCreatePay ||
		o.Status == taobaotest.ClosedByTaobao || owed(o):
		return 0
	}
	return o.Payment()
}

// ourWord is the status that an ERP reads.
func ourWord(o taobaotest.Trade) string {
	refunded := slices.ContainsFunc(o.Refunds, func(r taobaotest.Refund) bool { return r.Status == taobaotest.RefundSuccess })
	switch o.Status {
	case taobaotest.NoCreatePay, taobaotest.WaitBuyerPay:
		return "pending_payment"
	case taobaotest.ClosedByTaobao:
		return "cancelled"
	case taobaotest.Closed:
		if !refunded && owed(o) {
			return "cancelled"
		}
		return "refunded"
	}
	switch {
	case refunded && o.Refunded() >= paidOf(o):
		return "refunded"
	case refunded:
		return "partially_refunded"
	}
	return map[string]string{
		taobaotest.WaitSellerSendGoods: "paid", taobaotest.SellerConsignedPart: "partially_shipped", taobaotest.WaitBuyerConfirm: "shipped",
		taobaotest.BuyerSigned: "shipped", taobaotest.Finished: "completed",
	}[o.Status]
}

func receiverOf(o taobaotest.Trade) string {
	r := o.Receiver
	address := map[string]string{"receiver_phone": ""} // which the platform sends, unlike everything else that is empty
	for key, text := range map[string]string{
		"receiver_name": starred(r.Name), "receiver_state": r.State, "receiver_city": r.City, "receiver_district": r.District,
		"receiver_town": r.Town, "receiver_address": starred(r.Address), "receiver_zip": r.Zip, "oaid": o.OAID,
		"receiver_mobile": r.Mobile[:3] + strings.Repeat("*", len(r.Mobile)-7) + r.Mobile[len(r.Mobile)-4:],
	} {
		if text != "" {
			address[key] = text
		}
	}
	return inOneForm(address)
}

func lineRow(o taobaotest.Trade, l taobaotest.Line) map[string]string {
	refund := taobaotest.NoRefund
	if r, ok := o.RefundOf(l.OID); ok {
		refund = r.Status
	}
	sku := l.OuterSKU
	if sku == "" {
		sku = l.OuterIID
	}
	return map[string]string{
		"sku": filled(sku), "product_id": l.NumIID, "variant_id": filled(l.SKUID), "title": l.Title, "variant": filled(l.SKU),
		"quantity": fmt.Sprintf("%d.000000", l.Num), "unit_price": yuan(l.Price), "discount": yuan(l.Discount),
		"total":  yuan(l.Price*taobaotest.Fen(l.Num) + l.Adjust - l.Discount),
		"status": l.Status, "refund_status": refund, "image_url": "https://img.example/" + l.NumIID + ".jpg",
	}
}

func addOnRow(a taobaotest.AddOn) map[string]string {
	return map[string]string{
		"sku": nothing, "product_id": "6555", "variant_id": nothing, "title": a.Title, "variant": nothing,
		"quantity": fmt.Sprintf("%d.000000", a.Num), "unit_price": yuan(a.Price), "discount": nothing, "total": yuan(a.Price * taobaotest.Fen(a.Num)),
		"status": nothing, "refund_status": nothing, "image_url": nothing,
	}
}

func refundRow(o taobaotest.Trade, r taobaotest.Refund) map[string]string {
	row := map[string]string{
		"order_id": o.TID, "line_id": r.OID, "amount": yuan(r.Fee), "status": r.Status, "reason": filled(r.Reason),
		"created_at": second(r.Created), "refunded_at": nothing,
	}
	if r.Status == taobaotest.RefundSuccess {
		row["refunded_at"] = second(r.Modified)
	}
	return row
}

// The forms of values.
func yuan(f taobaotest.Fen) string {
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	return fmt.Sprintf("%s%d.%02d0000", sign, f/100, f%100)
}

func second(t time.Time) string {
	if t.IsZero() {
		return nothing
	}
	return t.UTC().Format("2006-01-02 15:04:05") + ".000000"
}

func filled(text string) string {
	if text == "" {
		return nothing
	}
	return text
}

// starred is a text as the platform masks it.
func starred(text string) string {
	first := []rune(text)
	if len(first) < 2 {
		return text
	}
	return string(first[:1]) + "**"
}

func inOneForm(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// The columns that say what we did and when, and those that are keys.
var notTheShops = map[string][]string{
	"orders":      {"source", "order_id", "fetched_at", "content_hash", "read_hash", "first_seen_at", "synced_at"},
	"order_items": {"source", "order_id", "line_id"},
	"refunds":     {"source", "refund_id"},
	"order_raw":   {"source", "order_id", "payload_hash", "fetched_at"},
}

// querier reads the tables: all of them at once, or inside of a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// found is what the tables hold of a source, all columns but those that no shop knows.
func found(ctx context.Context, db querier, source string) (shelf, error) {
	s := shelf{}
	for table, keys := range map[string][]string{
		"orders": {"order_id"}, "order_items": {"order_id", "line_id"}, "refunds": {"refund_id"}, "order_raw": {"order_id"},
	} {
		s[table] = map[string]map[string]string{}
		err := eachRow(ctx, db, "SELECT * FROM "+table+" WHERE source = ?", source, func(row map[string]string) error {
			var key []string
			for _, column := range keys {
				key = append(key, row[column])
			}
			maps.DeleteFunc(row, func(column, _ string) bool { return slices.Contains(notTheShops[table], column) })
			if receiver, ok := row["receiver"]; ok && receiver != nothing {
				address := map[string]string{}
				if err := json.Unmarshal([]byte(receiver), &address); err != nil {
					return fmt.Errorf("the receiver of %s: %w", key, err)
				}
				row["receiver"] = inOneForm(address)
			}
			if table == "order_raw" {
				row["payload"] = tradeInside(row["payload"])
			}
			s[table][strings.Join(key, " ")] = row
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// tradeInside is the trade of a stored text: the text itself, or what stands beside the refunds in it.
func tradeInside(payload string) string {
	var both struct{ Trade, Refunds json.RawMessage }
	if json.Unmarshal([]byte(payload), &both) == nil && both.Refunds != nil {
		return string(both.Trade)
	}
	return payload
}

// eachRow reads rows as texts.
func eachRow(ctx context.Context, db querier, query, source string, do func(row map[string]string) error) (err error) {
	rows, err := db.QueryContext(ctx, query, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(map[string]string, len(columns))
		for i, v := range values {
			row[columns[i]] = nothing
			if v.Valid {
				row[columns[i]] = v.String
			}
		}
		if err := do(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// differences between what should be there and what is, the first few of them in words. Rows of orders that may be there or not are
// left out of what is.
func (s shelf) differences(is shelf, maybe []string) (list []string) {
	for _, table := range slices.Sorted(maps.Keys(s)) {
		for _, key := range slices.Sorted(maps.Keys(s[table])) {
			want, got := s[table][key], is[table][key]
			if got == nil {
				list = append(list, fmt.Sprintf("%s %s is missing", table, key))
				continue
			}
			columns := maps.Clone(want)
			maps.Copy(columns, got)
			for _, column := range slices.Sorted(maps.Keys(columns)) {
				w, known := want[column]
				g, there := got[column]
				if w != g || !known || !there {
					list = append(list, fmt.Sprintf("%s %s, %s: the platform says %q, the table %q", table, key, column, w, g))
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(is[table])) {
			id, _, _ := strings.Cut(key, " ")
			if table == "refunds" {
				id = is[table][key]["order_id"]
			}
			if s[table][key] == nil && !slices.Contains(maybe, id) {
				list = append(list, fmt.Sprintf("%s %s is there, and the platform does not have it", table, key))
			}
		}
	}
	return list
}

// TestTaobaoShelf spoils each column of a row of each table in turn, and rows as such: the comparison must see all of it, and nothing else.
func TestTaobaoShelf(t *testing.T) {
	t.Parallel()
	m := newMall(t, 60)
	m.did(0, "migrate up")
	m.did(0, "sync orders")
	db := m.db()
	fields := ""
	for _, r := range m.platform.Calls() {
		if r.Method == "taobao.trade.fullinfo.get" {
			fields = r.Params["fields"]
		}
	}
	should := shelved(m.truth, fields)
	look := func(spoil string) []string {
		t.Helper()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if spoil != "" {
			if _, err := tx.ExecContext(t.Context(), spoil); err != nil {
				t.Fatalf("%v\n%s", err, spoil)
			}
		}
		is, err := found(t.Context(), tx, "tmall")
		if err != nil {
			t.Fatal(err)
		}
		return should.differences(is, nil)
	}
	if list := look(""); len(list) > 0 {
		t.Fatalf("%d differences, the first: %s", len(list), list[0])
	}
	columns := 0
	for table, rows := range should {
		if len(rows) == 0 {
			t.Fatalf("nothing stands in %s: that proves nothing", table)
		}
		for _, row := range rows {
			for column := range row {
				columns++
				value := map[string]string{"receiver": `'{"oaid":"x"}'`, "order_id": "'x'"}[column]
				switch {
				case strings.HasSuffix(column, "_at"):
					value = "'2001-01-01'"
				case value == "":
					value = "'7'"
				}
				list := look(fmt.Sprintf("UPDATE %s SET %s = %s ORDER BY order_id LIMIT 1", table, column, value))
				if len(list) != 1 || !strings.Contains(list[0], ", "+column+":") {
					t.Errorf("%s.%s was spoilt, and told is %q", table, column, list)
				}
			}
			break
		}
		if list := look("DELETE FROM " + table + " LIMIT 1"); len(list) != 1 || !strings.HasSuffix(list[0], "is missing") {
			t.Errorf("a row of %s is missing, and told is %q", table, list)
		}
		key := map[string]string{"order_items": "line_id", "refunds": "refund_id"}[table]
		if key == "" {
			key = "order_id"
		}
		if list := look(fmt.Sprintf("UPDATE %s SET %s = 'x' LIMIT 1", table, key)); len(list) != 2 {
			t.Errorf("a row of %s has another key, and told is %q", table, list)
		}
	}
	if columns < 25+12+7+1 {
		t.Errorf("%d columns were spoilt", columns)
	}
}
