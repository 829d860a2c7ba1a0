package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"strconv"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// pager is one way of walking through a listing. The numbered one is the first; links, cursors and keysets are to come beside it.
type pager interface {
	// pages reads a span once, as Source.Pages promises.
	pages(ctx context.Context, sp span) iter.Seq2[order.Page, error]
}

// numbered asks for pages by number, or by the rows before them.
type numbered struct {
	source *Source
}

// habits are what passes have learned of a remote's paging. All of it is only ever used to spare calls or to tell two remotes apart
// that look the same in one answer.
type habits struct {
	// turns: another page held other orders than page 1, so the remote does turn pages.
	turns bool
	// counts: a total was announced that was more than its page held, so totals are no mere counts of their page.
	counts bool
	// lies: a total was announced that was less than what was listed. Totals are not passed on since.
	lies bool
	// widest is the most rows that ever came in one answer: no smaller number of rows can be a limit of the remote.
	widest int
}

func (s *Source) learn(change func(*habits)) habits {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.habits)
	return s.habits
}

func (s *Source) known() habits { return s.learn(func(*habits) {}) }

// errLeft ends a pass whose reader has left.
var errLeft = errors.New("the reader has left")

func (n numbered) pages(ctx context.Context, sp span) iter.Seq2[order.Page, error] {
	return func(yield func(order.Page, error) bool) {
		p := &pass{source: n.source, span: sp, size: n.source.o.Page.SizeValue, seen: map[string]bool{}, yield: yield}
		if err := p.run(ctx); err != nil && !errors.Is(err, errLeft) {
			yield(order.Page{}, err)
		}
	}
}

// pass is one reading of a span.
type pass struct {
	source *Source
	span   span
	yield  func(order.Page, error) bool
	// size is asked for, rows is what a page really holds.
	size, rows int
	calls      int
	// seen holds the keys of all records that came.
	seen map[string]bool
	// first is the total announced first; moved: another one came later.
	first order.Field[int]
	moved bool
}

// sheet is one page with what is needed to compare it with others.
type sheet struct {
	page  order.Page
	keys  map[string]bool
	pages int // announced; zero: not
}

func (sh *sheet) rows() int { return len(sh.page.Records) }

// likeness is how much two pages have in common.
type likeness uint8

const (
	apart likeness = iota
	// alike: most of the orders are the same, as when a page is asked for twice while rows move.
	alike
	same
)

func (sh *sheet) compare(other *sheet) likeness {
	common := 0
	for key := range sh.keys {
		if other.keys[key] {
			common++
		}
	}
	switch larger := max(len(sh.keys), len(other.keys)); {
	case larger > 0 && common == larger:
		return same
	case 2*common > larger:
		return alike
	}
	return apart
}

// note remembers the orders of a page, and returns how many of them had not come before.
func (p *pass) note(sh *sheet) (fresh int) {
	for key := range sh.keys {
		if !p.seen[key] {
			p.seen[key] = true
			fresh++
		}
	}
	return fresh
}

// emit passes a page on. Totals that lie are left out: whoever proves completeness by them would prove nothing.
func (p *pass) emit(sh *sheet) error {
	page := sh.page
	if p.source.known().lies {
		page.Total = order.Field[int]{}
	}
	if !p.yield(page, nil) {
		return errLeft
	}
	return nil
}

// ask reads page k of the pass, counted from 1.
func (p *pass) ask(ctx context.Context, k int) (*sheet, error) {
	sh, err := p.askSpan(ctx, p.span, k)
	if err != nil {
		return nil, err
	}
	if p.calls == 1 {
		p.first = sh.page.Total
	}
	if _, announced := sh.page.Total.Get(); announced {
		p.moved = p.moved || sh.page.Total != p.first
	}
	return sh, nil
}

func (p *pass) askSpan(ctx context.Context, sp span, k int) (*sheet, error) {
	s := p.source
	if p.calls++; p.calls > s.o.Page.Max+10 {
		return nil, p.tooMany()
	}
	query := s.parameters(sp)
	if s.o.Page.Size != "" {
		query.Set(s.o.Page.Size, strconv.Itoa(p.size))
	}
	if s.o.Page.Number != "" {
		query.Set(s.o.Page.Number, strconv.Itoa(s.o.Page.First+k-1))
	}
	if s.o.Page.Offset != "" {
		query.Set(s.o.Page.Offset, strconv.Itoa((k-1)*p.rows))
	}
	l, err := s.list(ctx, fmt.Sprintf("orders page %d of %s", k, sp), query)
	if err != nil {
		return nil, err
	}
	sh := &sheet{page: order.Page{Records: l.Records, Total: l.Total, Numbered: true}, pages: l.Pages.Value()}
	sh.keys = make(map[string]bool, sh.rows())
	for i := range sh.page.Records {
		if err := s.filter.judge(&sh.page.Records[i], sp); err != nil {
			return nil, err
		}
		sh.keys[sh.page.Records[i].Key()] = true
	}
	s.learn(func(h *habits) { h.widest = max(h.widest, sh.rows()) })
	return sh, nil
}

