package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/intake"
	"ordersync/internal/schedule"
	"ordersync/internal/token"
)

const (
	statusWaiting = "waiting for the database"
	statusRunning = "%s of %s; behind: %s; next: %s"
	statusUnread  = "%s unread"
	statusMore    = "%d more"

	// statusSources is how many sources the status line names: those that are worst off.
	statusSources = 10
	// lookAround is how often the daemon says that it lives, and sees how far other daemons have brought the sources.
	lookAround = time.Minute
	// reminderMinutes is how often it looks at the authorisations that end.
	reminderMinutes  = 60
	logAuthorisation = "the authorisation of a shop ends"
)

// notify tells systemd, where it asked to be told. Nothing can be done about a notice that it does not take.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// beat is called by the loop that starts the runs: what makes it stop must make systemd's watchdog bark.
func (k *keeper) beat() {
	notify(daemon.SdNotifyWatchdog + "\nSTATUS=" + k.status(time.Now()))
}

// status is the line that `systemctl status` shows: how far behind each source is, and what comes next.
func (k *keeper) status(now time.Time) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg := k.inForce.cfg
	return fmt.Sprintf(statusRunning, figures.Count(len(cfg.Jobs), "job"), figures.Count(len(cfg.Sources), "source"), k.behind(now),
		nextTick(k.schedules, cfg.Zone(), now))
}

func nextTick(schedules map[string]schedule.Schedule, zone *time.Location, now time.Time) string {
	next, at := "none", time.Time{}
	for name, s := range schedules {
		if tick := s.Next(now); !tick.IsZero() && (at.IsZero() || tick.Before(at)) {
			next, at = name+" at "+tick.In(zone).Format("15:04:05 -07:00"), tick
		}
	}
	return next
}

// behind says how far behind the sources are that a job keeps up with, the worst first. The caller holds k.mu.
func (k *keeper) behind(now time.Time) string {
	type line struct {
		text, failing string
		behind        time.Duration
	}
	lines := map[string]line{}
	for _, job := range k.inForce.cfg.Jobs {
		l := lines[job.Source()]
		l.failing = cmp.Or(l.failing, k.failing[job.Name])
		if mark := k.marks[job.Source()]; job.Sync != "" && mark.IsZero() {
			l.text, l.behind = fmt.Sprintf(statusUnread, job.Sync), time.Duration(1<<62)
		} else if job.Sync != "" {
			l.behind = max(now.Sub(mark), 0)
			l.text = job.Sync + " " + figures.Span(l.behind)
		}
		lines[job.Source()] = l
	}
	var worst []line
	for _, l := range lines {
		if l.text == "" {
			continue // no job keeps up with it
		}
		if l.failing != "" {
			l.text += " (" + l.failing + ")"
		}
		worst = append(worst, l)
	}
	slices.SortFunc(worst, func(a, b line) int {
		return cmp.Or(-cmp.Compare(min(len(a.failing), 1), min(len(b.failing), 1)), -cmp.Compare(a.behind, b.behind), cmp.Compare(a.text, b.text))
	})
	var texts []string
	for _, l := range worst[:min(len(worst), statusSources)] {
		texts = append(texts, l.text)
	}
	if more := len(worst) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf(statusMore, more))
	}
	return cmp.Or(strings.Join(texts, ", "), "none")
}

// lookAbout keeps the daemon's own row alive and takes notice of how far the sources are, until ctx ends; then it deletes the row.
func (k *keeper) lookAbout(ctx context.Context) {
	ticker := time.NewTicker(lookAround)
	defer ticker.Stop()
	r := reminders{}
	for minutes := 0; ; minutes++ {
		k.tellOthers(ctx, false)
		k.readMarks(ctx)
		if minutes%reminderMinutes == 0 {
			k.remind(ctx, r)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			k.troubled(ctx, "this daemon still stands among those that run", k.db.ForgetDaemon(last, k.holder))
			return
		case <-ticker.C:
		}
	}
}

// readMarks takes over the points up to which everything is stored, which another daemon may have moved.
func (k *keeper) readMarks(ctx context.Context) {
	rows, err := k.db.Checkpoints(ctx)
	k.troubled(ctx, "how far the sources are cannot be read", err)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, row := range rows {
		if row.Stream == intake.StreamOrders {
			k.marks[string(row.Source)] = row.Watermark
		}
	}
}

// reminders are what was said of the authorisation of each source: of which token, and how urgent it was.
type reminders map[string]string

// remind logs which authorisations end soon or are over: at the start, and again whenever it has become more urgent.
func (k *keeper) remind(ctx context.Context, said reminders) {
	k.mu.Lock()
	accounts := slices.Collect(maps.Values(k.inForce.accounts))
	k.mu.Unlock()
	now := time.Now()
	for _, a := range accounts {
		if a.vault == nil {
			continue
		}
		name := string(a.name)
		err := a.vault.Load(ctx)
		level, text := a.vault.Warn(now)
		if err != nil && fault.KindOf(err) == fault.Config {
			level, text = token.Ended, err.Error()
		}
		key := fmt.Sprint(a.vault.Key(), " ", level)
		if said[name] == key {
			continue
		}
		said[name] = key
		if level > token.Fine {
			k.log.LogAttrs(ctx, reminderLevels[level], logAuthorisation, slog.String("source", name), slog.String("warning", text))
		}
	}
}

// reminderLevels say how loud a warning is.
var reminderLevels = map[token.Level]slog.Level{
	token.Month: slog.LevelWarn, token.Week: slog.LevelWarn, token.Day: slog.LevelError, token.Ended: slog.LevelError,
}

// noteRun takes notice of how far a run brought its source, and whether it failed.
func (k *keeper) noteRun(r report) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failing[r.job] = ""
	if r.err != nil && !stopped(r.err) {
		k.failing[r.job] = fault.KindOf(r.err).String()
	}
	if r.Run.Stream == intake.StreamOrders && !r.Watermark.IsZero() {
		k.marks[string(r.account.name)] = r.Watermark
	}
}

// troubled notes a failure that only what is shown suffers from; that the database is away is told by others.
func (k *keeper) troubled(ctx context.Context, what string, err error) {
	if err != nil && !stopped(err) {
		k.log.LogAttrs(ctx, slog.LevelDebug, "what is shown of this daemon may be old", slog.String("at", what), slog.String("error", err.Error()))
	}
}
