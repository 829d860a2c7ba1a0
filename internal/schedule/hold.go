package schedule

import "context"

// BusyError says that somebody else works the stream.
type BusyError struct {
	// Lease is the lease as the other has it.
	Lease Lease
}

func (e *BusyError) Error() string { return "" }

// Hold takes the lease that is wanted (its Source, Stream and Holder), calls do, and gives it back.
func Hold(ctx context.Context, leases Leases, wanted Lease, do func(ctx context.Context) error) error {
	return nil
}

// Wait is Hold for somebody who can wait: as long as the stream is busy it asks again, until ctx ends. busy, if not nil, is
// called once for each holder that it finds there.
func Wait(ctx context.Context, leases Leases, wanted Lease, busy func(*BusyError), do func(ctx context.Context) error) error {
	return nil
}
