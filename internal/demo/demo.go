// Package demo tells the product's story to somebody who has neither a shop nor a database: it provides both on this machine, runs
// the shipped binary on them as an operator would, breaks things, and compares the tables with what the shop says.
//
// It promises that nothing outlives it: no process, no folder, whether the story ends well, badly, by Ctrl-C or by kill -9.
package demo

import (
	"context"
	"errors"
	"io"
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
func Run(ctx context.Context, o Options) error { return errors.New("the demo is not in this build") }
