package taobaotest

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platformZone is where the platform's times are: GMT+8.
var platformZone = time.FixedZone("GMT+8", 8*3600)

// layout is how the platform writes times.
const layout = "2006-01-02 15:04:05"

type kind int

const (
	textNode   kind = iota
	idNode          // a number that names something
	numberNode      // any other number
	boolNode
	rawNode // JSON as it is
	objectNode
	listNode
)

// node is a value of an answer before it is JSON or XML.
type node struct {
	kind kind
	// text is that of all kinds but objects and lists.
	text string
	// fields are those of an object, in their order.
	fields []field
	// items are those of a list, inner the name of each.
	items []*node
	inner string
}

type field struct {
	key   string
	value *node
}

// add appends a field; one without a value is left out.
func (n *node) add(key string, value *node) {
	if value != nil {
		n.fields = append(n.fields, field{key: key, value: value})
	}
}

// set replaces the field of that name, or appends it; nil removes it.
func (n *node) set(key string, value *node) {
	i := slices.IndexFunc(n.fields, func(f field) bool { return f.key == key })
	switch {
	case i < 0:
		n.add(key, value)
	case value == nil:
		n.fields = slices.Delete(n.fields, i, i+1)
	default:
		n.fields[i].value = value
	}
}

func (n *node) get(key string) *node {
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

func object() *node { return &node{kind: objectNode} }

// text is a text, none where it is empty.
func text(s string) *node {
	if s == "" {
		return nil
	}
	return &node{text: s}
}

// id is a number that names something, none where it is empty.
func id(s string) *node {
	if s == "" {
		return nil
	}
	return &node{kind: idNode, text: s}
}

func number(n int64) *node { return &node{kind: numberNode, text: strconv.FormatInt(n, 10)} }

func boolean(b bool) *node { return &node{kind: boolNode, text: strconv.FormatBool(b)} }

func money(f Fen) *node { return &node{text: f.String()} }

func raw(s string) *node { return &node{kind: rawNode, text: s} }

// moment is a time, none where it is zero.
func moment(t time.Time) *node {
	if t.IsZero() {
		return nil
	}
	return &node{text: t.In(platformZone).Format(layout)}
}

// list is a list, none where it is empty.
func list(inner string, items []*node) *node {
	if len(items) == 0 {
		return nil
	}
	return &node{kind: listNode, inner: inner, items: items}
}

// format is how nodes are written.
type format struct {
	textIDs, textNumbers, slashes, simplify bool
}

func (f format) json(n *node) string {
	var b strings.Builder
	f.write(&b, n)
	return b.String()
}

func (f format) write(b *strings.Builder, n *node) {
	switch n.kind {
	case textNode:
		f.quote(b, n.text)
	case idNode, numberNode:
		if n.kind == idNode && f.textIDs || n.kind == numberNode && f.textNumbers {
			f.quote(b, n.text)
			return
		}
		b.WriteString(n.text)
	case objectNode:
		b.WriteByte('{')
		for i, member := range n.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			f.quote(b, member.key)
			b.WriteByte(':')
			f.write(b, member.value)
		}
		b.WriteByte('}')
	case listNode:
		if !f.simplify {
			b.WriteByte('{')
			f.quote(b, n.inner)
			b.WriteByte(':')
			defer b.WriteByte('}')
		}
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			f.write(b, item)
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.text)
	}
}

// quote writes a JSON text, with whatever bytes it has.
func (f format) quote(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '/' && f.slashes:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < 0x20:
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}

// xml writes a document, with the host's name behind it as the platform does.
func (f format) xml(root string, n *node) string {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8" ?>`)
	writeXML(&b, root, n)
	b.WriteString("<!--top010203.na61-->")
	return b.String()
}

func writeXML(b *bytes.Buffer, name string, n *node) {
	switch n.kind {
	case objectNode:
		b.WriteString("<" + name + ">")
		for _, member := range n.fields {
			writeXML(b, member.key, member.value)
		}
	case listNode:
		b.WriteString("<" + name + ` list="true">`)
		for _, item := range n.items {
			writeXML(b, n.inner, item)
		}
	default:
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(b, []byte(n.text)) // a buffer takes everything
	}
	b.WriteString("</" + name + ">")
}
