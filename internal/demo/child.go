package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopPatience is how long a child may take to end after a polite signal.
const stopPatience = 15 * time.Second

// child is one run of the shipped binary.
type child struct {
	cmd *exec.Cmd
	// ended is closed when the process is no more and its output is read, after err was set.
	ended chan struct{}
	err   error
}

// start starts the binary so that it dies with us: the kernel sends that signal when the thread that started the process ends, so one
// thread does nothing else but wait for it.
func start(cmd *exec.Cmd) (*child, error) {
	cmd.SysProcAttr = dieWithParent()
	cmd.WaitDelay = time.Second
	c := &child{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(c.ended)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine, the child has then ended before
		if c.err = cmd.Start(); c.err != nil {
			started <- c.err
			return
		}
		started <- nil
		c.err = cmd.Wait()
	}()
	return c, <-started
}

// alive reports whether the process still runs.
func (c *child) alive() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// end sends the signal and awaits the end.
func (c *child) end(signal os.Signal) (status int, err error) {
	if c.alive() {
		if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return 0, err
		}
	}
	return c.await()
}

// await waits for the end of a child that was told to end, kills it when that takes too long, and returns its exit status.
func (c *child) await() (status int, err error) {
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-c.ended:
		return c.status(), nil
	case <-timer.C:
		if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return 0, err
		}
		<-c.ended
		return c.status(), fmt.Errorf("it did not end within %v of being told to", stopPatience)
	}
}

// status is the exit status of an ended child; -1 where a signal ended it.
func (c *child) status() int {
	if c.cmd.ProcessState == nil {
		return -1
	}
	return c.cmd.ProcessState.ExitCode()
}

// program is the shipped binary with the folder in which it works.
type program struct {
	path, folder string
}

// command prepares a run with the demo's configuration.
func (p program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, append(args, "--config", configName)...)
	cmd.Dir = p.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.folder, "LANG=C.UTF-8"}
	return cmd
}

// answer is what a command printed, and its exit status.
type answer struct {
	stdout, stderr string
	status         int
}

// all is everything that was printed, results first.
func (a answer) all() string { return strings.TrimRight(a.stdout+a.stderr, "\n") }

// call runs a command to its end.
func (p program) call(ctx context.Context, args ...string) (answer, error) {
	var stdout, stderr bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	c, err := start(cmd)
	if err != nil {
		return answer{}, fmt.Errorf("start %s: %w", args[0], err)
	}
	select {
	case <-c.ended:
	case <-ctx.Done():
		_, err := c.end(syscall.SIGTERM)
		return answer{}, errors.Join(context.Cause(ctx), err)
	}
	return answer{stdout: stdout.String(), stderr: stderr.String(), status: c.status()}, nil
}

// daemon is a running `ordersyncd run` with what it logged.
type daemon struct {
	*child
	log *journal
	// stopping is closed by whoever has asked the daemon to stop.
	stopping chan struct{}
}

func (p program) run() (*daemon, error) {
	log := new(journal)
	cmd := p.command("run")
	cmd.Stdout, cmd.Stderr = log, log
	c, err := start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	return &daemon{child: c, log: log, stopping: make(chan struct{})}, nil
}

// journal collects lines. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*journal)(nil)

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// mark is the place behind what is logged now.
func (j *journal) mark() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Len()
}

// since returns the lines that were logged after a mark.
func (j *journal) since(mark int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(j.text.Bytes()[mark:])) {
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	return lines
}
