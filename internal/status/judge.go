package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
	"ordersync/internal/figures"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/token"
)

const (
	textUnauthorised  = "the owner of the shop has not authorised the app yet; type 'ordersyncd authorize %s'"
	textJobNever      = "%s never ran; is the daemon running?"
	textJobFailed     = "the last run of %s failed: %s"
	textJobBehind     = "the orders of %s are stored up to %s ago, and its schedule allows for %s"
	textJobOld        = "the last run of %s ended %s ago, and its schedule allows for %s; is the daemon running?"
	textSourceRefused = "%s refuses its credential"
	textSessionEnds   = "%s: %s"
	textGapsOpen      = "orders of %s of time are missing for good"
	textIncidentOpen  = "incident %s is open for %s: %s of %s"
	textChannelFails  = "alerts do not get through by %s: %s"

	commandOnline    = "ordersyncd check --online"
	commandGrant     = "ordersyncd authorize %s"
	commandDaemon    = "systemctl status ordersyncd"
	commandGaps      = "ordersyncd gap list"
	commandMigrate   = "ordersyncd migrate status"
	commandIncident  = "ordersyncd incident show %s"
	commandTestAlert = "ordersyncd check --send-test-alert"
)

const (
	// moving is how recent a long load's last commit must be for it to count as going on.
	moving = 10 * time.Minute
	// channelFailures is how often a notice must have failed to get through for its channel to count as failing.
	channelFailures = 2
	// channelPatience is how long one may have waited that failed to get through at all.
	channelPatience = 2 * time.Minute
)

