package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/courier"
	"ordersync/internal/fault"
)

// The headers of a generic message. The notice's id is the same however often it is sent. The signature is "t=SECONDS,v1=HEX" with
// HEX = HMAC-SHA256(secret, "SECONDS." + body): whoever checks it compares the seconds with the clock too.
const (
	headerNotice    = "X-Ordersync-Notice"
	headerSignature = "X-Ordersync-Signature"
)

// Body is a generic message. Fields may come, none changes its meaning.
type Body struct {
	// Version is 1.
	Version int `json:"version"`
	// ID is the notice's, the same however often it is sent.
	ID string `json:"id"`
	// Sort is alarm, relief, digest, weekly or test.
	Sort  string    `json:"sort"`
	Class string    `json:"class,omitempty"`
	At    time.Time `json:"at"`
	Host  string    `json:"host"`
	// Tone is grave, warn, good or plain. Subject, Headline and Text are for people: a line, a sentence, and all of it.
	Tone     string `json:"tone"`
	Language string `json:"language"`
	Subject  string `json:"subject"`
	Headline string `json:"headline"`
	Text     string `json:"text"`
	// Incidents are what is told; those of a digest in the order in which they happened. Further is how many more there are.
	Incidents []BodyIncident `json:"incidents"`
	Further   int            `json:"further,omitempty"`
}

// BodyIncident is one incident in a [Body].
type BodyIncident struct {
	ID string `json:"id"`
	// Change is opened, worse, reopened, reminded, recovered or passed.
	Change      string    `json:"change"`
	Class       string    `json:"class"`
	Scope       string    `json:"scope"`
	Source      string    `json:"source,omitempty"`
	Job         string    `json:"job,omitempty"`
	RunID       string    `json:"run_id,omitempty"`
	Kind        string    `json:"kind,omitempty"`
	Error       string    `json:"error,omitempty"`
	Failures    int       `json:"failures,omitempty"`
	Since       time.Time `json:"since"`
	OpenedAt    time.Time `json:"opened_at,omitzero"`
	RecoveredAt time.Time `json:"recovered_at,omitzero"`
}

// composeJSON makes a [Body], signed in a header.
func composeJSON(m message) (courier.Errand, error) {
	n := m.notice
	incidents, further := incidentsOf(n)
	body, err := json.Marshal(Body{
		Version: 1, ID: n.ID, Sort: string(n.Sort), Class: string(n.Class), At: n.At.UTC(), Host: n.Host,
		Tone: string(m.text.Tone), Language: m.text.Language, Subject: m.text.Subject, Headline: m.text.Headline, Text: m.text.Plain(),
		Incidents: incidents, Further: further,
	})
	if err != nil {
		return courier.Errand{}, fault.Errorf(fault.Internal, "encode the message: %w", err)
	}
	errand := post(m.url, body)
	errand.Header[headerNotice] = []string{n.ID}
	if m.secret != "" {
		seconds := strconv.FormatInt(m.at.Unix(), 10)
		h := hmac.New(sha256.New, []byte(m.secret))
		h.Write([]byte(seconds + "."))
		h.Write(body)
		errand.Header[headerSignature] = []string{"t=" + seconds + ",v1=" + hex.EncodeToString(h.Sum(nil))}
	}
	return errand, nil
}

// incidentsOf are the incidents of a notice and of its parts.
func incidentsOf(n alert.Notice) (incidents []BodyIncident, further int) {
	incidents, further = []BodyIncident{}, n.More
	for _, i := range n.Items {
		incidents = append(incidents, BodyIncident{
			ID: i.ID, Change: string(i.Change), Class: string(i.Class), Scope: string(i.Scope), Source: i.Source, Job: i.Job, RunID: i.RunID,
			Kind: i.Kind, Error: i.Error, Failures: i.Failures,
			Since: i.Since.UTC(), OpenedAt: utc(i.OpenedAt), RecoveredAt: utc(i.RecoveredAt),
		})
	}
	for _, part := range n.Parts {
		more, rest := incidentsOf(part)
		incidents, further = append(incidents, more...), further+rest
	}
	return incidents, further
}

// utc keeps the zero time zero, so that it is left out.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
