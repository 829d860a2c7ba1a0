package decode

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ordersync/internal/config/document"
)

// longestSecret bounds what is read of a credential's file.
const longestSecret = 64 << 10

var (
	credentialName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$`)
	variableName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

var (
	errEmptyFile = errors.New("empty")
	errLongFile  = errors.New("too long")
)

// expand replaces the references in a scalar; $${ stands for ${. Only a secret may come from a credential or a file: a text that
// is no secret is printed freely.
func (d *Decoder) expand(n *document.Node, at document.Path, secret bool) (string, bool) {
	var out strings.Builder
	rest, good := n.Text, true
	for {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			out.WriteString(rest)
			return out.String(), good
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before[:len(before)-1] + "${")
			rest = after
			continue
		}
		reference, tail, closed := strings.Cut(after, "}")
		if !closed {
			d.MistakeAt(n, at, "reference-open", last(at))
			return "", false
		}
		out.WriteString(before)
		text, ok := d.resolve(n, at, reference, secret)
		out.WriteString(text)
		rest, good = tail, good && ok
	}
}

// resolve returns what one reference stands for.
func (d *Decoder) resolve(n *document.Node, at document.Path, reference string, secret bool) (string, bool) {
	scheme, name, special := strings.Cut(reference, ":")
	switch {
	case !special:
		return d.variable(n, at, reference)
	case scheme != "credential" && scheme != "file":
		d.MistakeAt(n, at, "reference-kind", last(at))
	case !secret:
		d.MistakeAt(n, at, "reference-place", last(at), scheme)
	case scheme == "credential":
		return d.credential(n, at, name)
	default:
		return d.readFile(n, at, name)
	}
	return "", false
}

func (d *Decoder) variable(n *document.Node, at document.Path, name string) (string, bool) {
	if !variableName.MatchString(name) {
		d.MistakeAt(n, at, "reference-name", last(at))
		return "", false
	}
	text := d.options.Getenv(name)
	if text == "" {
		d.MistakeAt(n, at, "variable-missing", name)
		return "", false
	}
	return text, true
}

// credential reads a credential from the first folder that has it.
func (d *Decoder) credential(n *document.Node, at document.Path, name string) (string, bool) {
	if !credentialName.MatchString(name) {
		d.MistakeAt(n, at, "credential-name", last(at))
		return "", false
	}
	for _, dir := range d.options.Credentials {
		text, mode, err := readCredential(dir, name)
		switch {
		case err == nil:
			d.checkMode(at, filepath.Join(dir, name), mode)
			return text, true
		case !errors.Is(err, fs.ErrNotExist):
			d.unreadable(n, at, filepath.Join(dir, name), err)
			return "", false
		}
	}
	d.MistakeAt(n, at, "credential-missing", name, strings.Join(d.options.Credentials, " or "))
	return "", false
}

// readCredential reads name inside dir and nowhere else, whatever links say.
func readCredential(dir, name string) (string, fs.FileMode, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = root.Close() }()
	stat, err := root.Stat(name)
	if err != nil {
		return "", 0, err
	}
	text, err := readSecret(stat, func() ([]byte, error) { return root.ReadFile(name) })
	return text, stat.Mode(), err
}

// readFile reads ${file:PATH}; a relative path begins at the configuration's folder.
func (d *Decoder) readFile(n *document.Node, at document.Path, name string) (string, bool) {
	if name == "" {
		d.MistakeAt(n, at, "reference-name", last(at))
		return "", false
	}
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(d.options.Base, file)
	}
	stat, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		d.MistakeAt(n, at, "file-missing", file)
		return "", false
	}
	var text string
	if err == nil {
		text, err = readSecret(stat, func() ([]byte, error) { return os.ReadFile(file) })
	}
	if err != nil {
		d.unreadable(n, at, file, err)
		return "", false
	}
	d.checkMode(at, file, stat.Mode())
	return text, true
}

// readSecret reads a file whose size and kind are checked first, and trims the line end that editors leave.
func readSecret(stat fs.FileInfo, read func() ([]byte, error)) (string, error) {
	if !stat.Mode().IsRegular() {
		return "", fs.ErrInvalid
	}
	if stat.Size() > longestSecret {
		return "", errLongFile
	}
	text, err := read()
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(strings.TrimPrefix(string(text), "\ufeff"), "\r\n")
	if secret == "" {
		return "", errEmptyFile
	}
	return secret, nil
}

// unreadable reports a file that is there and of no use.
func (d *Decoder) unreadable(n *document.Node, at document.Path, file string, err error) {
	switch {
	case errors.Is(err, errEmptyFile):
		d.MistakeAt(n, at, "file-empty", file)
	case errors.Is(err, errLongFile):
		d.MistakeAt(n, at, "file-long", file)
	case errors.Is(err, fs.ErrPermission):
		d.MistakeAt(n, at, "file-permission", file)
	default:
		d.MistakeAt(n, at, "file-unreadable", file)
	}
}

// checkMode warns of a file that every account of the machine may read or change.
func (d *Decoder) checkMode(at document.Path, file string, mode fs.FileMode) {
	if mode.Perm()&0o007 != 0 {
		d.Warning(at, "file-open", file)
	}
}
