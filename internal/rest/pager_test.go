package rest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest"
	"ordersync/internal/rest/resttest"
)

// TestPass reads three days of orders from shops that differ in every way that the preset has to take without being told.
func TestPass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		orders int
		shop   resttest.Shop
		// pages are the page numbers asked for, in order; nil: not looked at.
		pages []int
		sizes []int
		total int // announced by every page; -1: by none
	}{
		{name: "one page, announced", orders: 7, pages: []int{1}, total: 7},
		{name: "nothing at all", orders: 0, pages: []int{1}, total: 0},
		{name: "three pages, announced, from the last to the second", orders: 250, pages: []int{1, 3, 2}, total: 250},
		{
			name: "two full pages: one more is asked for, the total may be short", orders: 200, pages: []int{1, 2, 3}, total: 200,
		},
		{
			name: "the size is clamped: three pages of fifty", orders: 105, shop: resttest.Shop{MaxSize: 50}, pages: []int{1, 3, 2}, total: 105,
		},
		{
			name: "the size is unknown to the server: pages of twenty", orders: 105, shop: resttest.Shop{IgnoreSize: true},
			pages: []int{1, 6, 5, 4, 3, 2}, total: 105,
		},
		{
			name: "the last page is repeated for ever", orders: 200, shop: resttest.Shop{PastEnd: resttest.LastPageAgain},
			pages: []int{1, 2, 3}, total: 200,
		},
		{name: "204 past the end", orders: 200, shop: resttest.Shop{PastEnd: resttest.NoContent}, pages: []int{1, 2, 3}, total: 200},
		{name: "root array, total in a header", orders: 250, shop: resttest.Shop{Envelope: "root", TotalHeader: "X-Total-Count"},
			pages: []int{1, 3, 2}, total: 250},
		{name: "root array, WordPress's header", orders: 30, shop: resttest.Shop{Envelope: "root", TotalHeader: "X-WP-Total"},
			pages: []int{1, 2, 2, 1}, total: 30},
		{name: "under data", orders: 30, shop: resttest.Shop{Envelope: "data", TotalKey: "total_count"}, total: 30},
		{name: "under data.orders, total as text", orders: 30, shop: resttest.Shop{Envelope: "data.orders", QuotedTotal: true}, total: 30},
		{name: "under items, at /orders", orders: 30, shop: resttest.Shop{Envelope: "items", TotalKey: "count", Path: "/orders"}, total: 30},
		{
			name: "no total: forwards to an empty page, asked twice", orders: 250, shop: resttest.Shop{TotalKey: "none"},
			pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
		{
			name: "no total, one page", orders: 7, shop: resttest.Shop{Envelope: "root"}, pages: []int{1, 2, 2}, total: -1,
		},
		{name: "no total, no orders", orders: 0, shop: resttest.Shop{Envelope: "root"}, pages: []int{1}, total: -1},
		{
			name: "no total, 204 past the end", orders: 250, shop: resttest.Shop{Envelope: "root", PastEnd: resttest.NoContent},
			pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
		{
			name: "no total, the last page is repeated", orders: 250, shop: resttest.Shop{Envelope: "root", PastEnd: resttest.LastPageAgain},
			pages: []int{1, 2, 3, 4, 5}, total: -1,
		},
		{
			name: "no total, clamped", orders: 105, shop: resttest.Shop{Envelope: "root", MaxSize: 50}, pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
		{
			name: "no total, no pages: fewer than asked for are all", orders: 97, shop: resttest.Shop{Envelope: "root", IgnorePage: true},
			pages: []int{1, 1}, sizes: []int{100, 100}, total: -1,
		},
		{
			name: "no total, no pages: a full page is asked for again, larger", orders: 397,
			shop:  resttest.Shop{Envelope: "root", IgnorePage: true},
			pages: []int{1, 1, 1, 1}, sizes: []int{100, 100, 200, 400}, total: -1,
		},
		{
			name: "announced, no pages: asked for again until all is there", orders: 250, shop: resttest.Shop{IgnorePage: true},
			pages: []int{1, 1, 1, 1}, sizes: []int{100, 100, 200, 400}, total: 250,
		},
		{
			name: "the total is the page's own count", orders: 250,
			shop:  resttest.Shop{TotalKey: "count", Lie: func(_, rows int) int { return rows }},
			pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
		{
			name: "the total is the page's own count, and the size is clamped", orders: 120,
			shop:  resttest.Shop{TotalKey: "count", MaxSize: 50, Lie: func(_, rows int) int { return rows }},
			pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
		{
			name: "the total stops counting at a hundred", orders: 250, shop: resttest.Shop{Lie: func(n, _ int) int { return min(n, 100) }},
			pages: []int{1, 2, 3, 4, 4}, total: -1,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, test.shop, usServer())
			s.fill(test.orders, date(1, 0), date(3, 23))
			pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(keys(pages)); got != test.orders {
				t.Errorf("%d distinct orders, want %d", got, test.orders)
			}
			gotPages, gotSizes := s.asked()
			if test.pages != nil {
				if diff := cmp.Diff(test.pages, gotPages); diff != "" {
					t.Errorf("pages asked for (-want +got):\n%s", diff)
				}
			}
			if test.sizes != nil {
				if diff := cmp.Diff(test.sizes, gotSizes); diff != "" {
					t.Errorf("sizes asked for (-want +got):\n%s", diff)
				}
			}
			for i, page := range pages {
				total, announced := page.Total.Get()
				if want := test.total; announced != (want >= 0) || announced && total != want {
					t.Errorf("page %d announces %d (%v), want %d", i, total, announced, want)
				}
				if !page.Numbered {
					t.Errorf("page %d is not marked as numbered", i)
				}
			}
		})
	}
}

// TestUnreachable: what cannot be read whole is an error that names the parameter and asks for a shorter window.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		orders int
		shop   resttest.Shop
		want   string
	}{
		{"no pages, more than the largest size", 1200, resttest.Shop{Envelope: "root", IgnorePage: true}, `"page"`},
		{"no pages, and the size is clamped", 150, resttest.Shop{Envelope: "root", IgnorePage: true, MaxSize: 100}, `"page_size" asks for 200`},
		{"neither pages nor sizes", 150, resttest.Shop{Envelope: "root", IgnorePage: true, IgnoreSize: true}, `"page"`},
		{"announced, neither pages nor sizes", 150, resttest.Shop{IgnorePage: true, IgnoreSize: true}, `"page"`},
		{"more pages than a pass may have", 150, resttest.Shop{MaxSize: 1}, "more than 100 pages"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := usServer()
			o.Page.Max = 100
			s := newStand(t, test.shop, o)
			s.fill(test.orders, date(1, 0), date(3, 23))
			_, err := s.read(t.Context(), date(1, 0), date(4, 0))
			if !errors.Is(err, order.ErrTooWide) || fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v (%v), want a protocol fault that is ErrTooWide and names %s", err, fault.KindOf(err), test.want)
			}
			if n := len(s.server.Requests()); n > 115 {
				t.Errorf("%d requests are not bounded", n)
			}
		})
	}
}

