package tell_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
	"ordersync/internal/fault"
)

// A digest is no larger than what a database takes in one statement, however much is told together.
func TestDigestFits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.options = func(o *tell.Options) { o.Rules = alert.Rules{GroupWait: time.Second, GroupInterval: time.Second} }
		longest := 0
		s.db.refuses = func(d alert.Delivery) error {
			text, err := json.Marshal(d.Notice)
			if longest = max(longest, len(text)); err == nil && len(text) > 1<<20 {
				err = fault.Errorf(fault.Database, "the row of notice %s: it is larger than the database takes in one statement", d.Notice.ID)
			}
			return err
		}
		email := &mailbox{name: "email"}
		email.fails(errGreylisted)
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		const notices, sources = 25, 20
		for i := range notices {
			for j := range sources {
				o := run(fmt.Sprintf("store-%d-%d", i, j), alert.Auth)
				o.Run.Error = strings.Repeat("它说 <no> ", 500)
				d.Note(t.Context(), o)
			}
			after(10 * time.Second)
		}
		email.fails(nil)
		after(20 * time.Minute)
		told := map[alert.Scope]bool{}
		for _, r := range email.receipts() {
			for _, n := range append(r.notice.Parts, r.notice) {
				for _, item := range n.Items {
					told[item.Scope] = item.Class == alert.Auth
				}
				for _, scope := range n.MoreScopes {
					told[scope] = true
				}
			}
		}
		delete(told, alert.OfChannel("email"))
		if len(told) != notices*sources || len(email.receipts()) > 5 {
			t.Errorf("%d of %d sources were told, in %d notices", len(told), notices*sources, len(email.receipts()))
		}
		t.Logf("%d notices, the longest of %d bytes", len(email.receipts()), longest)
	})
}

// Where the book never takes a digest, its parts go one by one.
func TestDigestRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *scene) {
		s.db.refuses = func(d alert.Delivery) error {
			if d.Notice.Sort == alert.Digest {
				return fault.Errorf(fault.Database, "it is larger than the database takes in one statement")
			}
			return nil
		}
		email := &mailbox{name: "email"}
		email.fails(errGreylisted)
		d := s.start("a", stateDir(t), email)
		defer d.stop()
		var want []string
		for i := range 6 {
			d.failed(t, fmt.Sprintf("store-%d", i), alert.Auth)
			want = append(want, fmt.Sprintf("alarm auth opened source/store-%d", i))
			after(6 * time.Minute)
		}
		email.fails(nil)
		after(30 * time.Minute)
		wantLines(t, "one by one", email, append(want, "relief channel recovered channel/email")...)
	})
}
