package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/schedule"
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

	commandOnline = "ordersyncd check --online"
	commandGrant  = "ordersyncd authorize %s"
	commandDaemon = "systemctl status ordersyncd"
	commandGaps   = "ordersyncd gap list"
)

// The kinds of job.
const (
	kindSync  = "sync"
	kindSweep = "sweep"
	kindTrack = "track"
)

// moving is how recent a long load's last commit must be for it to count as going on.
const moving = 10 * time.Minute

// overview is what `status` knows. Its JSON keys are a contract: they only ever get more.
type overview struct {
	Healthy bool `json:"healthy"`
	// Problem is the first reason why not, in a sentence; NextCommand what to type about it.
	Problem     string         `json:"problem,omitempty"`
	NextCommand string         `json:"next_command,omitempty"`
	At          time.Time      `json:"at"`
	Schema      schemaStatus   `json:"schema"`
	Jobs        []jobStatus    `json:"jobs"`
	Sources     []sourceStatus `json:"sources"`
	Streams     []streamStatus `json:"streams"`
	Leases      []leaseStatus  `json:"leases"`
	// Incidents are those that are open; Channels the ways by which people are told, as far as any was used yet.
	Incidents []incidentStatus `json:"incidents"`
	Channels  []channelStatus  `json:"channels"`
	// Gaps are the spans of which orders are missing for good and that nobody took notice of.
	Gaps []gapStatus `json:"gaps"`
}

type schemaStatus struct {
	Healthy bool   `json:"healthy"`
	Version int64  `json:"version"`
	Problem string `json:"problem,omitempty"`
}

type jobStatus struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Source   string `json:"source"`
	Stream   string `json:"stream"`
	Schedule string `json:"schedule"`
	Healthy  bool   `json:"healthy"`
	Problem  string `json:"problem,omitempty"`

	// Watermark is the point up to which everything is stored; a sweep has none, since it reads the same span again and again.
	// FilteredBy says by which time the shop's filter works: with "created", changes of older orders come with the sweep.
	FilteredBy string     `json:"filtered_by"`
	Watermark  *time.Time `json:"watermark,omitempty"`
	// LoadedBefore is how far a first load has come that goes by the time of creation.
	LoadedBefore *time.Time `json:"loaded_before,omitempty"`
	// BehindSeconds is how far the watermark is behind now, AllowedSeconds how far it may be.
	BehindSeconds  int64 `json:"behind_seconds"`
	AllowedSeconds int64 `json:"allowed_seconds"`

	Running      bool       `json:"running"`
	Holder       string     `json:"holder,omitempty"`
	NextTick     *time.Time `json:"next_tick,omitempty"`
	RepeatAt     *time.Time `json:"repeat_at,omitempty"`
	SkippedTicks int64      `json:"skipped_ticks"`
	LastRun      *runStatus `json:"last_run,omitempty"`
}

type runStatus struct {
	Outcome   string    `json:"outcome"`
	Kind      string    `json:"kind,omitempty"`
	Error     string    `json:"error,omitempty"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	// Runs is more than one where several runs in a row found nothing new.
	Runs        int `json:"runs"`
	Records     int `json:"records"`
	Inserted    int `json:"inserted"`
	Updated     int `json:"updated"`
	Unchanged   int `json:"unchanged"`
	DeadLetters int `json:"dead_letters"`
	Shortfalls  int `json:"shortfalls"`
}

type sourceStatus struct {
	Name        string      `json:"name"`
	Kind        string      `json:"kind"`
	Endpoint    string      `json:"endpoint"`
	RemovedAt   *time.Time  `json:"removed_at,omitempty"`
	DeadLetters int         `json:"dead_letters"`
	Pace        *paceStatus `json:"pace,omitempty"`
	// Paused is set where its jobs do not run because a person said so.
	Paused *pauseStatus `json:"paused,omitempty"`
	// Authorisation is what the shop's owner granted, where that ends by itself.
	Authorisation *authorisationStatus `json:"authorisation,omitempty"`
}

type authorisationStatus struct {
	// Origin says which token is in use: "configuration", "authorised" (the one in the database), or "" for none.
	Origin string `json:"origin"`
	Shop   string `json:"shop,omitempty"`
	// EndsAt is when the authorisation ends for good, left out where nobody said; Renewed says that it is renewed until then.
	EndsAt  *time.Time `json:"ends_at,omitempty"`
	Renewed bool       `json:"renewed"`
	// RefusedAt is since when the shop refuses the token.
	RefusedAt *time.Time `json:"refused_at,omitempty"`
	// Warning says that it ends soon or is over, and what to do.
	Warning string `json:"warning,omitempty"`
	// urgent: it is a reason not to be well; command is what to type about it.
	urgent  bool
	command string
}

type gapStatus struct {
	Number  int64     `json:"number"`
	Source  string    `json:"source"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	FoundAt time.Time `json:"found_at"`
}

