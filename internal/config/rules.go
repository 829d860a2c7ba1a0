package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"ordersync/internal/config/document"
	"ordersync/internal/config/value"
	"ordersync/internal/config/words"
)

type path = document.Path

// rules check several values at once. They never repeat what has been reported already.
type rules struct {
	*document.Report
}

// check applies all rules.
func (r rules) check(c *Config, o Options) {
	r.database(&c.Database)
	r.encryption(&c.Encryption)
	for _, s := range c.Sources {
		if s.Taobao != nil {
			r.taobao(c, s, o.Now())
			continue
		}
		at := path{"sources", s.Name}
		r.address(s.Rest.BaseURL, s.Rest.AllowHTTP, at.With("base_url"), "https://api.example.com")
		r.auth(&s.Rest.Auth, at.With("auth"))
		if r.Bad(at.With("preset")) {
			continue // what it would have brought is not known
		}
		r.request(s.Rest, at)
		r.window(s.Rest, at)
		r.page(&s.Rest.Page, at.With("page"))
		r.mapping(s.Rest, at)
		r.resweep(s.Rest, at.With("resweep"))
		r.filtered(c, s, at)
	}
	r.shared(c)
	r.apps(c)
	for _, j := range c.Jobs {
		r.job(c, j, o)
	}
	r.unused(c)
	r.alerts(c, o)
	r.pings(c)
}

func (r rules) database(db *Database) {
	at := path{"database"}
	if r.Bad(at) {
		return
	}
	dsn := r.Node(at.With("dsn")) != nil
	for _, key := range []string{"address", "name", "user", "password", "tls"} {
		if dsn && r.Node(at.With(key)) != nil {
			r.Check(true, at.With("dsn"), "dsn-and", key)
			return
		}
	}
	if dsn {
		r.Check(db.DSN.IsZero(), at.With("dsn"), "no-value", "dsn")
		return
	}
	if r.Node(at) == nil {
		r.Check(true, at, "database-missing")
		return
	}
	for _, needed := range [][2]string{{"address", db.Address}, {"name", db.Name}, {"user", db.User}} {
		r.Check(needed[1] == "", at.With(needed[0]), "missing", needed[0], "database")
	}
	socket := strings.HasPrefix(db.Address, "/")
	r.Check(db.Address != "" && !socket && !hostPort.MatchString(db.Address), at.With("address"), "database-address")
	r.Check(socket && db.TLS != nil, at.With("tls"), "tls-socket")
}

