package taobao_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/taobaotest"
)

// clock is where the bubbles of these tests begin: an ordinary afternoon in GMT+8.
var clock = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// stage is a shop behind a fake platform.
type stage struct {
	*taobao.Shop
	truth  *taobaotest.Truth
	server *taobaotest.Server
}

// open must be called inside of a bubble, or with a rate that needs no wait.
func open(t *testing.T, rules taobaotest.Rules, set func(*taobao.Options)) *stage {
	t.Helper()
	truth := taobaotest.NewTruth(nil)
	server := taobaotest.New(truth, rules)
	client, err := apiclient.New(apiclient.Options{
		Source: "tmall", BaseURL: "https://gw.api.taobao.com", Credential: "app", PerSecond: perSecond, Transport: server.Transport(),
	})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := gateway.New(gateway.Options{
		Client: client, Address: gateway.Production, AppKey: taobaotest.AppKey, AppSecret: func() string { return taobaotest.AppSecret },
		Session:    func(context.Context) (string, error) { return taobaotest.Session, nil },
		SessionKey: func() string { return "session" },
	})
	if err != nil {
		t.Fatal(err)
	}
	o := taobao.Options{Source: "tmall", Gateway: gate}
	if set != nil {
		set(&o)
	}
	shop, err := taobao.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{Shop: shop, truth: truth, server: server}
}

// fill creates trades a second apart, the first at since.
func (s *stage) fill(n int, since time.Time) (ids []string) {
	for i := range n {
		at := since.Add(time.Duration(i) * time.Second)
		ids = append(ids, s.truth.Create(taobaotest.Trade{Created: at, Modified: at}).TID)
	}
	return ids
}

// read reads a window once, and tells what came.
func read(t *testing.T, l *taobao.Listing, window order.Window) (pages []order.Page, err error) {
	t.Helper()
	for page, failure := range l.Pages(t.Context(), window, "") {
		if failure != nil {
			return pages, failure
		}
		if !page.Numbered || !page.Thin {
			t.Errorf("a page that is not numbered or not thin")
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// asked are the questions to lists so far: page, size and whether a total was wanted.
func (s *stage) asked() (asked []string) {
	for _, r := range s.server.Calls() {
		if number := r.Params["page_no"]; number != "" {
			counted := "counted"
			if r.Params["use_has_next"] == "true" {
				counted = "more?"
			}
			asked = append(asked, number+" "+counted)
		}
	}
	return asked
}

func within(page order.Page) (ids []string) {
	for _, r := range page.Records {
		if !r.Beyond {
			ids = append(ids, r.Key())
		}
	}
	return ids
}

// TestPaging: changes are read from the last page to the first, history forwards; the first page counts and the others need not.
func TestPaging(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules taobaotest.Rules
		set   func(*taobao.Options)
		list  func(*taobao.Shop) *taobao.Listing
		rows  int
		want  []string
	}{
		"nothing":  {list: (*taobao.Shop).Orders, want: []string{"1 counted"}},
		"one page": {list: (*taobao.Shop).Orders, rows: 100, want: []string{"1 counted"}},
		"changes":  {list: (*taobao.Shop).Orders, rows: 301, want: []string{"1 counted", "4 more?", "3 more?", "2 more?"}},
		"history":  {list: (*taobao.Shop).History, rows: 301, want: []string{"1 counted", "2 more?", "3 more?", "4 more?"}},
		"has_next is ignored": {
			rules: taobaotest.Rules{IgnoreHasNext: true}, list: (*taobao.Shop).Orders, rows: 201,
			want: []string{"1 counted", "3 more?", "2 more?"},
		},
		"no has_next at the end": {
			rules: taobaotest.Rules{NoHasNextAtEnd: true}, list: (*taobao.Shop).History, rows: 201,
			want: []string{"1 counted", "2 more?", "3 more?"},
		},
		"every page is counted": {
			set: func(o *taobao.Options) { o.Counted, o.PageSize = true, 40 }, list: (*taobao.Shop).Orders, rows: 100,
			want: []string{"1 counted", "3 counted", "2 counted"},
		},
		"numbers as texts": {
			rules: taobaotest.Rules{TextNumbers: true, TextIDs: true, Slashes: true}, list: (*taobao.Shop).Orders, rows: 101,
			want: []string{"1 counted", "2 more?"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open(t, c.rules, c.set)
				since := clock.Add(-time.Hour)
				ids := s.fill(c.rows, since)
				pages, err := read(t, c.list(s.Shop), order.Window{Since: since, Until: clock})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, page := range pages {
					got = append(got, within(page)...)
				}
				slices.Sort(got)
				slices.Sort(ids)
				if diff := cmp.Diff(ids, got); diff != "" {
					t.Errorf("orders (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.want, s.asked()); diff != "" {
					t.Errorf("questions (-want +got):\n%s", diff)
				}
				if total, _ := pages[0].Total.Get(); total != c.rows {
					t.Errorf("the first page announces %d, want %d", total, c.rows)
				}
				for _, page := range pages[1:] {
					_, announced := page.Total.Get()
					if want := c.rules.IgnoreHasNext || c.set != nil; announced != want {
						t.Errorf("a later page announces a total: %v", announced)
					}
				}
			})
		})
	}
}

// TestBounds: whichever ends of a window the gateway counts in, the same orders lie within, and what is beyond is told apart.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]taobaotest.Rules{
		"both ends": {}, "the beginning alone": {UntilExclusive: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rules, nil)
				since := clock.Add(-time.Hour)
				ids := s.fill(21, since.Add(-5*time.Second))
				pages, err := read(t, s.Orders(), order.Window{Since: since, Until: since.Add(10 * time.Second)})
				if err != nil {
					t.Fatal(err)
				}
				got := within(pages[0])
				slices.Sort(got)
				want := slices.Sorted(slices.Values(ids[5:15]))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("orders (-want +got):\n%s", diff)
				}
				beyond := 1
				if rules.UntilExclusive {
					beyond = 0
				}
				if total, _ := pages[0].Total.Get(); total != 10+beyond || len(pages[0].Records) != 10+beyond {
					t.Errorf("%d announced, %d came", total, len(pages[0].Records))
				}
			})
		})
	}
}

