package main

import "testing"

// A source that was renamed in the configuration is refused until its rows have followed, with the command that the refusal names.
func TestSourceRename(t *testing.T) {
	t.Parallel()
	s := newStage(t, 7)
	s.want(s.run("sync", "us-orders"), 0)
	s.want(s.run("source", "rename", "us-store", "us-store"), 2, "the two names are the same")
	s.want(s.run("source", "rename", "us-store", "new-store"), 1, "is still in the configuration", "Rename the source in the configuration first")

	s.write(s.yaml("us-store", "new-store"))
	s.want(s.run("sync", "us-orders"), 78, "ordersyncd source rename us-store new-store")
	s.want(s.run("source", "rename", "old-store", "new-store"), 78, `no source "old-store" is known`)
	s.want(s.run("source", "rename", "us-store", "newer-store"), 1, "is not in the configuration")
	db := s.db()
	s.exec(db, "INSERT INTO leases (source, stream, holder, held_since, held_until) "+
		"VALUES ('us-store', 'x', 'h', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 HOUR)")
	s.want(s.run("source", "rename", "us-store", "new-store"), 78, "is being worked at the moment", "stop the daemon first", "Nothing was renamed")
	s.exec(db, "DELETE FROM leases WHERE stream = 'x'")

	s.want(s.run("source", "rename", "us-store", "new-store"), 0, `What was stored as "us-store" is stored as "new-store" now.`)
	for _, table := range []string{"orders", "order_items", "order_raw", "checkpoints", "runs", "sources"} {
		old := s.number(db, "SELECT COUNT(*) FROM "+table+" WHERE source = 'us-store'")
		now := s.number(db, "SELECT COUNT(*) FROM "+table+" WHERE source = 'new-store'")
		if old != 0 || now == 0 {
			t.Errorf("%s: %d rows under the old name, %d under the new one", table, old, now)
		}
	}
	s.want(s.run("sync", "us-orders"), 0, "0 new, 0 changed, 7 unchanged")
	s.want(s.run("source", "rename", "us-store", "new-store"), 78, `no source "us-store" is known`)
	if n := s.number(db, "SELECT COUNT(*) FROM audit_log WHERE action = 'source rename'"); n == 0 {
		t.Error("the audit log says nothing of it")
	}
}
