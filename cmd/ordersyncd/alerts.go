package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/schedule"
	"ordersync/internal/taobao/gateway"
)

const (
	// longPause is the pause that a shop asks for from which on nobody waits to be told.
	longPause = time.Hour
	// seldom is the time between two runs from which on a single good run ends an incident.
	seldom = 15 * time.Minute
	// askedRefused is the time after which a shop is asked again that refused a credential.
	askedRefused = time.Hour

	commandGrant = "ordersyncd authorize %s"
)

// classes are those of failures that their kind alone decides.
var classes = map[fault.Kind]alert.Class{
	fault.Database: alert.Database, fault.RateLimited: alert.Rate, fault.Auth: alert.Auth, fault.Protocol: alert.Payload,
	fault.Rejected: alert.Payload, fault.Config: alert.Config, fault.Internal: alert.Internal,
}

// classOf says what sort of incident a failure belongs to; empty for none, for a run that was stopped, and for one whose work somebody
// else does.
func classOf(err error) alert.Class {
	kind := fault.KindOf(err)
	_, busy := errors.AsType[*schedule.BusyError](err)
	switch {
	case kind == 0, busy, errors.Is(err, schedule.ErrLost):
		return ""
	case kind == fault.Database: // also where its certificate is the reason: what matters is that nothing can be stored
		return alert.Database
	case untrusted(err):
		return alert.Security
	case kind == fault.Transient && unreached(err):
		return alert.Network
	case kind == fault.Transient: // it answers, and badly
		return alert.HTTP
	}
	return classes[kind]
}

// untrusted reports whether a remote, or a way to it, is not what it has to be.
func untrusted(err error) bool {
	if errors.Is(err, apiclient.ErrUntrusted) || errors.Is(err, apiclient.ErrElsewhere) {
		return true
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok || errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError)) ||
		errors.As(err, new(x509.CertificateInvalidError))
}

// unreached reports whether the remote said nothing at all, or not in time.
func unreached(err error) bool {
	_, status := errors.AsType[*apiclient.StatusError](err)
	_, word := errors.AsType[*gateway.Error](err)
	return !status && !word && (errors.Is(err, apiclient.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded))
}

// learned is what a run teaches those who tell of failures; false where there is nothing to learn. clean takes out of its text what must
// not leave this machine.
func (r report) learned(clean func(string) string) (alert.Observation, bool) {
	class := classOf(r.err)
	if r.err != nil && class == "" || r.paused {
		return alert.Observation{}, false
	}
	run := &alert.RunEnded{Source: string(r.account.name), Job: r.job, RunID: r.runID, Class: class, Seldom: isSeldom(r.schedule, r.ended)}
	if r.err != nil {
		run.Kind, run.Error = fault.KindOf(r.err).String(), clean(r.err.Error())
		run.Urgent = class == alert.Rate && fault.RetryAfter(r.err) > longPause
		run.Facts = alert.Facts{Remedy: clean(advice(r.err)), Command: r.command()}
		run.Facts.RetryAt, run.Facts.NextTick = r.tries(class)
	}
	return alert.Observation{At: r.ended, Host: hostName(), Run: run}, true
}

// tries are the next repeat and the next tick at which the shop is asked again: not before the pause that it wants is over. Where it refuses
// a credential it is asked once an hour; when, the schedule does not say.
func (r report) tries(class alert.Class) (again, tick time.Time) {
	again, tick = r.repeat, r.schedule.Next(r.ended)
	if wait := fault.RetryAfter(r.err); wait > 0 && again.Before(r.ended.Add(wait)) {
		again = r.ended.Add(wait)
	}
	if class == alert.Auth && tick.Sub(r.ended) < askedRefused {
		tick = time.Time{}
	}
	return again, tick
}

// advice is what to do about a failure where more is known than its kind, and than the texts of its class.
func advice(err error) string {
	if _, remedy := explain(err); remedy != remedies[fault.KindOf(err)].remedy && remedy != textUntrustedHelp {
		return remedy
	}
	return ""
}

// command is what to type about a run's failure, where that depends on the source; else empty.
func (r report) command() string {
	if errors.Is(r.err, gateway.ErrSession) && r.account.vault != nil && r.account.vault.CanGrant() == nil {
		return fmt.Sprintf(commandGrant, r.account.name)
	}
	return ""
}

// isSeldom reports whether a schedule leaves so much time between two runs that one good run ends an incident.
func isSeldom(s schedule.Schedule, now time.Time) bool { return schedule.Interval(s, now) > seldom }

// noteGood notes a good run that somebody typed, which may end an incident. One that failed was seen by whoever typed it.
func (w *works) noteGood(ctx context.Context, r report) {
	o, ok := r.learned(w.clean.Text)
	if !ok || r.err != nil {
		return
	}
	if err := w.db.Note(ctx, []alert.Observation{o}); err != nil {
		w.log.LogAttrs(ctx, slog.LevelDebug, "a good run is not noted", slog.String("job", r.job), slog.String("error", err.Error()))
	}
}
