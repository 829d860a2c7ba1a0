package alert_test

import (
	"fmt"
	"testing"
	"time"

	"ordersync/internal/alert"
)

// shops is a world of sources whose last good runs are known.
func shops(goods map[string]time.Time) alert.World {
	w := alert.World{Sources: map[string]alert.SourceWorld{}}
	for name, good := range goods {
		w.Sources[name] = alert.SourceWorld{LastGood: good, Jobs: map[string]time.Time{name + "-orders": good}}
	}
	return w
}

// When failures of several sources are one failure of the network.
func TestAllNetwork(t *testing.T) {
	t.Parallel()
	before := at(t, "00:59:00")
	bad := func(clock, source string) alert.Observation { return failed(at(t, clock), source, alert.Network) }
	well := func(clock, source string) alert.Observation { return good(at(t, clock), source) }
	three := map[string]time.Time{"us": before, "eu": before, "de": before}
	for name, test := range map[string]struct {
		world alert.World
		runs  []alert.Observation
		until string
		want  []string
	}{
		"two began to fail and none was good since: at once, and instead of them": {
			world: shops(three), until: "02:00:00",
			runs: []alert.Observation{bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu"), bad("01:02:00", "us")},
			want: []string{"01:00:40 alarm network, opened all"},
		},
		"one source of one": {
			world: shops(map[string]time.Time{"us": before}), until: "02:00:00",
			runs: []alert.Observation{bad("01:00:00", "us"), bad("01:01:00", "us")},
			want: []string{"01:01:30 alarm network, opened source/us"},
		},
		"another source was good since": {
			world: shops(map[string]time.Time{"us": before, "eu": before, "de": at(t, "01:00:05")}), until: "02:00:00",
			runs: []alert.Observation{bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu")},
			want: []string{"01:01:30 alarm network, opened source/us, opened source/eu"},
		},
		"one that failed for long already neither makes it nor hinders it": {
			world: shops(three), until: "01:03:00",
			runs: []alert.Observation{
				bad("00:30:00", "de"), bad("00:31:00", "de"), bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu"),
			},
			want: []string{"00:31:30 alarm network, opened source/de", "01:00:40 alarm network, opened all"},
		},
		"a source that is paused does not make it": {
			world: func() alert.World {
				w := shops(three)
				w.Sources["eu"] = alert.SourceWorld{Paused: true}
				return w
			}(), until: "01:04:00",
			runs: []alert.Observation{bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us")},
			want: []string{"01:01:30 alarm network, opened source/us"},
		},
		"the first good run ends it, and what is over soon after is not told": {
			world: shops(three), until: "03:00:00",
			runs: []alert.Observation{
				bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu"), well("01:20:00", "us"), well("01:21:00", "us"),
				well("01:23:00", "eu"), well("01:24:00", "eu"),
			},
			want: []string{"01:00:40 alarm network, opened all", "01:20:30 relief network, recovered all"},
		},
		"one that is still failing after that is told": {
			world: shops(three), until: "03:00:00",
			runs: []alert.Observation{
				bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu"), well("01:20:00", "us"), bad("01:20:10", "eu"),
				well("01:21:00", "us"), bad("01:21:10", "eu"),
			},
			want: []string{
				"01:00:40 alarm network, opened all", "01:20:30 relief network, recovered all", "01:25:35 alarm network, opened source/eu",
			},
		},
		"one that is not tried again is told after the longest wait": {
			world: shops(three), until: "04:00:00",
			runs: []alert.Observation{
				bad("01:00:00", "us"), bad("01:00:10", "eu"), bad("01:01:00", "us"), bad("01:01:10", "eu"), well("01:20:00", "us"), well("01:21:00", "us"),
			},
			want: []string{
				"01:00:40 alarm network, opened all", "01:20:30 relief network, recovered all", "02:25:35 alarm network, opened source/eu",
			},
		},
		"it comes back": {
			world: shops(three), until: "03:00:00",
			runs: []alert.Observation{
				bad("01:00:00", "us"), bad("01:00:10", "eu"), well("01:20:00", "us"), bad("01:25:00", "us"), bad("01:25:10", "eu"), bad("01:25:20", "de"),
				well("01:26:00", "us"), well("01:27:00", "us"), well("01:26:10", "eu"), well("01:27:10", "eu"), well("01:26:20", "de"), well("01:27:20", "de"),
			},
			want: []string{
				"01:00:40 alarm network, opened all", "01:20:30 relief network, recovered all", "01:25:50 alarm network, reopened all",
				"01:35:50 relief network, recovered all",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.world = test.world
			b.play(test.runs, at(t, test.until))
			b.want(test.want...)
		})
	}
}

// A world that was read before the failures proves nothing against the other sources.
func TestAllNetworkStale(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.world = shops(map[string]time.Time{"us": midnight, "eu": midnight, "de": midnight})
	b.world.At = at(t, "01:00:00")
	b.play([]alert.Observation{failed(at(t, "01:00:05"), "us", alert.Network), failed(at(t, "01:00:06"), "eu", alert.Network)}, at(t, "01:01:00"))
	b.want()
	b.world = shops(map[string]time.Time{"us": midnight, "eu": midnight, "de": at(t, "01:00:20")})
	b.world.At = at(t, "01:01:00")
	b.play([]alert.Observation{good(at(t, "01:01:05"), "us"), good(at(t, "01:01:06"), "eu")}, at(t, "01:02:00"))
	b.want()
	if n := len(b.incidents()); n != 2 {
		t.Errorf("%d incidents began, want those of the two sources", n)
	}
}

// Where every source that is not paused fails, no look need be waited for: runs that follow each other closely are told once, too.
func TestAllNetworkAtOnce(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.stale, b.world = true, shops(map[string]time.Time{"us": midnight, "eu": midnight, "de": midnight})
	resting := b.world.Sources["de"]
	resting.Paused = true
	b.world.Sources["de"], b.world.At = resting, at(t, "01:00:00")
	b.play([]alert.Observation{
		failed(at(t, "01:00:05"), "us", alert.Network), failed(at(t, "01:00:06"), "eu", alert.Network),
		failed(at(t, "01:00:15"), "us", alert.Network), failed(at(t, "01:00:16"), "eu", alert.Network),
	}, at(t, "01:05:00"))
	b.want("01:00:40 alarm network, opened all")
}

// A good run that was observed ends it at once, though the world that was read before it does not know of it; and it stays ended.
func TestAllNetworkGoodObserved(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.stale, b.world = true, shops(map[string]time.Time{"us": midnight, "eu": midnight, "de": midnight})
	b.world.At = at(t, "01:01:00")
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.Network), failed(at(t, "01:00:10"), "eu", alert.Network), failed(at(t, "01:00:20"), "de", alert.Network),
		good(at(t, "01:02:00"), "us"),
	}, at(t, "01:05:00"))
	b.want("01:00:40 alarm network, opened all", "01:02:30 relief network, recovered all")
	if inc := b.the(alert.Network, alert.All); inc.Reopened != 0 || inc.Phase != alert.Recovered {
		t.Errorf("%+v", inc)
	}
}

