package taobaotest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Churn changes a truth as a shop's life does, repeatably: the same seed, clock and calls give the same trades. It is safe for many
// goroutines, so that it can run in Rules.Before.
type Churn struct {
	// Quiet lets some changes of refunds leave the trade's time of change alone.
	Quiet bool
	// Plain keeps trades to the usual kind: paid at once, goods alone, one parcel.
	Plain bool

	truth  *Truth
	mu     sync.Mutex
	random *rand.Rand
	tids   []string
}

// Churn returns a life of the shop.
func (t *Truth) Churn(seed uint64) *Churn {
	c := &Churn{truth: t, random: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
	for _, o := range t.all() {
		c.tids = append(c.tids, o.TID)
	}
	return c
}

// Fill creates n trades at random seconds of [since, until), each as far in its life as its age lets it be; a tenth of them share a second with
// the one before.
func (c *Churn) Fill(n int, since, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := since
	for i := range n {
		if i == 0 || c.random.IntN(10) > 0 {
			at = since.Add(time.Duration(c.random.Int64N(max(int64(until.Sub(since)), 1)))).Truncate(time.Second)
		}
		o := c.trade(at)
		for now := at.Add(c.while()); now.Before(until) && c.random.IntN(8) > 0; now = now.Add(c.while()) {
			switch {
			case c.random.IntN(8) == 0:
				c.claim(&o, now)
			case c.random.IntN(3) == 0:
				c.move(&o, now)
				continue
			default:
				c.advance(&o, now)
			}
			o.Modified = now
		}
		c.truth.Create(o)
		c.tids = append(c.tids, o.TID)
	}
}

// while is how long a trade stays as it is: minutes or days.
func (c *Churn) while() time.Duration {
	if c.random.IntN(2) == 0 {
		return time.Duration(1+c.random.IntN(120)) * time.Minute
	}
	return time.Duration(1+c.random.IntN(96)) * time.Hour
}

// Step makes one change and says what it did.
func (c *Churn) Step() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tids) == 0 {
		return c.create()
	}
	tid, now := c.tids[c.random.IntN(len(c.tids))], c.truth.Now()
	switch n := c.random.IntN(100); {
	case n < 25:
		return c.create()
	case n < 65:
		c.truth.Modify(tid, func(o *Trade) { c.advance(o, now) })
		return "advance " + tid
	case n < 72:
		c.truth.Modify(tid, func(o *Trade) { o.SellerMemo = "memo " + strconv.Itoa(c.random.IntN(1000)) })
		return "memo " + tid
	case n < 82:
		return c.refund(tid, now)
	case n < 92:
		c.truth.Amend(tid, func(o *Trade) { c.move(o, now) })
		return "parcel " + tid
	}
	return c.bulk(now)
}

func (c *Churn) create() string {
	tid := c.truth.Create(c.trade(c.truth.Now().Truncate(time.Second))).TID
	c.tids = append(c.tids, tid)
	return "create " + tid
}

// bulk flags up to fifty trades at one second.
func (c *Churn) bulk(now time.Time) string {
	n := 1 + c.random.IntN(min(50, len(c.tids)))
	tids := make([]string, 0, n)
	for _, i := range c.random.Perm(len(c.tids))[:n] {
		tids = append(tids, c.tids[i])
	}
	flag := c.random.IntN(6)
	c.truth.BulkEdit(tids, now.Truncate(time.Second), func(o *Trade) { o.SellerFlag = flag })
	return fmt.Sprintf("flag %d at once", n)
}

// Poison spoils n trades with the ten kinds in turn, and returns their tids: trades with two lines, so that nothing says on the side what is
// spoiled. It makes the trades where there are too few. Each moves to now.
func (c *Churn) Poison(n int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	tids := make([]string, 0, n)
	for _, i := range c.random.Perm(len(c.tids)) {
		if o := c.truth.trade(c.tids[i]); len(tids) < n && len(o.Lines) > 1 && o.Poison == "" {
			tids = append(tids, o.TID)
		}
	}
	for len(tids) < n {
		o := c.trade(c.truth.Now().Truncate(time.Second))
		o.Lines = append(o.Lines[:1], c.line(o.Status))
		tids = append(tids, c.truth.Create(o).TID)
		c.tids = append(c.tids, o.TID)
	}
	for i, tid := range tids {
		c.truth.Modify(tid, func(o *Trade) { o.Poison = Poisons()[i%len(Poisons())] })
	}
	return tids
}