// hostPort is host:port, the host also as an IPv6 address in brackets.
var hostPort = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$`)

func (r rules) encryption(e *Encryption) {
	at := path{"encryption"}
	key := at.With("key")
	r.Check(r.Node(key) != nil && e.Key.IsZero(), key, "no-value", "key")
	r.Check(r.Node(at) != nil && r.Node(key) == nil, key, "missing", "key", "encryption")
}

// address checks an address that we call. Its text is never quoted by a message: some people write passwords into it.
func (r rules) address(text string, allowHTTP bool, at path, example string) {
	if text == "" || r.Spoilt(at) {
		return
	}
	key := at[len(at)-1]
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.Mistake(at, "address", key, example)
	case u.User != nil && key == "base_url":
		r.Mistake(at, "base-url-user")
	case u.User != nil:
		r.Mistake(at, "address-user", key)
	case (u.RawQuery != "" || u.Fragment != "") && key == "base_url":
		r.Mistake(at, "base-url-query")
	case u.RawQuery != "" || u.Fragment != "":
		r.Mistake(at, "address-query", key)
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		r.Mistake(at, "address-http", key)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// forms are the keys of the forms of authentication that are set.
func (a *Auth) forms() []string {
	var forms []string
	for _, form := range []struct {
		name string
		set  bool
	}{
		{name: "none", set: a.None != nil}, {name: "bearer", set: !a.Bearer.IsZero()}, {name: "header", set: a.Header != nil},
		{name: "basic", set: a.Basic != nil}, {name: "query", set: len(a.Query) > 0}, {name: "oauth2", set: a.OAuth2 != nil},
	} {
		if form.set {
			forms = append(forms, form.name)
		}
	}
	return forms
}

// Form is the form of authentication: none, bearer, header, basic, query or oauth2.
func (a *Auth) Form() string {
	if forms := a.forms(); len(forms) == 1 {
		return forms[0]
	}
	return ""
}

// headerName is what a header may be called.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (r rules) auth(a *Auth, at path) {
	forms := a.forms()
	r.Check(r.Node(at) == nil, at, "auth-missing", at[1])
	r.Check(len(forms) == 0, at, "auth-empty")
	r.Check(len(forms) > 1, at, "auth-several", strings.Join(forms, ", "))
	begins := strings.ToLower(a.Bearer.Reveal())
	r.Check(strings.HasPrefix(begins, "bearer "), at.With("bearer"), "bearer-twice")
	r.Check(!headerValue(a.Bearer.Reveal()), at.With("bearer"), "secret-letters", "bearer")
	if a.Header != nil {
		r.Check(a.Header.Name != "" && !headerName.MatchString(a.Header.Name), at.With("header", "name"), "header-name")
		r.Check(!headerValue(a.Header.Value.Reveal()), at.With("header", "value"), "secret-letters", "value")
	}
	if a.OAuth2 != nil {
		u, err := url.Parse(a.OAuth2.TokenURL)
		here := at.With("oauth2", "token_url")
		bad := err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))
		r.Check(a.OAuth2.TokenURL != "" && bad, here, "token-url")
		r.Check(!headerName.MatchString(a.OAuth2.Header), at.With("oauth2", "header"), "header-name")
	}
}

// headerValue reports whether a text can be sent in a header as it is.
func headerValue(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// statusTemplate stands in a parameter for the status filter.
const statusTemplate = "{filter_status}"

// template finds what looks like the place of a value in a parameter.
var template = regexp.MustCompile(`\{[a-z_]+\}`)

func (r rules) request(rest *Rest, at path) {
	q, here := rest.Request, at.With("request")
	r.Check(q.Path != "" && len(q.Paths) > 0, here.With("path"), "path-and-paths")
	r.Check(q.Path == "" && len(q.Paths) == 0, here.With("path"), "missing", "path", here.String())
	r.Check(q.Path != "" && !listPath(q.Path), here.With("path"), "path")
	r.Check(slices.ContainsFunc(q.Paths, func(p string) bool { return !listPath(p) }), here.With("paths"), "path")
	sent := false
	for name, text := range q.Query {
		sent = sent || strings.Contains(text, statusTemplate)
		_, secret := rest.Auth.Query[name]
		r.Check(secret, at.With("auth", "query", name), "parameter-twice", name)
		for _, t := range template.FindAllString(text, -1) {
			r.Check(t != statusTemplate, here.With("query", name), "template", t)
		}
	}
	r.Check(rest.FilterStatus != "" && !sent, at.With("filter_status"), "filter-unsent")
}

func listPath(p string) bool { return strings.HasPrefix(p, "/") && !strings.ContainsAny(p, "?#") }

func (r rules) window(rest *Rest, at path) {
	w, here := rest.Window, at.With("window")
	if w.By == "none" {
		for _, bound := range []string{"since", "until"} {
			r.Check(r.Own(here.With(bound)), here.With(bound), "window-none", bound)
		}
	} else {
		r.Check(w.Since.Name == "", here.With("since"), "missing", "since", here.String())
	}
	day := 24 * time.Hour
	step := w.Resolution.Std()
	r.Check(step > day || step > 0 && day%step != 0, here.With("resolution"), "resolution")
	for _, layout := range [][2]string{{"layout", w.Layout}, {"since", w.Since.Layout}, {"until", w.Until.Layout}} {
		r.Check(!value.UsableLayout(layout[1]), here.With(layout[0]), "layout")
		r.Check(value.DayLayout(layout[1]) && step != day, here.With("resolution"), "resolution-day")
	}
	for _, s := range rest.suggestions() {
		source, inner := at.With(s.name), here.With(s.name)
		switch {
		case r.Own(source) && r.Own(inner):
			r.Check(true, source, "twice", s.name, at.String(), here.String())
		case r.Node(source) == nil && r.Node(inner) != nil:
			*s.source = s.window
		}
	}
	slice := at.With("slice")
	if r.Node(slice) == nil && r.Node(here.With("slice")) == nil {
		rest.Slice = max(rest.Slice, w.Resolution)
	}
	r.Check(rest.Slice < w.Resolution, slice, "slice", w.Resolution.String())
}

func (r rules) page(p *Page, at path) {
	if r.Bad(at.With("kind")) {
		return
	}
	switch p.Kind {
	case "page":
		r.Check(p.Number.Name == "", at.With("number"), "missing", "number", at.String())
		r.Check(r.Own(at.With("offset")), at.With("offset"), "page-unused", "offset", "page")
	case "offset":
		r.Check(p.Offset.Name == "", at.With("offset"), "missing", "offset", at.String())
		r.Check(r.Own(at.With("number")), at.With("number"), "page-unused", "number", "offset")
	case "none":
		r.Check(r.Own(at.With("number")), at.With("number"), "page-unused", "number", "none")
		r.Check(r.Own(at.With("offset")), at.With("offset"), "page-unused", "offset", "none")
	}
}

// mapping checks that an order can be told from another, and that its version can be read.
func (r rules) mapping(rest *Rest, at path) {
	m, here := rest.Map, at.With("map")
	r.Check(len(m.ID.Path) == 0, here.With("id"), "map-missing", "id", "Orders are stored by it.")
	modified := rest.Window.By == "modified" && len(m.UpdatedAt.Path) == 0
	r.Check(modified, here.With("updated_at"), "map-missing", "updated_at", "The filter looks at it, and newer versions are told by it.")
	created := rest.Window.By == "created" && len(m.CreatedAt.Path) == 0
	r.Check(created, here.With("created_at"), "map-missing", "created_at", "The filter looks at it.")
	none := rest.Window.By == "none" && len(m.UpdatedAt.Path) == 0 && len(m.CreatedAt.Path) == 0
	r.Check(none, here.With("updated_at"), "map-missing", "updated_at", "Newer versions are told by it.")
	known := map[string]string{}
	for word := range m.Status.Map {
		first, twice := known[words.Fold(word)]
		differ := twice && m.Status.Map[first] != m.Status.Map[word]
		first, word = min(first, word), max(first, word)
		r.Check(differ, here.With("status", "map", word), "word-twice", first, word)
		known[words.Fold(word)] = word
	}
}

// resweep checks the parameters of a filter by creation time, and fills in its step.
func (r rules) resweep(rest *Rest, at path) {
	w := rest.Resweep
	if w == nil {
		return
	}
	r.Check((w.Since.Name == "") != (w.Until.Name == ""), at, "resweep-half")
	for _, layout := range [][2]string{{"since", w.Since.Layout}, {"until", w.Until.Layout}} {
		r.Check(!value.UsableLayout(layout[1]), at.With(layout[0]), "layout")
	}
	day := Duration(24 * time.Hour)
	days := w.Since.Layout != "" && value.DayLayout(w.Since.Layout) || w.Since.Layout == "" && value.DayLayout(rest.Window.Layout)
	if w.Resolution == 0 && days {
		w.Resolution = day
	} else if w.Resolution == 0 {
		w.Resolution = rest.Window.Resolution
	}
	r.Check(w.Resolution > day || w.Resolution > 0 && day%w.Resolution != 0, at.With("resolution"), "resolution")
	r.Check(days && w.Resolution != day, at.With("resolution"), "resolution-day")
}

// statusParameter finds parameters that filter by status; wide are the values that let every order through.
var (
	statusParameter = regexp.MustCompile(`(?i)(?:^|[_\-\[])(?:status|state)(?:$|[_\-\]])`)
	wide            = []string{"", "any", "all", "*", statusTemplate}
)

// filtered warns of what a sync job of this source would never see.
func (r rules) filtered(c *Config, s *Source, at path) {
	synced := slices.ContainsFunc(c.Jobs, func(j *Job) bool { return j.Sync == s.Name })
	if !synced {
		return
	}
	if s.Rest.FilterStatus != "" && !slices.Contains(wide, strings.ToLower(s.Rest.FilterStatus)) {
		r.Warning(at.With("filter_status"), "filtered", "filter_status", s.Name)
	}
	for name, text := range s.Rest.Request.Query {
		if statusParameter.MatchString(name) && !slices.Contains(wide, strings.ToLower(text)) {
			r.Warning(at.With("request", "query", name), "filtered", name, s.Name)
		}
	}
	swept := slices.ContainsFunc(c.Jobs, func(j *Job) bool { return j.Sweep == s.Name })
	if s.Rest.Window.By == "created" && !swept {
		r.Warning(at, "created-only", s.Name)
	}
}

// shared checks what two sources have in common.
func (r rules) shared(c *Config) {
	first := map[string][]*Source{}
	for _, s := range c.Sources {
		at := path{"sources", s.Name}
		if s.Rest == nil || r.Spoilt(at.With("auth")) || r.Spoilt(at.With("base_url")) {
			continue
		}
		id := s.Rest.Credential()
		for i, other := range first[id] {
			r.Check(i == 0 && s.Rest.Rate != other.Rest.Rate, at.With("rate"), "rates", s.Name, other.Name, "credential")
			r.Check(sameShop(s.Rest, other.Rest), at, "same-shop", s.Name, other.Name)
		}
		first[id] = append(first[id], s)
	}
}

// sameShop reports whether two sources read the same orders.
func sameShop(a, b *Rest) bool {
	query := func(r *Rest) string {
		var all []string
		for name, text := range r.Request.Query {
			all = append(all, name+"="+text)
		}
		slices.Sort(all)
		return strings.Join(all, "&")
	}
	return a.BaseURL != "" && strings.TrimRight(a.BaseURL, "/") == strings.TrimRight(b.BaseURL, "/") && a.FilterStatus == b.FilterStatus &&
		a.Request.Path == b.Request.Path && slices.Equal(a.Request.Paths, b.Request.Paths) && query(a) == query(b)
}

func (r rules) job(c *Config, j *Job, o Options) {
	at := path{"jobs", j.Name}
	if r.Bad(at) {
		return
	}
	if slices.ContainsFunc(laterJobs, func(kind string) bool { return r.Bad(at.With(kind)) }) {
		return // a kind of job that this version does not know: nothing else can be said of it
	}
	tasks := j.tasks()
	r.Check(len(tasks) == 0, at, "job-kind", j.Name)
	r.Check(len(tasks) > 1, at, "job-kinds", j.Name, "to "+strings.Join(tasks, " and to "))
	r.jobSource(c, j, at)
	if len(tasks) == 1 {
		r.task(c, j, at)
	}
	r.schedule(j.Schedule, at.With("schedule"), c, o)
}

func (r rules) schedule(line string, at path, c *Config, o Options) {
	if o.CheckSchedule == nil || line == "" || r.Spoilt(at) {
		return
	}
	if err := o.CheckSchedule(line, c.zone); err != nil {
		r.Mistake(at, "schedule", strings.TrimRight(err.Error(), "."))
	}
}

// task checks a job that does one thing.
func (r rules) task(c *Config, j *Job, at path) {
	start, back := at.With("start"), at.With("back")
	switch {
	case j.Sync != "":
		r.Check(j.Start.IsZero(), start, "start-missing", j.Name)
		r.Check(r.Node(back) != nil, back, "back-sync")
	case j.Sweep != "":
		r.Check(r.Node(start) != nil, start, "start-sweep")
		r.sweep(c, j, at)
	default:
		r.Check(r.Node(start) != nil, start, "track-when", "start")
		r.Check(r.Node(back) != nil, back, "track-when", "back")
		s := c.Source(j.Track)
		r.Check(s != nil && s.Taobao == nil, at.With("track"), "track-kind", j.Track)
	}
}

// tasks are what a job is to do: one thing, if the operator made no mistake.
func (j *Job) tasks() []string {
	var tasks []string
	for _, task := range [][2]string{{"sync", j.Sync}, {"sweep", j.Sweep}, {"track", j.Track}} {
		if task[1] != "" {
			tasks = append(tasks, task[0])
		}
	}
	return tasks
}

// laterJobs are the kinds of job that a later version takes.
var laterJobs = []string{"verify", "report", "list", "stock"}

// jobSource checks that the source of a job exists.
func (r rules) jobSource(c *Config, j *Job, at path) {
	if len(c.Sources) == 0 {
		return // that is reported already
	}
	for _, wanted := range [][2]string{{"sync", j.Sync}, {"sweep", j.Sweep}, {"track", j.Track}} {
		key, name := wanted[0], wanted[1]
		if name == "" || c.Source(name) != nil || r.Node(path{"sources", name}) != nil {
			continue
		}
		var names []string
		for _, s := range c.Sources {
			names = append(names, s.Name)
		}
		if guess := words.Nearest(name, names); guess != "" {
			r.Check(true, at.With(key), "source-misspelt", name, guess)
		} else {
			r.Check(true, at.With(key), "source-missing", name, strings.Join(names, ", "))
		}
	}
}

// sweep fills in how far a sweep reads back, and checks that its source can be read by creation time.
func (r rules) sweep(c *Config, j *Job, at path) {
	s := c.Source(j.Sweep)
	if s != nil && s.Taobao != nil {
		r.Check(j.Back <= 0, at.With("back"), "back-missing", j.Name)
		r.Check(j.Back.Std() > taobaoReach, at.With("back"), "back-reach")
		return
	}
	if s == nil || r.Bad(path{"sources", s.Name, "preset"}) || r.Spoilt(path{"sources", s.Name, "window"}) || r.Spoilt(path{"sources", s.Name, "resweep"}) {
		return
	}
	rest := s.Rest
	if r.Node(at.With("back")) == nil && rest.Resweep != nil {
		j.Back = rest.Resweep.Back
	}
	r.Check(j.Back <= 0, at.With("back"), "back-missing", j.Name)
	created := rest.Window.By == "created" || rest.Resweep != nil && rest.Resweep.Since.Name != ""
	r.Check(rest.Window.By == "none", at.With("sweep"), "sweep-none", s.Name)
	r.Check(rest.Window.By == "modified" && !created, at.With("sweep"), "sweep-modified", s.Name)
}

// unused warns of sources that nothing reads, and refuses two jobs that begin one sync on different days.
func (r rules) unused(c *Config) {
	used, first := map[string]bool{}, map[string]*Job{}
	for _, j := range c.Jobs {
		used[j.Sync], used[j.Sweep] = true, true
		if other := first[j.Sync]; other == nil {
			first[j.Sync] = j
		} else if j.Sync != "" {
			r.Check(!other.Start.Equal(j.Start), path{"jobs", j.Name, "start"}, "starts", j.Name, other.Name, j.Sync)
		}
	}
	for _, s := range c.Sources {
		if !used[s.Name] {
			r.Warning(path{"sources", s.Name}, "unused", s.Name)
		}
	}
}
