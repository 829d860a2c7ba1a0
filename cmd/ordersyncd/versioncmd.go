package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"ordersync/internal/mysql"
)

const textVersionShort = "Prints version, commit, Go and schema version"

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "version", Short: textVersionShort, Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild(mysql.SchemaVersion())
			if !asJSON {
				p.screen.printf("%s\n", b)
				return nil
			}
			text, err := json.Marshal(b)
			p.screen.printf("%s\n", text)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
