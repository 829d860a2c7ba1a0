package taobaotest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// longestLag is how far back a list can be made to see.
const longestLag = 2 * time.Hour

// Truth is what one shop has: its trades with refunds and parcels. It is safe for many goroutines. Every change is kept with its moment, so
// that lagging lists can serve the past.
type Truth struct {
	now func() time.Time

	mu     sync.Mutex
	nick   string
	next   int64
	writes int
	trades map[string]*history
	// The lists, oldest first.
	byCreated, byModified, byRefund index
	// changes are those of the last longestLag, oldest first.
	changes []change
}

// history is one trade with all its versions, the last is what it is now. Versions never change.
type history struct {
	tid      string
	versions []version
}

type version struct {
	at    time.Time
	trade *Trade
}

type change struct {
	at      time.Time
	history *history
}

func (h *history) now() *Trade { return h.versions[len(h.versions)-1].trade }

// then is the version of a moment, nil before the first.
func (h *history) then(moment time.Time) *Trade {
	for _, v := range slices.Backward(h.versions) {
		if !v.at.After(moment) {
			return v.trade
		}
	}
	return nil
}

// NewTruth returns an empty shop with its own clock; nil: time.Now.
func NewTruth(now func() time.Time) *Truth {
	if now == nil {
		now = time.Now
	}
	return &Truth{now: now, nick: SellerNick, next: 3_141_592_653_589_793_001, trades: map[string]*history{}}
}

// Now is the shop's clock.
func (t *Truth) Now() time.Time { return t.now().UTC() }

// Nick is the seller's name: SellerNick, or as AddShop says.
func (t *Truth) Nick() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nick
}

// id returns a number that no trade, line or add-on has. Neighbours differ by less than a float can tell.
func (t *Truth) id() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	return strconv.FormatInt(t.next-1, 10)
}

// Create adds a trade. What is empty is filled in: ids (a line's is the trade's where there is one line and no add-on), the type fixed, the
// state WAIT_BUYER_PAY, one line of goods, now (to the second) as the time of creation and of change.
func (t *Truth) Create(o Trade) Trade {
	o = o.clone()
	now := t.Now()
	o.TID = cmp.Or(o.TID, t.id())
	o.Type, o.Status = cmp.Or(o.Type, "fixed"), cmp.Or(o.Status, WaitBuyerPay)
	o.ShippingType, o.TradeFrom = cmp.Or(o.ShippingType, "express"), cmp.Or(o.TradeFrom, "WAP,WAP")
	if o.Created.IsZero() {
		o.Created = now
	}
	if o.Modified.IsZero() {
		o.Modified = o.Created
	}
	if len(o.Lines) == 0 {
		o.Lines = []Line{{Title: "测试商品", Price: 11000, Num: 1}}
	}
	for i := range o.Lines {
		l := &o.Lines[i]
		if l.OID == "" && len(o.Lines) == 1 && len(o.AddOns) == 0 {
			l.OID = o.TID
		}
		l.OID, l.NumIID = cmp.Or(l.OID, t.id()), cmp.Or(l.NumIID, "520000000001")
		l.Num, l.Status = cmp.Or(l.Num, 1), cmp.Or(l.Status, lineStatus(o.Status))
	}
	for i := range o.AddOns {
		a := &o.AddOns[i]
		a.OID, a.ItemOID, a.Num = cmp.Or(a.OID, t.id()), cmp.Or(a.ItemOID, o.Lines[0].OID), cmp.Or(a.Num, 1)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := now
	if o.Modified.Before(now) {
		at = o.Modified // it has been there since, also for those who lag
	}
	return t.write(o, at, now).clone()
}

// lineStatus is the state of a line in a trade of that state.
func lineStatus(status string) string {
	if status == SellerConsignedPart {
		return WaitSellerSendGoods
	}
	return status
}

// Modify changes a trade and moves its time of change to now, to the second. Refunds that changed move too, unless the change moved them
// itself. It reports whether the trade is there.
func (t *Truth) Modify(tid string, change func(*Trade)) bool {
	return t.edit([]string{tid}, t.Now(), change) == 1
}

// Amend changes a trade without moving its time of change: the trace of a parcel, a refund that only its own list tells of. Refunds that
// changed move.
func (t *Truth) Amend(tid string, change func(*Trade)) bool {
	return t.edit([]string{tid}, time.Time{}, change) == 1
}

// BulkEdit changes many trades at one moment: their times of change are equal.
func (t *Truth) BulkEdit(tids []string, at time.Time, change func(*Trade)) int {
	return t.edit(tids, at, change)
}

func (t *Truth) edit(tids []string, modified time.Time, change func(*Trade)) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, now := 0, t.now()
	for _, tid := range tids {
		h := t.trades[tid]
		if h == nil {
			continue
		}
		o := h.now().clone()
		if !modified.IsZero() {
			o.Modified = modified
		}
		if change != nil {
			change(&o)
		}
		o.TID = tid
		moveRefunds(h.now().Refunds, o.Refunds, cmp.Or(modified, now))
		t.write(o, now, now)
		n++
	}
	return n
}

