package mysql_test

import (
	"strings"
	"testing"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

func TestDaemons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	if found, err := w.db.SeeDaemon(ctx, "web-1"); err != nil || found {
		t.Errorf("a daemon that nobody noted is seen: %v, %v", found, err)
	}
	for range 2 { // the second time its row is there
		if err := w.db.NoteDaemon(ctx, "web-1", `{"a":"字"}`, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.db.NoteDaemon(ctx, "web-2", "{}", 0); err != nil {
		t.Fatal(err)
	}
	if found, err := w.db.SeeDaemon(ctx, "web-1"); err != nil || !found {
		t.Errorf("a noted daemon is not seen: %v, %v", found, err)
	}
	all, err := w.db.Daemons(ctx)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if d := all[0]; d.Holder != "web-1" || d.Configuration != `{"a":"字"}` || d.SeenAt.Sub(d.StartedAt) < time.Hour || d.Now.Before(d.SeenAt) {
		t.Errorf("got %+v", d)
	}
	w.exec("UPDATE daemons SET seen_at = '2026-01-01' WHERE holder = 'web-2'")
	if err := w.db.PruneDaemons(ctx, 24*time.Hour); err != nil {
		t.Error(err)
	}
	if n := w.count("SELECT COUNT(*) FROM daemons"); n != 1 {
		t.Errorf("%d daemons after the pruning, want 1", n)
	}
	if err := w.db.ForgetDaemon(ctx, "web-1"); err != nil || w.count("SELECT COUNT(*) FROM daemons") != 0 {
		t.Errorf("a daemon that stopped is still there: %v", err)
	}
}

// TrySources refuses what RememberSources would, and leaves the table alone either way.
func TestTrySources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := func(name string) []mysql.SourceRow {
		return []mysql.SourceRow{{Name: order.SourceID(name), Kind: "rest", Endpoint: "https://a"}}
	}
	if err := w.db.TrySources(t.Context(), source("old")); err != nil || w.count("SELECT COUNT(*) FROM sources") != 0 {
		t.Errorf("trying wrote something, or failed: %v", err)
	}
	if err := w.db.RememberSources(t.Context(), source("old")); err != nil {
		t.Fatal(err)
	}
	if err := w.db.TrySources(t.Context(), source("new")); err != nil {
		t.Errorf("a new name for a shop without orders: %v", err)
	}
	w.exec("INSERT INTO dead_letters (source, order_id, modified_at, fetched_at, reason, payload, first_dead_at, dead_at) " +
		"VALUES ('old', '1', '2026-01-01', '2026-01-01', '', '', '2026-01-01', '2026-01-01')")
	err := w.db.TrySources(t.Context(), source("new"))
	if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "source rename old new") {
		t.Errorf("a new name for a shop with orders: %v", err)
	}
	if n := w.count("SELECT COUNT(*) FROM sources WHERE removed_at IS NULL"); n != 1 {
		t.Errorf("%d sources after trying, want 1", n)
	}
}
