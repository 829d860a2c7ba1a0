// Package mysqltest gives each test a scratch database on a real server: the one of ORDERSYNC_TEST_DSN, else a private MariaDB
// that is started once for the test binary and ends with it. Where neither can be had the test fails; it is never skipped.
package mysqltest

import (
	"testing"

	"ordersync/internal/mysql"
)

// Main runs the tests of a package and stops the server, if one was started, before it exits. Using it is optional: a server also
// ends with its process.
func Main(m *testing.M) {}

// Open returns a store on a scratch database with the whole schema; both end with the test.
func Open(t testing.TB) *mysql.DB { return nil }

// Options returns the way to a scratch database with the whole schema, for tests that open it themselves or hand it to a process.
func Options(t testing.TB) mysql.Options { return mysql.Options{} }

// DSN is Options as one line.
func DSN(t testing.TB) string { return "" }
