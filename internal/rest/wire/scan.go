package wire

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// A lookup finds the values of a set of paths in one walk over a JSON object. Asking gjson for each path would read a record forty
// times, and would take the first of two equal keys without a word.
//
// Each path has a slot; the walk fills the slots of one object into a scratch. Paths that are more than keys joined by dots (an
// index into a list, gjson's queries and modifiers) are asked one by one.
type lookup struct {
	root  *level
	depth int // of levels
	plain map[string]int
	// asked are the paths beyond keys and dots, with their slots.
	asked []askedPath
	slots int
}

type askedPath struct {
	path string
	slot int
}

// level is one object inside the walk.
type level struct {
	keys map[string]*key
	// folds numbers the keys without regard to capitals: two keys of one object that differ in nothing else are a fault.
	folds map[string]int
	depth int
}

type key struct {
	slot  int // -1: only a way to deeper keys
	fold  int
	below *level // nil: nothing deeper is asked for
}

// scratch holds what one walk found. It is reused from record to record.
type scratch struct {
	values []gjson.Result
	// met counts the keys of each fold, per level of nesting.
	met [][]fold
}

type fold struct {
	count int
	exact bool
	told  bool
}

func newLookup() *lookup {
	return &lookup{root: newLevel(0), depth: 1, plain: map[string]int{}}
}

func newLevel(depth int) *level {
	return &level{keys: map[string]*key{}, folds: map[string]int{}, depth: depth}
}

// slot returns the slot of a path, which stands for the same value however often it is asked for.
func (l *lookup) slot(path string) int {
	if slot, ok := l.plain[path]; ok {
		return slot
	}
	slot := l.slots
	l.slots++
	l.plain[path] = slot
	keys, ok := splitPath(path)
	if !ok {
		l.asked = append(l.asked, askedPath{path: path, slot: slot})
		if first, _, deeper := strings.Cut(path, "."); deeper {
			if keys, plain := splitPath(first); plain {
				l.root.add(keys[0]) // no value of it is wanted, only to know when it stands there twice
			}
		}
		return slot
	}
	at := l.root
	for i, name := range keys {
		k := at.add(name)
		if i == len(keys)-1 {
			k.slot = slot
			break
		}
		if k.below == nil {
			k.below = newLevel(at.depth + 1)
			l.depth = max(l.depth, at.depth+2)
		}
		at = k.below
	}
	return slot
}

func (l *level) add(name string) *key {
	if k := l.keys[name]; k != nil {
		return k
	}
	folded := strings.ToLower(name)
	number, ok := l.folds[folded]
	if !ok {
		number = len(l.folds)
		l.folds[folded] = number
	}
	k := &key{slot: -1, fold: number}
	l.keys[name] = k
	return k
}

// splitPath cuts a path of keys and dots; ok is false for one that only gjson understands.
func splitPath(path string) (keys []string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; c {
		case '\\':
			if i++; i == len(path) {
				return nil, false
			}
			b.WriteByte(path[i])
		case '.':
			keys = append(keys, b.String())
			b.Reset()
		case '#', '@', '*', '?', '|', '!', '{', '[', '(', ')':
			return nil, false
		default:
			b.WriteByte(c)
		}
	}
	keys = append(keys, b.String())
	for _, name := range keys {
		if name == "" || strings.Trim(name, "0123456789") == "" {
			return nil, false // nothing, or perhaps an index into a list
		}
	}
	return keys, true
}

func (l *lookup) scratch() *scratch {
	return &scratch{values: make([]gjson.Result, l.slots), met: make([][]fold, l.depth)}
}

// walk fills the scratch from an object. It fails when one of the keys that matter stands there twice, also in other capitals; what
// such a key says is then left out, all else is there.
func (l *lookup) walk(object gjson.Result, s *scratch) error {
	clear(s.values)
	for _, a := range l.asked {
		s.values[a.slot] = object.Get(a.path)
	}
	return l.root.walk(object, s)
}

func (l *level) walk(object gjson.Result, s *scratch) error {
	met := s.met[l.depth]
	if cap(met) < len(l.folds) {
		met = make([]fold, len(l.folds))
		s.met[l.depth] = met
	}
	met = met[:len(l.folds)]
	clear(met)
	var failure error
	object.ForEach(func(name, value gjson.Result) bool {
		k := l.keys[name.Str]
		number, known := l.number(k, name.Str)
		if !known {
			return true
		}
		f := &met[number]
		f.count++
		f.exact = f.exact || k != nil
		switch {
		case f.told:
		case f.count > 1 && f.exact:
			f.told = true
			failure = cmp.Or(failure, l.twice(number, s))
		case k != nil:
			failure = cmp.Or(k.take(value, s), failure)
		}
		return true
	})
	return failure
}

// number is the fold of a key, k, or of a name that may be a key in other capitals.
func (l *level) number(k *key, name string) (number int, known bool) {
	if k != nil {
		return k.fold, true
	}
	number, known = l.folds[strings.ToLower(name)]
	return number, known
}

// twice leaves out what the keys of a fold said, because nobody knows which of them is meant.
func (l *level) twice(number int, s *scratch) error {
	for _, k := range l.keys {
		if k.fold == number && k.slot >= 0 {
			s.values[k.slot] = gjson.Result{}
		}
	}
	return fmt.Errorf("the key %s stands there twice", spell(l, number))
}

// spell names a fold by its own key, never by what the remote wrote.
func spell(l *level, number int) string {
	least := ""
	for name, k := range l.keys {
		if k.fold == number && (least == "" || name < least) {
			least = name
		}
	}
	return fmt.Sprintf("%q", least)
}

func (k *key) take(value gjson.Result, s *scratch) error {
	if k.slot >= 0 {
		s.values[k.slot] = value
	}
	if k.below == nil {
		return nil
	}
	switch {
	case value.IsObject():
		return k.below.walk(value, s)
	case value.Type == gjson.Null:
		k.below.empty(value, s)
	}
	return nil
}

// empty gives everything below a null that null: the remote named it and left it empty.
func (l *level) empty(null gjson.Result, s *scratch) {
	for _, k := range l.keys {
		if k.slot >= 0 {
			s.values[k.slot] = null
		}
		if k.below != nil {
			k.below.empty(null, s)
		}
	}
}

// first returns the first of the slots that is there and not null, else a null if there is one, else what does not exist.
func (s *scratch) first(slots []int) gjson.Result {
	var found gjson.Result
	for _, slot := range slots {
		value := &s.values[slot]
		if value.Type != gjson.Null {
			return *value
		}
		if value.Raw != "" {
			found = *value
		}
	}
	return found
}

// depthOf is how deep objects and lists are nested in a JSON text, which need not be valid. It needs no stack, unlike those who
// come after it.
func depthOf(text string) int {
	depth, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}
