package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/parcel"
)

const (
	// shippedPage is how many changed orders are read at a time.
	shippedPage = 100
	// shippedOverlap is looked at again: synced_at is written before its transaction is committed.
	shippedOverlap = 2 * time.Minute
	// mostLines is how long a list of lines may be as text.
	mostLines = 60000
)

// shipped is an order whose parcels are wanted.
type shipped struct {
	id       string
	syncedAt time.Time
	payload  []byte
	// now is the database's clock when it was read.
	now time.Time
}

// NoteParcels remembers the parcels of the orders that changed; see parcel.Store. How far it has looked stands in the checkpoint of the
// stream parcel.Stream, by synced_at.
func (db *DB) NoteParcels(ctx context.Context, scope parcel.Scope, read func(payload []byte) []order.Parcel) (int, error) {
	if scope.OrderID != "" {
		orders, err := db.shipped(ctx, scope, selectShippedOne, string(scope.Source), scope.OrderID)
		if err != nil {
			return 0, err
		}
		return db.noteParcels(ctx, scope, orders, read)
	}
	from, err := db.Checkpoint(ctx, scope.Source, parcel.Stream)
	if err != nil {
		return 0, err
	}
	begun, err := db.Now(ctx)
	if err != nil {
		return 0, err
	}
	after := shipped{syncedAt: time.Unix(0, 0)}
	if !from.Watermark.IsZero() {
		after.syncedAt = from.Watermark.Add(-shippedOverlap)
	}
	for noted := 0; ; {
		since := instantArg(after.syncedAt)
		orders, err := db.shipped(ctx, scope, selectShipped, string(scope.Source), since, since, after.id, shippedPage)
		if err != nil {
			return noted, err
		}
		n, err := db.noteParcels(ctx, scope, orders, read)
		noted += n
		if err != nil {
			return noted, err
		}
		to := from
		if last := len(orders) - 1; len(orders) == shippedPage {
			after = orders[last]
			to.Watermark = after.syncedAt
		} else {
			to.Watermark = begun
		}
		if to.Watermark.After(from.Watermark) {
			if from, err = db.markParcels(ctx, from, to); err != nil {
				return noted, err
			}
		}
		if len(orders) < shippedPage {
			return noted, nil
		}
	}
}

// markParcels moves the checkpoint and returns it as it stands then.
func (db *DB) markParcels(ctx context.Context, from, to order.Checkpoint) (order.Checkpoint, error) {
	_, err := db.Commit(ctx, from, to, order.Page{})
	if errors.Is(err, order.ErrMoved) {
		return from, fault.Errorf(fault.Transient, "%w; it goes on with the parcels, nothing is lost", err)
	}
	to.Revision = from.Revision + 1
	return to, err
}

func (db *DB) shipped(ctx context.Context, scope parcel.Scope, query string, args ...any) ([]shipped, error) {
	var all []shipped
	err := db.query(ctx, "read the shipped orders of "+string(scope.Source), query, func() { all = nil }, func(rows *sql.Rows) error {
		var o shipped
		err := rows.Scan(&o.id, &o.syncedAt, &o.payload, &o.now)
		all = append(all, o)
		return err
	}, args...)
	return all, err
}

// noteParcels writes what the orders say of their parcels, in one transaction.
func (db *DB) noteParcels(ctx context.Context, scope parcel.Scope, orders []shipped, read func(payload []byte) []order.Parcel) (int, error) {
	named := map[string][]order.Parcel{}
	var now time.Time
	for _, o := range orders {
		if parcels := parcelsOf(o, read); len(parcels) > 0 {
			named[o.id], now = parcels, o.now
		}
	}
	if len(named) == 0 {
		return 0, nil
	}
	var n *noting
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error {
			n = &noting{tx: tx, statements: &db.statements, source: scope.Source, now: now}
			return n.all(ctx, named)
		})
	})
	if err != nil {
		return 0, db.failed(ctx, "note the parcels of "+string(scope.Source), err)
	}
	return n.inserted, nil
}

