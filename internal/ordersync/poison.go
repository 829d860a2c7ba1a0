package ordersync

import (
	"hash/maphash"
	"slices"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// A remote that changed its shape makes dead letters of everything. These bounds tell that from bad records: of a window so far,
// more than poisonMany and more than one in poisonShare; or poisonRow different records in a row, across windows and runs.
const (
	poisonMany  = 10
	poisonShare = 5
	poisonRow   = 10
)

// refusePoison stops the run before a page is committed that shows the remote to have changed its shape.
func (w *walk) refusePoison(page *order.Page, tally *tally) error {
	row := slices.Clone(w.cp.Poison)
	reason := ""
	for _, r := range page.Records {
		if r.Order != nil {
			row = nil
			continue
		}
		if r.Dead.Gone {
			continue
		}
		reason = r.Dead.Reason
		if !slices.Contains(row, r.Dead.ID) {
			row = append(row, r.Dead.ID)
		}
		if len(row) >= poisonRow {
			return w.poisoned(len(row), len(row), reason)
		}
	}
	w.cp.Poison = row
	if dead, all := len(tally.dead), tally.records(); dead > poisonMany && dead*poisonShare > all {
		return w.poisoned(dead, all, reason)
	}
	return nil
}

func (w *walk) poisoned(dead, all int, reason string) error {
	return fault.Errorf(fault.Protocol,
		"%s: %d of the last %d orders cannot be understood (last reason: %s): the remote has probably changed its format. "+
			"Nothing of this page was stored and the watermark stays, so no order is lost; compare the mapping of the source with what the remote sends now",
		w.ID, dead, all, reason)
}

// addDead counts the dead letters that came of completing thin orders.
func (t *tally) addDead(records []order.Record) {
	for _, r := range records {
		if r.Dead != nil && !r.Dead.Gone {
			t.dead[maphash.String(t.seed, r.Key())] = true
		}
	}
}

// again counts an order that was asked for in an earlier reading.
func (t *tally) again(o *order.Order, before question) {
	if before.dead {
		t.dead[maphash.String(t.seed, o.ID)] = true
	}
}
