package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ordersync/configs"
	"ordersync/internal/alert/tell"
	"ordersync/internal/apiclient"
	"ordersync/internal/config"
	"ordersync/internal/intake"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/parcel"
	"ordersync/internal/rest"
	"ordersync/internal/schedule"
	"ordersync/internal/scrub"
	"ordersync/internal/taobao"
)

// The rooms meet here and nowhere else.
var (
	_ schedule.Store  = (*mysql.DB)(nil)
	_ schedule.Leases = (*mysql.DB)(nil)
	_ apiclient.Pace  = (*mysql.DB)(nil)
	_ intake.Store    = (*mysql.DB)(nil)
	_ intake.Store    = (*rehearsal)(nil)
	_ parcel.Store    = (*mysql.DB)(nil)
	_ tell.Inbox      = (*mysql.DB)(nil)
	_ reader          = (*rest.Source)(nil)
	_ reader          = (*taobao.Listing)(nil)
	_ parcel.Source   = (*taobao.Shop)(nil)
)

// works is everything that a command works with. It is made without any I/O but reading the configuration.
type works struct {
	cfg      *config.Config
	db       *mysql.DB
	accounts map[string]*account
	log      *slog.Logger
	// clean takes secrets and personal data out of what others get to read.
	clean  *scrub.Scrubber
	getenv func(string) string
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

// open reads the configuration and joins the rooms for a typed command: what that has to say it says on the screen.
func (p *program) open() (*works, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	return p.join(cfg, scrub.New(cfg.Secrets()), slog.New(slog.DiscardHandler))
}

// join joins the rooms.
func (p *program) join(cfg *config.Config, clean *scrub.Scrubber, log *slog.Logger) (*works, error) {
	db, err := openDatabase(cfg, log)
	if err != nil {
		return nil, err
	}
	w := &works{cfg: cfg, db: db, log: log, clean: clean, getenv: p.getenv, accounts: map[string]*account{}}
	around, err := w.surroundings(cfg)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	for _, source := range cfg.Sources {
		a, err := openAccount(source, around)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sources.%s: %w", source.Name, err), w.close())
		}
		w.accounts[source.Name] = a
	}
	return w, nil
}

// openReady is open for a command that needs the tables.
func (p *program) openReady(ctx context.Context) (*works, error) {
	w, err := p.open()
	if err != nil {
		return nil, err
	}
	if err := w.db.SchemaOK(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// surroundings are what the accounts of a configuration share.
func (w *works) surroundings(cfg *config.Config) (surroundings, error) {
	sealer, err := openSealer(cfg)
	return surroundings{pace: w.db, tokens: w.db, sealer: sealer}, err
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
		rows = append(rows, mysql.SourceRow{Name: order.SourceID(s.Name), Kind: s.Kind, Endpoint: endpoint(s)})
	}
	return rows
}

// close gives all connections back.
func (w *works) close() error {
	var err error
	for _, a := range w.accounts {
		err = errors.Join(err, a.close())
	}
	return errors.Join(err, w.db.Close())
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