// parcelsOf is what an order says of its parcels: those that can have a row, each number once.
func parcelsOf(o shipped, read func(payload []byte) []order.Parcel) []order.Parcel {
	var parcels []order.Parcel
	for _, p := range read(o.payload) {
		p.OrderID = o.id
		if p.Validate() != nil || slices.ContainsFunc(parcels, func(q order.Parcel) bool { return q.TrackingNumber == p.TrackingNumber }) {
			continue
		}
		if p.ShippedAt.Year() < 1990 || p.ShippedAt.After(o.now) {
			p.ShippedAt = time.Time{}
		}
		parcels = append(parcels, p)
	}
	return parcels
}

// noted is a parcel as it is stored, as far as a changed order has to do with it.
type noted struct {
	order.Parcel
	status order.ShipmentStatus
	lines  string
	heard  bool // there are events
}

// noting is one attempt to write what orders say of their parcels, inside one transaction.
type noting struct {
	tx         *sql.Tx
	statements *statements
	source     order.SourceID
	now        time.Time
	args       []any
	inserted   int
}

func (n *noting) all(ctx context.Context, named map[string][]order.Parcel) error {
	ids := sorted(named)
	known, err := n.known(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, p := range named[id] {
			if err := n.note(ctx, p, known[id]); err != nil {
				return err
			}
		}
		for _, k := range known[id] {
			if err := n.withdraw(ctx, k, named[id]); err != nil {
				return err
			}
		}
	}
	return n.insert(ctx)
}

func (n *noting) known(ctx context.Context, ids []string) (map[string][]noted, error) {
	known := map[string][]noted{}
	err := byIDs(ctx, n.tx, n.statements.parcelsOf, n.source, ids, func(rows *sql.Rows) error {
		var k noted
		err := rows.Scan(&k.OrderID, &k.Carrier, &k.TrackingNumber, (*string)(&k.status), &k.lines, flag{&k.Split}, flag{&k.heard})
		known[k.OrderID] = append(known[k.OrderID], k)
		return err
	})
	return known, err
}

// note writes one parcel that its order names. A number is one parcel, whatever carrier the order names with it now.
func (n *noting) note(ctx context.Context, p order.Parcel, known []noted) error {
	i := slices.IndexFunc(known, func(k noted) bool { return k.TrackingNumber == p.TrackingNumber })
	if i < 0 {
		moved := p.ShippedAt
		if moved.IsZero() {
			moved = n.now
		}
		n.add(p, order.ShipmentCreated, moved)
		return nil
	}
	old := known[i]
	k := old
	k.lines, k.Split = linesText(p.LineIDs), p.Split
	if k.Carrier == "" {
		k.Carrier = p.Carrier
	}
	if k.status == order.ShipmentWithdrawn {
		k.status = order.ShipmentCreated
	}
	if k.lines == old.lines && k.Split == old.Split && k.Carrier == old.Carrier && k.status == old.status {
		return nil
	}
	return n.renote(ctx, old, k)
}

// withdraw ends the parcel of which nobody ever heard, where its order names others now: its number was a mistake.
func (n *noting) withdraw(ctx context.Context, k noted, named []order.Parcel) error {
	if k.heard || k.status.Final() || k.status == order.ShipmentWithdrawn ||
		slices.ContainsFunc(named, func(p order.Parcel) bool { return p.TrackingNumber == k.TrackingNumber }) {
		return nil
	}
	gone := k
	gone.status = order.ShipmentWithdrawn
	return n.renote(ctx, k, gone)
}

