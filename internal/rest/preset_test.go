package rest_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"ordersync/internal/order"
)

// texts is a list that may be written as one text.
type texts []string

func (t *texts) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = texts{node.Value}
		return nil
	}
	var list []string
	err := node.Decode(&list)
	*t = list
	return err
}

// preset is the shape of the shipped file.
type preset struct {
	Request struct {
		Paths []string
		Query map[string]string
	}
	Window struct {
		By           string
		Since, Until struct{ Name string }
		Layout, Zone string
		Resolution   string
		SinceBound   string `yaml:"since_bound"`
		UntilBound   string `yaml:"until_bound"`
		Overlap      string
		Settle       string
		Slice        string
	}
	Page struct {
		Kind string
		Size struct {
			Name       string
			Value, Max int
		}
		Number struct {
			Name  string
			First int
		}
		Total struct{ Path, Header texts }
	}
	Records struct{ Path texts }
	Map     struct {
		ID, Number texts
		Status     struct {
			From    texts
			Map     map[string]order.Status
			Default order.Status
		}
		Currency struct {
			Path  texts
			Upper bool
		}
		Total     texts
		BuyerID   texts `yaml:"buyer_id"`
		CreatedAt texts `yaml:"created_at"`
		UpdatedAt texts `yaml:"updated_at"`
		Lines     struct {
			Path, ID, SKU, Name, Quantity texts
			UnitPrice                     texts `yaml:"unit_price"`
		}
	}
	Resweep struct{ Back, By string }
}

// TestPreset: the shipped us-server is what the design says, word for word, and nothing besides.
func TestPreset(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../configs/presets/us-server.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var p preset
	if err := yaml.Load(text, &p, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	o := usServer()
	m := o.Map
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"paths", p.Request.Paths, o.Paths},
		{"query", p.Request.Query, o.Query},
		{"window", []string{
			p.Window.By, p.Window.Since.Name, p.Window.Until.Name, p.Window.Layout, p.Window.Zone, p.Window.Resolution, p.Window.SinceBound,
			p.Window.UntilBound, p.Window.Overlap, p.Window.Settle, p.Window.Slice,
		}, []string{string(o.Window.By), o.Window.Since, o.Window.Until, o.Window.Layout, "UTC", "24h", "inclusive", "inclusive", "48h", "2m", "30d"}},
		{"page", []any{p.Page.Kind, p.Page.Number.Name, p.Page.Number.First, p.Page.Size.Name, p.Page.Size.Value, p.Page.Size.Max},
			[]any{"page", o.Page.Number, o.Page.First, o.Page.Size, o.Page.SizeValue, o.Page.SizeMax}},
		{"total in bodies", []string(p.Page.Total.Path), o.Page.Total.Paths},
		{"total in headers", []string(p.Page.Total.Header), o.Page.Total.Headers},
		{"records", []string(p.Records.Path), o.Records},
		{"id", []string(p.Map.ID), m.ID.Paths},
		{"number", []string(p.Map.Number), m.Number.Paths},
		{"status", []string(p.Map.Status.From), m.Status.Paths},
		{"status words", p.Map.Status.Map, m.Status.Words},
		{"status of other words", p.Map.Status.Default, m.Status.Default},
		{"currency", []string(p.Map.Currency.Path), m.Currency.Paths},
		{"currency in capitals", p.Map.Currency.Upper, m.Currency.Upper},
		{"total", []string(p.Map.Total), m.Total.Paths},
		{"buyer", []string(p.Map.BuyerID), m.BuyerID.Paths},
		{"created", []string(p.Map.CreatedAt), m.OrderedAt.Paths},
		{"modified", []string(p.Map.UpdatedAt), m.ModifiedAt.Paths},
		{"lines", []string(p.Map.Lines.Path), m.Lines.Paths},
		{"line id", []string(p.Map.Lines.ID), m.Lines.ID.Paths},
		{"line sku", []string(p.Map.Lines.SKU), m.Lines.SKU.Paths},
		{"line name", []string(p.Map.Lines.Name), m.Lines.Title.Paths},
		{"line quantity", []string(p.Map.Lines.Quantity), m.Lines.Quantity.Paths},
		{"line price", []string(p.Map.Lines.UnitPrice), m.Lines.UnitPrice.Paths},
		{"resweep", []string{p.Resweep.Back, p.Resweep.By}, []string{"30d", "created"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-design +preset):\n%s", test.name, diff)
		}
	}
	mapped := map[order.Status]bool{}
	for _, status := range p.Map.Status.Map {
		mapped[status] = true
	}
	for _, status := range order.Statuses() {
		if !mapped[status] && status != order.StatusUnknown {
			t.Errorf("no word means %s", status)
		}
	}
}