// TestFullOrLimited: a day that holds just as many orders as some remotes give at most is told from a limit by what else is known.
func TestFullOrLimited(t *testing.T) {
	t.Parallel()
	t.Run("another month shows more", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", IgnorePage: true}, usServer())
		s.fill(100, date(3, 0), date(3, 23))
		s.fill(60, date(1, 0), date(1, 23))
		pages, err := s.read(t.Context(), date(3, 0), date(4, 0))
		if err != nil || len(keys(pages)) != 100 || len(pages) != 1 {
			t.Errorf("%d orders on %d pages, %v", len(keys(pages)), len(pages), err)
		}
	})
	t.Run("another month shows pages", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", MaxSize: 100, PastEnd: resttest.LastPageAgain}, usServer())
		s.fill(100, date(3, 0), date(3, 23))
		s.fill(60, date(1, 0), date(1, 23))
		pages, err := s.read(t.Context(), date(3, 0), date(4, 0))
		if err != nil || len(keys(pages)) != 100 || len(pages) != 1 {
			t.Errorf("%d orders on %d pages, %v", len(keys(pages)), len(pages), err)
		}
	})
	t.Run("seen before", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", IgnorePage: true}, usServer())
		s.fill(43, date(3, 0), date(3, 23))
		s.fill(10, date(1, 0), date(1, 23))
		if _, err := s.read(t.Context(), date(1, 0), date(4, 0)); err != nil {
			t.Fatal(err)
		}
		before := len(s.server.Requests())
		pages, err := s.read(t.Context(), date(1, 0), date(2, 0))
		if err != nil || len(keys(pages)) != 10 {
			t.Errorf("%d orders, %v", len(keys(pages)), err)
		}
		if n := len(s.server.Requests()) - before; n != 2 {
			t.Errorf("%d requests, want 2: fifty-three came in one answer before, so ten are no limit", n)
		}
	})
}