// Overview reads everything and judges it. The tables not fitting is a finding; the database being away is an error.
func (v *View) Overview(ctx context.Context) (*Overview, error) {
	err := v.DB.SchemaOK(ctx)
	if fault.KindOf(err) == fault.Config {
		o := &Overview{At: time.Now().UTC(), Schema: Schema{Version: mysql.SchemaVersion(), Problem: err.Error()}}
		o.Problem, o.NextCommand = err.Error(), commandMigrate
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := v.gather(ctx)
	if err != nil {
		return nil, err
	}
	o := &Overview{
		Healthy: true, At: f.now.UTC(), Schema: Schema{Healthy: true, Version: mysql.SchemaVersion()},
		Jobs: []JobStatus{}, Leases: []Lease{}, Streams: []Stream{}, Gaps: []Gap{}, Incidents: []Incident{}, Channels: []Channel{},
	}
	o.Sources = v.sourceStatuses(ctx, f)
	for _, s := range o.Sources {
		o.complainOf(s)
	}
	for _, job := range v.Jobs {
		j, command := job.status(f)
		o.Jobs = append(o.Jobs, j)
		if !j.Healthy {
			o.complain(j.Problem, command)
		}
	}
	o.addRows(f)
	return o, v.addAlerts(ctx, f.now, o)
}

// addRows notes what is listed as it stands in the tables.
func (o *Overview) addRows(f facts) {
	for _, c := range f.checkpoints {
		o.Streams = append(o.Streams, Stream{
			Source: string(c.Source), Stream: c.Stream, Watermark: maybe(c.Watermark), Open: !c.Window.Empty(), UpdatedAt: c.UpdatedAt.UTC(),
		})
	}
	for _, l := range f.leases {
		if l.Until.After(f.now) {
			o.Leases = append(o.Leases, Lease{Source: l.Source, Stream: l.Stream, Holder: l.Holder, Since: l.Since.UTC(), Until: l.Until.UTC()})
		}
	}
	for _, g := range f.gaps {
		o.Gaps = append(o.Gaps, Gap{
			Number: g.ID, Source: string(g.Source), Since: g.Window.Since.UTC(), Until: g.Window.Until.UTC(), Reason: g.Reason, FoundAt: g.FoundAt.UTC(),
		})
	}
	if n := len(o.Gaps); n > 0 {
		o.complain(fmt.Sprintf(textGapsOpen, figures.Count(n, "span")), commandGaps)
	}
}

// complainOf notes what is wrong with a source.
func (o *Overview) complainOf(s SourceStatus) {
	a := s.Authorisation
	switch {
	case s.Pace != nil && s.Pace.RefusedAt != nil:
		o.complain(fmt.Sprintf(textSourceRefused, s.Name), commandOnline)
	case a != nil && a.RefusedAt != nil:
		o.complain(fmt.Sprintf(textSourceRefused, s.Name), a.Command)
	case a != nil && a.Urgent:
		o.complain(fmt.Sprintf(textSessionEnds, s.Name, a.Warning), a.Command)
	}
}

// complain notes a reason not to be well; the first one is told.
func (o *Overview) complain(problem, command string) {
	if o.Healthy {
		o.Healthy, o.Problem, o.NextCommand = false, problem, command
	}
}

// addAlerts notes the open incidents and the channels that fail, which are reasons not to be well.
func (v *View) addAlerts(ctx context.Context, now time.Time, o *Overview) (err error) {
	var incidents []alert.Incident
	var channels []mysql.ChannelRow
	read := reading(&err)
	read("the incidents", func() (err error) { incidents, err = v.Incidents(ctx, false); return err })
	read("the channels", func() (err error) { channels, err = v.DB.Channels(ctx); return err })
	for _, i := range incidents {
		if i.Phase != alert.Open {
			continue
		}
		s := Incident{
			ID: i.ID, Class: string(i.Class), Scope: string(i.Scope), Source: i.Source, Since: i.Since.UTC(), OpenedAt: i.OpenedAt.UTC(),
			Failures: Failures(i), Kind: i.Kind, Error: i.Error, Host: i.Host,
		}
		if i.MutedUntil.After(now) {
			s.MutedUntil = maybe(i.MutedUntil)
		}
		o.Incidents = append(o.Incidents, s)
		if presses(i, now) {
			o.complain(openText(i, now), fmt.Sprintf(commandIncident, i.ID))
		}
	}
	for _, c := range channels {
		s := Channel{
			Name: c.Name, Healthy: !channelFails(c, now), Waiting: c.Waiting, OldestAt: maybe(c.Oldest), Attempts: c.Attempts,
			Error: c.Error, SentAt: maybe(c.SentAt),
		}
		o.Channels = append(o.Channels, s)
		if !s.Healthy {
			o.complain(fmt.Sprintf(textChannelFails, c.Name, c.Error), commandTestAlert)
		}
	}
	return err
}

// presses reports whether an open incident is a reason not to be well: somebody knows of a muted one, and what only waits to be looked at
// by day, or ends some day soon, is none.
func presses(i alert.Incident, now time.Time) bool {
	switch {
	case i.MutedUntil.After(now), i.Class == alert.DeadLetter, i.Class == alert.Shortfall:
		return false
	case i.Class == alert.Credential:
		return i.Facts.Ends.Sub(now) <= 24*time.Hour
	}
	return true
}

// openText says of an incident, of whatever class, that it is open.
func openText(i alert.Incident, now time.Time) string {
	return fmt.Sprintf(textIncidentOpen, i.ID, figures.Span(now.Sub(i.Since)), i.Class, Subject(i))
}

// Failures is how many runs failed; zero of an incident that is not about runs.
func Failures(i alert.Incident) int {
	if len(i.Jobs) == 0 && i.RunID == "" {
		return 0
	}
	return i.Failures
}

// channelFails reports whether notices do not get through: those that merely wait for their turn do.
func channelFails(c mysql.ChannelRow, now time.Time) bool {
	return c.Waiting > 0 && (c.Attempts >= channelFailures || c.Attempts > 0 && now.Sub(c.Oldest) > channelPatience)
}

// Incidents are those of the database that are not over, and those that concern this machine alone; with all also those that are over.
func (v *View) Incidents(ctx context.Context, all bool) ([]alert.Incident, error) {
	shared, err := v.DB.Incidents(ctx, all)
	return append(v.OwnIncidents(all), shared...), err
}

// OwnIncidents are those that concern this machine alone, for which the database need not be there.
func (v *View) OwnIncidents(all bool) []alert.Incident {
	if v.Own == nil {
		return nil
	}
	return slices.DeleteFunc(v.Own(), func(i alert.Incident) bool { return i.Phase == alert.Recovered && !all })
}

// Subject is what an incident is about, in a word or two.
func Subject(i alert.Incident) string {
	sort, name := i.Scope.Split()
	switch {
	case i.Scope == alert.All:
		return "all sources"
	case sort == "source":
		return name
	}
	return sort + " " + name
}

// sourceStatuses lists the configured sources in the file's order, then those that the database remembers besides.
func (v *View) sourceStatuses(ctx context.Context, f facts) []SourceStatus {
	list := make([]SourceStatus, 0, len(v.Sources))
	known := map[string]bool{}
	for _, s := range v.Sources {
		known[s.Name] = true
		status := SourceStatus{Name: s.Name, Kind: s.Kind, Endpoint: s.Endpoint, DeadLetters: f.dead[order.SourceID(s.Name)]}
		if pause, ok := f.pauses[s.Name]; ok {
			status.Paused = &Pause{Since: pause.Since.UTC(), Until: maybe(pause.Until), By: pause.By}
		}
		status.Authorisation = s.authorisation(ctx, f)
		if p, ok := f.paces[s.Credential]; ok {
			status.Pace = &Pace{AheadSeconds: int64(p.Ahead / time.Second), UsedToday: p.Used, RefusedAt: maybe(p.RefusedAt)}
			if p.ParkedUntil.After(f.now) {
				status.Pace.ParkedUntil = maybe(p.ParkedUntil)
			}
		}
		list = append(list, status)
	}
	for _, s := range f.sources {
		if name := string(s.Name); !known[name] {
			known[name] = true
			removed := cmp.Or(s.RemovedAt, f.now)
			list = append(list, SourceStatus{Name: name, Kind: s.Kind, Endpoint: s.Endpoint, RemovedAt: maybe(removed), DeadLetters: f.dead[s.Name]})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.dead)) {
		if name := string(id); !known[name] {
			list = append(list, SourceStatus{Name: name, RemovedAt: maybe(f.now), DeadLetters: f.dead[id]})
		}
	}
	return list
}

// authorisation is what is known of a shop's token, nil where the credential does not end.
func (s Source) authorisation(ctx context.Context, f facts) *Authorisation {
	if s.Vault == nil {
		return nil
	}
	err := s.Vault.Load(ctx)
	state := s.Vault.State()
	a := &Authorisation{Origin: state.Origin, Shop: state.Nick, EndsAt: maybe(s.Vault.Ends()), Renewed: state.Renewable}
	if key := s.Vault.Key(); key != "" {
		a.RefusedAt = maybe(f.paces[key].RefusedAt)
	}
	level, text := s.Vault.Warn(f.now)
	a.Warning, a.Urgent, a.Command = text, level >= token.Day, commandOnline
	if s.Grants {
		a.Command = fmt.Sprintf(commandGrant, s.Name)
	}
	switch {
	case err != nil: // what is stored does not open
		a.Warning, a.Urgent, a.Command = err.Error(), true, commandOnline
	case state.Origin == "":
		a.Warning, a.Urgent = fmt.Sprintf(textUnauthorised, s.Name), true
	}
	return a
}

// status puts together what is known of a job and judges it; command is what to type where it is not well.
func (job Job) status(f facts) (j JobStatus, command string) {
	allowed := job.allowed(f.now)
	j = JobStatus{
		Name: job.Name, Kind: job.Kind, Source: job.Source, Stream: job.Stream, Schedule: job.Schedule.String(),
		FilteredBy: job.FilteredBy, AllowedSeconds: int64(allowed / time.Second), NextTick: maybe(job.Schedule.Next(f.now)),
	}
	if state, ok := f.states[job.Name]; ok {
		j.Running = state.Holder != "" && state.HeldUntil.After(f.now)
		j.RepeatAt, j.SkippedTicks = maybe(state.RepeatAt), state.Skipped
	}
	for _, l := range f.leases {
		if l.Source == j.Source && l.Stream == j.Stream && l.Until.After(f.now) {
			j.Running, j.Holder = true, l.Holder
		}
	}
	if r, ok := f.runs[job.Name]; ok {
		j.LastRun = &Run{
			Outcome: r.Outcome, Kind: r.Kind, Error: r.Error, StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Runs: max(r.Runs, 1),
			Records: r.Records, Inserted: r.Inserted, Updated: r.Updated, Unchanged: r.Unchanged, DeadLetters: r.Dead, Shortfalls: r.Shortfall,
		}
	}
	step := j.reached(f)
	if _, paused := f.pauses[j.Source]; !paused {
		j.Problem, command = j.judge(f.now, allowed, j.Running && f.now.Sub(step) < moving)
	}
	j.Healthy = j.Problem == ""
	return j, command
}

// reached notes how far the job's streams have come, and returns when the last step was made.
func (j *JobStatus) reached(f facts) (step time.Time) {
	for _, c := range f.checkpoints {
		switch {
		case string(c.Source) != j.Source:
			continue
		case c.Stream == j.Stream && j.Kind == alert.SyncJob && !c.Watermark.IsZero():
			j.Watermark = maybe(c.Watermark)
			j.BehindSeconds = int64(f.now.Sub(c.Watermark) / time.Second)
		case j.Kind == alert.SyncJob && intake.IsHistory(c.Stream):
			j.LoadedBefore = maybe(c.Watermark)
		case c.Stream != j.Stream && !(j.Kind == alert.SweepJob && c.Stream == intake.StreamRefunds):
			continue
		}
		if c.UpdatedAt.After(step) {
			step = c.UpdatedAt
		}
	}
	if j.Watermark != nil {
		j.LoadedBefore = nil // the load is over
	}
	return step
}

// judge says what is wrong with a job, "" when nothing is. goesOn: a run is under way and gets somewhere.
func (j *JobStatus) judge(now time.Time, allowed time.Duration, goesOn bool) (problem, command string) {
	again := "ordersyncd sync " + j.Name
	switch {
	case goesOn:
		return "", ""
	case j.LastRun == nil && j.Running:
		return "", ""
	case j.LastRun == nil:
		return fmt.Sprintf(textJobNever, j.Name), commandDaemon
	case j.LastRun.Outcome == mysql.OutcomeFailed && !j.Running:
		if kind := j.LastRun.Kind; kind == fault.Auth.String() || kind == fault.Protocol.String() || kind == fault.Database.String() {
			again = commandOnline
		}
		return fmt.Sprintf(textJobFailed, j.Name, strings.TrimSuffix(j.LastRun.Error, ".")), again
	case j.Kind == alert.SyncJob && j.Watermark != nil && now.Sub(*j.Watermark) > allowed:
		return fmt.Sprintf(textJobBehind, j.Name, figures.Span(now.Sub(*j.Watermark)), figures.Span(allowed)), commandDaemon
	case now.Sub(j.LastRun.EndedAt) > allowed && !j.Running:
		return fmt.Sprintf(textJobOld, j.Name, figures.Span(now.Sub(j.LastRun.EndedAt)), figures.Span(allowed)), commandDaemon
	}
	return "", ""
}
