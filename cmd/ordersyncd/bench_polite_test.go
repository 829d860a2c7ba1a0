package main

import (
	"bytes"
	"fmt"
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

	"ordersync/internal/figures"
)

const (
	// politeSeconds is how long each row of BenchmarkPoliteness would take if all of the rate were used.
	politeSeconds = 8
	// flushedRate is up to which rate a disk is trusted to flush a commit for each page. Past it the disk would be measured, not the pace.
	flushedRate = 100
)

// BenchmarkPoliteness shows how much of a configured rate of calls is used, and fails where any second held more: by the program as a
// process of its own, by two on one credential, and across a kill -9 and a new start. The processes are daemons at the first load of a
// shop, and keep their pace in a database with its default settings; at the highest rate it flushes no commits.
//
// A call counts when its request reached the shop's connection, by the system's own stamp on the packet. On loopback that is inside of
// the caller's write: neither a busy shop nor a late reader moves it. A second is [t, t+1s), for every t. The share that is used is that
// of the time from the first call to the last, and across a restart that of both parts, without the pause between them.
func BenchmarkPoliteness(b *testing.B) {
	var table []manners
	for _, rate := range []int{5, 50, 500} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			for b.Loop() {
				s := newPoliteStage(b, rate)
				rows := []manners{s.alone(), s.together(), s.restarted()}
				table = append(table, rows...)
				least := slices.MinFunc(rows, func(x, y manners) int { return int(1e6 * (x.share() - y.share())) })
				b.ReportMetric(100*least.share(), "%-used")
			}
		})
	}
	showManners(b, table)
	for _, m := range table {
		if most := m.most(); most > m.rate {
			b.Errorf("%d a second, %s: %d calls within one second", m.rate, m.name, most)
		}
	}
}

// politeStage is a shop that more than one source reads, each by a job and a daemon of its own, on one credential. It has no orders, and
// is asked for each day by itself: so little is done with an answer that the rate is the limit.
type politeStage struct {
	*benchStage
	rate int
}

func newPoliteStage(b *testing.B, rate int) *politeStage {
	b.Helper()
	return &politeStage{benchStage: newBenchStage(b, benchServer(b, rate > flushedRate), 0, 1), rate: rate}
}

// configFor is a configuration of one source, with a quarter more days than are read. Each source has an address of its own: two sources
// of one shop are refused.
func (s *politeStage) configFor(source string) string {
	s.b.Helper()
	if err := os.MkdirAll(filepath.Join(s.folder, source), 0o700); err != nil {
		s.b.Fatal(err)
	}
	s.write(source+".yaml", fmt.Sprintf(`state: %[1]s/%[2]s
database: {dsn: "${file:%[1]s/dsn}"}
sources:
  %[2]s:
    kind: rest
    preset: us-server
    base_url: %[3]s/%[2]s
    auth: {bearer: "${file:%[1]s/token}"}
    rate: {per_second: %[4]d}
    slice: 24h
jobs:
  %[2]s: {sync: %[2]s, schedule: "@every 1h", start: %[5]s, repeat: [1s]}
`, s.folder, source, s.shop.base(), s.rate, s.shop.first.AddDate(0, 0, -s.rate*politeSeconds*5/4).Format(time.DateOnly)))
	return filepath.Join(s.folder, source+".yaml")
}

// caller is a process of the program.
type caller struct {
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan struct{}
}

func (s *politeStage) start(source string) *caller {
	s.b.Helper()
	d := &caller{cmd: exec.CommandContext(s.b.Context(), s.program(), "run", "-c", s.configFor(source)), ended: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.ended)
	}()
	return d
}

// await waits until so many calls have come to the shop, and then ends the callers.
func (s *politeStage) await(calls int, end os.Signal, callers ...*caller) {
	s.b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(6 * politeSeconds * time.Second)
	defer limit.Stop()
	for len(s.shop.called(0)) < calls {
		for _, d := range callers {
			select {
			case <-d.ended:
				s.b.Fatalf("a daemon ended by itself:\n%s", &d.said)
			default:
			}
		}
		select {
		case <-tick.C:
		case <-limit.C:
			s.b.Fatalf("%d calls came, want %d", len(s.shop.called(0)), calls)
		}
	}
	for _, d := range callers {
		if err := d.cmd.Process.Signal(end); err != nil {
			s.b.Fatal(err)
		}
	}
	for _, d := range callers {
		<-d.ended
	}
}