// TestDrift: rows move between pages while they are read. Nothing that stays in the listing is missed by the pass, wherever one leaves.
func TestDrift(t *testing.T) {
	t.Parallel()
	for _, sorting := range []resttest.Sorting{resttest.NewestFirst, resttest.OldestFirst} {
		for boundary := 1; boundary <= 4; boundary++ {
			s := newStand(t, resttest.Shop{Sorting: sorting, MaxSize: 50}, usServer())
			s.fill(170, date(1, 0), date(3, 23))
			all := s.truth.Orders()
			left := map[string]bool{}
			s.server.Change(func(shop *resttest.Shop) {
				shop.Before = func(r resttest.Request) {
					if r.List == boundary+1 {
						for _, o := range []resttest.Order{all[3], all[60], all[120], all[169]} {
							left[o.ID] = s.truth.Delete(o.ID)
						}
					}
				}
			})
			pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
			if err != nil {
				t.Fatal(err)
			}
			got := keys(pages)
			for _, o := range all {
				if !got[o.ID] && !left[o.ID] {
					t.Errorf("sorting %v, boundary %d: order %s of %s was missed", sorting, boundary, o.ID, o.Created)
				}
			}
			asked, _ := s.asked()
			if diff := cmp.Diff([]int{1, 4, 3, 2, 1}, asked); boundary < 4 && diff != "" {
				t.Errorf("boundary %d: pages (-want +got):\n%s", boundary, diff)
			}
		}
	}
}

// TestTotalMoves: page 1 is asked for again at the end only when another total was announced, and every page carries its own.
func TestTotalMoves(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	s.fill(250, date(1, 0), date(3, 23))
	s.server.Change(func(shop *resttest.Shop) {
		shop.Before = func(r resttest.Request) {
			if r.List == 2 {
				s.fill(1, date(3, 1), date(3, 2))
			}
		}
	})
	pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := s.asked()
	if diff := cmp.Diff([]int{1, 3, 2, 1}, asked); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	var totals []int
	for _, page := range pages {
		totals = append(totals, page.Total.Value())
	}
	if diff := cmp.Diff([]int{250, 251, 251, 251}, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if len(keys(pages)) != 251 {
		t.Errorf("%d orders, want 251", len(keys(pages)))
	}
}

// TestOtherNumbering: pages that count from zero, rows instead of pages, announced pages, and no paging at all.
func TestOtherNumbering(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		shop resttest.Shop
		set  func(*rest.Options)
	}{
		{"from zero", resttest.Shop{FirstPage: -1}, func(o *rest.Options) { o.Page.First = 0 }},
		{"rows", resttest.Shop{Offset: "offset", MaxSize: 40}, func(o *rest.Options) { o.Page.Number, o.Page.Offset = "", "offset" }},
		{"rows, no total", resttest.Shop{Offset: "offset", Envelope: "root"},
			func(o *rest.Options) { o.Page.Number, o.Page.Offset = "", "offset" }},
		{"pages announced", resttest.Shop{TotalKey: "none", PagesKey: "pages"},
			func(o *rest.Options) { o.Page.Pages.Paths = []string{"pages"} }},
		{"all at once", resttest.Shop{TotalKey: "none", DefaultSize: 10_000},
			func(o *rest.Options) { o.Page.Number, o.Page.Size = "", "" }},
		{"sizes alone", resttest.Shop{TotalKey: "none"}, func(o *rest.Options) { o.Page.Number = "" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := usServer()
			test.set(&o)
			s := newStand(t, test.shop, o)
			s.fill(233, date(1, 0), date(3, 23))
			pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
			if err != nil || len(keys(pages)) != 233 {
				t.Errorf("%d orders, want 233; %v", len(keys(pages)), err)
			}
		})
	}
}

