// Package migrations holds the numbered steps of the database schema and nothing else.
//
// One statement a file, because MySQL commits each by itself, and a step that was interrupted must be able to run again. The line
// "-- oldest: N" of each names the oldest schema whose programs may still run once it is applied.
package migrations

import "embed"

// Files are the steps, by number.
//
//go:embed *.sql
var Files embed.FS
