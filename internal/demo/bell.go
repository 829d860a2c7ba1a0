package demo

import "sync"

// bell rings before a shop answers: the story hangs on it what happens meanwhile. It is safe for concurrent use.
type bell struct {
	mu   sync.Mutex
	act  func(n int)
	left int
	rung int
	// acting lets one act end before the next begins, also where requests come at once.
	acting sync.Mutex
}

// before calls act before each of the next answers, numbered from 1.
func (b *bell) before(answers int, act func(n int)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.act, b.left, b.rung = act, answers, 0
}

// quiet reports whether all of them have been asked for.
func (b *bell) quiet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left == 0
}

// ring is called before an answer.
func (b *bell) ring() {
	b.acting.Lock()
	defer b.acting.Unlock()
	b.mu.Lock()
	if b.left == 0 {
		b.mu.Unlock()
		return
	}
	b.left--
	b.rung++
	act, n := b.act, b.rung
	b.mu.Unlock()
	act(n)
}
