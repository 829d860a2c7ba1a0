package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/alert"
	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/alert/spool"
	"ordersync/internal/rest/resttest"
)

var alertKills = flag.Int("alert-kills", 5, "how often TestAlertKill kills the daemon while it hands over a mail")

// killsEach is how many kills one daemon's story has: it gets at most 15 mails an hour before they are put together.
const killsEach = 5

// instant is the moment at which a mail server kills the daemon that hands it a mail.
type instant int

const (
	atBegin    instant = iota // before the mail is there: nothing was sent
	beforeSent                // the mail was taken, and the daemon does not learn it
	afterSent                 // the reply is on its way, or there; what is written down of it, nobody knows
	instants
)

func (m instant) String() string {
	return [...]string{"before the mail", "before the reply", "after the reply"}[m]
}

// TestAlertKill kills the real daemon with SIGKILL while a mail server takes its alerts: before the mail is there, before the reply, and
// in the moments after it. Half of the stories are about a shop that fails, whose incident lies in the database; the other half about
// a database that is away, whose incident lies in the state directory. No notice is lost; one that comes twice is the same mail with
// the same Message-ID.
func TestAlertKill(t *testing.T) {
	t.Parallel()
	var tally alertTally
	var stories []story
	for left := *alertKills; left > 0; {
		n, kills := len(stories), min(killsEach, left)
		if n == 0 {
			kills = min(kills, (*alertKills+1)/2) // of few kills, both sorts of story get some
		}
		left -= kills
		stories = append(stories, story{fmt.Sprint("story ", n), func(t *testing.T) {
			newAlertVictim(t, uint64(n), n%2 == 1, &tally).live(kills)
		}})
	}
	atOnce(t, 6, stories)
	t.Logf("%s", &tally)
	if got := tally.total(); !t.Failed() && got != *alertKills {
		t.Errorf("%d kills, want %d", got, *alertKills)
	}
}

// alertTally counts over all stories.
type alertTally struct {
	kills                   [instants]atomic.Int64
	mails, notices, repeats atomic.Int64
}

func (a *alertTally) total() int {
	n := 0
	for i := range a.kills {
		n += int(a.kills[i].Load())
	}
	return n
}

func (a *alertTally) String() string {
	var parts []string
	for i := range a.kills {
		parts = append(parts, fmt.Sprintf("%d %s", a.kills[i].Load(), instant(i)))
	}
	return fmt.Sprintf("%d kills (%s): %d mails of %d notices, %d of them repeated with the same Message-ID, none lost",
		a.total(), strings.Join(parts, ", "), a.mails.Load(), a.notices.Load(), a.repeats.Load())
}

// alertVictim is a stage whose daemon will be killed by its mail server.
type alertVictim struct {
	*stage
	host   bool // the database is away, and not the shop failing
	office *office
	away   *forwarder
	tally  *alertTally
	random *rand.Rand
	copied string // a folder for the host's book

	mu     sync.Mutex
	daemon *child
	armed  bool
	when   instant
	struck chan struct{}
}

func newAlertVictim(t *testing.T, n uint64, host bool, tally *alertTally) *alertVictim {
	t.Helper()
	v := &alertVictim{stage: newStage(t, 3), host: host, tally: tally, random: rand.New(rand.NewPCG(n, 5)), copied: t.TempDir(), struck: make(chan struct{}, 1)}
	v.office = newOffice(t, v.folder, smtptest.Options{
		Begun:   func(string) { v.strike(atBegin) },
		Taken:   func(smtptest.Mail) { v.strike(beforeSent) },
		Replied: func(smtptest.Mail) { v.strike(afterSent) },
	})
	if host {
		v.away = newForwarder(t, v.dsn)
		v.secret("dsn", v.away.dsn)
	} else {
		broken := resttest.Status(500)
		v.failing(&broken)
	}
	v.write(v.everySecond(v.office.yaml("  remind_every: 6s\n")))
	return v
}

