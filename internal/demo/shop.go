package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"ordersync/internal/demo/truth"
	"ordersync/internal/rest/resttest"
)

// shop is the merchant's side of the story: an order API on this machine, and the trade that goes on behind it.
type shop struct {
	server *resttest.Server
	truth  *resttest.Truth
	stop   func() error
	base   string

	// bell rings before pages.
	bell bell

	mu    sync.Mutex
	till  *till
	poor  []string
	fault *resttest.Fault
}

// openShop fills a shop with a history and opens its API, which wants the token.
func openShop(token string, seed uint64) (*shop, error) {
	s := &shop{truth: resttest.NewTruth(nil), till: newTill(seed)}
	now := s.truth.Now().Truncate(time.Second)
	moments := make([]time.Time, 0, shopSize)
	for len(moments) < shopSize {
		at := now.Add(-time.Duration(s.till.random.Int64N(historyDays*24*3600)) * time.Second)
		moments = append(moments, at)
		// Now and then several orders come in one second.
		for len(moments) < shopSize && s.till.random.IntN(8) == 0 {
			moments = append(moments, at)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		s.truth.Create(s.till.order(at, now))
	}
	s.server = resttest.New(s.truth, resttest.Shop{Token: token, Before: s.knock, Fault: s.spoil})
	var err error
	s.base, s.stop, err = s.server.Listen()
	return s, err
}

func (s *shop) name() string   { return source }
func (s *shop) now() time.Time { return s.truth.Now() }
func (s *shop) size() int      { return s.truth.Len() }
func (s *shop) requests() int  { return len(s.server.Requests()) }

// lines is the number of lines of all orders.
func (s *shop) lines() int {
	n := 0
	for _, o := range s.truth.Orders() {
		n += len(o.Lines)
	}
	return n
}

// latest is when each order was last changed.
func (s *shop) latest() map[string]time.Time {
	orders := s.truth.Orders()
	latest := make(map[string]time.Time, len(orders))
	for _, o := range orders {
		latest[o.ID] = o.Modified
	}
	return latest
}

// knock is called before each answer.
func (s *shop) knock(r resttest.Request) {
	if r.List > 0 {
		s.bell.ring()
	}
}

func (s *shop) spoil(resttest.Request) *resttest.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// fail makes every answer that fault; nil: none.
func (s *shop) fail(fault *resttest.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// trade takes orders, all in this second, and changes others of any age.
func (s *shop) trade(orders, changes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().Truncate(time.Second)
	for range orders {
		s.truth.Create(s.till.order(now, now))
	}
	all := s.truth.Orders()
	for _, i := range s.till.random.Perm(len(all))[:min(changes, len(all))] {
		s.truth.Modify(all[i].ID, func(o *resttest.Order) { advance(o, now) })
	}
}

// poison spoils a new order and one of the oldest, and returns their ids.
func (s *shop) poison() (fresh, old string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().Truncate(time.Second)
	o := s.till.order(now, now)
	o.Poison = resttest.BadMoney
	fresh = s.truth.Create(o).ID
	old = s.truth.Orders()[historyDays].ID
	s.truth.Modify(old, func(o *resttest.Order) { o.Poison = resttest.BadQuantity })
	s.poor = []string{fresh, old}
	return fresh, old
}

// repair corrects what poison spoiled.
func (s *shop) repair() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.poor {
		s.truth.Modify(id, func(o *resttest.Order) { o.Poison = "" })
	}
}

// says is all that the API says of the shop now.
func (s *shop) says(ctx context.Context) (truth.Remote, error) {
	records, err := s.records(ctx)
	return truth.Shop{Source: source, Records: records, Reading: truth.USServer().With(mapping)}, err
}

// records are all orders as the API sends each of them now. They come from a second API on the same shop, without noise and uncounted.
func (s *shop) records(ctx context.Context) ([][]byte, error) {
	api := resttest.New(s.truth, resttest.Shop{Envelope: "root"})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop/orders/list?page_size="+strconv.Itoa(1<<30), nil)
	if err != nil {
		return nil, err
	}
	answer, err := api.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the shop's own list: %w", err)
	}
	records := make([][]byte, len(list))
	for i, record := range list {
		records[i] = record
	}
	return records, nil
}
