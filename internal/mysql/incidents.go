package mysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

// AlertsStream is the stream of the lease under which alerts are told; its source is empty.
const AlertsStream = "alerts"

const (
	// mostRead is how many observations, and mostOfChannel how many waiting deliveries of each channel, are read at a time.
	mostRead      = 1000
	mostOfChannel = 100
	// keepWorked is how long an observation that was worked is known again when it is noted once more.
	keepWorked = 48 * time.Hour

	mostScope         = 512
	mostIncidentError = 2048
	mostDeliveryError = 1024
)

// Alerts is the book that all daemons of the database share, for the one that holds the lease of [AlertsStream]: where holder no longer
// has it, Write changes nothing and fails (fault.Database).
func (db *DB) Alerts(holder string) alert.Book { return &book{db: db, holder: holder} }

// book is the shared book in the hands of one daemon.
type book struct {
	db     *DB
	holder string
}

// Read returns all that is to be worked on; see alert.Book. Where there is nothing it asks once.
func (b *book) Read(ctx context.Context) (alert.Contents, error) {
	c, there := alert.Contents{Sent: map[string][]time.Time{}}, news{}
	err := b.db.query(ctx, "look into the book of alerts", selectNews, func() {}, func(rows *sql.Rows) error {
		return rows.Scan(&c.Now, &there.incidents, &there.observations, &there.waiting, &there.sent, moment{&c.Weekly})
	}, calmSeconds)
	if err == nil && there.incidents {
		c.Incidents, err = b.db.incidents(ctx, selectLive, calmSeconds)
	}
	if err == nil && there.observations {
		c.Observations, err = b.db.observations(ctx)
	}
	if err == nil && there.waiting {
		c.Waiting, err = b.db.deliveries(ctx, selectWaiting, mostOfChannel)
	}
	if err == nil && there.sent {
		c.Sent, err = b.db.sentLately(ctx)
	}
	if err != nil {
		return alert.Contents{}, err
	}
	return c, nil
}

// news says what there is in the book.
type news struct{ incidents, observations, waiting, sent bool }

// calmSeconds is alert.Calm as a statement takes it.
const calmSeconds = int64(alert.Calm / time.Second)

// sentLately returns when notices were sent in the last hour, by channel.
func (db *DB) sentLately(ctx context.Context) (map[string][]time.Time, error) {
	sent := map[string][]time.Time{}
	err := db.query(ctx, "list what was sent lately", selectSentLately, func() { clear(sent) }, func(rows *sql.Rows) error {
		var channel string
		var at time.Time
		err := rows.Scan(&channel, &at)
		sent[channel] = append(sent[channel], at)
		return err
	})
	return sent, err
}

// Write does all of a step or nothing of it; see alert.Book.
func (b *book) Write(ctx context.Context, s alert.Step) error {
	err := b.db.again(ctx, func(ctx context.Context) error {
		return b.db.inTx(ctx, func(tx *sql.Tx) error { return b.write(ctx, tx, s) })
	})
	if large, ok := errors.AsType[refusal](err); ok {
		err = fault.Errorf(fault.Database, "the row of %s: %s", large.id, large.reason)
	}
	return b.db.failed(ctx, "write the book of alerts", err)
}

func (b *book) write(ctx context.Context, tx *sql.Tx, s alert.Step) error {
	var stream string
	err := tx.QueryRowContext(ctx, lockTelling, AlertsStream, b.holder).Scan(&stream)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Errorf(fault.Database, "the lease %q is no longer ours: another daemon tells of failures now", AlertsStream)
	}
	if err != nil {
		return err
	}
	w := &writing{tx: tx, statements: &b.db.statements, packet: int(b.db.packet.Load())}
	if err := w.writeIncidents(ctx, s.Incidents); err != nil {
		return err
	}
	var done []any
	for _, number := range s.Done {
		done = append(done, number)
	}
	if err := insertRows(ctx, tx, w.statements.workObservations, done, len(done)); err != nil {
		return err
	}
	return w.writeDeliveries(ctx, s.Deliveries)
}

