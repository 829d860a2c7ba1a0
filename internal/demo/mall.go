package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"ordersync/internal/demo/truth"
	"ordersync/internal/taobao/taobaotest"
)

// mall is the merchant's other side: a shop on Taobao behind a gateway on this machine, and the trade that goes on there.
type mall struct {
	platform *taobaotest.Server
	truth    *taobaotest.Truth
	stop     func() error
	router   string
	bell     bell

	mu     sync.Mutex
	churn  *taobaotest.Churn
	random *rand.Rand
}

// underWay is how long after it was told of a ban a call may still come that had been sent before.
const underWay = 250 * time.Millisecond

// openMall fills a shop with a history and opens the gateway, for an app with that secret and a session of the shop.
func openMall(secret, session string, seed uint64) (*mall, error) {
	m := &mall{truth: taobaotest.NewTruth(nil), random: rand.New(rand.NewPCG(seed, 618))}
	m.churn = m.truth.Churn(seed)
	now := m.truth.Now().Truncate(time.Second)
	m.churn.Fill(mallSize, now.AddDate(0, 0, -mallDays), now)
	m.platform = taobaotest.New(m.truth, taobaotest.Rules{Before: func(taobaotest.Request) { m.bell.ring() }, Grace: underWay})
	m.platform.AddApp(taobaotest.App{Key: taobaotest.AppKey, Secret: secret})
	m.platform.Grant(taobaotest.Token{Access: session})
	base, stop, err := m.platform.Start()
	m.router, m.stop = base+taobaotest.Router, stop
	return m, err
}

func (m *mall) name() string { return flagship }
func (m *mall) size() int    { return m.truth.Len() }

// latest is when each trade was last changed.
func (m *mall) latest() map[string]time.Time {
	latest := map[string]time.Time{}
	for _, o := range m.truth.Trades() {
		latest[o.TID] = o.Modified
	}
	return latest
}

// says is all that the platform says of the shop now.
func (m *mall) says(context.Context) (truth.Remote, error) {
	says := truth.Mall{Source: flagship}
	for _, o := range m.truth.Trades() {
		record, _ := m.truth.Fullinfo(o.TID)
		t := truth.Trade{Record: []byte(record)}
		for _, r := range o.Refunds {
			t.Refunds = append(t.Refunds, truth.Refund{
				ID: r.ID, LineID: r.OID, Status: r.Status, Amount: r.Fee.String(), Reason: r.Reason, Created: r.Created, Modified: r.Modified,
			})
		}
		for _, p := range o.Parcels {
			parcel := truth.Parcel{Carrier: p.Company, Number: p.Number, Status: p.Status, Shipped: p.Consigned}
			for _, s := range p.Steps {
				parcel.Steps = append(parcel.Steps, truth.Step(s))
			}
			t.Parcels = append(t.Parcels, parcel)
		}
		says.Trades = append(says.Trades, t)
	}
	return says, nil
}

// trade takes orders, all in this second, and changes others of any age.
func (m *mall) trade(orders, changes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.truth.Now().Truncate(time.Second)
	m.churn.Fill(orders, now, now.Add(time.Second))
	for _, tid := range m.some(changes, func(*taobaotest.Trade) bool { return true }) {
		m.truth.Modify(tid, func(o *taobaotest.Trade) { goOn(o, now) })
	}
}

// some are the ids of so many trades of that kind.
func (m *mall) some(n int, wanted func(*taobaotest.Trade) bool) []string {
	all := m.truth.Trades()
	var tids []string
	for _, i := range m.random.Perm(len(all)) {
		if len(tids) < n && wanted(&all[i]) {
			tids = append(tids, all[i].TID)
		}
	}
	return tids
}

// flag changes so many trades in one and the same second, as sellers do with a list before them.
func (m *mall) flag(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	tids := m.some(n, func(*taobaotest.Trade) bool { return true })
	now := m.truth.Now().Truncate(time.Second)
	m.truth.BulkEdit(tids, now, func(o *taobaotest.Trade) { o.SellerMemo = "清仓 " + now.Format(time.TimeOnly) })
}

// refund gives the money for a line of so many trades back, half of it, and returns the ids of the refunds. Only the list of refunds
// tells of a quiet one: the trade's time of change stays.
func (m *mall) refund(n int, quiet bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit := m.truth.Modify
	if quiet {
		edit = m.truth.Amend
	}
	var ids []string
	owed := func(o *taobaotest.Trade) bool {
		return o.Status == taobaotest.WaitSellerSendGoods && len(o.Refunds) == 0 && !o.Paid.IsZero()
	}
	for _, tid := range m.some(n, owed) {
		edit(tid, func(o *taobaotest.Trade) {
			l := o.Lines[0]
			o.Refunds = append(o.Refunds, taobaotest.Refund{
				ID: "66" + tid[len(tid)-12:], OID: l.OID, Status: taobaotest.RefundSuccess, Fee: l.Total() / 2, Reason: "少件/漏发",
			})
			ids = append(ids, o.Refunds[0].ID)
		})
	}
	return ids
}

// poison spoils a trade, repair corrects it.
func (m *mall) poison() (tid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.churn.Poison(1)[0]
}

func (m *mall) repair(tid string) {
	m.truth.Modify(tid, func(o *taobaotest.Trade) { o.Poison = "" })
}

