package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// Commit writes a page and moves the checkpoint from from to to, in one transaction: either all of it is stored or nothing. It fails
// with order.ErrMoved, having written nothing, where the stored revision is not from.Revision. The stored revision becomes
// from.Revision+1; to.Revision is ignored. Only where the page is stored already and to says the same as from nothing is written at
// all, which the answer calls Still: most of what is read again costs no flush to a disk then.
//
// A transaction that failed for a passing reason is begun again, three times. One whose outcome was lost with its connection is
// looked for by the token that each commit leaves in the checkpoint. Orders that the database refuses become dead letters.
func (db *DB) Commit(ctx context.Context, from, to order.Checkpoint, page order.Page) (order.Written, error) {
	op := fmt.Sprintf("commit %s/%s", from.Source, from.Stream)
	g, err := gather(from.Source, page.Records)
	if err != nil {
		return order.Written{}, fmt.Errorf("%s: %w", op, err)
	}
	f, err := newFence(from, to)
	if err != nil {
		return order.Written{}, fmt.Errorf("%s: %w", op, err)
	}
	written, err := db.write(ctx, g, f)
	return written, db.failed(ctx, op, err)
}

// Put writes records of one source as Commit does, without a checkpoint.
func (db *DB) Put(ctx context.Context, records []order.Record) (order.Written, error) {
	if len(records) == 0 {
		return order.Written{}, nil
	}
	var source order.SourceID
	if first := records[0]; first.Order != nil {
		source = first.Order.Source
	} else if first.Dead != nil {
		source = first.Dead.Source
	}
	op := "store records of " + string(source)
	g, err := gather(source, records)
	if err != nil {
		return order.Written{}, fmt.Errorf("%s: %w", op, err)
	}
	written, err := db.write(ctx, g, nil)
	return written, db.failed(ctx, op, err)
}

// write writes what was gathered; when the database refuses single orders, these become dead letters and the rest is written.
func (db *DB) write(ctx context.Context, g *gathered, f *fence) (order.Written, error) {
	for {
		written, err := db.writeOnce(ctx, g, f)
		if err == nil || len(g.orders) == 0 {
			return written, err
		}
		var refused []refusal
		if r, ok := errors.AsType[refusal](err); ok {
			refused = []refusal{r}
		} else if classOf(err) == classPoison {
			var searchErr error
			if refused, searchErr = db.search(ctx, g, g.orders); searchErr != nil {
				return written, searchErr
			}
		}
		if !g.demote(refused) {
			return written, err
		}
	}
}

// writeOnce writes everything in one transaction, which is begun again while its failure may pass.
func (db *DB) writeOnce(ctx context.Context, g *gathered, f *fence) (order.Written, error) {
	var written order.Written
	look := f != nil && db.quiet.Load()
	blind := db.first.Load() && len(g.dead) == 0
	err := db.again(ctx, func(ctx context.Context) error {
		looking, daring := look, blind
		look, blind = false, false // a repeated attempt must not take for stored before what the one before it stored
		if len(g.orders)+len(g.dead) == 0 && f != nil {
			// Most polls bring nothing: one statement then does all.
			return f.cross(ctx, db.pool)
		}
		if looking {
			same, err := db.same(ctx, g, f)
			if err != nil {
				return err
			}
			if same {
				written = order.Written{Unchanged: len(g.orders), Stale: g.repeated, Still: f.still}
				if f.still {
					return nil
				}
				return f.cross(ctx, db.pool)
			}
		}
		if daring {
			err := db.writeTx(ctx, g, f, true, &written)
			if !errors.Is(err, errRaced) {
				return err
			}
		}
		return db.writeTx(ctx, g, f, false, &written)
	})
	if errors.Is(err, errOurs) {
		// What an earlier attempt wrote is what counts; this one stopped at the fence and left its counts alone.
		return written, nil
	}
	if err != nil {
		return order.Written{}, err
	}
	db.quiet.Store(len(g.orders) > 0 && written.Unchanged == len(g.orders))
	db.first.Store(len(g.orders) > 0 && written.Inserted == len(g.orders))
	return written, nil
}

// writeTx writes everything in one transaction, and says in written what it did. Blind, it takes all orders for new, and fails with
// errRaced where one is not: after a page of which that was true the look is not worth its cost.
func (db *DB) writeTx(ctx context.Context, g *gathered, f *fence, blind bool, written *order.Written) error {
	var w *writing
	err := db.inTx(ctx, func(tx *sql.Tx) error {
		if f != nil {
			if err := f.cross(ctx, tx); err != nil {
				return err
			}
		}
		w = db.newWriting(tx, g)
		w.blind = blind
		return w.all(ctx)
	})
	if w != nil {
		*written = w.written
	}
	return err
}

// same looks, without a transaction, whether all that came is stored as it came, so that no lock is needed: sameness cannot be undone
// other than by something newer. It is asked after a page of which that was true, since the look is lost where it is not.
func (db *DB) same(ctx context.Context, g *gathered, f *fence) (bool, error) {
	w := db.newWriting(nil, g)
	if err := w.findStored(ctx, db.pool); err != nil || len(g.dead) > 0 {
		return false, err
	}
	if slices.ContainsFunc(g.orders, func(o *incoming) bool { return !w.known[o.ID].same(o) }) {
		return false, nil
	}
	dead, err := f.stands(ctx, db.pool)
	if err != nil || !dead {
		return err == nil, err
	}
	err = w.findDead(ctx, db.pool, w.statements.deadFound)
	return err == nil && len(w.dying) == 0, err
}

