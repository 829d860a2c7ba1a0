package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ordersync/configs"
	"ordersync/internal/apiclient"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/parcel"
	"ordersync/internal/rest"
	"ordersync/internal/schedule"
)

// The rooms meet here and nowhere else.
var (
	_ ordersync.Store  = (*mysql.DB)(nil)
	_ schedule.Store   = (*mysql.DB)(nil)
	_ schedule.Leases  = (*mysql.DB)(nil)
	_ apiclient.Pace   = (*mysql.DB)(nil)
	_ ordersync.Source = (*rest.Source)(nil)
	_ ordersync.Store  = (*rehearsal)(nil)
	_ parcel.Store     = (*mysql.DB)(nil)
)

// The streams of a source that jobs follow; a backfill's is named by its span.
const (
	streamOrders = "orders"
	streamSweep  = "sweep"
)

// works is everything that a command works with. It is made without any I/O but reading the configuration.
type works struct {
	cfg      *config.Config
	db       *mysql.DB
	accounts map[string]*account
	log      *slog.Logger
	getenv   func(string) string
}

// account is one source, ready to be read.
type account struct {
	name   order.SourceID
	cfg    *config.Source
	client *apiclient.Client
	// orders reads by the source's own filter, sweep by the time of creation; sweep is nil where the source cannot.
	orders, sweep       *rest.Source
	limits, sweepLimits ordersync.Limits
	// parcels tells where parcels are; nil where the source cannot.
	parcels parcel.Source
}

// load reads the configuration, and shows times in its zone from then on.
func (p *program) load() (*config.Config, error) {
	cfg, err := p.read()
	if err != nil {
		return nil, err
	}
	p.screen.zone = cfg.Zone()
	return cfg, nil
}

// read reads the configuration.
func (p *program) read() (*config.Config, error) {
	return config.Load(p.config, config.Options{
		Presets: configs.Presets(),
		Getenv:  p.getenv,
		CheckSchedule: func(spec string, zone *time.Location) error {
			_, err := schedule.Parse(spec, zone)
			return err
		},
	})
}

// open reads the configuration and joins the rooms. A nil log discards: what a typed command has to say it says on the screen.
func (p *program) open(log *slog.Logger) (*works, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(cfg, log)
	if err != nil {
		return nil, err
	}
	w := &works{cfg: cfg, db: db, log: log, getenv: p.getenv, accounts: map[string]*account{}}
	for _, source := range cfg.Sources {
		a, err := openAccount(source, db)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sources.%s: %w", source.Name, err), w.close())
		}
		w.accounts[source.Name] = a
	}
	return w, nil
}

