// Package decode turns the tree of a file into structs, by what the structs' tags say, and goes on after every mistake:
//
//	yaml:"name,short"  the key; short: the struct may be written as this one value
//	later:"a b"        values that a later version takes; on the field _: keys that it takes
//	merge:"whole"      an own value replaces all of the preset's, instead of being merged into it
//	instead:"a"        an own value drops the preset's a
//	plain:"ok"         a Secret that is no secret in itself: no warning when it stands in the file
//	fold:"words"       keys of a map that differ in capitals, blanks, hyphens and underscores are one
//	validate:"…"       what a value must fulfil
//	doc:"…"            what it means, for the schema
//
// It reads credentials and environment variables while it decodes, so that a secret goes into a [value.Secret] and nowhere else, and
// it marks in the tree what may be quoted.
package decode

import (
	"errors"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordersync/internal/config/document"
	"ordersync/internal/config/value"
)

// Options are what a file refers to.
type Options struct {
	// Zone is where dates without a zone are at home.
	Zone *time.Location
	// Getenv reads the environment.
	Getenv func(string) string
	// Credentials are the folders of ${credential:NAME}, in order.
	Credentials []string
	// Base is the folder where relative paths of ${file:PATH} begin.
	Base string
}

// Decoder decodes one file.
type Decoder struct {
	*document.Report
	options Options
	root    reflect.Type
}

// New returns a decoder that reports to r.
func New(r *document.Report, o Options) *Decoder { return &Decoder{Report: r, options: o} }

// Decode decodes the file's root into target, a pointer to a struct.
func (d *Decoder) Decode(root *document.Node, target any) {
	d.root = reflect.TypeOf(target).Elem()
	d.Value(root, target, nil)
}

// Value decodes n, which stands at a path, into target, a pointer.
func (d *Decoder) Value(n *document.Node, target any, at document.Path) {
	d.value(n, reflect.ValueOf(target).Elem(), at, "")
}

// Entry is an entry of a group of names whose keys depend on its kind. It decodes itself, and answers false when nothing is known
// of it.
type Entry interface {
	DecodeEntry(d *Decoder, f *document.Field, at document.Path) bool
}

// Filled is a struct with values that count where a file says nothing.
type Filled interface {
	Defaults()
}

// emptied is a value that is written as {}.
type emptied interface {
	Empty()
}

// value decodes n into v, which must be addressable.
func (d *Decoder) value(n *document.Node, v reflect.Value, at document.Path, tag reflect.StructTag) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if n.Kind == document.Scalar && n.Broken {
		d.Spoil(at)
		n.Show()
		return
	}
	if _, empty := reflect.TypeAssert[emptied](v.Addr()); empty {
		d.empty(n, at)
		return
	}
	if n.Null() {
		n.Show()
		d.MistakeAt(n, at, "no-value", last(at))
		return
	}
	if filled, ok := reflect.TypeAssert[Filled](v.Addr()); ok {
		filled.Defaults()
	}
	switch target := v.Addr().Interface().(type) {
	case *value.Secret:
		d.secret(n, target, at, tag)
	case *value.Duration:
		d.duration(n, target, at)
	case *value.Size:
		d.size(n, target, at)
	case *time.Time:
		d.date(n, target, at)
	case *value.Texts:
		d.many(n, target, at)
	default:
		d.plain(n, v, at, tag)
	}
}

// plain decodes what has no type of ours.
func (d *Decoder) plain(n *document.Node, v reflect.Value, at document.Path, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v, at)
	case reflect.Map:
		d.entries(n, v, at)
	case reflect.Slice:
		if tag.Get("named") != "" {
			d.named(n, v, at)
			return
		}
		d.items(n, v, at)
	case reflect.String:
		if text, ok := d.text(n, at); ok {
			d.choice(n, text, v, at, tag)
		}
	case reflect.Bool:
		d.boolean(n, v, at)
	case reflect.Int:
		d.integer(n, v, at)
	case reflect.Float64:
		d.float(n, v, at)
	}
}

// fields decodes a mapping into a struct.
func (d *Decoder) fields(n *document.Node, v reflect.Value, at document.Path) {
	if n.Kind != document.Mapping {
		if short, ok := shortKey(v.Type()); ok {
			d.value(n, v.Field(short.index), at, short.tag)
			return
		}
		d.wrongKind(n, at, "want-mapping")
		return
	}
	for _, f := range n.Fields {
		name := f.Key.Text
		if k, ok := keyOf(v.Type(), name); ok {
			d.value(f.Value, v.Field(k.index), at.With(name), k.tag)
			continue
		}
		d.unknown(f, v.Type(), at)
	}
}

