package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"

	"ordersync/internal/apt"
)

// Where a browser or the font is missing, these packages are installed.
const (
	program = "chromium"
	font    = "fonts-noto-cjk"
)

// ErrNotFound is what Find answers when the machine has no browser of this kind.
var ErrNotFound = errors.New("no Chromium is on this machine")

// Find looks for Chromium or its kin on the PATH.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// Provide is [Find], and where the browser or a font for Chinese is missing it installs them: as root, or by a sudo that asks nothing.
// It tells log what it does.
func Provide(ctx context.Context, log *slog.Logger) (string, error) {
	if len(missing(ctx)) == 0 {
		return Find()
	}
	release, err := apt.Queue(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	packages := missing(ctx)
	if len(packages) == 0 {
		return Find()
	}
	if err := apt.Install(ctx, log, packages...); err != nil {
		return "", fmt.Errorf("%w, or no font for Chinese; to install them, type: %s (%w)", ErrNotFound, apt.Line(packages...), err)
	}
	return Find()
}

// missing lists the packages that the machine needs.
func missing(ctx context.Context) []string {
	var packages []string
	if _, err := Find(); err != nil {
		packages = append(packages, program)
	}
	if !hasFont(ctx) {
		packages = append(packages, font)
	}
	return packages
}

// hasFont asks the fonts themselves, and where their tool is missing, as on a bare machine, for the package.
func hasFont(ctx context.Context) bool {
	fonts, err := exec.CommandContext(ctx, "fc-list", ":lang=zh-cn", "family").Output()
	if err == nil && strings.TrimSpace(string(fonts)) != "" {
		return true
	}
	state, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f=${db:Status-Status}", font).Output()
	return err == nil && string(state) == "installed"
}