// TestLeaving: a reader that leaves ends the pass, and nothing more is asked.
func TestLeaving(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	s.fill(500, date(1, 0), date(3, 23))
	for page, err := range s.Pages(t.Context(), order.Window{Since: date(1, 0), Until: date(4, 0)}, "") {
		if err != nil || len(page.Records) != 100 {
			t.Errorf("%d records, %v", len(page.Records), err)
		}
		break
	}
	if n := len(s.server.Requests()); n != 1 {
		t.Errorf("%d requests after the reader left at the first page, want 1", n)
	}
}

// TestMoving: orders that come and go between two requests make a remote look as if it turned pages, or hide an order. Neither is
// believed.
func TestMoving(t *testing.T) {
	t.Parallel()
	t.Run("no pages, and an order comes before page 2 is asked for", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", IgnorePage: true}, usServer())
		s.fill(122, date(1, 0), date(3, 22))
		s.server.Change(func(shop *resttest.Shop) {
			shop.Before = func(r resttest.Request) {
				if r.List == 2 {
					s.fill(1, date(3, 23), date(4, 0))
				}
			}
		})
		for range 2 {
			pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
			if err != nil || len(keys(pages)) != 123 || len(pages) != 1 {
				t.Errorf("%d orders on %d pages, want 123 on one; %v", len(keys(pages)), len(pages), err)
			}
		}
	})
	t.Run("no pages, and orders come all the time", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", IgnorePage: true}, usServer())
		s.fill(122, date(1, 0), date(3, 22))
		s.server.Change(func(shop *resttest.Shop) {
			shop.Before = func(resttest.Request) { s.fill(1, date(3, 23), date(4, 0)) }
		})
		_, err := s.read(t.Context(), date(1, 0), date(4, 0))
		if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "faster than they can be read") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the total is the page's own count, and an order leaves", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{TotalKey: "count", MaxSize: 10, Lie: func(_, rows int) int { return rows }}, usServer())
		s.fill(11, date(1, 0), date(3, 22))
		all := s.truth.Orders()
		newest := slices.MaxFunc(all, func(a, b resttest.Order) int { return a.Created.Compare(b.Created) })
		s.server.Change(func(shop *resttest.Shop) {
			shop.Before = func(r resttest.Request) {
				if r.List == 2 {
					s.truth.Delete(newest.ID)
				}
			}
		})
		pages, err := s.read(t.Context(), date(1, 0), date(4, 0))
		if err != nil || len(keys(pages)) != len(all) {
			t.Errorf("%d of %d orders, %v", len(keys(pages)), len(all), err)
		}
	})
	t.Run("a shop whose first day holds twenty orders", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, resttest.Shop{Envelope: "root", IgnorePage: true}, usServer())
		s.fill(20, date(1, 0), date(1, 23))
		s.fill(3, date(2, 0), date(3, 23))
		pages, err := s.read(t.Context(), date(1, 0), date(2, 0))
		if err != nil || len(keys(pages)) != 20 {
			t.Errorf("%d orders, %v", len(keys(pages)), err)
		}
	})
}
