package mysql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
)

func TestPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	rows := []mysql.SourceRow{{Name: "a", Kind: "rest", Endpoint: "a"}, {Name: "b", Kind: "rest", Endpoint: "b"}}
	if err := w.db.RememberSources(ctx, rows); err != nil {
		t.Fatal(err)
	}
	pause := func(source order.SourceID, period time.Duration, by string, want bool) {
		t.Helper()
		if got, err := w.db.PauseSource(ctx, source, period, by); got != want || err != nil {
			t.Errorf("pause %s: %t, %v", source, got, err)
		}
	}
	resume := func(source order.SourceID, want bool) {
		t.Helper()
		if got, err := w.db.ResumeSource(ctx, source); got != want || err != nil {
			t.Errorf("resume %s: %t, %v", source, got, err)
		}
	}
	listed := func(want ...string) []mysql.Pause {
		t.Helper()
		all, err := w.db.Pauses(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range all {
			until := "resumed"
			if !p.Until.IsZero() {
				until = p.Until.Sub(p.Now).Round(time.Hour).String()
			}
			got = append(got, fmt.Sprint(p.Source, " since ", p.Now.Sub(p.Since).Round(time.Hour), " until ", until, " by ", p.By))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		return all
	}
	listed()
	pause("unknown", 0, "wang", false)
	resume("unknown", false)
	resume("a", false)
	pause("b", 2*time.Hour, "wang", true)
	pause("a", 0, "li", true)
	listed("a since 0s until resumed by li", "b since 0s until 2h0m0s by wang")

	// A longer pause of what is paused, and one of what was.
	w.exec("UPDATE sources SET paused_at = paused_at - INTERVAL 1 HOUR, paused_until = paused_until - INTERVAL 1 HOUR")
	pause("b", 4*time.Hour, "li", true)
	listed("a since 1h0m0s until resumed by li", "b since 1h0m0s until 4h0m0s by li")
	w.exec("UPDATE sources SET paused_until = UTC_TIMESTAMP(6) WHERE source = 'b'")
	listed("a since 1h0m0s until resumed by li")
	resume("b", false)
	pause("b", time.Hour, strings.Repeat("字", 300), true)
	listed("a since 1h0m0s until resumed by li", "b since 0s until 1h0m0s by "+strings.Repeat("字", 191))

	// It survives restarts, reloads and a new name.
	if err := w.db.RememberSources(ctx, rows[:1]); err != nil {
		t.Fatal(err)
	}
	if err := w.db.RememberSources(ctx, rows); err != nil {
		t.Fatal(err)
	}
	if err := w.db.RenameSource(ctx, "a", "c"); err != nil {
		t.Fatal(err)
	}
	resume("b", true)
	listed("c since 1h0m0s until resumed by li")
	resume("c", true)
	resume("c", false)
	listed()
	ends, err := w.db.Resumed(ctx)
	if err != nil || len(ends) != 2 || time.Since(ends["b"]) > time.Hour || time.Since(ends["c"]) > time.Hour {
		t.Errorf("the ends of the pauses: %v, %v", ends, err)
	}
}
