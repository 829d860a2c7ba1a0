package gateway

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Remedy is [Error.Remedy] of the error in err's chain. It also knows what to do about a session that was refused earlier; empty where
// err is not the gateway's.
func Remedy(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Remedy()
	}
	if errors.Is(err, ErrSession) || errors.Is(err, errNoSession) {
		return authorizeAgain
	}
	return ""
}

const authorizeAgain = "No orders of this shop come in until its owner authorises the app again: type ordersyncd authorize SOURCE with the source's name, open the printed address as the shop's main account, and paste the code back. A session that stands in the " +
	"configuration is replaced there, with a reload of the daemon. Other shops go on."

// Remedy says to an operator what the error means for the orders, and what to do: one to three sentences.
func (e *Error) Remedy() string {
	switch e.class() {
	case limited:
		return e.remedyOfLimit()
	case tooHeavy:
		return "The shop has too many orders in the span that was asked for, or the platform is busy. Nothing is to be done: half the span is asked for in three minutes."
	case badSession:
		return e.remedyOfSession()
	case passes:
		return "The platform has trouble of its own, as it often has in promotion hours. Nothing is to be done: the orders are asked for again later; if it lasts for hours, give the request id to the platform's support."
	case noTrade:
		return "The platform knows no such order: it belongs to another shop, is older than three months, or the number is mistyped. Other orders are not touched by it."
	case credential:
		return e.remedyOfCredential()
	case unpermitted:
		return e.remedyOfPermission()
	}
	return e.remedyOfCall()
}

func (e *Error) remedyOfLimit() string {
	rest := ""
	if e.ban > time.Minute {
		rest = fmt.Sprintf(" It ends in %s; no call is made before.", e.ban)
	}
	if e.word() == "accesscontrol.limited-by-app-access-count" {
		return "The calls that the platform grants this app for a day are used up, until midnight in China. An app under test has 5,000 a day: have the app taken live, or run its jobs less often." + rest + " No order is lost: reading goes on where it stopped."
	}
	return "The platform limits how often this app may call. If it happens often, lower rate.per_second of every source with this app key; other programs with the same key count too." + rest + " No order is lost: reading goes on where it stopped."
}

func (e *Error) remedyOfSession() string {
	switch {
	case e.Code == 53:
		return "The session's security level is too low for what was asked. Have the app's level raised in the platform's console, then authorise again. " + authorizeAgain
	case strings.HasSuffix(e.word(), "-security-authorize-invalid"):
		return "The session's right to read sensitive fields, such as those of orders, has run out before the session itself. " + authorizeAgain
	case e.word() == "session-expired":
		return "The session has ended. " + authorizeAgain
	}
	return "The platform does not accept the session: it has ended, was withdrawn, or belongs to another app key or to the sandbox. " +
		authorizeAgain
}

func (e *Error) remedyOfCredential() string {
	if e.Code == 28 || e.Code == 29 {
		return "The platform does not know app_key. No shop with this key is read until it is right: copy App Key from the platform's console, see that gateway names the same environment (the sandbox has keys of its own), then type ordersyncd check --online."
	}
	return "The signature is wrong, as a rule because app_secret does not belong to app_key. No shop with this key is read until it is right: copy App Secret from the platform's console without blanks or line ends, then type ordersyncd check --online."
}

func (e *Error) remedyOfPermission() string {
	word := e.word()
	switch {
	case strings.Contains(word, "ip-whitelist"):
		return "The platform does not accept calls of this app from this machine's address. Add the machine's public address to the app's IP white list in the platform's console, then type ordersyncd check --online."
	case e.Code == 12 || e.Code == 42:
		return "The account that authorised the app may not do what was asked. Let the shop's main account authorise it: ordersyncd authorize SOURCE, with the source's name."
	case e.Code == 13:
		return "The app's partner account lacks a permission. Ask for it in the platform's console, then type ordersyncd check --online."
	}
	return "The app lacks the permission package of the method that was asked for. Ask for it in the platform's console (orders: trade; refunds: refund; parcels: logistics), wait until it is granted, then type ordersyncd check --online. Until then these are not read."
}

func (e *Error) remedyOfCall() string {
	switch {
	case e.Code == 30 || e.Code == invalidTimestamp:
		return "The platform refuses the time of the call: it must be within ten minutes of its own. Its clock was asked for and the call repeated without success: set the clock of this machine (timedatectl), then type ordersyncd check --online."
	case e.Code == 40, strings.HasPrefix(e.word(), "isv.missing-parameter"):
		return "A parameter that the platform demands was not sent; the message names it. The orders concerned stay at the platform and are asked for again: tell whoever maintains this program, with the message and the request id."
	case e.word() == "isv.oaid-field-miss":
		return "The platform could not build the receiver's number of one order. That order is asked for again; if it stays so, give the request id to the platform's support."
	case e.Code == 41 || e.Code == 43 || strings.HasPrefix(e.word(), "isv.invalid-parameter"):
		return "The platform does not accept the value of a parameter; the message names it. Compare the source's slice and page size with the documentation; otherwise tell whoever maintains this program, with the message and the request id."
	case e.Code == 47:
		return "The platform could not read the text of the call. Look for characters in app_key or the session that do not belong there."
	case e.Code == 21 || e.Code == 22:
		return "The platform has no such method at this address. See that gateway names the right environment; otherwise tell whoever maintains this program."
	case e.Code == 9:
		return "The platform got another kind of request than was sent: something between here and there rewrites it. Look at the proxy."
	}
	return "The platform refuses the call, and repeating it does not help. Nothing is lost: what was not read is asked for again with the next run; if it stays so, give the request id to the platform's support."
}
