// Package mariadb provides, starts and stops a private, throw-away database server: for the demo and for tests only.
//
// It promises that no server and no folder outlives the process that started it: the server gets a signal from the kernel when its
// parent dies, a small guard process removes the folder then, and what was left behind where neither could act (the guard
// was killed too) is removed by the next Start on the machine.
//
// The server listens on a socket in a folder that only its owner can enter; its root account has no password behind that.
package mariadb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say what kind of server. The zero ones are usable.
type Options struct {
	// Binary is what to start; the zero one: what Provide finds.
	Binary Binary
	// Dir is the folder in which the server's own folder is made; empty: the temporary folder.
	Dir string
	// Relaxed skips the flush at each commit: faster, and what a kill -9 of the machine would lose does not matter.
	Relaxed bool
	// Args are further arguments of the server.
	Args []string
	// Log is told what takes long; nil discards.
	Log *slog.Logger
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	options Options
	folder  *folder
	guard   *guard

	mu      sync.Mutex
	process *process // nil while it is down
	stopped bool
}

// startPatience is how long a server may take to answer: it may have a crash to recover from, on a busy machine.
const startPatience = 60 * time.Second

// stopPatience is how long a server may take to end by itself.
const stopPatience = 15 * time.Second

// Start makes a fresh data folder and starts a server on it. The server ends with Stop, and with this process however that ends;
// ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Binary.Path == "" {
		binary, err := Provide(ctx, o.Log)
		if err != nil {
			return nil, err
		}
		o.Binary = binary
	}
	f, err := newFolder(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("a folder for the private database server: %w", err)
	}
	s := &Server{options: o, folder: f}
	if s.guard, err = startGuard(f); err != nil {
		return nil, errors.Join(fmt.Errorf("the guard of the private database server: %w", err), f.remove())
	}
	if err := makeTables(ctx, o.Binary, f); err != nil {
		return nil, errors.Join(fmt.Errorf("make the system tables of the private database server: %w", err), s.Stop())
	}
	if err := s.Restart(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// DSN is the way to a database of the server as its root, in the form of go-sql-driver/mysql; the name may be empty.
func (s *Server) DSN(name string) string {
	return fmt.Sprintf("root@unix(%s)/%s", s.Socket(), name)
}

// Socket is the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.folder.path, "s.sock") }

// Restart starts the server again on its data; nothing happens where it runs.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("the private database server was stopped for good")
	}
	if s.process.running() {
		return nil
	}
	p, err := startProcess(s.command())
	if err != nil {
		return fmt.Errorf("start the private database server: %w", err)
	}
	s.process = p
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("no answer within %s", startPatience))
	defer cancel()
	if err := p.answers(ctx, s.Socket()); err != nil {
		return errors.Join(fmt.Errorf("start the private database server: %w%s", err, s.lastWords()), s.end(os.Kill))
	}
	return nil
}

// Kill ends the server as a crash does and keeps its data for Restart.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(os.Kill)
}

// Stop ends the server and removes its folder. It may be called more than once.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	return errors.Join(s.end(syscall.SIGTERM), s.folder.remove(), s.guard.release())
}

// end ends the process, with force when it takes too long. s.mu is held.
func (s *Server) end(signal os.Signal) error {
	if !s.process.running() {
		return nil
	}
	if err := s.process.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the private database server: %w", err)
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-s.process.ended:
	case <-timer.C:
		if err := s.process.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill the private database server: %w", err)
		}
		<-s.process.ended
	}
	// The guard must not take a later process with this number for the server.
	if err := os.Remove(s.folder.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Server) command() *exec.Cmd {
	args := []string{
		"--no-defaults", "--datadir=" + s.folder.data(), "--tmpdir=" + s.folder.tmp(), "--socket=" + s.Socket(),
		"--pid-file=" + s.folder.pidFile(), "--log-error=" + s.folder.log(), "--skip-networking", "--character-set-server=utf8mb4",
		"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M", "--performance-schema=OFF", "--skip-name-resolve",
	}
	if s.options.Relaxed {
		args = append(args, "--innodb-flush-log-at-trx-commit=0")
	}
	return s.options.Binary.command(append(args, s.options.Args...)...)
}

// lastWords returns the end of the server's log, for an error.
func (s *Server) lastWords() string {
	text, err := os.ReadFile(s.folder.log())
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "; its log ends with: " + strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// process is one run of the server program.
type process struct {
	cmd *exec.Cmd
	// ended is closed when the process is no more, after err was set.
	ended chan struct{}
	err   error
}

// startProcess starts cmd so that it dies with us: the kernel sends that signal when the thread that started the process ends, so
// one thread does nothing else but wait for it.
func startProcess(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = dieWithParent()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			p.err = err
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
	}()
	return p, <-started
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// answers waits until the server greets a client.
func (p *process) answers(ctx context.Context, socket string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if greets(socket) {
			return nil
		}
		select {
		case <-p.ended:
			if p.err == nil {
				return errors.New("it ended at once")
			}
			return fmt.Errorf("it ended at once: %w", p.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// greets reports whether a server sends its greeting: a packet whose first byte is the version of the protocol, 10. An error
// packet (too many connections, or still starting) begins with 255.
func greets(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	packet := make([]byte, 5)
	_, err = io.ReadFull(conn, packet)
	return err == nil && packet[4] == 10
}
