package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"ordersync/internal/config"
)

// effective is what a daemon works with, as it tells the others by the database: every setting by its name in the file, and no
// secret. A credential stands as the hash that names it in the table pace. What may hold a secret without being declared as one (the
// parameters of a call, all that lies under auth) stands as a hash, too, and so do long descriptions.
type effective struct {
	Version string `json:"version"`
	Host    string `json:"host"`
	// File is where the configuration was read.
	File string `json:"file"`
	// CredentialsAtStart says that systemd hands the credentials over, which it does at the start only.
	CredentialsAtStart bool                         `json:"credentials_at_start"`
	Settings           map[string]string            `json:"settings"`
	Sources            map[string]map[string]string `json:"sources"`
	Jobs               map[string]map[string]string `json:"jobs"`
}

// The settings with names of their own.
const (
	settingCredential = "credential"
	settingBase       = "base_url"
	settingSession    = "session"
	settingSealKey    = "encryption.key"
)

const (
	nounSource       = "source "
	nounJob          = "job "
	textSourceLeaves = ": removed (its orders stay)"
	textJobLeaves    = ": removed (a run under way ends first)"
)

// plainSettings begin the names of the texts that are shown as they are: those that cannot hold a secret.
var plainSettings = []string{
	"database.", "kind", "preset", "window.", "page.", "records", "sort.", "resweep.", "map.", "sync", "sweep", "track",
	"schedule", "repeat", "app_key", "sign_method",
}

// effectiveOf describes a configuration.
func effectiveOf(cfg *config.Config) effective {
	e := effective{
		Version:  thisBuild(0).Version,
		Settings: map[string]string{"timezone": cfg.Timezone, "language": cfg.Language, "state": cfg.State},
		Sources:  map[string]map[string]string{}, Jobs: map[string]map[string]string{},
	}
	where := cfg.Database
	where.Migrate = nil // which the daemon does not use
	flatten(e.Settings, "database", reflect.ValueOf(where))
	for _, s := range cfg.Sources {
		if s.Taobao != nil {
			e.Sources[s.Name] = describeTaobao(s.Taobao, cfg.Encryption)
		} else {
			e.Sources[s.Name] = describeRest(s)
		}
	}
	for _, j := range cfg.Jobs {
		e.Jobs[j.Name] = map[string]string{}
		flatten(e.Jobs[j.Name], "", reflect.ValueOf(*j))
	}
	return e
}

func describeRest(s *config.Source) map[string]string {
	c, settings := s.Rest, map[string]string{}
	flatten(settings, "", reflect.ValueOf(*c))
	address := endpoint(s)
	if address != c.BaseURL {
		address += " " + settings[settingBase] // the hash
	}
	settings[settingBase] = address
	var mapping strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if strings.HasPrefix(name, "map.") {
			fmt.Fprintf(&mapping, "%s=%q\n", name, settings[name])
			delete(settings, name)
		}
	}
	settings["map"] = hashOf(mapping.String())
	if form := c.Auth.Form(); form != "" && form != "none" {
		settings[settingCredential] = c.Credential()
	}
	return settings
}

// describeTaobao names the secrets that are no credential of the pace by their hashes, too: another one makes another shop of it.
func describeTaobao(c *config.Taobao, e config.Encryption) map[string]string {
	settings := map[string]string{}
	flatten(settings, "", reflect.ValueOf(*c))
	delete(settings, "app_secret") // which the credential stands for
	settings[settingCredential] = c.Credential()
	for name, secret := range map[string]config.Secret{settingSession: c.Session, settingSealKey: e.Key} {
		if !secret.IsZero() {
			settings[name] = hashOf(name + " " + secret.Reveal())
		}
	}
	return settings
}

// isCredential reports whether a setting stands for a secret that systemd may hand over.
func isCredential(setting string) bool {
	return setting == settingCredential || setting == settingSession || setting == settingSealKey
}

