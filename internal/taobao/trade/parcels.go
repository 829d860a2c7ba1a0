package trade

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// Parcels returns the parcels of a trade, or of a stored payload with one: one for each parcel number that its orders name, with the
// orders that are in it. A trade that names none, because nothing was shipped or nothing needs to be, has none.
func (r *Reader) Parcels(trade []byte) []order.Parcel {
	if depthOf(trade) > maxNesting || !gjson.ValidBytes(trade) {
		return nil
	}
	trade, _ = split(trade)
	d := r.decoder()
	d.quiet = true
	root := d.open("", gjson.ParseBytes(trade))
	goods, _ := d.lines(root)
	shipped := d.moment(root, "consign_time").Value()
	id := d.id(root, "tid", "tid_str")
	var parcels []order.Parcel
	for _, l := range goods {
		p := order.Parcel{
			OrderID: id, Carrier: strings.TrimSpace(l.carrier), TrackingNumber: strings.TrimSpace(l.number),
			ShippedAt: cmp.Or(l.shippedAt.Value(), shipped),
		}
		if l.LineID != "" {
			p.LineIDs = []string{l.LineID}
		}
		if p.Validate() != nil {
			continue // it has no number yet
		}
		i := slices.IndexFunc(parcels, func(other order.Parcel) bool { return other.TrackingNumber == p.TrackingNumber })
		if i < 0 {
			parcels = append(parcels, p)
			continue
		}
		parcels[i].LineIDs = append(parcels[i].LineIDs, p.LineIDs...)
		parcels[i].Carrier = cmp.Or(parcels[i].Carrier, p.Carrier)
		if !p.ShippedAt.IsZero() && (parcels[i].ShippedAt.IsZero() || p.ShippedAt.Before(parcels[i].ShippedAt)) {
			parcels[i].ShippedAt = p.ShippedAt
		}
	}
	part := d.word(root, "is_part_consign") == "true"
	for i := range parcels {
		parcels[i].Split = len(parcels) > 1 || part
	}
	return parcels
}

// Trace reads an answer of taobao.logistics.trace.search to a question about a parcel: what stands inside its root object, or one
// element of taobao.logistics.trace.get. Where the answer names another parcel it is that one's. An error is of the kind
// fault.Rejected: the answer cannot be understood or stored.
func (r *Reader) Trace(answer []byte, asked order.Parcel) (order.Shipment, error) {
	if len(answer) > maxRecord || depthOf(answer) > maxDepth || !gjson.ValidBytes(answer) {
		return order.Shipment{}, fault.Errorf(fault.Rejected, "trace: %w", errNotWhole)
	}
	d := r.decoder()
	root := d.open("trace ", gjson.ParseBytes(answer))
	s := order.Shipment{
		OrderID: cmp.Or(asked.OrderID, d.id(root, "tid")), Carrier: asked.Carrier, TrackingNumber: asked.TrackingNumber,
		SourceStatus: d.text(root, "status"),
	}
	if !asked.ShippedAt.IsZero() {
		s.ShippedAt = order.Some(asked.ShippedAt)
	}
	company, number := strings.TrimSpace(d.word(root, "company_name")), strings.TrimSpace(d.word(root, "out_sid"))
	if number != "" && number != asked.TrackingNumber {
		s.Carrier, s.TrackingNumber, s.ShippedAt = company, number, order.Field[time.Time]{}
	}
	s.Carrier = cmp.Or(s.Carrier, company)
	s.Events = d.steps(root)
	s.Status, s.DeliveredAt = r.shipmentStatus(s.SourceStatus, s.Events)
	if d.err == nil {
		d.err = s.Tidy()
	}
	if d.err != nil {
		return order.Shipment{}, fault.New(fault.Rejected, d.err)
	}
	return s, nil
}

// steps reads the way of a parcel, oldest first. A step without a time stays where it was listed.
func (d *decoder) steps(root object) []order.ShipmentEvent {
	var events []order.ShipmentEvent
	for _, entry := range d.list(root, "trace_list", "transit_step_info") {
		o := d.open("trace step ", entry)
		e := order.ShipmentEvent{At: d.moment(o, "status_time").Value(), Text: d.word(o, "status_desc"), Action: d.word(o, "action")}
		if e != (order.ShipmentEvent{}) {
			events = append(events, e)
		}
	}
	timed := make([]order.ShipmentEvent, 0, len(events))
	for _, e := range events {
		if !e.At.IsZero() {
			timed = append(timed, e)
		}
	}
	slices.SortStableFunc(timed, func(a, b order.ShipmentEvent) int { return a.At.Compare(b.At) })
	next := 0
	for i := range events {
		if !events[i].At.IsZero() {
			events[i] = timed[next]
			next++
		}
	}
	return events
}

// shipmentWords are the texts of a parcel's status, as the vendor's SDK lists them.
var shipmentWords = map[string]order.ShipmentStatus{
	"等候发送给物流公司":         order.ShipmentCreated,
	"已提交给物流公司,等待物流公司接单": order.ShipmentCreated,
	"已经确认消息接收,等待物流公司接单": order.ShipmentCreated,
	"物流公司已接单":           order.ShipmentCreated,
	"物流公司不接单":           order.ShipmentFailed,
	"物流公司揽收失败":          order.ShipmentFailed,
	"物流公司揽收成功":          order.ShipmentInTransit,
	"签收失败":              order.ShipmentFailed,
	"对方已签收":             order.ShipmentDelivered,
	"对方拒绝签收":            order.ShipmentReturned,
}

// shipmentStatus judges where a parcel is, and since when it is delivered. Its status word alone does not deliver it: a parcel that was
// shipped with the offline method is 对方已签收 as soon as it is sent, so that a step must say it too.
func (r *Reader) shipmentStatus(said order.Field[string], events []order.ShipmentEvent) (order.ShipmentStatus, order.Field[time.Time]) {
	word, ok := said.Get()
	status, known := shipmentWords[strings.NewReplacer("，", ",", " ", "").Replace(word)]
	if ok && !known {
		r.count(word)
		status = order.ShipmentUnknown
	}
	if status == order.ShipmentReturned || status == order.ShipmentFailed {
		return status, order.Field[time.Time]{}
	}
	for _, e := range slices.Backward(events) {
		if signs(e) {
			at := order.Field[time.Time]{}
			if !e.At.IsZero() {
				at = order.Some(e.At)
			}
			return order.ShipmentDelivered, at
		}
	}
	switch {
	case status == order.ShipmentUnknown || status == order.ShipmentInTransit:
	case slices.ContainsFunc(events, moves):
		status = order.ShipmentInTransit
	case status == order.ShipmentDelivered || len(events) > 0:
		status = order.ShipmentCreated
	}
	return status, order.Field[time.Time]{}
}

// moves reports whether a step says that the carrier has the parcel.
func moves(e order.ShipmentEvent) bool {
	action := strings.ToUpper(e.Action)
	return action != "CREATE" && action != "CONSIGN"
}

// signs reports whether a step says that the parcel was handed over.
func signs(e order.ShipmentEvent) bool {
	if action := strings.ToUpper(e.Action); action != "" {
		return action == "SIGN" || strings.HasSuffix(action, "_SIGN") && !strings.Contains(action, "FAIL") && !strings.Contains(action, "REJECT")
	}
	for _, not := range [...]string{"拒", "失败", "未签收", "待签收", "退回", "如有", "请"} {
		if strings.Contains(e.Text, not) {
			return false
		}
	}
	return strings.Contains(e.Text, "已签收") || strings.Contains(e.Text, "签收人") || strings.Contains(e.Text, "妥投")
}
