package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"ordersync/internal/apiclient"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/seal"
	"ordersync/internal/token"
)

var _ token.Store = (*mysql.DB)(nil)

const (
	textAuthorizeShort = "Lets the owner of a shop on Taobao or Tmall grant access"
	textAuthorizeLong  = `Prints the address of a page on which the owner of the shop grants access. The
page then leads to the app's callback address with a code in it: paste that
address, or the code alone. What is granted is stored sealed in the database, and
a daemon that is running takes it up within half a minute.

The shop decides how long it holds. 'ordersyncd status' shows until when, and the
log reminds of it 30, 7 and 1 days before.

Exit status: 0 granted and stored, 1 not, 2 wrong usage, 78 wrong configuration.`
	textAuthorizeExample = "  ordersyncd authorize tmall-flagship"

	textAuthorizeOpen = `1. Open this address in a browser, signed in with the main account of the shop:

   %s

2. Agree on that page. It leads to an address that begins with
   %s and holds a code.
   (It does not matter if that page itself cannot be shown.)

3. Paste that whole address, or the code alone, and press Enter.
`
	textAuthorizePaste   = "Address or code: "
	textAuthorizeAgain   = "%s Once more, please.\n"
	textAuthorizeNothing = "Nothing was granted, and nothing was changed."
	textAuthorizeKind    = "%s is no shop on Taobao or Tmall: there is nothing to authorise"
	textAuthorizeKindFix = "Its credential stands in the configuration, under auth."
	textGranted          = "Granted and stored: ordersync may read the orders of %s until %s.\n"
	textGrantedForEver   = "Granted and stored: ordersync may read the orders of %s. The platform did not say until when.\n"
	textGrantedRenews    = "ordersyncd renews this by itself."
	textGrantedFixed     = "It cannot be renewed by itself: you are reminded 30, 7 and 1 days before; then type the same command again."
	textGrantedSensitive = "Receivers and other sensitive matters can be read until %s only."
	textGrantedInstead   = "It counts instead of the session in the configuration, until another session stands there."
)

// pastes is how often something useless may be pasted.
const pastes = 3

func (p *program) authorizeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "authorize SOURCE", Short: textAuthorizeShort, Long: textAuthorizeLong, Example: textAuthorizeExample,
		Args: exactly("the name of a SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.authorize(cmd, args[0]) },
	}
}

func (p *program) authorize(cmd *cobra.Command, name string) (err error) {
	ctx := cmd.Context()
	cfg, err := p.load()
	if err != nil {
		return err
	}
	source := cfg.Source(name)
	switch {
	case source == nil:
		return unknownName(cmd, "source", name, sourceNames(cfg))
	case source.Taobao == nil:
		return &remedyError{err: fmt.Errorf(textAuthorizeKind, name), remedy: textAuthorizeKindFix}
	}
	log := slog.New(slog.DiscardHandler)
	db, err := openDatabase(cfg, log)
	if err != nil {
		return err
	}
	w := &works{cfg: cfg, db: db, log: log, getenv: p.getenv}
	defer func() { err = errors.Join(err, w.close()) }()
	sealer, err := openSealer(cfg)
	if err != nil {
		return err
	}
	vault, err := openVault(source, sealer, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vault.Close()) }()
	// Whatever would keep it from being stored is told before anybody opens a page.
	if err := vault.CanGrant(); err != nil {
		return err
	}
	if err := db.SchemaOK(ctx); err != nil {
		return err
	}
	if err := p.invite(ctx, vault, source.Taobao); err != nil {
		return err
	}
	state := vault.State()
	p.printGrant(state, name, !source.Taobao.Session.IsZero())
	return w.audit(ctx, "authorize", name, "granted by "+state.Nick)
}

