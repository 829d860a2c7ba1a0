package taobao

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/fault"
	"ordersync/internal/order"
	"ordersync/internal/taobao/gateway"
	"ordersync/internal/taobao/trade"
)

// mostPages bounds one reading: a window with more is too wide.
const mostPages = 1000

// listing says how one method lists.
type listing struct {
	method     string
	what       string // for errors
	start, end string // the parameters of the window
	fields     string
	by         trade.By
	// list and row are the names of the list and of its elements.
	list, row string
	// types: the method leaves out orders of types that are not named.
	types bool
	// backwards: rows leave the window when they change, so that the last page is read first.
	backwards bool
}

// Listing is one way to list a shop's orders: a source for the engine.
type Listing struct {
	*Shop
	listing
}

// Orders lists by the time of the last change: taobao.trades.sold.increment.get.
func (s *Shop) Orders() *Listing {
	return &Listing{Shop: s, listing: listing{
		method: "taobao.trades.sold.increment.get", what: "trades changed", start: "start_modified", end: "end_modified",
		fields: trade.ListFields, by: trade.ByModified, list: "trades", row: "trade", types: true, backwards: true,
	}}
}

// History lists by the time of creation: taobao.trades.sold.get.
func (s *Shop) History() *Listing {
	return &Listing{Shop: s, listing: listing{
		method: "taobao.trades.sold.get", what: "trades created", start: "start_created", end: "end_created",
		fields: trade.ListFields, by: trade.ByCreated, list: "trades", row: "trade", types: true,
	}}
}

// Refunds lists the orders to which changed refunds belong: taobao.refunds.receive.get.
func (s *Shop) Refunds() *Listing {
	return &Listing{Shop: s, listing: listing{
		method: "taobao.refunds.receive.get", what: "refunds changed", start: "start_modified", end: "end_modified",
		fields: trade.RefundFields, by: trade.ByRefund, list: "refunds", row: "refund", types: true, backwards: true,
	}}
}

// types are all that an order can be. The lists leave out every other than guarantee_trade, auto_delivery, ec, cod and step unless it
// is named.
const types = "fixed,auction,guarantee_trade,step,auto_delivery,ec,cod,b2c_cod,fenxiao,game_equipment,shopex_trade,netcn_trade," +
	"external_trade,instant_trade,independent_simple_trade,independent_shop_trade,hotel_trade,super_market_trade," +
	"super_market_cod_trade,taohua,waimai,o2o_offlinetrade,nopaid,eticket,tmall_i18n,insurance_plus,finance,pre_auth_type,lazada"

// Probe makes one cheap call with the shop's session: a page of one row of the last minute.
func (l *Listing) Probe(ctx context.Context) error {
	now, err := l.Now(ctx)
	if err != nil {
		return err
	}
	until := now.Truncate(time.Second)
	params := l.parameters(order.Window{Since: until.Add(-time.Minute), Until: until}, 1)
	params["page_size"] = "1"
	_, err = l.o.Gateway.Call(ctx, "one page of "+l.what, l.method, params)
	return err
}

// Pages reads the window once: the first page with the total, then the others in the order that is safe. Pages are asked for by
// number, so that the cursor is ignored.
func (l *Listing) Pages(ctx context.Context, window order.Window, _ order.Cursor) iter.Seq2[order.Page, error] {
	return func(yield func(order.Page, error) bool) {
		if l.by != trade.ByCreated && window.Length() > Longest {
			yield(order.Page{}, fault.Errorf(fault.Internal, "%s: the gateway takes a day, and not %s: %w", l.what, window.Length(), order.ErrTooWide))
			return
		}
		first, err := l.page(ctx, window, 1, true)
		if !yield(first.page, err) || err != nil {
			return
		}
		total, announced := first.page.Total.Get()
		if !announced {
			l.rest(ctx, window, first, yield)
			return
		}
		pages := pagesOf(total, l.o.PageSize, first.rows)
		if pages > mostPages {
			yield(order.Page{}, fault.Errorf(fault.Protocol, "%s: %d pages for one window: %w", l.what, pages, order.ErrTooWide))
			return
		}
		for i := 2; i <= pages; i++ {
			number := i
			if l.backwards {
				number = pages + 2 - i
			}
			next, err := l.page(ctx, window, number, l.o.Counted)
			if !yield(next.page, err) || err != nil {
				return
			}
		}
	}
}

// rest reads forwards where no total came though it was asked for: while there is more by what the gateway says, or by full pages.
func (l *Listing) rest(ctx context.Context, window order.Window, last answer, yield func(order.Page, error) bool) {
	full := last.rows
	for number := 2; last.more(full) && number <= mostPages; number++ {
		var err error
		last, err = l.page(ctx, window, number, true)
		if !yield(last.page, err) || err != nil {
			return
		}
	}
}

