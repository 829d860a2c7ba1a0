package taobaotest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What a server from New knows: one app, and one session of it for the truth's shop, which never ends.
const (
	AppKey      = "12345678"
	AppSecret   = "helloworld"
	Session     = "6100test-session"
	SellerNick  = "sandbox_测试旗舰店"
	RedirectURI = "https://shop.example/callback"
)

// Marker is in every answer to a route that nobody meant.
const Marker = "taobaotest: nobody meant this request"

// Router is the gateway's path.
const Router = "/router/rest"

// remembered is how many calls the log keeps with their parameters.
const remembered = 4096

// Server is the platform: the gateway and the authorisation endpoints, for its apps and shops. It is safe for many requests at once.
type Server struct {
	// Truth is that of the first shop. Its clock is the platform's.
	Truth *Truth

	mu     sync.Mutex
	rules  Rules
	shops  map[string]*Truth
	apps   map[string]App
	tokens []*Token
	codes  map[string]code
	faults map[string][]Fault // by method, "" for any
	calls  []Request
	// forgotten is how many calls there were before those of the log.
	forgotten int
	counts    map[string]int
	strays    []string
	bans      []*ban
	used      map[string]usage
}

// usage is what an app used of its limits.
type usage struct {
	second, day   int64
	calls, callsD int
}

// ban refuses calls until a moment. An empty appKey or method means all.
type ban struct {
	appKey, method, subCode string
	until, told             time.Time
	silent                  bool
}

func (b *ban) covers(appKey, method string, at time.Time) bool {
	return at.Before(b.until) && (b.appKey == "" || b.appKey == appKey) && (b.method == "" || b.method == method)
}

// New returns a platform with one app and one shop: see AppKey. Further ones come by AddApp, AddShop and Grant.
func New(truth *Truth, rules Rules) *Server {
	s := &Server{
		Truth: truth, rules: rules, shops: map[string]*Truth{}, apps: map[string]App{}, codes: map[string]code{}, faults: map[string][]Fault{},
		counts: map[string]int{}, used: map[string]usage{},
	}
	s.AddApp(App{Key: AppKey, Secret: AppSecret})
	s.AddShop(truth.Nick(), truth)
	s.tokens = []*Token{{Access: Session, AppKey: AppKey, Nick: truth.Nick(), Issued: truth.Now()}}
	return s
}

// Change changes how the platform behaves, from the next call on.
func (s *Server) Change(change func(*Rules)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.rules)
}

// AddShop adds the shop of a seller.
func (s *Server) AddShop(nick string, truth *Truth) {
	truth.mu.Lock()
	truth.nick = nick
	truth.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shops[nick] = truth
}

// Fail spoils the next answers of the gateway, whatever the method, one fault each.
func (s *Server) Fail(faults ...Fault) { s.FailMethod("", faults...) }

// FailMethod spoils the next answers of one method (or path: "/token"), one fault each. They come before those of Fail.
func (s *Server) FailMethod(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// Ban refuses calls from now on for so long with code 7. The sub code says which: AppCount and DynamicCount all calls of the app, AppAPICount its
// calls to the method, APICount those of all apps to the method.
func (s *Server) Ban(lasts time.Duration, subCode, appKey, method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ban(lasts, subCode, appKey, method)
}

func (s *Server) ban(lasts time.Duration, subCode, appKey, method string) *ban {
	b := &ban{appKey: appKey, method: method, subCode: subCode, until: s.Truth.Now().Add(lasts), silent: s.rules.SilentBans}
	switch subCode {
	case APICount:
		b.appKey = ""
	case AppAPICount:
	default:
		b.method = ""
	}
	s.bans = append(s.bans, b)
	return b
}

// inForce is the ban on a call that lasts longest.
func (s *Server) inForce(appKey, method string, at time.Time) *ban {
	var longest *ban
	s.bans = slices.DeleteFunc(s.bans, func(b *ban) bool { return !at.Before(b.until) })
	for _, b := range s.bans {
		if b.covers(appKey, method, at) && (longest == nil || b.until.After(longest.until)) {
			longest = b
		}
	}
	return longest
}

// limit counts a call, and bans what is beyond the app's limits.
func (s *Server) limit(appKey, method string, at time.Time) *ban {
	u := s.used[appKey]
	local := at.In(platformZone)
	second, day := at.Unix(), (at.Unix()+8*3600)/86400
	if u.second != second {
		u.second, u.calls = second, 0
	}
	if u.day != day {
		u.day, u.callsD = day, 0
	}
	u.calls++
	u.callsD++
	s.used[appKey] = u
	switch {
	case s.rules.PerDay > 0 && u.callsD > s.rules.PerDay:
		midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, platformZone)
		return s.ban(midnight.Sub(at), AppCount, appKey, method)
	case s.rules.PerSecond > 0 && u.calls > s.rules.PerSecond:
		return s.ban(time.Second, AppAPICount, appKey, method)
	}
	return nil
}

