package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const (
	textSourceShort = "Changes what the database knows of a source"
	textRenameShort = "Gives the orders of a source to its new name"
	textRenameLong  = `Gives everything that is stored under the name OLD to NEW: orders, lines,
refunds, what the shop sent, dead letters, the point reached and the history.
Stop the daemon, rename the source and its jobs in the configuration, type
this, and start the daemon again: it goes on where the old name stopped.

The rows that an ERP has copied under the old name are its own to rename.`
	textRenamed       = "What was stored as %q is stored as %q now.\n"
	textRenameSame    = "the two names are the same"
	textRenameUnknown = "%q is not in the configuration"
	textRenameFirst   = "Rename the source in the configuration first; then type this again."
	textRenameNothing = "Nothing was renamed; 'ordersyncd source rename --help' tells the order of the steps."
	textRenameStill   = "%q is still in the configuration"
)

func (p *program) sourceCommand() *cobra.Command {
	group := &cobra.Command{Use: "source", Short: textSourceShort, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	group.AddCommand(&cobra.Command{
		Use: "rename OLD NEW", Short: textRenameShort, Long: textRenameLong, Args: exactly("the OLD name", "the NEW name"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.renameSource(cmd, args[0], args[1]) },
	})
	return group
}

func (p *program) renameSource(cmd *cobra.Command, from, to string) (err error) {
	if from == to {
		return usagef(cmd, textRenameSame)
	}
	w, err := p.openReady(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	switch {
	case w.cfg.Source(from) != nil:
		return &remedyError{err: fmt.Errorf(textRenameStill, from), remedy: textRenameFirst}
	case w.cfg.Source(to) == nil:
		return &remedyError{err: fmt.Errorf(textRenameUnknown, to), remedy: textRenameFirst}
	}
	if err := w.audit(cmd.Context(), "source rename", from, to); err != nil {
		return err
	}
	err = w.db.RenameSource(cmd.Context(), order.SourceID(from), order.SourceID(to))
	if fault.KindOf(err) == fault.Config { // a refusal, which says itself what to do
		return &remedyError{err: err, remedy: textRenameNothing}
	}
	if err != nil {
		return err
	}
	p.screen.printf(textRenamed, from, to)
	return nil
}