// pagesOf is how many pages there are. A first page with fewer rows than were asked for and announced shows a gateway that gives
// smaller pages.
func pagesOf(total, size, rows int) int {
	if rows > 0 && rows < size && rows < total {
		size = rows
	}
	return (total + size - 1) / size
}

// answer is one page with what only its reading needs.
type answer struct {
	page order.Page
	rows int
	// has and hasMore are what has_next says.
	has, hasMore bool
}

func (a answer) more(full int) bool {
	if a.has {
		return a.hasMore
	}
	return a.rows > 0 && a.rows >= full
}

// page asks for one page.
func (l *Listing) page(ctx context.Context, window order.Window, number int, counted bool) (answer, error) {
	params := l.parameters(window, number)
	if !counted {
		params["use_has_next"] = "true"
	}
	name := fmt.Sprintf("page %d of the %s %s..%s", number, l.what, params[l.start], params[l.end])
	got, err := l.o.Gateway.Call(ctx, name, l.method, params)
	if errors.Is(err, gateway.ErrTooHeavy) {
		return answer{}, fmt.Errorf("%w: %w", err, order.ErrTooWide)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := l.read(got, window, params)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// parameters ask for the whole seconds that the window touches, both ends included.
func (l *Listing) parameters(window order.Window, number int) gateway.Params {
	params := gateway.Params{
		"fields": l.fields, "page_no": strconv.Itoa(number), "page_size": strconv.Itoa(l.o.PageSize),
		l.start: gateway.Stamp(window.Since.Truncate(time.Second)),
		l.end:   gateway.Stamp(window.Until.Add(time.Second - 1).Truncate(time.Second)),
	}
	if l.types {
		params["type"] = types
	}
	return params
}

// read turns an answer into a page. Rows of the seconds that the window only touches are beyond it; rows outside of what was asked
// for show that the gateway ignores a parameter, on which everything rests.
func (l *Listing) read(got *gateway.Answer, window order.Window, params gateway.Params) (answer, error) {
	root := gjson.ParseBytes(got.Body)
	a := answer{page: order.Page{Numbered: true, Thin: true}}
	if total := root.Get("total_results"); total.Exists() {
		n, err := strconv.Atoi(strings.TrimSpace(total.String()))
		if err != nil || n < 0 {
			return a, fault.Errorf(fault.Protocol, "total_results is not a number of rows")
		}
		a.page.Total = order.Some(n)
	}
	if next := root.Get("has_next"); next.Exists() {
		a.has, a.hasMore = true, next.Bool()
	}
	since, until := window.Since.Truncate(time.Second), window.Until.Add(time.Second-1).Truncate(time.Second)
	var outside error
	root.Get(l.list + "." + l.row).ForEach(func(_, row gjson.Result) bool {
		record, at := l.reader.Thin([]byte(row.Raw), l.by, got.SentAt)
		a.rows++
		if !at.IsZero() {
			switch {
			case at.Before(since):
				outside = fault.Errorf(fault.Protocol, "a row of %s came: the gateway ignores %s=%s", gateway.Stamp(at), l.start, params[l.start])
			case at.After(until):
				outside = fault.Errorf(fault.Protocol, "a row of %s came: the gateway ignores %s=%s", gateway.Stamp(at), l.end, params[l.end])
			}
			record.Beyond = at.Before(window.Since) || !at.Before(window.Until)
		}
		if l.by == trade.ByRefund {
			record.Counted = refundOf(record)
		}
		a.page.Records = append(a.page.Records, record)
		return outside == nil
	})
	return a, outside
}

// refundOf is what the gateway counts where it lists refunds: several may belong to one order.
func refundOf(record order.Record) string {
	if record.Order == nil || len(record.Order.Refunds.Value()) == 0 {
		return ""
	}
	return "refund " + record.Order.Refunds.Value()[0].ID
}

// Decode maps one stored record again, as it came from the gateway at fetchedAt.
func (s *Shop) Decode(payload []byte, fetchedAt time.Time) order.Record {
	return s.reader.Decode(payload, fetchedAt)
}

// Unmapped returns the status words that have no meaning yet, each with how often it was met since the start. At most a hundred are
// kept.
func (s *Shop) Unmapped() map[string]int { return s.reader.Unmapped() }

// inside is what stands under that name in an answer, whatever it is, or else all of the answer: one that cannot be understood is one
// dead letter, and does not keep back the orders around it.
func inside(body []byte, name string) []byte {
	if value := gjson.GetBytes(body, name); value.Exists() {
		return []byte(value.Raw)
	}
	return body
}
