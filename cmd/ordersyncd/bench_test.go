package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"ordersync/internal/apiclient"
	"ordersync/internal/figures"
	"ordersync/internal/intake"
	"ordersync/internal/mariadb"
	"ordersync/internal/mysql"
	"ordersync/internal/order"
	"ordersync/internal/ordersync"
)

var (
	benchRounds  = flag.Int("bench-rounds", 3, "how often BenchmarkSync measures each pass; it shows the median")
	benchOrders  = flag.Int("bench-orders", 100_000, "orders in the shop of BenchmarkSync")
	benchProgram = flag.String("bench-program", "", "the program that BenchmarkSync measures; empty: this code, as a process of its own")
)

// asReader, in its environment, makes this test binary read the shop of the configuration that it names and store nothing.
const asReader = "ORDERSYNCD_TEST_AS_READER"

// benchDaily is how many orders the shop of the benchmark gets in a day.
const benchDaily = 2000

// BenchmarkSync is `make bench`: the way from a shop to the tables, measured from outside as a process of its own, against the
// database's own bulk loader and against reading the same pages without a database. The database is a private one with its default
// settings and durability. The rate of calls is set so high that it is not the limit.
func BenchmarkSync(b *testing.B) {
	for b.Loop() {
		benchSync(b)
	}
}

// benchServer starts a private database with its default settings, and its default durability unless relaxed.
func benchServer(b *testing.B, relaxed bool) *mariadb.Server {
	b.Helper()
	server, err := mariadb.Start(b.Context(), mariadb.Options{
		Relaxed: relaxed,
		Args:    []string{"--innodb-buffer-pool-size=128M", "--innodb-log-file-size=96M"}, // its own defaults
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	return server
}

func benchSync(b *testing.B) {
	server := benchServer(b, false)
	var table []measure
	small := newBenchStage(b, server, 1000, 100)
	table = append(table, small.sync("1,000 orders, first load"), small.resync("1,000 orders, nothing changed"))
	if *benchOrders > 10_000 {
		middle := newBenchStage(b, server, 10_000, benchDaily)
		table = append(table, middle.sync("10,000 orders, first load"))
	}
	var loading, reading, first, again, some rounds
	for range *benchRounds {
		s := newBenchStage(b, server, *benchOrders, benchDaily)
		load := s.sync("first load")
		load.want(*benchOrders, *benchOrders, 0, 0)
		bulk := s.load("(a) LOAD DATA LOCAL INFILE, same rows")
		load.against(bulk, "(a)")
		read := s.read("(b) pages read and decoded, no database")
		second := s.resync("second pass, nothing changed")
		second.want(*benchOrders, 0, 0, *benchOrders)
		second.against(read, "(b)")
		s.shop.current.Store(1)
		third := s.resync("pass in which 5 % changed")
		third.want(*benchOrders, 0, *benchOrders/20, *benchOrders-*benchOrders/20)
		third.against(read, "(b)")
		s.exec("DROP DATABASE " + s.name)
		loading, reading, first = append(loading, bulk), append(reading, read), append(first, load)
		again, some = append(again, second), append(some, third)
	}
	typical := first.median()
	show(b, append(table, loading.median(), reading.median(), typical, again.median(), some.median()), typical)
	b.ReportMetric(typical.pace(), "orders/s")
	b.ReportMetric(typical.perOrder(typical.own+typical.server), "cpu-µs/order")
}

// rounds are measures of one thing. Each ratio is one of two passes that follow each other: this machine's own speed may change by half
// within minutes.
type rounds []measure

// median is the measure in the middle by its ratio, by its time where it has none. It tells the range of the others.
func (r rounds) median() measure {
	sorted := slices.SortedFunc(slices.Values(r), func(a, b measure) int {
		return cmp.Or(cmp.Compare(a.ratio, b.ratio), cmp.Compare(a.took, b.took))
	})
	m := sorted[len(sorted)/2]
	if low, high := sorted[0].ratio, sorted[len(sorted)-1].ratio; low < high {
		m.to += fmt.Sprintf(" (%.2f to %.2f)", low, high)
	}
	return m
}

// benchStage is a shop, a database and a configuration.
type benchStage struct {
	b      *testing.B
	shop   *paperShop
	folder string
	config string
	name   string
	server *sql.DB // without a database of its own, and may send files
	pid    int     // of the server
}

func newBenchStage(b *testing.B, server *mariadb.Server, orders, daily int) *benchStage {
	b.Helper()
	s := &benchStage{b: b, shop: openPaperShop(b, orders, daily), folder: b.TempDir(), name: fmt.Sprintf("bench_%d_%d", orders, daily)}
	var err error
	if s.server, err = sql.Open("mysql", server.DSN("")+"?allowAllFiles=true"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.server.Close() })
	s.exec("CREATE DATABASE " + s.name)
	var pidFile string
	if err := s.server.QueryRowContext(b.Context(), "SELECT @@pid_file").Scan(&pidFile); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		b.Fatal(err)
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		b.Fatal(err)
	}
	db, err := mysql.Open(mysql.Options{DSN: server.DSN(s.name)})
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(db.Migrate(b.Context(), nil), db.Close()); err != nil {
		b.Fatal(err)
	}
	s.config = filepath.Join(s.folder, "ordersyncd.yaml")
	s.write("dsn", server.DSN(s.name))
	s.write("token", shopToken)
	s.write("ordersyncd.yaml", fmt.Sprintf(`state: %[1]s/state
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  us-store:
    kind: rest
    preset: us-server
    base_url: %[2]s
    auth: {bearer: "${file:%[1]s/token}"}
    rate: {per_second: 1000}
    map:
      paid: paid
      discount: discount
      shipping_fee: shipping_fee
      tax: tax
      buyer_name: customer.name
      buyer_email: customer.email
      receiver: shipping_address
      receiver_country: shipping_address.country
      receiver_province: shipping_address.province
      receiver_city: shipping_address.city
      buyer_note: note
      paid_at: paid_at
      shipped_at: shipped_at
      lines: {product_id: product_id, variant: variant, discount: discount, total: total, image_url: image_url}
jobs:
  us-orders: {sync: us-store, schedule: "0 2 * * *", start: %[3]s}
`, s.folder, s.shop.base(), s.shop.first.Format(time.DateOnly)))
	return s
}

