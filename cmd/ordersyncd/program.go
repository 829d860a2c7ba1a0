package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ordersync/internal/fault"
)

const (
	textRootShort = "Copies the orders of remote shops into MySQL, on schedules, completely"
	textRootLong  = `ordersyncd copies the orders of remote shops into MySQL, on schedules,
completely.

Start with 'ordersyncd check', which says what is wrong with the configuration,
then 'ordersyncd migrate up', which makes the tables, then 'ordersyncd sync
JOB' for a first load that you can watch. 'ordersyncd run' is the daemon.

Exit status: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration, 130
interrupted.`
	textConfigFlag = "the configuration `FILE`"
	defaultConfig  = "/etc/ordersync/ordersyncd.yaml"
)

// program is one invocation, with the world as it sees it.
type program struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	// config is the path of the configuration.
	config string
	// begun says that the command line was understood: what fails from then on is not its usage.
	begun  bool
	screen *screen
}

// run runs the command that the arguments name, tells what went wrong, and returns the exit status.
func (p *program) run(ctx context.Context) int {
	p.screen = newScreen(p.stdout, p.stderr, p.getenv)
	root := p.root()
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := p.execute(ctx, root)
	return p.conclude(ctx, err)
}

// execute runs the command. A panic becomes an error, since the exit status of one that ends the process is that of wrong usage.
func (p *program) execute(ctx context.Context, root *cobra.Command) (err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(p.stderr, "%s\n", debug.Stack())
			err = fault.Errorf(fault.Internal, "the command broke off: %T", r)
		}
	}()
	called, err := root.ExecuteContextC(ctx)
	if err != nil && !p.begun {
		return asUsage(err, called)
	}
	return err
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "ordersyncd",
		Short:             textRootShort,
		Long:              textRootLong,
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              cobra.ArbitraryArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { p.begun = true },
	}
	root.PersistentFlags().StringVarP(&p.config, "config", "c", defaultConfig, textConfigFlag)
	root.RunE = needsSubcommand
	for _, c := range []*cobra.Command{
		p.runCommand(), p.syncCommand(), p.checkCommand(), p.statusCommand(), p.orderCommand(), p.trackCommand(),
		p.deadletterCommand(), p.gapCommand(), p.incidentCommand(), p.pauseCommand(), p.resumeCommand(), p.migrateCommand(), p.sourceCommand(),
		p.authorizeCommand(), p.keysCommand(), p.demoCommand(),
		p.versionCommand(),
	} {
		root.AddCommand(c)
	}
	return root
}

// needsSubcommand is what a command does that only groups others.
func needsSubcommand(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if len(args) == 0 {
		return usagef(cmd, "a command is missing: one of %s", strings.Join(names, ", "))
	}
	return usagef(cmd, "there is no command %q%s", args[0], didYouMean(args[0], names))
}

// exactly wants the named arguments and no others.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef(cmd, "%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

// didYouMean proposes the names that are nearly what was written.
func didYouMean(word string, names []string) string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, name := range names {
		d := distance(strings.ToLower(word), strings.ToLower(name))
		if d <= max(1, len(word)/3) || len(word) > 1 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(word)) {
			near = append(near, candidate{name: name, distance: d})
		}
	}
	if len(near) == 0 {
		return ""
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	var quoted []string
	for _, c := range near[:min(len(near), 3)] {
		quoted = append(quoted, fmt.Sprintf("%q", c.name))
	}
	return ": did you mean " + strings.Join(quoted, " or ") + "?"
}

// distance counts the letters to change, add, drop or swap with their neighbour to get from a to b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}
