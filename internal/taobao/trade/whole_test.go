package trade

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordersync/internal/order"
)

// whole is a trade that is complete, with more keys; a later key of the same name does not replace an earlier one.
func whole(more ...string) []byte {
	return fmt.Appendf(nil, `{"tid":3141592653589793238,"modified":"2026-11-03 10:00:00"%s}`, strings.Join(append([]string{""}, more...), ","))
}

// line1 is one line; more are further keys of it.
func line1(more ...string) string {
	return fmt.Sprintf(`"orders":{"order":[{"oid":1%s}]}`, strings.Join(append([]string{""}, more...), ","))
}

func get(record order.Record) *order.Order {
	if record.Order == nil {
		return &order.Order{}
	}
	return record.Order
}

// TestStatus: every word of the vendor's list, presale steps, cash on delivery, and what refunds make of them.
func TestStatus(t *testing.T) {
	t.Parallel()
	const paid = `"pay_time":"2026-11-02 08:00:00"`
	const money = `"payment":"10.00"`
	refund := func(status, amount string) []order.Refund {
		r := order.Refund{ID: "9", LineID: order.Some("1"), Status: order.Some(status)}
		if amount != "" {
			d, _, _ := order.ParseDecimal(amount)
			r.Amount = order.Some(d)
		}
		return []order.Refund{r}
	}
	tests := []struct {
		name, trade string
		refunds     []order.Refund
		status      order.Status
		paid        string // "-": absent
		refunded    string
	}{
		{"no Alipay trade yet", `"status":"TRADE_NO_CREATE_PAY"`, nil, order.StatusPendingPayment, "0", "0"},
		{"unpaid", `"status":"WAIT_BUYER_PAY"`, nil, order.StatusPendingPayment, "0", "0"},
		{"foreign card", `"status":"PAY_PENDING"`, nil, order.StatusPendingPayment, "0", "0"},
		{"zero-down contract", `"status":"WAIT_PRE_AUTH_CONFIRM"`, nil, order.StatusPendingPayment, "0", "0"},
		{"group buy", `"status":"PAID_FORBID_CONSIGN",` + paid, nil, order.StatusPaid, "10", "0"},
		{"paid", `"status":"WAIT_SELLER_SEND_GOODS",` + paid, nil, order.StatusPaid, "10", "0"},
		{"part shipped", `"status":"SELLER_CONSIGNED_PART",` + paid, nil, order.StatusPartiallyShipped, "10", "0"},
		{"shipped", `"status":"WAIT_BUYER_CONFIRM_GOODS",` + paid, nil, order.StatusShipped, "10", "0"},
		{"signed for", `"status":"TRADE_BUYER_SIGNED","type":"cod"`, nil, order.StatusShipped, "10", "0"},
		{"done", `"status":"TRADE_FINISHED",` + paid, nil, order.StatusCompleted, "10", "0"},
		{"closed after payment", `"status":"TRADE_CLOSED",` + paid, nil, order.StatusRefunded, "10", "0"},
		{"closed before payment", `"status":"TRADE_CLOSED_BY_TAOBAO"`, nil, order.StatusCancelled, "0", "0"},
		{"a new word", `"status":"WAIT_FOR_GODOT"`, nil, order.StatusUnknown, "-", "0"},
		{"a new word, paid", `"status":"WAIT_FOR_GODOT",` + paid, nil, order.StatusUnknown, "10", "0"},
		{"no word", paid, nil, "", "-", "0"},

		{"presale: nothing", `"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_NOPAID_FINAL_NOPAID"`, nil, order.StatusPendingPayment, "0", "0"},
		{"presale: deposit", `"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID","step_paid_fee":"3.00"`, nil,
			order.StatusPendingPayment, "3", "0"},
		{"presale: deposit left out", `"status":"WAIT_BUYER_PAY","step_trade_status":"FRONT_PAID_FINAL_NOPAID"`, nil, order.StatusPendingPayment, "-", "0"},
		{"presale: all", `"status":"WAIT_SELLER_SEND_GOODS","step_trade_status":"FRONT_PAID_FINAL_PAID","step_paid_fee":"3.00",` + paid, nil,
			order.StatusPaid, "10", "0"},
		{"presale: forfeited", `"status":"TRADE_CLOSED","step_trade_status":"FRONT_PAID_FRONT_FORFEITED","step_paid_fee":"3.00",` + paid, nil,
			order.StatusCancelled, "3", "0"},
		{"presale: forfeited, by the platform", `"status":"TRADE_CLOSED_BY_TAOBAO","step_trade_status":"FRONT_PAID_FRONT_FORFEITED","step_paid_fee":"3"`,
			nil, order.StatusCancelled, "3", "0"},

		{"cod: to be shipped", `"status":"WAIT_SELLER_SEND_GOODS","type":"cod"`, nil, order.StatusPaid, "0", "0"},
		{"cod: on its way", `"status":"WAIT_BUYER_CONFIRM_GOODS","type":"b2c_cod","cod_status":"TAKEN_IN_SUCCESS"`, nil, order.StatusShipped, "0", "0"},
		{"cod: by its word alone", `"status":"WAIT_BUYER_CONFIRM_GOODS","cod_status":"SIGN_IN"`, nil, order.StatusShipped, "0", "0"},
		{"NEW_CREATED is on others too", `"status":"WAIT_BUYER_CONFIRM_GOODS","cod_status":"NEW_CREATED"`, nil, order.StatusShipped, "10", "0"},
		{"cod: refused", `"status":"TRADE_CLOSED","type":"super_market_cod_trade","cod_status":"REJECTED_BY_OTHER_SIDE"`, nil, order.StatusCancelled, "0", "0"},
		{"cod: done", `"status":"TRADE_FINISHED","type":"cod","cod_status":"SIGN_IN"`, nil, order.StatusCompleted, "10", "0"},

		{"refund asked for", `"status":"WAIT_SELLER_SEND_GOODS",` + paid, refund("WAIT_SELLER_AGREE", "10"), order.StatusPaid, "10", "0"},
		{"refund refused", `"status":"WAIT_SELLER_SEND_GOODS",` + paid, refund("SELLER_REFUSE_BUYER", "10"), order.StatusPaid, "10", "0"},
		{"refund closed", `"status":"TRADE_FINISHED",` + paid, refund("CLOSED", "10"), order.StatusCompleted, "10", "0"},
		{"goods to come back", `"status":"WAIT_BUYER_CONFIRM_GOODS",` + paid, refund("WAIT_BUYER_RETURN_GOODS", "4"), order.StatusShipped, "10", "0"},
		{"goods came back", `"status":"WAIT_BUYER_CONFIRM_GOODS",` + paid, refund("WAIT_SELLER_CONFIRM_GOODS", "4"), order.StatusShipped, "10", "0"},
		{"part refunded", `"status":"WAIT_SELLER_SEND_GOODS",` + paid, refund("SUCCESS", "4.00"), order.StatusPartiallyRefunded, "10", "4"},
		{"all refunded after the end", `"status":"TRADE_FINISHED",` + paid, refund("SUCCESS", "10.00"), order.StatusRefunded, "10", "10"},
		{"closed by refund", `"status":"TRADE_CLOSED",` + paid, refund("SUCCESS", "10.00"), order.StatusRefunded, "10", "10"},
		{"a refund without amount", `"status":"TRADE_FINISHED",` + paid, refund("SUCCESS", ""), order.StatusPartiallyRefunded, "10", "-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := New("tmall")
			record := r.Whole(whole(money, test.trade, line1()), test.refunds, true, fetched())
			o := get(record)
			if record.Dead != nil || o.Status.Value() != test.status || said(o.Paid) != test.paid || said(o.Refunded) != test.refunded {
				t.Errorf("%s, paid %s, refunded %s; %+v", o.Status.Value(), said(o.Paid), said(o.Refunded), record.Dead)
			}
			want := 0
			if strings.Contains(test.trade, "GODOT") {
				want = 1
			}
			if len(r.Unmapped()) != want {
				t.Errorf("unmapped: %v", r.Unmapped())
			}
		})
	}
}

