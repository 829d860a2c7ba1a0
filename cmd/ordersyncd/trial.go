package main

import (
	"context"
	"errors"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/tell"
	"ordersync/internal/fault"
)

const (
	textTrialFlag  = "also send a test message by every way that alerts take"
	textTrialSent  = "took the test message; look whether it arrives"
	textTrialWhat  = "alerts"
	textTrialNone  = "the configuration names no way by which anybody is told"
	textTrialHelp  = "Name alerts.email, alerts.sentry or alerts.webhooks in the configuration."
	textTrialLate  = "it did not answer within %s"
	textTrialAgain = "Alerts that do not get through are tried again for a day; type this again in a few minutes."
	textTrialWrong = "Correct it under alerts in the configuration, then type this again."

	// trialTime is how long a channel may take for the test message.
	trialTime = 30 * time.Second
)

// sendTrials sends a test message by every way that the configuration names, and has a line told about each.
func (p *program) sendTrials(ctx context.Context, w *works, line func(what, good string, err error)) error {
	channels, err := openChannels(w.cfg, w.clean)
	if err != nil {
		return err
	}
	if len(channels) == 0 {
		line(textTrialWhat, "", &remedyError{err: fault.Errorf(fault.Config, textTrialNone), remedy: textTrialHelp})
	}
	n := alert.NewTrial(time.Now(), hostName())
	for _, c := range channels {
		err := sendTrial(ctx, c, n)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line(c.Name(), textTrialSent, trialError(err))
	}
	return nil
}

// trialError is why a test message was not taken, with what to do about it: what failures of shops mean does not fit.
func trialError(err error) error {
	if err == nil {
		return nil
	}
	remedy := textTrialWrong
	if told, ok := errors.AsType[advised](err); ok && told.Remedy() != "" {
		remedy = told.Remedy()
	} else if fault.KindOf(err).Passing() {
		remedy = textTrialAgain
	}
	return &remedyError{err: err, remedy: remedy}
}

func sendTrial(ctx context.Context, c tell.Channel, n alert.Notice) error {
	ctx, cancel := context.WithTimeoutCause(ctx, trialTime, fault.Errorf(fault.Transient, textTrialLate, trialTime))
	defer cancel()
	return c.Send(ctx, n)
}
