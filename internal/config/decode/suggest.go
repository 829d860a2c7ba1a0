package decode

import (
	"reflect"
	"regexp"
	"slices"

	"ordersync/internal/config/document"
	"ordersync/internal/config/value"
	"ordersync/internal/config/words"
)

// Name is what the names of sources, jobs and presets may look like: they become part of every row's key.
var Name = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// guess is a key that was probably meant.
type guess struct {
	key string
	// shown: its values may be quoted.
	shown bool
}

// suggest finds the key of t that name was probably meant for, or one that stands a level below or above.
func (d *Decoder) suggest(name string, t reflect.Type, at document.Path) guess {
	plain := words.Plain(name)
	candidates := append([]string{plain}, words.Synonyms(plain)...)
	for _, wanted := range append(candidates, words.Nearest(plain, keyNames(t))) {
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
	if k, ok := keyOf(d.root, plain); ok && len(at) > 0 {
		return guess{key: k.name + "\", which belongs to the left margin, not into \"" + last(at)}
	}
	return guess{}
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
	case t == reflect.TypeFor[value.Secret]():
		return true
	case reflect.PointerTo(t).Implements(reflect.TypeFor[Entry]()):
		return true // its keys depend on its kind
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Map, t.Kind() == reflect.Slice:
		return holdsSecret(t.Elem())
	case structOf(t) != nil:
		return slices.ContainsFunc(keysOf(t), func(k key) bool { return holdsSecret(k.typ) })
	}
	return false
}

func keyNames(t reflect.Type) []string {
	var names []string
	for _, k := range keysOf(t) {
		names = append(names, k.name)
	}
	return names
}

// secretWords are parts of keys whose values must not be quoted, whatever the key was meant to be.
var secretWords = regexp.MustCompile(`(?i)pas|pwd|secret|token|key|dsn|bearer|cred|auth|sign|user|client|session|cookie|value`)

func looksSecret(name string) bool { return secretWords.MatchString(name) }

// secretParameters are query parameters that carry a credential.
var secretParameters = regexp.MustCompile(`(?i)^(?:.*(?:secret|password|passwd)|(?:api|app|access|auth|private|consumer)[_-]?(?:key|token)|token|bearer)$`)

func namesSecret(parameter string) bool { return secretParameters.MatchString(parameter) }

// Showable answers, for the shape of a configuration, whether the values of a key may be quoted when the file cannot be read as a
// whole: everywhere in these types the key of that name holds no secret.
func Showable(types ...reflect.Type) func(name string) bool {
	return func(name string) bool {
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
		for _, t := range types {
			walk(t)
		}
		return found && !secret
	}
}
