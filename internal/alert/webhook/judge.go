package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

// verdict is what a robot's code means for us.
type verdict struct {
	kind fault.Kind
	// wait is the pause where the robot asks for one.
	wait time.Duration
	// advice is what to change.
	advice string
}

const (
	adviceAddress  = "the robot's address is wrong, or the robot was removed: copy the address anew"
	adviceSecurity = "look at the robot's security settings: the signing secret, the keyword (ordersync is in every message), the addresses that " +
		"may send, and this machine's clock, which may be off by an hour at most"
)

// The robots' codes as published. Others mean that the message was refused.
var (
	dingTalkCodes = map[int]verdict{
		-1:     {kind: fault.Transient, wait: time.Minute},
		130101: {kind: fault.Transient, wait: 10 * time.Minute}, // more than 20 a minute: blocked for ten
		410100: {kind: fault.Transient, wait: 10 * time.Minute},
		300001: {kind: fault.Config, advice: adviceAddress},
		300005: {kind: fault.Config, advice: adviceAddress},
		310000: {kind: fault.Config, advice: adviceSecurity},
		400013: {kind: fault.Config, advice: "the group was dissolved"},
		400101: {kind: fault.Config, advice: adviceAddress},
		400102: {kind: fault.Config, advice: "the robot was switched off"},
		400106: {kind: fault.Config, advice: adviceAddress},
	}
	weComCodes = map[int]verdict{
		-1:    {kind: fault.Transient, wait: time.Minute},
		45009: {kind: fault.Transient, wait: time.Minute}, // more than 20 a minute
		45033: {kind: fault.Transient, wait: time.Minute},
		93000: {kind: fault.Config, advice: adviceAddress},
		93004: {kind: fault.Config, advice: "the robot was switched off"},
		93008: {kind: fault.Config, advice: "the robot is no longer in the group"},
	}
	feishuCodes = map[int]verdict{
		11232:    {kind: fault.Transient, wait: time.Minute}, // more than 100 a minute, or 5 a second, or a full hour
		99991400: {kind: fault.Transient, wait: time.Minute},
		19001:    {kind: fault.Config, advice: adviceAddress},
		19007:    {kind: fault.Config, advice: "the robot was switched off"},
		19021:    {kind: fault.Config, advice: adviceSecurity},
		19022:    {kind: fault.Config, advice: adviceSecurity},
		19024:    {kind: fault.Config, advice: adviceSecurity},
	}
)

// judgeCode judges by a number in the body, whatever the status. A body without it is not the robot's: a proxy's page, for one.
func judgeCode(codeName, textName string, codes map[int]verdict) func(*courier.Answer, func(string) string) error {
	return func(answer *courier.Answer, quote func(string) string) error {
		code, text, ok := readCode(answer.Body, codeName, textName)
		if !ok {
			if err := answer.Failure(""); err != nil {
				return err
			}
			return courier.Transient(0, "the answer is not the robot's: it has no %s", codeName)
		}
		if code == 0 {
			return answer.Failure("")
		}
		said := fmt.Sprintf("the robot refuses: %s %d (%s)", codeName, code, quote(text))
		v, known := codes[code]
		switch {
		case !known && answer.Status >= 500:
			return courier.Transient(answer.Wait(), "%s", said)
		case !known:
			return fault.Errorf(fault.Rejected, "%s", said)
		case v.kind == fault.Transient:
			if stated := max(answer.Wait(), courier.Seconds(answer.Header.Get("X-Ogw-Ratelimit-Reset"))); stated > 0 {
				v.wait = stated
			}
			return courier.Transient(v.wait, "%s", said)
		case v.advice != "":
			said += ": " + v.advice
		}
		return fault.Errorf(v.kind, "%s", said)
	}
}

// readCode reads a whole number and a text of a JSON object; ok: the number is there.
func readCode(body []byte, codeName, textName string) (code int, text string, ok bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return 0, "", false
	}
	if raw, found := fields[codeName]; !found || json.Unmarshal(raw, &code) != nil || string(raw) == "null" {
		return 0, "", false
	}
	_ = json.Unmarshal(fields[textName], &text) // without it the number must do
	return code, text, true
}

// judgeSlack: a good answer is "ok", or an object with ok in it where the address is a workflow's. Bad ones have a status and a word.
func judgeSlack(answer *courier.Answer, quote func(string) string) error {
	body := strings.TrimSpace(string(answer.Body))
	if err := answer.Failure(quote(body)); err != nil {
		return err
	}
	var workflow struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	switch {
	case body == "ok":
		return nil
	case json.Unmarshal(answer.Body, &workflow) != nil:
		return courier.Transient(0, "the answer is not the robot's: it is not ok")
	case !workflow.OK:
		return fault.Errorf(fault.Rejected, "the robot refuses: %s", quote(workflow.Error))
	}
	return nil
}

// judgeStatus: any 2xx is good. What stands in the body of a failure is quoted, if it is short.
func judgeStatus(answer *courier.Answer, quote func(string) string) error {
	said := ""
	if kind := http.DetectContentType(answer.Body); strings.HasPrefix(kind, "text/plain") {
		said = quote(string(answer.Body))
	}
	return answer.Failure(said)
}
