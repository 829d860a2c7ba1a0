package mysql_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

// reference is the store in a few lines: what must be in the tables after any sequence of pages.
type reference struct {
	orders map[string]*order.Order
	dead   map[string]*order.DeadLetter
	// moved are the orders that the last page changed.
	moved map[string]bool
}

func newer(a, b order.Version) bool {
	if a.ModifiedAt.IsZero() || b.ModifiedAt.IsZero() {
		return a.FetchedAt.After(b.FetchedAt)
	}
	return a.Compare(b) > 0
}

func (r *reference) apply(records []order.Record) {
	r.moved = map[string]bool{}
	best, worst := map[string]*order.Order{}, map[string]*order.DeadLetter{}
	for _, rec := range records {
		if o := rec.Order; o != nil && (best[o.ID] == nil || o.Version().Compare(best[o.ID].Version()) >= 0) {
			best[o.ID] = o
		}
		if d := rec.Dead; d != nil && (worst[d.ID] == nil || !newer(worst[d.ID].Version, d.Version)) {
			worst[d.ID] = d
		}
	}
	before := maps.Clone(r.orders)
	for id, o := range best {
		r.accept(id, o)
	}
	for id, d := range worst {
		if o := before[id]; o != nil && !newer(d.Version, o.Version()) {
			continue
		}
		if o := best[id]; o != nil && !newer(d.Version, o.Version()) {
			continue
		}
		if old := r.dead[id]; old == nil || !newer(old.Version, d.Version) {
			r.dead[id] = d
		}
	}
}

func (r *reference) accept(id string, o *order.Order) {
	if d := r.dead[id]; d != nil && !newer(d.Version, o.Version()) {
		delete(r.dead, id)
	}
	merged := *o
	if items, ok := o.Items.Get(); ok {
		merged.Items = order.Some(slices.Clone(items))
	}
	old := r.orders[id]
	if old != nil {
		if o.Version().Compare(old.Version()) < 0 {
			return
		}
		merged.Merge(old)
		a, b := flatten(&merged), flatten(old)
		a.FetchedAt, b.FetchedAt, a.Raw, b.Raw = time.Time{}, time.Time{}, "", ""
		if cmp.Equal(a, b) {
			old.Raw = o.Raw
			return
		}
	}
	r.orders[id] = &merged
	r.moved[id] = true
}

// drawOrder draws an order that leaves out some of what it could say.
func drawOrder(t *rapid.T, ids []string) *order.Order {
	o := &order.Order{
		Source: shop, ID: rapid.SampledFrom(ids).Draw(t, "id"),
		ModifiedAt: at(rapid.IntRange(1, 4).Draw(t, "modified")), FetchedAt: at(rapid.IntRange(1, 6).Draw(t, "fetched")),
		Number: drawField(t, "number"), BuyerNote: drawField(t, "note"),
	}
	if rapid.Bool().Draw(t, "has lines") {
		var items []order.Item
		for i := range 3 {
			if rapid.Bool().Draw(t, "line") {
				items = append(items, order.Item{LineID: fmt.Sprint("l", i), SKU: drawField(t, "sku")})
			}
		}
		o.Items = order.Some(items)
	}
	if rapid.Bool().Draw(t, "has refunds") {
		var refunds []order.Refund
		for i := range 2 {
			if rapid.Bool().Draw(t, "refund") {
				refunds = append(refunds, order.Refund{ID: fmt.Sprint(o.ID, i), Reason: drawField(t, "reason")})
			}
		}
		o.Refunds = order.Some(refunds)
	}
	o.Raw = raw("%+v", flatten(o))
	if rapid.IntRange(0, 4).Draw(t, "other words") == 0 {
		o.Raw = append(o.Raw, ' ')
	}
	return o
}

func drawField(t *rapid.T, label string) order.Field[string] {
	switch v := rapid.IntRange(0, 3).Draw(t, label); v {
	case 0:
		return order.Field[string]{}
	case 1:
		return order.Null[string]()
	default:
		return text(fmt.Sprint(v))
	}
}

func drawPage(t *rapid.T, ids []string) []order.Record {
	var records []order.Record
	for range rapid.IntRange(1, 3).Draw(t, "records") {
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			d := bad(rapid.SampledFrom(ids).Draw(t, "dead"), rapid.SampledFrom([]int{-1, 1, 2, 3, 4}).Draw(t, "modified"),
				rapid.IntRange(1, 6).Draw(t, "fetched"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "reason"))
			records = append(records, dead(d))
			continue
		}
		records = append(records, record(drawOrder(t, ids)))
	}
	return records
}

// TestAnyArrivalOrder commits random pages of random versions, whole and partial, good and dead, and compares the tables with the
// reference after each.
func TestAnyArrivalOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check := 0
	rapid.Check(t, func(t *rapid.T) {
		check++ // each check has ids of its own
		ids := []string{fmt.Sprint("A", check), fmt.Sprint("a", check), fmt.Sprint("b", check)}
		ref := &reference{orders: map[string]*order.Order{}, dead: map[string]*order.DeadLetter{}}
		synced := map[string]time.Time{}
		for range rapid.IntRange(2, 6).Draw(t, "pages") {
			records := drawPage(t, ids)
			ref.apply(records)
			w.commit(1, records...)
			for _, id := range ids {
				want := ref.orders[id]
				if want == nil {
					continue
				}
				got := w.order(id)
				if diff := diffOrders(want, &got.Order); diff != "" {
					t.Fatalf("order %s (-want +got):\n%s", id, diff)
				}
				if moved := !got.SyncedAt.Equal(synced[id]); moved != ref.moved[id] {
					t.Fatalf("order %s: synced_at moved: %v, want %v", id, moved, ref.moved[id])
				}
				synced[id] = got.SyncedAt
			}
			for _, id := range ids {
				got, err := w.db.DeadLetter(w.t.Context(), shop, id)
				want := ref.dead[id]
				if want == nil {
					if !errors.Is(err, mysql.ErrNotStored) {
						t.Fatalf("dead letter %s: %+v, %v, want none", id, got, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("dead letter %s: %v, want %+v", id, err, want)
				}
				if diff := cmp.Diff(*want, got.DeadLetter); diff != "" {
					t.Fatalf("dead letter %s (-want +got):\n%s", id, diff)
				}
			}
		}
	})
}

// TestWholeVersionsConverge shows that whole orders end in the same state in whatever order they arrive.
func TestWholeVersionsConverge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check := 0
	rapid.Check(t, func(t *rapid.T) {
		check++
		id := fmt.Sprint(check)
		var versions []*order.Order
		for i := range rapid.IntRange(2, 5).Draw(t, "versions") {
			o := whole(id, i, rapid.IntRange(1, 9).Draw(t, "fetched"))
			o.Items = some(line(fmt.Sprint("l", rapid.IntRange(0, 2).Draw(t, "line")), fmt.Sprint(i)))
			versions = append(versions, o)
		}
		newest := versions[len(versions)-1]
		for _, o := range rapid.Permutation(versions).Draw(t, "arrival") {
			w.commit(1, record(o))
		}
		if diff := diffOrders(newest, &w.order(id).Order); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
