package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"ordersync/internal/alert"
	"ordersync/internal/fault"
)

const (
	spoolFile = "observations.log"
	// longest is how many bytes of observations are kept, longestFile how long the file grows before it is written anew.
	longest     = 8 << 20
	longestFile = 2 * longest
)

// Spool keeps observations for the shared book while that cannot be written, in order. It holds up to 8 MiB of them; beyond that the
// oldest go. It is safe for concurrent use.
//
// The file has one sealed line for each observation, and one for each dropping of such.
type Spool struct {
	dir    string
	damage error

	mu      sync.Mutex
	last    int64
	held    []entry
	bytes   int // of held
	inFile  int // bytes that the file has, with what was dropped
	lost    int // observations that went because there were too many
	failure error
}

// entry is an observation with its line.
type entry struct {
	noted alert.Noted
	line  []byte
}

// record is what a line says: either of the two.
type record struct {
	Noted *alert.Noted `json:"noted,omitempty"`
	// Dropped is the number up to which everything was dropped.
	Dropped int64 `json:"dropped,omitempty"`
}

// OpenSpool reads the spool of a state directory. Lines that are damaged are left out, see [Spool.Damage].
func OpenSpool(dir string) *Spool {
	s := &Spool{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, spoolFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s
	}
	damaged := 0
	for line := range bytes.Lines(raw) {
		if !s.take(line) {
			damaged++
		}
	}
	s.inFile = len(raw)
	if damaged > 0 {
		err = fmt.Errorf("%s: %d damaged lines were left out", filepath.Join(dir, spoolFile), damaged)
	}
	if s.damage = fault.New(fault.Internal, err); s.damage != nil || !bytes.HasSuffix(raw, []byte("\n")) {
		s.rewrite() // nothing may be appended to half a line
	}
	return s
}

// take reads one line of the file.
func (s *Spool) take(line []byte) bool {
	text, ok := unsealed(bytes.TrimSuffix(line, []byte("\n")))
	line = append(sealed(text), '\n') // its own, and whole
	var r record
	if !ok || json.Unmarshal(text, &r) != nil {
		return false
	}
	if r.Noted == nil {
		s.drop(r.Dropped)
		s.last = max(s.last, r.Dropped)
		return true
	}
	s.hold(entry{noted: *r.Noted, line: line})
	s.last = max(s.last, r.Noted.Number)
	return true
}

// Append writes an observation down behind the others.
func (s *Spool) Append(o alert.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	e := entry{noted: alert.Noted{Number: s.last, Observation: o}}
	line, err := seal(record{Noted: &e.noted})
	if err != nil {
		s.failure = err
		return
	}
	e.line = line
	s.hold(e)
	s.write(line)
}

// Len is how many observations wait.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// Peek returns the first n of them, or as many as there are, with their numbers.
func (s *Spool) Peek(n int) []alert.Noted {
	s.mu.Lock()
	defer s.mu.Unlock()
	noted := make([]alert.Noted, 0, min(n, len(s.held)))
	for _, e := range s.held[:cap(noted)] {
		noted = append(noted, e.noted)
	}
	return noted
}

// Drop forgets those up to a number: the shared book has them. A process that dies between the two gives them to the book twice.
func (s *Spool) Drop(upTo int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(upTo)
	line, err := seal(record{Dropped: upTo})
	switch {
	case err != nil:
		s.failure = err
	case len(s.held) == 0:
		s.rewrite()
	default:
		s.write(line)
	}
}

// Failure tries once more to write what the disk lacks, and tells why it still lacks it; nil: it holds what the spool holds.
func (s *Spool) Failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		s.rewrite()
	}
	return s.failure
}

// Damage tells what was lost when the spool was opened; nil: nothing.
func (s *Spool) Damage() error { return s.damage }

// Lost is how many observations went because there were too many.
func (s *Spool) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// hold keeps an entry in memory, and drops the oldest where there are too many.
func (s *Spool) hold(e entry) {
	s.held = append(s.held, e)
	s.bytes += len(e.line)
	for s.bytes > longest {
		s.lost++
		s.drop(s.held[0].noted.Number)
	}
}

func (s *Spool) drop(upTo int64) {
	n := 0
	for ; n < len(s.held) && s.held[n].noted.Number <= upTo; n++ {
		s.bytes -= len(s.held[n].line)
	}
	s.held = slices.Delete(s.held, 0, n)
}

// write appends a line to the file. Where the last writing failed, or the file is long, it is written anew.
func (s *Spool) write(line []byte) {
	if s.failure != nil || s.inFile+len(line) > longestFile {
		s.rewrite()
		return
	}
	err := writeThrough(filepath.Join(s.dir, spoolFile), os.O_APPEND, line)
	if err == nil && s.inFile == 0 {
		err = settle(s.dir)
	}
	s.inFile += len(line)
	if err != nil {
		s.failure = fault.Errorf(fault.Internal, "the state directory cannot be written: %w", err)
	}
}

// rewrite replaces the file by what is held.
func (s *Spool) rewrite() {
	var content []byte
	for _, e := range s.held {
		content = append(content, e.line...)
	}
	if s.failure = replace(s.dir, spoolFile, content); s.failure == nil {
		s.inFile = len(content)
	}
}

// seal makes the line of a record.
func seal(r record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "an observation cannot be written down: %w", err)
	}
	return append(sealed(text), '\n'), nil
}
