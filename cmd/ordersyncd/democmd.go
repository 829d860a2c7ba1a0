package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ordersync/internal/demo"
)

const (
	textDemoShort = "Shows everything at once, without any account or server"
	textDemoLong  = `Starts a database server of its own and the APIs of two shops on this machine,
one of them on Taobao, runs ordersyncd against them through a short story, and
compares the tables with what the shops say. It takes a minute or two, needs no
configuration, and leaves nothing behind.

Exit status: 0 all of it held, 1 it did not, 130 interrupted.`
	textDemoKeep = "leave everything up at the end, until Ctrl-C"
	textDemoSelf = "find this program's own file: %w"
)

func (p *program) demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use: "demo", Short: textDemoShort, Long: textDemoLong, Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf(textDemoSelf, err)
			}
			return demo.Run(cmd.Context(), demo.Options{Out: p.stdout, Program: self, Keep: keep})
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, textDemoKeep)
	return c
}
