package taobao_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/taobao"
	"ordersync/internal/taobao/taobaotest"
)

// follow is a stream of the shop's changes, and what it stored.
func (s *stage) follow() (*ordersync.Stream, *memory) {
	m := &memory{checkpoints: map[string]order.Checkpoint{}, orders: map[string]*order.Order{}, dead: map[string]order.Version{}}
	return &ordersync.Stream{
		ID: "tmall", Name: "orders", Source: s.Orders(), Store: m,
		Limits: ordersync.Limits{Step: time.Second, Slice: taobao.Longest - time.Second, Overlap: overlap, Settle: settle},
	}, m
}

// TestOneOrderKeepsNobodyBack: whatever the gateway says about one order each time, the others come in, at once or, where it might
// pass, after some hours at the latest.
func TestOneOrderKeepsNobodyBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault taobaotest.Fault
		// late: the reason may pass.
		late bool
	}{
		"the platform's own fault":  {fault: taobaotest.Isp("isp.null-pointer-exception")},
		"a fault of the question":   {fault: taobaotest.Error(15, "Remote service error", "isv.trade-service-error:X1", "no")},
		"an answer that is no JSON": {fault: taobaotest.Answer("{\"trade_fullinfo_get_response\":{\"trade\":{\"seller_memo\":\"a\tb\"}}}"), late: true},
		"a fault that may pass":     {fault: taobaotest.Isp("isp.remote-service-error"), late: true},
		"a page for people":         {fault: taobaotest.BadGateway(), late: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open(t, taobaotest.Rules{}, nil)
				bad := s.fill(50, clock.Add(-time.Hour))[7]
				s.server.Change(func(r *taobaotest.Rules) {
					r.Fault = func(r taobaotest.Request) *taobaotest.Fault {
						if r.TID == bad {
							return &c.fault
						}
						return nil
					}
				})
				stream, stored := s.follow()
				_, err := stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)})
				if len(stored.orders) != 49 {
					t.Errorf("%d orders are stored after the first run: %v", len(stored.orders), err)
				}
				if c.late && (fault.KindOf(err) != fault.Transient || len(stored.dead) > 0) {
					t.Errorf("given up at once: %v", err)
				}
				for end := time.Now().Add(5 * time.Hour); c.late && err != nil && time.Now().Before(end); time.Sleep(5 * time.Minute) {
					_, err = stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)})
				}
				if _, dead := stored.dead[bad]; err != nil || !dead || len(stored.dead) != 1 || len(stored.orders) != 49 {
					t.Fatalf("%d orders and %d dead letters: %v", len(stored.orders), len(stored.dead), err)
				}
				if time.Since(clock) < 4*time.Hour == c.late {
					t.Errorf("given up after %s", time.Since(clock))
				}
				s.server.Change(func(r *taobaotest.Rules) { r.Fault = nil })
				s.truth.Modify(bad, func(o *taobaotest.Trade) { o.Modified = time.Now() })
				time.Sleep(overlap)
				if _, err := stream.Run(t.Context(), ordersync.Span{}); err != nil || len(stored.dead) != 0 || stored.orders[bad] == nil {
					t.Errorf("it is not stored with its next change: %d dead letters, %v", len(stored.dead), err)
				}
			})
		})
	}
}

// TestNoDeadLettersInAnOutage: when no detail can be had, for however long, none is given up.
func TestNoDeadLettersInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		s.fill(1, clock.Add(-90*time.Minute))
		stream, stored := s.follow()
		if _, err := stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)}); err != nil || len(stored.orders) != 1 {
			t.Fatalf("%d orders: %v", len(stored.orders), err)
		}
		time.Sleep(2 * time.Hour)
		s.fill(50, clock.Add(time.Hour+59*time.Minute))
		time.Sleep(overlap)
		s.server.Change(func(r *taobaotest.Rules) {
			r.Fault = func(r taobaotest.Request) *taobaotest.Fault {
				if r.TID != "" {
					return new(taobaotest.Isp("isp.remote-service-timeout"))
				}
				return nil
			}
		})
		for range 100 {
			if _, err := stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)}); fault.KindOf(err) != fault.Transient {
				t.Fatalf("got %v", err)
			}
			time.Sleep(5 * time.Minute)
		}
		if len(stored.dead) > 0 || len(stored.orders) != 1 {
			t.Errorf("%d orders, %d dead letters", len(stored.orders), len(stored.dead))
		}
		s.server.Change(func(r *taobaotest.Rules) { r.Fault = nil })
		if _, err := stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)}); err != nil || len(stored.orders) != 51 {
			t.Errorf("after it %d orders are stored: %v", len(stored.orders), err)
		}
	})
}

