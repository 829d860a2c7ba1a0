package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ordersync/internal/apiclient"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/schedule"
)

const (
	textCheckShort = "Says what is wrong with the configuration"
	textCheckLong  = `Reads the configuration and everything it refers to, and reports every mistake
at once. A good one is shown as it is understood, with the next five runs of
each job.

With --online it also asks the database and makes one cheap call to each shop.
A credential that a shop accepts again is used again from then on. With
--send-test-alert it does that, and also sends a test message by every way that
alerts take: look whether each of them arrives.

With --diff it says instead what a reload would add, remove and change in the
daemon that runs, and what would need a restart. The daemon tells what it works
with by the database.

Exit status: 0 good, 1 something that was asked with --online or --diff failed
or a test message was not taken, 78 wrong configuration.`
	textOnlineFlag = "also ask the database and each shop"
	textWarning    = "warning: "
	textGood       = "%s is good: %s, %s, times in %s.\n\n"
	textNoTicks    = "    never\n"
	textTold       = "alerts: %s\n"
	textToldNobody = "nobody is told"
	textSyncs      = "reads what is new and changed"
	textSyncsMade  = "reads what is newly made"
	textTracks     = "asks where the parcels are"
	textSweeps     = "reads again the last %s"
	textDatabase   = "database"
	textSchema     = "schema"
	textSchemaIs   = "version %d"
	textCredential = "source %s"
	textNoRefunds  = "orders come in without their refunds: %v"
	textAccepted   = "answers and accepts the credential; its clock is %s"
	textClockSame  = "right"
	textClockAhead = "%s ahead of ours"
	textClockLate  = "%s behind ours"
	textUnreached  = "not looked at, because the database failed"
	// ticksShown is how many runs of each job are shown.
	ticksShown = 5
)

func (p *program) checkCommand() *cobra.Command {
	var online, diff, trial bool
	c := &cobra.Command{
		Use: "check", Short: textCheckShort, Long: textCheckLong, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.check(cmd.Context(), online || trial, diff, trial)
		},
	}
	c.Flags().BoolVar(&online, "online", false, textOnlineFlag)
	c.Flags().BoolVar(&diff, "diff", false, textDiffFlag)
	c.Flags().BoolVar(&trial, "send-test-alert", false, textTrialFlag)
	return c
}

