package spool

import (
	"context"
	"time"

	"ordersync/internal/alert"
)

// Book is the host's own book of incidents. It implements alert.Book and never refuses: while the disk fails it holds in memory what
// it was given, see [Book.Failure]. Its clock is the host's. It is safe for concurrent use.
type Book struct{}

// OpenBook reads the book of a state directory. What is damaged is put aside, and the book begins anew, see [Book.Damage].
func OpenBook(dir string) *Book { panic(dir) }

// Read returns all that is to be worked on.
func (b *Book) Read(context.Context) (alert.Contents, error) { panic(b) }

// Write does all of a step.
func (b *Book) Write(_ context.Context, s alert.Step) error { panic(s) }

// Note writes down what happened. An observation without a time has just been made.
func (b *Book) Note(o alert.Observation) { panic(o) }

// Wants reports whether a good run of a job says anything to the book: an incident that is not over has that job, or an observation
// of it waits.
func (b *Book) Wants(job string) bool { panic(job) }

// Remember keeps deliveries of another book that were sent, where that book could not be told: so that they are not sent again after a
// restart either. It forgets them after a day.
func (b *Book) Remember(sent ...alert.Delivery) { panic(sent) }

// Remembered returns what [Book.Remember] kept.
func (b *Book) Remembered() []alert.Delivery { panic(b) }

// Forget drops what was remembered of a notice and a channel: the other book knows now.
func (b *Book) Forget(channel, notice string) { panic(channel + notice) }

// Failure tells why the disk does not hold what the book holds; nil: it does.
func (b *Book) Failure() error { panic(b) }

// Damage tells what was lost when the book was opened; nil: nothing.
func (b *Book) Damage() error { panic(b) }

// keepSent is how long the book knows what was sent.
const keepSent = time.Hour
