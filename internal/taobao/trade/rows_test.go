package trade

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

func TestThin(t *testing.T) {
	t.Parallel()
	const at = "2026-11-03 10:00:00"
	modified := time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)
	created := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	trade := `{"tid":3141592653589793238,"modified":"` + at + `","created":"2026-11-01 08:00:00","status":"TRADE_FINISHED"}`
	refund := `{"refund_id":"9000000000000000001","tid":3141592653589793238,"oid":1,"modified":"` + at + `",
		"created":"2026-11-01 08:00:00","status":"SUCCESS","refund_fee":"1"}`
	for _, test := range []struct {
		name, row string
		by        By
		id, dead  string
		at        time.Time
	}{
		{"by change", trade, ByModified, "3141592653589793238", "", modified},
		{"by creation", trade, ByCreated, "3141592653589793238", "", created},
		{"a refund", refund, ByRefund, "3141592653589793238", "", modified},
		{"no creation", `{"tid":1,"modified":"` + at + `"}`, ByCreated, "1", "created: it is missing or empty", time.Time{}},
		{"creation of another world", `{"tid":1,"created":"0001-01-01 00:00:00","modified":"` + at + `"}`, ByCreated, "1",
			"created: a time that cannot be", time.Time{}},
		{"no change", `{"tid":1,"created":"` + at + `"}`, ByCreated, "1", "modified: it is missing or empty", modified},
		{"a change of another world", `{"tid":1,"modified":"2199-01-01 00:00:00"}`, ByModified, "1", "modified_at: a time that cannot be", time.Time{}},
		{"no tid", `{"modified":"` + at + `"}`, ByModified, "sha256:", "tid: it is missing or empty", modified},
		{"a refund without id", `{"tid":1,"modified":"` + at + `"}`, ByRefund, "1", "refund_id: it is missing or empty", modified},
		{"a refund without tid", `{"refund_id":1,"modified":"` + at + `"}`, ByRefund, "sha256:", "tid: it is missing or empty", modified},
		{"a number", `42`, ByModified, "sha256:", "something else where an object is expected", time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record, got := New("tmall").Thin([]byte(test.row), test.by, fetched())
			if !got.Equal(test.at) {
				t.Errorf("at %s, want %s", got, test.at)
			}
			if test.dead == "" {
				o := get(record)
				if record.Dead != nil || o.ID != test.id || !o.ModifiedAt.Equal(modified) || !o.FetchedAt.Equal(order.Instant(fetched())) ||
					o.Source != "tmall" || !o.Items.Absent() || string(o.Raw) != test.row {
					t.Errorf("%+v, %+v", o, record.Dead)
				}
				if refunds := o.Refunds.Value(); (len(refunds) == 1) != (test.by == ByRefund) {
					t.Errorf("refunds %+v", refunds)
				}
				return
			}
			d := record.Dead
			if d == nil || !strings.HasPrefix(d.ID, test.id) || !strings.HasPrefix(d.Reason, test.dead) || string(d.Payload) != test.row ||
				d.Version.FetchedAt.IsZero() {
				t.Errorf("dead %+v", d)
			}
		})
	}
}

