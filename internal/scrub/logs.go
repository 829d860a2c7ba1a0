package scrub

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
)

// logs is a handler that scrubs what it passes on.
type logs struct {
	scrubber *Scrubber
	next     slog.Handler
}

// Enabled implements slog.Handler.
func (l logs) Enabled(ctx context.Context, level slog.Level) bool { return l.next.Enabled(ctx, level) }

// Handle implements slog.Handler.
func (l logs) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, l.scrubber.Text(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(l.attr(a))
		return true
	})
	return l.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (l logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = l.attr(a)
	}
	return logs{scrubber: l.scrubber, next: l.next.WithAttrs(clean)}
}

// WithGroup implements slog.Handler.
func (l logs) WithGroup(name string) slog.Handler {
	return logs{scrubber: l.scrubber, next: l.next.WithGroup(name)}
}

func (l logs) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if namesSecret(a.Key) {
		return slog.String(a.Key, maskSecret)
	}
	return slog.Attr{Key: a.Key, Value: l.value(v)}
}

// value scrubs what may hold text. Numbers and times hold none.
func (l logs) value(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(l.scrubber.Text(v.String()))
	case slog.KindGroup:
		members := make([]slog.Attr, len(v.Group()))
		for i, a := range v.Group() {
			members[i] = l.attr(a)
		}
		return slog.GroupValue(members...)
	case slog.KindAny:
		return l.any(v)
	default:
		return v
	}
}

// any scrubs a value that is written by its own methods or by reflection: it stays what it is if there is nothing to take out of it.
func (l logs) any(v slog.Value) slog.Value {
	switch held := v.Any().(type) {
	case error:
		return slog.StringValue(l.scrubber.Text(fmt.Sprint(held)))
	case []byte:
		return slog.StringValue(l.scrubber.Text(string(held)))
	default:
		printed := fmt.Sprintf("%+v", held)
		if clean := l.scrubber.Text(printed); clean != printed {
			return slog.StringValue(clean)
		}
		encoded, err := json.Marshal(held)
		if clean := l.scrubber.Text(string(encoded)); err == nil && clean != string(encoded) {
			return slog.StringValue(clean)
		}
		return v
	}
}