func (p *pass) tooMany() error {
	return fault.Errorf(fault.Protocol, "orders of %s: more than %d pages: %w", p.span, p.source.o.Page.Max, order.ErrTooWide)
}

// run reads the span once.
func (p *pass) run(ctx context.Context) error {
	first, err := p.ask(ctx, 1)
	if err != nil {
		return err
	}
	p.note(first)
	p.rows = cmp.Or(first.rows(), p.size)
	total, announced := first.page.Total.Get()
	pages := first.pages
	if announced && !p.source.known().lies {
		pages = max(pages, (total+p.rows-1)/p.rows)
	}
	switch {
	case pages > p.source.o.Page.Max:
		return p.tooMany()
	case !p.numbers():
		return p.whole(ctx, first)
	case pages > 1:
		return p.backwards(ctx, first, pages)
	case announced && !p.source.known().lies:
		return p.alone(ctx, first)
	}
	return p.forwards(ctx, first)
}

// numbers reports whether the remote has a parameter that turns pages.
func (p *pass) numbers() bool { return p.source.o.Page.Number != "" || p.source.o.Page.Offset != "" }

// turn asks for page k after page 1, and tells whether the remote turned the page: a remote that ignores the parameter answers with
// page 1 again, or with nearly page 1 where rows move meanwhile. Both are then asked for anew. It returns the page 1 that it judged by.
func (p *pass) turn(ctx context.Context, first *sheet, k int) (one, other *sheet, turned bool, err error) {
	for range 3 {
		if other, err = p.ask(ctx, k); err != nil {
			return nil, nil, false, err
		}
		if p.source.known().turns {
			return first, other, true, nil
		}
		switch first.compare(other) {
		case same:
			return first, other, false, nil
		case apart:
			p.learnTurns(first, other)
			return first, other, true, nil
		case alike:
		}
		p.note(other)
		if first, err = p.ask(ctx, 1); err != nil {
			return nil, nil, false, err
		}
	}
	return nil, nil, false, fault.Errorf(fault.Transient,
		"orders of %s: page %d holds nearly the same orders as page 1: they move faster than they can be read", p.span, k)
}

// learnTurns remembers that pages are turned where two of them show it beyond doubt: of a very small page all orders may have moved.
func (p *pass) learnTurns(one, other *sheet) {
	if one.rows() >= 5 && other.rows() > 0 && one.compare(other) == apart {
		p.source.learn(func(h *habits) { h.turns = true })
	}
}

// backwards reads an announced number of pages from the last to the second: an order that leaves the listing then moves others
// only to pages that are still to come. One that leaves while page 1 is read moves another to page 1, which is read again.
func (p *pass) backwards(ctx context.Context, first *sheet, last int) error {
	if total, announced := first.page.Total.Get(); announced && total > first.rows() {
		p.source.learn(func(h *habits) { h.counts = true })
	}
	if err := p.emit(first); err != nil {
		return err
	}
	one, tail, turned, err := p.turn(ctx, first, last)
	switch {
	case err != nil:
		return err
	case !turned:
		return p.whole(ctx, one)
	}
	p.note(one)
	p.note(tail)
	if err := p.emit(tail); err != nil {
		return err
	}
	if err := p.beyond(ctx, tail, last); err != nil {
		return err
	}
	for k := last - 1; k >= 2; k-- {
		if err := p.pass(ctx, k); err != nil {
			return err
		}
	}
	if p.moved || one != first {
		return p.pass(ctx, 1)
	}
	return nil
}

// pass reads a page and passes it on.
func (p *pass) pass(ctx context.Context, k int) error {
	sh, err := p.ask(ctx, k)
	if err != nil {
		return err
	}
	p.note(sh)
	return p.emit(sh)
}

// beyond looks past the last page where that one is full: the total may be less than what there is.
func (p *pass) beyond(ctx context.Context, tail *sheet, last int) error {
	for k := last + 1; tail.rows() >= p.rows; k++ {
		next, err := p.ask(ctx, k)
		if err != nil {
			return err
		}
		if p.note(next) == 0 {
			return nil // empty, or the last page once more
		}
		p.doubt(next, k)
		if err := p.emit(next); err != nil {
			return err
		}
		tail = next
	}
	return nil
}

// doubt recognises a total that lies: an answer to page k that announces no more orders than the pages before it hold, and has some
// all the same. That total is the page's own count, or stops counting at some number.
func (p *pass) doubt(sh *sheet, k int) {
	if total, announced := sh.page.Total.Get(); announced && total <= (k-1)*p.rows {
		p.source.learn(func(h *habits) { h.lies = true })
	}
}

// alone judges a first page that is announced to be all. Where the total may be nothing but the page's own count, and the page may
// be a full one, the second page tells.
func (p *pass) alone(ctx context.Context, first *sheet) error {
	known := p.source.known()
	if known.counts || first.rows() < p.size && !p.limit(first.rows()) {
		return p.emit(first)
	}
	return p.forwards(ctx, first)
}

