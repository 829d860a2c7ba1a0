// Package mariadb provides, starts and stops a private, throw-away database server: for the demo and for tests only.
package mariadb

import (
	"context"
	"log/slog"
)

// Binary is a server program on this machine.
type Binary struct {
	// Path is mariadbd or mysqld.
	Path string
}

// Find looks for a server program on this machine.
func Find() (Binary, error) { return Binary{}, nil }

// Provide is Find, and where that fails installs or unpacks the package mariadb-server-core, telling log what it does. Its error
// names the one line to type.
func Provide(ctx context.Context, log *slog.Logger) (Binary, error) { return Binary{}, nil }

// Options say what kind of server. The zero ones are usable.
type Options struct {
	// Binary is what to start; the zero one: what Provide finds.
	Binary Binary
	// Dir is the folder to make the data folder in; empty: the temporary folder.
	Dir string
	// Relaxed skips the flush at each commit: faster, and not safe against kill -9 of the server.
	Relaxed bool
	// Args are further arguments of the server.
	Args []string
	Log  *slog.Logger
}

// Server is a running server.
type Server struct{}

// Start makes a fresh data folder and starts a server on it. The server ends with Stop, and with this process however that ends.
func Start(ctx context.Context, o Options) (*Server, error) { return nil, nil }

// DSN is the way to a database of the server as its root, in the form of go-sql-driver/mysql; the name may be empty.
func (s *Server) DSN(name string) string { return "" }

// Socket is the path of the server's socket.
func (s *Server) Socket() string { return "" }

// Stop ends the server and removes its folder. It may be called more than once.
func (s *Server) Stop() error { return nil }

// Kill ends the server as a crash does (SIGKILL) and keeps its data for Restart.
func (s *Server) Kill() error { return nil }

// Restart starts the server again on its data.
func (s *Server) Restart(ctx context.Context) error { return nil }
