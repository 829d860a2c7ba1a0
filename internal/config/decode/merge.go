package decode

import (
	"reflect"
	"slices"

	"ordersync/internal/config/document"
	"ordersync/internal/config/words"
)

// Merge lays over, which an operator wrote, upon base, a preset: both are mappings that a t is decoded from. Mappings are merged,
// scalars and lists replaced, and null drops what base has. What is over's keeps its place in the operator's file.
func Merge(base, over *document.Node, t reflect.Type) *document.Node { return merge(base, over, t, "") }

// merge lays over upon base, a value of type t: mappings are merged, scalars and lists replaced; nil means that null drops it.
func merge(base, over *document.Node, t reflect.Type, tag reflect.StructTag) *document.Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if over.Null() {
		return nil
	}
	if tag.Get("merge") == "whole" {
		return over
	}
	switch t.Kind() {
	case reflect.Struct:
		base, over = spellOut(base, t), spellOut(over, t)
	case reflect.Map:
	default:
		return over
	}
	if base.Kind != document.Mapping || over.Kind != document.Mapping {
		return over
	}
	merged := &document.Node{Kind: document.Mapping, File: over.File, Line: over.Line, Column: over.Column}
	for _, f := range base.Fields {
		if !replaced(over, t, f.Key.Text) {
			merged.Fields = append(merged.Fields, f)
		}
	}
	for _, f := range over.Fields {
		mergeField(merged, f, t, tag)
	}
	return merged
}

// replaced reports whether a key of over takes the place of the base's key name.
func replaced(over *document.Node, t reflect.Type, name string) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	return slices.ContainsFunc(keysOf(t), func(k key) bool { return k.tag.Get("instead") == name && over.Field(k.name) != nil })
}

// mergeField lays one entry upon merged.
func mergeField(merged *document.Node, f document.Field, t reflect.Type, tag reflect.StructTag) {
	i := slices.IndexFunc(merged.Fields, func(old document.Field) bool {
		return old.Key.Text == f.Key.Text || tag.Get("fold") != "" && words.Fold(old.Key.Text) == words.Fold(f.Key.Text)
	})
	if i < 0 {
		merged.Fields = append(merged.Fields, f)
		return
	}
	value := f.Value
	if k, ok := fieldType(t, f.Key.Text); ok {
		value = merge(merged.Fields[i].Value, f.Value, k.typ, k.tag)
	} else if f.Value.Null() {
		value = nil
	}
	if value == nil {
		merged.Fields = slices.Delete(merged.Fields, i, i+1)
		return
	}
	merged.Fields[i] = document.Field{Key: f.Key, Value: value}
}

func fieldType(t reflect.Type, name string) (key, bool) {
	if t.Kind() == reflect.Map {
		return key{name: name, typ: t.Elem()}, true
	}
	return keyOf(t, name)
}

// spellOut writes a struct's short form as the mapping that it stands for.
func spellOut(n *document.Node, t reflect.Type) *document.Node {
	k, ok := shortKey(t)
	if n.Kind == document.Mapping || !ok {
		return n
	}
	name := &document.Node{Kind: document.Scalar, Text: k.name, Tag: "str", File: n.File, Line: n.Line, Column: n.Column, Shown: true}
	return &document.Node{
		Kind: document.Mapping, Fields: []document.Field{{Key: name, Value: n}}, File: n.File, Line: n.Line, Column: n.Column,
	}
}