func said(f order.Field[order.Decimal]) string {
	if f.Absent() {
		return "-"
	}
	return short(f.Value())
}

// TestEnds: which time ends a trade.
func TestEnds(t *testing.T) {
	t.Parallel()
	const end = `"end_time":"2026-11-03 09:00:00"`
	for word, want := range map[string]string{
		"TRADE_FINISHED": "completed", "TRADE_CLOSED": "cancelled", "TRADE_CLOSED_BY_TAOBAO": "cancelled", "WAIT_SELLER_SEND_GOODS": "",
	} {
		o := get(New("tmall").Whole(whole(`"status":"`+word+`"`, end), nil, true, fetched()))
		got := ""
		if !o.CompletedAt.Absent() {
			got += "completed"
		}
		if !o.CancelledAt.Absent() {
			got += "cancelled"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

// TestValues: how the gateway writes things, one record each. The wanted text is part of the dump.
func TestValues(t *testing.T) {
	t.Parallel()
	const modified = `"modified":"2026-11-03 10:00:00"`
	tests := []struct{ name, trade, want string }{
		{"19 digits", `{"tid":9223372036854775807,` + modified + `}`, "order 9223372036854775807,"},
		{"a text", `{"tid":"9007199254740993",` + modified + `}`, "order 9007199254740993,"},
		{"the twin alone", `{"tid_str":"9007199254740993",` + modified + `}`, "order 9007199254740993,"},
		{"both", `{"tid":9007199254740993,"tid_str":"9007199254740993",` + modified + `}`, "order 9007199254740993,"},
		{"two that differ", `{"tid":9007199254740992,"tid_str":"9007199254740993",` + modified + `}`, "tid_str: its number and its text twin differ"},
		{"through a float", `{"tid":9.007199254740992e15,` + modified + `}`, "dead sha256:"},
		{"no tid", `{` + modified + `}`, "tid: it is missing or empty"},
		{"null", `{"tid":null,` + modified + `}`, "tid: it is missing or empty"},
		{"zero", `{"tid":0,` + modified + `}`, "tid: it is missing or empty"},
		{"true", `{"tid":true,` + modified + `}`, "tid: neither a whole number in digits nor a text of digits"},
		{"words", `{"tid":"abc",` + modified + `}`, "tid: neither a whole number in digits nor a text of digits"},
		{"bad bytes", "{\"tid\":\"1\xff\"," + modified + `}`, "tid: neither a whole number in digits nor a text of digits"},
		{"too long", `{"tid":"` + strings.Repeat("1", 192) + `",` + modified + `}`, "tid: id: 192 characters, at most 191 can be stored"},

		{"no time of change", `{"tid":1}`, "dead 1: modified: it is missing or empty"},
		{"a bad time of change", `{"tid":1,"modified":"2026-99-99 00:00:00"}`, "dead 1: modified: no time written as year-month-day hour:minute:second (19"},
		{"a time of another world", `{"tid":1,"modified":"9999-01-01 00:00:00"}`, "modified_at: a time that cannot be (year 9998)"},
		{"a number as time", `{"tid":1,"modified":1793700000}`, "dead 1: modified: no time"},
		{"GMT+8", `{"tid":1,"modified":"2026-01-01 07:59:59"}`, "changed 2025-12-31T23:59:59Z"},
		{"an empty time", `{"tid":1,"pay_time":"",` + modified + `}`, "order 1,"},
		{"a zero date", `{"tid":1,"pay_time":"0000-00-00 00:00:00",` + modified + `}`, "order 1,"},

		{"money as text", `{"tid":1,"payment":"110.00",` + modified + `}`, "total: 110\n"},
		{"money as number", `{"tid":1,"payment":110.10,` + modified + `}`, "total: 110.1\n"},
		{"below zero", `{"tid":1,"discount_fee":"-0.01",` + modified + `}`, "discount: -0.01\n"},
		{"too many places", `{"tid":1,"payment":"0.0000005",` + modified + `}`, "rounded 1, repaired 0"},
		{"with separators", `{"tid":1,"payment":"1,234.50元",` + modified + `}`, "dead 1: payment: not an amount"},
		{"an object", `{"tid":1,"payment":{},` + modified + `}`, "dead 1: payment: neither a number nor a text with one"},
		{"too large", `{"tid":1,"payment":"100000000000000",` + modified + `}`, "dead 1: payment: not an amount: more than 14 digits"},

		{"escaped slashes", `{"tid":1,"seller_memo":"a\/b",` + modified + `}`, "seller_note: a/b\n"},
		{"an emptied text", `{"tid":1,"seller_memo":"",` + modified + `}`, "seller_note: (empty)\n"},
		{"bad bytes in a text", "{\"tid\":1,\"seller_memo\":\"a\xffb\"," + modified + `}`, "seller_note: a\uFFFDb\nrounded 0, repaired 1"},
		{"bad bytes in a city", "{\"tid\":1,\"receiver_city\":\"\xff\"," + modified + `}`, "receiver_city: \uFFFD\nrounded 0, repaired 1"},
		{"a text that is a list", `{"tid":1,"seller_memo":[],` + modified + `}`, "dead 1: seller_memo: an object or a list where a text is expected"},
		{"a key twice", `{"tid":1,"payment":"1","payment":"2",` + modified + `}`, `dead 1: the key "payment" stands there twice`},
		{"a key in two spellings", `{"tid":1,"Payment":"1","payment":"2",` + modified + `}`, `dead 1: the key "payment" stands there twice`},
		{"the tid twice", `{"tid":1,"tid":2,` + modified + `}`, `the key "tid" stands there twice`},
		{"in a line", `{"tid":1,"orders":{"order":[{"oid":1,"num":1,"num":2}]},` + modified + `}`, `dead 1: line: the key "num" stands there twice`},
		{"another key twice", `{"tid":1,"x":1,"x":2,` + modified + `}`, "order 1,"},
		{"in other capitals alone", `{"tid":1,"PAYMENT":"1","Payment":"2",` + modified + `}`, "order 1,"},

		{"no object", `42`, "something else where an object is expected"},
		{"cut", `{"tid":1,`, "it is not whole JSON"},
		{"too deep", `{"tid":1,"orders":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,` + modified + `}`, "dead 1: it is nested more than 64"},
		{"much too deep", strings.Repeat("[", 100_000), "it is nested more than 64 levels deep"},
		{"too long", `{"tid":1,"seller_memo":"` + strings.Repeat("x", 1<<20) + `",` + modified + `}`, "dead 1: it is 1048635 bytes long"},

		{"lines that are a text", `{"tid":1,"orders":"none",` + modified + `}`, "dead 1: orders: something else where a list is expected"},
		{"a line that is a number", `{"tid":1,"orders":{"order":[7]},` + modified + `}`, "dead 1: line: something else where an object is expected"},
		{"a line without oid", `{"tid":1,"orders":{"order":[{"num":1}]},` + modified + `}`, "dead 1: line id: it is missing or empty"},
		{"a list as quantity", `{"tid":1,"orders":{"order":[{"oid":1,"num":[1]}]},` + modified + `}`, "dead 1: line num: neither a number"},
		{"two lines with one oid", `{"tid":1,"orders":{"order":[{"oid":1},{"oid":"1"}]},` + modified + `}`, "dead 1: line id: two lines of the order"},
		{"an oid as text", `{"tid":1,"orders":{"order":[{"oid":"9007199254740993","num":"2"}]},` + modified + `}`, "line 9007199254740993\n  quantity: 2\n"},
		{"lines without wrapping", `{"tid":1,"orders":[{"oid":5}],` + modified + `}`, "line 5\n"},
		{"one line without list", `{"tid":1,"orders":{"order":{"oid":5}},` + modified + `}`, "line 5\n"},
		{"the seller's code of the variant", `{"tid":1,"orders":{"order":[{"oid":5,"outer_iid":"A","outer_sku_id":"A-1"}]},` + modified + `}`, "sku: A-1\n"},
		{"the seller's code of the goods", `{"tid":1,"orders":{"order":[{"oid":5,"outer_iid":"A","outer_sku_id":""}]},` + modified + `}`, "sku: A\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := dump(New("tmall").Whole([]byte(test.trade), nil, true, fetched())); !strings.Contains(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestOneOrder: what a trade of one order says itself fills what the order lacks, and is no line where the order is missing.
func TestOneOrder(t *testing.T) {
	t.Parallel()
	const shortcuts = `"num":2,"price":"5.00","num_iid":77,"pic_path":"https:\/\/x\/y.jpg"`
	got := dump(New("tmall").Whole(whole(shortcuts, line1()), nil, true, fetched()))
	if want := "line 1\n  product_id: 77\n  quantity: 2\n  unit_price: 5\n  image_url: https://x/y.jpg\n"; !strings.Contains(got, want) {
		t.Errorf("filled: %s", got)
	}
	got = dump(New("tmall").Whole(whole(shortcuts, line1(`"num":3`, `"price":"6.00"`, `"num_iid":78`)), nil, true, fetched()))
	if want := "line 1\n  product_id: 78\n  quantity: 3\n  unit_price: 6\n"; !strings.Contains(got, want) {
		t.Errorf("its own: %s", got)
	}
	if o := get(New("tmall").Whole(whole(shortcuts), nil, true, fetched())); !o.Items.Absent() {
		t.Errorf("a line out of nothing: %+v", o.Items.Value())
	}
	two := `"orders":{"order":[{"oid":1},{"oid":2}]}`
	for _, item := range get(New("tmall").Whole(whole(shortcuts, two), nil, true, fetched())).Items.Value() {
		if !item.Quantity.Absent() {
			t.Errorf("a line of two is filled: %+v", item)
		}
	}
}

// TestAbsenceNeverClears: an answer of promotion hours, merged with what is stored, changes nothing that it does not say.
func TestAbsenceNeverClears(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	refund := order.Refund{ID: "9", LineID: order.Some("1"), Status: order.Some("SUCCESS"), Amount: order.Some(order.Decimal{})}
	full := []string{
		`"payment":"10.00"`, `"oaid":"o1"`, `"receiver_name":"李**"`, `"receiver_address":"文*路"`, `"receiver_city":"杭州市"`,
		line1(`"num":1`, `"refund_status":"SUCCESS"`, `"refund_id":9`), `"service_orders":{"service_order":[{"oid":2}]}`,
	}
	stored := get(r.Whole(whole(full...), []order.Refund{refund}, true, fetched()))
	if stored.ID == "" || len(stored.Items.Value()) != 2 || stored.Receiver.Absent() || !stored.FetchedAt.Equal(order.Instant(fetched())) {
		t.Fatalf("stored %s", dump(order.Record{Order: stored}))
	}
	for name, trade := range map[string][]byte{
		"nothing but the key": whole(),
		"no orders":           whole(full[0], full[1], full[2], full[3], full[4]),
		"no payment":          whole(full[1:]...),
		"no oaid":             whole(full[0], full[2], full[3], full[4], full[5], full[6]),
		"no address":          whole(full[0], full[1], full[4], full[5], full[6]),
		"no refund_id":        whole(append(full[:5:5], line1(`"num":1`, `"refund_status":"SUCCESS"`), full[6])...),
		"no refund at all":    whole(append(full[:5:5], full[6])...),
		"nulls":               whole(`"payment":null`, `"oaid":null`, `"orders":null`, `"receiver_name":null`),
		"empty lists":         whole(`"orders":{"order":[]}`, `"service_orders":{}`),
		"empty amounts":       whole(`"payment":""`, `"pay_time":""`),
	} {
		for _, known := range []bool{true, false} {
			var refunds []order.Refund
			if ids := r.RefundsOf(trade); known && len(ids) > 0 {
				refunds = []order.Refund{refund}
			}
			got := get(r.Whole(trade, refunds, known, fetched()))
			if got.ID == "" {
				t.Fatalf("%s: it died", name)
			}
			got.Merge(stored)
			got.FetchedAt = stored.FetchedAt
			got.Sort()
			if got.Hash() != stored.Hash() {
				t.Errorf("%s, known %v: it became\n%s", name, known, dump(order.Record{Order: got}))
			}
		}
	}
}

// TestShort: what lacks something counts as fetched at the time of change, so that it is asked for again and keeps nothing better out.
func TestShort(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	for name, test := range map[string]struct {
		trade []byte
		known bool
		short bool
	}{
		"whole":            {whole(`"payment":"1"`, line1()), true, false},
		"no payment":       {whole(line1()), true, true},
		"no lines":         {whole(`"payment":"1"`), true, true},
		"no refunds":       {whole(`"payment":"1"`, line1()), false, true},
		"an unnamed one":   {whole(`"payment":"1"`, line1(`"refund_status":"WAIT_SELLER_AGREE"`)), true, true},
		"an unknown state": {whole(`"payment":"1"`, line1(`"refund_status":"MAYBE"`)), true, true},
	} {
		o := get(r.Whole(test.trade, nil, test.known, fetched()))
		if want := order.Instant(fetched()); test.short != o.FetchedAt.Equal(o.ModifiedAt) || !test.short != o.FetchedAt.Equal(want) {
			t.Errorf("%s: fetched %s, changed %s", name, o.FetchedAt, o.ModifiedAt)
		}
	}
	o := get(r.Whole(whole(), nil, false, time.Date(2026, 11, 3, 1, 59, 59, 0, time.UTC)))
	if !o.FetchedAt.Before(o.ModifiedAt) {
		t.Errorf("fetched %s by a clock behind the change, and moved up to it", o.FetchedAt)
	}
	if dead := r.Whole(whole(`"payment":[]`), nil, false, fetched()).Dead; dead == nil || !dead.Version.FetchedAt.Equal(order.Instant(fetched())) {
		t.Errorf("a dead letter: %+v", dead)
	}
}

// TestServices: services are lines of their own.
func TestServices(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, orders, services, want string }{
		{"their own", `{"oid":1}`, `{"oid":2,"title":"安装"}`, "1 2"},
		{"among the orders too", `{"oid":1},{"oid":2,"is_service_order":true}`, `{"oid":2}`, "1 2"},
		{"with the oid of goods", `{"oid":1}`, `{"oid":1}`, "1 service:1"},
		{"without oid", `{"oid":1}`, `{"title":"安装"}`, "dead"},
	} {
		trade := whole(`"orders":{"order":[`+test.orders+`]}`, `"service_orders":{"service_order":[`+test.services+`]}`)
		record := New("tmall").Whole(trade, nil, true, fetched())
		var ids []string
		for _, item := range get(record).Items.Value() {
			ids = append(ids, item.LineID)
		}
		got := strings.Join(ids, " ")
		if record.Dead != nil {
			got = "dead"
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestReceiver: which receivers are taken.
func TestReceiver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, keys, want string }{
		{"masked, with oaid", `"receiver_name":"李*","receiver_address":"路*","oaid":"o"`, `{"oaid":"o","receiver_address":"路*","receiver_name":"李*"}`},
		{"masked, without", `"receiver_name":"李*","receiver_address":"路*"`, ""},
		{"open", `"receiver_name":"李四","receiver_address":"路 1","receiver_phone":""`, `{"receiver_address":"路 1","receiver_name":"李四","receiver_phone":""}`},
		{"no name", `"receiver_address":"路 1","oaid":"o"`, ""},
		{"no address", `"receiver_name":"李四","oaid":"o"`, ""},
		{"odd signs", `"receiver_name":"<\u2028&>","receiver_address":"路"`, `{"receiver_address":"路","receiver_name":"<\u2028&>"}`},
	} {
		o := get(New("tmall").Whole(whole(test.keys), nil, true, fetched()))
		if o.Receiver.Value() != test.want || o.ID == "" {
			t.Errorf("%s: %s, want %s", test.name, o.Receiver.Value(), test.want)
		}
	}
}

// TestIdentities: amounts that do not add up are stored and counted.
func TestIdentities(t *testing.T) {
	t.Parallel()
	trade := func(total, payment, discount, postage, lines, services string) []byte {
		keys := []string{`"orders":{"order":[` + lines + `]}`, `"payment":"` + payment + `"`, `"discount_fee":"` + discount + `"`,
			`"post_fee":"` + postage + `"`, `"total_fee":"` + total + `"`}
		if services != "" {
			keys = append(keys, `"service_orders":{"service_order":[`+services+`]}`)
		}
		return whole(keys...)
	}
	line := func(oid, price, num, adjust, discount, total, payment string) string {
		return fmt.Sprintf(`{"oid":%s,"price":"%s","num":%s,"adjust_fee":"%s","discount_fee":"%s","total_fee":"%s","payment":"%s"}`,
			oid, price, num, adjust, discount, total, payment)
	}
	one := line("1", "50.00", "2", "0.00", "5.00", "95.00", "95.00")
	two := line("1", "50.00", "2", "-3.00", "5.00", "92.00", "92.00") + "," + line("2", "0.10", "3", "0.00", "0.00", "0.30", "0.30")
	const service = `{"oid":3,"price":"10.00","num":1,"total_fee":"10.00"}`
	for _, test := range []struct {
		name  string
		trade []byte
		want  int
	}{
		{"one order", trade("100.00", "95.00", "0.00", "0.00", one, ""), 0},
		{"two orders", trade("100.30", "87.30", "15.00", "10.00", two, ""), 0},
		{"a refund changes no payment", trade("100.00", "95.00", "0.00", "0.00", one, ""), 0},
		{"total_fee", trade("100.01", "95.00", "0.00", "0.00", one, ""), 1},
		{"payment", trade("100.30", "87.31", "15.00", "10.00", two, ""), 1},
		{"postage", trade("100.00", "95.00", "0.00", "0.01", one, ""), 1},
		{"payment of the only order", trade("100.00", "95.00", "0.00", "0.00", line("1", "50.00", "2", "0.00", "5.00", "95.00", "90.00"), ""), 1},
		{"total_fee of a line", trade("100.00", "95.00", "0.00", "0.00", line("1", "50.00", "2", "1.00", "5.00", "95.00", "95.00"), ""), 1},
		{"a service beside", trade("100.00", "95.00", "0.00", "0.00", one, service), 0},
		{"a service in the payment", trade("100.00", "105.00", "0.00", "0.00", one, service), 0},
		{"a service in both", trade("110.00", "105.00", "0.00", "0.00", one, service), 0},
		{"a service and a difference", trade("110.00", "105.50", "0.00", "0.00", one, service), 1},
		{"nothing to check by", whole(line1(), `"payment":"95.00"`, `"total_fee":"1.00"`), 0},
		{"no lines", whole(`"payment":"95.00"`, `"total_fee":"1.00"`), 0},
	} {
		r := New("tmall")
		if record := r.Whole(test.trade, nil, true, fetched()); record.Order == nil || r.Differences() != test.want {
			t.Errorf("%s: %d differences, want %d; %+v", test.name, r.Differences(), test.want, record.Dead)
		}
	}
}

// TestRaw: what is kept is the trade byte for byte, and whatever is kept can be read again.
func TestRaw(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	bare := whole(`"payment" : "1.00"`, line1(), `"unknown":{"a":[1.0]}`)
	o := get(r.Whole(bare, nil, true, fetched()))
	if !bytes.Equal(o.Raw, bare) {
		t.Errorf("raw %s", o.Raw)
	}
	sameAgain(t, r, o)

	trade := whole(`"payment":"10.00"`, `"status":"TRADE_FINISHED"`, line1(`"refund_status":"SUCCESS"`, `"refund_id":9`))
	_, refund, _, err := r.Refund([]byte(`{"refund_id":"9","tid":1,"oid":1,"status":"SUCCESS","refund_fee":"4.00","reason":"<坏了>\/",
		"created":"2026-11-01 00:00:00","modified":"2026-11-02 00:00:00"}`))
	if err != nil {
		t.Fatal(err)
	}
	older := refund
	older.Amount = order.Field[order.Decimal]{}
	o = get(r.Whole(trade, []order.Refund{older, refund}, true, fetched()))
	if !bytes.HasPrefix(o.Raw, append([]byte(`{"trade":`), trade...)) || len(o.Refunds.Value()) != 1 || said(o.Refunded) != "4" {
		t.Errorf("raw %s, refunds %+v", o.Raw, o.Refunds)
	}
	sameAgain(t, r, o)

	// The refunds of a trade that names some are not known by the trade alone.
	o = get(r.Decode(trade, fetched()))
	if !o.Refunds.Absent() || !o.Refunded.Absent() {
		t.Errorf("refunds %+v", o.Refunds)
	}
	// Nor are those that cannot be read.
	o = get(r.Decode([]byte(`{"trade":`+string(trade)+`,"refunds":[{"refund_fee":"x"}]}`), fetched()))
	if o.ID == "" || !o.Refunds.Absent() {
		t.Errorf("order %q, refunds %+v", o.ID, o.Refunds)
	}

	dead := r.Whole(whole(`"payment":"x"`, line1(`"refund_id":9`)), []order.Refund{refund}, true, fetched()).Dead
	if dead == nil {
		t.Fatal("it lives")
	}
	again := r.Decode(dead.Payload, fetched()).Dead
	if again == nil || again.ID != dead.ID || again.Reason != dead.Reason || again.Version != dead.Version {
		t.Errorf("again %+v, before %+v", again, dead)
	}
}

func sameAgain(t *testing.T, r *Reader, o *order.Order) {
	t.Helper()
	again := r.Decode(o.Raw, fetched())
	if again.Order == nil || again.Order.Hash() != o.Hash() || !bytes.Equal(again.Order.Raw, o.Raw) {
		t.Errorf("read again: %s, before %s", dump(again), dump(order.Record{Order: o}))
	}
}

// TestRowsStayDead: the row of a list is no order.
func TestRowsStayDead(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`{"tid":1,"modified":"2026-11-03 10:00:00","created":"2026-11-03 10:00:00","status":"WAIT_BUYER_PAY"}`,
		`{"refund_id":1,"tid":1,"modified":"2026-11-03 10:00:00","payment":"1.00"}`,
	} {
		dead := New("tmall").Decode([]byte(row), fetched()).Dead
		if dead == nil || dead.ID != "1" || !strings.Contains(dead.Reason, "only the row of a list") {
			t.Errorf("%s became %+v", row, dead)
		}
	}
}
