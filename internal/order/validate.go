package order

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxID is the longest id, in characters, that a key column holds.
const MaxID = 191

// Limits of the text columns, in characters; migrations state the same numbers.
const (
	maxShort = 191
	maxName  = 255
	maxPlace = 128
	maxTitle = 512
	maxURL   = 1024
	// maxNote is the size of a TEXT column in bytes.
	maxNote = 65535
	// maxReceiver is in bytes.
	maxReceiver = 1 << 20
)

// futureSlack is how far behind the fetch's own clock a remote's zone may lie: a naive time read in the wrong zone is at most
// 14 hours off, a summer-time hour more, and a day is the bound that no honest order passes.
const futureSlack = 25 * time.Hour

// Validate reports the first reason for which the order cannot be stored as it is; its source then makes a dead letter of it.
// The message names the field and never quotes its content.
func (o *Order) Validate() error {
	if err := ValidateID("id", o.ID); err != nil {
		return err
	}
	if o.ModifiedAt.IsZero() {
		return fmt.Errorf("modified_at: neither a time of change nor a time of order was given")
	}
	if err := o.validateTimes(); err != nil {
		return err
	}
	for _, t := range []struct {
		name  string
		field Field[string]
		limit int
	}{
		{"number", o.Number, maxShort}, {"source_status", o.SourceStatus, maxShort}, {"currency", o.Currency, 16},
		{"buyer_id", o.BuyerID, maxShort}, {"buyer_name", o.BuyerName, maxName}, {"buyer_email", o.BuyerEmail, maxName},
		{"receiver_country", o.ReceiverCountry, maxPlace}, {"receiver_province", o.ReceiverProvince, maxPlace},
		{"receiver_city", o.ReceiverCity, maxPlace},
	} {
		if err := checkText(t.name, t.field, t.limit); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		name  string
		field Field[string]
		limit int
	}{{"receiver", o.Receiver, maxReceiver}, {"buyer_note", o.BuyerNote, maxNote}, {"seller_note", o.SellerNote, maxNote}} {
		if len(t.field.Value()) > t.limit {
			return tooLong(t.name, len(t.field.Value()), t.limit, "bytes")
		}
	}
	if err := o.validateItems(); err != nil {
		return err
	}
	return o.validateRefunds()
}

// ValidateID refuses what a key column would not keep apart: no text, too long a text, blanks around it (the database's
// collation ignores them at the end), bytes that are not UTF-8, and control characters.
func ValidateID(name, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%s: it is missing or empty", name)
	case strings.TrimSpace(id) != id:
		return fmt.Errorf("%s: it has blanks around it, which the database would not tell apart", name)
	case utf8.RuneCountInString(id) > MaxID:
		return tooLong(name, utf8.RuneCountInString(id), MaxID, "characters")
	case !utf8.ValidString(id) || strings.ContainsRune(id, utf8.RuneError):
		return fmt.Errorf("%s: it holds bytes that are not UTF-8", name)
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%s: it holds control characters", name)
	}
	return nil
}

func checkText(name string, field Field[string], limit int) error {
	// Bytes bound characters from above, which spares the counting for nearly every text.
	if text := field.Value(); len(text) > limit {
		if n := utf8.RuneCountInString(text); n > limit {
			return tooLong(name, n, limit, "characters")
		}
	}
	return nil
}

func tooLong(name string, got, limit int, unit string) error {
	return fmt.Errorf("%s: %d %s, at most %d can be stored", name, got, unit, limit)
}

func (o *Order) validateTimes() error {
	oldest := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest := o.FetchedAt.Add(futureSlack)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"modified_at", o.ModifiedAt}, {"ordered_at", o.OrderedAt.Value()}} {
		if !t.at.IsZero() && (t.at.Before(oldest) || !o.FetchedAt.IsZero() && t.at.After(latest)) {
			return fmt.Errorf("%s: a time that cannot be (year %d); the remote may send other units or another layout", t.name, t.at.Year())
		}
	}
	for _, t := range []struct {
		name  string
		field Field[time.Time]
	}{{"paid_at", o.PaidAt}, {"shipped_at", o.ShippedAt}, {"completed_at", o.CompletedAt}, {"cancelled_at", o.CancelledAt}} {
		if err := checkTime(t.name, t.field); err != nil {
			return err
		}
	}
	return nil
}

func checkTime(name string, field Field[time.Time]) error {
	if at, ok := field.Get(); ok && (at.Year() < 1990 || at.Year() > 2200) {
		return fmt.Errorf("%s: a time that cannot be (year %d)", name, at.Year())
	}
	return nil
}

func (o *Order) validateItems() error {
	seen := make(map[string]bool, len(o.Items.value))
	for i := range o.Items.value {
		item := &o.Items.value[i]
		if err := ValidateID("line id", item.LineID); err != nil {
			return err
		}
		if seen[item.LineID] {
			return fmt.Errorf("line id: two lines of the order carry the same id")
		}
		seen[item.LineID] = true
		for _, t := range []struct {
			name  string
			field Field[string]
			limit int
		}{
			{"line sku", item.SKU, maxShort}, {"line product_id", item.ProductID, maxShort}, {"line variant_id", item.VariantID, maxShort},
			{"line title", item.Title, maxTitle}, {"line variant", item.Variant, maxTitle}, {"line status", item.Status, maxShort},
			{"line refund_status", item.RefundStatus, maxShort}, {"line image_url", item.ImageURL, maxURL},
		} {
			if err := checkText(t.name, t.field, t.limit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Order) validateRefunds() error {
	seen := make(map[string]bool, len(o.Refunds.value))
	for i := range o.Refunds.value {
		refund := &o.Refunds.value[i]
		if err := ValidateID("refund id", refund.ID); err != nil {
			return err
		}
		if seen[refund.ID] {
			return fmt.Errorf("refund id: two refunds of the order carry the same id")
		}
		seen[refund.ID] = true
		for _, t := range []struct {
			name  string
			field Field[string]
			limit int
		}{{"refund line_id", refund.LineID, maxShort}, {"refund status", refund.Status, maxShort}, {"refund reason", refund.Reason, maxTitle}} {
			if err := checkText(t.name, t.field, t.limit); err != nil {
				return err
			}
		}
		if err := checkTime("refund created_at", refund.CreatedAt); err != nil {
			return err
		}
		if err := checkTime("refund refunded_at", refund.RefundedAt); err != nil {
			return err
		}
	}
	return nil
}
