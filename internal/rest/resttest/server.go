package resttest

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Marker is in every answer to a route that nobody meant.
const Marker = "resttest: nobody meant this request"

// Server lists a Truth as its Shop says. It is safe for many requests at once.
type Server struct {
	Truth *Truth

	mu       sync.Mutex
	shop     Shop
	requests []Request
	lists    int
	strays   []string
	faults   []Fault
}

// New returns a server of the truth.
func New(truth *Truth, shop Shop) *Server { return &Server{Truth: truth, shop: shop} }

// Change changes how the server lists, from the next request on.
func (s *Server) Change(change func(*Shop)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.shop)
}

// Fail spoils the next answers, one fault each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Requests returns what the server was asked so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Strays returns the requests that nobody meant. A test wants none.
func (s *Server) Strays() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.strays)
}

// reply is an answer before it is put on a wire.
type reply struct {
	status int
	header http.Header
	body   string
	fault  Fault
}

func (r *reply) json(status int, body string) {
	r.status, r.body = status, body
	r.header.Set("Content-Type", "application/json")
}

// answer makes the answer to a request. It is the whole server; what carries the answer is in wire.go.
func (s *Server) answer(r *http.Request) *reply {
	out := &reply{header: http.Header{}}
	shop, request, fault := s.receive(r)
	if shop.Before != nil {
		shop.Before(request)
	}
	if fault == nil && shop.Fault != nil {
		fault = shop.Fault(request)
	}
	s.route(shop, r, request, out)
	if !shop.NoDate {
		out.header.Set("Date", s.Truth.Now().Add(shop.Skew).Format(http.TimeFormat))
	}
	if fault != nil {
		out.spoil(*fault)
	}
	return out
}

