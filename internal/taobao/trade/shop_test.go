package trade

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ordersync/internal/order"
	"ordersync/internal/taobao/taobaotest"
)

// TestShop: a shop's worth of trades, in every state of their lives, is what the shop says it is.
func TestShop(t *testing.T) {
	t.Parallel()
	truth := taobaotest.NewTruth(fetched)
	truth.Churn(1).Fill(2000, fetched().AddDate(0, 0, -60), fetched())
	r := New("tmall")
	met := map[order.Status]int{}
	for _, trade := range truth.Trades() {
		text, _ := truth.Fullinfo(trade.TID)
		var refunds []order.Refund
		var named []string
		for _, refund := range trade.Refunds {
			_, read, _, err := r.Refund(fmt.Appendf(nil, `{"refund_id":"%s","tid":%s,"oid":%s,"status":"%s","refund_fee":"%s","modified":"%s"}`,
				refund.ID, trade.TID, refund.OID, refund.Status, refund.Fee, refund.Modified.In(gmt8()).Format(time.DateTime)))
			if err != nil {
				t.Fatal(err)
			}
			refunds, named = append(refunds, read), append(named, refund.ID)
		}
		ids := r.RefundsOf([]byte(text))
		slices.Sort(ids)
		slices.Sort(named)
		record := r.Whole([]byte(text), refunds, true, fetched())
		if !slices.Equal(ids, named) || record.Order == nil {
			t.Fatalf("refunds %v, want %v; %+v\n%s", ids, named, record.Dead, text)
		}
		compareTrade(t, trade, record.Order, r.Parcels(record.Order.Raw))
		met[record.Order.Status.Value()]++
	}
	for _, status := range order.Statuses() {
		if (met[status] == 0) != (status == order.StatusUnknown) {
			t.Errorf("%d trades are %s", met[status], status)
		}
	}
	if r.Differences() > 0 || len(r.Unmapped()) > 0 {
		t.Errorf("%d differences, unmapped %v", r.Differences(), r.Unmapped())
	}
}

func compareTrade(t *testing.T, want taobaotest.Trade, got *order.Order, parcels []order.Parcel) {
	t.Helper()
	lines := make([]string, 0, len(want.Lines)+len(want.AddOns))
	for _, l := range want.Lines {
		lines = append(lines, l.OID)
	}
	for _, a := range want.AddOns {
		lines = append(lines, a.OID)
	}
	slices.Sort(lines)
	items := make([]string, 0, len(lines))
	for _, i := range got.Items.Value() {
		items = append(items, i.LineID)
	}
	closed := strings.HasPrefix(want.Status, "TRADE_CLOSED")
	switch {
	case got.ID != want.TID || got.SourceStatus.Value() != want.Status || !got.FetchedAt.Equal(order.Instant(fetched())):
	case !got.ModifiedAt.Equal(want.Modified.Truncate(time.Second)) || !got.PaidAt.Value().Equal(want.Paid.Truncate(time.Second)):
	case !got.ShippedAt.Value().Equal(want.Consigned.Truncate(time.Second)) || closed == got.CancelledAt.Absent():
	case got.Total.Value().String() != want.Payment().String()+"0000" || got.Refunded.Value().String() != want.Refunded().String()+"0000":
	case got.Receiver.Absent() || !strings.Contains(got.Receiver.Value(), want.OAID) || got.BuyerID.Value() != want.BuyerOpenUID:
	case !slices.Equal(items, lines) || len(got.Refunds.Value()) != len(want.Refunds) || len(parcels) != len(want.Parcels):
	default:
		return
	}
	t.Errorf("%+v\nbecame\n%s%v", want, dump(order.Record{Order: got}), parcels)
}

// TestPoison: every way in which the fake can spoil a trade is noticed, and no panic is among the reasons.
func TestPoison(t *testing.T) {
	t.Parallel()
	truth := taobaotest.NewTruth(fetched)
	for _, poison := range taobaotest.Poisons() {
		good := truth.Create(taobaotest.Trade{Created: fetched().AddDate(0, 0, -1), Poison: poison})
		text, _ := truth.Fullinfo(good.TID)
		record := New("tmall").Whole([]byte(text), nil, true, fetched())
		if poison == taobaotest.OtherTID { // only who asked can tell
			if record.Order == nil || record.Order.ID == good.TID {
				t.Errorf("%s: %+v", poison, record)
			}
			continue
		}
		if record.Dead == nil || strings.HasPrefix(record.Dead.Reason, "ordersync itself") {
			t.Errorf("%s: %+v", poison, record.Dead)
		}
	}
}