func TestRefund(t *testing.T) {
	t.Parallel()
	tid, refund, modified, err := New("tmall").Refund([]byte(`{"refund_id":9000000000000000001,"tid":"3141592653589793238","oid":3141592653589793239,
		"status":"SUCCESS","refund_fee":"12.30","reason":"七天无理由","created":"2026-11-01 08:00:00","modified":"2026-11-03 10:00:00"}`))
	got := fmt.Sprint(tid, refund.ID, refund.LineID.Value(), short(refund.Amount.Value()), refund.Status.Value(), refund.Reason.Value(), err)
	want := fmt.Sprint("3141592653589793238", "9000000000000000001", "3141592653589793239", "12.3", "SUCCESS", "七天无理由", nil)
	if got != want || !refund.RefundedAt.Value().Equal(modified) || modified.Hour() != 2 || refund.CreatedAt.Value().Hour() != 0 {
		t.Errorf("%s; refunded %s, created %s", got, refund.RefundedAt.Value(), refund.CreatedAt.Value())
	}

	for _, word := range []string{"WAIT_SELLER_AGREE", "WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS", "SELLER_REFUSE_BUYER", "CLOSED"} {
		r := New("tmall")
		_, refund, modified, err := r.Refund([]byte(`{"refund_id":1,"status":"` + word + `","modified":"2026-11-03 10:00:00"}`))
		if err != nil || refund.Status.Value() != word || !refund.RefundedAt.Absent() || modified.IsZero() || len(r.Unmapped()) > 0 {
			t.Errorf("%s: %+v, %v, %v", word, refund, r.Unmapped(), err)
		}
	}
	r := New("tmall")
	tid, refund, modified, err = r.Refund([]byte(`{"refund_id":1,"status":"NEW_WORD"}`))
	if tid != "" || !modified.IsZero() || err != nil || refund.Status.Value() != "NEW_WORD" || !refund.Amount.Absent() || r.Unmapped()["NEW_WORD"] != 1 {
		t.Errorf("the least: %q, %s, %+v, %v, %v", tid, modified, refund, r.Unmapped(), err)
	}

	for row, want := range map[string]string{
		`42`: "refund: something else where an object is expected", `{`: "refund: it is not whole JSON",
		`{"tid":1}`:           "refund refund_id: it is missing or empty",
		`{"refund_id":"R-1"}`: "refund refund_id: neither a whole number in digits",
		`{"refund_id":1,"refund_fee":"一百元"}`:                          "refund refund_fee: not an amount",
		`{"refund_id":1,"created":"yesterday"}`:                       "refund created: no time",
		`{"refund_id":1,"created":"1500-01-01 00:00:00"}`:             "refund created_at: a time that cannot be",
		`{"refund_id":1,"modified":"2026-99-99 00:00:00"}`:            "refund modified: no time",
		`{"refund_id":1,"reason":"` + strings.Repeat("长", 600) + `"}`: "refund reason: 600 characters",
	} {
		if _, _, _, err := New("tmall").Refund([]byte(row)); err == nil || fault.KindOf(err) != fault.Rejected || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", row, err, want)
		}
	}
}

