// Package samples has a notice of every sort, for the tests of those who write or carry them. Names and figures are invented.
package samples

import (
	"fmt"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/words"
)

// Sample is one notice and what it shows.
type Sample struct {
	// Name is fit for a file.
	Name   string
	Notice alert.Notice
}

// Night is when the samples begin: two in the morning in Shanghai.
func Night() time.Time { return time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC) }

// All are the samples; each call makes them anew.
func All() []Sample {
	all := []Sample{
		{"outage", outage()}, {"outage-still", still()}, {"outage-again", back()}, {"outage-over", over()}, {"outage-passed", passed()},
		{"two-sources", two()}, {"two-sources-over", twoOver()}, {"storm", Storm(500)}, {"digest", digest()}, {"digest-over", digestOver()},
		{"weekly", weekly(0)}, {"weekly-open", weekly(2)}, {"weekly-late", weeklyLate()}, {"weekly-many", weeklyMany()}, {"test", of(alert.Trial, "")},
	}
	for _, i := range conditions() {
		name := string(i.Class)
		if sort, _ := i.Scope.Split(); sort != "source" {
			name += "-" + sort
		}
		if i.Level > 0 {
			name += fmt.Sprintf("-%d", i.Level)
		}
		all = append(all, Sample{name, of(alert.Alarm, i.Class, alert.Item{Change: alert.Opened, Incident: i})})
	}
	return all
}

// of makes a notice of 35 seconds past two.
func of(sort alert.Sort, class alert.Class, items ...alert.Item) alert.Notice {
	return alert.Notice{
		ID: "00112233445566" + fmt.Sprintf("%02x", len(items)), Sort: sort, Class: class, At: Night().Add(95 * time.Second), Host: "vps-1", Items: items,
	}
}

// incident is one that began at two.
func incident(scope alert.Scope, class alert.Class) alert.Incident {
	key := alert.Key{Scope: scope, Class: class}
	i := alert.Incident{
		ID: alert.ID(key, Night()), Key: key, Phase: alert.Open, Since: Night(), OpenedAt: Night().Add(time.Minute), LastAt: Night().Add(time.Minute),
		Seq: 1, Failures: 2, Host: "vps-1",
	}
	if sort, name := scope.Split(); sort == "source" {
		i.Source = name
	}
	return i
}

// failing is an incident of runs.
func failing(source, job string, class alert.Class, text string) alert.Incident {
	i := incident(alert.OfSource(source), class)
	i.Job, i.RunID, i.Kind, i.Error = job, "01kams3v6x8q", "transient", text
	i.Jobs = map[string]*alert.Job{job: {Since: i.Since, Failures: 2, Needed: 1}}
	i.Facts.RetryAt = Night().Add(6 * time.Minute)
	if class == alert.Config {
		i.Facts.Remedy = "Compare path with the documentation of the shop's API."
	}
	i.Facts.Standing = standing(120)
	return i
}

// standing is that of a source whose last good run was a day ago.
func standing(waiting int) *alert.Standing {
	return &alert.Standing{
		Watermark: Night().Add(-24*time.Hour - 2*time.Minute), Behind: 24*time.Hour + 3*time.Minute,
		LastGood: Night().Add(-24*time.Hour + 40*time.Second), Waiting: &waiting,
	}
}

// Outage is the alarm about a source that cannot be reached.
func outage() alert.Notice {
	return of(alert.Alarm, alert.Network, alert.Item{Change: alert.Opened, Incident: down()})
}

func down() alert.Incident {
	return failing("us-store", "us-orders", alert.Network, "list orders of 2026-11-20T18:00:00Z: dial tcp 203.0.113.7:443: connect: connection refused")
}

func still() alert.Notice {
	i := down()
	i.Failures, i.Reminders = 11, 2
	i.Facts.RetryAt, i.Facts.Standing = Night().Add(9*time.Hour), standing(167)
	n := of(alert.Alarm, alert.Network, alert.Item{Change: alert.Reminded, Incident: i})
	n.At, n.References = Night().Add(8*time.Hour+90*time.Second), []string{"0011223344556601"}
	n.Items[0].Facts.Standing.Behind += 8 * time.Hour
	return n
}

func back() alert.Notice {
	n := outage()
	n.Items[0].Change = alert.Reopened
	n.References = []string{"0011223344556601"}
	return n
}

func over() alert.Notice {
	n := of(alert.Relief, alert.Network, alert.Item{Change: alert.Closed, Incident: ended(down(), 192*time.Minute)})
	n.At, n.References = Night().Add(193*time.Minute), []string{"0011223344556601"}
	return n
}

// ended is an incident that lasted so long, with what was caught up.
func ended(i alert.Incident, lasted time.Duration) alert.Incident {
	i.Phase, i.RecoveredAt, i.Failures, i.Error = alert.Recovered, i.Since.Add(lasted), 6, ""
	if s := i.Facts.Standing; s != nil {
		i.Facts.Standing = &alert.Standing{Watermark: i.RecoveredAt.Add(-2 * time.Minute), Behind: 3 * time.Minute, LastGood: i.RecoveredAt, Stored: 1214}
	}
	return i
}

