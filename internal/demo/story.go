package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"ordersync/internal/alert/email/smtptest"
	"ordersync/internal/demo/truth"
	"ordersync/internal/rest/resttest"
)

// historyDays is how far back the shop's orders reach, shopSize how many there are in the beginning; the other two are those of the
// shop on Taobao.
const (
	historyDays = 100
	shopSize    = 1000
	mallDays    = 80
	mallSize    = 400
)

// patience is how long anything in the story may take before the story has failed.
const patience = 2 * time.Minute

// story is one telling: the stage, the two shops, the daemon while it runs.
type story struct {
	*console
	begun   time.Time
	stage   *stage
	shop    *shop
	mall    *mall
	post    *post
	program program
	daemon  *daemon
}

// tell plays the parts one after another; the first that does not hold ends the story.
func (t *story) tell(ctx context.Context) error {
	for _, part := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"The configuration is checked, the tables are made", t.prepare},
		{"First load", t.firstLoad},
		{"Orders come and change while their pages are read", t.churn},
		{"The shop's API fails for a while", t.outage},
		{"Taobao bans the app for some seconds", t.ban},
		{"Promotion hours on Taobao", t.promotion},
		{"Three orders that cannot be understood", t.poison},
		{"A parcel on its way", t.parcel},
		{"kill -9 in the middle of a load", t.kill},
		{"A graceful stop", t.stop},
		{"What is in the tables, and is it what the shops say?", t.tables},
	} {
		t.heading(part.title)
		if err := part.play(ctx); err != nil {
			return fmt.Errorf("%q did not hold: %w%s", part.title, err, t.lastWords(err))
		}
	}
	t.line(plain, "")
	t.line(bold+green, fmt.Sprintf("All of it held, in %.0f seconds.", time.Since(t.begun).Seconds()))
	return nil
}

// lastWords are the end of the daemon's log, for a failure that is not an interruption.
func (t *story) lastWords(err error) string {
	if t.daemon == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	return lastLines(t.daemon)
}

func lastLines(d *daemon) string {
	lines := d.log.since(0)
	return "\nthe daemon's last lines:\n  " + strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}

// command shows and runs a command; want is the exit status that it must have.
func (t *story) command(ctx context.Context, want int, args ...string) (answer, error) {
	t.typed("ordersyncd " + strings.Join(args, " "))
	a, err := t.program.call(ctx, args...)
	if err == nil && a.status != want {
		err = fmt.Errorf("ordersyncd %s: exit status %d, not %d:\n%s", strings.Join(args, " "), a.status, want, a.all())
	}
	return a, err
}

