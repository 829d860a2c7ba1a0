package value

import "time"

// namedLayouts are the layouts that have a name.
var namedLayouts = map[string]string{
	"": time.RFC3339, "rfc3339": time.RFC3339, "rfc3339ms": "2006-01-02T15:04:05.000Z07:00", "rfc1123z": time.RFC1123Z, "date": time.DateOnly,
	"datetime": time.DateTime, "unix": time.RFC3339, "unix_ms": time.RFC3339,
}

// UsableLayout reports whether a layout is a known name, or one that tells times apart.
func UsableLayout(layout string) bool {
	if _, ok := namedLayouts[layout]; ok {
		return true
	}
	a, b := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2012, 11, 10, 19, 28, 37, 0, time.UTC)
	return a.Format(layout) != b.Format(layout)
}

// DayLayout reports whether a layout writes days and no times of day.
func DayLayout(layout string) bool {
	if name, ok := namedLayouts[layout]; ok {
		layout = name
	}
	a, b := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2001, 2, 3, 19, 28, 37, 0, time.UTC)
	return UsableLayout(layout) && a.Format(layout) == b.Format(layout)
}
