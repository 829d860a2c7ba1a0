package apt

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A machine without apt is told so, at once.
func TestNoApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := Install(t.Context(), slog.New(slog.DiscardHandler), "chromium"); !errors.Is(err, ErrNoApt) {
		t.Errorf("got %v", err)
	}
}

// What fails at first is tried again, with fresh lists; what it says last is told.
func TestInstallTriesAgain(t *testing.T) {
	folder := t.TempDir()
	calls := filepath.Join(folder, "calls")
	script := "#!/bin/sh\necho \"$@\" >>" + calls + "\ncase \"$*\" in *update*) exit 0;; esac\n" +
		"[ \"$(grep -c install " + calls + ")\" -ge 2 ] && exit 0\necho the archive is away; exit 100\n"
	for name, text := range map[string]string{"apt-get": script, "sudo": "#!/bin/sh\nshift\nexec \"$@\"\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	var log strings.Builder
	if err := Install(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), "one", "two"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[2], " update") || !strings.HasSuffix(lines[3], " install --no-install-recommends one two") {
		t.Errorf("called:\n%s", text)
	}
	if !strings.Contains(log.String(), "apt-get: exit status 100: the archive is away") {
		t.Errorf("logged:\n%s", log.String())
	}
}

// Who wants something at once comes one after the other.
func TestQueue(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	release, err := Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, enough)
	defer cancel()
	if _, err := Queue(ctx); !errors.Is(err, enough) {
		t.Errorf("a second one in the queue: %v", err)
	}
	release()
	again, err := Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}
