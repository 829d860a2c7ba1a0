package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/order"
)

const (
	textGapShort = "Shows the spans of which orders are missing for good"
	textGapLong  = `A shop lists its orders only so far back. What lies before that when a job first
runs, or when the daemon was away for too long, can no longer be read: that span
is a gap. It is told once, and 'ordersyncd status' names it until somebody has
taken notice of it. Gaps stay on record.

If those orders are needed, export them by hand from the shop's own back office.`
	textGapListShort = "Lists the gaps that nobody took notice of"
	textGapAckShort  = "Notes that you took notice of a gap"
	textGapAckLong   = `Notes in the database and in the audit log that you know of the gap. It stays on
record, and 'ordersyncd status' no longer complains of it.`
	textGapAll = "also those that somebody took notice of"

	textGapHead    = "Gaps: orders of these times may be missing for good"
	textGapNone    = "There are no gaps."
	textGapNoneNew = "There are no gaps that nobody took notice of."
	textGapAck     = "Type 'ordersyncd gap ack NUMBER' when you have taken notice."
	textGapNumber  = "%q is not the number of a gap"
	textGapGone    = "there is no gap %s that nobody took notice of"
	textGapSee     = "'ordersyncd gap list --all' shows all."
	textGapAcked   = "Noted: you know of the gap %d.\n"

	textGapFound  = "A gap: %s 'ordersyncd gap list' shows it again."
	textGapSpan   = "%s from %s to %s: %s"
	textGapRemedy = "Export the orders of that time from the shop's back office if they are needed, then type 'ordersyncd gap list' and 'ordersyncd gap ack'."
	logGap        = "orders of a time can no longer be read from the shop"
)

func (p *program) gapCommand() *cobra.Command {
	group := &cobra.Command{Use: "gap", Short: textGapShort, Long: textGapLong, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	var all bool
	list := &cobra.Command{
		Use: "list", Short: textGapListShort, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listGaps(cmd, all) },
	}
	list.Flags().BoolVar(&all, "all", false, textGapAll)
	group.AddCommand(list, &cobra.Command{
		Use: "ack NUMBER", Short: textGapAckShort, Long: textGapAckLong, Args: exactly("the NUMBER of a gap"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.ackGap(cmd, args[0]) },
	})
	return group
}

func (p *program) listGaps(cmd *cobra.Command, all bool) (err error) {
	w, err := p.openReady(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	gaps, err := w.db.Gaps(cmd.Context(), all)
	if err != nil {
		return err
	}
	s := p.screen
	var rows []table.Row
	open := false
	for _, g := range gaps {
		taken := "-"
		if g.AckedAt.IsZero() {
			open = true
		} else {
			taken = g.AckedBy + ", " + s.at(g.AckedAt)
		}
		rows = append(rows, table.Row{g.ID, string(g.Source), s.at(g.Window.Since), s.at(g.Window.Until), g.Reason, s.at(g.FoundAt), taken})
	}
	s.table(textGapHead, table.Row{"number", "source", "from", "to", "reason", "found", "taken notice of"}, rows)
	switch {
	case open:
		s.notice(textGapAck)
	case all && len(gaps) == 0:
		s.notice(textGapNone)
	case len(gaps) == 0:
		s.notice(textGapNoneNew)
	}
	return nil
}

func (p *program) ackGap(cmd *cobra.Command, number string) (err error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return usagef(cmd, textGapNumber, number)
	}
	ctx := cmd.Context()
	w, err := p.openReady(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	gaps, err := w.db.Gaps(ctx, false)
	if err != nil {
		return err
	}
	for _, g := range gaps {
		if g.ID != id {
			continue
		}
		span := g.Window.Since.UTC().Format(time.RFC3339) + ".." + g.Window.Until.UTC().Format(time.RFC3339)
		if err := w.audit(ctx, "gap ack", string(g.Source)+" "+g.Stream, span); err != nil {
			return err
		}
		if _, err := w.db.AckGap(ctx, id, actor(w.getenv)); err != nil {
			return err
		}
		p.screen.printf(textGapAcked, id)
		return nil
	}
	return &remedyError{err: fmt.Errorf(textGapGone, number), remedy: textGapSee}
}

// gapText says which span is missing, and why.
func gapText(s *screen, g order.Gap) string {
	return fmt.Sprintf(textGapSpan, g.Source, s.at(g.Window.Since), s.at(g.Window.Until), g.Reason)
}
