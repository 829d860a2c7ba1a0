// Package scheduletest holds the suite that every [schedule.Store] and [schedule.Leases] passes, and the in-memory one for
// tests under a fake clock.
package scheduletest

import (
	"testing"

	"ordersync/internal/schedule"
)

// Store is what the suite tests.
type Store interface {
	schedule.Store
	schedule.Leases
}

// Run tests a store. newStore returns an empty one.
func Run(t *testing.T, newStore func(t *testing.T) Store) {}
