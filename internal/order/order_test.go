package order_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ordersync/internal/order"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		want    string
		rounded bool
	}{
		{"0", "0.000000", false}, {"-0", "0.000000", false}, {"-0.00", "0.000000", false}, {"00", "0.000000", false},
		{"12.34", "12.340000", false}, {"012.30", "12.300000", false}, {"-7", "-7.000000", false}, {"0.5", "0.500000", false},
		{"1e3", "1000.000000", false}, {"1.5E-2", "0.015000", false}, {"12.345", "12.345000", false}, {".5", "0.500000", false},
		{"0.1234565", "0.123456", true}, {"0.1234575", "0.123458", true}, {"-0.1234565", "-0.123456", true},
		{"1315.74627500", "1315.746275", false},
		{"0.0000001", "0.000000", true}, {"12.", "12.000000", false},
		{"99999999999999.999999", "99999999999999.999999", false}, {"-99999999999999", "-99999999999999.000000", false},
		{"000000000000000000012.5", "12.500000", false},
	} {
		got, rounded, err := order.ParseDecimal(c.text)
		if err != nil || got.String() != c.want || rounded != c.rounded {
			t.Errorf("%q: %v, rounded %t, %v; want %s, %t", c.text, got, rounded, err, c.want, c.rounded)
		}
	}
	for _, text := range []string{
		"", " 12", "12 ", "1,234.50", "$5", "NaN", "Inf", "0x10", "1_000", "--1", "1.2.3", "-", "e5", "１２",
		"100000000000000", "99999999999999.9999999", "1e50000000", "1e-50000000", "1e15", strings.Repeat("9", 200),
	} {
		if got, _, err := order.ParseDecimal(text); !errors.Is(err, order.ErrDecimal) {
			t.Errorf("%q was read as %v, %v", text, got, err)
		}
	}
}

func TestDecimalsAgreeWithBigNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,14}(\.[0-9]{1,12})?`).Draw(t, "text")
		got, rounded, err := order.ParseDecimal(text)
		if err != nil {
			if big := decimal.RequireFromString(text).Abs(); big.LessThan(decimal.RequireFromString("99999999999999.9999995")) {
				t.Fatal(err)
			}
			return
		}
		exact := decimal.RequireFromString(text)
		if want := exact.RoundBank(order.Places); got.String() != want.StringFixed(order.Places) && !want.IsZero() || rounded == want.Equal(exact) {
			t.Fatalf("%s became %s, rounded %t; want %s", text, got, rounded, want.StringFixed(order.Places))
		}
		again, _, err := order.ParseDecimal(got.String())
		if err != nil || again != got {
			t.Fatalf("%s read again is %v, %v", got, again, err)
		}
	})
}

func TestMoneyIsPrintedWithItsCurrency(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"12": "12.00 USD", "12.5": "12.50 USD", "0.125": "0.125 USD", "-3.10": "-3.10 USD"} {
		amount, _, err := order.ParseDecimal(text)
		if got := (order.Money{Amount: amount, Currency: "USD"}).String(); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func example() *order.Order {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	return &order.Order{
		Source: "shop", ID: "1001", ModifiedAt: at, FetchedAt: at.Add(time.Minute),
		Status: order.Some(order.StatusPaid), BuyerNote: order.Some("ring twice"), OrderedAt: order.Some(at),
		Items: order.Some([]order.Item{
			{LineID: "b", SKU: order.Some("B-1"), Title: order.Some("Bowl")},
			{LineID: "a", SKU: order.Some("A-1")},
		}),
		Refunds: order.Some([]order.Refund{{ID: "r1", Reason: order.Some("broken")}}),
	}
}

// TestEveryColumnIsHashedAndMerged changes each Field of the three types in turn: none may be forgotten in the lists of columns.
func TestEveryColumnIsHashedAndMerged(t *testing.T) {
	t.Parallel()
	decimalValue, _, err := order.ParseDecimal("3.5")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, part := range []struct {
		name string
		of   func(*order.Order) reflect.Value
	}{
		{"Order", func(o *order.Order) reflect.Value { return reflect.ValueOf(o).Elem() }},
		{"Item", func(o *order.Order) reflect.Value { return reflect.ValueOf(&o.Items.Value()[0]).Elem() }},
		{"Refund", func(o *order.Order) reflect.Value { return reflect.ValueOf(&o.Refunds.Value()[0]).Elem() }},
	} {
		plain := example()
		plain.Sort()
		kind := part.of(plain).Type()
		for i := range kind.NumField() {
			var value any
			switch part.of(plain).Field(i).Interface().(type) {
			case order.Field[string]:
				value = order.Some("something else")
			case order.Field[order.Status]:
				value = order.Some(order.StatusRefunded)
			case order.Field[order.Decimal]:
				value = order.Some(decimalValue)
			case order.Field[time.Time]:
				value = order.Some(time.Date(2020, 1, 1, 0, 0, 0, 1000, time.UTC))
			default:
				continue
			}
			fields++
			name := part.name + "." + kind.Field(i).Name
			changed := example()
			changed.Sort()
			part.of(changed).Field(i).Set(reflect.ValueOf(value))
			if changed.Hash() == plain.Hash() {
				t.Errorf("%s is not part of the hash", name)
			}
			absent := example()
			absent.Sort()
			part.of(absent).Field(i).SetZero()
			if !absent.Partial() {
				t.Errorf("an order without %s does not count as partial", name)
			}
			absent.Merge(changed)
			if absent.Hash() != changed.Hash() {
				t.Errorf("%s is not merged", name)
			}
		}
	}
	if fields < 24+12+6 {
		t.Errorf("only %d columns were tried", fields)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	stored := example()
	stored.Sort()

	later := &order.Order{Source: "shop", ID: "1001", ModifiedAt: stored.ModifiedAt, BuyerNote: order.Null[string]()}
	later.Merge(stored)
	if _, ok := later.BuyerNote.Get(); ok || later.Status.Value() != order.StatusPaid {
		t.Errorf("an emptied field must clear and an absent one must not: %+v", later)
	}
	if len(later.Items.Value()) != 2 || len(later.Refunds.Value()) != 1 {
		t.Errorf("absent lists must stay: %+v", later)
	}

	later = &order.Order{Items: order.Some([]order.Item{{LineID: "b"}}), Refunds: order.Some([]order.Refund{})}
	later.Merge(stored)
	if items := later.Items.Value(); len(items) != 1 || items[0].Title.Value() != "Bowl" {
		t.Errorf("a line dropped from a list that was sent is gone, the other keeps what was left out: %+v", items)
	}
	if len(later.Refunds.Value()) != 0 {
		t.Error("an empty list that was sent must clear")
	}
}

func TestHashDoesNotDependOnTheOrderOfLinesOrTheFetch(t *testing.T) {
	t.Parallel()
	a, b := example(), example()
	items := b.Items.Value()
	items[0], items[1] = items[1], items[0]
	b.FetchedAt = b.FetchedAt.Add(time.Hour)
	b.Raw = []byte("{}")
	a.Sort()
	b.Sort()
	if a.Hash() != b.Hash() {
		t.Error("the hashes differ")
	}
	b.ModifiedAt = b.ModifiedAt.Add(time.Microsecond)
	if a.Hash() == b.Hash() {
		t.Error("the time of change must be part of the hash")
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	older := order.Version{ModifiedAt: at, FetchedAt: at.Add(time.Hour)}
	newer := order.Version{ModifiedAt: at.Add(time.Second), FetchedAt: at}
	fetched := order.Version{ModifiedAt: at, FetchedAt: at.Add(2 * time.Hour)}
	if older.Compare(newer) >= 0 || fetched.Compare(older) <= 0 || older.Compare(older) != 0 {
		t.Error("the time of change decides, then that of the fetch")
	}
}

func TestInstantIsCutNotRounded(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	got := order.Instant(time.Date(2026, 11, 20, 8, 0, 0, 999_999_999, zone))
	if want := time.Date(2026, 11, 20, 0, 0, 0, 999_999_000, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if !order.Instant(time.Time{}).IsZero() {
		t.Error("no time must stay no time")
	}
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	got, err := order.CanonicalJSON([]byte(`{ "b": 1.10, "a": {"y": "<é>", "x": 12345678901234567890} }`))
	if want := `{"a":{"x":12345678901234567890,"y":"<é>"},"b":1.10}`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := order.CanonicalJSON([]byte(`{"a":`)); err == nil {
		t.Error("a cut text must be refused")
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := example().Validate(); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("长", 600)
	for name, spoil := range map[string]func(*order.Order){
		"id: it is missing":           func(o *order.Order) { o.ID = "" },
		"id: it has blanks":           func(o *order.Order) { o.ID = "A " },
		"id: 600 characters":          func(o *order.Order) { o.ID = long },
		"id: it holds bytes":          func(o *order.Order) { o.ID = "a\xff" },
		"id: it holds control":        func(o *order.Order) { o.ID = "a\x00b" },
		"modified_at: neither":        func(o *order.Order) { o.ModifiedAt = time.Time{} },
		"modified_at: a time that":    func(o *order.Order) { o.ModifiedAt = o.FetchedAt.AddDate(0, 0, 2) },
		"ordered_at: a time that":     func(o *order.Order) { o.OrderedAt = order.Some(time.Unix(1, 0)) },
		"shipped_at: a time that":     func(o *order.Order) { o.ShippedAt = order.Some(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"buyer_name: 600 characters":  func(o *order.Order) { o.BuyerName = order.Some(long) },
		"seller_note: 70000 bytes":    func(o *order.Order) { o.SellerNote = order.Some(strings.Repeat("x", 70000)) },
		"line id: two lines":          func(o *order.Order) { o.Items.Value()[1].LineID = "b" },
		"line id: it is missing":      func(o *order.Order) { o.Items.Value()[1].LineID = "" },
		"line title: 600":             func(o *order.Order) { o.Items.Value()[0].Title = order.Some(long) },
		"refund id: it has blanks":    func(o *order.Order) { o.Refunds.Value()[0].ID = " r" },
		"refund reason: 600":          func(o *order.Order) { o.Refunds.Value()[0].Reason = order.Some(long) },
		"refund created_at: a time":   func(o *order.Order) { o.Refunds.Value()[0].CreatedAt = order.Some(time.Unix(1, 0)) },
		"receiver: 1048577 bytes":     func(o *order.Order) { o.Receiver = order.Some(strings.Repeat("x", 1<<20+1)) },
		"source_status: 600":          func(o *order.Order) { o.SourceStatus = order.Some(long) },
		"line image_url: 1025":        func(o *order.Order) { o.Items.Value()[0].ImageURL = order.Some(strings.Repeat("x", 1025)) },
		"receiver_city: 129":          func(o *order.Order) { o.ReceiverCity = order.Some(strings.Repeat("x", 129)) },
		"currency: 17 characters, at": func(o *order.Order) { o.Currency = order.Some(strings.Repeat("x", 17)) },
	} {
		o := example()
		spoil(o)
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("want %q..., got %v", name, err)
		}
	}
}

// TestMoreRefunds: a remote that names only the newest refund of a line does not make the one before it vanish, and what was paid back
// is the sum of all that were paid.
func TestMoreRefunds(t *testing.T) {
	t.Parallel()
	amount := func(text string) order.Field[order.Decimal] {
		d, _, err := order.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return order.Some(d)
	}
	paid := order.Some(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	first := order.Refund{ID: "1", Amount: amount("10.25"), RefundedAt: paid}
	stored := &order.Order{Refunds: order.Some([]order.Refund{first, {ID: "2", Amount: amount("3")}}), Refunded: amount("10.25")}
	came := &order.Order{
		Refunds:  order.Some([]order.Refund{{ID: "2", Amount: amount("3.5"), RefundedAt: paid}, {ID: "3", Amount: amount("1")}}),
		Refunded: amount("3.5"), MoreRefunds: true,
	}
	if !came.Partial() {
		t.Error("it needs what is stored, and does not say so")
	}
	came.Merge(stored)
	came.Sort()
	var ids []string
	for _, refund := range came.Refunds.Value() {
		ids = append(ids, refund.ID)
	}
	if got := came.Refunded.Value().String(); !slices.Equal(ids, []string{"1", "2", "3"}) || got != "13.750000" {
		t.Errorf("refunds %v, refunded %s", ids, got)
	}
	whole := &order.Order{Refunds: order.Some([]order.Refund{{ID: "3"}})}
	whole.Merge(stored)
	if n := len(whole.Refunds.Value()); n != 1 {
		t.Errorf("a list that is whole keeps %d refunds", n)
	}
}

// TestStatusOfMoreRefunds: an order does not pass for one of which nothing was paid back because its newest refund was closed.
func TestStatusOfMoreRefunds(t *testing.T) {
	t.Parallel()
	amount := func(text string) order.Field[order.Decimal] {
		d, _, err := order.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return order.Some(d)
	}
	paidBack := order.Some(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		status      order.Status
		first, paid string
		back        bool
		want        order.Status
	}{
		"some of it":        {order.StatusShipped, "10.25", "50", true, order.StatusPartiallyRefunded},
		"all of it":         {order.StatusCompleted, "50", "50.00", true, order.StatusRefunded},
		"not paid back":     {order.StatusShipped, "10.25", "50", false, order.StatusShipped},
		"nothing":           {order.StatusShipped, "0", "50", true, order.StatusShipped},
		"a cancelled order": {order.StatusCancelled, "10.25", "50", true, order.StatusCancelled},
	} {
		first := order.Refund{ID: "1", Amount: amount(c.first)}
		if c.back {
			first.RefundedAt = paidBack
		}
		came := &order.Order{
			Status: order.Some(c.status), Paid: amount(c.paid), MoreRefunds: true,
			Refunds: order.Some([]order.Refund{{ID: "2", Amount: amount("3"), Status: order.Some("CLOSED")}}), Refunded: amount("0"),
		}
		came.Merge(&order.Order{Refunds: order.Some([]order.Refund{first})})
		if came.Status.Value() != c.want {
			t.Errorf("%s: it is %s, want %s", name, came.Status.Value(), c.want)
		}
	}
}