func (w *writing) writeIncidents(ctx context.Context, incidents []alert.Incident) error {
	rows := w.rows(w.statements.upsertIncidents)
	for _, i := range incidents {
		state, err := json.Marshal(i)
		if err != nil {
			return fault.Errorf(fault.Internal, "incident %s: %w", i.ID, err)
		}
		over := i.Phase == alert.Recovered && i.ToldSeq >= i.Seq
		rows.args = append(rows.args, i.ID, plainText(string(i.Scope), mostScope), string(i.Class), string(i.Phase), i.Source, instantArg(i.Since),
			instantArg(i.OpenedAt), instantArg(i.RecoveredAt), instantArg(i.LastAt), i.Failures, plainText(i.Error, mostIncidentError),
			instantArg(i.MutedUntil), over, string(state))
		if err := rows.end(ctx, "incident "+i.ID); err != nil {
			return err
		}
	}
	return rows.flush(ctx)
}

func (w *writing) writeDeliveries(ctx context.Context, deliveries []alert.Delivery) error {
	rows := w.rows(w.statements.upsertNotices)
	for _, d := range deliveries {
		n := &d.Notice
		body, err := json.Marshal(n)
		if err != nil {
			return fault.Errorf(fault.Internal, "notice %s: %w", n.ID, err)
		}
		rows.args = append(rows.args, n.ID, d.Channel, string(n.Sort), string(n.Class), string(d.State), instantArg(d.MadeAt), instantArg(d.EndedAt),
			d.Attempts, instantArg(d.NextAt), plainText(d.Error, mostDeliveryError), string(body))
		if err := rows.end(ctx, "notice "+n.ID); err != nil {
			return err
		}
	}
	return rows.flush(ctx)
}

// plainText is a text as a column for people takes it. What a remote said may be anything.
func plainText(text string, most int) string { return cut(strings.ToValidUTF8(text, "\uFFFD"), most) }

// incidents lists what a statement finds, but for those that another version wrote and this one cannot read.
func (db *DB) incidents(ctx context.Context, query string, args ...any) ([]alert.Incident, error) {
	var all []alert.Incident
	err := db.query(ctx, "list the incidents", query, func() { all = nil }, func(rows *sql.Rows) error {
		var id string
		var state []byte
		if err := rows.Scan(&id, &state); err != nil {
			return err
		}
		var i alert.Incident
		if err := json.Unmarshal(state, &i); err != nil {
			db.unreadable(ctx, "incident "+id, err)
			return nil
		}
		all = append(all, i)
		return nil
	}, args...)
	return all, err
}

// deliveries lists what a statement finds. A notice that another version wrote and this one cannot read has nothing but its id.
func (db *DB) deliveries(ctx context.Context, query string, args ...any) ([]alert.Delivery, error) {
	var all []alert.Delivery
	err := db.query(ctx, "list the deliveries of notices", query, func() { all = nil }, func(rows *sql.Rows) error {
		var d alert.Delivery
		var id string
		var body []byte
		err := rows.Scan(&id, &d.Channel, (*string)(&d.State), &d.MadeAt, &d.Attempts, moment{&d.NextAt}, &d.Error, moment{&d.EndedAt}, &body)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &d.Notice); err != nil {
			db.unreadable(ctx, "notice "+id, err)
			d.Notice = alert.Notice{ID: id}
		}
		all = append(all, d)
		return nil
	}, args...)
	return all, err
}

// unreadable says in the log, once, that a row is left out because another version wrote it in a way that this one cannot read.
func (db *DB) unreadable(ctx context.Context, what string, err error) {
	if _, said := db.unread.LoadOrStore(what, true); !said {
		db.log.LogAttrs(ctx, slog.LevelError, "a row of another version cannot be read and is left out", slog.String("row", what),
			slog.String("error", err.Error()))
	}
}

