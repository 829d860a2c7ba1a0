package mysql_test

import (
	"io"
	"net"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/mysql"
)

// verdict says what a proxy does with a statement.
type verdict int

const (
	pass verdict = iota
	// drop loses the statement and the connection: it never reaches the server.
	drop
	// dropReply lets the server do the statement and loses its answer with the connection.
	dropReply
)

// proxy stands between a store and the server, reads each statement and may break the connection at it.
type proxy struct {
	t        testing.TB
	upstream *driver.Config
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	judge func(statement string) verdict
	conns map[net.Conn]bool
}

// newProxy returns a proxy to the server of a scratch database, and the options of a store that goes through it. judge is called for
// every statement.
func newProxy(t testing.TB, o mysql.Options) (*proxy, mysql.Options) {
	t.Helper()
	config, err := driver.ParseDSN(o.DSN)
	if err != nil {
		t.Fatal(err)
	}
	upstream := config.Clone()
	p := &proxy{t: t, upstream: upstream, conns: map[net.Conn]bool{}, judge: func(string) verdict { return pass }}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.wg.Go(p.serve)
	t.Cleanup(p.close)
	config.Net, config.Addr = "tcp", p.listener.Addr().String()
	o.DSN = config.FormatDSN()
	return p, o
}

func (p *proxy) at(judge func(statement string) verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge = judge
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.upstream.Net, p.upstream.Addr)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.keep(client)
		p.keep(server)
		p.wg.Go(func() { p.join(client, server) })
	}
}

// join copies both ways, packet by packet towards the server.
func (p *proxy) join(client, server net.Conn) {
	mute := make(chan struct{}) // closed: the server's answers are lost from now on
	var back sync.WaitGroup
	answered := make(chan struct{}, 1)
	back.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				_ = client.Close()
				return
			}
			select {
			case <-mute:
				answered <- struct{}{}
				return
			default:
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	p.forward(client, server, mute, answered)
	_ = client.Close()
	_ = server.Close()
	back.Wait()
}

func (p *proxy) forward(client, server net.Conn, mute, answered chan struct{}) {
	header := make([]byte, 4)
	for {
		if _, err := io.ReadFull(client, header); err != nil {
			return
		}
		body := make([]byte, int(header[0])|int(header[1])<<8|int(header[2])<<16)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		v := pass
		if header[3] == 0 && len(body) > 0 && body[0] == 3 { // a statement
			p.mu.Lock()
			judge := p.judge
			p.mu.Unlock()
			v = judge(string(body[1:]))
		}
		if v == drop {
			return
		}
		if v == dropReply {
			close(mute)
		}
		if _, err := server.Write(append(header[:4:4], body...)); err != nil {
			return
		}
		if v == dropReply {
			<-answered
			return
		}
	}
}
