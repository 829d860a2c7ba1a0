package mariadb

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	folderPrefix = "ordersync-db-"
	lockSuffix   = ".lock"
	// longestBase leaves room below the 107 bytes that a socket's path may have.
	longestBase = 70
)

// folder is a server's own folder, and beside it a file that is locked as long as the process that owns the folder lives.
type folder struct {
	path string
	lock *os.File
}

func (f *folder) data() string { return filepath.Join(f.path, "data") }

// tmp is the server's own folder for temporary tables: a server that starts deletes those of all servers that share one.
func (f *folder) tmp() string     { return filepath.Join(f.path, "tmp") }
func (f *folder) log() string     { return filepath.Join(f.path, "err.log") }
func (f *folder) pidFile() string { return filepath.Join(f.path, "pid") }

// newFolder makes a folder below base, and removes those of dead owners there.
func newFolder(base string) (*folder, error) {
	if base == "" {
		base = os.TempDir()
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, err
	}
	if len(base) > longestBase {
		base = "/tmp"
	}
	sweep(base)
	for range 100 {
		lock, err := os.CreateTemp(base, folderPrefix+"*"+lockSuffix)
		if err != nil {
			return nil, err
		}
		// A sweep may have taken the file between these two steps; then another name is tried.
		if !locked(lock) {
			_ = lock.Close()
			continue
		}
		f := &folder{path: strings.TrimSuffix(lock.Name(), lockSuffix), lock: lock}
		for _, dir := range []string{f.path, f.data(), f.tmp()} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return nil, errors.Join(err, f.remove())
			}
		}
		return f, nil
	}
	return nil, fmt.Errorf("no free name in %s", base)
}

// locked locks a lock file and reports whether it is ours now and still the one of its name.
func locked(file *os.File) bool {
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false
	}
	ours, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Name())
	return err == nil && os.SameFile(ours, named)
}

// remove deletes the folder, then the lock file.
func (f *folder) remove() error {
	return errors.Join(os.RemoveAll(f.path), os.Remove(f.lock.Name()), f.lock.Close())
}

// sweep removes the folders whose owner is dead. What it may not or cannot remove stays for somebody else.
func sweep(base string) {
	locks, err := filepath.Glob(filepath.Join(base, folderPrefix+"*"+lockSuffix))
	if err != nil {
		return
	}
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if locked(lock) && os.RemoveAll(strings.TrimSuffix(path, lockSuffix)) == nil {
			_ = os.Remove(path)
		}
		_ = lock.Close()
	}
}

// guard is a process that outlives us just long enough to remove the folder. It waits for the end of its input, which comes when
// the last copy of leash is closed: by release, or by the kernel when we die.
type guard struct {
	cmd   *exec.Cmd
	leash *os.File
}

// guardScript gets the folder as $1. The server dies by the kernel's hand; where there is none of that, by its pid file.
const guardScript = `
trap '' INT TERM HUP
read -r _
test -f "$1/pid" && kill -9 "$(cat "$1/pid")" 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	rm -rf "$1" 2>/dev/null && break
	sleep 0.2
done
test -e "$1" || rm -f "$1` + lockSuffix + `"
`

func startGuard(f *folder) (*guard, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", f.path)
	cmd.Stdin = read
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	return &guard{cmd: cmd, leash: write}, read.Close()
}

// release lets the guard go, after the folder is gone, and waits for it.
func (g *guard) release() error {
	if err := g.leash.Close(); err != nil {
		return err
	}
	// How the guard ended says nothing: its last test fails where there is nothing left to do.
	if err := g.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return err
		}
	}
	return nil
}