// trade makes a trade as it is when it begins.
func (c *Churn) trade(at time.Time) Trade {
	buyer := 1 + c.random.IntN(500)
	places := [][]string{{"浙江省", "杭州市", "西湖区"}, {"广东省", "深圳市", "南山区"}, {"上海", "上海市", "浦东新区"}, {"湖北省", "", "仙桃市"}}
	place := places[c.random.IntN(len(places))]
	o := Trade{
		TID: c.truth.id(), Type: "fixed", Status: WaitBuyerPay, Created: at, Modified: at, Timeout: at.Add(24 * time.Hour),
		BuyerNick: "买家" + strconv.Itoa(buyer), BuyerOpenUID: fmt.Sprintf("AAF%05d", buyer), TradeFrom: "WAP,WAP", ShippingType: "express",
		Receiver: Receiver{
			Name: "王小明", State: place[0], City: place[1], District: place[2], Address: "文一西路" + strconv.Itoa(1+buyer) + "号",
			Zip: "310000", Mobile: fmt.Sprintf("138%08d", c.random.IntN(100_000_000)),
		},
		OAID: fmt.Sprintf("1%016x", c.random.Uint64()), PostFee: Fen(c.random.IntN(3) * 500),
	}
	for range []int{1, 1, 1, 2, 3}[c.random.IntN(5)] {
		o.Lines = append(o.Lines, c.line(o.Status))
	}
	if len(o.Lines) > 1 && c.random.IntN(2) == 0 {
		o.Discount = Fen(1 + c.random.IntN(300))
		o.Promotions = []Promotion{{ID: o.TID, Name: "店铺优惠", PromotionID: "shopbonus-1", Discount: o.Discount}}
	}
	if c.random.IntN(10) == 0 {
		o.BuyerMessage = "请尽快发货 " + strconv.Itoa(c.random.IntN(100))
	}
	if !c.Plain {
		c.special(&o)
	}
	if len(o.Lines) == 1 && len(o.AddOns) == 0 {
		o.Lines[0].OID = o.TID
	}
	return o
}

// special makes some trades of a rarer kind.
func (c *Churn) special(o *Trade) {
	switch c.random.IntN(20) {
	case 0:
		o.Type, o.StepStatus = "step", FrontUnpaid
	case 1:
		o.Type, o.Status, o.CODStatus, o.CODFee = "cod", WaitSellerSendGoods, CODNew, 300
		for i := range o.Lines {
			o.Lines[i].Status = o.Status
		}
	case 2:
		o.AddOns = []AddOn{{OID: c.truth.id(), ItemOID: o.Lines[0].OID, Title: "上门安装", Num: 1}}
	case 3:
		o.Type = "tmall_i18n" // not among the types that lists show unless they are named
	}
}

func (c *Churn) line(status string) Line {
	sku := 1 + c.random.IntN(90)
	l := Line{
		OID: c.truth.id(), Title: "商品 " + strconv.Itoa(sku) + " / 新品", NumIID: strconv.Itoa(520_000_000_000 + sku), Num: 1 + c.random.IntN(5),
		Price: Fen(1000 + c.random.IntN(20_000)), OuterIID: fmt.Sprintf("ITEM-%03d", sku), Status: status,
	}
	if sku%3 > 0 {
		l.SKUID, l.SKU = strconv.Itoa(4_000_000_000_000+sku), "颜色:红色;尺码:"+strconv.Itoa(sku%5)
		l.OuterSKU = fmt.Sprintf("SKU-%03d", sku)
	}
	if c.random.IntN(8) == 0 {
		l.Discount = Fen(c.random.IntN(500))
	}
	if c.random.IntN(12) == 0 {
		l.Adjust = -Fen(c.random.IntN(300))
	}
	return l
}

