package resttest

import (
	"time"
)

// Sorting is how a list is sorted.
type Sorting int

// The sortings. ByModified leaves the order of ties to chance, anew for each request.
const (
	NewestFirst Sorting = iota
	OldestFirst
	ByModified
	ByID
)

// PastEnd is what a page past the end holds.
type PastEnd int

// The ways to answer a page past the end.
const (
	EmptyPage PastEnd = iota
	LastPageAgain
	NoContent
)

// Shop says how a server lists its orders. The zero Shop filters by days of creation in UTC, newest first, puts the orders under
// "orders" with their number under "total", takes any token, and has its list at /orders/list alone.
type Shop struct {
	// Prefix stands before all paths, such as "/api/v1".
	Prefix string
	// Path is where the list is: /orders/list or /orders; the other one is 404. Empty: /orders/list.
	Path string
	// Detail is where single orders are: {Detail}/{id}. Empty: at the list's path; "none": nowhere, they are 404.
	Detail string
	// Token is the bearer token that is wanted; empty: none.
	Token string

	// Envelope is where the orders are: "orders", "data", "data.orders", "items", or "root". Empty: "orders".
	Envelope string
	// TotalKey is where the number of orders is: a key of the envelope; "none": nowhere. Empty: "total", where there is an envelope.
	TotalKey string
	// TotalHeader is a header with the number of orders; empty: none.
	TotalHeader string
	// PagesKey is where the number of pages is; empty: nowhere.
	PagesKey string
	// Lie changes the announced number: it is given the true one and the rows of the page.
	Lie func(total, rows int) int
	// QuotedTotal sends the number as a text.
	QuotedTotal bool

	// ByModification makes the filter look at the time of change.
	ByModification bool
	// Since, Until, Page, Size and Status name the parameters; empty: start_date, end_date, page, page_size, filter_status. A
	// server that does not know one ignores it, as servers do.
	Since, Until, Page, Size, Status string
	// SinceExclusive and UntilExclusive leave out what lies exactly on a bound (an instant, or a whole day).
	SinceExclusive, UntilExclusive bool
	// Zone is where days begin; nil: UTC.
	Zone *time.Location
	// Sorting sorts the list, FirstPage is the number of its first page less one: -1 counts from zero.
	Sorting   Sorting
	FirstPage int
	// DefaultSize is the size of a page unless it is asked for, MaxSize the largest; zero: 20, and no limit.
	DefaultSize, MaxSize int
	// Offset names a parameter for the rows to skip, instead of pages.
	Offset string
	// IgnorePage, IgnoreDates and IgnoreSize act as if the parameter were unknown.
	IgnorePage, IgnoreDates, IgnoreSize bool
	PastEnd                             PastEnd
	// Widest refuses longer spans with 400.
	Widest time.Duration

	// Keys renames the keys of an order: {"id": "order_id"}. "customer_id" may become "customer.id".
	Keys map[string]string
	// Layout is how times are written; empty: RFC 3339 in UTC, to the second.
	Layout string
	// NumberAmounts sends amounts and quantities as JSON numbers, TextIDs ids as texts.
	NumberAmounts, TextIDs bool
	// Mass spoils every record.
	Mass Poison

	// Lag makes a request see the orders as they were so long ago, as replicas do; nil: never.
	Lag func(r Request) time.Duration
	// Delay is how long after it was made a change becomes visible.
	Delay time.Duration
	// Skew is how far the server's Date is ahead of its clock. NoDate sends none.
	Skew   time.Duration
	NoDate bool

	// Before is called before each answer is made, and may change the Truth: rows then move between pages.
	Before func(r Request)
	// Fault may spoil an answer; nil, or a nil fault: a good one. Faults of [Server.Fail] come first.
	Fault func(r Request) *Fault
	// Seed makes shuffled ties repeatable.
	Seed uint64
}

// Poison is a way in which one record cannot be understood.
type Poison string

// The poisons.
const (
	BadMoney    Poison = "bad money"
	NoID        Poison = "no id"
	NullID      Poison = "null id"
	TwiceKey    Poison = "a key twice"
	FoldedKey   Poison = "a key in two spellings"
	HugeNote    Poison = "a note of two megabytes"
	DeepNesting Poison = "nested 10000 levels deep"
	BadTime     Poison = "the year 9999"
	BadUTF8     Poison = "bytes that are not UTF-8 in the id"
	BadQuantity Poison = "a list as quantity"
	NotAnObject Poison = "a number instead of an order"
)

// Request is what a server was asked.
type Request struct {
	// N counts all requests from 1, List those for a page of the list; List is 0 for others.
	N, List int
	Path    string
	// Query holds the parameters that matter, Page and Size what was made of them.
	Query      map[string]string
	Page, Size int
	// At is the shop's clock.
	At time.Time
}

// Fault is an answer that is not what was asked for. The zero Fault changes nothing.
type Fault struct {
	// Latency passes before the answer begins.
	Latency time.Duration
	// Status replaces 200. A status without Body has a small JSON error as its body.
	Status int
	// Header adds headers.
	Header map[string]string
	// Body replaces the body, ContentType its type.
	Body        string
	ContentType string
	// Empty sends no body at all.
	Empty bool
	// Keep cuts the body after so many bytes; the connection then breaks, or, with Quietly, ends as if that were all.
	Keep    int
	Quietly bool
	// Drip sends one byte each time so much has passed.
	Drip time.Duration
	// Reset breaks the connection instead of answering.
	Reset bool
}

// TooMany is a 429 with any Retry-After; empty: none.
func TooMany(retryAfter string) Fault {
	f := Fault{Status: 429}
	if retryAfter != "" {
		f.Header = map[string]string{"Retry-After": retryAfter}
	}
	return f
}

// Status is an answer with that status.
func Status(status int) Fault { return Fault{Status: status} }

// HTML is a page for people, with status 200.
func HTML() Fault {
	return Fault{ContentType: "text/html; charset=utf-8", Body: "<!doctype html><html><body><h1>We will be back soon</h1></body></html>"}
}

// ErrorObject is an error inside a 200.
func ErrorObject(code, message string) Fault {
	return Fault{Body: `{"code":` + code + `,"msg":` + quote(message) + `}`}
}

// Answer is a 200 with that body.
func Answer(body string) Fault { return Fault{Body: body} }

// Cut breaks the answer off after n bytes; quietly: the connection ends in order, so that only the JSON shows it.
func Cut(n int, quietly bool) Fault { return Fault{Keep: n, Quietly: quietly} }
