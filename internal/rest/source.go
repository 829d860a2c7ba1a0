package rest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest/wire"
)

// ErrNoDetail is what [Source.Order] wraps where the remote knows no such order, or cannot be asked for a single one.
var ErrNoDetail = errors.New("the remote has no such order, or cannot be asked for a single one")

// Source is one remote account. It is safe for many goroutines at once, and keeps nothing that a restart needs.
type Source struct {
	o      Options
	base   *url.URL
	filter filter
	reader *wire.Reader
	pager  pager

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
	problems := checkWindow(o.Window)
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" {
		problems = append(problems, errors.New("base_url: not an address"))
	}
	problems = append(problems, checkOptions(o)...)
	reader, err := wire.New(wire.Description{
		Source: o.Source, Records: o.Records, Detail: o.Detail, Total: o.Page.Total, Pages: o.Page.Pages,
		Map: o.Map, By: o.Window.By, Zone: o.Window.Zone,
	})
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fault.New(fault.Config, err)
	}
	s := &Source{o: o, base: base, filter: newFilter(o.Window), reader: reader}
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
	need(o.Page.Number == "" || o.Page.Offset == "", "page: a number and an offset exclude each other")
	need(o.Page.SizeValue > 0 && o.Page.First >= 0 && o.Page.Max > 0, "page: negative numbers mean nothing here")
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
		var record order.Record
		r, err := s.o.Client.Do(ctx, apiclient.Call{
			Name:  name,
			Build: s.build(strings.TrimSuffix(path, "/")+"/"+url.PathEscape(id), nil),
			Check: func(r *apiclient.Response) (err error) {
				if r.Status/100 == 2 {
					record, err = s.reader.One(response(r))
				}
				return err
			},
			Accept: []int{http.StatusNotFound, http.StatusGone},
		})
		switch {
		case err != nil:
			return order.Record{}, err
		case r.Status/100 != 2:
			continue
		case record.Order != nil && record.Order.ID != id:
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

// Decode maps one stored record again, as it came from the remote at fetchedAt.
func (s *Source) Decode(payload []byte, fetchedAt time.Time) order.Record {
	return s.reader.Record(payload, fetchedAt)
}

// Unmapped returns the status words that the map lacks, each with how often it was met since the start. At most a hundred are kept.
func (s *Source) Unmapped() map[string]int { return s.reader.Unmapped() }
