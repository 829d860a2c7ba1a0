package browser

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Options say which browser. The zero ones are usable.
type Options struct {
	// Program is the browser's path; empty: what Provide finds.
	Program string
	// Dir is where the browser's own folder is made; empty: the temporary folder.
	Dir string
	// Log is told what takes long; nil discards.
	Log *slog.Logger
}

// Browser is a running browser. It is safe for concurrent use; pages are shown one after the other.
type Browser struct {
	folder string
	group  int
	run    func(ctx context.Context, work chromedp.Action[chromedp.Void]) error
	end    func() error
	words  *output

	mu     sync.Mutex
	closed bool
}

// View is how a page is looked at.
type View struct {
	// Width is the window's, in CSS pixels.
	Width int
	// Dark says that the reader prefers dark colours.
	Dark bool
	// Phone lays the page out as a phone does: without a viewport of its own a page is as wide as a desk's.
	Phone bool
	// Scale is how many pixels of the picture make a CSS pixel; zero: one.
	Scale float64
	// Blind takes no picture, which is what takes longest.
	Blind bool
}

// Sight is what was seen.
type Sight struct {
	// PNG is a picture of the whole page, unless it was looked at blindly.
	PNG []byte `json:"-"`
	// Window is how wide the window came to be, Width and Height how large the page is: a page wider than the window scrolls sideways.
	Window int `json:"window"`
	Width  int `json:"width"`
	Height int `json:"height"`
	// Texts are the page's texts in order, without their blanks.
	Texts []Text `json:"texts"`
	// Links are the addresses that the page leads to, Remote those that it wants to load things from.
	Links  []string `json:"links"`
	Remote []string `json:"remote"`
}

// Text is a piece of text without an element in it.
type Text struct {
	Text string `json:"text"`
	// Visible: it takes up room, within the window, and differs from its background.
	Visible bool `json:"visible"`
	// Left and Right are its edges, in CSS pixels; Size is that of its letters.
	Left  float64 `json:"left"`
	Right float64 `json:"right"`
	Size  float64 `json:"size"`
	// Contrast is that of its colour to the background's, from 1 to 21, as WCAG counts it.
	Contrast float64 `json:"contrast"`
}

//go:embed sight.js
var sightScript string

// startPatience is how long a browser may take to start on a busy machine.
const startPatience = 2 * time.Minute

// Start starts a browser. It ends with Close; ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Browser, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Program == "" {
		program, err := Provide(ctx, o.Log)
		if err != nil {
			return nil, err
		}
		o.Program = program
	}
	folder, err := os.MkdirTemp(o.Dir, "ordersync-browser-")
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	b := &Browser{folder: folder, words: new(output)}
	tab := b.allocate(context.WithoutCancel(ctx), o.Program)
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("no answer within %s", startPatience))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = b.end() })
	defer stop()
	// The first use starts it.
	err = chromedp.Do(tab, chromedp.Navigate("about:blank"))
	if c := chromedp.FromContext(tab); c != nil && c.Browser != nil && c.Browser.Process() != nil {
		b.group = c.Browser.Process().Pid
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w%s", o.Program, err, b.words), context.Cause(ctx), b.Close())
	}
	return b, nil
}

// allocate prepares the one tab, and how it is used and ended.
func (b *Browser) allocate(ctx context.Context, program string) context.Context {
	allocator, free := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(program), chromedp.UserDataDir(b.folder), chromedp.CombinedOutput(b.words),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { cmd.SysProcAttr = dieWithParent() }),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-default-apps", true), chromedp.Flag("disable-breakpad", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("password-store", "basic"), chromedp.Flag("use-mock-keychain", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"))
	quiet := func(string, ...any) {}
	tab, cancel := chromedp.NewContext(allocator, chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	b.run = func(ctx context.Context, work chromedp.Action[chromedp.Void]) error {
		inner, stop := context.WithCancelCause(tab)
		defer stop(nil)
		defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
		return chromedp.Do(inner, work)
	}
	b.end = sync.OnceValue(func() error {
		cancel()
		free()
		return nil
	})
	return tab
}

// Close ends the browser with all its processes and removes its folder. It may be called more than once.
func (b *Browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	err := b.end()
	// Its helpers may outlive it by a moment, and write into the folder.
	for range 100 {
		if b.group > 0 {
			_ = syscall.Kill(-b.group, syscall.SIGKILL) // none may be left
		}
		removed := os.RemoveAll(b.folder)
		if removed == nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(err, os.RemoveAll(b.folder))
}

// Look shows an HTML text and says what is to be seen.
func (b *Browser) Look(ctx context.Context, html string, v View) (Sight, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Sight{}, errors.New("browser: it was closed")
	}
	var sight Sight
	err := b.run(ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		var err error
		sight, err = look(ctx, t, html, v)
		return chromedp.Void{}, err
	})
	if err != nil {
		return Sight{}, fmt.Errorf("browser: %w%s", err, b.words)
	}
	return sight, nil
}

func look(ctx context.Context, t *chromedp.Target, html string, v View) (Sight, error) {
	metrics := emulation.SetDeviceMetricsOverrideParams{Width: int64(v.Width), Height: 800, DeviceScaleFactor: max(v.Scale, 1), Mobile: v.Phone}
	if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, metrics); err != nil {
		return Sight{}, err
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media); err != nil {
		return Sight{}, err
	}
	// A fresh document each time: what the last one did to the window must not matter.
	if _, err := chromedp.Navigate("about:blank")(ctx, t); err != nil {
		return Sight{}, err
	}
	tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return Sight{}, err
	}
	if _, err := cdp.Call(ctx, t, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: tree.FrameTree.Frame.ID, HTML: html}); err != nil {
		return Sight{}, err
	}
	sight, err := chromedp.Evaluate[Sight](sightScript, chromedp.EvalAwaitPromise)(ctx, t)
	if err != nil || v.Blind {
		return sight, err
	}
	shot := page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, FromSurface: new(true), CaptureBeyondViewport: new(true),
		Clip: &page.Viewport{Width: float64(max(sight.Width, sight.Window)), Height: float64(sight.Height), Scale: 1},
	}
	picture, err := cdp.Call(ctx, t, page.CaptureScreenshot, shot)
	if err != nil {
		return Sight{}, err
	}
	sight.PNG = picture.Data
	return sight, nil
}

// output keeps the last words of the browser, for errors.
type output struct {
	mu   sync.Mutex
	text []byte
}

const keptOutput = 2000

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	o.text = o.text[max(0, len(o.text)-keptOutput):]
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if text := bytes.TrimSpace(o.text); len(text) > 0 {
		return "; it said: " + string(text)
	}
	return ""
}
