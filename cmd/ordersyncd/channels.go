package main

import (
	"log/slog"

	"ordersync/internal/alert/email"
	"ordersync/internal/alert/sentry"
	"ordersync/internal/alert/tell"
	"ordersync/internal/alert/webhook"
	"ordersync/internal/config"
	"ordersync/internal/scrub"
)

// ways are those who are told of failures, and who is told of each run.
type ways struct {
	channels []tell.Channel
	// monitor is nil where there is no Sentry.
	monitor *sentry.Monitor
}

// openWays makes what a configuration names, and speaks to nobody.
func openWays(cfg *config.Config, clean *scrub.Scrubber, log *slog.Logger) (w ways, err error) {
	if w.channels, err = openChannels(cfg, clean); err != nil || cfg.Alerts.Sentry == nil {
		return w, err
	}
	if w.monitor, err = sentry.NewMonitor(sentryOptions(cfg, clean, log)); err != nil {
		return w, mistakeAt(cfg, err, "alerts", "sentry")
	}
	return w, nil
}

// openChannels makes the ways by which the configuration says that people are told, and speaks to nobody.
func openChannels(cfg *config.Config, clean *scrub.Scrubber) ([]tell.Channel, error) {
	var channels []tell.Channel
	c := cfg.Alerts
	if c.Email != nil {
		boxes, err := email.New(mailOptions(cfg))
		if err != nil {
			return nil, mistakeAt(cfg, err, "alerts", "email")
		}
		for _, box := range boxes {
			channels = append(channels, box)
		}
	}
	if c.Sentry != nil {
		reporter, err := sentry.New(sentryOptions(cfg, clean, nil))
		if err != nil {
			return nil, mistakeAt(cfg, err, "alerts", "sentry")
		}
		channels = append(channels, reporter)
	}
	for _, w := range c.Webhooks {
		hook, err := webhook.New(webhook.Options{
			Name: w.Name, Kind: w.Kind, URL: w.URL.Reveal, Secret: w.Secret.Reveal, Language: cfg.Language, Zone: cfg.Zone(),
		})
		if err != nil {
			return nil, mistakeAt(cfg, err, "alerts", "webhooks", w.Name)
		}
		channels = append(channels, hook)
	}
	return channels, nil
}

func mailOptions(cfg *config.Config) email.Options {
	c := cfg.Alerts.Email
	return email.Options{
		Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: c.SMTP.TLS, Username: c.SMTP.Username, Password: c.SMTP.Password.Reveal,
		From: c.From, To: c.To, Language: cfg.Language, Zone: cfg.Zone(), Name: hostName(),
	}
}

// sentryOptions are those of the events and of the check-ins; log hears of the latter alone.
func sentryOptions(cfg *config.Config, clean *scrub.Scrubber, log *slog.Logger) sentry.Options {
	c := cfg.Alerts.Sentry
	return sentry.Options{
		DSN: c.DSN.Reveal, Environment: c.Environment, Release: "ordersync@" + thisBuild(0).Version, Host: hostName(),
		Language: cfg.Language, Zone: cfg.Zone(), Scrub: clean.Text, Log: log,
	}
}
