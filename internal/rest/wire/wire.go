// Package wire turns what a remote wrote into orders: the one place where its JSON is read.
//
// A [Description] says where everything stands; a [Reader] reads answers by it. What it promises:
//
//   - What is not a list of orders is an error and never an empty list: HTML, a cut body, null, an error object inside a 200.
//   - Each record is read on its own, from its very bytes, which it keeps. One that cannot be understood becomes a dead letter with
//     its reason and as much of its id and version as could be read; its neighbours are not touched. A panic is such a reason too.
//   - Ids and amounts are taken from the text, never through a float. A key that matters and stands there twice, also in other
//     capitals, is a reason; so is a value of the wrong kind. A number written as a text, or the other way round, is none.
//   - What the remote left out stays absent, what it emptied is null: the difference between keeping and clearing.
//   - No error and no reason quotes what the remote sent, but for short error codes.
//   - Nothing a remote can send makes it fail as a whole: depth and length are looked at before anything that needs them small.
package wire

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// Reader reads answers by a description. It is safe for many goroutines at once.
type Reader struct {
	shape   *shape
	mapping *mapping
	detail  []string
}

// New checks the description and makes it ready. It returns all that is wrong with it, joined.
func New(d Description) (*Reader, error) {
	if d.Detail == nil {
		d.Detail = []string{"", "order", "data", "data.order"}
	}
	if err := errors.Join(check(d)...); err != nil {
		return nil, err
	}
	return &Reader{shape: newShape(d), mapping: newMapping(d), detail: d.Detail}, nil
}

func check(d Description) []error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	m := d.Map
	need(len(d.Records) > 0, "records: no path of the orders inside the answer is given")
	need(len(m.ID.Paths) > 0, "map: id: no path is given")
	need(len(m.OrderedAt.Paths) > 0 || d.By != ByCreated, "map: the time of creation is needed, because windows are read by it")
	need(len(m.ModifiedAt.Paths) > 0 || d.By != ByModified, "map: the time of change is needed, because windows are read by it")
	need(len(m.ModifiedAt.Paths)+len(m.OrderedAt.Paths) > 0, "map: at least one of the times of creation and of change is needed")
	for _, word := range slices.Sorted(maps.Keys(m.Status.Words)) {
		ours := m.Status.Words[word]
		need(slices.Contains(order.Statuses(), ours), "map: status: %q is mapped to %q, which is none of ours", word, ours)
	}
	need(m.Status.Default == "" || slices.Contains(order.Statuses(), m.Status.Default), "map: status: the default is none of ours")
	for _, f := range []Field{
		m.OrderedAt, m.PaidAt, m.ShippedAt, m.CompletedAt, m.CancelledAt, m.ModifiedAt, m.Refunds.CreatedAt, m.Refunds.RefundedAt,
	} {
		for _, layout := range f.Layouts {
			need(Usable(layout), "map: the layout %q reads no time", layout)
		}
	}
	return problems
}

// One reads the answer to a question for a single order: the first object with an id at one of the detail paths.
func (r *Reader) One(response Response) (order.Record, error) {
	a, err := newAnswer(response.Body)
	if err != nil {
		return order.Record{}, err
	}
	d := r.mapping.decoder(a.text, a.depth, response.SentAt)
	for _, path := range r.detail {
		v := a.root
		if path != "" {
			v = a.root.Get(path)
		}
		if v.IsObject() && d.hasID(v) {
			return d.record(v, a.bytesOf(v)), nil
		}
	}
	found := r.shape.inside.scratch()
	if a.root.IsObject() && r.shape.inside.walk(a.root, found) == nil {
		if err := r.shape.failure.judge(found, false); err != nil {
			return order.Record{}, err
		}
	}
	return order.Record{}, fault.New(fault.Protocol, errors.New("the answer holds no order"))
}

// hasID reports whether an object is an order. A key that stands there twice may be the id itself: such an order becomes a dead letter,
// it is no other answer.
func (d *decoder) hasID(v gjson.Result) bool {
	if d.orders.walk(v, d.order) != nil {
		return true
	}
	id := d.order.first(d.id)
	return id.Type == gjson.String || id.Type == gjson.Number
}

// Record reads one stored record again, as it came at fetchedAt.
func (r *Reader) Record(payload []byte, fetchedAt time.Time) order.Record {
	text := string(payload)
	depth := depthOf(text)
	d := r.mapping.decoder(text, depth, fetchedAt)
	if depth > maxNesting || !gjson.Valid(text) {
		return d.dead(&order.Order{}, payload, errors.New("it is not whole JSON"))
	}
	return d.record(gjson.Parse(text), payload)
}

// Unmapped returns the status words that the description lacks, each with how often it was met. At most a hundred are kept.
func (r *Reader) Unmapped() map[string]int {
	r.mapping.mu.Lock()
	defer r.mapping.mu.Unlock()
	return maps.Clone(r.mapping.unmapped)
}
