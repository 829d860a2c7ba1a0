package resttest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func clock() time.Time { return time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC) }

func date(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// ask sends one request through the transport and returns status, body and what ended the body.
func ask(t *testing.T, s *Server, path string, query ...string) (response *http.Response, body string, err error) {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.example"+path+"?"+values.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	response, err = s.Transport().RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response, string(text), err
}

// ids are the ids of the listing in a body, in its order.
func ids(t *testing.T, body string) []string {
	t.Helper()
	var page struct {
		Orders []struct {
			ID json.Number `json:"id"`
		} `json:"orders"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatalf("%v: %.200s", err, body)
	}
	list := []string{}
	for _, o := range page.Orders {
		list = append(list, o.ID.String())
	}
	return list
}

// TestFilters: which orders are listed for which bounds, and in which order.
func TestFilters(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*3600)
	tests := []struct {
		name  string
		shop  Shop
		query []string
		want  []string
	}{
		{"all, newest first", Shop{}, nil, []string{"4", "3", "2", "1"}},
		{"oldest first", Shop{Sorting: OldestFirst}, nil, []string{"1", "2", "3", "4"}},
		{"days, both inclusive", Shop{}, []string{"start_date", "2026-11-02", "end_date", "2026-11-03"}, []string{"3", "2"}},
		{"the end exclusive", Shop{UntilExclusive: true}, []string{"start_date", "2026-11-02", "end_date", "2026-11-03"}, []string{"2"}},
		{"the begin exclusive", Shop{SinceExclusive: true}, []string{"start_date", "2026-11-02"}, []string{"4", "3"}},
		{"days elsewhere", Shop{Zone: shanghai}, []string{"start_date", "2026-11-02", "end_date", "2026-11-02"}, []string{"1"}},
		{"ignored", Shop{IgnoreDates: true}, []string{"start_date", "2026-11-02"}, []string{"4", "3", "2", "1"}},
		{"another name", Shop{Since: "from"}, []string{"from", "2026-11-04"}, []string{"4"}},
		{"by change", Shop{ByModification: true, Sorting: OldestFirst},
			[]string{"start_date", "2026-11-04T09:00:00Z", "end_date", "2026-11-04T10:00:00Z"}, []string{"1", "4"}},
		{"by change, exclusive", Shop{ByModification: true, SinceExclusive: true, UntilExclusive: true},
			[]string{"start_date", "2026-11-04T09:00:00Z", "end_date", "2026-11-04T10:00:00Z"}, []string{}},
		{"status", Shop{}, []string{"filter_status", "paid"}, []string{"2"}},
		{"second page", Shop{}, []string{"page", "2", "page_size", "3"}, []string{"1"}},
		{"second page, ignored", Shop{IgnorePage: true}, []string{"page", "2", "page_size", "3"}, []string{"4", "3", "2"}},
		{"size, ignored", Shop{IgnoreSize: true}, []string{"page_size", "3"}, []string{"4", "3", "2", "1"}},
		{"size, clamped", Shop{MaxSize: 2}, []string{"page_size", "3"}, []string{"4", "3"}},
		{"from zero", Shop{FirstPage: -1}, []string{"page", "1", "page_size", "3"}, []string{"1"}},
		{"rows", Shop{Offset: "skip"}, []string{"skip", "1", "page_size", "2"}, []string{"3", "2"}},
		{"past the end", Shop{}, []string{"page", "9", "page_size", "3"}, []string{}},
		{"past the end, repeated", Shop{PastEnd: LastPageAgain}, []string{"page", "9", "page_size", "3"}, []string{"1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			truth := NewTruth(clock)
			for i, at := range []time.Time{date(1, 20), date(2, 20), date(3, 20), date(4, 9)} {
				truth.Create(Order{ID: strconv.Itoa(i + 1), Created: at})
			}
			truth.BulkEdit([]string{"2"}, date(3, 1), func(o *Order) { o.Status = "paid" })
			truth.BulkEdit([]string{"1"}, date(4, 10), nil)
			_, body, err := ask(t, New(truth, test.shop), "/orders/list", test.query...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, ids(t, body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnvelopes: where orders and totals are.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	for body, shop := range map[string]Shop{
		`{"orders":[],"total":0}`:            {},
		`[]`:                                 {Envelope: "root"},
		`{"data":{"orders":[]},"count":"0"}`: {Envelope: "data.orders", TotalKey: "count", QuotedTotal: true},
		`{"items":[],"pages":0}`:             {Envelope: "items", TotalKey: "none", PagesKey: "pages"},
		`{"data":[],"total":7}`:              {Envelope: "data", Lie: func(int, int) int { return 7 }},
	} {
		shop.TotalHeader = "X-Total-Count"
		response, got, err := ask(t, New(NewTruth(clock), shop), "/orders/list")
		if err != nil || got != body || response.Header.Get("X-Total-Count") == "" ||
			response.Header.Get("Date") != "Wed, 04 Nov 2026 12:00:00 GMT" {
			t.Errorf("got %s %v, %v; want %s", got, response.Header, err, body)
		}
	}
}

// TestRoutes: what is there, what is not, and what nobody meant.
func TestRoutes(t *testing.T) {
	t.Parallel()
	truth := NewTruth(clock)
	truth.Create(Order{ID: "7", Created: date(1, 0)})
	s := New(truth, Shop{Prefix: "/v1", Token: "key", Path: "/orders"})
	for path, status := range map[string]int{"/v1/orders": 200, "/v1/orders/7": 200, "/v1/orders/8": 404, "/v1/orders/list": 404} {
		if response, _, err := ask(t, s, path); err != nil || response.StatusCode != status {
			t.Errorf("%s: %v, want %d", path, response, status)
		}
	}
	if strays := s.Strays(); len(strays) > 0 {
		t.Errorf("strays: %q", strays)
	}
	for _, path := range []string{"/orders", "/v1/products", "/v2/orders"} {
		if response, body, err := ask(t, s, path); err != nil || response.StatusCode != 500 || !strings.Contains(body, Marker) {
			t.Errorf("%s: %v %s", path, response, body)
		}
	}
	if diff := cmp.Diff([]string{"GET /orders", "GET /v1/products", "GET /v2/orders"}, s.Strays()); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
	s.Change(func(shop *Shop) { shop.Token = "other" })
	if response, _, err := ask(t, s, "/v1/orders"); err != nil || response.StatusCode != 401 {
		t.Errorf("another token: %v", response)
	}
	if n := len(s.Requests()); n != 8 {
		t.Errorf("%d requests were kept, want 8", n)
	}
}

// TestShuffle: ties come in another order with each request, repeatably.
func TestShuffle(t *testing.T) {
	t.Parallel()
	listing := func() (lists []string) {
		truth := NewTruth(clock)
		truth.Churn(1).Fill(50, date(1, 0), date(1, 1))
		var all []string
		for _, o := range truth.Orders() {
			all = append(all, o.ID)
		}
		truth.BulkEdit(all, date(2, 0), nil)
		s := New(truth, Shop{Sorting: ByModified, Seed: 3})
		for range 2 {
			_, body, err := ask(t, s, "/orders/list", "page_size", "50")
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, strings.Join(ids(t, body), " "))
		}
		return lists
	}
	one, other := listing(), listing()
	if one[0] == one[1] {
		t.Error("ties come in one order")
	}
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the same seed gives another order:\n%s", diff)
	}
}

// TestPast: replicas that lag and changes that take their time serve what was.
func TestPast(t *testing.T) {
	t.Parallel()
	now := date(1, 0)
	truth := NewTruth(func() time.Time { return now })
	truth.Create(Order{ID: "1"})
	now = date(1, 1)
	truth.Modify("1", func(o *Order) { o.Status = "paid" })
	truth.Create(Order{ID: "2"})
	now = date(1, 2)
	truth.Delete("2")
	s := New(truth, Shop{Lag: func(r Request) time.Duration { return time.Duration(r.N) * 30 * time.Minute }})
	var got []string
	for range 4 {
		_, body, err := ask(t, s, "/orders/list")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(ids(t, body), "+")+" "+strconv.FormatBool(strings.Contains(body, `"paid"`)))
	}
	if diff := cmp.Diff([]string{"2+1 true", "2+1 true", "1 false", "1 false"}, got); diff != "" {
		t.Errorf("replicas (-want +got):\n%s", diff)
	}
	s = New(truth, Shop{Delay: 90 * time.Minute})
	if _, body, err := ask(t, s, "/orders/list"); err != nil || strings.Join(ids(t, body), "+") != "1" {
		t.Errorf("before the delay is over: %s, %v", body, err)
	}
	if o, ok := truth.Order("1"); !ok || o.Status != "paid" || !o.Modified.Equal(date(1, 1)) || truth.Len() != 1 || truth.Writes() != 4 {
		t.Errorf("the truth: %+v, %d orders, %d writes", o, truth.Len(), truth.Writes())
	}
}

// TestBefore: rows can be changed before each answer.
func TestBefore(t *testing.T) {
	t.Parallel()
	truth := NewTruth(clock)
	s := New(truth, Shop{Before: func(r Request) {
		if r.List == 2 {
			truth.Create(Order{ID: "1"})
		}
	}})
	for want := range 2 {
		_, body, err := ask(t, s, "/orders/list")
		if err != nil || len(ids(t, body)) != want {
			t.Errorf("%s, %v; want %d orders", body, err, want)
		}
	}
}

// TestFaults: each fault, without a socket and on a bubble's clock.
func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		truth := NewTruth(nil)
		truth.Create(Order{ID: "1"})
		s := New(truth, Shop{})
		_, whole, err := ask(t, s, "/orders/list")
		if err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name   string
			fault  Fault
			status int
			body   string
			err    error
			took   time.Duration
		}{
			{name: "slow", fault: Fault{Latency: time.Minute}, status: 200, body: whole, took: time.Minute},
			{name: "a drip", fault: Fault{Drip: time.Second, Body: "12345"}, status: 200, body: "12345", took: 6 * time.Second},
			{name: "cut", fault: Cut(10, false), status: 200, body: whole[:10], err: io.ErrUnexpectedEOF},
			{name: "cut quietly", fault: Cut(10, true), status: 200, body: whole[:10]},
			{name: "empty", fault: Fault{Empty: true}, status: 200},
			{name: "a status", fault: Status(503), status: 503, body: `{"error":{"code":"503","message":"something is wrong"}}`},
			{name: "an error object", fault: ErrorObject("1", "no"), status: 200, body: `{"code":1,"msg":"no"}`},
			{name: "an answer", fault: Answer("null"), status: 200, body: "null"},
		}
		for _, test := range tests {
			s.Fail(test.fault)
			begun := time.Now()
			response, body, err := ask(t, s, "/orders/list")
			if response.StatusCode != test.status || body != test.body || !errors.Is(err, test.err) || time.Since(begun) != test.took {
				t.Errorf("%s: %d, %q, %v after %s", test.name, response.StatusCode, body, err, time.Since(begun))
			}
		}
		s.Fail(TooMany("2.5"), HTML(), Fault{Reset: true})
		if response, _, err := ask(t, s, "/orders/list"); err != nil || response.StatusCode != 429 || response.Header.Get("Retry-After") != "2.5" {
			t.Errorf("too many: %v, %v", response, err)
		}
		if response, body, err := ask(t, s, "/orders/list"); err != nil || body[0] != '<' ||
			!strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Errorf("HTML: %v, %v", response, err)
		}
		if _, _, err := ask(t, s, "/orders/list"); !errors.Is(err, errReset) {
			t.Errorf("a reset: %v", err)
		}
		if _, body, err := ask(t, s, "/orders/list"); err != nil || body != whole {
			t.Errorf("after the faults: %s, %v", body, err)
		}
		s.Change(func(shop *Shop) { shop.Fault = func(Request) *Fault { return &Fault{Latency: time.Hour} } })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://shop.example/orders/list", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := s.Transport().RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has no time to wait: %v, %v", response, err)
		}
	})
}

// TestChurn: the same seed lives the same life.
func TestChurn(t *testing.T) {
	t.Parallel()
	live := func(seed uint64) []Order {
		now := date(1, 0)
		truth := NewTruth(func() time.Time { return now })
		churn := truth.Churn(seed)
		churn.Deletes, churn.Quiet = true, true
		churn.Fill(100, date(1, 0), date(2, 0))
		for range 300 {
			now = now.Add(time.Minute)
			if churn.Step() == "" {
				t.Error("a step that says nothing")
			}
		}
		return truth.Orders()
	}
	one := live(1)
	if diff := cmp.Diff(one, live(1)); diff != "" {
		t.Errorf("another life:\n%s", diff)
	}
	if cmp.Equal(one, live(2)) {
		t.Error("another seed gives the same life")
	}
	ties, statuses := map[time.Time]int{}, map[string]bool{}
	for _, o := range one {
		ties[o.Modified]++
		statuses[o.Status] = true
		lines := map[string]bool{}
		for _, line := range o.Lines {
			if lines[line.ID] {
				t.Errorf("order %s has two lines %s", o.ID, line.ID)
			}
			lines[line.ID] = true
		}
	}
	most := 0
	for _, n := range ties {
		most = max(most, n)
	}
	if most < 5 || len(statuses) < 4 {
		t.Errorf("at most %d orders share a time of change, %d statuses", most, len(statuses))
	}
}

// TestPoisons: each poison spoils its record and nothing else; what is left out and null is so.
func TestPoisons(t *testing.T) {
	t.Parallel()
	truth := NewTruth(clock)
	truth.Create(Order{ID: "1", Created: date(1, 0), Note: "n", Omit: []string{"note"}, Null: []string{"status"}, CustomerID: "5"})
	s := New(truth, Shop{Envelope: "root", Keys: map[string]string{"id": "order_id", "customer_id": "customer.id"}, NumberAmounts: true})
	_, body, err := ask(t, s, "/orders/list")
	want := `[{"order_id":1,"number":"US-1","status":null,"currency":"USD","total":0.00,"customer":{"id":5},` +
		`"created_at":"2026-11-01T00:00:00Z","updated_at":"2026-11-01T00:00:00Z","line_items":[]}]`
	if err != nil || body != want {
		t.Errorf("got %s, %v; want %s", body, err, want)
	}
	for _, poison := range []Poison{
		BadMoney, NoID, NullID, TwiceKey, FoldedKey, HugeNote, DeepNesting, BadTime, BadUTF8, BadQuantity, NotAnObject,
	} {
		s.Change(func(shop *Shop) { *shop = Shop{Mass: poison, Envelope: "root"} })
		truth.Modify("1", func(o *Order) { o.Omit, o.Lines = nil, []Line{{SKU: "A", Quantity: "1", Price: "2"}} })
		_, spoiled, err := ask(t, s, "/orders/list")
		s.Change(func(shop *Shop) { shop.Mass = "" })
		_, good, _ := ask(t, s, "/orders/list")
		if err != nil || spoiled == good || !strings.HasSuffix(spoiled, "]") {
			t.Errorf("%s: %.100s", poison, spoiled)
		}
	}
}
