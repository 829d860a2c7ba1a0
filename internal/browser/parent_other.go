//go:build !linux

package browser

import "syscall"

// dieWithParent puts the browser in a process group of its own, out of reach of a Ctrl-C that is meant for us. It ends with the pipe
// that we hold.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