// search finds the orders that the database refuses among some that it refuses together. It halves them, in transactions that are
// all rolled back.
func (db *DB) search(ctx context.Context, g *gathered, among []*incoming) ([]refusal, error) {
	err := db.again(ctx, func(ctx context.Context) error {
		err := db.inTx(ctx, func(tx *sql.Tx) error {
			w := db.newWriting(tx, &gathered{source: g.source, orders: among})
			if err := w.all(ctx); err != nil {
				return err
			}
			return errRehearsed
		})
		if errors.Is(err, errRehearsed) {
			return nil
		}
		return err
	})
	if err == nil {
		return nil, nil
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return []refusal{r}, nil
	}
	if classOf(err) != classPoison {
		return nil, err
	}
	if len(among) == 1 {
		return []refusal{{id: among[0].ID, reason: reasonOf(err)}}, nil
	}
	first, err := db.search(ctx, g, among[:len(among)/2])
	if err != nil {
		return nil, err
	}
	second, err := db.search(ctx, g, among[len(among)/2:])
	return append(first, second...), err
}

// errRehearsed ends a transaction that was never meant to last.
var errRehearsed = fault.Errorf(fault.Internal, "a rehearsed transaction was not rolled back")

func reasonOf(err error) string {
	if e := serverError(err); e != nil {
		return "the database refuses it: " + e.Error()
	}
	return "the database refuses it"
}

// fence is the compare-and-set on the checkpoint that lets at most one worker on.
type fence struct {
	from  order.Checkpoint
	args  []any // of insertCheckpoint; moveCheckpoint has from.Revision besides
	token [16]byte
	// still: the checkpoint is stored and stays what it is.
	still bool
}

func newFence(from, to order.Checkpoint) (*fence, error) {
	if from.Source != to.Source || from.Stream != to.Stream {
		return nil, fault.Errorf(fault.Internal, "a checkpoint of %s/%s was to follow one of %s/%s", to.Source, to.Stream, from.Source, from.Stream)
	}
	poison := to.Poison
	if poison == nil {
		poison = []string{}
	}
	keys, err := json.Marshal(poison)
	if err != nil {
		return nil, fault.New(fault.Internal, err)
	}
	f := &fence{from: from, still: from.Revision > 0 && sameCheckpoint(from, to)}
	if _, err := rand.Read(f.token[:]); err != nil {
		return nil, fault.New(fault.Internal, err)
	}
	f.args = []any{
		instantArg(to.Watermark), instantArg(to.Window.Since), instantArg(to.Window.Until), string(to.Cursor), to.Slice.Microseconds(),
		to.Ceiling.Microseconds(),
		string(keys), from.Revision + 1, f.token[:], string(from.Source), from.Stream,
	}
	return f, nil
}

func sameCheckpoint(a, b order.Checkpoint) bool {
	return a.Watermark.Equal(b.Watermark) && a.Window.Since.Equal(b.Window.Since) && a.Window.Until.Equal(b.Window.Until) &&
		a.Cursor == b.Cursor && a.Slice == b.Slice && a.Ceiling == b.Ceiling && slices.Equal(a.Poison, b.Poison)
}

// stands checks that the checkpoint is where it was, and reports whether its source has dead letters.
func (f *fence) stands(ctx context.Context, q querier) (dead bool, err error) {
	var revision int64
	source := string(f.from.Source)
	if f.from.Revision == 0 { // there is none yet, which cross makes sure of
		err = q.QueryRowContext(ctx, selectAnyDead, source).Scan(flag{&dead})
		return dead, err
	}
	err = q.QueryRowContext(ctx, selectStands, source, source, f.from.Stream).Scan(&revision, flag{&dead})
	if errors.Is(err, sql.ErrNoRows) || err == nil && revision != f.from.Revision {
		return false, f.explain(ctx, q)
	}
	return dead, err
}

// errOurs says that the commit that stands in the database is the one whose outcome we did not hear.
var errOurs = fault.Errorf(fault.Internal, "the commit was done before")

// cross moves the checkpoint, which locks it until the transaction ends, or fails with order.ErrMoved or errOurs.
func (f *fence) cross(ctx context.Context, q querier) error {
	if f.from.Revision == 0 {
		_, err := q.ExecContext(ctx, insertCheckpoint, f.args...)
		if numberOf(err) == duplicateKey {
			return f.explain(ctx, q)
		}
		return f.judge(err)
	}
	result, err := q.ExecContext(ctx, moveCheckpoint, append(slices.Clip(f.args), f.from.Revision)...)
	if err != nil {
		return f.judge(err)
	}
	found, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if found == 0 {
		return f.explain(ctx, q)
	}
	return nil
}

// judge keeps a checkpoint that the database refuses from being taken for a bad order.
func (f *fence) judge(err error) error {
	if err != nil && classOf(err) == classPoison {
		return fault.Errorf(fault.Internal, "the checkpoint itself cannot be stored: %s", reasonOf(err))
	}
	return err
}

// explain finds out why the checkpoint is not where it was.
func (f *fence) explain(ctx context.Context, q querier) error {
	var revision int64
	var token []byte
	err := q.QueryRowContext(ctx, selectToken, string(f.from.Source), f.from.Stream).Scan(&revision, &token)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("its checkpoint is gone: %w", order.ErrMoved)
	case err != nil:
		return err
	case revision == f.from.Revision+1 && string(token) == string(f.token[:]):
		return errOurs
	default:
		return fmt.Errorf("revision %d became %d: %w", f.from.Revision, revision, order.ErrMoved)
	}
}