// invite shows the page, reads what it led to, and has the token granted and stored.
func (p *program) invite(ctx context.Context, vault *token.Vault, c *config.Taobao) error {
	state := rand.Text()
	p.screen.printf(textAuthorizeOpen, vault.Invitation(state), c.RedirectURI)
	in := bufio.NewReader(p.stdin)
	for range pastes {
		fmt.Fprint(p.stderr, textAuthorizePaste)
		pasted, err := readLine(ctx, in)
		if err != nil {
			return err
		}
		code, err := token.ReadCode(pasted, state)
		if err == nil {
			return granted(vault.Grant(ctx, code))
		}
		if !isTerminal(p.stdin) {
			return &remedyError{err: err, remedy: textAuthorizeNothing}
		}
		p.screen.notice(textAuthorizeAgain, sentence(err.Error()))
	}
	return &remedyError{err: errors.New("no code was pasted"), remedy: textAuthorizeNothing}
}

// granted adds to a failure what to do about it, without what a failure of its kind means elsewhere: what was granted before still holds.
func granted(err error) error {
	if told, ok := errors.AsType[advised](err); ok && fault.KindOf(err) == fault.Auth {
		return &remedyError{err: err, remedy: told.Remedy()}
	}
	return err
}

func (p *program) printGrant(s token.State, source string, instead bool) {
	shop := source
	if s.Nick != "" {
		shop = s.Nick
	}
	if s.Ends.IsZero() {
		p.screen.printf(textGrantedForEver, shop)
	} else {
		p.screen.printf(textGranted, shop, p.screen.at(s.Ends))
	}
	switch {
	case s.Renewable:
		p.screen.notice(textGrantedRenews)
	case !s.Ends.IsZero():
		p.screen.notice(textGrantedFixed)
	}
	if !s.R2Ends.IsZero() && s.R2Ends.Before(s.Ends.Add(-time.Hour)) {
		p.screen.notice(textGrantedSensitive, p.screen.at(s.R2Ends))
	}
	if instead {
		p.screen.notice(textGrantedInstead)
	}
}

// readLine reads a line, or ends with ctx. Nothing wakes a reader of a terminal: the one that is left behind ends with the process,
// which ends now.
func readLine(ctx context.Context, in *bufio.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := in.ReadString('\n')
		read <- line{text: text, err: err}
	}()
	select {
	case l := <-read:
		if l.text == "" && l.err != nil {
			return "", &remedyError{err: errors.New("nothing was pasted"), remedy: textAuthorizeNothing}
		}
		return l.text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// openSealer reads the keyset that seals what the database holds of secrets; nil where the configuration has none.
func openSealer(cfg *config.Config) (token.Sealer, error) {
	if cfg.Encryption.Key.IsZero() {
		return nil, nil // no failure: only a source whose token is stored needs one
	}
	box, err := seal.New(cfg.Encryption.Key.Reveal())
	if err != nil {
		return nil, fmt.Errorf("encryption.key: %w", err)
	}
	return box, nil
}

// openVault makes the authorisation of one shop; whoever has it closes it. It makes no call.
//
// Its client is one of its own: what the address for tokens refuses must not stop the calls to the gateway, and the other way round.
func openVault(source *config.Source, sealer token.Sealer, store token.Store) (*token.Vault, error) {
	c := source.Taobao
	o := token.Options{
		Source: source.Name, Configured: token.NewSecret(c.Session.Reveal()), ConfiguredEnds: c.SessionExpires, Store: store, Seal: sealer,
	}
	if c.OAuth != "" {
		client, err := apiclient.New(apiclient.Options{
			Source: source.Name + " tokens", BaseURL: c.OAuth, AllowHTTP: c.AllowHTTP, PerSecond: 1,
			Retries: retries(c.HTTP.Retries), HeaderTimeout: c.HTTP.HeaderTimeout.Std(), BodyTimeout: c.HTTP.BodyTimeout.Std(),
			MaxBody: 1 << 20, UserAgent: "ordersyncd/" + thisBuild(0).Version,
		})
		if err != nil {
			return nil, fmt.Errorf("oauth: %w", err)
		}
		o.Endpoint, err = token.NewEndpoint(token.EndpointOptions{
			Source: source.Name, Client: client, Address: c.OAuth, AppKey: c.AppKey, AppSecret: c.AppSecret.Reveal, RedirectURI: c.RedirectURI,
		})
		if err != nil {
			return nil, fmt.Errorf("oauth: %w", err)
		}
	}
	return token.New(o), nil
}