// tell notes that the answer which tells of a ban is on the wire.
func (s *Server) tell(b *ban) {
	if b == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.told.IsZero() {
		b.told = s.Truth.Now()
	}
}

// Calls returns the log: every call so far, in the order in which they came.
func (s *Server) Calls() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns how many calls each method got.
func (s *Server) Count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Seconds returns how many calls the gateway got in each second (Unix time) that had any.
func (s *Server) Seconds() map[int64]int {
	seconds := map[int64]int{}
	for _, at := range s.times() {
		seconds[at.Unix()]++
	}
	return seconds
}

// Busiest is the greatest number of calls that the gateway got within a span of that length: half-open, and beginning at any call.
func (s *Server) Busiest(span time.Duration) int {
	times, first, most := s.times(), 0, 0
	for i, at := range times {
		for !at.Before(times[first].Add(span)) {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// times are those of the gateway's calls, oldest first.
func (s *Server) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := make([]time.Time, 0, len(s.calls))
	for _, c := range s.calls {
		if !strings.HasPrefix(c.Method, "/") {
			times = append(times, c.At)
		}
	}
	return times
}

// DefiantCalls are the calls sent during a ban that had been told before. A test wants none.
func (s *Server) DefiantCalls() []Request {
	return slices.DeleteFunc(s.Calls(), func(r Request) bool { return !r.Defiant })
}

// Strays returns the requests that nobody meant: to another path, of an unknown method, with a parameter that is empty or there twice. A
// test wants none.
func (s *Server) Strays() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.strays)
}

// Forget empties the log, its counts and the strays. Numbers go on.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten = s.total()
	s.calls, s.counts, s.strays = nil, map[string]int{}, nil
}

// total is how many calls there were since the beginning.
func (s *Server) total() int { return s.forgotten + len(s.calls) }

// call is one request under way.
type call struct {
	Request
	rules   Rules
	request *http.Request
	params  params
	fault   *Fault
	ban     *ban // the one in force, told the one that the answer tells of
	told    *ban
	truth   *Truth // of the session's shop
	token   *Token
}

// reply is an answer before it is put on a wire.
type reply struct {
	status int
	header http.Header
	body   string
	fault  Fault
	ban    *ban
}

// answer makes the answer to a request. It is the whole server; what carries the answer is in wire.go.
func (s *Server) answer(r *http.Request) *reply {
	out := &reply{status: http.StatusOK, header: http.Header{}}
	c := s.receive(r)
	if c.rules.Before != nil {
		c.rules.Before(c.Request)
	}
	if c.fault == nil && c.rules.Fault != nil {
		c.fault = c.rules.Fault(c.Request)
	}
	fault := Fault{}
	if c.fault != nil {
		fault = *c.fault
	}
	if fault.Reset && !fault.After {
		c.Code = -1
	} else {
		s.route(c, out)
	}
	if !c.rules.NoDate {
		out.header.Set("Date", s.clock(c).Format(http.TimeFormat))
	}
	if fault.spoils() {
		c.Code = -1
	}
	if c.Code >= 0 {
		out.ban = c.told
	}
	out.spoil(fault)
	s.note(c)
	return out
}

// clock is the gateway's.
func (s *Server) clock(c *call) time.Time { return s.Truth.Now().Add(c.rules.Skew) }

// receive notes the request and takes what is needed to answer it.
func (s *Server) receive(r *http.Request) *call {
	c := &call{request: r, params: readParams(r)}
	c.Method, c.AppKey, c.TID = c.params.value("method"), c.params.value("app_key"), c.params.value("tid")
	if r.URL.Path != Router {
		c.Method, c.AppKey = r.URL.Path, c.params.value("client_id")
	}
	c.Params = c.params.shown()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.rules, c.At, c.N = s.rules, s.Truth.Now(), s.total()+1
	c.strays(s)
	if r.URL.Path == Router {
		c.ban = s.inForce(c.AppKey, c.Method, c.At)
		if c.ban != nil {
			c.Banned, c.Defiant = true, !c.ban.told.IsZero() && c.At.After(c.ban.told.Add(s.rules.Grace))
		} else {
			c.ban = s.limit(c.AppKey, c.Method, c.At)
		}
	}
	s.counts[c.Method]++
	c.Nth = s.counts[c.Method]
	s.calls = append(s.calls, c.Request)
	if n := len(s.calls); n > remembered {
		s.calls[n-remembered-1].Params = nil
	}
	queues := []string{c.Method}
	if r.URL.Path == Router {
		queues = append(queues, "")
	}
	for _, queue := range queues {
		if faults := s.faults[queue]; len(faults) > 0 {
			c.fault, s.faults[queue] = new(faults[0]), faults[1:]
			break
		}
	}
	return c
}