// Where nobody is left whose network fails, that of all is over.
func TestAllNetworkGone(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.world = shops(map[string]time.Time{"us": midnight, "eu": midnight})
	b.play([]alert.Observation{failed(at(t, "01:00:00"), "us", alert.Network), failed(at(t, "01:00:10"), "eu", alert.Network)}, at(t, "02:00:00"))
	b.world = alert.World{Sources: map[string]alert.SourceWorld{"us": {Paused: true}, "eu": {Paused: true}}}
	b.until(at(t, "05:00:00"))
	b.want("01:00:40 alarm network, opened all", "02:00:35 relief network, recovered all")
}

// A job that fails in another way meanwhile does not speak of the network.
func TestAllNetworkOtherFailure(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.world = shops(map[string]time.Time{"us": midnight, "eu": midnight})
	b.play([]alert.Observation{
		failed(at(t, "01:00:00"), "us", alert.Network), failed(at(t, "01:00:30"), "us", alert.HTTP), failed(at(t, "01:00:45"), "eu", alert.Network),
	}, at(t, "01:04:00"))
	b.want("01:01:00 alarm network, opened source/us")
}

// The incident of all says how many fail, and how.
func TestAllNetworkSays(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	goods := map[string]time.Time{}
	for i := range 9 {
		name := fmt.Sprintf("shop-%d", i)
		goods[name] = midnight
		b.waiting = append(b.waiting, failed(at(t, "01:00:00").Add(time.Duration(i)*time.Second), name, alert.Network))
	}
	b.world = shops(goods)
	b.now = at(t, "01:00:10")
	b.until(at(t, "01:01:00"))
	inc := b.the(alert.Network, alert.All)
	if inc.Facts.Count != 9 || inc.Failures != 9 || inc.Error != "no answer" || !inc.Since.Equal(at(t, "01:00:00")) || !inc.LastAt.Equal(at(t, "01:00:08")) {
		t.Errorf("%+v", inc)
	}
}

