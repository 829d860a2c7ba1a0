// Package demo tells the product's story to somebody who has neither a shop nor a database: it provides two shops, one with an API of
// its own and one on Taobao, and a database on this machine, runs the shipped binary on them as an operator would, breaks things, and
// compares the tables with what the shops say.
//
// It promises that nothing outlives it: no process, no folder, whether the story ends well, badly, by Ctrl-C or by kill -9.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"
)

// Options say how the story is told.
type Options struct {
	// Out is where it is told. It is coloured only where Out is a terminal.
	Out io.Writer
	// Program is the path of the binary whose commands are run, usually the running one.
	Program string
	// Keep leaves everything up at the end, until ctx is done.
	Keep bool
}

// Run tells the story. It returns nil only if all of it held: an error says what did not.
func Run(ctx context.Context, o Options) (err error) {
	program, err := filepath.Abs(o.Program)
	if err != nil {
		return err
	}
	t := &story{console: newConsole(o.Out), begun: time.Now()}
	defer func() { err = errors.Join(err, t.clear()) }()
	if t.stage, err = build(ctx, t.console); err != nil {
		return err
	}
	t.program.path, t.program.folder = program, t.stage.folder
	if t.shop, err = openShop(t.stage.secrets[source], seed); err != nil {
		return fmt.Errorf("open the shop's API: %w", err)
	}
	if t.mall, err = openMall(t.stage.secrets[appSecret], t.stage.secrets[session], seed); err != nil {
		return fmt.Errorf("open the gateway of Taobao: %w", err)
	}
	if t.post, err = openPost(ctx); err != nil {
		return fmt.Errorf("open the merchant's mailbox: %w", err)
	}
	if err := t.tell(ctx); err != nil {
		return err
	}
	if o.Keep {
		return t.keep(ctx)
	}
	return nil
}

// seed makes the same shops each time; their orders lie relative to now.
const seed = 2026

// clear ends everything that still runs, and removes the folder.
func (t *story) clear() error {
	var errs []error
	if t.daemon != nil && t.daemon.alive() {
		_, err := t.daemon.end(syscall.SIGTERM)
		errs = append(errs, err)
	}
	if t.shop != nil {
		errs = append(errs, t.shop.stop())
	}
	if t.mall != nil {
		errs = append(errs, t.mall.stop())
	}
	if t.post != nil {
		errs = append(errs, t.post.close())
	}
	if t.stage != nil {
		errs = append(errs, t.stage.close())
	}
	return errors.Join(errs...)
}

// keep leaves the shops trading and the daemon running until ctx is done, which is then no failure.
func (t *story) keep(ctx context.Context) (err error) {
	if t.daemon, err = t.program.run(); err != nil {
		return err
	}
	t.heading("Everything stays up until Ctrl-C")
	t.say("Each shop takes an order and changes another every 5 seconds. Look at the tables, or at the daemon:")
	t.typed(fmt.Sprintf("mariadb --no-defaults --socket=%s --user=root %s", t.stage.server.Socket(), database))
	t.typed(fmt.Sprintf("%s status --config %s", t.program.path, filepath.Join(t.stage.folder, configName)))
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.daemon.ended:
			return fmt.Errorf("the daemon ended with exit status %d%s", t.daemon.status(), t.lastWords(nil))
		case <-tick.C:
			t.shop.trade(1, 1)
			t.mall.trade(1, 1)
		}
	}
}
