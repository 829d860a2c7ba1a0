// Command ordersyncd copies the orders of remote shops into MySQL, on schedules, completely.
//
// Each command has a file of its own, which begins with its texts. What they share: wiring.go joins the rooms, runner.go runs one
// stream the same way for whoever asks, screen.go speaks to people, exit.go turns errors into sentences and statuses; telling.go and
// alerts.go hand what becomes of runs to those who tell of failures.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // schedules and filters name zones, and a bare host has no database of them
)

// collectAt is the garbage, in percent of what lives, at which it is collected.
const collectAt = 200

func main() {
	os.Exit(run())
}

// run is main with a result. The first SIGINT or SIGTERM ends the context, with a cause that names the signal; the second ends the
// process at once.
func run() int {
	if os.Getenv("GOGC") == "" {
		// Pages come and go and little lives longer: a heap of a few megabytes more is collected half as often.
		debug.SetGCPercent(collectAt)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		cancel(&signalError{signal: <-signals})
		<-signals
		os.Exit(exitInterrupted)
	}()
	p := &program{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	return p.run(ctx)
}

// signalError is the cause of a context that a signal ended. It is a context.Canceled, so that nobody takes it for a fault.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return fmt.Sprintf("stopped by the signal %q", e.signal) }
func (e *signalError) Unwrap() error { return context.Canceled }
