package taobaotest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// The methods in which a field can be: the letters of a field's second argument to view.put. All is all of them.
const (
	soldGet   = 'S'
	increment = 'I'
	fullinfo  = 'F'
	all       = "SIF"
)

// fields are the names that were asked for.
type fields struct {
	all   bool
	names map[string]*fields
}

func everything() *fields { return &fields{all: true} }

// readFields reads a list such as "tid, orders.oid,payment".
func readFields(list string) *fields {
	top := &fields{names: map[string]*fields{}}
	for name := range strings.SplitSeq(list, ",") {
		outer, inner, nested := strings.Cut(strings.TrimSpace(name), ".")
		f := top.names[outer]
		if f == nil {
			f = &fields{names: map[string]*fields{}}
			top.names[outer] = f
		}
		if nested {
			f.names[inner] = everything()
		} else {
			f.all = true
		}
	}
	return top
}

func (f *fields) has(name string) bool { return f.all || f.names[name] != nil }

func (f *fields) below(name string) *fields {
	if f.all {
		return everything()
	}
	return f.names[name]
}

// view is how a method shows things: to whom, in which method, and what of them.
type view struct {
	nick   string
	in     rune
	fields *fields
	// busy are promotion hours, starved those in which fullinfo lacks even more. spoil spoils every trade.
	busy, starved bool
	spoil         Poison
}

// writer fills one object with the fields that its view shows.
type writer struct {
	view
	node *node
	omit []string
}

func (w writer) put(key, in string, value *node) {
	if strings.ContainsRune(in, w.in) && w.fields.has(key) && !slices.Contains(w.omit, key) {
		w.node.add(key, value)
	}
}

func (w writer) extra(extra map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if w.fields.has(key) {
			w.node.set(key, raw(extra[key]))
		}
	}
}

// hidden are the keys of a trade that this view does not show in promotion hours.
func (v view) hidden() []string {
	var keys []string
	if v.busy && v.in == fullinfo {
		keys = []string{"timeout_action_time", "commission_fee", "available_confirm_fee"}
	}
	if v.busy && v.in != fullinfo || v.busy && v.starved {
		keys = append(keys, "orders", "service_orders", "payment", "received_payment", "oaid", "sid", "shipping_type", "consign_time",
			"is_part_consign", "logistics_infos")
	}
	return keys
}

// trade shows a trade.
func (v view) trade(o *Trade) *node {
	w := writer{view: v, node: object(), omit: append(v.hidden(), o.Omit...)}
	w.identity(o)
	w.amounts(o)
	if len(o.Lines) == 1 && len(o.AddOns) == 0 {
		l := o.Lines[0]
		w.put("num", all, number(int64(l.Num)))
		w.put("num_iid", all, id(l.NumIID))
		w.put("price", all, money(l.Price))
		w.put("pic_path", all, text("https://img.example/"+l.NumIID+".jpg"))
	}
	w.receiver(o)
	if w.fields.has("orders") {
		w.put("orders", all, list("order", v.lines(o)))
	}
	if w.fields.has("service_orders") {
		w.put("service_orders", all, list("service_order", v.addOns(o)))
	}
	if w.fields.has("promotion_details") {
		w.put("promotion_details", "F", list("promotion_detail", v.promotions(o)))
	}
	w.extra(o.Extra)
	switch {
	case v.spoil != "":
		return w.poisoned(v.spoil, o)
	case o.Poison != "" && (v.in == fullinfo || o.SpoilRow):
		return w.poisoned(o.Poison, o)
	}
	return w.node
}

func (w writer) identity(o *Trade) {
	w.put("tid", all, id(o.TID))
	w.put("tid_str", "F", text(o.TID))
	w.put("status", all, text(o.Status))
	w.put("type", all, text(o.Type))
	w.put("title", all, text("测试旗舰店"))
	w.put("seller_nick", all, text(w.nick))
	w.put("buyer_nick", all, text(mask(o.BuyerNick)))
	w.put("buyer_open_uid", all, text(o.BuyerOpenUID))
	w.put("created", all, moment(o.Created))
	w.put("modified", all, moment(o.Modified))
	w.put("pay_time", all, moment(o.Paid))
	w.put("consign_time", all, moment(o.Consigned))
	w.put("end_time", all, moment(o.Ended))
	if !slices.ContainsFunc(o.Lines, func(l Line) bool { _, refunded := o.RefundOf(l.OID); return refunded }) {
		w.put("timeout_action_time", "F", moment(o.Timeout)) // else it is on the lines
	}
	w.put("seller_flag", all, number(int64(o.SellerFlag)))
	w.put("seller_rate", all, boolean(false))
	w.put("buyer_rate", all, boolean(false))
	if o.BuyerMessage != "" {
		w.put("has_buyer_message", "SI", boolean(true))
	}
	w.put("buyer_message", "F", text(o.BuyerMessage))
	w.put("seller_memo", "F", text(o.SellerMemo))
	w.put("shipping_type", all, text(o.ShippingType))
	w.put("sid", "SF", text(o.TID))
	if len(o.Parcels) > 1 {
		w.put("is_part_consign", "SF", boolean(true))
	}
	w.put("trade_from", "SF", text(o.TradeFrom))
}