// TestSteadyTrouble: a gateway that fails at every fifth call for as long as it likes, as in promotion hours, is got through.
func TestSteadyTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		s.fill(800, clock.Add(-time.Hour))
		random := uint32(1)
		s.server.Change(func(r *taobaotest.Rules) {
			r.Fault = func(taobaotest.Request) *taobaotest.Fault {
				if random = random*1664525 + 1013904223; (random>>16)%5 == 0 {
					return new(taobaotest.Isp("isp.remote-service-timeout"))
				}
				return nil
			}
		})
		stream, stored := s.follow()
		err := fault.Errorf(fault.Internal, "it never ran")
		runs := 0
		for ; err != nil && runs < 100; runs++ {
			_, err = stream.Run(t.Context(), ordersync.Span{Start: clock.Add(-2 * time.Hour)})
			time.Sleep(5 * time.Minute)
		}
		if err != nil || len(stored.orders) != 800 || len(stored.dead) > 0 {
			t.Errorf("after %d runs: %d of 800 orders, %d dead letters, %v", runs, len(stored.orders), len(stored.dead), err)
		}
	})
}

// TestRefundThatCannotBeHad: an order is stored without a refund at which the gateway fails each time.
func TestRefundThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"isv.refund-not-exist", "isv.refund-service-error:X1", "isp.null-pointer-exception"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open(t, taobaotest.Rules{}, nil)
				id := s.fill(1, clock.Add(-time.Hour))[0]
				s.truth.Modify(id, func(o *taobaotest.Trade) {
					o.Status = taobaotest.WaitSellerSendGoods
					o.Refunds = []taobaotest.Refund{{ID: "77", OID: o.Lines[0].OID, Status: taobaotest.RefundSuccess, Fee: 123}}
				})
				s.server.FailMethod("taobao.refund.get", taobaotest.Error(15, "Remote service error", code, "no"))
				record, err := s.Order(t.Context(), id)
				if err != nil || record.Order == nil || !record.Order.Refunds.Absent() {
					t.Errorf("%+v, %v", record, err)
				}
			})
		})
	}
}

// TestRefundsOfOldTrades: refunds of trades that are older than what the gateway tells are dead letters, and however many they are the
// other refunds are read. A dead letter made of a refund, which changed after its trade, gives way when the trade can be had again.
func TestRefundsOfOldTrades(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		ids := append(s.fill(30, clock.Add(-100*24*time.Hour)), s.fill(1, clock.Add(-3*time.Hour))...)
		for i, id := range ids {
			s.truth.Amend(id, func(o *taobaotest.Trade) {
				o.Refunds = []taobaotest.Refund{{
					ID: fmt.Sprint(700 + i), OID: o.Lines[0].OID, Status: taobaotest.WaitSellerAgree, Fee: 100,
					Created: clock.Add(-2 * time.Hour), Modified: clock.Add(-time.Hour),
				}}
			})
		}
		stream, stored := s.follow()
		stream.Name, stream.Source = "refunds", s.Refunds()
		if _, err := stream.Run(t.Context(), ordersync.Span{Back: 24 * time.Hour}); err != nil || len(stored.dead) != 30 || len(stored.orders) != 1 {
			t.Errorf("%d orders, %d dead letters: %v", len(stored.orders), len(stored.dead), err)
		}
		s.server.Change(func(r *taobaotest.Rules) { r.Reach = 200 * 24 * time.Hour })
		if _, err := stream.Run(t.Context(), ordersync.Span{Back: 24 * time.Hour}); err != nil || len(stored.dead) != 0 || len(stored.orders) != 31 {
			t.Errorf("then %d orders, %d dead letters: %v", len(stored.orders), len(stored.dead), err)
		}
	})
}
