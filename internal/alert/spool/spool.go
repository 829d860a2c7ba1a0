package spool

import "ordersync/internal/alert"

// Spool keeps observations for the shared book while that cannot be written, in order. It holds up to 8 MiB of them; beyond that the
// oldest go. It is safe for concurrent use.
type Spool struct{}

// OpenSpool reads the spool of a state directory. Lines that are damaged are left out, see [Spool.Damage].
func OpenSpool(dir string) *Spool { panic(dir) }

// Append writes an observation down behind the others.
func (s *Spool) Append(o alert.Observation) { panic(o) }

// Len is how many observations wait.
func (s *Spool) Len() int { panic(s) }

// Peek returns the first n of them, or as many as there are.
func (s *Spool) Peek(n int) []alert.Observation { panic(n) }

// Drop forgets the first n: the shared book has them. A process that dies between the two gives them to the book twice.
func (s *Spool) Drop(n int) { panic(n) }

// Failure tells why the disk does not hold what the spool holds; nil: it does.
func (s *Spool) Failure() error { panic(s) }

// Damage tells what was lost when the spool was opened; nil: nothing.
func (s *Spool) Damage() error { panic(s) }
