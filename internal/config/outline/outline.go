// Package outline writes what a program works with as texts under the names of the configuration, without any secret, and says in words
// how two such outlines differ and what of that needs a restart.
//
// A secret stands as being given, or as a hash that tells it from another one. What may hold a secret without being declared as one (the
// parameters of a call, all that lies under auth) stands as a hash, too, and so do long descriptions.
package outline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"ordersync/internal/config/value"
)

// Outline is what a daemon works with, as it tells the others by the database: every setting by its name in the file.
type Outline struct {
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

// The settings with names of their own. Credential, Session and SealKey stand for secrets that systemd may hand over.
const (
	Credential = "credential"
	Base       = "base_url"
	Session    = "session"
	SealKey    = "encryption.key"
	// Alerts begins the names of the settings that say who is told.
	Alerts = "alerts"
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
	"schedule", "repeat", "app_key", "sign_method", Alerts + ".email.smtp.host", Alerts + ".email.smtp.tls", Alerts + ".sentry.environment",
	Alerts + ".weekly",
}

// isCredential reports whether a setting stands for a secret that systemd may hand over.
func isCredential(setting string) bool {
	ofAlerts := strings.HasPrefix(setting, Alerts+".") && slices.Contains([]string{".password", ".dsn", ".url", ".secret"}, path.Ext(setting))
	return setting == Credential || setting == Session || setting == SealKey || ofAlerts
}

// Flatten writes what is set in v under its names in the file, such as http.body_timeout. Secrets stand only as being given; those
// below alerts and ping, which a reload exchanges, as hashes.
func Flatten(into map[string]string, name string, v any) { flatten(into, name, reflect.ValueOf(v)) }

func flatten(into map[string]string, name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	switch plain := v.Interface().(type) {
	case value.Secret:
		into[name] = mark(name, plain)
		return
	case time.Time:
		into[name] = plain.UTC().Format(time.RFC3339)
		return
	case fmt.Stringer: // a length of time
		into[name] = plain.String()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		flatten(into, name, v.Elem())
	case reflect.Struct:
		for field, held := range v.Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if field.IsExported() && key != "" && key != "-" {
				flatten(into, strings.TrimPrefix(name+"."+key, "."), held)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			flatten(into, name+"."+key.String(), v.MapIndex(key))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Pointer { // entries with names
			for i := range v.Len() {
				entry := v.Index(i).Elem()
				flatten(into, name+"."+entry.FieldByName("Name").String(), entry)
			}
			return
		}
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

// mark is a secret as others may see it. People make up the passwords of their mailboxes, so that a whole hash would let others try
// guesses; the few digits that are left tell one password from the next, and no more.
func mark(name string, secret value.Secret) string {
	switch hash := Hash(name + " " + secret.Reveal()); {
	case strings.HasPrefix(name, Alerts+".") && path.Ext(name) == ".password":
		return hash[:1+shortHash]
	case strings.HasPrefix(name, Alerts+".") || strings.HasPrefix(name, "ping."):
		return hash
	}
	return "given"
}

// shortHash is how many hexadecimal digits stand for a password.
const shortHash = 4

// shown is a text as others may see it.
func shown(name, text string) string {
	if strings.HasPrefix(name, Alerts+".webhooks.") && path.Ext(name) == ".kind" {
		return text
	}
	if slices.ContainsFunc(plainSettings, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return text
	}
	return Hash(text)
}

// Hash tells texts apart without showing them.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "#" + hex.EncodeToString(sum[:6])
}

// Change is one thing in which two configurations differ.
type Change struct {
	// What is "source us-store", "job us-orders", or empty for the settings of the file as a whole.
	What string
	// Added and Removed say that it is in one of them alone; else Texts say what differs.
	Added, Removed bool
	Texts          []string
	// Restart says that a reload does not do it.
	Restart bool
}

func (c Change) String() string {
	switch {
	case c.Added:
		return c.What + ": added"
	case c.Removed && strings.HasPrefix(c.What, nounSource):
		return c.What + textSourceLeaves
	case c.Removed:
		return c.What + textJobLeaves
	case c.What == "":
		return strings.Join(c.Texts, ", ")
	}
	return c.What + ": " + strings.Join(c.Texts, ", ")
}

// ChangesTo lists what differs in the outline is from o, in the order of the file: what a reload does, then what it does not.
func (o Outline) ChangesTo(is Outline) []Change {
	var list []Change
	own, fixed := Change{}, Change{Restart: true}
	for _, name := range Differing(o.Settings, is.Settings) {
		c := &own
		text := differenceOf(name, o.Settings, is.Settings)
		switch channel := channelOf(name); {
		case channel != "" && !has(o.Settings, channel):
			text = channel + " is added"
		case channel != "" && !has(is.Settings, channel):
			text = channel + " is removed"
		case name == "state", strings.HasPrefix(name, "database."), isCredential(name) && o.CredentialsAtStart:
			c = &fixed
		}
		if !slices.Contains(c.Texts, text) {
			c.Texts = append(c.Texts, text)
		}
	}
	if len(own.Texts) > 0 {
		list = append(list, own)
	}
	list = append(list, entriesTo(nounSource, o.Sources, is.Sources, o.CredentialsAtStart)...)
	list = append(list, entriesTo(nounJob, o.Jobs, is.Jobs, false)...)
	if len(fixed.Texts) > 0 {
		list = append(list, fixed)
	}
	slices.SortStableFunc(list, func(a, b Change) int {
		return map[bool]int{true: 1}[a.Restart] - map[bool]int{true: 1}[b.Restart]
	})
	return list
}

// channelOf is the way to tell that a setting belongs to, such as alerts.email, or "".
func channelOf(setting string) string {
	parts := strings.Split(setting, ".")
	switch {
	case parts[0] != Alerts || len(parts) < 3:
		return ""
	case parts[1] == "webhooks":
		return strings.TrimSuffix(setting, path.Ext(setting)) // its name may hold dots
	}
	return parts[0] + "." + parts[1]
}

// has reports whether anything of a channel is set.
func has(settings map[string]string, channel string) bool {
	for name := range settings {
		if channelOf(name) == channel {
			return true
		}
	}
	return false
}

// entriesTo compares sources or jobs by their names. A credential that is read at the start only is a change of its own.
func entriesTo(noun string, was, is map[string]map[string]string, credentialFixed bool) []Change {
	var list []Change
	names := slices.Sorted(maps.Keys(was))
	names = append(names, slices.Sorted(maps.Keys(is))...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := was[name], is[name]
		if a == nil || b == nil {
			list = append(list, Change{What: noun + name, Added: a == nil, Removed: b == nil})
			continue
		}
		c := Change{What: noun + name}
		for _, setting := range Differing(a, b) {
			text := differenceOf(setting, a, b)
			if isCredential(setting) && credentialFixed {
				list = append(list, Change{What: c.What, Texts: []string{text}, Restart: true})
				continue
			}
			c.Texts = append(c.Texts, text)
		}
		if len(c.Texts) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// Differing are the names under which two outlines of one thing differ.
func Differing(a, b map[string]string) []string {
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
