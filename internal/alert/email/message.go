package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/wneessen/go-mail"

	"ordersync/internal/alert"
	"ordersync/internal/alert/words"
)

// message is the mail about a notice: the same bytes each time.
func (m *Mailbox) message(n alert.Notice) ([]byte, error) {
	text := words.Of(n, m.o.Language, m.o.Zone)
	page, err := HTML(text)
	if err != nil {
		return nil, err
	}
	encoding := mail.EncodingQP
	if text.Language == words.Chinese {
		encoding = mail.EncodingB64 // a third of the length
	}
	msg := mail.NewMsg(mail.WithEncoding(encoding), mail.WithNoDefaultUserAgent(), mail.WithBoundary("part-"+m.hash(n.ID)))
	if err := msg.FromFormat(m.from.Name, m.from.Address); err != nil {
		return nil, err
	}
	if err := msg.To(m.to); err != nil {
		return nil, err
	}
	msg.Subject(text.Subject)
	msg.SetDateWithValue(n.At)
	msg.SetGenHeader(mail.HeaderMessageID, m.id(n.ID))
	if len(n.References) > 0 {
		var ids []string
		for _, id := range n.References {
			ids = append(ids, m.id(id))
		}
		msg.SetGenHeader(mail.HeaderInReplyTo, ids[len(ids)-1])
		msg.SetGenHeader(mail.HeaderReferences, strings.Join(ids, " "))
	}
	// Nobody's holiday is to be told to us.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if text.Tone == words.Grave {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetBodyString(mail.TypeTextPlain, text.Plain())
	msg.AddAlternativeString(mail.TypeTextHTML, page)
	var out bytes.Buffer
	_, err = msg.WriteTo(&out)
	return out.Bytes(), err
}

// id is the Message-ID of a notice for this recipient.
func (m *Mailbox) id(notice string) string {
	plain := strings.Map(func(r rune) rune {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return -1
		}
		return r
	}, notice)
	_, host, _ := strings.Cut(m.from.Address, "@")
	if !isHostName(host) {
		host = "ordersync.invalid"
	}
	return "<" + plain + "." + m.hash("") + "@" + host + ">"
}

// hash is made of the recipient and a further text.
func (m *Mailbox) hash(further string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(m.to) + "\n" + further))
	return hex.EncodeToString(sum[:6])
}
