package rest

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/apiclient"
	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const (
	// maxTotal is the largest number of records or pages that a remote may announce and be believed.
	maxTotal = 1_000_000_000
	// maxNesting bounds how deep a whole answer may be nested: those who read it after us do so by recursion.
	maxNesting = 100_000
)

// answer is what one response says, its records not yet decoded.
type answer struct {
	sentAt  time.Time
	body    []byte
	text    string
	depth   int          // how deep it is nested
	records gjson.Result // a list, or nothing where the remote has nothing (204)
	total   order.Field[int]
	pages   int // zero: not announced
}

// shape finds the parts of an answer: the list, the announced numbers, and signs of an error inside a 200.
type shape struct {
	inside  *lookup
	root    bool // the answer itself may be the list
	records []int
	total   place
	pages   place
	failure signs
}

// place is a Place with slots.
type place struct {
	slots   []int
	paths   []string
	headers []string
}

// signs are what error objects carry.
type signs struct {
	codes    []int
	errors   []int
	messages []int
	success  []int
}

func newShape(o Options) *shape {
	b := steps[answer]{lookup: newLookup()}
	s := &shape{inside: b.lookup}
	for _, path := range o.Records {
		if path == "" {
			s.root = true
			continue
		}
		s.records = append(s.records, b.lookup.slot(path))
	}
	s.total = place{slots: b.slots(o.Page.Total.Paths), paths: o.Page.Total.Paths, headers: o.Page.Total.Headers}
	s.pages = place{slots: b.slots(o.Page.Pages.Paths), paths: o.Page.Pages.Paths, headers: o.Page.Pages.Headers}
	s.failure = signs{
		codes:    b.slots([]string{"error.code", "error_code", "errcode", "errno", "code", "status_code"}),
		errors:   b.slots([]string{"error", "errors", "error_response"}),
		messages: b.slots([]string{"msg", "message", "error_description", "detail"}),
		success:  b.slots([]string{"success", "ok"}),
	}
	return s
}

// parse takes a response to pieces. What is no JSON at all, or nothing, is Transient: gateways and cut connections do that. JSON that
// is no listing is Protocol.
func (s *shape) parse(r *apiclient.Response) (*answer, error) {
	a := &answer{sentAt: r.SentAt, body: bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf"))}
	if r.Status == http.StatusNoContent {
		return a, nil
	}
	a.text = string(a.body)
	a.depth = depthOf(a.text)
	root, err := parseJSON(a.text, a.depth)
	if err != nil {
		return nil, err
	}
	found := s.inside.scratch()
	if root.IsObject() {
		if err := s.inside.walk(root, found); err != nil {
			return nil, fault.Errorf(fault.Protocol, "the answer is ambiguous: %w", err)
		}
	}
	if a.total, err = s.total.read(found, r.Header); err != nil {
		return nil, err
	}
	pages, err := s.pages.read(found, r.Header)
	if err != nil {
		return nil, err
	}
	a.pages = pages.Value()
	if a.records, err = s.find(root, found, a.total); err != nil {
		return nil, err
	}
	return a, nil
}

// parseJSON makes sure that a text is JSON and holds something.
func parseJSON(text string, depth int) (gjson.Result, error) {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return gjson.Result{}, fault.New(fault.Transient, errors.New("the answer is empty"))
	case trimmed[0] == '<':
		return gjson.Result{}, fault.New(fault.Transient, errors.New("the answer is a page for people (HTML), not JSON"))
	case depth > maxNesting:
		return gjson.Result{}, fault.Errorf(fault.Protocol, "the answer is nested more than %d levels deep", maxNesting)
	case !gjson.Valid(text):
		return gjson.Result{}, fault.Errorf(fault.Transient, "the answer is not JSON, or was cut short after %d bytes", len(text))
	case trimmed == "null" || strings.Trim(trimmed, "{} \t\r\n") == "":
		return gjson.Result{}, fault.New(fault.Transient, errors.New("the answer holds nothing (null or an empty object)"))
	}
	return gjson.Parse(text), nil
}

// find returns the list of records. An error object is no listing, even where it has an empty list beside it.
func (s *shape) find(root gjson.Result, found *scratch, total order.Field[int]) (gjson.Result, error) {
	if root.IsArray() {
		if s.root {
			return root, nil
		}
		return gjson.Result{}, fault.New(fault.Protocol, errors.New("the answer is a list, and records.path does not name the root"))
	}
	var list gjson.Result
	emptied := false
	for _, slot := range s.records {
		v := found.values[slot]
		if v.IsArray() {
			list = v
			break
		}
		emptied = emptied || v.Raw == "null" || v.IsObject() && strings.Trim(v.Raw, "{} \t\r\n") == ""
	}
	if err := s.failure.judge(found, list.Raw != "" && len(strings.Trim(list.Raw, "[] \t\r\n")) > 0); err != nil {
		return gjson.Result{}, err
	}
	if n, announced := total.Get(); list.Raw != "" || emptied && announced && n == 0 {
		return list, nil // null is how some languages write a list without entries; a total of 0 shows that this is meant
	}
	if v := found.first(s.failure.messages); v.Raw != "" {
		return gjson.Result{}, fault.New(fault.Protocol, errors.New("the answer is a message and no list of orders"))
	}
	return gjson.Result{}, fault.New(fault.Protocol, errors.New("the answer has no list of orders at any path of records.path"))
}

