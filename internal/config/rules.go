package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// rules are those that look at several values at once. They never repeat what has been reported already.
func (r *report) rules(c *Config, o Options) {
	r.database(&c.Database)
	for _, s := range c.Sources {
		at := path{"sources", s.Name}
		r.address(s.Rest, at)
		r.auth(&s.Rest.Auth, at.with("auth"))
		r.request(s.Rest, at)
		r.window(s.Rest, at)
		r.page(&s.Rest.Page, at.with("page"))
		r.mapping(s.Rest, at)
		r.filtered(c, s, at)
	}
	r.shared(c)
	for _, j := range c.Jobs {
		r.job(c, j, o)
	}
	r.unused(c)
}

// check reports a mistake unless there is one at the path already.
func (r *report) check(bad bool, at path, code string, args ...string) {
	if bad && !r.spoilt(at) {
		r.mistake(at, code, args...)
	}
}

func (r *report) database(db *Database) {
	at := path{"database"}
	if r.bad[at.key()] {
		return
	}
	dsn := r.node(at.with("dsn")) != nil
	for _, key := range []string{"address", "name", "user", "password", "tls"} {
		if dsn && r.node(at.with(key)) != nil {
			r.check(true, at.with("dsn"), "dsn-and", key)
			return
		}
	}
	if dsn {
		r.check(db.DSN.IsZero(), at.with("dsn"), "no-value", "dsn")
		return
	}
	if r.node(at) == nil {
		r.check(true, at, "database-missing")
		return
	}
	for _, needed := range [][2]string{{"address", db.Address}, {"name", db.Name}, {"user", db.User}} {
		r.check(needed[1] == "", at.with(needed[0]), "missing", needed[0], "database")
	}
	socket := strings.HasPrefix(db.Address, "/")
	r.check(db.Address != "" && !socket && !hostPort.MatchString(db.Address), at.with("address"), "database-address")
	r.check(socket && db.TLS != nil, at.with("tls"), "tls-socket")
}