// strike kills the daemon if this is the moment.
func (v *alertVictim) strike(now instant) {
	v.mu.Lock()
	due := v.armed && v.when == now
	v.armed = v.armed && !due
	daemon, pause := v.daemon, time.Duration(0)
	if now == afterSent {
		pause = time.Duration(v.random.IntN(1000<<v.random.IntN(9))) * time.Microsecond // mostly some milliseconds, at most a quarter second
	}
	v.mu.Unlock()
	if !due {
		return
	}
	kill := func() {
		_ = daemon.cmd.Process.Kill()
		<-daemon.ended
		v.tally.kills[now].Add(1)
		v.struck <- struct{}{}
	}
	if now == afterSent {
		time.AfterFunc(pause, kill) // meanwhile the conversation goes on
		return
	}
	kill()
}

func (v *alertVictim) arm(when instant) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.armed, v.when = true, when
}

func (v *alertVictim) runs() {
	c := v.start(v.office.env(), "run")
	v.mu.Lock()
	defer v.mu.Unlock()
	v.daemon = c
}

// live is the whole story: the alarm, reminders, the end of it, with kills at the first, at some, and at the last.
func (v *alertVictim) live(kills int) {
	v.t.Helper()
	v.arm(instant(v.random.IntN(int(instants))))
	v.runs()
	for n := range kills {
		if n > 0 {
			v.arm(instant(v.random.IntN(int(instants))))
		}
		if n > 0 && n == kills-1 {
			v.heal()
		}
		v.dies()
		v.runs()
	}
	if kills == 1 {
		eventuallyIn(v.t, patience, "the alarm arrives", func() bool { return len(v.office.Mails()) > 0 })
		v.heal()
	}
	v.settle()
	v.judge()
}

func (v *alertVictim) dies() {
	v.t.Helper()
	select {
	case <-v.struck:
	case <-time.After(2 * time.Minute):
		v.t.Fatal("no mail is handed over")
	}
}

// heal ends what fails.
func (v *alertVictim) heal() {
	if v.host {
		v.away.open()
		return
	}
	v.failing(nil)
}

// settle waits until the incident is over and everything of it is told, and stops the daemon.
func (v *alertVictim) settle() {
	v.t.Helper()
	eventuallyIn(v.t, patience, "the recovery is told, and nothing waits", func() bool {
		incidents, waiting := v.book()
		hosts, more := v.hostBook() // the kills are an incident themselves
		i := slices.IndexFunc(incidents, v.isOurs)
		return i >= 0 && incidents[i].Phase == alert.Recovered && incidents[i].ToldSeq == incidents[i].Seq && waiting+more == 0 &&
			!slices.ContainsFunc(hosts, func(i alert.Incident) bool { return i.Phase == alert.Open && i.ToldSeq < i.Seq })
	})
	v.daemon.signal(syscall.SIGTERM)
	if status := v.daemon.end(); status != 0 {
		v.t.Errorf("exit status %d", status)
	}
}

// isOurs reports whether an incident is the one that the story is about.
func (v *alertVictim) isOurs(i alert.Incident) bool {
	if v.host {
		return i.Class == alert.Database
	}
	return i.Class == alert.HTTP
}

// book is what the book of the story holds: incidents, and how many deliveries wait.
func (v *alertVictim) book() (incidents []alert.Incident, waiting int) {
	v.t.Helper()
	if v.host {
		return v.hostBook()
	}
	db, err := sql.Open("mysql", v.dsn)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(v.t.Context(), "SELECT state FROM incidents")
	if err != nil {
		return nil, 1 // the tables are not there yet
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		var i alert.Incident
		if err := rows.Scan(&text); err != nil {
			v.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &i); err != nil {
			v.t.Fatal(err)
		}
		incidents = append(incidents, i)
	}
	if err := rows.Err(); err != nil {
		v.t.Fatal(err)
	}
	return incidents, v.number(db, "SELECT COUNT(*) FROM notices WHERE state = 'waiting'")
}

