package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
	check "github.com/santhosh-tekuri/jsonschema/v6"

	"ordersync/internal/config/document"
)

const (
	schemaFile  = "../../configs/ordersyncd.schema.json"
	exampleFile = "../../configs/ordersyncd.example.yaml"
)

// TestSchemaIsCurrent generates the schema from the structs; -update writes it.
func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := json.MarshalIndent(schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, string(text)+"\n")
}

// schema describes the file for editors, from the same structs and tags that read it.
func schema() *jsonschema.Schema {
	r := &jsonschema.Reflector{
		Anonymous: true, FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Mapper: mapped, LookupComment: comment,
	}
	root := r.Reflect(&Config{})
	for _, part := range []any{&Rest{}, &Taobao{}, &Job{}} {
		s := r.Reflect(part)
		maps.Copy(root.Definitions, s.Definitions)
		s.Definitions, s.Version = nil, ""
		root.Definitions[reflect.TypeOf(part).Elem().Name()] = s
	}
	delete(root.Definitions, "Source")
	refine(root, reflect.TypeFor[Config](), root)
	for _, d := range root.Definitions {
		d.ReadOnly = false
	}
	root.Title = "ordersyncd"
	named(root, "sources", sourceByKind())
	named(root, "jobs", reference("Job"))
	sources, _ := root.Properties.Get("sources")
	sources.MinProperties = new(uint64(1))
	root.Required = []string{"database", "sources"}
	for name, of := range map[string]string{"Rest": KindRest, "Taobao": KindTaobao} {
		kind, _ := root.Definitions[name].Properties.Get("kind")
		kind.Enum = []any{of}
		root.Definitions[name].Required = []string{"kind"}
	}
	refineTaobao(root.Definitions["Taobao"])
	root.Definitions["Encryption"].Required = []string{"key"}
	refineAlerts(root)
	return root
}

// named makes of a property a group of entries with names.
func named(s *jsonschema.Schema, name string, entry *jsonschema.Schema) {
	old, _ := s.Properties.Get(name)
	s.Properties.Set(name, &jsonschema.Schema{
		Type: "object", Description: old.Description, PropertyNames: &jsonschema.Schema{Pattern: `^[a-z0-9][a-z0-9._-]{0,62}$`},
		AdditionalProperties: entry,
	})
}

// refineAlerts adds what no tag says.
func refineAlerts(root *jsonschema.Schema) {
	named(root.Definitions["Alerts"], "webhooks", reference("Webhook"))
	for name, required := range map[string][]string{
		"Email": {"smtp", "from", "to"}, "SMTP": {"host"}, "Sentry": {"dsn"}, "Webhook": {"kind", "url"}, "Ping": {"success"},
	} {
		root.Definitions[name].Required = required
	}
	address := &jsonschema.Schema{Type: "string", Pattern: `^[^@ <>]+@[^@ <>]+$|\$\{`}
	email := root.Definitions["Email"].Properties
	from, _ := email.Get("from")
	from.Pattern = address.Pattern
	to, _ := email.Get("to")
	several := &jsonschema.Schema{Type: "array", Items: address, MinItems: new(uint64(1))}
	email.Set("to", &jsonschema.Schema{Description: to.Description, AnyOf: []*jsonschema.Schema{address, several}})
}

// refineTaobao adds what no tag says.
func refineTaobao(s *jsonschema.Schema) {
	s.Required = append(s.Required, "app_key", "app_secret")
	address := &jsonschema.Schema{Type: "string", Pattern: `^https?://|\$\{`}
	for name, forms := range map[string][]*jsonschema.Schema{
		"app_key":      {{Type: "string", Pattern: `^[A-Za-z0-9_-]{1,32}$|\$\{[A-Za-z]`}, {Type: "integer"}}, // a number may stand without quotes
		"gateway":      {{Type: "string", Enum: []any{GatewayProduction, GatewayOverseas, GatewaySandbox}}, address},
		"oauth":        {address},
		"redirect_uri": {address},
	} {
		property, _ := s.Properties.Get(name)
		s.Properties.Set(name, &jsonschema.Schema{Description: property.Description, AnyOf: forms})
	}
}

func reference(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/" + definition}
}

// sourceByKind is a source: its kind comes first, so that an editor offers all kinds, and then the keys of the one that stands there.
func sourceByKind() *jsonschema.Schema {
	withKind := func(kind *jsonschema.Schema) *jsonschema.Schema {
		s := &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: []string{"kind"}}
		s.Properties.Set("kind", kind)
		return s
	}
	source := withKind(&jsonschema.Schema{Type: "string", Enum: []any{KindRest, KindTaobao}, Description: "What kind of shop this is."})
	source.Type = "object"
	source.If, source.Then, source.Else = withKind(&jsonschema.Schema{Const: KindTaobao}), reference("Taobao"), reference("Rest")
	return source
}