// hostPort is host:port, the host also as an IPv6 address in brackets.
var hostPort = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$`)

// address checks base_url. Its text is never quoted: some people write passwords into it.
func (r *report) address(rest *Rest, at path) {
	at = at.with("base_url")
	if rest.BaseURL == "" || r.spoilt(at) {
		return
	}
	u, err := url.Parse(rest.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.mistake(at, "base-url")
	case u.User != nil:
		r.mistake(at, "base-url-user")
	case u.RawQuery != "" || u.Fragment != "":
		r.mistake(at, "base-url-query")
	case u.Scheme == "http" && !rest.AllowHTTP && !loopback(u.Hostname()):
		r.mistake(at, "base-url-http")
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

func (r *report) auth(a *Auth, at path) {
	forms := a.forms()
	r.check(r.node(at) == nil, at, "auth-missing", at[1])
	r.check(len(forms) == 0, at, "auth-empty")
	r.check(len(forms) > 1, at, "auth-several", strings.Join(forms, ", "))
	begins := strings.ToLower(a.Bearer.Reveal())
	r.check(strings.HasPrefix(begins, "bearer "), at.with("bearer"), "bearer-twice")
	r.check(!headerValue(a.Bearer.Reveal()), at.with("bearer"), "secret-letters", "bearer")
	if a.Header != nil {
		r.check(a.Header.Name != "" && !headerName.MatchString(a.Header.Name), at.with("header", "name"), "header-name")
		r.check(!headerValue(a.Header.Value.Reveal()), at.with("header", "value"), "secret-letters", "value")
	}
	if a.OAuth2 != nil {
		u, err := url.Parse(a.OAuth2.TokenURL)
		here := at.with("oauth2", "token_url")
		bad := err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))
		r.check(a.OAuth2.TokenURL != "" && bad, here, "token-url")
		r.check(!headerName.MatchString(a.OAuth2.Header), at.with("oauth2", "header"), "header-name")
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

func (r *report) request(rest *Rest, at path) {
	q, here := rest.Request, at.with("request")
	r.check(q.Path != "" && len(q.Paths) > 0, here.with("path"), "path-and-paths")
	r.check(q.Path == "" && len(q.Paths) == 0, here.with("path"), "missing", "path", here.String())
	r.check(q.Path != "" && !listPath(q.Path), here.with("path"), "path")
	r.check(slices.ContainsFunc(q.Paths, func(p string) bool { return !listPath(p) }), here.with("paths"), "path")
	sent := false
	for name, value := range q.Query {
		sent = sent || strings.Contains(value, statusTemplate)
		_, secret := rest.Auth.Query[name]
		r.check(secret, here.with("query", name), "parameter-twice", name)
		for _, t := range template.FindAllString(value, -1) {
			r.check(t != statusTemplate, here.with("query", name), "template", t)
		}
	}
	r.check(rest.FilterStatus != "" && !sent, at.with("filter_status"), "filter-unsent")
}

func listPath(p string) bool { return strings.HasPrefix(p, "/") && !strings.ContainsAny(p, "?#") }

func (r *report) window(rest *Rest, at path) {
	w, here := rest.Window, at.with("window")
	if w.By == "none" {
		for _, bound := range []string{"since", "until"} {
			r.check(r.own(here.with(bound)), here.with(bound), "window-none", bound)
		}
	} else {
		r.check(w.Since.Name == "", here.with("since"), "missing", "since", here.String())
	}
	day := 24 * time.Hour
	step := w.Resolution.Std()
	r.check(step > day || step > 0 && day%step != 0, here.with("resolution"), "resolution")
	for _, layout := range [][2]string{{"layout", w.Layout}, {"since", w.Since.Layout}, {"until", w.Until.Layout}} {
		r.check(!usableLayout(layout[1]), here.with(layout[0]), "layout")
		r.check(dayLayout(layout[1]) && step != day, here.with("resolution"), "resolution-day")
	}
	for _, s := range rest.suggestions() {
		source, inner := at.with(s.name), here.with(s.name)
		switch {
		case r.own(source) && r.own(inner):
			r.check(true, source, "twice", s.name, at.String(), here.String())
		case r.node(source) == nil && r.node(inner) != nil:
			*s.source = s.window
		}
	}
	slice := at.with("slice")
	if r.node(slice) == nil && r.node(here.with("slice")) == nil {
		rest.Slice = max(rest.Slice, w.Resolution)
	}
	r.check(rest.Slice < w.Resolution, slice, "slice", w.Resolution.String())
}

// namedLayouts are the layouts that have a name.
var namedLayouts = map[string]string{
	"": time.RFC3339, "rfc3339": time.RFC3339, "rfc3339ms": "2006-01-02T15:04:05.000Z07:00", "rfc1123z": time.RFC1123Z, "date": time.DateOnly,
	"datetime": time.DateTime, "unix": time.RFC3339, "unix_ms": time.RFC3339,
}

// usableLayout reports whether a layout is a known name, or one that tells times apart.
func usableLayout(layout string) bool {
	if _, ok := namedLayouts[layout]; ok {
		return true
	}
	a, b := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2012, 11, 10, 19, 28, 37, 0, time.UTC)
	return a.Format(layout) != b.Format(layout)
}

// dayLayout reports whether a layout writes days and no times of day.
func dayLayout(layout string) bool {
	if name, ok := namedLayouts[layout]; ok {
		layout = name
	}
	a, b := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2001, 2, 3, 19, 28, 37, 0, time.UTC)
	return usableLayout(layout) && a.Format(layout) == b.Format(layout)
}

func (r *report) page(p *Page, at path) {
	switch p.Kind {
	case "page":
		r.check(p.Number.Name == "", at.with("number"), "missing", "number", at.String())
		r.check(r.own(at.with("offset")), at.with("offset"), "page-unused", "offset", "page")
	case "offset":
		r.check(p.Offset.Name == "", at.with("offset"), "missing", "offset", at.String())
		r.check(r.own(at.with("number")), at.with("number"), "page-unused", "number", "offset")
	case "none":
		r.check(r.own(at.with("number")), at.with("number"), "page-unused", "number", "none")
		r.check(r.own(at.with("offset")), at.with("offset"), "page-unused", "offset", "none")
	}
}

// mapping checks that an order can be told from another, and that its version can be read.
func (r *report) mapping(rest *Rest, at path) {
	m, here := rest.Map, at.with("map")
	r.check(len(m.ID.Path) == 0, here.with("id"), "map-missing", "id", "Orders are stored by it.")
	modified := rest.Window.By == "modified" && len(m.UpdatedAt.Path) == 0
	r.check(modified, here.with("updated_at"), "map-missing", "updated_at", "The filter looks at it, and newer versions are told by it.")
	created := rest.Window.By == "created" && len(m.CreatedAt.Path) == 0
	r.check(created, here.with("created_at"), "map-missing", "created_at", "The filter looks at it.")
	none := rest.Window.By == "none" && len(m.UpdatedAt.Path) == 0 && len(m.CreatedAt.Path) == 0
	r.check(none, here.with("updated_at"), "map-missing", "updated_at", "Newer versions are told by it.")
	words := map[string]string{}
	for word := range m.Status.Map {
		first, twice := words[fold(word)]
		r.check(twice && m.Status.Map[first] != m.Status.Map[word], here.with("status", "map", max(first, word)), "word-twice", min(first, word), max(first, word))
		words[fold(word)] = word
	}
	resweep := here[:len(here)-1].with("resweep")
	if rest.Resweep != nil {
		r.check((rest.Resweep.Since.Name == "") != (rest.Resweep.Until.Name == ""), resweep, "resweep-half")
	}
}

// statusParameter finds parameters that filter by status; wide are the values that let every order through.
var (
	statusParameter = regexp.MustCompile(`(?i)(?:^|[_\-\[])(?:status|state)(?:$|[_\-\]])`)
	wide            = []string{"", "any", "all", "*", statusTemplate}
)

// filtered warns of what a sync job of this source would never see.
func (r *report) filtered(c *Config, s *Source, at path) {
	synced := slices.ContainsFunc(c.Jobs, func(j *Job) bool { return j.Sync == s.Name })
	if !synced || s.Rest == nil {
		return
	}
	if s.Rest.FilterStatus != "" && !slices.Contains(wide, strings.ToLower(s.Rest.FilterStatus)) {
		r.warning(at.with("filter_status"), "filtered", "filter_status", s.Name)
	}
	for name, value := range s.Rest.Request.Query {
		if statusParameter.MatchString(name) && !slices.Contains(wide, strings.ToLower(value)) {
			r.warning(at.with("request", "query", name), "filtered", name, s.Name)
		}
	}
	swept := slices.ContainsFunc(c.Jobs, func(j *Job) bool { return j.Sweep == s.Name })
	if s.Rest.Window.By == "created" && !swept {
		r.warning(at, "created-only", s.Name)
	}
}

// shared checks what two sources have in common.
func (r *report) shared(c *Config) {
	for i, s := range c.Sources {
		at := path{"sources", s.Name}
		if r.spoilt(at.with("auth")) || r.spoilt(at.with("base_url")) || len(s.Rest.Auth.forms()) != 1 {
			continue
		}
		for _, other := range c.Sources[:i] {
			if s.Rest.Credential() != other.Rest.Credential() {
				continue
			}
			r.check(s.Rest.Rate != other.Rest.Rate, at.with("rate"), "rates", s.Name, other.Name)
			r.check(sameShop(s.Rest, other.Rest), at, "same-shop", s.Name, other.Name)
			break
		}
	}
}

// sameShop reports whether two sources read the same orders.
func sameShop(a, b *Rest) bool {
	query := func(r *Rest) string {
		var all []string
		for name, value := range r.Request.Query {
			all = append(all, name+"="+value)
		}
		slices.Sort(all)
		return strings.Join(all, "&")
	}
	return a.BaseURL != "" && strings.TrimRight(a.BaseURL, "/") == strings.TrimRight(b.BaseURL, "/") && a.FilterStatus == b.FilterStatus &&
		a.Request.Path == b.Request.Path && slices.Equal(a.Request.Paths, b.Request.Paths) && query(a) == query(b)
}

func (r *report) job(c *Config, j *Job, o Options) {
	at := path{"jobs", j.Name}
	if r.bad[at.key()] {
		return
	}
	if slices.ContainsFunc(laterJobs, func(kind string) bool { return r.bad[at.with(kind).key()] }) {
		return // a kind of job that this version does not know: nothing else can be said of it
	}
	r.check(j.Sync == "" && j.Sweep == "", at, "job-kind", j.Name)
	r.check(j.Sync != "" && j.Sweep != "", at, "job-kinds", j.Name)
	r.jobSource(c, j, at)
	switch {
	case j.Sync != "" && j.Sweep == "":
		r.check(j.Start.IsZero(), at.with("start"), "start-missing", j.Name)
		r.check(r.node(at.with("back")) != nil, at.with("back"), "back-sync")
	case j.Sweep != "" && j.Sync == "":
		r.check(r.node(at.with("start")) != nil, at.with("start"), "start-sweep")
		r.sweep(c, j, at)
	}
	if o.CheckSchedule == nil || j.Schedule == "" || r.spoilt(at.with("schedule")) {
		return
	}
	if err := o.CheckSchedule(j.Schedule, c.zone); err != nil {
		r.mistake(at.with("schedule"), "schedule", err.Error())
	}
}

// laterJobs are the kinds of job that a later version takes.
var laterJobs = []string{"track", "verify", "report", "list", "stock"}

// jobSource checks that the source of a job exists.
func (r *report) jobSource(c *Config, j *Job, at path) {
	for _, wanted := range [][2]string{{"sync", j.Sync}, {"sweep", j.Sweep}} {
		key, name := wanted[0], wanted[1]
		if name == "" || c.Source(name) != nil || r.node(path{"sources", name}) != nil {
			continue
		}
		var names []string
		for _, s := range c.Sources {
			names = append(names, s.Name)
		}
		if guess := nearest(name, names); guess != "" {
			r.check(true, at.with(key), "source-misspelt", short(name), guess)
		} else {
			r.check(true, at.with(key), "source-missing", short(name), strings.Join(names, ", "))
		}
	}
}

// sweep fills in how far a sweep reads back, and checks that its source can be read by creation time.
func (r *report) sweep(c *Config, j *Job, at path) {
	s := c.Source(j.Sweep)
	if s == nil || s.Rest == nil || r.spoilt(path{"sources", s.Name, "window"}) || r.spoilt(path{"sources", s.Name, "resweep"}) {
		return
	}
	rest := s.Rest
	if r.node(at.with("back")) == nil && rest.Resweep != nil {
		j.Back = rest.Resweep.Back
	}
	r.check(j.Back <= 0, at.with("back"), "back-missing", j.Name)
	created := rest.Window.By == "created" || rest.Resweep != nil && rest.Resweep.Since.Name != ""
	r.check(rest.Window.By == "none", at.with("sweep"), "sweep-none", s.Name)
	r.check(rest.Window.By == "modified" && !created, at.with("sweep"), "sweep-modified", s.Name)
}

// unused warns of sources that nothing reads, and refuses two jobs that begin one sync on different days.
func (r *report) unused(c *Config) {
	for _, s := range c.Sources {
		var syncs []string
		used := false
		for _, j := range c.Jobs {
			used = used || j.Sync == s.Name || j.Sweep == s.Name
			if j.Sync == s.Name {
				syncs = append(syncs, j.Name)
			}
		}
		if !used {
			r.warning(path{"sources", s.Name}, "unused", s.Name)
		}
		for _, name := range syncs[min(1, len(syncs)):] {
			first, other := c.Job(syncs[0]), c.Job(name)
			r.check(!first.Start.Equal(other.Start), path{"jobs", name, "start"}, "starts", name, first.Name, s.Name)
		}
	}
}
