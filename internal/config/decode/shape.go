package decode

import (
	"reflect"
	"strings"
)

// key is one key of a mapping.
type key struct {
	name  string
	index int
	typ   reflect.Type
	tag   reflect.StructTag
}

// keysOf returns the keys of a struct, in its order.
func keysOf(t reflect.Type) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.IsExported() && name != "" && name != "-" {
			keys = append(keys, key{name: name, index: i, typ: f.Type, tag: f.Tag})
		}
	}
	return keys
}

// keyOf returns the key with that name.
func keyOf(t reflect.Type, name string) (key, bool) {
	for _, k := range keysOf(t) {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// shortKey returns the key that a struct may be written as.
func shortKey(t reflect.Type) (key, bool) {
	for _, k := range keysOf(t) {
		if strings.HasSuffix(k.tag.Get("yaml"), ",short") {
			return k, true
		}
	}
	return key{}, false
}

// laterKeys are the keys of a struct that a later version takes.
func laterKeys(t reflect.Type) []string {
	if f, ok := t.FieldByName("_"); ok {
		return strings.Fields(f.Tag.Get("later"))
	}
	return nil
}
