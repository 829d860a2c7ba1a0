package rest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/order"
	"ordersync/internal/rest"
	"ordersync/internal/rest/resttest"
)

// usServer is design 3.4's table of the preset, in Go. TestPreset holds the shipped YAML to it; all other tests run on it.
func usServer() rest.Options {
	at := func(paths ...string) rest.Field { return rest.Field{Paths: paths} }
	return rest.Options{
		Source: "us-store",
		Paths:  []string{"/orders/list", "/orders"},
		Query:  map[string]string{"filter_status": "{filter_status}"},
		Window: rest.Window{
			By: rest.ByCreated, Since: "start_date", Until: "end_date", Layout: rest.LayoutDate, Zone: time.UTC,
			Resolution: 24 * time.Hour, SinceBound: rest.Inclusive, UntilBound: rest.Inclusive,
		},
		Page: rest.Page{
			Number: "page", First: 1, Size: "page_size", SizeValue: 100, SizeMax: 1000,
			Total: rest.Place{Paths: []string{"total", "total_count", "count"}, Headers: []string{"X-Total-Count", "X-WP-Total"}},
		},
		Records: []string{"", "orders", "data", "data.orders", "items"},
		Map: rest.Map{
			ID: at("id", "order_id"), Number: at("number", "order_number", "order_no", "name"),
			Status: rest.Status{Paths: []string{"status", "order_status"}, Words: words(), Default: order.StatusUnknown},
			Total:  at("total", "total_price", "total_amount", "amount"), BuyerID: at("user_id", "customer_id", "customer.id"),
			Currency:   rest.Field{Paths: []string{"currency", "currency_code"}, Upper: true},
			OrderedAt:  at("created_at", "date_created", "order_date"),
			ModifiedAt: at("updated_at", "modified_at", "date_modified"),
			Lines: rest.Lines{
				Paths: []string{"line_items", "items", "lines", "products"}, ID: at("id", "line_id", "line_no"), SKU: at("sku"),
				Title: at("name", "title"), Quantity: at("quantity", "qty"), UnitPrice: at("price", "unit_price"),
			},
		},
	}
}

func words() map[string]order.Status {
	return map[string]order.Status{
		"pending": order.StatusPendingPayment, "pending_payment": order.StatusPendingPayment, "unpaid": order.StatusPendingPayment,
		"awaiting_payment": order.StatusPendingPayment, "on_hold": order.StatusPendingPayment,
		"paid": order.StatusPaid, "processing": order.StatusPaid, "awaiting_fulfillment": order.StatusPaid,
		"awaiting_shipment": order.StatusPaid,
		"partially_shipped": order.StatusPartiallyShipped, "partially_fulfilled": order.StatusPartiallyShipped,
		"shipped": order.StatusShipped, "fulfilled": order.StatusShipped, "dispatched": order.StatusShipped,
		"delivered": order.StatusCompleted, "completed": order.StatusCompleted, "complete": order.StatusCompleted,
		"cancelled": order.StatusCancelled, "canceled": order.StatusCancelled, "voided": order.StatusCancelled,
		"failed": order.StatusCancelled, "partially_refunded": order.StatusPartiallyRefunded, "refunded": order.StatusRefunded,
	}
}

// byModified is a variant of the same server that filters by instants of change.
func byModified() rest.Options {
	o := usServer()
	o.Window = rest.Window{
		By: rest.ByModified, Since: "start_date", Until: "end_date", Layout: rest.LayoutRFC3339, Zone: time.UTC, Resolution: time.Second,
		SinceBound: rest.Inclusive, UntilBound: rest.Inclusive,
	}
	return o
}

// noon is the clock of all shops here: a Wednesday.
func noon() time.Time { return time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC) }

func date(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// stand is a shop and a source that reads it, without a socket.
type stand struct {
	*rest.Source
	truth  *resttest.Truth
	server *resttest.Server
}

func newStand(t *testing.T, shop resttest.Shop, o rest.Options) *stand {
	t.Helper()
	truth := resttest.NewTruth(noon)
	server := resttest.New(truth, shop)
	client, err := apiclient.New(apiclient.Options{
		Source: "us-store", BaseURL: "https://shop.example/api", PerSecond: 1e6, Transport: server.Transport(),
		Authorize: apiclient.Bearer(func() string { return "secret" }),
		Jitter:    func(time.Duration) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Change(func(s *resttest.Shop) { s.Prefix, s.Token = "/api", "secret" })
	o.Client, o.BaseURL = client, "https://shop.example/api"
	source, err := rest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if strays := server.Strays(); len(strays) > 0 {
			t.Errorf("requests to routes that nobody meant: %q", strays)
		}
	})
	return &stand{Source: source, truth: truth, server: server}
}

// fill creates n orders in a span, repeatably.
func (s *stand) fill(n int, since, until time.Time) { s.truth.Churn(1).Fill(n, since, until) }

// read is one pass: its pages and what ended it.
func (s *stand) read(ctx context.Context, since, until time.Time) (pages []order.Page, err error) {
	for page, failure := range s.Pages(ctx, order.Window{Since: since, Until: until}, "") {
		if failure != nil {
			err = errors.Join(err, failure)
			continue
		}
		pages = append(pages, page)
	}
	return pages, err
}

// keys are the distinct keys on pages.
func keys(pages []order.Page) map[string]bool {
	keys := map[string]bool{}
	for _, page := range pages {
		for _, record := range page.Records {
			keys[record.Key()] = true
		}
	}
	return keys
}

// asked are the page numbers and sizes of the requests for the list.
func (s *stand) asked() (pages, sizes []int) {
	for _, r := range s.server.Requests() {
		if r.List > 0 {
			pages, sizes = append(pages, r.Page), append(sizes, r.Size)
		}
	}
	return pages, sizes
}

// overSocket is a source that reads a server at an address of loopback.
func overSocket(t *testing.T, address string) *rest.Source {
	t.Helper()
	client, err := apiclient.New(apiclient.Options{
		Source: "us-store", BaseURL: address, PerSecond: 1e6, Jitter: func(time.Duration) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	o := usServer()
	o.Client, o.BaseURL = client, address
	source, err := rest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return source
}