// unknown reports a key that the struct does not have.
func (d *Decoder) unknown(f document.Field, t reflect.Type, at document.Path) {
	name := f.Key.Text
	if slices.Contains(laterKeys(t), name) {
		d.MistakeAt(f.Key, at.With(name), "later-key", name)
		return
	}
	here := at.With(name)
	if !f.Key.Shown {
		d.MistakeAt(f.Key, here, "odd-key")
		return
	}
	guess := d.suggest(name, t, at)
	if guess.key == "" {
		d.MistakeAt(f.Key, here, "unknown-key", name, strings.Join(keyNames(t), ", "))
		return
	}
	if _, direct := keyOf(t, guess.key); direct {
		d.Spoil(at.With(guess.key)) // it would be reported as missing otherwise
	}
	if guess.shown && !looksSecret(name) {
		f.Value.Show()
	}
	d.MistakeAt(f.Key, here, "misspelt-key", name, guess.key)
}

// wrongKind reports a value of a kind that does not fit.
func (d *Decoder) wrongKind(n *document.Node, at document.Path, code string) {
	if n.Kind == document.Scalar && strings.ContainsRune(n.Text, '：') {
		code = "wide-colon-value"
	}
	d.MistakeAt(n, at, code, last(at), kindWord(n))
}

func kindWord(n *document.Node) string {
	switch n.Kind {
	case document.List:
		return "a list"
	case document.Mapping:
		return "a group of keys"
	default:
		return "a single value"
	}
}

