package tell

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"ordersync/internal/alert"
)

const (
	drainEvery  = 5 * time.Second
	drainAtOnce = 200
	// noteLimit bounds how long a run waits until its end is noted.
	noteLimit = 5 * time.Second
)

// Note writes down the end of a run, for the shared book or, while that is away, in the spool. It takes at most a few seconds, and works
// also after ctx has ended. A failure of the class db goes to the host's own book, and so does every other end of a run that this waits
// for: who came so far had a database.
func (t *Teller) Note(ctx context.Context, o alert.Observation) {
	o = t.complete(o)
	if o.Run != nil {
		if o.Run.Class == alert.Database {
			t.NoteHere(o)
			return
		}
		if o.Run.Class == "" {
			t.sawGood()
		}
		if t.o.Own.Wants(o.Run.Job) {
			good := *o.Run
			good.Class, good.Kind, good.Error, good.Urgent, good.Patience, good.Facts = "", "", "", false, 0, alert.Facts{}
			t.NoteHere(alert.Observation{At: o.At, Host: o.Host, Run: &good})
		}
	}
	if t.o.Inbox == nil {
		return
	}
	if t.o.Spool.Len() == 0 && !t.databaseAway() {
		_, err := bounded(context.WithoutCancel(ctx), noteLimit, "note what happened", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, t.o.Inbox.Note(ctx, []alert.Observation{o})
		})
		if err == nil {
			t.host.inbox.note(nil)
			return
		}
		t.o.Log.LogAttrs(ctx, slog.LevelInfo, "the database is away: what the run showed waits in the state directory", slog.String("error", t.text(err)))
	}
	t.o.Spool.Append(o)
}

// NoteHere writes an observation down in the host's own book: a configuration that was refused, and that it is good again.
func (t *Teller) NoteHere(o alert.Observation) {
	t.o.Own.Note(t.complete(o))
	select {
	case t.news <- struct{}{}:
	default: // it is known that there is news
	}
}

// complete says when it happened and where, unless that is said already, and cuts a long error.
func (t *Teller) complete(o alert.Observation) alert.Observation {
	o.Host = cmp.Or(o.Host, t.o.Host)
	if o.At.IsZero() {
		o.At = time.Now()
	}
	o.At = o.At.UTC().Round(0)
	if o.Run != nil && len(o.Run.Error) > mostError {
		short := *o.Run
		short.Error = cut(short.Error, mostError)
		o.Run = &short
	}
	return o
}

// give gives observations to the shared book.
func (t *Teller) give(ctx context.Context, waiting []alert.Noted) error {
	observations := make([]alert.Observation, 0, len(waiting))
	for _, n := range waiting {
		observations = append(observations, n.Observation)
	}
	_, err := bounded(ctx, bookLimit, "note what happened", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, t.o.Inbox.Note(ctx, observations)
	})
	return err
}
