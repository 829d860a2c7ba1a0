package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// namePattern is what the names of sources and jobs may look like: they become part of every row's key.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// synonyms are the words that people write for keys of ours.
var synonyms = map[string]string{
	"url": "base_url", "baseurl": "base_url", "endpoint": "base_url", "api": "base_url", "host": "address", "hostname": "address", "server": "address",
	"addr": "address", "username": "user", "login": "user", "pass": "password", "passwd": "password", "pwd": "password", "database": "name",
	"dbname": "name", "db": "database", "mysql": "database", "tz": "timezone", "zone": "timezone", "lang": "language", "locale": "language",
	"type": "kind", "template": "preset", "token": "bearer", "api_key": "header", "cron": "schedule", "when": "schedule", "interval": "schedule",
	"every": "schedule", "from": "start", "since": "start", "start_date": "start", "begin": "start", "source": "sync", "pull": "sync",
	"lookback": "back", "retry": "repeat", "rps": "per_second", "qps": "per_second", "shops": "sources", "stores": "sources", "tasks": "jobs",
	"authentication": "auth", "authorization": "auth", "status": "filter_status", "rate_limit": "rate", "limit": "rate", "fields": "map", "mapping": "map",
	"state_dir": "state", "state_directory": "state", "items": "lines", "line_items": "lines", "created": "created_at", "modified": "updated_at",
	"modified_at": "updated_at", "ordered_at": "created_at", "title": "name", "qty": "quantity", "price": "unit_price", "line_id": "id",
	"sort_by": "sort", "paging": "page", "pagination": "page", "delay": "settle", "lag": "settle", "timeout": "header_timeout",
}

// guess is a key that was probably meant.
type guess struct {
	key string
	// shown: its values may be quoted.
	shown bool
}

// suggest finds the key of t that name was probably meant for, or one that stands a level below or above.
func suggest(name string, t reflect.Type, at path) guess {
	plain := plainName(name)
	for _, wanted := range []string{plain, synonyms[plain], nearest(plain, keyNames(t))} {
		if k, ok := keyOf(t, wanted); ok {
			return guess{key: k.name, shown: !holdsSecret(k.typ)}
		}
	}
	var below []guess
	for _, k := range keysOf(t) {
		inner := structOf(k.typ)
		if inner == nil {
			continue
		}
		if found, ok := keyOf(inner, plain); ok {
			below = append(below, guess{key: k.name + ": {" + found.name + ": …}", shown: !holdsSecret(found.typ)})
		}
	}
	if len(below) == 1 {
		return below[0]
	}
	if k, ok := keyOf(reflect.TypeFor[Config](), plain); ok && len(at) > 0 {
		return guess{key: k.name + "\", which belongs to the left margin, not into \"" + last(at)}
	}
	return guess{}
}

// plainName turns baseUrl, base-url and Base URL into base_url.
func plainName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		if r == '-' || r == ' ' {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// structOf is the struct of ours inside a type, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || len(keysOf(t)) == 0 {
		return nil
	}
	return t
}

// holdsSecret reports whether values of a type may be secret.
func holdsSecret(t reflect.Type) bool {
	switch {
	case t == reflect.TypeFor[Secret]():
		return true
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Map, t.Kind() == reflect.Slice:
		return holdsSecret(t.Elem())
	case structOf(t) != nil:
		return slices.ContainsFunc(keysOf(t), func(k key) bool { return holdsSecret(k.typ) })
	}
	return t == reflect.TypeFor[Source]()
}

func keyNames(t reflect.Type) []string {
	var names []string
	for _, k := range keysOf(t) {
		names = append(names, k.name)
	}
	return names
}

// nearest is the one of names that is close enough to name to be meant, or "".
func nearest(name string, names []string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, candidate := range names {
		if d := edits(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is how many characters must be put in, left out, replaced or swapped with their neighbour to make a into b.
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	if len(from) > 64 || len(to) > 64 {
		return len(from) + len(to)
	}
	before, row := make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(from); i++ {
		older := before
		before, row = row, make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, before[j]+1, before[j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(to)]
}

// secretWords are parts of keys whose values must not be quoted, whatever the key was meant to be.
var secretWords = regexp.MustCompile(`(?i)pas|pwd|secret|token|key|dsn|bearer|cred|auth|sign|user|client|session|cookie|value`)

func looksSecret(name string) bool { return secretWords.MatchString(name) }

// secretParameters are query parameters that carry a credential.
var secretParameters = regexp.MustCompile(`(?i)^(?:.*(?:secret|password|passwd)|(?:api|app|access|auth|private|consumer)[_-]?(?:key|token)|token|apikey|bearer)$`)

func namesSecret(parameter string) bool { return secretParameters.MatchString(parameter) }

// showable says whether the values of a key may be quoted when the file cannot be read as a whole: everywhere in the
// configuration the key of that name holds no secret.
func showable(name string) bool {
	found, secret := false, looksSecret(name)
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for _, k := range keysOf(t) {
			if k.name == name {
				found, secret = true, secret || holdsSecret(k.typ)
			}
			if inner := structOf(k.typ); inner != nil {
				walk(inner)
			}
		}
	}
	for _, t := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Rest](), reflect.TypeFor[Job]()} {
		walk(t)
	}
	return found && !secret
}
