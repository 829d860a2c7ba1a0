package wire

import (
	"fmt"
	"strings"
	"testing"
)

// page is an answer with 100 orders of three lines each, about 1.5 kB an order, as common shops send them.
func page() []byte {
	rows := make([]string, 100)
	for i := range rows {
		lines := make([]string, 3)
		for j := range lines {
			lines[j] = fmt.Sprintf(`{"id":%d,"sku":"SKU-%03d","product":%d,"title":"Cotton socks, ribbed, pair %d","quantity":%d,`+
				`"price":"12.50","total":"25.00","discount":"0.00","taxable":true,"weight":{"value":0.12,"unit":"kg"},`+
				`"image":{"url":"https://cdn.example.com/%d.jpg"}}`,
				i*10+j, j, j+7, j, j+1, j)
		}
		rows[i] = fmt.Sprintf(`{"id":%d,"number":"US-%d","status":"paid","currency":"USD","total":"37.50","paid":"37.50","discount":"0.00",`+
			`"shipping_fee":"4.99","tax":"3.09","customer":{"id":%d,"name":"Jane Doe","contact":{"email":"jane%d@example.com"}},`+
			`"receiver":{"name":"Jane Doe","street":"Main St %d","city":"Springfield","province":"IL","country":"US","zip":"62704"},`+
			`"buyer_note":"please ring twice","ordered_at":"2026-11-02T10:00:00Z","paid_at":"2026-11-02T10:01:00Z","completed_at":null,`+
			`"modified_at":"2026-11-02T11:00:00Z","tags":["a","b"],"source_name":"web","landing_site":"https://shop.example.com/socks",`+
			`"payment":{"gateway":"card","reference":"ch_%d"},"lines":[%s]}`,
			1000+i, 1000+i, i, i, i, i, strings.Join(lines, ","))
	}
	return []byte(`{"orders":[` + strings.Join(rows, ",") + `],"total":100}`)
}

// BenchmarkListing decodes a page of 100 orders.
func BenchmarkListing(b *testing.B) {
	body := page()
	r := reader(b, all())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		l, err := r.Listing(Response{Body: body, SentAt: fetched()})
		if err != nil || len(l.Records) != 100 || l.Records[99].Order == nil {
			b.Fatalf("%+v, %v", l, err)
		}
	}
}
