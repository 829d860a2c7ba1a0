package main

import (
	"github.com/spf13/cobra"

	"ordersync/internal/seal"
)

const (
	textKeysShort = "Makes the key with which secrets in the database are sealed"
	textKeysLong  = `Tokens that the owner of a shop grants are kept in the database, sealed with a
key that is not in the database.`
	textKeysNewShort = "Prints a new key, for the folder of credentials"
	textKeysNewLong  = `Prints a new key and keeps nothing. Put it into the folder of credentials, name
it in the configuration, and keep a copy where the database's backups are not:
without the key every shop has to be authorised again.`
	textKeysNewExample = `  (umask 077; ordersyncd keys new > /etc/ordersync/credentials/seal-key)
  # and in ordersyncd.yaml:
  #   encryption: {key: "${credential:seal-key}"}`
	textKeysReadable = "Whoever has this key can read the tokens in the database. Keep it as you keep a password."
)

func (p *program) keysCommand() *cobra.Command {
	group := &cobra.Command{Use: "keys", Short: textKeysShort, Long: textKeysLong, Args: cobra.ArbitraryArgs, RunE: needsSubcommand}
	group.AddCommand(&cobra.Command{
		Use: "new", Short: textKeysNewShort, Long: textKeysNewLong, Example: textKeysNewExample, Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return p.newKey() },
	})
	return group
}

// newKey prints a key. It reads no configuration: the key may be what that still lacks.
func (p *program) newKey() error {
	text, err := seal.NewKeyset()
	if err != nil {
		return err
	}
	p.screen.printf("%s\n", text)
	if isTerminal(p.stdout) {
		p.screen.notice(textKeysReadable)
	}
	return nil
}
