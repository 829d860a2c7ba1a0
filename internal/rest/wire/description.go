package wire

import (
	"time"

	"ordersync/internal/order"
)

// Description says what a remote's answers look like. Paths into JSON are dotted: "customer.id"; a dot inside a key is written "\\.".
// Where there are several, the first that is present and not null counts.
type Description struct {
	// Source is the name under which orders are stored.
	Source order.SourceID
	// Records are candidate paths of the list inside an answer; "" is the root.
	Records []string
	// Detail are candidate paths of the order inside the answer to a question for one; nil: the root, order, data, data.order.
	Detail []string
	// Total and Pages are where the number of all records and of all pages is announced.
	Total, Pages Place
	Map          Map
	// By is the time by which the remote filters: an order without it is a dead letter.
	By By
	// Zone is that of times that name none; nil: UTC.
	Zone *time.Location
}

// By says which time of an order a filter looks at.
type By string

// The filters that are known. ByNone: the remote lists everything each time.
const (
	ByModified By = "modified"
	ByCreated  By = "created"
	ByNone     By = "none"
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
