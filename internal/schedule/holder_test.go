package schedule_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ordersync/internal/fault"
	"ordersync/internal/schedule"
)

var holderID = regexp.MustCompile(`^[a-z0-9_-]{1,40}-[0-9a-f]{8}$`)

func TestHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, release, err := schedule.Holder(dir)
	if err != nil || !holderID.MatchString(id) {
		t.Fatalf("Holder = %q, %v", id, err)
	}
	_, _, err = schedule.Holder(dir)
	want := "another ordersyncd (process " + strconv.Itoa(os.Getpid()) + ") runs on the state directory " + dir +
		": stop it, or give this one a state: of its own"
	if err == nil || err.Error() != want || fault.KindOf(err) != fault.Transient {
		t.Errorf("a second process is told: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, release, err := schedule.Holder(dir)
	if err != nil || again != id {
		t.Errorf("after a restart: %q, %v, before it was %q", again, err, id)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "holder")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", st.Mode(), err)
	}
}

// TestHolderAnew: what is not this host's own id is replaced: of another host whose disk was copied, half written, or nothing.
func TestHolderAnew(t *testing.T) {
	t.Parallel()
	own := schedule.Guest()
	for name, test := range map[string]struct {
		content string
		kept    bool
	}{
		"own":          {own + " 4711\n", true},
		"other host":   {"x" + own + " 4711\n", false},
		"longer name":  {own + "-12345678 4711\n", false},
		"half written": {own[:5], false},
		"no newline":   {own + " 47", false},
		"empty":        {"", false},
		"garbage":      {strings.Repeat("\x00", 4096), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "holder"), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			id, release, err := schedule.Holder(dir)
			if err != nil || !holderID.MatchString(id) || (id == own) != test.kept {
				t.Fatalf("Holder = %q, %v", id, err)
			}
			if err := release(); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(dir, "holder"))
			if want := id + " " + strconv.Itoa(os.Getpid()) + "\n"; err != nil || string(content) != want {
				t.Errorf("the file holds %q, %v", content, err)
			}
		})
	}
}

func TestHolderRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := schedule.Holder(filepath.Join(dir, "none")); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("without a directory: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "holder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := schedule.Holder(dir); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("with a directory in the file's place: %v", err)
	}
}

func TestGuest(t *testing.T) {
	t.Parallel()
	one, two := schedule.Guest(), schedule.Guest()
	if one == two || !holderID.MatchString(one) {
		t.Errorf("guests %q and %q", one, two)
	}
}
