package order

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ShipmentStatus is the one vocabulary for where a parcel is. The remote's own words stay in SourceStatus.
type ShipmentStatus string

// The statuses that an ERP may rely on.
const (
	// ShipmentCreated: the order names the parcel and nobody has moved it yet.
	ShipmentCreated   ShipmentStatus = "created"
	ShipmentInTransit ShipmentStatus = "in_transit"
	ShipmentDelivered ShipmentStatus = "delivered"
	// ShipmentReturned: the receiver refused it, or it is on its way back.
	ShipmentReturned ShipmentStatus = "returned"
	// ShipmentFailed: the carrier did not take it, lost it, or could not hand it over; it may be tried again.
	ShipmentFailed ShipmentStatus = "failed"
	// ShipmentWithdrawn: its order names other parcels now, and nothing was ever heard of this one.
	ShipmentWithdrawn ShipmentStatus = "withdrawn"
	// ShipmentUnknown: the remote's word has no mapping yet.
	ShipmentUnknown ShipmentStatus = "unknown"
)

// Final reports whether a parcel moves no more.
func (s ShipmentStatus) Final() bool { return s == ShipmentDelivered || s == ShipmentReturned }

// Parcel is one parcel as its order names it: what a remote is asked about.
type Parcel struct {
	OrderID string
	// Carrier is as the remote names it, empty where it names none.
	Carrier        string
	TrackingNumber string
	// LineIDs are the order's lines that are in the parcel.
	LineIDs []string
	// Split: the order was sent in several parcels, so that a question about this one must name its lines.
	Split bool
	// ShippedAt is zero where the remote does not say.
	ShippedAt time.Time
}

// Shipment is one parcel as a remote described it at one moment. Its key is the order's id, the carrier and the tracking number.
type Shipment struct {
	OrderID        string
	Carrier        string
	TrackingNumber string

	// Status is empty where the remote said nothing; so is SourceStatus absent then.
	Status       ShipmentStatus
	SourceStatus Field[string]
	ShippedAt    Field[time.Time]
	DeliveredAt  Field[time.Time]
	// Events are the steps of the way, oldest first.
	Events []ShipmentEvent
}

// ShipmentEvent is one step of a parcel's way.
type ShipmentEvent struct {
	// At is zero where the remote gave no time.
	At time.Time
	// Text is for people, Action the remote's own word for the kind of step; either may be empty.
	Text, Action string
}

// Limits of the text columns, in characters; migrations state the same numbers.
const (
	maxCarrier = 128
	maxEvent   = 1024
	maxAction  = 64
)

// Tidy brings the shipment into the form in which it is stored: instants in UTC, texts of events cut to what a column holds and free
// of what it does not take, times that cannot be left out, the oldest event first. It then reports the first reason for which it cannot be stored all the same.
// The message names the field and never quotes its content.
func (s *Shipment) Tidy() error {
	s.Carrier, s.TrackingNumber = strings.TrimSpace(s.Carrier), strings.TrimSpace(s.TrackingNumber)
	if text, ok := s.SourceStatus.Get(); ok {
		s.SourceStatus = Some(fit(text, maxShort))
	}
	for _, at := range []*Field[time.Time]{&s.ShippedAt, &s.DeliveredAt} {
		if t, ok := at.Get(); ok {
			*at = Some(Instant(t))
			if checkTime("time", *at) != nil {
				*at = Field[time.Time]{}
			}
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		e.At, e.Text, e.Action = Instant(e.At), fit(e.Text, maxEvent), fit(e.Action, maxAction)
		if !e.At.IsZero() && checkTime("time", Some(e.At)) != nil {
			e.At = time.Time{}
		}
	}
	sortEvents(s.Events)
	if err := ValidateID("order id", s.OrderID); err != nil {
		return err
	}
	return validateParcel(s.Carrier, s.TrackingNumber)
}

// Validate reports the first reason for which the parcel has no key of its own.
func (p *Parcel) Validate() error {
	if err := ValidateID("order id", p.OrderID); err != nil {
		return err
	}
	return validateParcel(p.Carrier, p.TrackingNumber)
}

func validateParcel(carrier, number string) error {
	if carrier != "" {
		if err := ValidateID("carrier", carrier); err != nil {
			return err
		}
		if n := utf8.RuneCountInString(carrier); n > maxCarrier {
			return tooLong("carrier", n, maxCarrier, "characters")
		}
	}
	if err := ValidateID("tracking number", number); err != nil {
		return fmt.Errorf("parcel: %w", err)
	}
	return nil
}

// fit makes a text for people storable.
func fit(text string, most int) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) > most && utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

