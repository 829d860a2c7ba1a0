package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
)

// session is what is known about the current token. One that is refused stops its own shop: the app key's pace, which other shops
// share, hears nothing of it.
//
// Until a token has been accepted once, each call asks the pace whether it may go out: another process, or this one before a restart,
// may have seen it refused.
type session struct {
	pace apiclient.Pace

	mu       sync.Mutex
	key      string // of the current token
	refusals int    // how often it was refused
	proved   bool   // it was accepted since it was last refused
	told     bool   // and the pace knows
	why      *Error // the last refusal
}

// permit is the right to make a call with a token: for as long as it is not refused again.
type permit struct {
	key      string
	granted  bool
	refusals int
}

// admit returns the current token once it may be used. A permit that still holds is not asked for again, so that the one call that
// probes a refused session may be repeated like any other.
func (g *Gateway) admit(ctx context.Context, p *permit) (token string, err error) {
	token, key, err := g.current(ctx)
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", fault.Errorf(fault.Auth, "%w: there is none yet", ErrSession)
	case key == "":
		return "", fault.Errorf(fault.Internal, "the session has no name for the pace")
	}
	return token, g.session.admit(ctx, key, p)
}

// current returns the token and the key that belongs to it, also while another one is being stored.
func (g *Gateway) current(ctx context.Context) (token, key string, err error) {
	for range 3 {
		before := g.o.SessionKey()
		token, err = g.o.Session(ctx)
		if key = g.o.SessionKey(); err != nil || key == before {
			return token, key, err
		}
	}
	return token, key, nil
}

func (s *session) admit(ctx context.Context, key string, p *permit) error {
	s.mu.Lock()
	if s.key != key {
		s.key, s.refusals, s.proved, s.told, s.why = key, 0, false, false, nil
	}
	now := permit{key: key, granted: true, refusals: s.refusals}
	free, why := *p == now || s.proved, s.why
	s.mu.Unlock()
	if !free {
		if _, err := s.pace.Reserve(ctx, key, 1, time.Millisecond, 0, 0); err != nil {
			return standing(err, why)
		}
	}
	*p = now
	return nil
}

// standing words a refusal by the pace.
func standing(err error, why *Error) error {
	switch {
	case fault.KindOf(err) != fault.Auth:
		return fmt.Errorf("asking for the state of the shop's session: %w", err)
	case why != nil:
		return fault.Errorf(fault.Auth, "%w since the gateway answered so: %w (%w)", ErrSession, why, err)
	}
	return fault.Errorf(fault.Auth, "%w since an earlier call: %w", ErrSession, err)
}

// refuse notes a refused token. It returns the failure as it concerns this shop alone.
func (s *session) refuse(ctx context.Context, p permit, why *Error, err error) error {
	s.mu.Lock()
	if s.key == p.key {
		s.refusals++
		s.proved, s.told, s.why = false, false, why
	}
	s.mu.Unlock()
	err = fault.Errorf(fault.Auth, "%w: %w", ErrSession, err)
	// Also where ctx has ended meanwhile: of several calls at once the first that is refused ends the others.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 5*time.Second,
		fault.Errorf(fault.Database, "the pace did not take within 5s that the session is refused"))
	defer cancel()
	if failure := s.pace.Refuse(ctx, p.key); failure != nil {
		return fmt.Errorf("%w (and then: %w)", err, failure)
	}
	return err
}

// accept notes that a call with the token was answered. A refusal while the call was on its way counts for more. When the pace cannot
// be told, the next good answer tells it.
func (s *session) accept(ctx context.Context, p permit) {
	s.mu.Lock()
	current := s.key == p.key && s.refusals == p.refusals
	tell := current && !s.told
	s.proved = s.proved || current
	s.told = s.told || current
	s.mu.Unlock()
	if tell && s.pace.Accept(ctx, p.key) != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = false
	}
}
