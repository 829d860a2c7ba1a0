package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ordersync/internal/browser"
)

// ownerVariable makes the test binary a process that owns a browser in that folder, for the test that kills it.
const ownerVariable = "ORDERSYNC_TEST_BROWSER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		os.Exit(own(dir))
	}
	os.Exit(m.Run())
}

// own starts a browser, says so and waits for the end of its input.
func own(dir string) int {
	b, err := browser.Start(context.Background(), browser.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("up")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := b.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func start(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(t.Context(), browser.Options{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

const head = `<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>Not a text</title>`

func TestLookTellsWhatIsSeen(t *testing.T) {
	t.Parallel()
	b := start(t)
	const page = head + `<style>body{margin:0;background:#fff;color:#000} @media (prefers-color-scheme: dark) {body{background:#000;color:#fff}}</style></head>
<body><p>Black on white 订单</p><p style="color:#eee;background:#fff">Pale</p><p style="display:none">None</p>
<div style="overflow:hidden;height:0"><span>Folded</span></div><p style="visibility:hidden">Hidden</p><a href="https://example.com/x">Link</a>
</body></html>`
	for _, v := range []browser.View{{Width: 360, Phone: true}, {Width: 800}, {Width: 800, Dark: true, Scale: 2}} {
		s, err := b.Look(t.Context(), page, v)
		if err != nil {
			t.Fatal(err)
		}
		if s.Window != v.Width || s.Width > v.Width || s.Height < 100 {
			t.Errorf("%+v: window %d, page %d x %d", v, s.Window, s.Width, s.Height)
		}
		seen := map[string]browser.Text{}
		for _, text := range s.Texts {
			seen[text.Text] = text
		}
		want := map[string]bool{"Black on white 订单": true, "Pale": !v.Dark, "None": false, "Folded": false, "Hidden": false, "Link": true}
		want["Pale"] = false // its contrast is below what anybody sees
		for text, visible := range want {
			if got, ok := seen[text]; !ok || got.Visible != visible {
				t.Errorf("%+v: %q: %+v, want visible %v", v, text, got, visible)
			}
		}
		if c := seen["Black on white 订单"].Contrast; c < 20.9 {
			t.Errorf("%+v: contrast %v", v, c)
		}
		if len(s.Texts) != len(want) || len(s.Links) != 1 || s.Links[0] != "https://example.com/x" || len(s.Remote) != 0 {
			t.Errorf("%+v: %+v", v, s)
		}
		picture, err := png.Decode(bytes.NewReader(s.PNG))
		if err != nil {
			t.Fatal(err)
		}
		if got := picture.Bounds().Dx(); got != v.Width*int(max(v.Scale, 1)) {
			t.Errorf("%+v: the picture is %d pixels wide", v, got)
		}
		if r, _, _, _ := picture.At(v.Width-2, 2).RGBA(); (r == 0) != v.Dark {
			t.Errorf("%+v: red of the background is %d", v, r)
		}
	}
}

func TestLookFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := start(t)
	s, err := b.Look(t.Context(), head+`</head><body><p style="width:900px">Wide</p><p style="position:absolute;left:-500px">Off</p>
<img src="https://example.com/i.png"><div style="background:url('https://example.com/b.png')">Box</div></body></html>`, browser.View{Width: 360})
	if err != nil {
		t.Fatal(err)
	}
	if s.Width <= 360 {
		t.Errorf("a page of 900 is %d wide", s.Width)
	}
	if got := strings.Join(s.Remote, " "); strings.Count(got, "https://example.com/") != 2 {
		t.Errorf("wants to load %q", got)
	}
	for _, text := range s.Texts {
		if text.Visible == (text.Text == "Off") {
			t.Errorf("%+v", text)
		}
	}
	// A page that says nothing about its viewport is laid out for a desk.
	s, err = b.Look(t.Context(), `<!doctype html><html><body><p>Small</p></body></html>`, browser.View{Width: 360, Phone: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Window <= 360 {
		t.Errorf("the window is %d wide", s.Window)
	}
}

func TestStartTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := browser.Start(t.Context(), browser.Options{Program: filepath.Join(dir, "none"), Dir: dir})
	if err == nil || b != nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("got %v, %v", b, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := browser.Start(t.Context(), browser.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if users(t, dir) == 0 {
		t.Error("no process uses the folder of a living browser")
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Look(t.Context(), "", browser.View{Width: 100}); err == nil {
		t.Error("a closed browser still looks")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if n := users(t, dir); n != 0 {
		t.Errorf("%d processes outlived the browser", n)
	}
}

// TestNoBrowserOutlivesItsOwner kills the owner in the way that leaves it no time to clean up.
func TestNoBrowserOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"="+dir)
	owner.Stderr = os.Stderr
	if _, err := owner.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the owner did not start its browser: %q %v", line, err)
	}
	if users(t, dir) == 0 {
		t.Error("no process uses the folder of a living browser")
	}
	if err := owner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if users(t, dir) == 0 {
			return
		}
		<-tick.C
	}
	t.Errorf("%d processes of the browser outlived its owner", users(t, dir))
}

// users counts the processes that name a folder in their command line, but for those of the tests.
func users(t *testing.T, dir string) int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(dir+"/")) {
			n++
		}
	}
	return n
}
