// Package order holds the nouns of the product and their rules: orders, lines, refunds, money, pages, windows, checkpoints.
//
// It does no I/O and has no clock; every room may import it and it imports none. Two conversions meet here: a source turns
// what a remote sent into these types, the store turns these types into SQL arguments. What the rules promise:
//
//   - a value the remote left out is told apart from one that it emptied ([Field]), so that absence never clears;
//   - money and quantities are exact decimals from the remote's own text ([Decimal]), never floats;
//   - instants are UTC and cut (not rounded) to the microseconds that the database holds ([Instant]);
//   - two orders with the same [Order.Hash] are stored as the same rows.
package order

import (
	"slices"
	"strings"
	"time"
)

// SourceID is the name of a remote account (a shop) as the operator wrote it: part of every row's key.
type SourceID string

// Status is the one vocabulary into which every remote's words are mapped. The remote's own words stay in SourceStatus.
type Status string

// The statuses that an ERP may rely on. StatusUnknown means that the remote's word has no mapping yet.
const (
	StatusPendingPayment    Status = "pending_payment"
	StatusPaid              Status = "paid"
	StatusPartiallyShipped  Status = "partially_shipped"
	StatusShipped           Status = "shipped"
	StatusCompleted         Status = "completed"
	StatusCancelled         Status = "cancelled"
	StatusPartiallyRefunded Status = "partially_refunded"
	StatusRefunded          Status = "refunded"
	StatusUnknown           Status = "unknown"
)

// Statuses returns all statuses, in the order of an order's life.
func Statuses() []Status {
	return []Status{
		StatusPendingPayment, StatusPaid, StatusPartiallyShipped, StatusShipped, StatusCompleted,
		StatusCancelled, StatusPartiallyRefunded, StatusRefunded, StatusUnknown,
	}
}

// Order is one order as a remote described it at one moment. Its version is (ModifiedAt, FetchedAt).
type Order struct {
	Source SourceID
	// ID is the remote's own id, as text, compared byte for byte.
	ID string

	Number       Field[string]
	Status       Field[Status]
	SourceStatus Field[string]
	// Currency is the code for all amounts of the order, as the remote wrote it, upper case.
	Currency Field[string]

	Total       Field[Decimal]
	Paid        Field[Decimal]
	Discount    Field[Decimal]
	ShippingFee Field[Decimal]
	Tax         Field[Decimal]
	Refunded    Field[Decimal]

	BuyerID    Field[string]
	BuyerName  Field[string]
	BuyerEmail Field[string]
	// Receiver is the whole delivery address as canonical JSON ([CanonicalJSON]).
	Receiver         Field[string]
	ReceiverCountry  Field[string]
	ReceiverProvince Field[string]
	ReceiverCity     Field[string]
	BuyerNote        Field[string]
	SellerNote       Field[string]

	OrderedAt   Field[time.Time]
	PaidAt      Field[time.Time]
	ShippedAt   Field[time.Time]
	CompletedAt Field[time.Time]
	CancelledAt Field[time.Time]

	// ModifiedAt is the remote's time of the last change; where the remote has none, OrderedAt.
	ModifiedAt time.Time
	// FetchedAt is the remote's clock when the fetch was sent that brought this content.
	FetchedAt time.Time

	// Items are the lines. Absent: the remote said nothing about lines. Empty: it said that there are none.
	Items Field[[]Item]
	// Refunds likewise.
	Refunds Field[[]Refund]
	// MoreRefunds: Refunds are some of the order's. Those that are stored besides stay, and Refunded is the sum of all that were paid.
	MoreRefunds bool

	// Raw is the record as the remote sent it, byte for byte.
	Raw []byte
	// Rounded counts the amounts that had more than six decimal places and were rounded half-even.
	Rounded int
	// Repaired counts the texts in which bytes that are not UTF-8 were replaced by U+FFFD.
	Repaired int
}

// Item is one line of an order.
type Item struct {
	// LineID is unique within its order.
	LineID       string
	SKU          Field[string]
	ProductID    Field[string]
	VariantID    Field[string]
	Title        Field[string]
	Variant      Field[string]
	Quantity     Field[Decimal]
	UnitPrice    Field[Decimal]
	Discount     Field[Decimal]
	Total        Field[Decimal]
	Status       Field[string]
	RefundStatus Field[string]
	ImageURL     Field[string]
}

// Refund is one refund of an order or of one of its lines.
type Refund struct {
	// ID is unique within its source.
	ID         string
	LineID     Field[string]
	Amount     Field[Decimal]
	Status     Field[string]
	Reason     Field[string]
	CreatedAt  Field[time.Time]
	RefundedAt Field[time.Time]
}

// Version is what decides which of two contents of one order is newer.
type Version struct {
	ModifiedAt time.Time
	FetchedAt  time.Time
}

// Version returns the order's version.
func (o *Order) Version() Version {
	return Version{ModifiedAt: o.ModifiedAt, FetchedAt: o.FetchedAt}
}

// Compare orders versions: by the remote's update time, and by the time of the fetch where that is equal.
func (v Version) Compare(w Version) int {
	if c := v.ModifiedAt.Compare(w.ModifiedAt); c != 0 {
		return c
	}
	return v.FetchedAt.Compare(w.FetchedAt)
}

// Instant returns t as it is stored: UTC, cut to microseconds.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Sort brings lines and refunds into the order of their keys, in which they are hashed, compared and stored.
func (o *Order) Sort() {
	if items, ok := o.Items.Get(); ok {
		slices.SortStableFunc(items, func(a, b Item) int { return strings.Compare(a.LineID, b.LineID) })
	}
	if refunds, ok := o.Refunds.Get(); ok {
		slices.SortStableFunc(refunds, func(a, b Refund) int { return strings.Compare(a.ID, b.ID) })
	}
}