// TestRefused: what a list must not be believed, and what the engine then hears.
func TestRefused(t *testing.T) {
	t.Parallel()
	row := `{"tid":1,"created":"%[1]s","modified":"%[1]s","status":"TRADE_FINISHED"}`
	list := func(total any, rows string) taobaotest.Fault {
		return taobaotest.Answer(fmt.Sprintf(`{"trades_sold_increment_get_response":{"total_results":%v,"trades":{"trade":[%s]}}}`, total, rows))
	}
	for name, c := range map[string]struct {
		fault taobaotest.Fault
		kind  fault.Kind
		says  string
		wide  bool
	}{
		"too heavy":             {taobaotest.TooHeavy(), fault.Transient, "", true},
		"start is ignored":      {list(1, fmt.Sprintf(row, "1999-12-01 00:00:00")), fault.Protocol, "start_modified", false},
		"end is ignored":        {list(1, fmt.Sprintf(row, "2000-01-01 09:00:00")), fault.Protocol, "end_modified", false},
		"a total that is none":  {list(`"many"`, ""), fault.Protocol, "total_results", false},
		"more than can be read": {list(1_000_000_000, fmt.Sprintf(row, "2000-01-01 07:30:00")), fault.Protocol, "pages", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := open(t, taobaotest.Rules{}, nil)
				s.server.Fail(c.fault)
				_, err := read(t, s.Orders(), order.Window{Since: clock.Add(-time.Hour), Until: clock})
				if fault.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.says) || errors.Is(err, order.ErrTooWide) != c.wide {
					t.Errorf("got %v (%v)", err, fault.KindOf(err))
				}
				if c.fault.SubCode != "" && fault.RetryAfter(err) != 3*time.Minute {
					t.Errorf("the wait is %v", fault.RetryAfter(err))
				}
			})
		})
	}
}

// TestALongerSpanIsNeverAsked: by the time of change the gateway takes a day.
func TestALongerSpanIsNeverAsked(t *testing.T) {
	t.Parallel()
	s := open(t, taobaotest.Rules{}, nil)
	_, err := read(t, s.Orders(), order.Window{Since: clock, Until: clock.Add(taobao.Longest + time.Second)})
	if !errors.Is(err, order.ErrTooWide) || len(s.server.Calls()) > 0 {
		t.Errorf("got %v after %d calls", err, len(s.server.Calls()))
	}
}