func (s *politeStage) alone() manners {
	s.b.Helper()
	return s.row("one process", func(from, to int) (ends []time.Time) {
		s.await(to, syscall.SIGTERM, s.start("alone"))
		return nil
	})
}

func (s *politeStage) together() manners {
	s.b.Helper()
	made := map[string]int{}
	m := s.row("two processes", func(from, to int) (ends []time.Time) {
		s.await(to, syscall.SIGTERM, s.start("one"), s.start("other"))
		for _, call := range s.shop.called(from) {
			made[call.to]++
		}
		return nil
	})
	if len(made) != 2 {
		s.b.Errorf("%d a second: only one of two processes made calls: %v", s.rate, made)
	}
	m.name += fmt.Sprintf(": %s and %s", figures.Count(made["one"], "call"), figures.Number(made["other"]))
	return m
}

func (s *politeStage) restarted() manners {
	s.b.Helper()
	return s.row("kill -9 and a new start", func(from, to int) (ends []time.Time) {
		s.await((from+to)/2, syscall.SIGKILL, s.start("killed"))
		killed := time.Now()
		s.await(to, syscall.SIGTERM, s.start("killed"))
		return []time.Time{killed}
	})
}

// manners are when the calls of one row came, in order; the parts are those of one process each that came one after the other.
type manners struct {
	rate  int
	name  string
	parts [][]time.Time
	free  float64 // the share of the machine's CPU that nobody used meanwhile
}

// row measures what do does to take the number of calls from one to another; do returns when each part but the last had ended.
func (s *politeStage) row(name string, do func(from, to int) (ends []time.Time)) manners {
	s.b.Helper()
	before := len(s.shop.called(0))
	idle, all := cpuOfAll()
	ends := do(before, before+politeSeconds*s.rate)
	idleAfter, allAfter := cpuOfAll()
	m := manners{rate: s.rate, name: name, parts: make([][]time.Time, len(ends)+1), free: (idleAfter - idle) / (allAfter - all)}
	for _, call := range s.shop.called(before) {
		if call.at.IsZero() {
			s.b.Fatal("this system does not stamp what reaches a connection")
		}
		i := 0
		for i < len(ends) && call.at.After(ends[i]) {
			i++
		}
		m.parts[i] = append(m.parts[i], call.at)
	}
	for _, part := range m.parts {
		slices.SortFunc(part, time.Time.Compare)
	}
	return m
}

// cpuOfAll is how much of its CPU time the machine has not used so far, and all of it.
func cpuOfAll() (idle, all float64) {
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(first) {
		value, _ := strconv.ParseFloat(field, 64)
		all += value
		if i == 4 || i == 5 { // idle, and waiting for a disk
			idle += value
		}
	}
	return idle, all
}

// share is how much of the rate was used.
func (m manners) share() float64 {
	var calls int
	var length time.Duration
	for _, part := range m.parts {
		calls += len(part) - 1
		length += part[len(part)-1].Sub(part[0])
	}
	return float64(calls) / length.Seconds() / float64(m.rate)
}

// most is the largest number of calls in any half-open second.
func (m manners) most() int {
	calls := slices.Concat(m.parts...)
	most, first := 0, 0
	for i, at := range calls {
		for at.Sub(calls[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// closest is the shortest time in which one call more came than the rate allows in a second.
func (m manners) closest() time.Duration {
	calls := slices.Concat(m.parts...)
	closest := calls[len(calls)-1].Sub(calls[0])
	for i := m.rate; i < len(calls); i++ {
		closest = min(closest, calls[i].Sub(calls[i-m.rate]))
	}
	return closest
}

// pause is how long nothing was called between the parts.
func (m manners) pause() string {
	if len(m.parts) < 2 {
		return "-"
	}
	first, second := m.parts[0], m.parts[1]
	return fmt.Sprintf("%.2f s", second[0].Sub(first[len(first)-1]).Seconds())
}

func showManners(b *testing.B, table []manners) {
	b.Helper()
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	line("calls/s", "calls", "used", "most in any second", "one more took", "pause", "CPU free")
	for _, m := range table {
		line(figures.Number(m.rate), figures.Number(len(slices.Concat(m.parts...))), fmt.Sprintf("%.1f %%", 100*m.share()), figures.Number(m.most()),
			fmt.Sprintf("%.4f s", m.closest().Seconds()), m.pause(), fmt.Sprintf("%.0f %%", 100*m.free), m.name)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}
