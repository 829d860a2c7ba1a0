// Package browser shows HTML in a real browser: for tests only.
//
// It finds Chromium on the machine, or brings it, with a font for Chinese, see [Provide]. A browser that was started ends with Close,
// and with the process that started it however that ends. It reaches no other machine: no name is resolved.
package browser
