package tell

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	// several wait: more than that are told together where they could not be told one by one.
	several = 3
	// late is when what waits was not made just now.
	late = 10 * time.Minute
	// mostParts is how many notices a digest holds, mostBytes how long its text may be: a database takes no longer statements than it likes.
	mostParts = 50
	mostBytes = 400 << 10
	// briefItems is how many incidents of each of its notices a digest describes, and briefError how much of their errors.
	briefItems = 5
	briefError = 300
	// tries is how often joining is tried before what waits is sent one by one.
	tries = 3
	// recordLimit bounds writing down that something was sent, recordLate where the right to do so, or the daemon, is at its end.
	recordLimit = 3 * time.Second
	recordLate  = time.Second
)

// tray is what waits in one book for one channel, in one stint.
type tray struct {
	way  *way
	book alert.Book
	own  bool
	stop <-chan struct{}

	mu    sync.Mutex
	queue []alert.Delivery
	ahead time.Duration // how far the book's clock is ahead of ours
	// busy says that a carrier is there; filled that there was something once.
	busy, filled bool
	// flight is the notice that is being sent. handed are those that may have been taken already, because an attempt began of which nobody
	// knows that it was in vain: they keep their ids, and so never go into a digest.
	flight string
	handed map[string]bool
	// failed says that the channel failed since the tray was empty. stale says that nobody knows what the book holds before the next fill.
	failed, stale bool
	unjoined      int // how often in a row the book did not take a digest
}

// fill replaces what waits, and reports whether it needs a carrier.
func (tr *tray) fill(waiting []alert.Delivery, ahead time.Duration) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for i, d := range waiting {
		at := slices.IndexFunc(tr.queue, func(old alert.Delivery) bool { return old.Notice.ID == d.Notice.ID })
		if at >= 0 && tr.queue[at].Attempts > d.Attempts { // the book was read before the last attempt was written down
			waiting[i] = tr.queue[at]
		}
	}
	again := tr.stale || len(waiting) > len(tr.queue)
	tr.queue, tr.ahead, tr.stale = waiting, ahead, false
	if !tr.filled {
		tr.inherit()
	}
	if channel, _ := tr.way.configured(); channel == nil || len(tr.queue) == 0 {
		return false
	}
	if tr.busy {
		if again {
			tr.way.ring()
		}
		return false
	}
	tr.busy = true
	return true
}

// inherit thinks of whoever worked the book before: it may have died while it sent, which it did in order, and with those first that had
// not failed.
func (tr *tray) inherit() {
	tr.filled, tr.handed = true, map[string]bool{}
	fresh := false
	for i, d := range tr.queue {
		if d.Attempts > 0 {
			tr.failed = true
		}
		if i == 0 || d.Attempts > 0 || !fresh {
			tr.handed[d.Notice.ID] = true
		}
		fresh = fresh || d.Attempts == 0
	}
}

// sending reports whether a notice is being sent.
func (tr *tray) sending(id string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.flight == id
}

// carry sends what waits until nothing does, or ctx ends, or the daemon stops and nothing can be sent at once.
func (t *Teller) carry(ctx context.Context, tr *tray) {
	for {
		changed := tr.way.change()
		select {
		case tr.way.turn <- struct{}{}:
		case <-ctx.Done():
			tr.put()
			return
		}
		wait, more := t.next(ctx, tr)
		<-tr.way.turn
		switch {
		case !more:
			return
		case wait > 0 && tr.stopping():
			tr.put()
			return
		case wait > 0:
			pause(ctx, wait, tr.stop, changed)
		}
	}
}

// put leaves the tray as it is, without a carrier.
func (tr *tray) put() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.busy = false
}

func (tr *tray) stopping() bool {
	select {
	case <-tr.stop:
		return true
	default:
		return false
	}
}