// entries decodes a mapping with free keys.
func (d *Decoder) entries(n *document.Node, v reflect.Value, at document.Path) {
	if n.Kind != document.Mapping {
		d.wrongKind(n, at, "want-mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, f := range n.Fields {
		element := reflect.New(v.Type().Elem()).Elem()
		if _, plain := reflect.TypeAssert[string](element); plain && namesSecret(f.Key.Text) {
			d.MistakeAt(f.Key, at.With(f.Key.Text), "secret-in-query", f.Key.Text)
			continue
		}
		d.value(f.Value, element, at.With(f.Key.Text), "")
		v.SetMapIndex(reflect.ValueOf(f.Key.Text), element)
	}
}

// items decodes a list.
func (d *Decoder) items(n *document.Node, v reflect.Value, at document.Path) {
	if n.Kind != document.List {
		n.Show()
		d.wrongKind(n, at, "want-list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
	for i, item := range n.Items {
		d.value(item, list.Index(i), at.With("["+strconv.Itoa(i)+"]"), "")
	}
	v.Set(list)
}

// many decodes one text or a list of texts.
func (d *Decoder) many(n *document.Node, target *value.Texts, at document.Path) {
	if n.Kind == document.Scalar {
		if text, ok := d.text(n, at); ok {
			*target = value.Texts{text}
		}
		return
	}
	var texts []string
	d.items(n, reflect.ValueOf(&texts).Elem(), at)
	*target = texts
}

// scalar checks that n is one, and marks it as fit to be shown.
func (d *Decoder) scalar(n *document.Node, at document.Path) bool {
	n.Show()
	if n.Kind != document.Scalar {
		d.wrongKind(n, at, "want-scalar")
		return false
	}
	return true
}

func (d *Decoder) text(n *document.Node, at document.Path) (string, bool) {
	if !d.scalar(n, at) {
		return "", false
	}
	return d.expand(n, at, false)
}

// choice sets a text, unless it is one that a later version takes.
func (d *Decoder) choice(n *document.Node, text string, v reflect.Value, at document.Path, tag reflect.StructTag) {
	if slices.Contains(strings.Fields(tag.Get("later")), text) {
		d.MistakeAt(n, at, "later-value", last(at)+": "+text)
		return
	}
	v.SetString(text)
}

func (d *Decoder) secret(n *document.Node, target *value.Secret, at document.Path, tag reflect.StructTag) {
	if n.Kind != document.Scalar {
		d.wrongKind(n, at, "want-scalar")
		return
	}
	n.Shown = reference.MatchString(n.Text)
	text, ok := d.expand(n, at, true)
	if !ok {
		return
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		d.MistakeAt(n, at, "secret-control", last(at))
		return
	}
	*target = value.NewSecret(text)
	if tag.Get("plain") == "" && text != "" && !strings.Contains(n.Text, "${") && !harmlessDSN(at, text) {
		d.Warning(at, "plain-secret", last(at))
	}
}

// reference is a value that only says where the secret is.
var reference = regexp.MustCompile(`^(?:Bearer |Token |Basic )?\$\{[A-Za-z0-9_:./-]*\}$`)

// harmlessDSN reports a connection line without a password in it.
func harmlessDSN(at document.Path, text string) bool {
	account, _, _ := strings.Cut(text, "@")
	return last(at) == "dsn" && !strings.Contains(account, ":")
}

func (d *Decoder) duration(n *document.Node, target *value.Duration, at document.Path) {
	if !d.scalar(n, at) {
		return
	}
	length, err := value.ParseDuration(n.Text)
	switch {
	case err == nil:
		*target = length
	case errors.Is(err, value.ErrUnit):
		d.MistakeAt(n, at, "duration-unit", last(at), short(n.Text))
	default:
		d.MistakeAt(n, at, "duration", last(at), short(n.Text))
	}
}

func (d *Decoder) size(n *document.Node, target *value.Size, at document.Path) {
	if !d.scalar(n, at) {
		return
	}
	size, err := value.ParseSize(n.Text)
	if err != nil {
		d.MistakeAt(n, at, "size", last(at), short(n.Text))
		return
	}
	*target = size
}

func (d *Decoder) date(n *document.Node, target *time.Time, at document.Path) {
	if !d.scalar(n, at) {
		return
	}
	date, err := value.ParseDate(n.Text, d.options.Zone)
	if err != nil || date.Year() < 1990 || date.Year() > 2200 {
		d.MistakeAt(n, at, "date", last(at), short(n.Text))
		return
	}
	*target = date
}

func (d *Decoder) boolean(n *document.Node, v reflect.Value, at document.Path) {
	if !d.scalar(n, at) {
		return
	}
	if n.Tag != "bool" {
		d.MistakeAt(n, at, "boolean", last(at), short(n.Text))
		return
	}
	v.SetBool(strings.EqualFold(n.Text, "true"))
}

func (d *Decoder) integer(n *document.Node, v reflect.Value, at document.Path) {
	if !d.number(n, at) {
		return
	}
	number, err := strconv.ParseInt(n.Text, 10, 32)
	if err != nil {
		d.MistakeAt(n, at, "integer", last(at), short(n.Text))
		return
	}
	v.SetInt(number)
}

func (d *Decoder) float(n *document.Node, v reflect.Value, at document.Path) {
	if !d.number(n, at) {
		return
	}
	number, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) || strings.ContainsAny(n.Text, "xX_pP") {
		d.MistakeAt(n, at, "number", last(at), short(n.Text))
		return
	}
	v.SetFloat(number)
}

// number refuses what readers of numbers disagree about.
func (d *Decoder) number(n *document.Node, at document.Path) bool {
	if !d.scalar(n, at) {
		return false
	}
	switch digits := strings.TrimLeft(n.Text, "+-"); {
	case strings.Contains(n.Text, "${"):
		d.MistakeAt(n, at, "number-reference", last(at))
		return false
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9':
		d.MistakeAt(n, at, "octal", last(at), short(n.Text), strings.TrimLeft(digits, "0"))
		return false
	}
	return true
}

// named decodes a group of names into a list of pointers to structs, each of which has a field Name.
func (d *Decoder) named(n *document.Node, v reflect.Value, at document.Path) {
	if n.Kind != document.Mapping {
		d.wrongKind(n, at, "want-names")
		return
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		here := at.With(f.Key.Text)
		if !d.name(f.Key, here) {
			continue
		}
		element := reflect.New(v.Type().Elem().Elem())
		element.Elem().FieldByName("Name").SetString(f.Key.Text)
		if entry, ok := reflect.TypeAssert[Entry](element); !ok {
			d.value(f.Value, element.Elem(), here, "")
		} else if !entry.DecodeEntry(d, f, here) {
			continue
		}
		v.Set(reflect.Append(v, element))
	}
}

// name checks the name of an entry.
func (d *Decoder) name(n *document.Node, at document.Path) bool {
	_, root := keyOf(d.root, n.Text)
	switch {
	case root:
		d.MistakeAt(n, at, "indented", n.Text, last(at[:len(at)-1]))
	case !n.Shown:
		d.MistakeAt(n, at, "odd-key")
	case !Name.MatchString(n.Text):
		d.MistakeAt(n, at, "bad-name", n.Text)
	default:
		return true
	}
	return false
}

// empty checks what can only be written as {}, true, or nothing.
func (d *Decoder) empty(n *document.Node, at document.Path) {
	n.Show()
	if !n.Null() && n.Text != "true" && (n.Kind != document.Mapping || len(n.Fields) > 0) {
		d.MistakeAt(n, at, "none")
	}
}

// WantMapping reports that n, the value of an entry, is not the group of keys that it must be.
func (d *Decoder) WantMapping(n *document.Node, at document.Path) {
	if n.Null() {
		d.Mistake(at, "no-value", last(at))
		return
	}
	d.wrongKind(n, at, "want-mapping")
}

func last(at document.Path) string {
	for _, a := range slices.Backward(at) {
		if !strings.HasPrefix(a, "[") {
			return a
		}
	}
	return ""
}

// short is a value as a message quotes it.
func short(text string) string {
	if runes := []rune(text); len(runes) > 24 {
		return string(runes[:24]) + "…"
	}
	return text
}
