package taobaotest

import "time"

// Truth is what one shop has: its trades with refunds and parcels. It is safe for many goroutines. Every change is kept with its moment, so
// that lagging lists can serve the past.
type Truth struct {
	now func() time.Time
}

// NewTruth returns an empty shop with its own clock; nil: time.Now.
func NewTruth(now func() time.Time) *Truth { return &Truth{now: now} }

// Now is the shop's clock.
func (t *Truth) Now() time.Time { return t.now().UTC() }

// Create adds a trade. What is empty is filled in: ids, the type fixed, the state WAIT_BUYER_PAY, one line, now (to the second) as the time of
// creation and of change.
func (t *Truth) Create(o Trade) Trade { return o }

// Modify changes a trade and moves its time of change to now, to the second. It reports whether the trade is there.
func (t *Truth) Modify(tid string, change func(*Trade)) bool { return false }

// Amend changes a trade without moving its time of change: the trace of a parcel, a refund that only its own list tells of.
func (t *Truth) Amend(tid string, change func(*Trade)) bool { return false }

// BulkEdit changes many trades at one moment: their times of change are equal.
func (t *Truth) BulkEdit(tids []string, at time.Time, change func(*Trade)) int { return 0 }

// Trade returns a trade as it is now.
func (t *Truth) Trade(tid string) (Trade, bool) { return Trade{}, false }

// Trades returns all trades as they are now, by tid: what a perfect copy would hold.
func (t *Truth) Trades() []Trade { return nil }

// Len is the number of trades.
func (t *Truth) Len() int { return 0 }

// Writes counts the changes so far.
func (t *Truth) Writes() int { return 0 }

// Fullinfo is the JSON object of a trade as fullinfo says it now when all fields are asked for, outside promotion hours, poison and all.
func (t *Truth) Fullinfo(tid string) (string, bool) { return "", false }

// Fullinfos are the JSON objects of all trades by tid, but for the poisoned ones.
func (t *Truth) Fullinfos() map[string]string { return nil }

// Poisoned are the tids of the trades that cannot be understood.
func (t *Truth) Poisoned() []string { return nil }

// Refunds returns the refunds of a trade; of all trades where tid is empty.
func (t *Truth) Refunds(tid string) []Refund { return nil }

// Parcels returns the parcels of a trade with their traces.
func (t *Truth) Parcels(tid string) []Parcel { return nil }
