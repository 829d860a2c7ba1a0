package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ordersync/internal/fault"
)

// TestListing: where the list is found, and what is none.
func TestListing(t *testing.T) {
	t.Parallel()
	const one = `{"id":1,"modified_at":"2026-11-02T10:00:00Z"}`
	d := all()
	d.Records = []string{"", "orders", "data", "data.orders", "items"}
	tests := []struct {
		name, body string
		header     string // X-Total-Count
		records    int
		total      int // -1: none
		kind       fault.Kind
		want       string
	}{
		{name: "a list", body: `[` + one + `]`, records: 1, total: -1},
		{name: "an empty list", body: ` [ ] `, total: -1},
		{name: "a list and a header", body: `[` + one + `]`, header: " 17", records: 1, total: 17},
		{name: "under orders", body: `{"orders":[` + one + `],"total":5}`, records: 1, total: 5},
		{name: "the total before the list, as text", body: `{"total":"5","orders":[` + one + `]}`, records: 1, total: 5},
		{name: "the body comes before the header", body: `{"total":5,"orders":[]}`, header: "7", total: 5},
		{name: "a total of null is none", body: `{"total":null,"orders":[]}`, header: "7", total: 7},
		{name: "under data", body: `{"data":[` + one + `]}`, records: 1, total: -1},
		{name: "under data.orders", body: `{"data":{"orders":[` + one + `]}}`, records: 1, total: -1},
		{name: "under items", body: `{"items":[` + one + `]}`, records: 1, total: -1},
		{name: "the first that is a list", body: `{"orders":"see data","data":{"orders":[` + one + `]}}`, records: 1, total: -1},
		{name: "null, announced as none", body: `{"orders":null,"total":0}`, total: 0},
		{name: "an object without entries, announced as none", body: `{"data":{},"total":0}`, total: 0},
		{name: "a good code", body: `{"code":0,"msg":"ok","data":{"orders":[]}}`, total: -1},
		{name: "a good word", body: `{"code":"SUCCESS","success":true,"data":{"orders":[]}}`, total: -1},
		{name: "any code beside orders", body: `{"code":17,"data":{"orders":[` + one + `]}}`, records: 1, total: -1},
		{name: "no errors", body: `{"orders":[],"errors":[],"error":null}`, total: -1},
		{name: "scalars as records", body: `[1,null,"x",[]]`, records: 4, total: -1},

		{name: "null", body: `null`, kind: fault.Transient, want: "holds nothing"},
		{name: "empty", body: ` `, kind: fault.Transient, want: "empty"},
		{name: "HTML", body: "\n<html>", kind: fault.Transient, want: "HTML"},
		{name: "cut short", body: `{"orders":[` + one, kind: fault.Transient, want: "cut short"},
		{name: "two texts", body: `[][]`, kind: fault.Transient, want: "not JSON"},
		{name: "a text", body: `"ok"`, kind: fault.Protocol, want: "records.path"},
		{name: "null, nothing announced", body: `{"orders":null}`, kind: fault.Protocol, want: "records.path"},
		{name: "null, some announced", body: `{"orders":null,"total":3}`, kind: fault.Protocol, want: "records.path"},
		{name: "an object of orders", body: `{"orders":{"1":` + one + `}}`, kind: fault.Protocol, want: "records.path"},
		{name: "a message", body: `{"message":"come back later"}`, kind: fault.Protocol, want: "a message and no list"},
		{name: "a code and a message", body: `{"code":1,"msg":"no"}`, kind: fault.Protocol, want: "code 1"},
		{name: "a good code and no list", body: `{"code":0,"msg":"ok"}`, kind: fault.Protocol, want: "a message and no list"},
		{name: "an error", body: `{"error":{"code":"E_7","message":"for Jane"}}`, kind: fault.Protocol, want: "code E_7"},
		{name: "an error in words", body: `{"error":"Jane is not allowed"}`, kind: fault.Protocol, want: "without a code"},
		{name: "errors", body: `{"errors":[{"message":"x"}],"data":null}`, kind: fault.Protocol, want: "without a code"},
		{name: "errors beside orders", body: `{"errors":[{"message":"x"}],"orders":[` + one + `]}`,
			kind: fault.Protocol, want: "error object"},
		{name: "no success", body: `{"success":false,"orders":[]}`, kind: fault.Protocol, want: "error object"},
		{name: "too many calls", body: `{"code":429,"msg":"slow down"}`, kind: fault.RateLimited, want: "code 429"},
		{name: "a key twice", body: `{"orders":[],"orders":[` + one + `]}`, kind: fault.Protocol, want: `the key "orders" stands there twice`},
		{name: "a negative total", body: `{"orders":[],"total":-1}`, kind: fault.Protocol, want: "negative"},
		{name: "a total with a point", body: `{"orders":[],"total":1.5}`, kind: fault.Protocol, want: "no whole number"},
		{name: "a total in words", body: `{"orders":[],"total":"many"}`, kind: fault.Protocol, want: "no whole number"},
		{name: "a total beyond belief", body: `{"orders":[],"total":99999999999999999999}`, kind: fault.Protocol, want: "no whole number"},
		{name: "a header in words", body: `[]`, header: "many", kind: fault.Protocol, want: "header X-Total-Count is no whole number"},
		{name: "pages that cannot be", body: `{"orders":[],"pages":-1}`, kind: fault.Protocol, want: `at "pages" is negative`},
		{name: "a million levels", body: strings.Repeat("[", 1_000_000), kind: fault.Protocol, want: "nested more than"},
		{name: "F41: ten thousand levels", body: `[` + strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999) + `,` + one + `]`,
			records: 2, total: -1},
	}
	r := reader(t, d)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := func(name string) string {
				if name == "X-Total-Count" {
					return test.header
				}
				return ""
			}
			l, err := r.Listing(Response{Body: []byte(test.body), Header: header, SentAt: fetched()})
			if test.kind != 0 {
				said := fmt.Sprint(err)
				if fault.KindOf(err) != test.kind || !strings.Contains(said, test.want) || strings.Contains(said, "Jane") {
					t.Errorf("got %v (%v), want %v with %q", err, fault.KindOf(err), test.kind, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			total, announced := l.Total.Get()
			if len(l.Records) != test.records || announced != (test.total >= 0) || announced && total != test.total {
				t.Errorf("%d records of %d (%v), want %d of %d", len(l.Records), total, announced, test.records, test.total)
			}
		})
	}
}

