package apiclient

import (
	"context"
	"time"
)

// Pace is the shared right to make calls. One credential has one pace, whoever uses it: the store keeps it on a table so that
// several processes and a restart share it, [Local] keeps it in memory.
type Pace interface {
	// Reserve takes calls consecutive call slots, spacing apart, and returns how long from now until the first of them, by the
	// clock of the store. With daily above zero it bounds the calls per day, whose border is cut at zone from UTC.
	// Failures: fault.RateLimited with a RetryAfter while parked or while the day's quota is used up; fault.Auth while refused
	// (one probe an hour is let through); fault.Database when the store is away.
	Reserve(ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration) (time.Duration, error)
	// Park stops all calls until wait has passed. It never shortens a longer park.
	Park(ctx context.Context, credential string, wait time.Duration) error
	// Refuse notes that the remote refused the credential: no calls but the probes.
	Refuse(ctx context.Context, credential string) error
	// Accept notes that the remote accepted the credential: it is no longer refused.
	Accept(ctx context.Context, credential string) error
}
