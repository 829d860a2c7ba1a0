package taobaotest

import (
	"slices"
	"strconv"
	"time"
)

// Rules say how a gateway behaves. The zero Rules are those of the vendor's documents, with both ends of a window inclusive.
type Rules struct {
	// SinceExclusive and UntilExclusive leave out what lies exactly on a bound of a window.
	SinceExclusive, UntilExclusive bool
	// Widest is the longest span of modified; zero: a day. A longer one is refused with code 41, or 15 with SpanIs15, and
	// isv.invalid-parameter:end_modified.
	Widest   time.Duration
	SpanIs15 bool
	// Reach is how long a trade can be seen, counted from its creation; zero: 90 days. Older trades are in no list and in no fullinfo.
	Reach time.Duration
	// ClampSize serves 100 rows where more are asked for, instead of refusing with code 41 and isv.invalid-parameter:page_size.
	ClampSize bool
	// LastPageAgain repeats the last page past the end, instead of an empty one.
	LastPageAgain bool
	// LastPage refuses pages past it with code 15; zero: none is.
	LastPage int
	// HeavyRows and HeavySpan answer isv.trade-service-rejection where a window holds more rows, or spans longer; zero: never.
	HeavyRows int
	HeavySpan time.Duration
	// Forbidden are methods for which the apps lack the permission: the answer is code 11 with the sub code that stands here
	// (isv.permission-api-package-empty, isv.permission-ip-whitelist-limit).
	Forbidden map[string]string

	// ShuffleTies gives rows of one second another order at each call.
	ShuffleTies bool
	// IgnoreHasNext ignores use_has_next as the sandbox does. BothTotals sends total_results besides has_next.
	// NoHasNextAtEnd leaves has_next out where there is no next page.
	IgnoreHasNext, BothTotals, NoHasNextAtEnd bool
	// Lie changes total_results: it is given the true number and the rows of the page.
	Lie func(total, rows int) int
	// TextIDs sends ids as texts, TextNumbers all other numbers (counts, error codes).
	TextIDs, TextNumbers bool
	// Slashes writes every / in a text as \/.
	Slashes bool
	// NoRequestID leaves request_id out, as old answers do.
	NoRequestID bool
	// AlwaysXML ignores format, and simplify too.
	AlwaysXML bool
	// Mass spoils every trade, in fullinfo and in the lists.
	Mass Poison

	// Promotion says whether a moment lies in promotion hours: lists then come without orders, payment, logistics and oaid and lag by one to
	// ten minutes, and fullinfo lacks timeout_action_time, commission_fee, available_confirm_fee, refund_id and special_refund_type.
	// With Starve fullinfo lacks orders, payment, logistics and oaid too. nil: never.
	Promotion func(at time.Time) bool
	Starve    bool
	// Lag makes a list see the trades as they were so long ago, two hours at most; nil: only in promotion hours.
	Lag func(r Request) time.Duration

	// PerSecond and PerDay are the limits of each app. A call beyond the first is answered with code 7 and a ban of a second on its method,
	// one beyond the second with a ban of all calls until midnight in GMT+8. Zero: none.
	PerSecond, PerDay int
	// SilentBans leaves the number of seconds out of sub_msg.
	SilentBans bool
	// Grace is how long after the answer that tells of a ban a call still counts as under way (see Request.Defiant).
	Grace time.Duration

	// Skew is how far the gateway's clock (its Date, time.get and its check of timestamps) is ahead of the Truth's. NoDate sends no Date.
	Skew   time.Duration
	NoDate bool
	// OAuthStatus is that of the token endpoint's errors; zero: 400.
	OAuthStatus int

	// Before is called before each answer is made, and may change the Truth: rows then move between pages.
	Before func(r Request)
	// Fault may spoil an answer; nil, or a nil fault: a good one. Faults of [Server.Fail] come first.
	Fault func(r Request) *Fault
	// Seed makes what is random repeatable: the lag in promotion hours.
	Seed uint64
}

// Poison is a way in which one trade cannot be understood.
type Poison string

// The poisons. HugeMemo and FoldedKey are oddities that a reader may bear, the others none can.
const (
	BadMoney      Poison = "a payment that is no number"
	NoTID         Poison = "no tid"
	OtherTID      Poison = "the tid of another trade"
	BadTime       Poison = "the 99th of the 99th month as modified"
	BadQuantity   Poison = "a list as num"
	NotAnObject   Poison = "a number instead of a trade"
	NoOID         Poison = "a line without oid"
	LinesNotAList Poison = "a text instead of the lines"
	BadUTF8       Poison = "bytes that are not UTF-8 in an oid"
	DeepNesting   Poison = "lines nested 10000 levels deep"
	HugeMemo      Poison = "a memo of two megabytes"
	FoldedKey     Poison = "a key in two spellings"
)

// Poisons are the ten that nobody can understand.
func Poisons() []Poison {
	return []Poison{BadMoney, NoTID, OtherTID, BadTime, BadQuantity, NotAnObject, NoOID, LinesNotAList, BadUTF8, DeepNesting}
}

