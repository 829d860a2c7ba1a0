// Package hooktest is a server that behaves like the robots of DingTalk, WeCom, Feishu and Slack and like a receiver of signed JSON, over
// real HTTP, for tests. It shares no code with package webhook: it checks addresses, signatures, shapes and sizes by the published rules
// itself, and says no as the robots do: DingTalk, WeCom and Feishu with a number in an answer with the status 200.
package hooktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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

// Token is the secret part of all addresses.
const Token = "5f0c8a1e-canary-token-93b7"

// Secrets sign. That of WeCom and Slack is none.
const (
	DingTalkSecret = "SEC1111111111111111111111111111aaaa"
	FeishuSecret   = "feishu-secret-2222"
	JSONSecret     = "json-secret-3333"
)

// Message is what a robot took.
type Message struct {
	Kind string
	// Title is the line on top, Text all that people see, in the robot's markup.
	Title, Text string
	Header      http.Header
	Body        []byte
	At          time.Time
}

// Answer is what a robot says instead of judging.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Server holds one robot of each kind. Its methods may be called at any time.
type Server struct {
	base   string
	server *http.Server
	served sync.WaitGroup

	mu       sync.Mutex
	signed   bool
	keyword  string
	perMin   int
	answers  []Answer
	silent   chan struct{}
	messages []Message
	requests int
	refused  []string
	arrived  *sync.Cond
}

// Start starts the robots on loopback. They want signatures.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("hooktest: %w", err)
	}
	s := &Server{base: "http://" + listener.Addr().String(), signed: true}
	s.arrived = sync.NewCond(&s.mu)
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.served.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// Close stops the server and waits for it.
func (s *Server) Close() {
	s.mu.Lock()
	if s.silent != nil {
		close(s.silent)
		s.silent = nil
	}
	s.mu.Unlock()
	_ = s.server.Close()
	s.served.Wait()
}

// URL is the address of the robot of a kind.
func (s *Server) URL(kind string) string {
	return s.base + map[string]string{
		"dingtalk": "/robot/send?access_token=" + Token,
		"wecom":    "/cgi-bin/webhook/send?key=" + Token,
		"feishu":   "/open-apis/bot/v2/hook/" + Token,
		"slack":    "/services/T0001/B0001/" + Token,
		"json":     "/anything/" + Token,
	}[kind]
}

// Secret is what signs messages to the robot of a kind; empty: they have no signature.
func (s *Server) Secret(kind string) string {
	return map[string]string{"dingtalk": DingTalkSecret, "feishu": FeishuSecret, "json": JSONSecret}[kind]
}

// Unsigned lets the robots take messages without signatures, as the others are set up.
func (s *Server) Unsigned() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signed = false
}

// Want lets the robots of DingTalk and Feishu take only messages that hold the keyword.
func (s *Server) Want(keyword string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keyword = keyword
}

// Limit lets each robot take so many messages in all; zero: any number.
func (s *Server) Limit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perMin = n
}

// Next lets the next requests be answered so, one each.
func (s *Server) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

// Silence lets requests wait without an answer until Close.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent == nil {
		s.silent = make(chan struct{})
	}
}

// Messages are those that were taken, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Requests is how many came, answered or not.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Await waits until so many requests came.
func (s *Server) Await(requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.requests < requests {
		s.arrived.Wait()
	}
}

// Refused are the reasons for what was not taken.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if silent := s.count(); silent != nil {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
		return
	}
	a := s.answer(r, body)
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

func (s *Server) count() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.arrived.Broadcast()
	return s.silent
}

func (s *Server) answer(r *http.Request, body []byte) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) > 0 {
		a := s.answers[0]
		s.answers = s.answers[1:]
		return a
	}
	kind, robot := s.robotAt(r.URL.Path)
	if robot == nil {
		s.refused = append(s.refused, "nobody is at "+r.URL.Path)
		return Answer{Status: http.StatusNotFound, Body: "no_service"}
	}
	m := Message{Kind: kind, Header: r.Header.Clone(), Body: body, At: time.Now()}
	no := robot(r, &m)
	if s.perMin > 0 && no == nil && len(s.messages) >= s.perMin {
		no = fast(kind)
	}
	if no != nil {
		s.refused = append(s.refused, kind+": "+no.why)
		return no.Answer
	}
	s.messages = append(s.messages, m)
	return yes(kind)
}

// no is a refusal.
type no struct {
	Answer
	why string
}

func (s *Server) robotAt(path string) (string, func(*http.Request, *Message) *no) {
	switch {
	case path == "/robot/send":
		return "dingtalk", s.dingTalk
	case path == "/cgi-bin/webhook/send":
		return "wecom", s.weCom
	case strings.HasPrefix(path, "/open-apis/bot/v2/hook/"):
		return "feishu", s.feishu
	case strings.HasPrefix(path, "/services/"):
		return "slack", s.slack
	case strings.HasPrefix(path, "/anything/"):
		return "json", s.json
	}
	return "", nil
}

