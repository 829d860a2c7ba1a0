package spool

import "time"

// Life is what the state directory knows of the daemon's starts and stops. It is safe for concurrent use.
type Life struct{}

// OpenLife notes that the daemon starts.
func OpenLife(dir string) *Life { panic(dir) }

// Unclean is how many starts of the last hour followed upon a process that was not stopped but died.
func (l *Life) Unclean() int { panic(l) }

// Beat notes that the daemon lives, and returns when it did so before: the first time, when the process before did; zero where nobody
// did.
func (l *Life) Beat() time.Time { panic(l) }

// Stop notes that the daemon was stopped.
func (l *Life) Stop() { panic(l) }

// Failure tells why the disk does not hold what was noted; nil: it does.
func (l *Life) Failure() error { panic(l) }
