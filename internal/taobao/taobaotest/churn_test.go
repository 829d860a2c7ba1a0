package taobaotest

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// lived is a shop of n trades after some steps, and its clock.
func lived(seed uint64, n, steps int) (*Truth, *Churn, *time.Time) {
	now := noon()
	truth := NewTruth(func() time.Time { return now })
	churn := truth.Churn(seed)
	churn.Quiet = true
	churn.Fill(n, now.Add(-80*24*time.Hour), now)
	for range steps {
		now = now.Add(7 * time.Second)
		churn.Step()
	}
	return truth, churn, &now
}

// TestSameSeed: the same seed gives the same shop, another another.
func TestSameSeed(t *testing.T) {
	t.Parallel()
	a, _, _ := lived(1, 100, 300)
	b, _, _ := lived(1, 100, 300)
	c, _, _ := lived(2, 100, 300)
	if diff := cmp.Diff(a.Fullinfos(), b.Fullinfos()); diff != "" {
		t.Errorf("seed 1 twice:\n%s", diff)
	}
	if cmp.Equal(a.Trades(), c.Trades()) {
		t.Error("seeds 1 and 2 gave the same")
	}
	storm, again := Storm(3, 50), Storm(3, 50)
	spoiled := 0
	for n := range 200 {
		r := Request{N: n, Method: "taobao.trades.sold.get"}
		if diff := cmp.Diff(storm(r), again(r)); diff != "" {
			t.Errorf("storm: %s", diff)
		}
		if storm(r) != nil {
			spoiled++
		}
	}
	if spoiled < 70 || spoiled > 130 || storm(Request{N: 1, Method: "/token"}) != nil {
		t.Errorf("the storm spoiled %d of 200", spoiled)
	}
}

// TestLives: a shop has trades of all kinds and states, and the money of all adds up as the platform's does.
func TestLives(t *testing.T) {
	t.Parallel()
	truth, _, _ := lived(5, 2000, 3000)
	seen := map[string]int{}
	for _, o := range truth.Trades() {
		seen[o.Type]++
		seen[o.Status]++
		seen[o.StepStatus]++
		seen[o.CODStatus]++
		seen["parcels "+strconv.Itoa(len(o.Parcels))]++
		seen["lines "+strconv.Itoa(min(len(o.Lines), 2))]++
		seen["add-ons "+strconv.Itoa(len(o.AddOns))]++
		for _, r := range o.Refunds {
			seen["refund "+r.Status]++
		}
		for _, p := range o.Parcels {
			seen[p.Status]++
		}
		checkTrade(t, o)
	}
	for _, want := range []string{
		"fixed", "step", "cod", "tmall_i18n", WaitBuyerPay, WaitSellerSendGoods, SellerConsignedPart, WaitBuyerConfirm, BuyerSigned, Finished, Closed,
		ClosedByTaobao, FrontUnpaid, FrontPaid, FrontAndFinal, CODSigned, "parcels 2", "lines 1", "lines 2", "add-ons 1",
		"refund " + WaitSellerAgree, "refund " + WaitBuyerReturn, "refund " + WaitSellerGoods, "refund " + SellerRefuse, "refund " + RefundClosed,
		"refund " + RefundSuccess, Accepted, Collected, Signed, Rejected,
	} {
		if seen[want] == 0 {
			t.Errorf("nothing is %q", want)
		}
	}
	for tid, text := range truth.Fullinfos() {
		checkMoney(t, tid, text)
	}
}

func checkTrade(t *testing.T, o Trade) {
	t.Helper()
	ids := map[string]bool{}
	for _, l := range o.Lines {
		if ids[l.OID] || (l.OID == o.TID) != (len(o.Lines) == 1 && len(o.AddOns) == 0) {
			t.Errorf("trade %s has the line %s", o.TID, l.OID)
		}
		ids[l.OID] = true
	}
	sent := 0
	for _, p := range o.Parcels {
		sent += len(p.OIDs)
	}
	if sent > len(o.Lines) || o.Modified.Before(o.Created) || o.Refunded() > o.Payment() {
		t.Errorf("trade %+v", o)
	}
}