// until waits for something to hold. It fails when that takes too long, and at once when the daemon has died meanwhile.
func (t *story) until(ctx context.Context, what string, holds func() (bool, error)) error {
	d := t.daemon
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s: not within %v", what, patience))
	defer cancel()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		begun := time.Now()
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		// Looking must not take the processor away from what is looked at.
		pause.Reset(max(100*time.Millisecond, 2*time.Since(begun)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if d != nil && !d.alive() {
			return fmt.Errorf("%s: the daemon ended with exit status %d", what, d.status())
		}
	}
}

// seller is one of the two shops, as far as the tables are held against it.
type seller interface {
	// name is that of its source.
	name() string
	// latest is when each of its orders was last changed.
	latest() map[string]time.Time
	// says is all that its API says now.
	says(ctx context.Context) (truth.Remote, error)
}

// compare holds the tables against shops.
func (t *story) compare(ctx context.Context, sellers ...seller) ([]truth.Difference, error) {
	var all []truth.Difference
	for _, s := range sellers {
		says, err := s.says(ctx)
		if err != nil {
			return nil, err
		}
		differences, err := truth.Compare(ctx, t.stage.db, says)
		if err != nil {
			return nil, err
		}
		all = append(all, differences...)
	}
	return all, nil
}

// current reports whether the tables have a shop's orders with their latest times of change.
func (t *story) current(ctx context.Context, s seller) (bool, error) {
	latest := s.latest()
	rows, err := t.stage.db.QueryContext(ctx, "SELECT order_id, CAST(modified_at AS CHAR) FROM orders WHERE source = ?", s.name())
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	same := 0
	for rows.Next() {
		var id, modified string
		if err := rows.Scan(&id, &modified); err != nil {
			return false, err
		}
		if !strings.HasPrefix(modified, latest[id].UTC().Format(time.DateTime)) {
			return false, nil
		}
		same++
	}
	return same == len(latest), rows.Err()
}

// agree waits until the tables say what the shops say.
func (t *story) agree(ctx context.Context, sellers ...seller) error {
	for _, s := range sellers {
		var last []truth.Difference
		err := t.until(ctx, "the tables equal "+s.name(), func() (bool, error) {
			// Comparing every column takes a while; as long as the times of change differ there is no need to.
			ok, err := t.current(ctx, s)
			if !ok || err != nil {
				return false, err
			}
			last, err = t.compare(ctx, s)
			return len(last) == 0, err
		})
		if err = errors.Join(err, listed(last)); err != nil {
			return err
		}
	}
	return nil
}

// listed is an error that names the first differences; nil where there are none.
func listed(differences []truth.Difference) error {
	if len(differences) == 0 {
		return nil
	}
	text := fmt.Sprintf("%d differences", len(differences))
	for _, d := range differences[:min(5, len(differences))] {
		text += "\n  " + d.String()
	}
	return errors.New(text)
}

func (t *story) prepare(ctx context.Context) error {
	if err := t.stage.configure(t.shop.base, t.mall.router, t.post, t.shop.now()); err != nil {
		return err
	}
	t.say("A private database server and two shops on this machine: an API with %s orders of the last %d days, for which the "+
		"configuration takes the preset us-server, and Taobao's gateway with %s trades of the last %d days. Schedules and waits are "+
		"in seconds.", number(t.shop.size()), historyDays, number(t.mall.size()), mallDays)
	checked, err := t.command(ctx, 0, "check")
	if err != nil {
		return err
	}
	t.quote(firstTicks(checked.all()))
	migrated, err := t.command(ctx, 0, "migrate", "up")
	if err != nil {
		return err
	}
	t.quote(tail(migrated.all(), 2))
	return nil
}

// loaded is during how many calls of the first load the shop on Taobao lives on.
const loaded = 360

func (t *story) firstLoad(ctx context.Context) (err error) {
	t.say("Of Taobao the history is read once, by creation; from the moment at which that began, what changes is followed. During %d "+
		"of these calls the shop there takes 15 orders and changes 15.", loaded)
	t.mall.bell.before(loaded, func(n int) {
		if n%12 == 0 {
			t.mall.trade(n/12%2, 1-n/12%2)
		}
	})
	t.typed("ordersyncd run &")
	begun := time.Now()
	if t.daemon, err = t.program.run(); err != nil {
		return err
	}
	if err := t.agree(ctx, t.shop); err != nil {
		return err
	}
	t.good("%s orders with %s lines of %s are in the tables after %.1f s and %s requests.",
		number(t.shop.size()), number(t.shop.lines()), source, time.Since(begun).Seconds(), number(t.shop.requests()))
	err = t.until(ctx, "the history is read, and what changes is followed", func() (bool, error) {
		ok, err := t.mall.handedOver(ctx, t.stage)
		return ok && t.mall.bell.quiet(), err
	})
	if err == nil {
		err = t.agree(ctx, t.mall)
	}
	if err != nil {
		return err
	}
	t.good("%s trades of %s after %.1f s; calls: %s.", number(t.mall.size()), flagship, time.Since(begun).Seconds(), t.mall.asked())
	return nil
}

// churned is between how many page requests the shop changes.
const churned = 40

func (t *story) churn(ctx context.Context) error {
	const flagged, calls, quiet = 250, 120, 3
	t.say("The list is sorted newest first, so each new order pushes the others towards the next page. Before each of %d page requests "+
		"the shop takes up to 3 orders in one and the same second, and changes up to 3 of any age. On Taobao, %d trades get a note in one "+
		"second; while they are read %d others come or change. Of %d refunds only the list of refunds tells.",
		churned, flagged, calls/2, quiet)
	before, asked, changed, trades := t.shop.size(), t.shop.requests(), 0, t.mall.size()
	t.shop.bell.before(churned, func(n int) {
		changed += (n + 2) % 4
		t.shop.trade(n%4, (n+2)%4)
	})
	t.mall.flag(flagged)
	t.mall.refund(quiet, true)
	t.mall.bell.before(calls, func(n int) {
		switch n % 4 {
		case 1:
			t.mall.trade(1, 0)
		case 3:
			t.mall.trade(0, 1)
		}
	})
	err := t.until(ctx, "the pages are read", func() (bool, error) { return t.shop.bell.quiet() && t.mall.bell.quiet(), nil })
	if err != nil {
		return err
	}
	requests := t.shop.requests() - asked
	if err := t.agree(ctx, t.shop, t.mall); err != nil {
		return err
	}
	t.good("%s new orders and %s changes during %s page requests, and %s new trades; after one quiet run and one quiet sweep nothing is "+
		"missing, nothing is old, nothing is there twice.",
		number(t.shop.size()-before), number(changed), number(requests), number(t.mall.size()-trades))
	return nil
}

func (t *story) outage(ctx context.Context) error {
	mark, mails, events := t.daemon.log.mark(), len(t.post.mails.Mails()), len(t.post.events.Events())
	t.shop.fail(new(resttest.Status(503)))
	t.shop.trade(5, 5)
	t.say("It answers 503, then a page in HTML with status 200; meanwhile the shop takes 5 orders and changes 5.")
	if err := t.failedRun(ctx, mark, "503"); err != nil {
		return err
	}
	mark = t.daemon.log.mark()
	t.shop.fail(new(resttest.HTML()))
	if err := t.failedRun(ctx, mark, ""); err != nil {
		return err
	}
	t.say("A second run has failed, so somebody must know. To %s comes a mail:", reader)
	alarm, err := t.mail(ctx, mails, "a mail tells of the outage", about(source))
	if err != nil {
		return err
	}
	t.say("and to Sentry an event:")
	if err := t.event(ctx, events, source); err != nil {
		return err
	}
	t.typed("ordersyncd status")
	unwell, err := t.statusIs(ctx, 1)
	if err != nil {
		return err
	}
	t.quote(strings.Join(wrap(tail(unwell.all(), 2), columns-5), "\n"))
	return t.recovery(ctx, mails, alarm)
}

// recovery brings the shop's API back: the orders come in, and that it is over is told in the thread of the alarm.
func (t *story) recovery(ctx context.Context, mails int, alarm smtptest.Message) error {
	missing, err := t.compare(ctx, t.shop)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return errors.New("the shop's changes came in although its API was away")
	}
	t.shop.fail(nil)
	begun := time.Now()
	if err := t.agree(ctx, t.shop); err != nil {
		return err
	}
	t.good("The API is back: %.1f s later the daemon has fetched what it missed, without being told.", time.Since(begun).Seconds())
	t.say("Two good runs later a mail in the same thread says that it is over:")
	if _, err = t.mail(ctx, mails, "a mail tells of the recovery", answers(alarm)); err != nil {
		return err
	}
	if _, err = t.statusIs(ctx, 0); err != nil {
		return err
	}
	told, err := t.post.arrived(mails)
	if err != nil {
		return err
	}
	if len(told) != 2 {
		return fmt.Errorf("the outage was told in %d mails, not in two: %q", len(told), subjects(told))
	}
	t.good("Two mails for the whole outage, however many runs failed.")
	return nil
}

