package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ordersync/internal/taobao/taobaotest"
)

// parcelStage is a stage whose configuration names a shop on Taobao instead.
type parcelStage struct {
	*stage
	platform *taobaotest.Server
	truth    *taobaotest.Truth
}

func newParcelStage(t *testing.T) *parcelStage {
	t.Helper()
	s := &parcelStage{stage: newStage(t, 0), truth: taobaotest.NewTruth(nil)}
	s.platform = taobaotest.New(s.truth, taobaotest.Rules{})
	base, stop, err := s.platform.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if strays := s.platform.Strays(); len(strays) > 0 {
			t.Errorf("requests that nobody meant: %q", strays)
		}
	})
	s.secret("secret", taobaotest.AppSecret)
	s.secret("session", taobaotest.Session)
	s.write(fmt.Sprintf(`timezone: Asia/Shanghai
state: %[1]s/state
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  tmall:
    kind: taobao
    app_key: "%[2]s"
    app_secret: ${file:%[1]s/secret}
    session: ${file:%[1]s/session}
    session_expires: 2099-01-01
    gateway: %[3]s%[4]s
    rate: {per_second: 1000}
    settle: 0s
    http: {retries: 0}
  us-store:
    kind: rest
    preset: us-server
    base_url: %[5]s
    auth: {bearer: "${file:%[1]s/token}"}
jobs:
  tmall-orders: {sync: tmall, schedule: "*/5 * * * *", start: %[6]s}
  tmall-parcels: {track: tmall, schedule: "*/30 * * * *"}
`, s.folder, taobaotest.AppKey, base, taobaotest.Router, s.base, time.Now().AddDate(0, 0, -3).UTC().Format(time.DateOnly)))
	return s
}

// ship creates a trade that was sent in parcels, one line in each.
func (s *parcelStage) ship(parcels ...taobaotest.Parcel) string {
	at := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	trade := taobaotest.Trade{Created: at, Modified: at, Paid: at, Consigned: at, Status: taobaotest.WaitBuyerConfirm, Parcels: parcels}
	for i := range parcels {
		oid := fmt.Sprint(7000 + i)
		trade.Parcels[i].OIDs, trade.Parcels[i].Consigned = []string{oid}, at
		trade.Lines = append(trade.Lines, taobaotest.Line{
			OID: oid, Title: "tea", Num: 1, Price: 100, Company: parcels[i].Company, Invoice: parcels[i].Number, Consigned: at,
		})
	}
	return s.truth.Create(trade).TID
}

func collected(text string) []taobaotest.Step {
	return []taobaotest.Step{{At: time.Now().Add(-90 * time.Minute).Truncate(time.Second), Text: text, Action: "TMS_COLLECT"}}
}

// One order, typed: its parcels are asked about whenever it is typed, stored and shown, and what the shop forgets stays.
func TestTrack(t *testing.T) {
	t.Parallel()
	s := newParcelStage(t)
	tid := s.ship(
		taobaotest.Parcel{Number: "SF1", Company: "顺丰速运", Status: taobaotest.Collected, Steps: collected("【深圳】已揽收")},
		taobaotest.Parcel{Number: "YT2", Company: "圆通速递", Status: taobaotest.WaitingToBeSent},
	)
	s.want(s.run("track", "tmall", tid), 0, "Order "+tid+" of tmall: shipped", "SF1", "顺丰速运", "in_transit (物流公司揽收成功)",
		"【深圳】已揽收", "TMS_COLLECT", "YT2", "created", "next asked")
	s.want(s.run("order", "tmall", tid), 0, "Order "+tid, "SF1", "【深圳】已揽收")
	s.truth.Amend(tid, func(o *taobaotest.Trade) {
		o.Parcels[0].Status = taobaotest.Signed
		o.Parcels[0].Steps = []taobaotest.Step{{At: time.Now().Truncate(time.Second), Text: "已签收", Action: "TMS_SIGN"}}
	})
	s.want(s.run("track", "tmall", tid), 0, "delivered (对方已签收)", "【深圳】已揽收", "已签收", "not asked about any more")
	db := s.db()
	if n := s.number(db, "SELECT COUNT(*) FROM shipment_events WHERE tracking_number = 'SF1'"); n != 2 {
		t.Errorf("%d steps are stored, want 2", n)
	}

	s.truth.Amend(tid, func(o *taobaotest.Trade) { o.Parcels = o.Parcels[:1] })
	s.want(s.run("track", "tmall", tid), 0, "Of 1 parcel nothing could be learned", "YT2", "asked about again")
	s.platform.FailMethod("taobao.logistics.trace.search", taobaotest.Fault{Status: 502}, taobaotest.Fault{Status: 502})
	s.want(s.run("track", "tmall", tid), 1, "502", "Try again")

	unsent := s.truth.Create(taobaotest.Trade{Status: taobaotest.WaitSellerSendGoods})
	s.want(s.run("track", "tmall", unsent.TID), 0, "names no parcels: it is not sent yet")
	s.want(s.run("track", "tmall", "1"), 1, "nothing is stored under that id")
	s.want(s.run("track", "us-store", "1"), 2, "us-store cannot be asked about parcels: only sources of the kind taobao can")
	s.want(s.run("track", "tmal", "1"), 2, `did you mean "tmall"?`)
	s.want(s.run("track", "tmall"), 2, "the ID of an order is missing")
	s.want(s.run("track", "--help"), 0, "Usage:")
}

