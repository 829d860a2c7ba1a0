package smtptest

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"
)

// Step is a step of a conversation.
type Step int

// The steps.
const (
	// Greeting: before the first word of the server.
	Greeting Step = iota
	// Account: when somebody logs in.
	Account
	// Sender and Recipient: the two parts of the envelope.
	Sender
	Recipient
	// Middle: after the first bytes of the message. Refusals are told after its end.
	Middle
	// Reply: the message was received whole. Unless it is refused, it counts as taken: the sender alone does not learn it.
	Reply
)

// Fault is something that goes wrong at a step: an answer with Code, else silence or hanging up.
type Fault struct {
	Step Step
	// To restricts it to one recipient's address (Recipient alone).
	To string
	// Times is how often it happens; 0: always.
	Times int
	// Code is an SMTP reply such as 450 or 550, Text its words; at the greeting the conversation ends with it.
	Code int
	Text string
	// Silent says nothing until the server is closed. Without Code and Silent the server hangs up.
	Silent bool
}

// Greylisted is the fault of a server that takes a recipient at the attempt after the first n.
func Greylisted(to string, n int) Fault {
	return Fault{Step: Recipient, To: to, Times: n, Code: 450, Text: "4.2.0 Greylisted, please try again in 60 seconds"}
}

// Refused is the fault of a server that does not know a recipient.
func Refused(to string) Fault {
	return Fault{Step: Recipient, To: to, Code: 550, Text: "5.1.1 No such mailbox"}
}

// Fail adds a fault. Of several that fit, the one added last happens.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.faults = append(s.faults, &f)
}

// Heal removes all faults; what is silent already stays silent.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// due returns the fault that happens now, if any.
func (s *Server) due(step Step, to string) (f Fault, ok bool) {
	s.change(func() {
		for i := len(s.faults) - 1; i >= 0 && !ok; i-- {
			candidate := s.faults[i]
			if candidate.Step != step || candidate.Times == 0 || candidate.To != "" && !strings.EqualFold(candidate.To, to) {
				continue
			}
			if candidate.Times > 0 {
				candidate.Times--
			}
			f, ok = *candidate, true
			s.failed++
		}
	})
	return f, ok
}

// errGone ends a step of a conversation that is over.
var errGone = errors.New("the conversation is over")

// meet lets a fault happen in a conversation, if one is due: nil when there is none.
func (s *Server) meet(step Step, to string, l *line) error {
	f, ok := s.due(step, to)
	if !ok {
		return nil
	}
	return s.happen(f, l)
}

func (s *Server) happen(f Fault, l *line) error {
	if f.Code != 0 {
		return f.reply()
	}
	if f.Silent {
		<-s.closing
	}
	_ = l.Close()
	return errGone
}

// reply is the fault's answer. The text may begin with an enhanced code.
func (f Fault) reply() *smtp.SMTPError {
	text := f.Text
	if text == "" {
		text = "told to say so"
	}
	enhanced := smtp.EnhancedCode{f.Code / 100, 0, 0}
	if first, rest, ok := strings.Cut(text, " "); ok && len(first) == 5 && first[1] == '.' && first[3] == '.' {
		enhanced = smtp.EnhancedCode{int(first[0] - '0'), int(first[2] - '0'), int(first[4] - '0')}
		text = rest
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: enhanced, Message: text}
}