func (w writer) amounts(o *Trade) {
	adjust := Fen(0)
	if len(o.Lines) == 1 {
		adjust = o.Lines[0].Adjust
	}
	w.put("payment", all, money(o.Payment()))
	w.put("post_fee", all, money(o.PostFee))
	w.put("total_fee", all, money(o.TotalFee()))
	w.put("discount_fee", all, money(o.Discount))
	w.put("adjust_fee", all, money(adjust))
	w.put("received_payment", all, money(o.Received))
	w.put("available_confirm_fee", "F", money(o.Payment()-o.Received))
	w.put("has_post_fee", "F", boolean(o.PostFee > 0))
	w.put("commission_fee", "SF", money(o.Commission))
	w.put("point_fee", "SF", number(0))
	w.put("real_point_fee", "SF", number(0))
	w.put("buyer_obtain_point_fee", "SF", number(0))
	w.put("cod_status", "SF", text(cmp.Or(o.CODStatus, CODNew)))
	if o.CODFee > 0 {
		w.put("cod_fee", "SF", money(o.CODFee))
	}
	if o.StepStatus != "" {
		w.put("step_trade_status", all, text(o.StepStatus))
		w.put("step_paid_fee", all, money(o.StepPaid))
	}
	if !o.Paid.IsZero() {
		w.put("alipay_no", "SF", text("2024"+o.TID))
	}
}

func (w writer) receiver(o *Trade) {
	r := o.Receiver
	w.put("receiver_name", all, text(mask(r.Name)))
	w.put("receiver_state", all, text(r.State))
	w.put("receiver_city", all, text(r.City))
	w.put("receiver_district", all, text(r.District))
	w.put("receiver_town", all, text(r.Town))
	w.put("receiver_address", all, text(mask(r.Address)))
	w.put("receiver_zip", all, text(r.Zip))
	w.put("receiver_mobile", all, text(maskPhone(r.Mobile)))
	if r.Name != "" && w.fields.has("receiver_phone") && !slices.Contains(w.omit, "receiver_phone") {
		w.node.add("receiver_phone", &node{}) // phones can be empty texts
	}
	if w.in != fullinfo || w.fields.hasAll(oaidNeeds()) {
		w.put("oaid", all, text(o.OAID))
	}
}

// oaidNeeds are the fields that must be asked for besides oaid.
func oaidNeeds() []string {
	return []string{"receiver_name", "receiver_address", "created", "receiver_mobile", "receiver_phone"}
}

func (f *fields) hasAll(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !f.has(name) })
}

func (v view) lines(o *Trade) []*node {
	shares := o.shares()
	v.fields = v.fields.below("orders")
	lines := make([]*node, len(o.Lines))
	for i, l := range o.Lines {
		w := writer{view: v, node: object()}
		if v.busy && v.in == fullinfo {
			w.omit = []string{"refund_id", "special_refund_type", "timeout_action_time"}
		}
		w.line(o, l, shares[i])
		lines[i] = w.node
	}
	return lines
}

func (w writer) line(o *Trade, l Line, share Fen) {
	payment := l.Total()
	if len(o.Lines) == 1 {
		payment = o.Payment()
	}
	w.put("oid", all, id(l.OID))
	w.put("oid_str", "F", text(l.OID))
	w.put("status", all, text(l.Status))
	w.put("title", all, text(l.Title))
	w.put("pic_path", all, text("https://img.example/"+l.NumIID+".jpg"))
	w.put("price", all, money(l.Price))
	w.put("num", all, number(int64(l.Num)))
	w.put("num_iid", all, id(l.NumIID))
	w.put("cid", all, number(50011999))
	w.put("sku_id", all, text(l.SKUID)) // a text here, a number in the item methods
	w.put("sku_properties_name", all, text(l.SKU))
	w.put("outer_iid", all, text(l.OuterIID))
	w.put("outer_sku_id", all, text(l.OuterSKU))
	w.put("total_fee", all, money(l.Total()))
	w.put("payment", all, money(payment))
	w.put("discount_fee", all, money(l.Discount))
	w.put("adjust_fee", all, money(l.Adjust))
	w.put("divide_order_fee", all, money(l.Total()-share))
	if share != 0 {
		w.put("part_mjz_discount", all, money(share))
	}
	r, refunded := o.RefundOf(l.OID)
	if refunded {
		w.put("refund_status", all, text(r.Status))
		w.put("refund_id", all, id(r.ID)) // a number in real answers, whatever the page says
		w.put("timeout_action_time", "F", moment(o.Timeout))
	} else {
		w.put("refund_status", all, text(NoRefund))
	}
	w.put("special_refund_type", all, text(l.SpecialRefund))
	w.put("end_time", all, moment(l.Ended))
	w.put("consign_time", all, moment(l.Consigned))
	w.put("shipping_type", all, text(o.ShippingType))
	w.put("logistics_company", all, text(l.Company))
	w.put("invoice_no", all, text(l.Invoice))
	w.put("seller_type", all, text("B"))
	w.put("buyer_rate", all, boolean(false))
	w.put("seller_rate", all, boolean(false))
	w.put("is_oversold", "F", boolean(false))
	w.extra(l.Extra)
}