// next sends one notice, or returns after how long there may be one to send. The caller has the turn. Without more there is no carrier
// any longer.
func (t *Teller) next(ctx context.Context, tr *tray) (wait time.Duration, more bool) {
	channel, version := tr.way.configured()
	if channel == nil || ctx.Err() != nil {
		tr.put()
		return 0, false
	}
	d, joint, wait, more := tr.choose(time.Now())
	if !more || wait > 0 {
		return wait, more
	}
	if len(joint) > 0 {
		var ok bool
		if d, ok = t.merge(ctx, tr, joint); !ok {
			return roundEvery, true
		}
	}
	t.deliver(ctx, tr, attempt{channel: channel, version: version, delivery: d})
	return 0, true
}

// choose returns the delivery that is to be sent, or those that are to be sent as one; or after how long to choose again.
func (tr *tray) choose(now time.Time) (d alert.Delivery, joint []alert.Delivery, wait time.Duration, more bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.queue = slices.DeleteFunc(tr.queue, func(d alert.Delivery) bool {
		_, over := tr.way.ending(d.Notice.ID)
		return over
	})
	if len(tr.queue) == 0 {
		tr.busy, tr.failed = false, false
		return d, nil, 0, false
	}
	wait, crowded := tr.way.open(now)
	if tr.stale {
		wait = max(wait, roundEvery)
	}
	if wait > 0 {
		return d, nil, wait, true
	}
	head, wait := tr.way.pick(tr.queue, now)
	if head < 0 {
		return d, nil, wait, true
	}
	d = tr.queue[head]
	old := now.Add(tr.ahead).Sub(tr.queue[0].MadeAt) > late
	if crowded || (tr.failed || old) && len(tr.queue) > several {
		joint = tr.joint(d)
	}
	return d, joint, 0, true
}

// joint returns what can be told together with a delivery; nil where nothing can, or where that one may have been taken already.
func (tr *tray) joint(head alert.Delivery) []alert.Delivery {
	if tr.handed[head.Notice.ID] {
		return nil
	}
	var all []alert.Delivery
	parts, bytes := 0, 0
	for _, d := range tr.queue {
		if tr.handed[d.Notice.ID] {
			continue
		}
		number, length := measure(d.Notice)
		if parts+number > mostParts || bytes+length > mostBytes {
			break // in order
		}
		all, parts, bytes = append(all, d), parts+number, bytes+length
	}
	if len(all) < 2 {
		return nil
	}
	return all
}

// merge replaces deliveries by one of a digest, in one step. Where the book did not say that it has done so nobody knows what it holds.
func (t *Teller) merge(ctx context.Context, tr *tray, joint []alert.Delivery) (alert.Delivery, bool) {
	now := time.Now().Round(0).Add(tr.lead()).UTC()
	digest := alert.Delivery{Channel: tr.way.name, State: alert.Waiting}
	var step alert.Step
	var parts []alert.Notice
	for _, d := range joint {
		digest.MadeAt = latest(digest.MadeAt, d.MadeAt)
		if d.Notice.Sort == alert.Digest {
			parts = append(parts, young(d.Notice.Parts, now)...)
		} else {
			parts = append(parts, brief(d.Notice))
		}
		d.State, d.EndedAt, d.NextAt = alert.Merged, now, time.Time{}
		step.Deliveries = append(step.Deliveries, d)
	}
	digest.Notice = alert.NewDigest(now, t.o.Host, parts)
	step.Deliveries = append(step.Deliveries, digest)
	if err := t.write(ctx, tr, step); err != nil {
		t.o.Log.LogAttrs(ctx, slog.LevelWarn, "several alerts could not be joined into one: tried again",
			slog.String("channel", tr.way.name), slog.String("error", t.text(err)))
		tr.apart(joint)
		return digest, false
	}
	for _, d := range step.Deliveries[:len(joint)] {
		tr.way.end(d, time.Now())
		tr.way.recorded(d.Notice.ID)
	}
	t.count(func(c *Counts) { c.Merged += len(joint) })
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.unjoined = 0
	tr.queue = append([]alert.Delivery{digest}, tr.queue...) // those that it replaces have ended
	return digest, true
}

