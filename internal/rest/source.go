package rest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// ErrNoDetail is what [Source.Order] wraps where the remote knows no such order, or cannot be asked for a single one.
var ErrNoDetail = errors.New("the remote has no such order, or cannot be asked for a single one")

// Source is one remote account. It is safe for many goroutines at once, and keeps nothing that a restart needs.
type Source struct {
	o       Options
	base    *url.URL
	filter  filter
	shape   *shape
	mapping *mapping
	pager   pager

	mu   sync.Mutex
	path string // of Paths, the one that answered
	// habits are what was seen of the remote's paging.
	habits habits
}

// New checks the options, all at once, and makes no call. Failures are of kind fault.Config.
func New(o Options) (*Source, error) {
	if o.Page.SizeValue == 0 {
		o.Page.SizeValue = 100
	}
	o.Page.SizeMax = max(o.Page.SizeMax, o.Page.SizeValue)
	if o.Page.Max == 0 {
		o.Page.Max = 1000
	}
	if o.Detail == nil {
		o.Detail = []string{"", "order", "data", "data.order"}
	}
	problems := checkWindow(o.Window)
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" {
		problems = append(problems, errors.New("base_url: not an address"))
	}
	problems = append(problems, checkOptions(o)...)
	if err := errors.Join(problems...); err != nil {
		return nil, fault.New(fault.Config, err)
	}
	s := &Source{
		o: o, base: base, filter: newFilter(o.Window), shape: newShape(o),
		mapping: newMapping(o.Source, o.Map, o.Window.By, o.Window.Zone),
	}
	s.pager = numbered{source: s}
	return s, nil
}

func checkOptions(o Options) []error {
	var problems []error
	need := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	need(o.Source != "", "source: it has no name")
	need(o.Client != nil, "client: there is none")
	need(len(o.Paths) > 0, "request: no path of the order list is given")
	need(len(o.Records) > 0, "records: no path of the orders inside the answer is given")
	need(len(o.Map.ID.Paths) > 0, "map: id: no path is given")
	need(len(o.Map.OrderedAt.Paths) > 0 || o.Window.By != ByCreated, "map: the time of creation is needed, because windows are read by it")
	need(len(o.Map.ModifiedAt.Paths) > 0 || o.Window.By != ByModified, "map: the time of change is needed, because windows are read by it")
	need(len(o.Map.ModifiedAt.Paths)+len(o.Map.OrderedAt.Paths) > 0, "map: at least one of the times of creation and of change is needed")
	need(o.Page.Number == "" || o.Page.Offset == "", "page: a number and an offset exclude each other")
	need(o.Page.SizeValue > 0 && o.Page.First >= 0 && o.Page.Max > 0, "page: negative numbers mean nothing here")
	for _, status := range slices.Sorted(maps.Keys(o.Map.Status.Words)) {
		ours := o.Map.Status.Words[status]
		need(slices.Contains(order.Statuses(), ours), fmt.Sprintf("map: status: %q is mapped to %q, which is none of ours", status, ours))
	}
	need(o.Map.Status.Default == "" || slices.Contains(order.Statuses(), o.Map.Status.Default), "map: status: the default is none of ours")
	for _, f := range []Field{o.Map.OrderedAt, o.Map.PaidAt, o.Map.ShippedAt, o.Map.CompletedAt, o.Map.CancelledAt, o.Map.ModifiedAt,
		o.Map.Refunds.CreatedAt, o.Map.Refunds.RefundedAt} {
		for _, layout := range f.Layouts {
			need(usable(layout), fmt.Sprintf("map: the layout %q reads no time", layout))
		}
	}
	return problems
}

// Now is the remote's clock. It costs a call when nothing was heard from the remote yet.
func (s *Source) Now(ctx context.Context) (time.Time, error) {
	if now, known := s.o.Client.Now(); known {
		return now, nil
	}
	if err := s.Probe(ctx); err != nil {
		return time.Time{}, fmt.Errorf("ask for the remote's time: %w", err)
	}
	now, _ := s.o.Client.Now() // a remote without a Date leaves us our own clock
	return now, nil
}

// Probe makes one cheap authorised call: a page of one order of the latest step.
func (s *Source) Probe(ctx context.Context) error {
	now, _ := s.o.Client.Now()
	sp := s.filter.span(order.Window{Since: now.Add(-s.filter.Resolution), Until: now}, now)
	query := s.parameters(sp)
	if s.o.Page.Size != "" {
		query.Set(s.o.Page.Size, "1")
	}
	if s.o.Page.Number != "" {
		query.Set(s.o.Page.Number, strconv.Itoa(s.o.Page.First))
	}
	_, err := s.list(ctx, "one order of "+sp.String(), query)
	return err
}

