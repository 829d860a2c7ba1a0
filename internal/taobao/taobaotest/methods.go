package taobaotest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// method is one method of the gateway.
type method struct {
	session bool
	answer  func(*Server, *call) (*node, *failure)
}

// methods are those that the gateway knows, by name.
func methods() map[string]method {
	return map[string]method{
		"taobao.trades.sold.get":           {session: true, answer: (*Server).soldGet},
		"taobao.trades.sold.increment.get": {session: true, answer: (*Server).incrementGet},
		"taobao.trade.fullinfo.get":        {session: true, answer: (*Server).fullinfoGet},
		"taobao.refunds.receive.get":       {session: true, answer: (*Server).refundsGet},
		"taobao.refund.get":                {session: true, answer: (*Server).refundGet},
		"taobao.logistics.trace.search":    {session: true, answer: (*Server).traceSearch},
		"taobao.time.get":                  {answer: (*Server).timeGet},
		"taobao.top.auth.token.create":     {answer: (*Server).tokenCreate},
		"taobao.top.auth.token.refresh":    {answer: (*Server).tokenRefresh},
	}
}

func missing(name string) *failure {
	return &failure{code: 40, msg: "Missing required arguments:" + name, subCode: "isv.missing-parameter:" + name}
}

func invalid(name string) *failure {
	return &failure{code: 41, msg: "Invalid arguments:" + name, subCode: "isv.invalid-parameter:" + name}
}

func remote(subCode, subMsg string) *failure {
	return &failure{code: 15, msg: "Remote service error", subCode: subCode, subMsg: subMsg}
}

func (s *Server) timeGet(c *call) (*node, *failure) {
	n := object()
	n.add("time", moment(s.clock(c)))
	return n, nil
}

// listing is one call of a list.
type listing struct {
	by         which
	inner      string // outer is its plural
	in         rune
	since      time.Time
	until      time.Time
	page, size int
}

func (s *Server) soldGet(c *call) (*node, *failure) {
	return s.list(c, listing{by: created, inner: "trade", in: soldGet}, "start_created", "end_created")
}

func (s *Server) incrementGet(c *call) (*node, *failure) {
	for _, name := range []string{"start_modified", "end_modified"} {
		if c.params.value(name) == "" {
			return nil, missing(name)
		}
	}
	return s.list(c, listing{by: modified, inner: "trade", in: increment}, "start_modified", "end_modified")
}

func (s *Server) refundsGet(c *call) (*node, *failure) {
	return s.list(c, listing{by: refunds, inner: "refund", in: soldGet}, "start_modified", "end_modified")
}

func (s *Server) list(c *call, l listing, start, end string) (*node, *failure) {
	if c.params.value("fields") == "" {
		return nil, missing("fields")
	}
	if problem := l.read(c, start, end); problem != nil {
		return nil, problem
	}
	if widest := cmp.Or(c.rules.Widest, 24*time.Hour); l.by == modified && l.until.Sub(l.since) > widest {
		problem := invalid(end)
		if c.rules.SpanIs15 {
			problem = remote(problem.subCode, "the span of modified is too long")
		}
		return nil, problem
	}
	rows := s.rows(c, l)
	if c.rules.HeavyRows > 0 && len(rows) > c.rules.HeavyRows || c.rules.HeavySpan > 0 && l.until.Sub(l.since) > c.rules.HeavySpan {
		f := TooHeavy()
		return nil, remote(f.SubCode, f.SubMsg)
	}
	if c.rules.LastPage > 0 && l.page > c.rules.LastPage {
		return nil, remote("isv.invalid-parameter:page_no", "the page is too far")
	}
	return s.page(c, l, rows), nil
}

// read reads span and place.
func (l *listing) read(c *call, start, end string) *failure {
	var ok bool
	if l.since, ok = instant(c.params.value(start)); !ok {
		return invalid(start)
	}
	if l.until, ok = instant(c.params.value(end)); !ok {
		return invalid(end)
	}
	open := l.since.IsZero() || l.until.IsZero()
	if !open && (l.until.Before(l.since) || l.by == modified && l.until.Equal(l.since)) {
		return invalid(end)
	}
	l.page, l.size = 1, 40
	for name, n := range map[string]*int{"page_no": &l.page, "page_size": &l.size} {
		if value := c.params.value(name); value != "" {
			var err error
			if *n, err = strconv.Atoi(value); err != nil || *n < 1 {
				return invalid(name)
			}
		}
	}
	if l.size > 100 {
		if !c.rules.ClampSize {
			return invalid("page_size")
		}
		l.size = 100
	}
	return nil
}

