package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

const (
	textPauseShort = "Leaves a source alone for a while"
	textPauseLong  = `Leaves a source alone: its jobs do not run, nothing typed asks the shop for
anything, and nobody is told that nothing happens. A run under way ends as
usual. Nothing is lost: after the pause the jobs go on where they stopped, each
with its next run.

The pause ends by itself at --until, else with 'ordersyncd resume'. A monitor
outside this machine that waits for the pings of a job has to be paused there.

A time is a day (2026-03-01), a day and a time ("2026-03-01 14:30"), both in the
time zone of the configuration, or an instant with its offset.`
	textPauseExample = `  ordersyncd pause us-store
  ordersyncd pause us-store --until "2026-03-01 14:30"`
	textPauseUntil  = "end the pause by itself at `TIME`"
	textResumeShort = "Ends the pause of a source"
	textResumeLong  = `Ends the pause of a source: its jobs run again, each at its next time. Type
'ordersyncd sync JOB' to run one now.`

	textPaused      = "%s is paused%s.\n"
	textPausedUntil = " until %s"
	textPausedNow   = "%s is paused since %s, by %s%s"
	textPausedHelp  = "Type 'ordersyncd resume %s' when it may be asked again."
	textResumed     = "%s is worked again; 'ordersyncd status' shows when its jobs run next.\n"
	textNotPaused   = "%s is not paused."
	textPausePast   = "--until %s is over already"
	logPaused       = "not run, because its source is paused"
)

func (p *program) pauseCommand() *cobra.Command {
	var until string
	c := &cobra.Command{
		Use: "pause SOURCE", Short: textPauseShort, Long: textPauseLong, Example: textPauseExample, Args: exactly("the name of a SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.pause(cmd, args[0], until) },
	}
	c.Flags().StringVar(&until, "until", "", textPauseUntil)
	return c
}

func (p *program) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "resume SOURCE", Short: textResumeShort, Long: textResumeLong, Args: exactly("the name of a SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.resume(cmd, args[0]) },
	}
}

func (p *program) pause(cmd *cobra.Command, source, until string) (err error) {
	ctx := cmd.Context()
	w, err := p.openFor(cmd, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	end, period, err := w.periodUntil(cmd, until)
	if err != nil {
		return err
	}
	if err := w.audit(ctx, "pause", source, stamp3339(end)); err != nil {
		return err
	}
	if _, err := w.db.PauseSource(ctx, order.SourceID(source), period, actor(w.getenv)); err != nil {
		return err
	}
	p.screen.printf(textPaused, source, p.untilText(end))
	return nil
}

func (p *program) resume(cmd *cobra.Command, source string) (err error) {
	ctx := cmd.Context()
	w, err := p.openFor(cmd, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	_, paused, err := w.pauseOf(ctx, order.SourceID(source))
	if err != nil {
		return err
	}
	if !paused {
		p.screen.notice(textNotPaused, source)
		return nil
	}
	if err := w.audit(ctx, "resume", source, ""); err != nil {
		return err
	}
	if _, err := w.db.ResumeSource(ctx, order.SourceID(source)); err != nil {
		return err
	}
	p.screen.printf(textResumed, source)
	return nil
}

// openFor is open for a command about one source, which the database then knows.
func (p *program) openFor(cmd *cobra.Command, source string) (*works, error) {
	w, err := p.open()
	if err != nil {
		return nil, err
	}
	if w.accounts[source] == nil {
		return nil, errors.Join(unknownName(cmd, "source", source, sourceNames(w.cfg)), w.close())
	}
	if err := w.greet(cmd.Context()); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// periodUntil is how long it is, by the database's clock, until a time that a person typed; nothing typed is no end.
func (w *works) periodUntil(cmd *cobra.Command, until string) (end time.Time, period time.Duration, err error) {
	if until == "" {
		return time.Time{}, 0, nil
	}
	if end, err = parseInstant("--until", until, w.cfg.Zone()); err != nil {
		return end, 0, &usageError{command: cmd.CommandPath(), err: err}
	}
	now, err := w.db.Now(cmd.Context())
	if err != nil {
		return end, 0, err
	}
	if !end.After(now) {
		return end, 0, usagef(cmd, textPausePast, end.In(w.cfg.Zone()).Format(time.DateTime))
	}
	return end, end.Sub(now), nil
}

// pauseOf returns the pause of a source, if there is one now.
func (w *works) pauseOf(ctx context.Context, source order.SourceID) (mysql.Pause, bool, error) {
	pauses, err := w.db.Pauses(ctx)
	if err != nil {
		return mysql.Pause{}, false, err
	}
	for _, pause := range pauses {
		if pause.Source == source {
			return pause, true, nil
		}
	}
	return mysql.Pause{}, false, nil
}

// unpaused refuses to ask a source that is paused.
func (p *program) unpaused(ctx context.Context, w *works, source order.SourceID) error {
	pause, paused, err := w.pauseOf(ctx, source)
	if err != nil || !paused {
		return err
	}
	return &remedyError{
		err: fmt.Errorf(textPausedNow, source, p.screen.at(pause.Since), pause.By, p.untilText(pause.Until)), remedy: fmt.Sprintf(textPausedHelp, source),
	}
}

// untilText is the end of a pause or of a silence; empty where it has none.
func (p *program) untilText(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return fmt.Sprintf(textPausedUntil, p.screen.at(end))
}

// stamp3339 is an instant for the audit log, empty where it is zero.
func stamp3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