func (s *benchStage) write(name, text string) {
	s.b.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		s.b.Fatal(err)
	}
}

func (s *benchStage) exec(query string) {
	s.b.Helper()
	if _, err := s.server.ExecContext(s.b.Context(), query); err != nil {
		s.b.Fatal(err)
	}
}

// measure is what one pass took.
type measure struct {
	b           *testing.B
	name        string
	orders      int
	took        time.Duration
	own, server time.Duration // CPU
	memory      int           // kB, the most
	ratio       float64       // of the orders per second of another pass
	to          string        // which one
	said        string
	course      []moment
}

// moment is how far a pass had come at some time.
type moment struct {
	at          time.Duration
	served      int
	own, server time.Duration
	memory      int
}

func (m *measure) pace() float64 { return float64(m.orders) / m.took.Seconds() }

func (m *measure) perOrder(d time.Duration) float64 {
	return float64(d.Microseconds()) / float64(m.orders)
}

func (m *measure) against(other measure, name string) {
	m.ratio, m.to = m.pace()/other.pace(), name
}

// want holds what the program said it did against what was there to do: a benchmark of something else is worth nothing.
func (m *measure) want(received, inserted, changed, unchanged int) {
	m.b.Helper()
	text := fmt.Sprintf("%s received: %s new, %s changed, %s unchanged",
		figures.Count(received, "order"), figures.Number(inserted), figures.Number(changed), figures.Number(unchanged))
	if !strings.Contains(m.said, text) {
		m.b.Fatalf("%s: the program does not say %q:\n%s", m.name, text, m.said)
	}
}