// Merge fills what the remote left out with what is stored: absence never clears. Steps that the remote lists no more stay; a step of
// the same time and kind with another text is the same step in other words. The list never gets shorter.
func (s *Shipment) Merge(stored *Shipment) {
	if s.Carrier == "" {
		s.Carrier = stored.Carrier
	}
	if s.Status == "" || s.Status == ShipmentUnknown && s.SourceStatus.Absent() {
		s.Status = stored.Status
	}
	s.SourceStatus = s.SourceStatus.Or(stored.SourceStatus)
	s.ShippedAt = s.ShippedAt.Or(stored.ShippedAt)
	s.DeliveredAt = s.DeliveredAt.Or(stored.DeliveredAt)
	if kept := unmatched(stored.Events, s.Events); len(kept) > 0 {
		s.Events = append(kept, s.Events...)
		sortEvents(s.Events)
	}
}

// unmatched returns the stored steps that have no counterpart of their own among the new ones.
func unmatched(stored, fresh []ShipmentEvent) []ShipmentEvent {
	taken := make([]bool, len(fresh))
	match := func(e ShipmentEvent, alike func(a, b ShipmentEvent) bool) bool {
		for i := range fresh {
			if !taken[i] && alike(e, fresh[i]) {
				taken[i] = true
				return true
			}
		}
		return false
	}
	var doubtful, kept []ShipmentEvent
	for _, e := range stored {
		if !match(e, ShipmentEvent.same) {
			doubtful = append(doubtful, e)
		}
	}
	for _, e := range doubtful {
		if !match(e, func(a, b ShipmentEvent) bool { return !a.At.IsZero() && a.At.Equal(b.At) && a.Action == b.Action }) {
			kept = append(kept, e)
		}
	}
	return kept
}

// sortEvents puts the oldest first, unless one has no time: then only the remote knows their order.
func sortEvents(events []ShipmentEvent) {
	if !slices.ContainsFunc(events, func(e ShipmentEvent) bool { return e.At.IsZero() }) {
		slices.SortStableFunc(events, func(a, b ShipmentEvent) int { return a.At.Compare(b.At) })
	}
}

// Same reports whether two descriptions of one parcel are stored as the same rows.
func (s *Shipment) Same(other *Shipment) bool {
	return s.OrderID == other.OrderID && s.Carrier == other.Carrier && s.TrackingNumber == other.TrackingNumber &&
		s.Status == other.Status && s.SourceStatus.Value() == other.SourceStatus.Value() &&
		s.ShippedAt.Value().Equal(other.ShippedAt.Value()) && s.DeliveredAt.Value().Equal(other.DeliveredAt.Value()) &&
		slices.EqualFunc(s.Events, other.Events, ShipmentEvent.same)
}

func (e ShipmentEvent) same(other ShipmentEvent) bool {
	return e.At.Equal(other.At) && e.Text == other.Text && e.Action == other.Action
}

// LastEvent returns the time of the latest step that has one; zero where none has.
func (s *Shipment) LastEvent() time.Time {
	var last time.Time
	for _, e := range s.Events {
		if e.At.After(last) {
			last = e.At
		}
	}
	return last
}