func yes(kind string) Answer {
	return Answer{Status: http.StatusOK, Body: map[string]string{
		"dingtalk": `{"errcode":0,"errmsg":"ok"}`, "wecom": `{"errcode":0,"errmsg":"ok"}`,
		"feishu": `{"code":0,"msg":"success","data":{},"Extra":null,"StatusCode":0,"StatusMessage":"success"}`, "slack": "ok",
	}[kind]}
}

func fast(kind string) *no {
	switch kind {
	case "dingtalk":
		return coded("errcode", "errmsg", 130101, "send too fast, exceed 20 times per minute")
	case "wecom":
		return coded("errcode", "errmsg", 45009, "api freq out of limit")
	case "feishu":
		return coded("code", "msg", 11232, "frequency limited psm")
	}
	return status(http.StatusTooManyRequests, "rate_limited", "Retry-After", "30")
}

func coded(codeName, textName string, code int, text string) *no {
	body, _ := json.Marshal(map[string]any{codeName: code, textName: text}) // such always encode
	return &no{Answer: Answer{Status: http.StatusOK, Body: string(body)}, why: fmt.Sprint(code, " ", text)}
}

func status(code int, text string, header ...string) *no {
	a := Answer{Status: code, Body: text, Header: http.Header{}}
	for pair := range slices.Chunk(header, 2) {
		a.Header.Set(pair[0], pair[1])
	}
	return &no{Answer: a, why: text}
}

// decode reads the body of a request, which must be a POST of JSON in UTF-8.
func decode(r *http.Request, m *Message, into any) bool {
	kind := strings.ToLower(strings.ReplaceAll(r.Header.Get("Content-Type"), " ", ""))
	return r.Method == http.MethodPost && (kind == "application/json" || kind == "application/json;charset=utf-8") && json.Unmarshal(m.Body, into) == nil
}

// fresh reports whether a moment is within an hour from now.
func fresh(t time.Time) bool { return time.Since(t).Abs() < time.Hour }

func hash(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(h, text)
	return h.Sum(nil)
}

func (s *Server) dingTalk(r *http.Request, m *Message) *no {
	refuse := func(code int, text string) *no { return coded("errcode", "errmsg", code, text) }
	query := r.URL.Query()
	if tokens := query["access_token"]; len(tokens) != 1 || tokens[0] != Token {
		return refuse(300001, "token is not exist")
	}
	if s.signed {
		stamps, signs := query["timestamp"], query["sign"]
		if len(stamps) != 1 || len(signs) != 1 {
			return refuse(310000, "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]")
		}
		millis, err := strconv.ParseInt(stamps[0], 10, 64)
		if err != nil || len(stamps[0]) != 13 || !fresh(time.UnixMilli(millis)) {
			return refuse(310000, "invalid timestamp, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]")
		}
		given, err := base64.StdEncoding.DecodeString(signs[0])
		if err != nil || !hmac.Equal(given, hash(DingTalkSecret, stamps[0]+"\n"+DingTalkSecret)) {
			return refuse(310000, "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]")
		}
	}
	var body struct {
		Type     string `json:"msgtype"`
		Markdown struct {
			Title string `json:"title"`
			Text  string `json:"text"`
		} `json:"markdown"`
	}
	switch {
	case !decode(r, m, &body):
		return refuse(40035, "缺少参数 json")
	case body.Type != "markdown" || body.Markdown.Title == "" || body.Markdown.Text == "":
		return refuse(400105, "unsupported message type")
	case len([]rune(body.Markdown.Text)) > 5000:
		return refuse(460101, "message too long, exceed 20000 bytes")
	case !strings.Contains(body.Markdown.Text, s.keyword):
		return refuse(310000, "keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]")
	}
	m.Title, m.Text = body.Markdown.Title, body.Markdown.Text
	return nil
}

func (s *Server) weCom(r *http.Request, m *Message) *no {
	refuse := func(code int, text string) *no {
		return coded("errcode", "errmsg", code, fmt.Sprintf("%s, hint: [1755605200056773468916791], from ip: 203.0.113.7, more info at "+
			"https://open.work.weixin.qq.com/devtool/query?e=%d", text, code))
	}
	if keys := r.URL.Query()["key"]; len(keys) != 1 || keys[0] != Token {
		return refuse(93000, "invalid webhook url "+r.URL.RawQuery)
	}
	var body struct {
		Type     string `json:"msgtype"`
		Markdown struct {
			Content string `json:"content"`
		} `json:"markdown"`
	}
	switch {
	case !decode(r, m, &body):
		return refuse(47001, "data format error")
	case body.Type != "markdown" || body.Markdown.Content == "":
		return refuse(40008, "invalid message type")
	case len(body.Markdown.Content) > 4096:
		return refuse(40058, "markdown.content exceed max length 4096. invalid Request Parameter")
	}
	m.Text = body.Markdown.Content
	m.Title, _, _ = strings.Cut(m.Text, "\n")
	return nil
}

