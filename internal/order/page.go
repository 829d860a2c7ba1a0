package order

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Window is a half-open span [Since, Until) of a remote's own times.
type Window struct {
	Since, Until time.Time
}

// Empty reports whether the window holds no instant.
func (w Window) Empty() bool { return !w.Since.Before(w.Until) }

// Length is how long the window is.
func (w Window) Length() time.Duration { return w.Until.Sub(w.Since) }

// Cursor is the remote's own mark for a place inside a window; empty means the window's beginning.
type Cursor string

// Record is one record of a page: exactly one of its two is set.
type Record struct {
	Order *Order
	Dead  *DeadLetter
	// Beyond marks a record at or after the window's end, which a filter coarser than the window brings along. It is stored
	// and not counted.
	Beyond bool
	// Counted is the id of what the remote lists and counts, where that is not orders: several refunds may lead to one order.
	Counted string
}

// Key identifies the record among those of its window: the order's id, or the hash of its text where it has none.
func (r Record) Key() string {
	if r.Counted != "" {
		return r.Counted
	}
	if r.Order != nil {
		return r.Order.ID
	}
	return r.Dead.ID
}

// Page is one response of a remote, converted. Pages of one window arrive in whatever order its source finds safe.
type Page struct {
	// Records are in the remote's order.
	Records []Record
	// Total is the number of records that the remote announced for the whole request with this response; absent where it
	// announces none.
	Total Field[int]
	// Cursor is the place after this page, where the remote has one that survives a restart; else empty.
	Cursor Cursor
	// Numbered marks a page that was asked for by its number or offset, so that rows may shift between it and its neighbours.
	Numbered bool
	// Thin marks a page whose orders carry only id and version: the new and changed ones must be completed.
	Thin bool
}

// Orders returns the page's orders, without its dead letters.
func (p Page) Orders() []*Order {
	orders := make([]*Order, 0, len(p.Records))
	for _, r := range p.Records {
		if r.Order != nil {
			orders = append(orders, r.Order)
		}
	}
	return orders
}

// DeadLetter is a record that could not be accepted, kept whole with its reason.
type DeadLetter struct {
	Source SourceID
	// ID is the order's id, or [PayloadID] of its text where no id could be read.
	ID string
	// Version is the best that is known of the record's version: ModifiedAt may be zero, FetchedAt never is.
	Version Version
	// Reason says which field was wrong and how, without quoting content.
	Reason string
	// Payload is the record as the remote sent it.
	Payload []byte
	// Gone: the remote still tells of something that belongs to the order, and no longer of the order itself. Many of these say nothing
	// about the remote's shape. It is not stored.
	Gone bool
}

// PayloadID is the key of a record without an id.
func PayloadID(payload []byte) string {
	sum := sha256.Sum256(payload)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Checkpoint is how far one stream of one source has come. It is durable, and the fence between workers: a commit gives up if
// the stored Revision is no longer the one its worker started from.
type Checkpoint struct {
	Source SourceID
	// Stream is what is followed: "orders", "sweep", or one backfill.
	Stream string
	// Watermark: everything changed before it is stored. Zero before the first window is complete.
	Watermark time.Time
	// Window is the window being read; zero when none is open.
	Window Window
	// Cursor is the place inside Window from which a restart may go on; empty: from its beginning.
	Cursor Cursor
	// Slice is the length that the last windows were found to need; zero: not known yet.
	Slice time.Duration
	// Ceiling is what Slice does not grow beyond for now, because a longer window failed; zero: nothing is known to.
	Ceiling time.Duration
	// Poison holds the keys of the dead letters that came in a row up to now.
	Poison []string
	// Revision counts the commits.
	Revision int64
}

// Written counts what one commit did.
type Written struct {
	// Inserted orders were new, Updated ones changed, Unchanged ones the same as stored, Stale ones older than stored.
	Inserted, Updated, Unchanged, Stale int
	// Dead is the number of dead letters that are new or newer; Released of those that a good version ended.
	Dead, Released int
	// Still: there was nothing to write, the checkpoint included: it stands where it stood, at the same revision.
	Still bool
}

// Add adds other to w.
func (w *Written) Add(other Written) {
	w.Inserted += other.Inserted
	w.Updated += other.Updated
	w.Unchanged += other.Unchanged
	w.Stale += other.Stale
	w.Dead += other.Dead
	w.Released += other.Released
}

// ErrMoved is what a commit answers when another worker has moved the checkpoint since it was read.
var ErrMoved = errors.New("another worker moved the checkpoint")

// ErrTooWide is what a source answers when the remote cannot list a window whole: it must be halved.
var ErrTooWide = errors.New("the window holds more than the remote can list")