// hostBook reads a copy of the host's own book, which belongs to the daemon.
func (v *alertVictim) hostBook() (incidents []alert.Incident, waiting int) {
	v.t.Helper()
	const file = "incidents.json"
	text, err := os.ReadFile(filepath.Join(v.folder, "state", file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(v.copied, file), text, 0o600)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	b := spool.OpenBook(v.copied)
	if b.Damage() != nil {
		v.t.Fatalf("the host's book: %v", b.Damage())
	}
	contents, err := b.Read(context.WithoutCancel(v.t.Context()))
	if err != nil {
		v.t.Fatal(err)
	}
	return contents.Incidents, len(contents.Waiting)
}

// judge holds the mails against the books.
func (v *alertVictim) judge() {
	v.t.Helper()
	mails := map[string][]smtptest.Message{} // by the notice's id
	for _, m := range v.office.messages() {
		id, _, ok := strings.Cut(strings.TrimPrefix(m.ID, "<"), ".")
		if !ok {
			v.t.Fatalf("the Message-ID %q", m.ID)
		}
		mails[id] = append(mails[id], m)
		v.tally.mails.Add(1)
	}
	v.tally.notices.Add(int64(len(mails)))
	for id, same := range mails {
		v.tally.repeats.Add(int64(len(same) - 1))
		for _, m := range same {
			if m.ID != same[0].ID || m.Subject != same[0].Subject || m.Text != same[0].Text || m.HTML != same[0].HTML {
				v.t.Errorf("the notice %s came as different mails: %q and %q", id, same[0].Subject, m.Subject)
			}
		}
	}
	own, _ := v.book()
	hosts, waiting := v.hostBook()
	if waiting > 0 {
		v.t.Errorf("%d deliveries of the host wait", waiting)
	}
	var all []alert.Incident
	for _, i := range append(own, hosts...) {
		if i.OpenedAt.IsZero() || slices.ContainsFunc(all, func(other alert.Incident) bool { return other.ID == i.ID }) {
			continue
		}
		all = append(all, i)
	}
	if len(own) == 0 {
		v.t.Error("the book holds no incident")
	}
	v.judgeThreads(mails, all)
	if !v.host {
		v.judgeRows(mails)
	}
}

// judgeThreads: each incident was told as often as it says: its changes and its reminders, each in one notice, in one thread.
func (v *alertVictim) judgeThreads(mails map[string][]smtptest.Message, incidents []alert.Incident) {
	v.t.Helper()
	known := 0
	for _, i := range incidents {
		if len(mails[i.Root]) == 0 {
			v.t.Errorf("%s %s: its first notice %s was lost", i.Class, i.Scope, i.Root)
			continue
		}
		thread := 0
		for id, same := range mails {
			if id == i.Root || slices.ContainsFunc(same[0].References, func(r string) bool { return strings.HasPrefix(r, "<"+i.Root+".") }) {
				thread++
			}
		}
		known += thread
		if want := i.Seq + i.Reminders; thread != want || i.ToldSeq != i.Seq {
			v.t.Errorf("%s %s: %d changes, %d of them told, and %d reminders are in %d notices:\n%s",
				i.Class, i.Scope, i.Seq, i.ToldSeq, i.Reminders, thread, subjects(v.office.messages()))
		}
	}
	if known != len(mails) {
		v.t.Errorf("%d notices came, and the books know %d:\n%s", len(mails), known, subjects(v.office.messages()))
	}
}

// judgeRows: what the database says was sent arrived.
func (v *alertVictim) judgeRows(mails map[string][]smtptest.Message) {
	v.t.Helper()
	rows, err := v.db().QueryContext(v.t.Context(), "SELECT notice_id, state FROM notices")
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil {
			v.t.Fatal(err)
		}
		if state != string(alert.Sent) || len(mails[id]) == 0 {
			v.t.Errorf("the notice %s is %s, and came %d times", id, state, len(mails[id]))
		}
	}
	if err := rows.Err(); err != nil {
		v.t.Fatal(err)
	}
}
