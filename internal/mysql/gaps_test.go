package mysql_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

// A gap is news once, news again when it has grown, and stays on record when somebody took notice of it.
func TestGaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	note := func(gap order.Gap, want bool) {
		t.Helper()
		if got, err := w.db.NoteGap(ctx, gap); err != nil || got != want {
			t.Errorf("%v is news: %t, %v, want %t", gap.Window, got, err, want)
		}
	}
	listed := func(all bool, want ...string) []mysql.GapRow {
		t.Helper()
		rows, err := w.db.Gaps(ctx, all)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range rows {
			acked := ""
			if !g.AckedAt.IsZero() {
				acked = " by " + g.AckedBy
			}
			got = append(got, string(g.Source)+" "+g.Stream+" "+g.Window.Length().String()+acked)
			if g.FoundAt.IsZero() || g.Window.Since.Location() != epoch.Location() {
				t.Errorf("found %v, since %v", g.FoundAt, g.Window.Since)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		return rows
	}
	gap := order.Gap{Source: shop, Stream: "history", Window: order.Window{Since: at(0), Until: at(60)}, Reason: strings.Repeat("字", 2000)}
	other := gap
	other.Source = "other"
	note(gap, true)
	note(gap, false)
	note(other, true)
	rows := listed(false, "other history 1m0s", "shop history 1m0s")
	for i, want := range []bool{true, false} {
		if done, err := w.db.AckGap(ctx, rows[1].ID, "wang"); err != nil || done != want {
			t.Errorf("taking notice, time %d: %t, %v", i+1, done, err)
		}
	}
	listed(false, "other history 1m0s")
	listed(true, "other history 1m0s", "shop history 1m0s by wang")
	note(gap, false)
	gap.Window.Until = at(3600)
	note(gap, true)
	note(order.Gap{Source: shop, Stream: "history", Window: order.Window{Since: at(0), Until: at(30)}}, false)
	listed(false, "other history 1m0s", "shop history 1h0m0s")

	if err := w.db.RememberSources(ctx, []mysql.SourceRow{{Name: "other", Kind: "taobao", Endpoint: "12345678"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.RenameSource(ctx, "other", "renamed"); err != nil {
		t.Fatal(err)
	}
	listed(false, "renamed history 1m0s", "shop history 1h0m0s")
}

func TestStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, c := range []order.Checkpoint{{Source: shop, Stream: "orders"}, {Source: shop, Stream: "history x"}, {Source: "other", Stream: "orders"}} {
		to := c
		to.Watermark = at(0)
		if _, err := w.db.Commit(ctx, c, to, order.Page{}); err != nil {
			t.Fatal(err)
		}
	}
	streams, err := w.db.Streams(ctx, shop)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range streams {
		got = append(got, string(c.Source)+" "+c.Stream)
	}
	if diff := cmp.Diff([]string{"shop history x", "shop orders"}, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}