// Incidents lists the incidents that are failing or open, or also those that were opened and are over, the latest first; at most a
// thousand.
func (db *DB) Incidents(ctx context.Context, all bool) ([]alert.Incident, error) {
	return db.incidents(ctx, selectIncidents, all)
}

// Incident returns the incident whose id begins so. It fails with ErrNotStored where there is none, and where there are several
// (fault.Config).
func (db *DB) Incident(ctx context.Context, prefix string) (*alert.Incident, error) {
	if prefix == "" {
		return nil, fault.Errorf(fault.Config, "an incident has an id: 'ordersyncd incident list' shows it")
	}
	found, err := db.incidents(ctx, selectIncidentsLike, prefix, prefix)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("read incident %s: %w", prefix, ErrNotStored)
	case len(found) > 1 && found[0].ID != prefix:
		return nil, fault.Errorf(fault.Config, "several incidents begin with %s: type more of the id", prefix)
	}
	return &found[0], nil
}

// Deliveries lists the deliveries of the notices that tell of an incident, in the order in which they were made; at most a thousand.
func (db *DB) Deliveries(ctx context.Context, incident alert.Incident) ([]alert.Delivery, error) {
	return db.deliveries(ctx, selectDeliveries, incident.Root, `%"id":"`+incident.ID+`"%`)
}

// ChannelRow is how a channel stands, by the deliveries of the shared book.
type ChannelRow struct {
	// Name is the channel's.
	Name string
	// Waiting is how many deliveries wait, Oldest since when the first of them does.
	Waiting int
	Oldest  time.Time
	// Attempts and Error are those of the waiting delivery that was tried most often.
	Attempts int
	Error    string
	// SentAt is when it took a notice last; zero: never, as far as is known.
	SentAt time.Time
}

// Channels lists the channels through which a notice was or is to be delivered, by name.
func (db *DB) Channels(ctx context.Context) ([]ChannelRow, error) {
	const op = "list the channels"
	channels := map[string]*ChannelRow{}
	err := db.query(ctx, op, selectLastSent, func() { clear(channels) }, func(rows *sql.Rows) error {
		c := new(ChannelRow)
		err := rows.Scan(&c.Name, moment{&c.SentAt})
		channels[c.Name] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	reset := func() {
		for _, c := range channels {
			*c = ChannelRow{Name: c.Name, SentAt: c.SentAt}
		}
	}
	err = db.query(ctx, op, selectWaitingShort, reset, func(rows *sql.Rows) error {
		var d alert.Delivery
		err := rows.Scan(&d.Channel, &d.MadeAt, &d.Attempts, &d.Error)
		if channels[d.Channel] == nil {
			channels[d.Channel] = &ChannelRow{Name: d.Channel}
		}
		channels[d.Channel].add(d)
		return err
	})
	all := make([]ChannelRow, 0, len(channels))
	for _, name := range sorted(channels) {
		all = append(all, *channels[name])
	}
	return all, err
}

// add counts a delivery that waits.
func (c *ChannelRow) add(d alert.Delivery) {
	if c.Waiting == 0 {
		c.Oldest = d.MadeAt
	}
	c.Waiting++
	if d.Attempts > c.Attempts {
		c.Attempts, c.Error = d.Attempts, d.Error
	}
}

// PruneAlerts deletes the incidents that were over, and the deliveries that had ended, longer ago than keep, and returns how many rows.
// Observations that were worked go after two days.
func (db *DB) PruneAlerts(ctx context.Context, keep time.Duration) (int64, error) {
	var deleted int64
	for _, prune := range []struct {
		query string
		keep  time.Duration
	}{{pruneIncidents, keep}, {pruneNotices, keep}, {pruneObservations, keepWorked}} {
		for {
			n, err := db.exec(ctx, "prune the alerts", prune.query, int64(prune.keep/time.Second))
			deleted += n
			if err != nil {
				return deleted, err
			}
			if n == 0 {
				break
			}
		}
	}
	return deleted, nil
}
