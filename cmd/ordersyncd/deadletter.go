package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

const (
	textDeadShort = "Shows and replays the records that could not be stored"
	textDeadLong  = `A record of the shop that cannot be understood or stored is kept whole, with
the reason, and all others go on. It is released by itself as soon as a version
that can be stored arrives.`
	textDeadListShort  = "Lists dead letters, latest first"
	textDeadShowShort  = "Prints a dead letter with what the shop sent"
	textDeadRetryShort = "Tries again to store dead letters"
	textDeadRetryLong  = `Fetches each order anew where the shop can be asked for it, else reads what was
kept with today's description of the shop.`
	textDeadDiscardShort = "Deletes a dead letter for good"
	textDeadListHead     = "Dead letters"

	textNoDead         = "There are no dead letters."
	textDeadMore       = "Only the latest %d are shown."
	textDeadGone       = "there is no dead letter %q of %s"
	textDeadGoneHelp   = "'ordersyncd deadletter list' shows them."
	textRetryWhat      = "name a SOURCE and an ID, or give --all"
	textRetryBoth      = "either a SOURCE and an ID, or --all"
	textReleased       = "%s %s: released. %s"
	textReleasedKept   = "%s %s: released, from what was kept (the shop cannot be asked for it). %s"
	textStillDead      = "%s %s: still dead: %s"
	textRetryFailed    = "%s %s: not tried: %s"
	textRetrySummary   = "%s released, %s still dead or not tried.\n"
	textConfirm        = "Delete the dead letter %q of %s for good? What the shop sent is then kept nowhere. Type yes: "
	textConfirmMissing = "discarding needs --yes where nobody can be asked"
	textNotDiscarded   = "Nothing was deleted."
	textDiscarded      = "Deleted the dead letter %q of %s.\n"
)

// shownDeadLetters is how many are listed at most.
const shownDeadLetters = 1000

func (p *program) deadletterCommand() *cobra.Command {
	group := &cobra.Command{Use: "deadletter", Short: textDeadShort, Long: textDeadLong, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	identity := exactly("the name of a SOURCE", "the ID of a dead letter")

	var source string
	list := &cobra.Command{
		Use: "list", Short: textDeadListShort, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.listDead(cmd, source) },
	}
	list.Flags().StringVar(&source, "source", "", "only those of `SOURCE`")

	show := &cobra.Command{
		Use: "show SOURCE ID", Short: textDeadShowShort, Args: identity,
		RunE: func(cmd *cobra.Command, args []string) error { return p.showDead(cmd, args[0], args[1]) },
	}

	var all bool
	retry := &cobra.Command{
		Use: "retry SOURCE ID | retry --all [--source SOURCE]", Short: textDeadRetryShort, Long: textDeadRetryLong, Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return p.retryDead(cmd, args, all, source) },
	}
	retry.Flags().BoolVar(&all, "all", false, "all dead letters")
	retry.Flags().StringVar(&source, "source", "", "with --all: only those of `SOURCE`")

	var yes bool
	discard := &cobra.Command{
		Use: "discard SOURCE ID", Short: textDeadDiscardShort, Args: identity,
		RunE: func(cmd *cobra.Command, args []string) error { return p.discardDead(cmd, args[0], args[1], yes) },
	}
	discard.Flags().BoolVar(&yes, "yes", false, "do not ask")

	group.AddCommand(list, show, retry, discard)
	return group
}

func (p *program) listDead(cmd *cobra.Command, source string) (err error) {
	w, err := p.openReady(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	letters, err := w.db.DeadLetters(cmd.Context(), mysql.DeadLetterFilter{Source: order.SourceID(source), Limit: shownDeadLetters})
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		p.screen.notice(textNoDead)
	}
	var rows []table.Row
	for _, l := range letters {
		rows = append(rows, table.Row{string(l.Source), l.ID, p.screen.at(l.DeadAt), l.Reason})
	}
	p.screen.table(textDeadListHead, table.Row{"source", "id", "last refused", "reason"}, rows)
	if len(letters) == shownDeadLetters {
		p.screen.notice(textDeadMore, shownDeadLetters)
	}
	return nil
}

// deadLetter reads one, or says that there is none.
func (w *works) deadLetter(ctx context.Context, source, id string) (*mysql.StoredDeadLetter, error) {
	letter, err := w.db.DeadLetter(ctx, order.SourceID(source), id)
	if errors.Is(err, mysql.ErrNotStored) {
		return nil, &remedyError{err: fmt.Errorf(textDeadGone, id, source), remedy: textDeadGoneHelp}
	}
	return letter, err
}