// statusIs waits until `status` ends with that exit status: a failed job that is being tried again counts as well meanwhile.
func (t *story) statusIs(ctx context.Context, want int) (a answer, err error) {
	err = t.until(ctx, fmt.Sprintf("ordersyncd status: exit status %d", want), func() (bool, error) {
		var err error
		a, err = t.program.call(ctx, "status")
		return a.status == want, err
	})
	return a, err
}

// failedRun waits for the log line of a failed run and shows it.
func (t *story) failedRun(ctx context.Context, mark int, contains string) error {
	var found logged
	err := t.until(ctx, "the daemon logs a failed run", func() (bool, error) {
		for _, text := range t.daemon.log.since(mark) {
			if l, ok := parseLogged(text); ok && l.Outcome == "failed" && strings.Contains(l.Error, contains) {
				found = l
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	t.say("The daemon logs:")
	t.quote(strings.Join(wrap(found.String(), columns-5), "\n"))
	return nil
}

func (t *story) poison(ctx context.Context) error {
	fresh, old := t.shop.poison()
	trade := t.mall.poison()
	t.say("A new order costs \"1,234.50 dollars\", an old one got a list for a quantity, and a trade on Taobao costs \"1,234.50元\". " +
		"Meanwhile each shop takes 5 more orders.")
	t.shop.trade(5, 0)
	t.mall.trade(5, 0)
	err := t.until(ctx, "all three are dead letters", func() (bool, error) {
		n, err := t.stage.count(ctx, "dead_letters")
		return n == 3, err
	})
	if err != nil {
		return err
	}
	list, err := t.command(ctx, 0, "deadletter", "list")
	if err != nil {
		return err
	}
	t.quote(list.all())
	// Everything else goes on: only these differ.
	err = t.until(ctx, "all other orders are in the tables", func() (bool, error) {
		differences, err := t.compare(ctx, t.shop, t.mall)
		return onlyOf(differences, fresh, old, trade), err
	})
	if err != nil {
		return err
	}
	t.good("All other orders are in the tables; of the old one and of the trade the last good version is.")
	t.shop.repair()
	t.mall.repair(trade)
	t.say("The shops correct all three. The new one and the trade are released by the next run; for the old one nobody has to wait:")
	retried, err := t.command(ctx, 0, "deadletter", "retry", source, old)
	if err != nil {
		return err
	}
	t.quote(retried.all())
	if err := t.agree(ctx, t.shop, t.mall); err != nil {
		return err
	}
	if n, err := t.stage.count(ctx, "dead_letters"); n != 0 || err != nil {
		return errors.Join(fmt.Errorf("%d dead letters are left", n), err)
	}
	t.good("No dead letter is left.")
	return nil
}

// load is what a shop takes at once, and how much of it is stored.
type load struct {
	source        string
	before, taken int
	// held is closed when some of it is stored and not all.
	held chan struct{}
}

// measure counts the rows before a load.
func (t *story) measure(ctx context.Context, s seller, taken int) (*load, error) {
	l := &load{source: s.name(), taken: taken, held: make(chan struct{})}
	var err error
	l.before, err = t.stored(ctx, l)
	return l, err
}

// stored is how much of a load is in the tables.
func (t *story) stored(ctx context.Context, l *load) (int, error) {
	n, err := t.stage.number(ctx, "SELECT COUNT(*) FROM orders WHERE source = ?", l.source)
	return n - l.before, err
}

// halfway reports whether some of the load is stored and not all, and the shop waits.
func (l *load) halfway() (bool, error) {
	select {
	case <-l.held:
		return true, nil
	default:
		return false, nil
	}
}

// hold makes the answers of a shop wait from the middle of its load on, so that it cannot end before everybody has come to theirs.
func (t *story) hold(ctx context.Context, b *bell, l *load, until <-chan struct{}) {
	const answers = 1000
	b.before(answers, func(int) {
		if stored, err := t.stored(ctx, l); err != nil || stored <= 0 || stored >= l.taken {
			return
		}
		b.before(0, nil)
		close(l.held)
		<-until
	})
}

func (t *story) kill(ctx context.Context) error {
	imported, err := t.measure(ctx, t.shop, 300)
	if err != nil {
		return err
	}
	traded, err := t.measure(ctx, t.mall, 200)
	if err != nil {
		return err
	}
	t.say("The shop imports %d orders and changes 100 at once, the one on Taobao takes %d. With some of both stored the daemon is killed.",
		imported.taken, traded.taken)
	killed := make(chan struct{})
	release := sync.OnceFunc(func() { close(killed) })
	defer release()
	t.hold(ctx, &t.shop.bell, imported, killed)
	t.hold(ctx, &t.mall.bell, traded, killed)
	t.shop.trade(imported.taken, 100)
	t.mall.trade(traded.taken, 0)
	for _, l := range []*load{imported, traded} {
		if err := t.until(ctx, l.source+" is in the middle of its load", l.halfway); err != nil {
			return err
		}
	}
	d := t.daemon
	t.daemon = nil // from here on its end is no surprise
	if _, err := d.end(syscall.SIGKILL); err != nil {
		return err
	}
	release()
	var texts []string
	for _, l := range []*load{imported, traded} {
		stored, err := t.stored(ctx, l)
		if err != nil {
			return err
		}
		texts = append(texts, fmt.Sprintf("%d of the %d orders of %s", stored, l.taken, l.source))
		if stored <= 0 || stored >= l.taken {
			return fmt.Errorf("the load was not in its middle: stored were %s", texts[len(texts)-1])
		}
	}
	t.say("Killed with %s stored. It is started again:", strings.Join(texts, " and "))
	t.typed("ordersyncd run &")
	begun := time.Now()
	if t.daemon, err = t.program.run(); err != nil {
		return err
	}
	if err := t.agree(ctx, t.shop, t.mall); err != nil {
		return err
	}
	t.good("%.1f s later everything is there, nothing is lost, nothing is there twice.", time.Since(begun).Seconds())
	return nil
}

func (t *story) stop(ctx context.Context) error {
	const taken, stoppedAt = 100, 3
	d, mark := t.daemon, t.daemon.log.mark()
	t.say("While the daemon reads a list it gets the signal by which systemd stops it.")
	t.mall.trade(5, 5)
	traded := time.Now()
	t.shop.trade(taken, 0)
	asked := make(chan struct{})
	t.shop.bell.before(stoppedAt, func(n int) {
		if n == stoppedAt {
			close(asked)
			// The answer waits for the signal, so that the run cannot end before.
			<-d.stopping
		}
	})
	select {
	case <-asked:
	case <-d.ended:
	case <-ctx.Done():
		close(d.stopping)
		return context.Cause(ctx)
	}
	t.daemon = nil // from here on its end is no surprise
	t.typed(fmt.Sprintf("kill -TERM %d", d.cmd.Process.Pid))
	begun := time.Now()
	err := d.cmd.Process.Signal(syscall.SIGTERM)
	close(d.stopping)
	if err != nil {
		return err
	}
	status, err := d.await() // a second signal would not be graceful
	if err != nil {
		return err
	}
	took := time.Since(begun)
	stopped := slices.ContainsFunc(d.log.since(mark), func(line string) bool {
		l, ok := parseLogged(line)
		return ok && l.Outcome == "stopped"
	})
	if status != 0 || !stopped {
		return fmt.Errorf("exit status %d, a run stopped in its middle: %v%s", status, stopped, lastLines(d))
	}
	t.good("It stopped in mid-run after %.2f s, with exit status 0. One typed run of each job fetches the rest:", took.Seconds())
	// What has just changed is not read yet.
	if err := t.until(ctx, "the last changes are old enough", func() (bool, error) { return time.Since(traded) > 3*time.Second, nil }); err != nil {
		return err
	}
	for _, job := range []string{"us-orders", "us-sweep", "tmall-orders", "tmall-sweep", "tmall-parcels"} {
		synced, err := t.command(ctx, 0, "sync", job)
		if err != nil {
			return err
		}
		t.quote(tail(synced.stdout, 2))
	}
	return nil
}
