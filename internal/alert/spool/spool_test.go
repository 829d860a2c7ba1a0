package spool_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ordersync/internal/alert"
	"ordersync/internal/alert/spool"
	"ordersync/internal/fault"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func ended(run string) alert.Observation {
	return alert.Observation{
		At: noon, Host: "vps-1", Run: &alert.RunEnded{Source: "us-store", Job: "us-orders", RunID: run, Class: alert.HTTP, Error: "503"},
	}
}

// runs are the observations that wait, by their runs.
func runs(s *spool.Spool) (ids []string) {
	for _, o := range s.Peek(s.Len()) {
		ids = append(ids, o.Run.RunID)
	}
	return ids
}

func TestSpoolKeepsTheOrderOverStarts(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	s := spool.OpenSpool(dir)
	for _, run := range []string{"a", "b", "c", "d"} {
		s.Append(ended(run))
	}
	if diff := cmp.Diff([]alert.Noted{{Number: 1, Observation: ended("a")}, {Number: 2, Observation: ended("b")}}, s.Peek(2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Drop(2)
	s = spool.OpenSpool(dir)
	if diff := cmp.Diff([]string{"c", "d"}, runs(s)); diff != "" {
		t.Errorf("after a start (-want +got):\n%s", diff)
	}
	s.Append(ended("e"))
	if diff := cmp.Diff([]string{"c", "d", "e"}, runs(spool.OpenSpool(dir))); diff != "" {
		t.Errorf("after another (-want +got):\n%s", diff)
	}
	s.Drop(s.Peek(9)[2].Number)
	if info, err := os.Stat(filepath.Join(dir, "observations.log")); s.Len() != 0 || err != nil || info.Size() != 0 {
		t.Errorf("%d wait, %v bytes lie there, %v", s.Len(), info.Size(), err)
	}
	s.Append(ended("f"))
	if diff := cmp.Diff([]string{"f"}, runs(spool.OpenSpool(dir))); diff != "" || s.Failure() != nil || s.Damage() != nil {
		t.Errorf("after it was empty (-want +got):\n%s%v %v", diff, s.Failure(), s.Damage())
	}
}

// However the file was cut or changed, the whole lines are kept, in order, and what is appended later is too.
func TestSpoolOfADamagedFile(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	path := filepath.Join(dir, "observations.log")
	s := spool.OpenSpool(dir)
	for _, run := range []string{"a", "b", "c", "d"} {
		s.Append(ended(run))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, content []byte, want ...string) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s := spool.OpenSpool(dir)
		if diff := cmp.Diff(want, runs(s), cmpopts.EquateEmpty()); diff != "" || s.Failure() != nil {
			t.Fatalf("%s (-want +got):\n%s%v", name, diff, s.Failure())
		}
		s.Append(ended("later"))
		if diff := cmp.Diff(append(slices.Clone(want), "later"), runs(spool.OpenSpool(dir))); diff != "" {
			t.Fatalf("%s, with a later one (-want +got):\n%s", name, diff)
		}
	}
	all := []string{"a", "b", "c", "d"}
	for at := range raw {
		whole := bytes.Count(raw[:at], []byte("\n"))
		if raw[at] == '\n' { // a line that lacks but its end is whole
			try(fmt.Sprintf("cut at %d", at), raw[:at], all[:whole+1]...)
			continue
		}
		try(fmt.Sprintf("cut at %d", at), raw[:at], all[:whole]...)
		changed := bytes.Clone(raw)
		changed[at] ^= 0x40
		try(fmt.Sprintf("changed at %d", at), changed, slices.Delete(slices.Clone(all), whole, whole+1)...)
	}
}

// inMemory is a directory for tests that write so much that a disk would hold them up.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool") //nolint:usetesting // that is the point
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that cannot be written costs nothing while the process lives, and is told.
func TestSpoolWithoutADisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "away")
	s, b, l := spool.OpenSpool(dir), spool.OpenBook(dir), spool.OpenLife(dir)
	s.Append(ended("a"))
	b.Note(ended("b"))
	for what, err := range map[string]error{"spool": s.Failure(), "book": b.Failure(), "life": l.Failure()} {
		if fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), "the state directory cannot be written") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if c, err := b.Read(t.Context()); err != nil || len(c.Observations) != 1 || s.Len() != 1 || l.Unclean() != 0 {
		t.Errorf("kept %d, %d, %v", len(c.Observations), s.Len(), err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.Append(ended("c"))
	l.Beat()
	if s.Failure() != nil || b.Failure() != nil || l.Failure() != nil {
		t.Errorf("still %v, %v, %v", s.Failure(), b.Failure(), l.Failure())
	}
	if diff := cmp.Diff([]string{"a", "c"}, runs(spool.OpenSpool(dir))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c, err := spool.OpenBook(dir).Read(t.Context()); err != nil || len(c.Observations) != 1 {
		t.Errorf("the book has %d, %v", len(c.Observations), err)
	}
}

// A disk that is full: nothing of it fits, then there is room again.
func TestSpoolOnAFullDisk(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	dir := inMemory(t)
	path := filepath.Join(dir, "observations.log")
	fill := func(path string) {
		t.Helper()
		if err := os.Symlink(full, path); err != nil {
			t.Fatal(err)
		}
	}
	s, b := spool.OpenSpool(dir), spool.OpenBook(dir)
	b.Note(ended("a"))
	fill(path)
	fill(path + ".new")
	fill(filepath.Join(dir, "incidents.json.new"))
	s.Append(ended("a"))
	b.Note(ended("b"))
	if c := read(t, spool.OpenBook(dir)); len(c.Observations) != 1 {
		t.Errorf("the book on the disk has %d observations: the full disk took the old ones", len(c.Observations))
	}
	if err := s.Failure(); err == nil || !strings.Contains(err.Error(), "no space left on device") || s.Len() != 1 {
		t.Errorf("%v, %d wait", err, s.Len())
	}
	if b.Failure() != nil || len(read(t, spool.OpenBook(dir)).Observations) != 2 {
		t.Errorf("the book with room again: %v", b.Failure())
	}
	s.Append(ended("b"))
	if diff := cmp.Diff([]string{"a", "b"}, runs(spool.OpenSpool(dir))); diff != "" || s.Failure() != nil {
		t.Errorf("with room again (-want +got):\n%s%v", diff, s.Failure())
	}
}

func TestSpoolIsBounded(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	s := spool.OpenSpool(dir)
	for i := range 20 {
		long := ended(fmt.Sprint(i))
		long.Run.Error = strings.Repeat("x", 1<<20)
		s.Append(long)
	}
	if s.Len() != 7 || s.Lost() != 13 || s.Failure() != nil {
		t.Errorf("%d wait, %d were lost, %v", s.Len(), s.Lost(), s.Failure())
	}
	want := []string{"13", "14", "15", "16", "17", "18", "19"}
	if diff := cmp.Diff(want, runs(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(dir, "observations.log")); err != nil || info.Size() > 16<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	if diff := cmp.Diff(want, runs(spool.OpenSpool(dir))); diff != "" {
		t.Errorf("after a start (-want +got):\n%s", diff)
	}
}

func delivery(id, channel string, state alert.DeliveryState, at time.Time) alert.Delivery {
	d := alert.Delivery{Channel: channel, State: state, MadeAt: at, Notice: alert.Notice{ID: id, Sort: alert.Alarm, At: at}}
	if state != alert.Waiting {
		d.EndedAt = at
	}
	return d
}

func read(t *testing.T, b *spool.Book) alert.Contents {
	t.Helper()
	c, err := b.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func waiting(c alert.Contents) (ids []string) {
	for _, d := range c.Waiting {
		ids = append(ids, d.Notice.ID+" "+d.Channel)
	}
	return ids
}

func TestBook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := inMemory(t)
		b := spool.OpenBook(dir)
		b.Note(ended("r1"))
		b.Note(alert.Observation{Host: "vps-1", Run: &alert.RunEnded{Job: "database", Class: alert.Database}})
		if !b.Wants("us-orders") || !b.Wants("database") || b.Wants("other") {
			t.Error("wants the wrong jobs")
		}
		now := time.Now().UTC()
		c := read(t, b)
		if len(c.Observations) != 2 || !c.Observations[1].At.Equal(now) || !c.Now.Equal(now) {
			t.Fatalf("%+v", c)
		}
		open := alert.Incident{
			ID: "i1", Key: alert.Key{Scope: "host/vps-1", Class: alert.Database}, Phase: alert.Open, Seq: 1, ToldSeq: 1,
			Jobs: map[string]*alert.Job{"us-orders": {Failures: 1, Needed: 2}},
		}
		step := alert.Step{
			Incidents: []alert.Incident{open}, Done: []int64{1, 2},
			Deliveries: []alert.Delivery{delivery("n1", "email", alert.Waiting, now), delivery("n1", "sentry", alert.Waiting, now)},
		}
		for range 2 { // repeating it changes nothing
			if err := b.Write(t.Context(), step); err != nil {
				t.Fatal(err)
			}
		}
		open.Jobs["us-orders"].Failures = 99 // what was written is the book's own
		b = spool.OpenBook(dir)
		c = read(t, b)
		if len(c.Incidents) != 1 || c.Incidents[0].Jobs["us-orders"].Failures != 1 || len(c.Observations) != 0 || !b.Wants("us-orders") {
			t.Errorf("%+v", c)
		}
		if diff := cmp.Diff([]string{"n1 email", "n1 sentry"}, waiting(c)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		c.Incidents[0].Jobs["us-orders"].Failures = 99 // and so is what it keeps when it was read
		if c = read(t, b); c.Incidents[0].Jobs["us-orders"].Failures != 1 {
			t.Error("what was read can be changed in the book")
		}
		sent := alert.Step{Deliveries: []alert.Delivery{delivery("n1", "email", alert.Sent, now)}}
		for range 2 {
			if err := b.Write(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
		}
		c = read(t, spool.OpenBook(dir))
		if diff := cmp.Diff([]string{"n1 sentry"}, waiting(c)); diff != "" || len(c.Sent["email"]) != 1 {
			t.Errorf("(-want +got):\n%s%v", diff, c.Sent)
		}
		time.Sleep(time.Hour + time.Second)
		if c = read(t, b); len(c.Sent) != 0 {
			t.Errorf("still knows %v", c.Sent)
		}
	})
}

// Incidents that are over and told go, and so does what was remembered.
func TestBookForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := inMemory(t)
		b := spool.OpenBook(dir)
		over := alert.Incident{ID: "told", Phase: alert.Recovered, RecoveredAt: time.Now().UTC(), Seq: 2, ToldSeq: 2}
		untold := over
		untold.ID, untold.ToldSeq = "untold", 1
		if err := b.Write(t.Context(), alert.Step{Incidents: []alert.Incident{over, untold}}); err != nil {
			t.Fatal(err)
		}
		full := delivery("n1", "email", alert.Sent, time.Now().UTC())
		full.Notice.Items = []alert.Item{{Change: alert.Opened}}
		b.Remember(full, delivery("n2", "email", alert.Sent, time.Now().UTC()))
		b.Remember(full)
		b.Forget("email", "n2")
		b.Forget("sentry", "n1")
		want := []alert.Delivery{delivery("n1", "email", alert.Sent, time.Now().UTC())}
		if diff := cmp.Diff(want, spool.OpenBook(dir).Remembered()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if c := read(t, b); len(c.Incidents) != 2 {
			t.Errorf("%d incidents", len(c.Incidents))
		}
		time.Sleep(alert.Calm + time.Second)
		if c := read(t, b); len(c.Incidents) != 1 || c.Incidents[0].ID != "untold" {
			t.Errorf("%+v", c.Incidents)
		}
		time.Sleep(27 * time.Hour)
		if c := read(t, b); len(c.Incidents) != 0 || len(b.Remembered()) != 0 {
			t.Errorf("%+v, %+v", c.Incidents, b.Remembered())
		}
	})
}

func TestBookIsBounded(t *testing.T) {
	t.Parallel()
	b := spool.OpenBook(inMemory(t))
	for i := range 203 {
		b.Note(ended(fmt.Sprint(i)))
	}
	if c := read(t, b); len(c.Observations) != 200 || c.Observations[0].Run.RunID != "3" || c.Observations[0].Number != 4 {
		t.Errorf("%d, first %+v", len(c.Observations), c.Observations[0])
	}
}

// What waits for one channel leaves room for what waits for the others.
func TestBookShares(t *testing.T) {
	t.Parallel()
	b, count := spool.OpenBook(inMemory(t)), map[string]int{}
	var step alert.Step
	for i := range 1001 {
		step.Deliveries = append(step.Deliveries, delivery(fmt.Sprint(i), "broken", alert.Waiting, time.Now()))
	}
	step.Deliveries = append(step.Deliveries, delivery("last", "sound", alert.Waiting, time.Now()))
	if err := b.Write(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	c := read(t, b)
	for _, d := range c.Waiting {
		count[d.Channel]++
	}
	if count["broken"] != 100 || count["sound"] != 1 || c.Waiting[0].Notice.ID != "0" || c.Waiting[99].Notice.ID != "99" {
		t.Errorf("there wait %v", count)
	}
}

// Every cut and every changed bit of the file is noticed: the book begins anew, and the damaged one is put aside.
func TestBookOfADamagedFile(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	b := spool.OpenBook(dir)
	b.Note(ended("r1"))
	path := filepath.Join(dir, "incidents.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(name string, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		b := spool.OpenBook(dir)
		if c := read(t, b); fault.KindOf(b.Damage()) != fault.Internal || len(c.Observations) != 0 {
			t.Errorf("%s: %v, %+v", name, b.Damage(), c)
		}
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(aside, content) {
			t.Errorf("%s: not put aside: %v", name, err)
		}
		b.Note(ended("r2"))
		if b = spool.OpenBook(dir); b.Damage() != nil || len(read(t, b).Observations) != 1 {
			t.Errorf("%s: %v after the next writing", name, b.Damage())
		}
	}
	for at := 0; at < len(good); at += 7 {
		damage(fmt.Sprintf("cut at %d", at), good[:at])
		changed := bytes.Clone(good)
		changed[at] ^= 4
		damage(fmt.Sprintf("changed at %d", at), changed)
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if b = spool.OpenBook(dir); b.Damage() != nil || len(read(t, b).Observations) != 1 {
		t.Errorf("the whole file: %v", b.Damage())
	}
}

// A crash while the book is written leaves the old one.
func TestBookHalfWritten(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	b := spool.OpenBook(dir)
	b.Note(ended("r1"))
	if err := os.WriteFile(filepath.Join(dir, "incidents.json.new"), []byte("0000"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = spool.OpenBook(dir)
	if len(read(t, b).Observations) != 1 || b.Damage() != nil {
		t.Errorf("%v", b.Damage())
	}
	b.Note(ended("r2"))
	if len(read(t, spool.OpenBook(dir)).Observations) != 2 {
		t.Error("the next writing was lost")
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.new"))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// The file is JSON behind its checksum, for a person who wants to know; it is nobody else's to read.
func TestBookFile(t *testing.T) {
	t.Parallel()
	dir := inMemory(t)
	spool.OpenBook(dir).Note(ended("r1"))
	path := filepath.Join(dir, "incidents.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := bytes.Cut(raw, []byte(" "))
	info, err := os.Stat(path)
	if err != nil || !json.Valid(text) || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, %s", err, info.Mode(), raw)
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := inMemory(t)
		l := spool.OpenLife(dir)
		first := time.Now().UTC()
		if before, now := l.Beat(); !before.Equal(first) || !now.Equal(first) || l.Unclean() != 0 || !l.Started().Equal(first) {
			t.Errorf("the first start: %s, %d", before, l.Unclean())
		}
		time.Sleep(time.Minute)
		l.Stop()
		time.Sleep(time.Hour)
		l = spool.OpenLife(dir)
		if before, now := l.Beat(); !before.Equal(first.Add(time.Minute)) || now.Sub(before) != time.Hour || l.Unclean() != 0 {
			t.Errorf("after a stop: %s, %s, %d", before, now, l.Unclean())
		}
		for i := range 4 { // died
			time.Sleep(10 * time.Minute)
			l = spool.OpenLife(dir)
			l.Beat()
			if l.Unclean() != i+1 {
				t.Errorf("start %d: %d unclean ones", i, l.Unclean())
			}
		}
		time.Sleep(31 * time.Minute)
		if l.Unclean() != 3 {
			t.Errorf("after an hour %d unclean starts", l.Unclean())
		}
		if err := os.WriteFile(filepath.Join(dir, "alive.json"), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		if l = spool.OpenLife(dir); l.Unclean() != 0 || l.Failure() != nil {
			t.Errorf("of a damaged file: %d, %v", l.Unclean(), l.Failure())
		}
	})
}
