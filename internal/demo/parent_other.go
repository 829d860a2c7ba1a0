//go:build !linux

package demo

import "syscall"

// dieWithParent puts a child in a process group of its own, out of reach of a Ctrl-C that is meant for us. The kernel of this system
// sends no signal when a parent dies: here a child outlives a kill -9 of the demo.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
