package mariadb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Binary is a server program on this machine.
type Binary struct {
	// Path is mariadbd or mysqld.
	Path string
	// Libraries are the folders of libraries that the system does not have, joined as LD_LIBRARY_PATH is; mostly empty.
	Libraries string
}

// ErrNotFound is what Find answers when the machine has no server program.
var ErrNotFound = errors.New("neither mariadbd nor mysqld is on this machine")

// Find looks for a server program on this machine: on the PATH, in the usual folders (sbin is often not on a user's PATH), and
// where Provide unpacks one.
func Find() (Binary, error) {
	folders := append(filepath.SplitList(os.Getenv("PATH")),
		"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/usr/libexec", "/usr/local/mysql/bin", "/opt/homebrew/bin")
	for _, name := range []string{"mariadbd", "mysqld"} {
		for _, folder := range folders {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return Binary{Path: path}, nil
			}
		}
	}
	if root, err := unpackedRoot(); err == nil {
		if b, ok := unpacked(root); ok {
			return b, nil
		}
	}
	return Binary{}, ErrNotFound
}

// command is a call of the program. Everything that it prints is thrown away unless the caller says otherwise.
func (b Binary) command(args ...string) *exec.Cmd {
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	if dir := b.messages(); dir != "" {
		args = append(args, "--lc-messages-dir="+dir)
	}
	cmd := exec.Command(b.Path, args...)
	cmd.Dir = "/"
	cmd.Env = b.environment()
	return cmd
}

func (b Binary) environment() []string {
	env := os.Environ()
	if b.Libraries != "" {
		env = append(env, "LD_LIBRARY_PATH="+b.Libraries)
	}
	return env
}

// shares are the folders in which the program's own files may lie.
func (b Binary) shares() []string {
	prefix := filepath.Dir(filepath.Dir(b.Path))
	return []string{
		filepath.Join(prefix, "share", "mysql"), filepath.Join(prefix, "share", "mariadb"), filepath.Join(prefix, "share"),
		"/usr/share/mysql", "/usr/share/mariadb", "/usr/local/share/mysql",
	}
}

// messages is where the program finds its error texts when it does not lie where it was built for.
func (b Binary) messages() string {
	if b.Libraries == "" {
		return ""
	}
	for _, share := range b.shares() {
		if _, err := os.Stat(filepath.Join(share, "english", "errmsg.sys")); err == nil {
			return share
		}
	}
	return ""
}

// systemTables returns the statements that make the system tables, as they lie beside the program.
func (b Binary) systemTables() ([]byte, error) {
	for _, share := range b.shares() {
		for _, brand := range []string{"mysql", "mariadb"} {
			tables, err := os.ReadFile(filepath.Join(share, brand+"_system_tables.sql"))
			if err != nil {
				continue
			}
			rows, err := os.ReadFile(filepath.Join(share, brand+"_system_tables_data.sql"))
			if err != nil {
				continue
			}
			return bytes.Join([][]byte{[]byte("create database mysql;\nuse mysql;"), tables, rows, nil}, []byte("\n")), nil
		}
	}
	return nil, fmt.Errorf("%s lies without the files of its system tables", b.Path)
}

// makeTables fills an empty data folder. First the way that needs nothing but the program and its files, then the script of
// MariaDB, and for MySQL its own way.
func makeTables(ctx context.Context, b Binary, f *folder) error {
	data, tmp := f.data(), "--tmpdir="+f.tmp()
	version, err := run(ctx, b.command("--no-defaults", "--version"), nil)
	if err != nil {
		return err
	}
	if !strings.Contains(version, "MariaDB") {
		_, err := run(ctx, b.command("--no-defaults", "--initialize-insecure", "--datadir="+data, tmp), nil)
		return err
	}
	statements, err := b.systemTables()
	if err == nil {
		_, err = run(ctx, b.command("--no-defaults", "--bootstrap", "--datadir="+data, tmp, "--log-warnings=0",
			"--enforce-storage-engine=", "--max-allowed-packet=8M", "--innodb-log-file-size=16M"), statements)
		if err == nil {
			return nil
		}
	}
	script, lookErr := exec.LookPath("mariadb-install-db")
	if lookErr != nil {
		return err
	}
	if cleanErr := empty(data); cleanErr != nil {
		return errors.Join(err, cleanErr)
	}
	args := []string{
		"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
		"--innodb-log-file-size=16M", "--force",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	cmd := exec.Command(script, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+f.tmp())
	if _, scriptErr := run(ctx, cmd, nil); scriptErr != nil {
		return errors.Join(err, scriptErr)
	}
	return nil
}

// empty removes what lies in a folder.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command that ends by itself, kills it when ctx ends or we die, and returns what it printed. The error holds the last
// lines of that.
func run(ctx context.Context, cmd *exec.Cmd, input []byte) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if input != nil {
		cmd.Stdin = bytes.NewReader(input)
	}
	name := filepath.Base(cmd.Path)
	p, err := startProcess(cmd)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-p.ended
		return "", fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	if p.err != nil {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return out.String(), fmt.Errorf("%s: %w: %s", name, p.err, strings.Join(lines[max(0, len(lines)-4):], " | "))
	}
	return out.String(), nil
}
