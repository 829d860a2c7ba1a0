package apiclient

import (
	"context"
	"time"
)

// Local returns a Pace in memory: for checks without a database and for tests. Clients that share it share the rate.
func Local() Pace { return &local{} }

type local struct{}

func (l *local) Reserve(ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (time.Duration, error) {
	return 0, nil
}
func (l *local) Park(ctx context.Context, credential string, wait time.Duration) error { return nil }
func (l *local) Refuse(ctx context.Context, credential string) error                   { return nil }
func (l *local) Accept(ctx context.Context, credential string) error                   { return nil }