func TestRefundsOf(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	for _, test := range []struct{ name, orders, services, want string }{
		{"none", `{"oid":1,"refund_status":"NO_REFUND"}`, ``, "[]"},
		{"none, with an id all the same", `{"oid":1,"refund_status":"NO_REFUND","refund_id":5}`, ``, "[]"},
		{"each state", `{"refund_status":"WAIT_SELLER_AGREE","refund_id":1},{"refund_status":"SUCCESS","refund_id":"2"},
			{"refund_status":"CLOSED","refund_id":3},{"refund_status":"NEW","refund_id":9000000000000000001}`, ``, "[1 2 3 9000000000000000001]"},
		{"once", `{"refund_status":"SUCCESS","refund_id":1},{"refund_status":"SUCCESS","refund_id":1}`, ``, "[1]"},
		{"no state", `{"refund_id":1}`, ``, "[1]"},
		{"no id", `{"refund_status":"SUCCESS"}`, ``, "[]"},
		{"an empty id", `{"refund_status":"SUCCESS","refund_id":""},{"refund_status":"SUCCESS","refund_id":0}`, ``, "[]"},
		{"a bad id", `{"refund_status":"SUCCESS","refund_id":"x"},{"refund_status":"SUCCESS","refund_id":1}`, ``, "[1]"},
		{"of a service", `{"oid":1}`, `{"oid":2,"refund_id":7}`, "[7]"},
	} {
		trade := whole(`"orders":{"order":[`+test.orders+`]}`, `"service_orders":{"service_order":[`+test.services+`]}`)
		if got := fmt.Sprint(r.RefundsOf(trade)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := fmt.Sprint(r.RefundsOf([]byte(`{"trade":` + string(trade) + `,"refunds":[]}`))); got != test.want {
			t.Errorf("%s, as it is kept: %s, want %s", test.name, got, test.want)
		}
	}
	for _, text := range []string{``, `42`, `{`, `{"orders":7}`, strings.Repeat("[", 100_000)} {
		if ids := r.RefundsOf([]byte(text)); len(ids) > 0 {
			t.Errorf("%.20s: %v", text, ids)
		}
	}
	if len(r.Unmapped()) > 0 {
		t.Errorf("words were counted by a look: %v", r.Unmapped())
	}
}

// TestRefundSums: only refunds that succeeded count, exactly.
func TestRefundSums(t *testing.T) {
	t.Parallel()
	refund := func(id int, status, amount string) order.Refund {
		d, _, err := order.ParseDecimal(amount)
		if err != nil {
			t.Fatal(err)
		}
		return order.Refund{ID: fmt.Sprint(id), Status: order.Some(status), Amount: order.Some(d)}
	}
	trade := whole(`"payment":"1.00"`, `"status":"TRADE_FINISHED"`, line1())
	for want, refunds := range map[string][]order.Refund{
		"0":   nil,
		"0.3": {refund(1, "SUCCESS", "0.10"), refund(2, "SUCCESS", "0.20"), refund(3, "CLOSED", "0.40"), refund(4, "WAIT_SELLER_AGREE", "0.50")},
		"1":   {refund(1, "SUCCESS", "0.01"), refund(2, "SUCCESS", "0.99")},
		"-":   {refund(1, "SUCCESS", "99999999999999.99"), refund(2, "SUCCESS", "0.01")}, // more than can be stored
	} {
		o := get(New("tmall").Whole(trade, refunds, true, fetched()))
		if said(o.Refunded) != want || len(o.Refunds.Value()) != len(refunds) || o.ID == "" {
			t.Errorf("%s, want %s", said(o.Refunded), want)
		}
	}
}

func TestUnmapped(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 150 {
				r.Whole(whole(fmt.Sprintf(`"status":"WORD_%d"`, i)), nil, true, fetched())
			}
		})
	}
	all.Wait()
	words := r.Unmapped()
	if len(words) != 100 || words["WORD_7"] != 4 {
		t.Errorf("%d words, WORD_7 %d times", len(words), words["WORD_7"])
	}
	r = New("tmall")
	r.Whole(whole(`"status":"`+strings.Repeat("长", 100)+`"`, `"cod_status":"A"`, `"step_trade_status":"B"`, line1(`"refund_status":"C"`)), nil, true, fetched())
	var got []string
	for word := range r.Unmapped() {
		got = append(got, word)
	}
	slices.Sort(got)
	if want := []string{"A", "B", "C", strings.Repeat("长", 21)}; !slices.Equal(got, want) {
		t.Errorf("words %q", got)
	}
}