// Request is one call.
type Request struct {
	// N counts all calls from 1, Nth those of this method.
	N, Nth int
	// Method is the method's name, or the path of a call that is not for the gateway ("/token").
	Method string
	// Params are the parameters from address and body but sign and the secrets of the token endpoint. The log keeps them for the last 4096
	// calls, and their tid for all.
	Params map[string]string
	AppKey string
	TID    string
	// At is the Truth's clock.
	At time.Time
	// Code is that of the answer: 0 for a good one, -1 for one that a fault spoiled on its way (502, HTML, cut, reset). Only in the log.
	Code    int
	SubCode string
	// Banned: the call came while a ban on it lasted. Defiant: the ban had been told in an earlier answer, which was on the wire before this
	// call came (by more than Rules.Grace).
	Banned, Defiant bool
}

// Fault is an answer that is not what was asked for. The zero Fault changes nothing.
type Fault struct {
	// Code, Msg, SubCode and SubMsg are an error_response in the format that was asked for.
	Code                 int
	Msg, SubCode, SubMsg string
	// Ban, besides SubCode, also bans all further calls so long.
	Ban time.Duration
	// Latency passes before the answer begins.
	Latency time.Duration
	// Status replaces 200, Body the body, ContentType its type. Header adds headers.
	Status            int
	Body, ContentType string
	Header            map[string]string
	// Empty sends no body at all.
	Empty bool
	// Keep cuts the body after so many bytes; the connection then breaks, or, with Quietly, ends as if that were all.
	Keep    int
	Quietly bool
	// Drip sends one byte each time so much has passed.
	Drip time.Duration
	// Reset breaks the connection instead of answering. With After the call is done first, as far as the gateway is concerned: a used code stays
	// used, a refreshed token refreshed.
	Reset, After bool
}

// The kinds of limit, by their sub codes. AppCount (the daily quota) and DynamicCount ban every call of the app, AppAPICount those of the app to
// the method, APICount those of all apps to the method.
const (
	AppCount     = "accesscontrol.limited-by-app-access-count"
	APICount     = "accesscontrol.limited-by-api-access-count"
	AppAPICount  = "accesscontrol.limited-by-app-api-access-count"
	DynamicCount = "accesscontrol.limited-by-dynamic-access-count"
)

// Limited is code 7 with a ban of so many seconds; zero: unstated. The ban is real: further calls in its scope are refused while it lasts.
func Limited(seconds int, subCode string) Fault {
	return Fault{Code: 7, Msg: "App Call Limited", SubCode: subCode, SubMsg: banText(seconds), Ban: time.Duration(seconds) * time.Second}
}

func banText(seconds int) string {
	if seconds <= 0 {
		return "This ban is in force"
	}
	return "This ban will last for " + strconv.Itoa(seconds) + " more seconds"
}

// Isp is a fault of the platform's: isp.remote-service-timeout and the like.
func Isp(subCode string) Fault {
	return Fault{Code: 15, Msg: "Remote service error", SubCode: subCode, SubMsg: "remote call failed"}
}

// TooHeavy is isv.trade-service-rejection.
func TooHeavy() Fault {
	return Fault{Code: 15, Msg: "Remote service error", SubCode: "isv.trade-service-rejection", SubMsg: "too many slow queries, retry after 3 minutes"}
}

// Error is any error of the platform.
func Error(code int, msg, subCode, subMsg string) Fault {
	return Fault{Code: code, Msg: msg, SubCode: subCode, SubMsg: subMsg}
}

// SessionExpired is what a call with an expired session gets.
func SessionExpired() Fault {
	return Error(27, "Invalid Session", "session-expired", "SessionKey expired")
}

// BadGateway is a 502 with a page for people.
func BadGateway() Fault {
	return Fault{Status: 502, ContentType: "text/html", Body: "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"}
}

// HTML is a page for people, with status 200.
func HTML() Fault {
	return Fault{ContentType: "text/html; charset=utf-8", Body: "<!doctype html><html><body><h1>系统繁忙，请稍后再试</h1></body></html>"}
}

// Answer is a 200 with that body.
func Answer(body string) Fault { return Fault{Body: body} }

// Cut breaks the answer off after n bytes; quietly: the connection ends in order, so that only the JSON shows it.
func Cut(n int, quietly bool) Fault { return Fault{Keep: n, Quietly: quietly} }

// Reset breaks the connection instead of answering.
func Reset() Fault { return Fault{Reset: true} }

// Slow answers late.
func Slow(latency time.Duration) Fault { return Fault{Latency: latency} }

// retryable are the isp sub codes that ask for another try.
func retryable() []string {
	return slices.Clone([]string{
		"isp.trade-service-unavailable", "isp.remote-service-error", "isp.remote-service-timeout", "isp.remote-connection-error",
		"isp.top-remote-connection-timeout", "isp.top-remote-connection-error", "isp.top-remote-service-unavailable",
		"isp.top-remote-unknown-error", "isp.unknown-error", "isp.system-busy", "isp.remote-service-timeout-tmall",
	})
}