// Silence of a source that fails is its consequence: of stall and quiet nothing is told, neither openings nor reminders.
func TestSilenced(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		runs []alert.Observation
		want []string
	}{
		"by a failure of its runs": {
			runs: []alert.Observation{failed(at(t, "00:30:00"), "us", alert.Auth)},
			want: []string{"00:30:30 alarm auth, opened source/us", "04:30:30 alarm auth, reminded source/us"},
		},
		"not by that of another source": {
			runs: []alert.Observation{failed(at(t, "00:30:00"), "eu", alert.Auth)},
			want: []string{
				"00:30:30 alarm auth, opened source/eu", "01:00:30 alarm stall, opened job/us-orders", "01:00:30 alarm quiet, opened source/us",
				"04:30:30 alarm auth, reminded source/eu", "05:00:30 alarm stall, reminded job/us-orders", "05:00:30 alarm quiet, reminded source/us",
			},
		},
		"told before, not reminded during": {
			runs: []alert.Observation{
				failed(at(t, "04:30:00"), "us", alert.Auth),
			},
			want: []string{
				"01:00:30 alarm stall, opened job/us-orders", "01:00:30 alarm quiet, opened source/us", "04:30:30 alarm auth, opened source/us",
			},
		},
		"told after it, if it is still there": {
			runs: []alert.Observation{
				seldom(failed(at(t, "00:30:00"), "us", alert.Auth)), ofJob("us-sweep", seldom(failed(at(t, "00:30:01"), "us", alert.Auth))),
				ofJob("us-sweep", seldom(good(at(t, "02:00:00"), "us"))),
			},
			want: []string{
				"00:30:30 alarm auth, opened source/us", "02:00:30 relief auth, recovered source/us", "02:05:35 alarm stall, opened job/us-orders",
				"02:05:35 alarm quiet, opened source/us",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.look = func(now time.Time) []alert.Condition {
				if now.Before(at(t, "01:00:00")) {
					return nil
				}
				return []alert.Condition{condition(alert.Stall, "job/us-orders", "us", 0), condition(alert.Quiet, "source/us", "us", 0)}
			}
			b.play(test.runs, at(t, "05:30:00"))
			b.want(test.want...)
			for _, n := range b.notices {
				if n.Items[0].Silenced || !n.Items[0].FreedAt.IsZero() {
					t.Errorf("told as silenced: %+v", n.Items[0])
				}
			}
		})
	}
}

// What was silenced and is over with the cause is never told.
func TestSilencedAndOver(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.look = between(t, condition(alert.Stall, "job/us-orders", "us", 0), "01:00:00", "02:01:00")
	b.play([]alert.Observation{seldom(failed(at(t, "00:30:00"), "us", alert.HTTP)), seldom(good(at(t, "02:00:10"), "us"))}, at(t, "04:00:00"))
	b.want("00:34:30 alarm http, opened source/us", "02:00:40 relief http, recovered source/us")
}

// What was silenced, was over with the cause and comes back alone is told like anything else.
func TestSilencedAndBack(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.look = between(t, condition(alert.Stall, "job/us-orders", "us", 0), "01:00:00", "02:00:00", "02:05:00", "02:30:00")
	b.play([]alert.Observation{seldom(failed(at(t, "00:30:00"), "us", alert.HTTP)), seldom(good(at(t, "02:00:30"), "us"))}, at(t, "03:00:00"))
	b.want("00:34:30 alarm http, opened source/us", "02:01:00 relief http, recovered source/us", "02:05:30 alarm stall, opened job/us-orders",
		"02:40:30 relief stall, recovered job/us-orders")
	if inc := b.the(alert.Stall, "job/us-orders"); inc.Silenced || !inc.FreedAt.IsZero() {
		t.Errorf("%+v", inc)
	}
}
