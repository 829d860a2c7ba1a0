package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ordersync/internal/fault"
	"ordersync/internal/seal"
)

func keyset(t *testing.T) string {
	t.Helper()
	text, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func box(t *testing.T, keyset string) *seal.Box {
	t.Helper()
	b, err := seal.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	b := box(t, keyset(t))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		source, column := rapid.String().Draw(t, "source"), rapid.String().Draw(t, "column")
		sealed, err := b.Seal(plain, source, column)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Seal(plain, source, column)
		if err != nil || bytes.Equal(sealed, again) {
			t.Fatalf("the same text is sealed to the same bytes twice (%v)", err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, plain) {
			t.Fatal("the sealed text shows the plain one")
		}
		opened, err := b.Open(sealed, source, column)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened %q of %q: %v", opened, plain, err)
		}
	})
}

// What is sealed opens with its key, in its place and unchanged, and not otherwise.
func TestDoesNotOpen(t *testing.T) {
	t.Parallel()
	const secret = "6201a2b3c4d5e6f7-the-token"
	b := box(t, keyset(t))
	sealed, err := b.Seal([]byte(secret), "shop", "tokens.access")
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for _, c := range []struct {
		name           string
		box            *seal.Box
		sealed         []byte
		source, column string
	}{
		{"another key", box(t, keyset(t)), sealed, "shop", "tokens.access"},
		{"another source", b, sealed, "other", "tokens.access"},
		{"another column", b, sealed, "shop", "tokens.refresh"},
		{"a border that moved", b, sealed, "shop 13:tokens.access", ""},
		{"a changed bit", b, changed, "shop", "tokens.access"},
		{"a cut end", b, sealed[:len(sealed)-1], "shop", "tokens.access"},
		{"nothing", b, nil, "shop", "tokens.access"},
		{"a plain text", b, []byte(secret), "shop", "tokens.access"},
	} {
		opened, err := c.box.Open(c.sealed, c.source, c.column)
		if !errors.Is(err, seal.ErrOtherKey) || fault.KindOf(err) != fault.Config || opened != nil {
			t.Errorf("%s: opened %q, %v", c.name, opened, err)
		}
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: the error shows the secret: %v", c.name, err)
		}
	}
	if opened, err := b.Open(sealed, "shop", "tokens.access"); err != nil || string(opened) != secret {
		t.Errorf("in its place: %q, %v", opened, err)
	}
}

func TestKeysets(t *testing.T) {
	t.Parallel()
	text := keyset(t)
	json, err := base64.StdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, " \r\n") {
		t.Fatalf("a keyset is one line of base64: %v", err)
	}
	if another := keyset(t); another == text {
		t.Error("two keysets are the same")
	}
	sealed, err := box(t, text).Seal([]byte("x"), "shop", "c")
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{
		"as it is": text, "with line ends": text[:20] + "\r\n" + text[20:] + "\n", "as JSON": string(json), "as JSON with blanks": "\n " + string(json) + "\n",
	} {
		if opened, err := box(t, form).Open(sealed, "shop", "c"); err != nil || string(opened) != "x" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, form := range map[string]string{
		"nothing": "", "blanks": " \n", "a password": "correct horse battery staple", "half of one": text[:len(text)/2], "a key of another kind": `{"key":1}`,
		"no keys": `{"primaryKeyId":1,"key":[]}`, "no primary": strings.Replace(string(json), "primaryKeyId", "primary", 1),
	} {
		b, err := seal.New(form)
		if fault.KindOf(err) != fault.Config || b != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(form) > 4 && strings.Contains(fmt.Sprint(err), form[len(form)/2:]) {
			t.Errorf("%s: the error quotes it: %v", name, err)
		}
	}
}

// A box that is printed by mistake shows no key.
func TestPrintsNoKey(t *testing.T) {
	t.Parallel()
	text := keyset(t)
	json, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(json), `"value":"`)
	key, _, found := strings.Cut(key, `"`)
	if !found || len(key) < 40 {
		t.Fatalf("found no key in the keyset")
	}
	printed := fmt.Sprintf("%v %+v %#v", box(t, text), box(t, text), *box(t, text))
	if strings.Contains(printed, key) || strings.Contains(printed, text) {
		t.Error("a printed box shows its key")
	}
}
