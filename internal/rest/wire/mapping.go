package wire

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"ordersync/internal/order"
)

const (
	// maxRecord is the longest record that is taken; of a longer one that much is kept as a dead letter.
	maxRecord = 1 << 20
	// maxDepth is how deep a record may be nested.
	maxDepth = 64
	// maxEntries bounds the lines or refunds of one order: in memory they are much larger than on the wire.
	maxEntries = 10_000
	// maxWords bounds the unmapped status words that are remembered, maxWord their length in bytes.
	maxWords, maxWord = 100, 64
)

// mapping is a Map made ready: each path a slot of a lookup, each field a step that reads it. It is safe for many goroutines.
type mapping struct {
	source order.SourceID
	by     By

	orders   *lookup
	id       []int
	times    []step[order.Order]
	modified []step[decoder] // the time of change is no Field of an order; it goes through the decoder
	fields   []step[order.Order]
	lines    list[order.Item]
	refunds  list[order.Refund]

	statuses map[string]order.Status
	other    order.Status
	mu       sync.Mutex
	unmapped map[string]int
}

// step reads one field of a T from the first of its slots that holds something. set is given a value that is there; it may be null.
type step[T any] struct {
	name  string
	slots []int
	set   func(d *decoder, to *T, v gjson.Result) error
}

// list is a list of T inside an order.
type list[T any] struct {
	name   string
	slots  []int // of the order
	inside *lookup
	id     []int
	where  *Condition
	holds  int // the slot that where looks at
	steps  []step[T]
}

func run[T any](d *decoder, steps []step[T], s *scratch, to *T) error {
	for i := range steps {
		v := s.first(steps[i].slots)
		if v.Raw == "" {
			continue
		}
		if err := steps[i].set(d, to, v); err != nil {
			return fmt.Errorf("%s: %w", steps[i].name, err)
		}
	}
	return nil
}

// steps collects the steps that read a T out of a lookup.
type steps[T any] struct {
	lookup *lookup
	zone   *time.Location
	all    []step[T]
}

func (b *steps[T]) slots(paths []string) []int {
	slots := make([]int, len(paths))
	for i, path := range paths {
		slots[i] = b.lookup.slot(path)
	}
	return slots
}

func (b *steps[T]) add(name string, paths []string, set func(d *decoder, to *T, v gjson.Result) error) {
	if len(paths) > 0 {
		b.all = append(b.all, step[T]{name: name, slots: b.slots(paths), set: set})
	}
}

func (b *steps[T]) text(name string, f Field, at func(*T) *order.Field[string]) {
	b.add(name, f.Paths, func(d *decoder, to *T, v gjson.Result) error {
		if v.Type == gjson.Null {
			*at(to) = order.Null[string]()
			return nil
		}
		text, err := d.text(v)
		if f.Upper {
			text = strings.ToUpper(text)
		}
		*at(to) = order.Some(text)
		return err
	})
}

func (b *steps[T]) amount(name string, f Field, at func(*T) *order.Field[order.Decimal]) {
	b.add(name, f.Paths, func(d *decoder, to *T, v gjson.Result) (err error) {
		if v.Type == gjson.Null {
			*at(to) = order.Null[order.Decimal]()
			return nil
		}
		*at(to), err = d.amount(v)
		return err
	})
}

func (b *steps[T]) time(name string, f Field, at func(*T) *order.Field[time.Time]) {
	c := newClock(f, b.zone)
	b.add(name, f.Paths, func(_ *decoder, to *T, v gjson.Result) (err error) {
		if v.Type == gjson.Null {
			*at(to) = order.Null[time.Time]()
			return nil
		}
		*at(to), err = c.read(v)
		return err
	})
}