// strays notes what nobody meant.
func (c *call) strays(s *Server) {
	if c.request.URL.Path == Router {
		if _, known := methods()[c.Method]; !known && c.Method != "" {
			s.strays = append(s.strays, "unknown method "+c.Method)
		}
		for _, name := range c.params.empty {
			s.strays = append(s.strays, c.Method+": "+name+" is sent without a value")
		}
		for _, name := range c.params.twice {
			s.strays = append(s.strays, c.Method+": "+name+" is sent twice")
		}
	} else if !slices.Contains([]string{"/authorize", "/token", "/logoff"}, c.request.URL.Path) {
		s.strays = append(s.strays, c.request.Method+" "+c.request.URL.Path)
	}
}

// note writes the outcome into the log.
func (s *Server) note(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := c.N - 1 - s.forgotten
	if i >= 0 && i < len(s.calls) {
		s.calls[i].Code, s.calls[i].SubCode = c.Code, c.SubCode
	}
}

func (s *Server) route(c *call, out *reply) {
	switch c.request.URL.Path {
	case Router:
		s.gateway(c, out)
	case "/authorize":
		s.authorize(c, out)
	case "/token":
		s.token(c, out)
	case "/logoff":
		out.page(http.StatusOK, "you are logged off")
	default:
		out.page(http.StatusInternalServerError, Marker)
	}
}

// failure is an error_response.
type failure struct {
	code                 int
	msg, subCode, subMsg string
}

func (f failure) node() *node {
	n := object()
	n.add("code", number(int64(f.code)))
	n.add("msg", text(f.msg))
	n.add("sub_code", text(f.subCode))
	n.add("sub_msg", text(f.subMsg))
	return n
}

// gateway answers a call of a method.
func (s *Server) gateway(c *call, out *reply) {
	var result *node
	problem := s.admit(c)
	if problem == nil && c.fault != nil && c.fault.Code != 0 {
		problem = s.planned(c)
	}
	if problem == nil {
		result, problem = methods()[c.Method].answer(s, c)
	}
	root := strings.ReplaceAll(strings.TrimPrefix(c.Method, "taobao."), ".", "_") + "_response"
	if problem != nil {
		result, root = problem.node(), "error_response"
		c.Code, c.SubCode = problem.code, problem.subCode
	}
	if !c.rules.NoRequestID {
		result.add("request_id", text("x"+strconv.FormatInt(int64(c.N)*2654435761, 36)))
	}
	f := format{
		textIDs: c.rules.TextIDs, textNumbers: c.rules.TextNumbers, slashes: c.rules.Slashes,
		simplify: c.params.value("simplify") == "true" && problem == nil,
	}
	switch {
	case c.rules.AlwaysXML || !strings.HasPrefix(c.params.value("format"), "json"):
		out.header.Set("Content-Type", "text/xml;charset=UTF-8")
		out.body = f.xml(root, result)
	case f.simplify:
		out.header.Set("Content-Type", "text/javascript;charset=UTF-8")
		out.body = f.json(result)
	default:
		out.header.Set("Content-Type", "text/javascript;charset=UTF-8") // as the platform calls its JSON
		out.body = `{"` + root + `":` + f.json(result) + `}`
	}
}

// planned is the error of a fault. One with a ban begins it.
func (s *Server) planned(c *call) *failure {
	f := *c.fault
	if f.Ban > 0 {
		s.mu.Lock()
		c.told = s.ban(f.Ban, f.SubCode, c.AppKey, c.Method)
		s.mu.Unlock()
	}
	return &failure{code: f.Code, msg: cmp.Or(f.Msg, "Remote service error"), subCode: f.SubCode, subMsg: f.SubMsg}
}

// refusal is what a banned call gets.
func (b *ban) refusal(at time.Time) *failure {
	seconds := int((b.until.Sub(at) + time.Second - 1) / time.Second)
	if b.silent {
		seconds = 0
	}
	return &failure{code: 7, msg: "App Call Limited", subCode: b.subCode, subMsg: banText(seconds)}
}
