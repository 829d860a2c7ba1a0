package mysql_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/token"
)

var _ token.Store = (*mysql.DB)(nil)

// sealedToken is a row whose bytes say which one it is.
func sealedToken(mark string) token.Row {
	return token.Row{
		Access: []byte(mark + "\x00\xff'a"), Refresh: []byte(mark + "\x00\xff'r"), SealedAs: "shop", Over: "0123abcd", UserID: "2054718218",
		Nick: "旗舰店 😀",
		Life: token.Life{
			ObtainedAt: at(0), Ends: at(100), RefreshEnds: at(200), R1Ends: at(10), R2Ends: at(11), W1Ends: at(12), W2Ends: at(13), Sliding: true,
		},
	}
}

// holdsToken checks what is stored, at which revision.
func (w *world) holdsToken(source string, want token.Row, revision int64) {
	w.t.Helper()
	got, err := w.db.Token(w.t.Context(), source)
	if err != nil {
		w.t.Fatal(err)
	}
	want.Revision = revision
	if diff := cmp.Diff(&want, got); diff != "" {
		w.t.Errorf("the token of %s (-want +got):\n%s", source, diff)
	}
}

// put stores a token and checks whether it was taken.
func (w *world) putToken(source string, row token.Row, over int64, want bool) {
	w.t.Helper()
	if got, err := w.db.PutToken(w.t.Context(), source, row, over); err != nil || got != want {
		w.t.Errorf("putting a token over revision %d: %v, %v; want %v", over, got, err, want)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got, err := w.db.Token(t.Context(), "shop"); err != nil || got != nil {
		t.Errorf("the token that nobody granted: %+v, %v", got, err)
	}
	w.putToken("shop", sealedToken("first"), 1, false) // what is not there cannot be renewed
	w.putToken("shop", sealedToken("first"), 0, true)
	w.putToken("other", sealedToken("other"), 0, true)
	w.holdsToken("shop", sealedToken("first"), 1)

	w.putToken("shop", sealedToken("second"), 1, true)
	w.holdsToken("shop", sealedToken("second"), 2)
	w.putToken("shop", sealedToken("second"), 1, true) // its outcome was lost, and it is put again
	w.putToken("shop", sealedToken("late"), 1, false)  // somebody else's came first
	w.holdsToken("shop", sealedToken("second"), 2)

	bare := token.Row{Access: []byte("bare"), SealedAs: "shop", Life: token.Life{ObtainedAt: at(5)}}
	w.putToken("shop", bare, 0, true)
	w.holdsToken("shop", bare, 3)
	w.holdsToken("other", sealedToken("other"), 1)
}

// One process at a time renews a revision, and one that died is outlived.
func TestClaimToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claims := func(revision int64, want bool, when string) {
		t.Helper()
		if got, err := w.db.ClaimToken(t.Context(), "shop", revision, time.Minute); err != nil || got != want {
			t.Errorf("the claim %s: %v, %v; want %v", when, got, err, want)
		}
	}
	claims(1, false, "of what is not there")
	w.putToken("shop", sealedToken("first"), 0, true)
	claims(2, false, "of another revision")
	claims(1, true, "of the stored one")
	claims(1, false, "of a claimed one")
	w.exec("UPDATE tokens SET renewing_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
	claims(1, true, "of one whose claim is over")
	w.putToken("shop", sealedToken("second"), 1, true)
	claims(1, false, "of a renewed one")
	claims(2, true, "of the new revision")
	w.putToken("shop", sealedToken("granted"), 0, true)
	claims(3, true, "of what was granted while somebody renewed")
}

// A source that is renamed keeps its token; one that was granted under the new name already is the later one.
func TestRenameTakesTheTokenAlong(t *testing.T) {
	t.Parallel()
	for _, already := range []bool{false, true} {
		w := newWorld(t)
		if err := w.db.RememberSources(t.Context(), []mysql.SourceRow{{Name: "shop", Kind: "taobao", Endpoint: "12345678"}}); err != nil {
			t.Fatal(err)
		}
		w.putToken("shop", sealedToken("old"), 0, true)
		want := sealedToken("old")
		if already {
			want = sealedToken("new")
			w.putToken("renamed", want, 0, true)
		}
		if err := w.db.RenameSource(t.Context(), order.SourceID("shop"), "renamed"); err != nil {
			t.Fatal(err)
		}
		w.holdsToken("renamed", want, 1)
		if n := w.count("SELECT COUNT(*) FROM tokens"); n != 1 {
			t.Errorf("%d tokens after the renaming, want 1", n)
		}
	}
}