// TestComplete: details are asked for several at once and never more than allowed; an order that is listed and that nobody knows is
// kept as a dead letter.
func TestComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at, most atomic.Int64
		rules := taobaotest.Rules{Fault: func(taobaotest.Request) *taobaotest.Fault {
			most.Store(max(most.Load(), at.Add(1)))
			return &taobaotest.Fault{Latency: time.Second}
		}}
		s := open(t, rules, func(o *taobao.Options) { o.Details = 3 })
		ids := s.fill(10, clock.Add(-time.Hour))
		s.truth.Modify(ids[4], func(o *taobaotest.Trade) { o.Unseen = true })
		s.truth.Modify(ids[5], func(o *taobaotest.Trade) { o.Poison = taobaotest.BadMoney })
		s.truth.Modify(ids[6], func(o *taobaotest.Trade) {
			o.Status = taobaotest.WaitSellerSendGoods
			o.Refunds = []taobaotest.Refund{{ID: "77", OID: o.Lines[0].OID, Status: taobaotest.RefundSuccess, Fee: 123}}
		})
		var thin []*order.Order
		for _, id := range ids {
			thin = append(thin, &order.Order{Source: "tmall", ID: id, ModifiedAt: clock, FetchedAt: clock, Raw: []byte("row")})
		}
		var mu sync.Mutex
		done := 0
		records, err := s.Complete(t.Context(), thin, func() {
			mu.Lock()
			defer mu.Unlock()
			done++
			at.Add(-1)
		})
		if err != nil || done != 10 {
			t.Fatalf("%d done, %v", done, err)
		}
		for i, r := range records {
			if r.Key() != ids[i] {
				t.Errorf("record %d is %s, want %s", i, r.Key(), ids[i])
			}
			if dead := i == 4 || i == 5; (r.Dead != nil) != dead {
				t.Errorf("record %d: dead %v", i, r.Dead)
			}
		}
		if refunds := records[6].Order.Refunds.Value(); len(refunds) != 1 || refunds[0].Amount.Value().String() != "1.230000" {
			t.Errorf("refunds %v", refunds)
		}
		if refunded := records[6].Order.Refunded.Value().String(); refunded != "1.230000" {
			t.Errorf("refunded %s", refunded)
		}
		if most.Load() > 4 { // the refund's call begins before its order is done
			t.Errorf("%d calls at once", most.Load())
		}
	})
}

// TestCompleteFails: a failure that is not one order's ends it, and nothing goes on behind its back.
func TestCompleteFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		var thin []*order.Order
		for _, id := range s.fill(200, clock.Add(-time.Hour)) {
			thin = append(thin, &order.Order{Source: "tmall", ID: id, ModifiedAt: clock, FetchedAt: clock})
		}
		s.server.Change(func(r *taobaotest.Rules) {
			r.Fault = func(r taobaotest.Request) *taobaotest.Fault {
				if r.Nth == 20 {
					return new(taobaotest.Error(22, "Invalid Method", "", ""))
				}
				return nil
			}
		})
		_, err := s.Complete(t.Context(), thin, func() {})
		if fault.KindOf(err) != fault.Protocol {
			t.Errorf("got %v", err)
		}
		calls := len(s.server.Calls())
		synctest.Wait()
		if calls > 40 || len(s.server.Calls()) != calls {
			t.Errorf("%d calls, then %d", calls, len(s.server.Calls()))
		}
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		id := s.fill(1, clock.Add(-time.Hour))[0]
		record, err := s.Order(t.Context(), id)
		if err != nil || record.Order == nil || record.Order.ID != id {
			t.Fatalf("%+v, %v", record, err)
		}
		if again := s.Decode(record.Order.Raw, record.Order.FetchedAt); again.Order == nil || again.Order.Hash() != record.Order.Hash() {
			t.Errorf("what is stored is read in another way: %+v", again)
		}
		if _, err := s.Order(t.Context(), "4000000000000000000"); !errors.Is(err, taobao.ErrNoDetail) || fault.KindOf(err) != fault.Rejected {
			t.Errorf("of an unknown order: %v", err)
		}
		before := len(s.server.Calls())
		if _, err := s.Order(t.Context(), "US-1"); fault.KindOf(err) != fault.Rejected || len(s.server.Calls()) != before {
			t.Errorf("of what can be no id: %v", err)
		}
		if err := s.Orders().Probe(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestRefundsListed: a refund of which its trade says nothing new is found by its own list, and two of one trade are two.
func TestRefundsListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		ids := s.fill(2, clock.Add(-2*time.Hour))
		for i, id := range ids {
			s.truth.Amend(id, func(o *taobaotest.Trade) {
				for n := range 2 - i {
					o.Refunds = append(o.Refunds, taobaotest.Refund{
						ID: fmt.Sprint(70 + 10*i + n), OID: o.Lines[0].OID, Status: taobaotest.WaitSellerAgree, Fee: 100,
					})
				}
			})
		}
		pages, err := read(t, s.Refunds(), order.Window{Since: clock.Add(-time.Hour), Until: clock.Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		keys, orders := map[string]bool{}, map[string]bool{}
		for _, r := range pages[0].Records {
			keys[r.Key()], orders[r.Order.ID] = true, true
		}
		if total, _ := pages[0].Total.Get(); total != 3 || len(keys) != 3 || len(orders) != 2 || !orders[ids[0]] || !orders[ids[1]] {
			t.Errorf("%d announced, keys %v of orders %v", total, keys, orders)
		}
	})
}

func TestTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, taobaotest.Rules{}, nil)
		at := clock.Add(-time.Hour)
		one := s.truth.Create(taobaotest.Trade{
			Created: at, Modified: at, Status: taobaotest.WaitBuyerConfirm, Consigned: at,
			Lines: []taobaotest.Line{
				{OID: "11", Title: "tea", Num: 1, Price: 100, Company: "SF", Invoice: "SF1", Consigned: at},
				{OID: "12", Title: "cup", Num: 1, Price: 100, Company: "YTO", Invoice: "YT2", Consigned: at},
			},
			Parcels: []taobaotest.Parcel{
				{
					Number: "SF1", Company: "SF", OIDs: []string{"11"}, Consigned: at, Status: taobaotest.Collected,
					Steps: []taobaotest.Step{{At: at, Text: "collected", Action: "TMS_COLLECT"}},
				},
				{Number: "YT2", Company: "YTO", OIDs: []string{"12"}, Consigned: at, Status: taobaotest.WaitingToBeSent},
			},
		})
		record, err := s.Order(t.Context(), one.TID)
		if err != nil || record.Order == nil {
			t.Fatalf("%+v, %v", record, err)
		}
		got := map[string]order.ShipmentStatus{}
		for _, p := range s.Parcels(record.Order.Raw) {
			shipments, err := s.Trace(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			for _, shipment := range shipments {
				got[shipment.Carrier+" "+shipment.TrackingNumber] = shipment.Status
			}
		}
		want := map[string]order.ShipmentStatus{"SF SF1": order.ShipmentInTransit, "YTO YT2": order.ShipmentCreated}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parcels (-want +got):\n%s", diff)
		}
		if _, err := s.Trace(t.Context(), order.Parcel{OrderID: "4000000000000000000", TrackingNumber: "X"}); fault.KindOf(err) != fault.Rejected {
			t.Errorf("of an unknown order: %v", err)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := taobao.New(taobao.Options{PageSize: 101}); fault.KindOf(err) != fault.Config {
		t.Errorf("got %v", err)
	}
}

// TestRefundsNotPermitted: an app that may not ask for refunds still gets its orders. What is stored of refunds stays, and it is counted.
func TestRefundsNotPermitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forbidden := map[string]string{
			"taobao.refund.get": "isv.permission-api-package-empty", "taobao.refunds.receive.get": "isv.permission-api-package-empty",
		}
		s := open(t, taobaotest.Rules{Forbidden: forbidden}, nil)
		id := s.fill(1, clock.Add(-time.Hour))[0]
		s.truth.Modify(id, func(o *taobaotest.Trade) {
			o.Refunds = []taobaotest.Refund{{ID: "77", OID: o.Lines[0].OID, Status: taobaotest.RefundSuccess, Fee: 123}}
		})
		records, err := s.Complete(t.Context(), []*order.Order{{Source: "tmall", ID: id, ModifiedAt: clock, FetchedAt: clock}}, func() {})
		if err != nil || records[0].Order == nil || !records[0].Order.Refunds.Absent() || s.Unrefunded() != 1 {
			t.Errorf("%+v, %v, %d without refunds", records, err, s.Unrefunded())
		}
		if err := s.ProbeRefunds(t.Context()); fault.KindOf(err) != fault.Config || gateway.Remedy(err) == "" {
			t.Errorf("the probe says %v", err)
		}
	})
}
