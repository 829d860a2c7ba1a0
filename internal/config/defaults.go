package config

import "time"

// What counts where a file says nothing. These values are filled in before decoding, so that a written value always wins.

// Defaults implements decode.Filled.
func (c *Config) Defaults() {
	c.Timezone, c.Language = "UTC", "en"
	c.Alerts.Defaults()
}

// Defaults implements decode.Filled.
func (r *Rest) Defaults() {
	r.Request.Method = "GET"
	r.Window = Window{By: "modified", Layout: "rfc3339", Resolution: seconds(1), SinceBound: "inclusive", UntilBound: "exclusive"}
	r.Page = Page{Kind: "page", Size: PageSize{Value: 100}, Number: PageNumber{First: 1}, MaxPages: 1000}
	r.Records.Path = Texts{""}
	r.Map.Status.Default = "unknown"
	r.Rate.PerSecond = 2
	r.HTTP = usualHTTP()
	r.Overlap, r.Settle, r.Slice = seconds(600), seconds(30), seconds(24*60*60)
}

// usualHTTP are the limits of one call, whatever the kind of source.
func usualHTTP() HTTP {
	return HTTP{Retries: 3, HeaderTimeout: seconds(10), BodyTimeout: seconds(60), MaxBody: 64 << 20}
}

// Defaults implements decode.Filled.
func (o *OAuth2) Defaults() {
	o.ClientAuth, o.TokenPath, o.ExpiresPath, o.Header, o.Prefix = "basic", "access_token", "expires_in", "Authorization", "Bearer "
}

// Defaults implements decode.Filled.
func (r *Resweep) Defaults() { r.By = "created" }

// Defaults implements decode.Filled.
func (j *Job) Defaults() {
	j.Repeat = []Duration{seconds(60), seconds(300), seconds(900), seconds(3600)}
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }

// suggested is one of the keys that a window may hold in the place of its source.
type suggested struct {
	name   string
	window Duration
	source *Duration
}

// suggestions are what a window, usually a preset's, suggests for keys of the source.
func (r *Rest) suggestions() []suggested {
	return []suggested{
		{name: "overlap", window: r.Window.Overlap, source: &r.Overlap},
		{name: "settle", window: r.Window.Settle, source: &r.Settle},
		{name: "slice", window: r.Window.Slice, source: &r.Slice},
	}
}
