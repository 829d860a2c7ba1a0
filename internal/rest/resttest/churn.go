package resttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Churn changes a truth as a shop's life does, repeatably: the same seed, clock and calls give the same orders.
type Churn struct {
	// Deletes lets orders vanish, Quiet lets some changes leave the time of change alone.
	Deletes, Quiet bool

	truth  *Truth
	random *rand.Rand
	ids    []string
}

// Churn returns a life of the shop.
func (t *Truth) Churn(seed uint64) *Churn {
	c := &Churn{truth: t, random: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
	for _, o := range t.Orders() {
		c.ids = append(c.ids, o.ID)
	}
	return c
}

// Fill creates n orders at random seconds of a span; a tenth of them share a second with the one before.
func (c *Churn) Fill(n int, since, until time.Time) {
	at := since
	for i := range n {
		if i == 0 || c.random.IntN(10) > 0 {
			at = since.Add(time.Duration(c.random.Int64N(max(int64(until.Sub(since)), 1)))).Truncate(time.Second)
		}
		o := c.order()
		o.Created = at.UTC()
		c.ids = append(c.ids, c.truth.Create(o).ID)
	}
}

// Step makes one change and says what it did.
func (c *Churn) Step() string {
	if len(c.ids) == 0 {
		return c.create()
	}
	id := c.ids[c.random.IntN(len(c.ids))]
	switch n := c.random.IntN(100); {
	case n < 30:
		return c.create()
	case n < 60:
		c.truth.Modify(id, c.advance)
		return "advance " + id
	case n < 70:
		c.truth.Modify(id, func(o *Order) { o.Note = "note " + strconv.Itoa(c.random.IntN(1000)) })
		return "note " + id
	case n < 80:
		c.truth.Modify(id, c.relist)
		return "relist " + id
	case n < 85:
		return c.bulk()
	case n < 90 && c.Quiet:
		c.truth.Amend(id, c.advance)
		return "advance quietly " + id
	case n < 95 && c.Deletes:
		c.truth.Delete(id)
		c.ids = slices.DeleteFunc(c.ids, func(other string) bool { return other == id })
		return "delete " + id
	}
	c.truth.Modify(id, c.advance)
	return "advance " + id
}

func (c *Churn) create() string {
	id := c.truth.Create(c.order()).ID
	c.ids = append(c.ids, id)
	return "create " + id
}

// bulk edits up to fifty orders at one second.
func (c *Churn) bulk() string {
	n := 1 + c.random.IntN(min(50, len(c.ids)))
	ids := make([]string, 0, n)
	for _, i := range c.random.Perm(len(c.ids))[:n] {
		ids = append(ids, c.ids[i])
	}
	mark := strconv.Itoa(c.random.IntN(1000))
	c.truth.BulkEdit(ids, c.truth.Now().Truncate(time.Second), func(o *Order) { o.Note = "bulk " + mark })
	return fmt.Sprintf("edit %d at once", n)
}

// advance moves an order on in its life.
func (c *Churn) advance(o *Order) {
	next := map[string][]string{
		"pending": {"paid", "cancelled"}, "paid": {"shipped", "partially_shipped", "refunded"}, "partially_shipped": {"shipped"},
		"shipped": {"delivered"}, "delivered": {"completed", "refunded"}, "completed": {"partially_refunded"},
	}[o.Status]
	if len(next) == 0 {
		o.Note = "looked at again " + strconv.Itoa(c.random.IntN(1000))
		return
	}
	o.Status = next[c.random.IntN(len(next))]
}

// relist drops a line, or adds one.
func (c *Churn) relist(o *Order) {
	if len(o.Lines) > 1 && c.random.IntN(2) == 0 {
		o.Lines = slices.Delete(o.Lines, 0, 1)
		return
	}
	o.Lines = append(o.Lines, c.line(o.Lines))
}

func (c *Churn) order() Order {
	o := Order{CustomerID: strconv.Itoa(1 + c.random.IntN(500)), Total: c.amount(100_000)}
	for range 1 + c.random.IntN(4) {
		o.Lines = append(o.Lines, c.line(o.Lines))
	}
	return o
}

// line makes a line whose id no other line of the order has.
func (c *Churn) line(others []Line) Line {
	id := 1
	for _, other := range others {
		if n, err := strconv.Atoi(other.ID); err == nil {
			id = max(id, n+1)
		}
	}
	sku := 1 + c.random.IntN(90)
	return Line{
		ID: strconv.Itoa(id), SKU: fmt.Sprintf("SKU-%03d", sku), Name: fmt.Sprintf("Thing %d", sku),
		Quantity: strconv.Itoa(1 + c.random.IntN(5)), Price: c.amount(20_000),
	}
}

// amount is a number with two places.
func (c *Churn) amount(cents int) string {
	n := c.random.IntN(cents)
	return fmt.Sprintf("%d.%02d", n/100, n%100)
}
