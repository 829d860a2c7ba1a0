package demo_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingOutlivesTheDemo ends a running demo in its middle, politely and not, and looks for processes and folders.
func TestNothingOutlivesTheDemo(t *testing.T) {
	t.Parallel()
	program := build(t)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		status int
	}{
		{"Ctrl-C", syscall.SIGINT, 130},
		{"kill -9", syscall.SIGKILL, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			cmd := exec.CommandContext(t.Context(), program, "demo")
			cmd.Env = append(os.Environ(), "TMPDIR="+folder)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			readUntil(t, bufio.NewScanner(out), "3. ")
			running := processesIn(t, folder)
			if n := len(running); n < 2 {
				t.Errorf("the daemon and the database server should run now, there is %q", running)
			}
			// As a terminal does it: to the whole group.
			if err := syscall.Kill(-cmd.Process.Pid, c.signal); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != c.status {
				t.Errorf("ended with %v, want exit status %d", err, c.status)
			}
			// After a kill -9 the kernel and the guard of the folder do the rest; they are not asked to hurry.
			limit := time.NewTimer(20 * time.Second)
			defer limit.Stop()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				running, left := processesIn(t, folder), entries(t, folder)
				if len(running)+len(left) == 0 {
					return
				}
				select {
				case <-tick.C:
				case <-limit.C:
					t.Fatalf("still running: %q; left in the temporary folder: %q", running, left)
				}
			}
		})
	}
}

func readUntil(t *testing.T, lines *bufio.Scanner, prefix string) {
	t.Helper()
	var told []string
	for lines.Scan() {
		told = append(told, lines.Text())
		if strings.HasPrefix(lines.Text(), prefix) {
			return
		}
	}
	t.Fatalf("the story ended before %q:\n%s", prefix, strings.Join(told, "\n"))
}

// processesIn lists the processes that work in a folder or were told of it.
func processesIn(t *testing.T, folder string) []string {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, proc := range procs {
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err != nil {
			continue // it has ended meanwhile
		}
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		text := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		if strings.Contains(text, folder) || strings.HasPrefix(cwd, folder) {
			list = append(list, filepath.Base(proc)+" "+text)
		}
	}
	return list
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(all))
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}