func (v view) addOns(o *Trade) []*node {
	v.fields = v.fields.below("service_orders")
	list := make([]*node, len(o.AddOns))
	for i, a := range o.AddOns {
		w := writer{view: v, node: object()}
		w.put("oid", all, id(a.OID))
		w.put("item_oid", all, id(a.ItemOID))
		w.put("service_id", all, number(6555))
		w.put("title", all, text(a.Title))
		w.put("num", all, number(int64(a.Num)))
		w.put("price", all, money(a.Price))
		w.put("payment", all, money(a.Price*Fen(a.Num)))
		w.put("total_fee", all, money(a.Price*Fen(a.Num)))
		w.put("refund_id", all, id(a.RefundID))
		list[i] = w.node
	}
	return list
}

func (v view) promotions(o *Trade) []*node {
	v.fields = v.fields.below("promotion_details")
	list := make([]*node, len(o.Promotions))
	for i, p := range o.Promotions {
		w := writer{view: v, node: object()}
		w.put("id", all, id(cmp.Or(p.ID, o.TID)))
		w.put("promotion_name", all, text(p.Name))
		w.put("promotion_id", all, text(p.PromotionID))
		w.put("discount_fee", all, money(p.Discount))
		list[i] = w.node
	}
	return list
}

// poisoned spoils what was written.
func (w writer) poisoned(p Poison, o *Trade) *node {
	n := w.node
	switch p {
	case BadMoney:
		n.set("payment", text("1,234.50元"))
	case NoTID:
		n.set("tid", nil)
		n.set("tid_str", nil)
	case OtherTID:
		other := "1" + o.TID[1:]
		if o.TID[0] == '1' {
			other = "2" + o.TID[1:]
		}
		n.set("tid", id(other))
		n.set("tid_str", text(other))
	case BadTime:
		n.set("modified", text("2026-99-99 00:00:00"))
	case BadQuantity:
		n.eachLine(func(line *node) { line.set("num", raw("[1]")) })
	case NotAnObject:
		return raw("42")
	case NoOID:
		n.eachLine(func(line *node) {
			line.set("oid", nil)
			line.set("oid_str", nil)
		})
	case LinesNotAList:
		n.set("orders", text("none"))
	case BadUTF8:
		n.eachLine(func(line *node) {
			line.set("oid", text("caf\xe9"))
			line.set("oid_str", nil)
		})
	case DeepNesting:
		n.set("orders", raw(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)))
	case HugeMemo:
		n.set("seller_memo", text(strings.Repeat("x", 2<<20)))
	case FoldedKey:
		n.add("Status", text(Closed))
	}
	return n
}

// eachLine changes the lines of a trade that has some.
func (n *node) eachLine(change func(*node)) {
	if lines := n.get("orders"); lines != nil {
		for _, line := range lines.items {
			change(line)
		}
	}
}

// refund shows a refund.
func (v view) refund(o *Trade, r *Refund) *node {
	w := writer{view: v, node: object()}
	i := max(0, slices.IndexFunc(o.Lines, func(l Line) bool { return l.OID == r.OID }))
	l, phase, goods := o.Lines[i], "onsale", "BUYER_NOT_RECEIVED"
	if !o.Ended.IsZero() && o.Ended.Before(r.Created) {
		phase, goods = "aftersale", "BUYER_RECEIVED"
	}
	if r.GoodsReturned {
		goods = "BUYER_RETURNED_GOODS"
	}
	w.put("refund_id", all, text(r.ID)) // a text here, a number on a line
	w.put("tid", all, id(o.TID))
	w.put("oid", all, id(r.OID))
	w.put("title", all, text(l.Title))
	w.put("buyer_nick", all, text(mask(o.BuyerNick)))
	w.put("seller_nick", all, text(w.nick))
	w.put("total_fee", all, money(o.Payment()))
	w.put("refund_fee", all, money(r.Fee))
	w.put("payment", all, money(o.Payment()-r.Fee))
	w.put("status", all, text(r.Status))
	w.put("order_status", all, text(l.Status))
	w.put("good_status", all, text(goods))
	w.put("has_good_return", all, boolean(r.GoodsReturned))
	w.put("reason", all, text(r.Reason))
	w.put("created", all, moment(r.Created))
	w.put("modified", all, moment(r.Modified))
	w.put("refund_phase", all, text(phase))
	w.put("refund_version", all, number(r.Created.UnixMilli()))
	w.put("num", all, number(int64(l.Num)))
	w.put("num_iid", "F", id(l.NumIID))
	w.put("price", "F", money(l.Price))
	w.put("sku", all, text(l.SKU))
	w.put("outer_id", all, text(l.OuterIID))
	switch r.Poison {
	case BadMoney:
		w.node.set("refund_fee", text("一百元"))
	case NoTID:
		w.node.set("refund_id", nil)
	case BadTime:
		w.node.set("modified", text("2026-99-99 00:00:00"))
	case NotAnObject:
		return raw("42")
	}
	return w.node
}