// instant reads a time; a bare date is its midnight, nothing is zero.
func instant(text string) (t time.Time, ok bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, l := range []string{layout, time.DateOnly} {
		if t, err := time.ParseInLocation(l, text, platformZone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// rows are all rows that a list shows, newest first.
func (s *Server) rows(c *call, l listing) []row {
	since, until := l.since, l.until
	if !since.IsZero() && c.rules.SinceExclusive {
		since = since.Add(time.Second)
	}
	if !until.IsZero() && !c.rules.UntilExclusive {
		until = until.Add(time.Second)
	}
	types, statuses := l.types(c.params.value("type")), states(c.params.value("status"))
	oldest := c.oldest()
	rows := c.truth.rows(l.by, since, until, s.lag(c), func(r row) bool {
		status := r.trade.Status
		if r.refund != nil {
			status = r.refund.Status
		}
		return types[r.trade.Type] && (len(statuses) == 0 || slices.Contains(statuses, status)) &&
			(r.refund != nil || !r.trade.Created.Before(oldest))
	})
	if c.rules.ShuffleTies {
		random := rand.New(rand.NewPCG(c.rules.Seed, uint64(c.N)))
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		slices.SortStableFunc(rows, func(a, b row) int {
			first, _ := a.place(l.by)
			second, _ := b.place(l.by)
			return second.Compare(first)
		})
	}
	return rows
}

// oldest is the creation of the oldest trade that can be seen.
func (c *call) oldest() time.Time { return c.At.Add(-cmp.Or(c.rules.Reach, 90*24*time.Hour)) }

// types are those of the trades that are listed when these are asked for.
func (l *listing) types(asked string) map[string]bool {
	usual := "guarantee_trade,auto_delivery,ec,cod,step"
	if l.by == refunds {
		usual = "guarantee_trade,auto_delivery"
	}
	types := map[string]bool{}
	for name := range strings.SplitSeq(cmp.Or(asked, usual), ",") {
		if name = strings.TrimSpace(name); name == "guarantee_trade" {
			types["fixed"], types["auction"] = true, true // a word for asking alone
		} else {
			types[name] = true
		}
	}
	return types
}

// states are those that a status asks for; none for all.
func states(asked string) []string {
	switch asked {
	case "":
		return nil
	case "ALL_WAIT_PAY":
		return []string{WaitBuyerPay, NoCreatePay}
	case "ALL_CLOSED":
		return []string{Closed, ClosedByTaobao}
	default:
		return []string{asked}
	}
}

// lag is how far behind a list is. In promotion hours it stays the same for five minutes.
func (s *Server) lag(c *call) time.Duration {
	lag := time.Duration(0)
	switch {
	case c.rules.Lag != nil:
		lag = c.rules.Lag(c.Request)
	case c.busy():
		random := rand.New(rand.NewPCG(c.rules.Seed, uint64(c.At.Unix()/300)))
		lag = time.Minute + time.Duration(random.Int64N(int64(9*time.Minute)))
	}
	return min(lag, longestLag)
}

func (c *call) busy() bool { return c.rules.Promotion != nil && c.rules.Promotion(c.At) }

// view is how this call shows things.
func (c *call) view(in rune) view {
	return view{
		nick: c.truth.Nick(), in: in, fields: readFields(c.params.value("fields")), busy: c.busy(), starved: c.rules.Starve, spoil: c.rules.Mass,
	}
}

// page cuts the page that is asked for out of the rows.
func (s *Server) page(c *call, l listing, rows []row) *node {
	total, v := len(rows), c.view(l.in)
	from := (l.page - 1) * l.size
	if from >= total && c.rules.LastPageAgain && total > 0 {
		from = (total - 1) / l.size * l.size
	}
	rows = rows[min(from, total):min(from+l.size, total)]
	items := make([]*node, len(rows))
	for i, r := range rows {
		if r.refund != nil {
			items[i] = v.refund(r.trade, r.refund)
		} else {
			items[i] = v.trade(r.trade)
		}
	}
	n, more := object(), from+l.size < total
	hasNext := c.params.value("use_has_next") == "true" && !c.rules.IgnoreHasNext
	if !hasNext || c.rules.BothTotals {
		if c.rules.Lie != nil {
			total = c.rules.Lie(total, len(rows))
		}
		n.add("total_results", number(int64(total)))
	}
	n.add(l.inner+"s", list(l.inner, items))
	if hasNext && (more || !c.rules.NoHasNextAtEnd) {
		n.add("has_next", boolean(more))
	}
	return n
}

// numeric reads an argument that must be there and a number.
func (c *call) numeric(name string) (string, *failure) {
	value := c.params.value(name)
	if value == "" {
		return "", missing(name)
	}
	if _, err := strconv.ParseUint(value, 10, 64); err != nil {
		return "", invalid(name)
	}
	return value, nil
}

func (s *Server) fullinfoGet(c *call) (*node, *failure) {
	if c.params.value("fields") == "" {
		return nil, missing("fields")
	}
	tid, problem := c.numeric("tid")
	if problem != nil {
		return nil, problem
	}
	o := c.truth.trade(tid)
	if o == nil || o.Unseen || o.Created.Before(c.oldest()) {
		return nil, remote("isv.trade-not-exist", "交易订单不存在")
	}
	v := c.view(fullinfo)
	if c.params.value("include_oaid") == "true" && !v.fields.hasAll(append(oaidNeeds(), "oaid")) {
		return nil, remote("isv.oaid-field-miss", "fields lacks what oaid is made from")
	}
	n := object()
	n.add("trade", v.trade(o))
	return n, nil
}

func (s *Server) refundGet(c *call) (*node, *failure) {
	if c.params.value("fields") == "" {
		return nil, missing("fields")
	}
	refundID, problem := c.numeric("refund_id")
	if problem != nil {
		return nil, problem
	}
	o, r := c.truth.refund(refundID)
	if r == nil {
		return nil, remote("isv.refund-not-exist:refund_id", "退款单不存在")
	}
	n := object()
	n.add("refund", c.view(fullinfo).refund(o, r))
	return n, nil
}

func (s *Server) traceSearch(c *call) (*node, *failure) {
	tid, problem := c.numeric("tid")
	if problem != nil {
		return nil, problem
	}
	o, subs := c.truth.trade(tid), []string(nil)
	if asked := strings.TrimSpace(c.params.value("sub_tid")); asked != "" {
		subs = strings.Split(asked, ",")
	}
	split := c.params.value("is_split") == "1"
	switch {
	case o == nil:
		return nil, remote("isv.trade-not-exist", "交易订单不存在")
	case split && len(subs) == 0:
		return nil, missing("sub_tid")
	case len(subs) > 50:
		return nil, invalid("sub_tid")
	case len(o.Parcels) == 0:
		return nil, remote("isv.logistics-order-not-exist:tid", "物流订单不存在")
	case len(o.Parcels) > 1 && !split:
		return nil, remote("isv.logistics-trace-service-error:SPLIT", "当前操作的订单是拆单订单，拆单标记和子订单列表都必须传递")
	}
	i := slices.IndexFunc(o.Parcels, func(p Parcel) bool { return len(subs) == 0 || slices.Contains(p.OIDs, strings.TrimSpace(subs[0])) })
	if i < 0 {
		return nil, remote("isv.logistics-order-not-exist:sub_tid", "物流订单不存在")
	}
	return trace(o, o.Parcels[i]), nil
}

// trace shows a parcel, flat under the root.
func trace(o *Trade, p Parcel) *node {
	steps := make([]*node, len(p.Steps))
	for i, step := range p.Steps {
		steps[i] = object()
		at := moment(step.At)
		if at == nil {
			at = &node{}
		}
		steps[i].add("status_time", at)
		steps[i].add("status_desc", text(step.Text))
		steps[i].add("action", text(step.Action))
	}
	n := object()
	n.add("out_sid", text(p.Number))
	n.add("company_name", text(p.Company))
	n.add("tid", id(o.TID))
	n.add("status", text(p.Status))
	n.add("trace_list", list("transit_step_info", steps))
	return n
}