// newMapping makes a Map ready.
func newMapping(d Description) *mapping {
	m, zone := d.Map, d.Zone
	c := &mapping{source: d.Source, by: d.By, orders: newLookup(), unmapped: map[string]int{}}
	times := steps[order.Order]{lookup: c.orders, zone: zone}
	c.id = times.slots(m.ID.Paths)
	times.time("ordered_at", m.OrderedAt, func(o *order.Order) *order.Field[time.Time] { return &o.OrderedAt })
	c.times = times.all
	modified := steps[decoder]{lookup: c.orders, zone: zone}
	modified.time("modified_at", m.ModifiedAt, func(d *decoder) *order.Field[time.Time] { return &d.modified })
	c.modified = modified.all
	c.mapFields(m, zone)
	c.mapStatus(m.Status)
	c.mapLines(m.Lines, zone)
	c.mapRefunds(m.Refunds, zone)
	return c
}

func (c *mapping) mapFields(m Map, zone *time.Location) {
	b := steps[order.Order]{lookup: c.orders, zone: zone}
	b.text("number", m.Number, func(o *order.Order) *order.Field[string] { return &o.Number })
	b.text("currency", m.Currency, func(o *order.Order) *order.Field[string] { return &o.Currency })
	b.amount("total", m.Total, func(o *order.Order) *order.Field[order.Decimal] { return &o.Total })
	b.amount("paid", m.Paid, func(o *order.Order) *order.Field[order.Decimal] { return &o.Paid })
	b.amount("discount", m.Discount, func(o *order.Order) *order.Field[order.Decimal] { return &o.Discount })
	b.amount("shipping_fee", m.ShippingFee, func(o *order.Order) *order.Field[order.Decimal] { return &o.ShippingFee })
	b.amount("tax", m.Tax, func(o *order.Order) *order.Field[order.Decimal] { return &o.Tax })
	b.amount("refunded", m.Refunded, func(o *order.Order) *order.Field[order.Decimal] { return &o.Refunded })
	b.text("buyer_id", m.BuyerID, func(o *order.Order) *order.Field[string] { return &o.BuyerID })
	b.text("buyer_name", m.BuyerName, func(o *order.Order) *order.Field[string] { return &o.BuyerName })
	b.text("buyer_email", m.BuyerEmail, func(o *order.Order) *order.Field[string] { return &o.BuyerEmail })
	b.add("receiver", m.Receiver.Paths, func(d *decoder, o *order.Order, v gjson.Result) (err error) {
		if v.Type == gjson.Null {
			o.Receiver = order.Null[string]()
			return nil
		}
		o.Receiver, err = d.receiver(v)
		return err
	})
	b.text("receiver_country", m.ReceiverCountry, func(o *order.Order) *order.Field[string] { return &o.ReceiverCountry })
	b.text("receiver_province", m.ReceiverProvince, func(o *order.Order) *order.Field[string] { return &o.ReceiverProvince })
	b.text("receiver_city", m.ReceiverCity, func(o *order.Order) *order.Field[string] { return &o.ReceiverCity })
	b.text("buyer_note", m.BuyerNote, func(o *order.Order) *order.Field[string] { return &o.BuyerNote })
	b.text("seller_note", m.SellerNote, func(o *order.Order) *order.Field[string] { return &o.SellerNote })
	b.time("paid_at", m.PaidAt, func(o *order.Order) *order.Field[time.Time] { return &o.PaidAt })
	b.time("shipped_at", m.ShippedAt, func(o *order.Order) *order.Field[time.Time] { return &o.ShippedAt })
	b.time("completed_at", m.CompletedAt, func(o *order.Order) *order.Field[time.Time] { return &o.CompletedAt })
	b.time("cancelled_at", m.CancelledAt, func(o *order.Order) *order.Field[time.Time] { return &o.CancelledAt })
	c.fields = b.all
}

func (c *mapping) mapStatus(m Status) {
	c.other = m.Default
	if c.other == "" {
		c.other = order.StatusUnknown
	}
	c.statuses = make(map[string]order.Status, len(m.Words))
	for word, status := range m.Words {
		c.statuses[foldWord(word)] = status
	}
	b := steps[order.Order]{lookup: c.orders}
	b.add("status", m.Paths, func(d *decoder, o *order.Order, v gjson.Result) error {
		if v.Type == gjson.Null {
			o.Status, o.SourceStatus = order.Null[order.Status](), order.Null[string]()
			return nil
		}
		word, err := d.text(v)
		o.SourceStatus, o.Status = order.Some(word), order.Some(c.status(word))
		return err
	})
	c.fields = append(c.fields, b.all...)
}

