package rest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest"
	"ordersync/internal/rest/resttest"
)

// TestGuarantee covers those of the guarantees for every description that are this room's: each is a server that breaks a rule, and
// what must come of it.
func TestGuarantee(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		shop  resttest.Shop
		fault []resttest.Fault
		set   func(*rest.Options)
		kind  fault.Kind
		want  string // in the error
	}{
		{name: "dates are ignored", shop: resttest.Shop{IgnoreDates: true, Sorting: resttest.OldestFirst},
			kind: fault.Protocol, want: `"start_date"`},
		{name: "only the end is ignored", shop: resttest.Shop{Until: "to", Sorting: resttest.OldestFirst},
			kind: fault.Protocol, want: `"end_date"`},
		{name: "the filter looks at another time", shop: resttest.Shop{ByModification: true}, set: func(o *rest.Options) {
			*o = byModified()
			o.Map.ModifiedAt = o.Map.OrderedAt
		}, kind: fault.Protocol, want: "another time than the one mapped as modified"},
		{name: "400 about the span", shop: resttest.Shop{Widest: 12 * time.Hour}, kind: fault.Protocol, want: "refuses the span"},
		{name: "413", fault: []resttest.Fault{resttest.Status(413)}, kind: fault.Protocol, want: "refuses the span"},
		{name: "414", fault: []resttest.Fault{resttest.Status(414)}, kind: fault.Protocol, want: "refuses the span"},
		{name: "400 about something else", fault: []resttest.Fault{resttest.Status(400)}, kind: fault.Protocol, want: "status 400, code 400"},
		{name: "401", shop: resttest.Shop{Token: "other"}, kind: fault.Auth, want: "401"},
		{name: "404 at both paths", shop: resttest.Shop{Path: "/orders/all"}, kind: fault.Protocol, want: "no list at /orders/list or /orders"},
		{name: "F16: HTML for ever", fault: always(resttest.HTML()), kind: fault.Transient, want: "page for people"},
		{name: "F16: HTML once", fault: []resttest.Fault{resttest.HTML()}},
		{name: "F16: JSON called text", fault: []resttest.Fault{{ContentType: "text/plain"}}},
		{name: "F07: cut without a sign, for ever", fault: always(resttest.Cut(300, true)), kind: fault.Transient, want: "cut short"},
		{name: "F07: cut without a sign, once", fault: []resttest.Fault{resttest.Cut(300, true)}},
		{name: "F08: cut", fault: []resttest.Fault{resttest.Cut(300, false)}},
		{name: "F11: 500 twice", fault: []resttest.Fault{resttest.Status(500), resttest.Status(503)}},
		{name: "F17: an error object", fault: always(resttest.ErrorObject("1", "Jane Doe is unknown")), kind: fault.Protocol, want: "(code 1)"},
		{name: "F17: with an empty list", fault: always(resttest.Answer(`{"code":1,"msg":"x","data":[]}`)), kind: fault.Protocol, want: "(code 1)"},
		{name: "F17: by a word", fault: always(resttest.Answer(`{"error":"maintenance"}`)), kind: fault.Protocol, want: "(code maintenance)"},
		{name: "F17: that means 500, once", fault: []resttest.Fault{resttest.ErrorObject("500", "x")}},
		{name: "F17: that means 401", fault: always(resttest.ErrorObject("401", "x")), kind: fault.Auth, want: "(code 401)"},
		{name: "F18: null", fault: always(resttest.Answer("null")), kind: fault.Transient, want: "holds nothing"},
		{name: "F18: an empty object", fault: always(resttest.Answer("{ }")), kind: fault.Transient, want: "holds nothing"},
		{name: "F18: no body", fault: always(resttest.Fault{Empty: true}), kind: fault.Transient, want: "empty"},
		{name: "F18: no list", fault: always(resttest.Answer(`{"shop":"x"}`)), kind: fault.Protocol, want: "records.path"},
		{name: "F31: malformed, once", fault: []resttest.Fault{resttest.Answer(`{"orders":[{"id":1},]}`)}},
		{name: "a negative total", shop: resttest.Shop{Lie: func(int, int) int { return -1 }}, kind: fault.Protocol, want: `at "total" is negative`},
		{name: "an absurd total", shop: resttest.Shop{Lie: func(int, int) int { return 1e12 }}, kind: fault.Protocol, want: "beyond belief"},
		{name: "an absurd total in a header", shop: resttest.Shop{TotalHeader: "X-Total-Count", Envelope: "root",
			Lie: func(int, int) int { return -3 }}, kind: fault.Protocol, want: "header X-Total-Count is negative"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := usServer()
				if test.set != nil {
					test.set(&o)
				}
				s := newStand(t, test.shop, o)
				s.fill(200, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), date(4, 0))
				s.fill(5, date(1, 0), date(2, 0))
				if test.shop.ByModification {
					s.truth.BulkEdit([]string{"1001", "1002", "1003"}, date(1, 12), nil)
				}
				if test.shop.Token != "" {
					s.server.Change(func(shop *resttest.Shop) { shop.Token = test.shop.Token })
				}
				s.server.Fail(test.fault...)
				pages, err := s.read(t.Context(), date(1, 0), date(2, 0))
				if test.kind == 0 {
					if err != nil || len(keys(pages)) < 5 {
						t.Errorf("%d orders, %v", len(keys(pages)), err)
					}
					return
				}
				if err == nil || fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("got %v (%v), want %v with %q", err, fault.KindOf(err), test.kind, test.want)
				}
				if wide := strings.Contains(test.want, "span"); errors.Is(err, order.ErrTooWide) != wide {
					t.Errorf("ErrTooWide: %v, want %v", !wide, wide)
				}
				for _, secret := range []string{"secret", "Jane", "start_date=", "page_size="} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error tells %q: %v", secret, err)
					}
				}
				if len(keys(pages)) != 0 {
					t.Errorf("%d orders before the error", len(keys(pages)))
				}
			})
		})
	}
}

