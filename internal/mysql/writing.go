package mysql

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"ordersync/internal/order"
)

// writing is one attempt to write what was gathered, inside one transaction. It looks the orders up, locks those that may change,
// merges what was left out with what is stored, and writes what differs.
type writing struct {
	*gathered
	tx         *sql.Tx
	statements *statements
	packet     int
	written    order.Written

	known map[string]*known
	dying map[string]*dying
	// fresh orders are not stored yet; changed ones are stored, locked, and older than what came.
	fresh, changed []*change
	// told are the orders whose raw text alone differs.
	told []*change
	// blind: the orders are taken for new without a look.
	blind bool
}

// known is what a first look, without locks, says of a stored order.
type known struct {
	order.Version
	read [sha256.Size]byte
	gone bool
}

// same reports whether an order is stored as it came.
func (k *known) same(o *incoming) bool {
	return k != nil && !k.gone && k.read == o.read
}

// dying is what is known of a stored dead letter.
type dying struct {
	order.Version
	reason string
	raw    [sha256.Size]byte
}

// change is an order as it will be stored, with its row as it is stored (nil for a new one).
type change struct {
	*incoming
	merged *order.Order
	hash   [sha256.Size]byte
	stored *order.Order
}

func (db *DB) newWriting(tx *sql.Tx, g *gathered) *writing {
	return &writing{
		gathered: g, tx: tx, statements: &db.statements, packet: int(db.packet.Load()),
		known: make(map[string]*known, len(g.orders)), dying: map[string]*dying{},
		written: order.Written{Stale: g.repeated},
	}
}

