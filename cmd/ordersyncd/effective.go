package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ordersync/internal/config"
	"ordersync/internal/config/outline"
)

// effectiveOf describes a configuration.
func effectiveOf(cfg *config.Config) outline.Outline {
	e := outline.Outline{
		Version:  thisBuild(0).Version,
		Settings: map[string]string{"timezone": cfg.Timezone, "language": cfg.Language, "state": cfg.State},
		Sources:  map[string]map[string]string{}, Jobs: map[string]map[string]string{},
	}
	where := cfg.Database
	where.Migrate = nil // which the daemon does not use
	outline.Flatten(e.Settings, "database", where)
	outline.Flatten(e.Settings, outline.Alerts, cfg.Alerts)
	for _, s := range cfg.Sources {
		if s.Taobao != nil {
			e.Sources[s.Name] = describeTaobao(s.Taobao, cfg.Encryption)
		} else {
			e.Sources[s.Name] = describeRest(s)
		}
	}
	for _, j := range cfg.Jobs {
		e.Jobs[j.Name] = map[string]string{}
		outline.Flatten(e.Jobs[j.Name], "", *j)
	}
	return e
}

func describeRest(s *config.Source) map[string]string {
	c, settings := s.Rest, map[string]string{}
	outline.Flatten(settings, "", *c)
	address := endpoint(s)
	if address != c.BaseURL {
		address += " " + settings[outline.Base] // the hash
	}
	settings[outline.Base] = address
	var mapping strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if strings.HasPrefix(name, "map.") {
			fmt.Fprintf(&mapping, "%s=%q\n", name, settings[name])
			delete(settings, name)
		}
	}
	settings["map"] = outline.Hash(mapping.String())
	if form := c.Auth.Form(); form != "" && form != "none" {
		settings[outline.Credential] = c.Credential()
	}
	return settings
}

// describeTaobao names the secrets that are no credential of the pace by their hashes, too: another one makes another shop of it.
func describeTaobao(c *config.Taobao, e config.Encryption) map[string]string {
	settings := map[string]string{}
	outline.Flatten(settings, "", *c)
	delete(settings, "app_secret") // which the credential stands for
	settings[outline.Credential] = c.Credential()
	for name, secret := range map[string]config.Secret{outline.Session: c.Session, outline.SealKey: e.Key} {
		if !secret.IsZero() {
			settings[name] = outline.Hash(name + " " + secret.Reveal())
		}
	}
	return settings
}
