package words

import "strings"

// Nearest is the one of names that is close enough to name to be meant, or "".
func Nearest(name string, names []string) string {
	best, distance := "", max(1, (len(name)+1)/3)+1
	for _, candidate := range names {
		if d := edits(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is how many characters must be put in, left out, replaced or swapped with their neighbour to make a into b.
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	if len(from) > 64 || len(to) > 64 {
		return len(from) + len(to)
	}
	before, row := make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(from); i++ {
		older := before
		before, row = row, make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, before[j]+1, before[j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(to)]
}

// Plain turns baseUrl, base-url and Base URL into base_url.
func Plain(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z' {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		if r == '-' || r == ' ' {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// zones are what people write for zones of which the database of zones knows another name.
var zones = map[string]string{
	"beijing": "Asia/Shanghai", "asia/beijing": "Asia/Shanghai", "china": "Asia/Shanghai", "cst": "Asia/Shanghai", "shanghai": "Asia/Shanghai",
	"china standard time": "Asia/Shanghai", "gmt+8": "Asia/Shanghai", "utc+8": "Asia/Shanghai", "+8": "Asia/Shanghai", "+08:00": "Asia/Shanghai",
	"gmt+08:00": "Asia/Shanghai", "utc+08:00": "Asia/Shanghai", "hong kong": "Asia/Hong_Kong", "taipei": "Asia/Taipei", "new york": "America/New_York",
	"est": "America/New_York", "edt": "America/New_York", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "london": "Europe/London",
	"tokyo": "Asia/Tokyo", "z": "UTC", "gmt": "UTC", "local": "Asia/Shanghai",
}

// Zone is the time zone that was probably meant.
func Zone(text string) string {
	if zone, ok := zones[strings.ToLower(strings.TrimSpace(text))]; ok {
		return zone
	}
	return "Asia/Shanghai"
}

// synonyms are the words that people write for keys of ours; of several keys the one counts that is to be had where the word stands.
var synonyms = map[string]string{
	"url": "base_url gateway success dsn", "baseurl": "base_url gateway", "endpoint": "base_url gateway", "api": "base_url gateway",
	"host": "address", "hostname": "address host", "server": "address host", "address": "host",
	"addr": "address host", "username": "user", "user": "username", "account": "username user", "login": "user username",
	"pass": "password", "passwd": "password", "pwd": "password", "database": "name",
	"dbname": "name", "db": "database", "mysql": "database", "tz": "timezone", "zone": "timezone", "lang": "language", "locale": "language",
	"type": "kind", "template": "preset", "token": "bearer session", "api_key": "header app_key", "cron": "schedule", "when": "schedule",
	"interval": "schedule", "every": "schedule", "from": "start", "since": "start", "start_date": "start", "begin": "start", "source": "sync", "pull": "sync",
	"lookback": "back", "retry": "repeat", "rps": "per_second", "qps": "per_second", "shops": "sources", "stores": "sources", "tasks": "jobs",
	"authentication": "auth", "authorization": "auth",
	"status": "filter_status", "rate_limit": "rate", "limit": "rate", "fields": "map", "mapping": "map",
	"state_dir": "state", "state_directory": "state", "items": "lines", "line_items": "lines", "created": "created_at", "modified": "updated_at",
	"modified_at": "updated_at", "ordered_at": "created_at", "title": "name", "qty": "quantity", "price": "unit_price", "line_id": "id",
	"sort_by": "sort", "paging": "page", "pagination": "page", "delay": "settle", "lag": "settle", "timeout": "header_timeout",
	"base_url": "gateway", "client_id": "app_key", "client_secret": "app_secret", "secret": "app_secret", "access_token": "session", "session_key": "session",
	"alert": "alerts", "notify": "alerts", "notifications": "alerts", "alarms": "alerts", "mail": "email", "mails": "email", "sender": "from",
	"recipient": "to", "recipients": "to", "receivers": "to", "ssl": "tls", "encryption": "tls", "authorization_code": "password", "env": "environment",
	"webhook": "webhooks", "hook": "webhooks", "hooks": "webhooks", "chat": "webhooks", "robot": "webhooks", "robots": "webhooks", "sign_secret": "secret",
	"remind": "remind_every", "reminder": "remind_every", "repeat_interval": "remind_every", "digest": "weekly", "summary": "weekly",
	"heartbeat": "ping", "healthcheck": "ping", "healthchecks": "ping", "monitor": "ping", "failure": "fail", "failed": "fail", "ok": "success",
	"expires": "session_expires", "expire_time": "session_expires", "callback": "redirect_uri", "callback_url": "redirect_uri",
}

// Synonyms are the keys of ours for which people write word.
func Synonyms(word string) []string { return strings.Fields(synonyms[word]) }

// Fold makes words alike that differ in capitals, blanks, hyphens and underscores.
func Fold(word string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(word, func(r rune) bool { return r == ' ' || r == '-' || r == '_' }), "_"))
}
