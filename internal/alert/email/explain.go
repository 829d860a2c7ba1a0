package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"unicode"

	"ordersync/internal/fault"
)

// longestReply is how much of what a server says is repeated.
const longestReply = 200

// explain classifies a failure, and says what to change where somebody has to.
func (t *talk) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("mail server %s: %w", t.address(), context.Cause(ctx))
	}
	reply, answered := errors.AsType[*textproto.Error](err)
	switch {
	case answered && reply.Code >= 500:
		kind, what := t.refusal(reply)
		return fault.Errorf(kind, "mail server %s %s: it says %s", t.address(), what, said(reply))
	case answered:
		return fault.Errorf(fault.Transient, "mail server %s %s: it says %s", t.address(), t.postponed(), said(reply))
	case errors.Is(err, errNoTLS):
		return fault.Errorf(fault.Config, "mail server %s %w, and no mail is sent without encryption: set tls: implicit and its port (usually 465)", t.address(), err)
	case errors.Is(err, errNoLogin):
		return fault.Errorf(fault.Config, "mail server %s %w: leave out the user name, or use a port where it takes one", t.address(), err)
	case errors.Is(err, errAbroad):
		return fault.Errorf(fault.Config, "mail server %s %w, and tls: none is only for that: set tls: implicit or starttls", t.address(), err)
	}
	return t.broken(ctx, err)
}

// refusal says what a permanent refusal means at a step, and who acts.
func (t *talk) refusal(reply *textproto.Error) (kind fault.Kind, what string) {
	switch t.step {
	case login:
		return fault.Config, "refuses the user name or the password; correct them (many providers want an authorisation code made for programs, 授权码, not the password of the mailbox)"
	case securing:
		return fault.Config, "refuses STARTTLS; set tls: implicit and its port (usually 465)"
	case sender:
		if reply.Code == 530 {
			return fault.Config, "wants a user name and a password"
		}
		return fault.Config, "refuses the sender " + t.from.Address + "; use the address of the account that logs in"
	case recipient:
		return fault.Rejected, "refuses the recipient " + t.to
	case handover:
		return fault.Rejected, "refuses the mail to " + t.to
	}
	return fault.Rejected, "does not speak to us"
}

// postponed says what is to be tried again.
func (t *talk) postponed() string {
	switch t.step {
	case login:
		return "lets nobody log in for now"
	case recipient:
		return "takes no mail to " + t.to + " for now"
	}
	return "takes no mail for now"
}

// broken classifies what is not the server's answer: silence, a closed connection, trouble with TLS.
func (t *talk) broken(ctx context.Context, err error) error {
	var alien tls.RecordHeaderError
	network, isNetwork := errors.AsType[net.Error](err)
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isCertificate:
		return fault.Errorf(fault.Config, "mail server %s shows a certificate that is not good for %s: %w; use the name that it is for, or have it renewed",
			t.address(), t.o.Host, certificate.Err)
	case errors.As(err, &alien):
		return fault.Errorf(fault.Config, "mail server %s does not begin with TLS: set tls: starttls (usual on port 587), or the port of implicit TLS (usually 465)", t.address())
	case ctx.Err() != nil || isNetwork && network.Timeout():
		return fault.Errorf(fault.Transient, "mail server %s says nothing %s (within %v)%s", t.address(), t.place(), t.o.Timeout, t.hint())
	case t.step == connecting:
		return fault.Errorf(fault.Transient, "mail server %s cannot be reached: %w", t.address(), err)
	}
	return fault.Errorf(fault.Transient, "mail server %s hung up %s: %w", t.address(), t.place(), err)
}

// place names a step.
func (t *talk) place() string {
	return [...]string{
		connecting: "when it is called", securing: "while TLS begins", greeting: "before its greeting", login: "at the login",
		sender: "at the sender", recipient: "at the recipient", handover: "while it takes the mail",
	}[t.step]
}

// hint names the usual mistake where a silent server may be one.
func (t *talk) hint() string {
	if t.step == greeting && t.o.TLS != Implicit && t.o.Port == 465 {
		return "; port 465 usually wants tls: implicit"
	}
	return ""
}

// said is a reply in one short line.
func said(reply *textproto.Error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(reply.Msg, " "))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestReply {
		text = string(runes[:longestReply]) + "…"
	}
	return fmt.Sprintf("%d %s", reply.Code, text)
}
