package alert_test

import (
	"testing"
	"time"

	"ordersync/internal/alert"
)

// A job whose runs failed for the database, and that is no longer configured, does not keep the incident of its host open for ever; while
// the configuration is not known, or the database still does not answer, it stays.
func TestDatabaseJobLeft(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {Jobs: map[string]time.Time{"us-orders": {}}}}}
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Database), failed(at(t, "01:01:00"), "us", alert.Database)}, at(t, "03:00:00"))
	b.want("01:01:30 alarm db, opened host/vps-1")
	b.world.Sources["us"] = alert.SourceWorld{}
	b.play([]alert.Observation{ping(at(t, "03:10:00"), alert.Database)}, at(t, "03:20:00"))
	b.world.Sources["us"] = alert.SourceWorld{Jobs: map[string]time.Time{"us-shop": {}}}
	b.until(at(t, "04:09:00"))
	b.want("01:01:30 alarm db, opened host/vps-1")
	b.until(at(t, "05:00:00"))
	b.want("01:01:30 alarm db, opened host/vps-1", "04:10:30 relief db, recovered host/vps-1")
}
