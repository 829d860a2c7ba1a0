// Package sentrytest is a receiver of Sentry's envelopes over real HTTP, for tests and the demo. It shares no code with package sentry.
//
// It takes what Sentry would take: a POST with the right key in X-Sentry-Auth, and an envelope whose lengths are right, whose events have
// an id and whose check-ins name a monitor that exists or bring its configuration. Of an event with an id that it has it keeps nothing, as
// Sentry does. Everything else is refused, with a reason.
package sentrytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Key and Project are those of the DSN.
const (
	Key     = "0123456789abcdef0123456789abcdef"
	Project = "42"
)

// Event is an error event as it arrived.
type Event struct {
	ID          string                    `json:"event_id"`
	Level       string                    `json:"level"`
	Message     string                    `json:"message"`
	Timestamp   time.Time                 `json:"timestamp"`
	Environment string                    `json:"environment"`
	Release     string                    `json:"release"`
	Server      string                    `json:"server_name"`
	Fingerprint []string                  `json:"fingerprint"`
	Tags        map[string]string         `json:"tags"`
	Contexts    map[string]map[string]any `json:"contexts"`
	Exception   []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"exception"`
	// Raw is the payload.
	Raw []byte `json:"-"`
}

// CheckIn is a check-in of a monitor as it arrived.
type CheckIn struct {
	ID          string   `json:"check_in_id"`
	Monitor     string   `json:"monitor_slug"`
	Status      string   `json:"status"`
	Duration    float64  `json:"duration"`
	Environment string   `json:"environment"`
	Release     string   `json:"release"`
	Config      *Monitor `json:"monitor_config"`
	At          time.Time
}

// Monitor is the configuration of a monitor.
type Monitor struct {
	Schedule struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
		Unit  string `json:"unit"`
	} `json:"schedule"`
	Margin    int    `json:"checkin_margin"`
	Longest   int    `json:"max_runtime"`
	Zone      string `json:"timezone"`
	Failures  int    `json:"failure_issue_threshold"`
	Recovered int    `json:"recovery_threshold"`
}

// Answer is what the receiver says instead of taking an envelope.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Server is a receiver. Its methods may be called at any time.
type Server struct {
	// DSN is the address for clients.
	DSN string

	server *http.Server
	served sync.WaitGroup

	mu       sync.Mutex
	answers  []Answer
	down     *Answer
	silent   chan struct{}
	events   []Event
	again    int
	checkIns []CheckIn
	monitors map[string]*Monitor
	refused  []string
	requests int
	bodies   [][]byte
	changed  *sync.Cond
}

// Start starts a receiver on loopback.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sentrytest: %w", err)
	}
	s := &Server{DSN: "http://" + Key + "@" + listener.Addr().String() + "/" + Project, monitors: map[string]*Monitor{}}
	s.changed = sync.NewCond(&s.mu)
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.served.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// Close stops the receiver and waits for it.
func (s *Server) Close() {
	s.Speak()
	_ = s.server.Close()
	s.served.Wait()
}

// Next lets the next envelopes be answered so, one each, instead of being taken.
func (s *Server) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

// Down answers every envelope so until it is called with nil.
func (s *Server) Down(a *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = a
}

// Silence lets requests wait without an answer until Speak.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent == nil {
		s.silent = make(chan struct{})
	}
}

// Speak ends Silence.
func (s *Server) Speak() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent != nil {
		close(s.silent)
		s.silent = nil
	}
}

// Events are those that were taken, in order.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Again is how many events came that were there already.
func (s *Server) Again() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.again
}

// CheckIns are those that were taken, in order.
func (s *Server) CheckIns() []CheckIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checkIns)
}

// Await waits until enough says so, which is asked with each request that comes and each that was answered.
func (s *Server) Await(enough func(events []Event, checkIns []CheckIn, requests int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !enough(s.events, s.checkIns, s.requests) {
		s.changed.Wait()
	}
}

// Refused are the reasons for what was not taken because it was wrong.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// Requests is how many came, answered or not.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Bodies are all envelopes as they came, also those that were not taken: to search them for what must not be there.
func (s *Server) Bodies() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	silent := s.count(body)
	s.changed.Broadcast()
	if silent != nil {
		select {
		case <-silent:
		case <-r.Context().Done():
			return
		}
	}
	a := s.answer(r, body)
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
	s.changed.Broadcast()
}

func (s *Server) count(body []byte) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.bodies = append(s.bodies, body)
	return s.silent
}

func (s *Server) answer(r *http.Request, body []byte) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.answers) > 0:
		a := s.answers[0]
		s.answers = s.answers[1:]
		return a
	case s.down != nil:
		return *s.down
	}
	if reason, status := s.wrongRequest(r); reason != "" {
		return s.refuse(status, reason)
	}
	id, err := s.read(body)
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error())
	}
	return Answer{Status: http.StatusOK, Body: `{"id":` + strconv.Quote(id) + `}`}
}

func (s *Server) refuse(status int, reason string) Answer {
	s.refused = append(s.refused, reason)
	text, _ := json.Marshal(map[string]string{"detail": reason}) // strings always encode
	return Answer{Status: status, Body: string(text)}
}

// wrongRequest says what is wrong with all but the body.
func (s *Server) wrongRequest(r *http.Request) (reason string, status int) {
	auth, bearer := r.Header.Get("X-Sentry-Auth"), map[string]string{}
	for field := range strings.SplitSeq(strings.TrimPrefix(auth, "Sentry "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		bearer[name] = value
	}
	switch {
	case r.Method != http.MethodPost:
		return "method not allowed", http.StatusMethodNotAllowed
	case r.URL.Path != "/api/"+Project+"/envelope/":
		return "event submission rejected with_reason: ProjectId", http.StatusForbidden
	case !strings.HasPrefix(auth, "Sentry ") || bearer["sentry_version"] != "7" || bearer["sentry_client"] == "":
		return "bad X-Sentry-Auth header", http.StatusUnauthorized
	case bearer["sentry_key"] != Key:
		return "event submission rejected with_reason: key " + bearer["sentry_key"], http.StatusForbidden
	case r.Header.Get("Content-Type") != "application/x-sentry-envelope":
		return "not an envelope", http.StatusUnsupportedMediaType
	}
	return "", 0
}

// read takes an envelope apart: a header, then for each item a header and a payload; all of it or nothing is taken.
func (s *Server) read(body []byte) (id string, err error) {
	var header struct {
		ID     string    `json:"event_id"`
		SentAt time.Time `json:"sent_at"`
	}
	line, rest, _ := bytes.Cut(body, []byte("\n"))
	if err := json.Unmarshal(line, &header); err != nil {
		return "", fmt.Errorf("the envelope's header: %w", err)
	}
	if header.SentAt.IsZero() {
		return "", errors.New("the envelope does not say when it was sent")
	}
	for len(bytes.TrimSpace(rest)) > 0 {
		var item struct {
			Type   string `json:"type"`
			Length *int   `json:"length"`
		}
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if err := json.Unmarshal(line, &item); err != nil {
			return "", fmt.Errorf("an item's header: %w", err)
		}
		if item.Length == nil || *item.Length > len(rest) || len(rest) > *item.Length && rest[*item.Length] != '\n' {
			return "", errors.New("an item's length is wrong")
		}
		payload := rest[:*item.Length]
		rest = bytes.TrimPrefix(rest[*item.Length:], []byte("\n"))
		if err := s.take(item.Type, header.ID, payload); err != nil {
			return "", err
		}
	}
	return header.ID, nil
}

func (s *Server) take(sort, id string, payload []byte) error {
	switch sort {
	case "event":
		return s.takeEvent(id, payload)
	case "check_in":
		return s.takeCheckIn(payload)
	}
	return fmt.Errorf("an item of the unexpected type %q", sort)
}

func (s *Server) takeEvent(id string, payload []byte) error {
	e := Event{Raw: slices.Clone(payload)}
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("an event: %w", err)
	}
	if len(e.ID) != 32 || e.ID != id {
		return fmt.Errorf("the event's id %q is not that of the envelope, %q", e.ID, id)
	}
	for name, value := range e.Tags {
		if name == "" || len(name) > 32 || value == "" || len([]rune(value)) > 200 || strings.ContainsAny(value, "\n\r") {
			return fmt.Errorf("the tag %q has a value that Sentry drops: %q", name, value)
		}
	}
	if slices.ContainsFunc(s.events, func(other Event) bool { return other.ID == e.ID }) {
		s.again++
		return nil
	}
	s.events = append(s.events, e)
	return nil
}

func (s *Server) takeCheckIn(payload []byte) error {
	c := CheckIn{At: time.Now()}
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("a check-in: %w", err)
	}
	if c.Config != nil {
		if err := c.Config.wrong(); err != nil {
			return fmt.Errorf("the monitor %s: %w", c.Monitor, err)
		}
		s.monitors[c.Monitor] = c.Config
	}
	switch {
	case len(c.ID) != 32 || strings.Trim(c.ID, "0123456789abcdef") != "":
		return fmt.Errorf("%q is no id of a check-in", c.ID)
	case c.Monitor == "" || len(c.Monitor) > 50 || strings.Trim(c.Monitor, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "",
		strings.Trim(c.Monitor, "0123456789") == "":
		return fmt.Errorf("%q is no slug of a monitor", c.Monitor)
	case c.Status != "in_progress" && c.Status != "ok" && c.Status != "error":
		return fmt.Errorf("%q is no status of a check-in", c.Status)
	case s.monitors[c.Monitor] == nil:
		return fmt.Errorf("there is no monitor %s", c.Monitor)
	}
	s.checkIns = append(s.checkIns, c)
	return nil
}

// wrong says what Sentry does not take in a monitor's configuration.
func (m *Monitor) wrong() error {
	const most = 28 * 24 * 60
	switch m.Schedule.Type {
	case "crontab":
		line, _ := m.Schedule.Value.(string)
		if fields := strings.Fields(line); len(fields) != 5 || strings.ContainsAny(line, "?@=") {
			return fmt.Errorf("the crontab %q has not five plain fields", line)
		}
	case "interval":
		n, _ := m.Schedule.Value.(float64)
		if n < 1 || n != float64(int(n)) || m.Schedule.Unit != "minute" && m.Schedule.Unit != "hour" {
			return fmt.Errorf("every %v %s is no interval", m.Schedule.Value, m.Schedule.Unit)
		}
	default:
		return fmt.Errorf("%q is no sort of schedule", m.Schedule.Type)
	}
	if _, err := time.LoadLocation(m.Zone); err != nil || m.Zone == "Local" {
		return fmt.Errorf("%q is no time zone", m.Zone)
	}
	for _, n := range []int{m.Margin, m.Longest} {
		if n < 1 || n > most {
			return fmt.Errorf("%d minutes are out of bounds", n)
		}
	}
	if m.Failures < 1 || m.Recovered < 1 {
		return errors.New("a threshold is below one")
	}
	return nil
}