// Pages reads the window once. Pages are asked for by number, so that the cursor is ignored.
func (s *Source) Pages(ctx context.Context, window order.Window, _ order.Cursor) iter.Seq2[order.Page, error] {
	asked, _ := s.o.Client.Now()
	return s.pager.pages(ctx, s.filter.span(window, asked))
}

// Complete returns thin orders as they are: no listing of this kind is thin yet.
func (s *Source) Complete(_ context.Context, thin []*order.Order, done func()) ([]order.Record, error) {
	records := make([]order.Record, len(thin))
	for i, o := range thin {
		records[i].Order = o
		done()
	}
	return records, nil
}

// Order asks for one order: GET {path}/{id}. It wraps [ErrNoDetail] where the remote answers 404.
func (s *Source) Order(ctx context.Context, id string) (order.Record, error) {
	if err := order.ValidateID("id", id); err != nil || strings.Trim(id, ".") == "" {
		return order.Record{}, fault.Errorf(fault.Rejected, "order %q: no order can have this id", id)
	}
	name := "order " + id
	for _, path := range s.detailPaths() {
		var a *answer
		var found gjson.Result
		r, err := s.o.Client.Do(ctx, apiclient.Call{
			Name:  name,
			Build: s.build(strings.TrimSuffix(path, "/")+"/"+url.PathEscape(id), nil),
			Check: func(r *apiclient.Response) (err error) {
				if r.Status/100 == 2 {
					a, found, err = s.detail(r)
				}
				return err
			},
			Accept: []int{http.StatusNotFound, http.StatusGone},
		})
		if err != nil {
			return order.Record{}, fmt.Errorf("%s: %w", name, err)
		}
		if r.Status/100 != 2 {
			continue
		}
		record := s.mapping.decoder(a.text, a.depth, a.sentAt).record(found, a.bytesOf(found))
		if record.Order != nil && record.Order.ID != id {
			return order.Record{}, fault.Errorf(fault.Protocol, "%s: the remote answered with another order", name)
		}
		return record, nil
	}
	return order.Record{}, fmt.Errorf("%s: %w", name, ErrNoDetail)
}

// detailPaths are the list's paths, the one that answered first: a list at /orders/list often has its orders at /orders/{id}.
func (s *Source) detailPaths() []string {
	first := s.paths()
	paths := slices.Clone(first)
	for _, path := range s.o.Paths {
		if !slices.Contains(first, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// detail finds the one order in an answer: at the first path where an object with an id is.
func (s *Source) detail(r *apiclient.Response) (*answer, gjson.Result, error) {
	a := &answer{sentAt: r.SentAt, body: r.Body, text: string(r.Body), depth: depthOf(string(r.Body))}
	root, err := parseJSON(a.text, a.depth)
	if err != nil {
		return nil, gjson.Result{}, err
	}
	d := s.mapping.decoder(a.text, a.depth, a.sentAt)
	for _, path := range s.o.Detail {
		v := root
		if path != "" {
			v = root.Get(path)
		}
		if !v.IsObject() {
			continue
		}
		// A key that stands there twice may be the id itself: such an order becomes a dead letter, it is no other answer.
		twice := s.mapping.orders.walk(v, d.order)
		if id := d.order.first(s.mapping.id); twice != nil || id.Type == gjson.String || id.Type == gjson.Number {
			return a, v, nil
		}
	}
	found := s.shape.inside.scratch()
	if root.IsObject() && s.shape.inside.walk(root, found) == nil {
		if err := s.shape.failure.judge(found, false); err != nil {
			return nil, gjson.Result{}, err
		}
	}
	return nil, gjson.Result{}, fault.New(fault.Protocol, errors.New("the answer holds no order"))
}

// Decode maps one stored record again, as it came from the remote at fetchedAt.
func (s *Source) Decode(payload []byte, fetchedAt time.Time) order.Record {
	text := string(payload)
	depth := depthOf(text)
	d := s.mapping.decoder(text, depth, fetchedAt)
	if depth > maxNesting || !gjson.Valid(text) {
		o := &order.Order{Source: s.o.Source}
		return d.dead(o, payload, errors.New("it is not whole JSON"))
	}
	return d.record(gjson.Parse(text), payload)
}

// Unmapped returns the status words that the map lacks, each with how often it was met since the start. At most a hundred are kept.
func (s *Source) Unmapped() map[string]int {
	s.mapping.mu.Lock()
	defer s.mapping.mu.Unlock()
	return maps.Clone(s.mapping.unmapped)
}