func (p *program) check(ctx context.Context, online, diff, trial bool) (err error) {
	w, err := p.open()
	if problems, ok := errors.AsType[*config.Problems](err); ok {
		p.screen.problems(problems.Warnings, p.screen.yellow, textWarning)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for _, job := range w.cfg.Jobs {
		if _, err := w.errandOf(job.Name); err != nil {
			return err
		}
	}
	told, err := openWays(w.cfg, w.clean, w.log)
	if err != nil {
		return err
	}
	p.screen.problems(w.cfg.Warnings, p.screen.yellow, textWarning)
	p.screen.printf(textGood, p.config, figures.Count(len(w.cfg.Sources), "source"), figures.Count(len(w.cfg.Jobs), "job"), w.cfg.Timezone)
	if diff {
		err = p.diff(ctx, w)
	} else {
		err = p.showAll(w.cfg, told)
	}
	if err != nil || !online {
		return err
	}
	return p.checkOnline(ctx, w, trial)
}

// showAll prints the sources, who is told, and the jobs with their next runs.
func (p *program) showAll(cfg *config.Config, told ways) error {
	for _, s := range cfg.Sources {
		p.screen.printf("source %s: %s\n", p.screen.bold(s.Name, p.screen.outPlain), describe(s))
	}
	names := make([]string, 0, len(told.channels))
	for _, c := range told.channels {
		names = append(names, c.Name())
	}
	p.screen.printf(textTold, cmp.Or(strings.Join(names, ", "), textToldNobody))
	p.screen.printf("\n")
	for _, job := range cfg.Jobs {
		if err := p.showJob(cfg, job, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// describe is a source in one line.
func describe(s *config.Source) string {
	kind, limit := s.Kind, config.Rate{}
	if s.Rest != nil {
		limit = s.Rest.Rate
		if s.Rest.Preset != "" {
			kind += " (" + s.Rest.Preset + ")"
		}
	}
	if s.Taobao != nil {
		limit = s.Taobao.Rate
	}
	rate := fmt.Sprintf("%g calls a second", limit.PerSecond)
	if limit.PerDay > 0 {
		rate += fmt.Sprintf(", %s a day", figures.Number(limit.PerDay))
	}
	return strings.Join(present(kind, endpoint(s), rate), ", ")
}

// endpoint tells accounts apart: the address without anything that could be a secret in it, or the app key.
func endpoint(s *config.Source) string {
	if s.Taobao != nil {
		return "app " + s.Taobao.AppKey + " at " + plainAddress(s.Taobao.Gateway)
	}
	return plainAddress(s.Rest.BaseURL)
}

func plainAddress(address string) string {
	address, _, _ = strings.Cut(address, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		address = scheme + "://" + rest
	}
	return address
}

// showJob prints a job with its next runs.
func (p *program) showJob(cfg *config.Config, job *config.Job, now time.Time) error {
	s, err := schedule.Parse(job.Schedule, cfg.Zone())
	if err != nil {
		return fmt.Errorf("jobs.%s.schedule: %w", job.Name, err)
	}
	what, rest := textSyncs, cfg.Source(job.Source()).Rest
	switch {
	case job.Track != "":
		what = textTracks
	case job.Sweep != "":
		what = fmt.Sprintf(textSweeps, job.Back)
	case rest != nil && rest.Window.By == "created":
		what = textSyncsMade
	}
	p.screen.printf("job %s: %s of %s, at %s\n", p.screen.bold(job.Name, p.screen.outPlain), what, job.Source(), s)
	ticks := schedule.NextN(s, now, ticksShown)
	for _, tick := range ticks {
		p.screen.printf("    %s\n", tick.In(cfg.Zone()).Format("Mon 2006-01-02 15:04:05 -07:00"))
	}
	if len(ticks) == 0 {
		p.screen.printf(textNoTicks)
	}
	p.screen.printf("\n")
	return nil
}

// checkOnline asks everything that the configuration names, once each, and tells all that failed; with trial also a test alert through
// each channel.
func (p *program) checkOnline(ctx context.Context, w *works, trial bool) error {
	failed := 0
	line := func(what string, good string, err error) {
		if err != nil {
			failed++
		}
		p.tried(what, good, err)
	}
	warnings, err := w.db.Check(ctx)
	line(textDatabase, databaseName(w.cfg), err)
	for _, warning := range warnings {
		p.screen.printf("        %s%s\n", p.screen.yellow(textWarning, p.screen.outPlain), sentence(warning))
	}
	around, broken := w.surroundings(w.cfg)
	around.pace = apiclient.Local()
	if err == nil {
		err = w.db.SchemaOK(ctx)
		line(textSchema, fmt.Sprintf(textSchemaIs, mysql.SchemaVersion()), err)
		if err == nil {
			around.pace = &probePace{Pace: w.db}
		}
	} else {
		p.screen.printf("        %s: %s\n", textSchema, textUnreached)
	}
	for _, source := range w.cfg.Sources {
		good, warning, err := probe(ctx, source, around)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line(fmt.Sprintf(textCredential, source.Name), good, cmp.Or(broken, err))
		if warning != "" {
			p.screen.printf("        %s%s\n", p.screen.yellow(textWarning, p.screen.outPlain), sentence(warning))
		}
	}
	if trial {
		if err := p.sendTrials(ctx, w, line); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &toldError{status: exitFailed}
	}
	return nil
}

// tried prints what became of one question.
func (p *program) tried(what, good string, err error) {
	if err == nil {
		p.screen.printf("%s  %s: %s\n", p.screen.green("ok    ", p.screen.outPlain), what, good)
		return
	}
	meaning, remedy := explain(err)
	p.screen.printf("%s  %s: %s%s\n", p.screen.red("failed", p.screen.outPlain), what, sentence(err.Error()), meaning)
	if remedy != "" {
		p.screen.printf("        %s\n", remedy)
	}
}

// probe makes one call to a source, and says what is good about it and what the shop's owner must do soon.
func probe(ctx context.Context, source *config.Source, around surroundings) (good, warning string, err error) {
	a, err := openAccount(source, around)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.orders.Probe(ctx); err != nil {
		return "", "", err
	}
	if a.vault != nil {
		_, warning = a.vault.Warn(time.Now())
	}
	if r, ok := a.orders.(interface {
		ProbeRefunds(ctx context.Context) error
	}); ok {
		if err := r.ProbeRefunds(ctx); err != nil {
			_, remedy := explain(err)
			warning = strings.TrimSpace(warning + " " + sentence(fmt.Sprintf(textNoRefunds, err)) + " " + remedy)
		}
	}
	return fmt.Sprintf(textAccepted, clockText(a.client)), warning, nil
}

func clockText(c *apiclient.Client) string {
	switch ahead, _ := c.Skew(); {
	case ahead > 2*time.Second:
		return fmt.Sprintf(textClockAhead, figures.Span(ahead))
	case ahead < -2*time.Second:
		return fmt.Sprintf(textClockLate, figures.Span(-ahead))
	}
	return textClockSame
}

// databaseName says which database without its account.
func databaseName(cfg *config.Config) string {
	if c := cfg.Database; c.DSN.IsZero() {
		return c.Name + " at " + c.Address
	}
	return "the database of dsn"
}

// probePace lets a call through although the credential stands as refused: finding that out is what the call is for.
type probePace struct{ apiclient.Pace }

// Reserve is the Pace's, but for the refusal.
func (p *probePace) Reserve(
	ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (time.Duration, error) {
	wait, err := p.Pace.Reserve(ctx, credential, calls, spacing, daily, zone)
	if fault.KindOf(err) == fault.Auth {
		return 0, nil
	}
	return wait, err
}
