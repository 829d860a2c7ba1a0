package main

import (
	"fmt"
	"time"

	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/rest"
)

// zones loads the time zones of a source's description, and keeps the first that does not exist.
type zones struct{ err error }

func (z *zones) load(name string) *time.Location {
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil && z.err == nil {
		z.err = fault.Errorf(fault.Config, "the time zone %q does not exist here: %w", name, err)
	}
	return zone
}

// restOptions turns a source's description into that of the room which reads it. Two shapes of one thing: the operator's keys there,
// what the reader asks for here.
func restOptions(name string, c *config.Rest) (rest.Options, error) {
	z := new(zones)
	paths := c.Request.Paths
	if len(paths) == 0 {
		paths = []string{c.Request.Path}
	}
	o := rest.Options{
		Source: order.SourceID(name), BaseURL: c.BaseURL, Paths: paths, Query: c.Request.Query, FilterStatus: c.FilterStatus,
		Window: rest.Window{
			By: rest.By(c.Window.By), Since: c.Window.Since.Name, Until: c.Window.Until.Name,
			Layout: c.Window.Layout, SinceLayout: c.Window.Since.Layout, UntilLayout: c.Window.Until.Layout,
			Zone: z.load(c.Window.Zone), Resolution: c.Window.Resolution.Std(),
			SinceBound: rest.Bound(c.Window.SinceBound), UntilBound: rest.Bound(c.Window.UntilBound),
		},
		Sort:    rest.Parameter{Name: c.Sort.Name, Value: c.Sort.Value},
		Page:    pageOptions(c.Page),
		Records: c.Records.Path,
		Map:     z.mapping(c.Map),
	}
	if z.err != nil {
		return rest.Options{}, fmt.Errorf("map or window: %w", z.err)
	}
	return o, nil
}

func pageOptions(c config.Page) rest.Page {
	p := rest.Page{
		Size: c.Size.Name, SizeValue: c.Size.Value, SizeMax: c.Size.Max, Max: c.MaxPages,
		Total: rest.Place{Paths: c.Total.Path, Headers: c.Total.Header},
		Pages: rest.Place{Paths: c.Pages.Path, Headers: c.Pages.Header},
	}
	switch c.Kind {
	case "page":
		p.Number, p.First = c.Number.Name, c.Number.First
	case "offset":
		p.Offset = c.Offset.Name
	}
	return p
}

// sweepWindow is the filter by creation time: the window's own where it is one, else what resweep names.
func sweepWindow(w rest.Window, c *config.Resweep) (rest.Window, bool) {
	switch {
	case w.By == rest.ByCreated || w.By == rest.ByNone:
		return w, true
	case c == nil || c.Since.Name == "":
		return rest.Window{}, false
	}
	w.By = rest.ByCreated
	w.Since, w.Until = c.Since.Name, c.Until.Name
	w.SinceLayout, w.UntilLayout = c.Since.Layout, c.Until.Layout
	w.Resolution = c.Resolution.Std()
	return w, true
}

func (z *zones) field(c config.Field) rest.Field {
	return rest.Field{Paths: c.Path, Layouts: c.Layout, Zone: z.load(c.Zone), Upper: c.Upper}
}

func (z *zones) mapping(c config.Map) rest.Map {
	words := make(map[string]order.Status, len(c.Status.Map))
	for word, status := range c.Status.Map {
		words[word] = order.Status(status)
	}
	return rest.Map{
		ID: z.field(c.ID), Number: z.field(c.Number), Currency: z.field(c.Currency),
		Status: rest.Status{Paths: c.Status.From, Words: words, Default: order.Status(c.Status.Default)},
		Total:  z.field(c.Total), Paid: z.field(c.Paid), Discount: z.field(c.Discount), ShippingFee: z.field(c.ShippingFee),
		Tax: z.field(c.Tax), Refunded: z.field(c.Refunded),
		BuyerID: z.field(c.BuyerID), BuyerName: z.field(c.BuyerName), BuyerEmail: z.field(c.BuyerEmail),
		Receiver: z.field(c.Receiver), ReceiverCountry: z.field(c.ReceiverCountry),
		ReceiverProvince: z.field(c.ReceiverProvince), ReceiverCity: z.field(c.ReceiverCity),
		BuyerNote: z.field(c.BuyerNote), SellerNote: z.field(c.SellerNote),
		OrderedAt: z.field(c.CreatedAt), PaidAt: z.field(c.PaidAt), ShippedAt: z.field(c.ShippedAt),
		CompletedAt: z.field(c.CompletedAt), CancelledAt: z.field(c.CancelledAt), ModifiedAt: z.field(c.UpdatedAt),
		Lines: z.lines(c.Lines), Refunds: z.refunds(c.Refunds),
	}
}

func (z *zones) lines(c config.LineMap) rest.Lines {
	return rest.Lines{
		Paths: c.Path, ID: z.field(c.ID), SKU: z.field(c.SKU), ProductID: z.field(c.ProductID), VariantID: z.field(c.VariantID),
		Title: z.field(c.Name), Variant: z.field(c.Variant), Quantity: z.field(c.Quantity), UnitPrice: z.field(c.UnitPrice),
		Discount: z.field(c.Discount), Total: z.field(c.Total), Status: z.field(c.Status), RefundStatus: z.field(c.RefundStatus),
		ImageURL: z.field(c.ImageURL),
	}
}

func (z *zones) refunds(c config.RefundMap) rest.Refunds {
	return rest.Refunds{
		Paths: c.Path, ID: z.field(c.ID), LineID: z.field(c.LineID), Amount: z.field(c.Amount), Status: z.field(c.Status),
		Reason: z.field(c.Reason), CreatedAt: z.field(c.CreatedAt), RefundedAt: z.field(c.RefundedAt),
	}
}
