package mariadb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"ordersync/internal/apt"
)

// core is the Debian package with the server program and nothing else: no service, no account, no daemon.
const core = "mariadb-server-core"

// Remedy is the one line to type where the server cannot be provided.
const Remedy = "sudo apt-get install --no-install-recommends " + core

// Provide is [Find], and where that finds nothing brings the package mariadb-server-core: as root or by a sudo that asks nothing,
// else unpacked into the user's cache folder. It tells log what it does. Processes that start at once wait for each other.
func Provide(ctx context.Context, log *slog.Logger) (Binary, error) {
	if b, err := Find(); err == nil {
		return b, nil
	}
	release, err := apt.Queue(ctx)
	if err != nil {
		return Binary{}, err
	}
	defer release()
	if b, err := Find(); err == nil {
		return b, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return Binary{}, fmt.Errorf("%w, and it can be fetched on Debian and its kin alone: install MariaDB or MySQL, "+
			"or set ORDERSYNC_TEST_DSN to a server", ErrNotFound)
	}
	var failures []error
	for _, way := range []func(context.Context, *slog.Logger) error{install, unpack} {
		err := way(ctx, log)
		if err == nil {
			var b Binary
			if b, err = Find(); err == nil {
				return b, nil
			}
		}
		if ctx.Err() != nil {
			return Binary{}, err
		}
		failures = append(failures, err)
	}
	return Binary{}, fmt.Errorf("%w; to install it, type: %s (%w)", ErrNotFound, Remedy, errors.Join(failures...))
}

func install(ctx context.Context, log *slog.Logger) error { return apt.Install(ctx, log, core) }

// unpackedRoot is the folder that holds the unpacked package.
func unpackedRoot() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "ordersync", core), nil
}

// unpacked returns the program that was unpacked in root.
func unpacked(root string) (Binary, bool) {
	path := filepath.Join(root, "usr", "sbin", "mariadbd")
	if _, err := os.Stat(path); err != nil {
		return Binary{}, false
	}
	var libraries []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib"} {
		if found, err := filepath.Glob(filepath.Join(root, pattern)); err == nil {
			libraries = append(libraries, found...)
		}
	}
	return Binary{Path: path, Libraries: strings.Join(libraries, string(filepath.ListSeparator))}, true
}

// unpack fetches the package with those of its libraries that the machine lacks, and unpacks them: no root anywhere. The folder
// gets its name when it is complete.
func unpack(ctx context.Context, log *slog.Logger) error {
	root, err := unpackedRoot()
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "unpacking a database server", "package", core, "folder", root)
	if err := os.MkdirAll(filepath.Dir(root), 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(root), "unpacking-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	target := filepath.Join(work, "root")
	packages := filepath.Join(work, "packages")
	for _, dir := range []string{target, packages, filepath.Join(work, "lists", "partial"), filepath.Join(work, "cache", "archives", "partial")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// The machine's own lists do where it has them; else lists of our own are fetched.
	if err := download(ctx, packages, nil); err != nil {
		own := []string{
			"-o", "Dir::State::Lists=" + filepath.Join(work, "lists"), "-o", "Dir::Cache=" + filepath.Join(work, "cache"),
			"-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=",
		}
		if _, updateErr := run(ctx, exec.Command("apt-get", append(own, "-q", "update")...), nil); updateErr != nil {
			return errors.Join(err, updateErr)
		}
		if err := download(ctx, packages, own); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(packages, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := run(ctx, exec.Command("dpkg-deb", "-x", file, target), nil); err != nil {
			return err
		}
	}
	b, ok := unpacked(target)
	if !ok {
		return fmt.Errorf("the package %s holds no mariadbd", core)
	}
	if _, err := run(ctx, b.command("--no-defaults", "--version"), nil); err != nil {
		return fmt.Errorf("the unpacked server does not run: %w", err)
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(target, root)
}

// download fetches the package and its missing libraries into dir.
func download(ctx context.Context, dir string, options []string) error {
	depends, err := run(ctx, exec.Command("apt-cache", append(slices.Clip(options), "depends", "--no-recommends",
		"--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", core)...), nil)
	if err != nil {
		return err
	}
	args := append(slices.Clip(options), "-q", "download", core)
	for line := range strings.Lines(depends) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: ")
		if !ok || !strings.HasPrefix(name, "lib") || strings.ContainsAny(name, "<>") {
			continue
		}
		state, err := run(ctx, exec.Command("dpkg-query", "-W", "-f=${db:Status-Status}", name), nil)
		if err != nil || strings.TrimSpace(state) != "installed" {
			args = append(args, name)
		}
	}
	cmd := exec.Command("apt-get", args...)
	cmd.Dir = dir
	_, err = run(ctx, cmd, nil)
	return err
}
