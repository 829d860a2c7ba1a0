// Package apt brings packages of Debian and its kin to a machine that lacks them: for the demo and for tests only.
//
// It asks nobody anything: it works as root or by a sudo that needs no password, and says so where it may do neither. Processes that
// want something at once wait for each other.
package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const apt = "apt-get"

// ErrNoApt says that the machine is not of Debian's kin.
var ErrNoApt = errors.New("packages can be fetched on Debian and its kin alone")

// Line is what a person types to install packages.
func Line(packages ...string) string {
	return "sudo apt-get install --no-install-recommends " + strings.Join(packages, " ")
}

// Queue waits for other processes of this account that provide something, too.
func Queue(ctx context.Context) (release func(), err error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("ordersync-provide-%d.lock", os.Geteuid()))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		case <-tick.C:
		}
	}
	return func() { _ = file.Close() }, nil
}

// Install installs packages and tells log what it does. Another installation may be running, and a fresh machine has no lists: hence the
// lock's timeout, the update and the repeats.
func Install(ctx context.Context, log *slog.Logger, packages ...string) error {
	if _, err := exec.LookPath(apt); err != nil {
		return ErrNoApt
	}
	line, err := privileged(ctx)
	if err != nil {
		return err
	}
	line = append(line, "env", "DEBIAN_FRONTEND=noninteractive", apt, "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3")
	log.InfoContext(ctx, "installing packages", "packages", packages)
	for attempt := range 4 {
		if attempt > 0 {
			log.InfoContext(ctx, "installing them did not work, trying again", "packages", packages, "error", err)
			if waitErr := wait(ctx, time.Duration(attempt)*2*time.Second); waitErr != nil {
				return waitErr
			}
		}
		// A failed update of one of several lists may not matter; the installation tells.
		updateErr := run(ctx, append(slices.Clip(line), "update"))
		install := append(slices.Clip(line), "install", "--no-install-recommends")
		if err = run(ctx, append(install, packages...)); err == nil {
			return nil
		}
		err = errors.Join(err, updateErr)
	}
	return err
}

// privileged returns what a command line of root's begins with.
func privileged(ctx context.Context) ([]string, error) {
	if os.Geteuid() == 0 {
		return nil, nil
	}
	if err := run(ctx, []string{"sudo", "-n", "true"}); err != nil {
		return nil, errors.New("this account is not root and may not use sudo without a password")
	}
	return []string{"sudo", "-n"}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// run runs a command; the error holds the last lines of what it printed.
func run(ctx context.Context, line []string) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		name := line[0]
		if slices.Contains(line, apt) {
			name = apt
		}
		return fmt.Errorf("%s: %w: %s", name, err, strings.Join(lines[max(0, len(lines)-4):], " | "))
	}
	return nil
}