// status translates a remote's word, and counts one that has no translation.
func (c *mapping) status(word string) order.Status {
	if status, ok := c.statuses[word]; ok {
		return status
	}
	word = foldWord(word)
	if status, ok := c.statuses[word]; ok {
		return status
	}
	if len(word) > maxWord {
		word = strings.ToValidUTF8(word[:maxWord], "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, met := c.unmapped[word]; met || len(c.unmapped) < maxWords {
		c.unmapped[word]++
	}
	return c.other
}

func (c *mapping) mapLines(m Lines, zone *time.Location) {
	at := steps[order.Order]{lookup: c.orders}
	b := steps[order.Item]{lookup: newLookup(), zone: zone}
	l := list[order.Item]{name: "lines", slots: at.slots(m.Paths), inside: b.lookup, id: b.slots(m.ID.Paths), where: m.Where}
	if m.Where != nil {
		l.holds = b.lookup.slot(m.Where.Path)
	}
	b.text("line sku", m.SKU, func(i *order.Item) *order.Field[string] { return &i.SKU })
	b.text("line product_id", m.ProductID, func(i *order.Item) *order.Field[string] { return &i.ProductID })
	b.text("line variant_id", m.VariantID, func(i *order.Item) *order.Field[string] { return &i.VariantID })
	b.text("line title", m.Title, func(i *order.Item) *order.Field[string] { return &i.Title })
	b.text("line variant", m.Variant, func(i *order.Item) *order.Field[string] { return &i.Variant })
	b.amount("line quantity", m.Quantity, func(i *order.Item) *order.Field[order.Decimal] { return &i.Quantity })
	b.amount("line unit_price", m.UnitPrice, func(i *order.Item) *order.Field[order.Decimal] { return &i.UnitPrice })
	b.amount("line discount", m.Discount, func(i *order.Item) *order.Field[order.Decimal] { return &i.Discount })
	b.amount("line total", m.Total, func(i *order.Item) *order.Field[order.Decimal] { return &i.Total })
	b.text("line status", m.Status, func(i *order.Item) *order.Field[string] { return &i.Status })
	b.text("line refund_status", m.RefundStatus, func(i *order.Item) *order.Field[string] { return &i.RefundStatus })
	b.text("line image_url", m.ImageURL, func(i *order.Item) *order.Field[string] { return &i.ImageURL })
	l.steps = b.all
	c.lines = l
}

func (c *mapping) mapRefunds(m Refunds, zone *time.Location) {
	at := steps[order.Order]{lookup: c.orders}
	b := steps[order.Refund]{lookup: newLookup(), zone: zone}
	l := list[order.Refund]{name: "refunds", slots: at.slots(m.Paths), inside: b.lookup, id: b.slots(m.ID.Paths)}
	b.text("refund line_id", m.LineID, func(r *order.Refund) *order.Field[string] { return &r.LineID })
	b.amount("refund amount", m.Amount, func(r *order.Refund) *order.Field[order.Decimal] { return &r.Amount })
	b.text("refund status", m.Status, func(r *order.Refund) *order.Field[string] { return &r.Status })
	b.text("refund reason", m.Reason, func(r *order.Refund) *order.Field[string] { return &r.Reason })
	b.time("refund created_at", m.CreatedAt, func(r *order.Refund) *order.Field[time.Time] { return &r.CreatedAt })
	b.time("refund refunded_at", m.RefundedAt, func(r *order.Refund) *order.Field[time.Time] { return &r.RefundedAt })
	l.steps = b.all
	c.refunds = l
}

// decoder reads the records of one answer.
type decoder struct {
	*mapping
	fetchedAt time.Time
	// dirty: the answer holds bytes that are not UTF-8. deep: it is nested deeper than one record may be.
	dirty, deep bool

	order, line, refund *scratch
	modified            order.Field[time.Time]
	rounded, repaired   int
	hint                int // lines of the last order
}

// decoder makes one for the records of a text that is nested depth deep.
func (c *mapping) decoder(text string, depth int, fetchedAt time.Time) *decoder {
	return &decoder{
		mapping: c, fetchedAt: order.Instant(fetchedAt),
		dirty: !utf8.ValidString(text), deep: depth > maxDepth,
		order: c.orders.scratch(), line: c.lines.inside.scratch(), refund: c.refunds.inside.scratch(),
	}
}

// record reads one record, whose own bytes are raw. It never fails: what it cannot read is a dead letter.
func (d *decoder) record(v gjson.Result, raw []byte) (record order.Record) {
	d.modified, d.rounded, d.repaired = order.Field[time.Time]{}, 0, 0
	o := &order.Order{Source: d.source, FetchedAt: d.fetchedAt, Raw: raw}
	defer func() {
		if p := recover(); p != nil {
			record = d.dead(o, raw, fmt.Errorf("ordersync itself failed on it: %s", describe(p)))
		}
	}()
	if err := d.read(o, v, raw); err != nil {
		return d.dead(o, raw, err)
	}
	o.Rounded, o.Repaired = d.rounded, d.repaired
	return order.Record{Order: o}
}

func (d *decoder) read(o *order.Order, v gjson.Result, raw []byte) error {
	if !v.IsObject() {
		return errNotObject
	}
	twice := d.orders.walk(v, d.order)
	if err := d.readKey(o); err != nil {
		return cmp.Or(twice, err)
	}
	switch {
	case len(raw) > maxRecord:
		return fmt.Errorf("it is %d bytes long, at most %d are taken; its beginning is kept", len(raw), maxRecord)
	case d.deep && depthOf(v.Raw) > maxDepth:
		return fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	case twice != nil:
		return twice
	}
	if err := run(d, d.fields, d.order, o); err != nil {
		return err
	}
	if err := d.readLines(o); err != nil {
		return err
	}
	if err := d.readRefunds(o); err != nil {
		return err
	}
	o.Sort()
	return o.Validate()
}

// readKey reads the id and the times, so that also a dead letter has them.
func (d *decoder) readKey(o *order.Order) error {
	var failure error
	if v := d.order.first(d.id); v.Type != gjson.Null {
		id, err := d.readID(v)
		if err != nil {
			failure = fmt.Errorf("id: %w", err)
		}
		o.ID = id
	}
	if failure == nil {
		failure = order.ValidateID("id", o.ID)
	}
	if failure != nil {
		o.ID = ""
	}
	failure = cmp.Or(failure, run(d, d.times, d.order, o), run(d, d.mapping.modified, d.order, d))
	at, ok := d.modified.Get()
	if !ok && d.by != ByModified {
		at = o.OrderedAt.Value()
	}
	o.ModifiedAt = at
	switch _, ordered := o.OrderedAt.Get(); {
	case failure != nil:
		return failure
	case !ok && d.by == ByModified:
		return fmt.Errorf("modified_at: %w", errNotWritten)
	case !ordered && d.by == ByCreated:
		return fmt.Errorf("ordered_at: %w", errNotWritten)
	}
	return nil
}

// readLines reads the lines. A null is a list without any: that is how some languages write one.
func (d *decoder) readLines(o *order.Order) error {
	v := d.order.first(d.lines.slots)
	if v.Raw == "" {
		return nil
	}
	items := make([]order.Item, 0, d.hint)
	unnamed := map[string]int(nil)
	err := d.lines.each(v, d.line, func(line gjson.Result) error {
		items = append(items, order.Item{})
		item := &items[len(items)-1]
		if err := run(d, d.lines.steps, d.line, item); err != nil {
			return err
		}
		if id := d.line.first(d.lines.id); id.Type != gjson.Null {
			var err error
			if item.LineID, err = d.readID(id); err != nil {
				return fmt.Errorf("line id: %w", err)
			}
		}
		if item.LineID == "" {
			if unnamed == nil {
				unnamed = map[string]int{}
			}
			item.LineID = nameLine(item.SKU.Value(), unnamed)
		}
		return nil
	})
	d.hint = len(items)
	o.Items = order.Some(items)
	return err
}

// nameLine makes an id for a line without one: its SKU and its number among the lines with that SKU, which stays the same when another
// line is dropped. A SKU that cannot be part of a key counts as none.
func nameLine(sku string, met map[string]int) string {
	sku = strings.TrimSpace(sku)
	if sku != "" && order.ValidateID("sku", sku+"#0000") != nil {
		sku = ""
	}
	met[sku]++
	return fmt.Sprintf("%s#%d", sku, met[sku])
}

func (d *decoder) readRefunds(o *order.Order) error {
	v := d.order.first(d.refunds.slots)
	if v.Raw == "" {
		return nil
	}
	refunds := []order.Refund{}
	err := d.refunds.each(v, d.refund, func(gjson.Result) error {
		var refund order.Refund
		if id := d.refund.first(d.refunds.id); id.Type != gjson.Null {
			var err error
			if refund.ID, err = d.readID(id); err != nil {
				return fmt.Errorf("refund id: %w", err)
			}
		}
		err := run(d, d.refunds.steps, d.refund, &refund)
		refunds = append(refunds, refund)
		return err
	})
	o.Refunds = order.Some(refunds)
	return err
}

// each walks over the entries of a list that its condition holds for.
func (l *list[T]) each(v gjson.Result, s *scratch, do func(gjson.Result) error) error {
	if v.Type == gjson.Null {
		return nil
	}
	if !v.IsArray() {
		return fmt.Errorf("%s: %w", l.name, errNotList)
	}
	var failure error
	count := 0
	v.ForEach(func(_, entry gjson.Result) bool {
		if count++; count > maxEntries {
			failure = fmt.Errorf("%s: more than %d entries", l.name, maxEntries)
			return false
		}
		if !entry.IsObject() {
			failure = fmt.Errorf("%s: %w", l.name, errNotObject)
			return false
		}
		if failure = l.inside.walk(entry, s); failure == nil && l.wanted(s) {
			failure = do(entry)
		}
		return failure == nil
	})
	return failure
}

func (l *list[T]) wanted(s *scratch) bool {
	if l.where == nil {
		return true
	}
	v := s.values[l.holds]
	text := v.Raw
	if v.Type == gjson.String {
		text = v.Str
	}
	holds := v.Type == gjson.Null
	if !l.where.Null {
		holds = !holds && text == l.where.Equals
	}
	return holds != l.where.Not
}

// dead makes a dead letter, with as much of its key and version as could be read. A time that cannot be is no version: it would keep
// every later good record out.
func (d *decoder) dead(o *order.Order, raw []byte, reason error) order.Record {
	letter := &order.DeadLetter{Source: d.source, ID: o.ID, Reason: reason.Error(), Payload: raw}
	if letter.ID == "" {
		letter.ID = order.PayloadID(raw)
	}
	if len(raw) > maxRecord {
		letter.Payload = raw[:maxRecord:maxRecord]
	}
	letter.Version.FetchedAt = d.fetchedAt
	probe := order.Order{ID: "1", ModifiedAt: o.ModifiedAt, FetchedAt: d.fetchedAt}
	if probe.Validate() == nil {
		letter.Version.ModifiedAt = o.ModifiedAt
	}
	return order.Record{Dead: letter}
}

// describe names a panic without its text, which may quote the record.
func describe(p any) string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, "/internal/rest/") || !more {
			return fmt.Sprintf("%T in %s, line %d", p, frame.Function[strings.LastIndexByte(frame.Function, '/')+1:], frame.Line)
		}
	}
}
