package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ordersync/internal/taobao/taobaotest"
)

// The parts of the story that only a shop on Taobao can play.

func (t *story) ban(ctx context.Context) error {
	const seconds = 3
	mark, requests := t.daemon.log.mark(), t.shop.requests()
	t.mall.ban(seconds)
	t.mall.trade(5, 5)
	t.say("Asked for a new trade the gateway answers code %d: \"This ban will last for %d more seconds\". Meanwhile the shop there takes "+
		"5 more orders and changes 5.", banned, seconds)
	var found logged
	err := t.until(ctx, "a run has waited for the ban to end", func() (bool, error) {
		for _, text := range t.daemon.log.since(mark) {
			if l, ok := parseLogged(text); ok && strings.HasPrefix(l.Job, "tmall-") && l.Seconds >= seconds {
				found = l
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	requests = t.shop.requests() - requests
	t.say("The daemon logs:")
	t.quote(found.String())
	if err := t.agree(ctx, t.mall); err != nil {
		return err
	}
	during, after := t.mall.silence()
	if during > 0 || after < seconds*time.Second {
		return fmt.Errorf("%d calls came during the ban, and the next one after %v", during, after)
	}
	t.good("No call came during the ban, the first one %.1f s after its beginning; then what had changed was fetched. %s was asked %d "+
		"times meanwhile.", after.Seconds(), source, requests)
	return nil
}

func (t *story) promotion(ctx context.Context) error {
	const taken, changed, refunded, late = 20, 10, 5, 2 * time.Second
	since := t.mall.truth.Now().Truncate(time.Second)
	t.mall.promotion(true, late)
	t.mall.trade(taken, changed)
	refunds := t.mall.refund(refunded, false)
	t.say("Lists come without lines, payments and parcels, and %.0f s late; details lack the ids of refunds. The shop takes %d orders, "+
		"changes %d and gives money back for %d.", late.Seconds(), taken, changed, len(refunds))
	const whole = "SELECT COUNT(DISTINCT o.order_id) FROM orders o JOIN order_items i USING (source, order_id) " +
		"WHERE o.source = ? AND o.ordered_at >= ? AND o.total IS NOT NULL"
	err := t.until(ctx, "the orders of the promotion are in the tables", func() (bool, error) {
		n, err := t.stage.number(ctx, whole, flagship, since.Format(time.DateTime))
		return n == taken, err
	})
	if err != nil {
		return err
	}
	known, err := t.known(ctx, refunds)
	if err != nil {
		return err
	}
	t.good("All %d came whole, because only details are believed; %d of the refunds are known.", taken, known)
	t.mall.promotion(false, 0)
	begun := time.Now()
	if err := t.agree(ctx, t.mall); err != nil {
		return err
	}
	if known, err = t.known(ctx, refunds); err == nil && known < len(refunds) {
		err = fmt.Errorf("%d of %d refunds are in the table", known, len(refunds))
	}
	if err != nil {
		return err
	}
	t.good("The promotion is over: %.1f s later the refunds are there, too.", time.Since(begun).Seconds())
	return nil
}

// known is how many of these refunds are in the table.
func (t *story) known(ctx context.Context, refunds []string) (n int, err error) {
	for _, id := range refunds {
		one, err := t.stage.number(ctx, "SELECT COUNT(*) FROM refunds WHERE source = ? AND refund_id = ?", flagship, id)
		if err != nil {
			return 0, err
		}
		n += one
	}
	return n, nil
}

func (t *story) parcel(ctx context.Context) error {
	tid, tracking := t.mall.sendOne()
	t.say("Trade %s is paid and sent. The job tmall-parcels asks where its parcel is.", tid)
	if err := t.parcelIs(ctx, tracking, "created"); err != nil {
		return err
	}
	t.mall.carry(tid, taobaotest.Collected, "快件已揽收", "TMS_COLLECT")
	t.mall.carry(tid, taobaotest.Collected, "快件到达杭州转运中心", "TMS_TRANSPORT")
	t.say("It is collected. The next question is due in two hours; the story puts it forward, twice.")
	for _, status := range []string{"in_transit", "delivered"} {
		if status == "delivered" {
			t.mall.carry(tid, taobaotest.Signed, "快件已签收", "TMS_SIGN")
		}
		const now = "UPDATE shipments SET next_at = UTC_TIMESTAMP(6) WHERE source = ? AND tracking_number = ?"
		if _, err := t.stage.db.ExecContext(ctx, now, flagship, tracking); err != nil {
			return err
		}
		if err := t.parcelIs(ctx, tracking, status); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"SELECT tracking_number, carrier, status, source_status, delivered_at FROM shipments WHERE tracking_number = ?",
		"SELECT happened_at, action, description FROM shipment_events WHERE tracking_number = ? ORDER BY position",
	} {
		if err := t.show(ctx, query, tracking); err != nil {
			return err
		}
	}
	left, err := t.stage.number(ctx, "SELECT COUNT(*) FROM shipments WHERE tracking_number = ? AND next_at IS NOT NULL", tracking)
	if left > 0 || err != nil {
		return errors.Join(errors.New("a delivered parcel would be asked about again"), err)
	}
	t.good("It is delivered, and asked about no more.")
	return nil
}

// parcelIs waits for a parcel to be stored with that status.
func (t *story) parcelIs(ctx context.Context, tracking, status string) error {
	return t.until(ctx, "the parcel is "+status, func() (bool, error) {
		n, err := t.stage.number(ctx, "SELECT COUNT(*) FROM shipments WHERE tracking_number = ? AND status = ? AND asks > 0", tracking, status)
		return n == 1, err
	})
}