// goOn moves a trade on in its life.
func goOn(o *taobaotest.Trade, now time.Time) {
	switch o.Status {
	case taobaotest.WaitBuyerPay:
		switch o.StepStatus {
		case taobaotest.FrontUnpaid:
			o.StepStatus, o.StepPaid = taobaotest.FrontPaid, o.Payment()/10
			return
		case taobaotest.FrontPaid:
			o.StepStatus = taobaotest.FrontAndFinal
		}
		o.Paid = now
		enter(o, taobaotest.WaitSellerSendGoods, now)
	case taobaotest.WaitSellerSendGoods, taobaotest.SellerConsignedPart:
		send(o, now)
	case taobaotest.WaitBuyerConfirm, taobaotest.BuyerSigned:
		o.Ended = now
		enter(o, taobaotest.Finished, now)
	default:
		o.SellerMemo = "已回访 " + now.Format(time.TimeOnly)
	}
}

// enter brings a trade and all its lines that are not closed into a state.
func enter(o *taobaotest.Trade, status string, now time.Time) {
	o.Status, o.Timeout = status, time.Time{}
	for i := range o.Lines {
		l := &o.Lines[i]
		if !l.Ended.IsZero() {
			continue
		}
		l.Status = status
		if status == taobaotest.Finished {
			l.Ended = now
		}
	}
}

// send sends what is left of a trade in one parcel.
func send(o *taobaotest.Trade, now time.Time) {
	p := taobaotest.Parcel{
		Number: fmt.Sprintf("ZT%s%d", o.TID[len(o.TID)-10:], len(o.Parcels)+1), Company: "中通快递", Consigned: now, Status: taobaotest.Accepted,
		Steps: []taobaotest.Step{{At: now, Text: "商家已发货", Action: "CONSIGN"}},
	}
	for i := range o.Lines {
		if l := &o.Lines[i]; l.Status == taobaotest.WaitSellerSendGoods {
			l.Status, l.Consigned, l.Company, l.Invoice = taobaotest.WaitBuyerConfirm, now, p.Company, p.Number
			p.OIDs = append(p.OIDs, l.OID)
		}
	}
	o.Status, o.Timeout = taobaotest.WaitBuyerConfirm, now.Add(10*24*time.Hour)
	if len(p.OIDs) > 0 {
		o.Parcels, o.Consigned = append(o.Parcels, p), now
	}
}

// sendOne takes an order and sends it at once.
func (m *mall) sendOne() (tid, number string) {
	o := m.truth.Create(taobaotest.Trade{Lines: []taobaotest.Line{{Title: "龙井茶 250 克", Num: 1, Price: 16800}}})
	m.truth.Modify(o.TID, func(o *taobaotest.Trade) {
		now := m.truth.Now()
		goOn(o, now)
		goOn(o, now)
		number = o.Parcels[0].Number
	})
	return o.TID, number
}

// carry moves the parcel of a trade on. The trade does not change by it.
func (m *mall) carry(tid, status, text, action string) {
	m.truth.Amend(tid, func(o *taobaotest.Trade) {
		p := &o.Parcels[0]
		p.Status, p.Steps = status, append(p.Steps, taobaotest.Step{At: m.truth.Now(), Text: text, Action: action})
	})
}

// promotion begins or ends promotion hours, in which lists are late besides.
func (m *mall) promotion(on bool, late time.Duration) {
	m.platform.Change(func(r *taobaotest.Rules) {
		r.Promotion, r.Lag = nil, nil
		if on {
			r.Promotion = func(time.Time) bool { return true }
			r.Lag = func(taobaotest.Request) time.Duration { return late }
		}
	})
}

// handedOver reports whether one history was read to its end, and changes are followed since.
func (m *mall) handedOver(ctx context.Context, s *stage) (bool, error) {
	const done = "SELECT COUNT(*) FROM checkpoints WHERE source = ? AND watermark IS NOT NULL AND "
	history, err := s.number(ctx, done+"stream LIKE 'history %' AND window_since IS NULL", flagship)
	if err != nil {
		return false, err
	}
	changes, err := s.number(ctx, done+"stream = 'orders'", flagship)
	return history == 1 && changes == 1, err
}

// asked counts the calls so far by what they asked for.
func (m *mall) asked() string {
	counts := m.platform.Count()
	list := make([]string, 0, len(counts))
	for _, about := range [...]struct{ method, name string }{
		{"taobao.trades.sold.get", "lists by creation"}, {"taobao.trades.sold.increment.get", "lists by change"},
		{"taobao.refunds.receive.get", "lists of refunds"}, {"taobao.trade.fullinfo.get", "trades"}, {"taobao.refund.get", "refunds"},
		{"taobao.logistics.trace.search", "parcels"},
	} {
		list = append(list, number(counts[about.method])+" for "+about.name)
	}
	return strings.Join(list, ", ")
}

// ban takes an order, and bans the app for so many seconds when it is asked for.
func (m *mall) ban(seconds int) {
	tid := m.truth.Create(taobaotest.Trade{}).TID
	var once sync.Once
	m.platform.Change(func(r *taobaotest.Rules) {
		r.Fault = func(r taobaotest.Request) (fault *taobaotest.Fault) {
			if r.TID == tid {
				once.Do(func() { fault = new(taobaotest.Limited(seconds, taobaotest.DynamicCount)) })
			}
			return fault
		}
	})
}

// silence is how many calls came during the last ban, but for those that were under way when it was told, and how long after its
// beginning the first one came that was let through.
func (m *mall) silence() (during int, after time.Duration) {
	var begun time.Time
	for _, c := range m.platform.Calls() {
		switch {
		case c.Code == banned && !c.Banned:
			begun, during, after = c.At, 0, 0
		case begun.IsZero() || c.At.Sub(begun) < underWay || after > 0:
		case c.Banned:
			during++
		default:
			after = c.At.Sub(begun)
		}
	}
	return during, after
}

// banned is the gateway's code for a call that came too soon.
const banned = 7
