package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// paperShop answers with pages that were rendered before: whoever asks measures himself, not the shop. It speaks as much HTTP as that
// takes, lists by days of creation in the order of creation, and turns pages.
type paperShop struct {
	first    time.Time // the day of the first order
	orders   int
	daily    int
	listener net.Listener
	serving  sync.WaitGroup

	editions [2]edition
	// current is the edition that is listed; served counts the orders that were.
	current, served atomic.Int64

	mu    sync.Mutex
	calls []arrival
}

// arrival is a call that came: when, and to which path before its API's own.
type arrival struct {
	at time.Time // zero where the system did not stamp it
	to string
}

// edition is the records of all orders, joined by commas, in a file; ends are where each ends.
type edition struct {
	file *os.File
	ends []int64
}

// openPaperShop renders orders up to yesterday, so many a day, in two editions: in the second every twentieth order has changed.
func openPaperShop(b *testing.B, orders, daily int) *paperShop {
	b.Helper()
	days := (orders + daily - 1) / daily
	s := &paperShop{orders: orders, daily: daily, first: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)}
	for i := range s.editions {
		if err := s.render(&s.editions[i], filepath.Join(b.TempDir(), "orders"), i == 1); err != nil {
			b.Fatal(err)
		}
	}
	var err error
	if s.listener, err = (&net.ListenConfig{Control: stampArrivals}).Listen(b.Context(), "tcp", "127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	s.serving.Go(s.accept)
	b.Cleanup(func() {
		_ = s.listener.Close()
		s.serving.Wait()
		for _, e := range s.editions {
			_ = e.file.Close()
		}
	})
	return s
}

func (s *paperShop) base() string { return "http://" + s.listener.Addr().String() }

func (s *paperShop) render(e *edition, path string, changed bool) (err error) {
	if e.file, err = os.Create(path); err != nil {
		return err
	}
	e.ends = make([]int64, 0, s.orders)
	w := bufio.NewWriterSize(e.file, 1<<20)
	var record []byte
	end := int64(0)
	for n := range s.orders {
		record = s.record(record[:0], n, changed && n%20 == 7)
		if n > 0 {
			end++
			_ = w.WriteByte(',')
		}
		_, _ = w.Write(record)
		end += int64(len(record))
		e.ends = append(e.ends, end)
	}
	return w.Flush()
}

// record is one order with three lines, about 1.5 kB, a part of it beyond ASCII.
func (s *paperShop) record(to []byte, n int, changed bool) []byte {
	created := s.first.AddDate(0, 0, n/s.daily).Add(time.Duration(n%s.daily) * 86_000 * time.Second / time.Duration(s.daily))
	modified, status, quantity := created.Add(5*time.Minute), "processing", 1+n%3
	if changed {
		modified, status, quantity = modified.Add(time.Hour), "shipped", quantity+1
	}
	names := [...]string{"李雷", "Zoë Müller", "Jane Doe", "王芳", "Søren Kjær", "山田太郎", "Ana Núñez", "O'Brien \\\"Bob\\\""}
	cities := [...]string{"杭州市", "Köln", "Springfield", "上海市", "København", "横浜市", "Málaga", "Dublin"}
	name, city := names[n%len(names)], cities[n%len(cities)]
	to = fmt.Appendf(to, `{"id":%d,"number":"US-%08d","status":%q,"currency":"USD","total":"%d.%02d","paid":"%d.%02d","discount":"1.50",`+
		`"shipping_fee":"4.99","tax":"3.09","customer":{"id":%d,"name":"%s","email":"buyer%d@example.com"},`+
		`"shipping_address":{"name":"%s","phone":"+1 555 %07d","street":"中山路 %d 号 / Main St %d","city":"%s","province":"浙江","country":"CN","zip":"%05d"},`+
		`"note":"请在门口按两次铃 — please ring twice","created_at":%q,"updated_at":%q,"paid_at":%q,"shipped_at":null,`+
		`"tags":["gift","春节"],"landing_site":"https://shop.example.com/socks?utm=%d","source_name":"web",`+
		`"payment":{"gateway":"card","reference":"ch_%012d","brand":"visa","captured":true},"line_items":[`,
		10_000_000+n, n, status, 30+n%90, n%100, 30+n%90, n%100, 500_000+n/3, name, n/3, name, n%10_000_000, n%999, n%999, city, n%100_000,
		created.Format(time.RFC3339), modified.Format(time.RFC3339), created.Add(time.Minute).Format(time.RFC3339), n, n)
	goods := [...]string{"纯棉短袜 (5 双装)", "Wollmütze, grün", "Cotton socks, ribbed"}
	for i := range 3 {
		if i > 0 {
			to = append(to, ',')
		}
		to = fmt.Appendf(to, `{"id":%d,"sku":"SKU-%05d-%d","product_id":%d,"title":"%s","variant":"尺码 %d / size %d","quantity":%d,`+
			`"price":"%d.50","discount":"0.50","total":"%d.00","image_url":"https://cdn.example.com/goods/%d.jpg"}`,
			30_000_000+3*n+i, n%5000, i, 700+n%5000, goods[i], 36+n%9, 36+n%9, quantity, 9+i, 10+i, n%5000)
	}
	return append(to, "]}"...)
}

