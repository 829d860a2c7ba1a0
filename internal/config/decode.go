package config

import (
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordersync/internal/config/document"
)

// decoder turns the tree into the structs of this package. It goes on after every mistake.
type decoder struct {
	*report
	zone    *time.Location
	texts   expander
	presets fs.FS
}

// value decodes n into v, which must be addressable.
func (d *decoder) value(n *document.Node, v reflect.Value, at path, tag reflect.StructTag) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if n.Kind == document.Scalar && n.Broken {
		d.bad[at.key()] = true
		n.Show()
		return
	}
	if _, none := v.Addr().Interface().(*NoAuth); n.Null() && !none {
		d.mistakeAt(n, at, "no-value", last(at))
		return
	}
	if filled, ok := v.Addr().Interface().(interface{ defaults() }); ok {
		filled.defaults()
	}
	switch target := v.Addr().Interface().(type) {
	case *Secret:
		d.secret(n, target, at, tag)
	case *Duration:
		d.duration(n, target, at)
	case *Size:
		d.size(n, target, at)
	case *time.Time:
		d.date(n, target, at)
	case *Texts:
		d.many(n, target, at)
	case *NoAuth:
		if n.Show(); !n.Null() && n.Text != "true" && (n.Kind != document.Mapping || len(n.Fields) > 0) {
			d.mistakeAt(n, at, "none")
		}
	case *[]*Source:
		d.sources(n, target, at)
	case *[]*Job:
		d.jobs(n, target, at)
	default:
		d.plain(n, v, at, tag)
	}
}

// plain decodes what has no type of ours.
func (d *decoder) plain(n *document.Node, v reflect.Value, at path, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v, at)
	case reflect.Map:
		d.entries(n, v, at)
	case reflect.Slice:
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
func (d *decoder) fields(n *document.Node, v reflect.Value, at path) {
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
			d.value(f.Value, v.Field(k.index), at.with(name), k.tag)
			continue
		}
		d.unknown(f, v.Type(), at)
	}
}

// unknown reports a key that the struct does not have.
func (d *decoder) unknown(f document.Field, t reflect.Type, at path) {
	name := f.Key.Text
	if slices.Contains(laterKeys(t), name) {
		d.mistakeAt(f.Key, at.with(name), "later-key", name)
		return
	}
	here := at.with(name)
	if !f.Key.Shown {
		d.mistakeAt(f.Key, here, "odd-key")
		return
	}
	guess := suggest(name, t, at)
	if guess.key == "" {
		d.mistakeAt(f.Key, here, "unknown-key", name, strings.Join(keyNames(t), ", "))
		return
	}
	if _, direct := keyOf(t, guess.key); direct {
		d.bad[at.with(guess.key).key()] = true // it would be reported as missing otherwise
	}
	if guess.shown && !looksSecret(name) {
		f.Value.Show()
	}
	d.mistakeAt(f.Key, here, "misspelt-key", name, guess.key)
}

