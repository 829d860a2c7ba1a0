package mysql

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// gathered are the records of one page as they will be written, each id once, sorted by key: so that all transactions lock rows in
// the same order.
type gathered struct {
	source order.SourceID
	orders []*incoming
	dead   []*order.DeadLetter
	// repeated counts the records that lost to a newer one of the same page.
	repeated int
}

// incoming is an order with what is known of it before the database is asked. It does not change over the attempts.
type incoming struct {
	*order.Order
	// mapped is the hash of what was read, with what was left out as empty; read is that of the remote's text and of mapped: another
	// one for the same text means that the field map has changed.
	mapped, read [sha256.Size]byte
	partial      bool
}

// gather takes the records of a page apart. Of several with one id the newest counts, of equal versions the last.
func gather(source order.SourceID, records []order.Record) (*gathered, error) {
	g := &gathered{source: source}
	orders := make(map[string]*order.Order, len(records))
	dead := map[string]*order.DeadLetter{}
	for i, r := range records {
		switch {
		case r.Order != nil && r.Dead == nil:
			if err := admit(source, r.Order.Source, r.Order.FetchedAt); err != nil {
				return nil, err
			}
			old, ok := orders[r.Order.ID]
			if !ok || r.Order.Version().Compare(old.Version()) >= 0 {
				orders[r.Order.ID] = r.Order
			}
			if ok {
				g.repeated++
			}
		case r.Dead != nil && r.Order == nil:
			if err := admit(source, r.Dead.Source, r.Dead.Version.FetchedAt); err != nil {
				return nil, err
			}
			if g.bury(dead, r.Dead) {
				g.repeated++
			}
		default:
			return nil, fault.Errorf(fault.Internal, "record %d of the page is neither an order nor a dead letter, or both", i+1)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(orders)) {
		o := orders[id]
		o.Sort()
		g.orders = append(g.orders, newIncoming(o))
	}
	for _, id := range slices.Sorted(maps.Keys(dead)) {
		g.dead = append(g.dead, dead[id])
	}
	return g, nil
}

func newIncoming(o *order.Order) *incoming {
	i := &incoming{Order: o, mapped: o.Hash(), partial: o.Partial()}
	h := sha256.New()
	h.Write(o.Raw)
	h.Write(i.mapped[:])
	h.Sum(i.read[:0])
	return i
}

// admit refuses what no source of ours may bring.
func admit(want, got order.SourceID, fetched time.Time) error {
	if got != want {
		return fault.Errorf(fault.Internal, "a record of source %q came to be stored under %q", got, want)
	}
	if fetched.IsZero() {
		return fault.Errorf(fault.Internal, "a record of source %q does not say when it was fetched", got)
	}
	return nil
}

// bury adds a dead letter and reports whether there was one with its id already. An id that no key column can hold gives way to the
// hash of the text.
func (g *gathered) bury(dead map[string]*order.DeadLetter, d *order.DeadLetter) (repeated bool) {
	if order.ValidateID("id", d.ID) != nil {
		d = new(*d)
		d.ID = order.PayloadID(d.Payload)
	}
	old, ok := dead[d.ID]
	if !ok || compareDead(d.Version, old.Version) >= 0 {
		dead[d.ID] = d
	}
	return ok
}

// compareDead compares versions of which one belongs to a dead letter, whose time of change may be unknown.
func compareDead(a, b order.Version) int {
	if a.ModifiedAt.IsZero() || b.ModifiedAt.IsZero() {
		return order.Instant(a.FetchedAt).Compare(order.Instant(b.FetchedAt))
	}
	return stored(a).Compare(stored(b))
}

// stored is a version as the database keeps it.
func stored(v order.Version) order.Version {
	return order.Version{ModifiedAt: order.Instant(v.ModifiedAt), FetchedAt: order.Instant(v.FetchedAt)}
}

// demote makes dead letters of the orders that the database refused.
// It reports whether it found any of them.
func (g *gathered) demote(refused []refusal) bool {
	reasons := make(map[string]string, len(refused))
	for _, r := range refused {
		reasons[r.id] = r.reason
	}
	dead := make(map[string]*order.DeadLetter, len(g.dead)+len(refused))
	for _, d := range g.dead {
		dead[d.ID] = d
	}
	kept := make([]*incoming, 0, len(g.orders))
	for _, o := range g.orders {
		reason, bad := reasons[o.ID]
		if !bad {
			kept = append(kept, o)
			continue
		}
		if g.bury(dead, &order.DeadLetter{Source: o.Source, ID: o.ID, Version: o.Version(), Reason: reason, Payload: o.Raw}) {
			g.repeated++
		}
	}
	found := len(kept) < len(g.orders)
	g.orders = kept
	g.dead = slices.SortedFunc(maps.Values(dead), func(a, b *order.DeadLetter) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// refusal is an order that the database does not take, and why.
type refusal struct{ id, reason string }

func (r refusal) Error() string { return fmt.Sprintf("one order cannot be stored: %s", r.reason) }
