package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/mysql"
	"ordersync/internal/schedule"
	"ordersync/internal/taobao/gateway"
)

// The exit statuses, which people script against.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 78
	exitInterrupted = 130
)

const (
	textUsageHint   = "'%s --help' shows how it is used."
	textInterrupted = "Interrupted (%v). What was stored stays stored; the same command goes on from there."
	textBusy        = "%s of %s is being worked on by %s since %s; that right lasts until %s and is renewed while it works."
	textBusyRemedy  = "Its work counts for you, too: wait for it (a typed sync with --wait), or look at 'ordersyncd status'."
	textMistakes    = "%s in %s. Nothing was started."

	textUntrusted     = " That connection is not used: nothing was sent there, and nothing of it is stored. No order is lost: they wait at the shop."
	textUntrustedHelp = "Ask the shop's support about its address and its certificate; 'ordersyncd check --online' tries it again."
)

// words say what a failure means for the orders, and what to do.
type words struct {
	meaning, remedy string
}

// remedies translate the kinds of failure for whoever has to act on them.
var remedies = map[fault.Kind]words{
	fault.Transient: {
		meaning: "This usually passes by itself, and no order is lost: the next run goes on where this one stopped.",
		remedy:  "Try again, or let the daemon do so; 'ordersyncd status' shows how far the orders are behind.",
	},
	fault.RateLimited: {
		meaning: "The shop asks for a pause. No order is lost: they wait there.",
		remedy:  "Nothing to do but wait; 'ordersyncd status' shows until when. If it comes often, lower the source's rate.",
	},
	fault.Auth: {
		meaning: "The shop refuses the credential: no orders come in until that changes. Those that are stored stay.",
		remedy:  "Put a valid credential in its place, then run 'ordersyncd check --online', which also lifts the stop.",
	},
	fault.Rejected: {
		meaning: "The record is kept as a dead letter; all other orders go on.",
		remedy:  "'ordersyncd deadletter list' shows it with its reason.",
	},
	fault.Protocol: {
		meaning: "The shop's answers are not what its description in the configuration says. Nothing was skipped: the point reached stays.",
		remedy:  "Compare the source's settings with the shop's API; 'ordersyncd check --online' makes one call.",
	},
	fault.Database: {
		meaning: "Nothing is stored while the database fails; the orders wait at the shop.",
		remedy:  "See that the database server runs and takes the account; 'ordersyncd check --online' tries it.",
	},
	fault.Config: {
		meaning: "",
		remedy:  "Correct the configuration; 'ordersyncd check' reads it without starting anything.",
	},
	fault.Internal: {
		meaning: "This is a fault of ordersyncd itself. What is stored is safe.",
		remedy:  "Please report it, with this message and the output of 'ordersyncd version'.",
	},
}

// usageError is a command line that cannot be understood.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{command: cmd.CommandPath(), err: fmt.Errorf(format, args...)}
}

// asUsage makes what the parser of the command line says a usage error.
func asUsage(err error, cmd *cobra.Command) error {
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage
	}
	return &usageError{command: cmd.CommandPath(), err: err}
}

// toldError is a failure of which everything was already said.
type toldError struct{ status int }

func (e *toldError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// remedyError is a failure with a remedy of its own.
type remedyError struct {
	err    error
	remedy string
}

func (e *remedyError) Error() string { return e.err.Error() }
func (e *remedyError) Unwrap() error { return e.err }

// advised is a failure of another room that knows itself what to do.
type advised interface {
	error
	Remedy() string
}

// conclude tells what went wrong and returns the exit status.
func (p *program) conclude(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	s := p.screen
	if usage, ok := errors.AsType[*usageError](err); ok {
		s.complain(sentence(usage.Error()), fmt.Sprintf(textUsageHint, usage.command))
		return exitUsage
	}
	if problems, ok := errors.AsType[*config.Problems](err); ok {
		s.problems(problems.List, s.red, "")
		s.complain(fmt.Sprintf(textMistakes, figures.Count(len(problems.List), "mistake"), p.config), "")
		return exitConfig
	}
	if told, ok := errors.AsType[*toldError](err); ok {
		return told.status
	}
	if ctx.Err() != nil && fault.KindOf(err) != fault.Config {
		s.complain(fmt.Sprintf(textInterrupted, context.Cause(ctx)), "")
		return exitInterrupted
	}
	if busy, ok := errors.AsType[*schedule.BusyError](err); ok {
		s.complain(s.busy(busy), textBusyRemedy)
		return exitFailed
	}
	kind := fault.KindOf(err)
	meaning, remedy := explain(err)
	s.complain(sentence(err.Error())+meaning, remedy)
	if kind == fault.Config {
		return exitConfig
	}
	return exitFailed
}

// explain returns what a failure means and what to do about it, meaning with a blank in front unless it is empty.
func explain(err error) (meaning, remedy string) {
	w := remedies[fault.KindOf(err)]
	if own, ok := errors.AsType[*remedyError](err); ok {
		return "", own.remedy
	}
	if _, ok := errors.AsType[*mysql.SchemaError](err); ok {
		return "", "" // its text names the command
	}
	if _, ok := errors.AsType[*schedule.BusyError](err); ok {
		return "", textBusyRemedy
	}
	if fault.KindOf(err) == fault.Protocol && untrusted(err) {
		return textUntrusted, textUntrustedHelp
	}
	if w.meaning != "" {
		meaning = " " + w.meaning
	}
	if told := gateway.Remedy(err); told != "" {
		return "", told // which says what it means, too
	}
	if told, ok := errors.AsType[advised](err); ok && told.Remedy() != "" {
		return meaning, told.Remedy()
	}
	return meaning, w.remedy
}

// sentence makes the text of an error a sentence.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
