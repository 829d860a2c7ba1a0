package gateway

import "errors"

// Facts about failures that callers may ask for with errors.Is.
var (
	// ErrNoTrade: there is no such trade, it is another shop's, or it is older than three months. Its kind is fault.Rejected.
	ErrNoTrade = errors.New("the platform has no such trade")
	// ErrTooHeavy: the span holds more than the platform wants to look through: ask for half of it in three minutes. Its kind is
	// fault.Transient, so that nobody else waits.
	ErrTooHeavy = errors.New("the platform finds the span too heavy")
	// ErrSession: the platform refuses the shop's session, or there is none. Its kind is fault.Auth, for this shop alone.
	ErrSession = errors.New("the shop's session is refused")
)

// Error is an error that the gateway answered. Its texts hold none of the values that were sent.
type Error struct {
	Code                            int
	Msg, SubCode, SubMsg, RequestID string
}

func (e *Error) Error() string { return "the gateway answered an error" }

// Remedy says to an operator what the error means for the orders and what to do.
func (e *Error) Remedy() string { return "" }

// Remedy is [Error.Remedy] of the error in err's chain; empty where there is none.
func Remedy(err error) string { return "" }
