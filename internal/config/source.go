package config

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"

	"ordersync/internal/config/decode"
	"ordersync/internal/config/document"
	"ordersync/internal/config/words"
)

// DecodeEntry implements decode.Entry: the keys of a source depend on its kind.
func (s *Source) DecodeEntry(d *decode.Decoder, f *document.Field, at document.Path) bool {
	if f.Value.Kind != document.Mapping {
		d.WantMapping(f.Value, at)
		return false
	}
	kind := f.Value.Field("kind")
	if kind == nil {
		d.MistakeAt(f.Key, at, "kind-missing", s.Name)
		return false
	}
	switch kindOf(f.Value) {
	case KindRest:
		s.Kind, s.Rest = KindRest, &Rest{}
		d.Value(f.Value, s.Rest, at)
	case KindTaobao:
		s.Kind, s.Taobao = KindTaobao, &Taobao{}
		d.Value(f.Value, s.Taobao, at)
	default:
		kind.Value.Show()
		d.MistakeAt(kind.Value, at.With("kind"), "kind", s.Name)
		d.Spoil(at)
		return false
	}
	return true
}

// kindOf is the kind that a source says it is of, or "".
func kindOf(source *document.Node) string {
	if kind := source.Field("kind"); kind != nil && kind.Value.Kind == document.Scalar {
		return kind.Value.Text
	}
	return ""
}

// presets lays the presets under the sources that name them.
type presets struct {
	*document.Report
	files fs.FS
	// trees holds the ones that have been read, by name.
	trees map[string]*document.Node
}

// merge changes the tree of sources in place.
func (p presets) merge(sources *document.Field) {
	if sources == nil {
		return
	}
	for i := range sources.Value.Fields {
		f := &sources.Value.Fields[i]
		if kindOf(f.Value) == KindTaobao {
			continue // it has no presets: the key is refused when it is decoded
		}
		if base := p.base(f.Value, path{"sources", f.Key.Text, "preset"}); base != nil {
			f.Value = decode.Merge(base, f.Value, reflect.TypeFor[Rest]())
		}
	}
}

// base returns the tree of the preset that a source names, or nil.
func (p presets) base(source *document.Node, at path) *document.Node {
	f := source.Field("preset")
	if f == nil || f.Value.Kind != document.Scalar || f.Value.Null() {
		return nil // a wrong kind of value is reported when it is decoded
	}
	name := f.Value.Text
	f.Value.Show()
	if tree := p.trees[name]; tree != nil {
		return tree
	}
	text, err := p.read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		names := p.names()
		if guess := words.Nearest(name, names); guess != "" {
			p.MistakeAt(f.Value, at, "preset-misspelt", name, guess)
		} else {
			p.MistakeAt(f.Value, at, "preset", name, strings.Join(names, ", "))
		}
		return nil
	case err != nil:
		p.MistakeAt(f.Value, at, "preset-broken", name, "it cannot be read")
		return nil
	}
	file, mistakes := document.Parse(name+".yaml", text, func(string) bool { return false })
	if len(mistakes) > 0 || file.Root == nil || file.Root.Kind != document.Mapping {
		p.MistakeAt(f.Value, at, "preset-broken", name, "it is not good YAML")
		return nil
	}
	p.trees[name] = file.Root
	return file.Root
}

// read returns the text of a preset.
func (p presets) read(name string) ([]byte, error) {
	if p.files == nil || !decode.Name.MatchString(name) {
		return nil, fs.ErrNotExist
	}
	return fs.ReadFile(p.files, name+".yaml")
}

// names lists the presets there are.
func (p presets) names() []string {
	if p.files == nil {
		return nil
	}
	files, err := fs.Glob(p.files, "*.yaml")
	if err != nil {
		return nil
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".yaml")
	}
	return files
}