// renote writes k over old. What an ERP sees moves synced_at.
func (n *noting) renote(ctx context.Context, old, k noted) error {
	turn := "kept"
	switch {
	case k.status == old.status:
	case k.status == order.ShipmentWithdrawn:
		turn = "never"
	default:
		turn = "now"
	}
	key := []any{string(n.source), old.OrderID, old.Carrier, old.TrackingNumber}
	args := append([]any{k.Carrier, string(k.status), k.lines, k.Split, turn, k.status != old.status || k.Carrier != old.Carrier}, key...)
	if _, err := n.tx.ExecContext(ctx, renoteShipment, args...); err != nil {
		return err
	}
	if k.Carrier == old.Carrier {
		return nil
	}
	_, err := n.tx.ExecContext(ctx, moveEvents, append([]any{k.Carrier}, key...)...)
	return err
}

// add appends the row of a new parcel.
func (n *noting) add(p order.Parcel, status order.ShipmentStatus, moved time.Time) {
	n.args = append(n.args, string(n.source), p.OrderID, p.Carrier, p.TrackingNumber, string(status), instantArg(p.ShippedAt),
		linesText(p.LineIDs), p.Split, 0, instantArg(moved))
	n.inserted++
}

// insert writes the rows that were added.
func (n *noting) insert(ctx context.Context) error {
	return insertRows(ctx, n.tx, n.statements.insertShipments, n.args, n.inserted)
}

// insertRows executes a statement for that many rows, in pieces.
func insertRows(ctx context.Context, tx *sql.Tx, statement multi, args []any, rows int) error {
	if rows == 0 {
		return nil
	}
	for piece := range slices.Chunk(args, maxRows*len(args)/rows) {
		if _, err := tx.ExecContext(ctx, statement.text(len(piece)*rows/len(args)), piece...); err != nil {
			return err
		}
	}
	return nil
}

func linesText(ids []string) string {
	if text, err := json.Marshal(ids); err == nil && len(ids) > 0 && len(text) <= mostLines {
		return string(text)
	}
	return "[]"
}

