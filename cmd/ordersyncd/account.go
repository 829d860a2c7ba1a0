package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/config"
	"ordersync/internal/fault"
	"ordersync/internal/intake"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
	"ordersync/internal/parcel"
	"ordersync/internal/rest"
	"ordersync/internal/taobao"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/token"
)

// reader is a source as the commands ask it, whatever its kind.
type reader interface {
	ordersync.Source

	// Probe makes one cheap authorised call.
	Probe(ctx context.Context) error
	// Order asks for one order; noDetail tells from its error that there is none to be had.
	Order(ctx context.Context, id string) (order.Record, error)
	// Decode maps a stored record again.
	Decode(payload []byte, fetchedAt time.Time) order.Record
	// Unmapped are the shop's words for a status that have no meaning yet.
	Unmapped() map[string]int
}

// noDetail reports whether a reader has no such order, or cannot be asked for a single one.
func noDetail(err error) bool {
	return errors.Is(err, rest.ErrNoDetail) || errors.Is(err, taobao.ErrNoDetail)
}

// filtersChanges is a filter that shows changes, too.
const filtersChanges = "modified"

// account is one source, ready to be read.
type account struct {
	name   order.SourceID
	cfg    *config.Source
	client *apiclient.Client
	// orders reads by the source's own filter; shop is that with all the other ways in which it lists.
	orders reader
	shop   intake.Shop
	// by is the time that the filter looks at.
	by string
	// parcels tells where parcels are; nil: it cannot.
	parcels parcel.Source

	// vault is the shop's authorisation; nil for a source whose credential does not end.
	vault *token.Vault
}

// surroundings are what an account is made of besides its own description.
type surroundings struct {
	// pace is where the right to make calls comes from.
	pace   apiclient.Pace
	tokens token.Store
	// sealer is nil where the configuration has no key.
	sealer token.Sealer
}

// openAccount makes one source's clients and readers.
func openAccount(source *config.Source, s surroundings) (*account, error) {
	a := &account{name: order.SourceID(source.Name), cfg: source}
	open := a.openRest
	if source.Taobao != nil {
		open = a.openTaobao
	}
	if err := open(s); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// close gives the connections back. Its error is a new token that is lost with it.
func (a *account) close() error {
	if a.client != nil {
		a.client.Close()
	}
	if a.vault != nil {
		return a.vault.Close()
	}
	return nil
}

// doorOptions are what all clients have in common.
func doorOptions(source *config.Source, http config.HTTP, s surroundings) apiclient.Options {
	return apiclient.Options{
		Source: source.Name, Credential: credentialOf(source), Pace: s.pace,
		Retries: retries(http.Retries), HeaderTimeout: http.HeaderTimeout.Std(), BodyTimeout: http.BodyTimeout.Std(),
		MaxBody: int64(http.MaxBody), UserAgent: "ordersyncd/" + thisBuild(0).Version,
	}
}

// retries says "none" the way the client wants it said.
func retries(n int) int {
	if n == 0 {
		return apiclient.NoRetries
	}
	return n
}

// credentialOf names a source's credential to the pace.
func credentialOf(source *config.Source) string {
	if source.Taobao != nil {
		return source.Taobao.Credential()
	}
	return source.Rest.Credential()
}

func (a *account) openRest(s surroundings) error {
	c := a.cfg.Rest
	door := doorOptions(a.cfg, c.HTTP, s)
	door.BaseURL, door.AllowHTTP, door.Authorize = c.BaseURL, c.AllowHTTP, authorizer(c.Auth)
	door.PerSecond, door.PerDay = c.Rate.PerSecond, c.Rate.PerDay
	var err error
	if a.client, err = apiclient.New(door); err != nil {
		return err
	}
	o, err := restOptions(a.cfg.Name, c)
	if err != nil {
		return err
	}
	o.Client = a.client
	orders, err := rest.New(o)
	if err != nil {
		return err
	}
	limits := ordersync.Limits{
		Step: o.Window.Resolution, Zone: o.Window.Zone, Slice: c.Slice.Std(), Overlap: c.Overlap.Std(), Settle: c.Settle.Std(),
	}
	a.orders, a.by = orders, c.Window.By
	a.shop = intake.Shop{ID: a.name, Orders: intake.Listing{Source: orders, Limits: limits}}
	if window, ok := sweepWindow(o.Window, c.Resweep); ok {
		o.Window, limits.Step = window, window.Resolution
		sweep, err := rest.New(o)
		if err != nil {
			return fmt.Errorf("resweep: %w", err)
		}
		a.shop.Sweeps = []intake.Sweep{{Stream: intake.StreamSweep, Listing: intake.Listing{Source: sweep, Limits: limits}}}
	}
	return nil
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

// routers are the gateways that the configuration names by a word.
var routers = map[string]string{
	config.GatewayProduction: gateway.Production, config.GatewayOverseas: gateway.Overseas, config.GatewaySandbox: gateway.Sandbox,
}

// routerOf is the whole address of the gateway.
func routerOf(c *config.Taobao) string {
	if address := routers[c.Gateway]; address != "" {
		return address
	}
	return c.Gateway
}

// originOf is scheme and host of an address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // which the client refuses
	}
	return u.Scheme + "://" + u.Host
}

