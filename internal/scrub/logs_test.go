package scrub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ordersync/internal/scrub"
)

// lazy is a value that is only written when it is logged.
type lazy struct{ text string }

func (l lazy) LogValue() slog.Value { return slog.GroupValue(slog.String("text", l.text)) }

// broken is an error that cannot be asked while it is nil.
type broken struct{ text string }

func (b *broken) Error() string { return b.text }

// TestHandler holds that nothing of a record escapes: its message, its attributes, those of the logger, groups, errors, values of any
// type; and that what is no text stays what it is.
func TestHandler(t *testing.T) {
	t.Parallel()
	const secret, phone, mail = "canary-0123456789", "13900001234", "canary@example.com"
	type inner struct{ Text string }
	type outer struct {
		Part  *inner `json:"part"`
		Count int    `json:"count"`
	}
	address, err := url.Parse("https://ops:canary@shop.example.com/orders?session=canary")
	if err != nil {
		t.Fatal(err)
	}
	for name, format := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler {
			return slog.NewTextHandler(b, &slog.HandlerOptions{AddSource: true})
		},
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		s := scrub.New([]string{secret})
		log := slog.New(s.Handler(format(&b))).With(slog.String("of_logger", secret)).WithGroup("group").With("call", "call "+phone)
		log.LogAttrs(t.Context(), slog.LevelInfo, "told "+secret+" to "+mail,
			slog.String("text", secret+" "+phone), slog.Any("error", fmt.Errorf("wrapped: %w", errors.New(mail))), slog.Any("nil", (*broken)(nil)),
			slog.Group("within", slog.String("deep", mail), slog.Group("deeper", slog.Any("any", []string{secret, "fine"}))),
			slog.Any("lazy", lazy{text: phone}), slog.Any("pointer", outer{Part: &inner{Text: secret}, Count: 3}), slog.Any("address", address),
			slog.Any("bytes", []byte("to "+mail)), slog.Any("map", map[string]string{"a": secret}), slog.String("session", "canary"),
			slog.Any("token", lazy{text: "canary"}),
		)
		if got := b.String(); strings.Contains(got, "canary") || strings.Contains(got, phone) || !strings.Contains(got, "fine") {
			t.Errorf("%s shows what it must not: %s", name, got)
		}
	}
	if scrub.New(nil).Handler(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn})).Enabled(t.Context(), slog.LevelInfo) {
		t.Error("a level that is not wanted is asked for")
	}
}

func TestHandlerLeavesTheRest(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(scrub.New(nil).Handler(slog.NewJSONHandler(&b, nil)))
	at := time.Date(2026, 10, 17, 2, 0, 0, 0, time.UTC)
	record := slog.NewRecord(at, slog.LevelWarn, "the run failed", 0)
	record.AddAttrs(
		slog.Int("orders", 300), slog.Int64("bytes", 15032385536), slog.Int64("order", 13900001234), slog.Float64("share", 0.25), slog.Bool("urgent", true),
		slog.Duration("took", 1500*time.Millisecond), slog.Time("watermark", at), slog.Any("sources", []string{"us-store"}),
		slog.Any("counts", map[string]int{"new": 3}), slog.String("remedy", "type: ordersyncd check --online"),
	)
	if err := log.Handler().Handle(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time": "2026-10-17T02:00:00Z", "level": "WARN", "msg": "the run failed", "orders": 300.0, "bytes": 15032385536.0, "order": 13900001234.0,
		"share": 0.25, "urgent": true, "took": 1.5e9, "watermark": "2026-10-17T02:00:00Z", "sources": []any{"us-store"},
		"counts": map[string]any{"new": 3.0}, "remedy": "type: ordersyncd check --online",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