// wrongKind reports a value of a kind that does not fit.
func (d *decoder) wrongKind(n *document.Node, at path, code string) {
	if n.Kind == document.Scalar && strings.ContainsRune(n.Text, '：') {
		code = "wide-colon-value"
	}
	d.mistakeAt(n, at, code, last(at), kindWord(n))
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
func (d *decoder) entries(n *document.Node, v reflect.Value, at path) {
	if n.Kind != document.Mapping {
		d.wrongKind(n, at, "want-mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, f := range n.Fields {
		element := reflect.New(v.Type().Elem()).Elem()
		if _, plain := element.Interface().(string); plain && namesSecret(f.Key.Text) {
			d.mistakeAt(f.Key, at.with(f.Key.Text), "secret-in-query", f.Key.Text)
			continue
		}
		d.value(f.Value, element, at.with(f.Key.Text), "")
		v.SetMapIndex(reflect.ValueOf(f.Key.Text), element)
	}
}

// items decodes a list.
func (d *decoder) items(n *document.Node, v reflect.Value, at path) {
	if n.Kind != document.List {
		d.wrongKind(n, at, "want-list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items))
	for i, item := range n.Items {
		d.value(item, list.Index(i), at.with("["+strconv.Itoa(i)+"]"), "")
	}
	v.Set(list)
}

// many decodes one text or a list of texts.
func (d *decoder) many(n *document.Node, target *Texts, at path) {
	if n.Kind == document.Scalar {
		if text, ok := d.text(n, at); ok {
			*target = Texts{text}
		}
		return
	}
	var texts []string
	d.items(n, reflect.ValueOf(&texts).Elem(), at)
	*target = texts
}

// scalar checks that n is one, and marks it as fit to be shown.
func (d *decoder) scalar(n *document.Node, at path) bool {
	n.Show()
	if n.Kind != document.Scalar {
		d.wrongKind(n, at, "want-scalar")
		return false
	}
	return true
}

func (d *decoder) text(n *document.Node, at path) (string, bool) {
	if !d.scalar(n, at) {
		return "", false
	}
	return d.expand(n, at, false)
}

// choice sets a text, unless it is one that a later version takes.
func (d *decoder) choice(n *document.Node, text string, v reflect.Value, at path, tag reflect.StructTag) {
	if slices.Contains(strings.Fields(tag.Get("later")), text) {
		d.mistakeAt(n, at, "later-value", last(at)+": "+text)
		return
	}
	v.SetString(text)
}

func (d *decoder) secret(n *document.Node, target *Secret, at path, tag reflect.StructTag) {
	if n.Kind != document.Scalar {
		d.wrongKind(n, at, "want-scalar")
		return
	}
	text, ok := d.expand(n, at, true)
	if !ok {
		return
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		d.mistakeAt(n, at, "secret-control", last(at))
		return
	}
	*target = NewSecret(text)
	if tag.Get("plain") == "" && text != "" && !strings.Contains(n.Text, "${") && !harmlessDSN(at, text) {
		d.warning(at, "plain-secret", last(at))
	}
}

// harmlessDSN reports a connection line without a password in it.
func harmlessDSN(at path, text string) bool {
	account, _, _ := strings.Cut(text, "@")
	return last(at) == "dsn" && !strings.Contains(account, ":")
}

func (d *decoder) duration(n *document.Node, target *Duration, at path) {
	if !d.scalar(n, at) {
		return
	}
	value, err := parseDuration(n.Text)
	switch err {
	case nil:
		*target = value
	case errUnit:
		d.mistakeAt(n, at, "duration-unit", last(at), short(n.Text))
	default:
		d.mistakeAt(n, at, "duration", last(at), short(n.Text))
	}
}

func (d *decoder) size(n *document.Node, target *Size, at path) {
	if !d.scalar(n, at) {
		return
	}
	value, err := parseSize(n.Text)
	if err != nil {
		d.mistakeAt(n, at, "size", last(at), short(n.Text))
		return
	}
	*target = value
}

func (d *decoder) date(n *document.Node, target *time.Time, at path) {
	if !d.scalar(n, at) {
		return
	}
	value, err := parseDate(n.Text, d.zone)
	if err != nil || value.Year() < 1990 || value.Year() > 2200 {
		d.mistakeAt(n, at, "date", last(at), short(n.Text))
		return
	}
	*target = value
}

func (d *decoder) boolean(n *document.Node, v reflect.Value, at path) {
	if !d.scalar(n, at) {
		return
	}
	if n.Tag != "bool" {
		d.mistakeAt(n, at, "boolean", last(at), short(n.Text))
		return
	}
	v.SetBool(strings.EqualFold(n.Text, "true"))
}

func (d *decoder) integer(n *document.Node, v reflect.Value, at path) {
	if !d.number(n, at) {
		return
	}
	value, err := strconv.ParseInt(n.Text, 10, 32)
	if err != nil {
		d.mistakeAt(n, at, "integer", last(at), short(n.Text))
		return
	}
	v.SetInt(value)
}

func (d *decoder) float(n *document.Node, v reflect.Value, at path) {
	if !d.number(n, at) {
		return
	}
	value, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || strings.ContainsAny(n.Text, "xX_pP") {
		d.mistakeAt(n, at, "number", last(at), short(n.Text))
		return
	}
	v.SetFloat(value)
}

// number refuses what readers of numbers disagree about.
func (d *decoder) number(n *document.Node, at path) bool {
	if !d.scalar(n, at) {
		return false
	}
	switch digits := strings.TrimLeft(n.Text, "+-"); {
	case strings.Contains(n.Text, "${"):
		d.mistakeAt(n, at, "number-reference", last(at))
		return false
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9':
		d.mistakeAt(n, at, "octal", last(at), short(n.Text), strings.TrimLeft(digits, "0"))
		return false
	}
	return true
}

// named checks a mapping of names, and calls decode for each good one.
func (d *decoder) named(n *document.Node, at path, decode func(f *document.Field, at path)) {
	if n.Kind != document.Mapping {
		d.wrongKind(n, at, "want-names")
		return
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		here := at.with(f.Key.Text)
		if _, root := keyOf(reflect.TypeFor[Config](), f.Key.Text); root {
			d.mistakeAt(f.Key, here, "indented", f.Key.Text, last(at))
			continue
		}
		if !namePattern.MatchString(f.Key.Text) {
			if f.Key.Shown {
				d.mistakeAt(f.Key, here, "bad-name", f.Key.Text)
			} else {
				d.mistakeAt(f.Key, here, "odd-key")
			}
			continue
		}
		decode(f, here)
	}
}

func (d *decoder) jobs(n *document.Node, target *[]*Job, at path) {
	d.named(n, at, func(f *document.Field, here path) {
		job := &Job{Name: f.Key.Text}
		d.value(f.Value, reflect.ValueOf(job).Elem(), here, "")
		*target = append(*target, job)
	})
}

func (d *decoder) sources(n *document.Node, target *[]*Source, at path) {
	d.named(n, at, func(f *document.Field, here path) {
		source := &Source{Name: f.Key.Text}
		if d.source(f, source, here) {
			*target = append(*target, source)
		}
	})
}

// source decodes one source by its kind, with its preset merged in; false: nothing is known of it.
func (d *decoder) source(f *document.Field, source *Source, at path) bool {
	n := f.Value
	if n.Kind != document.Mapping {
		if n.Null() {
			d.mistakeAt(f.Key, at, "no-value", f.Key.Text)
		} else {
			d.wrongKind(n, at, "want-mapping")
		}
		return false
	}
	kind := n.Field("kind")
	switch {
	case kind == nil:
		d.mistakeAt(f.Key, at, "kind-missing", f.Key.Text)
		return false
	case kind.Value.Kind == document.Scalar && kind.Value.Text == KindRest:
		source.Kind, source.Rest = KindRest, &Rest{}
	case kind.Value.Kind == document.Scalar && kind.Value.Text == "taobao":
		kind.Value.Show()
		d.mistakeAt(kind.Value, at.with("kind"), "later-value", "kind: taobao")
		d.bad[at.key()] = true
		return false
	default:
		d.mistakeAt(kind.Value, at.with("kind"), "kind", f.Key.Text)
		d.bad[at.key()] = true
		return false
	}
	if base := d.preset(n, at); base != nil {
		f.Value = merge(base, n, reflect.TypeFor[Rest](), "")
	}
	d.value(f.Value, reflect.ValueOf(source.Rest).Elem(), at, "")
	return true
}

func last(at path) string {
	for i := len(at) - 1; i >= 0; i-- {
		if !strings.HasPrefix(at[i], "[") {
			return at[i]
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

func itoa(n int) string { return strconv.Itoa(n) }
