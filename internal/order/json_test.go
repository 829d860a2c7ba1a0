package order

import "testing"

// TestCanonicalFlat: the short way takes what it is made for, and refuses what the long one must do.
func TestCanonicalFlat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"zip":"1","city":"Köln"}`:                               `{"city":"Köln","zip":"1"}`,
		" {\t\"b\" :\r\n-1.50 , \"a\":null,\"c\":true,\"d\":0 } ": `{"a":null,"b":-1.50,"c":true,"d":0}`,
		`{}`: `{}`, `{ }`: `{}`, `{"a":"<é>&"}`: `{"a":"<é>&"}`, `{"":""}`: `{"":""}`, `{"a!":1,"a":2}`: `{"a":2,"a!":1}`,
		`{"a":1,"a":2}`: "", `{"a":[1]}`: "", `{"a":{}}`: "", `{"a":"\n"}`: "", `{"a":1e3}`: "", `{"a":01}`: "", `{"a":1.}`: "", `{"a":-}`: "",
		`{"a":1`: "", `{"a":1,}`: "", `{"a"}`: "", `{a:1}`: "", `[1]`: "", `"x"`: "", ``: "", `{"a":1} x`: "", "{\"a\":\"\u2028\"}": "", "{\"a\":\"\xff\"}": "",
		"{\"a\":\"\n\"}": "", `{"a":nul}`: "",
	} {
		if got, ok := canonicalFlat(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, ok, want)
		}
	}
}

// FuzzCanonicalJSON: both ways come to the same, and what is canonical stays as it is.
func FuzzCanonicalJSON(f *testing.F) {
	for _, text := range []string{
		`{"zip":"1","city":"Köln"}`, `{"b":[1,{"x":"\u00e9"}],"a":-1.5e3}`, `{"a":1,"a":2}`, `[]`, `"x"`, `{"a":0.10,"b":true}`, "{\"a\":\"\u2028<\x7f\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		slow, err := canonicalAny(string(text))
		if fast, ok := canonicalFlat(string(text)); ok && (err != nil || fast != slow) {
			t.Fatalf("%q: %q in the short way, %q and %v in the long one", text, fast, slow, err)
		}
		if err != nil {
			return
		}
		if again, err := CanonicalJSON([]byte(slow)); err != nil || again != slow {
			t.Fatalf("%q: %q becomes %q, %v", text, slow, again, err)
		}
	})
}
