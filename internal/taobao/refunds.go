package taobao

import (
	"context"
	"errors"
	"strings"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/trade"
)

// refunds asks for the refunds of an order by their ids. Not known: of one of them the gateway says nothing (any more), or fails at it
// each time, so that what is stored must stay. An app that may not ask for refunds at all still gets its orders: it is counted, and
// [Shop.ProbeRefunds] tells why.
func (s *Shop) refunds(ctx context.Context, name string, ids []string) (refunds []order.Refund, known bool, err error) {
	known = true
	for _, id := range ids {
		answer, err := s.o.Gateway.Call(ctx, name+": refund "+id, "taobao.refund.get", gateway.Params{"refund_id": id, "fields": trade.RefundFields})
		if e, ok := errors.AsType[*gateway.Error](err); ok && (strings.Contains(e.SubCode, "not-exist") || comesAgain(err)) {
			known = false
			continue
		}
		if fault.KindOf(err) == fault.Config {
			s.unrefunded.Add(1)
			return nil, false, nil
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

// Unrefunded is how many orders were stored since the start without their refunds, because the app may not ask for them.
func (s *Shop) Unrefunded() int { return int(s.unrefunded.Load()) }

// ProbeRefunds makes one cheap call that needs the permission to read refunds.
func (s *Shop) ProbeRefunds(ctx context.Context) error { return s.Refunds().Probe(ctx) }