func (p *program) showDead(cmd *cobra.Command, source, id string) (err error) {
	w, err := p.openReady(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	l, err := w.deadLetter(cmd.Context(), source, id)
	if err != nil {
		return err
	}
	s := p.screen
	s.printf("%s\n", s.bold("Dead letter "+l.ID+" of "+string(l.Source), s.outPlain))
	for _, row := range [][2]string{
		{"reason", l.Reason}, {"changed", s.at(l.Version.ModifiedAt)}, {"fetched", s.at(l.Version.FetchedAt)},
		{"first refused", s.at(l.FirstDeadAt)}, {"last refused", s.at(l.DeadAt)},
	} {
		s.printf("  %-14s %s\n", row[0], row[1])
	}
	s.printf("\n%s\n", payloadText(l.Payload))
	return nil
}

// payloadText is what the shop sent, indented where it is JSON.
func payloadText(payload []byte) string {
	var v json.RawMessage
	if json.Unmarshal(payload, &v) == nil {
		if text, err := json.MarshalIndent(v, "", "  "); err == nil {
			return string(text)
		}
	}
	return strings.ToValidUTF8(string(payload), "\uFFFD")
}

func (p *program) retryDead(cmd *cobra.Command, args []string, all bool, source string) (err error) {
	switch {
	case all && len(args) > 0:
		return usagef(cmd, textRetryBoth)
	case !all && len(args) != 2:
		return usagef(cmd, textRetryWhat)
	}
	ctx := cmd.Context()
	w, err := p.openReady(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if name := sourceAsked(args, source); name != "" && w.accounts[name] == nil {
		return unknownName(cmd, "source", name, sourceNames(w.cfg))
	}
	letters := []mysql.StoredDeadLetter{{}}
	if all {
		letters, err = w.db.DeadLetters(ctx, mysql.DeadLetterFilter{Source: order.SourceID(source), Limit: 1 << 20})
	} else {
		letters[0].Source, letters[0].ID = order.SourceID(args[0]), args[1]
	}
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		p.screen.notice(textNoDead)
		return nil
	}
	return p.retryEach(ctx, w, letters, all)
}

func sourceAsked(args []string, flag string) string {
	if len(args) > 0 {
		return args[0]
	}
	return flag
}

// retryEach tries the letters one by one, and says what became of each. A source that fails as a whole is not asked again.
func (p *program) retryEach(ctx context.Context, w *works, letters []mysql.StoredDeadLetter, all bool) error {
	released, rest := 0, 0
	failed := map[order.SourceID]error{}
	for _, l := range letters {
		line, err := textRetryFailed, failed[l.Source]
		var done string
		if err == nil {
			err = p.unpaused(ctx, w, l.Source)
		}
		if err == nil {
			done, line, err = w.retry(ctx, string(l.Source), l.ID)
		}
		kind := fault.KindOf(err)
		switch {
		case err == nil:
			released++
			p.screen.printf(line+"\n", l.Source, l.ID, done)
			continue
		case ctx.Err() != nil || kind == fault.Database || !all && kind != fault.Rejected:
			return err
		case kind == fault.Rejected:
			line = textStillDead
		default:
			failed[l.Source] = err
		}
		rest++
		p.screen.printf(line+"\n", l.Source, l.ID, err.Error())
	}
	if all {
		p.screen.printf(textRetrySummary, figures.Number(released), figures.Number(rest))
	}
	if rest > 0 {
		return &toldError{status: exitFailed}
	}
	return nil
}

// retry stores one dead letter's order: fetched anew where the shop can be asked for it, else from what was kept. line is the text
// for its success, done what storing it did.
func (w *works) retry(ctx context.Context, source, id string) (done, line string, err error) {
	letter, err := w.deadLetter(ctx, source, id)
	if err != nil {
		return "", textRetryFailed, err
	}
	a := w.accounts[source]
	if a == nil {
		return "", textRetryFailed, fault.Errorf(fault.Rejected, "the source %s is not in the configuration any more", source)
	}
	line = textReleased
	anonymous := strings.HasPrefix(id, "sha256:")
	if !anonymous {
		done, err = w.fetch(ctx, a, id)
	}
	if anonymous || noDetail(err) {
		line = textReleasedKept
		done, err = w.put(ctx, a, a.orders.Decode(letter.Payload, letter.Version.FetchedAt))
	}
	if err == nil {
		// A letter that had no id lies under the hash of its text; the order is now stored under its own.
		_, err = w.db.DiscardDeadLetter(ctx, a.name, id)
	}
	outcome := "released"
	if err != nil {
		outcome = "failed: " + fault.KindOf(err).String()
	}
	if noted := w.audit(ctx, "deadletter retry", source+" "+id, outcome); err == nil {
		err = noted
	}
	return done, line, err
}

func (p *program) discardDead(cmd *cobra.Command, source, id string, yes bool) (err error) {
	ctx := cmd.Context()
	w, err := p.openReady(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	letter, err := w.deadLetter(ctx, source, id)
	if err != nil {
		return err
	}
	if !yes {
		if ok, err := p.confirm(cmd, fmt.Sprintf(textConfirm, id, source)); err != nil || !ok {
			return err
		}
	}
	if err := w.audit(ctx, "deadletter discard", source+" "+id, letter.Reason); err != nil {
		return err
	}
	if _, err := w.db.DiscardDeadLetter(ctx, letter.Source, id); err != nil {
		return err
	}
	p.screen.printf(textDiscarded, id, source)
	return nil
}

// confirm asks on the terminal; without one it is a usage error.
func (p *program) confirm(cmd *cobra.Command, question string) (bool, error) {
	if !isTerminal(p.stdin) {
		return false, usagef(cmd, textConfirmMissing)
	}
	fmt.Fprint(p.stderr, question)
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, os.ErrClosed) {
		fmt.Fprintln(p.stderr)
	}
	if strings.EqualFold(strings.TrimSpace(answer), "yes") {
		return true, nil
	}
	p.screen.notice(textNotDiscarded)
	return false, nil
}