func passed() alert.Notice {
	n := over()
	n.Items[0].Change, n.References = alert.Passed, nil
	return n
}

func two() alert.Notice {
	other := failing("eu-store", "eu-orders", alert.Network, "list orders: lookup api.eu-server.example.com: no such host")
	other.Facts.Standing.Waiting = nil
	old := down()
	old.Since, old.Failures = Night().Add(-4*time.Hour), 7
	return of(alert.Alarm, alert.Network, alert.Item{Change: alert.Opened, Incident: other}, alert.Item{Change: alert.Reminded, Incident: old})
}

func twoOver() alert.Notice {
	n := two()
	n.Sort, n.At = alert.Relief, Night().Add(193*time.Minute)
	for i := range n.Items {
		n.Items[i].Change, n.Items[i].Incident = alert.Closed, ended(n.Items[i].Incident, 192*time.Minute)
	}
	return n
}

// Storm is the alarm about so many sources that refuse the key at once.
func Storm(sources int) alert.Notice {
	var items []alert.Item
	for n := range min(sources, alert.MaxItems) {
		i := failing(fmt.Sprintf("store-%03d", n+1), fmt.Sprintf("store-%03d-orders", n+1), alert.Auth,
			"list orders: 401 Unauthorized: the remote refused this credential")
		i.Facts.RetryAt = time.Time{}
		items = append(items, alert.Item{Change: alert.Opened, Incident: i})
	}
	n := of(alert.Alarm, alert.Auth, items...)
	n.More = max(sources-alert.MaxItems, 0)
	for m := range min(n.More, 100) {
		n.MoreScopes = append(n.MoreScopes, alert.OfSource(fmt.Sprintf("store-%03d", alert.MaxItems+m+1)))
	}
	return n
}

func digest() alert.Notice {
	closed := over()
	dead := incident(alert.OfSource("us-store"), alert.DeadLetter)
	dead.Facts.Count, dead.Level = 12, 4
	other := failing("eu-store", "eu-orders", alert.HTTP, "list orders: 502 Bad Gateway")
	n := of(alert.Digest, "")
	n.At = Night().Add(9 * time.Hour)
	n.Parts = []alert.Notice{
		outage(), of(alert.Alarm, alert.DeadLetter, alert.Item{Change: alert.Worse, Incident: dead}),
		of(alert.Alarm, alert.HTTP, alert.Item{Change: alert.Opened, Incident: other}), closed, weekly(0),
	}
	return n
}

func digestOver() alert.Notice {
	n := digest()
	n.Parts = []alert.Notice{outage(), over(), twoOver()}
	return n
}

func weekly(open int) alert.Notice {
	n := of(alert.Weekly, "")
	n.At = Night().Add(7 * time.Hour)
	n.Week = &alert.Week{
		Since: n.At.Add(-7 * 24 * time.Hour), Until: n.At, Runs: 4319, Failed: 3, Incidents: 1 + open, Open: open,
		Sources: []alert.SourceWeek{
			{Source: "us-store", New: 1284, Changed: 3107, Watermark: n.At.Add(-7 * time.Hour)},
			{Source: "tmall-flagship", New: 10482, Changed: 22955, DeadLetters: 2, Watermark: n.At.Add(-4 * time.Minute)},
			{Source: "eu-store"},
		},
	}
	return n
}

func weeklyLate() alert.Notice {
	n := weekly(0)
	n.Week.Sources[0].Paused, n.Week.Sources[0].Late, n.Week.Sources[2].Late = true, true, true
	return n
}

func weeklyMany() alert.Notice {
	n := weekly(0)
	n.Week.Sources = nil
	for i := range 500 {
		n.Week.Sources = append(n.Week.Sources, alert.SourceWeek{Source: fmt.Sprintf("store-%03d", i+1), New: 7 * i, Changed: 13 * i, Watermark: n.At})
	}
	return n
}

// conditions are an incident of every class but that of an outage; two of a class differ in their scope or level.
func conditions() []alert.Incident {
	all := []alert.Incident{
		failing("us-store", "us-orders", alert.HTTP, "list orders, page 3: 502 Bad Gateway, four times in a row"),
		failing("tmall-flagship", "tmall-orders", alert.Rate, "taobao.trades.sold.get: 7: App Call Limited, This ban will last for 5400 more seconds"),
		failing("us-store", "us-orders", alert.Auth, "list orders: 401 Unauthorized: the remote refused this credential"),
		failing("us-store", "us-orders", alert.Payload, "list orders, page 3: the total fell from 120 to 80 and the ids of page 3 are those of page 2"),
		failing("us-store", "us-orders", alert.Security, "list orders: tls: failed to verify certificate: x509: certificate has expired"),
		failing("us-store", "us-orders", alert.Config, "list orders: 404 Not Found: there is no such address as /orders/lists"),
		failing("us-store", "us-orders", alert.Internal, "list orders: index out of range [3] with length 3"),
	}
	offline := incident(alert.All, alert.Network)
	offline.Error = "list orders of us-store: lookup api.us-server.example.com: server misbehaving"
	grant := failing("tmall-flagship", "tmall-orders", alert.Auth, "taobao.trades.sold.get: 27: Invalid session: session-expired")
	grant.Level, grant.Facts.Command = 1, "ordersyncd authorize tmall-flagship"
	return append(append(all, offline, grant), looked()...)
}