// TestRootIsNamed: a list at the root is only taken where the description says so.
func TestRootIsNamed(t *testing.T) {
	t.Parallel()
	d := all()
	d.Records = []string{"orders"}
	if _, err := reader(t, d).Listing(Response{Body: []byte(`[]`)}); fault.KindOf(err) != fault.Protocol {
		t.Errorf("got %v", err)
	}
}

// TestOne: the order inside the answer to a question for one.
func TestOne(t *testing.T) {
	t.Parallel()
	const one = `{"id":1,"modified_at":"2026-11-02T10:00:00Z"}`
	r := reader(t, all())
	for _, body := range []string{one, `{"order":` + one + `}`, `{"data":` + one + `}`, `{"code":0,"data":{"order":` + one + `}}`} {
		record, err := r.One(Response{Body: []byte(body), SentAt: fetched()})
		if err != nil || record.Order == nil || record.Order.ID != "1" || string(record.Order.Raw) != one {
			t.Errorf("%s: %+v, %v", body, record, err)
		}
	}
	record, err := r.One(Response{Body: []byte(`{"order":{"id":1,"id":1}}`), SentAt: fetched()})
	if err != nil || record.Dead == nil {
		t.Errorf("an ambiguous id: %+v, %v", record, err)
	}
	for body, kind := range map[string]fault.Kind{
		`[]`: fault.Protocol, `{"x":1}`: fault.Protocol, `{"error":"x"}`: fault.Protocol, `null`: fault.Transient, `<html>`: fault.Transient,
	} {
		if _, err := r.One(Response{Body: []byte(body)}); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestCode: only what is a code is quoted.
func TestCode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"code":"E17"}`: "E17", `{"error":{"code":4}}`: "4", `{"error":"too_wide"}`: "too_wide", `{"error_code":"A.1-b"}`: "A.1-b",
		`{"error":"Jane Doe"}`: "", `{"code":"` + strings.Repeat("1", 41) + `"}`: "", `<html>`: "", ``: "", `{"code":true}`: "", `{"code":null}`: "",
	} {
		if got := Code([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// TestAboutSpan: a refusal that halving may help is told from another.
func TestAboutSpan(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"error":"The date range must be at most 31 days"}`: true, `time span too large`: true, `{"msg":"时间跨度不能超过7天"}`: true,
		`{"error":"unknown parameter page_size"}`: false, `{"error":"start_date is not a date"}`: false, ``: false,
		strings.Repeat(" ", 5000) + "range": false,
	} {
		if got := AboutSpan([]byte(body)); got != want {
			t.Errorf("%.60s: %v", body, got)
		}
	}
}

// TestCheck: what cannot work is told by New, all at once.
func TestCheck(t *testing.T) {
	t.Parallel()
	_, err := New(Description{By: ByCreated, Map: Map{PaidAt: Field{Layouts: []string{"x"}}}})
	if err == nil {
		t.Fatal("an empty description is taken")
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 5 {
		t.Errorf("got %v", err)
	}
}