// checkMoney holds the identities against the JSON, with arithmetic of its own.
func checkMoney(t *testing.T, tid, text string) {
	t.Helper()
	var o struct {
		Payment, Price string
		TotalFee       string `json:"total_fee"`
		Discount       string `json:"discount_fee"`
		Post           string `json:"post_fee"`
		Num            *int
		Orders         struct {
			Order []struct {
				Price, Payment string
				Num            int
				TotalFee       string `json:"total_fee"`
				Discount       string `json:"discount_fee"`
				Adjust         string `json:"adjust_fee"`
				Divided        string `json:"divide_order_fee"`
				Share          string `json:"part_mjz_discount"`
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
	cents := func(s string) int {
		n, err := strconv.Atoi(strings.Replace(s, ".", "", 1))
		if err != nil && s != "" {
			t.Errorf("trade %s: %q", tid, s)
		}
		return n
	}
	total, orders, shares := 0, 0, 0
	for _, l := range o.Orders.Order {
		total += cents(l.Price) * l.Num
		orders += cents(l.TotalFee)
		shares += cents(l.Share)
		if cents(l.TotalFee) != cents(l.Price)*l.Num+cents(l.Adjust)-cents(l.Discount) || cents(l.Divided)+cents(l.Share) != cents(l.TotalFee) {
			t.Errorf("trade %s: a line does not add up: %+v", tid, l)
		}
	}
	if cents(o.TotalFee) != total || cents(o.Payment) != orders-cents(o.Discount)+cents(o.Post) || shares != cents(o.Discount) {
		t.Errorf("trade %s does not add up: %s", tid, text)
	}
	if one := len(o.Orders.Order) == 1; one && o.Orders.Order[0].Payment != o.Payment || !one && o.Num != nil {
		t.Errorf("trade %s: the shortcuts of one line are wrong: %s", tid, text)
	}
}

// TestOff: a trade can be made whose money does not add up.
func TestOff(t *testing.T) {
	t.Parallel()
	o := Trade{Lines: []Line{{Price: 1000, Num: 2}}, PostFee: 500, Off: 1}
	if o.Payment() != 2501 || o.TotalFee() != 2000 || Fen(-105).String() != "-1.05" {
		t.Errorf("payment %v, total %v", o.Payment(), o.TotalFee())
	}
}

// TestPoison: each of the ten kinds shows in fullinfo, in its row only where it is told to, and is counted.
func TestPoison(t *testing.T) {
	t.Parallel()
	truth, churn, _ := lived(9, 60, 0)
	s := New(truth, Rules{})
	tids := churn.Poison(10)
	want := slices.Clone(tids)
	slices.SortFunc(want, compareIDs)
	if diff := cmp.Diff(want, truth.Poisoned()); diff != "" || len(truth.Fullinfos()) != 50 {
		t.Errorf("poisoned (-want +got):\n%s", diff)
	}
	sound := func(body, tid string) bool {
		var answer struct {
			Root struct {
				Trade struct {
					TID      json.Number
					Payment  string
					Modified string
					Num      *int
					Orders   struct {
						Order []struct {
							OID json.Number
							Num int
						}
					}
				}
			} `json:"trade_fullinfo_get_response"`
		}
		err := json.Unmarshal([]byte(body), &answer)
		o := answer.Root.Trade
		_, errs := time.Parse(layout, o.Modified)
		return err == nil && errs == nil && o.TID.String() == tid && strings.Count(o.Payment, ",") == 0 && utf8.ValidString(body) &&
			!slices.ContainsFunc(o.Orders.Order, func(l struct {
				OID json.Number
				Num int
			}) bool {
				return l.OID == ""
			})
	}
	fields := []string{"fields", "tid,modified,payment,num,orders"}
	for i, tid := range tids {
		if body := ask(t, s, "taobao.trade.fullinfo.get", append(fields, "tid", tid)...); sound(body, tid) {
			t.Errorf("%s is sound: %.300s", Poisons()[i], body)
		}
		full, ok := truth.Fullinfo(tid)
		if !ok || full == "" {
			t.Errorf("no fullinfo of %s", tid)
		}
		truth.Amend(tid, func(o *Trade) { o.Poison = "" })
		if body := ask(t, s, "taobao.trade.fullinfo.get", append(fields, "tid", tid)...); !sound(body, tid) {
			t.Errorf("%s is not sound when healed: %.300s", Poisons()[i], body)
		}
	}
	other := churn.Poison(70) // more than there are
	if len(other) != 70 || truth.Len() < 70 {
		t.Errorf("poisoned %d of %d", len(other), truth.Len())
	}
	row := func(tid string) string {
		o, _ := truth.Trade(tid)
		at := o.Created.In(platformZone).Format(layout)
		return ask(t, s, "taobao.trades.sold.get", "fields", "tid,created,orders", "type", o.Type, "start_created", at, "end_created", at)
	}
	i := slices.IndexFunc(other, func(tid string) bool { o, _ := truth.Trade(tid); return o.Poison == LinesNotAList })
	if got := row(other[i]); strings.Contains(got, `"orders":"none"`) || !strings.Contains(got, other[i]) {
		t.Errorf("a row that is not spoiled: %.300s", got)
	}
	truth.Amend(other[i], func(o *Trade) { o.SpoilRow = true })
	if got := row(other[i]); !strings.Contains(got, `"orders":"none"`) {
		t.Errorf("a spoiled row: %.300s", got)
	}
	s.Change(func(r *Rules) { r.Mass = NotAnObject })
	if got := ask(t, s, "taobao.trade.fullinfo.get", append(fields, "tid", tids[0])...); !strings.Contains(got, `{"trade":42`) {
		t.Errorf("mass poison: %.300s", got)
	}
	truth.Create(Trade{TID: "77", Unseen: true})
	if got := read(t, s, "taobao.trade.fullinfo.get", append(fields, "tid", "77")...).problem(); got != "15 isv.trade-not-exist" {
		t.Errorf("unseen: %q", got)
	}
}

func anyRow(row) bool { return true }

// TestLagging: a list that lags is the list that was, for every list and every lag.
func TestLagging(t *testing.T) {
	t.Parallel()
	truth, churn, now := lived(11, 150, 0)
	type snapshot struct {
		at   time.Time
		rows map[which][]string
	}
	see := func(lag time.Duration) map[which][]string {
		rows := map[which][]string{}
		for _, by := range []which{created, modified, refunds} {
			for _, r := range truth.rows(by, now.Add(-40*24*time.Hour), now.Add(-lag).Add(time.Second), lag, anyRow) {
				at, id := r.place(by)
				rows[by] = append(rows[by], id+" "+at.Format(layout)+" "+r.trade.Status+" "+strconv.Itoa(r.trade.SellerFlag))
			}
		}
		return rows
	}
	var snapshots []snapshot
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		*now = now.Add(time.Duration(1+random.IntN(20)) * time.Second)
		churn.Step()
		snapshots = append(snapshots, snapshot{at: *now, rows: see(0)})
	}
	since := now.Add(-40 * 24 * time.Hour).Format(layout)
	later := func(rows map[which][]string) map[which][]string { // what the last window still holds
		kept := maps.Clone(rows)
		for by := range kept {
			kept[by] = slices.DeleteFunc(slices.Clone(kept[by]), func(row string) bool { return strings.Join(strings.Fields(row)[1:3], " ") < since })
		}
		return kept
	}
	for _, s := range snapshots {
		if diff := cmp.Diff(later(s.rows), later(see(now.Sub(s.at)))); diff != "" {
			t.Fatalf("%v ago (-was +is shown):\n%s", now.Sub(s.at), diff)
		}
	}
}

// TestShuffledTies: rows of one second come in another order each time, and in no other way.
func TestShuffledTies(t *testing.T) {
	t.Parallel()
	truth := NewTruth(noon)
	for i := range 20 {
		truth.Create(Trade{TID: strconv.Itoa(i + 10), Created: hour(1 + i/10)})
	}
	s := New(truth, Rules{ShuffleTies: true, Seed: 3})
	orders := map[string]bool{}
	for range 5 {
		ids := read(t, s, "taobao.trades.sold.get", "fields", "tid").Sold.ids("tid")
		orders[strings.Join(ids, " ")] = true
		for i, id := range ids {
			if id[0] != "2211"[i/10*2] {
				t.Errorf("ids %q", ids)
			}
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 20 {
			t.Errorf("ids %q", ids)
		}
	}
	if len(orders) < 3 {
		t.Errorf("five calls gave %d orders", len(orders))
	}
}

// TestManyTrades: every trade of 20,000 is listed and told once, from both lists; the log stays small.
func TestManyTrades(t *testing.T) {
	t.Parallel()
	truth, _, now := lived(13, 20_000, 0)
	s := New(truth, Rules{})
	types := "fixed,step,cod,tmall_i18n"
	seen := map[string]int{}
	pages := 0
	for page := 1; ; page++ {
		l := read(t, s, "taobao.trades.sold.get", "fields", "tid,modified", "type", types, "page_size", "100", "page_no", strconv.Itoa(page),
			"use_has_next", "true").Sold
		for _, tid := range l.ids("tid") {
			seen[tid]++
		}
		pages++
		if !*l.HasNext {
			break
		}
	}
	if len(seen) != 20_000 || pages != 200 {
		t.Errorf("%d trades on %d pages", len(seen), pages)
	}
	for day := now.Add(-81 * 24 * time.Hour); day.Before(*now); day = day.Add(24 * time.Hour) {
		for page := 1; ; page++ {
			l := read(t, s, "taobao.trades.sold.increment.get", "fields", "tid", "type", types, "page_size", "100", "page_no", strconv.Itoa(page),
				"start_modified", day.In(platformZone).Format(layout),
				"end_modified", day.Add(24*time.Hour-time.Second).In(platformZone).Format(layout)).Increment
			for _, tid := range l.ids("tid") {
				seen[tid]++
			}
			if page*100 >= *l.Total {
				break
			}
		}
	}
	for tid := range seen {
		if seen[tid] != 2 {
			t.Errorf("trade %s was listed %d times", tid, seen[tid])
		}
	}
	for range remembered + 100 {
		if got := read(t, s, "taobao.time.get").problem(); got != "" {
			t.Fatal(got)
		}
	}
	kept := 0
	for _, call := range s.Calls() {
		if call.Params != nil {
			kept++
		}
	}
	if kept != remembered || len(s.Strays()) > 0 || s.Count()["taobao.trades.sold.get"] != 200 {
		t.Errorf("the log keeps the parameters of %d calls; strays %q", kept, s.Strays())
	}
}

func BenchmarkList(b *testing.B) {
	truth, _, _ := lived(13, 20_000, 0)
	v := view{nick: SellerNick, in: fullinfo, fields: everything()}
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			truth.rows(created, time.Time{}, time.Time{}, 0, anyRow)
		}
	})
	b.Run("fullinfo", func(b *testing.B) {
		o := truth.all()[0]
		for b.Loop() {
			format{}.json(v.trade(o))
		}
	})
}