// sync is the first load, resync reads everything once more.
func (s *benchStage) sync(name string) measure {
	s.b.Helper()
	return s.run(name, s.program(), "sync", "us-orders", "-c", s.config)
}

func (s *benchStage) resync(name string) measure {
	s.b.Helper()
	return s.run(name, s.program(), "sync", "us-orders", "-c", s.config,
		"--since", s.shop.first.Format(time.DateOnly), "--until", time.Now().UTC().Format(time.DateOnly))
}

func (s *benchStage) program() string {
	return cmp.Or(*benchProgram, builtProgram(s.b))
}

// read reads the shop in the program's own way and stores nothing.
func (s *benchStage) read(name string) measure {
	s.b.Helper()
	self, err := os.Executable()
	if err != nil {
		s.b.Fatal(err)
	}
	return s.run(name, self)
}

// run measures a child process.
func (s *benchStage) run(name, program string, args ...string) measure {
	s.b.Helper()
	s.calm()
	var said bytes.Buffer
	cmd := exec.CommandContext(s.b.Context(), program, args...)
	cmd.Env = append(os.Environ(), asReader+"="+s.config)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	before, server := s.shop.served.Load(), cpuOf(s.pid)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	m := measure{b: s.b, name: name, orders: s.shop.orders}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			m.took, m.server = time.Since(start), cpuOf(s.pid)-server
			m.own = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			m.said = said.String()
			if err != nil {
				s.b.Fatalf("%s: %v\n%s", name, err, m.said)
			}
			return m
		case <-tick.C:
			now := moment{
				at: time.Since(start), served: int(s.shop.served.Load() - before),
				own: cpuOf(cmd.Process.Pid), server: cpuOf(s.pid) - server, memory: peakOf(cmd.Process.Pid),
			}
			m.memory = max(m.memory, now.memory)
			if step := s.shop.orders / 10; now.served/step > len(m.course) {
				m.course = append(m.course, now)
			}
		}
	}
}

// load writes the rows that are stored into files, in the order of their keys, and has the server load these into empty tables of the
// same shape.
func (s *benchStage) load(name string) measure {
	s.b.Helper()
	tables, folder := []string{"orders", "order_items", "order_raw"}, s.b.TempDir()
	if err := os.Chmod(folder, 0o777); err != nil {
		s.b.Fatal(err)
	}
	s.exec("CREATE DATABASE " + s.name + "_copy")
	for _, table := range tables {
		s.exec(fmt.Sprintf("CREATE TABLE %[1]s_copy.%[2]s LIKE %[1]s.%[2]s", s.name, table))
		s.exec(fmt.Sprintf("SELECT * INTO OUTFILE '%[3]s/%[2]s' FROM %[1]s.%[2]s FORCE INDEX (PRIMARY) ORDER BY 1, 2", s.name, table, folder))
	}
	s.calm()
	m := measure{b: s.b, name: name, orders: s.shop.orders}
	own, server, start := cpuOf(os.Getpid()), cpuOf(s.pid), time.Now()
	for _, table := range tables {
		s.exec(fmt.Sprintf("LOAD DATA LOCAL INFILE '%[3]s/%[2]s' INTO TABLE %[1]s_copy.%[2]s CHARACTER SET binary", s.name, table, folder))
	}
	m.took, m.own, m.server = time.Since(start), cpuOf(os.Getpid())-own, cpuOf(s.pid)-server
	for _, table := range tables {
		s.same(table)
	}
	s.exec("DROP DATABASE " + s.name + "_copy")
	return m
}

// same holds what was loaded against what is stored.
func (s *benchStage) same(table string) {
	s.b.Helper()
	var name, stored, loaded string
	for database, sum := range map[string]*string{s.name: &stored, s.name + "_copy": &loaded} {
		if err := s.server.QueryRowContext(s.b.Context(), "CHECKSUM TABLE "+database+"."+table).Scan(&name, sum); err != nil {
			s.b.Fatal(err)
		}
	}
	if stored != loaded {
		s.b.Fatalf("the rows of %s that were loaded are not those that are stored", table)
	}
}