// openReady is open for a command that needs the tables.
func (p *program) openReady(ctx context.Context) (*works, error) {
	w, err := p.open(nil)
	if err != nil {
		return nil, err
	}
	if err := w.db.SchemaOK(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// greet sees that the tables fit, and notes the sources: a new name for a shop whose orders lie under an old one is refused before
// anything is stored twice.
func (w *works) greet(ctx context.Context) error {
	if err := w.db.SchemaOK(ctx); err != nil {
		return err
	}
	return w.db.RememberSources(ctx, w.sourceRows())
}

func (w *works) sourceRows() []mysql.SourceRow {
	rows := make([]mysql.SourceRow, 0, len(w.cfg.Sources))
	for _, s := range w.cfg.Sources {
		rows = append(rows, mysql.SourceRow{Name: order.SourceID(s.Name), Kind: s.Kind, Endpoint: endpoint(s.Rest)})
	}
	return rows
}

// close gives all connections back.
func (w *works) close() error {
	for _, a := range w.accounts {
		a.client.Close()
	}
	return w.db.Close()
}

func openDatabase(cfg *config.Config, log *slog.Logger) (*mysql.DB, error) {
	c := cfg.Database
	o := mysql.Options{
		Address: c.Address, Name: c.Name, User: c.User, Password: c.Password.Reveal(), DSN: c.DSN.Reveal(), Log: log,
	}
	if c.TLS != nil {
		o.TLS = &mysql.TLS{CA: c.TLS.CA, ServerName: c.TLS.ServerName}
	}
	if c.Migrate != nil {
		o.MigrateUser, o.MigratePassword = c.Migrate.User, c.Migrate.Password.Reveal()
	}
	// They are made when they are needed. Every job holds at most one at a time, and a reload may bring more jobs.
	o.Connections = 16
	return mysql.Open(o)
}

// openAccount makes one source's client and readers; pace is where its right to make calls comes from.
func openAccount(source *config.Source, pace apiclient.Pace) (*account, error) {
	c := source.Rest
	if c == nil {
		return nil, fault.Errorf(fault.Config, "this build cannot read shops of kind %s; put a # before its lines and those of its jobs",
			source.Kind)
	}
	client, err := apiclient.New(apiclient.Options{
		Source: source.Name, BaseURL: c.BaseURL, AllowHTTP: c.AllowHTTP,
		Credential: c.Credential(), Authorize: authorizer(c.Auth),
		PerSecond: c.Rate.PerSecond, PerDay: c.Rate.PerDay, Pace: pace,
		Retries: retries(c.HTTP.Retries), HeaderTimeout: c.HTTP.HeaderTimeout.Std(), BodyTimeout: c.HTTP.BodyTimeout.Std(),
		MaxBody: int64(c.HTTP.MaxBody), UserAgent: "ordersyncd/" + thisBuild(0).Version,
	})
	if err != nil {
		return nil, err
	}
	o, err := restOptions(source.Name, c)
	if err != nil {
		return nil, err
	}
	o.Client = client
	a := &account{name: order.SourceID(source.Name), cfg: source, client: client}
	a.limits = ordersync.Limits{
		Step: o.Window.Resolution, Zone: o.Window.Zone, Slice: c.Slice.Std(), Overlap: c.Overlap.Std(), Settle: c.Settle.Std(),
	}
	if a.orders, err = rest.New(o); err != nil {
		return nil, err
	}
	if window, ok := sweepWindow(o.Window, c.Resweep); ok {
		o.Window = window
		a.sweepLimits = a.limits
		a.sweepLimits.Step = window.Resolution
		if a.sweep, err = rest.New(o); err != nil {
			return nil, fmt.Errorf("resweep: %w", err)
		}
	}
	return a, nil
}

// retries says "none" the way the client wants it said.
func retries(n int) int {
	if n == 0 {
		return apiclient.NoRetries
	}
	return n
}

func authorizer(c config.Auth) apiclient.Authorizer {
	switch {
	case !c.Bearer.IsZero():
		return apiclient.Bearer(c.Bearer.Reveal)
	case c.Header != nil:
		return apiclient.Header(c.Header.Name, "", c.Header.Value.Reveal)
	case c.Basic != nil:
		return apiclient.Basic(c.Basic.User.Reveal, c.Basic.Password.Reveal)
	case len(c.Query) > 0:
		parameters := make(map[string]func() string, len(c.Query))
		for name, value := range c.Query {
			parameters[name] = value.Reveal
		}
		return apiclient.Query(parameters)
	case c.OAuth2 != nil:
		return apiclient.OAuth2(apiclient.OAuth2Options{
			TokenURL: c.OAuth2.TokenURL, ClientID: c.OAuth2.ClientID.Reveal(), ClientSecret: c.OAuth2.ClientSecret.Reveal,
			Scopes: c.OAuth2.Scopes, InHeader: c.OAuth2.ClientAuth == "basic", Header: c.OAuth2.Header, Prefix: c.OAuth2.Prefix,
		})
	}
	return nil
}

// reader is what a job reads with, and which stream it follows.
func (a *account) reader(job *config.Job) (*rest.Source, string, error) {
	if job.Sweep == "" {
		return a.orders, streamOrders, nil
	}
	if a.sweep == nil {
		return nil, "", fault.Errorf(fault.Config, "jobs.%s: %s cannot be read by creation time; name the parameters under its resweep",
			job.Name, a.name)
	}
	return a.sweep, streamSweep, nil
}

// spanOf is what a scheduled run of a job reads.
func spanOf(job *config.Job) ordersync.Span {
	if job.Sweep != "" {
		return ordersync.Span{Back: job.Back.Std()}
	}
	return ordersync.Span{Start: job.Start}
}
