package tell_test

import (
	"context"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
)

// The clock of the database is ahead of the host's: a good run that was before a failure is not taken for one after it.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		lastGood := s.db.now()
		s.options = func(o *tell.Options) {
			o.Look = func(context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) {
				jobs := map[string]time.Time{"us-store-orders": lastGood}
				return nil, nil, alert.World{At: s.db.now(), Sources: map[string]alert.SourceWorld{"us-store": {LastGood: lastGood, Jobs: jobs}}}, nil
			}
		}
		email := &mailbox{name: "email"}
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		for range 2 { // the database answers, and stores nothing
			after(time.Minute)
			o := seldom("us-store", alert.Database)
			d.Note(t.Context(), o)
		}
		after(30 * time.Minute)
		wantLines(t, "while it stores nothing", email, "alarm db opened host/vps-1")
	})
}
