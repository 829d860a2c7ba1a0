package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest/wire"
)

// refusals are statuses that may mean that a span is too wide. 404 and 410 may mean that the list is at another path.
func refusals() []int {
	return []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity}
}

// parameters are the query of a listing, without the place in it.
func (s *Source) parameters(sp span) url.Values {
	query := url.Values{}
	for name, value := range s.o.Query {
		if value = strings.ReplaceAll(value, "{filter_status}", s.o.FilterStatus); value != "" {
			query.Set(name, value)
		}
	}
	if sp.lo != "" {
		query.Set(s.filter.Since, sp.lo)
	}
	if sp.hi != "" {
		query.Set(s.filter.Until, sp.hi)
	}
	if s.o.Sort.Name != "" {
		query.Set(s.o.Sort.Name, s.o.Sort.Value)
	}
	return query
}

// list asks for one page of a listing, at the first path that answers.
func (s *Source) list(ctx context.Context, name string, query url.Values) (*wire.Listing, error) {
	paths := s.paths()
	for _, path := range paths {
		l, found, err := s.listAt(ctx, name, path, query)
		if err != nil || found {
			return l, err
		}
	}
	s.forget()
	return nil, fault.Errorf(fault.Protocol, "%s: the remote has no list at %s (404)", name, strings.Join(paths, " or "))
}

// listAt asks at one path; found is false where the remote answers that there is no such path.
func (s *Source) listAt(ctx context.Context, name, path string, query url.Values) (l *wire.Listing, found bool, err error) {
	r, err := s.o.Client.Do(ctx, apiclient.Call{
		Name:  name,
		Build: s.build(path, query),
		Check: func(r *apiclient.Response) (err error) {
			switch {
			case r.Status == http.StatusNoContent:
				l = &wire.Listing{}
			case r.Status/100 == 2:
				l, err = s.reader.Listing(response(r))
			}
			return err
		},
		Accept: append(refusals(), http.StatusNoContent, http.StatusNotFound, http.StatusGone),
	})
	switch {
	case err != nil:
		return nil, false, err
	case r.Status == http.StatusNotFound || r.Status == http.StatusGone:
		return nil, false, nil
	case slices.Contains(refusals(), r.Status):
		return nil, false, fmt.Errorf("%s: %w", name, s.refusal(r))
	}
	s.remember(path)
	return l, true, nil
}

// response hands an answer to the room that reads it.
func response(r *apiclient.Response) wire.Response {
	return wire.Response{Body: r.Body, Header: r.Header.Get, SentAt: r.SentAt}
}

// build returns what makes the request of each attempt.
func (s *Source) build(path string, query url.Values) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		address := *s.base.JoinPath(path)
		address.RawQuery = query.Encode() // encodes "+" too, which would arrive as a blank
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "application/json")
		return r, nil
	}
}

// refusal judges a 400, 413, 414 or 422: does the remote complain about the span, or about something that halving cannot help?
func (s *Source) refusal(r *apiclient.Response) error {
	code := wire.Code(r.Body)
	if code != "" {
		code = ", code " + code
	}
	if r.Status == http.StatusRequestEntityTooLarge || r.Status == http.StatusRequestURITooLong || wire.AboutSpan(r.Body) {
		return fault.Errorf(fault.Protocol, "the remote refuses the span of %q and %q (status %d%s): %w",
			s.filter.Since, s.filter.Until, r.Status, code, order.ErrTooWide)
	}
	return fault.Errorf(fault.Protocol, "the remote refuses the request (status %d%s)", r.Status, code)
}

// paths are the paths to try: the one that answered before, or all.
func (s *Source) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" {
		return []string{s.path}
	}
	return s.o.Paths
}

func (s *Source) remember(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path = path
}

// forget lets the next call try all paths again, so that a remote that moved its list is found without a restart.
func (s *Source) forget() { s.remember("") }