// advance moves a trade on in its life.
func (c *Churn) advance(o *Trade, now time.Time) {
	switch o.Status {
	case WaitBuyerPay:
		c.pay(o, now)
	case WaitSellerSendGoods, SellerConsignedPart:
		c.ship(o, now)
	case WaitBuyerConfirm, BuyerSigned:
		if o.Type == "cod" && o.Status == WaitBuyerConfirm {
			o.Status, o.CODStatus = BuyerSigned, CODSigned
			return
		}
		closeTrade(o, Finished, now)
		o.Received = o.Payment() - o.Refunded()
	default:
		o.SellerMemo = "looked at again " + strconv.Itoa(c.random.IntN(1000))
	}
}

func (c *Churn) pay(o *Trade, now time.Time) {
	switch {
	case o.StepStatus == FrontUnpaid:
		o.StepStatus, o.StepPaid = FrontPaid, o.Payment()/10
		return
	case o.StepStatus == "" && c.random.IntN(6) == 0:
		closeTrade(o, ClosedByTaobao, now)
		return
	case o.StepStatus == FrontPaid:
		o.StepStatus = FrontAndFinal
	}
	o.Paid, o.Status, o.Timeout = now, WaitSellerSendGoods, time.Time{}
	for i := range o.Lines {
		o.Lines[i].Status = o.Status
	}
}

// close ends a trade with all lines that are not closed yet.
func closeTrade(t *Trade, status string, now time.Time) {
	t.Status, t.Ended, t.Timeout = status, now, time.Time{}
	for i := range t.Lines {
		if l := &t.Lines[i]; l.Ended.IsZero() {
			l.Status, l.Ended = status, now
		}
	}
}

// ship sends all that is left, or the first line of several.
func (c *Churn) ship(o *Trade, now time.Time) {
	p := Parcel{
		Number: "ZT" + o.TID[len(o.TID)-10:] + strconv.Itoa(len(o.Parcels)+1), Company: "中通快递", Consigned: now, Status: Accepted,
		Steps: []Step{{At: now, Text: "物流公司已接单", Action: "ACCEPT"}},
	}
	part := !c.Plain && o.Status == WaitSellerSendGoods && c.random.IntN(3) == 0
	left := 0
	for i := range o.Lines {
		l := &o.Lines[i]
		switch {
		case l.Status != WaitSellerSendGoods:
		case part && len(p.OIDs) > 0:
			left++
		default:
			l.Status, l.Consigned, l.Company, l.Invoice = WaitBuyerConfirm, now, p.Company, p.Number
			p.OIDs = append(p.OIDs, l.OID)
		}
	}
	if len(p.OIDs) == 0 {
		return
	}
	o.Parcels, o.Consigned, o.Timeout = append(o.Parcels, p), now, now.Add(10*24*time.Hour)
	o.Status = WaitBuyerConfirm
	if left > 0 {
		o.Status = SellerConsignedPart
	}
}

// move moves one parcel on.
func (c *Churn) move(o *Trade, now time.Time) {
	if len(o.Parcels) == 0 {
		return
	}
	p := &o.Parcels[c.random.IntN(len(o.Parcels))]
	step := Step{At: now}
	switch {
	case p.Status == Signed || p.Status == Rejected:
		return
	case p.Status == Accepted:
		p.Status, step.Text, step.Action = Collected, "快件已揽收", "TMS_COLLECT"
	case len(p.Steps) < 4:
		step.Text, step.Action = "快件到达转运中心 "+strconv.Itoa(len(p.Steps)), "TMS_TRANSPORT"
	case c.random.IntN(20) == 0:
		p.Status, step.Text, step.Action = Rejected, "收件人拒绝签收", "TMS_FAILED"
	default:
		p.Status, step.Text, step.Action = Signed, "快件已签收", "TMS_SIGN"
	}
	p.Steps = append(p.Steps, step)
}

// refund changes the refunds of a trade, now and then without moving the trade.
func (c *Churn) refund(tid string, now time.Time) string {
	edit := c.truth.Modify
	if c.Quiet && c.random.IntN(3) == 0 {
		edit = c.truth.Amend
	}
	edit(tid, func(o *Trade) { c.claim(o, now) })
	return "refund " + tid
}