func always(f resttest.Fault) []resttest.Fault { return []resttest.Fault{f, f, f, f} }

// TestPathIsRemembered: the path that answers is used from then on; when it is gone, all are tried again.
func TestPathIsRemembered(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{Path: "/orders"}, usServer())
	s.fill(3, date(1, 0), date(2, 0))
	for range 2 {
		if pages, err := s.read(t.Context(), date(1, 0), date(3, 0)); err != nil || len(keys(pages)) != 3 {
			t.Fatalf("%d orders, %v", len(keys(pages)), err)
		}
	}
	s.server.Change(func(shop *resttest.Shop) { shop.Path = "/orders/list" })
	if _, err := s.read(t.Context(), date(1, 0), date(3, 0)); fault.KindOf(err) != fault.Protocol {
		t.Errorf("a path that is gone: %v", err)
	}
	if pages, err := s.read(t.Context(), date(1, 0), date(3, 0)); err != nil || len(keys(pages)) != 3 {
		t.Errorf("after the shop moved its list: %d orders, %v", len(keys(pages)), err)
	}
	var paths []string
	for _, r := range s.server.Requests() {
		paths = append(paths, strings.TrimPrefix(r.Path, "/api"))
	}
	want := []string{"/orders/list", "/orders", "/orders", "/orders", "/orders/list"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

// TestRequest: what is sent, word for word.
func TestRequest(t *testing.T) {
	t.Parallel()
	o := usServer()
	o.FilterStatus = "paid & shipped"
	o.Query["fields[a]"] = "x+y"
	o.Sort = rest.Parameter{Name: "sort", Value: "id"}
	s := newStand(t, resttest.Shop{}, o)
	if _, err := s.read(t.Context(), date(1, 0), date(3, 12)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"start_date": "2026-11-01", "end_date": "2026-11-03", "page": "1", "page_size": "100", "filter_status": "paid & shipped",
		"fields[a]": "x+y", "sort": "id",
	}
	if diff := cmp.Diff(want, s.server.Requests()[0].Query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	o = usServer()
	s = newStand(t, resttest.Shop{}, o)
	if _, err := s.read(t.Context(), date(1, 0), date(3, 12)); err != nil {
		t.Fatal(err)
	}
	if query := s.server.Requests()[0].Query; len(query) != 4 {
		t.Errorf("without a filter for the status the query is %v", query)
	}
}

// TestBeyond: a filter by days brings what lies after the window's end; it is there and marked.
func TestBeyond(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	for hour := range 24 {
		s.truth.Create(resttest.Order{Created: date(3, hour)})
	}
	pages, err := s.read(t.Context(), date(3, 6), date(3, 15))
	if err != nil {
		t.Fatal(err)
	}
	within := 0
	for _, record := range pages[0].Records {
		if !record.Beyond {
			within++
		}
	}
	if got := len(pages[0].Records); got != 24 || within != 15 {
		t.Errorf("%d orders, %d of them before the end; want 24 and 15", got, within)
	}
}

// TestModified reads by instants of change, in pages of ties that come shuffled anew each time.
func TestModified(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{ByModification: true, Sorting: resttest.ByModified, Seed: 7, UntilExclusive: true}, func() rest.Options {
		o := byModified()
		o.Window.UntilBound = rest.Exclusive
		return o
	}())
	s.fill(120, date(1, 0), date(3, 0))
	var ids []string
	for _, o := range s.truth.Orders() {
		ids = append(ids, o.ID)
	}
	s.truth.BulkEdit(ids, date(4, 9), func(o *resttest.Order) { o.Status = "shipped" })
	pages, err := s.read(t.Context(), date(4, 8), date(4, 9))
	if err != nil || len(keys(pages)) != 0 {
		t.Errorf("%d orders before the edit, %v", len(keys(pages)), err)
	}
	seen := map[string]bool{}
	for range 6 {
		pages, err = s.read(t.Context(), date(4, 9), date(4, 10))
		if err != nil {
			t.Fatal(err)
		}
		for key := range keys(pages) {
			seen[key] = true
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120 ties after six readings", len(seen))
	}
}

// TestPoison: poisoned records are dead letters under their own ids; their neighbours are orders.
func TestPoison(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{Sorting: resttest.OldestFirst}, usServer())
	poisons := []resttest.Poison{
		resttest.BadMoney, resttest.NoID, resttest.NullID, resttest.TwiceKey, resttest.FoldedKey, resttest.HugeNote,
		resttest.DeepNesting, resttest.BadTime, resttest.BadUTF8, resttest.BadQuantity, resttest.NotAnObject,
	}
	for i, poison := range poisons {
		s.truth.Create(resttest.Order{Created: date(1, i), Poison: poison, Lines: []resttest.Line{{SKU: "A", Quantity: "1", Price: "1"}}})
		s.truth.Create(resttest.Order{Created: date(1, i).Add(time.Minute)})
	}
	pages, err := s.read(t.Context(), date(1, 0), date(3, 0))
	if err != nil {
		t.Fatal(err)
	}
	records := pages[0].Records
	if len(records) != 2*len(poisons) {
		t.Fatalf("%d records, want %d", len(records), 2*len(poisons))
	}
	nameless := map[resttest.Poison]bool{resttest.NoID: true, resttest.NullID: true, resttest.BadUTF8: true, resttest.NotAnObject: true}
	for i, poison := range poisons {
		dead, good := records[2*i].Dead, records[2*i+1].Order
		switch {
		case dead == nil || good == nil:
			t.Errorf("%s: dead letter %v, neighbour %v", poison, dead != nil, good != nil)
			continue
		case strings.HasPrefix(dead.ID, "sha256:") != nameless[poison]:
			t.Errorf("%s: its key is %s", poison, dead.ID)
		case dead.Reason == "" || len(dead.Reason) > 200 || len(dead.Payload) == 0 || len(dead.Payload) > 1<<20:
			t.Errorf("%s: reason %q, payload of %d bytes", poison, dead.Reason, len(dead.Payload))
		case dead.Version.FetchedAt.IsZero() || poison != resttest.NotAnObject && poison != resttest.BadTime && dead.Version.ModifiedAt.IsZero():
			t.Errorf("%s: version %v", poison, dead.Version)
		}
		again := s.Decode(dead.Payload, dead.Version.FetchedAt)
		if again.Dead == nil || again.Dead.Reason != dead.Reason && poison != resttest.HugeNote {
			t.Errorf("%s: decoded again: %+v", poison, again)
		}
	}
}

// TestOrder asks for one order.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, shop := range map[string]resttest.Shop{
		"at the list's path": {}, "at /orders": {Detail: "/orders"}, "under data": {Envelope: "data"}, "list at /orders": {Path: "/orders"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, shop, usServer())
			id := s.truth.Create(resttest.Order{ID: "A/1 %2e", Created: date(1, 0), Status: "Partially Shipped"}).ID
			record, err := s.Order(t.Context(), id)
			if err != nil || record.Order == nil || record.Order.ID != id || record.Order.Status.Value() != order.StatusPartiallyShipped {
				t.Fatalf("%+v, %v", record.Order, err)
			}
			again := s.Decode(record.Order.Raw, record.Order.FetchedAt)
			if again.Order == nil || again.Order.Hash() != record.Order.Hash() {
				t.Errorf("decoded again: %+v", again)
			}
			if _, err := s.Order(t.Context(), "2"); !errors.Is(err, rest.ErrNoDetail) {
				t.Errorf("an order that is not there: %v", err)
			}
		})
	}
	s := newStand(t, resttest.Shop{Detail: "none"}, usServer())
	id := s.truth.Create(resttest.Order{Created: date(1, 0)}).ID
	if _, err := s.Order(t.Context(), id); !errors.Is(err, rest.ErrNoDetail) {
		t.Errorf("a shop without single orders: %v", err)
	}
	for _, id := range []string{"", "..", " 1", "1\n"} {
		if _, err := s.Order(t.Context(), id); fault.KindOf(err) != fault.Rejected {
			t.Errorf("id %q: %v", id, err)
		}
	}
	s = newStand(t, resttest.Shop{}, usServer())
	for body, want := range map[string]string{
		`{"id":2,"created_at":"2026-11-01T00:00:00Z"}`: "another order", `{"shop":1}`: "no order", `{"error":"E17"}`: "code E17",
	} {
		s.server.Fail(resttest.Answer(body))
		if _, err := s.Order(t.Context(), "1"); fault.KindOf(err) != fault.Protocol || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// TestNow: the remote's clock is its Date; it is asked for when nothing was heard yet.
func TestNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, resttest.Shop{}, usServer())
		now, err := s.Now(t.Context())
		if err != nil || now.Sub(noon()).Abs() > 2*time.Second {
			t.Errorf("the remote's clock is %s, %v; want about %s", now, err, noon())
		}
		if _, err := s.Now(t.Context()); err != nil || len(s.server.Requests()) != 1 {
			t.Errorf("%d requests for two questions, %v", len(s.server.Requests()), err)
		}
		if size := s.server.Requests()[0].Size; size != 1 {
			t.Errorf("the probe asked for %d orders", size)
		}
		s = newStand(t, resttest.Shop{NoDate: true}, usServer())
		if now, err := s.Now(t.Context()); err != nil || time.Until(now).Abs() > time.Second {
			t.Errorf("a remote without a Date: %s, %v; want our own clock", now, err)
		}
		s = newStand(t, resttest.Shop{Token: "other"}, usServer())
		s.server.Change(func(shop *resttest.Shop) { shop.Token = "other" })
		if err := s.Probe(t.Context()); fault.KindOf(err) != fault.Auth {
			t.Errorf("a refused credential: %v", err)
		}
		if _, err := s.Now(t.Context()); fault.KindOf(err) != fault.Auth {
			t.Errorf("the time, with a refused credential: %v", err)
		}
	})
}