// calm waits until the server has done what it puts off, so that no pass pays for the one before it; half a minute at most.
func (s *benchStage) calm() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range 60 {
		before := cpuOf(s.pid)
		<-tick.C
		if cpuOf(s.pid)-before <= 10*time.Millisecond {
			return
		}
	}
}

// cpuOf is the CPU time that a process took so far, to 10 ms; zero where it is no more.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// peakOf is the most memory that a process ever held, in kB; zero where it is no more.
func peakOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	peak, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kB, _ := strconv.Atoi(peak)
	return kB
}

// show prints all passes as one table, and how the first load went on as the tables grew.
func show(b *testing.B, table []measure, first measure) {
	b.Helper()
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	line("orders", "seconds", "orders/s", "own CPU", "server CPU", "both (µs/order)", "peak memory", "ratio")
	for _, m := range table {
		memory := "-"
		if m.memory > 0 {
			memory = fmt.Sprintf("%.1f MB", float64(m.memory)/1024)
		}
		ratio := ""
		if m.ratio > 0 {
			ratio = fmt.Sprintf("%.2f of %s", m.ratio, m.to)
		}
		line(figures.Number(m.orders), fmt.Sprintf("%.2f", m.took.Seconds()), figures.Number(int(m.pace())), fmt.Sprintf("%.1f", m.perOrder(m.own)),
			fmt.Sprintf("%.1f", m.perOrder(m.server)), fmt.Sprintf("%.1f", m.perOrder(m.own+m.server)), memory, ratio, m.name)
	}
	line("")
	line("stored", "seconds", "orders/s", "own CPU", "server CPU", "both (µs/order)", "peak memory", "", "the first load as the tables grow")
	var last moment
	for _, now := range first.course {
		m := measure{orders: now.served - last.served, took: now.at - last.at, own: now.own - last.own, server: now.server - last.server}
		line(figures.Number(now.served), fmt.Sprintf("%.2f", m.took.Seconds()), figures.Number(int(m.pace())), fmt.Sprintf("%.1f", m.perOrder(m.own)),
			fmt.Sprintf("%.1f", m.perOrder(m.server)), fmt.Sprintf("%.1f", m.perOrder(m.own+m.server)),
			fmt.Sprintf("%.1f MB", float64(now.memory)/1024), "")
		last = now
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}

// readOnly is the program without its database: the same client, reader and engine over a store that keeps a checkpoint.
func readOnly(config string) error {
	p := &program{config: config, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv}
	p.screen = newScreen(p.stdout, p.stderr, p.getenv)
	cfg, err := p.load()
	if err != nil {
		return err
	}
	a, err := openAccount(cfg.Sources[0], surroundings{pace: apiclient.Local()})
	if err != nil {
		return err
	}
	defer a.client.Close()
	stream := ordersync.Stream{ID: a.name, Name: intake.StreamOrders, Source: a.orders, Store: &forgetful{}, Limits: a.shop.Orders.Limits}
	_, err = stream.Run(context.Background(), ordersync.Span{Start: cfg.Jobs[0].Start})
	return err
}

// forgetful is a store that stores nothing but its checkpoint.
type forgetful struct{ at order.Checkpoint }

func (f *forgetful) Checkpoint(_ context.Context, source order.SourceID, stream string) (order.Checkpoint, error) {
	f.at.Source, f.at.Stream = source, stream
	return f.at, nil
}

func (f *forgetful) Known(context.Context, order.SourceID, []string) (map[string]order.Version, error) {
	return nil, nil
}

func (f *forgetful) Commit(_ context.Context, _, to order.Checkpoint, _ order.Page) (order.Written, error) {
	f.at = to
	return order.Written{}, nil
}
