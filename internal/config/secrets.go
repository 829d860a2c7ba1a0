package config

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// Secrets are the texts of all secrets of the file, and of what stands inside them (the password of a connection line, the key in an
// address), for those who take them out of other texts. User names and addresses that are masked for caution alone are not among them.
func (c *Config) Secrets() []string {
	known := map[string]bool{}
	var list []string
	add := func(text string) {
		if text != "" && !known[text] {
			known[text] = true
			list = append(list, text)
		}
	}
	eachSecret(reflect.ValueOf(c).Elem(), false, func(text string, plain bool) {
		if !plain || isKey(text) {
			add(text)
		}
		for _, part := range secretParts(text) {
			add(part)
		}
	})
	return list
}

// eachSecret calls found with the text of each secret inside a value; plain says that it is no secret in itself.
func eachSecret(v reflect.Value, plain bool, found func(text string, plain bool)) {
	if secret, ok := reflect.TypeAssert[Secret](v); ok {
		found(secret.Reveal(), plain)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachSecret(v.Elem(), plain, found)
		}
	case reflect.Struct:
		for field, held := range v.Fields() {
			if field.IsExported() {
				eachSecret(held, field.Tag.Get("plain") != "", found)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachSecret(v.Index(i), plain, found)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachSecret(v.MapIndex(key), plain, found)
		}
	}
}

// shortestKey is how long a text must be to be taken for a key where it could be a name.
const shortestKey = 12

var (
	// keyLike is a text in one piece with a digit in it.
	keyLike = regexp.MustCompile(`^[A-Za-z0-9_.~-]*[0-9][A-Za-z0-9_.~-]*$`)
	// schemed is a secret behind the name of its scheme, as a header has it.
	schemed = regexp.MustCompile(`^[A-Za-z]+ +([^ ]+)$`)
	// connection is a line of go-sql-driver/mysql: its password reaches to the last @.
	connection = regexp.MustCompile(`^[^:@/]*:(.*)@[^@]*/[^@/]*$`)
)

// secretParts are the secrets inside a secret.
func secretParts(text string) []string {
	if m := schemed.FindStringSubmatch(text); m != nil {
		return []string{m[1]}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		if m := connection.FindStringSubmatch(text); m != nil {
			return []string{m[1]}
		}
		return nil
	}
	password, _ := u.User.Password()
	parts := []string{password}
	candidates := append(strings.Split(u.Path, "/"), u.User.Username(), u.Fragment)
	for _, values := range u.Query() {
		candidates = append(candidates, values...)
	}
	for _, part := range candidates {
		if isKey(part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// isKey tells what a machine made from what a person chose to call something.
func isKey(text string) bool { return len(text) >= shortestKey && keyLike.MatchString(text) }