// TestFetchedAt: what is stored as the time of the fetch is the remote's clock when it was asked.
func TestFetchedAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, resttest.Shop{}, usServer())
		s.server.Change(func(shop *resttest.Shop) {
			shop.Fault = func(resttest.Request) *resttest.Fault { return &resttest.Fault{Latency: 3 * time.Second} }
		})
		s.fill(1, date(1, 0), date(2, 0))
		pages, err := s.read(t.Context(), date(1, 0), date(3, 0))
		if err != nil {
			t.Fatal(err)
		}
		if o := pages[0].Records[0].Order; o.FetchedAt.Sub(noon()).Abs() > 5*time.Second || o.FetchedAt.Nanosecond()%1000 != 0 {
			t.Errorf("fetched at %s, want about %s", o.FetchedAt, noon())
		}
	})
}

// TestEnding: a pass whose context ends says so once, and is no fault.
func TestEnding(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pages, err := s.read(ctx, date(1, 0), date(3, 0))
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != 0 || len(pages) != 0 {
		t.Errorf("%d pages, %v (%v)", len(pages), err, fault.KindOf(err))
	}
}

// TestComplete: nothing is thin here.
func TestComplete(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	done := 0
	thin := []*order.Order{{ID: "1"}, {ID: "2"}}
	records, err := s.Complete(t.Context(), thin, func() { done++ })
	if err != nil || len(records) != 2 || records[1].Order != thin[1] || done != 2 {
		t.Errorf("%v, %v, %d done", records, err, done)
	}
}