// looked are the incidents that are no failed runs.
func looked() []alert.Incident {
	file := incident(alert.OfHost("vps-1"), alert.Config)
	file.Error = "/etc/ordersync/ordersyncd.yaml:31:5: there is no key \"shedule\" here; schedule is meant"
	restarts := incident(alert.OfHost("vps-1"), alert.Internal)
	restarts.Facts.Count = 3
	untold := incident(alert.OfHost("vps-1"), alert.Internal)
	untold.Level, untold.Error = 1, "the shared book of incidents cannot be worked: INSERT command denied to user 'ordersync' for table 'incidents' (1142)"
	db := incident(alert.OfHost("vps-1"), alert.Database)
	db.Job, db.RunID, db.Jobs = "database", "", map[string]*alert.Job{"database": {Since: db.Since, Failures: 2, Needed: 2}}
	db.Error = "ping: dial tcp 127.0.0.1:3306: connect: connection refused"
	disk := incident(alert.OfHost("vps-1"), alert.Disk)
	disk.Error = "write /var/lib/ordersync/alerts.json: no space left on device"
	channel := incident(alert.OfChannel("email ops@example.com"), alert.Channel)
	channel.Error = "mail server smtp.example.com:465: dial tcp 203.0.113.25:465: i/o timeout"
	dead := incident(alert.OfSource("us-store"), alert.DeadLetter)
	dead.Facts.Count = 3
	one := dead
	one.Level, one.Facts.Count = 1, 1
	gap := incident(alert.OfSource("tmall-flagship"), alert.Gap)
	gap.Facts.From, gap.Facts.To = Night().Add(-120*24*time.Hour), Night().Add(-90*24*time.Hour)
	short := incident(alert.OfSource("us-store"), alert.Shortfall)
	short.Facts.Count = 4
	return append([]alert.Incident{file, restarts, untold, db, disk, channel, dead, one, gap, short}, silences()...)
}

// silences are what is wrong though no run fails.
func silences() []alert.Incident {
	stall := incident(alert.OfJob("us-orders"), alert.Stall)
	stall.Source, stall.Facts.Allowed, stall.Facts.Standing = "us-store", 12*time.Minute, standing(120)
	stall.Kind, stall.Facts.From = alert.StallOld, stall.Facts.Standing.LastGood
	stall.Facts.NextTick = Night().Add(10 * time.Minute)
	never, moved, stuck := stall, stall, stall
	never.Level, never.Kind, never.Facts.From, never.Facts.Standing = 1, alert.StallNever, time.Time{}, &alert.Standing{}
	moved.Level, moved.Kind, moved.Facts.From = 2, alert.StallStill, stall.Facts.Standing.Watermark
	stuck.Level, stuck.Kind, stuck.Facts.From, stuck.Facts.Allowed = 3, alert.StallStuck, Night().Add(-20*time.Minute), 15*time.Minute
	away := incident(alert.OfHost("vps-1"), alert.Stall)
	away.Facts.From, away.Facts.To = Night().Add(-9*time.Hour), Night()
	quiet := incident(alert.OfSource("us-store"), alert.Quiet)
	quiet.Facts.From, quiet.Facts.To, quiet.Facts.Usual = Night().Add(-31*time.Hour), Night(), []int{24, 31, 18}
	key := incident(alert.OfSource("us-store"), alert.Credential)
	key.Facts.Ends = Night().Add(6*24*time.Hour + 20*time.Hour)
	ended := key
	ended.Level, ended.Facts.Ends = 3, Night().Add(-26*time.Hour)
	grant := incident(alert.OfSource("tmall-flagship"), alert.Credential)
	grant.Level, grant.Facts.Ends, grant.Facts.Command = 1, Night().Add(30*24*time.Hour), "ordersyncd authorize tmall-flagship"
	gone := grant
	gone.Level, gone.Facts.Ends = 4, Night().Add(-2*time.Hour)
	return []alert.Incident{stall, never, moved, stuck, away, quiet, key, ended, grant, gone}
}

// Body are all the lines that a text has below its subject.
func Body(t words.Text) []string {
	all := append([]string{t.Badge, t.Headline}, t.Footer...)
	for _, b := range t.Blocks {
		all = append(append(all, b.Title, b.Quote), b.Paragraphs...)
		for _, r := range b.Rows {
			all = append(all, r.Label, r.Value)
		}
		for _, c := range b.Commands {
			all = append(all, c.Line, c.Why)
		}
		for _, e := range b.Entries {
			all = append(append(all, e.Title, e.Quote), e.Lines...)
		}
		if b.Table != nil {
			for _, line := range append([][]string{b.Table.Head}, b.Table.Lines...) {
				all = append(all, line...)
			}
		}
	}
	return all
}