// ListParcels lists the parcels that are due, or those of one order, with their events; see parcel.Store.
func (db *DB) ListParcels(ctx context.Context, scope parcel.Scope, limit int) ([]parcel.Tracked, error) {
	query, args := selectDueShipments, []any{string(scope.Source), limit}
	if scope.OrderID != "" {
		query, args = selectShipments, []any{string(scope.Source), scope.OrderID, limit}
	}
	var all []parcel.Tracked
	err := db.query(ctx, "list the parcels of "+string(scope.Source), query, func() { all = nil }, func(rows *sql.Rows) error {
		p, err := scanParcel(rows)
		all = append(all, p)
		return err
	}, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	places := make(map[[3]string]*parcel.Tracked, len(all))
	orders := map[string]bool{}
	for i := range all {
		places[keyOf(&all[i].Shipment)] = &all[i]
		orders[all[i].OrderID] = true
	}
	err = db.again(ctx, func(ctx context.Context) error {
		for i := range all {
			all[i].Events = nil
		}
		return byIDs(ctx, db.pool, db.statements.eventsOf, scope.Source, sorted(orders), func(rows *sql.Rows) error {
			var of order.Shipment
			var e order.ShipmentEvent
			err := rows.Scan(&of.OrderID, &of.Carrier, &of.TrackingNumber, moment{&e.At}, &e.Text, &e.Action)
			if p := places[keyOf(&of)]; p != nil {
				p.Events = append(p.Events, e)
			}
			return err
		})
	})
	return all, db.failed(ctx, "list the events of the parcels of "+string(scope.Source), err)
}

func keyOf(s *order.Shipment) [3]string { return [3]string{s.OrderID, s.Carrier, s.TrackingNumber} }

func scanParcel(rows *sql.Rows) (parcel.Tracked, error) {
	var p parcel.Tracked
	var lines []byte
	err := rows.Scan(&p.OrderID, &p.Carrier, &p.TrackingNumber, (*string)(&p.Status), text{&p.SourceStatus}, instant{&p.ShippedAt},
		instant{&p.DeliveredAt}, &lines, flag{&p.Split}, &p.MovedAt, &p.Asks, moment{&p.AskedAt}, moment{&p.NextAt}, flag{&p.Unfinished}, &p.Now)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(lines, &p.LineIDs); err != nil {
		return p, fmt.Errorf("the column line_ids of a parcel of order %s: %w", p.OrderID, err)
	}
	if len(p.LineIDs) == 0 {
		p.LineIDs = nil
	}
	return p, nil
}

// StoreAsked writes what an answer made of a parcel, in one transaction; see parcel.Store. An attempt whose outcome was lost is taken
// for somebody else's by the next one, which comes to the same.
func (db *DB) StoreAsked(ctx context.Context, source order.SourceID, asked parcel.Asked) error {
	err := db.again(ctx, func(ctx context.Context) error {
		return db.inTx(ctx, func(tx *sql.Tx) error { return db.storeAsked(ctx, tx, source, &asked) })
	})
	return db.failed(ctx, "store a parcel of "+string(source), err)
}

func (db *DB) storeAsked(ctx context.Context, tx *sql.Tx, source order.SourceID, a *parcel.Asked) error {
	before, after := &a.Before, &a.After
	key := []any{string(source), before.OrderID, before.Carrier, before.TrackingNumber}
	var asks int
	err := tx.QueryRowContext(ctx, lockAsks, key...).Scan(&asks)
	if errors.Is(err, sql.ErrNoRows) || err == nil && asks != before.Asks {
		return nil
	}
	if err != nil {
		return err
	}
	if after.Carrier != before.Carrier {
		if _, err := tx.ExecContext(ctx, moveEvents, append([]any{after.Carrier}, key...)...); err != nil {
			return err
		}
	}
	next := a.Next.Microseconds()
	args := append([]any{
		after.Carrier, string(after.Status), textArg(after.SourceStatus), timeArg(after.ShippedAt), timeArg(after.DeliveredAt),
		instantArg(a.MovedAt), next, next, !after.Same(&before.Shipment),
	}, key...)
	if _, err := tx.ExecContext(ctx, askedShipment, args...); err != nil {
		return err
	}
	if err := db.storeEvents(ctx, tx, source, before.Events, after); err != nil {
		return err
	}
	return db.noteOthers(ctx, tx, source, a)
}

// storeEvents writes the events that differ from what is stored. A list never gets shorter.
func (db *DB) storeEvents(ctx context.Context, tx *sql.Tx, source order.SourceID, stored []order.ShipmentEvent, s *order.Shipment) error {
	var args []any
	rows := 0
	for i, e := range s.Events {
		if i < len(stored) && stored[i].At.Equal(e.At) && stored[i].Text == e.Text && stored[i].Action == e.Action {
			continue
		}
		args = append(args, string(source), s.OrderID, s.Carrier, s.TrackingNumber, i, instantArg(e.At), e.Text, e.Action)
		rows++
	}
	return insertRows(ctx, tx, db.statements.upsertEvents, args, rows)
}

// noteOthers remembers parcels that an answer named besides the one that was asked about; each gets a turn of its own.
func (db *DB) noteOthers(ctx context.Context, tx *sql.Tx, source order.SourceID, a *parcel.Asked) error {
	if len(a.Others) == 0 {
		return nil
	}
	n := &noting{tx: tx, statements: &db.statements, source: source, now: a.Before.Now}
	known, err := n.known(ctx, []string{a.Before.OrderID})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, k := range known[a.Before.OrderID] {
		seen[k.TrackingNumber] = true
	}
	for _, s := range a.Others {
		if seen[s.TrackingNumber] {
			continue
		}
		seen[s.TrackingNumber] = true
		n.add(order.Parcel{
			OrderID: s.OrderID, Carrier: s.Carrier, TrackingNumber: s.TrackingNumber, LineIDs: a.Before.LineIDs, Split: a.Before.Split,
			ShippedAt: s.ShippedAt.Value(),
		}, order.ShipmentCreated, a.Before.Now)
	}
	return n.insert(ctx)
}