// moveRefunds moves what changed between two lists of refunds to a moment.
func moveRefunds(before, after []Refund, at time.Time) {
	for i := range after {
		r := &after[i]
		j := slices.IndexFunc(before, func(old Refund) bool { return old.ID == r.ID })
		if r.Created.IsZero() {
			r.Created = at
		}
		if j < 0 && r.Modified.IsZero() || j >= 0 && *r != before[j] && r.Modified.Equal(before[j].Modified) {
			r.Modified = at
		}
	}
}

func (t *Truth) lists() [3]*index {
	return [...]*index{created: &t.byCreated, modified: &t.byModified, refunds: &t.byRefund}
}

// write makes o the newest version of its trade, from at on.
func (t *Truth) write(o Trade, at, now time.Time) *Trade {
	t.writes++
	o = o.clone()
	settle(&o)
	h := t.trades[o.TID]
	if h == nil {
		h = &history{tid: o.TID}
		t.trades[o.TID] = h
	} else {
		for by, x := range t.lists() {
			x.remove(which(by), h)
		}
	}
	h.versions = append(h.versions, version{at: at, trade: &o})
	for by, x := range t.lists() {
		x.insert(which(by), h)
	}
	if now.Sub(at) > longestLag {
		return &o
	}
	i, _ := slices.BinarySearchFunc(t.changes, at, func(c change, at time.Time) int {
		if c.at.After(at) {
			return 1
		}
		return -1
	})
	t.changes = slices.Insert(t.changes, i, change{at: at, history: h})
	if n := len(t.changes); n > 1024 && now.Sub(t.changes[n/2].at) > longestLag {
		t.changes = slices.Clone(t.changes[n/2:])
	}
	return &o
}

// settle cuts all times to seconds, which is all that the platform knows.
func settle(t *Trade) {
	for _, at := range []*time.Time{&t.Created, &t.Modified, &t.Paid, &t.Consigned, &t.Ended, &t.Timeout} {
		*at = at.UTC().Truncate(time.Second)
	}
	for i := range t.Lines {
		l := &t.Lines[i]
		l.Consigned, l.Ended = l.Consigned.UTC().Truncate(time.Second), l.Ended.UTC().Truncate(time.Second)
	}
	for i := range t.Refunds {
		r := &t.Refunds[i]
		r.Created, r.Modified = r.Created.UTC().Truncate(time.Second), r.Modified.UTC().Truncate(time.Second)
	}
	for i := range t.Parcels {
		p := &t.Parcels[i]
		p.Consigned = p.Consigned.UTC().Truncate(time.Second)
		for j := range p.Steps {
			p.Steps[j].At = p.Steps[j].At.UTC().Truncate(time.Second)
		}
	}
}

// Trade returns a trade as it is now.
func (t *Truth) Trade(tid string) (Trade, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.trades[tid]
	if h == nil {
		return Trade{}, false
	}
	return h.now().clone(), true
}

// Trades returns all trades as they are now, by tid: what a perfect copy would hold.
func (t *Truth) Trades() []Trade {
	list := t.all()
	trades := make([]Trade, len(list))
	for i, o := range list {
		trades[i] = o.clone()
	}
	return trades
}

// all returns all trades as they are now, by tid. They must not be changed.
func (t *Truth) all() []*Trade {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Trade, 0, len(t.trades))
	for _, h := range t.trades {
		list = append(list, h.now())
	}
	slices.SortFunc(list, func(a, b *Trade) int { return compareIDs(a.TID, b.TID) })
	return list
}

// Len is the number of trades.
func (t *Truth) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.trades)
}

// Writes counts the changes so far.
func (t *Truth) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// Fullinfo is the JSON object of a trade as fullinfo says it now when all fields are asked for, outside promotion hours, poison and all.
func (t *Truth) Fullinfo(tid string) (string, bool) { return t.fullinfo(tid, everything()) }

// FullinfoOf is the same when these fields are asked for: byte for byte what a gateway without rules about writing sends.
func (t *Truth) FullinfoOf(tid, fields string) (string, bool) {
	return t.fullinfo(tid, readFields(fields))
}

func (t *Truth) fullinfo(tid string, asked *fields) (string, bool) {
	o := t.trade(tid)
	if o == nil {
		return "", false
	}
	return format{}.json(view{nick: t.Nick(), in: fullinfo, fields: asked}.trade(o)), true
}

// Fullinfos are the JSON objects of all trades by tid, but for the poisoned ones.
func (t *Truth) Fullinfos() map[string]string {
	v := view{nick: t.Nick(), in: fullinfo, fields: everything()}
	objects := map[string]string{}
	for _, o := range t.all() {
		if !o.Poison.deadly() {
			objects[o.TID] = format{}.json(v.trade(o))
		}
	}
	return objects
}

