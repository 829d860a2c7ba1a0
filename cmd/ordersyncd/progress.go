package main

import (
	"fmt"
	"strings"
	"time"

	"ordersync/internal/figures"
	"ordersync/internal/ordersync"
)

const (
	textProgress = "%s: %3d %% (%s), %s: %s new, %s changed"

	// A terminal is drawn over at most this often; elsewhere a line is written at most every plainPause.
	livePause  = 100 * time.Millisecond
	plainPause = 10 * time.Second
	barWidth   = 24
)

// progress shows how far a run has come: a line that is drawn over on a terminal, a line now and then elsewhere. It is told on the
// run's own goroutine.
type progress struct {
	screen *screen
	job    string
	last   time.Time
	drawn  bool
}

func newProgress(s *screen, job string) *progress {
	p := &progress{screen: s, job: job}
	if !s.live {
		p.last = time.Now() // a run that is over sooner says nothing on the way
	}
	return p
}

func (p *progress) update(run ordersync.Run) {
	pause := plainPause
	if p.screen.live {
		pause = livePause
	}
	now := time.Now()
	if now.Sub(p.last) < pause {
		return
	}
	p.last = now
	share := shareOf(run)
	text := fmt.Sprintf(textProgress, p.job, int(share*100), run.Window.Since.In(p.screen.zone).Format(time.DateOnly),
		figures.Count(run.Records, "order"), figures.Number(run.Inserted), figures.Number(run.Updated))
	if !p.screen.live {
		fmt.Fprintln(p.screen.err, text)
		return
	}
	fmt.Fprint(p.screen.err, "\r\x1b[K"+p.line(share, text, p.screen.width()))
	p.drawn = true
}

// line is bar and text, no wider than the terminal: what is broken into two lines cannot be drawn over.
func (p *progress) line(share float64, text string, width int) string {
	runes := []rune(text)
	room := min(width-len(runes)-2, barWidth)
	if room < 8 {
		return string(runes[:min(len(runes), max(width-1, 0))])
	}
	full := int(share * float64(room))
	return p.screen.green(strings.Repeat("━", full), p.screen.errPlain) + strings.Repeat("─", room-full) + " " + text
}

// end takes the drawn line away, so that the summary stands alone.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.screen.err, "\r\x1b[K")
	}
	p.drawn = false
}

// shareOf is how much of its span a run has behind it, from 0 to 1. Time is all that is known beforehand.
func shareOf(run ordersync.Run) float64 {
	whole := run.Until.Sub(run.Since)
	if whole <= 0 {
		return 0
	}
	return min(max(float64(run.Window.Since.Sub(run.Since))/float64(whole), 0), 1)
}