// beijing is where the platform's day begins.
const beijing = 8 * time.Hour

func (a *account) openTaobao(s surroundings) error {
	c := a.cfg.Taobao
	door := doorOptions(a.cfg, c.HTTP, s)
	door.BaseURL, door.AllowHTTP, door.PerSecond, door.PerDay, door.Zone = originOf(routerOf(c)), c.AllowHTTP, c.Rate.PerSecond, c.Rate.PerDay, beijing
	var err error
	if a.client, err = apiclient.New(door); err != nil {
		return err
	}
	if a.vault, err = openVault(a.cfg, s.sealer, s.tokens); err != nil {
		return err
	}
	g, err := gateway.New(gateway.Options{
		Client: a.client, Address: routerOf(c), AppKey: c.AppKey, AppSecret: c.AppSecret.Reveal, SignMethod: c.SignMethod,
		Session: a.vault.Session, SessionKey: a.vault.Key, Pace: s.pace,
	})
	if err != nil {
		return err
	}
	shop, err := taobao.New(taobao.Options{Source: a.name, Gateway: g})
	if err != nil {
		return err
	}
	limits := ordersync.Limits{Step: time.Second, Slice: c.Slice.Std(), Overlap: c.Overlap.Std(), Settle: c.Settle.Std()}
	orders, history := shop.Orders(), intake.Listing{Source: shop.History(), Limits: limits}
	if c.Slice.Std() >= taobao.Longest-time.Second {
		history.Limits.Slice = 0 // that bounds what is read by modification; by creation longer spans may be asked for
	}
	a.orders, a.by, a.parcels = orders, filtersChanges, shop
	a.shop = intake.Shop{
		ID: a.name, Orders: intake.Listing{Source: orders, Limits: limits}, History: &history, Reach: taobao.Reach,
		Sweeps: []intake.Sweep{
			{Stream: intake.StreamSweep, Listing: history},
			{Stream: intake.StreamRefunds, Listing: intake.Listing{Source: shop.Refunds(), Limits: limits}},
		},
	}
	return nil
}

// unrefunded is how many orders were stored so far without their refunds, because the app may not ask for them.
func (a *account) unrefunded() int {
	if s, ok := a.orders.(interface{ Unrefunded() int }); ok {
		return s.Unrefunded()
	}
	return 0
}

// differences is how many orders were read so far whose amounts do not add up; a source that does not check them has none.
func (a *account) differences() int {
	if s, ok := a.orders.(interface{ Differences() int }); ok {
		return s.Differences()
	}
	return 0
}

// unmapped is how many of the shop's words for a status have no meaning yet.
func (a *account) unmapped() int {
	words := map[string]int{}
	maps.Copy(words, a.orders.Unmapped())
	for _, s := range a.shop.Sweeps {
		if r, ok := s.Source.(reader); ok {
			maps.Copy(words, r.Unmapped())
		}
	}
	return len(words)
}

// sweeps reports, as an error, that the account cannot be read by the time of creation.
func (a *account) sweeps(job *config.Job) error {
	if len(a.shop.Sweeps) == 0 {
		return fault.Errorf(fault.Config, "jobs.%s: %s cannot be read by creation time; name the parameters under its resweep", job.Name, a.name)
	}
	return nil
}
