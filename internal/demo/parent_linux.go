package demo

import "syscall"

// dieWithParent puts a child in a process group of its own, out of reach of a Ctrl-C that is meant for us, and lets the kernel kill it
// when we die.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
