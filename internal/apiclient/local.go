package apiclient

import (
	"context"
	"errors"
	"sync"
	"time"

	"ordersync/internal/fault"
)

// probeEvery is how often a refused credential is tried all the same.
const probeEvery = time.Hour

// Local returns a Pace in memory: for checks without a database and for tests. Clients that share it share the rate.
func Local() Pace { return &local{accounts: make(map[string]*account)} }

type local struct {
	mu       sync.Mutex
	accounts map[string]*account
}

// account is the state of one credential.
type account struct {
	next        time.Time // the first slot that is free
	parkedUntil time.Time
	day         int64 // since 1970, at the account's zone
	used        int   // calls of that day
	refused     bool
	probe       time.Time // of a refused credential: no call before
}

func (l *local) Reserve(
	ctx context.Context, credential string, calls int, spacing time.Duration, daily int, zone time.Duration,
) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, now := l.account(credential), time.Now()
	if a.refused && now.Before(a.probe) {
		return 0, fault.Errorf(fault.Auth, "the remote refused this credential; the next probe is in %s", roundUp(a.probe.Sub(now)))
	}
	if wait := a.parkedUntil.Sub(now); wait > 0 {
		return 0, fault.Limited(wait, errors.New("parked for another "+roundUp(wait).String()))
	}
	if err := a.charge(now, calls, daily, zone); err != nil {
		return 0, err
	}
	if a.refused {
		a.probe = now.Add(probeEvery)
	}
	if a.next.Before(now) {
		a.next = now
	}
	wait := a.next.Sub(now)
	a.next = a.next.Add(time.Duration(calls) * spacing)
	return wait, nil
}

// charge counts calls against the day's quota, all of them or none.
func (a *account) charge(now time.Time, calls, daily int, zone time.Duration) error {
	const seconds = 24 * 60 * 60
	there := now.Unix() + int64(zone/time.Second)
	if day := there / seconds; day != a.day {
		a.day, a.used = day, 0
	}
	if daily > 0 && a.used+calls > daily {
		midnight := time.Unix((a.day+1)*seconds-int64(zone/time.Second), 0)
		return fault.Limited(midnight.Sub(now), errors.New("the calls of the day are used up"))
	}
	a.used += calls
	return nil
}

func (l *local) Park(_ context.Context, credential string, wait time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, until := l.account(credential), time.Now().Add(wait); until.After(a.parkedUntil) {
		a.parkedUntil = until
	}
	return nil
}

func (l *local) Refuse(_ context.Context, credential string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(credential)
	a.refused, a.probe = true, time.Now().Add(probeEvery)
	return nil
}

func (l *local) Accept(_ context.Context, credential string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.account(credential).refused = false
	return nil
}

// account returns the state of a credential; the caller holds the lock.
func (l *local) account(credential string) *account {
	a := l.accounts[credential]
	if a == nil {
		a = new(account)
		l.accounts[credential] = a
	}
	return a
}

// roundUp is a wait as a person reads it.
func roundUp(wait time.Duration) time.Duration {
	return (wait + time.Second - 1).Truncate(time.Second)
}
