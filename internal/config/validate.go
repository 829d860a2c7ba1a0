package config

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// statuses are the words that a status may be mapped to: the columns of the database know no others.
var statuses = []string{
	"pending_payment", "paid", "partially_shipped", "shipped", "completed", "cancelled", "partially_refunded", "refunded", "unknown",
}

// validate applies the rules that stand in the structs' tags.
func (r *report) validate(c *Config) error {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		return strings.TrimPrefix(name, "-")
	})
	v.RegisterCustomTypeFunc(func(f reflect.Value) any {
		if s, ok := f.Interface().(Secret); ok && !s.IsZero() {
			return mask
		}
		return ""
	}, Secret{})
	err := v.RegisterValidation("status", func(f validator.FieldLevel) bool { return slices.Contains(statuses, f.Field().String()) })
	if err != nil {
		return err
	}
	var failures validator.ValidationErrors
	if err = v.Struct(c); err != nil && !errors.As(err, &failures) {
		return err
	}
	for _, failure := range failures {
		at := pathOf(c, failure.Namespace())
		if !r.spoilt(at) {
			r.fail(at, failure)
		}
	}
	return nil
}

// fail puts one failed rule into words.
func (r *report) fail(at path, failure validator.FieldError) {
	param := failure.Param()
	switch failure.Tag() {
	case "required", "required_with":
		if r.node(at) != nil {
			r.mistake(at, "no-value", last(at))
			return
		}
		r.mistake(at, "missing", last(at), around(at))
	case "oneof":
		allowed := strings.Fields(param)
		if guess := nearest(r.text(at), allowed); guess != "" {
			r.mistake(at, "oneof-misspelt", last(at), guess)
			return
		}
		r.mistake(at, "oneof", last(at), strings.Join(allowed, ", "))
	case "status":
		r.mistake(at, "status-word", last(at), strings.Join(statuses, ", "))
	case "timezone":
		r.mistake(at, "timezone", last(at), zoneHint(r.text(at)))
	case "gt":
		r.mistake(at, "greater", last(at), "more than "+param)
	case "gte":
		r.mistake(at, "greater", last(at), param+" or more")
	case "lte":
		r.mistake(at, "greater", last(at), param+" or less")
	case "min":
		r.mistake(at, "entries", last(at))
	case "gtefield":
		r.mistake(at, "size-max", last(at))
	default:
		r.mistake(at, "rule", last(at), failure.Tag())
	}
}

// text is what the operator wrote at a path.
func (r *report) text(at path) string {
	if n := r.node(at); n != nil {
		return n.Text
	}
	return ""
}

// around names what holds a path's last key.
func around(at path) string {
	if len(at) < 2 {
		return "the file"
	}
	return at[:len(at)-1].String()
}

var namespacePart = regexp.MustCompile(`^([^.\[]*)((?:\[[^\]]*\])*)\.?`)

// pathOf turns the validator's name of a field, such as Config.sources[0].Rest.page.kind, into a path of the file.
func pathOf(c *Config, namespace string) path {
	var at path
	_, rest, _ := strings.Cut(namespace, ".")
	for rest != "" {
		m := namespacePart.FindStringSubmatch(rest)
		if m[0] == "" {
			return at
		}
		rest = rest[len(m[0]):]
		if m[1] != "Rest" {
			at = append(at, m[1])
		}
		for index := range strings.SplitSeq(strings.Trim(m[2], "[]"), "][") {
			if index != "" {
				at = append(at, elementName(c, at, index))
			}
		}
	}
	return at
}

// elementName is the key of an element: lists know theirs by number, sources and jobs by name.
func elementName(c *Config, at path, index string) string {
	i, err := strconv.Atoi(index)
	switch {
	case err == nil && at.String() == "sources" && i < len(c.Sources):
		return c.Sources[i].Name
	case err == nil && at.String() == "jobs" && i < len(c.Jobs):
		return c.Jobs[i].Name
	case err == nil && last(at) != "map":
		return "[" + index + "]"
	}
	return index
}

// zones are what people write for zones of which the database of zones knows another name.
var zones = map[string]string{
	"beijing": "Asia/Shanghai", "asia/beijing": "Asia/Shanghai", "china": "Asia/Shanghai", "cst": "Asia/Shanghai", "shanghai": "Asia/Shanghai",
	"china standard time": "Asia/Shanghai", "gmt+8": "Asia/Shanghai", "utc+8": "Asia/Shanghai", "+8": "Asia/Shanghai", "+08:00": "Asia/Shanghai",
	"gmt+08:00": "Asia/Shanghai", "utc+08:00": "Asia/Shanghai", "hong kong": "Asia/Hong_Kong", "taipei": "Asia/Taipei", "new york": "America/New_York",
	"est": "America/New_York", "edt": "America/New_York", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "london": "Europe/London",
	"tokyo": "Asia/Tokyo", "z": "UTC", "gmt": "UTC", "local": "Asia/Shanghai",
}

func zoneHint(text string) string {
	if zone, ok := zones[strings.ToLower(strings.TrimSpace(text))]; ok {
		return zone
	}
	return "Asia/Shanghai"
}
