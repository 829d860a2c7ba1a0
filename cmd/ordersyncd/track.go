package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/parcel"
)

// How the rest of the program uses this file:
//
//	streamParcels                                             the stream whose lease a run of a track job holds
//	(*works).trackDue(ctx, account, progress) (ordersync.Run, error)  what one run of a track job does, as the table runs counts it
//	(*works).trackOrder(ctx, account, id) ([]parcel.Tracked, error)   asks about the parcels of one order now
//	(*program).printParcels([]parcel.Tracked)                 prints parcels and their way
//
// An account whose field parcels is nil cannot be tracked: both answer with fault.Config.

const streamParcels = parcel.Stream

const (
	textTrackShort = "Asks now where the parcels of one order are, stores it and prints it"
	textTrackLong  = `Fetches one order by its id, asks the shop where its parcels are, stores what
came and prints the parcels with every step of their way. It does not wait for
the turn that a track job gives each parcel.

Exit status: 0 printed, 1 failed or no such order, 2 wrong usage, 78 wrong
configuration.`
	textTrackExample = "  ordersyncd track tmall-flagship 1234567890123456789"

	textCannotTrack     = "%s cannot be asked about parcels: only sources of the kind taobao can"
	textCannotTrackJob  = "Remove the track job, or name a source of the kind taobao in it; its orders are not concerned."
	textTrackStored     = "%s has no order %q any more, or its API cannot be asked for a single one; these are the parcels that are stored."
	textNoParcels       = "Order %s of %s names no parcels: it is not sent yet, or nothing of it is sent by parcel."
	textParcelRefused   = "Of %s nothing could be learned: %s. What is stored of it stays, and it is asked about again."
	textParcelDone      = "not asked about any more"
	textParcelNext      = "next asked %s"
	textParcelWithdrawn = "the order names other parcels now"
)

func (p *program) trackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "track SOURCE ID", Short: textTrackShort, Long: textTrackLong, Example: textTrackExample,
		Args: exactly("the name of a SOURCE", "the ID of an order"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.track(cmd, args[0], args[1]) },
	}
}

func (p *program) track(cmd *cobra.Command, source, id string) (err error) {
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
	if a.parcels == nil {
		return usagef(cmd, textCannotTrack, source)
	}
	if err := w.greet(ctx); err != nil {
		return err
	}
	if err := p.unpaused(ctx, w, a.name); err != nil {
		return err
	}
	return p.trackNow(ctx, w, a, id)
}

// trackNow fetches the order, so that its newest parcels are known, and asks about them.
func (p *program) trackNow(ctx context.Context, w *works, a *account, id string) error {
	_, err := w.fetch(ctx, a, id)
	missing := noDetail(err)
	if err != nil && !missing {
		return err
	}
	stored, err := w.db.Order(ctx, a.name, id)
	switch {
	case errors.Is(err, mysql.ErrNotStored) && missing:
		return &remedyError{err: fmt.Errorf(textNowhere, a.name, id), remedy: textNowhereHelp}
	case err != nil:
		return err
	}
	if missing {
		p.screen.notice(textTrackStored, a.name, id)
	}
	parcels, err := w.trackOrder(ctx, a, id)
	refused, partly := errors.AsType[*refusedError](err)
	if err != nil && !partly {
		return err
	}
	p.screen.printf("%s\n\n", p.screen.bold(fmt.Sprintf("Order %s of %s: %s", id, a.name, statusText(stored)), p.screen.outPlain))
	p.printParcels(parcels)
	if len(parcels) == 0 {
		p.screen.printf(textNoParcels+"\n", id, a.name)
	}
	if partly {
		p.screen.notice(textParcelRefused, figures.Count(refused.parcels, "parcel"), strings.TrimSuffix(refused.Error(), "."))
	}
	return nil
}

// tracks reports, as an error, that the account cannot be asked about parcels.
func (a *account) tracks() error {
	if a.parcels == nil {
		return &remedyError{err: fault.Errorf(fault.Config, textCannotTrack, a.name), remedy: textCannotTrackJob}
	}
	return nil
}

func (w *works) tracker(a *account) *parcel.Tracker {
	return &parcel.Tracker{ID: a.name, Source: a.parcels, Store: w.db}
}

// trackDue is one run of a track job: it asks about every parcel whose turn has come. Records counts the questions, Inserted the parcels
// that are new, Updated those that moved.
func (w *works) trackDue(ctx context.Context, a *account, progress func(ordersync.Run)) (ordersync.Run, error) {
	if err := a.tracks(); err != nil {
		return ordersync.Run{Source: a.name, Stream: streamParcels}, err
	}
	t := w.tracker(a)
	if progress != nil {
		t.Progress = func(r parcel.Run) { progress(a.asRun(r)) }
	}
	r, err := t.Run(ctx)
	if r.Refused > 0 && err == nil {
		w.log.LogAttrs(ctx, slog.LevelInfo, "of some parcels nothing could be learned; they are asked about again",
			slog.String("source", string(a.name)), slog.Int("parcels", r.Refused), slog.String("first", r.Refusal.Error()))
	}
	return a.asRun(r), err
}

// asRun is a run over parcels as the table runs counts it.
func (a *account) asRun(r parcel.Run) ordersync.Run {
	return ordersync.Run{
		Source: a.name, Stream: streamParcels, Records: r.Asked,
		Written: order.Written{Inserted: r.Noted, Updated: r.Moved, Unchanged: r.Unmoved + r.Refused},
	}
}

// refusedError says of how many parcels of an order nothing could be learned, while others could.
type refusedError struct {
	parcels int
	err     error
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// trackOrder asks about the parcels of one stored order and returns all that is stored of them then, also beside a *refusedError.
func (w *works) trackOrder(ctx context.Context, a *account, id string) ([]parcel.Tracked, error) {
	if err := a.tracks(); err != nil {
		return nil, err
	}
	list, r, err := w.tracker(a).One(ctx, id)
	if err == nil && r.Refused > 0 {
		err = &refusedError{parcels: r.Refused, err: r.Refusal}
	}
	return list, err
}

// printParcels prints parcels and their way, latest step last.
func (p *program) printParcels(parcels []parcel.Tracked) {
	s := p.screen
	var rows []table.Row
	for _, t := range parcels {
		rows = append(rows, table.Row{
			t.TrackingNumber, t.Carrier, parcelStatus(&t), s.at(t.ShippedAt.Value()), s.at(t.DeliveredAt.Value()), p.turnOf(&t),
		})
	}
	s.table("Parcels", table.Row{"number", "carrier", "status", "sent", "delivered", ""}, rows)
	for _, t := range parcels {
		var steps []table.Row
		for _, e := range t.Events {
			steps = append(steps, table.Row{s.at(e.At), e.Action, e.Text})
		}
		s.table("Way of "+t.TrackingNumber, table.Row{"when", "step", ""}, steps)
	}
}

// turnOf says when a parcel is asked about again.
func (p *program) turnOf(t *parcel.Tracked) string {
	switch {
	case t.Status == order.ShipmentWithdrawn:
		return textParcelWithdrawn
	case t.NextAt.IsZero():
		return textParcelDone
	}
	return fmt.Sprintf(textParcelNext, p.screen.at(t.NextAt))
}

// parcelStatus is our word for the status and, where it differs, the shop's own.
func parcelStatus(t *parcel.Tracked) string {
	if own := t.SourceStatus.Value(); own != "" && own != string(t.Status) {
		return fmt.Sprintf("%s (%s)", t.Status, own)
	}
	return string(t.Status)
}