// mapped describes the types that Go does not say enough about.
func mapped(t reflect.Type) *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	switch t {
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "number"}}}
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$`}, {Const: 0}}}
	case reflect.TypeFor[Size]():
		units := &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+ *(B|KB|MB|GB|KiB|MiB|GiB)?$`}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{units, {Type: "integer", Minimum: "1"}}}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?$`}
	case reflect.TypeFor[Texts]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text}}}
	case reflect.TypeFor[NoAuth]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "object", MaxProperties: new(uint64(0))}, {Type: "null"}, {Const: true}}}
	}
	return nil
}

func comment(t reflect.Type, field string) string {
	if t.Kind() != reflect.Struct || field == "" {
		return ""
	}
	f, _ := t.FieldByName(field)
	return f.Tag.Get("doc")
}

// withoutPreset are structs that no preset fills: a null in them drops nothing.
var withoutPreset = []reflect.Type{
	reflect.TypeFor[Database](), reflect.TypeFor[Account](), reflect.TypeFor[Encryption](), reflect.TypeFor[Taobao](), reflect.TypeFor[Job](),
	reflect.TypeFor[Alerts](), reflect.TypeFor[Email](), reflect.TypeFor[SMTP](), reflect.TypeFor[Sentry](), reflect.TypeFor[Webhook](),
	reflect.TypeFor[Ping](),
}

// refine adds to the schema of a struct what the tags say, and goes on to the structs inside.
func refine(root *jsonschema.Schema, t reflect.Type, s *jsonschema.Schema) {
	for f := range t.Fields() {
		name, short, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		property, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if f.Type == reflect.TypeFor[map[string]string]() {
			text := []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}, {Type: "null"}}
			property.AdditionalProperties = &jsonschema.Schema{AnyOf: text}
		}
		limits(property, f.Tag.Get("validate"))
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && mapped(inner) == nil {
			s.Properties.Set(name, group(root, inner, property))
		} else if short == "short" && property.Description == "" {
			panic(name + " has no doc")
		}
	}
	if t == reflect.TypeFor[Config]() {
		for _, entry := range []reflect.Type{reflect.TypeFor[Rest](), reflect.TypeFor[Taobao](), reflect.TypeFor[Job](), reflect.TypeFor[Webhook]()} {
			refine(root, entry, root.Definitions[entry.Name()])
		}
		return
	}
	if slices.Contains(withoutPreset, t) {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() { // null drops what a preset says
		if p.Key != "kind" {
			p.Value = &jsonschema.Schema{Description: p.Value.Description, AnyOf: []*jsonschema.Schema{bare(p.Value), {Type: "null"}}}
		}
	}
}

// group is a property that is a struct: itself, or its short form.
func group(root *jsonschema.Schema, t reflect.Type, property *jsonschema.Schema) *jsonschema.Schema {
	d := root.Definitions[t.Name()]
	if !d.ReadOnly { // a mark of ours: refined
		d.ReadOnly = true
		refine(root, t, d)
	}
	for f := range t.Fields() {
		if strings.HasSuffix(f.Tag.Get("yaml"), ",short") {
			form := mapped(f.Type)
			if form == nil {
				form = &jsonschema.Schema{Type: "string"}
			}
			return &jsonschema.Schema{Description: property.Description, AnyOf: []*jsonschema.Schema{bare(property), form}}
		}
	}
	return property
}

// bare is a schema without its description, which moves outwards.
func bare(s *jsonschema.Schema) *jsonschema.Schema {
	inner := *s
	inner.Description = ""
	return &inner
}

// limits adds what the validator checks.
func limits(s *jsonschema.Schema, rules string) {
	target := s
	for rule := range strings.SplitSeq(rules, ",") {
		tag, param, _ := strings.Cut(rule, "=")
		switch {
		case tag == "dive" && s.AdditionalProperties != nil:
			target = &jsonschema.Schema{Type: "string"}
			s.AdditionalProperties = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{target, {Type: "null"}}}
		case tag == "dive":
			return
		case tag == "oneof":
			for word := range strings.FieldsSeq(param) {
				target.Enum = append(target.Enum, word)
			}
		case s.Type != "integer" && s.Type != "number":
		case tag == "gt":
			s.ExclusiveMinimum = json.Number(param)
		case tag == "gte":
			s.Minimum = json.Number(param)
		case tag == "lte":
			s.Maximum = json.Number(param)
		}
	}
}

// compiled returns the schema as an editor uses it.
func compiled(t *testing.T) *check.Schema {
	t.Helper()
	doc, err := check.UnmarshalJSON(strings.NewReader(readFile(t, schemaFile)))
	if err != nil {
		t.Fatal(err)
	}
	c := check.NewCompiler()
	if err := c.AddResource("ordersyncd.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("ordersyncd.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainValue is a tree as an editor sees it; false: the text is no YAML, so that a schema has nothing to say.
func plainValue(t *testing.T, file string) (any, bool) {
	t.Helper()
	f, mistakes := document.Parse(file, []byte(readFile(t, file)), nil)
	if len(mistakes) > 0 {
		return nil, false
	}
	return plain(f.Root), true
}

func plain(n *document.Node) any {
	switch n.Kind {
	case document.Mapping:
		m := map[string]any{}
		for _, f := range n.Fields {
			m[f.Key.Text] = plain(f.Value)
		}
		return m
	case document.List:
		list := []any{}
		for _, item := range n.Items {
			list = append(list, plain(item))
		}
		return list
	}
	switch {
	case n.Null():
		return nil
	case n.Quoted():
		return n.Text
	case n.Tag == "bool":
		return n.Text == "true"
	case n.Tag == "int" || n.Tag == "float":
		if _, err := strconv.ParseFloat(n.Text, 64); err == nil && n.Text != ".nan" {
			return json.Number(strings.TrimLeft(n.Text, "0+") + map[bool]string{true: "0"}[n.Text == "0"])
		}
	}
	return n.Text
}

// beyondSchema are mistakes that lie between values, in what values refer to, or in their meaning: an editor cannot see them.
var beyondSchema = []string{
	"auth-", "back-", "base-url", "bearer-twice", "credential-", "database-address", "database-empty", "date-ancient", "dsn-and-address",
	"file-missing", "filter-unsent", "job-kind", "layout", "map-", "missing-base-url", "missing-schedule", "null-without-preset",
	"number-reference", "octal", "page-",
	"parameter-twice",
	"path-", "preset", "rates", "reference-", "repeat-empty", "resolution", "resweep-", "same-shop", "schedule", "secret-in-query",
	"settle-twice", "size-max", "slice", "source-", "start", "sweep-", "template", "timezone", "tls-socket", "token-url", "variable-missing", "window-",
	"word-twice", "integer-too-large",
	"alerts-after", "alerts-email-to-twice", "alerts-group-wait", "alerts-sentry-dsn", "alerts-sentry-environment", "alerts-sentry-http", "alerts-smtp-address",
	"alerts-smtp-host", "alerts-smtp-password-", "alerts-smtp-plain", "alerts-smtp-port-zero", "alerts-smtp-tls-missing", "alerts-smtp-username-",
	"alerts-webhook-kind-other", "alerts-webhook-name", "alerts-webhook-secret", "alerts-webhook-twice", "alerts-webhook-url", "alerts-weekly",
	"ping-address", "ping-blank", "ping-empty", "ping-http", "ping-number", "ping-same", "ping-start-empty", "ping-user",
	"encryption-credential", "encryption-no-value", "track-", "taobao-app-key", "taobao-app-secret-blank", "taobao-app-secrets", "taobao-encryption-missing",
	"taobao-gateway-http", "taobao-gateway-query", "taobao-gateway-user", "taobao-oauth-http", "taobao-oauth-missing", "taobao-oauth-path",
	"taobao-session-chinese", "taobao-session-empty", "taobao-session-end-alone", "taobao-session-missing", "taobao-slice-",
}

func TestSchemaAndLoaderAgree(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for _, file := range slices.Concat(files(t, "testdata/good/*.yaml"), files(t, "testdata/warn/*.yaml"), []string{exampleFile}) {
		v, ok := plainValue(t, file)
		if !ok {
			t.Errorf("%s is no YAML", file)
			continue
		}
		if file == "testdata/good/anchors.yaml" {
			continue // editors resolve merge keys in their own way
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: the loader takes it, the schema does not: %v", file, err)
		}
	}
	for _, file := range files(t, "testdata/bad/*.yaml") {
		v, ok := plainValue(t, file)
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		beyond := slices.ContainsFunc(beyondSchema, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if ok && !beyond && s.Validate(v) == nil {
			t.Errorf("%s: the loader refuses it, the schema does not", name)
		}
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	c, err := Load(exampleFile, options(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("the example earns a warning: %s", c.Warnings[0].Text())
	}
	text := readFile(t, exampleFile)
	if !strings.HasPrefix(text, "# yaml-language-server: $schema=./ordersyncd.schema.json\n") {
		t.Error("the example does not name its schema")
	}
	// Its commented lines must work too: each "# key: value" is tried in place.
	for _, commented := range commentedKeys(text) {
		if _, err := Parse("example.yaml", []byte(commented.text), options(t)); err != nil {
			t.Errorf("commented lines %q do not work:\n%v", commented.name, err)
		}
	}
}

type variant struct{ name, text string }

// commentedKeys returns the example once for each commented key, with that key (and what is below it) taken out of its comment.
func commentedKeys(text string) []variant {
	lines := strings.Split(text, "\n")
	var list []variant
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		body, ok := strings.CutPrefix(line[len(indent):], "# ")
		key, _, isKey := strings.Cut(body, ": ")
		prose := !isKey && !strings.HasSuffix(body, ":") || strings.ContainsAny(strings.TrimSuffix(key, ":"), " .,;(")
		if !ok || prose || indent == "" && key != "state" && key != "encryption" {
			continue
		}
		changed := slices.Clone(lines)
		uncomment(changed, i)
		if key == "window" {
			changed[i+1] = indent + strings.TrimPrefix(lines[i+1], indent+"# ") // its resweep
		}
		if strings.Contains(body, ": tmall-flagship,") { // a job of a shop that is a comment itself
			uncomment(changed, slices.Index(lines, tmallFlagship))
		}
		for j := range changed { // what it stands instead of
			same := strings.HasPrefix(changed[j], indent+strings.TrimSuffix(key, ":")+":")
			whole := key == "dsn" && slices.ContainsFunc([]string{"address:", "name:", "user:", "password:"}, func(k string) bool {
				return strings.HasPrefix(changed[j], "  "+k)
			})
			if j != i && (same || whole) {
				changed[j] = ""
			}
		}
		list = append(list, variant{name: key, text: strings.Join(changed, "\n")})
	}
	return list
}

// tmallFlagship is the line that begins the example's shop on Taobao.
const tmallFlagship = "  # tmall-flagship:"

// uncomment takes the group that begins on a line out of its comment.
func uncomment(lines []string, first int) {
	before, _, _ := strings.Cut(lines[first], "# ")
	for i := first; i < len(lines) && (i == first || strings.HasPrefix(lines[i], before+"#   ")); i++ {
		lines[i] = before + strings.TrimPrefix(lines[i], before+"# ")
	}
}

// TestExampleOfTaobao takes everything about the example's shop on Taobao out of its comment, and then each thing that it may say instead.
func TestExampleOfTaobao(t *testing.T) {
	t.Parallel()
	lines := strings.Split(readFile(t, exampleFile), "\n")
	uncomment(lines, slices.Index(lines, tmallFlagship))
	for i, line := range lines {
		if strings.HasPrefix(line, "# encryption: ") || strings.Contains(line, ": tmall-flagship,") {
			lines[i] = strings.Replace(line, "# ", "", 1)
		}
	}
	whole := strings.Join(lines, "\n")
	for _, check := range []struct{ name, without, with string }{
		{name: "a session"},
		{name: "authorize", without: "    session", with: "    # redirect_uri"},
		{name: "oauth", with: "    # oauth"},
	} {
		var text []string
		for line := range strings.SplitSeq(whole, "\n") {
			switch {
			case check.without != "" && strings.HasPrefix(line, check.without):
				continue
			case check.with != "" && strings.HasPrefix(line, check.with):
				line = strings.Replace(line, "# ", "", 1)
			}
			text = append(text, line)
		}
		c, err := Parse("example.yaml", []byte(strings.Join(text, "\n")), options(t))
		if err != nil {
			t.Errorf("%s:\n%v", check.name, err)
			continue
		}
		if len(c.Warnings) > 0 {
			t.Errorf("%s earns a warning: %s", check.name, c.Warnings[0].Text())
		}
		shop := c.Source("tmall-flagship").Taobao
		if shop.Session.IsZero() != (shop.RedirectURI != "") || c.Job("tmall-parcels").Track != "tmall-flagship" || len(c.Jobs) != 5 {
			t.Errorf("%s: session %v, redirect_uri %q, %d jobs", check.name, shop.Session, shop.RedirectURI, len(c.Jobs))
		}
	}
}

func TestShippedPresets(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, "../../configs/presets/*.yaml") {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		o := options(t)
		o.Presets = os.DirFS("../../configs/presets")
		text := "database: {address: a:1, name: n, user: u}\n" +
			"sources: {shop: {kind: rest, preset: " + name + ", base_url: https://a.example, auth: {none: {}}}}\n" +
			"jobs: {a: {sync: shop, schedule: '@daily', start: 2024-01-01}, b: {sweep: shop, schedule: '@daily'}}\n" +
			"alerts: {email: {smtp: {host: a.example}, from: a@a.example, to: b@a.example}}\n"
		c, err := Parse("preset.yaml", []byte(text), o)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
			continue
		}
		if len(c.Warnings) > 0 {
			t.Errorf("%s: %s", name, c.Warnings[0].Text())
		}
		if s := readFile(t, file); !bytes.HasPrefix([]byte(s), []byte("# "+name+": ")) {
			t.Errorf("%s does not say what it is", file)
		}
	}
}
