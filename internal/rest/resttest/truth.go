package resttest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Order is one order as the shop has it. Amounts and quantities are texts, so that nothing between here and a comparison rounds them.
type Order struct {
	// ID is sent as a number where it is one, unless the shop says otherwise.
	ID         string
	Number     string
	Status     string
	Currency   string
	Total      string
	CustomerID string
	Note       string
	Created    time.Time
	Modified   time.Time
	Lines      []Line
	// Poison spoils the record on the wire.
	Poison Poison
	// Omit and Null name keys that are left out or sent as null, in the shop's own spelling ("note", "line_items").
	Omit, Null []string
	// Extra are further keys, each with its JSON.
	Extra map[string]string
}

// Line is one line of an order. One without ID is sent without.
type Line struct {
	ID, SKU, Name, Quantity, Price string
	// Extra are further keys, each with its JSON.
	Extra map[string]string
}

func (o Order) clone() Order {
	o.Lines = slices.Clone(o.Lines)
	for i := range o.Lines {
		o.Lines[i].Extra = maps.Clone(o.Lines[i].Extra)
	}
	o.Extra = maps.Clone(o.Extra)
	o.Omit, o.Null = slices.Clone(o.Omit), slices.Clone(o.Null)
	return o
}

// Truth is what the shop knows. It is safe for many goroutines. Every change is kept with its moment, so that lagging replicas can
// serve the past.
type Truth struct {
	mu     sync.Mutex
	now    func() time.Time
	next   int
	orders map[string][]version
	// lastWrite keeps changes apart that happen at one instant of a standing clock.
	writes int
}

type version struct {
	at    time.Time
	order Order
	gone  bool
}

// NewTruth returns an empty shop with its own clock; nil: time.Now.
func NewTruth(now func() time.Time) *Truth {
	if now == nil {
		now = time.Now
	}
	return &Truth{now: now, next: 1001, orders: map[string][]version{}}
}

// Now is the shop's clock.
func (t *Truth) Now() time.Time { return t.now().UTC() }

// Create adds an order. What is empty is filled in: an id, a number, USD, the status pending, and now (to the second) as the time of
// creation and of change.
func (t *Truth) Create(o Order) Order {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now().UTC()
	if o.ID == "" {
		o.ID = strconv.Itoa(t.next)
		t.next++
	}
	o.Number = cmp.Or(o.Number, "US-"+o.ID)
	o.Status = cmp.Or(o.Status, "pending")
	o.Currency = cmp.Or(o.Currency, "USD")
	o.Total = cmp.Or(o.Total, "0.00")
	if o.Created.IsZero() {
		o.Created = now.Truncate(time.Second)
	}
	if o.Modified.IsZero() {
		o.Modified = o.Created
	}
	t.write(o, now, false)
	return o.clone()
}

// Modify changes an order and moves its time of change to now, to the second. It reports whether the order is there.
func (t *Truth) Modify(id string, change func(*Order)) bool {
	return t.edit([]string{id}, t.Now().Truncate(time.Second), change) == 1
}

// Amend changes an order without moving its time of change, as some shops do for some changes.
func (t *Truth) Amend(id string, change func(*Order)) bool {
	return t.edit([]string{id}, time.Time{}, change) == 1
}

// BulkEdit changes many orders at one moment: their times of change are equal.
func (t *Truth) BulkEdit(ids []string, at time.Time, change func(*Order)) int {
	return t.edit(ids, at.UTC(), change)
}

func (t *Truth) edit(ids []string, modified time.Time, change func(*Order)) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, now := 0, t.now().UTC()
	for _, id := range ids {
		versions := t.orders[id]
		if len(versions) == 0 || versions[len(versions)-1].gone {
			continue
		}
		o := versions[len(versions)-1].order.clone()
		if !modified.IsZero() {
			o.Modified = modified
		}
		if change != nil {
			change(&o)
		}
		o.ID = id
		t.write(o, now, false)
		n++
	}
	return n
}

// Delete makes an order vanish from the shop.
func (t *Truth) Delete(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	versions := t.orders[id]
	if len(versions) == 0 || versions[len(versions)-1].gone {
		return false
	}
	t.write(versions[len(versions)-1].order, t.now().UTC(), true)
	return true
}

func (t *Truth) write(o Order, at time.Time, gone bool) {
	t.writes++
	t.orders[o.ID] = append(t.orders[o.ID], version{at: at, order: o.clone(), gone: gone})
}

// Writes counts the changes so far.
func (t *Truth) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// Order returns an order as it is now.
func (t *Truth) Order(id string) (Order, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return latest(t.orders[id], time.Time{})
}

// Orders returns all orders as they are now, by id: what a perfect copy would hold.
func (t *Truth) Orders() []Order { return t.at(time.Time{}) }

// Len is the number of orders now.
func (t *Truth) Len() int { return len(t.Orders()) }

// at returns the orders as they were at a moment; zero: now.
func (t *Truth) at(moment time.Time) []Order {
	t.mu.Lock()
	defer t.mu.Unlock()
	orders := make([]Order, 0, len(t.orders))
	for _, id := range slices.SortedFunc(maps.Keys(t.orders), compareIDs) {
		if o, ok := latest(t.orders[id], moment); ok {
			orders = append(orders, o)
		}
	}
	return orders
}

// latest is the last version written at or before a moment.
func latest(versions []version, moment time.Time) (Order, bool) {
	for _, v := range slices.Backward(versions) {
		if moment.IsZero() || !v.at.After(moment) {
			return v.order.clone(), !v.gone
		}
	}
	return Order{}, false
}

// compareIDs orders numeric ids as numbers.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}
