package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"ordersync/internal/demo/truth"
	"ordersync/internal/rest/resttest"
)

// historyDays is how far back the shop's orders reach, shopSize how many there are in the beginning.
const (
	historyDays = 100
	shopSize    = 1000
)

// patience is how long anything in the story may take before the story has failed.
const patience = 2 * time.Minute

// story is one telling: the stage, the shop, the daemon while it runs.
type story struct {
	*console
	begun   time.Time
	stage   *stage
	shop    *shop
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
		{"Two orders that cannot be understood", t.poison},
		{"kill -9 in the middle of a load", t.kill},
		{"A graceful stop", t.stop},
		{"What is in the tables, and is it what the shop says?", t.tables},
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

// compare holds the tables against the shop.
func (t *story) compare(ctx context.Context) ([]truth.Difference, error) {
	records, err := t.shop.records(ctx)
	if err != nil {
		return nil, err
	}
	return truth.Compare(ctx, t.stage.db, truth.Shop{Source: source, Records: records, Reading: truth.USServer().With(mapping)})
}

// current reports whether the tables have the shop's orders with their latest times of change.
func (t *story) current(ctx context.Context) (bool, error) {
	latest := t.shop.latest()
	rows, err := t.stage.db.QueryContext(ctx, "SELECT order_id, CAST(modified_at AS CHAR) FROM orders")
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

// agree waits until the tables say what the shop says.
func (t *story) agree(ctx context.Context) error {
	var last []truth.Difference
	err := t.until(ctx, "the tables equal the shop", func() (bool, error) {
		// Comparing every column takes a while; as long as the times of change differ there is no need to.
		ok, err := t.current(ctx)
		if !ok || err != nil {
			return false, err
		}
		last, err = t.compare(ctx)
		return len(last) == 0, err
	})
	return errors.Join(err, listed(last))
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
	if err := t.stage.configure(t.shop.base, t.shop.now().AddDate(0, 0, -historyDays-1)); err != nil {
		return err
	}
	t.say("A private database server, and a shop's API on this machine with %s orders of the last %d days. "+
		"The configuration takes the preset us-server; schedules and waits are in seconds.", number(t.shop.size()), historyDays)
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

func (t *story) firstLoad(ctx context.Context) (err error) {
	t.typed("ordersyncd run &")
	begun := time.Now()
	if t.daemon, err = t.program.run(); err != nil {
		return err
	}
	if err := t.agree(ctx); err != nil {
		return err
	}
	t.good("%s orders with %s lines are in the tables after %.1f s and %s requests.",
		number(t.shop.size()), number(t.shop.lines()), time.Since(begun).Seconds(), number(t.shop.requests()))
	return nil
}

// churned is between how many page requests the shop changes.
const churned = 40

func (t *story) churn(ctx context.Context) error {
	t.say("The list is sorted newest first, so each new order pushes the others towards the next page. Before each of %d page requests "+
		"the shop takes up to 3 orders in one and the same second, and changes up to 3 of any age.", churned)
	before, asked, changed := t.shop.size(), t.shop.requests(), 0
	t.shop.beforePages(churned, func(n int) {
		changed += (n + 2) % 4
		t.shop.trade(n%4, (n+2)%4)
	})
	if err := t.until(ctx, "the pages are read", func() (bool, error) { return t.shop.quiet(), nil }); err != nil {
		return err
	}
	if err := t.agree(ctx); err != nil {
		return err
	}
	t.good("%s new orders and %s changes during %s page requests; after one quiet run and one quiet sweep nothing is missing, "+
		"nothing is old, nothing is there twice.", number(t.shop.size()-before), number(changed), number(t.shop.requests()-asked))
	return nil
}

func (t *story) outage(ctx context.Context) error {
	mark := t.daemon.log.mark()
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
	status, err := t.command(ctx, 1, "status")
	if err != nil {
		return err
	}
	t.quote(strings.Join(wrap(tail(status.all(), 2), columns-5), "\n"))
	missing, err := t.compare(ctx)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return errors.New("the shop's changes came in although its API was away")
	}
	t.shop.fail(nil)
	begun := time.Now()
	if err := t.agree(ctx); err != nil {
		return err
	}
	t.good("The API is back: %.1f s later the daemon has fetched what it missed, without being told.", time.Since(begun).Seconds())
	return t.healthy(ctx)
}

// healthy waits until `status` says so by its exit status.
func (t *story) healthy(ctx context.Context) error {
	return t.until(ctx, "status is healthy again", func() (bool, error) {
		a, err := t.program.call(ctx, "status")
		return a.status == 0, err
	})
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
	t.say("A new order costs \"1,234.50 dollars\", an old one got a list for a quantity. Meanwhile the shop takes 5 more orders.")
	t.shop.trade(5, 0)
	err := t.until(ctx, "both are dead letters", func() (bool, error) {
		n, err := t.stage.count(ctx, "dead_letters")
		return n == 2, err
	})
	if err != nil {
		return err
	}
	list, err := t.command(ctx, 0, "deadletter", "list")
	if err != nil {
		return err
	}
	t.quote(list.all())
	// Everything else goes on: only these two differ.
	err = t.until(ctx, "all other orders are in the tables", func() (bool, error) {
		differences, err := t.compare(ctx)
		return onlyOf(differences, fresh, old), err
	})
	if err != nil {
		return err
	}
	t.good("All other orders are in the tables; of the old one the last good version is.")
	t.shop.repair()
	t.say("The shop corrects both. The new one is released by the next run; for the old one nobody has to wait:")
	retried, err := t.command(ctx, 0, "deadletter", "retry", source, old)
	if err != nil {
		return err
	}
	t.quote(retried.all())
	if err := t.agree(ctx); err != nil {
		return err
	}
	if n, err := t.stage.count(ctx, "dead_letters"); n != 0 || err != nil {
		return errors.Join(fmt.Errorf("%d dead letters are left", n), err)
	}
	t.good("No dead letter is left.")
	return nil
}

func (t *story) kill(ctx context.Context) error {
	const imported, pages = 300, 400
	before, err := t.stage.count(ctx, "orders")
	if err != nil {
		return err
	}
	t.say("The shop imports %d orders and changes 100 at once. With some of them stored the daemon is killed.", imported)
	t.shop.trade(imported, 100)
	d := t.daemon
	killed := make(chan error, 1)
	t.shop.beforePages(pages, func(n int) {
		// The answer waits, so that the load cannot end before its middle was seen.
		if stored, err := t.stage.count(ctx, "orders"); err == nil && (stored <= before || stored >= before+imported) && n < pages {
			return
		}
		t.shop.beforePages(0, nil)
		_, err := d.end(syscall.SIGKILL)
		killed <- err
	})
	t.daemon = nil // from here on its end is no surprise
	select {
	case err := <-killed:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	stored, err := t.stage.count(ctx, "orders")
	if err != nil {
		return err
	}
	t.say("Killed with %d of the %d imported orders stored. It is started again:", stored-before, imported)
	if stored-before <= 0 || stored-before >= imported {
		return fmt.Errorf("the load was not in its middle: %d of %d orders were stored", stored-before, imported)
	}
	t.typed("ordersyncd run &")
	begun := time.Now()
	if t.daemon, err = t.program.run(); err != nil {
		return err
	}
	if err := t.agree(ctx); err != nil {
		return err
	}
	t.good("%.1f s later everything is there, nothing is lost, nothing is there twice.", time.Since(begun).Seconds())
	return nil
}

func (t *story) stop(ctx context.Context) error {
	const taken, stoppedAt = 100, 3
	d, mark := t.daemon, t.daemon.log.mark()
	t.say("While the daemon reads a list it gets the signal by which systemd stops it.")
	t.shop.trade(taken, 0)
	asked := make(chan struct{})
	t.shop.beforePages(stoppedAt, func(n int) {
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
	for _, job := range []string{"us-orders", "us-sweep"} {
		synced, err := t.command(ctx, 0, "sync", job)
		if err != nil {
			return err
		}
		t.quote(tail(synced.stdout, 2))
	}
	return nil
}