type paceStatus struct {
	AheadSeconds int64      `json:"ahead_seconds"`
	UsedToday    int64      `json:"used_today"`
	ParkedUntil  *time.Time `json:"parked_until,omitempty"`
	RefusedAt    *time.Time `json:"refused_at,omitempty"`
}

type streamStatus struct {
	Source    string     `json:"source"`
	Stream    string     `json:"stream"`
	Watermark *time.Time `json:"watermark,omitempty"`
	// Open says that a window was begun and is not complete.
	Open      bool      `json:"open"`
	UpdatedAt time.Time `json:"updated_at"`
}

type leaseStatus struct {
	Source string    `json:"source"`
	Stream string    `json:"stream"`
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// facts are what the database says, all of it by its own clock.
type facts struct {
	now         time.Time
	checkpoints []mysql.CheckpointRow
	leases      []schedule.Lease
	states      map[string]schedule.State
	runs        map[string]mysql.RunRow
	dead        map[order.SourceID]int
	paces       map[string]mysql.PaceRow
	sources     []mysql.SourceRow
	gaps        []mysql.GapRow
	pauses      map[string]mysql.Pause
	resumed     map[order.SourceID]time.Time
	incidents   []alert.Incident
	channels    []mysql.ChannelRow
}

// overview reads everything and judges it. The tables not fitting is a finding; the database being away is an error.
func (w *works) overview(ctx context.Context) (*overview, error) {
	err := w.db.SchemaOK(ctx)
	if fault.KindOf(err) == fault.Config {
		o := &overview{At: time.Now().UTC(), Schema: schemaStatus{Version: mysql.SchemaVersion(), Problem: err.Error()}}
		o.Problem, o.NextCommand = err.Error(), "ordersyncd migrate status"
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := w.gather(ctx)
	if err != nil {
		return nil, err
	}
	o := &overview{
		Healthy: true, At: f.now.UTC(), Schema: schemaStatus{Healthy: true, Version: mysql.SchemaVersion()},
		Jobs: []jobStatus{}, Leases: []leaseStatus{}, Streams: []streamStatus{}, Gaps: []gapStatus{},
		Incidents: []incidentStatus{}, Channels: []channelStatus{},
	}
	o.Sources = w.sourceStatuses(ctx, f)
	for _, s := range o.Sources {
		o.complainOf(s)
	}
	for _, job := range w.cfg.Jobs {
		j, command, err := w.jobStatus(f, job)
		if err != nil {
			return nil, err
		}
		o.Jobs = append(o.Jobs, j)
		if !j.Healthy {
			o.complain(j.Problem, command)
		}
	}
	for _, c := range f.checkpoints {
		o.Streams = append(o.Streams, streamStatus{
			Source: string(c.Source), Stream: c.Stream, Watermark: maybe(c.Watermark), Open: !c.Window.Empty(), UpdatedAt: c.UpdatedAt.UTC(),
		})
	}
	for _, l := range f.leases {
		if l.Until.After(f.now) {
			o.Leases = append(o.Leases, leaseStatus{Source: l.Source, Stream: l.Stream, Holder: l.Holder, Since: l.Since.UTC(), Until: l.Until.UTC()})
		}
	}
	for _, g := range f.gaps {
		o.Gaps = append(o.Gaps, gapStatus{
			Number: g.ID, Source: string(g.Source), Since: g.Window.Since.UTC(), Until: g.Window.Until.UTC(), Reason: g.Reason, FoundAt: g.FoundAt.UTC(),
		})
	}
	if n := len(o.Gaps); n > 0 {
		o.complain(fmt.Sprintf(textGapsOpen, count(n, "span")), commandGaps)
	}
	o.addAlerts(f)
	return o, nil
}

// complainOf notes what is wrong with a source.
func (o *overview) complainOf(s sourceStatus) {
	a := s.Authorisation
	switch {
	case s.Pace != nil && s.Pace.RefusedAt != nil:
		o.complain(fmt.Sprintf(textSourceRefused, s.Name), commandOnline)
	case a != nil && a.RefusedAt != nil:
		o.complain(fmt.Sprintf(textSourceRefused, s.Name), a.command)
	case a != nil && a.urgent:
		o.complain(fmt.Sprintf(textSessionEnds, s.Name, a.Warning), a.command)
	}
}

// complain notes a reason not to be well; the first one is told.
func (o *overview) complain(problem, command string) {
	if o.Healthy {
		o.Healthy, o.Problem, o.NextCommand = false, problem, command
	}
}

func (w *works) gather(ctx context.Context) (f facts, err error) {
	read := func(what string, do func() error) {
		if err == nil {
			if err = do(); err != nil {
				err = fmt.Errorf("read %s: %w", what, err)
			}
		}
	}
	read("the database's clock", func() (err error) { f.now, err = w.db.Now(ctx); return err })
	read("the checkpoints", func() (err error) { f.checkpoints, err = w.db.Checkpoints(ctx); return err })
	read("the leases", func() (err error) { f.leases, err = w.db.LeaseRows(ctx); return err })
	read("the dead letters", func() (err error) { f.dead, err = w.db.CountDeadLetters(ctx); return err })
	read("the sources", func() (err error) { f.sources, err = w.db.Sources(ctx); return err })
	read("the gaps", func() (err error) { f.gaps, err = w.db.Gaps(ctx, false); return err })
	read("the incidents", func() (err error) { f.incidents, err = w.incidents(ctx, false); return err })
	read("the channels", func() (err error) { f.channels, err = w.db.Channels(ctx); return err })
	read("the ends of pauses", func() (err error) { f.resumed, err = w.db.Resumed(ctx); return err })
	read("the pauses", func() error {
		pauses, err := w.db.Pauses(ctx)
		f.pauses = map[string]mysql.Pause{}
		for _, p := range pauses {
			f.pauses[string(p.Source)] = p
		}
		return err
	})
	f.states, f.runs, f.paces = map[string]schedule.State{}, map[string]mysql.RunRow{}, map[string]mysql.PaceRow{}
	read("the jobs", func() error {
		states, err := w.db.States(ctx)
		for _, s := range states {
			f.states[s.Job] = s
		}
		return err
	})
	read("the last runs", func() error {
		runs, err := w.db.LastRuns(ctx)
		for _, r := range runs {
			f.runs[r.Job] = r
		}
		return err
	})
	read("the pace", func() error {
		paces, err := w.db.PaceRows(ctx)
		for _, p := range paces {
			f.paces[p.Credential] = p
		}
		return err
	})
	return f, err
}

// sourceStatuses lists the configured sources in the file's order, then those that the database remembers besides.
func (w *works) sourceStatuses(ctx context.Context, f facts) []sourceStatus {
	list := make([]sourceStatus, 0, len(w.cfg.Sources))
	known := map[string]bool{}
	for _, s := range w.cfg.Sources {
		known[s.Name] = true
		status := sourceStatus{Name: s.Name, Kind: s.Kind, Endpoint: endpoint(s), DeadLetters: f.dead[order.SourceID(s.Name)]}
		status.Paused = pauseStatusOf(f.pauses, s.Name)
		status.Authorisation = w.accounts[s.Name].authorisation(ctx, f)
		if p, ok := f.paces[credentialOf(s)]; ok {
			status.Pace = &paceStatus{AheadSeconds: int64(p.Ahead / time.Second), UsedToday: p.Used, RefusedAt: maybe(p.RefusedAt)}
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
			list = append(list, sourceStatus{Name: name, Kind: s.Kind, Endpoint: s.Endpoint, RemovedAt: maybe(removed), DeadLetters: f.dead[s.Name]})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.dead)) {
		if name := string(id); !known[name] {
			list = append(list, sourceStatus{Name: name, RemovedAt: maybe(f.now), DeadLetters: f.dead[id]})
		}
	}
	return list
}

// authorisation is what is known of a shop's token, nil where the credential does not end.
func (a *account) authorisation(ctx context.Context, f facts) *authorisationStatus {
	if a.vault == nil {
		return nil
	}
	err := a.vault.Load(ctx)
	state := a.vault.State()
	s := &authorisationStatus{Origin: state.Origin, Shop: state.Nick, EndsAt: maybe(a.vault.Ends()), Renewed: state.Renewable}
	if key := a.vault.Key(); key != "" {
		s.RefusedAt = maybe(f.paces[key].RefusedAt)
	}
	level, text := a.vault.Warn(f.now)
	s.Warning, s.urgent, s.command = text, level >= token.Day, commandOnline
	if a.vault.CanGrant() == nil {
		s.command = fmt.Sprintf(commandGrant, a.name)
	}
	switch {
	case err != nil: // what is stored does not open
		s.Warning, s.urgent, s.command = err.Error(), true, commandOnline
	case state.Origin == "":
		s.Warning, s.urgent = fmt.Sprintf(textUnauthorised, a.name), true
	}
	return s
}

// jobStatus puts together what is known of a job and judges it; command is what to type where it is not well.
func (w *works) jobStatus(f facts, job *config.Job) (j jobStatus, command string, err error) {
	e, err := w.errandOf(job.Name)
	if err != nil {
		return j, "", err
	}
	s, err := schedule.Parse(job.Schedule, w.cfg.Zone())
	if err != nil {
		return j, "", fmt.Errorf("jobs.%s.schedule: %w", job.Name, err)
	}
	allowed := alert.Allowed(schedule.Interval(s, f.now), e.account.shop.Orders.Limits.Settle)
	j = jobStatus{
		Name: job.Name, Kind: kindSync, Source: job.Source(), Stream: e.stream, Schedule: job.Schedule,
		FilteredBy: e.account.by, AllowedSeconds: int64(allowed / time.Second), NextTick: maybe(s.Next(f.now)),
	}
	switch {
	case job.Sweep != "":
		j.Kind = kindSweep
	case job.Track != "":
		j.Kind = kindTrack
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
		j.LastRun = &runStatus{
			Outcome: r.Outcome, Kind: r.Kind, Error: r.Error, StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Runs: max(r.Runs, 1),
			Records: r.Records, Inserted: r.Inserted, Updated: r.Updated, Unchanged: r.Unchanged, DeadLetters: r.Dead, Shortfalls: r.Shortfall,
		}
	}
	step := j.reached(f)
	if _, paused := f.pauses[j.Source]; paused {
		j.Healthy = true
		return j, "", nil
	}
	j.Problem, command = j.judge(f.now, allowed, j.Running && f.now.Sub(step) < moving)
	j.Healthy = j.Problem == ""
	return j, command, nil
}

// reached notes how far the job's streams have come, and returns when the last step was made.
func (j *jobStatus) reached(f facts) (step time.Time) {
	for _, c := range f.checkpoints {
		switch {
		case string(c.Source) != j.Source:
			continue
		case c.Stream == j.Stream && j.Kind == kindSync && !c.Watermark.IsZero():
			j.Watermark = maybe(c.Watermark)
			j.BehindSeconds = int64(f.now.Sub(c.Watermark) / time.Second)
		case j.Kind == kindSync && intake.IsHistory(c.Stream):
			j.LoadedBefore = maybe(c.Watermark)
		case c.Stream != j.Stream && !(j.Kind == kindSweep && c.Stream == intake.StreamRefunds):
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
func (j *jobStatus) judge(now time.Time, allowed time.Duration, goesOn bool) (problem, command string) {
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
	case j.Kind == kindSync && j.Watermark != nil && now.Sub(*j.Watermark) > allowed:
		return fmt.Sprintf(textJobBehind, j.Name, span(now.Sub(*j.Watermark)), span(allowed)), commandDaemon
	case now.Sub(j.LastRun.EndedAt) > allowed && !j.Running:
		return fmt.Sprintf(textJobOld, j.Name, span(now.Sub(j.LastRun.EndedAt)), span(allowed)), commandDaemon
	}
	return "", ""
}

// maybe is a time for JSON, left out where it is zero.
func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