func (s *paperShop) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() {
			defer func() { _ = conn.Close() }()
			_ = s.converse(conn.(*net.TCPConn))
		})
	}
}

// called returns the calls that came so far but for the first ones. What it returns stays as it is.
func (s *paperShop) called(first int) []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.calls[first:])
}

// note notes a call whose request begins with line.
func (s *paperShop) note(at time.Time, line string) {
	path, _, _ := strings.Cut(strings.TrimPrefix(line, "GET /"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, arrival{at: at, to: path})
}

// stampArrivals has the system note when a packet reaches a connection.
func stampArrivals(_, _ string, c syscall.RawConn) error {
	var refused error
	err := c.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
	})
	return errors.Join(err, refused)
}

// stamped reads a connection and knows when what it read had come. On loopback that is inside of the sender's own write, however
// late the reader wakes.
type stamped struct {
	conn syscall.RawConn
	at   time.Time
}

func (s *stamped) Read(p []byte) (n int, err error) {
	var control [128]byte
	var length int
	if waitErr := s.conn.Read(func(fd uintptr) bool {
		n, length, _, _, err = syscall.Recvmsg(int(fd), p, control[:], 0)
		return !errors.Is(err, syscall.EAGAIN)
	}); waitErr != nil {
		return 0, waitErr
	}
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	messages, err := syscall.ParseSocketControlMessage(control[:length])
	for _, m := range messages {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SCM_TIMESTAMPNS {
			var at syscall.Timespec
			if _, err := binary.Decode(m.Data, binary.NativeEndian, &at); err != nil {
				return 0, err
			}
			s.at = time.Unix(at.Unix())
		}
	}
	return n, err
}

// converse answers the requests of one connection until it ends.
func (s *paperShop) converse(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	from := &stamped{conn: raw}
	in := bufio.NewReader(from)
	var out []byte
	for {
		from.at = time.Time{}
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		s.note(from.at, line)
		for rest := ""; rest != "\r\n"; {
			if rest, err = in.ReadString('\n'); err != nil {
				return err
			}
		}
		if out, err = s.answer(out[:0], line); err != nil {
			return err
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

// answer appends the answer to a request that begins with line.
func (s *paperShop) answer(out []byte, line string) ([]byte, error) {
	_, query, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), " HTTP/1.1"), "?")
	asked, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	page, err1 := strconv.Atoi(asked.Get("page"))
	size, err2 := strconv.Atoi(asked.Get("page_size"))
	since, err3 := time.Parse(time.DateOnly, asked.Get("start_date"))
	until, err4 := time.Parse(time.DateOnly, asked.Get("end_date"))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	from, to := s.index(since), s.index(until.AddDate(0, 0, 1))
	total := to - from
	from = min(from+(page-1)*size, to)
	to = min(from+size, to)
	e := &s.editions[s.current.Load()]
	begin, end := int64(0), int64(0)
	if to > from {
		if from > 0 {
			begin = e.ends[from-1] + 1 // after the comma
		}
		end = e.ends[to-1]
	}
	envelope := fmt.Sprintf(`{"total":%d,"orders":[`, total)
	out = fmt.Appendf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s",
		time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), int64(len(envelope))+end-begin+2, envelope)
	out = append(out, make([]byte, end-begin)...)
	if body := out[len(out)-int(end-begin):]; len(body) > 0 {
		if _, err := e.file.ReadAt(body, begin); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	s.served.Add(int64(to - from))
	return append(out, "]}"...), nil
}

// index is the number of the first order made on or after a day.
func (s *paperShop) index(day time.Time) int {
	return min(max(int(day.Sub(s.first)/(24*time.Hour)), 0)*s.daily, s.orders)
}

// TestPaperShop: what the benchmark's shop serves is what it says: all orders once, three lines each, about 1.5 kB.
func TestPaperShop(t *testing.T) {
	t.Parallel()
	s := &paperShop{orders: 250, daily: 120, first: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	for i := range s.editions {
		if err := s.render(&s.editions[i], filepath.Join(t.TempDir(), "orders"), i == 1); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.editions[i].file.Close() })
	}
	for _, test := range []struct {
		query         string
		total, orders int
	}{
		{"start_date=2026-10-01&end_date=2026-11-30&page=1&page_size=1000", 250, 250},
		{"start_date=2026-11-01&end_date=2026-11-01&page=2&page_size=100", 120, 20},
		{"start_date=2026-11-03&end_date=2026-11-03&page=1&page_size=100", 10, 10},
		{"start_date=2026-11-03&end_date=2026-11-03&page=2&page_size=100", 10, 0},
		{"start_date=2026-10-03&end_date=2026-10-04&page=1&page_size=100", 0, 0},
	} {
		out, err := s.answer(nil, "GET /orders?"+test.query+" HTTP/1.1\r\n")
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := bytes.Cut(out, []byte("\r\n\r\n"))
		if got := bytes.Count(body, []byte(`"number":`)); got != test.orders || !bytes.Contains(body, fmt.Appendf(nil, `{"total":%d,`, test.total)) {
			t.Errorf("%s: %d orders in %.60s", test.query, got, body)
		}
		if n := len(body); test.orders > 100 && (n < test.orders*1400 || n > test.orders*1700) {
			t.Errorf("%s: %d orders in %d bytes", test.query, test.orders, n)
		}
	}
}