// judge looks for an error inside an answer. Beside records only a real error object counts, not a code that might mean anything.
func (f signs) judge(found *scratch, records bool) error {
	code := found.first(f.codes)
	failed := false
	for _, slot := range f.errors {
		failed = failed || !blank(found.values[slot])
	}
	if !records {
		failed = failed || !blank(code) && !slicesHas(goodCodes(), code)
		for _, slot := range f.success {
			failed = failed || found.values[slot].Type == gjson.False
		}
	}
	if !failed {
		return nil
	}
	said := sayCode(code)
	if said == "" {
		said = sayCode(found.first(f.errors))
	}
	if said == "" {
		return fault.New(fault.Protocol, errors.New("the answer is an error object (without a code)"))
	}
	return fault.Errorf(kindOfCode(said), "the answer is an error object (code %s)", said)
}

// goodCodes are codes that mean that all is well.
func goodCodes() []string {
	return []string{"0", "200", "00000", "20000", "ok", "success", "succeed", "true"}
}

func slicesHas(words []string, v gjson.Result) bool {
	for _, word := range words {
		if strings.EqualFold(word, strings.Trim(v.Raw, `"`)) {
			return true
		}
	}
	return false
}

// blank reports whether a value says that there is nothing.
func blank(v gjson.Result) bool {
	switch strings.Trim(v.Raw, "{}[] \t\r\n") {
	case "", "null", "false", "0", `""`, `"0"`:
		return true
	}
	return false
}

// sayCode returns a code that can be quoted: short, and nothing but a code.
func sayCode(v gjson.Result) string {
	code := v.Raw
	if v.Type == gjson.String {
		code = v.Str
	}
	plain := strings.IndexFunc(code, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.", r)
	}) < 0
	if v.Type == gjson.True || v.Type == gjson.False || len(code) > 40 || !plain {
		return ""
	}
	return code
}

// kindOfCode judges codes that mean the same as an HTTP status.
func kindOfCode(code string) fault.Kind {
	switch code {
	case "429", "THROTTLED", "TOO_MANY_REQUESTS", "rate_limited", "rate_limit_exceeded":
		return fault.RateLimited
	case "401", "403", "unauthorized", "UNAUTHORIZED", "invalid_token":
		return fault.Auth
	case "500", "502", "503", "504":
		return fault.Transient
	}
	return fault.Protocol
}

// read returns an announced number.
func (p place) read(found *scratch, header http.Header) (order.Field[int], error) {
	for i, slot := range p.slots {
		v := found.values[slot]
		text := v.Raw
		switch v.Type {
		case gjson.Null:
			continue
		case gjson.String:
			text = v.Str
		}
		n, err := announced(text)
		if err != nil {
			return order.Field[int]{}, fault.Errorf(fault.Protocol, "the number announced at %q %w", p.paths[i], err)
		}
		return order.Some(n), nil
	}
	for _, name := range p.headers {
		text := header.Get(name)
		if text == "" {
			continue
		}
		n, err := announced(strings.TrimSpace(text))
		if err != nil {
			return order.Field[int]{}, fault.Errorf(fault.Protocol, "the number announced in the header %s %w", name, err)
		}
		return order.Some(n), nil
	}
	return order.Field[int]{}, nil
}

func announced(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, errors.New("is not a whole number")
	case n < 0:
		return 0, errors.New("is negative")
	case n > maxTotal:
		return 0, errors.New("is beyond belief")
	}
	return n, nil
}

// decode turns the records of an answer into ours.
func (m *mapping) decode(a *answer) []order.Record {
	if a.records.Raw == "" {
		return nil
	}
	d := m.decoder(a.text, a.depth, a.sentAt)
	records := make([]order.Record, 0, 128)
	a.records.ForEach(func(_, v gjson.Result) bool {
		records = append(records, d.record(v, a.bytesOf(v)))
		return true
	})
	return records
}

// bytesOf returns the very bytes of a value, without a copy where gjson knows where they are.
func (a *answer) bytesOf(v gjson.Result) []byte {
	if end := v.Index + len(v.Raw); end <= len(a.text) && a.text[v.Index:end] == v.Raw {
		return a.body[v.Index:end:end]
	}
	return []byte(v.Raw)
}
