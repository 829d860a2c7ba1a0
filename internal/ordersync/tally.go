package ordersync

import (
	"hash/maphash"
	"slices"

	"ordersync/internal/order"
)

// tally judges whether the readings of one window account for everything that the remote holds in it.
//
// The rule. Let response r announce T(r) records, of which A(r) are known, by records received up to r, to lie at or after the
// window's end (a filter of whole days brings them along). Then at most T(r) - A(r) records of the window existed when r was sent.
// In a closed window records can leave (a change gives them a later time) but none can enter. So every record of the window
// that is received in r or later existed at r, and when at least T(r) - A(r) distinct ones have been received since, they are
// all there were: nothing that is still in the window can be missing. One such r in any of the readings proves the window.
//
// Responses that announce nothing may stand between those that do, as where a remote counts only when it is asked to: they bring
// records, and prove nothing by themselves.
//
// This is stricter than comparing with the smallest total: a record that left after it was read could stand in for one that a
// shifted page or a tie in the sort key has hidden. It asks for no more readings where nothing changes, and still ends where
// something always does, because a reading of one response proves itself and windows are halved towards one.
//
// That none enters is what the settle time is for. A total that rises, by more than the records at or after the end that came
// to light since explain, shows that one did enter: responses before the rise prove nothing then.
type tally struct {
	seed maphash.Seed
	// seen maps each record of the window (by the hash of its key: memory is bounded by a window's records, not their ids'
	// lengths) to the last response that brought it.
	seen   map[uint64]int
	beyond map[uint64]bool
	dead   map[uint64]bool

	// fullest is the largest page that the run has seen.
	fullest int
	// stored is how many records of the window were listed when a page was last committed.
	stored int

	responses []response
	pass      passTally
	earlier   []passTally
}

// response is what one page said about the whole.
type response struct {
	announced bool
	total     int
	// beyond is the number of records known to lie at or after the window's end, this response included.
	beyond int
}

// passTally is what one reading brought.
type passTally struct {
	total    int // the newest that was announced, -1 where none was
	filled   int // responses with records
	records  int
	fresh    int // records of the window that no earlier response brought
	numbered bool
	repeated bool // some record came twice
	// print is equal for readings that brought the same records and the same last total.
	print uint64
	keys  map[uint64]bool
}

func newTally() *tally {
	return &tally{
		seed: maphash.MakeSeed(), seen: map[uint64]int{}, beyond: map[uint64]bool{}, dead: map[uint64]bool{},
		pass: newPass(),
	}
}

func newPass() passTally { return passTally{total: -1, keys: map[uint64]bool{}} }

// add counts a page of the current pass.
func (t *tally) add(page order.Page) {
	at := len(t.responses)
	for _, record := range page.Records {
		key := maphash.String(t.seed, record.Key())
		if record.Dead != nil {
			t.dead[key] = true
		}
		if !t.pass.keys[key] {
			t.pass.keys[key] = true
			t.pass.print += key | 1 // a sum: the order in which records come does not matter
		} else {
			t.pass.repeated = true
		}
		if record.Beyond {
			t.beyond[key] = true
			continue
		}
		if _, known := t.seen[key]; !known {
			t.pass.fresh++
		}
		t.seen[key] = at
	}
	total, announced := page.Total.Get()
	if announced {
		t.pass.total = total
	}
	t.responses = append(t.responses, response{announced: announced, total: total, beyond: len(t.beyond)})
	if len(page.Records) > 0 {
		t.pass.filled++
	}
	t.pass.records += len(page.Records)
	t.pass.numbered = t.pass.numbered || page.Numbered
}

// end closes the current pass and opens the next.
func (t *tally) end() {
	t.pass.print = t.pass.print*31 + uint64(t.pass.total)
	t.pass.keys = nil
	t.earlier = append(t.earlier, t.pass)
	t.pass = newPass()
}

// lastTotal is the newest total that the last pass announced, -1 where it announced none.
func (t *tally) lastTotal() int { return t.earlier[len(t.earlier)-1].total }

// announces reports whether the remote announces totals.
func (t *tally) announces() bool { return t.lastTotal() >= 0 }

