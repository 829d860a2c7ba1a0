package taobao

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
)

// mostSubs is how many lines taobao.logistics.trace.search takes at once.
const mostSubs = 50

// Parcels returns the parcels that a stored order names. It makes no call.
func (s *Shop) Parcels(payload []byte) []order.Parcel { return s.reader.Parcels(payload) }

// Trace asks taobao.logistics.trace.search where a parcel is. A parcel of an order that was sent in several is named by its lines: the
// gateway then wants is_split and sub_tid. No shipment: nothing is known of it yet. A failure of the kind fault.Rejected is about this
// one parcel, as when the gateway does not know its order any more.
func (s *Shop) Trace(ctx context.Context, parcel order.Parcel) ([]order.Shipment, error) {
	name := "the parcel of trade " + parcel.OrderID
	params := gateway.Params{"tid": parcel.OrderID}
	if parcel.Split && len(parcel.LineIDs) > 0 {
		params["is_split"], params["sub_tid"] = "1", strings.Join(parcel.LineIDs[:min(len(parcel.LineIDs), mostSubs)], ",")
	}
	answer, err := s.o.Gateway.Call(ctx, name, "taobao.logistics.trace.search", params)
	if err != nil {
		return nil, aboutOne(err)
	}
	shipment, err := s.reader.Trace(answer.Body, parcel)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if shipment.TrackingNumber == "" {
		return nil, nil
	}
	return []order.Shipment{shipment}, nil
}

// aboutOne re-judges a failure of the caller's (isv): here the caller is one question about one parcel, and the next may be answered.
// What concerns the app, the session or the pace stays as it is.
func aboutOne(err error) error {
	e, ok := errors.AsType[*gateway.Error](err)
	if ok && fault.KindOf(err) == fault.Protocol && strings.HasPrefix(e.SubCode, "isv.") {
		return fault.New(fault.Rejected, err)
	}
	return err
}
