package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/figures"
	"ordersync/internal/mysql"
)

const (
	textMigrateShort = "Makes and changes the tables"
	textMigrateLong  = `Makes and changes the tables, under the account database.migrate where the
configuration names one. Nothing else ever does.`
	textMigrateUpShort   = "Brings the tables up to date"
	textMigrateStatShort = "Lists the steps, done and to be done"
	textMigrated         = "%4d  %-32s %s\n"
	textMigratedNone     = "The tables are up to date (schema %d).\n"
	textMigratedAll      = "%s done; the tables are up to date (schema %d).\n"
	textMigratePending   = "%s to be done: type 'ordersyncd migrate up'"
	textMigrateHead      = "Schema"
)

func (p *program) migrateCommand() *cobra.Command {
	group := &cobra.Command{Use: "migrate", Short: textMigrateShort, Long: textMigrateLong, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	group.AddCommand(
		&cobra.Command{
			Use: "up", Short: textMigrateUpShort, Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return p.migrateUp(cmd) },
		},
		&cobra.Command{
			Use: "status", Short: textMigrateStatShort, Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return p.migrations(cmd) },
		},
	)
	return group
}

func (p *program) migrateUp(cmd *cobra.Command) (err error) {
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	done := 0
	err = w.db.Migrate(cmd.Context(), func(step mysql.Step) {
		done++
		p.screen.printf(textMigrated, step.Version, step.Name, step.Took.Round(time.Millisecond))
	})
	switch {
	case err != nil:
		return err
	case done == 0:
		p.screen.printf(textMigratedNone, mysql.SchemaVersion())
	default:
		p.screen.printf(textMigratedAll, figures.Count(done, "step"), mysql.SchemaVersion())
	}
	return nil
}

func (p *program) migrations(cmd *cobra.Command) (err error) {
	w, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	steps, err := w.db.Migrations(cmd.Context())
	if err != nil {
		return err
	}
	pending := 0
	var rows []table.Row
	for _, m := range steps {
		state := p.screen.at(m.AppliedAt)
		if m.AppliedAt.IsZero() {
			pending++
			state = p.screen.yellow("to be done", p.screen.outPlain)
		}
		rows = append(rows, table.Row{m.Version, m.Name, state})
	}
	p.screen.table(textMigrateHead, table.Row{"step", "name", "done"}, rows)
	if pending > 0 {
		return &remedyError{err: fmt.Errorf(textMigratePending, figures.Count(pending, "step"))}
	}
	return nil
}