// forwards reads pages until there are no more, where nothing is announced that could be believed.
func (p *pass) forwards(ctx context.Context, first *sheet) error {
	if first.rows() == 0 {
		return p.emit(first) // whoever wants to be sure reads the window again
	}
	first, second, turned, err := p.turn(ctx, first, 2)
	switch {
	case err != nil:
		return err
	case !turned:
		return p.whole(ctx, first)
	}
	p.note(first)
	fresh := p.note(second)
	if fresh > 0 {
		p.doubt(second, 2)
	}
	if err := p.emit(first); err != nil {
		return err
	}
	switch {
	case fresh > 0:
		if err := p.emit(second); err != nil {
			return err
		}
		return p.onwards(ctx, 3, 0)
	case second.rows() > 0:
		err = p.onwards(ctx, 3, 1)
	default:
		err = p.onwards(ctx, 2, 1)
	}
	if _, announced := first.page.Total.Get(); err != nil || !announced || p.source.known().lies {
		return err // a single page without a total is read again by whoever wants to be sure that none moved to it
	}
	// The total may be the page's own count: an order that left it before page 2 was asked for has then moved another from there to
	// here, which no page has shown, and all counts agree.
	again, err := p.ask(ctx, 1)
	if err != nil || p.note(again) == 0 {
		return err
	}
	return p.emit(again)
}

// onwards reads from page k until one is empty, or holds nothing new, twice: remotes answer an empty page by mistake, and repeat their
// last page past the end. ends is how often that happened already.
func (p *pass) onwards(ctx context.Context, k, ends int) error {
	for ends < 2 {
		sh, err := p.ask(ctx, k)
		if err != nil {
			return err
		}
		if sh.rows() > 0 {
			k++
		}
		if p.note(sh) == 0 {
			ends++
			continue
		}
		ends = 0
		p.doubt(sh, k-1)
		if err := p.emit(sh); err != nil {
			return err
		}
	}
	return nil
}

// whole gets a listing in one answer from a remote that turns no pages: fewer orders than were asked for are all of them; as many
// are asked for again with a larger size.
func (p *pass) whole(ctx context.Context, sh *sheet) error {
	page := p.source.o.Page
	before := 0 // the rows that came for a smaller size
	for {
		n := sh.rows()
		total, announced := sh.page.Total.Get()
		more := announced && total > n
		sized := page.Size != ""
		if !more && !sized && !p.numbers() {
			return p.emit(sh) // told to be the whole list each time
		}
		if !more && (n < p.size || !sized) {
			all, err := p.all(ctx, n, announced, n == before)
			switch {
			case err != nil:
				return err
			case all:
				return p.emit(sh)
			}
			return p.unreachable(n)
		}
		if !sized || p.size >= page.SizeMax || n <= before {
			return p.unreachable(n)
		}
		before = n
		p.size = min(2*p.size, page.SizeMax)
		var err error
		if sh, err = p.ask(ctx, 1); err != nil {
			return err
		}
		p.note(sh)
	}
}

// all decides whether n orders, fewer than were asked for, are all there are, and not the most that the remote gives. Where nothing
// seen before tells, the months around them are asked for as well: does the remote ever give more, or turn pages there?
func (p *pass) all(ctx context.Context, n int, announced, again bool) (bool, error) {
	s := p.source
	if known := s.known(); known.widest > n || known.turns || announced && known.counts || !again && !p.limit(n) {
		return true, nil
	}
	window, around := p.span.window, max(30*day, 2*p.span.window.Length())
	window.Since = window.Since.Add(-around)
	if until := window.Until.Add(around); until.Before(p.span.asked) {
		window.Until = until
	} else if window.Until.Before(p.span.asked) {
		window.Until = p.span.asked
	}
	sp := s.filter.span(window, p.span.asked)
	wide, err := p.askSpan(ctx, sp, 1)
	if errors.Is(err, order.ErrTooWide) {
		return false, nil
	}
	if err != nil || wide.rows() > n || !p.numbers() {
		return err == nil && wide.rows() > n, err
	}
	second, err := p.askSpan(ctx, sp, 2)
	if err != nil {
		return false, err
	}
	p.learnTurns(wide, second)
	return s.known().turns, nil
}

// limit reports whether n may be the most rows that the remote gives in one answer: a number that people choose as a limit, and
// nothing larger ever seen.
func (p *pass) limit(n int) bool {
	chosen := n%10 == 0 || n%25 == 0 || n == 15 || n >= 16 && bits.OnesCount(uint(n)) == 1
	return n > 0 && chosen && p.source.known().widest <= n
}

// unreachable says that there may be orders that no request brings.
func (p *pass) unreachable(n int) error {
	page := p.source.o.Page
	turning := "the remote has no parameter that turns pages"
	if p.numbers() {
		turning = fmt.Sprintf("the remote ignores the parameter %q", cmp.Or(page.Number, page.Offset))
	}
	sizing := ""
	if page.Size != "" {
		sizing = fmt.Sprintf(" where %q asks for %d", page.Size, p.size)
	}
	return fault.Errorf(fault.Protocol, "orders of %s: %s, and gives %d orders%s: there may be more of them: %w",
		p.span, turning, n, sizing, order.ErrTooWide)
}