// TestUnmapped: words without a mapping are stored as unknown, and counted.
func TestUnmapped(t *testing.T) {
	t.Parallel()
	s := newStand(t, resttest.Shop{}, usServer())
	for _, word := range []string{"paid", "On Hold", "in-the-oven", "In the Oven"} {
		s.truth.Create(resttest.Order{Created: date(1, 0), Status: word})
	}
	pages, err := s.read(t.Context(), date(1, 0), date(3, 0))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]order.Status{}
	for _, o := range pages[0].Orders() {
		got[o.SourceStatus.Value()] = o.Status.Value()
	}
	want := map[string]order.Status{
		"paid": order.StatusPaid, "On Hold": order.StatusPendingPayment, "in-the-oven": order.StatusUnknown, "In the Oven": order.StatusUnknown,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"in_the_oven": 2}, s.Unmapped()); diff != "" {
		t.Errorf("unmapped (-want +got):\n%s", diff)
	}
}

// TestNew: everything wrong with options is told at once, as a fault of the configuration.
func TestNew(t *testing.T) {
	t.Parallel()
	_, err := rest.New(rest.Options{
		BaseURL: "shop", Window: rest.Window{By: rest.ByModified, Resolution: time.Second},
		Page: rest.Page{Number: "page", Offset: "offset"},
		Map: rest.Map{
			Status: rest.Status{Words: map[string]order.Status{"paid": "bezahlt"}, Default: "?"},
			PaidAt: rest.Field{Layouts: []string{"soon"}},
		},
	})
	if fault.KindOf(err) != fault.Config {
		t.Fatalf("%v: %v", fault.KindOf(err), err)
	}
	for _, want := range []string{
		"base_url", "source: ", "client: ", "request: ", "records: ", "map: id", "time of change", "window: since", "exclude each other",
		`"bezahlt"`, "the default", `"soon"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}

// TestLoopback reads over a real socket.
func TestLoopback(t *testing.T) {
	t.Parallel()
	truth := resttest.NewTruth(nil)
	server := resttest.New(truth, resttest.Shop{MaxSize: 10})
	address, stop, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	truth.Churn(3).Fill(25, truth.Now().Add(-24*time.Hour), truth.Now())
	response, err := http.Get(address + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusInternalServerError || len(server.Strays()) != 1 {
		t.Errorf("an unknown route: %s, strays %q, %v", response.Status, server.Strays(), err)
	}
	s := &stand{Source: overSocket(t, address), truth: truth, server: server}
	server.Fail(resttest.Cut(100, false), resttest.Fault{Reset: true}, resttest.Fault{Drip: time.Microsecond})
	pages, err := s.read(t.Context(), truth.Now().Add(-48*time.Hour), truth.Now().Add(time.Hour))
	if err != nil || len(keys(pages)) != 25 {
		t.Errorf("%d orders, %v", len(keys(pages)), err)
	}
}
