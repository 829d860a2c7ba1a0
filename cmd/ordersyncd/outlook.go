package main

import (
	"context"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
	"ordersync/internal/config"
	"ordersync/internal/status"
)

// view is what is looked at to say how everything stands. It asks nobody anything.
func (w *works) view() (*status.View, error) {
	v := &status.View{DB: w.db, Own: w.ownIncidents}
	for _, s := range w.cfg.Sources {
		a := w.accounts[s.Name]
		source := status.Source{
			Name: s.Name, Kind: s.Kind, Endpoint: endpoint(s), Credential: credentialOf(s), Vault: a.vault, Grants: a.vault != nil && a.vault.CanGrant() == nil,
		}
		if s.Rest != nil {
			source.Issued = s.Rest.Auth.Issued
		}
		v.Sources = append(v.Sources, source)
	}
	for _, job := range w.cfg.Jobs {
		e, err := w.errandOf(job.Name)
		if err != nil {
			return nil, err
		}
		v.Jobs = append(v.Jobs, status.Job{
			Name: job.Name, Kind: kindOf(job), Source: job.Source(), Stream: e.stream, Schedule: e.schedule, Start: job.Start,
			Settle: e.account.shop.Orders.Limits.Settle, FilteredBy: e.account.by,
		})
	}
	return v, nil
}

func kindOf(job *config.Job) alert.JobKind {
	switch {
	case job.Sweep != "":
		return alert.SweepJob
	case job.Track != "":
		return alert.TrackJob
	}
	return alert.SyncJob
}

// ownIncidents are those that concern this machine alone, which its daemon keeps itself. Where this account may not look into the daemon's
// book, the daemon still tells of them.
func (w *works) ownIncidents() []alert.Incident {
	own, _ := spool.Look(w.cfg.State)
	return own
}

// look says what is wrong now, of which keys it could judge, and how the sources stand.
func (k *keeper) look(ctx context.Context) ([]alert.Condition, func(alert.Key) bool, alert.World, error) {
	k.mu.Lock()
	w, added := k.inForce, k.added
	k.mu.Unlock()
	v, err := w.view()
	if err != nil {
		return nil, nil, alert.World{}, err
	}
	seen, err := v.Look(ctx, added)
	if err != nil {
		return nil, nil, alert.World{}, err
	}
	up := k.upSince(seen.Now)
	return alert.Watch(seen.Now, up, seen.Jobs, seen.Sources), alert.Judged(seen.Now, up, seen.Jobs, seen.Sources), seen.World, nil
}

// fill writes into a notice what it means for the orders of each source that it names.
func (k *keeper) fill(ctx context.Context, n *alert.Notice) error {
	v, err := k.works().view()
	if err != nil {
		return err
	}
	return v.Fill(ctx, n)
}

// week counts what the weekly notice says.
func (k *keeper) week(ctx context.Context, since, until time.Time) (alert.Week, error) {
	v, err := k.works().view()
	if err != nil {
		return alert.Week{}, err
	}
	return v.Week(ctx, since, until)
}

// upSince is since when this daemon and the database have been up together, by the database's clock.
func (k *keeper) upSince(now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.up.IsZero() {
		k.up = now
	}
	return k.up
}

// askDatabase asks whether the database is there.
func (k *keeper) askDatabase(ctx context.Context) error {
	_, err := k.db.Now(ctx)
	if err != nil && !stopped(err) {
		k.mu.Lock()
		k.up = time.Time{}
		k.mu.Unlock()
	}
	return err
}
