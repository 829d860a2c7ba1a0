package browser

import "syscall"

// dieWithParent puts the browser in a process group of its own, out of reach of a Ctrl-C that is meant for us, and lets the kernel
// kill it when we die. The others of the group end when they lose it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
