package status

import (
	"context"
	"time"

	"ordersync/internal/alert"
)

// Week counts the week [since, until), with the incidents of this machine alone, and says of the sources which are paused and which are not
// up to date now: with such a one not all is well, whatever was told of it.
func (v *View) Week(ctx context.Context, since, until time.Time) (alert.Week, error) {
	w, err := v.DB.WeekOf(ctx, since, until)
	if err != nil {
		return w, err
	}
	f, err := v.gather(ctx)
	if err != nil {
		return w, err
	}
	for _, i := range v.OwnIncidents(true) {
		if !i.OpenedAt.IsZero() && !i.OpenedAt.Before(since) && i.OpenedAt.Before(until) {
			w.Incidents++
		}
		if i.Phase == alert.Open {
			w.Open++
		}
	}
	late := map[string]bool{}
	for _, job := range v.Jobs {
		j, _ := job.status(f)
		late[j.Source] = late[j.Source] || j.isLate(f.now, job.allowed(f.now))
	}
	for i := range w.Sources {
		s := &w.Sources[i]
		_, s.Paused = f.pauses[s.Source]
		s.Late = late[s.Source]
	}
	return w, nil
}

// isLate reports whether orders are not stored up to where the schedule allows for.
func (j *JobStatus) isLate(now time.Time, allowed time.Duration) bool {
	return j.Kind == alert.SyncJob && (j.Watermark == nil || now.Sub(*j.Watermark) > allowed)
}