func (w *writing) all(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		w.look, w.decide, w.writeOrders, w.writeLines, w.writeRefunds, w.writeRaw, w.release, w.writeDead,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look reads the versions and hashes of what is stored under the ids of the page, and locks the dead letters among it.
func (w *writing) look(ctx context.Context) error {
	if !w.blind {
		if err := w.findStored(ctx, w.tx); err != nil {
			return err
		}
	}
	var dead bool
	if err := w.tx.QueryRowContext(ctx, selectAnyDead, string(w.source)).Scan(flag{&dead}); err != nil || !dead {
		return err
	}
	return w.findDead(ctx, w.tx, w.statements.deadLookup)
}

// ids are those of the page, sorted.
func (w *writing) ids() []string {
	ids := make([]string, 0, len(w.orders)+len(w.dead))
	for _, o := range w.orders {
		ids = append(ids, o.ID)
	}
	for _, d := range w.dead {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (w *writing) findStored(ctx context.Context, q querier) error {
	return byIDs(ctx, q, w.statements.lookup, w.source, w.ids(), func(rows *sql.Rows) error {
		var id string
		k := new(known)
		err := rows.Scan(&id, &k.ModifiedAt, &k.FetchedAt, flag{&k.gone}, digest{&k.read})
		w.known[id] = k
		return err
	})
}

func (w *writing) findDead(ctx context.Context, q querier, lookup multi) error {
	return byIDs(ctx, q, lookup, w.source, w.ids(), func(rows *sql.Rows) error {
		var id string
		d := new(dying)
		err := rows.Scan(&id, moment{&d.ModifiedAt}, &d.FetchedAt, &d.reason, digest{&d.raw})
		w.dying[id] = d
		return err
	})
}

// decide sorts the orders into those that are new, changed, the same, or older than what is stored. Without a lock only sameness can
// be told, which no other transaction can undo other than by something newer; the rest is read again, locked.
func (w *writing) decide(ctx context.Context) error {
	var doubtful []*incoming
	for _, o := range w.orders {
		k := w.known[o.ID]
		switch {
		case k == nil:
			w.fresh = append(w.fresh, &change{incoming: o, merged: o.Order, hash: o.mapped})
		case k.same(o):
			w.written.Unchanged++
		default:
			doubtful = append(doubtful, o)
		}
	}
	stored, err := w.lock(ctx, doubtful)
	if err != nil {
		return err
	}
	for _, o := range doubtful {
		w.compare(o, stored[o.ID])
	}
	return nil
}

// compare decides on an order whose row is locked.
func (w *writing) compare(o *incoming, s *locked) {
	if s == nil { // deleted since the first look
		w.fresh = append(w.fresh, &change{incoming: o, merged: o.Order, hash: o.mapped})
		return
	}
	if stored(o.Version()).Compare(s.order.Version()) < 0 {
		w.written.Stale++
		return
	}
	c := &change{incoming: o, merged: o.Order, hash: o.mapped, stored: &s.order}
	if o.partial {
		c.merged = merge(o.Order, &s.order)
		c.hash = c.merged.Hash()
	}
	if c.hash == s.hash && !s.gone {
		w.written.Unchanged++
		w.told = append(w.told, c)
		return
	}
	w.changed = append(w.changed, c)
}

// merge fills a copy of o with what is stored; o itself is needed as it came if the transaction must be begun again.
func merge(o, stored *order.Order) *order.Order {
	merged := new(*o)
	if items, ok := o.Items.Get(); ok {
		merged.Items = order.Some(slices.Clone(items))
	}
	if refunds, ok := o.Refunds.Get(); ok {
		merged.Refunds = order.Some(slices.Clone(refunds))
	}
	merged.Merge(stored)
	merged.Sort()
	return merged
}

// locked is a stored order whose row nobody else can change until the transaction ends.
type locked struct {
	order order.Order
	hash  [sha256.Size]byte
	gone  bool
}

// lock locks the rows of the orders and reads them whole, with their lines and refunds.
func (w *writing) lock(ctx context.Context, orders []*incoming) (map[string]*locked, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(orders))
	for _, o := range orders {
		ids = append(ids, o.ID)
	}
	found := make(map[string]*locked, len(ids))
	err := byIDs(ctx, w.tx, w.statements.lock, w.source, ids, func(rows *sql.Rows) error {
		l := &locked{order: order.Order{Source: w.source}}
		err := rows.Scan(append(append([]any{&l.order.ID}, orderTargets(&l.order)...), digest{&l.hash}, flag{&l.gone})...)
		found[l.order.ID] = l
		return err
	})
	if err != nil {
		return nil, err
	}
	at := func(id string) *order.Order {
		if l := found[id]; l != nil {
			return &l.order
		}
		return new(order.Order)
	}
	return found, children(ctx, w.tx, w.statements, w.source, ids, at)
}

// children reads the lines and refunds of orders into the orders that at returns.
func children(ctx context.Context, q querier, s *statements, source order.SourceID, ids []string, at func(id string) *order.Order) error {
	items, refunds := map[string][]order.Item{}, map[string][]order.Refund{}
	err := byIDs(ctx, q, s.linesOf, source, ids, func(rows *sql.Rows) error {
		var id string
		var i order.Item
		err := rows.Scan(append([]any{&id}, lineTargets(&i)...)...)
		items[id] = append(items[id], i)
		return err
	})
	if err != nil {
		return err
	}
	err = byIDs(ctx, q, s.refundsOf, source, ids, func(rows *sql.Rows) error {
		var id string
		var r order.Refund
		err := rows.Scan(append([]any{&id}, refundTargets(&r)...)...)
		refunds[id] = append(refunds[id], r)
		return err
	})
	for _, id := range ids {
		o := at(id)
		o.Items, o.Refunds = order.Some(items[id]), order.Some(refunds[id])
		o.Sort()
	}
	return err
}

// writeOrders inserts the new orders and updates the changed ones. A new one that another worker inserts at the same time fails with
// a duplicate key, and the transaction is begun again: what was left out could not be merged otherwise. The changed ones
// are locked and known to be older; the guard in the statement says so once more.
func (w *writing) writeOrders(ctx context.Context) error {
	for _, part := range []struct {
		statement multi
		orders    []*change
		counted   *int
	}{
		{w.statements.insertOrders, w.fresh, &w.written.Inserted},
		{w.statements.upsertOrders, w.changed, &w.written.Updated},
		{w.statements.upsertOrders, w.told, nil}, // which takes over nothing but their hash
	} {
		rows := w.rows(part.statement)
		for _, c := range part.orders {
			rows.args = orderArgs(rows.args, c.merged, c.hash[:], c.read[:])
			if err := rows.end(ctx, c.ID); err != nil {
				return err
			}
		}
		if err := rows.flush(ctx); err != nil {
			return err
		}
		if part.counted != nil {
			*part.counted = len(part.orders)
		}
	}
	return nil
}

// writeLines deletes the lines that a remote no longer lists and writes those that are new or differ.
func (w *writing) writeLines(ctx context.Context) error {
	rows := w.rows(w.statements.upsertLines)
	for _, c := range slices.Concat(w.changed, w.fresh) {
		items, stored := c.merged.Items.Value(), map[string]*order.Item{}
		if c.stored != nil {
			for i, item := range c.stored.Items.Value() {
				stored[item.LineID] = &c.stored.Items.Value()[i]
			}
		}
		for i := range items {
			old := stored[items[i].LineID]
			delete(stored, items[i].LineID)
			if old != nil && *old == items[i] {
				continue
			}
			rows.args = lineArgs(rows.args, c.merged, &items[i])
			if err := rows.end(ctx, c.ID); err != nil {
				return err
			}
		}
		if err := w.deleteOf(ctx, w.statements.deleteLines, c.ID, sorted(stored)); err != nil {
			return err
		}
	}
	return rows.flush(ctx)
}

// writeRefunds does the same for refunds.
func (w *writing) writeRefunds(ctx context.Context) error {
	rows := w.rows(w.statements.upsertRefunds)
	for _, c := range slices.Concat(w.changed, w.fresh) {
		refunds, stored := c.merged.Refunds.Value(), map[string]*order.Refund{}
		if c.stored != nil {
			for i, refund := range c.stored.Refunds.Value() {
				stored[refund.ID] = &c.stored.Refunds.Value()[i]
			}
		}
		for i := range refunds {
			old := stored[refunds[i].ID]
			delete(stored, refunds[i].ID)
			if old != nil && *old == refunds[i] {
				continue
			}
			rows.args = refundArgs(rows.args, c.merged, &refunds[i])
			if err := rows.end(ctx, c.ID); err != nil {
				return err
			}
		}
		if err := w.deleteOf(ctx, w.statements.deleteRefunds, c.ID, sorted(stored)); err != nil {
			return err
		}
	}
	return rows.flush(ctx)
}

// deleteOf deletes lines or refunds of one order. Orders lose some too rarely to be worth one statement for several, which servers
// plan badly.
func (w *writing) deleteOf(ctx context.Context, statement multi, order string, ids []string) error {
	for piece := range slices.Chunk(ids, maxRows) {
		if _, err := w.tx.ExecContext(ctx, statement.text(len(piece)), prepend(piece, string(w.source), order)...); err != nil {
			return err
		}
	}
	return nil
}

// prepend is the arguments of a statement by ids.
func prepend(ids []string, first ...any) []any {
	args := make([]any, 0, len(first)+len(ids))
	args = append(args, first...)
	for _, id := range ids {
		args = append(args, id)
	}
	return args
}

func sorted[V any](m map[string]V) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// writeRaw keeps what the remote said, of the orders that were written and of those where it says the same in other words.
func (w *writing) writeRaw(ctx context.Context) error {
	orders := slices.Concat(w.changed, w.fresh, w.told)
	slices.SortFunc(orders, func(a, b *change) int { return strings.Compare(a.ID, b.ID) })
	rows := w.rows(w.statements.upsertRaw)
	for _, o := range orders {
		raw := o.Raw
		if raw == nil {
			raw = []byte{}
		}
		hash := sha256.Sum256(raw)
		rows.args = append(rows.args, string(w.source), o.ID, raw, hash[:], instantArg(o.FetchedAt))
		if err := rows.end(ctx, o.ID); err != nil {
			return err
		}
	}
	return rows.flush(ctx)
}

const (
	maxReason = 1024
	cutReason = " (and the text is cut: it is larger than the database takes)"
)

// sameBut reports whether two dead letters differ in nothing but the time of their fetch.
func (d *dying) sameBut(other *dying) bool {
	return d.ModifiedAt.Equal(other.ModifiedAt) && d.reason == other.reason && d.raw == other.raw
}

// writeDead stores the dead letters that are new or newer than what is stored, good or dead. One that only was fetched again is
// not counted, but its version is kept: an order that was fetched in between must not release it.
func (w *writing) writeDead(ctx context.Context) error {
	rows := w.rows(w.statements.upsertDead)
	for _, d := range w.dead {
		if w.outdated(d) {
			w.written.Stale++
			continue
		}
		reason, payload := d.Reason, d.Payload
		if payload == nil {
			payload = []byte{}
		}
		if most := (w.packet - statementMargin) / 2; len(payload) > most {
			reason, payload = reason+cutReason, payload[:max(most, 0)]
		}
		reason = cut(reason, maxReason)
		rows.args = append(rows.args, string(w.source), d.ID, instantArg(d.Version.ModifiedAt), instantArg(d.Version.FetchedAt), reason, payload)
		if err := rows.end(ctx, d.ID); err != nil {
			return err
		}
		now := &dying{Version: stored(d.Version), reason: reason, raw: sha256.Sum256(payload)}
		if old := w.dying[d.ID]; old == nil || !old.sameBut(now) {
			w.written.Dead++
		}
	}
	return rows.flush(ctx)
}

// outdated reports whether something at least as new as the dead letter is stored: an order as new, or a newer dead letter.
func (w *writing) outdated(d *order.DeadLetter) bool {
	if k := w.known[d.ID]; k != nil && compareDead(k.Version, d.Version) >= 0 {
		return true
	}
	if i, ok := slices.BinarySearchFunc(w.orders, d.ID, func(o *incoming, id string) int { return strings.Compare(o.ID, id) }); ok &&
		compareDead(w.orders[i].Version(), d.Version) >= 0 {
		return true
	}
	old := w.dying[d.ID]
	return old != nil && compareDead(old.Version, d.Version) > 0
}

// release deletes the dead letters of orders that arrived in a version at least as new. Their rows are locked since they were read.
// It comes before writeDead, which compares what the page brings with what is left.
func (w *writing) release(ctx context.Context) error {
	var ids []string
	for _, o := range w.orders {
		if d := w.dying[o.ID]; d != nil && compareDead(o.Version(), d.Version) >= 0 {
			ids = append(ids, o.ID)
			delete(w.dying, o.ID)
		}
	}
	for piece := range slices.Chunk(ids, maxRows) {
		if _, err := w.tx.ExecContext(ctx, w.statements.deleteDead.text(len(piece)), prepend(piece, string(w.source))...); err != nil {
			return err
		}
	}
	w.written.Released = len(ids)
	return nil
}

// errRaced ends an attempt; the next one sees what the other worker stored.
var errRaced = errors.New("another worker stored the same orders at the same time")

const (
	// maxRows bounds a statement, so that no lock is held for long and none is refused for its number of placeholders.
	maxRows = 500
	// statementMargin is what a statement of one row needs beside its longest value.
	statementMargin = 32 << 10
)

// rows collects the rows of a statement and executes it whenever it is full.
type rows struct {
	w         *writing
	statement multi
	args      []any
	from      int // where the row that is being added begins
	count     int
	size      int
}

func (w *writing) rows(statement multi) *rows {
	return &rows{w: w, statement: statement, size: len(statement.head) + len(statement.tail)}
}

// end ends the row that was appended to args. A row that no statement can hold is refused, as part of the order with that id.
func (r *rows) end(ctx context.Context, id string) error {
	size := len(r.statement.row) + sizeOf(r.args[r.from:])
	if size+len(r.statement.head)+len(r.statement.tail) > r.w.packet-1024 {
		return refusal{id: id, reason: "it is larger than the database takes in one statement (max_allowed_packet)"}
	}
	if r.count > 0 && (r.count == maxRows || r.size+size > r.w.packet/4) {
		next := slices.Clone(r.args[r.from:])
		r.args = r.args[:r.from]
		if err := r.flush(ctx); err != nil {
			return err
		}
		r.args = next
	}
	r.count, r.size, r.from = r.count+1, r.size+size, len(r.args)
	return nil
}

// flush executes the statement for the rows that it has, in pieces of the sizes that are kept ready.
func (r *rows) flush(ctx context.Context) error {
	if r.count == 0 {
		return nil
	}
	width := len(r.args) / r.count
	for args := r.args; len(args) > 0; {
		piece := r.statement.piece(len(args) / width)
		_, err := r.w.tx.ExecContext(ctx, r.statement.text(piece), args[:piece*width]...)
		if numberOf(err) == duplicateKey {
			return errRaced
		}
		if err != nil {
			return err
		}
		args = args[piece*width:]
	}
	r.args, r.from, r.count, r.size = r.args[:0], 0, 0, len(r.statement.head)+len(r.statement.tail)
	return nil
}

// exact is the size from which it is worth counting what the driver will escape instead of assuming the worst.
const exact = 4 << 10

// sizeOf is an upper bound of the bytes that the values take in a statement.
func sizeOf(args []any) int {
	size := 0
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			size += 2*len(v) + 3
		case []byte:
			size += len(v) + escapes(v) + 11
		default: // numbers, times and NULL
			size += 32
		}
	}
	return size
}

func escapes(v []byte) int {
	if len(v) < exact {
		return len(v)
	}
	n := 0
	for _, c := range []byte("\x00\n\r\x1a'\"\\") {
		n += bytes.Count(v, []byte{c})
	}
	return n
}

// cut shortens a text to at most that many characters.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}

// byIDs runs a statement by ids, in as many pieces as are needed, and calls scan for each row.
func byIDs(ctx context.Context, q querier, statement multi, source order.SourceID, ids []string, scan func(rows *sql.Rows) error) error {
	for piece := range slices.Chunk(ids, maxRows) {
		if err := each(ctx, q, statement.text(len(piece)), prepend(piece, string(source)), scan); err != nil {
			return err
		}
	}
	return nil
}
