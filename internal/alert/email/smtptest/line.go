package smtptest

import (
	"crypto/tls"
	"net"
	"strconv"
	"sync"
)

// door hands out the connections of a server, except those that meet a fault before the first word.
type door struct {
	net.Listener
	server *Server
}

func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l := &line{Conn: conn, server: d.server}
		late := false
		d.server.change(func() {
			d.server.connections++
			if late = d.server.open == nil; !late {
				d.server.open[l] = struct{}{}
			}
		})
		if late {
			_ = l.Close()
			continue
		}
		f, ok := d.server.due(Greeting, "")
		if !ok {
			return l, nil
		}
		d.server.served.Go(func() { l.fail(f) })
	}
}

// line is the wire of one conversation, below TLS.
type line struct {
	net.Conn
	server *Server
	once   sync.Once

	mu   sync.Mutex
	next func() // what to call after the next write
}

// lineOf finds the wire below a connection.
func lineOf(conn net.Conn) *line {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return conn.(*line)
}

// fail lets a fault happen instead of a greeting.
func (l *line) fail(f Fault) {
	switch {
	case f.Code != 0:
		_, _ = l.Write([]byte(strconv.Itoa(f.Code) + " " + f.Text + "\r\n"))
	case f.Silent:
		// Whatever is read is answered by nothing.
		buf := make([]byte, 512)
		for {
			if _, err := l.Read(buf); err != nil {
				break
			}
		}
	}
	_ = l.Close()
}

func (l *line) after(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = do
}

func (l *line) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.mu.Lock()
	next := l.next
	l.next = nil
	l.mu.Unlock()
	if next != nil && err == nil {
		next()
	}
	return n, err
}

// Close ends the conversation; a second call does nothing.
func (l *line) Close() error {
	var err error
	l.once.Do(func() {
		l.server.mu.Lock()
		delete(l.server.open, l)
		l.server.mu.Unlock()
		err = l.Conn.Close()
	})
	return err
}