// receive notes the request and takes what is needed to answer it.
func (s *Server) receive(r *http.Request) (Shop, Request, *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shop := s.shop
	request := Request{N: len(s.requests) + 1, Path: r.URL.Path, Query: map[string]string{}, At: s.Truth.Now()}
	for name, values := range r.URL.Query() {
		request.Query[name] = values[0]
	}
	if strings.TrimPrefix(r.URL.Path, shop.Prefix) == shop.path() {
		s.lists++
		request.List = s.lists
		request.Page, request.Size = shop.place(request.Query)
	}
	s.requests = append(s.requests, request)
	if len(s.faults) == 0 {
		return shop, request, nil
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return shop, request, &fault
}

func (s *Server) route(shop Shop, r *http.Request, request Request, out *reply) {
	path, ours := strings.CutPrefix(r.URL.Path, shop.Prefix)
	id, detail := strings.CutPrefix(path, cmp.Or(shop.Detail, shop.path())+"/")
	known := path == "/orders" || path == "/orders/list" || path == shop.path()
	switch {
	case !ours || r.Method != http.MethodGet || !known && !detail && !strings.HasPrefix(path, "/orders/"):
		s.mu.Lock()
		s.strays = append(s.strays, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		out.json(http.StatusInternalServerError, `{"error":`+quote(Marker)+`}`)
	case shop.Token != "" && r.Header.Get("Authorization") != "Bearer "+shop.Token:
		out.json(http.StatusUnauthorized, `{"error":{"code":"invalid_token","message":"who are you?"}}`)
	case path == shop.path():
		s.list(shop, request, out)
	case detail:
		s.detail(shop, id, out)
	default:
		out.json(http.StatusNotFound, `{"error":"not found"}`)
	}
}

func (s *Server) detail(shop Shop, id string, out *reply) {
	o, ok := s.Truth.Order(id)
	if !ok {
		out.json(http.StatusNotFound, `{"error":"not found"}`)
		return
	}
	body := shop.render(o)
	if shop.Envelope == "data" || shop.Envelope == "data.orders" {
		body = `{"data":` + body + `}`
	}
	out.json(http.StatusOK, body)
}

func (s *Server) list(shop Shop, request Request, out *reply) {
	lag := shop.Delay
	if shop.Lag != nil {
		lag += shop.Lag(request)
	}
	moment := time.Time{}
	if lag > 0 {
		moment = s.Truth.Now().Add(-lag)
	}
	since, until, problem := shop.span(request.Query)
	if problem != "" {
		out.json(http.StatusBadRequest, `{"error":`+quote(problem)+`}`)
		return
	}
	orders := slices.DeleteFunc(s.Truth.at(moment), func(o Order) bool {
		at := o.Created
		if shop.ByModification {
			at = o.Modified
		}
		status := request.Query[cmp.Or(shop.Status, "filter_status")]
		return !shop.IgnoreDates && (!since.IsZero() && at.Before(since) || !until.IsZero() && !at.Before(until)) ||
			status != "" && o.Status != status
	})
	shop.sort(orders, request.N)
	total := len(orders)
	page := shop.cut(orders, request)
	if page == nil && shop.PastEnd == NoContent {
		out.status = http.StatusNoContent
		return
	}
	rows := make([]string, len(page))
	for i, o := range page {
		rows[i] = shop.render(o)
	}
	pages := (total + request.Size - 1) / request.Size
	if shop.Lie != nil {
		total = shop.Lie(total, len(page))
	}
	if shop.TotalHeader != "" {
		out.header.Set(shop.TotalHeader, strconv.Itoa(total))
	}
	out.json(http.StatusOK, shop.envelop("["+strings.Join(rows, ",")+"]", total, pages))
}

func (s Shop) path() string { return cmp.Or(s.Path, "/orders/list") }

// place is the page and its size that are asked for.
func (s Shop) place(query map[string]string) (page, size int) {
	first := 1 + s.FirstPage
	page, size = first, cmp.Or(s.DefaultSize, 20)
	if n, err := strconv.Atoi(query[cmp.Or(s.Size, "page_size")]); err == nil && n > 0 && !s.IgnoreSize {
		size = n
	}
	if s.MaxSize > 0 {
		size = min(size, s.MaxSize)
	}
	if n, err := strconv.Atoi(query[cmp.Or(s.Page, "page")]); err == nil && n >= first && !s.IgnorePage {
		page = n
	}
	return page - s.FirstPage, size
}

// cut returns the page that is asked for, nil past the end.
func (s Shop) cut(orders []Order, request Request) []Order {
	from := (request.Page - 1) * request.Size
	if s.Offset != "" {
		from, _ = strconv.Atoi(request.Query[s.Offset])
	}
	if from >= len(orders) && s.PastEnd == LastPageAgain && len(orders) > 0 {
		from = (len(orders) - 1) / request.Size * request.Size
	}
	if from >= len(orders) {
		return nil
	}
	return orders[from:min(from+request.Size, len(orders))]
}

// span reads the bounds: half-open instants, zero where there is none.
func (s Shop) span(query map[string]string) (since, until time.Time, problem string) {
	since, step, ok := s.instant(query[cmp.Or(s.Since, "start_date")])
	if !ok {
		return since, until, "start_date is not a date"
	}
	if s.SinceExclusive && !since.IsZero() {
		since = s.after(since, step)
	}
	until, step, ok = s.instant(query[cmp.Or(s.Until, "end_date")])
	if !ok {
		return since, until, "end_date is not a date"
	}
	if !s.UntilExclusive && !until.IsZero() {
		until = s.after(until, step)
	}
	if s.Widest > 0 && until.Sub(since) > s.Widest {
		return since, until, "the date range must be at most " + s.Widest.String()
	}
	return since, until, ""
}

// instant reads a day or an instant, with the step from which on everything is later.
func (s Shop) instant(text string) (t time.Time, step time.Duration, ok bool) {
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	if text == "" {
		return time.Time{}, 0, true
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t, 24 * time.Hour, true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, time.Nanosecond, err == nil
}

func (s Shop) after(t time.Time, step time.Duration) time.Time {
	if step == 24*time.Hour {
		return t.AddDate(0, 0, 1)
	}
	return t.Add(step)
}

func (s Shop) sort(orders []Order, n int) {
	switch s.Sorting {
	case ByID:
		slices.SortFunc(orders, func(a, b Order) int { return compareIDs(a.ID, b.ID) })
	case ByModified:
		random := rand.New(rand.NewPCG(s.Seed, uint64(n)))
		random.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
		slices.SortStableFunc(orders, func(a, b Order) int { return a.Modified.Compare(b.Modified) })
	case OldestFirst:
		slices.SortFunc(orders, func(a, b Order) int { return cmp.Or(a.Created.Compare(b.Created), compareIDs(a.ID, b.ID)) })
	default:
		slices.SortFunc(orders, func(a, b Order) int { return cmp.Or(b.Created.Compare(a.Created), compareIDs(b.ID, a.ID)) })
	}
}

func (s Shop) envelop(list string, total, pages int) string {
	envelope := cmp.Or(s.Envelope, "orders")
	if envelope == "root" {
		return list
	}
	w := &object{}
	number := strconv.Itoa(total)
	if s.QuotedTotal {
		number = quote(number)
	}
	outer, inner, nested := strings.Cut(envelope, ".")
	if nested {
		list = `{` + quote(inner) + `:` + list + `}`
	}
	w.add(outer, list)
	if key := cmp.Or(s.TotalKey, "total"); key != "none" {
		w.add(key, number)
	}
	if s.PagesKey != "" {
		w.add(s.PagesKey, strconv.Itoa(pages))
	}
	return w.String()
}
