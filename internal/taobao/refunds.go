package taobao

import (
	"context"
	"errors"
	"strings"

	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/trade"
)

// refunds asks for the refunds of an order by their ids. Not known: of one of them the gateway says nothing (any more), or fails at it
// each time, so that what is stored must stay.
func (s *Shop) refunds(ctx context.Context, name string, ids []string) (refunds []order.Refund, known bool, err error) {
	known = true
	for _, id := range ids {
		answer, err := s.o.Gateway.Call(ctx, name+": refund "+id, "taobao.refund.get", gateway.Params{"refund_id": id, "fields": trade.RefundFields})
		if e, ok := errors.AsType[*gateway.Error](err); ok && (strings.Contains(e.SubCode, "not-exist") || comesAgain(err)) {
			known = false
			continue
		}
		if err != nil {
			return nil, false, err
		}
		_, refund, _, err := s.reader.Refund(inside(answer.Body, "refund"))
		if err != nil {
			known = false // the order itself is good; its refunds stay as they are stored
			continue
		}
		refunds = append(refunds, refund)
	}
	return refunds, known, nil
}