// claim moves the refund on that is open, or opens one of a line that was paid for.
func (c *Churn) claim(o *Trade, now time.Time) {
	i := slices.IndexFunc(o.Refunds, func(r Refund) bool { return r.Status != RefundSuccess && r.Status != RefundClosed })
	if i >= 0 {
		c.decide(o, &o.Refunds[i], now)
		return
	}
	l := slices.IndexFunc(o.Lines, func(l Line) bool { _, refunded := o.RefundOf(l.OID); return !refunded })
	if o.Paid.IsZero() || l < 0 {
		return
	}
	fee := o.Lines[l].Total() - o.shares()[l]
	if c.random.IntN(3) == 0 {
		fee = max(1, fee/2)
	}
	o.Refunds = append(o.Refunds, Refund{
		ID: "88" + o.TID[len(o.TID)-12:] + strconv.Itoa(10+len(o.Refunds)), OID: o.Lines[l].OID, Status: WaitSellerAgree, Fee: fee,
		Reason: "七天无理由退换货", Created: now, Modified: now,
	})
}

// decide moves a refund on. What is given back in full closes its line, and with the last line the trade.
func (c *Churn) decide(o *Trade, r *Refund, now time.Time) {
	next := map[string][]string{
		WaitSellerAgree: {RefundSuccess, WaitBuyerReturn, SellerRefuse, RefundSuccess}, SellerRefuse: {RefundClosed, WaitSellerAgree},
		WaitBuyerReturn: {WaitSellerGoods}, WaitSellerGoods: {RefundSuccess},
	}[r.Status]
	r.Status, r.Modified = next[c.random.IntN(len(next))], now
	r.GoodsReturned = r.GoodsReturned || r.Status == WaitSellerGoods
	if r.Status != RefundSuccess {
		return
	}
	i := slices.IndexFunc(o.Lines, func(l Line) bool { return l.OID == r.OID })
	if r.Fee < o.Lines[i].Total()-o.shares()[i] {
		return
	}
	o.Lines[i].Status, o.Lines[i].Ended = Closed, now
	has := func(status string) bool {
		return slices.ContainsFunc(o.Lines, func(l Line) bool { return l.Status == status })
	}
	switch {
	case !o.Ended.IsZero():
	case !has(WaitSellerSendGoods) && !has(WaitBuyerConfirm):
		closeTrade(o, Closed, now)
	case !has(WaitSellerSendGoods):
		o.Status = WaitBuyerConfirm // nothing is left to be sent
	}
}

// Storm returns a Rules.Fault that spoils perHundred of a hundred calls of the gateway, each by something that passes: 502, pages for people, cut
// bodies, resets, slow answers, isp errors, bans of one to five seconds and, for lists, isv.trade-service-rejection. It is repeatable by the
// calls' numbers.
func Storm(seed uint64, perHundred int) func(Request) *Fault {
	return func(r Request) *Fault {
		random := rand.New(rand.NewPCG(seed, uint64(r.N)))
		if r.Method == "" || r.Method[0] == '/' || random.IntN(100) >= perHundred {
			return nil
		}
		switch random.IntN(10) {
		case 0:
			return new(BadGateway())
		case 1:
			return new(HTML())
		case 2:
			return new(Cut(1+random.IntN(60), random.IntN(2) == 0))
		case 3:
			return new(Reset())
		case 4:
			return new(Slow(time.Duration(random.IntN(5000)) * time.Millisecond))
		case 5:
			return new(Limited(1+random.IntN(5), []string{AppAPICount, DynamicCount, AppCount}[random.IntN(3)]))
		case 6:
			if _, list := listMethods()[r.Method]; list {
				return new(TooHeavy())
			}
			return new(Error(10, "Service Currently Unavailable", "", ""))
		default:
			subCodes := retryable()
			return new(Isp(subCodes[random.IntN(len(subCodes))]))
		}
	}
}

func listMethods() map[string]bool {
	return map[string]bool{"taobao.trades.sold.get": true, "taobao.trades.sold.increment.get": true, "taobao.refunds.receive.get": true}
}