// proved applies the rule above to all responses so far.
func (t *tally) proved() bool {
	// since[r] becomes the number of records last seen in response r or later.
	since := make([]int, len(t.responses)+1)
	for _, at := range t.seen {
		since[at]++
	}
	highest := 0
	for r := len(t.responses) - 1; r >= 0; r-- {
		since[r] += since[r+1]
		response := t.responses[r]
		if !response.announced {
			continue
		}
		highest = max(highest, response.total)
		explained := len(t.beyond) - response.beyond
		if highest <= response.total+explained && since[r] == response.total-response.beyond && t.credible(r) {
			return true
		}
	}
	return false
}

// credible refuses a total of 0 that the response before it did not announce as well: a remote that is in trouble pretends once
// that there is nothing.
func (t *tally) credible(r int) bool {
	return t.responses[r].total > 0 || r > 0 && t.responses[r-1].announced && t.responses[r-1].total == 0
}

// listed is the number of distinct records of the window.
func (t *tally) listed() int { return len(t.seen) }

// backlog is how many records of the window the newest total announced and are not stored; nil where none was announced.
func (t *tally) backlog() *int {
	for _, r := range slices.Backward(t.responses) {
		if r.announced {
			return new(max(r.total-len(t.beyond)-t.stored, 0))
		}
	}
	return nil
}

// records is the number of distinct records received, those beyond the window's end included.
func (t *tally) records() int { return len(t.seen) + len(t.beyond) }

type verdict uint8

const (
	// complete: the window is proved.
	complete verdict = iota
	// again: read it once more.
	again
	// halve: read its halves.
	halve
	// lies: the remote keeps announcing more than it lists; accept and tell.
	lies
	// differ: the readings do not agree and cannot be made smaller.
	differ
)

// maxPasses is how often a window is read before it is halved or given up.
const maxPasses = 6

// judge closes the pass and says what to do. divisible tells whether the window is longer than the filter's smallest step.
func (t *tally) judge(divisible bool) verdict {
	t.end()
	switch {
	case t.records() == 0:
		return t.judgeEmpty()
	case t.announces():
		return t.judgeAnnounced(divisible)
	}
	return t.judgeSilent(divisible)
}

// judgeSilent decides where nothing is announced. A cursor is trusted to its end, and so is a listing of one page that is shorter
// than another page of the run: it was not cut off, so nothing can have drifted behind it. Several numbered pages are halved
// towards that; what cannot be halved is read again until it stands still.
func (t *tally) judgeSilent(divisible bool) verdict {
	n := len(t.earlier)
	last := t.earlier[n-1]
	vanished := last.filled == 0 && t.earlier[max(n-2, 0)].filled > 0
	switch {
	case vanished && n < maxPasses:
		return again // all at once: a lapse of the remote, more likely than not
	case !last.numbered || last.filled <= 1 && last.records < t.fullest:
		return complete
	case divisible && last.filled > 1:
		return halve
	case n > 1 && t.still():
		return complete
	case n < maxPasses:
		return again
	case last.fresh == 0:
		return complete
	}
	return differ
}

// still reports whether the last readings brought nothing new: one, or three in a row where a reading brought some record twice,
// which shows that rows change places between requests, so that one reading without news is easily luck.
func (t *tally) still() bool {
	needed := 1
	for _, pass := range t.earlier {
		if pass.repeated {
			needed = 3
		}
	}
	if len(t.earlier) <= needed {
		return false
	}
	for _, pass := range t.earlier[len(t.earlier)-needed:] {
		if pass.fresh > 0 {
			return false
		}
	}
	return true
}

// judgeEmpty: an empty answer is asked for twice before it is believed.
func (t *tally) judgeEmpty() verdict {
	switch {
	case len(t.earlier) < 2:
		return again
	case t.lastTotal() > 0:
		return t.judgeDoubt(false)
	default:
		return complete
	}
}

func (t *tally) judgeAnnounced(divisible bool) verdict {
	if t.proved() {
		return complete
	}
	return t.judgeDoubt(divisible)
}

// judgeDoubt decides about a window that is not proved. Two equal readings will not be helped by a third, so they are halved
// at once, unless one response held everything: such a reading cannot drift, and halving would only repeat the lie.
func (t *tally) judgeDoubt(divisible bool) verdict {
	n := len(t.earlier)
	last := t.earlier[n-1]
	equal := 1
	for equal < n && t.earlier[n-1-equal].print == last.print {
		equal++
	}
	switch {
	case divisible && equal >= 2 && last.filled > 1:
		return halve
	case n < maxPasses:
		return again
	case equal >= maxPasses && (!divisible || last.filled <= 1):
		return lies
	case divisible:
		return halve
	default:
		return differ
	}
}
