package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

const (
	textOrderShort = "Fetches one order now, stores it and prints it"
	textOrderLong  = `Asks the shop for one order by its id, stores it and prints it, with its parcels
and their way where the shop can be asked about them. Where the shop has no such
order, or cannot be asked for a single one, it says so and prints what is
stored.

Exit status: 0 printed, 1 failed or neither there nor stored, 2 wrong usage, 78
wrong configuration.`
	textOrderExample = "  ordersyncd order us-store 10042"

	textNoDetail     = "%s has no order %q, or its API cannot be asked for a single one. This is what is stored:"
	textNowhere      = "%s has no order %q, or its API cannot be asked for a single one; nothing is stored under that id either"
	textNowhereHelp  = "See that the id is the shop's own id and not the number that buyers see."
	textOrderDead    = "order %s of %s cannot be understood and was kept as a dead letter: %s"
	textOrderNew     = "Stored as new."
	textOrderUpdated = "Stored: it had changed."
	textOrderSame    = "Nothing had changed."
	textOrderStale   = "What is stored is newer than what the shop answered, and was kept."
	textOrderGone    = "The shop no longer has this order since %s."
)

func (p *program) orderCommand() *cobra.Command {
	return &cobra.Command{
		Use: "order SOURCE ID", Short: textOrderShort, Long: textOrderLong, Example: textOrderExample,
		Args: exactly("the name of a SOURCE", "the ID of an order"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.order(cmd, args[0], args[1]) },
	}
}

func (p *program) order(cmd *cobra.Command, source, id string) (err error) {
	ctx := cmd.Context()
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	a := w.accounts[source]
	if a == nil {
		return unknownName(cmd, "source", source, sourceNames(w.cfg))
	}
	if err := w.greet(ctx); err != nil {
		return err
	}
	if err := p.unpaused(ctx, w, a.name); err != nil {
		return err
	}
	done, err := w.fetch(ctx, a, id)
	missing := noDetail(err)
	if err != nil && !missing {
		return err
	}
	stored, err := w.db.Order(ctx, a.name, id)
	switch {
	case errors.Is(err, mysql.ErrNotStored) && missing:
		return &remedyError{err: fmt.Errorf(textNowhere, source, id), remedy: textNowhereHelp}
	case err != nil:
		return err
	}
	if missing {
		p.screen.notice(textNoDetail, source, id)
	}
	p.printOrder(stored)
	if !missing {
		p.screen.notice("%s", done)
	}
	if a.parcels == nil {
		return nil
	}
	parcels, err := w.trackOrder(ctx, a, id)
	p.printParcels(parcels)
	if refused, partly := errors.AsType[*refusedError](err); partly {
		p.screen.notice(textParcelRefused, figures.Count(refused.parcels, "parcel"), strings.TrimSuffix(refused.Error(), "."))
		return nil
	}
	return err
}

// fetch asks for one order, stores what came and says in a sentence what that did. The shop having none to give is an error that
// noDetail knows.
func (w *works) fetch(ctx context.Context, a *account, id string) (done string, err error) {
	record, err := a.orders.Order(ctx, id)
	if fault.KindOf(err) == fault.Rejected && !noDetail(err) { // what was asked, and no record: nothing is kept of it
		return "", &remedyError{err: err, remedy: textNowhereHelp}
	}
	if err != nil {
		return "", err
	}
	return w.put(ctx, a, record)
}

// put stores one record outside of any stream. A dead letter is stored as such, and is an error.
func (w *works) put(ctx context.Context, a *account, record order.Record) (done string, err error) {
	written, err := w.db.Put(ctx, []order.Record{record})
	switch {
	case err != nil:
		return "", err
	case record.Dead != nil:
		return "", fault.Errorf(fault.Rejected, textOrderDead, record.Key(), a.name, record.Dead.Reason)
	case written.Inserted > 0:
		return textOrderNew, nil
	case written.Updated > 0:
		return textOrderUpdated, nil
	case written.Stale > 0:
		return textOrderStale, nil
	}
	return textOrderSame, nil
}

// printOrder prints a stored order for people: amounts with their currency, instants in the zone of the configuration.
func (p *program) printOrder(o *mysql.StoredOrder) {
	s := p.screen
	currency := o.Currency.Value()
	row := func(name, value string) {
		if value != "" && value != "-" {
			s.printf("  %-14s %s\n", name, value)
		}
	}
	money := func(f order.Field[order.Decimal]) string {
		amount, ok := f.Get()
		if !ok {
			return ""
		}
		return order.Money{Amount: amount, Currency: currency}.String()
	}
	at := func(f order.Field[time.Time]) string { return s.at(f.Value()) }

	s.printf("%s\n", s.bold("Order "+o.ID+" of "+string(o.Source), s.outPlain))
	row("number", o.Number.Value())
	row("status", statusText(o))
	row("total", money(o.Total))
	row("paid", money(o.Paid))
	row("discount", money(o.Discount))
	row("shipping fee", money(o.ShippingFee))
	row("tax", money(o.Tax))
	row("refunded", money(o.Refunded))
	row("buyer", strings.Join(present(o.BuyerID.Value(), o.BuyerName.Value(), o.BuyerEmail.Value()), ", "))
	row("sent to", strings.Join(present(o.ReceiverCity.Value(), o.ReceiverProvince.Value(), o.ReceiverCountry.Value()), ", "))
	row("buyer's note", o.BuyerNote.Value())
	row("seller's note", o.SellerNote.Value())
	row("ordered", at(o.OrderedAt))
	row("paid at", at(o.PaidAt))
	row("shipped", at(o.ShippedAt))
	row("completed", at(o.CompletedAt))
	row("cancelled", at(o.CancelledAt))
	row("changed", s.at(o.ModifiedAt))
	row("fetched", s.at(o.FetchedAt))
	row("first seen", s.at(o.FirstSeenAt))
	row("stored", s.at(o.SyncedAt))
	s.printf("\n")
	p.printLines(o, money)
	if !o.GoneAt.IsZero() {
		s.notice(textOrderGone, s.at(o.GoneAt))
	}
}

func (p *program) printLines(o *mysql.StoredOrder, money func(order.Field[order.Decimal]) string) {
	var lines, refunds []table.Row
	for _, i := range o.Items.Value() {
		quantity := order.Money{Amount: i.Quantity.Value()}.String()
		lines = append(lines, table.Row{
			i.LineID, i.SKU.Value(), i.Title.Value(), strings.TrimSuffix(quantity, ".00"), money(i.UnitPrice), money(i.Total), i.Status.Value(),
		})
	}
	for _, r := range o.Refunds.Value() {
		refunds = append(refunds, table.Row{r.ID, r.LineID.Value(), money(r.Amount), r.Status.Value(), p.screen.at(r.CreatedAt.Value())})
	}
	p.screen.table("Lines", table.Row{"line", "sku", "title", "quantity", "unit price", "total", "status"}, lines)
	p.screen.table("Refunds", table.Row{"refund", "line", "amount", "status", "asked for"}, refunds)
}

// statusText is our word for the status and, where it differs, the shop's own.
func statusText(o *mysql.StoredOrder) string {
	status, own := string(o.Status.Value()), o.SourceStatus.Value()
	if own == "" || own == status {
		return status
	}
	return fmt.Sprintf("%s (the shop says %q)", status, own)
}

// present returns the texts that are not empty.
func present(texts ...string) []string {
	var list []string
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}