// flatten writes what is set in v under its names in the file, such as http.body_timeout; secrets only as being given.
func flatten(into map[string]string, name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	switch value := v.Interface().(type) {
	case config.Secret:
		into[name] = "given"
		return
	case time.Time:
		into[name] = value.UTC().Format(time.RFC3339)
		return
	case fmt.Stringer: // a length of time
		into[name] = value.String()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		flatten(into, name, v.Elem())
	case reflect.Struct:
		for field, value := range v.Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if field.IsExported() && key != "" && key != "-" {
				flatten(into, strings.TrimPrefix(name+"."+key, "."), value)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			flatten(into, name+"."+key.String(), v.MapIndex(key))
		}
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i))
		}
		into[name] = shown(name, strings.Join(parts, ", "))
	case reflect.String:
		into[name] = shown(name, v.String())
	default:
		into[name] = fmt.Sprint(v)
	}
}

// shown is a text as others may see it.
func shown(name, text string) string {
	if slices.ContainsFunc(plainSettings, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return text
	}
	return hashOf(text)
}

// hashOf tells texts apart without showing them.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "#" + hex.EncodeToString(sum[:6])
}

// change is one thing in which two configurations differ.
type change struct {
	// what is "source us-store", "job us-orders", or empty for the settings of the file as a whole.
	what string
	// added and removed say that it is in one of them alone; else texts say what differs.
	added, removed bool
	texts          []string
	// restart says that a reload does not do it.
	restart bool
}

func (c change) String() string {
	switch {
	case c.added:
		return c.what + ": added"
	case c.removed && strings.HasPrefix(c.what, nounSource):
		return c.what + textSourceLeaves
	case c.removed:
		return c.what + textJobLeaves
	case c.what == "":
		return strings.Join(c.texts, ", ")
	}
	return c.what + ": " + strings.Join(c.texts, ", ")
}

// changesTo lists what differs in the configuration is from e, in the order of the file: what a reload does, then what it does not.
func (e effective) changesTo(is effective) []change {
	var list []change
	own, fixed := change{}, change{restart: true}
	for _, name := range differing(e.Settings, is.Settings) {
		c := &own
		if name == "state" || strings.HasPrefix(name, "database.") {
			c = &fixed
		}
		c.texts = append(c.texts, differenceOf(name, e.Settings, is.Settings))
	}
	if len(own.texts) > 0 {
		list = append(list, own)
	}
	list = append(list, entriesTo(nounSource, e.Sources, is.Sources, e.CredentialsAtStart)...)
	list = append(list, entriesTo(nounJob, e.Jobs, is.Jobs, false)...)
	if len(fixed.texts) > 0 {
		list = append(list, fixed)
	}
	slices.SortStableFunc(list, func(a, b change) int {
		return map[bool]int{true: 1}[a.restart] - map[bool]int{true: 1}[b.restart]
	})
	return list
}

// entriesTo compares sources or jobs by their names. A credential that is read at the start only is a change of its own.
func entriesTo(noun string, was, is map[string]map[string]string, credentialFixed bool) []change {
	var list []change
	names := slices.Sorted(maps.Keys(was))
	names = append(names, slices.Sorted(maps.Keys(is))...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := was[name], is[name]
		if a == nil || b == nil {
			list = append(list, change{what: noun + name, added: a == nil, removed: b == nil})
			continue
		}
		c := change{what: noun + name}
		for _, setting := range differing(a, b) {
			text := differenceOf(setting, a, b)
			if isCredential(setting) && credentialFixed {
				list = append(list, change{what: c.what, texts: []string{text}, restart: true})
				continue
			}
			c.texts = append(c.texts, text)
		}
		if len(c.texts) > 0 {
			list = append(list, c)
		}
	}
	return list
}

func differing(a, b map[string]string) []string {
	var names []string
	for name := range a {
		if value, ok := b[name]; !ok || value != a[name] {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// differenceOf says how a setting differs; values that are not shown only that they do.
func differenceOf(name string, a, b map[string]string) string {
	was, is := a[name], b[name]
	switch {
	case isCredential(name), strings.HasPrefix(was, "#"), strings.HasPrefix(is, "#"):
		return name + " differs"
	case was == "":
		return name + " is " + is + " now"
	case is == "":
		return name + " is no longer " + was
	}
	return name + " from " + was + " to " + is
}