// apart notes that the book did not take a digest. Where it never does, its parts go one by one.
func (tr *tray) apart(joint []alert.Delivery) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.stale = true
	if tr.unjoined++; tr.unjoined < tries {
		return
	}
	tr.unjoined = 0
	for _, d := range joint {
		tr.handed[d.Notice.ID] = true
	}
}

// young leaves out what is too old to be told, which a digest that is joined anew would carry along for ever.
func young(parts []alert.Notice, now time.Time) []alert.Notice {
	return slices.DeleteFunc(slices.Clone(parts), func(n alert.Notice) bool { return now.Sub(n.At) > tryFor })
}

// attempt is one attempt to send.
type attempt struct {
	channel  Channel
	version  int
	delivery alert.Delivery
}

// deliver sends, then records. What ends because ctx did is no failure, and waits for whoever works the book next.
func (t *Teller) deliver(ctx context.Context, tr *tray, a attempt) {
	d := a.delivery
	tr.begin(d.Notice.ID)
	err := send(ctx, a.channel, d.Notice)
	now := time.Now()
	switch {
	case err == nil:
		d.State, d.EndedAt, d.NextAt, d.Error = alert.Sent, now.Round(0).Add(tr.lead()).UTC(), time.Time{}, ""
		d.Attempts++
		tr.way.took(d, now)
		tr.finish(d, false)
		t.count(func(c *Counts) { c.Sent++ })
		t.recordSent(ctx, tr, d)
	case ctx.Err() != nil:
		tr.finish(d, true)
	default:
		again := tr.way.refuse(d, a.version, err, now)
		d.Attempts++
		d.NextAt, d.Error = again.Round(0).Add(tr.lead()).UTC(), t.text(err)
		tr.finish(d, fault.KindOf(err) != fault.Rejected)
		t.count(func(c *Counts) { c.Failed++ })
		t.o.Log.LogAttrs(ctx, slog.LevelWarn, "alert not sent", slog.String("channel", d.Channel), slog.String("notice", d.Notice.ID),
			slog.Int("attempt", d.Attempts), slog.Time("next_at", d.NextAt), slog.String("error", d.Error))
		// Only people read it; the next attempt tells the book again.
		_ = t.write(ctx, tr, alert.Step{Deliveries: []alert.Delivery{d}})
	}
}

// recordSent tells the book that a notice was sent. Where it cannot be told, the host's own book keeps it, the next round tells it anew,
// and nothing more is sent before: whoever works the book next must be able to guess what was.
func (t *Teller) recordSent(ctx context.Context, tr *tray, d alert.Delivery) {
	err := t.write(ctx, tr, alert.Step{Deliveries: []alert.Delivery{d}})
	if err == nil {
		tr.way.recorded(d.Notice.ID)
		return
	}
	t.o.Own.Remember(d)
	tr.mu.Lock()
	tr.stale = true
	tr.mu.Unlock()
	t.o.Log.LogAttrs(ctx, slog.LevelWarn, "an alert was sent and could not be noted: it may come once more",
		slog.String("channel", d.Channel), slog.String("notice", d.Notice.ID), slog.String("error", t.text(err)))
}

// write writes a step though ctx may have ended: what it says has happened.
func (t *Teller) write(ctx context.Context, tr *tray, step alert.Step) error {
	limit := recordLimit
	if ctx.Err() != nil {
		limit = recordLate
	}
	_, err := bounded(context.WithoutCancel(ctx), limit, "write the book of incidents", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, tr.book.Write(ctx, step)
	})
	return err
}

func (tr *tray) begin(id string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.flight, tr.handed[id] = id, true
}

// finish notes how an attempt went: handed says that the other side may have the notice all the same.
func (tr *tray) finish(d alert.Delivery, handed bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.flight = ""
	if !handed {
		delete(tr.handed, d.Notice.ID)
	}
	for i := range tr.queue {
		if tr.queue[i].Notice.ID == d.Notice.ID {
			tr.queue[i] = d
		}
	}
	tr.failed = tr.failed || d.State == alert.Waiting && d.Error != ""
}

// lead is how far the book's clock is ahead of ours.
func (tr *tray) lead() time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.ahead
}
