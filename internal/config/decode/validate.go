package decode

import (
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"ordersync/internal/config/document"
	"ordersync/internal/config/value"
	"ordersync/internal/config/words"
)

// Validate applies the rules that stand in the tags of target, which has been decoded. What has a mistake already is left alone.
func (d *Decoder) Validate(target any) error {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		return strings.TrimPrefix(name, "-")
	})
	v.RegisterCustomTypeFunc(func(f reflect.Value) any {
		if s, ok := reflect.TypeAssert[value.Secret](f); ok && !s.IsZero() {
			return s.String() // the mask: enough for required
		}
		return ""
	}, value.Secret{})
	var failures validator.ValidationErrors
	if err := v.Struct(target); err != nil && !errors.As(err, &failures) {
		return err
	}
	for _, failure := range failures {
		if at := pathOf(reflect.ValueOf(target), failure.Namespace()); !d.Spoilt(at) {
			d.fail(at, failure)
		}
	}
	return nil
}

// fail puts one failed rule into words.
func (d *Decoder) fail(at document.Path, failure validator.FieldError) {
	param := failure.Param()
	switch failure.Tag() {
	case "required", "required_with":
		if d.Node(at) != nil {
			d.Mistake(at, "no-value", last(at))
			return
		}
		d.Mistake(at, "missing", last(at), around(at))
	case "oneof":
		allowed := strings.Fields(param)
		if guess := words.Nearest(d.Text(at), allowed); guess != "" {
			d.Mistake(at, "oneof-misspelt", last(at), guess)
			return
		}
		d.Mistake(at, "oneof", last(at), strings.Join(allowed, ", "))
	case "timezone":
		d.Mistake(at, "timezone", last(at), words.Zone(d.Text(at)))
	case "gt":
		d.Mistake(at, "greater", last(at), "more than "+param)
	case "gte":
		d.Mistake(at, "greater", last(at), param+" or more")
	case "lte":
		d.Mistake(at, "greater", last(at), param+" or less")
	case "min":
		d.Mistake(at, "entries", last(at))
	case "gtefield":
		d.Mistake(at, "size-max", last(at))
	default:
		d.Mistake(at, "rule", last(at), failure.Tag())
	}
}

// around names what holds a path's last key.
func around(at document.Path) string {
	if len(at) < 2 {
		return "the file"
	}
	return at[:len(at)-1].String()
}

var namespacePart = regexp.MustCompile(`^([^.\[]*)((?:\[[^\]]*\])*)\.?`)

// pathOf turns the validator's name of a field, such as Config.sources[0].Rest.page.kind, into a path of the file.
func pathOf(v reflect.Value, namespace string) document.Path {
	var at document.Path
	_, rest, _ := strings.Cut(namespace, ".")
	for rest != "" {
		m := namespacePart.FindStringSubmatch(rest)
		if m[0] == "" {
			return at
		}
		rest = rest[len(m[0]):]
		v = reflect.Indirect(v)
		named := false
		if k, ok := keyOf(v.Type(), m[1]); ok {
			at, v, named = append(at, m[1]), v.Field(k.index), k.tag.Get("named") != ""
		} else {
			v = v.FieldByName(m[1]) // not a key of the file: its own keys stand in its place
		}
		for index := range strings.SplitSeq(strings.Trim(m[2], "[]"), "][") {
			if index != "" {
				at, v = element(at, v, index, named)
			}
		}
	}
	return at
}

// element goes on to one element of a list or a map.
func element(at document.Path, v reflect.Value, index string, named bool) (document.Path, reflect.Value) {
	i, err := strconv.Atoi(index)
	if v.Kind() != reflect.Slice || err != nil {
		return at.With(index), v
	}
	v = reflect.Indirect(v.Index(i))
	if named {
		return at.With(v.FieldByName("Name").String()), v
	}
	return at.With("[" + index + "]"), v
}
