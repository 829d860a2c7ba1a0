package smtptest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Message is a mail as a mail program shows it.
type Message struct {
	// Header holds the fields as they were sent; Subject is decoded.
	Header  mail.Header
	Subject string
	// ID is the Message-ID, References the ids that it refers to, all with their angle brackets.
	ID         string
	References []string
	// Text and HTML are the two forms of the body, decoded; lines end in LF.
	Text, HTML string
}

// Parse reads the mail. What a mail program could not show is an error.
func (m Mail) Parse() (Message, error) {
	read, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	message := Message{Header: read.Header, ID: read.Header.Get("Message-Id"), References: strings.Fields(read.Header.Get("References"))}
	if message.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return Message{}, fmt.Errorf("mail, subject: %w", err)
	}
	if err := message.part(map[string][]string(read.Header), read.Body); err != nil {
		return Message{}, fmt.Errorf("mail, body: %w", err)
	}
	return message, nil
}

// part reads one part, and those within it.
func (m *Message) part(header map[string][]string, body io.Reader) error {
	get := mail.Header(header).Get
	kind, parameters := "text/plain", map[string]string(nil)
	if declared := get("Content-Type"); declared != "" {
		var err error
		if kind, parameters, err = mime.ParseMediaType(declared); err != nil {
			return err
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, parameters["boundary"]); ; {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.part(p.Header, p); err != nil {
				return err
			}
		}
	}
	text, err := decoded(get("Content-Transfer-Encoding"), body)
	if err != nil {
		return err
	}
	if set := parameters["charset"]; set != "" && !strings.EqualFold(set, "utf-8") && !strings.EqualFold(set, "us-ascii") {
		return fmt.Errorf("character set %q", set)
	}
	switch kind {
	case "text/plain":
		m.Text += text
	case "text/html":
		m.HTML += text
	default:
		return fmt.Errorf("a part of type %s", kind)
	}
	return nil
}

func decoded(encoding string, body io.Reader) (string, error) {
	switch strings.ToLower(encoding) {
	case "", "7bit", "8bit":
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	default:
		return "", fmt.Errorf("transfer encoding %q", encoding)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
