package config

import "time"

// Duration is a length of time that must be written with its unit: 90s, 10m, 1h30m, 30d, 2w.
type Duration time.Duration

// Std is the duration in the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Size is a number of bytes, written plain or with a unit: 64MiB, 10MB.
type Size int64
