package rest

import (
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/order"
)

// Options describe one order API. Paths into JSON are dotted: "customer.id"; a dot inside a key is written "\.". Where there are
// several, the first that is present and not null counts.
type Options struct {
	// Source is the name under which orders are stored.
	Source order.SourceID
	// Client is the door to the remote; it knows the credential.
	Client *apiclient.Client
	// BaseURL is what Paths are appended to.
	BaseURL string
	// Paths of the order list. On 404 the next one is tried; the one that answers is remembered.
	Paths []string
	// Query holds further parameters by name. In a value "{filter_status}" stands for FilterStatus; a parameter whose value comes out
	// empty is not sent.
	Query        map[string]string
	FilterStatus string
	Window       Window
	// Sort is the parameter that sorts the list; a zero one is not sent.
	Sort Parameter
	Page Page
	// Records are candidate paths of the list inside the answer; "" is the root.
	Records []string
	// Detail are candidate paths of the order inside the answer to GET {path}/{id}; nil: the root, order, data, data.order.
	Detail []string
	Map    Map
}

// Parameter is a query parameter.
type Parameter struct {
	Name, Value string
}

// By says which time of an order a filter looks at.
type By string

// The filters that are known. ByNone: the remote lists everything each time.
const (
	ByModified By = "modified"
	ByCreated  By = "created"
	ByNone     By = "none"
)

// Bound says whether an order exactly at the end of a span is listed.
type Bound string

// The bounds. Empty means Inclusive.
const (
	Inclusive Bound = "inclusive"
	Exclusive Bound = "exclusive"
)

// Layouts that have a name. Every other layout is one of package time.
const (
	LayoutRFC3339   = "rfc3339"
	LayoutRFC3339ms = "rfc3339ms"
	LayoutRFC1123Z  = "rfc1123z"
	LayoutDate      = "date"
	LayoutDatetime  = "datetime" // 2006-01-02 15:04:05
	LayoutUnix      = "unix"
	LayoutUnixMS    = "unix_ms"
)

// Window is how the remote filters by time.
type Window struct {
	By By
	// Since and Until are the names of the parameters.
	Since, Until string
	// Layout is how their values are written; SinceLayout and UntilLayout where they differ.
	Layout, SinceLayout, UntilLayout string
	// Zone is where values without a zone are at home and where days begin. Nil: the remote does not say; UTC is assumed, and a filter
	// by days is asked for a day more at both ends.
	Zone *time.Location
	// Resolution is the smallest step that the filter can tell apart: at most a day, and a part of it.
	Resolution             time.Duration
	SinceBound, UntilBound Bound
}

// Page is how the remote cuts the list. With neither Number nor Offset the answer is the whole list, or as much of it as Size admits.
type Page struct {
	// Number is the parameter of the page's number, First the number of the first page.
	Number string
	First  int
	// Offset is the parameter of the rows to skip, for remotes that count rows instead of pages.
	Offset string
	// Size is the parameter of the page's size; empty: not sent. SizeValue is asked for, and up to SizeMax where the remote does not
	// turn pages; zero: 100, and no more than SizeValue.
	Size      string
	SizeValue int
	SizeMax   int
	// Total and Pages are where the remote announces the number of records and of pages.
	Total Place
	Pages Place
	// Max bounds the pages of one pass; zero: 1000. A window that needs more is too wide.
	Max int
}

// Place is where an answer may hold a number: in its body or in its headers, the first that is there, bodies first.
type Place struct {
	Paths   []string
	Headers []string
}

// Map says where each field of an order stands. A zero Field: the remote does not have it.
type Map struct {
	ID       Field
	Number   Field
	Status   Status
	Currency Field

	Total, Paid, Discount, ShippingFee, Tax, Refunded Field

	BuyerID, BuyerName, BuyerEmail                            Field
	Receiver, ReceiverCountry, ReceiverProvince, ReceiverCity Field
	BuyerNote, SellerNote                                     Field

	OrderedAt, PaidAt, ShippedAt, CompletedAt, CancelledAt, ModifiedAt Field

	Lines   Lines
	Refunds Refunds
}

// Field is where one value stands and how it is read.
type Field struct {
	Paths []string
	// Layouts are how a time may be written; nil: the usual ways are recognised, also seconds or milliseconds since 1970.
	Layouts []string
	// Zone is that of times that name none; nil: Window.Zone.
	Zone *time.Location
	// Upper turns a text into capitals.
	Upper bool
}

// Status is where the status stands and what its words mean. Capitals do not matter, nor do blanks, hyphens and underscores.
type Status struct {
	Paths []string
	Words map[string]order.Status
	// Default is for words that Words lacks; empty: order.StatusUnknown.
	Default order.Status
}

// Lines is where the lines of an order stand, and their fields inside a line.
type Lines struct {
	Paths []string
	// Where, if set, keeps only the lines that it holds for.
	Where *Condition
	// ID may be missing in a line, which then gets its SKU and a number.
	ID, SKU, ProductID, VariantID, Title, Variant Field
	Quantity, UnitPrice, Discount, Total          Field
	Status, RefundStatus, ImageURL                Field
}

// Refunds is where the refunds of an order stand, and their fields inside a refund.
type Refunds struct {
	Paths                                                     []string
	ID, LineID, Amount, Status, Reason, CreatedAt, RefundedAt Field
}

// Condition compares the value at Path with Equals, or with null. A value that is missing counts as null. Not turns it round.
type Condition struct {
	Path   string
	Null   bool
	Equals string
	Not    bool
}
