package trade

import (
	"math/big"
	"strings"

	"ordersync/internal/order"
)

// micros is an amount in millionths, in which sums are exact.
func micros(d order.Decimal) *big.Int {
	n, _ := new(big.Int).SetString(strings.Replace(d.String(), ".", "", 1), 10) // a Decimal is digits, a point and six places
	return n
}

// product is price times quantity, in millionths; exact, since both have six places and what is sold has at most that many together. ok
// is false where it is not.
func product(price, quantity order.Decimal) (n *big.Int, ok bool) {
	million := big.NewInt(1_000_000)
	n, rest := new(big.Int).QuoRem(new(big.Int).Mul(micros(price), micros(quantity)), million, new(big.Int))
	return n, rest.Sign() == 0
}

// decimalText writes millionths as a number.
func decimalText(n *big.Int) string {
	digits := new(big.Int).Abs(n).String()
	if short := order.Places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	text := digits[:len(digits)-order.Places] + "." + digits[len(digits)-order.Places:]
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}

// sum adds amounts up; one that is missing makes it unknown.
type sum struct {
	n       big.Int
	unknown bool
}

func (s *sum) add(f order.Field[order.Decimal]) {
	if d, ok := f.Get(); ok {
		s.n.Add(&s.n, micros(d))
		return
	}
	s.unknown = true
}

func (s *sum) subtract(f order.Field[order.Decimal]) {
	if d, ok := f.Get(); ok {
		s.n.Sub(&s.n, micros(d))
		return
	}
	s.unknown = true
}

func (s *sum) times(price, quantity order.Field[order.Decimal]) {
	p, priced := price.Get()
	q, counted := quantity.Get()
	n, exact := product(p, q)
	if !priced || !counted || !exact {
		s.unknown = true
		return
	}
	s.n.Add(&s.n, n)
}

// differs reports whether the sum is known, the amount too, and they are not the same.
func (s *sum) differs(f order.Field[order.Decimal]) bool {
	d, ok := f.Get()
	return ok && !s.unknown && s.n.Cmp(micros(d)) != 0
}

// addsUp checks the identities that hold on every public sample:
//
//   - the total_fee of an order is price x num + adjust_fee - discount_fee;
//   - the total_fee of the trade is the sum of price x num;
//   - the payment of the trade is the sum of the total_fee of its orders - discount_fee + post_fee;
//   - where a trade has one order, its payment is that of the trade.
//
// Those in which an amount is missing say nothing. Nobody says whether the sums of a trade count its services: either may hold.
func (t *trade) addsUp() bool {
	for _, l := range t.lines {
		var s sum
		s.times(l.UnitPrice, l.Quantity)
		s.add(l.adjust)
		s.subtract(l.Discount)
		if s.differs(l.Total) {
			return false
		}
	}
	if len(t.lines) == 1 && len(t.services) == 0 {
		var s sum
		s.add(t.lines[0].payment)
		if s.differs(t.payment) {
			return false
		}
	}
	if len(t.lines) == 0 {
		return true
	}
	goods, all := t.sums(nil)
	goodsToo, allToo := t.sums(t.services)
	return (!goods.differs(t.goodsFee) || !goodsToo.differs(t.goodsFee)) && (!all.differs(t.payment) || !allToo.differs(t.payment))
}

// sums are what the trade's total_fee and payment should be, with the services given.
func (t *trade) sums(services []line) (goods, all *sum) {
	goods, all = &sum{}, &sum{}
	for _, of := range [...][]line{t.lines, services} {
		for _, l := range of {
			goods.times(l.UnitPrice, l.Quantity)
			all.add(l.Total)
		}
	}
	all.subtract(t.discount)
	all.add(t.postage)
	return goods, all
}
