package wire

import (
	"bytes"
	"testing"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// checkRecord holds what is promised for any record, whatever was sent.
func checkRecord(t *testing.T, record order.Record) {
	t.Helper()
	if (record.Order == nil) == (record.Dead == nil) {
		t.Fatalf("a record is one of two: %+v", record)
	}
	if d := record.Dead; d != nil {
		if d.ID == "" || d.Reason == "" || len(d.Reason) > 300 || d.Version.FetchedAt.IsZero() || len(d.Payload) > maxRecord {
			t.Errorf("a dead letter with id %q, reason %q, version %v, %d bytes", d.ID, d.Reason, d.Version, len(d.Payload))
		}
		return
	}
	o := record.Order
	if err := o.Validate(); err != nil {
		t.Errorf("an order that cannot be stored: %v", err)
	}
	if len(o.Raw) == 0 || len(o.Raw) > maxRecord || o.Rounded < 0 || o.Repaired < 0 {
		t.Errorf("raw of %d bytes, rounded %d, repaired %d", len(o.Raw), o.Rounded, o.Repaired)
	}
}

func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"modified_at":"2026-11-02T10:00:00Z"}`,
		`{"id":9007199254740993,"total":"1.0000005","lines":[{"sku":"A"},{"id":1e3}],"modified_at":1793613600}`,
		`{"ID":1,"id":2,"customer":{"contact":{"email":null}},"receiver":{"city":"` + "\xff" + `"},"modified_at":"2026-11-02"}`,
		`{"id":"\ud800","shipments":[{"at":"x"}],"seller.note":true,"refunds":[{"id":1}],"modified_at":"Mon, 02 Nov 2026 10:00:00 GMT"}`,
	} {
		f.Add([]byte(seed))
	}
	r := reader(f, all())
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		record := r.Record(payload, fetched())
		checkRecord(t, record)
		if !bytes.Equal(before, payload) {
			t.Error("the payload was changed")
		}
		if o := record.Order; o != nil {
			again := r.Record(o.Raw, fetched())
			if again.Order == nil || again.Order.Hash() != o.Hash() || again.Order.ID != o.ID {
				t.Errorf("its own bytes read again: %+v", again)
			}
		}
	})
}

func FuzzListing(f *testing.F) {
	for _, seed := range []string{
		`[]`, `{"orders":[{"id":1,"modified_at":"2026-11-02T10:00:00Z"}],"total":"7","pages":1}`, `{"orders":null,"total":0}`,
		`{"code":1,"msg":"x","data":{"orders":[]}}`, `{"error":{"code":429}}`, `null`, `{}`, `<html>`, "\xef\xbb\xbf [1,{\"id\":2}]",
		`{"orders":[{"id":1},{"id":1}],"Orders":[]}`,
	} {
		f.Add([]byte(seed), "17")
	}
	r := reader(f, all())
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		l, err := r.Listing(Response{Body: body, Header: func(string) string { return header }, SentAt: fetched()})
		if err != nil {
			switch fault.KindOf(err) {
			case fault.Transient, fault.Protocol, fault.RateLimited, fault.Auth:
			default:
				t.Errorf("kind %v: %v", fault.KindOf(err), err)
			}
			return
		}
		if total, ok := l.Total.Get(); ok && (total < 0 || total > maxTotal) {
			t.Errorf("a total of %d", total)
		}
		for _, record := range l.Records {
			checkRecord(t, record)
			if o := record.Order; o != nil && !bytes.Contains(body, o.Raw) {
				t.Errorf("order %s keeps bytes that were not sent", o.ID)
			}
		}
	})
}
