package apiclient

import (
	"net/http"
	"strings"
	"testing"
)

func BenchmarkDo(b *testing.B) {
	for name, body := range map[string]string{"empty": `{"orders": []}`, "64 KiB": `{"orders": ["` + strings.Repeat("x", 64<<10) + `"]}`} {
		b.Run(name, func(b *testing.B) {
			c, err := New(Options{
				Source: "shop", BaseURL: base, PerSecond: 1e9,
				Transport: remote(func(*http.Request) (*http.Response, error) { return answering(200, body), nil }),
			})
			if err != nil {
				b.Fatal(err)
			}
			call := orders(base)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := c.Do(b.Context(), call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
