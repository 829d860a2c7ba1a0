// Command withserver runs a command with ORDERSYNC_TEST_DSN set to a private server that lives as long as the command:
//
//	go run ./internal/mariadb/withserver go test ./...
//
// Where the variable is set already, the command is run as it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"ordersync/internal/mariadb"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(line []string) int {
	if len(line) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withserver COMMAND [ARGUMENT...]")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := with(ctx, line)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withserver:", err)
		return 1
	}
	return code
}

// with runs the line and returns its exit status.
func with(ctx context.Context, line []string) (code int, err error) {
	if os.Getenv("ORDERSYNC_TEST_DSN") == "" {
		server, err := mariadb.Start(ctx, mariadb.Options{Relaxed: true, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		if err := os.Setenv("ORDERSYNC_TEST_DSN", server.DSN("")); err != nil {
			return 1, err
		}
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A Ctrl-C reaches the command by itself; whatever ended us, it gets the time to clean up.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return max(exit.ExitCode(), 1), nil
		}
		return 1, err
	}
	return 0, nil
}
