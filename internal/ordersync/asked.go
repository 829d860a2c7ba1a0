package ordersync

import (
	"hash/maphash"
	"time"

	"ordersync/internal/order"
)

// asked are the orders that were completed while a window was read, and kept for the shorter ones that it is halved into: what is stored
// of an order does not tell when it was asked for last, where that brought nothing new, or less than there is.
type asked struct {
	seed  maphash.Seed
	of    map[uint64]question
	until time.Time
}

// question is an order that was completed.
type question struct {
	// Version is that of the list that led to it: a detail is fresher than that.
	order.Version
	// good: it was understood; dead: it was not.
	good, dead bool
}

// enter forgets what was asked for a window that is over.
func (a *asked) enter(window order.Window) {
	if a.of == nil || !window.Since.Before(a.until) {
		a.seed, a.of = maphash.MakeSeed(), map[uint64]question{}
	}
	if window.Until.After(a.until) {
		a.until = window.Until
	}
}

// forget forgets all of it, where the last of what came was not stored.
func (a *asked) forget() { *a = asked{} }

// add notes what was asked for and what came of it.
func (a *asked) add(thin []*order.Order, completed []order.Record) {
	for _, o := range thin {
		a.of[maphash.String(a.seed, o.ID)] = question{Version: o.Version()}
	}
	for _, r := range completed {
		switch {
		case r.Order != nil:
			a.note(r.Order.ID, func(q *question) { q.good = true })
		case !r.Dead.Gone:
			a.note(r.Dead.ID, func(q *question) { q.dead = true })
		}
	}
}

func (a *asked) note(id string, change func(*question)) {
	key := maphash.String(a.seed, id)
	if q, ok := a.of[key]; ok {
		change(&q)
		a.of[key] = q
	}
}

// before returns what is known of an order.
func (a *asked) before(o *order.Order) (q question, ok bool) {
	q, ok = a.of[maphash.String(a.seed, o.ID)]
	return q, ok
}
