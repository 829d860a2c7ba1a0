package schedule

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ordersync/internal/fault"
)

// holderFile keeps a daemon's holder id, and the lock that says that the daemon lives.
const holderFile = "holder"

// Holder returns the id under which the daemon of this state directory holds jobs and leases: the host's name and eight hex
// digits, the same after a restart, another one when the directory was copied to a host with another name. It also locks the
// directory until release is called or the process ends in whatever way; while a second process asks it is refused with a
// sentence, of the kind fault.Transient. A directory that cannot be used is fault.Config.
func Holder(stateDir string) (id string, release func() error, err error) {
	path := filepath.Join(stateDir, holderFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fault.Errorf(fault.Config, "the state directory %s does not exist: create it, or set state: in the configuration", stateDir)
	}
	if err != nil {
		return "", nil, fault.Errorf(fault.Config, "the state directory cannot be used: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return "", nil, errors.Join(inUse(f, stateDir, err), f.Close())
	}
	id, err = ownID(f)
	if err != nil {
		return "", nil, errors.Join(fault.Errorf(fault.Config, "the state directory cannot be used: %w", err), f.Close())
	}
	return id, f.Close, nil
}

// inUse names the process that has the lock.
func inUse(f *os.File, stateDir string, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fault.Errorf(fault.Config, "the state directory %s cannot be locked: %w", stateDir, err)
	}
	other := "another ordersyncd"
	if _, pid, ok := readHolder(f); ok {
		other += " (process " + pid + ")"
	}
	return fault.Errorf(fault.Transient, "%s runs on the state directory %s: stop it, or give this one a state: of its own", other, stateDir)
}

// ownID reads the id, or makes one where there is none that fits, and notes the process that has it now.
func ownID(f *os.File) (string, error) {
	host := hostName()
	id, _, ok := readHolder(f)
	if suffix, own := strings.CutPrefix(id, host+"-"); !ok || !own || strings.Contains(suffix, "-") {
		id = newID(host)
	}
	text := fmt.Sprintf("%s %d\n", id, os.Getpid())
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return "", err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return "", err
	}
	return id, f.Sync()
}

// readHolder returns the id and the process number that the file holds. A file that a crash left half written holds neither.
func readHolder(f *os.File) (id, pid string, ok bool) {
	content, err := io.ReadAll(io.NewSectionReader(f, 0, 256))
	if err != nil || !strings.HasSuffix(string(content), "\n") {
		return "", "", false
	}
	fields := strings.Fields(string(content))
	if len(fields) != 2 {
		return "", "", false
	}
	return fields[0], fields[1], true
}

// Guest returns a holder id for a process that lives for one command and has no state directory: the host's name and eight
// hex digits.
func Guest() string { return newID(hostName()) }

func newID(host string) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return host + "-" + hex.EncodeToString(random[:])
}

// hostName is the host's own short name, made fit for a key.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	name, _, _ = strings.Cut(name, ".")
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, name)
	if clean == "" {
		return "host"
	}
	return clean[:min(len(clean), 40)]
}
