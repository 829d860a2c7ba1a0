package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

const (
	// maxTotal is the largest number of records or pages that a remote may announce and be believed.
	maxTotal = 1_000_000_000
	// maxNesting bounds how deep a whole answer may be nested: those who read it after us do so by recursion.
	maxNesting = 100_000
)

// Response is what a remote sent, as far as it matters here.
type Response struct {
	Body []byte
	// Header returns a header's value, empty where there is none; nil: there are no headers.
	Header func(name string) string
	// SentAt is the remote's clock when the question was sent.
	SentAt time.Time
}

// Listing is one page of a list of orders.
type Listing struct {
	// Records are in the remote's order.
	Records []order.Record
	// Total is the number of records that the remote announces for the whole list, Pages that of the pages.
	Total, Pages order.Field[int]
}

// answer is one response and what is known of its text.
type answer struct {
	body  []byte
	text  string
	depth int // how deep it is nested
	root  gjson.Result
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

func newShape(d Description) *shape {
	b := steps[answer]{lookup: newLookup()}
	s := &shape{inside: b.lookup}
	for _, path := range d.Records {
		if path == "" {
			s.root = true
			continue
		}
		s.records = append(s.records, b.lookup.slot(path))
	}
	s.total = place{slots: b.slots(d.Total.Paths), paths: d.Total.Paths, headers: d.Total.Headers}
	s.pages = place{slots: b.slots(d.Pages.Paths), paths: d.Pages.Paths, headers: d.Pages.Headers}
	s.failure = signs{
		codes:    b.slots([]string{"error.code", "error_code", "errcode", "errno", "code", "status_code"}),
		errors:   b.slots([]string{"error", "errors", "error_response"}),
		messages: b.slots([]string{"msg", "message", "error_description", "detail"}),
		success:  b.slots([]string{"success", "ok"}),
	}
	return s
}

// Listing reads a page of a list. What is no JSON at all, or nothing, is Transient: gateways and cut connections do that. JSON that is
// no listing is Protocol, unless its error code says something else. It is never "no orders".
func (r *Reader) Listing(response Response) (*Listing, error) {
	a, err := newAnswer(response.Body)
	if err != nil {
		return nil, err
	}
	s, found := r.shape, r.shape.inside.scratch()
	if a.root.IsObject() {
		if err := s.inside.walk(a.root, found); err != nil {
			return nil, fault.Errorf(fault.Protocol, "the answer is ambiguous: %w", err)
		}
	}
	l := &Listing{}
	if l.Total, err = s.total.read(found, response.Header); err != nil {
		return nil, err
	}
	if l.Pages, err = s.pages.read(found, response.Header); err != nil {
		return nil, err
	}
	list, err := s.find(a.root, found, l.Total)
	if err != nil {
		return nil, err
	}
	l.Records = r.mapping.decode(a, list, response.SentAt)
	return l, nil
}

// newAnswer makes sure that a body is JSON and holds something.
func newAnswer(body []byte) (*answer, error) {
	a := &answer{body: bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))} // a byte-order mark
	a.text = string(a.body)
	a.depth = depthOf(a.text)
	trimmed := strings.TrimSpace(a.text)
	switch {
	case trimmed == "":
		return nil, fault.New(fault.Transient, errors.New("the answer is empty"))
	case trimmed[0] == '<':
		return nil, fault.New(fault.Transient, errors.New("the answer is a page for people (HTML), not JSON"))
	case a.depth > maxNesting:
		return nil, fault.Errorf(fault.Protocol, "the answer is nested more than %d levels deep", maxNesting)
	case !gjson.Valid(a.text):
		return nil, fault.Errorf(fault.Transient, "the answer is not JSON, or was cut short after %d bytes", len(a.text))
	case trimmed == "null" || strings.Trim(trimmed, "{} \t\r\n") == "":
		return nil, fault.New(fault.Transient, errors.New("the answer holds nothing (null or an empty object)"))
	}
	a.root = gjson.Parse(a.text)
	return a, nil
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
	if v.Type == gjson.Null || v.Type == gjson.True || v.Type == gjson.False || len(code) > 40 || !plain {
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
func (p place) read(found *scratch, header func(string) string) (order.Field[int], error) {
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
		if header == nil || header(name) == "" {
			continue
		}
		text := header(name)
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
		return 0, errors.New("is no whole number")
	case n < 0:
		return 0, errors.New("is negative")
	case n > maxTotal:
		return 0, errors.New("is beyond belief")
	}
	return n, nil
}

// decode turns the entries of a list into records.
func (m *mapping) decode(a *answer, list gjson.Result, fetchedAt time.Time) []order.Record {
	d := m.decoder(a.text, a.depth, fetchedAt)
	var records []order.Record
	list.ForEach(func(_, v gjson.Result) bool {
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

// Code returns the short error code in the body of a failure, empty where there is none that can be quoted.
func Code(body []byte) string {
	a, err := newAnswer(body)
	if err != nil {
		return ""
	}
	for _, path := range []string{"error.code", "error_code", "code", "error"} {
		if code := sayCode(a.root.Get(path)); code != "" {
			return code
		}
	}
	return ""
}

// AboutSpan reports whether the body of a failure complains about the span that was asked for, by the words that remotes use for it in
// English and Chinese.
func AboutSpan(body []byte) bool {
	text := strings.ToLower(string(body[:min(len(body), 4096)]))
	for _, words := range []string{
		"range", "span", "interval", "window", "period", "too large", "too wide", "too long", "too many", "too big", "exceed",
		"at most", "maximum", "no more than", "not more than", "narrow", "less than", "within",
		"跨度", "范围", "区间", "超过", "过大", "太大",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