// The job: the parcels of shipped orders, each when it is its turn and no more often.
func TestTrackJob(t *testing.T) {
	t.Parallel()
	s := newParcelStage(t)
	db := s.db()
	asked := func() int { return s.platform.Count()["taobao.logistics.trace.search"] }
	moving := s.ship(taobaotest.Parcel{Number: "A1", Company: "YTO", Status: taobaotest.Collected, Steps: collected("on its way")})
	signed := []taobaotest.Step{{At: time.Now().Add(-time.Hour).Truncate(time.Second), Text: "signed", Action: "TMS_SIGN"}}
	s.ship(
		taobaotest.Parcel{Number: "B1", Company: "YTO", Status: taobaotest.Signed, Steps: signed},
		taobaotest.Parcel{Number: "B2", Company: "YTO", Status: taobaotest.Collected},
	)
	unknown := s.ship(taobaotest.Parcel{Number: "C1", Company: "YTO", Status: taobaotest.Collected})
	before := time.Now().Add(-time.Hour)
	s.truth.Create(taobaotest.Trade{Status: taobaotest.WaitSellerSendGoods, Created: before, Modified: before})
	s.want(s.run("sync", "tmall-orders"), 0)
	s.truth.Amend(unknown, func(o *taobaotest.Trade) { o.Parcels = nil })

	s.want(s.run("sync", "tmall-parcels"), 0)
	if n := asked(); n != 4 {
		t.Errorf("%d questions, want one for each of 4 parcels", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM shipments WHERE (tracking_number, status, next_at IS NULL) IN "+
		"(('A1', 'in_transit', 0), ('B1', 'delivered', 1), ('B2', 'in_transit', 0), ('C1', 'created', 0))"); n != 4 {
		t.Errorf("%d parcels are as they should be, want 4", n)
	}
	s.want(s.run("sync", "tmall-parcels"), 0)
	if n := asked(); n != 4 {
		t.Errorf("%d questions after a second run, want 4: it was nobody's turn", n)
	}
	s.truth.Amend(moving, func(o *taobaotest.Trade) { o.Parcels[0].Status = taobaotest.Rejected })
	s.exec(db, "UPDATE shipments SET next_at = UTC_TIMESTAMP(6) WHERE next_at IS NOT NULL")
	s.want(s.run("sync", "tmall-parcels"), 0)
	if n := asked(); n != 7 {
		t.Errorf("%d questions when it was the turn of 3, want 7", n)
	}
	if n := s.number(db, "SELECT COUNT(*) FROM shipments WHERE order_id = ? AND status = 'returned' AND next_at IS NULL", moving); n != 1 {
		t.Error("a refused parcel is not stored as such, or still asked about")
	}
	if n := s.number(db, "SELECT COUNT(*) FROM runs WHERE job = 'tmall-parcels' AND stream = 'parcels' AND outcome = 'good'"); n < 1 {
		t.Error("the table runs knows nothing of it")
	}

	s.exec(db, "UPDATE shipments SET next_at = UTC_TIMESTAMP(6) WHERE tracking_number = 'B2'")
	s.platform.Expire(taobaotest.Session)
	if got := s.run("sync", "tmall-parcels"); got.status != 1 || strings.Contains(got.stderr, taobaotest.Session) {
		t.Errorf("with a session that ended: %+v", got)
	}
}