func TestParcels(t *testing.T) {
	t.Parallel()
	r := New("tmall")
	parcels := func(trade []byte) string {
		var b strings.Builder
		for _, p := range r.Parcels(trade) {
			fmt.Fprintf(&b, "%s/%s/%v/%v/%s ", p.TrackingNumber, p.Carrier, p.LineIDs, p.Split, p.ShippedAt.Format("02T15"))
		}
		return strings.TrimSpace(b.String())
	}
	for _, test := range []struct{ name, orders, more, want string }{
		{"not shipped", `{"oid":1}`, ``, ""},
		{"an empty number", `{"oid":1,"invoice_no":""},{"oid":2,"invoice_no":" "}`, ``, ""},
		{"one", `{"oid":1,"invoice_no":"A","logistics_company":"顺丰"}`, `,"consign_time":"2026-11-02 10:00:00"`, "A/顺丰/[1]/false/02T02"},
		{"one for two lines", `{"oid":1,"invoice_no":"A"},{"oid":2,"invoice_no":" A","logistics_company":"顺丰"}`, ``, "A/顺丰/[1 2]/false/01T00"},
		{"the earlier time", `{"oid":1,"invoice_no":"A","consign_time":"2026-11-04 10:00:00"},
			{"oid":2,"invoice_no":"A","consign_time":"2026-11-03 10:00:00"}`, ``,
			"A//[1 2]/false/03T02"},
		{"two", `{"oid":1,"invoice_no":"A"},{"oid":2,"invoice_no":"B"},{"oid":3}`, ``, "A//[1]/true/01T00 B//[2]/true/01T00"},
		{"a part", `{"oid":1,"invoice_no":"A"},{"oid":3}`, `,"is_part_consign":true`, "A//[1]/true/01T00"},
	} {
		trade := `{"tid":7,"orders":{"order":[` + test.orders + `]}` + test.more + `}`
		if got := parcels([]byte(trade)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := parcels([]byte(`{"trade":` + trade + `,"refunds":[]}`)); got != test.want {
			t.Errorf("%s, as it is kept: %s, want %s", test.name, got, test.want)
		}
	}
	for _, text := range []string{``, `42`, `{`, `{"orders":{"order":[{"invoice_no":"A"}]}}`, strings.Repeat("[", 100_000)} {
		if got := parcels([]byte(text)); got != "" {
			t.Errorf("%.20s: %s", text, got)
		}
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	asked := order.Parcel{OrderID: "7", Carrier: "顺丰速运", TrackingNumber: "SF1", ShippedAt: time.Date(2026, 11, 2, 2, 0, 0, 0, time.UTC)}
	step := func(at, text, action string) string {
		return fmt.Sprintf(`{"status_time":"%s","status_desc":"%s","action":"%s"}`, at, text, action)
	}
	taken, signed := step("2026-11-02 12:00:00", "已揽收", "TMS_ACCEPT"), step("2026-11-04 09:00:00", "已签收", "TMS_SIGN")
	answer := func(status string, steps ...string) string {
		return fmt.Sprintf(`{"out_sid":"SF1","company_name":"顺丰","tid":7,"status":"%s","trace_list":{"transit_step_info":[%s]},"request_id":"x"}`,
			status, strings.Join(steps, ","))
	}
	for _, test := range []struct {
		name, answer string
		status       order.ShipmentStatus
		steps        int
		delivered    bool
	}{
		{"waiting", answer("等候发送给物流公司"), order.ShipmentCreated, 0, false},
		{"handed in", answer("已提交给物流公司,等待物流公司接单"), order.ShipmentCreated, 0, false},
		{"confirmed", answer("已经确认消息接收，等待物流公司接单"), order.ShipmentCreated, 0, false},
		{"accepted", answer("物流公司已接单"), order.ShipmentCreated, 0, false},
		{"accepted and on its way", answer("物流公司已接单", taken), order.ShipmentInTransit, 1, false},
		{"told of", answer("物流公司已接单", step("2026-11-02 12:00:00", "已发货", "CONSIGN")), order.ShipmentCreated, 1, false},
		{"not accepted", answer("物流公司不接单"), order.ShipmentFailed, 0, false},
		{"not collected", answer("物流公司揽收失败"), order.ShipmentFailed, 0, false},
		{"collected", answer("物流公司揽收成功"), order.ShipmentInTransit, 0, false},
		{"not handed over", answer("签收失败", taken), order.ShipmentFailed, 1, false},
		{"signed for", answer("对方已签收", taken, signed), order.ShipmentDelivered, 2, true},
		{"signed for, newest first", answer("对方已签收", signed, taken), order.ShipmentDelivered, 2, true},
		{"offline: signed for as soon as it is sent", answer("对方已签收"), order.ShipmentCreated, 0, false},
		{"offline: on its way", answer("对方已签收", taken), order.ShipmentInTransit, 1, false},
		{"the step says it before the word", answer("物流公司揽收成功", taken, signed), order.ShipmentDelivered, 2, true},
		{"refused", answer("对方拒绝签收", taken, step("2026-11-04 09:00:00", "拒签", "TMS_REJECT_SIGN")), order.ShipmentReturned, 2, false},
		{"words of the carrier alone", answer("对方已签收", step("2026-11-04 09:00:00", "快件已签收，签收人：本人", "")), order.ShipmentDelivered, 1, true},
		{"words that sound like it", answer("对方已签收", step("2026-11-04 09:00:00", "派送中，请准备签收人证件", "")), order.ShipmentInTransit, 1, false},
		{"a step without a time", answer("对方已签收", taken, step("", "已签收", "TMS_SIGN")), order.ShipmentDelivered, 2, false},
		{"a new word", answer("在途", taken), order.ShipmentUnknown, 1, false},
		{"no word", `{"trace_list":{"transit_step_info":[` + taken + `]}}`, order.ShipmentInTransit, 1, false},
		{"nothing", `{"request_id":"x"}`, "", 0, false},
		{"an empty list", `{"status":"物流公司揽收成功","trace_list":{}}`, order.ShipmentInTransit, 0, false},
	} {
		s, err := New("tmall").Trace([]byte(test.answer), asked)
		if err != nil || s.Status != test.status || len(s.Events) != test.steps || s.DeliveredAt.Absent() == test.delivered {
			t.Errorf("%s: %+v, %v", test.name, s, err)
			continue
		}
		if s.OrderID != "7" || s.Carrier != "顺丰速运" || s.TrackingNumber != "SF1" || !s.ShippedAt.Value().Equal(asked.ShippedAt) {
			t.Errorf("%s: its key is %s %s %s, shipped %s", test.name, s.OrderID, s.Carrier, s.TrackingNumber, s.ShippedAt.Value())
		}
		if test.delivered && s.DeliveredAt.Value().Day() != 4 {
			t.Errorf("%s: delivered %s", test.name, s.DeliveredAt.Value())
		}
	}

	s, err := New("tmall").Trace([]byte(`{"out_sid":"ZT9","company_name":"中通","tid":8,"status":"物流公司揽收成功"}`), asked)
	if err != nil || s.OrderID != "7" || s.TrackingNumber != "ZT9" || s.Carrier != "中通" || !s.ShippedAt.Absent() {
		t.Errorf("another parcel: %+v, %v", s, err)
	}
	for answer, want := range map[string]string{
		`{`: "trace: it is not whole JSON", `7`: "trace: something else where an object is expected",
		`{"trace_list":{"transit_step_info":7}}`:                           "trace trace_list: something else where a list is expected",
		`{"trace_list":{"transit_step_info":[{"status_time":"gestern"}]}}`: "trace step status_time: no time",
	} {
		if _, err := New("tmall").Trace([]byte(answer), asked); fault.KindOf(err) != fault.Rejected || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
	}
	if _, err := New("tmall").Trace([]byte(`{"tid":7}`), order.Parcel{}); fault.KindOf(err) != fault.Rejected {
		t.Errorf("a parcel without number: %v", err)
	}
}

// TestSteps: oldest first; a step without a time stays where it stands.
func TestSteps(t *testing.T) {
	t.Parallel()
	s, err := New("tmall").Trace([]byte(`{"trace_list":{"transit_step_info":[
		{"status_time":"2026-11-04 09:00:00","status_desc":"c"},{"status_desc":"?"},{"status_time":"2026-11-02 09:00:00","status_desc":"a"},{},
		{"status_time":"2026-11-03 09:00:00","status_desc":"b","action":"ARRIVE"}]}}`), order.Parcel{OrderID: "7", TrackingNumber: "1"})
	var got []string
	for _, e := range s.Events {
		got = append(got, e.Text+e.Action)
	}
	if want := []string{"a", "?", "bARRIVE", "c"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