func (s *Server) feishu(r *http.Request, m *Message) *no {
	refuse := func(code int, text string) *no { return coded("code", "msg", code, text) }
	if r.URL.Path != "/open-apis/bot/v2/hook/"+Token {
		return refuse(19001, "param invalid: incoming webhook access token invalid")
	}
	type text struct {
		Tag     string `json:"tag"`
		Content string `json:"content"`
	}
	var body struct {
		Type      string `json:"msg_type"`
		Timestamp string `json:"timestamp"`
		Sign      string `json:"sign"`
		Card      struct {
			Header struct {
				Title    text   `json:"title"`
				Template string `json:"template"`
			} `json:"header"`
			Elements []struct {
				Tag      string `json:"tag"`
				Text     text   `json:"text"`
				Elements []text `json:"elements"`
			} `json:"elements"`
		} `json:"card"`
	}
	if !decode(r, m, &body) || body.Type != "interactive" || len(m.Body) > 20<<10 {
		return refuse(9499, "Bad Request")
	}
	if s.signed {
		seconds, err := strconv.ParseInt(body.Timestamp, 10, 64)
		given, wrong := base64.StdEncoding.DecodeString(body.Sign)
		if err != nil || wrong != nil || !fresh(time.Unix(seconds, 0)) || !hmac.Equal(given, hash(body.Timestamp+"\n"+FeishuSecret, "")) {
			return refuse(19021, "sign match fail or timestamp is not within one hour from current time")
		}
	}
	texts := []text{body.Card.Header.Title}
	for _, e := range body.Card.Elements {
		if e.Tag == "note" {
			texts = append(texts, e.Elements...)
			continue
		}
		texts = append(texts, e.Text)
	}
	var all []string
	for _, t := range texts {
		if t.Tag != "plain_text" || t.Content == "" {
			return refuse(9499, "Bad Request")
		}
		all = append(all, t.Content)
	}
	m.Title, m.Text = body.Card.Header.Title.Content, strings.Join(all, "\n")
	if !strings.Contains(m.Text, s.keyword) {
		return refuse(19024, "Key Words Not Found")
	}
	return nil
}

func (s *Server) slack(r *http.Request, m *Message) *no {
	if r.URL.Path != "/services/T0001/B0001/"+Token {
		return status(http.StatusForbidden, "invalid_token")
	}
	type text struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	var body struct {
		Text   string `json:"text"`
		Blocks []struct {
			Type string `json:"type"`
			Text text   `json:"text"`
		} `json:"blocks"`
	}
	if !decode(r, m, &body) || len(body.Blocks) > 50 {
		return status(http.StatusBadRequest, "invalid_payload")
	}
	if body.Text == "" {
		return status(http.StatusBadRequest, "no_text")
	}
	all := []string{}
	for _, b := range body.Blocks {
		most, kind := 3000, "mrkdwn"
		if b.Type == "header" {
			most, kind = 150, "plain_text"
		}
		if n := len([]rune(b.Text.Text)); n == 0 || n > most || b.Text.Type != kind || b.Type != "header" && b.Type != "section" {
			return status(http.StatusBadRequest, "invalid_blocks")
		}
		all = append(all, b.Text.Text)
	}
	m.Title, m.Text = body.Text, strings.Join(all, "\n")
	return nil
}

func (s *Server) json(r *http.Request, m *Message) *no {
	if r.URL.Path != "/anything/"+Token {
		return status(http.StatusNotFound, "no such hook")
	}
	var body struct {
		Version  int    `json:"version"`
		ID       string `json:"id"`
		Headline string `json:"headline"`
		Text     string `json:"text"`
	}
	if !decode(r, m, &body) || body.Version != 1 || body.ID == "" || r.Header.Get("X-Ordersync-Notice") != body.ID {
		return status(http.StatusUnprocessableEntity, "not a notice")
	}
	if s.signed {
		stamp, sign, _ := strings.Cut(r.Header.Get("X-Ordersync-Signature"), ",")
		stamp, sign = strings.TrimPrefix(stamp, "t="), strings.TrimPrefix(sign, "v1=")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		given, wrong := hex.DecodeString(sign)
		if err != nil || wrong != nil || !fresh(time.Unix(seconds, 0)) || !hmac.Equal(given, hash(JSONSecret, stamp+"."+string(m.Body))) {
			return status(http.StatusUnauthorized, "the signature is wrong")
		}
	}
	m.Title, m.Text = body.Headline, body.Text
	return nil
}