// Poisoned are the tids of the trades that cannot be understood, by tid.
func (t *Truth) Poisoned() []string {
	tids := []string{}
	for _, o := range t.all() {
		if o.Poison.deadly() {
			tids = append(tids, o.TID)
		}
	}
	return tids
}

func (p Poison) deadly() bool { return slices.Contains(Poisons(), p) }

// Refunds returns the refunds of a trade, oldest first; those of all trades where tid is empty.
func (t *Truth) Refunds(tid string) []Refund {
	refunds := []Refund{}
	for _, o := range t.all() {
		if tid == "" || tid == o.TID {
			refunds = append(refunds, o.Refunds...)
		}
	}
	return refunds
}

// Parcels returns the parcels of a trade with their traces.
func (t *Truth) Parcels(tid string) []Parcel {
	o, _ := t.Trade(tid)
	return o.Parcels
}

// row is what a list shows: a trade, or one of its refunds.
type row struct {
	trade  *Trade
	refund *Refund
}

// place is where a row stands in a list.
func (r row) place(by which) (at time.Time, id string) {
	switch by {
	case created:
		return r.trade.Created, r.trade.TID
	case modified:
		return r.trade.Modified, r.trade.TID
	default:
		return r.refund.Modified, r.refund.ID
	}
}

// which says by what a list filters and sorts.
type which int

const (
	created which = iota
	modified
	refunds
)

// rows returns what lies in [since, until) and is wanted, newest first, as it was so long ago. Zero bounds are open.
func (t *Truth) rows(by which, since, until time.Time, lag time.Duration, wanted func(row) bool) []row {
	t.mu.Lock()
	defer t.mu.Unlock()
	inside := t.lists()[by].span(since, until)
	late := map[*history]bool{}
	moment := t.now().Add(-lag)
	for _, c := range slices.Backward(t.changes) {
		if lag <= 0 || !c.at.After(moment) {
			break
		}
		late[c.history] = true
	}
	rows := make([]row, 0, len(inside))
	for _, e := range slices.Backward(inside) {
		if (len(late) == 0 || !late[e.history]) && wanted(e.row) {
			rows = append(rows, e.row)
		}
	}
	if len(late) == 0 {
		return rows
	}
	for h := range late {
		o := h.then(moment)
		if o == nil {
			continue
		}
		for _, r := range rowsOf(by, o) {
			at, _ := r.place(by)
			if (since.IsZero() || !at.Before(since)) && (until.IsZero() || at.Before(until)) && wanted(r) {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		first, one := a.place(by)
		second, other := b.place(by)
		return cmp.Or(second.Compare(first), compareIDs(other, one))
	})
	return rows
}

// rowsOf are the rows that a trade has in a list.
func rowsOf(by which, o *Trade) []row {
	if by != refunds {
		return []row{{trade: o}}
	}
	rows := make([]row, len(o.Refunds))
	for i := range o.Refunds {
		rows[i] = row{trade: o, refund: &o.Refunds[i]}
	}
	return rows
}

// refund finds a refund.
func (t *Truth) refund(id string) (*Trade, *Refund) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.byRefund {
		if e.id == id {
			return e.row.trade, e.row.refund
		}
	}
	return nil, nil
}

// trade finds a trade, which must not be changed.
func (t *Truth) trade(tid string) *Trade {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.trades[tid]; h != nil {
		return h.now()
	}
	return nil
}

// index is a list by a time, oldest first.
type index []entry

type entry struct {
	at      int64
	id      string
	row     row
	history *history
}

func (e entry) compare(o entry) int { return cmp.Or(cmp.Compare(e.at, o.at), compareIDs(e.id, o.id)) }

// insert adds the rows of a history's newest version.
func (x *index) insert(by which, h *history) {
	for _, r := range rowsOf(by, h.now()) {
		at, id := r.place(by)
		e := entry{at: at.Unix(), id: id, row: r, history: h}
		i, _ := slices.BinarySearchFunc(*x, e, entry.compare)
		*x = slices.Insert(*x, i, e)
	}
}

// remove takes them out again.
func (x *index) remove(by which, h *history) {
	for _, r := range rowsOf(by, h.now()) {
		at, id := r.place(by)
		if i, found := slices.BinarySearchFunc(*x, entry{at: at.Unix(), id: id}, entry.compare); found {
			*x = slices.Delete(*x, i, i+1)
		}
	}
}

// span is the part in [since, until); zero bounds are open.
func (x *index) span(since, until time.Time) []entry {
	from, to := 0, len(*x)
	if !since.IsZero() {
		from, _ = slices.BinarySearchFunc(*x, entry{at: since.Unix()}, entry.compare)
	}
	if !until.IsZero() {
		to, _ = slices.BinarySearchFunc(*x, entry{at: until.Unix()}, entry.compare)
	}
	return (*x)[from:max(from, to)]
}

// compareIDs orders numeric ids as numbers.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}
