// Package parcel follows the parcels of shipped orders until they are delivered.
//
// It promises:
//
//   - A parcel is asked about less often the less it moves: after half the time that it has stood still, between two hours and a day.
//     One that is delivered, that went back, or that has not moved for 60 days is asked about no more; one whose order is finished,
//     once more.
//   - What the remote left out never clears what is stored, and no step of a parcel's way is lost.
//   - A parcel about which no answer can be had waits for its next turn and keeps no other one back. Only a remote that fails ten
//     times in a row, that asks for a pause or that refuses the credential ends a run.
//   - Every answer is stored before the next questions are asked, so that an interrupted run goes on where it was.
//
// Which orders there are and when a parcel's turn comes lies in the [Store]; what is known of a parcel is asked of the [Source]. Both
// are joined to this package by cmd.
package parcel

import (
	"context"
	"time"

	"ordersync/internal/order"
)

// Stream is the name of the stream that a Tracker follows: of its lease and of its checkpoint.
const Stream = "parcels"

// Source is a remote that can tell where parcels are.
type Source interface {
	// Parcels returns the parcels that an order names, read from what the remote said of it. It makes no call.
	Parcels(payload []byte) []order.Parcel

	// Trace asks where a parcel is. An answer without shipments says that nothing is known of it yet. A failure of the kind
	// fault.Rejected is about this one parcel.
	Trace(ctx context.Context, parcel order.Parcel) ([]order.Shipment, error)
}

// Scope says which parcels are meant.
type Scope struct {
	Source order.SourceID
	// OrderID means all parcels of one order; empty: of all orders of the source.
	OrderID string
}

// Store is the database as a Tracker sees it. All its times are by the database's own clock.
type Store interface {
	// NoteParcels reads the shipped and unfinished orders that changed since the call before, or the one order, and remembers the
	// parcels that read finds in them; those that are new are due at once. It returns how many are new, and may be repeated.
	NoteParcels(ctx context.Context, scope Scope, read func(payload []byte) []order.Parcel) (int, error)

	// ListParcels returns the parcels that are due, longest due first and at most limit of them; or all parcels of the one order.
	ListParcels(ctx context.Context, scope Scope, limit int) ([]Tracked, error)

	// StoreAsked writes what an answer made of a parcel. Where somebody else has asked since the parcel was listed, nothing is written.
	StoreAsked(ctx context.Context, source order.SourceID, asked Asked) error
}

// Tracked is a parcel with what is stored of it.
type Tracked struct {
	order.Shipment
	LineIDs []string
	Split   bool

	// MovedAt is when it moved last, as far as is known; AskedAt when the remote was asked last; NextAt when it is asked again. The
	// latter two are zero before the first and after the last time.
	MovedAt, AskedAt, NextAt time.Time
	// Asks counts the answers, and tells apart those who ask at the same time.
	Asks int
	// Unfinished: its order still is on its way.
	Unfinished bool
	// Now is the store's clock when the parcel was listed.
	Now time.Time
}

// Asked is what an answer makes of a parcel.
type Asked struct {
	// Before is the parcel as it was listed, After as it shall be stored.
	Before Tracked
	After  order.Shipment
	// MovedAt is when it moved last.
	MovedAt time.Time
	// Next is when it is asked about again, from now; zero: never.
	Next time.Duration
	// Others are parcels of the same order that the answer named besides.
	Others []order.Shipment
}

// Run is what one run of a Tracker did. It is meaningful also beside an error.
type Run struct {
	// Noted parcels are new.
	Noted int
	// Asked counts the parcels asked about. Of them Moved have something new, Unmoved have not, Refused could not be told of.
	Asked, Moved, Unmoved, Refused int
	// Delivered, Finished and Hopeless parcels are asked about no more: they arrived or went back, their order is finished, or nothing
	// moved for too long.
	Delivered, Finished, Hopeless int
	// Refusal is why the first refused parcel was.
	Refusal error
}
