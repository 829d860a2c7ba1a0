//go:build !linux

package main

// reloading is what systemd is told at the begin of a reload; there is none here.
func reloading() string { return "RELOADING=1" }
